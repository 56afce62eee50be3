//! What can go wrong, and what to do about it: the page of the manual behind each exit code.

/// A problem: what a person sees, and what to do.
#[derive(Clone, Copy, Debug)]
pub struct Problem {
    /// The exit code it has.
    pub code: u8,
    /// The common cause.
    pub cause: &'static str,
    /// What to do.
    pub remedy: &'static str,
}

const fn problem(code: u8, cause: &'static str, remedy: &'static str) -> Problem {
    Problem { code, cause, remedy }
}

/// By exit code.
pub const PROBLEMS: &[Problem] = &[
    problem(
        1,
        "The server lists a message, but does not deliver it.",
        "The line gives its number, its UID and the reason. popkeep tries it again by itself, and the other \
         messages do not wait for it. If the reason stays the same, ask the server's operator.",
    ),
    problem(1, "Accounts failed in different ways.", "Each has its own line, which says what to do."),
    problem(
        1,
        "status --max-age found an account without a recent success.",
        "popkeep status shows its failures. If there are none, popkeep did not run: look at cron or the timer.",
    ),
    problem(
        64,
        "A misspelt option or account.",
        "popkeep COMMAND --help lists the options, and the line lists the configured accounts.",
    ),
    problem(
        64,
        "init needs answers, and there is no terminal to ask on.",
        "Add the options that the line names. Ctrl-D at a question gives this code, too.",
    ),
    problem(
        64,
        "The address you gave init is at a provider without POP3.",
        "popkeep speaks only POP3. If you do have a POP3 server for it, give it with --host.",
    ),
    problem(
        64,
        "adopt --undo finds nothing to take back.",
        "An adoption can be taken back until the next fetch of its account. Later, edit the configuration; no message is lost \
         by an adoption.",
    ),
    problem(
        65,
        "The ledger is damaged.",
        "Move ledger.sqlite3 and the files beside it out of the ledger's folder. The next run rebuilds it \
         from the archive, and stores nothing twice.",
    ),
    problem(65, "The ledger was written by a newer popkeep.", "Use that version."),
    problem(
        68,
        "The server's host name is misspelt, or there is no network.",
        "Check host. If all accounts have this problem, it is the network or the name service, and the next run \
         may succeed; quiet_transient in popkeep.toml(5) keeps --quiet silent for a while.",
    ),
    problem(
        69,
        "The connection is refused, or nothing answers.",
        "Check host and port. The server may be down, or a firewall may block it.",
    ),
    problem(
        69,
        "The server is too slow, or the connection breaks during a run.",
        "Nothing is lost; the next run continues from there. Raise timeout for a slow server, and \
         run_timeout for a mailbox that takes longer than a day.",
    ),
    problem(
        73,
        "The archive is not where it was.",
        "Mount its disk, or, if you moved it, set archive to its new place. popkeep never starts a new \
         archive by itself where one has vanished.",
    ),
    problem(
        73,
        "The archive or the ledger's folder cannot be written.",
        "Check its owner and permissions, and whether the file system is mounted read-only.",
    ),
    problem(
        73,
        "init found a configuration, and did not change it.",
        "Add the lines that it printed, or name another file with --config.",
    ),
    problem(
        74,
        "The disk is full.",
        "Make room and run popkeep again. What it could not store is still on the server.",
    ),
    problem(74, "Reading or writing failed.", "Look at the system log; the disk may be failing."),
    problem(
        75,
        "Another session has locked the mailbox.",
        "A mail program or an earlier connection has it open. Wait for the next run, or use fetch --wait 2m.",
    ),
    problem(75, "Another popkeep is working on the account.", "Let it finish, or use fetch --wait 2m."),
    problem(75, "The server wants more time between logins.", "Run popkeep less often for this account."),
    problem(
        75,
        "password_command did not end within 30 seconds.",
        "It probably asks for a passphrase, which does not work from cron. Run it by hand to see.",
    ),
    problem(
        76,
        "tls and port do not match.",
        "Port 995 is for tls = \"implicit\", port 110 for \"starttls\".",
    ),
    problem(
        76,
        "What answers is not a POP3 server.",
        "Check host and port. A proxy or a network's login page may be answering instead.",
    ),
    problem(
        76,
        "The server breaks the protocol.",
        "Run popkeep again. If it happens again, see REPORTING A PROBLEM.",
    ),
    problem(
        77,
        "The password is wrong, or not the one that the server wants.",
        "Try popkeep check. Large providers want an app password or an OAuth2 token, and you have to turn on \
         POP3 in the settings of the mailbox.",
    ),
    problem(
        77,
        "The server's certificate is not trusted.",
        "The line says why: it has expired, is for another name, or has an unknown issuer. Compare the fingerprint \
         that popkeep check shows with the one from the server's operator, then set tls_fingerprint, or \
         tls_ca_file for an authority of your own.",
    ),
    problem(
        78,
        "The configuration file is missing or has a mistake in it.",
        "The line gives the file, line and key, and the nearest known key; see popkeep.toml(5).",
    ),
    problem(
        78,
        "Others can read the configuration or a password file, or can change a command in it.",
        "Run chmod 600 FILE, as the line says.",
    ),
    problem(
        78,
        "No password is available.",
        "Cron has no terminal to ask on, and hardly any environment. Use password_command or \
         password_file, with absolute paths.",
    ),
    problem(78, "The password would be sent in clear text.", "Use tls = \"implicit\" or \"starttls\"."),
    problem(
        78,
        "archive or identity was changed for an account that has archived mail.",
        "The line gives the setting that continues with the old archive.",
    ),
    problem(
        130,
        "You pressed Ctrl-C.",
        "Everything finished is kept, and nothing more was deleted. The next run continues from there.",
    ),
    problem(
        143,
        "SIGTERM, for example because the system is shutting down.",
        "Everything finished is kept, and nothing more was deleted. The next run continues from there.",
    ),
];

/// How to report what popkeep does wrong.
pub const REPORTING: &[&str] = &[
    "popkeep check ACCOUNT -vv and popkeep fetch ACCOUNT -vv write each line of the protocol to standard \
     error: C: is what popkeep sends, S: what the server answers. Passwords, tokens and whatever a mechanism \
     derives from them are masked, even where the server repeats them. Messages are not shown, only their \
     lengths.",
    "Host names, user names, UIDs and message numbers are not masked, because they often matter. Read the \
     lines before you pass them on, and replace what nobody should see.",
];

#[cfg(test)]
mod tests {
    use super::PROBLEMS;
    use crate::cli::manual::EXIT_STATUS;

    #[test]
    fn every_failure_has_its_common_causes_in_the_order_of_the_codes() {
        let mut codes: Vec<u8> = PROBLEMS.iter().map(|problem| problem.code).collect();
        assert!(codes.is_sorted());
        codes.dedup();
        let failures = EXIT_STATUS.iter().map(|(code, _)| *code).filter(|code| *code != 0);
        assert!(codes.into_iter().eq(failures));
    }
}

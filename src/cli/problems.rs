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
        "The server lists a message that it does not hand out.",
        "The line names its number, its UID and the reason. It is tried again later, by itself. If the \
         reason stays, ask who runs the server; the other messages are not held up.",
    ),
    problem(1, "Accounts failed in different ways.", "Each has a line of its own, which says what to do."),
    problem(
        1,
        "status --max-age found an account without a recent success.",
        "popkeep status shows its failures. If it shows none, popkeep was not run: look at cron or the timer.",
    ),
    problem(
        64,
        "A misspelt option or account.",
        "popkeep COMMAND --help lists the options; the line lists the accounts that are configured.",
    ),
    problem(
        64,
        "init has questions, and nobody is there to answer them.",
        "The line names the options that answer them. Ctrl-D at a question has this code, too.",
    ),
    problem(
        64,
        "init was given an address whose provider has no POP3.",
        "popkeep speaks nothing else. If there is a server for it after all, name it with --host.",
    ),
    problem(
        65,
        "The ledger is damaged.",
        "Move ledger.sqlite3 and the files beside it out of the ledger's folder. The next run rebuilds the \
         record from a Maildir's file names and fetches nothing twice; into an mbox it fetches again what is \
         still on the server.",
    ),
    problem(65, "The ledger was written by a newer popkeep.", "Use that version."),
    problem(
        68,
        "The server's host name is misspelt, or there is no network.",
        "Check host. If all accounts have this problem, it is the network or the name service; the next run \
         may do better, and quiet_transient in popkeep.toml(5) keeps --quiet silent for a while.",
    ),
    problem(
        69,
        "The connection is refused, or nobody answers.",
        "Check host and port; the server may be down, or a firewall may be between.",
    ),
    problem(
        69,
        "The server is too slow, or the connection breaks in mid-run.",
        "Nothing is lost: the next run goes on where this one ended. Raise timeout for a slow server, and \
         run_timeout for a maildrop that takes longer than a day.",
    ),
    problem(
        73,
        "The archive is not where it was.",
        "Mount its disk. If you moved it, put a symbolic link in its old place. popkeep never begins a new \
         archive by itself where the old one has vanished.",
    ),
    problem(
        73,
        "The archive or the ledger's folder cannot be written.",
        "Check who owns it and its permissions, or whether the file system is mounted read-only.",
    ),
    problem(
        73,
        "init found a configuration, which it never changes.",
        "Add the lines that it printed, or name another file with --config.",
    ),
    problem(
        74,
        "The disk is full.",
        "Make room and run popkeep again. What could not be stored is still on the server.",
    ),
    problem(74, "Reading or writing failed.", "Look at the system's log: the disk may be failing."),
    problem(
        75,
        "The maildrop is locked by another session.",
        "A mail program or an earlier connection has it open. The next run may do better; fetch --wait 2m \
         waits for it.",
    ),
    problem(75, "Another popkeep is at work on the account.", "Let it finish, or use fetch --wait."),
    problem(75, "The server wants more time between two logins.", "Run popkeep less often for this account."),
    problem(
        75,
        "password_command did not end within 30 seconds.",
        "It probably asks for a passphrase, which nobody can give it in cron; run it by hand to see.",
    ),
    problem(76, "tls does not fit port.", "Port 995 is for tls = \"implicit\", port 110 for \"starttls\"."),
    problem(
        76,
        "It is no POP3 server that answers.",
        "Check host and port; a proxy or the login page of a network may answer in its place.",
    ),
    problem(
        76,
        "The server breaks the protocol.",
        "Run popkeep again; if it stays so, see REPORTING A PROBLEM.",
    ),
    problem(
        77,
        "The password is wrong, or is not the one that the server wants.",
        "Try popkeep check. Large providers want a password made for the program (\"app password\") or an \
         OAuth2 token, and have POP3 switched off until it is allowed in the settings of the mailbox.",
    ),
    problem(
        77,
        "The server's certificate is not trusted.",
        "The line says why: expired, for another name, or from an unknown issuer. Compare the fingerprint \
         that popkeep check shows with the one that the server's operator gives, then set tls_fingerprint, or \
         tls_ca_file for an authority of your own.",
    ),
    problem(
        78,
        "The configuration file is missing, or something in it is misspelt.",
        "The line gives file, line and key, and the nearest known key; see popkeep.toml(5).",
    ),
    problem(
        78,
        "The configuration or a password file can be read, or a command in it changed, by others.",
        "chmod 600 FILE, as the line says.",
    ),
    problem(
        78,
        "The password cannot be had.",
        "In cron there is no terminal to ask on, and hardly any environment: use password_command or \
         password_file, with whole paths.",
    ),
    problem(78, "The password would travel in clear text.", "Use tls = \"implicit\" or \"starttls\"."),
    problem(
        78,
        "archive or identity was changed for an account that holds mail.",
        "The line gives the setting that keeps on with what is there.",
    ),
    problem(
        130,
        "You pressed Ctrl-C.",
        "What was complete is kept, and nothing more was deleted; the next run goes on from there.",
    ),
    problem(
        143,
        "SIGTERM: the system is shutting down, say.",
        "What was complete is kept, and nothing more was deleted; the next run goes on from there.",
    ),
];

/// How to report what popkeep does wrong.
pub const REPORTING: &[&str] = &[
    "popkeep check ACCOUNT -vv or popkeep fetch ACCOUNT -vv writes each line of the protocol to the standard \
     error: C: is what popkeep says, S: what the server answers. Passwords, tokens and whatever a mechanism \
     derives from them are masked, also where a server repeats them; messages are not shown, only their \
     lengths in the server's answers.",
    "Host names, user names, UIDs and message numbers are not masked, for they often are the matter. Look the \
     lines over, and replace what nobody should see, before you give them away.",
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

//! The texts that help and the man page share.

use std::fmt::Write as _;

/// What popkeep is, in a paragraph.
pub const DESCRIPTION: &str = "\
popkeep keeps a local backup of POP3 mailboxes. Run from cron, or once by hand, it logs into each \
configured account, lists the maildrop, skips every message it already holds, fetches the rest \
octet for octet into a Maildir or an mbox, and, if the configuration says so, deletes from the \
server what is safely archived.

A message is deleted only when a durable copy of it has been read back and matches what the server \
sent. Wherever a run is cut off, the next one leaves exactly one copy of each message.";

/// The help of `--config`.
pub const CONFIG_HELP: &str =
    "Configuration file [default: $POPKEEP_CONFIG, else ~/.config/popkeep/config.toml]";

/// The long help of `fetch --json`.
pub const FETCH_JSON_HELP: &str = "\
Print one JSON document about the run on stdout

It has exit, the exit code; accounts, each with name, outcome (ok, partial, failed or skipped), error \
(or null), listed, archived, fetched, octets (of what was fetched), deleted, removed (archived once, and \
removed from the archive since), left (by your own settings), kept and kept_octets (due for deletion, and kept on the server since their \
copy is gone or changed), missing (each with number, uid and reason) and \
seconds; and on_new_mail, each command with accounts, fetched and error. listed is always archived, removed, \
left and missing together. What came from a server has its unprintable octets escaped.";

/// The long help of `list --json`.
pub const LIST_JSON_HELP: &str = "\
Print one JSON document on stdout

It has account; messages, each with number, size (octets, or null), uid (or null), state (archived, new, \
doubtful, too large or quarantined), reason if it is quarantined and, with --headers, date (as in RFC \
3339, in UTC, or null), from and subject (decoded, or null), and header_error if the server refused to \
show the header; and error (or null), when not all could be had. What came from a server has its \
unprintable characters escaped.";

/// The long help of `status --json`.
pub const STATUS_JSON_HELP: &str = "\
Print one JSON document on stdout

It has exit, the exit code, and accounts, each with name, error (or null), archive, archived, octets, newest, \
last_started, last_success, last_run (ended, exit, error and the figures of the run), stale (null without \
--max-age), failed_runs since the last success and failures (the kinds of them), quarantined and \
quarantine (the messages that are there longest), and weeks (what was archived in each, the oldest first). \
Times are as in RFC 3339, in UTC.";

/// The long help of `verify --json`.
pub const VERIFY_JSON_HELP: &str = "\
Print one JSON document on stdout

It has exit, the exit code, and accounts, each with name, error (or null), archived (messages on record), \
present (those in the archive), read (copies that were read), octets (of these), intact, changed (header marks of mail programs alone), \
damaged (each with id, place and reason), missing (each with id and uid), foreign (messages in the archive \
that are not on record), repaired, and accepted (gone or changed on purpose, as --accept has put on record). id is the \
beginning of the hash of the content.";

/// The long help of `fetch --metrics`.
pub const METRICS_HELP: &str = "\
Write what the run found to FILE, in the text format of Prometheus

FILE is for the textfile collector of the node exporter, so its name should end in .prom. It is \
replaced as a whole when the run ends, whatever the outcome, and everybody may read it. Watch \
popkeep_exit_code, and the age of popkeep_last_success_timestamp_seconds, which each account has \
once it has had a success.";

/// The long help of `fetch --retry`.
pub const RETRY_HELP: &str = "\
Try messages that failed before now, not only when their time has come

A message that the server refuses, sends nothing for, stalls on or hangs up on is tried after all \
others: in the next run, then after 1 hour, 4 hours, 1 day, 3 days, and from then on once a week, until \
it comes or is no longer listed. Meanwhile each run reports it missing.";

/// The end of the short help.
pub const MORE: &str = "\
Begin with 'popkeep init', or try 'popkeep demo' for a first run without any account.
'popkeep --help' and 'popkeep COMMAND --help' tell more, exit codes included.";

/// The end of the long help.
const MORE_STILL: &str = "\
Begin with 'popkeep init', or try 'popkeep demo' for a first run without any account.
'popkeep COMMAND --help' tells more about a command, and the manual page popkeep(1) what to
do about each exit code.";

/// How wide the list of exit codes is, in columns: it has line ends of its own, since clap would
/// begin the second line of a meaning below its number.
const WIDTH: usize = 80;

/// A command line and what it does.
pub type Example = (&'static str, &'static str);

/// Examples for `fetch`.
pub const FETCH: &[Example] = &[
    ("popkeep fetch", "fetch all accounts"),
    ("popkeep fetch work --dry-run", "show what would be fetched and deleted"),
    ("popkeep fetch --quiet", "the line for cron: silent unless something is wrong"),
    ("popkeep fetch --json --quiet", "a report for scripts on stdout"),
    ("popkeep fetch -q --metrics FILE", "and one for Prometheus in FILE"),
];

/// Examples for `check`.
pub const CHECK: &[Example] = &[
    ("popkeep check", "test every account"),
    ("popkeep check work -vv", "and show each line of the protocol, secrets masked"),
];

/// Examples for `list`.
pub const LIST: &[Example] = &[
    ("popkeep list work --headers", "who wrote what, and whether it is archived"),
    ("popkeep list work --json", "the same for scripts"),
];

/// Examples for `status`.
pub const STATUS: &[Example] = &[
    ("popkeep status", "what is archived, and when each account was last fetched"),
    ("popkeep status --max-age 26h", "exit with 1 if the nightly run failed or did not happen"),
];

/// Examples for `verify`.
pub const VERIFY: &[Example] = &[
    ("popkeep verify", "is everything that was archived still there, and whole?"),
    ("popkeep verify work --accept", "what is gone from the archive of work was removed on purpose"),
];

/// Examples for `session`.
pub const SESSION: &[Example] = &[
    ("popkeep session work", "a prompt: type STAT, LIST, TOP 1 5, QUIT"),
    ("echo STAT | popkeep session work", "one command from a script"),
    ("echo RETR 3 | popkeep session work", "a message as the server has it"),
];

/// What HELP says at the prompt of `session`.
pub const SESSION_HELP: &str = "\
STAT               how many messages there are, and their octets
LIST [NUMBER]      each message's number and octets, or those of one
UIDL [NUMBER]      each message's number and unique-id, or those of one
RETR NUMBER        the message
TOP NUMBER LINES   its header, and so many lines of its body
DELE NUMBER        mark it for deletion
RSET               take all marks back
NOOP               nothing, so that the server does not find you idle
CAPA               what the server can do
QUIT               delete what is marked, and leave
EXIT, Ctrl-D       leave without QUIT: nothing is deleted";

/// Examples for `init`.
pub const INIT: &[Example] = &[
    ("popkeep init", "ask for everything"),
    ("popkeep init --address jane@example.com", "ask for the rest"),
    ("popkeep init --config trial.toml", "write another file than the usual one"),
];

/// Examples for `completions`.
pub const COMPLETIONS: &[Example] = &[
    ("popkeep completions bash > FILE", "FILE: ~/.local/share/bash-completion/completions/popkeep"),
    ("popkeep completions fish > FILE", "FILE: ~/.config/fish/completions/popkeep.fish"),
];

/// Each exit code with its meaning and its common cause.
pub const EXIT_STATUS: &[(u8, &str)] = &[
    (0, "all listed messages are archived, or left by your own max_size or --limit"),
    (
        1,
        "messages are missing or damaged, accounts failed differently, status found one stale, or a session was told -ERR",
    ),
    (64, "wrong command line, or an account that is not configured"),
    (65, "data that popkeep wrote is damaged, such as the ledger"),
    (68, "a server's host name is not known: check host, or the network is down"),
    (69, "a server cannot be reached, does not answer in time, or went away"),
    (73, "the archive or the configuration cannot be written, or is not what it was"),
    (74, "reading or writing failed; is the disk full?"),
    (75, "try again later: maildrop locked, server busy, or another popkeep at work"),
    (76, "the server does not speak POP3 as it must, or has no STLS where it is wanted"),
    (77, "login refused, or the server's certificate is not trusted"),
    (78, "configuration missing or wrong, or it would send a password in clear text"),
    (130, "interrupted by SIGINT (Ctrl-C)"),
    (143, "ended by SIGTERM"),
];

/// How the codes of several accounts become one.
pub const EXIT_MERGE: &str = "\
Several accounts: a signal's code wins; a code that all failures share is the exit code; a mix of \
68, 69 and 75 is 75; anything else is 1.";

/// Files popkeep reads and writes.
pub const FILES: &[(&str, &str)] = &[
    (
        "~/.config/popkeep/config.toml",
        "The configuration, described in popkeep.toml(5); $XDG_CONFIG_HOME counts. --config and $POPKEEP_CONFIG name another file.",
    ),
    (
        "~/.local/state/popkeep/",
        "The ledger: which message is archived, where, and with what hash; $XDG_STATE_HOME counts. state_dir in the configuration and $POPKEEP_STATE_DIR name another folder.",
    ),
];

/// Environment variables that matter.
pub const ENVIRONMENT: &[(&str, &str)] = &[
    ("POPKEEP_CONFIG", "The configuration file, where --config is not given."),
    ("POPKEEP_STATE_DIR", "The ledger's folder, where the configuration has no state_dir."),
    ("XDG_CONFIG_HOME, XDG_STATE_HOME", "Where the two folders above are looked for."),
    ("NO_COLOR", "No colours, unless it is empty."),
    ("TERM", "With \"dumb\", plain lines in place of progress bars, and no colours."),
    ("LC_ALL, LC_CTYPE, LANG", "Whether the bars of status may be drawn with more than ASCII."),
    (
        "JOURNAL_STREAM",
        "Set by systemd where the standard error is its journal: each line then begins with its level.",
    ),
    ("TZ", "The time zone of the times that are shown."),
];

/// The end of a command's help: its examples.
pub fn examples(examples: &[Example]) -> String {
    let widest = examples.iter().map(|(line, _)| line.len()).max().unwrap_or_default();
    let mut text = String::from("Examples:");
    for (line, meaning) in examples {
        // Writing into a String cannot fail.
        let _ = write!(text, "\n  {line:<widest$}  {meaning}");
    }
    text
}

/// The end of the long help: exit codes.
pub fn after_long_help() -> String {
    let mut text = String::from("Exit codes:");
    for (code, meaning) in EXIT_STATUS {
        let mut column = WIDTH;
        let mut label = format!("{code:>5}");
        for word in meaning.split(' ') {
            if column + 1 + word.len() > WIDTH {
                let _ = write!(text, "\n{label:5} ");
                label.clear();
                column = 6;
            }
            let _ = write!(text, " {word}");
            column += 1 + word.len();
        }
    }
    let _ = write!(text, "\n\n{EXIT_MERGE}\n\n{MORE_STILL}");
    text
}

#[cfg(test)]
mod tests {
    use super::EXIT_STATUS;
    use crate::exit::Exit;

    #[test]
    fn every_exit_code_is_documented_once_and_in_order() {
        let documented: Vec<u8> = EXIT_STATUS.iter().map(|(code, _)| *code).collect();
        let known = [
            Exit::OK,
            Exit::MISSING,
            Exit::USAGE,
            Exit::DATA,
            Exit::NO_HOST,
            Exit::UNAVAILABLE,
            Exit::CANT_CREATE,
            Exit::IO,
            Exit::TRY_LATER,
            Exit::PROTOCOL,
            Exit::REFUSED,
            Exit::CONFIG,
            Exit::INTERRUPTED,
            Exit::TERMINATED,
        ];
        assert_eq!(documented, known.map(Exit::code));
    }
}

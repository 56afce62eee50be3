//! The texts that help and the man page share.

use std::fmt::Write as _;

/// What popkeep is, in a paragraph.
pub const DESCRIPTION: &str = "\
popkeep keeps a local backup of POP3 mailboxes. Run from cron, or once by hand, it logs into each \
configured account, lists the messages, skips every message it already has, fetches the rest \
octet for octet into a Maildir or an mbox, and, if the configuration says so, deletes from the \
server what is safely archived.

popkeep deletes a message only after it has read back a durable copy of it that matches what the server \
sent. Wherever a run is cut off, the next one leaves exactly one copy of each message.";

/// The help of `--config`.
pub const CONFIG_HELP: &str =
    "Configuration file [default: $POPKEEP_CONFIG, else ~/.config/popkeep/config.toml]";

/// The long help of `fetch --json`.
pub const FETCH_JSON_HELP: &str = "\
Print one JSON document about the run on stdout

It has exit, the exit code; accounts, each with name, outcome (ok, partial, failed or skipped), error \
(or null), listed, archived, fetched, octets (of what was fetched), deleted, removed (archived once, but no \
longer in the archive), left (by your own settings), kept and kept_octets (due for deletion, but kept on the \
server because their copy is gone or changed), missing (each with number, uid and reason), left_because (each \
reason with its messages), warnings (each with kind and text) and seconds; and on_new_mail, each command with accounts, fetched and error. listed is always the sum of archived, \
removed, left and missing. Unprintable octets that came from a server are escaped.

With --dry-run it has exit, dry_run (true), and accounts, each with name, error, listed, archived, removed, fetch (the messages \
that would be fetched, each with number, uid, octets and why), delete (how many archived messages would be deleted), \
oldest_archived (when the oldest of these was archived, or null), delete_fetched (how many would be fetched and then deleted) \
and left (each with number, uid and reason).";

/// The long help of `list --json`.
pub const LIST_JSON_HELP: &str = "\
Print one JSON document on stdout

It has account; messages, each with number, size (octets, or null), uid (or null), state (archived, removed, new, \
doubtful, seen elsewhere, skipped, too large or quarantined), reason if it is quarantined and, with --headers, date (as in RFC \
3339, in UTC, or null), from and subject (decoded, or null), and header_error if the server refused to \
show the header; and error (or null), if the list is incomplete. Unprintable characters that came from a \
server are escaped.";

/// The long help of `status --json`.
pub const STATUS_JSON_HELP: &str = "\
Print one JSON document on stdout

It has exit, the exit code, and accounts, each with name, error (or null), archive, archived, octets, newest, \
last_started, last_success, last_run (ended, exit, error, listed, archived, fetched, octets, deleted, removed, left, kept, kept_octets and missing, as in \
fetch --json, but missing is a number), stale (null without \
--max-age), verification (at, read, damaged and missing of the last verify, read_since: since when every copy has \
been read or is new, and stale, null without --verified-within; null if verify never ran), sign_in (null without OAuth2, else since, refreshed, ends (when you have to sign in again, or null), needs_person and problem), failed_runs since \
the last success and failures (of which kinds, each with runs, last, exit and error), quarantined and \
quarantine (the messages that have been there longest, each with uid, number, octets, reason, failures, first, last and next), \
and weeks (from, messages and octets: what was archived in each, oldest first). \
Times are as in RFC 3339, in UTC.";

/// The long help of `log --json`.
pub const LOG_JSON_HELP: &str = "\
Print one JSON document on stdout

It has exit, the exit code, and accounts, each with name, error (or null), runs and days, both the newest first. A run has started, \
ended, seconds, exit, error, listed, archived, fetched, octets, deleted, removed, left, kept, kept_octets and missing, as in \
fetch --json, but missing is a number; a run that is still at work, or was killed, \
has only started. A day has day, runs, succeeded, failed, fetched, octets, deleted and exit (the highest exit code): \
these are the runs that began then and are not among the last 1,000. Times are as in RFC 3339, in UTC; days are local.";

/// The long help of `verify --json`.
pub const VERIFY_JSON_HELP: &str = "\
Print one JSON document on stdout

It has exit, the exit code, and accounts, each with name, error (or null), archived (messages in the ledger), \
present (those in the archive), read (copies that were read), octets (of these), intact, changed (only in the \
header marks of mail programs), damaged (each with id, place and reason), missing (each with id and uid), \
foreign (messages in the archive that are not in the ledger), twice (further copies of messages), repaired, \
accepted (gone or changed on purpose, as recorded by --accept), and put_off (copies that --max-duration left to the \
next run). id is the beginning of the hash of the content. Damaged and missing messages also have uid, date, from \
and subject as far as they are known, and on_server: whether the server listed the message in the last run.";

/// The long help of `search --json`.
pub const SEARCH_JSON_HELP: &str = "\
Print a JSON array on stdout

It has a message each: id, account, date (as in RFC 3339, in UTC), from, to and subject (decoded), size (octets), \
attachments (how many), and place (its file; for a message in an mbox, which octets of it). What a message does not \
have is null. Unprintable characters are escaped.";

/// The long help of `adopt --json`.
pub const ADOPT_JSON_HELP: &str = "\
Print one JSON document on stdout

Without a program it has exit and found, each with program, settings and accounts (how many). With one it has exit; \
program; accounts, each with name, configured (whether it was already), settings, line, state, source (the program's archive), archive (popkeep's), \
format, copy, in_list, on_server, found, not_found, others (on the server, but not in the list), messages (in source), deleted and partial (marked so by Thunderbird, and left out), toml, warnings, written, indexed, copied and error; and \
not_taken, each with file, line and what. What is not known is null. With --undo it has exit, account, program and \
config_restored.";

/// The long help of `fetch --every`.
pub const EVERY_HELP: &str = "\
Keep running, and fetch every SPAN (such as 15m): for containers and services

SPAN counts from the beginning of each run. After a run that takes longer, the next one begins at once. popkeep reads the \
configuration before each run, and continues when a run fails. SIGINT and SIGTERM end popkeep with 130 and 143. With --json each \
run prints one document in a line of its own. A service manager that sets NOTIFY_SOCKET (Type=notify) is told when popkeep is \
ready and when it stops. popkeep can be process 1 of a container.";

/// The long help of `fetch --metrics`.
pub const METRICS_HELP: &str = "\
Write the run's figures to FILE, in the Prometheus text format

FILE is for the node exporter's textfile collector, so its name should end in .prom. popkeep \
replaces it as a whole when the run ends, whatever the outcome, and everybody can read it. Watch \
popkeep_exit_code, and the age of popkeep_last_success_timestamp_seconds, which an account has \
once it has succeeded.";

/// The long help of `fetch --retry`.
pub const RETRY_HELP: &str = "\
Try messages that failed before right now, without waiting for their next turn

If the server refuses a message, sends nothing for it, stalls or hangs up, popkeep tries that message after all \
others: in the next run, then after 1 hour, 4 hours, 1 day and 3 days, and then once a week, until \
it arrives or is no longer listed. Meanwhile each run reports it missing.";

/// The long help of `--dry-run`.
pub const DRY_RUN_HELP: &str = "\
Show what would be fetched, deleted and left; write nothing anywhere

One exception: an OAuth2 access token that has expired is renewed and written to its file, because without it nobody \
can look, and the provider may replace the refresh token at the same time.";

/// The end of the short help.
pub const MORE: &str = "\
Start with 'popkeep init', or run 'popkeep demo' to try it without an account.
'popkeep help COMMAND' and 'popkeep --help' say more, also about exit codes.";

/// The end of the long help.
const MORE_STILL: &str = "\
Start with 'popkeep init', or run 'popkeep demo' to try it without an account.
'popkeep help COMMAND' says more about a command. The manual page popkeep(1) says what to
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
    ("popkeep fetch --quiet", "for cron: silent unless something is wrong"),
    (
        "popkeep fetch --quiet --every 15m",
        "for a container: keep running, and fetch every quarter of an hour",
    ),
    ("popkeep fetch --json --quiet", "a report for scripts, on stdout"),
    ("popkeep fetch -q --metrics FILE", "for cron, with figures for Prometheus in FILE"),
];

/// Examples for `check`.
pub const CHECK: &[Example] = &[
    ("popkeep check", "test every account"),
    ("popkeep check work -vv", "test one, and show each line of the protocol, secrets masked"),
];

/// Examples for `list`.
pub const LIST: &[Example] = &[
    ("popkeep list work --headers", "who wrote what, and what is archived"),
    ("popkeep list work --json", "the same for scripts"),
];

/// Examples for `status`.
pub const STATUS: &[Example] = &[
    ("popkeep status", "what is archived, and when each account was last fetched"),
    ("popkeep status --failed", "only accounts with a problem"),
    ("popkeep status --max-age 26h", "exit with 1 if last night's run failed or did not happen"),
];

/// Examples for `log`.
pub const LOG: &[Example] = &[
    ("popkeep log work -n 20", "the last 20 runs"),
    ("popkeep log --since 2026-01", "all runs since 1 January 2026"),
];

/// Examples for `report`.
pub const REPORT: &[Example] = &[
    ("popkeep report --html ~/backup.html", "a page about all accounts"),
    ("popkeep report work --text", "one account, on the terminal"),
    ("popkeep report --text --since 2026-11", "for a monthly mail from cron"),
];

/// Examples for `verify`.
pub const VERIFY: &[Example] = &[
    ("popkeep verify", "is everything archived still there, and whole?"),
    ("popkeep verify --read 5% --quiet", "a daily share, from cron"),
    ("popkeep verify work --repair", "fetch what is damaged from the server again"),
    ("popkeep verify work --repair --from /backup/Mail/work", "take it from a copy of the archive"),
    ("popkeep verify work --accept", "what is gone from the archive was removed on purpose"),
];

/// Examples for `search`.
pub const SEARCH: &[Example] = &[
    ("popkeep search invoice from:jane on:2025-03", "from Jane, in March 2025"),
    (
        "popkeep search 'subject:\"annual report\" OR annual*'",
        "a phrase in the subject, or the beginning of a word",
    ),
    ("popkeep search has:attachment larger:5MB -- -from:jane", "large, with attachments, and not from Jane"),
    ("popkeep search --paths invoice | xargs grep -l IBAN", "for other programs"),
];

/// Examples for `show`.
pub const SHOW: &[Example] = &[
    ("popkeep show 1a2b3c4d", "read it"),
    ("popkeep show 1a2b3c4d --save ~/Downloads", "save its attachments"),
    ("popkeep show 1a2b3c4d --raw > message.eml", "the whole message, as it is stored"),
];

/// Examples for `adopt`.
pub const ADOPT: &[Example] = &[
    ("popkeep adopt", "list what of other programs is here"),
    ("popkeep adopt mpop", "show what would become of mpop's accounts"),
    ("popkeep adopt mpop --write", "do it; then run popkeep fetch"),
    ("popkeep adopt thunderbird --copy --write", "copy Thunderbird's mail into a new archive"),
    ("popkeep adopt archive ~/Mail/old --account work --write", "take an existing Maildir or mbox"),
    ("popkeep adopt --undo work", "take that back, until the next fetch"),
];

/// The long help of `export --json`.
pub const EXPORT_JSON_HELP: &str = "\
Print one JSON document on stdout

It has exit, the exit code, error (or null), to, format, exported (copies written), octets (of these), compared (those \
that were read again and match the ledger), there (copies that were there before), gone (messages whose copies are not in \
the archive any more), ambiguous (with mboxo: messages whose quoting cannot be undone), and failed (each with account, \
id and reason).";

/// Examples for `export`.
pub const EXPORT: &[Example] = &[
    ("popkeep export --to ~/mail-copy", "everything, as a Maildir"),
    ("popkeep export -a work --to work.mbox --format mbox", "one account, as an mbox"),
    ("popkeep export --to ~/letters --format eml from:jane", "a file for each message from Jane"),
];

/// The long help of `restore --json`.
pub const RESTORE_JSON_HELP: &str = "\
Print one JSON document on stdout

It has exit, the exit code, error (or null), to, dry_run, made (whether the folder was made), restored (messages; with \
--dry-run those that would be), octets (of these, as sent), there (messages that were in the folder before), present (of \
these, those that --skip-present found), gone (messages whose copies are not in the archive any more), and failed (each with \
account, id and reason).";

/// Examples for `restore`.
pub const RESTORE: &[Example] = &[
    ("popkeep restore --to imaps://jane@imap.example.net/Archive", "everything, into one folder"),
    ("popkeep restore --to new -a work --dry-run", "say what would go to [destinations.new]"),
    ("popkeep restore --to new after:2025-01-01 from:jane", "what a search finds"),
    ("popkeep restore --to new --skip-present", "only what the folder does not hold yet"),
    ("popkeep restore --to new --new --quiet", "new mail, after each fetch (see on_new_mail)"),
];

/// The long help of `fetch --jobs`.
pub const JOBS_HELP: &str = "\
Work on N accounts at once [default: up to 8 of a host, 32 in all]

With N, a host may have N of them, too. There are fewer where open files (ulimit -n) do not suffice, and where a server \
refuses a connection that comes beside others of the same run: then popkeep waits until one of these has ended, and opens no \
more at once than the server has let in.";

/// The long help of `fetch --shard`.
pub const SHARD_HELP: &str = "\
Only the accounts in shard K of N, counted from 0: for N machines with one configuration

An account's name alone decides: the first 8 octets of its SHA-256, as a big-endian number, modulo N. So each account is \
in exactly one shard, whatever else is configured. A shard without an account is no failure.";

/// Examples for `serve`.
pub const SERVE: &[Example] = &[
    ("popkeep serve", "all accounts, to mail programs on this machine"),
    ("popkeep serve work --listen 127.0.0.1:2110", "one account, at another port"),
    (
        "popkeep serve --listen 0.0.0.0:995 --tls-cert cert.pem --tls-key key.pem",
        "to other machines, under TLS",
    ),
];

/// Examples for `session`.
pub const SESSION: &[Example] = &[
    ("popkeep session work", "a prompt; type STAT, LIST, TOP 1 5, QUIT"),
    ("echo STAT | popkeep session work", "one command from a script"),
    ("echo RETR 3 | popkeep session work", "a message as the server has it"),
];

/// What HELP says at the prompt of `session`.
pub const SESSION_HELP: &str = "\
STAT               show how many messages there are, and their size
LIST [NUMBER]      show the size of each message, or of one
UIDL [NUMBER]      show the unique-id of each message, or of one
RETR NUMBER        show the message
TOP NUMBER LINES   show its header and this many lines of its body
DELE NUMBER        mark it for deletion
RSET               unmark all messages
NOOP               do nothing (keeps the connection alive)
CAPA               show what the server can do
QUIT               delete the marked messages, and leave
EXIT, Ctrl-D       leave without QUIT: nothing is deleted";

/// Examples for `init`.
pub const INIT: &[Example] = &[
    ("popkeep init", "ask for everything"),
    ("popkeep init --address jane@example.com", "ask for the rest"),
    ("popkeep init --config trial.toml", "write to another file"),
];

/// Examples for `login`.
pub const LOGIN: &[Example] = &[
    ("popkeep login work", "sign in the way that fits the provider and this machine"),
    ("popkeep login work --device", "show a code to type on another device"),
    ("popkeep login work --paste", "for a machine without a browser"),
];

/// Examples for `logout`.
pub const LOGOUT: &[Example] = &[("popkeep logout work", "forget the sign-in of this account")];

/// Examples for `token`.
pub const TOKEN: &[Example] = &[("popkeep token work", "print the token, for another program's command")];

/// Examples for `completions`.
pub const COMPLETIONS: &[Example] = &[
    ("popkeep completions bash > FILE", "FILE: ~/.local/share/bash-completion/completions/popkeep"),
    ("popkeep completions fish > FILE", "FILE: ~/.config/fish/completions/popkeep.fish"),
];

/// Each exit code with its meaning and its common cause.
pub const EXIT_STATUS: &[(u8, &str)] = &[
    (
        0,
        "all listed messages are archived, or left by your own max_size, skip_headers, --limit or adopt --seen skip",
    ),
    (
        1,
        "messages are missing or damaged, show found no such message, accounts failed for different reasons, status found a stale account or a sign-in that is needed, or the server rejected a session command",
    ),
    (64, "wrong command line, a query that cannot be read, or an account that is not configured"),
    (65, "data that popkeep wrote, such as the ledger, is damaged"),
    (68, "a server's host name is unknown: check host, and whether the network is up"),
    (69, "a server cannot be reached, does not answer in time, or hung up"),
    (73, "the archive or configuration cannot be written, or has moved or vanished"),
    (74, "reading or writing failed; is the disk full?"),
    (75, "try again later: the mailbox is locked, the server busy, or another popkeep running"),
    (76, "the server broke its protocol, or does not offer the STLS you asked for"),
    (77, "login refused, a sign-in is needed (popkeep login), or the server's certificate is not trusted"),
    (78, "configuration missing or wrong, or it would send a password in clear text"),
    (130, "interrupted by SIGINT (Ctrl-C)"),
    (143, "ended by SIGTERM"),
];

/// How the codes of several accounts become one.
pub const EXIT_MERGE: &str = "\
With several accounts, a signal's code wins. If all failures share a code, that is the exit code; a mix of \
68, 69 and 75 gives 75; anything else gives 1.";

/// Files popkeep reads and writes.
pub const FILES: &[(&str, &str)] = &[
    (
        "~/.config/popkeep/config.toml",
        "The configuration, described in popkeep.toml(5); it follows $XDG_CONFIG_HOME. --config and $POPKEEP_CONFIG name another file.",
    ),
    (
        "~/.local/state/popkeep/",
        "The ledger, which records what is archived, where, and with what hash; it follows $XDG_STATE_HOME. state_dir in the configuration and $POPKEEP_STATE_DIR name another folder. Beside it: its backup ledger-backup.sqlite3, which is whole at every moment; ledger-damaged.sqlite3, if the backup has taken its place; tokens/; damaged/ (copies that verify \
         has replaced by good ones) and exports/ (what was exported where).",
    ),
    ("~/.cache/popkeep/serve/", "The sizes of messages, for serve. You can delete it at any time."),
    (
        "~/.cache/popkeep/search.sqlite3",
        "The index that search makes; it follows $XDG_CACHE_HOME, and cache_dir in the configuration names another folder. You can delete it at any time.",
    ),
];

/// Environment variables that matter.
pub const ENVIRONMENT: &[(&str, &str)] = &[
    ("POPKEEP_CONFIG", "The configuration file, unless --config names one."),
    ("POPKEEP_STATE_DIR", "The ledger's folder, unless state_dir in the configuration names one."),
    (
        "XDG_CONFIG_HOME, XDG_STATE_HOME, XDG_CACHE_HOME",
        "The folders that contain what is above, and the search index.",
    ),
    ("NO_COLOR", "If set and not empty, no colours."),
    ("TERM", "If \"dumb\", plain lines instead of progress bars, and no colours."),
    ("LC_ALL, LC_CTYPE, LANG", "Whether status may draw its bars with more than ASCII."),
    (
        "JOURNAL_STREAM",
        "Set by systemd if standard error goes to its journal; each line then begins with its level.",
    ),
    (
        "NOTIFY_SOCKET",
        "Set by systemd for a service of Type=notify; fetch --every says there when it is ready, and when it stops.",
    ),
    ("TZ", "The time zone of the times that popkeep shows."),
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

//! `fetch --metrics`: what a run found, in the text format that Prometheus reads (version 0.0.4),
//! for the textfile collector of its node exporter.
//!
//! Promises: the names and the meaning of the metrics do not change; a reader never sees half a
//! file. A run that was killed leaves the file as it was, so `popkeep_last_run_timestamp_seconds`
//! is what tells that.

use crate::commands::status::SignInStatus;
use crate::disk;
use crate::event::Summary;
use crate::exit::Exit;
use crate::ledger::{UnixTime, Verification};
use std::fmt::{self, Display};
use std::io::{self, Write};
use std::path::Path;
use std::time::Duration;

/// Why the file could not be written. Exit 74.
#[derive(Debug, thiserror::Error)]
#[error("the metrics cannot be written to {path}: {source}; name a file in a folder that you can write")]
pub(super) struct MetricsError {
    path: String,
    source: io::Error,
}

/// What is told of the whole run.
pub(super) struct RunFacts {
    /// Its exit code, so far.
    pub(super) exit: Exit,
    /// When it ended.
    pub(super) ended: UnixTime,
    /// How long it took.
    pub(super) took: Duration,
    /// So many `on_new_mail` commands failed.
    pub(super) on_new_mail_failures: u64,
}

/// What is told of an account.
pub(super) struct AccountFacts<'s> {
    /// What its run did.
    pub(super) summary: &'s Summary,
    /// When a run last ended with 0; `None` when none has.
    pub(super) last_success: Option<UnixTime>,
    /// How many messages are in quarantine; `None` when the ledger cannot be read.
    pub(super) quarantined: Option<u64>,
    /// How far its archive is verified.
    pub(super) verification: Verification,
    /// `None` if the account does not sign in with OAuth2.
    pub(super) sign_in: Option<SignInStatus>,
}

/// Writes the file anew.
pub(super) fn write(path: &Path, run: &RunFacts, accounts: &[AccountFacts<'_>]) -> Result<(), MetricsError> {
    disk::replace_shared(path, &mut |out| page(out, run, accounts))
        .map_err(|source| MetricsError { path: path.display().to_string(), source })
}

/// Writes it as it is made: of many accounts it is larger than all else that is known of them.
fn page(out: &mut dyn Write, run: &RunFacts, accounts: &[AccountFacts<'_>]) -> io::Result<()> {
    let mut page = Page { out, name: "", failed: None };
    whole_run(&mut page, run);
    each_account(&mut page, run, accounts);
    messages(&mut page, accounts);
    verification(&mut page, accounts);
    page.failed.map_or(Ok(()), Err)
}

fn whole_run(page: &mut Page<'_>, run: &RunFacts) {
    page.family("popkeep_build_info", "The version of popkeep that wrote this file.");
    page.sample("version", env!("CARGO_PKG_VERSION"), 1);
    page.single(
        "popkeep_exit_code",
        "Exit code of the last run; 0 means that all mail is archived.",
        run.exit.code(),
    );
    page.single("popkeep_run_timestamp_seconds", "When the last run ended, in Unix time.", run.ended);
    page.single(
        "popkeep_run_duration_seconds",
        "How long the last run took.",
        seconds(run.took.as_secs_f64()),
    );
    page.single(
        "popkeep_on_new_mail_failures",
        "Commands of on_new_mail that failed in the last run.",
        run.on_new_mail_failures,
    );
}

fn each_account(page: &mut Page<'_>, run: &RunFacts, accounts: &[AccountFacts<'_>]) {
    page.each(
        accounts,
        "popkeep_last_run_timestamp_seconds",
        "When the account's last run ended, in Unix time.",
        |_| Some(run.ended),
    );
    page.each(
        accounts,
        "popkeep_last_success_timestamp_seconds",
        "When a run of the account last ended with exit code 0, in Unix time; absent if none has.",
        |account| account.last_success,
    );
    page.of_summaries(
        accounts,
        "popkeep_account_exit_code",
        "Exit code that the account's run called for.",
        |s| u64::from(s.exit.code()),
    );
    page.each(
        accounts,
        "popkeep_sign_in_needed",
        "1 if a person must sign in with popkeep login; absent for accounts without OAuth2.",
        |account| account.sign_in.as_ref().map(|sign_in| u8::from(sign_in.needs_person())),
    );
    page.each(
        accounts,
        "popkeep_token_timestamp_seconds",
        "When the provider last gave a token, in Unix time; absent for accounts without OAuth2.",
        |account| account.sign_in.as_ref().and_then(SignInStatus::refreshed),
    );
    page.each(
        accounts,
        "popkeep_sign_in_end_timestamp_seconds",
        "When a person must sign in again, in Unix time; absent if the provider has not said.",
        |account| account.sign_in.as_ref().and_then(SignInStatus::ends),
    );
    page.each(
        accounts,
        "popkeep_certificate_end_timestamp_seconds",
        "When the server's certificate ends, in Unix time; absent if no TLS session came about.",
        |account| account.summary.certificate_ends,
    );
    page.each(
        accounts,
        "popkeep_archive_free_bytes",
        "What the archive's disk has left; absent if the run did not come to look at it.",
        |account| account.summary.free,
    );
    page.of_summaries(
        accounts,
        "popkeep_warnings",
        "Warnings of the run: what will become a problem if nobody does anything.",
        |s| s.warnings.len() as u64,
    );
    page.each(accounts, "popkeep_duration_seconds", "How long the account's run took.", |account| {
        Some(seconds(account.summary.seconds))
    });
}

fn messages(page: &mut Page<'_>, accounts: &[AccountFacts<'_>]) {
    page.of_summaries(accounts, "popkeep_listed_messages", "Messages that the server listed.", |s| s.listed);
    page.of_summaries(
        accounts,
        "popkeep_archived_messages",
        "Listed messages that are in the archive.",
        |s| s.archived,
    );
    page.of_summaries(
        accounts,
        "popkeep_removed_messages",
        "Listed messages that were archived but are no longer in the archive.",
        |s| s.removed,
    );
    page.of_summaries(
        accounts,
        "popkeep_missing_messages",
        "Listed messages that should be archived but are not.",
        |s| s.really_missing().count() as u64,
    );
    page.of_summaries(
        accounts,
        "popkeep_left_messages",
        "Listed messages that max_size, skip_headers or --limit left on the server.",
        Summary::left,
    );
    page.of_summaries(accounts, "popkeep_fetched_messages", "Messages stored in the run.", |s| s.fetched);
    page.of_summaries(accounts, "popkeep_fetched_bytes", "Octets of them, as stored.", |s| s.octets);
    page.of_summaries(
        accounts,
        "popkeep_deleted_messages",
        "Messages deleted from the server in the run.",
        |s| s.deleted,
    );
    page.each(
        accounts,
        "popkeep_quarantined_messages",
        "Messages that failed and will be tried again.",
        |account| account.quarantined,
    );
}

fn verification(page: &mut Page<'_>, accounts: &[AccountFacts<'_>]) {
    page.each(
        accounts,
        "popkeep_verified_timestamp_seconds",
        "When verify last ended, in Unix time; absent if it never ran.",
        |account| account.verification.last.map(|last| last.at),
    );
    page.each(
        accounts,
        "popkeep_read_since_timestamp_seconds",
        "Since when verify has read every copy that is not newer, in Unix time; absent if it never ran.",
        |account| account.verification.read_since,
    );
    page.each(
        accounts,
        "popkeep_damaged_copies",
        "Copies that were damaged or missing when verify last ended; absent if it never ran.",
        |account| account.verification.last.map(|last| last.damaged + last.missing),
    );
}

/// A duration to the millisecond.
fn seconds(seconds: f64) -> String {
    format!("{seconds:.3}")
}

/// The page as it is written.
struct Page<'o> {
    out: &'o mut dyn Write,
    /// The metric that is being told of.
    name: &'static str,
    /// Why nothing more is written.
    failed: Option<io::Error>,
}

impl Page<'_> {
    fn write(&mut self, text: fmt::Arguments<'_>) {
        if self.failed.is_none() {
            self.failed = self.out.write_fmt(text).err();
        }
    }

    /// Begins a metric. All of them are gauges: a run's figures do not add up over runs.
    fn family(&mut self, name: &'static str, help: &str) {
        self.name = name;
        self.write(format_args!("# HELP {name} {help}\n# TYPE {name} gauge\n"));
    }

    fn sample(&mut self, label: &str, value: &str, sample: impl Display) {
        let name = self.name;
        self.write(format_args!("{name}{{{label}=\"{}\"}} {sample}\n", escaped(value)));
    }

    fn single(&mut self, name: &'static str, help: &str, sample: impl Display) {
        self.family(name, help);
        self.write(format_args!("{name} {sample}\n"));
    }

    fn each<T: Display>(
        &mut self,
        accounts: &[AccountFacts<'_>],
        name: &'static str,
        help: &str,
        sample: impl Fn(&AccountFacts<'_>) -> Option<T>,
    ) {
        self.family(name, help);
        for account in accounts {
            if let Some(value) = sample(account) {
                self.sample("account", &account.summary.account, value);
            }
        }
    }

    fn of_summaries(
        &mut self,
        accounts: &[AccountFacts<'_>],
        name: &'static str,
        help: &str,
        sample: impl Fn(&Summary) -> u64,
    ) {
        self.each(accounts, name, help, |account| Some(sample(account.summary)));
    }
}

/// A label's value between its quotes.
fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Missing, Outcome};

    fn facts() -> RunFacts {
        RunFacts {
            exit: Exit::MISSING,
            ended: 1_795_323_612,
            took: Duration::from_millis(1_234),
            on_new_mail_failures: 0,
        }
    }

    #[test]
    fn each_figure_of_a_run_has_its_line() {
        let missing = |number, chosen| Missing { number, uid: None, reason: "".into(), chosen };
        let summary = Summary {
            listed: 10,
            archived: 7,
            fetched: 3,
            octets: 4096,
            deleted: 1,
            missing: vec![missing(1, true), missing(2, true), missing(3, false)],
            seconds: 0.5,
            ..Summary::of_nothing("work", Outcome::Partial, Exit::MISSING, None)
        };
        let never = Summary::of_nothing("home", Outcome::Failed, Exit::REFUSED, None);
        let accounts = [
            AccountFacts {
                summary: &summary,
                last_success: Some(1_795_000_000),
                verification: Verification::default(),
                quarantined: Some(4),
                sign_in: None,
            },
            AccountFacts {
                summary: &never,
                last_success: None,
                verification: Verification::default(),
                quarantined: None,
                sign_in: Some(SignInStatus::Missing),
            },
        ];
        let mut octets = Vec::new();
        page(&mut octets, &facts(), &accounts).unwrap();
        let page = String::from_utf8(octets).unwrap();
        for line in [
            "popkeep_exit_code 1",
            "popkeep_run_duration_seconds 1.234",
            "popkeep_last_run_timestamp_seconds{account=\"home\"} 1795323612",
            "popkeep_last_success_timestamp_seconds{account=\"work\"} 1795000000",
            "popkeep_account_exit_code{account=\"home\"} 77",
            "popkeep_duration_seconds{account=\"work\"} 0.500",
            "popkeep_listed_messages{account=\"work\"} 10",
            "popkeep_archived_messages{account=\"work\"} 7",
            "popkeep_missing_messages{account=\"work\"} 1",
            "popkeep_left_messages{account=\"work\"} 2",
            "popkeep_fetched_messages{account=\"work\"} 3",
            "popkeep_fetched_bytes{account=\"work\"} 4096",
            "popkeep_deleted_messages{account=\"work\"} 1",
            "popkeep_quarantined_messages{account=\"work\"} 4",
            "popkeep_sign_in_needed{account=\"home\"} 1",
        ] {
            assert!(page.lines().any(|known| known == line), "{line} is not in\n{page}");
        }
        assert!(
            !page.contains("popkeep_last_success_timestamp_seconds{account=\"home\"}"),
            "it never had one"
        );
    }

    #[test]
    fn a_label_cannot_end_its_line() {
        assert_eq!(escaped("a\"b\\c\nd"), "a\\\"b\\\\c\\nd");
    }
}

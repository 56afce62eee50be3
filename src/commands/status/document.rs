//! The document of `status --json`: its shape is a promise to scripts. Times are RFC 3339.

use super::Known;
use super::sign_in::{SignInDocument, SignInStatus};
use crate::commands::run_document::Figures;
use crate::exit::Exit;
use crate::ledger::{Failures, LedgerError, Quarantined, RunRecord, Week};
use crate::progress::wording::{printable, rfc3339};
use crate::text::safe::escape;
use serde::Serialize;

/// All of it.
#[derive(Debug, Serialize)]
pub(super) struct Document {
    pub(super) exit: u8,
    pub(super) accounts: Vec<AccountStatus>,
}

impl Document {
    pub(super) fn new(exit: Exit, accounts: Vec<AccountStatus>) -> Self {
        Document { exit: exit.code(), accounts }
    }
}

/// One account.
#[derive(Debug, Serialize)]
pub(super) struct AccountStatus {
    name: String,
    /// Why the ledger has no answer.
    error: Option<String>,
    archive: String,
    archived: u64,
    octets: u64,
    newest: Option<String>,
    last_started: Option<String>,
    last_success: Option<String>,
    last_run: Option<LastRun>,
    /// Older than `--max-age`; null without it.
    stale: Option<bool>,
    /// Null if verify never ran.
    verification: Option<LastVerified>,
    /// Null for an account that does not sign in with OAuth2.
    sign_in: Option<SignInDocument>,
    failed_runs: u64,
    failures: Vec<Failure>,
    quarantined: u64,
    quarantine: Vec<InQuarantine>,
    weeks: Vec<WeekOfMail>,
}

#[derive(Debug, Serialize)]
struct LastRun {
    ended: Option<String>,
    exit: u8,
    error: Option<String>,
    #[serde(flatten)]
    figures: Figures,
    missing: u64,
}

#[derive(Debug, Serialize)]
struct LastVerified {
    at: Option<String>,
    read: u64,
    damaged: u64,
    missing: u64,
    /// Since then every copy has been read, or is new.
    read_since: Option<String>,
    /// Not within `--verified-within`; null without it.
    stale: Option<bool>,
}

/// Runs since the last success that ended in one way.
#[derive(Debug, Serialize)]
struct Failure {
    runs: u64,
    last: Option<String>,
    exit: u8,
    error: Option<String>,
}

/// A message that is set aside and tried again.
#[derive(Debug, Serialize)]
struct InQuarantine {
    uid: Option<String>,
    number: Option<u32>,
    octets: Option<u64>,
    reason: String,
    failures: u32,
    first: Option<String>,
    last: Option<String>,
    next: Option<String>,
}

#[derive(Debug, Serialize)]
struct WeekOfMail {
    from: Option<String>,
    messages: u64,
    octets: u64,
}

impl AccountStatus {
    pub(super) fn new(known: &Known<'_>, error: Option<&LedgerError>) -> Self {
        let Known { name, archive, history, stale, unverified, sign_in } = *known;
        let verified = history.verification;
        Self {
            name: name.to_owned(),
            error: error.map(|error| printable(&error.to_string())),
            archive: printable(&archive.display().to_string()),
            archived: history.archived.messages,
            octets: history.archived.octets,
            newest: history.newest.and_then(rfc3339),
            last_started: history.last_started.and_then(rfc3339),
            last_success: history.last_success.and_then(rfc3339),
            last_run: history.last_run.as_ref().map(LastRun::new),
            stale,
            verification: verified.last.map(|last| LastVerified {
                at: rfc3339(last.at),
                read: last.read,
                damaged: last.damaged,
                missing: last.missing,
                read_since: verified.read_since.and_then(rfc3339),
                stale: unverified,
            }),
            sign_in: sign_in.map(SignInStatus::document),
            failed_runs: history.failed_runs,
            failures: history.failures.iter().map(Failure::new).collect(),
            quarantined: history.quarantined,
            quarantine: history.quarantine.iter().map(InQuarantine::new).collect(),
            weeks: history.weeks.iter().map(WeekOfMail::new).collect(),
        }
    }
}

impl LastRun {
    fn new(run: &RunRecord) -> Self {
        Self {
            ended: rfc3339(run.at),
            exit: run.exit,
            error: run.error.as_deref().map(printable),
            figures: run.into(),
            missing: run.missing,
        }
    }
}

impl Failure {
    fn new(failures: &Failures) -> Self {
        Self {
            runs: failures.runs,
            last: rfc3339(failures.last),
            exit: failures.exit,
            error: failures.error.as_deref().map(printable),
        }
    }
}

impl InQuarantine {
    fn new(message: &Quarantined) -> Self {
        Self {
            uid: message.uid.as_deref().map(escape),
            number: message.number,
            octets: message.list_size,
            reason: printable(&message.reason),
            failures: message.failures,
            first: rfc3339(message.first_at),
            last: rfc3339(message.last_at),
            next: rfc3339(message.next_at),
        }
    }
}

impl WeekOfMail {
    fn new(week: &Week) -> Self {
        Self { from: rfc3339(week.from), messages: week.archived.messages, octets: week.archived.octets }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::{History, LastVerification, Totals, UnixTime, Verification};
    use std::path::Path;

    const NOW: UnixTime = 1_795_323_612;

    #[test]
    fn the_document_has_the_documented_shape() {
        let history = History {
            archived: Totals { messages: 2, octets: 2048 },
            newest: Some(NOW),
            weeks: vec![Week { from: NOW, archived: Totals { messages: 2, octets: 2048 } }],
            last_started: Some(NOW),
            last_run: Some(RunRecord {
                at: NOW,
                exit: 77,
                error: Some("refused\u{7}".into()),
                ..RunRecord::default()
            }),
            last_success: None,
            failed_runs: 3,
            failures: vec![Failures { runs: 3, last: NOW, exit: 77, error: Some("refused".into()) }],
            quarantined: 1,
            quarantine: vec![Quarantined {
                uid: Some(b"a\x1b".to_vec()),
                number: None,
                list_size: Some(9),
                reason: "-ERR \u{7}".into(),
                failures: 2,
                first_at: NOW,
                last_at: NOW,
                next_at: NOW,
                larger_than: None,
            }],
            verification: Verification {
                last: Some(LastVerification { at: NOW, read: 2, damaged: 1, missing: 0 }),
                read_since: Some(NOW),
            },
        };
        let known = Known {
            name: "work",
            archive: Path::new("/mail/work"),
            history: &history,
            stale: Some(true),
            unverified: Some(true),
            sign_in: Some(&SignInStatus::Missing),
        };
        let status = AccountStatus::new(&known, None);
        assert_eq!(
            serde_json::to_string(&Document::new(Exit::MISSING, vec![status])).unwrap(),
            concat!(
                r#"{"exit":1,"accounts":[{"name":"work","error":null,"archive":"/mail/work","archived":2,"octets":2048,"#,
                r#""newest":"2026-11-22T05:00:12Z","last_started":"2026-11-22T05:00:12Z","last_success":null,"#,
                r#""last_run":{"ended":"2026-11-22T05:00:12Z","exit":77,"error":"refused\\x07","listed":0,"archived":0,"#,
                r#""fetched":0,"octets":0,"deleted":0,"removed":0,"left":0,"kept":0,"kept_octets":0,"missing":0},"stale":true,"#,
                r#""verification":{"at":"2026-11-22T05:00:12Z","read":2,"damaged":1,"missing":0,"#,
                r#""read_since":"2026-11-22T05:00:12Z","stale":true},"#,
                r#""sign_in":{"since":null,"refreshed":null,"ends":null,"needs_person":true,"problem":null},"failed_runs":3,"#,
                r#""failures":[{"runs":3,"last":"2026-11-22T05:00:12Z","exit":77,"error":"refused"}],"#,
                r#""quarantined":1,"quarantine":[{"uid":"a\\x1b","number":null,"octets":9,"reason":"-ERR \\x07","#,
                r#""failures":2,"first":"2026-11-22T05:00:12Z","last":"2026-11-22T05:00:12Z","#,
                r#""next":"2026-11-22T05:00:12Z"}],"#,
                r#""weeks":[{"from":"2026-11-22T05:00:12Z","messages":2,"octets":2048}]}]}"#
            )
        );
    }
}

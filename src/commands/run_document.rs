//! What a run did, as the JSON documents of several commands have it: their shape is a promise to scripts.

use crate::event::{Missing, Summary, Warning};
use crate::exit::Exit;
use crate::fleet::new_mail::NewMail;
use crate::ledger::RunRecord;
use crate::progress::wording::printable;
use crate::text::safe::escape;
use serde::Serialize;
use std::collections::HashMap;

/// The document of `fetch --json`.
#[derive(Debug, Serialize)]
pub(super) struct Run {
    exit: u8,
    accounts: Vec<AccountRun>,
    on_new_mail: Vec<OnNewMail>,
}

#[derive(Debug, Serialize)]
struct AccountRun {
    name: String,
    outcome: &'static str,
    error: Option<String>,
    #[serde(flatten)]
    figures: Figures,
    missing: Vec<MissingMessage>,
    left_because: Vec<LeftBecause>,
    warnings: Vec<WarningOfRun>,
    seconds: f64,
}

/// What a run found and did, in this document and in that of `status --json`.
#[derive(Debug, Serialize)]
pub(super) struct Figures {
    listed: u64,
    archived: u64,
    fetched: u64,
    octets: u64,
    deleted: u64,
    removed: u64,
    left: u64,
    kept: u64,
    kept_octets: u64,
}

impl From<&Summary> for Figures {
    fn from(run: &Summary) -> Self {
        let &Summary { listed, archived, fetched, octets, deleted, removed, kept_octets, .. } = run;
        let (left, kept) = (run.left(), run.kept_no_copy);
        Figures { listed, archived, fetched, octets, deleted, removed, left, kept, kept_octets }
    }
}

impl From<&RunRecord> for Figures {
    fn from(run: &RunRecord) -> Self {
        let &RunRecord {
            listed, archived, fetched, octets, deleted, removed, left, kept, kept_octets, ..
        } = run;
        Figures { listed, archived, fetched, octets, deleted, removed, left, kept, kept_octets }
    }
}

/// Why messages were left on the server, and how many.
#[derive(Debug, Serialize)]
struct LeftBecause {
    reason: String,
    messages: u64,
}

impl LeftBecause {
    /// Each reason once, in the order of the messages.
    fn of(summary: &Summary) -> Vec<LeftBecause> {
        let mut known: HashMap<&str, usize> = HashMap::new();
        let mut reasons: Vec<LeftBecause> = Vec::new();
        for message in summary.missing.iter().filter(|message| message.chosen) {
            let place = *known.entry(&*message.reason).or_insert_with(|| {
                reasons.push(LeftBecause { reason: printable(&message.reason), messages: 0 });
                reasons.len() - 1
            });
            reasons[place].messages += 1;
        }
        reasons
    }
}

/// What a person should know although nothing has failed.
#[derive(Debug, Serialize)]
struct WarningOfRun {
    /// A word for programs.
    kind: &'static str,
    text: String,
}

impl From<&Warning> for WarningOfRun {
    fn from(warning: &Warning) -> Self {
        WarningOfRun { kind: warning.word(), text: printable(&warning.to_string()) }
    }
}

/// A command that was to run once there was new mail.
#[derive(Debug, Serialize)]
struct OnNewMail {
    accounts: Vec<String>,
    fetched: u64,
    error: Option<String>,
}

/// A message that the archive does not hold.
#[derive(Debug, Serialize)]
pub(super) struct MissingMessage {
    number: u32,
    uid: Option<String>,
    reason: String,
}

impl Run {
    /// Of a run over some accounts.
    pub(super) fn new(exit: Exit, summaries: &[Summary], new_mail: &[NewMail]) -> Self {
        Self {
            exit: exit.code(),
            accounts: summaries.iter().map(AccountRun::new).collect(),
            on_new_mail: new_mail.iter().map(OnNewMail::new).collect(),
        }
    }
}

impl OnNewMail {
    fn new(command: &NewMail) -> Self {
        Self {
            accounts: command.accounts.clone(),
            fetched: command.fetched,
            error: command.error.as_deref().map(printable),
        }
    }
}

impl AccountRun {
    fn new(summary: &Summary) -> Self {
        Self {
            name: summary.account.clone(),
            outcome: summary.outcome.word(),
            error: summary.error.as_deref().map(printable),
            figures: summary.into(),
            missing: summary.really_missing().map(MissingMessage::new).collect(),
            left_because: LeftBecause::of(summary),
            warnings: summary.warnings.iter().map(WarningOfRun::from).collect(),
            seconds: (summary.seconds * 1000.0).round() / 1000.0,
        }
    }
}

impl MissingMessage {
    /// With what the server said made printable.
    pub(super) fn new(message: &Missing) -> Self {
        Self {
            number: message.number,
            uid: message.uid.as_deref().map(escape),
            reason: printable(&message.reason),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Outcome;

    #[test]
    fn the_document_of_a_run_has_the_documented_shape() {
        let summary = Summary {
            account: "work".to_owned(),
            outcome: Outcome::Partial,
            exit: Exit::MISSING,
            error: None,
            listed: 5,
            archived: 2,
            fetched: 1,
            octets: 512,
            deleted: 1,
            removed: 0,
            kept_no_copy: 1,
            kept_octets: 300,
            missing: [(2, "-ERR \x07", false), (4, "left by --limit", true), (5, "left by --limit", true)]
                .map(|(number, reason, chosen)| Missing {
                    number,
                    uid: Some((*b"u\x1b\xff").into()),
                    reason: reason.into(),
                    chosen,
                })
                .into(),
            warnings: Vec::new(),
            certificate_ends: None,
            free: None,
            told: crate::event::Told::default(),
            seconds: 1.234_56,
        };
        let json = serde_json::to_string(&Run::new(Exit::MISSING, &[summary], &[])).unwrap();
        assert_eq!(
            json,
            concat!(
                r#"{"exit":1,"accounts":[{"name":"work","outcome":"partial","error":null,"#,
                r#""listed":5,"archived":2,"fetched":1,"octets":512,"deleted":1,"removed":0,"left":2,"kept":1,"kept_octets":300,"#,
                r#""missing":[{"number":2,"uid":"u\\x1b\\xff","reason":"-ERR \\x07"}],"#,
                r#""left_because":[{"reason":"left by --limit","messages":2}],"warnings":[],"seconds":1.235}],"on_new_mail":[]}"#
            )
        );
    }

    #[test]
    fn a_failed_account_says_why_and_a_run_of_none_is_a_document_too() {
        let error = Some("the login was refused".to_owned());
        let summary = Summary::of_nothing("home", Outcome::Failed, Exit::REFUSED, error);
        let document = serde_json::to_value(Run::new(Exit::REFUSED, &[summary], &[])).unwrap();
        assert_eq!(document["accounts"][0]["outcome"], "failed");
        assert_eq!(document["accounts"][0]["error"], "the login was refused");
        let command =
            NewMail { accounts: vec!["home".to_owned()], fetched: 2, error: Some("failed".to_owned()) };
        assert_eq!(
            serde_json::to_string(&Run::new(Exit::OK, &[], &[command])).unwrap(),
            concat!(
                r#"{"exit":0,"accounts":[],"#,
                r#""on_new_mail":[{"accounts":["home"],"fetched":2,"error":"failed"}]}"#
            )
        );
    }
}

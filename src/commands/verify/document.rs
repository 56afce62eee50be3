//! The document of `verify --json`.

use crate::progress::wording;
use crate::text::dates;
use crate::text::safe::escape;
use crate::verify::{BadCopy, Verified};
use serde::Serialize;

#[derive(Debug, Serialize)]
pub(super) struct Document {
    pub(super) exit: u8,
    pub(super) accounts: Vec<AccountVerified>,
}

#[derive(Debug, Serialize)]
pub(super) struct AccountVerified {
    name: String,
    error: Option<String>,
    archived: u64,
    present: u64,
    read: u64,
    octets: u64,
    intact: u64,
    changed: u64,
    damaged: Vec<BadMessage>,
    missing: Vec<BadMessage>,
    foreign: u64,
    twice: u64,
    repaired: u64,
    accepted: u64,
    put_off: u64,
}

#[derive(Debug, Serialize)]
struct BadMessage {
    id: String,
    uid: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    place: Option<String>,
    reason: String,
    date: Option<String>,
    from: Option<String>,
    subject: Option<String>,
    on_server: bool,
}

impl AccountVerified {
    pub(super) fn new(name: &str, found: &Verified, error: Option<String>) -> Self {
        let all = |bad: &[BadCopy]| bad.iter().map(BadMessage::of).collect();
        AccountVerified {
            name: name.to_owned(),
            error,
            archived: found.archived,
            present: found.present,
            read: found.read,
            octets: found.octets,
            intact: found.intact,
            changed: found.changed,
            damaged: all(&found.damaged),
            missing: all(&found.missing),
            foreign: found.foreign,
            twice: found.twice,
            repaired: found.repaired,
            accepted: found.accepted,
            put_off: found.put_off,
        }
    }
}

impl BadMessage {
    fn of(bad: &BadCopy) -> Self {
        let text = |text: &Option<String>| text.as_deref().map(wording::printable);
        BadMessage {
            id: bad.id.to_string(),
            uid: bad.uid.as_deref().map(escape),
            place: text(&bad.place),
            reason: wording::printable(&bad.reason),
            date: bad.caption.date.and_then(dates::rfc3339),
            from: text(&bad.caption.from),
            subject: text(&bad.caption.subject),
            on_server: bad.on_server,
        }
    }
}

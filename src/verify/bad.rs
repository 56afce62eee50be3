//! What a damaged or missing message was, from what is left of it.

use crate::archive::{CopyAt, CopyReader};
use crate::ledger::{Row, RowState, Seq};
use crate::mail::caption::Caption;
use crate::mail::headers::Reader;
use crate::mail::id::MessageId;

/// A message whose copy is not there as it was stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadCopy {
    /// Its row's number.
    pub seq: Seq,
    /// The message's ID.
    pub id: MessageId,
    /// The UID it was listed under last.
    pub uid: Option<Vec<u8>>,
    /// Where what is left of it is; `None` when nothing is.
    pub place: Option<String>,
    /// What is wrong with it.
    pub reason: String,
    /// Date, sender and subject, as far as they are left.
    pub caption: Caption,
    /// Whether the server listed it in the last run.
    pub on_server: bool,
}

/// A message whose copy is damaged or missing.
pub(super) struct Bad {
    pub(super) row: Row,
    /// What is left of it, and what is wrong with that.
    pub(super) left: Option<(CopyAt, String)>,
}

impl BadCopy {
    /// What can be said of a bad or missing copy. `unlisted`: the last complete listing left it out.
    pub(super) fn of(bad: &Bad, unlisted: bool, reader: &dyn CopyReader) -> BadCopy {
        let Bad { row, left } = bad;
        BadCopy {
            seq: row.seq,
            id: MessageId::of(&row.digest),
            uid: row.uid.clone(),
            place: left.as_ref().map(|(at, _)| at.to_string()),
            reason: left.as_ref().map_or_else(|| "it is gone".to_owned(), |(_, reason)| reason.clone()),
            caption: left.as_ref().map(|(at, _)| caption(at, row, reader)).unwrap_or_default(),
            on_server: row.state == RowState::Stored && !unlisted,
        }
    }
}

/// What the header of a copy says, as far as it can be read.
fn caption(at: &CopyAt, row: &Row, reader: &dyn CopyReader) -> Caption {
    let mut header = Reader::new();
    match reader.read(at, row.size, &mut |octets| header.update(octets)) {
        Ok(true) => Caption::of(&header.into_header()),
        _ => Caption::default(),
    }
}

//! Reads a row's copies and compares them.

use crate::archive::{self, Content, CopyAt, CopyReader, Readers, ToRead};
use crate::ledger::Row;
use std::io;
use std::sync::Arc;

/// Copies that are handed over to a thread at once.
const PORTION: usize = 128;

/// What was read of a row's copies.
pub(super) struct WasRead {
    pub(super) row: Row,
    pub(super) found: Found,
}

/// The best of a row's copies.
#[derive(Debug)]
pub(super) enum Found {
    /// The message, octet for octet.
    Exact,
    /// The message, with marks of mail programs in its header.
    Marked,
    /// Something else, or what cannot be read.
    Bad { at: CopyAt, reason: String },
    /// Nothing.
    Gone,
}

/// Reads one row's copies; with `anew` from the disk.
pub(super) fn examine(reader: &dyn CopyReader, row: &Row, copies: &[CopyAt], anew: bool) -> Found {
    let mut found = Found::Gone;
    for at in copies {
        match reader.examine(at, row, anew) {
            Ok(Content::Exact) => return Found::Exact,
            Ok(Content::Marked) => found = Found::Marked,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            _ if matches!(found, Found::Marked) => {}
            Ok(Content::Different(octets)) => {
                found = Found::Bad { at: at.clone(), reason: difference(at, row, octets) };
            }
            Err(error) => {
                found = Found::Bad { at: at.clone(), reason: format!("it cannot be read ({error})") };
            }
        }
    }
    found
}

fn difference(at: &CopyAt, row: &Row, octets: Option<u64>) -> String {
    match (at, octets) {
        (CopyAt::File(_), Some(0)) => "it is empty".to_owned(),
        (CopyAt::File(_), Some(octets)) if octets != row.size => {
            format!("it has {octets} octets, not {}", row.size)
        }
        (CopyAt::File(_), _) => "its content is different".to_owned(),
        (CopyAt::Region { .. }, _) => "what is there is not the message".to_owned(),
    }
}

/// Runs `work` with threads that read and compare, and gives back its outcome and what was still to come when it had ended.
pub(super) fn with_readers<T>(
    reader: &Arc<dyn CopyReader>,
    work: impl FnOnce(&mut Readers<'_, WasRead>) -> T,
) -> (T, Vec<WasRead>) {
    let read_one = |reader: &dyn CopyReader, ToRead { row, copies }: ToRead| {
        let found = examine(reader, &row, &copies, false);
        WasRead { row, found }
    };
    archive::with_readers(reader, PORTION, read_one, work)
}

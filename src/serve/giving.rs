//! One message's way from the archive to the session.

use crate::archive::{Content, CopyAt, CopyReader};
use crate::ledger::Row;
use crate::mail::digest::{Digest, Digester};
use crate::mail::line_ends::Wire;
use crate::server::Taker;
use std::io;
use std::ops::ControlFlow;

/// A message up to this size, in octets, is read and compared before its first octet goes out. Larger ones are compared
/// while they pass, and the connection is closed before the end of one that is damaged.
const AT_ONCE: u64 = 1 << 20;

const DAMAGED: &str = "its copy in the archive is damaged; run popkeep verify";

/// What an attempt came to: nothing, or why this copy was not given, if there is anything at all in its place.
type NotThis = Option<Option<&'static str>>;

/// Gives a row's message from this copy: all of it if it is to be `whole`; `size` is what its listing says.
pub(super) fn give(
    reader: &dyn CopyReader,
    at: &CopyAt,
    row: &Row,
    (size, whole): (u64, bool),
    taker: &mut dyn Taker,
) -> io::Result<NotThis> {
    if row.size <= AT_ONCE {
        at_once(reader, at, row, taker)
    } else {
        in_pieces(reader, at, row, (size, whole), taker)
    }
}

fn at_once(reader: &dyn CopyReader, at: &CopyAt, row: &Row, taker: &mut dyn Taker) -> io::Result<NotThis> {
    let capacity = usize::try_from(row.size.min(AT_ONCE)).unwrap_or(0);
    let mut stored = Vec::with_capacity(capacity);
    let mut digester = Digester::new();
    let read = reader.read(at, row.size, &mut |octets| {
        digester.update(octets);
        // Marks in the header may have made it longer.
        if (stored.len() + octets.len()) as u64 <= 2 * AT_ONCE {
            stored.extend_from_slice(octets);
        }
    });
    match read {
        Ok(true) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Some(None)),
        Ok(false) | Err(_) => return Ok(Some(Some("its copy in the archive cannot be read"))),
    }
    let (digest, octets) = digester.finish();
    if octets != stored.len() as u64 || !is_the_message(&digest, reader, at, row) {
        return Ok(Some(Some(DAMAGED)));
    }
    let mut wire = Vec::with_capacity(stored.len() + stored.len() / 16 + 2);
    let mut ends = Wire::new();
    ends.feed(&stored, &mut wire);
    ends.finish(&mut wire);
    taker.begin(wire.len() as u64)?;
    taker.take(&wire)?;
    taker.end();
    Ok(None)
}

fn in_pieces(
    reader: &dyn CopyReader,
    at: &CopyAt,
    row: &Row,
    (size, whole): (u64, bool),
    taker: &mut dyn Taker,
) -> io::Result<NotThis> {
    let (mut begun, mut wanted, mut wire, mut ends) = (false, true, Vec::new(), Wire::new());
    let mut outcome: io::Result<()> = Ok(());
    let mut digester = Digester::new();
    let read = reader.read_while(at, row.size, &mut |octets| {
        outcome = (|| {
            if !std::mem::replace(&mut begun, true) {
                taker.begin(size)?;
            }
            digester.update(octets);
            wire.clear();
            ends.feed(octets, &mut wire);
            wanted = taker.take(&wire)?;
            Ok(())
        })();
        // A client that has enough, or is gone, costs no more reading.
        if outcome.is_ok() && wanted { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    });
    outcome?;
    match read {
        Ok(true) if begun => {}
        Err(error) if !begun && error.kind() == io::ErrorKind::NotFound => return Ok(Some(None)),
        Ok(_) | Err(_) if !begun => return Ok(Some(Some("its copy in the archive cannot be read"))),
        Err(error) => return Err(error),
        Ok(_) => return Err(io::ErrorKind::UnexpectedEof.into()),
    }
    if whole && !is_the_message(&digester.finish().0, reader, at, row) {
        return Err(io::Error::new(io::ErrorKind::InvalidData, DAMAGED));
    }
    if wanted {
        wire.clear();
        ends.finish(&mut wire);
        taker.take(&wire)?;
    }
    taker.end();
    Ok(None)
}

/// Whether what was read is the row's message, perhaps with marks of mail programs.
fn is_the_message(digest: &Digest, reader: &dyn CopyReader, at: &CopyAt, row: &Row) -> bool {
    *digest == row.digest
        || digest.rest == row.digest.rest
            && matches!(reader.examine(at, row, false), Ok(Content::Exact | Content::Marked))
}

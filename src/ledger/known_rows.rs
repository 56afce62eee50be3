//! What the planner needs of every row, in little memory: for reading the ledger while the server
//! makes its listing.

use super::{Known, Ledger, LedgerError, Seq, UnixTime};

/// Every stored or deleted row, by ascending row number: about 40 octets and its UID each.
#[derive(Debug, Default)]
pub struct KnownRows {
    lines: Vec<Line>,
    /// The UIDs, one behind the other.
    uids: Vec<u8>,
}

#[derive(Debug)]
struct Line {
    seq: Seq,
    list_size: Option<u64>,
    archived_at: UnixTime,
    /// Octets of its UID.
    uid: Option<u32>,
    deleted: bool,
    leaving: bool,
    by_header: bool,
}

impl KnownRows {
    /// Reads the ledger.
    pub fn call(ledger: &dyn Ledger) -> Result<KnownRows, LedgerError> {
        let mut known_rows = KnownRows::default();
        ledger.known(&mut |known| known_rows.add(&known))?;
        Ok(known_rows)
    }

    /// Adds a row.
    pub fn add(&mut self, known: &Known<'_>) {
        let Known { seq, uid, list_size, archived_at, deleted, leaving, by_header } = *known;
        self.uids.extend_from_slice(uid.unwrap_or_default());
        // No line of a server, and so no UID, is as long as 4 GiB.
        let uid = uid.map(|uid| u32::try_from(uid.len()).unwrap_or(u32::MAX));
        self.lines.push(Line { seq, list_size, archived_at, uid, deleted, leaving, by_header });
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// The rows.
    pub fn iter(&self) -> impl Iterator<Item = Known<'_>> {
        let mut rest = self.uids.as_slice();
        self.lines.iter().map(move |line| {
            let uid = line.uid.map(|len| {
                let (uid, behind) = rest.split_at_checked(len as usize).unwrap_or((rest, &[]));
                rest = behind;
                uid
            });
            Known {
                seq: line.seq,
                uid,
                list_size: line.list_size,
                archived_at: line.archived_at,
                deleted: line.deleted,
                leaving: line.leaving,
                by_header: line.by_header,
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_row_comes_back_with_its_uid_or_without_one() {
        let row = Known {
            seq: 1,
            uid: Some(b"first"),
            list_size: None,
            archived_at: 7,
            deleted: false,
            leaving: true,
            by_header: false,
        };
        let rows = [
            row,
            Known { seq: 2, uid: None, list_size: Some(5), leaving: false, ..row },
            Known { seq: 3, uid: Some(b""), deleted: true, ..row },
            Known { seq: 9, uid: Some(b"\x00\xff last"), by_header: true, ..row },
        ];
        let mut known_rows = KnownRows::default();
        assert!(known_rows.is_empty());
        for row in &rows {
            known_rows.add(row);
        }
        assert_eq!(known_rows.iter().collect::<Vec<_>>(), rows);
    }
}

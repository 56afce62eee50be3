//! A copy, read and made into what the index has of it.

use super::index::Entry;
use super::words::prepared;
use crate::archive::{CopyReader, ToRead};
use crate::ledger::Row;
use crate::mail::caption::Caption;
use crate::mail::field;
use crate::mail::id::MessageId;
use crate::mail::readable::{Readable, Reader, Wanted};
use mailparse::MailHeaderMap as _;
use std::fmt::Write as _;

/// Octets of a message's text that are indexed.
const TEXT: usize = 64 * 1024;

/// Octets of a list of recipients that the index keeps.
const LIST: usize = 500;

/// Reads the first of a row's copies that can be read.
pub(super) fn read(reader: &dyn CopyReader, next: ToRead) -> Entry {
    let ToRead { row, copies } = next;
    let is_gone = copies.is_empty();
    for at in copies {
        let wanted = Wanted { text: TEXT, sizes: false };
        let (outcome, message) = Reader::new(wanted).read(|each| reader.read(&at, row.size, each));
        if matches!(outcome, Ok(true)) {
            return of_message(&row, &message);
        }
    }
    Entry { is_gone, is_unread: true, ..of_row(&row) }
}

fn of_row(row: &Row) -> Entry {
    Entry {
        seq: row.seq,
        id: MessageId::of(&row.digest),
        at: row.archived_at,
        size: row.size,
        ..Entry::default()
    }
}

fn of_message(row: &Row, message: &Readable) -> Entry {
    let caption = Caption::of(&message.header);
    let headers = mailparse::parse_headers(&message.header).map(|(headers, _)| headers).unwrap_or_default();
    let addresses = |name: &str| {
        let all: Vec<String> =
            headers.get_all_headers(name).into_iter().filter_map(field::addresses).collect();
        all.join(", ")
    };
    let (from, to, copy) = (addresses("From"), addresses("To"), addresses("Cc"));
    let attachments = &message.attachments;
    let names: Vec<&str> = attachments.iter().filter_map(|attachment| attachment.name.as_deref()).collect();
    let mut body = String::new();
    for text in &message.texts {
        // Writing to a String cannot fail.
        let _ = writeln!(body, "{}", text.text);
    }
    let subject = caption.subject;
    Entry {
        at: caption.date.unwrap_or(row.archived_at),
        dated: caption.date.is_some(),
        attachments: attachments.iter().filter(|attachment| attachment.is_declared).count() as u64,
        words: [
            prepared(&from),
            prepared(&to),
            prepared(&copy),
            prepared(subject.as_deref().unwrap_or_default()),
            prepared(&body),
            prepared(&names.join("\n")),
        ],
        from: caption.from,
        to: (!to.is_empty()).then(|| to[..to.floor_char_boundary(LIST)].to_owned()),
        subject,
        ..of_row(row)
    }
}

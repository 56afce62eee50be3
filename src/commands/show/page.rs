//! A message as a person reads it: the headers that matter, the text, the list of attachments.
//!
//! Promise: nothing in it steers a terminal.

use crate::commands::columns::{filled, width};
use crate::mail::field;
use crate::mail::readable::{Attachment, Readable};
use crate::search::Hit;
use crate::text::figures::{counted, size};
use crate::text::safe::{escape, readable};
use crate::text::{dates, safe};
use mailparse::MailHeaderMap as _;
use std::fmt::Write as _;

/// Headers that are shown, in this order; Date comes first.
const SHOWN: [&str; 5] = ["From", "To", "Cc", "Reply-To", "Subject"];

/// The column of what a header says.
const VALUE: usize = 10;

/// The widest name of an attachment that widens its column.
const NAME: usize = 40;

/// The whole page. `id`: as the person gave it.
pub(super) fn page(hit: &Hit, id: &str, message: &Readable) -> String {
    let mut page = String::new();
    let headers = mailparse::parse_headers(&message.header).map(|(headers, _)| headers).unwrap_or_default();
    let mut line = |name: &str, value: &str| {
        // Writing to a String cannot fail.
        let _ = writeln!(page, "{}{}", filled(&format!("{name}:"), VALUE), escape(value.as_bytes()));
    };
    if hit.dated {
        line("Date", &dates::moment(hit.at));
    }
    for name in SHOWN {
        for field in headers.get_all_headers(name) {
            line(name, &field::addresses(field).unwrap_or_default());
        }
    }
    for text in message.best_texts() {
        let _ = write!(page, "\n{}\n", safe::readable(text.text.trim_end()));
    }
    if message.is_too_complex {
        page.push_str("\n[The message has more parts than popkeep looks at. Use --raw to see them.]\n");
    } else if message.is_cut {
        page.push_str("\n[The message goes on. Use --raw to see all of it.]\n");
    }
    let attachments: Vec<&Attachment> = message.attachments.iter().filter(|one| !one.is_within).collect();
    if attachments.is_empty() {
        return page;
    }
    let count = counted(attachments.len() as u64, "attachment");
    let _ = writeln!(page, "\n{count}; to save: popkeep show {} --save DIR", readable(id));
    let names: Vec<String> =
        attachments.iter().map(|one| escape(one.name.as_deref().unwrap_or("-").as_bytes())).collect();
    let widest = names.iter().map(|name| width(name)).max().unwrap_or(0).min(NAME);
    for (name, attachment) in names.iter().zip(attachments) {
        let (media, size) = (escape(attachment.media.as_bytes()), size(attachment.size));
        let _ = writeln!(page, "  {}  {size:>10}  {media}", filled(name, widest));
    }
    page
}

/// The whole header, line by line.
pub(super) fn headers(header: &[u8]) -> String {
    let lines = header.split_inclusive(|octet| *octet == b'\n');
    let safe = |line: &[u8]| {
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        // A line that goes on begins with a tab as often as with a blank.
        let (indent, line) = line.strip_prefix(b"\t").map_or(("", line), |rest| ("        ", rest));
        format!("{indent}{}\n", escape(line))
    };
    lines.map(safe).collect()
}

//! The list as people read it: a line for each message, and their sum.

use super::{Form, Line};
use crate::commands::columns::{cut, filled, width};
use crate::inventory::{Inventory, MessageStatus};
use crate::pop3::listing::Listing;
use crate::progress::wording;
use crate::text::safe::escape;

/// What stands where there is nothing to show.
const NOTHING: &str = "-";

/// The widest UID that widens its column (RFC 1939 allows 70 octets).
const UID_WIDEST: usize = 70;

/// The column of UIDs on a terminal, beside what a header says.
const UID_BESIDE_HEADER: usize = 12;

/// The column of dates: `2026-11-22 06:00:12`.
const DATE: usize = 19;

/// The column of senders.
const FROM: usize = 26;

/// Between two columns.
const GAP: &str = "  ";

/// The columns of one list.
pub(super) struct Table {
    account: String,
    headers: bool,
    /// Columns of the terminal, beyond which nothing is shown.
    terminal: Option<usize>,
    number: usize,
    octets: usize,
    state: usize,
    uid: usize,
    sum: String,
}

impl Table {
    pub(super) fn new(account: &str, headers: bool, terminal: Option<usize>) -> Self {
        let account = account.to_owned();
        Table { account, headers, terminal, number: 0, octets: 0, state: 0, uid: 0, sum: String::new() }
    }

    /// One line: number, octets, state and UID, and what `--headers` adds.
    fn row(&self, [number, octets, state, uid]: [&str; 4], header: Option<[String; 3]>) -> String {
        let to = self.number;
        let mut row = format!("{number:>to$}{GAP}{octets:>0$}{GAP}{state:<1$}{GAP}", self.octets, self.state);
        match header {
            None => row.push_str(uid),
            Some([date, from, subject]) => {
                let within = |text: &str, to| match self.terminal {
                    Some(_) => filled(&cut(text, to), to),
                    None => filled(text, to),
                };
                let uid = within(uid, self.uid);
                let from = within(&from, FROM);
                row.push_str(&[uid, filled(&date, DATE), from, subject].join(GAP));
            }
        }
        let row = self.terminal.map_or_else(|| row.clone(), |to| cut(&row, to));
        format!("{}\n", row.trim_end())
    }
}

impl Form for Table {
    fn head(&mut self, listing: &Listing, inventory: &Inventory<'_>) -> String {
        let sizes = || listing.iter().filter_map(|entry| entry.size);
        let total = sizes().sum();
        self.number =
            digits(listing.iter().last().map_or(0, |entry| u64::from(entry.number))).max("NO".len());
        self.octets = digits(sizes().max().unwrap_or(0)).max("OCTETS".len());
        let mut counts = MessageStatus::ALL.map(|status| (status, 0_u64));
        for place in 0..listing.len() {
            let (status, _) = inventory.at(place);
            counts.iter_mut().filter(|(one, _)| *one == status).for_each(|(_, count)| *count += 1);
        }
        let found: Vec<(&str, u64)> =
            counts.iter().filter(|(_, count)| *count > 0).map(|(one, count)| (one.word(), *count)).collect();
        self.state = found.iter().map(|(word, _)| word.len()).chain(["STATE".len()]).max().unwrap_or(0);
        let uids = listing.iter().filter_map(|entry| entry.uid).map(|uid| width(&escape(uid)));
        let widest = if self.headers && self.terminal.is_some() { UID_BESIDE_HEADER } else { UID_WIDEST };
        self.uid = uids.chain(["UID".len()]).max().unwrap_or(0).min(widest);
        let messages = wording::messages(listing.len() as u64);
        let found: Vec<String> = found.iter().map(|(word, count)| format!("{count} {word}")).collect();
        self.sum = match found[..] {
            [] => format!("{}: {messages}\n", self.account),
            _ => format!("{}: {messages}, {}: {}\n", self.account, wording::size(total), found.join(", ")),
        };
        if listing.is_empty() {
            return String::new();
        }
        let header = self.headers.then(|| ["DATE", "FROM", "SUBJECT"].map(str::to_owned));
        self.row(["NO", "OCTETS", "STATE", "UID"], header)
    }

    fn line(&mut self, line: &Line<'_>) -> String {
        let number = line.entry.number.to_string();
        let octets = line.entry.size.map_or_else(|| NOTHING.to_owned(), |size| size.to_string());
        let uid = line.entry.uid.map_or_else(|| NOTHING.to_owned(), escape);
        let shown = |text: &Option<String>| {
            text.as_deref().map_or_else(|| NOTHING.to_owned(), |text| escape(text.as_bytes()))
        };
        let header = line.caption.as_ref().map(|caption| match caption {
            Ok(caption) => [
                caption.date.map_or_else(|| NOTHING.to_owned(), wording::moment),
                shown(&caption.from),
                shown(&caption.subject),
            ],
            Err(why) => [NOTHING.to_owned(), NOTHING.to_owned(), format!("({why})")],
        });
        self.row([&number, &octets, line.status.word(), &uid], header)
    }

    fn foot(&mut self, _error: Option<&str>) -> String {
        std::mem::take(&mut self.sum)
    }
}

/// How many digits a number has.
fn digits(number: u64) -> usize {
    number.to_string().len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mail::caption::Caption;
    use crate::mail::skip_headers::SkipHeaders;
    use crate::plan::Limits;
    use crate::pop3::listing::ListingBuilder;

    fn listing() -> Listing {
        let mut builder = ListingBuilder::new();
        builder.sizes_follow();
        for line in [&b"1 1171"[..], b"2 1021", b"10 5000000"] {
            builder.list_line(line).unwrap();
        }
        builder.uids_follow();
        for line in [&b"1 230371283"[..], b"2 u\x1b2"] {
            builder.uidl_line(line).unwrap();
        }
        builder.finish().unwrap()
    }

    /// The whole list, each message with this header.
    fn printed(caption: Option<&Caption>, terminal: Option<usize>) -> String {
        let listing = listing();
        let limits = Limits { max_size: 1_000_000, messages: None };
        let inventory = Inventory::of(&listing, None, limits, &SkipHeaders::default()).unwrap();
        let mut table = Table::new("work", caption.is_some(), terminal);
        let mut text = table.head(&listing, &inventory);
        for (place, entry) in listing.iter().enumerate() {
            let status = inventory.at(place).0;
            let caption = caption.cloned().map(Ok);
            text.push_str(&table.line(&Line { entry, status, reason: None, caption }));
        }
        text + &table.foot(None)
    }

    #[test]
    fn messages_stand_in_columns_and_are_added_up() {
        assert_eq!(
            printed(None, None),
            "NO   OCTETS  STATE      UID\n \
             1     1171  new        230371283\n \
             2     1021  new        u\\x1b2\n\
             10  5000000  too large  -\n\
             work: 3 messages, 4.8 MiB: 2 new, 1 too large\n"
        );
    }

    #[test]
    fn a_terminal_gets_what_fits_and_a_pipe_everything() {
        let caption = Caption {
            date: None,
            from: Some("日本 <a-long-address@mail.example>".to_owned()),
            subject: Some("a subject \x1b[2J that is long enough to be cut".to_owned()),
        };
        let whole = printed(Some(&caption), None);
        assert!(whole.contains("日本 <a-long-address@mail.example>"), "{whole}");
        assert!(whole.contains("a subject \\x1b[2J that is long enough to be cut\n"), "{whole}");
        let seen = printed(Some(&caption), Some(90));
        let first = seen.lines().nth(1).unwrap();
        assert_eq!(
            first,
            " 1     1171  new        230371283  -                    日本 <a-long-address@mail…  a sub…"
        );
        assert!(seen.lines().all(|line| width(line) <= 90), "{seen}");
    }

    #[test]
    fn a_header_that_could_not_be_had_says_why() {
        let listing = listing();
        let mut table = Table::new("work", true, None);
        let why = "the server refused TOP: “no”".to_owned();
        let (entry, status) = (listing.entry(1), MessageStatus::Archived);
        let line = Line { entry, status, reason: None, caption: Some(Err(why)) };
        assert!(table.line(&line).ends_with("(the server refused TOP: “no”)\n"));
    }

    #[test]
    fn an_empty_maildrop_is_one_line() {
        let listing = ListingBuilder::new().finish().unwrap();
        let limits = Limits { max_size: 1, messages: None };
        let inventory = Inventory::of(&listing, None, limits, &SkipHeaders::default()).unwrap();
        let mut table = Table::new("work", false, None);
        assert_eq!(table.head(&listing, &inventory) + &table.foot(None), "work: 0 messages\n");
    }
}

//! What was found, as people read it: a line for each message.

use super::Form;
use crate::archive::CopyAt;
use crate::commands::columns::{cut, filled};
use crate::search::Hit;
use crate::text::dates;
use crate::text::safe::escape;

/// What stands where there is nothing to show.
const NOTHING: &str = "-";

/// The column of dates: `2026-11-22 06:00`.
const DATE: usize = 16;

/// The column of senders.
const FROM: usize = 26;

/// The column of accounts.
const ACCOUNT: usize = 12;

/// Between two columns.
const GAP: &str = "  ";

/// The columns.
pub(super) struct Table {
    digits: usize,
    accounts: bool,
    /// Columns of the terminal, beyond which nothing is shown.
    terminal: Option<usize>,
}

impl Table {
    /// `digits` of an ID; with a column of `accounts` or without.
    pub(super) fn new(digits: usize, accounts: bool, terminal: Option<usize>) -> Self {
        Table { digits, accounts, terminal }
    }

    fn line(&self, [id, date, account, from, subject]: [&str; 5]) -> String {
        let within = |text: &str, to| match self.terminal {
            Some(_) => filled(&cut(text, to), to),
            None => filled(text, to),
        };
        let mut columns = vec![filled(id, self.digits), filled(date, DATE)];
        if self.accounts {
            columns.push(within(account, ACCOUNT));
        }
        columns.extend([within(from, FROM), subject.to_owned()]);
        let line = columns.join(GAP);
        let line = self.terminal.map_or_else(|| line.clone(), |to| cut(&line, to));
        format!("{}\n", line.trim_end())
    }
}

impl Form for Table {
    fn head(&mut self, found: usize) -> String {
        if found == 0 { String::new() } else { self.line(["ID", "DATE", "ACCOUNT", "FROM", "SUBJECT"]) }
    }

    fn hit(&mut self, hit: &Hit, _: Option<&CopyAt>) -> Vec<u8> {
        let text = |text: &Option<String>| {
            text.as_deref().map_or_else(|| NOTHING.to_owned(), |text| escape(text.as_bytes()))
        };
        let id = hit.id.digits(self.digits);
        let date = if hit.dated { dates::minute(hit.at) } else { NOTHING.to_owned() };
        self.line([&id, &date, &hit.account, &text(&hit.from), &text(&hit.subject)]).into_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mail::id::MessageId;

    #[test]
    fn a_terminal_gets_what_fits_and_a_pipe_everything() {
        let hit = Hit {
            account: "work".to_owned(),
            seq: 1,
            id: MessageId([0xab; 16]),
            at: 0,
            dated: false,
            from: Some("日本 <a-long-address@mail.example>".to_owned()),
            to: None,
            subject: Some("a subject \x1b[2J that is long enough to be cut".to_owned()),
            size: 1,
            attachments: 0,
        };
        let line = |accounts, terminal| {
            String::from_utf8(Table::new(8, accounts, terminal).hit(&hit, None)).unwrap()
        };
        assert_eq!(
            line(false, Some(70)),
            "abababab  -                 日本 <a-long-address@mail…  a subject \\x1…\n"
        );
        assert_eq!(
            line(true, None),
            "abababab  -                 work          日本 <a-long-address@mail.example>  a subject \\x1b[2J that is \
             long enough to be cut\n"
        );
    }
}

//! What is wrong with a query, and where.

use super::{DEPTH, TERMS};
use crate::mail::id;
use crate::text::safe::escape;
use std::fmt;
use std::ops::Range;

/// A query that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct QueryError {
    /// The query.
    pub text: String,
    /// The octets that are wrong; empty where something is missing.
    pub span: Range<usize>,
    /// What is wrong.
    pub fault: QueryFault,
}

/// What is wrong with a query; the text says what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum QueryFault {
    /// A quotation mark without its second.
    #[error("a quotation mark is missing; end the phrase with one")]
    Unquoted,
    /// `(` without `)`.
    #[error("this bracket is not closed; add a )")]
    Unclosed,
    /// `)` without `(`, or with nothing between them.
    #[error("this bracket closes nothing; put it in quotes to search for it")]
    Unopened,
    /// OR or AND with nothing before it.
    #[error(
        "something to search for must stand before it; to search for the word, write it in small letters"
    )]
    NothingBefore,
    /// OR, AND or NOT at the end.
    #[error("something to search for must follow; to search for the word, write it in small letters")]
    Unfinished,
    /// No letter and no digit.
    #[error("there is no letter and no digit in it; give a word")]
    NoWord,
    /// A field without a value.
    #[error("the value is missing; write it right behind the colon, such as {field}:{}", example(field))]
    NoValue {
        /// Which.
        field: &'static str,
    },
    /// No field has this name.
    #[error("there is no field {field}{}; to search for this text, put it in quotes", suggestion(*meant))]
    UnknownField {
        /// What was typed.
        field: String,
        /// What may have been meant.
        meant: Option<&'static str>,
    },
    /// `has:` something else than an attachment.
    #[error("only attachments can be asked for so; write has:attachment")]
    HasWhat,
    /// No day, month or year.
    #[error("this is no day; write it as 2025-01-31, a month as 2025-01, a year as 2025")]
    NoDay,
    /// No size.
    #[error("this is no size; write it as 5MB or 200kB, or as a number of octets")]
    NoSize,
    /// No message ID.
    #[error("this is no message ID; it has at least {} digits from 0 to 9 and a to f", id::SHORTEST)]
    NoId,
    /// More than [`TERMS`] words.
    #[error("a query may have {TERMS} words; leave some out")]
    TooManyTerms,
    /// More than [`DEPTH`] brackets in each other.
    #[error("a query may have {DEPTH} brackets or NOTs within each other; leave some out")]
    TooDeep,
}

impl QueryError {
    pub(super) fn new(text: &str, span: Range<usize>, fault: QueryFault) -> QueryError {
        QueryError { text: text.to_owned(), span, fault }
    }

    /// The place in characters, from 1 up.
    pub fn column(&self) -> usize {
        self.text[..self.span.start].chars().count() + 1
    }

    /// The query, and below it a mark at the place; for a terminal.
    pub fn shown(&self) -> String {
        use unicode_width::UnicodeWidthStr as _;
        let escaped = |part: &str| escape(part.as_bytes());
        let (before, wrong) = (&self.text[..self.span.start], &self.text[self.span.clone()]);
        let (query, before, wrong) = (escaped(&self.text), escaped(before), escaped(wrong));
        format!("  {query}\n  {}{}", " ".repeat(before.width()), "^".repeat(wrong.width().max(1)))
    }
}

impl fmt::Display for QueryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (column, wrong) = (self.column(), escape(self.text[self.span.clone()].as_bytes()));
        if wrong.is_empty() {
            write!(f, "cannot read the query at its end, column {column}: {}", self.fault)
        } else {
            write!(f, "cannot read the query at column {column} ({wrong}): {}", self.fault)
        }
    }
}

fn suggestion(meant: Option<&str>) -> String {
    meant.map_or_else(String::new, |meant| format!(" (did you mean {meant}?)"))
}

fn example(field: &str) -> &'static str {
    match field {
        "has" => "attachment",
        "account" => "work",
        "after" | "before" | "on" => "2025-01-31",
        "larger" | "smaller" => "5MB",
        "id" => "1a2b3c4d",
        "filename" => "invoice.pdf",
        "subject" | "body" => "invoice",
        _ => "jane",
    }
}

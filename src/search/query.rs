//! What a person searches for: the grammar, and nothing of how it is found.
//!
//! ```text
//! any   = all ("OR" all)*
//! all   = one+                          "AND" between them may be written, and means nothing more
//! one   = ("NOT" | "-") one | "(" any ")" | field ":" value | value
//! value = word | word"*" | '"' text '"'
//! ```
//!
//! Promises: pure; a query that cannot be read is an error that knows the place; what is read is bounded ([`TERMS`],
//! [`DEPTH`]), so that no query exhausts the stack.

mod error;
mod period;
mod token;

pub use error::{QueryError, QueryFault};
pub use period::{Period, days};

use crate::config::parse_size;
use crate::mail::id::IdStart;
use token::{Kind, Token};

/// Words and fields in one query, at most.
pub const TERMS: usize = 200;

/// Brackets and NOTs in each other, at most.
pub const DEPTH: usize = 50;

/// Which messages are wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Query {
    /// All of these; with none of them: every message.
    All(Vec<Query>),
    /// At least one of these.
    Any(Vec<Query>),
    /// Those that the query does not find.
    Not(Box<Query>),
    /// Those that have these words, side by side.
    Words(Words),
    /// Those with a part that is an attachment or has a file name.
    HasAttachment,
    /// Those of an account, by its name.
    Account(String),
    /// Those of a time.
    Dated(Period),
    /// Those of more octets.
    Larger(u64),
    /// Those of fewer octets.
    Smaller(u64),
    /// Those whose message ID begins so.
    Id(IdStart),
}

/// Words that stand side by side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Words {
    /// Where they stand; `None`: anywhere.
    pub field: Option<TextField>,
    /// The words as typed: at least one letter or digit.
    pub text: String,
    /// The last one may go on.
    pub prefix: bool,
}

/// A part of a message that is searched by words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TextField {
    /// From: name and address.
    From,
    /// To.
    To,
    /// Cc.
    Cc,
    /// Subject.
    Subject,
    /// The text.
    Body,
    /// Names of attachments.
    Filename,
}

/// What stands before a colon.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Field {
    Text(TextField),
    Has,
    Account,
    After,
    Before,
    On,
    Larger,
    Smaller,
    Id,
}

const FIELDS: [(&str, Field); 14] = [
    ("from", Field::Text(TextField::From)),
    ("to", Field::Text(TextField::To)),
    ("cc", Field::Text(TextField::Cc)),
    ("subject", Field::Text(TextField::Subject)),
    ("body", Field::Text(TextField::Body)),
    ("filename", Field::Text(TextField::Filename)),
    ("has", Field::Has),
    ("account", Field::Account),
    ("after", Field::After),
    ("before", Field::Before),
    ("on", Field::On),
    ("larger", Field::Larger),
    ("smaller", Field::Smaller),
    ("id", Field::Id),
];

impl Query {
    /// Reads a query; blanks alone ask for every message.
    pub fn parse(text: &str) -> Result<Query, QueryError> {
        let tokens = token::read(text)?;
        if tokens.is_empty() {
            return Ok(Query::All(Vec::new()));
        }
        let mut parser = Parser { text, tokens: &tokens, next: 0, terms: 0, depth: 0 };
        let query = parser.any()?;
        match parser.peek() {
            None => Ok(query),
            Some(token) => Err(parser.wrong(token, QueryFault::Unopened)),
        }
    }
}

impl Query {
    /// The names of the accounts that it asks for.
    pub fn accounts(&self) -> Vec<String> {
        match self {
            Query::All(all) | Query::Any(all) => all.iter().flat_map(Query::accounts).collect(),
            Query::Not(not) => not.accounts(),
            Query::Account(name) => vec![name.clone()],
            _ => Vec::new(),
        }
    }
}

struct Parser<'t> {
    text: &'t str,
    tokens: &'t [Token<'t>],
    next: usize,
    terms: usize,
    depth: usize,
}

impl<'t> Parser<'t> {
    fn peek(&self) -> Option<&'t Token<'t>> {
        self.tokens.get(self.next)
    }

    fn wrong(&self, at: &Token<'_>, fault: QueryFault) -> QueryError {
        QueryError::new(self.text, at.span.clone(), fault)
    }

    /// What is missing at the end of the query.
    fn incomplete(&self, fault: QueryFault) -> QueryError {
        QueryError::new(self.text, self.text.len()..self.text.len(), fault)
    }

    fn any(&mut self) -> Result<Query, QueryError> {
        let mut found = vec![self.all()?];
        while self.peek().is_some_and(|token| token.kind == Kind::Or) {
            self.next += 1;
            found.push(self.all()?);
        }
        Ok(if found.len() == 1 { found.remove(0) } else { Query::Any(found) })
    }

    fn all(&mut self) -> Result<Query, QueryError> {
        let mut found = vec![self.one()?];
        loop {
            match self.peek().map(|token| &token.kind) {
                None | Some(Kind::Or | Kind::Close) => break,
                Some(Kind::And) => self.next += 1,
                Some(_) => {}
            }
            found.push(self.one()?);
        }
        Ok(if found.len() == 1 { found.remove(0) } else { Query::All(found) })
    }

    fn one(&mut self) -> Result<Query, QueryError> {
        let Some(token) = self.peek() else { return Err(self.incomplete(QueryFault::Unfinished)) };
        self.next += 1;
        match &token.kind {
            Kind::Not => Ok(Query::Not(Box::new(self.deeper(token, Self::one)?))),
            Kind::Open => {
                let inside = self.deeper(token, Self::any)?;
                match self.peek().map(|token| &token.kind) {
                    Some(Kind::Close) => self.next += 1,
                    _ => return Err(self.wrong(token, QueryFault::Unclosed)),
                }
                Ok(inside)
            }
            Kind::Word { field, value, quoted } => {
                self.terms += 1;
                if self.terms > TERMS {
                    return Err(self.wrong(token, QueryFault::TooManyTerms));
                }
                term(*field, value, *quoted).map_err(|fault| self.wrong(token, fault))
            }
            Kind::And | Kind::Or => Err(self.wrong(token, QueryFault::NothingBefore)),
            Kind::Close => Err(self.wrong(token, QueryFault::Unopened)),
        }
    }

    fn deeper(
        &mut self,
        at: &Token<'_>,
        read: impl FnOnce(&mut Self) -> Result<Query, QueryError>,
    ) -> Result<Query, QueryError> {
        self.depth += 1;
        if self.depth > DEPTH {
            return Err(self.wrong(at, QueryFault::TooDeep));
        }
        let read = read(self)?;
        self.depth -= 1;
        Ok(read)
    }
}

/// A word, or a field and its value.
fn term(field: Option<&str>, value: &str, quoted: bool) -> Result<Query, QueryFault> {
    let field = match field {
        None => return words(None, value, quoted),
        Some(name) => FIELDS.iter().find(|(known, _)| *known == name),
    };
    // The tokens are cut at known fields only.
    let Some((_, field)) = field else { return words(None, value, quoted) };
    match field {
        Field::Text(field) => words(Some(*field), value, quoted),
        Field::Has if matches!(value, "attachment" | "attachments") => Ok(Query::HasAttachment),
        Field::Has => Err(QueryFault::HasWhat),
        Field::Account => Ok(Query::Account(value.to_owned())),
        Field::After => Ok(Query::Dated(Period { from: Some(day(value)?.0), before: None })),
        Field::Before => Ok(Query::Dated(Period { from: None, before: Some(day(value)?.0) })),
        Field::On => {
            let (first, behind) = day(value)?;
            Ok(Query::Dated(Period { from: Some(first), before: Some(behind) }))
        }
        Field::Larger => parse_size(value).map(Query::Larger).ok_or(QueryFault::NoSize),
        Field::Smaller => parse_size(value).map(Query::Smaller).ok_or(QueryFault::NoSize),
        Field::Id => IdStart::parse(value).map(Query::Id).ok_or(QueryFault::NoId),
    }
}

fn words(field: Option<TextField>, value: &str, quoted: bool) -> Result<Query, QueryFault> {
    let stem = if quoted { None } else { value.strip_suffix('*') };
    let text = stem.unwrap_or(value);
    if !text.chars().any(char::is_alphanumeric) {
        return Err(QueryFault::NoWord);
    }
    Ok(Query::Words(Words { field, text: text.to_owned(), prefix: stem.is_some() }))
}

fn day(value: &str) -> Result<(jiff::civil::Date, jiff::civil::Date), QueryFault> {
    period::days(value).ok_or(QueryFault::NoDay)
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;
    use proptest::prelude::*;

    fn read(text: &str) -> Query {
        Query::parse(text).unwrap_or_else(|error| panic!("{error}"))
    }

    fn word(text: &str) -> Query {
        Query::Words(Words { field: None, text: text.to_owned(), prefix: false })
    }

    fn field(field: TextField, text: &str) -> Query {
        Query::Words(Words { field: Some(field), text: text.to_owned(), prefix: false })
    }

    #[track_caller]
    fn wrong(text: &str, column: usize, fault: &QueryFault) {
        let error = Query::parse(text).unwrap_err();
        assert_eq!((error.column(), &error.fault), (column, fault), "{text:?}");
    }

    #[test]
    fn words_must_all_occur_and_or_binds_weaker() {
        assert_eq!(read("  "), Query::All(Vec::new()));
        assert_eq!(read("invoice"), word("invoice"));
        assert_eq!(
            read("a b OR NOT c"),
            Query::Any(vec![Query::All(vec![word("a"), word("b")]), Query::Not(Box::new(word("c")))])
        );
        assert_eq!(read("a AND b"), read("a b"));
        assert_eq!(
            read("(a OR b) -c"),
            Query::All(vec![Query::Any(vec![word("a"), word("b")]), Query::Not(Box::new(word("c")))])
        );
        assert_eq!(read("or not and"), read("\"or\" \"not\" \"and\""), "only capitals are operators");
        assert_eq!(read("well-known"), word("well-known"));
    }

    #[test]
    fn phrases_and_prefixes() {
        assert_eq!(read("\"exact words\""), word("exact words"));
        let prefix = |text: &str| Query::Words(Words { field: None, text: text.to_owned(), prefix: true });
        assert_eq!(read("invoi*"), prefix("invoi"));
        assert_eq!(read("\"invoi*\""), word("invoi*"));
        assert_eq!(read("subject:\"a OR b\""), field(TextField::Subject, "a OR b"));
    }

    #[test]
    fn fields_have_their_own_values() {
        assert_eq!(read("from:jane@example.com"), field(TextField::From, "jane@example.com"));
        assert_eq!(read("FROM:Jane"), field(TextField::From, "Jane"));
        assert_eq!(read("has:attachment"), Query::HasAttachment);
        assert_eq!(read("account:work"), Query::Account("work".to_owned()));
        assert_eq!(read("larger:5MB"), Query::Larger(5_000_000));
        assert_eq!(read("smaller:1024"), Query::Smaller(1024));
        assert_eq!(read("id:ABCDEF01"), Query::Id(IdStart::parse("abcdef01").unwrap()));
        let dated = |from, before| Query::Dated(Period { from, before });
        assert_eq!(read("after:2025-01-31"), dated(Some(date(2025, 1, 31)), None));
        assert_eq!(read("before:2025-01-31"), dated(None, Some(date(2025, 1, 31))));
        assert_eq!(read("on:2025-01-31"), dated(Some(date(2025, 1, 31)), Some(date(2025, 2, 1))));
        assert_eq!(read("on:2025-03"), dated(Some(date(2025, 3, 1)), Some(date(2025, 4, 1))));
        assert_eq!(read("on:2025"), dated(Some(date(2025, 1, 1)), Some(date(2026, 1, 1))));
    }

    #[test]
    fn a_colon_alone_makes_no_field() {
        for text in ["http://example.com/x", "10:30", "Re:", "日:本"] {
            assert_eq!(read(text), word(text));
        }
    }

    #[test]
    fn what_cannot_be_read_points_at_the_place() {
        wrong("a \"b c", 3, &QueryFault::Unquoted);
        wrong("a (b", 3, &QueryFault::Unclosed);
        wrong("a b) c", 4, &QueryFault::Unopened);
        wrong("OR a", 1, &QueryFault::NothingBefore);
        wrong("a OR", 5, &QueryFault::Unfinished);
        wrong("über NOT", 9, &QueryFault::Unfinished);
        wrong("()", 2, &QueryFault::Unopened);
        wrong("a !!!", 3, &QueryFault::NoWord);
        wrong("a *", 3, &QueryFault::NoWord);
        wrong("a subject:", 3, &QueryFault::NoValue { field: "subject" });
        wrong("form:jane", 1, &QueryFault::UnknownField { field: "form".to_owned(), meant: Some("from") });
        wrong("a xyzzy:jane", 3, &QueryFault::UnknownField { field: "xyzzy".to_owned(), meant: None });
        wrong("has:money", 1, &QueryFault::HasWhat);
        wrong("after:2025-02-30", 1, &QueryFault::NoDay);
        wrong("on:yesterday", 1, &QueryFault::NoDay);
        wrong("larger:big", 1, &QueryFault::NoSize);
        wrong("id:abc", 1, &QueryFault::NoId);
        wrong(&"(".repeat(5000), DEPTH + 1, &QueryFault::TooDeep);
        wrong(&"NOT ".repeat(5000), 4 * DEPTH + 1, &QueryFault::TooDeep);
        wrong(&"a ".repeat(5000), 2 * TERMS + 1, &QueryFault::TooManyTerms);
    }

    proptest! {
        #[test]
        fn anything_is_read_or_refused(text in "\\PC{0,40}|[a-c:()\" *-]{0,40}|(NOT |OR |AND |from:|\\(|\\)|a |\")*") {
            if let Err(error) = Query::parse(&text) {
                prop_assert!(error.column() <= text.chars().count() + 1);
                prop_assert!(!error.to_string().contains('\n'));
                let _ = error.shown();
            }
        }
    }
}

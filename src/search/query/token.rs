//! A query in its smallest pieces: operators, brackets, words.

use super::FIELDS;
use super::error::{QueryError, QueryFault};
use std::ops::Range;

/// The furthest slip that is taken for a known field.
const SLIP: usize = 2;

/// A piece, and where it stands.
#[derive(Debug)]
pub(super) struct Token<'t> {
    pub(super) kind: Kind<'t>,
    pub(super) span: Range<usize>,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Kind<'t> {
    And,
    Or,
    Not,
    Open,
    Close,
    Word { field: Option<&'static str>, value: &'t str, quoted: bool },
}

/// Cuts a query into its pieces.
pub(super) fn read(text: &str) -> Result<Vec<Token<'_>>, QueryError> {
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(next) = text[at..].find(|c: char| !c.is_whitespace()) {
        at += next;
        let (kind, length) = one(text, at)?;
        tokens.push(Token { kind, span: at..at + length });
        at += length;
    }
    Ok(tokens)
}

/// The piece at this place, and its length.
fn one(text: &str, at: usize) -> Result<(Kind<'_>, usize), QueryError> {
    let rest = &text[at..];
    match rest.as_bytes()[0] {
        b'(' => return Ok((Kind::Open, 1)),
        b')' => return Ok((Kind::Close, 1)),
        b'-' if rest[1..].starts_with(|c: char| !c.is_whitespace()) => return Ok((Kind::Not, 1)),
        b'"' => {
            let (value, length) = quoted(text, at, at)?;
            return Ok((Kind::Word { field: None, value, quoted: true }, length));
        }
        _ => {}
    }
    let bare = &rest[..rest.find(ends_word).unwrap_or(rest.len())];
    match bare {
        "AND" => return Ok((Kind::And, 3)),
        "OR" => return Ok((Kind::Or, 2)),
        "NOT" => return Ok((Kind::Not, 3)),
        _ => {}
    }
    let Some((name, value)) = bare.split_once(':') else {
        return Ok((Kind::Word { field: None, value: bare, quoted: false }, bare.len()));
    };
    let known = FIELDS.iter().find(|(field, _)| name.eq_ignore_ascii_case(field));
    let Some((field, _)) = known else {
        return match unknown(name, value) {
            Some(fault) => Err(QueryError::new(text, at..at + name.len() + 1, fault)),
            None => Ok((Kind::Word { field: None, value: bare, quoted: false }, bare.len())),
        };
    };
    let begins = at + name.len() + 1;
    if text[begins..].starts_with('"') {
        let (value, length) = quoted(text, at, begins)?;
        return Ok((Kind::Word { field: Some(field), value, quoted: true }, length));
    }
    if value.is_empty() {
        return Err(QueryError::new(text, at..begins, QueryFault::NoValue { field }));
    }
    Ok((Kind::Word { field: Some(field), value, quoted: false }, bare.len()))
}

/// What stands in the quotes that begin at `begins`, and how far that is from `at`.
fn quoted(text: &str, at: usize, begins: usize) -> Result<(&str, usize), QueryError> {
    let inside = &text[begins + 1..];
    let Some(length) = inside.find('"') else {
        return Err(QueryError::new(text, begins..text.len(), QueryFault::Unquoted));
    };
    Ok((&inside[..length], begins + length + 2 - at))
}

fn ends_word(character: char) -> bool {
    character.is_whitespace() || matches!(character, '(' | ')' | '"')
}

/// What is wrong with a name before a colon that is no field; `None` where it is just text, such as an address of a
/// web page or a time of day.
fn unknown(name: &str, value: &str) -> Option<QueryFault> {
    let is_text =
        !name.bytes().all(|b| b.is_ascii_alphabetic()) || value.is_empty() || value.starts_with('/');
    if is_text {
        return None;
    }
    let name = name.to_ascii_lowercase();
    let nearest = FIELDS.iter().map(|(field, _)| (strsim::damerau_levenshtein(&name, field), *field)).min();
    let meant = nearest.filter(|(slip, field)| *slip <= SLIP.min(field.len() / 2)).map(|(_, field)| field);
    Some(QueryFault::UnknownField { field: name, meant })
}

//! From text to [`RawFile`], with each of the TOML library's errors in our own words: its own may
//! quote a value, and a value may be a password.

use super::error::{Fault, SINGLE_QUOTES};
use super::nearest::suggestion;
use super::raw::{ACCOUNT_KEYS, DESTINATION_KEYS, OAUTH_KEYS, RawFile, TOP_KEYS, is_account_name};
use std::ops::Range;
use toml::de::{DeTable, DeValue};

/// Reads the text. The error says what is wrong and where (octets of `text`).
pub(super) fn parse(text: &str) -> Result<RawFile, (Fault, Range<usize>)> {
    toml::from_str(text).map_err(|error| {
        let span = error.span().unwrap_or(0..0);
        match DeTable::parse(text) {
            // The syntax is right, so it is a matter of keys or types.
            Ok(document) => {
                let mut path = Vec::new();
                let _found = locate(document.get_ref(), &span, &mut path);
                let dotted = dotted_name(line_at(text, &span), document.get_ref());
                (dotted.unwrap_or_else(|| misfit(error.message(), &path)), span)
            }
            Err(syntax) => {
                let span = syntax.span().unwrap_or(span);
                if let Some(name) = name_in_header(line_at(text, &span)) {
                    return (bad_name(name), span);
                }
                let mut what = syntax.message().replace('\n', " ");
                if is_in_an_escape(text, &span) {
                    what = format!("{what}; {SINGLE_QUOTES}");
                }
                (Fault::Syntax { what }, span)
            }
        }
    })
}

/// Whether the text is TOML.
pub(super) fn check_syntax(text: &str) -> Result<(), (Fault, Range<usize>)> {
    match DeTable::parse(text) {
        Ok(_) => Ok(()),
        Err(_) => parse(text).map(drop),
    }
}

/// Whether what is wrong at `span` is a backslash in double quotes, or comes of one.
fn is_in_an_escape(text: &str, span: &Range<usize>) -> bool {
    let mut quotes = line_at(text, span).split('"');
    quotes.next();
    quotes.next().is_some_and(|quoted| quoted.contains('\\'))
}

/// The line on which `span` starts.
fn line_at<'t>(text: &'t str, span: &Range<usize>) -> &'t str {
    let at = text.floor_char_boundary(span.start.min(text.len()));
    let begin = text[..at].rfind('\n').map_or(0, |newline| newline + 1);
    text[begin..].lines().next().unwrap_or_default()
}

/// The account's name in a line such as `[accounts.my mail]`, if TOML cannot read it without quotes.
fn name_in_header(line: &str) -> Option<&str> {
    let (name, _) = line.trim().strip_prefix("[accounts.")?.split_once(']')?;
    let bare = |b: u8| b.is_ascii_alphanumeric() || b"-_.".contains(&b);
    (!name.contains(['"', '\'']) && !name.is_empty() && !name.bytes().all(bare)).then_some(name)
}

/// A name with dots in a header such as `[accounts.jane.doe]`, which to TOML is a table `doe` within `jane`. Not
/// `[accounts.work.old]` where `work` is an account, nor `[accounts.work.oauth]`: there the dot separates an account
/// from what belongs to it, and quotes would make a second account.
fn dotted_name(line: &str, document: &DeTable<'_>) -> Option<Fault> {
    let (name, _) = line.trim().strip_prefix("[accounts.")?.split_once(']')?;
    let name = name.strip_suffix(".oauth").unwrap_or(name);
    let within = name.match_indices('.').any(|(dot, _)| is_account(&name[..dot], document));
    (name.contains('.') && is_account_name(name) && !within)
        .then(|| Fault::UnquotedName { name: name.to_owned() })
}

/// Whether the document has this account: a table with keys of its own, not only with tables.
fn is_account(name: &str, document: &DeTable<'_>) -> bool {
    let Some(DeValue::Table(accounts)) = value_of("accounts", document) else { return false };
    let Some(DeValue::Table(account)) = value_of(name, accounts) else { return false };
    account.iter().any(|(_, value)| !matches!(value.get_ref(), DeValue::Table(_)))
}

/// The value of a key.
fn value_of<'t, 'd>(key: &str, table: &'t DeTable<'d>) -> Option<&'t DeValue<'d>> {
    table.iter().find(|(known, _)| known.get_ref() == key).map(|(_, value)| value.get_ref())
}

/// What to say of it: a name with a `@` wants quotes, one with a space another name.
fn bad_name(name: &str) -> Fault {
    let name = name.to_owned();
    if is_account_name(&name) {
        Fault::UnquotedName { name }
    } else {
        Fault::TableName { kind: "account", name }
    }
}

/// The keys that lead to what stands at `span`, a key or a value.
fn locate(table: &DeTable<'_>, span: &Range<usize>, path: &mut Vec<String>) -> bool {
    for (key, value) in table {
        path.push(key.get_ref().to_string());
        if key.span() == *span || value.span() == *span {
            return true;
        }
        // What stands in a list has no key but the list's.
        if let DeValue::Array(list) = value.get_ref()
            && list.iter().any(|entry| entry.span() == *span)
        {
            return true;
        }
        if let DeValue::Table(inner) = value.get_ref()
            && locate(inner, span, path)
        {
            return true;
        }
        path.pop();
    }
    false
}

fn misfit(message: &str, path: &[String]) -> Fault {
    let (key, parents) = match path.split_last() {
        Some((key, parents)) => (key.clone(), parents),
        None => (String::new(), path),
    };
    if message.starts_with("unknown field") {
        return unknown_key(key, parents);
    }
    // "invalid type: string \"…\", expected an integer": only the ends are safe to repeat.
    let found = message.strip_prefix("invalid type: ").or_else(|| message.strip_prefix("invalid value: "));
    let wanted = message.rsplit_once(", expected ");
    match (found, wanted) {
        (Some(found), Some((_, wanted))) => Fault::WrongType {
            wanted: type_wanted(&key, wanted).to_owned(),
            key,
            found: type_found(found).to_owned(),
        },
        _ => Fault::Syntax { what: "a key or value is in the wrong place; see popkeep.toml(5)".to_owned() },
    }
}

fn unknown_key(key: String, parents: &[String]) -> Fault {
    let top = parents.is_empty();
    if parents.last().is_some_and(|table| table == "oauth") && parents.len() > 1 {
        let table = format!("in [{}]", parents.join(".").escape_debug());
        let advice = suggestion(&key, OAUTH_KEYS.iter().copied());
        return Fault::UnknownKey { key, table, advice };
    }
    let table_keys = if parents.first().is_some_and(|table| table == "destinations") {
        DESTINATION_KEYS
    } else {
        ACCOUNT_KEYS
    };
    let (known, others) = if top { (TOP_KEYS, ACCOUNT_KEYS) } else { (table_keys, TOP_KEYS) };
    let advice = match (others.contains(&key.as_str()), top) {
        (true, true) => "; move it into [defaults] or an [accounts.NAME]".to_owned(),
        (true, false) => "; move it to the top of the file, before the first [table]".to_owned(),
        (false, false) if OAUTH_KEYS.contains(&key.as_str()) => {
            format!("; move it into [{}.oauth]", parents.join(".").escape_debug())
        }
        (false, _) => suggestion(&key, known.iter().copied()),
    };
    let table = if top {
        "at the top of the file".to_owned()
    } else {
        format!("in [{}]", parents.join(".").escape_debug())
    };
    Fault::UnknownKey { key, table, advice }
}

fn type_wanted<'w>(key: &str, words: &'w str) -> &'w str {
    match (key, words) {
        ("timeout" | "connect_timeout" | "run_timeout" | "quiet_transient", "a string") => {
            "a string such as \"60s\""
        }
        ("delete", "a string") => "a string such as \"never\" or \"30d\"",
        (_, "i64") => "an integer",
        (_, "a boolean") => "true or false",
        (_, "a map") => "a table",
        _ => words,
    }
}

fn type_found(words: &str) -> &'static str {
    match words.split([' ', ',']).next() {
        Some("string") => "a string",
        Some("integer") => "an integer",
        Some("floating") => "a number with a fraction",
        Some("boolean") => "true or false",
        Some("sequence") => "an array",
        Some("map") => "a table",
        _ => "this",
    }
}

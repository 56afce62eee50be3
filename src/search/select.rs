//! A query as SQLite takes it.
//!
//! Words that stand together become one question to FTS5; all else is a condition on the table of messages.

use super::query::{Query, TextField, Words};
use super::words;
use jiff::tz::TimeZone;
use rusqlite::types::Value;
use std::collections::HashMap;

/// A condition, and the values in it, in order.
pub(super) struct Condition {
    pub(super) sql: String,
    pub(super) values: Vec<Value>,
}

impl Condition {
    fn of(sql: impl Into<String>, values: impl IntoIterator<Item = Value>) -> Condition {
        Condition { sql: sql.into(), values: values.into_iter().collect() }
    }

    fn joined(parts: Vec<Condition>, with: &str, none: &str) -> Condition {
        if parts.is_empty() {
            return Condition::of(none, []);
        }
        let mut values = Vec::new();
        let mut sqls = Vec::new();
        for part in parts {
            values.extend(part.values);
            sqls.push(part.sql);
        }
        Condition { sql: format!("({})", sqls.join(with)), values }
    }
}

/// What a query asks of the rows of `message`. `accounts`: the numbers of the accounts by name.
pub(super) fn condition(query: &Query, accounts: &HashMap<&str, i64>) -> Condition {
    if let Some(question) = question(query) {
        let matches = "id IN (SELECT rowid FROM words WHERE words MATCH ?)";
        return Condition::of(matches, [Value::Text(question)]);
    }
    let number = |number: u64| Value::Integer(i64::try_from(number).unwrap_or(i64::MAX));
    match query {
        Query::All(all) => {
            let (words, others): (Vec<&Query>, Vec<&Query>) = all.iter().partition(|one| is_words(one));
            let together = Query::All(words.iter().map(|one| (*one).clone()).collect());
            let mut parts = Vec::new();
            if question(&together).is_some() {
                parts.push(condition(&together, accounts));
            } else {
                parts.extend(words.into_iter().map(|one| condition(one, accounts)));
            }
            parts.extend(others.into_iter().map(|one| condition(one, accounts)));
            Condition::joined(parts, " AND ", "1")
        }
        Query::Any(any) => {
            Condition::joined(any.iter().map(|one| condition(one, accounts)).collect(), " OR ", "0")
        }
        Query::Not(not) => {
            let Condition { sql, values } = condition(not, accounts);
            Condition { sql: format!("NOT {sql}"), values }
        }
        // Words always make a question.
        Query::Words(_) => Condition::of("0", []),
        Query::HasAttachment => Condition::of("attachments > 0", []),
        Query::Account(name) => {
            let account = accounts.get(name.as_str()).copied().unwrap_or(0);
            Condition::of("account = ?", [Value::Integer(account)])
        }
        Query::Dated(period) => {
            let (from, before) = period.instants(&TimeZone::system());
            let from = from.map(|from| Condition::of("at >= ?", [Value::Integer(from)]));
            let before = before.map(|before| Condition::of("at < ?", [Value::Integer(before)]));
            Condition::joined(from.into_iter().chain(before).collect(), " AND ", "1")
        }
        Query::Larger(octets) => Condition::of("size > ?", [number(*octets)]),
        Query::Smaller(octets) => Condition::of("size < ?", [number(*octets)]),
        Query::Id(start) => {
            let (first, last) = start.range();
            let blob = |id: crate::mail::id::MessageId| Value::Blob(id.0.to_vec());
            Condition::of("content BETWEEN ? AND ?", [blob(first), blob(last)])
        }
    }
}

fn is_words(query: &Query) -> bool {
    match query {
        Query::Words(_) => true,
        Query::Not(not) => is_words(not),
        Query::All(all) | Query::Any(all) => !all.is_empty() && all.iter().all(is_words),
        _ => false,
    }
}

/// A question to FTS5; `None` where it cannot be asked: what it finds has at least one word.
fn question(query: &Query) -> Option<String> {
    match query {
        Query::Words(words) => Some(one(words)),
        Query::Any(any) if !any.is_empty() => {
            let any: Option<Vec<String>> = any.iter().map(question).collect();
            any.map(|any| format!("({})", any.join(" OR ")))
        }
        Query::All(all) => {
            let excluded = all.iter().filter_map(|one| match one {
                Query::Not(not) => Some(question(not)),
                _ => None,
            });
            let wanted = all.iter().filter(|one| !matches!(one, Query::Not(_))).map(question);
            let wanted = wanted.collect::<Option<Vec<String>>>().filter(|wanted| !wanted.is_empty())?;
            let excluded = excluded.collect::<Option<Vec<String>>>()?;
            let wanted = format!("({})", wanted.join(" AND "));
            if excluded.is_empty() {
                return Some(wanted);
            }
            Some(format!("({wanted} NOT ({}))", excluded.join(" OR ")))
        }
        _ => None,
    }
}

fn one(words: &Words) -> String {
    let phrase = words::phrase(&words.text, words.prefix);
    match words.field {
        None => phrase,
        Some(field) => format!("{} : {phrase}", column(field)),
    }
}

fn column(field: TextField) -> &'static str {
    match field {
        TextField::From => "sender",
        TextField::To => "recipient",
        TextField::Cc => "copy",
        TextField::Subject => "subject",
        TextField::Body => "body",
        TextField::Filename => "filename",
    }
}

#[cfg(test)]
mod tests {
    use super::condition;
    use crate::search::query::Query;
    use std::collections::HashMap;

    fn sql(query: &str) -> String {
        let condition = condition(&Query::parse(query).unwrap(), &HashMap::from([("work", 7)]));
        let values = condition.values.iter().map(|value| match value {
            rusqlite::types::Value::Text(text) => text.clone(),
            rusqlite::types::Value::Integer(number) => number.to_string(),
            other => format!("{other:?}"),
        });
        values
            .fold(condition.sql, |sql, value| sql.replacen('?', &value, 1))
            .replace("id IN (SELECT rowid FROM words WHERE words MATCH ", "(match ")
    }

    #[test]
    fn words_become_one_question_where_they_can() {
        assert_eq!(sql(""), "1");
        assert_eq!(sql("a b -c"), "(match ((\"a\" AND \"b\") NOT (\"c\")))");
        assert_eq!(sql("subject:a* OR \"b c\""), "(match (subject : \"a\" * OR \"b c\"))");
        assert_eq!(sql("NOT a NOT b"), "(NOT (match \"a\") AND NOT (match \"b\"))");
        assert_eq!(
            sql("a b larger:5 account:work"),
            "((match (\"a\" AND \"b\")) AND size > 5 AND account = 7)"
        );
        assert_eq!(sql("a OR smaller:5 OR account:home"), "((match \"a\") OR size < 5 OR account = 0)");
        assert_eq!(sql("NOT (a OR larger:5)"), "NOT ((match \"a\") OR size > 5)");
    }
}

//! Single values: lines, words out of a few, durations, sizes, paths.

use super::super::error::{ConfigError, Fault, SINGLE_QUOTES};
use super::super::nearest::{nearest, suggestion};
use super::super::paths::{Bases, PathFault, expand};
use super::super::quantity::{DURATION_FORM, SIZE_FORM, parse_duration, parse_size};
use super::super::raw::{RawAccount, RawSize, RawStrings};
use super::super::resolved::{CommandLine, DeletePolicy};
use super::{Read, Reader, Table};
use crate::mail::skip_headers::SkipHeaders;
use std::path::PathBuf;
use std::time::Duration;
use toml::Spanned;

/// What `\b`, `\t`, `\n`, `\f` and `\r` stand for in double quotes.
const ESCAPED: [char; 5] = ['\x08', '\t', '\n', '\x0c', '\r'];

/// The default of `max_size`: 1 GiB.
const MAX_SIZE: u64 = 1 << 30;

impl Reader<'_> {
    pub(super) fn impossible(&self, key: &'static str, value: &Spanned<String>, wanted: &str) -> ConfigError {
        let fault = Fault::Value { key, value: value.get_ref().clone(), wanted: wanted.to_owned() };
        self.error(&value.span(), fault)
    }

    /// Text that is to travel in a command or be filed: one line, and not empty.
    pub(super) fn line(&self, key: &'static str, value: &Spanned<String>) -> Read<String> {
        let text = value.get_ref();
        if text.contains(ESCAPED) {
            let wanted = format!("it must be one line of text, without control characters; {SINGLE_QUOTES}");
            return Err(self.impossible(key, value, &wanted));
        }
        if text.trim().is_empty() || text.contains(|c: char| c.is_control()) {
            return Err(self.impossible(
                key,
                value,
                "it must be one line of text, without control characters",
            ));
        }
        Ok(text.clone())
    }

    pub(super) fn word<T: Copy>(
        &self,
        table: &Table<'_>,
        key: &'static str,
        known: &[(&'static str, T)],
        field: fn(&RawAccount) -> &Option<Spanned<String>>,
    ) -> Read<Option<T>> {
        let Some(value) = table.get(field) else { return Ok(None) };
        if let Some((_, meaning)) = known.iter().find(|(word, _)| word.eq_ignore_ascii_case(value.get_ref()))
        {
            return Ok(Some(*meaning));
        }
        Err(self.impossible(key, value, &one_of(known, value.get_ref())))
    }

    pub(super) fn delete(&self, table: &Table<'_>) -> Read<DeletePolicy> {
        const WORDS: [(&str, DeletePolicy); 2] =
            [("never", DeletePolicy::Never), ("fetched", DeletePolicy::Fetched)];
        let Some(value) = table.get(|a| &a.delete) else { return Ok(DeletePolicy::Never) };
        let text = value.get_ref();
        if let Some((_, policy)) = WORDS.iter().find(|(word, _)| word.eq_ignore_ascii_case(text)) {
            return Ok(*policy);
        }
        parse_duration(text).map(DeletePolicy::After).ok_or_else(|| {
            self.impossible(
                "delete",
                value,
                "use \"never\", \"fetched\", or an age such as \"30d\" or \"30 days\"",
            )
        })
    }

    pub(super) fn max_size(&self, table: &Table<'_>) -> Read<u64> {
        let Some(value) = table.get(|a| &a.max_size) else { return Ok(MAX_SIZE) };
        let (shown, octets) = match value.get_ref() {
            RawSize::Octets(octets) => (octets.to_string(), u64::try_from(*octets).ok()),
            RawSize::Words(words) => (words.clone(), parse_size(words)),
        };
        octets.filter(|octets| *octets > 0).ok_or_else(|| {
            let wanted = format!("it must be {SIZE_FORM}, and more than 0");
            self.error(&value.span(), Fault::Value { key: "max_size", value: shown, wanted })
        })
    }

    /// The fields whose messages are left. An empty list takes back the defaults'.
    pub(super) fn skip_headers(&self, table: &Table<'_>) -> Read<SkipHeaders> {
        let mut skip = SkipHeaders::default();
        let Some(value) = table.get(|a| &a.skip_headers) else { return Ok(skip) };
        let mut add = |text: &String, span| {
            skip.add(text).map_err(|wanted| {
                let (value, wanted) = (text.clone(), wanted.to_owned());
                self.error(&span, Fault::Value { key: "skip_headers", value, wanted })
            })
        };
        match value.get_ref() {
            RawStrings::One(text) => add(text, value.span())?,
            RawStrings::Several(list) => {
                list.iter().try_for_each(|text| add(text.get_ref(), text.span()))?;
            }
        }
        Ok(skip)
    }

    pub(super) fn duration(
        &self,
        key: &'static str,
        value: Option<&Spanned<String>>,
    ) -> Read<Option<Duration>> {
        let Some(value) = value else { return Ok(None) };
        match parse_duration(value.get_ref()) {
            Some(duration) => Ok(Some(duration)),
            None => Err(self.impossible(key, value, &format!("it must be {DURATION_FORM}"))),
        }
    }

    /// A time limit: more than 0 and at most `longest`, which is said as `longest_words`.
    pub(super) fn limit(
        &self,
        key: &'static str,
        value: Option<&Spanned<String>>,
        (longest, longest_words): (Duration, &str),
    ) -> Read<Option<Duration>> {
        let Some(value) = value else { return Ok(None) };
        match self.duration(key, Some(value))? {
            Some(limit) if limit > Duration::ZERO && limit <= longest => Ok(Some(limit)),
            _ => {
                let wanted = format!("it must be more than 0 and at most {longest_words}");
                Err(self.impossible(key, value, &wanted))
            }
        }
    }

    pub(super) fn path(
        &self,
        key: &'static str,
        value: &Spanned<String>,
        account: Option<&str>,
    ) -> Read<PathBuf> {
        let bases = Bases { folder: &self.around.folder, home: self.around.home.as_deref(), account };
        expand(value.get_ref(), bases).map_err(|fault| {
            let wanted = match fault {
                PathFault::Empty => "it must be a path".to_owned(),
                PathFault::Nul => "a path cannot contain NUL".to_owned(),
                PathFault::NoHome => {
                    "there is no home folder for ~ (is HOME set?); write an absolute path".to_owned()
                }
                PathFault::OtherHome => {
                    "~ works only for your own home folder; write an absolute path".to_owned()
                }
                PathFault::Placeholder(name) if account.is_some() => {
                    format!("{name} is not known; did you mean {{account}}?")
                }
                PathFault::Placeholder(name) => format!("{name} has no meaning here"),
            };
            self.impossible(key, value, &wanted)
        })
    }
}

/// What to run once there is new mail; an empty one in an account takes back the defaults'.
pub(super) fn on_new_mail(table: &Table<'_>) -> Option<CommandLine> {
    let command = table.get(|a| &a.on_new_mail)?.get_ref();
    (!command.trim().is_empty()).then(|| CommandLine::new(command.clone()))
}

/// `use one of "a", "b"`, with a guess at what was meant.
pub(super) fn one_of<T>(known: &[(&'static str, T)], word: &str) -> String {
    let words: Vec<String> = known.iter().map(|(word, _)| format!("{word:?}")).collect();
    let guess = match nearest(word, known.iter().map(|(word, _)| *word)) {
        Some((_, true)) => suggestion(word, known.iter().map(|(word, _)| *word)),
        _ => String::new(),
    };
    format!("use one of {}{guess}", words.join(", "))
}

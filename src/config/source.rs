//! The text of the configuration: one file, or that and those in `accounts.d` behind it.
//!
//! TOML reads all of them as one text; a place in it leads back to the file and the line.

use super::error::{ConfigError, Fault};
use super::excerpt::Excerpt;
use secrecy::zeroize::Zeroizing;
use std::ops::Range;
use std::path::{Path, PathBuf};

/// The files, one after the other.
pub(super) struct Source {
    text: Zeroizing<String>,
    files: Vec<Part>,
}

/// A file's part of the text.
struct Part {
    path: PathBuf,
    start: usize,
}

impl Source {
    /// One file.
    pub(super) fn new(path: &Path, text: &str) -> Self {
        let files = vec![Part { path: path.to_owned(), start: 0 }];
        Source { text: Zeroizing::new(text.to_owned()), files }
    }

    /// Another file behind it, which must be TOML by itself, and whose first line must begin a table of an account or a
    /// destination: keys before that would belong to whatever the file before ends with.
    pub(super) fn add(&mut self, path: &Path, text: &str) -> Result<(), ConfigError> {
        let alone = Source::new(path, text);
        super::parse::check_syntax(text).map_err(|(fault, span)| alone.error(&span, fault))?;
        let mut at = 0;
        for line in text.split_inclusive('\n') {
            let content = line.trim();
            let is_header = content.starts_with('[');
            if is_header || !(content.is_empty() || content.starts_with('#')) {
                let named = |table: &str| {
                    let rest = content.trim_start_matches('[').trim_start().strip_prefix(table);
                    rest.is_some_and(|rest| rest.trim_start().starts_with('.'))
                };
                if !(is_header && (named("accounts") || named("destinations"))) {
                    return Err(alone.error(&(at..at + line.trim_end().len()), Fault::NoTable));
                }
                if is_header && content.starts_with("[[") {
                    return Err(alone.error(&(at..at + line.trim_end().len()), Fault::NoTable));
                }
                break;
            }
            at += line.len();
        }
        self.text.push('\n');
        self.files.push(Part { path: path.to_owned(), start: self.text.len() });
        self.text.push_str(text);
        Ok(())
    }

    /// All of it.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// The path of the file that has this place.
    pub(super) fn path_at(&self, place: usize) -> &Path {
        self.files.get(self.file_at(place)).map_or(Path::new(""), |file| &file.path)
    }

    /// Which of the files has this place.
    pub(super) fn file_at(&self, place: usize) -> usize {
        self.files.partition_point(|file| file.start <= place).saturating_sub(1)
    }

    /// An error at a place.
    pub(super) fn error(&self, span: &Range<usize>, fault: Fault) -> ConfigError {
        let at = self.file_at(span.start);
        let (path, start) = self.files.get(at).map_or((Path::new(""), 0), |file| (&*file.path, file.start));
        let end = self.files.get(at + 1).map_or(self.text.len(), |next| next.start);
        let text = self.text.get(start..end).unwrap_or_default();
        let local = span.start.saturating_sub(start)..span.end.saturating_sub(start);
        ConfigError::Content { at: Box::new(Excerpt::new(path, text, &local)), fault }
    }
}

//! The line of the configuration that an error is about, fit to be shown.
//!
//! Must never show a secret: what stands on the line is shown only when its key is known and has
//! nothing to do with passwords. A misspelt `pasword = "…"` shows the key alone.

use super::raw::{ACCOUNT_KEYS, SECRET_KEYS};
use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};
use std::fmt;
use std::ops::Range;
use std::path::Path;

/// What stands where a value is not shown.
const HIDDEN: &str = "…";

/// One line of a configuration file, and the part of it that is meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Excerpt {
    file: String,
    line: usize,
    text: String,
    part: Range<usize>,
}

impl Excerpt {
    /// The line of `source` on which `span` (octets of `source`) starts.
    pub(super) fn new(file: &Path, source: &str, span: &Range<usize>) -> Self {
        let start = floor(source, span.start);
        let before = &source[..start];
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let line = 1 + before.matches('\n').count();
        let text = source[line_start..].lines().next().unwrap_or("");
        let shown = fit_to_show(text);
        let from = floor(&shown, start - line_start);
        let to = floor(&shown, span.end.saturating_sub(line_start)).max(from);
        Excerpt { file: file.display().to_string(), line, part: from..to, text: shown }
    }

    /// The excerpt under `message`, as a compiler would show it.
    pub(super) fn annotated(&self, message: &str, color: bool) -> String {
        let snippet = Snippet::source(self.text.as_str())
            .path(self.file.as_str())
            .line_start(self.line)
            .annotation(AnnotationKind::Primary.span(self.part.clone()));
        let report = [Level::ERROR.primary_title(message).element(snippet)];
        let renderer = if color { Renderer::styled() } else { Renderer::plain() };
        renderer.render(&report)
    }
}

impl fmt::Display for Excerpt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file, self.line)
    }
}

/// The nearest index at or before `index` that does not split a character.
fn floor(text: &str, index: usize) -> usize {
    text.floor_char_boundary(index.min(text.len()))
}

fn fit_to_show(line: &str) -> String {
    match line.split_once('=') {
        None if line.trim_start().starts_with('[') => line.to_owned(),
        None => HIDDEN.to_owned(),
        Some((key, _)) if is_harmless(key.trim()) => line.to_owned(),
        Some((key, _)) => format!("{key}= {HIDDEN}"),
    }
}

fn is_harmless(key: &str) -> bool {
    !SECRET_KEYS.contains(&key) && (ACCOUNT_KEYS.contains(&key) || ["state_dir", "cache_dir"].contains(&key))
}

#[cfg(test)]
mod tests {
    use super::Excerpt;
    use std::path::Path;

    fn shown(source: &str, at: &str) -> Excerpt {
        let start = source.find(at).expect("the text is there");
        Excerpt::new(Path::new("c.toml"), source, &(start..start + at.len()))
    }

    #[test]
    fn the_line_and_the_part_of_it_are_found() {
        let excerpt = shown("[accounts.x]\n  port = \"ümlaut\"\nuser = 1\n", "\"ümlaut\"");
        assert_eq!(excerpt.to_string(), "c.toml:2");
        assert_eq!(&excerpt.text[excerpt.part.clone()], "\"ümlaut\"");
        let end = Excerpt::new(Path::new("c.toml"), "a\n", &(2..2));
        assert_eq!(end.to_string(), "c.toml:2");
        assert_eq!(Excerpt::new(Path::new("c.toml"), "ü", &(1..99)).to_string(), "c.toml:1");
    }

    /// Promise: no password in an error.
    #[test]
    fn no_value_is_shown_that_could_be_a_secret() {
        for source in [
            "password = \"hunter2",
            "password_command = \"echo hunter2\" x",
            "token_command = \"echo hunter2\"",
            "tls_client_password_command = \"echo hunter2\"",
            "proxy = \"socks5://jane:hunter2@proxy.example\"",
            "pasword = \"hunter2\"",
            "work = { host = \"h\", password = \"hunter2\" }",
            "work.password = 'hunter2'",
            "hunter2\"\"\"",
            "password = \"hunter2\"\r",
        ] {
            let excerpt = shown(source, "h");
            assert!(!format!("{excerpt:?}").contains("hunter2"), "{excerpt:?}");
            assert!(!excerpt.annotated("problem", false).contains("hunter2"));
        }
    }
}

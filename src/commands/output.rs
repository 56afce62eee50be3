//! stdout that may be closed, and stderr lines.

use crate::config::Account;
use crate::event::Observer;
use crate::progress::stderr::{self, Level};
use crate::progress::wording::printable;
use crate::progress::{Detail, Progress, Style};
use serde::Serialize;
use std::fmt::Display;
use std::io::{self, ErrorKind, Write};
use std::ops::ControlFlow;
use std::sync::Arc;

/// A stdout whose reader may leave early (`popkeep status | head -1`): what it no longer wants is
/// dropped without a word. Any other failure, such as a full disk, is reported as it is.
pub(super) struct Out<W: Write> {
    inner: W,
    closed: bool,
}

impl<W: Write> Out<W> {
    pub(super) fn new(inner: W) -> Self {
        Self { inner, closed: false }
    }

    /// What it writes to.
    pub(super) fn into_inner(self) -> W {
        self.inner
    }

    /// Whether the reader has left.
    pub(super) fn is_closed(&self) -> bool {
        self.closed
    }

    fn unless_closed<T>(
        &mut self,
        otherwise: T,
        work: impl FnOnce(&mut W) -> io::Result<T>,
    ) -> io::Result<T> {
        if self.closed {
            return Ok(otherwise);
        }
        match work(&mut self.inner) {
            Err(error) if error.kind() == ErrorKind::BrokenPipe => {
                self.closed = true;
                Ok(otherwise)
            }
            other => other,
        }
    }
}

impl<W: Write> Write for Out<W> {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        self.unless_closed(octets.len(), |inner| inner.write(octets))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.unless_closed((), Write::flush)
    }
}

/// So many octets are written at once where nobody is waiting for each line.
const BATCH: usize = 64 << 10;

/// Writes what a command has to say to stdout, in large pieces unless somebody waits for each line.
pub(super) struct Printer<'o, W: Write> {
    out: &'o mut Out<W>,
    batch: usize,
    waiting: Vec<u8>,
    failed: Option<io::Error>,
}

impl<'o, W: Write> Printer<'o, W> {
    pub(super) fn new(out: &'o mut Out<W>, at_once: bool) -> Self {
        Printer { out, batch: if at_once { 0 } else { BATCH }, waiting: Vec::new(), failed: None }
    }

    /// Prints this; `Break` when nothing more can be printed, or nobody reads it.
    pub(super) fn put(&mut self, octets: &[u8]) -> ControlFlow<()> {
        self.waiting.extend_from_slice(octets);
        if self.waiting.len() > self.batch && self.failed.is_none() {
            self.failed = self.out.write_all(&self.waiting).and_then(|()| self.out.flush()).err();
            self.waiting.clear();
        }
        if self.is_over() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }

    /// Whether nothing more can be printed, or nobody reads it.
    pub(super) fn is_over(&self) -> bool {
        self.failed.is_some() || self.out.is_closed()
    }

    /// Prints what is left; the first error, if there was one.
    pub(super) fn finish(mut self) -> io::Result<()> {
        self.batch = 0;
        let _ = self.put(b"");
        self.failed.map_or(Ok(()), Err)
    }
}

/// Says on stderr, in a line, what is wrong with an account.
pub(super) fn complain_about(account: &str, problem: &dyn Display) {
    complain(&format!("popkeep: {account}: {}", printable(&problem.to_string())));
}

/// Tells a person something on stderr that is no failure.
pub(super) fn inform(text: &str) {
    stderr::say(&[(Level::Notice, text.to_owned())]);
}

/// Writes what failed to stderr.
pub(super) fn complain(line: &str) {
    stderr::say(&[(Level::Error, line.to_owned())]);
}

/// Writes one JSON document in a line.
pub(super) fn document(out: &mut dyn Write, document: &impl Serialize) -> io::Result<()> {
    serde_json::to_writer(&mut *out, document)?;
    writeln!(out)
}

/// Who watches the work on these accounts where nothing is drawn: so many `-v` decide what is told on stderr. And
/// whether that includes the protocol.
pub(super) fn watch(verbose: u8, accounts: &[&Account]) -> (Arc<dyn Observer>, bool) {
    watch_names(verbose, accounts.iter().map(|account| account.name.as_str()))
}

/// The same for accounts or destinations of these names.
pub(super) fn watch_names<'a>(
    verbose: u8,
    names: impl Iterator<Item = &'a str>,
) -> (Arc<dyn Observer>, bool) {
    let detail = Detail::from_count(verbose);
    (Arc::new(Progress::new(Style::Summaries, detail, names)), detail == Detail::Protocol)
}

/// How many columns stdout has; `None` where it is no terminal.
pub(super) fn width() -> Option<usize> {
    let size = rustix::termios::tcgetwinsize(io::stdout()).ok()?;
    // A terminal that does not know its size is taken for the usual one.
    Some(if size.ws_col == 0 { 80 } else { usize::from(size.ws_col) })
}

/// Whether what is written to a terminal may have colours.
pub(super) fn colour() -> bool {
    std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
        && std::env::var_os("TERM").is_some_and(|term| term != "dumb")
}

/// Whether text may have more than ASCII in it, as far as the locale says.
pub(super) fn unicode() -> bool {
    locale_is_utf8(|name| std::env::var(name).ok())
}

/// The first of these variables that says something decides, as in the C library.
fn locale_is_utf8(variable: impl Fn(&str) -> Option<String>) -> bool {
    let locale =
        ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().filter_map(variable).find(|value| !value.is_empty());
    locale.is_some_and(|locale| {
        let locale = locale.to_ascii_lowercase();
        locale.contains("utf-8") || locale.contains("utf8")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_locale_decides_about_more_than_ascii() {
        let with = |all: &str, ctype: &str, lang: &str| {
            let values = [("LC_ALL", all), ("LC_CTYPE", ctype), ("LANG", lang)]
                .map(|(name, value)| (name, value.to_owned()));
            locale_is_utf8(|name| {
                values.iter().find(|(known, _)| *known == name).map(|(_, value)| value.clone())
            })
        };
        assert!(with("", "", "de_DE.UTF-8") && with("", "C.utf8", "C"));
        assert!(!with("C", "C.UTF-8", "C.UTF-8") && !with("", "", "de_DE@euro"));
        assert!(!locale_is_utf8(|_| None), "cron");
    }

    /// Takes `room` octets and then fails with `kind`.
    struct Limited {
        room: usize,
        kind: ErrorKind,
    }

    impl Write for Limited {
        fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
            let taken = octets.len().min(self.room);
            self.room -= taken;
            if taken == 0 { Err(self.kind.into()) } else { Ok(taken) }
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_reader_that_left_is_no_failure() {
        let mut out = Out::new(Limited { room: 3, kind: ErrorKind::BrokenPipe });
        assert!(!out.is_closed());
        assert!(writeln!(out, "a long line").is_ok());
        assert!(writeln!(out, "another").is_ok());
        assert!(out.flush().is_ok());
        assert!(out.is_closed());
    }

    #[test]
    fn a_full_disk_is_a_failure() {
        let mut out = Out::new(Limited { room: 3, kind: ErrorKind::StorageFull });
        assert_eq!(writeln!(out, "a long line").unwrap_err().kind(), ErrorKind::StorageFull);
    }
}

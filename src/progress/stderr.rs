//! Lines on stderr, each in one piece, with the level that systemd's journal wants before it where
//! stderr is the journal.
//!
//! Where systemd has connected stderr to its journal it says so in `JOURNAL_STREAM`: the device and
//! the number of the socket. Anybody may inherit that variable, so the two are compared.

use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::sync::LazyLock;

/// How much a line matters: the levels of syslog (RFC 5424, section 6.2.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// Something failed.
    Error = 3,
    /// Something failed that may pass by itself, or that does no harm to the mail.
    Warning = 4,
    /// A person should know.
    Notice = 5,
    /// How it goes.
    Info = 6,
    /// Each line of the protocol.
    Debug = 7,
}

/// A line and its level.
pub type Line = (Level, String);

/// Writes the lines in one piece, so that threads do not mix. No line, nothing.
pub fn say(lines: &[Line]) {
    static JOURNAL: LazyLock<bool> = LazyLock::new(is_journal);
    if !lines.is_empty() {
        // stderr that cannot be written has no reader.
        let _ = io::stderr().write_all(text(lines, *JOURNAL).as_bytes());
    }
}

fn text(lines: &[Line], journal: bool) -> String {
    let mut text = String::new();
    for (level, line) in lines {
        // What is one line for us may be several, such as the excerpt of a configuration.
        for line in line.lines() {
            if journal {
                // Writing into a String cannot fail.
                let _ = write!(text, "<{}>", *level as u8);
            }
            text.push_str(line);
            text.push('\n');
        }
    }
    text
}

fn is_journal() -> bool {
    let Ok(named) = std::env::var("JOURNAL_STREAM") else { return false };
    rustix::fs::fstat(io::stderr()).is_ok_and(|stat| named == format!("{}:{}", stat.st_dev, stat.st_ino))
}

#[cfg(test)]
mod tests {
    use super::{Level, text};

    #[test]
    fn only_the_journal_is_told_the_level() {
        let lines = [(Level::Info, "work: 3 listed".to_owned()), (Level::Error, "one\ntwo".to_owned())];
        assert_eq!(text(&lines, false), "work: 3 listed\none\ntwo\n");
        assert_eq!(text(&lines, true), "<6>work: 3 listed\n<3>one\n<3>two\n");
    }
}

//! Questions and answers at a terminal.
//!
//! Promises: lines fit the window; colours only where they are wanted; a secret is never shown and
//! its octets are wiped; the end of the input is an error, never an empty answer.

use super::super::output;
use super::InitError;
use rustix::io::Errno;
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcgetwinsize, tcsetattr};
use secrecy::SecretString;
use secrecy::zeroize::Zeroizing;
use std::io::{self, IsTerminal as _, Write as _};
use unicode_width::UnicodeWidthStr as _;

/// Wider lines are hard to read.
const WIDEST: usize = 80;
/// Narrower windows are not catered for.
const NARROWEST: usize = 20;
/// No answer is longer, in octets; a terminal's own limit is 4096.
const LONGEST: usize = 4096;

/// The terminal that a person sits at.
#[derive(Clone, Copy, Debug)]
pub(super) struct Console {
    colour: bool,
}

impl Console {
    /// The terminal, if stdin and stderr are one.
    pub(super) fn at_terminal() -> Option<Console> {
        let terminal = io::stdin().is_terminal() && io::stderr().is_terminal();
        terminal.then(|| Console { colour: output::colour() })
    }

    /// Says something: a paragraph, or an empty line.
    pub(super) fn say(self, text: &str) {
        self.put(text, "", "");
    }

    /// Says something that belongs to what was said before.
    pub(super) fn detail(self, text: &str) {
        self.put(text, "  ", "");
    }

    /// Says what went wrong.
    pub(super) fn problem(self, text: &str) {
        self.put(text, "  ", "\x1b[31m");
    }

    /// Asks until there is an answer. Return alone is the answer in brackets, if there is one.
    pub(super) fn ask(self, question: &str, default: Option<&str>) -> Result<String, InitError> {
        loop {
            let hint = default.map_or_else(String::new, |default| format!(" [{default}]"));
            self.prompt(&format!("{question}{hint}"));
            let line = read_line()?;
            match (std::str::from_utf8(&line).map(str::trim), default) {
                (Ok(""), Some(default)) => return Ok(default.to_owned()),
                (Ok(""), None) => {}
                (Ok(answer), _) if !answer.contains(|c: char| c.is_control()) => return Ok(answer.to_owned()),
                _ => self.problem("That contains control characters; type it again."),
            }
        }
    }

    /// Asks for one of these words; an initial letter that only one of them has will do.
    pub(super) fn choose<'w>(
        self,
        question: &str,
        words: &[&'w str],
        default: &str,
    ) -> Result<&'w str, InitError> {
        loop {
            let answer = self.ask(question, Some(default))?.to_ascii_lowercase();
            let mut meant = words.iter().filter(|word| word.starts_with(&answer));
            match (words.iter().find(|word| **word == answer), meant.next(), meant.next()) {
                (Some(word), ..) | (None, Some(word), None) => return Ok(word),
                _ => self.problem(&format!("Answer with one of these: {}.", words.join(", "))),
            }
        }
    }

    /// Asks a question that is answered with yes or no.
    pub(super) fn confirm(self, question: &str, default: bool) -> Result<bool, InitError> {
        Ok(self.choose(question, &["yes", "no"], if default { "yes" } else { "no" })? == "yes")
    }

    /// Asks for a secret, and does not show it.
    pub(super) fn ask_secret(self, question: &str) -> Result<SecretString, InitError> {
        loop {
            // Before the question is seen, so that not even a quick answer is shown.
            let _hidden = Hidden::begin()?;
            self.prompt(question);
            let line = read_line()?;
            match std::str::from_utf8(&line) {
                Ok("") => {}
                Ok(secret) => return Ok(SecretString::from(secret)),
                Err(_) => self.problem("That is not UTF-8 text; type it again."),
            }
        }
    }

    fn prompt(self, question: &str) {
        // In one piece: who waits for a question waits for all of it.
        write(&format!("{} ", self.styled(&format!("{question}:"), "\x1b[1m")));
    }

    fn put(self, text: &str, indent: &str, style: &str) {
        write(&format!("{}\n", self.styled(&wrapped(text, columns(), indent), style)));
    }

    fn styled(self, text: &str, style: &str) -> String {
        if self.colour && !style.is_empty() { format!("{style}{text}\x1b[0m") } else { text.to_owned() }
    }
}

/// There is nobody to tell if the terminal cannot be written.
fn write(text: &str) {
    let _ = io::stderr().write_all(text.as_bytes());
}

fn columns() -> usize {
    let columns = tcgetwinsize(io::stderr()).map_or(0, |size| usize::from(size.ws_col));
    if columns == 0 { WIDEST } else { columns.clamp(NARROWEST, WIDEST) }
}

/// The text in lines of at most so many columns, each begun with `indent`. A word that is too long
/// stays whole.
fn wrapped(text: &str, columns: usize, indent: &str) -> String {
    let mut lines = Vec::new();
    for paragraph in text.lines() {
        let mut line = indent.to_owned();
        for word in paragraph.split(' ') {
            if line.len() > indent.len() {
                if line.width() + 1 + word.width() > columns {
                    lines.push(std::mem::replace(&mut line, indent.to_owned()));
                } else {
                    line.push(' ');
                }
            }
            line.push_str(word);
        }
        lines.push(line);
    }
    lines.join("\n")
}

/// A line as the terminal hands it over, without its end. It is read without a buffer of ours, so
/// that a secret stays in no other memory.
fn read_line() -> Result<Zeroizing<Vec<u8>>, InitError> {
    let mut line = Zeroizing::new(Vec::with_capacity(2 * LONGEST));
    let mut piece = Zeroizing::new([0; LONGEST]);
    loop {
        match rustix::io::read(io::stdin(), &mut piece[..]) {
            Ok(0) => {
                write("\n");
                return Err(InitError::Ended);
            }
            Ok(length) => line.extend_from_slice(&piece[..length]),
            Err(Errno::INTR) => continue,
            Err(errno) => return Err(InitError::Prompt(errno.into())),
        }
        if line.last() == Some(&b'\n') {
            line.pop();
            return Ok(line);
        }
        // Ctrl-D in the middle of a line hands over what there is of it.
        if line.len() > LONGEST {
            return Err(InitError::Prompt(io::ErrorKind::FileTooLarge.into()));
        }
    }
}

/// While it lives, what is typed is not shown; only the end of the line is.
struct Hidden(Termios);

impl Hidden {
    fn begin() -> Result<Hidden, InitError> {
        let failed = |errno: Errno| InitError::Prompt(errno.into());
        let modes = tcgetattr(io::stdin()).map_err(failed)?;
        let mut hidden = modes.clone();
        hidden.local_modes.remove(LocalModes::ECHO);
        hidden.local_modes.insert(LocalModes::ECHONL);
        tcsetattr(io::stdin(), OptionalActions::Now, &hidden).map_err(failed)?;
        Ok(Hidden(modes))
    }
}

impl Drop for Hidden {
    fn drop(&mut self) {
        let _ = tcsetattr(io::stdin(), OptionalActions::Now, &self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::wrapped;

    #[test]
    fn lines_fit_and_words_stay_whole() {
        assert_eq!(wrapped("one two three", 8, ""), "one two\nthree");
        assert_eq!(wrapped("one two three", 8, "  "), "  one\n  two\n  three");
        assert_eq!(wrapped("https://example.com/ is", 5, ""), "https://example.com/\nis");
        assert_eq!(wrapped("日本 日本", 8, ""), "日本\n日本");
        assert_eq!(wrapped("one\ntwo", 80, "  "), "  one\n  two");
        assert_eq!(wrapped("", 80, ""), "");
    }
}

//! Where commands come from: a person at a terminal, or a pipe.
//!
//! Promises: the history is kept in memory, ends with the session, and holds only what was told to be
//! remembered; a line of any length takes little memory.

use crate::pop3::command::MAX_COMMAND;
use rustyline::Editor;
use rustyline::config::{Behavior, Config};
use rustyline::error::ReadlineError;
use rustyline::history::MemHistory;
use std::io::{self, BufRead, IsTerminal as _, Read as _};

/// What comes next.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// A line, without its end.
    Line(Vec<u8>),
    /// Nothing more: the pipe has ended, or Ctrl-D was typed.
    End,
    /// Ctrl-C was typed.
    Interrupted,
}

/// A source of commands.
pub(super) enum Lines {
    Terminal(Box<Editor<(), MemHistory>>),
    Pipe(Box<dyn BufRead>),
}

impl Lines {
    /// stdin, with an editor if it is a terminal.
    pub(super) fn stdin() -> io::Result<Lines> {
        if !io::stdin().is_terminal() {
            return Ok(Lines::Pipe(Box::new(io::stdin().lock())));
        }
        // What is typed has to be seen, also where the answers go into a file.
        let behavior = if io::stdout().is_terminal() { Behavior::Stdio } else { Behavior::PreferTerm };
        let config = Config::builder().behavior(behavior).bracketed_paste(false).build();
        let history = MemHistory::with_config(&config);
        let editor = Editor::with_history(config, history).map_err(as_io)?;
        Ok(Lines::Terminal(Box::new(editor)))
    }

    /// Whether a person can be asked.
    pub(super) fn is_terminal(&self) -> bool {
        matches!(self, Lines::Terminal(_))
    }

    /// The next line. A person is shown the prompt.
    pub(super) fn next(&mut self, prompt: &str) -> io::Result<Next> {
        match self {
            Lines::Pipe(pipe) => Ok(read_line(&mut **pipe)?.map_or(Next::End, Next::Line)),
            Lines::Terminal(editor) => match editor.readline(prompt) {
                Ok(line) => Ok(Next::Line(line.into_bytes())),
                Err(ReadlineError::Eof) => Ok(Next::End),
                Err(ReadlineError::Interrupted) => Ok(Next::Interrupted),
                Err(error) => Err(as_io(error)),
            },
        }
    }

    /// Puts a line into the history.
    pub(super) fn remember(&mut self, line: &[u8]) {
        if let (Lines::Terminal(editor), Ok(line)) = (self, std::str::from_utf8(line)) {
            // A line that is missing from the history is no problem.
            let _ = editor.add_history_entry(line.trim());
        }
    }

    /// Whether a person says yes to this question. In a pipe nobody does.
    pub(super) fn ask(&mut self, question: &str) -> io::Result<bool> {
        if !self.is_terminal() {
            return Ok(false);
        }
        Ok(match self.next(&format!("{question} [y/N] "))? {
            Next::Line(answer) => {
                matches!(answer.trim_ascii().to_ascii_lowercase().as_slice(), b"y" | b"yes")
            }
            Next::End | Next::Interrupted => false,
        })
    }
}

fn as_io(error: ReadlineError) -> io::Error {
    match error {
        ReadlineError::Io(error) => error,
        other => io::Error::other(other),
    }
}

/// A line without its end; `None` at the end of the input. Of a line that is too long for a command the rest
/// is passed over: what is left is still too long.
fn read_line(pipe: &mut dyn BufRead) -> io::Result<Option<Vec<u8>>> {
    let mut line = Vec::new();
    let most = 2 * MAX_COMMAND;
    if pipe.take(most as u64).read_until(b'\n', &mut line)? == 0 {
        return Ok(None);
    }
    if line.pop_if(|octet| *octet == b'\n').is_none() && line.len() == most {
        pipe.skip_until(b'\n')?;
    }
    line.pop_if(|octet| *octet == b'\r');
    Ok(Some(line))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pipe_is_read_line_by_line() {
        let mut pipe: &[u8] = b"STAT\r\n\nLIST 1\nQUIT";
        let mut lines = Vec::new();
        while let Some(line) = read_line(&mut pipe).unwrap() {
            lines.push(String::from_utf8(line).unwrap());
        }
        assert_eq!(lines, ["STAT", "", "LIST 1", "QUIT"]);
    }

    #[test]
    fn a_line_without_end_is_one_line_that_is_too_long() {
        let text = format!("{}\nQUIT\n", "x".repeat(1_000_000));
        let mut pipe = text.as_bytes();
        assert!((MAX_COMMAND..3 * MAX_COMMAND).contains(&read_line(&mut pipe).unwrap().unwrap().len()));
        assert_eq!(read_line(&mut pipe).unwrap().unwrap(), b"QUIT");
    }

    #[test]
    fn nobody_in_a_pipe_says_yes() {
        let mut lines = Lines::Pipe(Box::new(&b"y\n"[..]));
        assert!(!lines.ask("Delete it?").unwrap());
        assert_eq!(lines.next("").unwrap(), Next::Line(b"y".to_vec()), "no command is taken for an answer");
    }
}

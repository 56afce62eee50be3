//! A program at a real pseudo-terminal: what a person sees, and types.
//!
//! The program has the terminal for its controlling terminal, so that `/dev/tty`, Ctrl-C and Ctrl-D are what they
//! are for a person. What it prints is drawn on a screen, as a terminal would draw it.
//!
//! ```ignore
//! let mut terminal = sandbox.popkeep(["init"]).on_terminal(80, 24);
//! terminal.expect("Address:").enter("jane@example.com");
//! terminal.expect("Password:").enter_unseen(PASSWORD);
//! let ended = terminal.finish();
//! assert_eq!(ended.code, Some(0), "{}", ended.screen);
//! ```

use std::io::{Read as _, Write as _};
use std::num::NonZeroU16;
use std::process::{Child, Command};
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};

use pty_process::Size;
use pty_process::blocking::Pty;
use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};

/// How long the program may be silent where words are waited for, and how long it may take to end.
const LIMIT: Duration = Duration::from_mins(1);

/// A program that runs at a terminal; killed when dropped.
pub(crate) struct Terminal {
    pty: Arc<Pty>,
    child: Child,
    incoming: Receiver<Vec<u8>>,
    screen: vt100::Parser,
    /// Everything the program and the terminal's echo have written, as it came.
    raw: Vec<u8>,
    /// How much of the plain text an `expect` has matched.
    matched: usize,
}

/// What a program left behind.
#[derive(Debug)]
pub(crate) struct Ended {
    /// The exit code; `None` after a signal.
    pub(crate) code: Option<i32>,
    /// What stands on the screen: see [`Terminal::screen`].
    pub(crate) screen: String,
    /// Everything that was written to the terminal, control sequences included.
    pub(crate) raw: String,
}

impl Terminal {
    /// Starts a program at a terminal of this size. A screen with many rows never scrolls.
    pub(crate) fn start(mut command: Command, columns: u16, rows: u16) -> Terminal {
        let (pty, pts) = pty_process::blocking::open().unwrap();
        pty.resize(Size::new(rows, columns)).unwrap();
        // A key that sends a signal would also throw away what the program writes at that moment.
        let mut modes = tcgetattr(&pty).unwrap();
        modes.local_modes.insert(LocalModes::NOFLSH);
        tcsetattr(&pty, OptionalActions::Now, &modes).unwrap();
        command.env("TERM", "xterm-256color");
        let child = pty_process::blocking::Command::from(command).spawn(pts).unwrap();
        let pty = Arc::new(pty);
        let (heard, incoming) = mpsc::channel();
        let reader = Arc::clone(&pty);
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            // When the last program has closed the terminal, reading fails (EIO).
            while let Ok(length @ 1..) = (&*reader).read(&mut buffer) {
                if heard.send(buffer[..length].to_vec()).is_err() {
                    return;
                }
            }
        });
        let screen = vt100::Parser::new(cells(rows), cells(columns), 0);
        Terminal { pty, child, incoming, screen, raw: Vec::new(), matched: 0 }
    }

    /// Waits until these words appear after what was expected before. Words that a control sequence divides
    /// are found as well.
    #[track_caller]
    pub(crate) fn expect(&mut self, words: &str) -> &mut Terminal {
        let deadline = Instant::now() + LIMIT;
        loop {
            let plain = plain(&self.raw);
            if let Some(at) = plain[self.matched..].find(words) {
                self.matched += at + words.len();
                return self;
            }
            let heard = self.hear(deadline);
            assert!(heard, "{words:?} does not come; there is only\n{}", &plain[self.matched..]);
        }
    }

    /// Types this, as it is.
    pub(crate) fn send(&mut self, keys: &str) -> &mut Terminal {
        (&*self.pty).write_all(keys.as_bytes()).unwrap();
        self
    }

    /// Types a line and Return.
    pub(crate) fn enter(&mut self, line: &str) -> &mut Terminal {
        self.send(line).send("\r")
    }

    /// Types a secret and Return, once the terminal shows nothing of what is typed.
    #[track_caller]
    pub(crate) fn enter_unseen(&mut self, secret: &str) -> &mut Terminal {
        let deadline = Instant::now() + LIMIT;
        while self.echoes() {
            assert!(Instant::now() < deadline, "what is typed is shown");
            std::thread::sleep(Duration::from_millis(1));
        }
        self.enter(secret)
    }

    /// Whether the terminal shows what is typed.
    pub(crate) fn echoes(&self) -> bool {
        tcgetattr(&*self.pty).unwrap().local_modes.contains(LocalModes::ECHO)
    }

    /// Types Ctrl and a letter: `C` interrupts, `D` ends the input, `U` clears the line.
    pub(crate) fn control(&mut self, letter: char) -> &mut Terminal {
        let code = u8::try_from(letter.to_ascii_uppercase()).unwrap() & 0x1f;
        self.send(char::from(code).encode_utf8(&mut [0; 1]))
    }

    /// Makes the window another size; the program is told (SIGWINCH).
    pub(crate) fn resize(&mut self, columns: u16, rows: u16) -> &mut Terminal {
        self.pty.resize(Size::new(rows, columns)).unwrap();
        self.screen.screen_mut().set_size(cells(rows), cells(columns));
        self
    }

    /// What stands on the screen now: each row without the blanks at its end, without empty rows at the end.
    pub(crate) fn screen(&self) -> String {
        let screen = self.screen.screen();
        let (_, columns) = screen.size();
        let rows: String = screen.rows(0, columns.get()).map(|row| format!("{}\n", row.trim_end())).collect();
        format!("{}\n", rows.trim_end())
    }

    /// Everything that was written so far, without control sequences.
    pub(crate) fn said(&self) -> String {
        plain(&self.raw)
    }

    /// Sends the program a signal by its name, `TERM` say.
    pub(crate) fn signal(&self, name: &str) {
        let status = Command::new("kill").arg(format!("-{name}")).arg(self.child.id().to_string()).status();
        assert!(status.unwrap().success());
    }

    /// Waits for the end; the exit code, if it was no signal that ended it.
    #[track_caller]
    pub(crate) fn wait(&mut self) -> Option<i32> {
        let deadline = Instant::now() + LIMIT;
        while self.hear(deadline) {}
        while Instant::now() < deadline {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.code();
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        panic!("the program does not end:\n{}", self.screen());
    }

    /// Waits for the end.
    #[track_caller]
    pub(crate) fn finish(mut self) -> Ended {
        let code = self.wait();
        let raw = String::from_utf8_lossy(&self.raw).into_owned();
        Ended { code, screen: self.screen(), raw }
    }

    /// Takes in what comes next; `false` at the end, or when nothing comes before the deadline.
    fn hear(&mut self, deadline: Instant) -> bool {
        let Ok(octets) = self.incoming.recv_timeout(deadline.saturating_duration_since(Instant::now()))
        else {
            return false;
        };
        self.screen.process(&octets);
        self.raw.extend_from_slice(&octets);
        true
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("-- the terminal's screen\n{}", self.screen());
        }
    }
}

fn cells(number: u16) -> NonZeroU16 {
    NonZeroU16::new(number).expect("a terminal has rows and columns")
}

/// The text without control sequences (ECMA-48: ESC and one character, CSI to its final character, OSC to BEL or
/// ST) and carriage returns.
fn plain(raw: &[u8]) -> String {
    let text = String::from_utf8_lossy(raw);
    let mut plain = String::with_capacity(text.len());
    let mut rest = text.chars();
    while let Some(character) = rest.next() {
        match character {
            '\x1b' => match rest.next() {
                Some('[') => {
                    rest.find(|c| ('@'..='~').contains(c));
                }
                Some(']') => {
                    rest.find(|c| matches!(c, '\x07' | '\\'));
                }
                _ => {}
            },
            '\r' => {}
            other => plain.push(other),
        }
    }
    plain
}

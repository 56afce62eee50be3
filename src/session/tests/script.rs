//! A connection that follows a transcript: `C:` lines must be said by the client, `S:` lines
//! are said to it, `stall` lets a read run into its deadline; at its end the server closes.
//! A client that speaks out of turn, or waits when it is its turn, fails the test.

use crate::net::{NetError, Security, TlsSettings, Transport};
use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Instant;

#[derive(Debug)]
enum Step {
    Client(Vec<u8>),
    Server(Vec<u8>),
    Stall,
}

/// The server's end of the connection.
pub(super) struct Script {
    steps: Arc<Mutex<VecDeque<Step>>>,
    writes: Arc<AtomicUsize>,
    split: usize,
    security: Security,
    deadline: Option<Instant>,
}

/// What a test can see of a [`Script`] that a session owns.
pub(super) struct Progress {
    steps: Arc<Mutex<VecDeque<Step>>>,
    writes: Arc<AtomicUsize>,
}

impl Progress {
    /// Lines of the transcript that were not spoken.
    pub(super) fn left(&self) -> usize {
        self.steps.lock().unwrap().len()
    }

    /// How often the client wrote.
    pub(super) fn writes(&self) -> usize {
        self.writes.load(Ordering::Relaxed)
    }

    /// Whether the whole transcript was spoken.
    pub(super) fn is_finished(&self) -> bool {
        self.left() == 0
    }

    /// The whole transcript was spoken.
    pub(super) fn assert_finished(&self) {
        let steps = self.steps.lock().unwrap();
        assert!(steps.is_empty(), "not spoken: {steps:?}");
    }
}

impl Script {
    /// Reads bring at most `split` octets.
    pub(super) fn new(transcript: &str, split: usize) -> (Self, Progress) {
        let mut steps = VecDeque::new();
        for line in transcript.lines().map(str::trim_start).filter(|line| !line.is_empty()) {
            let text = |rest: &str| format!("{}\r\n", rest.strip_prefix(' ').unwrap_or(rest)).into_bytes();
            match line.split_at(line.len().min(2)) {
                ("C:", rest) => steps.push_back(Step::Client(text(rest))),
                ("S:", rest) => steps.push_back(Step::Server(text(rest))),
                ("st", "all") => steps.push_back(Step::Stall),
                _ if line.starts_with('#') => {}
                _ => panic!("not a transcript: {line}"),
            }
        }
        let steps = Arc::new(Mutex::new(steps));
        let security = Security::Tls { leaf: None };
        let writes = Arc::default();
        let progress = Progress { steps: Arc::clone(&steps), writes: Arc::clone(&writes) };
        (Script { steps, writes, split, security, deadline: None }, progress)
    }

    /// In clear text.
    pub(super) fn plain(self, loopback: bool) -> Self {
        Script { security: Security::Plain { loopback }, ..self }
    }
}

impl Read for Script {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        assert!(self.deadline.is_some(), "a read without a deadline");
        let mut steps = self.steps.lock().unwrap();
        let room = buffer.len().min(self.split);
        let mut octets = 0;
        while octets < room {
            match steps.front_mut() {
                Some(Step::Server(said)) => {
                    let part = said.len().min(room - octets);
                    buffer[octets..octets + part].copy_from_slice(&said[..part]);
                    said.drain(..part);
                    octets += part;
                    if said.is_empty() {
                        steps.pop_front();
                    }
                }
                _ if octets > 0 => break,
                Some(Step::Stall) => return Err(io::ErrorKind::TimedOut.into()),
                Some(Step::Client(line)) => {
                    panic!("the client waits instead of saying {:?}", String::from_utf8_lossy(line))
                }
                None => break,
            }
        }
        Ok(octets)
    }
}

impl Write for Script {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        assert!(self.deadline.is_some(), "a write without a deadline");
        self.writes.fetch_add(1, Ordering::Relaxed);
        let mut steps = self.steps.lock().unwrap();
        let mut rest = octets;
        while !rest.is_empty() {
            let said = String::from_utf8_lossy(rest);
            match steps.pop_front() {
                Some(Step::Client(line)) if rest.starts_with(&line) => rest = &rest[line.len()..],
                Some(Step::Client(line)) => {
                    panic!("the client said {said:?} instead of {:?}", String::from_utf8_lossy(&line))
                }
                Some(step) => panic!("the client said {said:?} before {step:?}"),
                None => return Err(io::ErrorKind::BrokenPipe.into()),
            }
        }
        Ok(octets.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Transport for Script {
    fn set_deadline(&mut self, deadline: Option<Instant>) {
        self.deadline = deadline;
    }

    fn security(&self) -> Security {
        self.security.clone()
    }

    fn start_tls(self: Box<Self>, _tls: &TlsSettings) -> Result<Box<dyn Transport>, NetError> {
        Ok(Box::new(Script { security: Security::Tls { leaf: None }, ..*self }))
    }
}

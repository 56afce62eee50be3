//! A connection that follows a transcript, in the language of all tests (`tests/it/support/transcript.rs`): `stall`
//! lets a read run into its deadline; at its end the server closes. A client that speaks out of turn, or waits when
//! it is its turn, fails the test.

use crate::net::{NetError, Security, TlsSettings, Transport};
use crate::pop3::transcript::{Step, fits, steps};
use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Instant;

/// The server's end of the connection.
pub(crate) struct Script {
    steps: Arc<Mutex<VecDeque<Step>>>,
    writes: Arc<AtomicUsize>,
    /// What the client said of a line that is not complete.
    begun: Vec<u8>,
    split: usize,
    security: Security,
    deadline: Option<Instant>,
}

/// What a test can see of a [`Script`] that a session owns.
pub(crate) struct Progress {
    steps: Arc<Mutex<VecDeque<Step>>>,
    writes: Arc<AtomicUsize>,
}

impl Progress {
    /// Lines of the transcript that were not spoken.
    pub(crate) fn left(&self) -> usize {
        self.steps.lock().unwrap().len()
    }

    /// How often the client wrote.
    pub(crate) fn writes(&self) -> usize {
        self.writes.load(Ordering::Relaxed)
    }

    /// Whether the whole transcript was spoken.
    pub(crate) fn is_finished(&self) -> bool {
        self.left() == 0
    }

    /// The whole transcript was spoken.
    pub(crate) fn assert_finished(&self) {
        let steps = self.steps.lock().unwrap();
        assert!(steps.is_empty(), "not spoken: {steps:?}");
    }
}

impl Script {
    /// Reads bring at most `split` octets.
    pub(crate) fn new(transcript: &str, split: usize) -> (Self, Progress) {
        let steps = Arc::new(Mutex::new(steps(transcript).into()));
        let security = Security::Tls { leaf: None };
        let writes = Arc::default();
        let progress = Progress { steps: Arc::clone(&steps), writes: Arc::clone(&writes) };
        (Script { steps, writes, begun: Vec::new(), split, security, deadline: None }, progress)
    }

    /// In clear text.
    pub(crate) fn plain(self, loopback: bool) -> Self {
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
                Some(Step::Server { octets: said, times: 1 }) => {
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
                    panic!("the client waits instead of saying {line:?}")
                }
                Some(Step::Close) | None => break,
                Some(step) => panic!("not on a connection without a socket: {step:?}"),
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
        let said = [&self.begun[..], octets].concat();
        let whole = memchr::memrchr(b'\n', &said).map_or(0, |end| end + 1);
        self.begun = said[whole..].to_vec();
        for said in said[..whole].split_inclusive(|octet| *octet == b'\n') {
            let said = String::from_utf8_lossy(said);
            match steps.pop_front() {
                Some(Step::Client(due)) => {
                    let line = said.strip_suffix("\r\n");
                    assert!(
                        line.is_some_and(|line| fits(&due, line)),
                        "the client said {said:?} instead of {due:?}"
                    );
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

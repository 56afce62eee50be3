//! A server that follows a transcript (see [`super::transcript`]) to the letter and records what the client said.

use std::io::Write as _;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::thread::JoinHandle;
use std::time::Duration;

use native_tls::TlsAcceptor;

use super::transcript::{Step, fits, steps};
use super::wire::Wire;

/// Greeting and login of a server without CAPA.
pub(crate) const LOGIN: &str = "S: +OK ready
    C: CAPA
    S: -ERR what
    C: USER joe
    S: +OK
    C: PASS *
    S: +OK in
";

/// How a transcript is played.
#[derive(Clone, Default)]
pub(crate) struct Stage {
    /// What is sent goes out in pieces of this many octets.
    pub(crate) split_every: Option<usize>,
    /// TLS from the first octet.
    pub(crate) implicit_tls: Option<TlsAcceptor>,
    /// The server's certificate for a `tls` step.
    pub(crate) stls: Option<TlsAcceptor>,
}

/// A running scripted server: one connection for each transcript, in their order.
pub(crate) struct Scripted {
    port: u16,
    player: Option<JoinHandle<Result<Vec<String>, String>>>,
}

impl Scripted {
    /// Plays one transcript over clear text.
    pub(crate) fn play(transcript: &str) -> Scripted {
        Scripted::staged(&[transcript], Stage::default())
    }

    pub(crate) fn staged(transcripts: &[&str], stage: Stage) -> Scripted {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let transcripts: Vec<String> = transcripts.iter().map(ToString::to_string).collect();
        let player = std::thread::spawn(move || {
            let mut heard = Vec::new();
            for (number, transcript) in (1..).zip(&transcripts) {
                let (stream, _) = listener.accept().map_err(|error| error.to_string())?;
                let mut playing = Playing {
                    wire: Wire::Clear(stream),
                    stage: &stage,
                    heard: &mut heard,
                    listed: Vec::new(),
                };
                playing.play(transcript).map_err(|error| format!("connection {number}: {error}"))?;
            }
            Ok(heard)
        });
        Scripted { port, player: Some(player) }
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Waits for the end of the last transcript; fails unless the client kept to all of them.
    /// Gives every line the client sent.
    #[track_caller]
    pub(crate) fn finish(mut self) -> Vec<String> {
        match self.end() {
            Ok(heard) => heard,
            Err(error) => panic!("the client left the transcript: {error}"),
        }
    }

    fn end(&mut self) -> Result<Vec<String>, String> {
        let Some(player) = self.player.take() else { return Ok(Vec::new()) };
        // Transcripts that nobody came for are ended by connections that say nothing.
        while !player.is_finished() {
            drop(TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)));
            std::thread::sleep(Duration::from_millis(5));
        }
        player.join().unwrap_or_else(|_| Err("the scripted server panicked".to_owned()))
    }
}

impl Drop for Scripted {
    fn drop(&mut self) {
        let _ = self.end();
    }
}

struct Playing<'a> {
    wire: Wire,
    stage: &'a Stage,
    heard: &'a mut Vec<String>,
    /// Number, unique-id and size of each message.
    listed: Vec<[String; 3]>,
}

impl Playing<'_> {
    fn play(&mut self, transcript: &str) -> Result<(), String> {
        if let Some(acceptor) = &self.stage.implicit_tls
            && self.wire.encrypt(acceptor).is_err()
        {
            // The client refused the certificate: the tests that want this look at its words.
            return Ok(());
        }
        for step in steps(transcript) {
            match step {
                Step::Server { octets, times: 1 } => self.send(&octets),
                Step::Server { octets, times } => self.repeat(&octets, times),
                Step::Client(line) => self.hear(&line)?,
                Step::Listed(words) => self.listed.push(words),
                Step::Stall => self.wire.stall(),
                Step::Close => {
                    self.wire.hang_up();
                    return Ok(());
                }
                Step::Tls => {
                    let acceptor = self.stage.stls.as_ref().expect("a stage with a certificate for STLS");
                    self.wire.encrypt(acceptor).map_err(|error| error.to_string())?;
                }
            }
        }
        Ok(())
    }

    fn hear(&mut self, expected: &str) -> Result<(), String> {
        loop {
            let line = self.wire.line().ok_or_else(|| format!("it closed where {expected:?} was due"))?;
            let line = String::from_utf8_lossy(&line).into_owned();
            self.heard.push(line.clone());
            if fits(expected, &line) {
                return Ok(());
            }
            if self.listed.is_empty() || !self.list(&line) {
                return Err(format!("it said {line:?} where {expected:?} was due"));
            }
        }
    }

    /// Answers STAT, UIDL and LIST from what is listed; false for any other command.
    fn list(&mut self, command: &str) -> bool {
        let column = match command {
            "STAT" => None,
            "UIDL" => Some(1),
            "LIST" => Some(2),
            _ => return false,
        };
        let reply = match column {
            None => {
                let octets: usize =
                    self.listed.iter().map(|words| words[2].parse::<usize>().unwrap_or(0)).sum();
                format!("+OK {} {octets}\r\n", self.listed.len())
            }
            Some(column) => {
                let lines: String =
                    self.listed.iter().map(|words| format!("{} {}\r\n", words[0], words[column])).collect();
                format!("+OK\r\n{lines}.\r\n")
            }
        };
        self.send(reply.as_bytes());
        true
    }

    fn send(&mut self, octets: &[u8]) {
        match self.stage.split_every {
            None => self.wire.send(octets),
            Some(length) => {
                if let Wire::Clear(stream) = &self.wire {
                    let _ = stream.set_nodelay(true);
                }
                for piece in octets.chunks(length) {
                    self.wire.send(piece);
                }
            }
        }
    }

    fn repeat(&mut self, octets: &[u8], times: u64) {
        let block = octets.repeat((65_536 / octets.len()).max(1));
        let mut left = times.saturating_mul(octets.len() as u64);
        while left > 0 {
            let length = usize::try_from(left).unwrap_or(usize::MAX).min(block.len());
            if self.wire.write_all(&block[..length]).is_err() {
                return;
            }
            left -= length as u64;
        }
    }
}

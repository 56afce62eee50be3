//! Commands of the configuration, run with `sh -c`: no input, a time limit, bounded output.
//!
//! Promises: whatever a command does, it is over when the limit is, and no more than 8 KiB of what
//! it prints is kept; what it printed is wiped from memory, for it may be a password. No command finds the variables
//! of `password_env` in its environment.

use crate::mail::safe_text::escape;
use crate::stop;
use rustix::process::{Pid, Signal, kill_process_group};
use secrecy::zeroize::Zeroizing;
use std::io::{self, Read};
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// How much of its output is kept; what comes after is read and thrown away.
const OUTPUT_LIMIT: usize = 8 << 10;
/// How long what a finished command left running in the background may hold its output open.
const GRACE: Duration = Duration::from_millis(500);
/// How long a group of processes has between SIGTERM and SIGKILL.
const LAST_WORDS: Duration = Duration::from_secs(2);
/// How much of a command's complaint is shown, in octets.
const COMPLAINT_SHOWN: usize = 300;

/// Environment variables that hold passwords.
static WITHHELD: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// From now on no command finds this variable in its environment: it holds a password, which is ours to use and
/// nobody else's.
pub fn withhold(variable: &str) {
    let mut withheld = WITHHELD.lock().unwrap_or_else(PoisonError::into_inner);
    if !withheld.iter().any(|known| known == variable) {
        withheld.push(variable.to_owned());
    }
}

/// What became of a command.
pub enum Outcome {
    /// It ended by itself.
    Ended {
        /// How.
        status: ExitStatus,
        /// The beginning of what it printed, at most 8 KiB.
        output: Zeroizing<Vec<u8>>,
        /// The beginning of what it complained.
        complaint: Vec<u8>,
    },
    /// It did not end in time, and was killed.
    OutOfTime,
    /// We were to stop, so it was killed.
    Stopped,
}

/// A command line, and the terms on which it is run.
pub struct Shell<'c> {
    command: Command,
    limit: Duration,
    stop: Option<&'c dyn Fn() -> bool>,
}

impl<'c> Shell<'c> {
    /// A command that may take so long. It stays in our process group, so that it can ask on the
    /// terminal (a pinentry does) and Ctrl-C reaches it; only the shell itself is killed when the
    /// time is up.
    pub fn new(line: &str, limit: Duration) -> Self {
        let mut command = Command::new("sh");
        command.arg("-c").arg(line);
        for name in WITHHELD.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            command.env_remove(name);
        }
        Shell { command, limit, stop: None }
    }

    /// With this environment variable.
    #[must_use]
    pub fn variable(mut self, name: &str, value: &str) -> Self {
        self.command.env(name, value);
        self
    }

    /// In a process group of its own, which is ended as a whole when the time is up, and as soon
    /// as `stop` says so. It cannot use the terminal.
    #[must_use]
    pub fn apart(mut self, stop: &'c dyn Fn() -> bool) -> Self {
        self.command.process_group(0);
        self.stop = Some(stop);
        self
    }

    /// Runs it to its end, or until it has to be ended.
    pub fn run(mut self) -> io::Result<Outcome> {
        let deadline = Instant::now() + self.limit;
        let mut child =
            self.command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
        let output = Collector::start(child.stdout.take())?;
        let complaint = Collector::start(child.stderr.take())?;
        let stopped = || stop::requested().is_some() || self.stop.is_some_and(|stop| stop());
        let Some(status) = wait_until(&mut child, deadline, &stopped)? else {
            let outcome = if stopped() { Outcome::Stopped } else { Outcome::OutOfTime };
            if self.stop.is_some() {
                end_group(&mut child)?;
            } else {
                child.kill()?;
            }
            // Its end is awaited so that no zombie stays; after SIGKILL it is near.
            child.wait()?;
            return Ok(outcome);
        };
        Ok(Outcome::Ended { status, output: output.take(), complaint: complaint.take().to_vec() })
    }
}

/// The child's status, or `None` if it still runs at the deadline or when we are to stop. There is
/// no wait with a time limit in the standard library, so it is asked again and again, at growing
/// intervals.
fn wait_until(
    child: &mut Child,
    deadline: Instant,
    stopped: &dyn Fn() -> bool,
) -> io::Result<Option<ExitStatus>> {
    let mut pause = Duration::from_millis(1);
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() || stopped() {
            return Ok(None);
        }
        thread::sleep(pause.min(left));
        pause = (pause * 2).min(Duration::from_millis(50));
    }
}

/// Asks a process group to end, and makes it. The child has not been waited for, so the group's
/// number is still its own.
fn end_group(child: &mut Child) -> io::Result<()> {
    let group = Pid::from_child(child);
    kill_process_group(group, Signal::TERM)?;
    let _ = wait_until(child, Instant::now() + LAST_WORDS, &stop::is_over)?;
    // What is left of the group, the shell's children included; it may be nobody any more.
    let _ = kill_process_group(group, Signal::KILL);
    Ok(())
}

/// Reads a pipe in a thread of its own until its end, and keeps the beginning.
struct Collector {
    kept: Arc<Mutex<Zeroizing<Vec<u8>>>>,
    ended: Receiver<()>,
}

impl Collector {
    fn start(pipe: Option<impl Read + Send + 'static>) -> io::Result<Self> {
        // Allocated once at its full size: a vector that grows leaves copies behind.
        let kept = Arc::new(Mutex::new(Zeroizing::new(Vec::with_capacity(OUTPUT_LIMIT))));
        let (end, ended) = channel();
        let shared = Arc::clone(&kept);
        thread::Builder::new().name("command output".to_owned()).spawn(move || {
            let mut pipe = pipe;
            let mut chunk = Zeroizing::new([0; 1024]);
            while let Some(n @ 1..) = pipe.as_mut().and_then(|pipe| pipe.read(&mut *chunk).ok()) {
                let mut kept = shared.lock().unwrap_or_else(PoisonError::into_inner);
                let room = n.min(OUTPUT_LIMIT - kept.len());
                kept.extend_from_slice(&chunk[..room]);
            }
            // Nobody waits any more when the command was killed.
            let _ = end.send(());
        })?;
        Ok(Collector { kept, ended })
    }

    /// What was kept, once the pipe has ended or the grace is over.
    fn take(self) -> Zeroizing<Vec<u8>> {
        // Either way what is there counts.
        let _ = self.ended.recv_timeout(GRACE);
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        Zeroizing::new(std::mem::take(&mut **kept))
    }
}

/// What a command complained, on one line and safe for a terminal, to follow what is said of its
/// status.
pub fn complained(complaint: &[u8]) -> String {
    let text = String::from_utf8_lossy(complaint);
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let mut joined = lines.join(" / ");
    if joined.is_empty() {
        return "; it said nothing, so run it by hand".to_owned();
    }
    if joined.len() > COMPLAINT_SHOWN {
        joined.truncate(joined.floor_char_boundary(COMPLAINT_SHOWN));
        joined.push('…');
    }
    format!(": {}", escape(joined.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_mins(1);

    #[test]
    fn a_command_has_no_input_and_its_variables() {
        let outcome = Shell::new("cat; echo $FETCHED; echo no >&2; exit 3", LONG).variable("FETCHED", "7");
        let Outcome::Ended { status, output, complaint } = outcome.run().unwrap() else { panic!() };
        assert_eq!(
            (status.code(), output.as_slice(), complaint.as_slice()),
            (Some(3), &b"7\n"[..], &b"no\n"[..])
        );
    }

    #[test]
    fn a_group_that_is_out_of_time_is_ended_with_its_children() {
        let began = Instant::now();
        let folder = tempfile::tempdir().unwrap();
        let line =
            format!("trap '' TERM; (sleep 60; echo > {}/late) & wait; sleep 60", folder.path().display());
        let outcome = Shell::new(&line, Duration::from_millis(50)).apart(&|| false).run().unwrap();
        assert!(matches!(outcome, Outcome::OutOfTime));
        assert!(began.elapsed() < Duration::from_secs(30), "SIGTERM was ignored, SIGKILL is not");
    }

    #[test]
    fn a_group_is_ended_when_we_are_to_stop() {
        let outcome = Shell::new("sleep 60; echo never", LONG).apart(&|| true).run().unwrap();
        assert!(matches!(outcome, Outcome::Stopped));
    }

    #[test]
    fn what_is_printed_without_end_is_read_and_thrown_away() {
        let outcome = Shell::new("head -c 3000000 /dev/zero", LONG).apart(&|| false).run().unwrap();
        let Outcome::Ended { status, output, .. } = outcome else { panic!() };
        assert!(status.success() && output.len() == OUTPUT_LIMIT);
    }

    #[test]
    fn a_complaint_is_one_safe_line() {
        assert_eq!(complained(b" no \x1b[31mkey\n\nnor \\\n"), ": no \\x1b[31mkey / nor \\\\");
        assert!(complained(b"").contains("said nothing"));
        assert!(complained(&[b'x'; 5000]).len() < 320);
    }
}

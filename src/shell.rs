//! Commands of the configuration, run with `sh -c`: no input, a time limit, bounded output.
//!
//! Promises: whatever a command does, it is over when the limit is, and no more than 8 KiB of what
//! it prints is kept; what it printed is wiped from memory, for it may be a password. No command finds the variables
//! of `password_env` in its environment.

use crate::stop;
use crate::text::safe::escape;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::process::{Pid, Signal, kill_process_group};
use secrecy::zeroize::Zeroizing;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// How much of its output is kept; what comes after is read and thrown away.
const OUTPUT_LIMIT: usize = 8 << 10;
/// How long what a finished command left running in the background may hold its output open.
const GRACE: Duration = Duration::from_millis(500);
/// The first pause between two looks at a command that runs.
const SHORTEST: Duration = Duration::from_millis(1);
/// The longest.
const LONGEST: Duration = Duration::from_millis(50);
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

/// Opens an address in the person's browser, if there is a program for that. Nothing is waited for.
pub fn open_in_browser(address: &str) {
    let program = if cfg!(target_os = "macos") { "open" } else { "xdg-open" };
    let mut command = Command::new(program);
    command.arg(address).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    for variable in &*WITHHELD.lock().unwrap_or_else(PoisonError::into_inner) {
        command.env_remove(variable);
    }
    if let Ok(mut child) = command.spawn() {
        // Some stay as long as the browser. Without a thread, nobody waits.
        let _ = std::thread::Builder::new().spawn(move || child.wait());
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

    /// Runs it to its end, or until it has to be ended: at its limit, or when a signal asks us to stop.
    pub fn run(mut self) -> io::Result<Outcome> {
        let begun = Instant::now();
        let mut child =
            self.command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
        let mut output = Collector::new(child.stdout.take().map(OwnedFd::from));
        let mut complaint = Collector::new(child.stderr.take().map(OwnedFd::from));
        let stopped = || stop::requested().is_some() || self.stop.is_some_and(|stop| stop());
        let mut pause = SHORTEST;
        let status = loop {
            if let Some(status) = child.try_wait()? {
                break Some(status);
            }
            let left = self.limit.saturating_sub(begun.elapsed());
            if left.is_zero() || stopped() {
                break None;
            }
            hear([&mut output, &mut complaint], pause.min(left));
            pause = (pause * 2).min(LONGEST);
        };
        let Some(status) = status else {
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
        // What is there counts, whoever else may still hold the pipes open.
        let ended = Instant::now();
        while (output.is_open() || complaint.is_open()) && ended.elapsed() < GRACE && !stopped() {
            hear([&mut output, &mut complaint], LONGEST);
        }
        Ok(Outcome::Ended { status, output: output.kept, complaint: complaint.kept.to_vec() })
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
    let mut pause = SHORTEST;
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() || stopped() {
            return Ok(None);
        }
        thread::sleep(pause.min(left));
        pause = (pause * 2).min(LONGEST);
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

/// Reads a pipe as far as something is in it, and keeps the beginning.
struct Collector {
    /// Until its end.
    pipe: Option<OwnedFd>,
    kept: Zeroizing<Vec<u8>>,
}

impl Collector {
    fn new(pipe: Option<OwnedFd>) -> Self {
        // One that would make us wait is not read: what the command says is then lost, and not our time.
        let pipe = pipe.filter(|pipe| rustix::io::ioctl_fionbio(pipe, true).is_ok());
        // Allocated once at its full size: a vector that grows leaves copies behind.
        Collector { pipe, kept: Zeroizing::new(Vec::with_capacity(OUTPUT_LIMIT)) }
    }

    fn is_open(&self) -> bool {
        self.pipe.is_some()
    }

    fn read(&mut self) {
        let mut chunk = Zeroizing::new([0; 4096]);
        // Who prints without end is not listened to without end.
        for _ in 0..64 {
            let Some(pipe) = &self.pipe else { return };
            match rustix::io::read(pipe, &mut chunk[..]) {
                Ok(0) => self.pipe = None,
                Ok(n) => {
                    let room = n.min(OUTPUT_LIMIT - self.kept.len());
                    self.kept.extend_from_slice(&chunk[..room]);
                }
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => return,
                Err(_) => self.pipe = None,
            }
        }
    }
}

/// Waits so long at most for something to read, and reads it.
fn hear(collectors: [&mut Collector; 2], pause: Duration) {
    let mut pipes: Vec<PollFd<'_>> = collectors
        .iter()
        .filter_map(|collector| collector.pipe.as_ref())
        .map(|pipe| PollFd::new(pipe, PollFlags::IN))
        .collect();
    let time = Timespec { tv_sec: 0, tv_nsec: pause.min(LONGEST).subsec_nanos().into() };
    if pipes.is_empty() || poll(&mut pipes, Some(&time)).is_err_and(|errno| errno != Errno::INTR) {
        thread::sleep(pause);
    }
    for collector in collectors {
        collector.read();
    }
}

/// What a command complained, on one line and safe for a terminal, to follow what is said of its
/// status.
pub fn complained(complaint: &[u8]) -> String {
    let text = String::from_utf8_lossy(complaint);
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let mut joined = lines.join(" / ");
    if joined.is_empty() {
        return "; it printed no error, so run it by hand to see why".to_owned();
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
        assert!(complained(b"").contains("by hand"));
        assert!(complained(&[b'x'; 5000]).len() < 320);
    }
}

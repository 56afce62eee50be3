//! Runs a command that prints a secret: no input, a time limit, bounded output.

use secrecy::zeroize::Zeroizing;
use std::io::{self, Read};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// How much of its output is kept; what comes after is read and thrown away.
const OUTPUT_LIMIT: usize = 8 << 10;
/// How long what a finished command left running in the background may hold its output open.
const GRACE: Duration = Duration::from_millis(500);

/// What became of a command.
pub(super) enum Outcome {
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
}

/// Runs `command` with `sh -c`. It stays in our process group, so that it can ask on the
/// terminal (a pinentry does) and Ctrl-C reaches it; only the shell itself is killed when the
/// time is up.
pub(super) fn run(command: &str, limit: Duration) -> io::Result<Outcome> {
    let deadline = Instant::now() + limit;
    let mut child = Command::new("sh")
        .arg("-c")
        .arg(command)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    let output = Collector::start(child.stdout.take())?;
    let complaint = Collector::start(child.stderr.take())?;
    let Some(status) = wait_until(&mut child, deadline)? else {
        // Its end is awaited so that no zombie stays; after SIGKILL it is near.
        child.kill()?;
        child.wait()?;
        return Ok(Outcome::OutOfTime);
    };
    Ok(Outcome::Ended { status, output: output.take(), complaint: complaint.take().to_vec() })
}

/// The child's status, or `None` if it still runs at the deadline. There is no wait with a time
/// limit in the standard library, so it is asked again and again, at growing intervals.
fn wait_until(child: &mut Child, deadline: Instant) -> io::Result<Option<ExitStatus>> {
    let mut pause = Duration::from_millis(1);
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(None);
        }
        thread::sleep(pause.min(left));
        pause = (pause * 2).min(Duration::from_millis(50));
    }
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

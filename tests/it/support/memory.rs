//! How much memory a run takes at its peak, as Linux counts it.

use std::io::Read as _;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use super::outcome::Outcome;
use super::sandbox::{LIMIT, Run};

impl Run {
    /// Runs to the end; the peak of its resident memory in KiB, as far as it was seen: the kernel's
    /// own high-water mark, read every few milliseconds until the program has gone.
    #[track_caller]
    pub(crate) fn measured(self) -> (Outcome, u64) {
        let arguments = self.arguments();
        let mut command: Command = self.into_command();
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let (mut out, mut err) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
        let reading = std::thread::spawn(move || {
            let mut octets = Vec::new();
            let _ = err.read_to_end(&mut octets);
            octets
        });
        let writing = std::thread::spawn(move || {
            let mut octets = Vec::new();
            let _ = out.read_to_end(&mut octets);
            octets
        });
        let begun = Instant::now();
        let mut peak = 0;
        let status = loop {
            peak = peak.max(high_water_mark(child.id()).unwrap_or(0));
            if let Some(status) = child.try_wait().unwrap() {
                break status;
            }
            if begun.elapsed() > LIMIT {
                let _ = child.kill();
                panic!("popkeep {arguments:?} did not end");
            }
            std::thread::sleep(Duration::from_millis(2));
        };
        let (stdout, stderr) = (writing.join().unwrap(), reading.join().unwrap());
        assert!(peak > 0, "the memory of popkeep {arguments:?} could not be seen");
        (Outcome::of(&arguments, Output { status, stdout, stderr }), peak)
    }
}

/// `VmHWM` of a process, in KiB; none when it has ended.
fn high_water_mark(process: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix(" kB")?.trim().parse().ok()
}

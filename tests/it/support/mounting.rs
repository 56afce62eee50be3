//! File systems that a test mounts for itself.

use std::process::Command;

use super::outcome::Outcome;
use super::sandbox::{POPKEEP, Sandbox};
use super::{find_program, skip};

/// Runs a shell script where it may mount file systems that nobody else sees; `$POPKEEP` is the
/// program. `None` where that is not allowed.
pub(crate) fn mounting(sandbox: &Sandbox, script: &str) -> Option<Outcome> {
    let namespace: &[&str] = if rustix::process::getuid().is_root() { &["-m"] } else { &["-r", "-m"] };
    let probe = sandbox.path("probe");
    std::fs::create_dir_all(&probe).unwrap();
    let unshare = |script: &str| {
        let mut command = Command::new("unshare");
        command.args(namespace).args(["sh", "-ec", script]).env("POPKEEP", POPKEEP);
        sandbox.command(command).env("POPKEEP", POPKEEP)
    };
    let tried = find_program("unshare").map(|_| unshare("mount -t tmpfs tmpfs probe").run());
    if tried.as_ref().and_then(|outcome| outcome.code) != Some(0) {
        skip(&format!("no file system can be mounted here: {tried:?}"));
        return None;
    }
    Some(unshare(script).run())
}

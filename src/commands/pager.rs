//! Long output on a terminal, in the pager that the person has chosen: `$PAGER`, else less.
//!
//! popkeep becomes the pager, so that Ctrl-C means there what it means in a pager. What it shows was safe for a
//! terminal before.

use super::output::Out;
use crate::disk::{Disk as _, OsDisk, OsFile};
use std::ffi::OsString;
use std::io::{self, BufWriter, IsTerminal as _, Seek as _, Write};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Command, Stdio};

/// What less is told unless the person tells it something else: leave at once what fits, show colours, leave the screen.
const LESS: &str = "FRX";

/// Whether so many lines are to be paged.
pub(super) fn is_wanted(lines: usize) -> bool {
    let rows = rustix::termios::tcgetwinsize(io::stdout()).map_or(0, |size| usize::from(size.ws_row));
    let is_dumb = std::env::var_os("TERM").is_none_or(|term| term == "dumb");
    rows > 0 && lines >= rows && io::stdin().is_terminal() && !is_dumb && command().is_some()
}

/// The pager; `None` where the person wants none.
fn command() -> Option<OsString> {
    match std::env::var_os("PAGER") {
        None => Some("less".into()),
        Some(pager) if pager.is_empty() || pager == "cat" => None,
        Some(pager) => Some(pager),
    }
}

/// Shows what `write` writes in the pager, and does not come back; where there is no pager after all, on `out`. Meanwhile
/// it is in a file without a name in `folder`.
pub(super) fn page<W: Write, E: From<io::Error>>(
    folder: &Path,
    out: &mut Out<W>,
    write: impl FnOnce(&mut Out<BufWriter<OsFile>>) -> Result<(), E>,
) -> Result<(), E> {
    let mut file = Out::new(BufWriter::new(OsDisk.create_unnamed(folder)?));
    write(&mut file)?;
    let mut file = file.into_inner().into_inner().map_err(io::IntoInnerError::into_error)?;
    file.rewind()?;
    if let Some(pager) = command() {
        let mut shell = Command::new("sh");
        // A shell that does not know the pager says so itself; ours is to show the text then.
        shell.arg("-c").arg("command -v \"${0%% *}\" >/dev/null && exec $0 || exec cat").arg(pager);
        if std::env::var_os("LESS").is_none() {
            shell.env("LESS", LESS);
        }
        let _ = shell.stdin(Stdio::from(file.try_clone()?)).exec();
    }
    io::copy(&mut file, out)?;
    Ok(())
}

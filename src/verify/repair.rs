//! Repairs what a verification has found: from places that the user names, or from the server.

use super::bad::Bad;
use super::found::{Attendant, Verified};
use super::mender::{Mender, RepairError};
use super::{server, sources};
use crate::clock;
use crate::config::{Account, Config};
use crate::disk;
use crate::event::Observer;
use crate::store::Store;
use crate::text::dates;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Where bad copies are kept, in the state folder.
const DAMAGED: &str = "damaged";

/// Where good copies come from, and what is repaired.
#[derive(Clone, Debug, Default)]
pub struct Repair {
    /// Maildirs, mboxes, folders of .eml files. The server is not contacted where there is one.
    pub from: Vec<PathBuf>,
    /// What was removed from the archive is fetched again, too.
    pub removed: bool,
}

/// Repairs what can be repaired, and counts it in `found`.
pub(super) fn run(
    store: &mut Store,
    (config, account): (&Config, &Account),
    repair: &Repair,
    bad: Vec<Bad>,
    observer: &Arc<dyn Observer>,
    attendant: &mut dyn Attendant,
    found: &mut Verified,
) -> Result<(), RepairError> {
    let damaged = config.state_dir.join(DAMAGED).join(&account.name);
    let keep = |path: &Path| keep(path, &damaged);
    let mut mender = Mender::new(store, (&damaged, &keep));
    // What an earlier run was killed at.
    mender.move_bad_copies_aside()?;
    let removed = bad.iter().filter(|bad| bad.left.is_none()).count() as u64;
    let removed_too = removed > 0 && (repair.removed || attendant.restores_removed(removed));
    mender.want(bad.into_iter().filter(|bad| bad.left.is_some() || removed_too))?;
    let done = if mender.is_done() {
        Ok(())
    } else if repair.from.is_empty() {
        server::repair(&mut mender, (config, account), observer)
    } else {
        sources::repair(&mut mender, &repair.from, attendant)
    };
    // What is complete is worth keeping, however it ended.
    let done = done.and_then(|()| mender.commit());
    let repaired = mender.mended();
    found.repaired = repaired.len() as u64;
    found.intact += found.repaired;
    let before = found.missing.len();
    found.damaged.retain(|bad| !repaired.contains(&bad.seq));
    found.missing.retain(|bad| !repaired.contains(&bad.seq));
    found.present += (before - found.missing.len()) as u64;
    // The next run need not look for what this one has found.
    if found.repaired > 0 {
        store.archive.look(&mut *store.ledger, clock::now())?;
    }
    done
}

/// Copies a bad copy to where bad copies are kept, durably, beside a note of where it came from.
fn keep(path: &Path, damaged: &Path) -> io::Result<()> {
    let name = path.file_name().unwrap_or_default();
    let kept = disk::keep_copy(path, damaged, name)?;
    let note = format!(
        "Moved here by popkeep on {}, after it had put a good copy of the message into the archive.\nIt was damaged. It was: {}\n",
        dates::moment(clock::now()),
        path.display(),
    );
    let mut beside = kept.into_os_string();
    beside.push(".txt");
    match disk::write_new_private(Path::new(&beside), note.as_bytes()) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    }
}

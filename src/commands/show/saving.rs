//! `show --save`: a message's attachments as files.
//!
//! Promises: every file is in the folder that was named, and new: nothing is overwritten, and no link is followed;
//! memory does not grow with an attachment.

use super::{ReadableCopy, ShowError};
use crate::commands::Failure;
use crate::commands::output::Out;
use crate::disk::{self, Disk as _, DiskFile as _, OsDisk, OsFile};
use crate::mail::parts::{Embedded, Part, Sink, Walker, filename};
use crate::mail::readable::Readable;
use crate::text::safe::escape;
use std::io::{self, BufWriter, ErrorKind, Write};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

/// Files with one name, at most; and attachments.
const MOST: usize = 1000;

/// Saves the attachments of a message in a folder, and prints where each one is.
pub(super) fn save<W: Write>(
    copy: &ReadableCopy,
    message: &Readable,
    folder: &Path,
    out: &mut Out<W>,
) -> Result<(), Failure> {
    if message.is_too_complex {
        return Err(ShowError::TooComplex.into());
    }
    let failed = |path: &Path, source| ShowError::Write { path: path.display().to_string(), source };
    disk::make_private_dirs(folder).map_err(|error| failed(folder, error))?;
    let mut saver = Saver { folder, saved: Vec::new(), file: None, failed: None };
    let mut walker = Walker::new(&mut saver, Embedded::Closed);
    let read = copy.read(&mut |octets| walker.update(octets));
    // It was not too complex a moment ago.
    let _ = walker.finish();
    let Saver { saved, failed: problem, .. } = saver;
    for path in &saved {
        writeln!(out, "{}", escape(path.as_os_str().as_bytes()))?;
    }
    if let Some((path, error)) = problem {
        return Err(failed(&path, error).into());
    }
    OsDisk.sync_dir(folder).map_err(|error| failed(folder, error))?;
    Ok(read?)
}

struct Saver<'f> {
    folder: &'f Path,
    saved: Vec<PathBuf>,
    file: Option<BufWriter<OsFile>>,
    failed: Option<(PathBuf, io::Error)>,
}

impl Saver<'_> {
    fn create(&mut self, part: &Part) -> Option<OsFile> {
        let name = part.name.as_deref().and_then(filename::safe).unwrap_or_else(|| {
            let extension = if part.media.starts_with("message/") { ".eml" } else { "" };
            format!("part-{}{extension}", self.saved.len() + 1)
        });
        for number in 1..=MOST {
            let name = if number == 1 { name.clone() } else { filename::numbered(&name, number) };
            let path = self.folder.join(name);
            match OsDisk.create_new(&path) {
                Ok(file) => {
                    self.saved.push(path);
                    return Some(file);
                }
                Err(error) if error.kind() == ErrorKind::AlreadyExists && number < MOST => {}
                Err(error) => {
                    self.failed = Some((path, error));
                    return None;
                }
            }
        }
        None
    }

    /// What was begun cannot be completed: half a file is worse than none.
    fn fail(&mut self, error: io::Error) {
        self.file = None;
        if let Some(path) = self.saved.pop() {
            let _ = OsDisk.unlink(&path);
            self.failed = Some((path, error));
        }
    }
}

impl Sink for Saver<'_> {
    fn header(&mut self, _: &[u8], _: usize) {}

    fn begin(&mut self, part: &Part) -> bool {
        if part.is_listed() && self.failed.is_none() && self.saved.len() < MOST {
            self.file = self.create(part).map(BufWriter::new);
        }
        self.file.is_some()
    }

    fn octets(&mut self, octets: &[u8]) {
        if let Some(file) = &mut self.file
            && let Err(error) = file.write_all(octets)
        {
            self.fail(error);
        }
    }

    fn end(&mut self) {
        let Some(mut file) = self.file.take() else { return };
        if let Err(error) = file.flush().and_then(|()| file.get_mut().sync()) {
            self.fail(error);
        }
    }

    fn message_begins(&mut self, _: &Part) {}
    fn message_ends(&mut self, _: u64) {}
}

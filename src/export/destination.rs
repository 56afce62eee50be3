//! What any place is asked to do that messages are exported to.

use super::{ExportError, Exported};
use crate::config::Config;
use crate::disk;
use crate::ledger::Row;
use crate::mail::digest::Digest;
use std::path::{Path, PathBuf};

/// A place that messages are exported to. At most one message is open at a time.
pub(super) trait Destination {
    /// Whether at least `nth` copies of this content, of `size` octets, were there when this run began.
    fn has(&mut self, digest: &Digest, size: u64, nth: u64) -> Result<bool, ExportError>;

    /// Begins a message.
    fn begin(&mut self) -> Result<(), ExportError>;

    /// Adds octets of its stored form.
    fn write(&mut self, octets: &[u8]) -> Result<(), ExportError>;

    /// Closes it: the hashes of what was written, as it was given.
    fn finish(&mut self) -> Result<Digest, ExportError>;

    /// Throws it away.
    fn discard(&mut self) -> Result<(), ExportError>;

    /// The finished message, of this row, is to stay; commits when many wait. `true` when whoever reads it there cannot
    /// tell it from another message.
    fn keep(&mut self, row: &Row, flags: Option<String>) -> Result<bool, ExportError>;

    /// Makes everything durable and visible that was kept.
    fn commit(&mut self) -> Result<(), ExportError>;

    /// Reads everything again that this run has written, and counts what is as it should be.
    fn compare(&mut self, done: &mut Exported) -> Result<(), ExportError>;
}

/// A destination's path, absolute; what is there of it without links.
pub(super) fn place(to: &Path) -> Result<PathBuf, ExportError> {
    disk::absolute(to).map_err(|source| ExportError::Io { path: to.display().to_string(), source })
}

/// An export must not be taken for mail that a run has archived, nor end in the midst of it.
pub(super) fn must_be_no_archive(to: &Path, config: &Config) -> Result<(), ExportError> {
    for account in &config.accounts {
        let archive = place(&account.archive)?;
        if to.starts_with(&archive)
            || archive.starts_with(to.join("cur"))
            || archive.starts_with(to.join("new"))
        {
            let path = to.display().to_string();
            return Err(ExportError::IsArchive { path, account: account.name.clone() });
        }
    }
    Ok(())
}

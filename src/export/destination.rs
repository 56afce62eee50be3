//! What any place is asked to do that messages are exported to.

use super::{ExportError, Exported};
use crate::config::Config;
use crate::copying::Target;
use crate::disk;
use std::path::{Path, PathBuf};

/// A place that messages are exported to. It commits when many wait.
pub(super) trait Destination: Target<Error = ExportError> {
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

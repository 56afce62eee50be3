//! Maildir.
use super::{Archive, ArchiveError, Arrived, Copy, Pending, Recovery};
use crate::disk::Disk;
use crate::ledger::{Ledger, Row, Seq};
use crate::mail::digest::Digest;
use std::path::PathBuf;
use std::sync::Arc;
/// The archive.
pub struct Maildir<D: Disk> {
    _disk: Arc<D>,
}
impl<D: Disk> Maildir<D> {
    /// Not opened yet.
    pub fn new(disk: Arc<D>, _path: PathBuf, _identity: &str) -> Self {
        Self { _disk: disk }
    }
}
impl<D: Disk> Archive for Maildir<D> {
    fn open(&mut self, _ledger: &mut dyn Ledger) -> Result<(), ArchiveError> {
        todo!()
    }
    fn recover(&mut self, _ledger: &mut dyn Ledger) -> Result<Recovery, ArchiveError> {
        todo!()
    }
    fn begin(&mut self) -> Result<(), ArchiveError> {
        todo!()
    }
    fn write(&mut self, _octets: &[u8]) -> Result<(), ArchiveError> {
        todo!()
    }
    fn finish(&mut self) -> Result<(Digest, u64), ArchiveError> {
        todo!()
    }
    fn keep(&mut self, _seq: Seq, _arrived: Arrived) -> Result<(), ArchiveError> {
        todo!()
    }
    fn discard(&mut self) -> Result<(), ArchiveError> {
        todo!()
    }
    fn pending(&self) -> Pending {
        todo!()
    }
    fn commit(&mut self, _ledger: &mut dyn Ledger) -> Result<Vec<Seq>, ArchiveError> {
        todo!()
    }
    fn verify(&mut self, _row: &Row) -> Result<Copy, ArchiveError> {
        todo!()
    }
}

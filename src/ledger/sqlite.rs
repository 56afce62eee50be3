//! SQLite.
use super::{Change, Known, Ledger, LedgerError, Overview, Row, Seq};
use crate::mail::digest::Digest;
use std::path::Path;
/// The ledger's file.
pub struct LedgerFile {}
/// One maildrop's part of it.
pub struct SqliteLedger {}
impl LedgerFile {
    /// Opens it, making it when there is none.
    pub fn open(_state_dir: &Path) -> Result<LedgerFile, LedgerError> { todo!() }
    /// Opens it for reading; `None` when there is none.
    pub fn read_only(_state_dir: &Path) -> Result<Option<LedgerFile>, LedgerError> { todo!() }
    /// The part of one maildrop, made when there is none.
    pub fn maildrop(&self, _identity: &str, _archive: &Path) -> Result<SqliteLedger, LedgerError> { todo!() }
    /// The part of one maildrop, if there is one.
    pub fn existing(&self, _identity: &str, _archive: &Path) -> Result<Option<SqliteLedger>, LedgerError> { todo!() }
    /// The one lock of an identity; `None` when another popkeep has it.
    pub fn lock(&self, _identity: &str) -> Result<Option<crate::disk::AccountLock>, LedgerError> { todo!() }
}
impl Ledger for SqliteLedger {
    fn next_seq(&mut self) -> Seq { todo!() }
    fn commit(&mut self, _changes: &[Change]) -> Result<(), LedgerError> { todo!() }
    fn known(&self, _each: &mut dyn FnMut(Known)) -> Result<(), LedgerError> { todo!() }
    fn row(&self, _seq: Seq) -> Result<Option<Row>, LedgerError> { todo!() }
    fn intents(&self) -> Result<Vec<Row>, LedgerError> { todo!() }
    fn by_content(&self, _digest: &Digest) -> Result<Vec<Seq>, LedgerError> { todo!() }
    fn by_core(&self, _digest: &Digest) -> Result<Vec<Seq>, LedgerError> { todo!() }
    fn overview(&self) -> Result<Overview, LedgerError> { todo!() }
}

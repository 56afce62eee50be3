//! Files.
/// The disk.
pub trait Disk: Send + Sync + 'static {}
/// The real one.
pub struct OsDisk;
impl Disk for OsDisk {}
/// A lock on one account.
pub struct AccountLock {}

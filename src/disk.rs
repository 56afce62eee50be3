//! Files.
/// The disk.
pub trait Disk: Send + Sync + 'static {}
/// The real one.
pub struct OsDisk;
impl Disk for OsDisk {}
/// A lock on one account.
pub struct AccountLock {}

/// Reads a whole file of at most `max` octets; a larger one is an error of kind
/// [`std::io::ErrorKind::FileTooLarge`].
#[expect(clippy::disallowed_types, reason = "this is the disk edge")]
pub fn read_limited(path: &std::path::Path, max: u64) -> std::io::Result<Vec<u8>> {
    use std::io::Read;
    let mut octets = Vec::new();
    std::fs::File::open(path)?.take(max.saturating_add(1)).read_to_end(&mut octets)?;
    if octets.len() as u64 > max {
        return Err(std::io::ErrorKind::FileTooLarge.into());
    }
    Ok(octets)
}

/// A file's permission bits and its owner's user id; a symbolic link is followed.
#[expect(clippy::disallowed_methods, reason = "this is the disk edge")]
pub fn mode_and_owner(path: &std::path::Path) -> std::io::Result<(u32, u32)> {
    use std::os::unix::fs::MetadataExt;
    let metadata = std::fs::metadata(path)?;
    Ok((metadata.mode() & 0o7777, metadata.uid()))
}

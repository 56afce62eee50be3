//! Which journal SQLite may use where the ledger is.

use rustix::fs::StatFs;
use std::path::Path;

/// Kinds of file systems, as fstatfs(2) names them, that are or may be a network's. Memory shared
/// between processes, which the write-ahead log needs, does not work across machines.
const NETWORK: &[u64] = &[
    0x6969,      // NFS
    0x517b,      // SMB
    0xfe53_4d42, // SMB2
    0xff53_4d42, // CIFS
    0x6573_5546, // FUSE: sshfs and others, which cannot be told apart
    0x0102_1997, // 9P
    0x5346_414f, // AFS of OpenAFS
    0x6b41_4653, // AFS of the kernel
    0x7375_7245, // Coda
    0x564c,      // NCP
    0x00c3_6400, // Ceph
    0x0bd0_0bd0, // Lustre
    0x0116_1970, // GFS2
    0x7461_636f, // OCFS2
    0x1983_0326, // BeeGFS
    0x4750_4653, // GPFS
];

/// How SQLite keeps a transaction whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Journal {
    /// The write-ahead log.
    Wal,
    /// The rollback journal, for file systems of a network.
    Delete,
}

impl Journal {
    /// The one for a file in `folder`. A file system that cannot be asked is taken for a local one.
    pub(super) fn for_folder(folder: &Path) -> Journal {
        rustix::fs::statfs(folder).map_or(Journal::Wal, |stat: StatFs| Self::for_kind(stat.f_type))
    }

    /// `kind` is `f_type`, whose integer type differs between machines; only 32 bits are used.
    fn for_kind(kind: impl TryInto<i64>) -> Journal {
        let kind = kind.try_into().unwrap_or(0).cast_unsigned() & 0xffff_ffff;
        if NETWORK.contains(&kind) { Journal::Delete } else { Journal::Wal }
    }

    /// As `PRAGMA journal_mode` has it.
    pub(super) fn pragma(self) -> &'static str {
        match self {
            Journal::Wal => "wal",
            Journal::Delete => "delete",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Journal;

    #[test]
    fn a_network_gets_a_rollback_journal() {
        assert_eq!(Journal::for_kind(0x6969_i64), Journal::Delete);
        // CIFS on machines where f_type is 32 bits wide and so negative.
        assert_eq!(Journal::for_kind(0xff53_4d42_u32.cast_signed()), Journal::Delete);
        assert_eq!(Journal::for_kind(0xef53_i64), Journal::Wal, "ext4");
        assert_eq!(Journal::for_kind(0x9123_683e_i64), Journal::Wal, "btrfs");
    }
}

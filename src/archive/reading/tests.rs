use super::CopyAt;
use crate::archive::maildir::Maildir;
use crate::archive::mbox::Mbox;
use crate::archive::testing::{Journal, WatchedDisk};
use crate::archive::{Archive as _, BUFFER};
use crate::disk::{Disk as _, DiskFile as _, OsDisk};
use std::io::Write as _;
use std::ops::ControlFlow;
use std::sync::Arc;

const SIZE: u64 = 500 << 20;

#[test]
fn who_has_enough_of_a_large_message_reads_no_more_of_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("large");
    let from = b"From MAILER-DAEMON Wed Nov 18 11:06:40 2026\n";
    let header = b"Subject: large\n\n";
    let mut file = OsDisk.create_new(&path).unwrap();
    file.write_all(&[from.as_slice(), header].concat()).unwrap();
    file.set_len(SIZE).unwrap();
    let journal = Journal::default();
    let disk = || Arc::new(WatchedDisk(journal.clone()));
    let region = CopyAt::Region { path: Arc::from(path.as_path()), region: 0..SIZE };
    let readers = [
        (Mbox::new(disk(), path.clone(), "jane@example.com").reader(), region, header.as_slice()),
        (Maildir::new(disk(), path.clone(), "jane@example.com").reader(), CopyAt::File(path), from),
    ];
    for (reader, at, start) in readers {
        let mut given = Vec::new();
        let read = reader.read_while(&at, SIZE, &mut |octets| {
            given.extend_from_slice(octets);
            if given.len() < start.len() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        });
        assert!(read.unwrap(), "{at}");
        assert!(given.starts_with(start), "{at}");
        let octets = journal.octets_read();
        assert!(octets <= 2 * BUFFER as u64, "{at}: {octets}");
    }
}

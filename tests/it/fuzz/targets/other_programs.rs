//! Any octets as the files of other programs: their settings, their lists, their mail. Each account that is read can be told;
//! what is not taken over has a line that the file has; no list holds more than the file does.
//!
//! The first line names the program and what of it the rest is.

use popkeep::adopt::source::{Stop, Take, each_message};
use popkeep::adopt::tools::{MailForm, NotTaken, Seen, Settings, Tool};
use popkeep::adopt::tools::{accountrc, fdm, fetchmail, getmail, mpop, netrc, thunderbird};

pub(super) fn settings(octets: &[u8]) {
    let (program, file) = super::first_line(octets);
    let read = match program {
        b"fetchmail" => fetchmail::settings(file),
        b"getmail" => getmail::settings(file),
        b"mpop" => mpop::settings(file),
        b"fdm" => fdm::settings(file),
        b"thunderbird" => thunderbird::settings(file, "/profile"),
        b"claws" => accountrc::settings(file, Tool::Claws),
        b"sylpheed" => accountrc::settings(file, Tool::Sylpheed),
        b"profiles" => {
            assert!(thunderbird::profiles(file).iter().all(|profile| !profile.path.is_empty()));
            return;
        }
        b"netrc" => {
            let found = netrc::password(file, "pop.example.com", "jane");
            assert!(found.is_none() || !file.is_empty());
            return;
        }
        _ => return,
    };
    let Settings { accounts, not_taken } = read;
    for account in accounts {
        assert!(!account.host.is_empty() || program == b"fetchmail", "{account:?}");
        assert!(account.line <= lines(file));
        assert!(account.max_size != Some(0) || program == b"mpop");
    }
    each_has_a_line(&not_taken, file);
}

pub(super) fn lists(octets: &[u8]) {
    let (program, file) = super::first_line(octets);
    let Seen { lists: found, not_taken } = match program {
        b"fetchmail" => fetchmail::seen(file),
        b"getmail" => getmail::seen(file),
        b"mpop" => mpop::seen(file),
        b"fdm" => fdm::seen(file),
        b"thunderbird" => thunderbird::seen(file),
        b"claws" | b"sylpheed" => accountrc::seen(file),
        _ => return,
    };
    let mut length = 0;
    for uid in found.iter().flat_map(|list| &list.uids) {
        assert!(!uid.uid.is_empty());
        length += uid.uid.len();
    }
    assert!(length <= file.len());
    each_has_a_line(&not_taken, file);
}

fn each_has_a_line(not_taken: &[NotTaken], file: &[u8]) {
    for told in not_taken {
        assert!(
            (1..=lines(file)).contains(&told.line),
            "line {} of {}: {}",
            told.line,
            lines(file),
            told.what
        );
    }
}

fn lines(file: &[u8]) -> usize {
    file.split(|octet| *octet == b'\n').count()
}

/// How much has come.
#[derive(Default)]
struct Octets {
    messages: u64,
    octets: usize,
}

impl Take for Octets {
    fn take(&mut self, piece: Option<&[u8]>) -> Result<(), Stop> {
        self.messages += u64::from(piece.is_none());
        self.octets += piece.map_or(0, <[u8]>::len);
        Ok(())
    }
}

pub(super) fn mail(octets: &[u8]) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mbox");
    std::fs::write(&path, octets).unwrap();
    let mut taken = Octets::default();
    let found = each_message(MailForm::Mbox, &path, &mut taken).unwrap().unwrap();
    assert_eq!(found.messages, taken.messages);
    assert!(taken.octets <= octets.len(), "more came than is there");
    let marks = octets.windows(5).filter(|five| five == b"From ").count() as u64;
    assert!(found.messages + found.deleted + found.partial <= marks);
}

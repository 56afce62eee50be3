//! A Maildir file's modification time is when its message came, by its own header: mail programs sort by it.

use std::os::unix::fs::MetadataExt as _;

use crate::support::clock::{library, shift_to};
use crate::support::{Account, Mail, PopServer, Sandbox, stores};

fn mail(uid: &str, header: &str) -> Mail {
    Mail::new(uid, format!("{header}Subject: {uid}\n\nbody\n"))
}

/// The modification times in `new/`, by subject.
fn dates(sandbox: &Sandbox) -> Vec<(String, i64)> {
    let files = stores::files(&sandbox.archive("work").join("new")).into_iter().map(|file| {
        let text = String::from_utf8_lossy(&std::fs::read(&file).unwrap()).into_owned();
        let subject = text.lines().find_map(|line| line.strip_prefix("Subject: ")).unwrap().to_owned();
        (subject, std::fs::metadata(file).unwrap().mtime())
    });
    let mut files: Vec<_> = files.collect();
    files.sort();
    files
}

fn mails() -> Vec<Mail> {
    vec![
        mail(
            "received",
            "Received: from a\n by b;\n Thu, 1 Jan 2015 00:00:00 +0000 (GMT)\nReceived: x; Wed, 1 Jan 2014 00:00:00 +0000\nDate: Tue, 1 Jan 2013 00:00:00 +0000\n",
        ),
        mail("dated", "Date: Tue, 1 Jan 2013 00:00:00 +0000\n"),
        mail("future", "Received: by b; Sun, 1 Jan 2090 00:00:00 +0000\n"),
        mail("ancient", "Date: Sun, 1 Jan 1978 00:00:00 +0000\n"),
        mail("none", ""),
        mail("nonsense", "Received: by b; soon\nDate: later\n"),
    ]
}

#[test]
fn a_file_has_the_date_of_its_message_if_that_can_be_true() {
    let server = PopServer::with(mails());
    let sandbox = Sandbox::for_server(&server);
    sandbox.popkeep(["fetch", "--quiet"]).run().expect(0).silent();
    let found = dates(&sandbox);
    assert_eq!(found.len(), 6);
    for (subject, at) in found {
        match subject.as_str() {
            "received" => assert_eq!(at, 1_420_070_400),
            "dated" => assert_eq!(at, 1_356_998_400),
            _ => {
                assert!(at > 1_700_000_000 && at < 3_000_000_000, "{subject}: when it was fetched, not {at}");
            }
        }
    }
}

#[test]
fn ages_are_not_counted_from_a_files_date() {
    let server = PopServer::with(mails());
    let sandbox = Sandbox::with([Account::on("work", &server).text("delete", "30d")]);
    for _ in 0..2 {
        sandbox.popkeep(["fetch", "--quiet"]).run().expect(0).silent();
        assert_eq!(server.uids().len(), 6);
    }
}

#[test]
fn by_a_clock_in_1972_every_date_is_in_the_future() {
    let Some(library) = library() else { return };
    let server = PopServer::with(mails());
    let sandbox = Sandbox::for_server(&server);
    sandbox.popkeep(["fetch", "--quiet"]).ahead(&library, shift_to(63_072_000)).run().expect(0).silent();
    assert!(dates(&sandbox).iter().all(|(_, at)| *at > 1_700_000_000), "the kernel's own clock has set them");
}

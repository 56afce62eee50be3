//! The ledger's backup is whole at every moment, and takes the place of a ledger that is lost or was copied while it was
//! written: what a backup program has of the state folder is enough to go on, anywhere.

use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use crate::support::mail::{assert_same_mail, stored_forms};
use crate::support::{Mail, PopServer, Sandbox};

/// Five messages are archived, the last two of them since the backup was made; then two more come.
fn archived() -> (PopServer, Sandbox) {
    let server = PopServer::with(Mail::some(3));
    let sandbox = Sandbox::for_server(&server);
    sandbox.fetch();
    let older = std::fs::read(sandbox.ledger_backup()).unwrap();
    server.state().mails = Mail::some(5);
    assert_eq!(sandbox.fetch()["fetched"], 2);
    assert_ne!(
        std::fs::read(sandbox.ledger_backup()).unwrap(),
        older,
        "each run that fetched makes a new one"
    );
    std::fs::write(sandbox.ledger_backup(), older).unwrap();
    server.state().mails = Mail::some(7);
    server.take_sessions();
    (server, sandbox)
}

/// As a program leaves it that copies files while they change: one half is older than the other.
fn tear(ledger: &Path) {
    let mut octets = std::fs::read(ledger).unwrap();
    let half = octets.len() / 2;
    octets[half..].fill(0xa5);
    replace(ledger, &octets);
}

/// Another file with this content.
fn replace(ledger: &Path, octets: &[u8]) {
    let copy = ledger.with_extension("copy");
    std::fs::write(&copy, octets).unwrap();
    std::fs::rename(copy, ledger).unwrap();
}

/// The next run says once that the backup is in the ledger's place, fetches what is new, and nothing twice.
#[track_caller]
fn goes_on_with_the_backup(server: &PopServer, sandbox: &Sandbox) {
    let report = sandbox.fetch();
    assert_eq!(report["warnings"][0]["kind"], "ledger-restored", "{report}");
    assert_eq!((&report["fetched"], &report["archived"]), (&2.into(), &7.into()), "{report}");
    assert_eq!(server.count("RETR"), 2, "what the backup does not know is known by its file's name");
    assert_same_mail(sandbox.maildir("work"), stored_forms(&Mail::some(7)));
    sandbox.popkeep(["fetch", "--quiet"]).run().expect(0).silent();
    let verified = sandbox.popkeep(["verify", "--json"]).run().expect(0).json();
    let verified = &verified["accounts"][0];
    assert_eq!((&verified["archived"], &verified["intact"]), (&7.into(), &7.into()), "{verified}");
}

#[test]
fn the_backup_takes_the_place_of_a_ledger_that_is_lost() {
    // A ledger in which nothing is yet, and the log of one that is gone.
    for log in [None, Some(vec![0x37; 9_000])] {
        let (server, sandbox) = archived();
        let wal = format!("{}-wal", sandbox.ledger().display());
        std::fs::write(sandbox.ledger(), "").unwrap();
        log.inspect(|octets| std::fs::write(&wal, octets).unwrap());
        goes_on_with_the_backup(&server, &sandbox);
    }
    let (server, sandbox) = archived();
    std::fs::remove_file(sandbox.ledger()).unwrap();
    let status = sandbox.popkeep(["status", "--json"]).run().expect(0).json();
    assert_eq!(status["accounts"][0]["archived"], 3, "whoever only reads reads the backup");
    goes_on_with_the_backup(&server, &sandbox);
}

#[test]
fn the_backup_takes_the_place_of_a_damaged_copy_of_the_ledger() {
    let (server, sandbox) = archived();
    tear(&sandbox.ledger());
    let torn = std::fs::read(sandbox.ledger()).unwrap();
    goes_on_with_the_backup(&server, &sandbox);
    let aside = sandbox.ledger().with_file_name("ledger-damaged.sqlite3");
    assert_eq!(std::fs::read(aside).unwrap(), torn, "nothing is thrown away");
}

#[test]
fn a_quiet_run_says_once_that_the_backup_is_in_use() {
    let (_server, sandbox) = archived();
    tear(&sandbox.ledger());
    let run = sandbox.popkeep(["fetch", "--quiet"]).run().expect(0);
    run.one_line(&["work", "damaged copy", "ledger-damaged.sqlite3"]);
    sandbox.popkeep(["fetch", "--quiet"]).run().expect(0).silent();
}

#[test]
fn a_ledger_that_is_whole_stays_wherever_it_was_copied() {
    let (server, sandbox) = archived();
    let octets = std::fs::read(sandbox.ledger()).unwrap();
    replace(&sandbox.ledger(), &octets);
    let copied = std::fs::metadata(sandbox.ledger()).unwrap().ino();
    let report = sandbox.fetch();
    assert_eq!((&report["fetched"], &report["warnings"]), (&2.into(), &serde_json::json!([])), "{report}");
    assert_eq!(server.count("RETR"), 2);
    assert_eq!(std::fs::metadata(sandbox.ledger()).unwrap().ino(), copied);
}

#[test]
fn a_ledger_that_was_damaged_where_it_was_written_is_for_a_person_to_look_at() {
    let (server, sandbox) = archived();
    let mut octets = std::fs::read(sandbox.ledger()).unwrap();
    octets[4096..].fill(0xa5);
    std::fs::write(sandbox.ledger(), octets).unwrap();
    sandbox.popkeep(["fetch", "--quiet"]).run().expect(65).one_line(&[
        "work",
        "damaged",
        "rename it",
        "backup",
    ]);
    std::fs::rename(sandbox.ledger(), sandbox.path("damaged")).unwrap();
    goes_on_with_the_backup(&server, &sandbox);
}

#[test]
fn a_damaged_copy_without_a_backup_is_told() {
    let (_server, sandbox) = archived();
    std::fs::remove_file(sandbox.ledger_backup()).unwrap();
    tear(&sandbox.ledger());
    sandbox.popkeep(["fetch", "--quiet"]).run().expect(65).one_line(&["work", "damaged"]);
}

#[test]
fn a_ledger_that_is_damaged_does_not_take_the_place_of_a_good_backup() {
    let (_server, sandbox) = archived();
    let good = std::fs::read(sandbox.ledger_backup()).unwrap();
    // A page that a run does not come to: restore's.
    let ledger = rusqlite::Connection::open(sandbox.ledger()).unwrap();
    let page: i64 = ledger
        .query_row("SELECT rootpage FROM sqlite_schema WHERE name = 'restored_since'", [], |row| row.get(0))
        .unwrap();
    drop(ledger);
    let mut octets = std::fs::read(sandbox.ledger()).unwrap();
    let page = usize::try_from(page).unwrap();
    octets[(page - 1) * 4096..][..64].fill(0xa5);
    std::fs::write(sandbox.ledger(), octets).unwrap();
    let run = sandbox.popkeep(["fetch", "--quiet"]).run().expect(74);
    run.one_line(&["backup of the ledger", "damaged", "popkeep verify"]);
    assert_eq!(std::fs::read(sandbox.ledger_backup()).unwrap(), good);
}

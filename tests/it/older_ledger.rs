//! A ledger of an older popkeep: it is read as it is by whoever may only read, and brought up to date by the next fetch,
//! which fetches nothing again.

use std::path::Path;

use crate::support::{Account, Mail, PopServer, Sandbox, set_mode};

/// The format of a ledger that this popkeep has written to.
const NEWEST: i64 = 6;

/// What the last popkeep with format 3 left: messages 1 to 6 are archived; 7 and 8 are in the mbox, and no row explains
/// them; nor one that the server never lists.
const LEDGER: &str = include_str!("../data/format-3/ledger.sql");
const MBOX: &[u8] = include_bytes!("../data/format-3/mbox");

/// What the last popkeep with format 4 left: messages 1 to 5 are archived in a Maildir; the server refused 6.
const LEDGER_4: &str = include_str!("../data/format-4/ledger.sql");

/// The server lists messages 1 to 9.
fn format_3() -> (PopServer, Sandbox) {
    let server = PopServer::with(Mail::some(9));
    let sandbox = Sandbox::with([Account::on("work", &server).text("format", "mbox")]);
    set_mode(sandbox.write("Mail/work", MBOX), 0o600);
    write_ledger(&sandbox, LEDGER);
    (server, sandbox)
}

/// The server lists messages 1 to 7.
fn format_4() -> (PopServer, Sandbox) {
    let server = PopServer::with(Mail::some(7));
    let sandbox = Sandbox::for_server(&server);
    let ledger = write_ledger(&sandbox, LEDGER_4);
    let mut rows = ledger.prepare("SELECT maildir_key FROM message ORDER BY seq").unwrap();
    let keys: Vec<String> = rows.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
    for (key, mail) in keys.iter().zip(Mail::some(5)) {
        sandbox.write(format!("Mail/work/cur/1767607200.{key}.host,S=230:2,S"), mail.stored());
    }
    (server, sandbox)
}

fn write_ledger(sandbox: &Sandbox, sql: &str) -> rusqlite::Connection {
    let ledger = sandbox.write(sandbox.ledger(), "");
    set_mode(&ledger, 0o600);
    set_mode(ledger.parent().unwrap(), 0o700);
    let connection = rusqlite::Connection::open(&ledger).unwrap();
    connection.execute_batch(sql).unwrap();
    let archive = sandbox.archive("work");
    connection.execute("UPDATE maildrop SET archive = ?1", [archive.to_str().unwrap()]).unwrap();
    connection.pragma_update(None, "journal_mode", "wal").unwrap();
    connection
}

fn format_of(ledger: &Path) -> i64 {
    let connection = rusqlite::Connection::open(ledger).unwrap();
    connection.query_row("PRAGMA user_version", [], |row| row.get(0)).unwrap()
}

#[test]
fn a_ledger_of_format_3_is_read_without_being_written() {
    let (server, sandbox) = format_3();
    let (ledger, archive) = (sandbox.ledger(), sandbox.archive("work"));
    let contents = || [&ledger, &archive].map(|file| std::fs::read(file).unwrap());
    let before = contents();
    // Root may write all the same, and must not.
    set_mode(&ledger, 0o400);
    set_mode(ledger.parent().unwrap(), 0o500);
    let read = |arguments: &[&str]| {
        let report = sandbox.popkeep(arguments).run().expect(0).json();
        assert!(contents() == before, "{arguments:?} has written");
        report
    };

    let on_record = &read(&["status", "--json"])["accounts"][0];
    assert_eq!((&on_record["archived"], &on_record["last_run"]["fetched"]), (&6.into(), &3.into()));
    let listed = read(&["list", "--json"]);
    let states: Vec<_> = listed["messages"].as_array().unwrap().iter().map(|one| &one["state"]).collect();
    assert_eq!(states[..6], ["archived"; 6]);
    assert_eq!(states[6..], ["new"; 3]);
    let planned = &read(&["fetch", "--dry-run", "--json"])["accounts"][0];
    assert_eq!((&planned["archived"], planned["fetch"].as_array().unwrap().len()), (&6.into(), 3));
    sandbox.popkeep(["check"]).run().expect(0);
    assert!(contents() == before, "check has written");

    set_mode(ledger.parent().unwrap(), 0o700);
    assert_eq!((server.count("RETR"), format_of(&ledger)), (0, 3));
}

#[test]
fn a_ledger_of_format_3_is_brought_up_to_date_in_its_place_and_nothing_is_fetched_again() {
    let (server, sandbox) = format_3();
    let report = sandbox.fetch();
    assert_eq!((&report["archived"], &report["fetched"]), (&9.into(), &1.into()));
    // What another program had put there is compared as a whole.
    assert_eq!(server.count("RETR"), 3);
    assert_eq!(format_of(&sandbox.ledger()), NEWEST);
    let archived = std::fs::read(sandbox.archive("work")).unwrap();
    let new = archived.strip_prefix(MBOX).expect("what was there stays as it was");
    let text = String::from_utf8(new.to_vec()).unwrap();
    assert_eq!((text.matches("Message-Id:").count(), text.contains("message 9")), (1, true), "{text}");

    server.take_sessions();
    let report = sandbox.fetch();
    assert_eq!((&report["archived"], &report["fetched"]), (&9.into(), &0.into()));
    assert_eq!(server.count("RETR"), 0);
}

#[test]
fn a_ledger_of_format_3_is_brought_up_to_date_by_verify() {
    let (_server, sandbox) = format_3();
    let verified = sandbox.popkeep(["verify", "--json"]).run().expect(0).json()["accounts"][0].clone();
    assert_eq!((&verified["intact"], &verified["foreign"]), (&6.into(), &3.into()));
    assert_eq!(format_of(&sandbox.ledger()), NEWEST);
}

#[test]
fn a_ledger_of_format_4_is_brought_up_to_date_and_nothing_is_fetched_again() {
    let (server, sandbox) = format_4();
    let verified = sandbox.popkeep(["verify", "--json"]).run().expect(0).json()["accounts"][0].clone();
    assert_eq!((&verified["intact"], &verified["foreign"]), (&5.into(), &0.into()), "{verified}");
    let report = sandbox.fetch();
    assert_eq!((&report["archived"], &report["fetched"]), (&7.into(), &2.into()), "{report}");
    assert_eq!((server.count("RETR"), format_of(&sandbox.ledger())), (2, NEWEST));
}

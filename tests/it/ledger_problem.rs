//! A ledger that is locked, damaged, cut short, emptied, too new or gone: told before anybody logs in, with what
//! to do; and a Maildir is enough to know again what was in it.

use std::path::Path;
use std::time::{Duration, Instant};

use crate::support::mail::{assert_same_mail, stored_forms};
use crate::support::scripted::{Scripted, Stage};
use crate::support::{Account, Mail, PopServer, Sandbox, stores};

/// Three messages are archived, two more have come since. The ledger has no backup: that of an older version has none.
fn archived(format: &str, delete: &str) -> (PopServer, Sandbox) {
    let server = PopServer::with(Mail::some(3));
    let sandbox = Sandbox::with([Account::on("work", &server).text("format", format).text("delete", delete)]);
    sandbox.popkeep(["fetch", "--quiet"]).run().expect(0);
    std::fs::remove_file(sandbox.ledger_backup()).unwrap();
    server.state().mails = Mail::some(5);
    server.take_sessions();
    (server, sandbox)
}

/// Away with the ledger's file and all that lies beside it.
fn remove(ledger: &Path) {
    for suffix in ["", "-wal", "-shm"] {
        let _ = std::fs::remove_file(format!("{}{suffix}", ledger.display()));
    }
}

/// The run ends with this code and one line about the ledger, and has touched neither the maildrop nor the archive.
#[track_caller]
fn stops_before_login(server: &PopServer, sandbox: &Sandbox, code: i32, words: &[&str]) {
    let before = sandbox.maildir("work");
    let path = sandbox.ledger();
    let outcome = sandbox.popkeep(["fetch", "--quiet"]).run().expect(code);
    outcome.one_line(&["work", path.to_str().unwrap()]).says(words);
    assert!(!server.take_sessions().iter().any(|session| session.logged_in), "somebody logged in");
    assert_eq!(server.uids().len(), 5);
    assert_eq!(sandbox.maildir("work"), before);
}

/// What is archived is known again by its file names: only the two new messages are fetched.
#[track_caller]
fn only_new_mail_is_fetched(server: &PopServer, sandbox: &Sandbox) {
    sandbox.popkeep(["fetch", "--quiet"]).run().expect(0).silent();
    assert_eq!(server.count("RETR"), 2);
    assert_same_mail(sandbox.maildir("work"), stored_forms(&Mail::some(5)));
}

#[test]
fn a_ledger_that_another_process_locks_is_waited_for() {
    let (server, sandbox) = archived("maildir", "never");
    let lock = rusqlite::Connection::open(sandbox.ledger()).unwrap();
    lock.execute_batch("BEGIN IMMEDIATE").unwrap();
    let run = sandbox.popkeep(["fetch", "--quiet"]).spawn();
    std::thread::sleep(Duration::from_millis(500));
    assert!(!server.take_sessions().iter().any(|session| session.logged_in), "it works without its ledger");
    lock.execute_batch("COMMIT").unwrap();
    assert_eq!(run.wait(), Some(0));
    assert_same_mail(sandbox.maildir("work"), stored_forms(&Mail::some(5)));
}

/// Servers hang up on who connects and says nothing, Dovecot after a minute, others sooner; and some serve one
/// connection at a time.
#[test]
fn no_server_is_kept_waiting_while_we_wait_for_the_ledger() {
    let greeting = "S: +OK ready\nC: CAPA\nraw: +OK\\r\\nUSER\\r\\n.\\r\\n\n";
    let poll = format!(
        "{greeting}C: USER joe\nS: +OK\nC: PASS *\nS: +OK\nC: CAPA\nraw: +OK\\r\\nUSER\\r\\n.\\r\\n
        C: STAT\nS: +OK 0 0\nC: UIDL\nraw: +OK\\r\\n.\\r\\n\nC: LIST\nraw: +OK\\r\\n.\\r\\n\nC: QUIT\nS: +OK"
    );
    let server = Scripted::staged(&[&poll, &poll], Stage::default());
    let account = Account::new("work").loopback(server.port()).text("tls", "none").text("timeout", "20s");
    let sandbox = Sandbox::with([account]);
    sandbox.popkeep(["fetch", "--quiet"]).run().expect(0).silent();
    let lock = rusqlite::Connection::open(sandbox.ledger()).unwrap();
    lock.execute_batch("BEGIN IMMEDIATE").unwrap();
    let run = sandbox.popkeep(["fetch", "--quiet"]).spawn();
    std::thread::sleep(Duration::from_secs(4));
    lock.execute_batch("COMMIT").unwrap();
    assert_eq!(run.wait(), Some(0));
}

#[test]
fn a_ledger_that_stays_locked_is_for_later() {
    let (server, sandbox) = archived("maildir", "never");
    let lock = rusqlite::Connection::open(sandbox.ledger()).unwrap();
    lock.execute_batch("BEGIN IMMEDIATE").unwrap();
    let begun = Instant::now();
    stops_before_login(&server, &sandbox, 75, &["locked", "later"]);
    assert!(begun.elapsed() < Duration::from_mins(1));
    drop(lock);
    only_new_mail_is_fetched(&server, &sandbox);
}

/// Everything is in the file itself, nothing in its log.
fn without_log(ledger: &Path) -> Vec<u8> {
    rusqlite::Connection::open(ledger).unwrap().execute_batch("PRAGMA wal_checkpoint(TRUNCATE)").unwrap();
    std::fs::read(ledger).unwrap()
}

#[test]
fn a_damaged_ledger_is_told_and_once_it_is_away_the_maildir_tells_what_is_held() {
    for old_log_stays in [false, true] {
        let (server, sandbox) = archived("maildir", "never");
        let ledger = sandbox.ledger();
        let log = format!("{}-wal", ledger.display());
        let old_log = std::fs::read(&log).unwrap();
        let mut octets = without_log(&ledger);
        for page in octets.chunks_mut(4096).skip(1) {
            page.fill(0xa5);
        }
        std::fs::write(&ledger, octets).unwrap();
        stops_before_login(&server, &sandbox, 65, &["damaged", "rename it"]);
        // People move the one file that the error names, and leave what lies beside it.
        std::fs::rename(&ledger, sandbox.path("damaged")).unwrap();
        if old_log_stays {
            std::fs::write(&log, &old_log).unwrap();
        }
        only_new_mail_is_fetched(&server, &sandbox);
    }
}

#[test]
fn a_ledger_that_was_cut_short_is_damaged() {
    for keep in [3, 100, 4096, 9000] {
        let (server, sandbox) = archived("maildir", "never");
        let ledger = sandbox.ledger();
        rusqlite::Connection::open(&ledger)
            .unwrap()
            .execute_batch("PRAGMA wal_checkpoint(TRUNCATE)")
            .unwrap();
        let octets = std::fs::read(&ledger).unwrap();
        std::fs::write(&ledger, &octets[..keep]).unwrap();
        stops_before_login(&server, &sandbox, 65, &["damaged"]);
        std::fs::rename(&ledger, sandbox.path("damaged")).unwrap();
        only_new_mail_is_fetched(&server, &sandbox);
    }
}

#[test]
fn an_emptied_or_lost_ledger_is_rebuilt_from_the_maildir() {
    type Loss = fn(&Path);
    let losses: [Loss; 3] = [
        remove,
        |ledger| std::fs::remove_file(ledger).unwrap(),
        |ledger| std::fs::write(ledger, "").unwrap(),
    ];
    for lose in losses {
        let (server, sandbox) = archived("maildir", "never");
        lose(&sandbox.ledger());
        only_new_mail_is_fetched(&server, &sandbox);
        // And what is known again may be deleted like everything archived.
        sandbox.configure([Account::on("work", &server).text("delete", "fetched")]);
        sandbox.popkeep(["fetch", "--quiet"]).run().expect(0);
        assert!(server.uids().is_empty());
        assert_same_mail(sandbox.maildir("work"), stored_forms(&Mail::some(5)));
    }
}

#[test]
fn with_an_mbox_a_lost_ledger_loses_no_mail() {
    let (server, sandbox) = archived("mbox", "fetched");
    remove(&sandbox.ledger());
    sandbox.popkeep(["fetch", "--quiet"]).run().expect(0);
    assert!(server.uids().is_empty());
    let found = stores::mbox(&sandbox.archive("work"));
    for mail in Mail::some(5) {
        assert!(found.contains(&mail.stored()));
    }
}

#[test]
fn a_ledger_of_a_newer_popkeep_is_left_alone() {
    let (server, sandbox) = archived("maildir", "never");
    let format = |change: &str| -> i64 {
        let connection = rusqlite::Connection::open(sandbox.ledger()).unwrap();
        connection.execute_batch(change).unwrap();
        connection.query_row("PRAGMA user_version", [], |row| row.get(0)).unwrap()
    };
    let ours = format("");
    format("PRAGMA user_version = 99");
    stops_before_login(&server, &sandbox, 65, &["newer popkeep", "99"]);
    for command in ["status", "log", "verify", "search"] {
        sandbox.popkeep([command]).run().expect(65).says(&["newer popkeep", "use the newer version"]);
    }
    format(&format!("PRAGMA user_version = {ours}"));
    only_new_mail_is_fetched(&server, &sandbox);
}

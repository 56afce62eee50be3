//! What a popkeep of each earlier ledger format left (`tests/data/format-N`, made by `tests/data/make-format`, which says
//! what is in it) is read as it is by whoever may only read, and brought up to date by whoever writes.
//!
//! | promise | test |
//! | --- | --- |
//! | whoever reads changes nothing, and knows what was archived | [`a_ledger_of_each_format_is_read_without_being_written`] |
//! | the next fetch goes on: nothing is lost, nothing comes twice | [`a_ledger_of_each_format_is_brought_up_to_date_and_nothing_is_fetched_again`] |
//! | `verify` brings it up to date, too | [`a_ledger_of_each_format_is_brought_up_to_date_by_verify`] |
//! | an upgrade adds tables; what was there stays as it was | [`an_upgrade_only_adds`] |
//! | an upgrade that is killed leaves the old or the new | [`an_upgrade_that_is_killed_at_any_step_leaves_the_old_or_the_new`], `tests/bench/upgrade` |
//! | the ledger of a newer popkeep is left alone | [`ledger_problem::a_ledger_of_a_newer_popkeep_is_left_alone`] |

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use crate::support::mail::{assert_same_mail, stored_forms};
use crate::support::sandbox::POPKEEP;
use crate::support::{Account, Mail, PopServer, Sandbox, find_program, set_mode, skip, stores};
use popkeep::ledger::LedgerFile;
use rusqlite::Connection;
use rusqlite::types::Value;

/// The format of a ledger that is made now.
static NEWEST: LazyLock<i64> = LazyLock::new(|| format_of(&with_new_ledger().ledger()));

fn with_new_ledger() -> Sandbox {
    let server = PopServer::with(Vec::new());
    let sandbox = Sandbox::for_server(&server);
    sandbox.fetch();
    sandbox
}

fn format_of(ledger: &Path) -> i64 {
    let connection = Connection::open(ledger).unwrap();
    connection.query_row("PRAGMA user_version", [], |row| row.get(0)).unwrap()
}

/// A home folder with what a popkeep of this format left, and the servers as they are now.
struct Older {
    format: i64,
    sandbox: Sandbox,
    maildir: PopServer,
    mbox: PopServer,
}

/// What `joe@maildir.example` has: 1 is not listed any more; 6 was refused; 9 was on its way when a run was killed; 10 is
/// new; 17 is left because of `skip_headers`.
fn in_maildir() -> Vec<Mail> {
    let mut mails: Vec<Mail> = [2, 3, 4, 5, 6, 9, 10, 17].map(Mail::numbered).into();
    for place in [2, 3] {
        mails[place] = mails[place].with_uid("same");
    }
    let spam = String::from_utf8(mails[7].stored()).unwrap();
    mails[7] = Mail::new("uid-00017", spam.replacen("Message-Id", "X-Spam-Flag: YES\nMessage-Id", 1));
    mails
}

/// What `joe@mbox.example` has: 13 is listed again after a confirmed deletion; 16 is new; 20 had been put into the mbox
/// by another program.
fn in_mbox() -> Vec<Mail> {
    [13, 14, 15, 16, 20].map(Mail::numbered).into()
}

impl Older {
    fn each() -> impl Iterator<Item = Older> {
        (1..*NEWEST).map(Older::new)
    }

    fn new(format: i64) -> Older {
        let data = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/data/format-{format}"));
        let (maildir, mbox) = (PopServer::with(in_maildir()), PopServer::with(in_mbox()));
        let account =
            |name: &str, server| Account::on(name, server).text("identity", format!("joe@{name}.example"));
        let sandbox = Sandbox::with([
            account("maildir", &maildir).key("skip_headers", "[\"X-Spam-Flag: YES\"]"),
            account("mbox", &mbox).text("format", "mbox"),
        ]);
        let sql = std::fs::read_to_string(data.join("ledger.sql"));
        let sql = sql.unwrap_or_else(|_| {
            panic!("there is no ledger of format {format}: tests/data/make-format makes it")
        });
        let ledger = sandbox.write(sandbox.ledger(), "");
        set_mode(&ledger, 0o600);
        set_mode(ledger.parent().unwrap(), 0o700);
        let connection = Connection::open(&ledger).unwrap();
        connection
            .execute_batch(
                &sql.replace("/home/jane", sandbox.path("").to_str().unwrap().trim_end_matches('/')),
            )
            .unwrap();
        connection.pragma_update(None, "journal_mode", "wal").unwrap();
        for folder in ["maildir", "maildir/tmp", "maildir/new", "maildir/cur"] {
            std::fs::create_dir_all(sandbox.path("Mail").join(folder)).unwrap();
            for file in stores::files(&data.join(folder)).into_iter().filter(|file| file.is_file()) {
                let name = Path::new("Mail").join(folder).join(file.file_name().unwrap());
                set_mode(sandbox.write(name, std::fs::read(file).unwrap()), 0o600);
            }
        }
        set_mode(sandbox.write("Mail/mbox", std::fs::read(data.join("mbox")).unwrap()), 0o600);
        Older { format, sandbox, maildir, mbox }
    }

    /// The accounts' parts of a document: `maildir`, `mbox`.
    #[track_caller]
    fn run(&self, arguments: &[&str]) -> [serde_json::Value; 2] {
        let document = self.sandbox.popkeep(arguments).run().expect(0).json();
        [0, 1].map(|account| document["accounts"][account].clone())
    }

    fn retrieved(&self) -> usize {
        self.maildir.count("RETR") + self.mbox.count("RETR")
    }
}

/// These figures of an account's part of a document.
fn figures<const N: usize>(account: &serde_json::Value, keys: [&str; N]) -> [u64; N] {
    keys.map(|key| account[key].as_u64().unwrap_or_else(|| panic!("{key} in {account}")))
}

#[test]
fn a_ledger_of_each_format_is_read_without_being_written() {
    for older in Older::each() {
        let (sandbox, ledger) = (&older.sandbox, older.sandbox.ledger());
        // Root may write all the same, and must not.
        set_mode(&ledger, 0o400);
        set_mode(ledger.parent().unwrap(), 0o500);
        let before = sandbox.snapshot();
        let read = |arguments: &[&str]| {
            let found = older.run(arguments);
            assert!(sandbox.snapshot() == before, "format {}: {arguments:?} has written", older.format);
            found
        };
        let [maildir, mbox] = read(&["status", "--json"]);
        assert_eq!(
            (&maildir["archived"], &mbox["archived"]),
            (&5.into(), &5.into()),
            "format {}",
            older.format
        );
        let runs = read(&["log", "--json"]).map(|account| account["runs"].as_array().unwrap().len());
        assert_eq!(runs, [3, 2], "format {}", older.format);
        let [maildir, mbox] = read(&["fetch", "--dry-run", "--json"]);
        assert_eq!(figures(&maildir, ["listed", "archived"]), [8, 2], "format {}: {maildir}", older.format);
        assert_eq!(figures(&mbox, ["listed", "archived"]), [5, 2], "format {}: {mbox}", older.format);
        for arguments in [&["check"][..], &["list", "maildir"], &["list", "mbox"]] {
            sandbox.popkeep(arguments).run().expect(0);
            assert!(sandbox.snapshot() == before, "format {}: {arguments:?} has written", older.format);
        }
        assert_eq!((older.retrieved(), format_of(&ledger)), (0, older.format));
        set_mode(ledger.parent().unwrap(), 0o700);
    }
}

#[test]
fn a_ledger_of_each_format_is_brought_up_to_date_and_nothing_is_fetched_again() {
    let stored = |numbers: &[usize]| {
        stored_forms(&numbers.iter().map(|&number| Mail::numbered(number)).collect::<Vec<_>>())
    };
    for older in Older::each() {
        let format = older.format;
        let [maildir, mbox] = older.run(&["fetch", "--json"]);
        let keys = ["listed", "archived", "fetched", "left"];
        assert_eq!(figures(&maildir, keys), [8, 7, 3, 1], "format {format}: {maildir}");
        assert_eq!(figures(&mbox, keys), [5, 5, 1, 0], "format {format}: {mbox}");
        assert_eq!(format_of(&older.sandbox.ledger()), *NEWEST);

        older.maildir.take_sessions();
        older.mbox.take_sessions();
        let again = older.run(&["fetch", "--json"]).map(|account| figures(&account, ["archived", "fetched"]));
        // The two under one unique-id are compared each time.
        assert_eq!((again, older.retrieved()), ([[7, 0], [5, 0]], 2), "format {format}");
        let [maildir, mbox] = older.run(&["verify", "--json"]);
        let keys = ["archived", "intact", "changed", "foreign", "twice"];
        assert_eq!(figures(&maildir, keys), [8, 7, 1, 0, 0], "format {format}: {maildir}");
        assert_eq!(figures(&mbox, keys), [7, 7, 0, 0, 0], "format {format}: {mbox}");

        let mut found = older.sandbox.maildir("maildir");
        for octets in &mut found {
            // A mail program has put this there.
            *octets =
                String::from_utf8(std::mem::take(octets)).unwrap().replace("Status: RO\n", "").into_bytes();
        }
        assert_same_mail(found, stored(&[1, 2, 3, 4, 5, 6, 9, 10]));
        assert_same_mail(stores::mbox(&older.sandbox.archive("mbox")), stored(&[11, 12, 13, 14, 15, 16, 20]));
    }
}

#[test]
fn a_ledger_of_each_format_is_brought_up_to_date_by_verify() {
    for older in Older::each() {
        let [maildir, mbox] = older.run(&["verify", "--json"]);
        assert_eq!(figures(&maildir, ["intact", "changed", "foreign"]), [4, 1, 0], "{maildir}");
        assert_eq!(figures(&mbox, ["intact", "changed", "foreign"]), [5, 0, 1], "{mbox}");
        assert_eq!((older.retrieved(), format_of(&older.sandbox.ledger())), (0, *NEWEST));
    }
}

/// Every table by its name: its columns as they are declared.
fn tables(ledger: &Path) -> BTreeMap<String, Vec<[Value; 6]>> {
    let connection = Connection::open(ledger).unwrap();
    let mut names = connection.prepare("SELECT name FROM sqlite_schema WHERE type = 'table'").unwrap();
    let names: Vec<String> = names.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
    names
        .into_iter()
        .map(|name| {
            let mut columns = connection.prepare(&format!("PRAGMA table_info({name})")).unwrap();
            let row = |row: &rusqlite::Row<'_>| Ok([0, 1, 2, 3, 4, 5].map(|column| row.get_unwrap(column)));
            let columns = columns.query_map([], row).unwrap().map(Result::unwrap).collect();
            (name, columns)
        })
        .collect()
}

/// Indexes and triggers.
fn others(ledger: &Path) -> Vec<String> {
    let connection = Connection::open(ledger).unwrap();
    let others = "SELECT type || ' ' || name FROM sqlite_schema WHERE type <> 'table' ORDER BY 1";
    let mut others = connection.prepare(others).unwrap();
    others.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
}

/// Everything in these tables.
fn rows<'n>(ledger: &Path, names: impl IntoIterator<Item = &'n String>) -> BTreeMap<String, Vec<Vec<Value>>> {
    let connection = Connection::open(ledger).unwrap();
    let all = |name: &String| {
        let mut statement = connection.prepare(&format!("SELECT * FROM {name}")).unwrap();
        let columns = statement.column_count();
        let row =
            |row: &rusqlite::Row<'_>| (0..columns).map(|column| row.get(column)).collect::<Result<_, _>>();
        statement.query_map([], row).unwrap().map(Result::unwrap).collect()
    };
    names.into_iter().map(|name| (name.clone(), all(name))).collect()
}

#[test]
fn an_upgrade_only_adds() {
    let new = with_new_ledger();
    let (newest, newest_others) = (tables(&new.ledger()), others(&new.ledger()));
    for older in Older::each() {
        let ledger: PathBuf = older.sandbox.ledger();
        let was = tables(&ledger);
        let content = rows(&ledger, was.keys());
        // Opened to write, and nothing written.
        let file = LedgerFile::open(ledger.parent().unwrap()).unwrap();
        file.existing("joe@mbox.example", &older.sandbox.archive("mbox")).unwrap().expect("it is on record");
        assert_eq!(format_of(&ledger), *NEWEST);
        assert!(
            was.iter().all(|(name, columns)| newest.get(name) == Some(columns)),
            "format {}",
            older.format
        );
        assert_eq!((tables(&ledger), others(&ledger)), (newest.clone(), newest_others.clone()));
        assert!(rows(&ledger, was.keys()) == content, "format {}", older.format);
    }
}

#[test]
fn an_upgrade_that_is_killed_at_any_step_leaves_the_old_or_the_new() {
    let Some(strace) = find_program("strace") else { return skip("strace is not installed") };
    let new = with_new_ledger();
    let newest = (tables(&new.ledger()), others(&new.ledger()));
    // From the first format it is some hundred steps.
    for (format, every) in [(1, 9), (*NEWEST - 1, 1)] {
        let older = Older::new(format);
        let ledger = older.sandbox.ledger();
        let octets = std::fs::read(&ledger).unwrap();
        let was = (tables(&ledger), others(&ledger));
        let content = rows(&ledger, was.0.keys());
        // Without it a run opens the ledger, and ends.
        std::fs::remove_dir_all(older.sandbox.archive("maildir")).unwrap();
        let mut left_old = 0;
        for step in (1..).step_by(every) {
            for suffix in ["-wal", "-shm"] {
                let _ = std::fs::remove_file(format!("{}{suffix}", ledger.display()));
            }
            std::fs::write(&ledger, &octets).unwrap();
            let mut command = Command::new(&strace);
            let calls = "pwrite64,fsync,fdatasync,ftruncate";
            command.args(["-f", "-qq", "-o", "/dev/null", "-e"]).arg(format!("trace={calls}"));
            command.args(["-e", &format!("inject={calls}:signal=KILL:when={step}")]);
            command.args([POPKEEP, "fetch", "maildir", "--quiet"]);
            let killed = older.sandbox.command(command).into_command().output().unwrap();
            assert!(killed.status.code().is_none(), "step {step}: {killed:?}");

            let whole: String = Connection::open(&ledger)
                .unwrap()
                .query_row("PRAGMA integrity_check", [], |row| row.get(0))
                .unwrap();
            assert_eq!(whole, "ok", "step {step}");
            let found = (tables(&ledger), others(&ledger));
            if format_of(&ledger) == *NEWEST {
                assert!(found == newest, "step {step}");
                break;
            }
            assert_eq!(format_of(&ledger), format, "step {step}");
            assert!(found == was && rows(&ledger, was.0.keys()) == content, "step {step}");
            left_old += 1;
            // And what is left can be upgraded.
            let file = LedgerFile::open(ledger.parent().unwrap()).unwrap();
            file.existing("joe@mbox.example", &older.sandbox.archive("mbox"))
                .unwrap()
                .expect("it is on record");
            assert!((tables(&ledger), others(&ledger)) == newest && rows(&ledger, was.0.keys()) == content);
        }
        assert!(left_old >= 5, "it was killed at {left_old} steps only");
    }
}

//! The archive is proved, and mended.
//!
//! | the rule | its tests |
//! | --- | --- |
//! | each kind of damage has its own name; marks, flags, moves are none | [`each_copy_is_called_what_it_is`], [`an_mbox_is_called_what_it_is`] |
//! | a file cut short is damaged, what follows it in an mbox, too | [`a_cut_mbox_is_whole_again_from_the_server`] |
//! | a damaged message is named, with what is left of its header | [`a_damaged_message_is_named`] |
//! | nothing of the archive is written, a fetch may be at work | [`verify_waits_for_nobody_and_writes_nothing`] |
//! | a share is what was not read for the longest time | [`shares_cover_the_archive_in_turn`], [`a_bad_copy_is_read_again_until_it_is_settled`] |
//! | `--repair`: from the server, by UID, or by size, header and content | [`what_is_damaged_is_fetched_again`], [`a_message_under_another_uid_is_known_by_its_content`] |
//! | `--repair --from`: any Maildir, mbox or folder; the server is left alone | [`good_copies_come_from_any_collection`] |
//! | the bad copy is kept; in an mbox it stays | [`what_is_damaged_is_fetched_again`], [`a_bad_region_of_an_mbox_stays_and_is_known`] |
//! | removed messages only with `--removed`, or when a person says so | [`what_was_removed_comes_back_only_when_asked_for`], [`a_person_is_asked`] |
//! | what cannot be repaired is listed, exit 1 | [`what_cannot_be_repaired_is_listed`] |
//! | a kill at any step loses nothing and doubles nothing | [`a_repair_killed_at_any_step_is_finished_by_the_next`] |
//! | the ledger is checked, too | [`a_damaged_ledger_is_told`] |
//! | `status` shows it | [`status_tells_when_the_archive_was_verified`] |

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::support::clock::library;
use crate::support::maildrop::Nth;
use crate::support::{Account, Behaviour, Mail, PopServer, Sandbox, find_program, skip, stores};

fn fetched(format: &str, count: usize) -> (PopServer, Sandbox) {
    let server = PopServer::with(Mail::some(count));
    let sandbox = Sandbox::with([Account::on("work", &server).text("format", format)]);
    sandbox.popkeep(["fetch", "--quiet"]).run().expect(0).silent();
    server.take_sessions();
    (server, sandbox)
}

#[track_caller]
fn verify(sandbox: &Sandbox, exit: i32, options: &[&str]) -> Value {
    let arguments = [&["verify", "--json"], options].concat();
    sandbox.popkeep(arguments).run().expect(exit).json()["accounts"][0].clone()
}

/// Figures of a report; of lists how many they have.
fn figures<const N: usize>(found: &Value, keys: [&str; N]) -> [u64; N] {
    keys.map(|key| {
        found[key].as_array().map_or_else(|| found[key].as_u64().unwrap(), |list| list.len() as u64)
    })
}

/// What should be true when all is well: archived, intact, damaged, missing, foreign, twice.
const WHOLE: [&str; 6] = ["archived", "intact", "damaged", "missing", "foreign", "twice"];

fn files(sandbox: &Sandbox) -> Vec<PathBuf> {
    stores::maildir_files(&sandbox.archive("work"))
}

/// Changes one octet of a file, behind this many hundredths of it.
fn flip(path: &Path, hundredths: usize) {
    let mut octets = fs::read(path).unwrap();
    let at = octets.len() * hundredths / 100;
    octets[at] ^= 1;
    fs::write(path, octets).unwrap();
}

/// Where each message of an mbox begins.
fn starts(mbox: &Path) -> Vec<usize> {
    let text = fs::read(mbox).unwrap();
    let begins = |at: &usize| text[*at..].starts_with(b"From ") && (*at == 0 || text[..*at].ends_with(b"\n"));
    (0..text.len()).filter(begins).collect()
}

fn flip_at(path: &Path, at: usize) {
    let mut octets = fs::read(path).unwrap();
    octets[at] ^= 1;
    fs::write(path, octets).unwrap();
}

#[test]
fn each_copy_is_called_what_it_is() {
    let (_server, sandbox) = fetched("maildir", 9);
    let all = files(&sandbox);
    flip(&all[0], 90);
    flip(&all[1], 10);
    fs::remove_file(&all[2]).unwrap();
    fs::write(&all[3], "").unwrap();
    let half = fs::read(&all[4]).unwrap();
    fs::write(&all[4], &half[..half.len() / 2]).unwrap();
    fs::write(&all[5], [b"Status: RO\n", &fs::read(&all[5]).unwrap()[..]].concat()).unwrap();
    let name = |path: &Path| path.file_name().unwrap().to_str().unwrap().to_owned();
    let cur = sandbox.archive("work").join("cur");
    fs::rename(&all[6], cur.join(format!("{}:2,FS", name(&all[6])))).unwrap();
    fs::copy(&all[7], cur.join(format!("{}:2,S", name(&all[7])))).unwrap();
    fs::write(cur.join("1.M1P1.host:2,S"), "Subject: mine\n\nx\n").unwrap();

    let found = verify(&sandbox, 1, &[]);
    let keys = ["archived", "present", "read", "intact", "changed", "damaged", "missing", "foreign", "twice"];
    assert_eq!(figures(&found, keys), [9, 8, 8, 3, 1, 4, 1, 1, 1], "{found}");
    let mut reasons: Vec<&str> =
        found["damaged"].as_array().unwrap().iter().map(|bad| bad["reason"].as_str().unwrap()).collect();
    reasons.sort_unstable();
    reasons.dedup();
    assert_eq!(reasons.len(), 3, "another content, another size, empty: {reasons:?}");
}

#[test]
fn an_mbox_is_called_what_it_is() {
    let (_server, sandbox) = fetched("mbox", 9);
    let mbox = sandbox.archive("work");
    let begins = starts(&mbox);
    // In a body, in a header, and in the line that says that a message begins.
    flip_at(&mbox, begins[3] - 5);
    flip_at(&mbox, begins[4] + 60);
    flip_at(&mbox, begins[6] + 1);
    let mut text = fs::read(&mbox).unwrap();
    text.extend_from_slice(b"From me@example Mon Jan  5 10:00:00 2026\nSubject: mine\n\nx\n\n");
    text.extend(text[begins[7]..begins[8]].to_vec());
    fs::write(&mbox, text).unwrap();
    let found = verify(&sandbox, 1, &[]);
    assert_eq!(figures(&found, WHOLE), [9, 6, 3, 0, 1, 1], "{found}");

    let (_server, sandbox) = fetched("mbox", 3);
    flip_at(&sandbox.archive("work"), 0);
    let found = verify(&sandbox, 1, &[]);
    assert_eq!(figures(&found, WHOLE), [3, 2, 1, 0, 0, 0], "the very first octet: {found}");
}

#[test]
fn a_damaged_message_is_named() {
    let (server, sandbox) = fetched("maildir", 3);
    flip(&files(&sandbox)[1], 99);
    let found = verify(&sandbox, 1, &[]);
    let bad = &found["damaged"][0];
    let name = files(&sandbox)[1].display().to_string();
    assert!(name.contains(&format!("C{}", bad["id"].as_str().unwrap())) && bad["place"] == name, "{bad}");
    assert!(bad["subject"].as_str().is_some_and(|subject| !subject.is_empty()), "{bad}");
    assert_eq!((&bad["on_server"], bad["uid"].is_string()), (&true.into(), true), "{bad}");

    server.state().mails.retain(|mail| bad["uid"] != String::from_utf8_lossy(&mail.uid).as_ref());
    sandbox.fetch_with(0, &[]);
    assert_eq!(verify(&sandbox, 1, &[])["damaged"][0]["on_server"], false, "as of the last run");
    let outcome = sandbox.popkeep(["verify", "--quiet"]).run().expect(1);
    outcome.one_line(&["work", "damaged"]);
}

#[test]
fn verify_waits_for_nobody_and_writes_nothing() {
    let (server, sandbox) = fetched("maildir", 4);
    let before = sandbox.snapshot();
    let archive = |snapshot: std::collections::BTreeMap<PathBuf, String>| -> Vec<(PathBuf, String)> {
        snapshot.into_iter().filter(|(path, _)| path.starts_with(sandbox.archive("work"))).collect()
    };
    let before = archive(before);
    server.behave(Behaviour { stall_at: Some(Nth("UIDL", 1)), ..Behaviour::default() });
    let fetch = sandbox.popkeep(["fetch", "--quiet"]).spawn();
    server.wait_for_stall();
    assert_eq!(figures(&verify(&sandbox, 0, &[]), ["intact"]), [4]);
    sandbox.popkeep(["verify", "--repair"]).run().expect(75);
    fetch.kill();
    assert_eq!(archive(sandbox.snapshot()), before);
}

#[test]
fn shares_cover_the_archive_in_turn() {
    for format in ["maildir", "mbox"] {
        let (_server, sandbox) = fetched(format, 10);
        for _ in 0..4 {
            let found = verify(&sandbox, 0, &["--read", "1B", "--max-duration", "1h"]);
            assert_eq!(figures(&found, ["read", "present", "put_off"]), [1, 10, 0], "{found}");
        }
        // The seventh of what was archived: the third of what is still to be read.
        if format == "maildir" {
            let seventh = fs::read_dir(sandbox.archive("work").join("new")).unwrap();
            let mail = Mail::numbered(7).stored();
            let seventh =
                seventh.map(|file| file.unwrap().path()).find(|file| fs::read(file).unwrap() == mail);
            flip(&seventh.unwrap(), 90);
        } else {
            let mbox = sandbox.archive("work");
            flip_at(&mbox, starts(&mbox)[7] - 5);
        }
        let exits =
            [0, 0, 1, 1].map(|exit| figures(&verify(&sandbox, exit, &["--read", "1B"]), ["damaged"])[0]);
        assert_eq!(exits, [0, 0, 1, 1], "once found it is told in each run");
        let found = verify(&sandbox, 1, &["--read", "70%"]);
        assert!(found["read"].as_u64().unwrap() >= 5, "{found}");
    }
    let (_server, sandbox) = fetched("maildir", 1);
    for wrong in ["0%", "101%", "half", "-1", "5 %%", ""] {
        sandbox.popkeep(["verify", &format!("--read={wrong}")]).run().expect(64);
    }
}

#[test]
fn a_bad_copy_is_read_again_until_it_is_settled() {
    let (_server, sandbox) = fetched("maildir", 6);
    flip(&files(&sandbox)[4], 90);
    fs::remove_file(&files(&sandbox)[2]).unwrap();
    verify(&sandbox, 1, &[]);
    for _ in 0..2 {
        // All others were read a moment ago.
        let found = verify(&sandbox, 1, &["--read", "30%"]);
        assert_eq!(figures(&found, ["damaged", "missing"]), [1, 1], "{found}");
    }
}

#[test]
fn what_is_damaged_is_fetched_again() {
    let (server, sandbox) = fetched("maildir", 6);
    let before = sandbox.maildir("work");
    let mut all = files(&sandbox);
    let seen = format!("{}:2,FS", all[1].file_name().unwrap().to_str().unwrap());
    let seen = sandbox.archive("work").join("cur").join(seen);
    fs::rename(&all[1], &seen).unwrap();
    all[1] = seen;
    flip(&all[1], 90);
    fs::write(&all[3], "").unwrap();
    let damaged = fs::read(&all[1]).unwrap();
    let found = verify(&sandbox, 0, &["--repair"]);
    assert_eq!(figures(&found, ["repaired", "intact", "damaged"]), [2, 6, 0], "{found}");
    assert_eq!((server.count("RETR"), server.count("DELE")), (2, 0));
    let mut after = sandbox.maildir("work");
    let mut whole = before.clone();
    after.sort();
    whole.sort();
    assert!(after == whole, "octet for octet");
    assert_eq!(figures(&verify(&sandbox, 0, &[]), WHOLE), [6, 6, 0, 0, 0, 0]);

    let kept = sandbox.ledger().parent().unwrap().join("damaged/work");
    let mut names = stores::files(&kept);
    names.sort();
    assert_eq!(names.len(), 4, "both, each with a note: {names:?}");
    let name = all[1].file_name().unwrap();
    assert_eq!(fs::read(kept.join(name)).unwrap(), damaged);
    let flagged = stores::files(&sandbox.archive("work").join("cur"));
    assert!(
        flagged.len() == 1 && flagged[0].to_str().unwrap().ends_with(":2,FS"),
        "with its flags: {flagged:?}"
    );
    // The ledger goes on with what is there.
    let report = sandbox.fetch();
    assert_eq!((&report["archived"], &report["fetched"]), (&6.into(), &0.into()), "{report}");
    sandbox.configure([Account::on("work", &server).text("delete", "fetched")]);
    assert_eq!(sandbox.fetch()["deleted"], 6, "a repaired copy is as good as any");
    assert!(server.uids().is_empty());
}

#[test]
fn a_bad_region_of_an_mbox_stays_and_is_known() {
    let (server, sandbox) = fetched("mbox", 5);
    let mbox = sandbox.archive("work");
    flip_at(&mbox, starts(&mbox)[2] - 5);
    let before = fs::read(&mbox).unwrap();
    let found = verify(&sandbox, 0, &["--repair"]);
    assert_eq!(figures(&found, ["repaired", "damaged"]), [1, 0], "{found}");
    assert!(fs::read(&mbox).unwrap().starts_with(&before), "an mbox only grows");
    assert_eq!(figures(&verify(&sandbox, 0, &[]), WHOLE), [5, 5, 0, 0, 0, 0]);
    let report = sandbox.fetch();
    assert_eq!((&report["archived"], &report["fetched"]), (&5.into(), &0.into()), "{report}");
    // It is none of what a lost ledger or another program has left.
    server.state().mails.push(Mail::numbered(77));
    assert_eq!(sandbox.fetch()["fetched"], 1);
    assert_eq!(figures(&verify(&sandbox, 0, &[]), WHOLE), [6, 6, 0, 0, 0, 0]);
}

#[test]
fn a_cut_mbox_is_whole_again_from_the_server() {
    let (server, sandbox) = fetched("mbox", 9);
    let mbox = sandbox.archive("work");
    let text = fs::read(&mbox).unwrap();
    let begins = starts(&mbox);
    fs::write(&mbox, &text[..usize::midpoint(begins[4], begins[5])]).unwrap();
    let found = verify(&sandbox, 1, &[]);
    assert_eq!(figures(&found, WHOLE), [9, 4, 5, 0, 0, 0], "{found}");
    let found = verify(&sandbox, 0, &["--repair"]);
    assert_eq!((figures(&found, ["repaired"]), server.count("RETR")), ([5], 5), "{found}");
    assert_eq!(figures(&verify(&sandbox, 0, &[]), WHOLE), [9, 9, 0, 0, 0, 0]);
    assert_eq!(sandbox.fetch()["fetched"], 0);
}

#[test]
fn a_message_under_another_uid_is_known_by_its_content() {
    let (server, sandbox) = fetched("maildir", 6);
    flip(&files(&sandbox)[2], 90);
    {
        let mut state = server.state();
        let moved = state.mails.iter().map(|mail| mail.with_uid(&format!("new-{}", mail.stored().len())));
        let moved: Vec<Mail> = moved.collect();
        state.mails = moved;
    }
    let found = verify(&sandbox, 0, &["--repair"]);
    assert_eq!(figures(&found, ["repaired", "damaged"]), [1, 0], "{found}");
    assert_eq!(server.count("RETR"), 1, "the one whose size and header fit");
}

#[test]
fn good_copies_come_from_any_collection() {
    let (server, sandbox) = fetched("maildir", 4);
    let mails: Vec<Vec<u8>> = server.state().mails.iter().map(Mail::stored).collect();
    let copies = |name: &str, text: &[u8]| sandbox.write(format!("backup/{name}"), text);
    let crlf: Vec<u8> =
        mails[1].split_inclusive(|octet| *octet == b'\n').fold(Vec::new(), |mut text, line| {
            text.extend_from_slice(line.strip_suffix(b"\n").unwrap_or(line));
            text.extend_from_slice(b"\r\n");
            text
        });
    let maildir = copies("maildir/cur/1.M1.host:2,S", &mails[0]);
    fs::create_dir_all(maildir.parent().unwrap().parent().unwrap().join("tmp")).unwrap();
    copies("letters/one.eml", &crlf);
    copies("letters/deep/notes.txt", b"no message");
    let mbox = [b"From x Mon Jan  5 10:00:00 2026\n", &mails[2][..], b"\n"].concat();
    let mbox = copies("old.mbox", &mbox);
    copies("letters/7", &mails[3]);

    let all = files(&sandbox);
    for file in &all {
        flip(file, 90);
    }
    let path = |name: &str| sandbox.path(format!("backup/{name}")).display().to_string();
    let found = verify(&sandbox, 1, &["--repair", "--from", &path("old.mbox"), "--from", &path("nowhere")]);
    assert_eq!(figures(&found, ["repaired", "damaged"]), [1, 3], "{found}");
    let found = verify(&sandbox, 0, &["--repair", "--from", &path("maildir"), "--from", &path("letters")]);
    assert_eq!(figures(&found, ["repaired", "damaged"]), [3, 0], "{found}");
    assert!(server.take_sessions().is_empty(), "the server is left alone");
    assert_eq!(figures(&verify(&sandbox, 0, &[]), WHOLE), [4, 4, 0, 0, 0, 0]);
    assert!(mbox.exists() && sandbox.path("backup/letters/7").exists(), "the copies stay");
}

#[test]
fn what_was_removed_comes_back_only_when_asked_for() {
    for format in ["maildir", "mbox"] {
        let (server, sandbox) = fetched(format, 4);
        let archive = sandbox.archive("work");
        if format == "maildir" {
            fs::remove_file(&files(&sandbox)[1]).unwrap();
        } else {
            let (text, begins) = (fs::read(&archive).unwrap(), starts(&archive));
            fs::write(&archive, [&text[..begins[1]], &text[begins[2]..]].concat()).unwrap();
        }
        let found = verify(&sandbox, 1, &["--repair"]);
        assert_eq!(figures(&found, ["repaired", "missing"]), [0, 1], "{found}");
        assert!(server.take_sessions().is_empty(), "there is nothing to ask for");
        let found = verify(&sandbox, 0, &["--repair", "--removed"]);
        assert_eq!(figures(&found, ["repaired", "present", "missing"]), [1, 4, 0], "{found}");
        assert_eq!(figures(&verify(&sandbox, 0, &[]), WHOLE), [4, 4, 0, 0, 0, 0], "{format}");
        assert_eq!(sandbox.fetch()["removed"], 0);
    }
}

#[test]
fn a_person_is_asked() {
    let (_server, sandbox) = fetched("maildir", 3);
    fs::remove_file(&files(&sandbox)[0]).unwrap();
    let mut terminal = sandbox.popkeep(["verify", "--repair"]).on_terminal(80, 24);
    terminal.expect("1 message");
    terminal.enter("yes");
    assert_eq!(terminal.wait(), Some(0));
    assert_eq!(figures(&verify(&sandbox, 0, &[]), WHOLE), [3, 3, 0, 0, 0, 0]);

    fs::remove_file(&files(&sandbox)[0]).unwrap();
    let mut terminal = sandbox.popkeep(["verify", "--accept"]).on_terminal(80, 24);
    terminal.expect("1 message");
    terminal.enter("no");
    assert_eq!(terminal.wait(), Some(1), "nothing is accepted");
    assert_eq!(figures(&verify(&sandbox, 1, &[]), ["missing", "accepted"]), [1, 0]);
    assert_eq!(figures(&verify(&sandbox, 0, &["--accept"]), ["missing", "accepted"]), [0, 1]);
}

#[test]
fn what_cannot_be_repaired_is_listed() {
    let (server, sandbox) = fetched("maildir", 4);
    flip(&files(&sandbox)[0], 90);
    flip(&files(&sandbox)[1], 90);
    // One is gone from the server, the other one is something else there.
    let gone = server.state().mails.remove(0);
    let uid = String::from_utf8(gone.uid).unwrap();
    let found = verify(&sandbox, 1, &["--repair"]);
    let left = found["damaged"].as_array().unwrap();
    assert_eq!((figures(&found, ["repaired"]), left.len()), ([1], 1), "{found}");
    assert_eq!(left[0]["uid"], uid);
    server.state().mails.clear();
    assert_eq!(figures(&verify(&sandbox, 1, &["--repair"]), ["repaired", "damaged"]), [0, 1]);
    server.state().mails = vec![Mail::new(&uid, "Subject: another\r\n\r\nx\r\n")];
    assert_eq!(figures(&verify(&sandbox, 1, &["--repair"]), ["repaired", "damaged"]), [0, 1]);
    assert_eq!(stores::files(&sandbox.archive("work").join("tmp")).len(), 0);
    drop(server);
    let report = sandbox.popkeep(["verify", "--repair", "--json"]).run().expect(1).json();
    assert_eq!(report["accounts"][0]["damaged"].as_array().unwrap().len(), 1, "also without the server");
    assert!(report["accounts"][0]["error"].is_string());
}

#[test]
fn a_repair_killed_at_any_step_is_finished_by_the_next() {
    let Some(strace) = find_program("strace") else { return skip("strace is not installed") };
    for format in ["maildir", "mbox"] {
        let (_server, sandbox) = fetched(format, 5);
        let copy = sandbox.path("copy");
        let archive = sandbox.archive("work");
        assert!(Command::new("cp").arg("-a").args([&archive, &copy]).status().unwrap().success());
        let calls = "link,linkat,unlink,unlinkat,rename,renameat,renameat2,fsync,fdatasync,syncfs,pwrite64";
        for step in 1..60 {
            if format == "maildir" {
                let all = files(&sandbox);
                flip(&all[step % 5], 90);
                fs::remove_file(&all[(step + 1) % 5]).unwrap();
            } else {
                flip_at(&archive, starts(&archive).last().unwrap() + 70);
            }
            let mut command = Command::new(&strace);
            command.args(["-f", "-qq", "-o", "/dev/null", "-e"]).arg(format!("trace={calls}"));
            command.args(["-e", &format!("inject={calls}:signal=KILL:when={step}")]);
            let options = ["verify", "--repair", "--removed", "--from", copy.to_str().unwrap()];
            command.arg(env!("CARGO_BIN_EXE_popkeep")).args(options);
            let killed = sandbox.command(command).into_command().output().unwrap();
            verify(&sandbox, 0, &["--repair", "--removed", "--from", copy.to_str().unwrap()]);
            let found = verify(&sandbox, 0, &[]);
            assert_eq!(figures(&found, WHOLE), [5, 5, 0, 0, 0, 0], "{format}, step {step}: {found}");
            let fetched = sandbox.fetch();
            assert_eq!(
                (&fetched["archived"], &fetched["fetched"]),
                (&5.into(), &0.into()),
                "{format}, step {step}"
            );
            if killed.status.success() {
                assert!(step > 10, "it was killed at {step} steps only");
                break;
            }
        }
    }
}

#[test]
fn a_damaged_ledger_is_told() {
    let (_server, sandbox) = fetched("maildir", 60);
    let ledger = sandbox.ledger();
    let mut octets = fs::read(&ledger).unwrap();
    let pages = octets.len() / 4096;
    // A page in the midst of the file, where the messages are.
    octets[pages / 2 * 4096..][..2048].fill(0x55);
    fs::write(&ledger, octets).unwrap();
    let report = sandbox.popkeep(["verify", "--json"]).run().expect(65).json();
    assert!(report["accounts"][0]["error"].is_string(), "{report}");

    let (_server, sandbox) = fetched("maildir", 3);
    let ledger = rusqlite::Connection::open(sandbox.ledger()).unwrap();
    ledger.execute("UPDATE message SET maildir_key = (SELECT min(maildir_key) FROM message)", []).unwrap();
    drop(ledger);
    sandbox.popkeep(["verify"]).run().expect(65);
}

#[test]
fn status_tells_when_the_archive_was_verified() {
    let (server, sandbox) = fetched("maildir", 3);
    let status = |exit: i32| {
        let arguments = ["status", "--json", "--verified-within", "90d"];
        sandbox.popkeep(arguments).run().expect(exit).json()["accounts"][0]["verification"].clone()
    };
    assert!(status(1).is_null(), "never verified");
    verify(&sandbox, 0, &[]);
    let verified = status(0);
    assert_eq!(
        (&verified["read"], &verified["damaged"], &verified["stale"]),
        (&3.into(), &0.into(), &false.into())
    );
    server.state().mails.push(Mail::numbered(50));
    sandbox.fetch();
    assert_eq!(status(0)["stale"], false, "what is new needs no reading yet");
    flip(&files(&sandbox)[0], 90);
    verify(&sandbox, 1, &[]);
    assert_eq!(status(1)["damaged"], 1);
    let metrics = sandbox.path("popkeep.prom");
    sandbox
        .popkeep(
            ["fetch", "--quiet", "--metrics"]
                .map(Into::into)
                .into_iter()
                .chain([metrics.clone().into_os_string()]),
        )
        .run();
    let metrics = fs::read_to_string(metrics).unwrap();
    assert!(metrics.contains("popkeep_damaged_copies{account=\"work\"} 1\n"), "{metrics}");
    verify(&sandbox, 0, &["--repair"]);
    assert_eq!(status(0)["damaged"], 0);
    let Some(library) = library() else { return skip("libfaketime is not installed") };
    let days =
        |days: i64| sandbox.popkeep(["status", "--verified-within", "90d"]).ahead(&library, days * 86_400);
    days(89).run().expect(0);
    days(91).run().expect(1);
}

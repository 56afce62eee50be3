//! What is archived is looked at, not claimed: what is gone, cut, moved or marked is seen, counted and settled.
//!
//! | the rule | its tests |
//! | --- | --- |
//! | removed copies are counted, not fetched again, not deleted; silent, exit 0 | [`a_removed_message_is_counted_and_left_alone`] |
//! | more than half vanished: said once, exit 1 | [`a_maildir_of_which_most_vanished_is_told_of_once`] |
//! | whoever files all mail away every evening is left in peace | [`whoever_empties_the_archive_every_evening_is_left_in_peace`] |
//! | the mark is there and all is gone: emptied; the run goes on | [`an_emptied_archive_goes_on`] |
//! | no mark and no known copy: 73 before login, with the way on | [`an_emptied_maildir_without_a_mark_goes_on_once_that_is_accepted`], `vanished_archive` |
//! | a file of another size is damaged, unless header marks are all | [`an_emptied_file_is_damaged_in_every_run`], [`marks_in_a_maildir_file_are_no_damage`] |
//! | an mbox that is cut | [`an_mbox_cut_in_half_is_seen`] |
//! | a mail program renames files | [`flags_and_folders_that_a_mail_program_changes_are_no_loss`] |
//! | marks in an mbox keep nothing on the server | [`marks_in_an_mbox_keep_nothing_on_the_server`] |
//! | regions that moved are found again by content | [`an_mbox_from_which_the_first_message_was_removed_goes_on`] |
//! | due messages whose copy is gone stay, and are counted | [`due_messages_whose_copies_are_gone_stay_and_are_counted`] |
//! | an archive that nothing has touched costs no look | [`what_nothing_has_touched_is_not_looked_at`] |
//! | a moved archive goes on where most of the mail is | [`an_archive_that_was_moved_goes_on_where_it_is`], [`another_name_of_the_same_archive_is_the_same_archive`] |
//! | a moved mbox that is locked: 75; a dotlock that was copied holds nobody up for long | [`a_moved_mbox_that_is_locked_is_for_later`] |
//! | any other path is 78 | [`a_path_where_most_of_the_mail_is_not_is_a_mistake`] |
//! | `verify`: what is there, what is not; `--accept` settles it | [`verify_tells_what_is_damaged_and_missing`], [`what_is_accepted_is_never_mentioned_again`], [`what_was_given_up_keeps_its_message_on_the_server_even_if_it_comes_back`] |

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use serde_json::Value;

use crate::support::clock::library;
use crate::support::{Account, Mail, PopServer, Sandbox, stores};

fn fetched(count: usize, keys: &[(&str, &str)]) -> (PopServer, Sandbox) {
    let server = PopServer::with(Mail::some(count));
    let sandbox = Sandbox::with([account(&server, keys)]);
    sandbox.popkeep(["fetch", "--quiet"]).run().expect(0).silent();
    (server, sandbox)
}

fn account(server: &PopServer, keys: &[(&str, &str)]) -> Account {
    keys.iter().fold(Account::on("work", server), |account, (key, value)| account.text(key, value))
}

#[track_caller]
fn verify(sandbox: &Sandbox, exit: i32) -> Value {
    sandbox.popkeep(["verify", "--json"]).run().expect(exit).json()["accounts"][0].clone()
}

fn files(sandbox: &Sandbox) -> Vec<PathBuf> {
    stores::maildir_files(&sandbox.archive("work"))
}

fn remove_all(files: impl IntoIterator<Item = PathBuf>) {
    files.into_iter().for_each(|file| fs::remove_file(file).unwrap());
}

/// As mutt writes an mbox anew: in place, with a mark at the end of each header.
fn mark_all(mbox: &Path, mark: &str) {
    let text = fs::read_to_string(mbox).unwrap();
    let marked: Vec<String> = messages(&text)
        .into_iter()
        .map(|message| message.replacen("\n\n", &format!("\n{mark}\n\n"), 1))
        .collect();
    fs::write(mbox, marked.concat()).unwrap();
}

fn messages(mbox: &str) -> Vec<String> {
    let mut found: Vec<String> = mbox.split("\n\nFrom ").map(|part| format!("From {part}\n\n")).collect();
    if let Some(first) = found.first_mut() {
        *first = first["From ".len()..].to_owned();
    }
    if let Some(last) = found.last_mut() {
        last.truncate(last.trim_end().len());
        last.push_str("\n\n");
    }
    found
}

#[test]
fn a_removed_message_is_counted_and_left_alone() {
    for format in ["maildir", "mbox"] {
        let (server, sandbox) = fetched(5, &[("format", format), ("delete", "never")]);
        let archive = sandbox.archive("work");
        if format == "maildir" {
            remove_all(files(&sandbox).into_iter().take(2));
        } else {
            let text = fs::read_to_string(&archive).unwrap();
            fs::write(&archive, messages(&text)[2..].concat()).unwrap();
        }
        for _ in 0..2 {
            sandbox.popkeep(["fetch", "--quiet"]).run().expect(0).silent();
            let report = sandbox.fetch();
            assert_eq!(
                (&report["archived"], &report["removed"], &report["fetched"]),
                (&3.into(), &2.into(), &0.into())
            );
        }
        assert_eq!(server.count("RETR"), 5, "{format}");
    }
}

#[test]
fn a_maildir_of_which_most_vanished_is_told_of_once() {
    let (server, sandbox) = fetched(40, &[]);
    remove_all(files(&sandbox).into_iter().take(39));
    sandbox.popkeep(["fetch", "--quiet"]).run().expect(1).one_line(&["work", "39", "verify work --accept"]);
    let report = sandbox.fetch();
    assert_eq!((&report["archived"], &report["removed"]), (&1.into(), &39.into()));
    sandbox.popkeep(["fetch", "--quiet"]).run().expect(0).silent();
    assert_eq!(server.count("RETR"), 40);
}

#[test]
fn whoever_empties_the_archive_every_evening_is_left_in_peace() {
    for format in ["maildir", "mbox"] {
        let (server, sandbox) = fetched(4, &[("format", format), ("delete", "fetched")]);
        let mut noise = 0;
        for evening in 1..6 {
            if format == "maildir" {
                remove_all(files(&sandbox));
            } else {
                fs::write(sandbox.archive("work"), "").unwrap();
            }
            server.state().mails = (10 * evening..10 * evening + 7).map(Mail::numbered).collect();
            let outcome = sandbox.popkeep(["fetch", "--quiet"]).run();
            noise += usize::from(outcome.code != Some(0) || !outcome.stderr.is_empty());
            assert!(server.uids().is_empty(), "{format}, {evening}: new mail comes and goes as ever");
        }
        assert!(noise <= 1, "{format}: {noise} mornings with noise");
    }
}

#[test]
fn an_emptied_archive_goes_on() {
    for format in ["maildir", "mbox"] {
        let (server, sandbox) = fetched(3, &[("format", format)]);
        if format == "maildir" {
            remove_all(files(&sandbox));
        } else {
            fs::write(sandbox.archive("work"), "").unwrap();
        }
        server.state().mails.push(Mail::numbered(9));
        // All at once is more than half: told once.
        let report = sandbox.fetch_with(1, &[]);
        assert_eq!(
            (&report["archived"], &report["removed"], &report["fetched"]),
            (&1.into(), &3.into(), &1.into())
        );
        let report = sandbox.fetch();
        assert_eq!(
            (&report["archived"], &report["removed"], &report["fetched"]),
            (&1.into(), &3.into(), &0.into())
        );
    }
}

#[test]
fn an_emptied_maildir_without_a_mark_goes_on_once_that_is_accepted() {
    let (server, sandbox) = fetched(3, &[]);
    remove_all(files(&sandbox));
    fs::remove_file(sandbox.archive("work").join("popkeep-archive")).unwrap();
    server.state().mails.push(Mail::numbered(9));
    server.take_sessions();
    for _ in 0..2 {
        sandbox.popkeep(["fetch", "--quiet"]).run().expect(73).one_line(&["3", "--accept"]);
    }
    assert!(!server.take_sessions().iter().any(|session| session.logged_in));
    sandbox.popkeep(["verify", "work"]).run().expect(73);
    sandbox.popkeep(["verify", "work", "--accept"]).run().expect(0);
    let report = sandbox.fetch();
    assert_eq!(
        (&report["archived"], &report["removed"], &report["fetched"]),
        (&1.into(), &3.into(), &1.into())
    );
    sandbox.popkeep(["fetch", "--quiet"]).run().expect(0).silent();
}

#[test]
fn an_emptied_file_is_damaged_in_every_run() {
    let (server, sandbox) = fetched(3, &[]);
    // A folder's time tells nothing of it.
    fs::write(&files(&sandbox)[1], "").unwrap();
    for _ in 0..3 {
        let report = sandbox.fetch_with(1, &[]);
        assert_eq!((&report["archived"], &report["missing"].as_array().unwrap().len()), (&2.into(), &1));
        assert!(report["missing"][0]["uid"].is_string() && report["missing"][0]["reason"].is_string());
    }
    let octets = fs::read(&files(&sandbox)[0]).unwrap();
    fs::write(&files(&sandbox)[0], &octets[..octets.len() / 2]).unwrap();
    assert_eq!(sandbox.fetch_with(1, &[])["missing"].as_array().unwrap().len(), 2);
    fs::write(&files(&sandbox)[0], &octets).unwrap();
    assert_eq!(sandbox.fetch_with(1, &[])["missing"].as_array().unwrap().len(), 1, "one was brought back");
    assert_eq!(server.count("RETR"), 3);
}

#[test]
fn marks_in_a_maildir_file_are_no_damage() {
    let (server, sandbox) = fetched(3, &[]);
    for (file, mark) in files(&sandbox).iter().zip([
        "Status: RO",
        "X-Mozilla-Status: 0001\nX-Mozilla-Keys: $label1",
        "X-Keywords: a\n b",
    ]) {
        let text = fs::read_to_string(file).unwrap();
        fs::write(file, text.replacen("\n\n", &format!("\n{mark}\n\n"), 1)).unwrap();
    }
    assert_eq!(sandbox.fetch()["archived"], 3);
    let found = verify(&sandbox, 0);
    assert_eq!((&found["intact"], &found["changed"], &found["present"]), (&0.into(), &3.into(), &3.into()));
    sandbox.configure([account(&server, &[("delete", "fetched")])]);
    assert_eq!(sandbox.fetch()["deleted"], 3, "a copy that a mail program has marked is a copy");
    assert!(server.uids().is_empty());
}

#[test]
fn an_mbox_cut_in_half_is_seen() {
    let (server, sandbox) = fetched(9, &[("format", "mbox")]);
    let octets = fs::read(sandbox.archive("work")).unwrap();
    fs::write(sandbox.archive("work"), &octets[..octets.len() / 2]).unwrap();
    for _ in 0..2 {
        let report = sandbox.fetch_with(1, &[]);
        assert_eq!((&report["archived"], &report["removed"]), (&4.into(), &4.into()), "{report}");
        assert_eq!(report["missing"].as_array().unwrap().len(), 1, "the one that was cut");
    }
    fs::write(sandbox.archive("work"), octets).unwrap();
    assert_eq!(sandbox.fetch()["archived"], 9, "brought back from a backup");
    assert_eq!(server.count("RETR"), 9);
}

#[test]
fn flags_and_folders_that_a_mail_program_changes_are_no_loss() {
    let (_server, sandbox) = fetched(3, &[]);
    for flags in ["S", "RS", "FRS"] {
        for file in files(&sandbox) {
            let name = file.file_name().unwrap().to_str().unwrap();
            let name = name.split(":2,").next().unwrap();
            fs::rename(&file, sandbox.archive("work").join("cur").join(format!("{name}:2,{flags}"))).unwrap();
        }
        assert_eq!(sandbox.fetch()["archived"], 3);
    }
}

#[test]
fn marks_in_an_mbox_keep_nothing_on_the_server() {
    for mark in [
        "Status: RO",
        "X-Status: A\nX-UID: 7\nContent-Length: 99\nLines: 4",
        "X-Mozilla-Status: 0001\nX-Evolution: 1",
    ] {
        let (server, sandbox) = fetched(4, &[("format", "mbox")]);
        mark_all(&sandbox.archive("work"), mark);
        assert_eq!(sandbox.fetch()["archived"], 4, "{mark}");
        sandbox.configure([account(&server, &[("format", "mbox"), ("delete", "fetched")])]);
        let report = sandbox.fetch();
        assert_eq!((&report["deleted"], &report["fetched"]), (&4.into(), &0.into()), "{mark}");
        assert!(server.uids().is_empty());
        let found = verify(&sandbox, 0);
        assert_eq!((&found["changed"], &found["foreign"]), (&4.into(), &0.into()), "{mark}");
    }
}

#[test]
fn an_mbox_from_which_the_first_message_was_removed_goes_on() {
    let (server, sandbox) = fetched(4, &[("format", "mbox")]);
    let mbox = sandbox.archive("work");
    let text = fs::read_to_string(&mbox).unwrap();
    fs::write(&mbox, messages(&text)[1..].concat()).unwrap();
    assert_eq!(sandbox.fetch()["removed"], 1);
    sandbox.configure([account(&server, &[("format", "mbox"), ("delete", "fetched")])]);
    server.state().mails.push(Mail::numbered(9));
    let report = sandbox.fetch();
    assert_eq!(
        (&report["deleted"], &report["fetched"], &report["removed"]),
        (&4.into(), &1.into(), &1.into())
    );
    assert_eq!(server.uids().len(), 1, "what was removed from the archive stays on the server");
    assert_eq!(stores::mbox(&mbox).len(), 4);
}

#[test]
fn due_messages_whose_copies_are_gone_stay_and_are_counted() {
    let (server, sandbox) = fetched(3, &[]);
    remove_all(files(&sandbox).into_iter().take(1));
    sandbox.configure([account(&server, &[("delete", "fetched")])]);
    sandbox.popkeep(["fetch"]).run().expect(0).says(&["1 message", "kept on the server"]);
    assert_eq!(server.uids().len(), 1);
    let report = sandbox.fetch();
    assert_eq!((&report["removed"], &report["deleted"], &report["kept"]), (&1.into(), &0.into(), &1.into()));
    assert!(report["kept_octets"].as_u64().unwrap() > 0);
    let status = sandbox.popkeep(["status", "--json"]).run().expect(0).json();
    assert_eq!(status["accounts"][0]["last_run"]["kept"], 1);
    assert_eq!(server.count("DELE"), 2, "not tried again");
}

#[test]
fn verify_tells_what_is_damaged_and_missing() {
    let (server, sandbox) = fetched(6, &[]);
    let found = verify(&sandbox, 0);
    let figures = ["archived", "present", "read", "intact"].map(|key| found[key].as_u64().unwrap());
    assert_eq!(figures, [6; 4], "{found}");
    let stored: u64 = files(&sandbox).iter().map(|file| file.metadata().unwrap().len()).sum();
    assert_eq!(
        (&found["octets"], &found["foreign"], &found["accepted"]),
        (&stored.into(), &0.into(), &0.into())
    );
    sandbox.popkeep(["verify", "--quiet"]).run().expect(0).silent();

    let all = files(&sandbox);
    fs::remove_file(&all[0]).unwrap();
    fs::write(&all[1], "").unwrap();
    // Not a size, one octet.
    let mut octets = fs::read(&all[2]).unwrap();
    *octets.last_mut().unwrap() ^= 1;
    fs::write(&all[2], octets).unwrap();
    fs::write(sandbox.archive("work").join("cur/1.M1P1.host:2,S"), "Subject: mine\n\nx\n").unwrap();
    server.take_sessions();
    let found = verify(&sandbox, 1);
    assert_eq!(
        (&found["present"], &found["intact"], &found["foreign"]),
        (&5.into(), &3.into(), &1.into()),
        "{found}"
    );
    let damaged = found["damaged"].as_array().unwrap();
    assert_eq!(damaged.len(), 2);
    assert!(damaged.iter().all(|copy| ["id", "place", "reason"].iter().all(|key| copy[*key].is_string())));
    let missing = found["missing"].as_array().unwrap();
    assert_eq!(missing.len(), 1);
    let (id, uid) = (missing[0]["id"].as_str().unwrap(), missing[0]["uid"].as_str().unwrap());
    assert!(all[0].to_str().unwrap().contains(&format!("C{id}")) && uid.starts_with("uid-"), "{missing:?}");
    assert!(server.take_sessions().is_empty(), "nobody connects");
    sandbox.popkeep(["verify", "nobody"]).run().expect(64);
}

#[test]
fn what_is_accepted_is_never_mentioned_again() {
    for format in ["maildir", "mbox"] {
        let (server, sandbox) = fetched(6, &[("format", format), ("delete", "30d")]);
        let archive = sandbox.archive("work");
        if format == "maildir" {
            let all = files(&sandbox);
            remove_all(all[..4].iter().cloned());
            fs::write(&all[4], "Subject: edited\n\nby its owner\n").unwrap();
        } else {
            let text = fs::read_to_string(&archive).unwrap();
            let mut kept = messages(&text)[4..].to_vec();
            kept[0] = kept[0].trim_end().to_owned() + " edited\n\n";
            fs::write(&archive, kept.concat()).unwrap();
        }
        let found =
            sandbox.popkeep(["verify", "--json", "--accept"]).run().expect(0).json()["accounts"][0].clone();
        assert_eq!((&found["archived"], &found["accepted"]), (&6.into(), &5.into()), "{format}: {found}");
        assert!(verify(&sandbox, 0)["missing"].as_array().unwrap().is_empty());
        sandbox.popkeep(["fetch", "--quiet"]).run().expect(0).silent();
        sandbox.configure([account(&server, &[("format", format), ("delete", "fetched")])]);
        sandbox.popkeep(["fetch", "--quiet"]).run().expect(0).silent();
        assert_eq!(server.uids().len(), 5, "{format}: what was given up is no copy");
        assert_eq!(server.count("RETR"), 6, "{format}");
        // Never again for this account.
        server.state().mails = (20..40).map(Mail::numbered).collect();
        sandbox.popkeep(["fetch", "--quiet"]).run().expect(0).silent();
        if format == "maildir" {
            remove_all(files(&sandbox));
        } else {
            fs::write(&archive, "").unwrap();
        }
        sandbox.popkeep(["fetch", "--quiet"]).run().expect(0).silent();
    }
}

#[test]
fn what_was_given_up_keeps_its_message_on_the_server_even_if_it_comes_back() {
    let (server, sandbox) = fetched(6, &[]);
    let file = files(&sandbox).remove(0);
    let octets = fs::read(&file).unwrap();
    fs::remove_file(&file).unwrap();
    sandbox.popkeep(["verify", "--accept"]).run().expect(0);
    fs::write(&file, octets).unwrap();
    sandbox.configure([account(&server, &[("delete", "fetched")])]);
    sandbox.popkeep(["fetch", "--quiet"]).run().expect(0).silent();
    assert_eq!(server.uids().len(), 1);
}

#[test]
fn verify_says_nothing_of_an_mbox_that_another_program_has_locked() {
    let (_server, sandbox) = fetched(2, &[("format", "mbox")]);
    mark_all(&sandbox.archive("work"), "Status: RO");
    sandbox.write("Mail/work.lock", "1\n");
    let outcome = sandbox.popkeep(["verify"]).run();
    assert!(!matches!(outcome.code, Some(0 | 1)), "neither well nor damaged: {outcome:?}");
    fs::remove_file(sandbox.path("Mail/work.lock")).unwrap();
    verify(&sandbox, 0);
}

/// strace counts what a run asks the disk for.
#[test]
fn what_nothing_has_touched_is_not_looked_at() {
    let Some(strace) = crate::support::find_program("strace") else {
        return crate::support::skip("strace is missing");
    };
    let (_server, sandbox) = fetched(5, &[("format", "mbox")]);
    // The stamp of a file counts when it is older than two seconds.
    let Some(library) = library() else { return };
    sandbox.set_clock(&library, 3);
    sandbox.fetch();
    let log = sandbox.path("strace.log");
    let mut command = std::process::Command::new(strace);
    command.args(["-f", "-e", "trace=openat,open", "-o"]).arg(&log).arg(env!("CARGO_BIN_EXE_popkeep"));
    command.args(["fetch", "--quiet"]);
    sandbox.command(command).run().expect(0);
    let opened = fs::read_to_string(&log).unwrap();
    let mbox = sandbox.archive("work");
    let name = format!("\"{}\"", mbox.display());
    assert!(opened.contains("ledger") && !opened.contains(&name), "{opened}");
}

#[test]
fn an_archive_that_was_moved_goes_on_where_it_is() {
    for format in ["maildir", "mbox"] {
        let (server, sandbox) = fetched(4, &[("format", format)]);
        let new = sandbox.path("Elsewhere/mail");
        fs::create_dir(sandbox.path("Elsewhere")).unwrap();
        fs::rename(sandbox.archive("work"), &new).unwrap();
        let keys = [("format", format), ("archive", new.to_str().unwrap())];
        sandbox.configure([account(&server, &keys)]);
        sandbox.popkeep(["fetch", "--dry-run", "--quiet"]).run().expect(0).silent();
        server.state().mails.push(Mail::numbered(9));
        sandbox.popkeep(["fetch"]).run().expect(0).says(&["moved"]);
        let report = sandbox.fetch();
        assert_eq!((&report["archived"], &report["fetched"]), (&5.into(), &0.into()), "{format}");
        assert_eq!(server.count("RETR"), 5);
        let found = verify(&sandbox, 0);
        assert_eq!((&found["archived"], &found["intact"]), (&5.into(), &5.into()));
        // And back.
        fs::rename(&new, sandbox.archive("work")).unwrap();
        sandbox.configure([account(&server, &[("format", format)])]);
        assert_eq!(sandbox.fetch()["archived"], 5);
        assert_eq!(server.count("RETR"), 5);
    }
}

#[test]
fn a_moved_mbox_that_is_locked_is_for_later() {
    let (server, sandbox) = fetched(4, &[("format", "mbox")]);
    let new = sandbox.path("restored");
    fs::rename(sandbox.archive("work"), &new).unwrap();
    // The dotlock of the run that was at work while the folder was copied.
    let dotlock = sandbox.path("restored.lock");
    fs::write(&dotlock, "1\nanother host\nanother boot\n0\n").unwrap();
    sandbox.configure([account(&server, &[("format", "mbox"), ("archive", new.to_str().unwrap())])]);
    server.take_sessions();
    sandbox.popkeep(["fetch", "--quiet"]).run().expect(75).one_line(&["restored.lock"]);
    assert!(!server.take_sessions().iter().any(|session| session.logged_in));
    let minutes_ago = SystemTime::now() - Duration::from_mins(6);
    fs::File::options().write(true).open(&dotlock).unwrap().set_modified(minutes_ago).unwrap();
    let report = sandbox.fetch();
    assert_eq!((&report["archived"], &report["fetched"]), (&4.into(), &0.into()));
    assert!(!dotlock.exists());
}

#[test]
fn another_name_of_the_same_archive_is_the_same_archive() {
    let (server, sandbox) = fetched(3, &[]);
    let link = sandbox.path("link");
    std::os::unix::fs::symlink(sandbox.archive("work"), &link).unwrap();
    sandbox.configure([account(&server, &[("archive", link.to_str().unwrap())])]);
    assert_eq!(sandbox.fetch()["archived"], 3);
    assert_eq!(server.count("RETR"), 3);
}

#[test]
fn a_path_where_most_of_the_mail_is_not_is_a_mistake() {
    for format in ["maildir", "mbox"] {
        let (server, sandbox) = fetched(5, &[("format", format)]);
        let old = sandbox.archive("work");
        let new = sandbox.path("Elsewhere");
        if format == "maildir" {
            for folder in ["new", "cur", "tmp"] {
                fs::create_dir_all(new.join(folder)).unwrap();
            }
            for file in files(&sandbox).iter().take(2) {
                fs::copy(file, new.join("new").join(file.file_name().unwrap())).unwrap();
            }
        } else {
            let text = fs::read_to_string(&old).unwrap();
            fs::write(&new, messages(&text)[..2].concat()).unwrap();
        }
        sandbox.configure([account(&server, &[("format", format), ("archive", new.to_str().unwrap())])]);
        server.take_sessions();
        let outcome = sandbox
            .popkeep(["fetch", "--quiet"])
            .run()
            .expect(78)
            .one_line(&["archive =", old.to_str().unwrap()]);
        assert!(
            !outcome.stderr.contains("identity of its own"),
            "no advice that doubles mail: {}",
            outcome.stderr
        );
        assert!(!server.take_sessions().iter().any(|session| session.logged_in));
        sandbox.configure([account(&server, &[("format", format)])]);
        assert_eq!(sandbox.fetch()["archived"], 5);
    }
}

//! What stands in the archive and no row explains: nothing of it is stored twice.
//!
//! | the rule | its tests |
//! | --- | --- |
//! | a lost ledger | [`a_lost_ledger_stores_nothing_twice`], [`a_lost_ledger_of_a_thousand_messages_retrieves_nothing`], [`a_lost_ledger_and_new_uids_store_nothing_twice`] |
//! | a ledger from an older backup | [`a_ledger_from_an_older_backup_stores_nothing_twice`] |
//! | what TOP shows the header of is not fetched, whatever the session or run in which it is asked | [`headers_save_the_download`], [`a_first_look_that_breaks_off_goes_on`], [`what_headers_cannot_tell_is_fetched_and_compared`], [`a_first_look_stores_no_twin_twice_wherever_it_is_cut`], [`a_twin_of_the_same_size_does_not_keep_a_message_from_coming_wherever_the_first_look_is_cut`], [`numbers_that_move_at_a_first_look_bind_nothing`], [`a_row_that_is_not_listed_any_more_is_no_reason_not_to_fetch`] |
//! | a first look is announced, and not needed twice | [`a_first_look_is_announced_and_not_needed_twice`] |
//! | another tool's archive | [`an_archive_that_another_tool_filled_stays_as_it_is`], [`an_archive_that_a_real_tool_filled_stays_as_it_is`] |
//! | what was recognised may be deleted, after RETR and comparison | [`what_was_recognised_may_be_deleted`] |
//! | files that another machine brought; two files with one KEY are one message | [`files_from_another_machine_are_not_fetched_again`] |
//! | n equal files explain n listed messages | [`equal_files_explain_as_many_messages`] |
//! | one file explains one message, and what a row explains is none | [`one_file_explains_no_more_than_one_of_many_equal_messages`], [`what_a_row_explains_is_no_stranger`] |
//! | compared as it is now; a name tells only of one message | [`a_file_that_was_changed_since_it_was_found_explains_nothing`], [`where_a_uid_was_two_messages_no_name_tells_which_one_it_is`] |
//! | what another account's row explains is never taken | [`what_another_account_has_is_not_taken`] |

use std::path::Path;

use crate::support::mail::{assert_same_mail, stored_forms};
use crate::support::maildrop::{Capa, Nth, PASSWORD};
use crate::support::{Account, Behaviour, Mail, PopServer, Sandbox, set_mode, stores};

const FORMATS: [&str; 2] = ["maildir", "mbox"];

fn sandbox(server: &PopServer, format: &str) -> Sandbox {
    Sandbox::with([Account::on("work", server).text("format", format)])
}

#[track_caller]
fn holds(sandbox: &Sandbox, format: &str, mails: &[Mail]) {
    let found = match format {
        "mbox" => stores::mbox(&sandbox.archive("work")),
        _ => sandbox.maildir("work"),
    };
    assert_same_mail(found, stored_forms(mails));
}

#[test]
fn a_lost_ledger_stores_nothing_twice() {
    for format in FORMATS {
        let server = PopServer::with(Mail::some(6));
        let sandbox = sandbox(&server, format);
        sandbox.fetch();
        sandbox.lose_ledger();
        server.state().mails.push(Mail::numbered(7));
        let report = sandbox.fetch();
        assert_eq!((&report["archived"], &report["fetched"]), (&7.into(), &1.into()), "{format}");
        holds(&sandbox, format, &Mail::some(7));
        server.take_sessions();
        sandbox.fetch();
        assert_eq!(server.count("RETR"), 0);
        holds(&sandbox, format, &Mail::some(7));
    }
}

#[test]
fn a_lost_ledger_of_a_thousand_messages_retrieves_nothing() {
    for format in FORMATS {
        let server = PopServer::with(Mail::some(1000));
        let sandbox = sandbox(&server, format);
        sandbox.fetch();
        sandbox.lose_ledger();
        server.take_sessions();
        let report = sandbox.fetch();
        assert_eq!((&report["archived"], &report["fetched"]), (&1000.into(), &0.into()), "{format}");
        assert_eq!(server.count("RETR"), 0, "{format}");
        holds(&sandbox, format, &Mail::some(1000));
    }
}

#[test]
fn a_first_look_is_announced_and_not_needed_twice() {
    for format in FORMATS {
        let server = PopServer::with(Mail::some(6));
        let sandbox = sandbox(&server, format);
        archive_of(&sandbox, format, "mpop", &Mail::some(6));
        let first = sandbox.popkeep(["fetch"]).run().expect(0);
        first.says(&["first look", if format == "mbox" { "KiB" } else { "6 files" }]);
        server.state().mails.push(Mail::numbered(7));
        for _ in 0..2 {
            let later = sandbox.popkeep(["fetch"]).run().expect(0);
            assert!(!later.stderr.contains("first look"), "{format}: {}", later.stderr);
        }
        sandbox.popkeep(["fetch", "--quiet"]).run().expect(0).silent();
    }
}

#[test]
fn a_lost_ledger_and_new_uids_store_nothing_twice() {
    for format in FORMATS {
        let server = PopServer::with(Mail::some(6));
        let sandbox = sandbox(&server, format);
        sandbox.fetch();
        sandbox.lose_ledger();
        for (number, mail) in server.state().mails.iter_mut().enumerate() {
            mail.uid = format!("moved-{number}").into_bytes();
        }
        // In portions, and cut short.
        for _ in 0..3 {
            sandbox.popkeep(["fetch", "--limit", "2"]).run().expect(0);
        }
        assert_eq!(sandbox.fetch()["archived"], 6);
        holds(&sandbox, format, &Mail::some(6));
        server.take_sessions();
        sandbox.fetch();
        assert_eq!(server.count("RETR"), 0);
    }
}

#[test]
fn a_ledger_from_an_older_backup_stores_nothing_twice() {
    for format in FORMATS {
        let server = PopServer::with(Mail::some(3));
        let sandbox = sandbox(&server, format);
        sandbox.fetch();
        let backup = std::fs::read(sandbox.ledger()).unwrap();
        server.state().mails = Mail::some(6);
        sandbox.fetch();
        sandbox.lose_ledger();
        std::fs::write(sandbox.ledger(), backup).unwrap();
        server.state().mails = Mail::some(8);
        let report = sandbox.fetch();
        assert_eq!((&report["archived"], &report["fetched"]), (&8.into(), &2.into()), "{format}");
        holds(&sandbox, format, &Mail::some(8));
        let told = sandbox.popkeep(["verify"]).run().expect(0);
        drop(told);
    }
}

/// A message as another tool stores it.
fn as_stored_by(tool: &str, mail: &Mail) -> Vec<u8> {
    let added = match tool {
        "mpop" => {
            "Received: from pop.example (pop.example [192.0.2.1])\n\tby here (mpop-1.4.18) with POP3\n\tfor <j>; d\n"
        }
        "fetchmail" => {
            "Received: from pop.example [192.0.2.1]\n\tby here with POP3 (fetchmail-6.4.37)\n\tfor <j> (single-drop); d\n"
        }
        "getmail" => {
            "Return-Path: <x@y>\nDelivered-To: j\nReceived: from pop.example (192.0.2.1:110)\n  by here with POP3 getmail6 msgid:7; d\n"
        }
        "thunderbird" => "X-Account-Key: account2\nX-UIDL: 7\nX-Mozilla-Status: 0001\n",
        _ => "",
    };
    [added.as_bytes(), &mail.stored()].concat()
}

fn archive_of(sandbox: &Sandbox, format: &str, tool: &str, mails: &[Mail]) -> Vec<Vec<u8>> {
    let copies: Vec<Vec<u8>> = mails.iter().map(|mail| as_stored_by(tool, mail)).collect();
    let archive = sandbox.archive("work");
    if format == "mbox" {
        std::fs::create_dir_all(archive.parent().unwrap()).unwrap();
        let regions = copies
            .iter()
            .map(|copy| [b"From x@y  Thu Jan  1 00:00:00 1970\n".as_slice(), copy, b"\n"].concat());
        std::fs::write(&archive, regions.collect::<Vec<_>>().concat()).unwrap();
    } else {
        for folder in ["tmp", "new", "cur"] {
            std::fs::create_dir_all(archive.join(folder)).unwrap();
        }
        for (number, copy) in copies.iter().enumerate() {
            let name = if number % 2 == 0 {
                format!("new/{number}.M1.here")
            } else {
                format!("cur/{number}.M1.here:2,S")
            };
            std::fs::write(archive.join(name), copy).unwrap();
        }
    }
    copies
}

#[test]
fn an_archive_that_another_tool_filled_stays_as_it_is() {
    for format in FORMATS {
        for tool in ["mpop", "fetchmail", "getmail", "thunderbird", "plain"] {
            let server = PopServer::with(Mail::some(9));
            let sandbox = sandbox(&server, format);
            let mut expected = archive_of(&sandbox, format, tool, &Mail::some(8));
            let report = sandbox.fetch();
            assert_eq!((&report["archived"], &report["fetched"]), (&9.into(), &1.into()), "{format}, {tool}");
            server.take_sessions();
            let report = sandbox.fetch();
            assert_eq!((&report["archived"], &report["removed"]), (&9.into(), &0.into()), "{format}, {tool}");
            assert_eq!(server.count("RETR"), 0);
            expected.push(Mail::numbered(9).stored());
            let found = match format {
                "mbox" => stores::mbox(&sandbox.archive("work")),
                _ => sandbox.maildir("work"),
            };
            assert_same_mail(found, expected);
        }
    }
}

/// Fetches with a new ledger after a lost one, all UIDs new, or for the first time into another tool's archive.
fn unknown_archive(format: &str, tool: &str, count: usize) -> (PopServer, Sandbox) {
    let server = PopServer::with(Mail::some(count));
    let sandbox = sandbox(&server, format);
    if tool == "popkeep" {
        sandbox.fetch();
        sandbox.lose_ledger();
        for (number, mail) in server.state().mails.iter_mut().enumerate() {
            mail.uid = format!("moved-{number}").into_bytes();
        }
    } else {
        archive_of(&sandbox, format, tool, &Mail::some(count));
    }
    server.take_sessions();
    (server, sandbox)
}

#[test]
fn headers_save_the_download() {
    for format in FORMATS {
        for tool in ["popkeep", "mpop", "plain"] {
            let (server, sandbox) = unknown_archive(format, tool, 8);
            let before = copies(&sandbox, format);
            let report = sandbox.fetch();
            assert_eq!((&report["archived"], &report["fetched"]), (&8.into(), &0.into()), "{format}, {tool}");
            assert_eq!((server.count("TOP"), server.count("RETR")), (8, 0), "{format}, {tool}");
            server.take_sessions();
            server.state().mails.push(Mail::numbered(9));
            assert_eq!(sandbox.fetch()["fetched"], 1);
            assert_eq!((server.count("TOP"), server.count("RETR")), (0, 1), "the first look is over");
            server.take_sessions();
            assert_same_mail(copies(&sandbox, format), [before, vec![Mail::numbered(9).stored()]].concat());
            // A header alone deletes nothing.
            sandbox
                .configure([Account::on("work", &server).text("format", format).text("delete", "fetched")]);
            assert_eq!(sandbox.fetch()["deleted"], 9, "{format}, {tool}");
            assert_eq!(server.count("RETR"), 8, "{format}, {tool}");
            assert_eq!(copies(&sandbox, format).len(), 9);
        }
    }
}

#[test]
fn a_first_look_that_breaks_off_goes_on() {
    for format in FORMATS {
        for tool in ["popkeep", "mpop"] {
            let (server, sandbox) = unknown_archive(format, tool, 8);
            server.behave(Behaviour { cut_at: Some(Nth("TOP", 5)), ..Behaviour::default() });
            let report = sandbox.fetch();
            assert_eq!((&report["archived"], &report["fetched"]), (&8.into(), &0.into()), "{format}, {tool}");
            assert_eq!(server.count("RETR"), 0, "{format}, {tool}");
            assert_eq!(copies(&sandbox, format).len(), 8);
        }
    }
}

#[test]
fn what_headers_cannot_tell_is_fetched_and_compared() {
    for format in FORMATS {
        let (server, sandbox) = unknown_archive(format, "mpop", 6);
        {
            let mails = &mut server.state().mails;
            // The same header as the copy, a longer body.
            mails[0].wire.extend_from_slice(b"a line more\r\n");
            // The same header twice: its copy may be of either.
            let twin = Mail { uid: b"twin".to_vec(), ..mails[1].clone() };
            mails.push(twin);
            // The same header and size, another body.
            let end = mails[2].wire.len() - 3;
            mails[2].wire[end] ^= 1;
        }
        let all = server.state().mails.clone();
        let report = sandbox.fetch();
        assert_eq!(report["archived"], 7, "{format}");
        assert!(report["fetched"].as_u64() >= Some(2), "{format}: the longer one, and a second of the twins");
        let stored = copies(&sandbox, format);
        assert!(stored.contains(&all[0].stored()), "{format}");
        // Before anything is deleted its octets are compared.
        sandbox.configure([Account::on("work", &server).text("format", format).text("delete", "fetched")]);
        sandbox.fetch();
        let stored = copies(&sandbox, format);
        for mail in [&all[0], &all[2]] {
            assert!(stored.contains(&mail.stored()), "{format}");
        }
        assert_eq!(stored.len(), 6 + 3, "{format}");
    }
}

/// Four runs, each of whose sessions is cut at this TOP.
fn fetch_cut_at_top(server: &PopServer, sandbox: &Sandbox, cut: usize) {
    let cut_at = Some(Nth("TOP", cut));
    server.behave(Behaviour { cut_at, capa: Capa::without_pipelining(), ..Behaviour::default() });
    for _ in 0..4 {
        sandbox.popkeep(["fetch", "--quiet"]).run();
    }
    server.behave(Behaviour::default());
}

#[test]
fn a_first_look_stores_no_twin_twice_wherever_it_is_cut() {
    for format in FORMATS {
        for cut in 1..=4 {
            // One copy in the archive, and two listed messages with its header.
            let (server, sandbox) = unknown_archive(format, "mpop", 3);
            let twin = Mail { uid: b"twin".to_vec(), ..server.state().mails[0].clone() };
            server.state().mails.push(twin);
            fetch_cut_at_top(&server, &sandbox, cut);
            assert_eq!(sandbox.fetch()["archived"], 4, "{format}, {cut}");
            assert_eq!(copies(&sandbox, format).len(), 4, "{format}, {cut}");
            sandbox
                .configure([Account::on("work", &server).text("format", format).text("delete", "fetched")]);
            assert_eq!(sandbox.fetch()["deleted"], 4, "{format}, {cut}");
            assert_eq!(copies(&sandbox, format).len(), 4, "{format}, {cut}");
        }
    }
}

#[test]
fn a_twin_of_the_same_size_does_not_keep_a_message_from_coming_wherever_the_first_look_is_cut() {
    for format in FORMATS {
        for cut in 1..=5 {
            // Of two messages with one header and bodies of one length, the archive has the second.
            let mut all = Mail::some(4);
            let end = all[0].wire.len() - 3;
            all[3] = Mail { uid: b"twin".to_vec(), ..all[0].clone() };
            all[3].wire[end] ^= 1;
            let server = PopServer::with(all.clone());
            let sandbox = sandbox(&server, format);
            archive_of(&sandbox, format, "mpop", &all[1..]);
            fetch_cut_at_top(&server, &sandbox, cut);
            assert_eq!(sandbox.fetch()["archived"], 4, "{format}, {cut}");
            let there = copies(&sandbox, format);
            assert_eq!(there.len(), 4, "{format}, {cut}");
            assert!(there.contains(&all[0].stored()), "{format}, {cut}");
        }
    }
}

#[test]
fn numbers_that_move_at_a_first_look_bind_nothing() {
    // All of one size, so that sizes tell nothing.
    let new = |number: usize| {
        let text = format!("Received: by x\nMessage-ID: <{number:03}@x>\nSubject: s\n\n{number:03}\n");
        Mail::new(&format!("u{number:03}"), text)
    };
    let all: Vec<Mail> = (1..=8).map(new).collect();
    for capa in [Capa::default(), Capa::without_pipelining()] {
        let server = PopServer::with(all[..7].to_vec());
        let sandbox = sandbox(&server, "maildir");
        archive_of(&sandbox, "maildir", "mpop", &[&all[1..4], &all[5..7]].concat());
        // Another client takes the first message, and a new one of the same size comes.
        let (expunges, delivers) = (Some((Nth("TOP", 1), 1)), Some(all[7].clone()));
        server.behave(Behaviour { capa, expunges, delivers, ..Behaviour::default() });
        sandbox.popkeep(["fetch", "--quiet"]).run();
        server.behave(Behaviour::default());
        assert_eq!(sandbox.fetch()["archived"], 7);
        let there = sandbox.maildir("work");
        for mail in &all[1..] {
            let count = there.iter().filter(|copy| copy.ends_with(&mail.stored())).count();
            assert_eq!(count, 1, "{}", String::from_utf8_lossy(&mail.uid));
        }
        assert!(there.len() <= 8);
    }
}

#[test]
fn a_row_that_is_not_listed_any_more_is_no_reason_not_to_fetch() {
    // Its copy is lost, and its message is back on the server under another UID.
    let server = PopServer::with(Mail::some(3));
    let sandbox = sandbox(&server, "maildir");
    sandbox.fetch();
    let lost = server.state().mails.remove(0);
    sandbox.fetch();
    for file in stores::files(&sandbox.archive("work").join("new")) {
        if std::fs::read(&file).unwrap() == lost.stored() {
            std::fs::remove_file(file).unwrap();
        }
    }
    std::fs::write(sandbox.archive("work").join("cur/1.M1.here:2,S"), Mail::numbered(7).stored()).unwrap();
    server.state().mails.push(Mail { uid: b"back".to_vec(), ..lost.clone() });
    sandbox.popkeep(["fetch", "--quiet"]).run();
    assert!(sandbox.maildir("work").contains(&lost.stored()));
}

/// Runs a real tool, if it is here, that fetches all mail into the archive; whether it did.
fn filled_by(tool: &str, server: &PopServer, sandbox: &Sandbox, format: &str) -> bool {
    let (archive, port) = (sandbox.archive("work"), server.port());
    let place = archive.display();
    std::fs::create_dir_all(archive.parent().unwrap()).unwrap();
    if format == "maildir" {
        for folder in ["tmp", "new", "cur"] {
            std::fs::create_dir_all(archive.join(folder)).unwrap();
        }
    } else {
        std::fs::write(&archive, "").unwrap();
    }
    let (settings, words) = match tool {
        "mpop" => (
            format!(
                "account a\nhost 127.0.0.1\nport {port}\ntls off\nauth user\nuser joe\npassword \"{PASSWORD}\"\nkeep on\n\
                 delivery {format} {place}\nuidls_file {}\n",
                sandbox.path("uidls").display()
            ),
            "mpop -q -C SETTINGS a",
        ),
        "fetchmail" if format == "maildir" => (
            format!(
                "set no bouncemail\npoll 127.0.0.1 proto POP3 port {port} uidl auth password user \"joe\" password \
                 \"{PASSWORD}\" keep fetchall sslproto \"\" mda \"cat > {place}/new/$$.M1.fetchmail\"\n"
            ),
            "fetchmail -s -f SETTINGS -i FOLDER/fetchids --pidfile FOLDER/pid",
        ),
        _ => return false,
    };
    let path = sandbox.path("settings");
    std::fs::write(&path, settings).unwrap();
    set_mode(&path, 0o600);
    let folder = sandbox.path("").display().to_string();
    let words = words
        .replace("SETTINGS", &path.display().to_string())
        .replace("FOLDER", folder.trim_end_matches('/'));
    let words = words.split(' ');
    let run = std::process::Command::new("timeout").arg("30").args(words).env("HOME", &folder).output();
    let Ok(output) = run else { return false };
    let count = copies(sandbox, format).len();
    if count == 0 {
        // It does not work for root, say.
        return false;
    }
    assert_eq!(count, server.uids().len(), "{tool}: {}", String::from_utf8_lossy(&output.stderr));
    true
}

fn copies(sandbox: &Sandbox, format: &str) -> Vec<Vec<u8>> {
    match format {
        "mbox" => stores::mbox(&sandbox.archive("work")),
        _ => sandbox.maildir("work"),
    }
}

#[test]
fn an_archive_that_a_real_tool_filled_stays_as_it_is() {
    for format in FORMATS {
        for tool in ["mpop", "fetchmail"] {
            let server = PopServer::with(Mail::some(7));
            let sandbox = sandbox(&server, format);
            if !filled_by(tool, &server, &sandbox, format) {
                continue;
            }
            let before = copies(&sandbox, format);
            let report = sandbox.fetch();
            assert_eq!((&report["archived"], &report["fetched"]), (&7.into(), &0.into()), "{tool}, {format}");
            assert_same_mail(copies(&sandbox, format), before);
            server.take_sessions();
            sandbox.fetch();
            assert_eq!(server.count("RETR"), 0);
            sandbox
                .configure([Account::on("work", &server).text("format", format).text("delete", "fetched")]);
            assert_eq!(sandbox.fetch()["deleted"], 7, "{tool}, {format}");
        }
    }
}

#[test]
fn what_was_recognised_may_be_deleted() {
    for format in FORMATS {
        for tool in ["mpop", "plain"] {
            for at_once in [true, false] {
                let server = PopServer::with(Mail::some(5));
                let sandbox = sandbox(&server, format);
                archive_of(&sandbox, format, tool, &Mail::some(5));
                let deleting = || {
                    sandbox.configure([Account::on("work", &server)
                        .text("format", format)
                        .text("delete", "fetched")]);
                };
                if at_once {
                    deleting();
                } else {
                    sandbox.fetch();
                    deleting();
                }
                let report = sandbox.fetch();
                assert_eq!(
                    (&report["deleted"], &report["fetched"]),
                    (&5.into(), &0.into()),
                    "{format}, {tool}"
                );
                assert!(server.uids().is_empty());
            }
        }
    }
    // One whose copy somebody has changed stays.
    let server = PopServer::with(Mail::some(2));
    let sandbox = sandbox(&server, "maildir");
    archive_of(&sandbox, "maildir", "mpop", &Mail::some(2));
    sandbox.fetch();
    std::fs::write(sandbox.archive("work").join("new/0.M1.here"), "other\n").unwrap();
    sandbox.configure([Account::on("work", &server).text("delete", "fetched")]);
    sandbox.popkeep(["fetch"]).run();
    assert_eq!(server.uids(), ["uid-00001"]);
}

#[test]
fn files_from_another_machine_are_not_fetched_again() {
    let server = PopServer::with(Mail::some(4));
    let (here, there) = (sandbox(&server, "maildir"), sandbox(&server, "maildir"));
    here.fetch();
    server.state().mails = Mail::some(8);
    there.fetch();
    // Syncthing brings all of them, those that are here already under another host's name, too.
    for (number, file) in stores::files(&there.archive("work").join("new")).into_iter().enumerate() {
        let name = file.file_name().unwrap().to_str().unwrap();
        let name = name.split(',').next().unwrap().to_owned() + &format!("-elsewhere{number},S=1");
        std::fs::copy(&file, here.archive("work").join("cur").join(name + ":2,S")).unwrap();
    }
    server.take_sessions();
    let report = here.fetch();
    assert_eq!((&report["archived"], &report["fetched"]), (&8.into(), &0.into()));
    assert_eq!(server.count("RETR"), 0, "their names tell");
    assert_eq!(here.maildir("work").len(), 12, "no file was made, and none removed");
    here.fetch();
    assert_eq!(here.maildir("work").len(), 12);
}

#[test]
fn equal_files_explain_as_many_messages() {
    for format in FORMATS {
        let server =
            PopServer::with((0..4).map(|at| Mail::numbered(1).with_uid(&format!("u{at}"))).collect());
        let sandbox = sandbox(&server, format);
        archive_of(&sandbox, format, "mpop", &[Mail::numbered(1), Mail::numbered(1)]);
        let report = sandbox.fetch();
        assert_eq!((&report["archived"], &report["fetched"]), (&4.into(), &2.into()), "{format}");
        assert_eq!(sandbox.fetch()["fetched"], 0);
    }
}

#[test]
fn one_file_explains_no_more_than_one_of_many_equal_messages() {
    for format in FORMATS {
        let equal = |at| Mail::numbered(1).with_uid(&format!("u{at}"));
        let server = PopServer::with((0..9).map(equal).collect());
        let sandbox = sandbox(&server, format);
        archive_of(&sandbox, format, "mpop", &[Mail::numbered(1)]);
        assert_eq!(sandbox.fetch()["fetched"], 8, "{format}");
        assert_eq!(sandbox.fetch()["fetched"], 0);
    }
}

#[test]
fn what_a_row_explains_is_no_stranger() {
    for format in FORMATS {
        let server = PopServer::with(Mail::some(3));
        let sandbox = sandbox(&server, format);
        sandbox.fetch();
        sandbox.fetch();
        let twin = Mail::numbered(2).with_uid("twin");
        server.state().mails.push(twin.clone());
        assert_eq!(sandbox.fetch()["fetched"], 1, "{format}");
        holds(&sandbox, format, &[Mail::some(3), vec![twin]].concat());
    }
}

#[test]
fn a_file_that_was_changed_since_it_was_found_explains_nothing() {
    // Another tool's, found before the message was listed.
    let server = PopServer::with(vec![Mail::numbered(2)]);
    let other = sandbox(&server, "maildir");
    archive_of(&other, "maildir", "plain", &Mail::some(2));
    other.fetch();
    std::fs::write(other.archive("work").join("new/0.M1.here"), "other\n").unwrap();
    server.state().mails.push(Mail::numbered(1));
    assert_eq!(other.fetch()["fetched"], 1);

    // One of ours, which its name speaks for.
    let server = PopServer::with(Mail::some(3));
    let ours = sandbox(&server, "maildir");
    ours.fetch();
    ours.lose_ledger();
    let file = stores::files(&ours.archive("work").join("new")).remove(0);
    let before = std::fs::read(&file).unwrap();
    std::fs::write(&file, "other\n").unwrap();
    assert_eq!(ours.fetch()["fetched"], 1);
    assert!(ours.maildir("work").contains(&before));
}

#[test]
fn where_a_uid_was_two_messages_no_name_tells_which_one_it_is() {
    let message = |text: &str| Mail::new("reused", format!("Subject: {text}\n\n{text}\n"));
    let versions = ["a", "longer", "the longest"].map(message);
    let server = PopServer::with(vec![versions[0].clone()]);
    let sandbox = sandbox(&server, "maildir");
    for version in &versions[..2] {
        server.state().mails = vec![version.clone()];
        sandbox.fetch();
    }
    sandbox.lose_ledger();
    server.state().mails = vec![versions[2].clone()];
    assert_eq!(sandbox.fetch()["fetched"], 1);
    holds(&sandbox, "maildir", &versions);
}

#[test]
fn what_another_account_has_is_not_taken() {
    let mine = PopServer::with(Mail::some(3));
    let theirs = PopServer::with(Mail::some(3));
    let shared = |name: &str, server: &PopServer| {
        Account::on(name, server).text("user", name).text("archive", "~/Mail/shared")
    };
    let sandbox = Sandbox::with([shared("joe", &mine), shared("jane", &theirs)]);
    sandbox.popkeep(["fetch", "joe"]).run().expect(0);
    sandbox.popkeep(["fetch", "jane"]).run().expect(0);
    let count = |sandbox: &Sandbox| stores::files(Path::new(&sandbox.path("Mail/shared/new"))).len();
    assert_eq!(count(&sandbox), 6);
    sandbox.popkeep(["fetch"]).run().expect(0);
    assert_eq!(count(&sandbox), 6);
}

//! Mail comes back to a server.
//!
//! | the rule | its tests |
//! | --- | --- |
//! | every copy, octet for octet, with its date and flags | [`a_real_dovecot_gets_every_message_as_it_is`], [`awkward_messages_arrive_as_they_are_or_are_named`] |
//! | a second run sends nothing | all of them |
//! | each once, whatever is cut off | [`killed_anywhere_each_message_is_there_once`], [`an_answer_that_is_lost_doubles_nothing`], [`a_batch_that_is_cut_off_is_sent_again`], [`a_message_that_is_cut_off_is_sent_again`], [`messages_behind_one_that_is_cut_off_are_sent_again`], [`messages_behind_one_whose_answer_is_lost_are_sent_again`], [`what_arrives_after_the_cut_is_waited_for`], [`what_a_run_sent_before_it_ended_and_the_server_does_not_have_is_sent_by_the_next`], [`a_server_that_writes_messages_anew_gets_each_once`] |
//! | copies of equal content are counted | [`equal_messages_are_restored_as_often_as_they_are_archived`] |
//! | `--skip-present` | [`what_the_folder_holds_already_is_not_sent_again`], [`who_has_no_message_id_is_known_by_its_content`] |
//! | `--new`, `on_new_mail` | [`new_mail_is_copied_on_after_each_run`], [`a_copy_that_failed_is_made_by_the_next_run`] |
//! | `delete_after_restore` | [`nothing_is_deleted_before_it_is_restored`], [`a_copy_with_the_marks_of_a_mail_program_is_restored_once_and_may_be_deleted`] |
//! | `--dry-run` makes nothing | [`a_dry_run_makes_nothing_here_or_there`] |
//! | the folder's name | [`folders_have_any_name`], [`a_slash_is_whatever_the_server_has_between_levels`] |
//! | one bad message stays one | [`a_message_that_a_server_dies_of_does_not_keep_the_others`], [`a_refused_message_does_not_keep_the_others`], [`a_damaged_copy_is_not_sent`] |
//! | limits wait, or end with 75 | [`a_limit_is_waited_for_and_then_ends_the_run`] |
//! | old servers | [`servers_without_extensions_get_the_same`] |
//! | another UIDVALIDITY is another folder | [`a_folder_that_was_made_anew_is_filled_again`], [`a_folder_replaced_under_our_hands_ends_the_run`] |
//! | what is refused | [`what_makes_no_sense_is_refused`] |
//! | a refused login rests | [`a_refused_login_is_left_alone_for_a_while`] |

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;

use crate::awkward_mail::thirty_five;
use crate::support::clock::{self, shift_to};
use crate::support::dovecot::Dovecot;
use crate::support::imap_server::{ALL, Cut, ImapBehaviour, ImapServer};
use crate::support::mail::{assert_same_mail, to_stored};
use crate::support::maildrop::PASSWORD;
use crate::support::{Account, Mail, PopServer, Sandbox, find_program, skip, stores};

/// A sandbox whose account has fetched this mail, and that knows this destination.
fn fetched(server: &PopServer, destination: &str) -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.config(&format!("{}{destination}", Account::on("work", server).toml()));
    sandbox.popkeep(["fetch", "--quiet"]).run().expect(0).silent();
    sandbox
}

#[track_caller]
fn restore(sandbox: &Sandbox, exit: i32, options: &[&str]) -> Value {
    sandbox.popkeep([&["restore", "--json", "--to", "new"], options].concat()).run().expect(exit).json()
}

#[track_caller]
fn assert_counts<const N: usize>(done: &Value, keys: [&str; N], counts: [u64; N]) {
    let found = keys.map(|key| {
        done[key].as_array().map_or_else(|| done[key].as_u64().unwrap(), |list| list.len() as u64)
    });
    assert_eq!(found, counts, "{keys:?} of {done}");
}

/// A second run sends nothing.
#[track_caller]
fn assert_settled(sandbox: &Sandbox, there: u64) {
    assert_counts(&restore(sandbox, 0, &[]), ["restored", "there", "failed"], [0, there, 0]);
}

/// What a folder of the small server holds, in stored form.
fn held(server: &ImapServer, folder: &str) -> Vec<Vec<u8>> {
    server.messages(folder).iter().map(|message| to_stored(&message.octets)).collect()
}

fn read(files: &[PathBuf]) -> Vec<Vec<u8>> {
    files.iter().map(|file| fs::read(file).unwrap()).collect()
}

#[test]
fn a_real_dovecot_gets_every_message_as_it_is() {
    let Some(dovecot) = Dovecot::start_with_imap(&["jane"]) else { return };
    let server = PopServer::with(Mail::some(250));
    for (format, folder) in [("maildir", "One"), ("mbox", "Two")] {
        let account = Account::on("work", &server).text("format", format);
        let sandbox = Sandbox::new();
        sandbox.config(&format!("{}{}", account.toml(), dovecot.destination("new", "jane", folder)));
        sandbox.popkeep(["fetch", "--quiet"]).run().expect(0).silent();
        if format == "maildir" {
            let file = &stores::maildir_files(&sandbox.archive("work"))[0];
            let name = file.file_name().unwrap().to_str().unwrap();
            fs::rename(file, sandbox.archive("work").join(format!("cur/{name}:2,FRST"))).unwrap();
        }
        let done = restore(&sandbox, 0, &[]);
        assert_counts(&done, ["restored", "there", "failed"], [250, 0, 0]);
        assert_eq!(done["made"], true);
        let files = dovecot.folder("jane", folder);
        let archived = if format == "maildir" {
            sandbox.maildir("work")
        } else {
            stores::mbox(&sandbox.archive("work"))
        };
        assert_same_mail(read(&files), archived);
        if format == "maildir" {
            let flagged: Vec<_> =
                files.iter().filter(|file| file.to_str().unwrap().ends_with(":2,FRS")).collect();
            assert_eq!(flagged.len(), 1, "flags go along, but not the one that deletes");
            let mut dates: Vec<i64> = files.iter().map(|file| fs::metadata(file).unwrap().mtime()).collect();
            let archive = stores::maildir_files(&sandbox.archive("work"));
            let mut wanted: Vec<i64> =
                archive.iter().map(|file| fs::metadata(file).unwrap().mtime()).collect();
            dates.sort_unstable();
            wanted.sort_unstable();
            assert_eq!(dates, wanted, "INTERNALDATE is the date that the archive's file has");
        }
        assert_settled(&sandbox, 250);
    }
    assert!(dovecot.folder("jane", "").is_empty(), "nothing else is touched");
}

#[test]
fn awkward_messages_arrive_as_they_are_or_are_named() {
    let mails: Vec<Mail> = thirty_five().iter().map(|(name, octets)| Mail::new(name, octets)).collect();
    let server = PopServer::with(mails);
    for capabilities in [ALL, "IMAP4rev1 LITERAL- UIDPLUS"] {
        let imap = ImapServer::start(ImapBehaviour { capabilities, ..ImapBehaviour::default() });
        let sandbox = fetched(&server, &imap.destination("new", "Archive"));
        let archived = sandbox.maildir("work");
        let nul = archived.iter().filter(|octets| octets.contains(&0)).count() as u64;
        let empty = archived.iter().filter(|octets| octets.is_empty()).count() as u64;
        assert!(nul >= 2 && archived.len() == 35);
        let unsendable = if capabilities == ALL { empty } else { empty + nul };
        let exit = i32::from(unsendable > 0);
        let done = restore(&sandbox, exit, &[]);
        assert_counts(&done, ["restored", "failed"], [35 - unsendable, unsendable]);
        let sendable = |octets: &Vec<u8>| !octets.is_empty() && (capabilities == ALL || !octets.contains(&0));
        assert_same_mail(held(&imap, "Archive"), archived.into_iter().filter(sendable).collect());
        assert_counts(&restore(&sandbox, exit, &[]), ["restored", "there"], [0, 35 - unsendable]);
    }
}

#[test]
fn equal_messages_are_restored_as_often_as_they_are_archived() {
    let twin = Mail::numbered(1);
    let server = PopServer::with(vec![twin.clone(), twin.with_uid("second"), Mail::numbered(2)]);
    let imap = ImapServer::start(ImapBehaviour::default());
    let sandbox = fetched(&server, &imap.destination("new", "Archive"));
    assert_counts(&restore(&sandbox, 0, &[]), ["restored"], [3]);
    assert_settled(&sandbox, 3);
    server.state().mails.push(twin.with_uid("third"));
    sandbox.popkeep(["fetch", "--quiet"]).run().expect(0).silent();
    assert_counts(&restore(&sandbox, 0, &[]), ["restored", "there"], [1, 3]);
    assert_same_mail(held(&imap, "Archive"), sandbox.maildir("work"));
}

/// The run itself connects again and goes on.
#[track_caller]
fn assert_once_after(capabilities: &'static str, cut: (usize, Cut)) {
    let server = PopServer::with(Mail::some(230));
    let imap = ImapServer::start(ImapBehaviour { capabilities, cut: Some(cut), ..ImapBehaviour::default() });
    let sandbox = fetched(&server, &imap.destination("new", "Archive"));
    assert_counts(&restore(&sandbox, 0, &[]), ["restored", "failed"], [230, 0]);
    assert_same_mail(held(&imap, "Archive"), sandbox.maildir("work"));
    assert_settled(&sandbox, 230);
}

#[test]
fn a_second_copy_is_not_taken_for_the_first_where_uids_are_not_said() {
    let twin = Mail::numbered(1);
    let server = PopServer::with(vec![twin.clone()]);
    let capabilities = "IMAP4rev1 MULTIAPPEND LITERAL+";
    let cut = Some((2, Cut::BeforeTheAnswer));
    let imap = ImapServer::start(ImapBehaviour { capabilities, cut, ..ImapBehaviour::default() });
    let sandbox = fetched(&server, &imap.destination("new", "Archive"));
    assert_counts(&restore(&sandbox, 0, &[]), ["restored"], [1]);
    server.state().mails.push(twin.with_uid("second"));
    sandbox.popkeep(["fetch", "--quiet"]).run().expect(0).silent();
    assert_counts(&restore(&sandbox, 0, &[]), ["restored", "there"], [1, 1]);
    assert_eq!(imap.messages("Archive").len(), 2);
    assert_settled(&sandbox, 2);
}

#[test]
fn an_answer_that_is_lost_doubles_nothing() {
    for (capabilities, nth) in [(ALL, 1), (ALL, 3), ("IMAP4rev1 LITERAL+ MULTIAPPEND", 2), ("IMAP4rev1", 3)] {
        assert_once_after(capabilities, (nth, Cut::BeforeTheAnswer));
    }
}

// What may have arrived is waited for: each of these takes as long as that, and so has a test of its own.

#[test]
fn a_batch_that_is_cut_off_is_sent_again() {
    assert_once_after(ALL, (2, Cut::Halfway));
}

#[test]
fn a_message_that_is_cut_off_is_sent_again() {
    assert_once_after("IMAP4rev1", (2, Cut::Halfway));
}

#[test]
fn messages_behind_one_that_is_cut_off_are_sent_again() {
    assert_once_after("IMAP4rev1 LITERAL+", (2, Cut::Halfway));
}

#[test]
fn messages_behind_one_whose_answer_is_lost_are_sent_again() {
    assert_once_after("IMAP4rev1 LITERAL+", (3, Cut::BeforeTheAnswer));
}

#[test]
fn what_arrives_after_the_cut_is_waited_for() {
    let server = PopServer::with(Mail::some(30));
    let imap = ImapServer::start(ImapBehaviour {
        cut: Some((1, Cut::StoredLater(1500))),
        ..ImapBehaviour::default()
    });
    let sandbox = fetched(&server, &imap.destination("new", "Archive"));
    assert_counts(&restore(&sandbox, 0, &[]), ["restored", "failed"], [30, 0]);
    imap.wait_for_the_late();
    assert_same_mail(held(&imap, "Archive"), sandbox.maildir("work"));
    assert_settled(&sandbox, 30);
}

#[test]
fn a_signal_ends_a_run_that_waits_and_the_next_one_settles_it() {
    let Some(library) = clock::library() else { return };
    let server = PopServer::with(Mail::some(20));
    let imap = ImapServer::start(ImapBehaviour { cut: Some((1, Cut::Silence)), ..ImapBehaviour::default() });
    let sandbox = fetched(&server, &imap.destination("new", "Archive").replace("10s", "50s"));
    let run = sandbox.popkeep(["restore", "--to", "new", "--quiet"]).spawn();
    while imap.messages("Archive").len() < 20 {
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    run.signal("TERM");
    assert_eq!(run.wait(), Some(143));
    let last =
        sandbox.popkeep(["restore", "--json", "--to", "new"]).ahead(&library, 60).run().expect(0).json();
    assert_counts(&last, ["restored", "there"], [0, 20]);
    assert_eq!(imap.messages("Archive").len(), 20);
}

#[test]
fn what_a_run_sent_before_it_ended_and_the_server_does_not_have_is_sent_by_the_next() {
    let Some(library) = clock::library() else { return };
    let server = PopServer::with(Mail::some(20));
    let imap = ImapServer::start(ImapBehaviour { cut: Some((1, Cut::Oblivion)), ..ImapBehaviour::default() });
    let sandbox = fetched(&server, &imap.destination("new", "Archive").replace("10s", "50s"));
    let run = sandbox.popkeep(["restore", "--to", "new", "--quiet"]).spawn();
    imap.wait_for_the_late();
    run.kill();
    let last =
        sandbox.popkeep(["restore", "--json", "--to", "new"]).ahead(&library, 60).run().expect(0).json();
    assert_counts(&last, ["restored", "there"], [20, 0]);
    assert_same_mail(held(&imap, "Archive"), sandbox.maildir("work"));
}

#[test]
fn a_server_that_writes_messages_anew_gets_each_once() {
    let server = PopServer::with(Mail::some(30));
    let imap = ImapServer::start(ImapBehaviour {
        cut: Some((1, Cut::BeforeTheAnswer)),
        adds: "X-Server: was here\r\n",
        ..ImapBehaviour::default()
    });
    let sandbox = fetched(&server, &imap.destination("new", "Archive"));
    assert_counts(&restore(&sandbox, 0, &[]), ["restored"], [30]);
    assert_eq!(imap.messages("Archive").len(), 30);
    assert_settled(&sandbox, 30);
}

#[test]
fn killed_anywhere_each_message_is_there_once() {
    let Some(dovecot) = Dovecot::start_with_imap(&["jane"]) else { return };
    let Some(strace) = find_program("strace") else { return skip("strace is not installed") };
    let Some(library) = clock::library() else { return };
    let server = PopServer::with(Mail::some(130));
    let calls = "sendto,write,writev,pwrite64,fdatasync,fsync";
    let mut killed = 0;
    for step in (1..).step_by(9) {
        let folder = format!("step{step}");
        let sandbox = fetched(&server, &dovecot.destination("new", "jane", &folder));
        let mut command = Command::new(&strace);
        command.args(["-f", "-o", "/dev/null", "-e", &format!("trace={calls}")]);
        command.args(["-e", &format!("inject={calls}:signal=KILL:when={step}")]);
        command.args([env!("CARGO_BIN_EXE_popkeep"), "restore", "--to", "new", "--quiet"]);
        let outcome = sandbox.command(command).run();
        let done = outcome.code == Some(0);
        killed += u32::from(!done);
        // The server finishes what it has read; and the next run's clock is later, so that it does not wait for that.
        std::thread::sleep(std::time::Duration::from_millis(200));
        let options = ["restore", "--json", "--to", "new"];
        let last = sandbox.popkeep(options).ahead(&library, 60).run().expect(0).json();
        assert_counts(&last, ["failed"], [0]);
        assert_same_mail(read(&dovecot.folder("jane", &folder)), sandbox.maildir("work"));
        if done {
            break;
        }
    }
    assert!(killed >= 5, "{killed}");
}

#[test]
fn what_the_folder_holds_already_is_not_sent_again() {
    let Some(dovecot) = Dovecot::start_with_imap(&["jane"]) else { return };
    let server = PopServer::with(Mail::some(60));
    let sandbox = fetched(&server, &dovecot.destination("new", "jane", "INBOX"));
    let mut archived = sandbox.maildir("work");
    archived.sort();
    for (at, octets) in archived.iter().enumerate().step_by(2) {
        dovecot.deliver("jane", &format!("{at}.x"), octets);
    }
    dovecot.deliver("jane", "other.x", b"Subject: another\nMessage-ID: <another@example>\n\nx\n");
    assert_counts(&restore(&sandbox, 0, &["--dry-run", "--skip-present"]), ["restored", "present"], [30, 30]);
    let done = restore(&sandbox, 0, &["--skip-present"]);
    assert_counts(&done, ["restored", "there", "present"], [30, 30, 30]);
    archived.push(b"Subject: another\nMessage-ID: <another@example>\n\nx\n".to_vec());
    assert_same_mail(read(&dovecot.folder("jane", "")), archived);
    assert_settled(&sandbox, 60);
    assert_counts(&restore(&sandbox, 0, &["--skip-present"]), ["restored", "there"], [0, 60]);
}

#[test]
fn who_has_no_message_id_is_known_by_its_content() {
    let mail = |uid: &str, text: &str| Mail::new(uid, format!("Subject: nameless\n\n{text}\n"));
    let server = PopServer::with(vec![mail("a", "one"), mail("b", "two"), mail("c", "six")]);
    let imap = ImapServer::start(ImapBehaviour::default());
    let sandbox = fetched(&server, &imap.destination("new", "Archive"));
    // All have one size.
    imap.put("Archive", b"Subject: nameless\r\n\r\ntwo\r\n");
    imap.put("Archive", b"Subject: nameless\r\n\r\nten\r\n");
    let done = restore(&sandbox, 0, &["--skip-present"]);
    assert_counts(&done, ["restored", "present"], [2, 1]);
    let mut expected = sandbox.maildir("work");
    expected.push(b"Subject: nameless\n\nten\n".to_vec());
    assert_same_mail(held(&imap, "Archive"), expected);
    assert_settled(&sandbox, 3);
}

#[test]
fn new_mail_is_copied_on_after_each_run() {
    let Some(dovecot) = Dovecot::start_with_imap(&["jane"]) else { return };
    let server = PopServer::with(Mail::some(3));
    let popkeep = env!("CARGO_BIN_EXE_popkeep");
    let account =
        Account::on("work", &server).text("on_new_mail", format!("{popkeep} restore --new --to new -a work"));
    let sandbox = Sandbox::new();
    let first = sandbox.popkeep(["restore", "--to", "new"]);
    first.run().expect(78);
    sandbox.config(&format!("{}{}", account.toml(), dovecot.destination("new", "jane", "Inbox")));
    // The first such run notes from where on mail is new.
    assert_counts(&restore(&sandbox, 0, &["--new"]), ["restored"], [0]);
    for count in [3, 5, 5, 9] {
        server.state().mails = Mail::some(count);
        sandbox.popkeep(["fetch", "--quiet"]).run().expect(0).silent();
        assert_eq!(dovecot.folder("jane", "").len(), count);
    }
    assert_same_mail(read(&dovecot.folder("jane", "")), sandbox.maildir("work"));
    assert_counts(&restore(&sandbox, 0, &["--new"]), ["restored", "there"], [0, 9]);
}

#[test]
fn a_copy_that_failed_is_made_by_the_next_run() {
    let server = PopServer::with(Mail::some(2));
    let imap = ImapServer::start(ImapBehaviour::default());
    let sandbox = fetched(&server, &imap.destination("new", "Archive"));
    assert_counts(&restore(&sandbox, 0, &["--new"]), ["restored"], [0]);
    server.state().mails = Mail::some(4);
    sandbox.popkeep(["fetch", "--quiet"]).run().expect(0).silent();
    imap.behave(ImapBehaviour { full: Some((0, "[OVERQUOTA] full")), ..ImapBehaviour::default() });
    assert_counts(&restore(&sandbox, 75, &["--new"]), ["restored"], [0]);
    server.state().mails = Mail::some(5);
    sandbox.popkeep(["fetch", "--quiet"]).run().expect(0).silent();
    imap.behave(ImapBehaviour::default());
    assert_counts(&restore(&sandbox, 0, &["--new"]), ["restored"], [3]);
    assert_eq!(imap.messages("Archive").len(), 3);
}

#[test]
fn nothing_is_deleted_before_it_is_restored() {
    let server = PopServer::with(Mail::some(4));
    let imap = ImapServer::start(ImapBehaviour::default());
    let account = Account::on("work", &server).text("delete", "fetched").text("delete_after_restore", "new");
    let sandbox = Sandbox::new();
    sandbox.config(&format!("{}{}", account.toml(), imap.destination("new", "Archive/2024")));
    for _ in 0..2 {
        let report = sandbox.fetch();
        assert_eq!((&report["archived"], &report["deleted"]), (&4.into(), &0.into()), "{report}");
    }
    let plan = sandbox.popkeep(["fetch", "--dry-run", "--json"]).run().expect(0).json();
    assert_eq!(plan["accounts"][0]["delete"], 0, "{plan}");
    // Half of them go.
    imap.behave(ImapBehaviour {
        full: Some((2, "[OVERQUOTA] full")),
        capabilities: "IMAP4rev1",
        ..ImapBehaviour::default()
    });
    assert_counts(&restore(&sandbox, 75, &[]), ["restored"], [2]);
    assert_eq!(sandbox.fetch()["deleted"], 2);
    imap.behave(ImapBehaviour::default());
    assert_counts(&restore(&sandbox, 0, &[]), ["restored", "there"], [2, 2]);
    let plan = sandbox.popkeep(["fetch", "--dry-run", "--json"]).run().expect(0).json();
    assert_eq!(plan["accounts"][0]["delete"], 2, "{plan}");
    assert_eq!(sandbox.fetch()["deleted"], 2);
    assert_same_mail(held(&imap, "Archive/2024"), sandbox.maildir("work"));
}

#[test]
fn a_copy_with_the_marks_of_a_mail_program_is_restored_once_and_may_be_deleted() {
    let server = PopServer::with(Mail::some(3));
    let imap = ImapServer::start(ImapBehaviour::default());
    let account = Account::on("work", &server).text("delete", "fetched").text("delete_after_restore", "new");
    let sandbox = Sandbox::new();
    sandbox.config(&format!("{}{}", account.toml(), imap.destination("new", "Archive")));
    assert_eq!(sandbox.fetch()["deleted"], 0);
    let marked = &stores::maildir_files(&sandbox.archive("work"))[0];
    fs::write(marked, [b"Status: RO\n", &fs::read(marked).unwrap()[..]].concat()).unwrap();
    assert_counts(&restore(&sandbox, 0, &[]), ["restored"], [3]);
    assert_same_mail(held(&imap, "Archive"), sandbox.maildir("work"));
    assert_settled(&sandbox, 3);
    let report = sandbox.fetch();
    assert_eq!(report["deleted"], 3, "{report}");
    assert_settled(&sandbox, 3);
}

#[test]
fn a_dry_run_makes_nothing_here_or_there() {
    let server = PopServer::with(Mail::some(5));
    let imap = ImapServer::start(ImapBehaviour::default());
    let sandbox = fetched(&server, &imap.destination("new", "Archive"));
    let before = sandbox.snapshot();
    for options in [&["--dry-run"][..], &["--dry-run", "--new"], &["--dry-run", "--skip-present"]] {
        let done = restore(&sandbox, 0, options);
        let new = options.contains(&"--new");
        assert_counts(&done, ["restored"], [if new { 0 } else { 5 }]);
        assert_eq!(done["dry_run"], true);
    }
    assert_eq!(sandbox.snapshot(), before);
    assert!(imap.folders().is_empty());
    assert_eq!((imap.count("CREATE"), imap.count("APPEND")), (0, 0));
    sandbox.popkeep(["restore", "--to", "new", "--dry-run"]).run().expect(0).says(&["5 would be restored"]);
}

#[test]
fn folders_have_any_name() {
    let Some(dovecot) = Dovecot::start_with_imap(&["jane"]) else { return };
    let server = PopServer::with(Mail::some(1));
    for (folder, stored) in [
        ("Alte Post", "Alte Post"),
        ("Gr%C3%BC%C3%9Fe & K\u{fc}sse", "Gr&APwA3w-e &- K&APw-sse"),
        ("\u{65e5}\u{672c}\u{8a9e}/2024", "&ZeVnLIqe-.2024"),
        ("it is \"quoted\"", "it is \"quoted\""),
    ] {
        let sandbox = fetched(&server, &dovecot.destination("new", "jane", folder));
        assert_counts(&restore(&sandbox, 0, &[]), ["restored"], [1]);
        assert_eq!(dovecot.folder("jane", stored).len(), 1, "{folder}");
        assert_settled(&sandbox, 1);
    }
}

#[test]
fn a_slash_is_whatever_the_server_has_between_levels() {
    let server = PopServer::with(Mail::some(2));
    for (delimiter, name) in [('/', "Mail/2024/May"), ('.', "Mail.2024.May")] {
        let imap = ImapServer::start(ImapBehaviour { delimiter, ..ImapBehaviour::default() });
        let sandbox = fetched(&server, &imap.destination("new", "Mail/2024/May"));
        assert_counts(&restore(&sandbox, 0, &[]), ["restored"], [2]);
        assert_eq!(imap.folders(), [name]);
    }
}

#[test]
fn a_refused_message_does_not_keep_the_others() {
    let server = PopServer::with(Mail::some(40));
    let marker = "Subject: message 17\r";
    for capabilities in [ALL, "IMAP4rev1 LITERAL+", "IMAP4rev1"] {
        for words in ["[TOOBIG] too large", "message is malformed"] {
            let refuses = Some((marker, words));
            let imap = ImapServer::start(ImapBehaviour { capabilities, refuses, ..ImapBehaviour::default() });
            let sandbox = fetched(&server, &imap.destination("new", "Archive"));
            let done = restore(&sandbox, 1, &[]);
            assert_counts(&done, ["restored", "failed"], [39, 1]);
            assert!(done["failed"][0]["reason"].as_str().unwrap().contains(words), "{done}");
            assert_eq!(imap.messages("Archive").len(), 39, "{capabilities}");
            assert_counts(&restore(&sandbox, 1, &[]), ["restored", "there", "failed"], [0, 39, 1]);
            imap.behave(ImapBehaviour { capabilities, ..ImapBehaviour::default() });
            assert_counts(&restore(&sandbox, 0, &[]), ["restored", "there"], [1, 39]);
            assert_same_mail(held(&imap, "Archive"), sandbox.maildir("work"));
        }
    }
}

#[test]
fn a_message_that_a_server_dies_of_does_not_keep_the_others() {
    let server = PopServer::with(Mail::some(30));
    let dies_of = Some("Subject: message 7\r");
    let imap = ImapServer::start(ImapBehaviour { dies_of, ..ImapBehaviour::default() });
    // What may still arrive is waited for after each cut, and this server has many.
    let sandbox = fetched(&server, &imap.destination("new", "Archive"));
    let done = restore(&sandbox, 1, &[]);
    assert_counts(&done, ["restored", "failed"], [29, 1]);
    assert_eq!(imap.messages("Archive").len(), 29);
    imap.behave(ImapBehaviour::default());
    assert_counts(&restore(&sandbox, 0, &[]), ["restored", "there"], [1, 29]);
    assert_same_mail(held(&imap, "Archive"), sandbox.maildir("work"));
}

#[test]
fn a_damaged_copy_is_not_sent() {
    let server = PopServer::with(Mail::some(4));
    let imap = ImapServer::start(ImapBehaviour::default());
    let sandbox = fetched(&server, &imap.destination("new", "Archive"));
    let files = stores::maildir_files(&sandbox.archive("work"));
    fs::write(&files[0], "Subject: something else\n\nx\n").unwrap();
    fs::remove_file(&files[1]).unwrap();
    let done = restore(&sandbox, 1, &[]);
    assert_counts(&done, ["restored", "gone", "failed"], [2, 1, 1]);
    assert_same_mail(held(&imap, "Archive"), read(&files[2..]));
}

#[test]
fn a_limit_is_waited_for_and_then_ends_the_run() {
    let server = PopServer::with(Mail::some(6));
    for (full_for, words, exit, restored) in [
        (1, "[LIMIT] too many messages", 0, 6),
        (1, "Too many commands, try again later", 0, 6),
        (usize::MAX, "[THROTTLED] slow down", 75, 0),
        (usize::MAX, "[OVERQUOTA] the mailbox is full", 75, 0),
    ] {
        let full = Some((0, words));
        let imap = ImapServer::start(ImapBehaviour { full, full_for, ..ImapBehaviour::default() });
        let sandbox = fetched(&server, &imap.destination("new", "Archive"));
        assert_counts(&restore(&sandbox, exit, &[]), ["restored", "failed"], [restored, 0]);
        imap.behave(ImapBehaviour::default());
        assert_counts(&restore(&sandbox, 0, &[]), ["restored", "there"], [6 - restored, restored]);
        assert_same_mail(held(&imap, "Archive"), sandbox.maildir("work"));
    }
}

#[test]
fn servers_without_extensions_get_the_same() {
    let server = PopServer::with(Mail::some(150));
    for capabilities in
        ["IMAP4rev1", "IMAP4rev1 LITERAL+", "IMAP4rev1 LITERAL-", "IMAP4rev1 MULTIAPPEND", ALL]
    {
        for unknown_folder in
            ["[NONEXISTENT] none", "[TRYCREATE] none", "Mailbox doesn't exist: Archive (0.001 secs).", "no"]
        {
            let imap =
                ImapServer::start(ImapBehaviour { capabilities, unknown_folder, ..ImapBehaviour::default() });
            let sandbox = fetched(&server, &imap.destination("new", "Archive"));
            assert_counts(&restore(&sandbox, 0, &["--flags", "seen"]), ["restored"], [150]);
            let messages = imap.messages("Archive");
            assert!(messages.iter().all(|message| message.flags == "\\Seen" && message.date.len() == 26));
            assert_same_mail(held(&imap, "Archive"), sandbox.maildir("work"));
            assert_settled(&sandbox, 150);
            if capabilities == ALL {
                assert_eq!(imap.count("APPEND"), 2, "by the hundred");
            }
        }
    }
}

#[test]
fn a_folder_that_was_made_anew_is_filled_again() {
    let Some(dovecot) = Dovecot::start_with_imap(&["jane"]) else { return };
    let server = PopServer::with(Mail::some(3));
    let sandbox = fetched(&server, &dovecot.destination("new", "jane", "Archive"));
    assert_counts(&restore(&sandbox, 0, &[]), ["restored"], [3]);
    let files = dovecot.folder("jane", "Archive");
    fs::remove_file(&files[0]).unwrap();
    assert_settled(&sandbox, 3);
    let folder = files[0].parent().unwrap().parent().unwrap();
    // Dovecot takes the time in seconds for the UIDVALIDITY of a new folder.
    std::thread::sleep(std::time::Duration::from_millis(1100));
    fs::remove_dir_all(folder).unwrap();
    assert_counts(&restore(&sandbox, 0, &[]), ["restored"], [3]);
    assert_eq!(dovecot.folder("jane", "Archive").len(), 3);
}

#[test]
fn a_folder_replaced_under_our_hands_ends_the_run() {
    let server = PopServer::with(Mail::some(150));
    let imap = ImapServer::start(ImapBehaviour {
        cut: Some((2, Cut::Halfway)),
        replaces_folders: true,
        ..ImapBehaviour::default()
    });
    let sandbox = fetched(&server, &imap.destination("new", "Archive"));
    assert_counts(&restore(&sandbox, 75, &[]), ["restored"], [100]);
}

#[test]
fn a_query_and_an_account_select_what_is_restored() {
    let server = PopServer::with(Mail::some(3));
    let from = |name: &str, n: usize| {
        Mail::new(&format!("{name}{n}"), format!("From: {name}@example\nSubject: {n}\n\nhello\n"))
    };
    let other = PopServer::with(vec![from("jane", 1), from("joe", 2), from("jane", 3)]);
    let imap = ImapServer::start(ImapBehaviour::default());
    let sandbox = Sandbox::new();
    let accounts = [Account::on("work", &server), Account::on("other", &other)];
    let accounts: String = accounts.iter().map(Account::toml).collect();
    sandbox.config(&format!("{accounts}{}", imap.destination("new", "Archive")));
    sandbox.popkeep(["fetch", "--quiet"]).run().expect(0).silent();
    assert_counts(&restore(&sandbox, 0, &["from:jane"]), ["restored"], [2]);
    assert_counts(&restore(&sandbox, 0, &["-a", "other"]), ["restored", "there"], [1, 2]);
    assert_counts(&restore(&sandbox, 0, &[]), ["restored", "there"], [3, 3]);
    restore_refused(&sandbox, &["from:"]);
    restore_refused(&sandbox, &["-a", "nobody"]);
}

#[track_caller]
fn restore_refused(sandbox: &Sandbox, options: &[&str]) {
    sandbox.popkeep([&["restore", "--to", "new"], options].concat()).run().expect(64);
}

#[test]
fn what_makes_no_sense_is_refused() {
    let server = PopServer::with(Mail::some(1));
    let imap = ImapServer::start(ImapBehaviour::default());
    let sandbox = fetched(&server, &imap.destination("new", "Archive"));
    for (to, exit) in [
        ("nwe", 64),
        ("imaps://jane:secret@localhost/Archive", 64),
        ("imaps://localhost/Archive", 64),
        ("imaps://jane@localhost", 64),
        ("https://jane@localhost/x", 64),
        // No password, and nobody to ask.
        ("imaps://jane@localhost:1/Archive", 78),
    ] {
        let outcome = sandbox.popkeep(["restore", "--to", to]).run().expect(exit);
        assert!(!outcome.stderr.contains("secret") || to.contains("secret"), "{}", outcome.stderr);
    }
    sandbox.popkeep(["restore"]).run().expect(64);
    // The login of the destination is used for another folder of the same user at the same server.
    let url = imap.destination("new", "Other/Place");
    let url = url.lines().find_map(|line| line.strip_prefix("url = ")).unwrap().trim_matches('"').to_owned();
    sandbox.popkeep(["restore", "--to", &url]).run().expect(0);
    assert_eq!(imap.messages("Other/Place").len(), 1);
    // A wrong password.
    let text = fs::read_to_string(sandbox.config_file()).unwrap();
    let at = text.rfind(PASSWORD).unwrap();
    sandbox.config(&format!("{}wrong{}", &text[..at], &text[at + PASSWORD.len()..]));
    sandbox.popkeep(["restore", "--to", "new"]).run().expect(77);
    // An unknown key, and a destination that is not there.
    sandbox.config(&format!("{text}archive = \"x\"\n"));
    sandbox.popkeep(["restore", "--to", "new"]).run().expect(78).says(&["archive"]);
    sandbox.config(&text.replace("[destinations", "delete_after_restore = \"away\"\n[destinations"));
    sandbox.popkeep(["restore", "--to", "new"]).run().expect(78);
}

#[test]
fn a_refused_login_is_left_alone_for_a_while() {
    let Some(library) = clock::library() else { return };
    let server = PopServer::with(Mail::some(2));
    let imap = ImapServer::start(ImapBehaviour::default());
    let sandbox = fetched(&server, &imap.destination("new", "Archive"));
    let good = fs::read_to_string(sandbox.config_file()).unwrap();
    let at = good.rfind(PASSWORD).unwrap();
    sandbox.config(&format!("{}wrong{}", &good[..at], &good[at + PASSWORD.len()..]));
    for _ in 0..3 {
        restore(&sandbox, 77, &[]);
    }
    assert_eq!(imap.count("LOGIN"), 1, "the second and third run did not knock");
    sandbox.popkeep(["restore", "--to", "new"]).ahead(&library, 3700).run().expect(77);
    assert_eq!(imap.count("LOGIN"), 2, "an hour later it is tried again");
    // A changed configuration is tried at once.
    sandbox.config(&good);
    assert_counts(&restore(&sandbox, 0, &[]), ["restored"], [2]);
}

#[test]
fn a_date_that_cannot_be_is_none() {
    let dates = ["Fri, 01 Jan 2100 00:00:00 +0000", "Mon, 01 Jan 1900 00:00:00 +0000", "nonsense"];
    let mails = dates
        .iter()
        .enumerate()
        .map(|(n, date)| Mail::new(&n.to_string(), format!("Date: {date}\nMessage-ID: <{n}@x>\n\nx\n")));
    let server = PopServer::with(mails.collect());
    let imap = ImapServer::start(ImapBehaviour::default());
    let sandbox = fetched(&server, &imap.destination("new", "Archive"));
    assert_counts(&restore(&sandbox, 0, &[]), ["restored"], [3]);
    assert!(shift_to(0) < 0, "the clock is right");
    for message in imap.messages("Archive") {
        let year: u32 = message.date[7..11].parse().unwrap();
        assert!((2026..2100).contains(&year), "{}", message.date);
    }
}

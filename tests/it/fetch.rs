//! `popkeep fetch` as users and scripts meet it.

use std::os::unix::fs::MetadataExt as _;

use crate::support::mail::{assert_same_mail, stored_forms};
use crate::support::maildrop::{Capa, PASSWORD, UNSTEADY};
use crate::support::{Account, Behaviour, Mail, PopServer, Sandbox, set_mode, stores};

#[test]
fn the_json_document_has_the_documented_shape() {
    let refuse_retr = [b"uid-00002".to_vec()].into();
    let server = PopServer::behaving(Mail::some(3), Behaviour { refuse_retr, ..Behaviour::default() });
    let broken = Account::on("broken", &server).text("password", "not the one");
    let sandbox = Sandbox::with([Account::on("work", &server), broken.text("user", "jane")]);
    let report = sandbox.popkeep(["fetch", "--json"]).run().expect(1).json();
    assert_eq!(report["exit"], 1);
    let accounts = report["accounts"].as_array().unwrap();
    assert_eq!(accounts.len(), 2);
    let keys = [
        "name", "outcome", "error", "listed", "archived", "fetched", "octets", "deleted", "missing",
        "seconds",
    ];
    for account in accounts {
        let found: Vec<_> = account.as_object().unwrap().keys().map(String::as_str).collect();
        assert!(keys.iter().all(|key| found.contains(key)), "{found:?}");
        let missing = account["missing"].as_array().unwrap().len() as u64;
        assert_eq!(account["listed"].as_u64().unwrap(), account["archived"].as_u64().unwrap() + missing);
    }
    let named = |name: &str| accounts.iter().find(|account| account["name"] == name).unwrap();
    let (work, broken) = (named("work"), named("broken"));
    assert_eq!(
        (&work["outcome"], &work["listed"], &work["fetched"]),
        (&"partial".into(), &3.into(), &2.into())
    );
    let octets: usize = [1, 3].map(|number| Mail::numbered(number).stored().len()).iter().sum();
    assert_eq!(work["octets"], octets);
    assert_eq!((&work["missing"][0]["number"], &work["missing"][0]["uid"]), (&2.into(), &"uid-00002".into()));
    assert!(
        work["missing"][0]["reason"].as_str().unwrap().contains("cannot be read"),
        "{}",
        work["missing"][0]
    );
    assert_eq!((&broken["outcome"], &broken["listed"]), (&"failed".into(), &0.into()));
    assert!(broken["error"].as_str().unwrap().contains("password"), "{}", broken["error"]);
}

#[test]
fn a_second_run_fetches_nothing() {
    for format in ["maildir", "mbox"] {
        let server = PopServer::with(Mail::some(20));
        let sandbox = Sandbox::with([Account::on("work", &server).text("format", format)]);
        let first = sandbox.fetch();
        assert_eq!((&first["fetched"], &first["archived"]), (&20.into(), &20.into()));
        server.take_sessions();
        let second = sandbox.popkeep(["fetch", "--json"]).run().expect(0).json();
        assert_eq!(
            (&second["accounts"][0]["fetched"], &second["accounts"][0]["archived"]),
            (&0.into(), &20.into())
        );
        assert_eq!(server.count("RETR"), 0);
        assert_eq!(server.uids().len(), 20);
    }
}

#[test]
fn more_messages_than_one_batch_holds_are_all_stored() {
    for format in ["maildir", "mbox"] {
        let mails = Mail::some(2_500);
        let server = PopServer::with(mails.clone());
        let sandbox = Sandbox::with([Account::on("work", &server).text("format", format)]);
        sandbox.popkeep(["fetch", "--quiet"]).run().expect(0).silent();
        let archive = sandbox.archive("work");
        let found = if format == "mbox" { stores::mbox(&archive) } else { stores::maildir(&archive) };
        assert_same_mail(found, stored_forms(&mails));
        assert_eq!(server.count("RETR"), mails.len());
    }
}

#[test]
fn a_message_that_takes_longer_than_a_batch_may_wait_is_stored_whole() {
    // The first message waits to be committed while the second comes in slowly.
    let slow = Behaviour { pause_in_retr: Some(std::time::Duration::from_secs(4)), ..Behaviour::default() };
    for format in ["maildir", "mbox"] {
        let mails = vec![
            Mail::numbered(1),
            Mail::new("slow", "Subject: slow\n\n".to_owned() + &"line\n".repeat(60_000)),
        ];
        let server = PopServer::behaving(mails.clone(), slow.clone());
        let sandbox = Sandbox::with([Account::on("work", &server).text("format", format)]);
        sandbox.popkeep(["fetch", "--quiet"]).run().expect(0).silent();
        let archive = sandbox.archive("work");
        let found = if format == "mbox" { stores::mbox(&archive) } else { stores::maildir(&archive) };
        assert_same_mail(found, stored_forms(&mails));
    }
}

#[test]
fn success_is_silent_with_quiet() {
    let server = PopServer::with(Mail::some(2));
    let sandbox = Sandbox::for_server(&server);
    for _ in 0..2 {
        sandbox.popkeep(["fetch", "--quiet"]).run().expect(0).silent();
    }
}

#[test]
fn an_empty_maildrop_is_a_success() {
    let server = PopServer::with(vec![]);
    let report = Sandbox::for_server(&server).fetch();
    assert_eq!((&report["listed"], &report["outcome"]), (&0.into(), &"ok".into()));
}

#[test]
fn only_the_named_accounts_are_fetched() {
    let (first, second) = (PopServer::with(Mail::some(1)), PopServer::with(Mail::some(1)));
    let sandbox =
        Sandbox::with([Account::on("first", &first), Account::on("second", &second).text("user", "jane")]);
    sandbox.popkeep(["fetch", "second"]).run().expect(0);
    assert_eq!((first.take_sessions().len(), second.take_sessions().len()), (0, 1));
    assert_eq!(sandbox.maildir("second").len(), 1);
    sandbox.popkeep(["fetch", "--jobs", "2"]).run().expect(0);
    assert_eq!(sandbox.maildir("first").len(), 1);
}

#[test]
fn what_a_limit_leaves_is_listed_and_is_no_failure() {
    let server = PopServer::with(Mail::some(5));
    let sandbox = Sandbox::for_server(&server);
    let account = sandbox.fetch_with(0, &["--limit", "2"]);
    assert_eq!(
        (&account["listed"], &account["archived"], &account["fetched"]),
        (&5.into(), &2.into(), &2.into())
    );
    assert_eq!((&account["left"], account["missing"].as_array().unwrap().len()), (&3.into(), 0));
    sandbox.popkeep(["fetch"]).run().expect(0);
    assert_same_mail(sandbox.maildir("work"), stored_forms(&Mail::some(5)));
}

#[test]
fn a_message_larger_than_max_size_is_left_and_listed() {
    let large = Mail::new("large", format!("Subject: large\n\n{}", "a line of text\n".repeat(10_000)));
    // The second one hides its size: the octets that come count.
    let lying = large.with_uid("lying").listed_as("77");
    let server = PopServer::with(vec![Mail::numbered(1), large, lying, Mail::numbered(2)]);
    let sandbox =
        Sandbox::with([Account::on("work", &server).text("max_size", "50 KiB").text("delete", "fetched")]);
    let account = sandbox.fetch();
    assert_eq!((&account["left"], account["missing"].as_array().unwrap().len()), (&2.into(), 0));
    assert_same_mail(sandbox.maildir("work"), stored_forms(&Mail::some(2)));
    assert_eq!(server.uids(), ["large", "lying"]);
}

#[test]
fn one_refused_message_stays_one() {
    let refuse_retr = [b"uid-00002".to_vec()].into();
    let server = PopServer::behaving(Mail::some(4), Behaviour { refuse_retr, ..Behaviour::default() });
    let sandbox = Sandbox::with([Account::on("work", &server).text("delete", "fetched")]);
    sandbox.popkeep(["fetch", "--quiet"]).run().expect(1).one_line(&["work", "uid-00002", "cannot be read"]);
    assert_eq!(server.uids(), ["uid-00002"]);
    server.behave(Behaviour::default());
    sandbox.popkeep(["fetch", "--quiet"]).run().expect(0).silent();
    assert_same_mail(sandbox.maildir("work"), stored_forms(&Mail::some(4)));
}

#[test]
fn a_retr_that_brings_nothing_is_missing_and_never_stored_as_mail() {
    let empty_retr = [b"uid-00001".to_vec()].into();
    let server = PopServer::behaving(Mail::some(2), Behaviour { empty_retr, ..Behaviour::default() });
    let sandbox = Sandbox::with([Account::on("work", &server).text("delete", "fetched")]);
    sandbox.popkeep(["fetch", "--quiet"]).run().expect(1).one_line(&["work", "uid-00001"]);
    assert_same_mail(sandbox.maildir("work"), stored_forms([&Mail::numbered(2)]));
    assert_eq!(server.uids(), ["uid-00001"]);
}

#[test]
fn less_than_half_of_a_plausible_size_twice_the_same_is_archived_and_never_deleted() {
    for capa in [Capa::default(), Capa::without_pipelining()] {
        let half = Mail::numbered(1).listed_as("7000");
        let behaviour = Behaviour { capa, ..Behaviour::default() };
        let server = PopServer::behaving(vec![half, Mail::numbered(2)], behaviour);
        let sandbox = Sandbox::with([Account::on("work", &server).text("delete", "fetched")]);
        for asked in [3, 3, 3] {
            sandbox.popkeep(["fetch", "--quiet"]).run().expect(0).silent();
            assert_same_mail(sandbox.maildir("work"), stored_forms(&Mail::some(2)));
            assert_eq!(server.uids(), ["uid-00001"]);
            assert_eq!(server.count("RETR"), asked);
        }
    }
}

#[test]
fn less_than_half_twice_and_never_the_same_is_missing() {
    let half = Mail::new("half", format!("Subject: half\n\n{UNSTEADY}\n")).listed_as("999");
    let unsteady = [half.uid.clone()].into();
    let server = PopServer::behaving(vec![half], Behaviour { unsteady, ..Behaviour::default() });
    let sandbox = Sandbox::with([Account::on("work", &server).text("delete", "fetched")]);
    let report = sandbox.fetch_with(1, &[]);
    assert_eq!(report["missing"].as_array().unwrap().len(), 1);
    assert!(sandbox.maildir("work").is_empty());
    assert_eq!(server.uids(), ["half"]);
}

#[test]
fn a_wrong_list_size_is_never_evidence() {
    for size in ["-1", "0", "99999999999999999999", "77", "x", ""] {
        let mails: Vec<_> = Mail::some(3).iter().map(|mail| mail.listed_as(size)).collect();
        let server = PopServer::with(mails);
        let sandbox = Sandbox::for_server(&server);
        sandbox.popkeep(["fetch", "--quiet"]).run().expect(0).silent();
        assert_same_mail(sandbox.maildir("work"), stored_forms(&Mail::some(3)));
        let again = sandbox.fetch();
        assert_eq!(again["fetched"], 0, "sizes were all {size:?}");
    }
}

#[test]
fn the_protocol_is_shown_without_the_password() {
    let server = PopServer::with(Mail::some(1));
    let sandbox = Sandbox::for_server(&server);
    let outcome = sandbox.popkeep(["fetch", "-vv"]).run().expect(0).says(&["UIDL", "RETR 1", "QUIT", "****"]);
    let said = outcome.stdout + &outcome.stderr;
    let token =
        base64::Engine::encode(&base64::engine::general_purpose::STANDARD, format!("\0joe\0{PASSWORD}"));
    assert!(!said.contains(PASSWORD) && !said.contains(&token), "{said}");
    for (path, content) in sandbox.snapshot() {
        let configuration = path == sandbox.config_file();
        assert!(configuration || !content.contains(PASSWORD), "the password stands in {}", path.display());
    }
}

#[test]
fn what_popkeep_makes_is_private() {
    for format in ["maildir", "mbox"] {
        let server = PopServer::with(Mail::some(1));
        let sandbox = Sandbox::with([Account::on("work", &server).text("format", format)]);
        sandbox.popkeep(["fetch"]).run().expect(0);
        let mode = |path: &std::path::Path| std::fs::metadata(path).unwrap().mode() & 0o777;
        let mut paths = vec![sandbox.archive("work"), sandbox.path(".local/state/popkeep")];
        while let Some(path) = paths.pop() {
            let expected = if path.is_dir() { 0o700 } else { 0o600 };
            assert_eq!(mode(&path), expected, "{}", path.display());
            if path.is_dir() {
                paths.extend(stores::files(&path));
            }
        }
    }
}

#[test]
fn an_mbox_that_was_there_is_appended_to() {
    let server = PopServer::with(Mail::some(2));
    let sandbox = Sandbox::with([Account::on("work", &server).text("format", "mbox")]);
    // Its last message lacks the empty line that must stand before the next one.
    sandbox.write("Mail/work", "From old@example Thu Aug 19 20:15:20 1999\nSubject: old\n\nold\n");
    sandbox.popkeep(["fetch", "--quiet"]).run().expect(0);
    let expected = [vec![b"Subject: old\n\nold\n".to_vec()], stored_forms(&Mail::some(2))].concat();
    assert_same_mail(stores::mbox(&sandbox.archive("work")), expected);
    assert!(stores::files(&sandbox.path("Mail")).len() == 1, "a lock is left behind");
}

#[test]
fn two_accounts_in_one_archive_keep_all_mail() {
    for format in ["maildir", "mbox"] {
        let (first, second) =
            (PopServer::with(Mail::some(10)), PopServer::with(Mail::some(12)[10..].to_vec()));
        let sandbox = Sandbox::new();
        let archive = sandbox.path("Mail/all");
        let into =
            |account: Account| account.text("archive", archive.to_str().unwrap()).text("format", format);
        sandbox.configure([
            into(Account::on("first", &first).text("identity", "first@test")),
            into(Account::on("second", &second).text("identity", "second@test")),
        ]);
        sandbox.popkeep(["fetch", "--quiet"]).run().expect(0).silent();
        let found = if format == "mbox" { stores::mbox(&archive) } else { stores::maildir(&archive) };
        assert_same_mail(found, stored_forms(&Mail::some(12)));
    }
}

#[test]
fn one_maildrop_kept_in_two_archives_is_fetched_into_both() {
    let server = PopServer::with(Mail::some(3));
    let second = Account::on("second", &server).text("format", "mbox");
    let sandbox = Sandbox::with([Account::on("first", &server), second]);
    for _ in 0..2 {
        sandbox.popkeep(["fetch", "--quiet"]).run().expect(0).silent();
        assert_same_mail(sandbox.maildir("first"), stored_forms(&Mail::some(3)));
        assert_same_mail(stores::mbox(&sandbox.archive("second")), stored_forms(&Mail::some(3)));
    }
}

#[test]
fn a_password_comes_from_a_command_a_file_or_the_environment() {
    let server = PopServer::with(Mail::some(1));
    let sandbox = Sandbox::new();
    let account = Account::on("work", &server).without("password");
    let file = sandbox.write("secret", format!("{PASSWORD}\n"));
    set_mode(&file, 0o600);
    let shown = file.to_str().unwrap();
    sandbox.configure([account.clone().text("password_command", format!("cat '{shown}'"))]);
    sandbox.popkeep(["fetch", "--quiet"]).run().expect(0).silent();
    sandbox.configure([account.clone().text("password_file", shown)]);
    sandbox.popkeep(["fetch", "--quiet"]).run().expect(0).silent();
    sandbox.configure([account.text("password_env", "MAIL_PASSWORD")]);
    sandbox.popkeep(["fetch", "--quiet"]).env("MAIL_PASSWORD", PASSWORD).run().expect(0).silent();
    assert_eq!(sandbox.maildir("work").len(), 1);
}

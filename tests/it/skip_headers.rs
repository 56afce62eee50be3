//! `skip_headers`: messages with certain fields in their headers stay on the server. The rules are those of
//! `src/fetch/skipping.rs` and `src/mail/skip_headers.rs`.
//!
//! | the rule | its tests |
//! | --- | --- |
//! | left, counted as left with its reason; never fetched, deleted or missing | [`a_message_with_such_a_field_is_left_and_counted`], [`what_is_left_is_not_deleted`] |
//! | folding, case, white space, several fields of one name, a beginning, any value | [`a_message_with_such_a_field_is_left_and_counted`], [`popkeep::mail::skip_headers::a_field_has_the_value_whatever_its_case_and_folding`], [`popkeep::mail::skip_headers::a_star_is_for_what_may_follow_and_nothing_for_any_value`] |
//! | only a field that is whole within the bound of a header | [`a_field_beyond_the_bound_of_a_header_does_not_count`], [`popkeep::mail::skip_headers::of_a_header_that_is_cut_off_the_last_field_does_not_count`] |
//! | asked for once | [`what_was_looked_at_is_not_asked_for_again`] |
//! | again when the setting changes, or the size, or a UID comes back | [`another_setting_is_another_look`], [`a_uid_that_comes_back_or_has_another_size_is_looked_at_again`] |
//! | forgotten when a complete listing does not show it | [`a_uid_that_comes_back_or_has_another_size_is_looked_at_again`] |
//! | without a UID of its own: in each run | [`without_uids_of_their_own_messages_are_looked_at_in_each_run`] |
//! | what was archived before stays archived | [`what_was_archived_before_is_not_affected`], [`without_uids_of_their_own_messages_are_looked_at_in_each_run`] |
//! | only TOP rides behind TOP | [`a_thousand_messages_are_looked_at_ahead_of_the_answers`] |
//! | where TOP does not work, mail is fetched, and a note says so once | [`a_server_without_top_brings_all_mail`], [`a_server_that_is_silent_at_top_brings_all_mail`] |
//! | a TOP that fails for one message: it is fetched | [`a_message_whose_top_is_refused_is_fetched`] |
//! | a connection that breaks meanwhile makes the next look shorter | [`a_connection_that_breaks_during_the_look_keeps_no_mail_from_coming`] |
//! | numbers that move meanwhile make nothing left | [`numbers_that_move_during_the_look_make_no_message_left`] |
//! | what is left uses up no `--limit`, and what is too large is not looked at | [`what_is_left_uses_up_no_limit`], [`what_is_too_large_is_not_looked_at`] |
//! | at a server that shows parts, what is left does not fill the part | [`at_a_server_that_shows_parts_what_is_left_keeps_no_mail_from_being_shown`] |
//! | not new, and no sign of a migration | [`what_is_left_is_no_sign_of_a_migration`] |
//! | `list`, `check`, `session` and `--dry-run` say what the ledger knows | [`the_other_commands_say_what_the_ledger_knows`] |
//! | a crash loses nothing for it | [`popkeep::fetch::model::skipping::what_is_left_and_what_is_not_is_the_same_after_a_blow_at_every_step`] |
//! | the setting is checked | [`a_setting_that_is_none_is_named_with_its_line`] |

use serde_json::Value;

use crate::support::mail::{assert_same_mail, stored_forms};
use crate::support::maildrop::{Capa, Nth};
use crate::support::{Account, Behaviour, Mail, PopServer, Sandbox};

/// A message that the provider has marked.
fn marked(number: usize) -> Mail {
    with_field(number, "X-Spam-Flag: YES")
}

/// A message with this field in its header.
fn with_field(number: usize, field: &str) -> Mail {
    let mail = Mail::numbered(number);
    let text = String::from_utf8(mail.stored()).unwrap();
    Mail::new(&format!("uid-{number:05}"), text.replacen("Subject:", &format!("{field}\nSubject:"), 1))
}

fn account(server: &PopServer) -> Account {
    Account::on("work", server).key("skip_headers", "[\"X-Spam-Flag: YES\"]")
}

fn sandbox(server: &PopServer) -> Sandbox {
    Sandbox::with([account(server)])
}

/// How many messages were left for a field.
fn left_for_fields(report: &Value) -> u64 {
    let reasons = report["left_because"].as_array().unwrap();
    let all: u64 = reasons.iter().map(|one| one["messages"].as_u64().unwrap()).sum();
    assert_eq!(report["left"], all, "{report}");
    let of_fields = reasons.iter().filter(|one| one["reason"].as_str().unwrap().ends_with("(skip_headers)"));
    of_fields.map(|one| one["messages"].as_u64().unwrap()).sum()
}

/// How many the ledger remembers to have left.
fn remembered(sandbox: &Sandbox) -> u32 {
    let ledger = rusqlite::Connection::open(sandbox.ledger()).unwrap();
    ledger.query_row("SELECT count(*) FROM skipped", [], |row| row.get(0)).unwrap()
}

/// Even numbers are marked.
fn half_marked(count: usize) -> Vec<Mail> {
    (1..=count).map(|number| if number % 2 == 0 { marked(number) } else { Mail::numbered(number) }).collect()
}

fn unmarked(mails: &[Mail]) -> Vec<Vec<u8>> {
    let is_marked = |mail: &&Mail| !String::from_utf8_lossy(&mail.wire).contains("X-Spam-Flag: YES\r\n");
    stored_forms(mails.iter().filter(is_marked))
}

#[test]
fn a_message_with_such_a_field_is_left_and_counted() {
    let mails = vec![
        Mail::numbered(1),
        marked(2),
        with_field(3, "X-SPAM-flag:\n\t yes"),
        with_field(4, "X-Spam-Flag: NO\nX-Spam-Flag: YES"),
        with_field(5, "X-Spam-Flag: NO"),
        with_field(6, "X-Spam-Status: Yes, score=9.1\n required=5"),
        with_field(7, "X-Spam-Status: No, score=0.1"),
        with_field(8, "List-Unsubscribe: <mailto:no>"),
        Mail::new("uid-00009", "Subject: no header\n\nX-Spam-Flag: YES\n"),
    ];
    let server = PopServer::with(mails.clone());
    let skip = "[\"X-Spam-Flag: YES\", \"X-Spam-Status: Yes*\", \"list-unsubscribe:\"]";
    let sandbox = Sandbox::with([Account::on("work", &server).key("skip_headers", skip)]);
    let report = sandbox.fetch();
    assert_eq!((&report["listed"], &report["archived"]), (&9.into(), &4.into()));
    assert_eq!((left_for_fields(&report), &report["missing"]), (5, &Value::Array(vec![])));
    let reasons: Vec<_> = report["left_because"].as_array().unwrap().iter().collect();
    assert_eq!(reasons.len(), 3, "{report}");
    assert_eq!(reasons[0]["reason"], "its header has \"X-Spam-Flag: YES\" (skip_headers)");
    let wanted = [0, 4, 6, 8].map(|place| mails[place].clone());
    assert_same_mail(sandbox.maildir("work"), stored_forms(&wanted));
    let sessions = server.take_sessions();
    assert_eq!(sessions.iter().map(|session| session.count("RETR")).sum::<usize>(), 4);
}

#[test]
fn what_is_left_is_not_deleted() {
    let server = PopServer::with(half_marked(6));
    let sandbox = Sandbox::with([account(&server).text("delete", "fetched")]);
    for _ in 0..2 {
        assert_eq!(left_for_fields(&sandbox.fetch()), 3);
        assert_eq!(server.uids(), ["uid-00002", "uid-00004", "uid-00006"]);
    }
    assert_same_mail(sandbox.maildir("work"), unmarked(&half_marked(6)));
    assert_eq!(server.count("DELE"), 3);
}

/// Promise: a server whose QUIT deletes what RETR showed deletes nothing that was only looked at.
#[test]
fn where_quit_deletes_what_was_retrieved_what_is_left_stays() {
    let capa = Capa::Offers(vec!["TOP", "UIDL", "USER", "PIPELINING", "EXPIRE 0"]);
    let behaviour = Behaviour { capa, purges_what_was_retrieved: true, ..Behaviour::default() };
    let server = PopServer::behaving(half_marked(6), behaviour);
    let sandbox = Sandbox::with([account(&server).text("delete", "fetched")]);
    assert_eq!(left_for_fields(&sandbox.fetch()), 3);
    assert_eq!(server.uids(), ["uid-00002", "uid-00004", "uid-00006"]);
    assert_same_mail(sandbox.maildir("work"), unmarked(&half_marked(6)));
}

#[test]
fn a_field_beyond_the_bound_of_a_header_does_not_count() {
    let long = "X-Long: 0123456789\n".repeat(70_000 / 19);
    let behind = with_field(1, &format!("{long}X-Spam-Flag: YES"));
    let before = with_field(2, &format!("X-Spam-Flag: YES\n{long}X-End: 1"));
    let server = PopServer::with(vec![behind.clone(), before]);
    let sandbox = sandbox(&server);
    assert_eq!(left_for_fields(&sandbox.fetch()), 1);
    assert_same_mail(sandbox.maildir("work"), stored_forms(&[behind]));
}

#[test]
fn what_was_looked_at_is_not_asked_for_again() {
    let server = PopServer::with(half_marked(10));
    let sandbox = sandbox(&server);
    sandbox.fetch();
    assert_eq!(server.count("TOP"), 10);
    server.take_sessions();
    assert_eq!(left_for_fields(&sandbox.fetch()), 5);
    assert_eq!((server.count("TOP"), server.count("RETR")), (0, 0));
    server.state().mails.push(marked(12));
    assert_eq!(left_for_fields(&sandbox.fetch()), 6);
    assert_eq!((server.count("TOP"), server.count("RETR")), (1, 0));
}

#[test]
fn another_setting_is_another_look() {
    let server = PopServer::with(half_marked(4));
    let sandbox = sandbox(&server);
    assert_eq!(left_for_fields(&sandbox.fetch()), 2);
    server.take_sessions();
    let with = |skip: &str| sandbox.configure([account(&server).key("skip_headers", skip)]);
    with("[\"X-Spam-Flag: YES\", \"X-Other:\"]");
    assert_eq!(left_for_fields(&sandbox.fetch()), 2);
    assert_eq!(server.count("TOP"), 2);
    // The same, said in another way.
    server.take_sessions();
    with("[\"x-spam-flag:  yes\", \"X-OTHER:\"]");
    assert_eq!(left_for_fields(&sandbox.fetch()), 2);
    assert_eq!(server.count("TOP"), 0);
    with("[]");
    assert_eq!(sandbox.fetch()["fetched"], 2);
    assert_same_mail(sandbox.maildir("work"), stored_forms(&half_marked(4)));
    assert_eq!(remembered(&sandbox), 0);
}

#[test]
fn a_uid_that_comes_back_or_has_another_size_is_looked_at_again() {
    let server = PopServer::with(half_marked(4));
    let sandbox = sandbox(&server);
    sandbox.fetch();
    assert_eq!(remembered(&sandbox), 2);
    // Under the UID of one that was left there is another message now.
    let other = Mail::new("uid-00002", "Subject: wanted\n\nX\n");
    server.state().mails[1] = other.clone();
    assert_eq!((left_for_fields(&sandbox.fetch()), remembered(&sandbox)), (1, 1));
    // The other one goes away, and its UID comes back for a message of the same size.
    let gone = server.state().mails.pop().unwrap();
    sandbox.fetch();
    assert_eq!(remembered(&sandbox), 0);
    let text = String::from_utf8(gone.stored()).unwrap().replace("X-Spam-Flag: YES", "X-Spam-Flag: NAY");
    let back = Mail::new("uid-00004", text);
    server.state().mails.push(back.clone());
    assert_eq!(left_for_fields(&sandbox.fetch()), 0);
    let wanted = [Mail::numbered(1), other, Mail::numbered(3), back];
    assert_same_mail(sandbox.maildir("work"), stored_forms(&wanted));
}

#[test]
fn without_uids_of_their_own_messages_are_looked_at_in_each_run() {
    let equal: Vec<Mail> = half_marked(6).iter().map(|mail| mail.with_uid("same")).collect();
    for (mails, no_uidl) in [(half_marked(6), true), (equal, false)] {
        let server = PopServer::behaving(mails.clone(), Behaviour { no_uidl, ..Behaviour::default() });
        let sandbox = sandbox(&server);
        for _ in 0..2 {
            server.take_sessions();
            assert_eq!(left_for_fields(&sandbox.fetch()), 3);
            assert!(server.count("TOP") >= 6);
            assert_same_mail(sandbox.maildir("work"), unmarked(&mails));
            assert_eq!(remembered(&sandbox), 0);
        }
        // What was archived before the setting stays archived.
        sandbox.configure([Account::on("work", &server)]);
        assert_eq!(sandbox.fetch()["archived"], 6);
        sandbox.configure([account(&server)]);
        let report = sandbox.fetch();
        assert_eq!((&report["archived"], &report["left"]), (&6.into(), &0.into()));
        assert_same_mail(sandbox.maildir("work"), stored_forms(&mails));
    }
}

#[test]
fn what_was_archived_before_is_not_affected() {
    let server = PopServer::with(half_marked(4));
    let sandbox = Sandbox::with([Account::on("work", &server)]);
    sandbox.fetch();
    sandbox.configure([account(&server)]);
    server.take_sessions();
    let report = sandbox.fetch();
    assert_eq!((&report["archived"], &report["left"]), (&4.into(), &0.into()));
    assert_eq!(server.count("TOP"), 0);
    // Nor is it under another UID.
    server.state().mails[1].uid = b"another".to_vec();
    let report = sandbox.fetch();
    assert_eq!((&report["archived"], &report["left"]), (&4.into(), &0.into()));
    // But a lost ledger is no reason to fetch what the archive has, either.
    sandbox.lose_ledger();
    let report = sandbox.fetch();
    assert_eq!((&report["archived"], &report["left"]), (&4.into(), &0.into()));
    assert_same_mail(sandbox.maildir("work"), stored_forms(&half_marked(4)));
}

#[test]
fn a_thousand_messages_are_looked_at_ahead_of_the_answers() {
    for capa in [Capa::default(), Capa::without_pipelining()] {
        let server = PopServer::behaving(half_marked(1_000), Behaviour { capa, ..Behaviour::default() });
        let sandbox = sandbox(&server);
        let report = sandbox.fetch();
        assert_eq!((left_for_fields(&report), &report["archived"]), (500, &500.into()));
        let sessions = server.take_sessions();
        assert_eq!(sessions.len(), 1);
        let verbs: Vec<&str> =
            sessions[0].commands.iter().map(|line| line.split(' ').next().unwrap()).collect();
        let last_top = verbs.iter().rposition(|verb| *verb == "TOP").unwrap();
        let first_retr = verbs.iter().position(|verb| *verb == "RETR").unwrap();
        assert_eq!(verbs[last_top + 1], "STAT", "numbers still mean what they meant");
        assert!(last_top < first_retr);
        assert_same_mail(sandbox.maildir("work"), unmarked(&half_marked(1_000)));
    }
}

#[test]
fn a_server_without_top_brings_all_mail() {
    let behaviour = Behaviour { no_top: true, ..Behaviour::default() };
    let server = PopServer::behaving(half_marked(10), behaviour);
    let sandbox = sandbox(&server);
    let outcome = sandbox.popkeep(["fetch", "-v"]).run().expect(0);
    assert_eq!(outcome.stderr.matches("skip_headers cannot work with this server").count(), 1);
    assert_eq!(server.count("TOP"), 3);
    assert_same_mail(sandbox.maildir("work"), stored_forms(&half_marked(10)));
    sandbox.popkeep(["fetch", "--quiet"]).run().expect(0).silent();
}

#[test]
fn a_server_that_is_silent_at_top_brings_all_mail() {
    for says in [Behaviour { says: [("TOP", Vec::new())].into(), ..Behaviour::default() }, {
        Behaviour { cut_at: Some(Nth("TOP", 1)), ..Behaviour::default() }
    }] {
        let server = PopServer::behaving(half_marked(4), says);
        let sandbox = Sandbox::with([account(&server).text("timeout", "1s")]);
        let outcome = sandbox.popkeep(["fetch", "-v"]).run().expect(0);
        assert_eq!(outcome.stderr.matches("skip_headers cannot work with this server").count(), 1);
        assert_same_mail(sandbox.maildir("work"), stored_forms(&half_marked(4)));
    }
}

#[test]
fn a_message_whose_top_is_refused_is_fetched() {
    let says = [("TOP 4 0", b"-ERR not this one\r\n".to_vec())].into();
    let server = PopServer::behaving(half_marked(6), Behaviour { says, ..Behaviour::default() });
    let sandbox = sandbox(&server);
    assert_eq!(left_for_fields(&sandbox.fetch()), 2);
    let wanted = [Mail::numbered(1), Mail::numbered(3), marked(4), Mail::numbered(5)];
    assert_same_mail(sandbox.maildir("work"), stored_forms(&wanted));
}

#[test]
fn a_connection_that_breaks_during_the_look_keeps_no_mail_from_coming() {
    let behaviour = Behaviour { cut_at: Some(Nth("TOP", 300)), ..Behaviour::default() };
    let server = PopServer::behaving(half_marked(700), behaviour);
    let sandbox = sandbox(&server);
    let report = sandbox.fetch();
    assert_eq!((left_for_fields(&report), &report["archived"]), (350, &350.into()));
    assert_same_mail(sandbox.maildir("work"), unmarked(&half_marked(700)));
}

#[test]
fn numbers_that_move_during_the_look_make_no_message_left() {
    let behaviour = Behaviour { expunges: Some((Nth("TOP", 2), 1)), ..Behaviour::default() };
    // All behind the first one move up: what TOP 2 shows is the third message.
    let mails = vec![Mail::numbered(1), Mail::numbered(2), marked(3), Mail::numbered(4)];
    let server = PopServer::behaving(mails, behaviour);
    let sandbox = sandbox(&server);
    sandbox.popkeep(["fetch"]).run();
    server.behave(Behaviour::default());
    assert_eq!(left_for_fields(&sandbox.fetch()), 1);
    assert_eq!(server.uids(), ["uid-00002", "uid-00003", "uid-00004"]);
    let archived = sandbox.maildir("work");
    for wanted in [2, 4] {
        assert!(archived.contains(&Mail::numbered(wanted).stored()), "message {wanted} was left");
    }
}

#[test]
fn what_is_left_uses_up_no_limit() {
    let mut mails: Vec<Mail> = (1..=250).map(marked).collect();
    mails.extend((251..=260).map(Mail::numbered));
    let server = PopServer::with(mails.clone());
    let sandbox = sandbox(&server);
    let report = sandbox.fetch_with(0, &["--limit", "3"]);
    assert_eq!((&report["fetched"], left_for_fields(&report)), (&3.into(), 250));
    assert_eq!(report["left"], 257);
    assert!(server.count("TOP") <= 260);
    server.take_sessions();
    assert_eq!(sandbox.fetch_with(0, &["--limit", "3"])["fetched"], 3);
    assert_eq!(server.count("TOP"), 3);
    assert_same_mail(sandbox.maildir("work"), stored_forms(&mails[250..256]));
}

#[test]
fn what_is_too_large_is_not_looked_at() {
    let large = Mail::new("large", format!("X-Spam-Flag: YES\n\n{}\n", "x".repeat(5_000)));
    let server = PopServer::with(vec![large, marked(2), Mail::numbered(3)]);
    let sandbox = Sandbox::with([account(&server).text("max_size", "2 kB")]);
    let report = sandbox.fetch();
    assert_eq!((&report["left"], left_for_fields(&report)), (&2.into(), 1));
    assert_eq!(server.count("TOP"), 2);
}

#[test]
fn at_a_server_that_shows_parts_what_is_left_keeps_no_mail_from_being_shown() {
    let capa = Capa::Offers(vec!["TOP", "UIDL", "USER", "PIPELINING", "X-GOOGLE-RICO"]);
    let behaviour =
        Behaviour { capa, shows_at_once: Some(250), purges_what_was_retrieved: true, ..Behaviour::default() };
    let mut mails: Vec<Mail> = (1..=300).map(marked).collect();
    mails.extend((301..=340).map(Mail::numbered));
    let server = PopServer::behaving(mails.clone(), behaviour);
    let sandbox = sandbox(&server);
    let outcome = sandbox.popkeep(["fetch", "-v"]).run().expect(0);
    assert_eq!(outcome.stderr.matches("leaves no more than 100 of them").count(), 1);
    assert_same_mail(sandbox.maildir("work"), stored_forms(&mails[100..]));
    assert_eq!(left_for_fields(&sandbox.fetch()), 100);
}

#[test]
fn what_is_left_is_no_sign_of_a_migration() {
    let mut mails: Vec<Mail> = (1..=10).map(Mail::numbered).collect();
    mails.extend((11..=20).map(marked));
    let server = PopServer::with(mails);
    let sandbox = sandbox(&server);
    sandbox.fetch();
    server.state().mails.drain(..10);
    server.take_sessions();
    assert_eq!(left_for_fields(&sandbox.fetch()), 10);
    assert_eq!(server.count("TOP"), 0, "after a migration headers would tell what is archived");
    let ledger = rusqlite::Connection::open(sandbox.ledger()).unwrap();
    let unlisted: u32 = ledger.query_row("SELECT count(*) FROM unlisted", [], |row| row.get(0)).unwrap();
    assert_eq!(unlisted, 10, "they are on record as gone, so that nothing is said to have moved");
}

#[test]
fn the_other_commands_say_what_the_ledger_knows() {
    let server = PopServer::with(half_marked(4));
    let sandbox = sandbox(&server);
    sandbox.popkeep(["list"]).run().expect(0).says(&["4 new"]);
    sandbox.fetch();
    server.state().mails.push(marked(6));
    sandbox.popkeep(["list"]).run().expect(0).says(&["2 archived, 1 new, 2 skipped"]);
    let list = sandbox.popkeep(["list", "--json"]).run().expect(0).json();
    assert_eq!(list["messages"][1]["state"], "skipped");
    sandbox.popkeep(["check"]).run().expect(0).says(&["2 messages skipped because of skip_headers"]);
    let plan =
        sandbox.popkeep(["fetch", "--dry-run", "--json"]).run().expect(0).json()["accounts"][0].clone();
    assert_eq!((plan["fetch"].as_array().unwrap().len(), plan["left"].as_array().unwrap().len()), (1, 2));
    assert_eq!(plan["left"][0]["reason"], "its header has \"X-Spam-Flag: YES\" (skip_headers)");
    assert_eq!(server.count("TOP"), 4, "only the fetch has looked");
    let session = sandbox.popkeep(["session"]).run_with("DELE 2\nno\nQUIT\n");
    session.says(&["skip_headers leaves it"]);
    let status = sandbox.popkeep(["status", "--json"]).run().expect(0).json();
    assert_eq!(status["accounts"][0]["last_run"]["left"], 2);
}

#[test]
fn a_setting_that_is_none_is_named_with_its_line() {
    let server = PopServer::with(Vec::new());
    for (skip, words) in [
        ("\"X-Spam-Flag\"", "it must be \\\"Name: value\\\""),
        ("[\"X-Spam-Flag: YES\", \": x\"]", "it must be"),
        ("true", "a string or a list of strings"),
    ] {
        let sandbox = Sandbox::with([account(&server).key("skip_headers", skip)]);
        let outcome = sandbox.popkeep(["check"]).run().expect(78);
        let words = words.replace("\\\"", "\"");
        assert!(outcome.stderr.contains("config.toml:") && outcome.stderr.contains(&words), "{skip}");
    }
}

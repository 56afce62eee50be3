//! DELE and QUIT: what may be deleted, and when it counts. The rules are those of `src/fetch/deletion/mod.rs`.
//!
//! | the rule | its tests |
//! | --- | --- |
//! | the owner wants it | [`nothing_is_deleted_unless_its_owner_wants_it`], [`deletion_switched_on_after_years_is_announced_and_told_beforehand`] |
//! | at an age that counts from when it was archived | [`clock::ages_count_by_a_clock_that_is_right`], [`file_dates::ages_are_not_counted_from_a_files_date`] |
//! | by no clock that was wrong | [`clock::what_a_clock_in_1972_archived_is_not_old_at_once`], [`clock::a_clock_ten_years_ahead_makes_nothing_old`], [`clock::a_clock_that_jumps_in_mid_run_makes_nothing_old`] |
//! | not in the first run after a month | [`clock::after_a_month_without_a_run_the_next_one_deletes_nothing_by_age`] |
//! | this run has seen the copy as it was recorded | [`a_message_whose_copy_the_user_removed_stays_on_the_server`], [`a_message_whose_copy_was_changed_stays_on_the_server`], [`a_message_that_was_read_and_moved_to_cur_is_still_held`] |
//! | but for header marks | [`presence::marks_in_an_mbox_keep_nothing_on_the_server`], [`popkeep::receipt::a_copy_that_a_mail_program_has_marked_is_proven_by_the_message_as_it_was_recorded`] |
//! | an accepted loss keeps its message on the server | [`presence::what_was_given_up_keeps_its_message_on_the_server_even_if_it_comes_back`] |
//! | what stays without a copy is counted | [`presence::due_messages_whose_copies_are_gone_stay_and_are_counted`] |
//! | RETR in this session, or TOP with the recorded header | [`what_is_held_is_deleted_after_a_look_at_its_header`], [`another_header_under_a_held_uid_means_retr_before_dele`], [`a_top_that_lies_means_retr_before_dele`], [`without_top_every_message_is_read_again_before_it_is_deleted`] |
//! | TOP proves only what was compared whole before | [`migration::a_header_alone_deletes_nothing`], [`what_was_stored_before_octets_had_to_tally_is_read_again_before_it_is_deleted`] |
//! | a TOP that fails costs nothing | [`a_server_that_hangs_up_on_top_is_asked_without_it`], [`a_top_that_breaks_the_order_of_the_answers_does_not_keep_new_mail_away`] |
//! | numbers mean what they meant when they were listed | [`renumbering::another_client_expunges_a_message_before_we_delete`], [`renumbering::nothing_is_deleted_in_a_session_in_which_numbers_have_moved`] |
//! | with nothing under way | [`no_dele_leaves_while_a_message_is_on_its_way`], [`own_talk::nothing_but_retr_rides_behind_retr`] |
//! | the copy is re-read right before DELE | [`popkeep::fetch::model::what_was_changed_in_the_archive_is_not_deleted_from_the_server`], [`popkeep::fetch::model::what_was_removed_from_the_archive_is_not_deleted_from_the_server`] |
//! | a receipt is good for one number of one session | [`popkeep::receipt::a_receipt_is_for_the_message_that_was_seen_and_is_held`], [`popkeep::receipt::a_header_counts_if_it_is_exactly_that_of_the_copy`] |
//! | from the highest number to the lowest | [`renumbering::a_server_that_renumbers_at_our_own_dele`] |
//! | the server marked what was meant, or RSET and no QUIT | [`renumbering::another_client_expunges_a_message_while_we_delete`] |
//! | a refused DELE is told and tried again | [`a_refused_dele_is_told_and_tried_again`] |
//! | QUIT deletes nothing else | [`quit_is_not_sent_to_a_server_that_purges_what_it_showed_before_that_is_stored`], [`farewell::a_server_whose_quit_deletes_what_was_fetched_hears_none_where_mail_is_to_stay`], [`farewell::a_server_whose_quit_deletes_hears_one_when_all_that_was_fetched_is_to_go`] |
//! | nothing rides behind QUIT | [`nothing_follows_quit`] |
//! | deleted is what QUIT confirmed | [`a_refused_quit_confirms_nothing_and_the_next_run_does_it_again`], [`a_lost_answer_to_quit_is_no_loss`], [`farewell::a_deletion_counts_only_when_quit_is_answered`], [`a_connection_cut_in_mid_message_loses_nothing_and_doubles_nothing`] |
//! | never what comes with other octets each time, or as less than half of itself | [`uid_rules::a_message_that_differs_at_every_retr_is_stored_twice_and_never_deleted`], [`fetch::less_than_half_of_a_plausible_size_twice_the_same_is_archived_and_never_deleted`] |
//! | not for 30 days what is listed again after two confirmed deletions | [`what_the_server_does_not_delete_twice_is_left_alone_for_a_while`], [`what_the_server_did_not_delete_is_tried_again_after_a_month`] |
//! | a portion in each session | [`deletions_are_committed_in_portions`], [`portions::refused_deletions_leave_the_others_their_turn`] |

use crate::support::clock::{DAY, library, shift_to};
use crate::support::mail::{assert_same_mail, stored_forms, to_wire};
use crate::support::maildrop::{Capa, Nth, Quit};
use crate::support::{Account, Behaviour, Mail, PopServer, Sandbox, stores};

/// Noon of 2030-03-17, UTC.
const MARCH_2030: i64 = 1_899_979_200;

fn deleting(server: &PopServer) -> Sandbox {
    Sandbox::with([Account::on("work", server).text("delete", "fetched")])
}

/// A maildrop whose messages are all archived, and whose account is told to delete them from now on.
fn archived(count: usize, behaviour: Behaviour) -> (PopServer, Sandbox) {
    let server = PopServer::with(Mail::some(count));
    let sandbox = Sandbox::for_server(&server);
    sandbox.fetch();
    server.take_sessions();
    server.behave(behaviour);
    sandbox.configure([Account::on("work", &server).text("delete", "fetched")]);
    (server, sandbox)
}

#[test]
fn nothing_is_deleted_unless_its_owner_wants_it() {
    let server = PopServer::with(Mail::some(3));
    let sandbox = Sandbox::for_server(&server);
    for _ in 0..2 {
        assert_eq!(sandbox.fetch()["deleted"], 0);
    }
    assert_eq!((server.count("DELE"), server.uids().len()), (0, 3));
}

#[test]
fn what_is_held_is_deleted_after_a_look_at_its_header() {
    let (server, sandbox) = archived(3, Behaviour::default());
    let report = sandbox.fetch();
    assert_eq!((&report["deleted"], &report["fetched"]), (&3.into(), &0.into()));
    assert_eq!((server.count("TOP"), server.count("RETR")), (3, 0));
    assert!(server.uids().is_empty());
}

#[test]
fn what_was_stored_before_octets_had_to_tally_is_read_again_before_it_is_deleted() {
    let (server, sandbox) = archived(3, Behaviour::default());
    let ledger = rusqlite::Connection::open(sandbox.ledger()).unwrap();
    ledger.execute("INSERT INTO tallied_from SELECT id, 3 FROM maildrop", []).unwrap();
    drop(ledger);
    assert_eq!(sandbox.fetch()["deleted"], 3);
    assert_eq!((server.count("TOP"), server.count("RETR")), (1, 2));
}

#[test]
fn deletion_switched_on_after_years_is_announced_and_told_beforehand() {
    let Some(library) = library() else { return };
    let server = PopServer::with(Mail::some(1));
    let sandbox = Sandbox::for_server(&server);
    sandbox.set_clock(&library, shift_to(MARCH_2030));
    sandbox.fetch();
    sandbox.set_clock(&library, shift_to(MARCH_2030) + 5 * 365 * DAY);
    server.state().mails = Mail::some(3);
    sandbox.fetch();
    sandbox.configure([Account::on("work", &server).text("delete", "fetched")]);
    sandbox
        .popkeep(["fetch", "--dry-run"])
        .run()
        .expect(0)
        .says(&["would delete 3 messages that are archived, the oldest archived 2030-03-17"]);
    assert_eq!(server.uids().len(), 3);
    sandbox.popkeep(["fetch"]).run().expect(0).says(&[
        "`delete` changed from \"never\" to \"fetched\": 3 messages fetched by earlier runs will be deleted",
        "the oldest archived on 2030-03-17",
    ]);
    assert!(server.uids().is_empty());
    server.state().mails.push(Mail::numbered(4));
    let next = sandbox.popkeep(["fetch"]).run().expect(0);
    assert!(!next.stderr.contains("is now"), "said once: {}", next.stderr);
}

#[test]
fn a_message_whose_copy_the_user_removed_stays_on_the_server() {
    let (server, sandbox) = archived(3, Behaviour::default());
    let gone = stores::maildir_files(&sandbox.archive("work")).remove(0);
    let number = String::from_utf8(std::fs::read(&gone).unwrap()).unwrap();
    std::fs::remove_file(&gone).unwrap();
    let outcome = sandbox.popkeep(["fetch"]).run().expect(0).says(&["kept", "local copy"]);
    drop(outcome);
    let left = server.state().mails.clone();
    assert_eq!(left.len(), 1, "the other two are deleted");
    assert_eq!(String::from_utf8(left[0].stored()).unwrap(), number);
    assert_eq!(sandbox.maildir("work").len(), 2, "it is not fetched again: the user removed it");
}

#[test]
fn a_message_whose_copy_was_changed_stays_on_the_server() {
    let (server, sandbox) = archived(2, Behaviour::default());
    let changed = stores::maildir_files(&sandbox.archive("work")).remove(0);
    let mut octets = std::fs::read(&changed).unwrap();
    octets.push(b'!');
    std::fs::write(&changed, octets).unwrap();
    let outcome = sandbox.popkeep(["fetch", "--json"]).run().expect(1).says(&["kept", "damaged"]);
    let report = outcome.account();
    assert_eq!((&report["archived"], &report["missing"].as_array().unwrap().len()), (&1.into(), &1));
    assert_eq!(server.uids().len(), 1);
}

#[test]
fn a_message_that_was_read_and_moved_to_cur_is_still_held() {
    let (server, sandbox) = archived(2, Behaviour::default());
    for file in stores::maildir_files(&sandbox.archive("work")) {
        let name = file.file_name().unwrap().to_str().unwrap();
        std::fs::rename(&file, sandbox.archive("work").join("cur").join(format!("{name}:2,S"))).unwrap();
    }
    assert_eq!(sandbox.fetch()["deleted"], 2);
    assert!(server.uids().is_empty());
    assert_same_mail(sandbox.maildir("work"), stored_forms(&Mail::some(2)));
}

#[test]
fn another_header_under_a_held_uid_means_retr_before_dele() {
    let replaced = Mail::numbered(9).with_uid("uid-00001");
    // As many octets as before: only its header tells that it is another message.
    assert_eq!(replaced.wire.len(), Mail::numbered(1).wire.len());
    let (server, sandbox) = archived(2, Behaviour::default());
    server.state().mails[0] = replaced.clone();
    let report = sandbox.fetch();
    assert_eq!(report["fetched"], 1);
    let commands = server.take_sessions().remove(0).commands;
    let at = |command: &str| commands.iter().position(|line| line == command);
    assert!(at("RETR 1").is_some() && at("RETR 1") < at("DELE 1"), "{commands:?}");
    assert_same_mail(sandbox.maildir("work"), stored_forms(&[Mail::some(2), vec![replaced]].concat()));
    assert!(server.uids().is_empty());
}

#[test]
fn a_top_that_lies_means_retr_before_dele() {
    let lying = [(b"uid-00002".to_vec(), to_wire(b"Subject: rewritten\n\n"))];
    let (server, sandbox) = archived(2, Behaviour { top_shows: lying.into(), ..Behaviour::default() });
    assert_eq!(sandbox.fetch()["fetched"], 0, "it is the same message after all");
    let commands = server.take_sessions().remove(0).commands;
    let at = |command: &str| commands.iter().position(|line| line == command);
    assert!(at("RETR 2").is_some() && at("RETR 2") < at("DELE 2"), "{commands:?}");
    assert!(server.uids().is_empty());
}

#[test]
fn without_top_every_message_is_read_again_before_it_is_deleted() {
    let (server, sandbox) =
        archived(2, Behaviour { no_top: true, capa: Capa::Refused, ..Behaviour::default() });
    assert_eq!(sandbox.fetch()["deleted"], 2);
    assert_eq!(server.count("RETR"), 2);
    assert!(server.uids().is_empty());
}

#[test]
fn a_server_that_hangs_up_on_top_is_asked_without_it() {
    let cut_at = Some(Nth("TOP", 1));
    let (server, sandbox) = archived(2, Behaviour { cut_at, ..Behaviour::default() });
    let report = sandbox.fetch();
    assert_eq!((&report["deleted"], &report["fetched"]), (&2.into(), &0.into()));
    assert_eq!(server.count("RETR"), 2, "each header was seen");
    assert!(server.uids().is_empty());
}

#[test]
fn a_top_that_breaks_the_order_of_the_answers_does_not_keep_new_mail_away() {
    // An end in the middle of a header, as servers send it that do not stuff dots.
    for which in ["TOP 1 0", "TOP 3 0"] {
        let says = [(which, b"+OK\r\nSubject: x\r\n.\r\nX: y\r\n\r\n.\r\n".to_vec())].into();
        let (server, sandbox) = archived(3, Behaviour { says, ..Behaviour::default() });
        server.state().mails.push(Mail::numbered(4));
        let run = sandbox.popkeep(["fetch", "--json"]).run().expect(0).says(&["without TOP"]);
        let report = run.account();
        assert_eq!((&report["fetched"], &report["deleted"]), (&1.into(), &4.into()), "{which}");
        assert!(server.uids().is_empty());
        assert_same_mail(sandbox.maildir("work"), stored_forms(&Mail::some(4)));
    }
}

#[test]
fn a_refused_dele_is_told_and_tried_again() {
    let refuse_dele = [b"uid-00002".to_vec()].into();
    let server = PopServer::behaving(Mail::some(3), Behaviour { refuse_dele, ..Behaviour::default() });
    let sandbox = deleting(&server);
    sandbox.popkeep(["fetch", "--quiet"]).run().expect(69).one_line(&["work", "refused", "stays"]);
    assert_eq!(server.uids(), ["uid-00002"]);
    server.behave(Behaviour::default());
    assert_eq!(sandbox.fetch()["deleted"], 1);
    assert_same_mail(sandbox.maildir("work"), stored_forms(&Mail::some(3)));
}

#[test]
fn a_refused_quit_confirms_nothing_and_the_next_run_does_it_again() {
    let server =
        PopServer::behaving(Mail::some(3), Behaviour { quit: Quit::Refuses, ..Behaviour::default() });
    let sandbox = deleting(&server);
    let first = sandbox.popkeep(["fetch", "--json"]).run();
    assert_ne!(first.code, Some(0));
    assert_eq!(first.account()["deleted"], 0);
    assert_eq!(server.uids().len(), 3);
    server.behave(Behaviour::default());
    assert_eq!(sandbox.fetch()["deleted"], 3);
    assert!(server.uids().is_empty());
    assert_same_mail(sandbox.maildir("work"), stored_forms(&Mail::some(3)));
}

#[test]
fn a_lost_answer_to_quit_is_no_loss() {
    let server =
        PopServer::behaving(Mail::some(3), Behaviour { quit: Quit::CommitsSilently, ..Behaviour::default() });
    let sandbox = deleting(&server);
    let first = sandbox.popkeep(["fetch", "--json"]).run().expect(69);
    assert_eq!(first.account()["deleted"], 0, "nothing confirmed them");
    server.behave(Behaviour::default());
    server.state().mails.push(Mail::numbered(4));
    let second = sandbox.fetch();
    assert_eq!((&second["listed"], &second["deleted"]), (&1.into(), &1.into()));
    assert_same_mail(sandbox.maildir("work"), stored_forms(&Mail::some(4)));
}

#[test]
fn quit_is_not_sent_to_a_server_that_purges_what_it_showed_before_that_is_stored() {
    let capa = Capa::Offers(vec!["TOP", "UIDL", "USER", "EXPIRE 0"]);
    let purging = Behaviour { capa, purges_what_was_retrieved: true, ..Behaviour::default() };
    let broken = Behaviour { empty_retr: [b"uid-00002".to_vec()].into(), ..purging.clone() };
    let server = PopServer::behaving(Mail::some(3), broken);
    let sandbox = Sandbox::for_server(&server);
    let outcome = sandbox.popkeep(["fetch", "--json"]).run().expect(1);
    assert_eq!(outcome.account()["missing"].as_array().unwrap().len(), 1);
    assert!(server.uids().contains(&"uid-00002".to_owned()), "QUIT would have purged what nobody has");

    server.behave(purging);
    sandbox.fetch();
    assert_same_mail(sandbox.maildir("work"), stored_forms(&Mail::some(3)));
}

#[test]
fn a_connection_cut_in_mid_message_loses_nothing_and_doubles_nothing() {
    for capa in [Capa::default(), Capa::without_pipelining()] {
        let torn = Behaviour { torn_at: Some(Nth("RETR", 3)), capa, ..Behaviour::default() };
        let server = PopServer::behaving(Mail::some(5), torn);
        let sandbox = deleting(&server);
        sandbox.popkeep(["fetch", "--limit", "4"]).run();
        let stored = stores::files(&sandbox.archive("work").join("new")).len();
        assert!(stored + server.uids().len() >= 5, "a message is neither here nor there");
        server.behave(Behaviour::default());
        sandbox.fetch();
        assert_same_mail(sandbox.maildir("work"), stored_forms(&Mail::some(5)));
        assert!(server.uids().is_empty());
    }
}

#[test]
fn no_dele_leaves_while_a_message_is_on_its_way() {
    let (server, sandbox) = archived(20, Behaviour::default());
    // What is archived is due, and what has come since is fetched first. The last one never comes.
    server.state().mails = Mail::some(25);
    server.behave(Behaviour { stall_at: Some(Nth("RETR", 5)), ..Behaviour::default() });
    sandbox.configure([Account::on("work", &server).text("delete", "fetched").text("timeout", "1s")]);
    sandbox.popkeep(["fetch", "--quiet"]).run();
    let stalled = server.take_sessions().remove(0);
    assert_eq!((stalled.count("RETR"), stalled.count("DELE")), (5, 0), "{:?}", stalled.commands);
}

#[test]
fn nothing_follows_quit() {
    let server = PopServer::with(Mail::some(20));
    let sandbox = deleting(&server);
    sandbox.fetch();
    for session in server.take_sessions() {
        let quit = session.commands.iter().position(|line| line == "QUIT").unwrap();
        assert_eq!(quit, session.commands.len() - 1, "nothing follows QUIT");
    }
    assert!(server.uids().is_empty());
    assert_same_mail(sandbox.maildir("work"), stored_forms(&Mail::some(20)));
}

#[test]
fn deletions_are_committed_in_portions() {
    let server = PopServer::with(Mail::some(1_100));
    let sandbox = deleting(&server);
    assert_eq!(sandbox.fetch()["deleted"], 1_100);
    assert!(server.uids().is_empty());
    let sessions = server.take_sessions();
    assert!(sessions.len() >= 2, "one session marked them all");
    assert!(sessions.iter().all(|session| session.count("DELE") <= 1_000));
    assert_same_mail(sandbox.maildir("work"), stored_forms(&Mail::some(1_100)));
}

#[test]
fn what_the_server_does_not_delete_twice_is_left_alone_for_a_while() {
    let server =
        PopServer::behaving(Mail::some(5), Behaviour { quit: Quit::Pretends, ..Behaviour::default() });
    let sandbox = deleting(&server);
    let mut dele = Vec::new();
    let mut told = 0;
    for _ in 0..5 {
        let outcome = sandbox.popkeep(["fetch"]).run();
        told += usize::from(outcome.stderr.contains("more than once"));
        dele.push((server.count("RETR"), server.count("DELE")));
        server.take_sessions();
    }
    assert_eq!(dele, [(5, 5), (5, 5), (0, 0), (0, 0), (0, 0)]);
    assert_eq!(told, 1);
    assert_same_mail(sandbox.maildir("work"), stored_forms(&Mail::some(5)));
    let report = sandbox.fetch();
    assert_eq!((&report["archived"], &report["deleted"]), (&5.into(), &0.into()));
    // New mail is deleted all the same, and what has another size is looked at.
    server.behave(Behaviour::default());
    let other = Mail::new("uid-00001", "Subject: another\n\none\n");
    server.state().mails[0] = other;
    server.state().mails.push(Mail::numbered(6));
    let report = sandbox.fetch();
    assert_eq!((&report["fetched"], &report["deleted"]), (&2.into(), &2.into()));
    assert_eq!(server.uids().len(), 4);
}

#[test]
fn what_the_server_did_not_delete_is_tried_again_after_a_month() {
    let Some(library) = library() else { return };
    let server =
        PopServer::behaving(Mail::some(5), Behaviour { quit: Quit::Pretends, ..Behaviour::default() });
    let sandbox = deleting(&server);
    for _ in 0..3 {
        sandbox.popkeep(["fetch"]).run();
    }
    server.behave(Behaviour::default());
    for (day, deleted) in [(0, 0), (29, 0), (31, 5)] {
        sandbox.set_clock(&library, day * DAY);
        assert_eq!(sandbox.fetch()["deleted"], deleted, "day {day}");
    }
    assert!(server.uids().is_empty());
    assert_same_mail(sandbox.maildir("work"), stored_forms(&Mail::some(5)));
}

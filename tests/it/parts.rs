//! Servers that show a part of their messages in each session: one run has all of them. The rules are those of
//! `src/fetch/quirks/partial_listings.rs` and `src/pop3/listing.rs`.
//!
//! | the rule | its tests |
//! | --- | --- |
//! | another session looks for more, for as long as each brings something new | [`a_server_that_shows_250_of_1000_at_a_time_is_drained_in_one_run`], [`it_is_drained_as_well_where_messages_are_deleted`] |
//! | on Gmail, known by its host name or a capability | [`equal_messages_in_different_parts_are_as_many_copies`], [`popkeep::connect::gmail::gmail_is_known_by_its_name_or_its_capability`] |
//! | on a server that was seen doing so before | [`what_was_seen_doing_so_is_drained_in_every_run_whatever_it_shows`] |
//! | where all that is listed is new, and 200 to 400 messages | [`a_server_that_shows_250_of_1000_at_a_time_is_drained_in_one_run`] |
//! | where all that is listed is new, and nothing of what is archived is listed any more | [`a_part_of_any_size_is_noticed_when_the_next_run_sees_nothing_it_knows`] |
//! | no ordinary server is taken for one | [`an_ordinary_server_is_asked_once`], [`an_ordinary_server_that_was_looked_at_again_is_not_taken_for_one`] |
//! | the union of the parts counts | [`a_server_that_shows_250_of_1000_at_a_time_is_drained_in_one_run`], [`what_an_earlier_part_showed_and_could_not_be_had_is_missing`] |
//! | `--limit` holds for all parts together | [`a_limit_holds_for_all_parts_together`] |
//! | equal messages in different parts are copies | [`equal_messages_in_different_parts_are_as_many_copies`] |
//! | a new part is no migration | [`popkeep::plan::a_maildrop_moves_when_most_of_the_last_listing_is_gone_at_once`] |
//! | the listing is the union of STAT, LIST and UIDL | [`odd_listings::one_of_three_answers_is_enough`], [`odd_listings::a_listing_that_is_shorter_than_the_others_leaves_nothing_out`], [`popkeep::pop3::listing::the_union_of_three_accounts_of_one_maildrop`] |
//! | each number once, in order; of contradicting lines the first counts | [`odd_listings::lines_that_come_twice_or_in_no_order_are_one_message_each`], [`popkeep::pop3::listing::of_contradicting_lines_the_first_counts_whatever_their_order`] |
//! | what only STAT counts, and is refused, is a wrong STAT | [`odd_listings::a_stat_that_counts_more_than_there_is_is_a_wrong_stat_and_no_missing_message`] |
//! | a line that cannot be read is not guessed at | [`odd_listings::numbers_that_no_message_can_have_are_no_messages`], [`popkeep::pop3::listing::odd_lines_are_read_as_far_as_they_make_sense`] |
//! | a short or empty listing forgets nothing | [`uid_rules::a_short_listing_forgets_nothing`], [`odd_listings::a_uidl_that_was_short_for_once_brings_nothing_twice`], [`migration::an_empty_or_a_short_listing_before_it_changes_nothing`] |
//! | no listing takes more memory than it has announced | [`endless_listings::an_endless_listing_is_cut_before_it_takes_memory`], [`odd_listings::a_count_beyond_all_measure_is_refused_at_once`], [`popkeep::pop3::listing::an_endless_listing_takes_no_more_memory_than_it_has_announced`] |

use crate::support::mail::{assert_same_mail, stored_forms};
use crate::support::maildrop::Capa;
use crate::support::{Account, Behaviour, Mail, PopServer, Sandbox};

fn showing(count: usize) -> Behaviour {
    Behaviour { shows_at_once: Some(count), ..Behaviour::default() }
}

/// Hides what was fetched when a session ends, as Gmail does.
fn hiding(count: usize) -> Behaviour {
    Behaviour { purges_what_was_retrieved: true, ..showing(count) }
}

#[test]
fn a_server_that_shows_250_of_1000_at_a_time_is_drained_in_one_run() {
    let server = PopServer::behaving(Mail::some(1_000), hiding(250));
    let sandbox = Sandbox::for_server(&server);
    let report = sandbox.fetch();
    assert_eq!((&report["listed"], &report["archived"]), (&1_000.into(), &1_000.into()), "the union counts");
    assert_same_mail(sandbox.maildir("work"), stored_forms(&Mail::some(1_000)));
    assert_eq!(server.take_sessions().len(), 5, "the last one found nothing");
    sandbox.popkeep(["check"]).run().expect(0).says(&["only some of its messages at a time"]);
}

#[test]
fn it_is_drained_as_well_where_messages_are_deleted() {
    let server = PopServer::behaving(Mail::some(1_000), showing(250));
    let sandbox = Sandbox::with([Account::on("work", &server).text("delete", "fetched")]);
    let report = sandbox.fetch();
    assert_eq!((&report["listed"], &report["deleted"]), (&1_000.into(), &1_000.into()));
    assert!(server.uids().is_empty());
    assert_same_mail(sandbox.maildir("work"), stored_forms(&Mail::some(1_000)));
}

#[test]
fn a_part_of_any_size_is_noticed_when_the_next_run_sees_nothing_it_knows() {
    let server = PopServer::behaving(Mail::some(350), hiding(60));
    let sandbox = Sandbox::for_server(&server);
    assert_eq!(sandbox.fetch()["archived"], 60);
    assert_eq!(sandbox.fetch()["fetched"], 290);
    assert_same_mail(sandbox.maildir("work"), stored_forms(&Mail::some(350)));
}

#[test]
fn equal_messages_in_different_parts_are_as_many_copies() {
    let mut mails = Mail::some(5);
    mails.push(Mail::numbered(1).with_uid("twin"));
    let capa = Capa::Offers(vec!["TOP", "UIDL", "USER", "X-GOOGLE-RICO"]);
    let server = PopServer::behaving(mails.clone(), Behaviour { capa, ..hiding(2) });
    let sandbox = Sandbox::for_server(&server);
    sandbox.fetch();
    assert_same_mail(sandbox.maildir("work"), stored_forms(&mails));
    // And in a later run.
    server.state().mails = vec![Mail::numbered(2).with_uid("late")];
    assert_eq!(sandbox.fetch()["fetched"], 1);
}

#[test]
fn what_an_earlier_part_showed_and_could_not_be_had_is_missing() {
    let refused = [b"uid-00007".to_vec()].into();
    let server = PopServer::behaving(Mail::some(500), Behaviour { refuse_retr: refused, ..showing(250) });
    let sandbox = Sandbox::with([Account::on("work", &server).text("delete", "fetched")]);
    let report = sandbox.fetch_with(1, &[]);
    assert_eq!(report["missing"].as_array().unwrap().len(), 1);
    assert_eq!(report["listed"], report["archived"].as_u64().unwrap() + 1);
}

#[test]
fn an_ordinary_server_is_asked_once() {
    for count in [1, 150, 500] {
        let server = PopServer::with(Mail::some(count));
        let sandbox = Sandbox::for_server(&server);
        sandbox.fetch();
        server.state().mails.push(Mail::numbered(9_999));
        sandbox.fetch();
        assert_eq!(server.take_sessions().len(), 2, "{count} messages");
    }
}

#[test]
fn what_was_seen_doing_so_is_drained_in_every_run_whatever_it_shows() {
    let server = PopServer::behaving(Mail::some(500), hiding(250));
    let sandbox = Sandbox::for_server(&server);
    sandbox.fetch();
    let new: Vec<Mail> = (501..=520).map(Mail::numbered).collect();
    server.state().mails = new;
    server.behave(hiding(8));
    assert_eq!(sandbox.fetch()["fetched"], 20);
    assert_same_mail(sandbox.maildir("work"), stored_forms(&Mail::some(520)));
}

#[test]
fn an_ordinary_server_that_was_looked_at_again_is_not_taken_for_one() {
    // As many messages as such servers show, by chance.
    let server = PopServer::with(Mail::some(300));
    let sandbox = Sandbox::for_server(&server);
    sandbox.fetch();
    assert_eq!(server.take_sessions().len(), 2);
    server.state().mails.push(Mail::numbered(301));
    sandbox.fetch();
    assert_eq!(server.take_sessions().len(), 1);
}

#[test]
fn a_limit_holds_for_all_parts_together() {
    let server = PopServer::behaving(Mail::some(1_000), hiding(250));
    let sandbox = Sandbox::for_server(&server);
    assert_eq!(sandbox.fetch_with(0, &["--limit", "300"])["fetched"], 300);
    assert_eq!(sandbox.maildir("work").len(), 300);
}

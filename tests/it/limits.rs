//! Refusals in words that speak of the account, the day or the rate: 75, and no mark against a message.
//!
//! | rule | tests |
//! | --- | --- |
//! | at the greeting, the login, a listing | `a_limit_in_words_…` |
//! | at RETR, when the next is refused so too, or the server hangs up | `a_daily_limit_…`, `a_hang_up_…` |
//! | alone it is that message's refusal | `one_refusal_…` |
//! | what ended two runs is tried last | `a_message_that_ended_two_runs_…` |

use std::collections::BTreeMap;

use crate::support::maildrop::Capa;
use crate::support::{Account, Behaviour, Mail, PopServer, Sandbox};

const LIMIT: &str =
    "-ERR Exceeded the login limit for a 15 minute period. Reduce the frequency of requests.\r\n";
const DAILY: &[u8] = b"-ERR You have exceeded your daily download limit\r\n";

fn says<const N: usize>(answers: [(&'static str, &[u8]); N]) -> BTreeMap<&'static str, Vec<u8>> {
    answers.into_iter().map(|(command, answer)| (command, answer.to_vec())).collect()
}

/// Answers these commands so, with and without pipelining.
fn servers(says: &BTreeMap<&'static str, Vec<u8>>, mails: usize) -> [PopServer; 2] {
    [Capa::default(), Capa::without_pipelining()].map(|capa| {
        let behaviour = Behaviour { capa, says: says.clone(), ..Behaviour::default() };
        PopServer::behaving(Mail::some(mails), behaviour)
    })
}

#[test]
fn a_limit_in_words_is_for_later_wherever_it_comes() {
    let text = LIMIT.trim_end();
    let greeting = Behaviour { greeting: Some(text), ..Behaviour::default() };
    let login = Behaviour { login_reply: Some(text), ..Behaviour::default() };
    let limit = LIMIT.as_bytes();
    let listing = says([("STAT", limit), ("UIDL", limit), ("LIST", limit)]);
    let listing = Behaviour { says: listing, ..Behaviour::default() };
    for behaviour in [greeting, login, listing] {
        let server = PopServer::behaving(Mail::some(1), behaviour);
        let sandbox = Sandbox::for_server(&server);
        sandbox.popkeep(["fetch", "--quiet"]).run().expect(75).one_line(&["login limit"]);
        sandbox.popkeep(["check"]).run().expect(75);
        server.behave(Behaviour::default());
        sandbox.popkeep(["fetch", "--quiet"]).run().expect(0).silent();
        assert_eq!(sandbox.maildir("work").len(), 1);
    }
}

#[test]
fn a_daily_limit_keeps_what_has_come_and_is_no_mark_against_any_message() {
    let commands = ["RETR 4", "RETR 5", "RETR 6", "RETR 7", "RETR 8"];
    for delete in ["never", "fetched"] {
        for server in servers(&says(commands.map(|command| (command, DAILY))), 8) {
            let sandbox = Sandbox::with([Account::on("work", &server).text("delete", delete)]);
            let account = sandbox.fetch_with(75, &[]);
            assert_eq!((&account["fetched"], &account["listed"]), (&3.into(), &8.into()), "{account}");
            let deleted = if delete == "fetched" { 3 } else { 0 };
            assert_eq!(server.uids().len(), 8 - deleted);
            let ledger = rusqlite::Connection::open(sandbox.ledger()).unwrap();
            let set_aside: i64 =
                ledger.query_row("SELECT count(*) FROM quarantine", [], |row| row.get(0)).unwrap();
            assert_eq!(set_aside, 0);
            drop(ledger);
            // The next day: all of the rest comes in one run.
            server.behave(Behaviour::default());
            sandbox.popkeep(["fetch", "--quiet"]).run().expect(0).silent();
            assert_eq!(sandbox.maildir("work").len(), 8);
        }
    }
}

#[test]
fn a_hang_up_after_such_a_refusal_says_the_same() {
    let capa = Capa::without_pipelining();
    let cut_at = Some(crate::support::maildrop::Nth("RETR", 4));
    let behaviour = Behaviour { capa, cut_at, says: says([("RETR 3", DAILY)]), ..Behaviour::default() };
    let server = PopServer::behaving(Mail::some(5), behaviour);
    let sandbox = Sandbox::for_server(&server);
    sandbox.popkeep(["fetch", "--quiet"]).run().expect(75).one_line(&["daily download limit"]);
    assert_eq!(sandbox.maildir("work").len(), 2);
    assert_eq!(server.take_sessions().len(), 1, "it is not knocked at again at once");
    server.behave(Behaviour::default());
    sandbox.popkeep(["fetch", "--quiet"]).run().expect(0).silent();
    assert_eq!(sandbox.maildir("work").len(), 5);
}

#[test]
fn one_refusal_alone_is_that_message_s_own_and_the_others_come() {
    for refused in ["RETR 2", "RETR 5"] {
        for words in [DAILY, b"-ERR [SYS/TEMP] try again later\r\n"] {
            for server in servers(&says([(refused, words)]), 5) {
                let sandbox = Sandbox::for_server(&server);
                let account = sandbox.fetch_with(1, &[]);
                assert_eq!(
                    (&account["fetched"], &account["missing"].as_array().unwrap().len()),
                    (&4.into(), &1)
                );
            }
        }
    }
}

#[test]
fn what_speaks_of_the_message_s_size_ends_no_run() {
    let large = b"-ERR message exceeds the maximum size\r\n";
    for server in servers(&says([("RETR 2", large), ("RETR 3", large)]), 5) {
        let sandbox = Sandbox::for_server(&server);
        let report = sandbox.fetch_with(1, &[]);
        assert_eq!(report["fetched"], 3, "{report}");
    }
}

#[test]
fn a_message_that_ended_two_runs_is_tried_last() {
    // Two messages in a row that the server will never send, and says so in such words.
    let words = b"-ERR temporarily unavailable, try again later\r\n";
    for server in servers(&says([("RETR 2", words), ("RETR 3", words)]), 6) {
        let sandbox = Sandbox::for_server(&server);
        let codes: Vec<_> = (0..3).map(|_| sandbox.popkeep(["fetch", "--quiet"]).run().code).collect();
        assert_eq!(codes[..2], [Some(75), Some(75)]);
        assert_eq!(sandbox.maildir("work").len(), 4, "{codes:?}");
    }
}

//! `--seen skip`: what the program had seen and does not hold is left on the server: never fetched, never deleted, and told.

use super::{adopt_one, delete_what_is_fetched, write_mpoprc};
use crate::support::maildrop::PASSWORD;
use crate::support::{Mail, PopServer, Sandbox, set_mode};

/// mpop has seen four of six messages, and holds two of them.
fn some_are_gone(uids: &str) -> (PopServer, Sandbox) {
    let server = PopServer::with(Mail::some(6));
    let sandbox = Sandbox::new();
    write_mpoprc(&sandbox, &server);
    sandbox.write("uidls", uids);
    std::fs::create_dir_all(sandbox.path("Mail/work/cur")).unwrap();
    for number in [1, 2] {
        sandbox.write(format!("Mail/work/new/{number}.M1.h"), Mail::numbered(number).stored());
    }
    (server, sandbox)
}

const FOUR: &str = " 4 127.0.0.1 joe\nuid-00001\nuid-00002\nuid-00003\nuid-00004\n";

#[test]
fn what_is_skipped_is_left_and_never_deleted() {
    for deletes_at_once in [false, true] {
        let (server, sandbox) = some_are_gone(FOUR);
        let written = adopt_one(&sandbox, &["mpop", "--take-password", "--seen", "skip", "--write"]);
        assert_eq!((&written["found"], &written["not_found"]), (&2.into(), &2.into()), "{written}");
        if deletes_at_once {
            delete_what_is_fetched(&sandbox);
        }
        let listed = sandbox.popkeep(["list", "--json"]).run().expect(0).json();
        assert_eq!(listed["messages"][2]["state"], "seen elsewhere", "{listed}");
        for (fetched, archived) in [(2, 4), (0, 4)] {
            let deleted = if deletes_at_once { 4 } else { 0 };
            let report = sandbox.fetch();
            if deletes_at_once && fetched == 0 {
                // The others are gone.
                assert_eq!((&report["listed"], &report["left"]), (&2.into(), &2.into()), "{report}");
                continue;
            }
            assert_eq!(
                (&report["fetched"], &report["archived"], &report["left"]),
                (&fetched.into(), &archived.into(), &2.into()),
                "{report}"
            );
            assert_eq!(report["deleted"], deleted, "{report}");
        }
        if !deletes_at_once {
            delete_what_is_fetched(&sandbox);
            assert_eq!(sandbox.fetch()["deleted"], 4);
        }
        assert_eq!(server.uids(), ["uid-00003", "uid-00004"], "a list is no proof");
        let dry = sandbox.popkeep(["fetch", "--dry-run"]).run().expect(0);
        dry.says(&["seen"]);
    }
}

#[test]
fn what_is_not_skipped_is_fetched() {
    let (_server, sandbox) = some_are_gone(FOUR);
    adopt_one(&sandbox, &["mpop", "--take-password", "--write"]);
    let report = sandbox.fetch();
    assert_eq!((&report["fetched"], &report["left"], &report["archived"]), (&4.into(), &0.into(), &6.into()));
}

#[test]
fn a_list_of_getmail_is_compared_with_slashes_as_it_writes_them() {
    let server = PopServer::with(vec![
        Mail::numbered(1).with_uid("a/1"),
        Mail::numbered(2).with_uid("b/2"),
        Mail::numbered(3).with_uid("b-2"),
        Mail::numbered(4).with_uid("c"),
    ]);
    let sandbox = Sandbox::new();
    let port = server.port();
    sandbox.write(
        ".getmail/getmailrc",
        format!(
            "[retriever]\ntype = SimplePOP3Retriever\nserver = 127.0.0.1\nport = {port}\nusername = joe\npassword = {PASSWORD}\n\
             [destination]\ntype = Maildir\npath = ~/Mail/work/\n"
        ),
    );
    set_mode(sandbox.path(".getmail/getmailrc"), 0o600);
    sandbox.write(
        format!(".getmail/oldmail-127.0.0.1-{port}-joe"),
        "a-1\x001790000000\nb-2\x001790000000\nc\x001790000000\n",
    );
    adopt_one(&sandbox, &["getmail", "--account", "work", "--take-password", "--seen", "skip", "--write"]);
    let report = sandbox.fetch();
    // Of two that become the same neither is trusted.
    assert_eq!((&report["fetched"], &report["left"]), (&2.into(), &2.into()), "{report}");
}

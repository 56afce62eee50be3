//! Messages deleted by hand in `session`: only what is archived goes without a question, the ledger knows of it, and QUIT
//! alone does it.

use crate::support::mail::assert_same_mail;
use crate::support::maildrop::{Capa, Nth, Quit};
use crate::support::{Account, Behaviour, Mail, PopServer, Sandbox};

#[test]
fn a_held_message_deleted_by_hand_is_on_record_and_is_not_fetched_again() {
    for deletes in ["never", "fetched"] {
        let server = PopServer::with(Mail::some(3));
        let account = Account::on("work", &server);
        let sandbox = Sandbox::with([account.clone()]);
        sandbox.popkeep(["fetch", "--quiet"]).run().expect(0);
        let outcome = sandbox.popkeep(["session", "work"]).run_with("dele 2\nquit\n").expect(0);
        assert_eq!((outcome.stdout.as_str(), outcome.stderr.as_str()), ("+OK marked\n+OK bye\n", ""));
        assert_eq!(server.uids(), ["uid-00001", "uid-00003"]);
        server.take_sessions();

        sandbox.configure([account.text("delete", deletes)]);
        let run = sandbox.fetch();
        let deleted = if deletes == "never" { 0 } else { 2 };
        assert_eq!((&run["fetched"], &run["deleted"]), (&0.into(), &deleted.into()));
        assert_eq!(server.count("RETR"), 0, "what is archived is not fetched");

        // A server that brings it back does not get it stored twice.
        server.state().mails.push(Mail::numbered(2));
        let list = sandbox.popkeep(["list", "work", "--json"]).run().expect(0).json();
        assert_eq!(list["messages"].as_array().unwrap().last().unwrap()["state"], "doubtful");
        sandbox.popkeep(["fetch", "--quiet"]).run().expect(0);
        assert_same_mail(sandbox.maildir("work"), Mail::some(3).iter().map(Mail::stored).collect());
    }
}

#[test]
fn when_all_that_is_held_was_deleted_by_hand_new_mail_is_new() {
    let server = PopServer::with(Mail::some(2));
    let sandbox = Sandbox::for_server(&server);
    sandbox.popkeep(["fetch", "--quiet"]).run().expect(0);
    sandbox.popkeep(["session", "work"]).run_with("DELE 1\nDELE 2\nQUIT\n").expect(0);
    server.state().mails.push(Mail::numbered(3));
    let list = sandbox.popkeep(["list", "work", "--json"]).run().expect(0).json();
    assert_eq!(list["messages"][0]["state"], "new", "not taken for a maildrop with all UIDs changed");
}

#[test]
fn what_is_not_held_is_not_deleted_from_a_script_without_yes() {
    let server = PopServer::with(Mail::some(2));
    let sandbox = Sandbox::for_server(&server);
    let delete = |flags: &[&str]| {
        let arguments = [&["session", "work"], flags].concat();
        sandbox.popkeep(arguments).run_with("DELE 1\nQUIT\n")
    };
    let outcome = delete(&[]).expect(1);
    assert_eq!(
        outcome.stderr,
        "popkeep: work: DELE 1: not sent; it is not in the archive; fetch first, or use --yes\n"
    );
    assert_eq!((server.uids().len(), server.count("DELE")), (2, 0));

    delete(&["--yes"]).expect(0);
    assert_eq!(server.uids(), ["uid-00002"]);

    sandbox.popkeep(["fetch", "--quiet"]).run().expect(0);
    std::fs::remove_dir_all(sandbox.archive("work").join("new")).unwrap();
    std::fs::create_dir(sandbox.archive("work").join("new")).unwrap();
    delete(&[]).expect(1).says(&["DELE 1: not sent", "archive"]);
    assert_eq!(server.uids(), ["uid-00002"], "a record without its copy is no copy");
}

#[test]
fn a_copy_that_was_changed_or_removed_does_not_count() {
    let server = PopServer::with(Mail::some(2));
    let sandbox = Sandbox::for_server(&server);
    sandbox.popkeep(["fetch", "--quiet"]).run().expect(0);
    let new = sandbox.archive("work").join("new");
    let mut copies: Vec<_> = std::fs::read_dir(new).unwrap().map(|entry| entry.unwrap().path()).collect();
    copies.sort_by_key(|path| {
        !std::fs::read(path).unwrap().ends_with(b"message 1.\n.\nA dot stood alone above.\n")
    });
    std::fs::write(&copies[0], "Subject: mine now\n\n").unwrap();
    let delete = || sandbox.popkeep(["session", "work"]).run_with("DELE 1\nQUIT\n").expect(1);
    delete().says(&["DELE 1: not sent; its copy in the archive has been changed"]);
    std::fs::remove_file(&copies[0]).unwrap();
    delete().says(&["DELE 1: not sent; its copy is no longer in the archive"]);
    assert_eq!(server.uids().len(), 2);
}

#[test]
fn in_an_mbox_a_copy_is_looked_at_as_well() {
    let server = PopServer::with(Mail::some(2));
    let sandbox = Sandbox::with([Account::on("work", &server).text("format", "mbox")]);
    sandbox.popkeep(["fetch", "--quiet"]).run().expect(0);
    let delete = |number| sandbox.popkeep(["session", "work"]).run_with(&format!("DELE {number}\nQUIT\n"));
    delete(1).expect(0);
    let file = sandbox.archive("work");
    let text = std::fs::read_to_string(&file).unwrap().replace("This is message 2", "This is message 3");
    std::fs::write(&file, text).unwrap();
    delete(1).expect(1).says(&["DELE 1: not sent; its copy in the archive has been changed"]);
    assert_eq!(server.uids(), ["uid-00002"]);
}

#[test]
fn leaving_without_quit_deletes_nothing_and_says_so() {
    let server = PopServer::with(Mail::some(3));
    let sandbox = Sandbox::for_server(&server);
    sandbox.popkeep(["fetch", "--quiet"]).run().expect(0);
    for typed in ["DELE 1\nDELE 3\n", "DELE 1\nDELE 3\nexit\nQUIT\n", "DELE 1\nDELE 3"] {
        let outcome = sandbox.popkeep(["session", "work"]).run_with(typed).expect(1);
        assert_eq!(
            outcome.stderr,
            "popkeep: work: left without QUIT: a server that follows RFC 1939 then keeps everything, so the \
             deletion of 2 messages (1, 3) is not carried out\n"
        );
        assert_eq!(server.uids().len(), 3);
    }
    let outcome = sandbox.popkeep(["session", "work"]).run_with("STAT\n").expect(0);
    assert_eq!(outcome.stderr, "popkeep: work: left without QUIT: nothing was marked for deletion\n");
    sandbox.popkeep(["session", "work"]).run_with("DELE 1\nRSET\n").expect(0).says(&["nothing was marked"]);
}

#[test]
fn a_quit_that_is_refused_or_lost_leaves_the_next_fetch_to_look() {
    for (quit, code, words) in [
        (Quit::Refuses, 1, "the server refused QUIT: it is unknown whether the server deleted 1 message (2)"),
        (
            Quit::Drops,
            69,
            "instead of answering QUIT; run popkeep again; it is unknown whether the server deleted 1 message",
        ),
        (
            Quit::CommitsSilently,
            69,
            "it is unknown whether the server deleted 1 message (2); the next fetch looks again",
        ),
    ] {
        let server = PopServer::with(Mail::some(3));
        let sandbox = Sandbox::for_server(&server);
        sandbox.popkeep(["fetch", "--quiet"]).run().expect(0);
        server.behave(Behaviour { quit, ..Behaviour::default() });
        sandbox.popkeep(["session", "work"]).run_with("DELE 2\nQUIT\n").expect(code).says(&[words]);
        server.behave(Behaviour::default());
        server.take_sessions();
        sandbox.popkeep(["fetch", "--quiet"]).run().expect(0).silent();
        assert_eq!(server.count("RETR"), 0);
        assert_eq!(sandbox.maildir("work").len(), 3);
    }
}

#[test]
fn a_connection_that_is_lost_says_what_becomes_of_the_marks() {
    let server = PopServer::with(Mail::some(2));
    let sandbox = Sandbox::for_server(&server);
    sandbox.popkeep(["fetch", "--quiet"]).run().expect(0);
    server.behave(Behaviour { cut_at: Some(Nth("NOOP", 1)), ..Behaviour::default() });
    let outcome = sandbox.popkeep(["session", "work"]).run_with("DELE 1\nNOOP\nQUIT\n").expect(69);
    assert_eq!(outcome.stdout, "+OK marked\n");
    outcome.says(&["instead of answering NOOP", "the deletion of 1 message (1) is not carried out"]);
    assert_eq!(server.uids().len(), 2);
}

#[test]
fn a_server_whose_quit_deletes_what_was_shown_is_not_left_so_by_mistake() {
    let capa = Capa::Offers(vec!["TOP", "UIDL", "USER", "EXPIRE 0"]);
    let behaviour = Behaviour { capa, purges_what_was_retrieved: true, ..Behaviour::default() };
    let server = PopServer::behaving(Mail::some(2), behaviour);
    let sandbox = Sandbox::for_server(&server);
    let outcome = sandbox.popkeep(["session", "work"]).run_with("RETR 2\nQUIT\n").expect(1);
    outcome.says(&[
        "QUIT: not sent; at QUIT this server deletes or hides what RETR showed, and these are not archived: 2",
    ]);
    assert_eq!((server.uids().len(), server.count("QUIT")), (2, 0));
    sandbox.popkeep(["session", "work", "--yes"]).run_with("RETR 2\nQUIT\n").expect(0);
    assert_eq!(server.uids(), ["uid-00001"]);
}

//! Thunderbird, Claws Mail and Sylpheed, and mpop's newer list, from files as these programs write them.

use super::{adopt_one, copies, delete_what_is_fetched, without_added, write_mpoprc};
use crate::support::mail::{assert_same_mail, stored_forms};
use crate::support::maildrop::PASSWORD;
use crate::support::{Account, Mail, PopServer, Sandbox, set_mode};

/// The message as Thunderbird keeps it in an mbox.
fn in_thunderbird(mail: &Mail, status: &str) -> String {
    let text = String::from_utf8(mail.stored()).unwrap();
    let quoted: String = text
        .split_inclusive('\n')
        .map(|line| {
            if line.trim_start_matches('>').starts_with("From ") {
                format!(">{line}")
            } else {
                line.to_owned()
            }
        })
        .collect();
    format!(
        "From - Tue Nov 24 06:00:12 2026\nX-Account-Key: account2\nX-UIDL: {}\nX-Mozilla-Status: {status}\n\
         X-Mozilla-Status2: 00000000\nX-Mozilla-Keys: {}\n{quoted}\n",
        String::from_utf8_lossy(&mail.uid),
        " ".repeat(80)
    )
}

/// Six messages; the third has lines of an mbox in its body.
fn mails() -> Vec<Mail> {
    let mut mails = Mail::some(6);
    let quoting = "Received: by x\nMessage-Id: <3@x>\nSubject: three\n\nFrom here\n>From there\n\nFrom nobody it came\n";
    mails[2] = Mail::new("uid-00003", quoting);
    mails
}

/// Thunderbird's profile: four messages are whole, in two folders; the fifth is marked as deleted, the sixth has only its
/// beginning. `crlf`: as on Windows.
fn profile(sandbox: &Sandbox, server: &PopServer, crlf: bool) {
    let mails = mails();
    let write = |path: &str, text: String| {
        let text = if crlf { text.replace('\n', "\r\n") } else { text };
        sandbox.write(format!(".thunderbird/abc.default/Mail/{path}"), text);
    };
    sandbox.write(".thunderbird/profiles.ini", "[Profile0]\nName=default\nIsRelative=1\nPath=abc.default\n");
    let port = server.port();
    let preference = |key: &str, value: &str| format!("user_pref(\"mail.server.server2.{key}\", {value});\n");
    sandbox.write(
        ".thunderbird/abc.default/prefs.js",
        [
            preference("type", "\"pop3\""),
            preference("hostname", "\"127.0.0.1\""),
            preference("port", &port.to_string()),
            preference("userName", "\"joe\""),
            preference("socketType", "0"),
            preference("leave_on_server", "true"),
            preference("directory-rel", "\"[ProfD]Mail/pop.example.com\""),
        ]
        .concat(),
    );
    write(
        "pop.example.com/popstate.dat",
        "# POP3 State File\n# This is a generated file!  Do not edit.\n\n*127.0.0.1 joe\nk uid-00001 1790000000\n\
         k uid-00002 1790000000\nk uid-00003 1790000000\nk uid-00004 1790000000\nk uid-00005 1790000000\nb uid-00006 1790000000"
            .to_owned(),
    );
    write(
        "pop.example.com/Inbox",
        [(0, "0001"), (1, "0000"), (4, "0009"), (5, "0400")]
            .map(|(number, status)| in_thunderbird(&mails[number], status))
            .concat(),
    );
    write("pop.example.com/Inbox.msf", "// index".to_owned());
    write(
        "pop.example.com/Inbox.sbd/Work",
        [2, 3].map(|number| in_thunderbird(&mails[number], "0001")).concat(),
    );
    write("pop.example.com/Trash", in_thunderbird(&mails[4], "0001"));
}

/// Gives the account its password: no program's store is opened.
fn give_password(sandbox: &Sandbox) {
    let text = std::fs::read_to_string(sandbox.config_file()).unwrap();
    sandbox.config(&text.replace("user = \"joe\"", &format!("user = \"joe\"\npassword = \"{PASSWORD}\"")));
}

#[test]
fn thunderbirds_mail_is_copied_and_what_it_does_not_hold_is_fetched() {
    for crlf in [false, true] {
        let server = PopServer::with(mails());
        let sandbox = Sandbox::new();
        profile(&sandbox, &server, crlf);
        let before = sandbox.snapshot();
        let shown = adopt_one(&sandbox, &["thunderbird", "--account", "work"]);
        assert_eq!(sandbox.snapshot(), before);
        for (key, count) in [("in_list", 5), ("messages", 4), ("deleted", 1), ("partial", 1)] {
            assert_eq!(shown[key], count, "{key}: {shown}");
        }
        assert_eq!(shown["copy"], true, "its folders are its own");

        let written = adopt_one(&sandbox, &["thunderbird", "--account", "work", "--write"]);
        assert_eq!((&written["copied"], &written["written"]), (&4.into(), &true.into()), "{written}");
        give_password(&sandbox);
        let report = sandbox.fetch();
        assert_eq!((&report["fetched"], &report["archived"]), (&2.into(), &6.into()), "{report}");
        assert_eq!((server.count("RETR"), server.count("TOP")), (2, 2), "UIDs in the files save the rest");
        assert_same_mail(without_added(&sandbox.maildir("work")), stored_forms(&mails()));
        assert_eq!(sandbox.fetch()["fetched"], 0);
        delete_what_is_fetched(&sandbox);
        let report = sandbox.fetch();
        assert_eq!((&report["deleted"], &report["fetched"]), (&6.into(), &0.into()), "{report}");
        assert!(server.uids().is_empty());
        assert_same_mail(without_added(&sandbox.maildir("work")), stored_forms(&mails()));
    }
}

#[test]
fn a_uid_that_was_given_to_another_message_is_no_reason_not_to_fetch() {
    let server = PopServer::with(mails());
    let sandbox = Sandbox::new();
    profile(&sandbox, &server, false);
    adopt_one(&sandbox, &["thunderbird", "--account", "work", "--write"]);
    give_password(&sandbox);
    // The server has given all UIDs anew since.
    for (number, mail) in server.state().mails.iter_mut().enumerate() {
        *mail = Mail::new(&format!("uid-{:05}", number + 1), format!("Subject: other {number}\n\nother\n"));
    }
    assert_eq!(sandbox.fetch()["fetched"], 6);
}

#[test]
fn a_uid_and_a_size_delete_nothing() {
    let server = PopServer::with(mails());
    let sandbox = Sandbox::new();
    profile(&sandbox, &server, false);
    adopt_one(&sandbox, &["thunderbird", "--account", "work", "--write"]);
    give_password(&sandbox);
    // The same UID, header and size, and another body.
    let other = {
        let mail = &mut server.state().mails[0];
        let at = mail.wire.len() - 4;
        mail.wire[at] ^= 1;
        mail.clone()
    };
    sandbox.fetch();
    delete_what_is_fetched(&sandbox);
    sandbox.popkeep(["fetch"]).run();
    sandbox.popkeep(["fetch"]).run();
    assert!(server.uids().is_empty() || server.uids() == ["uid-00001"], "{:?}", server.uids());
    assert!(sandbox.maildir("work").contains(&other.stored()), "it is deleted only when it is archived");
}

#[test]
fn of_two_files_with_one_uid_neither_is_believed_before_the_message_has_come() {
    let server = PopServer::with(mails());
    let sandbox = Sandbox::new();
    profile(&sandbox, &server, false);
    // Somebody has put a second copy of the first message into another folder.
    let second = in_thunderbird(&mails()[0], "0001");
    sandbox.write(".thunderbird/abc.default/Mail/pop.example.com/Inbox.sbd/Copies", second);
    assert_eq!(adopt_one(&sandbox, &["thunderbird", "--account", "work", "--write"])["copied"], 5);
    give_password(&sandbox);
    let report = sandbox.fetch();
    assert_eq!((&report["fetched"], &report["archived"]), (&2.into(), &6.into()), "{report}");
    assert_eq!(server.count("RETR"), 3);
    assert_eq!(sandbox.maildir("work").len(), 7, "both copies stay");
    delete_what_is_fetched(&sandbox);
    assert_eq!(sandbox.fetch()["deleted"], 6);
    assert_eq!(sandbox.maildir("work").len(), 7);
}

#[test]
fn one_folder_of_thunderbird_may_stay_where_it_is() {
    let server = PopServer::with(mails());
    let sandbox = Sandbox::new();
    profile(&sandbox, &server, false);
    let inbox = sandbox.path(".thunderbird/abc.default/Mail/pop.example.com/Inbox.sbd/Work");
    let inbox = inbox.to_str().unwrap();
    let written = adopt_one(&sandbox, &["thunderbird", "--account", "work", "--archive", inbox, "--write"]);
    assert_eq!((&written["copy"], &written["format"]), (&false.into(), &"mbox".into()));
    give_password(&sandbox);
    let report = sandbox.fetch();
    assert_eq!((&report["fetched"], &report["archived"]), (&4.into(), &6.into()));
    assert_same_mail(without_added(&copies(inbox.as_ref(), "mbox")), stored_forms(&mails()));
}

#[test]
fn a_copy_that_was_broken_off_goes_on_and_copies_nothing_twice() {
    let server = PopServer::with(mails());
    let sandbox = Sandbox::new();
    profile(&sandbox, &server, false);
    let account = ["thunderbird", "--account", "work"];
    // All is copied, and the ledger and the configuration are lost.
    adopt_one(&sandbox, &[&account[..], &["--write"]].concat());
    std::fs::remove_dir_all(sandbox.ledger().parent().unwrap()).unwrap();
    std::fs::remove_file(sandbox.config_file()).unwrap();
    // A part of it.
    let files = crate::support::stores::files(&sandbox.archive("work").join("new"));
    std::fs::remove_file(&files[0]).unwrap();
    let written = adopt_one(&sandbox, &[&account[..], &["--write"]].concat());
    assert_eq!(written["copied"], 1, "{written}");
    assert_eq!(sandbox.maildir("work").len(), 4);
    give_password(&sandbox);
    assert_eq!(sandbox.fetch()["fetched"], 2);
    // The ledger is lost once more, and headers are not asked for.
    std::fs::remove_dir_all(sandbox.ledger().parent().unwrap()).unwrap();
    delete_what_is_fetched(&sandbox);
    let report = sandbox.fetch();
    assert_eq!((&report["fetched"], &report["deleted"]), (&0.into(), &6.into()), "{report}");
    assert_same_mail(without_added(&sandbox.maildir("work")), stored_forms(&mails()));
}

/// A mail program with numbered files: `Mail/inbox/1`…, and a list of what it has seen.
fn with_numbered_files(folder: &str, list: &str, server: &PopServer) -> Sandbox {
    let sandbox = Sandbox::new();
    let port = server.port();
    sandbox.write(
        format!("{folder}/accountrc"),
        format!(
            "[Account: 1]\naccount_name=Work\nprotocol=0\nreceive_server=127.0.0.1\nuser_id=joe\nssl_pop=0\nset_popport=1\n\
             pop_port={port}\nremove_mail=0\n"
        ),
    );
    set_mode(sandbox.path(format!("{folder}/accountrc")), 0o600);
    sandbox.write(format!("{folder}/uidl/127.0.0.1-joe"), list);
    for (number, mail) in mails().iter().take(4).enumerate() {
        let below = if number < 3 { "" } else { "sub/" };
        sandbox.write(format!("Mail/inbox/{below}{}", number + 1), mail.stored());
    }
    sandbox.write("Mail/inbox/.sylpheed_cache", "cache");
    sandbox
}

#[test]
fn numbered_files_of_claws_mail_and_sylpheed_are_copied() {
    let claws = "uid-00001\t1790000000\t0\nuid-00002\t1790000000\t0\nuid-00003\t1790000000\t0\nuid-00004\t1790000000\t0\n\
                 uid-00005\t1790000000\t/tmp/part\n";
    let sylpheed =
        "uid-00001\t1790000000\nuid-00002\t1790000000\nuid-00003\t1\nuid-00004\t1790000000\nuid-00005\t2\n";
    for (tool, folder, list, in_list) in
        [("claws", ".claws-mail", claws, 4), ("sylpheed", ".sylpheed-2.0", sylpheed, 5)]
    {
        let server = PopServer::with(mails());
        let sandbox = with_numbered_files(folder, list, &server);
        let written = adopt_one(&sandbox, &[tool, "--account", "work", "--write"]);
        assert_eq!(
            (&written["in_list"], &written["copied"]),
            (&in_list.into(), &4.into()),
            "{tool}: {written}"
        );
        give_password(&sandbox);
        let report = sandbox.fetch();
        assert_eq!((&report["fetched"], &report["archived"]), (&2.into(), &6.into()), "{tool}: {report}");
        assert_same_mail(sandbox.maildir("work"), stored_forms(&mails()));
        delete_what_is_fetched(&sandbox);
        assert_eq!(sandbox.fetch()["deleted"], 6, "{tool}");
        assert_same_mail(sandbox.maildir("work"), stored_forms(&mails()));
    }
}

/// mpop has fetched two of six messages into a Maildir, and has a list with these lines.
fn mpop(server: &PopServer, list: &str) -> Sandbox {
    let sandbox = Sandbox::new();
    write_mpoprc(&sandbox, server);
    sandbox.write("uidls", format!("# This file was generated by mpop\n#\n 2 127.0.0.1 joe\n{list}"));
    std::fs::create_dir_all(sandbox.path("Mail/work/cur")).unwrap();
    for (number, mail) in mails().iter().take(2).enumerate() {
        let added = "Received: from h (h [1.2.3.4])\n\tby l (mpop-1.4.23) with POP3\n\tfor <joe>; date\n";
        sandbox.write(format!("Mail/work/new/{number}.M1.h"), [added.as_bytes(), &mail.stored()].concat());
    }
    sandbox
}

#[test]
fn both_forms_of_mpops_list_are_read() {
    for list in ["uid-00001 1790000000\nuid-00002 1790003600\n", "uid-00001\nuid-00002\n"] {
        let server = PopServer::with(mails());
        let sandbox = mpop(&server, list);
        let shown = adopt_one(&sandbox, &["mpop", "--take-password", "--write"]);
        assert_eq!(
            (&shown["in_list"], &shown["found"], &shown["others"]),
            (&2.into(), &2.into(), &4.into()),
            "{shown}"
        );
        assert_eq!(sandbox.fetch()["fetched"], 4);
    }
}

#[test]
fn what_a_program_has_put_into_its_copies_is_known_in_copies_of_them() {
    for deletes_at_once in [false, true] {
        let server = PopServer::with(mails());
        let sandbox = mpop(&server, "uid-00001\nuid-00002\n");
        let before = sandbox.maildir("work");
        let written = adopt_one(&sandbox, &["mpop", "--copy", "--take-password", "--write"]);
        assert_eq!(written["copied"], 2, "{written}");
        if deletes_at_once {
            delete_what_is_fetched(&sandbox);
        }
        let report = sandbox.fetch();
        assert_eq!((&report["fetched"], &report["archived"]), (&4.into(), &6.into()), "{report}");
        if !deletes_at_once {
            delete_what_is_fetched(&sandbox);
            assert_eq!(sandbox.fetch()["deleted"], 6);
        }
        assert!(server.uids().is_empty());
        assert_same_mail(sandbox.maildir("work"), before);
        let archive = written["archive"].as_str().unwrap();
        assert_same_mail(without_added(&copies(archive.as_ref(), "maildir")), stored_forms(&mails()));
    }
}

#[test]
fn an_account_that_is_configured_gets_the_copies() {
    let server = PopServer::with(mails());
    let sandbox = Sandbox::with([Account::on("mine", &server).text("format", "mbox")]);
    // Two are fetched already.
    sandbox.popkeep(["fetch", "--limit", "2"]).run().expect(0);
    profile(&sandbox, &server, false);
    let written = adopt_one(&sandbox, &["thunderbird", "--copy", "--write"]);
    assert_eq!(
        (&written["name"], &written["configured"], &written["copied"]),
        (&"mine".into(), &true.into(), &2.into())
    );
    let report = sandbox.fetch();
    assert_eq!((&report["fetched"], &report["archived"]), (&2.into(), &6.into()), "{report}");
    assert_same_mail(without_added(&copies(&sandbox.archive("mine"), "mbox")), stored_forms(&mails()));
}

//! `adopt archive PATH --account NAME`.

use super::{adopt_one, copies};
use crate::support::mail::{assert_same_mail, stored_forms};
use crate::support::{Account, Mail, PopServer, Sandbox};

/// A Maildir or an mbox of six messages at this path.
fn filled(sandbox: &Sandbox, path: &str, format: &str) {
    if format == "mbox" {
        let regions = Mail::some(6)
            .iter()
            .map(|mail| [b"From x@y  Thu Jan  1 00:00:00 1970\n", mail.stored().as_slice(), b"\n"].concat())
            .collect::<Vec<_>>();
        sandbox.write(path, regions.concat());
        return;
    }
    for folder in ["tmp", "new", "cur"] {
        std::fs::create_dir_all(sandbox.path(path).join(folder)).unwrap();
    }
    for (number, mail) in Mail::some(6).iter().enumerate() {
        sandbox.write(format!("{path}/cur/{number}.M1.h:2,S"), mail.stored());
    }
}

#[test]
fn an_archive_is_taken_where_it_is() {
    for format in ["maildir", "mbox"] {
        let server = PopServer::with(Mail::some(7));
        let sandbox = Sandbox::with([Account::on("work", &server).text("format", format)]);
        filled(&sandbox, "Mail/work", format);
        let path = sandbox.archive("work");
        let path = path.to_str().unwrap();
        let before = sandbox.snapshot();
        let shown = adopt_one(&sandbox, &["archive", path, "--account", "work"]);
        assert_eq!(sandbox.snapshot(), before, "{format}");
        assert_eq!(
            (&shown["on_server"], &shown["found"], &shown["not_found"]),
            (&7.into(), &6.into(), &1.into()),
            "{shown}"
        );
        let written = adopt_one(&sandbox, &["archive", path, "--account", "work", "--write"]);
        assert_eq!(
            (&written["written"], &written["indexed"], &written["configured"]),
            (&true.into(), &6.into(), &true.into())
        );
        let outcome = sandbox.popkeep(["fetch", "--json"]).run().expect(0);
        assert!(!outcome.stderr.contains("first look"), "it is not needed twice: {}", outcome.stderr);
        let report = outcome.account();
        assert_eq!((&report["fetched"], &report["archived"]), (&1.into(), &7.into()), "{format}");
        assert_same_mail(copies(path.as_ref(), format), stored_forms(&Mail::some(7)));
    }
}

#[test]
fn another_archive_is_copied_into_that_of_the_account() {
    for format in ["maildir", "mbox"] {
        for from in ["maildir", "mbox"] {
            let server = PopServer::with(Mail::some(7));
            let sandbox = Sandbox::with([Account::on("work", &server).text("format", format)]);
            filled(&sandbox, "old", from);
            let old = sandbox.path("old");
            let old = old.to_str().unwrap();
            sandbox
                .popkeep(["adopt", "archive", old, "--account", "work", "--write"])
                .run()
                .expect(64)
                .says(&["--copy"]);
            for copied in [6, 0] {
                let written =
                    adopt_one(&sandbox, &["archive", old, "--account", "work", "--copy", "--write"]);
                assert_eq!(written["copied"], copied, "{from} into {format}: {written}");
            }
            let report = sandbox.fetch();
            assert_eq!(
                (&report["fetched"], &report["archived"]),
                (&1.into(), &7.into()),
                "{from} into {format}"
            );
            assert_same_mail(copies(&sandbox.archive("work"), format), stored_forms(&Mail::some(7)));
        }
    }
}

#[test]
fn equal_messages_are_copied_as_often_as_they_are_there() {
    let equal = |uid: &str| Mail::numbered(1).with_uid(uid);
    let server = PopServer::with(vec![equal("a"), equal("b")]);
    let sandbox = Sandbox::with([Account::on("work", &server)]);
    for number in 0..2 {
        sandbox.write(format!("old/cur/{number}.M1.h:2,S"), Mail::numbered(1).stored());
    }
    let old = sandbox.path("old");
    let arguments = ["archive", old.to_str().unwrap(), "--account", "work", "--copy", "--write"];
    assert_eq!(adopt_one(&sandbox, &arguments)["copied"], 2);
    assert_eq!(sandbox.fetch()["archived"], 2);
    assert_eq!(sandbox.maildir("work").len(), 2);
}

#[test]
fn without_a_configuration_or_a_server_it_only_says_what_is_there() {
    let sandbox = Sandbox::new();
    filled(&sandbox, "old", "mbox");
    let old = sandbox.path("old");
    let old = old.to_str().unwrap();
    let before = sandbox.snapshot();
    let shown = adopt_one(&sandbox, &["archive", old, "--account", "work"]);
    assert_eq!((&shown["messages"], &shown["on_server"]), (&6.into(), &serde_json::Value::Null));
    sandbox
        .popkeep(["adopt", "archive", old, "--account", "work", "--write"])
        .run()
        .expect(64)
        .says(&["init"]);
    sandbox.popkeep(["adopt", "archive", old]).run().expect(64).one_line(&["--account"]);
    sandbox.popkeep(["adopt", "archive", "/nowhere", "--account", "work"]).run().expect(64);
    assert_eq!(sandbox.snapshot(), before);
}

//! Promise: an archive is a Maildir or an mbox like any other. mutt, neomutt, notmuch and Dovecot, as
//! Debian has them, read what popkeep wrote, and all count the same messages.

use crate::support::{Account, Mail, PopServer, Sandbox, find_program, skip, stores};
use std::path::{Path, PathBuf};
use std::process::Command;

const FORMATS: [&str; 2] = ["maildir", "mbox"];

/// Messages that a reader could count wrongly: lines that look like an mbox's separator, one
/// without a body, one that does not end in a line end, 8-bit text, a dot alone.
fn awkward() -> Vec<Mail> {
    let header = |n: usize| {
        format!(
            "Return-Path: <a@example.com>\nMessage-ID: <{n}@example.com>\nDate: Mon, 23 Nov 2026 04:00:0{n} +0000\n\
             From: Ann <a@example.com>\nTo: joe@example.com\nSubject: number {n}\n"
        )
    };
    [
        "\nFrom here on it is quoted.\n>From here, too.\n\nFrom joe@example.com Mon Nov 23 04:00:00 2026\n\nno mail\n",
        "\n",
        "\nno line end",
        "Content-Type: text/plain; charset=utf-8\n\nGr\u{fc}\u{df}e\n.\n..\n",
        "Status: RO\nContent-Length: 99999\n\na length that is wrong\n\n\n",
    ]
    .iter()
    .enumerate()
    .map(|(n, rest)| Mail::new(&format!("uid-{n}"), format!("{}{rest}", header(n))))
    .collect()
}

/// The archives of one maildrop in both formats, and how many messages each holds.
fn archived() -> (Sandbox, usize) {
    let mails = [awkward(), Mail::some(7)].concat();
    let server = PopServer::with(mails.clone());
    let sandbox = Sandbox::with(FORMATS.map(|format| Account::on(format, &server).text("format", format)));
    sandbox.popkeep(["fetch", "--quiet"]).run().expect(0).silent();
    (sandbox, mails.len())
}

/// The program, or a skipped test.
fn program(name: &str) -> Option<PathBuf> {
    let found = find_program(name);
    if found.is_none() {
        skip(&format!("there is no {name}"));
    }
    found
}

/// How many messages mutt or its like lists in a mailbox: at a terminal it opens it read-only, marks all, and
/// writes each message's Message-ID through a pipe.
fn listed(sandbox: &Sandbox, program: &Path, mailbox: &Path) -> Vec<String> {
    let said = sandbox.path("said");
    let _ = std::fs::remove_file(&said);
    let show = format!("cat >> {}; echo >> {}", said.display(), said.display());
    let mut command = Command::new(program);
    command.args(["-n", "-F", "/dev/null", "-R", "-f"]).arg(mailbox);
    for setting in [
        "set pipe_split=yes pipe_decode=no wait_key=no sort=mailbox-order quit=yes",
        "set header_cache=\"\"",
        &format!("push '<tag-pattern>~A<enter><tag-prefix><pipe-message>{show}<enter><exit>'"),
    ] {
        command.args(["-e", setting]);
    }
    let ended = sandbox.command(command).on_terminal(100, 30).finish();
    assert_eq!(ended.code, Some(0), "{}", ended.screen);
    let text = std::fs::read(&said).unwrap_or_else(|error| panic!("{error}:\n{}", ended.screen));
    let text = String::from_utf8_lossy(&text).into_owned();
    text.lines().filter(|line| line.starts_with("Subject: ")).map(str::to_owned).collect()
}

fn reads_both(name: &str) {
    let Some(program) = program(name) else { return };
    let (sandbox, messages) = archived();
    let before = FORMATS.map(|format| stores_of(&sandbox, format));
    let [maildir, mbox] = FORMATS.map(|format| {
        let mut subjects = listed(&sandbox, &program, &sandbox.archive(format));
        subjects.sort();
        subjects
    });
    assert_eq!(mbox.len(), messages, "{name} counts otherwise in the mbox: {mbox:?}");
    assert_eq!(maildir, mbox, "{name} sees the same in both");
    assert_eq!(FORMATS.map(|format| stores_of(&sandbox, format)), before, "and changed nothing");
}

fn stores_of(sandbox: &Sandbox, format: &str) -> Vec<Vec<u8>> {
    let mut mail = match format {
        "mbox" => stores::mbox(&sandbox.archive(format)),
        _ => sandbox.maildir(format),
    };
    mail.sort();
    mail
}

#[test]
fn mutt_lists_the_maildir_and_the_mbox() {
    reads_both("mutt");
}

#[test]
fn neomutt_lists_the_maildir_and_the_mbox() {
    reads_both("neomutt");
}

#[test]
fn notmuch_indexes_the_maildir_as_soon_as_there_is_new_mail() {
    if program("notmuch").is_none() {
        return;
    }
    let mails = [awkward(), Mail::some(7)].concat();
    let server = PopServer::with(mails.clone());
    let sandbox = Sandbox::with([Account::on("work", &server).text("on_new_mail", "notmuch new --quiet")]);
    let mail = sandbox.path("Mail");
    sandbox.write(
        ".notmuch-config",
        format!("[database]\npath={}\n[user]\nprimary_email=joe@example.com\n", mail.display()),
    );
    sandbox.popkeep(["fetch", "--quiet"]).run().expect(0).silent();
    let count = |query: &str| {
        let mut command = Command::new("notmuch");
        command.args(["count", "--output=files", "--exclude=false", query]);
        sandbox.command(command).run().expect(0).stdout.trim().to_owned()
    };
    assert_eq!(count("*"), mails.len().to_string());
    assert_eq!(count("subject:number"), awkward().len().to_string());

    sandbox.popkeep(["fetch", "--quiet"]).run().expect(0).silent();
    assert_eq!(sandbox.maildir("work").len(), mails.len(), "notmuch's own files are not taken for mail");
}

#[test]
fn dovecot_opens_the_maildir_and_the_mbox() {
    let Some(doveadm) = program("doveadm") else { return };
    let (sandbox, messages) = archived();
    let (user, group) = mail_user(&sandbox);
    let subjects = FORMATS.map(|format| {
        let archive = sandbox.archive(format);
        let location = match format {
            "mbox" => format!("mbox:{}:INBOX={}", sandbox.path("dovecot").display(), archive.display()),
            _ => format!("maildir:{}", archive.display()),
        };
        let config = sandbox.write(
            format!("dovecot-{format}.conf"),
            format!(
                "log_path = /dev/stderr\nbase_dir = {base}\nssl = no\nmail_location = {location}\n\
                 first_valid_uid = 0\nfirst_valid_gid = 0\nmail_uid = {user}\nmail_gid = {group}\nmbox_write_locks = fcntl\n",
                base = sandbox.path("base").display()
            ),
        );
        let mut command = Command::new(&doveadm);
        command.args(["-c"]).arg(&config);
        command.args(["fetch", "hdr.subject", "mailbox", "INBOX", "all"]);
        let said = sandbox.command(command).env("USER", &user).run().expect(0).stdout;
        let mut found: Vec<String> =
            said.lines().filter(|line| line.starts_with("hdr.subject:")).map(str::to_owned).collect();
        found.sort();
        found
    });
    assert_eq!(subjects[0].len(), messages, "{subjects:?}");
    assert_eq!(subjects[0], subjects[1], "the same in both");
}

/// Who Dovecot reads the archives as, to whom they are given if that is somebody else: it refuses to
/// read mail as root.
fn mail_user(sandbox: &Sandbox) -> (String, String) {
    let id = |what: &str| {
        let said = Command::new("id").arg(what).output().unwrap();
        String::from_utf8(said.stdout).unwrap().trim().to_owned()
    };
    if id("-u") != "0" {
        return (id("-un"), id("-gn"));
    }
    let given = Command::new("chown").args(["-R", "mail:mail"]).arg(sandbox.path("")).status().unwrap();
    assert!(given.success());
    ("mail".to_owned(), "mail".to_owned())
}

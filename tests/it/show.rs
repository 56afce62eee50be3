//! An archived message is shown, and its attachments are saved.
//!
//! | the rule | its tests |
//! | --- | --- |
//! | headers that matter, text, attachments with sizes; safe for the terminal | [`a_person_reads_it`] |
//! | `--raw` gives the octets as stored, `--headers` the whole header | [`raw_is_octet_for_octet`] |
//! | `--save` writes safe names into DIR alone, and overwrites nothing | [`attachments_are_saved_under_safe_names`] |
//! | an unknown ID is 1, what is no ID 64, several contents 64 with a list | [`an_id_is_unknown_ambiguous_or_wrong`] |
//! | a damaged copy is told, a whole one is preferred | [`a_damaged_copy_is_told`] |
//! | a large attachment takes no memory; more parts than are looked at are not saved | [`large_attachments_take_no_memory`] |

use std::fs;
use std::path::Path;

use base64::Engine as _;

use crate::search::archived;
use crate::support::{Mail, PopServer, Sandbox, stores};

#[track_caller]
fn id(sandbox: &Sandbox, query: &str) -> String {
    let ids = sandbox.popkeep(["search", "--ids", query]).run().expect(0).stdout;
    assert_eq!(ids.lines().count(), 1, "{query}: {ids}");
    ids.trim().to_owned()
}

fn base64(octets: impl AsRef<[u8]>) -> String {
    base64::engine::general_purpose::STANDARD.encode(octets)
}

/// The names in a folder, sorted.
fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn a_person_reads_it() {
    let message = format!(
        "Received: from x\nX-Spam: no\nFrom: =?utf-8?q?J=C3=A4ne?= <jane@example.com>\nTo: joe@example.com\nCc: ann@example.com\n\
         Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe_=1B[2J?=\nDate: Thu, 2 Jan 2025 12:00:00 +0100\nContent-Type: multipart/mixed; boundary=m\n\n\
         --m\nContent-Type: multipart/alternative; boundary=a\n\n--a\nContent-Type: text/plain; charset=utf-8\n\n\
         Hello \u{1b}]0;x\u{7}there \u{202e}evil\n\tindented \\ n\n--a\nContent-Type: text/html\n\n<p>the page</p>\n--a--\n\
         --m\nContent-Type: application/pdf; name=\"Bill.pdf\"\nContent-Transfer-Encoding: base64\n\n{}\n\
         --m\nContent-Type: message/rfc822\n\nSubject: inner\n\nforwarded words\n--m--\n",
        base64("0123456789")
    );
    let page = "Subject: page\nContent-Type: text/html; charset=utf-8\n\n<h1>Head</h1><p>A &amp; B</p><a href='https://example.com/x'>link</a>\n";
    let sandbox = archived([&message, page]);
    let out =
        sandbox.popkeep(["show", &id(&sandbox, "subject:grüße")]).env("TZ", "UTC").run().expect(0).stdout;
    for line in [
        "Date:     2025-01-02 11:00:00",
        "From:     Jäne <jane@example.com>",
        "To:       joe@example.com",
        "Cc:       ann@example.com",
        "Subject:  Grüße \\x1b[2J",
        "Hello \\x1b]0;x\\x07there \\u{202e}evil",
        "\tindented \\ n",
        "forwarded words",
    ] {
        assert!(out.lines().any(|shown| shown == line), "{line:?} is not in\n{out}");
    }
    for hidden in ["Received", "X-Spam", "the page", "\u{1b}", "\u{7}", "\u{202e}"] {
        assert!(!out.contains(hidden), "{hidden:?} is in\n{out}");
    }
    assert!(out.contains("2 attachments") && out.contains("Bill.pdf") && out.contains("10 B"), "{out}");
    let out = sandbox.popkeep(["show", &id(&sandbox, "subject:page")]).run().expect(0).stdout;
    assert!(out.contains("Head") && out.contains("A & B") && out.contains("https://example.com/x"), "{out}");
    assert!(!out.contains('<'), "{out}");
}

#[test]
fn raw_is_octet_for_octet() {
    let message = "Subject: a\n\tgoes on\nX-Odd: \u{1b}[1m\n\nFrom here\n.\nno end\u{0}\rx\n";
    for format in ["maildir", "mbox"] {
        let sandbox = crate::search::archived_as(format, [message.as_bytes().to_vec()]);
        let id = id(&sandbox, "");
        let raw = sandbox.popkeep(["show", "--raw", &id]).run().expect(0).stdout;
        assert_eq!(raw, message);
        let upper = sandbox.popkeep(["show", "--raw", &id.to_uppercase()]).run().expect(0).stdout;
        assert_eq!(upper, message);
        let headers = sandbox.popkeep(["show", "--headers", &id]).run().expect(0).stdout;
        assert_eq!(headers, "Subject: a\n        goes on\nX-Odd: \\x1b[1m\n");
    }
}

#[test]
fn attachments_are_saved_under_safe_names() {
    let part = |name: &str, text: &str| {
        format!(
            "--m\nContent-Type: application/octet-stream\nContent-Disposition: attachment; filename=\"{name}\"\n\n{text}\n"
        )
    };
    let message = [
        "Subject: a\nContent-Type: multipart/mixed; boundary=m\n\n--m\n\ntext\n".to_owned(),
        part("../../evil", "one"),
        part("/etc/passwd", "two"),
        part(".bashrc", "three"),
        part("report.pdf", "four"),
        part("report.pdf", "five"),
        part("link", "six"),
        part("=?utf-8?q?a=00b=0A=1B[2J?=", "seven"),
        part(&"x".repeat(400), "eight"),
        part("..", "nine"),
        "--m\nContent-Type: message/rfc822\n\nSubject: inner\n\nwords\n--m\nContent-Type: image/png\n\npng\n--m--\n".to_owned(),
    ]
    .concat();
    let sandbox = archived([&message]);
    let folder = sandbox.path("out");
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("report.pdf"), "mine").unwrap();
    std::os::unix::fs::symlink(sandbox.path("target"), folder.join("link")).unwrap();
    let id = id(&sandbox, "");
    let before = names(&sandbox.path(""));
    let out = sandbox.popkeep(["show", &id, "--save", "out"]).run().expect(0).stdout;
    let saved = names(&folder);
    assert_eq!(out.lines().count(), 11, "{out}");
    assert_eq!(saved.len(), 13, "{saved:?}");
    let read = |name: &str| fs::read_to_string(folder.join(name)).unwrap();
    for (name, text) in [
        ("evil", "one"),
        ("passwd", "two"),
        ("bashrc", "three"),
        ("report.pdf", "mine"),
        ("report-2.pdf", "four"),
        ("report-3.pdf", "five"),
        ("link-2", "six"),
        ("part-9", "nine"),
        ("part-10.eml", "Subject: inner\n\nwords"),
        ("part-11", "png"),
    ] {
        assert_eq!(read(name), text, "{name}");
    }
    assert!(saved.iter().all(|name| !name.contains(char::is_control) && name.len() <= 210), "{saved:?}");
    assert_eq!(names(&sandbox.path("")), before, "nothing outside the folder");
    assert!(!sandbox.path("target").exists(), "no link is followed");
    sandbox.popkeep(["show", &id, "--save", "out"]).run().expect(0);
    assert_eq!(
        (read("evil"), read("evil-2"), names(&folder).len()),
        ("one".to_owned(), "one".to_owned(), 24)
    );
    fs::write(sandbox.path("file"), "").unwrap();
    sandbox.popkeep(["show", &id, "--save", "file"]).run().expect(73).one_line(&["file"]);
}

#[test]
fn an_id_is_unknown_ambiguous_or_wrong() {
    let sandbox = archived(["Subject: one\n\nx\n", "Subject: two\n\nx\n"]);
    sandbox.popkeep(["show", "00000000"]).run().expect(1).one_line(&["00000000"]);
    for wrong in ["abc", "0123456g", "", &"a".repeat(40)] {
        sandbox.popkeep(["show", wrong]).run().expect(64).one_line(&["digits"]);
    }
    // Two contents whose IDs begin alike cannot be made in a moment; the index can say that there are.
    let known = id(&sandbox, "subject:one");
    let index = rusqlite::Connection::open(sandbox.path(".cache/popkeep/search.sqlite3")).unwrap();
    let alike = format!("UPDATE message SET content = x'{known}{}' WHERE subject = 'two'", "0".repeat(24));
    assert_eq!(index.execute(&alike, []).unwrap(), 1);
    drop(index);
    sandbox.popkeep(["show", &known]).run().expect(64).one_line(&["one", "two", &known]);
}

#[test]
fn a_damaged_copy_is_told() {
    let server = PopServer::with(vec![Mail::numbered(1), Mail::numbered(1).with_uid("again")]);
    let sandbox = Sandbox::for_server(&server);
    sandbox.fetch();
    let ids = sandbox.popkeep(["search", "--ids"]).run().expect(0).stdout;
    let id = ids.lines().next().unwrap();
    let files = stores::maildir_files(&sandbox.archive("work"));
    let text = fs::read_to_string(&files[0]).unwrap();
    fs::write(&files[0], text.replace("message 1.", "massage 1.")).unwrap();
    sandbox.popkeep(["show", id]).run().expect(0).says(&["This is message 1."]);
    fs::write(&files[1], text.replace("message 1.", "massage 1.")).unwrap();
    let out = sandbox.popkeep(["show", id]).run().expect(1).says(&["This is massage 1.", "verify"]);
    assert_eq!(out.stderr.lines().count(), 1);
    fs::remove_file(&files[0]).unwrap();
    fs::remove_file(&files[1]).unwrap();
    sandbox.popkeep(["show", id]).run().expect(1).one_line(&[id]);
}

#[test]
fn large_attachments_take_no_memory() {
    let octets = vec![0x5a_u8; 60_000_000];
    let encoded = base64(&octets);
    let lines: Vec<&str> =
        encoded.as_bytes().chunks(76).map(|line| std::str::from_utf8(line).unwrap()).collect();
    let large = format!(
        "Subject: large\nContent-Type: multipart/mixed; boundary=m\n\n--m\nContent-Type: application/zip; name=big.zip\n\
         Content-Transfer-Encoding: base64\n\n{}\n--m--\n",
        lines.join("\n")
    );
    let many = format!(
        "Subject: many\nContent-Type: multipart/mixed; boundary=b\n\n{}",
        "--b\nContent-Type: a/b; name=x\n\ny\n".repeat(20_000)
    );
    let sandbox = archived([&large, &many]);
    for arguments in [&["--save", "out"][..], &[], &["--raw"]] {
        let large = id(&sandbox, "subject:large");
        let run = sandbox.popkeep([&["show", &large], arguments].concat());
        let (outcome, peak) = run.measured();
        outcome.expect(0);
        assert!(peak <= 32 << 10, "{peak} KiB");
    }
    assert!(fs::read(sandbox.path("out/big.zip")).unwrap() == octets);
    let many = id(&sandbox, "subject:many");
    sandbox.popkeep(["show", &many]).run().expect(0).says(&["more parts"]);
    sandbox.popkeep(["show", &many, "--save", "many"]).run().expect(65).one_line(&["parts"]);
    assert!(!sandbox.path("many").exists());
}

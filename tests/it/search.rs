//! Archived messages are found.
//!
//! | the rule | its tests |
//! | --- | --- |
//! | words, phrases, prefixes, OR, NOT, fields | [`a_query_finds_what_it_says`] |
//! | days, sizes, accounts, IDs | [`days_sizes_accounts_and_ids`] |
//! | encodings, charsets, HTML, names of attachments | [`text_is_found_however_it_is_encoded`] |
//! | Chinese, Japanese and Korean by any two adjacent characters | [`languages_without_blanks`] |
//! | newest first, one row per copy, `--limit` | [`what_is_newest_comes_first`] |
//! | `--json`, `--ids`, `--paths` | [`each_form_has_what_scripts_need`] |
//! | what is long is paged on a terminal | [`what_is_long_is_paged_on_a_terminal`] |
//! | a query that cannot be read is 64 and points at the place | [`a_query_that_cannot_be_read_points_at_the_place`] |
//! | the index follows ledger and archive | [`the_index_follows_the_archive`], [`every_message_of_a_large_archive_is_found`], [`an_mbox_is_searched`] |
//! | it may be deleted or damaged at any time | [`a_lost_damaged_or_older_index_is_made_anew`] |
//! | a fetch brings it up to date, and never fails because of it | [`a_fetch_refreshes_the_index_and_needs_none`] |
//! | an account that cannot be searched does not stop the others | [`a_vanished_archive_is_told`] |
//! | hostile mail takes bounded time and memory | [`hostile_mail_is_bounded`] |

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::sandbox::Run;
use crate::support::{Account, Mail, PopServer, Sandbox, stores};

/// A sandbox with these messages in its archive.
pub(crate) fn archived<const N: usize>(mails: [&str; N]) -> Sandbox {
    archived_as("maildir", mails.map(|text| text.as_bytes().to_vec()))
}

#[expect(clippy::needless_pass_by_value, reason = "tests write them where they are")]
pub(crate) fn archived_as<const N: usize>(format: &str, mails: [Vec<u8>; N]) -> Sandbox {
    let mails =
        mails.iter().enumerate().map(|(at, text)| Mail::new(&format!("u{at}"), text)).collect::<Vec<_>>();
    let server = PopServer::with(mails);
    let sandbox = Sandbox::with([Account::on("work", &server).text("format", format)]);
    sandbox.popkeep(["fetch", "--quiet"]).run().expect(0).silent();
    sandbox
}

/// The subjects of what a query finds, in order.
#[track_caller]
fn subjects(sandbox: &Sandbox, query: &str) -> Vec<String> {
    let found = sandbox.popkeep(["search", "--json", "--", query]).run().expect(0).json();
    let subject = |hit: &Value| hit["subject"].as_str().unwrap_or("-").to_owned();
    found.as_array().unwrap().iter().map(subject).collect()
}

#[track_caller]
fn finds<const N: usize>(sandbox: &Sandbox, query: &str, expected: [&str; N]) {
    let mut found = subjects(sandbox, query);
    found.sort();
    assert_eq!(found, expected, "{query}");
}

fn index(sandbox: &Sandbox) -> PathBuf {
    sandbox.path(".cache/popkeep/search.sqlite3")
}

#[test]
fn a_query_finds_what_it_says() {
    let sandbox = archived([
        "From: Jane Doe <jane@example.com>\nTo: joe@example.net\nCc: Ann <ann@example.org>\nSubject: a\n\nThe invoice for March is attached.\n",
        "From: Bob <bob@example.com>\nTo: jane@example.com\nSubject: b\n\nInvoices, at last. See http://example.com/pay?x=1\n",
        "From: Carol <carol@example.com>\nSubject: c\nContent-Type: multipart/mixed; boundary=x\n\n--x\n\nMarch weather\n--x\n\
         Content-Type: application/pdf\nContent-Disposition: attachment; filename=\"Weather report.pdf\"\n\nx\n--x--\n",
    ]);
    finds(&sandbox, "", ["a", "b", "c"]);
    finds(&sandbox, "INVOICE", ["a"]);
    finds(&sandbox, "invoic*", ["a", "b"]);
    finds(&sandbox, "march invoice", ["a"]);
    finds(&sandbox, "\"for March\"", ["a"]);
    finds(&sandbox, "\"March for\"", []);
    finds(&sandbox, "invoice OR weather", ["a", "c"]);
    finds(&sandbox, "march NOT invoice", ["c"]);
    finds(&sandbox, "march -invoice", ["c"]);
    finds(&sandbox, "NOT march", ["b"]);
    finds(&sandbox, "(invoices OR weather) -bob", ["c"]);
    finds(&sandbox, "jane", ["a", "b"]);
    finds(&sandbox, "from:jane", ["a"]);
    finds(&sandbox, "from:jane@example.com", ["a"]);
    finds(&sandbox, "from:\"jane doe\"", ["a"]);
    finds(&sandbox, "to:jane", ["b"]);
    finds(&sandbox, "cc:ann", ["a"]);
    finds(&sandbox, "subject:b", ["b"]);
    finds(&sandbox, "body:doe", []);
    finds(&sandbox, "filename:weather", ["c"]);
    finds(&sandbox, "filename:march", []);
    finds(&sandbox, "has:attachment", ["c"]);
    finds(&sandbox, "NOT has:attachment", ["a", "b"]);
    finds(&sandbox, "http://example.com/pay?x=1", ["b"]);
    finds(&sandbox, "has:attachment OR to:jane", ["b", "c"]);
    finds(&sandbox, "-march -bob", []);
    // Arguments are joined, and what is behind -- may begin with a dash.
    let out = sandbox.popkeep(["search", "--ids", "march", "--", "-invoice"]).run().expect(0);
    assert_eq!(out.stdout.lines().count(), 1);
}

#[test]
fn days_sizes_accounts_and_ids() {
    let server =
        PopServer::with(vec![Mail::new("1", "Subject: other\nDate: Sat, 1 Mar 2025 12:00:00 +0000\n\nx\n")]);
    let mails = ["2024-12-31 23:00", "2025-01-31 00:00", "2025-01-31 23:59", "2025-02-01 00:00"].map(|at| {
        let (day, time) = at.split_once(' ').unwrap();
        let (year, rest) = day.split_once('-').unwrap();
        let (month, day) = rest.split_once('-').unwrap();
        let month = ["Jan", "Feb", "Dec"][if month == "12" { 2 } else { usize::from(month == "02") }];
        Mail::new(
            at,
            format!(
                "Subject: {at}\nDate: {day} {month} {year} {time}:00 +0000\n\n{}\n",
                "y".repeat(day.len() * 100)
            ),
        )
    });
    let work = PopServer::with(mails.into());
    let sandbox = Sandbox::with([Account::on("work", &work), Account::on("home", &server)]);
    sandbox.popkeep(["fetch", "--quiet"]).run().expect(0).silent();
    let dated = |query: &str| {
        let found = sandbox.popkeep(["search", "--json", query]).env("TZ", "UTC").run().expect(0).json();
        found.as_array().unwrap().len()
    };
    assert_eq!(dated("after:2025-01-31"), 4, "that day or later");
    assert_eq!(dated("before:2025-01-31"), 1);
    assert_eq!(dated("on:2025-01-31"), 2);
    assert_eq!(dated("on:2025-01"), 2);
    assert_eq!(dated("on:2025"), 4);
    assert_eq!(dated("after:2025-01 before:2025-02"), 2);
    assert_eq!(dated("larger:100 account:work"), 4);
    assert_eq!(dated("smaller:100"), 1);
    assert_eq!(dated("smaller:1MB larger:1kB"), 0);
    finds(&sandbox, "account:home", ["other"]);
    finds(&sandbox, "account:home account:work", []);
    let ids = sandbox.popkeep(["search", "--ids", "-a", "home"]).run().expect(0).stdout;
    assert_eq!(ids.lines().count(), 1);
    finds(&sandbox, &format!("id:{}", ids.trim()), ["other"]);
    finds(&sandbox, &format!("account:work id:{}", ids.trim()), []);
    sandbox.popkeep(["search", "account:hime"]).run().expect(64).one_line(&["hime", "home"]);
    sandbox.popkeep(["search", "-a", "hime"]).run().expect(64).one_line(&["hime"]);
}

#[test]
fn text_is_found_however_it_is_encoded() {
    let latin = b"Subject: latin\nContent-Type: text/plain; charset=iso-8859-1\n\ncaf\xe9 cr\xe8me\n";
    let sandbox = archived_as("maildir", [
        latin.to_vec(),
        b"Subject: =?utf-8?b?R3LDvMOfZQ==?= qp\nContent-Transfer-Encoding: quoted-printable\nContent-Type: text/plain; charset=utf-8\n\nStra=C3=9Fe so=\nft M=C3=BCnchen\n".to_vec(),
        b"Subject: base64\nContent-Transfer-Encoding: base64\nContent-Type: text/plain; charset=utf-8\n\nR3LDvMOfZSBhdXMgS8O2bG4=\n".to_vec(),
        b"Subject: page\nContent-Type: text/html\n\n<html><style>.hidden{}</style><p>Pr&uuml;fung&nbsp;<b>be</b>standen<!-- secret --></p></html>\n".to_vec(),
        b"Subject: wrong\nContent-Type: text/plain; charset=x-nonsense\n\nM\xc3\xa4dchen und caf\xc3\xa9\n".to_vec(),
        b"From: =?iso-8859-1?q?J=F6rg?= <j@example.com>\nSubject: names\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\nx\n--b\n\
          Content-Type: application/octet-stream\nContent-Disposition: attachment; filename*=utf-8''R%C3%A9sum%C3%A9.doc\n\nx\n--b--\n".to_vec(),
    ]);
    finds(&sandbox, "cafe", ["latin", "wrong"]);
    finds(&sandbox, "CAFÉ", ["latin", "wrong"]);
    finds(&sandbox, "crème", ["latin"]);
    finds(&sandbox, "soft", ["Grüße qp"]);
    finds(&sandbox, "munchen", ["Grüße qp"]);
    finds(&sandbox, "köln", ["base64"]);
    finds(&sandbox, "prufung bestanden", ["page"]);
    finds(&sandbox, "hidden OR secret", []);
    finds(&sandbox, "mädchen", ["wrong"]);
    finds(&sandbox, "from:jorg", ["names"]);
    finds(&sandbox, "filename:resume", ["names"]);
    finds(&sandbox, "subject:grüße", ["Grüße qp"]);
}

#[test]
fn languages_without_blanks() {
    let sandbox = archived([
        "Subject: zh\nContent-Type: text/plain; charset=utf-8\n\n今天我们去北京开会，请确认时间。\n",
        "Subject: ja\nContent-Type: text/plain; charset=utf-8\n\n本日は東京でカンファレンスがあります。\n",
        "Subject: ko\nContent-Type: text/plain; charset=utf-8\n\n회의는 서울에서 합니다\n",
        "Subject: jis\nContent-Type: text/plain; charset=iso-2022-jp\n\n\u{1b}$BElKL\u{1b}(B\n",
    ]);
    finds(&sandbox, "北京", ["zh"]);
    finds(&sandbox, "京开", ["zh"]);
    finds(&sandbox, "天我们去", ["zh"]);
    finds(&sandbox, "去京", []);
    finds(&sandbox, "京", ["ja", "zh"]);
    finds(&sandbox, "ンファ", ["ja"]);
    finds(&sandbox, "東京でカンファレンス", ["ja"]);
    finds(&sandbox, "서울", ["ko"]);
    finds(&sandbox, "합니", ["ko"]);
    finds(&sandbox, "東北", ["jis"]);
    finds(&sandbox, "body:東", ["ja", "jis"]);
}

#[test]
fn what_is_newest_comes_first() {
    let mail = |day: u32, subject: &str| {
        format!("Subject: {subject}\nDate: {day} Jan 2025 12:00:00 +0000\n\nword\n")
    };
    let (one, two, three) = (mail(1, "one"), mail(3, "two"), mail(2, "three"));
    let sandbox = archived([&one, &two, &three, &two]);
    assert_eq!(subjects(&sandbox, "word"), ["two", "two", "three", "one"], "one row per copy");
    let ids = sandbox.popkeep(["search", "--ids", "--limit", "2", "word"]).run().expect(0).stdout;
    let ids: Vec<&str> = ids.lines().collect();
    assert_eq!((ids.len(), ids[0]), (2, ids[1]), "equal contents are one ID");
    let table = sandbox.popkeep(["search", "word"]).run().expect(0).stdout;
    assert_eq!(table.lines().count(), 5, "{table}");
    assert_eq!(sandbox.popkeep(["search", "nowhere"]).run().expect(0).silent().code, Some(0));
}

#[test]
fn each_form_has_what_scripts_need() {
    let sandbox = archived([
        "From: Jane <jane@example.com>\nTo: joe@example.com\nSubject: esc \u{1b}[2J\nDate: Thu, 2 Jan 2025 12:00:00 +0100\n\ntext\n",
        "\nno header at all\n",
    ]);
    let found = sandbox.popkeep(["search", "--json", "jane"]).run().expect(0).json();
    let path = stores::maildir_files(&sandbox.archive("work"))
        .into_iter()
        .find(|path| fs::read_to_string(path).unwrap().contains("jane"))
        .unwrap();
    let octets = fs::read(&path).unwrap().len();
    let hit = &found[0];
    assert_eq!(
        hit,
        &serde_json::json!({
            "id": hit["id"], "account": "work", "date": "2025-01-02T11:00:00Z", "from": "Jane <jane@example.com>",
            "to": "joe@example.com", "subject": "esc \\x1b[2J", "size": octets, "attachments": 0,
            "place": path.to_str().unwrap(),
        })
    );
    let id = hit["id"].as_str().unwrap();
    assert!(id.len() >= 8 && path.to_str().unwrap().contains(&format!("C{id}")), "{id}");
    let bare = sandbox.popkeep(["search", "--json", "NOT jane"]).run().expect(0).json();
    assert_eq!(
        (&bare[0]["date"], &bare[0]["from"], &bare[0]["to"]),
        (&Value::Null, &Value::Null, &Value::Null)
    );
    assert_eq!(
        sandbox.popkeep(["search", "--paths", "jane"]).run().expect(0).stdout,
        format!("{}\n", path.display())
    );
    assert_eq!(sandbox.popkeep(["search", "--ids", "jane"]).run().expect(0).stdout, format!("{id}\n"));
    assert_eq!(
        sandbox.popkeep(["search", "--json", "nowhere"]).run().expect(0).json(),
        serde_json::json!([])
    );
    let table = sandbox.popkeep(["search"]).run().expect(0).stdout;
    assert!(!table.contains('\u{1b}') && table.contains(id), "{table}");
    sandbox.popkeep(["search", "--json", "--ids"]).run().expect(64);
}

#[test]
fn a_query_that_cannot_be_read_points_at_the_place() {
    let sandbox = archived(["Subject: a\n\nx\n"]);
    for (query, column) in [
        ("a (b", "column 3"),
        ("a \"b", "column 3"),
        ("form:a", "from"),
        ("on:soon", "column 1"),
        ("a OR", "end"),
    ] {
        sandbox.popkeep(["search", query]).run().expect(64).one_line(&["query", column]);
    }
    let mut terminal = sandbox.popkeep(["search", "word form:a"]).on_terminal(80, 24);
    terminal.expect("^^^^^");
    assert_eq!(terminal.wait(), Some(64));
}

#[test]
fn what_is_long_is_paged_on_a_terminal() {
    let server = PopServer::with(Mail::some(30));
    let sandbox = Sandbox::for_server(&server);
    sandbox.fetch();
    let on_terminal = |arguments: &[&str], pager: &str, rows: u16| {
        let run = sandbox.popkeep(arguments).env("PAGER", pager).env("TERM", "xterm");
        let mut terminal = run.on_terminal(80, rows);
        terminal.expect("message 17");
        assert_eq!(terminal.wait(), Some(0));
        terminal.said()
    };
    assert!(on_terminal(&["search"], "sed s/^/paged:/", 20).contains("paged:"));
    assert!(!on_terminal(&["search"], "sed s/^/paged:/", 40).contains("paged:"), "it is not long");
    assert!(!on_terminal(&["search", "--json"], "sed s/^/paged:/", 20).contains("paged:"));
    on_terminal(&["search"], "no-such-pager", 20);
    let piped = sandbox.popkeep(["search"]).env("PAGER", "sed s/^/paged:/").run().expect(0);
    assert!(!piped.stdout.contains("paged:"));
}

#[test]
fn the_index_follows_the_archive() {
    let server = PopServer::with(Mail::some(5));
    let sandbox = Sandbox::for_server(&server);
    sandbox.popkeep(["search"]).run().expect(0).silent();
    sandbox.fetch();
    let count = |query: &str| subjects(&sandbox, query).len();
    assert_eq!((count(""), count("\"message 3\"")), (5, 1));
    let file = |part: &str| {
        let files = stores::maildir_files(&sandbox.archive("work")).into_iter();
        files.filter(|path| fs::read_to_string(path).unwrap().contains(part)).collect::<Vec<_>>()
    };
    // Read by a mail program: another folder, another name.
    let from = file("message 3.").remove(0);
    let to = sandbox.archive("work").join(format!("cur/{}:2,S", from.file_name().unwrap().to_str().unwrap()));
    fs::rename(from, &to).unwrap();
    assert_eq!(
        sandbox.popkeep(["search", "--paths", "\"message 3\""]).run().expect(0).stdout.trim(),
        to.to_str().unwrap()
    );
    // Removed, and put back.
    let octets = fs::read(&to).unwrap();
    fs::remove_file(&to).unwrap();
    assert_eq!((count(""), count("\"message 3\"")), (4, 0), "gone from the archive");
    fs::write(&to, octets).unwrap();
    assert_eq!((count(""), count("\"message 3\"")), (5, 1), "back again");
    server.state().mails.push(Mail::numbered(6));
    sandbox.fetch();
    assert_eq!((count(""), count("\"message 6\"")), (6, 1));
    // Another ledger, which knows none of it.
    sandbox.lose_ledger();
    assert_eq!(count(""), 0, "nothing is on record");
    sandbox.fetch();
    assert_eq!((count(""), count("\"message 6\"")), (6, 1));
}

#[test]
fn every_message_of_a_large_archive_is_found() {
    // More than are read, or compared, at once.
    let server = PopServer::with(Mail::some(2500));
    let sandbox = Sandbox::for_server(&server);
    sandbox.fetch();
    let count = |query: &str| subjects(&sandbox, query).len();
    assert_eq!((count(""), count("\"This is message\""), count("\"message 2345\"")), (2500, 2500, 1));
    let files = stores::maildir_files(&sandbox.archive("work"));
    fs::remove_file(&files[1200]).unwrap();
    server.state().mails.push(Mail::numbered(2501));
    sandbox.fetch();
    assert_eq!((count(""), count("\"This is message\""), count("\"message 2501\"")), (2500, 2500, 1));
}

#[test]
fn an_mbox_is_searched() {
    let mails =
        vec![Mail::new("1", "Subject: a\n\nfirst\nFrom here on\n"), Mail::new("2", "Subject: b\n\nsecond\n")];
    let server = PopServer::with(mails);
    let sandbox = Sandbox::with([Account::on("work", &server).text("format", "mbox")]);
    sandbox.fetch();
    finds(&sandbox, "first", ["a"]);
    finds(&sandbox, "\"from here\"", ["a"]);
    let mbox = sandbox.archive("work");
    let paths = sandbox.popkeep(["search", "--paths"]).run().expect(0).stdout;
    assert_eq!(paths, format!("{0}\n{0}\n", mbox.display()));
    // Another program takes the first one out; the next fetch sees it.
    let text = fs::read_to_string(&mbox).unwrap();
    let second = text.find("\nFrom ").unwrap() + 1;
    fs::write(&mbox, &text[second..]).unwrap();
    sandbox.fetch();
    finds(&sandbox, "", ["b"]);
    let id = sandbox.popkeep(["search", "--ids", "second"]).run().expect(0).stdout;
    sandbox.popkeep(["show", id.trim()]).run().expect(0).says(&["second"]);
}

#[test]
fn a_lost_damaged_or_older_index_is_made_anew() {
    let sandbox = archived(["Subject: a\n\nword\n", "Subject: b\n\nother\n"]);
    finds(&sandbox, "word", ["a"]);
    let index = index(&sandbox);
    assert_eq!(fs::metadata(&index).unwrap().permissions().mode() & 0o777, 0o600);
    let whole = fs::read(&index).unwrap();
    let older = {
        let mut older = whole.clone();
        older[63] ^= 0x7f;
        older
    };
    let torn = |at: usize| [&whole[..at], &vec![0x5a; whole.len() - at][..]].concat();
    for damaged in [
        b"no database".to_vec(),
        Vec::new(),
        older,
        whole[..whole.len() / 2].to_vec(),
        torn(100),
        torn(4096),
        torn(8192),
    ] {
        fs::write(&index, &damaged).unwrap();
        finds(&sandbox, "word", ["a"]);
        finds(&sandbox, "", ["a", "b"]);
    }
    fs::remove_dir_all(index.parent().unwrap()).unwrap();
    finds(&sandbox, "word", ["a"]);
    // One that was left half made is not read.
    fs::write(index.with_extension("sqlite3.new"), "half").unwrap();
    fs::remove_file(&index).unwrap();
    finds(&sandbox, "word", ["a"]);
}

#[test]
fn a_fetch_refreshes_the_index_and_needs_none() {
    let server = PopServer::with(Mail::some(2));
    let sandbox = Sandbox::for_server(&server);
    sandbox.fetch();
    assert!(!index(&sandbox).exists(), "nobody has searched");
    sandbox.popkeep(["search"]).run().expect(0);
    server.state().mails.push(Mail::numbered(3));
    sandbox.fetch();
    let rows = || {
        let index = rusqlite::Connection::open(index(&sandbox)).unwrap();
        index.query_row("SELECT count(*) FROM message", [], |row| row.get::<_, u32>(0)).unwrap()
    };
    assert_eq!(rows(), 3);
    for damage in [&b"rubbish"[..], b""] {
        fs::write(index(&sandbox), damage).unwrap();
        server.state().mails.push(Mail::numbered(4 + damage.len()));
        sandbox.popkeep(["fetch", "--quiet"]).run().expect(0).silent();
    }
    fs::remove_dir_all(sandbox.path(".cache")).unwrap();
    fs::write(sandbox.path(".cache"), "no folder").unwrap();
    sandbox.popkeep(["fetch", "--quiet"]).run().expect(0).silent();
    sandbox.popkeep(["search"]).run().expect(73).one_line(&["cache_dir"]);
    let text = format!("cache_dir = \"~/elsewhere\"\n{}", fs::read_to_string(sandbox.config_file()).unwrap());
    sandbox.config(&text);
    assert_eq!(subjects(&sandbox, "").len(), 5);
    assert!(sandbox.path("elsewhere/search.sqlite3").exists());
}

#[test]
fn a_vanished_archive_is_told() {
    let (work, home) = (PopServer::with(Mail::some(2)), PopServer::with(vec![Mail::numbered(3)]));
    let sandbox = Sandbox::with([Account::on("work", &work), Account::on("home", &home)]);
    sandbox.popkeep(["fetch", "--quiet"]).run().expect(0).silent();
    fs::rename(sandbox.archive("work"), sandbox.path("moved")).unwrap();
    let out = sandbox.popkeep(["search", "--ids"]).run().expect(73).says(&["work"]);
    assert_eq!((out.stdout.lines().count(), out.stderr.lines().count()), (1, 1));
    fs::rename(sandbox.path("moved"), sandbox.archive("work")).unwrap();
    assert_eq!(subjects(&sandbox, "").len(), 3);
}

/// A run that succeeds with at most so many MiB of memory.
#[track_caller]
fn within(most: u64, run: Run) {
    let (outcome, peak) = run.measured();
    outcome.expect(0);
    assert!(peak <= most << 10, "{peak} KiB");
}

#[test]
fn hostile_mail_is_bounded() {
    let parts = format!(
        "Subject: parts\nContent-Type: multipart/mixed; boundary=b\n\n{}",
        "--b\n\nneedle\n".repeat(1_000_000)
    );
    let deep: String = (0..20_000)
        .map(|level| format!("Content-Type: multipart/mixed; boundary=b{level}\n\n--b{level}\n"))
        .collect();
    let header = format!(
        "Subject: header\n{}\n\nneedle\n",
        "X-Long: yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy\n".repeat(2_500_000)
    );
    let page = format!("Subject: page\nContent-Type: text/html\n\n{}", "<div><p <a href='".repeat(200_000));
    let line = format!("Subject: line\n\n{}", "needle ".repeat(3_000_000));
    let to = format!(
        "Subject: to\nTo: {}x@example.com\n\nneedle\n",
        "=?utf-8?q?a?= <a@example.com>,\n ".repeat(200_000)
    );
    let sandbox = archived_as(
        "maildir",
        [
            parts.into_bytes(),
            format!("Subject: deep\n{deep}").into_bytes(),
            header.into_bytes(),
            page.into_bytes(),
            line.into_bytes(),
            to.into_bytes(),
        ],
    );
    let began = Instant::now();
    within(64, sandbox.popkeep(["search", "needle"]));
    assert!(began.elapsed() < Duration::from_mins(1), "{:?}", began.elapsed());
    finds(&sandbox, "", ["deep", "header", "line", "page", "parts", "to"]);
    finds(&sandbox, "needle", ["header", "line", "to"]);
    // One that takes long enough for its memory to be seen.
    let large = sandbox.popkeep(["search", "--ids", "larger:100MB"]).run().expect(0).stdout;
    within(64, sandbox.popkeep(["show", large.trim()]));
    let ids = sandbox.popkeep(["search", "--ids"]).run().expect(0).stdout;
    for id in ids.lines() {
        let began = Instant::now();
        sandbox.popkeep(["show", id]).run().expect(0);
        sandbox.popkeep(["show", id, "--headers"]).run().expect(0);
        assert!(began.elapsed() < Duration::from_mins(1), "{:?}", began.elapsed());
    }
}

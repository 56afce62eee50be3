//! `report`: how the backup fares, from the ledger alone, as a page or as text.
//!
//! How days, groups and years are counted is tried in `src/report`, how they are drawn in `src/commands/report`.

mod browser;
mod markup;

use crate::support::clock::{DAY, library};
use crate::support::{Account, Behaviour, Mail, PopServer, Sandbox, set_mode};
use markup::Document;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

/// What a server says to break a page, and its UID for a message.
const HOSTILE: &str =
    "-ERR </td><script>alert(1)</script> \"><img src=http://x.example/ onerror='a'> &amp; \u{202e}gpj.exe";
const HOSTILE_UID: &str = "\"'><script>&lt;";

/// The page, which must be well-formed.
fn page(sandbox: &Sandbox, options: &[&str]) -> Document {
    let arguments = ["report", "--html", "-"].iter().chain(options);
    Document::parse(&sandbox.popkeep(arguments).run().expect(0).stdout)
}

fn text(sandbox: &Sandbox, options: &[&str]) -> String {
    let text = sandbox.popkeep(["report", "--text"].iter().chain(options)).run().expect(0).stdout;
    for line in text.lines() {
        assert!(line.chars().count() <= 78 && !line.chars().any(char::is_control), "{line:?}");
    }
    text
}

/// An account with 3 messages, one of which it never got, and a login that was refused since.
fn hostile() -> (PopServer, Sandbox) {
    let mails = vec![Mail::numbered(1), Mail::numbered(2).with_uid(HOSTILE_UID), Mail::numbered(3)];
    let says = [("RETR 2", format!("{HOSTILE}\r\n").into_bytes())].into();
    let server = PopServer::behaving(mails, Behaviour { says, ..Behaviour::default() });
    let sandbox = Sandbox::for_server(&server);
    sandbox.fetch_with(1, &[]);
    server.behave(Behaviour { login_reply: Some(HOSTILE), ..Behaviour::default() });
    assert_ne!(sandbox.popkeep(["fetch"]).run().code, Some(0));
    (server, sandbox)
}

#[test]
fn what_is_asked_for_must_be_said_and_make_sense() {
    let sandbox = Sandbox::for_server(&PopServer::with(Vec::new()));
    sandbox.popkeep(["report"]).run().expect(64).says(&["--html", "--text"]);
    sandbox.popkeep(["report", "--html", "-", "--text"]).run().expect(64).one_line(&["--html -", "--text"]);
    sandbox.popkeep(["report", "wrok", "--text"]).run().expect(64).one_line(&["wrok"]);
    sandbox.popkeep(["report", "--text", "--since", "yesterday"]).run().expect(64);
}

#[test]
fn it_connects_nowhere_and_changes_nothing_but_the_page() {
    let server = PopServer::with(Mail::some(3));
    let sandbox = Sandbox::for_server(&server);
    let file = sandbox.path("backup.html");
    sandbox.popkeep(["report", "--text"]).run().expect(0).says(&["never run", "popkeep fetch work"]);
    sandbox.fetch();
    server.take_sessions();
    std::fs::write(&file, "an older one").unwrap();
    set_mode(&file, 0o644);
    let mut before = sandbox.snapshot();
    let arguments = ["report", "--text", "--html", "backup.html"];
    let shown = sandbox.popkeep(arguments).run().expect(0).says(&["in good order", "3 messages"]).stdout;
    let mut after = sandbox.snapshot();
    assert!(before.remove(&file).is_some() && after.remove(&file).is_some());
    assert_eq!(before, after);
    assert!(server.take_sessions().is_empty());
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600, "it is private");
    assert!(!shown.contains("Dusty") && !shown.contains("message 1"), "no sender, no subject: {shown}");
    let page = Document::parse(&std::fs::read_to_string(&file).unwrap());
    assert!(page.text().contains("The backup is in good order"), "{}", page.text());
    let ids: Vec<&str> = shown.lines().filter_map(|line| line.split_whitespace().last()).collect();
    let id = ids.iter().find(|id| id.len() == 16).unwrap();
    assert!(page.text().contains(id), "the largest message");
    sandbox.popkeep(["show", id]).run().expect(0).says(&["Dusty"]);
}

#[test]
fn a_page_that_cannot_be_written_leaves_the_old_one() {
    let sandbox = Sandbox::for_server(&PopServer::with(Vec::new()));
    sandbox
        .popkeep(["report", "--html", "no/such/folder.html"])
        .run()
        .expect(74)
        .one_line(&["no/such/folder.html"]);
    let link = sandbox.path("link.html");
    std::os::unix::fs::symlink("elsewhere.html", &link).unwrap();
    sandbox.popkeep(["report", "--html", "link.html"]).run().expect(74).one_line(&["link.html"]);
    assert!(!sandbox.path("elsewhere.html").exists());
}

#[test]
fn a_ledger_that_cannot_be_read_gives_its_own_code() {
    let server = PopServer::with(Mail::some(1));
    let sandbox = Sandbox::for_server(&server);
    sandbox.fetch();
    std::fs::write(sandbox.ledger(), "this is no ledger, however long it is looked at").unwrap();
    for beside in ["-wal", "-shm"] {
        let mut file = sandbox.ledger().into_os_string();
        file.push(beside);
        let _ = std::fs::remove_file(file);
    }
    sandbox.popkeep(["report", "--text"]).run().expect(65).one_line(&["ledger"]);
}

#[test]
fn the_page_needs_nothing_else_and_says_so_to_the_browser() {
    let (_server, sandbox) = hostile();
    let page = page(&sandbox, &[]);
    for element in &page.elements {
        for (name, value) in &element.attributes {
            let is_reference =
                ["src", "href", "action", "data", "poster", "background"].contains(&name.as_str());
            assert!(!is_reference || value.starts_with('#'), "<{} {name}={value:?}>", element.name);
            assert!(!name.starts_with("on") && name != "style", "<{} {name}>", element.name);
        }
        let is_inert = !["script", "link", "iframe", "object", "embed", "img", "base", "form", "use"]
            .contains(&element.name.as_str());
        assert!(is_inert, "<{}>", element.name);
    }
    assert!(!page.style.contains("url(") && !page.style.contains("@import"));
    let policy = page.attribute("http-equiv", "Content-Security-Policy", "content").unwrap();
    assert!(
        policy.starts_with("default-src 'none'; style-src 'sha256-") && !policy.contains("unsafe"),
        "{policy}"
    );
    assert_eq!(page.attribute("name", "color-scheme", "content"), Some("light dark"));
    assert!(page.attribute("lang", "en", "lang").is_some());
}

#[test]
fn what_a_server_says_is_text_and_nothing_else() {
    let (_server, sandbox) = hostile();
    let page = page(&sandbox, &[]);
    let said =
        "</td><script>alert(1)</script> \"><img src=http://x.example/ onerror='a'> &amp; \\u{202e}gpj.exe";
    let text = page.text();
    assert!(text.contains(said), "{text}");
    assert!(text.contains(&format!("UID {HOSTILE_UID}")), "{text}");
    assert!(!text.contains('\u{202e}'));
    self::text(&sandbox, &[]);
}

#[test]
fn the_page_can_be_read_without_seeing_it() {
    let (_server, sandbox) = hostile();
    let page = page(&sandbox, &[]);
    let levels: Vec<u32> =
        page.elements.iter().filter_map(|element| element.name.strip_prefix('h')?.parse().ok()).collect();
    assert_eq!(levels.iter().filter(|level| **level == 1).count(), 1);
    assert!(levels.windows(2).all(|two| two[1] <= two[0] + 1), "no heading is left out: {levels:?}");
    for element in &page.elements {
        let children = |name| element.children.iter().any(|child| page.elements[*child].name == name);
        match element.name.as_str() {
            "table" => assert!(children("caption"), "a table without a caption"),
            "th" => assert!(element.attribute("scope").is_some()),
            "svg" => {
                let named = element.attribute("aria-label").is_some() || children("title");
                let is_hidden = element.attribute("aria-hidden") == Some("true");
                assert!(named && element.attribute("role") == Some("img") || is_hidden, "{element:?}");
            }
            _ => {}
        }
        for id in element.attribute("aria-labelledby").into_iter().flat_map(str::split_whitespace) {
            assert!(page.has_id(id), "{id}");
        }
    }
    // The state of each day is in words: today's at least.
    assert!(
        page.text().contains("failed: 2 runs, 2 failed") || page.text().contains("partly: 2 runs"),
        "{}",
        page.text()
    );
}

#[test]
fn what_is_due_for_deletion_is_what_a_fetch_would_delete() {
    let Some(library) = library() else { return };
    let server = PopServer::with(Mail::some(3));
    let sandbox = Sandbox::for_server(&server);
    sandbox.fetch();
    server.state().mails.push(Mail::numbered(4));
    sandbox.set_clock(&library, 2 * DAY);
    sandbox.fetch();
    // Another program has deleted one meanwhile, and somebody another one's copy.
    server.state().mails.remove(0);
    let new = sandbox.archive("work").join("new");
    let third = Mail::numbered(3).stored();
    let copies = std::fs::read_dir(&new).unwrap().map(|entry| entry.unwrap().path());
    let copy = copies.into_iter().find(|path| std::fs::read(path).unwrap() == third).unwrap();
    std::fs::remove_file(copy).unwrap();
    sandbox.set_clock(&library, 3 * DAY);
    sandbox.fetch();
    for (setting, due) in [("never", None), ("2d", Some(1)), ("fetched", Some(2)), ("30d", Some(0))] {
        sandbox.configure([Account::on("work", &server).text("delete", setting)]);
        let plan = sandbox.popkeep(["fetch", "--dry-run", "--json"]).run().expect(0).json();
        assert_eq!(plan["accounts"][0]["delete"], due.unwrap_or(0), "{setting}");
        let expected = match due {
            None => "Nothing is deleted from the server".to_owned(),
            Some(0) => "Nothing is due".to_owned(),
            Some(1) => "1 message (".to_owned(),
            Some(count) => format!("{count} messages ("),
        };
        let text = text(&sandbox, &[]);
        let line = text.lines().find(|line| line.starts_with("  deletion")).unwrap();
        assert!(line.contains(&expected), "{setting}: {line}");
        assert!(page(&sandbox, &[]).text().contains(&expected), "{setting}");
    }
}

#[test]
fn since_leaves_out_what_was_before() {
    let Some(library) = library() else { return };
    let server = PopServer::with(Mail::some(3));
    let sandbox = Sandbox::for_server(&server);
    sandbox.fetch();
    server.state().mails.push(Mail::numbered(4));
    sandbox.set_clock(&library, 40 * DAY);
    sandbox.fetch();
    let all = text(&sandbox, &[]);
    assert!(all.contains("4 messages, ") && all.contains("2 runs, 2 succeeded; 4 messages fetched"), "{all}");
    let now = jiff::Timestamp::now().as_second() + 39 * DAY;
    let since = jiff::Timestamp::from_second(now).unwrap().strftime("%Y-%m-%d").to_string();
    let lately = text(&sandbox, &["--since", &since]);
    assert!(
        lately.contains("4 messages, ") && lately.contains("1 run, 1 succeeded; 1 message fetched"),
        "{lately}"
    );
    assert!(lately.contains("1 (") && lately.contains("since "), "{lately}");
}

#[test]
fn a_thousand_accounts_are_a_table_and_the_worst_have_sections() {
    let server = PopServer::with(Mail::some(1));
    let sandbox = Sandbox::new();
    let mut config = Account::on("failing", &server).text("user", "jane").text("password", "wrong").toml();
    for number in 0..1_200 {
        config.push_str(
            &Account::on(&format!("account{number:04}"), &server).text("user", format!("{number}")).toml(),
        );
    }
    sandbox.config(&config);
    sandbox.popkeep(["fetch", "failing"]).run().expect(77);
    let output = sandbox.popkeep(["report", "--html", "-"]).run().expect(0).stdout;
    assert!(output.len() < 4_000_000, "{} octets", output.len());
    let page = Document::parse(&output);
    let named = |name| page.elements.iter().filter(|element| element.name == name).count();
    assert_eq!(named("section"), 1 + 50, "the table, and 50 accounts");
    assert!(page.text().contains("1 of 1,201 accounts is failing, 1,200 have never run"), "{}", page.text());
    assert!(page.text().contains("201 more accounts are not shown"));
    let links = page.elements.iter().filter_map(|element| element.attribute("href")).collect::<Vec<_>>();
    assert!(links.len() == 50 && links.iter().all(|link| page.has_id(&link[1..])), "{links:?}");
    let first = page.elements.iter().position(|element| element.name == "tbody").unwrap();
    assert!(page.text_of(first).starts_with("failing"), "the worst comes first");
    let text = text(&sandbox, &[]);
    assert!(
        text.lines().any(|line| line.starts_with("failing ")) && text.contains("201 more accounts"),
        "{text}"
    );
    assert!(Path::new(&sandbox.ledger()).exists());
}

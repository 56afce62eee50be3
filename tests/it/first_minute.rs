//! README's first minute: the screens that it shows are those of a real run, at a pseudo-terminal
//! against Dovecot.
//!
//! `POPKEEP_BLESS=1 cargo test first_minute` writes them into README anew.

use std::path::Path;
use std::sync::Mutex;

use crate::support::dovecot::Dovecot;
use crate::support::maildrop::{Capa, PASSWORD};
use crate::support::oauth_server::OAuthServer;
use crate::support::sandbox::POPKEEP;
use crate::support::{Account, Behaviour, Mail, PopServer, Sandbox};

const USER: &str = "jane@example.example";

#[test]
fn the_screens_in_readme_are_those_of_a_run() {
    let Some(dovecot) = Dovecot::start(&[USER]) else { return };
    let mail = [
        ("1.a", "Dusty <dusty@imail.example>", "Thu, 19 Aug 1999 20:15:55 -0500", "Upgrade notes", 40),
        (
            "2.b",
            "=?utf-8?Q?J=C3=BCrgen_M=C3=BCller?= <jm@example.example>",
            "Fri, 20 Aug 1999 09:01:00 +0200",
            "=?utf-8?Q?Gr=C3=BC=C3=9Fe?=",
            3,
        ),
        (
            "3.c",
            "Accounting <billing@example.example>",
            "Fri, 20 Aug 1999 11:30:12 +0200",
            "Invoice 1999-08",
            900,
        ),
    ];
    for (name, from, date, subject, lines) in mail {
        let body = "A line of this message, which is about as long as lines are.\n".repeat(lines);
        let text = format!(
            "From: {from}\nDate: {date}\nSubject: {subject}\nMessage-Id: <{name}@example.example>\n\n{body}"
        );
        dovecot.deliver(USER, name, text.as_bytes());
    }
    let sandbox = Sandbox::new();
    let ca = dovecot.ca_file();
    let mut screens = Vec::new();

    let run = sandbox.popkeep(["init", "--tls-ca-file", ca.to_str().unwrap()]).env("PATH", "/nowhere");
    let mut terminal = run.on_terminal(200, 100);
    terminal.expect("Mail address: ").enter(USER);
    terminal.expect("Host: ").enter("localhost");
    terminal.expect("[implicit]: ").enter("");
    terminal.expect("Port [995]: ").enter(&dovecot.tls_port().to_string());
    terminal.expect("User name [jane@example.example]: ").enter("");
    terminal.expect("Password (not shown): ").enter_unseen(PASSWORD);
    terminal.expect("Account name [example]: ").enter("work");
    terminal.expect("[maildir]: ").enter("");
    terminal.expect("Store the mail in [~/Mail/work]: ").enter("");
    terminal.expect("[never]: ").enter("");
    terminal.expect("1, 2 or 3 [2]: ").enter("2");
    terminal.expect("File [~/.config/popkeep/work.password]: ").enter("");
    let ended = terminal.finish();
    assert_eq!(ended.code, Some(0), "{}", ended.screen);
    screens.push(("popkeep init", ended.screen));

    for command in ["popkeep fetch", "popkeep status", "popkeep list work --headers"] {
        let arguments = command.split(' ').skip(1);
        let ended = sandbox.popkeep(arguments).env("TZ", "UTC").on_terminal(100, 60).finish();
        assert_eq!(ended.code, Some(0), "{command}\n{}", ended.screen);
        screens.push((command, ended.screen));
    }
    let shown =
        screens.iter().map(|(command, screen)| (*command, as_jane_sees_it(screen, &sandbox, &dovecot)));
    must_be_in_readme(shown);
}

#[test]
fn the_sign_in_in_readme_is_that_of_a_run() {
    let provider = OAuthServer::start();
    let capa = Capa::Offers(vec!["TOP", "UIDL", "SASL XOAUTH2"]);
    let behaviour = Behaviour { capa, tokens: Some(provider.good()), ..Behaviour::default() };
    let server = PopServer::behaving(Mail::some(3), behaviour);
    let oauth = provider.table(", provider = \"microsoft\"");
    let account = Account::on("work", &server).without("password").key("oauth", oauth);
    let sandbox = Sandbox::with([account]);
    let ended = sandbox.popkeep(["login", "work", "--device"]).on_terminal(100, 60).finish();
    assert_eq!(ended.code, Some(0), "{}", ended.screen);
    let device = format!("{}/activate", provider.origin());
    let screen = ended.screen.replace(&device, "https://login.microsoft.com/device");
    let screen = screen.replace("127.0.0.1", "outlook.office365.com").replace(" joe", " jane@example.com");
    must_be_in_readme([("popkeep login work", screen)]);
}

#[test]
fn the_screen_of_serve_in_readme_is_that_of_a_run() {
    let server = PopServer::with(Mail::some(3));
    let sandbox = Sandbox::for_server(&server);
    sandbox.popkeep(["fetch", "--quiet"]).run().expect(0).silent();
    let mut terminal = sandbox.popkeep(["serve", "work", "--listen", "127.0.0.1:0"]).on_terminal(200, 60);
    terminal.expect("complain about that.").signal("TERM");
    let ended = terminal.finish();
    assert_eq!(ended.code, Some(143), "{}", ended.screen);
    let line = |key: &str| ended.screen.lines().find(|line| line.starts_with(key)).unwrap().to_owned();
    let screen = ended.screen.replace(&line("port: "), "port: 1110");
    let screen = screen.replace(&line("password: "), "password: k8HdzUq2bTn4vXwRjC7m");
    must_be_in_readme([("popkeep serve work", screen)]);
}

/// README shows these screens of these commands. Blessed, it gets them.
fn must_be_in_readme<'c>(screens: impl IntoIterator<Item = (&'c str, String)>) {
    // Two tests may want to write it.
    static README: Mutex<()> = Mutex::new(());
    let _alone = README.lock().unwrap();
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    let kept = std::fs::read_to_string(&file).unwrap();
    let mut readme = kept.clone();
    for (command, screen) in screens {
        let opening = format!("```text\n$ {command}\n");
        let start = readme.find(&opening).unwrap_or_else(|| panic!("README has no screen of {command}"));
        let start = start + opening.len();
        let end = start + readme[start..].find("```").expect("the block ends");
        readme.replace_range(start..end, &screen);
    }
    if std::env::var_os("POPKEEP_BLESS").is_some() {
        std::fs::write(&file, &readme).unwrap();
    } else {
        let differing = kept.lines().zip(readme.lines()).find(|(kept, real)| kept != real);
        let hint = "write it with POPKEEP_BLESS=1 cargo test first_minute";
        assert!(kept == readme, "README shows another screen than a run does; {hint}\n{differing:#?}");
    }
}

/// The screen with what differs from run to run, and from machine to machine, as README has it.
fn as_jane_sees_it(screen: &str, sandbox: &Sandbox, dovecot: &Dovecot) -> String {
    let typed_port = format!("Port [995]: {}\n", dovecot.tls_port());
    let home = sandbox.path("").display().to_string();
    let plain = screen
        .replace(&typed_port, "Port [995]:\n")
        .replace(POPKEEP, "/home/jane/.cargo/bin/popkeep")
        .replace(home.trim_end_matches('/'), "/home/jane")
        .replace("localhost", "post.example.com")
        .replace("example.example", "example.com");
    let dated = masked(&plain, "20##-##-## ##:##:##", "2026-11-23 06:00:12");
    let aged = masked(&masked(&dated, "(## s ago)", "(0 s ago)"), "(# s ago)", "(0 s ago)");
    // Dovecot's unique-ids begin with the message's own number; what follows is a time.
    masked(&masked(&aged, "0000000#%%%%%%%%", "0000000#6b036a84"), "0000000#%%…", "0000000#6b…")
}

/// The text with every place that looks like `pattern` replaced. `#` stands for a digit, which the
/// replacement's `#` keep in their order; `%` for a hexadecimal digit.
fn masked(text: &str, pattern: &str, replacement: &str) -> String {
    let (text, pattern): (Vec<char>, Vec<char>) = (text.chars().collect(), pattern.chars().collect());
    let fits = |(c, wanted): (&char, &char)| match wanted {
        '#' => c.is_ascii_digit(),
        '%' => c.is_ascii_hexdigit(),
        _ => c == wanted,
    };
    let mut done = String::new();
    let mut at = 0;
    while at < text.len() {
        let here = &text[at..text.len().min(at + pattern.len())];
        if here.len() == pattern.len() && here.iter().zip(&pattern).all(fits) {
            let mut digits = here.iter().zip(&pattern).filter(|(_, wanted)| **wanted == '#').map(|(c, _)| *c);
            done.extend(replacement.chars().map(|c| if c == '#' { digits.next().unwrap_or(c) } else { c }));
            at += pattern.len();
        } else {
            done.push(text[at]);
            at += 1;
        }
    }
    done
}

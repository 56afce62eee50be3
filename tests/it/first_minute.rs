//! README's first minute: the screens that it shows are those of a real run, at a pseudo-terminal
//! against Dovecot.
//!
//! `POPKEEP_BLESS=1 cargo test first_minute` writes them into README anew.

use crate::support::Sandbox;
use crate::support::dovecot::Dovecot;
use crate::support::maildrop::PASSWORD;

const USER: &str = "jane@corp.example";

#[test]
fn the_screens_in_readme_are_those_of_a_run() {
    let Some(dovecot) = Dovecot::start(&[USER]) else { return };
    let mail = [
        ("1.a", "Dusty <dusty@imail.example>", "Thu, 19 Aug 1999 20:15:55 -0500", "Upgrade notes", 40),
        (
            "2.b",
            "=?utf-8?Q?J=C3=BCrgen_M=C3=BCller?= <jm@corp.example>",
            "Fri, 20 Aug 1999 09:01:00 +0200",
            "=?utf-8?Q?Gr=C3=BC=C3=9Fe?=",
            3,
        ),
        (
            "3.c",
            "Accounting <billing@corp.example>",
            "Fri, 20 Aug 1999 11:30:12 +0200",
            "Invoice 1999-08",
            900,
        ),
    ];
    for (name, from, date, subject, lines) in mail {
        let body = "A line of this message, which is about as long as lines are.\n".repeat(lines);
        let text = format!(
            "From: {from}\nDate: {date}\nSubject: {subject}\nMessage-Id: <{name}@corp.example>\n\n{body}"
        );
        dovecot.deliver(USER, name, text.as_bytes());
    }
    let sandbox = Sandbox::new();
    let ca = dovecot.ca_file();
    let mut screens = Vec::new();

    let run = sandbox.popkeep(["init", "--tls-ca-file", ca.to_str().unwrap()]).env("PATH", "/nowhere");
    let mut terminal = run.on_terminal(80, 100);
    terminal.expect("Mail address: ").enter(USER);
    terminal.expect("Host: ").enter("localhost");
    terminal.expect("[implicit]: ").enter("");
    terminal.expect("Port [995]: ").enter(&dovecot.tls_port().to_string());
    terminal.expect("User name [jane@corp.example]: ").enter("");
    terminal.expect("Password (not shown): ").enter_unseen(PASSWORD);
    terminal.expect("Name of the account [corp]: ").enter("work");
    terminal.expect("[maildir]: ").enter("");
    terminal.expect("Keep the mail in [~/Mail/work]: ").enter("");
    terminal.expect("[never]: ").enter("");
    terminal.expect("1, 2 or 3 [2]: ").enter("2");
    terminal.expect("File [~/.config/popkeep/work.password]: ").enter("");
    let ended = terminal.finish();
    assert_eq!(ended.code, Some(0), "{}", ended.screen);
    screens.push(("popkeep init", ended.screen));

    for command in ["popkeep fetch", "popkeep status", "popkeep list work --headers"] {
        let arguments = command.split(' ').skip(1);
        let ended = sandbox.popkeep(arguments).on_terminal(80, 60).finish();
        assert_eq!(ended.code, Some(0), "{command}\n{}", ended.screen);
        screens.push((command, ended.screen));
    }
    for (command, screen) in screens {
        println!("$ {command}\n{screen}");
    }
}

//! `session` from a pipe: what is typed is said, what is answered is shown. (Deletions:
//! `session_deletes`; at a terminal: `session_terminal`.)

use std::io::Write as _;
use std::process::Stdio;

use crate::support::certificates::Authority;
use crate::support::mail::of_size;
use crate::support::maildrop::{PASSWORD, Tls};
use crate::support::scripted::Scripted;
use crate::support::{Account, Behaviour, Mail, PopServer, Sandbox};

/// The seed of the project: an `IMail` server's answers.
const TRANSCRIPT: &str = include_str!("../data/imail-session.txt");

/// The transcript's commands after the login, and the lines that answer each.
fn seed() -> Vec<(&'static str, Vec<&'static str>)> {
    let steps = TRANSCRIPT.lines().filter(|line| !line.starts_with('#'));
    let mut turns: Vec<(&str, Vec<&str>)> = Vec::new();
    for step in steps {
        match step.split_once(": ").unwrap_or((step.trim_end_matches(':'), "")) {
            ("C", command) => turns.push((command, Vec::new())),
            (_, line) => turns.last_mut().into_iter().for_each(|(_, answer)| answer.push(line)),
        }
    }
    turns.into_iter().skip_while(|(command, _)| *command != "STAT").collect()
}

/// What the seed's user types after the login.
fn seed_typed() -> String {
    seed().iter().map(|(command, _)| format!("{}\n", command.to_lowercase())).collect()
}

#[test]
fn the_seeds_session_word_for_word() {
    let listed = "S: +OK 3 messages (2577 octets)\nS: 1 1171\nS: 2 1021\nS: 3 385\nS: .\n";
    let uids = "S: +OK\nS: 1 230371283\nS: 2 230371284\nS: 3 230371285\nS: .\n";
    let mut script = format!(
        "S: +OK X1 NT-POP3 Server (IMail 7.12 48-1)\nC: CAPA\nS: -ERR invalid command\n\
         C: USER dusty\nS: +OK welcome\nC: PASS *\nS: +OK maildrop locked and ready\n\
         C: STAT\nS: +OK 3 2577\nC: UIDL\n{uids}C: LIST\n{listed}"
    );
    for (command, answer) in seed() {
        script += &format!("C: {command}\n");
        for line in answer {
            script += &format!("S: {line}\n");
        }
    }
    let server = Scripted::play(&script);
    let account = Account::new("dusty").text("user", "dusty").loopback(server.port()).text("tls", "none");
    let sandbox = Sandbox::with([account]);
    // Message 2 was never fetched; in the end RSET takes its mark back.
    let outcome = sandbox.popkeep(["session", "dusty", "--yes"]).run_with(&seed_typed()).expect(0);
    server.finish();
    let answers: String = seed()
        .iter()
        .flat_map(|(command, answer)| {
            let message = command.starts_with("RETR") || command.starts_with("TOP");
            let last = answer.len() - 1;
            // The lines of a message come with the line ends that the server gave them.
            answer.iter().enumerate().map(move |(at, line)| {
                if message && at != 0 && at != last { format!("{line}\r\n") } else { format!("{line}\n") }
            })
        })
        .collect();
    assert_eq!(outcome.stdout, answers);
    assert_eq!(outcome.stderr, "");
}

#[test]
fn our_own_server_answers_the_seeds_session_in_its_form() {
    let maildrop = popkeep::server::Maildrop::new("dusty", PASSWORD);
    let maildrop =
        [1171, 1021, 385].iter().fold(maildrop, |all, size| all.message(of_size(*size).as_bytes()));
    let server = popkeep::server::Server::start([maildrop]).unwrap();
    let account = Account::new("dusty").text("user", "dusty").loopback(server.port()).text("tls", "none");
    let sandbox = Sandbox::with([account]);
    sandbox.popkeep(["fetch", "--quiet"]).run().expect(0);
    let outcome = sandbox.popkeep(["session", "dusty"]).run_with(&seed_typed()).expect(0);
    let mut lines = outcome.stdout.lines();
    for (command, expected) in seed() {
        let status = lines.next().unwrap();
        let message = command.starts_with("RETR") || command.starts_with("TOP");
        let mut answer = vec![status];
        if expected.len() > 1 {
            answer.extend(lines.by_ref().take_while(|line| *line != "."));
            answer.push(".");
        }
        match command {
            // Figures and their grammar are part of the form; words are the server's own.
            "STAT" | "LIST" | "RETR 3" => assert_eq!(status, expected[0]),
            "UIDL 3" => assert!(status.starts_with("+OK 3 ") && status.split(' ').count() == 3, "{status}"),
            _ => assert!(status.starts_with("+OK"), "{command}: {status}"),
        }
        match (command, message) {
            ("RETR 3", _) => assert_eq!(answer[1..answer.len() - 1].join("\n") + "\n", of_size(385)),
            ("TOP 3 2", _) => assert_eq!(answer[answer.len() - 4..], ["", "Subject: test", "Hi Dusty", "."]),
            _ => assert_eq!(answer[1..], expected[1..], "{command}"),
        }
    }
    assert_eq!(lines.next(), None);
    assert_eq!(server.messages_left("dusty"), Some(3), "RSET took the mark back");
}

#[test]
fn a_message_comes_octet_for_octet() {
    let odd = Mail::new("odd", b"Subject: odd\n\n.\n..dots\n\0\x1b[2J\xff bare\rCR\n");
    let server = PopServer::with(vec![odd.clone()]);
    let sandbox = Sandbox::for_server(&server);
    let mut command = sandbox.popkeep(["session", "work"]).into_command();
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(b"RETR 1\nQUIT\n").unwrap();
    let output = child.wait_with_output().unwrap();
    let status = format!("+OK {} octets\n", odd.wire.len());
    assert_eq!(output.stdout, [status.as_bytes(), &odd.wire, b".\n+OK bye\n"].concat());
    assert_eq!((output.status.code(), output.stderr.as_slice()), (Some(0), &b""[..]));
}

#[test]
fn what_is_no_command_after_the_login_is_explained_and_not_sent() {
    let server = PopServer::with(Mail::some(1));
    let sandbox = Sandbox::for_server(&server);
    for (line, words) in [
        ("USER joe", "USER: not sent"),
        ("pass geheim", "PASS: not sent"),
        ("AUTH PLAIN", "AUTH: not sent"),
        ("STLS", "STLS: not sent"),
        ("XTND XLST Subject", "XTND: unknown command, not sent"),
        ("RETR", "RETR: not sent; write RETR NUMBER"),
        ("LIST all", "LIST: not sent; write LIST or LIST NUMBER"),
    ] {
        server.take_sessions();
        let outcome =
            sandbox.popkeep(["session", "work"]).run_with(&format!("{line}\nSTAT\nquit\n")).expect(1);
        assert_eq!(outcome.stderr.lines().count(), 1, "{}", outcome.stderr);
        assert!(outcome.stderr.starts_with(&format!("popkeep: work: {words}")), "{}", outcome.stderr);
        assert!(!outcome.stderr.contains("geheim"));
        assert!(outcome.stdout.starts_with("+OK 1 "), "the session goes on: {}", outcome.stdout);
        let session = &server.take_sessions()[0];
        let verb = line.split(' ').next().unwrap().to_uppercase();
        if !["USER", "PASS", "AUTH", "LIST"].contains(&verb.as_str()) {
            assert_eq!(session.count(&verb), 0, "{verb} was sent");
        }
        assert!(!session.commands.iter().any(|sent| sent.contains("geheim")));
    }
    let outcome = sandbox.popkeep(["session", "work"]).run_with("HELP\n\nQUIT\n").expect(0);
    assert!(outcome.stderr.contains("DELE NUMBER"), "{}", outcome.stderr);
}

#[test]
fn an_answer_of_err_is_exit_code_1_and_the_session_goes_on() {
    let server = PopServer::with(Mail::some(2));
    let sandbox = Sandbox::for_server(&server);
    let outcome = sandbox.popkeep(["session", "work"]).run_with("RETR 9\nLIST 2\nQUIT\n").expect(1);
    let size = Mail::numbered(2).wire.len();
    assert_eq!(outcome.stdout, format!("-ERR no such message\n+OK 2 {size}\n+OK bye\n"));
}

#[test]
fn one_session_or_fetch_at_a_time_has_an_account() {
    let server = PopServer::with(Mail::some(1));
    let sandbox = Sandbox::for_server(&server);
    let mut command = sandbox.popkeep(["session", "work"]).into_command();
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut typed = child.stdin.take().unwrap();
    typed.write_all(b"NOOP\n").unwrap();
    let mut answer = [0; 4];
    std::io::Read::read_exact(child.stdout.as_mut().unwrap(), &mut answer).unwrap();
    sandbox.popkeep(["fetch", "--quiet"]).run().expect(75).one_line(&["another popkeep is working"]);
    sandbox.popkeep(["session", "work"]).run().expect(75).one_line(&["another popkeep is working"]);
    typed.write_all(b"QUIT\n").unwrap();
    assert_eq!(child.wait_with_output().unwrap().status.code(), Some(0));
    sandbox.popkeep(["fetch", "--quiet"]).run().expect(0).silent();
}

#[test]
fn it_works_over_tls_and_keeps_the_password_to_itself() {
    let authority = Authority::new();
    for stls in [false, true] {
        let acceptor = authority.good().acceptor();
        let (tls, word) =
            if stls { (Tls::Stls(acceptor), "starttls") } else { (Tls::Implicit(acceptor), "implicit") };
        let server = PopServer::start(Mail::some(1), Behaviour::default(), tls);
        let sandbox = Sandbox::new();
        let ca = sandbox.write("ca.pem", authority.pem());
        let account =
            Account::new("work").text("host", "localhost").key("port", server.port()).text("tls", word);
        sandbox.configure([account.text("tls_ca_file", ca.to_str().unwrap())]);
        let outcome = sandbox.popkeep(["session", "work", "-vv"]).run_with("CAPA\nQUIT\n").expect(0);
        assert!(
            outcome.stdout.starts_with("+OK") && outcome.stdout.contains("\nUIDL\n"),
            "{}",
            outcome.stdout
        );
        assert!(!format!("{}{}", outcome.stdout, outcome.stderr).contains(PASSWORD));
        assert!(server.take_sessions()[0].encrypted);
    }
}

#[test]
fn an_account_that_cannot_be_opened_ends_it_as_it_ends_a_fetch() {
    let refused = Behaviour { login_reply: Some("-ERR [AUTH] no entry"), ..Behaviour::default() };
    let server = PopServer::behaving(Mail::some(1), refused);
    let sandbox = Sandbox::for_server(&server);
    sandbox.popkeep(["session", "work"]).run_with("QUIT\n").expect(77).one_line(&["work", "no entry"]);
    sandbox.popkeep(["session", "wrok"]).run().expect(64).one_line(&["no account \"wrok\""]);
    sandbox.popkeep(["session"]).run().expect(77);
}

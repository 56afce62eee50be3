//! `session` at a terminal: the prompt, its history, its questions, and the ways out.

use crate::support::certificates::Authority;
use crate::support::mail::of_size;
use crate::support::maildrop::{Nth, PASSWORD, Tls};
use crate::support::{Account, Behaviour, Mail, PopServer, Sandbox};

/// The arrow up.
const UP: &str = "\x1b[A";

#[test]
fn a_prompt_with_a_history() {
    let server = PopServer::with(Mail::some(2));
    let sandbox = Sandbox::for_server(&server);
    let mut terminal = sandbox.popkeep(["session", "work"]).on_terminal(100, 50);
    terminal.expect("work: 2 messages, ").expect("0 archived; clear text").expect("HELP").expect("work> ");
    terminal.enter("stat").expect("+OK 2 ").expect("work> ");
    terminal.enter("list 1").expect("+OK 1 ").expect("work> ");
    terminal.send(UP).send(UP).expect("stat").send("\r").expect("+OK 2 ").expect("work> ");
    terminal.enter("help").expect("TOP NUMBER LINES").expect("work> ");
    terminal.enter("quit").expect("+OK bye");
    let ended = terminal.finish();
    assert_eq!(ended.code, Some(0), "{}", ended.screen);
    let session = &server.take_sessions()[0];
    assert_eq!(session.commands[session.commands.len() - 4..], ["STAT", "LIST 1", "STAT", "QUIT"]);
}

#[test]
fn marks_stand_in_the_prompt_and_under_a_listing() {
    let server = PopServer::with(Mail::some(3));
    let sandbox = Sandbox::for_server(&server);
    sandbox.popkeep(["fetch", "--quiet"]).run().expect(0);
    let mut terminal = sandbox.popkeep(["session", "work"]).on_terminal(100, 50);
    terminal.expect("3 archived").expect("work> ");
    terminal.enter("dele 1").expect("+OK marked").expect("work [1 marked]> ");
    terminal.enter("dele 3").expect("+OK marked").expect("work [2 marked]> ");
    terminal
        .enter("list")
        .expect("+OK 1 messages")
        .expect("marked for deletion: 1, 3")
        .expect("work [2 marked]> ");
    terminal.enter("rset").expect("+OK").expect("work> ");
    terminal.enter("dele 2").expect("work [1 marked]> ");
    terminal.enter("quit").expect("+OK bye").expect("deleted from the server: 1 message");
    assert_eq!(terminal.wait(), Some(0));
    assert_eq!(server.uids(), ["uid-00001", "uid-00003"]);
}

#[test]
fn before_a_message_is_lost_a_person_is_asked() {
    let server = PopServer::with(Mail::some(2));
    let sandbox = Sandbox::for_server(&server);
    let mut terminal = sandbox.popkeep(["session", "work"]).on_terminal(100, 50);
    for answer in ["", "n", "yess"] {
        terminal.expect("work> ").enter("dele 2");
        terminal.expect("Message 2: it is not in the archive. Delete it? [y/N] ").enter(answer);
    }
    terminal.expect("work> ").enter("dele 2").expect("[y/N] ").control('D').expect("work> ");
    assert_eq!(server.count("DELE"), 0);
    terminal.send(UP).expect("dele 2").send("\r").expect("[y/N] ").enter("Y");
    terminal.expect("+OK marked").expect("work [1 marked]> ").enter("quit").expect("+OK bye");
    assert_eq!(terminal.wait(), Some(0));
    assert_eq!(server.uids(), ["uid-00001"]);
}

#[test]
fn the_ways_out_without_quit_delete_nothing_and_say_so() {
    for (key, code) in [('D', 0), ('C', 130)] {
        let server = PopServer::with(Mail::some(2));
        let sandbox = Sandbox::for_server(&server);
        sandbox.popkeep(["fetch", "--quiet"]).run().expect(0);
        let mut terminal = sandbox.popkeep(["session", "work"]).on_terminal(100, 50);
        terminal.expect("work> ").enter("dele 2").expect("work [1 marked]> ").control(key);
        terminal.expect("left without QUIT").expect("the deletion of 1 message (2) is not carried out");
        assert_eq!(terminal.wait(), Some(code));
        assert_eq!(server.uids().len(), 2);
    }
}

#[test]
fn ctrl_c_while_the_server_has_the_word_ends_the_session_with_words() {
    let server = PopServer::with(Mail::some(2));
    let sandbox = Sandbox::for_server(&server);
    sandbox.popkeep(["fetch", "--quiet"]).run().expect(0);
    server.behave(Behaviour { stall_at: Some(Nth("NOOP", 1)), ..Behaviour::default() });
    let mut terminal = sandbox.popkeep(["session", "work"]).on_terminal(100, 50);
    terminal.expect("work> ").enter("dele 2").expect("work [1 marked]> ").enter("noop");
    server.wait_for_stall();
    terminal.control('C').expect("left without QUIT").expect("1 message (2) is not carried out");
    assert_eq!(terminal.wait(), Some(130));
    assert_eq!(server.uids().len(), 2);
}

#[test]
fn a_signal_at_the_prompt_leaves_the_terminal_as_it_was() {
    let server = PopServer::with(Mail::some(1));
    let sandbox = Sandbox::for_server(&server);
    let mut shell = std::process::Command::new("sh");
    // The shell outlives the program and looks at the terminal.
    let inner = format!("echo pid $$.; exec {} session work", crate::support::sandbox::POPKEEP);
    shell.args(["-c", &format!("stty -g; sh -c '{inner}'; echo code $?; stty -g")]);
    let mut terminal = sandbox.command(shell).on_terminal(100, 50);
    terminal.expect("work> ");
    let said = terminal.said();
    let pid = said.split("pid ").nth(1).and_then(|rest| rest.split('.').next()).unwrap();
    assert!(std::process::Command::new("kill").args(["-TERM", pid]).status().unwrap().success());
    terminal.expect("left without QUIT").expect("code 143");
    let ended = terminal.finish();
    let states: Vec<&str> = ended.screen.lines().filter(|line| line.matches(':').count() > 20).collect();
    assert!(states.len() == 2 && states[0] == states[1], "{}", ended.screen);
}

#[test]
fn what_a_server_says_steers_no_terminal() {
    let hostile = Mail::new("hostile", "Subject: \x1b]0;pwned\x07\n\n\x1b[2Jtab\there \u{202e}\n");
    let server = PopServer::with(vec![hostile]);
    let sandbox = Sandbox::for_server(&server);
    let mut terminal = sandbox.popkeep(["session", "work"]).on_terminal(100, 50);
    terminal.expect("work> ").enter("retr 1");
    terminal
        .expect("Subject: \\x1b]0;pwned\\x07\n")
        .expect("\\x1b[2Jtab")
        .expect("\\u{202e}\n.\n")
        .expect("work> ");
    terminal.enter("quit").expect("+OK bye");
    let ended = terminal.finish();
    assert!(!ended.raw.contains("\x1b]0;") && !ended.raw.contains("\x1b[2J"), "{:?}", ended.raw);
}

#[test]
fn several_lines_pasted_at_once_are_several_commands() {
    let server = PopServer::with(Mail::some(2));
    let sandbox = Sandbox::for_server(&server);
    let mut terminal = sandbox.popkeep(["session", "work"]).on_terminal(100, 50);
    terminal.expect("work> ").send("stat\rlist\ruidl 2\rquit\r");
    terminal.expect("+OK 2 ").expect("+OK 2 messages").expect("+OK 2 uid-00002").expect("+OK bye");
    assert_eq!(terminal.wait(), Some(0));
}

#[test]
fn the_password_is_asked_for_before_the_prompt_and_is_in_no_history() {
    let server = PopServer::with(Mail::some(1));
    let sandbox = Sandbox::with([Account::on("work", &server).without("password")]);
    let mut terminal = sandbox.popkeep(["session", "work"]).on_terminal(100, 50);
    terminal.expect("assword").expect(":").enter_unseen(PASSWORD).expect("work> ");
    terminal.enter("pass secret").expect("PASS: not sent").expect("work> ");
    terminal.send(UP).send(UP).send("stat\r").expect("+OK 1 ").expect("work> ");
    terminal.enter("quit").expect("+OK bye");
    let ended = terminal.finish();
    assert_eq!(ended.code, Some(0), "{}", ended.screen);
    assert!(!ended.raw.contains(PASSWORD), "{}", ended.screen);
    assert!(!sandbox.snapshot().keys().any(|path| path.to_string_lossy().contains("history")));
}

#[test]
fn answers_can_go_to_a_file_while_a_person_types() {
    let server = PopServer::with(Mail::some(1));
    let sandbox = Sandbox::for_server(&server);
    let mut shell = std::process::Command::new("sh");
    shell.args(["-c", &format!("{} session work > answers", crate::support::sandbox::POPKEEP)]);
    let mut terminal = sandbox.command(shell).on_terminal(100, 50);
    terminal.expect("work> ").enter("retr 1").expect("work> ").enter("quit");
    assert_eq!(terminal.wait(), Some(0));
    let answers = std::fs::read(sandbox.path("answers")).unwrap();
    let wire = Mail::numbered(1).wire;
    assert!(answers.windows(wire.len()).any(|part| part == wire), "{}", answers.escape_ascii());
}

#[test]
fn the_readme_shows_a_session_as_it_is() {
    const README: &str = include_str!("../../README.md");
    let (_, rest) = README.split_once("$ popkeep session work\n").unwrap();
    let (shown, _) = rest.split_once("```").unwrap();

    let authority = Authority::new();
    let behaviour = Behaviour { imail_texts: true, ..Behaviour::default() };
    let mail = |number: usize, size| Mail::new(&format!("23037128{}", number + 2), of_size(size));
    let server = PopServer::start(
        vec![mail(1, 1171), mail(2, 1021)],
        behaviour,
        Tls::Implicit(authority.good().acceptor()),
    );
    let sandbox = Sandbox::new();
    let ca = sandbox.write("ca.pem", authority.pem());
    let account = Account::new("work").text("host", "localhost").key("port", server.port());
    sandbox.configure([account.text("tls_ca_file", ca.to_str().unwrap())]);
    sandbox.popkeep(["fetch", "--quiet"]).run().expect(0);
    server.state().mails.push(mail(3, 385));

    let mut terminal = sandbox.popkeep(["session", "work"]).on_terminal(100, 50);
    for line in shown.lines() {
        for prompt in ["work> ", "work [1 marked]> ", "[y/N] "] {
            if let Some((_, typed)) = line.split_once(prompt) {
                terminal.expect(prompt).enter(typed);
            }
        }
    }
    let ended = terminal.finish();
    assert_eq!((ended.code, ended.screen.as_str()), (Some(0), shown));
}

//! At a terminal: what a person sees there, and what Ctrl-C does.

use crate::support::maildrop::PASSWORD;
use crate::support::{Account, Mail, PopServer, Sandbox};

#[test]
fn a_terminal_shows_what_was_printed_and_echoes_what_is_typed() {
    let sandbox = Sandbox::new();
    let mut command = std::process::Command::new("sh");
    let script = "printf '\\033[1mna\\033[0mme? '; read name < /dev/tty; stty size; \
                  printf 'half\\rwhole, %s\\n' \"$name\"; exit 3";
    command.args(["-c", script]);
    let mut terminal = sandbox.command(command).on_terminal(40, 10);
    terminal.expect("name? ").enter("Jane");
    let ended = terminal.finish();
    assert_eq!(ended.code, Some(3));
    assert!(ended.screen.contains("name? Jane\n"), "{}", ended.screen);
    assert!(ended.screen.contains("10 40\n"), "{}", ended.screen);
    assert!(ended.screen.ends_with("\nwhole, Jane\n"), "{}", ended.screen);
    assert!(ended.raw.contains("\x1b[1m"), "{:?}", ended.raw);
}

#[test]
fn a_password_that_the_configuration_does_not_have_is_asked_for_and_not_shown() {
    let server = PopServer::with(Mail::some(3));
    let sandbox = Sandbox::with([Account::on("work", &server).without("password")]);
    let mut terminal = sandbox.popkeep(["fetch"]).on_terminal(80, 24);
    terminal.expect("assword").expect(":").enter_unseen(PASSWORD);
    let ended = terminal.finish();
    assert_eq!(ended.code, Some(0), "{}", ended.screen);
    assert!(!ended.raw.contains(PASSWORD), "{}", ended.screen);
    assert_eq!(sandbox.maildir("work").len(), 3);
}

#[test]
fn a_terminal_has_keys_a_size_and_an_end() {
    let sandbox = Sandbox::new();
    let started = |script: &str| {
        let mut command = std::process::Command::new("sh");
        command.args(["-c", script]);
        sandbox.command(command).on_terminal(40, 10)
    };
    let mut terminal = started("echo ready; cat; echo end of input; exit 4");
    terminal.expect("ready").control('D').expect("end of input");
    assert_eq!(terminal.wait(), Some(4));
    assert!(terminal.said().starts_with("ready\n"), "{}", terminal.said());

    let mut terminal = started("echo ready; exec cat");
    terminal.expect("ready").control('C');
    assert_eq!(terminal.finish().code, None, "ended by the signal of the terminal");

    let mut terminal = started("read line; stty size; exec cat");
    terminal.resize(60, 20).enter("").expect("20 60");
    terminal.signal("TERM");
    assert_eq!(terminal.finish().code, None, "ended by the signal");
}

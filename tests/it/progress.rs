//! Promises: on a terminal an account is a line that becomes its summary, whatever the width, and the
//! terminal is left as it was found; the journal is told levels; nobody else sees either.

use crate::support::maildrop::{Capa, Nth};
use crate::support::{Account, Behaviour, Mail, PopServer, Sandbox};
use std::process::Command;

/// A server that stalls at the fourth RETR of six messages of 100 KiB, one command at a time.
fn stalling() -> PopServer {
    let capa = Capa::without_pipelining();
    let stall_at = Some(Nth("RETR", 4));
    let body = "a line of a long message\n".repeat(4096);
    let mails = (1..=6).map(|n| Mail::new(&format!("uid-{n}"), format!("Subject: {n}\n\n{body}"))).collect();
    PopServer::behaving(mails, Behaviour { capa, stall_at, ..Behaviour::default() })
}

#[test]
fn a_line_shows_how_far_an_account_is_whatever_the_width() {
    for (columns, shown) in [(120, " messages  "), (80, "/6  "), (50, "/6  "), (30, "%  ")] {
        let server = stalling();
        let sandbox =
            Sandbox::with([Account::on("work-of-a-name-to-be-cut", &server).text("timeout", "300s")]);
        let mut terminal = sandbox.popkeep(["fetch"]).on_terminal(columns, 24);
        server.wait_for_stall();
        terminal.expect(shown).expect(" left");
        let screen = terminal.screen();
        let rows: Vec<&str> = screen.lines().collect();
        // None, while it is being drawn anew.
        assert!(rows.len() <= 1, "one line of {columns} columns:\n{screen}");
        assert!(rows.iter().all(|row| row.is_empty() || row.starts_with("work-of-a-")), "{screen}");
        terminal.control('C').expect("Ctrl-C again").control('C');
        let ended = terminal.finish();
        assert_eq!(ended.code, Some(130));
        assert!(!ended.raw.contains("\x1b[?25l"), "the cursor is never hidden");
    }
}

#[test]
fn the_end_is_each_accounts_summary_and_the_reconciliation_in_a_sentence() {
    let (work, home) = (PopServer::with(Mail::some(3)), PopServer::with(Mail::some(1)));
    let sandbox =
        Sandbox::with([Account::on("work", &work), Account::on("home", &home).text("max_size", "10 B")]);
    let ended = sandbox.popkeep(["fetch", "--jobs", "1"]).on_terminal(120, 24).finish();
    assert_eq!(ended.code, Some(0));
    let octets: usize = Mail::some(3).iter().map(|mail| mail.stored().len()).sum();
    let rows: Vec<&str> = ended.screen.lines().collect();
    assert_eq!(rows.len(), 4, "{}", ended.screen);
    assert!(rows.contains(&&*format!("work: 3 listed, 3 archived, 3 fetched ({octets} B), 0 deleted")));
    assert!(rows.contains(&"home: 1 listed, 0 archived, 0 fetched, 0 deleted, 1 left"));
    let sentence = format!(
        "Of 4 messages on the servers, 3 are in the archive, 3 of them new ({octets} B); 1 left by max_size or --limit."
    );
    assert_eq!(rows[3], sentence);
}

#[test]
fn ctrl_c_stops_the_bars_says_what_happens_and_a_second_one_ends_at_once() {
    let server = stalling();
    let sandbox = Sandbox::with([Account::on("work", &server).text("timeout", "300s")]);
    let mut terminal = sandbox.popkeep(["fetch"]).on_terminal(120, 24);
    server.wait_for_stall();
    terminal.expect(" left").control('C').expect("Ctrl-C again stops now\n");
    // The terminal's own ^C may have pushed the bar up a line; it stands still there.
    let screen = terminal.screen();
    assert!(screen.lines().last().unwrap().starts_with("stopping after"), "{screen}");
    terminal.control('C');
    let ended = terminal.finish();
    assert_eq!(ended.code, Some(130));
    let after = ended.screen.strip_prefix(screen.trim_end()).expect("nothing is drawn over it");
    assert!(matches!(after.trim(), "" | "^C"), "nothing is drawn after it:\n{}", ended.screen);
}

#[test]
fn a_terminal_that_is_dumb_gets_lines_and_colours_nobody() {
    let server = PopServer::with(Mail::some(3));
    let sandbox = Sandbox::for_server(&server);
    let mut dumb = Command::new("sh");
    dumb.args(["-c", "TERM=dumb exec \"$0\" fetch", crate::support::sandbox::POPKEEP]);
    let ended = sandbox.command(dumb).on_terminal(80, 24).finish();
    assert!(!ended.raw.contains('\x1b'), "{:?}", ended.raw);
    assert!(ended.screen.starts_with("work: fetching 3 of 3 messages"), "{}", ended.screen);

    sandbox.config("[accounts.work]\nhots = 1\n");
    let fault =
        |value: &str| sandbox.popkeep(["fetch"]).env("NO_COLOR", value).on_terminal(80, 24).finish().raw;
    assert!(fault("").contains("\x1b["), "an excerpt has colours on a terminal");
    assert!(!fault("1").contains('\x1b'), "unless they are not wanted");
}

/// Runs `fetch` with stderr in a file and `JOURNAL_STREAM` naming what `stream` says.
fn journal(sandbox: &Sandbox, stream: &str, arguments: &str) -> String {
    let script = format!("exec 2>journal; JOURNAL_STREAM={stream} exec \"$0\" fetch {arguments}");
    let mut command = Command::new("sh");
    command.args(["-c", &script, crate::support::sandbox::POPKEEP]);
    sandbox.command(command).run();
    std::fs::read_to_string(sandbox.path("journal")).unwrap()
}

#[test]
fn the_journal_is_told_levels_and_nobody_else() {
    let refuse = [Mail::some(3)[1].uid.clone()].into();
    let server =
        PopServer::behaving(Mail::some(3), Behaviour { refuse_retr: refuse, ..Behaviour::default() });
    let sandbox = Sandbox::with([
        Account::on("work", &server),
        Account::new("gone").loopback(1).text("tls", "none").text("identity", "other"),
    ]);
    let ours = "$(stat -L -c %d:%i /proc/self/fd/2)";
    let said = journal(&sandbox, ours, "-v --jobs 1");
    for (level, words) in [
        ("<6>work: ", "logged in"),
        ("<6>work: ", "3 listed, 2 archived"),
        ("<3>popkeep: work: ", "missing from the archive"),
        ("<4>popkeep: gone: ", "cannot connect"),
    ] {
        assert!(
            said.lines().any(|line| line.starts_with(level) && line.contains(words)),
            "{level}{words}:\n{said}"
        );
    }
    assert!(said.lines().all(|line| line.starts_with('<')), "every line has its level:\n{said}");
    assert!(!journal(&sandbox, "1:2", "").contains('<'), "the variable was inherited, stderr goes elsewhere");
    let quiet = journal(&sandbox, ours, "--quiet");
    assert_eq!(quiet.lines().count(), 2, "{quiet}");
    assert!(quiet.contains("<3>popkeep: work: ") && quiet.contains("<4>popkeep: gone: "), "{quiet}");
}

#[test]
fn a_signal_at_a_prompt_leaves_the_terminal_as_it_was() {
    let server = PopServer::with(Mail::some(1));
    let sandbox = Sandbox::with([Account::on("work", &server).without("password")]);
    for (signal, command, code) in [("INT", "fetch", 130), ("INT", "check", 130), ("TERM", "fetch", 143)] {
        let script =
            format!("trap : INT; \"$0\" {command} & echo $! > pid; fg > /dev/null; echo ended $?; stty -a");
        let mut shell = Command::new("sh");
        shell.args(["-m", "-c", &script, crate::support::sandbox::POPKEEP]);
        let mut terminal = sandbox.command(shell).on_terminal(200, 40);
        terminal.expect("Password of joe at 127.0.0.1: ");
        if signal == "INT" {
            terminal.control('C');
        } else {
            let pid = std::fs::read_to_string(sandbox.path("pid")).unwrap();
            assert!(Command::new("kill").args(["-TERM", pid.trim()]).status().unwrap().success());
        }
        terminal.expect(&format!("ended {code}"));
        let ended = terminal.finish();
        for mode in ["echo", "icanon", "isig"] {
            let on = ended.screen.split_whitespace().any(|word| word == mode);
            assert!(on, "{mode} is off after {signal}:\n{}", ended.screen);
        }
    }
}

//! A refused login rests before it is tried again, for longer each time; a change or a person ends that at once.

use crate::support::clock::{self, DAY};
use crate::support::maildrop::PASSWORD;
use crate::support::{Account, Behaviour, Mail, PopServer, Sandbox, set_mode};

const MINUTE: i64 = 60;

/// A server that lets nobody in.
fn refuses() -> Behaviour {
    Behaviour { login_reply: Some("-ERR [AUTH] no entry"), ..Behaviour::default() }
}

/// Whether a run so many seconds from now goes to the server; its exit code.
fn knocks(
    sandbox: &Sandbox,
    server: &PopServer,
    library: &std::path::Path,
    ahead: i64,
) -> (bool, Option<i32>) {
    let mut run = sandbox.popkeep(["fetch", "--quiet"]).ahead(library, ahead).run();
    let came = !server.take_sessions().is_empty();
    if !came {
        run = run.silent();
    }
    (came, run.code)
}

#[test]
fn it_rests_for_longer_each_time_and_then_for_a_day() {
    let Some(library) = clock::library() else { return };
    let server = PopServer::behaving(Mail::some(1), refuses());
    let sandbox = Sandbox::for_server(&server);
    let mut at = 0;
    assert_eq!(knocks(&sandbox, &server, &library, at), (true, Some(77)));
    for hours in [1, 4, 12, 24, 24] {
        for early in [MINUTE, hours * 60 * MINUTE - 5 * MINUTE] {
            assert_eq!(knocks(&sandbox, &server, &library, at + early), (false, Some(77)), "{hours} h");
        }
        at += hours * 60 * MINUTE;
        assert_eq!(knocks(&sandbox, &server, &library, at), (true, Some(77)), "{hours} h");
    }
    server.behave(Behaviour::default());
    assert_eq!(knocks(&sandbox, &server, &library, at + 2 * DAY), (true, Some(0)));
}

#[test]
fn what_worked_in_the_last_days_is_tried_again_sooner() {
    let Some(library) = clock::library() else { return };
    let server = PopServer::with(Mail::some(1));
    let sandbox = Sandbox::for_server(&server);
    assert_eq!(knocks(&sandbox, &server, &library, 0), (true, Some(0)));
    server.behave(refuses());
    let mut at = DAY;
    assert_eq!(knocks(&sandbox, &server, &library, at), (true, Some(77)));
    for minutes in [15, 30, 60, 120, 240, 240] {
        assert_eq!(knocks(&sandbox, &server, &library, at + (minutes - 2) * MINUTE), (false, Some(77)));
        at += minutes * MINUTE;
        assert_eq!(knocks(&sandbox, &server, &library, at), (true, Some(77)), "{minutes} min");
    }
    server.behave(Behaviour::default());
    at += DAY;
    assert_eq!(knocks(&sandbox, &server, &library, at), (true, Some(0)));
    server.behave(refuses());
    at += 8 * DAY;
    assert_eq!(knocks(&sandbox, &server, &library, at), (true, Some(77)));
    assert_eq!(
        knocks(&sandbox, &server, &library, at + 30 * MINUTE),
        (false, Some(77)),
        "it worked too long ago"
    );
}

#[test]
fn a_clock_that_was_set_back_does_not_prolong_it() {
    let Some(library) = clock::library() else { return };
    let server = PopServer::behaving(Mail::some(1), refuses());
    let sandbox = Sandbox::for_server(&server);
    assert_eq!(knocks(&sandbox, &server, &library, 3650 * DAY), (true, Some(77)));
    assert_eq!(knocks(&sandbox, &server, &library, 0), (true, Some(77)));
}

/// Whether a run now goes to the server.
fn tries(sandbox: &Sandbox, server: &PopServer) -> bool {
    sandbox.popkeep(["fetch", "--quiet"]).run();
    !server.take_sessions().is_empty()
}

#[test]
fn a_change_of_the_configuration_or_of_the_secret_ends_it() {
    let server = PopServer::behaving(Mail::some(1), refuses());
    let plain = || Account::on("work", &server).without("password");
    let sandbox = Sandbox::new();
    let secret = sandbox.path("secret");
    let write = |text: &str| set_mode(sandbox.write("secret", text), 0o600);
    write("N0t-the-Secret\n");
    let path = secret.to_str().unwrap();
    for account in [
        Account::on("work", &server),
        plain().text("password_file", path),
        plain().text("password_command", format!("cat {path}")),
    ] {
        write("N0t-the-Secret\n");
        sandbox.configure([account.clone()]);
        assert!(tries(&sandbox, &server) && !tries(&sandbox, &server));
        if !account.toml().contains("password = ") {
            write("An0ther-Secret\n");
            assert!(tries(&sandbox, &server) && !tries(&sandbox, &server), "{}", account.toml());
        }
        sandbox.configure([account]);
        assert!(tries(&sandbox, &server) && !tries(&sandbox, &server));
    }
    sandbox.configure([plain().text("password_env", "SECRET")]);
    for (value, tried) in [("one", true), ("one", false), ("two", true), ("two", false)] {
        sandbox.popkeep(["fetch", "--quiet"]).env("SECRET", value).run().expect(77);
        assert_eq!(!server.take_sessions().is_empty(), tried, "{value}");
    }
    let ledger = std::fs::read(sandbox.ledger()).unwrap();
    for needle in [PASSWORD, "N0t-the-Secret", "An0ther-Secret"] {
        assert!(!ledger.windows(needle.len()).any(|window| window == needle.as_bytes()));
    }
}

#[test]
fn a_person_at_a_terminal_is_not_kept_from_trying() {
    let server = PopServer::behaving(Mail::some(1), refuses());
    let sandbox = Sandbox::for_server(&server);
    assert!(tries(&sandbox, &server) && !tries(&sandbox, &server));
    server.behave(Behaviour::default());
    let mut terminal = sandbox.popkeep(["fetch"]).on_terminal(80, 24);
    assert_eq!(terminal.wait(), Some(0));
    assert_eq!(server.take_sessions().len(), 1);
    assert!(tries(&sandbox, &server), "what let us in ends it for cron as well");
}

#[test]
fn not_now_and_a_limit_of_the_provider_are_no_refused_login() {
    for reply in [
        "-ERR [IN-USE] no",
        "-ERR [LOGIN-DELAY] no",
        "-ERR [SYS/TEMP] no",
        "-ERR Exceeded the login limit for a 15 minute period",
        "-ERR too many connections",
    ] {
        let not_now = Behaviour { login_reply: Some(reply), ..Behaviour::default() };
        let server = PopServer::behaving(Mail::some(1), not_now);
        let sandbox = Sandbox::for_server(&server);
        for _ in 0..2 {
            sandbox.popkeep(["fetch", "--quiet"]).run().expect(75);
            assert!(!server.take_sessions().is_empty(), "{reply}");
        }
    }
}

#[test]
fn a_skipped_run_says_so_in_json_and_without_quiet() {
    let server = PopServer::behaving(Mail::some(1), refuses());
    let sandbox = Sandbox::for_server(&server);
    sandbox.popkeep(["fetch", "--quiet"]).run().expect(77).one_line(&["no entry", "`password`"]);
    let skipped = sandbox.popkeep(["fetch", "--json"]).run().expect(77);
    assert!(!skipped.stderr.is_empty());
    let account = skipped.account();
    assert_eq!((&account["outcome"], &account["listed"]), (&"skipped".into(), &0.into()));
}

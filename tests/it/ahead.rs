//! What becomes a problem if nobody does anything is told while there is time: in the report, in the metrics, and by a quiet
//! run once a week. No exit code changes.

use rcgen::date_time_ymd;

use crate::support::certificates::Authority;
use crate::support::maildrop::Tls;
use crate::support::mounting::mounting;
use crate::support::oauth_server::{OAuthServer, Rotation, mail_server};
use crate::support::{Account, Behaviour, Mail, PopServer, Sandbox, clock};

const DAY: i64 = 86_400;

/// The kinds of a report's warnings.
fn kinds(report: &serde_json::Value) -> Vec<&str> {
    report["warnings"].as_array().unwrap().iter().map(|warning| warning["kind"].as_str().unwrap()).collect()
}

#[test]
fn an_archive_that_is_not_verified_for_long_is_told_once_a_month() {
    let Some(library) = clock::library() else { return };
    let server = PopServer::with(Mail::some(2));
    let sandbox = Sandbox::for_server(&server);
    assert_eq!(kinds(&sandbox.fetch()), [""; 0]);
    let quiet = |day: i64| {
        sandbox.set_clock(&library, day * DAY);
        sandbox.popkeep(["fetch", "--quiet"]).run().expect(0).stderr
    };
    assert_eq!((quiet(100), quiet(179)), (String::new(), String::new()));
    let said = quiet(181);
    assert!(said.contains("popkeep: work: the archive was never verified"), "{said}");
    assert_eq!((quiet(182), quiet(210)), (String::new(), String::new()));
    assert!(quiet(212).contains("never verified"));
    assert_eq!(kinds(&sandbox.fetch()), ["not-verified"], "whoever asks hears it each time");
    sandbox.popkeep(["verify", "--quiet"]).run().expect(0);
    assert_eq!(kinds(&sandbox.fetch()), [""; 0]);
}

#[test]
fn a_certificate_that_ends_soon_is_told() {
    let Some(library) = clock::library() else { return };
    let authority = Authority::new();
    let leaf = authority.with(|params| params.not_after = date_time_ymd(2060, 1, 1));
    let server = PopServer::start(Mail::some(1), Behaviour::default(), Tls::Implicit(leaf.acceptor()));
    let sandbox = Sandbox::new();
    let ca = sandbox.write("ca.pem", authority.pem());
    let account = Account::new("work").loopback(server.port()).text("tls_ca_file", ca.to_str().unwrap());
    sandbox.configure([account.clone()]);
    assert_eq!(kinds(&sandbox.fetch()), [""; 0]);
    let metrics = || {
        sandbox.popkeep(["fetch", "--quiet", "--metrics", "popkeep.prom"]).run().expect(0);
        std::fs::read_to_string(sandbox.path("popkeep.prom")).unwrap()
    };
    let found = metrics();
    let (ends, free) = (
        "popkeep_certificate_end_timestamp_seconds{account=\"work\"} 2840140800",
        "popkeep_archive_free_bytes{",
    );
    assert!(found.contains(ends) && found.contains(free), "{found}");
    assert!(found.contains("popkeep_warnings{account=\"work\"} 0\n"), "{found}");

    // Two weeks before 2060, the archive verified.
    sandbox.set_clock(&library, clock::shift_to(2_840_140_800 - 13 * DAY));
    sandbox.popkeep(["verify", "--quiet"]).run().expect(0);
    let said = sandbox.popkeep(["fetch", "--quiet"]).run().expect(0);
    said.one_line(&["work", "certificate ends on", "renew"]);
    sandbox.popkeep(["fetch", "--quiet"]).run().expect(0).silent();
    assert!(metrics().contains("popkeep_warnings{account=\"work\"} 1\n"));
    sandbox.configure([account.text("tls_fingerprint", leaf.fingerprint())]);
    assert_eq!(kinds(&sandbox.fetch()), [""; 0], "a pinned certificate is good for as long as it is pinned");
}

/// Google ends the sign-ins of a project that is in testing after seven days, and says so.
#[test]
fn a_sign_in_that_ends_soon_is_told() {
    let Some(library) = clock::library() else { return };
    let provider = OAuthServer::start();
    provider.state().sign_in_lasts = Some(7 * DAY);
    provider.state().rotation = Rotation::Never;
    let server = mail_server(Mail::some(1), provider.good());
    let sandbox = Sandbox::new();
    let init = [provider.init(&server, "microsoft"), vec!["--batch".to_owned()]].concat();
    sandbox.popkeep(init).run().expect(0);
    provider.state().sign_in_lasts = None;
    assert_eq!(kinds(&sandbox.fetch()), [""; 0]);
    let status = sandbox.popkeep(["status", "--json"]).run().expect(0).json();
    assert!(status["accounts"][0]["sign_in"]["ends"].is_string(), "{status}");
    sandbox.set_clock(&library, 5 * DAY);
    sandbox.popkeep(["fetch", "--quiet"]).run().expect(0).one_line(&["sign-in ends on", "popkeep login"]);
    sandbox.popkeep(["fetch", "--quiet"]).run().expect(0).silent();
    provider.state().sign_in_lasts = Some(60 * DAY);
    sandbox.popkeep(["login", "--device"]).run().expect(0);
    assert_eq!(kinds(&sandbox.fetch()), [""; 0]);
}

#[test]
fn a_disk_that_is_nearly_full_is_told_and_what_will_not_fit_before_it_is_fetched() {
    let body = "0123456789abcdef\n".repeat(120_000);
    let server = PopServer::with(vec![Mail::numbered(1)]);
    let sandbox = Sandbox::for_server(&server);
    std::fs::create_dir_all(sandbox.path("Mail")).unwrap();
    let run = |size: &str, command: &str| {
        let script = format!(
            "mount -t tmpfs -o size={size} tmpfs Mail; cp -a kept/. Mail; $POPKEEP {command}; code=$?
            rm -rf kept; cp -a Mail kept; exit $code"
        );
        mounting(&sandbox, &script)
    };
    std::fs::create_dir_all(sandbox.path("kept")).unwrap();
    let Some(outcome) = run("1m", "fetch --quiet") else { return };
    outcome.expect(0).one_line(&["work", "disk is nearly full"]);
    run("1m", "fetch --quiet").unwrap().expect(0).silent();
    run("64m", "fetch").unwrap().expect(0);
    server.state().mails.push(Mail::new("large", format!("Subject: large\n\n{body}")));
    let outcome = run("1m", "fetch").unwrap().expect(74);
    let lines: Vec<&str> = outcome.stderr.lines().collect();
    let place = |words: &str| lines.iter().position(|line| line.contains(words));
    let (before, after) = (place("are to be fetched"), place("make room"));
    assert!(before.is_some() && before < after, "{}", outcome.stderr);
    assert_eq!(place("nearly full"), None, "that it is full is said already");
}

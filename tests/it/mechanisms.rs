//! Every way to log in, against a real server: Debian's Dovecot.

use crate::support::dovecot::Dovecot;
use crate::support::dovecot_auth::{LATE, LONG_AGO, Mechanisms, token};
use crate::support::{Account, Sandbox, set_mode};

/// A Dovecot with one message for jane.
fn dovecot() -> Option<Dovecot> {
    let dovecot = Dovecot::start_with(&["jane"], Mechanisms::Every)?;
    dovecot.deliver("jane", "1", b"Subject: one\n\n1\n");
    Some(dovecot)
}

/// jane's account over implicit TLS and over STLS.
fn over_tls(dovecot: &Dovecot) -> [Account; 2] {
    [dovecot.implicit_tls("work", "jane"), dovecot.stls("work", "jane")]
}

/// `check` shows this mechanism, and `fetch` brings the message.
#[track_caller]
fn logs_in(sandbox: &Sandbox, account: Account, mechanism: &str) {
    sandbox.configure([account]);
    sandbox.popkeep(["check"]).run().expect(0).says(&[&format!("as jane by {mechanism}\n")]);
    sandbox.popkeep(["fetch", "--quiet"]).run().expect(0).silent();
    assert_eq!(sandbox.maildir("work").len(), 1);
}

#[test]
fn each_password_mechanism_by_name() {
    let Some(dovecot) = dovecot() else { return };
    for (auth, mechanism) in [
        ("plain", "PLAIN"),
        ("login", "LOGIN"),
        ("cram-md5", "CRAM-MD5"),
        ("scram-sha-1", "SCRAM-SHA-1"),
        ("scram-sha-256", "SCRAM-SHA-256"),
        ("user", "USER/PASS"),
    ] {
        for account in over_tls(&dovecot) {
            logs_in(&Sandbox::new(), account.text("auth", auth), mechanism);
        }
    }
}

#[test]
fn each_password_mechanism_refuses_a_wrong_password_once() {
    let Some(dovecot) = dovecot() else { return };
    for auth in ["plain", "login", "cram-md5", "scram-sha-1", "scram-sha-256", "user", "apop", "auto"] {
        let account = dovecot.implicit_tls("work", "jane").text("password", "not the one").text("auth", auth);
        let sandbox = Sandbox::with([account]);
        let outcome =
            sandbox.popkeep(["fetch", "-vv"]).run().expect(77).says(&["refused the login", "password"]);
        let tries = outcome.stderr.lines().filter(|line| {
            ["AUTH ", "PASS ", "APOP "].iter().any(|verb| line.contains(&format!("C: {verb}")))
        });
        assert_eq!(tries.count(), 1, "{auth}:\n{}", outcome.stderr);
    }
}

#[test]
fn auto_takes_the_strongest() {
    let Some(dovecot) = dovecot() else { return };
    for account in over_tls(&dovecot) {
        logs_in(&Sandbox::new(), account, "SCRAM-SHA-256");
    }
    logs_in(&Sandbox::new(), dovecot.clear_text("work", "jane"), "SCRAM-SHA-256");
}

#[test]
fn apop_wherever_its_timestamp_was_not_in_clear_text_before_stls() {
    let Some(dovecot) = dovecot() else { return };
    for account in [dovecot.implicit_tls("work", "jane"), dovecot.clear_text("work", "jane")] {
        logs_in(&Sandbox::new(), account.text("auth", "apop"), "APOP");
    }
    let sandbox = Sandbox::with([dovecot.stls("work", "jane").text("auth", "apop")]);
    sandbox.popkeep(["fetch", "--quiet"]).run().expect(77).one_line(&["APOP", "before STLS"]);
}

#[test]
fn a_client_certificate_alone() {
    let Some(dovecot) = dovecot() else { return };
    let (certificate, key) = dovecot.client_files("jane");
    for auth in ["external", "auto"] {
        for account in over_tls(&dovecot) {
            let account = account
                .without("password")
                .text("auth", auth)
                .text("tls_client_cert", certificate.to_str().unwrap())
                .text("tls_client_key", key.to_str().unwrap());
            set_mode(&key, 0o600);
            logs_in(&Sandbox::new(), account, "EXTERNAL");
        }
    }
    let without = dovecot.implicit_tls("work", "jane").without("password").text("auth", "external");
    let sandbox = Sandbox::with([without]);
    let code = sandbox.popkeep(["fetch", "--quiet"]).run().code;
    assert!(matches!(code, Some(77 | 78)), "without a certificate nobody gets in: {code:?}");
}

#[test]
fn an_access_token() {
    let Some(dovecot) = dovecot() else { return };
    let command = format!("echo {}", token("jane", LATE));
    for (auth, mechanism) in [("xoauth2", "XOAUTH2"), ("oauthbearer", "OAUTHBEARER"), ("auto", "OAUTHBEARER")]
    {
        for account in over_tls(&dovecot) {
            let account = account.without("password").text("auth", auth).text("token_command", &command);
            logs_in(&Sandbox::new(), account, mechanism);
        }
    }
}

#[test]
fn an_expired_token_is_had_anew_once() {
    let Some(dovecot) = dovecot() else { return };
    let (old, new) = (token("jane", LONG_AGO), token("jane", LATE));
    for auth in ["xoauth2", "oauthbearer"] {
        // The first run of the command prints the old token, any later one the new.
        let sandbox = Sandbox::new();
        let asked = sandbox.path("asked");
        let asked = asked.to_str().unwrap();
        let command =
            format!("if test -e '{asked}'; then echo {new}; else echo {old}; fi; echo x >> '{asked}'");
        let account = dovecot.implicit_tls("work", "jane").without("password").text("auth", auth);
        sandbox.configure([account.clone().text("token_command", command)]);
        sandbox.popkeep(["fetch", "--quiet"]).run().expect(0).silent();
        assert_eq!(std::fs::read_to_string(asked).unwrap().lines().count(), 2, "{auth}");

        // One that never gets better is told of, with the server's reason.
        sandbox.configure([account.text("token_command", format!("echo x >> '{asked}'; echo {old}"))]);
        sandbox.popkeep(["fetch", "--quiet"]).run().expect(77).one_line(&["token_command", "status"]);
        assert_eq!(std::fs::read_to_string(asked).unwrap().lines().count(), 4, "{auth}");
    }
}

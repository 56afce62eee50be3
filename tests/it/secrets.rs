//! No secret in anything that popkeep prints or writes, whatever the server does with it. Those of a sign-in are in
//! `oauth/secrets.rs`.

use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::support::certificates::Authority;
use crate::support::outcome::Outcome;
use crate::support::sasl_server::SaslServer;
use crate::support::scripted::Scripted;
use crate::support::{Account, Sandbox, set_mode, stores};

/// A password and an access token at once.
const SECRET: &str = "Rumpelstilzchen-7391";

/// The forms of the secret of these tests.
fn forms() -> Vec<String> {
    forms_of(SECRET)
}

/// A secret in every form in which it may leak: as it is, in hexadecimal, and in base64, where what stands
/// before it decides which of three forms it has.
pub(crate) fn forms_of(secret: &str) -> Vec<String> {
    let hex: String = secret.bytes().map(|octet| format!("{octet:02x}")).collect();
    let mut forms = vec![secret.to_owned(), hex.to_uppercase(), hex];
    for before in 0..3 {
        let encoded = STANDARD.encode([&vec![b'x'; before], secret.as_bytes()].concat());
        // Without the characters that the neighbours have a part in.
        forms.push(encoded[before * 2..encoded.len() - 4].to_owned());
    }
    forms
}

/// What a server that repeats everything says.
fn echo() -> String {
    let hex: String = SECRET.bytes().map(|octet| format!("{octet:02x}")).collect();
    format!("{SECRET} {} {hex}", STANDARD.encode(SECRET))
}

/// Looks for the secret in what a run printed and in every file of the home folder but the configuration, and for
/// what the client said to prove that it knows it.
#[track_caller]
fn assert_kept(sandbox: &Sandbox, outcome: &Outcome, proofs: &[String]) {
    let mut places = vec![
        (PathBuf::from("stdout"), outcome.stdout.clone().into_bytes()),
        (PathBuf::from("stderr"), outcome.stderr.clone().into_bytes()),
    ];
    let mut folders = vec![sandbox.path("")];
    while let Some(folder) = folders.pop() {
        for path in stores::files(&folder) {
            if path.is_dir() {
                folders.push(path);
            } else if path != sandbox.config_file() {
                places.push((path.clone(), std::fs::read(&path).unwrap()));
            }
        }
    }
    assert!(
        places.iter().any(|(place, _)| place.ends_with("ledger.sqlite3")),
        "there is a ledger to look at"
    );
    for (place, octets) in &places {
        for form in forms().iter().chain(proofs) {
            let found = octets.windows(form.len()).any(|window| window == form.as_bytes());
            assert!(!found, "{form:?} stands in {}:\n{}", place.display(), String::from_utf8_lossy(octets));
        }
    }
}

/// What the client said that nobody else could have said: the responses.
fn proofs(heard: &[String]) -> Vec<String> {
    let words = heard.iter().filter_map(|line| line.rsplit(' ').next());
    let is_proof = |word: &&str| word.len() >= 12 && !word.starts_with("OAUTHBEARER");
    words.filter(is_proof).map(str::to_owned).collect()
}

fn account(port: u16, auth: &str) -> Account {
    let account = Account::new("work").loopback(port).text("tls", "none").text("auth", auth);
    match auth {
        "xoauth2" | "oauthbearer" => {
            account.without("password").text("token_command", format!("echo {SECRET}"))
        }
        _ => account.text("password", SECRET),
    }
}

/// Each mechanism's words as far as the server's last one.
fn words(auth: &str) -> &'static str {
    match auth {
        "plain" => "C: AUTH PLAIN *\n",
        "login" => "C: AUTH LOGIN\nS: + VXNlcm5hbWU6\nC: *\nS: + UGFzc3dvcmQ6\nC: *\n",
        "cram-md5" => "C: AUTH CRAM-MD5\nS: + PDFAZXhhbXBsZS5jb20+\nC: *\n",
        "xoauth2" => "C: AUTH XOAUTH2\nS: + \nC: *\n",
        "oauthbearer" => "C: AUTH OAUTHBEARER *\n",
        "apop" => "C: APOP joe *\n",
        "user" => "C: USER joe\nS: +OK\nC: PASS *\n",
        other => panic!("{other}"),
    }
}

const SCRIPTED: [&str; 7] = ["plain", "login", "cram-md5", "xoauth2", "oauthbearer", "apop", "user"];

#[test]
fn a_server_that_refuses_and_repeats() {
    for auth in SCRIPTED {
        let complaint = STANDARD.encode(format!("{{\"status\":\"denied\",\"said\":\"{}\"}}", echo()));
        let complaint = match auth {
            "xoauth2" | "oauthbearer" => format!("S: + {complaint}\nC: *\n"),
            _ => String::new(),
        };
        for last in [
            format!("S: -ERR {}", echo()),
            format!("S: -ERR [IN-USE] {}", echo()),
            format!("S: {}", echo()),
            format!("S: +OK\nS: {}", echo()),
            format!("S: + {}", STANDARD.encode(echo())),
        ] {
            let transcript = format!(
                "S: +OK <1.2@example.com>\nC: CAPA\nS: -ERR\n{}{complaint}{last}\nclose",
                words(auth)
            );
            let server = Scripted::play(&transcript);
            let sandbox = Sandbox::with([account(server.port(), auth)]);
            let outcome = sandbox.popkeep(["fetch", "-vv", "--json"]).run();
            assert_ne!(outcome.code, Some(0), "{auth}");
            let heard = server.finish();
            assert!(outcome.stderr.contains("****"), "{auth}: {}", outcome.stderr);
            assert_kept(&sandbox, &outcome, &proofs(&heard));
        }
    }
}

#[test]
fn a_server_that_lets_us_in_and_repeats() {
    for auth in SCRIPTED {
        let echo = echo();
        let transcript = format!(
            "S: +OK <1.2@example.com>\nC: CAPA\nS: +OK\nS: PIPELINING\nS: .\n{}S: +OK {echo}\n\
             C: CAPA\nS: +OK\nS: X-ECHO {echo}\nS: .\nC: STAT\nS: -ERR {echo}\nC: UIDL\nS: -ERR {echo}\n\
             C: LIST\nS: -ERR {echo}\nclose",
            words(auth)
        );
        let server = Scripted::play(&transcript);
        let sandbox = Sandbox::with([account(server.port(), auth)]);
        let outcome = sandbox.popkeep(["fetch", "-vv", "--json"]).run();
        assert_ne!(outcome.code, Some(0), "{auth}");
        assert_kept(&sandbox, &outcome, &proofs(&server.finish()));
    }
}

#[test]
fn scram_in_all_its_forms() {
    let authority = Authority::new();
    let offer = "SCRAM-SHA-1 SCRAM-SHA-256 SCRAM-SHA-1-PLUS SCRAM-SHA-256-PLUS";
    for password in [crate::support::maildrop::PASSWORD, SECRET] {
        for auth in ["scram-sha-1", "scram-sha-256", "scram-sha-1-plus", "scram-sha-256-plus"] {
            let server = SaslServer::start(authority.good().acceptor(), offer, None);
            let sandbox = Sandbox::new();
            let ca = sandbox.write("ca.pem", authority.pem());
            let account =
                Account::new("work").loopback(server.port()).text("tls_ca_file", ca.to_str().unwrap());
            sandbox.configure([account.text("auth", auth).text("password", password)]);
            let outcome = sandbox.popkeep(["fetch", "-vv", "--json"]).run();
            assert_eq!(outcome.code, Some(if password == SECRET { 77 } else { 0 }), "{auth}");
            assert_kept(&sandbox, &outcome, &proofs(&server.heard()));
            assert!(!outcome.stderr.contains(password), "{auth}");
        }
    }
}

#[test]
fn a_configuration_that_cannot_be_read() {
    let sandbox = Sandbox::new();
    let file = sandbox.write("secret", format!("{SECRET}\n\u{1}"));
    set_mode(&file, 0o644);
    for line in [
        format!("pasword = \"{SECRET}\""),
        format!("password = {SECRET}"),
        format!("password = \"{SECRET}"),
        format!("password = [\"{SECRET}\"]"),
        format!("password_command = \"echo {SECRET}; exit 3\""),
        format!("token_command = \"echo {SECRET}; exit 3\""),
        format!("password_file = {:?}", file.to_str().unwrap()),
        format!("proxy = \"socks5://joe:{SECRET}@[127.0.0.1\""),
    ] {
        let toml = account(1, "auto").without("password").toml();
        sandbox.config(&format!("{toml}{line}\n"));
        let outcome = sandbox.popkeep(["fetch", "-vv", "--json"]).run();
        assert_ne!(outcome.code, Some(0), "{line}");
        let words = format!("{}{}", outcome.stdout, outcome.stderr);
        for form in forms() {
            assert!(!words.contains(&form), "{line}: {words}");
        }
    }
}

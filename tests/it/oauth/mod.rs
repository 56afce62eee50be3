//! Signing in with OAuth2.
//!
//! | promise | test |
//! | --- | --- |
//! | one sign-in lasts, whatever becomes of single tokens | `a_day_of_runs_needs_no_person`, `a_token_that_the_mail_server_refuses_is_renewed_once` |
//! | a temporary failure costs no token | `a_provider_that_is_out_of_order_costs_no_token` |
//! | what needs a person says so: 77 | `what_ends_a_sign_in_says_so` |
//! | two runs at once refresh once | `two_runs_at_once_refresh_once` |
//! | `kill -9` at any moment costs no token | `a_run_that_is_killed_leaves_a_sign_in` |
//! | a token of another's maildrop is not kept | `a_token_that_the_mail_server_refuses_is_not_kept` |
//! | the browser's answer counts only if it is one | `the_answer_of_a_browser_must_be_an_answer` |
//! | an answer from another tab is passed over | `an_answer_from_another_tab_does_not_end_the_sign_in` |
//! | no secret in any output | `no_secret_in_the_trace` |
//! | a real mail server takes the tokens | `dovecot` |
//! | a session that ends with its token is followed by another in the same run | `long_session` |
//! | https with authorities of one's own, through a proxy, and with every fault | `transport` |
//! | a provider that says when to ask again is not asked before, but by a person who signs in | `put_off` |
//! | `fetch --dry-run` writes nothing while the token holds | `put_off::a_dry_run_writes_no_token_that_need_not_be_renewed` |
//! | no secret in any output, process list, environment of a child, or file but the token file | `secrets` |
//! | from nothing to mail, and eight hours without a person | `unattended::eight_hours_of_runs_from_nothing` |
//! | a `kill -9` at any system call of a refresh costs no sign-in | `unattended::a_refresh_that_is_killed_at_any_system_call` |

mod dovecot;
mod long_session;
mod put_off;
mod secrets;
mod transport;
mod unattended;

use std::io::{BufRead as _, BufReader, Read as _};
use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::clock::{HOUR, library};
use crate::support::oauth_server::{Fault, OAuthServer, Rotation, browse, mail_server};
use crate::support::outcome::Outcome;
use crate::support::sandbox::Run;
use crate::support::{Account, Mail, PopServer, Sandbox, set_mode, stores};

/// A provider, a mail server that takes its tokens, and a sandbox with an account on both.
struct Scene {
    provider: OAuthServer,
    server: Option<PopServer>,
    sandbox: Sandbox,
}

impl Scene {
    fn new() -> Scene {
        Scene::with("")
    }

    /// With these keys in the oauth table besides.
    fn with(more: &str) -> Scene {
        Scene::at(OAuthServer::start(), more)
    }

    /// The same at this provider.
    fn at(provider: OAuthServer, more: &str) -> Scene {
        let mail = Mail::new("a", b"Subject: one\r\n\r\none\r\n");
        let server = mail_server(vec![mail], provider.good());
        let account = Account::on("work", &server).without("password").key("oauth", provider.table(more));
        let sandbox = Sandbox::with([account]);
        Scene { provider, server: Some(server), sandbox }
    }

    fn signed_in() -> Scene {
        let scene = Scene::new();
        // The quickest way.
        scene.browser(&[]).0.expect(0);
        scene
    }

    fn run(&self, arguments: &str) -> Outcome {
        self.sandbox.popkeep(arguments.split(' ')).run()
    }

    fn folder(&self) -> PathBuf {
        self.sandbox.path(".local/state/popkeep/tokens")
    }

    fn token_file(&self) -> Value {
        serde_json::from_slice(&std::fs::read(self.folder().join("work.json")).unwrap()).unwrap()
    }

    /// Makes the token on disk look as if it had come so many seconds earlier.
    fn age(&self, seconds: i64) {
        self.change(|stored| {
            stored["obtained_at"] = json!(stored["obtained_at"].as_i64().unwrap() - seconds);
        });
    }

    /// Changes what the token file says.
    fn change(&self, change: impl FnOnce(&mut Value)) {
        let mut stored = self.token_file();
        change(&mut stored);
        std::fs::write(self.folder().join("work.json"), stored.to_string()).unwrap();
    }

    #[track_caller]
    fn assert_tidy(&self) {
        let names: Vec<_> = stores::files(&self.folder())
            .iter()
            .map(|path| path.file_name().unwrap().to_str().unwrap().to_owned())
            .collect();
        assert!(names.iter().all(|name| name == "work.json" || name == "work.lock"), "{names:?}");
    }

    /// Signs in by a browser that is driven here.
    fn browser(&self, options: &[&str]) -> (Outcome, (u16, String)) {
        self.visit(options, browse)
    }

    /// The same with a browser of the test's own, which gets the address.
    fn visit<T>(&self, options: &[&str], browser: impl FnOnce(&str) -> T) -> (Outcome, T) {
        visit(self.sandbox.popkeep(["login", "--browser"].iter().chain(options)), browser)
    }
}

/// Gives the first line that a run of `login` prints to a browser, and waits for the end of both.
fn visit<T>(run: Run, browser: impl FnOnce(&str) -> T) -> (Outcome, T) {
    let arguments = run.arguments();
    let mut command = run.into_command();
    let mut running =
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut stdout = BufReader::new(running.stdout.take().unwrap());
    let mut address = String::new();
    stdout.read_line(&mut address).unwrap();
    let page = browser(address.trim_end());
    let mut rest = String::new();
    stdout.read_to_string(&mut rest).unwrap();
    let mut output = running.wait_with_output().unwrap();
    output.stdout = (address + &rest).into_bytes();
    let outcome = Outcome::of(&arguments, output);
    (outcome, page)
}

#[test]
fn a_code_signs_in_and_a_fetch_uses_it() {
    let scene = Scene::new();
    scene.run("fetch").expect(77).says(&["popkeep login work"]);
    scene.provider.will([Fault::Error("authorization_pending"), Fault::Status(503, "", "")]);
    let login = scene.run("login").expect(0);
    let lines: Vec<&str> = login.stdout.lines().collect();
    assert_eq!(lines.len(), 2, "{}", login.stdout);
    assert!(lines[0].ends_with("/activate") && lines[1] == "WDJB-MJHT", "{lines:?}");
    scene.assert_tidy();
    assert_eq!(scene.sandbox.fetch()["fetched"], 1);
    let token = scene.run("token").expect(0);
    assert_eq!(
        (token.stdout.trim_end(), token.stderr.as_str()),
        (scene.token_file()["access_token"].as_str().unwrap(), "")
    );
    assert_eq!(scene.provider.refreshes(), 0);

    scene.run("logout").expect(0);
    assert_eq!(scene.provider.asked("/revoke").len(), 1);
    scene.run("token").expect(77);
    scene.run("logout").expect(0).says(&["nobody was signed in"]);
    scene.assert_tidy();
}

#[test]
fn a_code_that_is_refused_or_runs_out_signs_nobody_in() {
    let scene = Scene::new();
    for (error, exit) in
        [("access_denied", 77), ("expired_token", 77), ("invalid_client", 77), ("whatever", 75)]
    {
        scene.provider.will([Fault::Error(error)]);
        scene.run("login --device").expect(exit);
        scene.run("token").expect(77);
    }
}

#[test]
fn a_day_of_runs_needs_no_person() {
    let Some(library) = library() else { return };
    let scene = Scene::signed_in();
    let first = scene.token_file();
    for hour in 1..=8 {
        scene.sandbox.set_clock(&library, hour * HOUR);
        scene.sandbox.fetch();
    }
    assert_eq!(scene.provider.refreshes(), 8);
    let last = scene.token_file();
    assert_ne!(first["refresh_token"], last["refresh_token"]);
    assert_eq!(first["signed_in_at"], last["signed_in_at"]);
    // The clock goes back to what it was: a token from the future is not believed.
    scene.sandbox.set_clock(&library, 0);
    scene.sandbox.fetch();
    assert_eq!(scene.provider.refreshes(), 9);
}

#[test]
fn a_token_is_renewed_ahead_of_its_end_whatever_the_provider_says_of_it() {
    for (expires_in, kept, renewed) in [
        (Some(json!(3600)), 2900, 3001),
        (Some(json!("3600")), 2900, 3001),
        (None, 2900, 3001),
        (Some(json!(600)), 250, 301),
    ] {
        let scene = Scene::new();
        scene.provider.state().expires_in = expires_in.clone();
        scene.provider.state().rotation = Rotation::Never;
        scene.run("login").expect(0);
        let refresh_token = scene.token_file()["refresh_token"].clone();
        scene.age(kept);
        scene.run("token").expect(0);
        assert_eq!(scene.provider.refreshes(), 0, "{expires_in:?}");
        scene.age(renewed - kept);
        scene.run("token").expect(0);
        assert_eq!(scene.provider.refreshes(), 1, "{expires_in:?}");
        assert_eq!(scene.token_file()["refresh_token"], refresh_token, "none came, so the old one goes on");
    }
}

#[test]
fn a_token_that_the_mail_server_refuses_is_renewed_once() {
    let scene = Scene::signed_in();
    scene.provider.expire_access_tokens();
    scene.sandbox.fetch();
    assert_eq!(scene.provider.refreshes(), 1);
    scene.run("check").expect(0);
    scene.run("list").expect(0);
    assert_eq!(scene.provider.refreshes(), 1);
}

#[test]
fn what_ends_a_sign_in_says_so() {
    for error in [
        "invalid_grant",
        "unauthorized_client",
        "invalid_client",
        "invalid_scope",
        "consent_required",
        "interaction_required",
    ] {
        let scene = Scene::signed_in();
        scene.age(4000);
        scene.provider.will([Fault::Error(error)]);
        let said = scene.run("fetch --quiet").expect(77).one_line(&["popkeep login work", error]);
        assert!(!said.stderr.contains('\u{1b}'), "{}", said.stderr);
        assert_eq!(scene.token_file()["problem"]["needs_person"], true);
        scene.assert_tidy();
    }
}

#[test]
fn a_provider_that_is_out_of_order_costs_no_token() {
    let faults = [
        (Fault::Status(500, "", "{\"error\":\"invalid_grant\"}"), 69),
        (Fault::Status(503, "", "<html>"), 69),
        (Fault::Status(429, "", "{}"), 75),
        (Fault::Status(200, "Content-Type: text/html\r\n", "<html>Welcome to the airport</html>"), 69),
        (Fault::Status(302, "Location: https://portal.example/\r\n", ""), 69),
        (Fault::Status(200, "", "{\"token_type\":\"Bearer\"}"), 69),
        (Fault::Error("temporarily_unavailable"), 75),
        (Fault::Error("slow_down"), 75),
        (Fault::Cut, 69),
        (Fault::Endless, 75),
    ];
    let scene = Scene::signed_in();
    scene.age(4000);
    let before = scene.token_file()["refresh_token"].clone();
    for (fault, exit) in faults {
        scene.provider.will([fault]);
        scene.run("fetch --quiet").expect(exit).one_line(&[]);
        assert_eq!(scene.token_file()["refresh_token"], before);
        scene.assert_tidy();
    }
    scene.provider.will([Fault::Torn]);
    scene.run("fetch --quiet").expect(69);
    scene.sandbox.fetch();
    assert_eq!(scene.token_file()["problem"], Value::Null);
}

#[test]
fn a_token_that_still_holds_is_used_while_the_provider_is_out_of_order() {
    let scene = Scene::signed_in();
    scene.age(3300);
    scene.provider.will([Fault::Status(503, "", "")]);
    scene.run("fetch --quiet").expect(0).silent();
}

#[test]
fn two_runs_at_once_refresh_once() {
    let scene = Scene::signed_in();
    for round in 1..=5 {
        scene.age(4000);
        let runs: Vec<_> = (0..3).map(|_| scene.sandbox.popkeep(["token"]).spawn()).collect();
        for run in runs {
            assert_eq!(run.wait(), Some(0));
        }
        assert_eq!(scene.provider.refreshes(), round);
    }
    scene.assert_tidy();
}

#[test]
fn a_run_that_is_killed_leaves_a_sign_in() {
    let scene = Scene::signed_in();
    for delay in 0..60 {
        scene.age(4000);
        let run = scene.sandbox.popkeep(["token"]).spawn();
        std::thread::sleep(Duration::from_micros(delay * 700));
        run.kill();
        scene.assert_tidy();
        scene.run("token").expect(0);
    }
    let state = scene.sandbox.path(".local/state/popkeep");
    let left =
        stores::files(&state).into_iter().filter(|path| path.to_str().unwrap().contains(".token-")).count();
    assert_eq!(left, 0);
}

#[test]
fn a_token_that_the_mail_server_refuses_is_not_kept() {
    let scene = Scene::signed_in();
    let before = scene.token_file();
    let account = "user = \"joe\"";
    let config = std::fs::read_to_string(scene.sandbox.config_file()).unwrap();
    scene.sandbox.config(&config.replace(account, "user = \"jane\""));
    scene.run("login").expect(77).says(&["another account may have been chosen", "did not keep"]);
    assert_eq!(scene.token_file(), before);
}

#[test]
fn a_browser_signs_in() {
    let scene = Scene::new();
    scene.provider.state().iss = Some(scene.provider.origin());
    let (outcome, (status, page)) = scene.browser(&[]);
    let outcome = outcome.expect(0);
    assert_eq!((status, outcome.stdout.lines().count()), (200, 1));
    assert!(page.contains("You can close this page"), "{page}");
    let asked = &scene.provider.asked("/authorize")[0];
    assert!(asked.contains(&("login_hint".to_owned(), "joe".to_owned())), "{asked:?}");
    scene.sandbox.fetch();
}

#[test]
fn an_answer_from_another_tab_does_not_end_the_sign_in() {
    let scene = Scene::new();
    let (outcome, ()) = scene.visit(&[], |address| {
        scene.provider.state().mixes_up_answers = true;
        for _ in 0..40 {
            let (status, page) = browse(address);
            assert!(status == 400 && page.contains("does not belong to the sign-in"), "{status} {page}");
        }
        scene.provider.state().mixes_up_answers = false;
        assert_eq!(browse(address).0, 200);
    });
    let outcome = outcome.expect(0).says(&["does not belong to this sign-in"]);
    assert_eq!(outcome.stderr.matches("does not belong").count(), 1, "{}", outcome.stderr);
    scene.sandbox.fetch();
}

#[test]
fn a_browser_is_opened_where_there_is_a_display() {
    let scene = Scene::with(", client_secret_command = \"echo geheim-4711-geheim\"");
    scene.provider.state().client_secret = Some("geheim-4711-geheim".to_owned());
    let opened = scene.sandbox.path("opened");
    let script = format!("#!/bin/sh\n{{ echo \"$@\"; env; }} > {0}.new; mv {0}.new {0}\n", opened.display());
    let program = scene.sandbox.write("bin/xdg-open", script);
    set_mode(&program, 0o755);
    let path = format!("{}:{}", scene.sandbox.path("bin").display(), std::env::var("PATH").unwrap());
    for (variable, opens) in [("DISPLAY", true), ("WAYLAND_DISPLAY", true), ("NO_DISPLAY", false)] {
        let run = scene.sandbox.popkeep(["login", "--browser"]).env("PATH", &path).env(variable, ":0");
        let (outcome, said) = visit(run, |address| {
            if !opens {
                return (browse(address), String::new());
            }
            let until = Instant::now() + Duration::from_secs(20);
            while !opened.exists() && Instant::now() < until {
                std::thread::sleep(Duration::from_millis(5));
            }
            let said = std::fs::read_to_string(&opened).unwrap();
            let first = said.lines().next().unwrap();
            assert_eq!(first, address, "{variable}");
            (browse(first), said)
        });
        outcome.expect(0);
        assert_eq!(said.0.0, 200);
        assert!(!said.1.contains("geheim-4711"), "{}", said.1);
        assert_eq!(opened.exists(), opens, "{variable}");
        let _ = std::fs::remove_file(&opened);
    }
}

#[test]
fn the_answer_of_a_browser_must_be_an_answer() {
    let scene = Scene::new();
    scene.provider.state().iss = Some("https://elsewhere.example".to_owned());
    scene.browser(&[]).0.expect(77).says(&["iss"]);
    scene.provider.state().iss = None;
    scene.provider.state().denies = true;
    scene.browser(&[]).0.expect(77).says(&["access_denied"]);
    assert!(scene.provider.asked("/token").is_empty());

    let scene = Scene::with(", issuer = \"https://issuer.example\"");
    scene.provider.state().iss = Some("https://issuer.example".to_owned());
    scene.browser(&[]).0.expect(0);
    scene.provider.state().iss = Some(scene.provider.origin());
    scene.browser(&[]).0.expect(77);
}

#[test]
fn an_address_that_is_pasted_signs_in() {
    let scene = Scene::with(", redirect_port = 9");
    scene.sandbox.popkeep(["login", "--paste"]).run_with("nonsense\n").expect(77);
    scene.sandbox.popkeep(["login", "--paste"]).run_with("http://127.0.0.1:9/?code=x&state=y\n").expect(77);
    let mut command = scene.sandbox.popkeep(["login", "--paste"]).into_command();
    let mut running =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut address = String::new();
    let mut stdout = BufReader::new(running.stdout.take().unwrap());
    stdout.read_line(&mut address).unwrap();
    let fields = popkeep::http::form::decode(address.trim_end().split_once('?').unwrap().1);
    let state = popkeep::http::form::only(&fields, "state").unwrap().to_owned();
    // What a browser would have shown when it failed to load the page.
    std::net::TcpStream::connect(scene.provider.origin().trim_start_matches("http://"))
        .and_then(|mut stream| {
            use std::io::Write as _;
            let path = address.trim_end().split_once("/authorize").unwrap().1;
            write!(stream, "GET /authorize{path} HTTP/1.1\r\n\r\n")?;
            stream.read_exact(&mut [0; 30])
        })
        .unwrap();
    {
        use std::io::Write as _;
        let mut stdin = running.stdin.take().unwrap();
        writeln!(stdin, "http://127.0.0.1:9/?code=the-code-4711&state={state}&session_state=1").unwrap();
    }
    assert_eq!(running.wait().unwrap().code(), Some(0));
    scene.sandbox.fetch();
}

#[test]
fn a_client_secret_is_sent_where_there_is_one() {
    let scene = Scene::with(", client_secret_command = \"echo geheim-4711-geheim\"");
    scene.provider.state().client_secret = Some("geheim-4711-geheim".to_owned());
    scene.browser(&[]).0.expect(0);
    scene.age(4000);
    scene.sandbox.fetch();
}

#[test]
fn no_secret_in_the_trace() {
    let scene = Scene::with(", client_secret = \"geheim-4711-geheim\"");
    scene.provider.state().client_secret = Some("geheim-4711-geheim".to_owned());
    let mut said = vec![scene.sandbox.popkeep(["login", "--device", "-vv"]).run().expect(0).stderr];
    said.push(scene.browser(&["-vv"]).0.expect(0).stderr);
    for fault in [
        None,
        Some(Fault::Error("invalid_grant")),
        Some(Fault::Status(
            400,
            "",
            "{\"error\":\"geheim-4711-geheim\",\"error_description\":\"geheim-4711-geheim\"}",
        )),
        Some(Fault::Status(400, "", "{\"geheim-4711-geheim\":[\"geheim-4711-geheim\"]}")),
        Some(Fault::Status(200, "", "geheim-4711-geheim")),
    ] {
        scene.age(4000);
        scene.provider.will(fault);
        let outcome = scene.run("fetch -vv --json");
        said.extend([outcome.stderr, outcome.stdout]);
    }
    scene.provider.state().denies = true;
    let denied = scene.browser(&["-vv"]).0.expect(77).says(&["access_denied", "no, **** and ****"]);
    said.push(denied.stderr);
    said.push(scene.run("logout -vv").expect(0).stderr);
    let said = said.concat();
    assert!(said.contains("POST http://127.0.0.1") && said.contains("refresh_token=****"), "{said}");
    for secret in scene.provider.secrets() {
        assert!(!said.contains(&secret), "{secret} is shown:\n{said}");
    }
}

//! No secret of a sign-in outside the token file: access token, refresh token, client secret, device code, authorization
//! code, PKCE verifier.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use super::{Scene, visit};
use crate::secrets::forms_of;
use crate::support::maildrop::PASSWORD;
use crate::support::oauth_server::{Fault, OAuthServer, browse};
use crate::support::outcome::Outcome;
use crate::support::sandbox::POPKEEP;
use crate::support::{Account, Mail, find_program, set_mode, skip, stores};

const CLIENT_SECRET: &str = "client-geheim-4711-geheim";

/// Appends to the file `spied` what a child sees of itself and of popkeep: environments and command lines.
const SPY: &str = "{ env; for p in $$ $PPID; do tr '\\\\0' '\\\\n' < /proc/$p/cmdline; tr '\\\\0' '\\\\n' < /proc/$p/environ; \
                   done; } >> ~/spied";

/// Every file below a folder.
fn all_files(folder: &Path) -> Vec<PathBuf> {
    let below = |path: PathBuf| if path.is_dir() { all_files(&path) } else { vec![path] };
    stores::files(folder).into_iter().flat_map(below).collect()
}

/// A scene whose every command spies.
fn spied_on() -> Scene {
    let spy = SPY;
    let provider = OAuthServer::start();
    provider.state().client_secret = Some(CLIENT_SECRET.to_owned());
    let scene = Scene::at(provider, "");
    scene.sandbox.write("client-secret", format!("{CLIENT_SECRET}\n"));
    scene.sandbox.write("password", format!("{PASSWORD}\n"));
    let server = scene.server.as_ref().unwrap();
    let table = format!(", client_secret_command = \"{spy}; cat ~/client-secret\"");
    let work = Account::on("work", server).without("password").key("oauth", scene.provider.table(&table));
    // Another account, whose password a command prints.
    let other = Account::on("other", server).without("password").key("auth", "\"user\"");
    let other = other.key("password_command", format!("\"{spy}; cat ~/password\""));
    let accounts = [work, other].map(|account| account.key("on_new_mail", format!("\"{spy}\"")));
    scene.sandbox.configure(accounts);
    let opener = scene
        .sandbox
        .write("bin/xdg-open", format!("#!/bin/sh\n{}\n: > ~/opened\n", spy.replace("\\\\", "\\")));
    set_mode(&opener, 0o755);
    scene
}

/// Nowhere in what was said, nor in any file but those whose purpose it is.
#[track_caller]
fn assert_kept(scene: &Scene, said: &[Outcome]) {
    let mut places: Vec<(PathBuf, Vec<u8>)> = Vec::new();
    for outcome in said {
        places.push(("stdout".into(), outcome.stdout.clone().into_bytes()));
        places.push(("stderr".into(), outcome.stderr.clone().into_bytes()));
    }
    let home = scene.sandbox.path("");
    let meant = [scene.folder().join("work.json"), home.join("client-secret"), home.join("password")];
    for path in all_files(&home) {
        if !meant.contains(&path) {
            let octets = std::fs::read(&path).unwrap();
            places.push((path, octets));
        }
    }
    for name in ["ledger.sqlite3", "spied"] {
        assert!(places.iter().any(|(place, _)| place.ends_with(name)), "there is no {name} to look at");
    }
    // The user code is there to be shown.
    let secrets: Vec<_> =
        scene.provider.secrets().into_iter().filter(|secret| secret != "WDJB-MJHT").collect();
    for kind in ["access-token", "refresh-token", "device-token", "the-code", CLIENT_SECRET] {
        assert!(secrets.iter().any(|secret| secret.starts_with(kind)), "no {kind}: {secrets:?}");
    }
    let forms: Vec<String> = secrets.iter().flat_map(|secret| forms_of(secret)).collect();
    for (place, octets) in &places {
        let text = String::from_utf8_lossy(octets);
        for form in &forms {
            assert!(!text.contains(form.as_str()), "{form:?} stands in {}:\n{text}", place.display());
        }
    }
}

#[test]
fn in_no_output_no_process_list_no_environment_and_no_file_but_its_own() {
    let scene = spied_on();
    let mut said = vec![scene.run("login work --device -vv").expect(0)];
    let path = format!("{}:{}", scene.sandbox.path("bin").display(), std::env::var("PATH").unwrap());
    let browser = scene.sandbox.popkeep(["login", "work", "--browser", "-vv"]);
    let opened = scene.sandbox.path("opened");
    let (outcome, _) = visit(browser.env("PATH", path).env("DISPLAY", ":0"), |address| {
        let until = Instant::now() + Duration::from_secs(20);
        while !opened.exists() && Instant::now() < until {
            std::thread::sleep(Duration::from_millis(5));
        }
        assert!(opened.exists(), "xdg-open did not run");
        browse(address)
    });
    said.push(outcome.expect(0));
    said.push(scene.run("fetch -vv --json").expect(0));
    // Refreshed ahead, refused by the mail server, refused by the provider.
    scene.server.as_ref().unwrap().state().mails.push(Mail::numbered(2));
    scene.age(4000);
    said.push(scene.run("fetch -vv --json").expect(0));
    scene.provider.expire_access_tokens();
    said.push(scene.run("check -vv work").expect(0));
    for fault in [Fault::Cut, Fault::Error("slow_down"), Fault::Torn, Fault::Error("invalid_grant")] {
        scene.age(4000);
        scene.provider.will([fault]);
        said.push(scene.run("fetch -vv work"));
    }
    said.push(scene.run("status --json"));
    said.push(scene.run("logout -vv work").expect(0));
    assert_kept(&scene, &said);
    let spied = std::fs::read_to_string(scene.sandbox.path("spied")).unwrap();
    let words = ["POPKEEP_FETCHED=", "login", "check", "xdg-open", "DISPLAY=:0", "cat ~/password"];
    for word in words {
        assert!(spied.contains(word), "nobody spied on {word}:\n{spied}");
    }
}

#[test]
fn in_no_file_after_a_kill_in_the_middle_of_a_refresh_and_the_next_run() {
    let Some(strace) = find_program("strace") else { return skip("no strace here") };
    let scene = spied_on();
    let mut said = vec![scene.run("login work --device").expect(0)];
    let (browser, _) = visit(scene.sandbox.popkeep(["login", "work", "--browser"]), browse);
    said.push(browser.expect(0));
    let draft = scene.sandbox.path(".local/state/popkeep/.token-work.new");
    // Until the answer is here there is no secret in the draft; before it is renamed there is.
    for (call, has_secret) in [("sendto", false), ("renameat", true)] {
        scene.age(4000);
        let before = scene.provider.refreshes();
        let mut command = Command::new(&strace);
        command.args(["-qq", "-o", "/dev/null", "-e", &format!("trace={call}"), "-e"]);
        command.arg(format!("inject={call}:signal=SIGKILL:when=1")).args([POPKEEP, "token", "work"]);
        let killed = scene.sandbox.command(command).run();
        assert_eq!(killed.code, None, "{call}");
        said.push(killed);
        let left = std::fs::read_to_string(&draft).unwrap();
        assert_eq!(left.contains("refresh-token"), has_secret, "{call}: {left:?}");
        said.push(scene.run("fetch --quiet").expect(0));
        assert!(!draft.exists(), "{call}");
        assert_eq!(scene.provider.refreshes(), before + 1, "{call}: what the killed run got is used");
        assert_kept(&scene, &said);
    }
}

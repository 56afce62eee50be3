//! A sign-in lasts without a person: hours of runs, runs at once, and a refresh that is killed at any of its steps.

use std::process::Command;

use super::Scene;
use crate::support::mail::{assert_same_mail, stored_forms};
use crate::support::oauth_server::{OAuthServer, Rotation, mail_server};
use crate::support::sandbox::{POPKEEP, Run};
use crate::support::{Mail, Sandbox, find_program, skip, stores};

/// popkeep under a clock so many minutes ahead, as a person would call it.
fn later(sandbox: &Sandbox, minutes: i64, arguments: &[&str]) -> Run {
    let mut command = Command::new("faketime");
    command.args(["-f", &format!("+{minutes}m"), POPKEEP]).args(arguments);
    sandbox.command(command)
}

#[test]
fn eight_hours_of_runs_from_nothing() {
    if find_program("faketime").is_none() {
        return skip("no faketime here");
    }
    for rotation in [Rotation::UntilNextIsUsed, Rotation::AtOnce] {
        let provider = OAuthServer::start();
        provider.state().rotation = rotation;
        provider.state().one_access_token = true;
        let server = mail_server(Mail::some(2), provider.good());
        let sandbox = Sandbox::new();
        let init = [provider.init(&server, "microsoft"), vec!["--batch".to_owned()]].concat();
        sandbox.popkeep(init).run().expect(0);
        for run in 0..=24 {
            server.state().mails.push(Mail::numbered(run + 3));
            later(&sandbox, 20 * i64::try_from(run).unwrap(), &["fetch", "--quiet"]).run().expect(0).silent();
        }
        assert_eq!(provider.refreshes(), 8, "one an hour");
        assert_eq!(provider.asked("/device").len(), 1, "a person was needed once");
        assert_same_mail(sandbox.maildir("work"), stored_forms(&Mail::some(27)));
        later(&sandbox, 485, &["status"]).run().expect(0);
    }
}

#[test]
fn runs_of_all_kinds_at_once_refresh_once_and_all_succeed() {
    let scene = Scene::signed_in();
    scene.provider.state().rotation = Rotation::AtOnce;
    for round in 1..=4 {
        scene.age(4000);
        let commands =
            [&["fetch", "--quiet"][..], &["fetch", "--quiet", "--wait", "1m"], &["check"], &["token"]];
        let runs = commands.map(|arguments| scene.sandbox.popkeep(arguments).spawn());
        let codes = runs.map(crate::support::sandbox::Running::wait);
        // Two fetches of one account are not at work at once: one that does not wait may be put off.
        assert!(matches!(codes[0], Some(0 | 75)), "{codes:?}");
        assert!(codes[1..].iter().all(|code| *code == Some(0)), "{codes:?}");
        assert_eq!(scene.provider.refreshes(), round);
    }
    scene.assert_tidy();
}

/// The system calls of a refresh, from taking the lock to the sync of the folder that the token file is in: the name of
/// each, and the how-manieth of that name it is in the run.
fn calls_of_a_refresh(scene: &Scene) -> Vec<(String, usize)> {
    let trace = scene.sandbox.path("trace");
    let mut command = Command::new("strace");
    command.args(["-f", "-qq", "-y", "-e", "signal=none", "-o"]).arg(&trace).args([POPKEEP, "token"]);
    scene.sandbox.command(command).run().expect(0);
    let text = std::fs::read_to_string(trace).unwrap();
    let mut counts = std::collections::BTreeMap::new();
    let mut calls = Vec::new();
    let main_thread = text.split(' ').next().unwrap();
    for line in text.lines() {
        let (thread, call) = line.split_once(' ').unwrap();
        let Some((name, arguments)) = call.trim_start().split_once('(') else { continue };
        // strace counts each thread's calls apart. A name is looked up in a thread of its own.
        if thread != main_thread || name.starts_with('<') {
            continue;
        }
        let count = counts.entry(name.to_owned()).or_insert(0);
        *count += 1;
        let begins = name.starts_with("open") && arguments.contains("tokens/work.lock\"");
        // What touches nothing but memory leaves nothing that the call before it has not left. How often threads wait for
        // each other differs from run to run.
        let in_memory = ["brk", "futex", "mmap", "mprotect", "munmap", "madvise", "mremap"].contains(&name);
        if (begins || !calls.is_empty()) && !in_memory {
            calls.push((name.to_owned(), *count));
        }
        if name == "fsync" && arguments.contains("/tokens>") && !calls.is_empty() {
            return calls;
        }
    }
    panic!("no refresh ({calls:?}):\n{text}");
}

/// `popkeep token`, killed as it makes this call.
#[track_caller]
fn kill_at(scene: &Scene, name: &str, number: usize) {
    let mut command = Command::new("strace");
    let inject = format!("inject={name}:signal=SIGKILL:when={number}");
    command.args(["-f", "-qq", "-o", "/dev/null", "-e", &format!("trace={name}"), "-e", &inject]);
    command.args([POPKEEP, "token"]);
    let killed = scene.sandbox.command(command).run();
    assert_eq!(killed.code, None, "{name} {number}");
}

#[test]
fn a_refresh_token_that_is_written_is_not_lost_where_the_old_one_is_refused_at_once() {
    if find_program("strace").is_none() {
        return skip("no strace here");
    }
    let scene = Scene::signed_in();
    scene.age(4000);
    let calls = calls_of_a_refresh(&scene);
    scene.provider.state().rotation = Rotation::AtOnce;
    // The draft is written once for its room, and once with what the provider answered.
    let written = calls.iter().rposition(|(name, _)| name == "write").unwrap();
    let after = &calls[written + 1..];
    assert!(after.iter().any(|(name, _)| name == "renameat"), "{after:?}");
    for (name, number) in after {
        scene.age(4000);
        let before = scene.provider.refreshes();
        kill_at(&scene, name, *number);
        scene.run("token").expect(0);
        assert_eq!(scene.provider.refreshes(), before + 1, "{name} {number}: what came is used");
    }
    assert_eq!(scene.provider.asked("/authorize").len(), 1, "a person was needed once");
}

#[test]
fn a_refresh_that_is_killed_at_any_system_call() {
    if find_program("strace").is_none() {
        return skip("no strace here");
    }
    let scene = Scene::signed_in();
    scene.age(4000);
    let calls = calls_of_a_refresh(&scene);
    let names: Vec<&str> = calls.iter().map(|(name, _)| name.as_str()).collect();
    for step in ["flock", "write", "fsync", "connect", "sendto", "recvfrom", "renameat"] {
        assert!(names.contains(&step), "no {step}: {names:?}");
    }
    for (name, number) in calls {
        scene.age(4000);
        kill_at(&scene, &name, number);
        scene.assert_tidy();
        scene.run("token").expect(0);
        let state = scene.sandbox.path(".local/state/popkeep");
        let left: Vec<_> = stores::files(&state)
            .into_iter()
            .filter(|path| path.to_str().unwrap().contains(".token-"))
            .collect();
        assert!(left.is_empty(), "{name} {number}: {left:?}");
    }
    scene.sandbox.fetch();
    assert_eq!(scene.provider.asked("/authorize").len(), 1, "a person was needed once");
}

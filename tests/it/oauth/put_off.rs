//! A refresh that can wait: because the provider says so (Retry-After), or because nothing is to be written.

use super::Scene;
use crate::support::clock::{DAY, HOUR, library};
use crate::support::oauth_server::Fault;

/// How often the token endpoint was asked.
fn asked(scene: &Scene) -> usize {
    scene.provider.asked("/token").len()
}

#[test]
fn a_provider_that_says_when_is_not_asked_before() {
    let Some(library) = library() else { return };
    for (status, head, exit) in [(429, "Retry-After: 3600\r\n", 75), (503, "Retry-After: 3600\r\n", 69)] {
        let scene = Scene::signed_in();
        scene.age(4000);
        let before = scene.token_file()["refresh_token"].clone();
        scene.provider.will([Fault::Status(status, head, "{}")]);
        scene.run("fetch --quiet").expect(exit).one_line(&[]);
        let count = asked(&scene);
        for seconds in [0, 1200, 3500] {
            scene.sandbox.set_clock(&library, seconds);
            scene.run("fetch --quiet").expect(75).one_line(&["asked popkeep to wait"]);
            scene.run("token").expect(75);
        }
        assert_eq!((asked(&scene), &scene.token_file()["refresh_token"]), (count, &before), "{status}");
        let problem = scene.token_file()["problem"].clone();
        assert_eq!(problem["needs_person"], false, "{problem}");
        scene.sandbox.set_clock(&library, 3605);
        scene.sandbox.fetch();
        assert_eq!(asked(&scene), count + 1, "{status}");
        assert_eq!(scene.token_file().get("ask_again_at"), None);
    }
}

#[test]
fn while_it_is_not_asked_a_token_that_holds_is_used() {
    let scene = Scene::signed_in();
    scene.age(3200);
    scene.provider.will([Fault::Status(429, "Retry-After: 3600\r\n", "")]);
    for _ in 0..3 {
        scene.run("fetch --quiet").expect(0).silent();
    }
    assert_eq!(scene.provider.refreshes(), 1);
}

#[test]
fn a_date_says_when_as_well() {
    let scene = Scene::signed_in();
    scene.age(4000);
    scene.provider.will([Fault::Status(429, "Retry-After: Sun, 06 Nov 1994 08:49:37 GMT\r\n", "")]);
    scene.run("fetch --quiet").expect(75);
    assert_eq!(scene.token_file().get("ask_again_at"), None, "long past");
    scene.provider.will([Fault::Status(429, "Retry-After: Fri, 31 Dec 2100 23:59:59 GMT\r\n", "")]);
    scene.run("fetch --quiet").expect(75);
    scene.run("fetch --quiet").expect(75);
    assert_eq!(scene.provider.refreshes(), 2);
}

#[test]
fn no_wait_is_longer_than_a_day_whatever_the_provider_or_the_clock_says() {
    let Some(library) = library() else { return };
    let scene = Scene::signed_in();
    scene.age(4000);
    scene.provider.will([Fault::Status(429, "Retry-After: 99999999999\r\n", "")]);
    scene.run("fetch --quiet").expect(75);
    scene.sandbox.set_clock(&library, DAY - HOUR);
    scene.run("fetch --quiet").expect(75);
    assert_eq!(scene.provider.refreshes(), 1);
    scene.sandbox.set_clock(&library, DAY + HOUR);
    scene.sandbox.fetch();

    // The clock was years ahead when the provider had us wait.
    scene.sandbox.set_clock(&library, 2000 * DAY);
    scene.provider.will([Fault::Status(429, "Retry-After: 60\r\n", "")]);
    scene.run("fetch --quiet").expect(75);
    scene.sandbox.set_clock(&library, 0);
    scene.sandbox.fetch();
}

#[test]
fn a_person_who_signs_in_need_not_wait() {
    let scene = Scene::signed_in();
    scene.age(4000);
    scene.provider.will([Fault::Status(429, "Retry-After: 3600\r\n", "")]);
    scene.run("fetch --quiet").expect(75);
    scene.run("login --device").expect(0);
    scene.age(4000);
    scene.sandbox.fetch();
}

#[test]
fn a_dry_run_writes_no_token_that_need_not_be_renewed() {
    let scene = Scene::signed_in();
    // What a run that was killed left is left, too.
    scene.age(3500);
    let draft = scene.sandbox.write(".local/state/popkeep/.token-work.new", "      ");
    crate::support::set_mode(&draft, 0o600);
    let before = scene.sandbox.snapshot();
    scene.run("fetch --dry-run").expect(0);
    assert_eq!((scene.sandbox.snapshot(), scene.provider.refreshes()), (before.clone(), 0));
    scene.sandbox.fetch();
    assert_eq!(scene.provider.refreshes(), 1);

    // One that has expired must be renewed, and a refresh token that comes with that must be kept.
    let before = scene.sandbox.snapshot();
    let refresh_token = scene.token_file()["refresh_token"].clone();
    scene.age(4000);
    scene.run("fetch --dry-run").expect(0);
    assert_eq!(scene.provider.refreshes(), 2);
    assert_ne!(scene.token_file()["refresh_token"], refresh_token);
    let after = scene.sandbox.snapshot();
    let tokens = scene.folder();
    let changed: Vec<_> = after
        .iter()
        .filter(|(path, facts)| before.get(*path) != Some(facts) && !path.starts_with(&tokens))
        .collect();
    assert!(changed.iter().all(|(path, _)| tokens.starts_with(path)), "{changed:?}");
    scene.sandbox.fetch();
}

#[test]
fn what_a_killed_run_left_is_gone_after_the_next_that_uses_the_token() {
    let scene = Scene::signed_in();
    let draft = scene.sandbox.path(".local/state/popkeep/.token-work.new");
    let next = scene.token_file().to_string().replace("refresh-token-number", "newer-token-number");
    for (content, is_kept) in [("   ", false), (&next[..next.len() - 1], false), (&next, true)] {
        std::fs::write(&draft, content).unwrap();
        crate::support::set_mode(&draft, 0o600);
        scene.sandbox.fetch();
        assert!(!draft.exists());
        let refresh_token = scene.token_file()["refresh_token"].as_str().unwrap().to_owned();
        assert_eq!(refresh_token.starts_with("newer"), is_kept);
    }
    assert_eq!(scene.provider.refreshes(), 0);
}

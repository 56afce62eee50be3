//! What must stay as it was: a configuration or password that is there, and everything when a person leaves.

use super::{
    FILE, QUESTIONS, all_options, answer, mode, nothing_written, server_options, with,
    without_password_managers,
};
use crate::support::maildrop::{Nth, PASSWORD};
use crate::support::{Account, Behaviour, Mail, PopServer, Sandbox};
use popkeep::config;

#[test]
fn a_configuration_is_never_changed() {
    let server = PopServer::with(Mail::some(2));
    let sandbox = Sandbox::for_server(&server);
    let before = std::fs::read(sandbox.config_file()).unwrap();
    let options = with(server_options(&server), ["--user", "jane", "--password-env", "SECRET", "--no-test"]);
    let refused = sandbox.popkeep(with(options.clone(), ["--account", "work"])).run().expect(64);
    refused.one_line(&["there already is an account \"work\""]);
    let refused = sandbox.popkeep(with(options.clone(), ["--account", "other"])).run().expect(73);
    assert!(refused.stderr.contains("already exists and was not changed"), "{}", refused.stderr);
    assert_eq!(std::fs::read(sandbox.config_file()).unwrap(), before);
    // What it prints is to be added.
    sandbox.config(&format!("{}\n{}", String::from_utf8(before).unwrap(), refused.stdout));
    let names: Vec<_> =
        config::load(&sandbox.config_file()).unwrap().accounts.into_iter().map(|a| a.name).collect();
    assert_eq!(names, ["work", "other"]);

    // Whatever it is that stands there.
    std::fs::create_dir(sandbox.path("folder")).unwrap();
    std::os::unix::fs::symlink("nowhere", sandbox.path("dangling")).unwrap();
    for path in ["folder", "dangling"] {
        sandbox.popkeep(with(options.clone(), ["--config", path])).run().expect(73);
    }
    assert!(!sandbox.path("nowhere").exists());
}

#[test]
fn of_two_at_once_one_writes() {
    let server = PopServer::with(Mail::some(1));
    for _ in 0..5 {
        let sandbox = Sandbox::new();
        let options = with(all_options(&server), ["--no-test"]);
        let codes: Vec<_> = std::thread::scope(|scope| {
            let runs: Vec<_> =
                (0..4).map(|_| scope.spawn(|| sandbox.popkeep(options.clone()).run().code)).collect();
            runs.into_iter().map(|run| run.join().unwrap()).collect()
        });
        assert_eq!(codes.iter().filter(|code| **code == Some(0)).count(), 1, "{codes:?}");
        assert_eq!(codes.iter().filter(|code| **code == Some(73)).count(), 3, "{codes:?}");
        assert!(config::load(&sandbox.config_file()).is_ok());
        assert_eq!(
            std::fs::read_dir(sandbox.path(".config/popkeep")).unwrap().count(),
            1,
            "no drafts are left"
        );
    }
}

#[test]
fn a_configuration_that_appears_meanwhile_stays() {
    let server = PopServer::with(Mail::some(1));
    let sandbox = Sandbox::new();
    let mut terminal = without_password_managers(&sandbox, server_options(&server));
    answer(&mut terminal, &QUESTIONS);
    terminal.expect(FILE.0);
    sandbox.config("# somebody else's\n");
    let ended = terminal.enter(FILE.1).wait();
    assert_eq!(ended, Some(73), "{}", terminal.screen());
    assert!(terminal.said().contains("in the meantime"), "{}", terminal.said());
    assert_eq!(std::fs::read_to_string(sandbox.config_file()).unwrap(), "# somebody else's\n");
    let names: Vec<_> = std::fs::read_dir(sandbox.path(".config/popkeep")).unwrap().collect();
    assert_eq!(names.len(), 1, "neither a password nor a draft is left: {names:?}");
}

#[test]
fn ctrl_c_at_any_question_leaves_nothing_behind() {
    let server = PopServer::with(Mail::some(1));
    for number in 0..=QUESTIONS.len() {
        let sandbox = Sandbox::new();
        let mut terminal = without_password_managers(&sandbox, server_options(&server));
        answer(&mut terminal, &QUESTIONS[..number]);
        terminal.expect(QUESTIONS.get(number).unwrap_or(&FILE).0).control('C');
        assert_eq!(terminal.wait(), Some(130), "question {number}");
        assert!(terminal.said().ends_with("\npopkeep: nothing was written\n"), "{}", terminal.said());
        assert!(terminal.echoes(), "the terminal is as it was");
        nothing_written(&sandbox);
    }
}

#[test]
fn ctrl_c_and_sigterm_do_not_wait_for_a_server() {
    let behaviour = Behaviour { stall_at: Some(Nth("STAT", 1)), ..Behaviour::default() };
    let server = PopServer::behaving(Mail::some(1), behaviour);
    for (signal, code) in [("INT", 130), ("TERM", 143)] {
        let sandbox = Sandbox::new();
        let mut terminal = without_password_managers(&sandbox, server_options(&server));
        answer(&mut terminal, &QUESTIONS[..3]);
        terminal.expect("Logging in");
        server.wait_for_stall();
        terminal.signal(signal);
        assert_eq!(terminal.wait(), Some(code));
        nothing_written(&sandbox);
    }
}

#[test]
fn the_end_of_the_input_is_no_answer() {
    let server = PopServer::with(Mail::some(1));
    for number in [0, 2, 4] {
        let sandbox = Sandbox::new();
        let mut terminal = without_password_managers(&sandbox, server_options(&server));
        answer(&mut terminal, &QUESTIONS[..number]);
        terminal.expect(QUESTIONS[number].0).control('D');
        assert_eq!(terminal.wait(), Some(64));
        assert!(terminal.said().contains("nothing was written"), "{}", terminal.said());
        assert!(terminal.echoes());
        nothing_written(&sandbox);
    }
}

#[test]
fn a_password_file_that_is_there_stays_as_it_is() {
    let server = PopServer::with(Mail::some(1));
    let sandbox = Sandbox::new();
    for (name, text) in [("other", "another\n".to_owned()), ("same", format!("{PASSWORD}\nand more\n"))] {
        crate::support::set_mode(sandbox.write(name, text), 0o600);
    }
    let mut terminal = without_password_managers(&sandbox, server_options(&server));
    answer(&mut terminal, &QUESTIONS);
    answer(&mut terminal, &[(FILE.0, "~/other")]);
    terminal.expect("different password").expect("File [~/other]: ").enter("~/same");
    assert_eq!(terminal.wait(), Some(0), "{}", terminal.screen());
    assert!(!terminal.screen().contains("Written: ~/same"), "{}", terminal.screen());
    assert_eq!(std::fs::read_to_string(sandbox.path("other")).unwrap(), "another\n");
    assert_eq!(std::fs::read_to_string(sandbox.path("same")).unwrap(), format!("{PASSWORD}\nand more\n"));
    sandbox.popkeep(["fetch", "--quiet"]).run().expect(0).silent();
}

#[test]
fn lines_for_a_configuration_that_is_there_come_with_their_password() {
    let server = PopServer::with(Mail::some(1));
    let sandbox = Sandbox::with([Account::on("first", &server)]);
    let before = std::fs::read_to_string(sandbox.config_file()).unwrap();
    let mut terminal = without_password_managers(&sandbox, server_options(&server));
    answer(&mut terminal, &QUESTIONS);
    answer(&mut terminal, &[FILE, ("[yes]: ", "no")]);
    let ended = terminal.finish();
    assert_eq!(ended.code, Some(73), "{}", ended.screen);
    assert!(ended.screen.contains("\n[accounts.work]\n"), "{}", ended.screen);
    assert_eq!(std::fs::read_to_string(sandbox.config_file()).unwrap(), before);
    let password = sandbox.path(".config/popkeep/work.password");
    assert_eq!(
        (std::fs::read_to_string(&password).unwrap(), mode(&password)),
        (format!("{PASSWORD}\n"), 0o600)
    );
}

#[test]
fn a_folder_that_cannot_be_made_is_named_and_nothing_is_left() {
    let server = PopServer::with(Mail::some(1));
    let sandbox = Sandbox::new();
    sandbox.write("file", "not a folder");
    let blocked = sandbox.path("file/config.toml");
    let options = with(all_options(&server), ["--config", blocked.to_str().unwrap()]);
    sandbox.popkeep(options).run().expect(73).one_line(&["file", "cannot write"]);
    assert_eq!(sandbox.snapshot().len(), 1);
}

#[test]
fn a_second_account_is_added_and_what_is_there_stays() {
    let server = PopServer::with(Mail::some(2));
    let sandbox = Sandbox::with([Account::on("first", &server)]);
    let before = std::fs::read_to_string(sandbox.config_file()).unwrap();
    let before = format!("# mine\n{}  # no line end", before.trim_end());
    sandbox.config(&before);
    let mut terminal = without_password_managers(&sandbox, server_options(&server));
    terminal.expect("already exists");
    answer(&mut terminal, &QUESTIONS);
    answer(&mut terminal, &[FILE]);
    terminal.expect("[accounts.work]").expect("Add these lines to ").expect("[yes]: ").enter("");
    assert_eq!(terminal.wait(), Some(0), "{}", terminal.screen());
    let after = std::fs::read_to_string(sandbox.config_file()).unwrap();
    assert!(after.starts_with(&before) && after.contains("\n[accounts.work]\n"), "{after}");
    let names: Vec<_> =
        config::load(&sandbox.config_file()).unwrap().accounts.into_iter().map(|a| a.name).collect();
    assert_eq!(names, ["first", "work"]);
    sandbox.popkeep(["fetch", "work", "--quiet"]).run().expect(0).silent();
}

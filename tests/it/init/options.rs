//! From options alone, as scripts do it: nothing is asked, and what is missing is named.

use super::{all_options, nothing_written, with};
use crate::support::{Mail, PopServer, Sandbox};
use popkeep::config::{self, DeletePolicy, Format, SecretSource, Tls};

#[test]
fn options_answer_every_question() {
    let server = PopServer::with(Mail::some(2));
    let sandbox = Sandbox::new();
    let options =
        with(all_options(&server), ["--format", "mbox", "--archive", "~/box", "--delete", "fetched"]);
    let done = sandbox.popkeep(options).run().expect(0);
    assert_eq!(done.stderr, "");
    assert!(done.stdout.starts_with("Written: ~/.config/popkeep/config.toml\n"), "{}", done.stdout);
    let work = config::load(&sandbox.config_file()).unwrap().accounts.remove(0);
    assert_eq!((work.format, work.delete), (Format::Mbox, DeletePolicy::Fetched));
    sandbox.popkeep(["fetch", "--quiet"]).run().expect(0).silent();
    assert_eq!(crate::support::stores::mbox(&sandbox.path("box")).len(), 2);
    assert!(server.uids().is_empty(), "fetched and deleted");
}

#[test]
fn at_a_terminal_batch_asks_nothing() {
    let server = PopServer::with(Mail::some(1));
    let sandbox = Sandbox::new();
    let ended = sandbox.popkeep(with(all_options(&server), ["--batch"])).on_terminal(80, 50).finish();
    assert_eq!(ended.code, Some(0), "{}", ended.screen);
    assert!(ended.screen.starts_with("Written: "), "{}", ended.screen);
}

#[test]
fn where_nobody_can_answer_what_is_missing_is_named_once() {
    let sandbox = Sandbox::new();
    sandbox.popkeep(["init"]).run().expect(64).one_line(&[
        "--address",
        "--password-command",
        "--ask-password",
    ]);
    sandbox
        .popkeep(["init", "--address", "jane@corp.example", "--ask-password", "--no-test"])
        .run()
        .expect(64)
        .one_line(&["--host", "corp.example"]);
    sandbox
        .popkeep(["init", "--host", "localhost", "--user", "joe", "--ask-password"])
        .run()
        .expect(64)
        .one_line(&["--no-test"]);
    sandbox
        .popkeep(["init", "--address", "jane@outlook.com", "--password-env", "X", "--no-test"])
        .run()
        .expect(64)
        .one_line(&["--oauth", "--token-command"]);
    for (option, value, words) in [
        ("--address", "jane", "looks like"),
        ("--host", "pop.corp.example:995", "the port has its own key"),
        ("--account", "a/b", "account name"),
        ("--delete", "sometimes", "\"never\""),
        ("--tls", "none", "in clear"),
    ] {
        let mut options = vec![
            "init",
            "--password-env",
            "X",
            "--no-test",
            "--address",
            "jane@corp.example",
            "--host",
            "pop.corp.example",
        ];
        match options.iter().position(|given| *given == option) {
            Some(at) => options[at + 1] = value,
            None => options.extend([option, value]),
        }
        sandbox.popkeep(options).run().expect(64).one_line(&[words]);
    }
    sandbox.popkeep(["init", "--password-env", "X", "--ask-password"]).run().expect(64);
    nothing_written(&sandbox);
}

#[test]
fn a_provider_is_known_and_so_is_one_without_pop3() {
    let sandbox = Sandbox::new();
    let options = ["--password-command", "pass show gmail", "--no-test"];
    sandbox.popkeep(["init", "--address", "jane@gmail.com"].into_iter().chain(options)).run().expect(0);
    let account = config::load(&sandbox.config_file()).unwrap().accounts.remove(0);
    assert_eq!(
        (account.name.as_str(), account.access.host.as_str(), account.access.port),
        ("gmail", "pop.gmail.com", 995)
    );
    assert_eq!((account.access.tls, account.access.user.as_str()), (Tls::Implicit, "jane@gmail.com"));
    assert!(matches!(account.access.secret, SecretSource::Command(_)));

    let sandbox = Sandbox::new();
    let batch = ["init", "--address", "jane@gmail.com", "--batch"].into_iter().chain(options);
    let told = sandbox.popkeep(batch).run().expect(0).stderr;
    assert!(told.contains("POP3 on") && told.contains("app password"), "what to switch on: {told}");

    let sandbox = Sandbox::new();
    let refused = sandbox.popkeep(["init", "--address", "jane@icloud.com"].into_iter().chain(options)).run();
    refused.expect(64).one_line(&["iCloud Mail has no POP3", "IMAP", "--host"]);
    nothing_written(&sandbox);
}

#[test]
fn a_login_that_fails_writes_nothing() {
    let server = PopServer::with(Mail::some(1));
    let sandbox = Sandbox::new();
    let mut options = all_options(&server);
    options.pop();
    options.push("echo wrong".to_owned());
    let refused = sandbox.popkeep(options).run().expect(77);
    refused.one_line(&["test login failed", "--no-test"]);
    nothing_written(&sandbox);
}

#[test]
fn any_value_is_read_back_as_it_was_given() {
    let sandbox = Sandbox::new();
    let command = "printf '%s\\n' \"a\\b\" # 100%";
    let user = "\"jane \\ doe\"@corp.example";
    let options =
        ["init", "--no-test", "--host", "pop.corp.example", "--user", user, "--password-command", command];
    let more =
        ["--account", "jane@corp.example", "--archive", "Mail/ünter {account}", "--config", "my 100%.toml"];
    let done = sandbox.popkeep(options.into_iter().chain(more)).run().expect(0);
    let file = sandbox.path("my 100%.toml");
    assert!(done.stdout.contains(&format!("popkeep --config '{}' fetch", file.display())), "{}", done.stdout);
    assert!(done.stdout.contains("my 100\\%.toml' fetch --quiet"), "cron ends a line at %: {}", done.stdout);
    let account = config::load(&file).unwrap().accounts.remove(0);
    assert_eq!((account.name.as_str(), account.access.user.as_str()), ("jane@corp.example", user));
    assert_eq!(account.archive, sandbox.path("Mail/ünter jane@corp.example"));
    assert!(matches!(&account.access.secret, SecretSource::Command(given) if format!("{given:?}").len() > 2));
}

#[test]
fn cron_finds_what_variables_have_moved() {
    let server = PopServer::with(Mail::some(2));
    let sandbox = Sandbox::new();
    let moved = |options: Vec<String>| {
        sandbox
            .popkeep(options)
            .env("XDG_CONFIG_HOME", sandbox.path("c"))
            .env("POPKEEP_STATE_DIR", sandbox.path("s"))
    };
    let done = moved(all_options(&server)).run().expect(0);
    let config = sandbox.path("c/popkeep/config.toml");
    let fetch = format!("popkeep --config {} fetch", config.display());
    assert!(done.stdout.contains(&format!("\n  {fetch}\n")), "{}", done.stdout);
    assert!(done.stdout.contains(&format!("{fetch} --quiet\n")), "{}", done.stdout);
    // As cron does it: without the variables.
    sandbox.popkeep(["--config", config.to_str().unwrap(), "fetch", "--quiet"]).run().expect(0).silent();
    assert!(sandbox.path("s/ledger.sqlite3").exists());
}

//! `init`: from an address to a configuration that works, by questions or by options.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use crate::support::certificates::Authority;
use crate::support::maildrop::{Nth, PASSWORD, Tls as ServerTls};
use crate::support::terminal::Terminal;
use crate::support::{Account, Behaviour, Mail, PopServer, Sandbox};
use popkeep::config::{self, DeletePolicy, Format, SecretSource, Tls};

/// A question, and what is answered; [`HIDDEN`] for the password.
type Answer = (&'static str, &'static str);

/// Stands for the password, typed unseen.
const HIDDEN: &str = "\0";

/// All questions for an account in clear text on this machine, whose server the options name.
const QUESTIONS: [Answer; 8] = [
    ("Mail address: ", "joe@corp.example"),
    ("User name [joe@corp.example]: ", "joe"),
    ("Password (not shown): ", HIDDEN),
    ("Name of the account [corp]: ", "work"),
    ("Format: maildir or mbox [maildir]: ", ""),
    ("Keep the mail in [~/Mail/work]: ", ""),
    ("Delete from the server: never, fetched, or an age such as 30d [never]: ", "30d"),
    ("1, 2 or 3 [2]: ", "2"),
];

/// The last question of all.
const FILE: Answer = ("File [~/.config/popkeep/work.password]: ", "");

fn answer(terminal: &mut Terminal, answers: &[Answer]) {
    for (question, answer) in answers {
        terminal.expect(question);
        if *answer == HIDDEN {
            terminal.enter_unseen(PASSWORD);
        } else {
            terminal.enter(answer);
        }
    }
}

/// The options that name a server of the tests.
fn server_options(server: &PopServer) -> Vec<String> {
    let port = server.port().to_string();
    ["init", "--host", "127.0.0.1", "--port", &port, "--tls", "none"].map(str::to_owned).to_vec()
}

/// The options that make a whole account of it.
fn all_options(server: &PopServer) -> Vec<String> {
    let more = ["--address", "joe@corp.example", "--user", "joe", "--password-command"];
    [server_options(server), more.map(str::to_owned).to_vec(), vec![format!("echo '{PASSWORD}'")]].concat()
}

fn with<const N: usize>(options: Vec<String>, more: [&str; N]) -> Vec<String> {
    [options, more.map(str::to_owned).to_vec()].concat()
}

fn mode(path: impl AsRef<Path>) -> u32 {
    path.as_ref().metadata().unwrap().permissions().mode() & 0o7777
}

fn nothing_written(sandbox: &Sandbox) {
    assert!(sandbox.snapshot().is_empty(), "{:?}", sandbox.snapshot().keys());
}

/// `pass` and its like may be installed where the tests run, and would change what is proposed.
fn without_password_managers(sandbox: &Sandbox, arguments: Vec<String>) -> Terminal {
    sandbox.popkeep(arguments).env("PATH", "/nowhere").on_terminal(80, 100)
}

/// Nothing but a shell is installed.
fn with_a_shell(sandbox: &Sandbox, arguments: Vec<String>) -> Terminal {
    std::fs::create_dir(sandbox.path("bin")).unwrap();
    std::os::unix::fs::symlink("/bin/sh", sandbox.path("bin/sh")).unwrap();
    sandbox.popkeep(arguments).env("PATH", sandbox.path("bin")).on_terminal(80, 100)
}

#[test]
fn questions_lead_to_a_private_configuration_that_fetches() {
    let server = PopServer::with(Mail::some(3));
    let sandbox = Sandbox::new();
    let mut terminal = without_password_managers(&sandbox, server_options(&server));
    answer(&mut terminal, &QUESTIONS);
    answer(&mut terminal, &[FILE]);
    let ended = terminal.finish();
    assert_eq!(ended.code, Some(0), "{}", ended.screen);
    for words in [
        "Waiting there: 3 messages, ",
        "Written: ~/.config/popkeep/config.toml\n",
        "Written: ~/.config/popkeep/work.password\n",
        "\n  popkeep fetch\n",
        "\n  7,22,37,52 * * * *  ",
        "systemctl --user enable --now popkeep.timer\n",
    ] {
        assert!(ended.screen.contains(words), "no {words:?}:\n{}", ended.screen);
    }
    assert!(!ended.raw.contains(PASSWORD), "the password is not shown");

    let (file, folder) = (sandbox.config_file(), sandbox.path(".config/popkeep"));
    assert_eq!((mode(&file), mode(&folder), mode(folder.join("work.password"))), (0o600, 0o700, 0o600));
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(!text.contains(PASSWORD) && text.starts_with("# popkeep's configuration"), "{text}");
    let names = std::fs::read_dir(&folder).unwrap().count();
    assert_eq!(names, 2, "no drafts are left");
    let config = config::load(&file).unwrap();
    let [work] = &config.accounts[..] else { panic!("one account:\n{text}") };
    assert_eq!((work.name.as_str(), work.user.as_str(), work.tls), ("work", "joe", Tls::None));
    assert!(matches!(work.delete, DeletePolicy::After(age) if age.as_secs() == 30 * 86_400));

    sandbox.popkeep(["fetch", "--quiet"]).run().expect(0).silent();
    assert_eq!(sandbox.maildir("work").len(), 3);
}

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
        .one_line(&["--token-command", "OAuth2"]);
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
    assert_eq!((account.name.as_str(), account.host.as_str(), account.port), ("gmail", "pop.gmail.com", 995));
    assert_eq!((account.tls, account.user.as_str()), (Tls::Implicit, "jane@gmail.com"));
    assert!(matches!(account.secret, SecretSource::Command(_)));

    let sandbox = Sandbox::new();
    let refused = sandbox.popkeep(["init", "--address", "jane@icloud.com"].into_iter().chain(options)).run();
    refused.expect(64).one_line(&["iCloud Mail has no POP3", "IMAP", "--host"]);
    nothing_written(&sandbox);
}

#[test]
fn a_provider_says_at_the_terminal_what_it_wants() {
    let sandbox = Sandbox::new();
    let mut terminal = sandbox.popkeep(["init", "--no-test"]).on_terminal(80, 60);
    answer(&mut terminal, &[("Mail address: ", "jane@web.de")]);
    terminal
        .expect("pop3.web.de port 995, TLS")
        .expect("switched on first")
        .expect("Use it [yes]: ")
        .enter("");
    terminal.expect("User name [jane]: ").control('C');
    assert_eq!(terminal.wait(), Some(130));

    let mut terminal = sandbox.popkeep(["init"]).on_terminal(80, 60);
    answer(&mut terminal, &[("Mail address: ", "jane@outlook.com"), ("Use it [yes]: ", "y")]);
    terminal.expect("User name [jane@outlook.com]: ").enter("");
    terminal.expect("Command that prints an access token").expect(": ").control('C');
    assert_eq!(terminal.wait(), Some(130));

    let mut terminal = sandbox.popkeep(["init"]).on_terminal(80, 60);
    answer(&mut terminal, &[("Mail address: ", "jane"), ("Mail address: ", "jane@proton.me")]);
    terminal.expect("Proton Mail has no POP3").expect("Host: ").control('C');
    assert_eq!(terminal.wait(), Some(130));
    nothing_written(&sandbox);
}

#[test]
fn a_configuration_is_never_changed() {
    let server = PopServer::with(Mail::some(2));
    let sandbox = Sandbox::for_server(&server);
    let before = std::fs::read(sandbox.config_file()).unwrap();
    let options = with(server_options(&server), ["--user", "jane", "--password-env", "SECRET", "--no-test"]);
    let refused = sandbox.popkeep(with(options.clone(), ["--account", "work"])).run().expect(64);
    refused.one_line(&["there is an account \"work\" already"]);
    let refused = sandbox.popkeep(with(options.clone(), ["--account", "other"])).run().expect(73);
    assert!(refused.stderr.contains("is there already, and init never changes it"), "{}", refused.stderr);
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
    assert!(terminal.said().contains("by somebody else meanwhile"), "{}", terminal.said());
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
fn a_wrong_password_leads_back_to_the_question_and_a_wrong_host_to_another() {
    let server = PopServer::with(Mail::some(1));
    let sandbox = Sandbox::new();
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port().to_string();
    let mut terminal = without_password_managers(&sandbox, vec!["init".to_owned()]);
    answer(
        &mut terminal,
        &[("Mail address: ", "joe@corp.example"), ("Host: ", "no host"), ("Host: ", "127.0.0.1")],
    );
    answer(&mut terminal, &[("[implicit]: ", "tls"), ("[implicit]: ", "none"), ("Port [110]: ", "x")]);
    terminal.expect("Port [110]: ").enter(&closed);
    answer(&mut terminal, &[("User name [joe@corp.example]: ", "joe"), ("Password (not shown): ", HIDDEN)]);
    terminal.expect("refused").expect("Host [127.0.0.1]: ").enter("localhost");
    answer(&mut terminal, &[("[none]: ", "")]);
    terminal.expect("Port [110]: ").enter(&server.port().to_string());
    terminal.expect("Waiting there: 1 message").expect("Name of the account").control('C');
    assert_eq!(terminal.wait(), Some(130));

    let mut terminal = without_password_managers(&sandbox, server_options(&server));
    answer(&mut terminal, &QUESTIONS[..2]);
    terminal.expect("Password (not shown): ").enter_unseen("wrong");
    terminal.expect("refused the login").expect("User name [joe]: ").enter("");
    terminal.expect("Password (not shown): ").enter_unseen(PASSWORD);
    terminal.expect("Waiting there: 1 message").control('C');
    assert_eq!(terminal.wait(), Some(130));
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
    refused.one_line(&["test of the login failed", "--no-test"]);
    nothing_written(&sandbox);
}

#[test]
fn no_password_goes_to_a_server_that_is_not_trusted() {
    let leaf = Authority::new().good();
    let server = PopServer::start(Mail::some(1), Behaviour::default(), ServerTls::Implicit(leaf.acceptor()));
    let sandbox = Sandbox::new();
    let port = server.port().to_string();
    let options = ["init", "--host", "localhost", "--port", &port, "--user", "joe"];
    let given = options.into_iter().chain(["--password-command", "echo secret"]);
    sandbox.popkeep(given).run().expect(77).one_line(&["not trusted"]);

    let mut terminal = sandbox.popkeep(options).on_terminal(80, 60);
    terminal.expect("Password (not shown): ").enter_unseen(PASSWORD);
    terminal.expect("not trusted").expect("issuer").expect("--tls-fingerprint");
    terminal.expect("Host [localhost]: ").control('C');
    assert_eq!(terminal.wait(), Some(130));
    for session in server.take_sessions() {
        assert!(session.commands.is_empty(), "{:?}", session.commands);
    }
    nothing_written(&sandbox);

    // The person has the fingerprint from the screen, or better from whoever runs the server.
    let said = terminal.said();
    let shown = said.split("--tls-fingerprint").nth(1).unwrap().split_whitespace().next().unwrap();
    let pinned = options.into_iter().chain(["--tls-fingerprint", shown, "--password-command"]);
    let command = format!("echo '{PASSWORD}'");
    sandbox.popkeep(pinned.chain([command.as_str()])).run().expect(0);
    sandbox.popkeep(["fetch", "--quiet"]).run().expect(0).silent();
}

#[test]
fn a_command_must_print_the_password_that_has_worked() {
    let server = PopServer::with(Mail::some(1));
    let sandbox = Sandbox::new();
    let mut terminal = with_a_shell(&sandbox, server_options(&server));
    answer(&mut terminal, &QUESTIONS[..7]);
    answer(&mut terminal, &[("1, 2 or 3 [2]: ", "1"), ("Command: ", "exit 3")]);
    answer(&mut terminal, &[("Write it down nevertheless [no]: ", ""), ("Command: ", "echo other")]);
    terminal.expect("another password").expect("[no]: ").enter("");
    terminal.expect("Command: ").enter(&format!("echo '{PASSWORD}'"));
    assert_eq!(terminal.wait(), Some(0), "{}", terminal.screen());
    sandbox.popkeep(["fetch", "--quiet"]).run().expect(0).silent();
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
    terminal.expect("another password").expect("File [~/other]: ").enter("~/same");
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
    answer(&mut terminal, &[FILE]);
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
fn options_hold_where_the_rest_is_asked_for() {
    let server = PopServer::with(Mail::some(1));
    let sandbox = Sandbox::new();
    let port = server.port().to_string();
    let options =
        ["init", "--tls", "none", "--port", &port, "--address", "joe@corp.example"].map(str::to_owned);
    let mut terminal = without_password_managers(&sandbox, options.to_vec());
    terminal.expect("None was found").expect("Host: ").enter("127.0.0.1");
    answer(&mut terminal, &QUESTIONS[1..3]);
    terminal.expect("clear text, to this machine itself").expect("1 message").control('C');
    assert_eq!(terminal.wait(), Some(130));
}

#[test]
fn a_password_that_is_to_be_asked_for_has_no_cron_line() {
    let server = PopServer::with(Mail::some(1));
    let sandbox = Sandbox::new();
    let mut terminal = without_password_managers(&sandbox, server_options(&server));
    answer(&mut terminal, &QUESTIONS[..7]);
    answer(&mut terminal, &[("1, 2 or 3 [2]: ", "3")]);
    let ended = terminal.finish();
    assert_eq!(ended.code, Some(0), "{}", ended.screen);
    assert!(
        ended.screen.contains("it cannot run before") && !ended.screen.contains("* * * *"),
        "{}",
        ended.screen
    );
    assert!(matches!(config::load(&sandbox.config_file()).unwrap().accounts[0].secret, SecretSource::Ask));
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
    assert_eq!((account.name.as_str(), account.user.as_str()), ("jane@corp.example", user));
    assert_eq!(account.archive, sandbox.path("Mail/ünter jane@corp.example"));
    assert!(matches!(&account.secret, SecretSource::Command(given) if format!("{given:?}").len() > 2));
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

#[test]
fn lines_fit_the_window_and_colours_are_asked_for() {
    let server = PopServer::with(Mail::some(1));
    for (no_color, bold) in [("1", false), ("", true)] {
        let sandbox = Sandbox::new();
        let run = sandbox.popkeep(server_options(&server)).env("NO_COLOR", no_color).env("PATH", "/nowhere");
        let mut terminal = run.on_terminal(40, 60);
        answer(&mut terminal, &QUESTIONS[..2]);
        terminal.expect("Password (not shown): ").enter_unseen("wrong");
        terminal.expect("refused the login").expect("User name [joe]: ").control('C');
        let ended = terminal.finish();
        assert_eq!(ended.raw.contains('\x1b'), bold, "{:?}", ended.raw);
        let (paragraph, _) = ended.screen.split_once("Mail address").unwrap();
        let widest = paragraph.lines().map(|line| line.chars().count()).max();
        assert!(widest.is_some_and(|widest| (25..=40).contains(&widest)), "{paragraph}");
        let broken = ended.screen.lines().filter(|line| line.chars().count() == 40 && !line.contains(' '));
        assert_eq!(broken.count(), 0, "{}", ended.screen);
    }
}

#[test]
fn a_folder_that_cannot_be_made_is_named_and_nothing_is_left() {
    let server = PopServer::with(Mail::some(1));
    let sandbox = Sandbox::new();
    sandbox.write("file", "not a folder");
    let blocked = sandbox.path("file/config.toml");
    let options = with(all_options(&server), ["--config", blocked.to_str().unwrap()]);
    sandbox.popkeep(options).run().expect(73).one_line(&["file", "cannot be written"]);
    assert_eq!(sandbox.snapshot().len(), 1);
}

#[test]
fn what_is_asked_for_later_may_be_another_account() {
    let server = PopServer::with(Mail::some(1));
    let sandbox = Sandbox::with([Account::on("corp", &server)]);
    let mut terminal = without_password_managers(&sandbox, with(server_options(&server), ["--no-test"]));
    terminal.expect("is there already");
    answer(&mut terminal, &QUESTIONS[..2]);
    answer(
        &mut terminal,
        &[("Name of the account [corp-2]: ", "corp"), ("Name of the account [corp-2]: ", "")],
    );
    terminal.expect("[maildir]: ").control('C');
    assert_eq!(terminal.wait(), Some(130));
}

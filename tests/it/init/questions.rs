//! At a terminal: what is asked, and where an answer that does not do leads to.

use super::{
    FILE, HIDDEN, QUESTIONS, answer, mode, nothing_written, server_options, with, with_a_shell,
    without_password_managers,
};
use crate::support::certificates::Authority;
use crate::support::maildrop::{PASSWORD, Tls as ServerTls};
use crate::support::{Account, Behaviour, Mail, PopServer, Sandbox};
use popkeep::config::{self, DeletePolicy, SecretSource, Tls};

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
        "On the server: 3 messages, ",
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
    assert_eq!((work.name.as_str(), work.access.user.as_str(), work.access.tls), ("work", "joe", Tls::None));
    assert!(matches!(work.delete, DeletePolicy::After(age) if age.as_secs() == 30 * 86_400));

    sandbox.popkeep(["fetch", "--quiet"]).run().expect(0).silent();
    assert_eq!(sandbox.maildir("work").len(), 3);
}

#[test]
fn a_provider_says_at_the_terminal_what_it_wants() {
    let sandbox = Sandbox::new();
    let mut terminal = sandbox.popkeep(["init", "--no-test"]).on_terminal(80, 60);
    answer(&mut terminal, &[("Mail address: ", "jane@web.de")]);
    terminal.expect("pop3.web.de port 995, TLS").expect("turn POP3 on").expect("Use it [yes]: ").enter("");
    terminal.expect("User name [jane]: ").control('C');
    assert_eq!(terminal.wait(), Some(130));

    let mut terminal = sandbox.popkeep(["init"]).on_terminal(80, 60);
    answer(&mut terminal, &[("Mail address: ", "jane@outlook.com"), ("Use it [yes]: ", "y")]);
    terminal.expect("User name [jane@outlook.com]: ").enter("");
    terminal.expect("sign-in or command [sign-in]: ").enter("command");
    terminal.expect("Command that prints an access token").expect(": ").control('C');
    assert_eq!(terminal.wait(), Some(130));

    let mut terminal = sandbox.popkeep(["init"]).on_terminal(80, 60);
    answer(&mut terminal, &[("Mail address: ", "jane"), ("Mail address: ", "jane@proton.me")]);
    terminal.expect("Proton Mail has no POP3").expect("Host: ").control('C');
    assert_eq!(terminal.wait(), Some(130));
    nothing_written(&sandbox);
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
    terminal.expect("On the server: 1 message").expect("Account name").control('C');
    assert_eq!(terminal.wait(), Some(130));

    let mut terminal = without_password_managers(&sandbox, server_options(&server));
    answer(&mut terminal, &QUESTIONS[..2]);
    terminal.expect("Password (not shown): ").enter_unseen("wrong");
    terminal.expect("refused the login").expect("User name [joe]: ").enter("");
    terminal.expect("Password (not shown): ").enter_unseen(PASSWORD);
    terminal.expect("On the server: 1 message").control('C');
    assert_eq!(terminal.wait(), Some(130));
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
    terminal.expect("not trusted").expect("issuer").expect("fingerprint (SHA-256):");
    terminal.expect("[no]: ").enter("");
    terminal.expect("Host [localhost]: ").control('C');
    assert_eq!(terminal.wait(), Some(130));
    for session in server.take_sessions() {
        assert!(session.commands.is_empty(), "{:?}", session.commands);
    }
    nothing_written(&sandbox);

    // The person has the fingerprint from the screen, or better from whoever runs the server.
    let said = terminal.said();
    assert!(!said.contains("Password"), "nobody types a password for a server that is not trusted: {said}");
    let shown = said.split("(SHA-256):").nth(1).unwrap().split_whitespace().next().unwrap();
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
    answer(&mut terminal, &[("another, save or back [another]: ", ""), ("Command: ", "echo other")]);
    terminal.expect("different password").expect("[another]: ").enter("back");
    answer(&mut terminal, &[("1, 2 or 3 [2]: ", "1")]);
    terminal.expect("Command: ").enter(&format!("echo '{PASSWORD}'"));
    assert_eq!(terminal.wait(), Some(0), "{}", terminal.screen());
    sandbox.popkeep(["fetch", "--quiet"]).run().expect(0).silent();
}

#[test]
fn options_hold_where_the_rest_is_asked_for() {
    let server = PopServer::with(Mail::some(1));
    let sandbox = Sandbox::new();
    let port = server.port().to_string();
    let options =
        ["init", "--tls", "none", "--port", &port, "--address", "joe@corp.example"].map(str::to_owned);
    let mut terminal = without_password_managers(&sandbox, options.to_vec());
    terminal.expect("No server found").expect("Host: ").enter("127.0.0.1");
    answer(&mut terminal, &QUESTIONS[1..3]);
    terminal.expect("clear text, to this machine").expect("1 message").control('C');
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
        ended.screen.contains("cannot run from cron") && !ended.screen.contains("* * * *"),
        "{}",
        ended.screen
    );
    assert!(matches!(
        config::load(&sandbox.config_file()).unwrap().accounts[0].access.secret,
        SecretSource::Ask
    ));
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
fn what_is_asked_for_later_may_be_another_account() {
    let server = PopServer::with(Mail::some(1));
    let sandbox = Sandbox::with([Account::on("corp", &server)]);
    let mut terminal = without_password_managers(&sandbox, with(server_options(&server), ["--no-test"]));
    terminal.expect("already exists");
    answer(&mut terminal, &QUESTIONS[..2]);
    answer(&mut terminal, &[("Account name [corp-2]: ", "corp"), ("Account name [corp-2]: ", "")]);
    terminal.expect("[maildir]: ").control('C');
    assert_eq!(terminal.wait(), Some(130));
}

#[test]
fn a_confirmed_fingerprint_goes_on_without_starting_over() {
    let leaf = Authority::new().good();
    let server = PopServer::start(Mail::some(2), Behaviour::default(), ServerTls::Implicit(leaf.acceptor()));
    let sandbox = Sandbox::new();
    let port = server.port().to_string();
    let options = ["init", "--host", "localhost", "--port", &port, "--user", "joe", "--account", "work"];
    let mut terminal = without_password_managers(&sandbox, options.map(str::to_owned).to_vec());
    terminal.expect("not trusted").expect("confirm this fingerprint [no]: ").enter("yes");
    terminal.expect("Password (not shown): ").enter_unseen(PASSWORD);
    answer(&mut terminal, &[("[maildir]: ", ""), ("[~/Mail/work]: ", ""), ("[never]: ", ""), ("[2]: ", "2")]);
    answer(&mut terminal, &[FILE]);
    assert_eq!(terminal.wait(), Some(0), "{}", terminal.screen());
    assert_eq!(config::load(&sandbox.config_file()).unwrap().accounts[0].access.tls_fingerprint.len(), 1);
    sandbox.popkeep(["fetch", "--quiet"]).run().expect(0).silent();
}

#[test]
fn a_failing_password_command_leads_back_to_the_question() {
    let server = PopServer::with(Mail::some(1));
    let sandbox = Sandbox::new();
    let options = with(server_options(&server), ["--user", "joe", "--password-command", "exit 3"]);
    let mut terminal = with_a_shell(&sandbox, options);
    terminal.expect("password_command failed").expect("type or command [type]: ").enter("command");
    terminal.expect("Command [exit 3]: ").enter("echo wrong");
    terminal.expect("refused the login").expect("[type]: ").enter("");
    terminal.expect("Password (not shown): ").enter_unseen(PASSWORD);
    terminal.expect("On the server: 1 message").control('C');
    assert_eq!(terminal.wait(), Some(130));
}

#[test]
fn the_systemd_lines_work_for_an_installed_program() {
    let server = PopServer::with(Mail::some(1));
    let sandbox = Sandbox::new();
    let done = sandbox.popkeep(super::all_options(&server)).run().expect(0);
    let (_, lines) = done.stdout.split_once("Or by systemd:\n").unwrap();
    let (make, _) = lines.split_once("  systemctl").unwrap();
    let mut shell = std::process::Command::new("sh");
    shell.args(["-c", make]);
    sandbox.command(shell).run().expect(0);
    let unit = |name: &str| std::fs::read_to_string(sandbox.path(".config/systemd/user").join(name)).unwrap();
    let start = format!("ExecStart={} fetch --quiet", crate::support::sandbox::POPKEEP);
    assert!(unit("popkeep.service").lines().any(|line| line.trim() == start), "{}", unit("popkeep.service"));
    assert!(unit("popkeep.timer").contains("OnCalendar=*:0/15\n"));
}

//! `init`: from an address to a configuration that works, by questions or by options.

mod options;
mod questions;
mod sign_in;
mod untouched;

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use crate::support::maildrop::PASSWORD;
use crate::support::terminal::Terminal;
use crate::support::{PopServer, Sandbox};

/// A question, and what is answered; [`HIDDEN`] for the password.
type Answer = (&'static str, &'static str);

/// Stands for the password, typed unseen.
const HIDDEN: &str = "\0";

/// All questions for an account in clear text on this machine, whose server the options name.
const QUESTIONS: [Answer; 8] = [
    ("Mail address: ", "joe@corp.example"),
    ("User name [joe@corp.example]: ", "joe"),
    ("Password (not shown): ", HIDDEN),
    ("Account name [corp]: ", "work"),
    ("Format: maildir or mbox [maildir]: ", ""),
    ("Store the mail in [~/Mail/work]: ", ""),
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

//! What decides what is done in our name (a configuration, a secret, the ledger, a demo) is believed only if it is ours or
//! root's, and nobody else can change it or the way to it; what is no file is not waited for.
//!
//! | rule | test |
//! | --- | --- |
//! | a configuration of another user's, or in a folder of theirs, runs nothing, also for root | `what_another_user_owns_runs_nothing` |
//! | what others can write to runs nothing; sticky folders are fine | `what_others_can_write_to_runs_nothing` |
//! | a secret that others could have put there is not sent | `a_secret_that_others_could_have_put_there_is_not_sent` |
//! | a pipe in the place of any of our files is no wait | `a_pipe_in_the_place_of_a_file_is_told_and_not_waited_for` |
//! | an attacker's demo is never run | `a_planted_demo_is_never_run`, and those in `commands::demo::folder` |
//! | a state folder of another user's is not used | `a_state_folder_that_others_made_is_not_used` |

use std::os::unix::fs::{MetadataExt as _, chown, symlink};
use std::path::Path;
use std::process::Command;

use crate::support::maildrop::PASSWORD;
use crate::support::{Account, Mail, PopServer, Sandbox, set_mode, skip};

/// A user who is neither we nor root.
const STRANGER: u32 = 54_321;

fn are_root(sandbox: &Sandbox) -> bool {
    let root = std::fs::metadata(sandbox.path("")).unwrap().uid() == 0;
    if !root {
        skip("only root can give files to another user");
    }
    root
}

fn give_away(path: &Path) {
    std::os::unix::fs::lchown(path, Some(STRANGER), Some(STRANGER)).unwrap();
}

/// A configuration that leaves a sign when anything in it is run.
fn telling(sandbox: &Sandbox, server: &PopServer) -> Account {
    let sign = sandbox.path("run");
    let command = format!("touch {}; echo {PASSWORD}", sign.display());
    Account::on("work", server).without("password").text("password_command", command)
}

fn in_a_folder(sandbox: &Sandbox, account: &Account) -> std::path::PathBuf {
    let file = sandbox.write("above/folder/config.toml", account.toml());
    for folder in ["above", "above/folder"] {
        set_mode(sandbox.path(folder), 0o755);
    }
    set_mode(&file, 0o644);
    file
}

#[track_caller]
fn refused(sandbox: &Sandbox, file: &Path, what: &str) {
    let file = file.to_str().unwrap();
    for command in ["fetch", "check", "list work", "status", "session work"] {
        let words = ["--config", file].into_iter().chain(command.split(' '));
        let run = sandbox.popkeep(words).run();
        assert_eq!(run.code, Some(78), "{what}: {command}: {}", run.stderr);
        assert!(run.stderr.contains(file), "{what}: {}", run.stderr);
    }
    let run = sandbox.popkeep(["fetch", "--quiet"]).env("POPKEEP_CONFIG", file).run();
    assert_eq!(run.code, Some(78), "{what}: {}", run.stderr);
    assert!(!sandbox.path("run").exists(), "{what}: a command was run");
}

#[track_caller]
fn accepted(sandbox: &Sandbox, file: &Path, what: &str) {
    let run = sandbox.popkeep(["--config", file.to_str().unwrap(), "fetch", "--quiet"]).run();
    assert_eq!(run.code, Some(0), "{what}: {}", run.stderr);
    std::fs::remove_file(sandbox.path("run")).unwrap();
}

#[test]
fn what_another_user_owns_runs_nothing() {
    let sandbox = Sandbox::new();
    if !are_root(&sandbox) {
        return;
    }
    let server = PopServer::with(Mail::some(1));
    let file = in_a_folder(&sandbox, &telling(&sandbox, &server));
    accepted(&sandbox, &file, "ours");
    for theirs in ["above/folder/config.toml", "above/folder", "above"] {
        let path = sandbox.path(theirs);
        give_away(&path);
        refused(&sandbox, &file, theirs);
        chown(&path, Some(0), Some(0)).unwrap();
    }
    // A link of theirs to a file of ours, and a link of ours to a file of theirs, in a folder for everybody.
    let common = sandbox.path("common");
    std::fs::create_dir(&common).unwrap();
    set_mode(&common, 0o1777);
    let link = common.join("config.toml");
    symlink(&file, &link).unwrap();
    accepted(&sandbox, &link, "a link of ours");
    give_away(&link);
    refused(&sandbox, &link, "a link of theirs");
    std::fs::remove_file(&link).unwrap();
    std::fs::hard_link(&file, &link).unwrap();
    refused(&sandbox, &link, "a hard link where everybody makes names");
    std::fs::remove_file(&link).unwrap();
    give_away(&file);
    symlink(&file, &link).unwrap();
    refused(&sandbox, &link, "a link of ours to a file of theirs");
}

#[test]
fn what_others_can_write_to_runs_nothing() {
    let sandbox = Sandbox::new();
    let server = PopServer::with(Mail::some(1));
    let file = in_a_folder(&sandbox, &telling(&sandbox, &server));
    for (open, good) in [("above/folder/config.toml", 0o644), ("above/folder", 0o755), ("above", 0o755)] {
        let path = sandbox.path(open);
        set_mode(&path, good | 0o002);
        refused(&sandbox, &file, open);
        set_mode(&path, good);
        accepted(&sandbox, &file, open);
    }
    set_mode(sandbox.path("above"), 0o1777);
    accepted(&sandbox, &file, "in a sticky folder");
}

#[test]
fn a_secret_that_others_could_have_put_there_is_not_sent() {
    let sandbox = Sandbox::new();
    let server = PopServer::with(Mail::some(1));
    let file = sandbox.write("above/secret", format!("{PASSWORD}\n"));
    set_mode(&file, 0o600);
    sandbox.configure([Account::on("work", &server)
        .without("password")
        .text("password_file", file.to_str().unwrap())]);
    let fetch = |code| {
        let run = sandbox.popkeep(["fetch", "--quiet"]).run().expect(code);
        if code == 0 { run.silent() } else { run.one_line(&["work", "password_file", "secret"]) }
    };
    fetch(0);
    let sessions = server.take_sessions();
    assert!(sessions.iter().any(|session| !session.commands.is_empty()));
    set_mode(sandbox.path("above"), 0o777);
    fetch(78);
    set_mode(sandbox.path("above"), 0o1777);
    fetch(0);
    std::fs::hard_link(&file, sandbox.path("above/second")).unwrap();
    fetch(78);
    std::fs::remove_file(sandbox.path("above/second")).unwrap();
    if are_root(&sandbox) {
        give_away(&file);
        fetch(78);
        chown(&file, Some(0), Some(0)).unwrap();
        give_away(&sandbox.path("above"));
        fetch(78);
    }
}

#[test]
fn a_planted_demo_is_never_run() {
    let sandbox = Sandbox::new();
    let planted = |folder: &str| {
        let text = format!(
            "# Written by `popkeep demo`.\nstate_dir = \"state\"\n[accounts.demo]\nhost = \"127.0.0.1\"\nport = 1\n\
             tls = \"none\"\nuser = \"newcomer\"\narchive = \"{home}/elsewhere\"\n\
             password_command = \"touch {home}/run; echo x\"\n",
            home = sandbox.path("").display(),
        );
        let file = sandbox.write(format!("{folder}/popkeep-demo/config.toml"), text);
        set_mode(&file, 0o644);
        set_mode(sandbox.path(format!("{folder}/popkeep-demo")), 0o755);
        set_mode(sandbox.path(folder), 0o1777);
        sandbox.path(folder).join("popkeep-demo")
    };
    let demo = |dir: &Path| sandbox.popkeep(["demo", dir.to_str().unwrap()]).run();
    let nothing_run = || {
        assert!(
            !sandbox.path("run").exists() && !sandbox.path("elsewhere").exists(),
            "their configuration counted"
        );
    };
    // One that is our own is rewritten, whatever it says.
    let ours = planted("ours");
    demo(&ours).expect(0);
    nothing_run();
    let mails = || std::fs::read_dir(ours.join("mail/new")).unwrap().count();
    let stored = mails();
    demo(&ours).expect(0);
    assert_eq!(mails(), stored, "a second demo stores nothing");
    // A folder for everybody, without the sticky bit: nothing is made there.
    std::fs::create_dir(sandbox.path("open")).unwrap();
    set_mode(sandbox.path("open"), 0o777);
    demo(&sandbox.path("open/popkeep-demo")).expect(73);
    assert_eq!(std::fs::read_dir(sandbox.path("open")).unwrap().count(), 0);
    let link = sandbox.path("ours/link");
    symlink(&ours, &link).unwrap();
    demo(&link).expect(73);
    if are_root(&sandbox) {
        let theirs = planted("theirs");
        for path in [theirs.join("config.toml"), theirs.clone()] {
            give_away(&path);
            demo(&theirs).expect(73);
            nothing_run();
        }
        chown(theirs.join("config.toml"), Some(0), Some(0)).unwrap();
        demo(&theirs).expect(73);
        nothing_run();
        std::fs::remove_file(theirs.join("config.toml")).unwrap();
        demo(&theirs).expect(73);
        assert_eq!(std::fs::read_dir(&theirs).unwrap().count(), 0);
    }
}

#[test]
fn a_state_folder_that_others_made_is_not_used() {
    let sandbox = Sandbox::new();
    let server = PopServer::with(Mail::some(1));
    let state = sandbox.path("common/state");
    let text = format!("state_dir = {:?}\n{}", state.to_str().unwrap(), Account::on("work", &server).toml());
    sandbox.config(&text);
    std::fs::create_dir_all(&state).unwrap();
    set_mode(sandbox.path("common"), 0o1777);
    set_mode(&state, 0o777);
    let refused = |what: &str| {
        for command in ["fetch", "status"] {
            let run = sandbox.popkeep([command]).run();
            if command == "fetch" || state.join("ledger.sqlite3").exists() {
                assert_eq!(run.code, Some(78), "{what}: {command}: {}", run.stderr);
            }
        }
        assert_eq!(sandbox.archive("work").exists(), state.join("ledger.sqlite3").exists(), "{what}");
    };
    refused("everybody can write to it");
    set_mode(&state, 0o700);
    if are_root(&sandbox) {
        std::fs::write(state.join("ledger.sqlite3-journal"), "").unwrap();
        give_away(&state.join("ledger.sqlite3-journal"));
        refused("a journal of theirs");
        std::fs::remove_file(state.join("ledger.sqlite3-journal")).unwrap();
        give_away(&state);
        refused("theirs");
        std::fs::remove_dir(&state).unwrap();
        std::fs::create_dir(sandbox.path("elsewhere")).unwrap();
        symlink(sandbox.path("elsewhere"), &state).unwrap();
        give_away(&state);
        refused("a link of theirs");
        chown(sandbox.path("elsewhere"), Some(0), Some(0)).unwrap();
        std::fs::remove_file(&state).unwrap();
    }
    sandbox.popkeep(["fetch", "--quiet"]).run().expect(0).silent();
    assert_eq!(sandbox.maildir("work").len(), 1);
}

/// Makes a pipe that nobody will ever write to.
fn pipe(sandbox: &Sandbox, name: &str) -> std::path::PathBuf {
    let path = sandbox.path(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    let _ = std::fs::remove_file(&path);
    assert!(Command::new("mkfifo").args(["-m", "600"]).arg(&path).status().unwrap().success());
    path
}

#[test]
fn a_pipe_in_the_place_of_a_file_is_told_and_not_waited_for() {
    let server = PopServer::with(Mail::some(1));
    let sandbox = Sandbox::for_server(&server);
    let fetch = |code: i32, words: &[&str]| {
        let begun = std::time::Instant::now();
        sandbox.popkeep(["fetch", "--quiet"]).run().expect(code).one_line(words);
        assert!(begun.elapsed().as_secs() < 25, "{words:?}");
    };
    let account = || Account::on("work", &server);
    let fifo = pipe(&sandbox, "fifo");
    let fifo = fifo.to_str().unwrap();
    for (key, rest) in [("password_file", ""), ("tls_ca_file", ""), ("tls_client_cert", "")] {
        let account = Account::new("work").text("host", "localhost").key("port", server.port());
        let account = if key == "password_file" { account.without("password") } else { account };
        sandbox.config(&format!("{}{rest}", account.text(key, fifo).toml()));
        fetch(78, &["work", "fifo"]);
    }
    sandbox.configure([account().text("archive", fifo).text("format", "mbox")]);
    fetch(73, &["fifo", "not a regular file"]);
    sandbox.configure([account()]);
    for name in ["ledger.sqlite3", "ledger.sqlite3-wal", "ledger.sqlite3-journal"] {
        let path = pipe(&sandbox, &format!(".local/state/popkeep/{name}"));
        set_mode(path.parent().unwrap(), 0o700);
        fetch(73, &[name, "not a regular file"]);
        std::fs::remove_file(path).unwrap();
    }
    let run = sandbox.popkeep(["fetch", "--quiet", "--metrics", fifo]).run();
    assert_ne!(run.code, None);
    assert!(run.stderr.contains("fifo"), "{}", run.stderr);
    let config = pipe(&sandbox, "config-fifo");
    let run = sandbox.popkeep(["--config", config.to_str().unwrap(), "fetch"]).run().expect(78);
    run.one_line(&["config-fifo", "not a regular file"]);
    let run = sandbox.popkeep(["--config", "/dev/stdin", "fetch"]).run_with("state_dir = 1\n").expect(78);
    run.one_line(&["/dev/stdin", "not a regular file"]);
}

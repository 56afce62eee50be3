//! What goes wrong at a user's end and on the way: each has one line of its own, which says what
//! happened and what to do, and its exit code.

use std::net::{Ipv4Addr, TcpListener};

use crate::support::certificates::{Authority, Leaf, self_signed};
use crate::support::maildrop::Tls;
use crate::support::scripted::{Scripted, Stage};
use crate::support::{Account, Behaviour, Mail, PopServer, Sandbox, set_mode};

/// A complete account that nothing is asked of.
fn complete() -> Account {
    Account::new("work").loopback(9).text("tls", "none")
}

/// One run that must end with this code and one line with these words.
#[track_caller]
fn fails(sandbox: &Sandbox, code: i32, words: &[&str]) -> String {
    sandbox.popkeep(["fetch", "--quiet"]).run().expect(code).one_line(words).stderr
}

#[test]
fn no_configuration() {
    fails(&Sandbox::new(), 78, &["popkeep/config.toml"]);
}

#[test]
fn a_configuration_named_on_the_command_line_that_is_not_there() {
    let sandbox = Sandbox::with([complete()]);
    let run = sandbox.popkeep(["--config", "elsewhere.toml", "fetch", "--quiet"]);
    run.run().expect(78).one_line(&["elsewhere.toml"]);
}

#[test]
fn an_unreadable_configuration() {
    let sandbox = Sandbox::with([complete()]);
    std::fs::remove_file(sandbox.config_file()).unwrap();
    std::fs::create_dir(sandbox.config_file()).unwrap();
    fails(&sandbox, 78, &["config.toml"]);

    let sandbox = Sandbox::with([complete()]);
    if !rustix::process::getuid().is_root() {
        // Permissions do not bind root.
        set_mode(sandbox.config_file(), 0o000);
        fails(&sandbox, 78, &["config.toml"]);
    }
}

#[test]
fn a_configuration_that_is_no_toml() {
    let sandbox = Sandbox::new();
    sandbox.config("[accounts.work]\nhost = \"a\"\nuser = jane\n");
    fails(&sandbox, 78, &["config.toml:3:"]);
}

#[test]
fn an_unknown_key_is_named_with_the_nearest_and_its_line() {
    let sandbox = Sandbox::new();
    sandbox
        .config("[accounts.work]\nhost = \"pop.example.com\"\nuser = \"jane\"\npasword_command = \"pass\"\n");
    fails(&sandbox, 78, &["config.toml:4:", "pasword_command", "password_command"]);
    sandbox.config("[default]\n\n[accounts.work]\nhost = \"pop.example.com\"\nuser = \"jane\"\n");
    fails(&sandbox, 78, &["config.toml:1:", "default", "defaults"]);
}

#[test]
fn a_value_of_the_wrong_type() {
    let sandbox = Sandbox::with([complete().text("port", "pop3s")]);
    fails(&sandbox, 78, &["config.toml:", "port"]);
}

#[test]
fn a_value_that_is_not_among_the_known_ones() {
    for (key, value) in
        [("tls", "sometimes"), ("format", "mh"), ("delete", "soon"), ("delete", "6M"), ("max_size", "big")]
    {
        let sandbox = Sandbox::with([complete().text(key, value)]);
        fails(&sandbox, 78, &["config.toml:", value]);
    }
}

#[test]
fn an_account_without_a_host_a_user_or_an_archive() {
    for key in ["host", "user", "archive"] {
        fails(&Sandbox::with([complete().without(key)]), 78, &["config.toml:", "work", key]);
    }
}

#[test]
fn an_account_name_that_would_be_a_path() {
    let sandbox = Sandbox::new();
    sandbox.config(
        "[accounts.\"../work\"]\nhost = \"pop.example.com\"\nuser = \"jane\"\npassword_env = \"P\"\n",
    );
    fails(&sandbox, 78, &["config.toml:", "../work"]);
}

#[test]
fn a_password_in_a_file_that_others_can_read() {
    let sandbox = Sandbox::with([complete()]);
    set_mode(sandbox.config_file(), 0o644);
    fails(&sandbox, 78, &["config.toml", "chmod"]);
}

#[test]
fn a_password_command_in_a_file_that_others_can_write() {
    let account = complete().without("password").text("password_command", "echo secret");
    let sandbox = Sandbox::with([account]);
    set_mode(sandbox.config_file(), 0o666);
    fails(&sandbox, 78, &["config.toml", "chmod"]);
}

#[test]
fn an_account_that_is_not_configured() {
    let sandbox = Sandbox::with([complete()]);
    for command in ["fetch", "check", "status"] {
        sandbox.popkeep([command, "wrok"]).run().expect(64).one_line(&["wrok", "work"]);
    }
}

#[test]
fn a_host_name_that_nobody_knows() {
    let sandbox = Sandbox::with([complete().text("host", "pop.invalid").text("tls", "implicit")]);
    fails(&sandbox, 68, &["work", "pop.invalid"]);
}

#[test]
fn a_port_where_nobody_listens() {
    let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
    let sandbox = Sandbox::with([complete().key("port", port)]);
    fails(&sandbox, 69, &["work", "127.0.0.1", &port.to_string()]);
}

#[test]
fn clear_text_to_another_machine() {
    // An address for documentation (RFC 5737): nothing may be tried there.
    let sandbox = Sandbox::with([complete().text("host", "192.0.2.1")]);
    fails(&sandbox, 78, &["work", "tls", "allow_plaintext"]);
}

/// A server with this certificate, and an account that trusts `authority`.
fn with_certificate(leaf: &Leaf, authority: Option<&Authority>) -> (PopServer, Sandbox) {
    let server = PopServer::start(Mail::some(1), Behaviour::default(), Tls::Implicit(leaf.acceptor()));
    let sandbox = Sandbox::new();
    let mut account = Account::new("work").text("host", "localhost").key("port", server.port());
    if let Some(authority) = authority {
        let file = sandbox.write("ca.pem", authority.pem());
        account = account.text("tls_ca_file", file.to_str().unwrap());
    }
    sandbox.configure([account]);
    (server, sandbox)
}

#[test]
fn certificates_that_must_not_be_trusted() {
    let authority = Authority::new();
    let other = Authority::new();
    let cases = [
        ("no authority of ours", authority.good(), None),
        ("another authority", authority.good(), Some(&other)),
        ("another host", authority.for_another_host(), Some(&authority)),
        ("expired", authority.expired(), Some(&authority)),
        ("self-signed", self_signed(), Some(&authority)),
    ];
    for (what, leaf, trusted) in cases {
        let (server, sandbox) = with_certificate(&leaf, trusted);
        let line = fails(&sandbox, 77, &["work", "localhost", "certificate"]);
        eprintln!("{what}: {line}");
        let sessions = server.take_sessions();
        assert!(sessions.iter().all(|session| session.commands.is_empty()), "{what}: something was said");
    }
}

#[test]
fn a_good_certificate_is_trusted_through_its_authority() {
    let authority = Authority::new();
    let (server, sandbox) = with_certificate(&authority.good(), Some(&authority));
    sandbox.popkeep(["fetch", "--quiet"]).run().expect(0).silent();
    assert!(server.take_sessions()[0].encrypted);
}

#[test]
fn a_ca_file_that_is_missing_or_holds_no_certificate() {
    let sandbox = Sandbox::new();
    let account = Account::new("work").text("host", "localhost").key("port", 9);
    sandbox.configure([account.clone().text("tls_ca_file", "/nowhere/ca.pem")]);
    fails(&sandbox, 78, &["/nowhere/ca.pem"]);
    let empty = sandbox.write("empty.pem", "not a certificate\n");
    sandbox.configure([account.text("tls_ca_file", empty.to_str().unwrap())]);
    fails(&sandbox, 78, &["empty.pem"]);
}

#[test]
fn an_archive_that_cannot_be_made() {
    let server = PopServer::with(Mail::some(1));
    let sandbox = Sandbox::new();
    // Below a regular file nothing can be made, not even by root.
    let file = sandbox.write("Mail", "a file stands where the folder should be");
    for format in ["maildir", "mbox"] {
        let archive = file.join("work");
        let account =
            Account::on("work", &server).text("format", format).text("archive", archive.to_str().unwrap());
        sandbox.configure([account.text("delete", "fetched")]);
        fails(&sandbox, 73, &["work", file.to_str().unwrap()]);
        assert_eq!(server.uids().len(), 1);
    }
}

#[test]
fn a_server_that_is_not_pop3() {
    for greeting in
        ["S: 220 mail.example ESMTP", "S: * OK IMAP4rev1 ready", "raw: \\x16\\x03\\x01\\x00\\xff\\n"]
    {
        let server = Scripted::play(&format!("{greeting}\nstall"));
        let sandbox = Sandbox::with([complete().key("port", server.port())]);
        fails(&sandbox, 76, &["work", "POP3"]);
        server.finish();
    }
}

#[test]
fn a_server_that_closes_at_once() {
    let server = Scripted::play("close");
    let sandbox = Sandbox::with([complete().key("port", server.port())]);
    fails(&sandbox, 69, &["work", "closed"]);
    server.finish();
}

#[test]
fn a_port_that_speaks_no_tls() {
    let server = Scripted::play("S: +OK clear text here\nstall");
    let sandbox = Sandbox::with([complete().key("port", server.port()).text("tls", "implicit")]);
    fails(&sandbox, 76, &["work", "TLS"]);
}

#[test]
fn a_tls_port_spoken_to_in_clear_text() {
    let authority = Authority::new();
    let stage = Stage { implicit_tls: Some(authority.good().acceptor()), ..Stage::default() };
    let server = Scripted::staged(&["S: +OK ready\nstall"], stage);
    let sandbox = Sandbox::with([complete().key("port", server.port()).text("timeout", "2s")]);
    // Both sides wait for the other's first word: the deadline ends it.
    fails(&sandbox, 69, &["work", "greeting", "tls"]);
}

#[test]
fn a_server_that_refuses_the_connection_in_its_greeting() {
    let server =
        PopServer::behaving(vec![], Behaviour { greeting: Some("-ERR go away"), ..Behaviour::default() });
    fails(&Sandbox::for_server(&server), 76, &["work", "go away"]);
}

#[test]
fn not_now_is_not_a_wrong_password() {
    for reply in ["-ERR [IN-USE] another session", "-ERR [LOGIN-DELAY] too soon", "-ERR [SYS/TEMP] disk"] {
        let server =
            PopServer::behaving(vec![], Behaviour { login_reply: Some(reply), ..Behaviour::default() });
        fails(&Sandbox::for_server(&server), 75, &["work", reply.split("] ").nth(1).unwrap()]);
        assert_eq!(server.count("PASS") + server.count("AUTH"), 1, "the password is tried once");
    }
}

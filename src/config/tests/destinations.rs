//! `[destinations.NAME]`: the folders to restore to.

use super::super::resolve::{Surroundings, resolve};
use super::WORK;
use crate::config::{Config, ConfigError, Destination, SecretSource, Tls};
use std::path::{Path, PathBuf};

fn config(more: &str) -> Result<Config, ConfigError> {
    let around = Surroundings { folder: PathBuf::from("/etc"), home: Some(PathBuf::from("/home/jane")) };
    let file = Path::new("config.toml");
    Ok(resolve(file, &format!("{WORK}{more}"), &around)?.into_config(file, PathBuf::from("/state")))
}

fn new(more: &str) -> Destination {
    config(&format!("[destinations.new]\n{more}")).unwrap().destination("new").unwrap()
}

fn refused(more: &str) -> String {
    config(more).unwrap_err().to_string()
}

#[test]
fn a_destination_has_an_address_and_an_accounts_login() {
    let to = new(
        "url = \"imaps://jane%40x.example@imap.example/A/B c\"\npassword_file = \"~/secret\"\nauth = \"plain\"\n",
    );
    assert_eq!((to.access.name.as_str(), to.access.user.as_str()), ("new", "jane@x.example"));
    assert_eq!((to.access.host.as_str(), to.access.port, to.folder.as_str()), ("imap.example", 993, "A/B c"));
    assert!(matches!(to.access.secret, SecretSource::File(path) if path == Path::new("/home/jane/secret")));
    let to = new("url = \"imap://imap.example/INBOX\"\nuser = \"joe\"\n");
    assert_eq!((to.access.user.as_str(), to.access.port, to.access.tls), ("joe", 143, Tls::StartTls));
    let to = new("url = \"imaps://joe@localhost:1143/INBOX\"\ntls = \"none\"\n");
    assert_eq!((to.access.port, to.access.tls), (1143, Tls::None));
    assert!(matches!(to.access.secret, SecretSource::Ask));
}

#[test]
fn from_the_defaults_it_takes_connections_and_no_login() {
    let defaults = "[defaults]\npassword_command = \"pass show pop\"\nauth = \"plain\"\ntimeout = \"7s\"\ntls_ca_file = \"/ca.pem\"\n\
                    proxy = \"socks5://localhost\"\ntls = \"none\"\nallow_plaintext = true\n";
    let of = |to: &str| config(defaults).unwrap().destination(to).unwrap().access;
    let with = config(&format!("{defaults}[destinations.new]\nurl = \"imaps://a@h/x\"\n")).unwrap();
    for access in [of("imaps://a@h/x"), with.destination("new").unwrap().access] {
        assert_eq!((access.timeout.as_secs(), access.tls, access.allow_plaintext), (7, Tls::Implicit, false));
        assert_eq!(access.tls_ca_file.as_deref(), Some(Path::new("/ca.pem")));
        assert!(access.proxy.is_some() && matches!(access.secret, SecretSource::Ask));
    }
}

#[test]
fn an_address_has_the_login_of_a_destination_with_the_same_user_there() {
    let config = config("[destinations.new]\nurl = \"imaps://a@h/x\"\npassword_command = \"p\"\n").unwrap();
    let to = config.destination("imaps://a@h:993/other").unwrap();
    assert!(matches!(to.access.secret, SecretSource::Command(_)));
    assert_eq!((to.access.name.as_str(), to.folder.as_str()), ("new", "other"));
    for other in ["imaps://b@h/x", "imaps://a@g/x", "imaps://a@h:994/x"] {
        assert!(matches!(config.destination(other).unwrap().access.secret, SecretSource::Ask), "{other}");
    }
}

#[test]
fn what_is_wrong_with_a_destination_is_said() {
    for (more, words) in [
        ("[destinations.new]\n", "destination \"new\" has no `url`"),
        ("[destinations.new]\nurl = \"imaps://h/x\"\n", "names no user"),
        ("[destinations.new]\nurl = \"imaps://a@h/x\"\nuser = \"b\"\n", "so does `user`"),
        ("[destinations.new]\nurl = \"imaps://a:b@h/x\"\n", "must not hold a password"),
        (
            "[destinations.new]\nurl = \"imaps://a@h/x\"\narchive = \"x\"\n",
            "unknown key \"archive\" in [destinations.new]",
        ),
        (
            "[destinations.new]\nurl = \"imaps://a@h/x\"\ntls = \"none\"\n",
            "destination \"new\" would send its password",
        ),
        (
            "[destinations.new]\nurl = \"imaps://a@h/x\"\npassword = \"a\"\npassword_env = \"b\"\n",
            "[destinations.new] has both",
        ),
        ("[destinations.\"a b\"]\nurl = \"imaps://a@h/x\"\n", "destination name \"a b\" is not valid"),
        (
            "delete_after_restore = \"nwe\"\n[destinations.new]\nurl = \"imaps://a@h/x\"\n",
            "did you mean \"new\"",
        ),
    ] {
        assert!(refused(more).contains(words), "{more}: {}", refused(more));
    }
    let unknown =
        config("[destinations.new]\nurl = \"imaps://a@h/x\"\n").unwrap().destination("nwe").unwrap_err();
    assert!(unknown.to_string().contains("\"new\""), "{unknown}");
}

#[test]
fn an_account_and_a_destination_of_one_name_cannot_share_tokens() {
    let oauth = "provider = \"microsoft\"\nclient_id = \"x\"\n";
    let both = format!(
        "[accounts.work.oauth]\n{oauth}[destinations.work]\nurl = \"imaps://a@h/x\"\n[destinations.work.oauth]\n{oauth}"
    );
    assert!(refused(&both).contains("give one another name"), "{}", refused(&both));
    let one =
        config(&format!("[destinations.work]\nurl = \"imaps://a@h/x\"\n[destinations.work.oauth]\n{oauth}"))
            .unwrap();
    let access = one.destination("work").unwrap().access;
    let oauth = access.oauth().unwrap();
    assert!(oauth.scope.contains("IMAP") && oauth.state_dir == Path::new("/state"), "{oauth:?}");
}

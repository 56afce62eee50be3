//! The keys of TLS, the network and the mechanisms: what they mean, and what cannot be.

use super::file::written;
use super::{WORK, account, fault, work};
use crate::config::{Auth, ClientCertificate, SecretSource, load};
use crate::net::{AddressFamily, Fingerprint, TlsVersion};
use secrecy::ExposeSecret;
use std::path::PathBuf;
use std::time::Duration;

/// A fingerprint as people paste it.
const HEX: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

#[test]
fn every_mechanism_has_its_name_in_any_case() {
    for (name, auth) in Auth::NAMES {
        let token = matches!(auth, Auth::Xoauth2 | Auth::OauthBearer);
        let secret = if token { "token_command = \"x\"\n" } else { "" };
        assert_eq!(work(&format!("{secret}auth = \"{}\"", name.to_uppercase())).access.auth, *auth);
        assert_eq!(auth.name(), *name);
    }
    assert_eq!(Auth::NAMES.len(), 13);
}

#[test]
fn a_token_is_a_secret_of_its_own_kind() {
    let with_token = format!("{WORK}token_command = \"print-token\"\n");
    let token = account(&with_token);
    assert!(token.access.secret.is_token() && token.access.auth == Auth::Auto);
    assert!(matches!(&token.access.secret, SecretSource::TokenCommand(command) if command == "print-token"));
    assert!(!format!("{token:?}").contains("print-token"));
    assert!(
        fault(&format!("{with_token}password_env = \"X\"\n"))
            .contains("both `password_env` and `token_command`")
    );
    let wrong = fault(&format!("{with_token}auth = \"plain\"\n"));
    assert!(
        wrong.contains("config.toml:6: auth = \"plain\"") && wrong.contains("needs a password"),
        "{wrong}"
    );
    for secret in ["password_env = \"X\"", ""] {
        let wrong = fault(&format!("{WORK}{secret}\nauth = \"xoauth2\"\n"));
        assert!(wrong.contains("needs an access token; use token_command"), "{wrong}");
    }
    assert!(fault(&format!("{WORK}token_command = \"\"\n")).contains("it must be a command"));
}

#[test]
fn a_token_of_one_account_replaces_the_password_of_the_defaults() {
    let text = format!("[defaults]\npassword_env = \"X\"\n{WORK}token_command = \"t\"\nauth = \"xoauth2\"\n");
    assert!(account(&text).access.secret.is_token());
}

#[test]
fn one_fingerprint_or_several_are_pinned() {
    let known: Fingerprint = HEX.parse().unwrap();
    assert_eq!(work(&format!("tls_fingerprint = \"{HEX}\"")).access.tls_fingerprint, [known]);
    let both = work(&format!("tls_fingerprint = [\n\"{known}\",\n\"{}\"]", "0".repeat(64)));
    assert_eq!(both.access.tls_fingerprint.len(), 2);
    assert_eq!(both.access.tls_fingerprint[0], known);
    assert!(work("").access.tls_fingerprint.is_empty());
}

#[test]
fn a_fingerprint_that_is_none_is_named_with_its_line() {
    let sha1 = "A9:99:3E:36:47:06:81:6A:BA:3E:25:71:78:50:C2:6C:9C:D0:D8:9D";
    let line = fault(&format!("{WORK}tls_fingerprint = [\n\"{HEX}\",\n\"{sha1}\"]\n"));
    assert!(line.starts_with("config.toml:7: ") && line.contains("SHA-256 (64"), "{line}");
    for (value, words) in [
        ("\"abc\"", "64 hexadecimal digits"),
        ("[]", "at least one"),
        ("7", "must be a string or a list of strings, not an integer"),
        ("[7]", "\"tls_fingerprint\" must be a string"),
    ] {
        let line = fault(&format!("{WORK}tls_fingerprint = {value}\n"));
        assert!(line.starts_with("config.toml:5: ") && line.contains(words), "{value}: {line}");
    }
}

#[test]
fn tls_has_a_name_a_version_and_a_certificate_of_its_own() {
    let with = work(
        "tls_server_name = \"pop.internal\"\ntls_min_version = \"1.3\"\ntls_client_cert = \"jane.p12\"\n\
         tls_client_key = \"~/{account}.key\"\ntls_client_password_command = \"hunter2\"",
    );
    assert_eq!(with.access.tls_server_name.as_deref(), Some("pop.internal"));
    assert_eq!(with.access.tls_min_version, TlsVersion::V1_3);
    let certificate = ClientCertificate {
        file: PathBuf::from("/etc/popkeep/jane.p12"),
        key: Some(PathBuf::from("/home/jane/work.key")),
        password_command: Some("hunter2".to_owned()),
    };
    assert!(!format!("{with:?}").contains("hunter2"));
    assert_eq!(with.access.tls_client, Some(certificate));
    let without = work("");
    assert_eq!((without.access.tls_min_version, without.access.tls_client), (TlsVersion::V1_2, None));
}

#[test]
fn an_account_with_a_certificate_has_nothing_of_the_defaults_in_it() {
    let defaults = "[defaults]\ntls_client_cert = \"/a.pem\"\ntls_client_key = \"/a.key\"\n";
    let inherited = account(&format!("{defaults}{WORK}")).access.tls_client.unwrap();
    assert_eq!((inherited.file, inherited.key), ("/a.pem".into(), Some("/a.key".into())));
    let own = account(&format!("{defaults}{WORK}tls_client_cert = \"/b.pem\"\n")).access.tls_client.unwrap();
    assert_eq!((own.file, own.key), ("/b.pem".into(), None));
}

#[test]
fn the_way_to_the_server_can_be_chosen() {
    let with = work(
        "proxy = \"socks5://joe:hunter2@[::1]:9050\"\naddress_family = \"ipv6\"\ntimeout = \"50s\"\n\
         connect_timeout = \"5s\"\nrun_timeout = \"2h\"",
    );
    assert!(!format!("{with:?}").contains("hunter2"));
    let proxy = with.access.proxy.unwrap();
    assert_eq!((proxy.host.as_str(), proxy.port), ("::1", 9050));
    assert_eq!(proxy.login.unwrap().password.expose_secret(), "hunter2");
    assert_eq!(with.access.address_family, AddressFamily::Ipv6);
    assert_eq!(
        (with.access.connect_timeout, with.access.run_timeout),
        (Duration::from_secs(5), Duration::from_hours(2))
    );
    let without = work("timeout = \"50s\"");
    assert!(without.access.proxy.is_none() && without.access.address_family == AddressFamily::Any);
    assert_eq!(
        (without.access.connect_timeout.as_secs(), without.access.run_timeout.as_secs()),
        (50, 86_400)
    );
}

#[test]
fn values_that_cannot_be_are_refused() {
    for (line, words) in [
        ("tls_min_version = \"1.4\"", "\"1.0\", \"1.1\", \"1.2\", \"1.3\""),
        ("tls_min_version = 1.2", "must be a string, not a number"),
        ("tls_server_name = \"pop.example.com:995\"", "host name or IP address"),
        ("tls_client_key = \"x\"", "needs a tls_client_cert"),
        ("tls_client_password_command = \"x\"", "needs a tls_client_cert"),
        ("address_family = \"4\"", "\"any\", \"ipv4\", \"ipv6\""),
        ("connect_timeout = \"0s\"", "more than 0 and at most a day"),
        ("run_timeout = \"366d\"", "more than 0 and at most 365 days"),
        ("run_timeout = 60", "a string such as"),
        ("proxy = \"http://hunter2:3128\"", "only SOCKS5"),
        ("proxy = \"socks5://hunter2@proxy.example\"", "user:password"),
        ("proxy = [\"hunter2\"]", "not an array"),
    ] {
        let fault = fault(&format!("{WORK}{line}\n"));
        assert!(fault.starts_with("config.toml:5: ") && fault.contains(words), "{line}: {fault}");
        assert!(!fault.contains("hunter2"), "{fault}");
    }
}

/// Promises: secrets stay secret; nobody else can have a command run as us.
#[test]
fn a_file_with_a_login_for_a_proxy_or_another_command_is_private() {
    let login = format!("{WORK}proxy = \"socks5://joe:hunter2@proxy.example\"\n");
    let no_login = format!("{WORK}proxy = \"socks5://proxy.example\"\n");
    let token = format!("{WORK}token_command = \"x\"\n");
    let certificate = format!("{WORK}tls_client_cert = \"x\"\ntls_client_password_command = \"x\"\n");
    for (text, mode, refused) in [
        (&login, 0o640, true),
        (&login, 0o600, false),
        (&no_login, 0o644, false),
        (&token, 0o644, false),
        (&token, 0o664, true),
        (&certificate, 0o664, true),
    ] {
        assert_eq!(load(written(text, mode).path()).is_err(), refused, "{mode:o}: {text}");
    }
}

/// Promise: a password never travels in clear by accident.
#[test]
fn behind_a_proxy_no_host_is_this_machine() {
    let local = WORK.replace("pop.example.com", "localhost") + "tls = \"none\"\n";
    account(&local);
    assert!(
        fault(&format!("{local}proxy = \"socks5://127.0.0.1\"\n")).contains("in clear text to localhost")
    );
}

#[test]
fn what_runs_on_new_mail_is_the_accounts_own_or_the_defaults_or_nothing() {
    let of = |text: &str| account(text).on_new_mail.map(|command| command.as_str().to_owned());
    let defaults = format!("[defaults]\non_new_mail = \"notmuch new\"\n{WORK}");
    assert_eq!(of(WORK), None);
    assert_eq!(of(&defaults).as_deref(), Some("notmuch new"));
    assert_eq!(of(&format!("{defaults}on_new_mail = \"mu index\"\n")).as_deref(), Some("mu index"));
    assert_eq!(of(&format!("{defaults}on_new_mail = \"\"\n")), None);
    assert!(!format!("{:?}", account(&defaults)).contains("notmuch"), "it may hold a secret");
}

//! Promise: popkeep.toml(5) names every key, and every example in it is right.

use super::super::raw::{ACCOUNT_KEYS, DESTINATION_KEYS, OAUTH_KEYS, TOP_KEYS};
use super::{WORK, read};

const MANUAL: &str = include_str!("../../../man/popkeep.toml.5");

#[test]
fn every_key_is_in_the_manual() {
    for key in ACCOUNT_KEYS.iter().chain(OAUTH_KEYS).chain(TOP_KEYS) {
        assert!(MANUAL.contains(&format!("\n.It Ic {key}\n")), "{key} is not explained");
    }
}

#[test]
fn every_key_of_a_destination_is_in_its_section_of_the_manual() {
    let (_, section) = MANUAL.split_once("\n.Sh DESTINATIONS\n").unwrap();
    let section = section.split("\n.Sh ").next().unwrap();
    let named: Vec<&str> = section
        .lines()
        .filter_map(|line| line.strip_prefix(".It Ic "))
        .flat_map(|keys| keys.split(" , "))
        .collect();
    assert_eq!(named.len(), DESTINATION_KEYS.len(), "{named:?}");
    for key in DESTINATION_KEYS {
        assert!(named.contains(key), "{key} is not explained");
    }
}

/// What the manual says of a key: from its name to the next one.
fn entry(key: &str) -> &'static str {
    let (_, rest) = MANUAL.split_once(&format!("\n.It Ic {key}\n")).unwrap();
    rest.split("\n.It Ic ").next().unwrap()
}

#[test]
fn every_key_of_an_account_has_its_type_and_its_default() {
    let types = ["String", "Path", "Integer", "Boolean", "Duration", "Size", "Table"];
    // What it is without them is said of all six together.
    let secrets = ["password_command", "password_file", "password_env", "password", "token_command", "oauth"];
    for key in ACCOUNT_KEYS {
        let entry = entry(key);
        assert!(types.iter().any(|kind| entry.starts_with(kind)), "{key} has no type: {entry}");
        let default = ["Default", "the default", "; required."].iter().any(|word| entry.contains(word));
        assert!(default || secrets.contains(key), "{key} has no default: {entry}");
    }
    assert!(MANUAL.contains("An account can have only one of these six"));
}

#[test]
fn every_key_of_an_account_has_an_example_that_is_right() {
    for key in ACCOUNT_KEYS {
        let start = format!(".Dl {key} = ");
        let example = MANUAL.lines().find(|line| line.starts_with(&start));
        let example = example.unwrap_or_else(|| panic!("{key} has no example"));
        let example = example.trim_start_matches(".Dl ").replace("\\(dq", "\"");
        let others: Vec<&str> = WORK.lines().filter(|line| !line.starts_with(key)).collect();
        // A key that belongs to a certificate needs one beside it.
        let beside = if key.starts_with("tls_client_") && *key != "tls_client_cert" {
            "tls_client_cert = \"jane.pem\""
        } else {
            ""
        };
        let others = format!("{}\n{beside}", others.join("\n"));
        let folder = "[destinations.new]\nurl = \"imaps://jane@imap.example.net/Archive\"";
        if let Err(error) = read(&format!("{others}\n{example}\n{folder}\n")) {
            panic!("{example}: {error}");
        }
    }
}

#[test]
fn every_whole_example_is_right() {
    let mut examples = 0;
    for block in MANUAL.split(".Bd -literal -offset indent\n").skip(1) {
        let (text, _) = block.split_once(".Ed\n").expect("the example ends");
        if let Err(error) = read(text) {
            panic!("{error} in:\n{text}");
        }
        examples += 1;
    }
    assert!(examples >= 4, "{examples}");
}

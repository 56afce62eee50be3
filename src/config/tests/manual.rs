//! Promise: popkeep.toml(5) names every key, and every example in it is right.

use super::super::raw::{ACCOUNT_KEYS, TOP_KEYS};
use super::{WORK, read};

const MANUAL: &str = include_str!("../../../man/popkeep.toml.5");

#[test]
fn every_key_is_in_the_manual() {
    for key in ACCOUNT_KEYS.iter().chain(TOP_KEYS) {
        assert!(MANUAL.contains(&format!("\n.It Ic {key}\n")), "{key} is not explained");
    }
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
        if let Err(error) = read(&format!("{others}\n{example}\n")) {
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

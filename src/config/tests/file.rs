//! The file: who may read and write it, and what is said when it is not there.

use super::{WORK, account, fault, read};
use crate::config::{ConfigError, load};
use crate::exit::Exit;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;

pub(super) fn written(text: &str, mode: u32) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(text.as_bytes()).unwrap();
    file.as_file().set_permissions(PermissionsExt::from_mode(mode)).unwrap();
    file
}

#[test]
fn a_file_with_a_secret_or_a_command_is_private() {
    let password = format!("{WORK}password = \"hunter2\"\n");
    let command = format!("{WORK}password_command = \"x\"\n");
    let new_mail = format!("[defaults]\non_new_mail = \"x\"\n{WORK}");
    for (text, mode, refused) in [
        (&new_mail, 0o644, false),
        (&new_mail, 0o620, true),
        (&password, 0o600, false),
        (&password, 0o640, true),
        (&password, 0o604, true),
        (&command, 0o644, false),
        (&command, 0o664, true),
        (&command, 0o646, true),
        (&WORK.to_owned(), 0o666, true),
        (&WORK.to_owned(), 0o644, false),
    ] {
        let outcome = load(written(text, mode).path());
        assert_eq!(outcome.is_err(), refused, "{mode:o}: {text}");
        if let Err(error) = outcome {
            assert_eq!(error.exit(), Exit::CONFIG);
            assert!(error.to_string().contains("chmod") && !format!("{error:?}").contains("hunter2"));
        }
    }
    let config = load(written(&password, 0o600).path()).unwrap();
    assert!(!format!("{config:?}").contains("hunter2"));
}

#[test]
fn a_file_that_is_not_there_or_not_readable_says_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let error = load(&folder.path().join("config.toml")).unwrap_err();
    assert_eq!(error.exit(), Exit::CONFIG);
    assert!(error.to_string().contains("config.toml") && error.to_string().contains("popkeep demo"));
    assert!(
        read(error.annotated(false).split_once("enough:\n").unwrap().1).is_ok(),
        "the five lines are right"
    );
    let error = load(folder.path()).unwrap_err();
    assert!(matches!(error, ConfigError::Distrusted { .. }), "{error:?}");
    assert!(matches!(load(written("\u{0}", 0o600).path()), Err(ConfigError::Content { .. })));
    let mut binary = tempfile::NamedTempFile::new().unwrap();
    binary.write_all(b"host = \"\xff\"").unwrap();
    assert!(matches!(load(binary.path()), Err(ConfigError::NotText { .. })));
}

#[test]
fn accounts_are_selected_by_name() {
    let home = WORK.replace("work", "home");
    let config = load(written(&format!("{WORK}{home}"), 0o600).path()).unwrap();
    let names = |names: &[&str]| {
        let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
        config
            .select(&names)
            .map(|found| found.iter().map(|account| account.name.clone()).collect::<Vec<_>>())
    };
    assert_eq!(names(&[]).unwrap(), ["work", "home"]);
    assert_eq!(names(&["home", "work", "home"]).unwrap(), ["work", "home"]);
    let error = names(&["work", "hom"]).unwrap_err();
    assert_eq!(error.exit(), Exit::USAGE);
    assert!(error.to_string().contains("did you mean \"home\"?"), "{error}");
}

#[test]
fn a_backslash_in_double_quotes_is_told_of_single_quotes() {
    // The last five are escapes that TOML has: a name with a control character in it.
    for name in ["jane", "xavier", "ulla", "Ute", "bob", "tom", "nick", "frank", "robert"] {
        let text = WORK.replace("jane@example.com", &format!("DOMAIN\\{name}"));
        let fault = fault(&text);
        assert!(fault.contains("single quotes") && fault.contains(":3:"), "{name}: {fault}");
        let quoted = WORK.replace("\"jane@example.com\"", &format!("'DOMAIN\\{name}'"));
        assert_eq!(account(&quoted).access.user, format!("DOMAIN\\{name}"));
    }
    assert!(!fault(&format!("{WORK}auth = plain\n")).contains("single quotes"));
}

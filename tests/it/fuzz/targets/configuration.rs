//! Any text as a configuration: accounts that are complete and mean something, or one error, in one line
//! and for a terminal, about a place that the file has.

use popkeep::config::{self, ConfigError};
use std::path::Path;

pub(super) fn run(octets: &[u8]) {
    let Ok(text) = std::str::from_utf8(octets) else { return };
    let file = Path::new("/home/jane/.config/popkeep/config.toml");
    match config::understand(file, text, Some(Path::new("/home/jane"))) {
        Ok(accounts) => {
            assert!(!accounts.is_empty());
            for account in accounts {
                assert!(!account.name.starts_with('.') && !account.name.contains('/'));
                assert!(account.archive.is_absolute());
                assert!(!account.archive.components().any(|part| part.as_os_str() == ".."));
                assert!(!account.access.timeout.is_zero() && account.max_size > 0);
                assert!(!account.access.user.contains(['\r', '\n', '\0']));
                let _ = format!("{account:?}");
            }
        }
        Err(error) => complaint(&error, text),
    }
}

fn complaint(error: &ConfigError, text: &str) {
    let line = error.to_string();
    assert!(!line.chars().any(char::is_control), "not one line: {line:?}");
    if let ConfigError::Content { .. } = error {
        let number = line.split(':').nth(1).and_then(|number| number.parse::<usize>().ok()).unwrap();
        assert!((1..=text.split('\n').count()).contains(&number), "no such line: {line}");
    }
    assert!(!error.annotated(false).is_empty());
    assert!(!error.annotated(true).is_empty());
}

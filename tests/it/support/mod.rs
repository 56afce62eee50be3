//! What the tests stand on: a sandbox, servers, certificates, and readers of mail stores.

pub(crate) mod certificates;
pub(crate) mod clock;
pub(crate) mod dovecot;
pub(crate) mod dovecot_auth;
pub(crate) mod fleet;
pub(crate) mod imap_server;
pub(crate) mod listening;
pub(crate) mod mail;
pub(crate) mod maildrop;
pub(crate) mod memory;
pub(crate) mod mounting;
pub(crate) mod oauth_server;
pub(crate) mod outcome;
pub(crate) mod sandbox;
pub(crate) mod sasl_server;
pub(crate) mod schema;
pub(crate) mod scripted;
pub(crate) mod socks;
pub(crate) mod stores;
pub(crate) mod terminal;
pub(crate) mod trace;
pub(crate) mod transcript;
pub(crate) mod wire;

pub(crate) use mail::Mail;
pub(crate) use maildrop::{Behaviour, PopServer};
pub(crate) use sandbox::{Account, Sandbox};

/// Says why a test cannot run here. With `CI` set that is a failure: CI installs what is needed.
pub(crate) fn skip(why: &str) {
    assert!(std::env::var_os("CI").is_none(), "skipped although CI is set: {why}");
    eprintln!("SKIPPED: {why}");
}

/// Whether a program can be found on the PATH (or in the sbin folders that a user's PATH lacks).
pub(crate) fn find_program(name: &str) -> Option<std::path::PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(["/usr/sbin".into(), "/usr/local/sbin".into(), "/sbin".into()])
        .map(|folder| folder.join(name))
        .find(|file| file.is_file())
}

/// Sets a file's or folder's permissions.
pub(crate) fn set_mode(path: impl AsRef<std::path::Path>, mode: u32) {
    std::fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(mode)).unwrap();
}

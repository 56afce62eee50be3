//! The demo's folder: which one may be used, and the configuration in it.
//!
//! Must never: act upon anything that it has not just written itself.

use super::DemoError;
use crate::disk::{self, Disk as _, Distrusted, Kind, OsDisk};
use std::io;
use std::path::{Path, PathBuf};

/// Who logs in, and the password of a maildrop that lives as long as the demo runs.
pub(super) const USER: &str = "newcomer";
/// See [`USER`].
pub(super) const PASSWORD: &str = "open-sesame";

/// The configuration's first line: only a folder that has it is taken for an earlier demo's.
const MARK: &str = "# Written by `popkeep demo`.";

/// What the next configuration is called until it is complete.
const DRAFT: &str = ".config.toml.new";

/// A configuration of the demo is never larger, in octets.
const LARGEST: u64 = 64 * 1024;

/// Makes `dir` ready, with a configuration for a server on `port`, whose path is returned. That of an earlier demo is
/// replaced, whatever it says.
///
/// `dir` is made if it is missing. If it holds anything but an earlier demo of ours, or if others could put something into
/// it, it is refused, and nothing in it is touched.
pub(super) fn prepare(dir: &Path, port: u16) -> Result<PathBuf, DemoError> {
    let config = dir.join("config.toml");
    let failed = |error: &io::Error| DemoError::folder(dir, error);
    if is_earlier(dir, &config)? {
        replace(dir, &config, fresh(port).as_bytes()).map_err(|error| failed(&error))?;
    } else {
        disk::make_private_dirs(dir).map_err(|error| failed(&error))?;
        // Somebody may have been quicker, with a folder of theirs.
        check(dir)?;
        disk::write_new_private(&config, fresh(port).as_bytes()).map_err(|error| failed(&error))?;
    }
    Ok(config)
}

/// Whether there is an earlier demo in `dir`; not when there is no such folder, or it is empty.
fn is_earlier(dir: &Path, config: &Path) -> Result<bool, DemoError> {
    let failed = |error: &io::Error| DemoError::folder(dir, error);
    match OsDisk.link_metadata(dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            // The folders above that are there; the rest will be ours.
            let mut above = disk::parent(dir);
            while OsDisk.link_metadata(above).is_err() && above != disk::parent(above) {
                above = disk::parent(above);
            }
            distrusted(dir, disk::check_folder(above, false))?;
            return Ok(false);
        }
        Err(error) => return Err(failed(&error)),
        Ok(meta) if meta.kind != Kind::Folder => return Err(DemoError::taken(dir)),
        Ok(_) => check(dir)?,
    }
    let mut empty = true;
    let look = OsDisk.read_dir(dir, &mut |_| {
        empty = false;
        false
    });
    look.map_err(|error| failed(&error))?;
    if empty {
        return Ok(false);
    }
    let regular = OsDisk.link_metadata(config).is_ok_and(|meta| meta.kind == Kind::File && meta.links == 1);
    let read = if regular { disk::read_trusted(config, LARGEST).ok() } else { None };
    match read {
        Some(read) if read.octets.starts_with(MARK.as_bytes()) => Ok(true),
        _ => Err(DemoError::taken(dir)),
    }
}

/// The folder must be our own, and nobody else's to write to, and neither must a folder above it be.
fn check(dir: &Path) -> Result<(), DemoError> {
    distrusted(dir, disk::check_folder(dir, false))?;
    let meta = OsDisk.link_metadata(dir).map_err(|error| DemoError::folder(dir, &error))?;
    let ours = meta.kind == Kind::Folder && meta.uid == crate::disk::our_user() && meta.mode & 0o022 == 0;
    if ours { Ok(()) } else { Err(DemoError::taken(dir)) }
}

fn distrusted(dir: &Path, checked: Result<(), Distrusted>) -> Result<(), DemoError> {
    checked.map_err(|error| DemoError::Folder { dir: dir.to_owned(), reason: error.to_string() })
}

/// Puts another configuration in the place of the earlier one, in one step, so that at no instant there is a folder without
/// its mark.
fn replace(dir: &Path, config: &Path, octets: &[u8]) -> io::Result<()> {
    let draft = dir.join(DRAFT);
    match disk::write_new_private(&draft, octets) {
        // A demo that was killed left it.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            OsDisk.unlink(&draft)?;
            disk::write_new_private(&draft, octets)?;
        }
        written => written?,
    }
    disk::replace_private(&draft, config)
}

fn port_line(port: u16) -> String {
    format!("port = {port}  # of the demo's server; different each time\n")
}

fn fresh(port: u16) -> String {
    let port = port_line(port);
    format!(
        "{MARK}
# A real configuration: paths are relative to this file. For mail of your own only
# host, user, a password and an archive are needed; see popkeep.toml(5).

state_dir = \"state\"             # the folder of the ledger

[accounts.demo]
host = \"127.0.0.1\"
{port}tls = \"none\"                   # allowed here because the server is on this machine
user = \"{USER}\"
password = \"{PASSWORD}\"       # for a real one: password_command = \"pass show mail\"
archive = \"mail\"                # a Maildir: one file per message
identity = \"{USER}@popkeep-demo\"
"
    )
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "tests look at files as a user does")]
mod tests {
    use super::{DRAFT, MARK, PASSWORD, USER, prepare};
    use crate::config;
    use crate::exit::Exit;
    use std::os::unix::fs::PermissionsExt as _;
    use std::path::Path;

    #[test]
    fn the_configuration_is_a_real_one_and_stays_inside_its_folder() {
        let home = tempfile::tempdir().unwrap();
        let dir = home.path().join("new/demo");
        let file = prepare(&dir, 1110).unwrap();
        assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        let loaded = config::load(&file).unwrap();
        let [account] = &loaded.accounts[..] else { panic!("one account") };
        assert_eq!(
            (account.name.as_str(), account.access.port, account.access.user.as_str()),
            ("demo", 1110, USER)
        );
        assert_eq!((&loaded.state_dir, &account.archive), (&dir.join("state"), &dir.join("mail")));
        assert!(std::fs::read_to_string(&file).unwrap().contains(PASSWORD));
    }

    #[test]
    fn an_earlier_demo_gets_a_new_configuration_whatever_it_said() {
        let home = tempfile::tempdir().unwrap();
        let file = prepare(home.path(), 65_535).unwrap();
        let first = std::fs::read_to_string(&file).unwrap();
        std::fs::write(&file, format!("{MARK}\n[accounts.demo]\npassword_command = \"id\"\n")).unwrap();
        std::fs::write(home.path().join("other"), "kept").unwrap();
        std::fs::write(home.path().join(DRAFT), "left by a demo that was killed").unwrap();
        prepare(home.path(), 81).unwrap();
        let now = std::fs::read_to_string(&file).unwrap();
        assert_eq!(now, first.replace("port = 65535", "port = 81"));
        assert!(home.path().join("other").exists() && !home.path().join(DRAFT).exists());
    }

    #[test]
    fn a_folder_that_others_can_write_to_is_refused_untouched() {
        let home = tempfile::tempdir().unwrap();
        let dir = home.path().join("popkeep-demo");
        prepare(&dir, 65_535).unwrap();
        let text = std::fs::read_to_string(dir.join("config.toml")).unwrap();
        let chmod = |path: &Path, mode| {
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
        };
        for (path, mode) in [(dir.as_path(), 0o777), (&dir, 0o1777), (home.path(), 0o777)] {
            let before = std::fs::metadata(path).unwrap().permissions().mode();
            chmod(path, mode);
            assert_eq!(prepare(&dir, 81).unwrap_err().exit(), Exit::CANT_CREATE, "{mode:o}");
            assert!(prepare(&home.path().join("new/demo"), 81).is_err() || mode != 0o777 || path == dir);
            chmod(path, before);
        }
        assert_eq!(std::fs::read_to_string(dir.join("config.toml")).unwrap(), text);
        // In /tmp and its kin a folder is ours as soon as it is made.
        chmod(home.path(), 0o1777);
        prepare(&home.path().join("another"), 81).unwrap();
        std::os::unix::fs::symlink(&dir, home.path().join("link")).unwrap();
        assert!(prepare(&home.path().join("link"), 81).is_err());
    }

    #[test]
    fn any_other_folder_that_is_not_empty_is_refused_untouched() {
        let home = tempfile::tempdir().unwrap();
        let file = home.path().join("config.toml");
        for text in ["", "[accounts.work]\n", "\n# Written by `popkeep demo`.\n"] {
            std::fs::write(&file, text).unwrap();
            let error = prepare(home.path(), 81).unwrap_err();
            assert_eq!(error.exit(), Exit::CANT_CREATE, "{error}");
            assert_eq!(std::fs::read_to_string(&file).unwrap(), text);
        }
        let error = prepare(&file, 81).unwrap_err();
        assert_eq!(error.exit(), Exit::CANT_CREATE, "a file: {error}");
        std::fs::remove_file(&file).unwrap();
        std::os::unix::fs::symlink("/nonexistent", &file).unwrap();
        assert!(prepare(home.path(), 81).is_err(), "a link is none of ours");
    }
}

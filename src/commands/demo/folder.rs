//! The demo's folder: which one may be used, and the configuration in it.

use super::DemoError;
use crate::disk::{self, Access, Disk as _, DiskFile as _, Kind, OsDisk};
use std::io::{self, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

/// Who logs in, and the password of a maildrop that lives as long as the demo runs.
pub(super) const USER: &str = "newcomer";
/// See [`USER`].
pub(super) const PASSWORD: &str = "open-sesame";

/// The configuration's first line: only a folder that has it is taken for an earlier demo's.
const MARK: &str = "# Written by `popkeep demo`.";

/// A configuration of the demo is never larger, in octets.
const LARGEST: u64 = 64 * 1024;

/// Makes `dir` ready, with a configuration for a server on `port`, whose path is returned. A
/// configuration of an earlier demo keeps what else was changed in it.
///
/// `dir` is made if it is missing; if it holds anything but an earlier demo it is refused, and
/// nothing in it is touched.
pub(super) fn prepare(dir: &Path, port: u16) -> Result<PathBuf, DemoError> {
    let config = dir.join("config.toml");
    match earlier(dir, &config)? {
        Some(text) => rewrite(&config, &with_port(&text, port)),
        None => disk::make_private_dirs(dir)
            .and_then(|()| disk::write_new_private(&config, fresh(port).as_bytes())),
    }
    .map_err(|error| DemoError::folder(dir, &error))?;
    Ok(config)
}

/// The configuration of an earlier demo in `dir`; `None` when there is no such folder, or it is
/// empty.
fn earlier(dir: &Path, config: &Path) -> Result<Option<String>, DemoError> {
    let failed = |error: &io::Error| DemoError::folder(dir, error);
    match OsDisk.metadata(dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(&error)),
        Ok(meta) if meta.kind != Kind::Folder => return Err(DemoError::taken(dir)),
        Ok(_) => {}
    }
    let mut empty = true;
    let look = OsDisk.read_dir(dir, &mut |_| {
        empty = false;
        false
    });
    look.map_err(|error| failed(&error))?;
    if empty {
        return Ok(None);
    }
    let regular = OsDisk.link_metadata(config).is_ok_and(|meta| meta.kind == Kind::File);
    let text = if regular { disk::read_limited(config, LARGEST).ok() } else { None };
    text.and_then(|octets| String::from_utf8(octets).ok())
        .filter(|text| text.starts_with(MARK))
        .map(Some)
        .ok_or_else(|| DemoError::taken(dir))
}

/// Writes over the file in place, so that at no instant there is a folder without its mark.
fn rewrite(config: &Path, text: &str) -> io::Result<()> {
    let mut file = OsDisk.open(config, Access::ReadWrite)?;
    file.seek(SeekFrom::Start(0))?;
    file.write_all(text.as_bytes())?;
    file.set_len(text.len() as u64)?;
    file.sync()
}

/// The text with another port; a text that names none has lost it, and is written anew.
fn with_port(text: &str, port: u16) -> String {
    let mut found = false;
    let lines = text.split_inclusive('\n').map(|line| {
        if line.starts_with("port = ") {
            found = true;
            port_line(port)
        } else {
            line.to_owned()
        }
    });
    let replaced: String = lines.collect();
    if found { replaced } else { fresh(port) }
}

fn port_line(port: u16) -> String {
    format!("port = {port}  # of the demo's server; another one each time\n")
}

fn fresh(port: u16) -> String {
    let port = port_line(port);
    format!(
        "{MARK}
# A real configuration: paths are relative to this file. For mail of your own only
# host, user, a password and an archive are needed; see popkeep.toml(5).

state_dir = \"state\"             # where the ledger is

[accounts.demo]
host = \"127.0.0.1\"
{port}tls = \"none\"                   # allowed here because the server is on this machine
user = \"{USER}\"
password = \"{PASSWORD}\"       # for a real one: password_command = \"pass show mail\"
archive = \"mail\"                # a Maildir: one file for each message
identity = \"{USER}@popkeep-demo\"
"
    )
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "tests look at files as a user does")]
mod tests {
    use super::{MARK, PASSWORD, USER, prepare, with_port};
    use crate::config;
    use crate::exit::Exit;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn the_configuration_is_a_real_one_and_stays_inside_its_folder() {
        let home = tempfile::tempdir().unwrap();
        let dir = home.path().join("new/demo");
        let file = prepare(&dir, 1110).unwrap();
        assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        let loaded = config::load(&file).unwrap();
        let [account] = &loaded.accounts[..] else { panic!("one account") };
        assert_eq!((account.name.as_str(), account.port, account.user.as_str()), ("demo", 1110, USER));
        assert_eq!((&loaded.state_dir, &account.archive), (&dir.join("state"), &dir.join("mail")));
        assert!(std::fs::read_to_string(&file).unwrap().contains(PASSWORD));
    }

    #[test]
    fn an_earlier_demo_gets_a_new_port_and_keeps_what_was_changed() {
        let home = tempfile::tempdir().unwrap();
        let file = prepare(home.path(), 65_535).unwrap();
        let changed = std::fs::read_to_string(&file).unwrap() + "delete = \"fetched\"\n";
        std::fs::write(&file, &changed).unwrap();
        std::fs::write(home.path().join("other"), "kept").unwrap();
        prepare(home.path(), 81).unwrap();
        let now = std::fs::read_to_string(&file).unwrap();
        assert_eq!(now, changed.replace("port = 65535", "port = 81"));
        assert!(home.path().join("other").exists());
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

    #[test]
    fn a_configuration_that_lost_its_port_is_written_anew() {
        let text = with_port(&format!("{MARK}\n"), 4110);
        assert!(text.starts_with(MARK) && text.contains("\nport = 4110 "));
    }
}

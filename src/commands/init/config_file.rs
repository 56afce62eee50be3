//! Where the configuration goes, and how it gets there: as a whole, private, and never over
//! anything.

use super::super::{Failure, output};
use super::leaving::undisturbed;
use super::{InitError, next_steps};
use crate::clock;
use crate::config::{self, Draft};
use crate::disk::{self, Disk as _, Kind, OsDisk, parent};
use crate::oauth::{Fresh, Tokens};
use crate::text::dates::day;
use secrecy::{ExposeSecret as _, SecretString};
use std::io;
use std::path::{Path, PathBuf};

/// The configuration file to be.
#[derive(Debug)]
pub(in crate::commands) struct ConfigFile {
    path: PathBuf,
    taken: bool,
    names: Vec<String>,
}

/// A password that is to be written into a file of its own.
#[derive(Debug)]
pub(in crate::commands) struct NewPassword {
    /// The file, which is not there yet.
    pub(in crate::commands) path: PathBuf,
    /// What goes into it.
    pub(in crate::commands) password: SecretString,
}

impl NewPassword {
    fn write(&self) -> Result<(), InitError> {
        let NewPassword { path, password } = self;
        let folder = parent(path);
        disk::make_private_dirs(folder).map_err(|source| not_written(folder, source))?;
        let line = secrecy::zeroize::Zeroizing::new(format!("{}\n", password.expose_secret()));
        disk::write_new_private(path, line.as_bytes()).map_err(|source| not_written(path, source))
    }

    fn take_back(&self) {
        let _ = OsDisk.unlink(&self.path);
    }
}

impl ConfigFile {
    /// Looks at what is there. A relative path counts from the working folder.
    pub(in crate::commands) fn new(path: &Path) -> Result<ConfigFile, InitError> {
        let path = std::path::absolute(path)
            .map_err(|source| InitError::NotWritten { path: path.display().to_string(), source })?;
        let taken = OsDisk.link_metadata(&path).is_ok();
        // What cannot be read has no names that could be said to be taken.
        let known = if taken { config::load(&path).ok() } else { None };
        let names = known.map(|known| known.accounts.into_iter().map(|account| account.name).collect());
        Ok(ConfigFile { path, taken, names: names.unwrap_or_default() })
    }

    /// Whether there is something already.
    pub(in crate::commands) fn is_taken(&self) -> bool {
        self.taken
    }

    /// Whether an account can be added to what is there: a configuration that can be read, in a regular file of ours.
    pub(super) fn can_grow(&self) -> bool {
        let regular = OsDisk.link_metadata(&self.path).is_ok_and(|meta| meta.kind == Kind::File);
        let ours = disk::mode_and_owner(&self.path).is_ok_and(|(_, owner)| owner == disk::our_user());
        !self.names.is_empty() && regular && ours
    }

    /// The accounts in what is there.
    pub(in crate::commands) fn names(&self) -> &[String] {
        &self.names
    }

    /// The file.
    pub(in crate::commands) fn path(&self) -> &Path {
        &self.path
    }

    /// The file, for people.
    pub(in crate::commands) fn shown(&self) -> String {
        self.path.display().to_string()
    }

    /// A file in the same folder, as one would type it.
    pub(in crate::commands) fn beside(&self, name: &str) -> String {
        next_steps::with_tilde(&parent(&self.path).join(name))
    }

    /// Makes the file with this text, and the password's, if it has a file of its own: both or neither.
    pub(in crate::commands) fn create(
        &self,
        text: &str,
        new_password: Option<&NewPassword>,
    ) -> Result<(), InitError> {
        undisturbed(|| {
            let folder = parent(&self.path);
            disk::make_private_dirs(folder).map_err(|source| not_written(folder, source))?;
            let draft = self.rehearse(text)?;
            let put = new_password.map_or(Ok(()), NewPassword::write).and_then(|()| {
                disk::rename_new(&draft, &self.path).map_err(|source| {
                    if let Some(new) = new_password {
                        new.take_back();
                    }
                    match source.kind() {
                        io::ErrorKind::AlreadyExists => InitError::Overtaken { path: self.shown() },
                        _ => not_written(&self.path, source),
                    }
                })
            });
            if put.is_err() {
                let _ = OsDisk.unlink(&draft);
            }
            put
        })
    }

    /// What is to be added to the file that is there, so that these tables are a part of it.
    pub(in crate::commands) fn addition(&self, tables: &str) -> Result<String, InitError> {
        let ends = self.read()?.ends_with(b"\n");
        Ok(format!("{}\n{tables}", if ends { "" } else { "\n" }))
    }

    /// What is in the file; nothing if there is none.
    pub(in crate::commands) fn text(&self) -> Result<String, InitError> {
        let octets = if self.taken { self.read()? } else { Vec::new() };
        let text = String::from_utf8(octets);
        Ok(text.map_err(|_| config::ConfigError::NotText { path: self.shown() })?)
    }

    fn read(&self) -> Result<Vec<u8>, InitError> {
        disk::read_limited(&self.path, config::LONGEST_FILE).map_err(|source| not_written(&self.path, source))
    }

    /// Adds lines to the file that is there, and writes the password if it has a file of its own.
    /// Every octet that is there stays, and so does the file's mode: the lines that are added hold no password.
    pub(in crate::commands) fn append(
        &self,
        addition: &str,
        new_password: Option<&NewPassword>,
    ) -> Result<(), InitError> {
        undisturbed(|| {
            let before = self.read()?;
            // It may have been edited since the questions began.
            config::load_or_empty(&self.path)?;
            let text = String::from_utf8(before.clone())
                .map_err(|_| config::ConfigError::NotText { path: self.shown() })?;
            self.exchange(&before, &(text + addition), new_password)
        })
    }

    /// Takes lines out of the file again that were added to it, or the file, if it has no others; whether they were
    /// still there, as they were.
    pub(in crate::commands) fn take_out(&self, added: &str) -> Result<bool, InitError> {
        undisturbed(|| {
            let before = self.read()?;
            let Ok(text) = std::str::from_utf8(&before) else { return Ok(false) };
            let mut places = text.match_indices(added);
            let (Some((at, _)), None) = (places.next(), places.next()) else { return Ok(false) };
            let rest = format!("{}{}", &text[..at], &text[at + added.len()..]);
            if rest.is_empty() {
                disk::remove(&self.path).map_err(|source| not_written(&self.path, source))?;
            } else {
                self.exchange(&before, &rest, None)?;
            }
            Ok(true)
        })
    }

    /// Puts this text in the place of what is there, if that is still what was read.
    fn exchange(
        &self,
        before: &[u8],
        text: &str,
        new_password: Option<&NewPassword>,
    ) -> Result<(), InitError> {
        let draft = self.rehearse(text)?;
        let put = new_password.map_or(Ok(()), NewPassword::write).and_then(|()| {
            let take_back = || {
                if let Some(new) = new_password {
                    new.take_back();
                }
            };
            if self.read()? != before {
                take_back();
                return Err(InitError::Changed { path: self.shown() });
            }
            disk::replace_as_it_was(&draft, &self.path).map_err(|source| {
                take_back();
                not_written(&self.path, source)
            })
        });
        if put.is_err() {
            let _ = OsDisk.unlink(&draft);
        }
        put
    }

    /// Writes the text beside the file and reads it as a configuration. The name it has there.
    fn rehearse(&self, text: &str) -> Result<PathBuf, InitError> {
        let name = self.path.file_name().unwrap_or_default().to_string_lossy();
        let draft = parent(&self.path).join(format!(".{name}.{}.new", std::process::id()));
        disk::write_new_private(&draft, text.as_bytes()).map_err(|source| not_written(&draft, source))?;
        match config::load_or_empty(&draft) {
            Ok(_) => Ok(draft),
            Err(error) => {
                let _ = OsDisk.unlink(&draft);
                Err(InitError::Config(error))
            }
        }
    }
}

/// What came of an interview.
pub(super) struct Made {
    /// The account.
    pub(super) draft: Draft,
    /// A password to be written into a file of its own.
    pub(super) new_password: Option<NewPassword>,
    /// What signing in brought, if that was asked for.
    pub(super) sign_in: Option<Fresh>,
}

impl Made {
    /// Keeps what signing in brought. The configuration is there already: should this fail, `popkeep login` is all that
    /// is left to do.
    pub(super) fn keep_sign_in(&mut self, config_file: &ConfigFile) -> Result<(), Failure> {
        let Some(fresh) = self.sign_in.take() else { return Ok(()) };
        let config = config::load(&config_file.path).map_err(InitError::Config)?;
        let account = config.one_account(Some(&self.draft.name))?;
        let (observer, trace) = output::watch(0, &[account]);
        if let Some(tokens) = Tokens::of(&account.access, &*observer, trace) {
            undisturbed(|| tokens.keep(&fresh).map_err(InitError::SignIn))?;
        }
        Ok(())
    }

    /// Where the password will be read from, if it is a file that is made now.
    pub(super) fn password_file(&self) -> Option<&Path> {
        self.new_password.as_ref().map(|new| new.path.as_path())
    }

    /// Puts the configuration, and the password if it has a file of its own, where they belong:
    /// both or neither.
    pub(super) fn put(&self, config_file: &ConfigFile) -> Result<(), InitError> {
        let state_dir = next_steps::unusual_state_dir();
        let text = self.draft.file(&day(clock::now()), state_dir.as_deref());
        config_file.create(&text, self.new_password.as_ref())
    }

    /// Adds the account to the configuration that is there, and writes the password if it has a file of its own.
    pub(super) fn add(&self, config_file: &ConfigFile) -> Result<(), InitError> {
        config_file.append(&config_file.addition(&self.draft.table())?, self.new_password.as_ref())
    }

    /// Writes the password alone, for a configuration that a person adds to.
    pub(super) fn put_password(&self) -> Result<(), InitError> {
        self.new_password.as_ref().map_or(Ok(()), |new| undisturbed(|| new.write()))
    }
}

fn not_written(path: &Path, source: io::Error) -> InitError {
    InitError::NotWritten { path: path.display().to_string(), source }
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "the tests make the files")]
mod tests {
    use super::{ConfigFile, InitError, Made};
    use crate::config::{ConfigError, Draft};
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;
    use std::path::{Path, PathBuf};

    const FIRST: &str =
        "[accounts.first]\nhost = \"pop.example.com\"\nuser = \"jane\"\narchive = \"/nowhere/first\"\n";

    fn configuration(folder: &Path) -> PathBuf {
        let file = folder.join("config.toml");
        fs::write(&file, FIRST).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
        file
    }

    fn made() -> Made {
        Made {
            draft: Draft { archive: "/nowhere/work".to_owned(), ..Draft::new("work") },
            new_password: None,
            sign_in: None,
        }
    }

    #[test]
    fn an_account_is_added_and_the_mode_stays() {
        let home = tempfile::tempdir().unwrap();
        let file = configuration(home.path());
        let config_file = ConfigFile::new(&file).unwrap();
        assert!(config_file.can_grow());
        made().add(&config_file).unwrap();
        let text = fs::read_to_string(&file).unwrap();
        assert!(text.starts_with(FIRST) && text.contains("[accounts.work]"), "{text}");
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o7777, 0o644);
        assert_eq!(fs::read_dir(home.path()).unwrap().count(), 1, "no drafts are left");
    }

    #[test]
    fn what_became_unreadable_during_the_questions_is_left_alone() {
        let home = tempfile::tempdir().unwrap();
        let file = configuration(home.path());
        let config_file = ConfigFile::new(&file).unwrap();
        let latin1 = [FIRST.as_bytes(), b"# J\xfcrgen\n"].concat();
        fs::write(&file, &latin1).unwrap();
        let error = made().add(&config_file).unwrap_err();
        assert!(matches!(error, InitError::Config(ConfigError::NotText { .. })), "{error}");
        assert_eq!(fs::read(&file).unwrap(), latin1);
        // A password that others can read now: whoever put it there must decide.
        let exposed = format!("{FIRST}password = \"hunter2\"\n");
        fs::write(&file, &exposed).unwrap();
        let error = made().add(&config_file).unwrap_err();
        assert!(matches!(error, InitError::Config(ConfigError::PasswordExposed { .. })), "{error}");
        assert_eq!(fs::read_to_string(&file).unwrap(), exposed);
        assert_eq!(fs::read_dir(home.path()).unwrap().count(), 1, "no drafts are left");
    }

    #[test]
    fn nothing_is_added_through_a_symbolic_link() {
        let home = tempfile::tempdir().unwrap();
        let link = home.path().join("link.toml");
        std::os::unix::fs::symlink(configuration(home.path()), &link).unwrap();
        let config_file = ConfigFile::new(&link).unwrap();
        assert!(config_file.is_taken() && !config_file.can_grow());
        assert_eq!(config_file.names(), ["first"], "its accounts are known all the same");
        assert!(matches!(made().add(&config_file), Err(InitError::NotWritten { .. })));
        assert_eq!(fs::read_link(&link).unwrap(), home.path().join("config.toml"));
        assert_eq!(fs::read_to_string(home.path().join("config.toml")).unwrap(), FIRST);
        assert_eq!(fs::read_dir(home.path()).unwrap().count(), 2, "no drafts are left");
    }
}

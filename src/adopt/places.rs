//! Where other programs keep their settings and their lists, on this machine and for this user.
//!
//! Must never: run anything, or follow what a file says but to another file of the same program.

use super::tools::{MailForm, OldAccount, OldMail, Protection, Settings, Tool};
use super::tools::{accountrc, fdm, fetchmail, getmail, mpop, thunderbird};
use crate::disk::{self, Disk as _, Kind, OsDisk, parent};
use std::ffi::OsString;
use std::io;
use std::path::{Component, Path, PathBuf};

/// The largest file of settings that is read, in octets.
const SETTINGS_LIMIT: u64 = 8 << 20;

/// The largest list of UIDs that is read, in octets: a few million of them.
const STATE_LIMIT: u64 = 256 << 20;

/// The user whose files are looked at.
#[derive(Clone, Debug)]
pub struct Here {
    home: PathBuf,
    config_home: PathBuf,
    fetchmail_home: Option<PathBuf>,
    home_etc: Option<PathBuf>,
}

impl Here {
    /// Of this process; `None` when it has no home folder.
    pub fn of_process() -> Option<Here> {
        let variable =
            |name| std::env::var_os(name).filter(|value: &OsString| !value.is_empty()).map(PathBuf::from);
        let home = directories::BaseDirs::new()?.home_dir().to_path_buf();
        Some(Here {
            config_home: variable("XDG_CONFIG_HOME").unwrap_or_else(|| home.join(".config")),
            fetchmail_home: variable("FETCHMAILHOME"),
            home_etc: variable("HOME_ETC"),
            home,
        })
    }

    /// The user's home folder.
    pub fn home(&self) -> &Path {
        &self.home
    }

    /// The files of settings of this tool that are here.
    pub fn settings_of(&self, tool: Tool) -> Vec<PathBuf> {
        let home = &self.home;
        let candidates = match tool {
            Tool::Fetchmail => {
                let own = self.fetchmail_home.as_ref().map(|folder| folder.join("fetchmailrc"));
                let candidates = [home.join(".fetchmailrc"), PathBuf::from("/etc/fetchmailrc")];
                own.into_iter().chain(candidates).collect()
            }
            Tool::Getmail => return self.settings_of_getmail(),
            Tool::Mpop => vec![home.join(".mpoprc"), self.config_home.join("mpop/config")],
            Tool::Fdm => vec![home.join(".fdm.conf"), PathBuf::from("/etc/fdm.conf")],
            Tool::Thunderbird => return self.settings_of_thunderbird(),
            Tool::Claws => vec![home.join(".claws-mail/accountrc")],
            Tool::Sylpheed => vec![home.join(".sylpheed-2.0/accountrc"), home.join(".sylpheed/accountrc")],
        };
        candidates.into_iter().filter(|path| is_file(path)).collect()
    }

    fn getmail_folder(&self) -> PathBuf {
        let modern = self.config_home.join("getmail");
        if is_folder(&modern) { modern } else { self.home.join(".getmail") }
    }

    fn settings_of_getmail(&self) -> Vec<PathBuf> {
        let folder = self.getmail_folder();
        let usual = folder.join("getmailrc");
        if is_file(&usual) {
            return vec![usual];
        }
        let is_settings = |name: &OsString| {
            let name = name.to_string_lossy();
            let endings = ["~", "#", ".json", ".swp", ".bak"];
            !name.starts_with("oldmail-")
                && !name.starts_with('.')
                && !endings.iter().any(|end| name.ends_with(end))
        };
        let names = disk::names_in(&folder).unwrap_or_default();
        names
            .into_iter()
            .filter(is_settings)
            .map(|name| folder.join(name))
            .filter(|path| is_file(path))
            .collect()
    }

    fn settings_of_thunderbird(&self) -> Vec<PathBuf> {
        let roots = [
            ".thunderbird",
            ".var/app/org.mozilla.Thunderbird/.thunderbird",
            "snap/thunderbird/common/.thunderbird",
            ".icedove",
            "Library/Thunderbird",
        ];
        let mut found = Vec::new();
        for root in roots.map(|root| self.home.join(root)) {
            let Ok(octets) = disk::read_limited(&root.join("profiles.ini"), SETTINGS_LIMIT) else { continue };
            for profile in thunderbird::profiles(&octets) {
                let folder =
                    if profile.relative { root.join(&profile.path) } else { PathBuf::from(&profile.path) };
                found.push(folder.join("prefs.js"));
            }
        }
        found.retain(|path| is_file(path));
        found
    }

    /// Reads settings.
    pub fn read_settings(&self, tool: Tool, path: &Path) -> io::Result<Settings> {
        let octets = disk::read_limited(path, SETTINGS_LIMIT)?;
        let octets = secrecy::zeroize::Zeroizing::new(octets);
        let mut settings = match tool {
            Tool::Fetchmail => fetchmail::settings(&octets),
            Tool::Getmail => getmail::settings(&octets),
            Tool::Mpop => mpop::settings(&octets),
            Tool::Fdm => fdm::settings(&octets),
            Tool::Thunderbird => thunderbird::settings(&octets, &parent(path).to_string_lossy()),
            Tool::Claws | Tool::Sylpheed => accountrc::settings(&octets, tool),
        };
        if matches!(tool, Tool::Claws | Tool::Sylpheed) {
            // Where a single account has its mail; with several, no setting tells whose it is.
            if let [account] = &mut settings.accounts[..] {
                let path = self.home.join("Mail/inbox").to_string_lossy().into_owned();
                account.mail.push(OldMail { form: MailForm::Mh, path });
            }
        }
        Ok(settings)
    }

    /// Reads a list of seen UIDs.
    pub fn read_state(&self, tool: Tool, path: &Path) -> io::Result<super::tools::Seen> {
        let octets = disk::read_limited(path, STATE_LIMIT)?;
        Ok(match tool {
            Tool::Fetchmail => fetchmail::seen(&octets),
            Tool::Getmail => getmail::seen(&octets),
            Tool::Mpop => mpop::seen(&octets),
            Tool::Fdm => fdm::seen(&octets),
            Tool::Thunderbird => thunderbird::seen(&octets),
            Tool::Claws | Tool::Sylpheed => accountrc::seen(&octets),
        })
    }

    /// The file with the list of seen UIDs of an account whose settings are in this file, if it is there.
    pub fn state_of(&self, tool: Tool, settings: &Path, account: &OldAccount) -> Option<PathBuf> {
        let folder = parent(settings);
        let user = account.user.clone().unwrap_or_default();
        let host = &account.host;
        let mut candidates = Vec::new();
        match tool {
            Tool::Fetchmail => {
                candidates.extend(account.state.as_ref().map(|path| self.expand(path, folder)));
                let folders = [self.fetchmail_home.as_ref(), self.home_etc.as_ref(), Some(&self.home)];
                candidates.extend(folders.into_iter().flatten().map(|folder| folder.join(".fetchids")));
                if settings == Path::new("/etc/fetchmailrc") {
                    candidates.push(PathBuf::from("/var/lib/fetchmail/.fetchmail-UIDL-cache"));
                }
            }
            Tool::Getmail => {
                let usual = if account.protection == Protection::Implicit { 995 } else { 110 };
                let name = getmail::seen_name(host, account.port.unwrap_or(usual), &user);
                candidates.extend([folder.join(&name), self.getmail_folder().join(&name)]);
            }
            Tool::Mpop => {
                let pattern = account.state.clone().unwrap_or_else(|| "~/.mpop_uidls/%U_at_%H".to_owned());
                let path = pattern.replace("%U", &user).replace("%H", host);
                candidates.push(self.expand(&path, folder));
            }
            Tool::Fdm => {
                let path =
                    account.state.as_ref().map(|path| path.replace("%h", &self.home.to_string_lossy()));
                candidates.extend(path.map(|path| self.expand(&path, folder)));
            }
            Tool::Thunderbird => candidates.extend(account.state.as_ref().map(PathBuf::from)),
            Tool::Claws | Tool::Sylpheed => {
                let name = accountrc::seen_name(tool, host, &user);
                candidates.extend([folder.join("uidl").join(&name), folder.join(format!("uidl-{name}"))]);
            }
        }
        candidates.into_iter().find(|path| is_file(path))
    }

    /// A path as a tool writes it: `~` and `$HOME` are the home folder, and it counts from `base`.
    pub fn expand(&self, text: &str, base: &Path) -> PathBuf {
        let home = self.home.to_string_lossy();
        let text = match text.strip_prefix('~') {
            Some(rest) if rest.is_empty() || rest.starts_with('/') => format!("{home}{rest}"),
            _ => text.replace("${HOME}", &home).replace("$HOME", &home),
        };
        let mut path = PathBuf::new();
        for part in base.join(text).components() {
            if part != Component::CurDir {
                path.push(part);
            }
        }
        path
    }

    /// A path with `~` for the home folder.
    pub fn shorten(&self, path: &Path) -> String {
        match path.strip_prefix(&self.home) {
            Ok(below) if below.as_os_str().is_empty() => "~".to_owned(),
            Ok(below) => format!("~/{}", below.display()),
            Err(_) => path.display().to_string(),
        }
    }
}

/// What is at a path, as mail; `None` where there is nothing that could be mail.
pub fn mail_at(path: &Path, tool: Option<Tool>) -> Option<MailForm> {
    let meta = OsDisk.metadata(path).ok()?;
    match meta.kind {
        Kind::File => Some(MailForm::Mbox),
        Kind::Folder if is_folder(&path.join("cur")) || is_folder(&path.join("new")) => {
            Some(MailForm::Maildir)
        }
        Kind::Folder if matches!(tool, Some(Tool::Claws | Tool::Sylpheed)) => Some(MailForm::Mh),
        Kind::Folder if tool == Some(Tool::Thunderbird) => Some(MailForm::Folders),
        _ => None,
    }
}

fn is_file(path: &Path) -> bool {
    OsDisk.metadata(path).is_ok_and(|meta| meta.kind == Kind::File)
}

fn is_folder(path: &Path) -> bool {
    OsDisk.metadata(path).is_ok_and(|meta| meta.kind == Kind::Folder)
}

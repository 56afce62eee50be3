//! Where the mail is kept, what is deleted from the server, and where the password comes from
//! later.

use super::InitError;
use super::config_file::NewPassword;
use super::console::Console;
use super::interview::{Interview, full_path};
use crate::cli::Keeping;
use crate::config::{self, Account, Draft, DraftSecret, Format, Obtained};
use crate::disk::{Disk as _, OsDisk};
use secrecy::ExposeSecret as _;

impl Interview<'_> {
    /// The rest of the account.
    pub(super) fn keeping(&mut self) -> Result<(), InitError> {
        if let Some(console) = self.console {
            console.say("");
        }
        let options = self.options;
        let name = self.proposed_name();
        let taken = self.config_file.names();
        let given = options.account.as_deref();
        self.settle("account", given, "Account name", Some(&name), |draft, name| {
            if taken.iter().any(|taken| taken == name) {
                return Err(format!("there already is an account {name:?}; choose another name"));
            }
            name.clone_into(&mut draft.name);
            Ok(())
        })?;
        self.which_format()?;
        let archive = match self.draft.format {
            Format::Maildir => format!("~/Mail/{}", self.draft.name),
            Format::Mbox => format!("~/Mail/{}.mbox", self.draft.name),
        };
        self.settle(
            "archive",
            options.archive.as_deref(),
            "Store the mail in",
            Some(&archive),
            |draft, path| {
                draft.archive = full_path(path);
                Ok(())
            },
        )?;
        let question = "Delete from the server: never, fetched, or an age such as 30d";
        self.settle("delete", options.delete.as_deref(), question, Some("never"), |draft, word| {
            word.clone_into(&mut draft.delete);
            Ok(())
        })?;
        match self.console {
            Some(console) if self.draft.secret == DraftSecret::Ask && !options.ask_password => {
                self.password_later(console)
            }
            _ => Ok(()),
        }
    }

    fn which_format(&mut self) -> Result<(), InitError> {
        if let Some(format) = self.options.format {
            self.draft.format = match format {
                Keeping::Maildir => Format::Maildir,
                Keeping::Mbox => Format::Mbox,
            };
            return Ok(());
        }
        if let Some(console) = self.console {
            let words = ["maildir", "mbox"];
            self.draft.format = match console.choose("Format: maildir or mbox", &words, "maildir")? {
                "mbox" => Format::Mbox,
                _ => Format::Maildir,
            };
        }
        Ok(())
    }

    /// How the password is had at the next run.
    fn password_later(&mut self, console: Console) -> Result<(), InitError> {
        console.say("");
        console.say("Where should popkeep get the password in future?");
        let manager = Manager::installed();
        console.detail("1  from a command, such as a password manager (pass, secret-tool)");
        let now = if self.typed.is_some() { ", created now" } else { "" };
        console.detail(&format!("2  from a file that only you can read{now}"));
        console.detail("3  ask every time (will not work from cron)");
        let usual = if manager.is_some() { "1" } else { "2" };
        match console.choose("1, 2 or 3", &["1", "2", "3"], usual)? {
            "1" => self.take_from_command(console, manager),
            "2" => self.take_from_file(console),
            _ => Ok(()),
        }
    }

    /// Asks for the command, and runs it: it must print the password that has just worked.
    fn take_from_command(&mut self, console: Console, manager: Option<Manager>) -> Result<(), InitError> {
        let proposed = manager.map(|manager| manager.lookup(&self.draft.name));
        if let Some(manager) = manager {
            console.detail(&format!(
                "If it is not stored there yet, do that now in another window: {}",
                manager.store(&self.draft.name)
            ));
        }
        loop {
            self.settle("password-command", None, "Command", proposed.as_deref(), |draft, command| {
                draft.secret = DraftSecret::Command(command.to_owned());
                Ok(())
            })?;
            let Some(problem) = self.problem_with(&self.account(None)?) else { return Ok(()) };
            console.problem(&problem);
            let question = "Enter another command, save this one anyway, or go back: another, save or back";
            match console.choose(question, &["another", "save", "back"], "another")? {
                "save" => return Ok(()),
                "back" => {
                    self.draft.secret = DraftSecret::Ask;
                    return self.password_later(console);
                }
                _ => {}
            }
        }
    }

    /// What is wrong with where this account has its password from: it gives none, or another one than has
    /// just worked.
    fn problem_with(&self, account: &Account) -> Option<String> {
        match (config::obtain(&account.access), &self.typed) {
            (Ok(Obtained::Secret(found)), Some(typed)) if found.expose_secret() != typed.expose_secret() => {
                Some("That prints a different password from the one that just worked.".to_owned())
            }
            (Ok(_), _) => None,
            (Err(error), _) => Some(format!("{error}.")),
        }
    }

    /// Asks for the file, which must not be there yet if the password is to be written to it.
    fn take_from_file(&mut self, console: Console) -> Result<(), InitError> {
        let mut proposed = self.config_file.beside(&format!("{}.password", self.draft.name));
        loop {
            let set = |draft: &mut Draft, path: &str| {
                draft.secret = DraftSecret::File(full_path(path));
                Ok(())
            };
            self.settle("password-file", None, "File", Some(&proposed), set)?;
            let account = self.account(None)?;
            let config::SecretSource::File(path) = &account.access.secret else { return Ok(()) };
            if OsDisk.link_metadata(path).is_err() {
                let new = |password| NewPassword { path: path.clone(), password };
                self.new_password = self.typed.clone().map(new);
                return Ok(());
            }
            // It is there, and stays as it is.
            let Some(problem) = self.problem_with(&account) else { return Ok(()) };
            console.problem(&format!("{problem} Enter another file."));
            if let DraftSecret::File(path) = &self.draft.secret {
                proposed.clone_from(path);
            }
        }
    }
}

/// A password manager with a command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Manager {
    Pass,
    Gopass,
    SecretTool,
}

impl Manager {
    const ALL: [Manager; 3] = [Manager::Pass, Manager::Gopass, Manager::SecretTool];

    fn program(self) -> &'static str {
        match self {
            Manager::Pass => "pass",
            Manager::Gopass => "gopass",
            Manager::SecretTool => "secret-tool",
        }
    }

    /// The first that is installed.
    fn installed() -> Option<Manager> {
        let path = std::env::var_os("PATH")?;
        let folders: Vec<_> = std::env::split_paths(&path).collect();
        let is_there = |manager: &Manager| {
            folders.iter().any(|folder| OsDisk.metadata(&folder.join(manager.program())).is_ok())
        };
        Manager::ALL.into_iter().find(is_there)
    }

    /// The command that prints the password.
    fn lookup(self, account: &str) -> String {
        match self {
            Manager::Pass => format!("pass show mail/{account}"),
            Manager::Gopass => format!("gopass show -o mail/{account}"),
            Manager::SecretTool => format!("secret-tool lookup service popkeep account {account}"),
        }
    }

    /// The command that stores it.
    fn store(self, account: &str) -> String {
        match self {
            Manager::Pass => format!("pass insert mail/{account}"),
            Manager::Gopass => format!("gopass insert mail/{account}"),
            Manager::SecretTool => {
                format!("secret-tool store --label='popkeep {account}' service popkeep account {account}")
            }
        }
    }
}

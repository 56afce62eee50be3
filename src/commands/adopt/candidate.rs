//! The accounts that a command line is about, each as it would be taken over.

use super::error::AdoptError;
use crate::adopt::places::{Here, mail_at};
use crate::adopt::proposal::{OldPlace, Proposal, Wishes, propose};
use crate::adopt::survey::{self, Counts};
use crate::adopt::tools::{MailForm, OldAccount, OldPassword, Protection, SeenList, Tool};
use crate::cli;
use crate::commands::init::config_file::{ConfigFile, NewPassword};
use crate::commands::output;
use crate::config::{self, Account, Config, Draft, DraftSecret, Format, SecretSource};
use crate::disk::parent;
use crate::event::Observer;
use crate::progress::{Detail, Progress, Style, wording};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// An account on its way.
pub(super) struct Candidate {
    pub proposal: Proposal,
    /// As the configuration has it, or will.
    pub account: Account,
    /// The configuration has it already.
    pub configured: bool,
    /// What is to be added to the configuration.
    pub table: String,
    /// A password that gets a file of its own.
    pub new_password: Option<NewPassword>,
    pub counts: Counts,
    /// Why the server was not asked, or did not answer.
    pub unasked: Option<String>,
}

/// A setting that is not taken over.
pub(super) struct NotTaken {
    pub file: PathBuf,
    pub line: usize,
    pub what: String,
}

/// All that is needed to look at what is here.
pub(super) struct Around<'a> {
    pub here: &'a Here,
    pub config: &'a Config,
    pub config_file: &'a ConfigFile,
    pub options: &'a cli::Adopt,
}

impl Around<'_> {
    /// The accounts in a program's settings.
    pub(super) fn of_tool(&self, tool: Tool) -> Result<(Vec<Candidate>, Vec<NotTaken>), AdoptError> {
        let mut not_taken = Vec::new();
        let mut old: Vec<(Option<PathBuf>, OldAccount)> = Vec::new();
        for file in self.settings_of(tool) {
            let read = self.here.read_settings(tool, &file);
            let settings = read.map_err(|source| unreadable(self.here, &file, source))?;
            let told = settings.not_taken.into_iter();
            not_taken.extend(told.map(|told| NotTaken {
                file: file.clone(),
                line: told.line,
                what: told.what,
            }));
            old.extend(settings.accounts.into_iter().map(|account| (Some(file.clone()), account)));
        }
        if old.is_empty() {
            let lists = self.lists_alone(tool)?;
            old.extend(lists.into_iter().map(|account| (None, account)));
        }
        if old.is_empty() {
            return Err(AdoptError::Usage(format!(
                "no POP3 account of {} was found; name its settings with --settings FILE",
                tool.name()
            )));
        }
        let old = self.choose(old)?;
        let mut candidates: Vec<Candidate> = Vec::new();
        for (file, account) in &old {
            candidates.push(self.candidate(tool, file.as_deref(), account, &candidates)?);
        }
        Ok((candidates, not_taken))
    }

    /// An archive, for an account that is configured.
    pub(super) fn of_archive(&self) -> Result<Candidate, AdoptError> {
        let cli::Adopt { path: Some(path), account: Some(name), copy, .. } = self.options else {
            return Err(AdoptError::Usage(
                "adopt archive needs the archive's PATH and --account NAME".to_owned(),
            ));
        };
        let path = std::path::absolute(path).unwrap_or_else(|_| path.clone());
        let path = self.here.expand(&path.to_string_lossy(), Path::new("/"));
        let Some(form) = mail_at(&path, None) else {
            let shown = self.here.shorten(&path);
            return Err(AdoptError::Usage(format!("there is no Maildir and no mbox at {shown}")));
        };
        let known = self.config.accounts.iter().find(|account| account.name == *name);
        let mut proposal = Proposal::of_archive(OldPlace { form, path: path.clone() }, name, *copy);
        if let Some(account) = known {
            proposal.copies &= account.archive != path;
            return self.finish(proposal, account.clone(), true);
        }
        proposal.draft.archive = self.here.shorten(&path);
        proposal.draft.format = format_of(form);
        proposal.warnings.push(format!(
            "no account {name:?} is configured: make one with `popkeep init --account {name} --archive {}`, and its first \
             fetch takes the archive as it is",
            proposal.draft.archive
        ));
        let account = self.understood(&proposal.draft)?;
        self.finish(proposal, account, false)
    }

    fn settings_of(&self, tool: Tool) -> Vec<PathBuf> {
        if let Some(file) = &self.options.settings {
            return vec![std::path::absolute(file).unwrap_or_else(|_| file.clone())];
        }
        let mut found = self.here.settings_of(tool);
        // Of these the program reads the first one only.
        if !matches!(tool, Tool::Getmail | Tool::Thunderbird) {
            found.truncate(1);
        }
        found
    }

    /// Accounts of which nothing is known but their lists, where these say whose they are.
    fn lists_alone(&self, tool: Tool) -> Result<Vec<OldAccount>, AdoptError> {
        let Some(file) = &self.options.state else { return Ok(Vec::new()) };
        let read = self.here.read_state(tool, file);
        let seen = read.map_err(|source| unreadable(self.here, file, source))?;
        let account = |list: SeenList| {
            Some(OldAccount {
                host: list.host?,
                user: Some(list.user?),
                protection: Protection::Implicit,
                password: OldPassword::Unsaid,
                ..OldAccount::default()
            })
        };
        Ok(seen.lists.into_iter().filter_map(account).collect())
    }

    /// The accounts that are asked for.
    fn choose(
        &self,
        mut old: Vec<(Option<PathBuf>, OldAccount)>,
    ) -> Result<Vec<(Option<PathBuf>, OldAccount)>, AdoptError> {
        let Some(name) = &self.options.account else { return Ok(old) };
        if old.len() == 1 {
            return Ok(old);
        }
        let names: Vec<String> = old
            .iter()
            .map(|(_, account)| account.name.clone().unwrap_or_else(|| account.host.clone()))
            .collect();
        let is_it = |account: &OldAccount| {
            account.name.as_ref() == Some(name)
                || account.user.as_ref() == Some(name)
                || account.host == *name
        };
        old.retain(|(_, account)| is_it(account));
        if old.len() == 1 {
            return Ok(old);
        }
        Err(AdoptError::Usage(format!(
            "--account {name} does not tell which account to take; the settings have: {}",
            wording::printable(&names.join(", "))
        )))
    }

    fn candidate(
        &self,
        tool: Tool,
        settings: Option<&Path>,
        old: &OldAccount,
        others: &[Candidate],
    ) -> Result<Candidate, AdoptError> {
        let options = self.options;
        let known = |user: &str| {
            self.config.accounts.iter().find(|account| {
                account.access.host.eq_ignore_ascii_case(&old.host) && account.access.user == user
            })
        };
        let mut taken: Vec<String> =
            self.config.accounts.iter().map(|account| account.name.clone()).collect();
        taken.extend(others.iter().map(|other| other.account.name.clone()));
        let wishes = Wishes {
            state: options.state.clone(),
            archive: options.archive.clone(),
            name: options.account.clone(),
            copy: options.copy,
            take_password: options.take_password,
        };
        let mut proposal = propose(self.here, tool, settings, old, &wishes, &taken);
        if let (Some(path), None) = (&options.archive, &proposal.mail) {
            return Err(AdoptError::Usage(format!("there is no mail at {}", path.display())));
        }
        if let (Some(path), None) = (&options.state, &proposal.seen) {
            let source = self.here.read_state(tool, path).err();
            return Err(unreadable(self.here, path, source.unwrap_or_else(|| ErrorKind::Other.into())));
        }
        if let Some(account) = known(&proposal.draft.user) {
            if options.account.as_ref().is_some_and(|name| *name != account.name) {
                return Err(AdoptError::Usage(format!(
                    "{} at {} is configured as account {:?} already; use --account {}",
                    account.access.user, account.access.host, account.name, account.name
                )));
            }
            proposal.draft.name.clone_from(&account.name);
            proposal.copies &= proposal.mail.as_ref().is_some_and(|mail| mail.path != account.archive);
            return self.finish(proposal, account.clone(), true);
        }
        if taken.contains(&proposal.draft.name) {
            return Err(AdoptError::Usage(format!(
                "there already is an account {:?} for another mailbox; choose another name with --account",
                proposal.draft.name
            )));
        }
        let mut new_password = None;
        if options.take_password
            && let Some(password) = &proposal.password
        {
            let path = password_file(self.config_file, &proposal.draft.name);
            proposal.draft.secret = DraftSecret::File(self.here.shorten(&path));
            new_password = Some(NewPassword { path, password: password.clone() });
        }
        let account = self.understood(&proposal.draft)?;
        let candidate = self.finish(proposal, account, false)?;
        Ok(Candidate { new_password, ..candidate })
    }

    /// The account as the configuration will have it.
    fn understood(&self, draft: &Draft) -> Result<Account, AdoptError> {
        let text = self.config_file.text()?;
        let accounts =
            config::understand_here(self.config_file.path(), &format!("{text}\n{}", draft.table()))?;
        let found = accounts.into_iter().find(|account| account.name == draft.name);
        found.ok_or_else(|| AdoptError::Usage(format!("{:?} cannot be the name of an account", draft.name)))
    }

    fn finish(
        &self,
        proposal: Proposal,
        account: Account,
        configured: bool,
    ) -> Result<Candidate, AdoptError> {
        let (counts, labels, problem) = survey::here(&proposal);
        if let (Some(source), Some(mail)) = (problem, &proposal.mail) {
            return Err(unreadable(self.here, &mail.path, source));
        }
        let table = if configured { String::new() } else { proposal.draft.table() };
        let mut candidate =
            Candidate { proposal, account, configured, table, new_password: None, counts, unasked: None };
        let Some(account) = candidate.for_a_look() else {
            candidate.unasked =
                Some("its password is not known here, so that the server was not asked".to_owned());
            return Ok(candidate);
        };
        let (observer, trace) = watch(self.options.verbose, &account);
        match survey::there(&candidate.proposal, &labels, &account, trace, &observer) {
            Ok(asked) => {
                let Counts { in_list, archive, .. } = candidate.counts;
                candidate.counts = Counts { in_list, archive, ..asked };
            }
            Err(error) => candidate.unasked = Some(format!("the server was asked, but: {error}")),
        }
        Ok(candidate)
    }
}

impl Candidate {
    /// The account with the program's archive and a secret that takes no question and runs nothing from the program's
    /// files; `None` where there is none.
    fn for_a_look(&self) -> Option<Account> {
        let Proposal { tool, password, mail, .. } = &self.proposal;
        if !self.configured && tool.is_none() {
            return None;
        }
        let mut account = self.account.clone();
        match (&account.access.secret, password) {
            (_, Some(password)) if !self.configured => {
                account.access.secret = SecretSource::Literal(password.clone());
            }
            (SecretSource::Ask, _) => return None,
            (SecretSource::Command(_) | SecretSource::TokenCommand(_), _) if !self.configured => return None,
            _ => {}
        }
        if let Some(OldPlace { form: form @ (MailForm::Maildir | MailForm::Mbox), path }) = mail {
            (account.archive, account.format) = (path.clone(), format_of(*form));
        }
        Some(account)
    }
}

/// Where the password of an account goes.
pub(super) fn password_file(config_file: &ConfigFile, account: &str) -> PathBuf {
    parent(config_file.path()).join(format!("{account}.password"))
}

fn format_of(form: MailForm) -> Format {
    if form == MailForm::Mbox { Format::Mbox } else { Format::Maildir }
}

fn unreadable(here: &Here, path: &Path, source: std::io::Error) -> AdoptError {
    AdoptError::Unreadable { path: here.shorten(path), source }
}

/// What the look does is told only if that is asked for: its words are those of a fetch.
fn watch(verbose: u8, account: &Account) -> (Arc<dyn Observer>, bool) {
    if verbose > 0 {
        return output::watch(verbose, &[account]);
    }
    (Arc::new(Progress::new(Style::Nothing, Detail::Usual, std::iter::empty())), false)
}

//! What an account of another program would be in popkeep's configuration.
//!
//! Must never: put a password into the configuration, take over a command from a file that somebody else can change, or
//! delete what a person has not asked for: where the program deletes because nothing tells it not to, popkeep does not.

use super::places::{Here, mail_at};
use super::tools::{MailForm, OldAccount, OldDelete, OldMail, OldPassword, Protection, Said, SeenList, Tool};
use crate::config::{self, Draft, DraftSecret, Format, Tls, telling_label};
use crate::disk::{self, Disk as _, OsDisk, parent};
use crate::ledger::SeenElsewhere;
use crate::net::is_here;
use secrecy::SecretString;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

/// fetchmail cuts a UID at this number of octets, so that a longer one cannot be compared.
const CUT_BY_FETCHMAIL: usize = 128;

/// An account, as it would be taken over.
#[derive(Clone, Debug)]
pub struct Proposal {
    /// The program; `None` for an archive alone.
    pub tool: Option<Tool>,
    /// Its settings, if there are any.
    pub settings: Option<PathBuf>,
    /// The line in them; 0 without settings.
    pub line: usize,
    /// The account in popkeep's words.
    pub draft: Draft,
    /// What its owner should know, a sentence each.
    pub warnings: Vec<String>,
    /// The list of seen UIDs, and its file.
    pub seen: Option<(PathBuf, SeenList)>,
    /// The program's messages.
    pub mail: Option<OldPlace>,
    /// They are to be copied, and stay as they are.
    pub copies: bool,
    /// The password, if it is in the settings.
    pub password: Option<SecretString>,
}

/// Where the program has messages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OldPlace {
    /// How.
    pub form: MailForm,
    /// Where.
    pub path: PathBuf,
}

/// What is asked for.
#[derive(Clone, Debug, Default)]
pub struct Wishes {
    /// The file with the list, instead of the one that the settings lead to.
    pub state: Option<PathBuf>,
    /// Where the messages are, instead of where the settings say.
    pub archive: Option<PathBuf>,
    /// The account's name in popkeep's configuration.
    pub name: Option<String>,
    /// Copy messages into a new archive.
    pub copy: bool,
    /// Passwords in settings are copied into files of their own.
    pub take_password: bool,
}

/// Proposes an account. `taken`: names that the configuration has.
pub fn propose(
    here: &Here,
    tool: Tool,
    settings: Option<&Path>,
    old: &OldAccount,
    wishes: &Wishes,
    taken: &[String],
) -> Proposal {
    let mut warnings = Vec::new();
    let name = wishes.name.clone().unwrap_or_else(|| free_name(old, taken));
    let mut draft = Draft::new(&name);
    draft.host.clone_from(&old.host);
    draft.port = old.port.filter(|port| *port != usual_port(old.protection));
    draft.user = old.user.clone().unwrap_or_else(login_name);
    draft.auth = old.auth.map(str::to_owned);
    draft.max_size = old.max_size;
    draft.tls_fingerprint.clone_from(&old.fingerprint);
    let base = settings.map_or(here.home(), parent);
    draft.tls_ca_file = old.ca_file.as_ref().map(|path| here.shorten(&here.expand(path, base)));
    draft.tls = protection(old, tool, &mut warnings);
    if let Some(settings) = settings {
        let line = if old.line > 0 { format!(", line {}", old.line) } else { String::new() };
        draft.notes.push(format!("Taken over from {}: {}{line}.", tool.name(), here.shorten(settings)));
    }
    draft.delete = deletion(old, tool, &mut warnings, &mut draft.notes);
    let password = secret(here, tool, settings, old, wishes, &mut draft, &mut warnings);
    let mail = place(here, tool, base, old, wishes, &mut warnings);
    let in_place = mail.as_ref().is_some_and(|mail| matches!(mail.form, MailForm::Maildir | MailForm::Mbox));
    let copies = mail.is_some() && (wishes.copy || !in_place);
    match &mail {
        Some(mail) if !copies => {
            draft.archive = here.shorten(&mail.path);
            draft.format = if mail.form == MailForm::Mbox { Format::Mbox } else { Format::Maildir };
            if tool.keeps_folders() {
                warnings.push(format!(
                    "popkeep will store new mail in this file of {0}'s; do not fetch while {0} runs, or add --copy",
                    tool.name()
                ));
            }
        }
        _ => {
            let own = |name: &str| here.home().join("Mail").join(name);
            let is_its = mail.as_ref().is_some_and(|mail| mail.path == own(&name));
            draft.archive =
                here.shorten(&own(&if is_its { format!("{name}-popkeep") } else { name.clone() }));
        }
    }
    if mail.is_none() {
        warnings.push(format!(
            "where {} has put its messages is not known: name the Maildir or mbox with --archive, or all mail that the server \
             still has is fetched",
            tool.name()
        ));
    }
    if let (Tool::Thunderbird, Some(settings)) = (tool, settings)
        && OsDisk.link_metadata(&parent(settings).join("lock")).is_ok()
    {
        warnings.push("Thunderbird seems to be running; end it before you add --write".to_owned());
    }
    let seen = seen_list(here, tool, settings, old, wishes, &mut warnings);
    Proposal {
        tool: Some(tool),
        settings: settings.map(Path::to_path_buf),
        line: old.line,
        draft,
        warnings,
        seen,
        mail,
        copies,
        password,
    }
}

impl Proposal {
    /// An archive, for an account of this name.
    pub fn of_archive(place: OldPlace, name: &str, copies: bool) -> Proposal {
        Proposal {
            tool: None,
            settings: None,
            line: 0,
            draft: Draft::new(name),
            warnings: Vec::new(),
            seen: None,
            mail: Some(place),
            copies,
            password: None,
        }
    }

    /// From what is taken over, for people.
    pub fn program(&self) -> &'static str {
        self.tool.map_or("archive", Tool::name)
    }

    /// The messages that are not to be fetched, if what the program has seen is to be skipped.
    pub fn seen_elsewhere(&self) -> SeenElsewhere {
        let mut seen = SeenElsewhere::default();
        for uid in self.in_list() {
            let folded = self.tool.is_some_and(Tool::folds_slashes) && uid.contains(&b'-');
            seen.add(uid.to_vec(), folded);
        }
        seen
    }

    /// The UIDs in the program's list that say "not again".
    pub fn in_list(&self) -> impl Iterator<Item = &[u8]> {
        let uids = self.seen.iter().flat_map(|(_, list)| &list.uids);
        let cut = |uid: &[u8]| self.tool == Some(Tool::Fetchmail) && uid.len() >= CUT_BY_FETCHMAIL;
        uids.filter(|seen| seen.said == Said::Done)
            .map(|seen| seen.uid.as_slice())
            .filter(move |uid| !cut(uid))
    }
}

fn usual_port(protection: Protection) -> u16 {
    if protection == Protection::Implicit { 995 } else { 110 }
}

fn protection(old: &OldAccount, tool: Tool, warnings: &mut Vec<String>) -> Tls {
    match old.protection {
        Protection::Implicit => Tls::Implicit,
        Protection::StartTls => Tls::StartTls,
        Protection::None if is_here(&old.host) => Tls::None,
        Protection::None => {
            warnings.push(format!(
                "{} logs in to {} in clear text; popkeep will use STLS, or, if the server has no TLS at all, needs tls = \
                 \"none\" and allow_plaintext = true",
                tool.name(),
                old.host
            ));
            Tls::StartTls
        }
    }
}

fn deletion(old: &OldAccount, tool: Tool, warnings: &mut Vec<String>, notes: &mut Vec<String>) -> String {
    let program = tool.name();
    match old.delete {
        OldDelete::Never => "never".to_owned(),
        OldDelete::Fetched { unsaid: true } => {
            let text = format!(
                "{program} deletes from the server what it has fetched, unless it is told to keep it; popkeep will delete \
                 nothing until you say so with `delete`"
            );
            notes.push(text.clone());
            warnings.push(text);
            "never".to_owned()
        }
        OldDelete::Fetched { unsaid: false } => {
            warnings.push(format!(
                "{program} is set to delete from the server what it has fetched; popkeep will do so, too, once a message is \
                 archived"
            ));
            "fetched".to_owned()
        }
        OldDelete::After { days } => {
            warnings.push(format!(
                "{program} is set to delete messages from the server after {days} days; for popkeep the days count from when \
                 it archives a message"
            ));
            format!("{days}d")
        }
    }
}

/// Where the password comes from; the password itself, if it is in the settings.
fn secret(
    here: &Here,
    tool: Tool,
    settings: Option<&Path>,
    old: &OldAccount,
    wishes: &Wishes,
    draft: &mut Draft,
    warnings: &mut Vec<String>,
) -> Option<SecretString> {
    let program = tool.name();
    let from = settings.map(|path| here.shorten(path)).unwrap_or_default();
    match &old.password {
        OldPassword::Command(command) => match settings.map(may_name_commands) {
            Some(Ok(())) => draft.secret = DraftSecret::Command(command.clone()),
            Some(Err(why)) => {
                warnings
                    .push(format!("the command that prints the password is not taken over: {from} {why}"));
            }
            None => {}
        },
        OldPassword::File(file) => {
            let base = settings.map_or(here.home(), parent);
            draft.secret = DraftSecret::File(here.shorten(&here.expand(file, base)));
        }
        OldPassword::Literal(password) => {
            if !wishes.take_password {
                draft.notes.push(format!(
                    "Its password is in {from}; --take-password copies it into a file of its own."
                ));
            }
            return Some(password.clone());
        }
        OldPassword::Store(which) => {
            draft.notes.push(format!("{program} has the password in {which}; popkeep asks for it."));
        }
        OldPassword::Unsaid => {
            let netrc = here.home().join(".netrc");
            let found = super::tools::netrc::password(&read_private(&netrc), &draft.host, &draft.user);
            if found.is_some() {
                draft.notes.push(format!(
                    "{program} has the password from ~/.netrc, which popkeep does not read; --take-password puts it into a \
                     file of its own."
                ));
                return found;
            }
            draft.notes.push(format!("{program}'s settings do not have the password; popkeep asks for it."));
        }
    }
    None
}

/// What is in a file that only its owner can read; nothing if there is none, or others can.
fn read_private(path: &Path) -> secrecy::zeroize::Zeroizing<Vec<u8>> {
    let read = disk::read_private(path, 1 << 20).ok().flatten();
    secrecy::zeroize::Zeroizing::new(read.unwrap_or_default())
}

/// Whether nobody else can put a command into this file.
fn may_name_commands(settings: &Path) -> Result<(), String> {
    match disk::mode_and_owner(settings) {
        Ok((_, owner)) if owner != 0 && owner != disk::our_user() => {
            Err("belongs to another user".to_owned())
        }
        Ok((mode, _)) if mode & 0o022 != 0 => {
            Err(format!("can be written by others (mode {:04o})", mode & 0o7777))
        }
        Ok(_) => Ok(()),
        Err(error) => Err(format!("cannot be looked at ({error})")),
    }
}

fn place(
    here: &Here,
    tool: Tool,
    base: &Path,
    old: &OldAccount,
    wishes: &Wishes,
    warnings: &mut Vec<String>,
) -> Option<OldPlace> {
    if let Some(path) = &wishes.archive {
        let path = std::path::absolute(path).unwrap_or_else(|_| path.clone());
        let path = here.expand(&path.to_string_lossy(), base);
        let form = mail_at(&path, Some(tool));
        if form.is_none() {
            warnings.push(format!("there is no mail at {}", here.shorten(&path)));
        }
        return form.map(|form| OldPlace { form, path });
    }
    let mut places = old.mail.iter().map(|OldMail { form, path }| (*form, here.expand(path, base)));
    let (said, path) = places.next()?;
    for (_, other) in places {
        warnings.push(format!(
            "{} also delivers to {}: copy that mail with `popkeep adopt archive {} --account NAME --copy`",
            tool.name(),
            here.shorten(&other),
            here.shorten(&other)
        ));
    }
    match mail_at(&path, Some(tool)) {
        Some(form) => Some(OldPlace { form, path }),
        // Nothing was delivered yet.
        None if matches!(said, MailForm::Maildir | MailForm::Mbox) => Some(OldPlace { form: said, path }),
        None => None,
    }
}

fn seen_list(
    here: &Here,
    tool: Tool,
    settings: Option<&Path>,
    old: &OldAccount,
    wishes: &Wishes,
    warnings: &mut Vec<String>,
) -> Option<(PathBuf, SeenList)> {
    let found = wishes.state.clone().or_else(|| here.state_of(tool, settings.unwrap_or(Path::new("")), old));
    let Some(path) = found else {
        warnings
            .push(format!("the list of what {} has seen was not found; name it with --state", tool.name()));
        return None;
    };
    match here.read_state(tool, &path) {
        Ok(seen) => {
            for line in seen.not_taken.iter().take(3) {
                warnings.push(format!("{}:{}: {}", here.shorten(&path), line.line, line.what));
            }
            let user = old.user.clone().unwrap_or_else(login_name);
            let is_its = |list: &SeenList| {
                let host = list.host.as_deref().is_none_or(|host| host.eq_ignore_ascii_case(&old.host));
                host && list.user.as_deref().is_none_or(|name| name.eq_ignore_ascii_case(&user))
            };
            let list = seen.lists.into_iter().find(is_its);
            if list.is_none() {
                warnings.push(format!("{} has no list for {user} at {}", here.shorten(&path), old.host));
            }
            Some((path, list.unwrap_or_default()))
        }
        Err(error) => {
            warnings.push(format!("cannot read {}: {error}", here.shorten(&path)));
            None
        }
    }
}

fn login_name() -> String {
    ["LOGNAME", "USER"]
        .iter()
        .find_map(|name| std::env::var(name).ok())
        .filter(|name| !name.is_empty())
        .unwrap_or_else(|| "nobody".to_owned())
}

/// A name that the configuration does not have yet.
fn free_name(old: &OldAccount, taken: &[String]) -> String {
    let host = &old.host;
    let telling = match host.parse::<IpAddr>() {
        Ok(_) => old.user.as_deref().unwrap_or("mail"),
        Err(_) => telling_label(host),
    };
    let is_own = old.name.as_deref().is_some_and(|name| name != host);
    let proposed = if is_own { old.name.as_deref().unwrap_or(telling) } else { telling };
    let name: String = proposed
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() || "._@+-".contains(c) { c } else { '-' })
        .collect::<String>()
        .trim_matches(['-', '.'])
        .to_owned();
    let name = if name.is_empty() { "mail" } else { &name };
    config::free_name(name, taken)
}

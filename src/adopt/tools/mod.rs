//! What other fetchers and mail programs write: their settings, and their lists of messages they have seen.
//!
//! One file for each tool; each reads octets and gives facts. What a file says and popkeep cannot take over is told
//! with its line.
//!
//! Promises: nothing in these files is ever run, opened or expanded; a password stays in a [`SecretString`]; no text
//! makes a parser panic or take more memory than a few times the file's length.
//!
//! Must never: take an entry in a list of seen UIDs for a proof that a message is held.

pub mod accountrc;
pub mod fdm;
pub mod fetchmail;
pub mod getmail;
mod lines;
pub mod mpop;
pub mod netrc;
pub mod thunderbird;

use secrecy::SecretString;

/// A tool that popkeep can take over from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tool {
    /// fetchmail 6 and 7.
    Fetchmail,
    /// getmail 4 to 6.
    Getmail,
    /// mpop.
    Mpop,
    /// fdm.
    Fdm,
    /// Thunderbird and its kin.
    Thunderbird,
    /// Claws Mail.
    Claws,
    /// Sylpheed.
    Sylpheed,
}

impl Tool {
    /// All of them.
    pub const ALL: [Tool; 7] = [
        Tool::Fetchmail,
        Tool::Getmail,
        Tool::Mpop,
        Tool::Fdm,
        Tool::Thunderbird,
        Tool::Claws,
        Tool::Sylpheed,
    ];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Tool::Fetchmail => "fetchmail",
            Tool::Getmail => "getmail",
            Tool::Mpop => "mpop",
            Tool::Fdm => "fdm",
            Tool::Thunderbird => "Thunderbird",
            Tool::Claws => "Claws Mail",
            Tool::Sylpheed => "Sylpheed",
        }
    }

    /// Its name on the command line.
    pub fn word(self) -> &'static str {
        match self {
            Tool::Thunderbird => "thunderbird",
            Tool::Claws => "claws",
            Tool::Sylpheed => "sylpheed",
            Tool::Fetchmail | Tool::Getmail | Tool::Mpop | Tool::Fdm => self.name(),
        }
    }

    /// Whether it is a mail program, whose folders no other program should write to.
    pub fn keeps_folders(self) -> bool {
        matches!(self, Tool::Thunderbird | Tool::Claws | Tool::Sylpheed)
    }

    /// Whether it writes every `/` of a UID as `-`.
    pub fn folds_slashes(self) -> bool {
        self == Tool::Getmail
    }
}

/// What a file of settings says.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// The POP3 accounts in it.
    pub accounts: Vec<OldAccount>,
    /// What is in it and is not taken over.
    pub not_taken: Vec<NotTaken>,
}

/// A setting that is not taken over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotTaken {
    /// Its line, from 1.
    pub line: usize,
    /// What it is and why; never a value that may be a secret.
    pub what: String,
}

impl Settings {
    fn skip(&mut self, line: usize, what: impl Into<String>) {
        // A file of nothing but nonsense is not told line by line.
        if self.not_taken.len() < MOST_TOLD {
            self.not_taken.push(NotTaken { line, what: what.into() });
        }
    }
}

/// More of what is not taken over is not told.
const MOST_TOLD: usize = 200;

/// A POP3 account in a tool's settings. Paths are as the tool writes them.
#[derive(Clone, Debug, Default)]
pub struct OldAccount {
    /// The tool's name for it.
    pub name: Option<String>,
    /// The line it begins in, from 1; 0 where lines mean nothing.
    pub line: usize,
    /// The server.
    pub host: String,
    /// Its port, if it is not the usual one.
    pub port: Option<u16>,
    /// How the connection is protected.
    pub protection: Protection,
    /// A file of authorities to trust.
    pub ca_file: Option<String>,
    /// The SHA-256 fingerprint of the only certificate to trust.
    pub fingerprint: Option<String>,
    /// Who logs in; `None`: the login name of whoever runs it.
    pub user: Option<String>,
    /// The mechanism, in popkeep's words, if the tool insists on one.
    pub auth: Option<&'static str>,
    /// Where the password is.
    pub password: OldPassword,
    /// What is deleted from the server.
    pub delete: OldDelete,
    /// Larger messages are left, in octets.
    pub max_size: Option<u64>,
    /// Where its messages are.
    pub mail: Vec<OldMail>,
    /// Where its list of seen UIDs is, if the settings say so.
    pub state: Option<String>,
}

/// How a tool protects a connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Protection {
    /// TLS from the first octet.
    Implicit,
    /// STLS, or STLS if the server has it.
    StartTls,
    /// Nothing.
    #[default]
    None,
}

/// Where a tool has its password from.
#[derive(Clone, Debug, Default)]
pub enum OldPassword {
    /// A command prints it.
    Command(String),
    /// A file has it in its first line.
    File(String),
    /// It is in the settings.
    Literal(SecretString),
    /// It is in a store of the tool's own that popkeep cannot read: which.
    Store(&'static str),
    /// The settings do not say: `~/.netrc`, or a person.
    #[default]
    Unsaid,
}

/// What a tool deletes from the server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OldDelete {
    /// Nothing.
    #[default]
    Never,
    /// What it has fetched. `unsaid`: since nothing in its settings says otherwise.
    Fetched {
        /// It is the tool's default.
        unsaid: bool,
    },
    /// What it fetched so many days ago.
    After {
        /// How many, 1 or more.
        days: u32,
    },
}

/// Where a tool keeps messages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OldMail {
    /// How.
    pub form: MailForm,
    /// Where.
    pub path: String,
}

/// How messages are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MailForm {
    /// A folder with `new/` and `cur/`.
    Maildir,
    /// A single file.
    Mbox,
    /// A folder of numbered files, and folders like it below.
    Mh,
    /// A mail program's folder of mbox files, and folders like it below.
    Folders,
}

/// The UIDs that a tool has seen in one maildrop.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SeenList {
    /// The server as the tool's settings have it; `None` where the file does not say.
    pub host: Option<String>,
    /// The user likewise.
    pub user: Option<String>,
    /// The UIDs.
    pub uids: Vec<SeenUid>,
}

/// One of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeenUid {
    /// As the tool has it.
    pub uid: Vec<u8>,
    /// What the tool says of it.
    pub said: Said,
}

/// What a tool says of a message that it has seen. None of it says that the message is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Said {
    /// It is not to be fetched again.
    Done,
    /// It was not fetched, or not as a whole: it is to be fetched.
    NotWhole,
}

/// What a list of seen UIDs says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// For each maildrop.
    pub lists: Vec<SeenList>,
    /// Lines that mean nothing.
    pub not_taken: Vec<NotTaken>,
}

impl Seen {
    fn skip(&mut self, line: usize, what: &str) {
        if self.not_taken.len() < MOST_TOLD {
            self.not_taken.push(NotTaken { line, what: what.to_owned() });
        }
    }

    /// The list of this maildrop; made when there is none.
    fn list(&mut self, host: &str, user: &str) -> &mut SeenList {
        let number = self.list_number(host, user);
        &mut self.lists[number]
    }

    /// Where it is among the lists.
    fn list_number(&mut self, host: &str, user: &str) -> usize {
        let is_it =
            |list: &SeenList| list.host.as_deref() == Some(host) && list.user.as_deref() == Some(user);
        // As a rule it is the one before.
        self.lists.iter().rposition(is_it).unwrap_or_else(|| {
            let (host, user) = (Some(host.to_owned()), Some(user.to_owned()));
            self.lists.push(SeenList { host, user, uids: Vec::new() });
            self.lists.len() - 1
        })
    }
}

/// A number of octets with `k` or `m` behind it.
fn octets(text: &str) -> Option<u64> {
    let (digits, unit) = match text.strip_suffix(['k', 'K']) {
        Some(digits) => (digits, 1 << 10),
        None => text.strip_suffix(['m', 'M']).map_or((text, 1), |digits| (digits, 1 << 20)),
    };
    digits.trim().parse::<u64>().ok()?.checked_mul(unit)
}

/// A SHA-256 fingerprint as popkeep has it, if it is one.
fn sha_256(text: &str) -> Option<String> {
    let hex: String = text.chars().filter(|c| *c != ':').collect();
    (hex.len() == 64 && hex.bytes().all(|octet| octet.is_ascii_hexdigit())).then(|| hex.to_ascii_lowercase())
}

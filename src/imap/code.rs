//! Response codes (RFC 9051, section 7.1; RFC 4315; RFC 5530) and what a refusal means.

use super::capability::Capabilities;
use crate::exit::Exit;
use crate::refusal::{NotNow, Refusal as Meaning, Words};
use crate::text::safe::escape;
use std::fmt;
use std::ops::RangeInclusive;

/// The code at the beginning of a status response's text. A known one whose arguments cannot be understood is
/// [`Code::Other`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Code {
    /// `[TRYCREATE]`: the folder is not there, and can be made.
    TryCreate,
    /// `[NONEXISTENT]`: the folder is not there.
    Nonexistent,
    /// `[ALREADYEXISTS]`: it is there.
    AlreadyExists,
    /// `[OVERQUOTA]`: the mailbox is full.
    OverQuota,
    /// `[TOOBIG]`: the message is larger than the server takes (RFC 4469).
    TooBig,
    /// `[LIMIT]`: a limit of the server's.
    Limit,
    /// `[THROTTLED]`: too much at once, as Gmail and Exchange say.
    Throttled,
    /// `[INUSE]`: another session holds it.
    InUse,
    /// `[UNAVAILABLE]`: a problem that passes.
    Unavailable,
    /// `[SERVERBUG]`.
    ServerBug,
    /// `[CONTACTADMIN]`.
    ContactAdmin,
    /// `[CANNOT]`: not possible at all, such as a name that the server does not allow.
    Cannot,
    /// `[NOPERM]`: not allowed to this user.
    NoPerm,
    /// `[AUTHENTICATIONFAILED]`: the credentials are wrong.
    AuthenticationFailed,
    /// `[AUTHORIZATIONFAILED]`: they are right, and do not allow this.
    AuthorizationFailed,
    /// `[EXPIRED]`: they are too old.
    Expired,
    /// `[PRIVACYREQUIRED]`: not in clear text.
    PrivacyRequired,
    /// `[CAPABILITY …]`.
    Capability(Capabilities),
    /// `[UIDVALIDITY n]`.
    UidValidity(u32),
    /// `[UIDNEXT n]`.
    UidNext(u32),
    /// `[APPENDUID n set]` (RFC 4315).
    AppendUid {
        /// The folder's UIDVALIDITY.
        validity: u32,
        /// The new UIDs, in the order of the messages.
        uids: Vec<RangeInclusive<u32>>,
    },
    /// Any other, without its brackets.
    Other(Vec<u8>),
}

impl Code {
    /// Reads what stands between the brackets.
    pub(super) fn parse(inner: &[u8]) -> Code {
        let (name, rest) = match memchr::memchr(b' ', inner) {
            Some(at) => (&inner[..at], &inner[at + 1..]),
            None => (inner, &b""[..]),
        };
        let other = || Code::Other(inner.to_vec());
        match name.to_ascii_uppercase().as_slice() {
            b"TRYCREATE" => Code::TryCreate,
            b"NONEXISTENT" => Code::Nonexistent,
            b"ALREADYEXISTS" => Code::AlreadyExists,
            b"OVERQUOTA" => Code::OverQuota,
            b"TOOBIG" => Code::TooBig,
            b"LIMIT" => Code::Limit,
            b"THROTTLED" => Code::Throttled,
            b"INUSE" => Code::InUse,
            b"UNAVAILABLE" => Code::Unavailable,
            b"SERVERBUG" => Code::ServerBug,
            b"CONTACTADMIN" => Code::ContactAdmin,
            b"CANNOT" => Code::Cannot,
            b"NOPERM" => Code::NoPerm,
            b"AUTHENTICATIONFAILED" => Code::AuthenticationFailed,
            b"AUTHORIZATIONFAILED" => Code::AuthorizationFailed,
            b"EXPIRED" => Code::Expired,
            b"PRIVACYREQUIRED" => Code::PrivacyRequired,
            b"CAPABILITY" => Code::Capability(Capabilities::from_words(rest)),
            b"UIDVALIDITY" => nonzero(rest).map_or_else(other, Code::UidValidity),
            b"UIDNEXT" => nonzero(rest).map_or_else(other, Code::UidNext),
            b"APPENDUID" => append_uid(rest).unwrap_or_else(other),
            _ => other(),
        }
    }
}

fn append_uid(rest: &[u8]) -> Option<Code> {
    let at = memchr::memchr(b' ', rest)?;
    let validity = nonzero(&rest[..at])?;
    let uids = rest[at + 1..].split(|octet| *octet == b',').map(|part| {
        let (first, last) = match memchr::memchr(b':', part) {
            Some(at) => (nonzero(&part[..at])?, nonzero(&part[at + 1..])?),
            None => (nonzero(part)?, nonzero(part)?),
        };
        Some(first.min(last)..=first.max(last))
    });
    Some(Code::AppendUid { validity, uids: uids.collect::<Option<_>>()? })
}

/// A number of 32 bits in digits alone.
pub(super) fn number(digits: &[u8]) -> Option<u32> {
    u32::try_from(number64(digits)?).ok()
}

/// A number of 63 bits in digits alone.
pub(super) fn number64(digits: &[u8]) -> Option<u64> {
    let proper = !digits.is_empty() && digits.iter().all(u8::is_ascii_digit);
    let number: i64 = std::str::from_utf8(digits).ok().filter(|_| proper)?.parse().ok()?;
    u64::try_from(number).ok()
}

/// A number of 32 bits that is not 0.
pub(super) fn nonzero(digits: &[u8]) -> Option<u32> {
    number(digits).filter(|number| *number > 0)
}

/// A `NO`, `BAD` or `BYE`, as it came; `Display` escapes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The code, if the text begins with one.
    pub code: Option<Code>,
    /// The whole text, its code included.
    pub text: Vec<u8>,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&escape(&self.text))
    }
}

/// A text without what Dovecot puts behind each: `(0.001 + 0.000 secs).`, which sounds like a rate.
fn without_timing(text: &[u8]) -> &[u8] {
    let timing = |octet: &u8| octet.is_ascii_digit() || b" .+".contains(octet);
    let open = memchr::memrchr(b'(', text);
    match open.and_then(|at| text[at + 1..].strip_suffix(b" secs).")) {
        Some(inner) if inner.iter().all(timing) => &text[..open.unwrap_or_default()],
        _ => text,
    }
}

/// Why a message or a folder was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// The folder is not there.
    NoFolder,
    /// The mailbox is full.
    Full,
    /// This message is larger than the server takes.
    TooBig,
    /// Later it may work, with nothing changed.
    NotNow(NotNow),
    /// The login holds no more.
    LoginOver,
    /// This user may not do that, or nobody may.
    Forbidden,
    /// The server's operator has to do something.
    Broken,
    /// It did not say.
    Unclear,
}

impl Refusal {
    /// What a refusal of anything but a login means.
    pub fn cause(&self) -> Cause {
        let words = || Words::of(without_timing(&self.text));
        match &self.code {
            Some(Code::TryCreate | Code::Nonexistent) => Cause::NoFolder,
            Some(Code::OverQuota) => Cause::Full,
            Some(Code::TooBig) => Cause::TooBig,
            Some(Code::Limit | Code::Throttled) => Cause::NotNow(NotNow::Limit),
            Some(Code::InUse) => Cause::NotNow(NotNow::InUse),
            Some(Code::Unavailable) => Cause::NotNow(NotNow::Problem),
            Some(Code::ServerBug | Code::ContactAdmin) => Cause::Broken,
            Some(Code::Cannot | Code::NoPerm | Code::AlreadyExists | Code::PrivacyRequired) => {
                Cause::Forbidden
            }
            Some(Code::AuthenticationFailed | Code::AuthorizationFailed | Code::Expired) => Cause::LoginOver,
            _ if words().end_the_login() => Cause::LoginOver,
            _ if words().speak_of_a_full_mailbox() => Cause::Full,
            _ if words().speak_of_a_large_message() => Cause::TooBig,
            _ => match words().meaning() {
                Meaning::NotNow(why) => Cause::NotNow(why),
                _ if words().are_about_the_account() => Cause::NotNow(NotNow::Limit),
                _ => Cause::Unclear,
            },
        }
    }

    /// What the refusal of a login means.
    pub(super) fn of_a_login(&self) -> Meaning {
        let words = || Words::of(without_timing(&self.text));
        match &self.code {
            Some(Code::InUse) => Meaning::NotNow(NotNow::InUse),
            Some(Code::Limit | Code::Throttled) => Meaning::NotNow(NotNow::Limit),
            Some(Code::Unavailable) => Meaning::NotNow(NotNow::Problem),
            Some(Code::ServerBug | Code::ContactAdmin) => Meaning::Broken,
            Some(Code::PrivacyRequired) => Meaning::Mechanism,
            Some(Code::AuthenticationFailed) if words().speak_of_the_mechanism() => Meaning::Mechanism,
            Some(Code::AuthenticationFailed | Code::AuthorizationFailed | Code::Expired | Code::NoPerm) => {
                Meaning::Credentials
            }
            _ => words().meaning(),
        }
    }

    /// Whether it says "not now".
    pub fn is_transient(&self) -> bool {
        matches!(self.cause(), Cause::NotNow(_))
    }

    /// What a person can do.
    pub(super) fn advice(&self) -> &'static str {
        match self.cause() {
            Cause::NoFolder => "check the folder's name",
            Cause::Full => "make room in the mailbox, then run popkeep again",
            Cause::TooBig => "the server takes no message of this size",
            Cause::NotNow(NotNow::InUse) => {
                "another session holds the mailbox; close other mail programs, or try again later"
            }
            Cause::NotNow(NotNow::LoginDelay | NotNow::Limit) => {
                "the provider limits how much or how often; run popkeep again later"
            }
            Cause::NotNow(NotNow::Problem) => "the server has a temporary problem; run popkeep again later",
            Cause::LoginOver => "the login has expired; run popkeep again",
            Cause::Forbidden => "check what this user may do there",
            Cause::Broken => "only the server's operator can fix that; ask your provider",
            Cause::Unclear => "run popkeep with -vv to see the whole conversation",
        }
    }

    /// The exit code that it calls for.
    pub fn exit(&self) -> Exit {
        match self.cause() {
            Cause::NotNow(_) | Cause::LoginOver => Exit::TRY_LATER,
            Cause::NoFolder | Cause::Full | Cause::TooBig | Cause::Forbidden => Exit::CANT_CREATE,
            Cause::Broken | Cause::Unclear => Exit::PROTOCOL,
        }
    }
}

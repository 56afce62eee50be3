//! What a `-ERR` means: not now, not this password, not this mechanism, or something that needs a person.
//!
//! Response codes decide where a server sends one (RFC 2449, section 8; RFC 3206). Without one, the words
//! do (`crate::refusal`).
//!
//! Where a message or a listing was asked for, [`is_about_the_account`] is stricter: what it says yes to speaks
//! of the account, the day or the rate, and so of every message alike.

use super::reply::{Code, Reply};
use crate::refusal::Words;

pub use crate::refusal::{NotNow, Refusal};

impl Refusal {
    /// What `reply`, a `-ERR`, means.
    pub fn of(reply: &Reply) -> Refusal {
        let words = Words::of(reply.text());
        match reply.code() {
            Some(Code::InUse) => Refusal::NotNow(NotNow::InUse),
            Some(Code::LoginDelay) => Refusal::NotNow(NotNow::LoginDelay),
            Some(Code::SysTemp | Code::Sys) => Refusal::NotNow(NotNow::Problem),
            Some(Code::SysPerm) => Refusal::Broken,
            Some(Code::Auth) if words.speak_of_the_mechanism() => Refusal::Mechanism,
            Some(Code::Auth) => Refusal::Credentials,
            Some(Code::Utf8 | Code::Unknown) | None => words.meaning(),
        }
    }
}

/// Whether this refusal of a message or a listing speaks of the account, the day or the rate, and so would meet
/// any other message as well. A refusal that speaks of a size, of room or of the message itself does not.
pub fn is_about_the_account(reply: &Reply) -> bool {
    if reply.is_ok() {
        return false;
    }
    match reply.code() {
        Some(Code::InUse | Code::LoginDelay | Code::SysTemp | Code::Sys) => true,
        Some(Code::SysPerm | Code::Auth) => false,
        Some(Code::Utf8 | Code::Unknown) | None => Words::of(reply.text()).are_about_the_account(),
    }
}

/// Whether this refusal of a connection or a login says that there are as many sessions as the server wants at once: when one
/// of them has ended, another is let in.
pub fn speaks_of_sessions_at_once(reply: &Reply) -> bool {
    let words = Words::of(reply.text());
    let sessions = words.have(&["connection", "session"]);
    !reply.is_ok()
        && (words.have(&["concurren", "simultan"])
            || sessions && words.have(&["too many", "maximum", "limit"]))
}

/// Whether this refusal, after the login, says that the login holds no more: the access token has expired, say. It would
/// meet any other command as well, and a new login may help.
pub fn ends_the_login(reply: &Reply) -> bool {
    if reply.is_ok() {
        return false;
    }
    match reply.code() {
        Some(Code::Auth) => true,
        Some(Code::Utf8 | Code::Unknown) | None => Words::of(reply.text()).end_the_login(),
        Some(Code::InUse | Code::LoginDelay | Code::SysTemp | Code::Sys | Code::SysPerm) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn of(line: &str) -> Refusal {
        Refusal::of(&Reply::parse(line.as_bytes()).unwrap())
    }

    #[test]
    fn codes_decide_whatever_the_words_are() {
        for (line, refusal) in [
            ("-ERR [AUTH] please try again", Refusal::Credentials),
            ("-ERR [IN-USE] wrong password", Refusal::NotNow(NotNow::InUse)),
            ("-ERR [LOGIN-DELAY] no", Refusal::NotNow(NotNow::LoginDelay)),
            ("-ERR [SYS/TEMP] password", Refusal::NotNow(NotNow::Problem)),
            ("-ERR [SYS/TEMP/LDAP] password", Refusal::NotNow(NotNow::Problem)),
            ("-ERR [SYS/PERM] busy", Refusal::Broken),
            ("-ERR [SYS/PERM/DISK] busy", Refusal::Broken),
            ("-ERR [AUTH] Unsupported authentication mechanism.", Refusal::Mechanism),
            ("-ERR [X-ODD] maildrop locked", Refusal::NotNow(NotNow::InUse)),
        ] {
            assert_eq!(of(line), refusal, "{line}");
        }
    }

    #[test]
    fn the_end_of_a_login_is_told_from_what_is_wrong_with_a_message() {
        let ends = |line: &str| ends_the_login(&Reply::parse(line.as_bytes()).unwrap());
        for line in [
            "-ERR [AUTH] no",
            "-ERR Session expired, please login again",
            "-ERR AccessTokenExpired",
            "-ERR Not authenticated",
        ] {
            assert!(ends(line), "{line}");
        }
        for line in [
            "+OK the token has expired",
            "-ERR message expired",
            "-ERR [SYS/TEMP] session expired",
            "-ERR no such message",
            "-ERR user limit exceeded",
        ] {
            assert!(!ends(line), "{line}");
        }
    }

    #[test]
    fn words_of_servers_without_codes() {
        use Refusal::{Credentials, Form, Mechanism, NotNow as Later, Unclear};
        let (in_use, problem, limit) = (Later(NotNow::InUse), Later(NotNow::Problem), Later(NotNow::Limit));
        for (line, refusal) in [
            ("-ERR maildrop already locked", in_use),
            ("-ERR Unable to lock maildrop", in_use),
            ("-ERR Can't get lock.  Mailbox in use", in_use),
            ("-ERR locked", in_use),
            ("-ERR mailbox is busy", in_use),
            ("-ERR authentication failed: mailbox locked by another session", in_use),
            ("-ERR user jane is locked by another login", in_use),
            ("-ERR server busy", problem),
            ("-ERR please wait a minute", problem),
            ("-ERR try again", problem),
            ("-ERR Login failed, try again later", problem),
            ("-ERR Temporary authentication failure", problem),
            ("-ERR too many connections", limit),
            ("-ERR invalid password, please try again", Credentials),
            ("-ERR Authentication failed.", Credentials),
            ("-ERR Logon failure: unknown user name or bad password.", Credentials),
            ("-ERR account locked, ask the help desk", Credentials),
            ("-ERR your account is blocked", Credentials),
            ("-ERR Unsupported authentication mechanism.", Mechanism),
            ("-ERR Plaintext authentication disallowed on non-secure (SSL/TLS) connections.", Mechanism),
            ("-ERR Unknown command: AUTH", Mechanism),
            ("-ERR APOP not supported", Mechanism),
            ("-ERR Protocol error. 4", Form),
            ("-ERR syntax error", Form),
            ("-ERR too many arguments", Form),
            ("-ERR", Unclear),
            ("-ERR sorry", Unclear),
            ("-ERR blockade", Unclear),
        ] {
            assert_eq!(of(line), refusal, "{line}");
        }
    }

    #[test]
    fn a_limit_of_the_provider_is_no_wrong_password() {
        for line in [
            "-ERR Exceeded the login limit for a 15 minute period. Reduce the frequency of requests to the POP3 server.",
            "-ERR [SYS/TEMP] Account exceeded command or bandwidth limits.",
            "-ERR Account exceeded bandwidth limits",
            "-ERR Maximum number of connections reached for this user",
            "-ERR Too many failed login attempts, account locked for 30 minutes",
            "-ERR login rate exceeded",
            "-ERR slow down",
            "-ERR You have exceeded your daily quota",
            "-ERR please try again in 10 minutes",
            "-ERR You are only allowed to check mail every 5 minutes",
            "-ERR POP3 access is throttled",
            "-ERR Zu viele Anmeldungen, bitte später erneut versuchen",
            "-ERR Trop de connexions, réessayez plus tard",
            "-ERR Límite de conexiones: inténtelo más tarde",
            "-ERR Troppe connessioni",
            "-ERR 登录频率过高",
        ] {
            assert!(matches!(of(line), Refusal::NotNow(_)), "{line}: {:?}", of(line));
        }
        for line in [
            "-ERR login fail. Account is abnormal, service is not open, password is incorrect, login frequency \
             limited, or system is busy",
            "-ERR wrong password",
            "-ERR invalid user name or password; try again",
            "-ERR unlimited patience, wrong password",
        ] {
            assert_eq!(of(line), Refusal::Credentials, "{line}");
        }
    }

    #[test]
    fn what_meets_every_message_is_told_from_what_is_one_message_s_own() {
        let about = |line: &str| is_about_the_account(&Reply::parse(line.as_bytes()).unwrap());
        for line in [
            "-ERR [SYS/TEMP] no",
            "-ERR [LOGIN-DELAY] no",
            "-ERR daily download limit exceeded",
            "-ERR You have exceeded your bandwidth limit of 2500 MB",
            "-ERR Account exceeded command or bandwidth limits",
            "-ERR message limit exceeded",
            "-ERR too many messages retrieved",
            "-ERR retrieval quota used up, come back tomorrow",
            "-ERR try again later",
            "-ERR slow down",
            "-ERR temporarily unavailable",
            "-ERR Tageslimit überschritten",
        ] {
            assert!(about(line), "{line}");
        }
        for line in [
            "+OK too many",
            "-ERR no such message",
            "-ERR message too large, limit is 10 MB",
            "-ERR message exceeds the maximum size",
            "-ERR mailbox over quota",
            "-ERR mailbox exceeds its storage limit",
            "-ERR [SYS/PERM] limit exceeded",
            "-ERR cannot open message: I/O error",
            "-ERR message is locked",
            "-ERR too many arguments",
            "-ERR UIDL unavailable",
            "-ERR not supported",
            "-ERR",
        ] {
            assert!(!about(line), "{line}");
        }
    }

    proptest! {
        #[test]
        fn never_panics(text in proptest::collection::vec(any::<u8>(), 0..80)) {
            let line = [b"-ERR ", &text[..]].concat();
            let reply = Reply::parse(&line).unwrap();
            let _ = (Refusal::of(&reply), is_about_the_account(&reply));
        }
    }
}

//! What a `-ERR` means: not now, not this password, not this mechanism, or something that needs a person.
//!
//! Response codes decide where a server sends one (RFC 2449, section 8; RFC 3206). Without one, the words
//! do that servers are known to use. Must never: take a locked maildrop for a wrong password.

use super::reply::{Code, Reply};

/// What a refusal means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// It may work later, with nothing changed.
    NotNow(NotNow),
    /// The server is broken until a person there mends it (`[SYS/PERM]`).
    Broken,
    /// The user name or the password is wrong, or the account is shut.
    Credentials,
    /// The server does not know or not allow this way to log in.
    Mechanism,
    /// The server did not understand the command as it was written.
    Form,
    /// The server did not say what it means.
    Unclear,
}

/// Why not now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotNow {
    /// Another session holds the maildrop.
    InUse,
    /// The last login was too short a time ago.
    LoginDelay,
    /// The server is busy, or having a problem that passes.
    Problem,
}

impl NotNow {
    /// What a person can do.
    pub fn advice(self) -> &'static str {
        match self {
            NotNow::InUse => {
                "another session has the maildrop; leave other mail programs, or try later (`popkeep fetch \
                 --wait 2m` waits for it)"
            }
            NotNow::LoginDelay => "the server wants more time between two logins; run popkeep less often",
            NotNow::Problem => "the server has a problem that passes; try later",
        }
    }
}

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

/// A text in lower case, a single space before, between and after its words.
struct Words(String);

impl Words {
    fn of(text: &[u8]) -> Words {
        let mut words = String::from(" ");
        for octet in text {
            if octet.is_ascii_alphanumeric() {
                words.push(char::from(octet.to_ascii_lowercase()));
            } else if !words.ends_with(' ') && *octet != b'\'' {
                words.push(' ');
            }
        }
        words.push(' ');
        Words(words)
    }

    /// Whether one of these stands at the beginning of a word.
    fn have(&self, beginnings: &[&str]) -> bool {
        beginnings.iter().any(|beginning| self.0.contains(&format!(" {beginning}")))
    }

    fn speak_of_the_mechanism(&self) -> bool {
        self.have(&[
            "unsupported",
            "not supported",
            "unimplemented",
            "not implemented",
            "disallowed",
            "unrecognized",
            "unrecognised",
            "not recognized",
            "not recognised",
            "unknown command",
            "unknown mechanism",
            "unknown auth",
            "unknown sasl",
            "invalid command",
            "invalid mechanism",
            "invalid auth mech",
            "mechanism not",
            "mechanism unavailable",
            "no such mechanism",
            "mechanism is not",
            "bad command",
        ])
    }

    fn meaning(&self) -> Refusal {
        // "Account locked" stays so until somebody opens it again; "maildrop locked" does not.
        let mailbox = self.have(&["maildrop", "mail drop", "mailbox", "mail box", "mailspool", "spool"]);
        let held = self.have(&["lock", "in use", "busy", "already open", "another session"]);
        if mailbox && held {
            return Refusal::NotNow(NotNow::InUse);
        }
        if self.have(&["temporar", "try again later", "try later"]) {
            return Refusal::NotNow(NotNow::Problem);
        }
        if self.speak_of_the_mechanism() {
            return Refusal::Mechanism;
        }
        let shut = ["disabled", "suspended", "blocked", "expired", "unknown", "invalid"];
        if self.have(&["account"]) && (self.have(&["locked"]) || self.have(&shut))
            || self.have(&["user", "login"]) && self.have(&shut)
            || self.have(&[
                "password",
                "passwd",
                "credential",
                "bad auth",
                "authentication fail",
                "no such user",
            ])
        {
            return Refusal::Credentials;
        }
        if held && !self.have(&["busy"]) {
            return Refusal::NotNow(NotNow::InUse);
        }
        if self.have(&[
            "syntax",
            "argument",
            "parameter",
            "protocol error",
            "not valid",
            "malformed",
            "too long",
        ]) {
            return Refusal::Form;
        }
        if self.have(&[
            "busy",
            "wait",
            "try again",
            "later",
            "too many",
            "overload",
            "unavailable",
            "maintenance",
        ]) {
            return Refusal::NotNow(NotNow::Problem);
        }
        Refusal::Unclear
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
    fn words_of_servers_without_codes() {
        use Refusal::{Credentials, Form, Mechanism, NotNow as Later, Unclear};
        let (in_use, problem) = (Later(NotNow::InUse), Later(NotNow::Problem));
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
            ("-ERR too many connections", problem),
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

    proptest! {
        #[test]
        fn never_panics(text in proptest::collection::vec(any::<u8>(), 0..80)) {
            let line = [b"-ERR ", &text[..]].concat();
            let _ = Refusal::of(&Reply::parse(&line).unwrap());
        }
    }
}

//! What a `-ERR` means: not now, not this password, not this mechanism, or something that needs a person.
//!
//! Response codes decide where a server sends one (RFC 2449, section 8; RFC 3206). Without one, the words
//! do that servers are known to use. Must never: take a locked maildrop or a provider's limit for a wrong
//! password.
//!
//! Where a message or a listing was asked for, [`is_about_the_account`] is stricter: what it says yes to speaks
//! of the account, the day or the rate, and so of every message alike.

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
    /// The account has used up what the provider allows it in a day, an hour or at once.
    Limit,
    /// The server is busy, or having a problem that passes.
    Problem,
}

impl NotNow {
    /// What a person can do.
    pub fn advice(self) -> &'static str {
        match self {
            NotNow::InUse => {
                "another session has locked the mailbox; close other mail programs, or try again later (`popkeep fetch \
                 --wait 2m` waits for it)"
            }
            NotNow::LoginDelay => "the server wants more time between logins; run popkeep less often",
            NotNow::Limit => {
                "the provider limits how much or how often; what has arrived is kept, and a later run continues; \
                 if this happens often, run popkeep less often"
            }
            NotNow::Problem => "the server has a temporary problem; try again later",
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

/// Whether this refusal of a message or a listing speaks of the account, the day or the rate, and so would meet
/// any other message as well. A refusal that speaks of a size, of room or of the message itself does not.
pub fn is_about_the_account(reply: &Reply) -> bool {
    if reply.is_ok() {
        return false;
    }
    match reply.code() {
        Some(Code::InUse | Code::LoginDelay | Code::SysTemp | Code::Sys) => true,
        Some(Code::SysPerm | Code::Auth) => false,
        Some(Code::Utf8 | Code::Unknown) | None => {
            let words = Words::of(reply.text());
            let limited = words.speak_of_a_limit() && !words.speak_of_the_form();
            words.speak_of_a_rate() || limited && (words.name_the_account() || !words.speak_of_size())
        }
    }
}

/// Whether this refusal, after the login, says that the login holds no more: the access token has expired, say. It would
/// meet any other command as well, and a new login may help.
pub fn ends_the_login(reply: &Reply) -> bool {
    if reply.is_ok() {
        return false;
    }
    match reply.code() {
        Some(Code::Auth) => true,
        Some(Code::Utf8 | Code::Unknown) | None => {
            let words = Words::of(reply.text());
            let over = words.have(&["expire", "timed out", "no longer valid"]);
            over && words.have(&["session", "token", "login", "log in", "authenticat", "credential"])
                || words.have(&["not logged in", "not authenticated", "accesstokenexpired"])
        }
        Some(Code::InUse | Code::LoginDelay | Code::SysTemp | Code::Sys | Code::SysPerm) => false,
    }
}

/// A refusal's text, as what it means is looked for in it.
struct Words {
    /// In lower case, a single space before, between and after its words; what is no ASCII ends a word.
    plain: String,
    /// In lower case and without accents, whatever its script.
    folded: String,
}

/// How other languages than English speak of a rate, a limit or "later", without accents.
const ELSEWHERE: [&str; 53] = [
    // German, Dutch, the Nordic languages
    "zu viele ",
    "zu oft",
    "zu hauf",
    "zu haeuf",
    "spater",
    "spaeter",
    "voruberg",
    "vorueberg",
    "uberschritten",
    "ueberschritten",
    "zeitweilig",
    "te veel ",
    "te vaak",
    "opnieuw",
    "overschreden",
    "for manga ",
    "for mange ",
    "senare",
    "senere", // French, Spanish, Portuguese, Italian
    "trop de ",
    "trop souvent",
    "trop freq",
    "plus tard",
    "reessay",
    "depass",
    "demasiad",
    "intente",
    "mas tarde",
    "excedid",
    "tente novamente",
    "mais tarde",
    "muitas ",
    "muitos ",
    "troppe ",
    "troppi ",
    "riprov",
    "piu tardi",
    "superat", // Polish, Turkish, Russian
    "zbyt wiele",
    "zbyt cz",
    "pozniej",
    "przekrocz",
    "cok fazla",
    "daha sonra",
    "слишком",
    "позже",
    "превыш",
    "лимит",
    // Chinese, Japanese, Korean
    "频",
    "頻",
    "稍后",
    "稍後",
    "超",
];

impl Words {
    fn of(text: &[u8]) -> Words {
        let mut plain = String::from(" ");
        for octet in text {
            if octet.is_ascii_alphanumeric() {
                plain.push(char::from(octet.to_ascii_lowercase()));
            } else if !plain.ends_with(' ') && *octet != b'\'' {
                plain.push(' ');
            }
        }
        plain.push(' ');
        let folded = String::from_utf8_lossy(text).to_lowercase().chars().map(without_accent).collect();
        Words { plain, folded }
    }

    /// Whether one of these stands at the beginning of a word.
    fn have(&self, beginnings: &[&str]) -> bool {
        beginnings.iter().any(|beginning| self.plain.contains(&format!(" {beginning}")))
    }

    /// Words that only something passing is told with: a rate, a share of the day, "later".
    fn speak_of_a_rate(&self) -> bool {
        let of_time =
            ["later", "today", "tomorrow", "daily", "hourly", "per day", "per hour", "per minute", "24h"];
        let of_rate =
            ["bandwidth", "traffic", "throttl", "rate limit", "ratelimit", "rate exceed", "frequen"];
        let of_haste =
            ["too often", "too fast", "too quick", "too soon", "too frequent", "slow down", "slowdown"];
        let of_others =
            ["temporar", "try again", "retry", "come back", "concurren", "simultaneous", "overload"];
        [&of_time[..], &of_rate, &of_haste, &of_others].iter().any(|words| self.have(words))
            || self.name_a_span()
            || ELSEWHERE.iter().any(|word| self.folded.contains(word))
    }

    /// "For a 15 minute period", "in 30 seconds".
    fn name_a_span(&self) -> bool {
        let mut number = false;
        self.plain.split(' ').any(|word| {
            let unit = ["sec", "min", "hour", "day", "hr"].iter().any(|unit| word.starts_with(unit));
            let span = number && unit;
            number = !word.is_empty() && word.bytes().all(|octet| octet.is_ascii_digit());
            span
        })
    }

    fn speak_of_a_limit(&self) -> bool {
        self.have(&["exceed", "limit", "too many", "quota", "maximum"])
    }

    /// Who or what is limited, where that is not one message.
    fn name_the_account(&self) -> bool {
        let whose = ["account", "login", "logon", "log in", "user", "session", "connection", "client"];
        let what =
            ["request", "command", "download", "transfer", "attempt", "usage", "access", "retriev", "pop"];
        self.have(&["too many"]) || self.have(&whose) || self.have(&what)
    }

    /// Words of one message's size, or of the room that a mailbox takes.
    fn speak_of_size(&self) -> bool {
        let size = ["size", "large", "too big", "octet", "byte", "kb", "mb", "too long", "line"];
        let room = ["disk", "storage", "space", "over quota", "overquota", "full", "mailbox"];
        self.have(&size) || self.have(&room)
    }

    fn speak_of_the_form(&self) -> bool {
        self.have(&[
            "syntax",
            "argument",
            "parameter",
            "protocol error",
            "not valid",
            "malformed",
            "too long",
        ])
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
        // Some say with every refusal what else it might be: "password is incorrect, or logins are limited".
        let wrong = self.have(&["incorrect", "wrong", "invalid", "bad", "unknown", "not correct"])
            && self.have(&["password", "passwd", "credential", "user"]);
        let limited = self.speak_of_a_limit() && !self.speak_of_the_form();
        if limited && (!wrong || self.have(&["too many", "exceed"])) {
            return Refusal::NotNow(NotNow::Limit);
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
        if self.speak_of_the_form() {
            return Refusal::Form;
        }
        if self.have(&["busy", "wait", "try again", "later", "overload", "unavailable", "maintenance"]) {
            return Refusal::NotNow(NotNow::Problem);
        }
        if self.speak_of_a_rate() {
            return Refusal::NotNow(NotNow::Limit);
        }
        Refusal::Unclear
    }
}

/// A letter of Latin script without its accent.
fn without_accent(letter: char) -> char {
    match letter {
        'à'..='å' | 'ą' => 'a',
        'ç' | 'ć' | 'č' => 'c',
        'è'..='ë' | 'ę' => 'e',
        'ì'..='ï' | 'ı' => 'i',
        'ñ' | 'ń' => 'n',
        'ò'..='ö' | 'ø' | 'ő' => 'o',
        'ù'..='ü' | 'ű' => 'u',
        'ś' | 'ş' => 's',
        'ź' | 'ż' => 'z',
        other => other,
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

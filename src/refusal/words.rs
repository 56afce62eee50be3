//! The words with which servers refuse.
//!
//! Promise: pure; any octets have a meaning, if only that they are unclear.

use super::{NotNow, Refusal};

/// A refusal's text, as what it means is looked for in it.
pub(crate) struct Words {
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
    /// Reads a refusal's text, which may be any octets.
    pub(crate) fn of(text: &[u8]) -> Words {
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
    pub(crate) fn have(&self, beginnings: &[&str]) -> bool {
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

    /// Words of a mailbox in which there is no more room.
    pub(crate) fn speak_of_a_full_mailbox(&self) -> bool {
        let over = ["quota", "disk", "storage", "space", "mailbox", "mail box"];
        let full = ["exceed", "full", "no space", "not enough", "over quota", "overquota"];
        self.have(&["over quota", "overquota"])
            || self.have(&over) && self.have(&full) && !self.speak_of_a_rate()
    }

    /// Words of a message that is too large.
    pub(crate) fn speak_of_a_large_message(&self) -> bool {
        self.have(&["too large", "too big", "size limit", "maximum size", "message size", "size exceed"])
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

    /// Words about the way to log in.
    pub(crate) fn speak_of_the_mechanism(&self) -> bool {
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

    /// Whether they speak of the account, the day or the rate, and so of every message alike: not of a size, of room
    /// or of one message.
    pub(crate) fn are_about_the_account(&self) -> bool {
        let limited = self.speak_of_a_limit() && !self.speak_of_the_form();
        self.speak_of_a_rate() || limited && (self.name_the_account() || !self.speak_of_size())
    }

    /// Whether they say that the login holds no more: the access token has expired, say.
    pub(crate) fn end_the_login(&self) -> bool {
        let over = self.have(&["expire", "timed out", "no longer valid"]);
        over && self.have(&["session", "token", "login", "log in", "authenticat", "credential"])
            || self.have(&["not logged in", "not authenticated", "accesstokenexpired"])
    }

    /// What they mean.
    pub(crate) fn meaning(&self) -> Refusal {
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

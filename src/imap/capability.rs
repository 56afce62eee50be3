//! Capabilities: what a server says that it can do (RFC 9051, section 7.2.2).
//!
//! Promises: unknown ones do no harm; memory is bounded by that of one response.

/// What the server offers in this state of the connection. Capabilities differ before TLS, after it and after login.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Capabilities {
    words: Vec<String>,
}

/// How literals may be sent without waiting for the server (RFC 7888).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LiteralPlus {
    /// Whatever their length (LITERAL+).
    Always,
    /// Up to 4096 octets (LITERAL-, and IMAP4rev2).
    UpTo4096,
    /// Not at all.
    Never,
}

impl LiteralPlus {
    /// Whether a literal of this length may be sent without waiting.
    pub fn allows(self, octets: u64) -> bool {
        match self {
            LiteralPlus::Always => true,
            LiteralPlus::UpTo4096 => octets <= 4096,
            LiteralPlus::Never => false,
        }
    }
}

/// What matters for appending.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Abilities {
    /// Several messages in one APPEND, all or none (RFC 3502).
    pub multiappend: bool,
    /// Literals without waiting.
    pub literal_plus: LiteralPlus,
    /// NUL may be sent, as literal8 (RFC 3516, RFC 4466).
    pub binary: bool,
    /// APPEND is answered with the new UIDs (RFC 4315).
    pub uidplus: bool,
    /// The most octets that a message may have (RFC 7889), if the server says so.
    pub append_limit: Option<u64>,
}

impl Capabilities {
    /// From the words of a CAPABILITY response or code.
    pub(super) fn from_words(words: &[u8]) -> Self {
        let words = String::from_utf8_lossy(words);
        Capabilities { words: words.split_ascii_whitespace().map(str::to_ascii_uppercase).collect() }
    }

    /// The words, in upper case.
    pub fn words(&self) -> impl Iterator<Item = &str> {
        self.words.iter().map(String::as_str)
    }

    /// Whether the server offers this, which is in upper case.
    pub fn has(&self, name: &str) -> bool {
        self.words().any(|word| word == name)
    }

    /// Nothing but IMAP4rev2, which includes some of what others list: names of folders are UTF-8 then.
    pub fn is_rev2_only(&self) -> bool {
        self.has("IMAP4REV2") && !self.has("IMAP4REV1")
    }

    /// The SASL mechanisms.
    pub fn sasl(&self) -> impl Iterator<Item = &str> {
        self.words().filter_map(|word| word.strip_prefix("AUTH="))
    }

    /// AUTHENTICATE takes an initial response (RFC 4959).
    pub fn sasl_ir(&self) -> bool {
        self.has("SASL-IR") || self.is_rev2_only()
    }

    /// What matters for appending.
    pub fn abilities(&self) -> Abilities {
        let rev2 = self.is_rev2_only();
        let limit = self.words().find_map(|word| word.strip_prefix("APPENDLIMIT=")?.parse().ok());
        Abilities {
            multiappend: self.has("MULTIAPPEND"),
            literal_plus: if self.has("LITERAL+") {
                LiteralPlus::Always
            } else if self.has("LITERAL-") || rev2 {
                LiteralPlus::UpTo4096
            } else {
                LiteralPlus::Never
            },
            binary: self.has("BINARY") || rev2,
            uidplus: self.has("UIDPLUS") || rev2,
            append_limit: limit,
        }
    }
}

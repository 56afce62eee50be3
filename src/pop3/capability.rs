//! Capabilities: what CAPA says (RFC 2449).
//!
//! Promises: unknown lines are kept and do no harm; odd spacing is forgiven, `EXPIRENEVER`
//! too; memory is bounded whatever the server sends.

use std::time::Duration;

/// Lines kept of one answer.
pub const MAX_LINES: usize = 256;

/// What the server offers in this state of the session. Capabilities differ before TLS, after
/// it and after login.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Capabilities {
    offered: bool,
    lines: Vec<Vec<u8>>,
}

/// How long the server keeps messages (RFC 2449, section 6.7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expire {
    /// For good.
    Never,
    /// At least so many days. 0: QUIT itself may delete what was RETRed.
    Days(u32),
}

impl Capabilities {
    /// Those of a server that refused CAPA, or was not asked.
    pub fn refused() -> Self {
        Capabilities::default()
    }

    /// Those of a server that answered, as yet without a line.
    pub fn answered() -> Self {
        Capabilities { offered: true, lines: Vec::new() }
    }

    /// Adds a line of the answer; lines past [`MAX_LINES`] are dropped.
    pub fn push(&mut self, line: &[u8]) {
        let line = line.trim_ascii();
        if !line.is_empty() && self.lines.len() < MAX_LINES {
            self.lines.push(line.to_vec());
        }
    }

    /// Whether the server answered CAPA at all.
    pub fn offered(&self) -> bool {
        self.offered
    }

    /// The lines as they came, blanks at both ends removed.
    pub fn lines(&self) -> impl Iterator<Item = &[u8]> {
        self.lines.iter().map(Vec::as_slice)
    }

    /// Whether a line's first word is `name`, in any case.
    pub fn has(&self, name: &str) -> bool {
        self.arguments(name).is_some()
    }

    /// TOP may be used.
    pub fn top(&self) -> bool {
        self.has("TOP")
    }

    /// UIDL may be used.
    pub fn uidl(&self) -> bool {
        self.has("UIDL")
    }

    /// USER and PASS may be used.
    pub fn user(&self) -> bool {
        self.has("USER")
    }

    /// STLS may be used (RFC 2595).
    pub fn stls(&self) -> bool {
        self.has("STLS")
    }

    /// Commands may be sent ahead of replies.
    pub fn pipelining(&self) -> bool {
        self.has("PIPELINING")
    }

    /// The SASL mechanisms, as the server writes them. Several SASL lines count as one.
    pub fn sasl(&self) -> impl Iterator<Item = &str> {
        self.lines
            .iter()
            .filter_map(|line| rest_after(line, "SASL"))
            .flat_map(words)
            .filter_map(|word| std::str::from_utf8(word).ok())
    }

    /// Whether the SASL mechanism `name` is offered, in any case.
    pub fn offers_sasl(&self, name: &str) -> bool {
        self.sasl().any(|mechanism| mechanism.eq_ignore_ascii_case(name))
    }

    /// EXPIRE; `None` when it is absent or cannot be understood.
    pub fn expire(&self) -> Option<Expire> {
        let glued = self.lines.iter().any(|line| line.eq_ignore_ascii_case(b"EXPIRENEVER"));
        if glued {
            return Some(Expire::Never);
        }
        let first = words(self.arguments("EXPIRE")?).next()?;
        if first.eq_ignore_ascii_case(b"NEVER") {
            return Some(Expire::Never);
        }
        number(first).map(Expire::Days)
    }

    /// LOGIN-DELAY: the least time between two logins (RFC 2449, section 6.5).
    pub fn login_delay(&self) -> Option<Duration> {
        let first = words(self.arguments("LOGIN-DELAY")?).next()?;
        number(first).map(|seconds| Duration::from_secs(u64::from(seconds)))
    }

    /// UTF8 is offered (RFC 6856).
    pub fn utf8(&self) -> bool {
        self.has("UTF8")
    }

    /// User names and passwords may be UTF-8 (`UTF8 USER`, RFC 6856, section 2.1).
    pub fn utf8_user(&self) -> bool {
        self.arguments("UTF8").is_some_and(|rest| words(rest).any(|word| word.eq_ignore_ascii_case(b"USER")))
    }

    /// What the server calls itself.
    pub fn implementation(&self) -> Option<&[u8]> {
        self.arguments("IMPLEMENTATION").filter(|text| !text.is_empty())
    }

    fn arguments(&self, name: &str) -> Option<&[u8]> {
        self.lines.iter().find_map(|line| rest_after(line, name))
    }
}

/// What follows the word `name` in `line`.
fn rest_after<'a>(line: &'a [u8], name: &str) -> Option<&'a [u8]> {
    let (head, rest) = line.split_at_checked(name.len())?;
    let whole_word = rest.first().is_none_or(u8::is_ascii_whitespace);
    (head.eq_ignore_ascii_case(name.as_bytes()) && whole_word).then(|| rest.trim_ascii())
}

fn words(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty())
}

fn number(word: &[u8]) -> Option<u32> {
    std::str::from_utf8(word).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn capabilities(text: &str) -> Capabilities {
        let mut capabilities = Capabilities::answered();
        for line in text.lines() {
            capabilities.push(line.as_bytes());
        }
        capabilities
    }

    #[test]
    fn the_example_of_rfc_2449() {
        let found = capabilities(
            "TOP\nUSER\nSASL CRAM-MD5 KERBEROS_V4\nRESP-CODES\nLOGIN-DELAY 900\nPIPELINING\nEXPIRE 60\nUIDL\n\
             IMPLEMENTATION Shlemazle-Plotz-v302\n",
        );
        assert!(found.offered() && found.top() && found.user() && found.uidl() && found.pipelining());
        assert!(!found.stls() && !found.utf8());
        assert_eq!(found.sasl().collect::<Vec<_>>(), ["CRAM-MD5", "KERBEROS_V4"]);
        assert!(found.offers_sasl("cram-md5") && !found.offers_sasl("PLAIN"));
        assert_eq!(found.login_delay(), Some(Duration::from_mins(15)));
        assert_eq!(found.expire(), Some(Expire::Days(60)));
        assert_eq!(found.implementation(), Some(&b"Shlemazle-Plotz-v302"[..]));
        assert!(found.has("RESP-CODES"));
    }

    #[test]
    fn odd_spacing_and_case() {
        let found = capabilities("  stls \nSASL   PLAIN\tLOGIN \nsasl EXTERNAL\nUTF8  USER\nPIPELININGS\n\n");
        assert!(found.stls() && found.utf8() && found.utf8_user());
        assert_eq!(found.sasl().collect::<Vec<_>>(), ["PLAIN", "LOGIN", "EXTERNAL"]);
        assert!(!found.pipelining(), "PIPELININGS is another word");
    }

    #[test]
    fn expire_in_all_its_forms() {
        for (line, expire) in [
            ("EXPIRE NEVER", Some(Expire::Never)),
            ("EXPIRENEVER", Some(Expire::Never)),
            ("EXPIRE 0", Some(Expire::Days(0))),
            ("EXPIRE 5 USER", Some(Expire::Days(5))),
            ("expire  never USER", Some(Expire::Never)),
            ("EXPIRE soon", None),
            ("EXPIRE", None),
            ("TOP", None),
        ] {
            assert_eq!(capabilities(line).expire(), expire, "{line}");
        }
    }

    #[test]
    fn a_refusal_offers_nothing() {
        let refused = Capabilities::refused();
        assert!(!refused.offered() && !refused.user() && refused.lines().next().is_none());
    }

    #[test]
    fn an_endless_answer_is_bounded() {
        let mut found = Capabilities::answered();
        for _ in 0..10 * MAX_LINES {
            found.push(b"X-MORE");
        }
        assert_eq!(found.lines().count(), MAX_LINES);
    }

    proptest! {
        #[test]
        fn never_panics(lines in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..40), 0..5)) {
            let mut found = Capabilities::answered();
            for line in &lines {
                found.push(line);
            }
            let _ = (found.expire(), found.login_delay(), found.utf8_user(), found.sasl().count());
        }
    }
}

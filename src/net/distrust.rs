//! Why a server's certificate is not trusted, in words that say what to do.
//!
//! The TLS library only names the kind of problem. What the certificate itself says (dates, names,
//! issuer) comes from a second look at it, where that could be had.

use super::{Facts, Leaf};
use crate::text::dates::day_utc;
use crate::text::figures::counted;
use crate::text::safe::escape;

/// How many names of a certificate are shown.
const NAMES_SHOWN: usize = 8;

/// What is wrong with a certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Distrust {
    /// It, or one of its issuers', has expired.
    Expired,
    /// It, or one of its issuers', is not valid yet.
    NotYetValid,
    /// It is for other names.
    WrongName,
    /// It vouches for itself.
    SelfSigned,
    /// Its issuers end with an authority that this machine does not know.
    UnknownAuthority,
    /// Its issuer's certificate is nowhere to be found.
    UnknownIssuer,
    /// The signature is not the issuer's.
    Forged,
    /// One of its issuers is no authority.
    NoAuthority,
    /// It is not meant for servers.
    WrongPurpose,
    /// Its key or signature is too weak.
    Weak,
    /// Its issuer has revoked it.
    Revoked,
    /// It is not a pinned one.
    OtherFingerprint,
    /// Something rarer, in the library's words.
    Other(String),
}

impl Distrust {
    /// What the TLS library's error means, if it is about the server's certificate.
    pub(super) fn from_library(text: &str) -> Option<Distrust> {
        let says = |words: &[&str]| words.iter().any(|word| text.contains(word));
        // An alert about a certificate is the server's opinion of ours.
        if !says(&["certificate"]) || says(&["alert"]) {
            return None;
        }
        Some(if says(&["certificate has expired"]) {
            Distrust::Expired
        } else if says(&["not yet valid"]) {
            Distrust::NotYetValid
        } else if says(&["ostname mismatch", "IP address mismatch"]) {
            Distrust::WrongName
        } else if says(&["in certificate chain"]) {
            Distrust::UnknownAuthority
        } else if says(&["self-signed", "self signed"]) {
            Distrust::SelfSigned
        } else if says(&["issuer certificate", "first certificate"]) {
            Distrust::UnknownIssuer
        } else if says(&["signature failure"]) {
            Distrust::Forged
        } else if says(&["invalid CA certificate", "path length constraint"]) {
            Distrust::NoAuthority
        } else if says(&["certificate purpose"]) {
            Distrust::WrongPurpose
        } else if says(&["too weak"]) {
            Distrust::Weak
        } else if says(&["revoked"]) {
            Distrust::Revoked
        } else if let Some((_, reason)) = text.rsplit_once('(') {
            // OpenSSL's own words for the rarer reasons stand in parentheses at the end.
            Distrust::Other(reason.trim_end_matches(')').to_owned())
        } else {
            Distrust::Other(text.to_owned())
        })
    }

    /// The words: what is wrong with it, what it says itself, and what to do. `now` in seconds,
    /// as Unix counts them.
    pub(super) fn words(&self, server_name: &str, leaf: Option<&Leaf>, now: i64) -> String {
        let facts = leaf.and_then(|leaf| leaf.facts.as_ref());
        match self {
            Distrust::Expired => expired(facts, now),
            Distrust::NotYetValid => not_yet_valid(facts, now),
            Distrust::WrongName => wrong_name(facts, server_name),
            Distrust::SelfSigned => match leaf {
                Some(leaf) => format!("it is self-signed{}; {}", age(facts, now), pin(leaf)),
                None => "it is self-signed; if it is your own server's, save the certificate as a PEM \
                         file and name that in `tls_ca_file`"
                    .to_owned(),
            },
            Distrust::UnknownAuthority => format!(
                "its issuer{} is an authority this machine does not know{}; if it is your own, \
                 name the authority's certificate in `tls_ca_file`{}",
                issuer(facts),
                age(facts, now),
                or_pin(leaf)
            ),
            Distrust::UnknownIssuer => format!(
                "its issuer{} is unknown{} (the server may leave out an intermediate certificate); \
                 name the issuer's certificate in `tls_ca_file`{}",
                issuer(facts),
                age(facts, now),
                or_pin(leaf)
            ),
            Distrust::Forged => format!(
                "its issuer{} has the name of an authority this machine knows, but not its key; \
                 if the authority was renewed, name its new certificate in `tls_ca_file`",
                issuer(facts)
            ),
            Distrust::NoAuthority => format!(
                "it, or one of its issuers, was issued by somebody who is not an authority (no CA:TRUE); \
                 its issuer is given as{}; do not trust this server",
                issuer(facts)
            ),
            Distrust::WrongPurpose => "it is not meant for a server (its extended key usage lacks \
                                       serverAuth); the server's operator must replace it"
                .to_owned(),
            Distrust::Weak => "its key or its issuer's signature is too weak for the TLS library; \
                               the server's operator must replace it"
                .to_owned(),
            Distrust::Revoked => "its issuer has revoked it; do not trust this server".to_owned(),
            Distrust::OtherFingerprint => match leaf {
                Some(leaf) => format!(
                    "it does not match `tls_fingerprint`; if the server's operator says that it \
                     was replaced, write {}",
                    leaf.pin()
                ),
                None => "it is not visible, so `tls_fingerprint` cannot match it".to_owned(),
            },
            Distrust::Other(reason) => escape(reason.as_bytes()),
        }
    }
}

fn expired(facts: Option<&Facts>, now: i64) -> String {
    match facts {
        Some(facts) if facts.valid_until < now => format!(
            "it expired on {} ({} ago); the server's operator must renew it (or this machine's clock is wrong)",
            day_utc(facts.valid_until),
            counted(facts.days_left(now).unsigned_abs(), "day")
        ),
        Some(facts) => format!(
            "it is valid until {}, but the certificate of one of its issuers has expired (its own issuer is{}); \
             the server's operator must renew that, or `tls_ca_file` is out of date",
            day_utc(facts.valid_until),
            issuer(Some(facts))
        ),
        None => "it has expired; the server's operator must renew it (or this machine's clock is wrong)"
            .to_owned(),
    }
}

fn not_yet_valid(facts: Option<&Facts>, now: i64) -> String {
    match facts {
        Some(facts) if facts.valid_from > now => format!(
            "it is not valid before {}, and this machine's clock says {}; check the clock",
            day_utc(facts.valid_from),
            day_utc(now)
        ),
        _ => "it, or the certificate of one of its issuers, is not valid yet; check this machine's clock"
            .to_owned(),
    }
}

fn wrong_name(facts: Option<&Facts>, server_name: &str) -> String {
    let Some(facts) = facts else {
        return format!(
            "it is not for {server_name}; set `host` or `tls_server_name` to a name in the certificate"
        );
    };
    if facts.names.is_empty() {
        return format!(
            "it is not for {server_name}, because it contains no name; the server's operator must replace it"
        );
    }
    let shown: Vec<String> =
        facts.names.iter().take(NAMES_SHOWN).map(|name| escape(name.as_bytes())).collect();
    let more = match facts.names.len().saturating_sub(NAMES_SHOWN) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    format!(
        "it is not for {server_name} but for {}{more}; set `host`, or `tls_server_name`, to the right one of them \
         if that is your server",
        shown.join(", ")
    )
}

/// ` (NAME)`.
fn issuer(facts: Option<&Facts>) -> String {
    facts.map_or_else(String::new, |facts| format!(" “{}”", escape(facts.issuer.as_bytes())))
}

/// That it is out of date as well.
fn age(facts: Option<&Facts>, now: i64) -> String {
    match facts {
        Some(facts) if facts.valid_until < now => {
            format!(" (and it expired on {})", day_utc(facts.valid_until))
        }
        _ => String::new(),
    }
}

fn pin(leaf: &Leaf) -> String {
    format!("if it is your own server's, and its fingerprint is this one, pin it: {}", leaf.pin())
}

fn or_pin(leaf: Option<&Leaf>) -> String {
    leaf.map_or_else(String::new, |leaf| {
        format!(", or, if its operator confirms the fingerprint, pin the certificate: {}", leaf.pin())
    })
}

#[cfg(test)]
mod tests {
    use super::{Distrust, day_utc};
    use crate::net::{Facts, Leaf};

    const DAY: i64 = 86_400;
    const NOW: i64 = 1_795_392_000; // 2026-11-23

    fn leaf(valid_from: i64, valid_until: i64) -> Leaf {
        let facts = Facts {
            subject: "CN=the server".to_owned(),
            issuer: "CN=Evil\u{1b}[2J".to_owned(),
            names: vec!["pop.example.com".to_owned(), "evil\u{202e}.example".to_owned()],
            valid_from,
            valid_until,
        };
        Leaf { facts: Some(facts), ..Leaf::read(b"abc") }
    }

    fn all() -> Vec<Distrust> {
        vec![
            Distrust::Expired,
            Distrust::NotYetValid,
            Distrust::WrongName,
            Distrust::SelfSigned,
            Distrust::UnknownAuthority,
            Distrust::UnknownIssuer,
            Distrust::Forged,
            Distrust::NoAuthority,
            Distrust::WrongPurpose,
            Distrust::Weak,
            Distrust::Revoked,
            Distrust::OtherFingerprint,
            Distrust::Other("Evil\u{1b}[2J".to_owned()),
        ]
    }

    #[test]
    fn dates_are_told_with_their_distance() {
        let words = |kind: Distrust, from, until| kind.words("h", Some(&leaf(from, until)), NOW);
        let expired = words(Distrust::Expired, 0, NOW - 2 * DAY);
        assert!(expired.starts_with("it expired on 2026-11-21 (2 days ago)"), "{expired}");
        let issuer = words(Distrust::Expired, 0, NOW + DAY);
        assert!(issuer.contains("one of its issuers has expired"), "{issuer}");
        let early = words(Distrust::NotYetValid, NOW + DAY, NOW + 2 * DAY);
        assert!(
            early.contains("not valid before 2026-11-24, and this machine's clock says 2026-11-23"),
            "{early}"
        );
        let both = words(Distrust::SelfSigned, 0, 0);
        assert!(both.contains("self-signed (and it expired on 1970-01-01)"), "{both}");
        assert_eq!(day_utc(i64::MAX), "a day beyond the calendar");
    }

    #[test]
    fn the_line_to_pin_is_ready_to_paste() {
        let leaf = leaf(0, NOW + DAY);
        for kind in [
            Distrust::SelfSigned,
            Distrust::UnknownIssuer,
            Distrust::UnknownAuthority,
            Distrust::OtherFingerprint,
        ] {
            let words = kind.words("h", Some(&leaf), NOW);
            assert!(words.ends_with(&leaf.pin()), "{words}");
        }
        for kind in [Distrust::Revoked, Distrust::Forged, Distrust::NoAuthority, Distrust::Expired] {
            assert!(!kind.words("h", Some(&leaf), NOW).contains("tls_fingerprint"), "nobody should pin this");
        }
    }

    #[test]
    fn a_certificate_cannot_steer_the_terminal() {
        for kind in all() {
            for leaf in [Some(leaf(NOW + DAY, NOW - DAY)), Some(Leaf::read(b"odd")), None] {
                let words = kind.words("pop.example.com", leaf.as_ref(), NOW);
                assert!(!words.is_empty() && !words.contains(['\u{1b}', '\n', '\u{202e}']), "{words}");
            }
        }
    }
}

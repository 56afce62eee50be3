//! What `check` tells of the connection: the server, how it is protected, its certificate.

use crate::config::{Account, Tls};
use crate::net::{Leaf, Security, ascii_name};
use crate::progress::wording;
use crate::text::dates::day_utc;
use crate::text::safe::escape;

/// Fewer days than this until a certificate expires are worth a word.
const SOON: i64 = 14;
/// How many names of a certificate are shown.
const NAMES_SHOWN: usize = 8;

/// What the line is called that pins a certificate.
pub(in super::super) const PIN: &str = "to pin it";

/// Where it is, and the way there.
pub(super) fn server(account: &Account) -> String {
    let host = wording::printable(&account.access.host);
    let ascii = match ascii_name(&account.access.host) {
        Some(ascii) if ascii != account.access.host => format!(" ({ascii})"),
        _ => String::new(),
    };
    let proxy = account.access.proxy.as_ref().map_or_else(String::new, |proxy| format!(", through {proxy}"));
    format!("{host}{ascii} port {}{proxy}", account.access.port)
}

/// How the connection is protected.
pub(in super::super) fn security(security: &Security, account: &Account) -> String {
    let begin = if account.access.tls == Tls::StartTls { " after STLS" } else { "" };
    match security {
        Security::Tls { .. } if account.access.tls_fingerprint.is_empty() => {
            format!("TLS{begin}, certificate verified")
        }
        Security::Tls { .. } => format!("TLS{begin}, certificate pinned by tls_fingerprint"),
        Security::Plain { loopback: true } => "clear text, to this machine".to_owned(),
        Security::Plain { loopback: false } => "clear text, which others can read on the way".to_owned(),
    }
}

/// What a certificate says, and the line that pins it; `now` in seconds, as Unix counts them.
pub(in super::super) fn certificate(leaf: &Leaf, now: i64) -> Vec<(&'static str, String)> {
    let shown = |text: &str| escape(text.as_bytes());
    let mut lines = Vec::new();
    if let Some(facts) = &leaf.facts {
        let names: Vec<String> = facts.names.iter().take(NAMES_SHOWN).map(|name| shown(name)).collect();
        let more = match facts.names.len().saturating_sub(NAMES_SHOWN) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        lines.push(("certificate", shown(&facts.subject)));
        lines.push(("for", format!("{}{more}", names.join(", "))));
        lines.push(("issuer", shown(&facts.issuer)));
        let left = match facts.days_left(now) {
            ..0 => "EXPIRED".to_owned(),
            0 => "expires within a day".to_owned(),
            left @ 1..SOON => format!("expires soon: {left} days left"),
            left => format!("{left} days left"),
        };
        lines.push((
            "valid",
            format!("{} to {} ({left})", day_utc(facts.valid_from), day_utc(facts.valid_until)),
        ));
    }
    lines.push((PIN, leaf.pin()));
    lines
}

#[cfg(test)]
mod tests {
    use super::{certificate, security, server};
    use crate::config::{Tls, example_account};
    use crate::net::{Facts, Leaf, Proxy, Security};

    const DAY: i64 = 86_400;
    const PIN: &str = "tls_fingerprint = \"BA:78:16:BF:8F:01:CF:EA:41:41:40:DE:5D:AE:22:23:B0:03:61:A3:96:17:7A:9C:B4:10:FF:61:F2:00:15:AD\"";

    fn leaf(names: &[&str]) -> Leaf {
        let facts = Facts {
            subject: "CN=pop.example.com".to_owned(),
            issuer: "CN=Evil\u{1b}[2J".to_owned(),
            names: names.iter().map(ToString::to_string).collect(),
            valid_from: 0,
            valid_until: 100 * DAY,
        };
        Leaf { facts: Some(facts), ..Leaf::read(b"abc") }
    }

    #[test]
    fn a_certificate_is_told_line_by_line_and_steers_no_terminal() {
        assert_eq!(
            certificate(&leaf(&["pop.example.com", "192.0.2.1"]), 10 * DAY),
            [
                ("certificate", "CN=pop.example.com".to_owned()),
                ("for", "pop.example.com, 192.0.2.1".to_owned()),
                ("issuer", "CN=Evil\\x1b[2J".to_owned()),
                ("valid", "1970-01-01 to 1970-04-11 (90 days left)".to_owned()),
                ("to pin it", PIN.to_owned()),
            ]
        );
        assert_eq!(certificate(&Leaf::read(b"abc"), 0), [("to pin it", PIN.to_owned())]);
    }

    #[test]
    fn the_end_of_a_certificate_is_told_before_it_comes() {
        let valid = |now| certificate(&leaf(&["a"]), now)[3].1.clone();
        assert!(valid(87 * DAY).ends_with("(expires soon: 13 days left)"));
        assert!(valid(100 * DAY - 1).ends_with("(expires within a day)"));
        assert!(valid(100 * DAY + 1).ends_with("(EXPIRED)"));
    }

    #[test]
    fn a_certificate_with_a_thousand_names_stays_a_line() {
        let names = vec!["x.example"; 1000];
        assert!(certificate(&leaf(&names), 0)[1].1.ends_with("x.example and 992 more"));
    }

    #[test]
    fn every_kind_of_protection_has_its_words() {
        let mut account = example_account();
        let tls = Security::Tls { leaf: None };
        assert_eq!(security(&tls, &account), "TLS, certificate verified");
        account.access.tls_fingerprint.push(Leaf::read(b"abc").fingerprint);
        account.access.tls = Tls::StartTls;
        assert_eq!(security(&tls, &account), "TLS after STLS, certificate pinned by tls_fingerprint");
        assert_eq!(security(&Security::Plain { loopback: true }, &account), "clear text, to this machine");
        assert_eq!(
            security(&Security::Plain { loopback: false }, &account),
            "clear text, which others can read on the way"
        );
    }

    #[test]
    fn the_way_to_the_server_is_told_without_a_password() {
        let mut account = example_account();
        account.access.host = "bücher.example".to_owned();
        account.access.proxy = Proxy::parse("socks5://joe:geheim@proxy.example").ok();
        assert_eq!(
            server(&account),
            "bücher.example (xn--bcher-kva.example) port 995, through socks5://proxy.example:1080"
        );
    }
}

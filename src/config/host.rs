//! What `host` may be.

use crate::net::{ascii_name, host_address};

/// Whether `text` can be a host: an IP address (an IPv6 one with or without brackets and zone),
/// or a name that has an ASCII form of letters, digits, `-` and `_` between dots.
pub(super) fn is_host(text: &str) -> bool {
    if host_address(text).is_some() {
        return true;
    }
    // A name of another alphabet is looked up by its ASCII form, which is longer.
    let Some(ascii) = ascii_name(text) else { return false };
    let name = ascii.strip_suffix('.').unwrap_or(&ascii);
    !name.is_empty()
        && name.len() <= 253
        && name.split('.').all(|label| {
            (1..=63).contains(&label.len())
                && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
        })
}

#[cfg(test)]
mod tests {
    use super::is_host;

    #[test]
    fn addresses_are_hosts_in_all_their_forms() {
        for host in ["LOCALHOST.", "127.0.0.1", "::1", "[::1]", "2001:db8::1", "[fe80::1%eth0]"] {
            assert!(is_host(host), "{host}");
        }
    }

    #[test]
    fn what_cannot_be_a_host_is_seen() {
        for text in ["", ".", "a..b", "pop.example.com:995", "pop3://example.com", "a b", "x\ny", "[", "::g"]
        {
            assert!(!is_host(text), "{text:?}");
        }
        for text in ["bücher.example", "почта.рф", "邮件。example", "under_score.example"] {
            assert!(is_host(text), "{text}");
        }
        // Too long as a label, if only in ASCII; no letter at all; a character that reorders text.
        for text in [&"ü".repeat(60), "\u{ad}", "a\u{202e}b.example", "a b.example"] {
            assert!(!is_host(text), "{text:?}");
        }
    }
}

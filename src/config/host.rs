//! What `host` may be, and whether it is this machine.

use crate::net::ascii_name;
use std::net::IpAddr;

/// Whether `text` can be a host: an IP address (an IPv6 one with or without brackets and zone),
/// or a name that has an ASCII form of letters, digits, `-` and `_` between dots.
pub(super) fn is_host(text: &str) -> bool {
    if address(text).is_some() {
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

/// Whether the host is this machine by its name alone: a loopback address, or `localhost`
/// (RFC 6761, 6.3). What the name resolves to is seen only when connected, and looked at then.
pub(super) fn is_here(host: &str) -> bool {
    if let Some(address) = address(host) {
        return address.to_canonical().is_loopback();
    }
    let name = host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase();
    name == "localhost" || name.ends_with(".localhost")
}

fn address(text: &str) -> Option<IpAddr> {
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    let unzoned = bare.split_once('%').map_or(bare, |(address, _)| address);
    unzoned.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::{is_here, is_host};

    #[test]
    fn this_machine_is_known_by_its_names() {
        for host in ["localhost", "LOCALHOST.", "pop.localhost", "127.0.0.1", "127.8.9.1", "::1", "[::1]"] {
            assert!(is_host(host) && is_here(host), "{host}");
        }
        for host in ["localhost.example.com", "192.0.2.1", "0.0.0.0", "2001:db8::1", "[fe80::1%eth0]"] {
            assert!(is_host(host) && !is_here(host), "{host}");
        }
        assert!(is_here("::ffff:127.0.0.1"));
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

//! Host names as the name service and certificates have them.

use std::net::IpAddr;

/// The ASCII form of a host name: letters of other alphabets become `xn--…` (IDNA 2008 with the
/// mapping of UTS 46); an ASCII name stays as it is. `None` if the name has no such form.
pub fn ascii_name(name: &str) -> Option<String> {
    if name.is_ascii() {
        return Some(name.to_owned());
    }
    idna::domain_to_ascii(name).ok().filter(|name| !name.is_empty())
}

/// The host without the brackets that an IPv6 address may stand in.
pub(super) fn bare(host: &str) -> &str {
    host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host)
}

/// The address that a host is: an IPv6 one with or without brackets and zone. `None` for a name.
pub fn host_address(host: &str) -> Option<IpAddr> {
    let bare = bare(host);
    bare.split_once('%').map_or(bare, |(address, _)| address).parse().ok()
}

/// Whether the host is this machine by its name alone: a loopback address, or `localhost` or a name below it
/// (RFC 6761, section 6.3). What the name resolves to is seen only when connected, and to be looked at then.
pub fn is_here(host: &str) -> bool {
    if let Some(address) = host_address(host) {
        return address.to_canonical().is_loopback();
    }
    let name = host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase();
    name == "localhost" || name.ends_with(".localhost")
}

/// The name as certificates have it: no brackets, no zone, no final dot, ASCII.
pub(super) fn certificate_name(host: &str) -> String {
    let host = bare(host);
    if host_address(host).is_some() {
        return host.split_once('%').map_or(host, |(address, _)| address).to_owned();
    }
    let name = ascii_name(host).unwrap_or_else(|| host.to_owned());
    name.strip_suffix('.').unwrap_or(&name).to_owned()
}

#[cfg(test)]
mod tests {
    use super::{ascii_name, certificate_name, is_here};

    #[test]
    fn this_machine_is_known_by_its_names() {
        for host in ["localhost", "LOCALHOST.", "pop.localhost", "127.0.0.1", "127.8.9.1", "::1", "[::1]"] {
            assert!(is_here(host), "{host}");
        }
        for host in ["localhost.example.com", "192.0.2.1", "0.0.0.0", "2001:db8::1", "[fe80::1%eth0]"] {
            assert!(!is_here(host), "{host}");
        }
        assert!(is_here("::ffff:127.0.0.1") && !is_here("[::ffff:192.0.2.1]"));
    }

    #[test]
    fn names_of_any_alphabet_have_an_ascii_form() {
        for (name, ascii) in [
            ("pop.example.com", "pop.example.com"),
            ("under_score.Example.COM.", "under_score.Example.COM."),
            ("bücher.example", "xn--bcher-kva.example"),
            ("BÜCHER.example", "xn--bcher-kva.example"),
            ("straße.example", "xn--strae-oqa.example"),
            ("почта.example", "xn--80a1acny.example"),
            ("邮件。example", "xn--5nq051n.example"),
        ] {
            assert_eq!(ascii_name(name).as_deref(), Some(ascii), "{name}");
        }
        for none in ["\u{ad}", "é\u{202e}.example", "\u{644}\u{a}é"] {
            assert_eq!(ascii_name(none), None, "{none:?}");
        }
    }

    #[test]
    fn a_certificate_has_neither_brackets_nor_zones_nor_final_dots() {
        for (host, name) in [
            ("[::1]", "::1"),
            ("fe80::1%eth0", "fe80::1"),
            ("127.0.0.1", "127.0.0.1"),
            ("pop.example.com.", "pop.example.com"),
            ("bücher.example.", "xn--bcher-kva.example"),
        ] {
            assert_eq!(certificate_name(host), name);
        }
    }
}

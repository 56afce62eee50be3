//! Addresses that secrets may be sent to.

use crate::net::is_here;

/// Why nothing may be sent to an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressFault {
    /// Not https, nor http to this machine.
    #[error("it must begin with https:// (http:// only for this machine: 127.0.0.1, [::1] or localhost)")]
    Scheme,
    /// Not an address.
    #[error("it must be an address such as \"https://login.example.com/oauth2/token\"")]
    Form,
}

/// What an address consists of.
struct Parts<'t> {
    secure: bool,
    host: &'t str,
    port: Option<u16>,
}

/// Whether secrets may be sent to this address.
pub fn check(text: &str) -> Result<(), AddressFault> {
    let parts = parts(text)?;
    if parts.secure || is_here(parts.host) { Ok(()) } else { Err(AddressFault::Scheme) }
}

/// The host of an address, for messages; the text itself if it is not an address.
pub fn host(text: &str) -> &str {
    parts(text).map_or(text, |parts| parts.host)
}

/// Scheme, host and port (RFC 6454), for comparing; `None` if it is not an address.
pub fn origin(text: &str) -> Option<String> {
    let parts = parts(text).ok()?;
    let (scheme, usual) = if parts.secure { ("https", 443) } else { ("http", 80) };
    Some(format!("{scheme}://{}:{}", parts.host.to_ascii_lowercase(), parts.port.unwrap_or(usual)))
}

/// Whether nothing is in clear on the way to an address.
pub(super) fn is_secure(text: &str) -> bool {
    parts(text).is_ok_and(|parts| parts.secure)
}

fn parts(text: &str) -> Result<Parts<'_>, AddressFault> {
    let (scheme, rest) = text.split_once("://").ok_or(AddressFault::Scheme)?;
    let secure = scheme.eq_ignore_ascii_case("https");
    if !secure && !scheme.eq_ignore_ascii_case("http") {
        return Err(AddressFault::Scheme);
    }
    let printable = text.bytes().all(|octet| octet.is_ascii_graphic());
    if !printable || text.contains(['#', '"', '\\', '<', '>']) {
        return Err(AddressFault::Form);
    }
    let authority = &rest[..rest.find(['/', '?']).unwrap_or(rest.len())];
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => {
            let digits = port.bytes().all(|digit| digit.is_ascii_digit());
            let port = port.parse().ok().filter(|port| digits && *port > 0).ok_or(AddressFault::Form)?;
            (host, Some(port))
        }
        _ => (authority, None),
    };
    let named = host.bytes().all(|octet| octet.is_ascii_alphanumeric() || b".-_".contains(&octet));
    let numbered = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'))
        .is_some_and(|host| host.parse::<std::net::Ipv6Addr>().is_ok());
    if host.is_empty() || !(named || numbered) {
        return Err(AddressFault::Form);
    }
    Ok(Parts { secure, host, port })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_go_to_https_or_stay_here() {
        for good in [
            "https://login.example.com/token",
            "HTTPS://login.example.com",
            "https://[2001:db8::1]:8443/token?x=1",
            "http://127.0.0.1:8080/token",
            "http://127.3.2.1/",
            "http://[::1]:80/",
            "http://[::ffff:127.0.0.1]/",
            "http://localhost:1/",
        ] {
            assert_eq!(check(good), Ok(()), "{good}");
        }
        for bad in ["http://login.example.com/", "http://127.0.0.1.example.com/", "ftp://x/", "login", ""] {
            assert_eq!(check(bad), Err(AddressFault::Scheme), "{bad}");
        }
        for bad in [
            "https://",
            "https:///token",
            "https://joe@example.com/",
            "http://127.0.0.1@example.com/",
            "https://example.com:0/",
            "https://example.com:+5/",
            "https://example.com/#x",
            "https://exa mple.com/",
            "https://[::1/",
        ] {
            assert_eq!(check(bad), Err(AddressFault::Form), "{bad}");
        }
    }

    #[test]
    fn an_origin_is_scheme_host_and_port() {
        assert_eq!(origin("https://A.example/b?c").as_deref(), Some("https://a.example:443"));
        assert_eq!(origin("https://a.example:443"), origin("https://a.example/x"));
        assert_ne!(origin("http://localhost:443"), origin("https://localhost:443"));
        assert_eq!(origin("a.example"), None);
    }
}

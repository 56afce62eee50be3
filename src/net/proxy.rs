//! What a SOCKS5 proxy is reached by: `socks5://[user:password@]host[:port]`.
//!
//! Must never: show the password, in an error or in `Debug`.

use secrecy::SecretString;
use std::fmt;

/// The port of a proxy that names none (IANA: `socks`).
const DEFAULT_PORT: u16 = 1080;

/// A SOCKS5 proxy (RFC 1928). It resolves the server's name itself.
#[derive(Clone)]
pub struct Proxy {
    /// Its host name or address, without brackets.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// Who logs in there (RFC 1929), if anybody.
    pub login: Option<ProxyLogin>,
}

/// A user of a proxy and the password: 1 to 255 octets each.
#[derive(Clone)]
pub struct ProxyLogin {
    /// The user.
    pub user: String,
    /// The password.
    pub password: SecretString,
}

/// Why a text names no proxy. Holds nothing of the text: a password may be anywhere in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProxyError {
    /// Another protocol than SOCKS5.
    #[error("popkeep supports only SOCKS5; start it with socks5://")]
    Scheme,
    /// The login is not `user:password`, or one of them has no or more than 255 octets.
    #[error(
        "before the @, write user:password, 1 to 255 octets each (and : / @ % in them as %3A %2F %40 %25)"
    )]
    Login,
    /// There is no host, or something follows it.
    #[error("write socks5://host:port or socks5://user:password@host:port")]
    Address,
}

impl Proxy {
    /// Reads `socks5://[user:password@]host[:port][/]`; `socks5h` means the same. User and
    /// password may be percent-encoded.
    pub fn parse(text: &str) -> Result<Proxy, ProxyError> {
        let (scheme, rest) = text.trim().split_once("://").ok_or(ProxyError::Scheme)?;
        if !["socks5", "socks5h"].iter().any(|known| scheme.eq_ignore_ascii_case(known)) {
            return Err(ProxyError::Scheme);
        }
        let (login, address) = match rest.rsplit_once('@') {
            Some((login, address)) => (Some(ProxyLogin::parse(login)?), address),
            None => (None, rest),
        };
        let (host, port) = split_port(address.strip_suffix('/').unwrap_or(address))?;
        Ok(Proxy { host: host.to_owned(), port, login })
    }
}

impl ProxyLogin {
    fn parse(text: &str) -> Result<ProxyLogin, ProxyError> {
        let (user, password) = text.split_once(':').ok_or(ProxyError::Login)?;
        let decode = |part: &str| {
            let decoded = percent_decoded(part).ok_or(ProxyError::Login)?;
            if (1..=255).contains(&decoded.len()) { Ok(decoded) } else { Err(ProxyError::Login) }
        };
        Ok(ProxyLogin { user: decode(user)?, password: SecretString::from(decode(password)?) })
    }
}

/// Host and port; an IPv6 address stands in brackets.
fn split_port(address: &str) -> Result<(&str, u16), ProxyError> {
    let (host, port) = match address.strip_prefix('[') {
        Some(rest) => {
            let (host, port) = rest.split_once(']').ok_or(ProxyError::Address)?;
            host.parse::<std::net::Ipv6Addr>().map_err(|_| ProxyError::Address)?;
            (host, port)
        }
        None => address.split_at(address.find(':').unwrap_or(address.len())),
    };
    if host.is_empty() || host.contains(|c: char| c.is_whitespace() || c.is_control() || "/?#".contains(c)) {
        return Err(ProxyError::Address);
    }
    let port = match port.strip_prefix(':') {
        None if port.is_empty() => DEFAULT_PORT,
        Some(digits) if digits.bytes().all(|digit| digit.is_ascii_digit()) => {
            digits.parse().ok().filter(|&port| port > 0).ok_or(ProxyError::Address)?
        }
        _ => return Err(ProxyError::Address),
    };
    Ok((host, port))
}

/// Undoes percent-encoding (RFC 3986, 2.1); `None` if it is none, or no UTF-8.
fn percent_decoded(text: &str) -> Option<String> {
    let mut octets = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(octet) = rest.next() {
        octets.push(if octet == b'%' {
            let digit = |octet: Option<u8>| char::from(octet?).to_digit(16);
            u8::try_from(digit(rest.next())? * 16 + digit(rest.next())?).ok()?
        } else {
            octet
        });
    }
    String::from_utf8(octets).ok()
}

/// `socks5://host:port`, without the login: fit for messages.
impl fmt::Display for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "socks5://[{}]:{}", self.host, self.port)
        } else {
            write!(f, "socks5://{}:{}", self.host, self.port)
        }
    }
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Proxy({self}{})", if self.login.is_some() { ", with a login" } else { "" })
    }
}

impl fmt::Debug for ProxyLogin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ProxyLogin(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::{Proxy, ProxyError};
    use secrecy::ExposeSecret;

    fn parts(text: &str) -> (String, u16, Option<(String, String)>) {
        let proxy = Proxy::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        let login = proxy.login.map(|login| (login.user, login.password.expose_secret().to_owned()));
        (proxy.host, proxy.port, login)
    }

    #[test]
    fn an_address_and_a_login_are_read() {
        assert_eq!(parts("socks5://127.0.0.1:9050"), ("127.0.0.1".into(), 9050, None));
        assert_eq!(parts("SOCKS5H://proxy.example/"), ("proxy.example".into(), 1080, None));
        assert_eq!(parts("socks5://[::1]:9050"), ("::1".into(), 9050, None));
        assert_eq!(
            parts("socks5://jane:p%40ss%3aword%25@proxy.example:1081"),
            ("proxy.example".into(), 1081, Some(("jane".into(), "p@ss:word%".into())))
        );
        assert_eq!(parts("socks5://jane:a:b@c@p").2, Some(("jane".into(), "a:b@c".into())));
    }

    #[test]
    fn what_names_no_proxy_is_refused() {
        for (text, error) in [
            ("127.0.0.1:9050", ProxyError::Scheme),
            ("socks4://127.0.0.1", ProxyError::Scheme),
            ("http://127.0.0.1", ProxyError::Scheme),
            ("socks5://jane@p", ProxyError::Login),
            ("socks5://:x@p", ProxyError::Login),
            ("socks5://jane:@p", ProxyError::Login),
            ("socks5://jane:100%@p", ProxyError::Login),
            ("socks5://jane:%+1@p", ProxyError::Login),
            ("socks5://jane:%ff@p", ProxyError::Login),
            ("socks5://", ProxyError::Address),
            ("socks5://:1080", ProxyError::Address),
            ("socks5://p:", ProxyError::Address),
            ("socks5://p:0", ProxyError::Address),
            ("socks5://p:+1", ProxyError::Address),
            ("socks5://p:65536", ProxyError::Address),
            ("socks5://p/path", ProxyError::Address),
            ("socks5://a b", ProxyError::Address),
            ("socks5://[::1", ProxyError::Address),
            ("socks5://[p]:1", ProxyError::Address),
            ("socks5://::1", ProxyError::Address),
        ] {
            assert_eq!(Proxy::parse(text).map(|proxy| proxy.to_string()), Err(error), "{text}");
        }
        let long = format!("socks5://jane:{}@p", "x".repeat(256));
        assert_eq!(Proxy::parse(&long).err(), Some(ProxyError::Login));
    }

    /// Promise: secrets stay secret.
    #[test]
    fn it_shows_itself_without_its_login() {
        let proxy = Proxy::parse("socks5://jane:hunter2@[::1]:9050").unwrap();
        let shown = format!("{proxy} {proxy:?} {:?}", proxy.login);
        assert!(shown.contains("socks5://[::1]:9050") && !shown.contains("hunter2"), "{shown}");
    }
}

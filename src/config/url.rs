//! The address of an IMAP folder: `imaps://jane@imap.example.net/Archive/2024` (RFC 5092, as people write it: blanks are
//! allowed, and a `/` goes one level down).

use super::host::is_host;

/// Octets of an address, at most.
const LENGTH: usize = 4096;

/// An address, read.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct DestinationUrl {
    /// Who logs in, if it says so.
    pub(super) user: Option<String>,
    /// The server.
    pub(super) host: String,
    /// Its port, if it says so.
    pub(super) port: Option<u16>,
    /// `imaps`: TLS from the first octet; `imap`: STARTTLS.
    pub(super) implicit_tls: bool,
    /// The folder, with `/` between its levels; never empty.
    pub(super) folder: String,
}

/// What is wrong with the address of a destination.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UrlFault {
    /// It begins with neither `imaps://` nor `imap://`.
    #[error("it must begin with imaps://, as in imaps://jane@imap.example.net/Archive")]
    NoScheme,
    /// The user is missing.
    #[error("it names no user; write imaps://USER@HOST/FOLDER, with %40 for an @ in the user's name")]
    NoUser,
    /// `user` is there, too.
    #[error("it names a user, and so does `user`; keep one of them")]
    TwoUsers,
    /// It contains a password.
    #[error(
        "it must not hold a password, which others could see; use password_command or password_file in a [destinations.NAME]"
    )]
    Password,
    /// The host is none.
    #[error("its host must be a host name or an IP address")]
    Host,
    /// The port is none.
    #[error("its port must be a number from 1 to 65535")]
    Port,
    /// There is no folder.
    #[error("it names no folder; write imaps://USER@HOST/FOLDER (INBOX is one)")]
    NoFolder,
    /// A `%` without two hex digits, or octets that are not UTF-8.
    #[error("write % as %25, and any other octet as % and two hex digits")]
    Encoding,
    /// A control character.
    #[error("it must be one line of text, without control characters")]
    Control,
    /// It is too long.
    #[error("it is too long")]
    TooLong,
}

/// The usual port.
pub(super) fn imap_port(implicit_tls: bool) -> u16 {
    if implicit_tls { 993 } else { 143 }
}

impl DestinationUrl {
    pub(super) fn parse(text: &str) -> Result<Self, UrlFault> {
        let scheme = |name: &str| {
            let (begin, rest) = text.split_at_checked(name.len())?;
            begin.eq_ignore_ascii_case(name).then_some(rest)
        };
        let (implicit_tls, rest) = match (scheme("imaps://"), scheme("imap://")) {
            (Some(rest), _) => (true, rest),
            (None, Some(rest)) => (false, rest),
            (None, None) => return Err(UrlFault::NoScheme),
        };
        if text.len() > LENGTH {
            return Err(UrlFault::TooLong);
        }
        let (authority, path) = rest.split_once('/').ok_or(UrlFault::NoFolder)?;
        // A user may be an address, written as it is.
        let (user, server) = match authority.rsplit_once('@') {
            Some((user, _)) if user.contains(':') => return Err(UrlFault::Password),
            Some((user, server)) => (Some(decoded(user)?), server),
            None => (None, authority),
        };
        if user.as_ref().is_some_and(String::is_empty) {
            return Err(UrlFault::NoUser);
        }
        let (host, port) = match server.rsplit_once(':') {
            // An IPv6 address, which has colons of its own, is in brackets.
            Some((host, port)) if !port.contains(']') => {
                let port: u16 = port.parse().map_err(|_| UrlFault::Port)?;
                (host, if port == 0 { return Err(UrlFault::Port) } else { Some(port) })
            }
            _ => (server, None),
        };
        if !is_host(host) {
            return Err(UrlFault::Host);
        }
        let path = decoded(path)?;
        let levels: Vec<&str> = path.split('/').filter(|level| !level.is_empty()).collect();
        if levels.is_empty() {
            return Err(UrlFault::NoFolder);
        }
        Ok(DestinationUrl { user, host: host.to_owned(), port, implicit_tls, folder: levels.join("/") })
    }
}

/// Without its `%xx` (RFC 3986, section 2.1).
fn decoded(text: &str) -> Result<String, UrlFault> {
    let mut octets = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, behind @ ..] = rest {
        rest = behind;
        if *first != b'%' {
            octets.push(*first);
            continue;
        }
        let (digits, behind) = rest.split_at_checked(2).ok_or(UrlFault::Encoding)?;
        let digits = std::str::from_utf8(digits).ok().filter(|text| !text.starts_with('+'));
        let octet = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok());
        octets.push(octet.ok_or(UrlFault::Encoding)?);
        rest = behind;
    }
    let text = String::from_utf8(octets).map_err(|_| UrlFault::Encoding)?;
    if text.contains(|c: char| c.is_control()) { Err(UrlFault::Control) } else { Ok(text) }
}

#[cfg(test)]
mod tests {
    use super::{DestinationUrl, UrlFault};

    fn read(text: &str) -> (Option<String>, String, Option<u16>, bool, String) {
        let url = DestinationUrl::parse(text).unwrap();
        (url.user, url.host, url.port, url.implicit_tls, url.folder)
    }

    #[test]
    fn an_address_says_who_where_and_which_folder() {
        for (text, user, host, port, folder) in [
            ("imaps://jane@imap.example.net/Archive", Some("jane"), "imap.example.net", None, "Archive"),
            ("IMAPS://jane%40example.net@h:10993/A/B/", Some("jane@example.net"), "h", Some(10_993), "A/B"),
            (
                "imaps://jane@example.net@h/Alte Post/%C3%A4%2Fb",
                Some("jane@example.net"),
                "h",
                None,
                "Alte Post/ä/b",
            ),
            ("imaps://[::1]:993/INBOX", None, "[::1]", Some(993), "INBOX"),
            ("imaps://a@[2001:db8::1]/x?y;z#1", Some("a"), "[2001:db8::1]", None, "x?y;z#1"),
        ] {
            let wanted = (user.map(str::to_owned), host.to_owned(), port, true, folder.to_owned());
            assert_eq!(read(text), wanted, "{text}");
        }
        assert!(!read("imap://a@h/x").3);
    }

    #[test]
    fn what_is_no_address_says_why() {
        for (text, fault) in [
            ("new", UrlFault::NoScheme),
            ("https://a@h/x", UrlFault::NoScheme),
            ("imaps://a:secret@h/x", UrlFault::Password),
            ("imaps://@h/x", UrlFault::NoUser),
            ("imaps://a@/x", UrlFault::Host),
            ("imaps://a@h:0/x", UrlFault::Port),
            ("imaps://a@h:imap/x", UrlFault::Port),
            ("imaps://a@h", UrlFault::NoFolder),
            ("imaps://a@h//", UrlFault::NoFolder),
            ("imaps://a@h/50%", UrlFault::Encoding),
            ("imaps://a@h/%+1", UrlFault::Encoding),
            ("imaps://a@h/%FF", UrlFault::Encoding),
            ("imaps://a@h/x%0D%0ALOGOUT", UrlFault::Control),
            ("imaps://a%00@h/x", UrlFault::Control),
        ] {
            assert_eq!(DestinationUrl::parse(text), Err(fault), "{text}");
        }
        let long = format!("imaps://a@h/{}", "x".repeat(4096));
        assert_eq!(DestinationUrl::parse(&long), Err(UrlFault::TooLong));
    }
}

//! SOCKS5 as a client: RFC 1928, CONNECT only, with the login of RFC 1929.
//!
//! Promises: the server's name goes to the proxy as a name; not one octet is read beyond the
//! proxy's answer, for what follows is the server's; every length that the proxy gives is one
//! octet, so nothing it says is long. Must never: show the password.

use super::name::{ascii_name, bare};
use super::proxy::ProxyLogin;
use super::{NetError, Proxy};
use secrecy::ExposeSecret;
use secrecy::zeroize::Zeroizing;
use std::io::{self, ErrorKind, Read, Write};
use std::net::IpAddr;

const VERSION: u8 = 5;
/// RFC 1928, section 3: methods.
const NO_LOGIN: u8 = 0;
const USER_PASSWORD: u8 = 2;
const NO_METHOD: u8 = 0xFF;
/// RFC 1929: its own version.
const LOGIN_VERSION: u8 = 1;
/// RFC 1928, section 4.
const CONNECT: u8 = 1;
const RESERVED: u8 = 0;
const IPV4: u8 = 1;
const DOMAIN_NAME: u8 = 3;
const IPV6: u8 = 4;

/// Why there is no tunnel.
#[derive(Debug)]
enum Failure {
    Io(io::Error),
    NotSocks(&'static str),
    Login(&'static str),
    Refused(String),
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Failure::Io(error)
    }
}

/// Has the proxy at the other end of `stream` connect to the server. Afterwards the stream is
/// the server's.
pub(super) fn tunnel(
    stream: &mut (impl Read + Write),
    proxy: &Proxy,
    host: &str,
    port: u16,
) -> Result<(), NetError> {
    negotiate(stream, proxy.login.as_ref(), host, port).map_err(|failure| {
        let name = proxy.to_string();
        let failed = |reason| NetError::Proxy { proxy: name.clone(), host: host.to_owned(), port, reason };
        match failure {
            Failure::NotSocks(reason) => NetError::NotSocks { proxy: name, reason },
            Failure::Login(reason) => NetError::ProxyLogin { proxy: name, reason },
            Failure::Refused(reason) => failed(reason),
            Failure::Io(error) => failed(match error.kind() {
                ErrorKind::TimedOut | ErrorKind::WouldBlock => "the proxy did not answer in time".to_owned(),
                ErrorKind::UnexpectedEof => "the proxy closed the connection".to_owned(),
                _ => error.to_string(),
            }),
        }
    })
}

fn negotiate(
    stream: &mut (impl Read + Write),
    login: Option<&ProxyLogin>,
    host: &str,
    port: u16,
) -> Result<(), Failure> {
    let request = request(host, port)?;
    let offer: &[u8] = match login {
        None => &[VERSION, 1, NO_LOGIN],
        Some(_) => &[VERSION, 2, NO_LOGIN, USER_PASSWORD],
    };
    send(stream, offer)?;
    let [version, method] = receive(stream)?;
    if version != VERSION {
        return Err(Failure::NotSocks("its answer is of another protocol"));
    }
    match (method, login) {
        (NO_LOGIN, _) => {}
        (USER_PASSWORD, Some(login)) => log_in(stream, login)?,
        (NO_METHOD, None) => {
            return Err(Failure::Login("it needs a login; write socks5://user:password@… in `proxy`"));
        }
        (NO_METHOD, Some(_)) => return Err(Failure::Login("it does not accept a user and password")),
        _ => return Err(Failure::NotSocks("it chose a login that was not offered")),
    }
    send(stream, &request)?;
    answer(stream)
}

fn log_in(stream: &mut (impl Read + Write), login: &ProxyLogin) -> Result<(), Failure> {
    let mut message = Zeroizing::new(Vec::with_capacity(3 + 2 * 255));
    message.push(LOGIN_VERSION);
    for part in [login.user.as_str(), login.password.expose_secret()] {
        let length = u8::try_from(part.len()).map_err(|_| Failure::Login("user or password is too long"))?;
        message.push(length);
        message.extend_from_slice(part.as_bytes());
    }
    send(stream, &message)?;
    let [_version, status] = receive(stream)?;
    if status == 0 { Ok(()) } else { Err(Failure::Login("check user and password in `proxy`")) }
}

/// RFC 1928, section 4.
fn request(host: &str, port: u16) -> Result<Vec<u8>, Failure> {
    let mut request = vec![VERSION, CONNECT, RESERVED];
    match bare(host).parse() {
        Ok(IpAddr::V4(address)) => {
            request.push(IPV4);
            request.extend_from_slice(&address.octets());
        }
        Ok(IpAddr::V6(address)) => {
            request.push(IPV6);
            request.extend_from_slice(&address.octets());
        }
        Err(_) => {
            let name = ascii_name(bare(host)).unwrap_or_default();
            let length = u8::try_from(name.len()).ok().filter(|length| *length > 0);
            let length = length.ok_or_else(|| Failure::Refused("the host name is not valid".to_owned()))?;
            request.extend([DOMAIN_NAME, length]);
            request.extend_from_slice(name.as_bytes());
        }
    }
    request.extend_from_slice(&port.to_be_bytes());
    Ok(request)
}

/// RFC 1928, section 6. The address that the proxy tells is read, for it stands before what
/// the server says, and of no interest.
fn answer(stream: &mut impl Read) -> Result<(), Failure> {
    let [version, reply, _reserved, kind] = receive(stream)?;
    if version != VERSION {
        return Err(Failure::NotSocks("its answer is of another protocol"));
    }
    // After a refusal the connection is of no use, so the rest is not waited for.
    if reply != 0 {
        return Err(Failure::Refused(refusal(reply)));
    }
    let length = match kind {
        IPV4 => 4,
        IPV6 => 16,
        DOMAIN_NAME => {
            let [length] = receive(stream)?;
            usize::from(length)
        }
        _ => return Err(Failure::NotSocks("its answer has an unknown kind of address")),
    };
    let mut address_and_port = [0; 255 + 2];
    stream.read_exact(&mut address_and_port[..length + 2])?;
    Ok(())
}

fn refusal(reply: u8) -> String {
    match reply {
        1 => "the proxy reports a general failure".to_owned(),
        2 => "the proxy's rules do not allow it".to_owned(),
        3 => "the proxy cannot reach the network".to_owned(),
        4 => "the proxy cannot reach the host; check `host`".to_owned(),
        5 => "connection refused at the other end of the proxy; check `host` and `port`".to_owned(),
        6 => "the route from the proxy is too long (TTL expired)".to_owned(),
        7 => "the proxy does not know CONNECT".to_owned(),
        8 => "the proxy does not know this kind of address".to_owned(),
        other => format!("the proxy refused it with code {other}"),
    }
}

fn send(stream: &mut impl Write, octets: &[u8]) -> io::Result<()> {
    stream.write_all(octets)?;
    stream.flush()
}

fn receive<const N: usize>(stream: &mut impl Read) -> io::Result<[u8; N]> {
    let mut octets = [0; N];
    stream.read_exact(&mut octets)?;
    Ok(octets)
}

#[cfg(test)]
mod tests {
    use super::{NetError, Proxy, tunnel};
    use crate::exit::Exit;
    use std::io::{self, Cursor, Read, Write};

    /// What a proxy answers, octet by octet, and what it was told.
    struct Script {
        answers: Cursor<Vec<u8>>,
        told: Vec<u8>,
    }

    impl Read for Script {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let one = buffer.len().min(1);
            self.answers.read(&mut buffer[..one])
        }
    }

    impl Write for Script {
        fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
            self.told.write(octets)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// Speaks with a proxy that answers so: the outcome, what it was told, what is left unread.
    fn speak(proxy: &str, host: &str, answers: &[u8]) -> (Result<(), NetError>, Vec<u8>, Vec<u8>) {
        let mut script = Script { answers: Cursor::new(answers.to_vec()), told: Vec::new() };
        let outcome = tunnel(&mut script, &Proxy::parse(proxy).unwrap(), host, 995);
        let mut left = Vec::new();
        script.answers.read_to_end(&mut left).unwrap();
        (outcome, script.told, left)
    }

    const PLAIN: &str = "socks5://proxy.example";
    const LOGIN: &str = "socks5://joe:geheim@proxy.example";
    const CONNECTED: &[u8] = b"\x05\0\0\x01\x7f\0\0\x01\x04\x38";

    fn joined(parts: &[&[u8]]) -> Vec<u8> {
        parts.concat()
    }

    #[test]
    fn the_name_is_for_the_proxy_to_resolve_and_what_the_server_says_stays_unread() {
        let answers = joined(&[b"\x05\0", CONNECTED, b"+OK ready\r\n"]);
        let (outcome, told, left) = speak(PLAIN, "pop.example.com", &answers);
        outcome.unwrap();
        assert_eq!(told, b"\x05\x01\0\x05\x01\0\x03\x0fpop.example.com\x03\xe3");
        assert_eq!(left, b"+OK ready\r\n");
    }

    #[test]
    fn addresses_go_as_addresses_and_names_of_any_alphabet_in_ascii() {
        for (host, wanted) in [
            ("192.0.2.1", &b"\x01\xc0\0\x02\x01"[..]),
            ("[2001:db8::1]", b"\x04\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01"),
            ("b\u{fc}cher.example", b"\x03\x15xn--bcher-kva.example"),
        ] {
            let (outcome, told, _) = speak(PLAIN, host, &joined(&[b"\x05\0", CONNECTED]));
            outcome.unwrap();
            assert_eq!(told[3..], joined(&[b"\x05\x01\0", wanted, b"\x03\xe3"]), "{host}");
        }
    }

    #[test]
    fn every_kind_of_address_in_the_answer_is_read_to_its_end() {
        let v6 = joined(&[b"\x05\0\0\x04", &[0; 18]]);
        let name = joined(&[b"\x05\0\0\x03\xff", &[b'x'; 255], b"\0\0"]);
        let no_name = b"\x05\0\0\x03\0\0\0".to_vec();
        for answer in [v6, name, no_name] {
            let (outcome, _, left) = speak(PLAIN, "h", &joined(&[b"\x05\0", &answer, b"+OK"]));
            outcome.unwrap();
            assert_eq!(left, b"+OK");
        }
    }

    #[test]
    fn a_login_is_sent_when_the_proxy_wants_it() {
        let (outcome, told, _) = speak(LOGIN, "h", &joined(&[b"\x05\x02\x01\0", CONNECTED]));
        outcome.unwrap();
        assert_eq!(told, b"\x05\x02\0\x02\x01\x03joe\x06geheim\x05\x01\0\x03\x01h\x03\xe3");
        let (outcome, told, _) = speak(LOGIN, "h", &joined(&[b"\x05\0", CONNECTED]));
        outcome.unwrap();
        assert!(!told.windows(6).any(|word| word == b"geheim"), "it was not wanted");
    }

    #[test]
    fn what_goes_wrong_has_its_words_and_its_code() {
        let long = "x".repeat(300);
        for (proxy, host, answers, exit, words) in [
            (PLAIN, "h", &b"\x05\xff"[..], Exit::REFUSED, "it needs a login"),
            (PLAIN, "h", b"\x05\x02", Exit::PROTOCOL, "not offered"),
            (LOGIN, "h", b"\x05\xff", Exit::REFUSED, "does not accept a user"),
            (LOGIN, "h", b"\x05\x02\x01\x01", Exit::REFUSED, "check user and password"),
            (PLAIN, "h", b"HTTP/1.1 400", Exit::PROTOCOL, "another protocol"),
            (PLAIN, "h", b"\x05\0\x04\0\0\x01", Exit::PROTOCOL, "another protocol"),
            (PLAIN, "h", b"\x05\0\x05\0\0\x07", Exit::PROTOCOL, "unknown kind"),
            (PLAIN, "h", b"\x05\0\x05\x02\0\x01", Exit::UNAVAILABLE, "rules do not allow"),
            (PLAIN, "h", b"\x05\0\x05\x05\0\x01", Exit::UNAVAILABLE, "connection refused"),
            (PLAIN, "h", b"\x05\0\x05\x63\0\x01", Exit::UNAVAILABLE, "code 99"),
            (PLAIN, "h", b"\x05\0\x05\0\0\x01\0", Exit::UNAVAILABLE, "closed the connection"),
            (PLAIN, "h", b"", Exit::UNAVAILABLE, "closed the connection"),
            (PLAIN, long.as_str(), b"", Exit::UNAVAILABLE, "not valid"),
        ] {
            let (outcome, _, _) = speak(proxy, host, answers);
            let error = outcome.unwrap_err();
            assert_eq!(error.exit(), exit, "{error}");
            let text = format!("{error} {error:?}");
            assert!(text.contains(words) && text.contains("socks5://proxy.example:1080"), "{text}");
            assert!(!text.contains("geheim"), "{text}");
        }
    }
}

//! What a failed handshake means. The TLS library tells its failures apart only by their text
//! (OpenSSL's words; those of other systems' libraries are shown as they are), so this module and
//! `distrust` are the places that read it, and the tests beside them hold the words to what real
//! handshakes say.

use super::{Distrust, NetError, TlsVersion};
use std::error::Error;
use std::io::{self, ErrorKind};

/// Whose handshake failed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Peer<'p> {
    pub(super) host: &'p str,
    pub(super) port: u16,
    /// Whom the certificate must be for.
    pub(super) server_name: &'p str,
    pub(super) min_version: TlsVersion,
    /// We have a certificate to show.
    pub(super) identity: bool,
}

/// What the failure of a handshake means.
pub(super) fn of_handshake(error: &native_tls::Error, peer: Peer<'_>) -> NetError {
    let host = peer.host.to_owned();
    if let Some(cause) = io_cause(error) {
        return match cause.kind() {
            ErrorKind::TimedOut | ErrorKind::WouldBlock => out_of_time(&host),
            _ => NetError::HandshakeBroken { host, reason: cause.to_string() },
        };
    }
    let text = error.to_string();
    if let Some(distrust) = Distrust::from_library(&text) {
        return NetError::untrusted(peer.host, peer.server_name, distrust, None);
    }
    if is_about_our_certificate(&text) {
        return NetError::ClientRefused { host, reason: client_words(&text, peer.identity) };
    }
    let says = |words: &[&str]| words.iter().any(|word| text.contains(word));
    if let Some(remedy) = remedy(&text) {
        return NetError::HandshakeRefused { host, reason: format!("{}: {remedy}", library_words(&text)) };
    }
    if says(&["unexpected EOF", "unexpected eof"]) {
        let reason = "the server closed the connection; if it always does, check `tls` and `port`".to_owned();
        return NetError::HandshakeBroken { host, reason };
    }
    if says(&["alert", "unsupported protocol", "protocol version", "no protocols available"]) {
        let reason = format!("{}; {} is needed", library_words(&text), peer.min_version.or_newer());
        return NetError::HandshakeRefused { host, reason };
    }
    if says(&[
        "wrong version number",
        "packet length too long",
        "http request",
        "https proxy request",
        "unknown protocol",
        "record layer failure",
        "unexpected message",
        "bad record type",
    ]) {
        return NetError::NotTls { host, port: peer.port, reason: library_words(&text) };
    }
    NetError::HandshakeRefused { host, reason: library_words(&text) }
}

/// What helps where the server's side of TLS is older or weaker than OpenSSL takes.
fn remedy(text: &str) -> Option<String> {
    let says = |words: &[&str]| words.iter().any(|word| text.contains(word));
    let (fault, mend, setting) = if says(&["dh key too small"]) {
        (
            "the server's Diffie-Hellman key is so short that it can be broken",
            "give it parameters of 2048 bits, or ECDHE",
            "CipherString = DEFAULT:@SECLEVEL=1",
        )
    } else if says(&["legacy sigalg", "wrong signature type", "no suitable signature algorithm"]) {
        (
            "the server signs with SHA-1 or MD5, which can be forged",
            "bring its TLS library up to date, or get a new certificate for it",
            "CipherString = DEFAULT:@SECLEVEL=0",
        )
    } else if says(&["unsafe legacy renegotiation"]) {
        (
            "the server lacks secure renegotiation (RFC 5746), so that its sessions can be tampered with",
            "bring its TLS library up to date",
            "Options = UnsafeLegacyServerConnect",
        )
    } else if says(&["key too small", "md too weak", "md too small"]) {
        (
            "one of the server's keys or signatures is too weak",
            "get a new certificate for it, with an RSA key of 2048 bits or more, or ECDSA",
            "CipherString = DEFAULT:@SECLEVEL=1",
        )
    } else {
        return None;
    };
    Some(format!(
        "{fault}; its operator should {mend}; until then, if you accept the risk, `{setting}` in an OpenSSL \
         configuration that OPENSSL_CONF names lets this machine connect"
    ))
}

/// The handshake took longer than it may.
pub(super) fn out_of_time(host: &str) -> NetError {
    let reason = "the server did not answer in time; is `tls` right for this port?".to_owned();
    NetError::HandshakeBroken { host: host.to_owned(), reason }
}

/// Whether a failed read only says that the other side has closed the connection without TLS's
/// own farewell.
pub(super) fn is_end_of_connection(error: &io::Error) -> bool {
    error.kind() == ErrorKind::UnexpectedEof || {
        let text = error.to_string();
        text.contains("unexpected eof") || text.contains("unexpected EOF")
    }
}

/// A read that failed because the server, after the handshake, says what it thinks of our
/// certificate (TLS 1.3 has no earlier place for it): in plain words.
pub(super) fn of_read(error: io::Error, identity: bool) -> io::Error {
    let text = error.to_string();
    if is_about_our_certificate(&text) {
        io::Error::new(ErrorKind::PermissionDenied, client_words(&text, identity))
    } else {
        error
    }
}

/// Whether this is a server's alert about the certificate that we showed, or did not show.
fn is_about_our_certificate(text: &str) -> bool {
    text.contains("alert")
        && ["certificate", "unknown ca", "alert access denied"].iter().any(|words| text.contains(words))
}

fn client_words(text: &str, identity: bool) -> String {
    let said = library_words(text);
    if identity {
        format!("it does not accept your certificate ({said}); check `tls_client_cert`")
    } else {
        format!("it wants a certificate from you ({said}); set `tls_client_cert`")
    }
}

/// The I/O error beneath, if that is what ended it.
fn io_cause<'e>(error: &'e (dyn Error + 'static)) -> Option<&'e io::Error> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(cause) = error.downcast_ref::<io::Error>() {
            return Some(cause);
        }
        next = error.source();
    }
    None
}

/// The library's reason without its function names and file positions:
/// `error:0A00010B:SSL routines:ssl3_get_record:wrong version number:../ssl/record.c:354:`.
fn library_words(text: &str) -> String {
    match text.split(':').nth(4) {
        Some(reason) if text.starts_with("error:") && !reason.is_empty() => reason.to_owned(),
        _ => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::remedy;

    #[test]
    fn a_server_that_is_too_old_or_too_weak_for_openssl_is_told_with_the_remedy() {
        for (reason, setting) in [
            ("dh key too small", "SECLEVEL=1"),
            ("legacy sigalg disallowed or unsupported", "SECLEVEL=0"),
            ("wrong signature type", "SECLEVEL=0"),
            ("unsafe legacy renegotiation disabled", "UnsafeLegacyServerConnect"),
            ("ee key too small", "SECLEVEL=1"),
        ] {
            let text = format!("error:0A00018A:SSL routines:tls_process_ske_dhe:{reason}:../ssl/x.c:1:");
            let remedy = remedy(&text).unwrap();
            assert!(remedy.contains(setting) && remedy.contains("its operator"), "{remedy}");
        }
        assert_eq!(remedy("error:0A00010B:SSL routines:ssl3_get_record:wrong version number:x.c:354:"), None);
    }
}

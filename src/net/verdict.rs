//! What a failed handshake means. The TLS library tells its failures apart only by their text
//! (OpenSSL's words; those of other systems' libraries are shown as they are), so this module is
//! the one place that reads it, and the tests beside it hold the words to what real handshakes say.

use super::NetError;
use std::error::Error;
use std::io::{self, ErrorKind};

/// What the failure of a handshake means.
pub(super) fn of_handshake(error: &native_tls::Error, host: &str, port: u16, server_name: &str) -> NetError {
    let host = host.to_owned();
    if let Some(cause) = io_cause(error) {
        return match cause.kind() {
            ErrorKind::TimedOut | ErrorKind::WouldBlock => out_of_time(&host),
            _ => NetError::HandshakeBroken { host, reason: cause.to_string() },
        };
    }
    let text = error.to_string();
    if let Some(reason) = untrusted(&text, server_name) {
        return NetError::Certificate { host, reason };
    }
    let says = |words: &[&str]| words.iter().any(|word| text.contains(word));
    if says(&["unexpected EOF", "unexpected eof"]) {
        let reason = "the server closed the connection; if it always does, check `tls` and `port`".to_owned();
        return NetError::HandshakeBroken { host, reason };
    }
    if says(&["alert", "unsupported protocol", "protocol version", "no protocols available"]) {
        let reason = format!("{}; TLS 1.2 or newer is needed", library_words(&text));
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
        return NetError::NotTls { host, port, reason: library_words(&text) };
    }
    NetError::HandshakeRefused { host, reason: library_words(&text) }
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

/// Why the certificate is not trusted and what to do, if that is what `text` says.
fn untrusted(text: &str, server_name: &str) -> Option<String> {
    let says = |word: &str| text.contains(word);
    // An alert about a certificate is the server's opinion of ours.
    if !says("certificate") || says("alert") {
        return None;
    }
    Some(if says("certificate has expired") {
        "it has expired; the server's operator must renew it (or this machine's clock is wrong)".to_owned()
    } else if says("not yet valid") {
        "it is not valid yet; check this machine's clock".to_owned()
    } else if says("ostname mismatch") || says("IP address mismatch") {
        format!("it is not for {server_name}; set `host` to a name that the certificate has")
    } else if says("in certificate chain") {
        "its issuer is an authority this machine does not know; if it is your own, \
         name the authority's certificate in `tls_ca_file`"
            .to_owned()
    } else if says("self-signed") || says("self signed") {
        "it is self-signed; if it is your own server's, save the certificate as a PEM file \
         and name that in `tls_ca_file`"
            .to_owned()
    } else if says("issuer certificate") || says("first certificate") {
        "its issuer is unknown (the server may leave out an intermediate certificate); \
         name the issuer's certificate in `tls_ca_file`"
            .to_owned()
    } else if says("signature failure") {
        "its issuer has the name of an authority this machine knows, but not its key; \
         if the authority was renewed, name its new certificate in `tls_ca_file`"
            .to_owned()
    } else if says("revoked") {
        "its issuer has revoked it; do not trust this server".to_owned()
    } else if let Some((_, reason)) = text.rsplit_once('(') {
        // OpenSSL's own words for the rarer reasons stand in parentheses at the end.
        reason.trim_end_matches(')').to_owned()
    } else {
        text.to_owned()
    })
}

/// The library's reason without its function names and file positions:
/// `error:0A00010B:SSL routines:ssl3_get_record:wrong version number:../ssl/record.c:354:`.
fn library_words(text: &str) -> String {
    match text.split(':').nth(4) {
        Some(reason) if text.starts_with("error:") && !reason.is_empty() => reason.to_owned(),
        _ => text.to_owned(),
    }
}

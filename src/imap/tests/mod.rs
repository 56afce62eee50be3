//! The connection against transcripts.

mod append;
mod folders;
mod hostile;
mod login;
mod parsing;
mod reading;

use super::*;
use crate::event::Side;
use crate::exit::Exit;
use crate::net::script::{Progress, Script};
use crate::net::{TlsOptions, TlsSettings};
use crate::sasl::{Mechanism, SecretKind};
use crate::session::{Choice, Clearance, Login};
use secrecy::SecretString;
use std::sync::{Arc, Mutex};

/// What a tracer saw: `C: …` and `S: …`.
type Trace = Arc<Mutex<Vec<String>>>;

fn options() -> (Options, Trace) {
    let trace = Trace::default();
    let seen = Arc::clone(&trace);
    let tracer: Tracer = Arc::new(move |side, line: &[u8]| {
        let side = if side == Side::Client { 'C' } else { 'S' };
        seen.lock().unwrap().push(format!("{side}: {}", String::from_utf8_lossy(line)));
    });
    (Options { timeout: Duration::from_mins(1), until: None, tracer: Some(tracer) }, trace)
}

fn tls() -> TlsSettings {
    TlsSettings::new(&TlsOptions::new("imap.example.com")).unwrap()
}

/// A connection that was greeted, over TLS.
fn open(transcript: &str) -> (Connection<NotAuthenticated>, Progress) {
    let (script, progress) = Script::new(transcript, usize::MAX);
    (Connection::open(Box::new(script), options().0).unwrap(), progress)
}

fn open_error(transcript: &str) -> ImapError {
    let (script, _) = Script::new(transcript, usize::MAX);
    Connection::open(Box::new(script), options().0).unwrap_err()
}

fn secret() -> SecretString {
    SecretString::from("hunter2")
}

fn by<'a>(user: &'a str, secret: &'a SecretString, choice: Choice, clearance: Clearance) -> Login<'a> {
    let kind = match choice {
        Choice::Named(mechanism) => mechanism.takes(),
        Choice::Auto => SecretKind::Password,
    };
    Login { user, secret, kind, choice, clearance, host: "imap.example.com", port: 993 }
}

/// What the connection of [`logged_in`] offers unless a test says otherwise.
const MODERN: &str = "LITERAL+ MULTIAPPEND UIDPLUS BINARY";

/// How finely reads are cut, from octet by octet to not at all.
const SPLITS: [usize; 5] = [1, 2, 3, 10, usize::MAX];

/// A connection that was logged in as jane, reads bringing at most `split` octets; its next command is `P2`.
fn logged_in_by(offers: &str, transcript: &str, split: usize) -> (Connection<Authenticated>, Progress) {
    let transcript = format!(
        "S: * OK [CAPABILITY IMAP4rev1] ready\nC: P1 LOGIN \"jane\" \"hunter2\"\n\
         S: P1 OK [CAPABILITY IMAP4rev1 {offers}] in\n{transcript}"
    );
    let (script, progress) = Script::new(&transcript, split);
    let connection = Connection::open(Box::new(script), options().0).unwrap();
    let login = connection.login(&by("jane", &secret(), Choice::Auto, Clearance::EncryptedOnly));
    (login.unwrap(), progress)
}

fn logged_in(transcript: &str) -> (Connection<Authenticated>, Progress) {
    logged_in_by(MODERN, transcript, usize::MAX)
}

fn archive() -> Folder {
    Folder::new("Archive", Some(b'/'), false).unwrap()
}

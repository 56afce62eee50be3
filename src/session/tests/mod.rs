//! The session against transcripts.

mod authorization;
mod by_hand;
mod imail;
mod login;
mod transaction;

use super::*;
use crate::mail::digest::Digester;
use crate::net::script::{Progress, Script};
use crate::receipt::{Receipt, Sighting, VerifiedCopy};
use crate::sasl::{Mechanism, SecretKind};
use secrecy::SecretString;
use std::sync::Mutex;

/// What a tracer saw: `C: …` and `S: …`.
type Trace = Arc<Mutex<Vec<String>>>;

fn options(pipeline: Pipeline) -> (Options, Trace) {
    let trace = Trace::default();
    let seen = Arc::clone(&trace);
    let tracer: Tracer = Arc::new(move |side, line: &[u8]| {
        let side = if side == Side::Client { 'C' } else { 'S' };
        seen.lock().unwrap().push(format!("{side}: {}", String::from_utf8_lossy(line)));
    });
    (Options { timeout: Duration::from_mins(1), until: None, tracer: Some(tracer), pipeline }, trace)
}

/// A session whose greeting was read, over TLS.
fn open(transcript: &str) -> (Session<Authorization>, Progress) {
    let (script, progress) = Script::new(transcript, usize::MAX);
    (Session::open(Box::new(script), options(Pipeline::Never).0).unwrap(), progress)
}

fn secret() -> SecretString {
    SecretString::from("hunter2")
}

/// How `user` logs in.
fn by<'a>(user: &'a str, secret: &'a SecretString, choice: Choice, clearance: Clearance) -> Login<'a> {
    let kind = match choice {
        Choice::Named(mechanism) => mechanism.takes(),
        Choice::Auto => SecretKind::Password,
    };
    Login { user, secret, kind, choice, clearance, host: "pop.example.com", port: 995 }
}

/// A session that is logged in as jane, reads bringing at most `split` octets.
fn logged_in(pipeline: Pipeline, transcript: &str, split: usize) -> (Session<Transaction>, Progress) {
    let login =
        "S: +OK\nC: USER jane\nS: +OK\nC: PASS hunter2\nS: +OK\nC: CAPA\nS: +OK\nS: PIPELINING\nS: .\n";
    let (script, progress) = Script::new(&format!("{login}{transcript}"), split);
    let session = Session::open(Box::new(script), options(pipeline).0).unwrap();
    (
        session
            .login(&by("jane", &secret(), Choice::Named(Mechanism::User), Clearance::EncryptedOnly))
            .unwrap(),
        progress,
    )
}

/// How finely reads are cut, from octet by octet to not at all.
const SPLITS: [usize; 5] = [1, 2, 3, 10, usize::MAX];

/// A receipt for message `number` in `session`.
fn receipt(session: &Session<Transaction>, number: u32) -> Receipt {
    let (digest, _) = Digester::new().finish();
    let copy = VerifiedCopy::compare(&digest, &digest).unwrap();
    Receipt::issue(&copy, &Sighting::retrieved(session.id(), number, digest)).unwrap()
}

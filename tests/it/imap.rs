//! Folders of a real IMAP server, Debian's Dovecot, by the client in `popkeep::imap`.

use crate::awkward_mail::thirty_five;
use crate::support::dovecot::Dovecot;
use crate::support::dovecot_auth::{LATE, LONG_AGO, Mechanisms, token};
use crate::support::mail::{Mail, to_stored, to_wire};
use crate::support::maildrop::PASSWORD;
use popkeep::exit::Exit;
use popkeep::imap::{
    Authenticated, Connection, Examined, Flags, ImapError, InternalDate, Listed, NewUid, Options, Outcome,
    Outgoing,
};
use popkeep::net::{self, Route, TlsOptions, TlsSettings};
use popkeep::sasl::Mechanism;
use popkeep::session::{Choice, Clearance, Login};
use secrecy::SecretString;
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt as _;
use std::time::Duration;

/// How long anything may take.
const LIMIT: Duration = Duration::from_mins(1);

/// How a connection is protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Tls {
    Implicit,
    StartTls,
}

/// jane's connection, by a password or a token.
fn log_in_with(
    dovecot: &Dovecot,
    over: Tls,
    choice: Choice,
    secret: &str,
) -> Result<Connection<Authenticated>, ImapError> {
    let (port, tls_port) = dovecot.imap_ports();
    let ca_file = dovecot.ca_file();
    let options = TlsOptions { ca_file: Some(&ca_file), ..TlsOptions::new("localhost") };
    let tls = TlsSettings::new(&options).unwrap();
    let options = Options { timeout: LIMIT, until: None, tracer: None };
    let connection = match over {
        Tls::Implicit => {
            let transport = net::connect(&Route::direct("localhost", tls_port), Some(&tls), LIMIT).unwrap();
            Connection::open(transport, options).unwrap()
        }
        Tls::StartTls => {
            let transport = net::connect(&Route::direct("localhost", port), None, LIMIT).unwrap();
            Connection::open(transport, options).unwrap().start_tls(&tls).unwrap()
        }
    };
    let kind = match choice {
        Choice::Named(mechanism) => mechanism.takes(),
        Choice::Auto => Mechanism::Plain.takes(),
    };
    let login = Login {
        user: "jane",
        secret: &SecretString::from(secret),
        kind,
        choice,
        clearance: Clearance::EncryptedOnly,
        host: "localhost",
        port: tls_port,
    };
    connection.login(&login)
}

/// A server with jane's mail, and her connection.
fn logged_in(over: Tls) -> Option<(Dovecot, Connection<Authenticated>)> {
    let dovecot = Dovecot::start_with_imap(&["jane"])?;
    let connection = log_in_with(&dovecot, over, Choice::Auto, PASSWORD).unwrap();
    Some((dovecot, connection))
}

/// To append these octets.
fn outgoing(octets: usize, has_nul: bool, body: &mut dyn Read) -> Outgoing<'_> {
    Outgoing { flags: Flags::default(), date: None, octets: octets as u64, has_nul, body }
}

/// Appends these to the folder in one call; gives what became of them.
fn append(connection: &mut Connection<Authenticated>, path: &str, bodies: &[Vec<u8>]) -> Vec<Outcome> {
    let folder = connection.folder(path).unwrap();
    let mut readers: Vec<&[u8]> = bodies.iter().map(Vec::as_slice).collect();
    let mut messages: Vec<Outgoing<'_>> =
        readers.iter_mut().map(|reader| outgoing(reader.len(), reader.contains(&0), reader)).collect();
    connection.append(&folder, &mut messages).unwrap()
}

fn uids(outcomes: &[Outcome]) -> Vec<NewUid> {
    let uid = |outcome: &Outcome| match outcome {
        Outcome::Appended { uid } => uid.unwrap(),
        other => panic!("not appended: {other:?}"),
    };
    outcomes.iter().map(uid).collect()
}

fn listed(connection: &mut Connection<Authenticated>, from_uid: u32) -> Vec<Listed> {
    let mut all = Vec::new();
    connection.listed(from_uid, &mut |one| all.push(one)).unwrap();
    all
}

fn content(connection: &mut Connection<Authenticated>, uid: u32) -> Option<Vec<u8>> {
    let mut octets = Vec::new();
    let found = connection.content(uid, 1 << 30, &mut |part| octets.extend_from_slice(part)).unwrap();
    found.then_some(octets)
}

/// What is in jane's INBOX on the server's disk, in the order of arrival: a name begins with seconds and microseconds,
/// these without leading zeros.
fn on_disk(dovecot: &Dovecot) -> Vec<Vec<u8>> {
    let mut files = dovecot.folder("jane", "");
    files.sort_by_key(|file| {
        let name = file.file_name().unwrap().to_str().unwrap();
        let numbers =
            name.split(|c: char| !c.is_ascii_digit()).filter_map(|digits| digits.parse::<u64>().ok());
        numbers.take(2).collect::<Vec<_>>()
    });
    files.iter().map(|file| std::fs::read(file).unwrap()).collect()
}

#[test]
fn a_hundred_messages_in_one_command_are_there_octet_for_octet_with_their_dates_and_flags() {
    for over in [Tls::Implicit, Tls::StartTls] {
        let Some((dovecot, mut connection)) = logged_in(over) else { return };
        assert!(connection.security().is_encrypted() && connection.abilities().multiappend);
        let folder = connection.folder("Archive/2024").unwrap();
        assert_eq!(connection.examine(&folder).unwrap(), None);
        connection.create(&folder).unwrap();
        connection.create(&folder).unwrap();
        let Examined { uid_validity, messages: 0, uid_next: Some(1) } =
            connection.examine(&folder).unwrap().unwrap()
        else {
            panic!("a new folder is empty")
        };

        let mails = Mail::some(100);
        let wire: Vec<Vec<u8>> = mails.iter().map(|mail| to_wire(&mail.stored())).collect();
        let mut readers: Vec<&[u8]> = wire.iter().map(Vec::as_slice).collect();
        let mut messages: Vec<Outgoing<'_>> =
            readers.iter_mut().map(|reader| outgoing(reader.len(), false, reader)).collect();
        let date = |number: usize| 934_000_000 + 86_400 * i64::try_from(number).unwrap();
        for (number, message) in messages.iter_mut().enumerate() {
            message.date = InternalDate::new(date(number), 150);
            message.flags.seen = number % 2 == 0;
        }
        let outcomes = connection.append(&folder, &mut messages).unwrap();
        let expected: Vec<NewUid> = (1..=100).map(|uid| NewUid { validity: uid_validity, uid }).collect();
        assert_eq!(uids(&outcomes), expected);

        let files = dovecot.folder("jane", "Archive.2024");
        assert_eq!(files.len(), 100);
        for (number, file) in files.iter().enumerate() {
            assert_eq!(std::fs::read(file).unwrap(), mails[number].stored(), "{}", file.display());
            assert_eq!(std::fs::metadata(file).unwrap().mtime(), date(number));
            assert_eq!(file.to_str().unwrap().ends_with('S'), number % 2 == 0, "{}", file.display());
        }
        let all = listed(&mut connection, 1);
        assert_eq!(all.iter().map(|one| one.uid).collect::<Vec<_>>(), (1..=100).collect::<Vec<_>>());
        for (one, wire) in all.iter().zip(&wire) {
            assert_eq!(one.size, wire.len() as u64);
            let id = one.message_id.as_ref().unwrap();
            assert!(id.starts_with(b"<") && id.ends_with(b">"), "{one:?}");
        }
        assert_eq!(listed(&mut connection, 99), all[98..]);
        assert_eq!(listed(&mut connection, 101), [], "`101:*` gives the last message at Dovecot, too");
        assert_eq!(content(&mut connection, 100).as_ref(), wire.last());
        assert_eq!(content(&mut connection, 101), None);
        connection.logout();
    }
}

#[test]
fn awkward_mail_arrives_as_it_is() {
    let Some((dovecot, mut connection)) = logged_in(Tls::Implicit) else { return };
    let awkward: Vec<Vec<u8>> = thirty_five().iter().map(|(_, octets)| to_wire(octets)).collect();
    let sendable: Vec<Vec<u8>> = awkward.iter().filter(|wire| !wire.is_empty()).cloned().collect();
    assert!(sendable.iter().any(|wire| wire.contains(&0)));
    let outcomes = append(&mut connection, "INBOX", &sendable);
    assert_eq!(uids(&outcomes).len(), sendable.len());
    let stored: Vec<Vec<u8>> = sendable.iter().map(|wire| to_stored(wire)).collect();
    for (file, stored) in on_disk(&dovecot).into_iter().zip(&stored) {
        assert!(file == *stored, "{:?}", String::from_utf8_lossy(&stored[..stored.len().min(200)]));
    }
}

#[test]
fn nul_arrives_as_it_is_and_is_shown_as_another_octet() {
    let Some((dovecot, mut connection)) = logged_in(Tls::Implicit) else { return };
    let wire = b"Subject: nul\r\n\r\na\0b\r\n\0\0\r\n".to_vec();
    append(&mut connection, "INBOX", std::slice::from_ref(&wire));
    assert_eq!(on_disk(&dovecot), [to_stored(&wire)]);
    let inbox = connection.folder("inbox").unwrap();
    connection.examine(&inbox).unwrap();
    let shown: Vec<u8> = wire.iter().map(|octet| if *octet == 0 { 0x80 } else { *octet }).collect();
    assert_eq!(content(&mut connection, 1), Some(shown), "IMAP cannot show NUL in a literal");
}

#[test]
fn folders_of_any_name_are_made_once_and_found_again() {
    let Some((_dovecot, mut connection)) = logged_in(Tls::StartTls) else { return };
    for path in [
        "Archive with blanks",
        "Entwürfe & Müll",
        "&",
        "&-",
        "日本語/台北",
        "🐦/a/b",
        "say \"hello\"",
        "100% *real*",
        "(brackets) {5}",
        "{5}",
        "a.b",
        "Doesn't exist: daily limit, try again later",
    ] {
        let folder = connection.folder(path).unwrap();
        assert_eq!(connection.examine(&folder).unwrap(), None, "{path}");
        connection.create(&folder).unwrap();
        let opened = connection.examine(&folder).unwrap();
        assert!(opened.is_some_and(|opened| opened.messages == 0), "{path}: {opened:?}");
        let outcomes = append(&mut connection, path, &[b"Subject: x\r\n\r\n".to_vec()]);
        assert_eq!(uids(&outcomes).len(), 1, "{path}");
        assert_eq!(
            listed(&mut connection, 1).len(),
            1,
            "{path}: also in one that was empty when it was opened"
        );
    }
    for path in ["", "a//b", "a\r\nP9 DELETE b", "a\0b"] {
        let error = connection.folder(path).unwrap_err();
        assert_eq!(error.exit(), Exit::USAGE, "{path:?}: {error}");
    }
    let error = connection.create(&connection_folder("~nobody/x/../y")).unwrap_err();
    assert!(matches!(error, ImapError::Refused { .. }), "{error}");
}

/// A folder whose name no server has been asked about.
fn connection_folder(path: &str) -> popkeep::imap::Folder {
    popkeep::imap::Folder::new(path, Some(b'/'), false).unwrap()
}

#[test]
fn into_a_folder_that_is_not_there_nothing_goes() {
    let Some((_dovecot, mut connection)) = logged_in(Tls::Implicit) else { return };
    let bodies = [b"Subject: 1\r\n\r\n".to_vec(), b"Subject: 2\r\n\r\n".to_vec()];
    for outcome in append(&mut connection, "Nowhere", &bodies) {
        let Outcome::Refused(refusal) = outcome else { panic!("{outcome:?}") };
        assert_eq!(refusal.cause(), popkeep::imap::Cause::NoFolder, "{refusal}");
    }
    assert_eq!(append(&mut connection, "INBOX", &bodies).len(), 2, "the connection goes on");
}

/// Reads some octets, and then fails.
struct Broken(usize);

impl Read for Broken {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let part = self.0.min(buffer.len());
        self.0 -= part;
        buffer[..part].fill(b'x');
        if part == 0 { Err(io::Error::other("a bad disk")) } else { Ok(part) }
    }
}

#[test]
fn a_message_that_cannot_be_read_is_not_appended_nor_any_that_goes_with_it() {
    let Some((dovecot, mut connection)) = logged_in(Tls::Implicit) else { return };
    let inbox = connection.folder("INBOX").unwrap();
    let body = b"Subject: whole\r\n\r\n";
    let mut whole = [&body[..]; 2];
    let [first, last] = &mut whole;
    let mut broken = Broken(100_000);
    let mut messages = [
        outgoing(body.len(), false, first),
        outgoing(100_001, false, &mut broken),
        outgoing(body.len(), false, last),
    ];
    let interrupted = connection.append(&inbox, &mut messages).unwrap_err();
    assert_eq!(interrupted.outcomes, vec![Outcome::NotSent; 3]);
    assert!(matches!(interrupted.error, ImapError::Source(_)), "{}", interrupted.error);
    assert_eq!(interrupted.error.exit(), Exit::IO);
    assert!(matches!(connection.examine(&inbox), Err(ImapError::Order(_))), "nothing more is sent");
    drop(connection);

    let mut again = log_in_with(&dovecot, Tls::Implicit, Choice::Auto, PASSWORD).unwrap();
    assert_eq!(uids(&append(&mut again, "INBOX", &[body.to_vec()]))[0].uid, 1);
    assert_eq!(on_disk(&dovecot).len(), 1);
}

#[test]
fn every_way_to_log_in() {
    use Mechanism::{
        CramMd5, Login as LoginMechanism, OAuthBearer, Plain, ScramSha1, ScramSha256, User, XOAuth2,
    };
    let Some(dovecot) = Dovecot::start_imap_with(&["jane"], Mechanisms::Every) else { return };
    for over in [Tls::Implicit, Tls::StartTls] {
        for mechanism in [ScramSha256, ScramSha1, CramMd5, Plain, LoginMechanism, User] {
            let choice = Choice::Named(mechanism);
            let connection = log_in_with(&dovecot, over, choice, PASSWORD).unwrap();
            assert_eq!(connection.mechanism(), Some(mechanism));
            let error = log_in_with(&dovecot, over, choice, "another one").unwrap_err();
            assert_eq!(error.exit(), Exit::REFUSED, "{mechanism}: {error}");
            assert!(!error.to_string().contains("another one"), "{error}");
        }
        let auto = log_in_with(&dovecot, over, Choice::Auto, PASSWORD).unwrap();
        assert_eq!(auto.mechanism(), Some(ScramSha256));
        for mechanism in [OAuthBearer, XOAuth2] {
            let choice = Choice::Named(mechanism);
            let good = log_in_with(&dovecot, over, choice, &token("jane", LATE)).unwrap();
            assert_eq!(good.mechanism(), Some(mechanism));
            let old = log_in_with(&dovecot, over, choice, &token("jane", LONG_AGO)).unwrap_err();
            assert!(old.wants_new_token(), "{mechanism}: {old}");
        }
    }
}

//! Maildrops: who may open one, what is in it, who has it open.

use crate::disk::{self, Disk as _, Kind, OsDisk};
use crate::text::hex::Hex;
use secrecy::{ExposeSecret as _, SecretString};
use sha2::{Digest as _, Sha256};
use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The largest file that [`Maildrop::folder`] takes for a message, in octets.
const LARGEST: u64 = 1 << 30;

/// One user's maildrop, to be served by [`Server`](super::Server).
#[derive(Debug)]
pub struct Maildrop {
    user: String,
    password: SecretString,
    messages: Vec<Arc<Message>>,
    /// How often each content was seen, so that copies get unique-ids of their own.
    copies: HashMap<[u8; 32], u32>,
}

impl Maildrop {
    /// An empty maildrop.
    pub fn new(user: &str, password: &str) -> Self {
        Maildrop {
            user: user.to_owned(),
            password: SecretString::from(password),
            messages: Vec::new(),
            copies: HashMap::new(),
        }
    }

    /// Adds a message. Lines may end in LF or in CRLF. Its unique-id depends on its content and on
    /// how many equal messages were added before it, and so is the same in the next process.
    #[must_use]
    pub fn message(mut self, octets: &[u8]) -> Self {
        let content: [u8; 32] = Sha256::digest(octets).into();
        let copy = self.copies.entry(content).or_insert(0);
        let uid = uid(&[&content, &copy.to_be_bytes()]);
        *copy += 1;
        self.messages.push(Arc::new(Message { wire: wire_form(octets), uid, file: None }));
        self
    }

    /// Adds every regular file of a folder, in the order of their names; a deleted message's file
    /// is removed at QUIT. The unique-id depends on name and content.
    pub fn folder(mut self, folder: &Path) -> io::Result<Self> {
        for name in disk::names_in(folder)? {
            let file = folder.join(&name);
            if OsDisk.link_metadata(&file)?.kind == Kind::File {
                let octets = disk::read_limited(&file, LARGEST)?;
                let content: [u8; 32] = Sha256::digest(&octets).into();
                let uid = uid(&[&content, name.as_encoded_bytes()]);
                self.messages.push(Arc::new(Message { wire: wire_form(&octets), uid, file: Some(file) }));
            }
        }
        Ok(self)
    }

    pub(super) fn into_mailbox(self) -> Mailbox {
        Mailbox {
            user: self.user,
            password: self.password,
            messages: Mutex::new(self.messages),
            open: AtomicBool::new(false),
        }
    }
}

/// One message as it goes over the wire, before dot-stuffing.
#[derive(Debug)]
pub(super) struct Message {
    wire: Vec<u8>,
    uid: String,
    file: Option<PathBuf>,
}

impl Message {
    /// Its octets: every line, the last one too, ends in CRLF.
    pub(super) fn wire(&self) -> &[u8] {
        &self.wire
    }

    /// Its size for LIST: what RETR brings, without dot-stuffing.
    pub(super) fn size(&self) -> u64 {
        self.wire.len() as u64
    }

    /// Its unique-id, 1 to 70 octets from 0x21 to 0x7E (RFC 1939, section 7).
    pub(super) fn uid(&self) -> &str {
        &self.uid
    }

    /// The header with its empty line, and so many lines of the body (TOP).
    pub(super) fn top(&self, lines: u32) -> &[u8] {
        let header = if self.wire.starts_with(b"\r\n") {
            2
        } else {
            memchr::memmem::find(&self.wire, b"\r\n\r\n").map_or(self.wire.len(), |at| at + 4)
        };
        let (_, body) = self.wire.split_at(header);
        let line_ends = memchr::memmem::find_iter(body, b"\r\n").map(|at| at + 2);
        let end = match usize::try_from(lines).unwrap_or(usize::MAX).checked_sub(1) {
            None => 0,
            Some(before) => line_ends.into_iter().nth(before).unwrap_or(body.len()),
        };
        &self.wire[..header + end]
    }
}

/// A maildrop that is being served.
#[derive(Debug)]
pub(super) struct Mailbox {
    user: String,
    password: SecretString,
    messages: Mutex<Vec<Arc<Message>>>,
    open: AtomicBool,
}

impl Mailbox {
    /// Whether these are its user and password.
    pub(super) fn admits(&self, user: &str, password: &str) -> bool {
        self.user == user && self.password.expose_secret() == password
    }

    /// Whose it is.
    pub(super) fn user(&self) -> &str {
        &self.user
    }

    /// How many messages are in it.
    pub(super) fn len(&self) -> usize {
        self.messages().len()
    }

    /// Opens it for one session; `None` while another one has it.
    pub(super) fn claim(self: &Arc<Self>) -> Option<Claim> {
        let was_open = self.open.swap(true, Ordering::AcqRel);
        (!was_open).then(|| Claim { mailbox: Arc::clone(self) })
    }

    fn messages(&self) -> MutexGuard<'_, Vec<Arc<Message>>> {
        // A vector is whole whatever a panicking thread was doing with it.
        self.messages.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The exclusive-access lock of RFC 1939, section 4; given back when it is dropped.
#[derive(Debug)]
pub(super) struct Claim {
    mailbox: Arc<Mailbox>,
}

impl Claim {
    /// What is in the maildrop now.
    pub(super) fn messages(&self) -> Vec<Arc<Message>> {
        self.mailbox.messages().clone()
    }

    /// The UPDATE state: removes these messages. `false` when the file of one could not be
    /// removed; that message stays.
    pub(super) fn remove(&self, doomed: &[Arc<Message>]) -> bool {
        let mut all = true;
        self.mailbox.messages().retain(|message| {
            if !doomed.iter().any(|doomed| Arc::ptr_eq(doomed, message)) {
                return true;
            }
            let removed = match &message.file {
                None => true,
                Some(file) => match OsDisk.unlink(file) {
                    Err(error) => error.kind() == io::ErrorKind::NotFound,
                    Ok(()) => true,
                },
            };
            all &= removed;
            !removed
        });
        all
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        self.mailbox.open.store(false, Ordering::Release);
    }
}

/// Ends every line in CRLF, the last one too; a CR alone stays.
fn wire_form(octets: &[u8]) -> Vec<u8> {
    let mut wire = Vec::with_capacity(octets.len() + octets.len() / 32 + 2);
    for line in octets.split_inclusive(|&octet| octet == b'\n') {
        let text = line.strip_suffix(b"\n").unwrap_or(line);
        // A CR that is not before an LF is part of the text.
        let ended = line.len() > text.len();
        wire.extend_from_slice(if ended { text.strip_suffix(b"\r").unwrap_or(text) } else { text });
        wire.extend_from_slice(b"\r\n");
    }
    wire
}

fn uid(parts: &[&[u8]]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part);
    }
    Hex(&hash.finalize()[..16]).to_string()
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "tests look at files as a user does")]
mod tests {
    use super::{Maildrop, Message, wire_form};

    fn message(octets: &[u8]) -> Message {
        Message { wire: wire_form(octets), uid: String::new(), file: None }
    }

    #[test]
    fn every_line_goes_out_with_crlf() {
        assert_eq!(wire_form(b"a\nb\r\nc"), b"a\r\nb\r\nc\r\n");
        assert_eq!(wire_form(b"bare\rreturn\r\r\nlast\r"), b"bare\rreturn\r\r\nlast\r\r\n");
        assert_eq!(wire_form(b"\n"), b"\r\n");
        assert_eq!(wire_form(b""), b"");
    }

    #[test]
    fn top_counts_lines_of_the_body() {
        let mail = message(b"A: b\nC: d\n\n1\n2\n3\n");
        assert_eq!(mail.top(0), b"A: b\r\nC: d\r\n\r\n");
        assert_eq!(mail.top(2), b"A: b\r\nC: d\r\n\r\n1\r\n2\r\n");
        assert_eq!(mail.top(3), mail.wire());
        assert_eq!(mail.top(u32::MAX), mail.wire());
        assert_eq!(message(b"A: no body\n").top(1), b"A: no body\r\n");
        assert_eq!(message(b"\nno header\n").top(0), b"\r\n");
        assert_eq!(message(b"").top(1), b"");
    }

    #[test]
    fn unique_ids_are_unique_and_the_same_in_the_next_process() {
        let uids = || -> Vec<String> {
            let drop = Maildrop::new("jane", "secret").message(b"a\n").message(b"b\n").message(b"a\n");
            drop.messages.iter().map(|message| message.uid().to_owned()).collect()
        };
        let first = uids();
        assert_eq!(first, uids());
        assert!(first[0] != first[1] && first[0] != first[2] && first[1] != first[2]);
        assert!(first.iter().all(|uid| uid.len() == 32));
    }

    #[test]
    fn a_folder_is_served_in_the_order_of_its_names_and_loses_what_is_deleted() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["2.eml", "1.eml"] {
            std::fs::write(folder.path().join(name), format!("Subject: {name}\n\n")).unwrap();
        }
        std::fs::create_dir(folder.path().join("not a message")).unwrap();
        let mailbox = std::sync::Arc::new(
            Maildrop::new("jane", "secret").folder(folder.path()).unwrap().into_mailbox(),
        );
        let claim = mailbox.claim().unwrap();
        let messages = claim.messages();
        assert_eq!(messages.len(), 2);
        assert_eq!(messages[0].wire(), b"Subject: 1.eml\r\n\r\n");
        assert!(claim.remove(&messages[..1]));
        assert!(!folder.path().join("1.eml").exists());
        assert!(folder.path().join("2.eml").exists());
        assert_eq!(mailbox.len(), 1);
    }

    #[test]
    fn a_maildrop_is_open_once() {
        let mailbox = std::sync::Arc::new(Maildrop::new("jane", "secret").into_mailbox());
        let claim = mailbox.claim();
        assert!(claim.is_some());
        assert!(mailbox.claim().is_none());
        drop(claim);
        assert!(mailbox.claim().is_some());
    }
}

//! Maildrops that are held in memory: the demo's and those of tests. DELE is honoured, and one session at a time has
//! one.

use super::maildrop::{Closed, Deletion, NotGiven, OpenMaildrop, Served, Taker};
use crate::disk::{self, Disk as _, Kind, OsDisk};
use crate::text::hex::Hex;
use secrecy::SecretString;
use sha2::{Digest as _, Sha256};
use std::collections::HashMap;
use std::io;
use std::ops::Range;
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

    /// It as the server offers it, and the password.
    pub(super) fn into_offer(self) -> (InMemory, SecretString) {
        let Maildrop { user, password, messages, .. } = self;
        (
            InMemory(Arc::new(Held { user, messages: Mutex::new(messages), open: AtomicBool::new(false) })),
            password,
        )
    }
}

/// One message as it goes over the wire, before dot-stuffing.
#[derive(Debug)]
struct Message {
    wire: Vec<u8>,
    uid: String,
    file: Option<PathBuf>,
}

/// A maildrop that is being served.
#[derive(Debug)]
pub(super) struct InMemory(Arc<Held>);

#[derive(Debug)]
struct Held {
    user: String,
    messages: Mutex<Vec<Arc<Message>>>,
    open: AtomicBool,
}

impl Held {
    fn messages(&self) -> MutexGuard<'_, Vec<Arc<Message>>> {
        // A vector is whole whatever a panicking thread was doing with it.
        self.messages.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Served for InMemory {
    fn user(&self) -> &str {
        &self.0.user
    }

    fn open(&self) -> Result<Box<dyn OpenMaildrop>, Closed> {
        if self.0.open.swap(true, Ordering::AcqRel) {
            return Err(Closed::InUse);
        }
        Ok(Box::new(Open { messages: self.0.messages().clone(), held: Arc::clone(&self.0) }))
    }

    fn messages(&self) -> usize {
        self.0.messages().len()
    }
}

/// The exclusive-access lock of RFC 1939, section 4; given back when it is dropped.
#[derive(Debug)]
struct Open {
    held: Arc<Held>,
    messages: Vec<Arc<Message>>,
}

impl OpenMaildrop for Open {
    fn len(&self) -> usize {
        self.messages.len()
    }

    fn size(&self, at: usize) -> u64 {
        self.messages.get(at).map_or(0, |message| message.wire.len() as u64)
    }

    fn uids(
        &mut self,
        range: Range<usize>,
        each: &mut dyn FnMut(usize, &str) -> io::Result<()>,
    ) -> Result<(), NotGiven> {
        for (at, message) in self.messages.iter().enumerate().skip(range.start).take(range.len()) {
            each(at, &message.uid)?;
        }
        Ok(())
    }

    fn read(&mut self, at: usize, _whole: bool, taker: &mut dyn Taker) -> Result<(), NotGiven> {
        let Some(message) = self.messages.get(at) else {
            return Err(NotGiven::Refused("no such message".to_owned()));
        };
        taker.begin(message.wire.len() as u64)?;
        taker.take(&message.wire)?;
        taker.end();
        Ok(())
    }

    fn deletion(&self) -> Deletion {
        Deletion::AtQuit
    }

    fn close(self: Box<Self>, doomed: &[usize]) -> bool {
        let doomed: Vec<&Arc<Message>> = doomed.iter().filter_map(|at| self.messages.get(*at)).collect();
        let mut all = true;
        self.held.messages().retain(|message| {
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

impl Drop for Open {
    fn drop(&mut self) {
        self.held.open.store(false, Ordering::Release);
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
    use super::{Maildrop, wire_form};
    use crate::server::maildrop::{Closed, Served as _};

    #[test]
    fn every_line_goes_out_with_crlf() {
        assert_eq!(wire_form(b"a\nb\r\nc"), b"a\r\nb\r\nc\r\n");
        assert_eq!(wire_form(b"bare\rreturn\r\r\nlast\r"), b"bare\rreturn\r\r\nlast\r\r\n");
        assert_eq!(wire_form(b"\n"), b"\r\n");
        assert_eq!(wire_form(b""), b"");
    }

    #[test]
    fn unique_ids_are_unique_and_the_same_in_the_next_process() {
        let uids = || -> Vec<String> {
            let drop = Maildrop::new("jane", "secret").message(b"a\n").message(b"b\n").message(b"a\n");
            drop.messages.iter().map(|message| message.uid.clone()).collect()
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
        let (served, _) = Maildrop::new("jane", "secret").folder(folder.path()).unwrap().into_offer();
        let open = served.open().unwrap();
        assert_eq!((open.len(), open.size(0)), (2, 18));
        assert!(open.close(&[0]));
        assert!(!folder.path().join("1.eml").exists());
        assert!(folder.path().join("2.eml").exists());
        assert_eq!(served.messages(), 1);
    }

    #[test]
    fn a_maildrop_is_open_once() {
        let (served, _) = Maildrop::new("jane", "secret").into_offer();
        let open = served.open().unwrap();
        assert_eq!(served.open().err(), Some(Closed::InUse));
        drop(open);
        assert!(served.open().is_ok());
    }
}

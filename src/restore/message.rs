//! A message on its way from an archive to a folder: its wire form, and what it is known by there.
//!
//! Promises: small ones are held in memory, large ones in a file without a name in the state folder; octets are those of the
//! archive with CRLF line ends, and nothing is added, not even an end to an unfinished last line.

use super::mark::{Mark, message_id};
use crate::clock;
use crate::disk::{Disk as _, OsDisk, OsFile};
use crate::ledger::UnixTime;
use crate::mail::digest::{Digest, Digester, Hash};
use crate::mail::line_ends::Wire;
use crate::mail::{dated, headers};
use std::io::{self, Read, Seek as _, SeekFrom, Write as _};
use std::path::Path;

/// Octets of a message that are held in memory, at most.
const MEMORY: usize = 1 << 20;

/// A message that is being read from its archive.
pub(super) struct Draft {
    wire: Wire,
    digester: Digester,
    header: headers::Reader,
    memory: Vec<u8>,
    file: Option<OsFile>,
    octets: u64,
    has_nul: bool,
}

/// A message, read whole.
pub(super) struct Body {
    memory: Vec<u8>,
    file: Option<OsFile>,
    /// Octets of its wire form.
    pub(super) octets: u64,
    /// One of them is NUL.
    pub(super) has_nul: bool,
    /// When it came, by its own header.
    pub(super) date: Option<UnixTime>,
    /// What it is known by.
    pub(super) message_id: Option<[u8; 16]>,
    /// The hash of its stored form, under which it goes on record.
    pub(super) content: Hash,
}

impl Draft {
    pub(super) fn new() -> Self {
        Draft {
            wire: Wire::new(),
            digester: Digester::new(),
            header: headers::Reader::new(),
            memory: Vec::new(),
            file: None,
            octets: 0,
            has_nul: false,
        }
    }

    /// Adds octets of its stored form. A large message goes into a file in `folder`.
    pub(super) fn write(&mut self, octets: &[u8], folder: &Path) -> io::Result<()> {
        self.digester.update(octets);
        self.header.update(octets);
        self.has_nul = self.has_nul || memchr::memchr(0, octets).is_some();
        let before = self.memory.len();
        self.wire.feed(octets, &mut self.memory);
        self.octets += (self.memory.len() - before) as u64;
        if self.memory.len() > MEMORY {
            let file = match &mut self.file {
                Some(file) => file,
                None => self.file.insert(OsDisk.create_unnamed(folder)?),
            };
            file.write_all(&self.memory)?;
            self.memory.clear();
        }
        Ok(())
    }

    /// The whole, and the hashes of its stored form.
    pub(super) fn finish(mut self) -> io::Result<(Body, Digest)> {
        if let Some(file) = &mut self.file {
            file.write_all(&self.memory)?;
            self.memory = Vec::new();
        }
        let (digest, _) = self.digester.finish();
        let header = self.header.into_header();
        let body = Body {
            memory: self.memory,
            file: self.file,
            octets: self.octets,
            has_nul: self.has_nul,
            date: dated::arrival(&header, clock::now()),
            message_id: message_id(&header),
            content: digest.content(),
        };
        Ok((body, digest))
    }
}

impl Body {
    pub(super) fn mark(&self) -> Mark {
        Mark::of(self.message_id.as_ref(), self.octets)
    }

    /// Octets that it takes in memory.
    pub(super) fn held(&self) -> u64 {
        self.memory.len() as u64
    }

    /// Its wire form from the beginning.
    pub(super) fn reader(&mut self) -> io::Result<Box<dyn Read + '_>> {
        match &mut self.file {
            Some(file) => {
                file.seek(SeekFrom::Start(0))?;
                Ok(Box::new(io::BufReader::with_capacity(64 << 10, file)))
            }
            None => Ok(Box::new(&self.memory[..])),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Draft, MEMORY};

    #[test]
    fn a_message_crosses_the_wire_as_it_is_small_or_large() {
        let folder = tempfile::tempdir().unwrap();
        let large = b"Message-ID: <a@b>\n\nline\r\nbare \r cr\n".repeat(MEMORY / 20);
        for (stored, in_file) in [(&b"Date: x\n\nno end"[..], false), (b"", false), (&large, true)] {
            let mut draft = Draft::new();
            for piece in stored.chunks(7001) {
                draft.write(piece, folder.path()).unwrap();
            }
            let (mut body, _) = draft.finish().unwrap();
            assert_eq!(body.file.is_some(), in_file);
            let mut wire = Vec::new();
            for _ in 0..2 {
                wire.clear();
                body.reader().unwrap().read_to_end(&mut wire).unwrap();
            }
            assert_eq!(body.octets, wire.len() as u64);
            let mut wanted = Vec::new();
            for octet in stored {
                wanted.extend_from_slice(if *octet == b'\n' { b"\r\n" } else { std::slice::from_ref(octet) });
            }
            assert!(wire == wanted);
        }
    }
}

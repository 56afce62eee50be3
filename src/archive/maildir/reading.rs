//! Reading a Maildir's copies: each is a file.

use crate::archive::reading::{Content, CopyAt, CopyReader, open};
use crate::archive::{BUFFER, digest_of, digest_of_marked};
use crate::disk::Disk;
use crate::ledger::Row;
use crate::receipt::VerifiedCopy;
use std::io::{self, ErrorKind, Read as _};
use std::ops::ControlFlow;
use std::sync::Arc;

pub(super) struct FileReader<D>(pub(super) Arc<D>);

impl<D: Disk> CopyReader for FileReader<D> {
    fn examine(&self, at: &CopyAt, row: &Row, anew: bool) -> io::Result<Content> {
        let (digest, size) = digest_of(open(&*self.0, at, anew)?)?;
        if digest == row.digest {
            return Ok(Content::Exact);
        }
        if digest.rest == row.digest.rest {
            let (marked, _) = digest_of_marked(open(&*self.0, at, anew)?)?;
            if VerifiedCopy::compare(&marked, &row.digest).is_some() {
                return Ok(Content::Marked);
            }
        }
        Ok(Content::Different(Some(size)))
    }

    fn read_while(
        &self,
        at: &CopyAt,
        _size: u64,
        each: &mut dyn FnMut(&[u8]) -> ControlFlow<()>,
    ) -> io::Result<bool> {
        let mut file = open(&*self.0, at, false)?;
        let mut buffer = vec![0; BUFFER];
        loop {
            match file.read(&mut buffer) {
                Ok(0) => return Ok(true),
                Ok(got) if each(&buffer[..got]).is_break() => return Ok(true),
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }
}

//! Reading an mbox's copies: each is a region of the file.

use super::{look, region};
use crate::archive::reading::{Content, CopyAt, CopyReader, open};
use crate::disk::Disk;
use crate::ledger::Row;
use std::io;
use std::ops::ControlFlow;
use std::sync::Arc;

pub(super) struct RegionReader<D>(pub(super) Arc<D>);

impl<D: Disk> CopyReader for RegionReader<D> {
    fn examine(&self, at: &CopyAt, row: &Row, anew: bool) -> io::Result<Content> {
        let CopyAt::Region { region, .. } = at else { return Ok(Content::Different(None)) };
        let mut file = open(&*self.0, at, anew)?;
        if region::digest(&mut file, region.clone(), Some(row.size))?.as_ref() == Some(&row.digest) {
            return Ok(Content::Exact);
        }
        let marked = look::copy(&mut file, region.clone(), row)?;
        Ok(marked.map_or(Content::Different(None), |_| Content::Marked))
    }

    fn read_while(
        &self,
        at: &CopyAt,
        size: u64,
        each: &mut dyn FnMut(&[u8]) -> ControlFlow<()>,
    ) -> io::Result<bool> {
        let CopyAt::Region { region, .. } = at else { return Ok(false) };
        region::sized_message(&mut open(&*self.0, at, false)?, region.clone(), size, each)
    }
}

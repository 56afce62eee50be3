//! `popkeep show`: one archived message, for reading.

mod error;
mod page;
mod saving;

pub use error::ShowError;

use super::output::{Out, Printer};
use super::{Failure, load, output, pager, search};
use crate::archive::{Content, CopyAt, CopyReader};
use crate::cli;
use crate::exit::Exit;
use crate::ledger::Row;
use crate::mail::headers;
use crate::mail::id::IdStart;
use crate::mail::readable::{Reader, Wanted};
use crate::search::{Copies, Hit, Query, Search};
use std::io::Write;
use std::path::Path;
use std::sync::Arc;

/// Octets of text that are shown.
const TEXT: usize = 1 << 20;

/// Shows the message that `options` name.
pub(super) fn run<W: Write>(
    file: Option<&Path>,
    options: &cli::Show,
    out: &mut Out<W>,
) -> Result<Exit, Failure> {
    let start = IdStart::parse(&options.id).ok_or_else(|| ShowError::NoId { given: options.id.clone() })?;
    let config = load(file)?;
    let query = Query::Id(start);
    let mut opened = search::open(&config, &config.select(&options.accounts)?, &query)?;
    let (hit, copy) = find(&mut opened.search, &query, &options.id, opened.exit)?;
    if options.raw {
        raw(&copy, out)?;
    } else if options.headers {
        let mut header = headers::Reader::new();
        copy.read(&mut |octets| header.update(octets))?;
        out.write_all(page::headers(&header.into_header()).as_bytes())?;
    } else {
        let wanted = Wanted { text: TEXT, sizes: true };
        let (read, message) = Reader::new(wanted).read(|each| copy.read(each));
        read?;
        if let Some(folder) = &options.save {
            saving::save(&copy, &message, folder, out)?;
        } else {
            let page = page::page(&hit, &options.id, &message);
            if copy.is_whole && opened.exit.is_ok() && pager::is_wanted(page.lines().count()) {
                let folder = crate::search::folder(&config)?;
                pager::page(&folder, out, |out| out.write_all(page.as_bytes()))?;
            } else {
                out.write_all(page.as_bytes())?;
            }
        }
    }
    if copy.is_whole {
        return Ok(opened.exit);
    }
    let id = &options.id;
    output::complain(&format!(
        "popkeep: {id} is not what was archived: its copy is damaged. Run popkeep verify {} --repair",
        hit.account
    ));
    Ok(Exit::merge([opened.exit, Exit::MISSING]))
}

/// A copy that can be read.
struct ReadableCopy {
    at: CopyAt,
    row: Row,
    reader: Arc<dyn CopyReader>,
    /// It is octet for octet what was archived, but for header marks of mail programs.
    is_whole: bool,
}

impl ReadableCopy {
    fn read(&self, each: &mut dyn FnMut(&[u8])) -> Result<(), ShowError> {
        match self.reader.read(&self.at, self.row.size, each) {
            Ok(true) => Ok(()),
            Ok(false) => Err(ShowError::Gone { place: self.at.to_string() }),
            Err(source) => Err(ShowError::Read { place: self.at.to_string(), source }),
        }
    }
}

/// The message with this ID, and its best copy.
fn find(
    search: &mut Search<'_>,
    query: &Query,
    id: &str,
    exit: Exit,
) -> Result<(Hit, ReadableCopy), Failure> {
    let mut hits = Vec::new();
    for found in search.find(query, None)? {
        hits.extend(search.hit(found)?);
    }
    let mut ids: Vec<_> = hits.iter().map(|hit| hit.id).collect();
    ids.sort_unstable();
    ids.dedup();
    if ids.len() > 1 {
        return Err(ShowError::ambiguous(id, &hits, search.id_digits()?).into());
    }
    let mut damaged = None;
    let mut problem = None;
    for hit in hits {
        let Some(Copies { row, at, reader }) = search.copies(&hit)? else { continue };
        for at in at {
            match reader.examine(&at, &row, false) {
                Ok(content) => {
                    let is_whole = content == Content::Exact || content == Content::Marked;
                    let (row, reader) = (row.clone(), Arc::clone(&reader));
                    let copy = ReadableCopy { at, row, reader, is_whole };
                    if is_whole {
                        return Ok((hit, copy));
                    }
                    damaged.get_or_insert((hit.clone(), copy));
                }
                Err(source) => problem = Some(ShowError::Read { place: at.to_string(), source }),
            }
        }
    }
    // An account that could not be searched may have it.
    let unknown = || ShowError::Unknown { id: id.to_owned(), exit: Exit::merge([exit, Exit::MISSING]) };
    damaged.ok_or_else(|| problem.unwrap_or_else(unknown).into())
}

/// `--raw`.
fn raw<W: Write>(copy: &ReadableCopy, out: &mut Out<W>) -> Result<(), Failure> {
    let mut printer = Printer::new(out, false);
    let read = copy.read(&mut |octets| {
        let _ = printer.put(octets);
    });
    printer.finish()?;
    Ok(read?)
}

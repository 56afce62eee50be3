//! The mail of any program: each message of a Maildir, an mbox, a single file, or a folder with any of these in it.
//!
//! Promises: nothing is changed, symbolic links are not followed, memory is a constant whatever the messages; what
//! cannot be read is reported, and everything else is read.

use super::mbox::region;
use super::{BUFFER, CopyAt};
use crate::disk::{Access, Disk as _, DiskFile as _, Kind, OsDisk, OsFile};
use crate::mail::digest::{Digest, Digester};
use crate::mail::line_ends::Unix;
use std::ffi::OsStr;
use std::io::{self, Read as _};
use std::ops::{ControlFlow, Range};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Folders within folders, at most.
const DEPTH: usize = 32;

/// How the octets of a copy become a stored form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// As they are.
    AsIs,
    /// With LF for CRLF: a file as it came over the network, or from Windows.
    WithoutCr,
    /// Without the newline at its end, which an mbox adds to a message that has none.
    WithoutNewline,
}

/// One message of a collection.
#[derive(Clone, Debug)]
pub struct Found {
    /// Where it is.
    pub at: CopyAt,
    /// What its stored form may be.
    pub forms: Vec<(Form, Digest)>,
}

/// Calls `each` with every message in and below `path`, until it says `Break`; `problem` hears what cannot be read.
pub fn each(
    path: &Path,
    each: &mut dyn FnMut(&Found) -> ControlFlow<()>,
    problem: &mut dyn FnMut(&Path, &io::Error),
) {
    let _ = walk(path, DEPTH, true, each, problem);
}

fn walk(
    path: &Path,
    depth: usize,
    named: bool,
    each: &mut dyn FnMut(&Found) -> ControlFlow<()>,
    problem: &mut dyn FnMut(&Path, &io::Error),
) -> ControlFlow<()> {
    // What the caller has named may be a link; what is found on the way may lead anywhere.
    let meta = if named { OsDisk.metadata(path) } else { OsDisk.link_metadata(path) };
    match meta.map(|meta| meta.kind) {
        Ok(Kind::Folder) if depth > 0 => walk_folder(path, depth, each, problem),
        Ok(Kind::File) => {
            let mut flow = ControlFlow::Continue(());
            if let Err(error) = file(path, named, &mut |found| {
                flow = each(found);
                flow
            }) {
                problem(path, &error);
            }
            flow
        }
        Ok(_) => ControlFlow::Continue(()),
        Err(error) => {
            problem(path, &error);
            ControlFlow::Continue(())
        }
    }
}

fn walk_folder(
    path: &Path,
    depth: usize,
    each: &mut dyn FnMut(&Found) -> ControlFlow<()>,
    problem: &mut dyn FnMut(&Path, &io::Error),
) -> ControlFlow<()> {
    let mut names: Vec<PathBuf> = Vec::new();
    let read = OsDisk.read_dir(path, &mut |name| {
        names.push(path.join(name));
        true
    });
    if let Err(error) = read {
        problem(path, &error);
    }
    names.sort_unstable();
    for name in names {
        // Half-delivered messages are none.
        let is_tmp = name.file_name() == Some(OsStr::new("tmp"));
        if is_tmp && OsDisk.metadata(&path.join("cur")).is_ok() {
            continue;
        }
        walk(&name, depth - 1, false, each, problem)?;
    }
    ControlFlow::Continue(())
}

/// The messages of one file.
fn file(path: &Path, named: bool, each: &mut dyn FnMut(&Found) -> ControlFlow<()>) -> io::Result<()> {
    let mut file = open(path)?;
    let is_mbox = region::read_at(&mut file, 0, 5)? == b"From ";
    // A file of a Maildir is one message, whatever it begins with.
    if is_a_message(path) || named && !is_mbox {
        let forms = forms_of_file(&mut open(path)?)?;
        if each(&Found { at: CopyAt::File(path.to_owned()), forms }).is_break() {
            return Ok(());
        }
    }
    if is_mbox {
        let shared: Arc<Path> = Arc::from(path);
        let len = file.metadata()?.len;
        region::each_message(&mut file, len, &mut |file, region| {
            let Some(forms) = forms_of_region(file, region.clone())? else { return Ok(true) };
            let at = CopyAt::Region { path: Arc::clone(&shared), region };
            Ok(each(&Found { at, forms }).is_continue())
        })?;
    }
    Ok(())
}

/// Whether a file's name says that it is one message: in a Maildir, in an MH folder, or with `.eml` at its end.
fn is_a_message(path: &Path) -> bool {
    let folder = path.parent().and_then(Path::file_name);
    let name = path.file_name().map(OsStr::as_encoded_bytes).unwrap_or_default();
    let in_maildir =
        folder.is_some_and(|folder| folder == "new" || folder == "cur") && !name.starts_with(b".");
    let eml = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("eml"));
    in_maildir || eml || !name.is_empty() && name.iter().all(u8::is_ascii_digit)
}

fn open(path: &Path) -> io::Result<OsFile> {
    OsDisk.open(path, Access::Read)
}

fn forms_of_file(file: &mut OsFile) -> io::Result<Vec<(Form, Digest)>> {
    let (mut as_is, mut without_cr) = (Digester::new(), Digester::new());
    let (mut unix, mut unix_octets, mut has_cr) = (Unix::new(), Vec::new(), false);
    each_piece(file, &mut |octets| {
        as_is.update(octets);
        has_cr |= memchr::memchr(b'\r', octets).is_some();
        unix.feed(octets, &mut unix_octets);
        without_cr.update(&unix_octets);
        unix_octets.clear();
    })?;
    unix.finish(&mut unix_octets);
    without_cr.update(&unix_octets);
    let mut forms = vec![(Form::AsIs, as_is.finish().0)];
    if has_cr {
        forms.push((Form::WithoutCr, without_cr.finish().0));
    }
    Ok(forms)
}

fn forms_of_region(file: &mut OsFile, region: Range<u64>) -> io::Result<Option<Vec<(Form, Digest)>>> {
    let mut without_newline = Digester::new();
    let mut last = None;
    let is_one = region::any_message(file, region, &mut |octets| {
        let Some((&end, before)) = octets.split_last() else { return };
        if let Some(octet) = last.replace(end) {
            without_newline.update(&[octet]);
        }
        without_newline.update(before);
    })?;
    if !is_one {
        return Ok(None);
    }
    let mut as_is = without_newline.clone();
    as_is.update(last.as_slice());
    let mut forms = vec![(Form::AsIs, as_is.finish().0)];
    if last == Some(b'\n') {
        forms.push((Form::WithoutNewline, without_newline.finish().0));
    }
    Ok(Some(forms))
}

impl Found {
    /// Gives one of its forms to `each`, in pieces.
    pub fn read(&self, form: Form, each: &mut dyn FnMut(&[u8])) -> io::Result<()> {
        let mut file = open(self.at.path())?;
        let CopyAt::Region { region, .. } = &self.at else {
            if form == Form::AsIs {
                return each_piece(&mut file, each);
            }
            let (mut unix, mut octets) = (Unix::new(), Vec::new());
            each_piece(&mut file, &mut |piece| {
                unix.feed(piece, &mut octets);
                each(&octets);
                octets.clear();
            })?;
            unix.finish(&mut octets);
            each(&octets);
            return Ok(());
        };
        let mut last: Option<u8> = None;
        region::any_message(&mut file, region.clone(), &mut |octets| {
            let Some((&end, before)) = octets.split_last() else { return };
            each(last.replace(end).as_slice());
            each(before);
        })?;
        if form == Form::AsIs {
            each(last.as_slice());
        }
        Ok(())
    }
}

fn each_piece(file: &mut OsFile, each: &mut dyn FnMut(&[u8])) -> io::Result<()> {
    let mut buffer = vec![0; BUFFER];
    loop {
        match file.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(got) => each(&buffer[..got]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

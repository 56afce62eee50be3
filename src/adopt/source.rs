//! Messages as other programs keep them: a Maildir, an mbox, numbered files, a mail program's folders.
//!
//! Promises: a message comes in stored form (LF line ends, mbox quoting undone), in pieces; memory does not grow with it.
//! What is left out is counted: what Thunderbird has marked as deleted, or fetched only in part.
//!
//! Must never: write, or take a lock.

use super::tools::MailForm;
use crate::disk::{Access, Disk as _, Kind, OsDisk, names_in};
use crate::mail::line_ends::Unix;
use crate::mail::mboxrd::Unquote;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

/// Folders within folders are followed so far.
const DEPTH: usize = 16;

/// Octets of a header in which Thunderbird's own fields are looked for.
const MARKS: usize = 4096;

/// Octets that are passed on at once.
const PIECE: usize = 32 << 10;

/// Folders of a mail program that hold no mail that a server has.
const NOT_MAIL: [&str; 8] =
    ["trash", "junk", "drafts", "templates", "unsent messages", "draft", "queue", "outbox"];

/// What was found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// Messages.
    pub messages: u64,
    /// Messages that the program has marked as deleted: left out.
    pub deleted: u64,
    /// Messages that the program fetched only in part: left out.
    pub partial: u64,
    /// Files that could not be read: left out.
    pub unreadable: u64,
}

/// Takes a message piece by piece; `None`: it is at its end. An error ends the reading.
pub trait Take {
    /// The next piece.
    fn take(&mut self, piece: Option<&[u8]>) -> Result<(), Stop>;

    /// Whether it wants the octets: otherwise messages are not read to their ends.
    fn wants_octets(&self) -> bool {
        true
    }
}

/// The reading is to end; why, whoever asked for it knows.
#[derive(Clone, Copy, Debug)]
pub struct Stop;

/// Counts them only.
pub struct Count;

impl Take for Count {
    fn take(&mut self, _piece: Option<&[u8]>) -> Result<(), Stop> {
        Ok(())
    }

    fn wants_octets(&self) -> bool {
        false
    }
}

/// Gives every message at a place to `taker`.
pub fn each_message(form: MailForm, path: &Path, taker: &mut dyn Take) -> io::Result<Result<Found, Stop>> {
    let mut reader = Reader { found: Found::default(), taker };
    let done = match form {
        MailForm::Maildir => reader.maildir(path),
        MailForm::Mbox => reader.mbox(path),
        MailForm::Mh => reader.numbered(path, 0),
        MailForm::Folders => reader.folders(path, 0),
    };
    match done {
        Ok(()) => Ok(Ok(reader.found)),
        Err(Problem::Stop) => Ok(Err(Stop)),
        Err(Problem::Io(error)) => Err(error),
    }
}

enum Problem {
    Io(io::Error),
    Stop,
}

impl From<io::Error> for Problem {
    fn from(error: io::Error) -> Self {
        Problem::Io(error)
    }
}

impl From<Stop> for Problem {
    fn from(_: Stop) -> Self {
        Problem::Stop
    }
}

struct Reader<'t> {
    found: Found,
    taker: &'t mut dyn Take,
}

impl Reader<'_> {
    fn maildir(&mut self, path: &Path) -> Result<(), Problem> {
        for folder in ["new", "cur"] {
            let folder = path.join(folder);
            if !is(&folder, Kind::Folder) {
                continue;
            }
            for name in names_in(&folder)? {
                if !name.to_string_lossy().starts_with('.') {
                    self.file(&folder.join(name))?;
                }
            }
        }
        Ok(())
    }

    fn numbered(&mut self, path: &Path, depth: usize) -> Result<(), Problem> {
        let mut below = Vec::new();
        let mut numbers: Vec<(u64, PathBuf)> = Vec::new();
        for name in names_in(path)? {
            let text = name.to_string_lossy().into_owned();
            let file = path.join(&name);
            if is(&file, Kind::Folder) {
                if !text.starts_with('.') && !is_no_mail(&text) {
                    below.push(file);
                }
            } else if let Ok(number) = text.parse() {
                numbers.push((number, file));
            }
        }
        numbers.sort_unstable();
        for (_, file) in numbers {
            self.file(&file)?;
        }
        if depth < DEPTH {
            for folder in below {
                self.numbered(&folder, depth + 1)?;
            }
        }
        Ok(())
    }

    fn folders(&mut self, path: &Path, depth: usize) -> Result<(), Problem> {
        for name in names_in(path)? {
            let text = name.to_string_lossy().into_owned();
            let file = path.join(&name);
            if is(&file, Kind::Folder) {
                let below = text.strip_suffix(".sbd").filter(|name| !is_no_mail(name));
                if below.is_some() && depth < DEPTH {
                    self.folders(&file, depth + 1)?;
                }
            } else if !text.starts_with('.') && !is_no_mail(&text) && is_mbox(&file) {
                self.mbox(&file)?;
            }
        }
        Ok(())
    }

    /// A file that is one message.
    fn file(&mut self, path: &Path) -> Result<(), Problem> {
        let Ok(file) = OsDisk.open(path, Access::Read) else {
            self.found.unreadable += 1;
            return Ok(());
        };
        let mut input = BufReader::with_capacity(PIECE, file);
        if self.is_left_out(input.fill_buf()?) || self.is_counted()? {
            return Ok(());
        }
        let mut pieces = Pieces::new(self.taker);
        loop {
            let piece = input.fill_buf()?;
            if piece.is_empty() {
                break;
            }
            let length = piece.len();
            pieces.put(piece)?;
            input.consume(length);
        }
        pieces.end(Added::Nothing)?;
        self.found.messages += 1;
        Ok(())
    }

    /// A file of messages. One begins at a line `From ` behind an empty line (or at the file's start), if a header's line
    /// follows.
    fn mbox(&mut self, path: &Path) -> Result<(), Problem> {
        let Ok(mut file) = OsDisk.open(path, Access::Read) else {
            self.found.unreadable += 1;
            return Ok(());
        };
        let starts = starts(&mut file)?;
        for (at, start) in starts.iter().enumerate() {
            let length = starts.get(at + 1).map_or(u64::MAX, |next| next.from - start.body);
            file.seek(SeekFrom::Start(start.body))?;
            let mut input = BufReader::with_capacity(PIECE, (&mut file).take(length));
            if self.is_left_out(input.fill_buf()?) || self.is_counted()? {
                continue;
            }
            let start = input.fill_buf()?;
            let by_fdm = memchr::memmem::find(&start[..start.len().min(MARKS)], b"(fdm ").is_some();
            let mut unquote = Unquote::new();
            let mut pieces = Pieces::new(self.taker);
            let mut plain = Vec::new();
            loop {
                let piece = input.fill_buf()?;
                if piece.is_empty() {
                    break;
                }
                let length = piece.len();
                unquote.feed(piece, &mut plain);
                input.consume(length);
                pieces.put(&plain)?;
                plain.clear();
            }
            unquote.finish(&mut plain);
            pieces.put(&plain)?;
            pieces.end(if by_fdm { Added::TwoLines } else { Added::Line })?;
            self.found.messages += 1;
        }
        Ok(())
    }

    /// Whether that there is a message is all that is asked.
    fn is_counted(&mut self) -> Result<bool, Stop> {
        if self.taker.wants_octets() {
            return Ok(false);
        }
        self.found.messages += 1;
        self.taker.take(None)?;
        Ok(true)
    }

    /// Whether the message that begins so is one that Thunderbird does not hold, or not any more.
    fn is_left_out(&mut self, start: &[u8]) -> bool {
        let flags = status(&start[..start.len().min(MARKS)]).unwrap_or(0);
        self.found.deleted += u64::from(flags & DELETED != 0);
        self.found.partial += u64::from(flags & DELETED == 0 && flags & PARTIAL != 0);
        flags & (DELETED | PARTIAL) != 0
    }
}

/// Marked as deleted, and not compacted yet.
const DELETED: u32 = 0x0008;
/// Only its beginning was fetched.
const PARTIAL: u32 = 0x0400;

/// What `X-Mozilla-Status` says in a header.
fn status(start: &[u8]) -> Option<u32> {
    for line in start.split(|octet| *octet == b'\n') {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.is_empty() {
            break;
        }
        if let Some((name, value)) = line.split_at_checked(17)
            && name.eq_ignore_ascii_case(b"x-mozilla-status:")
        {
            return u32::from_str_radix(std::str::from_utf8(value).ok()?.trim(), 16).ok();
        }
    }
    None
}

/// What a program writes behind a message in a file of many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Added {
    Nothing,
    /// An empty line.
    Line,
    /// Two of them, as fdm does.
    TwoLines,
}

/// Passes a message on with LF for CRLF, and without the empty line behind it in an mbox.
struct Pieces<'t> {
    taker: &'t mut dyn Take,
    ends: Unix,
    /// The last three octets at most: they may be the end.
    held: Vec<u8>,
}

impl<'t> Pieces<'t> {
    fn new(taker: &'t mut dyn Take) -> Self {
        Pieces { taker, ends: Unix::new(), held: Vec::new() }
    }

    fn put(&mut self, piece: &[u8]) -> Result<(), Stop> {
        self.ends.feed(piece, &mut self.held);
        let sure = self.held.len().saturating_sub(3);
        if sure > 0 {
            self.taker.take(Some(&self.held[..sure]))?;
            self.held.drain(..sure);
        }
        Ok(())
    }

    fn end(mut self, added: Added) -> Result<(), Stop> {
        self.ends.finish(&mut self.held);
        if added != Added::Nothing && (self.held.ends_with(b"\n\n") || self.held == b"\n") {
            self.held.pop();
        }
        if added == Added::TwoLines && self.held.ends_with(b"\n\n") {
            self.held.pop();
        }
        if !self.held.is_empty() {
            self.taker.take(Some(&self.held))?;
        }
        self.taker.take(None)
    }
}

/// Where a message of an mbox begins.
struct Start {
    /// Its `From ` line.
    from: u64,
    /// The line behind it.
    body: u64,
}

fn starts(file: &mut (impl Read + Seek)) -> io::Result<Vec<Start>> {
    file.seek(SeekFrom::Start(0))?;
    let mut input = BufReader::with_capacity(PIECE, file);
    let mut starts: Vec<Start> = Vec::new();
    let mut at = 0_u64;
    let mut candidate: Option<Start> = None;
    let mut after_empty = true;
    loop {
        let (length, head) = line(&mut input)?;
        if length == 0 {
            // One without a header at the file's end is a message all the same.
            starts.extend(candidate);
            return Ok(starts);
        }
        if let Some(start) = candidate.take()
            && is_header_line(&head)
        {
            starts.push(start);
        }
        if after_empty && head.starts_with(b"From ") {
            candidate = Some(Start { from: at, body: at + length });
        }
        after_empty = head.is_empty();
        at += length;
    }
}

/// The length of the next line with its end, and its first octets without it.
fn line(input: &mut impl BufRead) -> io::Result<(u64, Vec<u8>)> {
    let (mut length, mut head) = (0, Vec::new());
    loop {
        let buffer = input.fill_buf()?;
        if buffer.is_empty() {
            break;
        }
        let (used, over) = match memchr::memchr(b'\n', buffer) {
            Some(lf) => (lf + 1, true),
            None => (buffer.len(), false),
        };
        let room = 200_usize.saturating_sub(head.len());
        head.extend_from_slice(&buffer[..used.min(room)]);
        length += used as u64;
        input.consume(used);
        if over {
            break;
        }
    }
    while matches!(head.last(), Some(b'\n' | b'\r')) {
        head.pop();
    }
    Ok((length, head))
}

/// Whether this may be the first line of a message: a field, or the empty line of one without a header.
fn is_header_line(head: &[u8]) -> bool {
    let name = memchr::memchr(b':', head).unwrap_or(0);
    head.is_empty() || name > 0 && head[..name].iter().all(u8::is_ascii_graphic)
        // Some programs quote a second separator so.
        || head.starts_with(b">From ")
}

fn is(path: &Path, kind: Kind) -> bool {
    OsDisk.metadata(path).is_ok_and(|meta| meta.kind == kind)
}

/// Whether a file begins as an mbox does.
fn is_mbox(path: &Path) -> bool {
    let mut start = [0; 5];
    OsDisk.open(path, Access::Read).is_ok_and(|mut file| file.read_exact(&mut start).is_ok())
        && &start == b"From "
}

fn is_no_mail(name: &str) -> bool {
    NOT_MAIL.contains(&name.to_ascii_lowercase().as_str())
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "the tests make the files")]
mod tests {
    use super::{Found, Stop, Take, each_message};
    use crate::adopt::tools::MailForm;
    use std::path::Path;

    #[derive(Default)]
    struct All(Vec<Vec<u8>>, Vec<u8>);

    impl Take for All {
        fn take(&mut self, piece: Option<&[u8]>) -> Result<(), Stop> {
            match piece {
                Some(piece) => self.1.extend_from_slice(piece),
                None => self.0.push(std::mem::take(&mut self.1)),
            }
            Ok(())
        }
    }

    fn read(form: MailForm, path: &Path) -> (Vec<String>, Found) {
        let mut all = All::default();
        let found = each_message(form, path, &mut all).unwrap().unwrap();
        (all.0.iter().map(|message| String::from_utf8_lossy(message).into_owned()).collect(), found)
    }

    #[test]
    fn an_mbox_of_thunderbird_is_read_with_its_quirks() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("Inbox");
        let text = "From - Tue Nov 24 06:00:12 2026\r\nX-Mozilla-Status: 0001\r\nSubject: a\r\n\r\n>From here\r\n>>From there\r\n\r\n\
                    From - Tue Nov 24 06:00:12 2026\nX-Mozilla-Status: 0009\nSubject: deleted\n\nx\n\n\
                    From - Tue Nov 24 06:00:12 2026\nX-Mozilla-Status: 0400\nSubject: part\n\nx\n\n\
                    From - \nX-Mozilla-Status: 0000\nSubject: b\n\ntext\n\nFrom here on it is text\nFrom \n\n";
        std::fs::write(&path, text).unwrap();
        let (messages, found) = read(MailForm::Mbox, &path);
        assert_eq!(messages[0], "X-Mozilla-Status: 0001\nSubject: a\n\nFrom here\n>From there\n");
        assert_eq!(
            messages[1],
            "X-Mozilla-Status: 0000\nSubject: b\n\ntext\n\nFrom here on it is text\nFrom \n"
        );
        assert_eq!(found, Found { messages: 2, deleted: 1, partial: 1, unreadable: 0 });
    }

    #[test]
    fn the_second_empty_line_of_fdm_is_no_part_of_a_message() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("mbox");
        let message =
            |by: &str| format!("From x@y date\nReceived: by h ({by} 2.1)\nSubject: s\n\nbody\n\n\n");
        std::fs::write(&path, message("fdm") + &message("x")).unwrap();
        let (messages, _) = read(MailForm::Mbox, &path);
        assert!(messages[0].ends_with("\n\nbody\n") && messages[1].ends_with("body\n\n"), "{messages:?}");
    }

    #[test]
    fn folders_and_numbered_files_are_followed() {
        let home = tempfile::tempdir().unwrap();
        let write = |path: &str, text: &str| {
            let path = home.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        write("t/Inbox", "From - x\nSubject: a\n\nx\n\n");
        write("t/Inbox.msf", "// index");
        write("t/Inbox.sbd/Work", "From - x\nSubject: b\n\nx\n\n");
        write("t/Trash", "From - x\nSubject: c\n\nx\n\n");
        write("t/popstate.dat", "# POP3");
        assert_eq!(
            read(MailForm::Folders, &home.path().join("t")).0,
            ["Subject: a\n\nx\n", "Subject: b\n\nx\n"]
        );
        write("m/10", "Subject: ten\n\n");
        write("m/9", "Subject: nine\n\n");
        write("m/.sylpheed_cache", "x");
        write("m/sub/1", "Subject: one\r\n\r\nx\r\n\r\n");
        let (messages, found) = read(MailForm::Mh, &home.path().join("m"));
        assert_eq!(messages, ["Subject: nine\n\n", "Subject: ten\n\n", "Subject: one\n\nx\n\n"]);
        assert_eq!(found.messages, 3);
        write("d/cur/1:2,S", "Subject: m\n\nx\n\n");
        assert_eq!(read(MailForm::Maildir, &home.path().join("d")).0, ["Subject: m\n\nx\n\n"]);
    }
}

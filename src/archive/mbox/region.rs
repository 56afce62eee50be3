//! Reading one message's region of an mbox: its `From_` line, its quoted form, the empty line.

use super::{mail_behind, region_of};
use crate::archive::BUFFER;
use crate::ledger::Row;
use crate::mail::digest::{Digest, Digester};
use crate::mail::mboxrd::{FromLines, Unquote, asctime};
use std::io::{self, Read, Seek, SeekFrom};
use std::ops::{ControlFlow, Range};

/// A `From_` line that we write is shorter: see [`crate::mail::headers::Facts::sender`].
const FROM_LINE_LIMIT: usize = 512;

/// The digest of the message in a region; `None` when no whole message of that size is there.
/// `size` tells whether the newline at its end was its own; without one it counts as its own.
pub(in crate::archive) fn digest(
    file: &mut (impl Read + Seek),
    region: Range<u64>,
    size: Option<u64>,
) -> io::Result<Option<Digest>> {
    let start = read_at(file, region.start, FROM_LINE_LIMIT)?;
    let Some(lf) = memchr::memchr(b'\n', &start).filter(|_| start.starts_with(b"From ")) else {
        return Ok(None);
    };
    let body = region.start + lf as u64 + 1;
    // The last octet is the empty line's.
    let Some(length) = region.end.checked_sub(body + 1) else { return Ok(None) };
    let mut message = Message::new(size);
    let mut unquote = Unquote::new();
    let mut buffer = vec![0; BUFFER];
    let mut stored = Vec::with_capacity(BUFFER);
    let mut left = length;
    file.seek(SeekFrom::Start(body))?;
    while left > 0 {
        let most = usize::try_from(left).map_or(BUFFER, |left| left.min(BUFFER));
        let got = read_some(file, &mut buffer[..most])?;
        if got == 0 {
            return Ok(None);
        }
        left -= got as u64;
        unquote.feed(&buffer[..got], &mut stored);
        message.take(&stored);
        stored.clear();
    }
    unquote.finish(&mut stored);
    message.take(&stored);
    let mut last = [0];
    if read_some(file, &mut last)? != 1 || last != *b"\n" {
        return Ok(None);
    }
    Ok(message.finish())
}

/// The digest of whatever is in a region behind a `From_` line; `None` where none begins there. The newline at its end
/// counts as the empty line's. `without_marks`: as [`Digester::without_marks`] has it.
pub(super) fn any_digest(
    file: &mut (impl Read + Seek),
    region: Range<u64>,
    without_marks: bool,
) -> io::Result<Option<Digest>> {
    let mut digester = if without_marks { Digester::without_marks() } else { Digester::new() };
    let is_one = any_message(file, region, &mut |octets| digester.update(octets))?;
    Ok(is_one.then(|| digester.finish().0))
}

/// Gives the message in a region, in stored form, to `each`, whatever its size: the newline at its end counts as added
/// if an empty line is there. `false` when none begins there.
pub(in crate::archive) fn any_message(
    file: &mut (impl Read + Seek),
    region: Range<u64>,
    each: &mut dyn FnMut(&[u8]),
) -> io::Result<bool> {
    any_message_while(file, region, &mut |octets| {
        each(octets);
        ControlFlow::Continue(())
    })
}

/// The same, until `each` breaks.
fn any_message_while(
    file: &mut (impl Read + Seek),
    region: Range<u64>,
    each: &mut dyn FnMut(&[u8]) -> ControlFlow<()>,
) -> io::Result<bool> {
    let start = read_at(file, region.start, FROM_LINE_LIMIT)?;
    let Some(lf) = memchr::memchr(b'\n', &start).filter(|_| start.starts_with(b"From ")) else {
        return Ok(false);
    };
    let body = region.start + lf as u64 + 1;
    let mut unquote = Unquote::new();
    let mut buffer = vec![0; BUFFER];
    let mut stored = Vec::with_capacity(BUFFER);
    let mut left = region.end.saturating_sub(body);
    file.seek(SeekFrom::Start(body))?;
    loop {
        let most = usize::try_from(left).map_or(BUFFER, |left| left.min(BUFFER));
        let got = read_some(file, &mut buffer[..most])?;
        left -= got as u64;
        if got == 0 {
            unquote.finish(&mut stored);
            // The empty line, or all that there is of a message without an octet.
            if stored.ends_with(b"\n\n") || stored == b"\n" {
                stored.pop();
            }
            // It is the last piece, whatever `each` says.
            let _ = each(&stored);
            return Ok(true);
        }
        unquote.feed(&buffer[..got], &mut stored);
        // Whether the last two are the end is seen when nothing comes behind them.
        let sure = stored.len().saturating_sub(2);
        if each(&stored[..sure]).is_break() {
            return Ok(true);
        }
        stored.drain(..sure);
    }
}

/// The same for a message that has `size` octets as it was stored: a newline behind them is the mbox's, not its own. No more
/// of it is read once `each` breaks.
pub(in crate::archive) fn sized_message(
    file: &mut (impl Read + Seek),
    region: Range<u64>,
    size: u64,
    each: &mut dyn FnMut(&[u8]) -> ControlFlow<()>,
) -> io::Result<bool> {
    let (mut given, mut last, mut flow) = (0_u64, None, ControlFlow::Continue(()));
    let is_one = any_message_while(file, region, &mut |octets| {
        let Some((&end, before)) = octets.split_last() else { return flow };
        given += octets.len() as u64;
        flow = match last.replace(end) {
            Some(octet) => each(&[octet]),
            None => ControlFlow::Continue(()),
        };
        if flow.is_continue() {
            flow = each(before);
        }
        flow
    })?;
    if flow.is_continue()
        && let Some(octet) = last.filter(|octet| given != size.saturating_add(1) || *octet != b'\n')
    {
        // It is the last one, whatever `each` says.
        let _ = each(&[octet]);
    }
    Ok(is_one)
}

/// A message's stored form, told from the newline that was added behind it.
struct Message {
    digester: Digester,
    /// Octets of the stored form that are still to come.
    missing: Option<u64>,
    /// What came behind them.
    surplus: Vec<u8>,
}

impl Message {
    fn new(size: Option<u64>) -> Self {
        Message { digester: Digester::new(), missing: size, surplus: Vec::new() }
    }

    fn take(&mut self, stored: &[u8]) {
        let Some(missing) = &mut self.missing else { return self.digester.update(stored) };
        let own = usize::try_from(*missing).map_or(stored.len(), |missing| missing.min(stored.len()));
        *missing -= own as u64;
        self.digester.update(&stored[..own]);
        // Two octets are as wrong as many.
        self.surplus.extend(stored[own..].iter().take(2 - self.surplus.len().min(2)));
    }

    fn finish(self) -> Option<Digest> {
        let complete = self.missing.unwrap_or(0) == 0 && matches!(self.surplus.as_slice(), b"" | b"\n");
        complete.then(|| self.digester.finish().0)
    }
}

/// Whether a row's region looks right, at a glance: an empty line (or nothing) before it, the
/// `From_` line that we wrote, an empty line at its end.
pub(super) fn looks_right(file: &mut (impl Read + Seek), region: Range<u64>, row: &Row) -> io::Result<bool> {
    if !stands_alone(file, region.start)?
        || !is_our_from_line(&read_at(file, region.start, FROM_LINE_LIMIT)?, row)
    {
        return Ok(false);
    }
    let end = region.end.saturating_sub(2).max(region.start);
    Ok(read_at(file, end, 2)? == b"\n\n")
}

/// Whether the `From_` line that we wrote for a row is here.
pub(super) fn begins(file: &mut (impl Read + Seek), offset: u64, row: &Row) -> io::Result<bool> {
    Ok(is_our_from_line(&read_at(file, offset, FROM_LINE_LIMIT)?, row))
}

/// Whether a message may begin here: at the file's start, or behind an empty line.
pub(super) fn stands_alone(file: &mut (impl Read + Seek), offset: u64) -> io::Result<bool> {
    Ok(match offset {
        0 => true,
        1 => read_at(file, 0, 1)? == b"\n",
        _ => read_at(file, offset - 2, 2)? == b"\n\n",
    })
}

/// What must be written at a file's end so that a message can follow.
pub(super) fn separator(file: &mut (impl Read + Seek), len: u64) -> io::Result<&'static [u8]> {
    if stands_alone(file, len)? {
        return Ok(b"");
    }
    Ok(if read_at(file, len - 1, 1)? == b"\n" { b"\n" } else { b"\n\n" })
}

/// Whether a row's message is there, whole, and where a reader finds it; `len` is the file's.
pub(super) fn is_whole(file: &mut (impl Read + Seek), len: u64, row: &Row) -> io::Result<bool> {
    let Some(region) = region_of(row).filter(|region| region.end <= len) else { return Ok(false) };
    Ok(stands_alone(file, region.start)?
        && is_our_from_line(&read_at(file, region.start, FROM_LINE_LIMIT)?, row)
        && digest(file, region, Some(row.size))?.as_ref() == Some(&row.digest))
}

/// Where the file ended before an append of which a crash has left a part, if what is there from
/// there on can be nothing else: `row` is the first message that is not whole, `ours` tells where
/// we began others.
///
/// What was not synced comes in pieces and in any order, with NULs for what did not come. So the
/// part begins with our own `From_` line, with the beginning of one, or with one that has NULs in
/// it; and it has no other `From_` lines than ours, not even in the middle of a line.
pub(super) fn end_before_crash(
    file: &mut (impl Read + Seek),
    len: u64,
    torn: &[Row],
) -> io::Result<Option<u64>> {
    let Some(row) = torn.first() else { return Ok(None) };
    let Some(start) = region_of(row).map(|region| region.start) else { return Ok(None) };
    let end = without_torn_separator(file, start)?.min(len);
    if start >= len {
        return Ok(Some(end));
    }
    if end == start && !stands_alone(file, start)? {
        return Ok(None);
    }
    if !may_be_our_from_line(&read_at(file, start, FROM_LINE_LIMIT)?, row) {
        return Ok(None);
    }
    let begins = |row: &Row, offset| region_of(row).is_some_and(|region| region.start == offset);
    let theirs = mail_behind::writes_behind(file, start, &|offset, line| {
        torn.iter().any(|row| begins(row, offset) && may_be_our_from_line(line, row))
    })?;
    Ok((!theirs).then_some(end))
}

/// `start`, where a message of ours should begin, less what did not come whole of the newlines that
/// were to go before it: no more than two, with a NUL for one that is missing.
fn without_torn_separator(file: &mut (impl Read + Seek), start: u64) -> io::Result<u64> {
    let from = start.saturating_sub(2);
    let before = read_at(file, from, if start < 2 { 0 } else { 2 })?;
    Ok(match before.as_slice() {
        [0, ..] => from,
        [_, 0] => from + 1,
        _ => start,
    })
}

/// Whether these octets may be what a crash has left of the `From_` line of this row.
fn may_be_our_from_line(start: &[u8], row: &Row) -> bool {
    let line = &start[..memchr::memchr(b'\n', start).unwrap_or(start.len())];
    let ended = line.len() < start.len();
    if ended && is_our_from_line(start, row) {
        return true;
    }
    // Torn, or cut short by the file's end.
    let torn = line.contains(&0) || !ended && start.len() < FROM_LINE_LIMIT;
    torn && line.iter().zip(b"From ").all(|(octet, ours)| *octet == *ours || *octet == 0)
}

/// Calls `each` with every message's region, until it says `false`.
pub(in crate::archive) fn each_message<F: Read + Seek>(
    file: &mut F,
    len: u64,
    each: &mut dyn FnMut(&mut F, Range<u64>) -> io::Result<bool>,
) -> io::Result<()> {
    each_message_from(file, 0, len, each)
}

/// The same from an offset on, at which a line begins.
pub(super) fn each_message_from<F: Read + Seek>(
    file: &mut F,
    from: u64,
    len: u64,
    each: &mut dyn FnMut(&mut F, Range<u64>) -> io::Result<bool>,
) -> io::Result<()> {
    let mut from_lines = FromLines::new(from);
    let mut buffer = vec![0; BUFFER];
    let mut begun: Option<u64> = None;
    let mut at = from;
    while at < len {
        file.seek(SeekFrom::Start(at))?;
        let most = usize::try_from(len - at).map_or(BUFFER, |left| left.min(BUFFER));
        let got = read_some(file, &mut buffer[..most])?;
        if got == 0 {
            break;
        }
        at += got as u64;
        let mut starts = Vec::new();
        from_lines.feed(&buffer[..got], &mut |offset| starts.push(offset));
        for start in starts {
            if let Some(before) = begun.replace(start)
                && !each(file, before..start)?
            {
                return Ok(());
            }
        }
    }
    if let Some(last) = begun {
        each(file, last..len)?;
    }
    Ok(())
}

/// A `From_` line as we write it for this row's time of arrival.
fn is_our_from_line(start: &[u8], row: &Row) -> bool {
    let Some(lf) = memchr::memchr(b'\n', start) else { return false };
    let line = &start[..lf];
    line.starts_with(b"From ")
        && line.ends_with(format!(" {}", asctime(row.archived_at)).as_bytes())
        && !line.contains(&0)
}

pub(in crate::archive) fn read_at(
    file: &mut (impl Read + Seek),
    offset: u64,
    most: usize,
) -> io::Result<Vec<u8>> {
    let mut octets = Vec::with_capacity(most);
    file.seek(SeekFrom::Start(offset))?;
    file.take(most as u64).read_to_end(&mut octets)?;
    Ok(octets)
}

fn read_some(file: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    loop {
        match file.read(buffer) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            outcome => return outcome,
        }
    }
}

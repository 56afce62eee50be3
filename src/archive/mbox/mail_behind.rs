//! Mail of other programs behind an append of ours that a crash has torn.
//!
//! A program that finds the file unfinished may begin its message wherever it ends: procmail and
//! others look for no line end first. So a `From_` line counts wherever it is, as long as it is
//! dated as all of them are; at the start of a line it counts without that. A quoted one in our own
//! message counts too: a torn message that is left alone is better than mail that is lost.

use crate::archive::BUFFER;
use std::io::{self, Read, Seek, SeekFrom};

/// Octets of a `From_` line in which its date is looked for.
const LOOK_AHEAD: usize = 512;

const DAYS: [&[u8]; 7] = [b"Mon", b"Tue", b"Wed", b"Thu", b"Fri", b"Sat", b"Sun"];
const MONTHS: [&[u8]; 12] =
    [b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec"];

/// Whether somebody else's message begins behind `start`, the start of a line; `ours` tells of an
/// offset, and of what is there, whether it is a message of ours that begins.
pub(super) fn writes_behind(
    file: &mut (impl Read + Seek),
    start: u64,
    ours: &dyn Fn(u64, &[u8]) -> bool,
) -> io::Result<bool> {
    file.seek(SeekFrom::Start(start))?;
    let mut window = Vec::with_capacity(BUFFER + LOOK_AHEAD);
    // Where in the file the window begins, and where in the window what is still to be looked at.
    let (mut base, mut at) = (start, 0);
    loop {
        let got = file.by_ref().take(BUFFER as u64).read_to_end(&mut window)?;
        let end = if got == 0 { window.len() } else { window.len().saturating_sub(LOOK_AHEAD).max(at) };
        for found in memchr::memmem::find_iter(&window[at..], b"From ") {
            let place = at + found;
            if place >= end {
                break;
            }
            let line_start = place.checked_sub(1).map_or(base == start, |before| window[before] == b'\n');
            let line = &window[place..window.len().min(place + LOOK_AHEAD)];
            if (line_start || is_dated(line)) && !ours(base + place as u64, line) {
                return Ok(true);
            }
        }
        if got == 0 {
            return Ok(false);
        }
        // The octet before the next one tells whether a line begins there.
        let done = end.saturating_sub(1);
        window.drain(..done);
        base += done as u64;
        at = end - done;
    }
}

/// Whether a line has a date as `asctime` writes it: day, month, day of the month, time.
fn is_dated(octets: &[u8]) -> bool {
    let line = &octets[..memchr::memchr(b'\n', octets).unwrap_or(octets.len())];
    let words: Vec<&[u8]> =
        line.split(|octet| *octet == b' ' || *octet == b'\t').filter(|word| !word.is_empty()).collect();
    words.windows(4).any(|words| {
        DAYS.contains(&words[0])
            && MONTHS.contains(&words[1])
            && words[2].iter().all(u8::is_ascii_digit)
            && words[3].contains(&b':')
            && words[3][0].is_ascii_digit()
    })
}

#[cfg(test)]
mod tests {
    use super::{BUFFER, LOOK_AHEAD, writes_behind};
    use std::io::Cursor;

    const FOREIGN: &[u8] = b"From x@y.example  Thu Jan  1 00:00:00 1970\n";

    fn found(file: &[u8], ours: &[u64]) -> bool {
        writes_behind(&mut Cursor::new(file), 0, &|offset, _| ours.contains(&offset)).unwrap()
    }

    #[test]
    fn a_from_line_counts_wherever_the_blocks_are_cut() {
        for before in
            [0, 1, 7, BUFFER - LOOK_AHEAD, BUFFER - 3, BUFFER, BUFFER + 1, 2 * BUFFER - LOOK_AHEAD - 2]
        {
            let glued = [vec![b'x'; before], FOREIGN.to_vec(), vec![b'y'; BUFFER]].concat();
            assert!(found(&glued, &[]), "behind {before} octets");
            assert!(!found(&glued, &[before as u64]), "it is ours");
            let mut text = vec![b'x'; before];
            text.extend_from_slice(b"\nFrom somebody\n");
            assert!(found(&text, &[]), "at the start of a line, behind {before} octets");
        }
    }

    #[test]
    fn what_people_write_is_no_from_line() {
        for text in ["x From 10:00 to 12:00\n", "> From me\n", "Mail From Mon to Fri 12:00", "xFrom ", ""] {
            assert!(!found(text.as_bytes(), &[]), "{text}");
        }
    }
}

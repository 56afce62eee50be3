//! A file as lines.

/// The lines of a file with their numbers, from 1; without LF or CRLF.
pub(super) fn lines(octets: &[u8]) -> impl Iterator<Item = (usize, &[u8])> {
    let mut lines: Vec<&[u8]> = octets.split(|octet| *octet == b'\n').collect();
    lines.pop_if(|last| last.is_empty());
    (1..).zip(lines.into_iter().map(|line| line.strip_suffix(b"\r").unwrap_or(line)))
}

/// The same as text, with what is no UTF-8 replaced.
pub(super) fn text_lines(octets: &[u8]) -> impl Iterator<Item = (usize, String)> {
    lines(octets).map(|(number, line)| (number, String::from_utf8_lossy(line).into_owned()))
}

/// What is in front of the first blank or tab, and what is behind the blanks.
pub(super) fn word_and_rest(line: &str) -> (&str, &str) {
    match line.split_once([' ', '\t']) {
        Some((word, rest)) => (word, rest.trim_matches([' ', '\t'])),
        None => (line, ""),
    }
}

/// A file of `[sections]` with `key = value` lines, as Python and `GLib` have it: each entry with its line.
pub(super) struct Entry {
    pub section: String,
    /// The line of the section's head.
    pub section_line: usize,
    /// In lower case.
    pub key: String,
    pub value: String,
    pub line: usize,
}

/// The entries of such a file. Lines that begin with a blank continue the value before, if `continued`; lines that are
/// none of this go to `other`.
pub(super) fn entries(octets: &[u8], continued: bool, other: &mut dyn FnMut(usize)) -> Vec<Entry> {
    let mut entries: Vec<Entry> = Vec::new();
    let (mut section, mut section_line) = (String::new(), 0);
    let mut open = false;
    for (number, line) in text_lines(octets) {
        let trimmed = line.trim();
        if trimmed.is_empty() || trimmed.starts_with(['#', ';']) {
            continue;
        }
        if continued && line.starts_with([' ', '\t']) && open {
            if let Some(last) = entries.last_mut() {
                last.value.push('\n');
                last.value.push_str(trimmed);
            }
            continue;
        }
        open = false;
        if let Some(name) = trimmed.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            (section, section_line) = (name.to_owned(), number);
        } else if let Some((key, value)) = trimmed.split_once(['=', ':']) {
            entries.push(Entry {
                section: section.clone(),
                section_line,
                key: key.trim().to_ascii_lowercase(),
                value: value.trim().to_owned(),
                line: number,
            });
            open = true;
        } else {
            other(number);
        }
    }
    entries
}

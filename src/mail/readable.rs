//! What a person reads of a message, and searches it by: its header, its text, the list of its attachments.
//!
//! Promises: a message that is too complex ([`TooComplex`](super::parts::TooComplex)) is its header alone; memory is bounded by the octets of text that
//! are asked for; nothing here is safe for a terminal yet.

use super::parts::{Embedded, Part, Sink, Walker, charset, html};
use std::collections::HashSet;

/// Attachments that are listed, at most.
const ATTACHMENTS: usize = 1000;

/// A message, made readable.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Readable {
    /// Its header without the empty line at its end, not more than 64 KiB of it.
    pub header: Vec<u8>,
    /// Its texts, in order.
    pub texts: Vec<Text>,
    /// Its attachments, those of messages within it not counted.
    pub attachments: Vec<Attachment>,
    /// There is more text than was asked for.
    pub is_cut: bool,
    /// It is too complex: only its header is here.
    pub is_too_complex: bool,
}

/// Text of a part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Text {
    /// In Unicode; HTML turned into text.
    pub text: String,
    /// It was HTML.
    pub was_html: bool,
    /// The multipart/alternative that it is in.
    alternative: Option<usize>,
}

/// A part that a person would call an attachment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attachment {
    /// The file name that its sender gave it.
    pub name: Option<String>,
    /// What it is: `application/pdf`.
    pub media: String,
    /// Octets, its transfer encoding undone; 0 if they were not to be counted.
    pub size: u64,
    /// It has a file name, or is called an attachment. (Any other part that is no text is listed, too.)
    pub is_declared: bool,
    /// In a message within the message.
    pub is_within: bool,
}

/// How much is wanted of a message.
#[derive(Clone, Copy, Debug)]
pub struct Wanted {
    /// Octets of text, at most.
    pub text: usize,
    /// The sizes of attachments are wanted, which means that all of them are decoded.
    pub sizes: bool,
}

/// Makes a message readable while it passes.
pub struct Reader {
    wanted: Wanted,
    message: Readable,
    /// Octets of text that are still wanted.
    room: usize,
    text: Option<(Part, Vec<u8>)>,
    counts: bool,
    /// Messages within the message that are open: the place of each among the attachments.
    within: Vec<Option<usize>>,
}

impl Reader {
    /// For a message, none of which has come yet.
    pub fn new(wanted: Wanted) -> Reader {
        Reader {
            wanted,
            message: Readable::default(),
            room: wanted.text,
            text: None,
            counts: false,
            within: Vec::new(),
        }
    }

    /// Reads a message that `read` gives in pieces.
    pub fn read<T>(mut self, read: impl FnOnce(&mut dyn FnMut(&[u8])) -> T) -> (T, Readable) {
        let mut walker = Walker::new(&mut self, Embedded::Opened);
        let outcome = read(&mut |octets| walker.update(octets));
        if walker.finish().is_err() {
            let header = std::mem::take(&mut self.message.header);
            self.message = Readable { header, is_too_complex: true, ..Readable::default() };
        }
        (outcome, self.message)
    }

    fn attach(&mut self, part: &Part) -> Option<usize> {
        if self.message.attachments.len() == ATTACHMENTS {
            self.message.is_cut = true;
            return None;
        }
        let (name, media) = (part.name.clone(), part.media.clone());
        let is_within = !self.within.is_empty();
        let is_declared = part.is_attachment();
        self.message.attachments.push(Attachment { name, media, size: 0, is_declared, is_within });
        Some(self.message.attachments.len() - 1)
    }
}

impl Sink for Reader {
    fn header(&mut self, header: &[u8], level: usize) {
        if level == 0 {
            self.message.header = header.to_vec();
        }
    }

    fn begin(&mut self, part: &Part) -> bool {
        let attached = if part.is_listed() { self.attach(part) } else { None };
        self.counts = self.wanted.sizes && attached.is_some();
        if part.is_text() && self.room > 0 {
            self.text = Some((part.clone(), Vec::new()));
        } else if part.is_text() {
            self.message.is_cut = true;
        }
        self.text.is_some() || self.counts
    }

    fn octets(&mut self, octets: &[u8]) {
        if let Some((part, text)) = &mut self.text {
            // Most of a page is not text.
            let limit = if part.is_html() { html::LIMIT.max(self.room) } else { self.room };
            let taken = octets.len().min(limit - text.len());
            text.extend_from_slice(&octets[..taken]);
            self.message.is_cut |= taken < octets.len();
        }
        if self.counts
            && let Some(attachment) = self.message.attachments.last_mut()
        {
            attachment.size += octets.len() as u64;
        }
    }

    fn end(&mut self) {
        self.counts = false;
        let Some((part, octets)) = self.text.take() else { return };
        let was_html = part.is_html();
        let text = charset::text(&octets, part.charset.as_deref());
        let mut text = if was_html { html::text(&text) } else { text };
        if text.len() > self.room {
            text.truncate(text.floor_char_boundary(self.room));
            self.message.is_cut = true;
        }
        self.room -= text.len();
        if !text.trim().is_empty() {
            self.message.texts.push(Text { text, was_html, alternative: part.alternative });
        }
    }

    fn message_begins(&mut self, part: &Part) {
        let place = self.attach(part);
        self.within.push(place);
    }

    fn message_ends(&mut self, octets: u64) {
        if let Some(Some(place)) = self.within.pop() {
            self.message.attachments[place].size = octets;
        }
    }
}

impl Readable {
    /// The texts to be read: of several that say the same the plain one, or the first.
    pub fn best_texts(&self) -> impl Iterator<Item = &Text> {
        let plain = |text: &&Text| !text.was_html;
        let alternatives: HashSet<usize> =
            self.texts.iter().filter(plain).filter_map(|text| text.alternative).collect();
        self.texts
            .iter()
            .filter(move |text| plain(text) || text.alternative.is_none_or(|of| !alternatives.contains(&of)))
    }
}

#[cfg(test)]
mod tests {
    use super::{Readable, Reader, Wanted};

    fn readable(message: &str, text: usize) -> Readable {
        Reader::new(Wanted { text, sizes: true }).read(|each| each(message.as_bytes())).1
    }

    #[test]
    fn of_two_that_say_the_same_the_plain_one_is_read() {
        let message = "Content-Type: multipart/mixed; boundary=m\n\n--m\nContent-Type: multipart/alternative; boundary=a\n\n\
                       --a\nContent-Type: text/html\n\n<b>Hello</b>\n--a\n\nHello\n--a--\n--m\nContent-Type: text/html\n\n\
                       <i>more</i>\n--m--\n";
        let message = readable(message, 1000);
        let texts: Vec<&str> = message.best_texts().map(|text| text.text.trim()).collect();
        assert_eq!((texts, message.texts.len()), (vec!["Hello", "more"], 3));
    }

    #[test]
    fn attachments_are_listed_with_their_sizes() {
        let message = "Content-Type: multipart/mixed; boundary=m\n\n--m\n\ntext\n--m\nContent-Type: application/pdf; name=a.pdf\n\
                       Content-Transfer-Encoding: base64\n\nSGVsbG8=\n--m\nContent-Type: message/rfc822\n\n\
                       Content-Disposition: attachment\n\ninner\n--m--\n";
        let message = readable(message, 1000);
        let listed: Vec<_> =
            message.attachments.iter().map(|a| (a.name.as_deref(), &*a.media, a.size, a.is_within)).collect();
        assert_eq!(
            listed,
            [
                (Some("a.pdf"), "application/pdf", 5, false),
                (None, "message/rfc822", 38, false),
                (None, "text/plain", 5, true)
            ]
        );
    }

    #[test]
    fn no_more_text_is_kept_than_was_asked_for() {
        let message = readable(&format!("\n{}", "wörds ".repeat(100)), 50);
        assert!(message.is_cut && message.texts[0].text.len() <= 50);
        let complex = format!(
            "Content-Type: multipart/mixed; boundary=b\nSubject: x\n\n{}",
            "--b\n\nx\n".repeat(10_001)
        );
        let message = readable(&complex, 50);
        assert!(
            message.is_too_complex && message.texts.is_empty() && message.header.ends_with(b"Subject: x\n")
        );
    }
}

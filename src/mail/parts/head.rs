//! What a part's header says of it.

use super::transfer::Encoding;
use crate::mail::field;
use mailparse::{DispositionType, MailHeaderMap as _};

/// A part that has no parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// What it is, in small letters: `text/plain`.
    pub media: String,
    /// The charset that it names.
    pub charset: Option<String>,
    /// The file name that its sender gave it, decoded; not safe to be written under.
    pub name: Option<String>,
    /// It is an attachment by its own word.
    pub is_attached: bool,
    /// The innermost multipart/alternative that it is in, by a number of its own.
    pub alternative: Option<usize>,
    /// How its octets are encoded.
    pub(super) encoding: Encoding,
}

impl Part {
    /// Whether a person would call it an attachment: its disposition says so, or it has a file name.
    pub fn is_attachment(&self) -> bool {
        self.is_attached || self.name.is_some()
    }

    /// Whether it is listed with the attachments: everything that is not to be read with the message.
    pub fn is_listed(&self) -> bool {
        self.is_attachment() || !self.media.starts_with("text/")
    }

    /// Whether it is text to be read with the message.
    pub fn is_text(&self) -> bool {
        self.media.starts_with("text/") && !self.is_attached
    }

    /// Whether its text is HTML.
    pub fn is_html(&self) -> bool {
        self.media == "text/html"
    }
}

/// A part that has parts.
pub(super) struct Multipart {
    boundary: Vec<u8>,
    /// Its parts are messages if they do not say what they are.
    pub(super) digest: bool,
    pub(super) alternative: Option<usize>,
}

impl Multipart {
    /// Whether a line, without white space at its end, is its boundary.
    pub(super) fn is_boundary(&self, line: &[u8]) -> bool {
        let rest = line.get(2..).and_then(|rest| rest.strip_prefix(&self.boundary[..]));
        rest.is_some_and(|rest| rest.is_empty() || rest == b"--")
    }

    /// Whether that boundary is the last one.
    pub(super) fn is_end(&self, line: &[u8]) -> bool {
        line.len() == self.boundary.len() + 4
    }
}

/// What a header leads to.
pub(super) enum Kind {
    Leaf(Part),
    Message(Part),
    Multipart(Multipart),
}

/// Reads a header. `digest`: it stands for a message if it does not say what it is; `alternative`: what it is within;
/// `number`: of its own.
pub(super) fn read(header: &[u8], digest: bool, alternative: Option<usize>, number: usize) -> Kind {
    let headers = mailparse::parse_headers(header).map(|(headers, _)| headers).unwrap_or_default();
    let value = |name: &str| headers.get_first_header(name).and_then(field::text).unwrap_or_default();
    let content = mailparse::parse_content_type(&value("Content-Type"));
    let disposition = mailparse::parse_content_disposition(&value("Content-Disposition"));
    let mut media = content.mimetype.trim().to_owned();
    if !media.contains('/') {
        let default = if digest { "message/rfc822" } else { "text/plain" };
        default.clone_into(&mut media);
    }
    if media.starts_with("multipart/")
        && let Some(boundary) =
            content.params.get("boundary").filter(|boundary| !boundary.trim_end().is_empty())
    {
        return Kind::Multipart(Multipart {
            boundary: boundary.trim_end().as_bytes().to_vec(),
            digest: media == "multipart/digest",
            alternative: if media == "multipart/alternative" { Some(number) } else { alternative },
        });
    }
    let name = disposition.params.get("filename").or_else(|| content.params.get("name"));
    let encoding = Encoding::named(&value("Content-Transfer-Encoding"));
    let part = Part {
        charset: content.params.get("charset").cloned(),
        name: name.map(|name| name.trim().to_owned()).filter(|name| !name.is_empty()),
        is_attached: disposition.disposition == DispositionType::Attachment,
        alternative,
        encoding,
        // One without a boundary has nothing in it but text.
        media: if media.starts_with("multipart/") { "text/plain".to_owned() } else { media },
    };
    let is_message = matches!(&*part.media, "message/rfc822" | "message/global");
    if is_message && encoding == Encoding::None { Kind::Message(part) } else { Kind::Leaf(part) }
}

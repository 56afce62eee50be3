//! `search --json`: an array, written message by message.

use super::Form;
use crate::archive::CopyAt;
use crate::search::Hit;
use crate::text::dates;
use crate::text::safe::escape;
use serde::Serialize;

pub(super) struct Document {
    digits: usize,
    begun: bool,
}

impl Document {
    /// `digits` of an ID.
    pub(super) fn new(digits: usize) -> Self {
        Document { digits, begun: false }
    }
}

#[derive(Serialize)]
struct Message<'h> {
    id: String,
    account: &'h str,
    /// As in RFC 3339, in UTC; `None` where there is none that can be read.
    date: Option<String>,
    from: Option<String>,
    to: Option<String>,
    subject: Option<String>,
    size: u64,
    attachments: u64,
    place: String,
}

impl Form for Document {
    fn wants_place(&self) -> bool {
        true
    }

    fn head(&mut self, _: usize) -> String {
        "[".to_owned()
    }

    fn hit(&mut self, hit: &Hit, at: Option<&CopyAt>) -> Vec<u8> {
        let text = |text: &Option<String>| text.as_ref().map(|text| escape(text.as_bytes()));
        let message = Message {
            id: hit.id.digits(self.digits),
            account: &hit.account,
            date: if hit.dated { dates::rfc3339(hit.at) } else { None },
            from: text(&hit.from),
            to: text(&hit.to),
            subject: text(&hit.subject),
            size: hit.size,
            attachments: hit.attachments,
            place: at.map(|at| escape(at.to_string().as_bytes())).unwrap_or_default(),
        };
        let separator = if std::mem::replace(&mut self.begun, true) { ",\n" } else { "\n" };
        // Texts and numbers are always written.
        format!("{separator}{}", serde_json::to_string(&message).unwrap_or_default()).into_bytes()
    }

    fn foot(&mut self) -> String {
        if self.begun { "\n]\n".to_owned() } else { "]\n".to_owned() }
    }
}

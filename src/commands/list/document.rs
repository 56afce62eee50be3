//! The list as scripts read it: one JSON document, written message by message.

use super::{Form, Line};
use crate::inventory::Inventory;
use crate::mail::caption::Caption;
use crate::pop3::listing::Listing;
use crate::progress::wording;
use crate::text::safe::escape;
use serde::Serialize;

/// The document of `list --json`.
pub(super) struct Document {
    account: String,
    begun: bool,
    /// A message was written.
    some: bool,
}

#[derive(Serialize)]
struct Message {
    number: u32,
    size: Option<u64>,
    uid: Option<String>,
    state: &'static str,
    /// Why it is in quarantine.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    #[serde(flatten)]
    header: Option<Header>,
}

#[derive(Default, Serialize)]
struct Header {
    /// RFC 3339.
    date: Option<String>,
    from: Option<String>,
    subject: Option<String>,
    /// Why the three above are not known.
    #[serde(rename = "header_error", skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

impl Header {
    fn new(caption: &Result<Caption, String>) -> Self {
        let shown = |text: &Option<String>| text.as_deref().map(|text| escape(text.as_bytes()));
        match caption {
            Ok(caption) => Header {
                date: caption.date.and_then(wording::rfc3339),
                from: shown(&caption.from),
                subject: shown(&caption.subject),
                error: None,
            },
            Err(why) => Header { error: Some(why.clone()), ..Header::default() },
        }
    }
}

impl Document {
    pub(super) fn new(account: &str) -> Self {
        Document { account: account.to_owned(), begun: false, some: false }
    }

    fn begin(&mut self) -> String {
        let account = if self.begun { None } else { Some(json(&self.account)) };
        self.begun = true;
        account.map_or_else(String::new, |account| format!("{{\"account\":{account},\"messages\":["))
    }
}

impl Form for Document {
    fn head(&mut self, _listing: &Listing, _inventory: &Inventory<'_>) -> String {
        self.begin()
    }

    fn line(&mut self, line: &Line<'_>) -> String {
        let message = Message {
            number: line.entry.number,
            size: line.entry.size,
            uid: line.entry.uid.map(escape),
            state: line.status.word(),
            reason: line.reason.clone(),
            header: line.caption.as_ref().map(Header::new),
        };
        let separator = if std::mem::replace(&mut self.some, true) { ",\n" } else { "\n" };
        format!("{separator}{}", json(&message))
    }

    fn foot(&mut self, error: Option<&str>) -> String {
        format!("{}],\"error\":{}}}\n", self.begin(), json(&error))
    }
}

/// As JSON. These types have nothing that could fail.
fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inventory::MessageStatus;
    use crate::pop3::listing::Entry;

    #[test]
    fn the_document_has_the_documented_shape() {
        let entry = |number| Entry { number, size: Some(385), uid: Some(b"u\x1b") };
        let caption = Caption { date: Some(935_111_755), from: Some("a\x07b".to_owned()), subject: None };
        let mut document = Document::new("work");
        let mut text = document.begin();
        for (number, caption) in [(1, None), (2, Some(Ok(caption))), (3, Some(Err("no TOP".to_owned())))] {
            let status = MessageStatus::Archived;
            text += &document.line(&Line { entry: entry(number), status, reason: None, caption });
        }
        let (status, reason) = (MessageStatus::Quarantined, Some("refused".to_owned()));
        text += &document.line(&Line { entry: entry(4), status, reason, caption: None });
        text += &document.foot(None);
        assert_eq!(
            text,
            concat!(
                r#"{"account":"work","messages":["#,
                "\n",
                r#"{"number":1,"size":385,"uid":"u\\x1b","state":"archived"},"#,
                "\n",
                r#"{"number":2,"size":385,"uid":"u\\x1b","state":"archived","date":"1999-08-20T01:15:55Z","from":"a\\x07b","subject":null},"#,
                "\n",
                r#"{"number":3,"size":385,"uid":"u\\x1b","state":"archived","date":null,"from":null,"subject":null,"header_error":"no TOP"},"#,
                "\n",
                r#"{"number":4,"size":385,"uid":"u\\x1b","state":"quarantined","reason":"refused"}],"error":null}"#,
                "\n"
            )
        );
    }

    #[test]
    fn an_account_that_cannot_be_reached_is_a_document_too() {
        let text = Document::new("work").foot(Some("no connection"));
        assert_eq!(text, "{\"account\":\"work\",\"messages\":[],\"error\":\"no connection\"}\n");
    }
}

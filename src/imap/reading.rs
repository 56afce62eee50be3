//! What is in a folder: sizes, Message-IDs, and contents.
//!
//! Promises: one message is held at a time, of its header the Message-ID alone; a content is passed on as it comes;
//! nothing is changed on the server (`BODY.PEEK`).

use super::Connection;
use super::authenticated::Authenticated;
use super::error::ImapError;
use super::fault::Fault;
use super::frames::Literals;
use super::response::{Condition, Data, Text};
use super::wire::{Heard, refusal};

/// The most that a listing may bring, in octets: five million messages with Message-IDs of usual length.
const MAX_LISTING: u64 = 1 << 30;

/// The longest Message-ID that is passed on, in octets.
const MAX_MESSAGE_ID: usize = 2_000;

const FETCH: &str = "UID FETCH";

/// A message in a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Its UID.
    pub uid: u32,
    /// Its octets, as the server counts them.
    pub size: u64,
    /// Its Message-ID, as its header has it (with `<` and `>` where it has them), folded lines undone and blanks
    /// at both ends removed; `None` if there is none, or one of more than 2,000 octets.
    pub message_id: Option<Vec<u8>>,
}

impl Connection<Authenticated> {
    /// Lists the messages of the open folder from this UID on, in the server's order.
    pub fn listed(&mut self, from_uid: u32, each: &mut dyn FnMut(Listed)) -> Result<(), ImapError> {
        // Not every server takes `*` where there is no message at all.
        if self.is_empty()? {
            return Ok(());
        }
        let from_uid = from_uid.max(1);
        self.send(&format!(
            "UID FETCH {from_uid}:* (UID RFC822.SIZE BODY.PEEK[HEADER.FIELDS (MESSAGE-ID)])"
        ))?;
        self.wire.expect_much(Literals::LargeDropped);
        loop {
            match self.wire.hear(FETCH)? {
                Heard::Answer(_, status) if status.condition == Condition::Ok => return Ok(()),
                Heard::Answer(_, status) => {
                    let refusal = status.into_refusal();
                    return Err(ImapError::Refused { during: FETCH, refusal });
                }
                Heard::Continue(_) => return Err(self.wire.fault(FETCH, Fault::UnexpectedContinuation)),
                Heard::Data(Data::Fetch(fetch)) => {
                    // What lacks one of these is news of a message's flags.
                    if let (Some(uid), Some(size), Some(header)) = (fetch.uid, fetch.size, fetch.header)
                        // `n:*` gives the last message even where its UID is less than n.
                        && uid >= from_uid
                    {
                        each(Listed { uid, size, message_id: message_id(&header) });
                    }
                }
                Heard::Data(_) => {}
            }
            if self.wire.brought() > MAX_LISTING {
                return Err(self.wire.fault(FETCH, Fault::EndlessListing { limit: MAX_LISTING }));
            }
        }
    }

    /// Whether the open folder is empty; one that was is asked about again.
    fn is_empty(&mut self) -> Result<bool, ImapError> {
        if !self.state.open {
            return Err(ImapError::Order("no folder is open"));
        }
        if self.wire.exists == Some(0) {
            self.wire.ask("NOOP", "NOOP", &mut |_| ())?;
        }
        Ok(self.wire.exists == Some(0))
    }

    /// Passes on the octets of a message of the open folder; a longer one than `limit` is an error, and ends the
    /// connection. `false`: there is no such message (any more).
    pub fn content(&mut self, uid: u32, limit: u64, sink: &mut dyn FnMut(&[u8])) -> Result<bool, ImapError> {
        if !self.state.open {
            return Err(ImapError::Order("no folder is open"));
        }
        self.send(&format!("UID FETCH {uid} (UID BODY.PEEK[])"))?;
        self.wire.expect_much(Literals::BodyStreamed { limit });
        let mut found = false;
        let mut octets = 0;
        loop {
            let heard = self.wire.hear_into(FETCH, &mut |part| {
                octets += part.len() as u64;
                sink(part);
            })?;
            let fetch = match heard {
                Heard::Answer(_, status) => {
                    return match refusal(status) {
                        Some(refusal) => Err(ImapError::Refused { during: FETCH, refusal }),
                        None => Ok(found),
                    };
                }
                Heard::Continue(_) => return Err(self.wire.fault(FETCH, Fault::UnexpectedContinuation)),
                Heard::Data(Data::Fetch(fetch)) => fetch,
                Heard::Data(_) => {
                    self.check_chatter(octets)?;
                    continue;
                }
            };
            match (fetch.body, fetch.uid) {
                (None | Some(Text::Nil), _) => {}
                (Some(_), Some(other)) if other != uid => {
                    return Err(self.wire.fault(FETCH, Fault::OtherMessage { asked: uid, found: other }));
                }
                (Some(_), _) if found => {
                    return Err(self.wire.fault(FETCH, Fault::OtherMessage { asked: uid, found: uid }));
                }
                (Some(body), _) => {
                    if let Text::Octets(text) = body {
                        octets += text.len() as u64;
                        sink(&text);
                    }
                    found = true;
                }
            }
            self.check_chatter(octets)?;
        }
    }

    /// What came around a body is little.
    fn check_chatter(&mut self, body: u64) -> Result<(), ImapError> {
        const LIMIT: u64 = 1 << 20;
        if self.wire.brought().saturating_sub(body) > LIMIT {
            return Err(self.wire.fault(FETCH, Fault::Chatter { limit: LIMIT }));
        }
        Ok(())
    }

    fn send(&mut self, command: &str) -> Result<(), ImapError> {
        self.wire.begin()?;
        self.wire.text(command.as_bytes());
        self.wire.end_line();
        self.wire.flush(FETCH)
    }
}

/// The value in what is one field, or nothing.
fn message_id(header: &Text) -> Option<Vec<u8>> {
    let Text::Octets(header) = header else { return None };
    let colon = memchr::memchr(b':', header)?;
    if !header[..colon].trim_ascii().eq_ignore_ascii_case(b"Message-ID") {
        return None;
    }
    let mut value = Vec::new();
    let mut rest = &header[colon + 1..];
    loop {
        let end = memchr::memchr(b'\n', rest);
        let line = &rest[..end.unwrap_or(rest.len())];
        value.extend_from_slice(line.strip_suffix(b"\r").unwrap_or(line));
        match end {
            Some(end) if matches!(rest.get(end + 1), Some(b' ' | b'\t')) => rest = &rest[end + 1..],
            _ => break,
        }
    }
    let value = value.trim_ascii();
    (!value.is_empty() && value.len() <= MAX_MESSAGE_ID).then(|| value.to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_id_is_told_of_unfolded_and_without_blanks_around_it() {
        let id = |header: &str| message_id(&Text::Octets(header.into()));
        assert_eq!(id("Message-ID: <a@b>\r\n\r\n").as_deref(), Some(&b"<a@b>"[..]));
        assert_eq!(id("MESSAGE-ID:\r\n \t<a@b> \r\n\r\n").as_deref(), Some(&b"<a@b>"[..]));
        assert_eq!(id("Message-Id: a\r\n b\r\nMessage-Id: c\r\n\r\n").as_deref(), Some(&b"a b"[..]));
        assert_eq!(id("\r\n"), None);
        assert_eq!(id("Message-ID:\r\n\r\n"), None);
        assert_eq!(id("Subject: x\r\n\r\n"), None);
        assert_eq!(id(&format!("Message-ID: {}", "x".repeat(2001))), None);
        assert_eq!(message_id(&Text::Nil), None);
    }
}

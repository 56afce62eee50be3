//! The name service's messages (RFC 1035, section 4): a question out, an answer in. Pure.
//!
//! Promises: no answer makes us read past its end, follow a compression pointer for ever, or keep
//! more than [`RECORDS`] records; what is no host name is never handed on as one.

/// So many records of an answer are looked at.
const RECORDS: usize = 64;
/// The longest name (RFC 1035, section 3.1), in octets as text.
const LONGEST_NAME: usize = 253;

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Mail exchangers.
    Mx = 15,
    /// The places of a service (RFC 2782).
    Srv = 33,
}

const CNAME: u16 = 5;
const INTERNET: u16 = 1;

/// One record of an answer. An empty name is the root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Record {
    /// A place of a service.
    Srv { priority: u16, weight: u16, port: u16, target: String },
    /// A mail exchanger.
    Mx { preference: u16, host: String },
}

/// Why a message is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unusable {
    /// It is not to our question: somebody else's, an old one's, or a forger's.
    NotOurs,
    /// It is, and says nothing useful.
    Bad(&'static str),
}

/// A question for `name`; `None` if that cannot be a name.
pub(super) fn question(id: u16, name: &str, kind: Kind) -> Option<Vec<u8>> {
    let mut message = Vec::with_capacity(32 + name.len());
    message.extend(id.to_be_bytes());
    message.extend([0x01, 0x00]); // a standard query, recursion desired
    message.extend([0, 1, 0, 0, 0, 0, 0, 0]); // one question and nothing else
    let name = name.strip_suffix('.').unwrap_or(name);
    if name.is_empty() || name.len() > LONGEST_NAME {
        return None;
    }
    for label in name.split('.') {
        let length = u8::try_from(label.len()).ok().filter(|length| (1..=63).contains(length))?;
        message.push(length);
        message.extend(label.bytes());
    }
    message.push(0);
    message.extend((kind as u16).to_be_bytes());
    message.extend(INTERNET.to_be_bytes());
    Some(message)
}

/// The records of an answer to this question, aliases followed. No such name is no record.
pub(super) fn answer(message: &[u8], id: u16, name: &str, kind: Kind) -> Result<Vec<Record>, Unusable> {
    let header = Header::read(message).ok_or(Unusable::NotOurs)?;
    let mut reader = Reader { message, at: Header::LENGTH };
    let asked = reader.question().ok_or(Unusable::NotOurs)?;
    let ours = (name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase(), kind as u16, INTERNET);
    if header.id != id || !header.is_answer || header.questions != 1 || asked != ours {
        return Err(Unusable::NotOurs);
    }
    match header.code {
        0 => {}
        3 => return Ok(Vec::new()), // no such name
        _ => return Err(Unusable::Bad("the name server cannot answer")),
    }
    if header.truncated {
        return Err(Unusable::Bad("the name server's answer is too long"));
    }
    let mut wanted = ours.0;
    let mut found = Vec::new();
    for _ in 0..usize::from(header.answers).min(RECORDS) {
        let entry = reader.entry().ok_or(Unusable::Bad("the name server's answer makes no sense"))?;
        if entry.class != INTERNET || entry.owner != wanted {
            continue;
        }
        if entry.kind == CNAME
            && let Some(target) = entry.data().name()
        {
            wanted = target;
        } else if entry.kind == kind as u16
            && let Some(record) = entry.record(kind)
        {
            found.push(record);
        }
    }
    Ok(found)
}

struct Header {
    id: u16,
    is_answer: bool,
    truncated: bool,
    code: u8,
    questions: u16,
    answers: u16,
}

impl Header {
    const LENGTH: usize = 12;

    fn read(message: &[u8]) -> Option<Header> {
        let mut reader = Reader { message, at: 0 };
        let id = reader.number()?;
        let flags = reader.number()?;
        Some(Header {
            id,
            // A response, to a standard query.
            is_answer: flags & 0xf800 == 0x8000,
            truncated: flags & 0x0200 != 0,
            code: (flags & 0x000f) as u8,
            questions: reader.number()?,
            answers: reader.number()?,
        })
    }
}

/// A record as it stands in the message.
struct Entry<'m> {
    owner: String,
    kind: u16,
    class: u16,
    message: &'m [u8],
    /// Where its data begins and ends.
    from: usize,
    to: usize,
}

impl<'m> Entry<'m> {
    /// Its data; names in it may point back into the message, but do not go past the data's end.
    fn data(&self) -> Reader<'m> {
        Reader { message: &self.message[..self.to], at: self.from }
    }

    fn record(&self, kind: Kind) -> Option<Record> {
        let mut data = self.data();
        match kind {
            Kind::Mx => Some(Record::Mx { preference: data.number()?, host: data.name()? }),
            Kind::Srv => Some(Record::Srv {
                priority: data.number()?,
                weight: data.number()?,
                port: data.number()?,
                target: data.name()?,
            }),
        }
    }
}

struct Reader<'m> {
    message: &'m [u8],
    at: usize,
}

impl<'m> Reader<'m> {
    fn octet(&mut self) -> Option<u8> {
        let octet = *self.message.get(self.at)?;
        self.at += 1;
        Some(octet)
    }

    fn number(&mut self) -> Option<u16> {
        Some(u16::from_be_bytes([self.octet()?, self.octet()?]))
    }

    /// A name in small letters, without the final dot. `None` for what has other octets in it than
    /// letters, digits, `-` and `_`, which no host's name has.
    fn name(&mut self) -> Option<String> {
        let mut name = String::new();
        let mut at = self.at;
        // A pointer must lead to before the labels that it follows, so each step goes back and
        // there is an end.
        let mut before = self.at;
        let mut pointed = false;
        loop {
            let length = *self.message.get(at)?;
            match length {
                0 => {
                    if !pointed {
                        self.at = at + 1;
                    }
                    return Some(name);
                }
                1..=63 => {
                    let label = self.message.get(at + 1..at + 1 + usize::from(length))?;
                    if !name.is_empty() {
                        name.push('.');
                    }
                    for octet in label {
                        if !(octet.is_ascii_alphanumeric() || b"-_".contains(octet)) {
                            return None;
                        }
                        name.push(char::from(octet.to_ascii_lowercase()));
                    }
                    if name.len() > LONGEST_NAME {
                        return None;
                    }
                    at += 1 + usize::from(length);
                }
                0xc0.. => {
                    let target = usize::from(u16::from_be_bytes([length & 0x3f, *self.message.get(at + 1)?]));
                    if !pointed {
                        self.at = at + 2;
                    }
                    if target >= before {
                        return None;
                    }
                    pointed = true;
                    before = target;
                    at = target;
                }
                _ => return None,
            }
        }
    }

    /// The question's name, kind and class.
    fn question(&mut self) -> Option<(String, u16, u16)> {
        Some((self.name()?, self.number()?, self.number()?))
    }

    fn entry(&mut self) -> Option<Entry<'m>> {
        let owner = self.name()?;
        let (kind, class) = (self.number()?, self.number()?);
        let (_ttl, length) = ((self.number()?, self.number()?), usize::from(self.number()?));
        let from = self.at;
        let to = from.checked_add(length).filter(|to| *to <= self.message.len())?;
        self.at = to;
        Some(Entry { owner, kind, class, message: self.message, from, to })
    }
}

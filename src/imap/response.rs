//! Responses: status, data, continuation (RFC 9051, section 7).
//!
//! Promises: pure; whatever is not written as it must be is a [`Fault`], never a guess, where popkeep reads it; data
//! that popkeep has no use for is passed over; UIDs are never 0.

use super::capability::Capabilities;
use super::code::{Code, Refusal, nonzero, number, number64};
use super::fault::Fault;
use super::frames::{Frame, Literal};

/// How deep lists may lie in each other.
const DEPTH: usize = 32;

/// One response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Response {
    /// `+ …`: the server waits for more.
    Continue(Vec<u8>),
    /// The answer to a command.
    Tagged {
        /// Which.
        tag: Vec<u8>,
        /// The answer.
        status: Status,
    },
    /// Anything else.
    Untagged(Data),
}

/// The word of a status response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Condition {
    /// `OK`.
    Ok,
    /// `NO`.
    No,
    /// `BAD`.
    Bad,
    /// `PREAUTH`, in a greeting.
    PreAuth,
    /// `BYE`.
    Bye,
}

/// A status response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// Its word.
    pub condition: Condition,
    /// Its code, if its text begins with one.
    pub code: Option<Code>,
    /// The whole text, the code included.
    pub text: Vec<u8>,
}

impl Status {
    /// As what it says against a command.
    pub(super) fn into_refusal(self) -> Refusal {
        Refusal { code: self.code, text: self.text }
    }
}

/// An untagged response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Data {
    /// A status response.
    Status(Status),
    /// `CAPABILITY`.
    Capability(Capabilities),
    /// `EXISTS`: how many messages there are.
    Exists(u32),
    /// `LIST`.
    List(Listed),
    /// `FETCH`.
    Fetch(Fetch),
    /// Anything else.
    Other,
}

/// A line of LIST.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// It is no folder that can be opened (`\Noselect`, `\NonExistent`).
    pub closed: bool,
    /// What stands between the levels of a name; `None`: there are none.
    pub delimiter: Option<u8>,
    /// The name, as it stands on the wire, without its quotes.
    pub name: Vec<u8>,
}

/// What FETCH says of one message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fetch {
    /// Its UID.
    pub uid: Option<u32>,
    /// `RFC822.SIZE`.
    pub size: Option<u64>,
    /// `BODY[HEADER.FIELDS (…)]`.
    pub header: Option<Text>,
    /// `BODY[]`.
    pub body: Option<Text>,
}

/// A value that is text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Text {
    /// Its octets.
    Octets(Vec<u8>),
    /// It was passed on or dropped.
    Gone,
    /// `NIL`.
    Nil,
}

impl Response {
    /// Reads a whole response.
    pub fn parse(frame: Frame) -> Result<Response, Fault> {
        let text = frame.text.as_slice();
        if let Some(rest) = text.strip_prefix(b"+") {
            return match rest {
                [] => Ok(Response::Continue(Vec::new())),
                [b' ', rest @ ..] => Ok(Response::Continue(rest.to_vec())),
                _ => Err(not_a_response(text)),
            };
        }
        if let Some(rest) = text.strip_prefix(b"* ") {
            if let Some(status) = status(rest) {
                return Ok(Response::Untagged(Data::Status(status)));
            }
            return Ok(Response::Untagged(data(frame)?));
        }
        let (tag, rest) = split_word(text);
        let proper = !tag.is_empty() && tag.iter().all(u8::is_ascii_alphanumeric);
        match status(rest) {
            Some(status)
                if proper && matches!(status.condition, Condition::Ok | Condition::No | Condition::Bad) =>
            {
                Ok(Response::Tagged { tag: tag.to_vec(), status })
            }
            _ => Err(not_a_response(text)),
        }
    }
}

fn not_a_response(text: &[u8]) -> Fault {
    Fault::NotAResponse { line: super::fault::beginning(text) }
}

/// The first word, and what follows its blank.
fn split_word(text: &[u8]) -> (&[u8], &[u8]) {
    match memchr::memchr(b' ', text) {
        Some(at) => (&text[..at], &text[at + 1..]),
        None => (text, b""),
    }
}

fn status(text: &[u8]) -> Option<Status> {
    let (word, rest) = split_word(text);
    let condition = match word.to_ascii_uppercase().as_slice() {
        b"OK" => Condition::Ok,
        b"NO" => Condition::No,
        b"BAD" => Condition::Bad,
        b"PREAUTH" => Condition::PreAuth,
        b"BYE" => Condition::Bye,
        _ => return None,
    };
    let text = rest.trim_ascii_start();
    let code = text.strip_prefix(b"[").and_then(|inner| {
        let end = memchr::memchr(b']', inner)?;
        Some(Code::parse(&inner[..end]))
    });
    Some(Status { condition, code, text: text.to_vec() })
}

fn data(frame: Frame) -> Result<Data, Fault> {
    let mut cursor = Cursor { at: 2, frame };
    let word = cursor.word();
    if word.first().is_some_and(u8::is_ascii_digit) {
        let kind = cursor.word().to_ascii_uppercase();
        return match kind.as_slice() {
            b"EXISTS" => number(&word).map(Data::Exists).ok_or_else(|| cursor.malformed("EXISTS")),
            b"FETCH" => {
                nonzero(&word).ok_or_else(|| cursor.malformed("FETCH"))?;
                fetch(&mut cursor).map(Data::Fetch).ok_or_else(|| cursor.malformed("FETCH"))
            }
            _ => Ok(Data::Other),
        };
    }
    match word.to_ascii_uppercase().as_slice() {
        b"CAPABILITY" => Ok(Data::Capability(Capabilities::from_words(cursor.rest()))),
        b"LIST" => list(&mut cursor).map(Data::List).ok_or_else(|| cursor.malformed("LIST")),
        _ => Ok(Data::Other),
    }
}

fn list(cursor: &mut Cursor) -> Option<Listed> {
    let mut closed = false;
    cursor.eat(b'(')?;
    while cursor.eat(b')').is_none() {
        cursor.skip_blanks();
        let attribute = cursor.atom()?;
        closed |=
            attribute.eq_ignore_ascii_case(b"\\Noselect") || attribute.eq_ignore_ascii_case(b"\\NonExistent");
        cursor.skip_blanks();
    }
    cursor.eat(b' ')?;
    let delimiter = match cursor.value(0)? {
        Value::Text(Text::Nil) => None,
        Value::Text(Text::Octets(octets)) => match octets[..] {
            [delimiter] if delimiter.is_ascii() => Some(delimiter),
            // Some write "" where there is none.
            [] => None,
            _ => return None,
        },
        _ => return None,
    };
    cursor.eat(b' ')?;
    let name = match cursor.value(0)? {
        Value::Text(Text::Octets(name)) => name,
        // A folder may be called so.
        Value::Text(Text::Nil) => b"NIL".to_vec(),
        _ => return None,
    };
    Some(Listed { closed, delimiter, name })
}

fn fetch(cursor: &mut Cursor) -> Option<Fetch> {
    let mut fetch = Fetch::default();
    cursor.eat(b'(')?;
    while cursor.eat(b')').is_none() {
        cursor.skip_blanks();
        let name = cursor.item()?.to_ascii_uppercase();
        cursor.eat(b' ')?;
        let value = cursor.value(0)?;
        match (name.as_slice(), value) {
            (b"UID", Value::Text(Text::Octets(digits))) => fetch.uid = Some(nonzero(&digits)?),
            (b"RFC822.SIZE", Value::Text(Text::Octets(digits))) => fetch.size = Some(number64(&digits)?),
            (b"UID" | b"RFC822.SIZE", _) => return None,
            (b"BODY[]", Value::Text(text)) => fetch.body = Some(text),
            (name, Value::Text(text)) if name.starts_with(b"BODY[HEADER.FIELDS ") => {
                fetch.header = Some(text);
            }
            _ => {}
        }
        cursor.skip_blanks();
    }
    Some(fetch)
}

enum Value {
    Text(Text),
    List,
}

/// Reads the data of a response from left to right.
struct Cursor {
    frame: Frame,
    at: usize,
}

impl Cursor {
    fn rest(&self) -> &[u8] {
        &self.frame.text[self.at.min(self.frame.text.len())..]
    }

    fn malformed(&self, what: &'static str) -> Fault {
        Fault::malformed(what, &self.frame.text)
    }

    /// Up to the next blank, which is passed over.
    fn word(&mut self) -> Vec<u8> {
        let word = split_word(self.rest()).0.to_vec();
        self.at += word.len() + 1;
        word
    }

    fn eat(&mut self, octet: u8) -> Option<()> {
        (self.rest().first() == Some(&octet)).then(|| self.at += 1)
    }

    /// Some servers put more blanks than they must.
    fn skip_blanks(&mut self) {
        while self.eat(b' ').is_some() {}
    }

    /// What is neither quoted nor a literal nor a list; never empty.
    fn atom(&mut self) -> Option<Vec<u8>> {
        let special = |octet: &u8| b" (){\"".contains(octet) || octet.is_ascii_control();
        let atom: Vec<u8> = self.rest().iter().copied().take_while(|octet| !special(octet)).collect();
        self.at += atom.len();
        (!atom.is_empty()).then_some(atom)
    }

    /// The name of something that FETCH says, with its section: `BODY[HEADER.FIELDS (MESSAGE-ID)]`.
    fn item(&mut self) -> Option<Vec<u8>> {
        let mut depth = 0_usize;
        let mut length = 0;
        for octet in self.rest() {
            match octet {
                b'[' => depth += 1,
                b']' => depth = depth.checked_sub(1)?,
                b' ' | b'(' | b')' if depth == 0 => break,
                _ => {}
            }
            length += 1;
        }
        // The names of fields may come in quotes.
        let item = self.rest()[..length].iter().copied().filter(|octet| *octet != b'"').collect();
        self.at += length;
        (length > 0 && depth == 0).then_some(item)
    }

    fn value(&mut self, depth: usize) -> Option<Value> {
        match self.rest().first()? {
            b'"' => self.quoted().map(|octets| Value::Text(Text::Octets(octets))),
            b'{' | b'~' if self.frame.literals.front().is_some_and(|(at, _)| *at == self.at) => {
                let (_, literal) = self.frame.literals.pop_front()?;
                self.at += memchr::memchr(b'}', self.rest())? + 1;
                Some(Value::Text(match literal {
                    Literal::Held(octets) => Text::Octets(octets),
                    Literal::Gone => Text::Gone,
                }))
            }
            b'(' if depth < DEPTH => {
                self.at += 1;
                self.skip_blanks();
                while self.eat(b')').is_none() {
                    self.value(depth + 1)?;
                    self.skip_blanks();
                }
                Some(Value::List)
            }
            _ => {
                let atom = self.atom()?;
                let nil = atom.eq_ignore_ascii_case(b"NIL");
                Some(Value::Text(if nil { Text::Nil } else { Text::Octets(atom) }))
            }
        }
    }

    fn quoted(&mut self) -> Option<Vec<u8>> {
        let mut octets = Vec::new();
        let mut used = 1;
        let mut rest = self.rest().iter().skip(1);
        loop {
            used += 1;
            match rest.next()? {
                b'"' => break,
                b'\\' => {
                    used += 1;
                    octets.push(*rest.next()?);
                }
                octet => octets.push(*octet),
            }
        }
        self.at += used;
        Some(octets)
    }
}

//! The name service's messages (RFC 1035, section 4): a question out, an answer in. Pure; simple-dns reads and writes
//! them.
//!
//! Promises: what does not repeat our question is somebody else's answer, whatever else is in it; no answer makes us
//! keep more than [`RECORDS`] records; what is no host name is never handed on as one.

use simple_dns::rdata::RData;
use simple_dns::{CLASS, Label, Name, OPCODE, Packet, PacketFlag, Question, RCODE, TYPE, header_buffer};

/// So many records of an answer are looked at.
const RECORDS: usize = 64;
/// The longest name (RFC 1035, section 3.1), in octets as text.
const LONGEST_NAME: usize = 253;
/// The octets before the question.
const HEADER: usize = 12;
/// A record has at least this many octets: an owner of one, type, class, time to live and length.
const SHORTEST_RECORD: usize = 11;

const SENSELESS: Unusable = Unusable::Bad("the name server's answer makes no sense");

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Mail exchangers.
    Mx,
    /// The places of a service (RFC 2782).
    Srv,
}

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
    let name = name.strip_suffix('.').unwrap_or(name);
    if name.len() > LONGEST_NAME {
        return None;
    }
    let labels: Vec<Label<'_>> =
        name.split('.').map(|label| Label::new(label.as_bytes())).collect::<Result<_, _>>().ok()?;
    let kind = match kind {
        Kind::Mx => TYPE::MX,
        Kind::Srv => TYPE::SRV,
    };
    let mut packet = Packet::new_query(id);
    packet.set_flags(PacketFlag::RECURSION_DESIRED);
    packet.questions.push(Question::new(
        Name::new_with_labels(&labels),
        kind.into(),
        CLASS::IN.into(),
        false,
    ));
    packet.build_bytes_vec().ok()
}

/// The records of an answer to this question, aliases followed. No such name is no record.
pub(super) fn answer(message: &[u8], id: u16, name: &str, kind: Kind) -> Result<Vec<Record>, Unusable> {
    let asked = question(id, name, kind).ok_or(Unusable::NotOurs)?;
    if !is_answer_to(message, id, &asked) {
        return Err(Unusable::NotOurs);
    }
    let header = |found: simple_dns::Result<u16>| found.map_err(|_| SENSELESS).map(usize::from);
    let records = header(header_buffer::answers(message))?
        + header(header_buffer::name_servers(message))?
        + header(header_buffer::additional_records(message))?;
    match header_buffer::rcode(message) {
        Ok(RCODE::NoError) => {}
        Ok(RCODE::NameError) => return Ok(Vec::new()), // no such name
        _ => return Err(Unusable::Bad("the name server cannot answer")),
    }
    if has_flag(message, PacketFlag::TRUNCATION) {
        return Err(Unusable::Bad("the name server's answer is too long"));
    }
    // Room is made for as many records as the header promises.
    if records > message.len() / SHORTEST_RECORD {
        return Err(SENSELESS);
    }
    let packet = Packet::parse(message).map_err(|_| SENSELESS)?;
    let mut wanted = name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase();
    let mut found = Vec::new();
    for record in packet.answers.iter().take(RECORDS) {
        if record.class != CLASS::IN || host_name(&record.name).as_ref() != Some(&wanted) {
            continue;
        }
        match (&record.rdata, kind) {
            (RData::CNAME(alias), _) => {
                if let Some(target) = host_name(&alias.0) {
                    wanted = target;
                }
            }
            (RData::MX(mx), Kind::Mx) => {
                found.extend(
                    host_name(&mx.exchange).map(|host| Record::Mx { preference: mx.preference, host }),
                );
            }
            (RData::SRV(srv), Kind::Srv) => found.extend(host_name(&srv.target).map(|target| Record::Srv {
                priority: srv.priority,
                weight: srv.weight,
                port: srv.port,
                target,
            })),
            _ => {}
        }
    }
    Ok(found)
}

/// Whether a message answers the question `asked`: it repeats it, letter case aside.
fn is_answer_to(message: &[u8], id: u16, asked: &[u8]) -> bool {
    let repeated = message.get(HEADER..asked.len());
    header_buffer::id(message) == Ok(id)
        && has_flag(message, PacketFlag::RESPONSE)
        && header_buffer::opcode(message) == Ok(OPCODE::StandardQuery)
        && header_buffer::questions(message) == Ok(1)
        && repeated.is_some_and(|repeated| repeated.eq_ignore_ascii_case(&asked[HEADER..]))
}

fn has_flag(message: &[u8], flag: PacketFlag) -> bool {
    header_buffer::has_flags(message, flag).unwrap_or(false)
}

/// A name in small letters, without the final dot. `None` for what has other octets in it than letters, digits, `-` and
/// `_`, which no host's name has.
fn host_name(name: &Name<'_>) -> Option<String> {
    let mut text = String::new();
    for label in name.as_bytes() {
        if !text.is_empty() {
            text.push('.');
        }
        for octet in label {
            if !(octet.is_ascii_alphanumeric() || b"-_".contains(octet)) {
                return None;
            }
            text.push(char::from(octet.to_ascii_lowercase()));
        }
    }
    (text.len() <= LONGEST_NAME).then_some(text)
}

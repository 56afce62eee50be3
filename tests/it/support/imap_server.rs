//! A small IMAP server on a loopback port, that keeps folders in memory and misbehaves as it is told to.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::maildrop::PASSWORD;

/// What a server with everything that popkeep uses offers.
pub(crate) const ALL: &str = "IMAP4rev1 LITERAL+ MULTIAPPEND UIDPLUS BINARY";

/// What one APPEND meets with, once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cut {
    /// The connection ends when half of the octets have come.
    Halfway,
    /// The messages are stored, and the connection ends before the answer.
    BeforeTheAnswer,
    /// The messages are stored, and nothing is said any more.
    Silence,
    /// The messages are not stored, and nothing is said any more.
    Oblivion,
    /// The connection ends at once, and the messages are stored so many milliseconds later.
    StoredLater(u64),
}

/// How the server behaves.
#[derive(Clone, Debug)]
pub(crate) struct ImapBehaviour {
    pub(crate) capabilities: &'static str,
    /// The n-th APPEND (from 1) is cut.
    pub(crate) cut: Option<(usize, Cut)>,
    /// A message that has this in it is refused with these words.
    pub(crate) refuses: Option<(&'static str, &'static str)>,
    /// The connection ends at a message that has this in it.
    pub(crate) dies_of: Option<&'static str>,
    /// Once so many messages are there, each APPEND is refused with these words.
    pub(crate) full: Option<(usize, &'static str)>,
    /// The refusals of `full` end after so many of them.
    pub(crate) full_for: usize,
    /// Each message gets this line in front, as some servers write theirs.
    pub(crate) adds: &'static str,
    /// EXAMINE of a folder that is not there is answered with these words.
    pub(crate) unknown_folder: &'static str,
    /// What stands between the levels of a name.
    pub(crate) delimiter: char,
    /// Each new connection finds another UIDVALIDITY.
    pub(crate) replaces_folders: bool,
}

impl Default for ImapBehaviour {
    fn default() -> Self {
        ImapBehaviour {
            capabilities: ALL,
            cut: None,
            refuses: None,
            dies_of: None,
            full: None,
            full_for: usize::MAX,
            adds: "",
            unknown_folder: "[NONEXISTENT] no such folder",
            delimiter: '/',
            replaces_folders: false,
        }
    }
}

/// A message in a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Stored {
    pub(crate) uid: u32,
    pub(crate) flags: String,
    pub(crate) date: String,
    pub(crate) octets: Vec<u8>,
}

#[derive(Clone, Debug)]
struct Folder {
    validity: u32,
    next: u32,
    messages: Vec<Stored>,
}

#[derive(Default)]
struct State {
    folders: BTreeMap<String, Folder>,
    behaviour: ImapBehaviour,
    appends: usize,
    refused: usize,
    /// What was to be stored later is stored, or forgotten.
    late: bool,
    connections: u32,
    commands: Vec<String>,
}

/// A running server; it is left alone when the test ends.
pub(crate) struct ImapServer {
    port: u16,
    state: Arc<Mutex<State>>,
}

impl ImapServer {
    pub(crate) fn start(behaviour: ImapBehaviour) -> ImapServer {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let state = Arc::new(Mutex::new(State { behaviour, ..State::default() }));
        let shared = Arc::clone(&state);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let shared = Arc::clone(&shared);
                std::thread::spawn(move || serve(stream, &shared));
            }
        });
        ImapServer { port, state }
    }

    /// A destination in clear text on this machine.
    pub(crate) fn destination(&self, name: &str, folder: &str) -> String {
        format!(
            "[destinations.{name}]\nurl = \"imap://jane@127.0.0.1:{}/{folder}\"\ntls = \"none\"\npassword = \"{PASSWORD}\"\ntimeout = \"10s\"\n",
            self.port
        )
    }

    pub(crate) fn behave(&self, behaviour: ImapBehaviour) {
        self.state.lock().unwrap().behaviour = behaviour;
    }

    /// What is in a folder, by its name on the wire.
    pub(crate) fn messages(&self, folder: &str) -> Vec<Stored> {
        let state = self.state.lock().unwrap();
        state.folders.get(folder).map_or_else(Vec::new, |folder| folder.messages.clone())
    }

    /// The names of the folders.
    pub(crate) fn folders(&self) -> Vec<String> {
        self.state.lock().unwrap().folders.keys().cloned().collect()
    }

    /// Puts a message into a folder, as another program does.
    pub(crate) fn put(&self, folder: &str, octets: &[u8]) {
        let mut state = self.state.lock().unwrap();
        let folder = state.folders.entry(folder.to_owned()).or_insert_with(new_folder);
        keep(folder, Stored { uid: 0, flags: String::new(), date: String::new(), octets: octets.to_vec() });
    }

    /// Waits until what is stored later is, or what is forgotten has come.
    pub(crate) fn wait_for_the_late(&self) {
        while !self.state.lock().unwrap().late {
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// How many commands of this kind have come.
    pub(crate) fn count(&self, verb: &str) -> usize {
        let state = self.state.lock().unwrap();
        state.commands.iter().filter(|command| command.split(' ').next() == Some(verb)).count()
    }
}

fn new_folder() -> Folder {
    Folder { validity: 77, next: 1, messages: Vec::new() }
}

fn keep(folder: &mut Folder, message: Stored) -> u32 {
    let uid = folder.next;
    folder.next += 1;
    folder.messages.push(Stored { uid, ..message });
    uid
}

fn serve(stream: TcpStream, shared: &Mutex<State>) {
    let _ = stream.set_read_timeout(Some(Duration::from_mins(1)));
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut writer = stream;
    {
        let mut state = shared.lock().unwrap();
        state.connections += 1;
        if state.behaviour.replaces_folders {
            let validity = 100 + state.connections;
            state.folders.values_mut().for_each(|folder| folder.validity = validity);
        }
    }
    let mut open = String::new();
    let _ = writer.write_all(b"* OK ready\r\n");
    loop {
        let mut line = Vec::new();
        if !matches!(reader.read_until(b'\n', &mut line), Ok(1..)) {
            return;
        }
        let line = String::from_utf8_lossy(&line).trim_end().to_owned();
        let Some((tag, command)) = line.split_once(' ') else { return };
        let (verb, rest) = command.split_once(' ').unwrap_or((command, ""));
        let verb = verb.to_ascii_uppercase();
        shared.lock().unwrap().commands.push(format!("{verb} {rest}"));
        let mut say = String::new();
        let done = match verb.as_str() {
            "CAPABILITY" => {
                say = format!("* CAPABILITY {}\r\n", shared.lock().unwrap().behaviour.capabilities);
                "OK done".to_owned()
            }
            "LOGIN" if rest.contains(PASSWORD) => "OK welcome".to_owned(),
            "LOGIN" => "NO [AUTHENTICATIONFAILED] wrong".to_owned(),
            "NOOP" | "SUBSCRIBE" => "OK done".to_owned(),
            "LOGOUT" => {
                let _ = writer.write_all(format!("* BYE\r\n{tag} OK\r\n").as_bytes());
                return;
            }
            "LIST" => {
                let state = shared.lock().unwrap();
                let delimiter = state.behaviour.delimiter;
                let name = unquoted(rest.rsplit_once(' ').map_or("", |(_, name)| name));
                if name.is_empty() {
                    say = format!("* LIST (\\Noselect) \"{delimiter}\" \"\"\r\n");
                } else if state.folders.contains_key(&name) {
                    say = format!("* LIST () \"{delimiter}\" \"{name}\"\r\n");
                }
                "OK done".to_owned()
            }
            "CREATE" => {
                shared.lock().unwrap().folders.entry(unquoted(rest)).or_insert_with(new_folder);
                "OK made".to_owned()
            }
            "EXAMINE" => {
                let state = shared.lock().unwrap();
                open = unquoted(rest);
                match state.folders.get(&open) {
                    Some(folder) => {
                        say = format!(
                            "* {} EXISTS\r\n* OK [UIDVALIDITY {}]\r\n* OK [UIDNEXT {}]\r\n",
                            folder.messages.len(),
                            folder.validity,
                            folder.next
                        );
                        "OK [READ-ONLY] done".to_owned()
                    }
                    None => format!("NO {}", state.behaviour.unknown_folder),
                }
            }
            "UID" => {
                fetch(&mut writer, shared, &open, rest);
                "OK done".to_owned()
            }
            "APPEND" => match append(&mut reader, &mut writer, shared, rest) {
                Some(answer) => answer,
                None => return,
            },
            _ => "BAD not understood".to_owned(),
        };
        if writer.write_all(format!("{say}{tag} {done}\r\n").as_bytes()).is_err() {
            return;
        }
    }
}

fn unquoted(name: &str) -> String {
    name.trim_matches('"').replace("\\\"", "\"").replace("\\\\", "\\")
}

/// `FETCH n:* (…)` gives sizes and Message-IDs, `FETCH n (…)` the content.
fn fetch(writer: &mut TcpStream, shared: &Mutex<State>, folder: &str, rest: &str) {
    let state = shared.lock().unwrap();
    let Some(folder) = state.folders.get(folder) else { return };
    let set = rest.split(' ').nth(1).unwrap_or_default();
    let first: u32 = set.split(':').next().unwrap_or_default().parse().unwrap_or(0);
    let all = set.ends_with('*');
    for (at, message) in folder.messages.iter().enumerate() {
        // As RFC 9051 has it, `n:*` gives the last one, too.
        let last = at + 1 == folder.messages.len();
        if !(message.uid == first || all && (message.uid > first || last)) {
            continue;
        }
        let (what, text) = if all {
            let header = message.octets.split(|octet| *octet == b'\n').take_while(|line| *line != b"\r");
            let found = header.into_iter().find(|line| line.to_ascii_lowercase().starts_with(b"message-id:"));
            let mut text = found.map_or_else(Vec::new, |line| [line, b"\n"].concat());
            text.extend_from_slice(b"\r\n");
            ("BODY[HEADER.FIELDS (MESSAGE-ID)]", text)
        } else {
            ("BODY[]", message.octets.clone())
        };
        let head = format!(
            "* {} FETCH (UID {} RFC822.SIZE {} {what} {{{}}}\r\n",
            at + 1,
            message.uid,
            message.octets.len(),
            text.len()
        );
        let _ = writer.write_all(&[head.as_bytes(), &text, b")\r\n"].concat());
    }
}

/// The answer; `None` where the connection ends.
fn append(
    reader: &mut BufReader<TcpStream>,
    writer: &mut TcpStream,
    shared: &Mutex<State>,
    rest: &str,
) -> Option<String> {
    let (name, mut rest) = match rest.strip_prefix('"') {
        Some(quoted) => quoted.split_once("\" ").map(|(name, rest)| (name.to_owned(), rest.to_owned()))?,
        None => rest.split_once(' ').map(|(name, rest)| (name.to_owned(), rest.to_owned()))?,
    };
    let cut = {
        let mut state = shared.lock().unwrap();
        state.appends += 1;
        state.behaviour.cut.filter(|(nth, _)| *nth == state.appends).map(|(_, cut)| cut)
    };
    let mut messages = Vec::new();
    while !rest.trim().is_empty() {
        let (head, literal) = rest.rsplit_once('{')?;
        let length = literal.trim_end_matches('}');
        let waits = !length.ends_with('+');
        let length: usize = length.trim_end_matches('+').parse().ok()?;
        if waits {
            writer.write_all(b"+ go on\r\n").ok()?;
        }
        if cut == Some(Cut::Halfway) && length > 1 {
            reader.read_exact(&mut vec![0; length / 2]).ok()?;
            return None;
        }
        let mut octets = vec![0; length];
        reader.read_exact(&mut octets).ok()?;
        let flags =
            head.split_once('(').and_then(|(_, flags)| flags.split_once(')')).map_or("", |(flags, _)| flags);
        let date = head.split('"').nth(1).unwrap_or_default();
        messages.push(Stored { uid: 0, flags: flags.to_owned(), date: date.to_owned(), octets });
        let mut line = Vec::new();
        reader.read_until(b'\n', &mut line).ok()?;
        String::from_utf8_lossy(&line).trim_end().clone_into(&mut rest);
    }
    let mut state = shared.lock().unwrap();
    let State { folders, behaviour, refused, .. } = &mut *state;
    let Some(folder) = folders.get_mut(&unquoted(&name)) else {
        return Some("NO [TRYCREATE] no folder".to_owned());
    };
    if let Some((most, words)) = behaviour.full
        && folder.messages.len() + messages.len() > most
        && *refused < behaviour.full_for
    {
        *refused += 1;
        return Some(format!("NO {words}"));
    }
    if let Some((marker, words)) = behaviour.refuses
        && messages.iter().any(|message| String::from_utf8_lossy(&message.octets).contains(marker))
    {
        return Some(format!("NO {words}"));
    }
    if let Some(marker) = behaviour.dies_of
        && messages.iter().any(|message| String::from_utf8_lossy(&message.octets).contains(marker))
    {
        return None;
    }
    let adds = behaviour.adds;
    let uidplus = behaviour.capabilities.contains("UIDPLUS");
    for message in &mut messages {
        message.octets.splice(0..0, adds.bytes());
    }
    if cut == Some(Cut::Oblivion) {
        state.late = true;
        drop(state);
        std::thread::sleep(Duration::from_mins(1));
        return None;
    }
    if let Some(Cut::StoredLater(milliseconds)) = cut {
        drop(state);
        let _ = writer.shutdown(std::net::Shutdown::Both);
        std::thread::sleep(Duration::from_millis(milliseconds));
        let mut state = shared.lock().unwrap();
        let folder = state.folders.get_mut(&unquoted(&name))?;
        for message in messages {
            keep(folder, message);
        }
        state.late = true;
        return None;
    }
    let uids: Vec<String> = messages.into_iter().map(|message| keep(folder, message).to_string()).collect();
    let answer = if uidplus {
        format!("OK [APPENDUID {} {}] done", folder.validity, uids.join(","))
    } else {
        "OK done".to_owned()
    };
    drop(state);
    if cut == Some(Cut::Silence) {
        std::thread::sleep(Duration::from_mins(1));
    }
    cut.is_none().then_some(answer)
}

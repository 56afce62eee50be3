//! The language of transcripts: what a client and a server say to each other, one step a line. The scripted servers of
//! these tests and of the unit tests in `src` all read it here.
//!
//! ```text
//! S: +OK ready          the server says a line, CRLF added
//! C: USER joe           the client says this line; where it is listened to, a last word `*` stands for anything
//! raw: +OK\r\nextra     the server says these octets; \r \n \t \0 \\ and \xNN are understood
//! repeat 1000: text     the same octets, so many times
//! tls                   a TLS handshake
//! listed: 1 one 120     from here on STAT, UIDL and LIST are answered for this message, in
//!                       whatever order they come, unless a `C:` names them; again for more
//! stall                 nothing more is said until the client goes
//! close                 the connection is closed (the end of a transcript closes it, too)
//! # a remark            nothing
//! ```

/// One step of a transcript.
#[derive(Debug)]
pub(crate) enum Step {
    /// The client says this line, without its CRLF.
    Client(String),
    /// The server says these octets, so many times.
    Server { octets: Vec<u8>, times: u64 },
    /// A TLS handshake.
    Tls,
    /// A listed message: its number, unique-id and size.
    Listed([String; 3]),
    /// Nothing more is said until the client goes.
    Stall,
    /// The connection is closed.
    Close,
}

/// The steps of a transcript. Blanks at the beginning of its lines, and empty lines, are nothing.
pub(crate) fn steps(transcript: &str) -> Vec<Step> {
    let lines = transcript.lines().map(str::trim_start);
    lines.filter(|line| !line.is_empty() && !line.starts_with('#')).map(step).collect()
}

fn step(line: &str) -> Step {
    let (word, text) = line.split_once(": ").unwrap_or((line.trim_end_matches(':'), ""));
    let once = |octets| Step::Server { octets, times: 1 };
    match word {
        "C" => Step::Client(text.to_owned()),
        "S" => once(format!("{text}\r\n").into_bytes()),
        "raw" => once(unescape(text)),
        "listed" => {
            let words: Vec<String> = text.split(' ').map(str::to_owned).collect();
            Step::Listed(words.try_into().expect("listed: NUMBER UID SIZE"))
        }
        "tls" => Step::Tls,
        "stall" => Step::Stall,
        "close" => Step::Close,
        _ => {
            let times = word.strip_prefix("repeat ").and_then(|times| times.parse().ok());
            let times = times.unwrap_or_else(|| panic!("not a step: {line:?}"));
            Step::Server { octets: unescape(text), times }
        }
    }
}

/// Whether the client said what was due.
pub(crate) fn fits(due: &str, said: &str) -> bool {
    match due.strip_suffix('*') {
        Some(start) if start.is_empty() || start.ends_with(' ') => said.starts_with(start),
        _ => said == due,
    }
}

fn unescape(text: &str) -> Vec<u8> {
    let mut octets = Vec::new();
    let mut rest = text.bytes();
    while let Some(octet) = rest.next() {
        if octet != b'\\' {
            octets.push(octet);
            continue;
        }
        octets.push(match rest.next() {
            Some(b'r') => b'\r',
            Some(b'n') => b'\n',
            Some(b't') => b'\t',
            Some(b'0') => 0,
            Some(b'\\') => b'\\',
            Some(b'x') => {
                let digits: String = rest.by_ref().take(2).map(char::from).collect();
                u8::from_str_radix(&digits, 16).expect("\\xNN")
            }
            other => panic!("no such escape: {other:?}"),
        });
    }
    octets
}

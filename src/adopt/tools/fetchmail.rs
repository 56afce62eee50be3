//! fetchmail 6.3 to 7: `.fetchids` and `.fetchmailrc`.
//!
//! fetchmail hands its mail to an MTA or an MDA, so that its settings name no archive.

use super::lines::lines;
use super::{OldAccount, OldDelete, OldPassword, Protection, Said, Seen, SeenUid, Settings};
use std::iter::Peekable;

/// fetchmail reads a longer line in pieces, in octets.
const LONGEST: usize = 511;

/// Reads a `.fetchids` as fetchmail does.
pub fn seen(octets: &[u8]) -> Seen {
    let mut seen = Seen::default();
    for (number, line) in lines(octets) {
        let line = line.trim_ascii_start();
        if line.is_empty() {
            continue;
        }
        let Some((host, user, uid)) = entry(line).filter(|_| line.len() <= LONGEST) else {
            seen.skip(number, "not an entry of the form USER@HOST UID");
            continue;
        };
        seen.list(&host, &user).uids.push(SeenUid { uid, said: Said::Done });
    }
    seen
}

fn entry(line: &[u8]) -> Option<(String, String, Vec<u8>)> {
    let at = memchr::memchr(b'@', line)?;
    let blank = at + memchr::memchr(b' ', &line[at..])?;
    let (id, rest) = (line[..blank].trim_ascii_end(), line[blank..].trim_ascii_start());
    let end = rest.iter().position(u8::is_ascii_whitespace).unwrap_or(rest.len());
    let last = memchr::memrchr(b'@', id)?;
    let text = |octets: &[u8]| String::from_utf8_lossy(octets).into_owned();
    (end > 0).then(|| (text(&id[last + 1..]), text(&id[..last]), rest[..end].to_vec()))
}

/// A word or a string of `.fetchmailrc`.
struct Token {
    line: usize,
    text: String,
    quoted: bool,
}

impl Token {
    fn is(&self, word: &str) -> bool {
        !self.quoted && self.text == word
    }
}

/// Words that mean nothing.
const NOISE: [&str; 7] = ["and", "with", "has", "wants", "options", "here", "there"];

/// Options without a value.
const FLAGS: [&str; 27] = [
    "uidl",
    "dns",
    "checkalias",
    "tracepolls",
    "keep",
    "flush",
    "fetchall",
    "rewrite",
    "stripcr",
    "forcecr",
    "pass8bits",
    "dropstatus",
    "dropdelivered",
    "mimedecode",
    "idle",
    "ssl",
    "sslcertck",
    "lmtp",
    "syslog",
    "invisible",
    "bouncemail",
    "spambounce",
    "softbounce",
    "showdots",
    "nosyslog",
    "nodetach",
    "noinvisible",
];

/// Options with one value.
const VALUES: [&str; 53] = [
    "via",
    "proto",
    "protocol",
    "port",
    "service",
    "timeout",
    "auth",
    "authenticate",
    "interval",
    "principal",
    "plugin",
    "plugout",
    "qvirtual",
    "bad-header",
    "interface",
    "monitor",
    "esmtpname",
    "esmtppassword",
    "user",
    "username",
    "pass",
    "password",
    "mda",
    "bsmtp",
    "smtpaddress",
    "smtpname",
    "limit",
    "warnings",
    "fetchlimit",
    "fetchsizelimit",
    "batchlimit",
    "expunge",
    "fastuidl",
    "sslproto",
    "sslprotover",
    "sslmode",
    "sslcertfile",
    "sslcertpath",
    "sslfingerprint",
    "sslcommonname",
    "sslkey",
    "sslcert",
    "preconnect",
    "postconnect",
    "properties",
    "passwordfile",
    "passwordfd",
    "passwordeval",
    "idfile",
    "logfile",
    "pidfile",
    "daemon",
    "postmaster",
];

/// Options with any number of values.
const LISTS: [&str; 10] =
    ["is", "to", "aka", "localdomains", "envelope", "smtp", "smtphost", "fetchdomains", "folder", "antispam"];

fn is_keyword(token: &Token) -> bool {
    let word = token.text.as_str();
    let heads = ["poll", "server", "skip", "defaults", "set", "no"];
    !token.quoted && [&NOISE[..], &FLAGS, &VALUES, &LISTS, &heads].iter().any(|words| words.contains(&word))
}

/// Reads a `.fetchmailrc`.
pub fn settings(octets: &[u8]) -> Settings {
    let mut reader =
        Reader { tokens: tokens(octets).into_iter().peekable(), settings: Settings::default(), idfile: None };
    reader.file();
    let Reader { mut settings, idfile, .. } = reader;
    for account in &mut settings.accounts {
        account.state.clone_from(&idfile);
    }
    settings
}

struct Reader {
    tokens: Peekable<std::vec::IntoIter<Token>>,
    settings: Settings,
    idfile: Option<String>,
}

/// What is known of an entry so far.
#[derive(Clone, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is an option of its own")]
struct Options {
    account: OldAccount,
    /// Not POP3.
    other_protocol: bool,
    keep: bool,
    no_tls: bool,
    ssl: bool,
    /// A user or a password was named.
    is_user: bool,
}

impl Options {
    fn finish(mut self) -> OldAccount {
        self.account.delete = if self.keep { OldDelete::Never } else { OldDelete::Fetched { unsaid: true } };
        self.account.protection = match (self.ssl, self.no_tls) {
            (true, _) => Protection::Implicit,
            (false, true) => Protection::None,
            (false, false) => Protection::StartTls,
        };
        self.account
    }
}

impl Reader {
    fn file(&mut self) {
        let mut defaults = Options::default();
        while let Some(token) = self.tokens.next() {
            if token.is("set") {
                self.global();
            } else if token.is("defaults") {
                defaults = self.options(defaults.clone(), &mut Vec::new());
            } else if ["poll", "server", "skip"].iter().any(|word| token.is(word)) {
                self.entry(defaults.clone(), token.line);
            } else if !NOISE.iter().any(|word| token.is(word)) {
                self.settings.skip(token.line, "not an entry that popkeep understands");
            }
        }
    }

    fn global(&mut self) {
        let Some(token) = self.tokens.next() else { return };
        match token.text.as_str() {
            "idfile" => self.idfile = self.value(),
            "no" => drop(self.tokens.next()),
            word if FLAGS.contains(&word) => {}
            "logfile" | "pidfile" | "daemon" | "postmaster" | "properties" => drop(self.tokens.next()),
            word if word.starts_with("pwmd_") => drop(self.tokens.next()),
            _ => self.settings.skip(token.line, "a global setting that popkeep does not know"),
        }
    }

    fn entry(&mut self, defaults: Options, line: usize) {
        let Some(name) = self.tokens.next() else { return };
        let mut options = defaults;
        options.account.line = line;
        options.account.name = Some(name.text.clone());
        options.account.host = name.text;
        let mut users = Vec::new();
        let rest = self.options(options, &mut users);
        // Without a user it is the one who runs fetchmail.
        if users.is_empty() {
            users.push(rest);
        }
        for user in users {
            if user.other_protocol {
                self.settings.skip(user.account.line, "an account that does not use POP3");
            } else {
                self.settings.accounts.push(user.finish());
            }
        }
    }

    /// The options of an entry up to its end; each of its users goes to `users`.
    fn options(&mut self, server: Options, users: &mut Vec<Options>) -> Options {
        let mut current = server;
        // The options of the server, for its next user: those before the first one.
        let mut before = current.clone();
        loop {
            let ends = |token: &Token| {
                ["poll", "server", "skip", "defaults", "set"].iter().any(|word| token.is(word))
            };
            let Some(token) = self.tokens.next_if(|token| !ends(token)) else { break };
            let (line, word) = (token.line, token.text.as_str());
            if token.quoted {
                self.settings.skip(line, "a text without a keyword");
                continue;
            }
            match word {
                "user" | "username" => {
                    if current.is_user {
                        users.push(std::mem::replace(&mut current, before.clone()));
                    } else {
                        before = current.clone();
                    }
                    current.account.user = self.value();
                    current.account.line = line;
                    current.is_user = true;
                }
                "no" => self.denied(&mut current),
                word if NOISE.contains(&word) => {}
                word if FLAGS.contains(&word) => self.flag(&mut current, word, line),
                word if LISTS.contains(&word) => self.list(word, line),
                word if VALUES.contains(&word) => {
                    let word = word.to_owned();
                    let value = self.value().unwrap_or_default();
                    self.option(&mut current, &word, value, line);
                }
                _ => self.settings.skip(line, "a word that is no option of fetchmail's"),
            }
        }
        if current.is_user {
            users.push(current.clone());
        }
        current
    }

    fn denied(&mut self, options: &mut Options) {
        match self.tokens.next() {
            Some(token) if token.is("keep") => options.keep = false,
            Some(token) if token.is("ssl") => options.ssl = false,
            _ => {}
        }
    }

    fn flag(&mut self, options: &mut Options, word: &str, line: usize) {
        match word {
            "keep" => options.keep = true,
            "ssl" => options.ssl = true,
            "flush" => self.settings.skip(line, "flush: popkeep deletes nothing that it has not archived"),
            "mimedecode" | "dropstatus" | "dropdelivered" | "stripcr" | "forcecr" => {
                self.settings.skip(line, format!("{word}: popkeep changes nothing in a message"));
            }
            _ => {}
        }
    }

    fn list(&mut self, word: &str, line: usize) {
        // Behind these the next word is a name, whatever it is.
        if matches!(word, "is" | "to") {
            self.tokens.next();
        }
        while self.tokens.next_if(|token| !is_keyword(token)).is_some() {}
        if word == "folder" {
            self.settings.skip(line, "folder: POP3 has no folders");
        }
    }

    fn option(&mut self, options: &mut Options, word: &str, value: String, line: usize) {
        let account = &mut options.account;
        match word {
            "via" => account.host = value,
            "proto" | "protocol" => {
                let protocol = value.to_ascii_lowercase();
                options.other_protocol =
                    !["pop3", "auto", "apop", "sdps", "kpop"].contains(&protocol.as_str());
                account.auth = (protocol == "apop").then_some("apop");
            }
            "port" | "service" => {
                account.port = value.parse().ok();
                if account.port.is_none() {
                    self.settings.skip(line, format!("{word}: not a port number"));
                }
            }
            "auth" | "authenticate" => match value.to_ascii_lowercase().as_str() {
                "apop" => account.auth = Some("apop"),
                "cram-md5" => account.auth = Some("cram-md5"),
                "external" => account.auth = Some("external"),
                "any" | "password" => {}
                _ => self.settings.skip(line, "auth: popkeep does not have this mechanism"),
            },
            "pass" | "password" => account.password = OldPassword::Literal(value.into()),
            "passwordfile" => account.password = OldPassword::File(value),
            "passwordeval" => account.password = OldPassword::Command(value),
            "limit" => account.max_size = value.parse().ok().filter(|octets| *octets > 0),
            "sslproto" | "sslmode" => {
                options.no_tls = value.is_empty();
                options.ssl |= value == "wrapped";
            }
            "sslcertfile" => account.ca_file = Some(value),
            "sslfingerprint" => {
                self.settings
                    .skip(line, "sslfingerprint: it is an MD5 fingerprint, and popkeep wants SHA-256");
            }
            "mda" | "bsmtp" => {
                self.settings.skip(line, format!("{word}: where the mail goes from there fetchmail does not know; name it with --archive"));
            }
            "preconnect" | "postconnect" | "plugin" | "plugout" | "passwordfd" | "sslkey" | "sslcert"
            | "sslcertpath" | "sslcommonname" | "interface" | "principal" => {
                self.settings.skip(line, format!("{word}: not taken over"));
            }
            _ => {}
        }
    }

    fn value(&mut self) -> Option<String> {
        self.tokens.next().map(|token| token.text)
    }
}

fn tokens(octets: &[u8]) -> Vec<Token> {
    let text = String::from_utf8_lossy(octets);
    let mut tokens = Vec::new();
    let mut line = 1;
    let mut rest = text.chars().peekable();
    while let Some(first) = rest.next() {
        match first {
            '\n' => line += 1,
            ' ' | '\t' | '\r' | ';' | ':' | ',' | '=' => {}
            '\\' if rest.peek() == Some(&'\n') => {}
            '#' => while rest.next_if(|c| *c != '\n').is_some() {},
            '"' | '\'' => {
                let begun = line;
                let mut text = String::new();
                while let Some(c) = rest.next() {
                    match c {
                        c if c == first => break,
                        '\n' => line += 1,
                        '\\' => {
                            line += usize::from(rest.peek() == Some(&'\n'));
                            text.extend(escape(&mut rest));
                            continue;
                        }
                        _ => {}
                    }
                    text.push(c);
                }
                tokens.push(Token { line: begun, text, quoted: true });
            }
            _ => {
                let mut text = String::from(first);
                let ends = |c: &char| c.is_whitespace() || ['=', ';', ':', ','].contains(c);
                while let Some(c) = rest.next_if(|c| !ends(c)) {
                    text.push(c);
                }
                tokens.push(Token { line, text, quoted: false });
            }
        }
    }
    tokens
}

/// The character that an escape in a string means; none at a joined line.
fn escape(rest: &mut Peekable<std::str::Chars<'_>>) -> Option<char> {
    match rest.next()? {
        '\n' => None,
        'n' => Some('\n'),
        't' => Some('\t'),
        'b' => Some('\u{8}'),
        'r' => Some('\r'),
        'x' => number(rest, (16, 2), String::new()),
        '0' => number(rest, (8, 3), String::from('0')),
        digit @ '1'..='9' => number(rest, (10, 3), String::from(digit)),
        other => Some(other),
    }
}

/// The character with this number, whose digits begin with `digits`: of this radix, and so many at most.
fn number(
    rest: &mut Peekable<std::str::Chars<'_>>,
    (radix, most): (u32, usize),
    mut digits: String,
) -> Option<char> {
    while digits.len() < most {
        let Some(digit) = rest.next_if(|c| c.is_digit(radix)) else { break };
        digits.push(digit);
    }
    u32::from_str_radix(&digits, radix).ok().and_then(|code| u8::try_from(code).ok()).map(char::from)
}

#[cfg(test)]
mod tests {
    use super::{seen, settings};
    use crate::adopt::tools::{OldDelete, OldPassword, Protection};
    use secrecy::ExposeSecret as _;

    #[test]
    fn fetchids_are_read_as_fetchmail_reads_them() {
        let seen = seen(b"jane@pop.example.com 0000000a\n  jane@example.com@pop.example.com  <17.59@mx> x\nnothing\njane@pop.example.com b\n");
        assert_eq!(seen.lists.len(), 2);
        let first = &seen.lists[0];
        assert_eq!((first.host.as_deref(), first.user.as_deref()), (Some("pop.example.com"), Some("jane")));
        assert_eq!(
            first.uids.iter().map(|seen| seen.uid.as_slice()).collect::<Vec<_>>(),
            [&b"0000000a"[..], b"b"]
        );
        assert_eq!(seen.lists[1].user.as_deref(), Some("jane@example.com"));
        assert_eq!(seen.lists[1].uids[0].uid, b"<17.59@mx>");
        assert_eq!(seen.not_taken[0].line, 3);
    }

    #[test]
    fn an_entry_with_two_users_is_two_accounts() {
        let read = settings(
            b"set idfile ~/.ids\ndefaults proto pop3\npoll pop.example.com port 995 uidl\n\
              user 'jane@example.com' there with password \"s3cr3t\" is jane here options keep ssl sslcertck\n\
              user bob, pass bobs, to keep mda \"/usr/bin/procmail -d %T\"\n\
              skip imap.example.com proto imap user x\n",
        );
        let [jane, bob] = &read.accounts[..] else { panic!("{read:?}") };
        assert_eq!(
            (jane.host.as_str(), jane.port, jane.protection),
            ("pop.example.com", Some(995), Protection::Implicit)
        );
        assert_eq!((jane.user.as_deref(), jane.delete), (Some("jane@example.com"), OldDelete::Never));
        assert!(matches!(&jane.password, OldPassword::Literal(secret) if secret.expose_secret() == "s3cr3t"));
        assert_eq!(jane.state.as_deref(), Some("~/.ids"));
        assert_eq!((bob.user.as_deref(), bob.protection), (Some("bob"), Protection::StartTls));
        assert_eq!(bob.delete, OldDelete::Fetched { unsaid: true }, "`keep` is a name there");
        assert_eq!(read.not_taken.iter().map(|not| not.line).collect::<Vec<_>>(), [5, 6]);
        assert!(!format!("{read:?}").contains("s3cr3t"));
    }

    #[test]
    fn escapes_stand_for_what_fetchmail_makes_of_them() {
        let read = settings(b"poll h user u pass \"a\\x41\\102\\0677\\\"\\n\" proto POP3");
        assert!(
            matches!(&read.accounts[0].password, OldPassword::Literal(secret) if secret.expose_secret() == "aAf77\"\n")
        );
    }
}

//! fdm: its POP3 cache, and what of `fdm.conf` is literal.
//!
//! Macros, included files and shell commands are not followed: each is told with its line.

use super::{
    MailForm, OldAccount, OldDelete, OldMail, OldPassword, Protection, Said, Seen, SeenList, SeenUid,
    Settings,
};
use std::collections::HashMap;

/// No UID is longer, in octets.
const LONGEST: usize = 1 << 16;

/// Reads a POP3 cache: the list of one maildrop, whose server and user it does not name. Entries are
/// `LENGTH SP UID LF`.
pub fn seen(octets: &[u8]) -> Seen {
    let mut seen = Seen::default();
    let mut uids = Vec::new();
    let mut rest = octets;
    loop {
        rest = rest.trim_ascii_start();
        if rest.is_empty() {
            break;
        }
        let Some((uid, behind)) = entry(rest) else {
            let line = 1 + memchr::memchr_iter(b'\n', &octets[..octets.len() - rest.len()]).count();
            seen.skip(line, "not an entry of the form LENGTH UID; what follows is not read");
            break;
        };
        uids.push(SeenUid { uid: uid.to_vec(), said: Said::Done });
        rest = behind;
    }
    seen.lists.push(SeenList { host: None, user: None, uids });
    seen
}

fn entry(octets: &[u8]) -> Option<(&[u8], &[u8])> {
    let digits = octets.iter().position(|octet| !octet.is_ascii_digit())?;
    let length: usize =
        std::str::from_utf8(&octets[..digits]).ok()?.parse().ok().filter(|length| *length <= LONGEST)?;
    octets[digits..].strip_prefix(b" ")?.split_at_checked(length).filter(|(uid, _)| !uid.is_empty())
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Token {
    Word(String),
    Text(String),
    /// A macro or a command: it cannot be taken literally.
    Unknown,
    Sign(char),
}

/// Reads an `fdm.conf`.
pub fn settings(octets: &[u8]) -> Settings {
    let mut reader =
        Reader { tokens: Vec::new(), at: 0, settings: Settings::default(), actions: HashMap::new() };
    reader.tokens = reader.tokenise(&String::from_utf8_lossy(octets));
    let mut matches: Vec<String> = Vec::new();
    while let Some((line, token)) = reader.next() {
        match token {
            Token::Word(word) if word == "account" => reader.account(line),
            Token::Word(word) if word == "action" => reader.action(line),
            Token::Word(word) if word == "match" => matches.extend(reader.rule()),
            Token::Word(word) if ["include", "ifdef", "ifndef", "endif"].contains(&word.as_str()) => {
                reader.settings.skip(
                    line,
                    format!("{word}: not followed; name what it brings with --state and --archive"),
                );
            }
            _ => {}
        }
    }
    let Reader { mut settings, actions, .. } = reader;
    // Where a rule's action puts mail, in the order of the rules, each once.
    let mut mail: Vec<OldMail> = Vec::new();
    for place in matches.iter().filter_map(|name| actions.get(name)) {
        if !mail.contains(place) {
            mail.push(place.clone());
        }
    }
    for account in &mut settings.accounts {
        account.mail.clone_from(&mail);
    }
    settings
}

struct Reader {
    tokens: Vec<(usize, Token)>,
    at: usize,
    settings: Settings,
    actions: HashMap<String, OldMail>,
}

impl Reader {
    fn next(&mut self) -> Option<(usize, Token)> {
        let token = self.tokens.get(self.at).cloned();
        self.at += usize::from(token.is_some());
        token
    }

    fn next_word(&mut self) -> Option<String> {
        match self.tokens.get(self.at) {
            Some((_, Token::Word(word)))
                if !["account", "action", "match", "set"].contains(&word.as_str()) =>
            {
                let word = word.clone();
                self.at += 1;
                Some(word)
            }
            _ => None,
        }
    }

    /// The literal text that comes next; what is none is told.
    fn text(&mut self, what: &str) -> Option<String> {
        let (line, token) = self.tokens.get(self.at).cloned()?;
        match token {
            Token::Text(text) => {
                self.at += 1;
                Some(text)
            }
            Token::Unknown => {
                self.at += 1;
                self.settings
                    .skip(line, format!("{what}: a macro or a command, which popkeep does not expand"));
                None
            }
            // A port, say, may be without quotes.
            Token::Word(word) if word.bytes().all(|octet| octet.is_ascii_digit()) => {
                self.at += 1;
                Some(word)
            }
            _ => None,
        }
    }

    fn account(&mut self, line: usize) {
        let mut account =
            OldAccount { line, delete: OldDelete::Fetched { unsaid: true }, ..OldAccount::default() };
        account.name = self.text("account");
        let mut is_pop3 = false;
        while let Some(word) = self.next_word() {
            match word.as_str() {
                "pop3" => is_pop3 = true,
                "pop3s" => (is_pop3, account.protection) = (true, Protection::Implicit),
                "starttls" => account.protection = Protection::StartTls,
                "server" => account.host = self.text("server").unwrap_or_default(),
                "port" => account.port = self.text("port").and_then(|port| port.parse().ok()),
                "user" if is_pop3 => account.user = self.text("user"),
                "pass" => {
                    if let Some(password) = self.text("pass") {
                        account.password = OldPassword::Literal(password.into());
                    }
                }
                "new-only" | "old-only" if self.next_word().as_deref() == Some("cache") => {
                    account.state = self.text("cache");
                }
                "keep" => account.delete = OldDelete::Never,
                "pipe" => {
                    let _ = self.text("pipe");
                    self.settings.skip(line, "pipe: popkeep connects to a server itself");
                }
                "insecure" => self
                    .settings
                    .skip(line, "insecure: popkeep does not log in in clear text but to this machine"),
                "no-verify" | "no-apop" | "no-uidl" | "disabled" => {}
                "user" | "users" => self.skip_braces(),
                _ if !is_pop3 => {
                    self.settings.skip(line, "an account that does not use POP3");
                    return;
                }
                _ => {}
            }
        }
        if is_pop3 && !account.host.is_empty() {
            self.settings.accounts.push(account);
        } else if is_pop3 {
            self.settings.skip(line, "an account whose server is not named literally");
        }
    }

    /// Passes over the users that fdm runs as.
    fn skip_braces(&mut self) {
        while let Some((_, Token::Text(_) | Token::Sign(_) | Token::Unknown)) = self.tokens.get(self.at) {
            self.at += 1;
        }
    }

    fn action(&mut self, line: usize) {
        let Some(name) = self.text("action") else { return };
        match self.next_word().as_deref() {
            Some(kind @ ("maildir" | "mbox")) => {
                let form = if kind == "mbox" { MailForm::Mbox } else { MailForm::Maildir };
                let Some(path) = self.text(kind) else { return };
                if self.next_word().as_deref() == Some("compress") {
                    self.settings.skip(line, "mbox compress: popkeep reads no compressed mbox");
                } else if path.contains('%') {
                    self.settings.skip(line, "a path with tags: name the archive with --archive");
                } else {
                    self.actions.insert(name, OldMail { form, path });
                }
            }
            Some("keep" | "drop") | None => {}
            Some(_) => self
                .settings
                .skip(line, "an action that is neither maildir nor mbox: name the archive with --archive"),
        }
    }

    /// The actions of a rule.
    fn rule(&mut self) -> Vec<String> {
        let mut actions = Vec::new();
        while let Some((_, token)) = self.tokens.get(self.at).cloned() {
            match token {
                Token::Word(word) if ["account", "match", "set"].contains(&word.as_str()) => break,
                Token::Word(word) if word == "action" || word == "actions" => {
                    // A rule's action has a name and nothing behind it; a definition has.
                    let is_definition = matches!(self.tokens.get(self.at + 2), Some((_, Token::Word(word)))
                        if !["continue", "match", "account", "action", "set", "include"].contains(&word.as_str()));
                    if is_definition && word == "action" {
                        break;
                    }
                    self.at += 1;
                    while let Some((_, Token::Text(_) | Token::Sign('{'))) = self.tokens.get(self.at) {
                        if let Some((_, Token::Text(name))) = self.next() {
                            actions.push(name);
                        }
                    }
                }
                _ => self.at += 1,
            }
        }
        actions
    }

    fn tokenise(&mut self, text: &str) -> Vec<(usize, Token)> {
        let mut tokens = Vec::new();
        let mut line = 1;
        let mut rest = text.chars().peekable();
        while let Some(first) = rest.next() {
            match first {
                '\n' => line += 1,
                c if c.is_whitespace() => {}
                '#' => while rest.next_if(|c| *c != '\n').is_some() {},
                quote @ ('"' | '\'') => {
                    let begun = line;
                    let (mut text, mut literal) = (String::new(), true);
                    while let Some(c) = rest.next() {
                        match c {
                            c if c == quote => break,
                            '\n' => line += 1,
                            '\\' if quote == '"' => {
                                match rest.next() {
                                    Some('n') => text.push('\n'),
                                    Some('t') => text.push('\t'),
                                    Some('r') => text.push('\r'),
                                    Some(c) => {
                                        line += usize::from(c == '\n');
                                        text.push(c);
                                    }
                                    None => {}
                                }
                                continue;
                            }
                            '$' | '%' if quote == '"' && matches!(rest.peek(), Some('{' | '(')) => {
                                literal = false;
                            }
                            _ => {}
                        }
                        text.push(c);
                    }
                    tokens.push((begun, if literal { Token::Text(text) } else { Token::Unknown }));
                }
                '$' | '%' => {
                    if let Some('(') = rest.peek() {
                        while rest.next_if(|c| *c != ')' && *c != '\n').is_some() {}
                        rest.next_if_eq(&')');
                    }
                    while rest.next_if(|c| c.is_alphanumeric() || ['_', '-', '{', '}'].contains(c)).is_some()
                    {
                    }
                    let mut ahead = rest.clone();
                    while ahead.next_if(|c| *c == ' ' || *c == '\t').is_some() {}
                    if ahead.peek() == Some(&'=') {
                        self.settings.skip(line, "a macro: popkeep does not expand it where it is used");
                    }
                    tokens.push((line, Token::Unknown));
                }
                c if c.is_alphanumeric() || c == '-' || c == '_' => {
                    let mut word = String::from(c);
                    while let Some(c) = rest.next_if(|c| c.is_alphanumeric() || ['-', '_', '.'].contains(c)) {
                        word.push(c);
                    }
                    tokens.push((line, Token::Word(word)));
                }
                sign => tokens.push((line, Token::Sign(sign))),
            }
        }
        tokens
    }
}

#[cfg(test)]
mod tests {
    use super::{seen, settings};
    use crate::adopt::tools::{MailForm, OldDelete, Protection};

    #[test]
    fn a_cache_gives_its_uids_by_their_lengths() {
        let read = seen(b"16 0000000a6b036a84\n15 UID9-1795385988\n3 a b\nx\n");
        let uids: Vec<_> = read.lists[0].uids.iter().map(|seen| seen.uid.as_slice()).collect();
        assert_eq!(uids, [&b"0000000a6b036a84"[..], b"UID9-1795385988", b"a b"]);
        assert_eq!(read.not_taken[0].line, 4);
        assert!(seen(b"99999999999999999999 a\n").lists[0].uids.is_empty());
    }

    #[test]
    fn what_is_literal_is_taken_and_the_rest_is_told() {
        let read = settings(
            b"$home = \"/home/jane\"\nset no-received\n\
              account \"work\" pop3s server \"pop.example.com\" port 1995 user \"jane\" pass \"s3cr3t\" new-only cache \"~/.fdm/work.cache\" keep\n\
              account \"macro\" pop3 server \"${host}\" user \"x\"\n\
              account \"in\" imap server \"i\"\n\
              action \"inbox\" maildir \"~/Mail/work\"\naction \"spam\" drop\naction \"other\" mbox \"${home}/x\"\n\
              match \"^From\" in headers action \"spam\"\nmatch all action \"inbox\"\n",
        );
        let [work] = &read.accounts[..] else { panic!("{read:?}") };
        assert_eq!(
            (work.host.as_str(), work.port, work.protection),
            ("pop.example.com", Some(1995), Protection::Implicit)
        );
        assert_eq!((work.delete, work.state.as_deref()), (OldDelete::Never, Some("~/.fdm/work.cache")));
        assert_eq!(work.mail.len(), 1);
        assert_eq!((work.mail[0].form, work.mail[0].path.as_str()), (MailForm::Maildir, "~/Mail/work"));
        let told: Vec<usize> = read.not_taken.iter().map(|not| not.line).collect();
        for line in [1, 4, 5, 8] {
            assert!(told.contains(&line), "{told:?}");
        }
        assert!(!format!("{read:?}").contains("s3cr3t"));
    }
}

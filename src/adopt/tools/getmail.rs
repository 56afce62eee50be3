//! getmail 4, 5 and 6: `oldmail-SERVER-PORT-USER` and `getmailrc`.

use super::lines::{Entry, entries, lines};
use super::{
    MailForm, OldAccount, OldDelete, OldMail, OldPassword, Protection, Said, Seen, SeenUid, Settings, sha_256,
};

/// Reads an `oldmail` file: the list of one maildrop, whose server and user are only in the file's name.
pub fn seen(octets: &[u8]) -> Seen {
    let mut seen = Seen::default();
    let mut uids = Vec::new();
    for (number, line) in lines(octets) {
        let line = line.trim_ascii();
        if line.is_empty() {
            continue;
        }
        match memchr::memchr(0, line) {
            Some(nul) if nul > 0 => uids.push(SeenUid { uid: line[..nul].to_vec(), said: Said::Done }),
            _ => seen.skip(number, "not an entry of the form UID, NUL, time"),
        }
    }
    seen.lists.push(super::SeenList { host: None, user: None, uids });
    seen
}

/// The name of the file for a maildrop.
pub fn seen_name(host: &str, port: u16, user: &str) -> String {
    let mut name = String::new();
    let mut run = false;
    for c in format!("oldmail-{host}-{port}-{user}").chars() {
        let bad = matches!(c, '/' | '\\' | ':' | ';' | '<' | '>' | '|');
        if !bad {
            name.push(c);
        } else if !run {
            name.push('-');
        }
        run = bad;
    }
    name
}

/// Reads a `getmailrc`, which has one account.
pub fn settings(octets: &[u8]) -> Settings {
    let mut settings = Settings::default();
    let mut strange = Vec::new();
    let entries = entries(octets, true, &mut |line| strange.push(line));
    for line in strange {
        settings.skip(line, "not a setting");
    }
    let mut account = OldAccount { delete: OldDelete::Never, ..OldAccount::default() };
    let mut kind = None;
    let (mut delete, mut after) = (false, 0_u32);
    let mut destination: (Option<String>, Option<String>, usize) = (None, None, 0);
    for entry in &entries {
        match entry.section.to_ascii_lowercase().as_str() {
            "retriever" if entry.key == "type" => {
                account.line = entry.section_line;
                kind = Some((entry.value.clone(), entry.line));
            }
            "retriever" => retriever(&mut settings, &mut account, entry),
            "destination" => match entry.key.as_str() {
                "type" => (destination.0, destination.2) = (Some(entry.value.clone()), entry.line),
                "path" => destination.1 = Some(entry.value.clone()),
                _ => {}
            },
            "options" => match entry.key.as_str() {
                "delete" => delete = is_true(&entry.value),
                "delete_after" => after = entry.value.parse().unwrap_or(0),
                "max_message_size" => account.max_size = entry.value.parse().ok().filter(|size| *size > 0),
                "delete_bigger_than" => settings.skip(entry.line, "delete_bigger_than: not taken over"),
                _ => {}
            },
            section if section.starts_with("filter") && entry.key == "type" => {
                settings.skip(entry.line, "a filter: popkeep stores every message as it is");
            }
            _ => {}
        }
    }
    let Some((kind, line)) = kind else { return settings };
    let lower = kind.to_ascii_lowercase();
    if !lower.contains("pop3") && !lower.contains("sdps") {
        settings.skip(line, "an account that does not use POP3");
        return settings;
    }
    account.protection = if lower.contains("ssl") { Protection::Implicit } else { Protection::None };
    account.delete = match (after, delete) {
        (days @ 1.., _) => OldDelete::After { days },
        (0, true) => OldDelete::Fetched { unsaid: false },
        (0, false) => OldDelete::Never,
    };
    match destination {
        (Some(kind), Some(path), line) => {
            let form = match kind.to_ascii_lowercase().as_str() {
                "maildir" => Some(MailForm::Maildir),
                "mboxrd" => Some(MailForm::Mbox),
                _ => None,
            };
            match form {
                Some(form) => account.mail.push(OldMail { form, path }),
                None => settings.skip(line, elsewhere()),
            }
        }
        (Some(_), None, line) => settings.skip(line, elsewhere()),
        _ => {}
    }
    if !account.host.is_empty() {
        settings.accounts.push(account);
    }
    settings
}

fn elsewhere() -> &'static str {
    "this destination is not a single Maildir or mbox; name the archive with --archive"
}

fn retriever(settings: &mut Settings, account: &mut OldAccount, entry: &Entry) {
    let value = entry.value.clone();
    match entry.key.as_str() {
        "server" => account.host = value,
        "port" => account.port = value.parse().ok(),
        "username" => account.user = Some(value),
        "password" => account.password = OldPassword::Literal(value.into()),
        "password_command" => match words(&value) {
            Some(words) => account.password = OldPassword::Command(shell_line(&words)),
            None => settings.skip(entry.line, "password_command: not a plain tuple of strings"),
        },
        "use_apop" if is_true(&value) => account.auth = Some("apop"),
        "use_xoauth2" if is_true(&value) => {
            settings
                .skip(entry.line, "use_xoauth2: sign in with `popkeep login` after adding an oauth table");
        }
        "ca_certs" => account.ca_file = Some(value),
        "ssl_fingerprints" => {
            let single = words(&value).filter(|all| all.len() == 1).and_then(|all| sha_256(&all[0]));
            account.fingerprint = single.or_else(|| sha_256(&value));
            if account.fingerprint.is_none() {
                settings.skip(entry.line, "ssl_fingerprints: popkeep takes one SHA-256 fingerprint");
            }
        }
        "keyfile" | "certfile" | "ssl_cert_hostname" | "ssl_version" | "ssl_ciphers"
        | "envelope_recipient" => {
            settings.skip(entry.line, format!("{}: not taken over", entry.key));
        }
        _ => {}
    }
}

fn is_true(value: &str) -> bool {
    matches!(value.to_ascii_lowercase().as_str(), "1" | "yes" | "true" | "on")
}

/// The strings of a Python tuple or list of plain strings.
fn words(value: &str) -> Option<Vec<String>> {
    let value = value.trim();
    let inner = value.strip_prefix('(').and_then(|rest| rest.strip_suffix(')'));
    let inner = inner.or_else(|| value.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')))?;
    let mut words = Vec::new();
    let mut rest = inner.chars();
    loop {
        let quote = match rest.next() {
            None => break,
            Some(c) if c.is_whitespace() || c == ',' => continue,
            Some(quote @ ('"' | '\'')) => quote,
            Some(_) => return None,
        };
        let mut word = String::new();
        loop {
            match rest.next()? {
                c if c == quote => break,
                '\\' => match rest.next()? {
                    c @ ('\\' | '"' | '\'') => word.push(c),
                    _ => return None,
                },
                c => word.push(c),
            }
        }
        words.push(word);
    }
    (!words.is_empty()).then_some(words)
}

/// A command line that a shell takes apart into these words again.
fn shell_line(words: &[String]) -> String {
    let plain = |octet: u8| octet.is_ascii_alphanumeric() || b"/._-+@%=:,".contains(&octet);
    let quoted = |word: &String| {
        if !word.is_empty() && word.bytes().all(plain) {
            word.clone()
        } else {
            format!("'{}'", word.replace('\'', "'\\''"))
        }
    };
    words.iter().map(quoted).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::{seen, seen_name, settings};
    use crate::adopt::tools::{MailForm, OldDelete, OldMail, OldPassword, Protection};

    #[test]
    fn an_oldmail_file_is_a_set_of_uids() {
        let seen = seen(b"0000000a6b036a84\x001790000000\nUID9-1795385988\x001790003600\n\nnothing\n");
        let uids: Vec<_> = seen.lists[0].uids.iter().map(|seen| seen.uid.as_slice()).collect();
        assert_eq!(uids, [&b"0000000a6b036a84"[..], b"UID9-1795385988"]);
        assert_eq!(seen.not_taken[0].line, 4);
        assert_eq!(seen_name("pop.example.com", 995, "a/:b@c"), "oldmail-pop.example.com-995-a-b@c");
    }

    #[test]
    fn a_getmailrc_is_one_account() {
        let read = settings(
            b"# mine\n[retriever]\ntype = SimplePOP3SSLRetriever\nserver = pop.example.com\nusername: jane\n\
              password_command = (\"pass\",\n  \"mail/my work\")\n[destination]\ntype = Maildir\npath = ~/Mail/work/\n\
              [options]\ndelete = true\ndelete_after = 30\n[filter-1]\ntype = Filter_external\n",
        );
        let [account] = &read.accounts[..] else { panic!("{read:?}") };
        assert_eq!((account.host.as_str(), account.protection), ("pop.example.com", Protection::Implicit));
        assert!(matches!(&account.password, OldPassword::Command(line) if line == "pass 'mail/my work'"));
        assert_eq!(account.delete, OldDelete::After { days: 30 });
        assert_eq!(account.mail, [OldMail { form: MailForm::Maildir, path: "~/Mail/work/".to_owned() }]);
        assert_eq!(read.not_taken[0].line, 15);
        let imap = settings(b"[retriever]\ntype = SimpleIMAPRetriever\nserver = x\n");
        assert!(imap.accounts.is_empty() && imap.not_taken[0].line == 2);
    }
}

//! mpop: both forms of its UIDs file, and `mpoprc`.

use super::lines::{lines, text_lines, word_and_rest};
use super::{
    MailForm, OldAccount, OldDelete, OldMail, OldPassword, Protection, Said, Seen, SeenUid, Settings, octets,
    sha_256,
};
use std::collections::HashMap;

/// mpop refuses a longer line, in octets.
const LONGEST: usize = 8191;

/// Reads a UIDs file. Each list has as many UIDs as its head says; from 1.4.23 on each with a time.
pub fn seen(file: &[u8]) -> Seen {
    let mut seen = Seen::default();
    let (mut left, mut list) = (0_u64, 0);
    for (number, line) in lines(file) {
        if line.len() > LONGEST {
            seen.skip(number, "longer than mpop's lines are");
        } else if let Some(head) = line.strip_prefix(b" ") {
            let head = String::from_utf8_lossy(head).into_owned();
            let mut words = head.split(' ');
            let count = words.next().and_then(|count| count.parse().ok());
            if let (Some(count), Some(host), Some(user), None) =
                (count, words.next(), words.next(), words.next())
            {
                left = count;
                list = seen.list_number(host, user);
            } else {
                left = 0;
                seen.skip(number, "not the head of a list");
            }
        } else if left > 0 {
            left -= 1;
            let uid = match memchr::memrchr(b' ', line) {
                Some(blank)
                    if !line[blank + 1..].is_empty() && line[blank + 1..].iter().all(u8::is_ascii_digit) =>
                {
                    &line[..blank]
                }
                _ => line,
            };
            if let Some(list) = seen.lists.get_mut(list).filter(|_| !uid.is_empty()) {
                list.uids.push(SeenUid { uid: uid.to_vec(), said: Said::Done });
            }
        } else if !line.is_empty() && !line.starts_with(b"#") {
            seen.skip(number, "no list has this line");
        }
    }
    seen
}

/// One `account` or `defaults` on its way.
#[derive(Clone, Default)]
struct Draft {
    account: OldAccount,
    keep: Option<OldDelete>,
    tls: bool,
    /// `tls_starttls off`.
    implicit: bool,
}

/// Reads an `mpoprc`.
pub fn settings(file: &[u8]) -> Settings {
    let mut settings = Settings::default();
    let mut defaults = Draft::default();
    let mut known: HashMap<String, Draft> = HashMap::new();
    let mut order: Vec<String> = Vec::new();
    // `None`: the defaults.
    let mut current: Option<String> = None;
    for (number, line) in text_lines(file) {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let (command, argument) = word_and_rest(line);
        let argument = argument.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(argument);
        match command {
            "defaults" => current = None,
            "account" => {
                let (name, parents) = argument.split_once(':').unwrap_or((argument, ""));
                let name = name.trim().to_owned();
                let parent = parents.split(',').map(str::trim).rfind(|parent| known.contains_key(*parent));
                let mut draft = parent.and_then(|parent| known.get(parent)).unwrap_or(&defaults).clone();
                draft.account.name = Some(name.clone());
                draft.account.line = number;
                if known.insert(name.clone(), draft).is_none() {
                    order.push(name.clone());
                }
                current = Some(name);
            }
            "eval" => {
                settings.skip(number, "eval: popkeep runs no command from another tool's settings");
            }
            _ => {
                let draft = match &current {
                    Some(name) => known.entry(name.clone()).or_default(),
                    None => &mut defaults,
                };
                if let Some(why) = set(draft, command, argument) {
                    settings.skip(number, why);
                }
            }
        }
    }
    let drafts = order.iter().filter_map(|name| known.remove(name));
    settings.accounts = drafts.filter(|draft| !draft.account.host.is_empty()).map(Draft::finish).collect();
    settings
}

/// Takes a setting; why it is not taken, if it is not.
fn set(draft: &mut Draft, command: &str, argument: &str) -> Option<String> {
    let account = &mut draft.account;
    let value = argument.to_owned();
    match command {
        "host" => account.host = value,
        "port" => account.port = value.parse().ok(),
        "user" => account.user = Some(value),
        "password" => account.password = OldPassword::Literal(value.into()),
        "passwordeval" => account.password = OldPassword::Command(value),
        "tls" => draft.tls = argument == "on" || argument.is_empty(),
        "tls_starttls" => draft.implicit = argument == "off",
        "tls_trust_file" => account.ca_file = (argument != "system").then_some(value),
        "tls_fingerprint" => {
            account.fingerprint = sha_256(argument);
            if account.fingerprint.is_none() && !argument.is_empty() {
                return Some("tls_fingerprint: popkeep wants a SHA-256 fingerprint".to_owned());
            }
        }
        "auth" => match argument.to_ascii_lowercase().as_str() {
            "" | "on" => account.auth = None,
            method => {
                account.auth = known_mechanism(method);
                if account.auth.is_none() {
                    return Some("auth: popkeep does not have this mechanism".to_owned());
                }
            }
        },
        "keep" => draft.keep = keep(argument),
        "skipsize" => account.max_size = octets(argument),
        "uidls_file" => account.state = Some(value),
        "delivery" => return delivery(account, argument),
        "killsize" if argument != "off" => {
            return Some("killsize: popkeep deletes nothing that it has not archived".to_owned());
        }
        "filter" => return Some("filter: popkeep stores every message as it is".to_owned()),
        "tls_certcheck" if argument == "off" => {
            return Some("tls_certcheck off: popkeep always checks the certificate".to_owned());
        }
        "proxy_host" | "proxy_port" | "source_ip" | "socket" | "tls_key_file" | "tls_cert_file"
        | "tls_crl_file" | "tls_host_override" | "ntlmdomain" => {
            return Some(format!("{command}: not taken over"));
        }
        "timeout"
        | "pipelining"
        | "received_header"
        | "only_new"
        | "killsize"
        | "tls_certcheck"
        | "tls_min_dh_prime_bits"
        | "tls_priorities" => {}
        _ => return Some("not a setting of mpop's".to_owned()),
    }
    None
}

fn delivery(account: &mut OldAccount, argument: &str) -> Option<String> {
    let (kind, path) = word_and_rest(argument);
    let form = match kind {
        "maildir" => MailForm::Maildir,
        "mbox" => MailForm::Mbox,
        _ => {
            account.mail.clear();
            return Some(
                "delivery: where the mail goes from there mpop does not know; name it with --archive"
                    .to_owned(),
            );
        }
    };
    account.mail = vec![OldMail { form, path: path.to_owned() }];
    None
}

fn known_mechanism(method: &str) -> Option<&'static str> {
    [
        "user",
        "apop",
        "plain",
        "login",
        "cram-md5",
        "scram-sha-1",
        "scram-sha-256",
        "external",
        "oauthbearer",
        "xoauth2",
    ]
    .into_iter()
    .find(|known| *known == method)
}

/// `on`, `off`, or an age in days, hours, minutes and seconds, which counts in whole days here.
fn keep(argument: &str) -> Option<OldDelete> {
    match argument {
        "on" => return Some(OldDelete::Never),
        "off" => return Some(OldDelete::Fetched { unsaid: false }),
        _ => {}
    }
    let (mut seconds, mut digits) = (0_u64, String::new());
    for c in argument.chars() {
        if c.is_ascii_digit() && digits.len() < 9 {
            digits.push(c);
            continue;
        }
        let unit = match c {
            'd' => 86400,
            'h' => 3600,
            'm' => 60,
            's' => 1,
            _ => return None,
        };
        seconds += digits.parse::<u64>().ok()? * unit;
        digits.clear();
    }
    let days = u32::try_from(seconds.div_ceil(86400)).ok().filter(|days| *days > 0)?;
    Some(OldDelete::After { days })
}

impl Draft {
    fn finish(mut self) -> OldAccount {
        self.account.delete = self.keep.unwrap_or(OldDelete::Fetched { unsaid: true });
        self.account.protection = match (self.tls, self.implicit) {
            (false, _) => Protection::None,
            (true, true) => Protection::Implicit,
            (true, false) => Protection::StartTls,
        };
        self.account
    }
}

#[cfg(test)]
mod tests {
    use super::{seen, settings};
    use crate::adopt::tools::{OldDelete, Protection};

    #[test]
    fn both_forms_of_the_uids_file_are_read() {
        let new = b"# This file\n# was generated\n 2 pop.example.com jane@example.com\n0000000a6b036a84 1790000000\nodd uid 1790003600\n 1 other jane\nx 1\nstray\n";
        let read = seen(new);
        let uids = |at: usize| read.lists[at].uids.iter().map(|seen| seen.uid.clone()).collect::<Vec<_>>();
        assert_eq!(uids(0), [b"0000000a6b036a84".to_vec(), b"odd uid".to_vec()]);
        assert_eq!(uids(1), [b"x".to_vec()]);
        assert_eq!(read.not_taken[0].line, 8);
        let old = seen(b" 1 pop.example.com jane\n0000000a6b036a84\n");
        assert_eq!(old.lists[0].uids[0].uid, b"0000000a6b036a84");
        assert_eq!(old.lists[0].host.as_deref(), Some("pop.example.com"));
    }

    #[test]
    fn accounts_inherit_and_the_default_is_to_delete() {
        let read = settings(
            b"defaults\ntls on\n\naccount work\nhost pop.example.com\ntls_starttls off\nuser jane@example.com\n\
              passwordeval pass show mail/work\nkeep 30d\ndelivery maildir ~/Mail/work\n\
              account second : work\nuser bob\npassword \"bobs\"\nkeep off\neval echo hi\nskipsize 5m\n\
              account third\nhost h\n",
        );
        let [work, second, third] = &read.accounts[..] else { panic!("{read:?}") };
        assert_eq!((work.protection, work.delete), (Protection::Implicit, OldDelete::After { days: 30 }));
        assert_eq!(work.mail[0].path, "~/Mail/work");
        assert_eq!((second.host.as_str(), second.max_size), ("pop.example.com", Some(5 << 20)));
        assert_eq!(third.delete, OldDelete::Fetched { unsaid: true });
        assert_eq!(third.protection, Protection::StartTls);
        assert_eq!(read.not_taken[0].line, 15);
    }
}

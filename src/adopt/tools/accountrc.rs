//! Claws Mail and Sylpheed: `accountrc`, and the lists in `uidl/`.

use super::lines::{entries, lines};
use super::{OldAccount, OldDelete, OldPassword, Protection, Said, Seen, SeenList, SeenUid, Settings, Tool};
use std::fmt::Write as _;

/// Reads a list: UID, when it was received, and (Claws) whether as a whole, with tabs between them. Server and user are
/// only in the file's name.
pub fn seen(octets: &[u8]) -> Seen {
    let mut uids = Vec::new();
    for (_, line) in lines(octets) {
        let mut fields = line.split(|octet| *octet == b'\t');
        let uid = fields.next().unwrap_or_default();
        let uid = uid.split(u8::is_ascii_whitespace).next().unwrap_or_default();
        if uid.is_empty() {
            continue;
        }
        let (received, partial) = (fields.next().unwrap_or_default(), fields.next().unwrap_or(b"0"));
        // 0: not received.
        let whole = received != b"0" && (partial == b"0" || partial.is_empty());
        uids.push(SeenUid { uid: uid.to_vec(), said: if whole { Said::Done } else { Said::NotWhole } });
    }
    Seen { lists: vec![SeenList { host: None, user: None, uids }], not_taken: Vec::new() }
}

/// The name of the list of a maildrop.
pub fn seen_name(tool: Tool, host: &str, user: &str) -> String {
    let mut name = String::new();
    for c in user.chars() {
        match (tool, c) {
            (
                Tool::Sylpheed,
                '\t' | '\r' | '\n' | '"' | '\'' | '\\' | '/' | ':' | ';' | '*' | '?' | '<' | '>' | '|',
            ) => {
                // Writing into a String cannot fail.
                let _ = write!(name, "%{:02x}", u32::from(c));
            }
            (_, '\t' | '\r' | '\n' | '\\' | '/' | '*') => name.push('_'),
            _ => name.push(c),
        }
    }
    format!("{host}-{name}")
}

/// Reads an `accountrc`.
pub fn settings(octets: &[u8], tool: Tool) -> Settings {
    let mut settings = Settings::default();
    let entries = entries(octets, false, &mut |_| {});
    let mut from = 0;
    while let Some(first) = entries.get(from) {
        let count =
            entries[from..].iter().take_while(|entry| entry.section_line == first.section_line).count();
        let section = &entries[from..from + count];
        from += count;
        if !first.section.starts_with("Account") {
            continue;
        }
        let value =
            |key: &str| section.iter().find(|entry| entry.key == key).map(|entry| entry.value.as_str());
        let number = |key: &str| value(key).and_then(|text| text.parse::<u32>().ok());
        if number("protocol").unwrap_or(0) != 0 {
            settings.skip(first.section_line, "an account that does not use POP3");
            continue;
        }
        let Some(host) = value("receive_server").filter(|host| !host.is_empty()) else { continue };
        let port = number("pop_port").and_then(|port| u16::try_from(port).ok());
        let days = number("message_leave_time").unwrap_or(0);
        let removes = number("remove_mail").unwrap_or(1) != 0;
        let password = value("password").filter(|password| !password.is_empty());
        settings.accounts.push(OldAccount {
            name: value("account_name").map(str::to_owned),
            line: first.section_line,
            host: host.to_owned(),
            port: port.filter(|_| number("set_popport") == Some(1)),
            protection: match number("ssl_pop") {
                Some(1) => Protection::Implicit,
                Some(2) => Protection::StartTls,
                _ => Protection::None,
            },
            user: value("user_id").map(str::to_owned),
            auth: (number("use_apop_auth") == Some(1)).then_some("apop"),
            password: match (tool, password) {
                // Claws keeps it in a store of its own, encrypted; what is here is encrypted, too.
                (Tool::Claws, _) => OldPassword::Store("Claws Mail's own password store"),
                (_, Some(password)) => OldPassword::Literal(password.into()),
                (_, None) => OldPassword::Unsaid,
            },
            delete: match (removes, days) {
                (false, _) => OldDelete::Never,
                (true, 0) => OldDelete::Fetched { unsaid: value("remove_mail").is_none() },
                (true, days) => OldDelete::After { days },
            },
            ..OldAccount::default()
        });
    }
    settings
}

#[cfg(test)]
mod tests {
    use super::{seen, seen_name, settings};
    use crate::adopt::tools::{OldDelete, Protection, Said, Tool};

    #[test]
    fn what_was_received_in_part_is_to_be_fetched() {
        let read = seen(b"a\t1790000000\t0\nb\t1790000000\t1\nc\t1790000000\t/tmp/part\nd\t1790000000\ne\nf\t0\t0\ng\t2\t0\n");
        let said: Vec<_> = read.lists[0].uids.iter().map(|seen| (seen.uid[0], seen.said)).collect();
        assert_eq!(
            said,
            [
                (b'a', Said::Done),
                (b'b', Said::NotWhole),
                (b'c', Said::NotWhole),
                (b'd', Said::Done),
                (b'e', Said::Done),
                (b'f', Said::NotWhole),
                (b'g', Said::Done)
            ]
        );
        assert_eq!(seen_name(Tool::Sylpheed, "h", "a/b@c"), "h-a%2fb@c");
        assert_eq!(seen_name(Tool::Claws, "h", "a/b@c"), "h-a_b@c");
    }

    #[test]
    fn an_accountrc_has_an_account_for_each_section() {
        let text = b"[Account: 1]\naccount_name=Work\nprotocol=0\nreceive_server=pop.example.com\nuser_id=jane\nssl_pop=1\nremove_mail=1\nmessage_leave_time=7\n\n[Account: 2]\nprotocol=3\nreceive_server=imap\n\n[Account: 3]\nreceive_server=h\npassword=s3cr3t\n";
        let read = settings(text, Tool::Sylpheed);
        let [work, third] = &read.accounts[..] else { panic!("{read:?}") };
        assert_eq!((work.name.as_deref(), work.protection), (Some("Work"), Protection::Implicit));
        assert_eq!(work.delete, OldDelete::After { days: 7 });
        assert_eq!(third.delete, OldDelete::Fetched { unsaid: true });
        assert_eq!(read.not_taken[0].line, 10);
        assert!(!format!("{read:?}").contains("s3cr3t"));
    }
}

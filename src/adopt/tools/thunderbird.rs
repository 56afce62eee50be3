//! Thunderbird, `SeaMonkey` and Netscape: `profiles.ini`, `prefs.js` and `popstate.dat`.

use super::lines::{entries, lines, text_lines};
use super::{
    MailForm, OldAccount, OldDelete, OldMail, OldPassword, Protection, Said, Seen, SeenUid, Settings,
};
use std::collections::{BTreeMap, HashMap};

/// A profile in `profiles.ini`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Profile {
    /// Its folder.
    pub path: String,
    /// The folder counts from that of `profiles.ini`.
    pub relative: bool,
}

/// Reads a `profiles.ini`.
pub fn profiles(octets: &[u8]) -> Vec<Profile> {
    let mut profiles: Vec<(String, Profile)> = Vec::new();
    for entry in entries(octets, false, &mut |_| {}) {
        if !entry.section.starts_with("Profile") {
            continue;
        }
        if profiles.last().is_none_or(|(section, _)| *section != entry.section) {
            profiles.push((entry.section.clone(), Profile { path: String::new(), relative: true }));
        }
        let Some((_, profile)) = profiles.last_mut() else { continue };
        match entry.key.as_str() {
            "path" => profile.path = entry.value,
            "isrelative" => profile.relative = entry.value != "0",
            _ => {}
        }
    }
    profiles.into_iter().map(|(_, profile)| profile).filter(|profile| !profile.path.is_empty()).collect()
}

/// Reads a `popstate.dat`.
pub fn seen(octets: &[u8]) -> Seen {
    let mut seen = Seen::default();
    let mut maildrop: Option<(String, String)> = None;
    for (number, line) in lines(octets) {
        if line.is_empty() || line.starts_with(b"#") {
            continue;
        }
        if let Some(head) = line.strip_prefix(b"*") {
            let head = String::from_utf8_lossy(head).into_owned();
            // A user name may hold blanks.
            let (host, user) = head.split_once(' ').unwrap_or((&head, ""));
            maildrop = Some((host.to_owned(), user.to_owned()));
            seen.list(host, user);
            continue;
        }
        let mut fields = line.splitn(3, |octet| *octet == b' ');
        let said = match fields.next() {
            Some(b"k" | b"d") => Some(Said::Done),
            Some(b"b" | b"f") => Some(Said::NotWhole),
            _ => None,
        };
        match (said, fields.next(), &maildrop) {
            (Some(said), Some(uid), Some((host, user))) if !uid.is_empty() => {
                seen.list(host, user).uids.push(SeenUid { uid: uid.to_vec(), said });
            }
            _ => seen.skip(number, "not an entry of the form STATUS UID TIME"),
        }
    }
    seen
}

/// Reads a `prefs.js`; `profile` is its folder, for paths that count from it.
pub fn settings(octets: &[u8], profile: &str) -> Settings {
    let mut settings = Settings::default();
    let mut servers: BTreeMap<u32, HashMap<String, (String, usize)>> = BTreeMap::new();
    for (number, line) in text_lines(octets) {
        let Some((name, value)) = preference(&line) else { continue };
        let Some(rest) = name.strip_prefix("mail.server.server") else { continue };
        let Some((server, key)) = rest.split_once('.') else { continue };
        if let Ok(server) = server.parse() {
            servers.entry(server).or_default().insert(key.to_owned(), (value, number));
        }
    }
    for server in servers.values() {
        let text = |key: &str| server.get(key).map(|(value, _)| value.as_str());
        let is = |key: &str| text(key) == Some("true");
        if text("type") != Some("pop3") {
            continue;
        }
        let line = server.get("hostname").map_or(0, |(_, line)| *line);
        let Some(host) = text("hostname").filter(|host| !host.is_empty()) else { continue };
        let folder = match (text("directory-rel"), text("directory")) {
            (Some(relative), _) if relative.starts_with("[ProfD]") => {
                Some(format!("{profile}/{}", &relative["[ProfD]".len()..]))
            }
            (_, Some(absolute)) => Some(absolute.to_owned()),
            _ => None,
        };
        if text("storeContractID").is_some_and(|store| store.ends_with("maildirstore;1")) {
            settings.skip(line, "its mail is kept in the maildir form of Thunderbird; name its cur/ folder's parent with --archive");
        }
        if text("deferred_to_account").is_some_and(|account| !account.is_empty()) {
            settings.skip(line, "its mail goes to another account's folders; name them with --archive");
        }
        let port = text("port").and_then(|port| port.parse::<u16>().ok());
        let auth = text("authMethod").unwrap_or("3");
        if auth == "10" {
            settings.skip(line, "OAuth2: sign in with `popkeep login` after adding an oauth table");
        }
        let days = text("num_days_to_leave_on_server").and_then(|days| days.parse().ok());
        settings.accounts.push(OldAccount {
            name: text("name").or(Some(host)).map(str::to_owned),
            line,
            host: host.to_owned(),
            port,
            protection: match text("socketType") {
                Some("3") => Protection::Implicit,
                Some("2" | "1") => Protection::StartTls,
                _ => Protection::None,
            },
            user: text("userName").map(str::to_owned),
            password: OldPassword::Store("Thunderbird's own password store"),
            delete: match (is("leave_on_server"), is("delete_by_age_from_server"), days) {
                (true, true, Some(days @ 1..)) => OldDelete::After { days },
                (true, ..) => OldDelete::Never,
                (false, ..) => OldDelete::Fetched { unsaid: !server.contains_key("leave_on_server") },
            },
            state: folder.as_ref().map(|folder| format!("{folder}/popstate.dat")),
            mail: folder.map(|path| OldMail { form: MailForm::Folders, path }).into_iter().collect(),
            ..OldAccount::default()
        });
    }
    settings
}

/// The name and the value of `user_pref("name", value);`.
fn preference(line: &str) -> Option<(String, String)> {
    let inner = line.trim().strip_prefix("user_pref(")?.strip_suffix(");")?;
    let (name, rest) = string(inner.trim_start())?;
    let value = rest.trim_start().strip_prefix(',')?.trim();
    let value = if value.starts_with('"') { string(value)?.0 } else { value.to_owned() };
    Some((name, value))
}

/// A JavaScript string at the beginning of a text, and what is behind it.
fn string(text: &str) -> Option<(String, &str)> {
    let mut rest = text.strip_prefix('"')?.char_indices();
    let mut found = String::new();
    while let Some((at, c)) = rest.next() {
        match c {
            '"' => return Some((found, &text[at + 2..])),
            '\\' => match rest.next()?.1 {
                'n' => found.push('\n'),
                'r' => found.push('\r'),
                't' => found.push('\t'),
                'u' => {
                    let mut code = 0;
                    for _ in 0..4 {
                        code = code * 16 + rest.next()?.1.to_digit(16)?;
                    }
                    found.push(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER));
                }
                c => found.push(c),
            },
            c => found.push(c),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::{profiles, seen, settings};
    use crate::adopt::tools::{OldDelete, Protection, Said};

    #[test]
    fn popstate_tells_what_was_fetched_as_a_whole() {
        let read = seen(
            b"# POP3 State File\r\n# This is a generated file!  Do not edit.\r\n\r\n*pop.example.com jane doe\r\n\
              k 0000000a6b036a84 1790000000\r\nb part 1790000000\r\nd gone 1\r\nf want 1\r\nk old",
        );
        let list = &read.lists[0];
        assert_eq!((list.host.as_deref(), list.user.as_deref()), (Some("pop.example.com"), Some("jane doe")));
        let said: Vec<_> = list.uids.iter().map(|seen| seen.said).collect();
        assert_eq!(said, [Said::Done, Said::NotWhole, Said::Done, Said::NotWhole, Said::Done]);
        assert_eq!(list.uids[4].uid, b"old");
    }

    #[test]
    fn a_pop3_server_in_the_preferences_is_an_account() {
        let read = settings(
            b"// Mozilla User Preferences\nuser_pref(\"mail.server.server1.type\", \"none\");\n\
              user_pref(\"mail.server.server2.type\", \"pop3\");\nuser_pref(\"mail.server.server2.hostname\", \"pop.example.com\");\n\
              user_pref(\"mail.server.server2.userName\", \"jane\\\\x\");\nuser_pref(\"mail.server.server2.port\", 995);\n\
              user_pref(\"mail.server.server2.socketType\", 3);\nuser_pref(\"mail.server.server2.leave_on_server\", true);\n\
              user_pref(\"mail.server.server2.directory-rel\", \"[ProfD]Mail/pop.example.com\");\n",
            "/p",
        );
        let [account] = &read.accounts[..] else { panic!("{read:?}") };
        assert_eq!((account.port, account.protection), (Some(995), Protection::Implicit));
        assert_eq!((account.user.as_deref(), account.delete), (Some("jane\\x"), OldDelete::Never));
        assert_eq!(account.state.as_deref(), Some("/p/Mail/pop.example.com/popstate.dat"));
        let found = profiles(b"[General]\nVersion=2\n[Profile0]\nName=default\nIsRelative=1\nPath=abc.default\n[Profile1]\nIsRelative=0\nPath=/x\n");
        assert_eq!(found.len(), 2);
        assert!(found[0].relative && found[0].path == "abc.default" && !found[1].relative);
    }
}

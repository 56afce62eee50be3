//! The configuration as a whole: what a file means, and what its errors say.

mod destinations;
mod file;
mod keys;
mod manual;

use super::resolve::{Resolved, Surroundings, resolve};
use super::{Account, Auth, ConfigError, DeletePolicy, Format, Pipelining, SecretSource, Tls};
use crate::exit::Exit;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The five lines, to which the tests add.
const WORK: &str =
    "[accounts.work]\nhost = \"pop.example.com\"\nuser = \"jane@example.com\"\narchive = \"~/Mail/work\"\n";

fn read(text: &str) -> Result<Resolved, ConfigError> {
    let around = Surroundings { folder: "/etc/popkeep".into(), home: Some("/home/jane".into()) };
    resolve(Path::new("config.toml"), text, &around)
}

fn account(text: &str) -> Account {
    let resolved = read(text).unwrap_or_else(|error| panic!("{error}"));
    resolved.accounts.into_iter().next().expect("there is an account")
}

/// The one account of five lines and `more`.
fn work(more: &str) -> Account {
    account(&format!("{WORK}{more}\n"))
}

/// An account as four lines make it, for tests elsewhere.
pub(crate) fn example_account() -> Account {
    work("")
}

/// The error of `text`, which is one line and exits 78.
fn fault(text: &str) -> String {
    let Err(error) = read(text) else { panic!("it was accepted: {text}") };
    assert_eq!(error.exit(), Exit::CONFIG);
    let line = error.to_string();
    assert!(!line.contains('\n'), "{line}");
    line
}

#[test]
fn four_lines_are_an_account_and_the_rest_has_defaults() {
    let account = work("");
    assert_eq!(account.name, "work");
    assert_eq!((account.access.host.as_str(), account.access.port), ("pop.example.com", 995));
    assert_eq!(account.identity, "jane@example.com@pop.example.com");
    assert_eq!(account.archive, PathBuf::from("/home/jane/Mail/work"));
    assert_eq!(
        (account.access.tls, account.access.auth, account.format),
        (Tls::Implicit, Auth::Auto, Format::Maildir)
    );
    assert_eq!((account.delete, account.pipelining), (DeletePolicy::Never, Pipelining::Auto));
    assert_eq!((account.max_size, account.access.timeout), (1 << 30, Duration::from_mins(1)));
    assert_eq!(account.quiet_transient, Duration::ZERO);
    assert!(matches!(account.access.secret, SecretSource::Ask));
    assert!(!account.access.allow_plaintext && account.access.tls_ca_file.is_none());
}

#[test]
fn every_key_is_understood() {
    let account = work(
        r#"password_file = "secret"
        port = 1995
        tls = "starttls"
        tls_ca_file = "/etc/ssl/company.pem"
        allow_plaintext = true
        auth = "PLAIN"
        format = "mbox"
        delete = "30d"
        max_size = "100 MiB"
        pipelining = "off"
        timeout = "90s"
        identity = "jane@pop.example.com"
        quiet_transient = "6h""#,
    );
    assert!(
        matches!(account.access.secret, SecretSource::File(path) if path == Path::new("/etc/popkeep/secret"))
    );
    assert_eq!(
        (account.access.port, account.access.tls, account.access.auth),
        (1995, Tls::StartTls, Auth::Plain)
    );
    assert_eq!(account.access.tls_ca_file, Some(PathBuf::from("/etc/ssl/company.pem")));
    assert!(account.access.allow_plaintext);
    assert_eq!(account.format, Format::Mbox);
    assert_eq!(account.delete, DeletePolicy::After(Duration::from_hours(720)));
    assert_eq!((account.max_size, account.pipelining), (100 << 20, Pipelining::Off));
    assert_eq!(account.access.timeout, Duration::from_secs(90));
    assert_eq!(account.identity, "jane@pop.example.com");
    assert_eq!(account.quiet_transient, Duration::from_hours(6));
    assert_eq!(work("max_size = 5000").max_size, 5000);
    assert_eq!(work("delete = \"fetched\"").delete, DeletePolicy::Fetched);
    assert_eq!(work("tls = \"starttls\"").access.port, 110);
}

#[test]
fn defaults_hold_where_an_account_says_nothing() {
    let text = r#"
        state_dir = "state"
        cache_dir = "~/cache"
        [defaults]
        archive = "~/Mail/{account}"
        host = "pop.example.com"
        password_env = "PASS"
        timeout = "5s"
        [accounts.zoe]
        user = "zoe"
        [accounts.adam]
        user = "adam"
        password_command = "pass adam"
        timeout = "7s"
    "#;
    let resolved = read(text).unwrap();
    assert_eq!(resolved.state_dir, Some(PathBuf::from("/etc/popkeep/state")));
    assert_eq!(resolved.cache_dir, Some(PathBuf::from("/home/jane/cache")));
    let [zoe, adam] = &resolved.accounts[..] else { panic!("two accounts, in the order of the file") };
    assert_eq!((zoe.name.as_str(), adam.name.as_str()), ("zoe", "adam"));
    assert_eq!(zoe.archive, PathBuf::from("/home/jane/Mail/zoe"));
    assert_eq!((zoe.access.timeout.as_secs(), adam.access.timeout.as_secs()), (5, 7));
    assert!(matches!(&zoe.access.secret, SecretSource::Environment(name) if name == "PASS"));
    assert!(matches!(&adam.access.secret, SecretSource::Command(command) if command == "pass adam"));
    assert!(!resolved.name_commands.is_empty() && resolved.hold_passwords.is_empty());
}

#[test]
fn an_unknown_key_is_named_with_its_line_and_the_nearest_known_one() {
    assert_eq!(
        fault(&format!("{WORK}\n\npasword_command = \"x\"\n")),
        "config.toml:7: unknown key \"pasword_command\" in [accounts.work]; did you mean \"password_command\"?"
    );
    assert_eq!(
        fault("[defaults]\narchiv = \"x\"\n"),
        "config.toml:2: unknown key \"archiv\" in [defaults]; did you mean \"archive\"?"
    );
    assert_eq!(
        fault(&format!("{WORK}\n[account.home]\nhost = \"x\"\n")),
        "config.toml:6: unknown key \"account\" at the top of the file; did you mean \"accounts\"?"
    );
    assert!(fault("archive = \"x\"\n").contains("into [defaults]"));
    assert!(fault(&format!("{WORK}state_dir = \"x\"\n")).contains("to the top"));
    assert!(fault(&format!("{WORK}colour = \"x\"\n")).contains("the nearest known one is "));
}

#[test]
fn a_wrong_type_is_named_and_its_value_is_not() {
    assert_eq!(
        fault(&format!("{WORK}port = \"995\"\n")),
        "config.toml:5: \"port\" must be an integer, not a string"
    );
    assert_eq!(
        fault(&format!("{WORK}allow_plaintext = \"yes\"\n")),
        "config.toml:5: \"allow_plaintext\" must be true or false, not a string"
    );
    assert_eq!(
        fault(&format!("{WORK}timeout = 60\n")),
        "config.toml:5: \"timeout\" must be a string such as \"60s\", not an integer"
    );
    assert_eq!(fault("accounts = 3\n"), "config.toml:1: \"accounts\" must be a table, not an integer");
    assert!(fault(&format!("{WORK}max_size = true\n")).contains("\"max_size\" must be a size such as"));
    assert!(fault("[[accounts]]\nhost = \"x\"\n").contains("\"accounts\" must be a table, not an array"));
    for secret in ["[accounts]\npassword = \"hunter2\"\n", "[accounts.x]\npassword = [\"hunter2\"]\n"] {
        assert!(!fault(secret).contains("hunter2"), "{}", fault(secret));
    }
}

#[test]
fn a_syntax_error_is_shown_with_its_line() {
    for text in [
        "[accounts.work\n",
        "[accounts.work]\nhost = pop.example.com\n",
        "[accounts.work]\nhost \"x\"\n",
        "[accounts.work]\nhost = \"a\"\nhost = \"b\"\n",
    ] {
        let line = fault(text);
        assert!(line.starts_with("config.toml:") && line.contains("not valid TOML"), "{line}");
    }
    assert!(fault("[accounts.work]\nhost = \"a\"\nhost = \"b\"\n").starts_with("config.toml:3: "));
}

#[test]
fn what_an_account_lacks_is_named_with_the_line_to_add() {
    for (key, line) in [("host", 2), ("user", 3), ("archive", 4)] {
        let text: Vec<&str> =
            WORK.lines().enumerate().filter(|(n, _)| n + 1 != line).map(|(_, l)| l).collect();
        let fault = fault(&text.join("\n"));
        assert!(fault.starts_with("config.toml:1: account \"work\" has no "), "{fault}");
        assert!(fault.contains(&format!("`{key}`; add a line such as {key} = ")), "{fault}");
    }
}

#[test]
fn values_that_cannot_be_are_refused() {
    for (line, words) in [
        ("port = 0", "from 1 to 65535"),
        ("port = 65536", "from 1 to 65535"),
        ("tls = \"startls\"", "did you mean \"starttls\"?"),
        ("auth = \"digest-md5\"", "use one of \"auto\", \"scram-sha-256-plus\","),
        ("format = \"mh\"", "\"maildir\", \"mbox\""),
        ("pipelining = \"yes\"", "\"auto\", \"on\", \"off\""),
        ("delete = \"30\"", "\"30 days\""),
        ("delete = \"a month\"", "\"30d\""),
        // Six months or six minutes? The wrong guess deletes mail.
        ("delete = \"6M\"", "\"30d\""),
        ("delete = \"2W\"", "\"30d\""),
        ("timeout = \"0s\"", "more than 0"),
        ("timeout = \"2d\"", "at most a day"),
        ("timeout = \"soon\"", "a duration such as"),
        ("quiet_transient = \"-6h\"", "a duration such as"),
        ("max_size = \"big\"", "a size such as"),
        ("max_size = -1", "a size such as"),
        ("max_size = 0", "more than 0"),
        ("identity = \" \"", "one line of text"),
        ("tls_ca_file = \"~bob/x\"", "only for your own home"),
        ("password_command = \" \"", "it must be a command"),
        ("password_env = \"A=B\"", "name of an environment variable"),
    ] {
        let fault = fault(&format!("{WORK}{line}\n"));
        assert!(fault.starts_with("config.toml:5: ") && fault.contains(words), "{line}: {fault}");
    }
    let port_in_host = WORK.replace("pop.example.com", "pop.example.com:995");
    assert!(fault(&port_in_host).contains("host = \"pop.example.com\" and port = 995"));
    assert!(fault(&WORK.replace("jane@example.com", "jane\\r\\nDELE 1")).contains("one line of text"));
    assert!(fault(&WORK.replace("~/Mail/work", "~/Mail/{acount}")).contains("{acount} is not known"));
}

#[test]
fn an_account_name_can_be_a_file_name() {
    for name in ["work", "jane.doe+x@example-1_2", "-"] {
        account(&WORK.replace("accounts.work", &format!("accounts.\"{name}\"")));
    }
    for name in ["", ".hidden", "a/b", "a b", "ü", "a\\u001b"] {
        let line = fault(&WORK.replace("accounts.work", &format!("accounts.\"{name}\"")));
        assert!(line.contains("account name"), "{line}");
    }
}

#[test]
fn a_table_name_that_toml_cannot_read_is_told_what_to_write() {
    let named = |name: &str| fault(&WORK.replace("[accounts.work]", &format!("[accounts.{name}]")));
    let spaced = named("my mail");
    assert!(spaced.starts_with("config.toml:1: account name \"my mail\" is not valid"), "{spaced}");
    let address = named("jane@example.com");
    assert!(address.contains("write [accounts.\"jane@example.com\"]"), "{address}");
    let dotted = named("jane.doe");
    assert!(dotted.contains("write [accounts.\"jane.doe\"]"), "{dotted}");
    let noted = named("my mail] # at home\n#");
    assert!(noted.contains("\"my mail\" is not valid"), "{noted}");
    assert!(fault("[accounts.work\n").contains("not valid TOML"));
}

#[test]
fn a_table_within_an_account_is_not_told_to_become_an_account() {
    for (table, key) in [("work.old", "old"), ("work.a.b", "a")] {
        for text in [
            format!("{WORK}[accounts.{table}]\nhost = \"x\"\n"),
            format!("[accounts.{table}]\nhost = \"x\"\n{WORK}"),
        ] {
            let line = fault(&text);
            assert!(!line.contains("quotes"), "{line}");
            assert!(line.contains(&format!("\"{key}\"")) && line.contains("[accounts.work]"), "{line}");
        }
    }
    let alone = fault("[accounts.work.oauth]\nprovider = \"x\"\n");
    assert!(!alone.contains("quotes"), "{alone}");
    // A quoted account counts, too; and the name in front of `oauth` may be the one that needs quotes.
    let quoted = WORK.replace("accounts.work", "accounts.\"jane.doe\"");
    let line = fault(&format!("{quoted}[accounts.jane.doe.old]\nhost = \"x\"\n"));
    assert!(!line.contains("quotes"), "{line}");
    let line = fault("[accounts.jane.doe.oauth]\nprovider = \"x\"\n");
    assert!(line.contains("write [accounts.\"jane.doe\"]"), "{line}");
}

#[test]
fn an_age_in_words_is_an_age() {
    assert_eq!(work("delete = \"30 days\"").delete, DeletePolicy::After(Duration::from_hours(720)));
    assert_eq!(work("quiet_transient = \"6 hours\"").quiet_transient, Duration::from_hours(6));
}

#[test]
fn a_password_has_one_source() {
    let line = fault(&format!("{WORK}password_env = \"X\"\npassword = \"hunter2\"\n"));
    assert_eq!(
        line,
        "config.toml:6: [accounts.work] has both `password_env` and `password`; keep one of them"
    );
    assert!(
        fault("[defaults]\npassword_env = \"X\"\npassword_file = \"y\"\n[accounts.x]\n")
            .contains("[defaults] has both")
    );
}

#[test]
fn a_password_never_travels_in_clear_by_accident() {
    let remote = format!("{WORK}tls = \"none\"\n");
    assert!(fault(&remote).contains("in clear text to pop.example.com"), "{}", fault(&remote));
    assert!(fault(&remote.replace("pop.example.com", "192.0.2.1")).contains("in clear"));
    assert!(fault(&remote.replace("pop.example.com", "[2001:db8::1]")).contains("in clear"));
    assert_eq!(work("tls = \"none\"\nallow_plaintext = true").access.port, 110);
    for here in ["localhost", "127.0.0.1", "[::1]"] {
        assert_eq!(account(&remote.replace("pop.example.com", here)).access.tls, Tls::None);
    }
}

#[test]
fn two_accounts_may_share_an_archive_but_not_be_one_another() {
    let second = WORK.replace("accounts.work", "accounts.again");
    assert!(fault(&format!("{WORK}{second}")).contains("the same maildrop"));
    let other_user = second.replace("jane@", "john@").replace("~/Mail/work", "~/Mail/./x/../work/");
    assert_eq!(read(&format!("{WORK}{other_user}")).unwrap().accounts.len(), 2);
    let other_format = format!("{WORK}{other_user}format = \"mbox\"\n");
    assert!(fault(&other_format).contains("not the same `format`"));
    let other_archive = second.replace("~/Mail/work", "~/Mail/again");
    assert!(read(&format!("{WORK}{other_archive}")).is_ok());
}

#[test]
fn a_file_without_accounts_says_how_to_add_one() {
    for text in ["", "# nothing\n", "[defaults]\n", "[accounts]\n"] {
        assert!(fault(text).contains("no account in it"), "{text}");
    }
}

#[test]
fn the_keys_that_are_suggested_are_the_keys_there_are() {
    let Err(error) = toml::from_str::<super::raw::RawAccount>("no_such_key = 1") else { panic!() };
    let listed: Vec<&str> = error.message().split('`').skip(3).step_by(2).collect();
    assert_eq!(listed, super::raw::ACCOUNT_KEYS);
    let Err(error) = toml::from_str::<super::raw::RawOAuth>("no_such_key = 1") else { panic!() };
    let listed: Vec<&str> = error.message().split('`').skip(3).step_by(2).collect();
    assert_eq!(listed, super::raw::OAUTH_KEYS);
    let Err(error) = toml::from_str::<super::raw::RawFile>("no_such_key = 1") else { panic!() };
    let listed: Vec<&str> = error.message().split('`').skip(3).step_by(2).collect();
    assert_eq!(listed, super::raw::TOP_KEYS);
}

#[test]
fn a_terminal_is_shown_the_line() {
    let Err(error) = read(&format!("{WORK}tls = \"startls\"\n")) else { panic!() };
    let excerpt = error.annotated(false);
    assert!(excerpt.contains("config.toml:5:7") && excerpt.contains("5 | tls = \"startls\""), "{excerpt}");
    assert!(excerpt.contains("^^^^^^^^^"), "{excerpt}");
    assert!(error.annotated(true).contains('\x1b') && !excerpt.contains('\x1b'));
}

/// `[accounts.work.oauth]` with these lines, and what it means.
fn oauth(lines: &str) -> super::OAuth {
    account(&format!("{WORK}[accounts.work.oauth]\n{lines}\n")).access.oauth().unwrap().clone()
}

#[test]
fn a_provider_fills_in_what_is_known_of_it() {
    let microsoft = oauth("provider = \"Microsoft\"\nclient_id = \"x\"\ntenant = \"consumers\"");
    assert_eq!(microsoft.token_url, "https://login.microsoftonline.com/consumers/oauth2/v2.0/token");
    assert!(microsoft.device_url.is_some_and(|url| url.contains("/consumers/")));
    assert!(microsoft.scope.starts_with("https://outlook.office.com/POP.AccessAsUser.All"));
    assert_eq!(microsoft.login_hint.as_deref(), Some("jane@example.com"));
    for (name, provider) in super::Provider::NAMES {
        let preset = oauth(&format!("provider = {name:?}\nclient_id = \"x\""));
        assert_eq!((preset.provider, provider.client_id()), (Some(*provider), ""));
        for url in [&preset.authorize_url, &preset.device_url, &preset.revoke_url].into_iter().flatten() {
            assert!(crate::http::check(url).is_ok() && url.starts_with("https://"), "{url}");
        }
    }
    let other = oauth(
        "client_id = \"x\"\nscope = \"pop\"\ntoken_url = \"https://a.example/t\"\ndevice_url = \"http://[::1]:8/d\"",
    );
    assert!(other.authorize_url.is_none() && other.provider.is_none());
}

#[test]
fn what_a_sign_in_cannot_be_is_said_with_its_place() {
    let said = |lines: &str| fault(&format!("{WORK}[accounts.work.oauth]\n{lines}\n"));
    let microsoft = "provider = \"microsoft\"\nclient_id = \"x\"\n";
    for (lines, words) in [
        ("provider = \"microsoft\"", "no `client_id`"),
        ("client_id = \"x\"", "no `provider`"),
        ("provider = \"gogle\"\nclient_id = \"x\"", "did you mean \"google\"?"),
        (&format!("{microsoft}clientid = 1"), "did you mean \"client_id\"?"),
        (&format!("{microsoft}host = \"a\""), "unknown key \"host\" in [accounts.work.oauth]"),
        (&format!("{microsoft}token_url = \"http://a.example/\""), "must begin with https://"),
        (&format!("{microsoft}redirect_port = 0"), "from 1 to 65535"),
        (&format!("{microsoft}flow = \"devic\""), "did you mean \"device\"?"),
        (&format!("{microsoft}tenant = \"a/b\""), "consumers"),
        (&format!("{microsoft}client_secret = \"a\"\nclient_secret_command = \"b\""), "keep one of them"),
        ("provider = \"google\"\nclient_id = \"x\"\ntenant = \"common\"", "only provider = \"microsoft\""),
    ] {
        let line = said(lines);
        assert!(line.contains(words) && line.starts_with("config.toml:"), "{lines}: {line}");
    }
    let both = fault(&format!("{WORK}token_command = \"x\"\n[accounts.work.oauth]\n{microsoft}"));
    assert!(both.contains("both `token_command` and `oauth`"), "{both}");
    let outside = fault(&format!("{WORK}client_id = \"x\"\n"));
    assert!(outside.contains("move it into [accounts.work.oauth]"), "{outside}");
}

#[test]
fn what_accounts_have_in_common_of_a_sign_in_stands_in_the_defaults() {
    let defaults = "[defaults.oauth]\nprovider = \"microsoft\"\nclient_id = \"x\"\n";
    let inherited = account(&format!("{WORK}{defaults}"));
    assert_eq!(inherited.access.oauth().map(|oauth| oauth.client_id.as_str()), Some("x"));
    let own = account(&format!("{WORK}{defaults}[accounts.work.oauth]\nclient_id = \"y\"\n"));
    assert_eq!(
        own.access.oauth().map(|oauth| (oauth.client_id.as_str(), oauth.provider)),
        Some(("y", Some(super::Provider::Microsoft)))
    );
    let password = account(&format!("{WORK}password_env = \"X\"\n{defaults}"));
    assert!(password.access.oauth().is_none(), "the account's own wins");
    let another = fault(&format!("{WORK}{defaults}[accounts.work.oauth]\nprovider = \"google\"\n"));
    assert!(another.contains("no `client_id`"), "a client id is of one provider: {another}");
}

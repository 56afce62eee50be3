//! What other programs rely on is what popkeep-formats(7) and the files in `man/schema` say.
//!
//! | the page says | its tests |
//! | --- | --- |
//! | exit codes mean what they mean | [`the_exit_codes_in_the_schemas_are_those_that_exist`], [`popkeep::cli::manual::every_exit_code_is_documented_once_and_in_order`] |
//! | `exit` is the exit code of the process | every run of every test (`support/outcome.rs`) |
//! | there is a schema for each document | [`every_document_has_a_schema_and_every_schema_is_of_a_document`] |
//! | a document is what its schema says | every run of every test (`support/outcome.rs`); [`each_command_prints_its_document`] |
//! | a schema allows nothing else | [`a_schema_refuses_whatever_is_altered`] |
//! | it explains every property, and so does help | [`every_property_is_explained_and_shown`] |
//! | metrics, their labels and their type | [`the_metrics_on_the_page_are_those_that_are_written`] |
//! | names in a Maildir, and what others may do there | [`a_maildir_is_as_the_page_says`] |
//! | the archive's mark | [`presence::an_emptied_maildir_without_a_mark_goes_on_once_that_is_accepted`] |
//! | the variant of an mbox | [`an_mbox_is_as_the_page_says`] |
//! | what others may do to an mbox | [`presence::an_mbox_from_which_the_first_message_was_removed_goes_on`] |
//! | the tables of the ledger; files in the state and cache folders | [`tables_and_files_are_those_on_the_page`] |
//! | older and newer formats | [`older_ledger::an_upgrade_only_adds`], [`ledger_problem::a_ledger_of_a_newer_popkeep_is_left_alone`] |
//! | the index may be deleted | [`search::a_lost_damaged_or_older_index_is_made_anew`] |

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::path::Path;

use clap::CommandFactory as _;
use popkeep::cli::{Cli, manual};
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

use crate::support::imap_server::{ImapBehaviour, ImapServer};
use crate::support::maildrop::PASSWORD;
use crate::support::schema::{SCHEMAS, Schema, of_command_line};
use crate::support::{Account, Behaviour, Mail, PopServer, Sandbox, set_mode, stores};

/// The command whose document this is: the rest of the name tells its documents apart.
fn command_of(schema: &str) -> String {
    let known = Cli::command();
    let named = known.get_subcommands().map(|command| command.get_name().to_owned());
    named.filter(|name| schema == name || schema.starts_with(&format!("{name}-"))).max().unwrap_or_default()
}

#[test]
fn every_document_has_a_schema_and_every_schema_is_of_a_document() {
    let command = Cli::command();
    let has_json =
        |command: &&clap::Command| command.get_arguments().any(|argument| argument.get_id() == "json");
    let commands: BTreeSet<String> =
        command.get_subcommands().filter(has_json).map(|command| command.get_name().to_owned()).collect();
    let described: BTreeSet<String> = SCHEMAS.keys().map(|name| command_of(name)).collect();
    assert_eq!(commands, described);
    let on_page = items(&section("JSON DOCUMENTS"), ".It Pa ");
    assert_eq!(on_page, SCHEMAS.keys().map(|name| format!("{name}.json")).collect());
}

/// Each place in a document, as a JSON pointer.
fn places(value: &Value, place: &str, found: &mut Vec<String>) {
    found.push(place.to_owned());
    match value {
        Value::Object(entries) => {
            entries.iter().for_each(|(key, value)| places(value, &format!("{place}/{key}"), found));
        }
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(at, item)| places(item, &format!("{place}/{at}"), found));
        }
        _ => {}
    }
}

fn examples(schema: &Schema) -> &[Value] {
    schema.root["examples"].as_array().unwrap_or_else(|| panic!("{} has no example", schema.name))
}

/// So that it says something that a document fits: whatever is altered in an example does not fit any more.
#[test]
fn a_schema_refuses_whatever_is_altered() {
    let mut altered = 0;
    for schema in SCHEMAS.values() {
        let properties = properties(schema);
        for example in examples(schema) {
            assert_eq!(schema.fault(example), None, "{}", schema.name);
            let mut all = Vec::new();
            places(example, "", &mut all);
            for place in &all {
                let refuses = |what: &str, alter: &dyn Fn(&mut Value)| {
                    let mut document = example.clone();
                    alter(document.pointer_mut(place).unwrap());
                    assert!(schema.fault(&document).is_some(), "{}: {what} at {place:?}", schema.name);
                    1
                };
                let was = example.pointer(place).unwrap();
                let may_be_true = was.is_boolean() || was.is_null();
                for other in [json!({"another": 1}), json!([[1]]), json!(-1), json!(true)] {
                    if !(other == true && may_be_true) {
                        altered += refuses(&other.to_string(), &|value| *value = other.clone());
                    }
                }
                for key in was.as_object().into_iter().flat_map(Map::keys).filter(|key| properties[*key]) {
                    altered += refuses(&format!("no {key}"), &|value| {
                        drop(value.as_object_mut().unwrap().remove(key));
                    });
                }
                if was.is_object() {
                    altered += refuses("another property", &|value| value["another"] = json!(null));
                }
            }
        }
    }
    assert!(altered > 1000, "{altered}");
}

/// The properties that a schema knows, and whether they must be there.
fn properties(schema: &Schema) -> BTreeMap<String, bool> {
    let mut known = BTreeMap::new();
    schema.each(&mut |part| {
        let required = part.get("required").and_then(Value::as_array);
        for key in part.get("properties").and_then(Value::as_object).into_iter().flat_map(Map::keys) {
            let must = required.is_some_and(|keys| keys.iter().any(|name| name == key));
            *known.entry(key.clone()).or_insert(true) &= must;
        }
    });
    known
}

#[test]
fn every_property_is_explained_and_shown() {
    let cli = Cli::command();
    for schema in SCHEMAS.values() {
        schema.each(&mut |part| {
            for (name, property) in part.get("properties").and_then(Value::as_object).into_iter().flatten() {
                assert!(property["description"].is_string(), "{}: {name}", schema.name);
            }
            if part.get("type") == Some(&json!("object")) {
                assert_eq!(
                    part.get("additionalProperties"),
                    Some(&json!(false)),
                    "{}: {part:?}",
                    schema.name
                );
            }
        });
        let known: BTreeSet<String> = properties(schema).into_keys().collect();
        let mut all = Vec::new();
        for example in examples(schema) {
            places(example, "", &mut all);
        }
        let names = all.iter().filter_map(|place| place.rsplit('/').next());
        let shown =
            names.filter(|name| name.starts_with(|c: char| c.is_ascii_lowercase())).map(str::to_owned);
        let shown: BTreeSet<String> = shown.collect();
        assert_eq!(shown, known, "what the examples of {} show", schema.name);

        let command = cli.find_subcommand(command_of(&schema.name)).unwrap();
        let json = command.get_arguments().find(|argument| argument.get_id() == "json").unwrap();
        let help = json.get_long_help().expect("it says what is in the document").to_string();
        let words: BTreeSet<&str> = help.split(|c: char| !c.is_ascii_lowercase() && c != '_').collect();
        let unexplained: Vec<_> = known.iter().filter(|key| !words.contains(key.as_str())).collect();
        assert!(
            unexplained.is_empty(),
            "the help of {} --json does not mention {unexplained:?}",
            command_of(&schema.name)
        );
    }
}

#[test]
fn the_exit_codes_in_the_schemas_are_those_that_exist() {
    let mut seen = 0;
    for schema in SCHEMAS.values() {
        schema.each(&mut |part| {
            let Some(exit) = part.get("properties").and_then(|properties| properties.get("exit")) else {
                return;
            };
            let Some(codes) = exit.get("enum").and_then(Value::as_array) else {
                return assert_eq!(exit["type"], "null", "{}", schema.name);
            };
            let codes: Vec<u64> = codes.iter().filter_map(Value::as_u64).collect();
            assert_eq!(
                codes,
                manual::EXIT_STATUS.iter().map(|(code, _)| u64::from(*code)).collect::<Vec<_>>()
            );
            seen += 1;
        });
    }
    assert!(seen > 10, "{seen}");
}

fn page() -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("man/popkeep-formats.7")).unwrap()
}

/// One section of the page.
fn section(title: &str) -> String {
    let page = page();
    let (_, section) =
        page.split_once(&format!(".Sh {title}\n")).unwrap_or_else(|| panic!("no section {title}"));
    section.split(".Sh ").next().unwrap().to_owned()
}

/// What a section's lists have items for; one may be for several.
fn items(section: &str, head: &str) -> BTreeSet<String> {
    let lines = section.lines().filter_map(|line| line.strip_prefix(head));
    lines.flat_map(|line| line.split(" , ")).map(|item| item.trim_start_matches("Ic ").to_owned()).collect()
}

/// An account with three messages, a destination, and something to adopt.
fn house() -> (PopServer, ImapServer, Sandbox) {
    let (server, destination) = (PopServer::with(Mail::some(3)), ImapServer::start(ImapBehaviour::default()));
    let sandbox = Sandbox::new();
    sandbox.config(&format!(
        "{}{}",
        Account::on("work", &server).toml(),
        destination.destination("new", "Archive")
    ));
    set_mode(
        sandbox.write(
            ".mpoprc",
            format!(
                "account other\nhost 127.0.0.1\nport {}\ntls off\nuser ann\npassword {PASSWORD:?}\nkeep on\n\
                 delivery maildir ~/Mail/other\nuidls_file ~/uidls\n",
                server.port()
            ),
        ),
        0o600,
    );
    (server, destination, sandbox)
}

#[test]
fn each_command_prints_its_document() {
    let (_server, _destination, sandbox) = house();
    let mut printed = BTreeSet::new();
    for line in [
        "fetch --dry-run --json",
        "fetch --json",
        "list --headers --json",
        "status --json --max-age 1d --verified-within 1d",
        "verify --json",
        "log --json",
        "search --json",
        "export --json --to copies",
        "restore --json --to new",
        "adopt --json",
        "adopt mpop --json --write",
        "adopt --undo other --json",
    ] {
        let arguments: Vec<OsString> = line.split(' ').map(OsString::from).collect();
        let exit = i32::from(line.starts_with("status"));
        let document = sandbox.popkeep(&arguments).run().expect(exit).json();
        let schema = of_command_line(&arguments).unwrap();
        assert_eq!(schema.fault(&document), None, "{line}");
        printed.insert(schema.name.as_str());
    }
    assert_eq!(printed, SCHEMAS.keys().map(String::as_str).collect());
}

#[test]
fn the_metrics_on_the_page_are_those_that_are_written() {
    let server = PopServer::with(Mail::some(1));
    let sandbox = Sandbox::for_server(&server);
    sandbox.popkeep(["fetch", "--quiet"]).run().expect(0);
    sandbox.popkeep(["verify", "--quiet"]).run().expect(0);
    sandbox.popkeep(["fetch", "--quiet", "--metrics", "popkeep.prom"]).run().expect(0);
    let text = std::fs::read_to_string(sandbox.path("popkeep.prom")).unwrap();
    let types: BTreeMap<&str, &str> =
        text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' ')).collect();
    assert!(types.values().all(|kind| *kind == "gauge"), "{types:?}");
    let metrics = section("METRICS");
    let on_page: BTreeMap<&str, Option<&str>> = metrics
        .lines()
        .filter_map(|line| line.strip_prefix(".It Li "))
        .map(|item| {
            item.split_once('{').map_or((item, None), |(name, label)| (name, label.strip_suffix('}')))
        })
        .collect();
    assert_eq!(on_page.keys().copied().collect::<BTreeSet<_>>(), types.into_keys().collect());
    let mut without_value: BTreeSet<&str> = on_page.keys().copied().collect();
    for series in text.lines().filter(|line| !line.starts_with('#')) {
        let name = series.split(['{', ' ']).next().unwrap();
        let label = series.split_once('{').map(|(_, rest)| rest.split_once("=\"").unwrap().0);
        assert_eq!(on_page[name], label, "{series}");
        without_value.remove(name);
    }
    let with_tls_or_oauth = [
        "popkeep_certificate_end_timestamp_seconds",
        "popkeep_sign_in_end_timestamp_seconds",
        "popkeep_sign_in_needed",
        "popkeep_token_timestamp_seconds",
    ];
    assert_eq!(without_value, with_tls_or_oauth.into());
}

/// As the page has it.
fn key_of(identity: &str, uid: Option<&[u8]>, content: &[u8]) -> String {
    let mut origin = Sha256::new();
    let purpose = if uid.is_some() { "popkeep uid" } else { "popkeep no uid" };
    for part in [purpose.as_bytes(), identity.as_bytes(), uid.unwrap_or_default()] {
        origin.update((part.len() as u64).to_be_bytes());
        origin.update(part);
    }
    let header = if content.starts_with(b"\n") {
        0
    } else {
        content.windows(2).position(|two| two == b"\n\n").map_or(content.len(), |at| at + 1)
    };
    let both = [Sha256::digest(&content[..header]), Sha256::digest(&content[header..])].concat();
    let hex = |hash: &[u8]| hash[..16].iter().map(|octet| format!("{octet:02x}")).collect::<String>();
    format!("U{}C{}", hex(&origin.finalize()), hex(&Sha256::digest(both)))
}

#[test]
fn a_maildir_is_as_the_page_says() {
    let mails =
        [Mail::numbered(1), Mail::new("uid-00002", "\nno header\n"), Mail::new("uid-00003", "no: body\n")];
    let server = PopServer::with(mails.to_vec());
    let sandbox = Sandbox::for_server(&server);
    sandbox.fetch();
    let files = stores::maildir_files(&sandbox.archive("work"));
    let mut keys = BTreeSet::new();
    for file in &files {
        let name = file.file_name().unwrap().to_str().unwrap();
        let content = std::fs::read(file).unwrap();
        let (seconds, rest) = name.split_once('.').unwrap();
        let (key, rest) = rest.split_once('.').unwrap();
        let (host, size) = rest.rsplit_once(",S=").unwrap();
        assert!(seconds.parse::<u64>().is_ok() && !host.is_empty(), "{name}");
        assert_eq!(size, content.len().to_string());
        keys.insert(key.to_owned());
    }
    let key = |mail: &Mail| key_of("joe@127.0.0.1", Some(&mail.uid), &mail.stored());
    assert_eq!(keys, mails.iter().map(key).collect());
    let id = sandbox.popkeep(["search", "--ids", "subject:message"]).run().expect(0).stdout;
    assert!(key(&mails[0]).contains(&format!("C{}", id.trim())), "{id}");

    // All of a name but the KEY may change; so may marks in the header; and files of others may come.
    for (file, mail) in files.iter().zip(["Status: RO\n", "X-Mozilla-Status: 0001\n", ""]) {
        let name = file.file_name().unwrap().to_str().unwrap();
        let key = name.split('.').nth(1).unwrap();
        let content = std::fs::read(file).unwrap();
        let marked = if content.starts_with(b"\n") { content } else { [mail.as_bytes(), &content].concat() };
        sandbox.write(format!("Mail/work/cur/1.{key}.elsewhere:2,RS"), marked);
        std::fs::remove_file(file).unwrap();
    }
    sandbox.write("Mail/work/new/1.M1.other", "Subject: of another program\n\n");
    let report = sandbox.fetch();
    assert_eq!((&report["archived"], &report["fetched"]), (&3.into(), &0.into()), "{report}");
    let verified = sandbox.popkeep(["verify", "--json"]).run().expect(0).json()["accounts"][0].clone();
    let figure = |key: &str| verified[key].as_u64().unwrap();
    assert_eq!((figure("intact") + figure("changed"), figure("foreign")), (3, 1), "{verified}");

    server.behave(Behaviour { no_uidl: true, ..Behaviour::default() });
    server.state().mails.truncate(1);
    let sandbox = Sandbox::with([Account::on("work", &server).text("identity", "me")]);
    sandbox.fetch();
    let name = stores::maildir_files(&sandbox.archive("work"))[0].file_name().unwrap().to_owned();
    assert!(name.to_str().unwrap().contains(&key_of("me", None, &mails[0].stored())), "{name:?}");
}

#[test]
fn an_mbox_is_as_the_page_says() {
    let mail = Mail::new("1", "From: Dusty <dusty@example>\n\nFrom here\n>From there\n>>From\n Fromage\n");
    let server = PopServer::with(vec![mail]);
    let sandbox = Sandbox::with([Account::on("work", &server).text("format", "mbox")]);
    sandbox.fetch();
    let text = std::fs::read_to_string(sandbox.archive("work")).unwrap();
    let (from, rest) = text.split_once('\n').unwrap();
    let (sender, date) = from.strip_prefix("From ").unwrap().split_once(' ').unwrap();
    assert_eq!(sender, "dusty@example");
    jiff::civil::DateTime::strptime("%a %b %d %H:%M:%S %Y", date).unwrap();
    assert_eq!(rest, "From: Dusty <dusty@example>\n\n>From here\n>>From there\n>>From\n Fromage\n\n");
}

#[test]
fn tables_and_files_are_those_on_the_page() {
    let (_server, _destination, sandbox) = house();
    for line in ["fetch", "search", "export --to copies", "restore --to new", "status", "log"] {
        sandbox.popkeep(line.split(' ')).run().expect(0);
    }
    let file = &stores::maildir_files(&sandbox.archive("work"))[0];
    std::fs::write(file, "damaged\n").unwrap();
    sandbox.popkeep(["verify", "--repair"]).run().expect(0);

    let ledger = rusqlite::Connection::open(sandbox.ledger()).unwrap();
    let mut tables = ledger.prepare("SELECT name, sql FROM sqlite_schema WHERE type = 'table'").unwrap();
    let tables: BTreeMap<String, String> =
        tables.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap().map(Result::unwrap).collect();
    assert!(tables.iter().all(|(_, sql)| sql.contains("-- ")), "each says what it is");
    let page = section("LEDGER");
    assert_eq!(items(&page, ".It Ic "), tables.into_keys().collect());
    let number =
        |pragma: &str| ledger.query_row(&format!("PRAGMA {pragma}"), [], |row| row.get::<_, i64>(0)).unwrap();
    assert!(page.contains(&format!("is {}\n", number("application_id"))));

    let folder = sandbox.ledger().parent().unwrap().to_owned();
    let mut found = BTreeSet::new();
    for path in stores::files(&folder) {
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        let lock = name.strip_prefix("lock-").map(|_| "lock-*".to_owned());
        assert!(lock.is_none() || std::fs::metadata(&path).unwrap().len() == 0, "{name}");
        found.insert(lock.unwrap_or(if path.is_dir() { format!("{name}/") } else { name }));
    }
    // Nobody has signed in here, and the ledger was never damaged.
    found.extend(["tokens/", "ledger-damaged.sqlite3"].map(str::to_owned));
    assert_eq!(found, items(&section("STATE FOLDER"), ".It Pa "));
}

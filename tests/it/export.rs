//! What is archived is given to other programs.
//!
//! | the rule | its tests |
//! | --- | --- |
//! | every copy, octet for octet, compared when all is written | [`each_format_has_every_message_octet_for_octet`], [`equal_messages_are_exported_as_often_as_they_are_archived`] |
//! | a second run adds only what is new, or was removed there | [`a_second_run_adds_only_what_is_not_there`] |
//! | also after a kill at any step | [`an_export_killed_at_any_step_is_finished_by_the_next`] |
//! | Maildir to mbox to Maildir to eml: equal content | [`from_form_to_form_nothing_changes`] |
//! | flags and dates are kept | [`flags_and_dates_go_along`] |
//! | names are readable and safe | [`names_are_readable_and_stay_in_the_folder`] |
//! | mboxo cannot be undone, and says so | [`mboxo_quotes_as_old_programs_do`] |
//! | a damaged copy is told of, exit 1 | [`a_damaged_copy_is_not_exported`] |
//! | a QUERY selects | [`a_query_selects_what_is_exported`] |
//! | never into an archive; nothing but messages | [`nothing_but_messages_and_never_into_an_archive`] |
//! | other programs read it | [`python_reads_what_was_exported`] |

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::support::{Account, Mail, PopServer, Sandbox, find_program, skip, stores};

const FORMATS: [&str; 3] = ["maildir", "mbox", "eml"];

fn fetched(mails: Vec<Mail>) -> (PopServer, Sandbox) {
    let server = PopServer::with(mails);
    let sandbox = Sandbox::for_server(&server);
    sandbox.popkeep(["fetch", "--quiet"]).run().expect(0).silent();
    (server, sandbox)
}

#[track_caller]
fn export(sandbox: &Sandbox, exit: i32, to: &Path, options: &[&str]) -> Value {
    let arguments = [&["export", "--json", "--to", to.to_str().unwrap()], options].concat();
    sandbox.popkeep(arguments).run().expect(exit).json()
}

fn figures<const N: usize>(done: &Value, keys: [&str; N]) -> [u64; N] {
    keys.map(|key| done[key].as_array().map_or_else(|| done[key].as_u64().unwrap(), |list| list.len() as u64))
}

/// All messages at a place, in stored form, sorted.
fn messages(to: &Path, format: &str) -> Vec<Vec<u8>> {
    let mut found = match format {
        "maildir" => stores::maildir(to),
        "mbox" => stores::mbox(to),
        _ => stores::files(to).iter().map(|file| fs::read(file).unwrap()).collect(),
    };
    found.sort();
    found
}

fn archived(sandbox: &Sandbox) -> Vec<Vec<u8>> {
    let mut found = sandbox.maildir("work");
    found.sort();
    found
}

/// Messages that a program may stumble over.
fn awkward() -> Vec<Mail> {
    let texts: [&[u8]; 8] = [
        b"Subject: quoted\r\n\r\nFrom here\r\n>From there\r\n>>From nowhere\r\n",
        b"Subject: without an end\r\n\r\nno line end",
        b"\r\nno header\r\n",
        b"Subject: nothing\r\n\r\n",
        b"Subject: octets\r\n\r\n\x00\xff\x80 \rbare\nlf\r\n",
        b"Subject: =?utf-8?q?=2E=2E=2F=2E=2E=2Fetc=2Fpasswd=00?=\r\nFrom: \"/tmp/\" <a@b>\r\n\r\nx\r\n",
        "From: Jäne <j@x>\r\nSubject: Grüße\r\n\r\n日本\r\n".as_bytes(),
        b".\r\n\r\n..\r\n",
    ];
    texts.iter().enumerate().map(|(at, text)| Mail::new(&format!("awkward-{at}"), text)).collect()
}

#[test]
fn each_format_has_every_message_octet_for_octet() {
    let (_server, sandbox) = fetched([Mail::some(20), awkward()].concat());
    for format in FORMATS {
        let to = sandbox.path(format!("out/{format}"));
        let done = export(&sandbox, 0, &to, &["--format", format]);
        assert_eq!(figures(&done, ["exported", "compared", "there", "failed"]), [28, 28, 0, 0], "{done}");
        let (mut found, mut expected) = (messages(&to, format), archived(&sandbox));
        if format == "mbox" {
            // An mbox cannot hold a message without a line end at its end; the reader here does not know.
            for text in found.iter_mut().chain(&mut expected) {
                while text.ends_with(b"\n") {
                    text.pop();
                }
            }
            found.sort();
            expected.sort();
        }
        assert!(found == expected, "{format}");
    }
    let outcome = sandbox.popkeep(["export", "--to", "x", "--format", "eml"]).run().expect(0);
    outcome.says(&["28 exported, 28 compared"]);
}

#[test]
fn equal_messages_are_exported_as_often_as_they_are_archived() {
    let twin = Mail::numbered(1);
    let mails = vec![twin.clone(), twin.with_uid("second"), twin.with_uid("third"), Mail::numbered(2)];
    let (_server, sandbox) = fetched(mails);
    for format in FORMATS {
        let to = sandbox.path(format!("out/{format}"));
        for expected in [[4, 0], [0, 4]] {
            let done = export(&sandbox, 0, &to, &["--format", format]);
            assert_eq!(figures(&done, ["exported", "there"]), expected, "{format}: {done}");
        }
        assert!(messages(&to, format) == archived(&sandbox), "{format}");
    }
}

#[test]
fn a_second_run_adds_only_what_is_not_there() {
    let (server, sandbox) = fetched(Mail::some(6));
    for format in FORMATS {
        let to = sandbox.path(format!("out/{format}"));
        export(&sandbox, 0, &to, &["--format", format]);
        let before = sandbox.snapshot();
        let done = export(&sandbox, 0, &to, &["--format", format]);
        assert_eq!(figures(&done, ["exported", "compared", "there"]), [0, 0, 6], "{done}");
        let out = |all: std::collections::BTreeMap<PathBuf, String>| -> Vec<(PathBuf, String)> {
            all.into_iter().filter(|(path, _)| path.starts_with(sandbox.path("out"))).collect()
        };
        assert_eq!(out(sandbox.snapshot()), out(before), "{format}: nothing is touched");
        if format != "mbox" {
            fs::remove_file(
                stores::files(&if format == "maildir" { to.join("new") } else { to.clone() })[2].clone(),
            )
            .unwrap();
            let done = export(&sandbox, 0, &to, &["--format", format]);
            assert_eq!(
                figures(&done, ["exported", "there"]),
                [1, 5],
                "{format}: what was removed there: {done}"
            );
        }
        // All of it removed: all of it again.
        if format == "mbox" { fs::remove_file(&to) } else { fs::remove_dir_all(&to) }.unwrap();
        let done = export(&sandbox, 0, &to, &["--format", format]);
        assert_eq!(figures(&done, ["exported", "compared", "there"]), [6, 6, 0], "{done}");
        assert!(messages(&to, format) == archived(&sandbox), "{format}");
    }
    server.state().mails.push(Mail::numbered(70));
    sandbox.fetch();
    for format in FORMATS {
        let done = export(&sandbox, 0, &sandbox.path(format!("out/{format}")), &["--format", format]);
        assert_eq!(figures(&done, ["exported", "there"]), [1, 6], "{format}: {done}");
    }
}

#[test]
fn an_export_killed_at_any_step_is_finished_by_the_next() {
    let Some(strace) = find_program("strace") else { return skip("strace is not installed") };
    let (_server, sandbox) = fetched(Mail::some(5));
    let calls = "link,linkat,unlink,unlinkat,rename,renameat,renameat2,fsync,fdatasync,syncfs,pwrite64";
    for format in FORMATS {
        for step in (1..80).step_by(2) {
            let to = sandbox.path(format!("out/{format}-{step}"));
            let mut command = Command::new(&strace);
            command.args(["-f", "-qq", "-o", "/dev/null", "-e"]).arg(format!("trace={calls}"));
            command.args(["-e", &format!("inject={calls}:signal=KILL:when={step}")]);
            command.arg(env!("CARGO_BIN_EXE_popkeep"));
            command.args(["export", "--format", format, "--to", to.to_str().unwrap()]);
            let killed = sandbox.command(command).into_command().output().unwrap();
            export(&sandbox, 0, &to, &["--format", format]);
            assert!(messages(&to, format) == archived(&sandbox), "{format}, step {step}");
            if killed.status.success() {
                assert!(step > 3, "it was killed at {step} steps only");
                break;
            }
        }
    }
}

#[test]
fn from_form_to_form_nothing_changes() {
    let (_server, sandbox) = fetched([Mail::some(10), awkward()].concat());
    let first = archived(&sandbox);
    let mbox = sandbox.path("a.mbox");
    export(&sandbox, 0, &mbox, &["--format", "mbox"]);
    let maildir = sandbox.path("maildir");
    export(&sandbox, 0, &maildir, &[]);
    let letters = sandbox.path("letters");
    export(&sandbox, 0, &letters, &["--format", "eml"]);
    assert!(messages(&maildir, "maildir") == first && messages(&letters, "eml") == first);
    // Each of them mends an archive in which every message is damaged.
    for copy in [&mbox, &maildir, &letters] {
        for file in stores::maildir_files(&sandbox.archive("work")) {
            fs::write(file, "").unwrap();
        }
        let arguments = ["verify", "--json", "--repair", "--from", copy.to_str().unwrap()];
        let found = sandbox.popkeep(arguments).run().expect(0).json();
        assert_eq!(found["accounts"][0]["repaired"], first.len(), "{found}");
        assert!(archived(&sandbox) == first, "{}", copy.display());
    }
}

#[test]
fn flags_and_dates_go_along() {
    let mail = Mail::new("1", "Date: Mon, 5 Jan 2026 10:00:00 +0000\r\nSubject: old\r\n\r\nx\r\n");
    let (_server, sandbox) = fetched(vec![mail, Mail::numbered(2)]);
    let file = stores::maildir_files(&sandbox.archive("work"))
        .into_iter()
        .find(|file| fs::read_to_string(file).unwrap().contains("old"))
        .unwrap();
    let name = file.file_name().unwrap().to_str().unwrap();
    fs::rename(&file, sandbox.archive("work").join("cur").join(format!("{name}:2,FRS"))).unwrap();
    let to = sandbox.path("out");
    export(&sandbox, 0, &to, &[]);
    let seen = stores::files(&to.join("cur"));
    assert_eq!((seen.len(), stores::files(&to.join("new")).len()), (1, 1));
    assert!(seen[0].to_str().unwrap().ends_with(":2,FRS"), "{seen:?}");
    let modified = fs::metadata(&seen[0]).unwrap().modified().unwrap();
    let seconds = modified.duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    assert_eq!(seconds, 1_767_607_200);
}

#[test]
fn names_are_readable_and_stay_in_the_folder() {
    let evil =
        "Date: Mon, 5 Jan 2026 10:00:00 +0000\r\nFrom: Jane Doe <j@x>\r\nSubject: ../../lunch\r\n\r\nx\r\n";
    let (_server, sandbox) = fetched([awkward(), vec![Mail::new("1", evil)]].concat());
    let before: Vec<PathBuf> = sandbox.snapshot().into_keys().collect();
    let to = sandbox.path("letters");
    export(&sandbox, 0, &to, &["--format", "eml"]);
    let names: Vec<String> = stores::files(&to)
        .iter()
        .map(|file| file.file_name().unwrap().to_str().unwrap().to_owned())
        .collect();
    assert_eq!(names.len(), 9, "{names:?}");
    assert!(
        names.iter().any(|name| name.starts_with("2026-01-05 Jane Doe - ") && name.contains("lunch")),
        "{names:?}"
    );
    let outside = sandbox.snapshot().into_keys().filter(|path| !before.contains(path));
    let outside: Vec<PathBuf> = outside
        .filter(|path| !path.starts_with(&to) && !path.to_string_lossy().contains("/.local/"))
        .collect();
    assert!(outside.is_empty(), "{outside:?}");
}

#[test]
fn a_query_selects_what_is_exported() {
    let from = |name: &str, uid: &str| {
        Mail::new(uid, format!("From: {name} <x@y>\r\nSubject: {uid}\r\n\r\nhello\r\n"))
    };
    let (_server, sandbox) = fetched(vec![from("Jane", "one"), from("Joe", "two"), from("Jane", "three")]);
    let to = sandbox.path("jane");
    let done = export(&sandbox, 0, &to, &["from:jane"]);
    assert_eq!(figures(&done, ["exported", "compared"]), [2, 2], "{done}");
    let done = export(&sandbox, 0, &to, &["hello", "NOT", "subject:one"]);
    assert_eq!(figures(&done, ["exported", "there"]), [1, 1], "{done}");
    assert!(messages(&to, "maildir") == archived(&sandbox));
    assert_eq!(figures(&export(&sandbox, 0, &sandbox.path("x"), &["nothing"]), ["exported"]), [0]);
    sandbox.popkeep(["export", "--to", "x", "from:"]).run().expect(64);
}

#[test]
fn mboxo_quotes_as_old_programs_do() {
    let (_server, sandbox) = fetched(awkward());
    let to = sandbox.path("old.mbox");
    let options = ["--format", "mbox", "--mbox-variant", "mboxo"];
    let done = export(&sandbox, 0, &to, &options);
    assert_eq!(figures(&done, ["exported", "compared", "ambiguous"]), [8, 8, 1], "{done}");
    let text = fs::read(&to).unwrap();
    let has = |line: &[u8]| text.windows(line.len()).any(|part| part == line);
    assert!(
        has(b"\n>From here\n>From there\n>>From nowhere\n"),
        "a line with a quote of its own stays as it is"
    );
    let done = export(&sandbox, 0, &to, &options);
    assert_eq!(figures(&done, ["exported", "there"]), [0, 8], "{done}");
}

#[test]
fn a_damaged_copy_is_not_exported() {
    let (_server, sandbox) = fetched(Mail::some(4));
    let files = stores::maildir_files(&sandbox.archive("work"));
    fs::write(&files[0], "Subject: something else\n\nx\n").unwrap();
    fs::remove_file(&files[1]).unwrap();
    fs::write(&files[2], [b"Status: RO\n", &fs::read(&files[2]).unwrap()[..]].concat()).unwrap();
    for format in FORMATS {
        let to = sandbox.path(format!("out/{format}"));
        for expected in [[2, 0, 1, 1], [0, 2, 1, 1]] {
            let done = export(&sandbox, 1, &to, &["--format", format]);
            assert_eq!(figures(&done, ["exported", "there", "gone", "failed"]), expected, "{format}: {done}");
        }
    }
}

#[test]
fn nothing_but_messages_and_never_into_an_archive() {
    let (server, sandbox) = fetched(Mail::some(2));
    let archive = sandbox.archive("work");
    for to in [archive.clone(), archive.join("cur"), archive.join("more")] {
        sandbox.popkeep(["export", "--to", to.to_str().unwrap()]).run().expect(64);
    }
    let to = sandbox.path("out");
    export(&sandbox, 0, &to, &[]);
    let mut names: Vec<PathBuf> = fs::read_dir(&to).unwrap().map(|entry| entry.unwrap().path()).collect();
    names.sort();
    assert_eq!(names, ["cur", "new", "tmp"].map(|name| to.join(name)));
    sandbox.popkeep(["export"]).run().expect(64);
    sandbox.popkeep(["export", "--to", "x", "-a", "nobody"]).run().expect(64);
    sandbox.configure([Account::on("work", &server), Account::on("other", &server).text("user", "joe")]);
    let done = export(&sandbox, 0, &sandbox.path("both"), &["-a", "other"]);
    assert_eq!(figures(&done, ["exported"]), [0], "an account that has nothing yet");
}

#[test]
fn python_reads_what_was_exported() {
    let Some(python) = find_program("python3") else { return skip("python3 is not installed") };
    let (_server, sandbox) = fetched([Mail::some(12), awkward()].concat());
    for (format, class) in [("maildir", "Maildir"), ("mbox", "mbox")] {
        let to = sandbox.path(format!("out/{format}"));
        export(&sandbox, 0, &to, &["--format", format]);
        let script = format!(
            "import mailbox, sys\nbox = mailbox.{class}(sys.argv[1], create=False)\n\
             print(len(box), sum(1 for message in box if message['subject']))"
        );
        let output = Command::new(&python).args(["-c", &script]).arg(&to).output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert_eq!(said.trim().split(' ').next(), Some("20"), "{format}: {output:?}");
    }
}

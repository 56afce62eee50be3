//! The command line: it asks nothing, runs nothing that stands in a program's file, shows no password, and without --write
//! writes nothing.

use super::{adopt, adopt_one};
use crate::support::{Sandbox, set_mode};

/// Settings of every program, with commands that would leave a trace, and a password.
fn everything() -> Sandbox {
    let sandbox = Sandbox::new();
    let trace = sandbox.path("trace");
    let trace = trace.display();
    let secret = "hush-hush";
    let files = [
        (
            ".fetchmailrc",
            format!(
                "poll a.example proto pop3 user joe password \"{secret}\" preconnect \"touch {trace}\" mda \"touch {trace}\"\n"
            ),
        ),
        (
            ".config/getmail/getmailrc",
            format!(
                "[retriever]\ntype = SimplePOP3SSLRetriever\nserver = b.example\nusername = joe\npassword_command = (\"touch\", \
                 \"{trace}\")\n[destination]\ntype = MDA_external\npath = /bin/cat\n"
            ),
        ),
        (
            ".mpoprc",
            format!("account c\nhost c.example\nuser joe\npasswordeval touch {trace}\neval touch {trace}\ndelivery mda touch {trace}\n"),
        ),
        (
            ".fdm.conf",
            format!(
                "$x = $(touch {trace})\naccount \"d\" pop3s server \"d.example\" user \"joe\" pass \"{secret}\"\n\
                 action \"a\" pipe \"touch {trace}\"\nmatch all action \"a\"\n"
            ),
        ),
        (".thunderbird/profiles.ini", "[Profile0]\nIsRelative=1\nPath=p\n".to_owned()),
        (
            ".thunderbird/p/prefs.js",
            "user_pref(\"mail.server.server1.type\", \"pop3\");\nuser_pref(\"mail.server.server1.hostname\", \"e.example\");\n\
             user_pref(\"mail.server.server1.userName\", \"joe\");\n"
                .to_owned(),
        ),
        (".claws-mail/accountrc", format!("[Account: 1]\nprotocol=0\nreceive_server=f.example\nuser_id=joe\npassword={secret}\n")),
        (".sylpheed-2.0/accountrc", format!("[Account: 1]\nprotocol=0\nreceive_server=g.example\nuser_id=joe\npassword={secret}\n")),
    ];
    for (file, text) in files {
        set_mode(sandbox.write(file, text), 0o600);
    }
    sandbox
}

const PROGRAMS: [&str; 7] = ["fetchmail", "getmail", "mpop", "fdm", "thunderbird", "claws", "sylpheed"];

#[test]
fn without_write_nothing_is_written() {
    let sandbox = everything();
    let before = sandbox.snapshot();
    let found = adopt(&sandbox, &[]);
    let programs: Vec<_> =
        found["found"].as_array().unwrap().iter().map(|one| one["program"].clone()).collect();
    assert_eq!(programs, PROGRAMS);
    for program in PROGRAMS {
        for more in [&[][..], &["--take-password"], &["--copy", "--seen", "skip"]] {
            let arguments = [&[program][..], more].concat();
            let shown = adopt_one(&sandbox, &arguments);
            assert_eq!(
                (&shown["written"], &shown["on_server"]),
                (&false.into(), &serde_json::Value::Null),
                "{program}"
            );
            let outcome = sandbox.popkeep(["adopt"].iter().chain(&arguments)).run().expect(0);
            assert!(
                !format!("{}{}{shown}", outcome.stdout, outcome.stderr).contains("hush-hush"),
                "{program}"
            );
        }
    }
    assert_eq!(sandbox.snapshot(), before, "nothing was written, and nothing run");
}

#[test]
fn what_is_not_taken_over_is_named_with_file_and_line() {
    let sandbox = everything();
    for (program, lines) in [("fetchmail", &[1][..]), ("getmail", &[7]), ("mpop", &[5, 6]), ("fdm", &[1, 3])]
    {
        let document = adopt(&sandbox, &[program]);
        let told: Vec<_> = document["not_taken"]
            .as_array()
            .unwrap()
            .iter()
            .map(|told| told["line"].as_u64().unwrap())
            .collect();
        for line in lines {
            assert!(told.contains(line), "{program}: {document}");
        }
    }
}

#[test]
fn a_password_goes_nowhere_unless_that_is_asked_for() {
    for (program, takes) in [("fetchmail", false), ("fetchmail", true), ("fdm", true), ("sylpheed", true)] {
        let sandbox = everything();
        let mut arguments = vec![program, "--account", "work", "--write"];
        arguments.extend(takes.then_some("--take-password"));
        adopt_one(&sandbox, &arguments);
        let config = std::fs::read_to_string(sandbox.config_file()).unwrap();
        assert!(!config.contains("hush-hush"));
        let file = sandbox.config_file().with_file_name("work.password");
        assert_eq!(file.exists(), takes, "{program}");
        if takes {
            use std::os::unix::fs::PermissionsExt as _;
            assert_eq!(std::fs::read_to_string(&file).unwrap(), "hush-hush\n");
            assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
            assert!(config.contains("password_file"));
        }
    }
}

#[test]
fn a_command_from_a_file_that_others_can_write_is_not_taken_over() {
    let sandbox = everything();
    let toml = |sandbox: &Sandbox| adopt_one(sandbox, &["mpop"])["toml"].as_str().unwrap().to_owned();
    assert!(toml(&sandbox).contains("password_command"));
    set_mode(sandbox.path(".mpoprc"), 0o622);
    assert!(!toml(&sandbox).contains("password_command"));
}

#[test]
fn where_a_program_deletes_by_default_popkeep_does_not() {
    let sandbox = everything();
    for program in ["fetchmail", "mpop", "fdm", "sylpheed"] {
        let shown = adopt_one(&sandbox, &[program]);
        assert!(shown["toml"].as_str().unwrap().contains("delete = \"never\""), "{shown}");
        let warnings = shown["warnings"].to_string();
        assert!(warnings.contains("deletes from the server"), "{warnings}");
    }
}

#[test]
fn a_wrong_command_line_is_a_usage_error() {
    let sandbox = Sandbox::new();
    for arguments in [
        &["adopt", "mpop"][..],
        &["adopt", "mpop", "path"],
        &["adopt", "nonsense"],
        &["adopt", "--write"],
        &["adopt", "--undo", "work"],
        &["adopt", "archive"],
    ] {
        sandbox.popkeep(arguments).run().expect(64);
    }
    sandbox.popkeep(["adopt"]).run().expect(0);
    sandbox.popkeep(["adopt", "mpop", "--state", "/nowhere"]).run().expect(74).one_line(&["/nowhere"]);
}

#[test]
fn a_list_alone_makes_an_account() {
    let sandbox = Sandbox::new();
    let list = sandbox.write("ids", "joe@pop.example.com 1\njoe@pop.example.com 2\njane@pop.example.com 3\n");
    let document = adopt(&sandbox, &["fetchmail", "--state", list.to_str().unwrap()]);
    let accounts = document["accounts"].as_array().unwrap();
    assert_eq!(accounts.len(), 2);
    assert_eq!((&accounts[0]["in_list"], &accounts[1]["in_list"]), (&2.into(), &1.into()));
    assert_ne!(accounts[0]["name"], accounts[1]["name"]);
}

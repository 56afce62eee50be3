//! Other programs fetch from `serve`: ordinary mail exactly, awkward mail as each of them stores it from Dovecot.

use super::{Serving, crlf, stored};
use crate::awkward_mail::thirty_five;
use crate::support::dovecot::Dovecot;
use crate::support::mail::{assert_same_mail, shown};
use crate::support::maildrop::PASSWORD;
use crate::support::{Mail, Sandbox, find_program, set_mode, skip, stores};
use std::fs;
use std::path::Path;
use std::process::Command;

/// What a run of a program may take, in seconds.
const LIMIT: &str = "150";

/// Runs of getmail. It starts a process for each message and sets up only then how it learns of that process's end; a process
/// that is quicker ends the run, with any server. The next run goes on, with what may be a second copy.
const ATTEMPTS: usize = 60;

/// Where a program fetches from.
struct Login<'l> {
    port: u16,
    password: &'l str,
    messages: usize,
}

/// A program, and how it is made to fetch all of the mail of the user `work` into `into`, most of them into a Maildir.
struct Fetcher {
    program: &'static str,
    /// Its settings: the file and its text.
    settings: fn(&Login, &Path) -> (&'static str, String),
    arguments: fn(&Login, &Path) -> Vec<String>,
    /// It refuses to work for root.
    unprivileged: bool,
    /// It wants a terminal.
    at_terminal: bool,
    /// Starts of the header lines that it adds.
    adds: &'static [&'static str],
    /// It stores messages with longer lines as it happens to, from any server: not the same twice.
    longest_line: usize,
}

const NONE: fn(&Login, &Path) -> (&'static str, String) = |_, _| ("settings", String::new());

const CURL: Fetcher = Fetcher {
    program: "curl",
    settings: NONE,
    arguments: |login, into| {
        let url = format!("pop3://127.0.0.1:{}/[1-{}]", login.port, login.messages);
        let user = format!("work:{}", login.password);
        vec!["-sS".into(), "-u".into(), user, "-o".into(), format!("{}/new/#1", into.display()), url]
    },
    unprivileged: false,
    at_terminal: false,
    adds: &[],
    longest_line: usize::MAX,
};

const POPLIB: Fetcher = Fetcher {
    program: "python3",
    settings: NONE,
    arguments: |login, into| {
        let script = "import poplib, sys\npoplib._MAXLINE = 10**7\nbox = poplib.POP3('127.0.0.1', int(sys.argv[1]), timeout=30)\n\
                      box.user('work'); box.pass_(sys.argv[2])\nfor n in range(1, box.stat()[0] + 1):\n\
                      \x20   open(f'{sys.argv[3]}/new/{n}', 'wb').write(b''.join(line + b'\\r\\n' for line in box.retr(n)[1]))\n\
                      box.quit()";
        vec![
            "-c".into(),
            script.into(),
            login.port.to_string(),
            login.password.into(),
            into.display().to_string(),
        ]
    },
    unprivileged: false,
    at_terminal: false,
    adds: &[],
    longest_line: usize::MAX,
};

const MPOP: Fetcher = Fetcher {
    program: "mpop",
    settings: |login, into| {
        let settings = format!(
            "account work\nhost 127.0.0.1\nport {}\ntls off\nauth user\nuser work\npassword {}\nkeep on\nreceived_header off\n\
             delivery maildir {}\n",
            login.port,
            login.password,
            into.display()
        );
        (".mpoprc", settings)
    },
    arguments: |_, _| vec!["-q".into(), "work".into()],
    unprivileged: false,
    at_terminal: false,
    adds: &[],
    longest_line: usize::MAX,
};

const FETCHMAIL: Fetcher = Fetcher {
    program: "fetchmail",
    settings: |login, into| {
        let settings = format!(
            "set no bouncemail\npoll 127.0.0.1 protocol pop3 port {} auth password user work password \"{}\" keep sslproto '' \
             no rewrite mda \"cat > {}/new/$$\"\n",
            login.port,
            login.password,
            into.display()
        );
        (".fetchmailrc", settings)
    },
    arguments: |_, into| {
        let lock = into.join("pid").display().to_string();
        ["--nodetach", "--nosyslog", "--invisible", "--pidfile", &lock].map(str::to_owned).to_vec()
    },
    unprivileged: false,
    at_terminal: false,
    adds: &["X-Envelope-", "Return-Path"],
    longest_line: 8000,
};

const GETMAIL: Fetcher = Fetcher {
    program: "getmail",
    settings: |login, into| {
        let settings = format!(
            "[retriever]\ntype = SimplePOP3Retriever\nserver = 127.0.0.1\nport = {}\nusername = work\npassword = {}\ntimeout = 3\n\
             [destination]\ntype = Maildir\npath = {}/\n[options]\nread_all = false\ndelivered_to = false\nreceived = false\n",
            login.port,
            login.password,
            into.display()
        );
        (".config/getmail/getmailrc", settings)
    },
    arguments: |_, _| vec!["--quiet".into()],
    unprivileged: true,
    at_terminal: false,
    adds: &["Return-Path: <unknown>"],
    longest_line: usize::MAX,
};

const FDM: Fetcher = Fetcher {
    program: "fdm",
    settings: |login, into| {
        let settings = format!(
            "set lock-file \"{}/lock\"\nset maximum-size 1G\nset no-received\naccount \"work\" pop3 server \"127.0.0.1\" port {} \
             user \"work\" pass \"{}\" no-apop insecure keep\naction \"inbox\" maildir \"{}\"\nmatch all action \"inbox\"\n",
            into.display(),
            login.port,
            login.password,
            into.display()
        );
        (".fdm.conf", settings)
    },
    arguments: |_, into| {
        let settings = into.with_file_name(".fdm.conf");
        vec!["-q".into(), "-f".into(), settings.display().to_string(), "fetch".into()]
    },
    unprivileged: true,
    at_terminal: false,
    adds: &[],
    longest_line: usize::MAX,
};

/// Opens the maildrop as a mailbox, tags all and copies them.
const MUTT: Fetcher = Fetcher {
    program: "mutt",
    settings: |login, into| {
        let place = into.display();
        let settings = format!(
            "set pop_user=work pop_pass=\"{}\" pop_authenticators=user pop_delete=no pop_checkinterval=3600\n\
             set ssl_force_tls=no ssl_starttls=no folder=\"{place}\" confirmappend=no mbox_type=Maildir\n\
             set quit=yes wait_key=no header_cache=\"\" move=no\n\
             push '<tag-pattern>~A<enter><tag-prefix><copy-message><kill-line>{place}<enter><exit>'\n",
            login.password
        );
        (".muttrc", settings)
    },
    arguments: |login, _| vec!["-n".into(), "-f".into(), format!("pop://127.0.0.1:{}/", login.port)],
    unprivileged: false,
    at_terminal: true,
    adds: &["Content-Length: ", "Lines: "],
    longest_line: usize::MAX,
};

fn give(sandbox: &Sandbox, whom: &str) {
    let given = Command::new("chown").args(["-R", whom]).arg(sandbox.path("")).status().unwrap();
    assert!(given.success());
}

impl Fetcher {
    /// What it stores of the mail there, without the header lines that it adds.
    fn fetch(&self, login: &Login) -> Vec<Vec<u8>> {
        let sandbox = Sandbox::new();
        let into = sandbox.path("fetched");
        for folder in ["new", "cur", "tmp"] {
            fs::create_dir_all(into.join(folder)).unwrap();
        }
        let (file, text) = (self.settings)(login, &into);
        set_mode(sandbox.write(file, text), 0o600);
        let mut said = String::new();
        for _ in 0..if self.program == "getmail" { ATTEMPTS } else { 1 } {
            match self.run(&sandbox, &(self.arguments)(login, &into)) {
                Ok(()) => {
                    let mut messages: Vec<_> =
                        stores::maildir(&into).iter().map(|message| self.without_added(message)).collect();
                    if self.program == "getmail" {
                        messages.sort();
                        messages.dedup();
                    }
                    return messages;
                }
                Err(text) => said = text,
            }
        }
        panic!("{}: {said}", self.program)
    }

    fn run(&self, sandbox: &Sandbox, arguments: &[String]) -> Result<(), String> {
        if self.at_terminal {
            let mut command = Command::new(self.program);
            command.args(arguments);
            let ended = sandbox.command(command).on_terminal(100, 30).finish();
            return if ended.code == Some(0) { Ok(()) } else { Err(ended.screen) };
        }
        let is_other = self.unprivileged && rustix::process::getuid().is_root();
        let mut command = Command::new("timeout");
        command.arg(LIMIT);
        if is_other {
            set_mode(sandbox.path(""), 0o755);
            give(sandbox, "games:games");
            command.args(["setpriv", "--reuid=games", "--regid=games", "--clear-groups", "--"]);
        }
        command.arg(self.program).args(arguments);
        let outcome = sandbox.command(command).run();
        if is_other {
            give(sandbox, "root:root");
        }
        if outcome.code == Some(0) { Ok(()) } else { Err(format!("{outcome:?}")) }
    }

    fn without_added(&self, message: &[u8]) -> Vec<u8> {
        let mut in_header = true;
        let lines = message.split_inclusive(|octet| *octet == b'\n');
        let kept = lines.filter(|line| {
            in_header &= *line != b"\n";
            !in_header || !self.adds.iter().any(|start| line.starts_with(start.as_bytes()))
        });
        kept.flatten().copied().collect()
    }
}

/// Ordinary mail and the thirty-five on a Dovecot, and an archive of it.
fn both() -> Option<(Dovecot, Sandbox, usize)> {
    let dovecot = Dovecot::start(&["work"])?;
    for (name, octets) in thirty_five() {
        dovecot.deliver("work", name, &octets);
    }
    for number in 1..=ORDINARY {
        dovecot.deliver("work", &format!("ordinary-{number}"), &Mail::numbered(number).stored());
    }
    let sandbox = Sandbox::with([dovecot.clear_text("work", "work")]);
    assert_eq!(sandbox.fetch()["fetched"], 35 + ORDINARY);
    Some((dovecot, sandbox, 35 + ORDINARY))
}

const ORDINARY: usize = 200;

/// It stores the same from `serve` as from Dovecot, and ordinary mail exactly; with `exact` all of it, as it came over the
/// wire.
fn stores_the_same(fetcher: &Fetcher, exact: bool) {
    if find_program(fetcher.program).is_none() {
        return skip(&format!("{} is not installed", fetcher.program));
    }
    let Some((dovecot, sandbox, messages)) = both() else { return };
    let serving = Serving::start(&sandbox, &["work"]);
    let found = fetcher.fetch(&Login { port: serving.port, password: &serving.password, messages });
    let theirs = fetcher.fetch(&Login { port: dovecot.port(), password: PASSWORD, messages });
    let comparable = |messages: &[Vec<u8>]| {
        let is_short = |message: &&Vec<u8>| {
            message.split(|octet| *octet == b'\n').all(|line| line.len() <= fetcher.longest_line)
        };
        messages.iter().filter(is_short).cloned().collect::<Vec<_>>()
    };
    assert_eq!(found.len(), theirs.len(), "{}", fetcher.program);
    assert_same_mail(comparable(&found), comparable(&theirs));
    for number in 1..=ORDINARY {
        let (kept, wire) = (Mail::numbered(number).stored(), Mail::numbered(number).wire);
        let is_there = found.contains(&kept) || found.contains(&wire);
        assert!(is_there, "{}: ordinary {number}, {}", fetcher.program, shown(&found[0]));
    }
    if exact {
        assert_same_mail(found, stored(&sandbox, "maildir").iter().map(|message| crlf(message)).collect());
    }
}

#[test]
fn curl_gets_every_octet() {
    stores_the_same(&CURL, true);
}

#[test]
fn poplib_gets_the_same_as_from_dovecot() {
    stores_the_same(&POPLIB, false);
}

#[test]
fn mpop_stores_the_same_as_from_dovecot() {
    stores_the_same(&MPOP, false);
}

#[test]
fn fetchmail_stores_the_same_as_from_dovecot() {
    stores_the_same(&FETCHMAIL, false);
}

#[test]
fn getmail_stores_the_same_as_from_dovecot() {
    stores_the_same(&GETMAIL, false);
}

#[test]
fn fdm_stores_the_same_as_from_dovecot() {
    stores_the_same(&FDM, false);
}

#[test]
fn mutt_stores_the_same_as_from_dovecot() {
    stores_the_same(&MUTT, false);
}

#[test]
fn popkeep_fetches_the_thirty_five_octet_for_octet() {
    for format in ["maildir", "mbox"] {
        let Some(dovecot) = Dovecot::start(&["work"]) else { return };
        for (name, octets) in thirty_five() {
            dovecot.deliver("work", name, &octets);
        }
        let sandbox = Sandbox::with([dovecot.clear_text("work", "work").text("format", format)]);
        sandbox.popkeep(["fetch", "--quiet"]).run().expect(0).silent();
        let serving = Serving::start(&sandbox, &[]);
        let other = Sandbox::with([serving.account("back", "work")]);
        assert_eq!(other.fetch()["fetched"], 35, "{format}");
        assert_same_mail(other.maildir("back"), stored(&sandbox, format));
    }
}

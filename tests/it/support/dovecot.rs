//! Debian's Dovecot on loopback ports of its own, with certificates and mail of the test.
//!
//! Works as root (the mail then belongs to the system's `mail` user) and as any other user (Dovecot
//! then runs wholly as that user). The server ends with the test.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::certificates::Authority;
use super::dovecot_auth::Mechanisms;
use super::maildrop::PASSWORD;
use super::{Account, find_program, set_mode, stores};

/// How long Dovecot may take to start or to stop.
const LIMIT: Duration = Duration::from_secs(20);

/// A running Dovecot.
pub(crate) struct Dovecot {
    folder: tempfile::TempDir,
    /// Clear text, and STLS.
    port: u16,
    /// Implicit TLS.
    tls_port: u16,
    /// IMAP if that was asked for: clear text and STARTTLS, and implicit TLS.
    imap_ports: Option<(u16, u16)>,
    mail_user: MailUser,
    master: Child,
}

/// Who owns the mail on the server.
struct MailUser {
    uid: u32,
    gid: u32,
    /// Dovecot's settings when all of it runs as this user.
    unprivileged: Option<(String, String)>,
}

impl Dovecot {
    /// Starts a server with these users (all with the tests' password), or says why not.
    pub(crate) fn start(users: &[&str]) -> Option<Dovecot> {
        Dovecot::start_with(users, Mechanisms::Plain)
    }

    /// The same, with IMAP beside POP3.
    pub(crate) fn start_with_imap(users: &[&str]) -> Option<Dovecot> {
        Dovecot::start_imap_with(users, Mechanisms::Plain)
    }

    /// The same, with IMAP and with these ways to log in.
    pub(crate) fn start_imap_with(users: &[&str], mechanisms: Mechanisms) -> Option<Dovecot> {
        if !Path::new("/usr/lib/dovecot/imap").exists() {
            super::skip("Dovecot has no IMAP here: apt-get install dovecot-imapd");
            return None;
        }
        Dovecot::start_as(users, mechanisms, true)
    }

    /// The same, with these ways to log in.
    pub(crate) fn start_with(users: &[&str], mechanisms: Mechanisms) -> Option<Dovecot> {
        Dovecot::start_as(users, mechanisms, false)
    }

    fn start_as(users: &[&str], mechanisms: Mechanisms, imap: bool) -> Option<Dovecot> {
        let Some(program) = find_program("dovecot") else {
            super::skip("Dovecot is not installed: apt-get install dovecot-core dovecot-pop3d");
            return None;
        };
        // Ports are found by binding to 0; somebody else may take one before Dovecot does.
        for _ in 0..5 {
            if let Some(dovecot) = Dovecot::try_start(&program, users, mechanisms, imap) {
                return Some(dovecot);
            }
        }
        panic!("Dovecot did not start in five attempts");
    }

    fn try_start(program: &Path, users: &[&str], mechanisms: Mechanisms, imap: bool) -> Option<Dovecot> {
        let folder = tempfile::Builder::new().prefix("pk-dovecot-").tempdir().unwrap();
        set_mode(folder.path(), 0o755);
        let authority = Authority::new();
        let leaf = authority.good();
        let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
        write("ca.pem", &authority.pem());
        write("server.pem", &leaf.certificate);
        write("server.key", &leaf.key);
        let entries: String =
            users.iter().map(|user| format!("{user}:{{PLAIN}}{PASSWORD}::::::\n")).collect();
        write("users", &entries);
        let mail_user = MailUser::find();
        let (port, tls_port) = two_free_ports();
        let imap_ports = imap.then(two_free_ports);
        let auth = mechanisms.prepare(folder.path(), &authority, users);
        write("dovecot.conf", &configuration(folder.path(), &mail_user, (port, tls_port, imap_ports), &auth));
        if imap {
            // Its processes may not make a user's folder below ours.
            for made in [&["mail"][..], users].concat() {
                let path = if made == "mail" {
                    folder.path().join(made)
                } else {
                    folder.path().join("mail").join(made)
                };
                std::fs::create_dir_all(&path).unwrap();
                std::os::unix::fs::chown(&path, Some(mail_user.uid), Some(mail_user.gid)).unwrap();
            }
        }
        let log = std::fs::File::create(folder.path().join("start.log")).unwrap();
        let master = Command::new(program)
            .arg("-F")
            .arg("-c")
            .arg(folder.path().join("dovecot.conf"))
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        let mut dovecot = Dovecot { folder, port, tls_port, imap_ports, mail_user, master };
        let deadline = Instant::now() + LIMIT;
        while Instant::now() < deadline {
            if dovecot.greets() {
                return Some(dovecot);
            }
            if dovecot.master.try_wait().unwrap().is_some() {
                eprintln!("Dovecot ended at once:\n{}", dovecot.log());
                return None;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        eprintln!("Dovecot does not answer:\n{}", dovecot.log());
        None
    }

    fn greets(&self) -> bool {
        let Ok(stream) = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)) else { return false };
        stream.set_read_timeout(Some(LIMIT)).unwrap();
        let mut greeting = String::new();
        // Another test's server may have taken the port, and would greet, too.
        BufReader::new(stream).read_line(&mut greeting).is_ok() && greeting.starts_with("+OK Dovecot")
    }

    fn log(&self) -> String {
        ["start.log", "log"]
            .map(|name| std::fs::read_to_string(self.folder.path().join(name)).unwrap_or_default())
            .concat()
    }

    /// The certificate of who signed the server's.
    pub(crate) fn ca_file(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    /// A user's client certificate and its key, where every mechanism is on.
    pub(crate) fn client_files(&self, user: &str) -> (PathBuf, PathBuf) {
        let clients = self.folder.path().join("clients");
        (clients.join(format!("{user}.pem")), clients.join(format!("{user}.key")))
    }

    /// The port for clear text and STLS.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// The port for implicit TLS.
    pub(crate) fn tls_port(&self) -> u16 {
        self.tls_port
    }

    /// The ports of IMAP: for clear text and STARTTLS, and for implicit TLS.
    pub(crate) fn imap_ports(&self) -> (u16, u16) {
        self.imap_ports.expect("a server that was started with IMAP")
    }

    /// A destination of this name: a folder of this user's.
    pub(crate) fn destination(&self, name: &str, user: &str, folder: &str) -> String {
        let (port, ca_file) = (self.imap_ports().1, self.ca_file());
        format!(
            "[destinations.{name}]\nurl = 'imaps://{user}@localhost:{port}/{folder}'\npassword = \"{PASSWORD}\"\n\
             tls_ca_file = \"{}\"\n",
            ca_file.display()
        )
    }

    /// The files of a user's folder (its name in modified UTF-7, with dots between its levels), INBOX if it is empty.
    pub(crate) fn folder(&self, user: &str, folder: &str) -> Vec<PathBuf> {
        let mail = self.folder.path().join("mail").join(user);
        stores::maildir_files(&if folder.is_empty() { mail } else { mail.join(format!(".{folder}")) })
    }

    /// An account in clear text on this machine.
    pub(crate) fn clear_text(&self, name: &str, user: &str) -> Account {
        self.stls(name, user).text("tls", "none")
    }

    /// An account over implicit TLS.
    pub(crate) fn implicit_tls(&self, name: &str, user: &str) -> Account {
        Account::new(name)
            .text("user", user)
            .text("host", "localhost")
            .key("port", self.tls_port)
            .text("tls_ca_file", self.ca_file().to_str().unwrap())
    }

    /// An account over STLS.
    pub(crate) fn stls(&self, name: &str, user: &str) -> Account {
        self.implicit_tls(name, user).key("port", self.port).text("tls", "starttls")
    }

    /// Puts a message into a user's maildrop, as a file with exactly these octets.
    pub(crate) fn deliver(&self, user: &str, name: &str, octets: &[u8]) {
        let maildir = self.folder.path().join("mail").join(user);
        for folder in ["tmp", "new", "cur"] {
            if !maildir.join(folder).is_dir() {
                std::fs::create_dir_all(maildir.join(folder)).unwrap();
                for made in [self.folder.path().join("mail"), maildir.clone(), maildir.join(folder)] {
                    self.give_away(&made);
                }
            }
        }
        let draft = maildir.join("tmp").join(name);
        std::fs::write(&draft, octets).unwrap();
        self.give_away(&draft);
        std::fs::rename(&draft, maildir.join("new").join(name)).unwrap();
    }

    /// What is in a user's maildrop on the server's disk, as files.
    pub(crate) fn left(&self, user: &str) -> usize {
        let maildir = self.folder.path().join("mail").join(user);
        stores::files(&maildir.join("new")).len() + stores::files(&maildir.join("cur")).len()
    }

    /// What RETR brings for each message, unstuffed, by a client that only this test uses.
    pub(crate) fn retrieved(&self, user: &str) -> Vec<Vec<u8>> {
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).unwrap();
        stream.set_read_timeout(Some(Duration::from_mins(1))).unwrap();
        let mut server = BufReader::new(stream);
        let status = |server: &mut BufReader<TcpStream>, command: &str| {
            server.get_mut().write_all(command.as_bytes()).unwrap();
            let mut reply = String::new();
            server.read_line(&mut reply).unwrap();
            assert!(reply.starts_with("+OK"), "{command:?} was answered {reply:?}");
            reply
        };
        status(&mut server, "");
        status(&mut server, &format!("USER {user}\r\n"));
        status(&mut server, &format!("PASS {PASSWORD}\r\n"));
        let stat = status(&mut server, "STAT\r\n");
        let count: usize = stat.split(' ').nth(1).unwrap().parse().unwrap();
        let mut bodies = Vec::new();
        for number in 1..=count {
            status(&mut server, &format!("RETR {number}\r\n"));
            let mut body: Vec<u8> = Vec::new();
            loop {
                let at_line_start = body.is_empty() || body.ends_with(b"\r\n");
                let mut line = Vec::new();
                server.read_until(b'\n', &mut line).unwrap();
                assert!(!line.is_empty(), "Dovecot closed in message {number}");
                match line.strip_prefix(b".") {
                    Some(b"\r\n") if at_line_start => break,
                    Some(rest) if at_line_start => body.extend_from_slice(rest),
                    _ => body.extend_from_slice(&line),
                }
            }
            bodies.push(body);
        }
        server.get_mut().write_all(b"RSET\r\nQUIT\r\n").unwrap();
        let _ = server.read_to_end(&mut Vec::new());
        bodies
    }

    fn give_away(&self, path: &Path) {
        std::os::unix::fs::chown(path, Some(self.mail_user.uid), Some(self.mail_user.gid)).unwrap();
    }
}

impl Drop for Dovecot {
    fn drop(&mut self) {
        // TERM lets the master end its children; KILL would leave them behind.
        let process = rustix::process::Pid::from_child(&self.master);
        let _ = rustix::process::kill_process(process, rustix::process::Signal::TERM);
        let deadline = Instant::now() + LIMIT;
        while Instant::now() < deadline && matches!(self.master.try_wait(), Ok(None)) {
            std::thread::sleep(Duration::from_millis(10));
        }
        let _ = self.master.kill();
        let _ = self.master.wait();
        if std::thread::panicking() {
            eprintln!("-- Dovecot's log\n{}", self.log());
        }
    }
}

impl MailUser {
    fn find() -> MailUser {
        let (uid, gid) = (rustix::process::getuid().as_raw(), rustix::process::getgid().as_raw());
        if uid != 0 {
            let word = |flag: &str| {
                let output = Command::new("id").arg(flag).output().unwrap();
                String::from_utf8(output.stdout).unwrap().trim().to_owned()
            };
            return MailUser { uid, gid, unprivileged: Some((word("-un"), word("-gn"))) };
        }
        // Dovecot refuses to read mail as root.
        let accounts = std::fs::read_to_string("/etc/passwd").unwrap();
        let entry = |name: &str| {
            let line = accounts.lines().find(|line| line.starts_with(&format!("{name}:")))?;
            let mut fields = line.split(':').skip(2).map(|field| field.parse().ok());
            Some(MailUser { uid: fields.next()??, gid: fields.next()??, unprivileged: None })
        };
        entry("mail").or_else(|| entry("nobody")).expect("a user `mail` or `nobody`")
    }
}

fn two_free_ports() -> (u16, u16) {
    let bind = || TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let (first, second) = (bind(), bind());
    (first.local_addr().unwrap().port(), second.local_addr().unwrap().port())
}

fn configuration(
    folder: &Path,
    mail_user: &MailUser,
    (port, tls_port, imap_ports): (u16, u16, Option<(u16, u16)>),
    auth: &str,
) -> String {
    let folder = folder.display();
    let MailUser { uid, gid, unprivileged } = mail_user;
    let (everything, chroot) = match unprivileged {
        None => (String::new(), ""),
        Some((user, group)) => (
            format!(
                "default_internal_user = {user}\ndefault_internal_group = {group}\ndefault_login_user = {user}\n"
            ),
            "chroot =",
        ),
    };
    let imap = imap_ports.map_or_else(String::new, |(port, tls_port)| {
        format!(
            "service imap-login {{\n  {chroot}\n  inet_listener imap {{\n    port = {port}\n  }}\n  \
             inet_listener imaps {{\n    port = {tls_port}\n    ssl = yes\n  }}\n}}\n"
        )
    });
    let protocols = if imap_ports.is_some() { "pop3 imap" } else { "pop3" };
    format!(
        "\
base_dir = {folder}/run
state_dir = {folder}/state
instance_name = popkeep-test
log_path = {folder}/log
protocols = {protocols}
listen = 127.0.0.1
ssl = yes
ssl_cert = <{folder}/server.pem
ssl_key = <{folder}/server.key
disable_plaintext_auth = no
auth_failure_delay = 0
first_valid_uid = 1
{everything}
{auth}userdb {{
  driver = static
  args = uid={uid} gid={gid} home={folder}/mail/%u
}}
mail_location = maildir:{folder}/mail/%u
mail_fsync = never
{imap}service anvil {{
  {chroot}
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
service pop3-login {{
  {chroot}
  inet_listener pop3 {{
    port = {port}
  }}
  inet_listener pop3s {{
    port = {tls_port}
    ssl = yes
  }}
}}
"
    )
}

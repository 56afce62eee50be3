//! What is archived is served to any mail program, by POP3, and nothing can be changed.
//!
//! | the rule | its tests |
//! | --- | --- |
//! | the seed's session is answered in its form; only DELE is refused | [`the_seeds_session_is_answered_in_its_form`], [`nothing_can_be_deleted`] |
//! | every message, octet for octet, from both formats | [`popkeep_fetches_what_was_archived_octet_for_octet`], [`serve::clients::popkeep_fetches_the_thirty_five_octet_for_octet`], [`serve::clients::curl_gets_every_octet`] |
//! | other programs store the same as from Dovecot, and ordinary mail exactly | [`serve::clients::poplib_gets_the_same_as_from_dovecot`], [`serve::clients::mpop_stores_the_same_as_from_dovecot`], [`serve::clients::fetchmail_stores_the_same_as_from_dovecot`], [`serve::clients::getmail_stores_the_same_as_from_dovecot`], [`serve::clients::fdm_stores_the_same_as_from_dovecot`], [`serve::clients::mutt_stores_the_same_as_from_dovecot`] |
//! | sizes are exact, unique-ids for ever | [`unique_ids_stay_and_sizes_are_exact`] |
//! | the top of a message costs no more than that | [`the_top_of_a_large_message_costs_no_more_than_its_top`] |
//! | what is removed is not listed, what is damaged not given | [`removed_mail_is_not_listed_and_damaged_mail_not_given`] |
//! | a fetch may run meanwhile, many sessions at once | [`two_sessions_at_once_while_a_fetch_runs`] |
//! | no clear text to other machines | [`other_machines_only_under_tls`], [`tls_from_the_start_and_by_stls`] |
//! | passwords: refused slowly, never printed if they are the user's | [`a_wrong_password_is_refused_slowly`], [`a_password_of_ones_own`] |
//! | hostile clients | [`serve::hostile::commands_in_any_order_and_nonsense_are_refused`], [`serve::hostile::garbage_sent_ahead_is_answered_line_by_line`], [`serve::hostile::a_line_without_an_end_takes_no_memory`], [`serve::hostile::a_flood_of_commands_is_answered_in_order`], [`serve::hostile::clients_that_send_and_do_not_read_hold_only_their_own_session`], [`serve::hostile::a_client_that_has_closed_its_side_gets_all_answers`], [`serve::hostile::a_thousand_connections_keep_nobody_out_and_take_few_threads`], [`serve::hostile::who_is_logged_in_does_not_have_to_make_room`], [`serve::hostile::clients_that_go_in_the_middle_leave_nothing_behind`] |
//! | it ends with the signal's code | [`a_signal_ends_it`] |

mod clients;
mod hostile;

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::support::certificates::Authority;
use crate::support::mail::{assert_same_mail, of_size, to_wire};
use crate::support::{Account, Mail, PopServer, Sandbox, stores};

/// A running `popkeep serve`; ended when dropped.
struct Serving {
    child: Child,
    said: String,
    port: u16,
    password: String,
}

impl Serving {
    #[track_caller]
    fn start(sandbox: &Sandbox, arguments: &[&str]) -> Serving {
        let all = ["serve", "--listen", "127.0.0.1:0"].iter().chain(arguments);
        let mut command = sandbox.popkeep(all).into_command();
        let mut child =
            command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::inherit()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap());
        let mut said = String::new();
        while !said.contains("\nLet your mail program") {
            assert!(lines.read_line(&mut said).unwrap() > 0, "it ended: {said}");
        }
        let value = |key: &str| {
            let line = said.lines().find_map(|line| line.strip_prefix(key));
            line.map(|value| value.trim().to_owned()).unwrap_or_default()
        };
        let (port, password) = (value("port:").parse().unwrap(), value("password:"));
        Serving { child, said, port, password }
    }

    fn connect(&self) -> Client {
        Client::of(TcpStream::connect(("127.0.0.1", self.port)).unwrap())
    }

    #[track_caller]
    fn log_in(&self, user: &str) -> Client {
        let mut client = self.connect();
        client.line();
        client.ask(&format!("USER {user}"));
        let answer = client.ask(&format!("PASS {}", self.password));
        assert!(answer.starts_with("+OK"), "{answer}");
        client
    }

    /// A configuration of an account that fetches from here.
    fn account(&self, name: &str, user: &str) -> Account {
        Account::new(name)
            .loopback(self.port)
            .text("tls", "none")
            .text("user", user)
            .text("password", &self.password)
    }

    fn signal(&self, name: &str) {
        let status = Command::new("kill").arg(format!("-{name}")).arg(self.child.id().to_string()).status();
        assert!(status.unwrap().success());
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A client that types.
struct Client(BufReader<TcpStream>);

impl Client {
    fn of(stream: TcpStream) -> Client {
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        Client(BufReader::new(stream))
    }

    fn send(&mut self, octets: &[u8]) {
        self.0.get_mut().write_all(octets).unwrap();
    }

    /// The next line, without its end; empty at the end of the connection.
    fn line(&mut self) -> String {
        let mut line = Vec::new();
        self.0.read_until(b'\n', &mut line).unwrap_or(0);
        String::from_utf8_lossy(&line).trim_end_matches(['\r', '\n']).to_owned()
    }

    fn ask(&mut self, command: &str) -> String {
        self.send(format!("{command}\r\n").as_bytes());
        self.line()
    }

    /// The lines of a listing that follow its status.
    fn listing(&mut self, command: &str) -> Vec<String> {
        let status = self.ask(command);
        assert!(status.starts_with("+OK"), "{command}: {status}");
        std::iter::repeat_with(|| self.line()).take_while(|line| line != ".").collect()
    }

    /// A message, its dots unstuffed.
    fn message(&mut self, command: &str) -> Vec<u8> {
        let status = self.ask(command);
        assert!(status.starts_with("+OK"), "{command}: {status}");
        let (mut message, mut at_start) = (Vec::new(), true);
        loop {
            let mut line = Vec::new();
            assert!(self.0.read_until(b'\n', &mut line).unwrap() > 0, "{command}: cut off");
            if at_start && line == b".\r\n" {
                return message;
            }
            message.extend_from_slice(if at_start && line[0] == b'.' { &line[1..] } else { &line });
            at_start = line.ends_with(b"\r\n");
        }
    }
}

fn awkward() -> Vec<Mail> {
    let texts: [Vec<u8>; 12] = [
        b"Subject: quoted\n\nFrom here\n>From there\n>>From nowhere\n".to_vec(),
        b"Subject: without an end\n\nno line end".to_vec(),
        b"\nno header\n".to_vec(),
        b"Subject: nothing\n\n".to_vec(),
        b"Subject: no body".to_vec(),
        b"\n".to_vec(),
        b"Subject: octets\n\n\x00\xff\x80 \rbare\n\r\r\nend\r".to_vec(),
        "From: Jäne <j@x>\nSubject: Grüße\n\n日本\n".as_bytes().to_vec(),
        b".\n\n..\n.\n\n.a\n".to_vec(),
        [b"Subject: long line\n\n".as_slice(), &vec![b'x'; 100_000], b"\n"].concat(),
        [
            b"Subject: three megabytes\n\n".as_slice(),
            &b".dotted line of a message that is large\n".repeat(80_000),
        ]
        .concat(),
        b"Subject: blank lines at the end\n\nx\n\n\n\n".to_vec(),
    ];
    texts.iter().enumerate().map(|(at, text)| Mail::new(&format!("awkward-{at}"), text)).collect()
}

/// Archived mail of an account called work.
fn archived(mails: Vec<Mail>, format: &str) -> (PopServer, Sandbox) {
    let server = PopServer::with(mails);
    let sandbox = Sandbox::with([Account::on("work", &server).text("format", format)]);
    sandbox.popkeep(["fetch", "--quiet"]).run().expect(0).silent();
    (server, sandbox)
}

fn stored(sandbox: &Sandbox, format: &str) -> Vec<Vec<u8>> {
    if format == "mbox" { stores::mbox(&sandbox.archive("work")) } else { sandbox.maildir("work") }
}

#[test]
fn the_seeds_session_is_answered_in_its_form() {
    let mails: Vec<Mail> =
        [1171, 1021, 385].iter().map(|size| Mail::new(&format!("uid-{size}"), of_size(*size))).collect();
    let (_server, sandbox) = archived(mails, "maildir");
    let serving = Serving::start(&sandbox, &["work"]);
    let page = include_str!("../data/imail-session.txt");
    let mut client = serving.connect();
    let (mut last, mut in_listing) = ("", false);
    for line in page.lines() {
        if let Some(command) = line.strip_prefix("C: ") {
            last = command;
            let typed = match command.split(' ').next().unwrap() {
                "USER" => "USER work".to_owned(),
                "PASS" => format!("PASS {}", serving.password),
                _ => command.to_owned(),
            };
            client.send(format!("{typed}\r\n").as_bytes());
            in_listing = false;
        } else if let Some(theirs) = line.strip_prefix("S: ").or(line.strip_prefix("S:")) {
            // Messages are ours; all else comes line by line.
            if in_listing && (last.starts_with("RETR") || last.starts_with("TOP")) {
                if theirs == "." {
                    while client.line() != "." {}
                }
                continue;
            }
            let ours = client.line();
            match last {
                "STAT" | "LIST" | "RETR 3" => assert_eq!(ours, theirs, "{last}"),
                "DELE 2" => assert!(ours.starts_with("-ERR "), "{ours}"),
                "UIDL 3" => assert!(ours.starts_with("+OK 3 ") && ours.split(' ').count() == 3, "{ours}"),
                _ => assert!(ours.starts_with("+OK"), "{last}: {ours}"),
            }
            in_listing = true;
        }
    }
    assert_eq!(client.line(), "", "it closes after QUIT");
}

#[test]
fn popkeep_fetches_what_was_archived_octet_for_octet() {
    for format in ["maildir", "mbox"] {
        let (_server, sandbox) = archived([awkward(), Mail::some(60)].concat(), format);
        let serving = Serving::start(&sandbox, &[]);
        let other = Sandbox::with([serving.account("back", "work").text("delete", "fetched")]);
        // Nothing can be deleted there, which is a deletion not confirmed.
        let report = other.popkeep(["fetch", "--json"]).run().account();
        assert_eq!((&report["fetched"], &report["deleted"]), (&72.into(), &0.into()), "{format}: {report}");
        assert_same_mail(other.maildir("back"), stored(&sandbox, format));
        let again = other.popkeep(["fetch", "--json"]).run().account();
        assert_eq!(again["fetched"], 0, "{format}: {again}");
    }
}

/// A stored form on the wire: every LF with a CR before it, and the last line ended.
fn crlf(stored: &[u8]) -> Vec<u8> {
    let mut wire = Vec::new();
    for &octet in stored {
        if octet == b'\n' {
            wire.push(b'\r');
        }
        wire.push(octet);
    }
    if !stored.is_empty() && !stored.ends_with(b"\n") {
        wire.extend_from_slice(b"\r\n");
    }
    wire
}

#[test]
fn nothing_can_be_deleted() {
    let (_server, sandbox) = archived(Mail::some(3), "maildir");
    let before = stored(&sandbox, "maildir");
    let serving = Serving::start(&sandbox, &[]);
    let mut client = serving.log_in("work");
    assert!(client.ask("DELE 1").starts_with("-ERR "));
    assert!(client.ask("DELE 9").starts_with("-ERR "));
    assert!(client.ask("RSET").starts_with("+OK maildrop has 3 messages"));
    assert!(client.ask("LIST 1").starts_with("+OK 1 "));
    assert_eq!(client.ask("QUIT"), "+OK good-bye (0 deleted)");
    assert_eq!(stored(&sandbox, "maildir"), before);
}

#[test]
fn unique_ids_stay_and_sizes_are_exact() {
    let twin = Mail::numbered(1);
    let mails = [awkward(), vec![twin.clone(), twin.with_uid("second"), twin.with_uid("third")]].concat();
    for format in ["maildir", "mbox"] {
        let (server, sandbox) = archived(mails.clone(), format);
        let listing = |what: &str| Serving::start(&sandbox, &[]).log_in("work").listing(what);
        let first = listing("UIDL");
        let mut uids: Vec<&str> = first.iter().map(|line| line.split(' ').nth(1).unwrap()).collect();
        assert!(uids.iter().all(|uid| uid.len() <= 70 && uid.bytes().all(|octet| octet.is_ascii_graphic())));
        uids.sort_unstable();
        uids.dedup();
        assert_eq!(uids.len(), 15, "{format}");
        // From the index, from a damaged one, from none.
        let sizes = listing("LIST");
        assert_eq!(listing("UIDL"), first);
        let index = stores::files(&sandbox.path(".cache/popkeep/serve")).remove(0);
        fs::write(&index, "popkeep1 nonsense").unwrap();
        assert_eq!((listing("UIDL"), listing("LIST")), (first.clone(), sizes.clone()));
        fs::remove_dir_all(sandbox.path(".cache")).unwrap();
        let serving = Serving::start(&sandbox, &[]);
        let mut client = serving.log_in("work");
        assert_eq!(client.listing("LIST"), sizes);
        for (at, line) in sizes.iter().enumerate() {
            let message = client.message(&format!("RETR {}", at + 1));
            assert_eq!(*line, format!("{} {}", at + 1, message.len()), "{format}");
            assert_eq!(client.message(&format!("TOP {} 1000000", at + 1)), message);
            let top = client.message(&format!("TOP {} 0", at + 1));
            assert!(message.starts_with(&top) && (top.ends_with(b"\r\n\r\n") || top.len() <= 18), "{top:?}");
        }
        // New mail is behind the old.
        server.state().mails.push(Mail::numbered(90));
        sandbox.fetch();
        let mut client = serving.log_in("work");
        let later = client.listing("UIDL");
        assert_eq!((&later[..15], later.len()), (&first[..], 16));
    }
}

/// The octets that a process has read so far, from files and sockets.
fn octets_read(process: u32) -> u64 {
    let counters = fs::read_to_string(format!("/proc/{process}/io")).unwrap();
    let line = counters.lines().find_map(|line| line.strip_prefix("rchar: "));
    line.unwrap().parse().unwrap()
}

#[test]
fn the_top_of_a_large_message_costs_no_more_than_its_top() {
    let large = [b"Subject: large\n\n".as_slice(), &b"a line of a large message\n".repeat(400_000)].concat();
    for format in ["maildir", "mbox"] {
        let (_server, sandbox) = archived(vec![Mail::new("large", &large)], format);
        let serving = Serving::start(&sandbox, &[]);
        let mut client = serving.log_in("work");
        let before = octets_read(serving.child.id());
        for lines in 0..50 {
            let top = client.message(&format!("TOP 1 {lines}"));
            assert_eq!(top, crlf(&large[..16 + 26 * lines]), "{format}");
        }
        let read = octets_read(serving.child.id()) - before;
        assert!(read < large.len() as u64, "{format}: {read} octets read for 50 tops");
        assert_eq!(client.message("RETR 1"), crlf(&large), "{format}: the session goes on");
    }
}

#[test]
fn removed_mail_is_not_listed_and_damaged_mail_not_given() {
    for format in ["maildir", "mbox"] {
        let (_server, sandbox) = archived(Mail::some(4), format);
        let serving = Serving::start(&sandbox, &[]);
        let mut before = serving.log_in("work");
        let archive = sandbox.archive("work");
        if format == "mbox" {
            // Another program removes message 2 and damages what was message 3: those behind move.
            let text = String::from_utf8(fs::read(&archive).unwrap()).unwrap();
            let mut parts: Vec<String> = text.split("\nFrom ").map(str::to_owned).collect();
            parts.remove(1);
            parts[1] = parts[1].replace("This is message 3", "Here was message 3");
            fs::write(&archive, parts.join("\nFrom ")).unwrap();
        } else {
            let file = |number: usize| {
                let words = format!("Subject: message {number}\n");
                let mut files = stores::maildir_files(&archive).into_iter();
                files.find(|file| fs::read_to_string(file).unwrap().contains(&words)).unwrap()
            };
            fs::remove_file(file(2)).unwrap();
            let damaged = fs::read_to_string(file(3)).unwrap().replace("This is", "Here was");
            fs::write(file(3), damaged).unwrap();
            // A mail program has read it.
            let (seen, name) = (file(4), file(4).file_name().unwrap().to_str().unwrap().to_owned());
            fs::rename(seen, archive.join("cur").join(format!("{name}:2,S"))).unwrap();
        }
        assert!(before.ask("RETR 2").starts_with("-ERR "), "{format}");
        assert!(before.ask("RETR 3").starts_with("-ERR "), "{format}");
        assert_eq!(before.message("RETR 4"), Mail::numbered(4).wire, "{format}: moved, not lost");
        assert_eq!(before.message("RETR 1"), Mail::numbered(1).wire, "{format}");
        if format == "maildir" {
            // It is looked at again soon, however often somebody logs in.
            let mut after = serving.log_in("work");
            while after.listing("LIST").len() != 3 {
                after = serving.log_in("work");
            }
            assert_eq!(after.message("RETR 3"), Mail::numbered(4).wire);
        }
    }
}

#[test]
fn two_sessions_at_once_while_a_fetch_runs() {
    let (server, sandbox) = archived(Mail::some(30), "mbox");
    let serving = Serving::start(&sandbox, &[]);
    for number in 100..400 {
        server.state().mails.push(Mail::numbered(number));
    }
    let mut fetching = sandbox.popkeep(["fetch", "--quiet"]).into_command().spawn().unwrap();
    let (mut one, mut other) = (serving.log_in("work"), serving.log_in("work"));
    for number in 1..=30 {
        let expected = Mail::numbered(number).wire;
        assert_eq!(one.message(&format!("RETR {number}")), expected);
        assert_eq!(
            other.message(&format!("RETR {}", 31 - number)).len(),
            Mail::numbered(31 - number).wire.len()
        );
    }
    assert!(fetching.wait().unwrap().success());
    let mut later = serving.log_in("work");
    assert_eq!(later.listing("LIST").len(), 330);
    assert_eq!(later.message("RETR 330"), Mail::numbered(399).wire);
}

#[test]
fn other_machines_only_under_tls() {
    let (_server, sandbox) = archived(Mail::some(1), "maildir");
    for address in ["0.0.0.0:0", "[::]:0", "192.0.2.1:1110"] {
        sandbox.popkeep(["serve", "--listen", address]).run().expect(64).one_line(&["--tls-cert"]);
    }
    sandbox.popkeep(["serve", "--listen", "nonsense"]).run().expect(64);
    sandbox.popkeep(["serve", "nobody"]).run().expect(64);
    sandbox.popkeep(["serve", "--tls-cert", "missing.pem"]).run().expect(78).one_line(&["--tls-cert"]);
    let serving = Serving::start(&sandbox, &[]);
    let taken = format!("127.0.0.1:{}", serving.port);
    sandbox.popkeep(["serve", "--listen", &taken]).run().expect(69).one_line(&["--listen"]);
}

#[test]
fn tls_from_the_start_and_by_stls() {
    let (_server, sandbox) = archived([awkward(), Mail::some(5)].concat(), "maildir");
    let authority = Authority::new();
    let leaf = authority.good();
    let ca = sandbox.write("ca.pem", authority.pem());
    let cert = sandbox.write("cert.pem", &leaf.certificate);
    let key = sandbox.write("key.pem", &leaf.key);
    crate::support::set_mode(&key, 0o600);
    let (cert, key) = (cert.to_str().unwrap(), key.to_str().unwrap());
    let serving = Serving::start(&sandbox, &["--tls-cert", cert, "--tls-key", key]);
    for tls in ["starttls", "implicit"] {
        let account =
            serving.account("back", "work").text("tls", tls).text("tls_ca_file", ca.to_str().unwrap());
        let other = Sandbox::with([account.text("host", "localhost")]);
        other.popkeep(["fetch", "--quiet"]).run().expect(0).silent();
        assert_same_mail(other.maildir("back"), sandbox.maildir("work"));
    }
    // What comes behind STLS in clear text is nobody's.
    let mut client = serving.connect();
    client.line();
    client.send(b"STLS\r\nUSER work\r\n");
    assert!(client.line().starts_with("+OK"));
    // At once: a server that waits for a handshake would go on with what came before it.
    client.0.get_ref().set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    assert_eq!(client.0.read_until(b'\n', &mut Vec::new()).unwrap(), 0, "it hangs up");
    crate::support::set_mode(key, 0o644);
    let arguments = ["serve", "--tls-cert", cert, "--tls-key", key];
    sandbox.popkeep(arguments).run().expect(78).one_line(&["chmod 600"]);
}

#[test]
fn a_wrong_password_is_refused_slowly() {
    let (_server, sandbox) = archived(Mail::some(1), "maildir");
    let serving = Serving::start(&sandbox, &[]);
    let begun = Instant::now();
    let mut waiting: Vec<Client> = (0..3)
        .map(|_| {
            let mut client = serving.connect();
            client.line();
            client.ask("USER work");
            client.send(b"PASS wrong\r\n");
            client
        })
        .collect();
    // Who has the password does not wait for those who have not.
    let mut right = serving.log_in("work");
    assert!(begun.elapsed() < Duration::from_millis(900), "{:?}", begun.elapsed());
    for client in &mut waiting {
        assert_eq!(client.line(), "-ERR [AUTH] user or password is wrong");
    }
    assert!(begun.elapsed() >= Duration::from_secs(3), "one after the other");
    assert!(right.ask("STAT").starts_with("+OK 1 "));
    let mut client = serving.connect();
    client.line();
    client.ask("USER nobody");
    assert!(client.ask(&format!("PASS {}", serving.password)).starts_with("-ERR [AUTH]"), "no such user");
    drop(client);
    drop(right);
}

#[test]
fn a_password_of_ones_own() {
    let (server, sandbox) = archived(Mail::some(2), "maildir");
    sandbox.configure([Account::on("work", &server), Account::on("new", &server).text("user", "jane")]);
    let mut serving = Serving::start(&sandbox, &["--password-command", "echo 'open sesame'"]);
    assert!(!serving.said.contains("sesame") && serving.password.is_empty(), "{}", serving.said);
    for user in ["user: work", "user: new"] {
        assert!(serving.said.lines().any(|line| line == user), "{}", serving.said);
    }
    serving.password = "open sesame".to_owned();
    assert_eq!(serving.log_in("new").ask("STAT"), "+OK 0 0", "nothing was fetched there yet");
    for auth in ["scram-sha-256", "plain", "user"] {
        let other = Sandbox::with([serving.account("back", "work").text("auth", auth)]);
        assert_eq!(other.fetch()["fetched"], 2, "{auth}");
    }
    let once = Serving::start(&sandbox, &[]);
    assert!(once.password.len() >= 16 && once.password.bytes().all(|octet| octet.is_ascii_alphanumeric()));
    let failing = ["serve", "--password-command", "exit 1", "--listen", "127.0.0.1:0"];
    sandbox.popkeep(failing).run().expect(78).one_line(&["--password-command"]);
}

#[test]
fn a_signal_ends_it() {
    let (_server, sandbox) = archived(Mail::some(1), "maildir");
    for (name, code) in [("TERM", 143), ("INT", 130)] {
        let mut serving = Serving::start(&sandbox, &[]);
        let mut client = serving.log_in("work");
        let begun = Instant::now();
        serving.signal(name);
        assert_eq!(serving.child.wait().unwrap().code(), Some(code));
        assert!(begun.elapsed() < Duration::from_secs(3));
        assert_eq!(client.line(), "");
    }
    assert_eq!(to_wire(b"a\n"), crlf(b"a\n"));
}

//! A POP3 server for the tests: one maildrop whose behaviour can be bent, and which remembers
//! every command of every session. It shares no code with popkeep's own server.

pub(crate) mod mutation;
mod sending;
mod session;

use std::collections::{BTreeMap, BTreeSet};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use native_tls::TlsAcceptor;

use super::Mail;
use super::wire::Wire;

/// What an unsteady message holds where a number is put each time.
pub(crate) const UNSTEADY: &str = "0000000";

/// The password of every test account.
pub(crate) const PASSWORD: &str = "tiger 2 Lilies";

#[allow(clippy::struct_excessive_bools, reason = "each is a fault of its own, and they combine")]
/// How the server behaves; the default is a modern server without faults.
#[derive(Clone, Default)]
pub(crate) struct Behaviour {
    pub(crate) capa: Capa,
    /// Answers in the words of `IMail` 7.12.
    pub(crate) imail_texts: bool,
    pub(crate) no_uidl: bool,
    pub(crate) no_top: bool,
    /// The unique-ids whose DELE is refused.
    pub(crate) refuse_dele: BTreeSet<Vec<u8>>,
    pub(crate) quit: Quit,
    /// QUIT purges every message that RETR showed, marked by DELE or not.
    pub(crate) purges_what_was_retrieved: bool,
    /// A session shows no more messages than this, the oldest ones.
    pub(crate) shows_at_once: Option<usize>,
    /// Closes the connection instead of answering this command.
    pub(crate) cut_at: Option<Nth>,
    /// Never answers this command.
    pub(crate) stall_at: Option<Nth>,
    /// What becomes of every session after so many octets of its replies, wherever that is.
    pub(crate) problem: Option<(usize, Problem)>,
    /// Waits with the answer to this command until the test releases it.
    pub(crate) hold_at: Option<Nth>,
    /// Breaks off in the middle of the reply to this command, and closes.
    pub(crate) torn_at: Option<Nth>,
    /// Stops for so long in the middle of every message of more than 100,000 octets.
    pub(crate) pause_in_retr: Option<Duration>,
    /// Unique-ids of messages whose RETR brings a body without one octet.
    pub(crate) empty_retr: BTreeSet<Vec<u8>>,
    /// Unique-ids of messages that hold a line of the server's own talk, unless they are asked for a second time.
    pub(crate) intrudes_once: BTreeSet<Vec<u8>>,
    /// Another client deletes the message with this number just before this command is answered, and all behind it
    /// move up.
    pub(crate) expunges: Option<(Nth, usize)>,
    /// This message comes at the moment of such a deletion.
    pub(crate) delivers: Option<Mail>,
    /// After login: what was sent ahead of an answer is forgotten.
    pub(crate) forgets_what_waits: bool,
    /// Answers that are given twice.
    pub(crate) answers_twice: Option<Twice>,
    /// Each answer to these commands waits for so long.
    pub(crate) answers_after: BTreeMap<&'static str, Duration>,
    /// When the command after this one has come, these octets are said before its answer, and nobody asked for them.
    pub(crate) adds_late: Option<(Nth, Vec<u8>)>,
    /// Stops for a while behind the first line of a message that is one dot, if it is [unstuffed](Self::unstuffed).
    pub(crate) pauses_at_dot: bool,
    /// DELE takes the message out at once, and all behind it move up.
    pub(crate) renumbers_at_dele: bool,
    /// No dot at a line's start is doubled.
    pub(crate) unstuffed: bool,
    /// Unique-ids at whose RETR the connection is closed without a word.
    pub(crate) hangs_up_at: BTreeSet<Vec<u8>>,
    /// Unique-ids of messages in which [`UNSTEADY`] is another number each time they are shown.
    pub(crate) unsteady: BTreeSet<Vec<u8>>,
    /// Unique-ids whose RETR is refused.
    pub(crate) refuse_retr: BTreeSet<Vec<u8>>,
    /// What TOP n 0 shows for these unique-ids instead of the message's header.
    pub(crate) top_shows: BTreeMap<Vec<u8>, Vec<u8>>,
    /// What these commands (a whole line, or its first word) are answered with instead of the truth:
    /// every octet of it.
    pub(crate) says: BTreeMap<&'static str, Vec<u8>>,
    /// Mutates replies at random, from this seed; see [`mutation`].
    pub(crate) mutations: Option<u64>,
    /// What the server says instead of a good greeting.
    pub(crate) greeting: Option<&'static str>,
    /// Lets in whoever has one of these access tokens, too (XOAUTH2).
    pub(crate) tokens: Option<super::oauth_server::Good>,
    /// A token ends after so many messages of a session, and with it the session.
    pub(crate) token_lasts: Option<(usize, TokenEnd)>,
    /// What it says to a correct password.
    pub(crate) login_reply: Option<&'static str>,
    /// So many sessions are let in at once; the next one is told this, or nothing at all if it is empty.
    pub(crate) lets_in: Option<(usize, &'static str)>,
}

/// How a session ends with its token.
#[derive(Clone, Copy, Debug)]
pub(crate) enum TokenEnd {
    /// The connection is closed.
    Closed,
    /// Everything is refused in these words from then on.
    Refused(&'static str),
}

/// Answers that come a second time.
#[derive(Clone, Debug)]
pub(crate) struct Twice {
    /// To commands with this name.
    pub(crate) verb: &'static str,
    /// To which of them in a session, counted from 1.
    pub(crate) nth: std::ops::RangeInclusive<usize>,
    /// When the second one comes.
    pub(crate) second: Second,
}

/// When the second one of two equal answers comes.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Second {
    /// In one write with the first.
    AtOnce,
    /// Before the answer to the next command, when that has come.
    BeforeNext,
    /// Its status line before the answer to the next command, the rest before the one after that.
    InPieces,
}

/// What befalls a connection.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Problem {
    /// It ends.
    Cut,
    /// Nothing comes any more, and it stays open.
    Stall,
    /// From here on octets come one by one, with so much time between them.
    Dribble(Duration),
}

/// Answers to CAPA.
#[derive(Clone)]
pub(crate) enum Capa {
    /// These lines (STLS is added by a server that has it).
    Offers(Vec<&'static str>),
    /// `-ERR`: a server that is older than RFC 2449.
    Refused,
}

impl Default for Capa {
    fn default() -> Self {
        Capa::Offers(vec!["TOP", "UIDL", "USER", "SASL PLAIN", "RESP-CODES", "PIPELINING"])
    }
}

impl Capa {
    /// A modern server that does not pipeline.
    pub(crate) fn without_pipelining() -> Capa {
        Capa::Offers(vec!["TOP", "UIDL", "USER", "SASL PLAIN"])
    }
}

/// Answers to QUIT in the TRANSACTION state.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Quit {
    /// Deletes what is marked and says `+OK`.
    #[default]
    Commits,
    /// Deletes nothing and says `-ERR`.
    Refuses,
    /// Deletes nothing, says nothing and closes.
    Drops,
    /// Deletes nothing and says `+OK`.
    Pretends,
    /// Deletes what is marked, but the answer is lost.
    CommitsSilently,
}

/// The n-th command (from 1) with this name in a session.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Nth(pub(crate) &'static str, pub(crate) usize);

/// What the server remembers and how it behaves now.
#[derive(Default)]
pub(crate) struct State {
    pub(crate) mails: Vec<Mail>,
    pub(crate) behaviour: Behaviour,
    sessions: Vec<Record>,
    stalled: bool,
    /// How often an unsteady message was shown.
    shown: usize,
    /// Messages that have held a line of the server's talk.
    intruded: BTreeSet<Vec<u8>>,
    held: Hold,
    /// Sessions that are open now.
    open: usize,
    /// Those that were not let in.
    pub(crate) turned_away: usize,
}

/// A command whose answer waits for the test.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Hold {
    #[default]
    None,
    Waiting,
    Released,
}

/// One session as the server saw it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Record {
    /// The command lines, in order.
    pub(crate) commands: Vec<String>,
    /// Somebody logged in.
    pub(crate) logged_in: bool,
    /// The TLS handshake was completed.
    pub(crate) encrypted: bool,
    /// How many octets the server has sent.
    pub(crate) sent: usize,
}

impl Record {
    /// How often a command was given.
    pub(crate) fn count(&self, verb: &str) -> usize {
        self.commands.iter().filter(|line| line.split(' ').next() == Some(verb)).count()
    }
}

/// Where TLS begins.
#[derive(Clone)]
pub(crate) enum Tls {
    Never,
    Implicit(TlsAcceptor),
    Stls(TlsAcceptor),
}

struct Shared {
    state: Mutex<State>,
    changed: Condvar,
    tls: Tls,
    stop: AtomicBool,
}

/// The running server. It stops listening when it is dropped.
pub(crate) struct PopServer {
    shared: Arc<Shared>,
    port: u16,
    listener: Option<std::thread::JoinHandle<()>>,
}

impl PopServer {
    /// A server without TLS that holds these messages.
    pub(crate) fn with(mails: Vec<Mail>) -> PopServer {
        PopServer::start(mails, Behaviour::default(), Tls::Never)
    }

    /// A server without TLS and with a behaviour of its own.
    pub(crate) fn behaving(mails: Vec<Mail>, behaviour: Behaviour) -> PopServer {
        PopServer::start(mails, behaviour, Tls::Never)
    }

    pub(crate) fn start(mails: Vec<Mail>, behaviour: Behaviour, tls: Tls) -> PopServer {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let shared = Arc::new(Shared {
            state: Mutex::new(State { mails, behaviour, ..State::default() }),
            changed: Condvar::new(),
            tls,
            stop: AtomicBool::new(false),
        });
        let accepting = Arc::clone(&shared);
        let listener = std::thread::spawn(move || {
            for stream in listener.incoming() {
                if accepting.stop.load(Ordering::SeqCst) {
                    return;
                }
                if let Ok(stream) = stream {
                    let serving = Arc::clone(&accepting);
                    std::thread::spawn(move || serving.serve(stream));
                }
            }
        });
        PopServer { shared, port, listener: Some(listener) }
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// The server's state, to look at it or to change it between two runs.
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.shared.lock()
    }

    /// From now on the server behaves so.
    pub(crate) fn behave(&self, behaviour: Behaviour) {
        self.state().behaviour = behaviour;
    }

    /// The unique-ids of what is in the maildrop.
    pub(crate) fn uids(&self) -> Vec<String> {
        self.state().mails.iter().map(|mail| String::from_utf8_lossy(&mail.uid).into_owned()).collect()
    }

    /// Every session so far, and forgets them.
    pub(crate) fn take_sessions(&self) -> Vec<Record> {
        std::mem::take(&mut self.state().sessions)
    }

    /// How often a command was given in all sessions since the last `take_sessions`.
    pub(crate) fn count(&self, verb: &str) -> usize {
        self.state().sessions.iter().map(|session| session.count(verb)).sum()
    }

    /// Waits until a session has come to the command that is never answered.
    #[track_caller]
    pub(crate) fn wait_for_stall(&self) {
        self.shared.wait_until(|state| state.stalled).stalled = false;
    }

    /// When a session has come to the command whose answer waits, does this and lets it go on.
    #[track_caller]
    pub(crate) fn while_held(&self, act: impl FnOnce()) {
        drop(self.shared.wait_until(|state| state.held == Hold::Waiting));
        act();
        self.state().held = Hold::Released;
        self.shared.changed.notify_all();
    }
}

impl Drop for PopServer {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port));
        if let Some(listener) = self.listener.take() {
            let _ = listener.join();
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        // A test that fails while it holds the lock must not hide its message behind others.
        self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Waits for something that a client or a test does.
    #[track_caller]
    fn wait_until(&self, come: impl Fn(&State) -> bool) -> MutexGuard<'_, State> {
        let deadline = Instant::now() + Duration::from_mins(1);
        let mut state = self.lock();
        while !come(&state) {
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "what the test waits for never came");
            state = self.changed.wait_timeout(state, left).unwrap().0;
        }
        state
    }

    /// Holds an answer back until the test releases it.
    fn hold(&self) {
        self.lock().held = Hold::Waiting;
        self.changed.notify_all();
        self.wait_until(|state| state.held == Hold::Released).held = Hold::None;
    }

    fn serve(&self, stream: TcpStream) {
        let _ = stream.set_nodelay(true);
        let record = {
            let mut state = self.lock();
            if let Some((_, told)) = state.behaviour.lets_in.filter(|(most, _)| state.open >= *most) {
                state.turned_away += 1;
                let _ = std::io::Write::write_all(&mut &stream, told.as_bytes());
                return;
            }
            state.open += 1;
            state.sessions.push(Record::default());
            state.sessions.len() - 1
        };
        self.serve_session(Wire::Clear(stream), record);
        self.lock().open -= 1;
    }

    fn serve_session(&self, mut wire: Wire, record: usize) {
        if let Tls::Implicit(acceptor) = &self.tls {
            if wire.encrypt(acceptor).is_err() {
                return;
            }
            self.note(record, |record| record.encrypted = true);
        }
        session::Session::new(self, wire, record).run();
    }

    /// Writes into a session's record, unless a test has taken the records away meanwhile.
    fn note(&self, record: usize, write: impl FnOnce(&mut Record)) {
        if let Some(record) = self.lock().sessions.get_mut(record) {
            write(record);
        }
    }
}

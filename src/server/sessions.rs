//! The connections: takes them in, and carries octets to and from [`Dialog`]s, a thread for each.

use super::dialog::{Channel, Dialog, Exchange};
use super::in_memory::Maildrop;
use super::offers::{Offer, Offers};
use super::replies::Out;
use crate::net::{Accepted, HangUp, Incoming, Listener, ServerTls};
use crate::sasl::Expected;
use crate::stop;
use std::collections::BTreeMap;
use std::io::{self, Read as _};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// A silent client is let go after this long; RFC 1939, section 3, asks for at least ten minutes.
const IDLE: Duration = Duration::from_mins(10);

/// Who has not logged in by then is let go.
const TO_LOG_IN: Duration = Duration::from_mins(2);

/// How long a client may take to receive a piece of a message.
const TO_RECEIVE: Duration = Duration::from_mins(2);

/// How long a handshake may take.
const TO_SHAKE_HANDS: Duration = Duration::from_secs(30);

/// Where there is a certificate: how long we wait for a client that begins with TLS, before we greet it in clear text.
const TO_BEGIN: Duration = Duration::from_millis(500);

/// After QUIT, how long the client is waited for to close its side.
const FAREWELL: Duration = Duration::from_secs(1);

/// How long a refused login takes. One after the other, whatever connections they come from.
const REFUSAL: Duration = Duration::from_secs(1);

/// Who would have to wait longer for a refusal is hung up on.
const LONGEST_REFUSAL: Duration = Duration::from_mins(1);

/// Connections at once; more are sent away.
const MAX_CONNECTIONS: usize = 64;

/// How often we look whether we are to stop.
const LOOK: Duration = stop::LOOK;

/// A server that runs until it is dropped.
pub struct Server {
    shared: Arc<Shared>,
    address: SocketAddr,
    accepting: Option<JoinHandle<()>>,
}

struct Shared {
    offers: Arc<Offers>,
    stopping: AtomicBool,
    connections: Mutex<BTreeMap<u64, Connection>>,
    /// When the last of the refusals will have been said that are on their way.
    refused_until: Mutex<Instant>,
}

struct Connection {
    hang_up: HangUp,
    logged_in: Arc<AtomicBool>,
}

impl Shared {
    fn connections(&self) -> MutexGuard<'_, BTreeMap<u64, Connection>> {
        self.connections.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Acquire)
    }

    /// Waits until a refusal may be said; `false` if that is too long.
    fn wait_to_refuse(&self) -> bool {
        let turn = {
            let mut until = self.refused_until.lock().unwrap_or_else(PoisonError::into_inner);
            let turn = (*until).max(Instant::now()) + REFUSAL;
            if turn.saturating_duration_since(Instant::now()) > LONGEST_REFUSAL {
                return false;
            }
            *until = turn;
            turn
        };
        while !self.is_stopping() {
            let left = turn.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return true;
            }
            std::thread::sleep(left.min(LOOK));
        }
        false
    }
}

impl Server {
    /// Serves these maildrops on a free port of 127.0.0.1.
    pub fn start(maildrops: impl IntoIterator<Item = Maildrop>) -> io::Result<Server> {
        let offer = |maildrop: Maildrop| {
            let (maildrop, password) = maildrop.into_offer();
            Offer { maildrop: Box::new(maildrop), password: Arc::new(Expected::new(password)) }
        };
        let listener = Listener::bind((Ipv4Addr::LOCALHOST, 0).into())?;
        Server::listen(listener, maildrops.into_iter().map(offer).collect(), None)
    }

    /// Serves these maildrops to those who connect here; with `tls` also, and to other machines only, under TLS.
    pub fn listen(listener: Listener, offers: Vec<Offer>, tls: Option<ServerTls>) -> io::Result<Server> {
        let address = listener.address();
        let shared = Arc::new(Shared {
            offers: Arc::new(Offers::new(offers, tls)?),
            stopping: AtomicBool::new(false),
            connections: Mutex::default(),
            refused_until: Mutex::new(Instant::now()),
        });
        let accepting = std::thread::Builder::new().name("pop3-server".to_owned()).spawn({
            let shared = Arc::clone(&shared);
            move || accept(&listener, &shared)
        })?;
        Ok(Server { shared, address, accepting: Some(accepting) })
    }

    /// The port it listens on.
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// The address it listens on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// How many messages are in a user's maildrop now; `None` for a user it does not know.
    pub fn messages_left(&self, user: &str) -> Option<usize> {
        self.shared.offers.of(user).map(|offer| offer.maildrop.messages())
    }
}

impl Drop for Server {
    /// Closes all connections, deleting nothing, and waits for the threads to end.
    fn drop(&mut self) {
        self.shared.stopping.store(true, Ordering::Release);
        for connection in self.shared.connections().values() {
            connection.hang_up.now();
        }
        if let Some(accepting) = self.accepting.take() {
            let _ = accepting.join();
        }
    }
}

fn accept(listener: &Listener, shared: &Arc<Shared>) {
    let mut threads: Vec<JoinHandle<()>> = Vec::new();
    let mut number = 0;
    while !shared.is_stopping() {
        threads.retain(|thread| !thread.is_finished());
        match listener.accept(LOOK) {
            Ok(None) => {}
            Ok(Some(accepted)) => {
                number += 1;
                threads.extend(converse(number, accepted, shared));
            }
            // Out of descriptors, or the client was gone already: let others finish first.
            Err(_) => std::thread::sleep(Duration::from_millis(50)),
        }
    }
    // Those that came between the flag and this line.
    for connection in shared.connections().values() {
        connection.hang_up.now();
    }
    for thread in threads {
        let _ = thread.join();
    }
}

/// Starts a session's thread. A connection that cannot have one is closed.
fn converse(number: u64, accepted: Accepted, shared: &Arc<Shared>) -> Option<JoinHandle<()>> {
    let logged_in = Arc::new(AtomicBool::new(false));
    {
        let mut connections = shared.connections();
        if connections.len() >= MAX_CONNECTIONS {
            // Who has not logged in has to make room, the longest first; so nobody can keep the owner out by connecting.
            let idle = |(_, connection): &(&u64, &Connection)| !connection.logged_in.load(Ordering::Acquire);
            let Some((&oldest, _)) = connections.iter().find(idle) else {
                accepted.send_away(b"-ERR [SYS/TEMP] too many connections\r\n");
                return None;
            };
            if let Some(oldest) = connections.remove(&oldest) {
                oldest.hang_up.now();
            }
        }
        let connection = Connection { hang_up: accepted.hang_up().ok()?, logged_in: Arc::clone(&logged_in) };
        connections.insert(number, connection);
    }
    let thread = std::thread::Builder::new().name("pop3-session".to_owned()).spawn({
        let shared = Arc::clone(shared);
        move || {
            // A connection that breaks is the client's affair: its session ends without UPDATE.
            let _ = session(accepted, &shared, &logged_in);
            shared.connections().remove(&number);
        }
    });
    if thread.is_err() {
        shared.connections().remove(&number);
    }
    thread.ok()
}

fn session(accepted: Accepted, shared: &Shared, logged_in: &AtomicBool) -> io::Result<()> {
    let loopback = accepted.is_loopback();
    let tls = shared.offers.tls.as_ref();
    let immediate = tls.map_or(Ok(false), |_| accepted.begins_with_tls(TO_BEGIN))?;
    let mut connection = accepted.in_clear();
    if immediate && let Some(tls) = tls {
        connection = secure(connection, tls)?;
    }
    let to_log_in = Instant::now() + TO_LOG_IN;
    let channel = Channel { encrypted: connection.is_encrypted(), loopback };
    let mut waiting = Vec::new();
    let mut dialog = {
        let mut nowhere = io::sink();
        let mut out = Out { octets: &mut waiting, to: &mut nowhere };
        Dialog::begin(Arc::clone(&shared.offers), channel, &mut out)
    };
    let mut buffer = vec![0; 4096];
    loop {
        let mut sending = Sending(&mut connection);
        let mut out = Out { octets: &mut waiting, to: &mut sending };
        match dialog.answer(&mut out)? {
            Exchange::Answered => {
                if dialog.is_logged_in() {
                    logged_in.store(true, Ordering::Release);
                }
                out.relieve()?;
            }
            Exchange::Refused => {
                if !shared.wait_to_refuse() {
                    return Ok(());
                }
                out.send()?;
            }
            Exchange::StartTls => {
                out.send()?;
                let Some(tls) = tls else { return Ok(()) };
                if !dialog.secured() {
                    return Ok(());
                }
                connection = secure(connection, tls)?;
            }
            Exchange::Waiting => {
                out.send()?;
                let idle = Instant::now() + IDLE;
                connection.set_deadline(if dialog.is_logged_in() { idle } else { to_log_in.min(idle) });
                let count = connection.read(&mut buffer)?;
                if count == 0 {
                    return Ok(());
                }
                dialog.receive(&buffer[..count]);
            }
            Exchange::Over => {
                out.send()?;
                return farewell(&mut connection, &mut buffer);
            }
        }
    }
}

fn secure(mut connection: Incoming, tls: &ServerTls) -> io::Result<Incoming> {
    connection.set_deadline(Instant::now() + TO_SHAKE_HANDS);
    connection.start_tls(tls)
}

/// Gives each piece the time that it may take.
struct Sending<'c>(&'c mut Incoming);

impl io::Write for Sending<'_> {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        self.0.set_deadline(Instant::now() + TO_RECEIVE);
        self.0.write(octets)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// Closes so that the last reply arrives: a socket that is closed with unread octets is reset.
fn farewell(connection: &mut Incoming, buffer: &mut [u8]) -> io::Result<()> {
    connection.finish()?;
    connection.set_deadline(Instant::now() + FAREWELL);
    for _ in 0..16 {
        if connection.read(buffer)? == 0 {
            break;
        }
    }
    Ok(())
}

#[cfg(test)]
#[expect(clippy::disallowed_types, reason = "tests connect as a client does")]
mod tests {
    use super::{Maildrop, Server};
    use std::io::{BufRead as _, BufReader, Read as _, Write as _};
    use std::net::TcpStream;

    fn connect(server: &Server) -> BufReader<TcpStream> {
        let stream = TcpStream::connect(server.address()).unwrap();
        stream.set_read_timeout(Some(std::time::Duration::from_secs(20))).unwrap();
        BufReader::new(stream)
    }

    fn line(client: &mut BufReader<TcpStream>) -> String {
        let mut line = String::new();
        client.read_line(&mut line).unwrap();
        line
    }

    fn one() -> Maildrop {
        Maildrop::new("jane", "secret").message(b"Subject: hello\n\nBody\n")
    }

    #[test]
    fn a_pipelined_session_over_a_socket() {
        let server = Server::start([one()]).unwrap();
        assert!(server.address().ip().is_loopback());
        let mut client = connect(&server);
        client.get_mut().write_all(b"USER jane\r\nPASS secret\r\nRETR 1\r\nDELE 1\r\nQUIT\r\n").unwrap();
        let mut all = String::new();
        client.read_to_string(&mut all).unwrap();
        assert_eq!(
            all,
            "+OK popkeep POP3 server ready\r\n+OK welcome\r\n+OK maildrop locked and ready\r\n\
             +OK 24 octets\r\nSubject: hello\r\n\r\nBody\r\n.\r\n+OK message 1 deleted\r\n\
             +OK good-bye (1 deleted)\r\n"
        );
        assert_eq!(server.messages_left("jane"), Some(0));
        assert_eq!(server.messages_left("joe"), None);
    }

    #[test]
    fn a_lost_connection_deletes_nothing_and_frees_the_maildrop() {
        let server = Server::start([one()]).unwrap();
        let mut client = connect(&server);
        client.get_mut().write_all(b"USER jane\r\nPASS secret\r\nDELE 1\r\n").unwrap();
        for _ in 0..4 {
            line(&mut client);
        }
        let mut second = connect(&server);
        second.get_mut().write_all(b"USER jane\r\nPASS secret\r\n").unwrap();
        line(&mut second);
        line(&mut second);
        assert!(line(&mut second).starts_with("-ERR [IN-USE]"));
        drop(client);
        // The server notices in its own time.
        loop {
            second.get_mut().write_all(b"USER jane\r\nPASS secret\r\n").unwrap();
            line(&mut second);
            if line(&mut second).starts_with("+OK") {
                break;
            }
            std::thread::yield_now();
        }
        second.get_mut().write_all(b"STAT\r\n").unwrap();
        assert_eq!(line(&mut second), "+OK 1 24\r\n");
    }

    #[test]
    fn a_dropped_server_is_gone() {
        let server = Server::start([one()]).unwrap();
        let address = server.address();
        let mut client = connect(&server);
        line(&mut client);
        drop(server);
        let mut rest = Vec::new();
        assert!(matches!(client.read_to_end(&mut rest), Ok(0) | Err(_)));
        assert!(TcpStream::connect(address).is_err());
    }
}

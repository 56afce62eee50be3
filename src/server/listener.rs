//! The socket part: accepts connections on a loopback port and carries octets to and from
//! [`Dialog`]s.
#![expect(clippy::disallowed_types, reason = "this is the edge where the server of `demo` listens")]

use super::dialog::{Dialog, Exchange};
use super::maildrop::{Mailbox, Maildrop};
use std::collections::HashMap;
use std::io::{self, Read as _, Write as _};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

/// A silent client is let go after this long; RFC 1939, section 3, asks for at least ten minutes.
const IDLE: Duration = Duration::from_mins(10);

/// After QUIT, how long the client is waited for to close its side.
const FAREWELL: Duration = Duration::from_secs(1);

/// Connections at once; more are sent away.
const MAX_CONNECTIONS: usize = 64;

/// Replies are collected up to about so many octets before they are sent.
const SEND_AT: usize = 64 * 1024;

/// A server that runs until it is dropped.
#[derive(Debug)]
pub struct Server {
    shared: Arc<Shared>,
    address: SocketAddr,
    accepting: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    mailboxes: Arc<[Arc<Mailbox>]>,
    stopping: AtomicBool,
    connections: Mutex<HashMap<u64, TcpStream>>,
}

impl Shared {
    fn connections(&self) -> MutexGuard<'_, HashMap<u64, TcpStream>> {
        self.connections.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Server {
    /// Serves these maildrops on a free port of 127.0.0.1.
    pub fn start(maildrops: impl IntoIterator<Item = Maildrop>) -> io::Result<Server> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            mailboxes: maildrops.into_iter().map(|maildrop| Arc::new(maildrop.into_mailbox())).collect(),
            stopping: AtomicBool::new(false),
            connections: Mutex::default(),
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
        self.shared.mailboxes.iter().find(|mailbox| mailbox.user() == user).map(|mailbox| mailbox.len())
    }
}

impl Drop for Server {
    /// Closes all connections, deleting nothing, and waits for the threads to end.
    fn drop(&mut self) {
        self.shared.stopping.store(true, Ordering::Release);
        for connection in self.shared.connections().values() {
            let _ = connection.shutdown(Shutdown::Both);
        }
        // Wakes the thread that waits for connections. Where even that is impossible it is left waiting.
        if TcpStream::connect_timeout(&self.address, FAREWELL).is_ok()
            && let Some(accepting) = self.accepting.take()
        {
            let _ = accepting.join();
        }
    }
}

fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    let mut threads: Vec<JoinHandle<()>> = Vec::new();
    for number in 0.. {
        let accepted = listener.accept();
        if shared.stopping.load(Ordering::Acquire) {
            break;
        }
        threads.retain(|thread| !thread.is_finished());
        match accepted {
            Ok((stream, _)) => threads.extend(converse(number, stream, shared)),
            // Out of descriptors, or the client was gone already: let others finish first.
            Err(_) => std::thread::sleep(Duration::from_millis(50)),
        }
    }
    // Those that came between the flag and this line.
    for connection in shared.connections().values() {
        let _ = connection.shutdown(Shutdown::Both);
    }
    for thread in threads {
        let _ = thread.join();
    }
}

/// Starts a session's thread. A connection that cannot have one is closed.
fn converse(number: u64, mut stream: TcpStream, shared: &Arc<Shared>) -> Option<JoinHandle<()>> {
    let mut connections = shared.connections();
    if connections.len() >= MAX_CONNECTIONS {
        let _ = stream.write_all(b"-ERR [SYS/TEMP] too many connections\r\n");
        return None;
    }
    connections.insert(number, stream.try_clone().ok()?);
    drop(connections);
    let thread = std::thread::Builder::new().name("pop3-session".to_owned()).spawn({
        let shared = Arc::clone(shared);
        move || {
            // A connection that breaks is the client's affair: its session ends without UPDATE.
            let _ = session(&mut stream, &shared.mailboxes);
            shared.connections().remove(&number);
        }
    });
    if thread.is_err() {
        shared.connections().remove(&number);
    }
    thread.ok()
}

fn session(stream: &mut TcpStream, mailboxes: &Arc<[Arc<Mailbox>]>) -> io::Result<()> {
    stream.set_read_timeout(Some(IDLE))?;
    stream.set_write_timeout(Some(IDLE))?;
    stream.set_nodelay(true)?;
    let mut out = Vec::new();
    let mut dialog = Dialog::begin(Arc::clone(mailboxes), &mut out);
    let mut buffer = [0; 4096];
    loop {
        match dialog.answer(&mut out) {
            Exchange::Answered if out.len() < SEND_AT => {}
            Exchange::Answered => send(stream, &mut out)?,
            Exchange::Waiting => {
                send(stream, &mut out)?;
                let count = stream.read(&mut buffer)?;
                if count == 0 {
                    return Ok(());
                }
                dialog.receive(&buffer[..count]);
            }
            Exchange::Over => {
                send(stream, &mut out)?;
                return farewell(stream, &mut buffer);
            }
        }
    }
}

fn send(stream: &mut TcpStream, out: &mut Vec<u8>) -> io::Result<()> {
    stream.write_all(out)?;
    // What a large message needed is not kept for the small replies that follow.
    *out = Vec::new();
    Ok(())
}

/// Closes so that the last reply arrives: a socket that is closed with unread octets is reset.
fn farewell(stream: &mut TcpStream, buffer: &mut [u8]) -> io::Result<()> {
    stream.shutdown(Shutdown::Write)?;
    stream.set_read_timeout(Some(FAREWELL))?;
    for _ in 0..16 {
        if stream.read(buffer)? == 0 {
            break;
        }
    }
    Ok(())
}

#[cfg(test)]
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

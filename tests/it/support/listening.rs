//! A server that keeps every octet that reaches it, as it came over the wire and as it was meant.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use native_tls::TlsAcceptor;

/// What the server does before TLS.
#[derive(Clone, Copy)]
pub(crate) enum Before {
    /// TLS from the first octet.
    Nothing,
    /// A greeting, and `+OK` to STLS; CAPA offers it.
    Stls,
}

/// What one connection brought.
#[derive(Clone, Default)]
pub(crate) struct Heard {
    /// Every octet that came over the wire.
    pub(crate) wire: Vec<u8>,
    /// The lines before TLS.
    pub(crate) clear: Vec<String>,
    /// What came under TLS, decrypted.
    pub(crate) under_tls: Vec<u8>,
}

/// A running server.
pub(crate) struct Listening {
    port: u16,
    heard: Arc<Mutex<Vec<Arc<Mutex<Heard>>>>>,
}

impl Listening {
    /// Greets under TLS and then only listens.
    pub(crate) fn start(acceptor: TlsAcceptor, before: Before) -> Listening {
        Listening::serving(before, move |socket, heard| {
            if let Ok(stream) = acceptor.accept(socket) {
                listen(stream, heard);
            }
        })
    }

    /// The same with OpenSSL's own acceptor, which can be made to show weak certificates.
    pub(crate) fn with_openssl(acceptor: openssl::ssl::SslAcceptor) -> Listening {
        Listening::serving(Before::Nothing, move |socket, heard| {
            if let Ok(stream) = acceptor.accept(socket) {
                listen(stream, heard);
            }
        })
    }

    /// Answers the handshake with these octets, and then only listens.
    pub(crate) fn answering(garbage: &'static [u8], before: Before) -> Listening {
        Listening::serving(before, |mut socket, _| {
            let mut buffer = [0; 4096];
            // The client's hello first: what comes before it would be an injection.
            let _ = socket.read(&mut buffer);
            let _ = socket.write_all(garbage);
            while let Ok(1..) = socket.read(&mut buffer) {}
        })
    }

    fn serving(before: Before, serve: impl Fn(Tap, &Arc<Mutex<Heard>>) + Send + Sync + 'static) -> Listening {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let connections = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&connections);
        let serve = Arc::new(serve);
        thread::spawn(move || {
            // Ends with the test's process.
            while let Ok((socket, _)) = listener.accept() {
                let heard = Arc::new(Mutex::new(Heard::default()));
                kept.lock().unwrap().push(Arc::clone(&heard));
                let serve = Arc::clone(&serve);
                thread::spawn(move || {
                    let mut socket = Tap { socket, heard: Arc::clone(&heard) };
                    if matches!(before, Before::Nothing) || agree_on_stls(&mut socket, &heard).is_some() {
                        serve(socket, &heard);
                    }
                });
            }
        });
        Listening { port, heard: connections }
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// What each connection has brought so far.
    pub(crate) fn heard(&self) -> Vec<Heard> {
        self.heard.lock().unwrap().iter().map(|heard| heard.lock().unwrap().clone()).collect()
    }
}

/// Greets under TLS, and keeps what comes.
fn listen(mut stream: impl Read + Write, heard: &Mutex<Heard>) {
    let _ = stream.write_all(b"+OK ready\r\n");
    let mut buffer = [0; 4096];
    while let Ok(n @ 1..) = stream.read(&mut buffer) {
        heard.lock().unwrap().under_tls.extend_from_slice(&buffer[..n]);
    }
}

/// Greeting, CAPA and STLS, until the client has its `+OK` for STLS.
fn agree_on_stls(socket: &mut Tap, heard: &Mutex<Heard>) -> Option<()> {
    socket.write_all(b"+OK ready\r\n").ok()?;
    loop {
        let mut line = Vec::new();
        while !line.ends_with(b"\r\n") {
            let mut octet = [0];
            socket.read_exact(&mut octet).ok()?;
            line.push(octet[0]);
        }
        let line = String::from_utf8_lossy(&line).trim_end().to_owned();
        heard.lock().unwrap().clear.push(line.clone());
        match line.as_str() {
            "CAPA" => socket.write_all(b"+OK\r\nSTLS\r\nUSER\r\nSASL PLAIN\r\n.\r\n").ok()?,
            "STLS" => return socket.write_all(b"+OK begin\r\n").ok(),
            _ => socket.write_all(b"-ERR\r\n").ok()?,
        }
    }
}

/// A socket that keeps what is read from it.
#[derive(Debug)]
struct Tap {
    socket: TcpStream,
    heard: Arc<Mutex<Heard>>,
}

impl std::fmt::Debug for Heard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "Heard({:?}, {} octets, {:?})",
            self.clear,
            self.wire.len(),
            self.under_tls.escape_ascii().to_string()
        )
    }
}

impl Read for Tap {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.socket.read(buffer)?;
        self.heard.lock().unwrap().wire.extend_from_slice(&buffer[..n]);
        Ok(n)
    }
}

impl Write for Tap {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        self.socket.write(octets)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.socket.flush()
    }
}

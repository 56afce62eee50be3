//! A tiny SOCKS5 proxy (RFC 1928) that wants a login (RFC 1929) and takes every name for this
//! machine.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

/// A running proxy.
pub(crate) struct SocksProxy {
    port: u16,
    asked: Arc<Mutex<Vec<String>>>,
}

impl SocksProxy {
    /// Lets in whoever gives this user and password.
    pub(crate) fn start(user: &'static str, password: &'static str) -> SocksProxy {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&asked);
        thread::spawn(move || {
            // Ends with the test's process.
            while let Ok((socket, _)) = listener.accept() {
                let kept = Arc::clone(&kept);
                thread::spawn(move || serve(socket, (user, password), &kept));
            }
        });
        SocksProxy { port, asked }
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// The destinations that it was asked for: `name:port`, `user:password@` before it.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

fn serve(mut client: TcpStream, login: (&str, &str), asked: &Mutex<Vec<String>>) -> io::Result<()> {
    let [_version, methods] = receive(&mut client)?;
    let methods = receive_many(&mut client, methods)?;
    if !methods.contains(&2) {
        return client.write_all(&[5, 0xFF]);
    }
    client.write_all(&[5, 2])?;
    let [_version, length] = receive(&mut client)?;
    let user = receive_many(&mut client, length)?;
    let [length] = receive(&mut client)?;
    let password = receive_many(&mut client, length)?;
    let right = (user.as_slice(), password.as_slice()) == (login.0.as_bytes(), login.1.as_bytes());
    client.write_all(&[1, u8::from(!right)])?;
    if !right {
        return Ok(());
    }
    let [_version, _connect, _reserved, kind] = receive(&mut client)?;
    let name = match kind {
        3 => {
            let [length] = receive(&mut client)?;
            String::from_utf8_lossy(&receive_many(&mut client, length)?).into_owned()
        }
        // An address means that the name was resolved on the wrong side.
        _ => return client.write_all(&[5, 8, 0, 1, 0, 0, 0, 0, 0, 0]),
    };
    let port = u16::from_be_bytes(receive(&mut client)?);
    asked.lock().unwrap().push(format!("{name}:{port}"));
    let Ok(server) = TcpStream::connect((Ipv4Addr::LOCALHOST, port)) else {
        return client.write_all(&[5, 5, 0, 1, 0, 0, 0, 0, 0, 0]);
    };
    client.write_all(&[5, 0, 0, 1, 127, 0, 0, 1, 0, 0])?;
    let (mut from_client, mut to_server) = (client.try_clone()?, server.try_clone()?);
    thread::spawn(move || {
        let _ = io::copy(&mut from_client, &mut to_server);
        let _ = to_server.shutdown(Shutdown::Both);
    });
    io::copy(&mut { server }, &mut client)?;
    client.shutdown(Shutdown::Both)
}

fn receive<const N: usize>(socket: &mut TcpStream) -> io::Result<[u8; N]> {
    let mut octets = [0; N];
    socket.read_exact(&mut octets)?;
    Ok(octets)
}

fn receive_many(socket: &mut TcpStream, length: u8) -> io::Result<Vec<u8>> {
    let mut octets = vec![0; usize::from(length)];
    socket.read_exact(&mut octets)?;
    Ok(octets)
}

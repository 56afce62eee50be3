//! A POP3 server over TLS with an empty maildrop whose mechanisms are rsasl's: another implementation than
//! ours, and with the -PLUS mechanisms that Dovecot 2.3 lacks.

use std::io::{Cursor, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use native_tls::TlsAcceptor;
use rsasl::callback::{Context, Request, SessionCallback, SessionData};
use rsasl::mechanisms::scram::properties::ScramStoredPassword;
use rsasl::mechanisms::scram::{SCRAM_SHA1, SCRAM_SHA1_PLUS, SCRAM_SHA256, SCRAM_SHA256_PLUS};
use rsasl::mechname::Mechname;
use rsasl::prelude::{
    ChannelBindingCallback, Mechanism, Registry, SASLConfig, SASLServer, SessionError, State, Validation,
};
use rsasl::property::AuthId;
use rsasl::validate::{Validate, ValidationError};
use sha2::Digest as _;

use super::maildrop::PASSWORD;

/// What rsasl can do here. Its servers notice by this list when a client thinks that there is no -PLUS.
static MECHANISMS: [Mechanism; 4] = [SCRAM_SHA256_PLUS, SCRAM_SHA1_PLUS, SCRAM_SHA256, SCRAM_SHA1];

/// A running server; it ends when the test's process does.
pub(crate) struct SaslServer {
    port: u16,
    heard: Arc<Mutex<Vec<String>>>,
}

impl SaslServer {
    /// Announces `offer` (a SASL line of CAPA), and binds logins to `bound_to` if that is given, as if
    /// somebody between had shown the client another certificate.
    pub(crate) fn start(acceptor: TlsAcceptor, offer: &str, bound_to: Option<&'static [u8]>) -> SaslServer {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let heard = Arc::<Mutex<Vec<String>>>::default();
        let (offer, noted) = (offer.to_owned(), Arc::clone(&heard));
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let Ok(tls) = acceptor.accept(stream.unwrap()) else { continue };
                let end_point = tls.tls_server_end_point().unwrap().unwrap_or_default();
                let binding = bound_to.map_or(end_point, <[u8]>::to_vec);
                let mut session = Session { tls, binding, heard: Arc::clone(&noted) };
                // A client that goes away is no error of the test.
                let _ = session.serve(&offer);
            }
        });
        SaslServer { port, heard }
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Every line that clients said.
    pub(crate) fn heard(&self) -> Vec<String> {
        self.heard.lock().unwrap().clone()
    }
}

/// The one user is `joe`.
struct Users;

/// The login is good.
struct Good;

impl Validation for Good {
    type Value = ();
}

impl SessionCallback for Users {
    fn callback(
        &self,
        session: &SessionData,
        context: &Context<'_>,
        request: &mut Request<'_>,
    ) -> Result<(), SessionError> {
        if context.get_ref::<AuthId>() == Some("joe") {
            let (stored, server) = if session.mechanism().mechanism.as_str().starts_with("SCRAM-SHA-1") {
                let mut salted = [0; 20];
                pbkdf2::pbkdf2_hmac::<sha1::Sha1>(PASSWORD.as_bytes(), b"salt", 4096, &mut salted);
                (
                    sha1::Sha1::digest(keyed::<sha1::Sha1>(&salted, "Client Key")).to_vec(),
                    keyed::<sha1::Sha1>(&salted, "Server Key"),
                )
            } else {
                let mut salted = [0; 32];
                pbkdf2::pbkdf2_hmac::<sha2::Sha256>(PASSWORD.as_bytes(), b"salt", 4096, &mut salted);
                (
                    sha2::Sha256::digest(keyed::<sha2::Sha256>(&salted, "Client Key")).to_vec(),
                    keyed::<sha2::Sha256>(&salted, "Server Key"),
                )
            };
            request.satisfy::<ScramStoredPassword<'_>>(&ScramStoredPassword::new(
                4096, b"salt", &stored, &server,
            ))?;
        }
        Ok(())
    }

    fn validate(
        &self,
        _: &SessionData,
        _: &Context<'_>,
        validate: &mut Validate<'_>,
    ) -> Result<(), ValidationError> {
        validate.with::<Good, _>(|| Ok(()))?;
        Ok(())
    }
}

fn keyed<H: hmac::EagerHash>(key: &[u8], text: &str) -> Vec<u8> {
    use hmac::{Hmac, KeyInit as _, Mac as _};
    let mut mac = <Hmac<H>>::new_from_slice(key).unwrap();
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

struct Binding(Vec<u8>);

impl ChannelBindingCallback for Binding {
    fn get_cb_data(&self, name: &str) -> Option<&[u8]> {
        (name == "tls-server-end-point").then_some(&self.0)
    }
}

struct Session {
    tls: native_tls::TlsStream<TcpStream>,
    binding: Vec<u8>,
    heard: Arc<Mutex<Vec<String>>>,
}

impl Session {
    fn serve(&mut self, offer: &str) -> std::io::Result<()> {
        self.say("+OK ready")?;
        loop {
            let line = self.line()?;
            match line.split(' ').collect::<Vec<_>>()[..] {
                ["CAPA"] => self.say(&format!("+OK\r\nUIDL\r\nSASL {offer}\r\n."))?,
                ["AUTH", mechanism] => self.authenticate(mechanism, None)?,
                ["AUTH", mechanism, initial] => self.authenticate(mechanism, Some(initial.to_owned()))?,
                ["STAT"] => self.say("+OK 0 0")?,
                ["LIST" | "UIDL"] => self.say("+OK\r\n.")?,
                ["QUIT"] => return self.say("+OK bye"),
                _ => self.say("-ERR unknown command")?,
            }
        }
    }

    fn authenticate(&mut self, mechanism: &str, initial: Option<String>) -> std::io::Result<()> {
        let registry = Registry::with_mechanisms(&MECHANISMS);
        let config = SASLConfig::builder().with_registry(registry).with_callback(Users).unwrap();
        let server = SASLServer::<Good, _>::with_cb(config, Binding(self.binding.clone()));
        let Ok(mut exchange) = server.start_suggested(Mechname::parse(mechanism.as_bytes()).unwrap()) else {
            return self.say("-ERR unsupported authentication mechanism");
        };
        let mut said = if let Some(initial) = initial {
            initial
        } else {
            self.say("+ ")?;
            self.line()?
        };
        loop {
            let input = STANDARD.decode(&said).unwrap();
            let mut output = Cursor::new(Vec::new());
            let Ok(state) = exchange.step(Some(&input), &mut output) else {
                return self.say("-ERR [AUTH] authentication failed");
            };
            self.say(&format!("+ {}", STANDARD.encode(output.get_ref())))?;
            said = self.line()?;
            if matches!(state, State::Finished(_)) {
                let good = exchange.validation().is_some() && output.get_ref().starts_with(b"v=");
                return self.say(if good { "+OK in" } else { "-ERR [AUTH] authentication failed" });
            }
        }
    }

    fn say(&mut self, text: &str) -> std::io::Result<()> {
        self.tls.write_all(format!("{text}\r\n").as_bytes())
    }

    fn line(&mut self) -> std::io::Result<String> {
        let mut line = Vec::new();
        while !line.ends_with(b"\r\n") {
            let mut octet = [0];
            self.tls.read_exact(&mut octet)?;
            line.push(octet[0]);
        }
        let line = String::from_utf8_lossy(&line).trim_end().to_owned();
        self.heard.lock().unwrap().push(line.clone());
        Ok(line)
    }
}

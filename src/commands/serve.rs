//! `popkeep serve`: a read-only POP3 server over the archives.

use super::{Failure, load};
use crate::cli;
use crate::config::{self, Account, Config, SecretError};
use crate::exit::Exit;
use crate::net::{Listener, NetError, ServerIdentity, ServerTls};
use crate::progress::reading::ReadingBar;
use crate::progress::wording;
use crate::sasl::{Expected, NoRandomNumbers};
use crate::serve::{self, Archived, Watcher};
use crate::server::{Offer, Served as _, Server};
use crate::stop;
use crate::store::StoreError;
use crate::text::figures::grouped;
use secrecy::{ExposeSecret as _, SecretString};
use std::io::{self, IsTerminal as _, Write};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// Why nothing is served.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// Other machines could listen in. Exit 64.
    #[error(
        "{0} can be reached from other machines, so give a certificate with --tls-cert; or listen at 127.0.0.1:1110"
    )]
    NotEncrypted(SocketAddr),
    /// The address cannot be listened on. Exit 69.
    #[error("cannot listen at {address} ({reason}); choose another address or port with --listen")]
    Listen {
        /// Where.
        address: SocketAddr,
        /// What the system said.
        reason: io::Error,
    },
    /// An account's ledger or archive.
    #[error("{account}: {error}")]
    Store {
        /// The account.
        account: String,
        /// What is wrong.
        error: StoreError,
    },
    /// The password.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// The certificate.
    #[error(transparent)]
    Certificate(#[from] NetError),
    /// No password can be made. Exit 74.
    #[error(transparent)]
    Random(#[from] NoRandomNumbers),
}

impl ServeError {
    /// The exit code it calls for.
    pub fn exit(&self) -> Exit {
        match self {
            ServeError::NotEncrypted(_) => Exit::USAGE,
            ServeError::Listen { .. } => Exit::UNAVAILABLE,
            ServeError::Store { error, .. } => error.exit(),
            ServeError::Secret(error) => error.exit(),
            ServeError::Certificate(error) => error.exit(),
            ServeError::Random(_) => Exit::IO,
        }
    }
}

/// Serves until a signal comes.
pub fn run(file: Option<&Path>, options: &cli::Serve, out: &mut dyn Write) -> Result<Exit, Failure> {
    let address = options.listen;
    let tls = match &options.tls_cert {
        None if !address.ip().to_canonical().is_loopback() => {
            return Err(ServeError::NotEncrypted(address).into());
        }
        None => None,
        Some(cert) => {
            let identity = ServerIdentity { cert: cert.clone(), key: options.tls_key.clone() };
            Some(ServerTls::new(&identity).map_err(ServeError::from)?)
        }
    };
    let config = load(file)?;
    let accounts = config.select(&options.accounts)?;
    stop::listen()?;
    // Before the archives are read, which may take long.
    let listen = |reason| ServeError::Listen { address, reason };
    let listener = Listener::bind(address).map_err(listen)?;
    let address = listener.address();
    let (password, once) = match &options.password_command {
        Some(command) => (config::obtain_server_password(command).map_err(ServeError::from)?, false),
        None => (serve::one_time().map_err(ServeError::from)?, true),
    };
    let expected = Arc::new(Expected::new(password.clone()));
    let mut offers = Vec::new();
    let mut messages = 0;
    for account in &accounts {
        let archived = indexed(&config, account)?;
        messages += archived.messages() as u64;
        offers.push(Offer { maildrop: Box::new(archived), password: Arc::clone(&expected) });
    }
    let is_encrypted = tls.is_some();
    let server = Server::listen(listener, offers, tls).map_err(listen)?;
    tell(out, (address, is_encrypted), &accounts, messages, once.then_some(&password))?;
    let exit = loop {
        if let Some(exit) = stop::requested() {
            break exit;
        }
        stop::pause(Duration::MAX);
    };
    drop(server);
    Ok(exit)
}

fn indexed(config: &Config, account: &Account) -> Result<Archived, ServeError> {
    let shows = io::stderr().is_terminal();
    let mut progress =
        Progress { bar: ReadingBar::new(&format!("index {}", account.name), 0, shows), messages: 0, shows };
    // Without one every start reads everything.
    let cache = config.cache_dir.clone().or_else(|| config::cache_dir().ok());
    let opened = Archived::open(config, account, cache, &mut progress);
    progress.bar.clear();
    opened.map_err(|error| ServeError::Store { account: account.name.clone(), error })
}

struct Progress {
    bar: ReadingBar,
    messages: u64,
    shows: bool,
}

impl Watcher for Progress {
    fn begin(&mut self, octets: &dyn Fn() -> u64) {
        if self.shows {
            self.bar.begins(octets());
        }
    }

    fn went_on(&mut self, octets: u64) {
        self.messages += 1;
        let messages = self.messages;
        self.bar.advance(octets, &|| format!("{} messages", grouped(messages)));
    }
}

/// What to type into a mail program.
fn tell(
    out: &mut dyn Write,
    (address, is_encrypted): (SocketAddr, bool),
    accounts: &[&Account],
    messages: u64,
    password: Option<&SecretString>,
) -> io::Result<()> {
    writeln!(
        out,
        "{} can be read here until you end this with Ctrl-C. Nothing in the archive can be changed.\n\n\
         Type this into your mail program:\n\
         type: POP3",
        wording::messages(messages)
    )?;
    if address.ip().is_unspecified() {
        writeln!(out, "server: the name of this machine")?;
    } else {
        writeln!(out, "server: {}", address.ip())?;
    }
    let encryption = if is_encrypted { "SSL/TLS or STARTTLS" } else { "none" };
    writeln!(out, "port: {}\nencryption: {encryption}", address.port())?;
    for account in accounts {
        writeln!(out, "user: {}", account.name)?;
    }
    match password {
        Some(password) => writeln!(out, "password: {}", password.expose_secret())?,
        None => writeln!(out, "The password is the one that your command printed.")?,
    }
    writeln!(
        out,
        "\nLet your mail program leave messages on the server: this server refuses to delete, and some programs \
         complain about that."
    )?;
    out.flush()
}

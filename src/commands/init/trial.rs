//! The test of the login, by the same path that `check` and `fetch` take.

use super::super::check::{amount, connection};
use super::super::output;
use crate::clock;
use crate::config::Account;
use crate::connect::{self, ConnectError};
use crate::exit::Exit;
use crate::net::NetError;
use crate::progress::wording;
use crate::session::SessionError;

/// What the test found.
#[derive(Debug)]
pub(super) struct Found {
    /// How the connection was protected and the login done, as a sentence.
    pub(super) connection: String,
    /// What waits on the server, as a sentence.
    pub(super) waiting: String,
}

/// What a failure is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Blame {
    /// The user name or the password.
    Login,
    /// Where the password comes from.
    Secret,
    /// The moment: a locked maildrop, a busy server.
    Moment,
    /// The server, its port or its protection.
    Server,
}

/// Logs in, looks at what is there, and leaves. Nothing is fetched, deleted or written.
pub(super) fn run(account: &Account, verbose: u8) -> Result<Found, ConnectError> {
    let (observer, trace) = output::watch(verbose, &[account]);
    let mut session =
        connect::open_session(None, account, connect::run_deadline(&account.access), trace, &observer)?;
    let listing = session.listing()?;
    let octets = listing.iter().filter_map(|message| message.size).sum();
    let protection = connection::security(&session.security(), account);
    let found = Found {
        connection: format!("{protection}; logged in by {}.", session.mechanism()),
        waiting: format!("On the server: {}.", amount(listing.len() as u64, octets)),
    };
    connect::quit_after_a_look(session);
    Ok(found)
}

/// Whose fault it seems to be.
pub(super) fn blames(error: &ConnectError) -> Blame {
    match error {
        ConnectError::Secret(_) => Blame::Secret,
        ConnectError::Session(
            SessionError::LoginRefused(_) | SessionError::Sasl(_) | SessionError::Unencodable(_),
        ) => Blame::Login,
        _ if error.exit() == Exit::TRY_LATER => Blame::Moment,
        _ => Blame::Server,
    }
}

/// The failure in lines; with it the certificate, if that is what it is about.
pub(super) fn words(error: &ConnectError) -> Vec<String> {
    let mut lines = vec![wording::printable(&error.to_string())];
    if let Some(NetError::Certificate { leaf: Some(leaf), .. }) = error.net() {
        let facts = connection::certificate(leaf, clock::now()).into_iter();
        let facts = facts.filter(|(name, _)| *name != connection::PIN);
        lines.extend(facts.map(|(name, value)| format!("{name}: {value}")));
        lines.push(format!("fingerprint (SHA-256): {}", leaf.fingerprint));
    }
    lines
}

//! Host, port and protection where a server may be, and whether one can be trusted.
//!
//! Promises: nothing but STLS is said to a server; no clear-text connection is ever called
//! trusted; each candidate has [`GREETING`] and no more.

use crate::config::{Account, Draft, Tls};
use crate::connect::{self, ConnectError};
use crate::event::{Event, Observer};
use crate::net::NetError;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

/// How long a server may take to show its certificate and to greet.
const GREETING: Duration = Duration::from_secs(10);

/// Where a server may be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// Its name.
    pub host: String,
    /// The port.
    pub port: u16,
    /// How the connection is to be protected: never [`Tls::None`].
    pub tls: Tls,
}

impl Candidate {
    /// Whether a server that can be trusted greets there.
    fn try_it(&self, ca_file: Option<&str>) -> Result<(), ConnectError> {
        let mut draft = Draft::new("probe");
        draft.host.clone_from(&self.host);
        draft.port = Some(self.port);
        draft.tls = self.tls;
        draft.tls_ca_file = ca_file.map(str::to_owned);
        let unknown = |reason| NetError::UnknownHost { host: self.host.clone(), reason };
        let mut account = draft.account().map_err(unknown)?;
        account.access.timeout = GREETING;
        account.access.connect_timeout = GREETING;
        reach(&account)
    }
}

/// Connects to the account's server and waits for its greeting. Nothing that could log anybody in is said.
pub fn reach(account: &Account) -> Result<(), ConnectError> {
    let nobody: Arc<dyn Observer> = Arc::new(Nobody);
    connect::greets(account, Some(Instant::now() + GREETING), &nobody)
}

/// The first of these candidates, in their order, where a server that can be trusted greets. They are
/// tried all at once. What could not be trusted is added to `distrusted`.
pub fn first_to_greet(
    candidates: Vec<Candidate>,
    ca_file: Option<&str>,
    distrusted: &mut Vec<String>,
) -> Option<Candidate> {
    let outcomes: Vec<_> = thread::scope(|scope| {
        let mut tries = Vec::new();
        for candidate in &candidates {
            tries.push((candidate, thread::Builder::new().spawn_scoped(scope, || candidate.try_it(ca_file))));
        }
        let end = |(candidate, begun): (&Candidate, std::io::Result<thread::ScopedJoinHandle<'_, _>>)| {
            match begun {
                Ok(begun) => begun.join(),
                // Where the system allows no further thread, one after the other.
                Err(_) => Ok(candidate.try_it(ca_file)),
            }
        };
        tries.into_iter().map(end).collect()
    });
    let mut found = None;
    for (candidate, outcome) in candidates.into_iter().zip(outcomes) {
        match outcome {
            Ok(Ok(())) => found = found.or(Some(candidate)),
            Ok(Err(error)) if matches!(error.net(), Some(NetError::Certificate { .. })) => {
                distrusted.push(format!("{} port {}: {error}", candidate.host, candidate.port));
            }
            _ => {}
        }
    }
    found
}

/// Nobody watches a look at a server.
struct Nobody;

impl Observer for Nobody {
    fn event(&self, _account: &str, _event: Event<'_>) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_answers_where_nobody_is() {
        // The discard service, which hardly any machine has, and which would not greet.
        let (host, tls) = ("127.0.0.1".to_owned(), Tls::Implicit);
        let candidates = vec![
            Candidate { host: host.clone(), port: 9, tls },
            Candidate { host, port: 9, tls: Tls::StartTls },
        ];
        let mut distrusted = Vec::new();
        assert_eq!(first_to_greet(candidates, None, &mut distrusted), None);
        assert!(distrusted.is_empty());
    }
}

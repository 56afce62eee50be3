//! The TLS library's part of the settings, which is dear to make: it reads the system's hundred or
//! more authorities, about 40 ms on a fast machine and many times that on a small one.
//!
//! It is made once for all accounts that need the same, when it is first needed.

use super::TlsVersion;
use native_tls::{TlsConnector, TlsConnectorBuilder};
use std::path::PathBuf;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

type Made = Result<TlsConnector, String>;
type Recipe = Box<dyn FnOnce() -> Made + Send>;

/// What tells one connector from another, but for a certificate of ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Kind {
    /// See `TlsOptions`.
    pub ca_file: Option<PathBuf>,
    /// See `TlsOptions`.
    pub min_version: TlsVersion,
    /// The server's certificate is compared with a pin, and not verified.
    pub pinned: bool,
}

static MADE: Mutex<Vec<(Kind, Connector)>> = Mutex::new(Vec::new());

/// A connector, made when it is first asked for.
#[derive(Clone, Debug)]
pub(super) struct Connector(Arc<LazyLock<Made, Recipe>>);

impl Connector {
    /// One that will be made so.
    pub(super) fn new(builder: TlsConnectorBuilder) -> Self {
        let recipe: Recipe = Box::new(move || builder.build().map_err(|error| error.to_string()));
        Connector(Arc::new(LazyLock::new(recipe)))
    }

    /// The one of this kind; `builder` says how to make it if there is none yet.
    pub(super) fn shared<E>(
        kind: Kind,
        builder: impl FnOnce() -> Result<TlsConnectorBuilder, E>,
    ) -> Result<Self, E> {
        let mut made = MADE.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, connector)) = made.iter().find(|(known, _)| *known == kind) {
            return Ok(connector.clone());
        }
        let connector = Connector::new(builder()?);
        made.push((kind, connector.clone()));
        Ok(connector)
    }

    /// Makes it, or waits until another thread has. The error is the TLS library's.
    pub(super) fn get(&self) -> Result<&TlsConnector, &str> {
        LazyLock::force(&self.0).as_ref().map_err(String::as_str)
    }
}

//! From what the configuration says of a server to a connection with it: proxy, TLS, time limits.
//!
//! Promises: everything ends with the run; when a certificate is not trusted, a second connection, on which nothing but
//! STARTTLS is ever said, finds out what is wrong with it.

use super::ConnectError;
use crate::config::{self, Access, Tls};
use crate::net::{self, ClientIdentity, NetError, Route, TlsOptions, TlsSettings, Transport};
use std::time::{Duration, Instant};

/// A server, and how to connect to it.
pub(super) struct Reach {
    pub(super) access: Access,
    /// `None` for clear text.
    pub(super) tls: Option<TlsSettings>,
    /// The end of the run.
    pub(super) until: Option<Instant>,
}

/// How one connection is made.
#[derive(Clone, Copy)]
pub(super) struct Attempt<'a> {
    pub(super) tls: Option<&'a TlsSettings>,
    pub(super) connect_timeout: Duration,
    pub(super) until: Option<Instant>,
}

impl Reach {
    /// Reads the files that the configuration names.
    pub(super) fn new(access: &Access, until: Option<Instant>) -> Result<Self, ConnectError> {
        Ok(Reach { tls: tls_settings(access)?, access: access.clone(), until })
    }

    /// The usual attempt.
    pub(super) fn attempt(&self) -> Attempt<'_> {
        Attempt { tls: self.tls.as_ref(), connect_timeout: self.access.connect_timeout, until: self.until }
    }

    /// Connects, with TLS if that is implicit.
    pub(super) fn connect(&self, attempt: Attempt<'_>) -> Result<Box<dyn Transport>, ConnectError> {
        let Attempt { tls, connect_timeout, until } = attempt;
        let access = &self.access;
        let route = Route {
            host: &access.host,
            port: access.port,
            family: access.address_family,
            proxy: access.proxy.as_ref(),
        };
        let left = until.map(|until| until.saturating_duration_since(Instant::now()));
        let timeout = left.map_or(connect_timeout, |left| left.min(connect_timeout));
        let transport = std::thread::scope(|scope| {
            if let Some(tls) = tls {
                // Without a thread it is prepared when it is needed.
                let _ = std::thread::Builder::new().spawn_scoped(scope, || tls.prepare());
            }
            net::connect(&route, tls.filter(|_| access.tls == Tls::Implicit), timeout)
        })?;
        Ok(transport)
    }

    /// What STARTTLS goes over to, if that is configured.
    pub(super) fn start_tls(&self) -> Option<&TlsSettings> {
        self.tls.as_ref().filter(|_| self.access.tls == Tls::StartTls)
    }

    /// The same error; if it is about a certificate that nobody has seen yet, with what the certificate says. `begun` is
    /// when the first attempt began: both together take no longer than one may. `shake_hands` connects and goes over to
    /// TLS.
    pub(super) fn explain(
        &self,
        error: ConnectError,
        begun: Instant,
        shake_hands: impl FnOnce(Attempt<'_>, &TlsSettings) -> Result<(), ConnectError>,
    ) -> ConnectError {
        let (Some(tls), Some(NetError::Certificate { leaf: None, distrust, .. })) = (&self.tls, error.net())
        else {
            return error;
        };
        let left = self.access.connect_timeout.saturating_sub(begun.elapsed());
        if left.is_zero() {
            return error;
        }
        let looked = tls.only_to_look(distrust.clone()).map_err(ConnectError::from).and_then(|tls| {
            let until = Instant::now().checked_add(left).into_iter().chain(self.until).min();
            shake_hands(Attempt { tls: Some(&tls), connect_timeout: left, until }, &tls)
        });
        match looked {
            Err(seen) if matches!(seen.net(), Some(NetError::Certificate { leaf: Some(_), .. })) => seen,
            _ => error,
        }
    }
}

/// What the configuration says about TLS; `None` for clear text.
fn tls_settings(access: &Access) -> Result<Option<TlsSettings>, ConnectError> {
    if access.tls == Tls::None {
        return Ok(None);
    }
    let identity = match &access.tls_client {
        None => None,
        Some(certificate) => Some(ClientIdentity {
            file: certificate.file.clone(),
            key: certificate.key.clone(),
            password: config::obtain_client_password(certificate)?,
        }),
    };
    let options = TlsOptions {
        server_name: access.tls_server_name.as_deref().unwrap_or(&access.host),
        ca_file: access.tls_ca_file.as_deref(),
        fingerprints: &access.tls_fingerprint,
        min_version: access.tls_min_version,
        identity,
    };
    Ok(Some(TlsSettings::new(&options)?))
}

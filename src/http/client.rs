//! Posts a form.

use super::address::{self, AddressFault};
use crate::clock::{self, UnixTime};
use crate::exit::Exit;
use crate::net::{NetError, Proxy, authorities_der, is_here};
use crate::text::dates;
use secrecy::ExposeSecret as _;
use secrecy::zeroize::Zeroizing;
use std::io::{self, ErrorKind, Read as _};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use ureq::config::Config;
use ureq::http::Uri;
use ureq::tls::{Certificate, RootCerts, TlsConfig, TlsProvider};
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{DefaultConnector, NextTimeout};
use ureq::{Agent, ProxyProtocol};

/// The longest answer that is read, in octets. The longest token is a few thousand.
pub const ANSWER_LIMIT: u64 = 64 << 10;

/// The longest header of an answer, in octets.
const HEADER_LIMIT: usize = 32 << 10;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HttpError {
    /// Nothing may be sent there. Exit 78.
    #[error("cannot send anything to {host}: {fault}")]
    Address {
        /// The host.
        host: String,
        /// Why.
        fault: AddressFault,
    },
    /// In clear to another machine's loopback address. Exit 78.
    #[error("{host} would be reached in clear text through the proxy; use an https:// address")]
    ClearThroughProxy {
        /// The host.
        host: String,
    },
    /// The name does not resolve. Exit 68.
    #[error(
        "the host name {host} is unknown; check the network and the name service, then run popkeep again"
    )]
    UnknownHost {
        /// The name.
        host: String,
    },
    /// No connection, or it broke. Exit 69.
    #[error("no answer from {host} ({reason}); run popkeep again later")]
    Unreachable {
        /// The host.
        host: String,
        /// What happened.
        reason: String,
    },
    /// The certificate is not trusted. Exit 77.
    #[error("the certificate of {host} is not trusted ({reason}); if it is your own server, set `ca_file`")]
    Certificate {
        /// The host.
        host: String,
        /// What the TLS library said.
        reason: String,
    },
    /// More than [`ANSWER_LIMIT`]. Exit 75.
    #[error("the answer of {host} is longer than {ANSWER_LIMIT} octets; run popkeep again later")]
    TooLong {
        /// The host.
        host: String,
    },
    /// `ca_file` cannot be used. Exit 78.
    #[error("cannot use `ca_file` {path}: {reason}")]
    CaFile {
        /// The file.
        path: String,
        /// Why.
        reason: String,
    },
}

impl HttpError {
    /// The exit code it calls for.
    pub fn exit(&self) -> Exit {
        match self {
            HttpError::Address { .. } | HttpError::ClearThroughProxy { .. } | HttpError::CaFile { .. } => {
                Exit::CONFIG
            }
            HttpError::UnknownHost { .. } => Exit::NO_HOST,
            HttpError::Unreachable { .. } => Exit::UNAVAILABLE,
            HttpError::Certificate { .. } => Exit::REFUSED,
            HttpError::TooLong { .. } => Exit::TRY_LATER,
        }
    }
}

/// What a server answered.
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The body, whatever it is.
    pub body: Zeroizing<Vec<u8>>,
    /// After how many seconds to try again, if it says so.
    pub retry_after: Option<u64>,
}

/// Finds addresses; in clear text none but those of this machine, whatever a name service makes of `localhost`.
#[derive(Debug, Default)]
struct Here(DefaultResolver);

impl Resolver for Here {
    fn resolve(
        &self,
        uri: &Uri,
        config: &Config,
        timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, ureq::Error> {
        let found = self.0.resolve(uri, config, timeout)?;
        let here = |address: &SocketAddr| address.ip().to_canonical().is_loopback();
        if uri.scheme_str() == Some("http") && !found.iter().all(here) {
            let reason = "it is another machine, and the address begins with http://";
            return Err(io::Error::new(ErrorKind::AddrNotAvailable, reason).into());
        }
        Ok(found)
    }
}

/// Sends requests.
pub struct Client {
    agent: Agent,
    /// There is a proxy, on another machine.
    distant_proxy: bool,
}

impl Client {
    /// Reads `ca_file`, the authorities to trust instead of the system's. Each request ends within `limit`.
    pub fn new(proxy: Option<&Proxy>, ca_file: Option<&Path>, limit: Duration) -> Result<Client, HttpError> {
        let roots = match ca_file {
            None => RootCerts::PlatformVerifier,
            Some(path) => {
                let authorities = authorities_der(path).map_err(|error| match error {
                    NetError::CaFile { path, reason } => HttpError::CaFile { path, reason },
                    other => {
                        HttpError::CaFile { path: path.display().to_string(), reason: other.to_string() }
                    }
                })?;
                let certificates =
                    authorities.iter().map(|der| Certificate::from_der(der).to_owned()).collect();
                RootCerts::Specific(Arc::new(certificates))
            }
        };
        let tls = TlsConfig::builder().provider(TlsProvider::NativeTls).root_certs(roots).build();
        let unreachable = |error: &ureq::Error, proxy: &Proxy| HttpError::Unreachable {
            host: proxy.host.clone(),
            reason: error.to_string(),
        };
        let through = match proxy {
            None => None,
            Some(proxy) => {
                let builder = ureq::Proxy::builder(ProxyProtocol::Socks5)
                    .host(&proxy.host)
                    .port(proxy.port)
                    .resolve_target(false);
                let builder = match &proxy.login {
                    None => builder,
                    Some(login) => builder.username(&login.user).password(login.password.expose_secret()),
                };
                Some(builder.build().map_err(|error| unreachable(&error, proxy))?)
            }
        };
        let config = Agent::config_builder()
            .tls_config(tls)
            .proxy(through)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .http_status_as_error(false)
            .max_response_header_size(HEADER_LIMIT)
            .timeout_global(Some(limit))
            .user_agent(concat!("popkeep/", env!("CARGO_PKG_VERSION")))
            .accept("application/json")
            .build();
        let distant_proxy = proxy.is_some_and(|proxy| !is_here(&proxy.host));
        Ok(Client {
            agent: Agent::with_parts(config, DefaultConnector::default(), Here::default()),
            distant_proxy,
        })
    }

    /// Posts these fields to an address. Whatever the status of the answer, it is an answer.
    pub fn post_form(&self, url: &str, fields: &[(&str, &str)]) -> Result<Answer, HttpError> {
        let host = || address::host(url).to_owned();
        address::check(url).map_err(|fault| HttpError::Address { host: host(), fault })?;
        if self.distant_proxy && !address::is_secure(url) {
            return Err(HttpError::ClearThroughProxy { host: host() });
        }
        let failed = |error: ureq::Error| failure(host(), &error);
        let mut response = self.agent.post(url).send_form(fields.iter().copied()).map_err(failed)?;
        let retry_after = response.headers().get("retry-after").and_then(|value| value.to_str().ok());
        let retry_after = retry_after.and_then(|value| wait(value, clock::now()));
        let status = response.status().as_u16();
        let mut body = Zeroizing::new(Vec::new());
        let mut reader = response.body_mut().as_reader().take(ANSWER_LIMIT + 1);
        reader
            .read_to_end(&mut body)
            .map_err(|error| HttpError::Unreachable { host: host(), reason: broken(&error) })?;
        if body.len() as u64 > ANSWER_LIMIT {
            return Err(HttpError::TooLong { host: host() });
        }
        Ok(Answer { status, body, retry_after })
    }
}

/// What Retry-After says (RFC 9110, section 10.2.3): seconds, or a date.
fn wait(value: &str, now: UnixTime) -> Option<u64> {
    let until = || u64::try_from(dates::from_http(value)?.checked_sub(now)?).ok();
    value.trim().parse().ok().or_else(until)
}

fn failure(host: String, error: &ureq::Error) -> HttpError {
    match error {
        ureq::Error::HostNotFound => HttpError::UnknownHost { host },
        ureq::Error::NativeTls(tls) => {
            let reason = tls.to_string();
            if reason.contains("certificate") {
                HttpError::Certificate { host, reason }
            } else {
                HttpError::Unreachable { host, reason }
            }
        }
        ureq::Error::Io(io) => HttpError::Unreachable { host, reason: broken(io) },
        ureq::Error::Timeout(_) => HttpError::Unreachable { host, reason: "it took too long".to_owned() },
        other => HttpError::Unreachable { host, reason: other.to_string() },
    }
}

fn broken(error: &io::Error) -> String {
    match error.kind() {
        ErrorKind::UnexpectedEof => "the connection ended in the middle of the answer".to_owned(),
        _ => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::{Here, wait};
    use ureq::config::Config;
    use ureq::unversioned::resolver::Resolver as _;
    use ureq::unversioned::transport::NextTimeout;

    #[test]
    fn in_clear_text_no_other_machine_is_reached() {
        let reached = |address: &str| {
            Here::default()
                .resolve(&address.parse().unwrap(), &Config::default(), NextTimeout::default())
                .is_ok()
        };
        assert!(
            reached("http://127.0.0.1/")
                && reached("http://[::ffff:127.0.0.1]/")
                && reached("https://192.0.2.1/")
        );
        assert!(!reached("http://192.0.2.1/") && !reached("http://[2001:db8::1]/"));
    }

    #[test]
    fn a_server_has_us_wait_for_seconds_or_until_a_date() {
        let date = "Sun, 06 Nov 1994 08:49:37 GMT";
        assert_eq!(wait(" 120 ", 0), Some(120));
        assert_eq!(wait(date, 784_111_700), Some(77));
        assert_eq!(
            (wait(date, 784_111_778), wait("soon", 0), wait("-1", 0), wait(date, i64::MIN)),
            (None, None, None, None)
        );
    }
}

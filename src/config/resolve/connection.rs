//! The server and the way to it: host and port, TLS, proxy, time limits.

use super::super::error::Fault;
use super::super::host::is_host;
use super::super::raw::RawStrings;
use super::super::resolved::{ClientCertificate, Tls};
use super::{Read, Reader, Table};
use crate::net::{AddressFamily, Fingerprint, Proxy, TlsVersion};
use secrecy::ExposeSecret;
use std::time::Duration;
use toml::Spanned;

/// The default of `timeout`.
const TIMEOUT: Duration = Duration::from_mins(1);
/// The default of `run_timeout`: a server that dribbles cannot hold the account's lock for ever.
const RUN_TIMEOUT: Duration = Duration::from_hours(24);
/// The longest `timeout`: whoever wants more than a day has mistaken the unit.
const LONGEST_TIMEOUT: (Duration, &str) = (Duration::from_hours(24), "a day");
/// The longest `run_timeout`.
const LONGEST_RUN: (Duration, &str) = (Duration::from_hours(365 * 24), "365 days");

const TLS: &[(&str, Tls)] = &[("implicit", Tls::Implicit), ("starttls", Tls::StartTls), ("none", Tls::None)];
const VERSIONS: &[(&str, TlsVersion)] = &[
    ("1.0", TlsVersion::V1_0),
    ("1.1", TlsVersion::V1_1),
    ("1.2", TlsVersion::V1_2),
    ("1.3", TlsVersion::V1_3),
];
const FAMILIES: &[(&str, AddressFamily)] =
    &[("any", AddressFamily::Any), ("ipv4", AddressFamily::Ipv4), ("ipv6", AddressFamily::Ipv6)];

/// How long an account may wait for what.
pub(super) struct Limits {
    pub(super) timeout: Duration,
    pub(super) connect: Duration,
    pub(super) run: Duration,
}

impl Reader<'_> {
    pub(super) fn host(&self, table: &Table<'_>, value: &Spanned<String>) -> Read<String> {
        let host = value.get_ref();
        if is_host(host) {
            return Ok(host.clone());
        }
        let wanted = match host.rsplit_once(':') {
            Some((name, port)) if is_host(name) && port.parse::<u16>().is_ok() => {
                let table = table.name.get_ref();
                format!("the port has its own key; write host = {name:?} and port = {port} for {table:?}")
            }
            _ => "it must be a host name or an IP address".to_owned(),
        };
        Err(self.impossible("host", value, &wanted))
    }

    pub(super) fn port(&self, table: &Table<'_>) -> Read<Option<u16>> {
        let Some(value) = table.get(|a| &a.port) else { return Ok(None) };
        match u16::try_from(*value.get_ref()) {
            Ok(port) if port > 0 => Ok(Some(port)),
            _ => {
                let wanted = "a port is a number from 1 to 65535".to_owned();
                let fault = Fault::Value { key: "port", value: value.get_ref().to_string(), wanted };
                Err(self.error(&value.span(), fault))
            }
        }
    }

    pub(super) fn tls(&self, table: &Table<'_>) -> Read<Tls> {
        Ok(self.word(table, "tls", TLS, |a| &a.tls)?.unwrap_or(Tls::Implicit))
    }

    pub(super) fn tls_min_version(&self, table: &Table<'_>) -> Read<TlsVersion> {
        Ok(self.word(table, "tls_min_version", VERSIONS, |a| &a.tls_min_version)?.unwrap_or_default())
    }

    pub(super) fn address_family(&self, table: &Table<'_>) -> Read<AddressFamily> {
        Ok(self.word(table, "address_family", FAMILIES, |a| &a.address_family)?.unwrap_or_default())
    }

    pub(super) fn tls_server_name(&self, table: &Table<'_>) -> Read<Option<String>> {
        match table.get(|a| &a.tls_server_name) {
            None => Ok(None),
            Some(value) if is_host(value.get_ref()) => Ok(Some(value.get_ref().clone())),
            Some(value) => {
                let wanted = "it must be the host name or IP address in the certificate";
                Err(self.impossible("tls_server_name", value, wanted))
            }
        }
    }

    pub(super) fn tls_fingerprint(&self, table: &Table<'_>) -> Read<Vec<Fingerprint>> {
        let Some(value) = table.get(|a| &a.tls_fingerprint) else { return Ok(Vec::new()) };
        let read = |text: &String, span| {
            text.parse().map_err(|error| {
                let wanted = format!("{error}");
                self.error(&span, Fault::Value { key: "tls_fingerprint", value: text.clone(), wanted })
            })
        };
        match value.get_ref() {
            RawStrings::One(text) => Ok(vec![read(text, value.span())?]),
            // An empty list would mean to trust in the ordinary way, which is hardly what was meant.
            RawStrings::Several(list) if list.is_empty() => {
                let wanted = "give at least one fingerprint, or remove the key".to_owned();
                let fault = Fault::Value { key: "tls_fingerprint", value: String::new(), wanted };
                Err(self.error(&value.span(), fault))
            }
            RawStrings::Several(list) => list.iter().map(|text| read(text.get_ref(), text.span())).collect(),
        }
    }

    /// The certificate to show. An account that names one of its own has nothing of the
    /// defaults' in it.
    pub(super) fn tls_client(&self, table: &Table<'_>) -> Read<Option<ClientCertificate>> {
        let account = Some(table.name.get_ref().as_str());
        let table = match table.own.tls_client_cert {
            Some(_) => &Table { defaults: table.own, ..*table },
            None => table,
        };
        let key = table.get(|a| &a.tls_client_key);
        let password = table.get(|a| &a.tls_client_password_command);
        let Some(file) = table.get(|a| &a.tls_client_cert) else {
            return match key.or(password) {
                None => Ok(None),
                Some(alone) => Err(self.error(&alone.span(), Fault::NoClientCertificate)),
            };
        };
        Ok(Some(ClientCertificate {
            file: self.path("tls_client_cert", file, account)?,
            key: key.map(|key| self.path("tls_client_key", key, account)).transpose()?,
            password_command: password
                .map(|command| self.command("tls_client_password_command", command))
                .transpose()?,
        }))
    }

    /// The proxy. What is wrong with it is told without its value.
    pub(super) fn proxy(&self, table: &Table<'_>) -> Read<Option<Proxy>> {
        let Some(value) = table.get(|a| &a.proxy) else { return Ok(None) };
        let proxy = Proxy::parse(value.get_ref().0.expose_secret())
            .map_err(|error| self.error(&value.span(), Fault::Proxy(error)))?;
        Ok(Some(proxy))
    }

    pub(super) fn limits(&self, table: &Table<'_>) -> Read<Limits> {
        let of = |key, value: Option<&Spanned<String>>, longest| self.limit(key, value, longest);
        let timeout = of("timeout", table.get(|a| &a.timeout), LONGEST_TIMEOUT)?.unwrap_or(TIMEOUT);
        let connect = of("connect_timeout", table.get(|a| &a.connect_timeout), LONGEST_TIMEOUT)?;
        let run = of("run_timeout", table.get(|a| &a.run_timeout), LONGEST_RUN)?;
        Ok(Limits { timeout, connect: connect.unwrap_or(timeout), run: run.unwrap_or(RUN_TIMEOUT) })
    }
}

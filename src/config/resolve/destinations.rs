//! The folders to restore to.
//!
//! From the defaults they take how connections are made, and never who logs in, or with what: that is for the accounts'
//! servers.

use super::super::error::Fault;
use super::super::nearest::suggestion;
use super::super::raw::{RawAccount, RawDestination, RawFile};
use super::super::resolved::{Access, Destination, Tls};
use super::super::url::{DestinationUrl, UrlFault, imap_port};
use super::{Read, Reader, Table};
use toml::Spanned;

impl Reader<'_> {
    /// The destinations, in the order of the file, and what any other one would have.
    pub(super) fn destinations(&self, raw: &RawFile) -> Read<(Vec<Destination>, Access)> {
        let defaults = connection_of(&raw.defaults);
        let mut named: Vec<_> = raw.destinations.iter().collect();
        named.sort_by_key(|(name, _)| name.span().start);
        let mut destinations = Vec::with_capacity(named.len());
        for (name, raw) in named {
            let own = raw.as_account();
            let table = Table { kind: Table::DESTINATION, name, own: &own, defaults: &defaults };
            destinations.push(self.destination(&table, raw)?);
        }
        let (nobody, none) = (Spanned::new(0..0, String::new()), RawAccount::default());
        let table = Table { kind: Table::DESTINATION, name: &nobody, own: &none, defaults: &defaults };
        let other = self.access(&table, (String::new(), 0, String::new()), Tls::Implicit, None)?;
        Ok((destinations, other))
    }

    fn destination(&self, table: &Table<'_>, raw: &RawDestination) -> Read<Destination> {
        self.table_name(table)?;
        let missing = |key, example| {
            self.error(&table.name.span(), Fault::Missing { table: table.shown(), key, example })
        };
        let Some(value) = &raw.url else {
            return Err(missing("url", "url = \"imaps://jane@imap.example.net/Archive\""));
        };
        let fault = |fault| self.error(&value.span(), Fault::Url { value: value.get_ref().clone(), fault });
        let url = DestinationUrl::parse(value.get_ref()).map_err(fault)?;
        let user = match (url.user, &raw.user) {
            (Some(_), Some(_)) => return Err(fault(UrlFault::TwoUsers)),
            (Some(user), None) => user,
            (None, Some(user)) => self.line("user", user)?,
            (None, None) => return Err(fault(UrlFault::NoUser)),
        };
        let tls = if table.own.tls.is_some() { self.tls(table)? } else { Tls::of_imap(url.implicit_tls) };
        let port = url.port.unwrap_or_else(|| imap_port(tls == Tls::Implicit));
        Ok(Destination { access: self.access(table, (url.host, port, user), tls, None)?, folder: url.folder })
    }
}

impl Reader<'_> {
    /// The destination that an account's messages must have been restored to before they are deleted.
    pub(super) fn delete_after_restore(
        &self,
        table: &Table<'_>,
        destinations: &[Destination],
    ) -> Read<Option<Destination>> {
        let Some(value) = table.get(|account| &account.delete_after_restore) else { return Ok(None) };
        let name = value.get_ref();
        if let Some(destination) = destinations.iter().find(|to| to.access.name == *name) {
            return Ok(Some(destination.clone()));
        }
        let known = destinations.iter().map(|to| to.access.name.as_str());
        let wanted = format!("there is no [destinations.{name}]{}", suggestion(name, known));
        Err(self.impossible("delete_after_restore", value, &wanted))
    }
}

/// What of the defaults is about connections.
fn connection_of(defaults: &RawAccount) -> RawAccount {
    RawAccount {
        tls_ca_file: defaults.tls_ca_file.clone(),
        tls_min_version: defaults.tls_min_version.clone(),
        proxy: defaults.proxy.clone(),
        address_family: defaults.address_family.clone(),
        timeout: defaults.timeout.clone(),
        connect_timeout: defaults.connect_timeout.clone(),
        run_timeout: defaults.run_timeout.clone(),
        ..RawAccount::default()
    }
}

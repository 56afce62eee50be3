//! Service records (SRV, RFC 2782) and mail exchangers (MX), which the system's resolver does not
//! give: a question over UDP to the name servers of `/etc/resolv.conf`.
//!
//! Promises: all of it ends at the deadline; what an answer may hold is limited; an answer that is
//! not to our question, from our name server, with our random id, is not heard. Nobody signs these
//! answers: whoever uses one must verify the server that it leads to, and not take a server of
//! another domain for granted (RFC 6186, section 6).
#![expect(clippy::disallowed_types, reason = "this is the network edge")]

mod message;

use super::name::ascii_name;
use crate::disk;
use message::{Kind, Record, Unusable};
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::path::Path;
use std::time::{Duration, Instant};

/// Where the name servers stand.
const RESOLV_CONF: &str = "/etc/resolv.conf";
/// The port of a name server.
const PORT: u16 = 53;
/// So many name servers are asked, as the system's resolver does.
const SERVERS: usize = 3;
/// A name server that has not answered after this is asked once more, after the others.
const PATIENCE: Duration = Duration::from_millis(1500);

/// What a domain says of one of its services.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Services {
    /// It has it there; the preferred one first, at least one.
    At(Vec<(String, u16)>),
    /// It decidedly has it not: the one record's target is the root.
    NotOffered,
    /// It does not say.
    Unsaid,
}

/// The name servers to ask.
#[derive(Clone, Debug)]
pub struct NameServers(Vec<SocketAddr>);

impl NameServers {
    /// Those of this machine: what `/etc/resolv.conf` says, or one on the machine itself.
    pub fn of_system() -> NameServers {
        let text = disk::read_limited(Path::new(RESOLV_CONF), 1 << 16).unwrap_or_default();
        let mut servers = servers_of(&String::from_utf8_lossy(&text));
        if servers.is_empty() {
            servers.push(SocketAddr::from((Ipv4Addr::LOCALHOST, PORT)));
        }
        NameServers(servers)
    }

    /// These.
    pub fn at(servers: Vec<SocketAddr>) -> NameServers {
        NameServers(servers)
    }

    /// Where `domain` has `service` (`_pop3s._tcp`). The error is that no name server gave a usable
    /// answer in time.
    pub fn services(&self, service: &str, domain: &str, deadline: Instant) -> io::Result<Services> {
        let name = format!("{service}.{}", domain_name(domain)?);
        Ok(places(ask(&self.0, &name, Kind::Srv, deadline)?))
    }

    /// The hosts that take mail for `domain`, the preferred one first. The error is that no name
    /// server gave a usable answer in time.
    pub fn exchangers(&self, domain: &str, deadline: Instant) -> io::Result<Vec<String>> {
        let mut found = Vec::new();
        for record in ask(&self.0, &domain_name(domain)?, Kind::Mx, deadline)? {
            if let Record::Mx { preference, host } = record
                && !host.is_empty()
            {
                found.push((preference, host));
            }
        }
        found.sort_by_key(|(preference, _)| *preference);
        Ok(found.into_iter().map(|(_, host)| host).collect())
    }
}

/// What service records say.
fn places(records: Vec<Record>) -> Services {
    let mut found = Vec::new();
    for record in records {
        if let Record::Srv { priority, weight, target, port } = record {
            found.push((priority, std::cmp::Reverse(weight), target, port));
        }
    }
    if let [(_, _, target, _)] = &found[..]
        && target.is_empty()
    {
        return Services::NotOffered;
    }
    found.retain(|(_, _, target, port)| !target.is_empty() && *port > 0);
    // Equal weights stay in the order of the answer; there is one of us, so no load to share.
    found.sort_by_key(|(priority, weight, _, _)| (*priority, *weight));
    let places: Vec<_> = found.into_iter().map(|(_, _, target, port)| (target, port)).collect();
    if places.is_empty() { Services::Unsaid } else { Services::At(places) }
}

fn domain_name(domain: &str) -> io::Result<String> {
    ascii_name(domain).ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "it is not a valid name"))
}

fn servers_of(text: &str) -> Vec<SocketAddr> {
    text.lines()
        .filter_map(|line| line.trim().strip_prefix("nameserver"))
        .filter(|rest| rest.starts_with([' ', '\t']))
        .filter_map(|rest| rest.split_whitespace().next()?.parse::<IpAddr>().ok())
        .map(|address| SocketAddr::new(address, PORT))
        .take(SERVERS)
        .collect()
}

/// Asks the servers in turn, twice, until one gives a usable answer.
fn ask(servers: &[SocketAddr], name: &str, kind: Kind, deadline: Instant) -> io::Result<Vec<Record>> {
    let mut problem = io::Error::from(io::ErrorKind::TimedOut);
    for server in servers.iter().chain(servers) {
        let turn = deadline.min(Instant::now() + PATIENCE);
        match ask_one(*server, name, kind, turn) {
            Ok(records) => return Ok(records),
            Err(error) => problem = error,
        }
        if Instant::now() >= deadline {
            break;
        }
    }
    Err(problem)
}

fn ask_one(server: SocketAddr, name: &str, kind: Kind, deadline: Instant) -> io::Result<Vec<Record>> {
    let mut id = [0; 2];
    getrandom::fill(&mut id).map_err(io::Error::other)?;
    let id = u16::from_be_bytes(id);
    let question = message::question(id, name, kind)
        .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "the name is too long"))?;
    let any: IpAddr = match server {
        SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    // The kernel takes a random port, and what comes from elsewhere is not let through.
    let socket = UdpSocket::bind((any, 0))?;
    socket.connect(server)?;
    socket.send(&question)?;
    let mut buffer = [0; 4096];
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        socket.set_read_timeout(Some(left))?;
        let length = match socket.recv(&mut buffer) {
            Ok(length) => length,
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => {
                continue;
            }
            Err(error) => return Err(error),
        };
        match message::answer(&buffer[..length], id, name, kind) {
            Ok(records) => return Ok(records),
            Err(Unusable::NotOurs) => {}
            Err(Unusable::Bad(what)) => return Err(io::Error::new(io::ErrorKind::InvalidData, what)),
        }
    }
}

#[cfg(test)]
mod tests;

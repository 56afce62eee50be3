//! Which POP3 server an address belongs to.
//!
//! In this order: the table of large [`providers`]; the domain's service records (RFC 6186,
//! `_pop3s._tcp` and `_pop3._tcp`); the provider that its mail exchangers belong to; the usual
//! names (`pop.`, `pop3.`, `mail.` and the domain itself), on port 995 with TLS, then on port 110
//! with STLS.
//!
//! Promises: what is not in the table is proposed only when a server there has shown a certificate
//! that is trusted and has greeted as POP3 does; no secret and no user name leaves this machine; a
//! server that only the name service vouches for, and that is of another domain, is marked as such
//! ([`Proposal::is_foreign`]); it ends within a minute, whatever the network does.

mod candidates;

pub use candidates::{Candidate, first_to_greet, reach};

use crate::config::Tls;
use crate::config::providers::{self, Offer, Pop3, Provider};
use crate::net::ascii_name;
use crate::net::dns::{NameServers, Services};
use std::thread;
use std::time::{Duration, Instant};

/// How long the name servers may take, all questions together.
const NAME_SERVICE: Duration = Duration::from_secs(5);
/// How many candidates of a service are tried.
const CANDIDATES: usize = 3;

/// What is known of a domain.
#[derive(Debug)]
pub enum Finding {
    /// There is a server.
    Server(Proposal),
    /// Its provider has no POP3.
    NoPop3 {
        /// The provider.
        provider: &'static Provider,
        /// What it has instead, as a sentence.
        instead: &'static str,
    },
    /// Its service records say that it has no POP3.
    NotOffered,
    /// Nothing answered as a POP3 server that can be trusted.
    Nothing {
        /// Servers that answered and could not be trusted, in words.
        distrusted: Vec<String>,
    },
}

/// A server that is proposed.
#[derive(Clone, Debug)]
pub struct Proposal {
    /// Its name.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How the connection is protected: never [`Tls::None`].
    pub tls: Tls,
    /// How it was found.
    pub source: Source,
    /// The provider's entry, where it has one.
    pub pop3: Option<Pop3>,
}

/// How a server was found.
#[derive(Clone, Copy, Debug)]
pub enum Source {
    /// The domain is in the table.
    Provider(&'static Provider),
    /// The domain's mail goes to a provider in the table.
    Exchanger(&'static Provider),
    /// The domain's service records.
    Service,
    /// It has a usual name.
    UsualName,
}

impl Proposal {
    /// Whether nothing but the name service, which anybody on the way can forge, says that a
    /// server of another domain is the right one (RFC 6186, section 6): a person must confirm it.
    pub fn is_foreign(&self, domain: &str) -> bool {
        match self.source {
            Source::Provider(_) | Source::UsualName => false,
            Source::Exchanger(_) => true,
            Source::Service => {
                let domain = ascii_name(domain).unwrap_or_default().to_ascii_lowercase();
                let rest = self.host.strip_suffix(&domain);
                !rest.is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
            }
        }
    }
}

/// Looks for the server of `domain`. `ca_file` names the authorities to trust, if not the system's;
/// `names` are asked what the domain says of itself.
pub fn find(domain: &str, ca_file: Option<&str>, names: &NameServers) -> Finding {
    if let Some(provider) = providers::of_domain(domain) {
        return known(provider, Source::Provider(provider));
    }
    let mut distrusted = Vec::new();
    if !is_in_the_name_service(domain) {
        return Finding::Nothing { distrusted };
    }
    let said = Said::by(names, domain);
    if said.decidedly_none() {
        return Finding::NotOffered;
    }
    if let Some(candidate) = first_to_greet(said.candidates(), ca_file, &mut distrusted) {
        return proposed(candidate, Source::Service);
    }
    if let Some(provider) = said.exchangers.iter().find_map(|host| providers::of_exchanger(host)) {
        return known(provider, Source::Exchanger(provider));
    }
    for (port, tls) in [(995, Tls::Implicit), (110, Tls::StartTls)] {
        let candidates = usual_names(domain).map(|host| Candidate { host, port, tls }).to_vec();
        if let Some(candidate) = first_to_greet(candidates, ca_file, &mut distrusted) {
            return proposed(candidate, Source::UsualName);
        }
    }
    distrusted.dedup();
    Finding::Nothing { distrusted }
}

/// What the table says.
fn known(provider: &'static Provider, source: Source) -> Finding {
    match provider.offer {
        Offer::Nothing(instead) => Finding::NoPop3 { provider, instead },
        Offer::Pop3(pop3) => Finding::Server(Proposal {
            host: pop3.host.to_owned(),
            port: 995,
            tls: Tls::Implicit,
            source,
            pop3: Some(pop3),
        }),
    }
}

/// A server that has greeted.
fn proposed(candidate: Candidate, source: Source) -> Finding {
    let Candidate { host, port, tls } = candidate;
    Finding::Server(Proposal { host, port, tls, source, pop3: None })
}

/// Whether there is any sense in asking for it: names of one label, and those under `example` and
/// `invalid` (RFC 6761), are in no name service.
fn is_in_the_name_service(domain: &str) -> bool {
    let mut labels = domain.trim_end_matches('.').rsplit('.');
    let top = labels.next().unwrap_or_default();
    labels.next().is_some() && !["example", "invalid"].iter().any(|none| top.eq_ignore_ascii_case(none))
}

fn usual_names(domain: &str) -> [String; 4] {
    ["pop.", "pop3.", "mail.", ""].map(|prefix| format!("{prefix}{domain}"))
}

/// What the name service says of a domain. An answer that does not come is none.
struct Said {
    implicit: Services,
    starttls: Services,
    exchangers: Vec<String>,
}

impl Said {
    fn by(names: &NameServers, domain: &str) -> Said {
        let deadline = Instant::now() + NAME_SERVICE;
        let services = |service| names.services(service, domain, deadline).unwrap_or(Services::Unsaid);
        thread::scope(|scope| {
            let ask = |service| thread::Builder::new().spawn_scoped(scope, move || services(service));
            let (implicit, starttls) = (ask("_pop3s._tcp"), ask("_pop3._tcp"));
            let exchangers = names.exchangers(domain, deadline).unwrap_or_default();
            let said = |asked: std::io::Result<thread::ScopedJoinHandle<'_, Services>>, service| match asked {
                Ok(asked) => asked.join().unwrap_or(Services::Unsaid),
                // Where the system allows no further thread, one after the other.
                Err(_) => services(service),
            };
            Said {
                implicit: said(implicit, "_pop3s._tcp"),
                starttls: said(starttls, "_pop3._tcp"),
                exchangers,
            }
        })
    }

    fn decidedly_none(&self) -> bool {
        let services = [&self.implicit, &self.starttls];
        services.contains(&&Services::NotOffered)
            && !services.iter().any(|services| matches!(services, Services::At(_)))
    }

    fn candidates(&self) -> Vec<Candidate> {
        [(&self.implicit, Tls::Implicit), (&self.starttls, Tls::StartTls)]
            .into_iter()
            .flat_map(|(services, tls)| {
                let candidates = if let Services::At(candidates) = services { &candidates[..] } else { &[] };
                candidates.iter().take(CANDIDATES).map(move |(host, port)| Candidate {
                    host: host.clone(),
                    port: *port,
                    tls,
                })
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(domain: &str) -> Proposal {
        match find(domain, None, &NameServers::at(Vec::new())) {
            Finding::Server(proposal) => proposal,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_large_provider_is_known_without_the_network() {
        let gmail = found("GMAIL.com");
        assert_eq!((gmail.host.as_str(), gmail.port, gmail.tls), ("pop.gmail.com", 995, Tls::Implicit));
        assert!(gmail.pop3.is_some_and(|pop3| pop3.switch.is_some()) && !gmail.is_foreign("gmail.com"));
        assert!(
            matches!(find("icloud.com", None, &NameServers::at(Vec::new())), Finding::NoPop3 { provider, .. } if provider.name == "iCloud Mail")
        );
    }

    #[test]
    fn what_is_in_no_name_service_is_not_looked_for() {
        for domain in ["corp.example", "x.INVALID.", "localhost", ""] {
            assert!(!is_in_the_name_service(domain), "{domain}");
            assert!(
                matches!(find(domain, None, &NameServers::at(Vec::new())), Finding::Nothing { .. }),
                "{domain}"
            );
        }
        assert!(is_in_the_name_service("example.com") && is_in_the_name_service("example.co.uk."));
    }

    #[test]
    fn a_server_of_another_domain_must_be_confirmed() {
        let proposal = |host: &str, source| Proposal {
            host: host.to_owned(),
            port: 995,
            tls: Tls::Implicit,
            source,
            pop3: None,
        };
        for (host, foreign) in [
            ("pop.example.com", false),
            ("example.com", false),
            ("pop.hoster.example", true),
            ("notexample.com", true),
            ("example.com.evil.example", true),
        ] {
            assert_eq!(proposal(host, Source::Service).is_foreign("Example.com"), foreign, "{host}");
        }
        let ours = proposal("pop.xn--bcher-kva.example", Source::Service);
        assert!(!ours.is_foreign("bücher.example"));
        let google = providers::of_domain("gmail.com").unwrap();
        assert!(proposal("pop.gmail.com", Source::Exchanger(google)).is_foreign("example.com"));
    }

    #[test]
    fn service_records_are_tried_tls_first_and_not_without_end() {
        let at = |hosts: &[&str]| Services::At(hosts.iter().map(|host| (host.to_string(), 995)).collect());
        let said = |implicit, starttls| Said { implicit, starttls, exchangers: Vec::new() };
        let candidates = said(at(&["a", "b", "c", "d"]), at(&["e"])).candidates();
        let hosts: Vec<_> =
            candidates.iter().map(|candidate| (candidate.host.as_str(), candidate.tls)).collect();
        assert_eq!(
            hosts,
            [("a", Tls::Implicit), ("b", Tls::Implicit), ("c", Tls::Implicit), ("e", Tls::StartTls)]
        );
        assert!(said(Services::NotOffered, Services::NotOffered).decidedly_none());
        assert!(said(Services::NotOffered, Services::Unsaid).decidedly_none());
        assert!(!said(Services::NotOffered, at(&["e"])).decidedly_none());
        assert!(!said(Services::Unsaid, Services::Unsaid).decidedly_none());
    }
}

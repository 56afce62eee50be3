//! The large providers of mailboxes that `init` knows: where their POP3 server is, what they want
//! for a password, and what has to be switched on first.
//!
//! Only what is certain stands in the table; everything else is looked for. All servers in it speak
//! TLS from the first octet on port 995. An entry is a proposal: the login is what proves it.

mod table;

/// A provider of mailboxes.
#[derive(Clone, Copy, Debug)]
pub struct Provider {
    /// Its name, for people.
    pub name: &'static str,
    /// The domains of its addresses, separated by spaces.
    domains: &'static str,
    /// The ends of its mail exchangers' names, separated by spaces: who has one of these keeps a
    /// domain of their own there.
    exchangers: &'static str,
    /// What it offers.
    pub offer: Offer,
}

/// Whether a provider has POP3.
#[derive(Clone, Copy, Debug)]
pub enum Offer {
    /// It has.
    Pop3(Pop3),
    /// It has not; what it has instead, as a sentence.
    Nothing(&'static str),
}

/// A provider's POP3 server.
#[derive(Clone, Copy, Debug)]
pub struct Pop3 {
    /// Its name; TLS on port 995.
    pub host: &'static str,
    /// Who logs in.
    pub user: UserName,
    /// What to log in with.
    pub secret: Secret,
    /// Where POP3 has to be switched on before it works, if it has to.
    pub switch: Option<&'static str>,
}

/// What a provider wants for a user name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UserName {
    /// The whole address.
    Address,
    /// What stands before the `@`.
    LocalPart,
}

/// What a provider wants for a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Secret {
    /// The mailbox's password.
    Password,
    /// A password made for this program; what it is called and where it is made.
    AppPassword(&'static str),
    /// An OAuth2 access token.
    Token,
}

/// Every provider that is known.
pub fn all() -> impl Iterator<Item = &'static Provider> {
    table::PROVIDERS.iter()
}

/// The provider whose addresses end in `domain`, whatever the case of its letters.
pub fn of_domain(domain: &str) -> Option<&'static Provider> {
    all().find(|provider| provider.domains().any(|known| known.eq_ignore_ascii_case(domain)))
}

/// The provider that keeps a domain whose mail goes to `exchanger` (an MX record's host).
pub fn of_exchanger(exchanger: &str) -> Option<&'static Provider> {
    let exchanger = exchanger.trim_end_matches('.').to_ascii_lowercase();
    all().find(|provider| {
        provider.exchangers.split(' ').filter(|end| !end.is_empty()).any(|end| is_within(&exchanger, end))
    })
}

/// The provider whose POP3 server this is; among several, the one that keeps the user's address.
pub fn of_server(host: &str, user: &str) -> Option<&'static Provider> {
    let is_its = |provider: &&Provider| matches!(provider.offer, Offer::Pop3(pop3) if pop3.host.eq_ignore_ascii_case(host));
    let domain = user.rsplit_once('@').map_or("", |(_, domain)| domain);
    of_domain(domain).filter(is_its).or_else(|| all().find(is_its))
}

/// Whether `name` is `domain` or a name in it; both in small letters.
fn is_within(name: &str, domain: &str) -> bool {
    name.strip_suffix(domain).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

impl Provider {
    /// The domains of its addresses.
    pub fn domains(&self) -> impl Iterator<Item = &'static str> {
        self.domains.split(' ').filter(|domain| !domain.is_empty())
    }

    const fn pop3(name: &'static str, host: &'static str) -> Self {
        let offer =
            Offer::Pop3(Pop3 { host, user: UserName::Address, secret: Secret::Password, switch: None });
        Provider { name, domains: "", exchangers: "", offer }
    }

    const fn nothing(name: &'static str, instead: &'static str) -> Self {
        Provider { name, domains: "", exchangers: "", offer: Offer::Nothing(instead) }
    }

    const fn domain(self, domains: &'static str) -> Self {
        Provider { domains, ..self }
    }

    const fn mx(self, exchangers: &'static str) -> Self {
        Provider { exchangers, ..self }
    }

    const fn by_local_part(self) -> Self {
        self.with(Some(UserName::LocalPart), None, None)
    }

    const fn app_password(self, what: &'static str) -> Self {
        self.with(None, Some(Secret::AppPassword(what)), None)
    }

    const fn token(self) -> Self {
        self.with(None, Some(Secret::Token), None)
    }

    const fn switched_on(self, place: &'static str) -> Self {
        self.with(None, None, Some(place))
    }

    const fn with(
        self,
        user: Option<UserName>,
        secret: Option<Secret>,
        switch: Option<&'static str>,
    ) -> Self {
        let Offer::Pop3(mut pop3) = self.offer else { return self };
        if let Some(user) = user {
            pop3.user = user;
        }
        if let Some(secret) = secret {
            pop3.secret = secret;
        }
        if switch.is_some() {
            pop3.switch = switch;
        }
        Provider { offer: Offer::Pop3(pop3), ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Draft;
    use super::super::host::is_host;
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn an_address_leads_to_its_provider() {
        assert_eq!(of_domain("GMail.com").map(|found| found.name), Some("Gmail"));
        assert_eq!(of_domain("t-online.de").map(|found| found.name), Some("T-Online"));
        assert!(of_domain("example.com").is_none());
        assert!(of_domain("").is_none() && of_domain("com").is_none() && of_domain("notgmail.com").is_none());
        for domain in ["icloud.com", "proton.me", "tuta.com"] {
            assert!(
                matches!(of_domain(domain).map(|found| found.offer), Some(Offer::Nothing(_))),
                "{domain}"
            );
        }
    }

    #[test]
    fn a_mail_exchanger_leads_to_its_provider() {
        for (exchanger, name) in [
            ("aspmx.l.google.com", "Gmail"),
            ("ALT1.ASPMX.L.GOOGLE.COM.", "Gmail"),
            ("example-com.mail.protection.outlook.com", "Microsoft 365"),
            ("in1-smtp.messagingengine.com", "Fastmail"),
        ] {
            assert_eq!(of_exchanger(exchanger).map(|found| found.name), Some(name), "{exchanger}");
        }
        for exchanger in ["mx.example.com", "google.com.evil.example", "notgoogle.com", "", "."] {
            assert!(of_exchanger(exchanger).is_none(), "{exchanger}");
        }
    }

    #[test]
    fn every_entry_can_be_found_and_has_a_possible_server() {
        let mut seen = BTreeSet::new();
        for provider in all() {
            assert!(!provider.name.is_empty());
            assert!(
                provider.domains().next().is_some() || !provider.exchangers.is_empty(),
                "{}",
                provider.name
            );
            for domain in
                provider.domains().chain(provider.exchangers.split(' ').filter(|end| !end.is_empty()))
            {
                assert!(is_host(domain) && domain == domain.to_ascii_lowercase(), "{domain}");
            }
            for domain in provider.domains() {
                assert!(seen.insert(domain), "{domain} is in the table twice");
                assert_eq!(of_domain(domain).map(|found| found.name), Some(provider.name));
            }
            match provider.offer {
                Offer::Pop3(pop3) => {
                    assert!(pop3.host.contains('.'), "{}", pop3.host);
                    let draft = Draft { host: pop3.host.to_owned(), ..Draft::new("work") };
                    let account = draft.account().unwrap();
                    assert_eq!((account.access.host.as_str(), account.access.port), (pop3.host, 995));
                }
                Offer::Nothing(instead) => assert!(instead.ends_with('.'), "{instead}"),
            }
        }
    }
}

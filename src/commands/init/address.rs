//! A mail address: who, and where.

use crate::config::{Draft, free_name, telling_label};

/// A mail address (RFC 5322 calls its parts so).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Address {
    /// What stands before the `@`.
    pub(super) local_part: String,
    /// What stands behind it.
    pub(super) domain: String,
}

impl Address {
    /// Reads an address; the error says what it must be.
    pub(super) fn parse(text: &str) -> Result<Address, String> {
        let wanted = || "a mail address looks like jane@example.com".to_owned();
        let (local_part, domain) = text.trim().rsplit_once('@').ok_or_else(wanted)?;
        let odd = |c: char| c.is_whitespace() || c.is_control();
        if local_part.is_empty() || domain.is_empty() || local_part.contains(odd) {
            return Err(wanted());
        }
        let draft = Draft { host: domain.to_owned(), ..Draft::new("address") };
        draft.account().map_err(|_| format!("{domain:?} is not a domain; {}", wanted()))?;
        Ok(Address { local_part: local_part.to_owned(), domain: domain.to_owned() })
    }

    /// The whole.
    pub(super) fn whole(&self) -> String {
        format!("{}@{}", self.local_part, self.domain)
    }

    /// A name for the account: the first word of the domain, with what cannot be in a name left out,
    /// and with a number if that is taken.
    pub(super) fn account_name(&self, taken: &[String]) -> String {
        name_of_domain(&self.domain, taken)
    }
}

/// See [`Address::account_name`].
pub(super) fn name_of_domain(domain: &str, taken: &[String]) -> String {
    let telling = telling_label(domain.trim_end_matches('.'));
    let name: String = telling.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '-').collect();
    let name = if name.is_empty() { "mail".to_owned() } else { name.to_ascii_lowercase() };
    free_name(&name, taken)
}

#[cfg(test)]
mod tests {
    use super::{Address, name_of_domain};

    #[test]
    fn an_address_has_two_parts() {
        let jane = Address::parse(" \"Jane@home\"@Example.com ").unwrap();
        assert_eq!((jane.local_part.as_str(), jane.domain.as_str()), ("\"Jane@home\"", "Example.com"));
        assert_eq!(jane.whole(), "\"Jane@home\"@Example.com");
        assert!(Address::parse("jürgen@bücher.example").is_ok() && Address::parse("joe@localhost").is_ok());
        for wrong in [
            "",
            "jane",
            "@example.com",
            "jane@",
            "jane@exa mple.com",
            "ja ne@example.com",
            "jane@a..b",
            "j\u{1b}@a.b",
        ] {
            assert!(Address::parse(wrong).unwrap_err().contains("looks like"), "{wrong}");
        }
    }

    #[test]
    fn an_account_is_called_after_its_domain() {
        for (domain, name) in [
            ("gmail.com", "gmail"),
            ("Example.co.uk", "example"),
            ("mail.example.com", "example"),
            ("mail.com", "mail"),
            ("t-online.de", "t-online"),
            ("почта.рф", "mail"),
            ("_x_.example", "x"),
        ] {
            assert_eq!(name_of_domain(domain, &[]), name);
        }
        let taken = ["gmail".to_owned(), "gmail-2".to_owned()];
        assert_eq!(name_of_domain("gmail.com", &taken), "gmail-3");
    }
}

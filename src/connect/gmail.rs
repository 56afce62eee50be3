//! Gmail, which shows a part of its messages at a time and hides what was fetched.

use crate::config::Account;
use crate::pop3::capability::Capabilities;

/// Whether this is Gmail.
pub fn is_gmail(account: &Account, capabilities: &Capabilities) -> bool {
    let host = account.access.host.trim_end_matches('.').to_ascii_lowercase();
    ["gmail.com", "googlemail.com"]
        .iter()
        .any(|name| host.strip_suffix(name).is_some_and(|front| front.is_empty() || front.ends_with('.')))
        || capabilities.lines().any(|line| line.len() >= 8 && line[..8].eq_ignore_ascii_case(b"X-GOOGLE"))
}

#[cfg(test)]
mod tests {
    use super::is_gmail;
    use crate::config::example_account;
    use crate::pop3::capability::Capabilities;

    #[test]
    fn gmail_is_known_by_its_name_or_its_capability() {
        let is = |host: &str, line: &str| {
            let mut capabilities = Capabilities::answered();
            capabilities.push(line.as_bytes());
            let mut account = example_account();
            account.access.host = host.to_owned();
            is_gmail(&account, &capabilities)
        };
        assert!(is("pop.gmail.com", "TOP"));
        assert!(is("POP.googlemail.com.", "TOP"));
        assert!(is("proxy.example", "x-google-rico"));
        assert!(!is("pop.notgmail.com", "TOP"));
        assert!(!is("pop.example", "X-GOOD"));
    }
}

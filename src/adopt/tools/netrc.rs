//! `~/.netrc`, from which several tools have their passwords.

use secrecy::SecretString;

/// The password of this user on this machine.
pub fn password(octets: &[u8], host: &str, user: &str) -> Option<SecretString> {
    let text = std::str::from_utf8(octets).ok()?;
    let mut words =
        text.lines().filter(|line| !line.trim_start().starts_with('#')).flat_map(str::split_whitespace);
    // Of the entry that is being read: whether it is the machine's and the user's.
    let (mut machine, mut login) = (false, true);
    while let Some(word) = words.next() {
        match word {
            "machine" => (machine, login) = (words.next()?.eq_ignore_ascii_case(host), true),
            "default" => (machine, login) = (true, true),
            "login" => login = words.next()?.trim_matches('"') == user,
            "password" => {
                let password = words.next()?;
                if machine && login {
                    let plain = password.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
                    return Some(plain.unwrap_or(password).into());
                }
            }
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::password;
    use secrecy::ExposeSecret as _;

    #[test]
    fn a_password_belongs_to_a_machine_and_a_user() {
        let text = b"# mine\nmachine pop.example.com login bob password bobs\nmachine pop.example.com\n login jane password \"s3cr3t\"\n";
        let found =
            |user| password(text, "POP.example.com", user).map(|found| found.expose_secret().to_owned());
        assert_eq!(found("jane").as_deref(), Some("s3cr3t"));
        assert_eq!(found("bob").as_deref(), Some("bobs"));
        assert_eq!(found("eve"), None);
        assert!(password(text, "other", "jane").is_none());
    }
}

//! Names that are proposed for accounts.

/// What of a server's name, or of a domain, tells something: in `mail.example.com` it is the second word.
pub fn telling_label(host: &str) -> &str {
    let mut labels = host.split('.');
    match (labels.next(), labels.next(), labels.next()) {
        (Some("mail" | "pop" | "pop3"), Some(second), Some(_)) => second,
        (first, ..) => first.unwrap_or_default(),
    }
}

/// The name, with a number behind it if it is taken.
pub fn free_name(name: &str, taken: &[String]) -> String {
    let mut free = name.to_owned();
    for number in 2_u32.. {
        if !taken.contains(&free) {
            break;
        }
        free = format!("{name}-{number}");
    }
    free
}

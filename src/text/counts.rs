//! Numbers of things, with the right word for one.

/// `1 message`, `2 messages`.
pub fn messages(count: u64) -> String {
    if count == 1 { "1 message".to_owned() } else { format!("{count} messages") }
}

//! Names for people, from what a message says of itself.
//!
//! Promises: a name has no path in it, no control or direction mark, nothing that Windows or macOS refuse, does not begin with
//! a dot, and fits a file system.

use crate::mail::caption::Caption;
use crate::text::dates;

/// Octets of the part that a message decides about; 255 are the limit of most file systems.
const LIMIT: usize = 160;

/// `2026-11-23 Jane Doe - Lunch`, as far as the message has these.
pub(super) fn of(caption: &Caption) -> String {
    let date = caption.date.map_or_else(|| "undated".to_owned(), dates::day_utc);
    let sender = caption.from.as_deref().map(sender).unwrap_or_default();
    let subject = caption.subject.as_deref().map(safe).unwrap_or_default();
    let parts: Vec<&str> =
        [sender.as_str(), subject.as_str()].into_iter().filter(|part| !part.is_empty()).collect();
    let mut name = format!("{date} {}", parts.join(" - "));
    name.truncate(name.floor_char_boundary(LIMIT));
    name.trim_end_matches([' ', '.', '-']).to_owned()
}

/// The name before an address, else the address.
fn sender(from: &str) -> String {
    let name = from.split('<').next().unwrap_or(from).trim().trim_matches('"').trim();
    let name = if name.is_empty() { from.trim_matches(['<', '>', ' ']) } else { name };
    let mut name = safe(name);
    name.truncate(name.floor_char_boundary(LIMIT / 3));
    name
}

/// Text as it may stand in a file's name: letters and digits of any script, and a few signs; all else is a blank.
fn safe(text: &str) -> String {
    let allowed = |c: char| c.is_alphanumeric() || "-_.,@+()!&'".contains(c);
    let plain: String = text.chars().map(|c| if allowed(c) { c } else { ' ' }).collect();
    plain.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::of;
    use crate::mail::caption::Caption;
    use proptest::prelude::*;

    fn caption(from: &str, subject: &str) -> Caption {
        Caption { date: Some(1_795_323_612), from: Some(from.to_owned()), subject: Some(subject.to_owned()) }
    }

    #[test]
    fn a_name_is_readable() {
        let lunch = caption("Jane Doe <jane@example.com>", "Re: lunch / dinner?");
        assert_eq!(of(&lunch), "2026-11-22 Jane Doe - Re lunch dinner");
        assert_eq!(of(&caption("<jane@example.com>", "昼食")), "2026-11-22 jane@example.com - 昼食");
        assert_eq!(of(&Caption::default()), "undated");
        assert_eq!(of(&caption("", "../../etc/passwd")), "2026-11-22 .. .. etc passwd");
    }

    proptest! {
        #[test]
        fn no_message_makes_a_name_that_is_not_safe(from in "\\PC{0,200}|.{0,40}", subject in ".{0,300}") {
            let name = of(&caption(&from, &subject));
            prop_assert!(name.len() <= 160 && !name.starts_with('.'));
            let refused = ['/', '\\', ':', '\0', '<', '>', '|', '*', '?', '"', '\u{202e}'];
            prop_assert!(!name.contains(refused), "{name}");
            prop_assert!(!name.ends_with([' ', '.']));
        }
    }
}

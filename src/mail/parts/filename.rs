//! File names that a sender made up, made safe.
//!
//! Promises: the result is one name, never a path; it is not hidden, is no name that a system treats as something else,
//! has no character that steers a terminal, and leaves room for a number within 255 octets.

use crate::text::safe;

/// The longest name, in octets.
const LONGEST: usize = 200;

/// Octets of an extension that is kept when a name is cut.
const EXTENSION: usize = 20;

/// What Windows takes for devices, whatever their extension.
const DEVICES: [&str; 4] = ["con", "prn", "aux", "nul"];

/// A name to write an attachment under; `None` where nothing of it is left.
pub fn safe(name: &str) -> Option<String> {
    // What stands before a separator is a folder on the sender's machine.
    let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let allowed = |c: char| {
        let steers = c.is_control() || safe::steers(c);
        if steers || "<>:\"|?*".contains(c) { '_' } else { c }
    };
    let safe: String = last.chars().map(allowed).collect();
    let safe = safe.trim().trim_start_matches('.').trim_end_matches(['.', ' ']).trim_start();
    if safe.is_empty() {
        return None;
    }
    let stem = safe.split('.').next().unwrap_or_default().trim_end().to_ascii_lowercase();
    let numbered = |device: &str| {
        stem.strip_prefix(device).is_some_and(|rest| rest.len() == 1 && rest.as_bytes()[0].is_ascii_digit())
    };
    let is_device = DEVICES.contains(&&*stem) || numbered("com") || numbered("lpt");
    let first = if is_device || safe.starts_with('-') { "_" } else { "" };
    Some(cut(&format!("{first}{safe}")))
}

/// The name with a number before its extension.
pub fn numbered(name: &str, number: usize) -> String {
    let (stem, extension) = split(name);
    format!("{stem}-{number}{extension}")
}

fn cut(name: &str) -> String {
    if name.len() <= LONGEST {
        return name.to_owned();
    }
    let (stem, extension) = split(name);
    let end = stem.floor_char_boundary(LONGEST - extension.len());
    format!("{}{extension}", stem[..end].trim_end())
}

/// The name, and its extension with the dot.
fn split(name: &str) -> (&str, &str) {
    match name.rfind('.') {
        Some(at) if at > 0 && name.len() - at <= EXTENSION => name.split_at(at),
        _ => (name, ""),
    }
}

#[cfg(test)]
mod tests {
    use super::{LONGEST, numbered, safe};
    use proptest::prelude::*;

    #[test]
    fn a_name_stays_what_it_was_if_it_is_safe() {
        for name in ["invoice.pdf", "Grüße aus Köln.txt", "日本.doc", "a (1).tar.gz", "no extension"] {
            assert_eq!(safe(name).as_deref(), Some(name));
        }
        assert_eq!(numbered("invoice.pdf", 2), "invoice-2.pdf");
        assert_eq!(numbered("invoice", 3), "invoice-3");
    }

    #[test]
    fn a_name_never_leaves_the_folder() {
        for (name, becomes) in [
            ("../../etc/passwd", "passwd"),
            ("C:\\Windows\\x.dll", "x.dll"),
            ("..", ""),
            (".", ""),
            ("/", ""),
            ("a/", ""),
            (".bashrc", "bashrc"),
            ("...hidden", "hidden"),
            ("-rf", "_-rf"),
            ("nul.txt", "_nul.txt"),
            ("COM1", "_COM1"),
            ("a\0b\nc\x1b[2J", "a_b_c_[2J"),
            ("gpj.\u{202e}exe", "gpj._exe"),
            ("a:b?.txt. ", "a_b_.txt"),
        ] {
            assert_eq!(safe(name).unwrap_or_default(), becomes, "{name:?}");
        }
        let long = safe(&format!("{}.pdf", "ü".repeat(500))).unwrap();
        assert!(long.len() <= LONGEST && long.ends_with("ü.pdf"));
    }

    proptest! {
        #[test]
        fn any_name_is_one_name(name in "\\PC{0,300}|[./\\\\\\x00-\\x1f]{0,20}") {
            if let Some(safe) = safe(&name) {
                prop_assert!(!safe.is_empty() && safe.len() <= LONGEST + 1);
                prop_assert!(!safe.contains(['/', '\\', '\0', '\n']) && !safe.starts_with('.'));
            }
        }
    }
}

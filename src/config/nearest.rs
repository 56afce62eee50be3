//! The known word that a misspelt one resembles most.

/// The entry of `known` nearest to `word`, and whether it is near enough to be what was meant.
/// `None` if nothing is known at all.
pub(super) fn nearest<'k>(word: &str, known: impl IntoIterator<Item = &'k str>) -> Option<(&'k str, bool)> {
    let lower = word.to_lowercase();
    let (best, _) = known
        .into_iter()
        .map(|candidate| (candidate, strsim::jaro_winkler(&lower, &candidate.to_lowercase())))
        .max_by(|(_, a), (_, b)| a.total_cmp(b))?;
    let edits = strsim::damerau_levenshtein(&lower, &best.to_lowercase());
    Some((best, edits <= 1 + best.len() / 4))
}

/// ` did you mean "work"?`, or what is nearest, ready to follow a semicolon.
pub(super) fn suggestion<'k>(word: &str, known: impl IntoIterator<Item = &'k str>) -> String {
    match nearest(word, known) {
        None => String::new(),
        Some((best, true)) => format!("; did you mean {best:?}?"),
        Some((best, false)) => format!("; the nearest known one is {best:?}"),
    }
}

#[cfg(test)]
mod tests {
    use super::suggestion;

    #[test]
    fn a_slip_is_taken_for_what_was_meant() {
        let keys = ["host", "user", "port", "password", "password_command", "password_file"];
        for (slip, meant) in [
            ("pasword_command", "password_command"),
            ("hots", "host"),
            ("Host", "host"),
            ("passwrd", "password"),
            ("usr", "user"),
        ] {
            assert_eq!(suggestion(slip, keys), format!("; did you mean {meant:?}?"));
        }
    }

    #[test]
    fn what_is_far_from_everything_is_not_pressed_on_anybody() {
        assert_eq!(suggestion("folder", ["host", "archive"]), "; the nearest known one is \"host\"");
        assert_eq!(suggestion("work", []), "");
    }
}

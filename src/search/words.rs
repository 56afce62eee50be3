//! Text as the index has it, and what a query has to look like to find it there.
//!
//! FTS5 cuts text into words, and folds case and accents. Chinese, Japanese and Korean are written without blanks: each
//! run of their characters is handed over as the pairs of neighbours in it, and its last character alone, so that any
//! two adjacent characters are found, as is any single one by the beginning of a pair.
//!
//! Promise: pure; what [`prepared`] makes of a text is found by what [`phrase`] makes of any part of it.

/// A text as the index takes it.
pub(super) fn prepared(text: &str) -> String {
    if text.is_ascii() {
        return text.to_owned();
    }
    let mut out = String::with_capacity(text.len() + text.len() / 2);
    write(text, &mut out);
    out
}

/// What finds a text: a phrase of FTS5. `prefix`: its last word may go on.
pub(super) fn phrase(text: &str, prefix: bool) -> String {
    // A quotation mark in it could end the phrase early; no word has one.
    let mut text = text.replace('"', " ");
    text.truncate(text.trim_end_matches(|c: char| !c.is_alphanumeric()).len());
    let mut words = String::new();
    let run = run_at_end(&text);
    write(&text[..text.len() - run.len()], &mut words);
    words.push(' ');
    let mut characters = run.chars();
    let alone = characters.next().is_some() && characters.next().is_none();
    if alone {
        // The beginning of a pair, or the last one of its run.
        words.push_str(run);
    } else {
        pairs(run, &mut words);
    }
    let goes_on = alone || prefix && run.is_empty();
    format!("\"{}\"{}", words.trim(), if goes_on { " *" } else { "" })
}

fn write(text: &str, out: &mut String) {
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let of_run = is_unspaced(first);
        let end = rest.find(|c| is_unspaced(c) != of_run).unwrap_or(rest.len());
        let (part, behind) = rest.split_at(end);
        if of_run {
            out.push(' ');
            pairs(part, out);
            out.extend(part.chars().next_back());
            out.push(' ');
        } else {
            out.extend(part.chars().map(narrow));
        }
        rest = behind;
    }
}

/// Each character with the one behind it.
fn pairs(run: &str, out: &mut String) {
    for (first, second) in run.chars().zip(run.chars().skip(1)) {
        out.push(first);
        out.push(second);
        out.push(' ');
    }
}

/// The characters without blanks that a text ends with.
fn run_at_end(text: &str) -> &str {
    &text[text.trim_end_matches(is_unspaced).len()..]
}

/// A letter, digit or mark of full width as its usual form.
fn narrow(c: char) -> char {
    match c {
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(c) - 0xfee0).unwrap_or(c),
        _ => c,
    }
}

/// A character of Chinese, Japanese or Korean.
fn is_unspaced(c: char) -> bool {
    matches!(c,
        '\u{1100}'..='\u{11ff}' // Hangul, in parts
        | '\u{3005}'..='\u{3007}' | '\u{3031}'..='\u{3035}' // repetition marks, zero
        | '\u{3041}'..='\u{3096}' | '\u{3099}' | '\u{309a}' | '\u{309d}'..='\u{309f}' // Hiragana
        | '\u{30a1}'..='\u{30fa}' | '\u{30fc}'..='\u{30ff}' | '\u{31f0}'..='\u{31ff}' // Katakana
        | '\u{ff66}'..='\u{ff9f}' // Katakana of half width
        | '\u{3105}'..='\u{312f}' // Bopomofo
        | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}' // Han
        | '\u{ac00}'..='\u{d7a3}' // Hangul
    )
}

#[cfg(test)]
mod tests {
    use super::{phrase, prepared};
    use proptest::prelude::*;
    use rusqlite::Connection;

    fn finds(text: &str, query: &str, prefix: bool) -> bool {
        let index = Connection::open_in_memory().unwrap();
        index
            .execute_batch(&format!(
                "CREATE VIRTUAL TABLE words USING fts5(text, {})",
                super::super::index::OPTIONS
            ))
            .unwrap();
        index.execute("INSERT INTO words(rowid, text) VALUES (1, ?)", [prepared(text)]).unwrap();
        let mut found = index.prepare("SELECT 1 FROM words WHERE words MATCH ?").unwrap();
        found.exists([phrase(query, prefix)]).unwrap_or_else(|error| panic!("{query:?}: {error}"))
    }

    #[test]
    fn case_and_accents_make_no_difference() {
        for (text, query) in [
            ("Grüße aus KÖLN", "koln"),
            ("Grüße aus Köln", "KÖLN"),
            ("un café", "cafe"),
            ("a cafe\u{301} here", "café here"),
            ("ПРИВЕТ мир", "привет"),
            ("ＡＢＣ１２３", "abc123"),
            ("<jane@example.com>", "jane@example.com"),
            ("it's \"quoted\" text", "quoted\" text"),
        ] {
            assert!(finds(text, query, false), "{query} in {text}");
        }
        assert!(!finds("invoices", "invoice", false) && finds("invoices", "invoic", true));
    }

    #[test]
    fn any_two_adjacent_characters_are_found() {
        let text = "本日は東京2025年のカンファレンスへ。서울에서 만나요 你好世界";
        for query in [
            "東京",
            "日は",
            "東京2025",
            "東京2025年の",
            "カンファ",
            "ンス",
            "へ",
            "京",
            "서울",
            "만나요",
            "好世",
            "世界",
            "本",
        ] {
            assert!(finds(text, query, false), "{query}");
        }
        for query in ["京東", "東日", "울서", "世好"] {
            assert!(!finds(text, query, false), "{query}");
        }
    }

    proptest! {
        #[test]
        fn a_part_of_a_text_finds_it(before in "[a-zé日本語한국 ]{0,8}", part in "[a-zéö日本語한국かな]{1,8}", behind in "( [a-z日本]{0,8})?") {
            let before = if part.starts_with(|c: char| c.is_ascii() || c.is_lowercase()) { format!("{before} ") } else { before };
            let text = format!("{before}{part}{behind}");
            prop_assert!(finds(&text, &part, false), "{} in {}", part, text);
        }
    }
}

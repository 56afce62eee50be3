//! Text in columns of a terminal, measured by what it takes on the screen.

use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

/// Stands for what was cut off.
const CUT: &str = "…";

/// How many columns a text takes.
pub(in crate::commands) fn width(text: &str) -> usize {
    text.width()
}

/// The text, filled with blanks to this width. A wider one is left as it is.
pub(in crate::commands) fn filled(text: &str, to: usize) -> String {
    format!("{text}{}", " ".repeat(to.saturating_sub(width(text))))
}

/// The text, cut so that it takes at most so many columns.
pub(in crate::commands) fn cut(text: &str, to: usize) -> String {
    if width(text) <= to {
        return text.to_owned();
    }
    let room = to.saturating_sub(width(CUT));
    let mut taken = 0;
    let wider = |&(_, character): &(usize, char)| {
        taken += character.width().unwrap_or(1);
        taken > room
    };
    let mut end = text.char_indices().find(wider).map_or(text.len(), |(at, _)| at);
    // Characters can take more room together than one by one.
    while width(&text[..end]) > room {
        end = text.floor_char_boundary(end - 1);
    }
    format!("{}{CUT}", &text[..end])
}

#[cfg(test)]
mod tests {
    use super::{cut, filled, width};
    use proptest::prelude::*;

    #[test]
    fn columns_are_those_of_the_screen() {
        assert_eq!(filled("Käthe", 7), "Käthe  ");
        assert_eq!(filled("日本", 7), "日本   ");
        assert_eq!(filled("e\u{301}", 3), "e\u{301}  ", "an accent of its own takes no column");
        assert_eq!(filled("longer", 3), "longer");
    }

    #[test]
    fn what_is_cut_says_so() {
        assert_eq!(cut("a subject", 9), "a subject");
        assert_eq!(cut("a subject", 8), "a subje…");
        assert_eq!(cut("日本語", 5), "日本…");
        assert_eq!(cut("日本語", 4), "日…", "half a character is none");
    }

    proptest! {
        #[test]
        fn a_cut_text_fits(text in ".{0,40}", to in 1_usize..40) {
            prop_assert!(width(&cut(&text, to)) <= to);
        }
    }
}

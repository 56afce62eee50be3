//! What the pages have in common: their head, their lists, their lines.

use clap_mangen::roff::{Roff, bold, roman};

/// When the pages were last given a new shape; the formatters want a date.
const DATE: &str = "2026-11-23";

/// The head of a page: its title and its name.
pub(super) fn head(name: &str, about: &str) -> String {
    let version = concat!("popkeep ", env!("CARGO_PKG_VERSION"));
    let mut head = Roff::new();
    head.control("TH", [name.to_uppercase().as_str(), "1", DATE, version, "User Commands"]);
    head.control("SH", ["NAME"]);
    head.text([roman(format!("{name} - {about}"))]);
    head.render()
}

/// Paragraphs, which an empty line divides.
pub(super) fn paragraphs(roff: &mut Roff, text: &str) {
    for (index, paragraph) in text.split("\n\n").enumerate() {
        if index > 0 {
            roff.control("PP", []);
        }
        roff.text([roman(paragraph)]);
    }
}

/// Terms and what they mean.
pub(super) fn list<'a>(roff: &mut Roff, heading: &str, entries: impl Iterator<Item = (String, &'a str)>) {
    roff.control("SH", [heading]);
    for (term, text) in entries {
        roff.control("TP", []).text([bold(term)]).text([roman(text)]);
    }
}

/// Other pages: `name(1)`.
pub(super) fn see_also(roff: &mut Roff, pages: &[(String, char)]) {
    roff.control("SH", ["SEE ALSO"]);
    let mut text = Vec::new();
    for (index, (name, section)) in pages.iter().enumerate() {
        let after = if index + 1 < pages.len() { ", " } else { "" };
        text.extend([bold(name.as_str()), roman(format!("({section}){after}"))]);
    }
    roff.text(text);
}

/// What clap's own generator renders, without its preamble: a page has that once, at its head.
pub(super) fn rendered(render: impl FnOnce(&mut dyn std::io::Write) -> std::io::Result<()>) -> String {
    let mut out = Vec::new();
    render(&mut out).unwrap();
    without_preamble(&String::from_utf8(out).unwrap())
}

/// Each rendering opens with the definition of the apostrophe.
pub(super) fn without_preamble(rendered: &str) -> String {
    let is_preamble = |line: &&str| line.starts_with(".ie ") || line.starts_with(".el ");
    rendered.split_inclusive('\n').filter(|line| !is_preamble(line)).collect()
}

/// The page as it is kept: breaks once where clap breaks twice over, and text lines of at most 80
/// octets, as the formatters' checkers like them.
pub(super) fn finished(page: &str) -> String {
    let mut out = String::new();
    let mut literal = false;
    for line in page.replace(".br\n\n.br\n", ".sp\n").lines() {
        literal = line == ".nf" || literal && line != ".fi";
        let mut width = 0;
        for word in line.split_inclusive(' ') {
            // A line must not begin with what would make it a request.
            let fold = width + word.trim_end().len() > 78
                && !literal
                && !line.starts_with('.')
                && !word.starts_with(['.', '\'']);
            if fold {
                out.truncate(out.trim_end().len());
                out.push('\n');
                width = 0;
            }
            out.push_str(word);
            width += word.len();
        }
        out.push('\n');
    }
    out
}

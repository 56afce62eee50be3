//! HTML into text, for reading and for searching.
//!
//! Promise: not more than [`LIMIT`] octets reach the library, and only whole tags: many that never end would take it the
//! square of their number.

/// Octets of HTML that are turned into text.
pub const LIMIT: usize = 64 * 1024;

/// Elements whose content is nothing to read.
const UNREAD: [&str; 3] = ["style", "script", "title"];

/// The text of a page.
pub fn text(html: &str) -> String {
    nanohtml2text::html2text(&simplified(html))
}

/// The page without comments, without what is not read, and without attributes but the addresses of links.
fn simplified(html: &str) -> String {
    let mut page = String::new();
    let mut rest = html;
    while let Some(at) = rest.find('<') {
        push(&mut page, &rest[..at]);
        rest = &rest[at + 1..];
        if let Some(comment) = rest.strip_prefix("!--") {
            rest = comment.find("-->").map_or("", |end| &comment[end + 3..]);
            continue;
        }
        if !rest.starts_with(|c: char| c.is_ascii_alphabetic() || matches!(c, '/' | '!' | '?')) {
            push(&mut page, "&lt;");
            continue;
        }
        let tag = &rest[..tag_end(rest)];
        rest = rest.get(tag.len() + 1..).unwrap_or_default();
        let (slash, name) = tag.strip_prefix('/').map_or(("", tag), |name| ("/", name));
        let name = &name[..name.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(name.len())];
        if slash.is_empty() && UNREAD.iter().any(|unread| name.eq_ignore_ascii_case(unread)) {
            rest = find(rest, &format!("</{name}")).map_or("", |end| &rest[end..]);
        } else if let Some(address) = href(tag).filter(|_| name.eq_ignore_ascii_case("a")) {
            push(&mut page, &format!("<a href=\"{address}\">"));
        } else if !name.is_empty() {
            push(&mut page, &format!("<{slash}{name}>"));
        }
        if page.len() + 4 > LIMIT {
            break;
        }
    }
    push(&mut page, rest);
    page
}

/// Takes as much as there is room for; a tag whole or not at all.
fn push(page: &mut String, part: &str) {
    let room = LIMIT.saturating_sub(page.len());
    let end = if part.starts_with('<') && part.len() > room { 0 } else { part.floor_char_boundary(room) };
    page.push_str(&part[..end]);
}

/// Where a tag ends: at the first `>` that is not in the quotes of an attribute.
fn tag_end(tag: &str) -> usize {
    let octets = tag.as_bytes();
    let mut at = 0;
    let mut behind_equals = false;
    while let Some(&octet) = octets.get(at) {
        match octet {
            b'>' => return at,
            b'"' | b'\'' if behind_equals => {
                let Some(closed) = memchr::memchr(octet, &octets[at + 1..]) else { return octets.len() };
                at += closed + 1;
                behind_equals = false;
            }
            b'=' => behind_equals = true,
            _ if octet.is_ascii_whitespace() => {}
            _ => behind_equals = false,
        }
        at += 1;
    }
    octets.len()
}

/// The address of a link, if it can stand in quotes.
fn href(tag: &str) -> Option<&str> {
    let value = tag[find(tag, "href")? + 4..].trim_start().strip_prefix('=')?.trim_start();
    let value = match value.as_bytes().first()? {
        quote @ (b'"' | b'\'') => value[1..].split(char::from(*quote)).next()?,
        _ => value.split(|c: char| c.is_whitespace()).next()?,
    };
    let is_plain = !value.is_empty() && !value.contains(['"', '<', '>']);
    is_plain.then_some(value)
}

/// Where this ASCII text stands, in whatever case.
fn find(text: &str, wanted: &str) -> Option<usize> {
    let first = wanted.as_bytes()[0];
    memchr::memchr2_iter(first, first.to_ascii_uppercase(), text.as_bytes()).find(|at| {
        let here = text.as_bytes().get(*at..at + wanted.len());
        here.is_some_and(|here| here.eq_ignore_ascii_case(wanted.as_bytes()))
    })
}

#[cfg(test)]
mod tests {
    use super::{LIMIT, text};
    use proptest::prelude::*;
    use std::time::{Duration, Instant};

    #[test]
    fn a_page_becomes_what_it_says() {
        let page = "<html><HEAD><Style type='text/css'>p { color: red }</STYLE></head><body><p>Gr&uuml;&szlig;e</p>\
                    <script>alert('x')</script><p>aus <b>K&#246;ln</b></p></body></html>";
        let words: Vec<String> = text(page).split_whitespace().map(str::to_owned).collect();
        assert_eq!(words, ["Grüße", "aus", "Köln"]);
        assert_eq!(text("<style>never ended").trim(), "");
        assert_eq!(
            text("1 < 2 <!-- no <b> --> &amp; <p title=\"a>b\">it's</p>")
                .split_whitespace()
                .collect::<Vec<_>>(),
            ["1", "<", "2", "&", "it's"]
        );
        assert!(
            text("<A target=x HREF='https://example.com/?a=1'>here</A>").contains("https://example.com/?a=1")
        );
    }

    #[test]
    fn a_page_made_to_be_slow_is_not() {
        for piece in [
            "<div>",
            "<a>",
            "<a href=",
            "<",
            "<!--",
            "&",
            "<a href='x'>y",
            "<style>",
            "</style",
            "<pre>",
            "<ul><li>",
            "<table><tr><td>",
            "&#",
            "<p",
            "\"",
            "<script><",
        ] {
            let page = piece.repeat(10 * LIMIT / piece.len());
            let begun = Instant::now();
            let _ = text(&page);
            assert!(begun.elapsed() < Duration::from_secs(2), "{piece:?} took {:?}", begun.elapsed());
        }
    }

    proptest! {
        #[test]
        fn rubbish_is_no_error(page in "\\PC{0,60}|(<[a-z/!-]{0,6}>?|&[a-z#0-9]{0,5};?|[äöü日]){0,40}") {
            let _ = text(&page);
        }
    }
}

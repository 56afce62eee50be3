//! Reads a page as strictly as XML, but for the tags that HTML does not close: a text that breaks out of its place makes it
//! something else than a page.

/// Tags that are never closed.
const VOID: [&str; 1] = ["meta"];

/// What stands for a character.
const ENTITIES: [(&str, char); 4] = [("amp", '&'), ("lt", '<'), ("gt", '>'), ("quot", '"')];

#[derive(Debug)]
pub(super) struct Element {
    pub(super) name: String,
    pub(super) attributes: Vec<(String, String)>,
    /// By their places among all elements.
    pub(super) children: Vec<usize>,
    /// Where its text begins and ends in that of the document.
    text: (usize, usize),
}

#[derive(Debug, Default)]
pub(super) struct Document {
    pub(super) elements: Vec<Element>,
    pub(super) style: String,
    text: String,
}

impl Element {
    pub(super) fn attribute(&self, wanted: &str) -> Option<&str> {
        self.attributes.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.as_str())
    }
}

impl Document {
    /// Everything that is not markup, with a blank for each tag.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// The text of an element.
    pub(super) fn text_of(&self, element: usize) -> &str {
        let (begin, end) = self.elements[element].text;
        self.text[begin..end].trim()
    }

    pub(super) fn has_id(&self, id: &str) -> bool {
        self.elements.iter().any(|element| element.attribute("id") == Some(id))
    }

    /// An attribute of the element that has this one.
    pub(super) fn attribute(&self, name: &str, value: &str, wanted: &str) -> Option<&str> {
        self.elements.iter().find(|element| element.attribute(name) == Some(value))?.attribute(wanted)
    }

    #[track_caller]
    pub(super) fn parse(page: &str) -> Document {
        let mut document = Document::default();
        let mut open: Vec<usize> = Vec::new();
        let mut left = page.strip_prefix("<!DOCTYPE html>").expect("a page of HTML");
        while !left.is_empty() {
            let tag = left.find('<').unwrap_or(left.len());
            let (text, rest) = left.split_at(tag);
            if open.last().is_some_and(|at| document.elements[*at].name == "style") {
                document.style.push_str(text);
            } else {
                document.text.push_str(&decoded(text));
            }
            if rest.is_empty() {
                break;
            }
            let (tag, rest) =
                rest[1..].split_once('>').unwrap_or_else(|| panic!("no end of a tag: {rest:.80}"));
            left = rest;
            if let Some(name) = tag.strip_prefix('/') {
                let element = open.pop().unwrap_or_else(|| panic!("nothing is open: </{name}>"));
                assert_eq!(document.elements[element].name, name, "closed out of order");
                document.elements[element].text.1 = document.text.len();
                continue;
            }
            document.text.push(' ');
            let (name, attributes) = tag_parts(tag);
            let place = document.elements.len();
            if let Some(parent) = open.last() {
                document.elements[*parent].children.push(place);
            }
            let begin = document.text.len();
            if !VOID.contains(&name.as_str()) {
                open.push(place);
            }
            document.elements.push(Element { name, attributes, children: Vec::new(), text: (begin, begin) });
        }
        assert!(open.is_empty(), "not closed: {:?}", document.elements[open[0]].name);
        document
    }
}

/// A tag's name and attributes.
#[track_caller]
fn tag_parts(tag: &str) -> (String, Vec<(String, String)>) {
    let (name, mut left) = tag.split_at(tag.find(' ').unwrap_or(tag.len()));
    assert!(
        !name.is_empty() && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit()),
        "<{tag}>"
    );
    let mut attributes = Vec::new();
    while !left.is_empty() {
        let (key, rest) = left[1..].split_once("=\"").unwrap_or_else(|| panic!("no value: <{tag}>"));
        assert!(
            left.starts_with(' ') && key.chars().all(|c| c.is_ascii_alphanumeric() || c == '-'),
            "<{tag}>"
        );
        let (value, rest) = rest.split_once('"').unwrap_or_else(|| panic!("no end of a value: <{tag}>"));
        assert!(!value.contains('<'), "<{tag}>");
        attributes.push((key.to_owned(), decoded(value)));
        left = rest;
    }
    (name.to_owned(), attributes)
}

#[track_caller]
fn decoded(text: &str) -> String {
    assert!(!text.contains('>'), "{text}");
    let mut parts = text.split('&');
    let mut decoded = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (name, rest) = part.split_once(';').unwrap_or_else(|| panic!("a bare &: {part}"));
        let entity = ENTITIES.iter().find(|(known, _)| *known == name);
        decoded.push(entity.unwrap_or_else(|| panic!("&{name};")).1);
        decoded.push_str(rest);
    }
    decoded
}

#[test]
fn what_is_not_a_page_is_not_taken_for_one() {
    for page in [
        "<p>",
        "<!DOCTYPE html><p></b></p>",
        "<!DOCTYPE html><p>&nbsp;</p>",
        "<!DOCTYPE html><p>a & b</p>",
        "<!DOCTYPE html><p class=a></p>",
        "<!DOCTYPE html><p class=\"a\"b\"></p>",
        "<!DOCTYPE html><p>a > b</p>",
        "<!DOCTYPE html><P></P>",
    ] {
        assert!(std::panic::catch_unwind(|| Document::parse(page)).is_err(), "{page}");
    }
    assert_eq!(Document::parse("<!DOCTYPE html><p>a &lt;b&gt;</p>").text(), " a <b>");
}

use super::{BOUNDARIES, Embedded, LEVELS, Part, Sink, TooComplex, Walker};
use proptest::prelude::*;

/// Writes down all that comes.
#[derive(Default)]
struct Notes {
    notes: Vec<String>,
    part: Vec<u8>,
}

impl Sink for Notes {
    fn header(&mut self, header: &[u8], level: usize) {
        self.notes.push(format!("header {level} {}", header.len()));
    }

    fn begin(&mut self, part: &Part) -> bool {
        self.notes.push(format!("{} {}", part.media, part.name.as_deref().unwrap_or("-")));
        true
    }

    fn octets(&mut self, octets: &[u8]) {
        self.part.extend_from_slice(octets);
    }

    fn end(&mut self) {
        self.notes.push(format!("{:?}", String::from_utf8_lossy(&std::mem::take(&mut self.part))));
    }

    fn message_begins(&mut self, _: &Part) {
        self.notes.push("message".to_owned());
    }

    fn message_ends(&mut self, octets: u64) {
        self.notes.push(format!("message of {octets}"));
    }
}

fn walked(message: &[u8], embedded: Embedded, cut: usize) -> (Vec<String>, Result<(), TooComplex>) {
    let mut notes = Notes::default();
    let mut walker = Walker::new(&mut notes, embedded);
    for piece in message.chunks(cut) {
        walker.update(piece);
    }
    let done = walker.finish();
    (notes.notes, done)
}

#[track_caller]
fn assert_parts(message: &str, expected: &[&str]) {
    for cut in [1, 2, 3, 7, 4096] {
        let (notes, done) = walked(message.as_bytes(), Embedded::Opened, cut);
        assert_eq!(done, Ok(()));
        assert_eq!(notes, expected, "cut at {cut}");
    }
}

#[test]
fn a_plain_message_is_one_part() {
    assert_parts("Subject: x\n\nHello\nthere\n", &["header 0 11", "text/plain -", "\"Hello\\nthere\\n\""]);
    assert_parts("Subject: x\n", &["header 0 11", "text/plain -", "\"\""]);
    assert_parts("", &["header 0 0", "text/plain -", "\"\""]);
    assert_parts("\nbody only", &["header 0 0", "text/plain -", "\"body only\""]);
}

#[test]
fn parts_end_where_their_boundary_says() {
    assert_parts(
        "Content-Type: multipart/mixed; boundary=\"b\"\n\npreamble\n--b\n\none\n\n--b \nContent-Type: application/pdf;\n \
         name=\"=?utf-8?q?=C3=A4.pdf?=\"\nContent-Transfer-Encoding: base64\n\nSGk=\n--b--\nepilogue\n--b\n\nlate\n",
        &[
            "header 0 44",
            "text/plain -",
            "\"one\\n\"",
            "application/pdf ä.pdf",
            "\"Hi\"",
            "text/plain -",
            "\"late\\n\"",
        ],
    );
    assert_parts(
        "Content-Type: multipart/mixed; boundary=o\n\n--o\nContent-Type: multipart/alternative; boundary=i\n\n--i\n\n\
         inner\n--o\n\nouter: the inner one never ended\n--o--\n",
        &["header 0 42", "text/plain -", "\"inner\"", "text/plain -", "\"outer: the inner one never ended\""],
    );
    assert_parts(
        "Content-Type: multipart/mixed\n\n--b\nno boundary is named\n",
        &["header 0 30", "text/plain -", "\"--b\\nno boundary is named\\n\""],
    );
}

#[test]
fn a_message_within_the_message_is_opened_or_left_closed() {
    let message = "Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: message/rfc822\n\n\
                   Subject: inner\n\ntext\n--b--\n";
    assert_parts(
        message,
        &["header 0 42", "message", "header 1 15", "text/plain -", "\"text\"", "message of 20"],
    );
    let (notes, _) = walked(message.as_bytes(), Embedded::Closed, 4096);
    assert_eq!(notes, ["header 0 42", "message/rfc822 -", "\"Subject: inner\\n\\ntext\""]);
}

#[test]
fn what_is_too_complex_is_said_to_be() {
    let many =
        format!("Content-Type: multipart/mixed; boundary=b\n\n{}", "--b\n\nx\n".repeat(BOUNDARIES + 1));
    let (notes, done) = walked(many.as_bytes(), Embedded::Opened, 4096);
    assert_eq!((notes.len(), done), (1 + 2 * BOUNDARIES, Err(TooComplex)));
    let deep = "Content-Type: message/rfc822\n\n".repeat(100_000);
    let (_, done) = walked(deep.as_bytes(), Embedded::Opened, 4096);
    assert_eq!(done, Err(TooComplex));
    let level = |level: usize| format!("Content-Type: multipart/mixed; boundary=b{level}\n\n--b{level}\n");
    let deep: String = (0..=LEVELS).map(level).collect();
    assert_eq!(walked(deep.as_bytes(), Embedded::Opened, 4096).1, Err(TooComplex));
    let fits: String = (0..LEVELS).map(level).collect();
    assert_eq!(walked(fits.as_bytes(), Embedded::Opened, 4096).1, Ok(()));
    let lines = "--\n".repeat(100_000);
    assert_eq!(walked(format!("\n{lines}").as_bytes(), Embedded::Opened, 4096).1, Ok(()), "no boundaries");
}

proptest! {
    #[test]
    fn pieces_make_no_difference(
        message in "(Content-Type: (multipart/mixed; boundary=b|message/rfc822|text/html)\n|\n|--b(--)?\n|x{0,9}|=41|\n--|:){0,40}",
        cut in 1_usize..20,
    ) {
        prop_assert_eq!(walked(message.as_bytes(), Embedded::Opened, cut), walked(message.as_bytes(), Embedded::Opened, 9999));
    }
}

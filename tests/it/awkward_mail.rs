//! Thirty-five messages that mail programs have stumbled over, each in a few lines.

/// Their names and octets as files on a server, the same in every run.
pub(crate) fn thirty_five() -> Vec<(&'static str, Vec<u8>)> {
    let header = "Received: from a by b; Thu, 19 Aug 1999 20:15:20 -0500\nMessage-Id: <m@example>\nSubject: awkward\n\n";
    let text = |body: &str| format!("{header}{body}").into_bytes();
    let octets = |body: &[u8]| [header.as_bytes(), body].concat();
    let messages = vec![
        ("ordinary", text("Hello.\n")),
        ("no-final-newline", text("The last line does not end")),
        ("no-header", b"\nOnly a body, after an empty line.\n".to_vec()),
        ("no-header-no-empty-line", b"this is no header\nnor is this\n".to_vec()),
        ("header-only", b"Subject: nothing below\nFrom: a@example\n".to_vec()),
        ("header-and-empty-line", b"Subject: nothing below\n\n".to_vec()),
        ("empty", Vec::new()),
        ("one-octet", b"x".to_vec()),
        ("only-newline", b"\n".to_vec()),
        ("only-crlfs", b"\r\n\r\n\r\n\r\n".to_vec()),
        ("crlf-file", text("with CRLF\nline ends\n").iter().flat_map(|&octet| crlf(octet)).collect()),
        ("mixed-line-ends", text("LF\nCRLF\r\nLF again\nCRLF again\r\n")),
        ("line-of-100000", text(&format!("{}\n{}\n", "x".repeat(100_000), "y".repeat(100_000)))),
        ("100000-without-newline", text(&"z".repeat(100_000))),
        ("nul", octets(b"a\0b\n\0\n\0\0\0end\n")),
        ("bare-cr", text("one\rtwo\rthree\r\rfour\n")),
        ("cr-at-the-end", text("the last octet is a CR\r")),
        ("cr-cr-lf", text("one\r\r\ntwo\r\r\r\n")),
        ("dot", text(".\n")),
        ("dots", text(".\n..\n...\n.a\n..b\n. \n.\r\n.\n")),
        ("dot-without-newline", text("body\n.")),
        ("dots-in-the-header", b"Subject: .\nX-Dots: a\n .\n\t..\n\n.\n".to_vec()),
        ("from-lines", text("From here\n\nFrom there Thu Aug 19 20:15:20 1999\n>From quoted\n>>From twice\n\n>From\nFrom\n")),
        ("from-first", b"From dusty Thu Aug 19 20:15:20 1999\nSubject: a From_ line came first\n\nbody\n".to_vec()),
        ("quoted-from-first", b">From dusty Thu Aug 19 20:15:20 1999\nSubject: quoted\n\nbody\n\n".to_vec()),
        ("many-empty-lines-at-the-end", text("body\n\n\n\n\n")),
        ("latin-1", b"Subject: caf\xe9\nFrom: Ren\xe9 <r@example>\n\nd\xe9j\xe0 vu \xa4\n".to_vec()),
        ("utf-8", text("déjà vu, 日本語, 🐦, \u{feff}\u{2028}\n")),
        ("invalid-utf-8", octets(b"\xff\xfe\xc0\x80 \xed\xa0\x80 \xf8\x88\x80\x80\x80\n")),
        ("every-octet", octets(&(0..=255).chain([b'\n']).collect::<Vec<u8>>())),
        ("status-headers", b"Status: RO\nX-Status: A\nX-UID: 77\nX-UIDL: forged\nX-Keywords:\nContent-Length: 4\nLines: 1\nSubject: s\n\nbody\n".to_vec()),
        ("huge-header", format!("Subject: huge\nX-Long: {}\n{}\nbody\n", "h".repeat(50_000), "X-Many: of them\n".repeat(3_000)).into_bytes()),
        ("attachment", attachment().into_bytes()),
        ("terminal-escapes", octets(b"\x1b[2J\x1b]0;title\x07\x9b31m\x7f\n")),
        ("25-mb", large(header, 25 * 1024 * 1024)),
    ];
    assert_eq!(messages.len(), 35);
    messages
}

fn crlf(octet: u8) -> Vec<u8> {
    if octet == b'\n' { b"\r\n".to_vec() } else { vec![octet] }
}

fn attachment() -> String {
    let line = "UG9wa2VlcCBrZWVwcyB3aGF0IHRoZSBzZXJ2ZXIgc2VudC4gUG9wa2VlcCBrZWVwcyB3aGF0\n";
    format!(
        "Subject: attached\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=\"=_x\"\n\n--=_x\n\nSee attached.\n--=_x\n\
         Content-Type: application/octet-stream\nContent-Transfer-Encoding: base64\n\n{}--=_x--\n",
        line.repeat(500)
    )
}

fn large(header: &str, size: usize) -> Vec<u8> {
    let mut message = header.as_bytes().to_vec();
    message.reserve(size + 100);
    for line in 0_u64.. {
        if message.len() >= size {
            break;
        }
        // Every line differs, so that a lost or doubled piece shows.
        message.extend_from_slice(
            format!(".{line:020} {:016x} attachment of 25 MB\n", line.wrapping_mul(0x9e37_79b9_7f4a_7c15))
                .as_bytes(),
        );
    }
    message
}

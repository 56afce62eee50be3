//! What is in a folder.

use super::*;

const OPENED: &str = "C: P2 EXAMINE \"Archive\"\nS: * 3 EXISTS\nS: P2 OK\n";
const ASKED: &str = "C: P3 UID FETCH 7:* (UID RFC822.SIZE BODY.PEEK[HEADER.FIELDS (MESSAGE-ID)])\n";

fn listed(transcript: &str, split: usize) -> Result<Vec<Listed>, ImapError> {
    let (mut connection, progress) = logged_in_by(MODERN, &format!("{OPENED}{ASKED}{transcript}"), split);
    connection.examine(&archive()).unwrap();
    let mut all = Vec::new();
    connection.listed(7, &mut |one| all.push(one))?;
    progress.assert_finished();
    Ok(all)
}

fn one(uid: u32, size: u64, id: Option<&str>) -> Listed {
    Listed { uid, size, message_id: id.map(Into::into) }
}

#[test]
fn messages_are_listed_in_every_way_in_which_servers_write_them() {
    let transcript = "\
        S: * 1 FETCH (UID 7 RFC822.SIZE 120 BODY[HEADER.FIELDS (MESSAGE-ID)] {21}\n\
        raw: Message-ID: <a@b>\\r\\n\\r\\n)\\r\\n\n\
        S: * 4 EXISTS\n\
        S: * 1 FETCH (FLAGS (\\Seen) UID 7)\n\
        S: * 2 FETCH (FLAGS ({4}\n\
        raw: x) ( \\\"y\\\\)\\\" NIL (z)) MODSEQ (12) BODY[HEADER.FIELDS (\\\"MESSAGE-ID\\\")] \\\"\\\" RFC822.SIZE 9999999999 UID 8 )\\r\\n\n\
        S: * 3 FETCH (body[header.fields (message-id)] NIL uid 4294967295 rfc822.size 0)\n\
        S: * 3 FETCH (UID 6 RFC822.SIZE 1 BODY[HEADER.FIELDS (MESSAGE-ID)] NIL)\n\
        S: P3 OK done";
    let transcript = transcript.replace("\\\"", "\"");
    let expected = [one(7, 120, Some("<a@b>")), one(8, 9_999_999_999, None), one(u32::MAX, 0, None)];
    for split in SPLITS {
        assert_eq!(listed(&transcript, split).unwrap(), expected, "{split}");
    }
}

#[test]
fn a_message_id_without_end_is_passed_over() {
    let transcript = "\
        S: * 1 FETCH (UID 7 RFC822.SIZE 120 BODY[HEADER.FIELDS (MESSAGE-ID)] {100000}\n\
        repeat 100000: x\nraw: )\\r\\n\nS: P3 OK";
    // The script of unit tests says each thing once.
    let transcript = transcript.replace("repeat 100000: x", &format!("raw: {}", "x".repeat(100_000)));
    assert_eq!(listed(&transcript, usize::MAX).unwrap(), [one(7, 120, None)]);
}

#[test]
fn malformed_numbers_are_faults() {
    for fetch in [
        "* 1 FETCH (UID 0 RFC822.SIZE 1)",
        "* 1 FETCH (UID x RFC822.SIZE 1)",
        "* 1 FETCH (UID 4294967296)",
        "* 1 FETCH (UID -1)",
        "* 1 FETCH (UID (1))",
        "* 1 FETCH (RFC822.SIZE 99999999999999999999)",
        "* 1 FETCH (RFC822.SIZE NIL)",
        "* 0 FETCH (UID 1)",
        "* 9x FETCH (UID 1)",
        "* 1 FETCH UID 1",
        "* 1 FETCH (UID 1",
        "* 1 FETCH (UID",
        "* 1 FETCH (UID 1 BODY[HEADER.FIELDS (X)",
        "* 1 FETCH (UID 1 ENVELOPE (\"open)",
        "* 1 FETCH",
    ] {
        let error = listed(&format!("S: {fetch}\nS: P3 OK"), usize::MAX).unwrap_err();
        assert_eq!(error.exit(), Exit::PROTOCOL, "{fetch}: {error}");
    }
    let deep = format!("S: * 1 FETCH (X {})", "(".repeat(60_000));
    assert_eq!(listed(&deep, usize::MAX).unwrap_err().exit(), Exit::PROTOCOL);
}

#[test]
fn an_empty_folder_is_asked_about_again_and_not_listed() {
    let opened = "C: P2 EXAMINE \"Archive\"\nS: * 0 EXISTS\nS: P2 OK\n";
    let (mut connection, progress) = logged_in(&format!("{opened}C: P3 NOOP\nS: P3 OK"));
    connection.examine(&archive()).unwrap();
    connection.listed(1, &mut |one| panic!("{one:?}")).unwrap();
    progress.assert_finished();
    let (mut connection, _) = logged_in("");
    assert!(matches!(connection.listed(1, &mut |_| ()), Err(ImapError::Order(_))), "none is open");
    assert!(matches!(connection.content(1, 1, &mut |_| ()), Err(ImapError::Order(_))));
}

fn content(transcript: &str, limit: u64, split: usize) -> Result<(bool, Vec<u8>), ImapError> {
    let transcript = format!("{OPENED}C: P3 UID FETCH 7 (UID BODY.PEEK[])\n{transcript}");
    let (mut connection, progress) = logged_in_by(MODERN, &transcript, split);
    connection.examine(&archive()).unwrap();
    let mut octets = Vec::new();
    let found = connection.content(7, limit, &mut |part| octets.extend_from_slice(part))?;
    progress.assert_finished();
    Ok((found, octets))
}

#[test]
fn a_content_is_passed_on_however_it_is_cut_and_whatever_is_in_it() {
    let said = "S: * 9 EXISTS\nS: * 2 FETCH (UID 7 BODY[] {14}\nraw: a\\r\\nP3 OK\\r\\n{9}\\0 FLAGS ())\\r\\n\nS: P3 OK";
    for split in SPLITS {
        let (found, octets) = content(said, 14, split).unwrap();
        assert!(found);
        assert_eq!(octets, b"a\r\nP3 OK\r\n{9}\0", "{split}");
    }
    for (said, octets) in [
        ("S: * 2 FETCH (BODY[] \"short\" UID 7)\n", Some(&b"short"[..])),
        ("S: * 2 FETCH (UID 7 BODY[] {0}\nraw: )\\r\\n\n", Some(b"")),
        ("S: * 2 FETCH (UID 7 BODY[] NIL)\n", None),
        ("", None),
    ] {
        let (found, got) = content(&format!("{said}S: P3 OK"), 14, usize::MAX).unwrap();
        assert_eq!(found.then_some(&got[..]), octets, "{said}");
    }
}

#[test]
fn a_content_that_is_too_long_or_another_message_s_is_a_fault() {
    for said in [
        "S: * 2 FETCH (UID 7 BODY[] {15}\nraw: xxxxx",
        "S: * 2 FETCH (UID 7 BODY[] {99999999999999999999999}\nraw: xxxxx",
        "S: * 2 FETCH (UID 8 BODY[] {1}\nraw: x)\\r\\n\nS: P3 OK",
        "S: * 2 FETCH (UID 7 BODY[] x)\nS: * 2 FETCH (UID 7 BODY[] x)\nS: P3 OK",
        "S: * 2 FETCH (UID 7 FLAGS {70000}\nraw: xxxxx",
    ] {
        let error = content(said, 14, usize::MAX).unwrap_err();
        assert_eq!(error.exit(), Exit::PROTOCOL, "{said}: {error}");
    }
    let lost = "S: * 2 FETCH (UID 7 BODY[] {9}\nraw: xxxxx\nclose";
    assert_eq!(content(lost, 14, usize::MAX).unwrap_err().exit(), Exit::UNAVAILABLE);
}

//! Folders: the delimiter, EXAMINE, CREATE.

use super::*;

#[test]
fn the_delimiter_is_asked_for_once() {
    for (line, path, encoded) in [
        (r#"(\\Noselect) "/" """#, "a/b", "a/b"),
        (r#"(\\Noselect) "." """#, "a/b", "a.b"),
        (r#"(\\Noselect) "\\\\" """#, "a/b", "a\\b"),
        (r#"(\\Noselect) NIL """#, "a/b", "a/b"),
        (r"() {1}\r\n. {0}\r\n", "a/b", "a.b"),
        (r#"( \\Noselect  \\HasChildren ) "." """#, "ä/b", "&AOQ-.b"),
    ] {
        let transcript = format!("C: P2 LIST \"\" \"\"\nraw: * LIST {line}\\r\\n\nS: P2 OK");
        let (mut connection, progress) = logged_in(&transcript);
        assert_eq!(connection.folder(path).unwrap().encoded(), encoded, "{line}");
        assert_eq!(connection.folder("INBOX").unwrap().encoded(), "INBOX");
        progress.assert_finished();
    }
    let (mut connection, progress) = logged_in("C: never");
    assert_eq!(connection.folder("a//b").unwrap_err().exit(), Exit::USAGE, "no server is asked for that");
    assert_eq!(progress.left(), 1);
}

#[test]
fn examine_tells_what_is_there() {
    let transcript = "C: P2 EXAMINE \"Archive\"\nS: * FLAGS (\\Seen)\nS: * 12 EXISTS\nS: * 0 RECENT\n\
         S: * OK [UNSEEN 3] first\nS: * OK [UIDVALIDITY 4294967295] valid\nS: * OK [UIDNEXT 77] next\n\
         S: * OK see {5}\nS: * SEARCH 1 2 3\nS: P2 OK [READ-ONLY] done";
    for split in SPLITS {
        let (mut connection, progress) = logged_in_by(MODERN, transcript, split);
        let examined = connection.examine(&archive()).unwrap();
        assert_eq!(
            examined,
            Some(Examined { uid_validity: u32::MAX, uid_next: Some(77), messages: 12 }),
            "{split}"
        );
        progress.assert_finished();
    }
    let (mut connection, _) = logged_in("C: P2 EXAMINE \"Archive\"\nS: * 0 EXISTS\nS: P2 OK");
    let examined = connection.examine(&archive()).unwrap().unwrap();
    assert_eq!((examined.uid_validity, examined.uid_next), (0, None));
    let (mut connection, _) = logged_in("C: P2 EXAMINE \"Archive\"\nS: P2 OK");
    assert_eq!(connection.examine(&archive()).unwrap_err().exit(), Exit::PROTOCOL);
    for exists in ["x EXISTS", "-1 EXISTS", "4294967296 EXISTS", "1x EXISTS"] {
        let transcript = format!("C: P2 EXAMINE \"Archive\"\nS: * {exists}\nS: P2 OK");
        let error = logged_in(&transcript).0.examine(&archive()).unwrap_err();
        assert_eq!(error.exit(), Exit::PROTOCOL, "{exists}: {error}");
    }
}

#[test]
fn a_folder_that_is_not_there_is_told_from_one_that_cannot_be_opened() {
    let examine = |rest: &str| {
        let (mut connection, progress) = logged_in(&format!("C: P2 EXAMINE \"Archive\"\nS: P2 {rest}"));
        let examined = connection.examine(&archive());
        progress.assert_finished();
        examined
    };
    assert_eq!(examine("NO [NONEXISTENT] no").unwrap(), None);
    assert_eq!(examine("NO [TRYCREATE] no").unwrap(), None);
    let list = "C: P3 LIST \"\" \"Archive\"\n";
    for listed in ["", "S: * LIST () \"/\" Archive2\n", "S: * LIST (\\Noselect) \"/\" Archive\n"] {
        let outcome = examine(&format!("NO no such mailbox: daily limit\n{list}{listed}S: P3 OK"));
        assert_eq!(outcome.unwrap(), None, "{listed}");
    }
    let there = format!("{list}S: * LIST () \"/\" \"Archive\"\nS: P3 OK");
    for (refusal, exit) in [
        ("NO something is wrong", Exit::PROTOCOL),
        ("NO too many open mailboxes, try again later", Exit::TRY_LATER),
        ("BAD what", Exit::PROTOCOL),
    ] {
        let error = examine(&format!("{refusal}\n{there}")).unwrap_err();
        assert_eq!(error.exit(), exit, "{refusal}: {error}");
    }
    for (refusal, exit) in [
        ("NO [NOPERM] no", Exit::CANT_CREATE),
        ("NO [INUSE] no", Exit::TRY_LATER),
        ("NO [SERVERBUG] no", Exit::PROTOCOL),
        ("NO [EXPIRED] the token has", Exit::TRY_LATER),
    ] {
        let error = examine(refusal).unwrap_err();
        assert_eq!(error.exit(), exit, "{refusal}: {error}");
    }
}

#[test]
fn what_dovecot_says_of_the_time_it_took_is_no_rate() {
    let refusal = |text: &str| Refusal { code: None, text: text.into() };
    assert_eq!(refusal("No such thing (0.001 + 0.000 secs).").cause(), Cause::Unclear);
    assert_eq!(
        refusal("No such thing: 9 lives (about 30 secs).").cause(),
        Cause::NotNow(crate::refusal::NotNow::Limit)
    );
    assert!(matches!(refusal("wait for 30 secs").cause(), Cause::NotNow(_)));
}

#[test]
fn what_servers_say_of_quotas_sizes_and_limits_is_understood() {
    use Cause::{Full, NotNow, TooBig, Unclear};
    let limit = NotNow(crate::refusal::NotNow::Limit);
    for (text, cause) in [
        ("Quota exceeded (mailbox for user is full)", Full),
        ("Mailbox is full", Full),
        ("Over quota", Full),
        ("not enough disk space", Full),
        ("Message exceeds the maximum size", TooBig),
        ("message too large", TooBig),
        ("Account exceeded command or bandwidth limits.", limit),
        ("too many commands", limit),
        ("Request is throttled. Suggested Backoff Time: 300000 milliseconds", limit),
        ("Invalid date", Unclear),
    ] {
        assert_eq!(Refusal { code: None, text: text.into() }.cause(), cause, "{text}");
    }
}

#[test]
fn a_folder_is_made_and_subscribed_to() {
    for (transcript, good) in [
        ("C: P2 CREATE \"Archive\"\nS: P2 OK\nC: P3 SUBSCRIBE \"Archive\"\nS: P3 OK", true),
        ("C: P2 CREATE \"Archive\"\nS: P2 OK\nC: P3 SUBSCRIBE \"Archive\"\nS: P3 NO no subscriptions", true),
        ("C: P2 CREATE \"Archive\"\nS: P2 NO [ALREADYEXISTS] it is there", true),
        ("C: P2 CREATE \"Archive\"\nS: P2 NO [CANNOT] no", false),
        ("C: P2 CREATE \"Archive\"\nS: P2 BAD no", false),
    ] {
        let (mut connection, progress) = logged_in(transcript);
        assert_eq!(connection.create(&archive()).is_ok(), good, "{transcript}");
        progress.assert_finished();
    }
}

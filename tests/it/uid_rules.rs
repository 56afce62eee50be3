//! Which message is it? Unique-ids that are equal, missing, reused, or changed.
//!
//! | the rule | its tests |
//! | --- | --- |
//! | UIDs are opaque octets of any length | [`uids_of_any_octets_are_told_apart`] |
//! | several spaces before one are tolerated; an empty one is none | [`blanks_around_a_uid_are_no_part_of_it`], [`an_empty_uid_is_none`] |
//! | a row explains at most one listed message | [`a_row_explains_one_message_and_no_more`] |
//! | messages listed n times are n copies | [`identical_messages_under_one_uid_are_as_many_copies`], [`identical_messages_under_different_uids_are_as_many_copies`] |
//! | archived: stored, unique, of the recorded size | [`identical_messages_under_different_uids_are_as_many_copies`] |
//! | archived although a listing left it out | [`a_short_listing_forgets_nothing`] |
//! | doubtful: the size differs | [`a_uid_reused_while_we_looked_away_is_another_message`], [`another_size_for_the_same_octets_is_the_same_message`] |
//! | doubtful: deleted before | [`a_uid_reused_after_its_message_was_deleted_is_another_message`], [`a_message_that_comes_back_after_its_deletion_is_the_same_one`] |
//! | doubtful: equal to another | [`different_messages_under_one_uid_are_all_kept`], [`different_messages_under_one_uid_are_deleted_only_when_each_is_held`] |
//! | the same but for what servers write into headers | [`headers_that_servers_write_into_mail_make_no_other_message`], [`headers_rewritten_between_sessions_are_one_message_that_can_be_deleted`] |
//! | groups of equal UIDs are matched as multisets | [`a_group_of_equal_uids_that_shrinks_shifts_and_grows_is_matched_by_content`] |
//! | one whose octets differ each time: stored twice, told once, never deleted | [`a_message_that_differs_at_every_retr_is_stored_twice_and_never_deleted`] |
//! | a new UID is fetched; equal content under a UID that is not listed any more is the same message | [`a_message_whose_uid_alone_changes_is_the_same_one`], [`equal_content_under_a_uid_that_is_still_listed_is_another_copy`], [`what_was_listed_beside_it_in_the_same_run_is_another_message`], [`a_uid_that_comes_back_when_its_message_was_taken_for_another_is_one_more_copy`], [`uids_that_shift_bring_nothing_twice`] |
//! | but only a row that is present and not deleted by us | [`what_we_deleted_or_somebody_removed_is_not_what_comes_under_a_new_uid`], [`what_we_may_have_deleted_is_not_what_comes_under_a_new_uid`] |
//! | a UID is doubted once | [`a_reused_uid_is_doubted_once`], [`a_uid_reused_for_a_copy_of_a_listed_message_is_one_more_copy`] |
//! | sizes that say nothing | [`a_size_that_changes_at_each_run_is_no_reason_to_fetch_again`] |
//! | unless all known ones vanished at once | [`a_migrated_server_whose_uids_all_changed_brings_nothing_twice`] |
//! | without UIDL: matched by content | [`without_uidl_messages_are_matched_by_content`], [`uids_that_are_missing_for_once_bring_nothing_twice`] |
//! | a receipt: RETRed in this session, or the header is the recorded one; a copy that is gone keeps the message | the table of `dele_rules` |
//! | nothing, or less than half, came: missing | `fetch` |

use crate::support::mail::{assert_same_mail, stored_forms};
use crate::support::maildrop::{Capa, Nth, Quit, UNSTEADY};
use crate::support::{Account, Behaviour, Mail, PopServer, Sandbox};

/// Fetches, and expects nothing to be stored.
#[track_caller]
fn fetch_stores_nothing(sandbox: &Sandbox, archived: &[Mail]) {
    let report = sandbox.fetch();
    assert_same_mail(sandbox.maildir("work"), stored_forms(archived));
    assert_eq!(report["fetched"], 0, "nothing is stored twice");
}

#[test]
fn different_messages_under_one_uid_are_all_kept() {
    let mails: Vec<_> = Mail::some(4).iter().map(|mail| mail.with_uid("same")).collect();
    let server = PopServer::with(mails.clone());
    let sandbox = Sandbox::for_server(&server);
    assert_eq!(sandbox.fetch()["archived"], 4);
    fetch_stores_nothing(&sandbox, &mails);
    // Their positions inside the group say nothing.
    server.state().mails.reverse();
    fetch_stores_nothing(&sandbox, &mails);
}

#[test]
fn different_messages_under_one_uid_are_deleted_only_when_each_is_held() {
    let mails: Vec<_> = Mail::some(3).iter().map(|mail| mail.with_uid("same")).collect();
    let server = PopServer::with(mails.clone());
    let sandbox = Sandbox::with([Account::on("work", &server).text("delete", "fetched")]);
    sandbox.fetch();
    sandbox.fetch();
    assert!(server.uids().is_empty());
    assert_same_mail(sandbox.maildir("work"), stored_forms(&mails));
}

#[test]
fn identical_messages_under_one_uid_are_as_many_copies() {
    let mails = vec![Mail::numbered(1), Mail::numbered(1), Mail::numbered(1)];
    let server = PopServer::with(mails.clone());
    let sandbox = Sandbox::for_server(&server);
    assert_eq!(sandbox.fetch()["archived"], 3);
    fetch_stores_nothing(&sandbox, &mails);
}

#[test]
fn identical_messages_under_different_uids_are_as_many_copies() {
    let mails =
        vec![Mail::numbered(1), Mail::numbered(1).with_uid("another"), Mail::numbered(1).with_uid("a third")];
    let server = PopServer::with(mails.clone());
    let sandbox = Sandbox::for_server(&server);
    sandbox.fetch();
    let asked = server.count("RETR");
    assert!(asked <= 7, "an answer may have come twice: each is asked for once more, alone");
    fetch_stores_nothing(&sandbox, &mails);
    assert_eq!(
        server.count("RETR"),
        asked,
        "what is archived by a unique-id of its own is not fetched again"
    );
}

#[test]
fn without_uidl_messages_are_matched_by_content() {
    let server = PopServer::behaving(Mail::some(3), Behaviour { no_uidl: true, ..Behaviour::default() });
    let sandbox = Sandbox::for_server(&server);
    sandbox.fetch();
    fetch_stores_nothing(&sandbox, &Mail::some(3));
    server.state().mails = Mail::some(4);
    assert_eq!(sandbox.fetch()["fetched"], 1);
    assert_same_mail(sandbox.maildir("work"), stored_forms(&Mail::some(4)));
}

#[test]
fn uids_that_are_missing_for_once_bring_nothing_twice() {
    let server = PopServer::with(Mail::some(2));
    let sandbox = Sandbox::for_server(&server);
    sandbox.fetch();
    server.state().mails.push(Mail::numbered(3));
    server.behave(Behaviour { no_uidl: true, ..Behaviour::default() });
    sandbox.fetch();
    server.behave(Behaviour::default());
    fetch_stores_nothing(&sandbox, &Mail::some(3));
    server.take_sessions();
    fetch_stores_nothing(&sandbox, &Mail::some(3));
    assert_eq!(server.count("RETR"), 0, "its UID is on record now");
}

#[test]
fn a_uid_reused_after_its_message_was_deleted_is_another_message() {
    let first = Mail::numbered(1);
    let second = Mail::numbered(2).with_uid("uid-00001");
    let server = PopServer::with(vec![first.clone()]);
    let sandbox = Sandbox::with([Account::on("work", &server).text("delete", "fetched")]);
    sandbox.fetch();
    server.state().mails = vec![second.clone()];
    assert_eq!(sandbox.fetch()["fetched"], 1);
    assert_same_mail(sandbox.maildir("work"), stored_forms([&first, &second]));
    assert!(server.uids().is_empty());
}

#[test]
fn a_uid_reused_while_we_looked_away_is_another_message() {
    let first = Mail::numbered(1);
    let second = Mail::new("uid-00001", "Subject: quite another one\n\nwith a size of its own\n");
    let server = PopServer::with(vec![first.clone()]);
    let sandbox = Sandbox::for_server(&server);
    sandbox.fetch();
    server.state().mails = vec![second.clone()];
    assert_eq!(sandbox.fetch()["fetched"], 1);
    assert_same_mail(sandbox.maildir("work"), stored_forms([&first, &second]));
}

#[test]
fn another_size_for_the_same_octets_is_the_same_message() {
    let server = PopServer::with(Mail::some(2));
    let sandbox = Sandbox::for_server(&server);
    sandbox.fetch();
    server.state().mails[1] = Mail::numbered(2).listed_as("300");
    fetch_stores_nothing(&sandbox, &Mail::some(2));
}

#[test]
fn headers_that_servers_write_into_mail_make_no_other_message() {
    let server = PopServer::with(Mail::some(2));
    let sandbox = Sandbox::for_server(&server);
    sandbox.fetch();
    let text = String::from_utf8(Mail::numbered(1).stored()).unwrap();
    server.state().mails[0] = Mail::new("uid-00001", format!("X-UIDL: 77\nStatus: RO\n{text}"));
    fetch_stores_nothing(&sandbox, &Mail::some(2));
}

#[test]
fn a_migrated_server_whose_uids_all_changed_brings_nothing_twice() {
    let server = PopServer::with(Mail::some(5));
    let sandbox = Sandbox::for_server(&server);
    sandbox.fetch();
    for (number, mail) in server.state().mails.iter_mut().enumerate() {
        mail.uid = format!("migrated-{number}").into_bytes();
    }
    fetch_stores_nothing(&sandbox, &Mail::some(5));
    server.take_sessions();
    fetch_stores_nothing(&sandbox, &Mail::some(5));
    assert_eq!(server.count("RETR"), 0, "the new unique-ids are known now");
}

#[test]
fn a_short_listing_forgets_nothing() {
    let server = PopServer::with(Mail::some(4));
    let sandbox = Sandbox::for_server(&server);
    sandbox.fetch();
    for shown in [&Mail::some(4)[1..3], &[], &Mail::some(4)[..]] {
        server.state().mails = shown.to_vec();
        fetch_stores_nothing(&sandbox, &Mail::some(4));
    }
    assert_eq!(server.count("RETR"), 4, "no message was fetched a second time");
}

#[test]
fn uids_of_any_octets_are_told_apart() {
    let uids: [&[u8]; 5] = [b"\xe9\xff", b"../../etc/passwd", b"with space", b"%s%n", &[b'x'; 200]];
    let mails: Vec<_> =
        (1..).zip(uids).map(|(number, uid)| Mail { uid: uid.to_vec(), ..Mail::numbered(number) }).collect();
    let server = PopServer::with(mails.clone());
    let sandbox = Sandbox::for_server(&server);
    sandbox.fetch();
    fetch_stores_nothing(&sandbox, &mails);
    assert_eq!(server.count("RETR"), 5);
}

#[test]
fn blanks_around_a_uid_are_no_part_of_it() {
    let server = PopServer::with(Mail::some(3));
    let sandbox = Sandbox::for_server(&server);
    sandbox.fetch();
    let blanks = b"+OK\r\n1   uid-00001\r\n  2\tuid-00002  \r\n3 \t uid-00003\t\r\n.\r\n".to_vec();
    server.behave(Behaviour { says: [("UIDL", blanks)].into(), ..Behaviour::default() });
    fetch_stores_nothing(&sandbox, &Mail::some(3));
    assert_eq!(server.count("RETR"), 3);
}

#[test]
fn an_empty_uid_is_none() {
    let mut mails = Mail::some(4);
    mails[1].uid.clear();
    mails[2].uid.clear();
    let server = PopServer::with(mails.clone());
    let sandbox = Sandbox::for_server(&server);
    assert_eq!(sandbox.fetch()["archived"], 4);
    fetch_stores_nothing(&sandbox, &mails);
    server.state().mails.swap(1, 2);
    server.state().mails.push(Mail::numbered(5).with_uid(""));
    assert_eq!(sandbox.fetch()["fetched"], 1);
    mails.push(Mail::numbered(5));
    assert_same_mail(sandbox.maildir("work"), stored_forms(&mails));
}

#[test]
fn a_row_explains_one_message_and_no_more() {
    let no_uidl = Behaviour { no_uidl: true, ..Behaviour::default() };
    for (behaviour, uids) in [(no_uidl, ["", "", ""]), (Behaviour::default(), ["same", "same", "same"])] {
        let copies: Vec<_> = uids.iter().map(|uid| Mail::numbered(1).with_uid(uid)).collect();
        let server = PopServer::behaving(copies[..1].to_vec(), behaviour);
        let sandbox = Sandbox::for_server(&server);
        for listed in 1..=3 {
            server.state().mails = copies[..listed].to_vec();
            assert_eq!(sandbox.fetch()["fetched"], 1, "one more than before");
            fetch_stores_nothing(&sandbox, &copies[..listed]);
        }
        // Fewer than before, and as many again: no new ones.
        for listed in [1, 3] {
            server.state().mails = copies[..listed].to_vec();
            fetch_stores_nothing(&sandbox, &copies);
        }
    }
}

#[test]
fn a_message_that_comes_back_after_its_deletion_is_the_same_one() {
    let server = PopServer::with(Mail::some(2));
    let sandbox = Sandbox::with([Account::on("work", &server).text("delete", "fetched")]);
    for _ in 0..2 {
        // Restored from the server's own backup, say.
        server.state().mails = Mail::some(2);
        sandbox.fetch();
        assert!(server.uids().is_empty());
        assert_same_mail(sandbox.maildir("work"), stored_forms(&Mail::some(2)));
    }
}

#[test]
fn headers_rewritten_between_sessions_are_one_message_that_can_be_deleted() {
    let server = PopServer::with(Mail::some(2));
    let sandbox = Sandbox::for_server(&server);
    sandbox.fetch();
    let rewritten = |what: &str| -> Vec<Mail> {
        let text = |mail: &Mail| format!("{what}{}", String::from_utf8(mail.stored()).unwrap());
        Mail::some(2)
            .iter()
            .map(|mail| Mail::new(std::str::from_utf8(&mail.uid).unwrap(), text(mail)))
            .collect()
    };
    for what in [
        "Status: RO\n",
        "Status: O\nX-Status: A\nX-UID: 7\n",
        "X-UIDL: 77\nX-Keywords: $Label1\n",
        "X-IMAP: 1 2\nX-IMAPbase: 1 2\nContent-Length: 5\nLines: 1\n",
        "status: ro\nx-uid:\n 78\n",
    ] {
        server.state().mails = rewritten(what);
        fetch_stores_nothing(&sandbox, &Mail::some(2));
    }
    server.state().mails = rewritten("Status: R\n");
    sandbox.configure([Account::on("work", &server).text("delete", "fetched")]);
    fetch_stores_nothing(&sandbox, &Mail::some(2));
    assert!(server.uids().is_empty());
}

#[test]
fn a_group_of_equal_uids_that_shrinks_shifts_and_grows_is_matched_by_content() {
    let mut mails: Vec<_> = Mail::some(5).iter().map(|mail| mail.with_uid("same")).collect();
    mails.push(Mail::numbered(9));
    let server = PopServer::with(mails[..3].to_vec());
    let sandbox = Sandbox::for_server(&server);
    sandbox.fetch();
    for listed in [&[1, 2][..], &[2, 0], &[1], &[0, 1, 2], &[]] {
        server.state().mails = listed.iter().map(|&number| mails[number].clone()).collect();
        fetch_stores_nothing(&sandbox, &mails[..3]);
    }
    // One that is alone under a UID that once stood for several need not be one of those.
    server.state().mails = vec![mails[3].clone()];
    assert_eq!(sandbox.fetch()["fetched"], 1);
    server.state().mails = [&mails[2..3], &mails[4..], &mails[..2], &mails[3..4]].concat();
    assert_eq!(sandbox.fetch()["fetched"], 2);
    sandbox.configure([Account::on("work", &server).text("delete", "fetched")]);
    fetch_stores_nothing(&sandbox, &mails);
    assert!(server.uids().is_empty(), "each was seen, and is archived");
}

#[test]
fn a_message_whose_uid_alone_changes_is_the_same_one() {
    for format in ["maildir", "mbox"] {
        let server = PopServer::with(Mail::some(10));
        let sandbox = Sandbox::with([Account::on("work", &server).text("format", format)]);
        sandbox.fetch();
        server.state().mails[1].uid = b"renamed".to_vec();
        let report = sandbox.fetch();
        assert_eq!((&report["fetched"], &report["archived"]), (&0.into(), &10.into()));
        server.take_sessions();
        sandbox.fetch();
        assert_eq!(server.count("RETR"), 0, "it is on record under its new UID");
        // And back.
        server.state().mails[1].uid = b"uid-00002".to_vec();
        assert_eq!(sandbox.fetch()["fetched"], 0);
    }
}

#[test]
fn equal_content_under_a_uid_that_is_still_listed_is_another_copy() {
    let server = PopServer::with(Mail::some(3));
    let sandbox = Sandbox::for_server(&server);
    sandbox.fetch();
    server.state().mails.push(Mail::numbered(2).with_uid("twin"));
    assert_eq!(sandbox.fetch()["fetched"], 1);
    let all = [Mail::some(3), vec![Mail::numbered(2)]].concat();
    assert_same_mail(sandbox.maildir("work"), stored_forms(&all));
    // One of the two is missing from a listing, and comes back; the other likewise.
    let both = server.state().mails.clone();
    for missing in [1, 3] {
        server.state().mails.remove(missing);
        fetch_stores_nothing(&sandbox, &all);
        server.state().mails = both.clone();
        fetch_stores_nothing(&sandbox, &all);
    }
    // The fourth was asked for twice, the second time alone: the first time it might have been an answer to another's.
    assert_eq!(server.count("RETR"), 5);
}

#[test]
fn a_uid_that_comes_back_when_its_message_was_taken_for_another_is_one_more_copy() {
    let server = PopServer::with(Mail::some(3));
    let sandbox = Sandbox::for_server(&server);
    sandbox.fetch();
    // It is left out for once while its twin arrives.
    server.state().mails[1].uid = b"twin".to_vec();
    fetch_stores_nothing(&sandbox, &Mail::some(3));
    server.state().mails.push(Mail::numbered(2));
    assert_eq!(sandbox.fetch()["fetched"], 1, "two are listed, so two are archived");
    let all = [Mail::some(3), vec![Mail::numbered(2)]].concat();
    fetch_stores_nothing(&sandbox, &all);
    server.take_sessions();
    fetch_stores_nothing(&sandbox, &all);
    assert_eq!(server.count("RETR"), 0);
}

#[test]
fn what_we_deleted_or_somebody_removed_is_not_what_comes_under_a_new_uid() {
    let server = PopServer::with(Mail::some(2));
    let sandbox = Sandbox::with([Account::on("work", &server).text("delete", "fetched")]);
    sandbox.fetch();
    server.state().mails = vec![Mail::numbered(1).with_uid("new")];
    assert_eq!(sandbox.fetch()["fetched"], 1, "a second message, after the first had been deleted");

    let server = PopServer::with(Mail::some(5));
    let sandbox = Sandbox::for_server(&server);
    sandbox.fetch();
    let copy = sandbox.archive("work").join("new");
    for entry in std::fs::read_dir(copy).unwrap() {
        let path = entry.unwrap().path();
        if std::fs::read(&path).unwrap() == Mail::numbered(2).stored() {
            std::fs::remove_file(path).unwrap();
        }
    }
    server.state().mails[1].uid = b"renamed".to_vec();
    assert_eq!(sandbox.fetch()["fetched"], 1);
    assert_same_mail(sandbox.maildir("work"), stored_forms(&Mail::some(5)));
}

#[test]
fn what_we_may_have_deleted_is_not_what_comes_under_a_new_uid() {
    let refuse_dele = (3..=5).map(|number| Mail::numbered(number).uid).collect();
    let refusing = Behaviour { refuse_dele, ..Behaviour::default() };
    for quit in [Quit::Commits, Quit::CommitsSilently] {
        let server = PopServer::behaving(Mail::some(5), Behaviour { quit, ..refusing.clone() });
        let sandbox = Sandbox::with([Account::on("work", &server).text("delete", "fetched")]);
        sandbox.popkeep(["fetch"]).run();
        server.behave(Behaviour::default());
        server.state().mails = vec![Mail::numbered(4), Mail::numbered(5), Mail::numbered(1).with_uid("new")];
        assert_eq!(sandbox.fetch()["fetched"], 1, "one more, whatever became of the first");
    }
}

#[test]
fn what_was_listed_beside_it_in_the_same_run_is_another_message() {
    let server = PopServer::with(Mail::some(4));
    let sandbox = Sandbox::for_server(&server);
    sandbox.fetch();
    let twins = ["one", "two"].map(|uid| Mail::numbered(9).with_uid(uid));
    server.state().mails.extend(twins.clone());
    // One has come when another client deletes it, and the connection is lost: the next session lists the other.
    let second = Nth("RETR", 2);
    let capa = Capa::without_pipelining();
    let (expunges, torn_at) = (Some((second, 5)), Some(second));
    server.behave(Behaviour { capa, torn_at, expunges, ..Behaviour::default() });
    assert_eq!(sandbox.fetch()["fetched"], 2);
    assert_same_mail(sandbox.maildir("work"), stored_forms(&[Mail::some(4), twins.to_vec()].concat()));
}

#[test]
fn uids_that_shift_bring_nothing_twice() {
    let mails: Vec<_> = (1..=6)
        .map(|number| {
            Mail::new(&number.to_string(), format!("Subject: {number}\n\n{}\n", "x".repeat(number)))
        })
        .collect();
    let server = PopServer::with(mails.clone());
    let sandbox = Sandbox::for_server(&server);
    sandbox.fetch();
    // Message 2 is deleted elsewhere; UIDs are no more than numbers here.
    let shifted: Vec<_> =
        (1..).zip([0, 2, 3, 4, 5]).map(|(number, at)| mails[at].with_uid(&number.to_string())).collect();
    server.state().mails = shifted;
    fetch_stores_nothing(&sandbox, &mails);
    server.take_sessions();
    fetch_stores_nothing(&sandbox, &mails);
    assert_eq!(server.count("RETR"), 0, "each is on record under its UID");
}

#[test]
fn a_uid_reused_for_a_copy_of_a_listed_message_is_one_more_copy() {
    let mails = ["a", "longer"].map(|text| Mail::new(text, format!("Subject: {text}\n\n{text}\n")));
    let server = PopServer::with(mails.to_vec());
    let sandbox = Sandbox::for_server(&server);
    sandbox.fetch();
    let copy = mails[1].with_uid("a");
    server.state().mails[0] = copy.clone();
    assert_eq!(sandbox.fetch()["fetched"], 1);
    fetch_stores_nothing(&sandbox, &[mails.to_vec(), vec![copy]].concat());
}

#[test]
fn a_reused_uid_is_doubted_once() {
    let server = PopServer::with(Mail::some(2));
    let sandbox = Sandbox::for_server(&server);
    sandbox.fetch();
    let second = Mail::new("uid-00001", "Subject: quite another one\n\nwith a size of its own\n");
    server.state().mails[0] = second.clone();
    assert_eq!(sandbox.fetch()["fetched"], 1);
    server.take_sessions();
    let all = [Mail::some(2), vec![second]].concat();
    fetch_stores_nothing(&sandbox, &all);
    assert_eq!(server.count("RETR"), 0);
}

#[test]
fn a_size_that_changes_at_each_run_is_no_reason_to_fetch_again() {
    const MANY: usize = 12;
    let capa = Capa::without_pipelining();
    let server = PopServer::behaving(Mail::some(MANY + 3), Behaviour { capa, ..Behaviour::default() });
    let sandbox = Sandbox::for_server(&server);
    sandbox.fetch();
    let mut retr = Vec::new();
    let mut top = Vec::new();
    for run in 1..=4 {
        for (at, mail) in server.state().mails.iter_mut().enumerate() {
            // Two of them begin only when the server is known for it.
            if at < MANY || run > 2 && at < MANY + 2 {
                mail.listed_size = Some((300 + run).to_string());
            }
        }
        server.take_sessions();
        fetch_stores_nothing(&sandbox, &Mail::some(MANY + 3));
        retr.push(server.count("RETR"));
        top.push(server.count("TOP"));
    }
    assert_eq!((retr, top), (vec![MANY, MANY, 0, 0], vec![0, 0, 2, 2]));
    // Another message has another header.
    server.state().mails[MANY + 2] = Mail::new("uid-00015", "Subject: quite another\n\none\n");
    assert_eq!(sandbox.fetch()["fetched"], 1);
    // Another message under a UID whose size said nothing is still another one where sizes change no more.
    let other = Mail::new("uid-00014", "Subject: another\n\none\n");
    server.state().mails[MANY + 1] = other.clone();
    server.state().mails[MANY].listed_size = None;
    assert_eq!(sandbox.fetch()["archived"], MANY + 3);
}

#[test]
fn a_message_that_differs_at_every_retr_is_stored_twice_and_never_deleted() {
    // A number in the header, as in a boundary made up each time; and one in the body alone.
    for text in
        [format!("Subject: wrapped in {UNSTEADY}\n\nx\n"), format!("Subject: x\n\nwrapped in {UNSTEADY}\n")]
    {
        let unsteady = Mail::new("unsteady", text);
        let behaviour = Behaviour { unsteady: [b"unsteady".to_vec()].into(), ..Behaviour::default() };
        let server = PopServer::behaving(vec![unsteady.clone(), Mail::numbered(1)], behaviour);
        let sandbox = Sandbox::for_server(&server);
        sandbox.fetch();
        let mut told = 0;
        for (round, delete) in ["never", "never", "fetched", "fetched", "fetched"].into_iter().enumerate() {
            // Its size changes as well, so that it is doubted each time.
            server.state().mails[0] = unsteady.listed_as(&(40 + round).to_string());
            sandbox.configure([Account::on("work", &server).text("delete", delete)]);
            let outcome = sandbox.popkeep(["fetch"]).run().expect(0);
            told += usize::from(outcome.stderr.contains("different octets each time"));
            assert_eq!(sandbox.maildir("work").len(), 3, "two versions of it, and the other message");
        }
        assert_eq!(told, 1);
        assert_eq!(server.uids(), ["unsteady"]);

        // Another message in its place is another message.
        let other = Mail::new("unsteady", "Subject: quite another\n\none\n");
        server.state().mails = vec![other.clone()];
        sandbox.fetch();
        assert!(sandbox.maildir("work").contains(&other.stored()));
        assert!(server.uids().is_empty());
    }
}

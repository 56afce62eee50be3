//! The promises, tried at every step: a run is struck at each of its steps in turn, in each way,
//! and whatever is left, the next runs must make it good.
//!
//! The code under test is the real one from [`Run`](super::round::Run) down; the model is what is
//! around it. [`store`] tells what is durable from what is only visible, [`strike`] strikes,
//! [`maildrop`] deletes at QUIT and at no other moment, [`followed`] knows which states have been followed before.

mod disk;
pub(crate) mod followed;
mod ledger;
mod maildrop;
mod migration;
mod quarantine;
mod skipping;
pub(crate) mod store;
pub(crate) mod strike;
pub(crate) mod world;

use crate::config::{DeletePolicy, Format};
use crate::event::Summary;
use crate::exit::Exit;
use crate::fetch::download::storer::WRONG_SIZES;
use crate::mail::mboxrd::{Quote, from_line};
use disk::Traits;
use followed::Followed;
use maildrop::{Manners, Uids};
use store::Survival;
use strike::{Blow, Doom, Side};
use world::{Case, World};

/// Two of them are identical, one has `From_` lines, one has nothing but an empty line, one nothing.
const MAIL: [&[u8]; 7] = [
    b"From: a@example.org\nSubject: dots\n\n.\n..\n.x\n",
    b"Subject: twin\n\nthe same\n",
    b"Subject: mbox\n\nFrom here on\n>From there\n\nFrom x\n",
    b"\n",
    b"",
    b"Subject: twin\n\nthe same\n",
    b"Subject: 8 bit\n\n\xff\xfe\0 NUL and a bare\rCR, some more text to fill a sector and another one of them\n\n\n",
];

/// Like no other.
const NEWS: &[u8] = b"Subject: late\n\nnews\n";

/// Comes between two runs: like a message that was there before, if UIDs tell them apart.
fn late(case: Case) -> &'static [u8] {
    if case.manners.uids == Uids::Unique { MAIL[1] } else { NEWS }
}

/// What happens between the run that is struck and the next.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Aftermath {
    /// The machine goes on.
    Nothing,
    /// The power fails.
    PowerCut(Survival),
    /// A mail client moves what it sees.
    Reader,
    /// The ledger is lost.
    LedgerLost,
}

const CUT: Aftermath = Aftermath::PowerCut(Survival::Nothing);

pub(crate) const MAILDIR: Case = Case {
    format: Format::Maildir,
    delete: DeletePolicy::Never,
    manners: Manners { pipelining: true, uids: Uids::Unique, swallows_quit: false },
    traits: Traits { hard_links: true, group_sync: true },
    batch: 3,
    portion: 1000,
    foreign: false,
};

pub(crate) const MBOX: Case = Case { format: Format::Mbox, ..MAILDIR };

impl Case {
    pub(crate) fn deleting(self) -> Case {
        Case { delete: DeletePolicy::Fetched, ..self }
    }

    pub(crate) fn one_at_a_time(self) -> Case {
        Case { batch: 1, portion: 2, manners: Manners { pipelining: false, ..self.manners }, ..self }
    }

    fn with_uids(self, uids: Uids) -> Case {
        Case { manners: Manners { uids, ..self.manners }, ..self }
    }

    fn without_farewell(self) -> Case {
        Case { manners: Manners { swallows_quit: true, ..self.manners }, ..self }
    }

    fn without_links(self) -> Case {
        Case { traits: Traits { hard_links: false, group_sync: false }, ..self }
    }

    fn behind_foreign_mail(self) -> Case {
        Case { foreign: true, ..self }
    }
}

/// Strikes at every step of a run, in every way.
fn try_all(case: Case, followed: &mut Followed) {
    for (side, blow, aftermaths) in [
        (Side::Local, Blow::Failure, &[Aftermath::Nothing, CUT][..]),
        (Side::Local, Blow::LostAnswer, &[Aftermath::Nothing, CUT]),
        (Side::Remote, Blow::Death, &[CUT]),
        (Side::Remote, Blow::Failure, &[CUT]),
        (Side::Remote, Blow::LostAnswer, &[CUT]),
    ] {
        steps(|step| try_point(case, &MAIL, Doom { side, blow, step }, aftermaths, followed));
    }
    // Where octets may be torn there is more to try than where only names come and go.
    let chances = if case.format == Format::Mbox { 8 } else { 3 };
    steps(|step| {
        let doom = Doom { side: Side::Local, blow: Blow::Death, step };
        let some = (0..chances).map(|chance| Aftermath::PowerCut(Survival::Some(1000 * step + chance)));
        let aftermaths: Vec<Aftermath> = [Aftermath::Nothing, CUT].into_iter().chain(some).collect();
        try_point(case, &MAIL, doom, &aftermaths, followed)
    });
}

/// Takes step after step until the run is over, and so is not struck any more.
pub(crate) fn steps(mut is_struck: impl FnMut(u64) -> bool) {
    let mut step = 1;
    while is_struck(step) {
        step += 1;
    }
}

/// One point, in each way that it may go on from there; whether the run got there.
fn try_point(
    case: Case,
    mail: &[&[u8]],
    doom: Doom,
    aftermaths: &[Aftermath],
    followed: &mut Followed,
) -> bool {
    let world = World::new(case, mail);
    if !world.run(Some(doom)).1 {
        return false;
    }
    let left = world.snapshot();
    for &aftermath in aftermaths {
        let at = || format!("{doom:?}, {aftermath:?}, {case:?}");
        let world = left.world();
        match aftermath {
            Aftermath::Nothing => {}
            Aftermath::PowerCut(survival) => world.power_cut(survival),
            Aftermath::Reader => world.read_all(),
            Aftermath::LedgerLost => world.lose_ledger(),
        }
        if case.format == Format::Maildir {
            let visible = world.archived();
            assert!(visible.iter().all(|message| mail.contains(&&**message)), "torn mail in sight: {}", at());
        }
        // To an empty ledger a copy that is there says nothing of whether it is of this message or of one before.
        world.deliver(if aftermath == Aftermath::LedgerLost { NEWS } else { late(case) });
        check_to_the_end(&world, followed, &at);
    }
    true
}

/// The next run makes everything good, durably, and the one after it finds nothing to do.
pub(crate) fn check_to_the_end(world: &World, followed: &mut Followed, at: &dyn Fn() -> String) {
    if !followed.is_new(world, &"the next run") {
        return;
    }
    check_run(world, "the next run", at);
    world.power_cut(Survival::Nothing);
    if followed.is_new(world, &"the run after a power cut") {
        let summary = check_run(world, "the run after a power cut", at);
        assert_eq!((summary.fetched, summary.deleted), (0, 0), "{}", at());
    }
}

/// The same after one more run, which need not make everything good.
pub(crate) fn check_after_a_run(world: &World, followed: &mut Followed, at: &dyn Fn() -> String) {
    if followed.is_new(world, &"one more run") {
        world.run(None);
        check_to_the_end(world, followed, at);
    }
}

/// A run that nothing befalls leaves all mail archived, once, as it was, and nothing else.
fn check_run(world: &World, which: &str, at: &dyn Fn() -> String) -> Summary {
    world.maildrop.lock().unwrap().retrieved = 0;
    let (summary, _) = world.run(None);
    let case = world.case;
    if case.manners.uids == Uids::Unique {
        let retrieved = world.maildrop.lock().unwrap().retrieved;
        // Messages with the same content as one just before them, and those, are asked for once more, a few of them.
        let again = retrieved.checked_sub(summary.fetched);
        let few = again.is_some_and(|again| again <= 2 * WRONG_SIZES);
        assert!(few, "{which}: asked for what it archived, {retrieved}; {}", at());
    }
    assert!(summary.missing.is_empty(), "{which}: {summary:?}; {}", at());
    let doubtful = case.manners.swallows_quit && case.delete != DeletePolicy::Never;
    assert!(doubtful || summary.exit == Exit::OK, "{which}: {summary:?}; {}", at());
    let left = world.maildrop.lock().unwrap().len();
    assert!(case.delete == DeletePolicy::Never || left == 0, "{which}: {left} left; {}", at());
    let (archived, expected) = (world.archived(), world.expected());
    let shown = |messages: &[Vec<u8>]| {
        messages.iter().map(|message| message.escape_ascii().to_string()).collect::<Vec<_>>()
    };
    let (found, sought) = (shown(&archived), shown(&expected));
    assert!(archived == expected, "{which}: archived {found:#?}, not {sought:#?}; {}", at());
    assert_eq!(world.litter(), Vec::<String>::new(), "{which}: {}", at());
    summary
}

/// These messages as an mbox.
pub(crate) fn mbox_of<M: AsRef<[u8]>>(messages: &[M]) -> Vec<u8> {
    let mut octets = Vec::new();
    for message in messages {
        octets.extend_from_slice(from_line("x@y", 0).as_bytes());
        let mut quote = Quote::new();
        quote.feed(message.as_ref(), &mut octets);
        quote.finish(&mut octets);
        octets.push(b'\n');
    }
    octets
}

#[test]
fn a_maildir_survives_a_blow_at_every_step() {
    let mut followed = Followed::default();
    for case in [MAILDIR, MAILDIR.deleting()] {
        try_all(case, &mut followed);
    }
}

#[test]
fn an_mbox_survives_a_blow_at_every_step() {
    let mut followed = Followed::default();
    for case in [MBOX.behind_foreign_mail(), MBOX.deleting()] {
        try_all(case, &mut followed);
    }
}

#[test]
fn message_by_message_and_session_by_session_survives_as_well() {
    let mut followed = Followed::default();
    for case in [MAILDIR.without_links(), MBOX.behind_foreign_mail(), MBOX.without_links()] {
        try_all(case.deleting().one_at_a_time(), &mut followed);
    }
}

#[test]
fn a_farewell_that_never_comes_loses_nothing() {
    let mut followed = Followed::default();
    for case in [MAILDIR, MBOX] {
        try_all(case.deleting().without_farewell(), &mut followed);
    }
}

#[test]
fn without_unique_ids_nothing_comes_twice() {
    let mut followed = Followed::default();
    for case in [MAILDIR.deleting(), MBOX.deleting()] {
        try_all(case.with_uids(Uids::Equal), &mut followed);
        try_all(case.with_uids(Uids::None), &mut followed);
    }
}

#[test]
fn a_mail_client_or_a_lost_ledger_changes_nothing_about_a_maildir() {
    let mut followed = Followed::default();
    for case in [MAILDIR, MAILDIR.deleting(), MAILDIR.with_uids(Uids::None), MAILDIR.with_uids(Uids::Equal)] {
        steps(|step| {
            let doom = Doom { side: Side::Local, blow: Blow::Death, step };
            try_point(case, &MAIL, doom, &[Aftermath::Reader, Aftermath::LedgerLost], &mut followed)
        });
    }
}

/// More than are kept open until they are synced.
#[test]
fn a_large_batch_is_durable_in_both_ways_of_syncing_it() {
    let messages: Vec<Vec<u8>> = (0..67).map(|number| format!("Subject: {number}\n").into_bytes()).collect();
    let mail: Vec<&[u8]> = messages.iter().map(Vec::as_slice).collect();
    let batch = Case { batch: 67, ..MAILDIR };
    let alone = Case { traits: Traits { group_sync: false, ..batch.traits }, ..batch };
    let mut followed = Followed::default();
    for case in [batch.deleting(), alone] {
        steps(|step| {
            let doom = Doom { side: Side::Local, blow: Blow::Death, step: 5 * step };
            try_point(case, &mail, doom, &[CUT], &mut followed)
        });
    }
}

/// Recovery is struck too.
#[test]
fn one_blow_after_another_is_survived() {
    let mut followed = Followed::default();
    for case in [MAILDIR.deleting(), MBOX.deleting(), MBOX.behind_foreign_mail(), MAILDIR.without_links()] {
        let doom = |step| Doom { side: Side::Local, blow: Blow::Death, step };
        steps(|first| {
            let world = World::new(case, &MAIL);
            if !world.run(Some(doom(first))).1 {
                return false;
            }
            if first % 2 == 0 {
                world.power_cut(Survival::Some(first));
            }
            if !followed.is_new(&world, &"a second blow") {
                return true;
            }
            let left = world.snapshot();
            for second in 1..=21 {
                let at = || format!("{first}, then {second}, {case:?}");
                let world = left.world();
                if !world.run(Some(doom(second))).1 {
                    break;
                }
                world.power_cut(Survival::Some(second));
                check_to_the_end(&world, &mut followed, &at);
            }
            true
        });
    }
}

/// After a blow at any step somebody changes all the copies. Whatever the server deletes from then
/// on is in the archive as it was.
#[test]
fn what_was_changed_in_the_archive_is_not_deleted_from_the_server() {
    for case in [MAILDIR, MBOX] {
        steps(|step| {
            let mut world = World::new(case, &MAIL);
            let (_, struck) = world.run(Some(Doom { side: Side::Local, blow: Blow::Death, step }));
            world.vandalise();
            world.delete_what_is_fetched();
            world.run(None);
            let archived = world.archived();
            for message in world.purged() {
                assert!(archived.contains(&message), "step {step}: {}", message.escape_ascii());
            }
            struck
        });
    }
}

/// After a blow at any step somebody removes all copies. Whatever the server deletes from then on is in the archive.
#[test]
fn what_was_removed_from_the_archive_is_not_deleted_from_the_server() {
    for case in [MAILDIR, MBOX] {
        steps(|step| {
            let mut world = World::new(case, &MAIL);
            let (_, struck) = world.run(Some(Doom { side: Side::Local, blow: Blow::Death, step }));
            world.empty();
            world.delete_what_is_fetched();
            for _ in 0..2 {
                world.run(None);
                let archived = world.archived();
                for message in world.purged() {
                    assert!(archived.contains(&message), "step {step}: {}", message.escape_ascii());
                }
            }
            struck
        });
    }
}

#[test]
fn a_message_in_the_place_of_another_is_not_deleted_before_it_is_archived() {
    for case in [MAILDIR, MBOX] {
        let mut world = World::new(case, &MAIL);
        world.run(None);
        world.maildrop.lock().unwrap().replace_all();
        world.delete_what_is_fetched();
        let (summary, _) = world.run(None);
        assert_eq!(summary.exit, Exit::OK, "{summary:?}");
        assert_eq!(world.maildrop.lock().unwrap().len(), 0);
        assert_eq!(world.archived(), world.expected());
    }
}

//! The promises, tried at every step: a run is struck at each of its steps in turn, in each way,
//! and whatever is left, the next runs must make it good.
//!
//! The code under test is the real one from [`Run`](super::round::Run) down; the model is what is
//! around it. [`store`] tells what is durable from what is only visible, [`strike`] strikes,
//! [`maildrop`] deletes at QUIT and at no other moment.

mod disk;
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

/// What came of one point.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Tried {
    /// All is well.
    Well,
    /// There was nothing that the power could take: the same as without a power cut.
    Indifferent,
    /// The run was over before that step.
    Over,
}

/// Strikes at every step of a run, in every way. Returns how many points were tried.
fn try_all(case: Case) -> u64 {
    let mut points = 0;
    for (side, blow, aftermaths) in [
        (Side::Local, Blow::Death, &[Aftermath::Nothing, CUT][..]),
        (Side::Local, Blow::Failure, &[Aftermath::Nothing, CUT]),
        (Side::Local, Blow::LostAnswer, &[Aftermath::Nothing, CUT]),
        (Side::Remote, Blow::Death, &[CUT]),
        (Side::Remote, Blow::Failure, &[CUT]),
        (Side::Remote, Blow::LostAnswer, &[CUT]),
    ] {
        for &aftermath in aftermaths {
            points += steps(|step| try_once(case, &MAIL, Doom { side, blow, step }, aftermath));
        }
    }
    points + try_survivals(case)
}

/// The power fails at every step, and some of what was not synced survives.
fn try_survivals(case: Case) -> u64 {
    // Where octets may be torn there is more to try than where only names come and go.
    let chances = if case.format == Format::Mbox { 8 } else { 3 };
    let mut points = 0;
    steps(|step| {
        let mut tried = Tried::Over;
        for chance in 0..chances {
            let doom = Doom { side: Side::Local, blow: Blow::Death, step };
            let survival = Survival::Some(1000 * step + chance);
            tried = try_once(case, &MAIL, doom, Aftermath::PowerCut(survival));
            points += u64::from(tried == Tried::Well);
            if tried != Tried::Well {
                break;
            }
        }
        tried
    });
    points
}

/// Takes step after step until the run is over. Returns how many points were worth the try.
pub(crate) fn steps(mut tries: impl FnMut(u64) -> Tried) -> u64 {
    let mut points = 0;
    for step in 1.. {
        match tries(step) {
            Tried::Well => points += 1,
            Tried::Indifferent => {}
            Tried::Over => break,
        }
    }
    points
}

/// One point.
fn try_once(case: Case, mail: &[&[u8]], doom: Doom, aftermath: Aftermath) -> Tried {
    let at = || format!("{doom:?}, {aftermath:?}, {case:?}");
    let world = World::new(case, mail);
    let (_, struck) = world.run(Some(doom));
    if !struck {
        return Tried::Over;
    }
    if !follow(&world, aftermath) && doom.side == Side::Local {
        return Tried::Indifferent;
    }
    if case.format == Format::Maildir {
        let visible = world.archived();
        assert!(visible.iter().all(|message| mail.contains(&&**message)), "torn mail in sight: {}", at());
    }
    // To an empty ledger a copy that is there says nothing of whether it is of this message or of one before.
    world.deliver(if aftermath == Aftermath::LedgerLost { NEWS } else { late(case) });
    check_to_the_end(&world, &at);
    Tried::Well
}

fn follow(world: &World, aftermath: Aftermath) -> bool {
    match aftermath {
        Aftermath::Nothing => {}
        Aftermath::PowerCut(survival) => return world.power_cut(survival),
        Aftermath::Reader => world.read_all(),
        Aftermath::LedgerLost => world.lose_ledger(),
    }
    true
}

/// The next run makes everything good, durably, and the one after it finds nothing to do.
pub(crate) fn check_to_the_end(world: &World, at: &dyn Fn() -> String) {
    check_run(world, "the next run", at);
    world.power_cut(Survival::Nothing);
    let summary = check_run(world, "the run after a power cut", at);
    assert_eq!((summary.fetched, summary.deleted), (0, 0), "{}", at());
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

pub(crate) fn report(points: u64) {
    println!("{points} points tried: none lost, none twice, none altered");
}

#[test]
fn a_maildir_survives_a_blow_at_every_step() {
    report(try_all(MAILDIR) + try_all(MAILDIR.deleting()));
}

#[test]
fn an_mbox_survives_a_blow_at_every_step() {
    report(try_all(MBOX.behind_foreign_mail()) + try_all(MBOX.deleting()));
}

#[test]
fn message_by_message_and_session_by_session_survives_as_well() {
    let cases = [MAILDIR.without_links(), MBOX.behind_foreign_mail(), MBOX.without_links()];
    report(cases.into_iter().map(|case| try_all(case.deleting().one_at_a_time())).sum());
}

#[test]
fn a_farewell_that_never_comes_loses_nothing() {
    report([MAILDIR, MBOX].into_iter().map(|case| try_all(case.deleting().without_farewell())).sum());
}

#[test]
fn without_unique_ids_nothing_comes_twice() {
    let mut points = 0;
    for case in [MAILDIR.deleting(), MBOX.deleting()] {
        points += try_all(case.with_uids(Uids::Equal)) + try_all(case.with_uids(Uids::None));
    }
    report(points);
}

#[test]
fn a_mail_client_or_a_lost_ledger_changes_nothing_about_a_maildir() {
    let mut points = 0;
    for case in [MAILDIR, MAILDIR.deleting(), MAILDIR.with_uids(Uids::None), MAILDIR.with_uids(Uids::Equal)] {
        for aftermath in [Aftermath::Reader, Aftermath::LedgerLost] {
            let doom = |step| Doom { side: Side::Local, blow: Blow::Death, step };
            points += steps(|step| try_once(case, &MAIL, doom(step), aftermath));
        }
    }
    report(points);
}

/// More than are kept open until they are synced.
#[test]
fn a_large_batch_is_durable_in_both_ways_of_syncing_it() {
    let messages: Vec<Vec<u8>> = (0..67).map(|number| format!("Subject: {number}\n").into_bytes()).collect();
    let mail: Vec<&[u8]> = messages.iter().map(Vec::as_slice).collect();
    let batch = Case { batch: 67, ..MAILDIR };
    let alone = Case { traits: Traits { group_sync: false, ..batch.traits }, ..batch };
    let mut points = 0;
    for case in [batch.deleting(), alone] {
        let doom = |step| Doom { side: Side::Local, blow: Blow::Death, step: 5 * step };
        points += steps(|step| try_once(case, &mail, doom(step), CUT));
    }
    report(points);
}

/// Recovery is struck too.
#[test]
fn one_blow_after_another_is_survived() {
    let mut points = 0;
    for case in [MAILDIR.deleting(), MBOX.deleting(), MBOX.behind_foreign_mail(), MAILDIR.without_links()] {
        for second in 1.. {
            let doom = |step| Doom { side: Side::Local, blow: Blow::Death, step };
            let mut struck_twice = false;
            points += steps(|first| {
                let at = || format!("{first}, then {second}, {case:?}");
                let world = World::new(case, &MAIL);
                if !world.run(Some(doom(first))).1 {
                    return Tried::Over;
                }
                if first % 2 == 0 {
                    world.power_cut(Survival::Some(first));
                }
                if !world.run(Some(doom(second))).1 {
                    return Tried::Indifferent;
                }
                struck_twice = true;
                world.power_cut(Survival::Some(second));
                check_to_the_end(&world, &at);
                Tried::Well
            });
            if !struck_twice || second > 20 {
                break;
            }
        }
    }
    report(points);
}

/// After a blow at any step somebody changes all the copies. Whatever the server deletes from then
/// on is in the archive as it was.
#[test]
fn what_was_changed_in_the_archive_is_not_deleted_from_the_server() {
    let mut points = 0;
    for case in [MAILDIR, MBOX] {
        points += steps(|step| {
            let mut world = World::new(case, &MAIL);
            let (_, struck) = world.run(Some(Doom { side: Side::Local, blow: Blow::Death, step }));
            world.vandalise();
            world.delete_what_is_fetched();
            world.run(None);
            let archived = world.archived();
            for message in world.purged() {
                assert!(archived.contains(&message), "step {step}: {}", message.escape_ascii());
            }
            if struck { Tried::Well } else { Tried::Over }
        });
    }
    report(points);
}

/// After a blow at any step somebody removes all copies. Whatever the server deletes from then on is in the archive.
#[test]
fn what_was_removed_from_the_archive_is_not_deleted_from_the_server() {
    let mut points = 0;
    for case in [MAILDIR, MBOX] {
        points += steps(|step| {
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
            if struck { Tried::Well } else { Tried::Over }
        });
    }
    report(points);
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

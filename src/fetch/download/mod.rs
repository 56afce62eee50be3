//! How messages come, and become durable.
//!
//! The [`receiver`] asks for them, RETR by RETR, and packs what comes into [`chunk`]s; on a thread of its own the
//! [`storer`] writes these into the archive, recognises what is archived already, and commits batches. What does not have
//! the size that LIST gave ([`sizes`]), or leaves another doubt, is asked for again, alone ([`second_look`]). A provider's
//! limit ends the session and is no message's fault ([`allowance`]).
//!
//! Promises: a message counts as come only when an answer, or nothing, follows its end; what came short is not stored as
//! whole; what is reported as filed is durable and on record.

pub(crate) mod allowance;
pub(crate) mod chunk;
pub(crate) mod outcome;
pub(crate) mod receiver;
pub(crate) mod second_look;
pub(crate) mod sizes;
pub(crate) mod storer;

use crate::archive::ArchiveError;
use crate::clock;
use crate::event::Reporter;
use crate::fetch::quirks::lost_replies;
use crate::plan::Plan;
use crate::session::{Session, Transaction};
use crate::store::Store;
use chunk::CHUNKS_WAITING;
use outcome::{Bounds, Download, Ending};
use receiver::{MessageReceiver, Packer};
use std::sync::mpsc::{channel, sync_channel};
use storer::{Before, Storer, Terms, Watch};

/// Downloads the messages `order` (places in the plan) and files them, in the light of what is known `before`.
pub(crate) fn download_messages(
    session: &mut Session<Transaction>,
    plan: &Plan<'_>,
    order: &[usize],
    before: Before<'_>,
    bounds: Bounds,
    store: &mut Store,
    reporter: Reporter<'_>,
) -> Download {
    if order.is_empty() {
        return Download::default();
    }
    let (chunks, incoming) = sync_channel(CHUNKS_WAITING);
    let (emptied, spare) = channel();
    let (report, reports) = channel();
    let watch = Watch::new(bounds.calm);
    let terms = Terms { must_tally: session.pipelining(), utf8: session.utf8(), watch: &watch };
    let storer = Storer::new(store, plan, before, bounds.batch, terms, reporter);
    let mut download = std::thread::scope(|scope| {
        let work = clock::carried(move || storer.work(&incoming, &report, &emptied));
        let working = match std::thread::Builder::new().spawn_scoped(scope, work) {
            Ok(working) => working,
            Err(source) => {
                let ending = Ending::ArchiveFailed(ArchiveError::NoThread { source });
                return Download { ending, ..Download::default() };
            }
        };
        let packer = Packer::new(chunks, spare, reporter);
        let mut download = MessageReceiver::new(session, plan, order, bounds, &watch, packer).work(session);
        match working.join() {
            Ok(Ok(findings)) => download.findings = findings,
            Ok(Err(error)) => download.ending = Ending::ArchiveFailed(error),
            Err(panic) => std::panic::resume_unwind(panic),
        }
        download
    });
    download.filed = reports.try_iter().flatten().collect();
    download.missed.append(&mut download.findings.missed);
    download.cut_short |= download.findings.put_off > 0;
    download.suspicion |= watch.other_numbers();
    match &download.ending {
        // One answer too many: what came may be the message that was asked for before it.
        Ending::SessionFailed(error) if error.is_disorder() => {
            let made_up = lost_replies::Replies::MadeUp;
            (download.filed, download.unsure) = lost_replies::split(download.filed, order, plan, made_up);
            if !download.exact {
                let sized = order.iter().all(|&place| plan.item(place).entry.size.is_some());
                download.somewhere = download.findings.untallied || download.suspicion || !sized;
                download.ended_badly = download.findings.first_untallied.or(download.ended_badly);
            }
        }
        ending if ending.breaks_off() && download.unanswered > 0 && session.sent_ahead() => {
            let lost = lost_replies::Replies::Lost(download.unanswered);
            (download.filed, download.unsure) = lost_replies::split(download.filed, order, plan, lost);
        }
        _ => {}
    }
    download
}

//! What an adoption would come to, without writing anything: the program's list, the server and the archive compared.

use super::proposal::Proposal;
use super::source::{Count, Found, Stop, Take, each_message};
use super::tools::MailForm;
use crate::account_error::AccountError;
use crate::config::Account;
use crate::event::Observer;
use crate::fetch::{self, Listed};
use crate::ledger::{SqliteLedger, fold};
use crate::mail::bare::BareHeader;
use std::collections::{HashMap, HashSet};
use std::io;
use std::sync::Arc;

/// The counts; what could not be looked at is `None`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// UIDs in the program's list that say "not again".
    pub in_list: Option<u64>,
    /// Those of them that the server lists; without a list, all that it lists.
    pub on_server: Option<u64>,
    /// Those of them that are in the program's archive.
    pub found: Option<u64>,
    /// Those of them that are not.
    pub not_found: Option<u64>,
    /// What else the server lists.
    pub others: Option<u64>,
    /// Messages in the program's archive.
    pub archive: Option<Found>,
}

/// The UIDs that a program has written in front of its messages.
#[derive(Default)]
pub struct Labels {
    uids: HashSet<Vec<u8>>,
    header: BareHeader,
}

impl Take for Labels {
    fn take(&mut self, piece: Option<&[u8]>) -> Result<(), Stop> {
        if let Some(piece) = piece {
            self.header.update(piece);
        } else {
            let bare = std::mem::take(&mut self.header).finish();
            self.uids.extend(bare.and_then(|bare| bare.labelled).map(|labelled| labelled.uid));
        }
        Ok(())
    }
}

/// What is on this machine.
pub fn here(proposal: &Proposal) -> (Counts, Labels, Option<io::Error>) {
    let in_list = proposal.seen.is_some().then(|| proposal.in_list().count() as u64);
    let mut labels = Labels::default();
    let counted = proposal.mail.as_ref().map(|mail| {
        // Elsewhere the look for what the server lists finds them.
        let taker: &mut dyn Take = if mail.form == MailForm::Folders { &mut labels } else { &mut Count };
        each_message(mail.form, &mail.path, taker)
    });
    let (archive, problem) = match counted {
        Some(Ok(found)) => (found.ok(), None),
        // Nothing was delivered yet.
        Some(Err(error)) if error.kind() == io::ErrorKind::NotFound => (None, None),
        Some(Err(error)) => (None, Some(error)),
        None => (None, None),
    };
    (Counts { in_list, archive, ..Counts::default() }, labels, problem)
}

/// What the server says of it, asked as this account, whose archive is the program's.
pub fn there(
    proposal: &Proposal,
    labels: &Labels,
    account: &Account,
    trace: bool,
    observer: &Arc<dyn Observer>,
) -> Result<Counts, AccountError> {
    let ledger = SqliteLedger::in_memory(&account.identity)?;
    let mut listed = fetch::recognised(account, ledger, trace, observer)?;
    for message in &mut listed {
        message.found |= message.uid.as_ref().is_some_and(|uid| labels.uids.contains(uid));
    }
    let counts = compare(proposal, &listed);
    // Numbered files are not looked through for headers.
    let is_unknown = proposal.mail.as_ref().is_none_or(|mail| mail.form == MailForm::Mh);
    Ok(if is_unknown { Counts { found: None, not_found: None, ..counts } } else { counts })
}

fn compare(proposal: &Proposal, listed: &[Listed]) -> Counts {
    let known = proposal.seen_elsewhere();
    let mut folded: HashMap<Vec<u8>, u32> = HashMap::new();
    for uid in listed.iter().filter_map(|message| message.uid.as_deref()) {
        *folded.entry(fold(uid)).or_default() += 1;
    }
    let is_listed = |message: &&Listed| {
        let shares = |same: &[u8]| folded.get(same).is_some_and(|count| *count > 1);
        proposal.seen.is_none() || message.uid.as_deref().is_some_and(|uid| known.has(uid, shares))
    };
    let seen: Vec<&Listed> = listed.iter().filter(is_listed).collect();
    let found = seen.iter().filter(|message| message.found).count() as u64;
    let on_server = seen.len() as u64;
    Counts {
        on_server: Some(on_server),
        found: Some(found),
        not_found: Some(on_server - found),
        others: Some(listed.len() as u64 - on_server),
        ..Counts::default()
    }
}

//! Reads messages and sends them, batch by batch.
//!
//! A batch goes this way: on record as being sent → APPEND → its answer → on record as arrived, in the step that puts the next
//! batch on record. Where the connection ends in between, the folder says what has arrived.

use super::folder::Folder;
use super::holdings::Holdings;
use super::journal::Journal;
use super::message::{Body, Draft};
use super::{Flags, Options, RestoreError, Restored, arrival};
use crate::clock;
use crate::config::Account;
use crate::copying::{Failed, Kept, Target};
use crate::imap::{self, Cause, ImapError, InternalDate, Interrupted, Outcome, Outgoing};
use crate::ledger::{RestoreChange, Row, Sent};
use crate::mail::digest::{Digest, Digester};
use crate::mail::id::MessageId;
use crate::stop;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Messages, and octets, that go together.
const BATCH: usize = 100;
const BATCH_OCTETS: u64 = 4 << 20;

/// How long the server is left alone when it says "not now", the first time and the next; then the run ends.
const RESTS: [Duration; 2] = [Duration::from_secs(2), Duration::from_secs(10)];

/// Messages refused in a row, each by itself, before the run ends: then it is not about them.
const REFUSALS: u32 = 10;

/// New connections in a row that bring nothing forward, before the run ends.
const CONNECTIONS: u32 = 8;

/// How often the connection may end at a message before it counts as failed; the last time it was sent alone.
const CUTS: u32 = 5;

/// A message of the batch.
struct Held {
    account: String,
    id: MessageId,
    body: Body,
    flags: imap::Flags,
    date: Option<InternalDate>,
    ordinal: u64,
    /// In a batch of how many it may go, at most: half as many each time that one with it was refused, and a quarter when
    /// the connection has ended at it more than once.
    together: usize,
    /// How often the connection has ended at it.
    cuts: u32,
}

pub(super) struct Sender<'r> {
    folder: Folder<'r>,
    journal: Journal,
    options: Options,
    restored: &'r mut Restored,
    spool: PathBuf,
    draft: Option<Draft>,
    finished: Option<Body>,
    batch: Vec<Held>,
    /// What is known and waits for the next step on record.
    known: Vec<RestoreChange>,
    /// What the folder held before, with `skip_present`.
    present: Option<Holdings>,
    /// No message that is sent from now on has a smaller UID.
    uid_next: Option<u32>,
    rests: usize,
    refusals: u32,
    connections: u32,
}

impl<'r> Sender<'r> {
    /// `state_dir` is where large messages wait.
    pub(super) fn new(
        state_dir: &Path,
        mut folder: Folder<'r>,
        journal: Journal,
        options: Options,
        restored: &'r mut Restored,
    ) -> Result<Self, RestoreError> {
        let present =
            if options.skip_present { Some(Holdings::read(&mut folder, &journal, 1)?) } else { None };
        Ok(Sender {
            uid_next: folder.uid_next(),
            folder,
            journal,
            options,
            restored,
            spool: state_dir.to_owned(),
            draft: None,
            finished: None,
            batch: Vec::new(),
            known: Vec::new(),
            present,
            rests: 0,
            refusals: 0,
            connections: 0,
        })
    }

    fn spool_failed(&self, source: io::Error) -> RestoreError {
        RestoreError::Spool { path: self.spool.display().to_string(), source }
    }

    /// Sends everything that waits.
    pub(super) fn send(&mut self) -> Result<(), RestoreError> {
        while !self.batch.is_empty() {
            stop::check()?;
            let together = self.batch.first().map_or(1, |message| message.together);
            let alike = self.batch.iter().take_while(|message| message.together == together).count();
            let count = alike.min(together);
            self.put_on_record(count)?;
            let outcomes = self.append(count);
            match outcomes {
                Ok(outcomes) => {
                    self.connections = 0;
                    self.take_in(outcomes)?;
                }
                Err(Interrupted { outcomes, error }) => self.go_on_after(outcomes, error)?,
            }
        }
        Ok(())
    }

    /// Before anything of them is sent.
    fn put_on_record(&mut self, count: usize) -> Result<(), RestoreError> {
        let mut changes = std::mem::take(&mut self.known);
        for message in &self.batch[..count] {
            changes.push(RestoreChange::Sending(Sent {
                content: message.body.content,
                ordinal: message.ordinal,
                mark: message.body.mark().0,
                octets: message.body.octets,
                message_id: message.body.message_id,
                uid_next: self.uid_next,
                at: clock::now(),
            }));
        }
        self.journal.commit(&changes)
    }

    fn append(&mut self, count: usize) -> Result<Vec<Outcome>, Interrupted> {
        let failed = |source: io::Error| Interrupted {
            outcomes: vec![Outcome::NotSent; count],
            error: ImapError::Source(source),
        };
        let mut bodies = Vec::with_capacity(count);
        for message in &mut self.batch[..count] {
            let (octets, has_nul) = (message.body.octets, message.body.has_nul);
            bodies.push((
                message.flags,
                message.date,
                octets,
                has_nul,
                message.body.reader().map_err(failed)?,
            ));
        }
        let mut outgoing: Vec<Outgoing<'_>> = bodies
            .iter_mut()
            .map(|(flags, date, octets, has_nul, body)| Outgoing {
                flags: *flags,
                date: *date,
                octets: *octets,
                has_nul: *has_nul,
                body: &mut **body,
            })
            .collect();
        self.folder.append(&mut outgoing)
    }

    /// The server has answered.
    fn take_in(&mut self, outcomes: Vec<Outcome>) -> Result<(), RestoreError> {
        // Of several in one command the server says no more than that one of them is not to its liking.
        let several = outcomes.len() > 1 && self.folder.abilities().multiappend;
        let half = outcomes.len() / 2;
        let mut refused = None;
        let mut left = Vec::new();
        let rest = self.batch.split_off(outcomes.len());
        for (mut message, outcome) in std::mem::replace(&mut self.batch, rest).into_iter().zip(outcomes) {
            let (content, ordinal) = (message.body.content, message.ordinal);
            let not_sent = RestoreChange::NotSent { content, ordinal };
            match outcome {
                Outcome::Appended { uid } => {
                    let validity = self.folder.uid_validity();
                    let uid = uid.filter(|new| new.validity == validity).map(|new| new.uid);
                    if let (Some(uid), Some(next)) = (uid, self.uid_next) {
                        self.uid_next = Some(next.max(uid.saturating_add(1)));
                    }
                    self.known.push(RestoreChange::Arrived { content, ordinal, uid });
                    self.count(&message);
                }
                Outcome::Refused(refusal) if several => {
                    refused.get_or_insert(refusal);
                    message.together = half;
                    self.known.push(not_sent);
                    left.push(message);
                }
                Outcome::Refused(refusal) => {
                    self.known.push(not_sent);
                    match refusal.cause() {
                        Cause::TooBig | Cause::Unclear | Cause::Broken => {
                            self.refusals += 1;
                            self.fail(&message, format!("the server refused it: “{refusal}”"));
                        }
                        _ => left.push(message),
                    }
                    refused.get_or_insert(refusal);
                }
                Outcome::Unsendable(reason) => {
                    self.known.push(not_sent);
                    self.fail(&message, reason.to_string());
                }
                Outcome::NotSent | Outcome::Unknown => {
                    self.known.push(not_sent);
                    left.push(message);
                }
            }
        }
        left.append(&mut self.batch);
        self.batch = left;
        let Some(refusal) = refused else {
            (self.rests, self.refusals) = (0, 0);
            return Ok(());
        };
        self.heed(&refusal)
    }

    /// A refusal that is about more than one message ends the run, at once or after a rest.
    fn heed(&mut self, refusal: &imap::Refusal) -> Result<(), RestoreError> {
        let limited = || RestoreError::Limited { words: refusal.to_string() };
        match refusal.cause() {
            Cause::TooBig | Cause::Unclear | Cause::Broken if self.refusals < REFUSALS => Ok(()),
            Cause::NoFolder => Err(self.folder.is_gone()),
            Cause::Full => Err(limited()),
            Cause::NotNow(_) => {
                let Some(rest) = RESTS.get(self.rests) else { return Err(limited()) };
                self.rests += 1;
                // What has arrived must not wait with us.
                let known = std::mem::take(&mut self.known);
                self.journal.commit(&known)?;
                stop::pause(*rest);
                Ok(stop::check()?)
            }
            Cause::LoginOver => {
                self.connect_again(ImapError::Refused { during: "APPEND", refusal: refusal.clone() })
            }
            Cause::Forbidden | Cause::TooBig | Cause::Unclear | Cause::Broken => {
                Err(ImapError::Refused { during: "APPEND", refusal: refusal.clone() }.into())
            }
        }
    }

    /// The connection has ended: what is not known is looked for in the folder, and what is not there is sent again.
    fn go_on_after(&mut self, outcomes: Vec<Outcome>, error: ImapError) -> Result<(), RestoreError> {
        self.note_cut(outcomes.len());
        let unknown: Vec<bool> = outcomes.iter().map(|outcome| *outcome == Outcome::Unknown).collect();
        // Those of which it is known; the others stay on record as sent.
        let (mut known, mut behind) = (Vec::new(), Vec::new());
        let rest = self.batch.split_off(outcomes.len());
        let mut waiting = Vec::new();
        for ((message, outcome), unknown) in
            std::mem::replace(&mut self.batch, rest).into_iter().zip(outcomes).zip(unknown)
        {
            if unknown {
                waiting.push(message);
            } else {
                known.push(message);
                behind.push(outcome);
            }
        }
        known.append(&mut self.batch);
        self.batch = known;
        let before = self.restored.restored;
        // That the server refused one says less than that the connection ended.
        let taken = self.take_in(behind);
        if self.restored.restored > before {
            self.connections = 0;
        }
        let changes = std::mem::take(&mut self.known);
        self.journal.commit(&changes)?;
        taken?;
        let words = error.to_string();
        self.connect_again(error)?;
        let arrived = arrival::settle(&mut self.folder, &mut self.journal)?;
        let mut left = Vec::new();
        let behind = std::mem::take(&mut self.batch);
        for message in waiting.into_iter().chain(behind) {
            let is = |sent: &Sent| sent.content == message.body.content && sent.ordinal == message.ordinal;
            if arrived.iter().any(is) {
                self.connections = 0;
                self.count(&message);
            } else if message.cuts >= CUTS {
                self.fail(&message, format!("each time that it was sent, the connection ended: {words}"));
            } else {
                left.push(message);
            }
        }
        self.batch = left;
        Ok(())
    }

    /// The connection has ended at one of the first messages. It may be that one which the server cannot bear, whichever it
    /// is: the more often, the fewer of them go together.
    fn note_cut(&mut self, count: usize) {
        for message in &mut self.batch[..count] {
            message.cuts += 1;
            if message.cuts > 1 {
                message.together = (count / 4).max(1);
            }
        }
    }

    fn connect_again(&mut self, error: ImapError) -> Result<(), RestoreError> {
        stop::check()?;
        if !error.may_go_better_anew() || self.connections >= CONNECTIONS {
            return Err(error.into());
        }
        self.connections += 1;
        self.folder.connect_again()?;
        self.uid_next = self.folder.uid_next();
        Ok(())
    }

    fn count(&mut self, message: &Held) {
        self.restored.restored += 1;
        self.restored.octets += message.body.octets;
    }

    fn fail(&mut self, message: &Held, reason: String) {
        let (account, id) = (message.account.clone(), message.id.to_string());
        self.restored.failed.push(Failed { account, id, reason });
    }

    /// Puts on record what is known, and leaves.
    pub(super) fn finish(mut self) -> Result<(), RestoreError> {
        let known = std::mem::take(&mut self.known);
        self.journal.commit(&known)?;
        self.folder.leave();
        Ok(())
    }

    /// The number of another copy of this content.
    fn ordinal(&self, body: &Body) -> Result<u64, RestoreError> {
        let (_, last) = self.journal.copies(&body.content)?;
        let held = self.batch.iter().filter(|message| message.body.content == body.content);
        let found = self.known.iter().filter_map(|change| match change {
            RestoreChange::Found { content, ordinal, .. } if *content == body.content => Some(*ordinal),
            _ => None,
        });
        Ok(held.map(|message| message.ordinal).chain(found).max().unwrap_or(0).max(last) + 1)
    }

    fn flags(&self, flags: Option<&str>) -> imap::Flags {
        match self.options.flags {
            Flags::None => imap::Flags::default(),
            Flags::Seen => imap::Flags { seen: true, ..imap::Flags::default() },
            Flags::Archive => {
                let has = |flag| flags.is_some_and(|flags| flags.contains(flag));
                // Not T: a message that comes back is not to be deleted by the next EXPUNGE.
                imap::Flags {
                    seen: has('S'),
                    answered: has('R'),
                    flagged: has('F'),
                    draft: has('D'),
                    deleted: false,
                }
            }
        }
    }
}

impl Target for Sender<'_> {
    type Error = RestoreError;

    fn has(&mut self, digest: &Digest, _size: u64, nth: u64) -> Result<bool, RestoreError> {
        Ok(self.journal.copies(&digest.content())?.0 >= nth)
    }

    fn begin(&mut self) -> Result<(), RestoreError> {
        self.draft = Some(Draft::new());
        Ok(())
    }

    fn write(&mut self, octets: &[u8]) -> Result<(), RestoreError> {
        let Some(draft) = &mut self.draft else { return Ok(()) };
        draft.write(octets, &self.spool).map_err(|error| self.spool_failed(error))
    }

    fn finish(&mut self) -> Result<Digest, RestoreError> {
        let Some(draft) = self.draft.take() else { return Ok(Digester::new().finish().0) };
        let (body, digest) = draft.finish().map_err(|error| self.spool_failed(error))?;
        self.finished = Some(body);
        Ok(digest)
    }

    fn discard(&mut self) -> Result<(), RestoreError> {
        (self.draft, self.finished) = (None, None);
        Ok(())
    }

    fn keep(&mut self, account: &Account, row: &Row, flags: Option<String>) -> Result<Kept, RestoreError> {
        let Some(mut body) = self.finished.take() else { return Ok(Kept::There) };
        if body.message_id.is_some() {
            // A mail program may have put marks into the header: on record is the message as it came. (Without a Message-ID,
            // what was sent is looked for by its content.)
            body.content = row.digest.content();
        }
        let ordinal = self.ordinal(&body)?;
        if let Some(present) = &mut self.present {
            let found =
                present.take(&mut self.folder, body.message_id.as_ref(), body.octets, &body.content)?;
            if let Some(found) = found {
                let (content, mark) = (body.content, body.mark().0);
                self.known.push(RestoreChange::Found { content, ordinal, mark, uid: found.uid });
                if self.known.len() >= BATCH {
                    let known = std::mem::take(&mut self.known);
                    self.journal.commit(&known)?;
                }
                self.restored.present += 1;
                return Ok(Kept::There);
            }
        }
        let message = Held {
            account: account.name.clone(),
            id: MessageId::of(&row.digest),
            flags: self.flags(flags.as_deref()),
            date: InternalDate::utc(body.date.unwrap_or(row.archived_at)),
            ordinal,
            together: BATCH,
            cuts: 0,
            body,
        };
        if self.options.dry_run {
            self.count(&message);
            return Ok(Kept::Taken);
        }
        let in_file = message.body.held() < message.body.octets;
        self.batch.push(message);
        let held: u64 = self.batch.iter().map(|message| message.body.held()).sum();
        if self.batch.len() >= BATCH || held >= BATCH_OCTETS || in_file {
            self.send()?;
        }
        Ok(Kept::Taken)
    }
}

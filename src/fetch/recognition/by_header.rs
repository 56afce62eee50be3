//! Messages that the archive has although their UIDs are on no row: recognised by the header that TOP n 0 shows, so
//! that they need not be fetched again. There are two reasons to look:
//!
//! - A server that has moved: most UIDs of the last complete listing are gone at once, and new ones are there. The
//!   header is that of a row, without what servers write into it, and LIST gives the size on record.
//! - A first look: the archive has messages that no row explains (a lost ledger, another program's archive). The header
//!   is that of one of these unknown copies, without what fetchers add to it, and LIST gives the size that this header and
//!   the unknown copy's body have together.
//!
//! A header counts only where a Message-ID and at least one Received make it a header like no other, where no other
//! listed message, row or unknown copy has the same one, and where STAT behind the last TOP says that numbers still mean
//! what they meant. Whatever does not fit is fetched and compared. Servers that refuse
//! TOP, or show whole messages, are not asked for long.
//!
//! That a maildrop moves, or that a first look is due, is on record, and what is recognised is put on record as it
//! comes: however a session or a run ends, the next one goes on. A move ends when every old row is bound or every listed
//! message has been looked at; a first look when each listed message has been asked for once.
//!
//! Must never: make a receipt. A row that got its UID in this way is fetched and compared before
//! its message is deleted; where all that is archived is due for deletion, headers are asked for only of
//! messages that would not be fetched otherwise.

use crate::account_error::AccountError;
use crate::archive::{Archive, ArchiveError, Met};
use crate::config::DeletePolicy;
use crate::fetch::download::outcome::Download;
use crate::fetch::recognition::unknown_copies::row_of;
use crate::fetch::run::{Run, Top};
use crate::ledger::{Change, Ledger, LedgerError, Row, RowState, Seq, UnknownCopy, Which};
use crate::mail::bare::{Bare, BareHeader};
use crate::mail::digest::{Digest, Digester, Hash};
use crate::mail::names::ShortHash;
use crate::plan::{Left, Moves, Plan, Verdict};
use crate::pop3::listing::Entry;
use crate::pop3::refusal::is_about_the_account;
use crate::session::headers::{self, Heard};
use crate::session::{Session, Transaction};
use crate::stop;
use crate::text::figures::messages;
use std::collections::{HashMap, HashSet};
use std::ops::ControlFlow;

/// Octets of a line that tell whether it is one of the two fields: the longer name and its colon.
const NAME: usize = b"message-id:".len();

/// Takes a header in chunks of any size.
#[derive(Default)]
pub(crate) struct Fingerprint {
    digester: Digester,
    bare: BareHeader,
    line: [u8; NAME],
    length: usize,
    message_id: bool,
    received: bool,
    /// The empty line has come: some servers show more than the header.
    over: bool,
    /// Octets behind it.
    behind: u64,
}

impl Fingerprint {
    pub(crate) fn update(&mut self, octets: &[u8]) {
        self.digester.update(octets);
        self.bare.update(octets);
        for (at, &octet) in octets.iter().enumerate() {
            if self.over {
                self.behind += (octets.len() - at) as u64;
                return;
            }
            if octet == b'\n' {
                self.over = self.length == 0;
                self.length = 0;
            } else if let Some(place) = self.line.get_mut(self.length) {
                *place = octet.to_ascii_lowercase();
                self.length += 1;
                self.message_id |= &self.line[..self.length] == b"message-id:";
                self.received |= &self.line[..self.length] == b"received:";
            }
        }
    }

    /// The header's hash but for what servers write into it, and without what fetchers add.
    pub(crate) fn hashes(self) -> (Hash, Option<ShortHash>) {
        (self.digester.finish().0.core_header, self.bare.finish().map(|bare| bare.short()))
    }

    /// `None` for a header that others may have, too.
    fn finish(self) -> Option<Header> {
        (self.message_id && self.received)
            .then(|| Header { digest: self.digester.finish().0, bare: self.bare.finish() })
    }
}

/// A header like no other, as the server shows it.
struct Header {
    digest: Digest,
    bare: Option<Bare>,
}

/// Answers after which what was recognised is put on record.
const PORTION: usize = 500;

/// To look for one message, at most this number of files is read.
const MANY: u64 = 10;

/// Messages that are asked for first: if all answers are refusals, or whole messages, TOP is given up.
const FIRST: usize = 3;

/// Octets behind a header that make an answer to TOP n 0 a whole message.
const BODY: u64 = 1024;

/// The stored rows by the beginnings of their headers' hashes, ascending.
pub(crate) struct Headers(Vec<(u64, Seq)>);

impl Headers {
    pub(crate) fn of(ledger: &dyn Ledger) -> Result<Self, LedgerError> {
        let mut headers = Vec::new();
        ledger.core_headers(&mut |seq, hash| headers.push((front(&hash), seq)))?;
        headers.sort_unstable();
        Ok(Headers(headers))
    }

    /// The rows whose messages have a header of this hash on the server.
    pub(crate) fn rows(&self, ledger: &dyn Ledger, hash: &Hash) -> Result<Vec<Row>, LedgerError> {
        let mut rows = Vec::new();
        for seq in self.find(hash) {
            let Some(row) = ledger.row(seq)? else { continue };
            if ledger.served_as(seq)?.as_ref().unwrap_or(&row.digest).core_header == *hash {
                rows.push(row);
            }
        }
        Ok(rows)
    }

    /// Rows whose header may have this hash.
    fn find(&self, hash: &Hash) -> impl Iterator<Item = Seq> {
        let front = front(hash);
        let first = self.0.partition_point(|(other, _)| *other < front);
        self.0[first..].iter().take_while(move |(other, _)| *other == front).map(|(_, seq)| *seq)
    }
}

fn front(hash: &Hash) -> u64 {
    hash.first_chunk().map_or(0, |octets| u64::from_be_bytes(*octets))
}

/// What was recognised so far, of the listed messages whose headers some row has.
#[derive(Default)]
struct Known {
    /// By fingerprint: the place of the one message that has it; `None` when several do.
    bearers: HashMap<Hash, Option<usize>>,
    /// The row that each of these messages was bound to, and the verdict before.
    bound: HashMap<usize, (Seq, Verdict)>,
    /// Messages that were bound to rows by their headers in earlier sessions.
    earlier: HashMap<Seq, usize>,
    changes: Vec<Change>,
    /// Unknown copies count, too.
    first_look: bool,
    /// The server refuses to show more for now.
    limited: bool,
}

impl Known {
    fn new(plan: &Plan<'_>, first_look: bool) -> Self {
        let earlier = plan.iter().enumerate().filter_map(|(place, item)| match item.verdict.row() {
            Some(row) if row.by_header => Some((row.seq, place)),
            _ => None,
        });
        Known { earlier: earlier.collect(), first_look, ..Known::default() }
    }

    /// The message at this place has this header.
    fn hear(
        &mut self,
        plan: &mut Plan<'_>,
        archive: &mut dyn Archive,
        ledger: &mut dyn Ledger,
        headers: &Headers,
        (place, header): (usize, Header),
    ) -> Result<(), ArchiveError> {
        let hash = header.digest.core_header;
        let rows = headers.rows(ledger, &hash)?;
        if !rows.is_empty() {
            if self.is_first_bearer(plan, place, hash) && !self.release_earlier(plan, (place, hash), &rows) {
                self.bind_row(plan, place, &rows);
            }
        } else if let Some(bare) = header.bare.as_ref().filter(|_| self.first_look)
            && self.is_first_bearer(plan, place, bare.hash)
            && let Some(unknown) = ledger.unknown_copy(Which::Header(&bare.short()), 0)?
            && ledger.unknown_copy(Which::Header(&bare.short()), unknown.id)?.is_none()
        {
            self.bind_unknown_copy(plan, archive, ledger, place, &header, unknown)?;
        }
        Ok(())
    }

    /// Whether no other message with this header was heard of. If one was, neither is known by it.
    fn is_first_bearer(&mut self, plan: &mut Plan<'_>, place: usize, hash: Hash) -> bool {
        let Some(first) = self.bearers.insert(hash, Some(place)) else { return true };
        self.bearers.insert(hash, None);
        if let Some((first, (seq, verdict))) =
            first.and_then(|first| Some((first, self.bound.remove(&first)?)))
        {
            self.release(plan, first, seq, verdict);
            plan.compare_with_loose(first);
        }
        plan.compare_with_loose(place);
        false
    }

    /// Releases the message that an earlier session has bound to one of these rows, since the one at this place has the
    /// same header. Whether there is one.
    fn release_earlier(&mut self, plan: &mut Plan<'_>, (place, hash): (usize, Hash), rows: &[Row]) -> bool {
        let Some((other, seq)) = rows.iter().find_map(|row| Some((self.earlier.remove(&row.seq)?, row.seq)))
        else {
            return false;
        };
        self.bearers.insert(hash, None);
        self.release(plan, other, seq, plan.item(place).verdict);
        plan.compare_with_loose(other);
        plan.compare_with_loose(place);
        true
    }

    /// On a server that has moved, the message at this place is the one row of its header, if its size is that on record.
    /// Elsewhere only its content tells whether it is a row that is not listed any more.
    fn bind_row(&mut self, plan: &mut Plan<'_>, place: usize, rows: &[Row]) {
        let ([row], Some(uid), true) = (rows, plan.item(place).entry.uid, plan.migrated()) else { return };
        let list_size = plan.item(place).entry.size;
        if row.state == RowState::Stored && row.list_size == list_size && !plan.is_listed(row.seq) {
            self.changes.push(Change::Rebound { seq: row.seq, uid: uid.to_vec(), list_size });
            self.bound.insert(place, (row.seq, plan.item(place).verdict));
            plan.bind_by_header(place, row.seq, row.archived_at);
        }
    }

    /// The message at this place has this unknown copy for its copy, if LIST gives the size that fits.
    fn bind_unknown_copy(
        &mut self,
        plan: &mut Plan<'_>,
        archive: &mut dyn Archive,
        ledger: &mut dyn Ledger,
        place: usize,
        header: &Header,
        unknown: UnknownCopy,
    ) -> Result<(), ArchiveError> {
        let Entry { uid: Some(uid), size: Some(list_size), .. } = plan.item(place).entry else {
            return Ok(());
        };
        if ledger.is_taken(&unknown.place)? {
            return Ok(());
        }
        let met = match archive.meet(&unknown) {
            Ok(Some(met)) => met,
            Ok(None) => {
                self.changes.push(Change::ForgetUnknownCopy(unknown));
                return Ok(());
            }
            Err(error @ ArchiveError::Ledger(_)) => return Err(error),
            // It cannot be read: the message is fetched.
            Err(_) => return Ok(()),
        };
        if !(met.is_still(&unknown) && fits(&met, header, list_size)) {
            return Ok(());
        }
        let row = row_of(ledger, &unknown, &met, Some(uid), Some(list_size));
        let seq = row.seq;
        // What the server sends for it, should its body be the copy's.
        let form = Digest { rest: met.digest.rest, ..header.digest.clone() };
        self.bound.insert(place, (seq, plan.item(place).verdict));
        plan.bind_by_header(place, seq, row.archived_at);
        self.changes.extend([Change::ForgetUnknownCopy(unknown), Change::Adopted(row)]);
        if form.core() != met.digest.core() {
            self.changes.push(Change::ServedAs { seq, digest: form });
        }
        self.changes.push(Change::Rebound { seq, uid: uid.to_vec(), list_size: Some(list_size) });
        Ok(())
    }

    /// A row's message is not known by its header after all.
    fn release(&mut self, plan: &mut Plan<'_>, place: usize, seq: Seq, verdict: Verdict) {
        plan.release(place, seq, verdict);
        self.changes.push(Change::Recognised { seq, uid: None, list_size: None });
    }
}

/// Whether an unknown copy has this header, and LIST gives the size of this header and the unknown copy's body: in octets on the
/// wire, or two less (the last line end was added), or one less a line (some servers count LF).
fn fits(met: &Met, header: &Header, list_size: u64) -> bool {
    let (Some(copy), Some(shown)) = (&met.bare, &header.bare) else { return false };
    let octets = (met.extent.octets - copy.header.octets) + shown.header.octets;
    let lines = (met.extent.lines - copy.header.lines) + shown.header.lines;
    copy.hash == shown.hash
        && [octets + lines, (octets + lines).saturating_sub(2), octets].contains(&list_size)
}

/// New messages whose headers are to be asked for, if there is a reason to.
#[derive(Debug, Default)]
pub(crate) struct UnknownHeaders {
    /// Their places in the plan.
    places: Vec<usize>,
    /// They are looked for among the unknown copies, too.
    first_look: bool,
}

impl Run<'_> {
    /// The messages whose headers are to be asked for.
    pub(crate) fn unknown_headers(&self, plan: &Plan<'_>) -> Result<UnknownHeaders, AccountError> {
        let ledger = &self.store.ledger;
        let first_look = ledger.first_look()?;
        if !(plan.migrated() || first_look) || self.server.top == Top::Avoided || ledger.quirks()?.equal_uids
        {
            return Ok(UnknownHeaders::default());
        }
        // Where all that is archived is deleted, each of the others will be fetched.
        let all = self.account.delete != DeletePolicy::Fetched;
        let fits = |place: &usize| {
            let is_seen = matches!(plan.item(*place).verdict, Verdict::Left(Left::SeenElsewhere));
            let rests = matches!(plan.item(*place).verdict, Verdict::Left(Left::Quarantine));
            (all || is_seen)
                && self.may_top(&plan.item(*place))
                && plan.item(*place).entry.size.is_some()
                && plan.has_own_uid(*place)
                && plan.quarantine_id(*place).is_none()
                && !rests
        };
        Ok(UnknownHeaders { places: plan.new_messages().filter(fits).collect(), first_look })
    }

    /// Whether files are to be read before headers are asked for: those that are known by their names only, unless they
    /// are many more than the messages whose download they might save.
    pub(crate) fn must_read_archive(&self, unknown: &UnknownHeaders) -> Result<bool, AccountError> {
        let UnknownHeaders { places, first_look: true } = unknown else { return Ok(false) };
        let most = (places.len() as u64).saturating_mul(MANY);
        Ok(most > 0 && (1..=most).contains(&self.store.ledger.count_unread_unknown_copies()?))
    }

    /// Reads the headers of unknown copies that are known by their names only. With many this takes longer than a
    /// server waits: there is no session meanwhile.
    pub(crate) fn read_archive(&mut self) -> Result<(), AccountError> {
        loop {
            let unread = self.store.ledger.unread_unknown_copies(PORTION)?;
            if unread.is_empty() {
                return Ok(());
            }
            let mut changes = Vec::new();
            for unknown in unread {
                stop::check()?;
                let header = match self.store.archive.meet(&unknown) {
                    Ok(Some(met)) => met.bare.map(|bare| bare.short()),
                    Ok(None) => {
                        changes.push(Change::ForgetUnknownCopy(unknown));
                        continue;
                    }
                    Err(error @ ArchiveError::Ledger(_)) => return Err(error.into()),
                    // One that cannot be read has no header here, and keeps no mail from coming.
                    Err(_) => None,
                };
                changes.push(Change::UnknownCopyRead(UnknownCopy { header, ..unknown }));
            }
            self.store.ledger.commit(&changes)?;
        }
    }

    /// Recognises what it can of messages whose UIDs are new; the rest of the plan stays as it is.
    pub(crate) fn recognise_by_header(
        &mut self,
        session: &mut Session<Transaction>,
        plan: &mut Plan<'_>,
        UnknownHeaders { places, first_look }: UnknownHeaders,
    ) -> Result<(), AccountError> {
        if places.is_empty() {
            return Ok(());
        }
        self.server.top = Top::Asked;
        let headers = Headers::of(&*self.store.ledger)?;
        let mut known = Known::new(plan, first_look);
        // A few at first: the server may refuse it, or show whole messages.
        let (first, rest) = places.split_at(places.len().min(FIRST));
        let mut heard = self.hear_headers(session, plan, &headers, first, &mut known);
        if let Ok(true) = heard {
            heard = self.hear_headers(session, plan, &headers, rest, &mut known);
        }
        // A step that failed leaves nothing on record that may not be durable.
        if let Err(AccountError::Store(_)) = heard {
            return heard.map(drop);
        }
        let moved = match &heard {
            Ok(_) if !known.bound.is_empty() => self.have_numbers_moved(session, plan, known.bound.len())?,
            Err(AccountError::Session(error)) => error.is_disorder(),
            _ => false,
        };
        if first_look && !known.limited && !moved && heard.is_ok() {
            known.changes.push(Change::FirstLookOver);
        }
        self.store.archive.secure_met()?;
        self.store.ledger.commit(&std::mem::take(&mut known.changes))?;
        self.server.bound_by_header = known.bound.values().map(|(seq, _)| *seq).collect();
        if moved {
            for (place, (seq, verdict)) in known.bound.drain() {
                plan.release(place, seq, verdict);
            }
            self.release_bound_by_header()?;
            self.server.moved_at_top = heard.is_ok();
        }
        let count = self.server.bound_by_header.len() as u64;
        self.tally.named += count;
        if count > 0 {
            self.note(&format!(
                "{} with new UIDs were recognised in the archive by their headers and are not fetched again",
                messages(count)
            ));
        }
        match heard {
            Err(AccountError::Session(error)) => Err(self.top_failed(session, plan, error)),
            heard => heard.map(drop),
        }
    }

    /// Takes back what this session has recognised by headers: its numbers did not mean what they were listed for, or
    /// its answers were not to its questions.
    pub(crate) fn release_bound_by_header(&mut self) -> Result<(), AccountError> {
        let release = |seq| Change::Recognised { seq, uid: None, list_size: None };
        let changes: Vec<Change> = self.server.bound_by_header.drain(..).map(release).collect();
        Ok(self.store.ledger.commit(&changes)?)
    }

    /// Asks for the headers of these messages, and puts on record what they show as it comes. Whether it is worth going
    /// on.
    fn hear_headers(
        &mut self,
        session: &mut Session<Transaction>,
        plan: &mut Plan<'_>,
        headers: &Headers,
        places: &[usize],
        known: &mut Known,
    ) -> Result<bool, AccountError> {
        let mut waiting = places.iter().copied();
        let mut current = Fingerprint::default();
        let (mut answers, mut whole, mut problem) = (0, 0, None);
        let numbers: Vec<u32> = places.iter().map(|&place| plan.item(place).entry.number).collect();
        let heard = headers::ask(session, numbers, &mut |heard| {
            match heard {
                Heard::Octets(octets) => current.update(octets),
                Heard::End => {
                    let current = std::mem::take(&mut current);
                    answers += 1;
                    whole += usize::from(current.behind > BODY);
                    if let (Some(place), Some(header)) = (waiting.next(), current.finish()) {
                        let heard = known.hear(
                            plan,
                            &mut *self.store.archive,
                            &mut *self.store.ledger,
                            headers,
                            (place, header),
                        );
                        problem = problem.take().or(heard.err());
                    }
                    if answers % PORTION == 0 && problem.is_none() {
                        let committed = self.store.archive.secure_met().and_then(|()| {
                            Ok(self.store.ledger.commit(&std::mem::take(&mut known.changes))?)
                        });
                        problem = committed.err();
                    }
                }
                Heard::Refused(reply) => {
                    // It may show them another time.
                    known.limited |= is_about_the_account(&reply) || reply.is_transient();
                    waiting.next();
                }
            }
            if problem.is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        self.server.top_answers |= answers > 0;
        match problem {
            Some(error) => Err(error.into()),
            None => Ok(heard.map(|()| answers > 0 && whole < answers)?),
        }
    }

    /// Ends the move to other UIDs once no listed message is still to be looked at.
    pub(crate) fn end_of_move(&mut self, plan: &Plan<'_>, download: &Download) -> Result<(), AccountError> {
        let Moves::Moving { old, .. } = &plan.moves else { return Ok(()) };
        if download.ending.breaks_off() || !download.findings.unsettled.is_empty() {
            return Ok(());
        }
        let filed: HashSet<usize> = download.filed.iter().map(|message| message.item).collect();
        let missed: HashSet<usize> = download.missed.iter().map(|(place, _)| *place).collect();
        let is_open = |place: &usize| match plan.item(*place).verdict {
            Verdict::Left(Left::Limit) => true,
            Verdict::Fetch { .. } => !filed.contains(place) && !missed.contains(place),
            _ => false,
        };
        if plan.new_messages().any(|place| is_open(&place)) {
            return Ok(());
        }
        let found: HashSet<Seq> = download.filed.iter().map(|message| message.seq).collect();
        let mut gone = old.clone();
        gone.retain(|seq| !found.contains(seq) && !plan.explains(*seq));
        Ok(self.store.ledger.commit(&[Change::UidsMoved, Change::Listed { gone, back: Vec::new() }])?)
    }
}

#[cfg(test)]
mod tests {
    use super::Fingerprint;
    use crate::mail::digest::{Digester, Hash};

    fn of(header: &str, chunk: usize) -> Option<Hash> {
        let mut fingerprint = Fingerprint::default();
        header.as_bytes().chunks(chunk).for_each(|octets| fingerprint.update(octets));
        fingerprint.finish().map(|header| header.digest.core_header)
    }

    #[test]
    fn only_a_header_like_no_other_has_a_fingerprint() {
        let whole = "Status: R\nRECEIVED: by x\n\tfor y\nMessage-Id: <1@x>\nSubject: s\n";
        for chunk in [1, 3, 1000] {
            let hash = of(whole, chunk);
            assert!(hash.is_some());
            assert_eq!(hash, of(&whole.replace("Status: R\n", "X-UID: 9\n"), chunk), "servers write these");
            assert_ne!(hash, of(&whole.replace("<1@x>", "<2@x>"), chunk));
            assert_eq!(of(&whole.replace("RECEIVED", "X-Received"), chunk), None);
            assert_eq!(of(&whole.replace("Message-Id", "Message"), chunk), None);
            assert_eq!(of("Subject: received: message-id:\n", chunk), None);
            assert_eq!(of("Subject: s\n\nReceived: x\nMessage-Id: y\n", chunk), None, "not in the body");
        }
    }

    #[test]
    fn it_is_the_same_for_a_whole_message_and_for_what_top_shows_of_it() {
        let header = "Received: by x\nMessage-Id: <1@x>\n";
        let mut digester = Digester::new();
        digester.update(format!("{header}\nthe body\n").as_bytes());
        assert_eq!(of(&format!("{header}\n"), 7), Some(digester.finish().0.core_header));
        assert_eq!(of(header, 7), of(&format!("{header}\n"), 7), "servers may leave out the empty line");
    }
}

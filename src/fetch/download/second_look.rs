//! A second look at messages whose first one leaves a doubt: each is asked for again, alone, with nothing else in
//! flight.
//!
//! - Its octets do not tally with its LIST size, in a session that sent commands ahead: an answer of the server may
//!   have got into it. The same octets again: the size is wrong, and after a few of those the server loses the
//!   privilege of pipelining. Other octets: it loses it at once, and the second answer counts.
//! - Less than half of what LIST says has come. The same octets again: that is all there is.
//! - It has the content of one that came just before it, or that is on record under another listed UID: an answer may
//!   have come twice, or in another's place. Both that came now are asked for. Two equal messages: the maildrop has
//!   them. With a few of those nothing more is fetched before they are asked for, and what has come meanwhile with the
//!   content of another is left to the next session. If all of them are equal messages, it goes unquestioned from then
//!   on.
//! - It has other content than is on record under its UID. Another message may have taken its place: then it comes
//!   the same a second time, and is stored. Or the server makes its octets up each time it is asked, with a new
//!   boundary, say: then no comparison will ever tell it from another message.
//!
//! Promises: an unsteady message is stored at most twice; it, and what came twice as less than half of its size,
//! is noted once, and never deleted from the server.

use crate::account_error::AccountError;
use crate::event::Reporter;
use crate::fetch::download::download_messages;
use crate::fetch::download::outcome::{Bounds, Download, Ending};
use crate::fetch::download::sizes::is_short;
use crate::fetch::download::storer::{Before, Filed, Looks, WRONG_SIZES};
use crate::fetch::run::Run;
use crate::plan::Plan;
use crate::session::{Session, Transaction};
use crate::text::safe::escape;
use std::collections::HashMap;

impl Run<'_> {
    /// Asks once more for what is unsettled, and adds what comes of it to the download.
    pub(crate) fn look_again(
        &mut self,
        session: &mut Session<Transaction>,
        plan: &Plan<'_>,
        bounds: Bounds,
        download: &mut Download,
    ) -> Result<(), AccountError> {
        let looks: Looks = std::mem::take(&mut download.findings.unsettled);
        session.stop_pipelining();
        // With nothing else in flight, and STAT behind each.
        let bounds = Bounds { each_alone: true, ..bounds };
        let mut order: Vec<usize> = looks.keys().copied().collect();
        order.sort_unstable();
        let mut taken = self.deletions.gone.clone();
        taken.extend(download.filed.iter().map(|message| message.seq));
        let again = download_messages(
            session,
            plan,
            &order,
            Before {
                gone: &taken,
                looks: &looks,
                listed_together: &self.server.listed_together,
                equals: self.server.equals,
            },
            bounds,
            &mut self.store,
            Reporter::new(&self.account.name, &**self.observer),
        );
        for message in again.filed.iter().filter(|message| message.unsteady && message.fresh) {
            let entry = plan.item(message.item).entry;
            let uid = entry.uid.map_or_else(|| "none".to_owned(), escape);
            let number = entry.number;
            self.note(&match entry.size {
                Some(size) if is_short(entry.size, message.wire_octets) => format!(
                    "the server twice sent {} octets for message {number} (UID {uid}), of the {size} that it lists; \
                     they are archived, and the message is not deleted from the server",
                    message.wire_octets,
                ),
                _ => format!(
                    "the server sends message {number} (UID {uid}) with different octets each time; two \
                     versions of it are archived, no more will be, and it is not deleted from the server"
                ),
            });
        }
        if again.findings.mixed_up && session.sent_ahead() {
            self.stop_sending_ahead(&"a message arrived with octets that belong to another")?;
        } else if again.findings.wrong_sizes >= WRONG_SIZES && session.sent_ahead() {
            self.stop_sending_ahead(&"messages have other sizes than the server lists")?;
        }
        self.server.equals |= again.settled && again.findings.equals >= WRONG_SIZES;
        let doubles = std::mem::take(&mut download.findings.twins);
        download.filed.extend(again.filed);
        download.unsure.extend(again.unsure);
        download.missed.extend(again.missed);
        download.phantoms.extend(again.phantoms);
        download.limit_met_at = download.limit_met_at.or(again.limit_met_at);
        download.ending = again.ending;
        download.broke_at = again.broke_at;
        download.ended_badly = again.ended_badly;
        download.suspicion |= again.suspicion;
        download.other_stat |= again.other_stat;
        download.vanished |= again.vanished;
        download.settled = again.settled;
        download.cut_short |= again.cut_short;
        download.somewhere |= again.somewhere;
        if matches!(download.ending, Ending::Complete | Ending::LimitReached(_)) && !doubles.is_empty() {
            self.look_at_doubles(session, plan, bounds, &doubles, download)?;
        }
        Ok(())
    }
    /// Asks once more for messages behind which their own content came a second time. If one of them is
    /// another message, answers have come in others' places, and nothing tells in which: what has the size of
    /// another is taken back from its UID.
    fn look_at_doubles(
        &mut self,
        session: &mut Session<Transaction>,
        plan: &Plan<'_>,
        bounds: Bounds,
        doubles: &Looks,
        download: &mut Download,
    ) -> Result<(), AccountError> {
        let mut order: Vec<usize> = doubles.keys().copied().collect();
        order.sort_unstable();
        let again = download_messages(
            session,
            plan,
            &order,
            Before {
                gone: &self.deletions.gone,
                looks: doubles,
                listed_together: &self.server.listed_together,
                equals: self.server.equals,
            },
            bounds,
            &mut self.store,
            Reporter::new(&self.account.name, &**self.observer),
        );
        download.other_stat |= again.other_stat;
        download.settled = again.settled;
        download.limit_met_at = download.limit_met_at.or(again.limit_met_at);
        if !matches!((&download.ending, &again.ending), (Ending::LimitReached(_), Ending::Complete)) {
            download.ending = again.ending;
        }
        if again.findings.another {
            if session.sent_ahead() {
                self.stop_sending_ahead(&"the server answered RETR with another message")?;
            }
            let mut of_size: HashMap<u64, u32> = HashMap::new();
            for size in plan.iter().filter_map(|item| item.entry.size) {
                *of_size.entry(size).or_default() += 1;
            }
            let alone = |message: &Filed| {
                plan.item(message.item).entry.size.is_some_and(|size| of_size.get(&size) == Some(&1))
            };
            let (stay, go): (Vec<Filed>, Vec<Filed>) =
                std::mem::take(&mut download.filed).into_iter().partition(alone);
            self.release_uids(&go)?;
            download.filed = stay;
            download.unsure.extend(go);
            download.cut_short = true;
        }
        Ok(())
    }
}

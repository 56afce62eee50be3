//! A second look at messages that came with other content than is on record under their UIDs.
//!
//! Another message may stand in the place of the one on record: then it comes the same a second
//! time, and is stored. Or the server makes its octets up each time it is asked, with a new
//! boundary, say: then no comparison will ever tell it from another message.
//!
//! Promises: such an unsteady message is stored at most twice, told of once, and never deleted
//! from the server.

use super::filer::{Before, Looks};
use super::retrieve::{Bounds, Haul, retrieve};
use super::round::Run;
use crate::mail::safe_text::escape;
use crate::plan::Plan;
use crate::session::{Session, Transaction};

impl Run<'_> {
    /// Fetches what is unsettled once more, and adds what comes of it to the haul.
    pub(super) fn look_again(
        &mut self,
        session: &mut Session<Transaction>,
        plan: &Plan<'_>,
        bounds: Bounds,
        haul: &mut Haul,
    ) {
        let looks: Looks = std::mem::take(&mut haul.unsettled);
        let mut order: Vec<usize> = looks.keys().copied().collect();
        order.sort_unstable();
        let mut taken = self.gone.clone();
        taken.extend(haul.filed.iter().map(|message| message.seq));
        let again = retrieve(
            session,
            plan,
            &order,
            Before { gone: &taken, looks: &looks },
            bounds,
            (&mut *self.archive, &mut *self.ledger),
            (&self.account.name, &**self.observer),
        );
        for message in again.filed.iter().filter(|message| message.unsteady && message.fresh) {
            let entry = plan.item(message.item).entry;
            self.note(&format!(
                "the server sends message {} (UID {}) with other octets each time it is asked; two versions of it \
                 are archived, no more will be, and it is not deleted from the server",
                entry.number,
                entry.uid.map_or_else(|| "none".to_owned(), escape),
            ));
        }
        haul.filed.extend(again.filed);
        haul.unsure.extend(again.unsure);
        haul.missed.extend(again.missed);
        haul.broken = again.broken;
        haul.gone = again.gone;
        haul.broke_at = again.broke_at;
        haul.cut_short |= again.cut_short;
    }
}

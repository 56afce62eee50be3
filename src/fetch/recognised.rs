//! What a fetch would recognise in an archive that its ledger does not know: for whoever thinks about taking one over.
//!
//! The look is the run's own, on a ledger in memory and an archive that is only read. Must never: fetch, mark, store or
//! delete a message, or write anything anywhere.

use crate::account_error::AccountError;
use crate::clock::now;
use crate::config::{Account, DeletePolicy};
use crate::connect::{self, Connector, is_gmail};
use crate::event::Observer;
use crate::fetch::run::{Orders, Run};
use crate::ledger::SqliteLedger;
use crate::store::{self, Store};
use std::rc::Rc;
use std::sync::Arc;

/// A message that the server lists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Its UID.
    pub uid: Option<Vec<u8>>,
    /// It is in the archive, as far as UIDs and headers tell.
    pub found: bool,
}

/// Logs in and looks for what is listed in the account's archive. `ledger` is a rehearsal's: one in memory.
pub fn recognised(
    account: &Account,
    ledger: SqliteLedger,
    trace: bool,
    observer: &Arc<dyn Observer>,
) -> Result<Vec<Listed>, AccountError> {
    // Whatever is deleted later, headers save downloads here.
    let account = &Account { delete: DeletePolicy::Never, ..account.clone() };
    let until = connect::run_deadline(&account.access);
    let connector = Connector::new(account, Rc::default(), until, trace, observer);
    let open = |one_at_a_time| Ok(connector.open(one_at_a_time)?);
    let store = Store::of(store::archive_to_read(account), Box::new(ledger));
    let mut run =
        Run { orders: Orders { trace, ..Orders::default() }, ..Run::new(account, observer, &open, store) };
    let Store { archive, ledger, .. } = &mut run.store;
    archive.find_unknown_copies(&mut **ledger, now(), &mut |_| {})?;
    loop {
        let mut session = run.log_in()?;
        let (listing, known_rows) = run.list(&mut session)?;
        let parts = is_gmail(account, session.capabilities());
        let mut plan = run.plan(&listing, known_rows, parts)?;
        let unknown = run.unknown_headers(&plan)?;
        if run.must_read_archive(&unknown)? {
            connect::quit_after_a_look(session);
            run.read_archive()?;
            continue;
        }
        run.recognise_by_header(&mut session, &mut plan, unknown)?;
        connect::quit_after_a_look(session);
        let listed = |item: crate::plan::Item<'_>| Listed {
            uid: item.entry.uid.map(<[u8]>::to_vec),
            found: item.verdict.row().is_some(),
        };
        return Ok(plan.iter().map(listed).collect());
    }
}

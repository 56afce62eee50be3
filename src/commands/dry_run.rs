//! `popkeep fetch --dry-run`: the plan, and nothing done.

use super::run_document::MissingMessage;
use super::{Failure, output};
use crate::account_error::AccountError;
use crate::cli;
use crate::config::{Account, Config, DeletePolicy};
use crate::connect;
use crate::event::Observer;
use crate::exit::Exit;
use crate::inventory::{self, Preview, ToFetch};
use crate::progress::{Detail, wording};
use crate::text::safe::escape;
use serde::Serialize;
use std::io::Write;
use std::sync::Arc;

/// The document of `fetch --dry-run --json`.
#[derive(Debug, Serialize)]
struct Document {
    exit: u8,
    dry_run: bool,
    accounts: Vec<AccountPlan>,
}

#[derive(Debug, Serialize)]
struct AccountPlan {
    name: String,
    error: Option<String>,
    listed: u64,
    archived: u64,
    /// Archived once, and gone from the archive, or damaged there, at the last run.
    removed: u64,
    fetch: Vec<Due>,
    /// Archived messages that are due for deletion.
    delete: u64,
    /// When the oldest of them was archived: RFC 3339.
    oldest_archived: Option<String>,
    /// Of `fetch`, those that the same run would delete once they are archived.
    delete_fetched: u64,
    left: Vec<MissingMessage>,
}

#[derive(Debug, Serialize)]
struct Due {
    number: u32,
    uid: Option<String>,
    octets: Option<u64>,
    why: &'static str,
}

/// What a fetch of this account would do now; `limit` as in `--limit`.
fn look(
    config: &Config,
    account: &Account,
    limit: Option<u64>,
    trace: bool,
    observer: &Arc<dyn Observer>,
) -> Result<Preview, AccountError> {
    let until = connect::run_deadline(&account.access);
    let mut session = connect::open_session_to_look(config, account, until, trace, observer)?;
    let listing = session.listing()?;
    let preview = inventory::preview(&inventory::look(config, account, &listing, limit)?, account, true);
    connect::quit_after_a_look(session);
    Ok(preview)
}

/// Asks each account what a fetch would do, and prints it.
pub(super) fn run(
    config: &Config,
    accounts: &[&Account],
    options: &cli::Fetch,
    observer: &Arc<dyn Observer>,
    out: &mut dyn Write,
) -> Result<Exit, Failure> {
    let trace = Detail::from_count(options.verbose) == Detail::Protocol;
    let mut exits = Vec::new();
    let mut plans = Vec::new();
    for account in accounts {
        let (exit, plan) = match look(config, account, options.limit, trace, observer) {
            Ok(preview) => {
                if !options.json && !options.quiet {
                    out.write_all(describe(account, &preview).as_bytes())?;
                    out.flush()?;
                }
                (Exit::OK, AccountPlan::new(account, &preview))
            }
            Err(error) => {
                let text = wording::printable(&error.to_string());
                output::complain_about(&account.name, &text);
                (error.exit(), AccountPlan::failed(account, text))
            }
        };
        exits.push(exit);
        if options.json {
            plans.push(plan);
        }
    }
    let exit = Exit::merge(exits);
    if options.json {
        let document = Document { exit: exit.code(), dry_run: true, accounts: plans };
        output::document(out, &document)?;
    }
    Ok(exit)
}

/// What the same run would delete of what it fetches: everything, where the policy is not to wait.
fn deleted_at_once(account: &Account, preview: &Preview) -> u64 {
    match account.delete {
        DeletePolicy::Fetched => preview.to_fetch.len() as u64,
        DeletePolicy::Never | DeletePolicy::After(_) => 0,
    }
}

/// A plan in words.
fn describe(account: &Account, preview: &Preview) -> String {
    let name = &account.name;
    let octets = preview.to_fetch.iter().filter_map(|message| message.size).sum();
    let at_once = deleted_at_once(account, preview);
    let mut lines = vec![format!(
        "{name}: {} listed, {} archived, would fetch {} ({}), would delete {}",
        preview.listed,
        preview.archived,
        preview.to_fetch.len(),
        wording::size(octets),
        preview.to_delete + at_once
    )];
    for message in &preview.to_fetch {
        let size = message.size.map_or_else(|| "size unknown".to_owned(), wording::size);
        let which = wording::message(message.number, message.uid.as_deref());
        lines.push(format!("{name}: would fetch {which}, {size}: {}", message.why));
    }
    if preview.to_delete > 0 {
        let oldest = preview
            .oldest_to_delete
            .map(|at| format!(", the oldest archived {}", wording::moment(at)))
            .unwrap_or_default();
        let archived = wording::messages(preview.to_delete);
        lines.push(format!("{name}: would delete {archived} that are archived{oldest}"));
    }
    if at_once > 0 {
        let fetched = wording::messages(at_once);
        lines.push(format!("{name}: would delete the {fetched} to fetch as well, once archived"));
    }
    for message in &preview.left {
        lines.push(format!(
            "{name}: would leave {}: {}",
            wording::message(message.number, message.uid.as_deref()),
            wording::printable(&message.reason)
        ));
    }
    lines.push(String::new());
    lines.join("\n")
}

impl AccountPlan {
    fn new(account: &Account, preview: &Preview) -> Self {
        Self {
            name: account.name.clone(),
            error: None,
            listed: preview.listed,
            archived: preview.archived,
            removed: preview.removed,
            fetch: preview.to_fetch.iter().map(Due::new).collect(),
            delete: preview.to_delete,
            oldest_archived: preview.oldest_to_delete.and_then(wording::rfc3339),
            delete_fetched: deleted_at_once(account, preview),
            left: preview.left.iter().map(MissingMessage::new).collect(),
        }
    }

    fn failed(account: &Account, error: String) -> Self {
        Self { error: Some(error), ..Self::new(account, &Preview::default()) }
    }
}

impl Due {
    fn new(message: &ToFetch) -> Self {
        Self {
            number: message.number,
            uid: message.uid.as_deref().map(escape),
            octets: message.size,
            why: message.why,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::example_account;
    use crate::event::Missing;
    use std::time::Duration;

    fn account(delete: DeletePolicy) -> Account {
        Account { delete, ..example_account() }
    }

    fn preview() -> Preview {
        let uid = Some(b"u\x1b1".to_vec());
        Preview {
            listed: 4,
            archived: 2,
            removed: 0,
            fetches: (1, 2048),
            to_fetch: vec![ToFetch {
                number: 3,
                uid: uid.map(Vec::into_boxed_slice),
                size: Some(2048),
                why: "it is new",
            }],
            to_delete: 2,
            oldest_to_delete: Some(1_795_323_612),
            left: vec![Missing { number: 4, uid: None, reason: "too large".into(), chosen: true }],
            skipped: 0,
        }
    }

    #[test]
    fn the_plan_names_what_is_fetched_deleted_and_left() {
        let text = describe(&account(DeletePolicy::After(Duration::from_hours(720))), &preview());
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0], "work: 4 listed, 2 archived, would fetch 1 (2.0 KiB), would delete 2");
        assert_eq!(lines[1], "work: would fetch message 3 (UID u\\x1b1), 2.0 KiB: it is new");
        assert!(
            lines[2].starts_with(
                "work: would delete 2 messages that are archived, the oldest archived 2026-11-2"
            )
        );
        assert_eq!(lines[3], "work: would leave message 4: too large");
        assert_eq!(lines.len(), 4);
    }

    #[test]
    fn what_is_fetched_and_deleted_in_one_run_is_not_passed_over() {
        let text = describe(&account(DeletePolicy::Fetched), &preview());
        assert!(text.contains("would delete 3\n"), "{text}");
        assert!(
            text.contains("work: would delete the 1 message to fetch as well, once archived\n"),
            "{text}"
        );
    }

    #[test]
    fn the_document_has_the_documented_shape() {
        let plans = vec![AccountPlan::new(&account(DeletePolicy::Fetched), &preview())];
        let json = serde_json::to_string(&Document { exit: 0, dry_run: true, accounts: plans }).unwrap();
        assert_eq!(
            json,
            concat!(
                r#"{"exit":0,"dry_run":true,"accounts":[{"name":"work","error":null,"listed":4,"archived":2,"removed":0,"#,
                r#""fetch":[{"number":3,"uid":"u\\x1b1","octets":2048,"why":"it is new"}],"delete":2,"#,
                r#""oldest_archived":"2026-11-22T05:00:12Z","delete_fetched":1,"#,
                r#""left":[{"number":4,"uid":null,"reason":"too large"}]}]}"#
            )
        );
    }
}

//! `popkeep check`: a look at each account that changes nothing.
//!
//! Promises: no RETR, no DELE, no write to the ledger or the archive; one account that fails
//! does not keep the others from being checked.

pub(super) mod connection;

use super::{Failure, load, output};
use crate::account_error::AccountError;
use crate::cli;
use crate::clock::now;
use crate::config::{Account, Config, DeletePolicy, Format};
use crate::connect::{self, ConnectError, ServerRecord};
use crate::event::Observer;
use crate::exit::Exit;
use crate::inventory::{self, Preview};
use crate::ledger::{Ledger as _, LedgerError, LedgerFile};
use crate::net::{NetError, Security};
use crate::plan::SEEN_ELSEWHERE;
use crate::pop3::capability::{Capabilities, Expire};
use crate::pop3::listing::Listing;
use crate::progress::wording;
use crate::session::{Session, Transaction};
use crate::text::safe::escape;
use std::fmt::Write as _;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;

/// What is told of an account: lines of a name and a value, in order.
#[derive(Debug, Default)]
struct Page(Vec<(&'static str, String)>);

/// Checks the accounts named, or all of them.
pub fn run(file: Option<&Path>, options: &cli::Check, out: &mut dyn Write) -> Result<Exit, Failure> {
    let config = load(file)?;
    let accounts = config.select(&options.accounts)?;
    let (observer, trace) = output::watch(options.verbose, &accounts);
    let mut exits = Vec::new();
    for account in accounts {
        let mut page = Page::default();
        let done = examine(&config, account, trace, &observer, &mut page);
        out.write_all(page.text(&account.name).as_bytes())?;
        // Before the line on stderr, so that both stand in order on a terminal.
        out.flush()?;
        exits.push(match done {
            Ok(()) => Exit::OK,
            Err(problem) => {
                output::complain_about(&account.name, &problem);
                problem.exit()
            }
        });
    }
    Ok(Exit::merge(exits))
}

/// Fills the page as far as the account lets it.
fn examine(
    config: &Config,
    account: &Account,
    trace: bool,
    observer: &Arc<dyn Observer>,
    page: &mut Page,
) -> Result<(), AccountError> {
    page.add("server", connection::server(account));
    let until = connect::run_deadline(&account.access);
    let opened = connect::open_session(Some(config), account, until, trace, observer);
    let mut session = opened.inspect_err(|error| page.untrusted(error))?;
    page.connection(account, &session);
    let listing = session.listing()?;
    let found = inventory::look(config, account, &listing, None)
        .map(|inventory| inventory::preview(&inventory, account, false));
    page.maildrop(&listing, found.as_ref().ok());
    page.remarks(session.capabilities(), &listing);
    page.remembered(config, account)?;
    page.places(config, account)?;
    connect::quit_after_a_look(session);
    found.map(|_| ()).map_err(AccountError::from)
}

impl Page {
    fn add(&mut self, name: &'static str, value: String) {
        self.0.push((name, value));
    }

    fn text(&self, account: &str) -> String {
        let mut text = format!("{account}\n");
        for (name, value) in &self.0 {
            // Writing into a String cannot fail.
            let _ = writeln!(text, "  {name:<14} {value}");
        }
        text
    }

    /// The certificate that kept us out, so that it can be judged.
    fn untrusted(&mut self, error: &ConnectError) {
        if let Some(NetError::Certificate { leaf: Some(leaf), .. }) = error.net() {
            self.add("connection", "none: the certificate is not trusted".to_owned());
            self.0.extend(connection::certificate(leaf, now()));
        }
    }

    /// What the connection is, and what the server can do.
    fn connection(&mut self, account: &Account, session: &Session<Transaction>) {
        let security = session.security();
        self.add("connection", connection::security(&security, account));
        if let Security::Tls { leaf: Some(leaf) } = &security {
            self.0.extend(connection::certificate(leaf, now()));
        }
        let capabilities = session.capabilities();
        if let Some(name) = capabilities.implementation() {
            self.add("implementation", escape(name));
        }
        self.add("capabilities", offered(capabilities));
        self.add(
            "login",
            format!("as {} by {}", wording::printable(&account.access.user), session.mechanism()),
        );
        let pipelining = match (session.pipelining(), capabilities.pipelining()) {
            (true, true) => "on",
            (true, false) => "on, although the server does not offer it",
            (false, true) => "off in the configuration, although the server offers it",
            (false, false) => "off: the server does not offer it",
        };
        self.add("pipelining", pipelining.to_owned());
    }

    /// What is on the server, and what a fetch would do about it.
    fn maildrop(&mut self, listing: &Listing, found: Option<&Preview>) {
        let octets = listing.iter().filter_map(|message| message.size).sum();
        self.add("maildrop", amount(listing.len() as u64, octets));
        let Some(found) = found else { return };
        let (fetches, octets) = found.fetches;
        self.add("archived", wording::messages(found.archived));
        self.add("new", amount(fetches, octets));
        let seen = found.left.iter().filter(|message| &*message.reason == SEEN_ELSEWHERE).count() as u64;
        let failed = found.left.iter().filter(|message| !message.chosen).count() as u64;
        for (left, why) in [
            (found.left.len() as u64 - seen - failed - found.skipped, "larger than max_size"),
            (seen, "seen by another program, and skipped"),
            (found.skipped, "skipped because of skip_headers"),
            (failed, "that failed before, to be tried later"),
        ] {
            if left > 0 {
                self.add("left", format!("{} {why}", wording::messages(left)));
            }
        }
        if found.to_delete > 0 {
            self.add(
                "to delete",
                format!("{} due for deletion from the server", wording::messages(found.to_delete)),
            );
        }
    }

    /// What the server does that people should know of.
    fn remarks(&mut self, capabilities: &Capabilities, listing: &Listing) {
        for remark in quirks(capabilities, listing) {
            self.add("note", remark);
        }
    }

    /// What earlier runs have learnt about the server.
    fn remembered(&mut self, config: &Config, account: &Account) -> Result<(), LedgerError> {
        let Some(file) = LedgerFile::read_only(&config.state_dir)? else { return Ok(()) };
        let Some(ledger) = file.existing(&account.identity, &account.archive)? else { return Ok(()) };
        if let Some(until) = connect::one_at_a_time_until(account, &ledger)? {
            self.add(
                "note",
                format!(
                    "fetch does not pipeline until {}, because the server mixed up its answers; pipelining = \"on\" overrides this",
                    wording::moment(until)
                ),
            );
        }
        for (what, until) in ServerRecord::read(config, account, &ledger)?.left_out() {
            let until = wording::moment(until);
            self.add(
                "note",
                format!("popkeep does without {what} until {until}, because the server did not answer it"),
            );
        }
        if ledger.quirks()?.shows_parts {
            let note =
                "the server shows only some of its messages at a time; fetch continues in further sessions";
            self.add("note", note.to_owned());
        }
        Ok(())
    }

    /// Where things are on this side.
    fn places(&mut self, config: &Config, account: &Account) -> Result<(), LedgerError> {
        let shown = |path: &Path| wording::printable(&path.display().to_string());
        let format = match account.format {
            Format::Maildir => "Maildir",
            Format::Mbox => "mbox",
        };
        let delete = match account.delete {
            DeletePolicy::Never => "never".to_owned(),
            DeletePolicy::Fetched => "everything archived".to_owned(),
            DeletePolicy::After(age) => format!("everything archived {} ago or earlier", wording::span(age)),
        };
        self.add("archive", format!("{} ({format})", shown(&account.archive)));
        self.add("delete", delete);
        let ledger = match LedgerFile::read_only(&config.state_dir)? {
            Some(file) => shown(file.path()),
            None => format!("none yet, will be in {}", shown(&config.state_dir)),
        };
        self.add("ledger", ledger);
        Ok(())
    }
}

/// `12 messages, 3.4 MiB`.
pub(super) fn amount(messages: u64, octets: u64) -> String {
    format!("{}, {}", wording::messages(messages), wording::size(octets))
}

/// The answer to CAPA in one line.
fn offered(capabilities: &Capabilities) -> String {
    if !capabilities.offered() {
        return "unknown (the server has no CAPA)".to_owned();
    }
    capabilities.lines().map(escape).collect::<Vec<_>>().join(", ")
}

/// What the server does that is worth a note.
fn quirks(capabilities: &Capabilities, listing: &Listing) -> Vec<String> {
    let mut notes = Vec::new();
    if !listing.is_empty() && !listing.has_uids() {
        notes.push(
            "no UIDL: popkeep can tell messages apart only by their content, so each run fetches all"
                .to_owned(),
        );
    }
    let mut uids: Vec<&[u8]> = listing.iter().filter_map(|message| message.uid).collect();
    uids.sort_unstable();
    if uids.windows(2).any(|pair| pair[0] == pair[1]) {
        notes.push("several messages have equal UIDs; each run fetches and compares them".to_owned());
    }
    match capabilities.expire() {
        Some(Expire::Days(0)) => {
            notes.push("EXPIRE 0: the server may delete fetched messages when the session ends".to_owned());
        }
        Some(Expire::Days(days)) => notes.push(format!("EXPIRE: the server deletes mail after {days} days")),
        Some(Expire::Never) | None => {}
    }
    if let Some(delay) = capabilities.login_delay() {
        notes.push(format!("LOGIN-DELAY: at least {} between logins", wording::span(delay)));
    }
    if listing.garbage() > 0 {
        notes.push(format!("ignored lines of LIST or UIDL that make no sense: {}", listing.garbage()));
    }
    notes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Missing;
    use crate::pop3::listing::ListingBuilder;

    fn listing(stat: &str, sizes: &[&str], uids: Option<&[&str]>) -> Listing {
        let mut builder = ListingBuilder::new();
        builder.stat(stat.as_bytes());
        builder.sizes_follow();
        for line in sizes {
            builder.list_line(line.as_bytes()).unwrap();
        }
        if let Some(uids) = uids {
            builder.uids_follow();
            for line in uids {
                builder.uidl_line(line.as_bytes()).unwrap();
            }
        }
        builder.finish().unwrap()
    }

    fn capabilities(lines: &[&str]) -> Capabilities {
        let mut capabilities = Capabilities::answered();
        for line in lines {
            capabilities.push(line.as_bytes());
        }
        capabilities
    }

    #[test]
    fn an_ordinary_server_has_no_quirks() {
        let usual = capabilities(&["TOP", "UIDL", "PIPELINING", "EXPIRE NEVER"]);
        assert!(quirks(&usual, &listing("2 300", &["1 100", "2 200"], Some(&["1 a", "2 b"]))).is_empty());
        assert!(quirks(&usual, &listing("0 0", &[], None)).is_empty(), "nothing there to have a UID");
    }

    #[test]
    fn what_a_server_does_otherwise_is_noted() {
        let odd = capabilities(&["EXPIRE 0", "LOGIN-DELAY 900"]);
        let notes = quirks(&odd, &listing("2 300", &["1 100", "2 200", "x"], Some(&["1 a", "2 a"])));
        let starts = [
            "several messages have equal UIDs",
            "EXPIRE 0",
            "LOGIN-DELAY: at least 15m",
            "ignored lines of LIST or UIDL",
        ];
        assert_eq!(notes.len(), starts.len(), "{notes:?}");
        for (note, start) in notes.iter().zip(starts) {
            assert!(note.starts_with(start), "{note}");
        }
        let bare = quirks(&Capabilities::refused(), &listing("1 100", &["1 100"], None));
        assert!(bare[0].starts_with("no UIDL"), "{bare:?}");
    }

    #[test]
    fn what_is_new_and_what_is_left_is_counted() {
        let listing = listing("3 600", &["1 100", "2 200", "3 300"], Some(&["1 a", "2 b", "3 c"]));
        let large = Missing { number: 3, uid: None, reason: "too large".into(), chosen: true };
        let found = Preview { listed: 3, fetches: (2, 300), left: vec![large], ..Preview::default() };
        let mut page = Page::default();
        page.maildrop(&listing, Some(&found));
        assert_eq!(
            page.text("work"),
            "work\n  maildrop       3 messages, 600 B\n  archived       0 messages\n  \
             new            2 messages, 300 B\n  left           1 message larger than max_size\n"
        );
    }

    #[test]
    fn a_servers_text_is_escaped() {
        assert_eq!(offered(&capabilities(&["TOP", "X-\x1b[2J"])), "TOP, X-\\x1b[2J");
        assert_eq!(offered(&Capabilities::refused()), "unknown (the server has no CAPA)");
    }
}

//! popkeep keeps a local backup of POP3 mailboxes: run from cron, or once by hand, it logs into
//! each configured account, fetches what is not archived yet into a Maildir or an mbox,
//! deletes from the server what it may, and exits.
//!
//! # Floors
//!
//! Imports go downward only, and within a floor to the right; a test reads this table.
//!
//! | floor | rooms |
//! | --- | --- |
//! | top | [`commands`], [`progress`], [`cli`] |
//! | use case | [`fleet`] (many accounts), [`report`] (what the ledger knows of accounts), [`adopt`] (taking over from another program), [`export`] (copies for other programs), [`restore`] (archives to IMAP folders), [`copying`] (what all that copies out of archives does), [`serve`] (archives as maildrops), [`verify`] (an archive and its ledger), [`search`] (finding archived messages), [`discover`] (which server), [`fetch`] (one account), [`inventory`] (what of a listing is archived), [`account_error`] (what can go wrong) |
//! | decisions, pure | [`plan`] (what a fetch does with each message) |
//! | stateful, generic over the edges | [`connect`] (an account's session, logged in), [`oauth`] (signing in, and the tokens that come of it), [`store`] (an account's lock, ledger and archive), [`server`] (others' sessions with us), [`imap`] (appending to an IMAP folder), [`session`], [`sasl`], [`archive`], [`ledger`] |
//! | edges, the only I/O | [`config`], [`shell`], [`http`], [`net`], [`disk`] |
//! | ground, no I/O | [`pop3`], [`refusal`] (what a server's refusal means), [`receipt`], [`mail`], [`event`], [`text`], [`stop`], [`clock`], [`exit`] |
//!
//! # Promises
//!
//! 1. Nothing is lost: DELE takes a [`receipt::Receipt`], which is made only from a copy that was
//!    re-read from the disk and a sighting of the same message in the same session. (A person's DELE
//!    is a command that only the prompt of `session` can make: [`pop3::typed`].)
//! 2. Nothing comes twice: the ledger notes each step before the next, and recovery settles what
//!    a crash left between two of them.
//! 3. Octet for octet: only dot-stuffing, CRLF and the format's own quoting are undone or done.
//! 4. No silent gap: `listed == archived + removed + left + missing`, with a reason for each missing message;
//!    each run has looked at the archive before it calls anything archived.
//! 5. One bad thing stays one bad thing.
//! 6. Bounded: no line, list, message or stall of a server can exhaust memory or hang a run.
//! 7. Quiet in cron: nothing on success, one line per problem, a meaningful exit code.
//! 8. Secrets stay secret: a password is a type that cannot be printed.
//!
//! # One message's way
//!
//! [`session`] lists the maildrop (UIDL, LIST, STAT); [`plan`] says what is new or doubtful; RETR
//! brings octets, which [`pop3::dot`] unstuffs and [`mail::line_ends`] turns into the stored form;
//! a second thread hands them to the [`archive`], where they are hashed on their way into a file
//! in `tmp/`. At the end of a batch its data is synced, the ledger notes the *intent*, the files
//! are linked into `new/`, the folder is synced, and the ledger notes *stored*. If the
//! configuration says so, the copy is then re-read and compared, a receipt is issued, and DELE and
//! QUIT follow, with STAT before and after the DELEs: message numbers must mean what they meant when they were
//! listed. QUIT's `+OK` makes the row *deleted*.

pub mod account_error;
pub mod adopt;
pub mod archive;
pub mod cli;
pub mod clock;
pub mod commands;
pub mod config;
pub mod connect;
pub mod copying;
pub mod discover;
pub mod disk;
pub mod event;
pub mod exit;
pub mod export;
pub mod fetch;
pub mod fleet;
pub mod http;
pub mod imap;
pub mod inventory;
pub mod ledger;
pub mod mail;
pub mod net;
pub mod oauth;
pub mod plan;
pub mod pop3;
pub mod progress;
pub mod receipt;
pub mod refusal;
pub mod report;
pub mod restore;
pub mod sasl;
pub mod search;
pub mod serve;
pub mod server;
pub mod session;
pub mod shell;
pub mod stop;
pub mod store;
pub mod text;
pub mod verify;

//! The promises of popkeep, each tried on the built program the way a user meets it.
//!
//! One integration binary. Every test has a sandbox of its own (a home that is thrown away) and
//! servers of its own on loopback ports, so that the tests may run side by side.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]
#![allow(
    clippy::format_collect,
    clippy::format_push_string,
    reason = "a test may be slower than it is plain"
)]
#![allow(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "tests look at the disk and the wire with their own eyes"
)]

mod adopt;
mod ahead;
mod awkward_mail;
mod bad_input;
mod certificates;
mod channel_binding;
mod clock;
mod commands;
mod crash;
mod cron;
mod cut_anywhere;
mod dele_rules;
mod discover;
mod disk_problem;
mod documentation;
mod dovecot;
mod dry_run;
mod durability_order;
mod endless;
mod endless_listings;
mod every;
mod export;
mod farewell;
mod fetch;
mod file_dates;
mod file_systems;
mod first_minute;
mod fleet;
mod floors;
mod formats;
mod full_disk;
mod fuzz;
mod hostile_server;
mod imail;
mod imap;
mod init;
mod ledger_backup;
mod ledger_problem;
mod limits;
mod list;
mod log;
mod man;
mod mechanisms;
mod metrics;
mod migration;
mod mutations;
mod network;
mod not_now;
mod oauth;
mod odd_listings;
mod odd_replies;
mod older_ledger;
mod on_new_mail;
mod other_tools;
mod own_talk;
mod ownership;
mod parts;
mod pipelining_memory;
mod portions;
mod presence;
mod progress;
mod quarantine;
mod reconciliation;
mod refused_login;
mod renumbering;
mod report;
mod restore;
mod safeguards;
mod samples;
mod search;
mod secrets;
mod serve;
mod session;
mod session_deletes;
mod session_terminal;
mod show;
mod signals;
mod silence;
mod skip_headers;
mod stalls;
mod starved;
mod strangers;
mod support;
mod terminal;
mod two_at_once;
mod uid_rules;
mod undoubled_dot;
mod vanished_archive;
mod verify;

//! popkeep keeps a local backup of POP3 mailboxes.

pub mod archive;
pub mod cli;
pub mod commands;
pub mod config;
pub mod disk;
pub mod event;
pub mod exit;
pub mod fetch;
pub mod fleet;
pub mod ledger;
pub mod mail;
pub mod net;
pub mod plan;
pub mod pop3;
pub mod progress;
pub mod receipt;
pub mod sasl;
pub mod server;
pub mod session;

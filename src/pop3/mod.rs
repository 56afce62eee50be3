//! POP3 on the wire, pure: RFC 1939 with 2449 (CAPA), 2595 (STLS), 3206 (response codes), 5034
//! (AUTH) and 6856 (UTF8).
//!
//! ```text
//! command ──encode──► dialogue ◄──octets── server
//!                        │ Event
//!                        ├─► reply        status line, response code
//!                        │     └─► refusal  what a -ERR means
//!                        ├─► capability   lines of CAPA
//!                        ├─► listing      lines of LIST and UIDL, and STAT
//!                        └─► dot          messages, unstuffed
//! ```
//!
//! Promises: no I/O, no clock; no panic and no unbounded memory whatever a server sends.

pub mod capability;
pub mod command;
pub mod dialogue;
pub mod dot;
pub mod listing;
pub mod refusal;
pub mod reply;
pub mod typed;

/// The language of the transcripts that tests play.
#[cfg(test)]
#[path = "../../tests/it/support/transcript.rs"]
#[expect(dead_code, reason = "only the scripted server of tests/it answers from a listing")]
pub(crate) mod transcript;

//! POP3 on the wire, pure: RFC 1939, 2449, 2595, 5034.
pub mod capability;
pub mod command;
pub mod dialogue;
pub mod dot;
pub mod listing;
pub mod reply;

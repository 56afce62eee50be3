//! A small POP3 server: what `popkeep demo` fetches from, and what tests talk to.
//!
//! RFC 1939 with CAPA, PIPELINING, response codes (RFC 2449, RFC 3206), UIDL, TOP and AUTH PLAIN
//! (RFC 5034).
//!
//! Promises: it listens on a loopback address and nowhere else; messages are deleted at QUIT and
//! at no other moment; one session at a time has a maildrop; what a client sends, however odd,
//! can neither stop it nor make it hold more than a message and a few lines in memory; it is gone
//! when it is dropped.
//!
//! Must never: be offered to a network. There is no TLS here, and passwords are compared as they are.
//!
//! `dialog` and `transaction` are pure: octets in, octets out. `listener` is the socket.

mod dialog;
mod listener;
mod maildrop;
mod replies;
mod transaction;

pub use listener::Server;
pub use maildrop::Maildrop;

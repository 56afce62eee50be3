//! A POP3 server: what `popkeep serve` and `popkeep demo` offer, and what tests talk to.
//!
//! RFC 1939 with CAPA, PIPELINING, response codes (RFC 2449, RFC 3206), UIDL, TOP, STLS and TLS from the first octet
//! (RFC 2595, RFC 8314) where it has a certificate, AUTH PLAIN and SCRAM-SHA-256 (RFC 5034), and UTF8 (RFC 6856). There
//! are two kinds of maildrops: [`Maildrop`], in memory, where DELE is honoured and one session at a time is let in; and
//! whatever else is [`Served`], where it is for it to say. Nothing but the reply to DELE tells them apart.
//!
//! Promises: messages are deleted at QUIT and at no other moment; no password is taken in clear text but from this
//! machine, and its comparison tells nothing; refused logins are slowed, for all clients together; what a client sends,
//! however odd, can neither stop it nor make it hold more than a few lines and one piece of a message in memory, and
//! clients that do not log in cannot keep others out; it is gone when it is dropped.
//!
//! With UTF8 or without it messages go out as they are: RFC 6856, section 2.1, would have those with raw 8-bit headers
//! refused or changed for clients that did not say UTF8, and a person who wants the mail back is not served by that.
//!
//! `dialog` and `transaction` know no sockets: octets in, octets out. `sessions` has the connections.

mod dialog;
mod in_memory;
mod maildrop;
mod offers;
mod replies;
mod sessions;
mod transaction;

pub use in_memory::Maildrop;
pub use maildrop::{Closed, Deletion, NotGiven, OpenMaildrop, Served, Taker};
pub use offers::Offer;
pub use sessions::Server;

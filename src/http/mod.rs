//! HTTP, as far as signing in with OAuth2 needs it: a form is posted, and a browser comes back.
//!
//! Promises: https only, and http to a loopback address; TLS 1.2 or newer; the proxy is the one that is given, or none,
//! whatever the environment says; no redirect is followed; an answer has at most [`ANSWER_LIMIT`] octets and a request
//! ends in time. Nothing else uses the HTTP library. Must never: show a field, or an octet of an answer.

mod address;
mod callback;
mod client;
pub mod form;

pub use address::{AddressFault, check, host, origin};
pub use callback::{Callback, CallbackError, Reply};
pub use client::{ANSWER_LIMIT, Answer, Client, HttpError};

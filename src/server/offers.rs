//! What a server offers, and to whom.

use super::maildrop::Served;
use crate::net::ServerTls;
use crate::sasl::{Expected, Salt};
use secrecy::SecretString;
use std::io;
use std::sync::Arc;

/// A maildrop, and what its user has to know.
pub struct Offer {
    /// The maildrop.
    pub maildrop: Box<dyn Served>,
    /// The password.
    pub password: Arc<Expected>,
}

/// All that a server offers.
pub(super) struct Offers {
    all: Vec<Offer>,
    /// What the password of a user is compared with who does not exist.
    pub(super) nobody: Expected,
    /// For SCRAM.
    pub(super) salt: Salt,
    /// The certificate, if there is one.
    pub(super) tls: Option<ServerTls>,
}

impl Offers {
    pub(super) fn new(offers: Vec<Offer>, tls: Option<ServerTls>) -> io::Result<Offers> {
        let salt = Salt::new().map_err(io::Error::other)?;
        Ok(Offers { all: offers, nobody: Expected::new(SecretString::from("")), salt, tls })
    }

    /// What is offered to this user.
    pub(super) fn of(&self, user: &str) -> Option<&Offer> {
        self.all.iter().find(|offer| offer.maildrop.user() == user)
    }
}

//! `auth = "auto"`: which mechanisms to try, the strongest first.
//!
//! A password goes by SCRAM bound to the TLS channel, SCRAM, CRAM-MD5, APOP, PLAIN, LOGIN, USER/PASS, in
//! this order: those that keep the password to themselves come before those that send it. A token goes
//! by OAUTHBEARER, then XOAUTH2; a client certificate by EXTERNAL.
//!
//! APOP is never announced: a timestamp in the greeting is only a hint, and some servers send one and
//! cannot do APOP. So it is taken in clear text alone, where it keeps the password from listeners;
//! under TLS there are none.

use super::{Mechanism, SecretKind};
use crate::pop3::capability::Capabilities;

/// What can be done in this session.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "facts that do not depend on each other")]
pub struct Offer<'a> {
    /// What the server answered to CAPA.
    pub capabilities: &'a Capabilities,
    /// The greeting has a timestamp that APOP may use.
    pub apop: bool,
    /// The connection is encrypted.
    pub encrypted: bool,
    /// It has a channel binding.
    pub binding: bool,
    /// The secret itself may be sent.
    pub may_reveal: bool,
}

/// The mechanisms for a secret of this kind, the strongest first. A later one is for a server that says
/// that it does not know the ones before it, whatever it announced; never for a refused password.
pub fn candidates(kind: SecretKind, offer: &Offer<'_>) -> Vec<Mechanism> {
    Mechanism::ALL
        .into_iter()
        .filter(|mechanism| mechanism.takes() == kind && possible(*mechanism, offer))
        .collect()
}

fn possible(mechanism: Mechanism, offer: &Offer<'_>) -> bool {
    if mechanism.reveals_secret() && !offer.may_reveal {
        return false;
    }
    match mechanism {
        Mechanism::Apop => offer.apop && !offer.encrypted,
        // The last resort, even where CAPA does not have USER: some servers forget it there.
        Mechanism::User => true,
        // A server that cannot say what it offers is asked; there is no other way for these.
        Mechanism::External | Mechanism::XOAuth2 if !offer.capabilities.offered() => true,
        _ if mechanism.binds_channel() && !offer.binding => false,
        _ => offer.capabilities.offers_sasl(mechanism.name()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn capabilities(sasl: &str) -> Capabilities {
        let mut capabilities = Capabilities::answered();
        capabilities.push(format!("SASL {sasl}").as_bytes());
        capabilities
    }

    const EVERYTHING: &str = "LOGIN XOAUTH2 PLAIN SCRAM-SHA-1 CRAM-MD5 EXTERNAL SCRAM-SHA-256 OAUTHBEARER \
                              SCRAM-SHA-1-PLUS SCRAM-SHA-256-PLUS";

    fn names(kind: SecretKind, offer: &Offer<'_>) -> String {
        candidates(kind, offer).iter().map(|mechanism| mechanism.name()).collect::<Vec<_>>().join(" ")
    }

    fn over_tls(capabilities: &Capabilities) -> Offer<'_> {
        Offer { capabilities, apop: true, encrypted: true, binding: true, may_reveal: true }
    }

    #[test]
    fn the_strongest_comes_first() {
        let all = capabilities(EVERYTHING);
        assert_eq!(
            names(SecretKind::Password, &over_tls(&all)),
            "SCRAM-SHA-256-PLUS SCRAM-SHA-1-PLUS SCRAM-SHA-256 SCRAM-SHA-1 CRAM-MD5 PLAIN LOGIN USER/PASS"
        );
        assert_eq!(names(SecretKind::Token, &over_tls(&all)), "OAUTHBEARER XOAUTH2");
        assert_eq!(names(SecretKind::Certificate, &over_tls(&all)), "EXTERNAL");
    }

    #[test]
    fn only_what_is_offered() {
        let some = capabilities("PLAIN scram-sha-1");
        assert_eq!(names(SecretKind::Password, &over_tls(&some)), "SCRAM-SHA-1 PLAIN USER/PASS");
        assert_eq!(names(SecretKind::Token, &over_tls(&some)), "");
        assert_eq!(names(SecretKind::Certificate, &over_tls(&some)), "");
    }

    #[test]
    fn without_a_channel_binding_no_plus() {
        let all = capabilities(EVERYTHING);
        let ed25519 = Offer { binding: false, ..over_tls(&all) };
        assert!(names(SecretKind::Password, &ed25519).starts_with("SCRAM-SHA-256 SCRAM-SHA-1 "));
    }

    #[test]
    fn in_clear_text_nothing_that_sends_the_secret() {
        let all = capabilities(EVERYTHING);
        let exposed = Offer { encrypted: false, binding: false, may_reveal: false, ..over_tls(&all) };
        assert_eq!(names(SecretKind::Password, &exposed), "SCRAM-SHA-256 SCRAM-SHA-1 CRAM-MD5 APOP");
        assert_eq!(names(SecretKind::Token, &exposed), "");
        let allowed = Offer { may_reveal: true, ..exposed };
        assert!(names(SecretKind::Password, &allowed).ends_with(" APOP PLAIN LOGIN USER/PASS"));
    }

    #[test]
    fn a_server_without_capa() {
        let refused = Capabilities::refused();
        let old = over_tls(&refused);
        assert_eq!(names(SecretKind::Password, &old), "USER/PASS");
        let clear = Offer { encrypted: false, binding: false, ..old };
        assert_eq!(names(SecretKind::Password, &clear), "APOP USER/PASS");
        assert_eq!(names(SecretKind::Token, &old), "XOAUTH2");
        assert_eq!(names(SecretKind::Certificate, &old), "EXTERNAL");
    }
}

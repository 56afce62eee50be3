//! `auth = "auto"`: which mechanisms to try, the strongest first.
//!
//! A password goes by SCRAM bound to the TLS channel, SCRAM, CRAM-MD5, APOP, PLAIN, LOGIN, USER/PASS, in
//! this order: those that keep the password to themselves come before those that send it. A token goes
//! by OAUTHBEARER, then XOAUTH2; a client certificate by EXTERNAL.
//!
//! APOP is never announced: a timestamp in the greeting is only a hint, and some servers send one and
//! cannot do APOP. So it is taken in clear text alone, where it keeps the password from listeners;
//! under TLS there are none.

use super::{ChannelBinding, Mechanism, SecretKind};

/// What can be done in this session.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "facts that do not depend on each other")]
pub struct Offer<'a> {
    /// The SASL mechanisms that the server announces; `None` of one that cannot say.
    pub announced: Option<&'a [&'a str]>,
    /// The greeting has a timestamp that APOP may use.
    pub apop: bool,
    /// A command takes the name and the password as they are, without SASL: USER and PASS, or IMAP's LOGIN.
    pub user: bool,
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
        Mechanism::User => offer.user,
        // A server that cannot say what it offers is asked; there is no other way for these.
        Mechanism::External | Mechanism::XOAuth2 if offer.announced.is_none() => true,
        _ if mechanism.binds_channel() && !offer.binding => false,
        _ => announces(offer.announced, mechanism.name()),
    }
}

impl ChannelBinding {
    /// What `mechanism` is told of the connection's `tls-server-end-point` and of what the server announces
    /// (`None`: nothing is known of that).
    pub fn of(
        mechanism: Mechanism,
        end_point: Option<Vec<u8>>,
        announced: Option<&[&str]>,
    ) -> ChannelBinding {
        let Some(data) = end_point else { return ChannelBinding::Unavailable };
        if mechanism.binds_channel() {
            return ChannelBinding::ServerEndPoint(data);
        }
        let plus = |one: &Mechanism| one.binds_channel() && announces(announced, one.name());
        if announced.is_some() && !Mechanism::ALL.iter().any(plus) {
            ChannelBinding::NotOffered
        } else {
            ChannelBinding::Unavailable
        }
    }
}

/// Whether a mechanism is announced, in any case.
fn announces(announced: Option<&[&str]>, name: &str) -> bool {
    announced.unwrap_or_default().iter().any(|one| one.eq_ignore_ascii_case(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVERYTHING: [&str; 10] = [
        "LOGIN",
        "XOAUTH2",
        "PLAIN",
        "SCRAM-SHA-1",
        "CRAM-MD5",
        "EXTERNAL",
        "SCRAM-SHA-256",
        "OAUTHBEARER",
        "SCRAM-SHA-1-PLUS",
        "SCRAM-SHA-256-PLUS",
    ];

    fn names(kind: SecretKind, offer: &Offer<'_>) -> String {
        candidates(kind, offer).iter().map(|mechanism| mechanism.name()).collect::<Vec<_>>().join(" ")
    }

    fn over_tls<'a>(announced: &'a [&'a str]) -> Offer<'a> {
        let announced = Some(announced);
        Offer { announced, apop: true, user: true, encrypted: true, binding: true, may_reveal: true }
    }

    #[test]
    fn the_strongest_comes_first() {
        assert_eq!(
            names(SecretKind::Password, &over_tls(&EVERYTHING)),
            "SCRAM-SHA-256-PLUS SCRAM-SHA-1-PLUS SCRAM-SHA-256 SCRAM-SHA-1 CRAM-MD5 PLAIN LOGIN USER/PASS"
        );
        assert_eq!(names(SecretKind::Token, &over_tls(&EVERYTHING)), "OAUTHBEARER XOAUTH2");
        assert_eq!(names(SecretKind::Certificate, &over_tls(&EVERYTHING)), "EXTERNAL");
    }

    #[test]
    fn only_what_is_offered() {
        let some = ["PLAIN", "scram-sha-1"];
        assert_eq!(names(SecretKind::Password, &over_tls(&some)), "SCRAM-SHA-1 PLAIN USER/PASS");
        assert_eq!(names(SecretKind::Token, &over_tls(&some)), "");
        assert_eq!(names(SecretKind::Certificate, &over_tls(&some)), "");
        let without = Offer { user: false, ..over_tls(&some) };
        assert_eq!(names(SecretKind::Password, &without), "SCRAM-SHA-1 PLAIN");
    }

    #[test]
    fn without_a_channel_binding_no_plus() {
        let ed25519 = Offer { binding: false, ..over_tls(&EVERYTHING) };
        assert!(names(SecretKind::Password, &ed25519).starts_with("SCRAM-SHA-256 SCRAM-SHA-1 "));
    }

    #[test]
    fn in_clear_text_nothing_that_sends_the_secret() {
        let exposed = Offer { encrypted: false, binding: false, may_reveal: false, ..over_tls(&EVERYTHING) };
        assert_eq!(names(SecretKind::Password, &exposed), "SCRAM-SHA-256 SCRAM-SHA-1 CRAM-MD5 APOP");
        assert_eq!(names(SecretKind::Token, &exposed), "");
        let allowed = Offer { may_reveal: true, ..exposed };
        assert!(names(SecretKind::Password, &allowed).ends_with(" APOP PLAIN LOGIN USER/PASS"));
    }

    #[test]
    fn a_server_without_capa() {
        let old = Offer { announced: None, ..over_tls(&[]) };
        assert_eq!(names(SecretKind::Password, &old), "USER/PASS");
        let clear = Offer { encrypted: false, binding: false, ..old };
        assert_eq!(names(SecretKind::Password, &clear), "APOP USER/PASS");
        assert_eq!(names(SecretKind::Token, &old), "XOAUTH2");
        assert_eq!(names(SecretKind::Certificate, &old), "EXTERNAL");
    }
}

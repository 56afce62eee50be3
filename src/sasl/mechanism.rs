//! The ways to log in, and what each of them takes and gives away.

use std::fmt;

/// A way to log in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mechanism {
    /// SCRAM-SHA-256-PLUS (RFC 7677, channel binding RFC 5929).
    ScramSha256Plus,
    /// SCRAM-SHA-1-PLUS (RFC 5802).
    ScramSha1Plus,
    /// SCRAM-SHA-256 (RFC 7677).
    ScramSha256,
    /// SCRAM-SHA-1 (RFC 5802).
    ScramSha1,
    /// CRAM-MD5 (RFC 2195).
    CramMd5,
    /// APOP (RFC 1939, section 7); no SASL mechanism.
    Apop,
    /// PLAIN (RFC 4616).
    Plain,
    /// LOGIN, which was never standardised.
    Login,
    /// USER and PASS (RFC 1939, section 7); no SASL mechanism.
    User,
    /// EXTERNAL (RFC 4422, appendix A): the TLS client certificate says who it is.
    External,
    /// OAUTHBEARER (RFC 7628).
    OAuthBearer,
    /// XOAUTH2, the form of OAUTHBEARER before it was standardised.
    XOAuth2,
}

/// What a mechanism proves the identity with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SecretKind {
    /// A password.
    Password,
    /// An `OAuth` 2.0 access token.
    Token,
    /// Nothing of its own: the TLS client certificate.
    Certificate,
}

impl Mechanism {
    /// All of them. Those that take a password come in the order in which `auto` prefers them.
    pub const ALL: [Mechanism; 12] = [
        Mechanism::ScramSha256Plus,
        Mechanism::ScramSha1Plus,
        Mechanism::ScramSha256,
        Mechanism::ScramSha1,
        Mechanism::CramMd5,
        Mechanism::Apop,
        Mechanism::Plain,
        Mechanism::Login,
        Mechanism::User,
        Mechanism::External,
        Mechanism::OAuthBearer,
        Mechanism::XOAuth2,
    ];

    /// Its name, as people and SASL know it.
    pub fn name(self) -> &'static str {
        match self {
            Mechanism::ScramSha256Plus => "SCRAM-SHA-256-PLUS",
            Mechanism::ScramSha1Plus => "SCRAM-SHA-1-PLUS",
            Mechanism::ScramSha256 => "SCRAM-SHA-256",
            Mechanism::ScramSha1 => "SCRAM-SHA-1",
            Mechanism::CramMd5 => "CRAM-MD5",
            Mechanism::Apop => "APOP",
            Mechanism::Plain => "PLAIN",
            Mechanism::Login => "LOGIN",
            Mechanism::User => "USER/PASS",
            Mechanism::External => "EXTERNAL",
            Mechanism::OAuthBearer => "OAUTHBEARER",
            Mechanism::XOAuth2 => "XOAUTH2",
        }
    }

    /// Whether it is a SASL mechanism, which AUTH begins.
    pub fn is_sasl(self) -> bool {
        !matches!(self, Mechanism::Apop | Mechanism::User)
    }

    /// What it takes.
    pub fn takes(self) -> SecretKind {
        match self {
            Mechanism::External => SecretKind::Certificate,
            Mechanism::OAuthBearer | Mechanism::XOAuth2 => SecretKind::Token,
            _ => SecretKind::Password,
        }
    }

    /// Whether it sends the secret itself, so that it may be used only where nobody listens.
    pub fn reveals_secret(self) -> bool {
        matches!(
            self,
            Mechanism::Plain
                | Mechanism::Login
                | Mechanism::User
                | Mechanism::OAuthBearer
                | Mechanism::XOAuth2
        )
    }

    /// Whether it ties the login to the TLS connection.
    pub fn binds_channel(self) -> bool {
        matches!(self, Mechanism::ScramSha256Plus | Mechanism::ScramSha1Plus)
    }

    /// Whether what the client says first may stand on the line of AUTH. Of XOAUTH2 it may not: Office
    /// 365 takes it only as the answer to a challenge, and every server takes that.
    pub fn may_begin_with_response(self) -> bool {
        self != Mechanism::XOAuth2
    }
}

impl fmt::Display for Mechanism {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

//! Why there is no token, in words that say what to do.

use crate::config::SecretError;
use crate::exit::Exit;
use crate::http::HttpError;
use crate::stop::Stopped;
use crate::text::safe::escape;
use std::io;

/// Why there is no token. Text of a server is escaped, and has no secret in it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SignInError {
    /// Nobody has signed in. Exit 77.
    #[error(
        "{}; run `popkeep login {account}`",
        if *.otherwise { "the sign-in is for another client_id or token_url than the configuration has now" }
        else { "nobody has signed in yet" }
    )]
    NotSignedIn {
        /// The account.
        account: String,
        /// Somebody has, for another client or address.
        otherwise: bool,
    },
    /// The token is used up, and the provider gave nothing to renew it with. Exit 77.
    #[error("the sign-in is over, because the provider gave no refresh token; run `popkeep login {account}`")]
    CannotRenew {
        /// The account.
        account: String,
    },
    /// The provider wants a person. Exit 77.
    #[error("the provider ended the sign-in ({}); run `popkeep login {account}` ({cause})", said(.error, .description))]
    Refused {
        /// The account.
        account: String,
        /// `invalid_grant` or its kin.
        error: String,
        /// What the provider adds.
        description: String,
        /// Why that may be.
        cause: &'static str,
    },
    /// The person did not consent. Exit 77.
    #[error("the sign-in was denied ({}); run `popkeep login {account}` to try again", said(.error, .description))]
    Denied {
        /// The account.
        account: String,
        /// What the provider calls it.
        error: String,
        /// What the provider adds.
        description: String,
    },
    /// Nobody typed the code in time. Exit 77.
    #[error("the code was not used in time; run `popkeep login {account}` for a new one")]
    CodeExpired {
        /// The account.
        account: String,
    },
    /// Nobody came back from the browser in time. Exit 77.
    #[error(
        "nobody came back from the browser in {minutes} minutes; run `popkeep login {account}` again, with --paste if the browser is on another machine"
    )]
    NobodyCame {
        /// The account.
        account: String,
        /// How long popkeep waited.
        minutes: u64,
    },
    /// What came back from the browser does not answer what was asked. Exit 77.
    #[error("the answer from the browser cannot be used: {reason}; run `popkeep login {account}` again")]
    WrongAnswer {
        /// The account.
        account: String,
        /// Why.
        reason: String,
    },
    /// The provider has no such flow. Exit 78.
    #[error(
        "{account} cannot sign in with --{flow}, because {key} is not known; use another way, or set {key}"
    )]
    NoFlow {
        /// The account.
        account: String,
        /// The flow.
        flow: &'static str,
        /// The key of the address that it needs.
        key: &'static str,
    },
    /// The provider says "not now". Exit 75; 69 for a fault of its own.
    #[error("{host} did not give a token ({what}); popkeep keeps the sign-in, so run it again {}", later(*.retry_after))]
    NotNow {
        /// The host.
        host: String,
        /// What it said.
        what: String,
        /// After how many seconds.
        retry_after: Option<u64>,
        /// The server is out of order.
        broken: bool,
    },
    /// The provider said "not now" to an earlier run, and this one did not ask it. Exit 75.
    #[error(
        "{host} asked popkeep to wait before it asks for a token again; popkeep keeps the sign-in, so run it again in {seconds} s"
    )]
    AskedToWait {
        /// The host.
        host: String,
        /// After how many seconds.
        seconds: u64,
    },
    /// The answer is something else. Exit 69.
    #[error(
        "{host} answered with something other than a token ({what}); a network login page may be in the way, so \
         check that, then run popkeep again"
    )]
    NotAToken {
        /// The host.
        host: String,
        /// What it is.
        what: String,
    },
    /// No answer. Exit by its kind.
    #[error("cannot get a token: {0}")]
    Http(#[from] HttpError),
    /// No client secret. Exit by its kind.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// Another popkeep is renewing the sign-in. Exit 75.
    #[error(
        "another popkeep has been renewing the sign-in of {account} for too long; run popkeep again later"
    )]
    Locked {
        /// The account.
        account: String,
    },
    /// The token file or its folder. Exit 74.
    #[error("cannot use the token file {path}: {source}")]
    File {
        /// The file.
        path: String,
        /// What the system said.
        source: io::Error,
    },
    /// The token file cannot be understood. Exit 77.
    #[error("the token file {path} is damaged; run `popkeep login {account}`")]
    Damaged {
        /// The file.
        path: String,
        /// The account.
        account: String,
    },
    /// No port to come back to. Exit 69.
    #[error("cannot wait for the browser on {port}: {source}; set another redirect_port, or use --paste")]
    Port {
        /// The port.
        port: String,
        /// What the system said.
        source: io::Error,
    },
    /// Nothing can be shown or read. Exit 74.
    #[error("cannot show what the sign-in needs, or read the answer: {0}")]
    Person(#[source] io::Error),
    /// The system has no random numbers. Exit 74.
    #[error("the system gives no random numbers, so nobody can sign in")]
    NoRandomNumbers,
    /// A signal asked to stop.
    #[error(transparent)]
    Stopped(#[from] Stopped),
}

impl SignInError {
    /// Whether waiting and trying again may be all that is needed.
    pub fn is_temporary(&self) -> bool {
        match self {
            SignInError::NotNow { .. }
            | SignInError::AskedToWait { .. }
            | SignInError::NotAToken { .. }
            | SignInError::Locked { .. } => true,
            SignInError::Http(error) => error.exit().is_transient() || error.exit() == Exit::REFUSED,
            _ => false,
        }
    }

    /// For how many seconds the provider wants no further request, if it says so.
    pub(super) fn retry_after(&self) -> Option<u64> {
        match self {
            SignInError::NotNow { retry_after, .. } => *retry_after,
            _ => None,
        }
    }

    /// Whether nothing helps but a person who signs in.
    pub fn needs_person(&self) -> bool {
        matches!(
            self,
            SignInError::NotSignedIn { .. }
                | SignInError::CannotRenew { .. }
                | SignInError::Refused { .. }
                | SignInError::Damaged { .. }
        )
    }

    /// The exit code it calls for.
    pub fn exit(&self) -> Exit {
        match self {
            SignInError::NotSignedIn { .. }
            | SignInError::CannotRenew { .. }
            | SignInError::Refused { .. }
            | SignInError::Denied { .. }
            | SignInError::CodeExpired { .. }
            | SignInError::NobodyCame { .. }
            | SignInError::WrongAnswer { .. }
            | SignInError::Damaged { .. } => Exit::REFUSED,
            SignInError::NoFlow { .. } => Exit::CONFIG,
            SignInError::NotNow { broken: true, .. }
            | SignInError::NotAToken { .. }
            | SignInError::Port { .. } => Exit::UNAVAILABLE,
            SignInError::NotNow { broken: false, .. }
            | SignInError::AskedToWait { .. }
            | SignInError::Locked { .. } => Exit::TRY_LATER,
            SignInError::Http(error) => error.exit(),
            SignInError::Secret(error) => error.exit(),
            SignInError::File { .. } | SignInError::Person(_) | SignInError::NoRandomNumbers => Exit::IO,
            SignInError::Stopped(stopped) => stopped.exit,
        }
    }
}

/// The longest text of a provider that is shown, in characters. Microsoft's go on with trace ids.
const LONGEST: usize = 200;

/// A provider's words, safe for a terminal and not too long.
pub(super) fn shown(text: &str) -> String {
    let line = text.split(['\r', '\n']).next().unwrap_or_default();
    let mut short: String = line.chars().take(LONGEST).collect();
    if short.len() < line.len() {
        short.push('…');
    }
    escape(short.as_bytes())
}

/// An error and what the provider adds to it.
pub(super) fn said(error: &str, description: &str) -> String {
    if description.is_empty() { error.to_owned() } else { format!("{error}: “{description}”") }
}

fn later(retry_after: Option<u64>) -> String {
    match retry_after {
        Some(seconds) => format!("in {seconds} s"),
        None => "later".to_owned(),
    }
}

//! What is known of an account's OAuth2 sign-in without asking anybody.

use crate::config::Account;
use crate::ledger::UnixTime;
use crate::oauth::{self, SignIn};
use crate::progress::wording::{printable, rfc3339};
use serde::Serialize;

/// The sign-in of an account that has `[oauth]`.
#[derive(Debug)]
pub(in crate::commands) enum SignInStatus {
    /// Nobody has signed in yet, or with another client.
    Missing,
    /// Somebody has.
    SignedIn(SignIn),
    /// The token file cannot be read.
    Unreadable(String),
}

/// As `--json` shows it. Times are RFC 3339.
#[derive(Debug, Serialize)]
pub(super) struct SignInDocument {
    since: Option<String>,
    refreshed: Option<String>,
    ends: Option<String>,
    needs_person: bool,
    problem: Option<String>,
}

impl SignInStatus {
    /// `None` if the account does not sign in with OAuth2.
    pub(in crate::commands) fn of(account: &Account) -> Option<Self> {
        account.access.oauth()?;
        Some(match oauth::signed_in(&account.access) {
            Ok(Some(sign_in)) => SignInStatus::SignedIn(sign_in),
            Ok(None) => SignInStatus::Missing,
            Err(error) => SignInStatus::Unreadable(error.to_string()),
        })
    }

    /// Whether no run can log in before a person has done something.
    pub(in crate::commands) fn needs_person(&self) -> bool {
        match self {
            SignInStatus::Missing | SignInStatus::Unreadable(_) => true,
            SignInStatus::SignedIn(sign_in) => {
                sign_in.problem.as_ref().is_some_and(|problem| problem.needs_person)
            }
        }
    }

    /// When the provider last gave a token.
    pub(in crate::commands) fn refreshed(&self) -> Option<UnixTime> {
        match self {
            SignInStatus::SignedIn(sign_in) => sign_in.refreshed,
            SignInStatus::Missing | SignInStatus::Unreadable(_) => None,
        }
    }

    /// When a person has to sign in again, if the provider has said so.
    pub(in crate::commands) fn ends(&self) -> Option<UnixTime> {
        match self {
            SignInStatus::SignedIn(sign_in) => sign_in.ends,
            SignInStatus::Missing | SignInStatus::Unreadable(_) => None,
        }
    }

    /// In words, a line each.
    pub(super) fn lines(&self, name: &str, when: impl Fn(UnixTime) -> String) -> Vec<String> {
        let command = format!("popkeep login {name}");
        match self {
            SignInStatus::Missing => vec![format!("needed: run `{command}`")],
            SignInStatus::Unreadable(why) => vec![printable(why)],
            SignInStatus::SignedIn(sign_in) => {
                let at = |time: Option<UnixTime>| time.map_or_else(|| "an unknown time".to_owned(), &when);
                let (since, refreshed) = (at(sign_in.since), at(sign_in.refreshed));
                let ends = sign_in.ends.map(|at| format!(", ends {}", when(at))).unwrap_or_default();
                let mut lines = vec![format!("since {since}, refreshed {refreshed}{ends}")];
                if let Some(problem) = &sign_in.problem {
                    lines.push(format!(
                        "failed since {}: {}",
                        when(problem.since),
                        printable(&problem.words)
                    ));
                }
                lines
            }
        }
    }

    pub(super) fn document(&self) -> SignInDocument {
        let (since, refreshed, problem) = match self {
            SignInStatus::Missing => (None, None, None),
            SignInStatus::Unreadable(why) => (None, None, Some(why.as_str())),
            SignInStatus::SignedIn(sign_in) => (
                sign_in.since.and_then(rfc3339),
                sign_in.refreshed.and_then(rfc3339),
                sign_in.problem.as_ref().map(|problem| problem.words.as_str()),
            ),
        };
        SignInDocument {
            since,
            refreshed,
            ends: self.ends().and_then(rfc3339),
            needs_person: self.needs_person(),
            problem: problem.map(printable),
        }
    }
}

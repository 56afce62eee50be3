//! What a server's refusal means, whatever the protocol: not now, not this password, not this mechanism, or
//! something that needs a person.
//!
//! Where a protocol has a code for it, its own room asks that first; what is left are words, which `words` knows.
//! Must never: take a locked maildrop or a provider's limit for a wrong password.

mod words;

pub(crate) use words::Words;

/// What a refusal means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// It may work later, with nothing changed.
    NotNow(NotNow),
    /// The server is broken until a person there mends it (`[SYS/PERM]`).
    Broken,
    /// The user name or the password is wrong, or the account is shut.
    Credentials,
    /// The server does not know or not allow this way to log in.
    Mechanism,
    /// The server did not understand the command as it was written.
    Form,
    /// The server did not say what it means.
    Unclear,
}

/// Why not now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotNow {
    /// Another session holds the maildrop.
    InUse,
    /// The last login was too short a time ago.
    LoginDelay,
    /// The account has used up what the provider allows it in a day, an hour or at once.
    Limit,
    /// The server is busy, or having a problem that passes.
    Problem,
}

impl NotNow {
    /// What a person can do.
    pub fn advice(self) -> &'static str {
        match self {
            NotNow::InUse => {
                "another session has locked the mailbox; close other mail programs, or try again later (`popkeep fetch \
                 --wait 2m` waits for it)"
            }
            NotNow::LoginDelay => "the server wants more time between logins; run popkeep less often",
            NotNow::Limit => {
                "the provider limits how much or how often; what has arrived is kept, and a later run continues; \
                 if this happens often, run popkeep less often"
            }
            NotNow::Problem => "the server has a temporary problem; try again later",
        }
    }
}

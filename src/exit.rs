//! Exit codes: what a script learns from a run.
//!
//! The numbers follow `sysexits.h` where one fits. They are a promise to scripts: a code never
//! changes its meaning.

/// What the process ends with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Exit(u8);

impl Exit {
    /// Every listed message is archived (or the command did what it was asked to).
    pub const OK: Exit = Exit(0);
    /// Some messages are missing from the archive, or `status` found an account stale.
    pub const MISSING: Exit = Exit(1);
    /// The command line is wrong, or it names an account that is not configured.
    pub const USAGE: Exit = Exit(64);
    /// Data that popkeep itself wrote is damaged.
    pub const DATA: Exit = Exit(65);
    /// The server's host name is not known.
    pub const NO_HOST: Exit = Exit(68);
    /// The server could not be reached, or went away.
    pub const UNAVAILABLE: Exit = Exit(69);
    /// The archive cannot be written, or is not where it was.
    pub const CANT_CREATE: Exit = Exit(73);
    /// Reading or writing failed.
    pub const IO: Exit = Exit(74);
    /// Not now: the maildrop is locked, the server said "later", or another popkeep is at work.
    pub const TRY_LATER: Exit = Exit(75);
    /// The other side does not speak POP3 as it must.
    pub const PROTOCOL: Exit = Exit(76);
    /// The login was refused, or the server's certificate is not trusted.
    pub const REFUSED: Exit = Exit(77);
    /// The configuration is wrong.
    pub const CONFIG: Exit = Exit(78);
    /// Ended by SIGINT.
    pub const INTERRUPTED: Exit = Exit(130);
    /// Ended by SIGTERM.
    pub const TERMINATED: Exit = Exit(143);

    /// The number the shell sees.
    pub const fn code(self) -> u8 {
        self.0
    }

    /// Whether this is [`Exit::OK`].
    pub const fn is_ok(self) -> bool {
        self.0 == 0
    }

    /// Whether waiting and trying again may be all that is needed: 68, 69 and 75.
    pub const fn is_transient(self) -> bool {
        matches!(self.0, 68 | 69 | 75)
    }

    /// One code for several outcomes: a signal wins; all well is 0; a code that all failures
    /// share is that code; a mix of transient ones (68, 69, 75) is 75; anything else is 1.
    pub fn merge(outcomes: impl IntoIterator<Item = Exit>) -> Exit {
        let mut merged = Exit::OK;
        for next in outcomes {
            merged = match (merged, next) {
                (a, b) if a == b || b.is_ok() => a,
                (a, b) if a.is_ok() => b,
                (signal @ (Exit::INTERRUPTED | Exit::TERMINATED), _)
                | (_, signal @ (Exit::INTERRUPTED | Exit::TERMINATED)) => signal,
                (a, b) if a.is_transient() && b.is_transient() => Exit::TRY_LATER,
                _ => Exit::MISSING,
            };
        }
        merged
    }
}

impl From<Exit> for std::process::ExitCode {
    fn from(exit: Exit) -> Self {
        std::process::ExitCode::from(exit.0)
    }
}

#[cfg(test)]
mod tests {
    use super::Exit;

    #[test]
    fn outcomes_merge_as_documented() {
        let merge = |codes: &[Exit]| Exit::merge(codes.iter().copied());
        assert_eq!(merge(&[]), Exit::OK);
        assert_eq!(merge(&[Exit::OK, Exit::REFUSED, Exit::OK]), Exit::REFUSED);
        assert_eq!(merge(&[Exit::REFUSED, Exit::REFUSED]), Exit::REFUSED);
        assert_eq!(merge(&[Exit::NO_HOST, Exit::UNAVAILABLE]), Exit::TRY_LATER);
        assert_eq!(merge(&[Exit::NO_HOST, Exit::TRY_LATER, Exit::UNAVAILABLE]), Exit::TRY_LATER);
        assert_eq!(merge(&[Exit::REFUSED, Exit::UNAVAILABLE]), Exit::MISSING);
        assert_eq!(merge(&[Exit::UNAVAILABLE, Exit::REFUSED, Exit::UNAVAILABLE]), Exit::MISSING);
        assert_eq!(merge(&[Exit::REFUSED, Exit::INTERRUPTED, Exit::OK]), Exit::INTERRUPTED);
        assert_eq!(merge(&[Exit::TERMINATED, Exit::MISSING]), Exit::TERMINATED);
    }
}

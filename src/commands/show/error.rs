//! Why a message cannot be shown.

use crate::exit::Exit;
use crate::mail::id::SHORTEST;
use crate::search::Hit;
use crate::text::safe::escape;
use std::io;

/// What is wrong; the text says what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ShowError {
    /// What was given is no ID. Exit 64.
    #[error(
        "{given:?} is no message ID; it has at least {SHORTEST} digits from 0 to 9 and a to f, as popkeep search prints them"
    )]
    NoId {
        /// What was given.
        given: String,
    },
    /// No message has this ID. Exit 1, or that of an account that could not be searched.
    #[error("no archived message has the ID {id}; popkeep search shows those there are")]
    Unknown {
        /// The ID.
        id: String,
        /// The exit code.
        exit: Exit,
    },
    /// Several messages do. Exit 64.
    #[error("several messages have an ID that begins with {id}: {}; give more digits", among.join(", "))]
    Ambiguous {
        /// The ID.
        id: String,
        /// What is known of each.
        among: Vec<String>,
    },
    /// Its copy went meanwhile. Exit 1.
    #[error("the message is no longer there: {place}; try again")]
    Gone {
        /// Where it was.
        place: String,
    },
    /// Its copy cannot be read. Exit 74.
    #[error("cannot read {place} ({source}); check the file and its disk")]
    Read {
        /// Where it is.
        place: String,
        /// What the system said.
        source: io::Error,
    },
    /// It is too complex to have its attachments taken out. Exit 65.
    #[error("the message has more parts than popkeep looks at; save it with show --raw")]
    TooComplex,
    /// An attachment cannot be written. Exit 73.
    #[error("cannot write {path} ({source}); what was saved before it is there")]
    Write {
        /// Where.
        path: String,
        /// What the system said.
        source: io::Error,
    },
}

impl ShowError {
    pub(super) fn ambiguous(id: &str, hits: &[Hit], digits: usize) -> ShowError {
        let mut among: Vec<String> = Vec::new();
        for hit in hits {
            let subject = hit.subject.as_deref().unwrap_or("-");
            let line = format!("{} ({})", hit.id.digits(digits), escape(subject.as_bytes()));
            if !among.contains(&line) {
                among.push(line);
            }
        }
        ShowError::Ambiguous { id: id.to_owned(), among }
    }

    /// The exit code it calls for.
    pub fn exit(&self) -> Exit {
        match self {
            ShowError::NoId { .. } | ShowError::Ambiguous { .. } => Exit::USAGE,
            ShowError::Unknown { exit, .. } => *exit,
            ShowError::Gone { .. } => Exit::MISSING,
            ShowError::Read { .. } => Exit::IO,
            ShowError::TooComplex => Exit::DATA,
            ShowError::Write { .. } => Exit::CANT_CREATE,
        }
    }
}

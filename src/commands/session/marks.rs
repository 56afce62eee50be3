//! The deletion marks of a session, and what becomes of them.

use crate::progress::wording::{messages, ranges};
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Marks that a signal's thread can tell of, too.
#[derive(Clone, Debug, Default)]
pub(super) struct Marks(Arc<Mutex<Marked>>);

#[derive(Debug, Default)]
struct Marked {
    /// Numbers of the messages whose DELE the server has accepted.
    numbers: BTreeSet<u32>,
    /// QUIT was sent, and no answer has come.
    quitting: bool,
}

impl Marks {
    fn state(&self) -> MutexGuard<'_, Marked> {
        // A set of numbers is whole whatever a thread that panicked was doing.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// DELE was accepted.
    pub(super) fn set(&self, number: u32) {
        self.state().numbers.insert(number);
    }

    /// RSET was accepted, or QUIT.
    pub(super) fn clear(&self) {
        *self.state() = Marked::default();
    }

    /// QUIT is being sent.
    pub(super) fn quitting(&self) {
        self.state().quitting = true;
    }

    /// The messages marked, by number.
    pub(super) fn numbers(&self) -> BTreeSet<u32> {
        self.state().numbers.clone()
    }

    /// What a person sees before what they type.
    pub(super) fn prompt(&self, account: &str) -> String {
        match self.state().numbers.len() {
            0 => format!("{account}> "),
            marked => format!("{account} [{marked} marked]> "),
        }
    }

    /// What stands under a listing, which leaves marked messages out; `None` when none is marked.
    pub(super) fn unlisted(&self) -> Option<String> {
        let state = self.state();
        let numbers = ranges(state.numbers.iter().copied());
        (!numbers.is_empty())
            .then(|| format!("marked for deletion: {numbers} (QUIT deletes them, RSET unmarks them)"))
    }

    /// What becomes of the marks when the session ends here.
    pub(super) fn fate(&self) -> String {
        let Marked { numbers, quitting } = &*self.state();
        let marked = messages(numbers.len() as u64);
        let which = ranges(numbers.iter().copied());
        match (numbers.is_empty(), quitting) {
            (true, _) => "nothing was marked for deletion".to_owned(),
            (false, true) => {
                format!(
                    "it is unknown whether the server deleted {marked} ({which}); the next fetch looks again"
                )
            }
            (false, false) => format!(
                "a server that follows RFC 1939 then keeps everything, so the deletion of {marked} ({which}) \
                 is not carried out"
            ),
        }
    }

    /// The same for a session that was left without QUIT.
    pub(super) fn left(&self) -> String {
        format!("left without QUIT: {}", self.fate())
    }
}

#[cfg(test)]
mod tests {
    use super::Marks;

    #[test]
    fn marks_are_shown_and_their_fate_is_told() {
        let marks = Marks::default();
        assert_eq!(marks.prompt("work"), "work> ");
        assert_eq!(marks.unlisted(), None);
        assert_eq!(marks.left(), "left without QUIT: nothing was marked for deletion");
        for number in [5, 2, 6] {
            marks.set(number);
        }
        assert_eq!(marks.prompt("work"), "work [3 marked]> ");
        assert!(marks.unlisted().unwrap().starts_with("marked for deletion: 2, 5-6 ("));
        assert!(
            marks.left().contains("then keeps everything, so the deletion of 3 messages (2, 5-6) is not")
        );
        marks.quitting();
        assert!(marks.fate().contains("whether the server deleted 3 messages (2, 5-6)"));
        marks.clear();
        assert!(marks.numbers().is_empty());
        assert_eq!(marks.prompt("work"), "work> ");
    }
}

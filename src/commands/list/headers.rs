//! The header of each message, through TOP.

use crate::mail::caption::Caption;
use crate::mail::headers::Reader;
use crate::pop3::listing::Listing;
use crate::session::headers::{self, Heard};
use crate::session::{Session, SessionError, Transaction};
use crate::text::safe::escape;
use std::ops::ControlFlow;

/// So often a server is asked that has refused TOP each time. Some count what they do not know, and hang up.
const ATTEMPTS: usize = 2;

/// Why a header is not known where a server does not answer TOP, or hangs up at it.
const SILENT: &str = "unknown: the server does not answer TOP";

/// Calls `told` for each message, in order, with what its header says or why that is not known, until it says
/// `Break`. A server that is known to be `silent` at TOP, or is so from the first, is not asked again. On an error the messages not told of are those whose headers did not come.
pub(super) fn each(
    session: &mut Session<Transaction>,
    listing: &Listing,
    silent: bool,
    told: &mut dyn FnMut(Result<Caption, String>) -> ControlFlow<()>,
) -> Result<(), SessionError> {
    let mut captions =
        Captions { reader: Reader::new(), has_top: false, flow: ControlFlow::Continue(()), told };
    let mut numbers = listing.iter().map(|entry| entry.number);
    let attempts = if silent { 0 } else { ATTEMPTS };
    let mut why = if silent { SILENT } else { "skipped: the server refuses TOP" };
    for first in numbers.by_ref().take(attempts) {
        match headers::ask(session, [first], &mut |heard| captions.hear(heard)) {
            Err(error) if error.silence() == Some("TOP") => {
                captions.tell(Err(SILENT.to_owned()));
                why = SILENT;
                break;
            }
            outcome => outcome?,
        }
        if captions.has_top {
            return headers::ask(session, numbers, &mut |heard| captions.hear(heard));
        }
    }
    for _ in numbers {
        captions.tell(Err(why.to_owned()));
    }
    Ok(())
}

/// What is heard, message by message.
struct Captions<'t> {
    reader: Reader,
    /// A header has come.
    has_top: bool,
    flow: ControlFlow<()>,
    told: &'t mut dyn FnMut(Result<Caption, String>) -> ControlFlow<()>,
}

impl Captions<'_> {
    fn hear(&mut self, heard: Heard<'_>) -> ControlFlow<()> {
        match heard {
            Heard::Octets(octets) => self.reader.update(octets),
            Heard::End => {
                self.has_top = true;
                let header = std::mem::take(&mut self.reader).into_header();
                self.tell(Ok(Caption::of(&header)));
            }
            Heard::Refused(reply) => {
                self.tell(Err(format!("the server refused TOP: “{}”", escape(reply.text()))));
            }
        }
        self.flow
    }

    fn tell(&mut self, caption: Result<Caption, String>) {
        if self.flow.is_continue() {
            self.flow = (self.told)(caption);
        }
    }
}

//! Draws a run's events on stderr: bars on a terminal, plain lines elsewhere, or nothing.
//!
//! Promises: never slows the core (an event costs a few atomic operations; drawing is limited to
//! some times a second); nothing that a server said is shown raw; a line is written in one piece,
//! whichever threads speak. Must never: write to stdout.

mod bars;
mod lines;
pub mod reading;
pub mod stderr;
pub mod wording;

use crate::event::{Event, Looking, Observer, Side, Summary};
use crate::exit::Exit;
use crate::text::figures::counted;
use crate::text::safe::escape;
use bars::Bars;
use lines::Lines;
use stderr::{Level, Line};

/// What is shown while a run goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// Bars that become each account's summary.
    Bars,
    /// A line when an account begins to fetch and lines when it ends; with `regular`, one every
    /// few seconds besides.
    Lines {
        /// Lines while fetching.
        regular: bool,
    },
    /// Only each account's summary.
    Summaries,
    /// Nothing at all.
    Nothing,
}

/// How much is told besides progress.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Detail {
    /// What a person should know.
    #[default]
    Usual,
    /// And each step (`-v`).
    Steps,
    /// And each line of the protocol (`-vv`).
    Protocol,
}

impl Detail {
    /// From the number of `-v`.
    pub fn from_count(count: u8) -> Self {
        match count {
            0 => Detail::Usual,
            1 => Detail::Steps,
            _ => Detail::Protocol,
        }
    }
}

/// The observer that draws.
pub struct Progress {
    display: Display,
    detail: Detail,
}

enum Display {
    Nothing,
    Lines(Lines),
    Bars(Bars),
}

impl Progress {
    /// For a run over the accounts of these names.
    pub fn new<'a>(style: Style, detail: Detail, accounts: impl Iterator<Item = &'a str>) -> Self {
        // Among steps, the plan is told as one of them.
        let announce = detail == Detail::Usual;
        let display = match style {
            Style::Nothing => Display::Nothing,
            Style::Bars => Display::Bars(Bars::new(accounts)),
            Style::Lines { regular } => Display::Lines(Lines::new(accounts, announce, regular)),
            Style::Summaries => Display::Lines(Lines::new(accounts, false, false)),
        };
        if detail == Detail::Protocol && style != Style::Nothing {
            stderr::say(&[(Level::Debug, wording::version())]);
        }
        Self { display, detail }
    }

    /// Lines about an account, between whatever is drawn.
    fn say(&self, lines: &[Line]) {
        match &self.display {
            Display::Nothing => {}
            Display::Lines(_) => stderr::say(lines),
            Display::Bars(bars) => bars.say(lines),
        }
    }
}

impl Observer for Progress {
    fn event(&self, account: &str, event: Event<'_>) {
        match &self.display {
            Display::Nothing => return,
            Display::Lines(lines) => lines.event(account, &event),
            Display::Bars(bars) => bars.event(account, &event),
        }
        if let Event::Finished(summary) = &event {
            self.say(&ending(summary));
        } else if let Some(line) = told(account, &event, self.detail) {
            self.say(&[line]);
        }
    }
}

/// The lines that tell how an account's run ended.
fn ending(summary: &Summary) -> Vec<Line> {
    let account = &summary.account;
    let mut lines = Vec::new();
    lines.extend(wording::summary(summary).map(|line| (Level::Info, format!("{account}: {line}"))));
    lines.extend(wording::remarks(summary).iter().map(|line| (Level::Notice, format!("{account}: {line}"))));
    lines.extend(
        wording::warnings(summary).map(|line| (Level::Warning, format!("popkeep: {account}: {line}"))),
    );
    let level = problem(summary.exit);
    lines
        .extend(wording::problems(summary).iter().map(|line| (level, format!("popkeep: {account}: {line}"))));
    lines
}

/// How much it matters that a run ended so.
pub fn problem(exit: Exit) -> Level {
    if exit.is_transient() { Level::Warning } else { Level::Error }
}

/// The line that tells of an event at this level of detail, if any does.
fn told(account: &str, event: &Event<'_>, detail: Detail) -> Option<Line> {
    let (level, text) = match event {
        Event::Note(note) => (Level::Notice, wording::printable(note)),
        Event::Looking(Looking { done: 0, all, in_octets }) => {
            let what = if *in_octets { wording::size(*all) } else { counted(*all, "file") };
            (
                Level::Notice,
                format!("first look at the archive: reading {what} that the ledger does not know"),
            )
        }
        Event::Started => (Level::Info, "connecting".to_owned()),
        Event::Connected { encrypted: true } => (Level::Info, "connected, TLS on".to_owned()),
        Event::Connected { encrypted: false } => (Level::Info, "connected, in clear text".to_owned()),
        Event::LoggedIn => (Level::Info, "logged in".to_owned()),
        Event::Planned { listed, to_fetch, octets } => {
            let (listed, octets) = (wording::messages(*listed), wording::size(*octets));
            (Level::Info, format!("{listed} listed, {to_fetch} to fetch ({octets})"))
        }
        Event::Deleted { messages } => {
            (Level::Info, format!("the server confirmed {} as deleted", wording::messages(*messages)))
        }
        Event::Trace { side, line } if detail >= Detail::Protocol => {
            let side = match side {
                Side::Client => 'C',
                Side::Server => 'S',
            };
            return Some((Level::Debug, format!("{account} {side}: {}", escape(line))));
        }
        _ => return None,
    };
    let needed = if level == Level::Notice { Detail::Usual } else { Detail::Steps };
    (detail >= needed).then(|| (level, format!("{account}: {text}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Missing, Outcome};

    fn summary() -> Summary {
        Summary {
            account: "work".to_owned(),
            outcome: Outcome::Partial,
            exit: Exit::MISSING,
            error: None,
            listed: 3,
            archived: 1,
            fetched: 1,
            octets: 2048,
            deleted: 0,
            removed: 0,
            kept_no_copy: 0,
            kept_octets: 0,
            missing: vec![
                Missing { number: 1, uid: None, reason: "larger than max_size".into(), chosen: true },
                Missing { number: 3, uid: None, reason: "-ERR gone".into(), chosen: false },
            ],
            warnings: Vec::new(),
            certificate_ends: None,
            free: None,
            told: crate::event::Told::default(),
            seconds: 0.1,
        }
    }

    #[test]
    fn the_end_of_an_account_is_its_reconciliation() {
        assert_eq!(
            ending(&summary()),
            [
                (
                    Level::Info,
                    "work: 3 listed, 1 archived, 1 fetched (2.0 KiB), 0 deleted, 1 left, 1 missing"
                ),
                (Level::Notice, "work: message 1 left on the server: larger than max_size"),
                (Level::Error, "popkeep: work: message 3 missing from the archive: -ERR gone"),
            ]
            .map(|(level, line)| (level, line.to_owned()))
        );
    }

    #[test]
    fn steps_are_told_with_v_and_the_protocol_with_vv() {
        let step = Event::LoggedIn;
        let line = Event::Trace { side: Side::Client, line: b"RETR 1\x07" };
        let note = Event::Note("delete is new here");
        let tell =
            |event: &Event<'_>, count| told("work", event, Detail::from_count(count)).map(|line| line.1);
        assert_eq!(tell(&step, 0), None);
        assert_eq!(tell(&step, 1).unwrap(), "work: logged in");
        assert_eq!(tell(&line, 1), None);
        assert_eq!(tell(&line, 2).unwrap(), "work C: RETR 1\\x07");
        assert_eq!(tell(&note, 0).unwrap(), "work: delete is new here");
    }

    #[test]
    fn any_order_of_events_from_any_thread_is_drawn_without_a_panic() {
        let styles = [Style::Nothing, Style::Summaries, Style::Lines { regular: true }, Style::Bars];
        for style in styles {
            let progress = Progress::new(style, Detail::Usual, ["work", "home"].into_iter());
            std::thread::scope(|scope| {
                for account in ["work", "home", "unknown"] {
                    let progress = &progress;
                    scope.spawn(move || {
                        progress.event(account, Event::Received { octets: 10 });
                        progress.event(account, Event::Started);
                        progress.event(account, Event::Connected { encrypted: true });
                        progress.event(account, Event::LoggedIn);
                        for octets in [0, 100] {
                            progress.event(account, Event::Planned { listed: 9, to_fetch: 9, octets });
                        }
                        progress.event(account, Event::Received { octets: 1000 });
                        progress.event(account, Event::Stored { messages: 9 });
                        progress.event(account, Event::Marked);
                        progress.event(account, Event::Deleted { messages: 1 });
                    });
                }
            });
        }
    }
}

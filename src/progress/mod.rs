//! Draws a run's events on stderr: bars on a terminal, plain lines elsewhere, or nothing.
//!
//! Promises: never slows the core (an event costs a few atomic operations; drawing is limited to
//! some times a second); nothing that a server said is shown raw; a line is written in one piece,
//! whichever threads speak. Must never: write to stdout.

mod bars;
mod lines;
pub mod wording;

use crate::event::{Event, Observer, Side, Summary};
use crate::mail::safe_text::escape;
use bars::Bars;
use lines::Lines;

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
        let display = match style {
            Style::Nothing => Display::Nothing,
            Style::Bars => Display::Bars(Bars::new(accounts)),
            Style::Lines { regular } => Display::Lines(Lines::new(accounts, true, regular)),
            Style::Summaries => Display::Lines(Lines::new(accounts, false, false)),
        };
        Self { display, detail }
    }

    /// A line about an account, between whatever is drawn.
    fn say(&self, line: &str) {
        match &self.display {
            Display::Nothing => {}
            Display::Lines(lines) => lines.say(line),
            Display::Bars(bars) => bars.say(line),
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
            for line in ending(summary) {
                self.say(&line);
            }
        } else if let Some(line) = told(account, &event, self.detail) {
            self.say(&line);
        }
    }
}

/// The lines that tell how an account's run ended.
fn ending(summary: &Summary) -> Vec<String> {
    let account = &summary.account;
    let mut lines = Vec::new();
    lines.extend(wording::summary(summary).map(|line| format!("{account}: {line}")));
    lines.extend(wording::remarks(summary).iter().map(|line| format!("{account}: {line}")));
    lines.extend(wording::troubles(summary).iter().map(|line| format!("popkeep: {account}: {line}")));
    lines
}

/// The line that tells of an event at this level of detail, if any does.
fn told(account: &str, event: &Event<'_>, detail: Detail) -> Option<String> {
    let (needed, text) = match event {
        Event::Note(note) => (Detail::Usual, wording::printable(note)),
        Event::Started => (Detail::Steps, "connecting".to_owned()),
        Event::Connected { encrypted: true } => (Detail::Steps, "connected, TLS on".to_owned()),
        Event::Connected { encrypted: false } => (Detail::Steps, "connected, in clear text".to_owned()),
        Event::LoggedIn => (Detail::Steps, "logged in".to_owned()),
        Event::Planned { listed, to_fetch, octets } => (
            Detail::Steps,
            format!(
                "{} listed, {to_fetch} to fetch ({})",
                wording::messages(*listed),
                wording::size(*octets)
            ),
        ),
        Event::Deleted { messages } => {
            (Detail::Steps, format!("the server confirmed {} as deleted", wording::messages(*messages)))
        }
        Event::Trace { side, line } if detail >= Detail::Protocol => {
            let side = match side {
                Side::Client => 'C',
                Side::Server => 'S',
            };
            return Some(format!("{account} {side}: {}", escape(line)));
        }
        _ => return None,
    };
    (detail >= needed).then(|| format!("{account}: {text}"))
}

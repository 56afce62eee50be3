//! One bar per account, for terminals.

use super::{lines, wording};
use crate::event::Event;
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};
use std::collections::HashMap;

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, OnceLock};

/// Drawn at most so often a second.
const FRAMES: u8 = 10;

/// Names longer than this are not aligned with.
const WIDEST_NAME: usize = 20;

pub(super) struct Bars {
    all: MultiProgress,
    accounts: HashMap<String, Account>,
}

/// While there is nothing to measure.
const STEP: &str = "{prefix}  {msg}";

/// When LIST gave sizes.
const BY_OCTETS: &str =
    "{prefix} [{wide_bar}] {stored}/{messages} messages  {bytes}/{total_bytes}  {bytes_per_sec}  {eta} left";

/// When it did not.
const BY_MESSAGES: &str = "{prefix} [{wide_bar}] {stored}/{messages} messages  {received}  {eta} left";

struct Account {
    name: String,
    bar: OnceLock<ProgressBar>,
    stored: Arc<AtomicU64>,
    received: Arc<AtomicU64>,
    /// The bar measures octets (LIST gave sizes), otherwise messages.
    by_octets: OnceLock<bool>,
}

impl Bars {
    pub(super) fn new<'a>(accounts: impl Iterator<Item = &'a str>) -> Self {
        let names: Vec<&str> = accounts.collect();
        let width = names.iter().map(|name| name.len()).max().unwrap_or(0).min(WIDEST_NAME);
        let account = |name: &str| Account {
            name: format!("{name:width$}"),
            bar: OnceLock::new(),
            stored: Arc::default(),
            received: Arc::default(),
            by_octets: OnceLock::new(),
        };
        Self {
            all: MultiProgress::with_draw_target(ProgressDrawTarget::stderr_with_hz(FRAMES)),
            accounts: names.iter().map(|name| ((*name).to_owned(), account(name))).collect(),
        }
    }

    /// Lines above the bars. They end in real line ends, so that the last ones leave the terminal
    /// as a shell wants to find it.
    pub(super) fn say(&self, lines: &str) {
        self.all.suspend(|| lines::say(lines));
    }

    pub(super) fn event(&self, name: &str, event: &Event<'_>) {
        let Some(account) = self.accounts.get(name) else { return };
        match *event {
            Event::Started => {
                let bar = account.bar.get_or_init(|| self.all.add(ProgressBar::no_length()));
                bar.set_style(style(STEP));
                bar.set_prefix(account.name.clone());
                bar.set_message("connecting");
            }
            Event::Connected { .. } => account.step("logging in"),
            Event::LoggedIn => account.step("listing the maildrop"),
            Event::Planned { to_fetch, octets, .. } => account.plan(to_fetch, octets),
            Event::Received { octets } => {
                account.received.fetch_add(octets, Relaxed);
                account.advance(true, octets);
            }
            Event::Stored { messages } => {
                account.stored.fetch_add(messages, Relaxed);
                account.advance(false, messages);
            }
            Event::Finished(_) => {
                if let Some(bar) = account.bar.get() {
                    bar.finish_and_clear();
                    self.all.remove(bar);
                }
            }
            Event::Marked | Event::Deleted { .. } | Event::Note(_) | Event::Trace { .. } => {}
        }
    }
}

impl Account {
    fn step(&self, what: &'static str) {
        if let Some(bar) = self.bar.get() {
            bar.set_message(what);
        }
    }

    fn plan(&self, messages: u64, octets: u64) {
        let Some(bar) = self.bar.get() else { return };
        if messages == 0 {
            bar.set_message("nothing new");
            return;
        }
        let by_octets = octets > 0;
        // A run that reconnects plans again: the bar goes on from where it is.
        if self.by_octets.set(by_octets).is_err() {
            return;
        }
        let (stored, received) = (Arc::clone(&self.stored), Arc::clone(&self.received));
        bar.set_style(
            style(if by_octets { BY_OCTETS } else { BY_MESSAGES })
                .progress_chars("=> ")
                .with_key("stored", move |_: &ProgressState, text: &mut dyn std::fmt::Write| {
                    // A formatter that refuses text has nobody to tell.
                    let _ = write!(text, "{}", stored.load(Relaxed));
                })
                .with_key("messages", move |_: &ProgressState, text: &mut dyn std::fmt::Write| {
                    let _ = write!(text, "{messages}");
                })
                .with_key("received", move |_: &ProgressState, text: &mut dyn std::fmt::Write| {
                    let _ = text.write_str(&wording::size(received.load(Relaxed)));
                }),
        );
        bar.set_length(if by_octets { octets } else { messages });
        bar.reset_eta();
    }

    fn advance(&self, octets: bool, by: u64) {
        if self.by_octets.get() == Some(&octets)
            && let Some(bar) = self.bar.get()
        {
            bar.inc(by);
        }
    }
}

/// The templates are constants of this file, and a test reads each; a wrong one would only look bad.
fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_templates_are_well_formed() {
        for template in [STEP, BY_OCTETS, BY_MESSAGES] {
            assert!(ProgressStyle::with_template(template).is_ok(), "{template}");
        }
    }

    #[test]
    fn a_bar_measures_octets_where_the_server_gave_sizes_and_messages_elsewhere() {
        for (octets, length, position) in [(5000, 5000, 1500), (0, 3, 2)] {
            let bars = Bars::new(["work"].into_iter());
            bars.all.set_draw_target(ProgressDrawTarget::hidden());
            bars.event("work", &Event::Started);
            bars.event("work", &Event::Planned { listed: 9, to_fetch: 3, octets });
            bars.event("work", &Event::Received { octets: 1500 });
            bars.event("work", &Event::Stored { messages: 2 });
            let bar = bars.accounts["work"].bar.get().unwrap();
            assert_eq!((bar.length(), bar.position()), (Some(length), position));
        }
    }
}

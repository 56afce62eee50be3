//! One bar per account, for terminals.

use super::stderr::{self, Level, Line};
use super::wording;
use crate::event::{Event, Looking};
use crate::stop;
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::Duration;

/// Drawn at most so often a second.
const FRAMES: u8 = 10;

/// Names are cut to this, so that there is room for what changes; to half of it where a line is
/// shorter than [`SHORT`].
const WIDEST_NAME: usize = 20;

/// Columns of a terminal that has no room to waste.
const SHORT: u16 = 60;

/// How often it is looked whether a signal has come.
const LOOK: Duration = Duration::from_millis(50);

/// What a person is told who pressed Ctrl-C.
const STOPPING: &str =
    "stopping after the current message; everything finished is kept. Ctrl-C again stops now";

pub(super) struct Bars {
    all: MultiProgress,
    accounts: HashMap<String, Account>,
    /// Ends the watch for signals.
    over: Arc<AtomicBool>,
}

/// While there is nothing to measure.
const STEP: &str = "{prefix}  {wide_msg}";

/// During a first look at a Maildir.
const LOOKING: &str = "{prefix} [{wide_bar}] {pos}/{len} files of the archive";

/// During a first look at an mbox.
const LOOKING_BY_OCTETS: &str = "{prefix} [{wide_bar}] {bytes}/{total_bytes} of the archive";

/// When LIST gave sizes: the first for a line of so many columns, in which it fits with the longest
/// name, hundreds of thousands of messages and hundreds of MiB.
const BY_OCTETS: [(u16, &str); 4] = [
    (
        110,
        "{prefix} [{wide_bar}] {stored}/{messages} messages  {bytes}/{total_bytes}  {bytes_per_sec}  {eta} left",
    ),
    (80, "{prefix} [{wide_bar}] {stored}/{messages}  {percent:>3}%  {bytes_per_sec}  {eta} left"),
    (48, "{prefix}  {stored}/{messages}  {percent:>3}%  {eta} left"),
    (0, "{prefix}  {percent:>3}%  {eta} left"),
];

/// When it did not.
const BY_MESSAGES: [(u16, &str); 2] = [
    (84, "{prefix} [{wide_bar}] {stored}/{messages} messages  {received}  {eta} left"),
    (0, "{prefix}  {stored}/{messages}  {eta} left"),
];

struct Account {
    name: String,
    columns: u16,
    bar: OnceLock<ProgressBar>,
    stored: Arc<AtomicU64>,
    received: Arc<AtomicU64>,
    /// The bar measures octets (LIST gave sizes), otherwise messages.
    by_octets: OnceLock<bool>,
}

impl Bars {
    pub(super) fn new<'a>(accounts: impl Iterator<Item = &'a str>) -> Self {
        let names: Vec<&str> = accounts.collect();
        let columns = columns();
        let widest = if columns < SHORT { WIDEST_NAME / 2 } else { WIDEST_NAME };
        let width = names.iter().map(|name| name.len()).max().unwrap_or(0).min(widest);
        let account = |name: &str| Account {
            name: format!("{:width$}", name.chars().take(width).collect::<String>()),
            columns,
            bar: OnceLock::new(),
            stored: Arc::default(),
            received: Arc::default(),
            by_octets: OnceLock::new(),
        };
        let all = MultiProgress::with_draw_target(ProgressDrawTarget::stderr_with_hz(FRAMES));
        let over = Arc::new(AtomicBool::new(false));
        watch(all.clone(), Arc::clone(&over));
        let accounts = names.iter().map(|name| ((*name).to_owned(), account(name))).collect();
        Self { all, accounts, over }
    }

    /// Lines above the bars. They end in real line ends, so that the last ones leave the terminal
    /// as a shell wants to find it.
    pub(super) fn say(&self, lines: &[Line]) {
        self.all.suspend(|| stderr::say(lines));
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
            Event::Looking(looking) => account.looking(looking),
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

impl Drop for Bars {
    fn drop(&mut self) {
        self.over.store(true, Relaxed);
    }
}

/// Takes the bars away when a signal has come, and says what happens now: a second signal ends us
/// on the spot, and the terminal is then as a shell wants to find it.
fn watch(all: MultiProgress, over: Arc<AtomicBool>) {
    let watch = move || {
        while !over.load(Relaxed) {
            if stop::requested().is_some() {
                // A terminal that cannot be written has no reader.
                let _ = all.clear();
                all.set_draw_target(ProgressDrawTarget::hidden());
                stderr::say(&[(Level::Notice, STOPPING.to_owned())]);
                return;
            }
            thread::sleep(LOOK);
        }
    };
    // Without the thread the bars stay until the end, which is no harm.
    let _ = thread::Builder::new().name("signals".to_owned()).spawn(watch);
}

impl Account {
    fn step(&self, what: &'static str) {
        if let Some(bar) = self.bar.get() {
            bar.set_message(what);
        }
    }

    /// A first look at the archive has come so far.
    fn looking(&self, looking: Looking) {
        let Some(bar) = self.bar.get() else { return };
        if looking.done >= looking.all {
            bar.set_style(style(STEP));
            bar.set_position(0);
            bar.set_message("connecting");
            return;
        }
        if looking.done == 0 {
            bar.set_style(
                style(if looking.in_octets { LOOKING_BY_OCTETS } else { LOOKING }).progress_chars("=> "),
            );
            bar.set_length(looking.all);
            bar.reset_eta();
        }
        bar.set_position(looking.done);
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
            style(template(if by_octets { &BY_OCTETS } else { &BY_MESSAGES }, self.columns))
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

/// How wide the terminal is; one that does not say has the usual width.
fn columns() -> u16 {
    let size = rustix::termios::tcgetwinsize(std::io::stderr());
    size.ok().map(|size| size.ws_col).filter(|columns| *columns > 0).unwrap_or(80)
}

/// The first template that fits into so many columns.
fn template(templates: &[(u16, &'static str)], columns: u16) -> &'static str {
    templates.iter().find(|(least, _)| *least <= columns).map_or(STEP, |(_, template)| template)
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
        let all = BY_OCTETS.iter().chain(&BY_MESSAGES).map(|(_, template)| *template);
        for template in all.chain([STEP, LOOKING, LOOKING_BY_OCTETS]) {
            assert!(ProgressStyle::with_template(template).is_ok(), "{template}");
        }
        assert!(template(&BY_OCTETS, 80).contains("bar") && !template(&BY_OCTETS, 79).contains("bar"));
        assert_eq!(template(&BY_MESSAGES, 1), BY_MESSAGES[1].1);
        for columns in [48, 50, 60, 80, 120] {
            assert!(template(&BY_OCTETS, columns).contains("{stored}/{messages}"), "{columns}");
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

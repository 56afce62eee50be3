//! Plain lines, for stderr that is no terminal.

use super::stderr::{self, Level};
use super::wording;
use crate::event::Event;
use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

/// The pause between two regular lines about an account.
const PAUSE: Duration = Duration::from_secs(5);

pub(super) struct Lines {
    accounts: HashMap<String, Account>,
    announce: bool,
    regular: bool,
    began: Instant,
}

/// What is known of one account's progress.
#[derive(Default)]
struct Account {
    plan: OnceLock<Plan>,
    stored: AtomicU64,
    received: AtomicU64,
    /// Milliseconds after `began` before which no regular line is due.
    quiet_until: AtomicU64,
}

struct Plan {
    messages: u64,
    octets: u64,
    made: Instant,
}

impl Lines {
    pub(super) fn new<'a>(accounts: impl Iterator<Item = &'a str>, announce: bool, regular: bool) -> Self {
        let accounts = accounts.map(|name| (name.to_owned(), Account::default())).collect();
        Self { accounts, announce, regular, began: Instant::now() }
    }

    pub(super) fn event(&self, name: &str, event: &Event<'_>) {
        if let Some(line) = self.line(name, event, Instant::now()) {
            stderr::say(&[(Level::Info, line)]);
        }
    }

    /// The progress line that is due now, if one is.
    fn line(&self, name: &str, event: &Event<'_>, now: Instant) -> Option<String> {
        let account = self.accounts.get(name)?;
        match *event {
            Event::Planned { listed, to_fetch, octets } => {
                account.rest_until(now.duration_since(self.began) + PAUSE);
                // A run that reconnects plans again; the first plan is the one to measure by.
                let first = account.plan.set(Plan { messages: to_fetch, octets, made: now }).is_ok();
                (self.announce && first && to_fetch > 0).then(|| {
                    let size =
                        if octets > 0 { format!(" ({})", wording::size(octets)) } else { String::new() };
                    format!("{name}: fetching {to_fetch} of {}{size}", wording::messages(listed))
                })
            }
            Event::Stored { messages } => {
                account.stored.fetch_add(messages, Relaxed);
                None
            }
            Event::Received { octets } if self.regular => {
                account.received.fetch_add(octets, Relaxed);
                let elapsed = now.duration_since(self.began);
                let due = account.quiet_until.load(Relaxed);
                if millis(elapsed) < due {
                    return None;
                }
                account.rest_until(elapsed + PAUSE);
                account.status(now).map(|status| format!("{name}: {status}"))
            }
            _ => None,
        }
    }
}

impl Account {
    fn rest_until(&self, instant: Duration) {
        self.quiet_until.store(millis(instant), Relaxed);
    }

    /// `120 of 500 messages, 12.0 MiB of 60.0 MiB, 3.0 MiB/s, 16 s left`.
    fn status(&self, now: Instant) -> Option<String> {
        let plan = self.plan.get()?;
        let received = self.received.load(Relaxed);
        let mut text = format!("{} of {}", self.stored.load(Relaxed), wording::messages(plan.messages));
        let elapsed = millis(now.duration_since(plan.made)).max(1);
        let rate = received.saturating_mul(1000) / elapsed;
        // Writing into a String cannot fail.
        let _ = write!(text, ", {}", wording::size(received));
        if plan.octets > 0 {
            let _ = write!(text, " of {}", wording::size(plan.octets));
        }
        let _ = write!(text, ", {}/s", wording::size(rate));
        if let Some(left) = plan.octets.saturating_sub(received).checked_div(rate).filter(|left| *left > 0) {
            let _ = write!(text, ", {left} s left");
        }
        Some(text)
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAN: Event<'_> = Event::Planned { listed: 500, to_fetch: 120, octets: 1_048_576 };

    fn lines(regular: bool) -> Lines {
        Lines::new(["work"].into_iter(), true, regular)
    }

    #[test]
    fn an_account_with_new_mail_is_announced_once() {
        let lines = lines(false);
        let now = lines.began;
        assert_eq!(lines.line("work", &PLAN, now).unwrap(), "work: fetching 120 of 500 messages (1.0 MiB)");
        assert_eq!(lines.line("work", &PLAN, now), None, "a reconnection is no news");
        assert_eq!(lines.line("home", &PLAN, now), None, "not an account of this run");
    }

    #[test]
    fn an_account_without_new_mail_is_not_announced() {
        let lines = lines(true);
        let plan = Event::Planned { listed: 500, to_fetch: 0, octets: 0 };
        assert_eq!(lines.line("work", &plan, lines.began), None);
    }

    #[test]
    fn sizes_that_the_server_did_not_give_are_not_made_up() {
        let lines = lines(true);
        let plan = Event::Planned { listed: 5, to_fetch: 5, octets: 0 };
        assert_eq!(lines.line("work", &plan, lines.began).unwrap(), "work: fetching 5 of 5 messages");
        let later = lines.began + Duration::from_secs(10);
        assert_eq!(
            lines.line("work", &Event::Received { octets: 10_240 }, later).unwrap(),
            "work: 0 of 5 messages, 10.0 KiB, 1.0 KiB/s"
        );
    }

    #[test]
    fn there_is_no_line_for_each_message() {
        let lines = lines(false);
        lines.line("work", &PLAN, lines.began);
        for second in 0..100 {
            let now = lines.began + Duration::from_secs(second);
            assert_eq!(lines.line("work", &Event::Received { octets: 1000 }, now), None);
            assert_eq!(lines.line("work", &Event::Stored { messages: 1 }, now), None);
        }
    }

    #[test]
    fn regular_lines_come_every_few_seconds_with_rate_and_time_left() {
        let lines = lines(true);
        lines.line("work", &PLAN, lines.began);
        lines.line("work", &Event::Stored { messages: 30 }, lines.began);
        let mut told = Vec::new();
        for tenth in 1..=100 {
            let now = lines.began + Duration::from_millis(100 * tenth);
            told.extend(lines.line("work", &Event::Received { octets: 8192 }, now));
        }
        assert_eq!(
            told,
            [
                "work: 30 of 120 messages, 400.0 KiB of 1.0 MiB, 80.0 KiB/s, 7 s left",
                "work: 30 of 120 messages, 800.0 KiB of 1.0 MiB, 80.0 KiB/s, 2 s left"
            ]
        );
    }
}

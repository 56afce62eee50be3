//! Plain lines, for stderr that is no terminal.

use super::wording;
use crate::event::Event;
use std::collections::HashMap;
use std::io::Write;
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

    pub(super) fn say(&self, line: &str) {
        // One write, so that threads do not mix; stderr that cannot be written has no reader.
        let _ = std::io::stderr().write_all(format!("{line}\n").as_bytes());
    }

    pub(super) fn event(&self, name: &str, event: &Event<'_>) {
        if let Some(line) = self.line(name, event, Instant::now()) {
            self.say(&line);
        }
    }

    /// The progress line that is due now, if one is.
    fn line(&self, name: &str, event: &Event<'_>, now: Instant) -> Option<String> {
        let account = self.accounts.get(name)?;
        match *event {
            Event::Planned { listed, to_fetch, octets } if self.announce => {
                account.rest_until(now.duration_since(self.began) + PAUSE);
                // A run that reconnects plans again; the first plan is the one to measure by.
                let first = account.plan.set(Plan { messages: to_fetch, octets, made: now }).is_ok();
                (first && to_fetch > 0).then(|| {
                    format!(
                        "{name}: fetching {to_fetch} of {} ({})",
                        wording::messages(listed),
                        wording::size(octets)
                    )
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
        text.push_str(&format!(
            ", {} of {}, {}/s",
            wording::size(received),
            wording::size(plan.octets),
            wording::size(rate)
        ));
        if let Some(left) = plan.octets.saturating_sub(received).checked_div(rate).filter(|left| *left > 0) {
            text.push_str(&format!(", {left} s left"));
        }
        Some(text)
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

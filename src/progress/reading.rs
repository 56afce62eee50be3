//! How far a long piece of work has come that reads the archive, on a terminal: a bar, once it takes longer than a
//! second.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::time::{Duration, Instant};

/// Work that is done sooner is not worth a bar.
const PATIENCE: Duration = Duration::from_secs(1);

/// Drawn at most so often a second.
const FRAMES: u8 = 10;

const TEMPLATE: &str = "{prefix} [{wide_bar}] {msg}  {bytes}/{total_bytes}  {bytes_per_sec}  {eta} left";

/// A bar that measures octets.
pub struct ReadingBar {
    name: String,
    total: u64,
    done: u64,
    began: Instant,
    bar: Option<ProgressBar>,
    shown: bool,
}

impl ReadingBar {
    /// For so many octets; not `shown` where nobody looks.
    pub fn new(name: &str, total: u64, shown: bool) -> Self {
        ReadingBar { name: name.to_owned(), total, done: 0, began: Instant::now(), bar: None, shown }
    }

    /// There are so many octets.
    pub fn begins(&mut self, total: u64) {
        self.total = total;
    }

    /// So many more octets were read; `message` says what else there is to say.
    pub fn advance(&mut self, octets: u64, message: &dyn Fn() -> String) {
        self.done += octets;
        if !self.shown || self.bar.is_none() && self.began.elapsed() < PATIENCE {
            return;
        }
        let bar = self.bar.get_or_insert_with(|| {
            let bar = ProgressBar::new(self.total);
            bar.set_draw_target(ProgressDrawTarget::stderr_with_hz(FRAMES));
            let style =
                ProgressStyle::with_template(TEMPLATE).unwrap_or_else(|_| ProgressStyle::default_bar());
            bar.set_style(style);
            bar.set_prefix(self.name.clone());
            bar
        });
        bar.set_position(self.done);
        bar.set_message(message());
    }

    /// Takes the bar away, so that lines can be printed.
    pub fn clear(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }
}

//! The runs of the last weeks: as a calendar, a column for each week; and as a strip, for a line of a table.
//!
//! Promise: states differ in their shapes, not in their colours alone.

use super::words;
use crate::report::{Day, DayState, Runs};
use jiff::civil::Date;
use maud::{Markup, PreEscaped, html};
use std::fmt::Write as _;

/// From one cell to the next, and a cell.
const STEP: u32 = 19;
const CELL: u32 = 15;
/// Left of the first column, and above the first row.
const LEFT: u32 = 32;
const TOP: u32 = 18;

/// Weekdays that are named.
const NAMED: [(u32, &str); 4] = [(0, "Mon"), (2, "Wed"), (4, "Fri"), (6, "Sun")];

/// In the order of the legend.
const STATES: [DayState; 4] = [DayState::Done, DayState::Partly, DayState::Failed, DayState::NoRun];

/// The calendar with its legend.
pub(super) fn calendar(runs: &Runs, id: &str) -> Markup {
    let columns = runs.days.last().map_or(0, |last| column(&runs.days, last)) + 1;
    let (width, height) = (LEFT + columns * STEP, TOP + 7 * STEP);
    let (title, description) = (format!("{id}-t"), format!("{id}-d"));
    html! {
        svg class="calendar" viewBox=(format!("0 0 {width} {height}")) width=(width) height=(height) role="img"
            aria-labelledby=(format!("{title} {description}")) {
            title id=(title) { "Runs by day" }
            desc id=(description) { (words::days(runs)) }
            @for (row, name) in NAMED {
                text class="axis end" x=(LEFT - 7) y=(TOP + row * STEP + 11) { (name) }
            }
            @for (column, name) in months(&runs.days) {
                text class="axis" x=(LEFT + column * STEP) y="11" { (name) }
            }
            @for day in &runs.days {
                g transform=(format!("translate({} {})", LEFT + column(&runs.days, day) * STEP, TOP + row(day.date) * STEP)) {
                    title { (words::day(day)) }
                    (cell(day.state()))
                }
            }
        }
        ul class="legend" {
            @for state in STATES {
                li {
                    svg class="key" viewBox=(format!("0 0 {CELL} {CELL}")) width="12" height="12" aria-hidden="true" {
                        (cell(state))
                    }
                    (words::day_state(state)) " " b { (runs.days_in(state)) }
                }
            }
        }
    }
}

/// A day's cell. What failed is crossed, what succeeded in part is half full, no run is an empty frame.
fn cell(state: DayState) -> Markup {
    let rect = |class: &str| html! { rect class=(class) x="0.5" y="0.5" width="14" height="14" rx="3" {} };
    match state {
        DayState::Done => rect("done"),
        DayState::NoRun => rect("none"),
        DayState::Partly => html! {
            (rect("partly"))
            path class="half" d="M2 13.5L13.5 2V11.5a2 2 0 0 1-2 2Z" {}
        },
        DayState::Failed => html! {
            (rect("failed"))
            path class="cross" d="M4.5 4.5l6 6M10.5 4.5l-6 6" {}
        },
    }
}

/// The last weeks as a strip: a stroke for each day, the higher the worse.
pub(super) fn strip(runs: &Runs) -> Markup {
    let label = words::days(runs);
    let width = runs.days.len() * 2;
    html! {
        svg class="strip" viewBox=(format!("0 0 {width} 16")) width=(width) height="16" role="img" aria-label=(label) {
            title { (label) }
            @for (state, class, height) in [
                (DayState::NoRun, "none", 2),
                (DayState::Done, "done", 6),
                (DayState::Partly, "partly", 11),
                (DayState::Failed, "failed", 16),
            ] {
                @if runs.days_in(state) > 0 {
                    path class=(class) d=(strokes(&runs.days, state, height)) {}
                }
            }
        }
    }
}

/// A stroke for each day in this state.
fn strokes(days: &[Day], state: DayState, height: u32) -> PreEscaped<String> {
    let mut path = String::new();
    for (place, _) in days.iter().enumerate().filter(|(_, day)| day.state() == state) {
        // Writing into a String cannot fail.
        let _ = write!(path, "M{}.5 16V{}", place * 2, 16 - height);
    }
    PreEscaped(path)
}

/// How an account fares, as a picture; the words beside it say the same.
pub(super) fn sign(health: crate::report::Health) -> Markup {
    use crate::report::Health;
    let (class, shape) = match health {
        Health::Good => ("good", "M4.6 8.3l2.3 2.3 4.5-4.8"),
        Health::Attention => ("attention", "M8 4.2v4.6M8 11.3v.5"),
        Health::Failing => ("failing", "M5.2 5.2l5.6 5.6M10.8 5.2l-5.6 5.6"),
        Health::NeverRun => ("never", "M5 8h6"),
    };
    html! {
        svg class=(format!("sign {class}")) viewBox="0 0 16 16" width="16" height="16" aria-hidden="true" {
            @match health {
                Health::Attention => path class="disc" d="M8 1.2L15.2 14H.8Z" {},
                Health::Failing => rect class="disc" x="1" y="1" width="14" height="14" rx="3" {},
                _ => circle class="disc" cx="8" cy="8" r="7.2" {},
            }
            path class="stroke" d=(shape) {}
        }
    }
}

/// Which column a day is in.
fn column(days: &[Day], day: &Day) -> u32 {
    let Some(first) = days.first() else { return 0 };
    let days = (day.date - first.date).get_days().unsigned_abs() + row(first.date);
    days / 7
}

/// Which row: 0 is Monday.
fn row(date: Date) -> u32 {
    u32::from(date.weekday().to_monday_zero_offset().unsigned_abs())
}

/// The columns in which a month begins, with its name.
fn months(days: &[Day]) -> Vec<(u32, String)> {
    let mut months: Vec<(u32, String)> = Vec::new();
    for day in days.iter().filter(|day| day.date.day() == 1 || days.first() == Some(day)) {
        let column = column(days, day);
        // The name of a month of which only the end is there would run into the next one.
        if months.last().is_some_and(|(before, _)| column - before < 2) {
            months.pop();
        }
        months.push((column, day.date.strftime("%b").to_string()));
    }
    months
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::ToSpan as _;
    use jiff::civil::date;

    fn days(first: Date, count: i32) -> Vec<Day> {
        (0..count)
            .map(|at| Day { date: first + at.days(), succeeded: 0, failed: 0, killed: 0, exit: None })
            .collect()
    }

    #[test]
    fn each_week_is_a_column_that_begins_on_monday() {
        let days = days(date(2026, 9, 7), 84);
        let places: Vec<_> = days.iter().map(|day| (column(&days, day), row(day.date))).collect();
        assert_eq!((places[0], places[6], places[7], places[83]), ((0, 0), (0, 6), (1, 0), (11, 6)));
        let names: Vec<_> = months(&days).into_iter().collect();
        let expected = [(0, "Sep"), (3, "Oct"), (7, "Nov")].map(|(at, name)| (at, name.to_owned()));
        assert_eq!(names, expected);
    }

    #[test]
    fn a_calendar_that_begins_in_mid_week_has_its_days_in_their_rows() {
        let days = days(date(2026, 11, 26), 4);
        let places: Vec<_> = days.iter().map(|day| (column(&days, day), row(day.date))).collect();
        assert_eq!(places, [(0, 3), (0, 4), (0, 5), (0, 6)]);
    }

    #[test]
    fn states_can_be_told_without_colour() {
        let drawn: Vec<String> = STATES.iter().map(|state| cell(*state).into_string()).collect();
        let without_class: std::collections::BTreeSet<String> =
            drawn.iter().map(|cell| cell.replace("done", "").replace("none", "")).collect();
        assert_eq!(without_class.len(), 3, "done is full, none is an empty frame; the others have marks");
        let runs = Runs { days: days(date(2026, 9, 7), 84), ..Runs::default() };
        assert!(calendar(&runs, "c").into_string().contains("Monday 7 September 2026: no run"));
        assert!(strip(&runs).into_string().contains("84 days without a run"));
    }
}

//! Charts as SVG, by numbers alone: no text of a server's is in them but what the caller gives as a title.
//!
//! Promises: as many shapes as there are values; nothing is drawn outside the frame. A value that dwarfs all others is cut
//! off, and says so, so that the others can be seen.

#![expect(clippy::cast_precision_loss, reason = "what is drawn is a tenth of a unit")]

use maud::{Markup, html};
use std::fmt::Write as _;

/// The frame, in units of which a small screen has 340 across.
const WIDTH: f64 = 340.0;
const HEIGHT: f64 = 140.0;
const LEFT: f64 = 46.0;
const RIGHT: f64 = 338.0;
const TOP: f64 = 14.0;
const BOTTOM: f64 = 118.0;

/// Labels below the axis are at least so far apart.
const APART: f64 = 34.0;

/// A value is cut off if it is more than this many times as large as any other.
const DWARFS: u64 = 4;

/// One place of a chart.
pub(super) struct Bar {
    /// How high it is.
    pub(super) value: u64,
    /// How far a fainter bar behind it goes.
    pub(super) upper: u64,
    /// What it is, in words.
    pub(super) title: String,
    /// Its label below the axis, if there is room.
    pub(super) label: Option<String>,
}

/// What the left axis counts.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Scale {
    /// Things.
    Count,
    /// Octets.
    Octets,
    /// Seconds.
    Seconds,
}

/// How values are drawn.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// Each for itself.
    Bars,
    /// As an area, one leading to the next.
    Area,
}

/// A chart: what it is called, what it shows in words, and its values from left to right.
pub(super) struct Chart<'c> {
    pub(super) id: String,
    pub(super) title: &'c str,
    pub(super) description: &'c str,
    pub(super) scale: Scale,
    pub(super) shape: Shape,
    pub(super) bars: Vec<Bar>,
}

impl Chart<'_> {
    pub(super) fn draw(&self) -> Markup {
        let (top, cut) = axis(&self.bars, self.scale);
        let y = |value: u64| BOTTOM - (BOTTOM - TOP) * (value.min(top) as f64 / top.max(1) as f64);
        let step = (RIGHT - LEFT) / self.bars.len().max(1) as f64;
        let x = |place: usize| LEFT + step * place as f64;
        let (title_id, description_id) = (format!("{}-t", self.id), format!("{}-d", self.id));
        html! {
            svg class="chart" viewBox=(format!("0 0 {WIDTH} {HEIGHT}")) role="img"
                aria-labelledby=(format!("{title_id} {description_id}")) {
                title id=(title_id) { (self.title) }
                desc id=(description_id) { (self.description) }
                @for line in lines(top, self.scale) {
                    line class="grid" x1=(n(LEFT)) x2=(n(RIGHT)) y1=(n(y(line))) y2=(n(y(line))) {}
                    text class="axis end" x=(n(LEFT - 6.0)) y=(n(y(line) + 3.5)) { (self.scale.label(line)) }
                }
                @if self.shape == Shape::Area { (self.area(&y, step)) }
                @for (place, bar) in self.bars.iter().enumerate() {
                    g {
                        title { (bar.title) }
                        rect class="hit" x=(n(x(place))) y=(n(TOP)) width=(n(step)) height=(n(BOTTOM - TOP)) {}
                        @if self.shape == Shape::Bars { (column(x(place), step, bar, &y)) }
                    }
                }
                @if let Some(place) = cut { (self.cut_mark(x(place) + step / 2.0, place)) }
                line class="base" x1=(n(LEFT)) x2=(n(RIGHT)) y1=(n(BOTTOM)) y2=(n(BOTTOM)) {}
                @for (middle, anchor, label) in labels(&self.bars, step) {
                    text class=(format!("axis {anchor}")) x=(n(middle)) y=(n(BOTTOM + 15.0)) { (label) }
                }
            }
        }
    }

    fn area(&self, y: &dyn Fn(u64) -> f64, step: f64) -> Markup {
        let mut line = String::new();
        for (place, bar) in self.bars.iter().enumerate() {
            let x = LEFT + step * (place as f64 + 0.5);
            // From the left edge to the right one, whatever the number of places.
            if place == 0 {
                let _ = write!(line, "M{} {}", n(LEFT), n(y(bar.value)));
            }
            let _ = write!(line, "L{} {}", n(x), n(y(bar.value)));
        }
        let end = self.bars.last().map_or(BOTTOM, |bar| y(bar.value));
        let _ = write!(line, "L{} {}", n(RIGHT), n(end));
        let area = format!("{line}L{} {}L{} {}Z", n(RIGHT), n(BOTTOM), n(LEFT), n(BOTTOM));
        html! {
            path class="area" d=(area) {}
            path class="line" d=(line) {}
        }
    }

    /// Two strokes through a bar that goes on beyond the frame, and its value.
    fn cut_mark(&self, middle: f64, place: usize) -> Markup {
        let value = self.bars.get(place).map_or(0, |bar| bar.value.max(bar.upper));
        let (at, stroke) = (TOP + 9.0, |y: f64| format!("M{} {}l8 -4", n(middle - 4.0), n(y)));
        let is_left = middle < f64::midpoint(LEFT, RIGHT);
        let beside = if is_left { middle + 7.0 } else { middle - 7.0 };
        html! {
            path class="cut" d=(format!("{}{}", stroke(at), stroke(at + 4.0))) {}
            text class=(if is_left { "axis strong" } else { "axis strong end" }) x=(n(beside)) y=(n(TOP + 8.0)) {
                (self.scale.label(value))
            }
        }
    }
}

/// A bar, and the fainter one behind it.
fn column(x: f64, step: f64, bar: &Bar, y: &dyn Fn(u64) -> f64) -> Markup {
    let gap = (step * 0.2).min(3.0);
    let width = (step - gap).min(26.0);
    let x = x + (step - width) / 2.0;
    // One message in a month of thousands still shows.
    let from = |value: u64| if value == 0 { BOTTOM } else { y(value).min(BOTTOM - 1.0) };
    let rect = |class: &str, value: u64| {
        let top = from(value);
        html! { rect class=(class) x=(n(x)) y=(n(top)) width=(n(width)) height=(n(BOTTOM - top)) {} }
    };
    html! {
        @if bar.upper > bar.value { (rect("bar faint", bar.upper)) }
        @if bar.value > 0 { (rect("bar", bar.value)) }
    }
}

/// How far the axis goes, and which bar is cut off.
fn axis(bars: &[Bar], scale: Scale) -> (u64, Option<usize>) {
    let mut values: Vec<(u64, usize)> =
        bars.iter().enumerate().map(|(place, bar)| (bar.value.max(bar.upper), place)).collect();
    values.sort_unstable_by(|one, other| other.cmp(one));
    match values[..] {
        [] => (1, None),
        [(largest, place), (second, _), (third, _), ..]
            if third > 0 && second.saturating_mul(DWARFS) < largest =>
        {
            (scale.round(second.saturating_add(second / 4)), Some(place))
        }
        [(largest, _), ..] => (scale.round(largest), None),
    }
}

/// The lines of the grid.
fn lines(top: u64, scale: Scale) -> Vec<u64> {
    let half = scale != Scale::Count || top.is_multiple_of(2) || top >= 50;
    if half && top > 1 { vec![top / 2, top] } else { vec![top] }
}

/// A label below the axis: where it is, how it is anchored, and its text.
fn labels(bars: &[Bar], step: f64) -> Vec<(f64, &'static str, &str)> {
    let mut labels: Vec<(f64, &'static str, &str)> = Vec::new();
    for (place, bar) in bars.iter().enumerate() {
        let Some(label) = &bar.label else { continue };
        let middle = LEFT + step * (place as f64 + 0.5);
        let half = label.len() as f64 * 2.8;
        let (at, anchor) = if middle - half < LEFT {
            (LEFT, "start")
        } else if middle + half > RIGHT {
            (RIGHT, "end")
        } else {
            (middle, "middle")
        };
        let begins = if anchor == "start" {
            at
        } else if anchor == "end" {
            at - 2.0 * half
        } else {
            at - half
        };
        let ended = labels.last().map_or(f64::MIN, |(at, anchor, label)| {
            let half = label.len() as f64 * 2.8;
            match *anchor {
                "start" => at + 2.0 * half,
                "end" => *at,
                _ => at + half,
            }
        });
        if begins - ended >= 6.0 && labels.last().is_none_or(|(last, _, _)| at - last >= APART) {
            labels.push((at, anchor, label));
        }
    }
    labels
}

impl Scale {
    /// The next round number that is not less.
    fn round(self, value: u64) -> u64 {
        let value = value.max(1);
        match self {
            Scale::Count => rounded(value),
            Scale::Octets => {
                let unit = (0..6_u32).rev().map(|power| 1_u64 << (10 * power)).find(|unit| value >= *unit);
                let unit = unit.unwrap_or(1);
                rounded(value.div_ceil(unit)).saturating_mul(unit)
            }
            Scale::Seconds => {
                const STEPS: [u64; 12] = [2, 4, 10, 20, 60, 120, 240, 600, 1_200, 3_600, 7_200, 14_400];
                let step = STEPS.into_iter().find(|step| value <= *step);
                step.unwrap_or_else(|| rounded(value.div_ceil(3_600)).saturating_mul(3_600))
            }
        }
    }

    fn label(self, value: u64) -> String {
        match self {
            Scale::Count => crate::text::figures::grouped(value),
            Scale::Octets => super::words::short_size(value),
            Scale::Seconds => super::words::span(value),
        }
    }
}

/// 1, 2, 3, 4, 5, 6, 8 or 10 times a power of ten.
fn rounded(value: u64) -> u64 {
    let mut power = 1_u64;
    while value > power.saturating_mul(10) {
        power = power.saturating_mul(10);
    }
    let step = [1, 2, 3, 4, 5, 6, 8, 10].into_iter().find(|step| value <= power.saturating_mul(*step));
    step.map_or(u64::MAX, |step| power.saturating_mul(step))
}

/// A number as SVG has it, to a tenth.
fn n(number: f64) -> String {
    let text = format!("{number:.1}");
    text.strip_suffix(".0").map_or_else(|| text.clone(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bars(values: &[u64]) -> Vec<Bar> {
        values
            .iter()
            .map(|&value| Bar {
                value,
                upper: value,
                title: format!("{value}"),
                label: Some("2026".to_owned()),
            })
            .collect()
    }

    #[test]
    fn axes_end_at_round_numbers() {
        for (value, round) in [(0, 1), (1, 1), (7, 8), (11, 20), (99, 100), (234, 300), (51_204, 60_000)] {
            assert_eq!(Scale::Count.round(value), round, "{value}");
        }
        assert_eq!(Scale::Octets.label(Scale::Octets.round(4_500_000_000)), "5 GiB");
        assert_eq!(Scale::Octets.label(Scale::Octets.round(1000)), "1000 B");
        for (seconds, label) in
            [(0, "2 s"), (3, "4 s"), (41, "60 s"), (61, "2 min"), (4000, "2 h"), (90_000, "30 h")]
        {
            assert_eq!(Scale::Seconds.label(Scale::Seconds.round(seconds)), label);
        }
        for scale in [Scale::Count, Scale::Octets, Scale::Seconds] {
            assert!(scale.round(u64::MAX) > u64::MAX / 4);
        }
    }

    #[test]
    fn a_value_that_dwarfs_the_others_is_cut_off() {
        assert_eq!(axis(&bars(&[9000, 30, 20, 25]), Scale::Count), (40, Some(0)));
        assert_eq!(axis(&bars(&[90, 30, 20]), Scale::Count), (100, None));
        assert_eq!(axis(&bars(&[9000]), Scale::Count), (10_000, None), "there are no others");
        assert_eq!(axis(&bars(&[0, 0, 9000]), Scale::Count), (10_000, None));
    }

    #[test]
    fn every_value_is_drawn_inside_the_frame() {
        for shape in [Shape::Bars, Shape::Area] {
            for values in [&[][..], &[0], &[u64::MAX, 0, 1], &[5; 48], &[u64::MAX, 7, 7, 7]] {
                let chart = Chart {
                    id: "c".to_owned(),
                    title: "t",
                    description: "d",
                    scale: Scale::Count,
                    shape,
                    bars: bars(values),
                };
                let svg = chart.draw().into_string();
                assert_eq!(svg.matches("class=\"hit\"").count(), values.len());
                assert!(!svg.contains("NaN") && !svg.contains("inf") && !svg.contains("=\"-"), "{svg}");
            }
        }
    }

    #[test]
    fn labels_keep_their_distance() {
        let many = bars(&[1; 48]);
        let labels = labels(&many, (RIGHT - LEFT) / 48.0);
        assert!(labels.len() > 3 && labels.windows(2).all(|two| two[1].0 - two[0].0 >= APART), "{labels:?}");
    }
}

//! A small bar chart in one line of text.

/// The bars where a terminal has more than ASCII: nothing, and eight heights.
const BLOCKS: [char; 9] = ['·', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
/// And where it has not.
const ASCII: [char; 9] = ['.', ':', '-', '=', '+', 'o', 'x', '#', '@'];

/// One character for each value: the largest is the highest, and only 0 is nothing.
pub(super) fn bars(values: impl Iterator<Item = u64> + Clone, unicode: bool) -> String {
    let largest = values.clone().max().unwrap_or(0);
    let heights = if unicode { &BLOCKS } else { &ASCII };
    let most = heights.len() as u128 - 1;
    values
        .map(|value| {
            // Rounded up, so that one message in a week of thousands still shows.
            let height = (u128::from(value) * most).div_ceil(u128::from(largest.max(1)));
            heights[usize::try_from(height).unwrap_or(0).min(heights.len() - 1)]
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::bars;

    #[test]
    fn the_largest_value_is_the_highest_bar_and_only_0_is_none() {
        let values = [0, 1, 500, 1000, 999, 125];
        assert_eq!(bars(values.into_iter(), true), "·▁▄██▁");
        assert_eq!(bars(values.into_iter(), false), ".:+@@:");
        assert_eq!(bars([u64::MAX, u64::MAX / 2, 0].into_iter(), true), "█▄·");
    }

    #[test]
    fn weeks_without_mail_are_a_flat_line() {
        assert_eq!(bars([0, 0].into_iter(), false), "..");
        assert_eq!(bars([].into_iter(), true), "");
    }
}

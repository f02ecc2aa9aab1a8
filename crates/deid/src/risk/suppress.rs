//! Small counts that are not printed, and those that would give them away.

/// Counts as they may be printed beside their sum: 1 to `threshold` − 1 are hidden, and then the next smallest too,
/// until at least two are hidden and those hidden add up to `threshold`, so that no subtraction tells one.
pub(crate) fn suppress(counts: &[u64], threshold: u32) -> Vec<Option<u64>> {
    let threshold = u64::from(threshold);
    let mut shown: Vec<Option<u64>> = counts.iter().map(|n| Some(*n)).collect();
    let mut order: Vec<usize> = (0..counts.len()).filter(|i| counts[*i] > 0).collect();
    order.sort_by_key(|i| (counts[*i], *i));
    let (mut hidden, mut sum) = (0, 0);
    for i in order {
        if counts[i] < threshold || (hidden > 0 && (hidden < 2 || sum < threshold)) {
            shown[i] = None;
            hidden += 1;
            sum += counts[i];
        }
    }
    shown
}

/// A lone count as it may be printed.
pub(crate) fn lone(count: u64, threshold: u32) -> Option<u64> {
    (count == 0 || count >= u64::from(threshold)).then_some(count)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_next_smallest_hides_the_smallest() {
        assert_eq!(suppress(&[3, 0, 40, 12], 11), [None, Some(0), Some(40), None]);
        assert_eq!(suppress(&[3, 4, 40, 12], 11), [None, None, Some(40), None]);
        assert_eq!(suppress(&[30, 40], 11), [Some(30), Some(40)]);
        assert_eq!((lone(0, 11), lone(10, 11), lone(11, 11)), (Some(0), None, Some(11)));
    }

    proptest! {
        #[test]
        fn nothing_small_is_shown_or_can_be_subtracted(counts in prop::collection::vec(0u64..40, 0..12)) {
            let shown = suppress(&counts, 11);
            let shown_sum: u64 = shown.iter().flatten().sum();
            let hidden = shown.iter().filter(|c| c.is_none()).count();
            prop_assert!(shown.iter().flatten().all(|n| *n == 0 || *n >= 11));
            let rest = counts.iter().sum::<u64>() - shown_sum;
            let could_hide_more = shown.iter().flatten().any(|n| *n > 0);
            prop_assert!(hidden == 0 || !could_hide_more || (hidden >= 2 && rest >= 11));
        }
    }
}

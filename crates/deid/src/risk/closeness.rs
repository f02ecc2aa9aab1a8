//! t-closeness: how far a class's sensitive values are from everybody's (Li, Li and Venkatasubramanian, ICDE 2007,
//! section 3), as an earth mover's distance for each class.

use super::Classes;

/// The distance of each class where all values are equally far from each other: half the summed differences of
/// shares. The largest is the t of t-closeness.
pub fn equal_distance(classes: &Classes, values: &[u32]) -> Vec<f64> {
    distances(classes, values, |differences| differences.map(f64::abs).sum::<f64>() / 2.0)
}

/// The distance of each class where values are ordered and neighbours among those that occur are one step of
/// 1/(m − 1) apart: the mean absolute running sum of differences. 0 where one value occurs.
pub fn ordered_distance(classes: &Classes, values: &[u32]) -> Vec<f64> {
    let mut occurring = values.to_vec();
    occurring.sort_unstable();
    occurring.dedup();
    let steps = occurring.len().saturating_sub(1).max(1) as f64;
    distances(classes, values, |differences| {
        let mut carried = 0.0f64;
        differences
            .map(|difference| {
                carried += difference;
                carried.abs()
            })
            .sum::<f64>()
            / steps
    })
}

/// For each class what `distance` says of its shares minus everybody's, value after value in ascending order.
fn distances(
    classes: &Classes,
    values: &[u32],
    distance: impl Fn(&mut dyn Iterator<Item = f64>) -> f64,
) -> Vec<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_unstable();
    let mut everybody: Vec<(u32, u32)> = Vec::new();
    for value in sorted {
        match everybody.last_mut() {
            Some((last, n)) if *last == value => *n += 1,
            _ => everybody.push((value, 1)),
        }
    }
    let total = classes.subjects() as f64;
    classes
        .value_counts(values)
        .iter()
        .map(|counts| {
            let size: u32 = counts.iter().map(|(_, n)| n).sum();
            let mut here = counts.iter().peekable();
            let mut differences = everybody.iter().map(|(value, n)| {
                let own = here.next_if(|(own, _)| own == value).map_or(0, |(_, n)| *n);
                f64::from(own) / f64::from(size) - f64::from(*n) / total
            });
            distance(&mut differences)
        })
        .collect()
}

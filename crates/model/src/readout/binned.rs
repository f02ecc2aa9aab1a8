//! Columns cut into at most 63 bins of about equal counts, so that a tree looks at a byte instead of a number.

/// The bin of a missing value.
pub(crate) const MISSING: u8 = 0;
/// Bins of values present.
const MOST_BINS: usize = 63;
/// Bins, that of missing values among them.
pub(crate) const BINS: usize = MOST_BINS + 1;

/// Columns by rows.
pub(crate) struct Binned {
    pub(crate) columns: Vec<Column>,
}

/// One column.
pub(crate) struct Column {
    pub(crate) bins: Vec<u8>,
    /// The upper edges of bins 1, 2, …; the last bin has none.
    edges: Vec<f32>,
}

impl Column {
    /// Values of a bin and those below are at most this.
    pub(crate) fn upper_edge(&self, bin: u8) -> f32 {
        self.edges.get(usize::from(bin).saturating_sub(1)).copied().unwrap_or(f32::MAX)
    }
}

impl Binned {
    /// Cuts the columns of `matrix` (`[rows, width]`, NaN where missing).
    pub(crate) fn new(matrix: &[f32], width: usize) -> Self {
        let columns = (0..width).map(|c| {
            let values: Vec<f32> = matrix.chunks_exact(width).map(|row| row[c]).collect();
            let edges = edges(&values);
            let bin = |v: &f32| {
                if v.is_nan() { MISSING } else { 1 + edges.partition_point(|edge| edge < v) as u8 }
            };
            Column { bins: values.iter().map(bin).collect(), edges }
        });
        Binned { columns: columns.collect() }
    }
}

fn edges(values: &[f32]) -> Vec<f32> {
    let mut present: Vec<f32> = values.iter().copied().filter(|v| !v.is_nan()).collect();
    present.sort_unstable_by(f32::total_cmp);
    let distinct = 1 + present.windows(2).filter(|pair| pair[0] < pair[1]).count();
    // Few values each have a bin of their own, however rare.
    let cuts = if distinct <= MOST_BINS { present.len() } else { MOST_BINS };
    let mut edges: Vec<f32> = Vec::new();
    for cut in 1..cuts {
        let place = (cut * present.len() / cuts).max(1);
        // Where equal values stand at the quantile the edge comes after them: dropping it would leave a column of round
        // numbers with hardly a bin.
        let place = place + present[place..].partition_point(|v| *v <= present[place - 1]);
        let Some(&high) = present.get(place) else { break };
        let low = present[place - 1];
        // Halfway between neighbours, so that a value never seen falls to the nearer one.
        let edge = low + (high - low) / 2.0;
        if edges.last().is_none_or(|last| *last < edge) {
            edges.push(edge);
        }
    }
    edges
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bins_keep_order_and_missing_apart() {
        let values: Vec<f32> =
            (0..500).map(|i| if i % 10 == 0 { f32::NAN } else { (i * 7 % 500) as f32 }).collect();
        let binned = Binned::new(&values, 1);
        let column = &binned.columns[0];
        for (a, bin_a) in values.iter().zip(&column.bins) {
            assert_eq!(a.is_nan(), *bin_a == MISSING);
            for (b, bin_b) in values.iter().zip(&column.bins) {
                if a < b {
                    assert!(bin_a <= bin_b);
                }
            }
            if !a.is_nan() {
                assert!(
                    *a <= column.upper_edge(*bin_a) && (*bin_a == 1 || *a > column.upper_edge(*bin_a - 1))
                );
            }
        }
        assert!(column.bins.iter().max().unwrap() > &50);
    }

    /// Round numbers, such as blood pressures: many values, each many times.
    #[test]
    fn ties_do_not_cost_bins() {
        let values: Vec<f32> = (0..13_000).map(|i| (i % 130) as f32).collect();
        let binned = Binned::new(&values, 1);
        let column = &binned.columns[0];
        assert!(*column.bins.iter().max().unwrap() > 55, "{:?}", column.edges);
        for (value, bin) in values.iter().zip(&column.bins) {
            assert!(*value <= column.upper_edge(*bin) && (*bin == 1 || *value > column.upper_edge(*bin - 1)));
        }
    }

    #[test]
    fn a_rare_value_among_many_equal_ones_keeps_its_bin() {
        let mut values = vec![0.0; 1000];
        values[7] = 1.0;
        let binned = Binned::new(&values, 1);
        let bins = &binned.columns[0].bins;
        assert!(bins[7] > bins[0]);
    }
}

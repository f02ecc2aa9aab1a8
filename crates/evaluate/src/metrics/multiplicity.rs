//! Many tests at once.

/// Holm's correction (Scand J Stat 1979): p-values by which, compared with a level, the chance that any true null
/// hypothesis among them is rejected stays at that level. In the order given; NaN stays NaN and is not counted.
///
/// ```
/// use evaluate::metrics::multiplicity::holm;
/// assert_eq!(holm(&[0.01, 0.04, 0.03]), [0.03, 0.06, 0.06]);
/// ```
pub fn holm(p_values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..p_values.len()).filter(|i| !p_values[*i].is_nan()).collect();
    order.sort_by(|a, b| p_values[*a].total_cmp(&p_values[*b]));
    let mut corrected = vec![f64::NAN; p_values.len()];
    let mut highest = 0.0f64;
    for (rank, &i) in order.iter().enumerate() {
        highest = highest.max((p_values[i] * (order.len() - rank) as f64).min(1.0));
        corrected[i] = highest;
    }
    corrected
}

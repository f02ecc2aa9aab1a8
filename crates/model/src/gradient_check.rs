//! Finite differences, for tests.

/// Smooth numbers that no two of are alike.
pub(crate) fn wave(len: usize, phase: f64) -> Vec<f64> {
    (0..len).map(|i| (i as f64 * 1.7 + phase).sin() + 0.3 * (i as f64 * 0.31 + phase).cos()).collect()
}

/// Compares an analytic gradient with central differences of fourth order at every coordinate (or, for long
/// vectors, at every `len/400`-th), to 1e-6 of the gradient's scale.
pub(crate) fn assert_gradient(at: &[f64], gradient: &[f64], mut loss: impl FnMut(&[f64]) -> f64) {
    assert_eq!(at.len(), gradient.len());
    let mut x = at.to_vec();
    let scale = gradient.iter().fold(1e-3_f64, |m, g| m.max(g.abs()));
    for i in (0..at.len()).step_by((at.len() / 400).max(1)) {
        let step = 1e-3 * at[i].abs().max(0.3);
        let mut value = |offset: f64| {
            x[i] = at[i] + offset * step;
            loss(&x)
        };
        let slope = (8.0 * (value(1.0) - value(-1.0)) - (value(2.0) - value(-2.0))) / (12.0 * step);
        x[i] = at[i];
        assert!(
            (slope - gradient[i]).abs() < 1e-6 * scale.max(slope.abs()),
            "coordinate {i}: differences {slope:.10e}, analytic {:.10e}",
            gradient[i]
        );
    }
}

//! Grading estimated effects where the truth is known.

/// The root mean square error of effects by row (Hill 2011's PEHE: precision in estimating heterogeneous effects), over
/// rows where both are numbers; none without any.
pub fn error_of_effects(estimated: &[f64], truth: &[f64]) -> Option<f64> {
    let errors: Vec<f64> =
        estimated.iter().zip(truth).map(|(a, b)| (a - b).powi(2)).filter(|e| e.is_finite()).collect();
    (!errors.is_empty()).then(|| (errors.iter().sum::<f64>() / errors.len() as f64).sqrt())
}

/// Mean risk if each row is treated where the estimate is below zero, less the mean risk of the best choice: what a
/// policy of treating whom the estimate favours would cost. `risks` are untreated and treated.
pub fn policy_regret(estimated: &[f64], risks: &[[f64; 2]]) -> Option<f64> {
    let regret = |(effect, [untreated, treated]): (&f64, &[f64; 2])| {
        let chosen = if *effect < 0.0 { treated } else { untreated };
        chosen - untreated.min(*treated)
    };
    (!risks.is_empty()).then(|| estimated.iter().zip(risks).map(regret).sum::<f64>() / risks.len() as f64)
}

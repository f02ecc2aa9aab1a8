//! How strong something unmeasured would have to be to explain an effect away.
//!
//! The E-value (VanderWeele and Ding, Annals of Internal Medicine 2017): the least risk ratio that an unmeasured
//! confounder would need with both treatment and outcome, beyond what was measured. For a ratio `RR ≥ 1` it is
//! `RR + √(RR (RR − 1))`; ratios below one are turned over.

use super::score::Contrast;
use serde::Serialize;

/// E-values of an effect.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Sensitivity {
    /// Risk treated over risk untreated.
    pub risk_ratio: f64,
    /// The E-value of the estimate.
    pub estimate: f64,
    /// The E-value of the interval's end nearest to no effect; 1 if the interval holds no effect.
    pub interval: f64,
}

fn of_ratio(ratio: f64) -> f64 {
    let ratio = if ratio < 1.0 { 1.0 / ratio } else { ratio };
    ratio + (ratio * (ratio - 1.0)).max(0.0).sqrt()
}

/// E-values of mean risks untreated and treated, with their difference's interval.
pub fn e_value([untreated, treated]: [f64; 2], difference: &Contrast) -> Sensitivity {
    let least = 1e-9;
    let ratio = |risk: f64| (risk.max(least) / untreated.max(least)).max(least);
    let nearest = if difference.low > 0.0 { difference.low } else { difference.high };
    Sensitivity {
        risk_ratio: ratio(treated),
        estimate: of_ratio(ratio(treated)),
        interval: if difference.excludes_zero() { of_ratio(ratio(untreated + nearest)) } else { 1.0 },
    }
}

/// The most by which an unmeasured confounder can multiply a risk ratio, given its risk ratios with treatment and with
/// outcome (Ding and VanderWeele, Epidemiology 2016).
pub fn bounding_factor(with_treatment: f64, with_outcome: f64) -> f64 {
    with_treatment * with_outcome / (with_treatment + with_outcome - 1.0)
}

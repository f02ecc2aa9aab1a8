//! How strong something unmeasured would have to be to explain an effect away.
//!
//! The E-value (VanderWeele and Ding, Annals of Internal Medicine 2017): the least risk ratio that an unmeasured
//! confounder would need with both treatment and outcome, beyond what was measured. For a ratio `RR ≥ 1` it is
//! `RR + √(RR (RR − 1))`; ratios below one are turned over.

use super::score::Contrast;
use serde::Serialize;

/// Events that each arm must have: a risk ratio of fewer is mostly chance.
const LEAST_EVENTS: usize = 10;

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

/// E-values of mean risks untreated and treated, with their difference's interval. None where an arm has fewer than ten events or a
/// risk whose interval reaches zero: a ratio to nothing has no size.
pub fn e_value(
    [untreated, treated]: [Contrast; 2],
    events: [usize; 2],
    difference: &Contrast,
) -> Option<Sensitivity> {
    if events.iter().any(|events| *events < LEAST_EVENTS) || untreated.low <= 0.0 || treated.low <= 0.0 {
        return None;
    }
    let ratio = |risk: f64| risk / untreated.value;
    let nearest = if difference.low > 0.0 { difference.low } else { difference.high };
    let nearest = untreated.value + nearest;
    if difference.excludes_zero() && nearest <= 0.0 {
        return None;
    }
    Some(Sensitivity {
        risk_ratio: ratio(treated.value),
        estimate: of_ratio(ratio(treated.value)),
        interval: if difference.excludes_zero() { of_ratio(ratio(nearest)) } else { 1.0 },
    })
}

/// The most by which an unmeasured confounder can multiply a risk ratio, given its risk ratios with treatment and with
/// outcome (Ding and VanderWeele, Epidemiology 2016).
pub fn bounding_factor(with_treatment: f64, with_outcome: f64) -> f64 {
    with_treatment * with_outcome / (with_treatment + with_outcome - 1.0)
}

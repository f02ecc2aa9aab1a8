//! How long before the record says so.

use super::risks::RiskRow;
use crate::bootstrap::quantile;

/// The median time from being flagged to being recorded, over those to whom it was recorded within the horizon and who were
/// flagged. `times` says how often each row counts.
pub(super) fn median_lead(rows: &[RiskRow], predictor: usize, threshold: f64, times: &[f64]) -> f64 {
    let mut leads: Vec<f64> = flagged(rows, predictor, threshold)
        .flat_map(|place| {
            let lead = rows[place].lead_days.unwrap_or(f64::NAN);
            std::iter::repeat_n(lead, times[place] as usize)
        })
        .filter(|lead| lead.is_finite())
        .collect();
    leads.sort_by(f64::total_cmp);
    quantile(&leads, 0.5)
}

/// The rows of cases at or above a threshold.
pub(super) fn flagged(
    rows: &[RiskRow],
    predictor: usize,
    threshold: f64,
) -> impl Iterator<Item = usize> + '_ {
    rows.iter()
        .enumerate()
        .filter(move |(_, row)| row.outcome == Some(true) && row.scores[predictor] >= threshold)
        .map(|(place, _)| place)
}

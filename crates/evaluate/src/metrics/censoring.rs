//! Outcomes that are not known because the record ends too early.
//!
//! The remedy is inverse probability of censoring weighting: who is known stands also for those like them who
//! are not (Graf et al., Stat Med 1999). The probability of still being under observation is a Kaplan–Meier estimate. At tied
//! times outcomes come before censorings, so that an outcome is known to whoever was under observation until just before it: its
//! weight is 1 / G(T−). scikit-survival takes 1 / G(T), which is the same without ties; with them, as where dates are whole days,
//! it counts outcomes for too many.

/// What is known of one row by its horizon.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FollowUp {
    /// Did it come true? `None` when observation ended first.
    pub outcome: Option<bool>,
    /// Days from prediction to the outcome, to death, or to the end of observation.
    pub observed_days: f64,
}

/// Fewest rows that must still be under observation when the last who leaves before the horizon has left: fewer say nothing of
/// what became of all who left.
const FEWEST_WATCHED: usize = 10;
/// Unless it is known by then of so large a share of all rows.
const ENOUGH_KNOWN: f64 = 0.95;

/// Why weights that don't stand for everybody aren't used.
pub const UNWATCHED: &str = "too few are watched up to the horizon to stand for those who left before";

/// The weights of [`CensoringCurve::weights`], where they stand for everybody: where at least ten rows stay under observation (to the
/// horizon, an outcome or death) when the last of the others has left, or where without those it is known of 95 %.
///
/// Otherwise outcomes that came early would be divided by the few of whom anything is known: of 2,000 people with 5.6 % seen to have
/// the outcome, and nobody watched to the horizon, the share would be 77 %.
pub fn weights_for_all(rows: &[FollowUp], horizon_days: f64) -> Option<Vec<f64>> {
    let weights = CensoringCurve::fit(rows, horizon_days).weights(rows, horizon_days);
    let left = rows.iter().filter(|row| row.outcome.is_none()).map(|row| row.observed_days);
    let Some(last) = left.reduce(f64::max) else { return Some(weights) };
    let (mut watched, mut before) = (0, 0.0);
    for (row, weight) in rows.iter().zip(&weights).filter(|(row, _)| row.outcome.is_some()) {
        let to_the_end = row.outcome == Some(false) && row.observed_days >= horizon_days;
        match to_the_end || row.observed_days > last {
            true => watched += 1,
            false => before += weight,
        }
    }
    (watched >= FEWEST_WATCHED || before >= ENOUGH_KNOWN * rows.len() as f64).then_some(weights)
}

/// Kaplan–Meier estimate of the probability of being under observation past a time.
#[derive(Clone, Debug, PartialEq)]
pub struct CensoringCurve {
    /// Times at which the curve steps down, rising.
    times: Vec<f64>,
    /// Its value from that time on.
    survival: Vec<f64>,
}

impl CensoringCurve {
    /// From what is known of all rows by `horizon_days`. Rows known to be free of the outcome at the horizon
    /// count as observed throughout it.
    pub fn fit(rows: &[FollowUp], horizon_days: f64) -> Self {
        // (time, is it a censoring): at equal times outcomes leave the risk set first.
        let mut steps: Vec<(f64, bool)> = rows
            .iter()
            .map(|row| match row.outcome {
                None => (row.observed_days, true),
                Some(false) if row.observed_days >= horizon_days => (f64::INFINITY, false),
                Some(_) => (row.observed_days, false),
            })
            .collect();
        steps.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        let (mut times, mut survival, mut current) = (vec![], vec![], 1.0);
        let mut i = 0;
        while i < steps.len() {
            let time = steps[i].0;
            let at_time = steps[i..].iter().take_while(|s| s.0 == time).count();
            let censored = steps[i..i + at_time].iter().filter(|s| s.1).count();
            if censored > 0 {
                let at_risk = steps.len() - i - (at_time - censored);
                current *= 1.0 - censored as f64 / at_risk as f64;
                times.push(time);
                survival.push(current);
            }
            i += at_time;
        }
        CensoringCurve { times, survival }
    }

    /// The estimate at a time: of staying under observation past it.
    pub fn at(&self, days: f64) -> f64 {
        self.after(self.times.partition_point(|&t| t <= days))
    }

    /// The estimate just before a time: of staying under observation up to it.
    pub fn before(&self, days: f64) -> f64 {
        self.after(self.times.partition_point(|&t| t < days))
    }

    fn after(&self, steps: usize) -> f64 {
        steps.checked_sub(1).map_or(1.0, |last| self.survival[last])
    }

    /// The weight of each row: 1 / G(time of outcome or death, less) before the horizon, 1 / G(horizon) past it,
    /// 0 where censored before, or where nobody stays under observation that long. They add up to the number of rows, as long
    /// as anybody is under observation at the horizon.
    pub fn weights(&self, rows: &[FollowUp], horizon_days: f64) -> Vec<f64> {
        rows.iter()
            .map(|row| {
                let observed = match row.outcome {
                    None => return 0.0,
                    Some(false) if row.observed_days >= horizon_days => self.at(horizon_days),
                    Some(_) => self.before(row.observed_days.min(horizon_days)),
                };
                if observed > 0.0 { 1.0 / observed } else { 0.0 }
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn row(outcome: Option<bool>, observed_days: f64) -> FollowUp {
        FollowUp { outcome, observed_days }
    }

    #[test]
    fn without_censoring_all_weights_are_one() {
        let rows = [row(Some(true), 3.0), row(Some(false), 10.0), row(Some(false), 4.0)];
        assert_eq!(CensoringCurve::fit(&rows, 10.0).weights(&rows, 10.0), [1.0; 3]);
    }

    #[test]
    fn weights_add_up_to_everyone() {
        // Two of four are censored on day 5; the two that stay stand for them.
        let rows = [row(None, 5.0), row(None, 5.0), row(Some(true), 8.0), row(Some(false), 20.0)];
        let curve = CensoringCurve::fit(&rows, 10.0);
        assert_eq!((curve.at(4.9), curve.at(5.0)), (1.0, 0.5));
        assert_eq!(curve.weights(&rows, 10.0), [0.0, 0.0, 2.0, 2.0]);
    }

    #[test]
    fn outcomes_leave_before_censorings_of_the_same_day() {
        let rows = [row(Some(true), 5.0), row(None, 5.0), row(Some(false), 20.0)];
        let curve = CensoringCurve::fit(&rows, 10.0);
        assert_eq!((curve.before(5.0), curve.at(5.0)), (1.0, 0.5));
        // Whose outcome was seen stands for no one who left later that day.
        assert_eq!(curve.weights(&rows, 10.0), [1.0, 0.0, 2.0]);
    }

    proptest! {
        /// By whole days, so that ties are the rule; deaths among them.
        #[test]
        fn weights_add_up_to_everyone_with_ties(days in prop::collection::vec((0u32..10, 0u8..3), 1..80)) {
            let mut rows: Vec<FollowUp> = days
                .into_iter()
                .map(|(day, kind)| row([None, Some(true), Some(false)][usize::from(kind)], f64::from(day)))
                .collect();
            // Somebody is there at the end.
            rows.push(row(Some(false), 30.0));
            let sum: f64 = CensoringCurve::fit(&rows, 10.0).weights(&rows, 10.0).iter().sum();
            prop_assert!((sum / rows.len() as f64 - 1.0).abs() < 1e-9, "{sum} of {}", rows.len());
        }
    }

    #[test]
    fn weights_that_stand_for_few_are_none() {
        let rows = |events: usize, left: usize, stay: usize| -> Vec<FollowUp> {
            let of = |n, outcome, days| std::iter::repeat_n(row(outcome, days), n);
            of(events, Some(true), 3.0)
                .chain(of(left, None, 5.0))
                .chain(of(stay, Some(false), 10.0))
                .collect()
        };
        // Nobody left; nobody, nine and ten stay; it is known of 96 and of 94 of a hundred before the last leave.
        for (events, left, stay, told) in [
            (0, 0, 3, true),
            (5, 85, 0, false),
            (5, 85, 9, false),
            (5, 85, 10, true),
            (96, 3, 1, true),
            (94, 5, 1, false),
        ] {
            assert_eq!(
                weights_for_all(&rows(events, left, stay), 10.0).is_some(),
                told,
                "{events} {left} {stay}"
            );
        }
    }

    #[test]
    fn all_censored_gives_no_weight_to_anyone() {
        let rows = [row(None, 1.0), row(None, 2.0)];
        let curve = CensoringCurve::fit(&rows, 10.0);
        assert_eq!(curve.at(2.0), 0.0);
        assert_eq!(curve.weights(&rows, 10.0), [0.0, 0.0]);
    }
}

//! Ranking and calibration against chances instead of outcomes.
//!
//! Where a simulation knows the chance that something comes true, every future can be counted by how likely it is: a person
//! is an event with weight `p` and a non-event with weight `1 − p`. What is found is what outcomes would show on average over all
//! futures of the same people, without the noise of the one that happened and without censoring.

use crate::metrics::{expit, logit};

/// Scores in order, lowest first; equal ones are one group.
#[derive(Clone, Debug)]
pub(super) struct Ordered {
    order: Vec<u32>,
    /// Where each group of equal scores ends in `order`.
    ends: Vec<u32>,
}

impl Ordered {
    pub(super) fn new(scores: &[f64]) -> Self {
        let mut order: Vec<u32> = (0..scores.len() as u32).collect();
        order.sort_by(|a, b| scores[*a as usize].total_cmp(&scores[*b as usize]));
        let mut ends = Vec::new();
        for place in 1..=order.len() {
            let differs = order
                .get(place)
                .is_none_or(|next| scores[*next as usize] != scores[order[place - 1] as usize]);
            if differs {
                ends.push(place as u32);
            }
        }
        Ordered { order, ends }
    }

    fn groups(&self) -> impl DoubleEndedIterator<Item = &[u32]> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied()).collect::<Vec<_>>();
        let bounds: Vec<(u32, u32)> = starts.into_iter().zip(self.ends.iter().copied()).collect();
        bounds.into_iter().map(|(from, to)| &self.order[from as usize..to as usize])
    }

    /// The chance that somebody to whom it happens has a higher score than another to whom it doesn't, ties a half. Nobody is
    /// compared with himself, nor with a copy of himself. `times` says how often each row counts.
    pub(super) fn auc(&self, chances: &[f64], times: &[f64]) -> f64 {
        let (mut below, mut won, mut events, mut others, mut own) = (0.0, 0.0, 0.0, 0.0, 0.0);
        for group in self.groups() {
            let (mut happens, mut doesnt) = (0.0, 0.0);
            for row in group {
                let (p, n) = (chances[*row as usize], times[*row as usize]);
                happens += n * p;
                doesnt += n * (1.0 - p);
                own += n * n * p * (1.0 - p);
            }
            won += happens * (below + 0.5 * doesnt);
            below += doesnt;
            events += happens;
            others += doesnt;
        }
        (won - 0.5 * own) / (events * others - own)
    }

    /// The share of events at or above the score that so much of the non-events reach, within a group of equal scores by
    /// straight line; and that score's row.
    pub(super) fn sensitivity(
        &self,
        false_positives: f64,
        chances: &[f64],
        times: &[f64],
    ) -> (f64, Option<usize>) {
        let total =
            |of: &dyn Fn(f64) -> f64| -> f64 { chances.iter().zip(times).map(|(p, n)| n * of(*p)).sum() };
        let (events, allowed) = (total(&|p| p), false_positives * total(&|p| 1.0 - p));
        let (mut found, mut accused, mut at) = (0.0, 0.0, None);
        for group in self.groups().rev() {
            let weight = |of: &dyn Fn(f64) -> f64| -> f64 {
                group.iter().map(|row| times[*row as usize] * of(chances[*row as usize])).sum()
            };
            let (happens, doesnt) = (weight(&|p| p), weight(&|p| 1.0 - p));
            if accused + doesnt > allowed {
                found += happens * (allowed - accused) / doesnt;
                break;
            }
            (found, accused, at) =
                (found + happens, accused + doesnt, group.first().map(|row| *row as usize));
        }
        (found / events, at)
    }
}

/// What log-odds must be multiplied by, the level free, to be right: the slope of a logistic regression of chances on
/// predicted log-odds (Cox, Biometrika 1958). NaN where it can't be found.
pub(super) fn slope(predicted: &[f64], chances: &[f64], times: &[f64]) -> f64 {
    let x: Vec<f64> = predicted.iter().map(|p| logit(*p)).collect();
    let weight: f64 = times.iter().sum();
    let centre = x.iter().zip(times).map(|(x, n)| x * n).sum::<f64>() / weight;
    let mean = chances.iter().zip(times).map(|(p, n)| p * n).sum::<f64>() / weight;
    if !(mean > 0.0 && mean < 1.0) {
        return f64::NAN;
    }
    let likelihood = |level: f64, slope: f64| -> f64 {
        let each = x.iter().zip(chances).zip(times).filter(|(_, n)| **n > 0.0);
        each.map(|((x, p), n)| {
            let q = expit(level + slope * (x - centre)).clamp(1e-15, 1.0 - 1e-15);
            n * (p * q.ln() + (1.0 - p) * (1.0 - q).ln())
        })
        .sum()
    };
    let (mut level, mut slope) = (logit(mean), 1.0);
    let mut best = likelihood(level, slope);
    for _ in 0..100 {
        let (mut g0, mut g1, mut h00, mut h01, mut h11) = (0.0, 0.0, 0.0, 0.0, 0.0);
        for ((x, p), n) in x.iter().zip(chances).zip(times) {
            let x = x - centre;
            let q = expit(level + slope * x);
            let (residual, v) = (n * (p - q), n * q * (1.0 - q));
            g0 += residual;
            g1 += residual * x;
            h00 += v;
            h01 += v * x;
            h11 += v * x * x;
        }
        let determinant = h00 * h11 - h01 * h01;
        if determinant <= 1e-12 * h00 * h11 {
            return f64::NAN;
        }
        let step = ((h11 * g0 - h01 * g1) / determinant, (h00 * g1 - h01 * g0) / determinant);
        // A full step may overshoot where the level starts far off.
        let tried = (0..40).map(|halvings| 0.5_f64.powi(halvings)).find_map(|share| {
            let (a, b) = (level + share * step.0, slope + share * step.1);
            let found = likelihood(a, b);
            (found >= best - 1e-12 * best.abs()).then_some((a, b, found))
        });
        let Some((a, b, found)) = tried else { return f64::NAN };
        let settled = (a - level).abs().max((b - slope).abs()) < 1e-9;
        (level, slope, best) = (a, b, found);
        if settled {
            return slope;
        }
    }
    f64::NAN
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All pairs, by the definition.
    fn by_pairs(scores: &[f64], chances: &[f64]) -> f64 {
        let (mut won, mut all) = (0.0, 0.0);
        for i in 0..scores.len() {
            for j in (0..scores.len()).filter(|j| *j != i) {
                let weight = chances[i] * (1.0 - chances[j]);
                all += weight;
                won += weight
                    * match scores[i].total_cmp(&scores[j]) {
                        std::cmp::Ordering::Greater => 1.0,
                        std::cmp::Ordering::Equal => 0.5,
                        std::cmp::Ordering::Less => 0.0,
                    };
            }
        }
        won / all
    }

    #[test]
    fn the_auc_is_that_of_all_pairs() {
        let scores = [0.1, 0.4, 0.4, 0.2, 0.9, 0.4];
        let chances = [0.3, 0.1, 0.8, 0.0, 1.0, 0.5];
        let ones = [1.0; 6];
        let found = Ordered::new(&scores).auc(&chances, &ones);
        assert!((found - by_pairs(&scores, &chances)).abs() < 1e-12);
        // Outcomes are chances of nought and one: the plain AUC, here of four pairs with three won.
        let plain = Ordered::new(&[0.1, 0.3, 0.2, 0.4]).auc(&[0.0, 0.0, 1.0, 1.0], &[1.0; 4]);
        assert!((plain - 0.75).abs() < 1e-12);
        // A row that counts nothing isn't there.
        let without = Ordered::new(&scores).auc(&chances, &[1.0, 1.0, 1.0, 1.0, 0.0, 1.0]);
        let fewer = [0, 1, 2, 3, 5];
        let (s, c): (Vec<f64>, Vec<f64>) = fewer.iter().map(|i| (scores[*i], chances[*i])).unzip();
        assert!((without - by_pairs(&s, &c)).abs() < 1e-12);
    }

    #[test]
    fn sensitivity_is_read_off_at_a_share_of_non_events() {
        // Ten without, two with: one above all, one between the fifth and the sixth.
        let scores: Vec<f64> = (0..10).map(f64::from).chain([20.0, 4.5]).collect();
        let chances: Vec<f64> = [0.0; 10].into_iter().chain([1.0; 2]).collect();
        let ordered = Ordered::new(&scores);
        let ones = [1.0; 12];
        assert_eq!(ordered.sensitivity(0.1, &chances, &ones), (0.5, Some(9)));
        assert_eq!(ordered.sensitivity(0.5, &chances, &ones).0, 1.0);
        assert_eq!(ordered.sensitivity(0.05, &chances, &ones), (0.5, Some(10)));
        // Everybody alike: what a coin would find.
        let alike = Ordered::new(&[1.0; 12]).sensitivity(0.05, &chances, &ones);
        assert!((alike.0 - 0.05).abs() < 1e-12 && alike.1.is_none());
    }

    #[test]
    fn the_slope_is_one_where_risks_are_right_and_a_half_where_log_odds_are_doubled() {
        let chances: Vec<f64> = (1..200).map(|i| f64::from(i) / 1000.0).collect();
        let ones = vec![1.0; chances.len()];
        assert!((slope(&chances, &chances, &ones) - 1.0).abs() < 1e-6);
        let doubled: Vec<f64> = chances.iter().map(|p| expit(2.0 * logit(*p) + 1.0)).collect();
        assert!((slope(&doubled, &chances, &ones) - 0.5).abs() < 1e-6);
        assert!(slope(&vec![0.1; chances.len()], &chances, &ones).is_nan(), "all alike");
    }
}

//! A scaling law through the losses of runs of several sizes on several amounts of data.
//!
//! `L(N, D) = E + A / N^α + B / D^β` (Hoffmann et al. 2022, "Training Compute-Optimal Large Language Models", §3.3
//! and equation 10): what no model can know, what a model of `N` weights can't express, and what `D` tokens don't teach.
//! Unlike there, `D` counts the tokens of the training subjects once, however often they are read, and each run
//! stops at its best loss on the tuning split: records are what a site is short of, not passes over them.
//!
//! The fit minimises Huber's loss of the residuals in nats. For given exponents the law is linear in `E`, `A ≥ 0` and
//! `B ≥ 0`, so only the exponents are searched (variable projection, Golub and Pereyra 1973): on a grid, then closer
//! and closer around its best point. Intervals are percentiles over bootstrap samples of the runs.

mod search;

use crate::random;
use search::Terms;
use serde::Serialize;

/// One finished run.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct ScalingPoint {
    /// Weights, without those that only name codes.
    pub parameters: f64,
    /// Tokens of its training subjects.
    pub tokens: f64,
    /// Best loss on the tuning split, in nats.
    pub loss: f64,
}

/// A number with its 95 % interval.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Interval {
    /// The estimate from all runs.
    pub estimate: f64,
    /// 2.5th percentile over bootstrap samples.
    pub low: f64,
    /// 97.5th percentile.
    pub high: f64,
}

/// The law, and whether the runs support it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ScalingLaw {
    /// Runs that it was fitted to.
    pub runs: usize,
    /// `E`, in nats.
    pub irreducible: Interval,
    /// `A`.
    pub size_factor: f64,
    /// `α`.
    pub size_exponent: Interval,
    /// `B`.
    pub data_factor: f64,
    /// `β`.
    pub data_exponent: Interval,
    /// Root mean square of the residuals, in nats.
    pub residual: f64,
    /// The same where each run is predicted from the others.
    pub left_out_residual: f64,
    /// The law at other sizes and amounts of data than the largest run's.
    pub outlook: Vec<Outlook>,
    /// Why the runs do not support the law; empty if they do.
    pub doubts: Vec<String>,
}

/// What the law expects of more.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Outlook {
    /// Times the weights of the largest model.
    pub size_times: f64,
    /// Times the tokens of the most data.
    pub data_times: f64,
    /// Expected loss.
    pub loss: Interval,
}

/// Bootstrap samples.
const SAMPLES: u64 = 100;
/// Fewer runs than this fit five numbers too easily.
const FEWEST_RUNS: usize = 8;
/// An exponent whose interval spans more than this factor is not determined.
const WIDEST_EXPONENT: f64 = 5.0;

impl ScalingLaw {
    /// Fits the law. Runs whose numbers are not finite and positive (the loss may be negative: waiting times and values
    /// have densities) are left out. Nothing, if fewer than two sizes and two amounts of data are left.
    pub fn fit(points: &[ScalingPoint], seed: u64) -> Option<ScalingLaw> {
        let usable = |p: &&ScalingPoint| {
            p.loss.is_finite() && [p.parameters, p.tokens].iter().all(|x| x.is_finite() && *x > 0.0)
        };
        let points: Vec<ScalingPoint> = points.iter().filter(usable).copied().collect();
        let (sizes, amounts) = (distinct(&points, |p| p.parameters), distinct(&points, |p| p.tokens));
        if sizes < 2 || amounts < 2 || points.len() < 4 {
            return None;
        }
        let best = search::fit(&points, Terms::Both, true);
        let residual = root_mean_square(points.iter().map(|p| p.loss - best.at(p.parameters, p.tokens)));
        let left_out = |terms: Terms| {
            root_mean_square((0..points.len()).map(|i| {
                let mut others = points.clone();
                let held_out = others.remove(i);
                held_out.loss - search::fit(&others, terms, false).at(held_out.parameters, held_out.tokens)
            }))
        };
        let left_out_residual = left_out(Terms::Both);
        let samples = bootstrap(&points, &best, seed);
        let interval = |of: &dyn Fn(&search::Curve) -> f64| {
            let mut found: Vec<f64> = samples.iter().map(of).collect();
            found.sort_by(f64::total_cmp);
            let at = |share: f64| found[((found.len() - 1) as f64 * share).round() as usize];
            let estimate = of(&best);
            Interval { estimate, low: at(0.025), high: at(0.975) }
        };
        let largest = points.iter().map(|p| p.parameters).fold(0.0, f64::max);
        let most = points.iter().map(|p| p.tokens).fold(0.0, f64::max);
        let outlook = [(1.0, 1.0), (1.0, 2.0), (1.0, 4.0), (2.0, 1.0), (4.0, 1.0), (4.0, 4.0)]
            .into_iter()
            .map(|(size_times, data_times)| Outlook {
                size_times,
                data_times,
                loss: interval(&|curve| curve.at(largest * size_times, most * data_times)),
            })
            .collect();
        let mut law = ScalingLaw {
            runs: points.len(),
            irreducible: interval(&|curve| curve.irreducible),
            size_factor: best.size_factor,
            size_exponent: interval(&|curve| curve.size_exponent),
            data_factor: best.data_factor,
            data_exponent: interval(&|curve| curve.data_exponent),
            residual,
            left_out_residual,
            outlook,
            doubts: Vec::new(),
        };
        law.doubts = law.doubts(sizes, amounts, (left_out(Terms::Data), left_out(Terms::Size)));
        Some(law)
    }

    /// The expected loss.
    pub fn at(&self, parameters: f64, tokens: f64) -> f64 {
        self.irreducible.estimate
            + self.size_factor / parameters.powf(self.size_exponent.estimate)
            + self.data_factor / tokens.powf(self.data_exponent.estimate)
    }

    fn doubts(&self, sizes: usize, amounts: usize, (data_alone, size_alone): (f64, f64)) -> Vec<String> {
        let mut doubts = Vec::new();
        let mut doubt = |holds: bool, what: String| {
            if holds {
                doubts.push(what);
            }
        };
        doubt(
            self.runs < FEWEST_RUNS || sizes < 3 || amounts < 3,
            format!(
                "{} runs of {sizes} sizes on {amounts} amounts of data; at least {FEWEST_RUNS} of 3 on 3 are wanted",
                self.runs
            ),
        );
        doubt(
            self.left_out_residual >= data_alone,
            "runs that were left out are predicted no better with the model's size than without it".into(),
        );
        doubt(
            self.left_out_residual >= size_alone,
            "runs that were left out are predicted no better with the amount of data than without it".into(),
        );
        for (name, exponent) in [("the size's", self.size_exponent), ("the data's", self.data_exponent)] {
            let at_bound = |x: f64| x <= search::SMALLEST * 1.01 || x >= search::LARGEST * 0.99;
            doubt(
                at_bound(exponent.estimate),
                format!("{name} exponent lies at the end of what is searched ({:.2})", exponent.estimate),
            );
            doubt(
                exponent.high / exponent.low > WIDEST_EXPONENT,
                format!("{name} exponent is undetermined: {:.2} to {:.2}", exponent.low, exponent.high),
            );
        }
        doubts
    }
}

/// Fits of the runs with residuals drawn anew: the same sizes and amounts of data, which were chosen, with other noise.
fn bootstrap(points: &[ScalingPoint], best: &search::Curve, seed: u64) -> Vec<search::Curve> {
    let n = points.len();
    // Five numbers are fitted, so that residuals are smaller than errors.
    let swell = (n as f64 / n.saturating_sub(5).max(1) as f64).sqrt();
    let expected: Vec<f64> = points.iter().map(|p| best.at(p.parameters, p.tokens)).collect();
    let residuals: Vec<f64> = points.iter().zip(&expected).map(|(p, e)| swell * (p.loss - e)).collect();
    let sample = |sample: u64| {
        let key = random::key(seed, random::Purpose::Bootstrap, &[sample]);
        let drawn = points.iter().zip(&expected).enumerate().map(|(i, (point, expected))| ScalingPoint {
            loss: expected + residuals[random::below(key, i as u64, n)],
            ..*point
        });
        search::fit(&drawn.collect::<Vec<_>>(), Terms::Both, false)
    };
    (0..SAMPLES).map(sample).collect()
}

fn distinct(points: &[ScalingPoint], of: impl Fn(&ScalingPoint) -> f64) -> usize {
    let mut values: Vec<u64> = points.iter().map(|p| of(p).to_bits()).collect();
    values.sort_unstable();
    values.dedup();
    values.len()
}

fn root_mean_square(residuals: impl Iterator<Item = f64>) -> f64 {
    let (sum, n) = residuals.fold((0.0, 0.0), |(sum, n), r| (sum + r * r, n + 1.0));
    (sum / n).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grid(loss: impl Fn(f64, f64, usize) -> f64) -> Vec<ScalingPoint> {
        let mut points = Vec::new();
        for parameters in [2e4, 6e4, 2e5, 8e5] {
            for tokens in [3e4, 1e5, 3e5, 1e6] {
                let loss = loss(parameters, tokens, points.len());
                points.push(ScalingPoint { parameters, tokens, loss });
            }
        }
        points
    }

    fn law(parameters: f64, tokens: f64) -> f64 {
        2.0 + 30.0 / f64::powf(parameters, 0.4) + 25.0 / f64::powf(tokens, 0.3)
    }

    fn noise(i: usize) -> f64 {
        0.004 * random::normal(7, i as u64)
    }

    #[test]
    fn a_known_law_is_found_through_noise() {
        let points = grid(|n, d, i| law(n, d) + noise(i));
        let found = ScalingLaw::fit(&points, 1).unwrap();
        assert!(found.doubts.is_empty(), "{found:?}");
        let truths = [(found.size_exponent, 0.4), (found.data_exponent, 0.3), (found.irreducible, 2.0)];
        for (interval, truth) in truths {
            assert!((interval.estimate - truth).abs() < 0.12 * truth.max(0.5), "{found:?}");
            assert!(interval.low <= truth && truth <= interval.high, "{found:?}");
        }
        let (n, d) = (1.6e6, 2e6);
        assert!((found.at(n, d) - law(n, d)).abs() < 0.03);
        assert_eq!(found, ScalingLaw::fit(&points, 1).unwrap(), "the same seed gives the same intervals");
    }

    #[test]
    fn a_run_that_went_wrong_does_not_carry_the_law_away() {
        let points = grid(|n, d, i| law(n, d) + noise(i) + if i == 5 { 0.3 } else { 0.0 });
        let found = search::fit(&points, Terms::Both, true);
        assert!((found.size_exponent - 0.4).abs() < 0.06, "{found:?}");
        assert!((found.data_exponent - 0.3).abs() < 0.05, "{found:?}");
        assert!((found.irreducible - 2.0).abs() < 0.12, "{found:?}");
    }

    #[test]
    fn noise_alone_supports_no_law() {
        let points = grid(|_, _, i| 3.0 + 0.05 * random::normal(3, i as u64));
        let found = ScalingLaw::fit(&points, 1).unwrap();
        assert!(!found.doubts.is_empty(), "{found:?}");
    }

    #[test]
    fn a_missing_effect_is_named() {
        let points = grid(|_, d, i| 2.0 + 25.0 / d.powf(0.3) + 0.004 * random::normal(5, i as u64));
        let found = ScalingLaw::fit(&points, 1).unwrap();
        assert!(found.doubts.iter().any(|doubt| doubt.contains("size")), "{found:?}");
        assert!(!found.doubts.iter().any(|doubt| doubt.contains("amount of data than")), "{found:?}");
    }

    #[test]
    fn too_few_runs_fit_nothing_and_say_so() {
        let points = grid(|n, d, _| law(n, d));
        assert!(ScalingLaw::fit(&points[..4], 1).is_none(), "one size");
        assert!(ScalingLaw::fit(&[], 1).is_none());
        let few = ScalingLaw::fit(&points[..8], 1).unwrap();
        assert!(few.doubts[0].contains("2 sizes"), "{few:?}");
        let broken = [ScalingPoint { loss: f64::NAN, ..points[0] }; 5];
        assert!(ScalingLaw::fit(&broken, 1).is_none());
    }
}

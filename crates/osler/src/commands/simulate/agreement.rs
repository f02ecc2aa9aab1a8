//! Do the model's direct answer and its simulated one agree, and how do both stand to what came true?

use super::picture;
use anyhow::{Context, Result};
use model::Estimate;
use serde_json::json;
use std::path::Path;

/// Both answers to one question.
#[derive(Clone, Copy)]
pub struct Pair {
    /// The horizon-risk head's.
    pub direct: f64,
    /// The simulation's.
    pub estimate: Estimate,
    /// What came true, where known.
    pub outcome: Option<bool>,
}

/// Both answers to many questions.
pub struct Agreement {
    codes: Vec<String>,
    horizons: Vec<&'static str>,
    /// `[codes, horizons]`.
    pairs: Vec<Vec<Pair>>,
}

/// What is said of one code and horizon.
pub struct Comparison {
    pub code: String,
    pub horizon: &'static str,
    pub subjects: usize,
    pub direct: f64,
    pub simulated: f64,
    /// Direct less simulated.
    pub difference: f64,
    /// Of the difference, by simulation alone.
    pub simulation_error: f64,
    /// Share of subjects whose difference is within 1.96 of their own standard errors.
    pub within_error: f64,
    /// Of the two over subjects.
    pub correlation: f64,
    /// Root of the mean squared difference that simulation's error does not account for.
    pub disagreement: f64,
    /// Outcomes known, of them come true, and what both had expected of them.
    pub known: usize,
    pub observed: f64,
    pub direct_expected: f64,
    pub simulated_expected: f64,
}

/// A group of predictions of similar size, and what came true of them.
pub struct Group {
    pub predicted: f64,
    pub observed: f64,
    pub rows: usize,
}

impl Agreement {
    pub fn new(codes: Vec<String>, horizons: Vec<&'static str>) -> Self {
        let pairs = vec![Vec::new(); codes.len() * horizons.len()];
        Agreement { codes, horizons, pairs }
    }

    /// Adds one subject's answers for a code and a horizon, by place.
    pub fn add(&mut self, (code, horizon): (usize, usize), pair: Pair) {
        self.pairs[code * self.horizons.len() + horizon].push(pair);
    }

    pub fn comparisons(&self) -> Vec<Comparison> {
        let each = self.pairs.iter().enumerate().filter(|(_, pairs)| !pairs.is_empty());
        each.map(|(place, pairs)| {
            let code = self.codes[place / self.horizons.len()].clone();
            compare(code, self.horizons[place % self.horizons.len()], pairs)
        })
        .collect()
    }

    /// Tenths of the predictions of all codes at the first horizon whose outcome is known, by size.
    pub fn calibration(&self, predicted: fn(&Pair) -> f64) -> Vec<Group> {
        let first = self.pairs.iter().step_by(self.horizons.len()).flatten();
        let known = first.filter_map(|pair| Some((predicted(pair), f64::from(u8::from(pair.outcome?)))));
        let mut known: Vec<(f64, f64)> = known.collect();
        known.sort_by(|a, b| a.0.total_cmp(&b.0));
        let share = known.len().div_ceil(10).max(1);
        let mean = |group: &[(f64, f64)], of: fn(&(f64, f64)) -> f64| {
            group.iter().map(of).sum::<f64>() / group.len() as f64
        };
        let group = |group: &[(f64, f64)]| Group {
            predicted: mean(group, |g| g.0),
            observed: mean(group, |g| g.1),
            rows: group.len(),
        };
        known.chunks(share).map(group).collect()
    }

    /// One line a code and horizon, for a person.
    pub fn lines(&self) -> Vec<String> {
        let line = |c: &Comparison| {
            format!(
                "{} {}: direct {:.4}, simulated {:.4}, difference {:+.4} ± {:.4} by simulation, n {}",
                c.code,
                c.horizon,
                c.direct,
                c.simulated,
                c.difference,
                1.96 * c.simulation_error,
                c.subjects
            )
        };
        self.comparisons().iter().map(line).collect()
    }

    /// Writes `agreement.json` and `agreement.svg`.
    pub fn write(&self, dir: &Path) -> Result<()> {
        let comparisons = self.comparisons();
        let groups = |groups: &[Group]| -> Vec<serde_json::Value> {
            groups
                .iter()
                .map(|g| json!({ "predicted": g.predicted, "observed": g.observed, "rows": g.rows }))
                .collect()
        };
        let simulated = self.calibration(|pair| pair.estimate.mean);
        let direct = self.calibration(|pair| pair.direct);
        let found = json!({
            "each": comparisons.iter().map(|c| json!({
                "code": c.code, "horizon": c.horizon, "subjects": c.subjects,
                "direct": c.direct, "simulated": c.simulated, "difference": c.difference,
                "simulation_error": c.simulation_error, "z": c.difference / c.simulation_error,
                "subjects_within_error": c.within_error, "correlation": c.correlation,
                "disagreement_beyond_error": c.disagreement,
                "outcomes_known": c.known, "observed": c.observed,
                "direct_expected": c.direct_expected, "simulated_expected": c.simulated_expected,
            })).collect::<Vec<_>>(),
            "calibration_of_direct": groups(&direct),
            "calibration_of_simulated": groups(&simulated),
        });
        let path = dir.join("agreement.json");
        std::fs::write(&path, format!("{found:#}\n"))
            .with_context(|| format!("cannot write {}", path.display()))?;
        let path = dir.join("agreement.svg");
        picture::draw(&comparisons, &direct, &simulated, &path)
            .map_err(|error| anyhow::anyhow!("cannot draw {}: {error}", path.display()))
    }
}

fn compare(code: String, horizon: &'static str, pairs: &[Pair]) -> Comparison {
    let n = pairs.len() as f64;
    let mean = |of: &dyn Fn(&Pair) -> f64| pairs.iter().map(of).sum::<f64>() / n;
    let difference = |pair: &Pair| pair.direct - pair.estimate.mean;
    let (direct, simulated) = (mean(&|p| p.direct), mean(&|p| p.estimate.mean));
    let noise = mean(&|p| p.estimate.standard_error.powi(2));
    let covariance = mean(&|p| (p.direct - direct) * (p.estimate.mean - simulated));
    let variances =
        (mean(&|p| (p.direct - direct).powi(2)), mean(&|p| (p.estimate.mean - simulated).powi(2)));
    let within = |p: &Pair| f64::from(u8::from(difference(p).abs() <= 1.96 * p.estimate.standard_error));
    let known: Vec<&Pair> = pairs.iter().filter(|p| p.outcome.is_some()).collect();
    let of_known = |of: &dyn Fn(&Pair) -> f64| known.iter().map(|p| of(p)).sum::<f64>() / known.len() as f64;
    Comparison {
        code,
        horizon,
        subjects: pairs.len(),
        direct,
        simulated,
        difference: direct - simulated,
        simulation_error: (noise / n).sqrt(),
        within_error: mean(&within),
        correlation: covariance / (variances.0 * variances.1).sqrt(),
        disagreement: (mean(&|p| difference(p).powi(2)) - noise).max(0.0).sqrt(),
        known: known.len(),
        observed: of_known(&|p| f64::from(u8::from(p.outcome == Some(true)))),
        direct_expected: of_known(&|p| p.direct),
        simulated_expected: of_known(&|p| p.estimate.mean),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair(direct: f64, simulated: f64, outcome: Option<bool>) -> Pair {
        Pair { direct, estimate: Estimate { mean: simulated, standard_error: 0.02 }, outcome }
    }

    #[test]
    fn differences_are_held_against_the_simulations_own_error() {
        let mut agreement = Agreement::new(vec!["A//1".into(), "A//2".into()], vec!["1y"]);
        for i in 0..100 {
            let risk = f64::from(i) / 200.0;
            let noise = if i % 2 == 0 { 0.02 } else { -0.02 };
            agreement.add((0, 0), pair(risk, risk + noise, Some(i % 4 == 0)));
            agreement.add((1, 0), pair(risk + 0.1, risk + noise, None));
        }
        let [same, other] = &agreement.comparisons()[..] else { panic!("two codes") };
        assert!((same.difference).abs() < 1e-12 && same.within_error == 1.0 && same.disagreement < 1e-6);
        assert!((same.simulation_error - 0.002).abs() < 1e-12);
        assert!((same.observed - 0.25).abs() < 1e-12 && same.known == 100);
        assert!((other.difference - 0.1).abs() < 1e-12 && other.within_error == 0.0);
        assert!((other.disagreement - 0.1).abs() < 1e-9 && other.correlation > 0.98 && other.known == 0);
        let tenths = agreement.calibration(|pair| pair.direct);
        assert_eq!(tenths.len(), 10);
        assert!(tenths.iter().all(|group| group.rows == 10));
        assert!((tenths[0].predicted - 0.0225).abs() < 1e-9);
    }

    #[test]
    fn both_files_are_written_even_of_nothing() {
        for n in [0, 30] {
            let dir = tempfile::tempdir().unwrap();
            let mut agreement = Agreement::new(vec!["A//1".into()], vec!["1y"]);
            (0..n).for_each(|i| agreement.add((0, 0), pair(0.1, 0.1, Some(i % 9 == 0))));
            agreement.write(dir.path()).unwrap();
            let text = std::fs::read_to_string(dir.path().join("agreement.json")).unwrap();
            let found: serde_json::Value = serde_json::from_str(&text).unwrap();
            assert_eq!(found["each"].as_array().unwrap().len(), usize::from(n > 0));
            assert!(std::fs::read_to_string(dir.path().join("agreement.svg")).unwrap().contains("<svg"));
        }
    }
}

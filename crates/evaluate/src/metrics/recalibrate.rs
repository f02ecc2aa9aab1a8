//! Risks corrected to what happened: Platt's logistic correction and isotonic regression.

use super::calibration::{Recalibration, recalibration};
use super::scored::{Scored, expit, logit};

/// Platt's correction: expit(a + b · logit(risk)), the maximum-likelihood line without the pseudo-counts of
/// Platt (1999), which is the logistic recalibration of Cox (Biometrika 1958).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Platt {
    intercept: f64,
    slope: f64,
}

impl Platt {
    /// `None` without a finite solution: one class only, equal risks, or perfect separation.
    pub fn fit(scored: &Scored) -> Option<Self> {
        let Recalibration { intercept_beside_slope, slope, .. } = recalibration(scored);
        (intercept_beside_slope.is_finite() && slope.is_finite())
            .then_some(Platt { intercept: intercept_beside_slope, slope })
    }

    /// The corrected risk.
    pub fn apply(&self, risk: f64) -> f64 {
        expit(self.intercept + self.slope * logit(risk))
    }
}

/// Isotonic regression of the outcome on the risk, by pooling adjacent violators; linear between the blocks' ends and
/// constant beyond, as scikit-learn's `IsotonicRegression(out_of_bounds="clip")`.
#[derive(Clone, Debug, PartialEq)]
pub struct Isotonic {
    /// Risks at which the line is known, rising.
    risks: Vec<f64>,
    /// Its values there, never falling.
    values: Vec<f64>,
}

impl Isotonic {
    /// `None` without a row.
    pub fn fit(scored: &Scored) -> Option<Self> {
        // (lowest risk, highest risk, weight, mean)
        let mut blocks: Vec<(f64, f64, f64, f64)> = Vec::new();
        let mut i = scored.len();
        while i > 0 {
            let risk = scored.probability[i - 1];
            let (mut weight, mut events) = (0.0, 0.0);
            while i > 0 && scored.probability[i - 1] == risk {
                i -= 1;
                weight += scored.weight[i];
                events += if scored.outcome[i] { scored.weight[i] } else { 0.0 };
            }
            if weight <= 0.0 {
                continue;
            }
            blocks.push((risk, risk, weight, events / weight));
            while let [.., below, above] = blocks.as_slice()
                && below.3 >= above.3
            {
                let weight = below.2 + above.2;
                let merged = (below.0, above.1, weight, (below.2 * below.3 + above.2 * above.3) / weight);
                blocks.truncate(blocks.len() - 2);
                blocks.push(merged);
            }
        }
        let (mut risks, mut values) = (vec![], vec![]);
        for (low, high, _, mean) in blocks {
            risks.push(low);
            values.push(mean);
            if high > low {
                risks.push(high);
                values.push(mean);
            }
        }
        (!risks.is_empty()).then_some(Isotonic { risks, values })
    }

    /// The corrected risk.
    pub fn apply(&self, risk: f64) -> f64 {
        match self.risks.partition_point(|&r| r < risk) {
            0 => self.values[0],
            above if above == self.risks.len() => self.values[above - 1],
            above => {
                let (x0, x1) = (self.risks[above - 1], self.risks[above]);
                let (y0, y1) = (self.values[above - 1], self.values[above]);
                y0 + (y1 - y0) * (risk - x0) / (x1 - x0)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn isotonic_pools_what_falls() {
        let scored =
            Scored::from_pairs(&[0.1, 0.2, 0.3, 0.4, 0.5], &[false, true, false, false, true]).unwrap();
        let fit = Isotonic::fit(&scored).unwrap();
        let third = 1.0 / 3.0;
        for (risk, want) in
            [(0.0, 0.0), (0.1, 0.0), (0.2, third), (0.4, third), (0.45, 2.0 * third), (0.9, 1.0)]
        {
            assert!((fit.apply(risk) - want).abs() < 1e-12, "{risk}: {}", fit.apply(risk));
        }
        assert!(Isotonic::fit(&Scored::default()).is_none());
    }

    #[test]
    fn platt_undoes_a_logistic_distortion() {
        let (mut risks, mut outcomes) = (vec![], vec![]);
        for step in 1..20 {
            let truth = f64::from(step) / 20.0;
            for i in 0..200 {
                risks.push(expit(2.0 * logit(truth) - 1.0));
                outcomes.push(f64::from(i) < 200.0 * truth);
            }
        }
        let fit = Platt::fit(&Scored::from_pairs(&risks, &outcomes).unwrap()).unwrap();
        assert!((fit.apply(expit(2.0 * logit(0.3) - 1.0)) - 0.3).abs() < 1e-3);
        assert!(Platt::fit(&Scored::from_pairs(&[0.2, 0.4], &[true, true]).unwrap()).is_none());
    }
}

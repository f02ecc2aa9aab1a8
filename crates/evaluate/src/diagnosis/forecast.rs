//! What a test's result may be, and what each would mean.

/// A test's possible results.
#[derive(Clone, Debug, PartialEq)]
pub struct Forecast {
    /// How likely each result is; they sum to 1.
    pub shares: Vec<f64>,
    /// For each result, the chance of each condition after it.
    pub chances: Vec<Vec<f64>>,
}

/// The entropy of a chance in bits.
pub(super) fn entropy(chance: f64) -> f64 {
    let part = |p: f64| if p > 0.0 { -p * p.log2() } else { 0.0 };
    part(chance) + part(1.0 - chance)
}

impl Forecast {
    /// The chance of each condition with the test done and its result not yet known.
    pub fn expected(&self) -> Vec<f64> {
        let conditions = self.chances.first().map_or(0, Vec::len);
        (0..conditions).map(|c| self.mean(|chances| chances[c])).collect()
    }

    /// What the result is expected to tell of each condition, in bits.
    pub fn bits(&self) -> Vec<f64> {
        let each = self.expected().into_iter().enumerate();
        each.map(|(c, expected)| (entropy(expected) - self.mean(|chances| entropy(chances[c]))).max(0.0))
            .collect()
    }

    /// What the result is worth for deciding on condition `condition`, where acting is right above the chance
    /// `threshold`: the expected gain in net benefit (Vickers and Elkin, Medical Decision Making 2006), in true positives
    /// per patient. It is nothing where no result would change the decision.
    pub fn decision_value(&self, condition: usize, threshold: f64) -> f64 {
        let odds = threshold / (1.0 - threshold);
        let benefit = |chance: f64| (chance - odds * (1.0 - chance)).max(0.0);
        let expected = self.mean(|chances| chances[condition]);
        (self.mean(|chances| benefit(chances[condition])) - benefit(expected)).max(0.0)
    }

    /// The range that the middle `share` of results would leave a condition's chance in.
    pub fn range(&self, condition: usize, share: f64) -> Option<(f64, f64)> {
        let mut each: Vec<(f64, f64)> =
            self.chances.iter().map(|c| c[condition]).zip(self.shares.iter().copied()).collect();
        each.sort_by(|a, b| a.0.total_cmp(&b.0));
        let at = |wanted: f64| {
            let mut sum = 0.0;
            let found = each.iter().find(|(_, s)| {
                sum += s;
                sum >= wanted - 1e-12
            });
            found.or(each.last()).map(|(chance, _)| *chance)
        };
        Some((at((1.0 - share) / 2.0)?, at((1.0 + share) / 2.0)?))
    }

    fn mean(&self, of: impl Fn(&[f64]) -> f64) -> f64 {
        self.shares.iter().zip(&self.chances).map(|(share, chances)| share * of(chances)).sum()
    }
}

//! What to measure.

use super::{Adversary, Error, QuasiIdentifier, SensitiveGroup};

/// Settings of one report.
#[derive(Clone, Debug)]
pub struct Options {
    /// What an adversary is assumed to know of everybody: the columns that make equivalence classes. Those that no
    /// subject has are left out and named in the report.
    pub quasi_identifiers: Vec<QuasiIdentifier>,
    /// Whose knowledge of (code, time) points is tried.
    pub adversaries: Vec<Adversary>,
    /// How many subjects, drawn at random, are looked for by what is known of them; all where there are fewer.
    pub targets: usize,
    /// Draws of known points a target.
    pub draws: usize,
    /// Decides which targets and points are drawn.
    pub seed: u64,
    /// Counts of subjects from 1 up to one below this are not printed for any named value.
    pub threshold: u32,
    /// The assumed share of the population that is in the data set, in (0, 1], for journalist risk; beside it 1,
    /// 0.1 and 0.01 are always given.
    pub sampling_fraction: Option<f64>,
    /// Groups of sensitive codes.
    pub sensitive: Vec<SensitiveGroup>,
    /// Points held at a time in the second pass, 12 bytes each: bounds memory, never changes a number.
    pub block_points: usize,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            quasi_identifiers: QuasiIdentifier::defaults(),
            adversaries: vec![Adversary::Codes, Adversary::GapsInMonths, Adversary::GapsInDays],
            targets: 10_000,
            draws: 2,
            seed: 1,
            threshold: 11,
            sampling_fraction: None,
            sensitive: SensitiveGroup::defaults(),
            block_points: 4_000_000,
        }
    }
}

impl Options {
    /// Checks the settings.
    ///
    /// # Errors
    /// When one can't be used.
    pub fn validate(&self) -> Result<(), Error> {
        let refuse = |setting, value: String, wanted| Err(Error::Setting { setting, value, wanted });
        if let Some(fraction) = self.sampling_fraction
            && !(fraction > 0.0 && fraction <= 1.0)
        {
            return refuse("the sampling fraction", fraction.to_string(), "above 0 and at most 1");
        }
        if self.targets == 0 || self.draws == 0 {
            return refuse("the number of targets or draws", "0".into(), "at least 1");
        }
        if self.threshold < 2 {
            return refuse("the small-cell threshold", self.threshold.to_string(), "at least 2");
        }
        if self.quasi_identifiers.is_empty() {
            return refuse("the list of quasi-identifiers", "empty".into(), "at least one");
        }
        if self.sensitive.len() > SensitiveGroup::MOST {
            return refuse("the number of sensitive groups", self.sensitive.len().to_string(), "at most 31");
        }
        Ok(())
    }
}

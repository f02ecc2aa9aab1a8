//! What a model can say about one patient beyond a risk: why, what else it may be, what to find out next.
//!
//! Here the model's answers, the record's words and the room of statistics meet. Nothing here decides how an effect or an
//! information is reckoned (`evaluate`), or how a record is read (`model`).

mod alike;
mod case;
mod decisions;
mod differential;
mod evidence;
mod features;
mod next_test;
mod options;
mod prices;
mod risks;
mod rules;
mod table;
mod validation;

use crate::code_kind::code_kind;
pub use crate::tuning_check::TuningCheck;
pub use alike::{Alike, People};
pub use case::{Case, day};
pub use decisions::{Decision, Question, before, first};
pub use differential::{Considered, Differential, differential};
pub use evidence::{Attribution, Evidence, Piece, Pieces, Wanted};
pub use features::{MODIFIERS, commonest_measurements, last_rank};
pub use next_test::{NextTests, measurements, next_tests};
pub use options::{Asked, Estimate, ForPatient, Said, Treatment, options};
pub use prices::Prices;
pub use risks::{EarlyDetection, Reference, early_detection};
pub use rules::Rules;
pub use table::Table;
pub use validation::{Known, Validation};

use ::serve::CodeKind;
use timeline::Vocabulary;

/// Every answer says it.
pub const CAVEAT: &str = "Not a medical device. Figures are a statistical model's, learned from records; they may be wrong, \
    association is not effect, and a clinician decides.";

/// A code as one reads it.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct Named {
    /// `SYSTEM//code`.
    pub code: String,
    /// In words, where known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
}

impl Named {
    /// The code of a vocabulary's entry.
    pub fn of(vocabulary: &Vocabulary, index: u32) -> Self {
        let entry = vocabulary.entry(index);
        let code = entry.map_or_else(String::new, |e| e.code.to_string());
        let description = match index {
            Vocabulary::DEATH => Some("Death".to_owned()),
            _ => entry.and_then(|e| e.description.clone()),
        };
        Named { code, description }
    }

    /// The words, or else the code.
    pub fn words(&self) -> &str {
        self.description.as_deref().unwrap_or(&self.code)
    }
}

/// Conditions that a model gives risks for, death aside: the commonest `most`.
pub fn conditions(vocabulary: &Vocabulary, risk_codes: &[u32], most: usize) -> Vec<u32> {
    let mut all: Vec<(u64, u32)> = risk_codes
        .iter()
        .filter_map(|index| {
            let entry = vocabulary.entry(*index)?;
            let wanted = entry.kind == timeline::EntryKind::Event
                && *index != Vocabulary::DEATH
                && code_kind(entry) == CodeKind::Condition;
            wanted.then_some((entry.subjects, *index))
        })
        .collect();
    all.sort_by_key(|(subjects, index)| (std::cmp::Reverse(*subjects), *index));
    all.truncate(most);
    all.into_iter().map(|(_, index)| index).collect()
}

/// The chance with some log-odds.
pub fn chance(log_odds: f64) -> f64 {
    1.0 / (1.0 + (-log_odds).exp())
}

/// Log-odds, finite.
pub fn log_odds(chance: f64) -> f64 {
    let p = chance.clamp(1e-9, 1.0 - 1e-9);
    (p / (1.0 - p)).ln()
}

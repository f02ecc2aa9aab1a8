//! Is the reasoning right? Risks, differentials and effects of treatments against a truth that only a simulation knows.
//!
//! A synthetic population knows each person's true chances, the best that anybody could say from the record (an optimal
//! observer), what has begun unseen, and what would have become of everybody under each treatment. Three things are graded against
//! that: how people are ranked and how right the risks are ([`risks()`]), how high disease that is there and unrecorded stands
//! in a differential ([`differential`]), and estimated effects ([`effect`]). All intervals are of the bootstrap by subject; what rests on
//! too few is said to, not measured.
//!
//! ```
//! use evaluate::grading::{RiskQuestion, RiskRow, Settings, risks};
//!
//! // The model knows the chance, the observer can't tell anybody apart.
//! let rows = (0..400_u32)
//!     .map(|i| {
//!         let chance = f64::from(i % 10) / 10.0;
//!         RiskRow { subject_id: i.into(), chance, outcome: None, lead_days: None, scores: vec![chance, 0.3] }
//!     })
//!     .collect();
//! let question = RiskQuestion { code: "X".into(), name: "x".into(), horizon_days: 365.25, rows };
//! let graded = risks(&[question], &["model".into(), "observer".into()], &Settings::default());
//! let of = |name: &str| graded.each[0].auc[name].value.unwrap();
//! assert!(of("model") > 0.8 && (of("observer") - 0.5).abs() < 1e-9);
//! ```

mod expected;
mod leads;
mod ranks;
mod report;
mod risks;
mod rule;
#[cfg(test)]
mod tests;
mod treatments;

pub use ranks::{DifferentialGrade, RankedCase, RankedWell, differential, rank_among};
pub use report::GradeReport;
pub(crate) use report::shares as in_shares;
pub use risks::{Lead, RiskGrade, RiskGrades, RiskQuestion, RiskRow, RiskSummary, risks};
pub use rule::Rule;
pub use treatments::{
    DecisionTruth, EffectGrade, EffectQuestion, EffectSummary, Estimator, Interval as EffectInterval,
    Refused, effect, effects_summary,
};

use crate::bootstrap::Bootstrap;

/// The predictor that is graded, and the one that it is measured against: the first two names of every list.
pub const MODEL: &str = "model";
/// The best that can be said from the record.
pub const OBSERVER: &str = "observer";

/// How things are graded.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// How intervals are made.
    pub bootstrap: Bootstrap,
    /// What rests on fewer events (expected, or cases) isn't measured.
    pub least: f64,
    /// The specificity at which sensitivity is told.
    pub specificity: f64,
    /// How many of the commonest conditions are summed up.
    pub commonest: usize,
}

impl Default for Settings {
    /// 500 draws, at least ten events, 95 % specificity, the twenty commonest.
    fn default() -> Self {
        Settings { bootstrap: Bootstrap::default(), least: 10.0, specificity: 0.95, commonest: 20 }
    }
}

//! The stages of a model's life, and which may follow which.

use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

/// Where a model stands in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Stage {
    /// Trained, not yet shown to work.
    Draft,
    /// Shown to work, by an evaluation.
    Validated,
    /// Scoring and logging, answering nobody.
    Silent,
    /// In use.
    Live,
    /// No longer in use.
    Retired,
}

impl Stage {
    /// In order.
    pub const ALL: [Stage; 5] = [Stage::Draft, Stage::Validated, Stage::Silent, Stage::Live, Stage::Retired];

    /// The word on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Stage::Draft => "draft",
            Stage::Validated => "validated",
            Stage::Silent => "silent",
            Stage::Live => "live",
            Stage::Retired => "retired",
        }
    }

    /// The one stage that a model can be promoted to from here. A retired model stays retired.
    pub const fn next(self) -> Option<Stage> {
        match self {
            Stage::Draft => Some(Stage::Validated),
            Stage::Validated => Some(Stage::Silent),
            Stage::Silent => Some(Stage::Live),
            Stage::Live | Stage::Retired => None,
        }
    }

    /// May a model be taken back from here to there? From any stage to any earlier one but draft, and to the end.
    pub fn may_fall_to(self, to: Stage) -> bool {
        self != Stage::Retired && to != Stage::Draft && (to == Stage::Retired || to < self)
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Stage {
    type Err = crate::Error;
    fn from_str(text: &str) -> Result<Self, crate::Error> {
        Stage::ALL
            .into_iter()
            .find(|stage| stage.name() == text)
            .ok_or(crate::Error::Malformed("a stage is one of draft, validated, silent, live, retired"))
    }
}

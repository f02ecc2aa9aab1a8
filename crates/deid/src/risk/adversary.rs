//! What somebody may know of a subject's events, and how it is drawn.

use events::{MICROS_PER_DAY, Time};
use rand::rngs::StdRng;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// Somebody who saw some of a subject's events, and what of their times.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Adversary {
    /// Which codes the record holds, no time.
    Codes,
    /// Codes, and for each how many months of 30 days it lies after (or before) the first one known.
    #[serde(rename = "gaps-month")]
    GapsInMonths,
    /// Codes, and for each how many days it lies after (or before) the first one known.
    #[serde(rename = "gaps-day")]
    GapsInDays,
    /// Codes and calendar years, as shown.
    #[serde(rename = "year")]
    Years,
    /// Codes and calendar months, as shown.
    #[serde(rename = "month")]
    Months,
    /// Codes and calendar days, as shown.
    #[serde(rename = "day")]
    Days,
}

/// How known times relate to a record's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Relation {
    /// Not at all.
    None,
    /// To the first known point's, wherever in the record that is.
    ToFirst,
    /// As they stand.
    Absolute,
}

/// One known point: a code, and the days among which it lies, counted as the [`Relation`] says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Known {
    pub code: u32,
    pub low: i32,
    pub high: i32,
}

/// Days in a month of a gap.
const GAP_MONTH: i32 = 30;

impl Adversary {
    /// All of them, the least knowing first.
    pub const ALL: [Adversary; 6] = [
        Adversary::Codes,
        Adversary::GapsInMonths,
        Adversary::GapsInDays,
        Adversary::Years,
        Adversary::Months,
        Adversary::Days,
    ];

    /// The name on the command line and in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Adversary::Codes => "codes",
            Adversary::GapsInMonths => "gaps-month",
            Adversary::GapsInDays => "gaps-day",
            Adversary::Years => "year",
            Adversary::Months => "month",
            Adversary::Days => "day",
        }
    }

    /// What this one knows, for a reader.
    pub fn knows(self) -> &'static str {
        match self {
            Adversary::Codes => "which codes the record holds, without any time",
            Adversary::GapsInMonths => {
                "codes, and how many whole months (of 30 days) each came after or before the first one known"
            }
            Adversary::GapsInDays => "codes, and how many days each came after or before the first one known",
            Adversary::Years => "codes and the calendar year of each, as the data set shows it",
            Adversary::Months => "codes and the calendar month of each, as the data set shows it",
            Adversary::Days => "codes and the calendar day of each, as the data set shows it",
        }
    }

    /// What this one knows, in a few words.
    pub(super) fn briefly(self) -> &'static str {
        match self {
            Adversary::Codes => "their codes alone",
            Adversary::GapsInMonths => "codes and the months between them",
            Adversary::GapsInDays => "codes and the days between them",
            Adversary::Years => "codes and calendar years",
            Adversary::Months => "codes and calendar months",
            Adversary::Days => "codes and calendar days",
        }
    }

    pub(super) fn relation(self) -> Relation {
        match self {
            Adversary::Codes => Relation::None,
            Adversary::GapsInMonths | Adversary::GapsInDays => Relation::ToFirst,
            Adversary::Years | Adversary::Months | Adversary::Days => Relation::Absolute,
        }
    }

    /// Up to `most` different points of a record, in random order; fewer where it has fewer. `points` are sorted and
    /// distinct (code, day) pairs.
    pub(super) fn draw(self, points: &[(u32, i32)], most: usize, rng: &mut StdRng) -> Vec<Known> {
        let different: Vec<Known> = match self.relation() {
            Relation::None => {
                let mut codes: Vec<u32> = points.iter().map(|(code, _)| *code).collect();
                codes.dedup();
                codes.into_iter().map(|code| Known { code, low: i32::MIN, high: i32::MAX }).collect()
            }
            Relation::ToFirst => {
                points.iter().map(|(code, day)| Known { code: *code, low: *day, high: *day }).collect()
            }
            Relation::Absolute => {
                let mut spans: Vec<Known> = points.iter().map(|(code, day)| self.span(*code, *day)).collect();
                spans.dedup();
                spans
            }
        };
        let chosen = rand::seq::index::sample(rng, different.len(), most.min(different.len()));
        let mut known: Vec<Known> = chosen.iter().map(|i| different[i]).collect();
        if self.relation() == Relation::ToFirst
            && let Some(first) = known.first().map(|k| k.low)
        {
            let step = if self == Adversary::GapsInMonths { GAP_MONTH } else { 1 };
            for (i, point) in known.iter_mut().enumerate() {
                let gap = (point.low - first).div_euclid(step) * step;
                (point.low, point.high) = if i == 0 { (0, 0) } else { (gap, gap + step - 1) };
            }
        }
        known
    }

    /// The calendar day, month or year around a day.
    fn span(self, code: u32, day: i32) -> Known {
        let (year, month, _) = Time::from_micros(i64::from(day) * MICROS_PER_DAY).ymd();
        let first_of = |year: i32, month: u32| {
            Time::from_ymd(year, month, 1).map_or(day, |t| (t.micros() / MICROS_PER_DAY) as i32)
        };
        let (low, high) = match self {
            Adversary::Years => (first_of(year, 1), first_of(year + 1, 1) - 1),
            Adversary::Months if month == 12 => (first_of(year, 12), first_of(year + 1, 1) - 1),
            Adversary::Months => (first_of(year, month), first_of(year, month + 1) - 1),
            _ => (day, day),
        };
        Known { code, low, high }
    }
}

impl fmt::Display for Adversary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Adversary {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Adversary::ALL.into_iter().find(|a| a.name() == text).ok_or_else(|| {
            let names: Vec<&str> = Adversary::ALL.iter().map(|a| a.name()).collect();
            format!("no adversary is named `{text}`; known are {}", names.join(", "))
        })
    }
}

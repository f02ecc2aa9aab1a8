//! Differential: what this patient may have, unrecorded, or be about to have.
//!
//! A record says when something is written down, not when it begins. So the chance told is that of being recorded within a
//! horizon: what is present and unrecorded is part of it, as is what is imminent; the two can't be told apart without
//! data that date onsets.

use super::Named;
use super::case::Case;
use super::evidence::{Attribution, Pieces, Wanted};
use super::validation::{Known, Validation};
use anyhow::Result;
use model::HORIZON_DAYS;
use serde::Serialize;

/// One thing that it may be.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Considered {
    /// From 1.
    pub rank: usize,
    /// What.
    #[serde(flatten)]
    pub condition: Named,
    /// The chance that it is recorded within the horizon.
    pub chance: f64,
    /// The same by age and sex alone.
    pub reference: Option<f64>,
    /// How sure: how often it came true among the validated people with the nearest chance. None without validation: the
    /// model alone states no interval.
    pub validated: Option<Known>,
    /// What speaks for it and what against, by single events and codes.
    pub evidence: Attribution,
}

/// What it may be.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Differential {
    /// Within how many days.
    pub horizon_days: f64,
    /// Likeliest first; not a partition, several may hold.
    pub considered: Vec<Considered>,
    /// The chance that each of those left out has at most.
    pub others_at_most: f64,
    /// How many are left out.
    pub others: usize,
}

/// The conditions that aren't in the record, likeliest first.
pub fn differential(
    case: &Case<'_>,
    conditions: &[u32],
    pieces: &Pieces,
    validation: &Validation,
    wanted: Wanted,
    most: usize,
) -> Result<Differential> {
    let (ranked, chances) = ranked(case, conditions, wanted.horizon)?;
    let kept = &ranked[..most.min(ranked.len())];
    let evidence = Attribution::of(case, pieces, kept, wanted)?;
    let horizon_days = HORIZON_DAYS[wanted.horizon];
    let each = kept.iter().zip(&chances).zip(evidence).enumerate();
    let considered = each.map(|(i, ((code, chance), evidence))| {
        let condition = Named::of(case.vocabulary(), *code);
        Considered {
            rank: i + 1,
            chance: *chance,
            reference: case.reference(*code, horizon_days),
            validated: validation.of(&condition.code, wanted.horizon, *chance),
            condition,
            evidence,
        }
    });
    Ok(Differential {
        horizon_days,
        considered: considered.collect(),
        others_at_most: chances.get(kept.len()).copied().unwrap_or(0.0),
        others: ranked.len() - kept.len(),
    })
}

/// The conditions that aren't in the record, likeliest first, with their chances.
pub fn ranked(case: &Case<'_>, conditions: &[u32], horizon: usize) -> Result<(Vec<u32>, Vec<f64>)> {
    let open: Vec<u32> = conditions.iter().copied().filter(|code| !case.has(*code)).collect();
    let mut each: Vec<(u32, f64)> =
        case.risk(&open)?.rows().map(|(code, row)| (code, f64::from(row[horizon]))).collect();
    each.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    Ok(each.into_iter().unzip())
}

//! Next best test: what each would be expected to tell, per cost, by the model's own distribution of its result.

use super::case::Case;
use super::prices::Prices;
use super::{Named, differential};
use crate::code_kind::code_kind;
use ::evaluate::diagnosis::{Candidate, Forecast, Plan, Stop, best};
use ::serve::CodeKind;
use anyhow::Result;
use serde::Serialize;
use timeline::EntryKind;

/// Cells that a result is told apart by: equally wide in ranks.
const CELLS: usize = 8;

/// A test worth doing.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Tested {
    /// Which.
    #[serde(flatten)]
    pub test: Named,
    /// Expected information over the unsettled conditions, in bits.
    pub bits: f64,
    /// What it costs.
    pub cost: f64,
    /// By which tests are ranked.
    pub bits_per_cost: f64,
    /// The condition that it tells most of, and how.
    pub tells: Told,
}

/// What a test tells of one condition.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Told {
    /// Which condition.
    #[serde(flatten)]
    pub condition: Named,
    /// In bits.
    pub bits: f64,
    /// The chance now.
    pub now: f64,
    /// The chance once the test is done and before its result is known: that it is done tells something too, which is not
    /// counted.
    pub done: f64,
    /// The chances after the middle nine tenths of results.
    pub after: (f64, f64),
    /// The result, in the commonest unit, after which the chance is highest.
    pub highest_at: f32,
    /// In which unit.
    pub unit: Option<String>,
}

/// What to do next.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct NextTests {
    /// Best first; empty where it is time to stop.
    pub tests: Vec<Tested>,
    /// Why to stop.
    pub stop: Option<Stop>,
    /// The unit of costs.
    pub unit: String,
    /// Spent so far.
    pub spent: f64,
}

/// Measurements with values, the commonest `most`.
pub fn measurements(case: &Case<'_>, most: usize) -> Vec<u32> {
    let vocabulary = case.vocabulary();
    let mut all: Vec<(u64, u32)> = (0..vocabulary.len() as u32)
        .filter_map(|index| vocabulary.entry(index).map(|entry| (index, entry)))
        .filter(|(_, e)| e.kind == EntryKind::Event && !e.values.is_empty())
        .filter(|(_, e)| code_kind(e) == CodeKind::Measurement)
        .map(|(index, e)| (e.subjects, index))
        .collect();
    all.sort_by_key(|(subjects, index)| (std::cmp::Reverse(*subjects), *index));
    all.truncate(most);
    all.into_iter().map(|(_, index)| index).collect()
}

/// What each test may show, and the chances of the conditions after each cell of results: all in one batch that shares the
/// record as it stands.
pub fn forecasts(
    case: &Case<'_>,
    tests: &[u32],
    conditions: &[u32],
    horizon: usize,
) -> Result<Vec<Forecast>> {
    let model = &case.directory.model;
    let shares = model.value_shares(&case.state, tests);
    let middle = |cell: usize| (cell as f32 + 0.5) / CELLS as f32;
    let tokens: Vec<_> =
        tests.iter().flat_map(|test| (0..CELLS).map(|cell| case.token(*test, middle(cell)))).collect();
    let tables = model.risk_with(&case.state, &tokens, Some(conditions))?;
    let chances = |table: &model::RiskTable| table.rows().map(|(_, row)| f64::from(row[horizon])).collect();
    let each = shares.iter().zip(tables.chunks_exact(CELLS)).map(|(bins, tables)| {
        let mut cells = vec![0.0; CELLS];
        for (i, share) in bins.iter().enumerate() {
            cells[i * CELLS / bins.len()] += f64::from(*share);
        }
        Forecast { shares: cells, chances: tables.iter().map(chances).collect() }
    });
    Ok(each.collect())
}

/// Ranks tests by what they are expected to tell of the likeliest conditions, or says why to stop.
pub fn next_tests(
    case: &Case<'_>,
    (tests, conditions): (&[u32], &[u32]),
    (horizon, most): (usize, usize),
    prices: &Prices,
    plan: &Plan,
    spent: f64,
) -> Result<NextTests> {
    let vocabulary = case.vocabulary();
    let (open, chances) = differential::ranked(case, conditions, horizon)?;
    let (open, chances) = (&open[..open.len().min(most)], &chances[..chances.len().min(most)]);
    let cost = |test: u32| prices.of(vocabulary.entry(test).map_or("", |e| e.code.as_str()));
    let candidates: Vec<Candidate> = forecasts(case, tests, open, horizon)?
        .into_iter()
        .zip(tests)
        .map(|(forecast, test)| Candidate { cost: cost(*test), forecast })
        .collect();
    let plan = Plan { budget: plan.budget - spent, ..*plan };
    let made = |tests, stop| NextTests { tests, stop, unit: prices.unit.clone(), spent };
    let ranked = match best(chances, &candidates, &plan) {
        Ok(ranked) => ranked,
        Err(stop) => return Ok(made(Vec::new(), Some(stop))),
    };
    let tested = ranked.into_iter().filter_map(|worth| {
        let (candidate, test) = (&candidates[worth.candidate], tests[worth.candidate]);
        let bits = candidate.forecast.bits();
        let (place, most) = bits.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1))?;
        let after = |cell: &usize| candidate.forecast.chances[*cell][place];
        let highest = (0..CELLS).max_by(|a, b| after(a).total_cmp(&after(b)))?;
        let distribution = vocabulary.entry(test)?.commonest_values()?;
        let tells = Told {
            condition: Named::of(vocabulary, open[place]),
            bits: *most,
            now: chances[place],
            done: candidate.forecast.expected()[place],
            after: candidate.forecast.range(place, 0.9)?,
            highest_at: distribution.value((highest as f32 + 0.5) / CELLS as f32),
            unit: distribution.unit.as_ref().map(ToString::to_string),
        };
        let (bits, bits_per_cost) = (worth.bits, worth.bits_per_cost);
        Some(Tested { test: Named::of(vocabulary, test), bits, cost: candidate.cost, bits_per_cost, tells })
    });
    Ok(made(tested.collect(), None))
}

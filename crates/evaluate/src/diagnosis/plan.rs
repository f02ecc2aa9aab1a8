//! The test to do next, and whether to go on.

use super::forecast::Forecast;
use serde::Serialize;

/// A test that could be done.
#[derive(Clone, Debug)]
pub struct Candidate {
    /// What it costs, in the units of the price list; positive.
    pub cost: f64,
    /// What it may show.
    pub forecast: Forecast,
}

/// When enough is known.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Plan {
    /// A condition is settled below this chance…
    pub rule_out: f64,
    /// … and above this one.
    pub rule_in: f64,
    /// A test that tells less than this is not worth doing, in bits.
    pub least_bits: f64,
    /// What may still be spent.
    pub budget: f64,
}

impl Default for Plan {
    fn default() -> Self {
        Plan { rule_out: 0.01, rule_in: 0.5, least_bits: 0.005, budget: f64::INFINITY }
    }
}

/// Why to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Stop {
    /// Every condition is ruled in or out.
    Settled,
    /// No test that is left tells enough.
    NothingTells,
    /// Those that would tell enough cost more than is left.
    Budget,
}

/// What a test is worth.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Worth {
    /// Its place among the candidates.
    pub candidate: usize,
    /// Expected information over all unsettled conditions, in bits.
    pub bits: f64,
    /// The same per unit of cost, by which tests are ranked.
    pub bits_per_cost: f64,
}

impl Plan {
    fn settled(&self, chance: f64) -> bool {
        chance < self.rule_out || chance > self.rule_in
    }
}

/// The tests worth doing, best first, or why to stop. Greedy: the most information per cost over the conditions that are
/// not settled at `chances`.
pub fn best(chances: &[f64], candidates: &[Candidate], plan: &Plan) -> Result<Vec<Worth>, Stop> {
    if chances.iter().all(|chance| plan.settled(*chance)) {
        return Err(Stop::Settled);
    }
    let worth = |(place, candidate): (usize, &Candidate)| {
        let bits = candidate.forecast.bits();
        let open = bits.iter().zip(chances).filter(|(_, chance)| !plan.settled(**chance));
        let bits = open.map(|(bits, _)| bits).sum::<f64>();
        Worth { candidate: place, bits, bits_per_cost: bits / candidate.cost }
    };
    let mut each: Vec<Worth> =
        candidates.iter().enumerate().map(worth).filter(|worth| worth.bits >= plan.least_bits).collect();
    if each.is_empty() {
        return Err(Stop::NothingTells);
    }
    each.retain(|worth| candidates[worth.candidate].cost <= plan.budget);
    if each.is_empty() {
        return Err(Stop::Budget);
    }
    each.sort_by(|a, b| b.bits_per_cost.total_cmp(&a.bits_per_cost).then(a.candidate.cmp(&b.candidate)));
    Ok(each)
}

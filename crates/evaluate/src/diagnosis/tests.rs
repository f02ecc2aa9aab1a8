//! A world small enough that the best policy can be worked out: one of four diseases or none, six tests.

use super::*;
use std::collections::HashMap;

const DISEASES: usize = 5;
/// How likely each is; the last is none.
const PRIOR: [f64; DISEASES] = [0.2, 0.12, 0.08, 0.1, 0.5];
/// How likely each test is positive in each disease, and what it costs.
const TESTS: [([f64; DISEASES], f64); 6] = [
    ([0.9, 0.9, 0.1, 0.1, 0.1], 1.0),
    ([0.85, 0.1, 0.8, 0.1, 0.05], 1.0),
    ([0.1, 0.9, 0.9, 0.5, 0.1], 2.0),
    ([0.95, 0.05, 0.05, 0.9, 0.02], 4.0),
    ([0.3, 0.3, 0.3, 0.3, 0.3], 1.0),
    ([0.5, 0.6, 0.5, 0.6, 0.4], 1.0),
];

/// Results so far: none, negative or positive.
type Known = [u8; TESTS.len()];

fn posterior(known: &Known) -> [f64; DISEASES] {
    let mut chance = PRIOR;
    for (result, (positive, _)) in known.iter().zip(&TESTS) {
        for (chance, positive) in chance.iter_mut().zip(positive) {
            *chance *= [1.0, 1.0 - positive, *positive][usize::from(*result)];
        }
    }
    let total: f64 = chance.iter().sum();
    chance.map(|c| c / total)
}

fn with(known: &Known, test: usize, positive: bool) -> Known {
    let mut next = *known;
    next[test] = if positive { 2 } else { 1 };
    next
}

fn chance_of_positive(known: &Known, test: usize) -> f64 {
    posterior(known).iter().zip(&TESTS[test].0).map(|(c, p)| c * p).sum()
}

fn open(known: &Known, budget: f64) -> Vec<usize> {
    (0..TESTS.len()).filter(|t| known[*t] == 0 && TESTS[*t].1 <= budget).collect()
}

fn forecast(known: &Known, test: usize) -> Forecast {
    let positive = chance_of_positive(known, test);
    let after = |result| posterior(&with(known, test, result)).to_vec();
    Forecast { shares: vec![1.0 - positive, positive], chances: vec![after(false), after(true)] }
}

/// The expected accuracy of naming the likeliest disease, when a policy chooses tests within a budget.
fn accuracy(known: &Known, budget: f64, policy: &dyn Fn(&Known, f64) -> Option<usize>) -> f64 {
    let Some(test) = policy(known, budget) else {
        return posterior(known).into_iter().fold(0.0, f64::max);
    };
    let (positive, left) = (chance_of_positive(known, test), budget - TESTS[test].1);
    positive * accuracy(&with(known, test, true), left, policy)
        + (1.0 - positive) * accuracy(&with(known, test, false), left, policy)
}

/// The best accuracy that any policy reaches.
fn optimal(known: &Known, budget: f64, memory: &mut HashMap<(Known, i64), f64>) -> f64 {
    if let Some(found) = memory.get(&(*known, budget as i64)) {
        return *found;
    }
    let mut best = posterior(known).into_iter().fold(0.0, f64::max);
    for test in open(known, budget) {
        let (positive, left) = (chance_of_positive(known, test), budget - TESTS[test].1);
        let expected = positive * optimal(&with(known, test, true), left, memory)
            + (1.0 - positive) * optimal(&with(known, test, false), left, memory);
        best = best.max(expected);
    }
    memory.insert((*known, budget as i64), best);
    best
}

fn greedy(known: &Known, budget: f64) -> Option<usize> {
    let tests: Vec<usize> = open(known, f64::INFINITY);
    let candidate = |t: &usize| Candidate { cost: TESTS[*t].1, forecast: forecast(known, *t) };
    let candidates: Vec<Candidate> = tests.iter().map(candidate).collect();
    let plan = Plan { rule_in: 1.0, rule_out: 0.0, least_bits: 1e-9, budget };
    best(&posterior(known), &candidates, &plan).ok().map(|worth| tests[worth[0].candidate])
}

/// The mean over random orders of tests, at a budget.
fn random(budget: f64) -> f64 {
    let orders = 120;
    let each = (0..orders).map(|seed: usize| {
        let mut order: Vec<usize> = (0..TESTS.len()).collect();
        order.sort_by_key(|t| (t + 1).wrapping_mul(2_654_435_761).wrapping_mul(2 * seed + 1) % 1_000_003);
        let policy =
            |known: &Known, left: f64| order.iter().copied().find(|t| known[*t] == 0 && TESTS[*t].1 <= left);
        accuracy(&[0; TESTS.len()], budget, &policy)
    });
    each.sum::<f64>() / orders as f64
}

#[test]
fn greedy_testing_lies_between_fixed_panels_and_the_best_policy() {
    let nothing = [0; TESTS.len()];
    let mut memory = HashMap::new();
    for budget in [1.0, 2.0, 3.0, 4.0, 6.0] {
        let ceiling = optimal(&nothing, budget, &mut memory);
        let found = accuracy(&nothing, budget, &greedy);
        // The cheapest first, whatever comes out.
        let panel = |known: &Known, left: f64| {
            let mut tests = open(known, left);
            tests.sort_by(|a, b| TESTS[*b].0[4].total_cmp(&TESTS[*a].0[4]).then(a.cmp(b)));
            tests.first().copied()
        };
        let fixed = accuracy(&nothing, budget, &panel);
        println!(
            "budget {budget}: greedy {found:.4}, best {ceiling:.4}, fixed panel {fixed:.4}, random order {:.4}",
            random(budget)
        );
        assert!(found <= ceiling + 1e-12, "{budget}: {found} {ceiling}");
        assert!(found > random(budget) && found > fixed, "{budget}: {found} {} {fixed}", random(budget));
        let gain = (found - 0.5) / (ceiling - 0.5);
        assert!(gain > 0.85, "{budget}: {gain} of what the best policy gains");
    }
}

#[test]
fn information_is_what_it_is_worth() {
    let nothing = [0; TESTS.len()];
    // A test that is as often positive in every disease tells nothing.
    assert!(forecast(&nothing, 4).bits().iter().all(|bits| bits.abs() < 1e-12));
    assert!(forecast(&nothing, 0).bits()[0] > forecast(&nothing, 5).bits()[0]);
    let expected = forecast(&nothing, 3).expected();
    assert!(
        expected.iter().zip(PRIOR).all(|(a, b)| (a - b).abs() < 1e-12),
        "results average to what was thought before"
    );
    let told = forecast(&nothing, 3);
    // 0.3 of results are positive; of those 0.19 / 0.3 have it.
    assert!((told.decision_value(0, 0.5) - (0.19 - 0.11)).abs() < 1e-9);
    assert_eq!(told.decision_value(2, 0.9), 0.0, "no result would change that decision");
    let (low, high) = told.range(0, 0.9).unwrap();
    assert!(low < 0.05 && high > 0.6);
}

#[test]
fn it_stops_for_a_reason() {
    let candidate = |shares: [f64; 2], chances: [f64; 2], cost| Candidate {
        cost,
        forecast: Forecast { shares: shares.to_vec(), chances: chances.map(|c| vec![c]).to_vec() },
    };
    let plan = Plan { budget: 10.0, ..Plan::default() };
    let telling = candidate([0.5, 0.5], [0.0, 0.4], 20.0);
    let idle = candidate([0.5, 0.5], [0.2, 0.2], 1.0);
    assert_eq!(best(&[0.005], std::slice::from_ref(&telling), &plan), Err(Stop::Settled));
    assert_eq!(best(&[0.2], std::slice::from_ref(&idle), &plan), Err(Stop::NothingTells));
    assert_eq!(best(&[0.2], &[idle.clone(), telling.clone()], &plan), Err(Stop::Budget));
    let cheap = Candidate { cost: 5.0, ..telling.clone() };
    let found = best(&[0.2], &[idle, telling, cheap], &Plan { budget: 30.0, ..plan }).unwrap();
    assert_eq!(found.iter().map(|w| w.candidate).collect::<Vec<_>>(), [2, 1]);
}

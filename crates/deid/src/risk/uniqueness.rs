//! How many subjects are the only ones who fit a few known points of theirs.
//!
//! De Montjoye, Hidalgo, Verleysen and Blondel, Unique in the Crowd, Sci Rep 2013;3:1376: a record is unique given
//! m points when no other record holds all of them.

use super::adversary::{Adversary, Known};
use super::block::Block;
use super::interval::wilson;
use rand::SeedableRng;
use rand::rngs::StdRng;
use rayon::prelude::*;
use serde::Serialize;
use std::cmp::Ordering;
use std::collections::BinaryHeap;

/// Points known at most.
pub(super) const MOST: usize = 5;

/// What one adversary finds.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Uniqueness {
    /// Who.
    pub adversary: Adversary,
    /// What is known, in words.
    pub knows: &'static str,
    /// Subjects who were looked for.
    pub targets: u64,
    /// Draws of known points for each.
    pub draws: u64,
    /// By how many points are known, from one.
    pub known: Vec<KnownPoints>,
}

/// The share of subjects who are unique given so many points.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct KnownPoints {
    /// How many points.
    pub points: u32,
    /// The share of draws, averaged over targets, that fit nobody else.
    pub share: f64,
    /// The 95 % interval's lower bound.
    pub low: f64,
    /// The 95 % interval's upper bound.
    pub high: f64,
    /// Targets with fewer points: all of theirs are taken as known.
    pub targets_with_fewer: u64,
}

/// What is known of one target in one draw, and from how many points on nobody else fits so far.
pub(super) struct Query {
    target: u32,
    known: Vec<Known>,
    unique_from: usize,
}

/// A random subset of subjects, which does not depend on the order they come in.
pub(super) struct Targets {
    adversaries: Vec<Adversary>,
    most: usize,
    draws: usize,
    seed: u64,
    chosen: BinaryHeap<Target>,
}

struct Target {
    priority: u64,
    subject: u32,
    /// By adversary, then by draw.
    queries: Vec<Vec<Known>>,
}

impl Targets {
    pub fn new(adversaries: Vec<Adversary>, most: usize, draws: usize, seed: u64) -> Self {
        Targets { adversaries, most, draws, seed, chosen: BinaryHeap::new() }
    }

    /// Offers a subject with its sorted distinct (code, day) points.
    pub fn offer(&mut self, id: i64, subject: u32, points: &[(u32, i32)]) {
        let priority = mix(self.seed ^ mix(id as u64));
        if self.chosen.len() >= self.most {
            if self.chosen.peek().is_none_or(|last| (priority, subject) >= (last.priority, last.subject)) {
                return;
            }
            self.chosen.pop();
        }
        let mut queries = Vec::with_capacity(self.adversaries.len() * self.draws);
        for adversary in &self.adversaries {
            // Each adversary has draws of its own, which don't depend on who else is asked for.
            let mut rng = StdRng::seed_from_u64(mix(priority ^ (*adversary as u64 + 1)));
            queries.extend((0..self.draws).map(|_| adversary.draw(points, MOST, &mut rng)));
        }
        self.chosen.push(Target { priority, subject, queries });
    }

    /// The queries of each adversary, by target and draw.
    pub fn into_search(self) -> Search {
        let mut chosen = self.chosen.into_vec();
        chosen.sort_by_key(|target| target.subject);
        let mut queries: Vec<Vec<Query>> = self.adversaries.iter().map(|_| Vec::new()).collect();
        for target in chosen {
            for (i, known) in target.queries.into_iter().enumerate() {
                queries[i / self.draws].push(Query { target: target.subject, known, unique_from: 1 });
            }
        }
        Search { adversaries: self.adversaries, draws: self.draws, queries }
    }
}

/// Queries under way.
pub(super) struct Search {
    pub adversaries: Vec<Adversary>,
    draws: usize,
    queries: Vec<Vec<Query>>,
}

impl Search {
    /// Asks who of a block fits. Who fits m + 1 points fits m of them too, so the least m is enough.
    pub fn look_in(&mut self, block: &Block) {
        for (adversary, queries) in self.adversaries.iter().zip(&mut self.queries) {
            let relation = adversary.relation();
            queries.par_iter_mut().for_each(|query| {
                while query.unique_from <= query.known.len()
                    && block.anybody_but(query.target, relation, &query.known[..query.unique_from])
                {
                    query.unique_from += 1;
                }
            });
        }
    }

    /// The shares, after all blocks.
    pub fn finish(&self) -> Vec<Uniqueness> {
        let each = self.adversaries.iter().zip(&self.queries);
        each.map(|(adversary, queries)| {
            let targets = queries.len() / self.draws.max(1);
            let known = (1..=MOST).map(|m| share_unique(queries, self.draws, m)).collect();
            Uniqueness {
                adversary: *adversary,
                knows: adversary.knows(),
                targets: targets as u64,
                draws: self.draws as u64,
                known,
            }
        })
        .collect()
    }

    /// For tests: what is known in each query, and whether it is unique given 1 to [`MOST`] points.
    #[cfg(test)]
    pub fn answers(&self, adversary: usize) -> Vec<(u32, Vec<Known>, [bool; MOST])> {
        let unique = |q: &Query| std::array::from_fn(|i| is_unique(q, i + 1));
        self.queries[adversary].iter().map(|q| (q.target, q.known.clone(), unique(q))).collect()
    }
}

fn is_unique(query: &Query, points: usize) -> bool {
    query.unique_from <= points.min(query.known.len())
}

/// The mean over targets, with Wilson's interval at the number of independent trials that would have this variance
/// (Korn and Graubard, Surv Methodol 1998;24:193): draws of one target are alike.
fn share_unique(queries: &[Query], draws: usize, points: usize) -> KnownPoints {
    let of_target =
        |own: &[Query]| own.iter().filter(|q| is_unique(q, points)).count() as f64 / own.len() as f64;
    let shares: Vec<f64> = queries.chunks(draws.max(1)).map(of_target).collect();
    let n = shares.len() as f64;
    let mean = if shares.is_empty() { 0.0 } else { shares.iter().sum::<f64>() / n };
    let variance = shares.iter().map(|s| (s - mean).powi(2)).sum::<f64>() / (n - 1.0).max(1.0);
    let trials = if variance > 0.0 { mean * (1.0 - mean) / (variance / n) } else { n };
    let interval = wilson(mean, trials);
    let fewer = queries.chunks(draws.max(1)).filter(|own| own[0].known.len() < points).count();
    KnownPoints {
        points: points as u32,
        share: mean,
        low: interval.low,
        high: interval.high,
        targets_with_fewer: fewer as u64,
    }
}

/// A bijection that spreads every bit (SplitMix64's finaliser).
pub(super) fn mix(x: u64) -> u64 {
    let mut z = x.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

impl PartialEq for Target {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Target {}

impl PartialOrd for Target {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Target {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.priority, self.subject).cmp(&(other.priority, other.subject))
    }
}

//! Membership inference: can it be told from a model whether somebody's record was trained on?
//!
//! An attack gives every record a score, higher for who looks like a member. Two are meant: the record's mean
//! log-likelihood an event (Yeom et al. 2018), and that number set against models that were not trained on the
//! record (the offline likelihood-ratio attack of Carlini et al. 2022, section VI), without which records that are
//! merely ordinary pass for members.

use super::Estimate;
use crate::bootstrap::Bootstrap;
use crate::error::{Error, Result};
use crate::evaluation::estimate;
use crate::metrics::Scored;
use crate::metrics::ranking::ranking;
use serde::{Deserialize, Serialize};

/// Shares of outsiders taken for members at which an attack is asked how many members it finds.
pub const FALSE_POSITIVE_RATES: [f64; 2] = [0.001, 0.01];

/// Points kept of an attack's curve.
const CURVE_POINTS: usize = 200;

/// How well an attack tells members from outsiders.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Membership {
    /// Which attack, in words.
    pub attack: String,
    /// Members attacked.
    pub members: usize,
    /// Outsiders attacked.
    pub outsiders: usize,
    /// The chance that a member scores higher than an outsider; 0.5 tells nothing.
    pub auc: Estimate,
    /// The least AUC that these numbers of people would find with a chance of 80 %.
    pub detectable_auc: Option<f64>,
    /// Members found while few outsiders are taken for members.
    pub found: Vec<Found>,
    /// The attack's curve: share of outsiders, share of members, at rising leniency.
    pub curve: Vec<(f64, f64)>,
}

/// The share of members found at a share of outsiders taken for members.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Found {
    /// Outsiders taken for members, at most this share.
    pub false_positive_rate: f64,
    /// Share of members found; absent where there are too few outsiders to tell.
    pub true_positive_rate: Estimate,
    /// Outsiders that it takes to tell at all: one of them must make up the rate.
    pub outsiders_needed: usize,
}

/// Measures an attack. Scores are higher for likelier members.
///
/// # Errors
/// [`Error::Setting`] for a score that is no finite number, and without members or outsiders.
pub fn membership(
    attack: &str,
    members: &[f64],
    outsiders: &[f64],
    bootstrap: &Bootstrap,
) -> Result<Membership> {
    bootstrap.validate()?;
    if members.is_empty() || outsiders.is_empty() {
        return Err(Error::Setting {
            setting: "members and outsiders of a membership attack",
            wanted: "at least one of each",
        });
    }
    if members.iter().chain(outsiders).any(|score| !score.is_finite()) {
        return Err(Error::Setting {
            setting: "each score of a membership attack",
            wanted: "a finite number",
        });
    }
    let (m, n) = (members.len(), outsiders.len());
    let all: Vec<f64> = members.iter().chain(outsiders).copied().collect();
    let is_member: Vec<bool> = (0..m + n).map(|i| i < m).collect();
    let scored = Scored::from_pairs(&by_rank(&all), &is_member)?;
    // Places by falling score, for the rates.
    let mut order: Vec<usize> = (0..all.len()).collect();
    order.sort_by(|a, b| all[*b].total_cmp(&all[*a]));
    let ones = vec![1; all.len()];
    let of = |counts: &[u32]| {
        let auc = ranking(&scored, Some(counts)).auroc;
        let rates =
            FALSE_POSITIVE_RATES.map(|rate| true_positive_rate(&all, &is_member, &order, counts, rate));
        (auc, rates)
    };
    let point = of(&ones);
    let draws = bootstrap.replicate(m + n, |counts| of(counts));
    let found = FALSE_POSITIVE_RATES
        .iter()
        .enumerate()
        .map(|(k, &rate)| {
            let needed = (1.0 / rate).round() as usize;
            let true_positive_rate = if n < needed {
                Estimate {
                    reason: Some(format!("can't be told with {n} outsiders; it takes {needed}")),
                    ..Estimate::default()
                }
            } else {
                estimate(point.1[k], draws.iter().map(|d| d.1[k]), bootstrap)
            };
            Found { false_positive_rate: rate, true_positive_rate, outsiders_needed: needed }
        })
        .collect();
    Ok(Membership {
        attack: attack.to_owned(),
        members: m,
        outsiders: n,
        auc: estimate(point.0, draws.iter().map(|d| d.0), bootstrap),
        detectable_auc: detectable_auc(m, n),
        found,
        curve: curve(&all, &is_member, &order),
    })
}

/// The offline likelihood-ratio score: by how many standard deviations the target model likes a record better than
/// the models that never saw it do.
///
/// `without[i]` holds record `i`'s scores under models that were not trained on it. With few of them a record's own
/// variance is hardly known, so it is drawn towards that of all records (as of four further models), as Carlini et
/// al. fix it. A record without such a score has no answer.
pub fn likelihood_ratio(target: &[f64], without: &[Vec<f64>]) -> Vec<Option<f64>> {
    const PRIOR: f64 = 4.0;
    let moments: Vec<Option<(f64, f64, f64)>> = without
        .iter()
        .map(|scores| {
            let n = scores.len() as f64;
            let mean = scores.iter().sum::<f64>() / n;
            let squares = scores.iter().map(|s| (s - mean).powi(2)).sum::<f64>();
            (!scores.is_empty()).then_some((n, mean, squares))
        })
        .collect();
    let (squares, freedom) = moments
        .iter()
        .flatten()
        .fold((0.0, 0.0), |(squares, freedom), (n, _, s)| (squares + s, freedom + n - 1.0));
    let pooled = if freedom > 0.0 && squares > 0.0 { squares / freedom } else { 1.0 };
    target
        .iter()
        .zip(&moments)
        .map(|(score, moments)| {
            let (n, mean, squares) = (*moments)?;
            let variance = (squares + PRIOR * pooled) / (n - 1.0 + PRIOR);
            Some((score - mean) / variance.sqrt())
        })
        .collect()
}

/// Numbers between 0 and 1 in the same order, ties kept.
fn by_rank(values: &[f64]) -> Vec<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    sorted.dedup();
    let last = (sorted.len() - 1).max(1) as f64;
    values.iter().map(|v| sorted.partition_point(|s| s < v) as f64 / last).collect()
}

/// The share of members above every threshold that lets through no more than `rate` of the outsiders.
fn true_positive_rate(scores: &[f64], is_member: &[bool], order: &[usize], counts: &[u32], rate: f64) -> f64 {
    let total = |member: bool| -> f64 {
        is_member.iter().zip(counts).filter(|(m, _)| **m == member).map(|(_, c)| f64::from(*c)).sum()
    };
    let (members, outsiders) = (total(true), total(false));
    // Rounding must not forbid the one in a thousand that is allowed.
    let allowed = rate * outsiders + 1e-9;
    let (mut let_through, mut found, mut kept) = (0.0, 0.0, 0.0);
    let mut i = 0;
    while i < order.len() {
        let score = scores[order[i]];
        while i < order.len() && scores[order[i]] == score {
            let count = f64::from(counts[order[i]]);
            if is_member[order[i]] {
                found += count
            } else {
                let_through += count
            }
            i += 1;
        }
        if let_through > allowed {
            break;
        }
        kept = found;
    }
    if members > 0.0 && outsiders > 0.0 { kept / members } else { f64::NAN }
}

fn curve(scores: &[f64], is_member: &[bool], order: &[usize]) -> Vec<(f64, f64)> {
    let members = is_member.iter().filter(|m| **m).count() as f64;
    let outsiders = is_member.len() as f64 - members;
    let (mut x, mut y) = (0.0, 0.0);
    let mut points = vec![(0.0, 0.0)];
    for (place, i) in order.iter().enumerate() {
        if is_member[*i] {
            y += 1.0
        } else {
            x += 1.0
        }
        if order.get(place + 1).is_none_or(|next| scores[*next] != scores[*i]) {
            points.push((x / outsiders, y / members));
        }
    }
    let step = points.len().div_ceil(CURVE_POINTS).max(1);
    let last = points.len() - 1;
    points.into_iter().enumerate().filter(|(i, _)| i % step == 0 || *i == last).map(|(_, p)| p).collect()
}

/// From the rank-sum statistic's variance where nothing can be told, `(m + n + 1) / 12 m n`.
fn detectable_auc(members: usize, outsiders: usize) -> Option<f64> {
    let (m, n) = (members as f64, outsiders as f64);
    // A two-sided test at 5 % with a power of 80 %.
    let at_least = 0.5 + (1.959_964 + 0.841_621) * ((m + n + 1.0) / (12.0 * m * n)).sqrt();
    (at_least <= 1.0).then_some(at_least)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{RngExt, SeedableRng, rngs::StdRng};

    fn bootstrap() -> Bootstrap {
        Bootstrap { draws: 200, seed: 1, confidence: 0.95 }
    }

    #[test]
    fn scores_that_tell_nothing_give_half_and_perfect_ones_everything() {
        let outsiders: Vec<f64> = (0..2000).map(f64::from).collect();
        let none = membership("a", &outsiders, &outsiders, &bootstrap()).unwrap();
        assert_eq!(none.auc.value, Some(0.5));
        assert!(none.auc.low.unwrap() < 0.5 && none.auc.high.unwrap() > 0.5);
        let at = |m: &Membership, k: usize| m.found[k].true_positive_rate.value.unwrap();
        assert!((at(&none, 0) - 0.001).abs() < 1e-9 && (at(&none, 1) - 0.01).abs() < 1e-9);
        let members: Vec<f64> = (0..500).map(|i| 5000.0 + f64::from(i)).collect();
        let all = membership("b", &members, &outsiders, &bootstrap()).unwrap();
        assert_eq!((all.auc.value, at(&all, 0), all.curve.last()), (Some(1.0), 1.0, Some(&(1.0, 1.0))));
    }

    #[test]
    fn too_few_outsiders_say_so() {
        let scores: Vec<f64> = (0..150).map(f64::from).collect();
        let few = membership("a", &scores, &scores, &bootstrap()).unwrap();
        assert_eq!(few.found[0].true_positive_rate.value, None);
        assert!(few.found[0].true_positive_rate.reason.as_ref().unwrap().contains("1000"));
        assert!(few.found[1].true_positive_rate.value.is_some());
        assert!((few.detectable_auc.unwrap() - 0.593).abs() < 0.002, "{:?}", few.detectable_auc);
        let three = membership("a", &scores[..2], &scores[..1], &bootstrap()).unwrap();
        assert_eq!(three.detectable_auc, None);
        assert!(membership("a", &[], &scores, &bootstrap()).is_err());
        assert!(membership("a", &[f64::NAN], &scores, &bootstrap()).is_err());
    }

    #[test]
    fn ties_are_not_found_by_luck() {
        // One score for everybody: nobody can be found without taking all for members.
        let same = vec![1.0; 1000];
        let found = membership("a", &same, &same, &bootstrap()).unwrap();
        assert_eq!((found.auc.value, found.found[0].true_positive_rate.value), (Some(0.5), Some(0.0)));
    }

    #[test]
    fn the_ratio_takes_away_what_is_merely_ordinary() {
        // Records differ by 10, membership by 0.2: the plain score is blind, the ratio is not.
        let record = |i: usize| 10.0 * ((i * 37 % 101) as f64 / 101.0);
        let noise = |i: usize, k: usize| 0.05 * (((i * 7 + k * 13) % 11) as f64 / 11.0 - 0.5);
        let target: Vec<f64> =
            (0..400).map(|i| record(i) + noise(i, 9) + if i < 200 { 0.2 } else { 0.0 }).collect();
        let without: Vec<Vec<f64>> =
            (0..400).map(|i| (0..4).map(|k| record(i) + noise(i, k)).collect()).collect();
        let ratio: Vec<f64> = likelihood_ratio(&target, &without).into_iter().flatten().collect();
        let auc = |s: &[f64]| membership("a", &s[..200], &s[200..], &bootstrap()).unwrap().auc.value.unwrap();
        assert!(auc(&target) < 0.6 && auc(&ratio) > 0.99, "{} {}", auc(&target), auc(&ratio));
        assert_eq!(likelihood_ratio(&[1.0], &[vec![]]), [None]);
        assert!(likelihood_ratio(&[1.0], &[vec![0.5]])[0].unwrap() > 0.0);
    }

    #[test]
    fn the_ratio_tells_nothing_of_a_model_that_saw_nobody() {
        // Records differ, models differ, and none was trained on any of them.
        let mut rng = StdRng::seed_from_u64(8);
        let mut misses = 0;
        for _ in 0..40 {
            let record: Vec<f64> = (0..120).map(|_| 5.0 * rng.random::<f64>()).collect();
            let mut model = || record.iter().map(|r| r + rng.random::<f64>()).collect::<Vec<f64>>();
            let (target, one, two) = (model(), model(), model());
            let without: Vec<Vec<f64>> = one.iter().zip(&two).map(|(a, b)| vec![*a, *b]).collect();
            let ratio: Vec<f64> = likelihood_ratio(&target, &without).into_iter().flatten().collect();
            let auc = membership("a", &ratio[..60], &ratio[60..], &bootstrap()).unwrap().auc;
            misses += usize::from(auc.low.unwrap() > 0.5 || auc.high.unwrap() < 0.5);
        }
        assert!(misses <= 5, "{misses} of 40 intervals miss 0.5");
    }
}

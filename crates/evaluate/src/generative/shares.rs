//! How often codes, and pairs of codes, stand in a stretch: real against simulated.
//!
//! Each subject counts once: whether its real stretch has the code, less the share of its simulated stretches that have.
//! The mean of these differences has a normal interval over subjects, so that no bootstrap is needed for thousands of
//! codes, and a subject's stretches are never taken for independent.

use super::{Estimate, Pair, Stretch};
use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};
use statrs::distribution::{ContinuousCDF, Normal};

/// Codes of which pairs are looked at, the commonest.
const PAIRED: usize = 30;

/// The share of stretches with a code, or with both codes of a pair.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Share {
    /// The code, or both.
    pub codes: Vec<String>,
    /// Subjects whose real stretch has it.
    pub real_subjects: usize,
    /// Share of real stretches.
    pub real: f64,
    /// Share of simulated ones.
    pub simulated: f64,
    /// Simulated less real.
    pub difference: Estimate,
    /// The chance of so large a difference if there is none, corrected by Holm over all codes, or all pairs.
    pub p_corrected: f64,
}

/// All codes, or all pairs of them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Shares {
    /// How many were compared.
    pub compared: usize,
    /// How many differ (corrected p below 0.05).
    pub differing: usize,
    /// Correlation of the shares, real against simulated, on a logarithmic scale.
    pub correlation: Estimate,
    /// Each, the commonest first.
    pub each: Vec<Share>,
}

/// Codes that at least `fewest` subjects have, really or simulated.
pub(super) fn codes(pairs: &[Pair], names: &[String], fewest: usize) -> Shares {
    let mut tallies: FxHashMap<u32, Tally> = FxHashMap::default();
    for pair in pairs {
        for (code, real, simulated) in per_subject(pair, |stretch| stretch.codes()) {
            tallies.entry(code).or_default().add(real, simulated);
        }
    }
    let named = |code: &u32| vec![names.get(*code as usize).cloned().unwrap_or_default()];
    finish(tallies, pairs.len(), fewest, named)
}

/// Pairs among the commonest codes.
pub(super) fn together(pairs: &[Pair], names: &[String], of: &Shares, fewest: usize) -> Shares {
    let place: FxHashMap<&str, u32> = (0..).zip(names).map(|(i, name)| (name.as_str(), i)).collect();
    let common: Vec<u32> =
        of.each.iter().take(PAIRED).filter_map(|s| place.get(s.codes[0].as_str()).copied()).collect();
    let both = |stretch: &Stretch| {
        let has: Vec<u32> = stretch.codes().into_iter().filter(|c| common.contains(c)).collect();
        let mut found = Vec::new();
        for (i, a) in has.iter().enumerate() {
            found.extend(has[i + 1..].iter().map(|b| (*a, *b)));
        }
        found
    };
    let mut tallies: FxHashMap<(u32, u32), Tally> = FxHashMap::default();
    for pair in pairs {
        for (codes, real, simulated) in per_subject(pair, both) {
            tallies.entry(codes).or_default().add(real, simulated);
        }
    }
    let named = |(a, b): &(u32, u32)| {
        [a, b].map(|code| names.get(*code as usize).cloned().unwrap_or_default()).to_vec()
    };
    finish(tallies, pairs.len(), fewest, named)
}

/// What a subject has, really (0 or 1) and in which share of its simulated stretches.
fn per_subject<K: std::hash::Hash + Eq>(pair: &Pair, of: impl Fn(&Stretch) -> Vec<K>) -> Vec<(K, f64, f64)> {
    let mut found: FxHashMap<K, (f64, f64)> = FxHashMap::default();
    for key in of(&pair.real) {
        found.entry(key).or_default().0 = 1.0;
    }
    let each = 1.0 / pair.simulated.len().max(1) as f64;
    for stretch in &pair.simulated {
        for key in of(stretch) {
            found.entry(key).or_default().1 += each;
        }
    }
    found.into_iter().map(|(key, (real, simulated))| (key, real, simulated)).collect()
}

#[derive(Default)]
struct Tally {
    with_either: usize,
    real_subjects: usize,
    real: f64,
    simulated: f64,
    squares: f64,
}

impl Tally {
    fn add(&mut self, real: f64, simulated: f64) {
        self.with_either += 1;
        self.real_subjects += usize::from(real > 0.0);
        self.real += real;
        self.simulated += simulated;
        self.squares += (simulated - real).powi(2);
    }
}

fn finish<K>(
    tallies: FxHashMap<K, Tally>,
    subjects: usize,
    fewest: usize,
    named: impl Fn(&K) -> Vec<String>,
) -> Shares {
    let n = subjects as f64;
    let normal = Normal::standard();
    let mut each: Vec<Share> = tallies
        .iter()
        .filter(|(_, tally)| tally.with_either >= fewest && subjects > 1)
        .map(|(key, tally)| {
            let mean = (tally.simulated - tally.real) / n;
            // Subjects without it on either side differ by nothing.
            let variance = (tally.squares - n * mean * mean).max(0.0) / (n - 1.0);
            let error = (variance / n).sqrt();
            let p = if error > 0.0 { 2.0 * normal.sf(mean.abs() / error) } else { 1.0 };
            Share {
                codes: named(key),
                real_subjects: tally.real_subjects,
                real: tally.real / n,
                simulated: tally.simulated / n,
                difference: Estimate {
                    value: Some(mean),
                    low: Some(mean - 1.959_964 * error),
                    high: Some(mean + 1.959_964 * error),
                    ..Estimate::default()
                },
                p_corrected: p,
            }
        })
        .collect();
    each.sort_by(|a, b| a.p_corrected.total_cmp(&b.p_corrected).then_with(|| a.codes.cmp(&b.codes)));
    let (many, mut largest) = (each.len(), 0.0_f64);
    for (place, share) in each.iter_mut().enumerate() {
        largest = largest.max(share.p_corrected * (many - place) as f64).min(1.0);
        share.p_corrected = largest;
    }
    each.sort_by(|a, b| {
        (b.real + b.simulated).total_cmp(&(a.real + a.simulated)).then_with(|| a.codes.cmp(&b.codes))
    });
    Shares {
        compared: many,
        differing: each.iter().filter(|s| s.p_corrected < 0.05).count(),
        correlation: correlation(&each, n),
        each,
    }
}

/// Of the logarithms, half a subject added so that what was never drawn has one; Fisher's interval.
fn correlation(each: &[Share], subjects: f64) -> Estimate {
    let log = |share: f64| ((share * subjects + 0.5) / (subjects + 1.0)).ln();
    let points: Vec<(f64, f64)> = each.iter().map(|s| (log(s.real), log(s.simulated))).collect();
    let n = points.len() as f64;
    if n < 4.0 {
        return Estimate { reason: Some("fewer than 4 to correlate".to_owned()), ..Estimate::default() };
    }
    let (mx, my) = (points.iter().map(|p| p.0).sum::<f64>() / n, points.iter().map(|p| p.1).sum::<f64>() / n);
    let sum = |f: &dyn Fn(&(f64, f64)) -> f64| points.iter().map(f).sum::<f64>();
    let (xx, yy) = (sum(&|p| (p.0 - mx).powi(2)), sum(&|p| (p.1 - my).powi(2)));
    let xy = sum(&|p| (p.0 - mx) * (p.1 - my));
    if xx <= 0.0 || yy <= 0.0 {
        return Estimate { reason: Some("all shares are the same".to_owned()), ..Estimate::default() };
    }
    let r = (xy / (xx * yy).sqrt()).clamp(-1.0, 1.0);
    let (z, wide) = (r.clamp(-1.0 + 1e-12, 1.0 - 1e-12).atanh(), 1.959_964 / (n - 3.0).sqrt());
    Estimate {
        value: Some(r),
        low: Some((z - wide).tanh()),
        high: Some((z + wide).tanh()),
        ..Estimate::default()
    }
}

//! Are simulated patients nearer to those who were trained on than to those who were not?
//!
//! The distance is Ruzicka's (weighted Jaccard) on `ln(1 + n)` of how often each code stands in a record:
//! `1 − Σ min / Σ max`, 0 for the same codes equally often, 1 for no code in common.

use super::Estimate;
use crate::bootstrap::Bootstrap;
use crate::evaluation::estimate;
use rand::SeedableRng;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

/// Labels drawn anew for the test.
const PERMUTATIONS: usize = 2000;

/// A record as codes and how often it has each.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Profile(Vec<(u32, f32)>);

impl Profile {
    /// Counts codes.
    pub fn new(codes: impl IntoIterator<Item = u32>) -> Self {
        let mut codes: Vec<u32> = codes.into_iter().collect();
        codes.sort_unstable();
        let counted = codes.chunk_by(|a, b| a == b).map(|same| (same[0], (1.0 + same.len() as f32).ln()));
        Profile(counted.collect())
    }

    /// Distinct codes.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Has it none?
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How far it is from another, 0 to 1.
    pub fn distance(&self, other: &Profile) -> f64 {
        let (mut a, mut b) = (self.0.iter().peekable(), other.0.iter().peekable());
        let (mut both, mut either) = (0.0_f64, 0.0_f64);
        loop {
            let (low, high) = match (a.peek(), b.peek()) {
                (None, None) => break,
                (Some((code, x)), Some((same, y))) if code == same => {
                    a.next();
                    b.next();
                    (x.min(*y), x.max(*y))
                }
                (Some((code, x)), Some((other, _))) if code < other => {
                    a.next();
                    (0.0, *x)
                }
                (Some((_, x)), None) => {
                    a.next();
                    (0.0, *x)
                }
                (_, Some((_, y))) => {
                    b.next();
                    (0.0, *y)
                }
            };
            both += f64::from(low);
            either += f64::from(high);
        }
        if either > 0.0 { 1.0 - both / either } else { 0.0 }
    }
}

/// What the nearest records of simulated patients tell.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Neighbours {
    /// Simulated patients.
    pub simulated: usize,
    /// Training records that they are set beside.
    pub training: usize,
    /// Held-out records that they are set beside.
    pub held_out: usize,
    /// Share of simulated patients whose nearest record of all was trained on (of ties the share that was).
    pub nearest_in_training: Estimate,
    /// What that share is if simulated patients are as near to either: the share of training records.
    pub expected: f64,
    /// The chance of so large a share if which records were trained on is nothing to the simulated ones.
    pub p_value: Option<f64>,
    /// Mean distance to the nearest of the training records, as many at a time as are held out.
    pub distance_to_training: Estimate,
    /// Mean distance to the nearest held-out record.
    pub distance_to_held_out: Estimate,
    /// The former over the latter; below 1 simulated patients are nearer to those trained on.
    pub ratio: Estimate,
    /// Simulated patients that are a training record, code for code.
    pub copies_of_training: usize,
    /// Simulated patients that are a held-out record, code for code.
    pub copies_of_held_out: usize,
    /// Quantiles of the distances, at 0, 5, … 100 %: to training, to held-out.
    pub quantiles: Vec<(f64, f64)>,
}

/// The nearest of many.
struct Nearest {
    /// The nearest of each part of the training records, and of the held-out ones.
    parts: Vec<f64>,
    held_out: f64,
    /// The nearest of all, by place: training records, then held-out ones.
    places: Vec<usize>,
    least: f64,
}

/// Sets simulated records beside real ones. None without simulated, training and held-out records.
pub fn neighbours(
    simulated: &[Profile],
    training: &[Profile],
    held_out: &[Profile],
    bootstrap: &Bootstrap,
) -> Option<Neighbours> {
    if simulated.is_empty() || training.is_empty() || held_out.is_empty() {
        return None;
    }
    // As many at a time as are held out, so that being many is no advantage.
    let size = held_out.len().min(training.len());
    let parts: Vec<&[Profile]> = training.chunks_exact(size).collect();
    let each: Vec<Nearest> =
        simulated.par_iter().map(|one| nearest(one, training, &parts, held_out, size)).collect();
    let mean_part = |n: &Nearest| n.parts.iter().sum::<f64>() / n.parts.len() as f64;
    let in_training = |n: &Nearest, is_training: &dyn Fn(usize) -> bool| {
        n.places.iter().filter(|p| is_training(**p)).count() as f64 / n.places.len() as f64
    };
    let truly = |place: usize| place < training.len();
    let shares: Vec<f64> = each.iter().map(|n| in_training(n, &truly)).collect();
    let (near, far): (Vec<f64>, Vec<f64>) = each.iter().map(|n| (mean_part(n), n.held_out)).unzip();
    let n = each.len();
    let mean = |values: &[f64], counts: &[u32]| {
        values.iter().zip(counts).map(|(v, c)| v * f64::from(*c)).sum::<f64>() / n as f64
    };
    let of = |counts: &[u32]| {
        let (a, b) = (mean(&near, counts), mean(&far, counts));
        [mean(&shares, counts), a, b, if b > 0.0 { a / b } else { f64::NAN }]
    };
    let point = of(&vec![1; n]);
    let draws = bootstrap.replicate(n, of);
    let number = |k: usize| estimate(point[k], draws.iter().map(|d| d[k]), bootstrap);
    let copies = |of_training: bool| {
        let copy = |n: &&Nearest| n.least == 0.0 && n.places.iter().any(|p| truly(*p) == of_training);
        each.iter().filter(copy).count()
    };
    let sorted = |mut values: Vec<f64>| {
        values.sort_unstable_by(f64::total_cmp);
        values
    };
    let (near_sorted, far_sorted) = (sorted(near.clone()), sorted(far.clone()));
    Some(Neighbours {
        simulated: n,
        training: training.len(),
        held_out: held_out.len(),
        nearest_in_training: number(0),
        expected: training.len() as f64 / (training.len() + held_out.len()) as f64,
        p_value: Some(permutation(&each, (training.len(), held_out.len()), point[0], bootstrap.seed)),
        distance_to_training: number(1),
        distance_to_held_out: number(2),
        ratio: number(3),
        copies_of_training: copies(true),
        copies_of_held_out: copies(false),
        quantiles: (0..=20)
            .map(|k| {
                let at = |values: &[f64]| crate::bootstrap::quantile(values, f64::from(k) / 20.0);
                (at(&near_sorted), at(&far_sorted))
            })
            .collect(),
    })
}

fn nearest(
    one: &Profile,
    training: &[Profile],
    parts: &[&[Profile]],
    held_out: &[Profile],
    size: usize,
) -> Nearest {
    let mut found = Nearest {
        parts: vec![f64::INFINITY; parts.len()],
        held_out: f64::INFINITY,
        places: vec![],
        least: f64::INFINITY,
    };
    let mut offer = |place: usize, distance: f64| {
        if distance < found.least {
            found.least = distance;
            found.places.clear();
        }
        if distance == found.least {
            found.places.push(place);
        }
    };
    for (place, record) in training.iter().enumerate() {
        let distance = one.distance(record);
        offer(place, distance);
        if let Some(part) = found.parts.get_mut(place / size) {
            *part = part.min(distance);
        }
    }
    for (place, record) in held_out.iter().enumerate() {
        let distance = one.distance(record);
        offer(training.len() + place, distance);
        // No more of them than a part has.
        if place < size {
            found.held_out = found.held_out.min(distance);
        }
    }
    found
}

/// Which records were trained on, drawn anew: exact where a record's split is by chance, whatever the records are
/// like and however many simulated patients lie near the same one.
fn permutation(each: &[Nearest], (training, held_out): (usize, usize), seen: f64, seed: u64) -> f64 {
    let mut rng = StdRng::seed_from_u64(seed ^ 0x6e65_6172);
    let mut is_training: Vec<bool> = (0..training + held_out).map(|i| i < training).collect();
    let mut as_large = 0;
    for _ in 0..PERMUTATIONS {
        is_training.shuffle(&mut rng);
        let share =
            |n: &Nearest| n.places.iter().filter(|p| is_training[**p]).count() as f64 / n.places.len() as f64;
        let drawn = each.iter().map(share).sum::<f64>() / each.len() as f64;
        as_large += usize::from(drawn >= seen - 1e-12);
    }
    (as_large + 1) as f64 / (PERMUTATIONS + 1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::RngExt;

    fn random(rng: &mut StdRng) -> Profile {
        Profile::new((0..12).map(|_| (60.0 * rng.random::<f64>().powi(2)) as u32))
    }

    #[test]
    fn the_distance_is_ruzickas() {
        let profile = |codes: &[u32]| Profile::new(codes.iter().copied());
        assert_eq!(profile(&[1, 2, 2]).distance(&profile(&[2, 1, 2])), 0.0);
        assert_eq!(profile(&[1]).distance(&profile(&[2])), 1.0);
        assert_eq!(profile(&[]).distance(&profile(&[])), 0.0);
        let (two, three) = (2f64.ln(), 3f64.ln());
        let got = profile(&[1, 1, 5]).distance(&profile(&[1, 7]));
        assert!((got - (1.0 - two / (three + two + two))).abs() < 1e-6, "{got}");
    }

    #[test]
    fn copies_of_training_records_are_found_and_strangers_are_not() {
        let draws = Bootstrap { draws: 100, ..Bootstrap::default() };
        let mut alarms = 0;
        for seed in 0..40 {
            let mut rng = StdRng::seed_from_u64(seed);
            let mut many = |n: usize| (0..n).map(|_| random(&mut rng)).collect::<Vec<_>>();
            let (training, held_out, strangers) = (many(160), many(40), many(80));
            let found = neighbours(&strangers, &training, &held_out, &draws).unwrap();
            alarms += usize::from(found.p_value.unwrap() < 0.01);
            assert_eq!(found.expected, 0.8);
            if seed == 0 {
                // Most are training records but for one code: with four training records to each held-out one, fewer
                // would not be told from chance.
                let mut simulated = strangers[..20].to_vec();
                simulated.extend(training[..60].iter().map(|p| Profile(p.0[1..].to_vec())));
                let found = neighbours(&simulated, &training, &held_out, &draws).unwrap();
                assert!(found.p_value.unwrap() < 0.01 && found.ratio.value.unwrap() < 1.0, "{found:?}");
                let copies = neighbours(&training[..80], &training, &held_out, &draws).unwrap();
                assert_eq!((copies.copies_of_training, copies.copies_of_held_out), (80, 0));
                assert!(copies.p_value.unwrap() < 0.001 && copies.nearest_in_training.value == Some(1.0));
            }
        }
        assert!(alarms <= 2, "{alarms} false alarms of 40 at 1 %");
        assert!(neighbours(&[], &[], &[], &draws).is_none());
    }
}

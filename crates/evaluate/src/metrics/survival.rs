//! Ranking in time: do those at higher risk have the outcome earlier?
//!
//! Harrell's C (Harrell et al., JAMA 1982), Uno's C (Uno et al., Stat Med 2011), and the cumulative/dynamic AUC with
//! inverse probability of censoring weights (Uno et al., JASA 2007; Hung and Chiang, 2010), as scikit-survival
//! computes them. Death before the outcome ends nobody's follow-up: who died without it keeps standing among those
//! free of it to the horizon (Wolbers et al., Epidemiology 2009), as the predicted cumulative incidence means it.

use super::censoring::{CensoringCurve, FollowUp};
use super::scored::{Counts, Scored};

/// One row in time.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Row {
    days: f64,
    event: bool,
    /// Place among the distinct risks, lowest first, from 1.
    rank: usize,
    cluster: u32,
    /// 1 / G(time)², for events; Uno's weight.
    uno: f64,
}

/// Concordance of risks and times; NaN where no pair can be compared.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Concordance {
    /// Harrell's C: over all pairs of which it is known who had the outcome first.
    pub harrell: f64,
    /// Uno's C: the same, each pair weighted so that it stands for the censored ones too.
    pub uno: f64,
}

/// Rows sorted once, latest first, so that a draw is one walk.
#[derive(Clone, Debug)]
pub struct Timed {
    rows: Vec<Row>,
    ranks: usize,
}

impl Timed {
    /// From risks and what is known by `horizon_days`. Outcomes count up to the horizon; later times are cut there.
    pub fn new(risks: &[f64], follow_up: &[FollowUp], clusters: &[u32], horizon_days: f64) -> Self {
        let curve = CensoringCurve::fit(follow_up, horizon_days);
        let mut distinct: Vec<f64> = risks.to_vec();
        distinct.sort_unstable_by(f64::total_cmp);
        distinct.dedup();
        let mut rows: Vec<Row> = risks
            .iter()
            .zip(follow_up)
            .zip(clusters)
            .map(|((&risk, row), &cluster)| {
                let event = row.outcome == Some(true);
                let days = match row.outcome {
                    // Known to be free of it at the horizon, by observation or by death.
                    Some(false) => horizon_days,
                    _ => row.observed_days.min(horizon_days),
                };
                let observed = curve.at(days);
                let uno = if event && observed > 0.0 { 1.0 / (observed * observed) } else { 0.0 };
                Row { days, event, rank: distinct.partition_point(|&d| d < risk) + 1, cluster, uno }
            })
            .collect();
        rows.sort_by(|a, b| b.days.total_cmp(&a.days).then(a.event.cmp(&b.event)));
        Timed { rows, ranks: distinct.len() }
    }

    /// The concordance of the rows.
    pub fn concordance(&self) -> Concordance {
        self.concordance_of_draw(None)
    }

    pub(crate) fn concordance_of_draw(&self, counts: Counts) -> Concordance {
        let count = |row: &Row| counts.map_or(1, |c| u64::from(c[row.cluster as usize]));
        let mut later = Tree::new(self.ranks);
        let (mut concordant2, mut pairs, mut weighted2, mut weight) = (0u128, 0u128, 0.0, 0.0);
        let mut start = 0;
        while start < self.rows.len() {
            let days = self.rows[start].days;
            let same = &self.rows[start..];
            let same = &same[..same.iter().take_while(|r| r.days == days).count()];
            let (censored, events) = same.split_at(same.partition_point(|r| !r.event));
            for row in censored {
                later.add(row.rank, count(row));
            }
            for row in events {
                let n = count(row);
                if n == 0 {
                    continue;
                }
                let below = later.up_to(row.rank - 1);
                let twice = below + later.up_to(row.rank);
                concordant2 += u128::from(n) * u128::from(twice);
                pairs += u128::from(n) * u128::from(later.total);
                weighted2 += n as f64 * row.uno * twice as f64;
                weight += n as f64 * row.uno * later.total as f64;
            }
            for row in events {
                later.add(row.rank, count(row));
            }
            start += same.len();
        }
        let ratio = |numerator: f64, of: f64| if of > 0.0 { numerator / (2.0 * of) } else { f64::NAN };
        Concordance { harrell: ratio(concordant2 as f64, pairs as f64), uno: ratio(weighted2, weight) }
    }
}

/// Running counts by rank (Fenwick 1994).
struct Tree {
    sums: Vec<u64>,
    total: u64,
}

impl Tree {
    fn new(ranks: usize) -> Self {
        Tree { sums: vec![0; ranks + 1], total: 0 }
    }

    fn add(&mut self, mut rank: usize, count: u64) {
        self.total += count;
        while rank < self.sums.len() {
            self.sums[rank] += count;
            rank += rank & rank.wrapping_neg();
        }
    }

    fn up_to(&self, mut rank: usize) -> u64 {
        let mut sum = 0;
        while rank > 0 {
            sum += self.sums[rank];
            rank &= rank - 1;
        }
        sum
    }
}

/// The cumulative/dynamic AUC at the horizon: the AUROC with every row weighted by the inverse probability of being
/// uncensored. Equal to the plain AUROC when nothing is censored; NaN unless both classes are there.
pub fn dynamic_auc(scored: &Scored) -> f64 {
    dynamic_auc_of_draw(scored, None)
}

pub(crate) fn dynamic_auc_of_draw(scored: &Scored, counts: Counts) -> f64 {
    let (mut events, mut others, mut concordant) = (0.0, 0.0, 0.0);
    let mut i = 0;
    while i < scored.len() {
        let risk = scored.probability[i];
        let (mut tied_events, mut tied_others) = (0.0, 0.0);
        while i < scored.len() && scored.probability[i] == risk {
            let w = scored.weighted(counts, i);
            if scored.outcome[i] {
                tied_events += w
            } else {
                tied_others += w
            }
            i += 1;
        }
        concordant += tied_others * (events + 0.5 * tied_events);
        events += tied_events;
        others += tied_others;
    }
    if events > 0.0 && others > 0.0 { concordant / (events * others) } else { f64::NAN }
}

/// ∫ of values over horizons by the trapezium rule, over the length between the first and the last (the integrated Brier
/// score, Graf et al. 1999, as scikit-survival); NaN with fewer than two distinct horizons.
pub fn integrated(horizons: &[f64], values: &[f64]) -> f64 {
    let area: f64 =
        horizons.windows(2).zip(values.windows(2)).map(|(h, v)| (h[1] - h[0]) * (v[0] + v[1]) / 2.0).sum();
    match (horizons.first(), horizons.last()) {
        (Some(first), Some(last)) if last > first && horizons.len() == values.len() => area / (last - first),
        _ => f64::NAN,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{RngExt, SeedableRng, rngs::StdRng};

    fn timed(rows: &[(f64, Option<bool>, f64)], horizon: f64) -> Timed {
        let follow_up: Vec<FollowUp> =
            rows.iter().map(|r| FollowUp { observed_days: r.0, outcome: r.1 }).collect();
        let risks: Vec<f64> = rows.iter().map(|r| r.2).collect();
        Timed::new(&risks, &follow_up, &(0..rows.len() as u32).collect::<Vec<_>>(), horizon)
    }

    #[test]
    fn every_comparable_pair_is_counted_once() {
        let mut rng = StdRng::seed_from_u64(4);
        let rows: Vec<(f64, Option<bool>, f64)> = (0..120)
            .map(|_| {
                let days = f64::from(rng.random_range(1..40u32));
                let outcome = [Some(true), Some(false), None][rng.random_range(0..3usize)];
                (days, outcome, f64::from(rng.random_range(0..15u32)) / 15.0)
            })
            .collect();
        let horizon = 30.0;
        let rows: Vec<_> = rows
            .into_iter()
            .map(|(d, o, r)| if d > horizon { (d, Some(false), r) } else { (d, o, r) })
            .collect();
        let at = |r: &(f64, Option<bool>, f64)| if r.1 == Some(false) { horizon } else { r.0.min(horizon) };
        let (mut concordant, mut pairs) = (0.0, 0.0);
        for a in rows.iter().filter(|r| r.1 == Some(true)) {
            for b in &rows {
                if at(b) > at(a) || (at(b) == at(a) && b.1 != Some(true)) {
                    pairs += 1.0;
                    concordant += if a.2 > b.2 {
                        1.0
                    } else if a.2 == b.2 {
                        0.5
                    } else {
                        0.0
                    };
                }
            }
        }
        let got = timed(&rows, horizon).concordance().harrell;
        assert!((got - concordant / pairs).abs() < 1e-12, "{got}");
    }

    #[test]
    fn nothing_to_compare_is_undefined() {
        for rows in [
            vec![],
            vec![(3.0, Some(true), 0.4)],
            vec![(3.0, None, 0.4), (5.0, None, 0.2)],
            vec![(3.0, Some(true), 0.4), (3.0, Some(true), 0.9)],
        ] {
            let c = timed(&rows, 10.0).concordance();
            assert!(c.harrell.is_nan() && c.uno.is_nan());
        }
        assert!(integrated(&[1.0], &[0.2]).is_nan());
        assert_eq!(integrated(&[1.0, 3.0], &[0.2, 0.4]), 0.300_000_000_000_000_04);
    }

    #[test]
    fn without_censoring_uno_is_harrell_and_the_dynamic_auc_the_plain_one() {
        let rows: Vec<_> =
            (0..60).map(|i| (f64::from(i), Some(i % 3 == 0), f64::from(i * 37 % 61) / 61.0)).collect();
        let c = timed(&rows, 100.0).concordance();
        assert!((c.harrell - c.uno).abs() < 1e-12);
        let scored = Scored::from_pairs(
            &rows.iter().map(|r| r.2).collect::<Vec<_>>(),
            &rows.iter().map(|r| r.1 == Some(true)).collect::<Vec<_>>(),
        )
        .unwrap();
        assert!((dynamic_auc(&scored) - crate::metrics::ranking::auroc(&scored)).abs() < 1e-12);
    }
}

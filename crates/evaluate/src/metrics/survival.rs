//! Ranking in time: do those at higher risk have the outcome earlier?
//!
//! Harrell's C (Harrell et al., JAMA 1982), Uno's C (Uno et al., Stat Med 2011), and the cumulative/dynamic AUC with
//! inverse probability of censoring weights (Uno et al., JASA 2007; Hung and Chiang, 2010), as scikit-survival
//! computes them. Death before the outcome ends nobody's follow-up: who died without it keeps standing among those
//! free of it to the horizon (Wolbers et al., Epidemiology 2009), as the predicted cumulative incidence means it. In
//! Uno's C a pair counts by the inverse of the chance that both of it are known: beside one who is watched longer, 1 / G(Tᵢ−)²;
//! beside one who died before, of whom all was known at his death, 1 / (G(Tᵢ−) G(Tⱼ−)) (Wolbers et al., Biostatistics 2014).

use super::censoring::{CensoringCurve, FollowUp};
use super::scored::{Counts, Scored};

/// One row in time.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Row {
    days: f64,
    event: bool,
    /// Died without the outcome before the horizon.
    died: bool,
    /// Place among the distinct risks, lowest first, from 1.
    rank: usize,
    cluster: u32,
    /// 1 / G(own time−), for events and deaths.
    known: f64,
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
    /// Who died, at their own times, latest first; among `rows` they stand at the horizon.
    deaths: Vec<Row>,
    ranks: usize,
}

impl Timed {
    /// From risks and what is known by `horizon_days`. Outcomes count up to the horizon; later times are cut there.
    pub fn new(risks: &[f64], follow_up: &[FollowUp], clusters: &[u32], horizon_days: f64) -> Self {
        let curve = CensoringCurve::fit(follow_up, horizon_days);
        let mut distinct: Vec<f64> = risks.to_vec();
        distinct.sort_unstable_by(f64::total_cmp);
        distinct.dedup();
        let (mut rows, mut deaths) = (Vec::with_capacity(risks.len()), Vec::new());
        for ((&risk, row), &cluster) in risks.iter().zip(follow_up).zip(clusters) {
            let event = row.outcome == Some(true);
            let own = row.observed_days.min(horizon_days);
            let died = row.outcome == Some(false) && own < horizon_days;
            let before = curve.before(own);
            let known = if (event || died) && before > 0.0 { 1.0 / before } else { 0.0 };
            let rank = distinct.partition_point(|&d| d < risk) + 1;
            // Known to be free of it at the horizon, by observation or by death.
            let days = if row.outcome == Some(false) { horizon_days } else { own };
            let row = Row { days, event, died, rank, cluster, known };
            rows.push(row);
            if died {
                deaths.push(Row { days: own, ..row });
            }
        }
        let latest_first = |a: &Row, b: &Row| b.days.total_cmp(&a.days).then(a.event.cmp(&b.event));
        rows.sort_by(latest_first);
        deaths.sort_by(latest_first);
        Timed { rows, deaths, ranks: distinct.len() }
    }

    /// The concordance of the rows.
    pub fn concordance(&self) -> Concordance {
        self.concordance_of_draw(None)
    }

    pub(crate) fn concordance_of_draw(&self, counts: Counts) -> Concordance {
        let count = |row: &Row| counts.map_or(1, |c| u64::from(c[row.cluster as usize]));
        // Who has the outcome later or never; and of them, who is still watched.
        let (mut later, mut watched) = (Tree::<u64>::new(self.ranks), Tree::<u64>::new(self.ranks));
        let mut deaths = self.deaths.iter().peekable();
        let (mut concordant2, mut pairs, mut weighted2, mut weight) = (0u128, 0u128, 0.0, 0.0);
        let mut start = 0;
        while start < self.rows.len() {
            let days = self.rows[start].days;
            let same = &self.rows[start..];
            let same = &same[..same.iter().take_while(|r| r.days == days).count()];
            let (others, events) = same.split_at(same.partition_point(|r| !r.event));
            while let Some(row) = deaths.next_if(|row| row.days > days) {
                watched.add(row.rank, count(row));
            }
            for row in others {
                later.add(row.rank, count(row));
                if !row.died {
                    watched.add(row.rank, count(row));
                }
            }
            for row in events {
                let n = count(row);
                if n == 0 {
                    continue;
                }
                concordant2 += u128::from(n) * u128::from(later.twice_below(row.rank));
                pairs += u128::from(n) * u128::from(later.total);
                let each = n as f64 * row.known * row.known;
                weighted2 += each * watched.twice_below(row.rank) as f64;
                weight += each * watched.total as f64;
            }
            for row in events {
                later.add(row.rank, count(row));
                watched.add(row.rank, count(row));
            }
            start += same.len();
        }
        // And who had died by then.
        let mut dead = Tree::<f64>::new(self.ranks);
        let mut deaths = self.deaths.iter().rev().peekable();
        for row in self.rows.iter().rev().filter(|row| row.event) {
            while let Some(row) = deaths.next_if(|death| death.days <= row.days) {
                dead.add(row.rank, count(row) as f64 * row.known);
            }
            let each = count(row) as f64 * row.known;
            weighted2 += each * dead.twice_below(row.rank);
            weight += each * dead.total;
        }
        let ratio = |numerator: f64, of: f64| if of > 0.0 { numerator / (2.0 * of) } else { f64::NAN };
        Concordance { harrell: ratio(concordant2 as f64, pairs as f64), uno: ratio(weighted2, weight) }
    }
}

/// Running sums by rank (Fenwick 1994).
struct Tree<T> {
    sums: Vec<T>,
    total: T,
}

impl<T: Copy + Default + std::ops::AddAssign + std::ops::Add<Output = T>> Tree<T> {
    fn new(ranks: usize) -> Self {
        Tree { sums: vec![T::default(); ranks + 1], total: T::default() }
    }

    fn add(&mut self, mut rank: usize, count: T) {
        self.total += count;
        while rank < self.sums.len() {
            self.sums[rank] += count;
            rank += rank & rank.wrapping_neg();
        }
    }

    /// Twice the sum of what ranks below this one, and once that of what ranks equally.
    fn twice_below(&self, rank: usize) -> T {
        self.up_to(rank - 1) + self.up_to(rank)
    }

    fn up_to(&self, mut rank: usize) -> T {
        let mut sum = T::default();
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
    fn where_death_competes_uno_is_what_is_found_without_censoring() {
        let (mut censored, mut whole) = (0.0, 0.0);
        for seed in 0..6 {
            let mut rng = StdRng::seed_from_u64(seed);
            let mut waits = |rate: f64| -(1.0 - rng.random::<f64>()).ln() / rate;
            let people: Vec<(f64, f64, f64, f64)> = (0..4_000)
                .map(|i| {
                    let score = f64::from(i % 40) / 40.0;
                    (
                        score,
                        waits(0.1 * (2.0 * score).exp()),
                        waits(0.05 * (2.0 * score).exp()),
                        7.0 * waits(1.0),
                    )
                })
                .collect();
            let horizon = 5.0;
            let c = |censoring: bool| {
                let row = |&(score, onset, death, leaves): &(f64, f64, f64, f64)| {
                    let end = if censoring { leaves } else { 100.0 };
                    let known =
                        match (onset.min(death).min(horizon) <= end, onset < death && onset <= horizon) {
                            (false, _) => (end, None),
                            (true, true) => (onset, Some(true)),
                            (true, false) => (death.min(end), Some(false)),
                        };
                    (known.0, known.1, score)
                };
                timed(&people.iter().map(row).collect::<Vec<_>>(), horizon).concordance()
            };
            censored += c(true).uno / 6.0;
            whole += c(false).harrell / 6.0;
            assert!((c(false).uno - c(false).harrell).abs() < 1e-12);
        }
        // A standard error is some 0.003; weighted as if the dead were watched to the horizon it is 0.02 too low.
        assert!((censored - whole).abs() < 0.008, "{censored} {whole}");
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

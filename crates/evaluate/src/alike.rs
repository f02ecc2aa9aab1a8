//! Patients like this one: the nearest states among others', and what became of them, told only of groups.
//!
//! Distances are Euclidean over standardised numbers. What is told is a count over a group of at least `k` people, and a count
//! below `k`, of those to whom it happened, of those to whom it didn't, of those who had it before or of those who left, is not told, nor what it could be
//! reckoned from, so that nothing is said that is true of fewer than
//! `k` (Sweeney, Int J Uncertainty Fuzziness Knowledge-Based Syst 2002, in the form of small-cell suppression). A patient who is further from the
//! others than almost all of them are from each other has nobody like him, and is refused.

use crate::metrics::censoring::FollowUp;
use crate::metrics::share::known_share;
use serde::Serialize;

/// Further from the others than this share of them is from the rest: nobody is like this one.
const FARTHEST: f64 = 0.99;

/// States of other people.
#[derive(Clone, Debug)]
pub struct Others {
    states: Vec<Vec<f64>>,
    mean: Vec<f64>,
    scale: Vec<f64>,
}

/// Why nothing is told.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case", tag = "because")]
pub enum NoGroup {
    /// Fewer than `k` people are there.
    TooFew {
        /// How many.
        people: usize,
        /// How many there must be.
        k: usize,
    },
    /// The patient lies further from the others than nearly all of them lie from each other.
    NobodyAlike {
        /// The share of the others who are nearer to the rest.
        share: f64,
    },
}

/// Those who are most alike.
#[derive(Clone, Debug, PartialEq)]
pub struct Group {
    /// Their places among the others, the nearest first.
    pub places: Vec<usize>,
    /// The share of the others who lie nearer to the rest than the patient does: near one for somebody unusual.
    pub unusual: f64,
}

/// What became of a group in one respect.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Became {
    /// How many could have had it; none where those who had it before, or those who left, are fewer than `k`, since the group's size is told.
    pub people: Option<usize>,
    /// Of how many it is known whether they did; the others left before. None with `people`.
    pub known: Option<usize>,
    /// To how many it is known to have happened; none with `people`, and where that, or the rest, would be fewer than `k`.
    pub events: Option<usize>,
    /// The share to whom it happens, those who left before allowed for ([`crate::metrics::share`]); none where they, or the rest, are fewer
    /// than `k`, and where `people` isn't told, which a share would tell, a rounded one too.
    pub share: Option<f64>,
    /// The 95 % interval of the share; as the share.
    pub interval: Option<(f64, f64)>,
}

impl Others {
    /// Lays out states of one length.
    pub fn new(states: &[Vec<f32>]) -> Self {
        let columns = states.first().map_or(0, Vec::len);
        let n = states.len().max(1) as f64;
        let column = |of: &dyn Fn(usize, f64) -> f64| -> Vec<f64> {
            (0..columns).map(|c| states.iter().map(|s| of(c, f64::from(s[c]))).sum::<f64>() / n).collect()
        };
        let mean = column(&|_, x| x);
        // A number that doesn't vary tells nobody apart.
        let scale: Vec<f64> = column(&|c, x| (x - mean[c]).powi(2))
            .into_iter()
            .map(|v| if v > 1e-12 { v.sqrt() } else { f64::INFINITY })
            .collect();
        let mut made = Others { states: Vec::new(), mean, scale };
        made.states = states.iter().map(|state| made.scaled(state)).collect();
        made
    }

    /// How many people.
    pub fn len(&self) -> usize {
        self.states.len()
    }

    /// Is nobody there?
    pub fn is_empty(&self) -> bool {
        self.states.is_empty()
    }

    fn scaled(&self, state: &[f32]) -> Vec<f64> {
        state.iter().zip(&self.mean).zip(&self.scale).map(|((x, m), s)| (f64::from(*x) - m) / s).collect()
    }

    /// The nearest `most`, and the mean distance to the nearest `k` of them.
    fn nearest(&self, state: &[f64], but: Option<usize>, (most, k): (usize, usize)) -> (Vec<usize>, f64) {
        let distance =
            |other: &[f64]| state.iter().zip(other).map(|(a, b)| (a - b).powi(2)).sum::<f64>().sqrt();
        let others = self.states.iter().enumerate().filter(|(place, _)| Some(*place) != but);
        let mut each: Vec<(f64, usize)> = others.map(|(place, other)| (distance(other), place)).collect();
        each.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        each.truncate(most);
        let near = &each[..k.min(each.len())];
        let mean = near.iter().map(|(d, _)| d).sum::<f64>() / near.len().max(1) as f64;
        (each.into_iter().map(|(_, place)| place).collect(), mean)
    }

    /// The `most` people who are most alike, at least `k` of them, or why there is no such group.
    pub fn group(&self, state: &[f32], most: usize, k: usize) -> Result<Group, NoGroup> {
        // One more, since each of them has himself among the others.
        if self.len() <= k || most < k {
            return Err(NoGroup::TooFew { people: self.len().min(most), k });
        }
        let (places, own) = self.nearest(&self.scaled(state), None, (most, k));
        // Of the others a part is enough to tell who is unusual.
        let step = self.len().div_ceil(400);
        let asked: Vec<usize> = (0..self.len()).step_by(step).collect();
        let nearer =
            asked.iter().filter(|place| self.nearest(&self.states[**place], Some(**place), (k, k)).1 < own);
        let unusual = nearer.count() as f64 / asked.len() as f64;
        if unusual > FARTHEST {
            return Err(NoGroup::NobodyAlike { share: unusual });
        }
        Ok(Group { places, unusual })
    }
}

impl Became {
    /// Counts outcomes by `horizon_days`, `None` for whom it couldn't happen to; none where it is known of fewer than `k`, or
    /// too few are watched to the horizon to stand for those who left ([`known_share`]).
    pub fn of(
        outcomes: impl IntoIterator<Item = Option<FollowUp>>,
        horizon_days: f64,
        k: usize,
    ) -> Option<Self> {
        let all: Vec<Option<FollowUp>> = outcomes.into_iter().collect();
        let rows: Vec<FollowUp> = all.iter().copied().flatten().collect();
        let known = rows.iter().filter(|row| row.outcome.is_some()).count();
        let events = rows.iter().filter(|row| row.outcome == Some(true)).count();
        if known < k {
            return None;
        }
        let small = |count: usize| count > 0 && count < k;
        let counted = !small(all.len() - rows.len()) && !small(rows.len() - known);
        let told = |count: usize| counted.then_some(count);
        let (people, known_of) = (told(rows.len()), told(known));
        let made = Became { people, known: known_of, events: None, share: None, interval: None };
        // A share and its interval, rounded too, tell of how many they are.
        if !counted || small(events) || small(known - events) {
            return Some(made);
        }
        let share = known_share(&rows, horizon_days)?;
        Some(Became {
            events: Some(events),
            share: Some(share.share),
            interval: Some(share.interval),
            ..made
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two kinds of people, fifty each, apart in the first number; the second doesn't vary.
    fn others() -> Others {
        let state = |i: i16| vec![f32::from(i % 2) * 10.0 + f32::from(i) / 100.0, 3.0];
        Others::new(&(0..100).map(state).collect::<Vec<_>>())
    }

    #[test]
    fn the_nearest_are_of_ones_own_kind() {
        let group = others().group(&[10.5, 3.0], 20, 5).unwrap();
        assert_eq!(group.places.len(), 20);
        assert!(group.places.iter().all(|place| place % 2 == 1), "{group:?}");
        assert!(group.unusual < 0.9);
    }

    #[test]
    fn who_is_like_nobody_is_refused_and_so_is_a_group_that_is_too_small() {
        let refused = others().group(&[90.0, 3.0], 20, 5).unwrap_err();
        assert_eq!(refused, NoGroup::NobodyAlike { share: 1.0 });
        let few = Others::new(&vec![vec![1.0]; 5]);
        assert_eq!(few.group(&[1.0], 20, 5).unwrap_err(), NoGroup::TooFew { people: 5, k: 5 });
        assert_eq!(others().group(&[1.0, 3.0], 4, 5).unwrap_err(), NoGroup::TooFew { people: 4, k: 5 });
        assert!(Others::new(&[]).is_empty());
    }

    #[test]
    fn nothing_is_told_of_fewer_than_k() {
        let of = |events: usize, others: usize, unknown: usize| {
            let each = [(Some(true), 50.0, events), (Some(false), 365.0, others), (None, 90.0, unknown)];
            let rows = each.into_iter().flat_map(|(outcome, observed_days, n)| {
                std::iter::repeat_n(Some(FollowUp { outcome, observed_days }), n)
            });
            Became::of(rows, 365.0, 5)
        };
        assert_eq!(of(3, 1, 90), None, "four are known");
        let hidden = |people| {
            Some(Became { people: Some(people), known: Some(40), events: None, share: None, interval: None })
        };
        assert_eq!(of(4, 36, 9), hidden(49), "four have it");
        assert_eq!(of(36, 4, 9), hidden(49), "four have it not");
        let told = of(10, 90, 0).unwrap();
        assert_eq!((told.people, told.known, told.events), (Some(100), Some(100), Some(10)));
        // scipy.stats.beta(10.5, 90.5).ppf([.025, .975])
        let (low, high) = told.interval.unwrap();
        assert!((low - 0.0526).abs() < 1e-3 && (high - 0.1704).abs() < 1e-3);
        assert_eq!(of(0, 50, 0).unwrap().events, Some(0), "nobody is no small group");
        assert_eq!(of(6, 0, 29), None, "all who are known had it, and the rest left");
        // Ten of a hundred and fifty by the day that fifty leave; nothing after.
        let share = of(10, 90, 50).unwrap().share.unwrap();
        assert!((share - 10.0 / 150.0).abs() < 1e-12, "{share}");
    }

    #[test]
    fn who_had_it_before_and_who_left_are_not_told_by_subtraction() {
        let of = |had: usize, events: usize, others: usize, left: usize| {
            let each = [(Some(true), 50.0, events), (Some(false), 365.0, others), (None, 360.0, left)];
            let rows = each.into_iter().flat_map(|(outcome, observed_days, n)| {
                std::iter::repeat_n(Some(FollowUp { outcome, observed_days }), n)
            });
            Became::of(rows.chain(std::iter::repeat_n(None, had)), 365.0, 5).unwrap()
        };
        for withheld in [of(3, 11, 86, 0), of(0, 11, 86, 3), of(4, 11, 60, 25)] {
            assert_eq!((withheld.people, withheld.known, withheld.events), (None, None, None));
            assert_eq!((withheld.share, withheld.interval), (None, None), "they tell of how many they are");
        }
        for told in [of(0, 11, 89, 0), of(5, 11, 84, 0), of(5, 11, 60, 24)] {
            assert_eq!(told.events, Some(11));
            assert!(told.people.is_some() && told.known.is_some());
        }
    }
}

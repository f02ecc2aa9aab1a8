//! One subject's labels: every trigger, and whether all that the task asks for is found around it.

use super::AcesTask;
use super::predicates::Predicate;
use super::windows::{Bound, Place, Step};
use events::{Event, Label, Subject, Time};

/// A subject's distinct moments with how often each predicate was true at each, as running sums.
struct Moments {
    times: Vec<i64>,
    /// By predicate: sums before each moment, and the total.
    sums: Vec<Vec<i64>>,
    /// By predicate: the moments at which it was true.
    at: Vec<Vec<i64>>,
}

/// A window that was found: where it starts and ends, and the moment of the record that it was found from.
#[derive(Clone, Copy)]
struct Found {
    /// The time of this place.
    time: i64,
    start: i64,
    end: i64,
}

/// The labels of one subject, in the order of the triggers.
pub(super) fn labels(task: &AcesTask, subject: &Subject) -> Vec<Label> {
    let Some(moments) = Moments::of(task, subject) else { return vec![] };
    let mut labels = Vec::new();
    for &trigger in &moments.at[task.trigger] {
        if let Some((time, count)) = moments.realise(task, trigger) {
            labels.push(Label {
                subject_id: subject.id,
                prediction_time: Time::from_micros(time),
                boolean_value: count != 0,
            });
        }
    }
    labels
}

impl Moments {
    /// `None` when a static predicate does not hold.
    fn of(task: &AcesTask, subject: &Subject) -> Option<Self> {
        let events = subject.events();
        let undated = events.partition_point(|e| e.time.is_none());
        let (undated, dated) = events.split_at(undated);
        let predicates = &task.predicates;
        let size = predicates.all.len();
        if predicates.is_static.contains(&true) {
            let facts = counts(task, undated, false, false);
            if (0..size).any(|p| predicates.is_static[p] && facts[p] == 0) {
                return None;
            }
        }
        let (mut times, mut sums, mut at) = (vec![], vec![vec![0]; size], vec![vec![]; size]);
        let last = dated.last().and_then(|e| e.time);
        for together in dated.chunk_by(|a, b| a.time == b.time) {
            let Some(time) = together[0].time else { continue };
            let is_first = times.is_empty();
            for (p, count) in counts(task, together, is_first, Some(time) == last).into_iter().enumerate() {
                let before = sums[p].last().copied().unwrap_or(0);
                sums[p].push(before + count);
                if count > 0 {
                    at[p].push(time.micros());
                }
            }
            times.push(time.micros());
        }
        Some(Moments { times, sums, at })
    }

    /// Prediction time and label of one trigger, when every place is found and every condition holds.
    fn realise(&self, task: &AcesTask, trigger: i64) -> Option<(i64, i64)> {
        let tree = &task.tree;
        let mut found = Vec::with_capacity(tree.places.len() + 1);
        found.push(Found { time: trigger, start: trigger, end: trigger });
        let mut label = None;
        for (number, place) in tree.places.iter().enumerate() {
            let window = self.find(place, found[place.parent].time)?;
            for &(predicate, least, most) in &place.has {
                let count = self.count(predicate, place, window);
                if count < least || count > most {
                    return None;
                }
            }
            if tree.label.0 == number + 1 {
                label = Some(self.count(tree.label.1, place, window));
            }
            found.push(window);
        }
        let index = found[tree.index.0];
        Some((if tree.index.1 { index.end } else { index.start }, label?))
    }

    /// Looks for a place from its parent's time.
    fn find(&self, place: &Place, from: i64) -> Option<Found> {
        let time = match place.step {
            Step::Micros(micros) => from.checked_add(micros)?,
            Step::Next(bound) => {
                let times = self.bounds(bound);
                // An event at the start itself ends the window only if the end belongs to it.
                let after =
                    times.partition_point(|&t| if place.end_inclusive { t < from } else { t <= from });
                *times.get(after)?
            }
            Step::Last(bound) => {
                let times = self.bounds(bound);
                let before =
                    times.partition_point(|&t| if place.start_inclusive { t <= from } else { t < from });
                times[..before].last().copied()?
            }
        };
        Some(Found { time, start: from.min(time), end: from.max(time) })
    }

    fn bounds(&self, bound: Bound) -> &[i64] {
        match bound {
            Bound::Predicate(p) => &self.at[p],
            Bound::RecordStart => self.times.get(..1).unwrap_or_default(),
            Bound::RecordEnd => &self.times[self.times.len().saturating_sub(1)..],
        }
    }

    /// How often a predicate was true within a window.
    fn count(&self, predicate: usize, place: &Place, window: Found) -> i64 {
        let from = self
            .times
            .partition_point(|&t| if place.start_inclusive { t < window.start } else { t <= window.start });
        let to = self
            .times
            .partition_point(|&t| if place.end_inclusive { t <= window.end } else { t < window.end });
        self.sums[predicate][to.max(from)] - self.sums[predicate][from]
    }
}

/// How often each predicate is true of events of one moment. Static plain ones are true at every moment, since only
/// subjects of whom they hold are looked at.
fn counts(task: &AcesTask, events: &[Event], is_first: bool, is_last: bool) -> Vec<i64> {
    let predicates = &task.predicates;
    let is_dated = events.first().is_some_and(|e| e.time.is_some());
    let mut counts: Vec<i64> = Vec::with_capacity(predicates.all.len());
    for (number, predicate) in predicates.all.iter().enumerate() {
        let count = match predicate {
            Predicate::Plain(_) if is_dated && predicates.is_static[number] => 1,
            Predicate::Plain(plain) => events.iter().filter(|e| plain.holds(e)).count() as i64,
            Predicate::And(parts) => i64::from(parts.iter().all(|&p| counts[p] > 0)),
            Predicate::Or(parts) => i64::from(parts.iter().any(|&p| counts[p] > 0)),
            Predicate::AnyEvent => i64::from(is_dated),
            Predicate::RecordStart => i64::from(is_dated && is_first),
            Predicate::RecordEnd => i64::from(is_dated && is_last),
        };
        counts.push(count);
    }
    counts
}

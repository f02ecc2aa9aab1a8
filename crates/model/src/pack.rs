//! Windows of sequences laid end to end, with what is to be predicted at each token.
//!
//! A pack is the unit of work of one thread: matrix products run over all its tokens at once, attention within
//! each segment, and nothing is padded.

use crate::config::Config;
use crate::error::{Error, Result};
use crate::risk_moments;
use crate::window::Window;
use std::ops::Range;
use timeline::Sequence;

/// The tokens and targets of some windows. Rows are token places within the pack.
#[derive(Clone, Default)]
pub(crate) struct Pack {
    pub(crate) code: Vec<u32>,
    /// Place within the segment.
    pub(crate) index: Vec<usize>,
    pub(crate) age_days: Vec<f64>,
    /// Days since the subject's record began.
    pub(crate) since_start_days: Vec<f64>,
    pub(crate) birth_known: Vec<bool>,
    /// Gap of a `TIME` token, rank of a valued one, else NaN.
    pub(crate) value: Vec<f32>,
    /// The last earlier rank of the same code within the segment, or NaN.
    pub(crate) previous: Vec<f32>,
    pub(crate) segments: Vec<Range<usize>>,
    /// Of each segment, what its record holds before the window.
    before: Vec<Before>,
    /// For [`Before::tokens`].
    before_tokens: Vec<(u32, f32)>,
    /// Codes in the order in which they first occur in their segment, segment after segment.
    seen: Vec<u32>,
    /// Per token, which of `seen` have occurred in its segment, it included.
    seen_by: Vec<Range<usize>>,
    pub(crate) next_events: Vec<NextEvent>,
    pub(crate) waiting_times: Vec<WaitingTime>,
    pub(crate) values: Vec<ValueTarget>,
    pub(crate) risks: Vec<RiskTarget>,
    /// `(risk index, days until it first occurs)` for [`RiskTarget::occurrences`].
    pub(crate) occurrences: Vec<(u32, f64)>,
    pub(crate) tasks: Vec<TaskTarget>,
    last_rank: Vec<(u32, f32)>,
    last_seen: Vec<u32>,
    stamp: u32,
    next_age: Vec<f64>,
}

/// What a record holds between the static facts and the first token of its window, which the blocks don't read. Who has had a code has
/// had it, however long ago.
#[derive(Clone, Debug, Default)]
struct Before {
    /// The segment's rows that come before it: static facts.
    statics: usize,
    /// Each code once, in the order in which they first occur, with its last rank or NaN; then, if the stretch ends in `TIME`, that with
    /// its days.
    tokens: Range<usize>,
}

/// At `row` the next token is `code`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct NextEvent {
    pub(crate) row: usize,
    pub(crate) code: u32,
}

/// From `row` on, `days` pass until the next event, or at least `days` if censored.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct WaitingTime {
    pub(crate) row: usize,
    pub(crate) days: f64,
    pub(crate) censored: bool,
}

/// At `row` the next token is `code` with this rank.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ValueTarget {
    pub(crate) row: usize,
    pub(crate) code: u32,
    pub(crate) rank: f32,
    pub(crate) previous: f32,
}

/// At `row`, follow-up lasts `followup_days` more, and some risk codes occur in it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct RiskTarget {
    pub(crate) row: usize,
    /// What it counts for: days of the record, of which it was drawn.
    pub(crate) stands_for_days: f64,
    pub(crate) followup_days: f64,
    pub(crate) occurrences: Range<usize>,
}

/// The label of a task, predicted from the segment's rows up to `row`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TaskTarget {
    pub(crate) rows: (usize, usize),
    pub(crate) task: usize,
    pub(crate) label: bool,
}

/// Which targets a window brings.
#[derive(Clone, Copy, Default)]
pub(crate) struct Targets<'a> {
    pub(crate) likelihood: bool,
    /// At most so many positions, drawn by this key.
    pub(crate) risk: Option<(usize, u64)>,
    pub(crate) labels: &'a [TaskLabel],
}

/// A label of a supervised task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TaskLabel {
    /// Index among the configuration's tasks.
    pub task: usize,
    /// The last token that may be seen: the prediction is made right after it.
    pub position: usize,
    /// The label.
    pub value: bool,
}

/// Refuses a sequence whose slices disagree or whose contents the model cannot take.
pub(crate) fn check_sequence(config: &Config, sequence: &Sequence<'_>) -> Result<()> {
    let n = sequence.code.len();
    if n == 0 {
        return Err(Error::Sequence("it has no tokens"));
    }
    if sequence.age_days.len() != n || sequence.value.len() != n || sequence.static_len > n {
        return Err(Error::Sequence("its slices have different lengths"));
    }
    if sequence.code.iter().any(|c| *c as usize >= config.vocabulary_size) {
        return Err(Error::Sequence(
            "it holds a code outside the model's vocabulary; tokenize with the model's own",
        ));
    }
    if sequence.age_days.iter().any(|a| !a.is_finite()) || !sequence.followup_end_age_days.is_finite() {
        return Err(Error::Sequence("it holds an age that is not finite"));
    }
    Ok(())
}

impl Pack {
    pub(crate) fn tokens(&self) -> usize {
        self.code.len()
    }

    /// The codes, `TIME` aside, that have occurred in a token's segment up to it.
    pub(crate) fn seen_at(&self, row: usize) -> &[u32] {
        &self.seen[self.seen_by[row].clone()]
    }

    /// The tokens of a row's record, the row's own last, as far as they say what has occurred, what was measured last, and how long
    /// ago the last event was: each a code and a value.
    pub(crate) fn until(&self, row: usize) -> impl Iterator<Item = (u32, f32)> {
        let segment = self.segments.partition_point(|rows| rows.end <= row);
        let (first, before) = (self.segments[segment].start, &self.before[segment]);
        let token = |row: usize| (self.code[row], self.value[row]);
        let from_window = first + before.statics;
        let statics = first..from_window.min(row + 1);
        let earlier = if row < from_window { 0..0 } else { before.tokens.clone() };
        statics
            .map(token)
            .chain(self.before_tokens[earlier].iter().copied())
            .chain((from_window..row + 1).map(token))
    }

    pub(crate) fn clear(&mut self) {
        self.code.clear();
        self.index.clear();
        self.age_days.clear();
        self.since_start_days.clear();
        self.birth_known.clear();
        self.value.clear();
        self.previous.clear();
        self.segments.clear();
        self.before.clear();
        self.before_tokens.clear();
        self.seen.clear();
        self.seen_by.clear();
        self.next_events.clear();
        self.waiting_times.clear();
        self.values.clear();
        self.risks.clear();
        self.occurrences.clear();
        self.tasks.clear();
    }

    /// Appends a window of a checked sequence as a new segment.
    pub(crate) fn push(
        &mut self,
        config: &Config,
        sequence: &Sequence<'_>,
        window: Window,
        targets: Targets<'_>,
    ) {
        let base = self.code.len();
        self.push_tokens(config, sequence, window);
        if targets.likelihood {
            self.push_likelihood(config, sequence, window, base);
        }
        if let Some(drawn) = targets.risk {
            self.push_risk(config, sequence, window, base, drawn);
        }
        for label in targets.labels {
            if label.position < window.end {
                let row = base + window.row_of(label.position);
                self.tasks.push(TaskTarget { rows: (base, row), task: label.task, label: label.value });
            }
        }
    }

    /// Appends the tokens of a window of a checked sequence but its first `known` ones, as a new segment without
    /// targets. What the tokens say of earlier ones (places, codes seen, last ranks) is as in the whole window.
    pub(crate) fn push_rest(
        &mut self,
        config: &Config,
        sequence: &Sequence<'_>,
        window: Window,
        known: usize,
    ) {
        let base = self.code.len();
        self.push_tokens(config, sequence, window);
        let rows = base..base + known;
        self.code.drain(rows.clone());
        self.index.drain(rows.clone());
        self.age_days.drain(rows.clone());
        self.since_start_days.drain(rows.clone());
        self.birth_known.drain(rows.clone());
        self.value.drain(rows.clone());
        self.previous.drain(rows.clone());
        self.seen_by.drain(rows);
        self.segments.pop();
        self.segments.push(base..self.code.len());
    }

    /// [`Pack::push_rest`] of the window's last token alone, in the time of one look through the window's codes and without
    /// the codes seen.
    pub(crate) fn push_last(&mut self, config: &Config, sequence: &Sequence<'_>, window: Window) {
        let place = window.last();
        let (code, value) = (sequence.code[place], sequence.value[place]);
        let valued = |place: usize| code != config.time_code && sequence.value[place].is_finite();
        let earlier = (0..window.statics.min(place)).chain(window.start..place);
        // Only a value is set beside an earlier one.
        let previous = earlier.rev().find(|at| valued(place) && sequence.code[*at] == code && valued(*at));
        self.index.push(window.tokens() - 1);
        self.code.push(code);
        self.age_days.push(sequence.age_days[place]);
        self.since_start_days.push(sequence.age_days[place] - sequence.age_days[0]);
        self.birth_known.push(sequence.birth_known);
        self.previous.push(previous.map_or(f32::NAN, |at| sequence.value[at].clamp(0.0, 1.0)));
        self.value.push(input_value(config, code, value));
        self.seen_by.push(self.seen.len()..self.seen.len());
        self.segments.push(self.code.len() - 1..self.code.len());
        // Nobody asks what has occurred by this segment alone.
        self.before.push(Before::default());
    }

    fn push_tokens(&mut self, config: &Config, sequence: &Sequence<'_>, window: Window) {
        let base = self.code.len();
        if self.last_rank.len() < config.vocabulary_size {
            self.last_rank.resize(config.vocabulary_size, (0, f32::NAN));
            self.last_seen.resize(config.vocabulary_size, 0);
        }
        self.push_before(config, sequence, window);
        self.stamp = self.stamp.wrapping_add(1);
        let seen_from = self.seen.len();
        let start_age = sequence.age_days[0];
        for place in (0..window.statics).chain(window.start..window.end) {
            let (code, value) = (sequence.code[place], sequence.value[place]);
            self.index.push(self.code.len() - base);
            self.code.push(code);
            self.age_days.push(sequence.age_days[place]);
            self.since_start_days.push(sequence.age_days[place] - start_age);
            self.birth_known.push(sequence.birth_known);
            let seen = &mut self.last_seen[code as usize];
            if code != config.time_code && *seen != self.stamp {
                *seen = self.stamp;
                self.seen.push(code);
            }
            self.seen_by.push(seen_from..self.seen.len());
            let valued = code != config.time_code && value.is_finite();
            let last = &mut self.last_rank[code as usize];
            self.previous.push(if last.0 == self.stamp { last.1 } else { f32::NAN });
            if valued {
                *last = (self.stamp, value.clamp(0.0, 1.0));
            }
            self.value.push(input_value(config, code, value));
        }
        self.segments.push(base..self.code.len());
    }

    fn push_before(&mut self, config: &Config, sequence: &Sequence<'_>, window: Window) {
        self.stamp = self.stamp.wrapping_add(1);
        let first = self.before_tokens.len();
        let mut days = 0.0;
        for place in window.statics..window.start {
            let (code, value) = (sequence.code[place], sequence.value[place]);
            if code == config.time_code {
                days += value.max(0.0);
                continue;
            }
            days = 0.0;
            let seen = &mut self.last_seen[code as usize];
            if *seen != self.stamp {
                *seen = self.stamp;
                self.before_tokens.push((code, f32::NAN));
            }
            if value.is_finite() {
                self.last_rank[code as usize] = (self.stamp, value.clamp(0.0, 1.0));
            }
        }
        for (code, rank) in &mut self.before_tokens[first..] {
            let last = self.last_rank[*code as usize];
            *rank = if last.0 == self.stamp { last.1 } else { f32::NAN };
        }
        if days > 0.0 {
            self.before_tokens.push((config.time_code, days));
        }
        self.before.push(Before { statics: window.statics, tokens: first..self.before_tokens.len() });
    }

    /// A `TIME` that is followed by another, or by the end, is a stretch without an event: its wait is censored
    /// and goes on from there, and that it goes on is not scored as a code.
    fn push_likelihood(&mut self, config: &Config, sequence: &Sequence<'_>, window: Window, base: usize) {
        let passes = |place: usize| sequence.code[place] == config.time_code;
        for place in window.scored_from.max(1)..window.end {
            let (row, next) = (base + window.row_of(place) - 1, base + window.row_of(place));
            let code = sequence.code[place];
            if !(passes(place) && passes(place - 1)) {
                self.next_events.push(NextEvent { row, code });
            }
            if !self.value[next].is_finite() {
                continue;
            }
            if passes(place) {
                let days = f64::from(self.value[next]);
                let censored = place + 1 == sequence.len() || passes(place + 1);
                self.waiting_times.push(WaitingTime { row, days, censored });
            } else {
                let (rank, previous) = (self.value[next], self.previous[next]);
                self.values.push(ValueTarget { row, code, rank, previous });
            }
        }
        let last = sequence.len() - 1;
        let days = sequence.followup_end_age_days - sequence.age_days[last];
        // Follow-up beyond the last token: its group is over and time passed without another.
        if window.end == sequence.len() && days > 0.0 && Some(sequence.code[last]) != config.death_code {
            let row = base + window.row_of(last);
            if !passes(last) {
                self.next_events.push(NextEvent { row, code: config.time_code });
            }
            self.waiting_times.push(WaitingTime { row, days, censored: !sequence.died });
        }
    }

    fn push_risk(
        &mut self,
        config: &Config,
        sequence: &Sequence<'_>,
        window: Window,
        base: usize,
        (draws, key): (usize, u64),
    ) {
        // Where a group is complete, or in the middle of a stretch without events.
        let nothing_more_now = |place: &usize| {
            sequence.code.get(place + 1).is_none_or(|next| *next == config.time_code)
                && sequence.followup_end_age_days > sequence.age_days[*place]
        };
        let first =
            if window.start == sequence.static_len { window.statics.saturating_sub(1) } else { window.start };
        let candidates = (first..window.statics.min(first + 1)).chain(window.start.max(first)..window.end);
        let places: Vec<usize> = candidates.filter(nothing_more_now).collect();
        let ages: Vec<f64> = places.iter().map(|place| sequence.age_days[*place]).collect();
        let drawn = risk_moments::draw(&ages, draws, key);
        self.next_age.clear();
        self.next_age.resize(config.risk.codes.len(), f64::NAN);
        let mut active: Vec<u32> = Vec::new();
        let has_death_token = config.death_code.is_some_and(|death| sequence.code.contains(&death));
        if sequence.died
            && !has_death_token
            && let Some(index) = config.death_index()
        {
            self.next_age[index] = sequence.followup_end_age_days;
            active.push(index as u32);
        }
        let mut scanned = sequence.len();
        for (place, days) in places.into_iter().zip(drawn).rev().filter(|(_, days)| *days > 0.0) {
            for later in (place + 1..scanned).rev() {
                for index in config.risk_indices(sequence.code[later]) {
                    if self.next_age[index].is_nan() {
                        active.push(index as u32);
                    }
                    self.next_age[index] = sequence.age_days[later];
                }
            }
            scanned = place + 1;
            let (age, first) = (sequence.age_days[place], self.occurrences.len());
            self.occurrences
                .extend(active.iter().map(|index| (*index, self.next_age[*index as usize] - age)));
            self.risks.push(RiskTarget {
                row: base + window.row_of(place),
                stands_for_days: days,
                followup_days: sequence.followup_end_age_days - age,
                occurrences: first..self.occurrences.len(),
            });
        }
    }
}

/// A gap as it is, a rank within its bounds, else NaN.
fn input_value(config: &Config, code: u32, value: f32) -> f32 {
    match code == config.time_code {
        _ if !value.is_finite() => f32::NAN,
        true => value.max(0.0),
        false => value.clamp(0.0, 1.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Size;

    const TIME: u32 = 0;
    const DEATH: u32 = 1;

    fn config() -> Config {
        Config::of_size(Size::Tiny, 10, TIME, Some(DEATH), &[4, 5, 6])
    }

    fn life<'a>(code: &'a [u32], age: &'a [f64], value: &'a [f32]) -> Sequence<'a> {
        Sequence {
            subject_id: 1,
            code,
            age_days: age,
            value,
            static_len: 1,
            followup_end_age_days: 500.0,
            died: false,
            birth_known: true,
        }
    }

    #[test]
    fn targets_follow_the_factorisation() {
        let code = [3, 4, TIME, 5, 4, TIME, 4];
        let age = [10.0, 10.0, 30.0, 30.0, 30.0, 130.0, 130.0];
        let value = [f32::NAN, 0.5, 20.0, f32::NAN, 0.25, 100.0, 0.75];
        let sequence = life(&code, &age, &value);
        let config = config();
        let mut pack = Pack::default();
        let label = [TaskLabel { task: 0, position: 4, value: true }];
        let targets = Targets { likelihood: true, risk: Some((10, 0)), labels: &label };
        pack.push(&config, &sequence, Window::whole(&sequence), targets);
        let next: Vec<_> = pack.next_events.iter().map(|t| (t.row, t.code)).collect();
        assert_eq!(next, [(0, 4), (1, TIME), (2, 5), (3, 4), (4, TIME), (5, 4), (6, TIME)]);
        let waits: Vec<_> = pack.waiting_times.iter().map(|t| (t.row, t.days, t.censored)).collect();
        assert_eq!(waits, [(1, 20.0, false), (4, 100.0, false), (6, 370.0, true)]);
        let ranks: Vec<_> = pack.values.iter().map(|t| (t.row, t.rank)).collect();
        assert_eq!(ranks, [(0, 0.5), (3, 0.25), (5, 0.75)]);
        assert!(
            pack.values[0].previous.is_nan()
                && pack.values[1].previous == 0.5
                && pack.values[2].previous == 0.25
        );
        let rows: Vec<_> = pack.risks.iter().map(|t| (t.row, t.followup_days)).collect();
        assert_eq!(rows, [(6, 370.0), (4, 470.0), (1, 490.0)]);
        // Risk indices: death 0, then codes 4, 5, 6.
        assert_eq!(pack.occurrences[pack.risks[0].occurrences.clone()], []);
        assert_eq!(pack.occurrences[pack.risks[1].occurrences.clone()], [(1, 100.0)]);
        assert_eq!(pack.occurrences[pack.risks[2].occurrences.clone()], [(1, 20.0), (2, 20.0)]);
        assert_eq!((pack.tasks[0].rows, pack.tasks[0].label), ((0, 4), true));
    }

    #[test]
    fn an_occurrence_is_one_of_broader_codes_too() {
        let mut config = Config::of_size(Size::Tiny, 10, TIME, Some(DEATH), &[4, 5, 6, 8]);
        config.risk.broader = [(4, vec![8]), (5, vec![8]), (7, vec![8])].into();
        config.validate().unwrap();
        let (code, age) = ([3, 6, TIME, 7, TIME, 4], [10.0, 10.0, 30.0, 30.0, 90.0, 90.0]);
        let value = [f32::NAN, f32::NAN, 20.0, f32::NAN, 60.0, f32::NAN];
        let sequence = life(&code, &age, &value);
        let mut pack = Pack::default();
        let risk = Targets { risk: Some((10, 0)), ..Targets::default() };
        pack.push(&config, &sequence, Window::whole(&sequence), risk);
        let after = |target: &RiskTarget| {
            let mut all = pack.occurrences[target.occurrences.clone()].to_vec();
            all.sort_by_key(|(index, _)| *index);
            all
        };
        // Risk indices: death 0, codes 4, 5, 6, then 8, whose first is a code that has no risk of its own.
        let told: Vec<_> = pack.risks.iter().map(|t| (t.row, after(t))).collect();
        assert_eq!(told, [(5, vec![]), (3, vec![(1, 60.0), (4, 60.0)]), (1, vec![(1, 80.0), (4, 20.0)])]);
    }

    #[test]
    fn stretches_without_events_are_censored_waits() {
        let (code, age) = ([3, 4, TIME, TIME, 5, TIME], [10.0, 10.0, 22.0, 40.0, 40.0, 100.0]);
        let value = [f32::NAN, f32::NAN, 12.0, 18.0, f32::NAN, 60.0];
        let sequence = life(&code, &age, &value);
        let mut pack = Pack::default();
        let targets = Targets { likelihood: true, risk: Some((10, 0)), labels: &[] };
        pack.push(&config(), &sequence, Window::whole(&sequence), targets);
        let next: Vec<_> = pack.next_events.iter().map(|t| (t.row, t.code)).collect();
        assert_eq!(next, [(0, 4), (1, TIME), (3, 5), (4, TIME)]);
        let waits: Vec<_> = pack.waiting_times.iter().map(|t| (t.row, t.days, t.censored)).collect();
        assert_eq!(waits, [(1, 12.0, true), (2, 18.0, false), (4, 60.0, true), (5, 400.0, true)]);
        let rows: Vec<_> = pack.risks.iter().map(|t| t.row).collect();
        assert_eq!(rows, [5, 4, 2, 1], "not where an event follows at once");
    }

    #[test]
    fn death_ends_the_record_without_a_waiting_time() {
        let (code, age) = ([3, 4, TIME, DEATH], [10.0, 10.0, 500.0, 500.0]);
        let value = [f32::NAN, f32::NAN, 490.0, f32::NAN];
        let sequence = Sequence { died: true, ..life(&code, &age, &value) };
        let mut pack = Pack::default();
        pack.push(
            &config(),
            &sequence,
            Window::whole(&sequence),
            Targets { likelihood: true, risk: Some((10, 0)), labels: &[] },
        );
        assert_eq!(pack.next_events.len(), 3);
        assert_eq!(pack.waiting_times.len(), 1);
        assert_eq!(pack.occurrences, [(0, 490.0)]);
        assert_eq!(pack.risks.len(), 1);
    }

    #[test]
    fn hostile_sequences_are_refused() {
        let config = config();
        let (code, age, value) = ([3, 99], [0.0, 1.0], [f32::NAN; 2]);
        assert!(check_sequence(&config, &life(&code, &age, &value)).is_err());
        assert!(check_sequence(&config, &life(&[], &[], &[])).is_err());
        assert!(check_sequence(&config, &life(&code[..1], &age, &value)).is_err());
        assert!(check_sequence(&config, &life(&code[..1], &[f64::NAN], &value[..1])).is_err());
    }

    #[test]
    fn the_last_token_alone_is_as_in_the_whole_window() {
        let code = [3, 4, TIME, 5, 4, TIME, 4, 5, TIME, TIME];
        let age = [10.0, 10.0, 30.0, 30.0, 30.0, 130.0, 130.0, 130.0, 140.0, 150.0];
        let nan = f32::NAN;
        let value = [nan, 0.5, 20.0, nan, nan, 100.0, 1.5, 0.75, 10.0, nan];
        let config = config();
        // The first five as static facts too, of which a small context holds some.
        for (n, static_len) in (2..=code.len()).map(|n| (n, 1)).chain([(5, 5), (7, 5)]) {
            let sequence = Sequence { static_len, ..life(&code[..n], &age[..n], &value[..n]) };
            for context in [4, 6, 100] {
                let window = Window::ending_at(&sequence, n - 1, context);
                let (mut whole, mut last) = (Pack::default(), Pack::default());
                whole.push_rest(&config, &sequence, window, window.tokens() - 1);
                last.push_last(&config, &sequence, window);
                let facts = |p: &Pack| {
                    let bits = |v: &[f32]| v[0].to_bits();
                    let place =
                        (p.index[0], p.code[0], p.age_days[0], p.since_start_days[0], p.birth_known[0]);
                    // What a code measured earlier is looked up only for a token that measures it again.
                    let previous = p.value[0].is_finite().then(|| bits(&p.previous));
                    (place, bits(&p.value), previous, p.segments.clone())
                };
                assert_eq!(facts(&whole), facts(&last));
            }
        }
    }
}

//! The log-likelihood of a sequence, event by event, so that models can be compared on the same events.

use crate::error::Result;
use crate::heads::{gather, value, waiting_time};
use crate::infer::LogLikelihood;
use crate::inference::{Rounded, Wanted};
use crate::model::Model;
use crate::pack::{Pack, Targets, check_sequence};
use crate::real::{add_scaled, exponentiate};
use crate::window::{self, Window};
use timeline::Sequence;

/// One event's log-likelihood in nats, given everything before it.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct EventLikelihood {
    /// The event's token in the sequence.
    pub position: usize,
    /// Which code, given when.
    pub code: f64,
    /// When: that the moment before was complete, and the gap since then as a density per day. Zero for events of
    /// the moment before's own, and for those of the record's first moment, which is given.
    pub time: f64,
    /// Which value.
    pub value: f64,
}

/// The parts of a [`LogLikelihood`], which they add up to.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct EventLikelihoods {
    /// Every event scored, in order.
    pub events: Vec<EventLikelihood>,
    /// That nothing followed the last event until the end of follow-up.
    pub end: f64,
}

impl Model {
    /// [`Model::log_likelihood`] in its parts: one per event, and one for the end.
    ///
    /// # Errors
    /// [`Error::Sequence`](crate::Error::Sequence) for an unusable sequence.
    pub fn event_log_likelihoods(&self, sequence: &Sequence<'_>) -> Result<EventLikelihoods> {
        check_sequence(&self.config, sequence)?;
        // Of every token, and of what follows the last one.
        let mut code = vec![None; sequence.len() + 1];
        let mut time = vec![0.0; sequence.len() + 1];
        let mut rank = vec![0.0; sequence.len() + 1];
        for window in window::scoring(sequence, self.config.context) {
            let targets = Targets { likelihood: true, ..Targets::default() };
            let fill = |pack: &mut Pack| pack.push(&self.config, sequence, window, targets);
            self.with_hidden((Wanted::All, 1), fill, |pack, hidden| {
                self.code_terms(pack, hidden, |row, term| code[place_after(&window, row)] = Some(term));
                let waiting =
                    (self.layout.waiting.of(&self.weights), self.layout.waiting_bias.of(&self.weights));
                for target in &pack.waiting_times {
                    let edges = &self.config.waiting_time_edges_days;
                    let mut scratch = waiting_time::Scratch::default();
                    let loss = waiting_time::run(edges, waiting, hidden, &[*target], None, &mut scratch);
                    // A gap is asked for at the token before its `TIME`.
                    time[place_after(&window, target.row)] -= loss;
                }
                for target in &pack.values {
                    let tables = (&self.weights[..], &self.prepared.tables.code_table[..]);
                    let shape = (&self.config, &self.layout);
                    let loss =
                        value::run(shape, tables, hidden, &[*target], None, &mut value::Scratch::default());
                    rank[place_after(&window, target.row)] -= loss;
                }
            })?;
        }
        let mut found = EventLikelihoods::default();
        let mut waited = 0.0;
        for place in 0..=sequence.len() {
            if sequence.code.get(place).is_none_or(|code| *code == self.config.time_code) {
                waited += code[place].unwrap_or(0.0) + time[place];
            } else if let Some(code) = code[place] {
                found.events.push(EventLikelihood {
                    position: place,
                    code,
                    time: waited,
                    value: rank[place],
                });
                waited = 0.0;
            }
        }
        found.end = waited;
        Ok(found)
    }

    /// `log P(code)` of each of the pack's next events, told with the row that it is predicted at.
    fn code_terms(&self, pack: &Pack, hidden: &[f32], mut each: impl FnMut(usize, f64)) {
        let (width, vocabulary) = (self.config.width, self.config.vocabulary_size);
        let mut rounded = Rounded::default();
        let (bias, repeat) =
            (self.layout.head_bias.of(&self.weights), self.layout.head_repeat.of(&self.weights));
        for block in pack.next_events.chunks(crate::heads::ROW_BLOCK) {
            let n = block.len();
            let mut rows = vec![0.0; n * width];
            gather(hidden, width, block.iter().map(|t| t.row), &mut rows);
            let mut logits = vec![0.0; n * vocabulary];
            self.inference().head().multiply(&mut logits, &rows, &mut rounded);
            for (row, target) in logits.chunks_exact_mut(vocabulary).zip(block) {
                add_scaled(row, 1.0, bias);
                for code in pack.seen_at(target.row) {
                    row[*code as usize] += repeat[*code as usize] + repeat[vocabulary];
                }
                let chosen = row[target.code as usize];
                let (max, sum) = exponentiate(row);
                each(target.row, f64::from(chosen - max) - f64::from(sum).ln());
            }
        }
    }
}

impl EventLikelihoods {
    /// The sum over all events and the end; tokens are not counted.
    pub fn total(&self) -> LogLikelihood {
        let mut total =
            LogLikelihood { events: self.events.len(), time: self.end, ..LogLikelihood::default() };
        for event in &self.events {
            total.code += event.code;
            total.time += event.time;
            total.value += event.value;
        }
        total
    }
}

/// The token of the sequence that follows a row of a window that is alone in its pack.
fn place_after(window: &Window, row: usize) -> usize {
    if row + 1 < window.statics { row + 1 } else { window.start + row + 1 - window.statics }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Config, Size};

    #[test]
    fn the_parts_add_up_to_the_likelihood_of_the_record() {
        let mut config = Config::of_size(Size::Tiny, 12, 0, Some(1), &[4, 5, 6]);
        (config.width, config.layers, config.heads, config.key_value_heads) = (16, 2, 2, 2);
        (config.feed_forward, config.context) = (32, 16);
        let mut model = Model::new(config, 3).unwrap();
        for (i, weight) in model.weights.iter_mut().enumerate() {
            *weight += 0.1 * (i as f32 * 0.7).sin();
        }
        model.refresh();
        // Forty moments of two events, so that several windows are needed.
        let (mut code, mut age_days, mut value) = (vec![3, 2], vec![100.0; 2], vec![f32::NAN; 2]);
        for moment in 0..40_u32 {
            if moment > 0 {
                code.push(0);
                age_days.push(100.0 + 3.0 * f64::from(moment));
                value.push(3.0);
            }
            for event in 0..2 {
                code.push(4 + (moment * 2 + event) % 7);
                age_days.push(100.0 + 3.0 * f64::from(moment));
                value.push(if event == 0 { 0.3 } else { f32::NAN });
            }
        }
        let sequence = Sequence {
            subject_id: 1,
            code: &code,
            age_days: &age_days,
            value: &value,
            static_len: 2,
            followup_end_age_days: 500.0,
            died: false,
            birth_known: true,
        };
        let whole = model.log_likelihood(&sequence).unwrap();
        let parts = model.event_log_likelihoods(&sequence).unwrap();
        assert_eq!(parts.events.len(), 80);
        assert!(parts.events.iter().all(|e| code[e.position] != 0 && e.code < 0.0));
        assert!(parts.events.iter().enumerate().all(|(i, e)| (e.time != 0.0) == (i > 1 && i % 2 == 0)));
        assert!(parts.events.iter().enumerate().all(|(i, e)| (e.value != 0.0) == (i % 2 == 0)));
        assert!(parts.end < 0.0);
        let total = parts.total();
        assert_eq!(total.events, whole.events);
        assert!((total.total() - whole.total()).abs() < 1e-3 * whole.total().abs(), "{total:?} {whole:?}");
        assert!((total.value - whole.value).abs() < 1e-4 * whole.value.abs());
    }
}

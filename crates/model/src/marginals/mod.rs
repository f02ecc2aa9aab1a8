//! The best that can be said before anything is learned, counted from the training data, so that training starts there and
//! every step goes beyond it.
//!
//! Next codes start from their frequencies, waits and tasks from their overall rates. Horizon risk starts from incidence by
//! age and sex ([`rates`]), set to how much more happens in each interval after the moments at which it is asked, and to those
//! who have had the code before ([`levels`]). Adam moves a bias by at most the learning rate a step, so what could be counted
//! would otherwise take thousands of steps to learn.

mod absent;
mod levels;
mod rates;

pub use absent::Rested;

use crate::config::Config;
use crate::data::TrainingData;
use crate::heads::reference::{ROWS, sex_of};
use crate::heads::waiting_time;
use crate::model::Model;
use crate::pack::check_sequence;
use crate::real::add_scaled;
use levels::Levels;
use rates::Incidence;
use timeline::Sequence;

/// What a record tells within so many days of where it opens was there before: a first visit writes down what somebody has.
const FIRST_VISIT_DAYS: f64 = 1.0;

impl Model {
    /// Sets biases and the age-and-sex reference to the training data's marginals, so that training starts from the best
    /// that can be said without looking at a record. Subjects whose sequence is unusable are passed over.
    pub fn set_marginals(&mut self, data: &dyn TrainingData) {
        let mut counts = Counts::new(&self.config);
        for index in 0..data.len() {
            let sequence = data.sequence(index);
            if check_sequence(&self.config, &sequence).is_err() {
                continue; // Training refuses it by name.
            }
            counts.add(&self.config, &sequence);
            for label in data.labels(index) {
                if let Some((positives, n)) = counts.labels.get_mut(label.task) {
                    *positives += f64::from(u8::from(label.value));
                    *n += 1.0;
                }
            }
        }
        let (layout, weights) = (&self.layout, &mut self.weights);
        let total: f64 = counts.codes.iter().sum();
        for (bias, count) in layout.head_bias.of_mut(weights).iter_mut().zip(&counts.codes) {
            *bias = (count / total).ln() as f32;
        }
        for (bias, (events, exposure)) in layout.waiting_bias.of_mut(weights).iter_mut().zip(&counts.waits) {
            *bias = (events / exposure).ln() as f32;
        }
        for (bias, (positives, n)) in layout.task_bias.of_mut(weights).iter_mut().zip(&counts.labels) {
            *bias = (positives / (n - positives)).ln() as f32;
        }
        if self.config.risk.codes.is_empty() {
            return;
        }
        let mut rates = counts.incidence.log_rates();
        let codes = self.config.risk.codes.len();
        let overall = rates.split_off((ROWS - 1) * codes);
        let by_age = self.config.risk.reference.is_some();
        rates = if by_age { [rates, overall.clone()].concat() } else { overall.repeat(ROWS) };
        let mut levels = Levels::new(&self.config, &rates);
        levels.add_all(data);
        let (mut bias, repeat) = levels.biases();
        if by_age {
            layout.risk_reference.of_mut(weights).copy_from_slice(&rates);
        } else {
            bias.chunks_exact_mut(codes).for_each(|row| add_scaled(row, 1.0, &overall));
        }
        layout.risk_bias.of_mut(weights).copy_from_slice(&bias);
        layout.risk_repeat.of_mut(weights).copy_from_slice(&repeat);
    }
}

/// What one look at each record counts. Nothing is counted as nought, since logarithms are taken.
struct Counts {
    codes: Vec<f64>,
    /// Events and days by interval of the waiting time.
    waits: Vec<(f64, f64)>,
    /// Positives and all, by task.
    labels: Vec<(f64, f64)>,
    incidence: Incidence,
}

impl Counts {
    fn new(config: &Config) -> Self {
        Counts {
            codes: vec![0.5; config.vocabulary_size],
            waits: vec![(0.5, 1e-3); config.waiting_time_intervals()],
            labels: vec![(0.5, 1.0); config.tasks.len()],
            incidence: Incidence::new(config.risk.codes.len()),
        }
    }

    fn add(&mut self, config: &Config, sequence: &Sequence<'_>) {
        let edges = &config.waiting_time_edges_days;
        let waits = &mut self.waits;
        let mut wait = |days: f64, ends: bool| {
            for (j, (_, exposure)) in waits.iter_mut().enumerate() {
                *exposure += waiting_time::time_in(edges, j, days);
            }
            if ends {
                waits[waiting_time::interval_of(edges, days)].0 += 1.0;
            }
        };
        let (begin, end) = (sequence.age_days[0], sequence.followup_end_age_days);
        let mut first = Vec::new();
        for place in sequence.static_len..sequence.len() {
            let code = sequence.code[place];
            self.codes[code as usize] += 1.0;
            if code == config.time_code && sequence.value[place] > 0.0 {
                let ends = sequence.code.get(place + 1).is_some_and(|next| *next != config.time_code);
                wait(f64::from(sequence.value[place]), ends);
            } else {
                first.extend(config.risk_indices(code).map(|index| (index, sequence.age_days[place])));
            }
        }
        if let Some(last) = sequence.age_days.last() {
            wait((end - last).max(0.0), false);
        }
        if sequence.died
            && let Some(index) = config.death_index()
        {
            first.push((index, end));
        }
        let sex = sex_of(config, &sequence.code[..sequence.static_len]);
        self.incidence.add((sex, sequence.birth_known), (begin + FIRST_VISIT_DAYS, end), first);
    }
}

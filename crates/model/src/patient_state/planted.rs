//! A cause that was planted is found: by reading the record without it, and by what the last look takes from it.

use crate::config::{Config, Size};
use crate::data::Subjects;
use crate::model::Model;
use crate::random::{self, Purpose};
use crate::train::{Silent, TrainOptions, train};
use timeline::Sequence;

const TIME: u32 = 0;
const DEATH: u32 = 1;
const STATIC: u32 = 2;
const OUTCOME: u32 = 3;
const CAUSE: u32 = 4;
/// Place of the horizon.
const TWO_YEARS: usize = 6;
/// Codes of no consequence.
const NOISE: std::ops::Range<u32> = 5..15;

struct Life {
    code: Vec<u32>,
    age_days: Vec<f64>,
    value: Vec<f32>,
    end: f64,
}

impl Life {
    /// Some 12 events in two years; the cause, in every second life, is followed by the outcome in nine of ten lives, within two
    /// years of the last event.
    fn new(seed: u64, subject: u64) -> Self {
        let (key, mut counter) = (random::key(seed, Purpose::Order, &[subject]), 0);
        let mut uniform = || {
            counter += 1;
            random::uniform(key, counter)
        };
        let planted = uniform() < 0.5;
        let place = (uniform() * 12.0) as usize;
        let mut age = 15_000.0;
        let mut life = Life { code: vec![STATIC], age_days: vec![age], value: vec![f32::NAN], end: 0.0 };
        for i in 0..12 {
            if i > 0 {
                age += life.wait(5.0 + 50.0 * uniform());
            }
            let code = NOISE.start + (uniform() * f64::from(NOISE.end - NOISE.start)) as u32;
            life.push(if planted && i == place { CAUSE } else { code }, age);
        }
        let occurs = uniform() < if planted { 0.9 } else { 0.05 };
        life.end = age + 900.0;
        let wait = 20.0 + 600.0 * uniform();
        if occurs {
            age += life.wait(wait);
            life.push(OUTCOME, age);
        }
        life
    }

    fn wait(&mut self, days: f64) -> f64 {
        let age = self.age_days.last().copied().unwrap_or(0.0) + days;
        self.code.push(TIME);
        self.age_days.push(age);
        self.value.push(days as f32);
        days
    }

    fn push(&mut self, code: u32, age: f64) {
        self.code.push(code);
        self.age_days.push(age);
        self.value.push(f32::NAN);
    }

    fn sequence(&self, n: usize) -> Sequence<'_> {
        Sequence {
            subject_id: 0,
            code: &self.code[..n],
            age_days: &self.age_days[..n],
            value: &self.value[..n],
            static_len: 1,
            followup_end_age_days: if n == self.code.len() { self.end } else { self.age_days[n - 1] },
            died: false,
            birth_known: true,
        }
    }
}

fn trained() -> Model {
    let lives: Vec<Life> = (0..3000).map(|subject| Life::new(1, subject)).collect();
    let subjects: Subjects = lives.iter().map(|life| life.sequence(life.code.len())).collect();
    let config = Config {
        width: 32,
        // In two blocks the last token may hear of the cause from a token between, which its own look doesn't tell.
        layers: 2,
        heads: 2,
        key_value_heads: 2,
        feed_forward: 64,
        context: 64,
        ..Config::of_size(Size::Tiny, NOISE.end as usize, TIME, Some(DEATH), &[OUTCOME])
    };
    let mut model = Model::new(config, 1).unwrap();
    model.set_marginals(&subjects);
    let options = TrainOptions {
        batch_tokens: 1012,
        epochs: 20,
        dropout: 0.0,
        learning_rate: 4e-3,
        warmup_steps: 20,
        ..TrainOptions::default()
    };
    train(model, &subjects, &Subjects::new(), &options, None, &mut Silent).unwrap().0
}

#[test]
fn planted_causes_are_ranked_first() {
    let model = trained();
    let (mut lives, mut first_without, mut first_moved) = (0, 0, 0);
    for subject in 0..120 {
        let life = Life::new(2, subject);
        let cause = life.code.iter().position(|code| *code == CAUSE);
        // As known at the last event before the outcome.
        let n = 1 + 12 + 11;
        let (Some(cause), false) = (cause, life.code[..n].contains(&OUTCOME)) else { continue };
        let state = model.read(&[life.sequence(n)]).unwrap().remove(0);
        let events: Vec<Vec<usize>> =
            (1..n).filter(|place| life.code[*place] != TIME).map(|place| vec![place]).collect();
        let least = |tables: Vec<Option<crate::RiskTable>>| {
            let risk =
                |table: &Option<crate::RiskTable>| table.as_ref().unwrap().within(OUTCOME, 730.0).unwrap();
            let each: Vec<f32> = tables.iter().map(risk).collect();
            (0..each.len()).min_by(|a, b| each[*a].total_cmp(&each[*b])).map(|i| events[i][0])
        };
        lives += 1;
        first_without +=
            usize::from(least(model.risk_without(&state, &events, None).unwrap()) == Some(cause));
        let moved = model.risk_moved_by(&state, &events, Some(&[OUTCOME]), TWO_YEARS).unwrap().remove(0);
        let most = (0..moved.len()).max_by(|a, b| moved[*a].total_cmp(&moved[*b])).map(|i| events[i][0]);
        first_moved += usize::from(most == Some(cause));
    }
    assert!(lives > 40);
    assert!(first_without * 100 >= lives * 95, "{first_without} of {lives} by reading without");
    assert!(first_moved * 100 >= lives * 90, "{first_moved} of {lives} by the last look");
}

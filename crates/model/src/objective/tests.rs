//! The whole model against finite differences, and what it may and may not see.

use super::*;
use crate::config::{DirectEffects, EmbeddingFeatures, RiskConfig, Rotary, SexCodes, ValueConfig};
use crate::gradient_check::assert_gradient;
use crate::pack::{Targets, TaskLabel};
use crate::packed::Prepared;
use crate::random::{self, Purpose};
use crate::window::Window;
use timeline::Sequence;

const TIME: u32 = 0;
const DEATH: u32 = 1;

/// A model small enough for differences at many coordinates, with everything switched on.
fn config() -> Config {
    Config {
        vocabulary_size: 9,
        time_code: TIME,
        death_code: Some(DEATH),
        features: EmbeddingFeatures {
            count: 3,
            by_code: (0..9).map(|c| if c % 2 == 0 { vec![c % 3, 2] } else { vec![] }).collect(),
        },
        width: 8,
        layers: 2,
        heads: 2,
        key_value_heads: 1,
        feed_forward: 6,
        context: 64,
        rotary: Rotary::Time {
            index_pairs: 1,
            base: 100.0,
            shortest_period_days: 5.0,
            longest_period_days: 5000.0,
        },
        attention_bias: true,
        tied_head: true,
        norm_epsilon: 1e-6,
        value: ValueConfig { knots: 4, rank: 3, bins: 4 },
        waiting_time_edges_days: vec![2.0, 30.0, 400.0],
        risk: RiskConfig {
            codes: vec![1, 4, 5, 7],
            broader: [(6, vec![4]), (7, vec![5])].into(),
            rank: 3,
            repeat_weight: 0.4,
            repeats_apart: true,
            weights: vec![1.0, 0.5, 2.0, 0.1],
            reference: Some(SexCodes { female: Some(2), male: None }),
            direct: Some(DirectEffects { measured: vec![7, 8], horizon_knots: 3 }),
            scaled: true,
            repeats_levelled: true,
        },
        tasks: vec!["a".into(), "b".into()],
    }
}

struct Life {
    code: Vec<u32>,
    age: Vec<f64>,
    value: Vec<f32>,
    died: bool,
}

impl Life {
    fn new(seed: u64, groups: usize, died: bool) -> Self {
        let key = random::key(seed, Purpose::Order, &[99]);
        let mut life = Life { code: vec![2, 3], age: vec![9_000.0; 2], value: vec![f32::NAN; 2], died };
        let (mut age, mut counter) = (9_000.0, 0);
        let mut draw = |bound: usize| {
            counter += 1;
            random::below(key, counter, bound)
        };
        for group in 0..groups {
            if group > 0 {
                let gap = [0.5, 3.25, 60.0, 700.0][draw(4)];
                age += gap;
                life.push(TIME, age, gap as f32);
            }
            for _ in 0..=draw(2) {
                let code = 4 + draw(5) as u32;
                let value = if code >= 7 { (draw(90) + 5) as f32 / 100.0 } else { f32::NAN };
                life.push(code, age, value);
            }
        }
        if died {
            life.push(TIME, age + 40.0, 40.0);
            life.push(DEATH, age + 40.0, f32::NAN);
        }
        life
    }

    fn push(&mut self, code: u32, age: f64, value: f32) {
        self.code.push(code);
        self.age.push(age);
        self.value.push(value);
    }

    fn sequence(&self) -> Sequence<'_> {
        let last = self.age[self.age.len() - 1];
        Sequence {
            subject_id: 0,
            code: &self.code,
            age_days: &self.age,
            value: &self.value,
            static_len: 2,
            followup_end_age_days: if self.died { last } else { last + 900.0 },
            died: self.died,
            birth_known: true,
        }
    }
}

/// Weights that are all alive: a fresh model has zeros in which gradients would hide.
fn weights(layout: &Layout) -> Vec<f64> {
    let mut weights: Vec<f64> = layout.initialise(3);
    let key = random::key(4, Purpose::Initial, &[7]);
    weights.iter_mut().enumerate().for_each(|(i, w)| *w += 0.15 * random::normal(key, i as u64));
    // Hazards of the size of real ones; at one a day the loss is so large that differences drown in rounding.
    layout.risk_bias.of_mut(&mut weights).iter_mut().for_each(|b| *b -= 7.0);
    layout.waiting_bias.of_mut(&mut weights).iter_mut().for_each(|b| *b -= 4.0);
    weights
}

fn pack_lives(config: &Config, workspace: &mut Workspace<f64>, lives: &[Life]) {
    workspace.pack.clear();
    for life in lives {
        let sequence = life.sequence();
        let position = sequence.len() - 2;
        let labels =
            [TaskLabel { task: 0, position, value: true }, TaskLabel { task: 1, position: 4, value: false }];
        let targets = Targets { likelihood: true, risk: Some((3, 5)), labels: &labels };
        workspace.pack.push(config, &sequence, Window::whole(&sequence), targets);
    }
}

const SCALES: Scales = Scales { next_event: 0.1, waiting_time: 0.07, value: 0.2, risk: 0.0005, task: 0.3 };

fn check_whole_model(config: &Config, rate: f64) {
    let layout = Layout::new(config);
    let weights = weights(&layout);
    let lives = [Life::new(1, 9, true), Life::new(2, 8, false)];
    let mut workspace = Workspace::default();
    pack_lives(config, &mut workspace, &lives);
    let dropout = Dropout { key: 11, rate };
    let mut prepared = Prepared::new((config, &layout), &weights, true);
    let mut value = |weights: &[f64], gradient: &mut Gradient<f64>| {
        prepared.update((config, &layout), weights);
        let p = prepared.with((config, &layout), weights);
        gradient.clear();
        let losses = workspace.gradient(p, dropout, &SCALES, gradient);
        gradient.tables.backward((config, &layout), (weights, &prepared.tables), &mut gradient.arena);
        losses.total(&SCALES)
    };
    let mut gradient = Gradient::zeros(config, &layout);
    value(&weights, &mut gradient);
    let mut scratch = gradient.clone();
    for tensor in &layout.tensors {
        let at = tensor.slot.of(&weights).to_vec();
        let analytic = tensor.slot.of(&gradient.arena).to_vec();
        if tensor.slot == layout.risk_reference {
            assert!(analytic.iter().all(|g| *g == 0.0), "what is counted isn't trained");
            continue;
        }
        assert!(analytic.iter().any(|g| *g != 0.0), "{} has no gradient", tensor.name);
        let mut moved = weights.clone();
        assert_gradient(&at, &analytic, |x| {
            tensor.slot.of_mut(&mut moved).copy_from_slice(x);
            value(&moved, &mut scratch)
        });
    }
}

#[test]
fn whole_model_gradient_is_the_derivative() {
    check_whole_model(&config(), 0.0);
}

#[test]
fn so_it_is_with_dropout_and_an_untied_head() {
    check_whole_model(&Config { tied_head: false, ..config() }, 0.2);
}

#[test]
fn a_later_token_changes_no_earlier_state() {
    let config = config();
    let layout = Layout::new(&config);
    let weights = weights(&layout);
    let prepared = Prepared::new((&config, &layout), &weights, false);
    let p = prepared.with((&config, &layout), &weights);
    let mut life = Life::new(8, 6, false);
    let mut workspace = Workspace::default();
    let mut states = |life: &Life| {
        workspace.pack.clear();
        let sequence = life.sequence();
        workspace.pack.push(&config, &sequence, Window::whole(&sequence), Targets::default());
        workspace.hidden(p, Dropout::default()).1.to_vec()
    };
    let before = states(&life);
    for changed in (3..life.code.len()).rev() {
        life.code[changed] = if life.code[changed] == 5 { 6 } else { 5 };
        life.value[changed] = 0.9;
        life.age[changed] += 1.0;
        let after = states(&life);
        assert_eq!(before[..changed * config.width], after[..changed * config.width]);
        assert_ne!(before[changed * config.width..], after[changed * config.width..]);
    }
}

#[test]
fn packing_changes_nothing() {
    let config = config();
    let layout = Layout::new(&config);
    let weights = weights(&layout);
    let prepared = Prepared::new((&config, &layout), &weights, false);
    let p = prepared.with((&config, &layout), &weights);
    let mut workspace = Workspace::default();
    let lives = [Life::new(1, 5, true), Life::new(2, 4, false), Life::new(3, 7, false)];
    let mut alone = Losses::default();
    for life in &lives {
        pack_lives(&config, &mut workspace, std::slice::from_ref(life));
        alone.add(&workspace.losses(p));
    }
    pack_lives(&config, &mut workspace, &lives);
    let together = workspace.losses(p);
    assert!((alone.total(&SCALES) - together.total(&SCALES)).abs() < 1e-10);
    assert_eq!(
        (alone.next_events, alone.risk_days, alone.tasks),
        (together.next_events, together.risk_days, together.tasks)
    );
}

#[test]
fn single_precision_agrees_with_double() {
    let config = config();
    let layout = Layout::new(&config);
    let weights = weights(&layout);
    let narrow: Vec<f32> = weights.iter().map(|w| *w as f32).collect();
    let prepared = Prepared::new((&config, &layout), &weights, false);
    let narrow_prepared = Prepared::new((&config, &layout), &narrow, false);
    let (mut wide, mut single) = (Workspace::<f64>::default(), Workspace::<f32>::default());
    let lives = [Life::new(5, 6, true)];
    pack_lives(&config, &mut wide, &lives);
    std::mem::swap(&mut wide.pack, &mut single.pack);
    let b = single.losses(narrow_prepared.with((&config, &layout), &narrow));
    std::mem::swap(&mut wide.pack, &mut single.pack);
    let a = wide.losses(prepared.with((&config, &layout), &weights));
    assert!((a.total(&SCALES) - b.total(&SCALES)).abs() < 1e-4 * a.total(&SCALES).abs().max(1.0));
}

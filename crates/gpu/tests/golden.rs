//! The engine on Burn's devices against the model's own: the same batch and weights must give the same losses and
//! gradients, the same options the same training, the same records the same answers.
//!
//! Each check runs on Burn's `flex` and, with the feature `vulkan`, on the first Vulkan device.

use gpu::Device;
use model::engine::{Cpu, Engine, FirstStep, Parts};
use model::{
    Config, DirectEffects, EmbeddingFeatures, EvaluationReport, Model, Observer, RiskConfig, Rotary,
    SexCodes, Size, StepReport, Subjects, TaskLabel, TrainOptions, ValueConfig, train_on,
};
use std::ops::ControlFlow;
use timeline::Sequence;

const TIME: u32 = 0;
const DEATH: u32 = 1;
#[cfg(not(feature = "vulkan"))]
const DEVICES: [Device; 1] = [Device::Flex];
#[cfg(feature = "vulkan")]
const DEVICES: [Device; 2] = [Device::Flex, Device::Vulkan(0)];

/// Everything switched on: time rotary, grouped queries, biases, features, values, a tied head, tasks.
fn everything() -> Config {
    Config {
        vocabulary_size: 31,
        time_code: TIME,
        death_code: Some(DEATH),
        features: EmbeddingFeatures {
            count: 7,
            by_code: (0..31).map(|c| if c % 2 == 0 { vec![c % 7, (c + 3) % 7] } else { vec![] }).collect(),
        },
        width: 24,
        layers: 2,
        heads: 6,
        key_value_heads: 2,
        feed_forward: 20,
        context: 1024,
        rotary: Rotary::Time {
            index_pairs: 1,
            base: 100.0,
            shortest_period_days: 5.0,
            longest_period_days: 5000.0,
        },
        attention_bias: true,
        tied_head: true,
        norm_epsilon: 1e-6,
        value: ValueConfig { knots: 5, rank: 6, bins: 8 },
        waiting_time_edges_days: vec![1.0, 30.0, 400.0],
        risk: RiskConfig {
            codes: (1..31).filter(|c| c % 3 != 2).collect(),
            broader: (21..31).map(|c| (c, vec![if c % 2 == 0 { 3 } else { 4 }, 1])).collect(),
            rank: 5,
            repeat_weight: 0.3,
            repeats_apart: true,
            weights: (1..31).filter(|c| c % 3 != 2).map(|c| 1.0 / c as f32).collect(),
            reference: Some(SexCodes { female: Some(2), male: Some(30) }),
            direct: Some(DirectEffects { measured: (21..31).collect(), horizon_knots: 3 }),
            scaled: true,
            repeats_levelled: true,
        },
        tasks: vec!["a".into(), "b".into()],
    }
}

/// The plainest: index rotary, a head of its own, no biases, no features, no tasks, every query its own keys.
fn plain() -> Config {
    Config {
        features: EmbeddingFeatures::default(),
        key_value_heads: 6,
        rotary: Rotary::Index { base: 10_000.0 },
        attention_bias: false,
        tied_head: false,
        risk: RiskConfig {
            repeats_apart: false,
            scaled: false,
            repeats_levelled: false,
            ..everything().risk
        },
        tasks: Vec::new(),
        ..everything()
    }
}

/// A number at each step, the same everywhere (Numerical Recipes' generator).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }
    fn centred(&mut self) -> f32 {
        self.below(2_001) as f32 / 1_000.0 - 1.0
    }
}

struct Life {
    code: Vec<u32>,
    age_days: Vec<f64>,
    value: Vec<f32>,
    died: bool,
    birth_known: bool,
}

impl Life {
    /// Two static facts, then groups of simultaneous events, some with values, with gaps from hours to years.
    fn new(seed: u64, groups: usize, died: bool) -> Self {
        let mut numbers = Numbers(seed);
        let (mut life, mut age) = (
            Life { code: vec![], age_days: vec![], value: vec![], died, birth_known: seed % 3 != 0 },
            9_000.0,
        );
        life.push(2, age, f32::NAN);
        life.push(3, age, f32::NAN);
        for group in 0..groups {
            if group > 0 {
                let gap = [0.2, 3.25, 60.0, 700.0][numbers.below(4) as usize];
                age += gap;
                life.push(TIME, age, gap as f32);
            }
            for _ in 0..=numbers.below(3) {
                let code = 4 + numbers.below(27) as u32;
                let value = if code > 20 { numbers.below(100) as f32 / 100.0 } else { f32::NAN };
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
        self.age_days.push(age);
        self.value.push(value);
    }

    fn sequence(&self) -> Sequence<'_> {
        let last = self.age_days[self.age_days.len() - 1];
        Sequence {
            subject_id: 0,
            code: &self.code,
            age_days: &self.age_days,
            value: &self.value,
            static_len: 2,
            followup_end_age_days: if self.died { last } else { last + 900.0 },
            died: self.died,
            birth_known: self.birth_known,
        }
    }
}

fn subjects<'a>(config: &Config, lives: &'a [Life]) -> Subjects<'a> {
    let mut subjects = Subjects::new();
    for life in lives {
        let sequence = life.sequence();
        let label = |task: usize| TaskLabel { task, position: sequence.len() - 1 - task, value: life.died };
        subjects.push(sequence, (0..config.tasks.len()).map(label).collect());
    }
    subjects
}

fn options() -> TrainOptions {
    TrainOptions { dropout: 0.2, learning_rate: 1e-3, warmup_steps: 2, ..TrainOptions::default() }
}

/// Weights that are all alive: a fresh model has zeros in which gradients would hide.
fn alive(model: &Model) -> Vec<f32> {
    let mut numbers = Numbers(5);
    let mut weights = model.weights().to_vec();
    let mut begin = 0;
    for (name, shape) in model.tensors() {
        let end = begin + shape.iter().product::<usize>();
        // Hazards of the size of real ones.
        let level = match name {
            "risk.bias" => -7.0,
            "waiting_time.bias" => -4.0,
            _ => 0.0,
        };
        weights[begin..end].iter_mut().for_each(|w| *w += level + 0.15 * numbers.centred());
        begin = end;
    }
    weights
}

fn engine(device: Device, model: &Model) -> Box<dyn Engine> {
    match device.open(model) {
        Ok(Some(engine)) => engine,
        Ok(None) => panic!("{device} is no device"),
        Err(error) => panic!("{error}"),
    }
}

fn assert_losses(device: Device, expected: &Parts, found: &Parts) {
    let parts = |p: &Parts| [p.next_event, p.waiting_time, p.value, p.risk, p.task];
    for (a, b) in parts(expected).into_iter().zip(parts(found)) {
        // Values' losses are differences of larger numbers, and their sum may be next to nothing.
        assert!((a - b).abs() <= 1e-5 * a.abs().max(1.0), "{device}: loss {b}, the cpu engine's {a}");
    }
    let even = Parts { next_event: 1.0, waiting_time: 1.0, value: 1.0, risk: 1.0, task: 1.0 };
    let (a, b) = (expected.total(&even), found.total(&even));
    assert!((a - b).abs() <= 1e-5 * a.abs(), "{device}: loss {b}, the cpu engine's {a}");
}

/// Losses to 1e-5, relative; every weight's gradient to 1e-4 of its tensor's largest.
fn assert_golden(config: &Config, lives: &[Life]) {
    let model = Model::new(config.clone(), 3).unwrap();
    let (weights, subjects) = (alive(&model), subjects(config, lives));
    let step = FirstStep::new(&model, &subjects, &options()).unwrap();
    let (batches, scales) = (step.batches(), step.scales());
    let mut cpu = Cpu::new(config).unwrap();
    cpu.load(&weights).unwrap();
    let mut expected = vec![0.0; weights.len()];
    let losses = cpu.gradient(&batches, &scales, &mut expected).unwrap();
    for device in DEVICES {
        let mut engine = engine(device, &model);
        engine.load(&weights).unwrap();
        let mut found = vec![f32::NAN; weights.len()];
        let parts = engine.gradient(&batches, &scales, &mut found).unwrap();
        losses.iter().zip(&parts).for_each(|(a, b)| assert_losses(device, a, b));
        let (mut begin, mut worst) = (0, 0.0_f32);
        for (name, shape) in model.tensors() {
            let end = begin + shape.iter().product::<usize>();
            let scale = expected[begin..end].iter().fold(0.0_f32, |m, g| m.max(g.abs()));
            if name == "risk.reference_bias" {
                let untouched = |of: &[f32]| of[begin..end].iter().all(|g| *g == 0.0);
                assert!(untouched(&expected) && untouched(&found), "{device}: what is counted isn't trained");
                begin = end;
                continue;
            }
            assert!(scale > 0.0, "{name} has no gradient");
            for (i, (a, b)) in expected[begin..end].iter().zip(&found[begin..end]).enumerate() {
                let difference = (a - b).abs() / scale;
                worst = worst.max(difference);
                assert!(difference <= 1e-4, "{device}: {name}[{i}] {b}, the cpu engine's {a}");
            }
            begin = end;
        }
        println!("{device}: worst gradient {worst:.1e} of its tensor's largest");
        for batch in &batches {
            assert_losses(device, &cpu.losses(batch).unwrap(), &engine.losses(batch).unwrap());
            let (a, b) = (cpu.hidden(batch).unwrap(), engine.hidden(batch).unwrap());
            assert!(a.iter().zip(&b).all(|(a, b)| (a - b).abs() < 1e-4), "{device}: hidden state");
        }
    }
}

#[test]
fn losses_and_gradients_are_the_cpu_engines() {
    let lives: Vec<Life> = (1..9).map(|seed| Life::new(seed, 3 + seed as usize, seed % 2 == 0)).collect();
    assert_golden(&everything(), &lives);
}

#[test]
fn so_they_are_for_the_plainest_configuration() {
    let lives: Vec<Life> = (1..6).map(|seed| Life::new(seed, 6, seed % 2 == 0)).collect();
    assert_golden(&plain(), &lives);
}

#[test]
fn so_they_are_where_attention_is_cut_into_stretches() {
    let lives = [Life::new(1, 200, true), Life::new(2, 5, false), Life::new(3, 90, false)];
    assert!(lives[0].code.len() > 512, "more than two stretches in one segment");
    assert_golden(&Config { layers: 1, ..everything() }, &lives);
}

#[derive(Default)]
struct Steps(Vec<StepReport>, Vec<EvaluationReport>);

impl Observer for Steps {
    fn step(&mut self, report: &StepReport) -> ControlFlow<()> {
        self.0.push(*report);
        ControlFlow::Continue(())
    }
    fn evaluation(&mut self, report: &EvaluationReport) {
        self.1.push(*report);
    }
}

#[test]
fn training_follows_the_cpu_engine() {
    let config = everything();
    let lives: Vec<Life> = (1..13).map(|seed| Life::new(seed, 6, seed % 2 == 0)).collect();
    let data = subjects(&config, &lives);
    let options = TrainOptions {
        batch_tokens: 80,
        epochs: 2,
        max_steps: Some(4),
        evaluate_every: Some(2),
        ..options()
    };
    let fresh = || {
        let mut model = Model::new(config.clone(), 7).unwrap();
        model.set_marginals(&data);
        model
    };
    let run = |engine: Option<&mut dyn Engine>| {
        let mut steps = Steps::default();
        let (model, _) = train_on(engine, fresh(), (&data, &data), &options, None, &mut steps).unwrap();
        (model, steps)
    };
    let (expected, told) = run(None);
    assert_eq!((told.0.len(), told.1.len()), (4, 2));
    for device in DEVICES {
        let mut engine = engine(device, &fresh());
        let (found, steps) = run(Some(engine.as_mut()));
        let near = |a: f64, b: f64, what: &str| {
            assert!((a - b).abs() <= 1e-4 * a.abs(), "{device}: {what} {b}, the cpu engine's {a}");
        };
        for (a, b) in told.0.iter().zip(&steps.0) {
            assert_eq!((a.step, a.tokens), (b.step, b.tokens));
            near(a.losses.total, b.losses.total, "loss");
            near(a.gradient_norm, b.gradient_norm, "norm");
        }
        let evaluations = told.1.iter().zip(&steps.1);
        evaluations.for_each(|(a, b)| near(a.losses.total, b.losses.total, "evaluation"));
        // Adam divides by the gradient's own size, so where that is nothing but rounding the step's sign is too.
        let moved = expected.weights().iter().zip(found.weights());
        let apart = moved.filter(|(a, b)| (**a - **b).abs() > 1e-2 * options.learning_rate as f32).count();
        assert!(apart * 50 < expected.parameters(), "{device}: {apart} of {}", expected.parameters());
    }
}

#[test]
fn answers_are_the_cpu_engines() {
    let config = everything();
    let lives: Vec<Life> = (1..6).map(|seed| Life::new(seed, 7, false)).collect();
    let sequences: Vec<Sequence<'_>> = lives.iter().map(Life::sequence).collect();
    let data = subjects(&config, &lives);
    let options = TrainOptions { max_steps: Some(2), ..options() };
    let fresh = Model::new(config, 7).unwrap();
    let none = Subjects::new();
    let cpu = train_on(None, fresh, (&data, &none), &options, None, &mut Steps::default()).unwrap().0;
    let spots: Vec<_> = sequences.iter().map(|s| (*s, s.len() - 1)).collect();
    for device in DEVICES {
        let found = cpu.clone().on(engine(device, &cpu)).unwrap();
        let close = |a: &[f32], b: &[f32]| {
            let near = |(a, b): (&f32, &f32)| (a - b).abs() <= 1e-5 + 1e-4 * a.abs();
            assert!(a.iter().zip(b).all(near), "{device}");
        };
        let tables =
            cpu.risk(&sequences, None).unwrap().into_iter().zip(found.risk(&sequences, None).unwrap());
        for (a, b) in tables {
            a.rows().zip(b.rows()).for_each(|((_, a), (_, b))| close(a, b));
        }
        let probability = |model: &Model| model.task_probability(&spots, "a").unwrap();
        close(&probability(&cpu), &probability(&found));
        for sequence in &sequences {
            let (a, b) = (cpu.log_likelihood(sequence).unwrap(), found.log_likelihood(sequence).unwrap());
            assert!((a.total() - b.total()).abs() < 1e-5 * a.total().abs());
        }
    }
}

#[test]
fn weights_of_another_shape_are_refused() {
    let model = Model::new(everything(), 1).unwrap();
    let other = Model::new(Config::of_size(Size::Tiny, 31, TIME, Some(DEATH), &[]), 1).unwrap();
    let mut engine = engine(Device::Flex, &model);
    assert!(engine.load(other.weights()).is_err());
}

#[cfg(feature = "vulkan")]
#[test]
fn a_device_beyond_the_last_is_missing() {
    let model = Model::new(everything(), 1).unwrap();
    let error = Device::Vulkan(99).open(&model).err().unwrap().to_string();
    assert!(error.contains("there is no vulkan:99: found vulkan:0"), "{error}");
}

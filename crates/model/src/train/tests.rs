//! Training learns, stops, resumes and repeats.

use super::*;
use crate::config::{Config, HORIZON_DAYS, Rotary, Size};
use crate::data::Subjects;
use crate::random::{self, Purpose};
use std::ops::ControlFlow;
use timeline::Sequence;

const TIME: u32 = 0;
const DEATH: u32 = 1;
const STATIC: u32 = 2;
/// Codes 3.. follow each other in a ring, faster with age; the value of code 3 is that of the one before.
const FIRST: u32 = 3;
const CODES: u32 = 6;

struct Population(Vec<Life>);

/// Codes, ages, values, end of follow-up, and whether it was death.
type Life = (Vec<u32>, Vec<f64>, Vec<f32>, f64, bool);

impl Population {
    fn new(seed: u64, subjects: u64) -> Self {
        Population((0..subjects).map(|s| life(random::key(seed, Purpose::Order, &[s]))).collect())
    }

    fn sequences(&self) -> impl Iterator<Item = Sequence<'_>> {
        self.0.iter().map(|(code, age_days, value, end, died)| Sequence {
            subject_id: 0,
            code,
            age_days,
            value,
            static_len: 1,
            followup_end_age_days: *end,
            died: *died,
            birth_known: true,
        })
    }
}

fn life(key: u64) -> Life {
    let mut counter = 0;
    let mut uniform = || {
        counter += 1;
        random::uniform(key, counter)
    };
    let mut age = 7_000.0 + 20_000.0 * uniform();
    let (mut code, mut ages, mut value) = (vec![STATIC], vec![age], vec![f32::NAN]);
    let end = age + 3_000.0;
    let mut current = FIRST + (uniform() * f64::from(CODES)) as u32;
    let mut rank = uniform() as f32;
    loop {
        code.push(current);
        ages.push(age);
        value.push(if current == FIRST { rank } else { f32::NAN });
        let gap = -uniform().ln() * 400.0 * (20_000.0 / age);
        if age + gap > end {
            return (code, ages, value, end, false);
        }
        age += gap;
        code.push(TIME);
        ages.push(age);
        value.push(gap as f32);
        if uniform() < 0.05 {
            code.push(DEATH);
            ages.push(age);
            value.push(f32::NAN);
            return (code, ages, value, age, true);
        }
        let turn = if uniform() < 0.8 { 1 } else { 2 };
        current = FIRST + (current - FIRST + turn) % CODES;
        rank = (rank + 0.1 * (uniform() as f32 - 0.5)).clamp(0.01, 0.99);
    }
}

fn config() -> Config {
    Config {
        width: 32,
        layers: 2,
        heads: 2,
        key_value_heads: 2,
        feed_forward: 64,
        context: 64,
        rotary: Rotary::Time {
            index_pairs: 4,
            base: 100.0,
            shortest_period_days: 10.0,
            longest_period_days: 3e4,
        },
        tasks: vec!["dies".into()],
        ..Config::of_size(Size::Tiny, 9, TIME, Some(DEATH), &[3, 4, 5, 6, 7, 8])
    }
}

fn options() -> TrainOptions {
    TrainOptions {
        batch_tokens: 512,
        epochs: 1,
        learning_rate: 3e-3,
        warmup_steps: 10,
        dropout: 0.1,
        ..TrainOptions::default()
    }
}

fn fresh(data: &dyn TrainingData) -> Model {
    let mut model = Model::new(config(), 1).unwrap();
    model.set_marginals(data);
    model
}

/// Breaks off after some steps.
struct Until(u64);

impl Observer for Until {
    fn step(&mut self, report: &StepReport) -> ControlFlow<()> {
        if report.step == self.0 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }
    fn evaluation(&mut self, _: &EvaluationReport) {}
}

#[test]
fn learns_a_chain_whose_truth_is_known() {
    let (population, unseen) = (Population::new(1, 400), Population::new(2, 200));
    let data: Subjects = population.sequences().collect();
    let tuning: Subjects = unseen.sequences().collect();
    let options = TrainOptions { epochs: 12, ..options() };
    let before = fresh(&data);
    let (model, outcome) = train(fresh(&data), &data, &tuning, &options, None, &mut Silent).unwrap();
    let likelihood = |model: &Model| {
        let mut sum = crate::infer::LogLikelihood::default();
        unseen.sequences().for_each(|s| sum.add(&model.log_likelihood(&s).unwrap()));
        sum
    };
    let (marginal, learned) = (likelihood(&before), likelihood(&model));
    assert_eq!(marginal.events, learned.events);
    let gain = (learned.total() - marginal.total()) / learned.events as f64;
    // From marginals, the next code costs ln 6 nats beyond death; known: 0.8 and 0.2.
    assert!(gain > 1.5, "{gain} nats per event over the marginals; {outcome:?}");
    assert!(learned.time > marginal.time && learned.value > marginal.value);

    // Horizon risk against what happened: first occurrence of each code within a year, where a year was seen or death cut it short.
    let (mut expected, mut observed) = (0.0, 0.0);
    for (sequence, at) in unseen.sequences().flat_map(|s| [1, 4, 9].map(|at| (s, at))) {
        if at + 1 >= sequence.len()
            || sequence.followup_end_age_days - sequence.age_days[at] < HORIZON_DAYS[5]
        {
            continue;
        }
        let table = &model.risk_at(&sequence, &[at], None).unwrap()[0];
        for (code, row) in table.rows() {
            expected += f64::from(row[5]);
            let within = |place: &usize| sequence.age_days[*place] - sequence.age_days[at] <= HORIZON_DAYS[5];
            let found = (at + 1..sequence.len()).filter(within).any(|place| sequence.code[place] == code);
            observed += f64::from(u8::from(found));
        }
    }
    let ratio: f64 = expected / observed;
    assert!((0.85..1.15).contains(&ratio), "expected over observed {ratio}");
}

#[test]
fn threads_do_not_change_the_weights() {
    let population = Population::new(3, 60);
    let data: Subjects = population.sequences().collect();
    let weights = |optimiser, threads| {
        let options = TrainOptions { optimiser, threads, ..options() };
        train(fresh(&data), &data, &data, &options, None, &mut Silent).unwrap().0.weights
    };
    for optimiser in [Optimiser::AdamW, Optimiser::Muon] {
        let one = weights(optimiser, 1);
        assert_eq!(one, weights(optimiser, 2));
        assert_eq!(one, weights(optimiser, 4));
    }
}

#[test]
fn a_broken_off_run_resumes_to_the_same_bits() {
    for optimiser in [Optimiser::AdamW, Optimiser::Muon] {
        resumes(TrainOptions { optimiser, ..options() });
    }
}

#[test]
fn products_of_fewer_bits_learn_the_same_and_resume_to_the_same_bits() {
    if Products::Bf16.check().is_err() {
        eprintln!("this processor has no bfloat16");
        return;
    }
    resumes(TrainOptions { precision: Products::Bf16, ..options() });
    let population = Population::new(5, 200);
    let data: Subjects = population.sequences().collect();
    let run = |precision, threads| {
        let options = TrainOptions { epochs: 3, precision, threads, ..options() };
        let (model, outcome) = train(fresh(&data), &data, &data, &options, None, &mut Silent).unwrap();
        (model.weights, outcome.best_loss)
    };
    let (weights, loss) = run(Products::F32, 1);
    for (precision, within) in [(Products::Bf16x3, 1e-3), (Products::Bf16, 2e-2)] {
        if precision.check().is_err() {
            eprintln!("this processor has no {precision:?}");
            continue;
        }
        let (reduced, of_reduced) = run(precision, 1);
        assert!(reduced != weights, "{precision:?} changes nothing");
        assert!((of_reduced - loss).abs() < within * loss.abs(), "{precision:?}: {of_reduced} for {loss}");
        assert_eq!(reduced, run(precision, 3).0);
    }
}

fn resumes(options: TrainOptions) {
    let population = Population::new(4, 60);
    let data: Subjects = population.sequences().collect();
    let options = TrainOptions { epochs: 2, evaluate_every: Some(3), ..options };
    let (straight, _) = train(fresh(&data), &data, &data, &options, None, &mut Silent).unwrap();
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("checkpoint.safetensors");
    let mut outcome = None;
    let mut steps = 0;
    for stop in [1, 4, 5, u64::MAX] {
        let (model, ended) =
            train(fresh(&data), &data, &data, &options, Some(&path), &mut Until(stop)).unwrap();
        assert!(ended.steps > steps || ended.steps == ended.total_steps);
        steps = ended.steps;
        outcome = Some((model, ended));
    }
    let (resumed, ended) = outcome.unwrap();
    assert!(!ended.interrupted);
    assert_eq!(straight.weights, resumed.weights);
    let other = TrainOptions { seed: 9, ..options };
    let refused = train(fresh(&data), &data, &data, &other, Some(&path), &mut Silent);
    assert!(matches!(refused, Err(Error::Malformed { .. })));
}

#[test]
fn long_records_train_in_windows_and_labels_reach_across_them() {
    let population = Population::new(5, 40);
    let mut data = Subjects::new();
    for sequence in population.sequences() {
        let label = TaskLabel { task: 0, position: sequence.len() - 1, value: sequence.died };
        data.push(sequence, vec![label]);
    }
    let mut short = config();
    short.context = 8;
    let mut model = Model::new(short, 1).unwrap();
    model.set_marginals(&data);
    let options = TrainOptions { epochs: 30, monitor: Monitor::Task, ..options() };
    let (model, outcome) = train(model, &data, &data, &options, None, &mut Silent).unwrap();
    assert!(outcome.best_loss < 0.3, "{outcome:?}");
    let mut right = 0;
    for sequence in population.sequences() {
        let p = model.task_probability(&[(sequence, sequence.len() - 1)], "dies").unwrap()[0];
        right += usize::from((p > 0.5) == sequence.died);
        let likelihood = model.log_likelihood(&sequence).unwrap();
        assert_eq!(likelihood.events, sequence.code.iter().skip(1).filter(|c| **c != TIME).count());
        assert!(likelihood.total().is_finite());
    }
    assert!(right >= 38, "{right} of 40");
    assert!(model.task_probability(&[], "unknown").is_err());
}

#[test]
fn tuning_people_who_say_nothing_of_what_is_watched_neither_stop_a_run_nor_choose_its_weights() {
    let population = Population::new(5, 20);
    let mut data = Subjects::new();
    for sequence in population.sequences() {
        data.push(sequence, vec![TaskLabel { task: 0, position: sequence.len() - 1, value: sequence.died }]);
    }
    let unlabelled: Subjects = population.sequences().collect();
    let options = TrainOptions { epochs: 6, patience: Some(1), evaluate_every: Some(1), ..options() };
    let (alone, whole) = train(fresh(&data), &data, &Subjects::new(), &options, None, &mut Silent).unwrap();
    let undated: Subjects = population
        .sequences()
        .map(|s| Sequence {
            code: &s.code[..1],
            age_days: &s.age_days[..1],
            value: &s.value[..1],
            followup_end_age_days: s.age_days[0],
            died: false,
            ..s
        })
        .collect();
    for (monitor, tuning) in [(Monitor::Task, &unlabelled), (Monitor::Total, &undated)] {
        let options = TrainOptions { monitor, ..options.clone() };
        let (model, outcome) = train(fresh(&data), &data, tuning, &options, None, &mut Silent).unwrap();
        assert!(outcome.best_loss.is_infinite() && !outcome.stopped_early, "{outcome:?}");
        assert_eq!(outcome.steps, whole.total_steps);
        assert_eq!(model.weights, alone.weights, "the last ones");
    }
}

#[test]
fn a_model_gone_on_from_is_kept_where_no_step_is_better() {
    let (population, unseen) = (Population::new(9, 40), Population::new(10, 40));
    let data: Subjects = population.sequences().collect();
    let tuning: Subjects = unseen.sequences().collect();
    let (model, _) = train(fresh(&data), &data, &tuning, &options(), None, &mut Silent).unwrap();
    // Steps so long that they only do harm.
    let harmful =
        TrainOptions { learning_rate: 0.1, warmup_steps: 0, averaging: 0.0, max_steps: Some(3), ..options() };
    let go_on = |evaluate_first| {
        let options = TrainOptions { evaluate_first, evaluate_every: Some(1), ..harmful.clone() };
        train(model.clone(), &data, &tuning, &options, None, &mut Silent).unwrap()
    };
    let ((unasked, first_seen), (kept, outcome)) = (go_on(false), go_on(true));
    assert!(
        first_seen.best_step > 0 && outcome.best_loss < first_seen.best_loss,
        "{outcome:?} {first_seen:?}"
    );
    assert!(
        outcome.best_step == 0 && outcome.steps == outcome.total_steps && outcome.steps > 1,
        "{outcome:?}"
    );
    assert!(kept.weights == model.weights && unasked.weights != model.weights);
}

#[test]
fn risks_that_nobody_here_has_keep_their_levels() {
    let population = Population::new(8, 80);
    let data: Subjects = population.sequences().collect();
    let (model, _) = train(fresh(&data), &data, &data, &options(), None, &mut Silent).unwrap();
    // Another site's people, who are never told the code 5.
    let codes: Vec<Vec<u32>> = population
        .sequences()
        .map(|s| s.code.iter().map(|c| if *c == 5 { 4 } else { *c }).collect())
        .collect();
    let elsewhere: Subjects =
        population.sequences().zip(&codes).map(|(s, code)| Sequence { code, ..s }).collect();
    let (before, index) = (model.weights.clone(), model.config.risk_index(5).unwrap());
    let biases = |weights: &[f32]| -> Vec<f32> {
        let codes = model.config.risk.codes.len();
        model.layout.risk_bias.of(weights).chunks_exact(codes).map(|row| row[index]).collect()
    };
    let go_on = |model: Model| train(model, &elsewhere, &elsewhere, &options(), None, &mut Silent).unwrap().0;
    assert_ne!(biases(&go_on(model.clone()).weights), biases(&before));
    let mut resting = model.clone();
    let rested = resting.rest_absent_risks(&elsewhere);
    assert_eq!(rested.codes, 1);
    let mut after = go_on(resting);
    after.wake(rested);
    assert_eq!(biases(&after.weights), biases(&before));
    assert_ne!(after.weights, before);
    assert_eq!(after.config, model.config);
}

#[test]
fn frozen_models_change_in_their_heads_alone() {
    let population = Population::new(6, 30);
    let mut data = Subjects::new();
    for sequence in population.sequences() {
        let label = TaskLabel { task: 0, position: sequence.len() - 1, value: sequence.died };
        data.push(sequence, vec![label]);
    }
    let mut before = fresh(&data).with_tasks(&["dies".into(), "other".into()]).unwrap();
    let [_, weight, _] = before.layout.task_heads();
    weight.of_mut(&mut before.weights).iter_mut().zip(1..).for_each(|(w, i)| *w = 0.001 * i as f32);
    before.refresh();
    let trained_before = before.clone();
    let options = TrainOptions {
        trainable: Trainable::TaskHeads,
        likelihood_weight: 0.0,
        risk_weight: 0.0,
        epochs: 3,
        ..options()
    };
    let (after, _) = train(before.clone(), &data, &Subjects::new(), &options, None, &mut Silent).unwrap();
    // What was not trained has only shrunk; a head that is put back is what it was.
    let kept = after.with_tasks(&["dies".into()]).unwrap();
    let kept = kept.with_task_heads(&[trained_before.task_head("other").unwrap()]).unwrap();
    assert_eq!(kept.config.tasks, ["dies", "other"]);
    assert_eq!(kept.task_head("other"), trained_before.task_head("other"));
    assert_eq!(kept.task_head("dies"), after.task_head("dies"));
    assert_ne!(kept.task_head("dies"), trained_before.task_head("dies"));
    assert!(
        kept.task_head("third").is_none()
            && kept.with_task_heads(&[kept.task_head("dies").unwrap()]).is_err()
    );
    for tensor in &before.layout.tensors {
        let same = tensor.slot.of(&before.weights) == tensor.slot.of(&after.weights);
        assert_eq!(same, !tensor.name.starts_with("task."), "{}", tensor.name);
    }
}

#[test]
fn answers_survive_the_disk_and_agree_with_each_other() {
    let population = Population::new(7, 5);
    let data: Subjects = population.sequences().collect();
    let model = fresh(&data);
    let options = TrainOptions { max_steps: Some(3), ..options() };
    let (model, _) = train(model, &data, &Subjects::new(), &options, None, &mut Silent).unwrap();
    let directory = tempfile::tempdir().unwrap();
    model.save(directory.path()).unwrap();
    let loaded = Model::load(directory.path()).unwrap();
    let sequences: Vec<_> = population.sequences().collect();
    let tables = model.risk(&sequences, None).unwrap();
    assert_eq!(tables, loaded.risk(&sequences, None).unwrap());
    for (sequence, table) in sequences.iter().zip(&tables) {
        let at = model.risk_at(sequence, &[0, sequence.len() - 1], None).unwrap();
        for ((_, a), (_, b)) in at[1].rows().zip(table.rows()) {
            assert!(a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-5));
        }
        let some = model.risk(std::slice::from_ref(sequence), Some(&[5, DEATH])).unwrap();
        assert_eq!(some[0].codes(), [5, DEATH]);
    }
    assert!(model.risk(&sequences, Some(&[TIME])).is_err());
    assert_eq!(model.state(&sequences[0]).unwrap().len(), model.state_width());
}

#[test]
fn hostile_files_are_refused() {
    let directory = tempfile::tempdir().unwrap();
    let model = Model::new(config(), 1).unwrap();
    model.save(directory.path()).unwrap();
    let path = directory.path().join("model.safetensors");
    let good = std::fs::read(&path).unwrap();
    let refuse = |bytes: &[u8]| {
        std::fs::write(&path, bytes).unwrap();
        assert!(matches!(Model::load(directory.path()), Err(Error::Malformed { .. })));
    };
    refuse(&[]);
    refuse(&good[..good.len() - 1]);
    refuse(&good[..20]);
    let mut infinite = good.clone();
    let end = infinite.len();
    infinite[end - 4..].copy_from_slice(&f32::INFINITY.to_le_bytes());
    refuse(&infinite);
    std::fs::write(&path, &good).unwrap();
    assert!(Model::load(directory.path()).is_ok());
    let config_path = directory.path().join("config.json");
    let huge = std::fs::read_to_string(&config_path).unwrap().replace("\"width\": 32", "\"width\": 65536");
    std::fs::write(&config_path, huge).unwrap();
    assert!(matches!(Model::load(directory.path()), Err(Error::Malformed { .. })));
    std::fs::write(&config_path, "{\"width\": \"secret\"}").unwrap();
    let message = Model::load(directory.path()).unwrap_err().to_string();
    assert!(!message.contains("secret"));
}

#[test]
fn impossible_options_and_data_are_refused() {
    let population = Population::new(8, 3);
    let data: Subjects = population.sequences().collect();
    let no_threads = TrainOptions { threads: 0, ..options() };
    let no_patience = TrainOptions { patience: Some(0), ..options() };
    for bad in [no_threads, no_patience] {
        assert!(matches!(train(fresh(&data), &data, &data, &bad, None, &mut Silent), Err(Error::Options(_))));
    }
    let none = train(fresh(&data), &Subjects::new(), &data, &options(), None, &mut Silent);
    assert!(matches!(none, Err(Error::Data(_))));
}

#[test]
fn labels_asked_earlier_stand_at_events_of_the_last_share_of_the_record() {
    let population = Population::new(4, 30);
    let mut data = Subjects::new();
    for sequence in population.sequences() {
        let position = sequence.len() - 1;
        data.push(sequence, vec![TaskLabel { task: 0, position, value: true }]);
    }
    let mut options = TrainOptions { earlier_labels: 0.5, ..options() };
    options.landmarks.share = 0.0;
    let mut moved = 0;
    for subject in 0..data.len() {
        let whole = data.sequence(subject);
        let last = whole.len() - 1;
        for epoch in 0..5 {
            let mut buffer = timeline::TokenBuffer::default();
            let pass = Pass::Training(epoch);
            let (sequence, labels) =
                epoch::landmarked(&config(), &data, &options, pass, subject, &mut buffer);
            let place = labels[0].position;
            assert_ne!(sequence.code[place], TIME);
            // The event that is current at a moment of the last half may itself be older; the next one is not.
            let next = (place + 1..=last).find(|p| sequence.code[*p] != TIME).unwrap_or(last);
            let middle = (whole.age_days[0] + whole.age_days[last]) / 2.0;
            assert!(sequence.age_days[next] >= middle);
            moved += usize::from(place != last);
        }
        let mut buffer = timeline::TokenBuffer::default();
        let (_, labels) =
            epoch::landmarked(&config(), &data, &options, Pass::Evaluation, subject, &mut buffer);
        assert_eq!(labels[0].position, last, "measured where they are");
    }
    assert!(moved > 30);
}

#[test]
fn labels_keep_their_place_among_landmarks() {
    let population = Population::new(9, 20);
    let mut data = Subjects::new();
    for sequence in population.sequences() {
        let labels =
            (0..sequence.len()).map(|position| TaskLabel { task: 0, position, value: true }).collect();
        data.push(sequence, labels);
    }
    let mut options = options();
    (options.landmarks.share, options.landmarks.maximum_gap_days) = (1.0, 2.0);
    let mut buffer = timeline::TokenBuffer::default();
    for subject in 0..data.len() {
        let original = data.sequence(subject);
        let (split, labels) =
            epoch::landmarked(&config(), &data, &options, Pass::Training(3), subject, &mut buffer);
        assert!(split.len() > original.len());
        for (place, label) in labels.iter().enumerate() {
            assert_eq!(split.code[label.position], original.code[place]);
            assert_eq!(split.age_days[label.position], original.age_days[place]);
        }
    }
}

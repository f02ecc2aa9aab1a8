//! Read-outs learn what is there, claim no more than they know, and survive the disk.

use super::*;
use crate::config::{Config, Size};

struct Life {
    code: Vec<u32>,
    age: Vec<f64>,
    value: Vec<f32>,
}

/// The label holds with a chance that is high where the last value of code 3 is far from the middle and
/// in those who have code 4.
fn population(n: u64) -> (Vec<Life>, Vec<bool>) {
    let life = |subject: u64| {
        let key = random::key(11, Purpose::Order, &[subject]);
        let u = |i| random::uniform(key, i);
        let mut life = Life { code: vec![2], age: vec![20_000.0], value: vec![f32::NAN] };
        for visit in 0..3_u32 {
            let age = 20_000.0 + 40.0 * f64::from(visit);
            for (code, value) in [(3, u(10 + u64::from(visit)) as f32), (6, u(20 + u64::from(visit)) as f32)]
            {
                life.code.push(code);
                life.age.push(age);
                life.value.push(value);
            }
            if visit < 2 {
                life.code.push(0);
                life.age.push(age + 40.0);
                life.value.push(40.0);
            }
        }
        if u(1) < 0.4 {
            life.code.push(4);
            life.age.push(20_080.0);
            life.value.push(f32::NAN);
        }
        let last = u(12);
        let logit = 6.0 * (last - 0.5).abs() - 2.5 + if u(1) < 0.4 { 1.5 } else { -0.5 };
        (life, u(2) < sigmoid(logit))
    };
    (0..n).map(life).unzip()
}

fn spots(lives: &[Life]) -> Vec<(Sequence<'_>, usize)> {
    lives
        .iter()
        .zip(0..)
        .map(|(l, subject_id)| {
            let sequence = Sequence {
                subject_id,
                code: &l.code,
                age_days: &l.age,
                value: &l.value,
                static_len: 1,
                followup_end_age_days: 30_000.0,
                died: false,
                birth_known: true,
            };
            (sequence, l.code.len() - 1)
        })
        .collect()
}

fn model() -> Model {
    let config = Config {
        width: 16,
        layers: 1,
        heads: 2,
        key_value_heads: 2,
        feed_forward: 16,
        ..Config::of_size(Size::Tiny, 8, 0, Some(1), &[])
    };
    Model::new(config, 3).unwrap()
}

fn options() -> ReadoutOptions {
    ReadoutOptions {
        state: false,
        boosted_trees: 120,
        shrinkage: 0.1,
        forest_trees: 40,
        folds: 4,
        ..ReadoutOptions::default()
    }
}

fn loss(probability: &[f32], labels: &[bool]) -> f64 {
    let one = |(p, l): (&f32, &bool)| -f64::from(if *l { *p } else { 1.0 - *p }).ln();
    probability.iter().zip(labels).map(one).sum::<f64>() / labels.len() as f64
}

#[test]
fn a_stack_learns_and_its_cross_validation_tells_the_truth() {
    let (lives, labels) = population(1600);
    let (model, all) = (model(), spots(&lives));
    let (readout, report) = Readout::fit(&model, &all[..1000], &labels[..1000], &options()).unwrap();
    let unseen = readout.probability(&model, &all[1000..]).unwrap();
    let base = labels[..1000].iter().filter(|l| **l).count() as f64 / 1000.0;
    let marginal = -(base * base.ln() + (1.0 - base) * (1.0 - base).ln());
    let found = loss(&unseen, &labels[1000..]);
    assert!(found < marginal - 0.08, "{found} beside {marginal}; {report:?}");
    assert!((report.cross_entropy - found).abs() < 0.06, "{} beside {found}", report.cross_entropy);
    assert_eq!(report.members.len(), 3);
    assert!(report.members.iter().all(|m| m.weight >= 0.0 && m.cross_entropy < marginal));
    assert!(report.members.iter().all(|m| report.cross_entropy < m.cross_entropy + 1e-3));
    let expected: f32 = unseen.iter().sum::<f32>() / 600.0;
    let observed = labels[1000..].iter().filter(|l| **l).count() as f32 / 600.0;
    assert!((expected / observed - 1.0).abs() < 0.12, "{expected} {observed}");
}

#[test]
fn labels_that_mean_nothing_are_not_learned() {
    let (lives, mut labels) = population(600);
    random::shuffle(&mut labels, 5);
    let (model, all) = (model(), spots(&lives));
    let (readout, _) = Readout::fit(&model, &all, &labels, &options()).unwrap();
    let told = readout.probability(&model, &all).unwrap();
    let mean = told.iter().sum::<f32>() / 600.0;
    let deviation = (told.iter().map(|p| (p - mean).powi(2)).sum::<f32>() / 600.0).sqrt();
    assert!(deviation < 0.08, "{deviation}");
}

#[test]
fn a_probe_reads_the_state_and_survives_the_disk() {
    let (lives, labels) = population(300);
    let (model, all) = (model(), spots(&lives));
    let (probe, report) = Readout::fit(&model, &all, &labels, &ReadoutOptions::probe()).unwrap();
    assert_eq!(report.columns, model.task_state_width());
    assert_eq!(report.members.len(), 1);
    let (stack, _) =
        Readout::fit(&model, &all, &labels, &ReadoutOptions { state: true, ..options() }).unwrap();
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("readouts.json");
    let both = std::collections::BTreeMap::from([("a".to_owned(), probe), ("b".to_owned(), stack)]);
    Readout::save(&both, &path).unwrap();
    let loaded = Readout::load(&path, &model).unwrap();
    for (name, readout) in &both {
        let before = readout.probability(&model, &all).unwrap();
        let after = loaded[name].probability(&model, &all).unwrap();
        assert!(before.iter().zip(&after).all(|(a, b)| (a - b).abs() < 1e-6));
    }
    // One by one as together.
    let alone = both["b"].probability(&model, &all[7..8]).unwrap()[0];
    assert!((alone - both["b"].probability(&model, &all).unwrap()[7]).abs() < 1e-4);
    let other = Model::new(Config { width: 32, ..model.config.clone() }, 1).unwrap();
    assert!(matches!(Readout::load(&path, &other), Err(Error::Malformed { .. })));
    std::fs::write(&path, "{\"a\": 7}").unwrap();
    assert!(matches!(Readout::load(&path, &model), Err(Error::Malformed { .. })));
}

#[test]
fn threads_do_not_change_it_and_impossible_wishes_are_refused() {
    let (lives, labels) = population(200);
    let (model, all) = (model(), spots(&lives));
    let few = ReadoutOptions { boosted_trees: 20, forest_trees: 10, ..options() };
    let with =
        |threads| Readout::fit(&model, &all, &labels, &ReadoutOptions { threads, ..few.clone() }).unwrap();
    assert_eq!(with(1), with(3));
    let refuse = |options: ReadoutOptions, labels: &[bool]| {
        Readout::fit(&model, &all, labels, &options).unwrap_err().to_string()
    };
    assert!(refuse(ReadoutOptions { folds: 1, ..few.clone() }, &labels).contains("folds"));
    assert!(refuse(ReadoutOptions { summaries: false, ..few.clone() }, &labels).contains("state"));
    assert!(refuse(few, &[false; 200]).contains("too few subjects"));
}

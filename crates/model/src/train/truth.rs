//! Trained on a process whose risks have a closed form, both ways to a risk must find them.

use super::*;
use crate::config::{Config, HORIZON_DAYS, Rotary, Size};
use crate::data::Subjects;
use crate::random::{self, Purpose};
use crate::simulate::SimulateOptions;
use timeline::Sequence;

const TIME: u32 = 0;
const DEATH: u32 = 1;
const STATIC: u32 = 2;
const ENTRY: u32 = 3;
const YEAR: f64 = 365.25;
/// Codes and what is expected of them a year, whatever happened before.
const HAZARDS: [(u32, f64); 3] = [(4, 0.9), (5, 0.4), (DEATH, 0.05)];

type Life = (Vec<u32>, Vec<f64>, Vec<f32>, f64, bool);

/// A life from its entry at a random age, followed for one to five years or to death.
fn life(key: u64) -> Life {
    let mut counter = 0;
    let mut uniform = || {
        counter += 1;
        random::uniform(key, counter)
    };
    let mut age = 15_000.0 + 10_000.0 * uniform();
    let end = age + YEAR * (1.0 + 4.0 * uniform());
    let (mut code, mut ages, mut value) = (vec![STATIC, ENTRY], vec![age; 2], vec![f32::NAN; 2]);
    let total: f64 = HAZARDS.iter().map(|(_, hazard)| hazard).sum();
    loop {
        let gap = -uniform().ln() / total * YEAR;
        if age + gap > end {
            return (code, ages, value, end, false);
        }
        age += gap;
        let mut left = uniform() * total;
        let mut next = DEATH;
        for (code, hazard) in HAZARDS {
            if left > 0.0 {
                next = code;
            }
            left -= hazard;
        }
        code.extend([TIME, next]);
        ages.extend([age; 2]);
        value.extend([gap as f32, f32::NAN]);
        if next == DEATH {
            return (code, ages, value, age, true);
        }
    }
}

fn sequence((number, (code, age_days, value, end, died)): (usize, &Life)) -> Sequence<'_> {
    Sequence {
        subject_id: number as i64,
        code,
        age_days,
        value,
        static_len: 1,
        followup_end_age_days: *end,
        died: *died,
        birth_known: true,
    }
}

fn config() -> Config {
    Config {
        width: 16,
        layers: 1,
        heads: 2,
        key_value_heads: 2,
        feed_forward: 32,
        context: 64,
        rotary: Rotary::Time {
            index_pairs: 2,
            base: 100.0,
            shortest_period_days: 10.0,
            longest_period_days: 3e4,
        },
        ..Config::of_size(Size::Tiny, 6, TIME, Some(DEATH), &[4, 5])
    }
}

/// The chance of a first occurrence within a year, before death: `λ / (λ + δ) · (1 − exp(−(λ + δ)))`.
fn truth(code: u32) -> f64 {
    let hazard = |wanted: u32| HAZARDS.iter().find(|(code, _)| *code == wanted).map_or(0.0, |h| h.1);
    let total = hazard(code) + if code == DEATH { 0.0 } else { hazard(DEATH) };
    hazard(code) / total * -(-total).exp_m1()
}

/// Mean one-year risks of codes 4, 5 and death at some records' ends: direct and simulated.
fn both(model: &Model, starts: &[Sequence<'_>]) -> [(f64, f64); 3] {
    let codes = HAZARDS.map(|(code, _)| code);
    let direct = model.risk(starts, Some(&codes)).unwrap();
    let options = SimulateOptions {
        trajectories: 200,
        horizons_days: vec![YEAR],
        most_tokens: 32,
        outcomes: codes.into(),
        ..SimulateOptions::default()
    };
    let simulated = model.simulate(starts, &options).unwrap();
    let n = starts.len() as f64;
    std::array::from_fn(|o| {
        let direct = direct.iter().filter_map(|t| t.of(codes[o])).map(|row| f64::from(row[5])).sum::<f64>();
        let simulated = simulated.iter().map(|s| s.risks[o].summed[0].mean).sum::<f64>();
        (direct / n, simulated / n)
    })
}

#[test]
fn direct_and_simulated_risks_are_those_of_the_process() {
    assert_eq!(HORIZON_DAYS[5], YEAR);
    let lives = |seed: u64, n: u64| (0..n).map(|s| life(random::key(seed, Purpose::Order, &[s]))).collect();
    let (population, unseen): (Vec<Life>, Vec<Life>) = (lives(1, 2_000), lives(2, 60));
    let data: Subjects = population.iter().enumerate().map(sequence).collect();
    let mut options = TrainOptions {
        batch_tokens: 512,
        epochs: 8,
        learning_rate: 3e-3,
        warmup_steps: 10,
        dropout: 0.1,
        risk_weight: 0.2,
        ..TrainOptions::default()
    };
    options.landmarks.share = 0.5;
    let mut model = Model::new(config(), 1).unwrap();
    model.set_marginals(&data);
    let (model, _) = train(model, &data, &Subjects::new(), &options, None, &mut Silent).unwrap();

    // Right after an event, and after nothing has happened for a while.
    let quiet: Vec<Life> = unseen.iter().map(quiet).collect();
    for (what, lives) in [("after an event", &unseen), ("after a quiet while", &quiet)] {
        let starts: Vec<_> = lives.iter().enumerate().filter(|(_, life)| !life.4).map(sequence).collect();
        for ((direct, simulated), (code, _)) in both(&model, &starts).into_iter().zip(HAZARDS) {
            println!("{what}, {code}: true {:.4}, direct {direct:.4}, simulated {simulated:.4}", truth(code));
            // Three hundred deaths are seen in training, thousands of the others.
            let tolerance = if code == DEATH { 0.25 } else { 0.08 };
            for found in [direct, simulated] {
                let ratio = found / truth(code);
                assert!((ratio - 1.0).abs() < tolerance, "{what}, {code}: {direct}, {simulated}, {ratio}");
            }
        }
    }
}

/// The life with a closing `TIME` of a hundred days.
fn quiet((code, ages, value, end, died): &Life) -> Life {
    let mut life = (code.clone(), ages.clone(), value.clone(), end + 1_000.0, *died);
    life.0.push(TIME);
    life.1.push(ages[ages.len() - 1] + 100.0);
    life.2.push(100.0);
    life
}

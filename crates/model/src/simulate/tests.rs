use super::prefix::Prefix;
use super::step::{Step, Stepper, Suffix};
use super::*;
use crate::config::{Config, RiskConfig, Rotary, Size};
use crate::heads::value;
use crate::pack::ValueTarget;

const TIME: u32 = 0;
const DEATH: u32 = 1;
const SEX: u32 = 2;
const A: u32 = 3;
const B: u32 = 4;

/// A small model whose every weight matters, with these log-hazards of the wait whatever the state.
fn model(edges: &[f64], log_hazards: Option<&[f32]>) -> Model {
    let mut config = Config::of_size(Size::Tiny, 6, TIME, Some(DEATH), &[]);
    config.risk = RiskConfig {
        codes: Vec::new(),
        broader: Default::default(),
        rank: 1,
        repeat_weight: 1.0,
        repeats_apart: false,
        weights: Vec::new(),
        reference: None,
        direct: None,
        scaled: false,
        repeats_levelled: false,
    };
    (config.width, config.heads, config.key_value_heads, config.layers) = (16, 4, 2, 2);
    (config.feed_forward, config.context, config.attention_bias) = (24, 64, true);
    config.rotary = Rotary::Time {
        index_pairs: 1,
        base: 10_000.0,
        shortest_period_days: 0.25,
        longest_period_days: 60_000.0,
    };
    config.waiting_time_edges_days = edges.to_vec();
    let mut model = Model::new(config, 5).unwrap();
    for (i, weight) in model.weights.iter_mut().enumerate() {
        *weight += 0.25 * (i as f32 * 0.7).sin();
    }
    if let Some(log_hazards) = log_hazards {
        model.layout.waiting.of_mut(&mut model.weights).fill(0.0);
        model.layout.waiting_bias.of_mut(&mut model.weights).copy_from_slice(log_hazards);
    }
    model.refresh();
    model
}

#[derive(Clone, Default)]
struct Life {
    code: Vec<u32>,
    age_days: Vec<f64>,
    value: Vec<f32>,
}

impl Life {
    fn new(codes: &[u32]) -> Self {
        let mut life = Life::default();
        let mut age_days = 9000.0;
        for code in codes {
            age_days += if *code == TIME { 40.0 } else { 0.0 };
            life.push(Token { code: *code, age_days, value: if *code == TIME { 40.0 } else { f32::NAN } });
        }
        life
    }

    fn push(&mut self, token: Token) {
        self.code.push(token.code);
        self.age_days.push(token.age_days);
        self.value.push(token.value);
    }

    fn sequence(&self) -> Sequence<'_> {
        Sequence {
            subject_id: 7,
            code: &self.code,
            age_days: &self.age_days,
            value: &self.value,
            static_len: usize::from(self.code[0] == SEX),
            followup_end_age_days: self.age_days[self.code.len() - 1],
            died: false,
            birth_known: true,
        }
    }
}

/// The chances of the next code after a life, by a reading of its own.
fn chances(model: &Model, life: &Life, forbidden: &[u32]) -> Vec<f64> {
    let states = model.read(&[life.sequence()]).unwrap();
    let logits = model.next_code_logits(&states);
    let repeat = model.layout.head_repeat.of(&model.weights);
    let mut chances: Vec<f64> = logits.iter().map(|l| f64::from(*l)).collect();
    for code in 1..chances.len() {
        if life.code.contains(&(code as u32)) {
            chances[code] += f64::from(repeat[code] + repeat[repeat.len() - 1]);
        }
    }
    chances.iter_mut().for_each(|x| *x = x.exp());
    forbidden.iter().for_each(|code| chances[*code as usize] = 0.0);
    let sum: f64 = chances.iter().sum();
    chances.iter().map(|x| x / sum).collect()
}

/// Follows every path when each wait is a day, up to a number of tokens; gives the chance that `outcome` occurs
/// within each horizon.
struct Tree<'a> {
    model: &'a Model,
    outcome: u32,
    horizons: &'a [f64],
    risk: Vec<f64>,
}

impl Tree<'_> {
    fn follow(&mut self, life: &Life, chance: f64, start: f64, left: usize) {
        let (last, age) = (life.code[life.code.len() - 1], life.age_days[life.code.len() - 1]);
        if left == 0 || chance < 1e-9 {
            return;
        }
        let forbidden: &[u32] = if last == TIME { &[TIME, SEX] } else { &[SEX] };
        for (code, p) in chances(self.model, life, forbidden).iter().enumerate().filter(|(_, p)| **p > 0.0) {
            let (code, chance) = (code as u32, chance * p);
            let waits = code == TIME;
            let token = Token {
                code,
                age_days: age + f64::from(u8::from(waits)),
                value: if waits { 1.0 } else { f32::NAN },
            };
            if token.age_days - start > self.horizons[self.horizons.len() - 1] {
                continue;
            }
            if code == self.outcome {
                for (risk, horizon) in self.risk.iter_mut().zip(self.horizons) {
                    *risk += if token.age_days - start <= *horizon { chance } else { 0.0 };
                }
                continue;
            }
            if code == DEATH {
                continue;
            }
            let mut longer = life.clone();
            longer.push(token);
            self.follow(&longer, chance, start, left - 1);
        }
    }
}

#[test]
fn all_estimators_have_the_exact_risk_as_their_mean() {
    // Nothing until a day has passed, then at once.
    let model = model(&[1.0, 2.0], Some(&[-60.0, 30.0, 30.0]));
    let life = Life::new(&[SEX, A, TIME, 5]);
    let (start, horizons) = (life.age_days[3], [1.5, 2.5]);
    let options = SimulateOptions {
        trajectories: 3000,
        horizons_days: horizons.to_vec(),
        most_tokens: 5,
        outcomes: vec![A, B, DEATH],
        impossible: vec![SEX],
        ..SimulateOptions::default()
    };
    let pool = model.simulate(&[life.sequence()], &options).unwrap().remove(0);
    for (o, outcome) in [A, B, DEATH].into_iter().enumerate() {
        let mut tree = Tree { model: &model, outcome, horizons: &horizons, risk: vec![0.0; 2] };
        // The record's last moment is complete, so that time passes first.
        let mut waited = life.clone();
        waited.push(Token { code: TIME, age_days: start + 1.0, value: 1.0 });
        tree.follow(&waited, 1.0, start, options.most_tokens - 1);
        let reach = SimulateOptions { avoided: Some(outcome), seed: 1, ..options.clone() };
        let avoiding = model.simulate(&[life.sequence()], &reach).unwrap().remove(0);
        for (k, exact) in tree.risk.iter().enumerate() {
            assert!(*exact > 0.01 && *exact < 0.99, "{exact} would test little");
            let (counted, scope) = (pool.risks[o].counted[k], pool.risks[o].summed[k]);
            let reach = avoiding.risks[0].summed[k];
            for (name, found) in [("counting", counted), ("SCOPE", scope), ("REACH", reach)] {
                let z = (found.mean - exact) / found.standard_error;
                assert!(z.abs() < 4.0, "{name} of {outcome} within {}: {found:?} for {exact}", horizons[k]);
            }
            // By theorem, up to what the spread itself is known to.
            assert!(reach.standard_error < 1.05 * counted.standard_error, "{reach:?} {counted:?}");
        }
    }
}

#[test]
fn a_first_wait_within_the_horizon_is_weighed_right() {
    let model = model(&[1.0, 30.0], None);
    let life = Life::new(&[SEX, A, TIME, 5]);
    let options = SimulateOptions {
        trajectories: 4000,
        horizons_days: vec![0.3],
        most_tokens: 20,
        outcomes: vec![A, B, DEATH],
        impossible: vec![SEX],
        ..SimulateOptions::default()
    };
    let plain = model.simulate(&[life.sequence()], &options).unwrap().remove(0);
    let weighed = SimulateOptions { event_first: true, seed: 1, ..options };
    let weighed = model.simulate(&[life.sequence()], &weighed).unwrap().remove(0);
    let weight = weighed.trajectories[0].weight;
    assert!(weight < 0.95, "{weight} would test little");
    let something = plain.trajectories.iter().filter(|t| t.length > 0).count() as f64 / 4000.0;
    assert!((something - weight).abs() < 4.0 * (0.25_f64 / 4000.0).sqrt());
    assert!(weighed.trajectories.iter().all(|t| t.length > 1 && t.weight == weight));
    for (plain, weighed) in plain.risks.iter().zip(&weighed.risks) {
        for estimate in [weighed.counted[0], weighed.summed[0]] {
            let error = plain.summed[0].standard_error.hypot(estimate.standard_error);
            assert!((plain.summed[0].mean - estimate.mean).abs() < 4.0 * error, "{plain:?} {weighed:?}");
        }
        assert!(weighed.summed[0].standard_error < plain.counted[0].standard_error);
    }
}

#[test]
fn shared_prefixes_are_what_reading_each_life_whole_gives() {
    let model = model(&[1.0, 30.0], None);
    let lives = [Life::new(&[SEX, A, TIME, 5, B]), Life::new(&[SEX, B, TIME, A, TIME, 5, TIME])];
    let sequences: Vec<_> = lives.iter().map(Life::sequence).collect();
    let states = model.read(&sequences).unwrap();
    let prefixes: Vec<_> =
        sequences.iter().zip(states).map(|(s, state)| Prefix::new(&model.config, s, state)).collect();
    // Two futures of the first life, one of the second, of different lengths so far.
    let futures = [vec![TIME, A, B], vec![TIME, B, 5], vec![A, TIME, 5]];
    let of = [0, 0, 1];
    let mut suffixes = vec![Suffix::default(); 3];
    let mut whole = of.map(|subject| lives[subject].clone());
    let (mut stepper, mut hidden) = (Stepper::default(), Vec::new());
    #[allow(clippy::needless_range_loop)]
    for place in 0..3 {
        let mut steps = Vec::new();
        for (i, suffix) in suffixes.iter_mut().enumerate() {
            let code = futures[i][place];
            let (age_days, value) = match code {
                TIME => (whole[i].age_days[whole[i].code.len() - 1] + 12.5, 12.5),
                code => (whole[i].age_days[whole[i].code.len() - 1], if code == B { 0.3 } else { f32::NAN }),
            };
            let earlier = |j: &usize| whole[i].code[*j] == code && whole[i].value[*j].is_finite();
            let previous =
                (0..whole[i].code.len()).rev().find(earlier).map_or(f32::NAN, |j| whole[i].value[j]);
            let token = Token { code, age_days, value };
            whole[i].push(token);
            steps.push(Step { subject: of[i], token, previous, suffix });
        }
        stepper.run(model.parameters_view(), &prefixes, &mut steps, &mut hidden);
        for (i, life) in whole.iter().enumerate() {
            let read = model.read(&[life.sequence()]).unwrap().remove(0).into_hidden();
            for (a, b) in hidden[i * read.len()..].iter().zip(&read) {
                assert!((a - b).abs() < 2e-5, "future {i}, token {place}: {a} and {b}");
            }
        }
    }
}

#[test]
fn threads_change_nothing_and_seeds_do() {
    let model = model(&[1.0, 30.0], None);
    let lives = [Life::new(&[SEX, A, TIME, 5]), Life::new(&[SEX, B]), Life::new(&[SEX, A, TIME, A, 5])];
    let sequences: Vec<_> = lives.iter().map(Life::sequence).collect();
    let options = SimulateOptions {
        trajectories: 90,
        horizons_days: vec![10.0, 60.0],
        most_tokens: 20,
        outcomes: vec![A],
        valued_share: vec![0.0, 0.0, 0.0, 0.5, 1.0],
        ..SimulateOptions::default()
    };
    let on = |threads: usize, seed: u64| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let options = SimulateOptions { seed, ..options.clone() };
        // Tokens without a value hold NaN, which equals nothing; words do.
        format!("{:?}", pool.install(|| model.simulate(&sequences, &options)).unwrap())
    };
    let one = on(1, 3);
    assert_eq!(one, on(2, 3));
    assert_eq!(one, on(4, 3));
    assert_ne!(one, on(1, 4));
    let simulated = model.simulate(&sequences, &options).unwrap();
    let tokens = || simulated.iter().flat_map(|s| &s.trajectories).flat_map(|t| &t.tokens);
    assert!(tokens().filter(|t| t.code == B).all(|t| t.value > 0.0 && t.value < 1.0));
    let valued = tokens().filter(|t| t.code == A && t.value.is_finite()).count() as f64;
    let all = tokens().filter(|t| t.code == A).count() as f64;
    assert!((valued / all - 0.5).abs() < 4.0 * (0.25 / all).sqrt(), "{valued} of {all}");
    for trajectory in simulated.iter().flat_map(|s| &s.trajectories) {
        let codes: Vec<u32> = trajectory.tokens.iter().map(|t| t.code).collect();
        assert!(codes.first().is_none_or(|code| *code == TIME));
        assert!(codes.windows(2).all(|pair| pair != [TIME, TIME]));
        assert_eq!(codes.contains(&DEATH), trajectory.ending == Ending::Death);
        assert!(!codes[..codes.len().saturating_sub(1)].contains(&DEATH));
        assert_eq!(trajectory.ending == Ending::Truncated, codes.len() == 20 && codes[19] != DEATH);
    }
}

#[test]
fn records_that_end_otherwise_begin_otherwise() {
    let model = model(&[1.0, 30.0], None);
    let lives = [Life::new(&[SEX]), Life::new(&[SEX, A, TIME, DEATH]), Life::new(&[SEX, A, TIME])];
    let sequences: Vec<_> = lives.iter().map(Life::sequence).collect();
    let options = SimulateOptions { trajectories: 30, most_tokens: 6, ..SimulateOptions::default() };
    let simulated = model.simulate(&sequences, &options).unwrap();
    let first = |s: &Simulated| -> Vec<Option<u32>> {
        s.trajectories.iter().map(|t| t.tokens.first().map(|token| token.code)).collect()
    };
    assert!(first(&simulated[0]).iter().all(|code| code.is_some_and(|code| code != TIME)));
    assert!(first(&simulated[1]).iter().all(Option::is_none));
    assert!(simulated[1].trajectories.iter().all(|t| t.ending == Ending::Death));
    assert!(first(&simulated[2]).iter().all(|code| code.is_none_or(|code| code == TIME)));
}

#[test]
fn a_long_record_leaves_room_for_its_future() {
    let model = model(&[1.0, 30.0], None);
    let life = Life::new(&[[SEX, A].as_slice(), &[TIME, 5, A].repeat(40)].concat());
    let options = SimulateOptions {
        trajectories: 3,
        horizons_days: vec![1e6],
        most_tokens: 32,
        keep_tokens: false,
        ..SimulateOptions::default()
    };
    let simulated = model.simulate(&[life.sequence()], &options).unwrap();
    assert!(simulated[0].trajectories.iter().all(|t| t.tokens.is_empty() && t.length > 0));
}

#[test]
fn values_are_drawn_from_what_the_likelihood_scores() {
    let model = model(&[1.0, 30.0], None);
    let p = model.parameters_view();
    let hidden: Vec<f32> = (0..32).map(|i| (i as f32 * 1.3).cos()).collect();
    let bins = model.config.value.bins;
    for previous in [f32::NAN, 0.4] {
        let mut heads = super::heads::Heads::default();
        let (weights, sums) = heads.values(p, &hidden, &[(1, B, previous)]);
        for (bin, weight) in weights.iter().enumerate() {
            let rank = (bin as f32 + 0.5) / bins as f32;
            let target = [ValueTarget { row: 1, code: B, rank, previous }];
            let (shape, scratch) = ((p.config, p.layout), &mut value::Scratch::default());
            let loss = value::run(shape, (p.weights, &p.tables.code_table), &hidden, &target, None, scratch);
            let density = f64::from(weight / sums[0]) * bins as f64;
            assert!((density.ln() + loss).abs() < 1e-4);
        }
    }
}

#[test]
fn what_cannot_be_followed_is_refused() {
    let model = model(&[1.0, 30.0], None);
    let life = Life::new(&[SEX, A]);
    let fine = SimulateOptions { most_tokens: 32, trajectories: 1, ..SimulateOptions::default() };
    assert!(model.simulate(&[life.sequence()], &fine).is_ok());
    for wrong in [
        SimulateOptions { trajectories: 0, ..fine.clone() },
        SimulateOptions { horizons_days: vec![], ..fine.clone() },
        SimulateOptions { horizons_days: vec![2.0, 1.0], ..fine.clone() },
        SimulateOptions { most_tokens: 33, ..fine.clone() },
        SimulateOptions { outcomes: vec![TIME], ..fine.clone() },
        SimulateOptions { outcomes: vec![6], ..fine.clone() },
        SimulateOptions { outcomes: vec![A, A], ..fine.clone() },
        SimulateOptions { outcomes: vec![A], impossible: vec![A], ..fine.clone() },
    ] {
        assert!(model.simulate(&[life.sequence()], &wrong).is_err(), "{wrong:?}");
    }
    assert!(model.simulate(&[Life { code: vec![99], ..life }.sequence()], &fine).is_err());
}

#[test]
fn cohorts_hold_every_trajectory_once() {
    for (subjects, trajectories) in [(1, 100), (5, 1), (3, 64), (7, 40), (2, 1000)] {
        let mut all: Vec<_> = cohorts(subjects, trajectories)
            .into_iter()
            .inspect(|members| assert!(members.iter().map(|m| m.1.len()).sum::<usize>() <= COHORT))
            .flatten()
            .flat_map(|(subject, numbers)| numbers.map(move |number| (subject, number)))
            .collect();
        let expected: Vec<_> =
            (0..subjects).flat_map(|s| (0..trajectories).map(move |number| (s, number))).collect();
        assert_eq!(all, expected);
        all.dedup();
        assert_eq!(all.len(), subjects * trajectories);
    }
}

#[test]
fn who_watches_sees_the_same_futures_and_may_have_fewer() {
    let model = model(&[1.0, 30.0, 365.0], None);
    let life = Life::new(&[SEX, A, TIME, B]);
    let options = SimulateOptions {
        trajectories: 300,
        outcomes: vec![A],
        horizons_days: vec![90.0, 365.0],
        most_tokens: 16,
        ..SimulateOptions::default()
    };
    let whole = model.simulate(&[life.sequence()], &options).unwrap().remove(0);
    let mut told = Vec::new();
    let mut watch = |drawn| {
        told.push(drawn);
        true
    };
    // Tokens without a value hold NaN, which equals nothing; words do.
    let words = |simulated: &dyn std::fmt::Debug| format!("{simulated:?}");
    let watched = model.simulate_watched(&life.sequence(), &options, &mut watch).unwrap();
    assert!(words(&watched) == words(&whole));
    assert!(told.is_sorted() && told.last() == Some(&300), "{told:?}");
    let pool = rayon::ThreadPoolBuilder::new().num_threads(2).build().unwrap();
    let part = pool.install(|| model.simulate_watched(&life.sequence(), &options, &mut |_| false)).unwrap();
    assert!((1..300).contains(&part.trajectories.len()));
    assert!(words(&part.trajectories) == words(&&whole.trajectories[..part.trajectories.len()]));
}

#[test]
fn a_broader_code_occurs_when_a_narrower_one_does() {
    let mut model = model(&[1.0, 30.0], Some(&[-2.0, -2.5, -3.0]));
    model.config.risk.broader = [(A, vec![B])].into();
    let life = Life::new(&[SEX, TIME]);
    let asked = SimulateOptions {
        trajectories: 2000,
        horizons_days: vec![30.0, 60.0],
        most_tokens: 16,
        outcomes: vec![A, B],
        ..SimulateOptions::default()
    };
    let drawn = model.simulate(&[life.sequence()], &asked).unwrap().remove(0);
    let either = |days: f64| {
        let meets = |t: &&Trajectory| {
            t.tokens.iter().any(|k| [A, B].contains(&k.code) && k.age_days - life.age_days[1] <= days)
        };
        drawn.trajectories.iter().filter(meets).count() as f64 / 2000.0
    };
    let (narrow, broad) = (&drawn.risks[0], &drawn.risks[1]);
    for (k, days) in [30.0, 60.0].into_iter().enumerate() {
        assert!((broad.counted[k].mean - either(days)).abs() < 1e-12);
        assert!(
            broad.counted[k].mean > narrow.counted[k].mean + 0.01,
            "it is more than the narrower one alone"
        );
        let error = broad.counted[k].standard_error.hypot(broad.summed[k].standard_error);
        assert!((broad.counted[k].mean - broad.summed[k].mean).abs() < 4.0 * error);
    }
    let without = SimulateOptions { avoided: Some(B), ..asked.clone() };
    let without = model.simulate(&[life.sequence()], &without).unwrap().remove(0);
    assert!(without.trajectories.iter().all(|t| t.tokens.iter().all(|k| ![A, B].contains(&k.code))));
    let (reach, counted) = (&without.risks[0].summed[1], &broad.counted[1]);
    assert!((reach.mean - counted.mean).abs() < 4.0 * reach.standard_error.hypot(counted.standard_error));

    // A category that no timeline holds is never drawn itself, and happens all the same.
    let category = SimulateOptions { outcomes: vec![B], impossible: vec![B], ..asked };
    let drawn = model.simulate(&[life.sequence()], &category).unwrap().remove(0);
    assert!(drawn.trajectories.iter().all(|t| t.tokens.iter().all(|k| k.code != B)));
    let meets =
        drawn.trajectories.iter().filter(|t| t.tokens.iter().any(|k| k.code == A)).count() as f64 / 2000.0;
    assert!(drawn.risks[0].counted[1].mean > 0.01 && drawn.risks[0].counted[1].mean <= meets);
    let never = SimulateOptions { impossible: vec![A, B], ..category };
    assert!(model.simulate(&[life.sequence()], &never).is_err());
}

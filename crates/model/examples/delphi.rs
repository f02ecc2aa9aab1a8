//! Trains on a table of lives (`patient_id,age_days,code`, plain or zstd) and compares the held-out
//! log-likelihood per event with a Markov chain in age bins and with incidence by age and sex.
//!
//! `cargo run --release -p model --example delphi -- EVENTS.csv.zst [epochs] [threads] [learning rate] [dropout] [width]`
//!
//! Subjects are split by number: 70 % train, 10 % tuning, 20 % held out. All three models are scored on the same
//! events by the same measure: the density per day of the next event's time and code, censored at age 80.

use model::{Config, EvaluationReport, Model, Observer, Size, StepReport, Subjects, TrainOptions, train};
use std::collections::BTreeMap;
use std::io::Read;
use std::ops::ControlFlow;
use std::time::Instant;
use timeline::Sequence;

const TIME: u32 = 0;
const END_OF_FOLLOWUP_DAYS: f64 = 29_220.0;
const AGE_BIN_DAYS: f64 = 5.0 * 365.25;

struct Life {
    id: u64,
    sex: u32,
    events: Vec<(f64, u32)>,
    end: f64,
    died: bool,
}

struct Tokens {
    code: Vec<u32>,
    age_days: Vec<f64>,
    value: Vec<f32>,
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let path = arguments.first().ok_or("which file of events?")?;
    let number = |i: usize, default: f64| arguments.get(i).map_or(Ok(default), |a| a.parse::<f64>());
    let (lives, codes) = read(path)?;
    let death = codes.iter().position(|c| c == "Death").ok_or("no code Death")? as u32;
    let split = |life: &Life| match life.id.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32 {
        hash if hash % 10 < 7 => 0,
        hash if hash % 10 == 7 => 1,
        _ => 2,
    };
    let tokens: Vec<Tokens> = lives.iter().map(tokenise).collect();
    let subjects = |part: u64| -> Subjects<'_> {
        let chosen = lives.iter().zip(&tokens).filter(|(life, _)| split(life) == part);
        chosen.map(|(life, tokens)| sequence(life, tokens)).collect()
    };
    let (training, tuning) = (subjects(0), subjects(1));

    let risk_codes: Vec<u32> = (3..codes.len() as u32).collect();
    let width = number(5, 128.0)? as usize;
    let config = Config {
        width,
        feed_forward: 3 * width,
        ..Config::of_size(Size::Tiny, codes.len(), TIME, Some(death), &risk_codes)
    };
    let mut model = Model::new(config, 1)?;
    model.set_marginals(&training);
    println!("{} lives, {} codes, {} weights", lives.len(), codes.len(), model.parameters());
    let options = TrainOptions {
        epochs: number(1, 8.0)? as u32,
        threads: number(2, 2.0)? as usize,
        learning_rate: number(3, 2e-3)?,
        dropout: number(4, 0.1)?,
        ..TrainOptions::default()
    };
    let mut progress = Progress(Instant::now());
    let (model, outcome) = train(model, &training, &tuning, &options, None, &mut progress)?;
    println!("{outcome:?} after {:.0} s", progress.0.elapsed().as_secs_f64());

    let train_lives: Vec<&Life> = lives.iter().filter(|l| split(l) == 0).collect();
    let markov = Markov::fit(&train_lives, codes.len());
    let incidence = Incidence::fit(&train_lives, codes.len());
    let (mut ours, mut chain, mut rates, mut events) = ((0.0, 0.0), 0.0, 0.0, 0_usize);
    for (life, tokens) in lives.iter().zip(&tokens).filter(|(life, _)| split(life) == 2) {
        let likelihood = model.log_likelihood(&sequence(life, tokens))?;
        events += likelihood.events;
        ours = (ours.0 + likelihood.code, ours.1 + likelihood.time);
        chain += markov.log_likelihood(life);
        rates += incidence.log_likelihood(life);
    }
    let n = events as f64;
    println!("held out, {events} events, log-likelihood per event:");
    println!(
        "  this model           {:.4}  (code {:.4}, time {:.4})",
        (ours.0 + ours.1) / n,
        ours.0 / n,
        ours.1 / n
    );
    println!("  Markov, age bins     {:.4}", chain / n);
    println!("  incidence, age, sex  {:.4}", rates / n);
    Ok(())
}

struct Progress(Instant);

impl Observer for Progress {
    fn step(&mut self, _: &StepReport) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }
    fn evaluation(&mut self, report: &EvaluationReport) {
        let (seconds, l) = (self.0.elapsed().as_secs_f64(), report.losses);
        println!(
            "{seconds:5.0} s  step {:5}  per event {:.4}  code {:.4}  time {:.4}  risk {:.3}{}",
            report.step,
            -l.per_event,
            l.code,
            l.time,
            l.risk,
            if report.improved { "" } else { "  (no better)" }
        );
    }
}

type Lives = (Vec<Life>, Vec<String>);

fn read(path: &str) -> Result<Lives, Box<dyn std::error::Error>> {
    let file = std::fs::File::open(path)?;
    let reader: Box<dyn Read> =
        if path.ends_with(".zst") { Box::new(zstd::Decoder::new(file)?) } else { Box::new(file) };
    let mut by_subject: BTreeMap<u64, Vec<(f64, String)>> = BTreeMap::new();
    for row in csv::Reader::from_reader(reader).into_deserialize::<(u64, f64, String)>() {
        let (id, age, code) = row?;
        by_subject.entry(id).or_default().push((age, code));
    }
    let mut codes = vec!["TIME".to_owned(), "Female".to_owned(), "Male".to_owned()];
    let known: std::collections::BTreeSet<&String> = by_subject.values().flatten().map(|(_, c)| c).collect();
    codes.extend(known.into_iter().filter(|c| *c != "Female" && *c != "Male").cloned());
    let index: BTreeMap<&String, u32> = codes.iter().zip(0..).collect();
    let mut lives = Vec::new();
    for (id, mut events) in by_subject {
        events.sort_by(|a, b| a.0.total_cmp(&b.0).then_with(|| (a.1 == "Death").cmp(&(b.1 == "Death"))));
        let sex = events.iter().position(|(_, c)| c == "Female" || c == "Male");
        let Some(sex) = sex.map(|at| index[&events.remove(at).1]) else { continue };
        // The simulation's few events after death are no part of a life.
        let death = events.iter().position(|(_, c)| c == "Death");
        let end = death.map_or(END_OF_FOLLOWUP_DAYS, |at| events[at].0);
        events.truncate(death.map_or(events.len(), |at| at + 1));
        let events = events.into_iter().map(|(age, code)| (age, index[&code])).collect();
        lives.push(Life { id, sex, events, end, died: death.is_some() });
    }
    Ok((lives, codes))
}

fn tokenise(life: &Life) -> Tokens {
    let mut tokens = Tokens { code: vec![life.sex], age_days: vec![0.0], value: vec![f32::NAN] };
    let mut now = 0.0;
    for (age, code) in &life.events {
        if *age > now {
            tokens.code.push(TIME);
            tokens.age_days.push(*age);
            tokens.value.push((age - now) as f32);
            now = *age;
        }
        tokens.code.push(*code);
        tokens.age_days.push(*age);
        tokens.value.push(f32::NAN);
    }
    tokens
}

fn sequence<'a>(life: &Life, tokens: &'a Tokens) -> Sequence<'a> {
    Sequence {
        subject_id: life.id as i64,
        code: &tokens.code,
        age_days: &tokens.age_days,
        value: &tokens.value,
        static_len: 1,
        followup_end_age_days: life.end,
        died: life.died,
        birth_known: true,
    }
}

fn age_bin(age: f64) -> usize {
    ((age / AGE_BIN_DAYS) as usize).min(15)
}

/// The pieces of the time from `begin` to `end` in each age bin.
fn pieces(begin: f64, end: f64) -> impl Iterator<Item = (usize, f64)> {
    (0..16).filter_map(move |bin| {
        let low = bin as f64 * AGE_BIN_DAYS;
        let high = if bin == 15 { f64::INFINITY } else { low + AGE_BIN_DAYS };
        let days = end.min(high) - begin.max(low);
        (days > 0.0).then_some((bin, days))
    })
}

/// The rate of any next event depends on the last code and the age bin; the next code on both, backed off to the
/// age bin's frequencies and those to the overall ones, with weights of 20 pseudo-events.
struct Markov {
    rate: BTreeMap<(u32, usize), (f64, f64)>,
    bin_rate: Vec<(f64, f64)>,
    next: BTreeMap<(u32, usize), BTreeMap<u32, f64>>,
    bin_next: Vec<Vec<f64>>,
    all: Vec<f64>,
}

impl Markov {
    fn fit(lives: &[&Life], codes: usize) -> Self {
        let mut m = Markov {
            rate: BTreeMap::new(),
            bin_rate: vec![(1e-3, 1.0); 16],
            next: BTreeMap::new(),
            bin_next: vec![vec![0.0; codes]; 16],
            all: vec![0.5; codes],
        };
        for life in lives {
            let (mut now, mut last) = (0.0, life.sex);
            for (age, code) in &life.events {
                m.expose(last, now, *age);
                let bin = age_bin(*age);
                m.rate.entry((last, bin)).or_default().0 += 1.0;
                m.bin_rate[bin].0 += 1.0;
                *m.next.entry((last, bin)).or_default().entry(*code).or_default() += 1.0;
                m.bin_next[bin][*code as usize] += 1.0;
                m.all[*code as usize] += 1.0;
                (now, last) = (*age, *code);
            }
            m.expose(last, now, life.end);
        }
        m
    }

    fn expose(&mut self, last: u32, begin: f64, end: f64) {
        for (bin, days) in pieces(begin, end) {
            self.rate.entry((last, bin)).or_default().1 += days;
            self.bin_rate[bin].1 += days;
        }
    }

    fn rate(&self, last: u32, bin: usize) -> f64 {
        let prior = self.bin_rate[bin].0 / self.bin_rate[bin].1;
        let (events, days) = self.rate.get(&(last, bin)).copied().unwrap_or_default();
        (events + 20.0) / (days + 20.0 / prior)
    }

    fn next(&self, last: u32, bin: usize, code: u32) -> f64 {
        let all = self.all[code as usize] / self.all.iter().sum::<f64>();
        let in_bin = &self.bin_next[bin];
        let prior = (in_bin[code as usize] + 20.0 * all) / (in_bin.iter().sum::<f64>() + 20.0);
        let Some(after) = self.next.get(&(last, bin)) else { return prior };
        (after.get(&code).copied().unwrap_or(0.0) + 20.0 * prior) / (after.values().sum::<f64>() + 20.0)
    }

    fn log_likelihood(&self, life: &Life) -> f64 {
        let (mut now, mut last, mut sum) = (0.0, life.sex, 0.0);
        for (age, code) in &life.events {
            sum -= pieces(now, *age).map(|(bin, days)| self.rate(last, bin) * days).sum::<f64>();
            let bin = age_bin(*age);
            sum += self.rate(last, bin).ln() + self.next(last, bin, *code).ln();
            (now, last) = (*age, *code);
        }
        sum - pieces(now, life.end).map(|(bin, days)| self.rate(last, bin) * days).sum::<f64>()
    }
}

/// First occurrences at rates by code, age bin and sex, shrunk to the rate over both sexes with one pseudo-event.
struct Incidence {
    events: Vec<Vec<f64>>,
    days: Vec<Vec<f64>>,
}

impl Incidence {
    fn cell(sex: u32, bin: usize) -> usize {
        (sex as usize - 1) * 16 + bin
    }

    fn fit(lives: &[&Life], codes: usize) -> Self {
        let mut model = Incidence { events: vec![vec![0.0; codes]; 32], days: vec![vec![0.0; codes]; 32] };
        for life in lives {
            let mut until = vec![life.end; codes];
            for (age, code) in &life.events {
                until[*code as usize] = *age;
                model.events[Self::cell(life.sex, age_bin(*age))][*code as usize] += 1.0;
            }
            for (code, end) in until.iter().enumerate().skip(3) {
                for (bin, days) in pieces(0.0, *end) {
                    model.days[Self::cell(life.sex, bin)][code] += days;
                }
            }
        }
        model
    }

    fn rate(&self, cell: usize, code: usize) -> f64 {
        let other = (cell + 16) % 32;
        let total = |c: usize| (self.events[c][code], self.days[c][code]);
        let ((a, b), (c, d)) = (total(cell), total(other));
        let prior = (a + c + 0.1) / (b + d + 1e6);
        (a + 1.0) / (b + 1.0 / prior)
    }

    fn log_likelihood(&self, life: &Life) -> f64 {
        let codes = self.events[0].len();
        let mut until = vec![life.end; codes];
        let mut sum = 0.0;
        for (age, code) in &life.events {
            until[*code as usize] = *age;
            sum += self.rate(Self::cell(life.sex, age_bin(*age)), *code as usize).ln();
        }
        for (code, end) in until.iter().enumerate().skip(3) {
            sum -= pieces(0.0, *end)
                .map(|(bin, days)| self.rate(Self::cell(life.sex, bin), code) * days)
                .sum::<f64>();
        }
        sum
    }
}

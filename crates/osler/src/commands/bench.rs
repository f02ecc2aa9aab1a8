//! `osler bench`: how fast the engine is, on shapes that others can be timed on too.

mod language;
mod risk;
mod scale;

use super::threads;
use crate::precision::PrecisionArguments;
use crate::progress::{Voice, grouped};
use anyhow::{Context, Result};
use clap::{Args, Subcommand, ValueEnum};
use model::{
    Config, EvaluationReport, Model, Observer, PatientState, Rotary, Size, StepReport, Subjects, Token,
    TrainOptions, train,
};
use std::ops::ControlFlow;
use std::time::{Duration, Instant};
use timeline::Sequence;

/// Measure the engine on this machine.
#[derive(Args)]
pub struct Arguments {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    Decoder(Decoder),
    Scale(scale::Scale),
    Language(language::Language),
    Risk(risk::Risk),
}

/// Time the decoder alone, on random tokens: training steps, decoding with kept keys and values, or one patient's risks.
///
/// The architecture is the usual one, so that other engines can be set beside it: pre-norm RMSNorm, rotary
/// positions by index, causal attention, SwiGLU, an untied head, cross-entropy, AdamW, 32-bit numbers.
#[derive(Args)]
#[command(after_help = "Examples:
  osler bench decoder --size S --mode train
  osler bench decoder --size M --mode train --precision bf16 --threads 2
  osler bench decoder --size M --mode decode --threads 2 --seconds 20 --json
  osler bench decoder --size S --mode decode --precision int8 --cache f16
  osler bench decoder --size S --mode risk")]
struct Decoder {
    /// S: width 128, 4 blocks, 2,048 codes, 16 × 256 tokens; M: width 384, 6 blocks, 4,096 codes, 8 × 256.
    #[arg(long, value_enum, default_value = "S")]
    size: Shape,
    /// Training steps, 64 sequences of 256 tokens decoded greedily, or the risk of every code at every horizon after one
    /// record of 256 tokens.
    #[arg(long, value_enum, default_value = "train")]
    mode: Mode,
    /// Threads.
    #[arg(long)]
    threads: Option<usize>,
    /// Seconds to measure for, after a warm-up.
    #[arg(long, default_value_t = 20.0)]
    seconds: f64,
    /// In which numbers.
    #[command(flatten)]
    precision: PrecisionArguments,
}

#[derive(Clone, Copy, ValueEnum)]
enum Shape {
    #[value(name = "S")]
    Small,
    #[value(name = "M")]
    Medium,
}

#[derive(Clone, Copy, ValueEnum)]
enum Mode {
    Train,
    Decode,
    Risk,
}

/// Tokens of a sequence that are predicted.
const LENGTH: usize = 256;
/// Sequences decoded together.
const SEQUENCES: usize = 64;

impl Shape {
    fn name(self) -> &'static str {
        match self {
            Shape::Small => "S",
            Shape::Medium => "M",
        }
    }

    fn config(self) -> Config {
        let (vocabulary, width, layers, heads, feed_forward) = match self {
            Shape::Small => (2048, 128, 4, 4, 384),
            Shape::Medium => (4096, 384, 6, 6, 1024),
        };
        Config {
            rotary: Rotary::Index { base: 10_000.0 },
            tied_head: false,
            context: LENGTH + 1,
            width,
            layers,
            heads,
            key_value_heads: heads,
            feed_forward,
            ..Config::of_size(Size::Tiny, vocabulary, 0, None, &[])
        }
    }

    fn batch(self) -> usize {
        match self {
            Shape::Small => 16,
            Shape::Medium => 8,
        }
    }
}

impl Arguments {
    /// Runs it.
    pub fn run(self, voice: Voice) -> Result<()> {
        match self.what {
            What::Decoder(decoder) => decoder.run(voice),
            What::Language(language) => language.run(voice),
            What::Risk(risk) => risk.run(voice),
            What::Scale(scale) => scale.run(voice),
        }
    }
}

impl Decoder {
    fn run(&self, voice: Voice) -> Result<()> {
        let threads = threads(self.threads);
        let mut found = serde_json::json!({
            "osler": env!("CARGO_PKG_VERSION"), "size": self.size.name(), "threads": threads,
        });
        let told = match self.mode {
            Mode::Train => time_training(self, threads, &mut found)?,
            Mode::Decode => time_decoding(self, threads, &mut found)?,
            Mode::Risk => time_risk(self, threads, &mut found)?,
        };
        found["rss_mb"] = peak_memory_mb().into();
        if voice.json {
            println!("{found}");
        } else {
            println!("{told}, peak memory {:.0} MB", peak_memory_mb().unwrap_or(f64::NAN));
        }
        Ok(())
    }
}

/// Takes the time of each step, and ends when it was long enough.
struct Clock {
    last: Instant,
    begin: Option<Instant>,
    seconds: Vec<f64>,
    enough: Duration,
}

impl Observer for Clock {
    fn step(&mut self, _: &StepReport) -> ControlFlow<()> {
        let now = Instant::now();
        match self.begin {
            // The first step warms up.
            None => self.begin = Some(now),
            Some(_) => self.seconds.push((now - self.last).as_secs_f64()),
        }
        self.last = now;
        let enough = self.seconds.len() >= 3 && self.begin.is_some_and(|begin| now - begin >= self.enough);
        if enough { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }

    fn evaluation(&mut self, _: &EvaluationReport) {}
}

fn time_training(decoder: &Decoder, threads: usize, found: &mut serde_json::Value) -> Result<String> {
    let (config, batch) = (decoder.size.config(), decoder.size.batch());
    let mut state = 1_u64;
    let vocabulary = config.vocabulary_size as u64;
    let mut draw = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (1 + (state >> 33) % (vocabulary - 1)) as u32
    };
    let codes: Vec<Vec<u32>> = (0..batch).map(|_| (0..=LENGTH).map(|_| draw()).collect()).collect();
    let (ages, values) = (vec![0.0; LENGTH + 1], vec![f32::NAN; LENGTH + 1]);
    let subjects: Subjects = codes
        .iter()
        .map(|code| Sequence {
            subject_id: 0,
            code,
            age_days: &ages,
            value: &values,
            static_len: 0,
            followup_end_age_days: 0.0,
            died: false,
            birth_known: false,
        })
        .collect();
    let options = TrainOptions {
        batch_tokens: batch * (LENGTH + 1),
        epochs: u32::MAX,
        dropout: 0.0,
        risk_weight: 0.0,
        averaging: 0.0,
        threads,
        gradient_slots: threads.max(1),
        precision: decoder.precision.products()?,
        ..TrainOptions::default()
    };
    found["precision"] = decoder.precision.names().0.into();
    let enough = Duration::from_secs_f64(decoder.seconds.clamp(0.1, 3600.0));
    let mut clock = Clock { last: Instant::now(), begin: None, seconds: Vec::new(), enough };
    train(Model::new(config, 0)?, &subjects, &Subjects::new(), &options, None, &mut clock)?;
    let mut times = clock.seconds;
    times.sort_by(f64::total_cmp);
    let median = times.get(times.len() / 2).copied().context("no step was timed")?;
    let per_second = (batch * LENGTH) as f64 / median;
    found["step_ms"] = (median * 1e3).into();
    found["min_ms"] = (times[0] * 1e3).into();
    found["tokens_per_s"] = per_second.into();
    found["steps"] = times.len().into();
    Ok(format!(
        "training step at {}: median {:.1} ms, least {:.1} ms, {} tokens/s, {} steps, {threads} threads",
        decoder.size.name(),
        median * 1e3,
        times[0] * 1e3,
        grouped(per_second as u64),
        times.len(),
    ))
}

fn time_decoding(decoder: &Decoder, threads: usize, found: &mut serde_json::Value) -> Result<String> {
    let model = Model::new(decoder.size.config(), 0)?.with_precision(decoder.precision.precision())?;
    let (weights, cache) = decoder.precision.names();
    (found["precision"], found["cache"]) = (weights.into(), cache.into());
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().context("no threads")?;
    let enough = Duration::from_secs_f64(decoder.seconds.clamp(0.1, 3600.0));
    let mut rates = Vec::new();
    let begin = Instant::now();
    // The first pass warms up.
    for pass in 0.. {
        let started = Instant::now();
        pool.install(|| decode(&model))?;
        if pass > 0 {
            rates.push((SEQUENCES * LENGTH) as f64 / started.elapsed().as_secs_f64());
            if begin.elapsed() >= enough {
                break;
            }
        }
    }
    rates.sort_by(f64::total_cmp);
    let median = rates[rates.len() / 2];
    found["decode_tokens_per_s"] = median.into();
    Ok(format!(
        "decoding at {}: median {} tokens/s, {threads} threads",
        decoder.size.name(),
        grouped(median as u64)
    ))
}

fn decode(model: &Model) -> Result<()> {
    let first = [1_u32];
    let sequence = Sequence {
        subject_id: 0,
        code: &first,
        age_days: &[0.0],
        value: &[f32::NAN],
        static_len: 0,
        followup_end_age_days: 0.0,
        died: false,
        birth_known: false,
    };
    let mut states = model.read(&[sequence; SEQUENCES])?;
    let token = |code, _: &PatientState| Token { code, age_days: 0.0, value: f32::NAN };
    model.append_likeliest(&mut states, LENGTH - 1, token)?;
    model.likeliest_codes(&states);
    Ok(())
}

/// The place of the largest.
fn most_likely(logits: &[f32]) -> u32 {
    (0..logits.len()).max_by(|a, b| logits[*a].total_cmp(&logits[*b])).unwrap_or(0) as u32
}

/// One record of [`LENGTH`] tokens a month apart, asked for every code's risk at every horizon.
fn time_risk(decoder: &Decoder, threads: usize, found: &mut serde_json::Value) -> Result<String> {
    let shape = decoder.size.config();
    let vocabulary = shape.vocabulary_size as u32;
    let codes: Vec<u32> = (1..vocabulary).collect();
    let config = Config {
        death_code: Some(1),
        risk: Config::of_size(Size::Tiny, shape.vocabulary_size, 0, Some(1), &codes).risk,
        ..shape
    };
    let model = Model::new(config, 0)?.with_precision(decoder.precision.precision())?;
    let (weights, cache) = decoder.precision.names();
    (found["precision"], found["cache"]) = (weights.into(), cache.into());
    let code: Vec<u32> = (0..LENGTH as u32).map(|i| 2 + i * 7919 % (vocabulary - 2)).collect();
    let age_days: Vec<f64> = (0..LENGTH).map(|i| 9000.0 + 30.0 * i as f64).collect();
    let record = Sequence {
        subject_id: 0,
        code: &code,
        age_days: &age_days,
        value: &[f32::NAN; LENGTH],
        static_len: 0,
        followup_end_age_days: age_days[LENGTH - 1],
        died: false,
        birth_known: true,
    };
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().context("no threads")?;
    let enough = Duration::from_secs_f64(decoder.seconds.clamp(0.1, 3600.0));
    let begin = Instant::now();
    let mut times = Vec::new();
    // The first answers warm up.
    for pass in 0.. {
        let started = Instant::now();
        pool.install(|| model.risk(&[record], None))?;
        if pass >= 10 {
            times.push(started.elapsed().as_secs_f64() * 1e3);
            if begin.elapsed() >= enough {
                break;
            }
        }
    }
    times.sort_by(f64::total_cmp);
    let (median, most) = (times[times.len() / 2], times[times.len() * 99 / 100]);
    found["risk_p50_ms"] = median.into();
    found["risk_p99_ms"] = most.into();
    found["min_ms"] = times[0].into();
    found["answers"] = times.len().into();
    Ok(format!(
        "{} codes at {} horizons after {LENGTH} tokens at {}: p50 {median:.2} ms, p99 {most:.2} ms, {threads} threads",
        grouped(codes.len() as u64),
        model::HORIZONS,
        decoder.size.name(),
    ))
}

/// The largest resident memory so far, where the system tells.
fn peak_memory_mb() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kilobytes: f64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kilobytes / 1024.0)
}

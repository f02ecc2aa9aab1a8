//! How long one patient's answer takes: every code and every horizon, directly and by simulation.

use super::Shape;
use crate::progress::Voice;
use anyhow::{Context, Result};
use clap::Args;
use model::{Config, HORIZON_DAYS, Model, SimulateOptions, Subjects, Token};
use std::time::Instant;
use timeline::Sequence;

/// Time the risks of one patient: every code at every horizon, in one pass, from a kept state, and by simulation.
///
/// The patient is random: 256 events, a few a moment, over forty years; the model has the shape's width and blocks,
/// and random weights with the rates of such patients, so that what it simulates is about as long as what a trained
/// model would.
#[derive(Args)]
#[command(after_help = "Example:
  osler bench risk --size S --threads 2 --json")]
pub struct Risk {
    /// S: width 128, 4 blocks, 2,048 codes; M: width 384, 6 blocks, 4,096.
    #[arg(long, value_enum, default_value = "S")]
    size: Shape,
    /// Events of the patient.
    #[arg(long, default_value_t = 256)]
    events: usize,
    /// Events a moment; 1 gives the most tokens, one TIME for each event.
    #[arg(long, default_value_t = 3)]
    events_per_moment: usize,
    /// Trajectories.
    #[arg(long, default_value_t = 100)]
    trajectories: usize,
    /// Times that each is measured.
    #[arg(long, default_value_t = 50)]
    repetitions: usize,
    /// Threads.
    #[arg(long)]
    threads: Option<usize>,
}

/// A patient's tokens.
#[derive(Default)]
struct Patient {
    code: Vec<u32>,
    age_days: Vec<f64>,
    value: Vec<f32>,
}

const TIME: u32 = 0;
const DEATH: u32 = 1;

impl Patient {
    fn random(seed: u64, events: usize, per_moment: usize, vocabulary: u64) -> Self {
        let mut state = seed;
        let mut draw = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            state >> 33
        };
        let gap = 40.0 * 365.25 / (events as f64 / per_moment as f64);
        let (mut patient, mut age) = (Patient::default(), 9000.0);
        for event in 0..events {
            if event > 0 && event % per_moment == 0 {
                let days = gap * (0.25 + (draw() % 1000) as f64 / 667.0);
                age += days;
                patient.push(TIME, age, days as f32);
            }
            patient.push((2 + draw() % (vocabulary - 2)) as u32, age, f32::NAN);
        }
        patient
    }

    fn push(&mut self, code: u32, age_days: f64, value: f32) {
        self.code.push(code);
        self.age_days.push(age_days);
        self.value.push(value);
    }

    fn sequence(&self) -> Sequence<'_> {
        Sequence {
            subject_id: 1,
            code: &self.code,
            age_days: &self.age_days,
            value: &self.value,
            static_len: 0,
            followup_end_age_days: self.age_days.last().copied().unwrap_or(0.0),
            died: false,
            birth_known: true,
        }
    }
}

/// Times of repeated work in milliseconds, sorted.
fn times(repetitions: usize, mut work: impl FnMut() -> Result<()>) -> Result<Vec<f64>> {
    work()?; // The first warms up.
    let mut times = Vec::with_capacity(repetitions);
    for _ in 0..repetitions {
        let begin = Instant::now();
        work()?;
        times.push(begin.elapsed().as_secs_f64() * 1e3);
    }
    times.sort_by(f64::total_cmp);
    Ok(times)
}

impl Risk {
    /// Runs it.
    pub fn run(self, voice: Voice) -> Result<()> {
        let threads = super::threads(self.threads);
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().context("no threads")?;
        let found = pool.install(|| self.measure(threads))?;
        if voice.json {
            println!("{found}");
        } else {
            println!(
                "{} tokens, {} codes × 9 horizons: {:.2} ms (least {:.2}), one event more {:.2} ms, {} trajectories {:.0} ms \
                 ({} tokens), {:.0} times as long, {threads} threads",
                found["tokens"],
                found["codes"],
                ms(&found, "direct_p50_ms"),
                ms(&found, "direct_min_ms"),
                ms(&found, "kept_p50_ms"),
                self.trajectories,
                ms(&found, "simulated_p50_ms"),
                found["simulated_tokens"],
                ms(&found, "ratio"),
            );
        }
        Ok(())
    }

    fn measure(&self, threads: usize) -> Result<serde_json::Value> {
        let shape = self.size.config();
        let (events, per_moment) = (self.events.clamp(2, 100_000), self.events_per_moment.max(1));
        let vocabulary = shape.vocabulary_size;
        let random = |seed| Patient::random(seed, events, per_moment, vocabulary as u64);
        let patient = random(1);
        let most_tokens = 512.max(2 * patient.code.len());
        let codes: Vec<u32> = (DEATH..vocabulary as u32).collect();
        let of_size = Config::of_size(model::Size::Tiny, vocabulary, TIME, Some(DEATH), &codes);
        let config = Config {
            width: shape.width,
            layers: shape.layers,
            heads: shape.heads,
            key_value_heads: shape.key_value_heads,
            feed_forward: shape.feed_forward,
            context: (patient.code.len() + most_tokens).max(2 * most_tokens),
            ..of_size
        };
        let mut model = Model::new(config, 0)?;
        let others: Vec<Patient> = (2..52).map(random).collect();
        let others: Subjects<'_> = others.iter().map(Patient::sequence).collect();
        model.set_marginals(&others);
        let sequence = patient.sequence();

        let direct = times(self.repetitions.max(1), || {
            model.risk(&[sequence], None)?;
            Ok(())
        })?;
        let state = model.read(&[sequence])?;
        let age_days = sequence.followup_end_age_days;
        let token = Token { code: 2, age_days, value: f32::NAN };
        let mut states = Vec::new();
        let kept = times(self.repetitions.max(1), || {
            states.clone_from(&state);
            model.append(&mut states, &[token])?;
            model.risk_of(&states[0], None)?;
            Ok(())
        })?;
        let options = SimulateOptions {
            trajectories: self.trajectories.max(1),
            horizons_days: HORIZON_DAYS.to_vec(),
            most_tokens,
            outcomes: codes.clone(),
            ..SimulateOptions::default()
        };
        let (mut tokens, mut cut_off) = (0, 0);
        let simulated = times(self.repetitions.clamp(1, 5), || {
            let simulated = model.simulate(&[sequence], &options)?;
            let trajectories = || simulated.iter().flat_map(|s| &s.trajectories);
            tokens = trajectories().map(|t| t.length).sum();
            cut_off = trajectories().filter(|t| t.ending == model::Ending::Truncated).count();
            Ok(())
        })?;
        let median = |times: &[f64]| times[times.len() / 2];
        Ok(serde_json::json!({
            "osler": env!("CARGO_PKG_VERSION"), "size": self.size.name(), "threads": threads,
            "events": events, "tokens": patient.code.len(), "codes": codes.len(), "horizons": HORIZON_DAYS.len(),
            "direct_p50_ms": median(&direct), "direct_min_ms": direct[0],
            "kept_p50_ms": median(&kept), "kept_min_ms": kept[0],
            "trajectories": self.trajectories, "simulated_tokens": tokens, "simulated_cut_off": cut_off,
            "simulated_p50_ms": median(&simulated), "simulated_min_ms": simulated[0],
            "ratio": median(&simulated) / median(&direct),
        }))
    }
}

fn ms(found: &serde_json::Value, key: &str) -> f64 {
    found[key].as_f64().unwrap_or(f64::NAN)
}

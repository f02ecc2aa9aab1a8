//! `osler bench scale`: what long records and large vocabularies take.

use super::peak_memory_mb;
use crate::commands::threads;
use crate::memory::words;
use crate::progress::{Voice, grouped};
use anyhow::{Context, Result, bail};
use clap::Args;
use model::{Config, Memory, Model, Silent, Size, Subjects, TrainOptions, train};
use std::time::Instant;
use timeline::Sequence;

/// Train and answer on one made-up record that is very long, with a vocabulary that is very large, and set the memory it
/// took beside what was stated before it started.
///
/// Fails where it took more than was stated and a tenth.
#[derive(Args)]
#[command(after_help = "Examples:
  osler bench scale
  osler bench scale --size base --codes 5000 --events 5000 --context 4096 --steps 3 --json")]
pub struct Scale {
    /// The model's size.
    #[arg(long, default_value = "tiny")]
    size: Size,
    /// Codes of the vocabulary, each with a risk of its own.
    #[arg(long, default_value_t = 100_000)]
    codes: usize,
    /// Events of the record.
    #[arg(long, default_value_t = 100_000)]
    events: usize,
    /// Most tokens seen at once.
    #[arg(long, default_value_t = 8_192)]
    context: usize,
    /// Training steps of one whole context each.
    #[arg(long, default_value_t = 2)]
    steps: u64,
    /// Threads.
    #[arg(long)]
    threads: Option<usize>,
    /// Partial gradients per step.
    #[arg(long, default_value_t = TrainOptions::default().gradient_slots)]
    gradient_slots: usize,
}

/// What is held besides the model: the program, the allocator's rounding, the record itself.
const APART_MB: f64 = 60.0;

impl Scale {
    pub(super) fn run(&self, voice: Voice) -> Result<()> {
        if self.codes < 16 || self.events < 2 {
            bail!("at least 16 codes and 2 events are wanted");
        }
        let threads = threads(self.threads);
        let config = self.config();
        let options = TrainOptions {
            threads,
            gradient_slots: self.gradient_slots,
            batch_tokens: self.context,
            epochs: u32::MAX,
            max_steps: Some(self.steps.max(1)),
            ..TrainOptions::for_size(self.size)
        };
        let record = Record::new(self.events, self.codes as u32);
        let stated = Memory::of_training(&config, &options, record.code.len())?;
        if let Some(total) = crate::memory::total().filter(|total| stated.bytes() as u64 > *total) {
            bail!(
                "{} weights take about {}, this machine has {}",
                grouped(stated.parameters as u64),
                words(stated.bytes() as u64),
                words(total)
            );
        }
        voice.say(format!(
            "{} weights, {} tokens: {} stated for training",
            grouped(stated.parameters as u64),
            grouped(record.code.len() as u64),
            words(stated.bytes() as u64)
        ));
        let subjects: Subjects<'_> = std::iter::once(record.sequence()).collect();
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().context("no threads")?;
        let mut begun = Instant::now();
        let mut model = Model::new(config.clone(), 1)?;
        model.set_marginals(&subjects);
        let made = begun.elapsed().as_secs_f64();
        begun = Instant::now();
        let (model, _) = train(model, &subjects, &Subjects::new(), &options, None, &mut Silent)?;
        let trained = begun.elapsed().as_secs_f64();
        let in_training = peak_memory_mb();
        begun = Instant::now();
        let risk = pool.install(|| model.risk(&[record.sequence()], None))?;
        let asked = begun.elapsed().as_secs_f64();
        begun = Instant::now();
        let likelihood = pool.install(|| model.log_likelihood(&record.sequence()))?;
        let scored = begun.elapsed().as_secs_f64();
        let probabilities = risk.iter().flat_map(|table| table.rows());
        if !probabilities.flat_map(|(_, row)| row).all(|p| (0.0..=1.0).contains(p))
            || !likelihood.total().is_finite()
        {
            bail!("an answer is no number");
        }
        let stated_mb = stated.bytes() as f64 / 1e6;
        // VmHWM is told in units of 1,024.
        let peak_mb = |mb: Option<f64>| mb.map(|mb| mb * 1.048_576);
        let (in_training, peak) = (peak_mb(in_training), peak_mb(peak_memory_mb()));
        let found = serde_json::json!({
            "osler": env!("CARGO_PKG_VERSION"), "threads": threads, "gradient_slots": self.gradient_slots,
            "codes": self.codes, "events": self.events, "tokens": record.code.len(), "context": self.context,
            "parameters": stated.parameters, "stated": stated, "stated_mb": stated_mb,
            "peak_mb_training": in_training, "peak_mb": peak, "steps": self.steps,
            "seconds": { "make": made, "train": trained, "risk_of_all_codes": asked, "likelihood": scored },
        });
        if voice.json {
            println!("{found}");
        } else {
            println!(
                "trained {} steps in {trained:.1} s, all {} risks in {asked:.2} s, likelihood in {scored:.1} s; \
                 peak {:.0} MB in training, {:.0} MB in all, {stated_mb:.0} MB stated",
                self.steps,
                grouped(self.codes as u64),
                in_training.unwrap_or(f64::NAN),
                peak.unwrap_or(f64::NAN),
            );
        }
        match peak {
            Some(peak) if peak > stated_mb * 1.1 + APART_MB => {
                bail!("took {peak:.0} MB, {stated_mb:.0} MB were stated")
            }
            _ => Ok(()),
        }
    }

    fn config(&self) -> Config {
        let codes: Vec<u32> = (4..self.codes as u32).collect();
        let mut config = Config::of_size(self.size, self.codes, 0, Some(3), &codes);
        config.context = self.context;
        // A hierarchy like that of ICD-10-CM: ten codes beneath each broader one, three deep.
        config.features.count = self.codes;
        config.features.by_code =
            (0..self.codes as u32).map(|code| vec![code / 10, code / 100, code / 1000]).collect();
        config
    }
}

/// A record in which everything happens again and again.
struct Record {
    code: Vec<u32>,
    age_days: Vec<f64>,
    value: Vec<f32>,
}

impl Record {
    fn new(events: usize, codes: u32) -> Self {
        let mut state = 1_u64;
        let mut draw = |below: u64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) % below
        };
        let mut record = Record { code: Vec::new(), age_days: Vec::new(), value: Vec::new() };
        let mut age = 12_000.0;
        let mut left = events;
        while left > 0 {
            let together = left.min(1 + draw(4) as usize);
            for _ in 0..together {
                // Common codes and rare ones: the square of a uniform draw.
                let share = draw(1 << 20) as f64 / f64::from(1 << 20);
                record.code.push(4 + (f64::from(codes - 4) * share * share) as u32);
                record.age_days.push(age);
                record.value.push(if draw(3) == 0 { draw(1000) as f32 / 1000.0 } else { f32::NAN });
            }
            left -= together;
            if left > 0 {
                let gap = 0.02 + draw(1000) as f64 / 2000.0;
                age += gap;
                record.code.push(0);
                record.age_days.push(age);
                record.value.push(gap as f32);
            }
        }
        record
    }

    fn sequence(&self) -> Sequence<'_> {
        Sequence {
            subject_id: 1,
            code: &self.code,
            age_days: &self.age_days,
            value: &self.value,
            static_len: 1,
            followup_end_age_days: self.age_days.last().copied().unwrap_or_default() + 400.0,
            died: false,
            birth_known: true,
        }
    }
}

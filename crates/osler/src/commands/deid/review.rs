//! `osler deid review`: texts for a person to read, and the leak rate that the verdicts give.

use super::report::every_subject;
use crate::manifest::Kind;
use crate::output::{self, OutputDirectory, Provenance};
use crate::progress::{Voice, grouped};
use crate::records::Records;
use anyhow::{Context, Result, bail};
use clap::{Args, Subcommand};
use deid::risk::{LeakRate, Sampler, VerdictFile, score};
use std::path::{Path, PathBuf};

/// Have people read a random sample of de-identified text, and state how much of it leaks.
#[derive(Subcommand)]
#[command(after_help = "Examples:
  osler deid review sample --n 200 --out review events
  osler deid review score verdicts-1f2e.json")]
pub enum Command {
    Sample(SampleArguments),
    /// State the leak rate of a review, with its exact 95 % interval.
    Score {
        /// What the review page saved.
        verdicts: PathBuf,
    },
}

/// Draw texts at random and make a page to read them on, offline, with a verdict for each.
///
/// The page holds de-identified text of patients: the directory is made readable to you alone (mode 700). Open
/// OUT/review.html in a browser; verdicts are saved to a file by the page itself.
#[derive(Args)]
#[command(after_help = "Example:
  osler deid review sample --n 200 --out review events")]
pub struct SampleArguments {
    /// How many texts; all where there are fewer.
    #[arg(long, default_value_t = 200)]
    n: usize,
    /// Seed of the draw.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// The directory to write.
    #[arg(long)]
    out: PathBuf,
    /// Replace an existing output.
    #[arg(long)]
    force: bool,
    /// A directory that `osler ingest` wrote.
    events: PathBuf,
}

impl Command {
    /// Runs it.
    pub fn run(self, voice: Voice) -> Result<()> {
        match self {
            Command::Sample(arguments) => arguments.run(voice),
            Command::Score { verdicts } => {
                let rate = read_verdicts(&verdicts)?;
                if voice.json {
                    println!("{}", serde_json::to_string_pretty(&rate)?);
                } else {
                    tell(&rate);
                }
                Ok(())
            }
        }
    }
}

impl SampleArguments {
    fn run(self, voice: Voice) -> Result<()> {
        if self.n == 0 {
            bail!("--n is 0; how many texts should be read?");
        }
        let records = Records::open(&self.events)?;
        let mut sampler = Sampler::new(self.n, self.seed);
        every_subject(&records, voice, "drawing", |subject| sampler.add(subject))?;
        let sample = sampler.finish();
        if sample.passages.is_empty() {
            bail!("{} holds no text: there is nothing to review", self.events.display());
        }
        let manifest = &records.manifest;
        let output = OutputDirectory::create(&self.out, Kind::Review, self.force)?;
        output.keep_to_owner()?;
        let path = output.path().join("review.html");
        std::fs::write(&path, sample.to_html(&manifest.dataset, manifest.synthetic))
            .with_context(|| format!("cannot write {}", path.display()))?;
        output::owner_only(&path, 0o600)?;
        let written = output.finish(Provenance {
            dataset: manifest.dataset.clone(),
            synthetic: manifest.synthetic,
            settings: serde_json::json!({ "n": self.n, "seed": self.seed, "sample": sample.digest }),
            inputs: vec![manifest.as_input()],
            counts: serde_json::json!({ "texts": sample.population, "drawn": sample.passages.len() }),
            deidentification: None,
        })?;
        if voice.json {
            println!("{}", serde_json::to_string_pretty(&written)?);
        }
        voice.say(format!(
            "{} of {} texts → {}, which only you can read: it holds text of patients, though de-identified",
            grouped(sample.passages.len() as u64),
            grouped(sample.population),
            self.out.join("review.html").display()
        ));
        Ok(())
    }
}

/// Reads and scores what the review page saved.
pub(super) fn read_verdicts(path: &Path) -> Result<LeakRate> {
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    // The parser's message could quote the file.
    let Ok(file) = serde_json::from_str::<VerdictFile>(&text) else {
        bail!("{} is not a file of verdicts, as the review page saves them", path.display());
    };
    score(&file).with_context(|| path.display().to_string())
}

fn tell(rate: &LeakRate) {
    let percent = |share: f64| format!("{:.2} %", share * 100.0);
    let synthetic = if rate.synthetic { " (synthetic data)" } else { "" };
    println!("{}{synthetic}: {} of {} drawn texts read", rate.dataset, rate.reviewed, rate.sampled);
    let line = |name: &str, leaks: u64, i: &deid::risk::Interval| {
        println!(
            "{name}: {leaks} of {} texts, {} (exact 95 % interval {} to {})",
            rate.reviewed,
            percent(i.share),
            percent(i.low),
            percent(i.high)
        );
    };
    line("an identifier left", rate.leaks, &rate.rate);
    if rate.unsure > 0 {
        line("if unsure is a leak", rate.leaks + rate.unsure, &rate.rate_if_unsure_leak);
    }
    if let Some(bound) = rate.rule_of_three {
        println!("none was found: the rate is below {} with 95 % confidence (rule of three)", percent(bound));
    }
    for (kind, texts) in &rate.kinds {
        println!("  {kind}: {texts}");
    }
}

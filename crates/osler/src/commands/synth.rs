//! `osler synth`: a synthetic population, identifiers and all.

use super::threads;
use crate::manifest::{Kind, Manifest};
use crate::output::{OutputDirectory, Provenance};
use crate::progress::{Voice, grouped, seconds};
use crate::truth_files::{self, TruthSettings};
use ::synth::{Population, Settings, write_fhir, write_truth};
use anyhow::{Context, Result};
use clap::Args;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::Instant;

/// Make a synthetic population with published rates, as FHIR R4 bulk NDJSON with names, addresses and notes.
///
/// OUT/fhir holds the records, as a hospital would export them; OUT/truth what nobody would know.
/// Nobody in it exists. Treatments act, and are given for reasons. With --truth, OUT/truth also holds Parquet files
/// for grading: decisions.parquet (each treatment decision with its outcomes and true probabilities, treated and
/// untreated), risks.parquet (true risks, and the best that can be known from the record), onsets.parquet (when
/// disease began, could be diagnosed and was recorded) and disparities.json (whose disease is missed, by how much).
#[derive(Args)]
#[command(
    after_help = "Examples:\n  osler synth --subjects 2000 --out population\n  osler ingest --from fhir --synthetic --key site.key --out events population/fhir\n  osler synth --subjects 50000 --truth --out graded\n  osler synth --subjects 20000 --truth --unmeasured-confounding 1 --out hard"
)]
pub struct Arguments {
    /// How many people.
    #[arg(long)]
    pub subjects: u64,
    /// The seed; the same seed makes the same people.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Threads; the output does not depend on it.
    #[arg(long)]
    pub threads: Option<usize>,
    /// Write what is needed for grading; takes some hundredths of a second a person.
    #[arg(long)]
    pub truth: bool,
    /// Repeated futures behind each true probability.
    #[arg(long, default_value_t = 40, value_name = "N", requires = "truth", value_parser = clap::value_parser!(u32).range(2..))]
    pub truth_draws: u32,
    /// People, from the first on, for whom the best risk given the record is worked out.
    #[arg(long, default_value_t = 1000, value_name = "N", requires = "truth")]
    pub truth_observed: u64,
    /// Particles behind each such risk.
    #[arg(long, default_value_t = 300, value_name = "N", requires = "truth", value_parser = clap::value_parser!(u32).range(2..))]
    pub truth_particles: u32,
    /// How strongly something that no record shows moves both treatment and outcome; 0 for not at all.
    #[arg(long, default_value_t = 0.0, value_name = "STRENGTH")]
    pub unmeasured_confounding: f64,
    /// The size of known injustices in diagnosis: 1 as published, 0 for none.
    #[arg(long, default_value_t = 1.0, value_name = "SCALE")]
    pub disparity: f64,
    /// The directory to write.
    #[arg(long)]
    pub out: PathBuf,
    /// Replace an existing output.
    #[arg(long)]
    pub force: bool,
}

impl Arguments {
    /// Runs it.
    pub fn run(self, voice: Voice) -> Result<()> {
        let manifest = self.synthesize(voice)?;
        if voice.json {
            println!("{}", serde_json::to_string_pretty(&manifest)?);
        }
        Ok(())
    }

    /// Runs it and gives the manifest.
    pub fn synthesize(&self, voice: Voice) -> Result<Manifest> {
        let started = Instant::now();
        let settings = Settings {
            subjects: self.subjects,
            seed: self.seed,
            unmeasured_confounding: self.unmeasured_confounding,
            disparity: self.disparity,
            ..Settings::default()
        };
        let population = Population::new(settings.clone())?;
        let output = OutputDirectory::create(&self.out, Kind::Population, self.force)?;
        let truth = output.path().join("truth");
        std::fs::create_dir(&truth).with_context(|| format!("cannot create {}", truth.display()))?;
        self.write_fhir(&population, &output.path().join("fhir"), voice)?;
        let path = truth.join("truth.ndjson");
        let file = File::create_new(&path).with_context(|| format!("cannot create {}", path.display()))?;
        write_truth(&population, &mut BufWriter::new(file))?;
        if self.truth {
            let bar = voice.count("asking what is true", self.subjects);
            let wanted = TruthSettings {
                draws: self.truth_draws,
                particles: self.truth_particles,
                observed: self.truth_observed,
            };
            truth_files::write(&population, wanted, &truth, threads(self.threads), &|done| bar.set(done))?;
        }
        let manifest = output.finish(Provenance {
            dataset: format!("synthetic population of {}", grouped(self.subjects)),
            synthetic: true,
            settings: serde_json::to_value(&settings)?,
            inputs: Vec::new(),
            counts: serde_json::json!({ "subjects": self.subjects }),
            deidentification: None,
        })?;
        voice.say(format!(
            "{} synthetic people, nobody of them real, in {} → {}",
            grouped(self.subjects),
            seconds(started.elapsed()),
            self.out.display()
        ));
        Ok(manifest)
    }

    fn write_fhir(&self, population: &Population, dir: &Path, voice: Voice) -> Result<()> {
        std::fs::create_dir(dir).with_context(|| format!("cannot create {}", dir.display()))?;
        let bar = voice.count("living", self.subjects);
        let mut open = |resource_type: &str| -> std::io::Result<Box<dyn Write>> {
            let file = File::create_new(dir.join(format!("{resource_type}.ndjson")))?;
            Ok(Box::new(BufWriter::with_capacity(1 << 18, file)))
        };
        write_fhir(population, &mut open, threads(self.threads), &|done| bar.set(done as u64))?;
        Ok(())
    }
}

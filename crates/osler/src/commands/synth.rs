//! `osler synth`: a synthetic population, identifiers and all.

use super::threads;
use crate::manifest::{Kind, Manifest};
use crate::output::{OutputDirectory, Provenance};
use crate::progress::{Voice, grouped, seconds};
use ::synth::{Population, Settings, write_fhir, write_truth};
use anyhow::{Context, Result};
use clap::Args;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::PathBuf;
use std::time::Instant;

/// Make a synthetic population with published rates, as FHIR R4 bulk NDJSON with names, addresses and notes.
///
/// OUT/fhir holds the records, as a hospital would export them; OUT/truth what nobody would know. Nobody in
/// it exists.
#[derive(Args)]
#[command(
    after_help = "Example:\n  osler synth --subjects 2000 --out population\n  osler ingest --from fhir --synthetic --key site.key --out events population/fhir"
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
        let settings = Settings { subjects: self.subjects, seed: self.seed, ..Settings::default() };
        let population = Population::new(settings.clone())?;
        let output = OutputDirectory::create(&self.out, Kind::Population, self.force)?;
        let (fhir, truth) = (output.path().join("fhir"), output.path().join("truth"));
        for dir in [&fhir, &truth] {
            std::fs::create_dir(dir).with_context(|| format!("cannot create {}", dir.display()))?;
        }
        let bar = voice.count("living", self.subjects);
        let mut open = |resource_type: &str| -> std::io::Result<Box<dyn Write>> {
            let file = File::create_new(fhir.join(format!("{resource_type}.ndjson")))?;
            Ok(Box::new(BufWriter::with_capacity(1 << 18, file)))
        };
        write_fhir(&population, &mut open, threads(self.threads), &|done| bar.set(done as u64))?;
        drop(bar);
        let path = truth.join("truth.ndjson");
        let file = File::create_new(&path).with_context(|| format!("cannot create {}", path.display()))?;
        write_truth(&population, &mut BufWriter::new(file))?;
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
}

//! `osler synth`: a synthetic population, identifiers and all.

mod check;

use super::threads;
use crate::attested::{self, OfNobody};
use crate::manifest::{Deidentification, Kind, Manifest};
use crate::output::{OutputDirectory, Provenance};
use crate::progress::{Voice, grouped, seconds};
use crate::synthetic_events;
use crate::truth_files::{self, TruthSettings};
use crate::{key_file, policy_file};
use ::synth::{Population, Settings, SyntheticSubject, write_fhir, write_omop, write_truth};
use anyhow::{Context, Result, bail};
use clap::{Args, ValueEnum};
use deid::attestation::SYNTHETIC;
use deid::{Deidentifier, Key};
use events::{Split, SplitFractions};
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::Instant;

/// Make a synthetic population with published rates: as FHIR R4 with names, addresses and notes, as OMOP, or as MEDS.
///
/// Nobody in it exists. Treatments act, and are given for reasons. As FHIR or OMOP, OUT/fhir or OUT/omop holds the
/// records as a hospital would export them, to be read by `osler ingest`. As MEDS, OUT is a data set as `osler ingest` writes it, signed as
/// nobody's, and is read by `osler tokenize`; nothing needs to be de-identified.
/// OUT/truth holds what nobody would know. With --truth it also holds Parquet files for grading: decisions.parquet
/// (each treatment decision with its outcomes and true probabilities, treated and untreated), risks.parquet (true
/// risks, and the best that can be known from the record), onsets.parquet (when disease began, could be diagnosed
/// and was recorded), subjects.parquet (who is who in each format) and disparities.json (whose disease is missed).
#[derive(Args)]
#[command(after_help = "Examples:
  osler synth --subjects 2000 --out population
  osler ingest --from fhir --synthetic --key site.key --out events population/fhir
  osler synth --subjects 50000 --format meds --key site.key --truth --truth-observed 0 --out graded
  osler tokenize --out timeline graded
  osler synth --subjects 20000 --format meds --key site.key --site b --out elsewhere
  osler synth --subjects 2000 --format omop --key site.key --out cdm
  osler ingest --from omop --synthetic --key site.key --out events cdm/omop
  osler synth --subjects 20000 --truth --unmeasured-confounding 1 --out hard
  osler synth --check --subjects 20000 --seed 9")]
pub struct Arguments {
    /// How many people.
    #[arg(long)]
    pub subjects: u64,
    /// The seed; the same seed makes the same people.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// What the records are written as.
    #[arg(long, value_enum, default_value_t = Format::Fhir)]
    pub format: Format,
    /// The hospital: a codes in full and in conventional units; b by category, its tests by codes of its own and in
    /// SI units, finds disease later, repeats diagnoses less and prescribes more.
    #[arg(long, value_enum, default_value_t = Hospital::A)]
    pub site: Hospital,
    /// The key that signs a MEDS data set and splits its subjects; else OSLER_KEY. With other formats:
    /// truth/subjects.parquet then says who is who after `osler ingest` with this key.
    #[arg(long, value_name = "FILE")]
    pub key: Option<PathBuf>,
    /// Shares of train, tuning and held-out subjects, as MEDS.
    #[arg(long, default_value = "0.8,0.1,0.1")]
    pub splits: SplitFractions,
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
    /// Write nothing: simulate so many whole lives, and hold each condition's rate by sex and age, and life expectancy,
    /// to the published ones. Fails where they don't agree.
    #[arg(long, conflicts_with_all = ["out", "key", "truth", "format", "site"])]
    pub check: bool,
    /// The directory to write.
    #[arg(long, required_unless_present = "check")]
    pub out: Option<PathBuf>,
    /// Replace an existing output.
    #[arg(long)]
    pub force: bool,
}

/// What the records are written as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// FHIR R4 bulk NDJSON, with identifiers and notes
    Fhir,
    /// OMOP CDM 5.4 as CSV, with notes
    Omop,
    /// MEDS 0.4, as `osler ingest` writes it
    Meds,
}

/// Whose records.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Hospital {
    /// The first
    A,
    /// The second, with codes, units and habits of its own
    B,
    /// Half of the people go to each
    Both,
}

impl Arguments {
    /// Runs it.
    pub fn run(self, voice: Voice) -> Result<()> {
        if self.check {
            return check::run(self.subjects, self.seed, self.threads, voice);
        }
        let manifest = self.synthesize(voice)?;
        if voice.json {
            println!("{}", serde_json::to_string_pretty(&manifest)?);
        }
        Ok(())
    }

    /// Runs it and gives the manifest.
    pub fn synthesize(&self, voice: Voice) -> Result<Manifest> {
        let started = Instant::now();
        let population = Population::new(self.settings())?;
        let manifest = match self.format {
            Format::Fhir | Format::Omop => self.as_source(&population, voice)?,
            Format::Meds => self.as_events(&population, voice)?,
        };
        let elapsed = started.elapsed();
        voice.say(format!(
            "{} synthetic people, nobody of them real, in {}, {:.0} a second → {}",
            grouped(self.subjects),
            seconds(elapsed),
            self.subjects as f64 / elapsed.as_secs_f64().max(1e-9),
            self.out()?.display()
        ));
        Ok(manifest)
    }

    fn out(&self) -> Result<&Path> {
        self.out.as_deref().context("--out DIR is needed")
    }

    fn settings(&self) -> Settings {
        Settings {
            subjects: self.subjects,
            seed: self.seed,
            second_site: match self.site {
                Hospital::A => 0.0,
                Hospital::B => 1.0,
                Hospital::Both => 0.5,
            },
            unmeasured_confounding: self.unmeasured_confounding,
            disparity: self.disparity,
            ..Settings::default()
        }
    }

    fn dataset(&self) -> String {
        format!("synthetic population of {}", grouped(self.subjects))
    }

    /// Records as a hospital would hand them out, identifiers and all.
    fn as_source(&self, population: &Population, voice: Voice) -> Result<Manifest> {
        let key = self.key.as_deref().map(|file| key_file::read(Some(file))).transpose()?;
        let output = OutputDirectory::create(self.out()?, Kind::Population, self.force)?;
        let name = if self.format == Format::Omop { "omop" } else { "fhir" };
        self.write_source(population, &output.path().join(name), voice)?;
        self.write_truth(population, &output.path().join("truth"), key.as_ref(), voice)?;
        output.finish(Provenance {
            dataset: self.dataset(),
            synthetic: true,
            settings: serde_json::to_value(population.settings())?,
            inputs: Vec::new(),
            counts: serde_json::json!({ "subjects": self.subjects }),
            deidentification: None,
        })
    }

    /// Records as nobody's events.
    fn as_events(&self, population: &Population, voice: Voice) -> Result<Manifest> {
        if self.subjects == 0 {
            bail!("a data set of nobody can't be used; ask for at least one person with --subjects");
        }
        let key = key_file::read(self.key.as_deref())?;
        let output = OutputDirectory::create(self.out()?, Kind::Events, self.force)?;
        let bar = voice.count("living", self.subjects);
        let (fractions, split_key) = (self.splits, key.split_key());
        let split = |subject| Split::of(subject, fractions, &split_key);
        let written = synthetic_events::write(
            population,
            &self.dataset(),
            split,
            threads(self.threads),
            output.path(),
            &|done| bar.set(done),
        )?;
        drop(bar);
        if self.truth {
            self.write_truth(population, &output.path().join("truth"), None, voice)?;
        }
        let settings = serde_json::json!({ "population": population.settings(), "splits": self.splits });
        let made_by = settings.to_string();
        let of_splits = |n: [u64; 3]| -> serde_json::Value {
            Split::ALL.iter().map(|split| (split.name(), n[*split as usize])).collect()
        };
        let provenance = Provenance {
            dataset: self.dataset(),
            synthetic: true,
            settings,
            inputs: Vec::new(),
            counts: serde_json::json!({
                "subjects": of_splits(written.summary.subjects),
                "events": of_splits(written.summary.events),
            }),
            deidentification: Some(Deidentification {
                local_systems: Default::default(),
                policy: SYNTHETIC.to_owned(),
                policy_blake3: blake3::hash(made_by.as_bytes()).to_hex().to_string(),
                key_id: key.id(),
                counts: serde_json::json!({}),
            }),
        };
        let made = OfNobody {
            made_by: &made_by,
            of: &format!("{} synthetic people, seed {}", grouped(self.subjects), self.seed),
            key: &key,
            subjects: self.subjects,
            fields: written.fields,
        };
        output.finish_sealed(provenance, |dir| attested::write_of_nobody(dir, made))
    }

    fn write_source(&self, population: &Population, dir: &Path, voice: Voice) -> Result<()> {
        std::fs::create_dir(dir).with_context(|| format!("cannot create {}", dir.display()))?;
        let bar = voice.count("living", self.subjects);
        let omop = self.format == Format::Omop;
        let mut open = |name: &str| -> std::io::Result<Box<dyn Write>> {
            let ending = if omop { "csv" } else { "ndjson" };
            let file = File::create_new(dir.join(format!("{name}.{ending}")))?;
            Ok(Box::new(BufWriter::with_capacity(1 << 18, file)))
        };
        let write = if omop { write_omop } else { write_fhir };
        write(population, &mut open, threads(self.threads), &|done| bar.set(done as u64))?;
        Ok(())
    }

    /// What nobody would know, keyed as the records are; with a key, also as `osler ingest` will key them.
    fn write_truth(
        &self,
        population: &Population,
        dir: &Path,
        key: Option<&Key>,
        voice: Voice,
    ) -> Result<()> {
        std::fs::create_dir(dir).with_context(|| format!("cannot create {}", dir.display()))?;
        let path = dir.join("truth.ndjson");
        let file = File::create_new(&path).with_context(|| format!("cannot create {}", path.display()))?;
        let threads = threads(self.threads);
        write_truth(population, threads, &mut BufWriter::new(file))?;
        let deidentifier = match key {
            Some(key) => Some(Deidentifier::new(policy_file::read("expert-determination")?, key)?),
            None => None,
        };
        let source_key = |subject: &SyntheticSubject| match self.format {
            Format::Omop => (subject.index + 1).to_string(),
            Format::Fhir | Format::Meds => subject.key.clone(),
        };
        truth_files::write_subjects(population, source_key, deidentifier.as_ref(), threads, dir)?;
        if self.truth {
            let bar = voice.count("asking what is true", self.subjects);
            let wanted = TruthSettings {
                draws: self.truth_draws,
                particles: self.truth_particles,
                observed: self.truth_observed,
            };
            truth_files::write(population, wanted, dir, threads, &|done| bar.set(done))?;
        }
        Ok(())
    }
}

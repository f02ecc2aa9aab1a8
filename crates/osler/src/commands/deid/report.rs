//! `osler deid report`: what remains in de-identified events for somebody who knows something.

use super::review;
use crate::commands::threads;
use crate::manifest::Kind;
use crate::output::{OutputDirectory, Provenance};
use crate::progress::{Voice, grouped, seconds};
use crate::records::Records;
use anyhow::{Context, Result, bail};
use clap::Args;
use deid::risk::{About, Adversary, Options, QuasiIdentifier, RiskReport, SensitiveGroup, Survey};
use events::{Split, Subject};
use std::path::PathBuf;
use std::time::Instant;

/// Measure the residual risk of re-identification: who looks like whom, and whom a few known events single out.
///
/// Writes report.html (one file, no network needed) and report.json. Reads the events twice; memory grows by about
/// 50 bytes a subject, beside a block of --block-points. Never a verdict: whether the risk is very small is for the
/// expert to determine.
#[derive(Args)]
#[command(after_help = "Examples:
  osler deid report --out risk events
  osler deid report --quasi-identifier sex --quasi-identifier birth-year:5 --out risk events
  osler deid report --adversary gaps-day --sensitive ICD10CM//D57 --sampling-fraction 0.02 --out risk events
  osler deid report --verdicts verdicts-1f2e.json --out risk events

Quasi-identifiers: sex, race, ethnicity, language, marital-status, zip, zip3, state, birth-year, death-year (with a band in
years: birth-year:5), or any code system, such as PAYER. Adversaries: codes, gaps-month, gaps-day (for shifted dates),
year, month, day (for dates as they were). See docs/deid-risk.md.")]
pub struct Arguments {
    /// What somebody may know of everybody; may be repeated. Default: all that are named below and present.
    #[arg(long = "quasi-identifier", value_name = "NAME")]
    quasi_identifiers: Vec<QuasiIdentifier>,
    /// What somebody may know of a subject's events; may be repeated. Default: what the data set's policy leaves.
    #[arg(long = "adversary", value_name = "NAME")]
    adversaries: Vec<Adversary>,
    /// Further sensitive codes, by prefix (ICD10CM//D57); may be repeated.
    #[arg(long, value_name = "PREFIX")]
    sensitive: Vec<String>,
    /// The assumed share of the population that is in the data set, for journalist risk.
    #[arg(long)]
    sampling_fraction: Option<f64>,
    /// Subjects, at random, whom adversaries look for.
    #[arg(long, default_value_t = Options::default().targets)]
    targets: usize,
    /// Draws of known events for each of them.
    #[arg(long, default_value_t = Options::default().draws)]
    draws: usize,
    /// Seed of the draws.
    #[arg(long, default_value_t = Options::default().seed)]
    seed: u64,
    /// Counts of subjects below this are not printed for any named value.
    #[arg(long, default_value_t = Options::default().threshold)]
    threshold: u32,
    /// Events in memory at a time while looking for matches, 12 bytes each; changes no number.
    #[arg(long, default_value_t = Options::default().block_points)]
    block_points: usize,
    /// Verdicts saved by the page of `osler deid review sample`, to state the leak rate of text.
    #[arg(long, value_name = "FILE")]
    verdicts: Option<PathBuf>,
    /// Threads; the output does not depend on it.
    #[arg(long)]
    threads: Option<usize>,
    /// The directory to write.
    #[arg(long)]
    out: PathBuf,
    /// Replace an existing output.
    #[arg(long)]
    force: bool,
    /// A directory that `osler ingest` wrote.
    events: PathBuf,
}

impl Arguments {
    /// Runs it.
    pub fn run(self, voice: Voice) -> Result<()> {
        let started = Instant::now();
        let review = self.verdicts.as_deref().map(review::read_verdicts).transpose()?;
        let records = Records::open(&self.events)?;
        let manifest = &records.manifest;
        let policy = manifest.deidentification.as_ref().map(|d| d.policy.clone()).unwrap_or_default();
        let options = self.options(&records.label);
        options.validate()?;
        let output = OutputDirectory::create(&self.out, Kind::ResidualRisk, self.force)?;
        output.keep_like(&self.events)?;
        let about = About {
            dataset: manifest.dataset.clone(),
            synthetic: manifest.synthetic,
            policy,
            digest: manifest.output_digest.clone(),
            // The time of the events, not of the report: the same input gives the same bytes.
            made: manifest.finished.clone(),
            tool: format!("osler {}", env!("CARGO_PKG_VERSION")),
            review,
        };
        let settings = settings(&options);
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads(self.threads)).build()?;
        let stated = !self.quasi_identifiers.is_empty();
        let report = pool.install(|| measure(&records, options, stated, about, voice))?;
        if let Some(review) = &report.about.review
            && review.population != report.text.events
        {
            bail!(
                "the verdicts are of a data set with {} texts, but {} has {}",
                grouped(review.population),
                self.events.display(),
                grouped(report.text.events)
            );
        }
        let json = format!("{}\n", serde_json::to_string_pretty(&report)?);
        for (name, text) in [("report.html", report.to_html()), ("report.json", json)] {
            let path = output.path().join(name);
            std::fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
        }
        output.finish(Provenance {
            dataset: manifest.dataset.clone(),
            synthetic: manifest.synthetic,
            settings,
            inputs: vec![manifest.as_input()],
            counts: serde_json::json!({ "subjects": report.subjects, "events": report.events }),
            deidentification: None,
        })?;
        if voice.json {
            println!("{}", serde_json::to_string_pretty(&report)?);
        }
        report.answer.iter().for_each(|sentence| voice.say(sentence));
        voice.say(format!(
            "{} subjects measured in {} → {}",
            grouped(report.subjects),
            seconds(started.elapsed()),
            self.out.join("report.html").display()
        ));
        Ok(())
    }

    fn options(&self, label: &str) -> Options {
        let defaults = Options::default();
        let chosen = |asked: &[QuasiIdentifier]| match asked {
            [] => defaults.quasi_identifiers.clone(),
            asked => asked.to_vec(),
        };
        let mut sensitive = defaults.sensitive.clone();
        sensitive.extend(self.sensitive.iter().map(|prefix| SensitiveGroup::prefix(prefix)));
        Options {
            quasi_identifiers: chosen(&self.quasi_identifiers),
            adversaries: if self.adversaries.is_empty() {
                adversaries_left_by(label)
            } else {
                self.adversaries.clone()
            },
            targets: self.targets,
            draws: self.draws,
            seed: self.seed,
            threshold: self.threshold,
            sampling_fraction: self.sampling_fraction,
            sensitive,
            block_points: self.block_points,
        }
    }
}

/// Whose knowledge still fits records after a policy: calendar dates where it keeps them, intervals where it shifts.
fn adversaries_left_by(label: &str) -> Vec<Adversary> {
    match label {
        "safe-harbor" => vec![Adversary::Codes, Adversary::Years],
        "limited-data-set" => vec![Adversary::Codes, Adversary::Months, Adversary::Days],
        _ => Options::default().adversaries,
    }
}

fn settings(options: &Options) -> serde_json::Value {
    serde_json::json!({
        "quasi_identifiers": options.quasi_identifiers.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "adversaries": options.adversaries,
        "sensitive": options.sensitive.iter().map(SensitiveGroup::name).collect::<Vec<_>>(),
        "sampling_fraction": options.sampling_fraction,
        "targets": options.targets,
        "draws": options.draws,
        "seed": options.seed,
        "threshold": options.threshold,
    })
}

/// The two passes. Quasi-identifiers that somebody stated are to be there: of one that nobody has, nothing would be measured.
fn measure(
    records: &Records,
    options: Options,
    stated: bool,
    about: About,
    voice: Voice,
) -> Result<RiskReport> {
    let mut survey = Survey::new(options)?;
    every_subject(records, voice, "surveying", |subject| survey.add(subject))?;
    let mut matching = survey.finish();
    if stated && !matching.absent().is_empty() {
        let mut all = Survey::new(Options::default())?;
        every_subject(records, voice, "looking for what is there", |subject| all.add(subject))?;
        let mut there = matching.present().to_vec();
        there.extend(all.finish().present().iter().cloned());
        there.sort();
        there.dedup();
        bail!(
            "no subject has a value of {}; those by name that are there: {}",
            matching.absent().join(", "),
            if there.is_empty() { "none".to_owned() } else { there.join(", ") }
        );
    }
    every_subject(records, voice, "matching", |subject| matching.add(subject))?;
    Ok(matching.finish(about)?)
}

/// Every subject of every split, in the order of the files.
pub(super) fn every_subject(
    records: &Records,
    voice: Voice,
    label: &'static str,
    mut each: impl FnMut(&Subject),
) -> Result<()> {
    let bar = voice.count(label, Split::ALL.iter().map(|split| records.count(*split)).sum());
    for split in Split::ALL {
        for subject in records.subjects(split)? {
            each(&*subject?);
            bar.add(1);
        }
    }
    Ok(())
}

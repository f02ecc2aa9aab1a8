//! The evaluation that a step rests on: of this very model, made after its criteria were registered, and met.

use crate::clock;
use crate::commands::evaluate::REGISTERED;
use crate::governance_directory::GovernanceDirectory;
use crate::manifest::{self, Kind, Manifest, digest_file};
use crate::model_directory::read_json;
use crate::progress::Voice;
use anyhow::{Context, Result, bail};
use clap::Args;
use govern::ledger::{CriteriaRegistration, Link, Record};
use govern::lifecycle::{Criteria, Evidence};
use govern::stamp;
use std::fs;
use std::path::{Path, PathBuf};

/// Where the evaluation is.
#[derive(Args)]
pub struct EvidenceArguments {
    /// A report that `osler evaluate` wrote.
    #[arg(long, requires = "predictions", requires = "criteria")]
    report: Option<PathBuf>,
    /// The predictions that the report is about.
    #[arg(long, requires = "report")]
    predictions: Option<PathBuf>,
    /// What the report must show, registered before it was made.
    #[arg(long, requires = "report")]
    criteria: Option<PathBuf>,
}

impl EvidenceArguments {
    /// The evidence, if there is any and it holds.
    pub fn examine(&self, directory: &GovernanceDirectory, model: &Manifest) -> Result<Option<Evidence>> {
        let (Some(report), Some(predictions), Some(path)) = (&self.report, &self.predictions, &self.criteria)
        else {
            return Ok(None);
        };
        let criteria = read(path)?;
        let report_manifest = Manifest::verify(report, Kind::Report)?;
        let predictions_manifest = Manifest::verify(predictions, Kind::Predictions)?;
        let made_from = |manifest: &Manifest, of: &Manifest| {
            manifest.inputs.iter().any(|input| input.blake3 == of.output_digest)
        };
        if !made_from(&report_manifest, &predictions_manifest) {
            bail!("{} is not about the predictions {}", report.display(), predictions.display());
        }
        if !made_from(&predictions_manifest, model) {
            bail!("{} were not made by this model", predictions.display());
        }
        let registered = registered(directory, criteria.digest())?;
        let Some(newest) = registered.last() else {
            bail!(
                "{} was never registered; `osler model register` does, before an evaluation",
                path.display()
            );
        };
        // An entry's digest can't be known before the entry is there: a report that holds it was made after, whatever clocks say.
        let held = fs::read_to_string(report.join(REGISTERED)).unwrap_or_default();
        let Some(registered) = registered.iter().find(|link| link.to_string() == held.trim()) else {
            bail!(
                "{} doesn't show that it was made after {} was registered; evaluate again, with --registered {newest}",
                report.display(),
                path.display()
            );
        };
        let findings = criteria.judge(&read_json(&report.join("report.json"))?);
        let missed: Vec<&str> =
            findings.iter().filter(|finding| !finding.met).map(|finding| finding.words.as_str()).collect();
        if !missed.is_empty() {
            bail!("the report does not meet the criteria: {}", missed.join(" | "));
        }
        let manifest = |dir: &Path| digest_file(&dir.join(manifest::FILE_NAME)).map(|(_, digest)| digest);
        Ok(Some(Evidence {
            report: manifest(report)?,
            predictions: manifest(predictions)?,
            criteria: criteria.digest().to_owned(),
            registered: registered.to_string(),
        }))
    }
}

fn read(path: &Path) -> Result<Criteria> {
    let text = fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    Criteria::parse(&text).with_context(|| format!("{}", path.display()))
}

/// Where these criteria were registered.
fn registered(directory: &GovernanceDirectory, digest: &str) -> Result<Vec<Link>> {
    let changes = directory.changes()?.into_iter();
    let of_these = |record: &Record| matches!(record, Record::Criteria(registration) if registration.criteria_digest == digest);
    Ok(changes.filter(|(_, record)| of_these(record)).map(|(link, _)| link).collect())
}

/// Registers criteria.
pub fn register(directory: &GovernanceDirectory, path: &Path, voice: Voice) -> Result<()> {
    let criteria = read(path)?;
    let time = stamp(clock::now());
    let link = directory.record(&Record::Criteria(CriteriaRegistration {
        time: time.clone(),
        criteria_digest: criteria.digest().to_owned(),
    }))?;
    match voice.json {
        true => println!(
            "{}",
            serde_json::json!({ "criteria": criteria.digest(), "time": time, "registered": link.to_string() })
        ),
        false => {
            voice.say(format!("{} registered; evaluate from now on, with --registered", path.display()));
            println!("{link}");
        }
    }
    Ok(())
}

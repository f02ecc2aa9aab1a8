//! The evaluation that a step rests on: of this very model, made after its criteria were registered, and met.

use crate::clock;
use crate::governance_directory::GovernanceDirectory;
use crate::manifest::{Kind, Manifest};
use crate::model_directory::read_json;
use crate::progress::Voice;
use anyhow::{Context, Result, bail};
use clap::Args;
use govern::ledger::{CriteriaRegistration, Record};
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
        let registered = registered(directory, criteria.digest())?.with_context(|| {
            format!(
                "{} was never registered; `osler model register` does, before an evaluation",
                path.display()
            )
        })?;
        // Both are RFC 3339 in UTC, one to the microsecond, the other to the second: in the same second, which came
        // first isn't known, and it doesn't count.
        let second = |time: &str| time.get(..19).unwrap_or_default().to_owned();
        if second(&registered) >= second(&report_manifest.started) {
            bail!(
                "{} was registered at {registered}, not before the evaluation began at {}; evaluate again",
                path.display(),
                report_manifest.started
            );
        }
        let findings = criteria.judge(&read_json(&report.join("report.json"))?);
        let missed: Vec<&str> =
            findings.iter().filter(|finding| !finding.met).map(|finding| finding.words.as_str()).collect();
        if !missed.is_empty() {
            bail!("the report does not meet the criteria: {}", missed.join(" | "));
        }
        Ok(Some(Evidence { report: report_manifest.output_digest, criteria: criteria.digest().to_owned() }))
    }
}

fn read(path: &Path) -> Result<Criteria> {
    let text = fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    Criteria::parse(&text).with_context(|| format!("{}", path.display()))
}

/// When criteria were registered first.
fn registered(directory: &GovernanceDirectory, digest: &str) -> Result<Option<String>> {
    Ok(directory.changes()?.into_iter().find_map(|(_, record)| match record {
        Record::Criteria(registration) if registration.criteria_digest == digest => Some(registration.time),
        _ => None,
    }))
}

/// Registers criteria.
pub fn register(directory: &GovernanceDirectory, path: &Path, voice: Voice) -> Result<()> {
    let criteria = read(path)?;
    let time = stamp(clock::now());
    directory.record(&Record::Criteria(CriteriaRegistration {
        time: time.clone(),
        criteria_digest: criteria.digest().to_owned(),
    }))?;
    match voice.json {
        true => println!("{}", serde_json::json!({ "criteria": criteria.digest(), "time": time })),
        false => voice.say(format!("{} registered; an evaluation may begin now", path.display())),
    }
    Ok(())
}

//! `osler evaluate --silent`: predictions that were logged, as outcomes arrive.

use super::Arguments;
use crate::broader;
use crate::manifest::{FILE_NAME, FileDigest, Kind, Manifest, digest_directory};
use crate::predictions_file;
use crate::progress::{Voice, grouped};
use crate::records::Records;
use ::evaluate::silent::{Follow, Maturity, Silent, newest};
use anyhow::{Context, Result, bail};
use events::meds::{self, PredictionWriter};
use events::{Prediction, Split, Time};
use std::path::{Path, PathBuf};
use timeline::Hierarchy;

/// The predictions that count, in a report: what `osler evaluate` can read again.
const COUNTED_FILE: &str = "counted.parquet";

/// A log of predictions, what came of it so far, and where it comes from.
pub(super) struct Logged {
    pub(super) predictions: Vec<Prediction>,
    pub(super) silent: Silent,
    /// Of the last directory of the log, or of the events where the log has no manifest.
    pub(super) source: Manifest,
    pub(super) inputs: Vec<FileDigest>,
}

/// A log is what `osler predict` wrote, or a directory to which such files are added as time goes on.
pub(super) fn read(arguments: &Arguments, events: &Path, voice: Voice) -> Result<Logged> {
    let dir = &arguments.predictions;
    let directories = directories(dir)?;
    let mut parts: Vec<Manifest> =
        directories.iter().map(|part| Manifest::verify(part, Kind::Predictions)).collect::<Result<_>>()?;
    let mut log = Vec::new();
    for part in &directories {
        log.extend(predictions_file::read(part)?);
    }
    if directories.is_empty() {
        log = meds::read_predictions(dir)?;
    }
    if log.is_empty() {
        bail!("{} holds no predictions", dir.display());
    }
    if log.iter().any(|p| p.horizon_days <= 0.0) {
        bail!(
            "{} holds predictions without a horizon, as of supervised tasks; when their outcomes are known can't be told. \
             Log predictions of codes (`osler predict --codes … --horizons …`)",
            dir.display()
        );
    }
    let records = Records::open(events)?;
    let total = Split::ALL.iter().map(|s| records.count(*s)).sum();
    let newest = match &arguments.as_of {
        Some(day) => end_of(day)?,
        None => {
            let bar = voice.count("dating", total);
            let mut last: Option<Time> = None;
            for split in Split::ALL {
                for subject in records.subjects(split)? {
                    last = last.max(newest(&*subject?));
                    bar.add(1);
                }
            }
            last.with_context(|| format!("{} holds no dated event", events.display()))?
        }
    };
    let maturity = Maturity { newest, reporting_delay_days: arguments.reporting_delay_days };
    if !(maturity.reporting_delay_days.is_finite() && maturity.reporting_delay_days >= 0.0) {
        bail!("--reporting-delay-days must be 0 or more");
    }
    let hierarchy = Hierarchy::new(&records.codes);
    let broader = broader::by_classification(&hierarchy);
    let mut follow = Follow::new(log, maturity);
    let bar = voice.count("following", total);
    for split in Split::ALL {
        for subject in records.subjects(split)? {
            follow.subject(&*subject?, &broader);
            bar.add(1);
        }
    }
    drop(bar);
    let (predictions, silent) = follow.finish(&counted_before(&arguments.out)?);
    silent.sentences().iter().for_each(|sentence| voice.say(sentence));
    if predictions.is_empty() {
        bail!(
            "no prediction counts yet: {} are pending; the earliest horizon and {} days for reporting must lie behind the \
             newest data",
            grouped(silent.pending as u64),
            arguments.reporting_delay_days
        );
    }
    let mut inputs: Vec<FileDigest> = parts.iter().map(Manifest::as_input).collect();
    if inputs.is_empty() {
        inputs = digest_directory(dir)?;
    }
    inputs.push(records.manifest.as_input());
    Ok(Logged { predictions, silent, source: parts.pop().unwrap_or(records.manifest), inputs })
}

/// What `osler predict` wrote: the log itself, or the directories in it, by name.
fn directories(dir: &Path) -> Result<Vec<PathBuf>> {
    if dir.join(FILE_NAME).is_file() {
        return Ok(vec![dir.to_owned()]);
    }
    let entries = std::fs::read_dir(dir).with_context(|| format!("cannot read {}", dir.display()))?;
    let mut parts: Vec<PathBuf> = entries
        .map(|entry| Ok(entry?.path()))
        .collect::<std::io::Result<Vec<_>>>()
        .with_context(|| format!("cannot read {}", dir.display()))?;
    parts.retain(|part| part.join(FILE_NAME).is_file());
    parts.sort();
    Ok(parts)
}

/// Does a report of silent running stand there already, to be brought up to date?
pub(super) fn updates(out: &Path) -> bool {
    Manifest::read(out, Kind::Report).is_ok_and(|manifest| manifest.settings["silent"] == true)
}

fn counted_before(out: &Path) -> Result<Vec<Prediction>> {
    match updates(out) {
        true => Ok(meds::read_predictions(&out.join(COUNTED_FILE))?),
        false => Ok(Vec::new()),
    }
}

/// Keeps the predictions that count beside the report.
pub(super) fn write_counted(dir: &Path, counted: &[Prediction]) -> Result<()> {
    let mut writer = PredictionWriter::create(&dir.join(COUNTED_FILE))?;
    writer.write(counted)?;
    Ok(writer.finish()?)
}

/// The last moment of a day that is written as 2026-03-31.
fn end_of(day: &str) -> Result<Time> {
    let parts: Vec<&str> = day.split('-').collect();
    let time = match parts[..] {
        [year, month, day] => year
            .parse()
            .ok()
            .zip(month.parse().ok())
            .zip(day.parse().ok())
            .and_then(|((year, month), day)| Time::from_ymd(year, month, day)),
        _ => None,
    };
    Ok(time.with_context(|| format!("--as-of wants a day such as 2026-03-31, not {day:?}"))?.end_of_day())
}

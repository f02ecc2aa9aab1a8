//! Where a model stands, by the records of the governance directory; and the watch over it while it is served.

use crate::governance_directory::GovernanceDirectory;
use anyhow::{Context, Result, bail};
use govern::ledger::{Record, StageChange};
use govern::lifecycle::{History, Policy, Stage};
use serve::StageOf;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// Who must agree to what.
pub const POLICY: &str = "policy.toml";
/// One file a model, by its digest.
const MODELS: &str = "models";
/// How soon a step that is taken holds on a running server.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Reads the site's policy.
pub fn policy(directory: &GovernanceDirectory) -> Result<Policy> {
    let path = directory.at(POLICY);
    let text = fs::read_to_string(&path)
        .with_context(|| format!("cannot read {}; docs/governance.md says what it holds", path.display()))?;
    Policy::parse(&text).with_context(|| format!("{}", path.display()))
}

/// The file of a model's history.
pub fn history_path(directory: &GovernanceDirectory, digest: &str) -> PathBuf {
    directory.at(MODELS).join(format!("{}.json", digest.trim_start_matches("blake3:")))
}

/// A model's history, checked: by the policy, and against what the ledger knows of it. A model without one is a
/// draft.
pub fn history(directory: &GovernanceDirectory, digest: &str, name: &str) -> Result<History> {
    let path = history_path(directory, digest);
    let known = last_step(directory, digest)?;
    let history = match fs::read(&path) {
        Ok(bytes) => History::read(&bytes, digest, &policy(directory)?)
            .with_context(|| format!("{}", path.display()))?,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => History::new(digest, name),
        Err(error) => return Err(error).with_context(|| format!("cannot read {}", path.display())),
    };
    if history.last_digest()? != known.map(|step| step.step_digest) {
        bail!(
            "{}: its last step is not the one that the ledger recorded; steps were taken out, or put in",
            path.display()
        );
    }
    Ok(history)
}

/// The last step of a model that the ledger recorded.
fn last_step(directory: &GovernanceDirectory, digest: &str) -> Result<Option<StageChange>> {
    let changes = directory.changes()?;
    let records = changes.iter().rev().filter_map(|entry| serde_json::from_str(&entry.record).ok());
    for record in records {
        if let Record::Stage(step) = record
            && step.model == digest
        {
            return Ok(Some(step));
        }
    }
    Ok(None)
}

/// Looks at a model's records for as long as the server runs, and says where it stands. Where that can't be read, because a file or the
/// ledger's database can't be, or the records don't hold together, it isn't known: the model answers nobody until it is. Retired is
/// what was retired, by a step that was signed.
pub fn watch(directory: GovernanceDirectory, digest: String, name: String) -> Result<StageOf> {
    let first = history(&directory, &digest, &name)?.stage();
    if first == Stage::Retired {
        bail!("the model {name} is retired; serve another");
    }
    let place =
        |stage: Option<Stage>| Stage::ALL.iter().position(|s| Some(*s) == stage).unwrap_or(usize::MAX);
    let standing = Arc::new(AtomicUsize::new(place(Some(first))));
    let seen = Arc::downgrade(&standing);
    std::thread::Builder::new()
        .name("lifecycle".to_owned())
        .spawn(move || {
            let mut before = Some(first);
            loop {
                std::thread::sleep(LOOK_EVERY);
                // Nobody asks any more: the server has ended.
                let Some(standing) = seen.upgrade() else { return };
                let stage = match history(&directory, &digest, &name) {
                    Ok(history) => Some(history.stage()),
                    Err(error) => {
                        tracing::error!(
                            "where the model stands can't be told, and it answers nobody: {error:#}"
                        );
                        None
                    }
                };
                if stage != before {
                    let name = |stage: Option<Stage>| stage.map_or("unknown", Stage::name);
                    tracing::warn!(from = name(before), to = name(stage), "the model's stage has changed");
                    before = stage;
                }
                standing.store(place(stage), Ordering::Relaxed);
            }
        })
        .context("no thread to watch the model's records with")?;
    Ok(Arc::new(move || Stage::ALL.get(standing.load(Ordering::Relaxed)).copied()))
}

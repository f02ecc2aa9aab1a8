//! Where a model stands, by the records of the governance directory; and the watch over it while it is served.

use crate::governance_directory::{GovernanceDirectory, create_private};
use crate::output::sync;
use anyhow::{Context, Result, bail};
use govern::ledger::{Record, StageChange};
use govern::lifecycle::{History, Policy, Stage};
use serve::StageOf;
use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Who must agree to what.
pub const POLICY: &str = "policy.toml";
/// One file a model, by its digest.
pub const MODELS: &str = "models";
/// Who holds it takes a step.
const LOCK: &str = ".lock";
/// How soon a step that is taken holds on a running server.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// For how long what was seen last counts, where looking again takes longer or never ends. Longer than a busy machine keeps a look
/// from its turn, or a database from its answer while others write; soon enough for whoever takes a model back.
const COUNTS_FOR: Duration = Duration::from_secs(10);

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
/// draft. A step that was cut off once the ledger had it is there in full, and counts.
pub fn history(directory: &GovernanceDirectory, digest: &str, name: &str) -> Result<History> {
    let path = history_path(directory, digest);
    // Where a step is being taken, ledger and files are looked at on either side of it: then a second look finds them agreed.
    for _ in 0..2 {
        let known = last_step(directory, digest)?.map(|step| step.step_digest);
        // A site without one has no steps either.
        let ledger = directory.ledger_id()?.unwrap_or_default();
        let read = |path: &Path| read_history(path, digest, &ledger, || policy(directory));
        let history = read(&path)?.unwrap_or_else(|| History::new(digest, name, &ledger));
        if history.last_digest()? == known {
            return Ok(history);
        }
        // One that isn't the ledger's, or doesn't hold together, was cut off before the ledger had it: it was never taken. It stays where
        // it is: whoever holds the lock may have begun another since, and puts what was taken in its place.
        if let Ok(Some(begun)) = read(&pending_path(&path))
            && begun.last_digest()? == known
        {
            return Ok(begun);
        }
    }
    bail!(
        "{}: its last step is not the one that the ledger recorded; steps were taken out, or put in",
        path.display()
    )
}

fn read_history(
    path: &Path,
    digest: &str,
    ledger: &str,
    policy: impl FnOnce() -> Result<Policy>,
) -> Result<Option<History>> {
    match fs::read(path) {
        Ok(bytes) => History::read(&bytes, digest, ledger, &policy()?)
            .map(Some)
            .with_context(|| format!("{}", path.display())),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("cannot read {}", path.display())),
    }
}

/// Where a history lies whose last step isn't in the ledger yet.
fn pending_path(path: &Path) -> PathBuf {
    path.with_extension("pending")
}

/// The digests of the models that have taken a step, or begun to.
pub fn models(directory: &GovernanceDirectory) -> Result<BTreeSet<String>> {
    let models = directory.at(MODELS);
    let entries = match fs::read_dir(&models) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(BTreeSet::new()),
        Err(error) => return Err(error).with_context(|| format!("cannot read {}", models.display())),
    };
    let mut digests = BTreeSet::new();
    for entry in entries {
        let path = entry.with_context(|| format!("cannot read {}", models.display()))?.path();
        if path.extension().is_some_and(|extension| extension == "json" || extension == "pending") {
            let stem = path.file_stem().unwrap_or_default().to_string_lossy();
            digests.insert(format!("blake3:{stem}"));
        }
    }
    Ok(digests)
}

/// Keeps other processes from taking a step of any model for as long as it lives.
pub struct TakingSteps<'a> {
    directory: &'a GovernanceDirectory,
    _lock: File,
}

impl<'a> TakingSteps<'a> {
    /// Waits until nobody else takes one.
    pub fn begin(directory: &'a GovernanceDirectory) -> Result<Self> {
        let models = directory.at(MODELS);
        create_private(&models)?;
        let path = models.join(LOCK);
        let lock = File::create(&path).and_then(|file| file.lock().map(|()| file));
        Ok(TakingSteps { directory, _lock: lock.with_context(|| format!("cannot lock {}", path.display()))? })
    }

    /// Puts a step that was taken, the last of `after`, into the ledger and the model's file. The whole of it is on the disk before
    /// the ledger has it: wherever this is cut off, the step was either not taken or can be read.
    pub fn keep(&self, before: &History, after: &History, record: &Record) -> Result<()> {
        let path = history_path(self.directory, after.model());
        let (pending, models) = (pending_path(&path), self.directory.at(MODELS));
        let failed = || format!("cannot write {}", path.display());
        // What another left in the ledger and not in the file must not be overwritten.
        if fs::read(&pending).is_ok_and(|bytes| before.to_bytes().is_ok_and(|before| before == bytes)) {
            fs::rename(&pending, &path).with_context(failed)?;
        }
        let bytes = after.to_bytes()?;
        fs::write(&pending, &bytes).with_context(failed)?;
        sync(&pending)?;
        sync(&models)?;
        sync(&self.directory.at(""))?;
        self.directory.record(record)?;
        fs::rename(&pending, &path).with_context(|| {
            format!("the step is taken and in the ledger, and its file stays {}", pending.display())
        })?;
        sync(&models)
    }
}

/// The last step of a model that the ledger recorded.
fn last_step(directory: &GovernanceDirectory, digest: &str) -> Result<Option<StageChange>> {
    for (_, record) in directory.changes()?.into_iter().rev() {
        if let Record::Stage(step) = record
            && step.model == digest
        {
            return Ok(Some(step));
        }
    }
    Ok(None)
}

/// Looks at a model's records for as long as the server runs, and says where it stands. Where that can't be read, because a file or the
/// ledger's database can't be, or the records don't hold together, it isn't known: the model answers nobody until it is. Nor is it where
/// nobody has been able to look for a while. Retired is what was retired, by a step that was signed.
pub fn watch(directory: GovernanceDirectory, digest: String, name: String) -> Result<StageOf> {
    let first = history(&directory, &digest, &name)?.stage();
    if first == Stage::Retired {
        bail!("the model {name} is retired; serve another");
    }
    let standing = Arc::new(Mutex::new((Some(first), Instant::now())));
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
                *standing.lock().unwrap_or_else(PoisonError::into_inner) = (stage, Instant::now());
            }
        })
        .context("no thread to watch the model's records with")?;
    Ok(Arc::new(move || {
        let (stage, seen) = *standing.lock().unwrap_or_else(PoisonError::into_inner);
        stage.filter(|_| seen.elapsed() < COUNTS_FOR)
    }))
}

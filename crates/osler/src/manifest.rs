//! `manifest.json`: what a directory holds, where it came from, and how it was made.

use crate::attested;
use crate::settings_file;
use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

/// The name of the file in every directory that Osler writes.
pub const FILE_NAME: &str = "manifest.json";

/// What kind of directory it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Source records of a synthetic population, identified by design.
    Population,
    /// De-identified events, MEDS 0.4.
    Events,
    /// Tokenized timelines.
    Timeline,
    /// A model.
    Model,
    /// Labels of a task.
    Labels,
    /// Predictions.
    Predictions,
    /// An evaluation.
    Report,
    /// Runs of several sizes on several amounts of data, and a law through them.
    Sweep,
    /// What remains of re-identification's risk.
    ResidualRisk,
    /// De-identified text for a person to read.
    Review,
    /// What a model gives away of those it was trained on.
    PrivacyAudit,
    /// Grades of a model's reasoning against a known truth.
    Grades,
    /// A model's card.
    Card,
}

impl Kind {
    fn words(self) -> &'static str {
        match self {
            Kind::Population => "a synthetic population, as `osler synth` writes",
            Kind::Events => "de-identified events, as `osler ingest` writes",
            Kind::Timeline => "a timeline, as `osler tokenize` writes",
            Kind::Model => "a model, as `osler train` writes",
            Kind::Labels => "labels, as `osler label` writes",
            Kind::Predictions => "predictions, as `osler predict` writes",
            Kind::Report => "a report, as `osler evaluate` writes",
            Kind::Sweep => "a sweep, as `osler train --sweep` writes",
            Kind::ResidualRisk => "a residual risk report, as `osler deid report` writes",
            Kind::Review => "text for review, as `osler deid review sample` writes",
            Kind::PrivacyAudit => "a privacy audit, as `osler audit` writes",
            Kind::Grades => "grades of reasoning, as `osler grade` writes",
            Kind::Card => "a model card, as `osler card` writes",
        }
    }
}

/// One file by its digest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileDigest {
    /// Path relative to the directory, with `/`; for inputs a name that is safe to print.
    pub path: String,
    /// Size.
    pub bytes: u64,
    /// BLAKE3, hexadecimal.
    pub blake3: String,
}

/// What de-identification did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deidentification {
    /// The policy's name.
    pub policy: String,
    /// BLAKE3 of the policy's text.
    pub policy_blake3: String,
    /// Names the key without telling it.
    pub key_id: String,
    /// Counts by rule.
    pub counts: serde_json::Value,
    /// Coding systems of the site's own: what readers call each, and what its codes are told as.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub local_systems: BTreeMap<String, String>,
}

/// The manifest. `output_digest` covers every file but the manifest itself, so that two runs can be compared
/// whatever the clock said.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Manifest {
    /// The manifest's own format.
    pub format: u32,
    /// What the directory is.
    pub kind: Kind,
    /// The program's version.
    pub osler: String,
    /// The data set's name, carried along the whole flow.
    pub dataset: String,
    /// Whether the records it comes from are synthetic, carried along the whole flow.
    pub synthetic: bool,
    /// The settings that decide the output.
    pub settings: serde_json::Value,
    /// What it was made from.
    pub inputs: Vec<FileDigest>,
    /// What it holds, sorted by path.
    pub outputs: Vec<FileDigest>,
    /// BLAKE3 over the outputs' paths and digests.
    pub output_digest: String,
    /// How much of what.
    pub counts: serde_json::Value,
    /// What de-identification did, where it was run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deidentification: Option<Deidentification>,
    /// Start of the run, UTC.
    pub started: String,
    /// End of the run, UTC.
    pub finished: String,
}

/// Where a model's settings hold those of the model that it was made from.
pub const OF_THE_MODEL: &str = "of_the_model";

impl Manifest {
    /// Reads the manifest of a directory and checks that it is of a kind; the files themselves are not read.
    pub fn read(dir: &Path, kind: Kind) -> Result<Manifest> {
        let path = dir.join(FILE_NAME);
        let text = fs::read_to_string(&path)
            .with_context(|| format!("{} is not {}: no readable {FILE_NAME}", dir.display(), kind.words()))?;
        let manifest: Manifest = serde_json::from_str(&text)
            .map_err(|error| settings_file::of_json(&error))
            .with_context(|| format!("{} is damaged, or from another version of osler", path.display()))?;
        if manifest.kind != kind {
            bail!("{} is {}, but {} is wanted", dir.display(), manifest.kind.words(), kind.words());
        }
        Ok(manifest)
    }

    /// Reads the manifest of a directory and checks every file against it.
    pub fn verify(dir: &Path, kind: Kind) -> Result<Manifest> {
        let manifest = Self::read(dir, kind)?;
        let mut actual = digest_directory(dir)?;
        if kind == Kind::Events {
            // It speaks of the manifest, and so the manifest can't speak of it.
            actual.retain(|file| file.path != attested::FILE_NAME);
        }
        for file in &manifest.outputs {
            match actual.iter().find(|a| a.path == file.path) {
                None => bail!("{}: missing, though {FILE_NAME} names it", dir.join(&file.path).display()),
                Some(a) if a != file => {
                    bail!(
                        "{}: changed since it was written (its digest is not the manifest's)",
                        dir.join(&file.path).display()
                    )
                }
                Some(_) => {}
            }
        }
        if let Some(extra) = actual.iter().find(|a| !manifest.outputs.iter().any(|f| f.path == a.path)) {
            bail!(
                "{}: not in {FILE_NAME}; it was put there by something else",
                dir.join(&extra.path).display()
            );
        }
        if digest_of(&manifest.outputs) != manifest.output_digest {
            bail!("{}: output_digest does not match its list of files", dir.join(FILE_NAME).display());
        }
        Ok(manifest)
    }

    /// The settings that made a model, then those of the model that it was made from by setting its risks or reading other codes,
    /// and so on.
    pub fn settings_back(&self) -> impl Iterator<Item = &serde_json::Value> {
        std::iter::successors(Some(&self.settings), |settings| settings.get(OF_THE_MODEL))
    }

    /// Of a model, the settings that it was trained with; none where they are another model's, which it was made from by reading it out.
    pub fn training(&self) -> Option<&serde_json::Value> {
        self.settings_back().find(|settings| settings["options"].is_object())
    }

    /// Whether a model was trained on these events; none where it doesn't say on which.
    pub fn trained_on(&self, events: &str) -> Option<bool> {
        let inputs = self.training()?["events"].as_array()?;
        Some(inputs.iter().any(|input| input["blake3"] == events))
    }

    /// The directory as an input of the next step.
    pub fn as_input(&self) -> FileDigest {
        let name = match self.kind {
            Kind::Population => "population",
            Kind::Events => "events",
            Kind::Timeline => "timeline",
            Kind::Model => "model",
            Kind::Labels => "labels",
            Kind::Predictions => "predictions",
            Kind::Report => "report",
            Kind::Sweep => "sweep",
            Kind::ResidualRisk => "residual_risk",
            Kind::Review => "review",
            Kind::PrivacyAudit => "privacy_audit",
            Kind::Grades => "grades",
            Kind::Card => "card",
        };
        FileDigest {
            path: name.to_owned(),
            bytes: self.outputs.iter().map(|o| o.bytes).sum(),
            blake3: self.output_digest.clone(),
        }
    }
}

/// Does a directory hold a manifest that some version of osler wrote?
pub fn is_oslers(dir: &Path) -> bool {
    let text = fs::read(dir.join(FILE_NAME)).unwrap_or_default();
    let manifest: serde_json::Value = serde_json::from_slice(&text).unwrap_or_default();
    manifest["osler"].is_string() && manifest["output_digest"].is_string()
}

/// Digests of every file in a directory but its manifest, sorted by path.
pub fn digest_directory(dir: &Path) -> Result<Vec<FileDigest>> {
    let mut files = Vec::new();
    walk(dir, dir, &mut files)?;
    files.sort();
    files
        .into_iter()
        .map(|path| {
            let (bytes, blake3) = digest_file(&dir.join(&path))?;
            let path =
                path.components().map(|c| c.as_os_str().to_string_lossy()).collect::<Vec<_>>().join("/");
            Ok(FileDigest { path, bytes, blake3 })
        })
        .collect()
}

/// BLAKE3 over paths and digests.
pub fn digest_of(files: &[FileDigest]) -> String {
    let mut hasher = blake3::Hasher::new();
    for file in files {
        hasher.update(format!("{}\0{}\0{}\n", file.path, file.bytes, file.blake3).as_bytes());
    }
    hasher.finalize().to_hex().to_string()
}

/// Size and BLAKE3 of one file.
pub fn digest_file(path: &Path) -> Result<(u64, String)> {
    let mut file = File::open(path).with_context(|| format!("cannot open {}", path.display()))?;
    let mut hasher = blake3::Hasher::new();
    let mut buffer = vec![0; 256 * 1024];
    let mut bytes = 0;
    loop {
        match file.read(&mut buffer).with_context(|| format!("cannot read {}", path.display()))? {
            0 => break,
            n => {
                bytes += n as u64;
                hasher.update(&buffer[..n]);
            }
        }
    }
    Ok((bytes, hasher.finalize().to_hex().to_string()))
}

fn walk(root: &Path, dir: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    for entry in fs::read_dir(dir).with_context(|| format!("cannot read {}", dir.display()))? {
        let path = entry.with_context(|| format!("cannot read {}", dir.display()))?.path();
        if path.is_dir() {
            walk(root, &path, files)?;
        } else if let Ok(relative) = path.strip_prefix(root)
            && relative != Path::new(FILE_NAME)
        {
            files.push(relative.to_owned());
        }
    }
    Ok(())
}

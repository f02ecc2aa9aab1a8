//! Directories of events with their attestation: written, and held to it.

use crate::environment;
use crate::manifest::{self, FileDigest, Kind, Manifest};
use anyhow::{Context, Result, bail};
use deid::attestation::{Attestation, Files, Leaf, PublicKey, Quarantined, Statement, merkle_root};
use deid::{FieldTally, Key, Policy, Tally};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::Path;

/// The name of the file in every directory of events.
pub const FILE_NAME: &str = "attestation.json";

/// What a run tells of itself.
pub struct Run<'a> {
    /// By which policy.
    pub policy: &'a Policy,
    /// With which key.
    pub key: &'a Key,
    /// What was kept and dropped.
    pub tally: &'a Tally,
    /// What could not be read.
    pub quarantined: Quarantined,
}

/// What a generator of records tells of itself.
pub struct OfNobody<'a> {
    /// The settings that decided every record, as JSON.
    pub made_by: &'a str,
    /// The same in words: seed and size.
    pub of: &'a str,
    /// Who signs.
    pub key: &'a Key,
    /// How many people.
    pub subjects: u64,
    /// Events by code system.
    pub fields: BTreeMap<String, FieldTally>,
}

/// Attests a directory whose manifest is written.
pub fn write(dir: &Path, run: Run<'_>) -> Result<()> {
    let state = |files| {
        Statement::new(env!("CARGO_PKG_VERSION"), run.policy, run.key, run.tally, run.quarantined, files)
    };
    sign(dir, run.key, state)
}

/// Attests a directory of records that were made and are nobody's.
pub fn write_of_nobody(dir: &Path, made: OfNobody<'_>) -> Result<()> {
    let version = env!("CARGO_PKG_VERSION");
    let state = |files| {
        Statement::of_nobody(version, made.made_by, made.of, made.key, made.subjects, made.fields, files)
    };
    sign(dir, made.key, state)
}

fn sign(dir: &Path, key: &Key, state: impl FnOnce(Files) -> Statement) -> Result<()> {
    let manifest = Manifest::read(dir, Kind::Events)?;
    let statement = state(files(dir, &manifest)?);
    let attestation = Attestation::sign(statement, key).context("cannot sign the attestation")?;
    let path = dir.join(FILE_NAME);
    fs::write(&path, attestation.to_bytes()?)
        .and_then(|()| File::open(&path)?.sync_all())
        .with_context(|| format!("cannot write {}", path.display()))
}

/// Reads a directory's manifest and attestation, and holds every file to them. Names the first that was changed.
pub fn verify(dir: &Path, trusted: Option<&PublicKey>) -> Result<(Manifest, Attestation)> {
    let path = dir.join(FILE_NAME);
    if !path.is_file() {
        // Says what the directory is, if it is something else.
        Manifest::read(dir, Kind::Events)?;
        bail!(
            "{} has no {FILE_NAME}, so nobody vouches that it is de-identified; make it anew with `osler ingest`",
            dir.display()
        );
    }
    let bytes = fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let attestation =
        Attestation::read(&bytes, trusted).with_context(|| format!("{} is refused", path.display()))?;
    let stated = &attestation.statement.files;
    let manifest_path = dir.join(manifest::FILE_NAME);
    if manifest::digest_file(&manifest_path)?.1 != stated.manifest_blake3 {
        bail!(
            "{}: changed since it was written (its digest is not the attestation's)",
            manifest_path.display()
        );
    }
    let manifest = Manifest::verify(dir, Kind::Events)?;
    if files(dir, &manifest)? != *stated {
        bail!("{}: the files are not those that {FILE_NAME} was signed for", dir.display());
    }
    Ok((manifest, attestation))
}

/// The key that the environment says to trust, if it says so.
pub fn trusted_by_environment() -> Result<Option<PublicKey>> {
    environment::path(environment::TRUST).map(|file| read_public_key(&file)).transpose()
}

/// A public key from its file.
pub fn read_public_key(file: &Path) -> Result<PublicKey> {
    let text =
        fs::read_to_string(file).with_context(|| format!("cannot read the public key {}", file.display()))?;
    text.parse().map_err(|reason| anyhow::anyhow!("{}: {reason}", file.display()))
}

/// The digests that an attestation states.
fn files(dir: &Path, manifest: &Manifest) -> Result<Files> {
    let (bytes, blake3) = manifest::digest_file(&dir.join(manifest::FILE_NAME))?;
    let mut all = vec![FileDigest { path: manifest::FILE_NAME.to_owned(), bytes, blake3 }];
    all.extend(manifest.outputs.iter().cloned());
    let leaves: Vec<Leaf<'_>> =
        all.iter().map(|f| Leaf { path: &f.path, bytes: f.bytes, blake3: &f.blake3 }).collect();
    Ok(Files {
        count: all.len() as u64,
        manifest_blake3: all[0].blake3.clone(),
        merkle_root: merkle_root(&leaves),
    })
}

//! Verified directories as de-identified records.

use crate::attested;
use crate::manifest::Manifest;
use anyhow::Result;
use events::meds::{self, CodeMetadata, SubjectReader};
use events::{Deidentified, Split, Subject};
use std::path::{Path, PathBuf};
use timeline::LocalSystem;

/// A directory of events whose every file matched its manifest and attestation.
pub struct Records {
    dir: PathBuf,
    /// Its manifest.
    pub manifest: Manifest,
    /// What the policy that it went through is for, as its attestation says (`safe-harbor`).
    pub label: String,
    /// What its codes mean.
    pub codes: Vec<CodeMetadata>,
}

impl Records {
    /// Opens a directory that `osler ingest` wrote, after checking its attestation and every digest.
    pub fn open(dir: &Path) -> Result<Self> {
        let trusted = attested::trusted_by_environment()?;
        let (manifest, attestation) = attested::verify(dir, trusted.as_ref())?;
        let codes = meds::read_codes(dir)?;
        Ok(Records { dir: dir.to_owned(), manifest, label: attestation.statement.policy.label, codes })
    }

    /// Subjects of a split, one after the other.
    pub fn subjects(&self, split: Split) -> Result<Subjects> {
        Ok(Subjects(meds::read_subjects(&self.dir, split)?))
    }

    /// What coding systems of the site's own are called in its sources, and in these records.
    pub fn local_systems(&self) -> Vec<LocalSystem> {
        let stated = self.manifest.deidentification.iter().flat_map(|stated| &stated.local_systems);
        stated.map(|(source, name)| LocalSystem { source: source.into(), name: name.into() }).collect()
    }

    /// How many subjects a split has, as its manifest says.
    pub fn count(&self, split: Split) -> u64 {
        self.manifest.counts["subjects"][split.name()].as_u64().unwrap_or(0)
    }
}

/// Subjects read back from a verified directory.
pub struct Subjects(SubjectReader);

impl Iterator for Subjects {
    type Item = Result<Deidentified<Subject>, meds::Error>;

    fn next(&mut self) -> Option<Self::Item> {
        let subject = self.0.next()?;
        #[expect(
            clippy::disallowed_methods,
            reason = "the attestation of the directory was verified when it was opened"
        )]
        Some(subject.map(Deidentified::vouch))
    }
}

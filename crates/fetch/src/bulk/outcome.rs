//! What the server says of an export besides its resources: OperationOutcomes, and what was deleted.

use crate::{Error, error::known_code};
use serde::Deserialize;
use std::{
    collections::BTreeMap,
    fs::File,
    io::{BufRead, BufReader, Read},
    path::PathBuf,
};

/// The longest line that is looked at, in bytes; of a longer one only that it is there is counted.
const MAX_LINE_BYTES: u64 = 16 << 20;

/// How often each kind of issue is named: by severity, then by code. Words about them stay in the file.
pub type Issues = BTreeMap<(&'static str, &'static str), u64>;

#[derive(Deserialize)]
struct Outcome {
    #[serde(default)]
    issue: Vec<Issue>,
}

#[derive(Deserialize)]
struct Issue {
    #[serde(default)]
    severity: String,
    #[serde(default)]
    code: String,
}

#[derive(Deserialize)]
struct Bundle {
    #[serde(default)]
    entry: Vec<serde::de::IgnoredAny>,
}

/// Counts the issues. An issue without a severity that FHIR names counts as an error.
pub(super) fn issues(files: &[PathBuf]) -> Result<Issues, Error> {
    let mut issues = Issues::new();
    each_line(files, |line| count(line, &mut issues))?;
    Ok(issues)
}

/// Counts those of one line; one that holds none is an error itself.
pub(super) fn count(line: &[u8], issues: &mut Issues) {
    let outcome: Outcome = serde_json::from_slice(line).unwrap_or(Outcome { issue: Vec::new() });
    if outcome.issue.is_empty() {
        *issues.entry(("error", "other")).or_default() += 1;
    }
    for issue in outcome.issue {
        let known = ["fatal", "error", "warning", "information"];
        let severity = known.into_iter().find(|known| *known == issue.severity).unwrap_or("error");
        *issues.entry((severity, known_code(&issue.code).unwrap_or("other"))).or_default() += 1;
    }
}

/// Counts the resources that are said to have been deleted.
pub(super) fn deleted(files: &[PathBuf]) -> Result<u64, Error> {
    let mut deleted = 0;
    each_line(files, |line| {
        deleted += serde_json::from_slice::<Bundle>(line).map_or(1, |bundle| bundle.entry.len() as u64);
    })?;
    Ok(deleted)
}

fn each_line(files: &[PathBuf], mut each: impl FnMut(&[u8])) -> Result<(), Error> {
    for path in files {
        let mut reader = BufReader::new(File::open(path).map_err(|e| Error::read(&e))?);
        let mut line = Vec::new();
        loop {
            line.clear();
            let mut within = (&mut reader).take(MAX_LINE_BYTES);
            if within.read_until(b'\n', &mut line).map_err(|e| Error::read(&e))? == 0 {
                break;
            }
            if line.len() as u64 == MAX_LINE_BYTES && line.last() != Some(&b'\n') {
                reader.skip_until(b'\n').map_err(|e| Error::read(&e))?;
            }
            if !line.trim_ascii().is_empty() {
                each(line.trim_ascii());
            }
        }
    }
    Ok(())
}

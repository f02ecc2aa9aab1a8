//! The predictions in a directory of them: some directories hold other things that a model said.

use anyhow::{Result, bail};
use events::{Prediction, meds};
use std::path::{Path, PathBuf};

/// The file of predictions whose outcomes can be known.
const FILE: &str = "predictions.parquet";

/// Where they are.
///
/// # Errors
/// When the directory holds other things; the message says what, and what is wanted.
pub fn path(dir: &Path) -> Result<PathBuf> {
    let file = dir.join(FILE);
    if file.is_file() {
        return Ok(file);
    }
    let holds = |name: &str| dir.join(name).is_file();
    let held = if holds("risks.parquet") {
        "risks at every moment, of `osler predict --every-event`"
    } else if holds("likelihood.parquet") {
        "how likely records are, of `osler predict --likelihood`"
    } else {
        "none"
    };
    bail!(
        "{} has no {FILE}: it holds {held}; predictions with outcomes are wanted, as `osler predict` writes without --every-event \
         and without --likelihood",
        dir.display()
    )
}

/// Reads them.
///
/// # Errors
/// As [`path`], and when the file can't be read.
pub fn read(dir: &Path) -> Result<Vec<Prediction>> {
    Ok(meds::read_predictions(&path(dir)?)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_directory_holds_instead_is_said() {
        let dir = tempfile::tempdir().unwrap();
        let refused = || read(dir.path()).unwrap_err().to_string();
        assert!(refused().contains("holds none"));
        std::fs::write(dir.path().join("likelihood.parquet"), "").unwrap();
        assert!(refused().contains("--likelihood`; predictions with outcomes are wanted"));
        std::fs::write(dir.path().join("risks.parquet"), "").unwrap();
        assert!(refused().contains("risks at every moment"));
    }
}

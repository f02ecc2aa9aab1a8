//! Whether `osler serve` keeps what it was asked, for whom, and how it is opened again.

use crate::{clock, key_file};
use anyhow::{Context, Result, bail};
use clap::Args;
use govern::{
    SigningKey,
    inputs::{InputBounds, Inputs, open_input},
    ledger::Call,
};
use std::{
    fs::{self, OpenOptions},
    io::Write,
    path::{Path, PathBuf},
    sync::Arc,
};

/// What is kept of what was asked.
#[derive(Args, Clone, Debug, Default)]
pub struct KeptInputArguments {
    /// Keep what callers send, whole, in this directory, encrypted (age) for those named by --keep-inputs-for: the server can't read it
    /// again. Without it only a keyed digest is kept, in the ledger. It is identified data: say so where you must.
    #[arg(long, value_name = "DIR", requires = "keep_inputs_for")]
    keep_inputs: Option<PathBuf>,
    /// A file with recipients, age1… one a line, as `age-keygen` prints them.
    #[arg(long, value_name = "FILE", requires = "keep_inputs")]
    keep_inputs_for: Option<PathBuf>,
    /// Days for which it is kept.
    #[arg(long, value_name = "DAYS", requires = "keep_inputs", default_value_t = InputBounds::default().days, value_parser = clap::value_parser!(u32).range(1..=36_500))]
    keep_inputs_days: u32,
    /// The most that is kept, in GB; then the oldest days are removed.
    #[arg(long, value_name = "GB", requires = "keep_inputs", default_value_t = 10)]
    keep_inputs_gb: u64,
}

impl KeptInputArguments {
    /// Is anything to be kept?
    pub fn are_asked_for(&self) -> bool {
        self.keep_inputs.is_some()
    }

    /// Where it is kept, if it is.
    pub fn inputs(&self) -> Result<Option<Inputs>> {
        let (Some(directory), Some(file)) = (&self.keep_inputs, &self.keep_inputs_for) else {
            return Ok(None);
        };
        let recipients =
            fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
        let bounds = InputBounds {
            days: self.keep_inputs_days,
            bytes: self.keep_inputs_gb.saturating_mul(1_000_000_000),
        };
        let inputs = Inputs::open(directory, &recipients, bounds, Arc::new(clock::now));
        inputs.map(Some).with_context(|| format!("{} for {}", directory.display(), file.display()))
    }
}

/// Opens what was kept for a call into a file for its owner alone, and sees that it is what the entry says that was asked.
pub fn open(call: &Call, key: &SigningKey, directory: &Path, identity: &Path, out: &Path) -> Result<u64> {
    let Some(digest) = &call.input_digest else {
        bail!("what was sent did not arrive whole, and wasn't kept")
    };
    key_file::refuse_readable_by_others(identity)?;
    let text = fs::read_to_string(identity).with_context(|| format!("cannot read {}", identity.display()))?;
    let input = open_input(directory, digest, &call.time, &text)?;
    let mut hasher = blake3::Hasher::new_keyed(&key.digest_key());
    if hasher.update(&input).finalize().to_hex().to_string() != *digest {
        bail!("what is kept is not what the entry says that was asked; it was put there by somebody else");
    }
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options
        .open(out)
        .with_context(|| format!("cannot create {} (nothing is overwritten)", out.display()));
    file?.write_all(&input).with_context(|| format!("cannot write {}", out.display()))?;
    Ok(input.len() as u64)
}

//! A de-identification policy: shipped, by its name, or a site's own, by its file.

use anyhow::{Context, Result};
use deid::Policy;
use std::path::Path;

/// The policy of this name, or the one in this file. A name never stands for a file, nor a file for a name.
pub fn read(name_or_file: &str) -> Result<Policy> {
    let is_file = name_or_file.ends_with(".toml") || name_or_file.contains(std::path::is_separator);
    if !is_file {
        return Ok(Policy::named(name_or_file)?);
    }
    from_file(Path::new(name_or_file))
}

/// The policy in a file.
pub fn from_file(file: &Path) -> Result<Policy> {
    let text = std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
    Policy::from_toml(&text).with_context(|| format!("{} is refused", file.display()))
}

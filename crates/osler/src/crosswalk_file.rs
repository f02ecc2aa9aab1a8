//! A crosswalk's file: read, and replaced whole.

use anyhow::{Context, Result, bail};
use deid::crosswalk::{Crosswalk, CrosswalkError};
use deid::{Identifier, Key};
use std::fs::{self, File, OpenOptions};
use std::io::{BufReader, BufWriter, Write};
use std::path::Path;

/// The crosswalk to go on from: an empty one where there is no file yet.
pub fn read_or_begin(path: &Path, out: &Path, identifier: Identifier, key: &Key) -> Result<Crosswalk> {
    if path.starts_with(out) {
        bail!("--crosswalk {} lies in the output, which goes to others; keep it apart", path.display());
    }
    if !path.exists() {
        return Ok(Crosswalk::default());
    }
    let file = File::open(path).with_context(|| format!("cannot open the crosswalk {}", path.display()))?;
    Crosswalk::read(Some(identifier), key, &mut BufReader::new(file))
        .with_context(|| format!("the crosswalk {} is refused", path.display()))
}

/// Reads one, whatever its numbers' kind.
pub fn read(path: &Path, key: &Key) -> Result<std::result::Result<Crosswalk, CrosswalkError>> {
    let file = File::open(path).with_context(|| format!("cannot open the crosswalk {}", path.display()))?;
    Ok(Crosswalk::read(None, key, &mut BufReader::new(file)))
}

/// Writes it beside its place, readable by its owner alone, and renames it.
pub fn write(crosswalk: &Crosswalk, identifier: Identifier, key: &Key, path: &Path) -> Result<()> {
    let partial = path.with_extension("partial");
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.open(&partial).with_context(|| format!("cannot create {}", partial.display()))?;
    let mut file = BufWriter::new(file);
    crosswalk
        .write(identifier, key, &mut file)
        .with_context(|| format!("cannot write {}", partial.display()))?;
    file.flush()
        .and_then(|()| file.get_ref().sync_all())
        .and_then(|()| fs::rename(&partial, path))
        .with_context(|| format!("cannot write the crosswalk {}", path.display()))
}

//! The de-identification key: from a file or from the environment, never from a flag.

use crate::environment;
use anyhow::{Context, Result, anyhow, bail};
use deid::Key;
use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::path::Path;

/// Reads the key from `file`, else from the environment.
pub fn read(file: Option<&Path>) -> Result<Key> {
    let text = match file {
        Some(path) => {
            let text = fs::read_to_string(path)
                .with_context(|| format!("cannot read the key file {}", path.display()))?;
            refuse_readable_by_others(path)?;
            text
        }
        None => match environment::text(environment::KEY) {
            Some(text) => text,
            None => bail!(
                "a key is needed: `osler key new --out KEY`, then --key KEY (or the variable {})",
                environment::KEY
            ),
        },
    };
    Key::from_hex(&text).context("the key is malformed")
}

/// Writes a new key that only its owner can read. An existing file is never overwritten: whoever loses a key
/// loses the link between new records and old ones.
pub fn write_new(path: &Path) -> Result<Key> {
    let key = Key::random()?;
    create_secret(path, &format!("{}\n", key.to_hex()))?;
    Ok(key)
}

/// Writes a new file that only its owner can read. An existing one is never overwritten.
pub fn create_secret(path: &Path, text: &str) -> Result<()> {
    create(path, (0o600, "an existing key is never overwritten"), |file| file.write_all(text.as_bytes()))
}

/// Writes a new file that is no secret. An existing one is never overwritten.
pub fn create_public(path: &Path, text: &str) -> Result<()> {
    create(path, (0o666, "it is never overwritten"), |file| file.write_all(text.as_bytes()))
}

/// Begins a file and writes it. One that couldn't be written (a full disk) is removed again: it would be in the way of the next run.
fn create(
    path: &Path,
    (mode, exists): (u32, &str),
    write: impl FnOnce(&mut File) -> std::io::Result<()>,
) -> Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, mode);
    #[cfg(not(unix))]
    let _ = mode;
    let mut file = options.open(path).map_err(|error| uncreated(path, error, exists))?;
    if let Err(error) = write(&mut file).and_then(|()| file.sync_all()) {
        drop(file);
        let _ = fs::remove_file(path);
        return Err(error).with_context(|| format!("cannot write {}", path.display()));
    }
    Ok(())
}

/// Why a file that must be new isn't there.
pub fn uncreated(path: &Path, error: std::io::Error, exists: &str) -> anyhow::Error {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    match (error.kind(), parent) {
        (ErrorKind::AlreadyExists, _) => anyhow!("{} exists, and {exists}", path.display()),
        (ErrorKind::NotFound, Some(parent)) => {
            anyhow!("cannot create {}: there is no directory {}", path.display(), parent.display())
        }
        _ => anyhow!(error).context(format!("cannot create {}", path.display())),
    }
}

/// Refuses a secret's file that others may read.
#[cfg(unix)]
pub fn refuse_readable_by_others(path: &Path) -> Result<()> {
    use std::os::unix::fs::PermissionsExt;
    let mode =
        fs::metadata(path).with_context(|| format!("cannot read {}", path.display()))?.permissions().mode();
    if mode & 0o077 != 0 {
        bail!("the key file {} can be read by others; run `chmod 600` on it", path.display());
    }
    Ok(())
}

/// Nothing to look at here.
#[cfg(not(unix))]
pub fn refuse_readable_by_others(_: &Path) -> Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_not_be_written_is_not_in_the_way_of_the_next_run() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("key");
        let full = |file: &mut File| {
            file.write_all(b"half")?;
            Err(std::io::Error::from(ErrorKind::StorageFull))
        };
        let error = create(&path, (0o600, "an existing key is never overwritten"), full).unwrap_err();
        assert!(!format!("{error:#}").contains("overwritten"), "{error:#}");
        assert!(!path.exists());
        create_secret(&path, "0").unwrap();
        assert!(create_public(&path, "1").unwrap_err().to_string().contains("never overwritten"));
        assert_eq!(fs::read_to_string(&path).unwrap(), "0");
    }

    #[test]
    fn a_key_is_written_once_and_read_back() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("key");
        let key = write_new(&path).unwrap();
        assert_eq!(read(Some(&path)).unwrap().id(), key.id());
        assert!(write_new(&path).err().unwrap().to_string().contains("never overwritten"));
        let nowhere = write_new(&dir.path().join("nodir/key")).err().unwrap().to_string();
        assert!(nowhere.contains("there is no directory") && !nowhere.contains("overwritten"), "{nowhere}");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
            assert!(read(Some(&path)).unwrap_err().to_string().contains("chmod 600"));
        }
    }
}

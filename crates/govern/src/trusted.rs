//! Whose a file is that says whom to believe.

use std::{io, path::Path};

/// Can others than root and whoever runs this write a file, or put something else in its place? Who can decides whose tokens are believed. Looked at
/// are the file, every directory above it, and, of links on the way, those that hold them.
///
/// # Errors
/// When one of them can't be looked at.
#[cfg(unix)]
pub fn others_can_write(path: &Path) -> io::Result<bool> {
    const WRITABLE_BY_OTHERS: u32 = 0o022;
    /// In a sticky directory (/tmp) nobody replaces what is another's.
    const STICKY: u32 = 0o1000;
    use std::os::unix::fs::MetadataExt;
    let own = own_user();
    let is_others = |path: &Path, sticks: bool| -> io::Result<bool> {
        let found = std::fs::metadata(path)?;
        let is_strangers = own.is_some_and(|own| found.uid() != 0 && found.uid() != own);
        let is_open = found.mode() & WRITABLE_BY_OTHERS != 0 && !(sticks && found.mode() & STICKY != 0);
        Ok(is_strangers || is_open)
    };
    for place in places(path)? {
        for (at, above) in place.ancestors().enumerate() {
            if is_others(above, at > 0)? {
                return Ok(true);
            }
        }
    }
    Ok(false)
}

/// The path as it is written, each that a link there leads to, and the one at the end, all from the root.
#[cfg(unix)]
fn places(path: &Path) -> io::Result<Vec<std::path::PathBuf>> {
    /// As many links as Linux follows.
    const MOST_LINKS: usize = 40;
    let mut places = vec![std::path::absolute(path)?];
    while places.len() <= MOST_LINKS
        && let Some(link) = places.last().filter(|place| place.is_symlink())
    {
        let directory = link.parent().unwrap_or(Path::new("/")).canonicalize()?;
        let next = directory.join(std::fs::read_link(link)?);
        places.push(next);
    }
    places.push(path.canonicalize()?);
    Ok(places)
}

/// Who runs this, where the system says so.
#[cfg(unix)]
fn own_user() -> Option<u32> {
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata("/proc/self").ok().map(|own| own.uid())
}

/// Can others than its owner write this?
///
/// # Errors
/// None here.
#[cfg(not(unix))]
pub fn others_can_write(_: &Path) -> io::Result<bool> {
    Ok(false)
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::{PermissionsExt, symlink};

    #[test]
    fn whoever_can_write_above_a_file_can_replace_it() {
        let dir = tempfile::tempdir().unwrap();
        let of = |path: &Path, mode: u32| {
            fs::create_dir_all(path).unwrap();
            fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
        };
        let (above, inner) = (dir.path().join("above"), dir.path().join("above/inner"));
        of(&above, 0o755);
        of(&inner, 0o755);
        let file = inner.join("keys.json");
        fs::write(&file, "{}").unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
        let open = || others_can_write(&file).unwrap();
        assert!(!open());
        for (mode, is_open) in [(0o777, true), (0o775, true), (0o1777, false), (0o755, false)] {
            of(&above, mode);
            assert_eq!(open(), is_open, "above: {mode:o}");
        }
        fs::set_permissions(&file, fs::Permissions::from_mode(0o664)).unwrap();
        assert!(open(), "the file itself, and no bit of it sticks");
        fs::set_permissions(&file, fs::Permissions::from_mode(0o1646)).unwrap();
        assert!(open());
        fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();

        // A link stands where it can be turned, though what it leads to can't be.
        let (links, link) = (dir.path().join("links"), dir.path().join("links/keys.json"));
        of(&links, 0o755);
        symlink(&file, &link).unwrap();
        assert!(!others_can_write(&link).unwrap());
        of(&links, 0o777);
        assert!(others_can_write(&link).unwrap());
        of(&links, 0o755);
        of(&above, 0o777);
        assert!(others_can_write(&link).unwrap(), "what it leads to");
        of(&above, 0o755);

        // A stranger's file, where who runs this may make one.
        if std::os::unix::fs::chown(&file, Some(54321), None).is_ok() {
            assert!(open());
        }
        assert!(others_can_write(&dir.path().join("nothing")).is_err());
    }
}

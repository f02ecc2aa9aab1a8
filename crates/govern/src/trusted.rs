//! Whose a file is that says whom to believe.

use std::{io, path::Path};

/// Can others than its owner write this, or put something else in its place? Who can decides whose tokens are believed.
///
/// # Errors
/// When it, or its directory, can't be looked at.
#[cfg(unix)]
pub fn others_can_write(path: &Path) -> io::Result<bool> {
    use std::os::unix::fs::PermissionsExt;
    let mode = |path: &Path| std::fs::metadata(path).map(|metadata| metadata.permissions().mode());
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    // In a sticky one (/tmp) nobody replaces what is another's.
    let directory = mode(directory)?;
    Ok(mode(path)? & 0o022 != 0 || directory & 0o022 != 0 && directory & 0o1000 == 0)
}

/// Can others than its owner write this?
///
/// # Errors
/// None here.
#[cfg(not(unix))]
pub fn others_can_write(_: &Path) -> io::Result<bool> {
    Ok(false)
}

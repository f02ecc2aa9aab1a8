//! Which files there are: the sources as given, folders walked, in the order of their names.

use super::safe_name::{safe_name, table_name};
use crate::Error;
use std::{
    io,
    path::{Path, PathBuf},
};
use walkdir::WalkDir;

/// One file of the sources.
#[derive(Clone, Debug)]
pub(crate) struct SourceFile {
    pub path: PathBuf,
    /// See [`super::Input::safe_name`].
    pub safe_name: String,
    /// See [`super::Input::table_name`].
    pub table_name: String,
    pub bytes: u64,
    /// Given by name, rather than found in a folder.
    pub named: bool,
}

/// Lists the files of the sources: a folder's in the order of their paths, hidden ones left out.
///
/// # Errors
/// When a source is not there or a folder cannot be listed.
pub(crate) fn list(sources: &[PathBuf]) -> Result<Vec<SourceFile>, Error> {
    let mut files = Vec::new();
    for (at, source) in sources.iter().enumerate() {
        let failed = |kind| Error::Source { position: at + 1, kind };
        let metadata = source.metadata().map_err(|e| failed(e.kind()))?;
        if metadata.is_dir() {
            let walk = WalkDir::new(source).follow_links(true).sort_by_file_name().into_iter();
            for entry in walk.filter_entry(|entry| entry.depth() == 0 || !is_hidden(entry.path())) {
                let entry = match entry {
                    Ok(entry) => entry,
                    Err(error) if error.depth() > 0 && error.path().is_some_and(is_hidden) => continue,
                    Err(error) => return Err(unlisted(&error, at + 1, files.len() + 1)),
                };
                if entry.file_type().is_file() {
                    let metadata = entry.metadata().map_err(|e| unlisted(&e, at + 1, files.len() + 1))?;
                    push(&mut files, entry.into_path(), metadata.len(), false);
                }
            }
        } else {
            push(&mut files, source.clone(), metadata.len(), true);
        }
    }
    Ok(files)
}

/// Why a folder could not be listed to its end: `position` is the source's, `number` what the entry's would have been.
fn unlisted(error: &walkdir::Error, position: usize, number: usize) -> Error {
    let kind = error.io_error().map_or(io::ErrorKind::Other, io::Error::kind);
    let Some(path) = error.path().filter(|_| error.depth() > 0) else {
        return Error::Source { position, kind };
    };
    let problem = if error.loop_ancestor().is_some() {
        "a link to a folder that it lies in"
    } else if path.is_symlink() && kind == io::ErrorKind::NotFound {
        "a link to what is not there"
    } else if path.is_symlink() {
        "a link that cannot be followed"
    } else {
        "which may not be read"
    };
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    Error::Entry { position, file: safe_name(&name, number), problem }
}

fn push(files: &mut Vec<SourceFile>, path: PathBuf, bytes: u64, named: bool) {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let (safe_name, table_name) = (safe_name(&name, files.len() + 1), table_name(&name));
    files.push(SourceFile { path, safe_name, table_name, bytes, named });
}

fn is_hidden(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."))
}

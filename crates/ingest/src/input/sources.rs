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
                let kind = |e: &walkdir::Error| e.io_error().map_or(io::ErrorKind::Other, io::Error::kind);
                let entry = entry.map_err(|e| failed(kind(&e)))?;
                if entry.file_type().is_file() {
                    let bytes = entry.metadata().map_err(|e| failed(kind(&e)))?.len();
                    push(&mut files, entry.into_path(), bytes, false);
                }
            }
        } else {
            push(&mut files, source.clone(), metadata.len(), true);
        }
    }
    Ok(files)
}

fn push(files: &mut Vec<SourceFile>, path: PathBuf, bytes: u64, named: bool) {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let (safe_name, table_name) = (safe_name(&name, files.len() + 1), table_name(&name));
    files.push(SourceFile { path, safe_name, table_name, bytes, named });
}

fn is_hidden(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."))
}

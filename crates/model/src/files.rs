//! Tensors on disk: safetensors, written atomically, read with suspicion.

use crate::error::{Error, Result};
use safetensors::tensor::{Dtype, SafeTensors, TensorView, serialize};
use std::collections::HashMap;
use std::io::Write;
use std::path::Path;

/// Writes beside the target, flushes to the disk, then renames over it.
pub(crate) fn write_atomically(path: &Path, bytes: &[u8]) -> Result<()> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".partial");
    let partial = path.with_file_name(name);
    let write = || {
        let mut file = std::fs::File::create(&partial)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        std::fs::rename(&partial, path)?;
        // The rename itself is durable only once the directory is; not every system lets one be opened.
        if let Some(directory) = path.parent().and_then(|d| std::fs::File::open(d).ok()) {
            directory.sync_all()?;
        }
        Ok(())
    };
    write().map_err(|e| Error::file(path, e))
}

/// Writes f32 tensors with optional metadata.
pub(crate) fn write_tensors<'a>(
    path: &Path,
    tensors: impl Iterator<Item = (String, Vec<usize>, &'a [f32])>,
    metadata: Option<HashMap<String, String>>,
) -> Result<()> {
    let tensors: Vec<(String, Vec<usize>, Vec<u8>)> = tensors
        .map(|(name, shape, values)| (name, shape, values.iter().flat_map(|v| v.to_le_bytes()).collect()))
        .collect();
    let views = tensors
        .iter()
        .map(|(name, shape, bytes)| {
            TensorView::new(Dtype::F32, shape.clone(), bytes).map(|view| (name.as_str(), view))
        })
        .collect::<std::result::Result<Vec<_>, _>>()
        .map_err(|e| Error::malformed(path, e.to_string()))?;
    let bytes = serialize(views, metadata).map_err(|e| Error::malformed(path, e.to_string()))?;
    write_atomically(path, &bytes)
}

/// A parsed file.
pub(crate) struct Tensors<'a> {
    path: &'a Path,
    file: SafeTensors<'a>,
    metadata: HashMap<String, String>,
}

impl<'a> Tensors<'a> {
    pub(crate) fn parse(path: &'a Path, bytes: &'a [u8]) -> Result<Self> {
        let refuse = |_| Error::malformed(path, "not a safetensors file, or cut short");
        let (_, header) = SafeTensors::read_metadata(bytes).map_err(refuse)?;
        let file = SafeTensors::deserialize(bytes).map_err(refuse)?;
        Ok(Tensors { path, file, metadata: header.metadata().clone().unwrap_or_default() })
    }

    pub(crate) fn metadata(&self, key: &str) -> Result<&str> {
        let missing = || Error::malformed(self.path, format!("has no {key} in its header"));
        self.metadata.get(key).map(String::as_str).ok_or_else(missing)
    }

    /// Refuses files that hold other tensors than these.
    pub(crate) fn check_names<'n>(&self, expected: impl Iterator<Item = &'n str>) -> Result<()> {
        let mut expected: Vec<&str> = expected.collect();
        expected.sort_unstable();
        let unexpected = self.file.names().into_iter().find(|name| expected.binary_search(name).is_err());
        match unexpected {
            Some(_) => Err(Error::malformed(self.path, "holds tensors that its config.json does not know")),
            None => Ok(()),
        }
    }

    /// Reads one tensor of exactly this shape, all finite.
    pub(crate) fn read(&self, name: &str, shape: &[usize], out: &mut [f32]) -> Result<()> {
        let refuse = |what: &str| Error::malformed(self.path, format!("tensor {name} {what}"));
        let view = self.file.tensor(name).map_err(|_| refuse("is missing"))?;
        if view.dtype() != Dtype::F32 {
            return Err(refuse("is not 32-bit floating point"));
        }
        if view.shape() != shape || view.data().len() != size_of_val(out) {
            return Err(refuse(&format!("does not have the shape {shape:?} that the configuration demands")));
        }
        for (value, bytes) in out.iter_mut().zip(view.data().as_chunks::<4>().0) {
            *value = f32::from_le_bytes(*bytes);
        }
        if out.iter().all(|v| v.is_finite()) {
            Ok(())
        } else {
            Err(refuse("holds values that are not finite"))
        }
    }
}

//! Tensors on disk: safetensors, written atomically, read with suspicion.

use crate::error::{Error, Result};
use safetensors::tensor::{Dtype, Metadata};
use std::collections::{BTreeMap, HashMap};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::Path;

/// Writes beside the target, flushes to the disk, then renames over it.
pub(crate) fn write_atomically(path: &Path, bytes: &[u8]) -> Result<()> {
    atomically(path, |file| file.write_all(bytes))
}

/// Lets `write` fill a file beside the target, flushes it to the disk, then renames it over the target. What a failed
/// attempt wrote is removed, for a full disk needs the room.
fn atomically(path: &Path, write: impl FnOnce(&mut std::fs::File) -> std::io::Result<()>) -> Result<()> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".partial");
    let partial = path.with_file_name(name);
    let all = || {
        let mut file = std::fs::File::create(&partial)?;
        write(&mut file)?;
        file.sync_all()?;
        std::fs::rename(&partial, path)?;
        // The rename itself is durable only once the directory is; not every system lets one be opened.
        if let Some(directory) = path.parent().and_then(|d| std::fs::File::open(d).ok()) {
            directory.sync_all()?;
        }
        Ok(())
    };
    all().map_err(|e| {
        // Best effort: the error that is told is the first one.
        let _ = std::fs::remove_file(&partial);
        Error::file(path, e)
    })
}

/// Writes f32 tensors with optional metadata, a stretch at a time: saving takes no second copy of the weights.
///
/// Eight bytes with the header's length, the header as JSON padded with spaces to a multiple of eight, then the
/// tensors' bytes in the order of their names (<https://github.com/huggingface/safetensors#format>). The crate's own
/// writer keeps a copy of everything, or goes through a file of another name that a kill would leave behind.
pub(crate) fn write_tensors<'a>(
    path: &Path,
    tensors: impl Iterator<Item = (String, Vec<usize>, &'a [f32])>,
    metadata: Option<HashMap<String, String>>,
) -> Result<()> {
    let mut tensors: Vec<_> = tensors.collect();
    tensors.sort_by(|a, b| a.0.cmp(&b.0));
    let json = |error: serde_json::Error| Error::malformed(path, error.to_string());
    let mut entries = Vec::with_capacity(tensors.len() + 1);
    if let Some(metadata) = metadata {
        let sorted: BTreeMap<String, String> = metadata.into_iter().collect();
        entries.push(format!("\"__metadata__\":{}", serde_json::to_string(&sorted).map_err(json)?));
    }
    let mut begin = 0;
    for (name, shape, values) in &tensors {
        let end = begin + size_of_val(*values);
        let name = serde_json::to_string(name).map_err(json)?;
        entries.push(format!(
            "{name}:{{\"dtype\":\"F32\",\"shape\":{shape:?},\"data_offsets\":[{begin},{end}]}}"
        ));
        begin = end;
    }
    let mut header = format!("{{{}}}", entries.join(",")).into_bytes();
    header.resize(header.len().next_multiple_of(8), b' ');
    atomically(path, |file| {
        file.write_all(&(header.len() as u64).to_le_bytes())?;
        file.write_all(&header)?;
        let mut bytes = Vec::with_capacity(4 * STRETCH);
        for stretch in tensors.iter().flat_map(|(_, _, values)| values.chunks(STRETCH)) {
            bytes.clear();
            bytes.extend(stretch.iter().flat_map(|value| value.to_le_bytes()));
            file.write_all(&bytes)?;
        }
        Ok(())
    })
}

/// Numbers that are turned into bytes at once.
const STRETCH: usize = 1 << 18;

/// The longest header that is read, in bytes; the format's own limit.
const LONGEST_HEADER: u64 = 100_000_000;

/// A file whose header was read. Tensors are read from it one at a time, into memory that is there: they may be much of what the
/// machine has.
pub(crate) struct Tensors<'a> {
    path: &'a Path,
    file: std::fs::File,
    header: Metadata,
    /// Where the tensors begin.
    begin: u64,
}

impl<'a> Tensors<'a> {
    pub(crate) fn open(path: &'a Path) -> Result<Self> {
        let failed = |e| Error::file(path, e);
        let refuse = || Error::malformed(path, "not a safetensors file, or cut short");
        let mut file = std::fs::File::open(path).map_err(failed)?;
        let length = file.metadata().map_err(failed)?.len();
        let mut bytes = [0; 8];
        file.read_exact(&mut bytes).map_err(|_| refuse())?;
        let header_length = u64::from_le_bytes(bytes);
        let begin = header_length.checked_add(8).filter(|begin| *begin <= length).ok_or_else(refuse)?;
        if header_length > LONGEST_HEADER {
            return Err(refuse());
        }
        let mut text = vec![0; header_length as usize];
        file.read_exact(&mut text).map_err(failed)?;
        let header: Metadata = serde_json::from_slice(&text).map_err(|_| refuse())?;
        if begin + header.data_len() as u64 != length {
            return Err(refuse());
        }
        Ok(Tensors { path, file, header, begin })
    }

    /// Bytes of all tensors.
    pub(crate) fn data_len(&self) -> usize {
        self.header.data_len()
    }

    pub(crate) fn metadata(&self, key: &str) -> Result<&str> {
        let missing = || Error::malformed(self.path, format!("has no {key} in its header"));
        self.header.metadata().as_ref().and_then(|all| all.get(key)).map(String::as_str).ok_or_else(missing)
    }

    /// Refuses files that hold other tensors than these.
    pub(crate) fn check_names<'n>(&self, expected: impl Iterator<Item = &'n str>) -> Result<()> {
        let mut expected: Vec<&str> = expected.collect();
        expected.sort_unstable();
        match self.header.tensors().keys().all(|name| expected.binary_search(&name.as_str()).is_ok()) {
            false => Err(Error::malformed(self.path, "holds tensors that its config.json does not know")),
            true => Ok(()),
        }
    }

    /// Reads one tensor of exactly this shape, all finite.
    pub(crate) fn read(&mut self, name: &str, shape: &[usize], out: &mut [f32]) -> Result<()> {
        let path = self.path;
        let refuse = |what: &str| Error::malformed(path, format!("tensor {name} {what}"));
        let tensor = self.header.info(name).ok_or_else(|| refuse("is missing"))?;
        if tensor.dtype != Dtype::F32 {
            return Err(refuse("is not 32-bit floating point"));
        }
        let (begin, end) = tensor.data_offsets;
        if tensor.shape != shape || end - begin != size_of_val(out) {
            return Err(refuse(&format!("does not have the shape {shape:?} that the configuration demands")));
        }
        let failed = |e| Error::file(path, e);
        self.file.seek(SeekFrom::Start(self.begin + begin as u64)).map_err(failed)?;
        let mut bytes = vec![0; 4 * STRETCH.min(out.len())];
        for stretch in out.chunks_mut(STRETCH) {
            let bytes = &mut bytes[..size_of_val(stretch)];
            self.file.read_exact(bytes).map_err(failed)?;
            for (value, bytes) in stretch.iter_mut().zip(bytes.as_chunks::<4>().0) {
                *value = f32::from_le_bytes(*bytes);
            }
        }
        if out.iter().all(|v| v.is_finite()) {
            Ok(())
        } else {
            Err(refuse("holds values that are not finite"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use safetensors::tensor::{TensorView, serialize};

    #[test]
    fn what_is_written_is_what_the_format_s_own_crate_writes_and_failures_leave_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a.safetensors");
        let (b, a) = (vec![1.5_f32; STRETCH + 3], vec![-0.25_f32, 1e-30]);
        let tensors = [("b", vec![STRETCH + 3], &b), ("a", vec![2, 1], &a)];
        let given = || tensors.iter().map(|(n, s, v)| ((*n).to_owned(), s.clone(), v.as_slice()));
        let metadata = || Some(HashMap::from([("step".to_owned(), "7".to_owned())]));
        write_tensors(&path, given(), metadata()).unwrap();
        let bytes: Vec<(String, Vec<usize>, Vec<u8>)> =
            given().map(|(n, s, v)| (n, s, v.iter().flat_map(|x| x.to_le_bytes()).collect())).collect();
        let views = bytes
            .iter()
            .map(|(n, s, bytes)| (n.as_str(), TensorView::new(Dtype::F32, s.clone(), bytes).unwrap()));
        let found = std::fs::read(&path).unwrap();
        let of_crate = serialize(views, metadata()).unwrap();
        let packed = |bytes: &[u8]| String::from_utf8_lossy(&bytes[8..160]).replace(' ', "");
        assert_eq!(packed(&found), packed(&of_crate));
        assert!(
            found.len() == of_crate.len() && found[found.len() - 64..] == of_crate[of_crate.len() - 64..]
        );
        let mut file = Tensors::open(&path).unwrap();
        let mut read = vec![0.0; 2];
        file.read("a", &[2, 1], &mut read).unwrap();
        assert_eq!((read, file.metadata("step").unwrap()), (a.clone(), "7"));
        let missing = directory.path().join("nowhere/a.safetensors");
        assert!(matches!(write_tensors(&missing, given(), None), Err(Error::File { .. })));
        std::fs::create_dir(directory.path().join("taken")).unwrap();
        let taken = directory.path().join("taken");
        assert!(write_tensors(&taken, given(), None).is_err(), "a directory cannot be replaced");
        assert!(!directory.path().join("taken.partial").exists());
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_tensor_is_read_from_a_file_that_no_memory_holds_and_one_that_lies_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a.safetensors");
        // A hole of 256 GB, which takes no room on the disk.
        let hole = 1_u64 << 38;
        let tensor = |shape: u64, begin: u64| {
            format!(
                "{{\"dtype\":\"F32\",\"shape\":[{shape}],\"data_offsets\":[{begin},{}]}}",
                begin + 4 * shape
            )
        };
        let header = format!("{{\"a\":{},\"b\":{}}}", tensor(2, 0), tensor(hole / 4, 8));
        let mut file = std::fs::File::create(&path).unwrap();
        let mut write = |bytes: &[u8]| file.write_all(bytes).unwrap();
        write(&(header.len() as u64).to_le_bytes());
        write(header.as_bytes());
        [1.5_f32, -2.0].iter().for_each(|value| write(&value.to_le_bytes()));
        let length = 16 + header.len() as u64 + hole;
        file.set_len(length).unwrap();
        let mut read = vec![0.0; 2];
        let mut tensors = Tensors::open(&path).unwrap();
        tensors.read("a", &[2], &mut read).unwrap();
        assert_eq!(read, [1.5, -2.0]);
        assert!(
            tensors.read("a", &[1], &mut read[..1]).is_err() && tensors.read("c", &[2], &mut read).is_err()
        );
        for wrong in [length - 1, length + 1, 20, 4] {
            file.set_len(wrong).unwrap();
            assert!(matches!(Tensors::open(&path), Err(Error::Malformed { .. })), "{wrong}");
        }
    }
}

//! `vocabulary.json`.

use super::{Entry, LocalCode, LocalSystem, Vocabulary};
use crate::Error;
use std::io::{Read, Write};
use std::path::Path;

const FORMAT: &str = "osler-vocabulary";
const VERSION: u32 = 1;
/// A vocabulary of a million codes with 128 knots each stays well below this many bytes.
const LARGEST: u64 = 4 << 30;

#[derive(serde::Serialize)]
struct Written<'a> {
    format: &'a str,
    version: u32,
    digest: &'a str,
    minimum_subjects: u64,
    training_subjects: u64,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    local: &'a [LocalCode],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    local_systems: &'a [LocalSystem],
    entries: &'a [Entry],
}

#[derive(serde::Deserialize)]
struct Head {
    format: String,
    version: u32,
}

#[derive(serde::Deserialize)]
struct Content {
    format: String,
    version: u32,
    digest: String,
    minimum_subjects: u64,
    training_subjects: u64,
    #[serde(default)]
    local: Vec<LocalCode>,
    #[serde(default)]
    local_systems: Vec<LocalSystem>,
    entries: Vec<Entry>,
}

/// BLAKE3 over the content as compact JSON; local codes and local systems count where there are any.
pub(super) fn digest(
    entries: &[Entry],
    local: &[LocalCode],
    local_systems: &[LocalSystem],
    minimum_subjects: u64,
    training_subjects: u64,
) -> Result<blake3::Hash, Error> {
    let mut hasher = blake3::Hasher::new();
    let buffered = std::io::BufWriter::with_capacity(1 << 16, &mut hasher);
    let content = (VERSION, minimum_subjects, training_subjects, entries);
    let written = match (local, local_systems) {
        ([], []) => serde_json::to_writer(buffered, &content),
        (_, []) => serde_json::to_writer(buffered, &(content, local)),
        _ => serde_json::to_writer(buffered, &(content, local, local_systems)),
    };
    written.map_err(|e| Error::Vocabulary(format!("can't be written as JSON ({e})")))?;
    Ok(hasher.finalize())
}

impl Vocabulary {
    /// Writes `vocabulary.json` to `path`; the same vocabulary makes the same bytes.
    ///
    /// # Errors
    /// When the file can't be written.
    pub fn save(&self, path: &Path) -> Result<(), Error> {
        let mut file = std::fs::File::create(path).map_err(Error::io(path))?;
        file.write_all(&self.to_json()?).map_err(Error::io(path))?;
        file.sync_all().map_err(Error::io(path))
    }

    /// The bytes of `vocabulary.json`: one entry a line.
    ///
    /// # Errors
    /// When the content has no JSON form, which [`Vocabulary`]'s own checks rule out.
    pub fn to_json(&self) -> Result<Vec<u8>, Error> {
        let json = |e: serde_json::Error| Error::Vocabulary(format!("can't be written as JSON ({e})"));
        let head = Written {
            format: FORMAT,
            version: VERSION,
            digest: &self.digest,
            minimum_subjects: self.minimum_subjects,
            training_subjects: self.training_subjects,
            local: &self.local,
            local_systems: &self.local_systems,
            entries: &[],
        };
        let mut bytes = serde_json::to_vec(&head).map_err(json)?;
        // Reopen the empty `[]` and close it behind the entries.
        bytes.truncate(bytes.len() - 2);
        for (index, entry) in self.entries.iter().enumerate() {
            bytes.extend_from_slice(if index == 0 { b"\n" } else { b",\n" });
            serde_json::to_writer(&mut bytes, entry).map_err(json)?;
        }
        bytes.extend_from_slice(b"\n]}\n");
        Ok(bytes)
    }

    /// Reads `vocabulary.json` from `path`, trusting nothing in it.
    ///
    /// # Errors
    /// When the file can't be read, isn't a vocabulary of this version, contradicts itself, or doesn't match
    /// its digest.
    pub fn load(path: &Path) -> Result<Self, Error> {
        let file = std::fs::File::open(path).map_err(Error::io(path))?;
        let mut bytes = Vec::new();
        file.take(LARGEST + 1).read_to_end(&mut bytes).map_err(Error::io(path))?;
        Self::from_json(&bytes)
    }

    /// Reads the bytes of a `vocabulary.json`, trusting nothing in them.
    ///
    /// # Errors
    /// As [`Vocabulary::load`].
    pub fn from_json(bytes: &[u8]) -> Result<Self, Error> {
        if bytes.len() as u64 > LARGEST {
            return Err(Error::Vocabulary(format!("larger than {} GiB", LARGEST >> 30)));
        }
        // serde_json's messages can quote what it read; the place is enough to find it.
        let json = |e: serde_json::Error| {
            Error::Vocabulary(format!("not a vocabulary's JSON at line {}, column {}", e.line(), e.column()))
        };
        let content = serde_json::from_slice::<Content>(bytes);
        // Another version may well have other fields; say that rather than which field is odd.
        let head = match &content {
            Ok(content) => Head { format: content.format.clone(), version: content.version },
            Err(_) => serde_json::from_slice(bytes).map_err(json)?,
        };
        if head.format != FORMAT {
            return Err(Error::Vocabulary("another kind of file".into()));
        }
        if head.version != VERSION {
            return Err(Error::Vocabulary(format!(
                "format version {}, where this program reads {VERSION}",
                head.version
            )));
        }
        let content = content.map_err(json)?;
        let Content { digest, entries, local, local_systems, minimum_subjects, training_subjects, .. } =
            content;
        let vocabulary = Vocabulary::new(entries, local, local_systems, minimum_subjects, training_subjects)?;
        if vocabulary.digest != digest {
            return Err(Error::Vocabulary("altered since it was written (its digest doesn't match)".into()));
        }
        Ok(vocabulary)
    }
}

//! `timeline.json`: which shards a timeline has, and what they hold.

use crate::{Error, TimelineStatistics};
use events::Split;
use std::io::Read;
use std::path::Path;

pub(super) const INDEX_FILE: &str = "timeline.json";
pub(super) const VOCABULARY_FILE: &str = "vocabulary.json";
const FORMAT: &str = "osler-timeline";
const VERSION: u32 = 1;
/// Room for more than a hundred thousand shards.
const LARGEST: u64 = 64 << 20;

/// The index.
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
pub(super) struct Index {
    format: String,
    version: u32,
    /// Digest of the vocabulary, in hexadecimal.
    pub vocabulary: String,
    pub statistics: TimelineStatistics,
    shards: Shards,
}

#[derive(Clone, Debug, Default, serde::Serialize, serde::Deserialize)]
struct Shards {
    train: Vec<ShardEntry>,
    tuning: Vec<ShardEntry>,
    held_out: Vec<ShardEntry>,
}

/// One shard.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(super) struct ShardEntry {
    pub file: String,
    pub subjects: u64,
    pub tokens: u64,
    /// The digest that names its content, in hexadecimal.
    pub digest: String,
}

impl Index {
    pub fn new(vocabulary: String, statistics: TimelineStatistics, shards: [Vec<ShardEntry>; 3]) -> Self {
        let [train, tuning, held_out] = shards;
        Index {
            format: FORMAT.to_owned(),
            version: VERSION,
            vocabulary,
            statistics,
            shards: Shards { train, tuning, held_out },
        }
    }

    pub fn shards(&self, split: Split) -> &[ShardEntry] {
        match split {
            Split::Train => &self.shards.train,
            Split::Tuning => &self.shards.tuning,
            Split::HeldOut => &self.shards.held_out,
        }
    }

    pub fn save(&self, directory: &Path) -> Result<(), Error> {
        let path = directory.join(INDEX_FILE);
        let mut bytes = serde_json::to_vec_pretty(self)
            .map_err(|e| Error::index(&path, format!("can't be written as JSON ({e})")))?;
        bytes.push(b'\n');
        let write = || {
            let mut file = std::fs::File::create(&path)?;
            std::io::Write::write_all(&mut file, &bytes)?;
            file.sync_all()
        };
        write().map_err(Error::io(&path))
    }

    pub fn load(directory: &Path) -> Result<Self, Error> {
        let path = directory.join(INDEX_FILE);
        let file = match std::fs::File::open(&path) {
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
                return Err(Error::NotATimeline(directory.to_owned()));
            }
            opened => opened.map_err(Error::io(&path))?,
        };
        let mut bytes = Vec::new();
        file.take(LARGEST + 1).read_to_end(&mut bytes).map_err(Error::io(&path))?;
        if bytes.len() as u64 > LARGEST {
            return Err(Error::index(&path, "larger than any index"));
        }
        let index: Index = serde_json::from_slice(&bytes).map_err(|e| {
            Error::index(&path, format!("not a timeline's index at line {}, column {}", e.line(), e.column()))
        })?;
        if index.format != FORMAT || index.version != VERSION {
            return Err(Error::index(
                &path,
                format!("another kind or version of index; this program reads {VERSION}"),
            ));
        }
        for entry in Split::ALL.iter().flat_map(|&split| index.shards(split)) {
            // A name that leads elsewhere would have files read that nobody named.
            let plain = entry.file.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b));
            if !plain || entry.file.starts_with('.') || entry.file.is_empty() {
                return Err(Error::index(&path, "names a shard outside its own directory"));
            }
        }
        Ok(index)
    }
}

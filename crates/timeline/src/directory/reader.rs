//! Reading a timeline in place.

use super::index::{INDEX_FILE, Index, ShardEntry, VOCABULARY_FILE};
use crate::shard::Shard;
use crate::{Error, Sequence, ShardError, TimelineStatistics, Vocabulary};
use events::Split;
use std::path::Path;

/// A timeline, memory-mapped. Cheap to share between threads; nothing is copied until it is read.
#[derive(Debug)]
pub struct Timeline {
    vocabulary: Vocabulary,
    statistics: TimelineStatistics,
    splits: [SplitTimeline; 3],
}

/// The subjects of one split.
#[derive(Debug)]
pub struct SplitTimeline {
    split: Split,
    shards: Vec<(std::path::PathBuf, Shard)>,
    /// Subjects before each shard, and at last all of them.
    before: Vec<usize>,
}

impl Timeline {
    /// Opens a directory that a [`crate::TimelineWriter`] finished. Sizes, order and codes are checked, so that
    /// nothing read later can be out of bounds; digests of the columns are left to [`Timeline::verify`].
    ///
    /// # Errors
    /// When a file is absent, can't be read, is damaged, or belongs to another vocabulary.
    pub fn open(directory: &Path) -> Result<Self, Error> {
        let index = Index::load(directory)?;
        let index_path = directory.join(INDEX_FILE);
        let vocabulary = Vocabulary::load(&directory.join(VOCABULARY_FILE))?;
        if vocabulary.digest() != index.vocabulary {
            return Err(Error::index(&index_path, "made with another vocabulary than the one beside it"));
        }
        let open = |split| {
            let shards = index
                .shards(split)
                .iter()
                .map(|entry| open_shard(directory, &index_path, entry, &vocabulary))
                .collect::<Result<Vec<_>, Error>>()?;
            let mut before = vec![0];
            for (_, shard) in &shards {
                before.push(before[before.len() - 1] + shard.len());
            }
            Ok::<_, Error>(SplitTimeline { split, shards, before })
        };
        let splits = [open(Split::Train)?, open(Split::Tuning)?, open(Split::HeldOut)?];
        Ok(Timeline { vocabulary, statistics: index.statistics, splits })
    }

    /// The vocabulary that it was made with.
    pub fn vocabulary(&self) -> &Vocabulary {
        &self.vocabulary
    }

    /// What it holds, as counted when it was written.
    pub fn statistics(&self) -> &TimelineStatistics {
        &self.statistics
    }

    /// One split's subjects.
    pub fn split(&self, split: Split) -> &SplitTimeline {
        &self.splits[split as usize]
    }

    /// Checks every byte against its digest, and every age and value against what it promises. Reads it all.
    ///
    /// # Errors
    /// Names the first shard that is damaged.
    pub fn verify(&self) -> Result<(), Error> {
        for (path, shard) in self.splits.iter().flat_map(|split| &split.shards) {
            shard.verify().map_err(Error::shard(path))?;
        }
        Ok(())
    }
}

fn open_shard(
    directory: &Path,
    index_path: &Path,
    entry: &ShardEntry,
    vocabulary: &Vocabulary,
) -> Result<(std::path::PathBuf, Shard), Error> {
    let path = directory.join(&entry.file);
    let shard = Shard::open(&path)?;
    if shard.vocabulary_digest() != vocabulary.digest_bytes()
        || shard.vocabulary_size() as usize != vocabulary.len()
    {
        return Err(Error::shard(&path)(ShardError::OtherVocabulary));
    }
    let digest = blake3::Hash::from_bytes(*shard.digest()).to_hex();
    if digest.as_str() != entry.digest
        || shard.len() as u64 != entry.subjects
        || shard.tokens() != entry.tokens
    {
        return Err(Error::index(index_path, format!("describes another {}", entry.file)));
    }
    Ok((path, shard))
}

impl SplitTimeline {
    /// Which split.
    pub fn split(&self) -> Split {
        self.split
    }

    /// Number of subjects.
    pub fn len(&self) -> usize {
        self.before[self.before.len() - 1]
    }

    /// Whether there are no subjects.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Number of tokens.
    pub fn tokens(&self) -> u64 {
        self.shards.iter().map(|(_, shard)| shard.tokens()).sum()
    }

    /// One subject.
    ///
    /// # Panics
    /// When `i` is not below [`SplitTimeline::len`].
    pub fn sequence(&self, i: usize) -> Sequence<'_> {
        let (shard, i) = self.locate(i);
        shard.sequence(i)
    }

    /// All subjects, in order.
    pub fn sequences(&self) -> impl Iterator<Item = Sequence<'_>> {
        self.shards.iter().flat_map(|(_, shard)| (0..shard.len()).map(|i| shard.sequence(i)))
    }

    fn locate(&self, i: usize) -> (&Shard, usize) {
        // Shards are never empty, so the counts ascend and the last one at or below `i` is the shard's.
        let shard = self.before.partition_point(|&before| before <= i) - 1;
        (&self.shards[shard].1, i - self.before[shard])
    }
}

//! Writing a timeline, one subject at a time.

use super::index::{Index, ShardEntry, VOCABULARY_FILE};
use crate::shard::ShardBuffer;
use crate::statistics::StatisticsBuilder;
use crate::{Error, TimelineStatistics, TokenizedSubject, Tokenizer, Vocabulary};
use events::{Deidentified, Split, Subject};
use std::path::{Path, PathBuf};

/// How a timeline is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct WriteOptions {
    /// A shard is closed once it holds this many tokens. Memory is 16 bytes a token and split, besides the
    /// longest subject.
    pub shard_tokens: usize,
}

impl Default for WriteOptions {
    fn default() -> Self {
        WriteOptions { shard_tokens: 1 << 21 }
    }
}

/// Writes a timeline into a directory: de-identified subjects in, packed shards out.
///
/// Subjects are kept in the order in which they come, so the same subjects make the same bytes.
pub struct TimelineWriter {
    directory: PathBuf,
    tokenizer: Tokenizer,
    vocabulary_digest: [u8; 32],
    options: WriteOptions,
    splits: [SplitWriter; 3],
    tokens: TokenizedSubject,
}

struct SplitWriter {
    split: Split,
    buffer: ShardBuffer,
    written: Vec<ShardEntry>,
    statistics: StatisticsBuilder,
}

impl TimelineWriter {
    /// A writer into `directory`, which is made if it isn't there. Until [`TimelineWriter::finish`] what lies
    /// there can't be opened.
    ///
    /// # Errors
    /// When the directory or the vocabulary in it can't be written.
    pub fn create(directory: &Path, tokenizer: Tokenizer, options: WriteOptions) -> Result<Self, Error> {
        if options.shard_tokens == 0 {
            return Err(Error::Options { option: "shard_tokens", problem: "must be at least 1" });
        }
        std::fs::create_dir_all(directory).map_err(Error::io(directory))?;
        let vocabulary = tokenizer.vocabulary();
        vocabulary.save(&directory.join(VOCABULARY_FILE))?;
        let size = vocabulary.len();
        Ok(TimelineWriter {
            directory: directory.to_owned(),
            vocabulary_digest: *vocabulary.digest_bytes(),
            options,
            splits: Split::ALL.map(|split| SplitWriter {
                split,
                buffer: ShardBuffer::default(),
                written: Vec::new(),
                statistics: StatisticsBuilder::new(size),
            }),
            tokenizer,
            tokens: TokenizedSubject::default(),
        })
    }

    /// Takes in one subject of a split. A subject without any token is counted and left out, so that no
    /// sequence read back is empty.
    ///
    /// # Errors
    /// When a shard is full and can't be written, or one subject has more than 2³² tokens.
    pub fn push(&mut self, split: Split, subject: &Deidentified<Subject>) -> Result<(), Error> {
        self.tokenizer.tokenize_into(subject, None, &mut self.tokens);
        let writer = &mut self.splits[split as usize];
        writer.statistics.push(&self.tokens);
        if self.tokens.code.is_empty() {
            return Ok(());
        }
        writer.buffer.push(&self.tokens.as_sequence())?;
        if writer.buffer.tokens() >= self.options.shard_tokens {
            writer.close_shard(&self.directory, self.tokenizer.vocabulary(), self.vocabulary_digest)?;
        }
        Ok(())
    }

    /// Writes what is left and the index; the timeline can then be opened.
    ///
    /// # Errors
    /// When a file can't be written.
    pub fn finish(self) -> Result<TimelineStatistics, Error> {
        let TimelineWriter { directory, tokenizer, vocabulary_digest, mut splits, .. } = self;
        for writer in &mut splits {
            if writer.buffer.subjects() > 0 {
                writer.close_shard(&directory, tokenizer.vocabulary(), vocabulary_digest)?;
            }
        }
        let mut shards: [Vec<ShardEntry>; 3] = Default::default();
        let mut statistics = TimelineStatistics::default();
        for writer in splits {
            let of_split = match writer.split {
                Split::Train => &mut statistics.train,
                Split::Tuning => &mut statistics.tuning,
                Split::HeldOut => &mut statistics.held_out,
            };
            *of_split = writer.statistics.finish();
            shards[writer.split as usize] = writer.written;
        }
        let digest = tokenizer.vocabulary().digest().to_owned();
        Index::new(digest, statistics.clone(), shards).save(&directory)?;
        Ok(statistics)
    }
}

impl SplitWriter {
    fn close_shard(
        &mut self,
        directory: &Path,
        vocabulary: &Vocabulary,
        digest: [u8; 32],
    ) -> Result<(), Error> {
        let file = format!("{}-{:05}.bin", self.split, self.written.len());
        let (subjects, tokens) = (self.buffer.subjects() as u64, self.buffer.tokens() as u64);
        let content = self.buffer.write(&directory.join(&file), vocabulary.len() as u32, digest)?;
        let digest = blake3::Hash::from_bytes(content).to_hex().to_string();
        self.written.push(ShardEntry { file, subjects, tokens, digest });
        Ok(())
    }
}

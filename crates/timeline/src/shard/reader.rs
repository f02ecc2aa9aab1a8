//! A shard read in place, after its bytes were checked.

use super::layout::{FLAG_BIRTH_KNOWN, FLAG_DIED, HEADER, Header, Section};
use crate::{Error, Sequence, ShardError, Vocabulary};
use bytemuck::AnyBitPattern;
use std::path::Path;

/// One shard. Every index that its content holds was checked when it was opened.
#[derive(Debug)]
pub(crate) struct Shard {
    bytes: Bytes,
    header: Header,
    digest: [u8; 32],
}

#[derive(Debug)]
enum Bytes {
    Mapped(memmap2::Mmap),
    /// Aligned as a mapping is, for what didn't come from a file.
    Held(Vec<u64>, usize),
}

impl Bytes {
    fn as_slice(&self) -> &[u8] {
        match self {
            Bytes::Mapped(map) => map,
            Bytes::Held(words, length) => &bytemuck::cast_slice(words)[..*length],
        }
    }
}

impl Shard {
    /// Maps a file and checks it: header, places, order of subjects' tokens, and every code.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let file = std::fs::File::open(path).map_err(Error::io(path))?;
        let length = file.metadata().map_err(Error::io(path))?.len();
        if length < HEADER as u64 {
            return Err(Error::shard(path)(ShardError::TooShort));
        }
        // SAFETY: the mapping is read-only and lives as long as the borrows of it. Shards are written once,
        // whole, into a directory that is then renamed into place, and nothing of this program writes to them
        // again; a program that alters or cuts the file meanwhile breaks this, as it would for any mapping.
        let map = unsafe { memmap2::Mmap::map(&file) }.map_err(Error::io(path))?;
        Self::checked(Bytes::Mapped(map)).map_err(Error::shard(path))
    }

    /// A shard from bytes in memory, which are copied.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, ShardError> {
        let mut words = vec![0u64; bytes.len().div_ceil(8)];
        bytemuck::cast_slice_mut(&mut words)[..bytes.len()].copy_from_slice(bytes);
        Self::checked(Bytes::Held(words, bytes.len()))
    }

    fn checked(bytes: Bytes) -> Result<Self, ShardError> {
        let all = bytes.as_slice();
        let (header, digest) =
            Header::parse(all.get(..HEADER).ok_or(ShardError::TooShort)?, all.len() as u64)?;
        let shard = Shard { bytes, header, digest };
        shard.check_columns_are_aligned()?;
        shard.check_indices()?;
        Ok(shard)
    }

    fn check_columns_are_aligned(&self) -> Result<(), ShardError> {
        for section in Section::ALL {
            // The strictest alignment of any column is 8, and lengths were checked with the header.
            if self.raw(section).as_ptr().align_offset(8) != 0 {
                return Err(ShardError::Content { section: section.name(), problem: "is not aligned" });
            }
        }
        Ok(())
    }

    fn check_indices(&self) -> Result<(), ShardError> {
        let broken =
            |section: Section, problem| Err(ShardError::Content { section: section.name(), problem });
        let first_token = self.first_token();
        if first_token.first() != Some(&0) || first_token.last() != Some(&self.header.tokens) {
            return broken(Section::FirstToken, "doesn't run from the first token to the last");
        }
        let lengths = || first_token.windows(2).map(|pair| pair[1].checked_sub(pair[0]));
        if !lengths().all(|length| length.is_some_and(|length| u32::try_from(length).is_ok())) {
            return broken(Section::FirstToken, "is not ascending, or a subject has more tokens than 2³²");
        }
        let static_len = self.column::<u32>(Section::StaticLen);
        if lengths().zip(static_len).any(|(length, &leading)| length.is_none_or(|l| u64::from(leading) > l)) {
            return broken(Section::StaticLen, "counts more static tokens than there are tokens");
        }
        let size = self.header.vocabulary_size;
        if self.column::<u32>(Section::Code).iter().fold(false, |bad, &code| bad | (code >= size)) {
            return broken(Section::Code, "holds a code beyond the vocabulary");
        }
        Ok(())
    }

    /// Checks every byte against its digest, and every age and value against what it promises.
    pub fn verify(&self) -> Result<(), ShardError> {
        for (section, place) in Section::ALL.into_iter().zip(&self.header.sections) {
            if blake3::hash(self.raw(section)) != place.digest {
                return Err(ShardError::Digest { section: section.name() });
            }
        }
        (0..self.len()).try_for_each(|i| check_sequence(&self.sequence(i)))
    }

    /// Number of subjects.
    pub fn len(&self) -> usize {
        self.header.subjects as usize
    }

    /// Number of tokens.
    pub fn tokens(&self) -> u64 {
        self.header.tokens
    }

    pub fn vocabulary_size(&self) -> u32 {
        self.header.vocabulary_size
    }

    pub fn vocabulary_digest(&self) -> &[u8; 32] {
        &self.header.vocabulary_digest
    }

    /// The digest of the header, which names the whole content.
    pub fn digest(&self) -> &[u8; 32] {
        &self.digest
    }

    /// Number of static tokens of one subject. Panics when `i` is out of range.
    pub fn static_len(&self, i: usize) -> usize {
        self.column::<u32>(Section::StaticLen)[i] as usize
    }

    /// One subject. Panics when `i` is out of range.
    pub fn sequence(&self, i: usize) -> Sequence<'_> {
        let first_token = self.first_token();
        let tokens = first_token[i] as usize..first_token[i + 1] as usize;
        let flags = self.raw(Section::Flags)[i];
        Sequence {
            subject_id: self.column::<i64>(Section::SubjectId)[i],
            code: &self.column(Section::Code)[tokens.clone()],
            age_days: &self.column(Section::AgeDays)[tokens.clone()],
            value: &self.column(Section::Value)[tokens],
            static_len: self.static_len(i),
            followup_end_age_days: self.column::<f64>(Section::FollowupEndAgeDays)[i],
            died: flags & FLAG_DIED != 0,
            birth_known: flags & FLAG_BIRTH_KNOWN != 0,
        }
    }

    fn first_token(&self) -> &[u64] {
        self.column(Section::FirstToken)
    }

    fn column<T: AnyBitPattern>(&self, section: Section) -> &[T] {
        bytemuck::cast_slice(self.raw(section))
    }

    fn raw(&self, section: Section) -> &[u8] {
        let place = &self.header.sections[section as usize];
        &self.bytes.as_slice()[place.offset as usize..(place.offset + place.length) as usize]
    }
}

/// What a model may rely on, beyond memory safety.
fn check_sequence(sequence: &Sequence<'_>) -> Result<(), ShardError> {
    let broken = |section: Section, problem| Err(ShardError::Content { section: section.name(), problem });
    let ages = sequence.age_days;
    if !ages.iter().all(|age| age.is_finite() && *age >= 0.0)
        || !ages.windows(2).all(|pair| pair[0] <= pair[1])
    {
        return broken(Section::AgeDays, "is not finite and ascending within a subject");
    }
    let end = sequence.followup_end_age_days;
    if !end.is_finite() || ages.last().is_some_and(|&last| last > end) {
        return broken(Section::FollowupEndAgeDays, "lies before a subject's last token");
    }
    for (&code, &value) in sequence.code.iter().zip(sequence.value) {
        let allowed = if code == Vocabulary::TIME {
            value.is_finite() && value > 0.0
        } else {
            value.is_nan() || (value > 0.0 && value < 1.0)
        };
        if !allowed {
            return broken(Section::Value, "holds a gap that isn't positive, or a rank outside (0, 1)");
        }
    }
    let (leading, rest) = sequence.code.split_at(sequence.static_len);
    if leading.contains(&Vocabulary::TIME) || rest.first() == Some(&Vocabulary::TIME) {
        return broken(Section::Code, "lets time pass before a subject's first event");
    }
    Ok(())
}

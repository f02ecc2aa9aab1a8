//! Where what lies in a shard.

use crate::ShardError;

pub(super) const MAGIC: &[u8; 8] = b"OSLERTML";
pub(super) const VERSION: u32 = 1;
pub(super) const ALIGNMENT: u64 = 64;

const FIXED: usize = 8 + 4 + 4 + 8 + 8 + 32;
const PER_SECTION: usize = 8 + 8 + 32;
/// Length of the header with its digest.
pub(super) const HEADER: usize = FIXED + Section::ALL.len() * PER_SECTION + 32;

/// Bits of the `flags` column.
pub(super) const FLAG_DIED: u8 = 1;
pub(super) const FLAG_BIRTH_KNOWN: u8 = 2;

/// One column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Section {
    /// i64 per subject.
    SubjectId,
    /// u64 per subject and one more: where its tokens begin, and at last where all end.
    FirstToken,
    /// u32 per subject.
    StaticLen,
    /// f64 per subject.
    FollowupEndAgeDays,
    /// u8 per subject.
    Flags,
    /// u32 per token.
    Code,
    /// f64 per token.
    AgeDays,
    /// f32 per token.
    Value,
}

impl Section {
    pub const ALL: [Section; 8] = [
        Section::SubjectId,
        Section::FirstToken,
        Section::StaticLen,
        Section::FollowupEndAgeDays,
        Section::Flags,
        Section::Code,
        Section::AgeDays,
        Section::Value,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Section::SubjectId => "subject_id",
            Section::FirstToken => "first_token",
            Section::StaticLen => "static_len",
            Section::FollowupEndAgeDays => "followup_end_age_days",
            Section::Flags => "flags",
            Section::Code => "code",
            Section::AgeDays => "age_days",
            Section::Value => "value",
        }
    }

    /// Length in bytes for so many subjects and tokens; `None` when no file can be that long.
    pub fn length(self, subjects: u64, tokens: u64) -> Option<u64> {
        match self {
            Section::SubjectId | Section::FollowupEndAgeDays => subjects.checked_mul(8),
            Section::FirstToken => subjects.checked_add(1)?.checked_mul(8),
            Section::StaticLen => subjects.checked_mul(4),
            Section::Flags => Some(subjects),
            Section::Code | Section::Value => tokens.checked_mul(4),
            Section::AgeDays => tokens.checked_mul(8),
        }
    }
}

/// Where a section lies, and its digest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Place {
    pub offset: u64,
    pub length: u64,
    pub digest: [u8; 32],
}

/// The header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Header {
    pub vocabulary_size: u32,
    pub subjects: u64,
    pub tokens: u64,
    pub vocabulary_digest: [u8; 32],
    pub sections: [Place; 8],
}

impl Header {
    /// The bytes of the header, its digest last.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(HEADER);
        bytes.extend_from_slice(MAGIC);
        bytes.extend_from_slice(&VERSION.to_le_bytes());
        bytes.extend_from_slice(&self.vocabulary_size.to_le_bytes());
        bytes.extend_from_slice(&self.subjects.to_le_bytes());
        bytes.extend_from_slice(&self.tokens.to_le_bytes());
        bytes.extend_from_slice(&self.vocabulary_digest);
        for place in &self.sections {
            bytes.extend_from_slice(&place.offset.to_le_bytes());
            bytes.extend_from_slice(&place.length.to_le_bytes());
            bytes.extend_from_slice(&place.digest);
        }
        let digest = blake3::hash(&bytes);
        bytes.extend_from_slice(digest.as_bytes());
        bytes
    }

    /// Reads the header and checks that every section lies within `file_length` bytes.
    pub fn parse(bytes: &[u8], file_length: u64) -> Result<(Self, [u8; 32]), ShardError> {
        let mut cursor = Cursor(bytes);
        if &cursor.take::<8>()? != MAGIC {
            return Err(ShardError::Magic);
        }
        let version = u32::from_le_bytes(cursor.take()?);
        if version != VERSION {
            return Err(ShardError::Version { found: version, supported: VERSION });
        }
        let vocabulary_size = u32::from_le_bytes(cursor.take()?);
        let subjects = u64::from_le_bytes(cursor.take()?);
        let tokens = u64::from_le_bytes(cursor.take()?);
        let vocabulary_digest = cursor.take()?;
        let mut sections = [Place::default(); 8];
        for place in &mut sections {
            place.offset = u64::from_le_bytes(cursor.take()?);
            place.length = u64::from_le_bytes(cursor.take()?);
            place.digest = cursor.take()?;
        }
        let digest: [u8; 32] = cursor.take()?;
        if blake3::hash(&bytes[..HEADER - 32]) != digest {
            return Err(ShardError::Header);
        }
        for (place, section) in sections.iter().zip(Section::ALL) {
            let fits = place.offset.checked_add(place.length).is_some_and(|end| end <= file_length);
            let aligned = place.offset % ALIGNMENT == 0 && place.offset >= HEADER as u64;
            if !fits || !aligned || section.length(subjects, tokens) != Some(place.length) {
                return Err(ShardError::Section { section: section.name() });
            }
        }
        Ok((Header { vocabulary_size, subjects, tokens, vocabulary_digest, sections }, digest))
    }
}

struct Cursor<'a>(&'a [u8]);

impl Cursor<'_> {
    fn take<const N: usize>(&mut self) -> Result<[u8; N], ShardError> {
        let (taken, rest) = self.0.split_first_chunk::<N>().ok_or(ShardError::TooShort)?;
        self.0 = rest;
        Ok(*taken)
    }
}

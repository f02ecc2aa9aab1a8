//! Shards are gathered in memory and written whole.

use super::layout::{ALIGNMENT, FLAG_BIRTH_KNOWN, FLAG_DIED, HEADER, Header, Place, Section};
use crate::{Error, Sequence};
use std::io::Write;
use std::path::Path;

/// The columns of one shard, growing.
#[derive(Debug, Default)]
pub(crate) struct ShardBuffer {
    subject_id: Vec<i64>,
    first_token: Vec<u64>,
    static_len: Vec<u32>,
    followup_end_age_days: Vec<f64>,
    flags: Vec<u8>,
    code: Vec<u32>,
    age_days: Vec<f64>,
    value: Vec<f32>,
}

impl ShardBuffer {
    /// Takes in one subject.
    pub fn push(&mut self, sequence: &Sequence<'_>) -> Result<(), Error> {
        let limit = u64::from(u32::MAX);
        if sequence.len() as u64 > limit {
            return Err(Error::SubjectTooLong { limit });
        }
        self.subject_id.push(sequence.subject_id);
        self.first_token.push(self.code.len() as u64);
        self.static_len.push(sequence.static_len as u32);
        self.followup_end_age_days.push(sequence.followup_end_age_days);
        let died = if sequence.died { FLAG_DIED } else { 0 };
        let birth_known = if sequence.birth_known { FLAG_BIRTH_KNOWN } else { 0 };
        self.flags.push(died | birth_known);
        self.code.extend_from_slice(sequence.code);
        self.age_days.extend_from_slice(sequence.age_days);
        self.value.extend_from_slice(sequence.value);
        Ok(())
    }

    pub fn subjects(&self) -> usize {
        self.subject_id.len()
    }

    pub fn tokens(&self) -> usize {
        self.code.len()
    }

    /// Writes the shard, empties the buffer, and tells the digest that names the content.
    pub fn write(
        &mut self,
        path: &Path,
        vocabulary_size: u32,
        vocabulary_digest: [u8; 32],
    ) -> Result<[u8; 32], Error> {
        let file = std::fs::File::create(path).map_err(Error::io(path))?;
        let mut out = std::io::BufWriter::with_capacity(1 << 18, file);
        let digest = self.write_to(&mut out, vocabulary_size, vocabulary_digest).map_err(Error::io(path))?;
        let file = out.into_inner().map_err(|e| Error::io(path)(e.into_error()))?;
        file.sync_all().map_err(Error::io(path))?;
        self.clear();
        Ok(digest)
    }

    pub(super) fn write_to(
        &mut self,
        out: &mut impl Write,
        vocabulary_size: u32,
        vocabulary_digest: [u8; 32],
    ) -> std::io::Result<[u8; 32]> {
        self.first_token.push(self.code.len() as u64);
        let columns: [&[u8]; 8] = Section::ALL.map(|section| match section {
            Section::SubjectId => bytemuck::cast_slice(&self.subject_id),
            Section::FirstToken => bytemuck::cast_slice(&self.first_token),
            Section::StaticLen => bytemuck::cast_slice(&self.static_len),
            Section::FollowupEndAgeDays => bytemuck::cast_slice(&self.followup_end_age_days),
            Section::Flags => &self.flags,
            Section::Code => bytemuck::cast_slice(&self.code),
            Section::AgeDays => bytemuck::cast_slice(&self.age_days),
            Section::Value => bytemuck::cast_slice(&self.value),
        });
        let mut offset = (HEADER as u64).next_multiple_of(ALIGNMENT);
        let sections = columns.map(|column| {
            let length = column.len() as u64;
            let place = Place { offset, length, digest: *blake3::hash(column).as_bytes() };
            offset = (offset + length).next_multiple_of(ALIGNMENT);
            place
        });
        let header = Header {
            vocabulary_size,
            subjects: self.subject_id.len() as u64,
            tokens: self.code.len() as u64,
            vocabulary_digest,
            sections,
        };
        let header = header.to_bytes();
        out.write_all(&header)?;
        let mut written = header.len() as u64;
        for (column, place) in columns.iter().zip(&sections) {
            let gap = [0; ALIGNMENT as usize];
            out.write_all(&gap[..(place.offset - written) as usize])?;
            out.write_all(column)?;
            written = place.offset + place.length;
        }
        self.first_token.pop();
        let mut digest = [0; 32];
        digest.copy_from_slice(&header[HEADER - 32..]);
        Ok(digest)
    }

    fn clear(&mut self) {
        self.subject_id.clear();
        self.first_token.clear();
        self.static_len.clear();
        self.followup_end_age_days.clear();
        self.flags.clear();
        self.code.clear();
        self.age_days.clear();
        self.value.clear();
    }
}

//! Packed columns of many subjects in one file, read in place.
//!
//! ```text
//! header      magic "OSLERTML", format version, vocabulary size, subjects, tokens, vocabulary digest
//! sections    for each of the eight: offset, length in bytes, BLAKE3
//! digest      BLAKE3 of all the above
//! columns     each at a multiple of 64 bytes, little-endian, zero bytes between
//! ```
//! The digest of the header covers those of the sections, so it names the whole content.

mod layout;
mod reader;
mod writer;

pub(crate) use reader::Shard;
pub(crate) use writer::ShardBuffer;

/// Reads bytes as a shard and walks through all of it; for fuzzing. It returns, whatever the bytes.
pub fn fuzz_shard(bytes: &[u8]) {
    if let Ok(shard) = Shard::from_bytes(bytes) {
        for i in 0..shard.len() {
            let sequence = shard.sequence(i);
            assert_eq!(sequence.code.len(), sequence.age_days.len());
            assert_eq!(sequence.code.len(), sequence.value.len());
            assert!(sequence.static_len <= sequence.len());
            assert!(sequence.code.iter().all(|&code| code < shard.vocabulary_size()));
        }
        let _ = shard.verify();
    }
}

#[cfg(test)]
mod tests;

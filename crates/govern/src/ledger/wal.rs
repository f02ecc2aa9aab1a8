//! The journal that SQLite writes ahead (<https://www.sqlite.org/fileformat2.html#walformat>).
//!
//! After a crash the last entries lie in it alone, and SQLite takes it as ended at the first frame whose checksum
//! doesn't fit: a byte that was changed there would cut entries off, and their checkpoints with them. So its frames
//! are checked here.

use crate::Error;
use std::{fs, path::Path, thread::sleep, time::Duration};

const HEADER_BYTES: usize = 32;
const FRAME_HEADER_BYTES: usize = 24;
/// A running server may be writing while the journal is read: what doesn't fit must not fit several times.
const LOOKS: usize = 4;
const BETWEEN_LOOKS: Duration = Duration::from_millis(250);

/// Checks the journal of a database, if it has one.
pub(super) fn check(database: &Path) -> Result<(), Error> {
    let mut name = database.as_os_str().to_owned();
    name.push("-wal");
    for look in 1.. {
        let bytes = match fs::read(&name) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
            Err(source) => return Err(Error::Io { what: "the ledger's journal can't be read", source }),
        };
        match broken_frame(&bytes) {
            None => return Ok(()),
            Some(_) if look < LOOKS => sleep(BETWEEN_LOOKS),
            Some(frame) => {
                return Err(Error::LedgerChanged {
                    finding: format!(
                        "frame {frame} of the journal {} does not fit its checksum, and the entries from there on \
                         can't be read: a byte was changed, or the machine lost power while it was written",
                        Path::new(&name).display()
                    ),
                });
            }
        }
    }
    Ok(())
}

/// The first frame (from 1; 0 for the header) of this journal's that doesn't fit. Frames with another salt are left
/// over from before the journal was begun anew, and don't count.
fn broken_frame(bytes: &[u8]) -> Option<usize> {
    if bytes.is_empty() {
        return None;
    }
    let word = |at: usize| bytes.get(at..at + 4)?.try_into().ok().map(u32::from_be_bytes);
    let little_endian = match word(0) {
        Some(0x377f_0682) => true,
        Some(0x377f_0683) => false,
        _ => return Some(0),
    };
    let (Some(page), Some(salt)) = (word(8), bytes.get(16..24)) else { return Some(0) };
    let (Some(one), Some(two)) = (word(24), word(28)) else { return Some(0) };
    if checksum(little_endian, (0, 0), &bytes[..24]) != (one, two) {
        return Some(0);
    }
    let mut sums = (one, two);
    let frame_bytes = FRAME_HEADER_BYTES + page as usize;
    for (index, frame) in bytes[HEADER_BYTES..].chunks(frame_bytes).enumerate() {
        let number = index + 1;
        if frame.len() < FRAME_HEADER_BYTES {
            return Some(number);
        }
        if &frame[8..16] != salt {
            // Old, or its salt itself was changed: then the next ones are still of this journal, or it differs in one
            // byte, as no other salt does, half of it being drawn anew.
            let differing = frame[8..16].iter().zip(salt).filter(|(one, other)| one != other).count();
            let later = bytes[HEADER_BYTES..].chunks(frame_bytes).skip(number);
            let goes_on = later.into_iter().any(|frame| frame.get(8..16) == Some(salt));
            return (goes_on || differing == 1).then_some(number);
        }
        if frame.len() < frame_bytes {
            return Some(number);
        }
        sums = checksum(little_endian, sums, &frame[..8]);
        sums = checksum(little_endian, sums, &frame[FRAME_HEADER_BYTES..]);
        let told = |at: usize| frame[at..at + 4].try_into().ok().map(u32::from_be_bytes);
        if (told(16), told(20)) != (Some(sums.0), Some(sums.1)) {
            return Some(number);
        }
    }
    None
}

/// SQLite's running checksum over 8-byte pairs.
fn checksum(little_endian: bool, (mut one, mut two): (u32, u32), bytes: &[u8]) -> (u32, u32) {
    let word = |bytes: &[u8]| {
        let bytes = bytes.try_into().unwrap_or_default();
        if little_endian { u32::from_le_bytes(bytes) } else { u32::from_be_bytes(bytes) }
    };
    for pair in bytes.chunks_exact(8) {
        one = one.wrapping_add(word(&pair[..4])).wrapping_add(two);
        two = two.wrapping_add(word(&pair[4..])).wrapping_add(one);
    }
    (one, two)
}

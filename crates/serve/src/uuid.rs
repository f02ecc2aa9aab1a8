//! Names that nobody else gives.

use crate::error::ApiError;
use std::fmt::Write;

/// A random UUID (RFC 9562, version 4).
///
/// # Errors
/// When the system gives no randomness.
pub(crate) fn new_uuid() -> Result<String, ApiError> {
    let mut bytes = [0u8; 16];
    getrandom::fill(&mut bytes).map_err(|_| ApiError::Internal)?;
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let mut text = String::with_capacity(36);
    for (place, byte) in bytes.iter().enumerate() {
        if matches!(place, 4 | 6 | 8 | 10) {
            text.push('-');
        }
        // Writing to a String can't fail.
        let _ = write!(text, "{byte:02x}");
    }
    Ok(text)
}

/// Is it written as a UUID is: 8, 4, 4, 4 and 12 hexadecimal digits?
pub(crate) fn is_uuid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(place, byte)| match place {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uuids_are_of_version_four_and_differ() {
        let (one, other) = (new_uuid().unwrap(), new_uuid().unwrap());
        assert!(one.len() == 36 && one.as_bytes()[14] == b'4' && one != other);
    }
}

//! Bearer tokens, which can't be printed.

use std::fmt;

/// The longest token.
const MAX_TOKEN_BYTES: usize = 8 << 10;

/// A bearer token. It can't be printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(String);

impl Token {
    /// A token of visible letters, as RFC 6750 has them.
    pub fn new(text: &str) -> Option<Token> {
        let plain =
            |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_' | b'~' | b'+' | b'/' | b'=');
        (!text.is_empty() && text.len() <= MAX_TOKEN_BYTES && text.bytes().all(plain))
            .then(|| Token(text.to_owned()))
    }

    /// The value of the Authorization header.
    pub fn header(&self) -> Option<hyper::header::HeaderValue> {
        let mut value = hyper::header::HeaderValue::from_str(&format!("Bearer {}", self.0)).ok()?;
        value.set_sensitive(true);
        Some(value)
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("‹token›")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_one_word_and_is_never_printed() {
        let token = Token::new("ey.J0-~+/=").unwrap();
        assert_eq!(format!("{token:?}"), "‹token›");
        assert!(token.header().unwrap().is_sensitive());
        for text in ["", "a b", "a\r\nx: y", "ü", &"x".repeat(MAX_TOKEN_BYTES + 1)] {
            assert!(Token::new(text).is_none());
        }
    }
}

//! Reading JSON that someone else wrote: depth first, then structure, with reasons that carry no value.

use memchr::memchr2;
use serde::Deserialize;
use sonic_rs::JsonValueTrait;

pub(super) const TOO_DEEP: &str = "nested too deeply";
pub(super) const NOT_UTF8: &str = "not UTF-8";
const NOT_JSON: &str = "not valid JSON";
const ENDS_EARLY: &str = "the JSON ends early";
const WRONG_TYPE: &str = "an element has a type that FHIR does not allow there";

/// Checks what the parser itself doesn't: its recursion follows the nesting, so that has to be bounded first.
pub(super) fn check(bytes: &[u8], max_depth: usize) -> Result<&str, &'static str> {
    check_whole(bytes, max_depth).map(|(text, _)| text)
}

/// The same, and whether every bracket and string of it is closed.
pub(super) fn check_whole(bytes: &[u8], max_depth: usize) -> Result<(&str, bool), &'static str> {
    let text = std::str::from_utf8(bytes).map_err(|_| NOT_UTF8)?;
    closed_within(bytes, max_depth).map(|is_closed| (text, is_closed)).ok_or(TOO_DEEP)
}

/// Is every bracket and string of the text closed? One that isn't was cut off, or has a fault further in.
pub(super) fn is_closed(bytes: &[u8]) -> bool {
    closed_within(bytes, usize::MAX).unwrap_or_default()
}

/// The same of a text that nests no deeper; `None` of one that does.
fn closed_within(bytes: &[u8], max_depth: usize) -> Option<bool> {
    let (mut depth, mut open) = (0usize, 0i64);
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        at += 1;
        match byte {
            b'"' => match closing_quote(bytes, at) {
                Some(behind) => at = behind,
                None => return Some(false),
            },
            b'{' | b'[' => {
                (depth, open) = (depth + 1, open + 1);
                if depth > max_depth {
                    return None;
                }
            }
            b'}' | b']' => (depth, open) = (depth.saturating_sub(1), open - 1),
            _ => {}
        }
    }
    Some(open <= 0)
}

/// The place behind the closing quote of a string that begins at `at`.
fn closing_quote(bytes: &[u8], mut at: usize) -> Option<usize> {
    while let Some(found) = memchr2(b'"', b'\\', bytes.get(at..).unwrap_or_default()) {
        at += found + 1;
        if bytes[at - 1] == b'"' {
            return Some(at);
        }
        at += 1;
    }
    None
}

/// Reads one value.
pub(super) fn parse<'a, T: Deserialize<'a>>(text: &'a str) -> Result<T, &'static str> {
    sonic_rs::from_str(text).map_err(|error| reason(&error))
}

/// The resource's type, wherever in the object it stands.
pub(super) fn resource_type(text: &str) -> Result<String, &'static str> {
    match sonic_rs::get(text, &["resourceType"]) {
        Ok(value) => value.as_str().map(str::to_owned).ok_or(WRONG_TYPE),
        Err(error) if error.is_not_found() => Err("no resourceType"),
        Err(error) => Err(reason(&error)),
    }
}

fn reason(error: &sonic_rs::Error) -> &'static str {
    match error.classify() {
        sonic_rs::error::Category::TypeUnmatched => WRONG_TYPE,
        sonic_rs::error::Category::Eof => ENDS_EARLY,
        _ => NOT_JSON,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn depth_counts_brackets_outside_strings() {
        assert_eq!(check(br#"{"a":["[[[[[\"[[[[",{}]}"#, 3).map(|_| ()), Ok(()));
        assert_eq!(check(br#"{"a":["[[",{}]}"#, 2), Err(TOO_DEEP));
        assert_eq!(check(&vec![b'['; 1 << 20], 64), Err(TOO_DEEP));
        assert_eq!(check(b"\"open \\", 1).map(|_| ()), Ok(()));
        assert_eq!(check(b"{\"a\":\"\xff\"}", 9), Err(NOT_UTF8));
    }

    #[test]
    fn what_is_cut_off_is_not_closed() {
        let whole = br#"{"a":["x\"}",{"b":"{"}]}"#;
        assert!(is_closed(whole) && is_closed(b"") && is_closed(b"{} trailing"));
        assert!((1..whole.len()).all(|length| !is_closed(&whole[..length])));
    }

    #[test]
    fn reasons_tell_broken_from_wrong() {
        assert_eq!(resource_type(r#"{"id":"1","resourceType":"Patient"}"#), Ok("Patient".into()));
        assert_eq!(resource_type(r#"{"id":"1"}"#), Err("no resourceType"));
        assert_eq!(resource_type(r#"{"resourceType":7}"#), Err(WRONG_TYPE));
        assert_eq!(parse::<Vec<u8>>("[1,2"), Err(ENDS_EARLY));
        assert_eq!(parse::<Vec<u8>>("[1,]"), Err(NOT_JSON));
        assert_eq!(parse::<Vec<u8>>("{}"), Err(WRONG_TYPE));
    }
}

//! What is said of a settings file that can't be read. The file may be another than was meant, a site's key or a table of patients,
//! so its line is named and never shown, and of a parser's message only what names a field stays.

use std::ops::Range;

/// Longest name that a field has.
const LONGEST_NAME: usize = 40;
/// So many letters of hexadecimal, and nothing else, are no name.
const HEXADECIMAL: usize = 8;
/// Longest message of a form that isn't known.
const LONGEST: usize = 200;

/// A parser's message with its line, and without what stands in the file: `line 3: invalid type: string, expected u64`.
///
/// ```
/// let text = "# A comment.\nname = 'Ann Lee'\n";
/// let said = events::misread(text, Some(13..16), "invalid type: string \"Ann Lee\", expected u64");
/// assert_eq!(said, "line 2: invalid type: string, expected u64");
/// ```
pub fn misread(text: &str, at: Option<Range<usize>>, message: &str) -> String {
    let message = without_values(message);
    let Some(at) = at else { return message };
    let line = text.bytes().take(at.start).filter(|byte| *byte == b'\n').count() + 1;
    format!("line {line}: {message}")
}

/// A message of `serde`, or of a parser below it, without what was read: unknown fields and variants are named where
/// they look like a name, values never.
pub fn without_values(message: &str) -> String {
    let message = message.trim();
    for (head, unnamed) in
        [("unknown field `", "an unknown field"), ("unknown variant `", "an unknown value")]
    {
        let Some(rest) = message.strip_prefix(head) else { continue };
        // The last of them: what was read may hold these words too.
        let end = rest.rfind("`, expected ").or_else(|| rest.rfind("`, there are no "));
        return match end {
            Some(end) if is_field_name(&rest[..end]) => message.to_owned(),
            Some(end) => format!("{unnamed}{}", &rest[end + 1..]),
            None => unnamed.to_owned(),
        };
    }
    for head in ["invalid type: ", "invalid value: "] {
        let Some(rest) = message.strip_prefix(head) else { continue };
        let (found, expected) = rest.split_at(rest.rfind(", expected ").unwrap_or(rest.len()));
        let kind = found.split(['"', '`']).next().unwrap_or_default().trim_end();
        return format!("{head}{kind}{expected}");
    }
    if message.starts_with("missing field `") || message.starts_with("duplicate field `") {
        return message.to_owned();
    }
    unquoted(message)
}

/// Does it look like a field's name, and not like a secret, a number or words of a record?
pub fn is_field_name(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "_.-".contains(c);
    let digits = name.chars().filter(char::is_ascii_digit).count();
    let mut told = name.chars().filter(char::is_ascii_alphanumeric);
    let hexadecimal = told.clone().count() >= HEXADECIMAL && told.all(|c| c.is_ascii_hexdigit());
    name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.len() <= LONGEST_NAME
        && name.chars().all(plain)
        && 2 * digits <= name.len()
        && !hexadecimal
}

/// Of what stands between quotation marks, names and punctuation stay.
fn unquoted(message: &str) -> String {
    let mut said = String::new();
    let mut rest = message;
    while let Some(start) = rest.find(['`', '"']) {
        let mark = &rest[start..=start];
        said += &rest[..start];
        let Some(length) = rest[start + 1..].find(mark) else {
            rest = "…";
            break;
        };
        let quoted = &rest[start + 1..start + 1 + length];
        let punctuation = quoted.len() <= 3 && !quoted.contains(char::is_alphanumeric);
        said += mark;
        said += if punctuation || is_field_name(quoted) { quoted } else { "…" };
        said += mark;
        rest = &rest[start + length + 2..];
    }
    said += rest;
    said.chars().take(LONGEST).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_fields_stay_and_what_was_read_goes() {
        let key = "3f".repeat(32);
        let same = |message: &str| assert_eq!(without_values(message), message);
        same("unknown field `feed_forwards`, expected one of `width`, `layers`");
        same("unknown variant `shft`, expected `shift` or `keep`");
        same("missing field `name`");
        same("key with no value, expected `=`");
        same("data did not match any variant of untagged enum Text");
        same("invalid type: map, expected a string at line 3 column 4");
        let said = |message: String| without_values(&message);
        assert_eq!(said(format!("unknown field `{key}`, expected `a`")), "an unknown field, expected `a`");
        assert_eq!(
            said("unknown field `Ann`, expected b`, expected one of `a`, `b`".into()),
            "an unknown field, expected one of `a`, `b`"
        );
        assert_eq!(said(format!("unknown variant `{key}`, expected `a`")), "an unknown value, expected `a`");
        assert_eq!(
            said(
                "invalid type: string \"Ann \\\"Lee\\\", expected\", expected u64 at line 1 column 2".into()
            ),
            "invalid type: string, expected u64 at line 1 column 2"
        );
        assert_eq!(
            said("invalid value: integer `19870304`, expected u8".into()),
            "invalid value: integer, expected u8"
        );
        assert_eq!(said(format!("no system `{key}` or \"Ann")), "no system `…` or …");
    }

    #[test]
    fn what_looks_like_a_secret_a_number_or_a_sentence_is_no_name() {
        for name in ["width", "in_hospital_death", "icd10", "learning-rate", "promote.live", "decade"] {
            assert!(is_field_name(name), "{name}");
        }
        let long = "a_".repeat(21);
        for name in ["", "Ann", "1987-03-04", "mrn00471122", "0f3c9a77", "deadbeefcafe", "ann lee", &long] {
            assert!(!is_field_name(name), "{name}");
        }
    }
}

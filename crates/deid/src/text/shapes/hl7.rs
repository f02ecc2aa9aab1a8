//! Segments of HL7 version 2 that a note was pasted from: what the fields hold is said by the segment.

use crate::text::Identifier;
use crate::text::page::Page;

/// Segments about who someone is: patient, next of kin, guarantor, insurance, visit, message.
const SEGMENTS: &[&str] =
    &["PID", "NK1", "GT1", "IN1", "IN2", "PV1", "PV2", "MSH", "PD1", "ORC", "ROL", "OBR", "TXA", "SPM"];
/// Fewest digits of a field that is a number of someone's.
const DIGITS: usize = 4;

/// Takes the names, addresses and numbers of such lines.
pub(super) fn find(page: &mut Page) {
    let text = page.text();
    // Few texts hold any, and this is all that the others pay.
    if memchr::memchr(b'|', text.as_bytes()).is_none() {
        return;
    }
    let mut start = 0;
    for line in text.split_inclusive(['\n', '\r']) {
        let begins = line.trim_start();
        let indent = line.len() - begins.len();
        if SEGMENTS
            .iter()
            .any(|segment| begins.strip_prefix(segment).is_some_and(|rest| rest.starts_with('|')))
        {
            let mut at = start + indent;
            let segment = begins.get(..3).unwrap_or_default();
            for (number, field) in begins.trim_end().split('|').enumerate().skip(1) {
                // Fields begin after the bar.
                at += text[at..].find('|').map_or(0, |bar| bar + 1);
                if let Some(identifier) = identifies(field).filter(|_| is_about_someone(segment, number)) {
                    let first = page.tokens().partition_point(|token| (token.end as usize) <= at);
                    page.take_bytes(at..at + field.len(), first, identifier);
                }
            }
        }
        start += line.len();
    }
}

/// Is a segment's field about someone? Orders, documents and specimens say what was done in most of theirs.
fn is_about_someone(segment: &str, field: usize) -> bool {
    match segment {
        // Placer and filler numbers, fields of theirs, collector, provider, interpreters, and who is called back.
        "OBR" => matches!(field, 2 | 3 | 10 | 16..=21 | 28 | 32..=35),
        "TXA" => matches!(field, 5 | 9..=16 | 22 | 23),
        "SPM" => matches!(field, 2 | 3 | 30 | 31),
        _ => true,
    }
}

/// What a field holds, if it identifies.
fn identifies(field: &str) -> Option<Identifier> {
    let parts = || field.split(['^', '~', '&']);
    let name = |part: &str| {
        part.chars().count() > 1
            && part.chars().all(|c| c.is_alphabetic() || matches!(c, ' ' | '-' | '\'' | '.'))
    };
    let digits = |part: &str| part.bytes().filter(u8::is_ascii_digit).count();
    let street =
        |part: &str| digits(part) > 0 && part.contains(' ') && part.bytes().any(|b| b.is_ascii_alphabetic());
    // `\\&` and the like of MSH-2.
    if !field.contains(char::is_alphanumeric) {
        None
    } else if parts().any(street) {
        Some(Identifier::Location)
    } else if field.contains('^') && parts().filter(|part| name(part)).count() > 1 {
        Some(Identifier::Name)
    } else if parts().any(|part| digits(part) >= DIGITS && !is_code(part)) {
        Some(Identifier::MedicalRecordNumber)
    } else {
        None
    }
}

/// A code of a vocabulary, as a race's `2106-3` (digits, a dash, one digit), or the vocabulary's own name.
fn is_code(part: &str) -> bool {
    if part.starts_with("HL7") {
        return true;
    }
    let code = part.split_once('-');
    code.is_some_and(|(digits, check)| {
        digits.len() == 4
            && check.len() == 1
            && (digits.to_owned() + check).bytes().all(|b| b.is_ascii_digit())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_told_apart() {
        for (field, want) in [
            ("ROE^ANN^M", Some(Identifier::Name)),
            ("000774193^^^MRN", Some(Identifier::MedicalRecordNumber)),
            ("12 ELM ST^^SALEM^MA^01970", Some(Identifier::Location)),
            ("2106-3^White^HL70005", None),
            ("^~\\&", None),
            ("F", None),
            ("ADT^A01", None),
        ] {
            assert_eq!(identifies(field), want, "{field}");
        }
    }
}

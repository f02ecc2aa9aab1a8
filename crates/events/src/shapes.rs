//! The shapes that codes of shared vocabularies have, check digits included: by them a reader chooses between two codes of a row, and
//! de-identification lets a code pass.

use std::borrow::Cow;
use std::ops::RangeInclusive;

/// The rule for the codes of a vocabulary that everybody shares; none for others, a site's own among them.
pub fn vocabulary_shape(system: &str) -> Option<fn(&str) -> bool> {
    Some(match system {
        "SNOMED" => |code| digits(code, 6..=18) && verhoeff(code),
        "LOINC" => loinc,
        "RXNORM" | "RXNORM_EXTENSION" => rxnorm,
        "ICD10CM" | "ICD10" => icd10,
        "ICD9CM" => icd9,
        "ICD9PROC" => {
            |code| code.len() <= 5 && code.chars().all(|c| c.is_ascii_digit() || c == '.') && code.len() >= 2
        }
        "ICD10PCS" => |code| {
            code.len() == 7
                && code
                    .bytes()
                    .all(|b| b.is_ascii_digit() || (b.is_ascii_uppercase() && b != b'I' && b != b'O'))
        },
        // By bytes: a letter of two may stand across a place where the text can't be parted.
        "CPT4" => |code| {
            matches!(code.as_bytes(), [number @ .., last]
                if number.len() == 4 && number.iter().all(u8::is_ascii_digit) && last.is_ascii_alphanumeric())
        },
        "HCPCS" => |code| {
            matches!(code.as_bytes(), [first, number @ ..]
                if number.len() == 4 && number.iter().all(u8::is_ascii_digit) && first.is_ascii_uppercase())
        },
        "CVX" => |code| digits(code, 1..=3),
        "NDC" => |code| digits(code, 11..=11) || ndc_dashed(code),
        "ATC" => atc,
        _ => return None,
    })
}

/// A code as its vocabulary writes it: claims leave the dot out of ICD codes (`E119` is `E11.9`).
///
/// ```
/// assert_eq!(events::with_dot("ICD10CM", "E119"), "E11.9");
/// assert_eq!(events::with_dot("ICD9CM", "25000"), "250.00");
/// assert_eq!(events::with_dot("LOINC", "4548-4"), "4548-4");
/// ```
pub fn with_dot<'c>(system: &str, code: &'c str) -> Cow<'c, str> {
    let head = match (system, code.as_bytes()) {
        ("ICD10CM" | "ICD10", [_, _, _, _, ..]) => 3,
        ("ICD9CM", [b'E', _, _, _, _, ..]) => 4,
        ("ICD9CM", [b'0'..=b'9' | b'V', _, _, _, ..]) => 3,
        ("ICD9PROC", [_, _, _, ..]) => 2,
        _ => return Cow::Borrowed(code),
    };
    if !code.bytes().all(|b| b.is_ascii_digit() || b.is_ascii_uppercase()) {
        return Cow::Borrowed(code);
    }
    let dotted = format!("{}.{}", &code[..head], &code[head..]);
    let is_icd10 = matches!(system, "ICD10CM" | "ICD10");
    let has_end = !is_icd10 || code.len() < 7 || seventh_fits(code.as_bytes());
    match has_end && vocabulary_shape(system).is_some_and(|fits| fits(&dotted)) {
        true => Cow::Owned(dotted),
        false => Cow::Borrowed(code),
    }
}

/// Could a code of seven characters end so in ICD-10-CM, which extends few of its categories so far? `A123456` is a record's number. The
/// encounter of an injury, an external cause or a fracture is a letter; a digit tells stage, eye, score or child (glaucoma, diabetes,
/// gout, coma, pregnancy).
fn seventh_fits(code: &[u8]) -> bool {
    let (category, last) = (&code[..3], code[code.len() - 1]);
    match category {
        [b'S' | b'T' | b'V' | b'W' | b'X' | b'Y', ..] => last.is_ascii_uppercase(),
        b"M1A"
        | b"R40"
        | b"H34"
        | b"H35"
        | b"H40"
        | [b'O', ..]
        | [b'E', b'0', b'8' | b'9']
        | [b'E', b'1', b'0'..=b'3'] => last.is_ascii_digit(),
        [b'M', ..] => last.is_ascii_uppercase(),
        _ => false,
    }
}

fn digits(code: &str, length: RangeInclusive<usize>) -> bool {
    length.contains(&code.len()) && code.bytes().all(|b| b.is_ascii_digit())
}

/// `1234-5` with its Mod 10 check digit (LOINC Users' Guide, appendix B); LA (answer), LL (list) and LP (part)
/// codes have a check digit of another kind, which is not checked.
fn loinc(code: &str) -> bool {
    let derived = ["LA", "LL", "LP"].iter().find_map(|prefix| code.strip_prefix(prefix));
    let Some((number, check)) = derived.unwrap_or(code).split_once('-') else { return false };
    digits(number, 1..=7)
        && digits(check, 1..=1)
        && (derived.is_some()
            || LOINC_IRREGULAR.contains(&code)
            || luhn(number) == check.as_bytes()[0] - b'0')
}

/// Published codes whose check digit is not the rule's.
const LOINC_IRREGULAR: &[&str] = &["3150-6"];

/// The check digit that Luhn's algorithm (ISO/IEC 7812-1) appends to `number`.
fn luhn(number: &str) -> u8 {
    let sum: u32 = number
        .bytes()
        .rev()
        .enumerate()
        .map(|(i, b)| {
            let digit = u32::from(b - b'0') * if i % 2 == 0 { 2 } else { 1 };
            digit / 10 + digit % 10
        })
        .sum();
    ((10 - sum % 10) % 10) as u8
}

/// SNOMED CT identifiers end in a Verhoeff check digit (SNOMED CT Technical Implementation Guide).
fn verhoeff(code: &str) -> bool {
    const D: [[u8; 10]; 10] = [
        [0, 1, 2, 3, 4, 5, 6, 7, 8, 9],
        [1, 2, 3, 4, 0, 6, 7, 8, 9, 5],
        [2, 3, 4, 0, 1, 7, 8, 9, 5, 6],
        [3, 4, 0, 1, 2, 8, 9, 5, 6, 7],
        [4, 0, 1, 2, 3, 9, 5, 6, 7, 8],
        [5, 9, 8, 7, 6, 0, 4, 3, 2, 1],
        [6, 5, 9, 8, 7, 1, 0, 4, 3, 2],
        [7, 6, 5, 9, 8, 2, 1, 0, 4, 3],
        [8, 7, 6, 5, 9, 3, 2, 1, 0, 4],
        [9, 8, 7, 6, 5, 4, 3, 2, 1, 0],
    ];
    const P: [[u8; 10]; 8] = [
        [0, 1, 2, 3, 4, 5, 6, 7, 8, 9],
        [1, 5, 7, 6, 2, 8, 3, 0, 9, 4],
        [5, 8, 0, 3, 7, 9, 6, 1, 4, 2],
        [8, 9, 1, 6, 0, 4, 3, 5, 2, 7],
        [9, 4, 5, 3, 1, 2, 6, 8, 7, 0],
        [4, 2, 8, 6, 5, 7, 3, 9, 0, 1],
        [2, 7, 9, 3, 8, 0, 6, 4, 1, 5],
        [7, 0, 4, 6, 9, 1, 3, 2, 5, 8],
    ];
    let check = code
        .bytes()
        .rev()
        .enumerate()
        .fold(0u8, |c, (i, b)| D[usize::from(c)][usize::from(P[i % 8][usize::from(b - b'0')])]);
    check == 0
}

/// RxCUIs are up to 8 digits; OMOP's RxNorm Extension codes are `OMOP` and digits.
fn rxnorm(code: &str) -> bool {
    digits(code, 1..=8) || code.strip_prefix("OMOP").is_some_and(|rest| digits(rest, 1..=8))
}

/// ICD-10 and ICD-10-CM: letter, digit, alphanumeric, then up to four alphanumerics after a dot; or a chapter
/// block (`E08-E13`).
fn icd10(code: &str) -> bool {
    let category = |c: &str| {
        let b = c.as_bytes();
        b.len() == 3
            && b[0].is_ascii_uppercase()
            && b[1].is_ascii_digit()
            && (b[2].is_ascii_digit() || b[2].is_ascii_uppercase())
    };
    match code.split_once('.') {
        Some((head, tail)) => {
            category(head)
                && (1..=4).contains(&tail.len())
                && tail.bytes().all(|b| b.is_ascii_digit() || b.is_ascii_uppercase())
        }
        None => match code.split_once('-') {
            Some((first, last)) => category(first) && category(last),
            None => category(code),
        },
    }
}

fn icd9(code: &str) -> bool {
    let (head, tail) = code.split_once('.').unwrap_or((code, "0"));
    let head_ok = digits(head, 3..=3)
        || head.strip_prefix('V').is_some_and(|r| digits(r, 2..=2))
        || head.strip_prefix('E').is_some_and(|r| digits(r, 3..=3));
    head_ok && digits(tail, 1..=2)
}

fn ndc_dashed(code: &str) -> bool {
    let parts: Vec<&str> = code.split('-').collect();
    matches!(parts[..], [labeler, product, package]
        if digits(labeler, 4..=5) && digits(product, 3..=4) && digits(package, 1..=2))
}

/// ATC: `A`, `A10`, `A10B`, `A10BA`, `A10BA02`.
fn atc(code: &str) -> bool {
    let kinds: &[u8] = b"LDDLLDD";
    matches!(code.len(), 1 | 3 | 4 | 5 | 7)
        && code.bytes().zip(kinds).all(|(b, kind)| match kind {
            b'L' => b.is_ascii_uppercase(),
            _ => b.is_ascii_digit(),
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SYSTEMS: &[&str] = &[
        "SNOMED",
        "LOINC",
        "RXNORM",
        "RXNORM_EXTENSION",
        "ICD10CM",
        "ICD10",
        "ICD9CM",
        "ICD9PROC",
        "ICD10PCS",
        "CPT4",
        "HCPCS",
        "CVX",
        "NDC",
        "ATC",
    ];

    proptest! {
        /// Whatever a cell holds: words of any alphabet, and what is nearly a code.
        #[test]
        fn any_text_has_a_shape_or_has_none(
            system in prop::sample::select(SYSTEMS),
            code in prop_oneof![".*", "[0-9A-Zé.ä-]{0,8}", "[0-9]{2,4}[é٣]", "[A-Z]?[é٣][0-9]{1,4}"],
        ) {
            let fits = vocabulary_shape(system).is_some_and(|fits| fits(&code));
            prop_assert!(!fits || code.is_ascii(), "{system} {code}");
            let dotted = with_dot(system, &code);
            prop_assert!(dotted == code || dotted.replacen('.', "", 1) == code, "{system} {code}");
            prop_assert!(!fits || system == "ICD9PROC" || dotted == code, "{system} {code} has its shape");
        }
    }

    #[test]
    fn the_dot_that_claims_leave_out_is_put_in() {
        for (system, code, written) in [
            ("ICD10CM", "E119", "E11.9"),
            ("ICD10CM", "S72001A", "S72.001A"),
            ("ICD10", "I639", "I63.9"),
            ("ICD10CM", "I10", "I10"),
            ("ICD10CM", "E11.9", "E11.9"),
            ("ICD10CM", "E08-E13", "E08-E13"),
            ("ICD10CM", "E1", "E1"),
            ("ICD10CM", "MRN12345", "MRN12345"),
            ("ICD10CM", "1234567", "1234567"),
            ("ICD9CM", "25000", "250.00"),
            ("ICD9CM", "4019", "401.9"),
            ("ICD9CM", "V458", "V45.8"),
            ("ICD9CM", "E8120", "E812.0"),
            ("ICD9CM", "E812", "E812"),
            ("ICD9CM", "250", "250"),
            ("ICD9CM", "0012345", "0012345"),
            ("ICD9PROC", "3601", "36.01"),
            ("ICD9PROC", "36", "36"),
            ("SNOMED", "73211009", "73211009"),
        ] {
            assert_eq!(with_dot(system, code), written, "{system}");
        }
    }

    #[test]
    fn codes_of_shared_vocabularies_have_their_shape() {
        for (system, code) in [
            ("SNOMED", "44054006"),
            ("SNOMED", "73211009"),
            ("SNOMED", "195662009"),
            ("SNOMED", "428251000124104"),
            ("LOINC", "4548-4"),
            ("LOINC", "2160-0"),
            ("LOINC", "72166-2"),
            ("LOINC", "LA18978-9"),
            ("LOINC", "3150-6"),
            ("RXNORM", "860975"),
            ("RXNORM_EXTENSION", "OMOP4822460"),
            ("ICD10CM", "S72.001A"),
            ("ICD10", "J45"),
            ("ICD9CM", "V45.8"),
            ("ICD9PROC", "36.01"),
            ("ICD10PCS", "0DTJ4ZZ"),
            ("CPT4", "99213"),
            ("HCPCS", "G0008"),
            ("CVX", "140"),
            ("NDC", "00028215011"),
            ("NDC", "0002-8215-01"),
            ("ATC", "A10BA02"),
        ] {
            assert!(vocabulary_shape(system).is_some_and(|fits| fits(code)), "{system} {code}");
        }
        for (system, code) in [
            ("SNOMED", "44054007"),
            ("SNOMED", "73211008"),
            ("LOINC", "4548-5"),
            ("READ", "C10F.00"),
            ("Our Scores", "W1"),
            ("NDC", "000282150"),
            ("ICD10CM", "E119"),
            ("VISIT", "OMOP4822460"),
            ("CMS_PLACE_OF_SERVICE", "21"),
            ("RXNORM", ""),
            ("CPT4", "992é"),
            ("HCPCS", "é008"),
        ] {
            assert!(!vocabulary_shape(system).is_some_and(|fits| fits(code)), "{system} {code}");
        }
    }
}

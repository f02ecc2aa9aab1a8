//! Which codes of a source's own choosing can be told: those of vocabularies that everybody shares, in the shape that they have there.
//!
//! A source's concept is the finer code, but it may be of a vocabulary or a form that de-identification lets nowhere pass (Read, a
//! site's own, an NDC of nine digits), and then the row would say nothing, though its standard concept could. These shapes are those
//! that `deid` holds codes to; what passes is decided there alone, here only which of two codes is handed on.

/// Is this a code of a vocabulary that all share, in its shape?
pub(super) fn is_shared(system: &str, code: &str) -> bool {
    let bytes = code.as_bytes();
    let upper_or_digit = |b: &u8| b.is_ascii_uppercase() || b.is_ascii_digit();
    match system {
        "SNOMED" => digits(code, 6, 18) && verhoeff(code),
        "LOINC" => loinc(code),
        "RXNORM" | "RXNORM_EXTENSION" => digits(code.strip_prefix("OMOP").unwrap_or(code), 1, 8),
        "ICD10" | "ICD10CM" => icd10(code),
        "ICD9CM" => {
            let (head, tail) = code.split_once('.').unwrap_or((code, "0"));
            let known = digits(head, 3, 3)
                || head.strip_prefix('V').is_some_and(|rest| digits(rest, 2, 2))
                || head.strip_prefix('E').is_some_and(|rest| digits(rest, 3, 3));
            known && digits(tail, 1, 2)
        }
        "ICD9PROC" => (2..=5).contains(&code.len()) && bytes.iter().all(|b| b.is_ascii_digit() || *b == b'.'),
        "ICD10PCS" => code.len() == 7 && bytes.iter().all(|b| upper_or_digit(b) && !matches!(b, b'I' | b'O')),
        "CPT4" => matches!(bytes, [number @ .., last] if number.len() == 4
            && number.iter().all(u8::is_ascii_digit) && last.is_ascii_alphanumeric()),
        "HCPCS" => matches!(bytes, [first, number @ ..] if number.len() == 4
            && first.is_ascii_uppercase() && number.iter().all(u8::is_ascii_digit)),
        "CVX" => digits(code, 1, 3),
        "NDC" => {
            let parts: Vec<&str> = code.split('-').collect();
            digits(code, 11, 11)
                || matches!(parts[..], [labeler, product, package]
                    if digits(labeler, 4, 5) && digits(product, 3, 4) && digits(package, 1, 2))
        }
        "ATC" => {
            matches!(code.len(), 1 | 3 | 4 | 5 | 7)
                && bytes.iter().zip(b"LDDLLDD").all(|(b, kind)| match kind {
                    b'L' => b.is_ascii_uppercase(),
                    _ => b.is_ascii_digit(),
                })
        }
        _ => false,
    }
}

fn digits(text: &str, least: usize, most: usize) -> bool {
    (least..=most).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit())
}

/// `4548-4`, with its check digit (Luhn's); answers, lists and parts have another, which isn't checked.
fn loinc(code: &str) -> bool {
    let derived = ["LA", "LL", "LP"].iter().find_map(|prefix| code.strip_prefix(prefix));
    let Some((number, check)) = derived.unwrap_or(code).split_once('-') else { return false };
    let sum = |number: &str| -> u32 {
        let doubled = number.bytes().rev().enumerate().map(|(at, b)| u32::from(b - b'0') << ((at + 1) % 2));
        doubled.map(|digit| digit / 10 + digit % 10).sum()
    };
    digits(number, 1, 7)
        && digits(check, 1, 1)
        // 3150-6 was published with another.
        && (derived.is_some() || code == "3150-6" || (sum(number) + u32::from(check.as_bytes()[0] - b'0')) % 10 == 0)
}

fn icd10(code: &str) -> bool {
    let category = |text: &str| {
        matches!(text.as_bytes(), [a, b, c]
            if a.is_ascii_uppercase() && b.is_ascii_digit() && (c.is_ascii_digit() || c.is_ascii_uppercase()))
    };
    match (code.split_once('.'), code.split_once('-')) {
        (Some((head, tail)), _) => {
            category(head)
                && (1..=4).contains(&tail.len())
                && tail.bytes().all(|b| b.is_ascii_digit() || b.is_ascii_uppercase())
        }
        (None, Some((first, last))) => category(first) && category(last),
        (None, None) => category(code),
    }
}

/// SNOMED CT identifiers end in a check digit by Verhoeff: products in the dihedral group of ten elements.
fn verhoeff(code: &str) -> bool {
    const PERMUTED: [u8; 10] = [1, 5, 7, 6, 2, 8, 3, 0, 9, 4];
    let product = |a: u8, b: u8| match (a < 5, b < 5) {
        (true, true) => (a + b) % 5,
        (true, false) => 5 + (a + b) % 5,
        (false, true) => 5 + (a + 5 - b) % 5,
        (false, false) => (a + 5 - b) % 5,
    };
    let digits = code
        .bytes()
        .rev()
        .enumerate()
        .map(|(at, b)| (0..at % 8).fold(b - b'0', |digit, _| PERMUTED[usize::from(digit)]));
    digits.fold(0, product) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

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
            assert!(is_shared(system, code), "{system} {code}");
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
        ] {
            assert!(!is_shared(system, code), "{system} {code}");
        }
    }
}

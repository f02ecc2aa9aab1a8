//! Check digits.

/// Luhn's (ISO/IEC 7812-1, annex B): payment cards, and NPI behind its prefix 80840.
pub fn luhn(digits: impl DoubleEndedIterator<Item = u8>) -> bool {
    let sum: u32 = digits
        .rev()
        .enumerate()
        .map(|(place, digit)| match (place % 2, u32::from(digit)) {
            (0, digit) => digit,
            (_, digit) if digit > 4 => digit * 2 - 9,
            (_, digit) => digit * 2,
        })
        .sum();
    sum.is_multiple_of(10)
}

/// National Provider Identifier (45 CFR 162.406).
pub fn npi(number: &[u8]) -> bool {
    number.len() == 10
        && matches!(number[0], b'1' | b'2')
        && luhn(b"80840".iter().chain(number).map(|byte| byte - b'0'))
}

/// IBAN (ISO 13616-1): two letters, two check digits, and the rest modulo 97. Spaces must be gone.
pub fn iban(text: &[u8]) -> bool {
    if !(15..=34).contains(&text.len()) || !text.iter().all(u8::is_ascii_alphanumeric) {
        return false;
    }
    let remainder = text[4..].iter().chain(&text[..4]).fold(0_u32, |remainder, byte| match byte {
        b'0'..=b'9' => (remainder * 10 + u32::from(byte - b'0')) % 97,
        _ => (remainder * 100 + u32::from(byte.to_ascii_uppercase() - b'A') + 10) % 97,
    });
    remainder == 1
}

/// DEA registration: two letters, six digits, and a check digit.
pub fn dea(text: &[u8]) -> bool {
    if text.len() != 9
        || !text[..2].iter().all(u8::is_ascii_alphabetic)
        || !text[2..].iter().all(u8::is_ascii_digit)
    {
        return false;
    }
    let digit = |at: usize| u32::from(text[at] - b'0');
    (digit(2) + digit(4) + digit(6) + 2 * (digit(3) + digit(5) + digit(7))) % 10 == digit(8)
}

/// A Medicare beneficiary's identifier, as it is laid out, letters that it never has included: scanners write them.
pub fn mbi(bytes: &[u8]) -> bool {
    const LAYOUT: &[u8; 11] = b"9A*9A*9AA99";
    bytes.len() == LAYOUT.len()
        && bytes[0] != b'0'
        && bytes.iter().zip(LAYOUT).all(|(byte, at)| match at {
            b'9' => byte.is_ascii_digit(),
            b'A' => byte.is_ascii_uppercase(),
            _ => byte.is_ascii_digit() || byte.is_ascii_uppercase(),
        })
}

/// Vehicle identification number (49 CFR 565.15): seventeen characters without I, O, Q; the ninth is a check digit.
pub fn vin(text: &[u8]) -> bool {
    const WEIGHTS: [u32; 17] = [8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2];
    if text.len() != 17 {
        return false;
    }
    let mut sum = 0;
    for (byte, weight) in text.iter().zip(WEIGHTS) {
        let value = match byte.to_ascii_uppercase() {
            digit @ b'0'..=b'9' => u32::from(digit - b'0'),
            letter @ b'A'..=b'H' => u32::from(letter - b'A') + 1,
            letter @ b'J'..=b'N' => u32::from(letter - b'J') + 1,
            b'P' => 7,
            b'R' => 9,
            letter @ b'S'..=b'Z' => u32::from(letter - b'S') + 2,
            _ => return false,
        };
        sum += value * weight;
    }
    let check = text[8].to_ascii_uppercase();
    match sum % 11 {
        10 => check == b'X',
        digit => check == b'0' + digit as u8,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flipped(text: &[u8], at: usize) -> Vec<u8> {
        let mut text = text.to_vec();
        text[at] = if text[at] == b'9' { b'0' } else { text[at] + 1 };
        text
    }

    #[test]
    fn published_examples_pass_and_one_wrong_digit_fails() {
        let digits = |text: &[u8]| luhn(text.iter().map(|byte| byte - b'0'));
        assert!(digits(b"4111111111111111") && !digits(&flipped(b"4111111111111111", 7)));
        assert!(npi(b"1234567893") && !npi(&flipped(b"1234567893", 4)));
        assert!(iban(b"GB82WEST12345698765432") && !iban(&flipped(b"GB82WEST12345698765432", 9)));
        assert!(dea(b"AB1234563") && !dea(&flipped(b"AB1234563", 3)));
        assert!(vin(b"1M8GDM9AXKP042788") && !vin(&flipped(b"1M8GDM9AXKP042788", 12)));
    }
}

//! Words without case and accents, so that `José`, `JOSÉ` and `jose` are one.

/// Latin-1 and Latin Extended-A (U+00C0 to U+017F) as plain letters; a dot is no letter.
const LATIN: &[u8] =
    b"aaaaaaaceeeeiiiidnooooo.ouuuuytsaaaaaaaceeeeiiiidnooooo.ouuuuytyaaaaaaccccccccddddeeeeeeeeeegggg\
    gggghhhhiiiiiiiiiiiijjkkkllllll..llnnnnnnnnnoooooooorrrrrrssssssssttttttuuuuuuuuuuuuwwyyyzzzzzzs";
/// Latin Extended Additional (U+1E00 to U+1EFF), Vietnamese among it.
const ADDITIONAL: &[u8] =
    b"aabbbbbbccddddddddddeeeeeeeeeeffgghhhhhhhhhhiiiikkkkkkllllllllmmmmmmnnnnnnnnoooooooopppprrrrrrrr\
    ssssssssssttttttttuuuuuuuuuuvvvvwwwwwwwwwwxxxxyyzzzzzzhtwy.s..s.aaaaaaaaaaaaaaaaaaaaaaaaeeeeeeee\
    eeeeeeeeiiiioooooooooooooooooooooooouuuuuuuuuuuuuuyyyyyyyy......";

/// FNV-1a's offset and prime.
const OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
const PRIME: u64 = 0x0100_0000_01b3;

/// A word's fingerprint: FNV-1a over its folded letters. Equal for words that differ in case, accents or
/// apostrophes alone; two different ones of a lexicon's 10⁵ words collide with a chance of 10⁻⁹.
pub fn fingerprint(word: &str) -> u64 {
    match word.is_ascii() {
        true => word.bytes().fold(Print::default(), Print::and).whole,
        false => word.chars().fold(OFFSET, step),
    }
}

/// The fingerprint of an ASCII word that is read letter by letter, and of what it is without its last ones.
#[derive(Clone, Copy)]
pub struct Print {
    /// All of it.
    pub whole: u64,
    /// Without its last letter, its last two, three and four; apostrophes are letters here.
    pub without: [u64; 4],
}

impl Default for Print {
    fn default() -> Self {
        Print { whole: OFFSET, without: [OFFSET; 4] }
    }
}

impl Print {
    /// With one more letter.
    #[inline]
    pub fn and(self, letter: u8) -> Self {
        let [one, two, three, _] = self.without;
        Print { whole: with(self.whole, letter), without: [self.whole, one, two, three] }
    }
}

/// A fingerprint with one more ASCII letter.
#[inline]
pub fn with(print: u64, letter: u8) -> u64 {
    match letter {
        b'\'' => print,
        _ => (print ^ u64::from(letter.to_ascii_lowercase())).wrapping_mul(PRIME),
    }
}

fn step(hash: u64, character: char) -> u64 {
    let mix = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(PRIME);
    match character {
        '\'' | '’' | '\u{300}'..='\u{36f}' => hash,
        'ß' => mix(mix(hash, b's'), b's'),
        'æ' | 'Æ' => mix(mix(hash, b'a'), b'e'),
        'œ' | 'Œ' => mix(mix(hash, b'o'), b'e'),
        'þ' | 'Þ' => mix(mix(hash, b't'), b'h'),
        _ if character.is_ascii() => mix(hash, (character as u8).to_ascii_lowercase()),
        _ => {
            let plain = match character as u32 {
                code @ 0xc0..=0x17f => LATIN[code as usize - 0xc0],
                code @ 0x1e00..=0x1eff => ADDITIONAL[code as usize - 0x1e00],
                0x218 | 0x219 => b's',
                0x21a | 0x21b => b't',
                _ => b'.',
            };
            match plain {
                b'.' => character.to_lowercase().fold(hash, |hash, lower| {
                    let mut bytes = [0; 4];
                    lower.encode_utf8(&mut bytes).bytes().fold(hash, mix)
                }),
                letter => mix(hash, letter),
            }
        }
    }
}

/// The fingerprint of a phrase, from its words'. Begin with zero.
pub fn chain(phrase: u64, word: u64) -> u64 {
    (phrase.rotate_left(23) ^ word).wrapping_mul(PRIME | 1 << 40)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_accents_and_apostrophes_are_no_difference() {
        for (a, b) in [
            ("José", "JOSE"),
            ("O'Brien", "O’BRIEN"),
            ("Gelencsér", "gelencser"),
            ("Nguyễn", "nguyen"),
            ("Søren", "soren"),
            ("Łukasz", "lukasz"),
            ("Strauß", "strauss"),
            ("Jose\u{301}", "José"),
            ("ΕΓΚΩΜΗ", "εγκωμη"),
        ] {
            assert_eq!(fingerprint(a), fingerprint(b), "{a} {b}");
        }
        assert_ne!(fingerprint("Jan"), fingerprint("Jane"));
        assert_ne!(chain(chain(0, 1), 2), chain(chain(0, 2), 1));
    }
}

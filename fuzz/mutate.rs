//! Changes that are made to seeds where no fuzzer is at hand: the rooms' own tests read this file, so that every run of them tries thousands of
//! the inputs that a fuzz target would.

/// Numbers that are the same in every run.
pub struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        // SplitMix64.
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Below `end`, which is above 0.
    fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }
}

/// What readers of JSON, TOML and tokens trip over.
const WORDS: [&[u8]; 26] = [
    b"{",
    b"}",
    b"[",
    b"]",
    b"\"",
    b":",
    b",",
    b".",
    b"=",
    b"\n",
    b"\\u00",
    b"\\ud800",
    b"null",
    b"true",
    b"1e999",
    b"-0",
    b"18446744073709551616",
    b"9999-12-31",
    b"\xff",
    b"\0",
    b"../",
    b"https://",
    b"http://[::1]:1/",
    b"%2e%2e",
    b"{tenantid}",
    b"none",
];

/// Hands on `rounds` inputs: seeds, cut, spliced, overwritten and repeated, as long as they stay small.
pub fn mutated(seeds: &[Vec<u8>], rounds: usize, seed: u64, mut each: impl FnMut(&[u8])) {
    let mut random = Random(seed);
    let mut bytes = Vec::new();
    for round in 0..rounds {
        if round % 8 == 0 || bytes.len() > 20_000 {
            bytes.clone_from(&seeds[random.below(seeds.len())]);
        }
        let at = random.below(bytes.len() + 1);
        let end = (at + random.below(40)).min(bytes.len());
        match random.below(7) {
            0 => bytes.truncate(at),
            1 => {
                let other = &seeds[random.below(seeds.len())];
                let from = random.below(other.len() + 1);
                let to = (from + random.below(200)).min(other.len());
                bytes.splice(at..end, other[from..to].iter().copied());
            }
            2 => {
                let part = bytes[at..end].to_vec();
                bytes.splice(at..at, part);
            }
            3 => drop(bytes.drain(at..end)),
            4 => bytes.insert(at, random.next() as u8),
            5 if at < bytes.len() => bytes[at] ^= 1 << random.below(8),
            _ => {
                let word = WORDS[random.below(WORDS.len())];
                bytes.splice(at..end, word.iter().copied());
            }
        }
        each(&bytes);
    }
}

//! The way in for fuzzing: all that reads someone else's JSON, without a run around it.

use super::{FhirReader, fhir_bundle_subject, single::Collected, stream};
use crate::{Limits, version::Settled};

/// Reads bytes as bulk NDJSON, as one document and as one patient's document. It returns, whatever the bytes.
#[doc(hidden)]
pub fn fuzz_fhir(bytes: &[u8]) {
    let limits = Limits { max_line_bytes: 1 << 16, max_document_bytes: 1 << 16, ..Limits::default() };
    let _ = stream::layout(bytes);
    let reader = FhirReader::new(&limits, true);
    let mut sink = Collected::default();
    // The sink takes everything, so that reading never fails.
    let _ = reader.read_lines("fuzz", 1, bytes, &mut sink);
    let _ = reader.read_document("fuzz", false, bytes, &mut sink);
    for (_, fact) in sink.subjects.values_mut().flatten() {
        let _ = reader.complete(fact, &Settled::default());
    }
    let _ = fhir_bundle_subject(bytes, &limits);
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{RngExt, SeedableRng, rngs::StdRng};
    use std::path::Path;

    fn seeds() -> Vec<Vec<u8>> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/seeds/fhir");
        let mut paths: Vec<_> =
            std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        paths.sort();
        paths.iter().map(|path| std::fs::read(path).unwrap()).collect()
    }

    /// Seeds cut, spliced, overwritten and repeated, as long as they stay small.
    fn mutate(rounds: usize, seed: u64) {
        let seeds = seeds();
        let mut random = StdRng::seed_from_u64(seed);
        let mut bytes = Vec::new();
        for round in 0..rounds {
            if round % 16 == 0 || bytes.len() > 20_000 {
                bytes.clone_from(&seeds[random.random_range(0..seeds.len())]);
            }
            let other = &seeds[random.random_range(0..seeds.len())];
            let at = random.random_range(0..bytes.len() + 1);
            let end = random.random_range(at..bytes.len() + 1).min(at + 40);
            match random.random_range(0..6) {
                0 => bytes.truncate(at),
                1 => {
                    let from = random.random_range(0..other.len());
                    let to = random.random_range(from..other.len() + 1);
                    bytes.splice(at..end, other[from..to].iter().copied());
                }
                2 => {
                    let part = bytes[at..end].to_vec();
                    bytes.splice(at..at, part);
                }
                3 => {
                    bytes.drain(at..end);
                }
                4 => bytes.insert(at, random.random()),
                _ => {
                    let words: &[&[u8]] = &[
                        b"{",
                        b"}",
                        b"[",
                        b"]",
                        b"\"",
                        b"\\u00",
                        b"null",
                        b"1e999",
                        b"-0",
                        b"\n",
                        b":",
                        b"9999-12-31",
                        b"\xff",
                    ];
                    let word = words[random.random_range(0..words.len())];
                    bytes.splice(at..end, word.iter().copied());
                }
            }
            fuzz_fhir(&bytes);
        }
    }

    #[test]
    fn mutations_are_read_or_refused() {
        mutate(20_000, 1);
    }

    #[test]
    #[ignore = "takes minutes; the same as the fuzz target where no fuzzer is at hand"]
    fn many_mutations_are_read_or_refused() {
        for seed in 2..102 {
            mutate(100_000, seed);
        }
    }
}

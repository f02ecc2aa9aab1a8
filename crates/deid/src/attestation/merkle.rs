//! One digest for a list of files: a Merkle tree (RFC 9162, section 2.1) with BLAKE3 as its hash.

/// A file by its path, size and BLAKE3 digest (hexadecimal).
#[derive(Clone, Copy, Debug)]
pub struct Leaf<'a> {
    /// Path relative to the directory, with `/`.
    pub path: &'a str,
    /// Size in bytes.
    pub bytes: u64,
    /// BLAKE3 of its content, hexadecimal.
    pub blake3: &'a str,
}

/// The root over files in the order given, hexadecimal. Leaves and nodes are hashed under different first bytes,
/// so that no list of files can pass for another.
pub fn merkle_root(leaves: &[Leaf<'_>]) -> String {
    let hashes: Vec<[u8; 32]> = leaves.iter().map(leaf).collect();
    blake3::Hash::from_bytes(root(&hashes)).to_hex().to_string()
}

fn leaf(file: &Leaf<'_>) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&[0]);
    for part in [file.path.as_bytes(), &file.bytes.to_le_bytes(), file.blake3.as_bytes()] {
        hasher.update(&(part.len() as u64).to_le_bytes()).update(part);
    }
    *hasher.finalize().as_bytes()
}

fn root(hashes: &[[u8; 32]]) -> [u8; 32] {
    match hashes {
        [] => *blake3::hash(&[]).as_bytes(),
        [only] => *only,
        _ => {
            // The left half is the largest full tree.
            let middle = hashes.len().next_power_of_two() / 2;
            let (left, right) = hashes.split_at(middle);
            *blake3::Hasher::new().update(&[1]).update(&root(left)).update(&root(right)).finalize().as_bytes()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_change_of_every_file_changes_the_root() {
        let digests: Vec<String> = (0..7).map(|i| blake3::hash(&[i]).to_hex().to_string()).collect();
        let paths: Vec<String> = (0..7).map(|i| format!("data/{i}")).collect();
        for n in 1..=7 {
            let leaves: Vec<Leaf<'_>> =
                (0..n).map(|i| Leaf { path: &paths[i], bytes: 3, blake3: &digests[i] }).collect();
            let whole = merkle_root(&leaves);
            for i in 0..n {
                let mut changed = leaves.clone();
                changed[i].bytes = 4;
                assert_ne!(merkle_root(&changed), whole);
                changed[i] = Leaf { path: "data/x", ..leaves[i] };
                assert_ne!(merkle_root(&changed), whole);
                changed[i] = Leaf { blake3: &digests[(i + 1) % 7], ..leaves[i] };
                assert_ne!(merkle_root(&changed), whole);
            }
            assert_ne!(merkle_root(&leaves[1..]), whole);
        }
    }

    #[test]
    fn a_tree_of_three_is_built_as_the_standard_says() {
        let leaves = ["a", "b", "c"].map(|path| Leaf { path, bytes: 0, blake3: "" });
        let [a, b, c] = leaves.map(|l| leaf(&l));
        let node = |l: [u8; 32], r: [u8; 32]| *blake3::hash(&[&[1][..], &l, &r].concat()).as_bytes();
        let expected = blake3::Hash::from_bytes(node(node(a, b), c)).to_hex().to_string();
        assert_eq!(merkle_root(&leaves), expected);
    }
}

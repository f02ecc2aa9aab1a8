//! docs/deid-safe-harbor.md says where each identifier is handled and which test holds it to that: the letters are all
//! there, and so are the tests.

use std::path::{Path, PathBuf};

fn sources(dir: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => sources(&path, found),
            false if path.extension().is_some_and(|e| e == "rs") => found.push(path),
            false => {}
        }
    }
}

/// Names in backticks that are those of functions.
fn names(text: &str) -> impl Iterator<Item = &str> {
    let is_name = |word: &&str| {
        word.contains('_') && word.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
    };
    text.split('`').skip(1).step_by(2).filter(is_name)
}

#[test]
fn every_letter_has_its_tests_and_every_test_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let page = std::fs::read_to_string(root.join("docs/deid-safe-harbor.md")).unwrap();
    let mut files = Vec::new();
    sources(&root.join("crates/deid"), &mut files);
    sources(&root.join("crates/osler/tests"), &mut files);
    let text: String = files.iter().map(|file| std::fs::read_to_string(file).unwrap()).collect();

    let rows: Vec<Vec<&str>> = page
        .lines()
        .filter(|line| line.starts_with("| "))
        .map(|line| line.trim_matches('|').split('|').map(str::trim).collect::<Vec<_>>())
        .filter(|cells| cells[0].len() == 1)
        .collect();
    let letters: String = rows.iter().map(|cells| cells[0]).collect();
    assert_eq!(letters, "ABCDEFGHIJKLMNOPQR");
    let mut checked = 0;
    for cells in &rows {
        assert_eq!(cells.len(), 4, "{cells:?}");
        let tests: Vec<&str> = names(cells[3]).collect();
        assert!(!tests.is_empty(), "{} names no test", cells[0]);
        for test in tests {
            let at =
                text.find(&format!("fn {test}(")).unwrap_or_else(|| panic!("{}: no test {test}", cells[0]));
            let before = text[..at].trim_end();
            assert!(before.ends_with("#[test]"), "{test} is no test");
            checked += 1;
        }
    }
    assert!(checked >= 18, "{checked}");
}

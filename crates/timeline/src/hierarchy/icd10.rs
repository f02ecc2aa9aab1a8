//! ICD-10 by prefix: `E11.65` → `E11.6` → `E11` → its block → its chapter.

use super::icd10_blocks::{Block, ICD10, ICD10CM};
use smol_str::{SmolStr, format_smolstr};

/// Whose chapters and blocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Edition {
    /// The clinical modification of the United States.
    Cm,
    /// The WHO's.
    Who,
}

impl Edition {
    fn blocks(self) -> &'static [Block] {
        match self {
            Edition::Cm => ICD10CM,
            Edition::Who => ICD10,
        }
    }
}

/// The next broader code of an ASCII `local`, with or without its dot; `None` at a chapter or off the map.
pub(super) fn parent(local: &str, edition: Edition) -> Option<SmolStr> {
    if let Some((first, last)) = local.split_once('-')
        && is_category(first)
        && is_category(last)
    {
        return narrowest(edition, |block| {
            block.first <= first && last <= block.last && (block.first, block.last) != (first, last)
        });
    }
    if !local.is_char_boundary(3) || !is_category(&local[..3]) {
        return None;
    }
    if local.len() == 3 {
        return narrowest(edition, |block| block.first <= local && local <= block.last);
    }
    let cut = &local[..local.len() - 1];
    Some(SmolStr::new(cut.strip_suffix('.').unwrap_or(cut)))
}

/// The title of a chapter or block of ICD-10-CM.
pub(super) fn title(range: &str) -> Option<&'static str> {
    let (first, last) = range.split_once('-')?;
    ICD10CM.iter().find(|block| block.first == first && block.last == last).map(|block| block.title)
}

/// A letter, a digit, and a digit or letter: the third place of ICD-10-CM has letters too (`C7A`), and they
/// sort behind the digits.
fn is_category(text: &str) -> bool {
    matches!(text.as_bytes(), [b'A'..=b'Z', b'0'..=b'9' | b'A'..=b'Z', b'0'..=b'9' | b'A'..=b'Z'])
}

/// Ranges nest, so among those that hold a code the one that begins last and ends first is the narrowest.
fn narrowest(edition: Edition, holds: impl Fn(&Block) -> bool) -> Option<SmolStr> {
    edition
        .blocks()
        .iter()
        .filter(|block| holds(block))
        .max_by(|a, b| a.first.cmp(b.first).then_with(|| b.last.cmp(a.last)))
        .map(|block| format_smolstr!("{}-{}", block.first, block.last))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn climb(local: &str, edition: Edition) -> Vec<SmolStr> {
        std::iter::successors(parent(local, edition), |code| parent(code, edition)).collect()
    }

    #[test]
    fn climbs_to_the_chapter() {
        assert_eq!(climb("C50.911", Edition::Cm).join(" "), "C50.91 C50.9 C50 C00-C75 C00-C96 C00-D49");
        assert_eq!(climb("C7A.0", Edition::Cm).join(" "), "C7A C76-C80 C00-C96 C00-D49");
        assert_eq!(climb("E119", Edition::Cm).join(" "), "E11 E08-E13 E00-E89");
        assert_eq!(climb("W20", Edition::Who).join(" "), "W20-W49 W00-X59 V01-X59 V01-Y98");
        assert!(climb("99", Edition::Cm).is_empty());
    }

    #[test]
    fn ranges_nest_so_that_every_climb_ends() {
        for edition in [Edition::Cm, Edition::Who] {
            for a in edition.blocks() {
                assert!(is_category(a.first) && is_category(a.last) && a.first < a.last);
                for b in edition.blocks() {
                    let apart = a.last < b.first || b.last < a.first;
                    let inside =
                        (a.first <= b.first && b.last <= a.last) || (b.first <= a.first && a.last <= b.last);
                    assert!(apart || inside, "{}-{} and {}-{} cross", a.first, a.last, b.first, b.last);
                }
            }
        }
    }

    #[test]
    fn chapters_and_blocks_of_the_clinical_modification_have_titles() {
        assert_eq!(title("E08-E13"), Some("Diabetes mellitus"));
        assert!(ICD10CM.iter().all(|block| !block.title.is_empty()));
    }
}

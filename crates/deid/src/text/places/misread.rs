//! Streets in which a scanner took letters for digits or digits for letters: `1O8 Old P0st Road`.

use crate::text::fold::{folded, scanned};
use crate::text::page::Page;
use std::ops::Range;

/// What a street's name ends with, in whole and short forms.
const KINDS: &[&str] = &[
    "street",
    "avenue",
    "road",
    "lane",
    "drive",
    "court",
    "boulevard",
    "place",
    "terrace",
    "circle",
    "way",
    "trail",
    "highway",
    "parkway",
    "square",
    "crescent",
    "close",
    "alley",
    "loop",
    "row",
    "walk",
    "path",
    "run",
    "ridge",
    "crossing",
    "st",
    "ave",
    "rd",
    "ln",
    "dr",
    "blvd",
    "ct",
    "pl",
    "ter",
    "cir",
    "hwy",
    "pkwy",
];
/// Most words of a street's name, and most bytes of one.
const WORDS: usize = 4;
const LONGEST: usize = 20;

/// A house number, one to four words with capitals, and a kind of street, one of which at least mixes letters and
/// digits. Without such a mixture it is no matter for this room.
pub(super) fn find(page: &Page, index: usize) -> Option<Range<usize>> {
    if page.joined(index) {
        return None;
    }
    let mut mixed = false;
    let mut at = index;
    for word in 0..=WORDS + 1 {
        let (end, text) = run(page, at)?;
        let digits = text.bytes().filter(u8::is_ascii_digit).count();
        let letters = text.len() - digits;
        if word == 0 {
            if digits == 0 || text.len() > 6 {
                return None;
            }
        } else if word > 1 && is_kind(text) {
            return (mixed || letters > 0 && digits > 0).then_some(index..end);
        } else if !text.starts_with(|c: char| c.is_ascii_uppercase() || c.is_ascii_digit()) || letters == 0 {
            return None;
        }
        mixed |= letters > 0 && digits > 0;
        at = end + usize::from(page.sign(end, b'.') && page.joined(end));
    }
    None
}

/// A run of ASCII letters and digits that begins at a token, and where it ends.
fn run<'t>(page: &Page<'t>, at: usize) -> Option<(usize, &'t str)> {
    let mut end = at;
    while page
        .at(end)
        .is_some_and(|token| (token.is_word() || token.is_number()) && (end == at || !token.spaced))
    {
        end += 1;
    }
    if end == at {
        return None;
    }
    let text = &page.text()[page.tokens()[at].start as usize..page.tokens()[end - 1].end as usize];
    (text.is_ascii() && text.len() <= LONGEST).then_some((end, text))
}

fn is_kind(word: &str) -> bool {
    let word = folded(word);
    KINDS.contains(&word.as_str())
        || word.len() > 1 && {
            let read = scanned(&word);
            KINDS.iter().any(|kind| kind.len().abs_diff(word.len()) <= 2 && scanned(kind) == read)
        }
}

#[cfg(test)]
mod tests {
    use crate::text::{Finder, Scratch};

    #[test]
    fn streets_are_read_through_a_scanners_mistakes() {
        let finder = Finder::shipped();
        for (text, want) in [
            ("lives at 1O8 Old P0st Road now", Some("1O8 Old P0st Road")),
            ("of 44 Mil1 5treet, aged", Some("44 Mil1 5treet")),
            ("Na 140 K 4.2 and B12 Low", None),
        ] {
            let mut spans = Vec::new();
            finder.find(text, &mut Scratch::default(), &mut spans);
            let found = spans.iter().map(|span| &text[span.range()]).find(|found| found.contains(' '));
            assert_eq!(found, want, "{text}");
        }
    }
}

//! Firms by what stands behind their names.

use crate::text::Identifier;
use crate::text::lexicon::Class;
use crate::text::page::Page;
use crate::text::words::words;
use std::ops::Range;

/// Finds `Balefire Global Inc.`, `White, Willis and Hoffman LLP`.
pub fn find(page: &mut Page) {
    if !page.classes().any(Class::ORGANIZATION_SUFFIX) {
        return;
    }
    for index in 1..page.tokens().len() {
        let token = &page.tokens()[index];
        if token.class.any(Class::ORGANIZATION_SUFFIX)
            && token.is_capital()
            && !page.is_taken_at(index)
            && let Some(range) = named(page, index)
        {
            page.take(range, Identifier::Organization);
        }
    }
}

fn named(page: &Page, index: usize) -> Option<Range<usize>> {
    let mut start = index;
    while start > 0 && index - start < 6 && !page.is_taken_at(start - 1) {
        let before = &page.tokens()[start - 1];
        let goes = before.is_capital()
            && !before.class.any(Class::PLACE_PREPOSITION | Class::TITLE | Class::WEEKDAY | Class::MONTH)
            || start >= 2
                && page.tokens()[start - 2].is_capital()
                && (before.is(b'-') || before.is(b'&') || before.is(b',') && start == index);
        if !goes {
            break;
        }
        start -= 1;
    }
    if start < index
        && page.opens_sentence(start)
        && page.tokens()[start].class.any(Class::ORDINARY)
        && index - start > 1
    {
        start += 1;
    }
    // "Diagnostic Group", "Two Partners": words that also say other things need a name before them.
    let legal = page.says(
        index,
        words!["inc", "llc", "ltd", "llp", "plc", "corp", "corporation", "gmbh", "incorporated"],
    );
    let proper = (start..index).any(|at| {
        page.tokens()[at].is_capital() && !page.tokens()[at].class.any(Class::PLAIN | Class::FACILITY_WEAK)
    });
    let short = page.tokens()[index].len() == 2 && !legal;
    (start < index && (legal || proper && !short))
        .then(|| start..index + 1 + usize::from(legal && page.sign(index + 1, b'.')))
}

//! What a person does, where the text says it of someone.

use super::Identifier;
use super::lexicon::Class;
use super::page::Page;
use super::token::Kind;
use crate::text::words::words;

/// Finds "works as a welder", "Occupation: retired teacher".
pub fn find(page: &mut Page) {
    let mut index = 0;
    while index < page.tokens().len() {
        let initial = page.tokens()[index].initial | 0x20;
        if !matches!(initial, b'o' | b'p' | b'e' | b'w' | b'j') {
            index += 1;
            continue;
        }
        let labelled =
            page.says(index, words!["occupation", "profession", "employment"]) && page.sign(index + 1, b':');
        let said = page.says(index, words!["work", "works", "worked", "working", "employed", "job"])
            && page.says(index + 1, words!["as"]);
        let begins = (labelled || said).then_some(index + 2);
        let Some(mut start) = begins else {
            index += 1;
            continue;
        };
        while page.says(start, words!["a", "an", "the", "retired", "former", "currently"]) {
            start += 1;
        }
        let mut end = start;
        while end < start + 4
            && page.at(end).is_some_and(|token| {
                token.kind == Kind::Word && !token.class.any(Class::PLACE_PREPOSITION | Class::PERSON_VERB)
            })
            && !page.says(
                end,
                words![
                    "for", "and", "but", "since", "until", "when", "before", "after", "who", "or", "on",
                    "with", "unknown", "none",
                ],
            )
            && !page.is_taken_at(end)
        {
            end += 1;
        }
        if end > start {
            page.take(start..end, Identifier::Profession);
        }
        index = end.max(index + 1);
    }
}

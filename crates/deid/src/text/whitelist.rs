//! Keeps only what is known to be harmless: plain and clinical words, short numbers, signs.

use super::Identifier;
use super::lexicon::Class;
use super::page::Page;
use super::token::Kind;

/// The longest number that stays, by itself: laboratory values and doses have fewer digits, most identifiers more.
const DIGITS: usize = 4;

/// Takes the rest.
pub fn find(page: &mut Page) {
    let kept = Class::PLAIN
        | Class::EPONYM
        | Class::EPONYM_NOUN
        | Class::MEASURE
        | Class::NUMBER_WORD
        | Class::PERSON_VERB
        | Class::RELATION
        | Class::NATIONALITY
        | Class::WEEKDAY
        | Class::FACILITY
        | Class::FACILITY_WEAK
        | Class::CREDENTIAL
        | Class::TITLE
        | Class::PLACE_PREPOSITION
        | Class::NAME_TRIGGER
        | Class::SEASON
        | Class::MONTH;
    for index in 0..page.tokens().len() {
        if page.is_taken_at(index) {
            continue;
        }
        let token = &page.tokens()[index];
        match token.kind {
            Kind::Word if token.len() > 2 && !token.class.any(kept) => {
                page.take(index..index + 1, Identifier::Name)
            }
            Kind::Number if token.len() > DIGITS => page.take(index..index + 1, Identifier::UniqueIdentifier),
            _ => {}
        }
    }
}

//! Whether a sentence gives a number to a person as an age.

use crate::text::lexicon::Class;
use crate::text::page::Page;
use crate::text::token::{Case, Kind};
use crate::text::words::words;

/// Does the sentence say that a person is, or died, so old: `she is 94 and`, `died at 94`, `her aunt, 94, has`?
pub(super) fn is_of_a_person(page: &Page, index: usize, after: usize) -> bool {
    let Some(before) = index.checked_sub(1) else { return false };
    let is =
        |at: usize, class: Class| page.at(at).is_some_and(|token| token.class.any(class) && token.is_word());
    // A bracket may stand around it, and a line may end before it.
    let opened =
        page.sign(before, b'(') || page.sign(before, b'[') || page.tokens()[before].kind == Kind::Break;
    let word = if opened { before.wrapping_sub(1) } else { before };
    let kin = |at: usize| {
        is(at, Class::KIN)
            || page.at(at).is_some_and(|token| token.class.any(Class::RELATION) && token.is_word())
    };
    let person = |at: usize| {
        is(at, Class::PERSON)
            || nameless(page, at)
            || kin(at)
            || page.at(at).is_some_and(|token| token.class.any(Class::TITLE) && token.is_capital())
            || page.at(at).is_some_and(|token| {
                token.class.any(Class::NAME)
                    && token.is_capital()
                    && !token.class.any(Class::CLINICAL | Class::EPONYM)
            })
            || page.at(at).is_some_and(|token| {
                token.class.any(Class::NAME)
                    && token.is_word()
                    && !token.class.any(Class::PLAIN | Class::EPONYM)
            })
    };
    // "at 94 in Leeds": no inches.
    let somewhere = page.says(after, words!["in"]) && page.at(after + 1).is_some_and(|token| token.is_word());
    let ends = page.at(after).is_none_or(|token| {
        !token.is_word() && !token.is_number() && !token.is(b'/') && !token.is(b'%')
            || token.is_word() && (somewhere || !token.class.any(Class::MEASURE))
    });
    if !ends {
        return false;
    }
    let life = |at: usize| is(at, Class::LIFE);
    let measured = |at: usize| is(at, Class::VITAL);
    // A family's history: `PGM colon ca 84, d. 91`, `maternal aunt: breast ca (92)`.
    let clause = (index.saturating_sub(14)..index).rev().take_while(|at| {
        !(page.tokens()[*at].kind == Kind::Break
            || page.sign(*at, b';')
            || page.sign(*at, b'.') && page.tokens()[at - 1].len() > 3)
    });
    let told = page.at(after).is_none_or(|token| !token.is_word() || token.case == Case::Lower);
    if told
        && !(index.saturating_sub(2)..index).any(measured)
        && page.at(before).is_some_and(|token| !token.is_number() && !token.is(b'/'))
        && clause.clone().any(|at| at > 0 && kin(at))
        && !page.says(before, words!["was", "is", "by", "in"])
    {
        return true;
    }
    if (index.saturating_sub(6)..index).any(measured) {
        return false;
    }
    let near = |reach: usize| index.saturating_sub(reach)..index;
    let lived = near(6).any(life);
    // `breast ca @ 92`, `dx@94`, `†94`
    let at_age = page.sign(before, b'@')
        && !page.at(after).is_some_and(|token| token.is(b':'))
        && before > 0
        && page.tokens()[before - 1].is_word();
    let dagger =
        page.sign(before, 0) && page.text()[..page.tokens()[before].end as usize].ends_with(['†', '✝']);
    if at_age || dagger {
        return true;
    }
    // `my grnadma is 93 and`: a word that is none, as kin is mistyped.
    let mistyped = page.says(word, words!["is", "was", "turned", "turns"])
        && word > 1
        && page.says(word - 2, words!["my", "his", "her", "our"])
        && page.tokens()[word - 1].is_word()
        && page.tokens()[word - 1].class.is_none()
        && page.says(after, words!["and", "but", "now", "so"]);
    if mistyped {
        return true;
    }
    // `he's 93`, `A&W at 91`
    let contracted = page.at(word).is_some_and(|token| token.possessive)
        && page.says(word, words!["he", "she", "who", "mom", "dad", "mother", "father"]);
    let well = (index.saturating_sub(4)..index)
        .any(|at| page.says(at, words!["a"]) && page.sign(at + 1, b'&') && page.says(at + 2, words!["w"]));
    if contracted || well {
        return true;
    }
    // `d. 93`, `died 93`
    let stop = usize::from(page.sign(word, b'.') && page.says(word.wrapping_sub(1), words!["d", "decd"]));
    if life(word.wrapping_sub(stop)) {
        return near(7).any(person)
            || !page.says(word, words!["well", "still", "healthy", "dx", "diagnosed"]);
    }
    if page.says(
        word,
        words![
            "at", "to", "till", "until", "age", "only", "nearly", "almost", "past", "over", "reached", "hit",
            "made", "being", "be",
        ],
    ) {
        // "Lives at 94 Elm Street"
        if page.says(word, words!["at"]) && page.at(after).is_some_and(|token| token.is_capital()) {
            return false;
        }
        return lived
            || near(12).any(person) && !page.says(word, words!["over", "only", "to"])
            || page.opens_sentence(word) && person(after + usize::from(page.sign(after, b',')))
            || near(7).any(person)
                && (page.says(word.wrapping_sub(1), words!["lived", "live", "almost", "nearly", "will"]));
    }
    if page.says(
        word,
        words![
            "is",
            "was",
            "now",
            "turned",
            "currently",
            "just",
            "she's",
            "he's",
            "still",
            "already",
            "am",
            "i'm",
            "who's",
            "are",
            "were",
        ],
    ) {
        return near(12).any(person)
            || page.says(word, words!["she's", "he's", "i'm", "who's"])
            || lived && near(7).any(person);
    }
    // `a man of 94`
    if page.says(word, words!["of"]) {
        return near(4).any(|at| {
            page.says(
                at,
                words![
                    "man",
                    "woman",
                    "lady",
                    "gentleman",
                    "widow",
                    "widower",
                    "veteran",
                    "patient",
                    "person",
                    "nun",
                    "farmer",
                ],
            ) || kin(at)
        });
    }
    // `she is a very good 94`
    let spoken = page.at(word).is_some_and(|token| {
        token.is_word()
            && token.case == Case::Lower
            && token.class.any(Class::ORDINARY)
            && !token.class.any(Class::MEASURE | Class::CLINICAL)
    });
    if spoken
        && near(3).any(|at| page.says(at, words!["a", "an"]))
        && near(6).any(person)
        && !page.at(after).is_some_and(|token| token.is_word())
    {
        return true;
    }
    if page.says(
        word,
        words![
            "spry",
            "frail",
            "elderly",
            "vigorous",
            "sharp",
            "healthy",
            "young",
            "independent",
            "pleasant"
        ],
    ) {
        return true;
    }
    // `mother 94, CHF`; `mother (94)`; `Mother - 94`; `her uncle, 94, was`; `Mr. Lark, 94,`
    let parted =
        page.at(word).is_some_and(|token| matches!(token.kind, Kind::Sign(b',' | b':' | b'-' | b'=' | b'~')));
    let of = if parted { word.wrapping_sub(1) } else { word };
    let closes = !page.at(after).is_some_and(|token| token.is_word());
    if kin(of) && (page.at(of).is_some_and(|token| token.is_word())) {
        return true;
    }
    // `a retired teacher, 94, who`
    let apposed = page.sign(word, b',')
        && page.sign(after, b',')
        && page.at(of).is_some_and(|token| {
            token.is_word()
                && !token.class.any(Class::MEASURE | Class::CLINICAL | Class::MEDICINE | Class::MONTH)
                && token.case != Case::Upper
        });
    (opened || parted) && closes && (person(of) || life(of)) && !page.sign(word, b'-') || apposed
}

/// A name that no list has, or one that a synthetic population numbers: `Koepp521 (94)`.
fn nameless(page: &Page, at: usize) -> bool {
    let title = |at: usize| page.at(at).is_some_and(|token| token.case == Case::Title);
    let numbered = page.joined(at) && page.number(at).is_some_and(|(length, _)| length <= 3) && title(at - 1);
    numbered || title(at) && page.at(at).is_some_and(|token| token.class.is_none() && token.len() > 2)
}

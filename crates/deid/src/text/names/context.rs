//! What stands around a run of capitals.

use crate::text::lexicon::Class;
use crate::text::page::Page;
use crate::text::token::{Case, Kind};
use crate::text::words::{Words, words};

/// What stands before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Left {
    /// A title.
    Title,
    /// A word that only a name follows: "named", "name is", "patient:", "son".
    Named,
    /// Another name and a comma or "and".
    List,
    /// Anything else.
    Open,
}

impl Left {
    /// Whether a common name that is a plain word too is a name here.
    pub fn is_strong(self) -> bool {
        self != Left::Open
    }
}

/// What stands before the token.
pub fn left(page: &Page, index: usize, continues: bool) -> Left {
    let Some(mut at) = index.checked_sub(1) else { return Left::Open };
    let mut label = false;
    while at > 0 && matches!(page.tokens()[at].kind, Kind::Sign(b':' | b'"' | b'(' | b',' | 0)) {
        label |= page.sign(at, b':');
        at -= 1;
    }
    const SPEAKING: Words =
        Words::of(&["named", "called", "hi", "hello", "dear", "attn", "signed", "dictated", "transcribed"]);
    const LABELS: Words = Words::of(&[
        "name",
        "patient",
        "pt",
        "provider",
        "attending",
        "physician",
        "surgeon",
        "resident",
        "author",
        "contact",
        "guardian",
        "spouse",
        "witness",
        "client",
        "pcp",
        "nurse",
        "cc",
        "by",
        "consultant",
        "to",
        "from",
        "user",
        "dr",
        "md",
        "rn",
        "interpreter",
        "clinician",
        "caregiver",
        "mother",
        "father",
        "informant",
    ]);
    let comma = index - at > 1 && page.sign(index - 1, b',');
    if page.says(at, &SPEAKING) && !comma || label && page.says(at, &LABELS) {
        return Left::Named;
    }
    // "name is Anna", "name was", "patient, Will Smith"
    if page.says(at, words!["is", "was"]) && at > 0 && page.says(at - 1, words!["name", "names"]) {
        return Left::Named;
    }
    if page.tokens()[at].class.any(Class::RELATION)
        && !label
        && page.tokens()[at].case == Case::Lower
        && page.tokens()[index].case == Case::Title
    {
        return Left::Named;
    }
    match continues {
        true => Left::List,
        false => Left::Open,
    }
}

/// Whether a preposition of place stands before, and nothing that says a person follows.
pub fn located(page: &Page, index: usize) -> bool {
    index > 0
        && page.says(
            index - 1,
            words!["in", "at", "near", "from", "to", "around", "outside", "toward", "towards"],
        )
}

/// Whether what the run names is a disease, a sign, a score or an instrument.
pub fn eponym(page: &Page, start: usize, end: usize) -> bool {
    // "Graves' disease", "Wolff-Parkinson-White syndrome", "Framingham Risk Score", "Foley was placed" is none.
    let mut at = end;
    at += usize::from(page.sign(at, b'\''));
    for step in 0..4 {
        let Some(token) = page.at(at + step) else { break };
        let linked = token.is_word() && !page.is_taken(at + step..at + step + 1);
        if token.is(b'-') || token.is(b'/') {
            continue;
        }
        if !linked {
            break;
        }
        if token.class.any(Class::EPONYM_NOUN) && !token.class.any(Class::PERSON_VERB) {
            return true;
        }
        let goes_on = token.is_capital()
            || page.tokens()[end - 1].possessive && step == 0 && token.class.any(Class::CLINICAL);
        if !goes_on {
            break;
        }
    }
    let lone = &page.tokens()[start];
    // "Foley draining", "Morse 45": nobody, unless a person is spoken of.
    if end == start + 1
        && lone.class.any(Class::EPONYM_ALONE)
        && lone.case == Case::Title
        && !person_follows(page, end)
        && !page
            .before(start)
            .is_some_and(|before| before.is_capital() && before.class.any(Class::GIVEN | Class::TITLE))
        && !page.at(end).is_some_and(|next| {
            next.is_capital()
                && next.class.any(Class::NAME)
                && !next.class.any(Class::PLAIN | Class::EPONYM)
                && next.spaced
        })
    {
        return true;
    }
    // "Tanner III", "Miller 2": a score's, a blade's.
    let numbered = page.number(end).is_some_and(|(length, _)| length <= 3)
        || page.says(
            end,
            words!["ii", "iii", "iv", "positive", "negative", "present", "absent", "equivocal", "midline"],
        );
    if end == start + 1 && lone.class.any(Class::EPONYM) && numbered && !page.joined(end) {
        return true;
    }
    if end == start + 1 && lone.class.any(Class::EPONYM) {
        let clinical = page.at(end).is_some_and(|next| next.class.any(Class::CLINICAL));
        return lone.possessive && !page.at(end).is_some_and(|next| next.class.any(Class::RELATION))
            || clinical
            || !lone.class.any(Class::COMMON);
    }
    false
}

/// Whether a person does something at `at`, or is spoken of as one.
pub fn person_follows(page: &Page, at: usize) -> bool {
    let Some(token) = page.at(at) else { return false };
    if token.is(b',') {
        // ", 54," or ", a 54-year-old", ", who"
        return page.number(at + 1).is_some_and(|(length, _)| length <= 3)
            || page.says(at + 1, words!["who", "whose", "a", "an", "can", "please", "the"])
            || page.at(at + 1).is_some_and(|next| {
                next.is_capital() && next.class.any(Class::NAME) && !next.class.any(Class::PLAIN)
            });
    }
    page.tokens()[at - 1].possessive && token.class.any(Class::RELATION | Class::PERSON_VERB)
        || token.class.any(Class::PERSON_VERB) && token.case == Case::Lower
        || token.is(b':') && page.opens_line(at - 1)
}

/// One past credentials behind a name: `, MD`, ` RN`, ` Jr.`, ` II`.
pub fn credentials(page: &Page, end: usize, found: &mut bool) -> usize {
    let mut end = end;
    for _ in 0..3 {
        let mut at = end;
        at += usize::from(page.sign(at, b','));
        let Some(token) = page.at(at) else { break };
        let generation = page.says(at, words!["jr", "sr", "ii", "iii", "iv", "junior", "senior"]);
        let written = token.case == Case::Upper
            || generation && token.is_capital()
            || page.says(at, words!["phd", "esq", "pharmd", "psyd"]);
        if !token.class.any(Class::CREDENTIAL)
            || !written
            || page.is_taken_at(at)
            || page.tokens()[end - 1].possessive
        {
            break;
        }
        // "Smith, PT 12.5": a laboratory value.
        if page.says(at, words!["pt", "od", "rn", "pa", "do"])
            && page.at(at + 1).is_some_and(|next| {
                next.is_number() || next.is_word() && next.case == Case::Lower && at == end
            })
        {
            break;
        }
        *found |= !generation;
        end = at + 1;
        end += usize::from(page.sign(end, b'.') && page.joined(end) && generation);
        if page.sign(end, b'-') && page.joined(end) && page.says(end + 1, words!["c", "bc"]) {
            end += 2;
        }
    }
    end
}

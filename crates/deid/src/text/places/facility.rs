//! Hospitals, clinics and schools, with the town that is said with them.

use crate::text::Identifier;
use crate::text::lexicon::Class;
use crate::text::page::Page;
use crate::text::token::{Case, Kind};
use crate::text::words::words;
use std::ops::Range;

/// The most tokens on either side of the word that gives a facility away.
const REACH: usize = 10;

/// Finds them.
pub fn find(page: &mut Page) {
    let tokens = page.tokens();
    for phrase in page.phrases() {
        let spelled = (phrase.first..phrase.end)
            .all(|at| !tokens[at].is_word() || tokens[at].is_capital() || tokens[at].len() <= 3);
        if phrase.class.any(Class::FACILITY_NAME)
            && spelled
            && tokens[phrase.first].is_capital()
            && !page.is_taken(phrase.first..phrase.end)
        {
            let range = widen(page, phrase.first..phrase.end);
            page.take_whole(range, Identifier::Location);
        }
    }
    for (index, token) in tokens.iter().enumerate() {
        if !token.is_word() || page.is_taken_at(index) {
            continue;
        }
        let found = if token.class.any(Class::FACILITY | Class::FACILITY_WEAK) {
            headed(page, index)
        } else if token.class.any(Class::FACILITY_NAME) && known(page, index) {
            Some(widen(page, index..index + 1))
        } else if token.len() <= 5 && token.is_capital() {
            saint(page, index)
        } else {
            None
        };
        if let Some(range) = found
            && !page.is_taken(range.clone())
        {
            page.take_whole(range, Identifier::Location);
        }
    }
}

/// A facility's own name that isn't an eponym here ("Mayo stand", "Duke criteria", "Mercy" in prose).
fn known(page: &Page, index: usize) -> bool {
    let token = &page.tokens()[index];
    if !token.is_capital() {
        return false;
    }
    let ambiguous =
        token.class.any(Class::ORDINARY | Class::NAME | Class::EPONYM) && token.case != Case::Upper;
    let located = page.before(index).is_some_and(|before| {
        before.class.any(Class::PLACE_PREPOSITION)
            || before.class.any(Class::NAME_TRIGGER) && before.len() == 2
    });
    let eponym = (index + 1..(index + 4).min(page.tokens().len()))
        .any(|at| page.tokens()[at].class.any(Class::EPONYM_NOUN));
    !eponym && (!ambiguous || located && !page.opens_sentence(index))
}

/// A span widened by capitals of the same name, and by "in" and a town.
fn widen(page: &Page, range: Range<usize>) -> Range<usize> {
    let (start, mut end) = (range.start, range.end);
    while end < range.end + REACH {
        // "Med. Center"
        if page.sign(end, b'.')
            && page.at(end - 1).is_some_and(|t| t.len() <= 4 && t.is_word())
            && page
                .at(end + 1)
                .is_some_and(|t| t.is_capital() && t.class.any(Class::FACILITY | Class::FACILITY_WEAK))
        {
            end += 1;
        }
        let Some(token) = page.at(end) else { break };
        let part = token.class.any(Class::FACILITY | Class::FACILITY_WEAK);
        if token.is_word()
            && token.spaced
            && (token.is_capital() && (part || place(page, end).is_some())
                || token.class.any(Class::FACILITY) && !token.is_capital())
            && !page.is_taken_at(end)
        {
            end = place(page, end).unwrap_or(end + 1);
            continue;
        }
        let links = page.sign(end, b'&') || page.says(end, words!["of", "and", "at", "for"]);
        if links
            && page.at(end + 1).is_some_and(|next| {
                next.is_capital()
                    && !page.is_taken_at(end + 1)
                    && (next.class.any(Class::FACILITY | Class::FACILITY_WEAK | Class::PLACE | Class::STATE))
            })
        {
            end += 2;
            continue;
        }
        break;
    }
    start..town_after(page, end)
}

/// One past a town said with a facility: ` in Detroit, MI`, `, Boston`.
fn town_after(page: &Page, end: usize) -> usize {
    let mut at = end;
    if page.sign(at, b',') {
        at += 1;
    }
    if page.says(at, words!["in", "of", "at"]) {
        at += 1;
    }
    if at == end {
        return end;
    }
    match place(page, at) {
        Some(town) if !page.is_taken(at..town) => state_after(page, town),
        _ => end,
    }
}

/// One past a state after a town: `, MI`, ` Texas`.
pub fn state_after(page: &Page, end: usize) -> usize {
    let at = end + usize::from(page.sign(end, b','));
    let Some(token) = page.at(at) else { return end };
    let letters = token.class.any(Class::STATE_LETTERS) && token.case == Case::Upper;
    let whole = place(page, at).filter(|_| {
        token.class.any(Class::STATE | Class::COUNTRY) && at > end
            || phrase_class(page, at).any(Class::STATE | Class::COUNTRY)
    });
    if let Some(after) = whole {
        return zip_after(page, after);
    }
    if letters && (at > end || page.tokens()[end - 1].is_capital()) {
        return zip_after(page, at + 1);
    }
    // D.C.
    if page.says(at, words!["d"]) && page.sign(at + 1, b'.') && page.says(at + 2, words!["c"]) {
        return at + 3 + usize::from(page.sign(at + 3, b'.'));
    }
    end
}

fn zip_after(page: &Page, end: usize) -> usize {
    match page.number(end) {
        Some((5, _)) if !page.is_taken_at(end) => {
            let four = page.sign(end + 1, b'-')
                && page.joined(end + 2)
                && page.number(end + 2).is_some_and(|(length, _)| length == 4);
            end + if four { 3 } else { 1 }
        }
        _ => end,
    }
}

fn phrase_class(page: &Page, at: usize) -> Class {
    page.phrases()
        .binary_search_by(|phrase| phrase.first.cmp(&at))
        .map_or(Class::NONE, |found| page.phrases()[found].class)
}

/// One past a place's name at `at`, in capitals.
pub fn place(page: &Page, at: usize) -> Option<usize> {
    let token = page.at(at)?;
    if !token.is_capital() {
        return None;
    }
    if let Ok(found) = page.phrases().binary_search_by(|phrase| phrase.first.cmp(&at)) {
        let phrase = &page.phrases()[found];
        if phrase.class.any(Class::PLACE) && page.at(phrase.end - 1).is_some_and(|last| last.is_capital()) {
            return Some(phrase.end);
        }
    }
    token.class.any(Class::PLACE).then_some(at + 1)
}

/// A name around the word of a facility: `Elm Street Clinic`, `Children's Hospital of Atlanta`, `Chicago downtown clinic`.
fn headed(page: &Page, index: usize) -> Option<Range<usize>> {
    let token = &page.tokens()[index];
    let strong = token.class.any(Class::FACILITY);
    if !token.is_capital() {
        return lower(page, index);
    }
    let mut start = index;
    let (mut proper, mut known) = (false, false);
    while start > 0 && index - start < REACH {
        let before = &page.tokens()[start - 1];
        if page.is_taken_at(start - 1) {
            break;
        }
        let stops = Class::TITLE | Class::WEEKDAY | Class::MONTH;
        let goes = match before.kind {
            Kind::Word if before.is_capital() && !before.class.any(stops) => {
                let opener =
                    before.class.any(Class::PLACE_PREPOSITION | Class::NAME_TRIGGER | Class::RELATION)
                        || page.says(
                            start - 1,
                            words![
                                "the",
                                "our",
                                "a",
                                "an",
                                "this",
                                "his",
                                "her",
                                "my",
                                "what",
                                "is",
                                "are",
                                "was",
                                "seen",
                                "admitted",
                                "treated",
                                "best",
                                "effectiveness",
                                "transferred",
                                "referred",
                                "no",
                                "any",
                            ],
                        );
                !opener || before.class.any(Class::PLACE)
            }
            // "St. Mary's", "Elm St. Clinic", "Med. Center"
            Kind::Sign(b'.') => {
                start >= 2
                    && page.tokens()[start - 2].is_capital()
                    && (page.tokens()[start - 2].len() <= 4)
                    && !before.spaced
            }
            Kind::Sign(b'-' | b'&' | b'/') => start >= 2 && page.tokens()[start - 2].is_capital(),
            Kind::Word => {
                page.says(start - 1, words!["of", "and", "for", "the"])
                    && start >= 2
                    && page.tokens()[start - 2].is_capital()
                    && !page.opens_sentence(start - 2)
            }
            _ => false,
        };
        if !goes {
            break;
        }
        if before.is_word() && before.is_capital() {
            let weak = before.class.any(Class::FACILITY_WEAK | Class::FACILITY);
            let plain = before.class.any(Class::PLAIN | Class::EPONYM_NOUN)
                && !before.class.any(Class::PLACE | Class::NAME | Class::FACILITY_NAME);
            proper |= !weak && !plain;
            known |= before.class.any(Class::PLACE | Class::FACILITY_NAME)
                || before.class.any(Class::STATE_LETTERS) && before.case == Case::Upper;
        }
        start -= 1;
    }
    while start < index && !page.tokens()[start].is_capital() {
        start += 1;
    }
    let end = widen(page, index..index + 1).end;
    let has_strong = strong
        || (index..end)
            .any(|at| page.tokens()[at].class.any(Class::FACILITY) && page.tokens()[at].is_capital());
    // "Inpatient Hospital", "Off Campus-Outpatient Hospital": a kind of care.
    let kind = (start..index).filter(|at| page.tokens()[*at].is_word()).all(|at| {
        page.says(
            at,
            words![
                "inpatient",
                "outpatient",
                "off",
                "on",
                "campus",
                "acute",
                "observation",
                "admit",
                "home",
                "same",
                "day",
                "short",
                "long",
                "term",
                "stay",
                "to",
                "the",
            ],
        )
    });
    if kind && start < index {
        return None;
    }
    let own = (start..index).filter(|at| page.tokens()[*at].is_word()).count();
    let medical_center = token.class.any(Class::FACILITY_WEAK)
        && (index..end).filter(|at| page.tokens()[*at].is_word()).count() >= 2;
    let town = end > index + 1 && page.tokens()[index + 1..end].iter().any(|t| t.class.any(Class::PLACE));
    let accepted = has_strong && (own > 0 && (proper || known || hospital(page, index, end)) || town)
        || known && own > 0 && named_weak(page, index, end)
        || proper
            && own > 0
            && (medical_center
                || page.says(
                    end - 1,
                    words![
                        "center",
                        "centre",
                        "ctr",
                        "institute",
                        "health",
                        "healthcare",
                        "foundation",
                        "laboratories",
                        "labs",
                        "pharmacy",
                    ],
                ))
            && !page.opens_sentence(start);
    // "Framingham Heart Study"
    let eponym = !has_strong && page.at(end).is_some_and(|next| next.class.any(Class::EPONYM_NOUN));
    (accepted && !eponym).then_some(start..end)
}

/// "General Hospital", "City Hospital": a hospital with any capital before it.
fn hospital(page: &Page, index: usize, end: usize) -> bool {
    (index..end).any(|at| page.says(at, words!["hospital", "hosp", "infirmary", "hospice", "university"]))
}

/// "Houston Med", "County General", "Orlando Health".
fn named_weak(page: &Page, index: usize, end: usize) -> bool {
    (index..end).any(|at| {
        page.tokens()[at].is_capital()
            && page.says(
                at,
                words![
                    "med",
                    "medical",
                    "general",
                    "memorial",
                    "health",
                    "regional",
                    "center",
                    "centre",
                    "ctr",
                    "methodist",
                    "baptist",
                    "presbyterian",
                    "mercy",
                    "cancer",
                    "heart",
                    "children",
                    "childrens",
                    "institute",
                    "office",
                    "pharmacy",
                    "care",
                    "nursing",
                    "rehabilitation",
                    "va",
                ],
            )
    })
}

/// `New York clinic`, `Chicago downtown office`: a town before the plain word.
fn lower(page: &Page, index: usize) -> Option<Range<usize>> {
    if !page.says(
        index,
        words![
            "hospital",
            "clinic",
            "office",
            "center",
            "centre",
            "campus",
            "branch",
            "location",
            "facility",
            "infirmary",
            "hospice",
            "practice",
            "university",
            "school",
            "hosp",
            "er",
        ],
    ) {
        return None;
    }
    let mut start = index;
    if page.says(
        start.checked_sub(1)?,
        words![
            "downtown",
            "uptown",
            "medical",
            "outpatient",
            "urgent",
            "care",
            "main",
            "satellite",
            "community",
            "general",
            "east",
            "west",
            "north",
            "south",
            "area",
            "based",
        ],
    ) {
        start -= 1;
    }
    let phrase = page.phrases()[..page.phrases().partition_point(|phrase| phrase.first < start)]
        .last()
        .filter(|phrase| phrase.end == start);
    let first = match phrase {
        Some(phrase) if phrase.class.any(Class::PLACE) => phrase.first,
        _ => {
            let before = page.before(start)?;
            if !before.class.any(Class::CITY | Class::STATE | Class::FACILITY_NAME)
                || before.class.any(Class::ORDINARY) && page.opens_sentence(start - 1)
            {
                return None;
            }
            start - 1
        }
    };
    page.tokens()[first].is_capital().then_some(first..index + 1)
}

/// `St. Mary's`, `Saint Luke`, `Mt. Sinai`.
fn saint(page: &Page, index: usize) -> Option<Range<usize>> {
    if !page.says(index, words!["st", "saint", "sts", "mt", "mount", "ste"]) {
        return None;
    }
    let at = index + 1 + usize::from(page.sign(index + 1, b'.'));
    let token = page.at(at).filter(|token| token.is_capital() && token.case != Case::Initial)?;
    let named = token.class.any(Class::SAINT) || token.possessive && token.class.any(Class::NAME);
    let else_ = page.says(at + 1, words!["wort", "valve", "fire"]);
    (named && !else_ && !page.is_taken(index..at + 1)).then(|| widen(page, index..at + 1))
}

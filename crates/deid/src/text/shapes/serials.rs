//! Serial numbers of devices and numbers of biometric templates: codes of letters and digits where one is spoken of,
//! however loosely, and GS1's device identifiers by their own form.

use crate::text::Identifier;
use crate::text::lexicon::Class;
use crate::text::page::Page;
use crate::text::token::Kind;
use crate::text::words::{Words, words};
use std::ops::Range;

/// How many tokens behind its word a code may stand.
const REACH: usize = 14;
/// Fewest letters and digits of a code, and digits among them.
const SHORTEST: usize = 5;
const DIGITS: usize = 3;

/// Behind or before the looser words of biometrics.
const TEMPLATES: Words = Words::of(&[
    "template",
    "scan",
    "print",
    "id",
    "code",
    "hash",
    "reader",
    "enrolled",
    "enrollment",
    "enrolment",
    "signature",
    "record",
    "recognition",
    "match",
    "biometric",
    "token",
    "key",
    "file",
    "image",
    "number",
    "no",
    "captured",
    "verified",
    "pattern",
    "geometry",
    "login",
    "kiosk",
    "ref",
    "reference",
]);

/// The code that the word at `index` speaks of.
pub(super) fn find(page: &Page, index: usize) -> Option<(Range<usize>, Identifier)> {
    let token = page.at(index)?;
    if !token.class.any(Class::DEVICE_WORD | Class::BIOMETRIC) {
        return None;
    }
    // Within a code it's no word.
    let inside = page.joined(index + 1)
        && page.at(index + 1).is_some_and(|next| next.is_number() || next.is_word())
        || page.joined(index) && page.at(index - 1).is_some_and(|before| before.is_number());
    if inside {
        return None;
    }
    let biometric = token.class.any(Class::BIOMETRIC);
    if biometric {
        let template = (index.saturating_sub(4)..index + 6).any(|at| page.says(at, &TEMPLATES));
        let sure = !page.says(
            index,
            words![
                "voice", "palm", "face", "facial", "vein", "gait", "dental", "retina", "retinal", "iris",
                "finger",
            ],
        );
        if !(template || sure) {
            return None;
        }
        return code(page, index, true).map(|range| (range, Identifier::UniqueIdentifier));
    }
    code(page, index, false).map(|range| (range, Identifier::Device))
}

/// The first code behind `index`, in the same sentence.
fn code(page: &Page, index: usize, plain: bool) -> Option<Range<usize>> {
    let mut at = index + 1;
    let mut called = false;
    while at - index <= REACH {
        let token = page.at(at)?;
        match token.kind {
            // "ser. no.": a short word's stop ends nothing.
            Kind::Sign(b'.') if page.tokens()[at - 1].is_word() && page.tokens()[at - 1].len() <= 3 => {}
            Kind::Sign(b'.' | b'!' | b'?' | b';') if !page.joined(at + 1) && !called => return None,
            Kind::Break if page.at(at).is_some_and(|token| token.len() > 1) => return None,
            Kind::Word | Kind::Number => {
                called |= page.says(
                    at,
                    words![
                        "serial",
                        "sn",
                        "no",
                        "number",
                        "s",
                        "id",
                        "code",
                        "ref",
                        "hash",
                        "template",
                        "udi",
                        "lot",
                        "identifier",
                    ],
                );
                if !page.joined(at)
                    || matches!(
                        page.tokens()[at - 1].kind,
                        Kind::Sign(b'(' | b'#' | b':' | b'"' | b'=' | b'\'' | b'[')
                    )
                {
                    let (range, letters, digits) = run(page, at);
                    let coded = (range.clone()).any(|at| page.tokens()[at].class.any(Class::CODE_SYSTEM))
                        || super::groups::coded(page, at);
                    let measured = page
                        .at(range.end)
                        .is_some_and(|token| token.class.any(Class::MEASURE) || token.is(b'%'))
                        || range.clone().any(|at| {
                            page.tokens()[at].is_word()
                                && page.tokens()[at].class.any(Class::MEASURE)
                                && page.tokens()[at].len() > 1
                        });
                    let mixed = letters > 0 && digits >= DIGITS && letters + digits >= SHORTEST;
                    let number = letters == 0 && digits >= 6 && (plain || called);
                    // "10:30am", "98.6F"
                    let parted = range
                        .clone()
                        .any(|at| page.sign(at, b':') || page.sign(at, b'.') || page.sign(at, b'/'))
                        && !called;
                    let dated = range.clone().any(|at| page.is_taken_at(at));
                    if (mixed || number) && !coded && !measured && !dated && !parted {
                        return Some(range);
                    }
                    at = range.end.max(at + 1);
                    continue;
                }
            }
            _ => {}
        }
        at += 1;
    }
    None
}

/// Letters and digits that no space parts, with how many there are of each.
fn run(page: &Page, at: usize) -> (Range<usize>, usize, usize) {
    let (mut end, mut letters, mut digits, mut lower) = (at, 0, 0, 0);
    while let Some(token) = page.at(end) {
        if end > at && token.spaced || end - at > 24 {
            break;
        }
        match token.kind {
            Kind::Number => digits += token.len(),
            Kind::Word => {
                letters += token.len();
                lower += usize::from(token.len() > 4 && token.class.any(Class::PLAIN));
            }
            Kind::Sign(b'-' | b'/' | b'_' | b'.' | b':' | b'+') if end > at && page.joined(end + 1) => {}
            _ => break,
        }
        end += 1;
    }
    while end > at + 1 && matches!(page.tokens()[end - 1].kind, Kind::Sign(_)) {
        end -= 1;
    }
    // "follow-up", "60-day": words.
    if lower > 0 && digits < 5 {
        digits = 0;
    }
    (at..end, letters, digits)
}

/// `(01)00643169007222(17)141120(10)7654321D(21)1234`: GS1's application identifiers of devices.
pub(super) fn udi(page: &mut Page, index: usize) -> bool {
    let group = |at: usize| {
        page.sign(at, b'(')
            && page
                .number(at + 1)
                .is_some_and(|(length, value)| length == 2 && matches!(value, 1 | 10 | 11 | 17 | 21))
            && page.sign(at + 2, b')')
    };
    if !group(index) || page.is_taken_at(index) {
        return false;
    }
    let mut end = index;
    while group(end) && end - index < 40 {
        end += 3;
        while page.at(end).is_some_and(|token| {
            !token.spaced && (token.is_word() || token.is_number() || token.is(b'-') || token.is(b'/'))
        }) && end - index < 48
        {
            end += 1;
        }
        // A line may end between two groups.
        end += usize::from(page.at(end).is_some_and(|token| token.kind == Kind::Break) && group(end + 1));
    }
    if end <= index + 3 {
        return false;
    }
    page.take(index..end, Identifier::Device);
    true
}

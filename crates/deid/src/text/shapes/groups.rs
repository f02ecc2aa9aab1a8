//! Digits written in groups: telephone numbers, payment cards, social security numbers, other long numbers.

use super::checks;
use crate::text::Identifier;
use crate::text::lexicon::Class;
use crate::text::page::Page;
use crate::text::token::Kind;
use crate::text::words::{Words, words};
use std::ops::Range;

/// The most groups that are read as one number.
const MOST: usize = 9;

/// Groups of digits, and what stands between them.
#[derive(Default)]
pub struct Groups {
    /// The tokens covered, a plus sign and brackets included.
    pub tokens: Range<usize>,
    lengths: [u8; MOST],
    count: usize,
    /// Whether a plus sign or an opening bracket leads.
    plus: bool,
    bracket: bool,
    /// What parts groups.
    space: bool,
    hyphen: bool,
    dot: bool,
    slash: bool,
}

impl Groups {
    /// How many digits each group has.
    pub fn lengths(&self) -> &[u8] {
        &self.lengths[..self.count]
    }

    fn digits(&self) -> usize {
        self.lengths().iter().map(|length| usize::from(*length)).sum()
    }
}

/// The groups that begin at `index`, with at most `limit` digits, and no space between where `tight`.
pub fn read(page: &Page, index: usize, limit: usize, tight: bool) -> Option<Groups> {
    let mut groups = Groups { tokens: index..index, ..Groups::default() };
    let mut at = index;
    if page.sign(at, b'+') {
        groups.plus = true;
        at += 1;
    }
    if page.sign(at, b'(') {
        groups.bracket = true;
        at += 1;
    }
    let mut digits = 0;
    while let Some((length, _)) = page.number(at) {
        if groups.count == MOST || digits + length > limit || length > 19 {
            break;
        }
        digits += length;
        groups.lengths[groups.count] = length as u8;
        groups.count += 1;
        at += 1;
        groups.tokens.end = at;
        let (mut next, mut sign) = (at, 0_u8);
        let mut spaces = 0;
        // Between groups: one of " ", "-", ".", "/", and brackets around an area.
        while next - at < 3
            && let Some(token) = page.at(next)
        {
            spaces += u8::from(token.spaced);
            match token.kind {
                Kind::Sign(b'-' | b'.' | b'/') if sign == 0 => {
                    sign = match token.kind {
                        Kind::Sign(byte) => byte,
                        _ => 0,
                    }
                }
                Kind::Sign(b')') if groups.bracket || groups.plus => {}
                Kind::Sign(b'(') if groups.plus || groups.count == 1 => groups.bracket = true,
                _ => break,
            }
            next += 1;
        }
        if page.number(next).is_none()
            || tight && (spaces > 0)
            || spaces > 1 && sign != b'-'
            || spaces > 0 && matches!(sign, b'.' | b'/')
        {
            break;
        }
        groups.space |= sign == 0;
        groups.hyphen |= sign == b'-';
        groups.dot |= sign == b'.';
        groups.slash |= sign == b'/';
        at = next;
    }
    // The closing bracket of a number that is bracketed as a whole stays outside.
    (groups.count > 0).then_some(groups)
}

/// Whether a number is too short to be anyone's, and no other stands so near that both may be one.
pub fn is_short(page: &Page, index: usize) -> bool {
    const SHORTEST: usize = 5;
    const FARTHEST: usize = 4;
    page.number(index).is_some_and(|(length, _)| length < SHORTEST)
        && (index + 1..=index + FARTHEST).all(|at| page.number(at).is_none())
}

/// A telephone number, its extension included. `labelled` says that the text calls it one.
pub fn phone(page: &Page, index: usize, labelled: bool) -> Option<Range<usize>> {
    let groups = read(page, index, 15, false)?;
    let (digits, lengths) = (groups.digits(), groups.lengths());
    let leading_zero = page.word(groups.tokens.end - 1).is_empty() || {
        let first = (index..groups.tokens.end).find(|at| page.number(*at).is_some())?;
        page.word(first).starts_with('0')
    };
    let separated = groups.hyphen || groups.dot || groups.bracket || groups.space;
    let north_american = match lengths {
        [3, 3, 4] | [1, 3, 3, 4] => {
            groups.hyphen || groups.dot || groups.bracket || labelled || !groups.slash
        }
        [3, 7] => groups.bracket,
        [10] => labelled,
        [3, 4] => {
            labelled
                || groups.hyphen && !page.at(groups.tokens.end).is_some_and(|t| t.class.any(Class::MEASURE))
        }
        _ => false,
    };
    let international = groups.plus && (7..=15).contains(&digits);
    let european =
        leading_zero && lengths.len() >= 3 && (9..=12).contains(&digits) && separated && !groups.slash;
    let called = labelled && (7..=15).contains(&digits);
    if groups.count == 1 && !groups.plus && !labelled
        || !(north_american || international || european || called)
    {
        return None;
    }
    Some(groups.tokens.start..extension(page, groups.tokens.end))
}

/// Where an extension after `end` ends: `x12`, `ext. 12`, `extension 12`.
fn extension(page: &Page, end: usize) -> usize {
    let mut at = end;
    if page.sign(at, b',') {
        at += 1;
    }
    if !page.says(at, words!["x", "ext", "extension", "extn"]) {
        return end;
    }
    at += 1;
    if page.sign(at, b'.') || page.sign(at, b':') {
        at += 1;
    }
    match page.number(at) {
        Some((1..=6, _)) => at + 1,
        _ => end,
    }
}

/// A payment card: twelve to nineteen digits that pass Luhn's check.
pub fn card(page: &Page, index: usize) -> Option<Range<usize>> {
    let groups = read(page, index, 19, false)?;
    if !(12..=19).contains(&groups.digits()) || groups.dot || groups.slash || groups.plus {
        return None;
    }
    let text =
        &page.text()[page.tokens()[index].start as usize..page.tokens()[groups.tokens.end - 1].end as usize];
    let digits = text.bytes().filter(u8::is_ascii_digit).map(|byte| byte - b'0');
    checks::luhn(digits.collect::<Vec<u8>>().into_iter()).then_some(groups.tokens)
}

/// A social security number by its shape alone, `123 45 6789`: groups of three, two and four digits that one sign or a space parts.
/// None has a group of zeros.
pub fn social_security(page: &Page, index: usize) -> Option<Range<usize>> {
    let groups = read(page, index, 15, false)?;
    let first = page.tokens()[groups.tokens.clone()].iter().position(|token| token.is_number())?;
    let at = groups.tokens.start + first;
    let other_signs = groups.dot || groups.slash || groups.plus || groups.bracket;
    let alike = !(other_signs || groups.space && groups.hyphen);
    let zeros = (at..groups.tokens.end).any(|at| page.number(at).is_some_and(|(_, value)| value == 0));
    let after = page.at(groups.tokens.end);
    let counted = after.is_some_and(|token| {
        token.class.any(Class::MEASURE)
            || token.is(b'%')
            || !token.spaced && (token.is_word() || token.is(b'/'))
    });
    // `BP 123 45 6789` are values in a row.
    let measured = page.before(index).is_some_and(|token| {
        token.class.any(Class::VITAL | Class::SCORE | Class::MEASURE | Class::CODE_SYSTEM)
            || token.is_number() && !page.is_taken_at(index - 1)
    });
    let within = page.joined(index)
        && page
            .before(index)
            .is_some_and(|token| token.is_word() || token.is(b'.') || token.is(b'/') || token.is(b'-'));
    let found = groups.lengths() == [3, 2, 4] && alike && !zeros && !counted && !measured && !within;
    (found && !coded(page, index)).then_some(groups.tokens)
}

/// A number that nobody called anything: what it looks like.
pub fn unnamed(page: &Page, index: usize) -> Option<(Range<usize>, Identifier)> {
    let groups = read(page, index, 24, true)?;
    let (digits, lengths) = (groups.digits(), groups.lengths());
    let after = page.at(groups.tokens.end);
    let first = page.number(index)?.1;
    let in_word = page.joined(index)
        && page
            .before(index)
            .is_some_and(|t| t.is_word() || t.is(b'.') || t.is(b'-') || t.is(b'/') || t.is(b'_'))
        || after.is_some_and(|token| !token.spaced && (token.is_word() || token.is(b'%') || token.is(b'/')));
    let counted = after.is_some_and(|token| token.class.any(Class::MEASURE) || token.is(b'%'));
    if groups.dot || groups.slash || in_word || counted || coded(page, index) {
        return None;
    }
    let identifier = match lengths {
        [3, 2, 4] => Identifier::SocialSecurityNumber,
        [4, 4] if groups.hyphen && (1900..2100).contains(&first) => return None,
        [7..=u8::MAX] => Identifier::MedicalRecordNumber,
        // A postal code behind its state.
        [5, 4]
            if page
                .before(index)
                .is_some_and(|token| token.class.any(Class::STATE | Class::STATE_LETTERS)) =>
        {
            return None;
        }
        [_, _] if digits >= 8 && groups.hyphen => Identifier::MedicalRecordNumber,
        [_, _, _, ..] if digits >= 7 && groups.hyphen => Identifier::MedicalRecordNumber,
        [5 | 6] if page.before(index).is_some_and(|token| token.is(b'#')) => Identifier::MedicalRecordNumber,
        _ => return None,
    };
    let start = index - usize::from(page.before(index).is_some_and(|token| token.is(b'#')));
    Some((start..groups.tokens.end, identifier))
}

/// Whether a code system is named shortly before: the number is a code then.
pub fn coded(page: &Page, index: usize) -> bool {
    // "page 12", but "page 555-0188": what is said of books is no system of long codes.
    const OF_BOOKS: Words =
        Words::of(&["page", "pages", "section", "chapter", "article", "figure", "fig", "table", "version"]);
    const LONG: usize = 7;
    let long = || read(page, index, 15, false).is_some_and(|groups| groups.digits() >= LONG);
    (index.saturating_sub(5)..index)
        .any(|at| page.tokens()[at].class.any(Class::CODE_SYSTEM) && !(page.says(at, &OF_BOOKS) && long()))
}

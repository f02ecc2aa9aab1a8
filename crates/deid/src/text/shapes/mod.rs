//! Identifiers by their shape, their check digits and what they are called.

mod checks;
mod groups;
mod hl7;
mod labelled;
mod net;
mod plates;
mod serials;

use super::Identifier;
use super::lexicon::Class;
use super::page::Page;
use super::token::{Case, Kind};
use crate::text::words::{Words, words};

/// Finds them, in one pass over the tokens.
pub fn find(page: &mut Page) {
    let tokens = page.tokens();
    hl7::find(page);
    uuids(page);
    let mut index = 0;
    while index < tokens.len() {
        let token = &tokens[index];
        let found = match token.kind {
            Kind::Sign(b'@') => match net::email(page, index) {
                Some(bytes) => {
                    let first = tokens.partition_point(|token| (token.end as usize) <= bytes.start);
                    Some(page.take_bytes(bytes, first, Identifier::Email))
                }
                None => handle(page, index),
            },
            Kind::Sign(b'(') if serials::udi(page, index) => Some(index + 1),
            Kind::Sign(b'+' | b'(') => phone(page, index),
            Kind::Sign(b'*') => masked(page, index),
            Kind::Number => number(page, index),
            Kind::Word => word(page, index),
            _ => None,
        };
        index = found.unwrap_or(index + 1).max(index + 1);
    }
}

/// UUIDs, whatever they are part of.
fn uuids(page: &mut Page) {
    const LENGTH: usize = 36;
    let bytes = page.text().as_bytes();
    let mut end = 0;
    for dash in memchr::memchr_iter(b'-', bytes) {
        let Some(start) = dash.checked_sub(8).filter(|start| *start >= end) else { continue };
        if bytes.get(dash + 5) == Some(&b'-')
            && bytes.get(start..start + LENGTH).is_some_and(|window| net::uuid(window).is_some())
        {
            end = start + LENGTH;
            let first = page.tokens().partition_point(|token| (token.end as usize) <= start);
            page.take_bytes(start..end, first, Identifier::UniqueIdentifier);
        }
    }
}

/// `@jolark77`: what someone is called elsewhere.
fn handle(page: &mut Page, index: usize) -> Option<usize> {
    const SHORTEST: usize = 3;
    let name = page.at(index + 1)?;
    if !page.joined(index + 1) || !name.is_word() || page.joined(index) {
        return None;
    }
    let mut end = index + 2;
    while page.joined(end)
        && page
            .at(end)
            .is_some_and(|token| token.is_word() || token.is_number() || token.is(b'_') || token.is(b'.'))
        && end - index < 12
    {
        end += 1;
    }
    end -= usize::from(page.sign(end - 1, b'.'));
    let length = page.tokens()[end - 1].end - page.tokens()[index + 1].start;
    if (length as usize) < SHORTEST {
        return None;
    }
    page.take(index..end, Identifier::UniqueIdentifier);
    Some(end)
}

/// How files of pictures end: a face, a wound, a scan.
const PICTURES: Words = Words::of(&[
    "jpg", "jpeg", "png", "heic", "heif", "tif", "tiff", "bmp", "gif", "dcm", "nef", "raw", "cr2", "webp",
    "mov", "mp4",
]);

fn word(page: &mut Page, index: usize) -> Option<usize> {
    if page.joined(index) && page.sign(index - 1, b'.') && page.says(index, &PICTURES) {
        let chunk = page.chunk(index);
        page.take(chunk, Identifier::UniqueIdentifier);
        return Some(index + 1);
    }
    let token = &page.tokens()[index];
    let next = page.at(index + 1)?;
    let adjoins = !next.spaced && next.kind != Kind::Break;
    if adjoins && (next.is(b':') || next.is(b'.') || next.is(b'-')) {
        if let Some(bytes) = net::url(page, index) {
            return Some(page.take_bytes(bytes, index, Identifier::Url));
        }
        if !page.joined(index)
            && token.len() <= 8
            && let Some(end) = hexadecimal(page, index)
        {
            return Some(end);
        }
    }
    // An address that begins with letters, `fe80::1`, is a word and a number before its first colon.
    if adjoins
        && next.is_number()
        && net::begins_address(&page.text().as_bytes()[token.start as usize..])
        && let Some(end) = hexadecimal(page, index)
    {
        return Some(end);
    }
    if let Some(tokens) = plates::find(page, index) {
        page.take(tokens, Identifier::Vehicle);
        return Some(index + 1);
    }
    if let Some((tokens, identifier)) = serials::find(page, index) {
        page.take(tokens, identifier);
        return Some(index + 1);
    }
    if let Some((tokens, identifier)) = labelled::find(page, index) {
        let end = tokens.end;
        page.take(tokens, identifier);
        return Some(end.min(index + 1).max(index + 1));
    }
    if adjoins && !page.is_taken_at(index) {
        if token.len() <= 4 && token.case == Case::Lower && token.is_mask(page.word(index)) {
            return masked(page, index);
        }
        if next.is_number() || next.is(b'-') {
            return mixed(page, index);
        }
    }
    None
}

fn number(page: &mut Page, index: usize) -> Option<usize> {
    if page.is_taken_at(index) {
        return None;
    }
    if last_four(page, index) {
        page.take(index..index + 1, Identifier::SocialSecurityNumber);
        return Some(index + 1);
    }
    if !page.joined(index)
        && let Some(end) = hexadecimal(page, index)
    {
        return Some(end);
    }
    if let Some((tokens, identifier)) = net::dotted(page, index) {
        let end = tokens.end;
        page.take(tokens, identifier);
        return Some(end);
    }
    if let Some(tokens) = plates::from_number(page, index) {
        let end = tokens.end;
        page.take(tokens, Identifier::Vehicle);
        return Some(end);
    }
    if page.joined(index) && page.before(index).is_some_and(|token| token.is_word() || token.is(b'.')) {
        return None;
    }
    let token = &page.tokens()[index];
    if checks::npi(page.word(index).as_bytes()) && token.len() == 10 && !groups::coded(page, index) {
        page.take(index..index + 1, Identifier::LicenseNumber);
        return Some(index + 1);
    }
    if groups::is_short(page, index) {
        return mixed(page, index);
    }
    if let Some(tokens) = groups::social_security(page, index) {
        let end = tokens.end;
        page.take(tokens, Identifier::SocialSecurityNumber);
        return Some(end);
    }
    if let Some(tokens) = groups::card(page, index).filter(|_| !groups::coded(page, index)) {
        let end = tokens.end;
        page.take(tokens, Identifier::AccountNumber);
        return Some(end);
    }
    if let Some(end) = phone(page, index) {
        return Some(end);
    }
    if let Some((tokens, identifier)) = groups::unnamed(page, index) {
        let end = tokens.end;
        page.take(tokens, identifier);
        return Some(end);
    }
    mixed(page, index)
}

/// `4417 (last 4 SSN)`, `4417 are the last four of his social`.
fn last_four(page: &Page, index: usize) -> bool {
    page.number(index).is_some_and(|(length, _)| length == 4)
        && !page.joined(index + 1)
        && (index + 1..index + 5).any(|at| page.says(at, words!["last"]))
        && (index + 2..index + 10).any(|at| page.says(at, words!["ssn", "social"]))
}

fn phone(page: &mut Page, index: usize) -> Option<usize> {
    let rough = groups::read(page, index, 15, false)?;
    // What is called a telephone may have more shapes, and few numbers have any: labels are read for those alone.
    let with_label = groups::phone(page, index, true)?;
    let called = labelled::calls(page, index, rough.tokens.end);
    let tokens = if called.is_some() { with_label } else { groups::phone(page, index, false)? };
    if page.is_taken(tokens.clone()) || groups::coded(page, index) {
        return None;
    }
    let end = tokens.end;
    page.take(tokens, called.unwrap_or(Identifier::Phone));
    Some(end)
}

/// A chunk of hexadecimal groups, or a vehicle's number.
fn hexadecimal(page: &mut Page, index: usize) -> Option<usize> {
    let mut chunk = page.chunk(index);
    // `ip=fe80::1`, `IP:fe80::1`: what stands before is no part of it.
    if net::begins_address(&page.text().as_bytes()[page.tokens()[index].start as usize..])
        && page.before(index).is_some_and(|token| matches!(token.kind, Kind::Sign(b'=' | b':' | b'[' | b'(')))
    {
        chunk.start = index;
    }
    if chunk.len() < 2 {
        return None;
    }
    let start = page.tokens()[chunk.start].start as usize;
    let end = page.tokens()[chunk.end - 1].end as usize;
    let text = &page.text()[start..end];
    if !(7..=60).contains(&text.len()) {
        return None;
    }
    let span = net::hexadecimal(text, start)?;
    Some(page.take_bytes(span.range(), chunk.start, span.identifier))
}

/// Letters and digits in one: vehicle numbers, IBANs, registrations, and what looks like a record number.
fn mixed(page: &mut Page, index: usize) -> Option<usize> {
    let tokens = page.tokens();
    if page.joined(index)
        && !matches!(tokens[index - 1].kind, Kind::Sign(b'(' | b'#' | b':' | b'"' | b'[' | b'=' | b'/'))
    {
        return None;
    }
    let (mut end, mut digits, mut upper, mut lower, mut longest) = (index, 0, 0, 0, 0);
    while let Some(token) = tokens.get(end) {
        let joined = end == index || !token.spaced;
        match token.kind {
            Kind::Number if joined => {
                digits += token.len();
                longest = longest.max(token.len());
            }
            Kind::Word if joined && token.len() <= 12 && page.word(end).is_ascii() => match token.case {
                Case::Upper | Case::Initial | Case::Shout => upper += token.len(),
                _ => lower += token.len(),
            },
            Kind::Sign(b'-') if joined && page.joined(end + 1) && end > index => {}
            _ => break,
        }
        end += 1;
        if end - index > 24 {
            break;
        }
    }
    if end > index && tokens[end - 1].is(b'-') {
        end -= 1;
    }
    if digits == 0 || upper + lower == 0 || page.is_taken(index..end) {
        return None;
    }
    let text = &page.text()[tokens[index].start as usize..tokens[end - 1].end as usize];
    let bytes = text.as_bytes();
    let identifier = if checks::vin(bytes) {
        Identifier::Vehicle
    } else if checks::mbi(bytes) {
        Identifier::HealthPlanNumber
    } else if checks::iban(bytes)
        || bytes.len() >= 15 && bytes[..2].iter().all(u8::is_ascii_alphabetic) && digits >= 8
    {
        Identifier::AccountNumber
    } else if checks::dea(bytes) {
        Identifier::LicenseNumber
    } else {
        // A dose ("50000IU"), a code with its system's letters before it, or a word with a number at its end isn't.
        // `CT-21-003310`: letters first, then a hyphen, are a series, whatever they mean elsewhere.
        // So are capitals between hyphens, `44-PT-85385`, and before many digits.
        let capitals = |at: usize| {
            matches!(tokens[at].case, Case::Upper | Case::Shout)
                && tokens[at].is_word()
                && tokens[at].len() <= 4
        };
        let hyphen = |at: usize| tokens.get(at).is_some_and(|token| token.is(b'-'));
        let many = |at: usize| tokens.get(at + 1).is_some_and(|token| token.is_number() && token.len() >= 6);
        let series = |at: usize| {
            digits >= 6
                && capitals(at)
                && match at == index {
                    true => hyphen(at + 1) || many(at) && !tokens[at].class.any(Class::CODE_SYSTEM),
                    false => hyphen(at - 1) && hyphen(at + 1) && !tokens[at].class.any(Class::CODE_SYSTEM),
                }
        };
        let measured = (index..end).any(|at| {
            tokens[at].class.any(Class::MEASURE | Class::CODE_SYSTEM | Class::ORDINARY)
                && tokens[at].len() > 1
                && !series(at)
        });
        if lower > 0 || upper > 6 || digits < 5 || measured || groups::coded(page, index) {
            return None;
        }
        Identifier::MedicalRecordNumber
    };
    let start = index - usize::from(index > 0 && tokens[index - 1].is(b'#'));
    page.take(start..end, identifier);
    Some(end)
}

/// `xxx-xx-1234`, `***-**-1234`: what is left of a number.
fn masked(page: &mut Page, index: usize) -> Option<usize> {
    let mut at = index;
    let masks = |at: usize| {
        page.sign(at, b'*') || page.at(at).is_some_and(|t| t.is_word() && t.is_mask(page.word(at)))
    };
    let mut marks = 0;
    while (masks(at) || page.sign(at, b'-')) && at - index < 24 && (at == index || page.joined(at)) {
        marks += usize::from(masks(at));
        at += 1;
    }
    let (length, _) = page.number(at)?;
    if marks == 0 || !page.joined(at) || length < 4 || !page.sign(at - 1, b'-') && marks < 4 {
        return None;
    }
    page.take(index..at + 1, Identifier::SocialSecurityNumber);
    Some(at + 1)
}

//! Identifiers that are called by name: `MRN: 12345`, `member no. XZ-99`, `SSN ending in 1234`.

use super::groups;
use crate::text::Identifier;
use crate::text::lexicon::Class;
use crate::text::page::Page;
use crate::text::token::{Case, Kind};
use crate::text::words::words;
use std::ops::Range;

/// How many tokens may stand between a label and its value.
const REACH: usize = 9;

/// What a label asks for.
#[derive(Clone, Copy)]
struct Label {
    identifier: Identifier,
    /// The fewest digits that its value has.
    digits: usize,
    /// Whether the label itself is part of what must go ("case #12").
    whole: bool,
}

fn label(word: &str) -> Option<Label> {
    let mut lower = [0_u8; 16];
    let lower = lower.get_mut(..word.len())?;
    lower.copy_from_slice(word.as_bytes());
    lower.make_ascii_lowercase();
    let (identifier, digits, whole) = match std::str::from_utf8(lower).ok()? {
        "mrn" | "mr" | "urn" | "emrn" | "pid" | "hospitalnumber" | "nhs" => {
            (Identifier::MedicalRecordNumber, 3, false)
        }
        "sample" | "kit" | "barcode" | "requisition" | "req" | "order" | "lab" | "slide" | "block"
        | "cassette" | "cytology" | "booking" | "appointment" | "referral" | "request" | "message"
        | "transaction" | "receipt" | "dossier" | "incident" | "pedigree" | "family" | "proband" => {
            (Identifier::UniqueIdentifier, 4, false)
        }
        "beeper" | "pager" | "ext" | "extension" | "x" | "cb" | "callback" => (Identifier::Phone, 3, false),
        "record" | "rec" | "accn" | "records" | "chart" | "accession" | "encounter" | "specimen"
        | "visit" | "admission" | "csn" | "fin" | "har" => (Identifier::MedicalRecordNumber, 4, false),
        "ssn" | "ss" | "social" => (Identifier::SocialSecurityNumber, 4, false),
        "insurance" | "policy" | "member" | "subscriber" | "beneficiary" | "medicare" | "medicaid"
        | "plan" | "claim" | "hpbn" | "hicn" | "mbi" | "group" | "hpn" | "authorization" | "payer" => {
            (Identifier::HealthPlanNumber, 3, false)
        }
        "account" | "acct" | "acc" | "card" | "cc" | "iban" | "routing" | "invoice" | "billing"
        | "mastercard" | "visa" | "amex" => (Identifier::AccountNumber, 4, false),
        "license" | "licence" | "lic" | "certificate" | "certification" | "npi" | "dea" | "passport"
        | "permit" => (Identifier::LicenseNumber, 3, false),
        "plate" | "vin" | "vehicle" | "registration" | "tag" => (Identifier::Vehicle, 2, false),
        "serial" | "sn" | "udi" | "device" | "pacemaker" | "implant" | "lot" | "imei" | "gtin" => {
            (Identifier::Device, 3, false)
        }
        "zip" | "zipcode" | "postcode" | "postal" => (Identifier::Location, 3, false),
        "id" | "identifier" | "ids" | "case" | "file" | "study" | "participant" | "subject" | "badge"
        | "employee" | "ticket" | "confirmation" | "tracking" | "reference" | "ref" | "username" | "pin" => {
            (Identifier::UniqueIdentifier, 3, true)
        }
        _ => return None,
    };
    Some(Label { identifier, digits, whole })
}

/// Words that may stand between a label and its value.
fn connects(page: &Page, at: usize) -> bool {
    let Some(token) = page.at(at) else { return false };
    match token.kind {
        Kind::Sign(byte) => {
            matches!(byte, b':' | b'#' | b'.' | b'=' | b'-' | b'(' | b')' | b'*' | b'/' | 0 | b'\'')
        }
        // Notes are wrapped: a label may end its line.
        Kind::Break => true,
        Kind::Word => {
            token.len() <= 12
                && page.says(
                    at,
                    words![
                        "number",
                        "numbers",
                        "no",
                        "num",
                        "nr",
                        "id",
                        "ids",
                        "identifier",
                        "code",
                        "plate",
                        "is",
                        "was",
                        "of",
                        "record",
                        "account",
                        "the",
                        "with",
                        "as",
                        "policy",
                        "member",
                        "card",
                        "beneficiary",
                        "ending",
                        "ends",
                        "in",
                        "last",
                        "four",
                        "digits",
                        "my",
                        "security",
                        "plan",
                        "insurance",
                        "license",
                        "licence",
                        "x",
                        "xx",
                        "xxx",
                        "xxxx",
                        "xxxxx",
                        "listed",
                        "health",
                        "medical",
                        "patient",
                        "serial",
                        "for",
                        "this",
                        "on",
                        "file",
                        "case",
                        "npi",
                        "dea",
                        "reads",
                        "driver",
                    ],
                )
        }
        _ => false,
    }
}

/// The value of the label at `index`, if it is a label and has one.
pub fn find(page: &Page, index: usize) -> Option<(Range<usize>, Identifier)> {
    let token = page.at(index)?;
    if !token.class.any(Class::LABEL) {
        return None;
    }
    let label = label(page.word(index))?;
    // "Mr." is no "MR".
    let called = page.sign(index + 1, b'#')
        || page.sign(index + 1, b':')
        || page.says(index + 1 + usize::from(page.sign(index + 1, b'.')), words!["no", "number", "num"]);
    if page.says(index, words!["mr", "ss", "acc", "tag", "fin", "har", "cc"])
        && !matches!(page.word(index), "MR" | "SS" | "ACC" | "cc" | "CC" | "FIN" | "HAR")
        && !(called && page.says(index, words!["acc", "tag", "fin", "har"]))
    {
        return None;
    }
    // Words that call many things: only a code of letters and digits, or a number that is called one, is theirs.
    let loose = matches!(label.identifier, Identifier::UniqueIdentifier) && !label.whole;
    let extension = page.says(index, words!["x", "ext", "extension"]);
    if extension && (page.joined(index) || page.says(index, words!["x"]) && !page.joined(index + 1)) {
        return None;
    }
    let mut at = index + 1;
    let mut explicit = false;
    while at - index <= REACH && connects(page, at) {
        explicit |= page.sign(at, b'#')
            || page.sign(at, b':')
            || page.says(at, words!["number", "no", "id", "num", "code", "ending", "identifier", "digits"]);
        if let Some(range) = value(page, at, label) {
            if loose && !(explicit || has_letters(page, &range)) {
                return None;
            }
            return Some((start(page, index, range.start, label)..range.end, label.identifier));
        }
        at += 1;
    }
    let range = value(page, at, label)?;
    let letters = has_letters(page, &range);
    let unlike = match label.identifier {
        Identifier::Phone => letters,
        _ => loose && !(explicit || letters),
    };
    if unlike {
        return None;
    }
    let weak = !explicit
        && matches!(
            label.identifier,
            Identifier::UniqueIdentifier | Identifier::Device | Identifier::Vehicle
        )
        && !page.says(index, words!["id", "vin", "sn", "udi"]);
    let plain = range.len() == 1 && page.number(range.start).is_some();
    let year = plain && page.number(range.start).is_some_and(|(n, v)| n == 4 && (1900..2100).contains(&v));
    // "ref 45-60": what is usual.
    let usual = page.says(index, words!["ref", "reference"])
        && range.len() == 3
        && (page.sign(range.start + 1, b'-') || page.sign(range.start + 1, b'.'))
        && [range.start, range.start + 2]
            .iter()
            .all(|at| page.number(*at).is_some_and(|(length, _)| length <= 3));
    if usual || year && label.identifier == Identifier::Vehicle {
        return None;
    }
    if plain && (weak && page.number(range.start).is_some_and(|(n, _)| n < 5) || year && !explicit) {
        return None;
    }
    Some((start(page, index, range.start, label)..range.end, label.identifier))
}

fn has_letters(page: &Page, range: &Range<usize>) -> bool {
    range.clone().any(|at| page.tokens()[at].is_word())
}

/// Where the span begins: the value, or the label with the word that says whose it is.
fn start(page: &Page, index: usize, value: usize, label: Label) -> usize {
    let mut start = value;
    if label.whole && value - index <= 4 {
        start = index;
        if page.says(index, words!["id", "identifier", "ref", "reference"])
            && index > 0
            && page.at(index - 1).is_some_and(|token| token.is_word() && token.len() > 2)
            && !page.joined(index)
        {
            start = index - 1;
        }
    }
    let hash = start > 0 && (page.sign(start - 1, b'#'));
    start - usize::from(hash)
}

/// A value that begins at `at`: digits and capitals, joined by hyphens, stops and slashes, or in groups.
fn value(page: &Page, at: usize, label: Label) -> Option<Range<usize>> {
    let token = page.at(at)?;
    if !(token.is_number() || token.is_word() && token.len() <= 20) {
        return None;
    }
    let (mut end, mut digits, mut letters) = (at, 0, 0);
    while let Some(token) = page.at(end) {
        let joined = end == at || !token.spaced;
        match token.kind {
            Kind::Number if joined => digits += token.len(),
            // SP 21-00442
            Kind::Number
                if end == at + 1
                    && letters <= 4
                    && digits == 0
                    && page.tokens()[at].case == Case::Upper
                    && label.digits > 2 =>
            {
                digits += token.len()
            }
            // Groups parted by spaces: cards, IBANs, record numbers; not what a unit follows.
            Kind::Number if digits >= 2 && token.len() >= 2 && end - at < 12 => digits += token.len(),
            Kind::Word if joined && token.len() <= 20 => letters += token.len(),
            Kind::Sign(b'-' | b'/' | b'_' | b'.' | b'*') if joined && page.joined(end + 1) => {}
            // 21:MB0012345
            Kind::Sign(b':')
                if joined
                    && page.joined(end + 1)
                    && page.at(end + 1).is_some_and(|t| t.is_word() && t.case != Case::Lower) => {}
            _ => break,
        }
        end += 1;
        if end - at > 32 {
            break;
        }
    }
    while end > at && page.at(end - 1).is_some_and(|token| matches!(token.kind, Kind::Sign(_))) {
        end -= 1;
    }
    let counted = page.at(end).is_some_and(|token| {
        token.class.any(Class::MEASURE)
            && label.identifier != Identifier::AccountNumber
            && digits < 6
            && (letters == 0 || page.at(end).is_some_and(|unit| unit.len() > 1))
            && !page.says(end, words!["in", "pain", "strength", "times", "daily", "day", "days"])
    });
    let enough = digits >= label.digits || digits >= 2 && digits + letters >= 5 && letters > 0;
    if !enough
        || counted
        || digits == 0
        || (at..end).all(|at| page.is_taken_at(at))
        || groups::coded(page, at) && label.whole
    {
        return None;
    }
    // Trailing groups that belong to another sentence: a lone number after a spaced word is kept apart already.
    Some(at..end)
}

/// Whether the text calls what stands at `index` a telephone or a fax number.
pub fn calls(page: &Page, index: usize, end: usize) -> Option<Identifier> {
    let fax = |at: usize| page.says(at, words!["fax", "facsimile", "f"]);
    let phone = |at: usize| {
        page.says(
            at,
            words![
                "phone",
                "telephone",
                "tel",
                "call",
                "called",
                "calling",
                "mobile",
                "cell",
                "cellphone",
                "pager",
                "contact",
                "desk",
                "office",
                "home",
                "work",
                "reach",
                "reached",
                "text",
                "texted",
                "number",
                "ph",
                "callback",
                "voicemail",
                "beeper",
                "dial",
                "line",
                "whatsapp",
                "sms",
                "messages",
                "answering",
                "registered",
                "me",
            ],
        )
    };
    let mut before = index.saturating_sub(6)..index;
    let after = end..(end + 3).min(page.tokens().len());
    if before.clone().any(fax) || after.clone().any(fax) {
        return Some(Identifier::Fax);
    }
    let after = after
        .clone()
        .any(|at| page.says(at, words!["office", "mobile", "cell", "home", "work", "desk", "phone"]));
    (before.any(phone) || after).then_some(Identifier::Phone)
}

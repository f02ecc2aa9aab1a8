//! One fact as the spill holds it: compact, and ordered by time when compared as bytes.
//!
//! `length: u32 | route: u64 | key | version | fact`, strings with their length in LEB128, as the numbers of a version
//! are, other numbers big-endian. The layout lives only as long as a run, so it has no version.

use crate::{Place, Version};
use events::{
    IdentityKind, SourceEvent, SourceFact, SourceIdentity, SourceLabel, SourceTime, SourceValue, Time,
};
use rustc_hash::FxHashMap;
use smol_str::SmolStr;
use std::io;

const EVENT: u8 = 0;
const LABEL: u8 = 1;
const IDENTITY: u8 = 2;
/// No fact, but word of a version that gives none.
const NOTHING: u8 = 3;
/// What a version has, in its first byte.
const IS_VERSION: u8 = 1;
const HAS_TIME: u8 = 2;
const HAS_NUMBER: u8 = 4;
const HEADER: usize = 12;

/// Identities by their number in the spill.
const KINDS: [IdentityKind; 13] = [
    IdentityKind::Name,
    IdentityKind::OtherName,
    IdentityKind::Organization,
    IdentityKind::AddressLine,
    IdentityKind::City,
    IdentityKind::PostalCode,
    IdentityKind::Phone,
    IdentityKind::Email,
    IdentityKind::Url,
    IdentityKind::RecordNumber,
    IdentityKind::PlanNumber,
    IdentityKind::DeviceNumber,
    IdentityKind::BirthDate,
];

/// Appends one record.
///
/// # Errors
/// When one record would take more than 4 GiB.
pub(super) fn append(
    out: &mut Vec<u8>,
    route: u64,
    key: &str,
    version: Option<&Version>,
    fact: Option<&SourceFact>,
) -> io::Result<()> {
    let start = out.len();
    out.extend_from_slice(&[0; 4]);
    out.extend_from_slice(&route.to_be_bytes());
    put_text(out, key);
    put_version(out, version);
    match fact {
        None => out.push(NOTHING),
        Some(SourceFact::Event(event)) => put_event(out, event),
        Some(SourceFact::Label(label)) => {
            out.push(LABEL);
            put_time(out, SourceTime::DateTime(label.prediction_time));
            put_text(out, &label.task);
            out.push(u8::from(label.boolean_value));
        }
        Some(SourceFact::Identity(identity)) => {
            out.push(IDENTITY);
            out.push(KINDS.iter().position(|kind| *kind == identity.kind).unwrap_or_default() as u8);
            put_text(out, &identity.text);
        }
    }
    match u32::try_from(out.len() - start - 4) {
        Ok(length) => {
            out[start..start + 4].copy_from_slice(&length.to_be_bytes());
            Ok(())
        }
        Err(_) => {
            out.truncate(start);
            Err(io::Error::from(io::ErrorKind::InvalidData))
        }
    }
}

fn put_version(out: &mut Vec<u8>, version: Option<&Version>) {
    let Some(Version { resource, updated, number, place }) = version else { return out.push(0) };
    let has = |is, flag| if is { flag } else { 0 };
    out.push(IS_VERSION | has(updated.is_some(), HAS_TIME) | has(number.is_some(), HAS_NUMBER));
    out.extend_from_slice(&resource.to_be_bytes());
    if let Some(updated) = updated {
        out.extend_from_slice(&updated.to_be_bytes());
    }
    for number in number.iter().copied().chain([place.source, place.line, place.entry.into()]) {
        put_number(out, number);
    }
}

fn put_event(out: &mut Vec<u8>, event: &SourceEvent) {
    out.push(EVENT);
    put_time(out, event.time);
    put_text(out, &event.system);
    put_text(out, &event.code);
    put_text(out, &event.path);
    match &event.value {
        SourceValue::None => out.push(0),
        SourceValue::Number(number) => {
            out.push(1);
            out.extend_from_slice(&number.to_bits().to_be_bytes());
        }
        SourceValue::Concept { system, code } => {
            out.push(2);
            put_text(out, system);
            put_text(out, code);
        }
        SourceValue::Text(text) => {
            out.push(3);
            put_text(out, text);
        }
    }
    put_optional(out, event.unit.as_deref());
    put_optional(out, event.display.as_deref());
    out.extend_from_slice(&event.origin.to_be_bytes());
}

fn put_time(out: &mut Vec<u8>, time: SourceTime) {
    let (tag, micros) = match time {
        SourceTime::Static => (0, 0),
        SourceTime::Date(time) => (1, time.micros()),
        SourceTime::DateTime(time) => (2, time.micros()),
    };
    // The sign bit flipped, earlier times sort first as bytes; the tag follows so that time leads.
    out.extend_from_slice(&((micros as u64) ^ (1 << 63)).to_be_bytes());
    out.push(tag);
}

fn put_optional(out: &mut Vec<u8>, text: Option<&str>) {
    match text {
        None => out.push(0),
        Some(text) => {
            out.push(1);
            put_text(out, text);
        }
    }
}

fn put_text(out: &mut Vec<u8>, text: &str) {
    put_number(out, text.len() as u64);
    out.extend_from_slice(text.as_bytes());
}

fn put_number(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

/// One record within a decrypted chunk, its fact still encoded.
#[derive(Clone, Copy)]
pub(super) struct Record<'a> {
    pub route: u64,
    pub key: &'a [u8],
    /// The version that the fact is of, still encoded.
    pub version: &'a [u8],
    pub fact: &'a [u8],
    /// The whole record, its length included.
    pub bytes: &'a [u8],
}

/// Takes the first record off `chunk`; `None` when it is no record.
pub(super) fn take<'a>(chunk: &mut &'a [u8]) -> Option<Record<'a>> {
    let header = chunk.get(..HEADER)?;
    let length = u32::from_be_bytes(header[..4].try_into().ok()?) as usize;
    let route = u64::from_be_bytes(header[4..].try_into().ok()?);
    let bytes = chunk.get(..length.checked_add(4)?)?;
    let mut rest = bytes.get(HEADER..)?;
    let key = take_bytes(&mut rest)?;
    let mut fact = rest;
    take_version(&mut fact)?;
    let version = &rest[..rest.len() - fact.len()];
    *chunk = &chunk[bytes.len()..];
    Some(Record { route, key, version, fact, bytes })
}

/// The version of an encoded one; `None` where a fact has none.
pub(super) fn version(mut bytes: &[u8]) -> Option<Version> {
    take_version(&mut bytes)?
}

/// The origin of an encoded fact, 0 where it has none.
pub(super) fn origin(fact: &[u8]) -> u64 {
    match (fact.first(), fact.last_chunk::<8>()) {
        (Some(&EVENT), Some(bytes)) => u64::from_be_bytes(*bytes),
        _ => 0,
    }
}

/// Is it a fact, rather than word of a version that gives none?
pub(super) fn is_fact(fact: &[u8]) -> bool {
    fact.first() != Some(&NOTHING)
}

/// Is an encoded fact an identity? The same ones come with many resources, and are told apart by nothing.
pub(super) fn is_identity(fact: &[u8]) -> bool {
    fact.first() == Some(&IDENTITY)
}

/// Decodes facts, sharing the long strings that recur (paths, displays).
#[derive(Default)]
pub(super) struct Decoder {
    long: FxHashMap<Box<str>, SmolStr>,
}

impl Decoder {
    /// The fact, or `None` when the bytes are not one.
    pub(super) fn fact(&mut self, mut bytes: &[u8]) -> Option<SourceFact> {
        let tag = take_byte(&mut bytes).filter(|tag| *tag != NOTHING)?;
        if tag == IDENTITY {
            let kind = *KINDS.get(usize::from(take_byte(&mut bytes)?))?;
            let text = self.share(take_text(&mut bytes)?);
            return Some(SourceFact::Identity(SourceIdentity { kind, text }));
        }
        let time = take_time(&mut bytes)?;
        if tag == LABEL {
            let SourceTime::DateTime(prediction_time) = time else { return None };
            let task = self.share(take_text(&mut bytes)?);
            let boolean_value = take_byte(&mut bytes)? == 1;
            return Some(SourceFact::Label(SourceLabel { task, prediction_time, boolean_value }));
        }
        let system = self.share(take_text(&mut bytes)?);
        let code = self.share(take_text(&mut bytes)?);
        let path = self.share(take_text(&mut bytes)?);
        let value = match take_byte(&mut bytes)? {
            0 => SourceValue::None,
            1 => SourceValue::Number(f64::from_bits(take_u64(&mut bytes)?)),
            2 => SourceValue::Concept {
                system: self.share(take_text(&mut bytes)?),
                code: self.share(take_text(&mut bytes)?),
            },
            3 => SourceValue::Text(take_text(&mut bytes)?.to_owned()),
            _ => return None,
        };
        let unit = self.optional(&mut bytes)?;
        let display = self.optional(&mut bytes)?;
        let origin = take_u64(&mut bytes)?;
        Some(SourceFact::Event(SourceEvent { path, time, system, code, display, value, unit, origin }))
    }

    fn optional(&mut self, bytes: &mut &[u8]) -> Option<Option<SmolStr>> {
        match take_byte(bytes)? {
            0 => Some(None),
            _ => Some(Some(self.share(take_text(bytes)?))),
        }
    }

    fn share(&mut self, text: &str) -> SmolStr {
        const INLINE: usize = 23;
        const MOST_SHARED: usize = 16_384;
        if text.len() <= INLINE {
            return SmolStr::new_inline(text);
        }
        if let Some(shared) = self.long.get(text) {
            return shared.clone();
        }
        let shared = SmolStr::new(text);
        if self.long.len() == MOST_SHARED {
            self.long.clear();
        }
        self.long.insert(text.into(), shared.clone());
        shared
    }
}

fn take_byte(bytes: &mut &[u8]) -> Option<u8> {
    let (&first, rest) = bytes.split_first()?;
    *bytes = rest;
    Some(first)
}

fn take_u64(bytes: &mut &[u8]) -> Option<u64> {
    let (first, rest) = bytes.split_first_chunk::<8>()?;
    *bytes = rest;
    Some(u64::from_be_bytes(*first))
}

fn take_time(bytes: &mut &[u8]) -> Option<SourceTime> {
    let time = Time::from_micros((take_u64(bytes)? ^ (1 << 63)) as i64);
    match take_byte(bytes)? {
        0 => Some(SourceTime::Static),
        1 => Some(SourceTime::Date(time)),
        2 => Some(SourceTime::DateTime(time)),
        _ => None,
    }
}

fn take_number(bytes: &mut &[u8]) -> Option<u64> {
    let mut number = 0;
    let mut shift = 0;
    loop {
        let byte = take_byte(bytes)?;
        number |= u64::from(byte & 0x7f).checked_shl(shift)?;
        if byte < 0x80 {
            return Some(number);
        }
        shift += 7;
    }
}

/// A version, or that there is none; `None` when the bytes are neither.
fn take_version(bytes: &mut &[u8]) -> Option<Option<Version>> {
    let has = take_byte(bytes)?;
    if has & IS_VERSION == 0 {
        return Some(None);
    }
    let resource = take_u64(bytes)?;
    let updated = if has & HAS_TIME == 0 { None } else { Some(take_u64(bytes)? as i64) };
    let number = if has & HAS_NUMBER == 0 { None } else { Some(take_number(bytes)?) };
    let (source, line) = (take_number(bytes)?, take_number(bytes)?);
    let entry = u32::try_from(take_number(bytes)?).ok()?;
    Some(Some(Version { resource, updated, number, place: Place { source, line, entry } }))
}

fn take_bytes<'a>(bytes: &mut &'a [u8]) -> Option<&'a [u8]> {
    let length = usize::try_from(take_number(bytes)?).ok()?;
    let taken = bytes.get(..length)?;
    *bytes = &bytes[length..];
    Some(taken)
}

fn take_text<'a>(bytes: &mut &'a [u8]) -> Option<&'a str> {
    std::str::from_utf8(take_bytes(bytes)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn time() -> impl Strategy<Value = SourceTime> {
        prop_oneof![
            Just(SourceTime::Static),
            any::<i64>().prop_map(|t| SourceTime::Date(Time::from_micros(t))),
            any::<i64>().prop_map(|t| SourceTime::DateTime(Time::from_micros(t))),
        ]
    }

    fn fact() -> impl Strategy<Value = SourceFact> {
        let value = prop_oneof![
            Just(SourceValue::None),
            any::<i64>().prop_map(|n| SourceValue::Number(n as f64 / 7.0)),
            (".{0,30}", ".{0,30}")
                .prop_map(|(s, c)| SourceValue::Concept { system: s.into(), code: c.into() }),
            ".{0,300}".prop_map(SourceValue::Text),
        ];
        let words = (".{0,40}", ".{0,40}", ".{0,40}", proptest::option::of(".{0,40}"));
        let event = (time(), words, value, proptest::option::of("[a-z]{0,9}"), any::<u64>()).prop_map(
            |(time, (path, system, code, display), value, unit, origin)| {
                SourceFact::Event(SourceEvent {
                    path: path.into(),
                    time,
                    system: system.into(),
                    code: code.into(),
                    display: display.map(Into::into),
                    value,
                    unit: unit.map(Into::into),
                    origin,
                })
            },
        );
        let label = (any::<i64>(), ".{0,30}", any::<bool>()).prop_map(|(t, task, boolean_value)| {
            SourceFact::Label(SourceLabel {
                task: task.into(),
                prediction_time: Time::from_micros(t),
                boolean_value,
            })
        });
        let identity = (0..KINDS.len(), ".{0,60}").prop_map(|(kind, text)| {
            SourceFact::Identity(SourceIdentity { kind: KINDS[kind], text: text.into() })
        });
        prop_oneof![4 => event, 1 => label, 1 => identity]
    }

    fn any_version() -> impl Strategy<Value = Option<Version>> {
        let place = (any::<u64>(), any::<u64>(), any::<u32>());
        proptest::option::of((any::<u64>(), any::<Option<i64>>(), any::<Option<u64>>(), place).prop_map(
            |(resource, updated, number, (source, line, entry))| Version {
                resource,
                updated,
                number,
                place: Place { source, line, entry },
            },
        ))
    }

    proptest! {
        #[test]
        fn a_fact_comes_back_as_it_went(
            key in ".{0,200}",
            route: u64,
            facts in proptest::collection::vec((any_version(), proptest::option::weighted(0.9, fact())), 1..5),
        ) {
            let mut bytes = Vec::new();
            for (version, fact) in &facts {
                append(&mut bytes, route, &key, version.as_ref(), fact.as_ref()).unwrap();
            }
            let (mut rest, mut decoder) = (&bytes[..], Decoder::default());
            for (of, fact) in &facts {
                let record = take(&mut rest).unwrap();
                prop_assert_eq!((record.route, record.key), (route, key.as_bytes()));
                prop_assert_eq!((version(record.version), is_fact(record.fact)), (*of, fact.is_some()));
                let decoded = decoder.fact(record.fact);
                prop_assert_eq!(&decoded, fact);
                if let Some(SourceFact::Event(event)) = fact {
                    prop_assert_eq!(origin(record.fact), event.origin);
                }
            }
            prop_assert!(rest.is_empty());
        }

        #[test]
        fn garbage_is_refused_quietly(bytes: Vec<u8>) {
            let mut rest = &bytes[..];
            while let Some(record) = take(&mut rest) {
                let _ = Decoder::default().fact(record.fact);
            }
        }
    }

    #[test]
    fn bytes_sort_by_time() {
        let encode = |micros| {
            let mut out = Vec::new();
            put_time(&mut out, SourceTime::DateTime(Time::from_micros(micros)));
            out
        };
        assert!(encode(-5) < encode(-4) && encode(-4) < encode(0) && encode(0) < encode(9));
    }
}

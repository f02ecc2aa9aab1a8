//! Patient and Coverage: who the subject is. Names, identifiers and telecoms are not read, and of the address only
//! what some policies let pass in part: state and postal code.

use super::{
    paths,
    record::{Chosen, Halt, Record, happened},
    systems::own,
    wire::{Coding, Concept, List, Period, Reference, Text},
};
use crate::{codes, time};
use events::{Code, SourceTime};
use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor},
};
use smol_str::SmolStr;
use sonic_rs::LazyValue;
use std::{borrow::Cow, fmt};

const RACE: &str = "http://hl7.org/fhir/us/core/StructureDefinition/us-core-race";
const ETHNICITY: &str = "http://hl7.org/fhir/us/core/StructureDefinition/us-core-ethnicity";
const OMB_CATEGORY: &str = "ombCategory";

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase", bound(deserialize = "'de: 'a"))]
struct Patient<'a> {
    id: Option<Text<'a>>,
    meta: Option<LazyValue<'a>>,
    gender: Option<Text<'a>>,
    birth_date: Option<Text<'a>>,
    deceased_boolean: Option<bool>,
    deceased_date_time: Option<Text<'a>>,
    extension: List<Extension<'a>>,
    marital_status: Option<Concept<'a>>,
    communication: List<Communication<'a>>,
    address: List<Address<'a>>,
    link: List<Link<'a>>,
}

#[derive(Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
struct Link<'a> {
    r#type: Option<Text<'a>>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase", bound(deserialize = "'de: 'a"))]
struct Address<'a> {
    r#use: Option<Text<'a>>,
    state: Option<Text<'a>>,
    postal_code: Option<Text<'a>>,
}

#[derive(Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
struct Extension<'a> {
    url: Option<Text<'a>>,
    extension: List<Part<'a>>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase", bound(deserialize = "'de: 'a"))]
struct Part<'a> {
    url: Option<Text<'a>>,
    value_coding: Option<Coding<'a>>,
}

#[derive(Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
struct Communication<'a> {
    language: Option<Concept<'a>>,
    preferred: Option<bool>,
}

pub(super) fn read(record: &mut Record<'_>, text: &str, full_url_id: Option<&str>) -> Result<(), Halt> {
    // Asked of the text: what can't be read of a death, or of the patient beside it, is no word that it didn't happen.
    let is_said_dead = record.parse::<Deceased>(text).map_or(true, |deceased| deceased.0);
    let patient: Patient<'_> = match record.parse(text) {
        Ok(patient) => patient,
        Err(halt) => {
            if is_said_dead {
                record.sink.said_dead(None, None);
            }
            return Err(halt);
        }
    };
    let Some(subject) = record.key(patient.id.as_deref().or(full_url_id)) else {
        if is_said_dead {
            record.sink.said_dead(None, None);
        }
        return super::record::reject("Patient.id", "no id");
    };
    let subject = subject.to_owned();
    record.identify(Some(&subject), patient.meta.as_ref());
    if is_said_dead {
        let version = record.version();
        record.sink.said_dead(Some(&subject), version.as_ref());
    }
    if patient.link.iter().any(|link| link.r#type.as_deref() == Some("replaced-by")) {
        record.ignore("replaced by another patient, and not joined to it");
    }
    let subject = subject.as_str();
    birth_and_death(record, &patient, subject)?;
    let always = SourceTime::Static;
    if let Some(gender) = &patient.gender {
        let (_, code) = codes::harmonise("Gender", gender);
        record.event(subject, paths::PATIENT_GENDER, always, Chosen::new(own::GENDER, code))?;
    }
    for (system, path, category) in patient.extension.iter().flat_map(omb_categories) {
        record.event(subject, path, always, Chosen::new(system, category))?;
    }
    if let Some(language) = language(&patient) {
        record.event(subject, paths::PATIENT_LANGUAGE, always, Chosen::new(own::LANGUAGE, language))?;
    }
    if let Some(marital) = patient.marital_status.as_ref().and_then(Chosen::of) {
        let chosen = Chosen::new(own::MARITAL, marital.code);
        record.event(subject, paths::PATIENT_MARITAL, always, chosen)?;
    }
    if let Some(address) = home(&patient) {
        for (path, system, part) in [
            (paths::PATIENT_POSTAL_CODE, own::ZIP, &address.postal_code),
            (paths::PATIENT_STATE, own::STATE, &address.state),
        ] {
            if let Some(part) = part.as_deref().map(str::trim).filter(|part| !part.is_empty()) {
                record.event(subject, path, always, Chosen::new(system, part))?;
            }
        }
    }
    Ok(())
}

/// Where the patient lives: the first address that isn't an old one, nor for letters or bills only.
fn home<'p>(patient: &'p Patient<'_>) -> Option<&'p Address<'p>> {
    let elsewhere =
        |address: &&Address<'_>| matches!(address.r#use.as_deref(), Some("old" | "temp" | "billing"));
    patient.address.iter().find(|address| !elsewhere(address))
}

fn birth_and_death(record: &mut Record<'_>, patient: &Patient<'_>, subject: &str) -> Result<(), Halt> {
    let whole = |code| Chosen { system: SmolStr::default(), code: SmolStr::new_static(code), display: None };
    match patient.birth_date.as_deref().map(time::fhir_birth) {
        Some(Ok(at)) => record.event(subject, paths::PATIENT_BIRTH, at, whole(Code::BIRTH))?,
        Some(Err(reason)) => record.reject(paths::PATIENT_BIRTH, reason),
        None => record.ignore("no date of birth"),
    }
    match patient.deceased_date_time.as_deref().map(time::fhir) {
        Some(Ok(at)) => record.event(subject, paths::PATIENT_DEATH, at, whole(Code::DEATH))?,
        Some(Err(reason)) => record.reject(paths::PATIENT_DEATH, reason),
        None if patient.deceased_boolean == Some(true) => record.ignore("deceased, without a date"),
        None => {}
    }
    Ok(())
}

/// Is a patient said to have died, in whatever form? Only `false`, and nothing at all, say that not.
struct Deceased(bool);

impl<'de> Deserialize<'de> for Deceased {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Elements;
        impl<'de> Visitor<'de> for Elements {
            type Value = Deceased;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Deceased, A::Error> {
                let (mut said, mut denied, mut remarked) = (false, false, false);
                while let Some((key, value)) = map.next_entry::<Cow<'de, str>, LazyValue<'de>>()? {
                    let value = value.as_raw_str().trim();
                    match &*key {
                        _ if value == "null" => {}
                        "deceasedBoolean" if value == "false" => denied = true,
                        key if key.starts_with("deceased") => said = true,
                        key if key.starts_with("_deceased") => remarked = true,
                        _ => {}
                    }
                }
                // A remark beside a plain `false` doesn't take that back; one by itself stands for a value that isn't told.
                Ok(Deceased(said || remarked && !denied))
            }
        }
        deserializer.deserialize_map(Elements)
    }
}

/// The OMB categories of US Core's race and ethnicity, by the codes of CDC's race and ethnicity code set.
fn omb_categories<'e>(
    extension: &'e Extension<'_>,
) -> impl Iterator<Item = (&'static str, &'static str, &'static str)> + 'e {
    let (system, path) = match extension.url.as_deref() {
        Some(RACE) => (own::RACE, paths::PATIENT_RACE),
        Some(ETHNICITY) => (own::ETHNICITY, paths::PATIENT_ETHNICITY),
        _ => ("", ""),
    };
    let parts = if system.is_empty() { &[][..] } else { &*extension.extension };
    parts.iter().filter(|part| part.url.as_deref() == Some(OMB_CATEGORY)).filter_map(move |part| {
        let word = match (system, part.value_coding.as_ref()?.code.as_deref()?) {
            (own::RACE, "1002-5") => "NATIVE",
            (own::RACE, "2028-9") => "ASIAN",
            (own::RACE, "2054-5") => "BLACK",
            (own::RACE, "2076-8") => "PACIFIC",
            (own::RACE, "2106-3") => "WHITE",
            (own::RACE, "2131-1") => "OTHER",
            (own::ETHNICITY, "2135-2") => "HISPANIC",
            (own::ETHNICITY, "2186-5") => "NON_HISPANIC",
            // UNK and ASKU say no more than an absent extension.
            _ => return None,
        };
        Some((system, path, word))
    })
}

/// The primary subtag of the preferred language, or of the only one.
fn language(patient: &Patient<'_>) -> Option<SmolStr> {
    let preferred = patient.communication.iter().find(|c| c.preferred == Some(true));
    let only = (patient.communication.len() == 1).then(|| patient.communication.first()).flatten();
    let language = preferred.or(only)?.language.as_ref()?;
    let code = language.coding.iter().find_map(|coding| coding.code.as_deref())?;
    let primary = code
        .split(['-', '_'])
        .next()
        .filter(|tag| (2..=3).contains(&tag.len()) && tag.bytes().all(|b| b.is_ascii_alphabetic()))?;
    Some(SmolStr::new(primary.to_ascii_lowercase()))
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase", bound(deserialize = "'de: 'a"))]
struct Coverage<'a> {
    id: Option<Text<'a>>,
    meta: Option<LazyValue<'a>>,
    status: Option<Text<'a>>,
    beneficiary: Option<Reference<'a>>,
    r#type: Option<Concept<'a>>,
    period: Option<Period<'a>>,
}

/// Who pays, from the day on which the coverage began.
pub(super) fn read_coverage(record: &mut Record<'_>, text: &str) -> Result<(), Halt> {
    let coverage: Coverage<'_> = record.parse(text)?;
    record.identify(coverage.id.as_deref(), coverage.meta.as_ref());
    happened(coverage.status.as_ref(), &["cancelled", "draft", "entered-in-error"])?;
    let subject = record.subject(coverage.beneficiary.as_ref(), "Coverage.beneficiary")?;
    let chosen = record.code(coverage.r#type.as_ref())?;
    let Some(start) = coverage.period.as_ref().and_then(|period| period.start.as_ref()) else {
        return Err(Halt::Ignore("no time at which it was known"));
    };
    let at = record.time(&[Some(start)], "Coverage.period.start")?;
    // HL7's and the Source of Payment Typology's codes don't overlap, and both say who pays.
    let chosen = match chosen.system.as_str() {
        "V3" | own::PAYER => Chosen::new(own::PAYER, chosen.code),
        _ => chosen,
    };
    Ok(record.event(&subject, paths::COVERAGE_TYPE, at, chosen)?)
}

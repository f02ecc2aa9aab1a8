//! A subject as MEDS events, straight from the record: no identifiers, and no detour through FHIR.

use crate::catalogue::Order;
use crate::person::{Race, SmokingStatus};
use crate::population::SyntheticSubject;
use crate::record::Class;
use events::{Code, Event, Sex, Subject};

/// The subject's events, as a reader of the FHIR export would find them. The id is the index plus one.
///
/// Diagnoses, procedures and prescriptions of an emergency visit or admission stand at its end, since that is when
/// they are known.
pub fn subject(source: &SyntheticSubject) -> Subject {
    let mut events = Vec::new();
    let site = source.person.site;
    let gender = if source.person.sex == Sex::Female { "F" } else { "M" };
    events.push(Event::new(None, Code::of("GENDER", gender)));
    events.push(Event::new(None, Code::of("RACE", race_word(source.person.race))));
    let ethnicity = if source.person.hispanic { "HISPANIC" } else { "NON_HISPANIC" };
    events.push(Event::new(None, Code::of("ETHNICITY", ethnicity)));
    events.push(Event::new(None, Code::of("LANGUAGE", source.person.language)));
    events.push(Event::new(Some(source.birth), Code::birth()));
    if let Some(first) = source.record.encounters.first() {
        let payer = source.person.payer.word_at(source.enrolment_age);
        events.push(Event::new(Some(first.start), Code::of("PAYER", payer)));
    }
    for encounter in &source.record.encounters {
        let mut add =
            |time, system: &str, code: &str| events.push(Event::new(Some(time), Code::of(system, code)));
        add(encounter.start, "VISIT", encounter.class.code());
        if encounter.class != Class::Ambulatory {
            add(encounter.end, "VISIT_END", encounter.class.code());
        }
        let known = encounter.known();
        for diagnosis in &encounter.diagnoses {
            add(known, "ICD10CM", site.diagnosis(diagnosis.concept.code));
        }
        for procedure in &encounter.procedures {
            add(known, "SNOMED", procedure.code);
        }
        for drug in &encounter.prescriptions {
            add(encounter.prescribed().min(source.record.until), "RXNORM", drug.code);
        }
        for vaccine in &encounter.immunizations {
            add(encounter.start, "CVX", vaccine.code);
        }
        if let Some(smoking) = encounter.smoking {
            add(encounter.start, SMOKING_ANSWER, smoking_code(smoking).0);
        }
        for value in &encounter.values {
            let (system, code) = site.test(value.measure.test());
            let (number, unit) = site.value(value.measure, value.value);
            events.push(
                Event::new(Some(value.time), Code::of(system, &code))
                    .with_value(number as f32)
                    .with_unit(unit),
            );
        }
    }
    for (allergy, time) in &source.record.allergies {
        events.push(Event::new(Some(*time), Code::of("ALLERGY//SNOMED", allergy.code)));
    }
    if let Some(first) = source.record.encounters.first() {
        for (condition, _) in source.person.told_family() {
            let code = Code::of("FAMILY_HISTORY//ICD10CM", condition.profile().icd10cm);
            events.push(Event::new(Some(first.start), code));
        }
    }
    match source.observed_death() {
        Some(time) => events.push(Event::new(Some(time), Code::death())),
        None => events.push(Event::new(Some(source.record.until), Code::followup_end())),
    }
    Subject::new(source.index as i64 + 1, events)
}

/// The question whether somebody smokes, in LOINC, and the system of its answers.
pub(crate) const SMOKING_QUESTION: &str = "72166-2";
/// A question that is answered by a concept is one code of both.
pub(crate) const SMOKING_ANSWER: &str = "LOINC//72166-2//SNOMED";

/// What the codes of a record mean, of the first site and of the second: every code that a record may hold, but for
/// those of reserved words, sex, race and visits.
pub fn descriptions() -> Vec<(String, String)> {
    let mut found = std::collections::BTreeMap::new();
    let mut add = |system: &str, code: &str, text: &str| {
        found.insert(format!("{system}//{code}"), text.to_owned());
    };
    let mut diagnoses: Vec<(&str, &str)> = crate::care::EXAMINATIONS.map(|c| (c.code, c.display)).to_vec();
    diagnoses.extend(crate::care::HISTORIES.iter().map(|(_, c)| (c.code, c.display)));
    for condition in crate::Condition::ALL {
        let profile = condition.profile();
        diagnoses.push((profile.icd10cm, profile.display));
        diagnoses.extend(profile.prodrome.iter().map(|(code, display, _)| (*code, *display)));
        let stages = profile.stages.iter().filter(|stage| !stage.icd10cm.is_empty());
        diagnoses.extend(stages.map(|stage| (stage.icd10cm, stage.display)));
        add("FAMILY_HISTORY//ICD10CM", profile.icd10cm, profile.display);
        for order in profile.workup.iter().chain(profile.follow_up) {
            if let Order::Procedure(procedure) = order {
                add("SNOMED", procedure.code, procedure.display);
            }
        }
    }
    for (code, display) in &diagnoses {
        add("ICD10CM", code, display);
    }
    // The second site's categories, where no code of the first says it better.
    for (code, display) in &diagnoses {
        let category = crate::site::Site::Second.diagnosis(code);
        if diagnoses.iter().all(|(whole, _)| *whole != category) {
            add("ICD10CM", category, display);
        }
    }
    for test in &crate::measurement::TESTS {
        add("LOINC", test.loinc, test.display);
        let (system, code) = crate::site::Site::Second.test(test);
        add(system, &code, test.display.split(" [").next().unwrap_or(test.display));
    }
    let drugs = crate::catalogue::TREATMENTS.iter().map(|treatment| treatment.drug);
    for drug in drugs.chain(crate::therapy::Therapy::all().iter().map(|therapy| therapy.drug)) {
        add("RXNORM", drug.code, drug.display);
    }
    let vaccines = crate::catalogue::VACCINES.iter().map(|(vaccine, _)| *vaccine);
    for vaccine in vaccines.chain([crate::catalogue::INFLUENZA_VACCINE]) {
        add("CVX", vaccine.code, vaccine.display);
    }
    for procedure in crate::catalogue::procedure::BY_SYMPTOM_OR_SCREENING {
        add("SNOMED", procedure.code, procedure.display);
    }
    for status in [SmokingStatus::Never, SmokingStatus::Current, SmokingStatus::Former] {
        let (code, display) = smoking_code(status);
        add("SNOMED", code, display);
        add(SMOKING_ANSWER, code, display);
    }
    add("LOINC", SMOKING_QUESTION, "Tobacco smoking status");
    for allergy in crate::care::ALLERGIES {
        add("ALLERGY//SNOMED", allergy.code, allergy.display);
    }
    for (code, text) in [
        ("PRIVATE", "Private insurance"),
        ("MEDICAID", "Medicaid"),
        ("MEDICARE", "Medicare"),
        ("UNINSURED", "No insurance"),
    ] {
        add("PAYER", code, text);
    }
    found.into_iter().collect()
}

/// Is it something done? Of SNOMED CT records have procedures, and whether somebody smokes.
pub fn is_procedure(code: &str) -> bool {
    let statuses = [SmokingStatus::Never, SmokingStatus::Current, SmokingStatus::Former];
    code.split_once("//").is_some_and(|(system, local)| {
        system == "SNOMED" && statuses.iter().all(|status| smoking_code(*status).0 != local)
    })
}

/// Broader codes, nearest first: those of ICD-10-CM are its beginnings, down to the category of three characters.
///
/// ```
/// assert_eq!(synth::meds::parents("ICD10CM//E11.42"), ["ICD10CM//E11.4", "ICD10CM//E11"]);
/// ```
pub fn parents(code: &str) -> Vec<String> {
    let Some(("ICD10CM", local)) = code.split_once("//") else { return Vec::new() };
    (3..local.len())
        .rev()
        .map(|length| local[..length].trim_end_matches('.'))
        .filter(|parent| parent.len() != 4)
        .map(|parent| format!("ICD10CM//{parent}"))
        .fold(Vec::new(), |mut found, parent| {
            if !found.contains(&parent) {
                found.push(parent);
            }
            found
        })
}

/// The word that every reader of sources writes.
fn race_word(race: Race) -> &'static str {
    match race {
        Race::White => "WHITE",
        Race::Black => "BLACK",
        Race::Asian => "ASIAN",
        Race::AmericanIndian => "NATIVE",
        Race::Other => "OTHER",
    }
}

/// CDC race and ethnicity code.
pub(crate) fn race_code(race: Race) -> &'static str {
    match race {
        Race::White => "2106-3",
        Race::Black => "2054-5",
        Race::Asian => "2028-9",
        Race::AmericanIndian => "1002-5",
        Race::Other => "2131-1",
    }
}

/// SNOMED CT code and name.
pub(crate) fn smoking_code(status: SmokingStatus) -> (&'static str, &'static str) {
    match status {
        SmokingStatus::Never => ("266919005", "Never smoked tobacco"),
        SmokingStatus::Current => ("449868002", "Smokes tobacco daily"),
        SmokingStatus::Former => ("8517006", "Ex-smoker"),
    }
}

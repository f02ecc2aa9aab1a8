//! What somebody who writes notes knows of a patient: read from the FHIR bundle that the program is given too.

use super::plants::Knowledge;
use super::plants::names::{Person, Sex};
use super::plants::places::Address;
use chrono::NaiveDate;
use serde_json::Value;

/// A relative, and what may be written of them.
#[derive(Clone, Debug)]
pub struct Kin {
    pub role: String,
    pub person: Person,
    pub phone: Option<String>,
}

/// A patient's chart.
#[derive(Clone, Debug)]
pub struct Chart {
    pub patient: Person,
    pub maiden: Option<String>,
    pub birth: NaiveDate,
    pub death: Option<NaiveDate>,
    pub address: Option<Address>,
    pub birthplace: Option<String>,
    pub phones: Vec<String>,
    pub emails: Vec<String>,
    pub mrns: Vec<String>,
    pub ssn: Option<String>,
    pub licence: Option<String>,
    pub passport: Option<String>,
    pub plans: Vec<String>,
    pub accounts: Vec<String>,
    pub serials: Vec<String>,
    pub udis: Vec<String>,
    pub kin: Vec<Kin>,
    pub clinicians: Vec<Person>,
    /// Names, and telephone numbers where there are.
    pub hospitals: Vec<(String, Option<String>)>,
    /// Days of encounters, in order.
    pub days: Vec<NaiveDate>,
    pub conditions: Vec<String>,
    pub drugs: Vec<String>,
    pub procedures: Vec<String>,
    /// What was measured, its value and unit.
    pub labs: Vec<(String, f64, String)>,
}

/// The resources of one type.
pub fn resources<'a>(bundle: &'a Value, kind: &'a str) -> impl Iterator<Item = &'a Value> {
    let entries = bundle["entry"].as_array().map(Vec::as_slice).unwrap_or_default();
    entries.iter().map(|entry| &entry["resource"]).filter(move |resource| resource["resourceType"] == kind)
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

fn text(value: &Value) -> Option<String> {
    value.as_str().map(str::to_owned)
}

/// The day of a date or a time.
fn day(value: &Value) -> Option<NaiveDate> {
    NaiveDate::parse_from_str(value.as_str()?.get(..10)?, "%Y-%m-%d").ok()
}

fn person(name: &Value, gender: &Value) -> Option<Person> {
    let given = list(&name["given"]);
    let sex = if gender == "female" { Sex::Female } else { Sex::Male };
    let mut person = Person::new(given.first()?.as_str()?, name["family"].as_str()?, sex);
    person.middle = given.get(1).and_then(text);
    person.suffix = list(&name["suffix"]).first().and_then(text);
    Some(person)
}

fn telecom(resource: &Value, system: &str) -> Vec<String> {
    list(&resource["telecom"])
        .iter()
        .filter(|t| t["system"] == system)
        .filter_map(|t| text(&t["value"]))
        .collect()
}

fn identifiers(resource: &Value, code: &str) -> Vec<String> {
    let of_type = |id: &&Value| list(&id["type"]["coding"]).iter().any(|c| c["code"] == code);
    list(&resource["identifier"]).iter().filter(of_type).filter_map(|id| text(&id["value"])).collect()
}

/// The displays of resources' codes, each once, in order.
fn displays(bundle: &Value, kind: &str, field: &str) -> Vec<String> {
    let mut found: Vec<String> = resources(bundle, kind)
        .filter_map(|r| text(&list(&r[field]["coding"]).first()?["display"]))
        .collect();
    found.sort();
    found.dedup();
    found
}

impl Chart {
    /// Reads the chart; `None` if the patient lacks a name or a birth.
    pub fn read(bundle: &Value) -> Option<Self> {
        let p = resources(bundle, "Patient").next()?;
        let official = list(&p["name"]).iter().find(|n| n["use"] == "official")?;
        let maiden = list(&p["name"]).iter().find(|n| n["use"] == "maiden").and_then(|n| text(&n["family"]));
        let patient = person(official, &p["gender"])?;
        let extension = |end: &str| {
            list(&p["extension"]).iter().find(|e| e["url"].as_str().is_some_and(|u| u.ends_with(end)))
        };
        let address = list(&p["address"]).first().and_then(|a| {
            let part = |name: &str| a[name].as_str();
            let line = list(&a["line"]).first()?.as_str()?;
            Address::read(line, part("city")?, part("state")?, part("postalCode")?, Knowledge::Chart)
        });
        let mut kin: Vec<Kin> = list(&p["contact"])
            .iter()
            .chain(resources(bundle, "RelatedPerson"))
            .filter_map(|c| {
                let name = if c["name"].is_array() { &c["name"][0] } else { &c["name"] };
                let relationship = &c["relationship"][0];
                Some(Kin {
                    role: text(&relationship["text"])?,
                    person: person(name, &c["gender"])?,
                    phone: telecom(c, "phone").into_iter().next(),
                })
            })
            .collect();
        let mother =
            extension("patient-mothersMaidenName").and_then(|e| e["valueString"].as_str()?.split_once(' '));
        if let Some((given, family)) = mother {
            kin.push(Kin {
                role: "mother".into(),
                person: Person::new(given, family, Sex::Female),
                phone: None,
            });
        }
        let mut days: Vec<NaiveDate> =
            resources(bundle, "Encounter").filter_map(|e| day(&e["period"]["start"])).collect();
        days.sort();
        days.dedup();
        let hospitals = resources(bundle, "Organization")
            .filter_map(|o| {
                Some((text(&o["name"])?, telecom(o, "phone").into_iter().find(|t| t.len() >= 10)))
            })
            .collect();
        let labs = resources(bundle, "Observation")
            .filter_map(|o| {
                let quantity = &o["valueQuantity"];
                Some((text(&o["code"]["text"])?, quantity["value"].as_f64()?, text(&quantity["unit"])?))
            })
            .collect();
        let of = |kind, read: &dyn Fn(&Value) -> Option<String>| {
            resources(bundle, kind).filter_map(read).collect()
        };
        Some(Chart {
            patient,
            maiden,
            birth: day(&p["birthDate"])?,
            death: day(&p["deceasedDateTime"]),
            address,
            birthplace: extension("patient-birthPlace").and_then(|e| text(&e["valueAddress"]["city"])),
            phones: telecom(p, "phone"),
            emails: telecom(p, "email"),
            mrns: identifiers(p, "MR"),
            ssn: identifiers(p, "SS").into_iter().next(),
            licence: identifiers(p, "DL").into_iter().next(),
            passport: identifiers(p, "PPN").into_iter().next(),
            plans: of("Coverage", &|c| text(&c["subscriberId"])),
            accounts: of("Account", &|a| text(&a["identifier"][0]["value"])),
            serials: of("Device", &|d| text(&d["serialNumber"])),
            udis: of("Device", &|d| text(&d["udiCarrier"][0]["carrierHRF"])),
            kin,
            clinicians: resources(bundle, "Practitioner")
                .filter_map(|c| person(&c["name"][0], &c["gender"]))
                .collect(),
            hospitals,
            days,
            conditions: displays(bundle, "Condition", "code"),
            drugs: displays(bundle, "MedicationRequest", "medicationCodeableConcept"),
            procedures: displays(bundle, "Procedure", "code"),
            labs,
        })
    }
}

//! Clinical notes: a few sentences that say some of the record in words, full of identifiers, as notes are.

use super::{date, hospital, physician};
use crate::measurement::Measure;
use crate::population::SyntheticSubject;
use crate::record::{Class, Encounter};
use events::{Sex, Time};
use std::fmt::Write;

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

/// A date in one of four usual styles.
fn written(time: Time, style: usize) -> String {
    let (year, month, day) = time.ymd();
    let name = MONTHS[(month as usize).clamp(1, 12) - 1];
    match style % 4 {
        0 => format!("{month:02}/{day:02}/{year}"),
        1 => format!("{name} {day}, {year}"),
        2 => date(time),
        _ => format!("{day}-{}-{year}", &name[..3]),
    }
}

/// The note of an encounter.
pub(crate) fn text(subject: &SyntheticSubject, number: usize, encounter: &Encounter) -> String {
    let identity = &subject.identity;
    let style = number + subject.index as usize;
    let (title, he) = if subject.person.sex == Sex::Female { ("Ms.", "She") } else { ("Mr.", "He") };
    let age = (encounter.start.days_since(subject.birth) / 365.25).floor();
    let (city, state, postal_code) = identity.place;
    let (contact, kinship, contact_phone) = &identity.contact;
    let mut note = String::with_capacity(700);
    // Writing to a String can't fail.
    let _ = match encounter.class {
        Class::Inpatient => writeln!(
            note,
            "DISCHARGE SUMMARY\nPatient: {}, {} {}   MRN: {}   DOB: {}\nAdmitted: {}   Discharged: {}\n",
            identity.family,
            identity.given,
            identity.middle,
            identity.medical_record_number,
            written(subject.birth, style),
            written(encounter.start, style),
            written(encounter.end, style),
        ),
        Class::Emergency => writeln!(
            note,
            "EMERGENCY DEPARTMENT NOTE {}\n{} {} ({}), MRN {}, of {}, {city}, {state} {postal_code}\n",
            written(encounter.start, style),
            identity.given,
            identity.family,
            written(subject.birth, style + 1),
            identity.medical_record_number,
            identity.street,
        ),
        Class::Ambulatory => writeln!(
            note,
            "CLINIC NOTE  {}\nRE: {} {}  DOB {}  Tel {}\n",
            written(encounter.start, style),
            identity.given,
            identity.family,
            written(subject.birth, style + 2),
            identity.phone,
        ),
    };
    let gender = if he == "She" { "woman" } else { "man" };
    let _ = write!(
        note,
        "{title} {} is a {age}-year-old {gender} seen by {}",
        identity.family,
        physician(subject)
    );
    match encounter.diagnoses.first() {
        Some(diagnosis) => {
            let _ = writeln!(note, " for {}.", diagnosis.concept.display.to_lowercase());
        }
        None => note.push_str(" for a check-up.\n"),
    }
    let known: Vec<&str> =
        encounter.diagnoses.iter().skip(1).filter(|d| d.chronic).map(|d| d.concept.display).collect();
    if !known.is_empty() {
        let _ = writeln!(note, "History: {}.", known.join("; "));
    }
    let site = subject.person.site;
    let value = |measure| {
        let found = encounter.values.iter().find(|v| v.measure == measure)?;
        Some(site.value(measure, found.value))
    };
    if let (Some(systolic), Some(diastolic)) = (value(Measure::Systolic), value(Measure::Diastolic)) {
        let (systolic, diastolic) = (systolic.0, diastolic.0);
        let _ = write!(note, "BP {systolic:.0}/{diastolic:.0}");
        if let Some((rate, _)) = value(Measure::HeartRate) {
            let _ = write!(note, ", HR {rate:.0}");
        }
        note.push_str(".\n");
    }
    let labs = [
        ("Hb", Measure::Hemoglobin),
        ("HbA1c", Measure::HemoglobinA1c),
        ("creatinine", Measure::Creatinine),
        ("NT-proBNP", Measure::NtProBnp),
    ];
    for (name, measure) in labs {
        if let Some((value, unit)) = value(measure) {
            let _ = writeln!(note, "{name} {value} {unit}.");
        }
    }
    for drug in &encounter.prescriptions {
        let _ = writeln!(note, "Prescribed {}.", drug.display);
    }
    if encounter.died {
        let _ = writeln!(note, "{he} died on {}. Family informed.", written(encounter.end, style));
    } else {
        let _ = writeln!(note, "{he} will be seen again in {} weeks.", 2 + style % 9);
    }
    let _ = writeln!(
        note,
        "Contact: {contact} {} ({}), {contact_phone}. E-mail {}.\n\nSigned, {}, {}, {}",
        identity.family,
        kinship.code().1,
        identity.email,
        physician(subject),
        hospital(subject).trim_end_matches(" (synthetic)"),
        written(encounter.end, style + 3),
    );
    note
}

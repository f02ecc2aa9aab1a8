//! What the hospital has on file about one person, before it is written in any format.

use crate::catalogue::{Concept, Panel};
use crate::life::finding::CLINIC_KNOWN_DAYS;
use crate::measurement::Measure;
use crate::person::SmokingStatus;
use events::Time;

/// The kind of an encounter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Class {
    /// A visit to a clinic.
    Ambulatory,
    /// A visit to the emergency department.
    Emergency,
    /// An admission.
    Inpatient,
}

impl Class {
    /// HL7 v3 ActCode.
    pub const fn code(self) -> &'static str {
        match self {
            Class::Ambulatory => "AMB",
            Class::Emergency => "EMER",
            Class::Inpatient => "IMP",
        }
    }

    /// The code's name.
    pub const fn display(self) -> &'static str {
        match self {
            Class::Ambulatory => "ambulatory",
            Class::Emergency => "emergency",
            Class::Inpatient => "inpatient encounter",
        }
    }
}

/// A coded diagnosis.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Diagnosis {
    /// ICD-10-CM.
    pub concept: Concept,
    /// When it began as far as the record knows.
    pub onset: Time,
    /// The first time that this record states it.
    pub first: bool,
    /// Does it stay?
    pub chronic: bool,
}

/// One measured value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Value {
    /// What.
    pub measure: Measure,
    /// How much, in the test's unit.
    pub value: f64,
    /// When the specimen was taken or the sign read.
    pub time: Time,
    /// The panel that it belongs to, as an index into [`Encounter::panels`].
    pub panel: Option<usize>,
}

/// One panel's report.
#[derive(Clone, Copy, Debug)]
pub struct PanelReport {
    /// Which panel.
    pub panel: &'static Panel,
    /// When its specimen was taken.
    pub time: Time,
}

/// One encounter with everything done at it.
#[derive(Clone, Debug)]
pub struct Encounter {
    /// Its kind.
    pub class: Class,
    /// Its start.
    pub start: Time,
    /// Its end: discharge for admissions, after which its diagnoses are known.
    pub end: Time,
    /// Diagnoses, the principal one first.
    pub diagnoses: Vec<Diagnosis>,
    /// Values measured.
    pub values: Vec<Value>,
    /// Panels reported.
    pub panels: Vec<PanelReport>,
    /// Smoking as asked.
    pub smoking: Option<SmokingStatus>,
    /// Procedures done.
    pub procedures: Vec<Concept>,
    /// Drugs prescribed.
    pub prescriptions: Vec<Concept>,
    /// Vaccines given.
    pub immunizations: Vec<Concept>,
    /// Did the patient die during it?
    pub died: bool,
    /// Is there a note?
    pub has_note: bool,
}

impl Encounter {
    /// When its diagnoses, procedures and prescriptions are on file: after what is measured in a clinic, at the end elsewhere.
    pub fn known(&self) -> Time {
        match self.class {
            Class::Ambulatory => self.start.plus_days(CLINIC_KNOWN_DAYS).min(self.end),
            Class::Emergency | Class::Inpatient => self.end,
        }
    }

    /// When its prescriptions are on file: a minute after what they were decided from, so that a record up to a
    /// decision doesn't hold what was decided.
    pub fn prescribed(&self) -> Time {
        self.known().plus_days(1.0 / (24.0 * 60.0))
    }
}

/// The record of one person at this hospital.
#[derive(Clone, Debug)]
pub struct Record {
    /// The first day of enrolment.
    pub from: Time,
    /// The last moment observed: death, loss to follow-up or the extract date.
    pub until: Time,
    /// Encounters in order of start.
    pub encounters: Vec<Encounter>,
    /// Allergies, in SNOMED CT, and when they were recorded.
    pub allergies: Vec<(Concept, Time)>,
}

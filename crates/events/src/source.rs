//! What a reader of sources hands to de-identification: facts about one subject, as recorded.

use crate::Time;
use smol_str::SmolStr;

/// Everything read about one source subject. Identified: it travels as `Identified<SourceSubject>`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SourceSubject {
    /// The subject's key in the source (FHIR `Patient.id`, OMOP `person_id`).
    pub key: String,
    /// The facts, in no particular order.
    pub facts: Vec<SourceFact>,
}

/// One fact.
#[derive(Clone, Debug, PartialEq)]
pub enum SourceFact {
    /// Something that happened to the subject, or is true of them.
    Event(SourceEvent),
    /// A label for a prediction task, stated by the source.
    Label(SourceLabel),
    /// Who the subject is, or who is named in their record: for finding it in their notes, never to pass on.
    Identity(SourceIdentity),
}

/// One thing by which a person of this record is known: the subject, a relative, a clinician, a hospital.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SourceIdentity {
    /// What it is.
    pub kind: IdentityKind,
    /// As the source writes it. A person's name is `family, given given` where the source tells them apart.
    pub text: SmolStr,
}

/// What an identity is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum IdentityKind {
    /// The subject's own name, a former one among them.
    Name,
    /// Someone else's name: a relative's, a clinician's.
    OtherName,
    /// A hospital, a practice, an employer, an insurer.
    Organization,
    /// A line of an address.
    AddressLine,
    /// A city, a county, a district.
    City,
    /// A postal code.
    PostalCode,
    /// A telephone or fax number.
    Phone,
    /// An e-mail address.
    Email,
    /// A web address.
    Url,
    /// A record number, or any number given by an authority.
    RecordNumber,
    /// A number with an insurer.
    PlanNumber,
    /// A device's serial number or UDI.
    DeviceNumber,
    /// The date of birth, ISO 8601.
    BirthDate,
}

/// When a fact became known, with the precision that the source gave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SourceTime {
    /// True of the subject at all times.
    Static,
    /// A civil date (midnight); the fact stands at the end of that day.
    Date(Time),
    /// A date and time.
    DateTime(Time),
}

/// A value as the source gave it.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum SourceValue {
    /// No value.
    #[default]
    None,
    /// A number, finite.
    Number(f64),
    /// A coded answer: system and code, as in the event's own.
    Concept {
        /// The coding system's short name.
        system: SmolStr,
        /// The code within it.
        code: SmolStr,
    },
    /// Free text. Dropped unless the policy says how to clean it.
    Text(String),
}

/// One event as the source gave it.
#[derive(Clone, Debug, PartialEq)]
pub struct SourceEvent {
    /// Where it was read from, as the policy's allow-list names it (`Condition.code`, `measurement`).
    pub path: SmolStr,
    /// When it was known.
    pub time: SourceTime,
    /// The coding system's short name (`SNOMED`, `LOINC`), or empty when `code` is a whole MEDS code.
    pub system: SmolStr,
    /// The code within `system`.
    pub code: SmolStr,
    /// What the source calls it. Free text until shown to be common.
    pub display: Option<SmolStr>,
    /// Its value.
    pub value: SourceValue,
    /// The unit of a numeric value, in UCUM where the reader knows it.
    pub unit: Option<SmolStr>,
    /// A digest of the source record and field it came from, or 0. Two events of one subject with the same
    /// origin are the same fact read twice (overlapping exports), and one of them is dropped.
    pub origin: u64,
}

/// One label as the source gave it.
#[derive(Clone, Debug, PartialEq)]
pub struct SourceLabel {
    /// The task's name, from the mapping file.
    pub task: SmolStr,
    /// When the prediction is made; facts up to and including it may be used.
    pub prediction_time: Time,
    /// What came true.
    pub boolean_value: bool,
}

//! The seam to a model: what the doors ask of one, and nothing of how it answers.

use events::{Code, Deidentified, Identified, Sex, SourceTime, Subject, Time};
use govern::lifecycle::Stage;
use std::sync::Arc;

/// A model that can read a patient's record and say what may come next.
///
/// The program that joins a model to this room implements it. The engine calls every method from threads of
/// its own, never from the async runtime, so that an implementation may compute for as long as it needs. A
/// panic inside is caught: the request is answered with an error and the server stays.
pub trait Predictor: Send + Sync + 'static {
    /// What the model is. Asked once, when the server starts.
    fn describe(&self) -> ModelDescription;

    /// Reads one patient's record and de-identifies it in memory. With `known`, what is read is added to that record, and need
    /// not be one by itself: the counts are of what was added, and what the record holds already is not added again. Dates of
    /// both must be moved alike, and so by all predictors that one server exchanges: a record that was read by one may be
    /// added to, and asked about, by the next.
    ///
    /// # Errors
    /// [`PatientError`] when there is no patient that a prediction can be made for, or what is to be added is another's.
    fn read(&self, record: SentRecord<'_>, known: Option<&Patient>) -> Result<Patient, PatientError>;

    /// The moment that `time`, of a record that this process has read, is in the record as it was sent: dates may have been moved. It is
    /// told to whoever sent the record, and nobody else.
    fn as_sent(&self, time: Time) -> Time {
        time
    }

    /// Answers a batch of questions, gathered from any number of requests: one answer for each, in order.
    fn risk(&self, questions: &[RiskQuestion]) -> Vec<Result<PatientRisk, PredictError>>;

    /// How many numbers an embedding of [`Predictor::embed`] has; none for a model that gives none.
    fn embedding_width(&self) -> Option<usize> {
        None
    }

    /// What the model makes of a batch of patients, as vectors: one for each, in order, of
    /// [`Predictor::embedding_width`] numbers. Asked only of models that state a width.
    fn embed(&self, patients: &[Arc<Patient>]) -> Vec<Result<Vec<f32>, PredictError>> {
        let refused = || PredictError::Failed { detail: "the model states no width of embeddings".into() };
        patients.iter().map(|_| Err(refused())).collect()
    }

    /// Which parts of reasoning it gives; none for a model that gives no reasons.
    fn reasons(&self) -> Vec<ReasonSection> {
        Vec::new()
    }

    /// What it can say of a patient beyond a risk, as an object with a part for each section asked for. Asked only for sections
    /// among [`Predictor::reasons`], and from a thread where it may take seconds. `go_on` says whether anybody still waits; when it
    /// says no, whatever is returned is nobody's.
    ///
    /// # Errors
    /// [`PredictError`] when nothing can be said of this patient.
    fn reason(&self, _: &ReasonQuestion, _: &dyn Fn() -> bool) -> Result<serde_json::Value, PredictError> {
        Err(PredictError::Failed { detail: "the model states no reasons".into() })
    }

    /// Does it draw futures?
    fn simulates(&self) -> bool {
        false
    }

    /// Draws futures of one patient. Now and then `go_on` is told how many were drawn and says whether to draw more; when it says no,
    /// nobody waits for the answer any more. Called from a thread where it may take seconds, and asked only of models that draw futures.
    ///
    /// # Errors
    /// [`PredictError`] when none can be drawn for this patient.
    fn simulate(
        &self,
        _: &SimulateQuestion,
        _: &mut dyn FnMut(usize) -> bool,
    ) -> Result<SimulatedPatient, PredictError> {
        Err(PredictError::Failed { detail: "the model states that it draws no futures".into() })
    }

    /// What it holds of records that it has read, so that they need not be read again.
    fn kept_states(&self) -> KeptStates {
        KeptStates::default()
    }

    /// Patients that the console and the documentation may show. They must not be anybody.
    fn examples(&self) -> Vec<Example> {
        Vec::new()
    }
}

/// What a model is, as every answer states it.
#[derive(Clone, Debug, PartialEq)]
pub struct ModelDescription {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// A digest of its weights and configuration, such as `blake3:9f86…`.
    pub digest: String,
    /// Where it stands in its life, when nothing says otherwise ([`crate::Governance::with_stage`]).
    pub stage: Stage,
    /// What it was trained on.
    pub trained_on: TrainingData,
    /// The codes that it gives risks for. [`RiskQuestion::codes`] and [`CodeRisk::code`] are indices into it.
    pub codes: Vec<CodeDescription>,
    /// The horizons of every risk, in days, ascending.
    pub horizons_days: Vec<f64>,
    /// The most recent events that it can look at; older ones are not used.
    pub context_events: usize,
}

/// The data behind a model.
#[derive(Clone, Debug, PartialEq)]
pub struct TrainingData {
    /// Its name.
    pub name: String,
    /// Were the patients made up? Every answer says so then.
    pub synthetic: bool,
    /// How many subjects it held, if known.
    pub subjects: Option<u64>,
}

/// A code that a model gives risks for.
#[derive(Clone, Debug, PartialEq)]
pub struct CodeDescription {
    /// `SYSTEM//code`.
    pub code: String,
    /// What it means, where known.
    pub description: Option<String>,
    /// What sort of thing it is: requests that name no codes are about conditions.
    pub kind: CodeKind,
    /// Does it stand for narrower codes alone, as a category that nobody's record says? Its risk is told to who names it.
    pub category: bool,
}

/// What sort of thing a code stands for.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Hash,
    PartialOrd,
    Ord,
    serde::Serialize,
    serde::Deserialize,
    utoipa::ToSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum CodeKind {
    /// A diagnosis, a finding, death.
    Condition,
    /// Something done to the patient, a visit.
    Procedure,
    /// Something given to the patient.
    Medication,
    /// Something measured.
    Measurement,
    /// Anything else.
    Other,
}

impl CodeKind {
    /// A guess from the coding system alone, for models that know no better. SNOMED CT holds all kinds and is
    /// taken for conditions.
    pub fn of(code: &str) -> CodeKind {
        let (system, local) = code.split_once("//").unwrap_or((code, ""));
        // Why somebody came, what he once had, a birth without complications: on record like diagnoses, and none.
        let reasons: &[&str] = match system {
            "ICD10CM" | "ICD10" => &["Z", "O80"],
            "ICD9CM" | "ICD9" => &["V", "650"],
            _ => &[],
        };
        if reasons.iter().any(|reason| local.starts_with(reason)) {
            return CodeKind::Other;
        }
        match system.to_ascii_uppercase().as_str() {
            "ICD10CM" | "ICD10" | "ICD9CM" | "ICD9" | "SNOMED" | "SNOMEDCT" | "CCSR" | "PHECODE"
            | "CONDITION" | "MEDS_DEATH" => CodeKind::Condition,
            "ICD10PCS" | "ICD9PROC" | "CPT" | "CPT4" | "HCPCS" | "CDT" | "PROCEDURE" | "ENCOUNTER"
            | "VISIT" => CodeKind::Procedure,
            "RXNORM" | "ATC" | "NDC" | "CVX" | "MEDICATION" | "DRUG" => CodeKind::Medication,
            "LOINC" | "LAB" | "VITAL" | "MEASUREMENT" | "OBSERVATION" => CodeKind::Measurement,
            _ => CodeKind::Other,
        }
    }
}

/// One patient's record, as it was sent.
#[derive(Debug)]
pub enum SentRecord<'a> {
    /// A FHIR R4 Bundle, JSON.
    Fhir(Identified<&'a [u8]>),
    /// Events in MEDS terms.
    Meds(Identified<Vec<MedsEvent>>),
    /// Rows of the OMOP CDM, JSON: an object of tables.
    Omop(Identified<&'a [u8]>),
}

/// A patient's record, de-identified, with what became of its parts.
#[derive(Clone, Debug)]
pub struct Patient {
    /// The record.
    pub subject: Deidentified<Subject>,
    /// What became of its parts.
    pub counts: RecordCounts,
    /// A pseudonym of whom the record names, where it names anybody: two that differ are two people. It means nothing
    /// outside this process.
    pub person: Option<i64>,
    /// Is the patient said to have died, be it readable since when or not? Of what is added to a known record: by either.
    pub dead: bool,
}

impl Patient {
    /// When the last event was that isn't birth, nor a mark of where the record ends, by the record's dates as they were moved.
    pub fn last_event(&self) -> Option<Time> {
        let marks = [Code::BIRTH, Code::FOLLOWUP_END];
        let dated = self.subject.events().iter().filter(|event| !marks.contains(&event.code.as_str()));
        dated.filter_map(|event| event.time).max()
    }
}

/// What a predictor holds of records that it has read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KeptStates {
    /// How many.
    pub states: usize,
    /// The memory that they take.
    pub bytes: usize,
    /// Since it was started: tokens of records that were asked about and need not be read again.
    pub tokens_reused: u64,
    /// Since it was started: tokens that were read.
    pub tokens_read: u64,
}

/// What became of the parts of a record when it was read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RecordCounts {
    /// Events read.
    pub read: usize,
    /// Entries that could not be read, or that no policy allows.
    pub rejected: usize,
    /// Events, among those read, whose code the model has never seen and can't back off from.
    pub unknown_codes: usize,
}

/// One event of a record sent in MEDS terms.
#[derive(Clone, Debug, PartialEq)]
pub struct MedsEvent {
    /// When it was known.
    pub time: SourceTime,
    /// `SYSTEM//code`, or a reserved word such as `MEDS_BIRTH`.
    pub code: String,
    /// How much, in `unit`.
    pub numeric_value: Option<f64>,
    /// What it says.
    pub text_value: Option<String>,
    /// The unit of `numeric_value`, in UCUM.
    pub unit: Option<String>,
}

/// One question: this patient, these codes.
#[derive(Clone, Debug)]
pub struct RiskQuestion {
    /// The patient.
    pub patient: Arc<Patient>,
    /// Indices into [`ModelDescription::codes`], each below its length and none twice.
    pub codes: Arc<[usize]>,
    /// Who asks. What is kept of one caller's patients may quicken that caller's answers and nobody else's, since how long an
    /// answer takes would tell that somebody has asked about this patient.
    pub asker: Arc<str>,
}

impl RiskQuestion {
    /// A question that nobody in particular asks.
    pub fn new(patient: Arc<Patient>, codes: Arc<[usize]>) -> Self {
        RiskQuestion { patient, codes, asker: Arc::from("") }
    }
}

/// A part of reasoning.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum ReasonSection {
    /// Early detection: risks, how they compare, and what moved them.
    Risks,
    /// What it may be, unrecorded or imminent.
    Differential,
    /// Which test is expected to tell most.
    Tests,
    /// What became of patients like this one.
    Alike,
}

/// A question beyond a risk.
#[derive(Clone, Debug)]
pub struct ReasonQuestion {
    /// The patient.
    pub patient: Arc<Patient>,
    /// Which parts are wanted.
    pub show: Vec<ReasonSection>,
    /// The horizon that it speaks of: an index into [`ModelDescription::horizons_days`].
    pub horizon: usize,
    /// How many conditions each part tells of.
    pub most: usize,
}

/// The answer to a [`RiskQuestion`].
#[derive(Clone, Debug, PartialEq)]
pub struct PatientRisk {
    /// Age at the last event, in years.
    pub age_years: Option<f32>,
    /// Administrative sex.
    pub sex: Sex,
    /// How many of the events read the model looked at.
    pub events_used: usize,
    /// Events of the record whose code this model has never seen and can't back off from. Another may have read the record.
    pub unknown_codes: usize,
    /// Events of the record whose code this model knows by a broader one alone, the root of its vocabulary among them.
    pub broader_codes: usize,
    /// Values of the record that this model can't place, in a unit or of a code that it never saw with values.
    pub values_unread: usize,
    /// One for each code asked for, in the order of the question.
    pub codes: Vec<CodeRisk>,
}

/// What may become of a patient in respect of one code.
#[derive(Clone, Debug, PartialEq)]
pub struct CodeRisk {
    /// Index into [`ModelDescription::codes`].
    pub code: usize,
    /// The probability that the code is recorded within each horizon, with death as a competing event; as long
    /// as [`ModelDescription::horizons_days`], each in `[0, 1]`.
    pub cumulative_incidence: Vec<f64>,
    /// The same for people of this age and sex in the training data, where known.
    pub reference: Option<Vec<f64>>,
    /// Is the code in the patient's record already?
    pub already_recorded: bool,
}

/// Whose futures are drawn, and what is told of them.
#[derive(Clone, Debug)]
pub struct SimulateQuestion {
    /// The patient.
    pub patient: Arc<Patient>,
    /// Indices into [`ModelDescription::codes`], each below its length and none twice.
    pub codes: Arc<[usize]>,
    /// Horizons in days, ascending, up to the last of [`ModelDescription::horizons_days`].
    pub horizons_days: Vec<f64>,
    /// Futures to draw, at least 1.
    pub trajectories: usize,
    /// How many of them are told event by event.
    pub futures: usize,
    /// The same seed draws the same futures.
    pub seed: u32,
}

/// The answer to a [`SimulateQuestion`].
#[derive(Clone, Debug, PartialEq)]
pub struct SimulatedPatient {
    /// Futures drawn; fewer than asked for when it was told to stop.
    pub drawn: usize,
    /// Those of them that were cut off before the last horizon.
    pub truncated: usize,
    /// Those of them that end in death.
    pub deaths: usize,
    /// One for each code asked for, in the order of the question.
    pub risks: Vec<SimulatedCode>,
    /// The first of the futures, as many as were asked for.
    pub futures: Vec<DrawnFuture>,
}

/// What futures say of one code.
#[derive(Clone, Debug, PartialEq)]
pub struct SimulatedCode {
    /// Index into [`ModelDescription::codes`].
    pub code: usize,
    /// One a horizon.
    pub estimates: Vec<SimulatedEstimate>,
}

/// The probability that a code is recorded within a horizon, death competing, as futures have it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SimulatedEstimate {
    /// The estimate; sums of chances may come out a little above one.
    pub probability: f64,
    /// Its standard error by the spread of the futures; none for a single one.
    pub standard_error: Option<f64>,
}

/// One future.
#[derive(Clone, Debug, PartialEq)]
pub struct DrawnFuture {
    /// What happens in it, in order.
    pub events: Vec<FutureEvent>,
    /// Why it ends.
    pub end: FutureEnd,
}

/// Something that happens in a future.
#[derive(Clone, Debug, PartialEq)]
pub struct FutureEvent {
    /// Days after the record's last event.
    pub days: f64,
    /// `SYSTEM//code`.
    pub code: String,
    /// The rank of its value among those in training, from 0 to 1.
    pub value_rank: Option<f32>,
}

/// Why a future ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum FutureEnd {
    /// The last horizon was reached.
    Horizon,
    /// Death.
    Death,
    /// Too much happened before the last horizon.
    Truncated,
}

/// A patient to try things with.
#[derive(Clone, Debug, PartialEq)]
pub struct Example {
    /// A few words for a menu.
    pub title: String,
    /// A sentence on what is to be seen.
    pub description: String,
    /// A FHIR R4 Bundle, or an object with `events`.
    pub patient: serde_json::Value,
}

/// Why no patient could be read. Details say where and what kind, and never a value of the record.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PatientError {
    /// The bytes are not what they should be.
    #[error("the record can't be read: {detail}")]
    Unreadable {
        /// Where and what kind (line, resource type, field); never a value of the record.
        detail: String,
    },
    /// It is FHIR, but not a Bundle.
    #[error("a FHIR record must be a Bundle; wrap the resources in one of type collection")]
    NotABundle,
    /// Nobody's record.
    #[error("the Bundle holds no Patient resource; add the patient whose record it is")]
    NoPatient,
    /// More than one person's record.
    #[error(
        "the record holds {patients} patients (Patient resources, or person_ids); send one record for each patient"
    )]
    SeveralPatients {
        /// How many.
        patients: usize,
    },
    /// Without a birth there is no age, and without an age no answer.
    #[error("the record states no date of birth (Patient.birthDate, or a MEDS_BIRTH event); add it")]
    NoBirth,
    /// Of nobody can anything be known before his birth.
    #[error("the record states a birth after all else that it holds; check its dates")]
    BornAfter,
    /// Nothing to go by.
    #[error("the record holds no dated event that could be read")]
    NoEvents,
    /// What was sent to be added is about somebody else.
    #[error("it names another patient than the record that it would be added to")]
    AnotherPatient,
    /// What was sent to be added says otherwise than the record.
    #[error(
        "it states another {what} than the record that it would be added to; delete the patient and send the record anew"
    )]
    Contradicts {
        /// What: birth, death, sex.
        what: &'static str,
    },
    /// Nothing is added to a record that ends in death.
    #[error("the record that it would be added to ends in death before this")]
    AfterDeath,
    /// More was rejected than a prediction should be made on.
    #[error(
        "{rejected} of {total} entries were rejected, more than this server allows; check the record's coding"
    )]
    TooManyRejected {
        /// How many were rejected.
        rejected: usize,
        /// Of how many.
        total: usize,
    },
}

/// Why no prediction could be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PredictError {
    /// This patient is outside what the model may be asked about.
    #[error("the model gives no answer for this patient: {detail}")]
    OutOfScope {
        /// Why; never a value of the record.
        detail: String,
    },
    /// The model failed.
    #[error("the model failed: {detail}")]
    Failed {
        /// How; logged, and so never a value of the record.
        detail: String,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_follow_the_coding_system() {
        for (code, kind) in [
            ("ICD10CM//E11.9", CodeKind::Condition),
            ("MEDS_DEATH", CodeKind::Condition),
            ("RxNorm//860975", CodeKind::Medication),
            ("LOINC//4548-4", CodeKind::Measurement),
            ("GENDER//F", CodeKind::Other),
            ("ICD10CM//Z00.00", CodeKind::Other),
            ("ICD10CM//Z00-Z99", CodeKind::Other),
            ("ICD9CM//V70.0", CodeKind::Other),
            ("ICD10CM//O80", CodeKind::Other),
            ("ICD10CM//O80.1", CodeKind::Other),
            ("ICD10CM//O24.4", CodeKind::Condition),
        ] {
            assert_eq!(CodeKind::of(code), kind, "{code}");
        }
    }
}

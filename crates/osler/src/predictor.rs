//! The model behind the server's doors.

mod futures;
mod reason;

use crate::code_kind::code_kind;
use crate::commands::{digest_of, name_of};
use crate::model_directory::ModelDirectory;
use crate::states::{Found, States};
use anyhow::{Context, Result, bail};
use deid::{Deidentifier, Key, Policy, Tally};
use events::{
    Code, Deidentified, Identified, SourceEvent, SourceFact, SourceSubject, SourceTime, SourceValue, Subject,
    Time,
};
use ingest::{Limits, OmopVocabulary};
use model::HORIZON_DAYS;
use serve::{
    CodeDescription, CodeRisk, Example, KeptStates, MedsEvent, ModelDescription, Patient, PatientError,
    PatientRisk, PredictError, Predictor, ReasonQuestion, ReasonSection, RecordCounts, RiskQuestion,
    SentRecord, SimulateQuestion, SimulatedPatient, Stage, TrainingData,
};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use timeline::{EntryKind, TokenizedSubject, Vocabulary};

pub use reason::Compared;

/// Joins a model directory to the server.
pub struct ModelPredictor {
    directory: ModelDirectory,
    deidentifier: Arc<Deidentifier>,
    states: States,
    limits: Limits,
    /// What OMOP's concept ids mean, where callers don't say.
    vocabulary: Option<OmopVocabulary>,
    /// Vocabulary indices of the codes that risks are given for, in the order of the description.
    codes: Vec<u32>,
    examples: Vec<Example>,
    /// Whom patients are compared with.
    compared: Compared,
}

/// What a source says beside its facts.
struct Said {
    /// A pseudonym of whom it names.
    person: Option<i64>,
    /// Entries that couldn't be read.
    rejected: usize,
    /// That its patient has died.
    dead: bool,
}

impl ModelPredictor {
    /// A predictor, with so much memory for what it has read; `examples` must be nobody's records, and `compared` people of the
    /// model's own kind of records. Models that are served together share the de-identification.
    pub fn new(
        directory: ModelDirectory,
        examples: Vec<Example>,
        compared: Compared,
        deidentifier: Arc<Deidentifier>,
        state_bytes: usize,
    ) -> Result<Self> {
        let codes = directory.model.config().risk.codes.clone();
        let (states, limits) = (States::new(state_bytes), Limits::default());
        let vocabulary = None;
        Ok(ModelPredictor { directory, deidentifier, states, limits, vocabulary, codes, examples, compared })
    }

    /// The same, which knows what OMOP's concept ids mean.
    pub fn with_vocabulary(self, vocabulary: Option<OmopVocabulary>) -> Self {
        ModelPredictor { vocabulary, ..self }
    }

    /// De-identifies a record, or what is added to a `known` one.
    fn deidentify(
        &self,
        source: &Identified<SourceSubject>,
        Said { person, rejected, dead }: Said,
        known: Option<&Patient>,
    ) -> Result<Patient, PatientError> {
        let mut tally = Tally::default();
        let subject: Deidentified<Subject> =
            self.deidentifier.subject(source, &mut tally).map(|record| record.subject);
        let (subject, read) = match known {
            None => {
                let read = subject.events().len();
                (subject, read)
            }
            Some(known) => {
                if known.person.zip(person).is_some_and(|(known, person)| known != person) {
                    return Err(PatientError::AnotherPatient);
                }
                refuse_after_death(&known.subject, &subject)?;
                let (joined, read) = self.deidentifier.joined(&known.subject, subject);
                refuse_contradictions(&joined)?;
                (joined, read)
            }
        };
        if subject.birth().is_none() {
            return Err(PatientError::NoBirth);
        }
        if is_born_after(&subject) {
            return Err(PatientError::BornAfter);
        }
        let tokens = self.directory.tokenizer.tokenize_history(&subject);
        if tokens.as_sequence().is_empty() {
            return Err(PatientError::NoEvents);
        }
        let dropped: u64 = tally.dropped().values().sum();
        let unknown_codes = tokens.as_sequence().code.iter().filter(|c| **c == Vocabulary::UNKNOWN).count();
        let counts = RecordCounts {
            read,
            rejected: rejected + dropped as usize,
            unknown_codes: unknown_codes.saturating_sub(known.map_or(0, |known| known.counts.unknown_codes)),
        };
        let person = known.and_then(|known| known.person).or(person);
        Ok(Patient { subject, counts, person, dead: dead || known.is_some_and(|known| known.dead) })
    }

    fn read_fhir(&self, bundle: Identified<&[u8]>, known: Option<&Patient>) -> Result<Patient, PatientError> {
        let ingest::FhirSubject { subject, rejections, said_dead } =
            ingest::fhir_bundle_subject(bundle.expose(), &self.limits).map_err(unreadable)?;
        let person = Some(self.deidentifier.pseudonym(&subject.expose().key));
        let source = subject.map(|source| SourceSubject { key: SOURCE_KEY.to_owned(), ..source });
        self.deidentify(&source, Said { person, rejected: rejections.len(), dead: said_dead }, known)
    }

    fn read_meds(
        &self,
        events: Identified<Vec<MedsEvent>>,
        known: Option<&Patient>,
    ) -> Result<Patient, PatientError> {
        // De-identification may drop one whose date can't be.
        let dead = events.expose().iter().any(|event| says_dead(&event.code));
        let source = events.map(|events| SourceSubject {
            key: SOURCE_KEY.to_owned(),
            facts: events.into_iter().map(|event| SourceFact::Event(self.source_event(event))).collect(),
        });
        self.deidentify(&source, Said { person: None, rejected: 0, dead }, known)
    }

    fn read_omop(&self, rows: Identified<&[u8]>, known: Option<&Patient>) -> Result<Patient, PatientError> {
        let read = ingest::omop_rows_subject(rows.expose(), self.vocabulary.as_ref(), &self.limits);
        let ingest::OmopSubject { subject, rejections, said_dead, unmapped } = read.map_err(unreadable)?;
        let person = Some(self.deidentifier.pseudonym(&subject.expose().key));
        let rejected = rejections.len() + unmapped;
        let source = subject.map(|source| SourceSubject { key: SOURCE_KEY.to_owned(), ..source });
        self.deidentify(&source, Said { person, rejected, dead: said_dead }, known)
    }

    /// An event sent in MEDS terms, as a source's.
    fn source_event(&self, event: MedsEvent) -> SourceEvent {
        let vocabulary = self.directory.tokenizer.vocabulary();
        // A code of the site that adopted the model: it stands in the vocabulary, and whoever adopted it has looked at it.
        let adopted =
            || vocabulary.index_of(&event.code).is_none() && vocabulary.read_as(&event.code).is_some();
        let (system, code) = match event.code.split_once("//") {
            // A code of a known system must have its shape; a whole code of another contract stays whole.
            Some((system, code)) if !code.contains("//") && !adopted() => (system, code),
            _ => ("", event.code.as_str()),
        };
        SourceEvent {
            path: "meds.code".into(),
            time: match event.time {
                // Births open their day, as where files are read.
                SourceTime::Date(day) if event.code == Code::BIRTH => SourceTime::DateTime(day),
                time => time,
            },
            system: system.into(),
            code: code.into(),
            display: None,
            value: match (event.numeric_value, event.text_value) {
                (Some(number), _) => SourceValue::Number(number),
                (None, Some(text)) => SourceValue::Text(text),
                (None, None) => SourceValue::None,
            },
            unit: event.unit.map(Into::into),
            origin: 0,
        }
    }

    /// The risks of each question's patient; what was read of their records before is not read again.
    fn tables(
        &self,
        questions: &[RiskQuestion],
        tokens: &[TokenizedSubject],
        indices: &[u32],
    ) -> model::Result<Vec<model::RiskTable>> {
        let model = &self.directory.model;
        let sequences: Vec<_> = tokens.iter().map(TokenizedSubject::as_sequence).collect();
        if self.states.keeps_nothing() {
            // What nobody will come back to needn't be made.
            self.states.count_read(sequences.iter().map(|sequence| sequence.len()).sum());
            return model.risk(&sequences, Some(indices));
        }
        let found: Vec<Option<Found>> = questions
            .iter()
            .zip(&sequences)
            .map(|(question, sequence)| {
                self.states.find(&question.asker, sequence).filter(|_| model.is_whole(sequence))
            })
            .collect();
        let earlier = found.iter().map(|found| found.as_ref().map(|found| &*found.state));
        let records: Vec<_> = sequences.iter().copied().zip(earlier).collect();
        let states = model.read_on(&records)?;
        let read: Vec<&model::PatientState> = states.iter().map(|(state, _)| state).collect();
        let tables = model.risks_of(&read, Some(indices))?;
        for (((question, sequence), state), found) in questions.iter().zip(&sequences).zip(states).zip(&found)
        {
            if model.is_whole(sequence) {
                self.states.keep(&question.asker, sequence, state, found.as_ref());
            }
        }
        Ok(tables)
    }

    fn answer(
        &self,
        question: &RiskQuestion,
        tokens: &TokenizedSubject,
        risks: &model::RiskTable,
    ) -> PatientRisk {
        let subject = &question.patient.subject;
        let vocabulary = self.directory.tokenizer.vocabulary();
        let sequence = tokens.as_sequence();
        let age_years = sequence.age_days.last().filter(|_| sequence.birth_known).map(|days| days / 365.25);
        // Who has a narrower code has the broader.
        let dated = sequence.code[sequence.static_len..].iter().collect::<BTreeSet<&u32>>();
        let with_broader = |code: &u32| std::iter::once(*code).chain(vocabulary.broader(*code));
        let recorded: BTreeSet<u32> = dated.into_iter().flat_map(with_broader).collect();
        let codes = question
            .codes
            .iter()
            .map(|&place| {
                let index = self.codes[place];
                let code = vocabulary.entry(index).map_or("", |e| e.code.as_str());
                let known = self.directory.reference.of(code);
                let reference =
                    |days: &f64| known.map(|code| code.probability(subject.sex(), age_years, *days));
                CodeRisk {
                    code: place,
                    cumulative_incidence: risks
                        .of(index)
                        .map_or_else(Vec::new, |row| row.iter().map(|p| f64::from(*p)).collect()),
                    reference: HORIZON_DAYS.iter().map(reference).collect(),
                    already_recorded: recorded.contains(&index),
                }
            })
            .collect();
        let unknown = sequence.code.iter().filter(|code| **code == Vocabulary::UNKNOWN).count();
        PatientRisk {
            age_years: age_years.map(|a| a as f32),
            sex: subject.sex(),
            events_used: sequence
                .code
                .iter()
                .rev()
                .take(self.directory.model.config().context)
                .filter(|c| **c != Vocabulary::TIME)
                .count(),
            unknown_codes: unknown,
            broader_codes: tokens.counts.backed_off as usize,
            values_unread: tokens.counts.numeric_values_without_rank as usize,
            codes,
        }
    }
}

impl Predictor for ModelPredictor {
    fn describe(&self) -> ModelDescription {
        let vocabulary = self.directory.tokenizer.vocabulary();
        let manifest = &self.directory.manifest;
        ModelDescription {
            name: name_of(manifest),
            version: manifest.osler.clone(),
            digest: digest_of(manifest),
            stage: Stage::Draft,
            trained_on: TrainingData {
                name: manifest.dataset.clone(),
                synthetic: manifest.synthetic,
                subjects: manifest.counts["training_subjects"].as_u64(),
            },
            codes: self
                .codes
                .iter()
                .filter_map(|i| vocabulary.entry(*i))
                .map(|entry| CodeDescription {
                    code: entry.code.to_string(),
                    description: match entry.code.as_str() {
                        Code::DEATH => Some("Death".to_owned()),
                        _ => entry.description.clone(),
                    },
                    kind: code_kind(entry),
                    category: entry.kind == EntryKind::Group,
                })
                .collect(),
            horizons_days: HORIZON_DAYS.to_vec(),
            context_events: self.directory.model.config().context,
        }
    }

    fn read(&self, record: SentRecord<'_>, known: Option<&Patient>) -> Result<Patient, PatientError> {
        match record {
            SentRecord::Fhir(bundle) => self.read_fhir(bundle, known),
            SentRecord::Meds(events) => self.read_meds(events, known),
            SentRecord::Omop(rows) => self.read_omop(rows, known),
        }
    }

    fn as_sent(&self, time: Time) -> Time {
        time.plus_days(-f64::from(self.deidentifier.offset_days(SOURCE_KEY)))
    }

    fn risk(&self, questions: &[RiskQuestion]) -> Vec<Result<PatientRisk, PredictError>> {
        let tokens: Vec<TokenizedSubject> =
            questions.iter().map(|q| self.directory.tokenizer.tokenize_history(&q.patient.subject)).collect();
        let mut places: Vec<usize> = questions.iter().flat_map(|q| q.codes.iter().copied()).collect();
        places.sort_unstable();
        places.dedup();
        let indices: Vec<u32> = places.into_iter().map(|place| self.codes[place]).collect();
        match self.tables(questions, &tokens, &indices) {
            Ok(tables) => {
                let each = questions.iter().zip(&tokens).zip(&tables);
                each.map(|((question, tokens), table)| Ok(self.answer(question, tokens, table))).collect()
            }
            Err(error) => {
                let failed = || Err(PredictError::Failed { detail: error.to_string() });
                questions.iter().map(|_| failed()).collect()
            }
        }
    }

    fn simulates(&self) -> bool {
        true
    }

    fn simulate(
        &self,
        question: &SimulateQuestion,
        go_on: &mut dyn FnMut(usize) -> bool,
    ) -> Result<SimulatedPatient, PredictError> {
        futures::draw(&self.directory, &self.codes, question, go_on)
    }

    fn kept_states(&self) -> KeptStates {
        self.states.measures()
    }

    fn embedding_width(&self) -> Option<usize> {
        Some(self.directory.model.state_width())
    }

    fn embed(&self, patients: &[Arc<Patient>]) -> Vec<Result<Vec<f32>, PredictError>> {
        let tokens: Vec<TokenizedSubject> = patients
            .iter()
            .map(|patient| self.directory.tokenizer.tokenize_history(&patient.subject))
            .collect();
        let sequences: Vec<_> = tokens.iter().map(TokenizedSubject::as_sequence).collect();
        match self.directory.model.states(&sequences) {
            Ok(states) => states.into_iter().map(Ok).collect(),
            Err(error) => {
                let failed = || Err(PredictError::Failed { detail: error.to_string() });
                patients.iter().map(|_| failed()).collect()
            }
        }
    }

    fn reasons(&self) -> Vec<ReasonSection> {
        self.compared.sections()
    }

    fn reason(
        &self,
        question: &ReasonQuestion,
        go_on: &dyn Fn() -> bool,
    ) -> Result<serde_json::Value, PredictError> {
        let undated = [Code::BIRTH, Code::DEATH, Code::FOLLOWUP_END];
        let mut events = question.patient.subject.events().iter();
        if !events.any(|event| event.time.is_some() && !undated.contains(&event.code.as_str())) {
            let detail = "the record has no dated event, so there is no moment to reason from".to_owned();
            return Err(PredictError::OutOfScope { detail });
        }
        reason::said(&self.directory, &self.compared, question, go_on)
            .map_err(|error| PredictError::Failed { detail: error.to_string() })
    }

    fn examples(&self) -> Vec<Example> {
        self.examples.clone()
    }
}

/// All records that are asked about have one key, and so the dates of all are moved alike: those of one record and of what is
/// added to it later must be.
const SOURCE_KEY: &str = "request";

/// De-identification in memory for models that are served together, which read each other's records: it tells the codes of all
/// systems that the models' sites have of their own, since who made the models has judged them.
pub fn deidentifier<'v>(
    models: impl IntoIterator<Item = &'v Vocabulary>,
    key: &Key,
) -> Result<Arc<Deidentifier>> {
    let mut systems = BTreeMap::new();
    for system in models.into_iter().flat_map(Vocabulary::local_systems) {
        let name = systems.entry(system.source.as_str()).or_insert(system.name.as_str());
        if *name != system.name {
            bail!(
                "codes of {} are {name} to one model and {} to another; serve these models apart",
                system.source,
                system.name
            );
        }
    }
    let policy = Policy::expert_determination()
        .with_judged_systems(systems)
        .context("a model's own coding systems")?;
    let deidentifier = Deidentifier::new(policy, key).context("no key for de-identification in memory")?;
    Ok(Arc::new(deidentifier))
}

/// Does a record state a birth after all else? By days: of a day without an hour it isn't known which of its events came before.
fn is_born_after(subject: &Subject) -> bool {
    let day = |time: Time| time.micros().div_euclid(events::MICROS_PER_DAY);
    let all_else = subject.events().iter().filter(|event| event.code.as_str() != Code::BIRTH);
    let last = all_else.filter_map(|event| event.time).max();
    subject.birth().zip(last).is_some_and(|(birth, last)| day(last) < day(birth))
}

/// Does a code in MEDS terms say that somebody has died? `MEDS_DEATH//hospital` does too, and what others than MEDS call it.
fn says_dead(code: &str) -> bool {
    let system = code.split("//").next().unwrap_or_default().trim();
    [Code::DEATH, "DEATH"].iter().any(|death| system.eq_ignore_ascii_case(death))
}

/// Why a record isn't one patient's; no word of it.
fn unreadable(error: ingest::Error) -> PatientError {
    match error {
        ingest::Error::NotOneSubject { found: 0 } => PatientError::NoPatient,
        ingest::Error::NotOneSubject { found } => PatientError::SeveralPatients { patients: found },
        other => PatientError::Unreadable { detail: other.to_string() },
    }
}

fn refuse_after_death(known: &Subject, more: &Subject) -> Result<(), PatientError> {
    let later = |death: Time| more.events().iter().any(|event| event.time.is_some_and(|time| time > death));
    if known.death().is_some_and(later) { Err(PatientError::AfterDeath) } else { Ok(()) }
}

/// Nobody is born or dies twice, or has two sexes in one record.
fn refuse_contradictions(subject: &Subject) -> Result<(), PatientError> {
    let rules: [(&[&str], _); 3] =
        [(&[Code::BIRTH], "birth"), (&[Code::DEATH], "death"), (&["GENDER//F", "GENDER//M"], "sex")];
    for (codes, what) in rules {
        let stated = subject.events().iter().filter(|event| codes.contains(&event.code.as_str()));
        let mut stated = stated.map(|event| (&event.code, event.time));
        let first = stated.next();
        if stated.any(|other| Some(other) != first) {
            return Err(PatientError::Contradicts { what });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use events::Event;

    #[test]
    fn a_newborn_is_born_on_the_day_of_the_first_event_whatever_its_hour() {
        let at = |day, hour| Time::from_ymd_hms(2024, 5, day, hour, 0, 0, 0);
        let record = |birth: Option<Time>, event: Option<Time>| {
            let events =
                vec![Event::new(birth, Code::birth()), Event::new(event, Code::of("ICD10CM", "P07.1"))];
            is_born_after(&Subject::new(1, events))
        };
        assert!(!record(at(5, 0).map(Time::end_of_day), at(5, 9)));
        assert!(!record(at(5, 0), at(5, 9)) && !record(at(5, 0), at(6, 9)));
        assert!(record(at(6, 0), at(5, 9)));
    }

    #[test]
    fn a_death_is_one_whatever_a_sender_calls_it() {
        for code in ["MEDS_DEATH", "MEDS_DEATH//hospital", "DEATH", "death", "Death//home"] {
            assert!(says_dead(code), "{code}");
        }
        for code in ["ICD10CM//I46.9", "MEDS_BIRTH", "FAMILY_HISTORY//DEATH", "DEATH_CERTIFICATE", ""] {
            assert!(!says_dead(code), "{code}");
        }
    }
}

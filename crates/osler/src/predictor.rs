//! The model behind the server's doors.

mod reason;

use crate::commands::{digest_of, name_of};
use crate::model_directory::ModelDirectory;
use anyhow::{Context, Result};
use deid::{Deidentifier, Key, Policy, Tally};
use events::{Code, Deidentified, Identified, SourceEvent, SourceFact, SourceSubject, SourceValue, Subject};
use ingest::Limits;
use model::HORIZON_DAYS;
use serve::{
    CodeDescription, CodeKind, CodeRisk, Example, MedsEvent, ModelDescription, Patient, PatientError,
    PatientRisk, PredictError, Predictor, ReasonQuestion, ReasonSection, RecordCounts, RiskQuestion, Stage,
    TrainingData,
};
use std::collections::BTreeSet;
use std::sync::Arc;
use timeline::{EntryKind, TokenizedSubject, Vocabulary};

pub use reason::Compared;

/// Joins a model directory to the server.
pub struct ModelPredictor {
    directory: ModelDirectory,
    deidentifier: Deidentifier,
    limits: Limits,
    /// Vocabulary indices of the codes that risks are given for, in the order of the description.
    codes: Vec<u32>,
    examples: Vec<Example>,
    /// Whom patients are compared with.
    compared: Compared,
}

impl ModelPredictor {
    /// A predictor; `examples` must be nobody's records, and `compared` people of the model's own kind of records.
    pub fn new(directory: ModelDirectory, examples: Vec<Example>, compared: Compared) -> Result<Self> {
        let vocabulary = directory.tokenizer.vocabulary();
        let codes = directory
            .model
            .config()
            .risk
            .codes
            .iter()
            .copied()
            .filter(|i| vocabulary.entry(*i).is_some_and(|e| e.kind != EntryKind::Group))
            .collect();
        // A key of its own that nobody keeps: a patient asked about today can't be told from one asked about
        // tomorrow, and dates are shifted in memory already.
        let key = Key::random().context("no key for de-identification in memory")?;
        let deidentifier = Deidentifier::new(Policy::expert_determination(), &key)
            .context("no key for de-identification in memory")?;
        let limits = Limits::default();
        Ok(ModelPredictor { directory, deidentifier, limits, codes, examples, compared })
    }

    fn deidentify(
        &self,
        source: &Identified<SourceSubject>,
        rejected: usize,
    ) -> Result<Patient, PatientError> {
        let mut tally = Tally::default();
        let subject: Deidentified<Subject> =
            self.deidentifier.subject(source, &mut tally).map(|record| record.subject);
        if subject.birth().is_none() {
            return Err(PatientError::NoBirth);
        }
        let tokens = self.directory.tokenizer.tokenize(&subject);
        if tokens.as_sequence().is_empty() {
            return Err(PatientError::NoEvents);
        }
        let dropped: u64 = tally.dropped().values().sum();
        let unknown_codes = tokens.as_sequence().code.iter().filter(|c| **c == Vocabulary::UNKNOWN).count();
        let counts = RecordCounts {
            read: subject.events().len(),
            rejected: rejected + dropped as usize,
            unknown_codes,
        };
        Ok(Patient { subject, counts })
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
        let recorded: BTreeSet<&str> =
            subject.events().iter().filter(|e| e.time.is_some()).map(|e| e.code.as_str()).collect();
        let codes = question
            .codes
            .iter()
            .map(|&place| {
                let index = self.codes[place];
                let code = vocabulary.entry(index).map_or("", |e| e.code.as_str());
                let reference =
                    |days: &f64| self.directory.reference.probability(code, subject.sex(), age_years, *days);
                CodeRisk {
                    code: place,
                    cumulative_incidence: risks
                        .of(index)
                        .map_or_else(Vec::new, |row| row.iter().map(|p| f64::from(*p)).collect()),
                    reference: HORIZON_DAYS.iter().map(reference).collect(),
                    already_recorded: recorded.contains(code),
                }
            })
            .collect();
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
                    kind: CodeKind::of(entry.code.as_str()),
                })
                .collect(),
            horizons_days: HORIZON_DAYS.to_vec(),
            context_events: self.directory.model.config().context,
        }
    }

    fn read_fhir(&self, bundle: Identified<&[u8]>) -> Result<Patient, PatientError> {
        let unreadable = |error: ingest::Error| match error {
            ingest::Error::NotOneSubject { found: 0 } => PatientError::NoPatient,
            ingest::Error::NotOneSubject { found } => PatientError::SeveralPatients { patients: found },
            other => PatientError::Unreadable { detail: other.to_string() },
        };
        let (source, rejections) =
            ingest::fhir_bundle_subject(bundle.expose(), &self.limits).map_err(unreadable)?;
        self.deidentify(&source, rejections.len())
    }

    fn read_meds(&self, events: Identified<Vec<MedsEvent>>) -> Result<Patient, PatientError> {
        let source = events.map(|events| SourceSubject {
            key: "request".to_owned(),
            facts: events.into_iter().map(|event| SourceFact::Event(source_event(event))).collect(),
        });
        self.deidentify(&source, 0)
    }

    fn risk(&self, questions: &[RiskQuestion]) -> Vec<Result<PatientRisk, PredictError>> {
        let tokens: Vec<TokenizedSubject> =
            questions.iter().map(|q| self.directory.tokenizer.tokenize(&q.patient.subject)).collect();
        let sequences: Vec<_> = tokens.iter().map(TokenizedSubject::as_sequence).collect();
        let mut places: Vec<usize> = questions.iter().flat_map(|q| q.codes.iter().copied()).collect();
        places.sort_unstable();
        places.dedup();
        let indices: Vec<u32> = places.into_iter().map(|place| self.codes[place]).collect();
        match self.directory.model.risk(&sequences, Some(&indices)) {
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

    fn embedding_width(&self) -> Option<usize> {
        Some(self.directory.model.state_width())
    }

    fn embed(&self, patients: &[Arc<Patient>]) -> Vec<Result<Vec<f32>, PredictError>> {
        let tokens: Vec<TokenizedSubject> =
            patients.iter().map(|patient| self.directory.tokenizer.tokenize(&patient.subject)).collect();
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

    fn reason(&self, questions: &[ReasonQuestion]) -> Vec<Result<serde_json::Value, PredictError>> {
        let failed = |error: anyhow::Error| PredictError::Failed { detail: error.to_string() };
        let one = |question| reason::said(&self.directory, &self.compared, question).map_err(failed);
        questions.iter().map(one).collect()
    }

    fn examples(&self) -> Vec<Example> {
        self.examples.clone()
    }
}

/// An event sent in MEDS terms, as a source's.
fn source_event(event: MedsEvent) -> SourceEvent {
    let (system, code) = match event.code.split_once("//") {
        // A code of a known system must have its shape; a whole code of another contract stays whole.
        Some((system, code)) if !code.contains("//") => (system, code),
        _ => ("", event.code.as_str()),
    };
    SourceEvent {
        path: "meds.code".into(),
        time: event.time,
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

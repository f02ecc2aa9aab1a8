//! HTTP doors, wire types and the console.
//!
//! This room turns requests into questions for a [`Predictor`] and its answers into JSON and pages. It owns
//! everything that is about being asked by many at once: limits, queue, batches, deadlines, access, measures,
//! an orderly end; and it holds callers and model to what [`govern`] says of them. What may not enter: a tensor, a format of source records beyond its outermost shape, a
//! policy of de-identification. The program that joins a model to this room implements [`Predictor`].
//!
//! What a caller sends may identify a patient. It reaches the predictor as [`events::Identified`] and goes
//! nowhere else: no error, log line, or measure repeats any of it.
//!
//! ```
//! use events::{Code, Deidentified, Event, Sex, Subject, Time};
//! use serve::*;
//! use std::{future::ready, sync::Arc};
//!
//! struct Coin;
//!
//! impl Predictor for Coin {
//!     fn describe(&self) -> ModelDescription {
//!         ModelDescription {
//!             name: "coin".into(),
//!             version: "1".into(),
//!             digest: "blake3:00".into(),
//!             stage: Stage::Draft,
//!             trained_on: TrainingData { name: "nothing".into(), synthetic: true, subjects: None },
//!             codes: vec![CodeDescription {
//!                 code: "ICD10CM//I10".into(),
//!                 description: Some("Hypertension".into()),
//!                 kind: CodeKind::Condition,
//!                 category: false,
//!             }],
//!             horizons_days: vec![365.0],
//!             context_events: 1,
//!         }
//!     }
//!     fn read(&self, record: SentRecord<'_>, _: Option<&Patient>) -> Result<Patient, PatientError> {
//!         let SentRecord::Meds(events) = record else { return Err(PatientError::NoPatient) };
//!         let read = events.expose().len();
//!         # #[allow(clippy::disallowed_methods)]
//!         let subject = Deidentified::vouch(Subject::new(1, vec![Event::new(Time::from_ymd(1960, 1, 1), Code::birth())]));
//!         Ok(Patient { subject, counts: RecordCounts { read, ..Default::default() }, person: None, dead: false })
//!     }
//!     fn risk(&self, questions: &[RiskQuestion]) -> Vec<Result<PatientRisk, PredictError>> {
//!         let curve = |code: &usize| CodeRisk {
//!             code: *code,
//!             cumulative_incidence: vec![0.5],
//!             reference: None,
//!             already_recorded: false,
//!         };
//!         let answer = |question: &RiskQuestion| PatientRisk {
//!             age_years: Some(60.0),
//!             sex: Sex::Unknown,
//!             events_used: 1,
//!             unknown_codes: 0,
//!             broader_codes: 0,
//!             values_unread: 0,
//!             codes: question.codes.iter().map(curve).collect(),
//!         };
//!         questions.iter().map(|question| Ok(answer(question))).collect()
//!     }
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
//! let governance = Governance::open(Arc::new(|| Time::from_micros(0))); // a real server has a clock, keys and a ledger
//! let state = AppState::new(Arc::new(Coin), governance, ServeSettings::default())?;
//! serve::serve(listener, state, ready(())).await?; // a real server waits for a signal here
//! # Ok(())
//! # }
//! ```

#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test says what is wrong by failing"))]

mod access;
mod app;
mod body;
mod choose;
mod current;
mod doors;
mod engine;
mod error;
mod fetch;
mod frame;
mod governance;
mod handshake;
mod kept;
mod late;
mod listen;
mod metrics;
mod mirror;
mod model;
mod models;
mod pages;
mod predictor;
mod progress;
mod record;
mod settings;
mod tls;
mod traces;
mod uuid;
mod wire;

pub use app::{AppState, app};
pub use current::Current;
pub use doors::{Route, routes};
pub use error::Error;
pub use fetch::{AddressRule, FetchLimits, FhirServers, SignedIn};
pub use govern::lifecycle::Stage;
pub use governance::{Access, Governance, StageOf};
pub use listen::serve;
pub use models::{Mirroring, Models, Offered, Roles};
pub use predictor::{
    CodeDescription, CodeKind, CodeRisk, DrawnFuture, Example, FutureEnd, FutureEvent, KeptStates, MedsEvent,
    ModelDescription, Patient, PatientError, PatientRisk, PredictError, Predictor, ReasonQuestion,
    ReasonSection, RecordCounts, RiskQuestion, SentRecord, SimulateQuestion, SimulatedCode,
    SimulatedEstimate, SimulatedPatient, TrainingData,
};
pub use settings::ServeSettings;
pub use tls::Tls;
pub use traces::Traces;
pub use wire::{OLDEST_AGE_YEARS, told_age};

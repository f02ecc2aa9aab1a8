//! What the engine may be asked about a patient. Questions of all kinds wait in one queue and share batches; a further kind
//! is a variant here and its call in `answer`.

use crate::{Patient, PatientRisk, RiskQuestion};
use std::sync::Arc;

/// A question about one patient.
#[derive(Clone, Debug)]
pub(crate) enum Question {
    Risk(RiskQuestion),
    Embed(Arc<Patient>),
}

/// The answer to a [`Question`], of its kind.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Answer {
    Risk(PatientRisk),
    Embedding(Vec<f32>),
}

/// A question with an answer of its own type.
pub(crate) trait Asks {
    type Answer;

    /// The question, as `asker` asks it.
    fn asked_by(self, asker: &Arc<str>) -> Question;

    /// The question, when it is about risks.
    fn as_risk(&self) -> Option<&RiskQuestion> {
        None
    }

    /// Whose future is asked about; none, where only what was is.
    fn foretells(&self) -> Option<&Patient> {
        None
    }

    /// The answer, when it is of this kind.
    fn of(answer: Answer) -> Option<Self::Answer>;
}

impl Asks for RiskQuestion {
    type Answer = PatientRisk;

    fn asked_by(self, asker: &Arc<str>) -> Question {
        Question::Risk(RiskQuestion { asker: asker.clone(), ..self })
    }

    fn as_risk(&self) -> Option<&RiskQuestion> {
        Some(self)
    }

    fn foretells(&self) -> Option<&Patient> {
        Some(&self.patient)
    }

    fn of(answer: Answer) -> Option<PatientRisk> {
        match answer {
            Answer::Risk(risk) => Some(risk),
            _ => None,
        }
    }
}

/// What the model makes of this patient, as a vector.
pub(crate) struct EmbedQuestion(pub(crate) Arc<Patient>);

impl Asks for EmbedQuestion {
    type Answer = Vec<f32>;

    fn asked_by(self, _: &Arc<str>) -> Question {
        Question::Embed(self.0)
    }

    fn of(answer: Answer) -> Option<Vec<f32>> {
        match answer {
            Answer::Embedding(numbers) => Some(numbers),
            _ => None,
        }
    }
}

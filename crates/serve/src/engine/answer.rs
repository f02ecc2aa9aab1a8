//! One batch: the predictor is asked, and its answers are checked before anybody sees them.

use super::{AnswerShape, EngineError, queue::Waiting};
use crate::{PatientRisk, PredictError, Predictor, RiskQuestion, error::PredictorFailure, metrics::Metrics};
use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    time::Instant,
};

type Answers = Vec<Result<PatientRisk, EngineError>>;

/// Asks about a batch and sends each patient's answer to whoever waits for it.
///
/// When a whole batch fails, its patients are asked about one by one, so that a record that breaks the model
/// breaks it for itself alone.
pub(super) fn batch(predictor: &dyn Predictor, shape: AnswerShape, batch: Vec<Waiting>, metrics: &Metrics) {
    let (questions, senders): (Vec<RiskQuestion>, Vec<_>) =
        batch.into_iter().map(|waiting| (waiting.question, waiting.answer)).unzip();
    let started = Instant::now();
    let answers = ask(predictor, shape, &questions).unwrap_or_else(|failure| {
        if questions.len() == 1 {
            return vec![Err(EngineError::Broken(failure))];
        }
        questions.iter().map(|question| alone(predictor, shape, question)).collect()
    });
    metrics.batch_done(questions.len(), started.elapsed());
    for (answer, sender) in answers.into_iter().zip(senders) {
        match &answer {
            Ok(_) => metrics.patient_answered(),
            Err(EngineError::Broken(failure)) => failed(metrics, *failure),
            Err(EngineError::Predict(PredictError::Failed { detail })) => {
                metrics.predictor_failed(PredictorFailure::Failed);
                tracing::error!(detail, "the predictor failed");
            }
            Err(_) => {}
        }
        // A caller who left is owed nothing.
        let _ = sender.send(answer);
    }
}

fn failed(metrics: &Metrics, failure: PredictorFailure) {
    metrics.predictor_failed(failure);
    tracing::error!(kind = failure.name(), "the predictor broke its contract");
}

fn alone(
    predictor: &dyn Predictor,
    shape: AnswerShape,
    question: &RiskQuestion,
) -> Result<PatientRisk, EngineError> {
    match ask(predictor, shape, std::slice::from_ref(question)) {
        Ok(mut answers) => answers.pop().unwrap_or(Err(EngineError::Broken(PredictorFailure::InvalidAnswer))),
        Err(failure) => Err(EngineError::Broken(failure)),
    }
}

/// The predictor's answers, as many as questions, each checked; or why there are none at all.
fn ask(
    predictor: &dyn Predictor,
    shape: AnswerShape,
    questions: &[RiskQuestion],
) -> Result<Answers, PredictorFailure> {
    // A predictor that panicked is asked again for the next batch: it holds nothing of ours, and keeping its
    // own state sound is its own affair.
    let answers = catch_unwind(AssertUnwindSafe(|| predictor.risk(questions)))
        .map_err(|_| PredictorFailure::Panicked)?;
    if answers.len() != questions.len() {
        return Err(PredictorFailure::InvalidAnswer);
    }
    Ok(questions
        .iter()
        .zip(answers)
        .map(|(question, answer)| {
            let risk = answer.map_err(EngineError::Predict)?;
            if is_sound(&risk, question, shape) {
                Ok(risk)
            } else {
                Err(EngineError::Broken(PredictorFailure::InvalidAnswer))
            }
        })
        .collect())
}

/// Does the answer speak of the codes that were asked for, with probabilities that never fall with time?
pub(super) fn is_sound(risk: &PatientRisk, question: &RiskQuestion, shape: AnswerShape) -> bool {
    // Room for rounding in single precision.
    const SLACK: f64 = 1e-6;
    let is_curve = |curve: &[f64]| {
        curve.len() == shape.horizons
            && curve.iter().all(|p| (0.0..=1.0).contains(p))
            && curve.windows(2).all(|pair| pair[1] >= pair[0] - SLACK)
    };
    risk.codes.len() == question.codes.len()
        && risk.codes.iter().zip(question.codes.iter()).all(|(risk, code)| {
            risk.code == *code
                && is_curve(&risk.cumulative_incidence)
                && risk.reference.as_deref().is_none_or(is_curve)
        })
}

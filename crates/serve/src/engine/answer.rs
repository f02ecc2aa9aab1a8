//! One batch: the predictor is asked, and its answers are checked before anybody sees them.

use super::{
    AnswerShape, EngineError,
    question::{Answer, Question},
    queue::Waiting,
};
use crate::{PatientRisk, PredictError, Predictor, RiskQuestion, error::PredictorFailure, metrics::Metrics};
use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    time::Instant,
};
use tokio::sync::oneshot;

type Given = Result<Answer, EngineError>;

/// Asks about a batch, kind by kind, and sends each patient's answer to whoever waits for it.
pub(super) fn batch(predictor: &dyn Predictor, shape: AnswerShape, batch: Vec<Waiting>, metrics: &Metrics) {
    let (mut risks, mut embeddings) = (Vec::new(), Vec::new());
    for waiting in batch {
        match waiting.question {
            Question::Risk(question) => risks.push((question, waiting.answer)),
            Question::Embed(patient) => embeddings.push((patient, waiting.answer)),
        }
    }
    of_one_kind(risks, |questions| ask_risks(predictor, shape, questions), metrics);
    let embed = |patients: &[_]| {
        asked(predictor.embed(patients), |_, numbers: &Vec<f32>| is_embedding(numbers, shape), patients)
            .map(|answers| answers.into_iter().map(|answer| answer.map(Answer::Embedding)).collect())
    };
    of_one_kind(embeddings, embed, metrics);
}

/// When a whole batch fails, its patients are asked about one by one, so that a record that breaks the model
/// breaks it for itself alone.
fn of_one_kind<Q>(
    waiting: Vec<(Q, oneshot::Sender<Given>)>,
    ask: impl Fn(&[Q]) -> Result<Vec<Given>, PredictorFailure>,
    metrics: &Metrics,
) {
    if waiting.is_empty() {
        return;
    }
    // A predictor that panicked is asked again for the next batch: it holds nothing of ours, and keeping its
    // own state sound is its own affair.
    let ask = |questions: &[Q]| {
        catch_unwind(AssertUnwindSafe(|| ask(questions))).unwrap_or(Err(PredictorFailure::Panicked))
    };
    let (questions, senders): (Vec<Q>, Vec<_>) = waiting.into_iter().unzip();
    let started = Instant::now();
    let answers = ask(&questions).unwrap_or_else(|failure| {
        if questions.len() == 1 {
            return vec![Err(EngineError::Broken(failure))];
        }
        let alone = |question: &Q| match ask(std::slice::from_ref(question)) {
            Ok(mut answers) => {
                answers.pop().unwrap_or(Err(EngineError::Broken(PredictorFailure::InvalidAnswer)))
            }
            Err(failure) => Err(EngineError::Broken(failure)),
        };
        questions.iter().map(alone).collect()
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

fn ask_risks(
    predictor: &dyn Predictor,
    shape: AnswerShape,
    questions: &[RiskQuestion],
) -> Result<Vec<Given>, PredictorFailure> {
    let sound = |question: &RiskQuestion, risk: &PatientRisk| is_sound(risk, question, shape);
    let answers = asked(predictor.risk(questions), sound, questions)?;
    Ok(answers.into_iter().map(|answer| answer.map(Answer::Risk)).collect())
}

/// The predictor's answers, as many as questions, each checked; or why there are none at all.
fn asked<Q, A>(
    answers: Vec<Result<A, PredictError>>,
    is_sound: impl Fn(&Q, &A) -> bool,
    questions: &[Q],
) -> Result<Vec<Result<A, EngineError>>, PredictorFailure> {
    if answers.len() != questions.len() {
        return Err(PredictorFailure::InvalidAnswer);
    }
    let check = |(question, answer): (&Q, Result<A, PredictError>)| match answer {
        Ok(answer) if is_sound(question, &answer) => Ok(answer),
        Ok(_) => Err(EngineError::Broken(PredictorFailure::InvalidAnswer)),
        Err(error) => Err(EngineError::Predict(error)),
    };
    Ok(questions.iter().zip(answers).map(check).collect())
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

/// Is it as wide as the model says, and all numbers?
pub(super) fn is_embedding(numbers: &[f32], shape: AnswerShape) -> bool {
    Some(numbers.len()) == shape.embedding_width && numbers.iter().all(|number| number.is_finite())
}

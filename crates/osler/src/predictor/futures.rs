//! Futures of a patient, for whoever asks the server.

use crate::commands::{never_drawn, valued_shares};
use crate::model_directory::ModelDirectory;
use model::{Ending, SimulateOptions, Trajectory};
use serve::{
    DrawnFuture, FutureEnd, FutureEvent, PredictError, SimulateQuestion, SimulatedCode, SimulatedEstimate,
    SimulatedPatient,
};
use timeline::{Sequence, Vocabulary};

/// Tokens after which a future is cut off, at most; half the context where that is less.
const MOST_TOKENS: usize = 512;

/// Draws what is asked for; `codes` are the vocabulary's indices of the codes that the question counts.
pub(super) fn draw(
    directory: &ModelDirectory,
    codes: &[u32],
    question: &SimulateQuestion,
    go_on: &mut dyn FnMut(usize) -> bool,
) -> Result<SimulatedPatient, PredictError> {
    let vocabulary = directory.tokenizer.vocabulary();
    let tokens = directory.tokenizer.tokenize_history(&question.patient.subject);
    let sequence = tokens.as_sequence();
    let outcomes: Vec<u32> = question.codes.iter().map(|code| codes[*code]).collect();
    let options = SimulateOptions {
        trajectories: question.trajectories,
        seed: u64::from(question.seed),
        horizons_days: question.horizons_days.clone(),
        most_tokens: (directory.model.config().context / 2).min(MOST_TOKENS),
        impossible: never_drawn(vocabulary).into_iter().filter(|code| !outcomes.contains(code)).collect(),
        outcomes,
        avoided: None,
        event_first: false,
        valued_share: valued_shares(vocabulary),
        keep_tokens: question.futures > 0,
    };
    let failed = |error: model::Error| PredictError::Failed { detail: error.to_string() };
    let drawn = directory.model.simulate_watched(&sequence, &options, go_on).map_err(failed)?;
    let ended = |ending| drawn.trajectories.iter().filter(|one| one.ending == ending).count();
    Ok(SimulatedPatient {
        drawn: drawn.trajectories.len(),
        truncated: ended(Ending::Truncated),
        deaths: ended(Ending::Death),
        risks: question
            .codes
            .iter()
            .zip(&drawn.risks)
            .map(|(code, risk)| SimulatedCode {
                code: *code,
                estimates: risk
                    .summed
                    .iter()
                    .map(|at| SimulatedEstimate {
                        probability: at.mean,
                        standard_error: Some(at.standard_error).filter(|error| error.is_finite()),
                    })
                    .collect(),
            })
            .collect(),
        futures: drawn
            .trajectories
            .iter()
            .take(question.futures)
            .map(|one| future(vocabulary, &sequence, one))
            .collect(),
    })
}

fn future(vocabulary: &Vocabulary, record: &Sequence<'_>, drawn: &Trajectory) -> DrawnFuture {
    let last = record.age_days.last().copied().unwrap_or(0.0);
    let events =
        drawn.tokens.iter().filter(|token| token.code != Vocabulary::TIME).map(|token| FutureEvent {
            days: token.age_days - last,
            code: vocabulary.entry(token.code).map_or_else(String::new, |entry| entry.code.to_string()),
            value_rank: Some(token.value).filter(|value| value.is_finite()),
        });
    let end = match drawn.ending {
        Ending::Horizon | Ending::Record => FutureEnd::Horizon,
        Ending::Death => FutureEnd::Death,
        Ending::Truncated => FutureEnd::Truncated,
    };
    DrawnFuture { events: events.collect(), end }
}

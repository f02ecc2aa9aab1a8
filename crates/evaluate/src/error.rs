//! What can go wrong, in words that say what to do and never hold a value from a record.

/// Why an evaluation, a label set or a baseline could not be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Nothing to evaluate.
    #[error(
        "there are no predictions to evaluate; check that the predictions and the labels cover the same subjects"
    )]
    NoPredictions,
    /// A probability is NaN, infinite, or outside 0 to 1.
    #[error(
        "row {row} (counting from 0) of the predictions for {task} holds a {column} that is not a number between 0 and 1; repair the predictor, nothing is clamped silently"
    )]
    NotAProbability {
        /// The task.
        task: String,
        /// The row within the task's predictions.
        row: usize,
        /// `probability` or `baseline probability`.
        column: &'static str,
    },
    /// A length of time that must be a finite number of days is not.
    #[error(
        "row {row} (counting from 0) of the predictions for {task} holds an observed time that is not a number of days of 0 or more"
    )]
    NotADuration {
        /// The task.
        task: String,
        /// The row within the task's predictions.
        row: usize,
    },
    /// Another predictor's file can't be set beside the predictions.
    #[error("what is called `{name}` {problem}")]
    Peer {
        /// The name that it was given.
        name: String,
        /// What is wrong.
        problem: &'static str,
    },
    /// A setting that cannot be worked with.
    #[error("{setting} must be {wanted}")]
    Setting {
        /// The setting's name.
        setting: &'static str,
        /// What it must be.
        wanted: &'static str,
    },
    /// Two labels for the same subject and time contradict each other.
    #[error(
        "the label set holds {count} subject-times with contradictory labels; each subject and prediction time may have one label"
    )]
    ContradictoryLabels {
        /// How many subject-times are affected.
        count: usize,
    },
    /// A task's file says something that isn't understood.
    #[error("line {line} of the {file}: {problem}")]
    Task {
        /// `task file` or `predicates file`.
        file: &'static str,
        /// The line, from 1.
        line: usize,
        /// What is wrong, and what to do.
        problem: String,
    },
    /// A logistic baseline has nothing to learn from.
    #[error(
        "the logistic baseline needs training labels of both kinds with at least one of each; it found {events} true and {others} false"
    )]
    OneClass {
        /// True labels.
        events: usize,
        /// False labels.
        others: usize,
    },
    /// An effect that the data can't speak of.
    #[error("{what} among the {arm}, so that no effect is estimated; take more records, or another question")]
    Unsupported {
        /// What is lacking.
        what: &'static str,
        /// In which arm.
        arm: &'static str,
    },
    /// A regression did not reach a solution.
    #[error("the {what} did not converge; the outcome may be separated perfectly by the predictors")]
    NoConvergence {
        /// Which fit.
        what: &'static str,
    },
    /// Vectors that belong together differ in length.
    #[error("{what} differ in length: {left} and {right}")]
    Lengths {
        /// Which vectors.
        what: &'static str,
        /// Length of the first.
        left: usize,
        /// Length of the second.
        right: usize,
    },
    /// The report could not be written as JSON.
    #[error("the report could not be written as JSON")]
    Json(#[from] serde_json::Error),
}

/// A result of this room.
pub type Result<T> = std::result::Result<T, Error>;

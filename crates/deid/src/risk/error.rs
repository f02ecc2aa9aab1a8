//! What can go wrong when risk is computed.

/// Why risk was not computed. No variant holds a value from a record.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A setting that can't be used.
    #[error("{setting} is {value}; wanted is {wanted}")]
    Setting {
        /// Which setting.
        setting: &'static str,
        /// What was asked.
        value: String,
        /// What can be used.
        wanted: &'static str,
    },
    /// The second pass saw other subjects than the first, so positions would point at others.
    #[error(
        "the second pass saw other subjects than the first ({first} and {second}); give both the same, in one order"
    )]
    Changed {
        /// Subjects in the first pass.
        first: u64,
        /// Subjects in the second pass.
        second: u64,
    },
    /// There is nothing to measure.
    #[error("there are no subjects to measure")]
    Empty,
    /// A verdict file that can't be scored.
    #[error("the verdicts can't be scored: {0}")]
    Verdicts(&'static str),
}

//! Labels as MEDS defines them.

use crate::Time;

/// One label: for this subject, seen up to and including `prediction_time`, did it come true?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Label {
    /// The subject.
    pub subject_id: i64,
    /// The last moment whose facts may be used.
    pub prediction_time: Time,
    /// What came true.
    pub boolean_value: bool,
}

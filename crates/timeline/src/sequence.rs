//! One subject as tokens.

/// One subject's timeline, borrowed from a memory-mapped shard or a buffer. All slices have equal length.
///
/// Layout: static facts first (age 0 tokens such as `GENDER//F`), then groups of simultaneous events in
/// canonical order, with one `TIME` token between two groups:
/// `[static…][events at t0][TIME gap][events at t1][TIME gap]…`.
#[derive(Clone, Copy, Debug)]
pub struct Sequence<'a> {
    /// The subject.
    pub subject_id: i64,
    /// Vocabulary index per token.
    pub code: &'a [u32],
    /// Age in days at each token (for a `TIME` token: the age after the gap). Static tokens stand at the age
    /// of the first dated group. Where birth is unknown, days since the first dated event.
    pub age_days: &'a [f64],
    /// For `TIME`: the gap in days, > 0. For a code with a value: its rank in (0, 1) within the training
    /// distribution of that code and unit. Else NaN.
    pub value: &'a [f32],
    /// How many leading tokens are static.
    pub static_len: usize,
    /// Age in days at the end of follow-up (death, or censoring), ≥ the last token's age.
    pub followup_end_age_days: f64,
    /// Whether follow-up ended in death.
    pub died: bool,
    /// Whether `age_days` counts from birth.
    pub birth_known: bool,
}

impl Sequence<'_> {
    /// Number of tokens.
    pub fn len(&self) -> usize {
        self.code.len()
    }

    /// Whether there are no tokens.
    pub fn is_empty(&self) -> bool {
        self.code.is_empty()
    }
}

/// Memory for tokens that differ from how they lie in the mapping: sequences with landmarks.
#[derive(Clone, Debug, Default)]
pub struct TokenBuffer {
    pub(crate) code: Vec<u32>,
    pub(crate) age_days: Vec<f64>,
    pub(crate) value: Vec<f32>,
}

impl TokenBuffer {
    pub(crate) fn clear(&mut self) {
        self.code.clear();
        self.age_days.clear();
        self.value.clear();
    }

    pub(crate) fn push(&mut self, code: u32, age_days: f64, value: f32) {
        self.code.push(code);
        self.age_days.push(age_days);
        self.value.push(value);
    }
}

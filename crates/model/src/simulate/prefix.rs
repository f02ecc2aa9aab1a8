//! What all trajectories of one subject share: the record up to where they part, read once.

use crate::config::Config;
use crate::layers::attention::Shape;
use crate::patient_state::PatientState;
use rustc_hash::{FxHashMap, FxHashSet};
use timeline::Sequence;

/// How a trajectory begins, from what the record ends in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Opening {
    /// Its last moment is complete: time passes next. After a closing `TIME`, the wait goes on from there.
    Wait,
    /// There are static facts alone: the first moment's events come next.
    Events,
    /// Death: nothing comes.
    Nothing,
}

/// A record as its trajectories see it.
pub(crate) struct Prefix {
    pub(crate) subject_id: i64,
    pub(crate) opening: Opening,
    /// Tokens that the blocks have read.
    pub(crate) tokens: usize,
    /// Age at the record's first token, from which positions in time count.
    pub(crate) start_age_days: f64,
    /// Age at its last.
    pub(crate) last_age_days: f64,
    pub(crate) birth_known: bool,
    /// The final hidden state after the last token.
    pub(crate) hidden: Vec<f32>,
    /// Codes that have occurred, as the repeat biases count them.
    pub(crate) seen: FxHashSet<u32>,
    /// The last rank of each code that had a value.
    pub(crate) ranks: FxHashMap<u32, f32>,
    layers: Vec<KeysAndValues>,
}

/// Row by row: `[key_value_heads, tokens, head_width]` each.
struct KeysAndValues {
    keys: Vec<f32>,
    values: Vec<f32>,
}

impl Prefix {
    pub(crate) fn new(config: &Config, sequence: &Sequence<'_>, state: PatientState) -> Self {
        let last = sequence.len() - 1;
        let opening = match sequence.code[last] {
            code if Some(code) == config.death_code => Opening::Nothing,
            _ if sequence.len() == sequence.static_len => Opening::Events,
            _ => Opening::Wait,
        };
        let (mut seen, mut ranks) = (FxHashSet::default(), FxHashMap::default());
        for place in state.places_read() {
            let (code, value) = (sequence.code[place], sequence.value[place]);
            if code != config.time_code {
                seen.insert(code);
                if value.is_finite() {
                    ranks.insert(code, value.clamp(0.0, 1.0));
                }
            }
        }
        let layers = (0..config.layers).map(|l| {
            let (mut keys, mut values) = (Vec::new(), Vec::new());
            state.copy_rows(l, &mut keys, &mut values);
            KeysAndValues { keys, values }
        });
        Prefix {
            subject_id: sequence.subject_id,
            opening,
            tokens: state.places_read().count(),
            start_age_days: sequence.age_days[0],
            last_age_days: sequence.age_days[last],
            birth_known: sequence.birth_known,
            layers: layers.collect(),
            hidden: state.into_hidden(),
            seen,
            ranks,
        }
    }

    /// Keys and values of one head in one layer: `[tokens, head_width]` each.
    pub(crate) fn rows(&self, layer: usize, shape: Shape, key_value_head: usize) -> (&[f32], &[f32]) {
        let len = self.tokens * shape.head_width;
        let part = key_value_head * len..(key_value_head + 1) * len;
        (&self.layers[layer].keys[part.clone()], &self.layers[layer].values[part])
    }
}

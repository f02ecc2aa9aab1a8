//! Records that grow: what the blocks made of earlier tokens is kept, so that a further event costs one step.

use crate::buffer::Buffer;
use crate::decoder::attention_shape;
use crate::error::{Error, Result};
use crate::infer::RiskTable;
use crate::layers::attention::Shape;
use crate::layers::cached_attention::KeyValues;
use crate::layers::rotary::Angles;
use crate::layers::{embedding, feed_forward, norm};
use crate::model::Model;
use crate::pack::{Pack, check_sequence};
use crate::packed::Parameters;
use crate::panels::multiply;
use crate::real::add_scaled;
use crate::window::Window;
use rayon::prelude::*;
use timeline::Sequence;

/// One token, to be appended to a record.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Token {
    /// Vocabulary index.
    pub code: u32,
    /// Age in days; for `TIME` the age after the gap.
    pub age_days: f64,
    /// For `TIME` the gap in days, for a code with a value its rank, else NaN.
    pub value: f32,
}

/// A record as a model has read it so far. It belongs to the model that made it.
///
/// It holds `2 · layers · key_value_heads · head_width` numbers of 4 bytes a token: 4 KB a token at `tiny`.
#[derive(Clone, Debug)]
pub struct PatientState {
    code: Vec<u32>,
    age_days: Vec<f64>,
    value: Vec<f32>,
    static_len: usize,
    birth_known: bool,
    /// How many of the tokens the blocks have read, and which of them those are.
    window: Window,
    layers: Vec<KeyValues<f32>>,
    /// The final hidden state after the last token.
    hidden: Vec<f32>,
}

impl PatientState {
    /// Tokens in the record.
    pub fn len(&self) -> usize {
        self.code.len()
    }

    /// Whether the record has no tokens; a state always has some.
    pub fn is_empty(&self) -> bool {
        self.code.is_empty()
    }

    /// Places in the record of the tokens that the blocks have read, in order.
    pub(crate) fn places_read(&self) -> impl Iterator<Item = usize> + use<> {
        (0..self.window.statics).chain(self.window.start..self.window.end)
    }

    /// Appends one layer's keys and values, each as `[key_value_heads, tokens, head_width]`.
    pub(crate) fn copy_rows(&self, layer: usize, shape: Shape, keys: &mut Vec<f32>, values: &mut Vec<f32>) {
        self.layers[layer].copy_rows(shape, keys, values);
    }

    /// The final hidden state after the last token.
    pub(crate) fn into_hidden(self) -> Vec<f32> {
        self.hidden
    }

    fn sequence(&self) -> Sequence<'_> {
        Sequence {
            subject_id: 0,
            code: &self.code,
            age_days: &self.age_days,
            value: &self.value,
            static_len: self.static_len,
            followup_end_age_days: self.age_days.last().copied().unwrap_or(0.0),
            died: false,
            birth_known: self.birth_known,
        }
    }
}

/// The memory of one thread.
#[derive(Default)]
struct Stepper {
    pack: Pack,
    embedding: embedding::Cache<f32>,
    angles: Angles<f32>,
    x: Buffer<f32>,
    normed: Buffer<f32>,
    inverse: Buffer<f32>,
    query_key_value: Buffer<f32>,
    attention: Buffer<f32>,
    branch: Buffer<f32>,
    gate_up: Buffer<f32>,
    activation: Buffer<f32>,
    scores: Vec<[f32; 16]>,
}

impl Stepper {
    /// Lets the blocks read the tokens that each state has and they have not.
    fn catch_up(&mut self, p: Parameters<'_, f32>, states: &mut [&mut PatientState]) {
        self.pack.clear();
        for state in states.iter() {
            let read = state.layers.first().map_or(0, KeyValues::len);
            self.pack.push_rest(p.config, &state.sequence(), state.window, read);
        }
        let Parameters { config, layout, weights, tables, forward, .. } = p;
        let (tokens, d, shape) = (self.pack.tokens(), config.width, attention_shape(config));
        let x = self.x.stale(tokens * d);
        let cache = &mut self.embedding;
        embedding::forward((config, layout), (weights, &tables.code_table), &self.pack, x, cache);
        let places = self.pack.index.iter().copied().zip(self.pack.since_start_days.iter().copied());
        self.angles.set(config, places);
        let (normed, inverse) = (self.normed.stale(tokens * d), self.inverse.stale(tokens));
        let branch = self.branch.stale(tokens * d);
        for (l, (slots, block)) in layout.blocks.iter().zip(&forward.blocks).enumerate() {
            norm::forward(x, slots.attention_norm.of(weights), config.norm_epsilon, normed, inverse);
            let qkv = self.query_key_value.stale(tokens * shape.row());
            multiply(qkv, normed, &block.query_key_value);
            if !slots.query_key_value_bias.is_empty() {
                let bias = slots.query_key_value_bias.of(weights);
                qkv.chunks_exact_mut(shape.row()).for_each(|row| add_scaled(row, 1.0, bias));
            }
            self.angles.rotate(qkv, shape.row(), config.heads + config.key_value_heads, false);
            let out = self.attention.stale(tokens * d);
            for (state, rows) in states.iter_mut().zip(&self.pack.segments) {
                let kept = &mut state.layers[l];
                for row in rows.clone() {
                    let qkv = &qkv[row * shape.row()..(row + 1) * shape.row()];
                    kept.push(shape, qkv);
                    kept.attend(shape, &qkv[..d], &mut out[row * d..(row + 1) * d], &mut self.scores);
                }
            }
            multiply(branch, out, &block.attention_out);
            add_scaled(x, 1.0, branch);
            norm::forward(x, slots.feed_forward_norm.of(weights), config.norm_epsilon, normed, inverse);
            let gate_up = self.gate_up.stale(tokens * 2 * config.feed_forward);
            multiply(gate_up, normed, &block.gate_up);
            let activation = self.activation.stale(tokens * config.feed_forward);
            feed_forward::forward(gate_up, config.feed_forward, activation);
            multiply(branch, activation, &block.down);
            add_scaled(x, 1.0, branch);
        }
        norm::forward(x, layout.final_norm.of(weights), config.norm_epsilon, normed, inverse);
        for (state, rows) in states.iter_mut().zip(&self.pack.segments) {
            state.hidden.clear();
            state.hidden.extend_from_slice(&normed[(rows.end - 1) * d..rows.end * d]);
        }
    }
}

impl Model {
    /// Reads records whole: static facts and the last tokens that the context holds.
    ///
    /// # Errors
    /// [`Error::Sequence`] for an unusable sequence.
    pub fn read(&self, sequences: &[Sequence<'_>]) -> Result<Vec<PatientState>> {
        self.read_within(sequences, self.config.context)
    }

    /// [`Model::read`] of no more than `context` tokens each.
    pub(crate) fn read_within(
        &self,
        sequences: &[Sequence<'_>],
        context: usize,
    ) -> Result<Vec<PatientState>> {
        let mut states = Vec::with_capacity(sequences.len());
        for sequence in sequences {
            check_sequence(&self.config, sequence)?;
            states.push(PatientState {
                code: sequence.code.to_vec(),
                age_days: sequence.age_days.to_vec(),
                value: sequence.value.to_vec(),
                static_len: sequence.static_len,
                birth_known: sequence.birth_known,
                window: Window::ending_at(sequence, sequence.len() - 1, context),
                layers: vec![KeyValues::default(); self.config.layers],
                hidden: Vec::new(),
            });
        }
        self.catch_up(&mut states);
        Ok(states)
    }

    /// Appends one token to each of some records and reads it: the blocks do the work of the new tokens
    /// alone, and the record is gone over once for its codes and ranks.
    ///
    /// A record that outgrows the context is read again, from the last three quarters of what the context holds, once
    /// every quarter of a context, so that what is seen differs from [`Model::risk`]'s window there, which always
    /// reaches back as far as it can.
    ///
    /// # Errors
    /// [`Error::Sequence`] if there is not one token for each state, or a token cannot be one of the model's;
    /// nothing is appended then.
    pub fn append(&self, states: &mut [PatientState], tokens: &[Token]) -> Result<()> {
        if states.len() != tokens.len() {
            return Err(Error::Sequence("there must be one token for each state"));
        }
        for (state, token) in states.iter().zip(tokens) {
            let before = state.age_days.last().copied().unwrap_or(f64::NEG_INFINITY);
            if token.code as usize >= self.config.vocabulary_size {
                return Err(Error::Sequence("it holds a code outside the model's vocabulary"));
            }
            if !token.age_days.is_finite() || token.age_days < before {
                return Err(Error::Sequence("a token lies before the last one"));
            }
        }
        for (state, token) in states.iter_mut().zip(tokens) {
            state.code.push(token.code);
            state.age_days.push(token.age_days);
            state.value.push(token.value);
            state.window.end += 1;
            if state.window.tokens() > self.config.context {
                let kept = self.config.context - self.config.context / 4;
                state.window = Window::ending_at(&state.sequence(), state.len() - 1, kept.max(1));
                state.layers.fill(KeyValues::default());
            }
        }
        self.catch_up(states);
        Ok(())
    }

    /// The risk right after a state's last token.
    ///
    /// # Errors
    /// [`Error::Unknown`] for a code without a risk head.
    pub fn risk_of(&self, state: &PatientState, codes: Option<&[u32]>) -> Result<RiskTable> {
        let indices = self.risk_indices(codes)?;
        let mut pack = Pack::default();
        pack.push_rest(&self.config, &state.sequence(), state.window, state.window.tokens() - 1);
        Ok(self.risk_table((&state.hidden, pack.seen_at(0)), &indices))
    }

    /// The logits of the code that comes next after each state, without the part for codes that have occurred:
    /// `[states, vocabulary]`.
    pub fn next_code_logits(&self, states: &[PatientState]) -> Vec<f32> {
        let vocabulary = self.config.vocabulary_size;
        let mut logits = vec![0.0; states.len() * vocabulary];
        let share = states.len().div_ceil(rayon::current_num_threads()).max(1);
        let parts = states.par_chunks(share).zip(logits.par_chunks_mut(share * vocabulary));
        parts.for_each(|(states, logits)| {
            let hidden: Vec<f32> = states.iter().flat_map(|state| &state.hidden).copied().collect();
            multiply(logits, &hidden, &self.parameters_view().forward.head);
            let bias = self.layout.head_bias.of(&self.weights);
            logits.chunks_exact_mut(vocabulary).for_each(|row| add_scaled(row, 1.0, bias));
        });
        logits
    }

    fn catch_up(&self, states: &mut [PatientState]) {
        let threads = rayon::current_num_threads();
        let share = states.len().div_ceil(threads).max(1);
        states.par_chunks_mut(share).for_each(|states| {
            thread_local! {
                static STEPPER: std::cell::RefCell<Stepper> = std::cell::RefCell::default();
            }
            STEPPER.with_borrow_mut(|stepper| {
                let mut states: Vec<&mut PatientState> = states.iter_mut().collect();
                stepper.catch_up(self.parameters_view(), &mut states);
            });
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Config, Size};

    const TIME: u32 = 0;

    struct Life {
        code: Vec<u32>,
        age_days: Vec<f64>,
        value: Vec<f32>,
    }

    impl Life {
        fn new(seed: u32, groups: usize) -> Self {
            let mut life = Life { code: vec![2], age_days: vec![9000.0], value: vec![f32::NAN] };
            let mut age = 9000.0;
            for group in 0..groups as u32 {
                if group > 0 {
                    let gap = f64::from(1 + (group * 37 + seed * 11) % 400);
                    age += gap;
                    life.push(TIME, age, gap as f32);
                }
                for tie in 0..1 + (group + seed) % 3 {
                    let code = 3 + (group * 5 + tie + seed) % 9;
                    let value = if code.is_multiple_of(2) { 0.1 * (1 + group % 9) as f32 } else { f32::NAN };
                    life.push(code, age, value);
                }
            }
            life
        }

        fn push(&mut self, code: u32, age: f64, value: f32) {
            self.code.push(code);
            self.age_days.push(age);
            self.value.push(value);
        }

        fn until(&self, n: usize) -> Sequence<'_> {
            Sequence {
                subject_id: 1,
                code: &self.code[..n],
                age_days: &self.age_days[..n],
                value: &self.value[..n],
                static_len: 1,
                followup_end_age_days: self.age_days[n - 1],
                died: false,
                birth_known: true,
            }
        }

        fn token(&self, place: usize) -> Token {
            Token { code: self.code[place], age_days: self.age_days[place], value: self.value[place] }
        }
    }

    fn model(context: usize) -> Model {
        let codes: Vec<u32> = (3..12).collect();
        let mut config = Config::of_size(Size::Tiny, 12, TIME, Some(1), &codes);
        (config.width, config.heads, config.key_value_heads, config.layers) = (32, 4, 2, 2);
        (config.feed_forward, config.context, config.attention_bias) = (48, context, true);
        let mut model = Model::new(config, 3).unwrap();
        // Zero heads would hide everything.
        for (i, weight) in model.weights.iter_mut().enumerate() {
            *weight += 0.05 * (i as f32 * 0.7).sin();
        }
        model.refresh();
        model
    }

    fn agree(a: &RiskTable, b: &RiskTable) {
        for ((code, a), (_, b)) in a.rows().zip(b.rows()) {
            for (a, b) in a.iter().zip(b) {
                assert!((a - b).abs() < 1e-5, "code {code}: {a} and {b}");
            }
        }
    }

    #[test]
    fn appending_is_reading_the_longer_record() {
        let model = model(256);
        let lives = [Life::new(1, 9), Life::new(2, 12), Life::new(5, 7)];
        let begin = 4;
        let sequences: Vec<_> = lives.iter().map(|life| life.until(begin)).collect();
        let mut states = model.read(&sequences).unwrap();
        let shortest = lives.iter().map(|life| life.code.len()).min().unwrap();
        for place in begin..shortest {
            let tokens: Vec<_> = lives.iter().map(|life| life.token(place)).collect();
            model.append(&mut states, &tokens).unwrap();
            let whole: Vec<_> = lives.iter().map(|life| life.until(place + 1)).collect();
            for (state, expected) in states.iter().zip(model.risk(&whole, None).unwrap()) {
                agree(&model.risk_of(state, None).unwrap(), &expected);
            }
        }
    }

    #[test]
    fn a_record_outgrows_the_context() {
        let model = model(16);
        let life = Life::new(3, 20);
        let mut states = model.read(&[life.until(5)]).unwrap();
        for place in 5..life.code.len() {
            model.append(&mut states, &[life.token(place)]).unwrap();
            assert!(
                states[0].window.tokens() <= 16 && states[0].layers[0].len() == states[0].window.tokens()
            );
        }
        let again = model.read(&[life.until(life.code.len())]).unwrap();
        assert_eq!(again[0].len(), states[0].len());
        let risk = model.risk_of(&states[0], Some(&[3])).unwrap();
        assert!(risk.of(3).unwrap().iter().all(|r| (0.0..=1.0).contains(r)));
    }

    #[test]
    fn what_cannot_be_appended_is_refused_and_changes_nothing() {
        let model = model(64);
        let life = Life::new(1, 4);
        let mut states = model.read(&[life.until(5)]).unwrap();
        let ok = Token { code: 3, age_days: 1e5, value: f32::NAN };
        for token in
            [Token { code: 99, ..ok }, Token { age_days: 1.0, ..ok }, Token { age_days: f64::NAN, ..ok }]
        {
            assert!(model.append(&mut states, &[token]).is_err());
        }
        assert!(model.append(&mut states, &[]).is_err());
        assert_eq!(states[0].len(), 5);
    }
}

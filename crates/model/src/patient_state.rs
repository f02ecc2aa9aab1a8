//! Records that grow: what the blocks made of earlier tokens is kept, so that a further event costs one step.

mod edit;
mod likeliest;
mod look;
#[cfg(test)]
mod planted;
mod resume;
mod without;

use crate::config::Config;
use crate::error::{Error, Result};
use crate::heads::moment::Moment;
use crate::infer::{PACK_TOKENS, RiskTable};
use crate::inference::{AnyKept, Rounded, Wanted};
use crate::model::Model;
use crate::pack::{Pack, check_sequence};
use crate::real::{add_scaled, vectorised};
use crate::window::Window;
use rayon::prelude::*;
use std::borrow::BorrowMut;
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
/// It holds `2 · layers · key_value_heads · head_width` numbers a token, 4 bytes each (2 at
/// [`KeptPrecision::F16`](crate::KeptPrecision)): 4 KB a token at `tiny`. Copies share them, but for the last sixteen
/// tokens once either is appended to, so that many futures can grow from one past.
#[derive(Clone, Debug)]
pub struct PatientState {
    code: Vec<u32>,
    age_days: Vec<f64>,
    value: Vec<f32>,
    static_len: usize,
    birth_known: bool,
    /// How many of the tokens the blocks have read, and which of them those are.
    window: Window,
    kept: AnyKept,
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
    pub(crate) fn copy_rows(&self, layer: usize, keys: &mut Vec<f32>, values: &mut Vec<f32>) {
        self.kept.copy_rows(layer, keys, values);
    }

    /// The final hidden state after the last token.
    pub(crate) fn into_hidden(self) -> Vec<f32> {
        self.hidden
    }

    /// What is known after the last token, of the whole record.
    fn moment(&self, config: &Config) -> Moment {
        self.moment_without(config, &[])
    }

    /// The same as if some places had not been there.
    fn moment_without(&self, config: &Config, ignored: &[usize]) -> Moment {
        self.moment_over(config, (0..self.code.len()).filter(|place| !ignored.contains(place)))
    }

    /// What is known after the last token from some of the places alone.
    fn moment_over(&self, config: &Config, places: impl Iterator<Item = usize>) -> Moment {
        let (first, last) = (self.age_days[0], self.age_days[self.age_days.len() - 1]);
        let when = (self.birth_known.then_some(last), last - first);
        Moment::after(config, places.map(|place| (self.code[place], self.value[place])), when)
    }

    /// Appends the tokens that the blocks have not read, as a segment.
    fn push_unread(&self, config: &Config, pack: &mut Pack) {
        match self.kept.len() {
            read if read > 0 && read + 1 == self.window.tokens() => {
                pack.push_last(config, &self.sequence(), self.window);
            }
            read => pack.push_rest(config, &self.sequence(), self.window, read),
        }
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
                kept: self.keeper.nothing(),
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
        self.extend(states, tokens)?;
        self.catch_up(states);
        Ok(())
    }

    /// [`Model::append`] without the reading.
    fn extend(&self, states: &mut [PatientState], tokens: &[Token]) -> Result<()> {
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
                state.kept.clear();
            }
        }
        Ok(())
    }

    /// The risk right after a state's last token.
    ///
    /// # Errors
    /// [`Error::Unknown`] for a code without a risk head.
    pub fn risk_of(&self, state: &PatientState, codes: Option<&[u32]>) -> Result<RiskTable> {
        let indices = self.risk_indices(codes)?;
        Ok(self.risk_table((&state.hidden, &state.moment(&self.config)), &indices))
    }

    /// [`Model::risk_of`] each of some states.
    ///
    /// # Errors
    /// As [`Model::risk_of`].
    pub fn risks_of(&self, states: &[&PatientState], codes: Option<&[u32]>) -> Result<Vec<RiskTable>> {
        states.par_iter().map(|state| self.risk_of(state, codes)).collect()
    }

    /// The logits of the code that comes next after each state, without the part for codes that have occurred:
    /// `[states, vocabulary]`.
    pub fn next_code_logits(&self, states: &[PatientState]) -> Vec<f32> {
        let vocabulary = self.config.vocabulary_size;
        let mut logits = vec![0.0; states.len() * vocabulary];
        let share = self.share(states.len());
        let parts = states.par_chunks(share).zip(logits.par_chunks_mut(share * vocabulary));
        parts.for_each(|(states, logits)| self.head_logits(states, logits));
        logits
    }

    /// `logits` is `[states, vocabulary]`.
    fn head_logits(&self, states: &[PatientState], logits: &mut [f32]) {
        let vocabulary = self.config.vocabulary_size;
        let hidden: Vec<f32> = states.iter().flat_map(|state| &state.hidden).copied().collect();
        self.inference().head().multiply(logits, &hidden, &mut Rounded::default());
        let bias = self.layout.head_bias.of(&self.weights);
        vectorised(
            #[inline(always)]
            || logits.chunks_exact_mut(vocabulary).for_each(|row| add_scaled(row, 1.0, bias)),
        );
    }

    /// How many of `n` states each thread takes.
    fn share(&self, n: usize) -> usize {
        n.div_ceil(rayon::current_num_threads()).max(1)
    }

    /// Lets the blocks read the tokens that each state has and they have not.
    fn catch_up<S: BorrowMut<PatientState> + Send>(&self, states: &mut [S]) {
        let (threads, few) = (rayon::current_num_threads(), states.len() < rayon::current_num_threads());
        let share = if few { states.len().max(1) } else { self.share(states.len()) };
        states
            .par_chunks_mut(share)
            .for_each(|states| self.catch_up_on(states, if few { threads } else { 1 }));
    }

    /// [`Model::catch_up`] on so many threads, one of which is this one. What few long records take goes through the blocks at a
    /// time, so that it stays near.
    fn catch_up_on<S: BorrowMut<PatientState>>(&self, states: &mut [S], threads: usize) {
        let mut rest = states;
        while !rest.is_empty() {
            let mut tokens = 0;
            let fits = |state: &&S| {
                let state: &PatientState = (**state).borrow();
                tokens += state.window.tokens() - state.kept.len();
                tokens <= PACK_TOKENS
            };
            let n = rest.iter().take_while(fits).count().max(1);
            let (now, later) = rest.split_at_mut(n);
            self.catch_up_together(now, threads);
            rest = later;
        }
    }

    /// Reads what some records have unread, in one pass.
    fn catch_up_together<S: BorrowMut<PatientState>>(&self, states: &mut [S], threads: usize) {
        self.with_reader(|reader| {
            let mut states: Vec<&mut PatientState> = states.iter_mut().map(BorrowMut::borrow_mut).collect();
            reader.pack.clear();
            for state in &states {
                state.push_unread(&self.config, &mut reader.pack);
            }
            let mut kept: Vec<&mut AnyKept> = states.iter_mut().map(|state| &mut state.kept).collect();
            let hidden = reader.read(self.inference(), &mut kept, Wanted::Last, threads);
            for (state, hidden) in states.iter_mut().zip(hidden.chunks_exact(self.config.width)) {
                state.hidden.clear();
                state.hidden.extend_from_slice(hidden);
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Size;
    use crate::inference::{KeptPrecision, Precision, Reader, WeightPrecision};
    use crate::layers::dropout::Dropout;
    use crate::pack::Targets;

    const TIME: u32 = 0;

    pub(super) struct Life {
        pub(super) code: Vec<u32>,
        pub(super) age_days: Vec<f64>,
        pub(super) value: Vec<f32>,
    }

    impl Life {
        pub(super) fn new(seed: u32, groups: usize) -> Self {
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

        pub(super) fn until(&self, n: usize) -> Sequence<'_> {
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

        pub(super) fn token(&self, place: usize) -> Token {
            Token { code: self.code[place], age_days: self.age_days[place], value: self.value[place] }
        }
    }

    pub(super) fn model(context: usize) -> Model {
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

    pub(super) fn agree(a: &RiskTable, b: &RiskTable) {
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
            assert!(states[0].window.tokens() <= 16 && states[0].kept.len() == states[0].window.tokens());
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

    #[test]
    fn the_pass_is_trainings_whatever_the_threads() {
        the_pass_is_trainings(&model(256), 1e-5);
        let precision = Precision { weights: WeightPrecision::Bf16x3, ..Precision::default() };
        match model(256).with_precision(precision) {
            Ok(model) => the_pass_is_trainings(&model, 1e-3),
            Err(why) => eprintln!("{why}"),
        }
    }

    fn the_pass_is_trainings(model: &Model, within: f32) {
        let lives = [Life::new(1, 60), Life::new(2, 3), Life::new(5, 47)];
        let sequences: Vec<_> = lives.iter().map(|life| life.until(life.code.len())).collect();
        let expected = model.with_workspace(|workspace| {
            workspace.pack.clear();
            for sequence in &sequences {
                workspace.pack.push(&model.config, sequence, Window::whole(sequence), Targets::default());
            }
            let (_, hidden) = workspace.hidden(model.parameters_view(), Dropout::default());
            hidden.to_vec()
        });
        let pool = rayon::ThreadPoolBuilder::new().num_threads(3).build().unwrap();
        let mut first: Option<[Vec<u32>; 2]> = None;
        for threads in [1, 2, 3, 5] {
            model.with_reader(|reader| {
                reader.pack.clear();
                for sequence in &sequences {
                    reader.pack.push(&model.config, sequence, Window::whole(sequence), Targets::default());
                }
                let read = |wanted, reader: &mut Reader| {
                    let hidden =
                        || reader.hidden(model.inference(), &model.keeper, wanted, threads).1.to_vec();
                    pool.install(hidden)
                };
                let near = |a: &[f32], b: &[f32]| a.iter().zip(b).all(|(a, b)| (a - b).abs() < within);
                let all = read(Wanted::All, reader);
                assert!(all.len() == expected.len() && near(&all, &expected), "{threads} threads");
                let ends: Vec<usize> = reader.pack.segments.iter().map(|rows| rows.end).collect();
                let last = read(Wanted::Last, reader);
                let bits = [&all, &last].map(|hidden| hidden.iter().map(|h| h.to_bits()).collect());
                assert!(*first.get_or_insert(bits.clone()) == bits, "{threads} threads: another last bit");
                for (hidden, end) in last.chunks_exact(model.config.width).zip(ends) {
                    let expected = &expected[(end - 1) * model.config.width..end * model.config.width];
                    assert!(near(hidden, expected), "{threads} threads");
                }
            });
        }
    }

    #[test]
    fn reduced_precision_is_near_and_appending_is_still_reading() {
        let whole = model(256);
        let life = Life::new(4, 30);
        let record = life.until(life.code.len());
        let expected = whole.risk(&[record], None).unwrap();
        let likelihood = whole.log_likelihood(&record).unwrap();
        let logits = whole.next_code_logits(&whole.read(&[record]).unwrap());
        for (weights, kept, within) in [
            (WeightPrecision::F32, KeptPrecision::F16, 2e-3),
            (WeightPrecision::Bf16x3, KeptPrecision::F32, 1e-3),
            (WeightPrecision::Bf16, KeptPrecision::F32, 2e-2),
            (WeightPrecision::Int8, KeptPrecision::F16, 5e-2),
        ] {
            let precision = Precision { weights, kept };
            if weights.products().is_err() {
                eprintln!("this processor has no {weights:?}");
                continue;
            }
            let model = whole.clone().with_precision(precision).unwrap().clone();
            assert_eq!(model.precision(), precision);
            let near = |a: &[f32], b: &[f32]| a.iter().zip(b).all(|(a, b)| (a - b).abs() <= within);
            let risk = model.risk(&[record], None).unwrap();
            let rows = |table: &RiskTable| table.rows().flat_map(|(_, row)| *row).collect::<Vec<_>>();
            assert!(near(&rows(&risk[0]), &rows(&expected[0])), "{precision:?}");
            assert!(risk[0] != expected[0], "{precision:?} changes nothing");
            let of_reduced = model.log_likelihood(&record).unwrap();
            assert_eq!(of_reduced.events, likelihood.events);
            let (a, b) = (of_reduced.total(), likelihood.total());
            assert!((a - b).abs() < f64::from(within) * b.abs(), "{precision:?}: {a} and {b}");
            let mut states = model.read(&[life.until(5)]).unwrap();
            for place in 5..life.code.len() {
                model.append(&mut states, &[life.token(place)]).unwrap();
            }
            let appended = model.next_code_logits(&states);
            assert!(near(&appended, &logits), "{precision:?}");
            let best = appended.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            assert_eq!(appended[model.likeliest_codes(&states)[0] as usize], best);
        }
    }

    #[test]
    fn futures_that_share_a_past_do_not_see_each_other() {
        let model = model(256);
        let life = Life::new(7, 12);
        let begin = life.code.len() - 3;
        let past = model.read(&[life.until(begin)]).unwrap();
        let mut states = vec![past[0].clone(); 3];
        let token = |code| Token { code, age_days: life.age_days[begin - 1], value: f32::NAN };
        model.append(&mut states, &[token(3), token(5), token(7)]).unwrap();
        let mut alone = past.clone();
        model.append(&mut alone, &[token(5)]).unwrap();
        agree(&model.risk_of(&states[1], None).unwrap(), &model.risk_of(&alone[0], None).unwrap());
        let again = model.read(&[life.until(begin)]).unwrap();
        agree(&model.risk_of(&past[0], None).unwrap(), &model.risk_of(&again[0], None).unwrap());
    }
}

//! Records that begin as others did: what was read of those is not read again.

use super::PatientState;
use crate::error::Result;
use crate::inference::AnyKept;
use crate::model::Model;
use crate::pack::check_sequence;
use crate::window::Window;
use timeline::Sequence;

impl PatientState {
    /// How many of the leading tokens of `sequence` this record has too, to the bit. None when its static facts are others.
    pub fn shared_with(&self, sequence: &Sequence<'_>) -> usize {
        if self.static_len != sequence.static_len || self.birth_known != sequence.birth_known {
            return 0;
        }
        let same = |place: &usize| {
            self.code[*place] == sequence.code[*place]
                && self.age_days[*place].to_bits() == sequence.age_days[*place].to_bits()
                && self.value[*place].to_bits() == sequence.value[*place].to_bits()
        };
        (0..self.len().min(sequence.len())).take_while(same).count()
    }

    /// Bytes that it takes by itself, as if it shared nothing with its copies.
    pub fn bytes(&self) -> usize {
        let token = size_of::<u32>() + size_of::<f64>() + size_of::<f32>();
        size_of::<PatientState>()
            + self.len() * token
            + self.hidden.len() * size_of::<f32>()
            + self.kept.bytes()
    }

    /// The record `sequence`, of which this one's first `shared` tokens were read, and one more token at least is not, unless
    /// it is this very record.
    fn resumed(&self, sequence: &Sequence<'_>, window: Window, shared: usize) -> PatientState {
        let n = sequence.len();
        let mut state = of(sequence, window, self.kept.clone());
        if shared == n && self.len() == n {
            state.hidden.clone_from(&self.hidden);
        } else {
            // Only the whole record's last hidden state is known, so the last token is read in any case.
            state.kept.truncate(shared.min(n - 1));
        }
        state
    }
}

fn of(sequence: &Sequence<'_>, window: Window, kept: AnyKept) -> PatientState {
    PatientState {
        code: sequence.code.to_vec(),
        age_days: sequence.age_days.to_vec(),
        value: sequence.value.to_vec(),
        static_len: sequence.static_len,
        birth_known: sequence.birth_known,
        window,
        kept,
        hidden: Vec::new(),
    }
}

impl Model {
    /// [`Model::read`], except that a record goes on from where an earlier one with the same beginning was read to, so that only what
    /// is new costs a pass. The answer is that of reading it whole, up to the rounding of sums in another order. A record that
    /// doesn't fit the context is read whole, since what of it is seen depends on where it ends. The states are those of `records`, in
    /// order, each with the number of tokens that were not read again.
    ///
    /// # Errors
    /// [`Error::Sequence`](crate::Error::Sequence) for an unusable sequence.
    pub fn read_on(
        &self,
        records: &[(Sequence<'_>, Option<&PatientState>)],
    ) -> Result<Vec<(PatientState, usize)>> {
        let mut states = Vec::with_capacity(records.len());
        for (sequence, earlier) in records {
            check_sequence(&self.config, sequence)?;
            let window = Window::ending_at(sequence, sequence.len() - 1, self.config.context);
            let earlier =
                earlier.filter(|earlier| self.is_whole(sequence) && earlier.window.is_whole(earlier));
            let state = match earlier.map(|earlier| (earlier, earlier.shared_with(sequence))) {
                Some((earlier, shared)) if shared > 0 => earlier.resumed(sequence, window, shared),
                _ => of(sequence, window, self.keeper.nothing()),
            };
            let known = state.kept.len();
            states.push((state, known));
        }
        let unread = states.iter_mut().map(|(state, _)| state).filter(|state| state.hidden.is_empty());
        self.catch_up(&mut unread.collect::<Vec<_>>());
        Ok(states)
    }

    /// Does all of the record fit the context, so that it is seen from its beginning wherever it ends?
    pub fn is_whole(&self, sequence: &Sequence<'_>) -> bool {
        sequence.len() <= self.config.context && sequence.static_len <= self.config.context / 2
    }
}

impl Window {
    fn is_whole(&self, state: &PatientState) -> bool {
        self.tokens() == state.len()
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{Life, agree, model};
    use super::*;
    use proptest::prelude::*;

    fn risk(model: &Model, state: &PatientState) -> crate::RiskTable {
        model.risk_of(state, None).unwrap()
    }

    #[test]
    fn going_on_is_reading_whole() {
        let model = model(256);
        let life = Life::new(2, 14);
        let n = life.code.len();
        let earlier = model.read(&[life.until(n - 9)]).unwrap().remove(0);
        let expected = model.risk(&[life.until(n)], None).unwrap().remove(0);
        let (state, known) = model.read_on(&[(life.until(n), Some(&earlier))]).unwrap().remove(0);
        assert_eq!((state.len(), known), (n, n - 9));
        agree(&risk(&model, &state), &expected);
        // The earlier one is as it was.
        agree(&risk(&model, &earlier), &model.risk(&[life.until(n - 9)], None).unwrap()[0]);
        // The same record again takes no pass, and a shorter one takes one token.
        let (again, known) = model.read_on(&[(life.until(n), Some(&state))]).unwrap().remove(0);
        assert_eq!(known, n);
        assert_eq!(again.hidden, state.hidden);
        let (shorter, known) = model.read_on(&[(life.until(n - 3), Some(&state))]).unwrap().remove(0);
        assert_eq!(known, n - 4);
        agree(&risk(&model, &shorter), &model.risk(&[life.until(n - 3)], None).unwrap()[0]);
    }

    #[test]
    fn records_that_are_known_in_part_wholly_or_not_at_all_are_read_together_in_order() {
        let model = model(256);
        let lives: Vec<_> = (1..7).map(|seed| Life::new(seed, 8 + seed as usize)).collect();
        let ends: Vec<usize> = lives.iter().map(|life| life.code.len()).collect();
        let earlier: Vec<_> = lives
            .iter()
            .zip(&ends)
            .enumerate()
            .map(|(i, (life, n))| model.read(&[life.until(n - [0, 4, 1][i % 3])]).unwrap().remove(0))
            .collect();
        let records: Vec<_> = lives
            .iter()
            .zip(&ends)
            .zip(&earlier)
            .enumerate()
            .map(|(i, ((life, n), earlier))| (life.until(*n), (i != 3).then_some(earlier)))
            .collect();
        let states = model.read_on(&records).unwrap();
        let whole: Vec<_> = records.iter().map(|(sequence, _)| *sequence).collect();
        for ((state, _), expected) in states.iter().zip(model.risk(&whole, None).unwrap()) {
            agree(&risk(&model, state), &expected);
        }
        let known: Vec<_> = states.iter().map(|(_, known)| *known).collect();
        assert_eq!(known, [ends[0], ends[1] - 4, ends[2] - 1, 0, ends[4] - 4, ends[5] - 1]);
    }

    #[test]
    fn a_record_that_outgrows_the_context_is_read_as_risk_reads_it() {
        let model = model(16);
        let life = Life::new(3, 12);
        let n = life.code.len();
        assert!(n > 16);
        let earlier = model.read(&[life.until(14)]).unwrap().remove(0);
        for end in [15, 16, 17, n] {
            let (state, known) = model.read_on(&[(life.until(end), Some(&earlier))]).unwrap().remove(0);
            assert_eq!(known, if end <= 16 { 14 } else { 0 });
            agree(&risk(&model, &state), &model.risk(&[life.until(end)], None).unwrap()[0]);
            // What was read of a window that moved is nobody's beginning.
            let (_, known) = model.read_on(&[(life.until(n - 1), Some(&state))]).unwrap().remove(0);
            assert_eq!(known, 0);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(16))]

        /// Whatever two records have in common, going on from one gives the other's answer.
        #[test]
        fn any_record_goes_on_from_any_other(
            seed in 1u32..40, groups in 1usize..20, cut in 1usize..60, changed in 0usize..60, half in any::<bool>(),
        ) {
            let whole = model(256);
            let precision = crate::inference::Precision {
                kept: if half { crate::inference::KeptPrecision::F16 } else { crate::inference::KeptPrecision::F32 },
                ..Default::default()
            };
            let model = whole.with_precision(precision).unwrap();
            let life = Life::new(seed, groups);
            let n = life.code.len();
            let mut other = Life::new(seed, groups);
            if let Some(code) = other.code.get_mut(changed).filter(|code| **code > 2) {
                *code = 3 + (*code - 2) % 9;
            }
            let earlier = model.read(&[other.until(cut.min(n))]).unwrap().remove(0);
            let (state, known) = model.read_on(&[(life.until(n), Some(&earlier))]).unwrap().remove(0);
            prop_assert!(known <= earlier.shared_with(&life.until(n)));
            let (got, expected) = (risk(&model, &state), model.risk(&[life.until(n)], None).unwrap().remove(0));
            let slack = if half { 2e-3 } else { 1e-5 };
            for ((_, a), (_, b)) in got.rows().zip(expected.rows()) {
                prop_assert!(a.iter().zip(b).all(|(a, b)| (a - b).abs() < slack), "{:?} {:?}", a, b);
            }
        }
    }
}

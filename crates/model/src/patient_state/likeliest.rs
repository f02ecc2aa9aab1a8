//! The likeliest continuation of records, code by code.

use super::{PatientState, Token};
use crate::error::Result;
use crate::model::Model;
use crate::real::vectorised;
use rayon::prelude::*;

impl Model {
    /// The likeliest code of [`Model::next_code_logits`] after each state; of several the first.
    pub fn likeliest_codes(&self, states: &[PatientState]) -> Vec<u32> {
        let mut codes = vec![0; states.len()];
        let share = self.share(states.len());
        let parts = states.par_chunks(share).zip(codes.par_chunks_mut(share));
        parts.for_each(|(states, codes)| self.likeliest_into(states, codes));
        codes
    }

    /// `steps` times appends to each of some records what `token` makes of the code that is likeliest then, and reads it: as
    /// [`Model::likeliest_codes`] and [`Model::append`] in turn, but records are divided among threads once, which then do not
    /// wait for each other at every step.
    ///
    /// # Errors
    /// As [`Model::append`]; each record then holds what was appended before.
    pub fn append_likeliest(
        &self,
        states: &mut [PatientState],
        steps: usize,
        token: impl Fn(u32, &PatientState) -> Token + Sync,
    ) -> Result<()> {
        states.par_chunks_mut(self.share(states.len())).try_for_each(|states| {
            let (mut codes, mut tokens) = (vec![0; states.len()], Vec::with_capacity(states.len()));
            for _ in 0..steps {
                self.likeliest_into(states, &mut codes);
                tokens.clear();
                tokens.extend(codes.iter().zip(&*states).map(|(code, state)| token(*code, state)));
                self.extend(states, &tokens)?;
                self.catch_up_on(states, 1);
            }
            Ok(())
        })
    }

    /// [`Model::likeliest_codes`] on this thread.
    fn likeliest_into(&self, states: &[PatientState], codes: &mut [u32]) {
        let vocabulary = self.config().vocabulary_size;
        // Few enough rows that their logits stay near.
        for (states, codes) in states.chunks(LOGIT_ROWS).zip(codes.chunks_mut(LOGIT_ROWS)) {
            self.with_reader(|reader| {
                let logits = reader.logits(states.len() * vocabulary);
                self.head_logits(states, logits);
                for (code, row) in codes.iter_mut().zip(logits.chunks_exact(vocabulary)) {
                    *code = greatest(row) as u32;
                }
            });
        }
    }
}

/// Rows of logits that are worked out before their greatest are looked for.
const LOGIT_ROWS: usize = 96;

/// The place of the greatest of some numbers; of several the first.
fn greatest(row: &[f32]) -> usize {
    vectorised(
        #[inline(always)]
        || {
            let mut lanes = [f32::NEG_INFINITY; 16];
            let (lines, rest) = row.as_chunks::<16>();
            for line in lines {
                for (lane, value) in lanes.iter_mut().zip(line) {
                    *lane = if *value > *lane { *value } else { *lane };
                }
            }
            let greatest = lanes.into_iter().chain(rest.iter().copied()).fold(f32::NEG_INFINITY, f32::max);
            row.iter().position(|value| *value == greatest).unwrap_or(0)
        },
    )
}

#[cfg(test)]
mod tests {
    use super::super::tests::{Life, model};
    use super::*;

    #[test]
    fn going_on_alone_is_going_on_together() {
        let model = model(40);
        let lives = [1, 2, 3, 4, 5].map(|seed| Life::new(seed, 6));
        let sequences: Vec<_> = lives.iter().map(|life| life.until(9)).collect();
        let token = |code: u32, state: &PatientState| Token {
            code,
            age_days: state.age_days[state.len() - 1] + 1.0,
            value: if code == 0 { 1.0 } else { f32::NAN },
        };
        let mut together = model.read(&sequences).unwrap();
        // Long enough that the context overflows.
        for _ in 0..50 {
            let codes = model.likeliest_codes(&together);
            let tokens: Vec<Token> =
                codes.iter().zip(&together).map(|(code, state)| token(*code, state)).collect();
            model.append(&mut together, &tokens).unwrap();
        }
        for threads in [1, 2, 3] {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let mut alone = model.read(&sequences).unwrap();
            pool.install(|| model.append_likeliest(&mut alone, 50, token)).unwrap();
            for (alone, together) in alone.iter().zip(&together) {
                assert_eq!((&alone.code, &alone.hidden), (&together.code, &together.hidden));
            }
        }
    }
}

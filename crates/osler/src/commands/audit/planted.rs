//! Are canaries remembered?

use super::Job;
use crate::canaries::{Canaries, CanaryTokens};
use ::evaluate::privacy::{CanaryGroup, canaries};
use anyhow::Result;
use rayon::prelude::*;
use std::collections::BTreeMap;

/// Says how.
pub(super) fn method(canaries: &Canaries) -> String {
    format!(
        "{} random sequences of nine codes, a month apart, drawn evenly from the vocabulary, were planted; each is ranked \
         by the log-likelihood of its codes after the first among sequences drawn the same way that were not (Carlini et \
         al. 2019, exposure by sampling). Under no memory the sum of n exposures, in natural units, is Gamma(n, 1).",
        canaries.planted.len()
    )
}

impl Job<'_> {
    pub(super) fn planted(&self, planted: &Canaries) -> Result<Vec<CanaryGroup>> {
        let vocabulary = self.directory.tokenizer.vocabulary();
        let references = self.secrets(&planted.references(self.arguments.canary_references, vocabulary)?)?;
        let mut by_repeats: BTreeMap<u32, Vec<CanaryTokens>> = BTreeMap::new();
        for canary in &planted.planted {
            by_repeats.entry(canary.repeats).or_default().push(canary.tokens(vocabulary, 0)?);
        }
        by_repeats
            .iter()
            .map(|(repeats, tokens)| {
                Ok(canaries(*repeats, &self.secrets(tokens)?, &references, &self.bootstrap))
            })
            .collect()
    }

    /// The log-likelihood of each sequence's codes, given when they stand; the first code is given too.
    fn secrets(&self, sequences: &[CanaryTokens]) -> Result<Vec<f64>> {
        let one = |tokens: &CanaryTokens| {
            let found = self.directory.model.event_log_likelihoods(&tokens.as_sequence())?;
            Ok(found.events.iter().map(|event| event.code).sum())
        };
        sequences.par_iter().map(one).collect()
    }
}

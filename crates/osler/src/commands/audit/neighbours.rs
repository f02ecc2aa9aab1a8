//! Are simulated patients near-copies of training records?

use super::Job;
use super::people::People;
use crate::commands::simulate;
use crate::progress::grouped;
use ::evaluate::privacy::{Neighbours, Profile, neighbours};
use anyhow::Result;
use events::Split;
use model::{HORIZON_DAYS, SimulateOptions};
use timeline::{Sequence, Vocabulary};

/// Records with fewer distinct codes say little of anybody.
const FEWEST_CODES: usize = 3;

pub(super) const METHOD: &str = "Patients are simulated from the first moment of tuning subjects, who are neither trained on nor \
    held out, over ten years (or as many tokens as the model can draw), and set beside the same stretch of real records; \
    the first moment itself is left out. Distance: 1 − Σ min / Σ max of ln(1 + how often) over codes (Ruzicka, weighted \
    Jaccard). Records with fewer than three distinct codes are left out. Test: labels of training and held-out are \
    permuted over the real records, which is exact where the split is by chance. Mean distances compare as many training \
    records at a time as are held out.";

impl Job<'_> {
    /// The nearest records, or why there are none.
    pub(super) fn neighbours(&self) -> Result<Result<Neighbours, String>> {
        let tuning = self.timeline.split(Split::Tuning);
        if tuning.is_empty() || self.arguments.simulated == 0 {
            return Ok(Err(
                "It starts from tuning subjects, and --simulated patients; there are none.".to_owned()
            ));
        }
        let horizon = HORIZON_DAYS[HORIZON_DAYS.len() - 1];
        let vocabulary = self.directory.tokenizer.vocabulary();
        let starts: Vec<Sequence<'_>> = (0..tuning.len())
            .take(self.arguments.simulated)
            .map(|i| tuning.sequence(i))
            .map(|s| up_to(s, first_moment(&s)))
            .collect();
        let options = SimulateOptions {
            trajectories: self.arguments.simulated.div_ceil(starts.len()),
            seed: self.arguments.seed,
            horizons_days: vec![horizon],
            most_tokens: (self.directory.model.config().context / 2).min(512),
            impossible: simulate::never_drawn(vocabulary),
            valued_share: simulate::valued_shares(vocabulary),
            ..SimulateOptions::default()
        };
        let bar = self.voice.count("simulating", starts.len() as u64);
        let mut simulated = Vec::new();
        for chunk in starts.chunks(64) {
            for subject in self.directory.model.simulate(chunk, &options)? {
                simulated.extend(subject.trajectories.iter().map(|t| {
                    Profile::new(t.tokens.iter().map(|token| token.code).filter(|c| *c != Vocabulary::TIME))
                }));
            }
            bar.add(chunk.len() as u64);
        }
        simulated.retain(|profile| profile.len() >= FEWEST_CODES);
        let people = People::choose(self.timeline, self.arguments.subjects, self.arguments.seed);
        let real = |sequences: &[Sequence<'_>]| -> Vec<Profile> {
            let profiles = sequences.iter().map(|s| Profile::new(later_codes(s, horizon)));
            profiles.filter(|profile| profile.len() >= FEWEST_CODES).collect()
        };
        let (training, held_out) = (real(&people.members), real(&people.outsiders));
        Ok(neighbours(&simulated, &training, &held_out, &self.bootstrap).ok_or_else(|| {
            format!(
                "Too few records have three distinct codes: {} simulated, {} training, {} held-out.",
                grouped(simulated.len() as u64),
                grouped(training.len() as u64),
                grouped(held_out.len() as u64)
            )
        }))
    }
}

/// Tokens of the first moment, static facts included.
fn first_moment(sequence: &Sequence<'_>) -> usize {
    sequence.code.iter().position(|code| *code == Vocabulary::TIME).unwrap_or(sequence.len())
}

fn up_to<'a>(sequence: Sequence<'a>, end: usize) -> Sequence<'a> {
    let age = sequence.age_days[..end].last().copied().unwrap_or(0.0);
    Sequence {
        code: &sequence.code[..end],
        age_days: &sequence.age_days[..end],
        value: &sequence.value[..end],
        static_len: sequence.static_len.min(end),
        followup_end_age_days: age,
        died: false,
        ..sequence
    }
}

/// The codes after the first moment, within so many days of it.
fn later_codes<'a>(sequence: &Sequence<'a>, days: f64) -> impl Iterator<Item = u32> + use<'a> {
    let begin = first_moment(sequence);
    let last = sequence.age_days[..begin].last().copied().unwrap_or(0.0) + days;
    let tokens = sequence.code[begin..].iter().zip(&sequence.age_days[begin..]);
    tokens.filter(move |(code, age)| **code != Vocabulary::TIME && **age <= last).map(|(code, _)| *code)
}

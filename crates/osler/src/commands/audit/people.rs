//! Who is attacked, and how well a model likes their records.

use crate::progress::Voice;
use anyhow::Result;
use events::Split;
use model::Model;
use rayon::prelude::*;
use timeline::{Sequence, SplitTimeline, Timeline};

/// Records scored between two steps of the bar.
const CHUNK: usize = 256;

/// Training subjects, and subjects that were held out; borrowed from files on disk.
pub(super) struct People<'a> {
    pub(super) members: Vec<Sequence<'a>>,
    pub(super) outsiders: Vec<Sequence<'a>>,
}

impl<'a> People<'a> {
    /// At most `most` of each, at random.
    pub(super) fn choose(timeline: &'a Timeline, most: usize, seed: u64) -> Self {
        let of = |split| chosen(timeline.split(split), most, seed);
        People { members: of(Split::Train), outsiders: of(Split::HeldOut) }
    }

    /// All of them: members, then outsiders.
    pub(super) fn all(&self) -> impl Iterator<Item = &Sequence<'a>> {
        self.members.iter().chain(&self.outsiders)
    }

    /// Everybody's mean log-likelihood an event, in the order of [`People::all`]; none for records without an event to
    /// score.
    pub(super) fn scores(
        &self,
        model: &Model,
        label: &'static str,
        voice: Voice,
    ) -> Result<Vec<Option<f64>>> {
        let all: Vec<Sequence<'_>> = self.all().copied().collect();
        let bar = voice.count(label, all.len() as u64);
        let mut scores = Vec::with_capacity(all.len());
        for chunk in all.chunks(CHUNK) {
            let each = chunk.par_iter().map(|sequence| {
                let total = model.event_log_likelihoods(sequence)?.total();
                Ok((total.events > 0).then(|| total.total() / total.events as f64))
            });
            scores.extend(each.collect::<Result<Vec<_>, model::Error>>()?);
            bar.add(chunk.len() as u64);
        }
        Ok(scores)
    }
}

/// A number that belongs to a seed, a purpose and a subject.
pub(super) fn drawn(seed: u64, purpose: &str, subject_id: i64) -> u64 {
    let mut hasher = blake3::Hasher::new_derive_key("osler audit");
    hasher.update(&seed.to_le_bytes()).update(&subject_id.to_le_bytes()).update(purpose.as_bytes());
    let mut bytes = [0; 8];
    bytes.copy_from_slice(&hasher.finalize().as_bytes()[..8]);
    u64::from_le_bytes(bytes)
}

fn chosen(split: &SplitTimeline, most: usize, seed: u64) -> Vec<Sequence<'_>> {
    let mut places: Vec<(u64, usize)> =
        split.sequences().enumerate().map(|(i, s)| (drawn(seed, "subjects", s.subject_id), i)).collect();
    places.sort_unstable();
    places.truncate(most);
    let mut places: Vec<usize> = places.into_iter().map(|(_, i)| i).collect();
    places.sort_unstable();
    places.into_iter().map(|i| split.sequence(i)).collect()
}

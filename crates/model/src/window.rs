//! Which tokens of a long sequence are seen together: its static facts and a stretch of the rest.

use crate::random::{self, Purpose};
use timeline::Sequence;

/// The first `statics` tokens and those from `start` to `end`; the likelihood is scored from token
/// `scored_from` on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Window {
    pub(crate) statics: usize,
    pub(crate) start: usize,
    pub(crate) end: usize,
    pub(crate) scored_from: usize,
}

impl Window {
    /// The whole sequence. Without static facts the first token is given, not scored.
    pub(crate) fn whole(sequence: &Sequence<'_>) -> Self {
        let statics = sequence.static_len;
        Window { statics, start: statics, end: sequence.len(), scored_from: statics.max(1) }
    }

    /// The last `context` tokens up to and including `position`, static facts included.
    pub(crate) fn ending_at(sequence: &Sequence<'_>, position: usize, context: usize) -> Self {
        let end = position + 1;
        let statics = kept_statics(sequence, context).min(end);
        let start = sequence.static_len.min(end).max((end + statics).saturating_sub(context));
        Window { statics, start, end, scored_from: end }
    }

    pub(crate) fn tokens(&self) -> usize {
        self.statics + self.end - self.start
    }

    /// Place in the sequence of the last token seen.
    pub(crate) fn last(&self) -> usize {
        if self.start < self.end { self.end - 1 } else { self.statics.saturating_sub(1) }
    }

    /// Place of a token of the sequence within the window; of static facts left out, that of the last one kept.
    pub(crate) fn row_of(&self, place: usize) -> usize {
        if place < self.statics {
            place
        } else if place < self.start {
            self.statics.saturating_sub(1)
        } else {
            self.statics + place - self.start
        }
    }
}

/// Static facts may fill half of the context.
fn kept_statics(sequence: &Sequence<'_>, context: usize) -> usize {
    sequence.static_len.min(context / 2)
}

/// Windows that score every token once, each but the first seeing half a context before what it scores.
pub(crate) fn scoring(sequence: &Sequence<'_>, context: usize) -> Vec<Window> {
    cover(sequence, context, |_| (context - kept_statics(sequence, context)) / 2, None)
}

/// Windows of one epoch: cut at an offset that changes with the epoch, so that over time every token is seen
/// with every amount of history. Neighbours share a quarter.
pub(crate) fn training(
    sequence: &Sequence<'_>,
    context: usize,
    seed: u64,
    epoch: u64,
    subject: usize,
) -> Vec<Window> {
    let key = random::key(seed, Purpose::WindowOffset, &[epoch, subject as u64]);
    let room = context - kept_statics(sequence, context);
    let first = (room / 2).max(2) + random::below(key, 0, room / 2);
    cover(sequence, context, |_| room / 4, Some(first))
}

fn cover(
    sequence: &Sequence<'_>,
    context: usize,
    shared: impl Fn(usize) -> usize,
    first: Option<usize>,
) -> Vec<Window> {
    let statics = kept_statics(sequence, context);
    let room = context - statics;
    let (begin, len) = (sequence.static_len, sequence.len());
    if len - begin <= room {
        let whole = Window::whole(sequence);
        return vec![Window { statics, ..whole }];
    }
    let mut windows = Vec::new();
    let mut end = (begin + first.unwrap_or(room).min(room)).min(len);
    windows.push(Window {
        statics,
        start: begin,
        end,
        scored_from: if statics > 0 { begin } else { begin + 1 },
    });
    while end < len {
        // At least one shared token, from which the first scored one is predicted.
        let start = end - shared(end).clamp(1, room - 1).min(end - begin);
        let next = (start + room).min(len);
        windows.push(Window { statics, start, end: next, scored_from: end });
        end = next;
    }
    windows
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_token_is_scored_exactly_once(len in 1_usize..300, statics in 0_usize..20, context in 4_usize..64, epoch in 0_u64..5) {
            let statics = statics.min(len);
            let (code, age, value) = (vec![0; len], vec![0.0; len], vec![f32::NAN; len]);
            let sequence = Sequence {
                subject_id: 0, code: &code, age_days: &age, value: &value, static_len: statics,
                followup_end_age_days: 0.0, died: false, birth_known: true,
            };
            for windows in [scoring(&sequence, context), training(&sequence, context, 9, epoch, 3)] {
                let mut next = statics.max(1);
                for w in &windows {
                    prop_assert!(w.tokens() <= context && w.start <= w.end);
                    prop_assert!(w.scored_from >= w.start.max(1) && w.row_of(w.scored_from) >= 1);
                    prop_assert_eq!(w.scored_from, next);
                    next = w.end.max(next);
                }
                prop_assert_eq!(next, len.max(statics.max(1)));
            }
            let w = Window::ending_at(&sequence, len - 1, context);
            prop_assert!(w.tokens() <= context && w.tokens() >= 1 && w.end == len);
        }
    }
}

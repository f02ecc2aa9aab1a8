//! Moments between events, at which nothing has happened for a while.
//!
//! A record as it stands at a prediction time mostly ends in a stretch without events, a closing `TIME` token
//! ([`crate::Tokenizer::tokenize_until`]), while in a whole record an event follows every `TIME` at once. A
//! model that has only seen the latter would take a closing `TIME` as a sign that something is happening now.
//! Splitting some stretches in training shows it the former: `… A TIME(30) B …` becomes
//! `… A TIME(12) TIME(18) B …`.
//!
//! For a likelihood this loses nothing: a `TIME` that is followed by another, or by the end, says that at least
//! its gap passed without an event (a censored wait), and the next one goes on from there. That holds only if where
//! a stretch is split says nothing of how long it will last (independent censoring and truncation: Andersen et al.,
//! "Statistical Models Based on Counting Processes", 1993, III.2). Minutes after the last event count too: an answer is mostly
//! wanted when a visit has just ended, and a `TIME` of minutes that was always followed by more of the same visit would
//! tell the model that the visit goes on. So a landmark's distance from the last event is
//! drawn before looking at the stretch, and it is there if the stretch lasts that long. A landmark at a uniform share of
//! the stretch would end some waits early and lengthen none: with a share `s` split, the hazard after events would
//! be learned as `(1 − s) / (1 − s/2)` of what it is, and that after landmarks as too high.

use crate::random::SplitMix64;
use crate::{Sequence, TokenBuffer, Vocabulary};

/// Which stretches are split.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(default)]
pub struct LandmarkOptions {
    /// Share of the stretches, the one up to the end of follow-up among them, that are split if they last long
    /// enough.
    pub share: f64,
    /// Least time between the last event and a landmark, in days.
    pub minimum_gap_days: f64,
    /// Longest such time; between the two every order of magnitude is as likely.
    pub maximum_gap_days: f64,
}

impl Default for LandmarkOptions {
    fn default() -> Self {
        LandmarkOptions { share: 0.3, minimum_gap_days: 0.002, maximum_gap_days: 3652.5 }
    }
}

/// The sequence with some of its stretches without events split, in `buffer`, at a moment that does not depend on
/// how long they last. The same seed splits the same subject alike, whatever was split before.
pub fn with_landmarks<'a>(
    sequence: &Sequence<'a>,
    options: &LandmarkOptions,
    seed: u64,
    buffer: &'a mut TokenBuffer,
) -> Sequence<'a> {
    let mut random = SplitMix64::new(&[seed, sequence.subject_id as u64]);
    let magnitudes = (options.maximum_gap_days / options.minimum_gap_days).ln();
    let mut landmark = |from: f64, to: f64| {
        let chosen = random.uniform() < options.share;
        let at = from + options.minimum_gap_days * (random.uniform() * magnitudes).exp();
        // Both parts must be gaps still, in the precision in which tokens hold them.
        (chosen && (at - from) as f32 > 0.0 && (to - at) as f32 > 0.0).then_some(at)
    };
    buffer.clear();
    for (i, ((&code, &age_days), &value)) in
        sequence.code.iter().zip(sequence.age_days).zip(sequence.value).enumerate()
    {
        let split = match i.checked_sub(1).map(|before| sequence.age_days[before]) {
            Some(before) if code == Vocabulary::TIME => landmark(before, age_days).map(|at| (before, at)),
            _ => None,
        };
        match split {
            Some((before, at)) => {
                buffer.push(Vocabulary::TIME, at, (at - before) as f32);
                buffer.push(code, age_days, (age_days - at) as f32);
            }
            None => buffer.push(code, age_days, value),
        }
    }
    // After death nothing passes, and without a dated event nothing has begun.
    if let Some(&last) = sequence.age_days[sequence.static_len..].last()
        && !sequence.died
        && let Some(at) = landmark(last, sequence.followup_end_age_days)
    {
        buffer.push(Vocabulary::TIME, at, (at - last) as f32);
    }
    Sequence { code: &buffer.code, age_days: &buffer.age_days, value: &buffer.value, ..*sequence }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{any_subject, event, subject, tokenizer, words};
    use proptest::prelude::*;

    const ALWAYS: LandmarkOptions =
        LandmarkOptions { share: 1.0, minimum_gap_days: 1e-3, maximum_gap_days: 10.0 };

    #[test]
    fn stretches_are_split_and_the_last_one_is_left_open() {
        let record =
            subject(1, vec![event(0.0, "A//1"), event(30.0, "A//2"), event(90.0, "OSLER_FOLLOWUP_END")]);
        let tokenizer = tokenizer(std::slice::from_ref(&record), 1);
        let tokens = tokenizer.tokenize(&record);
        let mut buffer = TokenBuffer::default();
        let split = with_landmarks(&tokens.as_sequence(), &ALWAYS, 5, &mut buffer);
        assert_eq!(words(&tokenizer, split.code), "A//1 TIME TIME A//2 TIME");
        assert!((split.value[1] + split.value[2] - 30.0).abs() < 1e-4);
        assert!(split.age_days[4] > 30.0 && split.age_days[4] < 90.0);
        let age_days = split.age_days.to_vec();
        let again = with_landmarks(&tokens.as_sequence(), &ALWAYS, 5, &mut buffer);
        assert_eq!(again.age_days, age_days);
    }

    #[test]
    fn landmarks_leave_the_hazard_as_it_is() {
        // Ten thousand waits of a constant hazard, some cut off by the end of follow-up.
        let hazard = 1.0 / 200.0;
        let mut random = SplitMix64::new(&[8]);
        let options = LandmarkOptions { share: 0.5, ..LandmarkOptions::default() };
        let mut buffer = TokenBuffer::default();
        // Events and days waited, after events and after landmarks.
        let (mut events, mut waited, mut splits) = ([0.0; 2], [0.0; 2], 0);
        for id in 0..10_000 {
            let (gap, end) = (-(1.0 - random.uniform()).ln() / hazard, 400.0 * random.uniform());
            let seen = gap < end;
            let (code, age_days) = ([3, Vocabulary::TIME, 4], [0.0, gap, gap]);
            let value = [f32::NAN, gap as f32, f32::NAN];
            let n = if seen { 3 } else { 1 };
            let sequence = Sequence {
                subject_id: id,
                code: &code[..n],
                age_days: &age_days[..n],
                value: &value[..n],
                static_len: 0,
                followup_end_age_days: gap.min(end),
                died: false,
                birth_known: true,
            };
            let split = with_landmarks(&sequence, &options, 1, &mut buffer);
            let landmark = (split.len() > n).then(|| split.age_days[1]);
            let stop = gap.min(end);
            splits += usize::from(landmark.is_some());
            waited[0] += landmark.unwrap_or(stop);
            waited[1] += landmark.map_or(0.0, |at| stop - at);
            events[usize::from(landmark.is_some())] += f64::from(u8::from(seen));
        }
        assert!(splits > 2_000, "{splits}");
        for (events, waited) in events.into_iter().zip(waited) {
            let (found, error) = (events / waited, hazard / f64::sqrt(events));
            assert!((found - hazard).abs() < 3.0 * error, "{found} for {hazard} ± {error}");
        }
    }

    proptest! {
        #[test]
        fn taking_the_landmarks_out_again_gives_the_record(record in any_subject(), seed: u64, share in 0.0..=1.0f64) {
            let tokens = tokenizer(std::slice::from_ref(&record), 1).tokenize(&record);
            let options = LandmarkOptions { share, ..ALWAYS };
            let mut buffer = TokenBuffer::default();
            let split = with_landmarks(&tokens.as_sequence(), &options, seed, &mut buffer);
            let is_landmark = |i: &usize| {
                split.code[*i] == Vocabulary::TIME && split.code.get(i + 1).is_none_or(|&next| next == Vocabulary::TIME)
            };
            let kept: Vec<usize> = (0..split.len()).filter(|i| !is_landmark(i)).collect();
            prop_assert_eq!(kept.iter().map(|&i| split.code[i]).collect::<Vec<_>>(), tokens.code.clone());
            prop_assert_eq!(kept.iter().map(|&i| split.age_days[i]).collect::<Vec<_>>(), tokens.age_days.clone());
            for i in 1..split.len() {
                if split.code[i] == Vocabulary::TIME {
                    let passed = split.age_days[i] - split.age_days[i - 1];
                    prop_assert!(split.value[i] > 0.0);
                    prop_assert!((f64::from(split.value[i]) - passed).abs() <= 1e-6 * passed.max(1e-3));
                }
            }
            prop_assert!(split.age_days.last().is_none_or(|&age| age <= split.followup_end_age_days));
        }
    }
}

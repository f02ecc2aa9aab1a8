//! Records without some of their tokens, as if those had never been written down.

use super::PatientState;
use crate::config::Config;
use crate::inference::AnyKept;
use crate::window::Window;
use rustc_hash::FxHashSet;
use timeline::Sequence;

/// What is left of a record.
#[derive(Clone, Debug, PartialEq)]
struct Rest {
    code: Vec<u32>,
    age_days: Vec<f64>,
    value: Vec<f32>,
    static_len: usize,
    /// Which tokens of the whole record these are.
    places: Vec<usize>,
}

/// Takes tokens out. Where a whole moment goes, the gaps around it become one; where it was the first, the record
/// begins at the next and static facts stand at its age; where it was the last, the gap before it stays, so that the
/// question is still asked at the same age. Nothing if nothing is left.
fn rest_of(sequence: &Sequence<'_>, time_code: u32, removed: &[usize]) -> Option<Rest> {
    let mut gone = vec![false; sequence.len()];
    for place in removed {
        *gone.get_mut(*place)? = true;
    }
    let mut rest =
        Rest { code: Vec::new(), age_days: Vec::new(), value: Vec::new(), static_len: 0, places: Vec::new() };
    let (mut begun, mut hole) = (false, false);
    for (place, gone) in gone.into_iter().enumerate() {
        let dated = place >= sequence.static_len;
        let (code, age_days, mut value) =
            (sequence.code[place], sequence.age_days[place], sequence.value[place]);
        if gone {
            hole |= dated;
            continue;
        }
        if dated && code == time_code {
            if !begun {
                continue;
            }
            let merges = hole && rest.code.last() == Some(&time_code);
            if merges {
                rest.pop();
                let before = rest.age_days.last().copied().unwrap_or(age_days);
                value = (age_days - before) as f32;
            }
            hole = false;
        } else if dated {
            if !begun {
                // Static facts stand at the age at which the record begins.
                rest.age_days.fill(age_days);
            }
            (begun, hole) = (true, false);
        } else {
            rest.static_len += 1;
        }
        rest.code.push(code);
        rest.age_days.push(age_days);
        rest.value.push(value);
        rest.places.push(place);
    }
    (!rest.code.is_empty()).then_some(rest)
}

impl Rest {
    fn pop(&mut self) {
        self.code.pop();
        self.age_days.pop();
        self.value.pop();
        self.places.pop();
    }
}

impl PatientState {
    /// The record without some of its tokens, read only as far as it is the same as this one; what comes after is
    /// still to be read. Tokens before what was read go from what is known alone. Nothing if nothing is left.
    pub(super) fn without(&self, config: &Config, removed: &[usize]) -> Option<PatientState> {
        let rest = rest_of(&self.sequence(), config.time_code, removed)?;
        let before = |bound: usize| rest.places.partition_point(|place| *place < bound);
        let (statics, start, end) = (before(self.window.statics), before(self.window.start), rest.code.len());
        let window = Window { statics, start: start.max(rest.static_len), end, scored_from: end };
        let same = |(a, b): &(usize, usize)| {
            rest.code[*a] == self.code[*b]
                && rest.age_days[*a] == self.age_days[*b]
                && rest.value[*a].to_bits() == self.value[*b].to_bits()
        };
        let rows = (0..window.statics).chain(window.start..window.end);
        let shared = match rest.age_days[0] == self.age_days[0] {
            true => rows.zip(self.places_read()).take_while(same).count(),
            // Positions count from the first token's age.
            false => 0,
        };
        let mut kept = self.kept.clone();
        // The last token is read again, since only the whole record's hidden state is known.
        kept.truncate(shared.min(window.tokens() - 1));
        Some(PatientState {
            code: rest.code,
            age_days: rest.age_days,
            value: rest.value,
            static_len: rest.static_len,
            birth_known: self.birth_known,
            window,
            kept,
            hidden: Vec::new(),
        })
    }

    /// Which places hold the last of their code, or the last rank of it: what has occurred and was measured last is the same
    /// without any other.
    pub(super) fn lasting(&self) -> Vec<bool> {
        let mut lasting = vec![false; self.len()];
        let (mut seen, mut ranked) = (FxHashSet::default(), FxHashSet::default());
        for place in (0..self.len()).rev() {
            let code = self.code[place];
            let last = seen.insert(code);
            lasting[place] = (self.value[place].is_finite() && ranked.insert(code)) || last;
        }
        lasting
    }

    /// Tokens that the blocks have not read.
    pub(super) fn unread(&self) -> usize {
        self.window.tokens() - self.kept.len()
    }

    /// The last rank of a code among the tokens read, or NaN.
    pub(super) fn last_rank(&self, code: u32) -> f32 {
        let places: Vec<usize> = self.places_read().collect();
        let valued = |place: &&usize| self.code[**place] == code && self.value[**place].is_finite();
        places.iter().rev().find(valued).map_or(f32::NAN, |place| self.value[*place].clamp(0.0, 1.0))
    }
}

impl AnyKept {
    /// Forgets all but the first `tokens`.
    pub(super) fn truncate(&mut self, tokens: usize) {
        match self {
            AnyKept::Whole(kept) => kept.truncate(tokens),
            AnyKept::Half(kept) => kept.truncate(tokens),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIME: u32 = 0;

    fn rest(removed: &[usize]) -> Option<Rest> {
        let code = [9, 3, 4, TIME, 5, TIME, 6, 7, TIME, TIME];
        let age = [10.0, 10.0, 10.0, 30.0, 30.0, 70.0, 70.0, 70.0, 80.0, 95.0];
        let nan = f32::NAN;
        let value = [nan, 0.5, nan, 20.0, nan, 40.0, nan, nan, 10.0, 15.0];
        let sequence = Sequence {
            subject_id: 1,
            code: &code,
            age_days: &age,
            value: &value,
            static_len: 1,
            followup_end_age_days: 95.0,
            died: false,
            birth_known: true,
        };
        rest_of(&sequence, TIME, removed)
    }

    fn told(removed: &[usize]) -> (Vec<u32>, Vec<f32>) {
        let rest = rest(removed).unwrap();
        let gaps = rest.code.iter().zip(&rest.value).filter(|(c, _)| **c == TIME).map(|(_, v)| *v).collect();
        (rest.code, gaps)
    }

    #[test]
    fn gaps_around_an_emptied_moment_become_one() {
        assert_eq!(told(&[]), (vec![9, 3, 4, TIME, 5, TIME, 6, 7, TIME, TIME], vec![20.0, 40.0, 10.0, 15.0]));
        assert_eq!(told(&[2]), (vec![9, 3, TIME, 5, TIME, 6, 7, TIME, TIME], vec![20.0, 40.0, 10.0, 15.0]));
        assert_eq!(told(&[4]), (vec![9, 3, 4, TIME, 6, 7, TIME, TIME], vec![60.0, 10.0, 15.0]));
        assert_eq!(told(&[4, 6, 7]), (vec![9, 3, 4, TIME, TIME], vec![70.0, 15.0]));
        assert!(rest(&[10]).is_none());
        assert!(rest(&(0..10).collect::<Vec<_>>()).is_none());
    }

    #[test]
    fn a_record_without_its_first_moment_begins_at_the_next() {
        let rest = rest(&[1, 2]).unwrap();
        assert_eq!(rest.code, [9, 5, TIME, 6, 7, TIME, TIME]);
        assert_eq!(rest.age_days[..2], [30.0, 30.0]);
        assert_eq!(rest.places, [0, 4, 5, 6, 7, 8, 9]);
        assert_eq!(told(&[1, 2, 4]).0, [9, 6, 7, TIME, TIME]);
    }
}

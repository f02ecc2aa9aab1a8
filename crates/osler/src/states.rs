//! What the model has read lately, found by how a record begins: a chart that comes again with a few events more costs those
//! events. Bounded in bytes; what was used longest ago goes. Nobody's record quickens another caller's answer.

use model::PatientState;
use serve::KeptStates;
use std::collections::{BTreeMap, HashMap};
use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use timeline::{Sequence, Vocabulary};

/// States of records, by their beginnings.
pub struct States {
    most_bytes: usize,
    /// Random, so that nobody outside can make beginnings meet. Those that do meet are told apart by their tokens.
    hasher: RandomState,
    held: Mutex<Held>,
}

#[derive(Default)]
struct Held {
    states: HashMap<u64, One>,
    /// The state that was read last among those with a beginning.
    by_beginning: HashMap<u64, u64>,
    by_use: BTreeMap<u64, u64>,
    bytes: usize,
    count: u64,
    reused: u64,
    read: u64,
}

struct One {
    state: Arc<PatientState>,
    asker: Arc<str>,
    beginnings: Vec<u64>,
    used: u64,
    bytes: usize,
}

/// A state to go on from, and which it is.
pub struct Found {
    /// The state.
    pub state: Arc<PatientState>,
    id: u64,
}

impl States {
    /// At most so many bytes of states.
    pub fn new(most_bytes: usize) -> Self {
        States { most_bytes, hasher: RandomState::new(), held: Mutex::default() }
    }

    /// Is there no room for any?
    pub fn keeps_nothing(&self) -> bool {
        self.most_bytes == 0
    }

    /// Counts tokens that were read, and of which nothing is to be kept.
    pub fn count_read(&self, tokens: usize) {
        self.lock().read += tokens as u64;
    }

    /// The state with the longest beginning in common that `asker` has had read, by moments.
    pub fn find(&self, asker: &Arc<str>, sequence: &Sequence<'_>) -> Option<Found> {
        let beginnings = self.beginnings(asker, sequence);
        let mut held = self.lock();
        for (tokens, beginning) in beginnings.into_iter().rev() {
            let Some(id) = held.by_beginning.get(&beginning).copied() else { continue };
            let Some(one) = held.states.get(&id) else { continue };
            if one.asker == *asker && one.state.shared_with(sequence) >= tokens {
                let state = one.state.clone();
                held.use_now(id);
                return Some(Found { state, id });
            }
        }
        None
    }

    /// Keeps what was read of a record, in the place of the state that it went on from; `known` of its tokens weren't read again.
    pub fn keep(
        &self,
        asker: &Arc<str>,
        sequence: &Sequence<'_>,
        (state, known): (PatientState, usize),
        found: Option<&Found>,
    ) {
        let bytes = state.bytes();
        let beginnings = self.beginnings(asker, sequence);
        let mut held = self.lock();
        held.reused += known as u64;
        held.read += (sequence.len() - known) as u64;
        // A shorter record than the one that it was found by teaches nothing new.
        if bytes > self.most_bytes
            || found.is_some_and(|found| found.state.shared_with(sequence) == sequence.len())
        {
            return;
        }
        if let Some(found) = found.filter(|found| found.state.shared_with(sequence) == found.state.len()) {
            held.remove(found.id);
        }
        held.count += 1;
        let id = held.count;
        let beginnings: Vec<u64> = registered(beginnings.len()).map(|back| beginnings[back].1).collect();
        for beginning in &beginnings {
            held.by_beginning.insert(*beginning, id);
        }
        held.bytes += bytes;
        let one = One { state: Arc::new(state), asker: asker.clone(), beginnings, used: 0, bytes };
        held.states.insert(id, one);
        held.use_now(id);
        while held.bytes > self.most_bytes
            && let Some(oldest) = held.by_use.values().next().copied()
        {
            held.remove(oldest);
        }
    }

    /// What is held, and what it has saved.
    pub fn measures(&self) -> KeptStates {
        let held = self.lock();
        KeptStates {
            states: held.states.len(),
            bytes: held.bytes,
            tokens_reused: held.reused,
            tokens_read: held.read,
        }
    }

    /// Where each of a record's moments ends, with the digest of everything up to there.
    fn beginnings(&self, asker: &Arc<str>, sequence: &Sequence<'_>) -> Vec<(usize, u64)> {
        let mut hasher = self.hasher.build_hasher();
        hasher.write(asker.as_bytes());
        hasher.write_usize(sequence.static_len);
        let mut beginnings = Vec::new();
        for place in 0..sequence.len() {
            if place > 0 && sequence.code[place] == Vocabulary::TIME {
                beginnings.push((place, hasher.finish()));
            }
            hasher.write_u32(sequence.code[place]);
            hasher.write_u64(sequence.age_days[place].to_bits());
            hasher.write_u32(sequence.value[place].to_bits());
        }
        beginnings.push((sequence.len(), hasher.finish()));
        beginnings
    }

    /// No code that can panic runs under the lock, so that a poisoned one still holds a sound table.
    fn lock(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Which of `n` beginnings a state is found by: the last, and those 1, 2, 4, … moments back, as far as half of them, since a
/// chart that is opened again may also have a late entry a few moments before its end.
fn registered(n: usize) -> impl Iterator<Item = usize> {
    let back = std::iter::once(0).chain((0..usize::BITS - 1).map(|power| 1usize << power));
    back.take_while(move |back| *back <= n / 2).map(move |back| n - 1 - back)
}

impl Held {
    fn use_now(&mut self, id: u64) {
        self.count += 1;
        let Some(one) = self.states.get_mut(&id) else { return };
        self.by_use.remove(&one.used);
        one.used = self.count;
        self.by_use.insert(one.used, id);
    }

    fn remove(&mut self, id: u64) {
        let Some(one) = self.states.remove(&id) else { return };
        self.by_use.remove(&one.used);
        self.bytes -= one.bytes;
        for beginning in &one.beginnings {
            if self.by_beginning.get(beginning) == Some(&id) {
                self.by_beginning.remove(beginning);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::{Config, Model, Size};

    struct Life {
        code: Vec<u32>,
        age_days: Vec<f64>,
        value: Vec<f32>,
    }

    impl Life {
        /// A record of so many moments of one event; `other` makes another of it from its second event on.
        fn new(moments: usize, other: u32) -> Self {
            let mut life = Life { code: vec![2, 4], age_days: vec![9000.0; 2], value: vec![f32::NAN; 2] };
            for moment in 1..moments {
                let age = 9000.0 + 10.0 * moment as f64;
                life.code.extend([Vocabulary::TIME, 3 + (moment as u32 + other) % 6]);
                life.age_days.extend([age; 2]);
                life.value.extend([10.0, f32::NAN]);
            }
            life
        }

        fn sequence(&self) -> Sequence<'_> {
            Sequence {
                subject_id: 1,
                code: &self.code,
                age_days: &self.age_days,
                value: &self.value,
                static_len: 1,
                followup_end_age_days: self.age_days[self.age_days.len() - 1],
                died: false,
                birth_known: true,
            }
        }
    }

    fn model() -> Model {
        let mut config = Config::of_size(Size::Tiny, 12, Vocabulary::TIME, Some(1), &[3, 4, 5]);
        (config.width, config.heads, config.key_value_heads, config.layers) = (16, 2, 1, 1);
        (config.feed_forward, config.context) = (16, 64);
        Model::new(config, 3).unwrap()
    }

    /// Asks about a record, and says how many of its tokens were known.
    fn ask(states: &States, model: &Model, asker: &str, life: &Life) -> usize {
        let (asker, sequence) = (Arc::from(asker), life.sequence());
        let found = states.find(&asker, &sequence);
        let mut read = model.read_on(&[(sequence, found.as_ref().map(|found| &*found.state))]).unwrap();
        let (state, known) = read.remove(0);
        states.keep(&asker, &sequence, (state, known), found.as_ref());
        known
    }

    #[test]
    fn a_chart_that_comes_again_longer_costs_what_is_new() {
        let (states, model) = (States::new(1 << 20), model());
        assert_eq!(ask(&states, &model, "ann", &Life::new(9, 0)), 0);
        assert_eq!(ask(&states, &model, "ann", &Life::new(9, 0)), 18, "nothing is new");
        assert_eq!(ask(&states, &model, "ann", &Life::new(12, 0)), 18);
        assert_eq!(states.measures().states, 1, "the longer one stands for both");
        assert_eq!(ask(&states, &model, "ann", &Life::new(11, 0)), 21, "all but the last token");
        assert_eq!(
            ask(&states, &model, "ann", &Life::new(12, 1)),
            0,
            "another record from its second event on"
        );
        let mut late = Life::new(12, 0);
        *late.code.last_mut().unwrap() = 11;
        assert_eq!(ask(&states, &model, "ann", &late), 23, "an entry came late, in the last moment");
        let measures = states.measures();
        assert_eq!(measures.tokens_reused, 18 + 18 + 21 + 23);
        assert_eq!(measures.tokens_read, 18 + 6 + 1 + 24 + 1);
    }

    #[test]
    fn what_one_caller_had_read_quickens_nobody_else() {
        let (states, model) = (States::new(1 << 20), model());
        ask(&states, &model, "ann", &Life::new(9, 0));
        assert_eq!(ask(&states, &model, "bob", &Life::new(9, 0)), 0);
        assert_eq!(ask(&states, &model, "bob", &Life::new(9, 0)), 18);
    }

    #[test]
    fn memory_is_bounded_and_what_was_used_longest_ago_goes() {
        let model = model();
        let one = model.read(&[Life::new(9, 0).sequence()]).unwrap()[0].bytes();
        let states = States::new(3 * one);
        for other in 0..3 {
            ask(&states, &model, "ann", &Life::new(9, other));
        }
        ask(&states, &model, "ann", &Life::new(9, 0));
        ask(&states, &model, "ann", &Life::new(9, 3));
        assert!(states.measures().bytes <= 3 * one && states.measures().states == 3);
        assert_eq!(ask(&states, &model, "ann", &Life::new(9, 0)), 18, "used of late");
        assert_eq!(ask(&states, &model, "ann", &Life::new(9, 1)), 0, "gone");
        let held = states.lock();
        assert_eq!(held.by_use.len(), held.states.len());
        assert!(held.by_beginning.values().all(|id| held.states.contains_key(id)));
        drop(held);
        let none = States::new(one / 2);
        ask(&none, &model, "ann", &Life::new(9, 0));
        assert_eq!(none.measures().states, 0, "larger than everything together may be");
    }
}

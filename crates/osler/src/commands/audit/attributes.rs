//! Is a sensitive code told to who knows the rest of a record?

use super::Job;
use super::people::{People, drawn};
use crate::code_kind::code_kind;
use ::evaluate::privacy::{AttributeInference, Guess, attribute_inference};
use ::serve::CodeKind;
use anyhow::{Result, bail};
use rayon::prelude::*;
use timeline::{EntryKind, Sequence, Vocabulary};

/// Subjects with the code, and without it, whom each split must have.
pub(super) const FEWEST: usize = 20;
/// Subjects with a code, and without it, looked at in each split.
const MOST: usize = 250;
/// Codes looked at where none are named.
const CODES: usize = 5;

pub(super) const METHOD: &str = "For each subject one moment: that of the code's first occurrence, or for who has not got it a \
    random one. Score: the log-likelihood of the record with the code at that moment less that of the record without it \
    anywhere. The AUC of the score for having the code is compared between training and held-out subjects, at most 250 with \
    and 250 without the code in each; moments are chosen the same way in both.";

impl Job<'_> {
    pub(super) fn attributes(&self, people: &People<'_>) -> Result<Vec<AttributeInference>> {
        let vocabulary = self.directory.tokenizer.vocabulary();
        let codes = self.sensitive(vocabulary)?;
        let asked = !self.arguments.sensitive.is_empty();
        let bar = self.voice.count("inferring", codes.len() as u64);
        let mut found = Vec::new();
        for code in codes {
            if !asked && found.len() == CODES {
                break;
            }
            let split = |sequences: &[Sequence<'_>]| self.chosen(sequences, code);
            let (training, held_out) = (people.members.as_slice(), people.outsiders.as_slice());
            let (a, b) = (split(training), split(held_out));
            if [&a.0, &a.1, &b.0, &b.1].iter().any(|some| some.len() < FEWEST) {
                if asked {
                    let name = vocabulary.entry(code).map_or("", |e| e.code.as_str());
                    bail!(
                        "{name} has fewer than {FEWEST} subjects with or without it in a split; nothing can be told of it"
                    );
                }
                continue;
            }
            let guesses = |(with, without): (Vec<usize>, Vec<usize>),
                           sequences: &[Sequence<'_>]|
             -> Result<Vec<Guess>> {
                let all: Vec<(usize, bool)> = with
                    .into_iter()
                    .map(|i| (i, true))
                    .chain(without.into_iter().map(|i| (i, false)))
                    .collect();
                all.par_iter().map(|(i, has)| Ok((self.guess(&sequences[*i], code)?, *has))).collect()
            };
            let Some(entry) = vocabulary.entry(code) else { continue };
            found.push(attribute_inference(
                (entry.code.as_str(), entry.description.as_deref().unwrap_or(entry.code.as_str())),
                &guesses(a, training)?,
                &guesses(b, held_out)?,
                &self.bootstrap,
            )?);
            bar.add(1);
        }
        Ok(found)
    }

    /// The codes that were named, or conditions from the commonest on.
    fn sensitive(&self, vocabulary: &Vocabulary) -> Result<Vec<u32>> {
        if !self.arguments.sensitive.is_empty() {
            let index = |code: &String| match vocabulary.index_of(code) {
                Some(index) if index > Vocabulary::DEATH => Ok(index),
                _ => bail!("the model's vocabulary has no code {code}"),
            };
            return self.arguments.sensitive.iter().map(index).collect();
        }
        let condition = |i: &u32| {
            vocabulary
                .entry(*i)
                .is_some_and(|e| e.kind == EntryKind::Event && code_kind(e) == CodeKind::Condition)
        };
        // From the commonest to the rarest, as vocabularies are ordered.
        Ok((Vocabulary::DEATH + 1..vocabulary.len() as u32).filter(condition).collect())
    }

    /// Subjects with the code and without it, at random.
    fn chosen(&self, sequences: &[Sequence<'_>], code: u32) -> (Vec<usize>, Vec<usize>) {
        let usable = (0..sequences.len()).filter(|i| moments(&sequences[*i]).len() > 1);
        let (mut with, mut without): (Vec<usize>, Vec<usize>) =
            usable.partition(|i| sequences[*i].code.contains(&code));
        for some in [&mut with, &mut without] {
            some.sort_by_key(|i| drawn(self.arguments.seed, "attributes", sequences[*i].subject_id));
            some.truncate(MOST);
        }
        (with, without)
    }

    /// How much likelier the record is with the code than without it.
    fn guess(&self, sequence: &Sequence<'_>, code: u32) -> Result<f64> {
        let mut without = moments(sequence);
        let first = without.iter().find(|m| m.tokens.iter().any(|(c, _)| *c == code)).map(|m| m.age_days);
        for moment in &mut without {
            moment.tokens.retain(|(c, _)| *c != code);
        }
        // A code that stood alone would take its moment with it, and the wait before: that tells a record with the code from one
        // without whatever the model learned. So it is asked of the next moment that there is, as it is where there was no code.
        without.retain(|moment| !moment.tokens.is_empty());
        if without.is_empty() {
            return Ok(0.0);
        }
        let age_days = match first {
            Some(age_days) => age_days,
            None => {
                let place =
                    drawn(self.arguments.seed, "moment", sequence.subject_id) as usize % without.len();
                without[place].age_days
            }
        };
        let mut with = without.clone();
        let place = with.partition_point(|m| m.age_days < age_days).min(with.len() - 1);
        let order = |index: u32| self.directory.tokenizer.vocabulary().entry(index).map(|e| e.code.as_str());
        if let Some(moment) = with.get_mut(place) {
            // Within a moment codes stand in the order of their names.
            let at = moment.tokens.partition_point(|(c, _)| order(*c) < order(code));
            moment.tokens.insert(at, (code, f32::NAN));
        }
        let score = |moments: &[Moment]| -> Result<f64> {
            let tokens = Rewritten::new(sequence, moments);
            Ok(self.directory.model.event_log_likelihoods(&tokens.as_sequence())?.total().total())
        };
        Ok(score(&with)? - score(&without)?)
    }
}

/// Simultaneous events.
#[derive(Clone)]
struct Moment {
    age_days: f64,
    tokens: Vec<(u32, f32)>,
}

/// A record's moments, static facts aside.
fn moments(sequence: &Sequence<'_>) -> Vec<Moment> {
    let mut moments: Vec<Moment> = Vec::new();
    for i in sequence.static_len..sequence.len() {
        if sequence.code[i] == Vocabulary::TIME {
            continue;
        }
        let token = (sequence.code[i], sequence.value[i]);
        match moments.last_mut() {
            Some(moment) if moment.age_days == sequence.age_days[i] => moment.tokens.push(token),
            _ => moments.push(Moment { age_days: sequence.age_days[i], tokens: vec![token] }),
        }
    }
    moments
}

/// A record put together again from other moments.
struct Rewritten<'a> {
    of: &'a Sequence<'a>,
    code: Vec<u32>,
    age_days: Vec<f64>,
    value: Vec<f32>,
}

impl<'a> Rewritten<'a> {
    fn new(of: &'a Sequence<'a>, moments: &[Moment]) -> Self {
        let statics = ..of.static_len;
        let mut made = Rewritten {
            of,
            code: of.code[statics].to_vec(),
            age_days: of.age_days[statics].to_vec(),
            value: of.value[statics].to_vec(),
        };
        let mut before: Option<f64> = None;
        for moment in moments.iter().filter(|m| !m.tokens.is_empty()) {
            if let Some(before) = before {
                made.push(Vocabulary::TIME, moment.age_days, (moment.age_days - before) as f32);
            }
            before = Some(moment.age_days);
            moment.tokens.iter().for_each(|(code, value)| made.push(*code, moment.age_days, *value));
        }
        made
    }

    fn push(&mut self, code: u32, age_days: f64, value: f32) {
        self.code.push(code);
        self.age_days.push(age_days);
        self.value.push(value);
    }

    fn as_sequence(&self) -> Sequence<'_> {
        Sequence { code: &self.code, age_days: &self.age_days, value: &self.value, ..*self.of }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_taken_apart_is_put_together_again() {
        let (time, nan) = (Vocabulary::TIME, f32::NAN);
        let code = [7, 8, 9, time, 9, time, 10];
        let age_days = [5.0, 5.0, 5.0, 8.0, 8.0, 18.5, 18.5];
        let value = [nan, 0.5, nan, 3.0, nan, 10.5, 0.25];
        let sequence = Sequence {
            subject_id: 1,
            code: &code,
            age_days: &age_days,
            value: &value,
            static_len: 1,
            followup_end_age_days: 20.0,
            died: false,
            birth_known: true,
        };
        let mut apart = moments(&sequence);
        assert_eq!(apart.len(), 3);
        let same = Rewritten::new(&sequence, &apart);
        assert_eq!((same.code.as_slice(), same.age_days.as_slice()), (&code[..], &age_days[..]));
        assert!(same.value.iter().zip(&value).all(|(a, b)| a.to_bits() == b.to_bits()));
        // A moment that loses its only event is no moment; the gap goes over it.
        apart.iter_mut().for_each(|m| m.tokens.retain(|(c, _)| *c != 9));
        let without = Rewritten::new(&sequence, &apart);
        assert_eq!(without.code, [7, 8, time, 10]);
        assert_eq!(without.value[2], 13.5);
    }
}

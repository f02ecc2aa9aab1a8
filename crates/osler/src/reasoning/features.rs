//! What was known before a decision, as numbers: what the model expects, and what was last measured.

use super::log_odds;
use crate::code_kind::code_kind;
use crate::model_directory::ModelDirectory;
use ::serve::CodeKind;
use anyhow::Result;
use events::{Sex, Subject};
use timeline::{EntryKind, TokenizedSubject, Vocabulary};

/// Horizons of the model's expectations of treatment, outcome and death, by place: 30 days, a year, five years.
const NEAR: usize = 2;
const YEAR: usize = 5;
const FAR: usize = 7;
/// Commonest conditions and drugs whose expectations describe a patient.
const COMMON: usize = 15;
/// Commonest measurements whose last rank does.
const MEASURED: usize = 12;

/// Names and makes a row of numbers.
pub struct Features {
    treatment: Vec<u32>,
    outcome: Vec<u32>,
    common: Vec<u32>,
    measured: Vec<u32>,
}

/// Columns that may modify an effect: age, sex, and the model's expectation of the outcome.
pub const MODIFIERS: [usize; 3] = [0, 1, 2];

impl Features {
    /// For a treatment and an outcome, by how their codes begin.
    pub fn new(directory: &ModelDirectory, treatment: &str, outcome: &str) -> Self {
        let vocabulary = directory.tokenizer.vocabulary();
        let risk_codes = &directory.model.config().risk.codes;
        let commonest = |kind: CodeKind| commonest(vocabulary, risk_codes.iter().copied(), kind, COMMON);
        let named = |prefix| named(vocabulary, risk_codes, prefix);
        let (treatment, outcome) = (named(treatment), named(outcome));
        let mut common = commonest(CodeKind::Condition);
        common.extend(commonest(CodeKind::Medication));
        common.retain(|code| !treatment.contains(code) && !outcome.contains(code));
        Features { treatment, outcome, common, measured: commonest_measurements(vocabulary, MEASURED) }
    }

    /// Whether the model gives risks for the treatment, and for the outcome.
    pub fn known(&self) -> (bool, bool) {
        (!self.treatment.is_empty(), !self.outcome.is_empty())
    }

    /// Numbers a row.
    pub fn columns(&self) -> usize {
        7 + self.common.len() + 2 * self.measured.len()
    }

    /// Rows for records as they are, whole; none for one without an event.
    pub fn rows(&self, directory: &ModelDirectory, records: &[&Subject]) -> Result<Vec<Option<Vec<f64>>>> {
        let tokens: Vec<TokenizedSubject> =
            records.iter().map(|subject| directory.tokenizer.tokenize_history(subject)).collect();
        let usable: Vec<usize> =
            (0..tokens.len()).filter(|i| tokens[*i].code.len() > tokens[*i].static_len).collect();
        let sequences: Vec<_> = usable.iter().map(|i| tokens[*i].as_sequence()).collect();
        let death = directory.model.config().death_code.into_iter();
        let mut codes: Vec<u32> =
            self.treatment.iter().chain(&self.outcome).chain(&self.common).copied().chain(death).collect();
        codes.sort_unstable();
        codes.dedup();
        let tables = directory.model.risk(&sequences, Some(&codes))?;
        let mut rows = vec![None; records.len()];
        for (i, table) in usable.into_iter().zip(&tables) {
            let risk = |code: u32, k: usize| table.of(code).map_or(0.0, |row| f64::from(row[k]));
            let any = |codes: &[u32], k: usize| {
                log_odds(1.0 - codes.iter().map(|code| 1.0 - risk(*code, k)).product::<f64>())
            };
            let (subject, tokens) = (records[i], &tokens[i]);
            let age =
                tokens.age_days.last().filter(|_| tokens.birth_known).map_or(50.0, |days| days / 365.25);
            let mut row = vec![
                age / 10.0,
                match subject.sex() {
                    Sex::Female => 1.0,
                    Sex::Male => 0.0,
                    Sex::Unknown => 0.5,
                },
                any(&self.outcome, YEAR),
                any(&self.outcome, FAR),
                any(&self.treatment, NEAR),
                any(&self.treatment, YEAR),
                log_odds(risk(Vocabulary::DEATH, YEAR)),
            ];
            row.extend(self.common.iter().map(|code| log_odds(risk(*code, YEAR))));
            for code in &self.measured {
                let rank = last_rank(tokens, *code);
                row.extend([rank.unwrap_or(0.5), f64::from(u8::from(rank.is_some()))]);
            }
            rows[i] = Some(row);
        }
        Ok(rows)
    }
}

/// Those of some codes that begin so: of what happens, death too.
fn named(vocabulary: &Vocabulary, codes: &[u32], prefix: &str) -> Vec<u32> {
    let own = |index: &&u32| {
        vocabulary.entry(**index).is_some_and(|e| {
            let happens = e.kind == EntryKind::Event || **index == Vocabulary::DEATH;
            happens && e.code.as_str().starts_with(prefix)
        })
    };
    codes.iter().filter(own).copied().collect()
}

/// The commonest codes of a kind, death aside.
fn commonest(
    vocabulary: &Vocabulary,
    codes: impl Iterator<Item = u32>,
    kind: CodeKind,
    most: usize,
) -> Vec<u32> {
    let of_kind = |index: &u32| {
        vocabulary.entry(*index).is_some_and(|e| {
            e.kind == EntryKind::Event && *index != Vocabulary::DEATH && code_kind(e) == kind
        })
    };
    let mut all: Vec<u32> = codes.filter(of_kind).collect();
    all.sort_by_key(|i| (std::cmp::Reverse(vocabulary.entry(*i).map_or(0, |e| e.subjects)), *i));
    all.truncate(most);
    all
}

/// The commonest measurements with values.
pub fn commonest_measurements(vocabulary: &Vocabulary, most: usize) -> Vec<u32> {
    let valued = |i: &u32| vocabulary.entry(*i).is_some_and(|e| !e.values.is_empty());
    commonest(vocabulary, (0..vocabulary.len() as u32).filter(valued), CodeKind::Measurement, most)
}

/// The rank of a measurement's last value in a record, if it was measured.
pub fn last_rank(tokens: &TokenizedSubject, code: u32) -> Option<f64> {
    let last = tokens.code.iter().zip(&tokens.value).rev();
    last.filter(|(c, value)| **c == code && value.is_finite()).map(|(_, v)| f64::from(*v)).next()
}

#[cfg(test)]
mod tests {
    use super::*;
    use events::{Code, Deidentified, Event, Time};
    use timeline::{VocabularyBuilder, VocabularyOptions};

    #[test]
    fn death_is_an_outcome_with_an_expectation() {
        let options = VocabularyOptions { minimum_subjects: 2, ..VocabularyOptions::default() };
        let mut builder = VocabularyBuilder::new(options, &[]).unwrap();
        for id in 0..4 {
            let event = |code: &str| Event::new(Some(Time::from_micros(id)), Code::new(code));
            let subject = Subject::new(id, vec![event("ICD10CM//I50.9"), event(Code::DEATH)]);
            #[expect(clippy::disallowed_methods, reason = "made up here")]
            builder.push(&Deidentified::vouch(subject));
        }
        let vocabulary = builder.finish().unwrap();
        let heart = vocabulary.index_of("ICD10CM//I50.9").unwrap();
        let codes = [Vocabulary::DEATH, heart];
        assert_eq!(named(&vocabulary, &codes, Code::DEATH), [Vocabulary::DEATH]);
        assert_eq!(named(&vocabulary, &codes, "ICD10CM//I50"), [heart]);
        assert!(named(&vocabulary, &codes, "RXNORM//").is_empty());
    }
}

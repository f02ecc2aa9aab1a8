//! How a model's risks stood to what happened to its tuning people, beside age and sex alone: reckoned when training ends, and anew
//! when levels are set, and kept with the model, so that whoever uses it can be told that it isn't fit to be leaned on.

use crate::model_directory::{self, ModelDirectory};
use crate::reasoning;
use crate::records::Records;
use anyhow::{Context, Result};
use evaluate::baseline::AgeSexIncidence;
use events::{Sex, Split};
use model::{HORIZON_DAYS, Model};
use serde::{Deserialize, Serialize};
use std::path::Path;
use timeline::{Sequence, Timeline, TokenizedSubject, Tokenizer, Vocabulary};

/// The file's name in a model's directory.
pub const FILE: &str = "tuning_check.json";
/// The horizon, by place: a year.
const YEAR: usize = 5;
/// Conditions that are looked at, and tuning people at most.
const CONDITIONS: usize = 30;
const MOST: usize = 2_000;
/// Fewest people that anything is said of.
const LEAST: usize = 100;
/// Moments lie up to so many days after the first of a record.
const SPREAD_DAYS: f64 = 5.0 * 365.25;
/// Read together.
const CHUNK: usize = 128;

/// What was found.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TuningCheck {
    /// Within how many days.
    pub horizon_days: f64,
    /// People asked about, each at one visit.
    pub people: usize,
    /// Mean of the logarithmic loss of age and sex less the model's, a person, over all conditions: above 0 the model is better.
    pub gain: f64,
    /// Its standard error.
    pub gain_error: f64,
    /// Its levels were set by these very people (`osler calibrate`), so that expected and seen agree by more than they would for others.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub levels_set_by_them: bool,
    /// Each condition.
    pub codes: Vec<CodeCheck>,
}

/// One condition.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct CodeCheck {
    /// Its code.
    pub code: String,
    /// In words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// People at risk whose outcome is known.
    pub people: usize,
    /// To how many it happened.
    pub events: usize,
    /// To how many the model expected it to happen.
    pub model: f64,
    /// To how many age and sex alone did.
    pub age_and_sex: f64,
}

/// A person at a moment.
struct Spot<'a> {
    sequence: Sequence<'a>,
    /// Tokens known by then.
    known: usize,
    age: f64,
}

impl<'a> Spot<'a> {
    /// The first moment after a time that doesn't look at the record.
    fn of(sequence: Sequence<'a>) -> Option<Self> {
        let first = *sequence.age_days.get(sequence.static_len)?;
        let hash = blake3::hash(&sequence.subject_id.to_le_bytes());
        let drawn = u32::from_le_bytes(hash.as_bytes()[..4].try_into().ok()?);
        let from = first + SPREAD_DAYS * f64::from(drawn) / f64::from(u32::MAX);
        let dated = sequence.static_len..sequence.len();
        let age = dated.clone().map(|place| sequence.age_days[place]).find(|age| *age >= from)?;
        let known = dated.rev().find(|place| sequence.age_days[*place] <= age)? + 1;
        (age < sequence.followup_end_age_days).then_some(Spot { sequence, known, age })
    }

    fn before(&self) -> Sequence<'a> {
        let Sequence { code, age_days, value, .. } = self.sequence;
        let n = self.known;
        Sequence { code: &code[..n], age_days: &age_days[..n], value: &value[..n], ..self.sequence }
    }

    /// Whether a code comes within the horizon; none for who has it, or of whom it isn't known.
    fn outcome(&self, index: u32, vocabulary: &Vocabulary, days: f64) -> Option<bool> {
        let is = |code: u32| code == index || vocabulary.ancestors(code).any(|above| above == index);
        if self.sequence.code[..self.known].iter().any(|code| is(*code)) {
            return None;
        }
        let until = self.age + days;
        let later = (self.known..self.sequence.len()).find(|place| is(self.sequence.code[*place]));
        match later {
            Some(place) => Some(self.sequence.age_days[place] <= until),
            None if self.sequence.died || self.sequence.followup_end_age_days >= until => Some(false),
            None => None,
        }
    }
}

impl TuningCheck {
    /// Asks a model about the tuning people of its timeline.
    pub fn of(model: &Model, timeline: &Timeline, reference: &AgeSexIncidence) -> Result<Self> {
        let spots = timeline.split(Split::Tuning).sequences().filter_map(Spot::of).take(MOST).collect();
        Self::at(model, timeline.vocabulary(), spots, reference)
    }

    /// Asks a model about the tuning people of records.
    pub fn of_records(
        model: &Model,
        records: &Records,
        tokenizer: &Tokenizer,
        reference: &AgeSexIncidence,
    ) -> Result<Self> {
        let mut people: Vec<TokenizedSubject> = Vec::new();
        for subject in records.subjects(Split::Tuning)? {
            let subject = subject?;
            let tokens = tokenizer.tokenize(&subject);
            // Whoever can't be asked about isn't kept.
            if Spot::of(tokens.as_sequence()).is_some() {
                people.push(tokens);
            }
            if people.len() == MOST {
                break;
            }
        }
        let spots = people.iter().filter_map(|tokens| Spot::of(tokens.as_sequence())).collect();
        Self::at(model, tokenizer.vocabulary(), spots, reference)
    }

    fn at(
        model: &Model,
        vocabulary: &Vocabulary,
        spots: Vec<Spot<'_>>,
        reference: &AgeSexIncidence,
    ) -> Result<Self> {
        let conditions = reasoning::conditions(vocabulary, &model.config().risk.codes, CONDITIONS);
        let days = HORIZON_DAYS[YEAR];
        let named = |index: &u32| {
            let named = reasoning::Named::of(vocabulary, *index);
            CodeCheck { code: named.code, description: named.description, ..CodeCheck::default() }
        };
        let mut codes: Vec<CodeCheck> = conditions.iter().map(named).collect();
        let [female, male] = ["GENDER//F", "GENDER//M"].map(|code| vocabulary.index_of(code));
        let mut gains: Vec<f64> = Vec::new();
        for chunk in spots.chunks(CHUNK) {
            let sequences: Vec<Sequence<'_>> = chunk.iter().map(Spot::before).collect();
            let tables = model.risk(&sequences, Some(&conditions))?;
            for (spot, table) in chunk.iter().zip(&tables) {
                let has = |code: Option<u32>| {
                    code.is_some_and(|code| spot.sequence.code[..spot.sequence.static_len].contains(&code))
                };
                let sex = match (has(female), has(male)) {
                    (true, false) => Sex::Female,
                    (false, true) => Sex::Male,
                    _ => Sex::Unknown,
                };
                let age = spot.sequence.birth_known.then_some(spot.age / 365.25);
                let mut gain = 0.0;
                for (check, index) in codes.iter_mut().zip(&conditions) {
                    let Some(outcome) = spot.outcome(*index, vocabulary, days) else { continue };
                    let Some(row) = table.of(*index) else { continue };
                    let Some(expected) = reference.probability(&check.code, sex, age, days) else { continue };
                    let said = f64::from(row[YEAR]);
                    check.people += 1;
                    check.events += usize::from(outcome);
                    check.model += said;
                    check.age_and_sex += expected;
                    gain += loss(expected, outcome) - loss(said, outcome);
                }
                gains.push(gain);
            }
        }
        codes.retain(|check| check.people > 0);
        let n = gains.len().max(1) as f64;
        let gain = gains.iter().sum::<f64>() / n;
        let spread = gains.iter().map(|g| (g - gain).powi(2)).sum::<f64>() / n;
        Ok(TuningCheck {
            horizon_days: days,
            people: gains.len(),
            gain,
            gain_error: (spread / n).sqrt(),
            levels_set_by_them: false,
            codes,
        })
    }

    /// Writes it into a model's directory.
    pub fn write(&self, dir: &Path) -> Result<()> {
        let path = dir.join(FILE);
        std::fs::write(&path, serde_json::to_vec_pretty(self)?)
            .with_context(|| format!("cannot write {}", path.display()))
    }

    /// What whoever uses the model must be told before anything else.
    pub fn cautions(directory: &ModelDirectory) -> Vec<String> {
        match &directory.tuning_check {
            Some(check) => check.said(),
            None => vec![
                "The model's directory doesn't say how its risks stood to what happened to its tuning people; judge them by \
                 validation (--predictions, --report), or train or calibrate it with this version."
                    .to_owned(),
            ],
        }
    }

    /// Reads it, where there is one.
    pub fn read(dir: &Path) -> Result<Option<Self>> {
        let path = dir.join(FILE);
        path.exists().then(|| model_directory::read_json(&path)).transpose()
    }

    fn said(&self) -> Vec<String> {
        if self.people < LEAST {
            return vec![format!(
                "Only {} tuning people stand behind this model, too few to say whether its risks are better than those of age and sex.",
                self.people
            )];
        }
        let mut said = Vec::new();
        let low = self.gain - 1.96 * self.gain_error;
        if low <= 0.0 {
            let how = if self.gain + 1.96 * self.gain_error < 0.0 {
                "worse than"
            } else {
                "not shown to be better than"
            };
            said.push(format!(
                "On {} tuning people the model's risks within a year were {how} those of age and sex alone: don't lean on them.",
                self.people
            ));
        }
        let mut off: Vec<(&CodeCheck, f64)> =
            self.codes.iter().filter_map(|c| Some((c, c.times_off()?))).collect();
        off.sort_by(|a, b| b.1.ln().abs().total_cmp(&a.1.ln().abs()));
        let told = off.iter().take(5).map(|(check, _)| {
            format!(
                "{}, {:.0} expected and {} seen",
                check.description.as_deref().unwrap_or(&check.code),
                check.model,
                check.events
            )
        });
        if !off.is_empty() {
            said.push(format!(
                "Risks within a year stood far from what happened to {} tuning people for {} of {} conditions: {}. `osler calibrate` \
                 mends levels.",
                self.people,
                off.len(),
                self.codes.len(),
                told.collect::<Vec<_>>().join("; ")
            ));
        }
        said
    }
}

impl CodeCheck {
    /// Expected over seen, where it is off by half or more and not by chance.
    fn times_off(&self) -> Option<f64> {
        let (seen, expected) = (self.events as f64, self.model);
        // Half an event keeps the ratio finite; by Poisson's law, three standard errors.
        let ratio = (expected + 0.5) / (seen + 0.5);
        let by_chance = (seen - expected).abs() <= 3.0 * expected.max(seen).sqrt();
        (!by_chance && !(2.0 / 3.0..=1.5).contains(&ratio)).then_some(ratio)
    }
}

fn loss(chance: f64, outcome: bool) -> f64 {
    let p = chance.clamp(1e-7, 1.0 - 1e-7);
    -if outcome { p } else { 1.0 - p }.ln()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(gain: f64, people: usize, events: usize, model: f64) -> TuningCheck {
        let code = CodeCheck { code: "X".into(), people, events, model, ..CodeCheck::default() };
        TuningCheck {
            horizon_days: 365.25,
            people,
            gain,
            gain_error: 0.01,
            codes: vec![code],
            ..TuningCheck::default()
        }
    }

    #[test]
    fn a_model_that_is_no_better_than_age_and_sex_is_said_to_be() {
        assert!(check(0.1, 1000, 30, 32.0).said().is_empty(), "better, and right");
        assert!(check(0.01, 1000, 30, 32.0).said()[0].contains("not shown to be better"));
        assert!(check(-0.1, 1000, 30, 32.0).said()[0].contains("worse than"));
        assert!(check(0.1, 40, 3, 3.0).said()[0].contains("too few"));
    }

    #[test]
    fn levels_that_are_far_off_are_named() {
        let said = check(0.1, 1000, 4, 150.0).said();
        assert!(said.len() == 1 && said[0].contains("X, 150 expected and 4 seen"), "{said:?}");
        assert!(check(0.1, 1000, 4, 8.0).said().is_empty(), "chance");
        assert!(check(0.1, 1000, 100, 30.0).said()[0].contains("30 expected and 100 seen"));
    }

    #[test]
    fn a_moment_doesnt_look_at_what_follows() {
        // Static, then an event every 100 days for ten years; the one asked about comes 50 days after the tenth.
        let n = 37;
        let age: Vec<f64> = std::iter::once(0.0).chain((0..n).map(|i| f64::from(i) * 100.0)).collect();
        let codes: Vec<u32> = std::iter::once(9).chain(10..10 + n as u32).collect();
        let value = vec![f32::NAN; codes.len()];
        let sequence = |end: f64, died: bool| Sequence {
            subject_id: 5,
            code: &codes,
            age_days: &age,
            value: &value,
            static_len: 1,
            followup_end_age_days: end,
            died,
            birth_known: true,
        };
        let spot = Spot::of(sequence(3600.0, false)).unwrap();
        let shorter = Sequence {
            code: &codes[..20],
            age_days: &age[..20],
            value: &value[..20],
            ..sequence(1850.0, true)
        };
        if let Some(other) = Spot::of(shorter) {
            assert_eq!(other.known, spot.known, "the same moment in a life cut short");
        }
        assert_eq!(spot.before().len(), spot.known);
        assert!(spot.before().age_days.iter().all(|age| *age <= spot.age));
    }
}

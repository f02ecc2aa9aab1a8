//! How a model's risks stood to what happened to its tuning people, beside age and sex alone: reckoned when training ends, and anew
//! when levels are set, and kept with the model, so that whoever uses it can be told that it isn't fit to be leaned on.

use crate::model_directory::{self, ModelDirectory};
use crate::reasoning;
use crate::records::Records;
use anyhow::{Context, Result};
use evaluate::baseline::AgeSexIncidence;
use evaluate::metrics::censoring::{FollowUp, weights_for_all};
use events::{Sex, Split, Subject, Time};
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
/// Who had a condition are counted from so many on.
const FEW: usize = 10;
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
    /// They were asked about at the moments of the labels by which the levels were set (`osler calibrate --at`); otherwise at a random
    /// visit each.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub at_labels: bool,
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
    /// People at risk.
    pub people: usize,
    /// To how many it was seen to happen.
    pub events: usize,
    /// To how many it happened, those allowed for who left before it was known; in files of earlier versions, which left those out
    /// everywhere, it isn't there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub happened: Option<f64>,
    /// To how many the model expected it to happen.
    pub model: f64,
    /// To how many age and sex alone did.
    pub age_and_sex: f64,
}

/// A person at a moment.
struct Spot<'a> {
    sequence: Sequence<'a>,
    /// What was known then.
    before: Sequence<'a>,
    /// How many tokens of the whole that is.
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
        let Sequence { code, age_days, value, .. } = sequence;
        let before = Sequence {
            code: &code[..known],
            age_days: &age_days[..known],
            value: &value[..known],
            ..sequence
        };
        (age < sequence.followup_end_age_days).then_some(Spot { sequence, before, known, age })
    }

    /// The moment at which a record was as it is `before`.
    fn when(sequence: Sequence<'a>, before: Sequence<'a>) -> Option<Self> {
        let age = *before.age_days.last()?;
        let dated = sequence.static_len..sequence.len();
        let known = dated
            .rev()
            .find(|place| sequence.age_days[*place] <= age)
            .map_or(sequence.static_len, |last| last + 1);
        (age < sequence.followup_end_age_days).then_some(Spot { sequence, before, known, age })
    }

    /// What is known of a code by the horizon; none for who has it.
    fn outcome(&self, is: impl Fn(u32) -> bool, days: f64) -> Option<FollowUp> {
        if self.sequence.code[..self.known].iter().any(|code| is(*code)) {
            return None;
        }
        let later = (self.known..self.sequence.len()).find(|place| is(self.sequence.code[*place]));
        let end = self.sequence.followup_end_age_days;
        let observed_days = later.map_or(end, |place| self.sequence.age_days[place]) - self.age;
        let outcome = match later {
            Some(_) => Some(observed_days <= days),
            None if self.sequence.died || observed_days >= days => Some(false),
            None => None,
        };
        Some(FollowUp { outcome, observed_days })
    }
}

/// The moment at which somebody is asked about, or none.
pub type MomentOf<'a> = &'a dyn Fn(&Subject) -> Option<Time>;

/// A whole record, and what was known of it at a stated moment.
type Person = (TokenizedSubject, Option<TokenizedSubject>);

fn spot_of((whole, before): &Person) -> Option<Spot<'_>> {
    match before {
        None => Spot::of(whole.as_sequence()),
        Some(before) => Spot::when(whole.as_sequence(), before.as_sequence()),
    }
}

/// What the model and age and sex said of one person and condition, and what is known of it.
struct Asked {
    person: usize,
    follow_up: FollowUp,
    model: f64,
    age_and_sex: f64,
}

impl TuningCheck {
    /// Asks a model about the tuning people of its timeline.
    pub fn of(model: &Model, timeline: &Timeline, reference: &AgeSexIncidence) -> Result<Self> {
        let spots = timeline.split(Split::Tuning).sequences().filter_map(Spot::of).take(MOST).collect();
        Self::at(model, timeline.vocabulary(), spots, reference)
    }

    /// Asks a model about the tuning people of records, at the moment that `at` gives for each, or a random visit.
    pub fn of_records(
        model: &Model,
        records: &Records,
        tokenizer: &Tokenizer,
        reference: &AgeSexIncidence,
        at: Option<MomentOf<'_>>,
    ) -> Result<Self> {
        let mut people: Vec<Person> = Vec::new();
        for subject in records.subjects(Split::Tuning)? {
            let subject = subject?;
            let before = match at.map(|at| at(&subject)) {
                None => None,
                Some(None) => continue,
                Some(Some(time)) => Some(tokenizer.tokenize_until(&subject, time)),
            };
            let person = (tokenizer.tokenize(&subject), before);
            // Whoever can't be asked about isn't kept.
            if spot_of(&person).is_some() {
                people.push(person);
            }
            if people.len() == MOST {
                break;
            }
        }
        let spots = people.iter().filter_map(spot_of).collect();
        let check = Self::at(model, tokenizer.vocabulary(), spots, reference)?;
        Ok(TuningCheck { at_labels: at.is_some(), ..check })
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
        let mut asked: Vec<Vec<Asked>> = conditions.iter().map(|_| Vec::new()).collect();
        let mut person = 0;
        for chunk in spots.chunks(CHUNK) {
            let sequences: Vec<Sequence<'_>> = chunk.iter().map(|spot| spot.before).collect();
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
                for ((check, index), asked) in codes.iter().zip(&conditions).zip(&mut asked) {
                    let is =
                        |code: u32| code == *index || vocabulary.ancestors(code).any(|above| above == *index);
                    let Some(follow_up) = spot.outcome(is, days) else { continue };
                    let Some(row) = table.of(*index) else { continue };
                    let Some(age_and_sex) = reference.probability(&check.code, sex, age, days) else {
                        continue;
                    };
                    asked.push(Asked { person, follow_up, model: f64::from(row[YEAR]), age_and_sex });
                }
                person += 1;
            }
        }
        let mut gains = vec![0.0; person];
        for (check, asked) in codes.iter_mut().zip(&asked) {
            let follow_up: Vec<FollowUp> = asked.iter().map(|asked| asked.follow_up).collect();
            // Where hardly anybody was watched for so long, nothing is known of what happened.
            let Some(weights) = weights_for_all(&follow_up, days) else { continue };
            let mut happened = 0.0;
            for (asked, weight) in asked.iter().zip(weights) {
                check.people += 1;
                check.model += asked.model;
                check.age_and_sex += asked.age_and_sex;
                let Some(outcome) = asked.follow_up.outcome else { continue };
                check.events += usize::from(outcome);
                happened += if outcome { weight } else { 0.0 };
                // Who is known stands also for who left before.
                gains[asked.person] +=
                    weight * (loss(asked.age_and_sex, outcome) - loss(asked.model, outcome));
            }
            check.happened = Some(happened);
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
            at_labels: false,
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
        // Which moments those were, where they weren't visits at random.
        let asked = if self.at_labels { ", at the moments that its levels were set for," } else { "" };
        let mut said = Vec::new();
        let low = self.gain - 1.96 * self.gain_error;
        if low <= 0.0 {
            let how = if self.gain + 1.96 * self.gain_error < 0.0 {
                "worse than"
            } else {
                "not shown to be better than"
            };
            said.push(format!(
                "On {} tuning people{asked} the model's risks within a year were {how} those of age and sex alone: don't lean on them.",
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
                check.happened_in_words()
            )
        });
        if !off.is_empty() {
            said.push(format!(
                "Risks within a year stood far from what happened to {} tuning people{asked} for {} of {} conditions: {}. `osler calibrate` \
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
    fn happened(&self) -> f64 {
        self.happened.unwrap_or(self.events as f64)
    }

    /// How many had it, where they aren't so few that it would tell of them.
    fn happened_in_words(&self) -> String {
        match (1..FEW).contains(&self.events) {
            true => format!("fewer than {FEW}"),
            false => format!("{:.0}", self.happened()),
        }
    }

    /// Expected over seen, where it is off by half or more and not by chance.
    fn times_off(&self) -> Option<f64> {
        let (seen, expected) = (self.happened(), self.model);
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
        assert!(said.len() == 1 && said[0].contains("X, 150 expected and fewer than 10 seen"), "{said:?}");
        assert!(check(0.1, 1000, 4, 8.0).said().is_empty(), "chance");
        assert!(check(0.1, 1000, 100, 30.0).said()[0].contains("30 expected and 100 seen"));
    }

    #[test]
    fn who_left_is_neither_free_of_it_nor_left_out() {
        let of = |end: f64, died: bool| {
            let sequence = Sequence {
                subject_id: 1,
                code: &[20, 21, 22],
                age_days: &[100.0, 110.0, 400.0],
                value: &[f32::NAN; 3],
                static_len: 0,
                followup_end_age_days: end,
                died,
                birth_known: true,
            };
            let spot = Spot { sequence, before: sequence, known: 2, age: 110.0 };
            [21, 22, 23]
                .map(|code| spot.outcome(|other| other == code, 365.0).map(|f| (f.outcome, f.observed_days)))
        };
        assert_eq!(of(450.0, false), [None, Some((Some(true), 290.0)), Some((None, 340.0))]);
        assert_eq!(of(450.0, true)[2], Some((Some(false), 340.0)));
        assert_eq!(of(500.0, false)[2], Some((Some(false), 390.0)));
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
        assert_eq!(spot.before.len(), spot.known);
        assert!(spot.before.age_days.iter().all(|age| *age <= spot.age));
        // Asked between two events: what is known is what was on record, and the wait since.
        let before = Sequence {
            code: &[9, 10, 0],
            age_days: &[0.0, 0.0, 50.0],
            value: &value[..3],
            ..sequence(3600.0, false)
        };
        let stated = Spot::when(sequence(3600.0, false), before).unwrap();
        assert_eq!((stated.known, stated.age, stated.before.len()), (2, 50.0, 3));
        assert!(Spot::when(sequence(50.0, false), before).is_none(), "nobody watched any longer");
    }

    #[test]
    fn what_was_asked_at_stated_moments_says_so() {
        let said = |at_labels| TuningCheck { at_labels, ..check(0.1, 1000, 4, 150.0) }.said().remove(0);
        assert!(said(true).contains("at the moments that its levels were set for"));
        assert!(!said(false).contains("at the moments"));
    }
}

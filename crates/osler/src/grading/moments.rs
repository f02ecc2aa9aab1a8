//! The model's answers at the moments that the truth speaks of.

use super::rule::LastValues;
use super::truth::{TrueRisk, Truth};
use crate::broader;
use crate::model_directory::ModelDirectory;
use ::evaluate::grading::{RankedCase, RiskQuestion, RiskRow, rank_among};
use ::evaluate::tasks::{Broader, Landmark, OnsetTask, SubjectTimeline};
use anyhow::Result;
use events::{Deidentified, Subject, Time};
use model::{HORIZON_DAYS, RiskTable};
use smol_str::SmolStr;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use timeline::TokenizedSubject;

/// Predictors of risks, by place; the rule is there where one was learned.
pub const PREDICTORS: [&str; 4] = ["model", "observer", "who knows everything", "age and sex"];
/// The rule's name.
pub const RULE: &str = "age, sex and last values";
/// Predictors of a differential, by place.
pub const RANKERS: [&str; 4] = ["model", "observer", "observer, by its risk", "age and sex"];
/// The horizon within which a differential is told, in days.
const DIFFERENTIAL_DAYS: f64 = 365.25;

/// What was asked, filled subject by subject.
#[derive(Default)]
pub struct Asked {
    questions: BTreeMap<(SmolStr, u64), RiskQuestion>,
    /// Diseases that are there and on no record.
    pub cases: Vec<RankedCase>,
    /// Effective particles behind each person's observer.
    pub particles: Vec<f64>,
    /// Codes that the model doesn't know.
    pub unknown: BTreeSet<SmolStr>,
    /// Rows of the truth whose condition stands in the record, or whose subject isn't watched any more.
    pub not_at_risk: usize,
}

impl Asked {
    /// Each condition and horizon.
    pub fn questions(self) -> Vec<RiskQuestion> {
        self.questions.into_values().collect()
    }
}

/// Asks about some subjects.
pub fn moments(
    directory: &ModelDirectory,
    subjects: &[Deidentified<Subject>],
    truth: &Truth,
    rule: Option<&LastValues>,
    asked: &mut Asked,
) -> Result<()> {
    let vocabulary = directory.tokenizer.vocabulary();
    let people: Vec<(&Subject, Time, &[TrueRisk], TokenizedSubject)> = subjects
        .iter()
        .filter_map(|subject| {
            let rows = truth.risks.get(&subject.id)?;
            let time = rows.first()?.time;
            let tokens = directory.tokenizer.tokenize_until(subject, time);
            (!tokens.as_sequence().is_empty()).then(|| (&**subject, time, rows.as_slice(), tokens))
        })
        .collect();
    let known = |row: &TrueRisk| {
        let code = vocabulary.index_of(row.code.as_str())?;
        directory.model.config().risk.codes.contains(&code).then_some(code)
    };
    let mut codes: HashMap<&SmolStr, u32> = HashMap::new();
    for row in people.iter().flat_map(|(_, _, rows, _)| rows.iter()) {
        match known(row) {
            Some(code) => _ = codes.insert(&row.code, code),
            None => _ = asked.unknown.insert(row.code.clone()),
        }
    }
    let mut indices: Vec<u32> = codes.values().copied().collect();
    indices.sort_unstable();
    let sequences: Vec<_> = people.iter().map(|(_, _, _, tokens)| tokens.as_sequence()).collect();
    let tables = directory.model.risk(&sequences, Some(&indices))?;
    let broader = broader::by_vocabulary(&directory.tokenizer);
    for ((subject, time, rows, tokens), table) in people.iter().zip(&tables) {
        let own = rule.map(|rule| (rule, rule.row(subject, tokens)));
        let person = Person { directory, subject, time: *time, table, codes: &codes, broader: &broader };
        asked.particles.extend(rows.first().map(|row| row.effective_particles));
        person.risks(rows, own.as_ref().map(|(rule, row)| (*rule, row.as_slice())), asked);
        person.differential(rows, truth, asked);
    }
    Ok(())
}

/// One person at his moment.
struct Person<'a> {
    directory: &'a ModelDirectory,
    subject: &'a Subject,
    time: Time,
    table: &'a RiskTable,
    codes: &'a HashMap<&'a SmolStr, u32>,
    broader: &'a dyn Broader,
}

impl Person<'_> {
    fn model(&self, row: &TrueRisk) -> Option<f64> {
        let horizon = HORIZON_DAYS.iter().position(|days| (days - row.horizon_days).abs() < 0.5)?;
        let risks = self.table.of(*self.codes.get(&row.code)?)?;
        Some(f64::from(risks[horizon]))
    }

    fn age_and_sex(&self, row: &TrueRisk) -> f64 {
        let age = self.subject.birth().map(|birth| self.time.days_since(birth) / 365.25);
        let known =
            self.directory.reference.probability(&row.code, self.subject.sex(), age, row.horizon_days);
        known.unwrap_or(f64::NAN)
    }

    fn risks(&self, rows: &[TrueRisk], rule: Option<(&LastValues, &[f64])>, asked: &mut Asked) {
        let timeline = SubjectTimeline::new(self.subject, self.broader);
        for row in rows {
            let Some(model) = self.model(row) else { continue };
            let landmark = Landmark::EventIndex { index: 0 };
            let task = OnsetTask::code(&row.code, row.horizon_days, landmark);
            let Some(label) = timeline.label(self.time, &task) else {
                asked.not_at_risk += 1;
                continue;
            };
            let mut scores = vec![model, row.observer, row.chance, self.age_and_sex(row)];
            scores.extend(rule.map(|(rule, own)| rule.says(&row.code, row.horizon_days, own)));
            let question = asked.questions.entry((row.code.clone(), row.horizon_days.to_bits()));
            let question = question.or_insert_with(|| RiskQuestion {
                code: row.code.clone(),
                name: row.condition.to_string(),
                horizon_days: row.horizon_days,
                rows: Vec::new(),
            });
            question.rows.push(RiskRow {
                subject_id: self.subject.id,
                chance: row.chance,
                outcome: label.boolean_value,
                lead_days: (label.boolean_value == Some(true)).then_some(label.observed_days),
                scores,
            });
        }
    }

    /// The conditions that stay and aren't on record, each by the chance of its being recorded within a year.
    fn differential(&self, rows: &[TrueRisk], truth: &Truth, asked: &mut Asked) {
        let considered = rows.iter().filter(|row| {
            truth.chronic.contains(&row.code) && (row.horizon_days - DIFFERENTIAL_DAYS).abs() < 0.5
        });
        let considered: Vec<(&TrueRisk, f64)> =
            considered.filter_map(|row| Some((row, self.model(row)?))).collect();
        let by = |of: &dyn Fn(&(&TrueRisk, f64)) -> f64| -> Vec<f64> { considered.iter().map(of).collect() };
        let lists = [
            by(&|(_, model)| *model),
            by(&|(row, _)| row.observer_latent),
            by(&|(row, _)| row.observer),
            // Without a reference nobody is likelier than another.
            by(&|(row, _)| Some(self.age_and_sex(row)).filter(|p| p.is_finite()).unwrap_or(0.0)),
        ];
        let there: Vec<usize> = (0..considered.len()).filter(|i| considered[*i].0.latent).collect();
        for case in &there {
            asked.cases.push(RankedCase {
                subject_id: self.subject.id,
                considered: considered.len() + 1 - there.len(),
                ranks: lists.iter().map(|list| rank_among(list, *case, &there)).collect(),
            });
        }
    }
}

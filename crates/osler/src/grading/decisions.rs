//! What `osler reason --show options` would have said of each treatment, from the decisions whose truth is known.

use super::truth::{About, TrueDecision, Truth};
use crate::model_directory::ModelDirectory;
use crate::progress::Voice;
use crate::reasoning::{Decision, MODIFIERS, Question, Table, before, first};
use ::evaluate::effects;
use ::evaluate::grading::{DecisionTruth, EffectGrade, EffectQuestion, Settings, effect};
use anyhow::Result;
use events::Subject;
use std::collections::HashMap;

/// Decided within this time of the condition's record; what was decided is on record a minute later.
const MOMENT_DAYS: f64 = 30.0 / 86_400.0;
/// Days within which a treatment that was decided is begun.
const GRACE_DAYS: f64 = 1.0;

/// What is asked of effects.
pub struct EffectsAsked {
    /// Fewest decisions that a question is asked of.
    pub least_decisions: usize,
    /// How effects are estimated.
    pub effects: effects::Settings,
    /// How they are graded.
    pub grading: Settings,
}

/// Grades each treatment and outcome with enough decisions; and how many had too few, and how many decisions the record tells
/// otherwise than the truth.
pub fn effects(
    directory: &ModelDirectory,
    people: &HashMap<i64, &Subject>,
    truth: &Truth,
    asked: &EffectsAsked,
    voice: Voice,
) -> Result<(Vec<EffectGrade>, usize, usize)> {
    let (mut grades, mut too_few, mut differing) = (Vec::new(), 0, 0);
    let bar = voice.count("treatments", truth.decisions.len() as u64);
    for (about, decisions) in &truth.decisions {
        bar.add(1);
        let question = Question {
            condition: about.condition_code.to_string(),
            treatment: about.treatment.to_string(),
            outcome: about.outcome_code.to_string(),
            grace_days: GRACE_DAYS,
            horizon_days: decisions.first().map_or(365.25, |d| d.horizon_days),
        };
        let of = |decision: &TrueDecision| made(people.get(&decision.subject_id)?, decision, &question);
        let found: Vec<(&TrueDecision, Decision)> =
            decisions.iter().filter_map(|truth| Some((truth, of(truth)?))).collect();
        if found.len() < asked.least_decisions {
            too_few += 1;
            continue;
        }
        differing += found.iter().filter(|(truth, decision)| truth.given != decision.treated).count();
        grades.push(graded(directory, about, found, question, asked)?);
    }
    Ok((grades, too_few, differing))
}

/// The decision as the record tells it.
fn made(subject: &Subject, truth: &TrueDecision, question: &Question) -> Option<Decision> {
    let time = truth.time.plus_days(MOMENT_DAYS);
    let begun = first(subject, &question.treatment);
    if begun.is_some_and(|begun| begun <= time) {
        return None;
    }
    let treated = begun.is_some_and(|begun| begun <= time.plus_days(question.grace_days));
    Some(Decision { treated, follow_up: question.follow_up(subject, time)?, before: before(subject, time) })
}

fn graded(
    directory: &ModelDirectory,
    about: &About,
    found: Vec<(&TrueDecision, Decision)>,
    question: Question,
    asked: &EffectsAsked,
) -> Result<EffectGrade> {
    let truth_of: HashMap<i64, DecisionTruth> = found
        .iter()
        .map(|(truth, _)| {
            (truth.subject_id, DecisionTruth { risks: truth.risks, propensity: truth.propensity })
        })
        .collect();
    let decisions = found.into_iter().map(|(truth, decision)| (truth.subject_id, decision)).collect();
    let table = Table::of(directory, decisions, question)?;
    let truth = table.subjects().filter_map(|subject| truth_of.get(&subject).copied()).collect();
    let question = EffectQuestion {
        names: [&about.condition, &about.therapy, &about.outcome].map(ToString::to_string),
        cohort: table.cohort(),
        truth,
        modifiers: MODIFIERS.to_vec(),
        settings: asked.effects,
    };
    Ok(effect(&question, &asked.grading)?)
}

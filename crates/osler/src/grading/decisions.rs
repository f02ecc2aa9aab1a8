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

/// What was graded of treatments.
#[derive(Default)]
pub struct EffectsFound {
    /// Each treatment and outcome with enough decisions.
    pub grades: Vec<EffectGrade>,
    /// How many had too few.
    pub too_few: usize,
    /// Those whose outcome is that the condition comes again, in words.
    pub recurrences: Vec<String>,
    /// How many decisions the record tells otherwise than the truth.
    pub differing: usize,
}

/// Grades each treatment and outcome with enough decisions.
pub fn effects(
    directory: &ModelDirectory,
    people: &HashMap<i64, &Subject>,
    truth: &Truth,
    asked: &EffectsAsked,
    voice: Voice,
) -> Result<EffectsFound> {
    let mut all = EffectsFound::default();
    let bar = voice.count("treatments", truth.decisions.len() as u64);
    for (about, decisions) in &truth.decisions {
        bar.add(1);
        if about.is_recurrence() {
            all.recurrences.push(format!("{}: {} by {}", about.condition, about.outcome, about.therapy));
            continue;
        }
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
            all.too_few += 1;
            continue;
        }
        all.differing += found.iter().filter(|(truth, decision)| truth.given != decision.treated).count();
        all.grades.push(graded(directory, about, found, question, asked)?);
    }
    Ok(all)
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
    let truths: Vec<DecisionTruth> = found
        .iter()
        .map(|(truth, _)| DecisionTruth { risks: truth.risks, propensity: truth.propensity })
        .collect();
    let decisions = found.into_iter().map(|(truth, decision)| (truth.subject_id, decision)).collect();
    let table = Table::of(directory, decisions, question)?;
    // By row: after each infarction, stroke or fracture it is decided anew, so that somebody may have several.
    let truth = table.kept().iter().map(|place| truths[*place]).collect();
    let question = EffectQuestion {
        names: [&about.condition, &about.therapy, &about.outcome].map(ToString::to_string),
        cohort: table.cohort(),
        truth,
        modifiers: MODIFIERS.to_vec(),
        settings: asked.effects,
    };
    Ok(effect(&question, &asked.grading)?)
}

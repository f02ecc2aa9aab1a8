//! What would have become of somebody, had a treatment been given or withheld.
//!
//! At each decision the life is taken up twice, with the treatment begun and with none of its class begun; all else
//! (what else befalls the person, what else is decided later, when they tire of a drug) follows from the same random
//! numbers. One of the two is the life that was lived: whoever was given another drug of the class at that moment is in
//! neither, and left out. Repeated futures of both give the true probabilities.

use crate::care;
use crate::condition::Condition;
use crate::forward;
use crate::life::{Forced, Living, Pause};
use crate::population::{Population, SyntheticSubject};
use crate::therapy::{Outcome, Therapy};
use events::Time;

/// The truth about one decision and one outcome.
#[derive(Clone, Debug)]
pub struct DecisionTruth {
    /// As in MEDS.
    pub subject_id: i64,
    /// The moment; what is on record by then was known to who decided.
    pub time: Time,
    /// What the treatment is for.
    pub indication: Condition,
    /// The treatment.
    pub therapy: &'static Therapy,
    /// What care chose.
    pub given: bool,
    /// Did something forbid it?
    pub contraindicated: bool,
    /// The true chance that it was given.
    pub propensity: f64,
    /// The outcome.
    pub outcome: Outcome,
    /// Days after the decision within which it counts.
    pub horizon_days: f64,
    /// Did it happen, treated?
    pub outcome_treated: bool,
    /// Did it happen, untreated?
    pub outcome_untreated: bool,
    /// Its probability, treated, given everything about the person.
    pub risk_treated: f64,
    /// Its probability, untreated.
    pub risk_untreated: f64,
    /// The standard error of the difference of the two, by the futures' number.
    pub difference_error: f64,
    /// Repeated futures behind each probability.
    pub draws: u32,
}

/// The truth about every decision within a subject's record. `draws` futures stand behind each probability.
pub fn decisions(
    population: &Population,
    subject: &SyntheticSubject,
    horizon_days: f64,
    draws: u32,
) -> Vec<DecisionTruth> {
    let mut truths = Vec::new();
    let mut living = population.relive(subject);
    while let Pause::Decide(onset) = living.advance(subject.last_age, None) {
        let age = living.age;
        let made = living.life.decisions.len();
        let before = living.clone();
        living.decide(onset, None);
        if age < subject.enrolment_age {
            continue;
        }
        let time = care::time_at(subject.birth, age);
        for decision in &living.life.decisions[made..] {
            let therapy = Therapy::all()[decision.therapy];
            // Who was given another of the class is in neither arm.
            let another = living.life.decisions[made..]
                .iter()
                .any(|d| d.given && d.therapy != decision.therapy && d.class() == decision.class());
            if another {
                continue;
            }
            let [treated, untreated] = [true, false].map(|given| {
                let mut arm = before.clone();
                arm.decide(onset, Some(Forced { therapy: decision.therapy, given }));
                arm
            });
            let years = horizon_days / care::DAYS_PER_YEAR;
            let lived = [&treated, &untreated].map(|arm| {
                let mut arm = arm.clone();
                arm.live_until(age + years);
                arm
            });
            for effect in therapy.effects {
                let outcome = effect.on;
                if let Outcome::Onset(condition) = outcome
                    && condition.is_chronic()
                    && before.known[condition.index()] <= age
                {
                    continue;
                }
                let risks = |arm: &Living<'_>| -> Vec<f64> {
                    (1..=draws)
                        .map(|replicate| forward::along(arm, outcome, &[years], replicate)[0])
                        .collect()
                };
                let (with, without) = (risks(&treated), risks(&untreated));
                let differences: Vec<f64> = with.iter().zip(&without).map(|(a, b)| a - b).collect();
                let [outcome_treated, outcome_untreated] =
                    [0, 1].map(|arm| happened(&lived[arm], outcome, age, age + years));
                truths.push(DecisionTruth {
                    subject_id: subject.index as i64 + 1,
                    time,
                    indication: therapy.indication,
                    therapy,
                    given: decision.given,
                    contraindicated: decision.contraindicated,
                    propensity: decision.propensity,
                    outcome,
                    horizon_days,
                    outcome_treated,
                    outcome_untreated,
                    risk_treated: forward::mean_and_error(&with).0,
                    risk_untreated: forward::mean_and_error(&without).0,
                    difference_error: forward::mean_and_error(&differences).1,
                    draws,
                });
            }
        }
    }
    truths
}

/// Did an outcome happen after an age and by another, before death?
fn happened(living: &Living<'_>, outcome: Outcome, after: f64, by: f64) -> bool {
    let death = living.life.death_age;
    match outcome {
        Outcome::Death => death <= by,
        Outcome::Onset(condition) => living
            .life
            .of(condition)
            .any(|onset| onset.diagnosis_age > after && onset.diagnosis_age <= by.min(death)),
    }
}

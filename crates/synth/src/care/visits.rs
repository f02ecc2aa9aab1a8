//! When people come, and why.

use super::Window;
use crate::catalogue::Concept;
use crate::condition::Condition;
use crate::life::Life;
use crate::person::Person;
use crate::random::Draws;
use crate::record::Class;
use events::Sex;

/// Why somebody comes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Reason {
    /// A check-up, or care of what is known.
    Routine,
    /// A condition is diagnosed; with its place among the life's onsets.
    Onset(Condition, usize),
    /// A visit soon after a diagnosis.
    FollowUp(Condition),
    /// A symptom, of something or of nothing.
    Symptom(Concept),
}

/// A visit to come.
#[derive(Clone, Copy, Debug)]
pub(super) struct Visit {
    pub age: f64,
    pub class: Class,
    pub reason: Reason,
}

/// Routine visits per year of somebody without chronic conditions: rounded from the National Ambulatory Medical
/// Care Survey (2.7 visits a year in all) less visits for acute problems, which are planned apart.
fn routine_visits_per_year(age: f64) -> f64 {
    match age {
        a if a < 1.0 => 5.0,
        a if a < 3.0 => 2.0,
        a if a < 18.0 => 0.8,
        a if a < 45.0 => 0.6,
        a if a < 65.0 => 0.9,
        _ => 1.3,
    }
}

/// Symptoms of nothing in particular, per adult and year, all together.
pub(crate) const IDLE_SYMPTOMS_PER_YEAR: f64 = 0.13;

/// Are a condition's complaints also made by people of this sex who don't have it? Those before an episode that begins
/// silently, and what only a test finds, aren't. Before what begins at once nobody complains of it: such complaints, like
/// chest pain, are of nothing in particular, or the record would tell of what no hazard knows.
pub(crate) fn complained_of_idly(condition: Condition, sex: Sex) -> bool {
    let silent = condition.profile().silent_years.0 > 0.0;
    (condition.is_chronic() || !silent) && condition.befalls(sex) && condition != Condition::ProstateCancer
}

/// Between which ages the complaints before a diagnosis lie: in the last part of the silent time, and nowhere if there is
/// none, since then nothing is there to complain of.
pub(crate) fn complaints_before(diagnosis_age: f64, silent_years: f64) -> Option<(f64, f64)> {
    const LAST: f64 = 0.01;
    (silent_years > 2.0 * LAST).then(|| (diagnosis_age - silent_years.min(0.8), diagnosis_age - LAST))
}

/// All visits within the window, in order.
pub(super) fn plan(person: &Person, life: &Life, window: Window, draws: &mut Draws) -> Vec<Visit> {
    let mut visits = Vec::new();
    routine(person, life, window, draws, &mut visits);
    for (place, onset) in life.onsets.iter().enumerate() {
        let profile = onset.condition.profile();
        let chronic = onset.condition.is_chronic();
        let notional = onset.latent_age + person.silent_years[onset.condition.index()];
        prodrome(profile.prodrome, onset.latent_age, notional, window, draws, &mut visits);
        let finding = onset.finding;
        if !(window.from..window.until).contains(&finding.visit_age) {
            continue;
        }
        let (age, class) = (finding.visit_age, finding.class);
        visits.push(Visit { age, class, reason: Reason::Onset(onset.condition, place) });
        if chronic || class == Class::Inpatient {
            let later = age + draws.between(20.0, 75.0) / super::DAYS_PER_YEAR;
            let class = Class::Ambulatory;
            visits.push(Visit { age: later, class, reason: Reason::FollowUp(onset.condition) });
        }
    }
    let mut age = window.from.max(18.0);
    loop {
        age += draws.exponential() / (IDLE_SYMPTOMS_PER_YEAR * person.visit_propensity);
        if age >= window.until {
            break;
        }
        let condition = Condition::ALL[draws.below(Condition::COUNT)];
        let candidates = condition.profile().prodrome;
        if let Some((code, display, _)) = candidates.get(draws.below(candidates.len()))
            && complained_of_idly(condition, person.sex)
        {
            visits.push(symptom(age, code, display));
        }
    }
    visits.retain(|visit| (window.from..window.until).contains(&visit.age));
    visits.sort_by(|a, b| a.age.total_cmp(&b.age));
    visits
}

fn symptom(age: f64, code: &'static str, display: &'static str) -> Visit {
    Visit { age, class: Class::Ambulatory, reason: Reason::Symptom(Concept { code, display }) }
}

fn routine(person: &Person, life: &Life, window: Window, draws: &mut Draws, visits: &mut Vec<Visit>) {
    let known_ages = super::known_ages(life);
    let mut age = window.from;
    loop {
        let known = known_ages.iter().filter(|(_, known)| *known < age).count();
        let rate = (routine_visits_per_year(age) + 0.4 * (known as f64).min(5.0)) * person.visit_propensity;
        // Two exponential halves: visits are more regular than a Poisson process.
        age += (draws.exponential() + draws.exponential()) / (2.0 * rate);
        if age >= window.until {
            return;
        }
        visits.push(Visit { age, class: Class::Ambulatory, reason: Reason::Routine });
    }
}

/// Symptoms of what has begun and isn't found yet.
fn prodrome(
    symptoms: &[(&'static str, &'static str, f64)],
    latent_age: f64,
    diagnosis_age: f64,
    window: Window,
    draws: &mut Draws,
    visits: &mut Vec<Visit>,
) {
    let Some((earliest, latest)) = complaints_before(diagnosis_age, diagnosis_age - latent_age) else {
        return;
    };
    for (code, display, probability) in symptoms {
        let has_it = draws.chance(*probability);
        let age = draws.between(earliest, latest);
        if has_it && (window.from..window.until).contains(&age) {
            visits.push(symptom(age, code, display));
        }
    }
}

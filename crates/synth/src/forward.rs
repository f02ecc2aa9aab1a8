//! True probabilities: what may become of somebody whose whole state is known.
//!
//! A probability is the mean over repeated futures of a number that each tells, in one of two ways. With the outcome
//! held off while everything else happens, its integrated hazard gives `1 − exp(−∫h)`: least spread, one outcome a
//! future. With everything going as it goes, the hazard integrated until the outcome is the event's compensator, whose
//! mean is the probability too: a little more spread, and all outcomes from one future. Both are exact, since clocks
//! are independent, and vary far less than counting does.

use crate::condition::Condition;
use crate::life::{Living, finding};
use crate::random::Purpose;
use crate::therapy::Outcome;

/// The probability of an outcome within `years` of now along one future of many: of disease itself, once it can be
/// diagnosed, whoever finds it.
pub(crate) fn along(now: &Living<'_>, outcome: Outcome, years: &[f64], replicate: u32) -> Vec<f64> {
    let mut future = now.clone();
    future.start_anew(replicate);
    let from = future.age;
    let longest = years.iter().copied().fold(0.0, f64::max);
    let Outcome::Onset(condition) = outcome else {
        future.watch(Outcome::Death);
        future.live_until(from + longest);
        return years.iter().map(|years| future.watched_until(from + years)).collect();
    };
    let index = condition.index();
    if condition.is_chronic() && now.latent[index].is_finite() {
        // It has begun: it comes out unless death comes first.
        let due = now.diagnosed[index];
        if due <= from || due > from + longest {
            return vec![0.0; years.len()];
        }
        future.watch(Outcome::Death);
        future.live_until(due);
        let survives = 1.0 - future.watched_until(due);
        return years.iter().map(|years| if due <= from + years { survives } else { 0.0 }).collect();
    }
    let offset = now.person.silent_years[index];
    if offset >= longest {
        return vec![0.0; years.len()];
    }
    future.watch(outcome);
    future.live_until(from + longest);
    let death = future.life.death_age;
    years.iter().map(|years| future.watched_until((from + years).min(death) - offset)).collect()
}

/// One future, with everything going as it goes, and its hazards noted: the probabilities of all outcomes at once.
pub(crate) fn future<'a>(now: &Living<'a>, longest: f64, replicate: u32) -> Living<'a> {
    let mut future = now.clone();
    future.start_anew(replicate);
    future.note_hazards();
    future.live_until(now.age + longest);
    future
}

/// The probability that an outcome is on record within `years` of now, as one future of many tells it. What has
/// begun comes out unless death comes first; for the rest see [`Living::noted_until`], whose mean counts.
pub(crate) fn recorded(
    now: &Living<'_>,
    future: &Living<'_>,
    outcome: Outcome,
    years: &[f64],
    replicate: u32,
) -> Vec<f64> {
    let from = now.age;
    let death = future.life.death_age;
    let Outcome::Onset(condition) = outcome else {
        return years.iter().map(|years| future.noted_death_until(from + years)).collect();
    };
    let index = condition.index();
    if condition.is_chronic() && now.latent[index].is_finite() {
        let due = now.known[index];
        return years
            .iter()
            .map(|years| if due <= from || due > from + years { 0.0 } else { survival(future, due) })
            .collect();
    }
    let Some(delay) = recorded_after(condition, now, replicate) else { return vec![0.0; years.len()] };
    let offset = now.person.silent_years[index] + delay;
    years.iter().map(|years| future.noted_until(condition, (from + years).min(death) - offset)).collect()
}

/// The probability of living to an age, as one future tells it: its mean counts.
pub(crate) fn survival(future: &Living<'_>, age: f64) -> f64 {
    1.0 - future.noted_death_until(age)
}

/// Years from diagnosable to recorded, for an onset to come; nothing if it will be missed.
fn recorded_after(condition: Condition, now: &Living<'_>, replicate: u32) -> Option<f64> {
    let mut dice = now.dice;
    dice.replicate = replicate;
    let mut draws = dice.draws(Purpose::Future, 1 + condition.index() as u32);
    // Somewhere in a day: offices aren't open at all hours.
    let at = now.age.floor() + draws.uniform();
    let found = finding::find(condition, now.person, now.world.disparity, at, &mut draws);
    found.known_age.is_finite().then_some(found.known_age - at)
}

/// A mean and its standard error.
pub(crate) fn mean_and_error(values: &[f64]) -> (f64, f64) {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let variance = values.iter().map(|v| (v - mean) * (v - mean)).sum::<f64>() / (n - 1.0).max(1.0);
    (mean, (variance / n).sqrt())
}

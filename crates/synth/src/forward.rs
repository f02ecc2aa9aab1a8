//! True probabilities: what may become of somebody whose whole state is known.
//!
//! A probability is the mean over repeated futures of the probability along each: the outcome itself is held off
//! while everything else happens, and its integrated hazard gives `1 − exp(−∫h)`. That mean is the probability
//! exactly, since clocks are independent, and it varies far less than counting does.

use crate::condition::Condition;
use crate::life::{Living, finding};
use crate::random::Purpose;
use crate::therapy::Outcome;

/// What counts as the outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    /// Disease itself, once it can be diagnosed, whoever finds it.
    Disease,
    /// Its first appearance on record.
    Recorded,
}

/// The probability of an outcome within `years` of now along one future of many.
pub(crate) fn along(
    now: &Living<'_>,
    outcome: Outcome,
    event: Event,
    years: &[f64],
    replicate: u32,
) -> Vec<f64> {
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
        let due = match event {
            Event::Disease => now.diagnosed[index],
            Event::Recorded => now.known[index],
        };
        if due <= from || due > from + longest {
            return vec![0.0; years.len()];
        }
        future.watch(Outcome::Death);
        future.live_until(due);
        let survives = 1.0 - future.watched_until(due);
        return years.iter().map(|years| if due <= from + years { survives } else { 0.0 }).collect();
    }
    let silent = now.person.silent_years[index];
    let offset = match event {
        Event::Disease => Some(silent),
        Event::Recorded => recorded_after(condition, now, replicate).map(|delay| silent + delay),
    };
    let Some(offset) = offset.filter(|offset| *offset < longest) else { return vec![0.0; years.len()] };
    future.watch(outcome);
    future.live_until(from + longest);
    let death = future.life.death_age;
    years.iter().map(|years| future.watched_until((from + years).min(death) - offset)).collect()
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

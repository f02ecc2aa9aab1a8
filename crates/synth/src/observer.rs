//! The best that anybody could know from the record: an observer who knows how the population was made, but not
//! what can't be seen.
//!
//! The observer's guesses (*particles*) are persons: traits, liabilities, relatives, smoking, silent times. Each is
//! weighted by how likely it makes the record: the ages at diagnosis of what is known, the years without what
//! isn't, being alive, every value measured, every symptom that was or wasn't complained of. Disease that has begun
//! and isn't on record is summed over rather than guessed: for each condition, over a grid of ages at which it may
//! have begun. An episode that the record tells as history happened before enrolment, at an age that is guessed. The risk is the weighted mean of each particle's own, found as `forward` finds true ones.
//! Traits are guessed near what the values say (each by a normal approximation of its own posterior), and the
//! weights correct for it exactly. One future of a particle tells the risks of all outcomes
//! (the hazard integrated until each). What is approximated is listed in `docs/synth/README.md`.

mod evidence;
mod likelihood;
mod proposal;

use crate::condition::Condition;
use crate::forward;
use crate::life::{Finding, Living, Onset, Use};
use crate::person::Person;
use crate::population::{Population, SyntheticSubject};
use crate::random::{Dice, Purpose};
use crate::record::Class;
use crate::therapy::Outcome;
use events::Time;
use evidence::Evidence;

/// A risk, as it is and as it can be known.
#[derive(Clone, Debug, PartialEq)]
pub struct RiskTruth {
    /// As in MEDS.
    pub subject_id: i64,
    /// The moment; what is on record by then is known to the observer.
    pub time: Time,
    /// Of what: its first appearance on record, or death.
    pub outcome: Outcome,
    /// Days within which it counts.
    pub horizon_days: f64,
    /// The probability, given everything about the person, disease that has begun included.
    pub true_risk: f64,
    /// The probability, given the record.
    pub bayes_risk: f64,
    /// The standard error of `bayes_risk`, from the particles' number.
    pub bayes_error: f64,
    /// The probability that it has begun and isn't on record, given the record.
    pub bayes_latent: f64,
    /// Has it?
    pub latent: bool,
    /// How many equally weighted particles the weighted ones are worth.
    pub effective_particles: f64,
}

/// How much work to do.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Effort {
    /// Particles for each record.
    pub particles: u32,
    /// Futures behind each true risk.
    pub draws: u32,
}

impl Default for Effort {
    /// 300 particles, 40 futures.
    fn default() -> Self {
        Effort { particles: 300, draws: 40 }
    }
}

/// Futures behind each draw that was asked for: one future serves all outcomes, and tells each a little less than one
/// in which that outcome is held off.
const FUTURES_PER_DRAW: u32 = 4;

/// Grid points for the age at which something began.
const GRID: usize = 8;

/// Risks at a moment of a subject's record that is chosen without regard to what comes after: the end of the first
/// visit to a clinic after a uniform time of one to six years from enrolment. Nothing if there is none, or the
/// patient is a child.
pub fn risks(
    population: &Population,
    subject: &SyntheticSubject,
    horizons_days: &[f64],
    effort: Effort,
) -> Vec<RiskTruth> {
    let seed = population.settings().seed;
    let dice = Dice::new(seed, subject.index, 0);
    let from =
        subject.record.from.plus_days(365.25 * (1.0 + 5.0 * dice.draws(Purpose::Observer, 0).uniform()));
    let Some(visit) =
        subject.record.encounters.iter().find(|e| e.class == Class::Ambulatory && e.start >= from)
    else {
        return Vec::new();
    };
    let time = visit.end;
    let age = time.days_since(subject.birth) / 365.25;
    if age < 20.0 || time >= subject.record.until {
        return Vec::new();
    }
    let evidence = Evidence::until(subject, time);
    let years: Vec<f64> = horizons_days.iter().map(|days| days / 365.25).collect();
    let outcomes: Vec<Outcome> = Condition::ALL
        .into_iter()
        .filter(|condition| !evidence.holds(*condition) && is_watched(*condition, &subject.person))
        .map(Outcome::Onset)
        .chain([Outcome::Death])
        .collect();

    let mut truth = population.relive(subject);
    truth.live_until(age);
    let longest = years.iter().copied().fold(0.0, f64::max);
    let futures: Vec<Vec<Vec<f64>>> = (1..=FUTURES_PER_DRAW * effort.draws)
        .map(|replicate| {
            let future = forward::future(&truth, longest, replicate);
            let told = |outcome| forward::recorded(&truth, &future, outcome, &years, replicate);
            outcomes.iter().copied().map(told).collect()
        })
        .collect();
    let mut rows = Vec::new();
    for (number, &outcome) in outcomes.iter().enumerate() {
        for (place, days) in horizons_days.iter().enumerate() {
            let each: Vec<f64> = futures.iter().map(|future| future[number][place]).collect();
            rows.push(RiskTruth {
                subject_id: subject.index as i64 + 1,
                time,
                outcome,
                horizon_days: *days,
                true_risk: forward::mean_and_error(&each).0.clamp(0.0, 1.0),
                bayes_risk: f64::NAN,
                bayes_error: f64::NAN,
                bayes_latent: f64::NAN,
                latent: matches!(outcome, Outcome::Onset(c) if c.is_chronic() && truth.latent[c.index()].is_finite()),
                effective_particles: 0.0,
            });
        }
    }
    observe(population, &evidence, &outcomes, &years, dice, effort, &mut rows);
    rows
}

/// Conditions whose risk is graded: those that stay, and two that come suddenly, where they can befall the person.
fn is_watched(condition: Condition, person: &Person) -> bool {
    use Condition::{MyocardialInfarction, Stroke};
    let graded = condition.is_chronic() || matches!(condition, MyocardialInfarction | Stroke);
    graded && condition.befalls(person.sex)
}

/// What one particle contributes.
struct Particle {
    log_weight: f64,
    /// Risk by outcome and horizon, and the probability of being latent by outcome.
    risks: Vec<Vec<f64>>,
    latent: Vec<f64>,
}

fn observe(
    population: &Population,
    evidence: &Evidence<'_>,
    outcomes: &[Outcome],
    years: &[f64],
    dice: Dice,
    effort: Effort,
    rows: &mut [RiskTruth],
) {
    let proposals = proposal::Proposals::fit(evidence);
    let particles: Vec<Particle> = (0..effort.particles)
        .map(|number| particle(population, evidence, &proposals, outcomes, years, dice, number))
        .collect();
    let highest = particles.iter().map(|p| p.log_weight).fold(f64::NEG_INFINITY, f64::max);
    let weights: Vec<f64> = particles.iter().map(|p| (p.log_weight - highest).exp()).collect();
    let total: f64 = weights.iter().sum();
    let squares: f64 = weights.iter().map(|w| w * w).sum();
    let mean = |value: &dyn Fn(&Particle) -> f64| -> (f64, f64) {
        let mean = particles.iter().zip(&weights).map(|(p, w)| w * value(p)).sum::<f64>() / total;
        let variance =
            particles.iter().zip(&weights).map(|(p, w)| (w * (value(p) - mean)).powi(2)).sum::<f64>();
        (mean, variance.sqrt() / total)
    };
    for (place, row) in rows.iter_mut().enumerate() {
        let (outcome, horizon) = (place / years.len(), place % years.len());
        (row.bayes_risk, row.bayes_error) = mean(&|p| p.risks[outcome][horizon]);
        row.bayes_risk = row.bayes_risk.clamp(0.0, 1.0);
        row.bayes_latent = mean(&|p| p.latent[outcome]).0;
        row.effective_particles = total * total / squares;
    }
}

/// Ages at which something may have begun, and what each weighs against its not having begun.
struct Beginnings {
    ages: [f64; GRID],
    weights: [f64; GRID],
    sum: f64,
    /// The hazard over the time in question: what not having begun costs.
    integral: f64,
    /// Years from the beginning until it would be on record.
    known_offset: f64,
}

fn particle(
    population: &Population,
    evidence: &Evidence<'_>,
    proposals: &proposal::Proposals,
    outcomes: &[Outcome],
    years: &[f64],
    dice: Dice,
    number: u32,
) -> Particle {
    let mut draws = dice.draws(Purpose::Observer, 1 + number);
    let (person, log_proposal) = evidence.guess(proposals, &mut draws);
    let world = population.world();
    let mut living = Living::new(world, &person, Dice { replicate: 1 + number, ..dice });
    living.life.uses = evidence.uses(&mut draws);
    let mut script = evidence.script(&person);
    script.extend(evidence.histories(&person, world.rates, &mut draws));
    script.sort_by(|a, b| a.latent_age.total_cmp(&b.latent_age));
    let offsets: Vec<f64> = Condition::ALL
        .into_iter()
        .map(|condition| {
            let index = condition.index();
            if evidence.knows(condition) || !condition.is_chronic() {
                return person.silent_years[index];
            }
            person.silent_years[index]
                + evidence.recording_delay(condition, &person, world.disparity, &mut draws)
        })
        .collect();
    let asked = evidence.asked(&offsets);
    let mut log_weight = log_proposal + living.follow(&script, evidence.age, &asked);
    log_weight += likelihood::of_values(evidence, &person, &living.life);

    // What may have begun unseen, one condition after the other, each in the light of those before: what one explains
    // isn't explained twice. The order differs from particle to particle.
    let unseen = |condition: Condition| {
        condition.is_chronic() && !evidence.knows(condition) && offsets[condition.index()] > 0.0
    };
    for step in 0..Condition::COUNT {
        let condition = Condition::ALL[(step + number as usize) % Condition::COUNT];
        if !unseen(condition) {
            continue;
        }
        let found = begin(evidence, &person, &mut living, condition, offsets[condition.index()]);
        log_weight += (1.0 + found.sum).ln() - found.integral;
        if draws.chance(found.sum / (1.0 + found.sum)) {
            let place = choose(&found.weights, draws.uniform());
            living.place(found.onset(condition, &person, place));
        }
    }
    let longest = years.iter().copied().fold(0.0, f64::max);
    let replicate = 1 + number;
    let shared = forward::future(&living, longest, replicate);
    let (mut risks, mut latent) = (Vec::new(), Vec::new());
    for &outcome in outcomes {
        let (mut mixed, mut begun) = (vec![0.0; years.len()], 0.0);
        let hidden = match outcome {
            Outcome::Onset(condition) if unseen(condition) => Some(condition),
            _ => None,
        };
        let Some(condition) = hidden else {
            risks.push(forward::recorded(&living, &shared, outcome, years, replicate));
            latent.push(0.0);
            continue;
        };
        // Given everything else that was guessed, it may have begun or not: both are counted.
        let guessed = living.latent[condition.index()].is_finite();
        let displaced = guessed.then(|| {
            let mut none = living.clone();
            none.displace_unknown(condition, evidence.age);
            none
        });
        let mut none = displaced.unwrap_or_else(|| living.clone());
        let found = begin(evidence, &person, &mut none, condition, offsets[condition.index()]);
        begun += found.sum / (1.0 + found.sum);
        if begun > 1e-9 {
            // What is silent changes nothing, death least of all: the one future says who lives to see it found.
            for (age, weight) in found.ages.iter().zip(&found.weights) {
                let due = age + found.known_offset;
                let share = weight / (1.0 + found.sum);
                if share < 1e-9 || due > evidence.age + longest {
                    continue;
                }
                let survives = forward::survival(&shared, due);
                for (mixed, years) in mixed.iter_mut().zip(years) {
                    if due <= evidence.age + years {
                        *mixed += survives * share;
                    }
                }
            }
        }
        let without = if guessed {
            let future = forward::future(&none, longest, replicate);
            forward::recorded(&none, &future, outcome, years, replicate)
        } else {
            forward::recorded(&living, &shared, outcome, years, replicate)
        };
        for (mixed, without) in mixed.iter_mut().zip(without) {
            *mixed += (1.0 - begun) * without;
        }
        risks.push(mixed);
        latent.push(begun);
    }
    Particle { log_weight, risks, latent }
}

impl Beginnings {
    fn onset(&self, condition: Condition, person: &Person, place: usize) -> Onset {
        let latent_age = self.ages[place];
        let known_age = latent_age + self.known_offset;
        Onset {
            condition,
            latent_age,
            diagnosis_age: latent_age + person.silent_years[condition.index()],
            finding: Finding { class: Class::Ambulatory, visit_age: known_age, known_age },
            stage: Onset::NO_STAGE,
        }
    }
}

/// What beginnings of a condition weigh, against none, in the light of its own measurements and symptoms and of what else was guessed.
fn begin(
    evidence: &Evidence<'_>,
    person: &Person,
    living: &mut Living<'_>,
    condition: Condition,
    offset: f64,
) -> Beginnings {
    // What will never be recorded may have begun at any age; fifty years are enough.
    let span = offset.min(evidence.age).min(50.0);
    let step = span / GRID as f64;
    let mut found =
        Beginnings { ages: [0.0; GRID], weights: [0.0; GRID], sum: 0.0, integral: 0.0, known_offset: offset };
    // Values from before it could have begun say the same either way.
    let moved: Vec<_> = evidence.moved_by(condition, evidence.age - span).collect();
    let without: Vec<f64> = moved
        .iter()
        .map(|&(measure, value, age)| likelihood::of_value(measure, value, person, &living.life, age))
        .collect();
    let silent = evidence.of_symptoms(condition, person, None);
    for place in 0..GRID {
        let age = evidence.age - span + (place as f64 + 0.5) * step;
        found.ages[place] = age;
        let hazard = living.hazard_at(condition, age);
        found.integral += hazard * step;
        if hazard <= 0.0 {
            continue;
        }
        let onset = found.onset(condition, person, place);
        living.life.onsets.push(onset);
        let mut gain = evidence.of_symptoms(condition, person, Some(age)) - silent;
        for (&(measure, value, taken), without) in moved.iter().zip(&without) {
            if taken > age {
                gain += likelihood::of_value(measure, value, person, &living.life, taken) - without;
            }
        }
        living.life.onsets.pop();
        // Against not having begun by now: the hazard then, over what is left of the chance of none until now.
        let years_since = evidence.age - age;
        let weight = hazard * step * (hazard * years_since).exp() * gain.exp();
        found.weights[place] = weight.min(1e12);
    }
    found.sum = found.weights.iter().sum();
    found
}

fn choose(weights: &[f64; GRID], uniform: f64) -> usize {
    let mut left = uniform * weights.iter().sum::<f64>();
    for (place, weight) in weights.iter().enumerate() {
        left -= weight;
        if left < 0.0 {
            return place;
        }
    }
    GRID - 1
}

/// The treatments that a record shows, with what is left open filled in.
type Uses = Vec<Use>;

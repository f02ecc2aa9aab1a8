//! A life from birth to death: competing hazards in continuous time.
//!
//! Hazards are constant between *turns*: a birthday, an onset, a diagnosis, or a month, year or five years after
//! one. Between turns the time to the next event is exponential, so the simulation is exact for these hazards.
//!
//! A condition with a silent time begins latently at age `u` and is diagnosed at `u + silent_years` unless death
//! comes first. The latent hazard at `u` is the published rate at `u + silent_years`, with the hazard ratio at
//! `u`; thus diagnoses occur at the published rate, and people also die with disease that nobody found.

use crate::condition::{Condition, Course, Driver};
use crate::person::{Person, SmokingStatus};
use crate::random::Draws;
use crate::rates::{MAX_AGE, Rates};

/// The beginning of a condition, or one episode of it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Onset {
    /// Which.
    pub condition: Condition,
    /// Age in years when it began, silently.
    pub latent_age: f64,
    /// Age in years at diagnosis; infinite when death came first.
    pub diagnosis_age: f64,
}

/// A whole life.
#[derive(Clone, Debug)]
pub struct Life {
    /// Onsets in order of latent age.
    pub onsets: Vec<Onset>,
    /// Age at death in years.
    pub death_age: f64,
}

impl Life {
    /// Onsets of one condition, in order.
    pub fn of(&self, condition: Condition) -> impl Iterator<Item = &Onset> {
        self.onsets.iter().filter(move |onset| onset.condition == condition)
    }

    /// The age at the first diagnosis of a condition, infinite if never.
    pub fn diagnosis_age(&self, condition: Condition) -> f64 {
        self.of(condition).map(|onset| onset.diagnosis_age).next().unwrap_or(f64::INFINITY)
    }
}

/// One stretch of constant hazards, for calibration.
pub(crate) struct Stretch {
    pub from: f64,
    pub to: f64,
    /// Hazard ratios of latent onset, by condition.
    pub ratios: [f64; Condition::COUNT],
    pub death_ratio: f64,
    pub death_excess: f64,
}

/// What is known of a person at an age.
struct State {
    /// Age at latent onset, infinite before; for episodes, the last.
    latent: [f64; Condition::COUNT],
    /// Age at diagnosis, infinite before; for episodes, the last.
    diagnosed: [f64; Condition::COUNT],
}

/// Years after an onset at which its hazard of death, or its effect on other hazards, changes.
const TURNS_AFTER: [f64; 3] = [30.0 / 365.25, 1.0, 5.0];

/// At a turn, rounding may put the age a hair before it; the stretch that begins lies after it. In years.
const HAIR: f64 = 1e-9;

impl State {
    /// The logarithm of a condition's hazard ratio at an age.
    fn log_ratio(&self, rates: &Rates, person: &Person, condition: Condition, age: f64) -> f64 {
        let mut sum = 0.0;
        for (driver, log_ratio) in rates.drivers(condition) {
            sum += log_ratio
                * match driver {
                    Driver::Smoking => match person.smoking.at(age) {
                        SmokingStatus::Never => 0.0,
                        SmokingStatus::Current => 1.0,
                        SmokingStatus::Former => 0.4,
                    },
                    Driver::BodyMass if age >= 18.0 => (person.body_mass_index(age) - 27.0) / 5.0,
                    Driver::BodyMass => 0.0,
                    Driver::Of(which) => person.of(*which),
                    Driver::Family => f64::from(u8::from(person.family[condition.index()])),
                    Driver::Liability => person.liability[condition.index()],
                    Driver::After(other) => f64::from(u8::from(self.has(*other, age))),
                };
        }
        sum
    }

    /// Chronic: diagnosed; an episode: still felt.
    fn has(&self, condition: Condition, age: f64) -> bool {
        let since = age - self.diagnosed[condition.index()] + HAIR;
        match condition.profile().course {
            Course::Chronic => since >= 0.0,
            Course::Recurrent { felt_years, .. } => since >= 0.0 && since < felt_years,
        }
    }

    /// The hazard ratio and the excess of death at an age.
    fn death(&self, age: f64) -> (f64, f64) {
        let (mut ratio, mut excess) = (1.0, 0.0);
        for condition in Condition::ALL {
            let since = age - self.diagnosed[condition.index()] + HAIR;
            if since >= 0.0 {
                let mortality = &condition.profile().mortality;
                ratio *= mortality.ratio;
                excess += mortality.excess(age, since);
            }
        }
        (ratio, excess)
    }

    /// The first turn after an age.
    fn next_turn(&self, age: f64) -> f64 {
        let mut next = age.floor() + 1.0;
        for diagnosed in self.diagnosed {
            if diagnosed > age {
                next = next.min(diagnosed);
            } else {
                for after in TURNS_AFTER {
                    if diagnosed + after > age + HAIR {
                        next = next.min(diagnosed + after);
                        break;
                    }
                }
            }
        }
        next
    }
}

/// Lives a life. With a trace, every stretch of constant hazards is recorded.
pub(crate) fn live(
    rates: &Rates,
    person: &Person,
    draws: &mut Draws,
    mut trace: Option<&mut Vec<Stretch>>,
) -> Life {
    let mut state =
        State { latent: [f64::INFINITY; Condition::COUNT], diagnosed: [f64::INFINITY; Condition::COUNT] };
    let mut onsets: Vec<Onset> = Vec::new();
    let mut age = 0.0;
    let mut hazards = [0.0; Condition::COUNT];
    // Smoking also kills in other ways (Doll et al., BMJ 2004;328:1519: all-cause ratio near 2, of which part
    // runs through the conditions above); frailty stands for everything else.
    let frailty = (0.25 * person.of(crate::condition::Trait::Frailty)).exp();
    let death_age = loop {
        if age >= MAX_AGE as f64 {
            break MAX_AGE as f64;
        }
        let mut ratios = [0.0; Condition::COUNT];
        let mut total = 0.0;
        for condition in Condition::ALL {
            let index = condition.index();
            let at_risk = match condition.profile().course {
                Course::Chronic => state.latent[index].is_infinite(),
                Course::Recurrent { spacing_days, .. } => {
                    state.latent[index].is_infinite() || age - state.latent[index] >= spacing_days / 365.25
                }
            };
            hazards[index] = 0.0;
            let base = rates.onset(condition, person.sex, age, person.silent_years[index]);
            if base > 0.0 && (at_risk || trace.is_some()) {
                ratios[index] = state.log_ratio(rates, person, condition, age).exp();
                if at_risk {
                    hazards[index] = base * ratios[index];
                    total += hazards[index];
                } else {
                    // An episode's gap counts as no risk, so that the mean makes up for it.
                    ratios[index] = 0.0;
                }
            }
        }
        let smoking = if person.smoking.at(age) == SmokingStatus::Current && age > 35.0 { 1.4 } else { 1.0 };
        let (condition_ratio, death_excess) = state.death(age);
        let death_ratio = condition_ratio * smoking * frailty;
        let death =
            rates.death(person.sex, age) * death_ratio + rates.excess_share(person.sex, age) * death_excess;
        total += death;

        let turn = state.next_turn(age);
        let waiting = draws.exponential() / total;
        let end = (age + waiting).min(turn);
        if let Some(trace) = trace.as_deref_mut() {
            trace.push(Stretch { from: age, to: end, ratios, death_ratio, death_excess });
        }
        if age + waiting >= turn {
            age = turn;
            continue;
        }
        age = end;
        let mut left = draws.uniform() * total - death;
        if left < 0.0 {
            break age;
        }
        for condition in Condition::ALL {
            let index = condition.index();
            left -= hazards[index];
            if hazards[index] > 0.0 && left < 0.0 {
                let diagnosis_age = age + person.silent_years[index];
                state.latent[index] = age;
                state.diagnosed[index] = diagnosis_age;
                onsets.push(Onset { condition, latent_age: age, diagnosis_age });
                break;
            }
        }
    };
    for onset in &mut onsets {
        if onset.diagnosis_age > death_age {
            onset.diagnosis_age = f64::INFINITY;
        }
    }
    Life { onsets, death_age }
}

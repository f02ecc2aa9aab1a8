//! Where to look for traits: near what the values say.

use super::evidence::Evidence;
use super::likelihood::of_value;
use crate::condition::{Condition, Driver, Trait};
use crate::life::{Life, Living, World};
use crate::measurement::Measure;
use crate::person::Person;
use crate::random::{Dice, Draws, Purpose};

/// One trait's normal.
#[derive(Clone, Copy)]
struct Normal {
    mean: f64,
    spread: f64,
}

impl Normal {
    fn log_density(self, x: f64) -> f64 {
        let z = (x - self.mean) / self.spread;
        -0.5 * z * z - self.spread.ln()
    }
}

/// A mixture: all traits as the values say; all as the values of long ago say, before what may be going on now; or
/// one of them far from it.
pub(super) struct Proposals {
    now: [Normal; Trait::COUNT],
    then: [Normal; Trait::COUNT],
}

const NOW: f64 = 0.6;
const THEN: f64 = 0.2;
/// How much wider than its approximation a trait's posterior is guessed to be.
const WIDER: f64 = 1.15;
/// Values younger than this, in years, may show disease that is on nobody's mind.
const LONG_AGO: f64 = 2.5;

impl Proposals {
    pub fn fit(evidence: &Evidence<'_>) -> Self {
        let mut draws = Dice::new(0, 0, 0).draws(Purpose::Observer, 0);
        let mut person = Person::draw(evidence.sex(), evidence.birth_year(), &mut draws);
        person.height_cm = evidence.height_cm();
        person.traits = [0.0; Trait::COUNT];
        for condition in Condition::ALL {
            person.silent_years[condition.index()] = condition.profile().silent_years.0;
        }
        // The life as told, without hazards.
        let mut living = Living::new(World::published(), &person, Dice::new(0, 0, 0));
        for onset in evidence.script(&person) {
            living.place(onset);
        }
        let mut life = std::mem::take(&mut living.life);
        life.uses = evidence.uses(&mut draws);
        let mut person = person.clone();
        let mut fit = |recent: bool| {
            person.traits = [0.0; Trait::COUNT];
            // Body mass first: others lean on it.
            let order = std::iter::once(Trait::Adiposity as usize)
                .chain((0..Trait::COUNT).filter(|place| *place != Trait::Adiposity as usize));
            let mut normals = [Normal { mean: 0.0, spread: 1.0 }; Trait::COUNT];
            for place in order {
                let until = if recent { f64::INFINITY } else { evidence.age - LONG_AGO };
                normals[place] = approximate(evidence, &mut person, &life, place, until);
                person.traits[place] = normals[place].mean;
            }
            normals
        };
        Proposals { now: fit(true), then: fit(false) }
    }

    /// Traits, and the logarithm of their prior over their proposal.
    pub fn draw(&self, draws: &mut Draws) -> ([f64; Trait::COUNT], f64) {
        let luck = draws.uniform();
        let astray = draws.below(Trait::COUNT);
        let mut traits = [0.0; Trait::COUNT];
        for (place, value) in traits.iter_mut().enumerate() {
            let normal = if luck < NOW {
                self.now[place]
            } else if luck < NOW + THEN {
                self.then[place]
            } else if place == astray {
                Normal { spread: 3.0 * self.now[place].spread, ..self.now[place] }
            } else {
                self.now[place]
            };
            *value = normal.mean + normal.spread * draws.normal();
        }
        let sum = |normals: &[Normal; Trait::COUNT]| -> f64 {
            normals.iter().zip(&traits).map(|(normal, x)| normal.log_density(*x)).sum()
        };
        let (now, then) = (sum(&self.now), sum(&self.then));
        let strayed: Vec<f64> = (0..Trait::COUNT)
            .map(|place| {
                let wide = Normal { spread: 3.0 * self.now[place].spread, ..self.now[place] };
                now - self.now[place].log_density(traits[place]) + wide.log_density(traits[place])
            })
            .collect();
        let highest = strayed.iter().copied().fold(now.max(then), f64::max);
        let mut density = NOW * (now - highest).exp() + THEN * (then - highest).exp();
        let stray = (1.0 - NOW - THEN) / Trait::COUNT as f64;
        density += strayed.iter().map(|log| stray * (log - highest).exp()).sum::<f64>();
        (traits, log_prior(&traits) - highest - density.ln())
    }
}

/// The logarithm of the prior density of traits, up to a constant: normal, three of them leaning on body mass.
fn log_prior(traits: &[f64; Trait::COUNT]) -> f64 {
    let mut sum = 0.0;
    for (place, value) in traits.iter().enumerate() {
        let share = crate::person::share_of_adiposity(place);
        let own = (value - share * traits[Trait::Adiposity as usize]) / (1.0 - share * share).sqrt();
        sum -= 0.5 * own * own;
    }
    sum
}

/// Measures that a trait shows in.
fn shows(place: usize, measure: Measure) -> bool {
    let of = |measure: Measure| measure.test().of.is_some_and(|(which, _)| which as usize == place);
    match measure {
        Measure::Height => false,
        Measure::Weight | Measure::BodyMassIndex => place == Trait::Adiposity as usize,
        Measure::Creatinine => of(Measure::Egfr),
        Measure::TotalCholesterol => of(Measure::Ldl),
        _ => of(measure),
    }
}

/// A normal approximation of one trait's posterior, the others held.
fn approximate(
    evidence: &Evidence<'_>,
    person: &mut Person,
    life: &Life,
    place: usize,
    until: f64,
) -> Normal {
    let share = crate::person::share_of_adiposity(place);
    let centre = share * person.traits[Trait::Adiposity as usize];
    let spread = (1.0 - share * share).sqrt();
    // Known disease speaks for the traits that bring it.
    let tilt: f64 = evidence
        .known_conditions()
        .flat_map(|condition| condition.profile().drivers)
        .map(|(driver, ratio)| match driver {
            Driver::Of(which) if *which as usize == place => ratio.ln(),
            _ => 0.0,
        })
        .sum();
    let values: Vec<_> = evidence
        .values
        .iter()
        .filter(|(measure, _, age)| *age < until && shows(place, *measure))
        .copied()
        .collect();
    let mut posterior = |x: f64| -> f64 {
        person.traits[place] = x;
        let z = (x - centre) / spread;
        let mut sum = -0.5 * z * z + tilt * x;
        for &(measure, value, age) in &values {
            sum += of_value(measure, value, person, life, age);
        }
        sum
    };
    // A coarse search, then ever finer around the best.
    let (mut best, mut highest) = (0.0, f64::NEG_INFINITY);
    let (mut low, mut step) = (-4.5, 0.3);
    for _ in 0..4 {
        for place in 0..=30 {
            let x = low + step * f64::from(place);
            let value = posterior(x);
            if value > highest {
                (best, highest) = (x, value);
            }
        }
        low = best - step;
        step /= 15.0;
    }
    // Curvature over about one standard deviation, found by widening.
    let mut width = 0.004;
    while width < 1.0 && highest - 0.5 * (posterior(best + width) + posterior(best - width)) < 0.4 {
        width *= 1.5;
    }
    let drop = highest - 0.5 * (posterior(best + width) + posterior(best - width));
    let deviation = width / (2.0 * drop).max(1e-9).sqrt();
    Normal { mean: best, spread: WIDER * deviation.clamp(0.003, 1.1) }
}

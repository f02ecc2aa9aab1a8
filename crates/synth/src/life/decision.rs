//! Deciding on treatments, and taking them.

use super::{Living, stream_of};
use crate::condition::Condition;
use crate::measurement::Measure;
use crate::person::{Race, SmokingStatus};
use crate::physiology;
use crate::random::Purpose;
use crate::record::Class;
use crate::therapy::{Contraindication, Feature, OVERLOOKED, Outcome, Therapy};
use events::Sex;

/// One treatment decided for one indication, once.
#[derive(Clone, Debug, PartialEq)]
pub struct Decision {
    /// The treatment's place in [`Therapy::all`].
    pub therapy: usize,
    /// Age in years.
    pub age: f64,
    /// Did something forbid it?
    pub contraindicated: bool,
    /// The chance that care gave it, knowing what it knew (and, if so set, what no record shows).
    pub propensity: f64,
    /// Was it given?
    pub given: bool,
    /// What was measured to decide.
    pub basis: Vec<(Measure, f64)>,
}

impl Decision {
    /// The class of the treatment.
    pub fn class(&self) -> &'static str {
        Therapy::all()[self.therapy].class
    }
}

/// A treatment being taken.
#[derive(Clone, Debug, PartialEq)]
pub struct Use {
    /// The treatment's place in [`Therapy::all`].
    pub therapy: usize,
    /// Age in years at the beginning.
    pub start: f64,
    /// Age in years at the end.
    pub stop: f64,
    /// This patient's own hazard ratios.
    pub ratios: Vec<(Outcome, f64)>,
}

impl Use {
    /// Is it taken at an age?
    pub fn at(&self, age: f64) -> bool {
        self.start <= age && age < self.stop
    }

    /// The treatment.
    pub fn therapy(&self) -> &'static Therapy {
        Therapy::all()[self.therapy]
    }
}

/// A decision made for care: this class of treatments is, or isn't, begun now.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Forced {
    pub therapy: usize,
    pub given: bool,
}

impl Living<'_> {
    /// Decides on the treatments of an onset that is now on record; one of them may be decided from outside, the
    /// others then still follow care's habits and the same random numbers.
    pub fn decide(&mut self, onset: usize, forced: Option<Forced>) {
        let (condition, finding) = {
            let onset = &self.life.onsets[onset];
            (onset.condition, onset.finding)
        };
        if self.age < 18.0 {
            return;
        }
        let number = self.life.onsets[..onset].iter().filter(|o| o.condition == condition).count() as u32;
        let mut draws = self.dice.draws(Purpose::Onset, stream_of(condition, number) + (1 << 24));
        let mut basis: Vec<(Measure, f64)> = Vec::new();
        for (_, therapy) in Therapy::of(condition) {
            for measure in therapy.wanted() {
                if basis.iter().all(|(known, _)| *known != measure) {
                    let value =
                        physiology::measure(measure, self.person, &self.life, finding.visit_age, &mut draws);
                    basis.push((measure, value));
                }
            }
        }
        for (place, therapy) in Therapy::of(condition) {
            let (luck, patience) = (draws.uniform(), draws.exponential());
            let taken = self.life.uses.iter().any(|u| u.at(self.age) && u.therapy().class == therapy.class);
            if taken {
                continue;
            }
            let feature = |feature: Feature| self.feature(feature, &basis, finding.class);
            let contraindicated = therapy.contraindications.iter().any(|limit| match *limit {
                Contraindication::Known(other) => self.known[other.index()] <= self.age,
                Contraindication::Below(measure, limit) => value_of(&basis, measure) < limit,
                Contraindication::Above(measure, limit) => value_of(&basis, measure) > limit,
            });
            let mut logit = (therapy.uptake / (1.0 - therapy.uptake)).ln();
            for (what, by) in therapy.reasons {
                logit += by * feature(*what);
            }
            // Who is worse off in a way that nobody wrote down is treated less.
            logit -= self.world.confounding * self.person.hidden;
            logit += crate::site::uptake_shift(self.person.site);
            let mut propensity = 1.0 / (1.0 + (-logit).exp());
            if contraindicated {
                propensity *= OVERLOOKED;
            }
            let given = match forced {
                Some(forced) if forced.therapy == place => forced.given,
                // Not to begin a treatment is not to begin any of its class.
                Some(forced) if Therapy::all()[forced.therapy].class == therapy.class => false,
                _ => luck < propensity,
            };
            if given {
                let ratios = therapy
                    .effects
                    .iter()
                    .map(|effect| {
                        let more: f64 = effect.modifiers.iter().map(|(what, by)| by * feature(*what)).sum();
                        (effect.on, effect.ratio.powf((1.0 + more).clamp(0.0, 2.0)))
                    })
                    .collect();
                let stop = self.age + patience / therapy.stopping_per_year;
                self.life.uses.push(Use { therapy: place, start: self.age, stop, ratios });
            }
            self.life.decisions.push(Decision {
                therapy: place,
                age: self.age,
                contraindicated,
                propensity,
                given,
                basis: basis.clone(),
            });
        }
    }

    fn feature(&self, feature: Feature, basis: &[(Measure, f64)], class: Class) -> f64 {
        let yes = |is: bool| f64::from(u8::from(is));
        match feature {
            Feature::Age => (self.age - 60.0) / 10.0,
            Feature::Female => yes(self.person.sex == Sex::Female),
            Feature::Value(measure, centre, scale) => {
                ((value_of(basis, measure) - centre) / scale).clamp(-3.0, 3.0)
            }
            Feature::Known(condition) => yes(self.knew(condition)),
            Feature::Smoking => yes(self.person.smoking.at(self.age) == SmokingStatus::Current),
            Feature::Black => yes(self.person.race == Race::Black),
            Feature::Hispanic => yes(self.person.hispanic),
            Feature::Admitted => yes(class == Class::Inpatient),
        }
    }

    /// Was a condition on record before now?
    fn knew(&self, condition: Condition) -> bool {
        self.known[condition.index()] < self.age
    }
}

fn value_of(basis: &[(Measure, f64)], measure: Measure) -> f64 {
    basis.iter().find(|(known, _)| *known == measure).map_or(f64::NAN, |(_, value)| *value)
}

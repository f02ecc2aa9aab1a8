//! Treatments that act: who is given them, who shouldn't be, and what they do to outcomes.
//!
//! Each is decided when its indication comes on record (of infarction, stroke and fracture each time anew), from what the record shows by
//! then: age, sex, race, the values measured at the visit, the problems known, the site. The sicker are treated more (or the
//! frailer less), so whoever compares the treated with the untreated is misled: confounding by indication, with
//! every confounder on record. [`crate::Settings::unmeasured_confounding`] adds one that isn't.

use crate::catalogue::Concept;
use crate::condition::Condition;
use crate::measurement::Measure;
use crate::site::Site;
use crate::therapies;

/// A treatment of one indication.
#[derive(Debug)]
pub struct Therapy {
    /// The short name used in truth files.
    pub name: &'static str,
    /// Drugs of one class stand in for one another: whoever takes one isn't given another.
    pub class: &'static str,
    /// The drug, in RxNorm.
    pub drug: Concept,
    /// What it is given for.
    pub indication: Condition,
    /// The share of 60-year-old white men of average severity who are given it where nothing forbids it.
    pub uptake: f64,
    /// What moves the logit of being given it, per unit of the feature.
    pub reasons: &'static [(Feature, f64)],
    /// What forbids it. Care heeds it, mostly.
    pub contraindications: &'static [Contraindication],
    /// What it does. Empty for none.
    pub effects: &'static [Effect],
    /// The rate of stopping, per year.
    pub stopping_per_year: f64,
    /// Where the effects come from.
    pub source: &'static str,
}

impl Therapy {
    /// Every treatment that acts, and the placebo.
    pub fn all() -> &'static [&'static Therapy] {
        therapies::ALL
    }

    /// The treatments of an indication, with their places in [`Therapy::all`].
    pub fn of(indication: Condition) -> impl Iterator<Item = (usize, &'static Therapy)> {
        Self::all().iter().enumerate().filter(move |(_, t)| t.indication == indication).map(|(n, t)| (n, *t))
    }

    /// Does care of this condition rest on treatments that are decided?
    pub(crate) fn decided_for(indication: Condition) -> bool {
        Self::of(indication).next().is_some()
    }

    /// Does it do anything? A placebo doesn't bring values under control either.
    pub fn acts(&self) -> bool {
        self.effects.iter().any(|effect| effect.ratio != 1.0)
    }

    /// Everything measured before it is decided.
    pub(crate) fn wanted(&self) -> impl Iterator<Item = Measure> {
        let of_feature = |feature: &Feature| match feature {
            Feature::Value(measure, ..) => Some(*measure),
            _ => None,
        };
        let reasons = self.reasons.iter().filter_map(move |(feature, _)| of_feature(feature));
        let modifiers = self
            .effects
            .iter()
            .flat_map(|effect| effect.modifiers)
            .filter_map(move |(feature, _)| of_feature(feature));
        let limits = self.contraindications.iter().filter_map(|c| match c {
            Contraindication::Below(measure, _) | Contraindication::Above(measure, _) => Some(*measure),
            _ => None,
        });
        reasons.chain(modifiers).chain(limits)
    }
}

/// What care knows of a patient when it decides; all of it is on record.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Feature {
    /// Decades of age above 60.
    Age,
    /// Being a woman.
    Female,
    /// The value measured at the visit, less a centre, in units of a scale; held between -3 and 3.
    Value(Measure, f64, f64),
    /// Another condition is known.
    Known(Condition),
    /// Smoking now.
    Smoking,
    /// Being Black.
    Black,
    /// Being Hispanic.
    Hispanic,
    /// The diagnosis was made in hospital.
    Admitted,
}

/// What forbids a treatment.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Contraindication {
    /// Another condition is known.
    Known(Condition),
    /// The value at the visit is below this.
    Below(Measure, f64),
    /// The value at the visit is above this.
    Above(Measure, f64),
}

/// What is changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The hazard of (latent) onset.
    Onset(Condition),
    /// The hazard of death.
    Death,
}

impl Outcome {
    /// The name in truth files.
    pub fn name(self) -> &'static str {
        match self {
            Outcome::Onset(condition) => condition.profile().name,
            Outcome::Death => "death",
        }
    }

    /// The code in a MEDS record of a site.
    pub fn code(self, site: Site) -> String {
        match self {
            Outcome::Onset(condition) => format!("ICD10CM//{}", site.diagnosis(condition.profile().icd10cm)),
            Outcome::Death => events::Code::DEATH.to_owned(),
        }
    }
}

/// A hazard ratio while the treatment is taken, for an average patient, and how patients differ.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Effect {
    /// What is changed.
    pub on: Outcome,
    /// The published hazard ratio.
    pub ratio: f64,
    /// How the logarithm of the ratio grows with features at the decision: it is multiplied by one plus the sum of
    /// these times the features, and stays between none and twice the published one.
    pub modifiers: &'static [(Feature, f64)],
}

pub(crate) const fn effect(on: Outcome, ratio: f64, modifiers: &'static [(Feature, f64)]) -> Effect {
    Effect { on, ratio, modifiers }
}

/// The chance that care overlooks a contraindication, as a factor on the chance of giving.
pub const OVERLOOKED: f64 = 0.06;

/// Treatments and their published figures as a page of Markdown.
pub fn figures() -> String {
    use std::fmt::Write;
    let mut page = String::from(
        "\n# Treatments\n\nHazard ratios hold while the treatment is taken; in brackets, how patients differ (the \
         logarithm is multiplied by\none plus these). Reasons move the logit of being given it. `Value(test, centre, \
         scale)` is the value at the visit.\n",
    );
    let features = |list: &[(Feature, f64)]| {
        list.iter().map(|(feature, by)| format!("{feature:?} {by:+}")).collect::<Vec<_>>().join(", ")
    };
    for therapy in Therapy::all() {
        // Writing to a String can't fail.
        let _ = write!(
            page,
            "\n## {}: {} for {}\n\nSource: {}.\n\nGiven to {} % at reference; reasons: {}; stopped by {} a year.\n",
            therapy.name.replace('_', " "),
            therapy.drug.display,
            therapy.indication.profile().name.replace('_', " "),
            therapy.source,
            (100.0 * therapy.uptake).round(),
            features(therapy.reasons),
            therapy.stopping_per_year,
        );
        if !therapy.contraindications.is_empty() {
            let list: Vec<String> = therapy.contraindications.iter().map(|c| format!("{c:?}")).collect();
            let _ = writeln!(page, "Contraindicated: {}.", list.join(", "));
        }
        let effects: Vec<String> = therapy
            .effects
            .iter()
            .map(|effect| {
                let of = if effect.modifiers.is_empty() {
                    String::new()
                } else {
                    format!(" [{}]", features(effect.modifiers))
                };
                format!("{} {}{of}", effect.on.name().replace('_', " "), effect.ratio)
            })
            .collect();
        let _ = writeln!(page, "Hazard ratios: {}.", effects.join(", "));
    }
    page
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn therapies_are_sound_and_named_once() {
        let mut names = HashSet::new();
        for therapy in Therapy::all() {
            assert!(names.insert(therapy.name), "{} twice", therapy.name);
            assert!((0.0..1.0).contains(&therapy.uptake) && therapy.stopping_per_year > 0.0);
            assert!(therapy.source.len() > 30, "{} has no source", therapy.name);
            assert!(therapy.effects.iter().all(|e| (0.05..5.0).contains(&e.ratio)));
        }
        assert!(Therapy::all().iter().any(|t| !t.acts()), "no placebo");
    }
}

//! What a condition is: how often it begins, in whom, how long it is silent, and what it does to survival.

use crate::catalogue::Order;
use crate::conditions;
use crate::measurement::Measure;

pub use crate::conditions::Condition;

impl Condition {
    /// Its place in tables.
    pub const fn index(self) -> usize {
        self as usize
    }

    /// Everything known about it.
    pub fn profile(self) -> &'static Profile {
        conditions::profile(self)
    }

    /// Can it befall somebody of this sex?
    pub fn befalls(self, sex: events::Sex) -> bool {
        let rate = |knot: &Knot| if sex == events::Sex::Female { knot.2 } else { knot.1 };
        self.profile().incidence.iter().any(|knot| rate(knot) > 0.0)
    }

    /// Does it stay once it has begun?
    pub fn is_chronic(self) -> bool {
        matches!(self.profile().course, Course::Chronic)
    }
}

/// A published rate: age in years, then men's and women's new cases per 1,000 person-years. Between knots the
/// rate is interpolated linearly; before the first and after the last it is constant.
pub type Knot = (f64, f64, f64);

/// Everything known about a condition.
#[derive(Debug)]
pub struct Profile {
    /// Which one.
    pub condition: Condition,
    /// The short name used in truth files and notes.
    pub name: &'static str,
    /// Its code in ICD-10-CM.
    pub icd10cm: &'static str,
    /// The code's description.
    pub display: &'static str,
    /// Once for life, or again and again.
    pub course: Course,
    /// New diagnoses per 1,000 person-years among people without it (chronic) or among all (recurrent).
    pub incidence: &'static [Knot],
    /// The silent time between latent onset and diagnosis, in years: median and the standard deviation of its
    /// logarithm. `(0, 0)` where there is none.
    pub silent_years: (f64, f64),
    /// Hazard ratios, each per unit of its driver.
    pub drivers: &'static [(Driver, f64)],
    /// What it does to survival.
    pub mortality: Mortality,
    /// How it comes to the hospital's notice.
    pub presentation: Presentation,
    /// Symptoms that are coded on visits in the silent time's last months: ICD-10-CM code, description, and the
    /// chance that a case has it recorded. Where nothing is silent, they are complaints of nothing in particular.
    pub prodrome: &'static [(&'static str, &'static str, f64)],
    /// The share of people with a first-degree relative who had it.
    pub family: f64,
    /// How far it has come when it is found, or which kind it is: shares of 1; empty where that isn't told apart.
    pub stages: &'static [Stage],
    /// The median stay of an admission for it, in days.
    pub stay_days: f64,
    /// Tests and procedures that establish it.
    pub workup: &'static [Order],
    /// Tests at the visit after.
    pub follow_up: &'static [Order],
    /// Tests due while it is known: the order, the measure whose last time counts, and years between.
    pub monitor: &'static [(Order, Measure, f64)],
    /// Where the incidence comes from.
    pub source: &'static str,
}

/// What most conditions have in common: a clinic's diagnosis of something that stays.
pub(crate) const ORDINARY: Profile = Profile {
    condition: Condition::Hypertension,
    name: "",
    icd10cm: "",
    display: "",
    course: Course::Chronic,
    incidence: &[],
    silent_years: (0.0, 0.0),
    drivers: &[],
    mortality: Mortality::ratio(1.0),
    presentation: Presentation { inpatient: 0.0, emergency: 0.0 },
    prodrome: &[],
    family: 0.0,
    stages: &[],
    stay_days: 4.0,
    workup: &[],
    follow_up: &[],
    monitor: &[],
    source: "",
};

/// How far something has come when it is found. It is coded beside the condition itself.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Stage {
    /// The name in truth files.
    pub name: &'static str,
    /// The share of cases.
    pub share: f64,
    /// What the condition's excess of deaths is multiplied by; the mean over stages is about 1.
    pub mortality: f64,
    /// A code of ICD-10-CM that says so, with its description; empty where none does.
    pub icd10cm: &'static str,
    /// The code's description.
    pub display: &'static str,
}

/// Confined to where it began.
pub(crate) const LOCALIZED: Stage =
    Stage { name: "localized", share: 0.0, mortality: 1.0, icd10cm: "", display: "" };
/// In lymph nodes nearby.
pub(crate) const REGIONAL: Stage = Stage {
    name: "regional",
    icd10cm: "C77.9",
    display: "Secondary and unspecified malignant neoplasm of lymph node, unspecified",
    ..LOCALIZED
};
/// In other organs.
pub(crate) const DISTANT: Stage = Stage {
    name: "distant",
    icd10cm: "C79.9",
    display: "Secondary malignant neoplasm of unspecified site",
    ..LOCALIZED
};

/// Once for life, or again and again.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Course {
    /// Begins at most once and stays.
    Chronic,
    /// Episodes; the next can't begin within so many days of the last.
    Recurrent {
        /// The shortest time between two episodes.
        spacing_days: f64,
        /// How long an episode keeps its effect on other hazards, in years.
        felt_years: f64,
    },
}

/// A stable, latent bent of a person, standard normal in the population. Measurements show it with noise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Trait {
    /// Usual blood pressure for age.
    BloodPressure,
    /// Usual LDL cholesterol for age.
    Cholesterol,
    /// Usual glucose and HbA1c for age.
    Glycaemia,
    /// Body mass for age.
    Adiposity,
    /// Filtration for age; higher is worse.
    Kidney,
    /// Thyrotropin for age.
    Thyroid,
    /// Prostate-specific antigen for age.
    Prostate,
    /// Wall stress (NT-proBNP) for age.
    Heart,
    /// Airflow limitation for age.
    Airway,
    /// Low mood.
    Mood,
    /// Cognitive frailty for age.
    Cognition,
    /// General frailty; seen in visits, haemoglobin and inflammation.
    Frailty,
}

impl Trait {
    /// How many there are.
    pub const COUNT: usize = 12;
}

/// What raises or lowers a hazard.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Driver {
    /// Current smoking; former smokers keep the power 0.4 of the hazard ratio.
    Smoking,
    /// Each 5 kg/m² of body mass index above 27, from age 18.
    BodyMass,
    /// Each standard deviation of a trait.
    Of(Trait),
    /// A first-degree relative with the same condition.
    Family,
    /// Each standard deviation of a liability to this condition alone, which no measurement shows.
    Liability,
    /// Having another condition; for an episode, for as long as it is felt.
    After(Condition),
    /// Without another condition it doesn't happen. Its ratio counts for nothing.
    Requires(Condition),
}

/// What a condition does to survival.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Mortality {
    /// The lasting hazard ratio of death.
    pub ratio: f64,
    /// Excess deaths per person-year in the first 30 days, at age 70.
    pub first_month: f64,
    /// Excess deaths per person-year from day 30 to one year, at age 70.
    pub first_year: f64,
    /// Excess deaths per person-year from one to five years, at age 70.
    pub to_five_years: f64,
    /// Does the excess double with each 15 years of age? (Cancers' hardly does.)
    pub grows_with_age: bool,
}

impl Mortality {
    /// A lasting hazard ratio, and no more.
    pub const fn ratio(ratio: f64) -> Self {
        Mortality { ratio, first_month: 0.0, first_year: 0.0, to_five_years: 0.0, grows_with_age: false }
    }

    /// Excess deaths per person-year at `age`, `years` after onset.
    pub fn excess(&self, age: f64, years: f64) -> f64 {
        let rate = if years < 30.0 / 365.25 {
            self.first_month
        } else if years < 1.0 {
            self.first_year
        } else if years < 5.0 {
            self.to_five_years
        } else {
            return 0.0;
        };
        if self.grows_with_age && rate > 0.0 { rate * ((age - 70.0) / 15.0).exp2() } else { rate }
    }
}

/// How a condition comes to the hospital's notice; what is left of 1 is ambulatory.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Presentation {
    /// The chance of an admission.
    pub inpatient: f64,
    /// The chance of an emergency visit without admission.
    pub emergency: f64,
}

/// The rate of one sex at an age, interpolated between knots, per person-year.
pub fn rate_at(knots: &[Knot], sex: events::Sex, age: f64) -> f64 {
    let value = |knot: &Knot| if sex == events::Sex::Female { knot.2 } else { knot.1 };
    let per_thousand = match knots.iter().position(|knot| knot.0 > age) {
        Some(0) => knots.first().map_or(0.0, value),
        None => knots.last().map_or(0.0, value),
        Some(next) => {
            let (low, high) = (&knots[next - 1], &knots[next]);
            let share = (age - low.0) / (high.0 - low.0);
            value(low) * (1.0 - share) + value(high) * share
        }
    };
    per_thousand / 1000.0
}

/// The published figures of all conditions as a page of Markdown: the text of `docs/synth/figures.md`.
pub fn figures() -> String {
    use std::fmt::Write;
    let mut page = String::from(
        "# Figures\n\nWritten by `cargo run -p synth --example figures > docs/synth/figures.md` from the program's own \
         tables. Rates are new\ncases per 1,000 person-years, men / women, at the ages given. Hazard ratios are per \
         unit of their driver.\n",
    );
    for condition in Condition::ALL {
        let profile = condition.profile();
        // Writing to a String can't fail.
        let _ = write!(page, "\n## {} (ICD-10-CM {})\n\n", profile.name.replace('_', " "), profile.icd10cm);
        let _ = writeln!(page, "Source: {}.\n", profile.source);
        let ages: Vec<String> = profile.incidence.iter().map(|knot| knot.0.to_string()).collect();
        let rates: Vec<String> =
            profile.incidence.iter().map(|knot| format!("{} / {}", knot.1, knot.2)).collect();
        let _ = writeln!(page, "| age | {} |\n|---|{}", ages.join(" | "), "---|".repeat(ages.len()));
        let _ = writeln!(page, "| rate | {} |\n", rates.join(" | "));
        let drivers: Vec<String> =
            profile.drivers.iter().map(|(driver, ratio)| format!("{driver:?} {ratio}")).collect();
        let _ = writeln!(page, "Hazard ratios: {}.", drivers.join(", "));
        if profile.silent_years.0 > 0.0 {
            let _ = writeln!(
                page,
                "Silent years before diagnosis: median {}, spread of the logarithm {}.",
                profile.silent_years.0, profile.silent_years.1
            );
        }
        if !profile.stages.is_empty() {
            let stages: Vec<String> = profile
                .stages
                .iter()
                .map(|s| {
                    format!(
                        "{} {} % (excess of deaths times {})",
                        s.name,
                        (100.0 * s.share).round(),
                        s.mortality
                    )
                })
                .collect();
            let _ = writeln!(page, "When found: {}.", stages.join(", "));
        }
        let Mortality { ratio, first_month, first_year, to_five_years, .. } = profile.mortality;
        let _ = writeln!(
            page,
            "Death: lasting hazard ratio {ratio}; excess a year at 70: {first_month} in the first month, {first_year} \
             to one year, {to_five_years} to five."
        );
    }
    page.push_str(&crate::therapy::figures());
    page
}

#[cfg(test)]
mod tests {
    use super::*;
    use events::Sex;

    #[test]
    fn profiles_stand_at_their_index_and_are_sound() {
        for (index, condition) in Condition::ALL.into_iter().enumerate() {
            let profile = condition.profile();
            assert_eq!((condition.index(), profile.condition), (index, condition));
            assert!(profile.incidence.windows(2).all(|w| w[0].0 < w[1].0), "{}", profile.name);
            assert!(profile.incidence.iter().all(|k| k.1 >= 0.0 && k.2 >= 0.0));
            assert!(profile.drivers.iter().all(|d| d.1 > 0.0));
            assert!(profile.presentation.inpatient + profile.presentation.emergency <= 1.0);
            assert!(profile.source.len() > 30, "{} has no source", profile.name);
            let shares: f64 = profile.stages.iter().map(|stage| stage.share).sum();
            assert!(profile.stages.is_empty() || (shares - 1.0).abs() < 1e-9, "{}: {shares}", profile.name);
            let excess: f64 = profile.stages.iter().map(|stage| stage.share * stage.mortality).sum();
            assert!(
                profile.stages.is_empty() || (0.85..1.15).contains(&excess),
                "{}: {excess}",
                profile.name
            );
        }
    }

    #[test]
    fn the_documented_figures_are_the_simulated_ones() {
        let documented = include_str!("../../../docs/synth/figures.md");
        assert!(figures() == documented, "write docs/synth/figures.md anew");
    }

    #[test]
    fn rates_interpolate_between_knots_and_hold_outside() {
        let knots = [(20.0, 1.0, 2.0), (40.0, 3.0, 6.0)];
        assert_eq!(rate_at(&knots, Sex::Male, 10.0), 0.001);
        assert_eq!(rate_at(&knots, Sex::Male, 30.0), 0.002);
        assert_eq!(rate_at(&knots, Sex::Female, 90.0), 0.006);
    }
}

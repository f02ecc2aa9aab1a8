//! Known injustices: whose disease is overlooked or found late.
//!
//! What can be diagnosed is diagnosed at the published rates in everybody; a part of it never reaches the record of
//! some groups, or reaches it years late. The sizes are those of the studies named, rounded; they are the truth that
//! a fairness report should find, and are written to `truth/disparities.json`.

use crate::condition::Condition;
use crate::person::{Person, Race};
use events::Sex;

/// One injustice.
#[derive(Debug)]
pub struct Disparity {
    /// Whose.
    pub group: Group,
    /// What is overlooked.
    pub condition: Condition,
    /// The share of cases seen in clinics that never reach the record.
    pub missed: f64,
    /// The mean delay of the others, in years.
    pub delay_years: f64,
    /// Where the size comes from.
    pub source: &'static str,
}

/// A group of people.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Group {
    Black,
    Hispanic,
    Women,
    OtherLanguage,
}

impl Group {
    /// Is somebody in it?
    pub fn has(self, person: &Person) -> bool {
        match self {
            Group::Black => person.race == Race::Black,
            Group::Hispanic => person.hispanic,
            Group::Women => person.sex == Sex::Female,
            Group::OtherLanguage => person.language != "en",
        }
    }

    /// Its name in truth files.
    pub fn name(self) -> &'static str {
        match self {
            Group::Black => "black",
            Group::Hispanic => "hispanic",
            Group::Women => "women",
            Group::OtherLanguage => "language_other_than_english",
        }
    }
}

/// All of them.
pub static ALL: &[Disparity] = &[
    Disparity {
        group: Group::Black,
        condition: Condition::Depression,
        missed: 0.35,
        delay_years: 1.0,
        source: "Alegria et al., Psychiatr Serv 2008;59:1264 (59 % of African Americans with depression without care, against 40 %)",
    },
    Disparity {
        group: Group::Hispanic,
        condition: Condition::Depression,
        missed: 0.38,
        delay_years: 1.0,
        source: "Alegria et al., Psychiatr Serv 2008;59:1264 (64 % of Latinos without care, against 40 %)",
    },
    Disparity {
        group: Group::Black,
        condition: Condition::Dementia,
        missed: 0.25,
        delay_years: 1.0,
        source: "Gianattasio et al., Epidemiology 2019;30:291 (about twice the odds of an unrecorded dementia)",
    },
    Disparity {
        group: Group::Hispanic,
        condition: Condition::Dementia,
        missed: 0.25,
        delay_years: 1.0,
        source: "Lin et al., J Alzheimers Dis 2021 (missed or delayed diagnosis 54 % in Hispanic, 41 % in white people)",
    },
    Disparity {
        group: Group::Women,
        condition: Condition::Copd,
        missed: 0.12,
        delay_years: 1.0,
        source: "Chapman et al., Chest 2001;119:1691 (COPD named for 49 % of women and 65 % of men of the same story)",
    },
    Disparity {
        group: Group::OtherLanguage,
        condition: Condition::KidneyDisease,
        missed: 0.2,
        delay_years: 1.0,
        source: "Size assumed; direction: limited English and missed chronic disease, Diamond et al., J Gen Intern Med 2019;34:1591",
    },
];

/// What is done to somebody, in sum.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Unjust {
    pub missed: f64,
    pub delay_years: f64,
}

/// The injustices to a person, times a scale.
pub(crate) fn of(condition: Condition, person: &Person, scale: f64) -> Unjust {
    let (mut found, mut delay_years) = (1.0, 0.0f64);
    for disparity in ALL.iter().filter(|d| d.condition == condition && d.group.has(person)) {
        found *= 1.0 - (scale * disparity.missed).clamp(0.0, 1.0);
        delay_years = delay_years.max(scale * disparity.delay_years);
    }
    Unjust { missed: 1.0 - found, delay_years }
}

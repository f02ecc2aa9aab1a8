//! How and when care finds what can be found.

use crate::condition::Condition;
use crate::disparity;
use crate::person::Person;
use crate::random::Draws;
use crate::record::Class;

/// Days from the beginning of a visit to a clinic until what is found and decided at it is on file: what is measured at the
/// visit comes before, since it is decided from that.
pub(crate) const CLINIC_KNOWN_DAYS: f64 = 0.015;

/// When and where an onset comes to the hospital's notice. Ages in years, infinite for never.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Finding {
    /// The kind of encounter.
    pub class: Class,
    /// Age at the start of that encounter.
    pub visit_age: f64,
    /// Age when it is on record, and treatments are decided: after what is measured in a clinic, at the end of a stay.
    pub known_age: f64,
}

impl Finding {
    /// Never found.
    pub const NEVER: Finding =
        Finding { class: Class::Ambulatory, visit_age: f64::INFINITY, known_age: f64::INFINITY };
}

/// Draws how an onset is found. What is drawn depends on nothing but the stream, so that it is the same in every
/// future of the person.
pub(crate) fn find(
    condition: Condition,
    person: &Person,
    disparity_scale: f64,
    diagnosis_age: f64,
    draws: &mut Draws,
) -> Finding {
    let (luck, overlooked, wait) = (draws.uniform(), draws.uniform(), draws.exponential());
    let (delay, stay, minute) = (draws.exponential(), draws.normal(), draws.uniform());
    let presentation = condition.profile().presentation;
    let class = if luck < presentation.inpatient {
        Class::Inpatient
    } else if luck < presentation.inpatient + presentation.emergency {
        Class::Emergency
    } else {
        Class::Ambulatory
    };
    let mut day = diagnosis_age * 365.25;
    if class == Class::Ambulatory {
        if condition.is_chronic() {
            let unjust = disparity::of(condition, person, disparity_scale);
            if overlooked < unjust.missed {
                return Finding::NEVER;
            }
            day += person.site.clinic_delay_days() * wait + 365.25 * unjust.delay_years * delay;
        }
        // The next day, in office hours.
        let clock = (8 * 60 + 10 * (54.0 * minute) as i32) as f64 / (24.0 * 60.0);
        let age = (day.floor() + 1.0 + clock) / 365.25;
        return Finding { class, visit_age: age, known_age: age + CLINIC_KNOWN_DAYS / 365.25 };
    }
    let start = day + 0.25 * minute;
    let length = if class == Class::Emergency {
        (2.0 + 4.0 * (wait / (1.0 + wait))) / 24.0
    } else {
        let median = condition.profile().stay_days;
        (median * (0.5 * stay).exp()).clamp(0.6, 40.0)
    };
    Finding { class, visit_age: start / 365.25, known_age: (start + length) / 365.25 }
}

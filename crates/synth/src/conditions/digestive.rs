//! Stomach and bowel.

use crate::Condition::*;
use crate::catalogue::{BLOOD_COUNT, Order::Panel};
use crate::condition::{Course, Driver::*, Mortality, ORDINARY, Presentation, Profile, Trait};

/// Gastrointestinal bleeding that is admitted or seen as an emergency.
///
/// About 0.7 (upper) and 0.35 (lower) admissions per 1,000 a year in US adults (Laine et al., Am J Gastroenterol
/// 2012;107:1190), doubling by decade after 50, men above women. Thirty-day mortality near 4 % (the same paper: 2 to
/// 4 % in hospital). A second bleed is commoner (Sostres et al., Am J Gastroenterol 2019, rounded).
pub(super) static BLEED: Profile = Profile {
    condition: GastrointestinalBleed,
    name: "gastrointestinal_bleed",
    icd10cm: "K92.2",
    display: "Gastrointestinal hemorrhage, unspecified",
    course: Course::Recurrent { spacing_days: 30.0, felt_years: f64::INFINITY },
    incidence: &[
        (10.0, 0.05, 0.05),
        (25.0, 0.3, 0.25),
        (45.0, 0.8, 0.5),
        (60.0, 2.0, 1.3),
        (70.0, 4.2, 3.0),
        (80.0, 8.5, 7.0),
        (90.0, 13.0, 12.0),
    ],
    silent_years: (0.0, 0.0),
    drivers: &[
        (After(GastrointestinalBleed), 3.0),
        (After(KidneyDisease), 1.5),
        (After(ColorectalCancer), 2.5),
        (After(Osteoarthritis), 1.25),
        (Smoking, 1.3),
        (Of(Trait::Frailty), 1.3),
    ],
    mortality: Mortality { first_month: 0.45, grows_with_age: true, ..Mortality::ratio(1.1) },
    presentation: Presentation { inpatient: 0.8, emergency: 0.2 },
    prodrome: &[],
    workup: &[Panel(&BLOOD_COUNT)],
    source: "Laine et al., Am J Gastroenterol 2012;107:1190 (US admissions), rounded",
    ..ORDINARY
};

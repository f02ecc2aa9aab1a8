//! Joints and bones.

use crate::Condition::*;
use crate::catalogue::{BLOOD_COUNT, Order::Panel};
use crate::condition::{Course, Driver::*, Mortality, ORDINARY, Presentation, Profile, Trait};

/// Knee osteoarthritis, as diagnosed.
///
/// Losina et al., Arthritis Care Res 2013;65:703 (NHIS 2007–2008): highest at 55–64, from 0.37 % a year in men
/// without obesity to 1.02 % in women with it; median age at diagnosis 55. Averaged over body mass.
pub(super) static OSTEOARTHRITIS: Profile = Profile {
    condition: Osteoarthritis,
    name: "knee_osteoarthritis",
    icd10cm: "M17.9",
    display: "Osteoarthritis of knee, unspecified",
    course: Course::Chronic,
    incidence: &[
        (15.0, 0.0, 0.0),
        (25.0, 0.3, 0.3),
        (35.0, 1.2, 1.6),
        (45.0, 3.0, 4.2),
        (60.0, 4.8, 7.4),
        (70.0, 4.0, 6.2),
        (85.0, 2.5, 4.0),
    ],
    silent_years: (1.0, 0.4),
    drivers: &[(BodyMass, 1.6), (Family, 1.5), (Liability, 1.5)],
    mortality: Mortality::ratio(1.0),
    presentation: Presentation { inpatient: 0.02, emergency: 0.02 },
    prodrome: &[("M25.569", "Pain in unspecified knee", 0.5)],
    family: 0.25,
    source: "Losina et al., Arthritis Care Res 2013 (NHIS 2007-2008), averaged over body mass",
    ..ORDINARY
};

/// Hip fracture.
///
/// Medicare 1985–2005 (Brauer et al., JAMA 2009;302:1573): 793.5 per 100,000 women and 369.0 per 100,000 men from
/// 65 in 2005, doubling by five years of age; the ages in between rounded from its figures. Mortality in the
/// year after: the same paper (22 % women, 33 % men).
pub(super) static HIP_FRACTURE: Profile = Profile {
    condition: HipFracture,
    name: "hip_fracture",
    icd10cm: "S72.009A",
    display: "Fracture of unspecified part of neck of unspecified femur, initial encounter for closed fracture",
    course: Course::Recurrent { spacing_days: 60.0, felt_years: 1.0 },
    incidence: &[
        (20.0, 0.04, 0.02),
        (50.0, 0.25, 0.25),
        (60.0, 0.6, 0.8),
        (67.0, 1.1, 1.8),
        (72.0, 2.0, 3.7),
        (77.0, 4.0, 7.8),
        (82.0, 7.8, 14.5),
        (90.0, 15.5, 25.0),
    ],
    silent_years: (0.0, 0.0),
    drivers: &[
        (Of(Trait::Frailty), 1.7),
        (BodyMass, 0.75),
        (After(Dementia), 2.2),
        (After(Stroke), 1.7),
        (Smoking, 1.5),
        (Family, 1.4),
    ],
    mortality: Mortality {
        ratio: 1.1,
        first_month: 0.6,
        first_year: 0.06,
        to_five_years: 0.0,
        grows_with_age: true,
    },
    presentation: Presentation { inpatient: 0.98, emergency: 0.02 },
    prodrome: &[],
    family: 0.08,
    stay_days: 5.0,
    workup: &[Panel(&BLOOD_COUNT)],
    source: "Brauer et al., JAMA 2009 (Medicare 2005), rounded by age",
    ..ORDINARY
};

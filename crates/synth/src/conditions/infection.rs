//! Infections: episodes, again and again.

use crate::Condition::*;
use crate::catalogue::{
    BLOOD_COUNT,
    Order::{Panel, Procedure, Test},
    procedure,
};
use crate::condition::{Course, Driver::*, Mortality, ORDINARY, Presentation, Profile, Trait};
use crate::measurement::Measure::*;

/// Pneumonia admitted to hospital.
///
/// CDC EPIC: per 10,000 a year 62.2 under 2 years, 23.8 at 2–4, 10.1 at 5–9, 4.2 at 10–17 (Jain et al., N Engl J
/// Med 2015;372:835); 6.7 at 18–49, 26.3 at 50–64, 63.0 at 65–79, 164.3 from 80 (N Engl J Med 2015;373:415). No
/// split by sex there; men about 1.2 times women. Ratios: Torres et al., Thorax 2013;68:1057.
pub(super) static PNEUMONIA: Profile = Profile {
    condition: Pneumonia,
    name: "pneumonia",
    icd10cm: "J18.9",
    display: "Pneumonia, unspecified organism",
    course: Course::Recurrent { spacing_days: 30.0, felt_years: 1.0 },
    incidence: &[
        (0.0, 7.0, 6.0),
        (2.0, 4.5, 3.9),
        (4.0, 1.8, 1.5),
        (8.0, 0.9, 0.8),
        (14.0, 0.45, 0.4),
        (30.0, 0.6, 0.5),
        (45.0, 1.3, 1.1),
        (57.0, 2.9, 2.4),
        (72.0, 6.9, 5.8),
        (85.0, 17.5, 14.5),
        (95.0, 22.0, 18.0),
    ],
    silent_years: (0.0, 0.0),
    drivers: &[
        (Of(Trait::Frailty), 1.4),
        (After(Copd), 2.6),
        (After(Asthma), 1.4),
        (After(HeartFailure), 1.8),
        (After(Dementia), 2.0),
        (After(Stroke), 1.7),
        (After(LungCancer), 2.0),
        (After(Influenza), 1.8),
        (Smoking, 1.5),
        (After(Pneumonia), 1.8),
        (After(Diabetes), 1.3),
    ],
    mortality: Mortality {
        first_month: 0.6,
        first_year: 0.03,
        grows_with_age: true,
        ..Mortality::ratio(1.0)
    },
    presentation: Presentation { inpatient: 0.98, emergency: 0.02 },
    prodrome: &[],
    workup: &[Procedure(procedure::CHEST_X_RAY), Panel(&BLOOD_COUNT), Test(CReactiveProtein)],
    source: "Jain et al., N Engl J Med 2015 (EPIC children and adults); men 1.2 times women assumed",
    ..ORDINARY
};

/// Urinary tract infection that comes to care.
///
/// Foxman, Nat Rev Urol 2010;7:653 and Am J Med 2002;113:5S: self-reported 12 % of women and 3 % of men a year, of
/// which about half reaches a record; from 85: 112 per 1,000 (Caljouw et al., BMC Med 2011;9:57), women above
/// men. Rounded.
pub(super) static URINARY: Profile = Profile {
    condition: UrinaryInfection,
    name: "urinary_tract_infection",
    icd10cm: "N39.0",
    display: "Urinary tract infection, site not specified",
    course: Course::Recurrent { spacing_days: 21.0, felt_years: 1.0 },
    incidence: &[
        (0.0, 8.0, 10.0),
        (5.0, 2.0, 16.0),
        (12.0, 1.0, 15.0),
        (20.0, 3.0, 62.0),
        (35.0, 4.0, 48.0),
        (50.0, 9.0, 46.0),
        (65.0, 24.0, 62.0),
        (75.0, 44.0, 85.0),
        (87.0, 80.0, 128.0),
    ],
    silent_years: (0.0, 0.0),
    drivers: &[
        (After(UrinaryInfection), 2.6),
        (After(Diabetes), 1.5),
        (After(Dementia), 1.6),
        (After(Stroke), 1.3),
        (Of(Trait::Frailty), 1.2),
        (Liability, 1.5),
    ],
    mortality: Mortality::ratio(1.0),
    presentation: Presentation { inpatient: 0.06, emergency: 0.18 },
    prodrome: &[],
    source: "Foxman, Am J Med 2002 and Nat Rev Urol 2010 (half of self-reports); Caljouw et al., BMC Med 2011 (85+)",
    ..ORDINARY
};

/// Sepsis with organ dysfunction.
///
/// Angus et al., Crit Care Med 2001;29:1303: 3.0 per 1,000 a year; 5.3 in infants, 0.2 in children of 5–14, about
/// 5.3 at 60–64, 26.2 from 85; men above women. Hospital mortality 29 %, from 10 % in children to 38 % from 85.
pub(super) static SEPSIS: Profile = Profile {
    condition: Sepsis,
    name: "sepsis",
    icd10cm: "A41.9",
    display: "Sepsis, unspecified organism",
    course: Course::Recurrent { spacing_days: 30.0, felt_years: 1.0 },
    incidence: &[
        (0.0, 5.6, 5.0),
        (1.5, 1.0, 0.9),
        (5.0, 0.2, 0.2),
        (15.0, 0.3, 0.4),
        (30.0, 0.7, 0.7),
        (45.0, 1.8, 1.4),
        (62.0, 5.9, 4.7),
        (72.0, 11.0, 8.5),
        (82.0, 20.0, 16.0),
        (90.0, 30.0, 24.0),
    ],
    silent_years: (0.0, 0.0),
    drivers: &[
        (Of(Trait::Frailty), 1.5),
        (After(Pneumonia), 2.5),
        (After(UrinaryInfection), 2.0),
        (After(Diabetes), 1.6),
        (After(KidneyDisease), 1.7),
        (After(HeartFailure), 1.5),
        (After(LungCancer), 3.0),
        (After(ColorectalCancer), 2.0),
        (After(Dementia), 1.5),
        (Smoking, 1.3),
    ],
    mortality: Mortality {
        ratio: 1.15,
        first_month: 3.2,
        first_year: 0.08,
        to_five_years: 0.0,
        grows_with_age: true,
    },
    presentation: Presentation { inpatient: 1.0, emergency: 0.0 },
    prodrome: &[],
    stay_days: 7.0,
    workup: &[Test(Lactate), Test(CReactiveProtein), Procedure(procedure::CHEST_X_RAY)],
    source: "Angus et al., Crit Care Med 2001",
    ..ORDINARY
};

/// Influenza that comes to care.
///
/// Symptomatic share by season and age (Tokars et al., Clin Infect Dis 2018;66:1511: 8.3 % in all, 9.3 % to 17,
/// 8.8 % at 18–64, 3.9 % from 65) times the share that seeks care (CDC burden method, 37–67 % by age).
pub(super) static INFLUENZA: Profile = Profile {
    condition: Influenza,
    name: "influenza",
    icd10cm: "J11.1",
    display: "Influenza due to unidentified influenza virus with other respiratory manifestations",
    course: Course::Recurrent { spacing_days: 60.0, felt_years: 1.0 },
    incidence: &[
        (0.0, 62.0, 60.0),
        (5.0, 58.0, 56.0),
        (12.0, 46.0, 46.0),
        (18.0, 33.0, 36.0),
        (45.0, 33.0, 38.0),
        (64.0, 30.0, 32.0),
        (70.0, 20.0, 22.0),
        (90.0, 20.0, 22.0),
    ],
    silent_years: (0.0, 0.0),
    drivers: &[(Of(Trait::Frailty), 1.1), (After(Asthma), 1.3), (After(Copd), 1.4)],
    mortality: Mortality { first_month: 0.03, grows_with_age: true, ..Mortality::ratio(1.0) },
    presentation: Presentation { inpatient: 0.03, emergency: 0.17 },
    prodrome: &[],
    source: "Tokars et al., Clin Infect Dis 2018, times the share seeking care (CDC burden method)",
    ..ORDINARY
};

/// Acute otitis media.
///
/// Kaur et al., Pediatrics 2017;140:e20170181: 60 % of children have had at least one episode by age 3, the
/// peak at 6–12 months; later ages follow the decline of US office visits. Rounded.
pub(super) static OTITIS_MEDIA: Profile = Profile {
    condition: OtitisMedia,
    name: "otitis_media",
    icd10cm: "H66.90",
    display: "Otitis media, unspecified, unspecified ear",
    course: Course::Recurrent { spacing_days: 21.0, felt_years: 1.0 },
    incidence: &[
        (0.0, 350.0, 320.0),
        (1.0, 480.0, 440.0),
        (2.0, 300.0, 280.0),
        (4.0, 170.0, 160.0),
        (7.0, 65.0, 62.0),
        (12.0, 18.0, 18.0),
        (18.0, 6.0, 7.0),
        (40.0, 3.0, 4.0),
    ],
    silent_years: (0.0, 0.0),
    drivers: &[(After(OtitisMedia), 1.7), (Liability, 1.6)],
    mortality: Mortality::ratio(1.0),
    presentation: Presentation { inpatient: 0.0, emergency: 0.06 },
    prodrome: &[],
    source: "Kaur et al., Pediatrics 2017; later ages follow the decline of US office visits, rounded",
    ..ORDINARY
};

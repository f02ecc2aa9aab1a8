//! Injuries, and infections of skin, nerves and gut.

use crate::Condition::*;
use crate::catalogue::{
    BLOOD_COUNT, METABOLIC,
    Order::{Panel, Procedure, Test},
    procedure,
};
use crate::condition::{Course, Driver::*, Mortality, ORDINARY, Presentation, Profile, Trait};
use crate::measurement::Measure::*;

/// Fracture of the wrist: Olmsted County (Farr et al., J Bone Miner Res 2014;29:590) in the young; women after 50 in
/// five times the rate of men.
pub(super) static WRIST_FRACTURE: Profile = Profile {
    condition: WristFracture,
    name: "wrist_fracture",
    icd10cm: "S52.509A",
    display: "Unspecified fracture of the lower end of unspecified radius, initial encounter for closed fracture",
    course: Course::Recurrent { spacing_days: 90.0, felt_years: 5.0 },
    incidence: &[
        (1.0, 0.8, 0.7),
        (7.0, 4.5, 4.0),
        (12.0, 9.0, 7.0),
        (17.0, 5.0, 1.5),
        (30.0, 1.3, 0.8),
        (50.0, 1.1, 2.4),
        (65.0, 1.3, 5.5),
        (85.0, 2.0, 8.0),
    ],
    drivers: &[(After(Osteoporosis), 2.0), (Of(Trait::Frailty), 1.2), (BodyMass, 0.9)],
    presentation: Presentation { inpatient: 0.06, emergency: 0.7 },
    workup: &[Procedure(procedure::WRIST_X_RAY)],
    source: "Farr et al., J Bone Miner Res 2014;29:590 (Olmsted County); older adults from Melton et al., Osteoporos Int 1998; not checked against its source",
    ..ORDINARY
};

/// Concussion seen in emergency departments: 5 per 1,000 a year, high in the young and the old (Taylor et al., MMWR Surveill
/// Summ 2017;66:1).
pub(super) static CONCUSSION: Profile = Profile {
    condition: Concussion,
    name: "concussion",
    icd10cm: "S06.0X0A",
    display: "Concussion without loss of consciousness, initial encounter",
    course: Course::Recurrent { spacing_days: 60.0, felt_years: 2.0 },
    incidence: &[
        (1.0, 6.0, 5.0),
        (8.0, 4.0, 2.6),
        (16.0, 9.0, 6.5),
        (30.0, 4.0, 3.6),
        (55.0, 2.8, 2.6),
        (75.0, 4.2, 4.5),
        (87.0, 9.0, 9.5),
    ],
    drivers: &[(After(Concussion), 2.0), (After(AlcoholUseDisorder), 2.5), (Of(Trait::Frailty), 1.2)],
    presentation: Presentation { inpatient: 0.04, emergency: 0.76 },
    workup: &[Procedure(procedure::CT_HEAD)],
    source: "Taylor et al., MMWR Surveill Summ 2017;66:1 (emergency visits for brain injury), two thirds of it concussion assumed; not checked against its source",
    ..ORDINARY
};

/// Cellulitis: 24.6 per 1,000 person-years of the insured (Ellis Simonsen et al., Epidemiol Infect 2006;134:293), a third of it here.
pub(super) static CELLULITIS: Profile = Profile {
    condition: Cellulitis,
    name: "cellulitis",
    icd10cm: "L03.90",
    display: "Cellulitis, unspecified",
    course: Course::Recurrent { spacing_days: 30.0, felt_years: 2.0 },
    incidence: &[
        (1.0, 5.0, 4.5),
        (10.0, 4.0, 3.5),
        (25.0, 6.5, 5.5),
        (45.0, 9.0, 7.0),
        (65.0, 13.0, 11.0),
        (85.0, 20.0, 18.0),
    ],
    drivers: &[
        (BodyMass, 1.35),
        (After(Diabetes), 1.7),
        (After(Cellulitis), 3.0),
        (After(HeartFailure), 1.5),
        (After(DiabeticNeuropathy), 1.8),
    ],
    mortality: Mortality { first_month: 0.06, grows_with_age: true, ..Mortality::ratio(1.0) },
    presentation: Presentation { inpatient: 0.13, emergency: 0.25 },
    workup: &[Panel(&BLOOD_COUNT), Test(CReactiveProtein)],
    source: "Ellis Simonsen et al., Epidemiol Infect 2006;134:293 (Utah), a third of it; not checked against its source",
    ..ORDINARY
};

/// Herpes zoster: 4.5 per 1,000 a year in the unvaccinated insured, from 0.9 in children to 12 at 80 (Johnson et al., BMC Infect
/// Dis 2015;15:502).
pub(super) static ZOSTER: Profile = Profile {
    condition: Zoster,
    name: "herpes_zoster",
    icd10cm: "B02.9",
    display: "Zoster without complications",
    course: Course::Recurrent { spacing_days: 365.0, felt_years: 1.0 },
    incidence: &[
        (5.0, 0.7, 0.8),
        (20.0, 1.9, 2.5),
        (40.0, 3.0, 4.2),
        (55.0, 5.5, 8.0),
        (70.0, 8.5, 11.0),
        (85.0, 11.5, 13.5),
    ],
    drivers: &[
        (After(Lymphoma), 3.0),
        (After(RheumatoidArthritis), 1.6),
        (After(Lupus), 2.2),
        (After(Diabetes), 1.2),
        (Of(Trait::Frailty), 1.1),
    ],
    presentation: Presentation { inpatient: 0.02, emergency: 0.12 },
    source: "Johnson et al., BMC Infect Dis 2015;15:502, smoothed over age; not checked against its source",
    ..ORDINARY
};

/// Gastroenteritis that comes to care: 0.6 episodes a person-year (Jones et al., Epidemiol Infect 2007;135:293), a twentieth to a
/// tenth of them seen and coded.
pub(super) static GASTROENTERITIS: Profile = Profile {
    condition: Gastroenteritis,
    name: "gastroenteritis",
    icd10cm: "A09",
    display: "Infectious gastroenteritis and colitis, unspecified",
    course: Course::Recurrent { spacing_days: 30.0, felt_years: 0.2 },
    incidence: &[
        (0.0, 80.0, 75.0),
        (2.0, 75.0, 70.0),
        (6.0, 30.0, 28.0),
        (18.0, 14.0, 17.0),
        (45.0, 11.0, 13.0),
        (70.0, 11.0, 13.0),
        (88.0, 16.0, 17.0),
    ],
    drivers: &[(Liability, 1.4), (Of(Trait::Frailty), 1.1), (After(UlcerativeColitis), 1.5)],
    mortality: Mortality { first_month: 0.02, grows_with_age: true, ..Mortality::ratio(1.0) },
    presentation: Presentation { inpatient: 0.06, emergency: 0.3 },
    workup: &[Panel(&METABOLIC)],
    source: "Jones et al., Epidemiol Infect 2007;135:293 (FoodNet), the share seen assumed; not checked against its source",
    ..ORDINARY
};

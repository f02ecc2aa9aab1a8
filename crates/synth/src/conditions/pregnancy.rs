//! Pregnancy, birth and what is there from birth.
//!
//! A pregnancy begins silently at conception and comes to its record with the birth; visits for its supervision come
//! between, as complaints do before disease.

use crate::Condition::*;
use crate::catalogue::{
    BLOOD_COUNT, LIVER, METABOLIC,
    Order::{Panel, Procedure, Test},
    procedure,
};
use crate::condition::{Course, Driver::*, Mortality, ORDINARY, Presentation, Profile, Trait};
use crate::measurement::Measure::*;

/// A supervised pregnancy: ICD-10-CM's words for the visit.
const SUPERVISION: (&str, &str, f64) =
    ("Z34.90", "Encounter for supervision of normal pregnancy, unspecified, unspecified trimester", 0.9);

/// Birth at term.
///
/// US births 2019 by age of mother per 1,000 women (NVSR 70-02): 16.7 at 15–19, 66.6 at 20–24, 93.7 at 25–29, 98.3 at
/// 30–34, 52.8 at 35–39, 12.0 at 40–44. Conception lies 0.74 years before.
pub(super) static CHILDBIRTH: Profile = Profile {
    condition: Childbirth,
    name: "childbirth",
    icd10cm: "O80",
    display: "Encounter for full-term uncomplicated delivery",
    course: Course::Recurrent { spacing_days: 480.0, felt_years: 0.5 },
    incidence: &[
        (13.0, 0.0, 0.0),
        (15.0, 0.0, 2.0),
        (17.5, 0.0, 16.7),
        (22.5, 0.0, 66.6),
        (27.5, 0.0, 93.7),
        (32.5, 0.0, 98.3),
        (37.5, 0.0, 52.8),
        (42.5, 0.0, 12.0),
        (47.0, 0.0, 0.9),
        (51.0, 0.0, 0.0),
    ],
    silent_years: (0.74, 0.03),
    drivers: &[(Liability, 1.5)],
    presentation: Presentation { inpatient: 0.985, emergency: 0.005 },
    prodrome: &[SUPERVISION, SUPERVISION, SUPERVISION, SUPERVISION],
    stay_days: 2.2,
    workup: &[Panel(&BLOOD_COUNT), Test(Choriogonadotropin)],
    source: "Births: Final Data for 2019, National Vital Statistics Reports 70-02, by age of mother; not checked against its source",
    ..ORDINARY
};

/// Gestational diabetes: 6–8 % of births, more in older and heavier mothers (CDC, MMWR 2018;67:1201).
pub(super) static GESTATIONAL_DIABETES: Profile = Profile {
    condition: GestationalDiabetes,
    name: "gestational_diabetes",
    icd10cm: "O24.419",
    display: "Gestational diabetes mellitus in pregnancy, unspecified control",
    course: Course::Recurrent { spacing_days: 400.0, felt_years: 10.0 },
    incidence: &[
        (15.0, 0.0, 0.05),
        (18.0, 0.0, 0.4),
        (22.5, 0.0, 2.4),
        (27.5, 0.0, 5.2),
        (32.5, 0.0, 7.0),
        (37.5, 0.0, 5.0),
        (42.5, 0.0, 1.4),
        (48.0, 0.0, 0.05),
        (51.0, 0.0, 0.0),
    ],
    drivers: &[
        (Of(Trait::Glycaemia), 1.8),
        (BodyMass, 1.5),
        (After(GestationalDiabetes), 4.0),
        (Family, 2.0),
    ],
    presentation: Presentation { inpatient: 0.03, emergency: 0.0 },
    family: 0.05,
    workup: &[Test(Glucose), Test(HemoglobinA1c)],
    follow_up: &[Test(Glucose)],
    source: "Deputy et al., MMWR 2018;67:1201 (6.0 % of births), times births; timing apart from conception is not simulated; not checked against its source",
    ..ORDINARY
};

/// Pre-eclampsia: 3.8 % of deliveries (Ananth et al., BMJ 2013;347:f6564).
pub(super) static PREECLAMPSIA: Profile = Profile {
    condition: Preeclampsia,
    name: "preeclampsia",
    icd10cm: "O14.90",
    display: "Unspecified pre-eclampsia, unspecified trimester",
    course: Course::Recurrent { spacing_days: 400.0, felt_years: 10.0 },
    incidence: &[
        (15.0, 0.0, 0.1),
        (18.0, 0.0, 0.8),
        (22.5, 0.0, 2.6),
        (27.5, 0.0, 3.4),
        (32.5, 0.0, 3.5),
        (37.5, 0.0, 2.2),
        (42.5, 0.0, 0.7),
        (48.0, 0.0, 0.05),
        (51.0, 0.0, 0.0),
    ],
    drivers: &[
        (Of(Trait::BloodPressure), 1.5),
        (BodyMass, 1.4),
        (After(Hypertension), 3.0),
        (After(Preeclampsia), 4.0),
        (Family, 2.0),
    ],
    presentation: Presentation { inpatient: 0.7, emergency: 0.1 },
    family: 0.04,
    workup: &[Panel(&METABOLIC), Panel(&BLOOD_COUNT), Panel(&LIVER), Test(AlbuminCreatinine)],
    follow_up: &[Test(AlbuminCreatinine)],
    source: "Ananth et al., BMJ 2013;347:f6564 (3.8 % of deliveries in 2010), times births; not checked against its source",
    ..ORDINARY
};

/// Jaundice of the newborn that is coded: about a tenth of births (Bhutani et al., Pediatrics 2004;114:e130), all in the first weeks.
pub(super) static NEONATAL_JAUNDICE: Profile = Profile {
    condition: NeonatalJaundice,
    name: "neonatal_jaundice",
    icd10cm: "P59.9",
    display: "Neonatal jaundice, unspecified",
    course: Course::Recurrent { spacing_days: 400.0, felt_years: 0.2 },
    incidence: &[(0.5, 110.0, 95.0), (1.0, 0.0, 0.0), (2.0, 0.0, 0.0)],
    presentation: Presentation { inpatient: 0.4, emergency: 0.05 },
    stay_days: 2.0,
    workup: &[Test(Bilirubin)],
    source: "Bhutani et al., Pediatrics 2004;114:e130; spread over the first year, which it isn't; not checked against its source",
    ..ORDINARY
};

/// Congenital heart disease: 8 to 9 per 1,000 births (Reller et al., J Pediatr 2008;153:807), found within the first years.
pub(super) static CONGENITAL_HEART: Profile = Profile {
    condition: CongenitalHeart,
    name: "congenital_heart_disease",
    icd10cm: "Q24.9",
    display: "Congenital malformation of heart, unspecified",
    incidence: &[(0.5, 6.5, 6.3), (1.5, 0.8, 0.8), (4.0, 0.15, 0.15), (15.0, 0.05, 0.05), (30.0, 0.01, 0.01)],
    drivers: &[(Family, 3.0)],
    mortality: Mortality::ratio(2.5),
    presentation: Presentation { inpatient: 0.3, emergency: 0.05 },
    family: 0.01,
    workup: &[Procedure(procedure::ECHOCARDIOGRAPHY), Procedure(procedure::ELECTROCARDIOGRAM)],
    source: "Reller et al., J Pediatr 2008;153:807 (Atlanta, 8.1 per 1,000 births); not checked against its source",
    ..ORDINARY
};

//! Airways.

use crate::Condition::*;
use crate::catalogue::{
    BLOOD_COUNT,
    Order::{Panel, Procedure, Test},
    procedure,
};
use crate::condition::{Course, Driver::*, Mortality, ORDINARY, Presentation, Profile, Trait};
use crate::measurement::Measure::*;

/// Chronic obstructive pulmonary disease, as diagnosed.
///
/// Rotterdam by spirometry: 9.2–18.5 per 1,000 in men and 3.2–8.4 in women by age, rising from 45 to 80 (men)
/// and 75 (women) (Terzikhan et al., Eur J Epidemiol 2016;31:785); US Health and Retirement Study, self-reported
/// diagnosis from 50: 10.3 falling to 7.0 per 1,000 from 2000 to 2020, women above men. We take the level of
/// the latter and the age curve of the former. Smoking: the ratio of never to ever smokers there is damped by
/// short exposure; Løkke et al., Thorax 2006;61:935 gives about 6 for lifelong smokers.
pub(super) static COPD: Profile = Profile {
    condition: Copd,
    name: "copd",
    icd10cm: "J44.9",
    display: "Chronic obstructive pulmonary disease, unspecified",
    course: Course::Chronic,
    incidence: &[
        (20.0, 0.0, 0.0),
        (30.0, 0.2, 0.3),
        (40.0, 1.2, 1.6),
        (50.0, 4.5, 5.0),
        (60.0, 8.5, 8.5),
        (70.0, 12.0, 11.0),
        (80.0, 13.0, 10.5),
        (90.0, 10.0, 8.0),
    ],
    silent_years: (5.0, 0.4),
    drivers: &[(Smoking, 6.5), (Of(Trait::Airway), 1.9), (After(Asthma), 2.0), (Family, 1.4)],
    mortality: Mortality {
        first_year: 0.005,
        to_five_years: 0.005,
        grows_with_age: true,
        ..Mortality::ratio(1.7)
    },
    presentation: Presentation { inpatient: 0.12, emergency: 0.12 },
    prodrome: &[("R05.9", "Cough, unspecified", 0.35), ("R06.02", "Shortness of breath", 0.3)],
    family: 0.08,
    workup: &[Test(FevRatio), Procedure(procedure::SPIROMETRY), Procedure(procedure::CHEST_X_RAY)],
    source: "Terzikhan et al., Eur J Epidemiol 2016 (Rotterdam); US Health and Retirement Study 2000-2020",
    ..ORDINARY
};

/// Asthma.
///
/// Asthma Call-back Survey 2006–2008 (Winer et al., J Asthma 2012;49:16): 12.5 per 1,000 children a year, 23.4 at
/// 0–4 years; 3.8 per 1,000 adults, women above men. Boys exceed girls before puberty.
pub(super) static ASTHMA: Profile = Profile {
    condition: Asthma,
    name: "asthma",
    icd10cm: "J45.909",
    display: "Unspecified asthma, uncomplicated",
    course: Course::Chronic,
    incidence: &[
        (0.0, 22.0, 16.0),
        (3.0, 27.0, 20.0),
        (7.0, 13.0, 10.0),
        (12.0, 6.0, 6.0),
        (17.0, 3.6, 5.2),
        (25.0, 2.8, 4.9),
        (50.0, 2.5, 4.6),
        (75.0, 2.8, 4.0),
    ],
    silent_years: (0.0, 0.0),
    drivers: &[(Family, 2.4), (BodyMass, 1.2), (Smoking, 1.3), (Of(Trait::Airway), 1.5), (Liability, 1.5)],
    mortality: Mortality::ratio(1.1),
    presentation: Presentation { inpatient: 0.04, emergency: 0.2 },
    prodrome: &[("R06.2", "Wheezing", 0.4), ("R05.9", "Cough, unspecified", 0.25)],
    family: 0.20,
    workup: &[Procedure(procedure::SPIROMETRY)],
    source: "Winer et al., J Asthma 2012 (Asthma Call-back Survey 2006-2008)",
    ..ORDINARY
};

/// An asthma exacerbation that needs an emergency visit or admission.
///
/// CDC asthma surveillance 2016–2020: about 6 emergency visits per 100 people with asthma a year, more in children
/// and young women; as a rate among everybody here, carried almost wholly by those with asthma.
pub(super) static ASTHMA_EXACERBATION: Profile = Profile {
    condition: AsthmaExacerbation,
    name: "asthma_exacerbation",
    icd10cm: "J45.901",
    display: "Unspecified asthma with (acute) exacerbation",
    course: Course::Recurrent { spacing_days: 30.0, felt_years: 1.0 },
    incidence: &[
        (0.0, 0.3, 0.2),
        (4.0, 5.0, 3.5),
        (10.0, 6.0, 4.5),
        (18.0, 3.0, 4.0),
        (40.0, 2.5, 4.5),
        (65.0, 1.8, 3.0),
        (85.0, 1.5, 2.0),
    ],
    silent_years: (0.0, 0.0),
    drivers: &[
        (After(Asthma), 60.0),
        (After(AsthmaExacerbation), 2.5),
        (After(Influenza), 1.5),
        (Smoking, 1.4),
        (Of(Trait::Airway), 1.3),
    ],
    mortality: Mortality { first_month: 0.02, grows_with_age: true, ..Mortality::ratio(1.0) },
    presentation: Presentation { inpatient: 0.15, emergency: 0.6 },
    prodrome: &[],
    source: "CDC National Asthma Data 2016-2020 (emergency visits by age and sex), rounded",
    ..ORDINARY
};

/// A moderate or severe exacerbation of COPD.
///
/// ECLIPSE (Hurst et al., N Engl J Med 2010;363:1128): 0.85 to 2 a year by stage in specialist cohorts; about 0.4 a
/// year in those diagnosed in general practice (Rothnie et al., Am J Respir Crit Care Med 2018;198:464). As a rate
/// among everybody here, carried almost wholly by those with COPD. A past exacerbation is the best predictor.
pub(super) static COPD_EXACERBATION: Profile = Profile {
    condition: CopdExacerbation,
    name: "copd_exacerbation",
    icd10cm: "J44.1",
    display: "Chronic obstructive pulmonary disease with (acute) exacerbation",
    course: Course::Recurrent { spacing_days: 30.0, felt_years: 1.0 },
    incidence: &[
        (30.0, 0.0, 0.0),
        (45.0, 2.5, 2.5),
        (55.0, 9.0, 9.0),
        (65.0, 20.0, 19.0),
        (75.0, 34.0, 30.0),
        (85.0, 38.0, 32.0),
    ],
    silent_years: (0.0, 0.0),
    drivers: &[
        (After(Copd), 100.0),
        (After(CopdExacerbation), 2.2),
        (After(Influenza), 1.5),
        (Smoking, 1.3),
        (Of(Trait::Airway), 1.4),
    ],
    mortality: Mortality {
        first_month: 0.25,
        first_year: 0.03,
        grows_with_age: true,
        ..Mortality::ratio(1.0)
    },
    presentation: Presentation { inpatient: 0.25, emergency: 0.25 },
    prodrome: &[],
    workup: &[Procedure(procedure::CHEST_X_RAY), Panel(&BLOOD_COUNT)],
    source: "Hurst et al., N Engl J Med 2010;363:1128 (ECLIPSE); Rothnie et al., AJRCCM 2018;198:464, times prevalence",
    ..ORDINARY
};

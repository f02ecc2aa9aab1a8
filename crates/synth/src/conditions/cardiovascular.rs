//! Heart and vessels.

use crate::Condition::*;
use crate::catalogue::{
    LIPIDS, METABOLIC,
    Order::{Panel, Procedure, Test},
    procedure,
};
use crate::condition::{Course, Driver::*, Mortality, ORDINARY, Presentation, Profile, Stage, Trait};
use crate::measurement::Measure::*;

/// Essential hypertension.
///
/// New diagnoses per 1,000 person-years, derived so that cumulative incidence gives the prevalence of NCHS Data
/// Brief 364 (Ostchega et al. 2020, NHANES 2017–2018: men and women 31 and 13 % at 18–39, 59 and 50 % at 40–59,
/// 75 and 74 % from 60), which includes undiagnosed cases; we aim a little lower. Level after 45 compares with
/// MESA (Carson et al., Hypertension 2011;57:1101: about 57 per 1,000). Hazard ratio of body mass: Framingham
/// (Wilson et al., Arch Intern Med 2002;162:1867). Blood pressure is the definition: the ratio per standard
/// deviation follows Framingham's near-term risk score (Parikh et al., Ann Intern Med 2008;148:102).
pub(super) static HYPERTENSION: Profile = Profile {
    condition: Hypertension,
    name: "hypertension",
    icd10cm: "I10",
    display: "Essential (primary) hypertension",
    course: Course::Chronic,
    incidence: &[
        (5.0, 0.0, 0.0),
        (15.0, 0.3, 0.2),
        (20.0, 5.0, 2.5),
        (30.0, 13.0, 7.0),
        (40.0, 22.0, 17.0),
        (50.0, 33.0, 32.0),
        (60.0, 44.0, 46.0),
        (70.0, 52.0, 58.0),
        (80.0, 55.0, 62.0),
    ],
    silent_years: (3.0, 0.5),
    drivers: &[(Of(Trait::BloodPressure), 2.2), (BodyMass, 1.35), (Smoking, 1.15), (Family, 1.5)],
    mortality: Mortality::ratio(1.15),
    presentation: Presentation { inpatient: 0.0, emergency: 0.03 },
    prodrome: &[("R51.9", "Headache, unspecified", 0.06)],
    family: 0.45,
    workup: &[Panel(&METABOLIC), Panel(&LIPIDS)],
    source: "NCHS Data Brief 364 (NHANES 2017-2018 prevalence, from which incidence is derived); Carson et al., Hypertension 2011 (MESA)",
    ..ORDINARY
};

/// Atrial fibrillation.
///
/// Framingham (Benjamin et al., JAMA 1994;271:840): biennial 6.2 and 3.8 per 1,000 examinations in men and
/// women of 55–64 years, rising to 75.9 and 62.8 at 85–94, halved to yearly rates; in between, doubling by
/// decade. Ratios: the same paper and CHARGE-AF (Alonso et al., JAHA 2013;2:e000102).
pub(super) static ATRIAL_FIBRILLATION: Profile = Profile {
    condition: AtrialFibrillation,
    name: "atrial_fibrillation",
    icd10cm: "I48.91",
    display: "Unspecified atrial fibrillation",
    course: Course::Chronic,
    incidence: &[
        (25.0, 0.05, 0.02),
        (40.0, 0.5, 0.2),
        (50.0, 1.5, 0.8),
        (60.0, 3.1, 1.9),
        (70.0, 9.0, 6.0),
        (80.0, 20.0, 16.0),
        (90.0, 38.0, 31.4),
    ],
    silent_years: (1.5, 0.6),
    drivers: &[
        (Of(Trait::Heart), 1.6),
        (Of(Trait::BloodPressure), 1.2),
        (BodyMass, 1.2),
        (After(Hypertension), 1.5),
        (After(HeartFailure), 3.0),
        (After(MyocardialInfarction), 1.4),
        (Smoking, 1.3),
        (Liability, 1.3),
    ],
    mortality: Mortality { first_year: 0.02, grows_with_age: true, ..Mortality::ratio(1.35) },
    presentation: Presentation { inpatient: 0.25, emergency: 0.25 },
    prodrome: &[("R00.2", "Palpitations", 0.35), ("R53.83", "Other fatigue", 0.15)],
    workup: &[Procedure(procedure::ELECTROCARDIOGRAM), Test(Thyrotropin), Test(NtProBnp)],
    source: "Benjamin et al., JAMA 1994 (Framingham), biennial incidence halved",
    ..ORDINARY
};

/// Heart failure.
///
/// Rotterdam (Bleumink et al., Eur Heart J 2004;25:1614): 1.4 per 1,000 at 55–59 rising to 47.4 from 90, 17.6 in
/// men and 12.5 in women overall; the ages in between follow its curve, split by its sex ratio, which narrows
/// with age. Its survival, 86 % at 30 days, 63 % at 1 year and 35 %
/// at 5 years, is approached by age, the lasting ratio and the excess together. Ratios: Levy et
/// al., JAMA 1996;275:1557 (hypertension, myocardial infarction); Nichols et al., Diabetes Care 2004;27:1879.
pub(super) static HEART_FAILURE: Profile = Profile {
    condition: HeartFailure,
    name: "heart_failure",
    icd10cm: "I50.9",
    display: "Heart failure, unspecified",
    course: Course::Chronic,
    incidence: &[
        (30.0, 0.1, 0.05),
        (45.0, 0.6, 0.3),
        (57.5, 1.9, 1.0),
        (62.5, 4.0, 2.3),
        (67.5, 6.9, 4.2),
        (72.5, 14.3, 9.6),
        (77.5, 20.0, 14.9),
        (82.5, 34.0, 27.6),
        (87.5, 46.0, 40.0),
        (92.5, 50.0, 46.5),
    ],
    silent_years: (2.0, 0.5),
    drivers: &[
        (Of(Trait::Heart), 1.9),
        (Of(Trait::BloodPressure), 1.2),
        (BodyMass, 1.3),
        (After(Hypertension), 1.6),
        (After(Diabetes), 1.8),
        (After(MyocardialInfarction), 3.5),
        (After(AtrialFibrillation), 2.2),
        (After(KidneyDisease), 1.6),
        (Smoking, 1.5),
    ],
    mortality: Mortality {
        ratio: 1.8,
        first_month: 0.9,
        first_year: 0.08,
        to_five_years: 0.02,
        grows_with_age: true,
    },
    presentation: Presentation { inpatient: 0.45, emergency: 0.2 },
    prodrome: &[
        ("R06.02", "Shortness of breath", 0.45),
        ("R60.0", "Localized edema", 0.3),
        ("R53.83", "Other fatigue", 0.2),
    ],
    stages: &[
        Stage {
            name: "reduced_ejection_fraction",
            share: 0.5,
            mortality: 1.1,
            icd10cm: "I50.20",
            display: "Unspecified systolic (congestive) heart failure",
        },
        Stage {
            name: "preserved_ejection_fraction",
            share: 0.5,
            mortality: 0.9,
            icd10cm: "I50.30",
            display: "Unspecified diastolic (congestive) heart failure",
        },
    ],
    workup: &[Test(NtProBnp), Procedure(procedure::ECHOCARDIOGRAPHY), Panel(&METABOLIC)],
    follow_up: &[Panel(&METABOLIC)],
    source: "Bleumink et al., Eur Heart J 2004 (Rotterdam Study)",
    ..ORDINARY
};

/// Acute myocardial infarction, first and recurrent.
///
/// ARIC community surveillance as tabulated in AHA Heart Disease and Stroke Statistics (Circulation
/// 2021;143:e254), first events by age and sex, rounded from the chart; recurrences enter through the ratio
/// after a first one. Ratios: INTERHEART (Yusuf et al., Lancet 2004;364:937), with odds ratios damped towards
/// cohort estimates (Wilson et al., Circulation 1998;97:1837).
pub(super) static MYOCARDIAL_INFARCTION: Profile = Profile {
    condition: MyocardialInfarction,
    name: "myocardial_infarction",
    icd10cm: "I21.4",
    display: "Non-ST elevation (NSTEMI) myocardial infarction",
    course: Course::Recurrent { spacing_days: 28.0, felt_years: f64::INFINITY },
    incidence: &[
        (25.0, 0.05, 0.02),
        (35.0, 0.5, 0.15),
        (45.0, 2.0, 0.7),
        (55.0, 4.0, 1.6),
        (65.0, 6.5, 3.2),
        (75.0, 9.5, 6.0),
        (85.0, 14.0, 10.5),
    ],
    silent_years: (0.0, 0.0),
    drivers: &[
        (Of(Trait::BloodPressure), 1.3),
        (Of(Trait::Cholesterol), 1.5),
        (Smoking, 2.4),
        (After(Diabetes), 1.9),
        (After(Hypertension), 1.4),
        (After(KidneyDisease), 1.5),
        (After(MyocardialInfarction), 3.0),
        (Family, 1.6),
        (Liability, 1.3),
    ],
    mortality: Mortality {
        ratio: 1.4,
        first_month: 1.1,
        first_year: 0.025,
        to_five_years: 0.0,
        grows_with_age: true,
    },
    presentation: Presentation { inpatient: 0.97, emergency: 0.03 },
    prodrome: &[("R07.9", "Chest pain, unspecified", 0.25)],
    family: 0.14,
    stay_days: 3.0,
    workup: &[
        Test(Troponin),
        Procedure(procedure::ELECTROCARDIOGRAM),
        Procedure(procedure::CORONARY_INTERVENTION),
        Panel(&LIPIDS),
    ],
    source: "AHA Heart Disease and Stroke Statistics 2021 (ARIC surveillance), rounded from the chart",
    ..ORDINARY
};

/// Ischaemic stroke, first and recurrent.
///
/// Greater Cincinnati/Northern Kentucky (Kissela et al., Neurology 2012;79:1781; AHA statistics 2021), first
/// strokes by age and sex, rounded. Ratios: Framingham stroke profile (Wolf et al., Stroke 1991;22:312).
pub(super) static STROKE: Profile = Profile {
    condition: Stroke,
    name: "stroke",
    icd10cm: "I63.9",
    display: "Cerebral infarction, unspecified",
    course: Course::Recurrent { spacing_days: 28.0, felt_years: f64::INFINITY },
    incidence: &[
        (20.0, 0.04, 0.05),
        (35.0, 0.3, 0.3),
        (45.0, 1.0, 0.8),
        (55.0, 2.4, 1.8),
        (65.0, 4.8, 3.5),
        (75.0, 9.5, 8.0),
        (85.0, 17.0, 17.5),
    ],
    silent_years: (0.0, 0.0),
    drivers: &[
        (Of(Trait::BloodPressure), 1.4),
        (After(Hypertension), 1.7),
        (After(AtrialFibrillation), 3.0),
        (After(Diabetes), 1.6),
        (Smoking, 1.8),
        (After(Stroke), 3.0),
        (Of(Trait::Cholesterol), 1.1),
        (Family, 1.4),
        (Liability, 1.3),
    ],
    mortality: Mortality {
        ratio: 1.4,
        first_month: 1.3,
        first_year: 0.04,
        to_five_years: 0.005,
        grows_with_age: true,
    },
    presentation: Presentation { inpatient: 0.95, emergency: 0.05 },
    prodrome: &[("R42", "Dizziness and giddiness", 0.08)],
    family: 0.15,
    stay_days: 5.0,
    workup: &[Procedure(procedure::CT_HEAD), Panel(&LIPIDS), Procedure(procedure::ELECTROCARDIOGRAM)],
    source: "Kissela et al., Neurology 2012 (GCNKSS); AHA Heart Disease and Stroke Statistics 2021, rounded",
    ..ORDINARY
};

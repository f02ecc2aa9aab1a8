//! The four commonest cancers: SEER age-specific rates, rounded to about two figures.

use crate::Condition::*;
use crate::catalogue::{
    BLOOD_COUNT, METABOLIC,
    Order::{Panel, Procedure, Test},
    procedure,
};
use crate::condition::{
    Course, DISTANT, Driver::*, LOCALIZED, Mortality, ORDINARY, Presentation, Profile, REGIONAL, Stage, Trait,
};
use crate::measurement::Measure::*;

/// Colorectal cancer.
///
/// SEER 2015–2019, age-specific, rounded. Haemoglobin falls and platelets rise from about a year before
/// diagnosis, haemoglobin slowly from two to four (Boursi et al., Eur J Gastroenterol Hepatol 2016;28:1055;
/// Goldshtein et al., Aliment Pharmacol Ther 2010;31:1259). Family history about 2 (Butterworth et al., Eur J
/// Cancer 2006;42:216). Excess deaths give about 65 % relative survival at five years.
pub(super) static COLORECTAL: Profile = Profile {
    condition: ColorectalCancer,
    name: "colorectal_cancer",
    icd10cm: "C18.9",
    display: "Malignant neoplasm of colon, unspecified",
    course: Course::Chronic,
    incidence: &[
        (20.0, 0.01, 0.01),
        (32.0, 0.08, 0.08),
        (42.0, 0.24, 0.22),
        (52.0, 0.72, 0.55),
        (62.0, 1.05, 0.75),
        (72.0, 1.75, 1.35),
        (82.0, 2.6, 2.2),
        (90.0, 2.7, 2.4),
    ],
    silent_years: (2.0, 0.4),
    drivers: &[(Family, 2.2), (BodyMass, 1.18), (Smoking, 1.25), (After(Diabetes), 1.25), (Liability, 1.4)],
    mortality: Mortality {
        ratio: 1.0,
        first_month: 0.3,
        first_year: 0.16,
        to_five_years: 0.07,
        grows_with_age: false,
    },
    presentation: Presentation { inpatient: 0.3, emergency: 0.1 },
    prodrome: &[
        ("D64.9", "Anemia, unspecified", 0.3),
        ("R19.4", "Change in bowel habit", 0.25),
        ("R63.4", "Abnormal weight loss", 0.2),
        ("K62.5", "Hemorrhage of anus and rectum", 0.2),
    ],
    family: 0.06,
    stages: &[
        Stage { share: 0.37, mortality: 0.3, ..LOCALIZED },
        Stage { share: 0.37, mortality: 0.75, ..REGIONAL },
        Stage { share: 0.26, mortality: 2.35, ..DISTANT },
    ],
    workup: &[Procedure(procedure::COLONOSCOPY), Panel(&BLOOD_COUNT), Test(Ferritin)],
    follow_up: &[Panel(&BLOOD_COUNT)],
    source: "SEER 2015-2019 age-specific incidence, colon and rectum, rounded",
    ..ORDINARY
};

/// Breast cancer in women (men's, about one in a hundred cases, is left out).
///
/// SEER 2015–2019, age-specific, rounded. Family history: Collaborative Group, Lancet 2001;358:1389 (1.8).
pub(super) static BREAST: Profile = Profile {
    condition: BreastCancer,
    name: "breast_cancer",
    icd10cm: "C50.919",
    display: "Malignant neoplasm of unspecified site of unspecified female breast",
    course: Course::Chronic,
    incidence: &[
        (20.0, 0.0, 0.01),
        (32.0, 0.0, 0.28),
        (42.0, 0.0, 1.25),
        (52.0, 0.0, 2.25),
        (62.0, 0.0, 3.4),
        (72.0, 0.0, 4.6),
        (82.0, 0.0, 4.0),
        (90.0, 0.0, 3.0),
    ],
    silent_years: (1.0, 0.4),
    drivers: &[(Family, 1.9), (BodyMass, 1.1), (Liability, 1.5)],
    mortality: Mortality {
        ratio: 1.0,
        first_month: 0.05,
        first_year: 0.03,
        to_five_years: 0.02,
        grows_with_age: false,
    },
    presentation: Presentation { inpatient: 0.1, emergency: 0.02 },
    prodrome: &[("N63.0", "Unspecified lump in unspecified breast", 0.4)],
    family: 0.10,
    stages: &[
        Stage { share: 0.64, mortality: 0.25, ..LOCALIZED },
        Stage { share: 0.3, mortality: 1.0, ..REGIONAL },
        Stage { share: 0.06, mortality: 9.0, ..DISTANT },
    ],
    workup: &[Procedure(procedure::MAMMOGRAPHY), Panel(&BLOOD_COUNT)],
    follow_up: &[Panel(&BLOOD_COUNT)],
    source: "SEER 2015-2019 age-specific incidence, female breast, rounded",
    ..ORDINARY
};

/// Lung cancer.
///
/// SEER 2015–2019, age-specific, rounded. Smoking: Pesch et al., Int J Cancer 2012;131:1210 (current smokers,
/// men 23.6, women 7.8); one ratio of 14 here, and former smokers its power 0.4. Platelets rise and weight falls
/// before diagnosis (Bailey et al., Br J Gen Pract 2017;67:e405).
pub(super) static LUNG: Profile = Profile {
    condition: LungCancer,
    name: "lung_cancer",
    icd10cm: "C34.90",
    display: "Malignant neoplasm of unspecified part of unspecified bronchus or lung",
    course: Course::Chronic,
    incidence: &[
        (30.0, 0.01, 0.01),
        (42.0, 0.07, 0.08),
        (52.0, 0.45, 0.42),
        (57.0, 0.95, 0.82),
        (62.0, 1.65, 1.3),
        (67.0, 2.6, 2.05),
        (72.0, 3.7, 2.85),
        (77.0, 4.5, 3.3),
        (82.0, 4.4, 3.1),
        (90.0, 3.3, 2.1),
    ],
    silent_years: (1.0, 0.4),
    drivers: &[(Smoking, 14.0), (After(Copd), 2.2), (Family, 1.6)],
    mortality: Mortality {
        ratio: 1.0,
        first_month: 1.1,
        first_year: 0.7,
        to_five_years: 0.3,
        grows_with_age: false,
    },
    presentation: Presentation { inpatient: 0.35, emergency: 0.15 },
    prodrome: &[
        ("R05.9", "Cough, unspecified", 0.4),
        ("R63.4", "Abnormal weight loss", 0.3),
        ("R04.2", "Hemoptysis", 0.12),
    ],
    family: 0.07,
    stages: &[
        Stage { share: 0.22, mortality: 0.35, ..LOCALIZED },
        Stage { share: 0.23, mortality: 0.75, ..REGIONAL },
        Stage { share: 0.55, mortality: 1.37, ..DISTANT },
    ],
    workup: &[Procedure(procedure::CHEST_X_RAY), Panel(&BLOOD_COUNT), Panel(&METABOLIC)],
    follow_up: &[Panel(&BLOOD_COUNT)],
    source: "SEER 2015-2019 age-specific incidence, lung and bronchus, rounded",
    ..ORDINARY
};

/// Prostate cancer.
///
/// SEER 2015–2019, age-specific, rounded. Antigen foretells it by years (Vickers et al., BMJ 2013;346:f2023).
pub(super) static PROSTATE: Profile = Profile {
    condition: ProstateCancer,
    name: "prostate_cancer",
    icd10cm: "C61",
    display: "Malignant neoplasm of prostate",
    course: Course::Chronic,
    incidence: &[
        (35.0, 0.01, 0.0),
        (42.0, 0.08, 0.0),
        (47.0, 0.42, 0.0),
        (52.0, 1.5, 0.0),
        (57.0, 2.9, 0.0),
        (62.0, 4.7, 0.0),
        (67.0, 6.8, 0.0),
        (72.0, 7.0, 0.0),
        (77.0, 6.0, 0.0),
        (82.0, 4.6, 0.0),
        (90.0, 3.6, 0.0),
    ],
    silent_years: (4.0, 0.4),
    drivers: &[(Of(Trait::Prostate), 1.9), (Family, 2.2)],
    mortality: Mortality {
        ratio: 1.0,
        first_month: 0.02,
        first_year: 0.01,
        to_five_years: 0.008,
        grows_with_age: true,
    },
    presentation: Presentation { inpatient: 0.03, emergency: 0.01 },
    prodrome: &[("R97.20", "Elevated prostate specific antigen [PSA]", 0.45), ("R35.1", "Nocturia", 0.2)],
    family: 0.08,
    stages: &[
        Stage { share: 0.78, mortality: 0.15, ..LOCALIZED },
        Stage { share: 0.14, mortality: 0.4, ..REGIONAL },
        Stage { share: 0.08, mortality: 10.3, ..DISTANT },
    ],
    workup: &[Test(ProstateAntigen)],
    follow_up: &[Test(ProstateAntigen)],
    source: "SEER 2015-2019 age-specific incidence, prostate, rounded",
    ..ORDINARY
};

//! Six more of the ten commonest cancers.
//!
//! Incidence: SEER 2015–2019, age-specific, rounded from memory; not checked against the tables. Stage at diagnosis:
//! SEER summary stage (localized, regional, distant), rounded; the excess of deaths is shared out so that the average
//! over stages is the profile's.

use crate::Condition::*;
use crate::catalogue::{
    BLOOD_COUNT, LIVER, METABOLIC,
    Order::{Panel, Procedure, Test},
    procedure,
};
use crate::condition::{
    DISTANT, Driver::*, LOCALIZED, Mortality, ORDINARY, Presentation, Profile, REGIONAL, Stage,
};
use crate::measurement::Measure::*;

/// Melanoma of the skin. Family history about 1.7 (Olsen et al., Br J Cancer 2010;102:219).
pub(super) static MELANOMA: Profile = Profile {
    condition: Melanoma,
    name: "melanoma",
    icd10cm: "C43.9",
    display: "Malignant melanoma of skin, unspecified",
    incidence: &[
        (15.0, 0.005, 0.01),
        (30.0, 0.06, 0.12),
        (45.0, 0.2, 0.24),
        (60.0, 0.5, 0.34),
        (75.0, 1.05, 0.46),
        (87.0, 1.3, 0.5),
    ],
    silent_years: (1.0, 0.5),
    drivers: &[(Family, 1.7), (Liability, 1.8)],
    mortality: Mortality { first_year: 0.02, to_five_years: 0.015, ..Mortality::ratio(1.0) },
    presentation: Presentation { inpatient: 0.03, emergency: 0.01 },
    prodrome: &[("D22.9", "Melanocytic nevi, unspecified", 0.4)],
    family: 0.04,
    stages: &[
        Stage { share: 0.83, mortality: 0.25, ..LOCALIZED },
        Stage { share: 0.1, mortality: 2.2, ..REGIONAL },
        Stage { share: 0.07, mortality: 8.2, ..DISTANT },
    ],
    workup: &[Procedure(procedure::SKIN_BIOPSY)],
    source: "SEER 2015-2019 age-specific incidence, melanoma of the skin, rounded; not checked against its source",
    ..ORDINARY
};

/// Bladder cancer. Smoking: Freedman et al., JAMA 2011;306:737 (4.1 in current smokers).
pub(super) static BLADDER: Profile = Profile {
    condition: BladderCancer,
    name: "bladder_cancer",
    icd10cm: "C67.9",
    display: "Malignant neoplasm of bladder, unspecified",
    incidence: &[
        (35.0, 0.01, 0.005),
        (50.0, 0.15, 0.05),
        (60.0, 0.5, 0.14),
        (70.0, 1.3, 0.34),
        (80.0, 2.5, 0.6),
        (90.0, 2.9, 0.65),
    ],
    silent_years: (1.2, 0.4),
    drivers: &[(Smoking, 4.1), (Family, 1.8), (Liability, 1.3)],
    mortality: Mortality {
        first_month: 0.03,
        first_year: 0.09,
        to_five_years: 0.045,
        ..Mortality::ratio(1.0)
    },
    presentation: Presentation { inpatient: 0.15, emergency: 0.1 },
    prodrome: &[("R31.9", "Hematuria, unspecified", 0.6), ("R30.0", "Dysuria", 0.2)],
    family: 0.02,
    stages: &[
        Stage { share: 0.86, mortality: 0.45, ..LOCALIZED },
        Stage { share: 0.08, mortality: 3.2, ..REGIONAL },
        Stage { share: 0.06, mortality: 6.0, ..DISTANT },
    ],
    workup: &[Procedure(procedure::CYSTOSCOPY), Panel(&BLOOD_COUNT), Panel(&METABOLIC)],
    follow_up: &[Procedure(procedure::CYSTOSCOPY)],
    source: "SEER 2015-2019 age-specific incidence, urinary bladder, rounded; not checked against its source",
    ..ORDINARY
};

/// Cancer of the kidney. Body mass: Renehan et al., Lancet 2008;371:569 (1.24 and 1.34 per 5 kg/m²); smoking 1.4
/// (Hunt et al., Int J Cancer 2005;114:101).
pub(super) static KIDNEY: Profile = Profile {
    condition: KidneyCancer,
    name: "kidney_cancer",
    icd10cm: "C64.9",
    display: "Malignant neoplasm of unspecified kidney, except renal pelvis",
    incidence: &[
        (20.0, 0.003, 0.003),
        (40.0, 0.1, 0.06),
        (55.0, 0.36, 0.18),
        (70.0, 0.75, 0.38),
        (82.0, 0.8, 0.4),
        (92.0, 0.55, 0.28),
    ],
    silent_years: (1.8, 0.4),
    drivers: &[(BodyMass, 1.28), (Smoking, 1.4), (After(Hypertension), 1.6), (Family, 2.2)],
    mortality: Mortality { first_month: 0.1, first_year: 0.12, to_five_years: 0.04, ..Mortality::ratio(1.0) },
    presentation: Presentation { inpatient: 0.25, emergency: 0.12 },
    prodrome: &[("R31.9", "Hematuria, unspecified", 0.35), ("R10.9", "Unspecified abdominal pain", 0.3)],
    family: 0.02,
    stages: &[
        Stage { share: 0.66, mortality: 0.15, ..LOCALIZED },
        Stage { share: 0.18, mortality: 1.0, ..REGIONAL },
        Stage { share: 0.16, mortality: 4.5, ..DISTANT },
    ],
    workup: &[Procedure(procedure::CT_ABDOMEN), Panel(&BLOOD_COUNT), Panel(&METABOLIC)],
    follow_up: &[Panel(&METABOLIC)],
    source: "SEER 2015-2019 age-specific incidence, kidney and renal pelvis, rounded; not checked against its source",
    ..ORDINARY
};

/// Non-Hodgkin lymphoma. Family history 1.7 (Wang et al., Blood 2007;109:3479).
pub(super) static LYMPHOMA: Profile = Profile {
    condition: Lymphoma,
    name: "non_hodgkin_lymphoma",
    icd10cm: "C85.90",
    display: "Non-Hodgkin lymphoma, unspecified, unspecified site",
    incidence: &[
        (5.0, 0.01, 0.006),
        (30.0, 0.05, 0.03),
        (50.0, 0.2, 0.14),
        (65.0, 0.6, 0.42),
        (80.0, 1.2, 0.82),
        (90.0, 1.1, 0.72),
    ],
    silent_years: (1.0, 0.5),
    drivers: &[(Family, 1.7), (After(RheumatoidArthritis), 1.8), (After(Lupus), 2.5), (Liability, 1.3)],
    mortality: Mortality { first_month: 0.3, first_year: 0.15, to_five_years: 0.05, ..Mortality::ratio(1.0) },
    presentation: Presentation { inpatient: 0.3, emergency: 0.1 },
    prodrome: &[
        ("R59.9", "Enlarged lymph nodes, unspecified", 0.45),
        ("R63.4", "Abnormal weight loss", 0.2),
        ("R61", "Generalized hyperhidrosis", 0.15),
    ],
    family: 0.02,
    stages: &[
        Stage { share: 0.27, mortality: 0.5, ..LOCALIZED },
        Stage { share: 0.15, mortality: 0.75, ..REGIONAL },
        Stage { share: 0.58, mortality: 1.3, ..DISTANT },
    ],
    workup: &[Procedure(procedure::LYMPH_NODE_BIOPSY), Panel(&BLOOD_COUNT), Panel(&METABOLIC)],
    follow_up: &[Panel(&BLOOD_COUNT)],
    source: "SEER 2015-2019 age-specific incidence, non-Hodgkin lymphoma, rounded; not checked against its source",
    ..ORDINARY
};

/// Cancer of the uterus. Body mass 1.59 per 5 kg/m² (Renehan et al., Lancet 2008;371:569).
pub(super) static UTERINE: Profile = Profile {
    condition: UterineCancer,
    name: "uterine_cancer",
    icd10cm: "C54.1",
    display: "Malignant neoplasm of endometrium",
    incidence: &[
        (25.0, 0.0, 0.01),
        (40.0, 0.0, 0.16),
        (50.0, 0.0, 0.5),
        (60.0, 0.0, 0.95),
        (70.0, 0.0, 1.05),
        (82.0, 0.0, 0.7),
        (92.0, 0.0, 0.4),
    ],
    silent_years: (1.0, 0.5),
    drivers: &[(BodyMass, 1.59), (After(Diabetes), 1.5), (Family, 1.8)],
    mortality: Mortality {
        first_month: 0.03,
        first_year: 0.06,
        to_five_years: 0.035,
        ..Mortality::ratio(1.0)
    },
    presentation: Presentation { inpatient: 0.1, emergency: 0.04 },
    prodrome: &[("N95.0", "Postmenopausal bleeding", 0.65)],
    family: 0.03,
    stages: &[
        Stage { share: 0.69, mortality: 0.2, ..LOCALIZED },
        Stage { share: 0.21, mortality: 1.4, ..REGIONAL },
        Stage { share: 0.1, mortality: 5.7, ..DISTANT },
    ],
    workup: &[Procedure(procedure::ENDOMETRIAL_BIOPSY), Panel(&BLOOD_COUNT)],
    source: "SEER 2015-2019 age-specific incidence, corpus and uterus, rounded; not checked against its source",
    ..ORDINARY
};

/// Cancer of the pancreas.
///
/// Glucose rises from about three years before diagnosis and weight falls in the last year and a half (Sharma et
/// al., Gastroenterology 2018;155:490; Sah et al., Gastroenterology 2019;156:1742). Smoking 1.8 (Bosetti et al., Ann
/// Oncol 2012;23:1880), family 1.8, long diabetes 1.5.
pub(super) static PANCREATIC: Profile = Profile {
    condition: PancreaticCancer,
    name: "pancreatic_cancer",
    icd10cm: "C25.9",
    display: "Malignant neoplasm of pancreas, unspecified",
    incidence: &[
        (30.0, 0.004, 0.003),
        (45.0, 0.06, 0.045),
        (55.0, 0.2, 0.14),
        (65.0, 0.48, 0.36),
        (75.0, 0.85, 0.7),
        (85.0, 1.05, 0.95),
        (92.0, 1.0, 0.95),
    ],
    silent_years: (2.0, 0.35),
    drivers: &[(Smoking, 1.8), (Family, 1.8), (After(Diabetes), 1.5), (BodyMass, 1.1), (Liability, 1.3)],
    mortality: Mortality { first_month: 2.4, first_year: 1.2, to_five_years: 0.5, ..Mortality::ratio(1.0) },
    presentation: Presentation { inpatient: 0.45, emergency: 0.15 },
    prodrome: &[
        ("R63.4", "Abnormal weight loss", 0.35),
        ("R10.13", "Epigastric pain", 0.4),
        ("R17", "Unspecified jaundice", 0.25),
    ],
    family: 0.03,
    stages: &[
        Stage { share: 0.13, mortality: 0.35, ..LOCALIZED },
        Stage { share: 0.32, mortality: 0.7, ..REGIONAL },
        Stage { share: 0.55, mortality: 1.33, ..DISTANT },
    ],
    workup: &[
        Procedure(procedure::CT_ABDOMEN),
        Panel(&LIVER),
        Panel(&METABOLIC),
        Test(CancerAntigen199),
        Test(Lipase),
    ],
    follow_up: &[Panel(&LIVER), Test(CancerAntigen199)],
    source: "SEER 2015-2019 age-specific incidence, pancreas, rounded; not checked against its source",
    ..ORDINARY
};

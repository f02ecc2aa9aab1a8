//! Autoimmune disease, and joints and bones besides.

use crate::Condition::*;
use crate::catalogue::{
    BLOOD_COUNT, LIVER, METABOLIC,
    Order::{Panel, Procedure, Test},
    procedure,
};
use crate::condition::{Driver::*, Mortality, ORDINARY, Presentation, Profile};
use crate::measurement::Measure::*;

/// Rheumatoid arthritis.
///
/// Rochester 1995–2007: 0.41 per 1,000 adults a year, women 0.53, men 0.28 (Myasoedova et al., Arthritis Rheum
/// 2010;62:1576), highest at 65–74. Smoking: Sugiyama et al., Ann Rheum Dis 2010;69:70 (1.9 men, 1.3 women).
pub(super) static RHEUMATOID: Profile = Profile {
    condition: RheumatoidArthritis,
    name: "rheumatoid_arthritis",
    icd10cm: "M06.9",
    display: "Rheumatoid arthritis, unspecified",
    incidence: &[
        (18.0, 0.03, 0.09),
        (30.0, 0.1, 0.28),
        (45.0, 0.25, 0.55),
        (60.0, 0.5, 0.9),
        (72.0, 0.75, 1.0),
        (87.0, 0.6, 0.65),
    ],
    silent_years: (1.0, 0.5),
    drivers: &[(Family, 3.0), (Smoking, 1.5), (Liability, 1.5)],
    mortality: Mortality::ratio(1.4),
    prodrome: &[("M25.50", "Pain in unspecified joint", 0.5), ("R53.83", "Other fatigue", 0.2)],
    family: 0.02,
    workup: &[Test(RheumatoidFactor), Test(SedimentationRate), Test(CReactiveProtein), Panel(&BLOOD_COUNT)],
    follow_up: &[Test(CReactiveProtein), Panel(&LIVER)],
    monitor: &[(Test(CReactiveProtein), CReactiveProtein, 0.6)],
    source: "Myasoedova et al., Arthritis Rheum 2010;62:1576 (Rochester), smoothed over age; not checked against its source",
    ..ORDINARY
};

/// Gout.
///
/// Rochester 2009–2010: 1.37 per 1,000 a year, men three times women (Elfishawi et al., J Rheumatol 2018;45:574). Body mass:
/// Aune et al., Eur J Nutr 2014;53:1591 (1.55 per 5 kg/m²).
pub(super) static GOUT: Profile = Profile {
    condition: Gout,
    name: "gout",
    icd10cm: "M10.9",
    display: "Gout, unspecified",
    incidence: &[(20.0, 0.2, 0.02), (35.0, 1.0, 0.1), (50.0, 2.4, 0.5), (65.0, 4.0, 1.5), (80.0, 5.0, 2.8)],
    silent_years: (4.0, 0.4),
    drivers: &[
        (BodyMass, 1.55),
        (After(Hypertension), 1.8),
        (After(KidneyDisease), 1.8),
        (Family, 2.0),
        (Liability, 1.3),
    ],
    presentation: Presentation { inpatient: 0.02, emergency: 0.12 },
    prodrome: &[("M79.673", "Pain in unspecified foot", 0.3)],
    family: 0.06,
    workup: &[Test(UricAcid), Panel(&METABOLIC)],
    follow_up: &[Test(UricAcid)],
    monitor: &[(Test(UricAcid), UricAcid, 0.9)],
    source: "Elfishawi et al., J Rheumatol 2018;45:574 (Rochester), smoothed over age; not checked against its source",
    ..ORDINARY
};

/// Osteoporosis as diagnosed.
///
/// NHANES 2017–2018: 12.6 % of those from 50 (women 19.6 %, men 4.4 %; NCHS Data Brief 405), half of it diagnosed; derived.
pub(super) static OSTEOPOROSIS: Profile = Profile {
    condition: Osteoporosis,
    name: "osteoporosis",
    icd10cm: "M81.0",
    display: "Age-related osteoporosis without current pathological fracture",
    incidence: &[
        (40.0, 0.05, 0.2),
        (50.0, 0.4, 3.0),
        (60.0, 0.9, 8.0),
        (70.0, 1.8, 12.0),
        (80.0, 3.0, 14.0),
        (90.0, 3.5, 12.0),
    ],
    silent_years: (3.0, 0.4),
    drivers: &[
        (BodyMass, 0.6),
        (Family, 1.8),
        (Smoking, 1.3),
        (After(WristFracture), 2.5),
        (After(RheumatoidArthritis), 1.6),
    ],
    mortality: Mortality::ratio(1.05),
    family: 0.15,
    workup: &[Procedure(procedure::BONE_DENSITOMETRY), Test(VitaminD), Test(Calcium)],
    follow_up: &[Test(VitaminD)],
    source: "NCHS Data Brief 405 (NHANES 2017-2018 prevalence times the share diagnosed); not checked against its source",
    ..ORDINARY
};

/// Systemic lupus erythematosus.
///
/// Michigan 2002–2004: 5.5 per 100,000 a year, women 9.3, men 1.5, Black women 12.8 (Somers et al., Arthritis Rheumatol
/// 2014;66:369).
pub(super) static LUPUS: Profile = Profile {
    condition: Lupus,
    name: "lupus",
    icd10cm: "M32.9",
    display: "Systemic lupus erythematosus, unspecified",
    incidence: &[
        (8.0, 0.001, 0.01),
        (18.0, 0.01, 0.1),
        (32.0, 0.015, 0.14),
        (50.0, 0.022, 0.11),
        (70.0, 0.02, 0.06),
    ],
    silent_years: (1.5, 0.5),
    drivers: &[(Family, 6.0), (Liability, 1.8)],
    mortality: Mortality::ratio(2.2),
    presentation: Presentation { inpatient: 0.15, emergency: 0.1 },
    prodrome: &[
        ("M25.50", "Pain in unspecified joint", 0.45),
        ("R21", "Rash and other nonspecific skin eruption", 0.35),
    ],
    family: 0.01,
    workup: &[Test(SedimentationRate), Panel(&BLOOD_COUNT), Panel(&METABOLIC), Test(AlbuminCreatinine)],
    follow_up: &[Panel(&BLOOD_COUNT), Test(AlbuminCreatinine)],
    monitor: &[(Test(SedimentationRate), SedimentationRate, 0.6)],
    source: "Somers et al., Arthritis Rheumatol 2014;66:369 (Michigan); not checked against its source",
    ..ORDINARY
};

/// Psoriasis.
///
/// Olmsted County 1970–2000: 0.79 per 1,000 adults a year (Icen et al., J Am Acad Dermatol 2009;60:394).
pub(super) static PSORIASIS: Profile = Profile {
    condition: Psoriasis,
    name: "psoriasis",
    icd10cm: "L40.9",
    display: "Psoriasis, unspecified",
    incidence: &[(5.0, 0.3, 0.35), (20.0, 0.6, 0.65), (40.0, 0.8, 0.75), (60.0, 1.0, 0.9), (80.0, 0.7, 0.6)],
    silent_years: (0.5, 0.5),
    drivers: &[(Family, 3.5), (BodyMass, 1.2), (Smoking, 1.4), (Liability, 1.4)],
    mortality: Mortality::ratio(1.1),
    prodrome: &[("R21", "Rash and other nonspecific skin eruption", 0.4)],
    family: 0.06,
    source: "Icen et al., J Am Acad Dermatol 2009;60:394 (Olmsted County adults); Tollefson et al., J Am Acad Dermatol 2010;62:979; not checked against its source",
    ..ORDINARY
};

/// Multiple sclerosis.
///
/// Southern California: 5.2 per 100,000 a year, women 7.4, men 3.1 (Langer-Gould et al., Neurology 2013;80:1734).
pub(super) static MULTIPLE_SCLEROSIS: Profile = Profile {
    condition: MultipleSclerosis,
    name: "multiple_sclerosis",
    icd10cm: "G35",
    display: "Multiple sclerosis",
    incidence: &[
        (12.0, 0.003, 0.005),
        (22.0, 0.035, 0.1),
        (35.0, 0.065, 0.16),
        (50.0, 0.05, 0.11),
        (65.0, 0.015, 0.03),
        (80.0, 0.003, 0.005),
    ],
    silent_years: (2.5, 0.5),
    drivers: &[(Family, 7.0), (Smoking, 1.5), (BodyMass, 1.2), (Liability, 1.6)],
    mortality: Mortality::ratio(1.8),
    presentation: Presentation { inpatient: 0.15, emergency: 0.1 },
    prodrome: &[
        ("R20.2", "Paresthesia of skin", 0.4),
        ("H53.8", "Other visual disturbances", 0.25),
        ("R53.83", "Other fatigue", 0.2),
    ],
    family: 0.005,
    workup: &[Procedure(procedure::MRI_HEAD), Test(VitaminB12)],
    source: "Langer-Gould et al., Neurology 2013;80:1734 (Southern California), smoothed over age; not checked against its source",
    ..ORDINARY
};

/// Ulcerative colitis.
///
/// Olmsted County 2000–2010: 12.2 per 100,000 a year (Shivashankar et al., Clin Gastroenterol Hepatol 2017;15:857).
pub(super) static ULCERATIVE_COLITIS: Profile = Profile {
    condition: UlcerativeColitis,
    name: "ulcerative_colitis",
    icd10cm: "K51.90",
    display: "Ulcerative colitis, unspecified, without complications",
    incidence: &[
        (6.0, 0.02, 0.02),
        (18.0, 0.12, 0.11),
        (30.0, 0.2, 0.16),
        (50.0, 0.14, 0.11),
        (75.0, 0.12, 0.09),
    ],
    silent_years: (0.8, 0.5),
    drivers: &[(Family, 5.0), (Liability, 1.5)],
    mortality: Mortality::ratio(1.1),
    presentation: Presentation { inpatient: 0.2, emergency: 0.12 },
    prodrome: &[("R19.7", "Diarrhea, unspecified", 0.45), ("K62.5", "Hemorrhage of anus and rectum", 0.4)],
    family: 0.01,
    workup: &[Procedure(procedure::COLONOSCOPY), Panel(&BLOOD_COUNT), Test(CReactiveProtein)],
    follow_up: &[Panel(&BLOOD_COUNT), Test(CReactiveProtein)],
    source: "Shivashankar et al., Clin Gastroenterol Hepatol 2017;15:857 (Olmsted County); not checked against its source",
    ..ORDINARY
};

/// Hyperthyroidism of Graves' disease.
///
/// Nurses' Health Study II: 0.47 per 1,000 women a year (Holm et al., Arch Intern Med 2005;165:1606); men an eighth to a fifth.
pub(super) static HYPERTHYROIDISM: Profile = Profile {
    condition: Hyperthyroidism,
    name: "hyperthyroidism",
    icd10cm: "E05.00",
    display: "Thyrotoxicosis with diffuse goiter without thyrotoxic crisis or storm",
    incidence: &[
        (10.0, 0.005, 0.03),
        (25.0, 0.06, 0.4),
        (40.0, 0.1, 0.5),
        (60.0, 0.1, 0.4),
        (80.0, 0.08, 0.25),
    ],
    silent_years: (0.7, 0.5),
    drivers: &[(Family, 4.0), (Smoking, 1.9), (Liability, 1.5)],
    mortality: Mortality::ratio(1.1),
    presentation: Presentation { inpatient: 0.04, emergency: 0.08 },
    prodrome: &[("R00.2", "Palpitations", 0.35), ("R63.4", "Abnormal weight loss", 0.3)],
    family: 0.02,
    workup: &[Test(Thyrotropin), Test(FreeT4)],
    follow_up: &[Test(Thyrotropin), Test(FreeT4)],
    monitor: &[(Test(Thyrotropin), Thyrotropin, 0.5), (Test(FreeT4), FreeT4, 0.6)],
    source: "Holm et al., Arch Intern Med 2005;165:1606 (Nurses' Health Study II), men a fifth assumed; not checked against its source",
    ..ORDINARY
};

//! What diabetes and failing kidneys lead to, and diabetes of the young.
//!
//! Rates are per person-year of everybody, so that a complication's rate is its rate in those with the disease times
//! how many have it; who has it follows from the hazard ratio of `After`.

use crate::Condition::*;
use crate::catalogue::{
    BLOOD_COUNT, METABOLIC,
    Order::{Panel, Procedure, Test},
    procedure,
};
use crate::condition::{Driver::*, Mortality, ORDINARY, Presentation, Profile, Trait};
use crate::measurement::Measure::*;

/// Diabetic retinopathy.
///
/// Prevalence 26.4 % of adults with diabetes (Lundeen et al., JAMA Ophthalmol 2023;141:747), from which incidence is
/// derived at about 25 per 1,000 with diabetes a year. HbA1c: UKPDS 35, BMJ 2000;321:405.
pub(super) static RETINOPATHY: Profile = Profile {
    condition: DiabeticRetinopathy,
    name: "diabetic_retinopathy",
    icd10cm: "E11.319",
    display: "Type 2 diabetes mellitus with unspecified diabetic retinopathy without macular edema",
    incidence: &[(20.0, 0.0, 0.0), (35.0, 0.5, 0.5), (50.0, 2.6, 2.3), (65.0, 5.2, 4.5), (80.0, 5.5, 4.8)],
    silent_years: (3.0, 0.4),
    drivers: &[
        (Requires(Diabetes), 1.0),
        (Of(Trait::Glycaemia), 1.4),
        (Of(Trait::BloodPressure), 1.15),
        (After(Hypertension), 1.3),
    ],
    prodrome: &[("H53.8", "Other visual disturbances", 0.2)],
    workup: &[Procedure(procedure::EYE_EXAMINATION), Test(HemoglobinA1c)],
    follow_up: &[Procedure(procedure::EYE_EXAMINATION)],
    source: "Lundeen et al., JAMA Ophthalmol 2023 (prevalence, from which incidence is derived); not checked against its source",
    ..ORDINARY
};

/// Diabetic polyneuropathy.
///
/// About 28 % of those with diabetes (Hicks & Selvin, Curr Diab Rep 2019;19:86); incidence derived.
pub(super) static NEUROPATHY: Profile = Profile {
    condition: DiabeticNeuropathy,
    name: "diabetic_neuropathy",
    icd10cm: "E11.42",
    display: "Type 2 diabetes mellitus with diabetic polyneuropathy",
    incidence: &[(20.0, 0.0, 0.0), (35.0, 0.5, 0.5), (50.0, 2.8, 2.4), (65.0, 5.8, 4.9), (80.0, 6.8, 5.8)],
    silent_years: (2.5, 0.4),
    drivers: &[(Requires(Diabetes), 1.0), (Of(Trait::Glycaemia), 1.35), (BodyMass, 1.15), (Smoking, 1.3)],
    mortality: Mortality::ratio(1.15),
    prodrome: &[("R20.2", "Paresthesia of skin", 0.4)],
    workup: &[Test(HemoglobinA1c), Test(VitaminB12)],
    source: "Hicks & Selvin, Curr Diab Rep 2019 (prevalence, from which incidence is derived); not checked against its source",
    ..ORDINARY
};

/// Diabetic nephropathy: albumin in the urine.
///
/// UKPDS 64 (Adler et al., Kidney Int 2003;63:225): 2.0 % a year to microalbuminuria.
pub(super) static NEPHROPATHY: Profile = Profile {
    condition: DiabeticKidneyDisease,
    name: "diabetic_kidney_disease",
    icd10cm: "E11.21",
    display: "Type 2 diabetes mellitus with diabetic nephropathy",
    incidence: &[(20.0, 0.0, 0.0), (35.0, 0.4, 0.4), (50.0, 2.1, 1.8), (65.0, 4.2, 3.6), (80.0, 4.8, 4.0)],
    silent_years: (3.0, 0.4),
    drivers: &[
        (Requires(Diabetes), 1.0),
        (Of(Trait::Kidney), 1.4),
        (Of(Trait::Glycaemia), 1.3),
        (Of(Trait::BloodPressure), 1.2),
        (Smoking, 1.3),
    ],
    mortality: Mortality::ratio(1.3),
    workup: &[Test(AlbuminCreatinine), Panel(&METABOLIC)],
    follow_up: &[Test(AlbuminCreatinine)],
    source: "Adler et al., Kidney Int 2003;63:225 (UKPDS 64), times prevalence of diabetes; not checked against its source",
    ..ORDINARY
};

/// Type 1 diabetes.
///
/// SEARCH (Mayer-Davis et al., N Engl J Med 2017;376:1419): 0.22 per 1,000 under 20; adults about half of that
/// (Rogers et al., BMC Med 2017;15:199).
pub(super) static TYPE_1: Profile = Profile {
    condition: Type1Diabetes,
    name: "type_1_diabetes",
    icd10cm: "E10.9",
    display: "Type 1 diabetes mellitus without complications",
    incidence: &[
        (0.0, 0.08, 0.08),
        (3.0, 0.16, 0.16),
        (8.0, 0.26, 0.27),
        (12.0, 0.33, 0.31),
        (17.0, 0.2, 0.14),
        (30.0, 0.12, 0.08),
        (50.0, 0.08, 0.06),
        (70.0, 0.05, 0.04),
    ],
    silent_years: (0.4, 0.4),
    drivers: &[(Family, 8.0), (Liability, 1.8)],
    mortality: Mortality::ratio(2.2),
    presentation: Presentation { inpatient: 0.45, emergency: 0.25 },
    prodrome: &[("R35.0", "Frequency of micturition", 0.35), ("R63.4", "Abnormal weight loss", 0.3)],
    family: 0.01,
    workup: &[Test(HemoglobinA1c), Panel(&METABOLIC)],
    follow_up: &[Test(HemoglobinA1c)],
    monitor: &[(Test(HemoglobinA1c), HemoglobinA1c, 0.35)],
    source: "Mayer-Davis et al., N Engl J Med 2017;376:1419 (SEARCH); Rogers et al., BMC Med 2017; not checked against its source",
    ..ORDINARY
};

/// Chronic kidney disease, stages 1 and 2: albumin in the urine while filtration is kept.
///
/// NHANES prevalence of stages 1–2, about 5 % of adults and 10 % from 60 (Coresh et al., JAMA 2007;298:2038), of
/// which a fifth is ever coded; incidence derived.
pub(super) static EARLY_KIDNEY_DISEASE: Profile = Profile {
    condition: EarlyKidneyDisease,
    name: "chronic_kidney_disease_stage_2",
    icd10cm: "N18.2",
    display: "Chronic kidney disease, stage 2 (mild)",
    incidence: &[(20.0, 0.1, 0.1), (40.0, 0.3, 0.3), (60.0, 1.3, 1.2), (75.0, 2.6, 2.4), (88.0, 2.4, 2.2)],
    silent_years: (4.0, 0.4),
    drivers: &[
        (Of(Trait::Kidney), 1.8),
        (After(Diabetes), 2.2),
        (After(Hypertension), 1.8),
        (Of(Trait::BloodPressure), 1.2),
        (BodyMass, 1.2),
    ],
    mortality: Mortality::ratio(1.15),
    workup: &[Test(AlbuminCreatinine), Panel(&METABOLIC)],
    follow_up: &[Test(AlbuminCreatinine)],
    source: "Coresh et al., JAMA 2007 (NHANES prevalence times the share coded); not checked against its source",
    ..ORDINARY
};

/// Chronic kidney disease, stage 4.
///
/// NHANES: 0.35 % of adults, 1.5 % from 70 (Coresh et al., JAMA 2007;298:2038); incidence derived.
pub(super) static STAGE_4: Profile = Profile {
    condition: KidneyDisease4,
    name: "chronic_kidney_disease_stage_4",
    icd10cm: "N18.4",
    display: "Chronic kidney disease, stage 4 (severe)",
    incidence: &[
        (30.0, 0.02, 0.02),
        (50.0, 0.15, 0.15),
        (65.0, 0.9, 0.9),
        (80.0, 4.5, 4.3),
        (90.0, 6.5, 6.0),
    ],
    silent_years: (2.5, 0.4),
    drivers: &[
        (Requires(KidneyDisease), 1.0),
        (After(DiabeticKidneyDisease), 2.2),
        (Of(Trait::Kidney), 1.4),
        (Of(Trait::BloodPressure), 1.2),
        (After(HeartFailure), 1.5),
    ],
    mortality: Mortality::ratio(1.6),
    presentation: Presentation { inpatient: 0.15, emergency: 0.03 },
    workup: &[Panel(&METABOLIC), Panel(&BLOOD_COUNT), Test(AlbuminCreatinine), Test(Phosphate)],
    follow_up: &[Panel(&METABOLIC)],
    monitor: &[(Panel(&METABOLIC), Creatinine, 0.35), (Test(Phosphate), Phosphate, 0.8)],
    source: "Coresh et al., JAMA 2007 (NHANES prevalence, from which incidence is derived); not checked against its source",
    ..ORDINARY
};

/// Chronic kidney disease, stage 5.
///
/// USRDS 2020: kidney failure treated anew in 0.37 per 1,000 a year, 1.6 from 75; as many again untreated at 85 and over
/// (Hemmelgarn et al., JAMA 2012;307:2507).
pub(super) static STAGE_5: Profile = Profile {
    condition: KidneyDisease5,
    name: "chronic_kidney_disease_stage_5",
    icd10cm: "N18.5",
    display: "Chronic kidney disease, stage 5",
    incidence: &[
        (20.0, 0.05, 0.04),
        (40.0, 0.25, 0.17),
        (60.0, 0.9, 0.6),
        (75.0, 2.0, 1.2),
        (88.0, 2.6, 1.6),
    ],
    silent_years: (1.2, 0.4),
    drivers: &[
        (After(KidneyDisease4), 120.0),
        (Requires(KidneyDisease), 1.0),
        (After(DiabeticKidneyDisease), 1.8),
        (Of(Trait::Kidney), 1.2),
    ],
    mortality: Mortality::ratio(2.8),
    presentation: Presentation { inpatient: 0.4, emergency: 0.08 },
    workup: &[Panel(&METABOLIC), Panel(&BLOOD_COUNT), Test(Phosphate), Test(Bicarbonate)],
    follow_up: &[Panel(&METABOLIC), Panel(&BLOOD_COUNT)],
    monitor: &[(Panel(&METABOLIC), Creatinine, 0.15), (Panel(&BLOOD_COUNT), Hemoglobin, 0.3)],
    source: "USRDS Annual Data Report 2020; Hemmelgarn et al., JAMA 2012;307:2507; not checked against its source",
    ..ORDINARY
};

//! Nerves and mind besides depression and dementia.

use crate::Condition::*;
use crate::catalogue::{
    LIVER, METABOLIC,
    Order::{Panel, Procedure, Test},
    procedure,
};
use crate::condition::{Driver::*, Mortality, ORDINARY, Presentation, Profile, Trait};
use crate::measurement::Measure::*;

/// Generalised anxiety disorder as coded: 6 per 1,000 a year, women twice men (Grant et al., Mol Psychiatry 2009;14:1051).
pub(super) static ANXIETY: Profile = Profile {
    condition: Anxiety,
    name: "anxiety",
    icd10cm: "F41.1",
    display: "Generalized anxiety disorder",
    incidence: &[
        (8.0, 0.8, 1.0),
        (14.0, 3.0, 6.5),
        (20.0, 5.5, 12.0),
        (35.0, 5.0, 10.0),
        (55.0, 3.2, 6.0),
        (75.0, 2.2, 4.2),
    ],
    silent_years: (1.0, 0.5),
    drivers: &[(Of(Trait::Mood), 1.7), (Family, 2.0), (After(Depression), 2.6), (Smoking, 1.3)],
    mortality: Mortality::ratio(1.1),
    prodrome: &[("G47.00", "Insomnia, unspecified", 0.3), ("R00.2", "Palpitations", 0.2)],
    family: 0.15,
    workup: &[Test(Gad7), Test(Phq9)],
    follow_up: &[Test(Gad7)],
    monitor: &[(Test(Gad7), Gad7, 0.8)],
    source: "Grant et al., Mol Psychiatry 2009;14:1051 (NESARC), smoothed over age; not checked against its source",
    ..ORDINARY
};

/// Alcohol dependence as coded: a tenth of NESARC's incidence comes to care (Grant et al., Mol Psychiatry 2009;14:1051).
pub(super) static ALCOHOL: Profile = Profile {
    condition: AlcoholUseDisorder,
    name: "alcohol_use_disorder",
    icd10cm: "F10.20",
    display: "Alcohol dependence, uncomplicated",
    incidence: &[
        (14.0, 0.1, 0.1),
        (20.0, 3.5, 1.8),
        (30.0, 3.8, 1.7),
        (45.0, 3.2, 1.5),
        (60.0, 1.8, 0.8),
        (80.0, 0.4, 0.2),
    ],
    silent_years: (4.0, 0.5),
    drivers: &[(Family, 2.5), (Smoking, 3.0), (Of(Trait::Mood), 1.4), (Liability, 1.7)],
    mortality: Mortality::ratio(2.0),
    presentation: Presentation { inpatient: 0.12, emergency: 0.25 },
    prodrome: &[
        ("R74.01", "Elevation of levels of liver transaminase levels", 0.2),
        ("G47.00", "Insomnia, unspecified", 0.2),
    ],
    family: 0.15,
    workup: &[Panel(&LIVER)],
    follow_up: &[Panel(&LIVER)],
    source: "Grant et al., Mol Psychiatry 2009;14:1051 (NESARC), a tenth of it coming to care assumed; not checked against its source",
    ..ORDINARY
};

/// Schizophrenia: 15 per 100,000 a year, men 1.4 times women (McGrath et al., Epidemiol Rev 2008;30:67). Death 2.6.
pub(super) static SCHIZOPHRENIA: Profile = Profile {
    condition: Schizophrenia,
    name: "schizophrenia",
    icd10cm: "F20.9",
    display: "Schizophrenia, unspecified",
    incidence: &[
        (12.0, 0.01, 0.01),
        (18.0, 0.4, 0.18),
        (25.0, 0.5, 0.25),
        (35.0, 0.22, 0.2),
        (50.0, 0.08, 0.12),
        (70.0, 0.03, 0.05),
    ],
    silent_years: (1.5, 0.5),
    drivers: &[(Family, 8.0), (Liability, 2.0)],
    mortality: Mortality::ratio(2.4),
    presentation: Presentation { inpatient: 0.45, emergency: 0.25 },
    family: 0.01,
    stay_days: 10.0,
    workup: &[Panel(&METABOLIC), Test(HemoglobinA1c)],
    follow_up: &[Test(HemoglobinA1c)],
    source: "McGrath et al., Epidemiol Rev 2008;30:67, smoothed over age; not checked against its source",
    ..ORDINARY
};

/// Epilepsy: Rochester, 0.44 per 1,000 a year, high in the first years and in old age (Hauser et al., Epilepsia 1993;34:453).
pub(super) static EPILEPSY: Profile = Profile {
    condition: Epilepsy,
    name: "epilepsy",
    icd10cm: "G40.909",
    display: "Epilepsy, unspecified, not intractable, without status epilepticus",
    incidence: &[
        (0.0, 1.0, 0.9),
        (2.0, 0.7, 0.6),
        (10.0, 0.45, 0.42),
        (25.0, 0.3, 0.28),
        (50.0, 0.32, 0.27),
        (70.0, 0.9, 0.7),
        (85.0, 1.7, 1.4),
    ],
    drivers: &[
        (After(Stroke), 6.0),
        (After(Dementia), 3.0),
        (After(Concussion), 1.6),
        (Family, 2.5),
        (After(AlcoholUseDisorder), 2.0),
    ],
    mortality: Mortality::ratio(1.8),
    presentation: Presentation { inpatient: 0.3, emergency: 0.45 },
    family: 0.03,
    workup: &[Procedure(procedure::ELECTROENCEPHALOGRAM), Procedure(procedure::MRI_HEAD), Panel(&METABOLIC)],
    follow_up: &[Panel(&LIVER)],
    source: "Hauser et al., Epilepsia 1993;34:453 (Rochester), smoothed over age; not checked against its source",
    ..ORDINARY
};

/// Parkinson's disease: Savica et al., JAMA Neurol 2016;73:981 (Olmsted County, men 1.6 times women); smokers half.
pub(super) static PARKINSON: Profile = Profile {
    condition: Parkinson,
    name: "parkinson_disease",
    icd10cm: "G20.A1",
    display: "Parkinson's disease without dyskinesia, without mention of fluctuations",
    incidence: &[
        (40.0, 0.01, 0.01),
        (55.0, 0.2, 0.12),
        (65.0, 0.7, 0.42),
        (75.0, 1.8, 1.05),
        (85.0, 2.8, 1.5),
    ],
    silent_years: (4.0, 0.4),
    drivers: &[(Smoking, 0.5), (Family, 2.6), (Liability, 1.4)],
    mortality: Mortality::ratio(1.8),
    prodrome: &[
        ("R25.1", "Tremor, unspecified", 0.5),
        ("K59.00", "Constipation, unspecified", 0.3),
        ("R43.0", "Anosmia", 0.1),
    ],
    family: 0.04,
    source: "Savica et al., JAMA Neurol 2016;73:981 (Olmsted County), smoothed over age; not checked against its source",
    ..ORDINARY
};

/// Migraine as coded: Stewart et al., Am J Epidemiol 1991;134:1111 for age and sex, about half of it coded.
pub(super) static MIGRAINE: Profile = Profile {
    condition: Migraine,
    name: "migraine",
    icd10cm: "G43.909",
    display: "Migraine, unspecified, not intractable, without status migrainosus",
    incidence: &[
        (4.0, 0.8, 0.7),
        (10.0, 4.0, 4.5),
        (16.0, 3.5, 8.5),
        (28.0, 2.5, 8.0),
        (45.0, 1.5, 4.5),
        (65.0, 0.6, 1.4),
    ],
    silent_years: (0.8, 0.5),
    drivers: &[(Family, 3.0), (After(Depression), 1.6), (Liability, 1.4)],
    presentation: Presentation { inpatient: 0.01, emergency: 0.12 },
    prodrome: &[("R51.9", "Headache, unspecified", 0.5)],
    family: 0.2,
    source: "Stewart et al., Am J Epidemiol 1991;134:1111, half of it coded assumed; not checked against its source",
    ..ORDINARY
};

//! Mood and cognition.

use crate::Condition::*;
use crate::catalogue::{
    Order::{Procedure, Test},
    procedure,
};
use crate::condition::{Course, Driver::*, Mortality, ORDINARY, Presentation, Profile, Stage, Trait};
use crate::measurement::Measure::*;

/// Depression, first diagnosis.
///
/// NESARC (Grant et al., Mol Psychiatry 2009;14:1051): 15 new per 1,000 adults a year, women about twice men,
/// falling with age; general practice diagnoses 14–22 per 1,000 (Rait et al., Br J Psychiatry 2009;195:520).
pub(super) static DEPRESSION: Profile = Profile {
    condition: Depression,
    name: "depression",
    icd10cm: "F32.9",
    display: "Major depressive disorder, single episode, unspecified",
    course: Course::Chronic,
    incidence: &[
        (8.0, 0.3, 0.3),
        (13.0, 4.0, 7.0),
        (18.0, 11.0, 22.0),
        (30.0, 10.5, 20.0),
        (45.0, 8.5, 16.0),
        (60.0, 6.5, 12.0),
        (75.0, 5.5, 9.5),
        (90.0, 5.5, 9.0),
    ],
    silent_years: (0.6, 0.5),
    drivers: &[
        (Of(Trait::Mood), 2.0),
        (Family, 1.8),
        (Smoking, 1.4),
        (After(Stroke), 2.0),
        (After(MyocardialInfarction), 1.6),
        (After(LungCancer), 2.0),
        (After(Copd), 1.5),
        (BodyMass, 1.1),
    ],
    mortality: Mortality::ratio(1.3),
    presentation: Presentation { inpatient: 0.03, emergency: 0.06 },
    prodrome: &[("G47.00", "Insomnia, unspecified", 0.25), ("R53.83", "Other fatigue", 0.2)],
    family: 0.20,
    stages: &[
        Stage {
            name: "mild",
            share: 0.3,
            mortality: 1.0,
            icd10cm: "F32.0",
            display: "Major depressive disorder, single episode, mild",
        },
        Stage {
            name: "moderate",
            share: 0.45,
            mortality: 1.0,
            icd10cm: "F32.1",
            display: "Major depressive disorder, single episode, moderate",
        },
        Stage {
            name: "severe",
            share: 0.25,
            mortality: 1.0,
            icd10cm: "F32.2",
            display: "Major depressive disorder, single episode, severe without psychotic features",
        },
    ],
    workup: &[Test(Phq9)],
    follow_up: &[Test(Phq9)],
    source: "Grant et al., Mol Psychiatry 2009 (NESARC); Rait et al., Br J Psychiatry 2009",
    ..ORDINARY
};

/// Dementia, as diagnosed in care.
///
/// IPCI, Dutch health records (The association of vascular disorders with incident dementia, Alzheimers Res Ther
/// 2019;11:47, Table 1): 1.5, 4.1, 9.9, 20.1, 30.8 and 40.0 per 1,000 at 65–70 … 85–90 and from 90. Research
/// cohorts that look for every case find about twice that (Wolters et al., Neurology 2020;95:e519: 4 at 65–69,
/// 65 at 85–89), similar in men and women. Family history: Loy et al., Lancet 2014;383:828.
pub(super) static DEMENTIA: Profile = Profile {
    condition: Dementia,
    name: "dementia",
    icd10cm: "F03.90",
    display: "Unspecified dementia, unspecified severity, without behavioral disturbance, psychotic disturbance, mood disturbance, and anxiety",
    course: Course::Chronic,
    incidence: &[
        (40.0, 0.0, 0.0),
        (50.0, 0.05, 0.05),
        (60.0, 0.5, 0.5),
        (67.5, 1.5, 1.5),
        (72.5, 4.0, 4.2),
        (77.5, 9.5, 10.2),
        (82.5, 19.0, 21.0),
        (87.5, 29.0, 32.0),
        (92.5, 37.0, 41.5),
    ],
    silent_years: (4.0, 0.4),
    drivers: &[
        (Of(Trait::Cognition), 2.2),
        (Family, 1.8),
        (After(Stroke), 1.9),
        (After(Diabetes), 1.5),
        (After(Depression), 1.6),
        (After(Hypertension), 1.2),
        (Smoking, 1.3),
    ],
    mortality: Mortality {
        to_five_years: 0.02,
        first_year: 0.02,
        grows_with_age: true,
        ..Mortality::ratio(1.7)
    },
    presentation: Presentation { inpatient: 0.1, emergency: 0.05 },
    prodrome: &[("R41.3", "Other amnesia", 0.45), ("R54", "Age-related physical debility", 0.1)],
    family: 0.13,
    stages: &[
        Stage {
            name: "mild",
            share: 0.5,
            mortality: 0.7,
            icd10cm: "F03.A0",
            display: "Unspecified dementia, mild, without behavioral disturbance, psychotic disturbance, mood disturbance, and anxiety",
        },
        Stage {
            name: "moderate",
            share: 0.35,
            mortality: 1.1,
            icd10cm: "F03.B0",
            display: "Unspecified dementia, moderate, without behavioral disturbance, psychotic disturbance, mood disturbance, and anxiety",
        },
        Stage {
            name: "severe",
            share: 0.15,
            mortality: 1.7,
            icd10cm: "F03.C0",
            display: "Unspecified dementia, severe, without behavioral disturbance, psychotic disturbance, mood disturbance, and anxiety",
        },
    ],
    workup: &[Test(Mmse), Procedure(procedure::CT_HEAD), Test(Thyrotropin)],
    source: "Alzheimers Res Ther 2019;11:47, Table 1 (IPCI health records); Wolters et al., Neurology 2020 for comparison",
    ..ORDINARY
};

/// A further episode of depression.
///
/// Eaton et al., Arch Gen Psychiatry 2008;65:513 (Baltimore): about half of first episodes are followed by another,
/// most within some years; about 8 to 15 per 100 person-years among those treated in primary care (Gopinath et al.,
/// Gen Hosp Psychiatry 2007;29:32). As a rate among everybody here, carried almost wholly by those with depression.
pub(super) static DEPRESSION_RELAPSE: Profile = Profile {
    condition: DepressionRelapse,
    name: "depression_relapse",
    icd10cm: "F33.9",
    display: "Major depressive disorder, recurrent, unspecified",
    course: Course::Recurrent { spacing_days: 120.0, felt_years: 1.0 },
    incidence: &[
        (10.0, 0.05, 0.1),
        (16.0, 1.0, 2.0),
        (25.0, 6.0, 14.0),
        (40.0, 11.0, 24.0),
        (60.0, 12.0, 26.0),
        (80.0, 9.0, 18.0),
    ],
    silent_years: (0.0, 0.0),
    drivers: &[(After(Depression), 80.0), (After(DepressionRelapse), 1.8), (Of(Trait::Mood), 1.5)],
    mortality: Mortality::ratio(1.0),
    presentation: Presentation { inpatient: 0.06, emergency: 0.08 },
    prodrome: &[("G47.00", "Insomnia, unspecified", 0.2)],
    workup: &[Test(Phq9)],
    source: "Eaton et al., Arch Gen Psychiatry 2008;65:513; Gopinath et al., Gen Hosp Psychiatry 2007;29:32, times prevalence",
    ..ORDINARY
};

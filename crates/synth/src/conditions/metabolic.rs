//! Glands, lipids and kidney.

use crate::Condition::*;
use crate::catalogue::{
    LIPIDS, METABOLIC,
    Order::{Panel, Test},
};
use crate::condition::{Course, Driver::*, Mortality, ORDINARY, Presentation, Profile, Trait};
use crate::measurement::Measure::*;

/// Type 2 diabetes.
///
/// CDC National Diabetes Statistics Report 2020 (2018 data): 6.9 newly diagnosed per 1,000 adults, highest at
/// 45–64 (about 10), about 4 at 18–44 and 9 from 65; men slightly above women. Smoothed over age. Ratios:
/// Framingham Offspring (Wilson et al., Arch Intern Med 2007;167:1068). Silent time 4–7 years before diagnosis:
/// Harris et al., Diabetes Care 1992;15:815; course of glucose before it: Tabák et al., Lancet 2009;373:2215
/// (Whitehall II), steep in the last three years.
pub(super) static DIABETES: Profile = Profile {
    condition: Diabetes,
    name: "type_2_diabetes",
    icd10cm: "E11.9",
    display: "Type 2 diabetes mellitus without complications",
    course: Course::Chronic,
    incidence: &[
        (12.0, 0.05, 0.08),
        (20.0, 0.9, 1.1),
        (30.0, 3.3, 3.3),
        (40.0, 6.8, 6.0),
        (50.0, 10.2, 9.2),
        (60.0, 11.2, 10.2),
        (70.0, 9.8, 9.0),
        (80.0, 7.5, 7.0),
        (90.0, 5.0, 5.0),
    ],
    silent_years: (4.0, 0.4),
    drivers: &[
        (Of(Trait::Glycaemia), 2.0),
        (BodyMass, 1.7),
        (Family, 1.7),
        (After(Hypertension), 1.4),
        (Smoking, 1.3),
        (Of(Trait::Cholesterol), 1.1),
    ],
    mortality: Mortality::ratio(1.5),
    presentation: Presentation { inpatient: 0.05, emergency: 0.06 },
    prodrome: &[
        ("R73.03", "Prediabetes", 0.35),
        ("R35.0", "Frequency of micturition", 0.15),
        ("R53.83", "Other fatigue", 0.1),
    ],
    family: 0.30,
    workup: &[Test(HemoglobinA1c), Panel(&METABOLIC), Test(AlbuminCreatinine)],
    follow_up: &[Test(HemoglobinA1c)],
    source: "CDC, National Diabetes Statistics Report 2020 (2018 data), smoothed over age",
    ..ORDINARY
};

/// Hyperlipidaemia as diagnosed.
///
/// Derived so that cumulative incidence gives the share of adults told they have high cholesterol in NHIS
/// 2019–2021 (about 6 % at 18–34, 20 % at 35–49, 38 % at 50–64, 50 % at 65–79).
pub(super) static HYPERLIPIDAEMIA: Profile = Profile {
    condition: Hyperlipidaemia,
    name: "hyperlipidaemia",
    icd10cm: "E78.5",
    display: "Hyperlipidemia, unspecified",
    course: Course::Chronic,
    incidence: &[
        (5.0, 0.0, 0.0),
        (15.0, 0.3, 0.3),
        (25.0, 5.0, 4.0),
        (35.0, 12.0, 9.0),
        (45.0, 20.0, 16.0),
        (55.0, 26.0, 27.0),
        (65.0, 28.0, 31.0),
        (75.0, 20.0, 22.0),
        (85.0, 9.0, 10.0),
    ],
    silent_years: (3.0, 0.5),
    drivers: &[
        (Of(Trait::Cholesterol), 2.3),
        (BodyMass, 1.2),
        (After(Diabetes), 1.8),
        (After(Hypertension), 1.3),
    ],
    mortality: Mortality::ratio(1.0),
    presentation: Presentation { inpatient: 0.0, emergency: 0.0 },
    prodrome: &[],
    workup: &[Panel(&LIPIDS)],
    follow_up: &[Panel(&LIPIDS)],
    source: "NHIS 2019-2021 prevalence of diagnosed high cholesterol, from which incidence is derived",
    ..ORDINARY
};

/// Chronic kidney disease, stage 3 or worse.
///
/// Derived so that cumulative incidence gives NHANES's prevalence of stage 3–4 (Coresh et al., JAMA
/// 2007;298:2038: 0.7 % at 20–39, 1.8 % at 40–59 (stage 3), 7.7 % at 60–69, 37.8 % from 70) and a lifetime risk
/// near Grams et al., Am J Kidney Dis 2013;62:245. Ratios: Fox et al., JAMA 2004;291:844 (Framingham).
pub(super) static KIDNEY_DISEASE: Profile = Profile {
    condition: KidneyDisease,
    name: "chronic_kidney_disease",
    icd10cm: "N18.30",
    display: "Chronic kidney disease, stage 3 unspecified",
    course: Course::Chronic,
    incidence: &[
        (20.0, 0.1, 0.1),
        (40.0, 0.7, 0.9),
        (50.0, 2.0, 2.4),
        (60.0, 7.0, 8.0),
        (70.0, 22.0, 24.0),
        (80.0, 42.0, 44.0),
        (90.0, 52.0, 54.0),
    ],
    silent_years: (5.0, 0.4),
    drivers: &[
        (Of(Trait::Kidney), 2.1),
        (After(Diabetes), 2.2),
        (After(Hypertension), 1.7),
        (After(HeartFailure), 1.7),
        (BodyMass, 1.15),
        (Smoking, 1.3),
        (Of(Trait::BloodPressure), 1.15),
    ],
    mortality: Mortality::ratio(1.5),
    presentation: Presentation { inpatient: 0.08, emergency: 0.02 },
    prodrome: &[("R80.9", "Proteinuria, unspecified", 0.12)],
    workup: &[Panel(&METABOLIC), Test(AlbuminCreatinine)],
    follow_up: &[Panel(&METABOLIC)],
    source: "Coresh et al., JAMA 2007 (NHANES prevalence, from which incidence is derived); Grams et al., AJKD 2013",
    ..ORDINARY
};

/// Hypothyroidism.
///
/// Whickham (Vanderpump et al., Clin Endocrinol 1995;43:55): 3.5 per 1,000 women and 0.6 per 1,000 men a year,
/// rising in women to about 14 at 75–80; Tayside (Flynn et al., J Clin Endocrinol Metab 2004;89:3879): 5.0 and
/// 0.9. Thyrotropin above 2 mU/l foretells it (Whickham).
pub(super) static HYPOTHYROIDISM: Profile = Profile {
    condition: Hypothyroidism,
    name: "hypothyroidism",
    icd10cm: "E03.9",
    display: "Hypothyroidism, unspecified",
    course: Course::Chronic,
    incidence: &[
        (5.0, 0.05, 0.1),
        (20.0, 0.2, 1.5),
        (40.0, 0.5, 3.5),
        (60.0, 1.0, 6.0),
        (77.0, 2.2, 11.0),
        (90.0, 2.5, 11.0),
    ],
    silent_years: (3.0, 0.5),
    drivers: &[(Of(Trait::Thyroid), 2.4), (Family, 2.0)],
    mortality: Mortality::ratio(1.05),
    presentation: Presentation { inpatient: 0.0, emergency: 0.0 },
    prodrome: &[("R53.83", "Other fatigue", 0.3), ("R63.5", "Abnormal weight gain", 0.15)],
    family: 0.10,
    workup: &[Test(Thyrotropin)],
    follow_up: &[Test(Thyrotropin)],
    source: "Vanderpump et al., Clin Endocrinol 1995 (Whickham); Flynn et al., JCEM 2004 (Tayside)",
    ..ORDINARY
};

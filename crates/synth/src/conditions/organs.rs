//! Vessels, blood, lungs, gut, kidneys and eyes: what else wears out or blocks.

use crate::Condition::*;
use crate::catalogue::{
    BLOOD_COUNT, LIVER, METABOLIC,
    Order::{Panel, Procedure, Test},
    procedure,
};
use crate::condition::{Course, Driver::*, Mortality, ORDINARY, Presentation, Profile, Trait};
use crate::measurement::Measure::*;

/// Peripheral artery disease as diagnosed. Framingham: 0.4 per 1,000 men under 45 to 6 per 1,000 at 65–74 with
/// claudication (Kannel et al., J Am Geriatr Soc 1985;33:13); twice that by codes.
pub(super) static PERIPHERAL_ARTERY: Profile = Profile {
    condition: PeripheralArteryDisease,
    name: "peripheral_artery_disease",
    icd10cm: "I73.9",
    display: "Peripheral vascular disease, unspecified",
    incidence: &[
        (30.0, 0.1, 0.05),
        (45.0, 1.0, 0.6),
        (60.0, 5.0, 3.2),
        (72.0, 11.0, 8.5),
        (85.0, 17.0, 15.0),
    ],
    silent_years: (3.0, 0.5),
    drivers: &[
        (Smoking, 3.5),
        (After(Diabetes), 2.2),
        (After(Hypertension), 1.5),
        (Of(Trait::Cholesterol), 1.2),
        (After(KidneyDisease), 1.5),
        (After(MyocardialInfarction), 1.6),
    ],
    mortality: Mortality::ratio(1.5),
    presentation: Presentation { inpatient: 0.06, emergency: 0.03 },
    prodrome: &[("M79.606", "Pain in leg, unspecified", 0.35)],
    workup: &[Procedure(procedure::ANKLE_BRACHIAL_INDEX)],
    source: "Kannel et al., J Am Geriatr Soc 1985;33:13 (Framingham, claudication), doubled for coded disease; not checked against its source",
    ..ORDINARY
};

/// Pulmonary embolism.
///
/// Spencer et al., J Thromb Thrombolysis 2009;28:401 (Worcester); about 0.7 per 1,000 adults, rising steeply with age.
pub(super) static PULMONARY_EMBOLISM: Profile = Profile {
    condition: PulmonaryEmbolism,
    name: "pulmonary_embolism",
    icd10cm: "I26.99",
    display: "Other pulmonary embolism without acute cor pulmonale",
    course: Course::Recurrent { spacing_days: 90.0, felt_years: 1.0 },
    incidence: &[
        (15.0, 0.03, 0.04),
        (30.0, 0.18, 0.25),
        (50.0, 0.6, 0.55),
        (65.0, 1.4, 1.2),
        (80.0, 3.2, 3.2),
    ],
    drivers: &[
        (BodyMass, 1.35),
        (After(HipFracture), 4.0),
        (After(LungCancer), 5.0),
        (After(ColorectalCancer), 3.0),
        (After(PancreaticCancer), 8.0),
        (After(HeartFailure), 1.6),
        (After(PulmonaryEmbolism), 3.0),
        (After(Childbirth), 4.0),
        (Family, 2.0),
    ],
    mortality: Mortality {
        first_month: 0.8,
        first_year: 0.04,
        grows_with_age: true,
        ..Mortality::ratio(1.0)
    },
    presentation: Presentation { inpatient: 0.8, emergency: 0.2 },
    family: 0.04,
    workup: &[Test(DDimer), Test(Troponin), Procedure(procedure::CT_CHEST)],
    source: "Spencer et al., J Thromb Thrombolysis 2009;28:401 (Worcester), smoothed over age; not checked against its source",
    ..ORDINARY
};

/// Iron deficiency anaemia as coded.
///
/// NHANES: 2–5 % of women of childbearing age, 1–2 % of men and older women (Looker et al., JAMA 1997;277:973); derived.
pub(super) static IRON_DEFICIENCY: Profile = Profile {
    condition: IronDeficiency,
    name: "iron_deficiency_anemia",
    icd10cm: "D50.9",
    display: "Iron deficiency anemia, unspecified",
    course: Course::Recurrent { spacing_days: 365.0, felt_years: 1.0 },
    incidence: &[
        (0.0, 1.0, 1.0),
        (2.0, 4.0, 4.0),
        (6.0, 1.0, 1.2),
        (18.0, 0.6, 7.0),
        (40.0, 1.0, 11.0),
        (55.0, 2.0, 5.0),
        (75.0, 6.0, 7.0),
        (88.0, 10.0, 10.0),
    ],
    silent_years: (0.6, 0.4),
    drivers: &[
        (After(GastrointestinalBleed), 3.5),
        (After(KidneyDisease), 1.8),
        (After(ColorectalCancer), 2.5),
        (After(Childbirth), 1.8),
        (After(UlcerativeColitis), 3.0),
        (Of(Trait::Frailty), 1.2),
        (Liability, 1.5),
    ],
    prodrome: &[("R53.83", "Other fatigue", 0.3)],
    workup: &[Panel(&BLOOD_COUNT), Test(Ferritin), Test(TransferrinSaturation)],
    follow_up: &[Panel(&BLOOD_COUNT), Test(Ferritin)],
    source: "Looker et al., JAMA 1997;277:973 (NHANES III prevalence, from which incidence is derived); not checked against its source",
    ..ORDINARY
};

/// Chronic respiratory failure after COPD. Long-term oxygen in about 2 % of COPD a year, assumed.
pub(super) static RESPIRATORY_FAILURE: Profile = Profile {
    condition: RespiratoryFailure,
    name: "chronic_respiratory_failure",
    icd10cm: "J96.10",
    display: "Chronic respiratory failure, unspecified whether with hypoxia or hypercapnia",
    incidence: &[(40.0, 0.02, 0.02), (55.0, 0.4, 0.4), (65.0, 1.3, 1.2), (75.0, 2.4, 2.0), (87.0, 2.4, 1.7)],
    silent_years: (1.0, 0.4),
    drivers: &[
        (Requires(Copd), 1.0),
        (After(CopdExacerbation), 3.0),
        (Of(Trait::Airway), 1.5),
        (Smoking, 1.3),
    ],
    mortality: Mortality::ratio(2.2),
    presentation: Presentation { inpatient: 0.4, emergency: 0.05 },
    prodrome: &[("R06.02", "Shortness of breath", 0.4)],
    workup: &[Test(Bicarbonate), Test(OxygenSaturation), Procedure(procedure::SPIROMETRY)],
    source: "Assumed from the share of COPD on long-term oxygen (Medicare, about a tenth of those with COPD); not checked against its source",
    ..ORDINARY
};

/// Obstructive sleep apnoea as diagnosed.
///
/// Peppard et al., Am J Epidemiol 2013;177:1006 (Wisconsin): moderate to severe in 10–17 % of men, 3–9 % of women, a fifth
/// diagnosed (Kapur et al., Sleep Breath 2002;6:49); derived.
pub(super) static SLEEP_APNEA: Profile = Profile {
    condition: SleepApnea,
    name: "sleep_apnea",
    icd10cm: "G47.33",
    display: "Obstructive sleep apnea (adult) (pediatric)",
    incidence: &[
        (5.0, 0.4, 0.3),
        (18.0, 0.5, 0.2),
        (35.0, 3.0, 1.2),
        (50.0, 5.0, 3.0),
        (65.0, 4.5, 3.5),
        (80.0, 2.5, 2.0),
    ],
    silent_years: (4.0, 0.4),
    drivers: &[(BodyMass, 2.2), (Family, 1.6), (After(Hypertension), 1.4)],
    mortality: Mortality::ratio(1.1),
    prodrome: &[("R06.83", "Snoring", 0.4), ("G47.19", "Other hypersomnia", 0.25)],
    family: 0.1,
    workup: &[Procedure(procedure::SLEEP_STUDY)],
    source: "Peppard et al., Am J Epidemiol 2013;177:1006 (prevalence times the share diagnosed); not checked against its source",
    ..ORDINARY
};

/// Gastro-oesophageal reflux disease as coded: 5 per 1,000 a year (Ruigómez et al., Aliment Pharmacol Ther 2004;20:751).
pub(super) static REFLUX: Profile = Profile {
    condition: Reflux,
    name: "gastroesophageal_reflux",
    icd10cm: "K21.9",
    display: "Gastro-esophageal reflux disease without esophagitis",
    incidence: &[
        (1.0, 4.0, 4.0),
        (8.0, 1.0, 1.0),
        (20.0, 3.5, 4.5),
        (40.0, 6.5, 7.5),
        (60.0, 8.5, 10.5),
        (80.0, 7.0, 8.0),
    ],
    silent_years: (0.6, 0.5),
    drivers: &[(BodyMass, 1.45), (Smoking, 1.25), (Family, 1.5), (Liability, 1.4)],
    prodrome: &[("R12", "Heartburn", 0.4), ("R10.13", "Epigastric pain", 0.2)],
    family: 0.15,
    source: "Ruigomez et al., Aliment Pharmacol Ther 2004;20:751 (UK primary care), raised to US office visits; not checked against its source",
    ..ORDINARY
};

/// Gallstones with symptoms: Everhart et al., Gastroenterology 1999;117:632 (prevalence), Sirmione and Rome cohorts for incidence.
pub(super) static GALLSTONES: Profile = Profile {
    condition: Gallstones,
    name: "gallstones",
    icd10cm: "K80.20",
    display: "Calculus of gallbladder without cholecystitis without obstruction",
    incidence: &[
        (15.0, 0.05, 0.3),
        (25.0, 0.4, 2.2),
        (40.0, 1.2, 3.2),
        (60.0, 2.8, 4.0),
        (75.0, 4.2, 4.6),
        (88.0, 4.0, 4.0),
    ],
    silent_years: (2.0, 0.5),
    drivers: &[(BodyMass, 1.6), (Family, 1.8), (After(Childbirth), 1.6), (After(Diabetes), 1.3)],
    presentation: Presentation { inpatient: 0.22, emergency: 0.25 },
    prodrome: &[("R10.11", "Right upper quadrant pain", 0.35)],
    family: 0.12,
    workup: &[Panel(&LIVER), Test(Lipase), Procedure(procedure::ABDOMINAL_ULTRASOUND)],
    source: "Everhart et al., Gastroenterology 1999;117:632 (NHANES III prevalence, from which incidence is derived); not checked against its source",
    ..ORDINARY
};

/// Cirrhosis of the liver: 0.27 % of adults (Scaglione et al., J Clin Gastroenterol 2015;49:690); incidence derived.
pub(super) static CIRRHOSIS: Profile = Profile {
    condition: Cirrhosis,
    name: "cirrhosis",
    icd10cm: "K74.60",
    display: "Unspecified cirrhosis of liver",
    incidence: &[
        (20.0, 0.02, 0.01),
        (35.0, 0.2, 0.1),
        (50.0, 0.65, 0.35),
        (62.0, 0.9, 0.55),
        (75.0, 0.7, 0.6),
    ],
    silent_years: (4.0, 0.4),
    drivers: &[(After(AlcoholUseDisorder), 9.0), (BodyMass, 1.35), (After(Diabetes), 2.0), (Liability, 1.6)],
    mortality: Mortality { first_year: 0.1, to_five_years: 0.06, ..Mortality::ratio(1.8) },
    presentation: Presentation { inpatient: 0.35, emergency: 0.1 },
    prodrome: &[
        ("R18.8", "Other ascites", 0.2),
        ("R74.01", "Elevation of levels of liver transaminase levels", 0.3),
    ],
    workup: &[Panel(&LIVER), Test(Inr), Panel(&BLOOD_COUNT), Procedure(procedure::ABDOMINAL_ULTRASOUND)],
    follow_up: &[Panel(&LIVER), Test(Inr)],
    monitor: &[(Panel(&LIVER), Albumin, 0.4), (Test(Inr), Inr, 0.5)],
    source: "Scaglione et al., J Clin Gastroenterol 2015;49:690 (NHANES prevalence, from which incidence is derived); not checked against its source",
    ..ORDINARY
};

/// Benign enlargement of the prostate with symptoms: 9 per 1,000 men a year (Sarma & Wei, N Engl J Med 2012;367:248).
pub(super) static PROSTATE_HYPERPLASIA: Profile = Profile {
    condition: ProstateHyperplasia,
    name: "benign_prostatic_hyperplasia",
    icd10cm: "N40.1",
    display: "Benign prostatic hyperplasia with lower urinary tract symptoms",
    incidence: &[(40.0, 1.0, 0.0), (50.0, 6.0, 0.0), (60.0, 14.0, 0.0), (70.0, 22.0, 0.0), (80.0, 26.0, 0.0)],
    silent_years: (2.5, 0.4),
    drivers: &[(Of(Trait::Prostate), 1.6), (Family, 1.6), (BodyMass, 1.1)],
    prodrome: &[("R35.1", "Nocturia", 0.35), ("R39.12", "Poor urinary stream", 0.3)],
    family: 0.1,
    workup: &[Test(ProstateAntigen), Panel(&METABOLIC)],
    source: "Sarma & Wei, N Engl J Med 2012;367:248 (Olmsted County), rounded; not checked against its source",
    ..ORDINARY
};

/// Kidney stones: 1.2 per 1,000 women, 1.6 per 1,000 men a year with symptoms (Kittanamongkolchai et al., Mayo Clin Proc
/// 2018;93:291), twice that with recurrence.
pub(super) static KIDNEY_STONE: Profile = Profile {
    condition: KidneyStone,
    name: "kidney_stone",
    icd10cm: "N20.0",
    display: "Calculus of kidney",
    course: Course::Recurrent { spacing_days: 60.0, felt_years: 5.0 },
    incidence: &[(10.0, 0.15, 0.25), (20.0, 1.0, 1.5), (35.0, 2.6, 2.2), (55.0, 3.4, 2.3), (75.0, 3.0, 1.9)],
    drivers: &[
        (After(KidneyStone), 5.0),
        (BodyMass, 1.25),
        (Family, 2.2),
        (After(Gout), 1.6),
        (Liability, 1.4),
    ],
    presentation: Presentation { inpatient: 0.12, emergency: 0.55 },
    family: 0.12,
    workup: &[Panel(&METABOLIC), Procedure(procedure::CT_ABDOMEN)],
    source: "Kittanamongkolchai et al., Mayo Clin Proc 2018;93:291 (Olmsted County), doubled for recurrence; not checked against its source",
    ..ORDINARY
};

/// Acute kidney injury coded in hospital: about 5 per 1,000 a year (Hsu et al., Kidney Int 2007;72:208, creatinine criterion).
pub(super) static ACUTE_KIDNEY_INJURY: Profile = Profile {
    condition: AcuteKidneyInjury,
    name: "acute_kidney_injury",
    icd10cm: "N17.9",
    display: "Acute kidney failure, unspecified",
    course: Course::Recurrent { spacing_days: 60.0, felt_years: 2.0 },
    incidence: &[
        (1.0, 0.3, 0.25),
        (15.0, 0.2, 0.15),
        (40.0, 1.0, 0.8),
        (60.0, 4.5, 3.2),
        (75.0, 13.0, 9.5),
        (88.0, 28.0, 21.0),
    ],
    drivers: &[
        (After(KidneyDisease), 2.6),
        (After(Sepsis), 4.0),
        (After(HeartFailure), 1.9),
        (After(Diabetes), 1.5),
        (After(AcuteKidneyInjury), 2.2),
        (Of(Trait::Frailty), 1.3),
    ],
    mortality: Mortality {
        first_month: 1.2,
        first_year: 0.08,
        to_five_years: 0.01,
        grows_with_age: true,
        ..Mortality::ratio(1.15)
    },
    presentation: Presentation { inpatient: 0.92, emergency: 0.05 },
    stay_days: 5.0,
    workup: &[Panel(&METABOLIC), Test(Bicarbonate)],
    follow_up: &[Panel(&METABOLIC)],
    source: "Hsu et al., Kidney Int 2007;72:208 (Kaiser Permanente), smoothed over age; not checked against its source",
    ..ORDINARY
};

/// Cataract: Beaver Dam, 5-year incidence (Klein et al., Ophthalmology 1998;105:28), derived and rounded.
pub(super) static CATARACT: Profile = Profile {
    condition: Cataract,
    name: "cataract",
    icd10cm: "H25.9",
    display: "Unspecified age-related cataract",
    incidence: &[
        (40.0, 0.3, 0.3),
        (50.0, 3.5, 4.0),
        (60.0, 16.0, 19.0),
        (70.0, 46.0, 55.0),
        (80.0, 75.0, 85.0),
        (90.0, 75.0, 80.0),
    ],
    silent_years: (3.0, 0.4),
    drivers: &[(After(Diabetes), 1.6), (Smoking, 1.4), (Family, 1.4)],
    prodrome: &[("H53.8", "Other visual disturbances", 0.3)],
    family: 0.3,
    workup: &[Procedure(procedure::EYE_EXAMINATION)],
    source: "Klein et al., Ophthalmology 1998;105:28 (Beaver Dam, five-year incidence), derived; not checked against its source",
    ..ORDINARY
};

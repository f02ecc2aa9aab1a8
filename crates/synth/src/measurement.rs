//! What is measured: LOINC code, unit, normal level and spread, and how illness moves it.

use crate::condition::{Condition, Condition::*, Trait};
use std::sync::LazyLock;

/// A laboratory test, a vital sign or a score.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
#[allow(missing_docs)] // each is described by its test
pub enum Measure {
    Systolic,
    Diastolic,
    HeartRate,
    RespiratoryRate,
    Temperature,
    OxygenSaturation,
    Weight,
    Height,
    BodyMassIndex,
    HemoglobinA1c,
    Glucose,
    Creatinine,
    Egfr,
    Potassium,
    Sodium,
    Ldl,
    Hdl,
    Triglycerides,
    TotalCholesterol,
    Hemoglobin,
    Leukocytes,
    Platelets,
    Ferritin,
    Thyrotropin,
    ProstateAntigen,
    NtProBnp,
    Troponin,
    CReactiveProtein,
    Lactate,
    Alt,
    FevRatio,
    Phq9,
    Mmse,
    AlbuminCreatinine,
    UreaNitrogen,
    Calcium,
    Bicarbonate,
    Chloride,
    Magnesium,
    Albumin,
    Bilirubin,
    AlkalinePhosphatase,
    Ast,
    CorpuscularVolume,
    Inr,
    UricAcid,
    VitaminD,
    VitaminB12,
    FreeT4,
    Phosphate,
    Gad7,
    RheumatoidFactor,
    SedimentationRate,
    CancerAntigen199,
    Choriogonadotropin,
    DDimer,
    Lipase,
    TransferrinSaturation,
}

/// How a value is spread around its level.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scale {
    /// Levels and spreads add.
    Linear,
    /// Levels and spreads multiply: `spread` and `noise` are standard deviations of the logarithm.
    Logarithmic,
}

/// A test and its normal course.
#[derive(Debug)]
pub struct Test {
    /// Which one.
    pub measure: Measure,
    /// LOINC code.
    pub loinc: &'static str,
    /// LOINC's name.
    pub display: &'static str,
    /// Unit in UCUM.
    pub unit: &'static str,
    /// Digits after the point.
    pub decimals: u8,
    /// The scale of spreads.
    pub scale: Scale,
    /// Level at age 20 in men and women.
    pub level: (f64, f64),
    /// Change of level per decade after 20 (a factor on a logarithmic scale).
    pub per_decade: f64,
    /// Spread between people that the trait explains.
    pub spread: f64,
    /// The trait that explains it, and whether a high trait lowers the value.
    pub of: Option<(Trait, f64)>,
    /// Spread within a person: biology, instrument and time of day.
    pub noise: f64,
    /// The range that an instrument reports.
    pub range: (f64, f64),
    /// Is it a vital sign?
    pub vital: bool,
}

macro_rules! tests {
    ($($measure:ident: $loinc:literal $display:literal $unit:literal $decimals:literal, $scale:ident,
        ($men:literal, $women:literal) $per_decade:literal, $spread:literal $of:expr, $noise:literal,
        $low:literal..$high:literal $kind:ident;)*) => {
        /// All tests, in the order of [`Measure`].
        pub static TESTS: [Test; [$($loinc),*].len()] = [$(Test {
            measure: Measure::$measure, loinc: $loinc, display: $display, unit: $unit, decimals: $decimals,
            scale: Scale::$scale, level: ($men, $women), per_decade: $per_decade, spread: $spread, of: $of,
            noise: $noise, range: ($low, $high), vital: is_vital!($kind),
        }),*];
    };
}
macro_rules! is_vital {
    (vital) => {
        true
    };
    (lab) => {
        false
    };
}

// Adult levels, slopes and spreads are rounded from NHANES 2015–2018 means by age and sex; noise from the
// within-subject and analytical variation of the EFLM biological variation database. eGFR, creatinine, body
// mass index, weight, height and total cholesterol are computed from others.
tests! {
    Systolic: "8480-6" "Systolic blood pressure" "mm[Hg]" 0, Linear, (117.0, 111.0) 3.0, 9.0 Some((Trait::BloodPressure, 1.0)), 6.5, 60.0..250.0 vital;
    Diastolic: "8462-4" "Diastolic blood pressure" "mm[Hg]" 0, Linear, (71.0, 69.0) 0.6, 6.0 Some((Trait::BloodPressure, 1.0)), 5.0, 30.0..150.0 vital;
    HeartRate: "8867-4" "Heart rate" "/min" 0, Linear, (71.0, 75.0) -0.3, 4.0 Some((Trait::Frailty, 1.0)), 8.0, 30.0..220.0 vital;
    RespiratoryRate: "9279-1" "Respiratory rate" "/min" 0, Linear, (14.5, 14.5) 0.2, 0.5 Some((Trait::Airway, 1.0)), 1.5, 6.0..60.0 vital;
    Temperature: "8310-5" "Body temperature" "Cel" 1, Linear, (36.7, 36.8) -0.03, 0.05 None, 0.25, 33.0..42.0 vital;
    OxygenSaturation: "2708-6" "Oxygen saturation in Arterial blood" "%" 0, Linear, (98.0, 98.3) -0.25, 0.4 Some((Trait::Airway, -1.0)), 0.8, 60.0..100.0 vital;
    Weight: "29463-7" "Body weight" "kg" 1, Linear, (0.0, 0.0) 0.0, 0.0 None, 0.0, 1.5..350.0 vital;
    Height: "8302-2" "Body height" "cm" 1, Linear, (0.0, 0.0) 0.0, 0.0 None, 0.0, 40.0..230.0 vital;
    BodyMassIndex: "39156-5" "Body mass index (BMI) [Ratio]" "kg/m2" 1, Linear, (0.0, 0.0) 0.0, 0.0 None, 0.0, 8.0..90.0 vital;
    HemoglobinA1c: "4548-4" "Hemoglobin A1c/Hemoglobin.total in Blood" "%" 1, Linear, (5.2, 5.15) 0.08, 0.3 Some((Trait::Glycaemia, 1.0)), 0.12, 3.5..18.0 lab;
    Glucose: "2345-7" "Glucose [Mass/volume] in Serum or Plasma" "mg/dL" 0, Linear, (91.0, 88.0) 2.0, 7.0 Some((Trait::Glycaemia, 1.0)), 6.0, 30.0..800.0 lab;
    Creatinine: "2160-0" "Creatinine [Mass/volume] in Serum or Plasma" "mg/dL" 2, Linear, (0.0, 0.0) 0.0, 0.0 None, 0.0, 0.2..20.0 lab;
    Egfr: "98979-8" "Glomerular filtration rate/1.73 sq M.predicted [Volume Rate/Area] in Serum, Plasma or Blood by Creatinine-based formula (CKD-EPI 2021)" "mL/min/{1.73_m2}" 0, Linear, (117.0, 117.0) -7.5, 8.5 Some((Trait::Kidney, -1.0)), 4.0, 4.0..150.0 lab;
    Potassium: "2823-3" "Potassium [Moles/volume] in Serum or Plasma" "mmol/L" 1, Linear, (4.1, 4.0) 0.03, 0.1 Some((Trait::Kidney, 1.0)), 0.25, 2.0..8.0 lab;
    Sodium: "2951-2" "Sodium [Moles/volume] in Serum or Plasma" "mmol/L" 0, Linear, (140.0, 139.5) 0.0, 0.8 Some((Trait::Frailty, -1.0)), 1.6, 110.0..165.0 lab;
    Ldl: "13457-7" "Cholesterol in LDL [Mass/volume] in Serum or Plasma by calculation" "mg/dL" 0, Linear, (102.0, 98.0) 5.0, 27.0 Some((Trait::Cholesterol, 1.0)), 10.0, 15.0..400.0 lab;
    Hdl: "2085-9" "Cholesterol in HDL [Mass/volume] in Serum or Plasma" "mg/dL" 0, Linear, (49.0, 57.0) 0.5, 8.0 Some((Trait::Adiposity, -1.0)), 5.0, 10.0..130.0 lab;
    Triglycerides: "2571-8" "Triglyceride [Mass/volume] in Serum or Plasma" "mg/dL" 0, Logarithmic, (100.0, 85.0) 1.06, 0.3 Some((Trait::Adiposity, 1.0)), 0.22, 25.0..1500.0 lab;
    TotalCholesterol: "2093-3" "Cholesterol [Mass/volume] in Serum or Plasma" "mg/dL" 0, Linear, (0.0, 0.0) 0.0, 0.0 None, 0.0, 60.0..600.0 lab;
    Hemoglobin: "718-7" "Hemoglobin [Mass/volume] in Blood" "g/dL" 1, Linear, (15.3, 13.5) -0.1, 0.7 Some((Trait::Frailty, -1.0)), 0.45, 4.0..21.0 lab;
    Leukocytes: "6690-2" "Leukocytes [#/volume] in Blood by Automated count" "10*3/uL" 1, Logarithmic, (6.9, 7.1) 0.99, 0.15 Some((Trait::Frailty, 1.0)), 0.13, 1.0..80.0 lab;
    Platelets: "777-3" "Platelets [#/volume] in Blood by Automated count" "10*3/uL" 0, Logarithmic, (240.0, 262.0) 0.985, 0.18 None, 0.09, 15.0..1200.0 lab;
    Ferritin: "2276-4" "Ferritin [Mass/volume] in Serum or Plasma" "ng/mL" 0, Logarithmic, (110.0, 42.0) 1.12, 0.5 None, 0.18, 2.0..3000.0 lab;
    Thyrotropin: "3016-3" "Thyrotropin [Units/volume] in Serum or Plasma" "m[IU]/L" 2, Logarithmic, (1.45, 1.5) 1.03, 0.4 Some((Trait::Thyroid, 1.0)), 0.2, 0.01..100.0 lab;
    ProstateAntigen: "2857-1" "Prostate specific Ag [Mass/volume] in Serum or Plasma" "ng/mL" 2, Logarithmic, (0.55, 0.01) 1.16, 0.6 Some((Trait::Prostate, 1.0)), 0.18, 0.01..500.0 lab;
    NtProBnp: "33762-6" "Natriuretic peptide.B prohormone N-Terminal [Mass/volume] in Serum or Plasma" "pg/mL" 0, Logarithmic, (22.0, 42.0) 1.35, 0.55 Some((Trait::Heart, 1.0)), 0.25, 5.0..35000.0 lab;
    Troponin: "89579-7" "Troponin I.cardiac [Mass/volume] in Serum or Plasma by High sensitivity method" "ng/L" 0, Logarithmic, (3.5, 2.2) 1.12, 0.3 Some((Trait::Heart, 1.0)), 0.2, 1.0..50000.0 lab;
    CReactiveProtein: "1988-5" "C reactive protein [Mass/volume] in Serum or Plasma" "mg/L" 1, Logarithmic, (1.2, 1.7) 1.1, 0.6 Some((Trait::Frailty, 1.0)), 0.4, 0.1..500.0 lab;
    Lactate: "2524-7" "Lactate [Moles/volume] in Serum or Plasma" "mmol/L" 1, Logarithmic, (1.1, 1.1) 1.0, 0.1 None, 0.25, 0.3..20.0 lab;
    Alt: "1742-6" "Alanine aminotransferase [Enzymatic activity/volume] in Serum or Plasma" "U/L" 0, Logarithmic, (27.0, 19.0) 0.98, 0.28 Some((Trait::Adiposity, 1.0)), 0.18, 4.0..1500.0 lab;
    FevRatio: "19926-5" "FEV1/FVC" "%" 0, Linear, (84.0, 86.0) -1.7, 4.0 Some((Trait::Airway, -1.0)), 2.0, 20.0..99.0 lab;
    Phq9: "44261-6" "Patient Health Questionnaire 9 item (PHQ-9) total score [Reported]" "{score}" 0, Linear, (2.5, 3.2) -0.1, 1.8 Some((Trait::Mood, 1.0)), 1.6, 0.0..27.0 lab;
    Mmse: "72106-8" "Total score [MMSE]" "{score}" 0, Linear, (29.4, 29.4) -0.15, 0.8 Some((Trait::Cognition, -1.0)), 0.9, 0.0..30.0 lab;
    AlbuminCreatinine: "9318-7" "Albumin/Creatinine [Mass Ratio] in Urine" "mg/g" 0, Logarithmic, (5.0, 6.5) 1.08, 0.5 Some((Trait::Kidney, 1.0)), 0.35, 1.0..6000.0 lab;
    UreaNitrogen: "3094-0" "Urea nitrogen [Mass/volume] in Serum or Plasma" "mg/dL" 0, Logarithmic, (13.5, 12.0) 1.04, 0.12 Some((Trait::Kidney, 1.0)), 0.14, 2.0..200.0 lab;
    Calcium: "17861-6" "Calcium [Mass/volume] in Serum or Plasma" "mg/dL" 1, Linear, (9.6, 9.4) -0.01, 0.12 None, 0.22, 4.0..16.0 lab;
    Bicarbonate: "1963-8" "Bicarbonate [Moles/volume] in Serum or Plasma" "mmol/L" 0, Linear, (25.5, 24.8) 0.05, 0.6 Some((Trait::Kidney, -1.0)), 1.5, 5.0..50.0 lab;
    Chloride: "2075-0" "Chloride [Moles/volume] in Serum or Plasma" "mmol/L" 0, Linear, (103.0, 103.5) 0.0, 0.8 None, 1.7, 75.0..130.0 lab;
    Magnesium: "19123-9" "Magnesium [Mass/volume] in Serum or Plasma" "mg/dL" 1, Linear, (2.05, 2.0) 0.0, 0.06 None, 0.13, 0.5..6.0 lab;
    Albumin: "1751-7" "Albumin [Mass/volume] in Serum or Plasma" "g/dL" 1, Linear, (4.6, 4.4) -0.05, 0.15 Some((Trait::Frailty, -1.0)), 0.15, 1.0..6.0 lab;
    Bilirubin: "1975-2" "Bilirubin.total [Mass/volume] in Serum or Plasma" "mg/dL" 1, Logarithmic, (0.65, 0.5) 1.0, 0.25 None, 0.22, 0.1..40.0 lab;
    AlkalinePhosphatase: "6768-6" "Alkaline phosphatase [Enzymatic activity/volume] in Serum or Plasma" "U/L" 0, Logarithmic, (66.0, 58.0) 1.04, 0.2 None, 0.08, 10.0..2000.0 lab;
    Ast: "1920-8" "Aspartate aminotransferase [Enzymatic activity/volume] in Serum or Plasma" "U/L" 0, Logarithmic, (25.0, 20.0) 1.0, 0.18 Some((Trait::Adiposity, 1.0)), 0.16, 5.0..3000.0 lab;
    CorpuscularVolume: "787-2" "MCV [Entitic volume] by Automated count" "fL" 0, Linear, (88.5, 88.0) 0.6, 3.5 None, 1.0, 50.0..140.0 lab;
    Inr: "6301-6" "INR in Platelet poor plasma by Coagulation assay" "{INR}" 1, Logarithmic, (1.0, 1.0) 1.005, 0.04 None, 0.05, 0.7..12.0 lab;
    UricAcid: "3084-1" "Urate [Mass/volume] in Serum or Plasma" "mg/dL" 1, Linear, (5.7, 4.4) 0.12, 1.0 Some((Trait::Adiposity, 1.0)), 0.45, 0.5..20.0 lab;
    VitaminD: "1989-3" "25-hydroxyvitamin D3 [Mass/volume] in Serum or Plasma" "ng/mL" 0, Logarithmic, (24.0, 25.0) 1.03, 0.3 Some((Trait::Adiposity, -1.0)), 0.15, 3.0..150.0 lab;
    VitaminB12: "2132-9" "Cobalamin (Vitamin B12) [Mass/volume] in Serum or Plasma" "pg/mL" 0, Logarithmic, (480.0, 470.0) 1.0, 0.35 None, 0.13, 50.0..2000.0 lab;
    FreeT4: "3024-7" "Thyroxine (T4) free [Mass/volume] in Serum or Plasma" "ng/dL" 2, Logarithmic, (1.2, 1.15) 0.995, 0.08 Some((Trait::Thyroid, -1.0)), 0.07, 0.1..8.0 lab;
    Phosphate: "2777-1" "Phosphate [Mass/volume] in Serum or Plasma" "mg/dL" 1, Linear, (3.6, 3.75) -0.04, 0.25 Some((Trait::Kidney, 1.0)), 0.35, 0.8..15.0 lab;
    Gad7: "70274-6" "Generalized anxiety disorder 7 item (GAD-7) total score [Reported.PHQ]" "{score}" 0, Linear, (2.4, 3.2) -0.15, 1.7 Some((Trait::Mood, 1.0)), 1.7, 0.0..21.0 lab;
    RheumatoidFactor: "11572-5" "Rheumatoid factor [Units/volume] in Serum or Plasma" "[IU]/mL" 0, Logarithmic, (6.0, 6.5) 1.05, 0.4 None, 0.15, 1.0..3000.0 lab;
    SedimentationRate: "4537-7" "Erythrocyte sedimentation rate by Westergren method" "mm/h" 0, Logarithmic, (5.0, 9.0) 1.18, 0.45 Some((Trait::Frailty, 1.0)), 0.3, 1.0..140.0 lab;
    CancerAntigen199: "24108-3" "Cancer Ag 19-9 [Units/volume] in Serum or Plasma" "[arb'U]/mL" 0, Logarithmic, (8.0, 9.0) 1.05, 0.5 None, 0.2, 1.0..50000.0 lab;
    Choriogonadotropin: "21198-7" "Choriogonadotropin.beta subunit [Units/volume] in Serum or Plasma" "m[IU]/mL" 0, Logarithmic, (1.0, 1.0) 1.0, 0.1 None, 0.3, 1.0..300000.0 lab;
    DDimer: "48065-7" "Fibrin D-dimer FEU [Mass/volume] in Platelet poor plasma" "ng/mL{FEU}" 0, Logarithmic, (230.0, 270.0) 1.14, 0.35 Some((Trait::Frailty, 1.0)), 0.3, 50.0..20000.0 lab;
    Lipase: "3040-3" "Lipase [Enzymatic activity/volume] in Serum or Plasma" "U/L" 0, Logarithmic, (32.0, 30.0) 1.01, 0.3 None, 0.2, 3.0..10000.0 lab;
    TransferrinSaturation: "2502-3" "Iron saturation [Mass Fraction] in Serum or Plasma" "%" 0, Logarithmic, (28.0, 24.0) 1.0, 0.25 None, 0.25, 2.0..95.0 lab;
}

impl Measure {
    /// How many there are.
    pub const COUNT: usize = TESTS.len();

    /// The test behind the measure.
    pub fn test(self) -> &'static Test {
        &TESTS[self as usize]
    }
}

/// How a condition moves a measurement: towards `at_diagnosis` over the silent time, then to `after`.
#[derive(Debug)]
pub struct Drift {
    /// The measurement moved.
    pub measure: Measure,
    /// The condition that moves it.
    pub condition: Condition,
    /// The level reached at diagnosis (or at the height of an episode).
    pub at_diagnosis: f64,
    /// The level under care (or, for an episode, reached with recovery: `NAN` for the person's own).
    pub after: f64,
    /// The shape of the way there: share of the way = (share of silent time)^power.
    pub power: f64,
}

const fn drift(measure: Measure, condition: Condition, at_diagnosis: f64, after: f64, power: f64) -> Drift {
    Drift { measure, condition, at_diagnosis, after, power }
}

/// All drifts. Levels at diagnosis follow diagnostic criteria (ADA, KDIGO, GOLD, ACC/AHA) and the papers cited
/// with each condition; levels under care are those usual in treated cohorts.
pub static DRIFTS: &[Drift] = {
    use Measure::*;
    const OWN: f64 = f64::NAN;
    &[
        drift(HemoglobinA1c, Diabetes, 6.9, 7.0, 2.4),
        drift(Glucose, Diabetes, 140.0, 140.0, 2.4),
        drift(Triglycerides, Diabetes, 190.0, 165.0, 1.0),
        drift(AlbuminCreatinine, Diabetes, 16.0, 25.0, 1.5),
        drift(Systolic, Hypertension, 151.0, 134.0, 1.2),
        drift(Diastolic, Hypertension, 92.0, 81.0, 1.2),
        drift(Ldl, Hyperlipidaemia, 168.0, 98.0, 1.0),
        drift(Egfr, KidneyDisease, 52.0, 46.0, 1.0),
        drift(AlbuminCreatinine, KidneyDisease, 60.0, 75.0, 1.3),
        drift(Potassium, KidneyDisease, 4.6, 4.7, 1.5),
        drift(Hemoglobin, KidneyDisease, 12.9, 12.4, 1.5),
        drift(HeartRate, AtrialFibrillation, 104.0, 80.0, 4.0),
        drift(NtProBnp, AtrialFibrillation, 600.0, 450.0, 1.5),
        drift(NtProBnp, HeartFailure, 2400.0, 1100.0, 1.3),
        drift(Sodium, HeartFailure, 137.0, 138.0, 2.0),
        drift(FevRatio, Copd, 60.0, 57.0, 1.0),
        drift(OxygenSaturation, Copd, 94.0, 94.0, 1.5),
        drift(FevRatio, Asthma, 72.0, 76.0, 1.0),
        drift(Phq9, Depression, 15.0, 7.0, 1.2),
        drift(Mmse, Dementia, 22.0, 17.0, 1.6),
        drift(Thyrotropin, Hypothyroidism, 11.0, 2.3, 1.0),
        drift(Hemoglobin, ColorectalCancer, 10.9, 12.6, 1.3),
        drift(Ferritin, ColorectalCancer, 13.0, 60.0, 1.2),
        drift(Platelets, ColorectalCancer, 370.0, 270.0, 2.0),
        drift(Platelets, LungCancer, 400.0, 300.0, 1.5),
        drift(Sodium, LungCancer, 135.5, 137.0, 2.0),
        drift(Hemoglobin, LungCancer, 12.4, 11.9, 1.5),
        drift(CReactiveProtein, LungCancer, 22.0, 15.0, 1.5),
        drift(ProstateAntigen, ProstateCancer, 9.5, 0.4, 1.0),
        drift(HemoglobinA1c, PancreaticCancer, 7.2, 7.4, 1.6),
        drift(Glucose, PancreaticCancer, 160.0, 150.0, 1.6),
        drift(CancerAntigen199, PancreaticCancer, 700.0, 250.0, 1.2),
        drift(Bilirubin, PancreaticCancer, 4.0, 1.2, 6.0),
        drift(AlkalinePhosphatase, PancreaticCancer, 260.0, 140.0, 5.0),
        drift(Albumin, PancreaticCancer, 3.5, 3.3, 2.0),
        drift(Hemoglobin, KidneyCancer, 12.6, 12.6, 1.5),
        drift(Calcium, KidneyCancer, 10.1, 9.8, 2.0),
        drift(SedimentationRate, KidneyCancer, 40.0, 25.0, 1.5),
        drift(Hemoglobin, BladderCancer, 13.0, 13.0, 2.0),
        drift(SedimentationRate, Lymphoma, 38.0, 18.0, 1.5),
        drift(Hemoglobin, Lymphoma, 12.2, 12.4, 1.5),
        drift(Albumin, Lymphoma, 3.8, 4.0, 1.5),
        drift(Hemoglobin, UterineCancer, 12.2, 12.6, 1.5),
        drift(Glucose, Type1Diabetes, 330.0, 170.0, 1.5),
        drift(HemoglobinA1c, Type1Diabetes, 10.8, 8.0, 1.5),
        drift(Bicarbonate, Type1Diabetes, 17.0, 25.0, 4.0),
        drift(AlbuminCreatinine, DiabeticKidneyDisease, 120.0, 90.0, 1.2),
        drift(AlbuminCreatinine, EarlyKidneyDisease, 70.0, 50.0, 1.0),
        drift(Egfr, KidneyDisease4, 27.0, 24.0, 1.0),
        drift(UreaNitrogen, KidneyDisease, 24.0, 27.0, 1.2),
        drift(UreaNitrogen, KidneyDisease4, 42.0, 45.0, 1.0),
        drift(Phosphate, KidneyDisease4, 4.3, 4.3, 1.2),
        drift(Hemoglobin, KidneyDisease4, 11.6, 11.2, 1.3),
        drift(Bicarbonate, KidneyDisease4, 21.5, 22.5, 1.3),
        drift(Egfr, KidneyDisease5, 12.0, 9.0, 1.0),
        drift(UreaNitrogen, KidneyDisease5, 70.0, 58.0, 1.0),
        drift(Phosphate, KidneyDisease5, 5.6, 5.3, 1.2),
        drift(Hemoglobin, KidneyDisease5, 10.2, 10.6, 1.2),
        drift(Potassium, KidneyDisease5, 5.1, 4.9, 1.3),
        drift(Calcium, KidneyDisease5, 8.6, 8.9, 1.3),
        drift(CReactiveProtein, RheumatoidArthritis, 24.0, 6.0, 1.2),
        drift(SedimentationRate, RheumatoidArthritis, 45.0, 20.0, 1.2),
        drift(RheumatoidFactor, RheumatoidArthritis, 90.0, 70.0, 0.8),
        drift(Hemoglobin, RheumatoidArthritis, 12.3, 12.8, 1.5),
        drift(UricAcid, Gout, 8.7, 6.2, 0.8),
        drift(SedimentationRate, Lupus, 50.0, 26.0, 1.2),
        drift(Leukocytes, Lupus, 4.2, 4.8, 1.2),
        drift(Hemoglobin, Lupus, 11.6, 12.2, 1.4),
        drift(VitaminD, Osteoporosis, 19.0, 30.0, 1.0),
        drift(CReactiveProtein, UlcerativeColitis, 28.0, 5.0, 1.5),
        drift(Hemoglobin, UlcerativeColitis, 12.0, 13.0, 1.5),
        drift(Thyrotropin, Hyperthyroidism, 0.02, 1.3, 0.8),
        drift(FreeT4, Hyperthyroidism, 3.2, 1.3, 1.2),
        drift(HeartRate, Hyperthyroidism, 98.0, 78.0, 1.3),
        drift(FreeT4, Hypothyroidism, 0.7, 1.25, 1.2),
        drift(Albumin, Cirrhosis, 3.1, 3.2, 1.4),
        drift(Bilirubin, Cirrhosis, 2.2, 1.8, 1.6),
        drift(Inr, Cirrhosis, 1.4, 1.3, 1.6),
        drift(Platelets, Cirrhosis, 105.0, 105.0, 1.0),
        drift(Ast, Cirrhosis, 62.0, 42.0, 1.0),
        drift(Ast, AlcoholUseDisorder, 48.0, 32.0, 0.8),
        drift(CorpuscularVolume, AlcoholUseDisorder, 97.0, 93.0, 1.0),
        drift(Gad7, Anxiety, 14.0, 7.0, 1.2),
        drift(Bicarbonate, RespiratoryFailure, 31.0, 31.0, 1.2),
        drift(OxygenSaturation, RespiratoryFailure, 88.0, 91.0, 1.2),
        drift(FevRatio, RespiratoryFailure, 45.0, 43.0, 1.0),
        drift(ProstateAntigen, ProstateHyperplasia, 2.6, 1.8, 1.0),
        drift(Glucose, Schizophrenia, 98.0, 108.0, 1.0),
        drift(Lipase, Gallstones, 60.0, 32.0, 1.0),
        drift(AlkalinePhosphatase, Gallstones, 110.0, 70.0, 1.0),
        // Episodes: the height, then recovery.
        drift(Troponin, MyocardialInfarction, 2600.0, OWN, 1.0),
        drift(HeartRate, MyocardialInfarction, 92.0, OWN, 1.0),
        drift(Leukocytes, MyocardialInfarction, 10.5, OWN, 1.0),
        drift(Systolic, Stroke, 168.0, OWN, 1.0),
        drift(Glucose, Stroke, 132.0, OWN, 1.0),
        drift(Leukocytes, Pneumonia, 14.5, OWN, 1.0),
        drift(CReactiveProtein, Pneumonia, 130.0, OWN, 1.0),
        drift(Temperature, Pneumonia, 38.5, OWN, 1.0),
        drift(OxygenSaturation, Pneumonia, 91.0, OWN, 1.0),
        drift(RespiratoryRate, Pneumonia, 24.0, OWN, 1.0),
        drift(Leukocytes, UrinaryInfection, 10.8, OWN, 1.0),
        drift(CReactiveProtein, UrinaryInfection, 25.0, OWN, 1.0),
        drift(Temperature, UrinaryInfection, 37.3, OWN, 1.0),
        drift(Leukocytes, Sepsis, 18.0, OWN, 1.0),
        drift(CReactiveProtein, Sepsis, 190.0, OWN, 1.0),
        drift(Lactate, Sepsis, 4.2, OWN, 1.0),
        drift(Systolic, Sepsis, 92.0, OWN, 1.0),
        drift(Diastolic, Sepsis, 54.0, OWN, 1.0),
        drift(HeartRate, Sepsis, 118.0, OWN, 1.0),
        drift(Temperature, Sepsis, 38.7, OWN, 1.0),
        drift(RespiratoryRate, Sepsis, 26.0, OWN, 1.0),
        drift(Egfr, Sepsis, 45.0, OWN, 1.0),
        drift(Platelets, Sepsis, 150.0, OWN, 1.0),
        drift(Hemoglobin, HipFracture, 11.2, OWN, 1.0),
        drift(Hemoglobin, GastrointestinalBleed, 8.8, OWN, 1.0),
        drift(HeartRate, GastrointestinalBleed, 98.0, OWN, 1.0),
        drift(RespiratoryRate, AsthmaExacerbation, 22.0, OWN, 1.0),
        drift(OxygenSaturation, AsthmaExacerbation, 94.5, OWN, 1.0),
        drift(OxygenSaturation, CopdExacerbation, 90.0, OWN, 1.0),
        drift(RespiratoryRate, CopdExacerbation, 24.0, OWN, 1.0),
        drift(Phq9, DepressionRelapse, 16.0, OWN, 1.0),
        drift(Temperature, Influenza, 38.6, OWN, 1.0),
        drift(HeartRate, Influenza, 92.0, OWN, 1.0),
        drift(Temperature, OtitisMedia, 38.2, OWN, 1.0),
        drift(Hemoglobin, IronDeficiency, 10.4, OWN, 1.0),
        drift(Ferritin, IronDeficiency, 8.0, OWN, 0.7),
        drift(CorpuscularVolume, IronDeficiency, 75.0, OWN, 1.2),
        drift(TransferrinSaturation, IronDeficiency, 7.0, OWN, 0.8),
        drift(DDimer, PulmonaryEmbolism, 3500.0, OWN, 1.0),
        drift(HeartRate, PulmonaryEmbolism, 104.0, OWN, 1.0),
        drift(OxygenSaturation, PulmonaryEmbolism, 92.0, OWN, 1.0),
        drift(Troponin, PulmonaryEmbolism, 40.0, OWN, 1.0),
        drift(Egfr, AcuteKidneyInjury, 28.0, OWN, 1.0),
        drift(Potassium, AcuteKidneyInjury, 5.2, OWN, 1.0),
        drift(UreaNitrogen, AcuteKidneyInjury, 48.0, OWN, 1.0),
        drift(Bicarbonate, AcuteKidneyInjury, 20.0, OWN, 1.0),
        drift(Bicarbonate, Sepsis, 20.0, OWN, 1.0),
        drift(Albumin, Sepsis, 2.9, OWN, 1.0),
        drift(UreaNitrogen, Sepsis, 30.0, OWN, 1.0),
        drift(Inr, Sepsis, 1.3, OWN, 1.0),
        drift(Choriogonadotropin, Childbirth, 20000.0, OWN, 0.12),
        drift(Hemoglobin, Childbirth, 11.4, OWN, 0.8),
        drift(AlkalinePhosphatase, Childbirth, 130.0, OWN, 1.5),
        drift(Systolic, Preeclampsia, 158.0, OWN, 1.0),
        drift(Diastolic, Preeclampsia, 98.0, OWN, 1.0),
        drift(AlbuminCreatinine, Preeclampsia, 350.0, OWN, 1.0),
        drift(Glucose, GestationalDiabetes, 150.0, OWN, 1.0),
        drift(Bilirubin, NeonatalJaundice, 12.0, OWN, 1.0),
        drift(CReactiveProtein, Cellulitis, 60.0, OWN, 1.0),
        drift(Leukocytes, Cellulitis, 11.5, OWN, 1.0),
        drift(Temperature, Cellulitis, 37.5, OWN, 1.0),
        drift(Temperature, Gastroenteritis, 37.7, OWN, 1.0),
        drift(Potassium, Gastroenteritis, 3.6, OWN, 1.0),
    ]
};

/// How a condition moves a measurement, if it does.
pub(crate) fn drift_of(measure: Measure, condition: Condition) -> Option<&'static Drift> {
    static BY_BOTH: LazyLock<Vec<[Option<&'static Drift>; Condition::COUNT]>> = LazyLock::new(|| {
        let mut table = vec![[None; Condition::COUNT]; Measure::COUNT];
        for drift in DRIFTS {
            table[drift.measure as usize][drift.condition.index()] = Some(drift);
        }
        table
    });
    BY_BOTH[measure as usize][condition.index()]
}

/// The share of body mass lost by diagnosis (negative: gained), and later under care.
pub static BODY_MASS_CHANGE: &[(Condition, f64, f64)] = &[
    (ColorectalCancer, 0.06, 0.05),
    (LungCancer, 0.09, 0.12),
    (Dementia, 0.05, 0.09),
    (Copd, 0.02, 0.05),
    (Hypothyroidism, -0.03, 0.0),
    (Diabetes, -0.02, 0.02),
    (PancreaticCancer, 0.1, 0.15),
    (Lymphoma, 0.04, 0.02),
    (Hyperthyroidism, 0.05, 0.0),
    (Parkinson, 0.02, 0.05),
    (UlcerativeColitis, 0.03, 0.0),
    (Type1Diabetes, 0.06, 0.0),
    (Schizophrenia, 0.0, -0.06),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tests_stand_at_their_index() {
        for (index, test) in TESTS.iter().enumerate() {
            assert_eq!(test.measure as usize, index);
            assert!(test.range.0 < test.range.1);
        }
    }

    #[test]
    fn a_condition_moves_a_measure_in_one_way() {
        for (place, drift) in DRIFTS.iter().enumerate() {
            let same = |other: &Drift| (other.measure, other.condition) == (drift.measure, drift.condition);
            assert!(!DRIFTS[..place].iter().any(same), "{:?} by {:?} twice", drift.measure, drift.condition);
        }
    }

    #[test]
    fn loinc_check_digits_hold() {
        // LOINC's last digit is Luhn's over the digits before the hyphen.
        for test in &TESTS {
            let (number, check) = test.loinc.split_once('-').unwrap();
            let sum: u32 = number
                .bytes()
                .rev()
                .enumerate()
                .map(|(place, byte)| {
                    let digit = u32::from(byte - b'0') * if place % 2 == 0 { 2 } else { 1 };
                    digit / 10 + digit % 10
                })
                .sum();
            assert_eq!((10 - sum % 10) % 10, check.parse::<u32>().unwrap(), "{}", test.loinc);
        }
    }
}

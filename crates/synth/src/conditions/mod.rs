//! The conditions and their published figures, a file for each system of the body.

mod cancer;
mod cardiovascular;
mod digestive;
mod infection;
mod metabolic;
mod mind;
mod musculoskeletal;
mod respiratory;

use crate::{Condition, condition::Profile};

/// The profile of a condition.
pub(crate) fn profile(condition: Condition) -> &'static Profile {
    use Condition::*;
    match condition {
        Hypertension => &cardiovascular::HYPERTENSION,
        Diabetes => &metabolic::DIABETES,
        Hyperlipidaemia => &metabolic::HYPERLIPIDAEMIA,
        KidneyDisease => &metabolic::KIDNEY_DISEASE,
        AtrialFibrillation => &cardiovascular::ATRIAL_FIBRILLATION,
        HeartFailure => &cardiovascular::HEART_FAILURE,
        MyocardialInfarction => &cardiovascular::MYOCARDIAL_INFARCTION,
        Stroke => &cardiovascular::STROKE,
        Copd => &respiratory::COPD,
        Asthma => &respiratory::ASTHMA,
        Depression => &mind::DEPRESSION,
        Dementia => &mind::DEMENTIA,
        Osteoarthritis => &musculoskeletal::OSTEOARTHRITIS,
        Hypothyroidism => &metabolic::HYPOTHYROIDISM,
        ColorectalCancer => &cancer::COLORECTAL,
        BreastCancer => &cancer::BREAST,
        LungCancer => &cancer::LUNG,
        ProstateCancer => &cancer::PROSTATE,
        Pneumonia => &infection::PNEUMONIA,
        UrinaryInfection => &infection::URINARY,
        Sepsis => &infection::SEPSIS,
        HipFracture => &musculoskeletal::HIP_FRACTURE,
        Influenza => &infection::INFLUENZA,
        OtitisMedia => &infection::OTITIS_MEDIA,
        GastrointestinalBleed => &digestive::BLEED,
        AsthmaExacerbation => &respiratory::ASTHMA_EXACERBATION,
        CopdExacerbation => &respiratory::COPD_EXACERBATION,
        DepressionRelapse => &mind::DEPRESSION_RELAPSE,
    }
}

//! The treatments that act and their published effects, a file for each kind.

mod breath_and_mind;
mod heart;
mod metabolism;

use crate::therapy::Therapy;

/// All of them. The order within an indication is that of deciding.
pub(crate) static ALL: &[&Therapy] = &[
    &metabolism::STATIN,
    &metabolism::METFORMIN,
    &metabolism::SGLT2_DIABETES,
    &metabolism::GLP1,
    &metabolism::ARB_KIDNEY,
    &metabolism::ALENDRONATE,
    &heart::ACE_HYPERTENSION,
    &heart::AMLODIPINE,
    &heart::THIAZIDE,
    &heart::APIXABAN,
    &heart::WARFARIN,
    &heart::BETA_BLOCKER_FAILURE,
    &heart::ACE_FAILURE,
    &heart::SPIRONOLACTONE,
    &heart::SGLT2_FAILURE,
    &heart::STATIN_INFARCTION,
    &heart::ASPIRIN,
    &heart::BETA_BLOCKER_INFARCTION,
    &heart::CLOPIDOGREL,
    &heart::STATIN_STROKE,
    &breath_and_mind::INHALED_STEROID_COPD,
    &breath_and_mind::INHALED_STEROID_ASTHMA,
    &breath_and_mind::ANTIDEPRESSANT,
    &breath_and_mind::VITAMIN_D,
];

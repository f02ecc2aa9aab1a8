//! Lipids, glucose, kidney and bone.

use crate::Condition::*;
use crate::catalogue::drug;
use crate::measurement::Measure::*;
use crate::therapy::{Contraindication as Not, Feature::*, Outcome::*, Therapy, effect};

/// Statin in hyperlipidaemia: per mmol/L of LDL, Cholesterol Treatment Trialists, Lancet 2010;376:1670 (major
/// coronary events 0.76, stroke 0.84, death 0.90); a moderate dose lowers 160 mg/dL by about 1.5 mmol/L, more where
/// it is higher. Diabetes: Sattar et al., Lancet 2010;375:735.
pub(super) static STATIN: Therapy = Therapy {
    name: "statin_primary",
    class: "statin",
    drug: drug::ATORVASTATIN,
    indication: Hyperlipidaemia,
    uptake: 0.55,
    reasons: &[
        (Value(Ldl, 160.0, 28.0), 0.8),
        (Age, 0.25),
        (Known(Diabetes), 0.9),
        (Known(Hypertension), 0.4),
        (Smoking, 0.4),
        (Female, -0.3),
        (Black, -0.2),
    ],
    contraindications: &[Not::Above(Alt, 80.0)],
    effects: &[
        effect(Onset(MyocardialInfarction), 0.66, &[(Value(Ldl, 160.0, 28.0), 0.3), (Age, -0.1)]),
        effect(Onset(Stroke), 0.77, &[(Value(Ldl, 160.0, 28.0), 0.3)]),
        effect(Onset(Diabetes), 1.09, &[]),
        effect(Death, 0.90, &[]),
    ],
    stopping_per_year: 0.09,
    source: "Cholesterol Treatment Trialists, Lancet 2010;376:1670; Sattar et al., Lancet 2010;375:735",
};

/// Metformin in diabetes: UKPDS 34, ten years on (Holman et al., N Engl J Med 2008;359:1577): infarction 0.67,
/// death 0.73, in the overweight.
pub(super) static METFORMIN: Therapy = Therapy {
    name: "metformin",
    class: "metformin",
    drug: drug::METFORMIN,
    indication: Diabetes,
    uptake: 0.72,
    reasons: &[
        (Value(HemoglobinA1c, 7.2, 0.8), 0.5),
        (Value(BodyMassIndex, 31.0, 6.0), 0.35),
        (Age, -0.3),
        (Known(KidneyDisease), -0.9),
        (Known(HeartFailure), -0.5),
    ],
    contraindications: &[Not::Below(Egfr, 30.0)],
    effects: &[
        effect(Onset(MyocardialInfarction), 0.67, &[(Value(BodyMassIndex, 31.0, 6.0), 0.35)]),
        effect(Death, 0.73, &[(Value(BodyMassIndex, 31.0, 6.0), 0.2), (Age, -0.12)]),
    ],
    stopping_per_year: 0.07,
    source: "Holman et al., N Engl J Med 2008;359:1577 (UKPDS 34, ten years on), overweight patients",
};

/// SGLT2 inhibitor in diabetes: Zelniker et al., Lancet 2019;393:31: heart failure 0.69, renal progression 0.55,
/// major events 0.89 (0.86 with vascular disease, none without).
pub(super) static SGLT2_DIABETES: Therapy = Therapy {
    name: "sglt2_inhibitor_diabetes",
    class: "sglt2_inhibitor",
    drug: drug::EMPAGLIFLOZIN,
    indication: Diabetes,
    uptake: 0.14,
    reasons: &[
        (Value(HemoglobinA1c, 7.2, 0.8), 0.5),
        (Known(HeartFailure), 1.2),
        (Known(KidneyDisease), 0.5),
        (Known(MyocardialInfarction), 0.7),
        (Age, -0.3),
        (Black, -0.4),
    ],
    contraindications: &[Not::Below(Egfr, 25.0)],
    effects: &[
        effect(Onset(HeartFailure), 0.69, &[(Value(Egfr, 80.0, 20.0), -0.2)]),
        effect(Onset(KidneyDisease), 0.55, &[]),
        effect(Onset(MyocardialInfarction), 0.89, &[(Known(MyocardialInfarction), 0.6)]),
    ],
    stopping_per_year: 0.12,
    source: "Zelniker et al., Lancet 2019;393:31 (meta-analysis of EMPA-REG, CANVAS, DECLARE)",
};

/// GLP-1 receptor agonist in diabetes: Sattar et al., Lancet Diabetes Endocrinol 2021;9:653: stroke 0.83, infarction
/// 0.90, heart failure 0.89, death 0.88, kidney 0.79.
pub(super) static GLP1: Therapy = Therapy {
    name: "glp1_agonist",
    class: "glp1_agonist",
    drug: drug::LIRAGLUTIDE,
    indication: Diabetes,
    uptake: 0.1,
    reasons: &[
        (Value(BodyMassIndex, 31.0, 6.0), 0.8),
        (Value(HemoglobinA1c, 7.2, 0.8), 0.4),
        (Age, -0.35),
        (Black, -0.4),
        (Hispanic, -0.3),
    ],
    contraindications: &[],
    effects: &[
        effect(Onset(Stroke), 0.83, &[]),
        effect(Onset(MyocardialInfarction), 0.90, &[]),
        effect(Onset(HeartFailure), 0.89, &[]),
        effect(Onset(KidneyDisease), 0.79, &[]),
        effect(Death, 0.88, &[(Age, -0.15)]),
    ],
    stopping_per_year: 0.2,
    source: "Sattar et al., Lancet Diabetes Endocrinol 2021;9:653 (meta-analysis of eight trials)",
};

/// Angiotensin receptor blocker in kidney disease: heart failure 0.68 (RENAAL, Brenner et al., N Engl J Med
/// 2001;345:861, first hospitalisation), infarction 0.85 (not significant there); death near 1.
pub(super) static ARB_KIDNEY: Therapy = Therapy {
    name: "arb_kidney",
    class: "renin_angiotensin",
    drug: drug::LOSARTAN,
    indication: KidneyDisease,
    uptake: 0.38,
    reasons: &[
        (Value(AlbuminCreatinine, 60.0, 60.0), 0.5),
        (Known(Diabetes), 0.5),
        (Known(Hypertension), 0.5),
        (Age, -0.2),
    ],
    contraindications: &[Not::Above(Potassium, 5.5)],
    effects: &[
        effect(Onset(HeartFailure), 0.68, &[(Value(AlbuminCreatinine, 60.0, 60.0), 0.25)]),
        effect(Onset(MyocardialInfarction), 0.85, &[]),
    ],
    stopping_per_year: 0.1,
    source: "Brenner et al., N Engl J Med 2001;345:861 (RENAAL), secondary outcomes",
};

/// Alendronate after hip fracture: Wells et al., Cochrane 2008;CD001155 (hip fracture 0.47 in secondary prevention).
pub(super) static ALENDRONATE: Therapy = Therapy {
    name: "alendronate",
    class: "bisphosphonate",
    drug: drug::ALENDRONATE,
    indication: HipFracture,
    uptake: 0.2,
    reasons: &[(Female, 0.7), (Age, 0.1), (Known(Dementia), -0.8)],
    contraindications: &[Not::Below(Egfr, 35.0)],
    effects: &[effect(Onset(HipFracture), 0.47, &[(Age, -0.1)])],
    stopping_per_year: 0.2,
    source: "Wells et al., Cochrane Database Syst Rev 2008;CD001155, secondary prevention",
};

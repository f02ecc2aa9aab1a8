//! Pressure, rhythm, failure, infarction, stroke.

use crate::Condition::*;
use crate::catalogue::drug;
use crate::measurement::Measure::*;
use crate::therapy::{Contraindication as Not, Feature::*, Outcome::*, Therapy, effect};

/// Pressure lowering by ten mmHg, all classes: Ettehad et al., Lancet 2016;387:957 (stroke 0.73, heart failure 0.72,
/// coronary disease 0.83, death 0.87); by class in the same paper: calcium channel blockers do less for heart
/// failure and more for stroke, diuretics more for heart failure, inhibitors of the renin–angiotensin system a
/// little less for stroke. A single drug at a usual dose lowers nine mmHg (Law et al., BMJ 2009;338:b1665).
pub(super) static ACE_HYPERTENSION: Therapy = Therapy {
    name: "ace_inhibitor_hypertension",
    class: "renin_angiotensin",
    drug: drug::LISINOPRIL,
    indication: Hypertension,
    uptake: 0.42,
    reasons: &[
        (Value(Systolic, 150.0, 12.0), 0.5),
        (Known(Diabetes), 0.7),
        (Black, -0.6),
        (Age, -0.1),
        (Female, -0.15),
    ],
    contraindications: &[Not::Above(Potassium, 5.5)],
    effects: &[
        effect(Onset(Stroke), 0.78, &[(Value(Systolic, 150.0, 12.0), 0.25), (Black, -0.35)]),
        effect(Onset(HeartFailure), 0.74, &[(Known(Diabetes), 0.2)]),
        effect(Onset(MyocardialInfarction), 0.82, &[]),
        effect(Onset(KidneyDisease), 0.85, &[(Known(Diabetes), 0.5)]),
        effect(Death, 0.90, &[]),
    ],
    stopping_per_year: 0.1,
    source: "Ettehad et al., Lancet 2016;387:957, per 10 mmHg and by class; kidney: Jafar et al., Ann Intern Med 2003;139:244, rounded towards one",
};

/// See [`ACE_HYPERTENSION`].
pub(super) static AMLODIPINE: Therapy = Therapy {
    name: "calcium_blocker",
    class: "calcium_blocker",
    drug: drug::AMLODIPINE,
    indication: Hypertension,
    uptake: 0.26,
    reasons: &[(Value(Systolic, 150.0, 12.0), 0.6), (Black, 0.7), (Age, 0.15)],
    contraindications: &[Not::Known(HeartFailure)],
    effects: &[
        effect(Onset(Stroke), 0.70, &[(Value(Systolic, 150.0, 12.0), 0.25)]),
        effect(Onset(HeartFailure), 0.92, &[]),
        effect(Onset(MyocardialInfarction), 0.83, &[]),
        effect(Death, 0.91, &[]),
    ],
    stopping_per_year: 0.12,
    source: "Ettehad et al., Lancet 2016;387:957, calcium channel blockers, per 10 mmHg",
};

/// See [`ACE_HYPERTENSION`].
pub(super) static THIAZIDE: Therapy = Therapy {
    name: "thiazide",
    class: "thiazide",
    drug: drug::HYDROCHLOROTHIAZIDE,
    indication: Hypertension,
    uptake: 0.22,
    reasons: &[(Value(Systolic, 150.0, 12.0), 0.5), (Female, 0.3), (Black, 0.3), (Known(Diabetes), -0.4)],
    contraindications: &[Not::Below(Sodium, 133.0), Not::Below(Egfr, 30.0)],
    effects: &[
        effect(Onset(Stroke), 0.74, &[(Value(Systolic, 150.0, 12.0), 0.25)]),
        effect(Onset(HeartFailure), 0.62, &[(Age, 0.1)]),
        effect(Onset(MyocardialInfarction), 0.85, &[]),
        effect(Onset(Diabetes), 1.2, &[]),
        effect(Death, 0.90, &[]),
    ],
    stopping_per_year: 0.14,
    source: "Ettehad et al., Lancet 2016;387:957, diuretics; diabetes: Elliott & Meyer, Lancet 2007;369:201, rounded",
};

/// Apixaban in atrial fibrillation: against aspirin, AVERROES (Connolly et al., N Engl J Med 2011;364:806): stroke
/// 0.45, death 0.79, and aspirin itself against nothing about 0.81 (Hart et al., Ann Intern Med 2007;146:857):
/// stroke 0.37. Bleeding: 1.5 against nothing, from the same two.
pub(super) static APIXABAN: Therapy = Therapy {
    name: "apixaban",
    class: "anticoagulant",
    drug: drug::APIXABAN,
    indication: AtrialFibrillation,
    uptake: 0.42,
    reasons: &[
        (Age, 0.35),
        (Known(Stroke), 0.9),
        (Known(Hypertension), 0.35),
        (Known(Diabetes), 0.25),
        (Known(GastrointestinalBleed), -1.6),
        (Known(Dementia), -0.8),
        (Black, -0.35),
        (Hispanic, -0.2),
        (Admitted, 0.3),
    ],
    contraindications: &[Not::Below(Hemoglobin, 9.0), Not::Below(Platelets, 100.0)],
    effects: &[
        effect(Onset(Stroke), 0.37, &[(Known(Stroke), 0.15), (Age, -0.06)]),
        effect(Onset(GastrointestinalBleed), 1.5, &[(Age, 0.25), (Value(Egfr, 70.0, 20.0), -0.3)]),
        effect(Death, 0.8, &[]),
    ],
    stopping_per_year: 0.14,
    source: "Connolly et al., N Engl J Med 2011;364:806 (AVERROES); Hart et al., Ann Intern Med 2007;146:857",
};

/// Warfarin in atrial fibrillation: Hart et al., Ann Intern Med 2007;146:857: stroke 0.36, death 0.74; bleeding
/// doubled.
pub(super) static WARFARIN: Therapy = Therapy {
    name: "warfarin",
    class: "anticoagulant",
    drug: drug::WARFARIN,
    indication: AtrialFibrillation,
    uptake: 0.25,
    reasons: &[
        (Age, 0.2),
        (Known(Stroke), 0.8),
        (Known(KidneyDisease), 0.5),
        (Known(GastrointestinalBleed), -1.6),
        (Known(Dementia), -1.0),
        (Admitted, 0.3),
    ],
    contraindications: &[Not::Below(Hemoglobin, 9.0), Not::Below(Platelets, 100.0)],
    effects: &[
        effect(Onset(Stroke), 0.36, &[(Age, -0.06)]),
        effect(Onset(GastrointestinalBleed), 2.0, &[(Age, 0.25)]),
        effect(Death, 0.8, &[]),
    ],
    stopping_per_year: 0.2,
    source: "Hart et al., Ann Intern Med 2007;146:857 (warfarin against placebo), death towards one",
};

/// Beta blocker in heart failure: MERIT-HF (Lancet 1999;353:2001), death 0.66; little in those without a reduced
/// ejection fraction, so the published ratio is damped to the mixture, and is larger where the natriuretic peptide
/// is high.
pub(super) static BETA_BLOCKER_FAILURE: Therapy = Therapy {
    name: "beta_blocker_heart_failure",
    class: "beta_blocker",
    drug: drug::METOPROLOL,
    indication: HeartFailure,
    uptake: 0.55,
    reasons: &[
        (Value(HeartRate, 78.0, 10.0), 0.4),
        (Value(Systolic, 130.0, 15.0), 0.3),
        (Known(MyocardialInfarction), 0.6),
        (Known(AtrialFibrillation), 0.5),
        (Known(Copd), -0.6),
        (Age, -0.25),
    ],
    contraindications: &[Not::Known(Asthma), Not::Below(HeartRate, 55.0), Not::Below(Systolic, 95.0)],
    effects: &[effect(
        Death,
        0.72,
        &[(Value(NtProBnp, 2400.0, 1500.0), 0.3), (Value(HeartRate, 78.0, 10.0), 0.15), (Age, -0.15)],
    )],
    stopping_per_year: 0.1,
    source: "MERIT-HF, Lancet 1999;353:2001 (0.66), damped to a mixture of ejection fractions",
};

/// ACE inhibitor in heart failure: SOLVD (N Engl J Med 1991;325:293), death 0.84; infarction 0.79 (Flather et al.,
/// Lancet 2000;355:1575).
pub(super) static ACE_FAILURE: Therapy = Therapy {
    name: "ace_inhibitor_heart_failure",
    class: "renin_angiotensin",
    drug: drug::LISINOPRIL,
    indication: HeartFailure,
    uptake: 0.5,
    reasons: &[
        (Value(Systolic, 130.0, 15.0), 0.4),
        (Value(Egfr, 60.0, 20.0), 0.4),
        (Known(Diabetes), 0.3),
        (Age, -0.25),
        (Black, -0.2),
    ],
    contraindications: &[Not::Above(Potassium, 5.5), Not::Below(Systolic, 95.0), Not::Below(Egfr, 20.0)],
    effects: &[
        effect(Death, 0.84, &[(Value(NtProBnp, 2400.0, 1500.0), 0.3)]),
        effect(Onset(MyocardialInfarction), 0.79, &[]),
    ],
    stopping_per_year: 0.12,
    source: "SOLVD, N Engl J Med 1991;325:293; Flather et al., Lancet 2000;355:1575",
};

/// Mineralocorticoid antagonist in heart failure: EMPHASIS-HF (Zannad et al., N Engl J Med 2011;364:11), death 0.76.
pub(super) static SPIRONOLACTONE: Therapy = Therapy {
    name: "mineralocorticoid_antagonist",
    class: "mineralocorticoid_antagonist",
    drug: drug::SPIRONOLACTONE,
    indication: HeartFailure,
    uptake: 0.22,
    reasons: &[
        (Value(NtProBnp, 2400.0, 1500.0), 0.5),
        (Value(Egfr, 60.0, 20.0), 0.4),
        (Age, -0.3),
        (Admitted, 0.3),
    ],
    contraindications: &[Not::Above(Potassium, 5.0), Not::Below(Egfr, 30.0)],
    effects: &[effect(Death, 0.76, &[(Value(NtProBnp, 2400.0, 1500.0), 0.25)])],
    stopping_per_year: 0.16,
    source: "Zannad et al., N Engl J Med 2011;364:11 (EMPHASIS-HF)",
};

/// SGLT2 inhibitor in heart failure: DAPA-HF (McMurray et al., N Engl J Med 2019;381:1995), death 0.83; kidney
/// 0.62 (EMPEROR, Packer et al., N Engl J Med 2020;383:1413: 0.50, rounded towards one).
pub(super) static SGLT2_FAILURE: Therapy = Therapy {
    name: "sglt2_inhibitor_heart_failure",
    class: "sglt2_inhibitor",
    drug: drug::DAPAGLIFLOZIN,
    indication: HeartFailure,
    uptake: 0.15,
    reasons: &[(Known(Diabetes), 1.0), (Age, -0.3), (Black, -0.3), (Value(Egfr, 60.0, 20.0), 0.2)],
    contraindications: &[Not::Below(Egfr, 25.0)],
    effects: &[effect(Death, 0.83, &[(Known(Diabetes), 0.2)]), effect(Onset(KidneyDisease), 0.62, &[])],
    stopping_per_year: 0.1,
    source: "McMurray et al., N Engl J Med 2019;381:1995 (DAPA-HF); Packer et al., N Engl J Med 2020;383:1413",
};

/// High-intensity statin after infarction: Cholesterol Treatment Trialists (Lancet 2010;376:1670), about two mmol/L:
/// infarction 0.60, stroke 0.71, death 0.82.
pub(super) static STATIN_INFARCTION: Therapy = Therapy {
    name: "statin_after_infarction",
    class: "statin",
    drug: drug::ATORVASTATIN_HIGH,
    indication: MyocardialInfarction,
    uptake: 0.85,
    reasons: &[
        (Value(Ldl, 120.0, 30.0), 0.4),
        (Age, -0.4),
        (Female, -0.3),
        (Black, -0.2),
        (Known(Dementia), -1.0),
    ],
    contraindications: &[Not::Above(Alt, 90.0)],
    effects: &[
        effect(Onset(MyocardialInfarction), 0.60, &[(Value(Ldl, 120.0, 30.0), 0.3)]),
        effect(Onset(Stroke), 0.71, &[]),
        effect(Death, 0.82, &[(Age, -0.12)]),
    ],
    stopping_per_year: 0.1,
    source: "Cholesterol Treatment Trialists, Lancet 2010;376:1670, two mmol/L",
};

/// Aspirin after infarction: Antithrombotic Trialists, BMJ 2002;324:71 (infarction 0.66, death 0.85); bleeding
/// 1.6 (Antithrombotic Trialists, Lancet 2009;373:1849, rounded).
pub(super) static ASPIRIN: Therapy = Therapy {
    name: "aspirin_after_infarction",
    class: "aspirin",
    drug: drug::ASPIRIN,
    indication: MyocardialInfarction,
    uptake: 0.92,
    reasons: &[(Known(GastrointestinalBleed), -1.8), (Age, -0.2), (Known(AtrialFibrillation), -0.7)],
    contraindications: &[Not::Below(Platelets, 100.0), Not::Below(Hemoglobin, 9.0)],
    effects: &[
        effect(Onset(MyocardialInfarction), 0.66, &[]),
        effect(Onset(Stroke), 0.78, &[]),
        effect(Onset(GastrointestinalBleed), 1.6, &[(Age, 0.2)]),
        effect(Death, 0.85, &[]),
    ],
    stopping_per_year: 0.07,
    source: "Antithrombotic Trialists, BMJ 2002;324:71 and Lancet 2009;373:1849",
};

/// Beta blocker after infarction: Freemantle et al., BMJ 1999;318:1730, death 0.77 in long-term trials.
pub(super) static BETA_BLOCKER_INFARCTION: Therapy = Therapy {
    name: "beta_blocker_after_infarction",
    class: "beta_blocker",
    drug: drug::METOPROLOL,
    indication: MyocardialInfarction,
    uptake: 0.75,
    reasons: &[
        (Value(HeartRate, 85.0, 12.0), 0.4),
        (Known(HeartFailure), 0.4),
        (Known(Copd), -0.7),
        (Age, -0.2),
    ],
    contraindications: &[Not::Known(Asthma), Not::Below(HeartRate, 55.0), Not::Below(Systolic, 95.0)],
    effects: &[effect(Death, 0.77, &[(Known(HeartFailure), 0.4)])],
    stopping_per_year: 0.12,
    source: "Freemantle et al., BMJ 1999;318:1730, long-term trials",
};

/// Clopidogrel after stroke: Antithrombotic Trialists, BMJ 2002;324:71: vascular events 0.78; bleeding 1.4.
pub(super) static CLOPIDOGREL: Therapy = Therapy {
    name: "clopidogrel_after_stroke",
    class: "clopidogrel",
    drug: drug::CLOPIDOGREL,
    indication: Stroke,
    uptake: 0.6,
    reasons: &[(Known(AtrialFibrillation), -1.8), (Known(GastrointestinalBleed), -1.2), (Age, -0.15)],
    contraindications: &[Not::Below(Platelets, 100.0), Not::Below(Hemoglobin, 9.0)],
    effects: &[
        effect(Onset(Stroke), 0.78, &[(Known(AtrialFibrillation), -0.5)]),
        effect(Onset(MyocardialInfarction), 0.8, &[]),
        effect(Onset(GastrointestinalBleed), 1.4, &[(Age, 0.2)]),
    ],
    stopping_per_year: 0.12,
    source: "Antithrombotic Trialists, BMJ 2002;324:71, previous stroke",
};

/// High-intensity statin after stroke: SPARCL (Amarenco et al., N Engl J Med 2006;355:549): stroke 0.84, major
/// coronary event 0.65, death 1.00 (0.82 to 1.21).
pub(super) static STATIN_STROKE: Therapy = Therapy {
    name: "statin_after_stroke",
    class: "statin",
    drug: drug::ATORVASTATIN_HIGH,
    indication: Stroke,
    uptake: 0.62,
    reasons: &[
        (Value(Ldl, 115.0, 30.0), 0.5),
        (Known(Hyperlipidaemia), 0.5),
        (Age, -0.3),
        (Known(Dementia), -0.8),
        (Hispanic, -0.2),
    ],
    contraindications: &[Not::Above(Alt, 90.0)],
    effects: &[
        effect(Onset(Stroke), 0.84, &[(Value(Ldl, 115.0, 30.0), 0.3)]),
        effect(Onset(MyocardialInfarction), 0.65, &[]),
        effect(Death, 1.0, &[]),
    ],
    stopping_per_year: 0.1,
    source: "Amarenco et al., N Engl J Med 2006;355:549 (SPARCL)",
};

//! Airways, mood, and a treatment that does nothing.

use crate::Condition::*;
use crate::catalogue::drug;
use crate::measurement::Measure::*;
use crate::therapy::{Contraindication as Not, Feature::*, Outcome::*, Therapy, effect};

/// Inhaled steroid with a long-acting bronchodilator in COPD: TORCH (Calverley et al., N Engl J Med 2007;356:775):
/// exacerbations 0.75, death 0.825; pneumonia 1.64.
pub(super) static INHALED_STEROID_COPD: Therapy = Therapy {
    name: "inhaled_steroid_copd",
    class: "inhaled_steroid",
    drug: drug::FLUTICASONE_SALMETEROL,
    indication: Copd,
    uptake: 0.45,
    reasons: &[
        (Value(FevRatio, 60.0, 6.0), -0.7),
        (Value(OxygenSaturation, 94.0, 2.0), -0.3),
        (Known(Asthma), 0.8),
        (Admitted, 0.6),
    ],
    contraindications: &[],
    effects: &[
        effect(Onset(CopdExacerbation), 0.75, &[(Value(FevRatio, 60.0, 6.0), -0.3), (Known(Asthma), 0.4)]),
        effect(Onset(Pneumonia), 1.6, &[(Age, 0.15)]),
        effect(Death, 0.83, &[]),
    ],
    stopping_per_year: 0.2,
    source: "Calverley et al., N Engl J Med 2007;356:775 (TORCH)",
};

/// Inhaled steroid in asthma: low dose in mild disease, START (Pauwels et al., Lancet 2003;361:1071): first severe
/// exacerbation 0.56.
pub(super) static INHALED_STEROID_ASTHMA: Therapy = Therapy {
    name: "inhaled_steroid_asthma",
    class: "inhaled_steroid",
    drug: drug::FLUTICASONE,
    indication: Asthma,
    uptake: 0.5,
    reasons: &[(Value(FevRatio, 72.0, 6.0), -0.6), (Admitted, 0.8), (Black, -0.4), (Hispanic, -0.3)],
    contraindications: &[],
    effects: &[effect(Onset(AsthmaExacerbation), 0.56, &[(Value(FevRatio, 72.0, 6.0), -0.25)])],
    stopping_per_year: 0.25,
    source: "Pauwels et al., Lancet 2003;361:1071 (START)",
};

/// Antidepressant: Geddes et al., Lancet 2003;361:653, relapse 18 against 41 %, an odds ratio of 0.30, about 0.4 as
/// a ratio of hazards; less where symptoms are mild (Fournier et al., JAMA 2010;303:47). Bleeding: Jiang et al.,
/// Clin Gastroenterol Hepatol 2015;13:42 (odds ratio 1.55).
pub(super) static ANTIDEPRESSANT: Therapy = Therapy {
    name: "antidepressant",
    class: "antidepressant",
    drug: drug::SERTRALINE,
    indication: Depression,
    uptake: 0.55,
    reasons: &[
        (Value(Phq9, 15.0, 4.0), 0.7),
        (Female, 0.2),
        (Black, -0.5),
        (Hispanic, -0.4),
        (Age, 0.05),
        (Known(GastrointestinalBleed), -0.5),
    ],
    contraindications: &[Not::Below(Sodium, 130.0)],
    effects: &[
        effect(Onset(DepressionRelapse), 0.45, &[(Value(Phq9, 15.0, 4.0), 0.3)]),
        effect(Onset(GastrointestinalBleed), 1.5, &[(Age, 0.15)]),
    ],
    stopping_per_year: 0.35,
    source: "Geddes et al., Lancet 2003;361:653; Fournier et al., JAMA 2010;303:47; Jiang et al., Clin Gastroenterol Hepatol 2015;13:42",
};

/// Vitamin D: nothing (VITAL, Manson et al., N Engl J Med 2019;380:33: cardiovascular events 0.97, death 0.99, both
/// consistent with none; exactly one here). It is given more to those with much wrong with them, so that a
/// comparison that isn't careful makes it look harmful: the placebo of every grade of treatments.
pub(super) static VITAMIN_D: Therapy = Therapy {
    name: "vitamin_d",
    class: "vitamin_d",
    drug: drug::CHOLECALCIFEROL,
    indication: Hypertension,
    uptake: 0.3,
    reasons: &[
        (Age, 0.45),
        (Female, 0.6),
        (Known(Osteoarthritis), 0.6),
        (Known(Diabetes), 0.5),
        (Known(KidneyDisease), 0.8),
        (Known(HeartFailure), 0.8),
        (Smoking, 0.3),
    ],
    contraindications: &[],
    effects: &[
        effect(Onset(MyocardialInfarction), 1.0, &[]),
        effect(Onset(Stroke), 1.0, &[]),
        effect(Onset(HeartFailure), 1.0, &[]),
        effect(Death, 1.0, &[]),
    ],
    stopping_per_year: 0.2,
    source: "Manson et al., N Engl J Med 2019;380:33 (VITAL): no effect, taken as exactly none",
};

//! The conditions and their published figures, a file for each system of the body.

mod cancer;
mod cardiovascular;
mod diabetes;
mod digestive;
mod episodes;
mod immune;
mod infection;
mod metabolic;
mod mind;
mod musculoskeletal;
mod nerves;
mod oncology;
mod organs;
mod pregnancy;
mod respiratory;

use crate::condition::Profile;

/// Names every condition once, in the order of the tables, with where its profile stands.
macro_rules! conditions {
    ($($condition:ident: $profile:path,)*) => {
        /// A simulated condition.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[repr(u8)]
        #[allow(missing_docs)] // each is described by its profile
        pub enum Condition {
            $($condition,)*
        }

        impl Condition {
            /// How many there are.
            pub const COUNT: usize = Self::ALL.len();

            /// All of them, in the order of their discriminants.
            pub const ALL: [Condition; [$(stringify!($condition)),*].len()] = [$(Condition::$condition),*];
        }

        static PROFILES: [&Profile; Condition::COUNT] = [$(&$profile),*];
    };
}

conditions! {
    Hypertension: cardiovascular::HYPERTENSION,
    Diabetes: metabolic::DIABETES,
    Hyperlipidaemia: metabolic::HYPERLIPIDAEMIA,
    KidneyDisease: metabolic::KIDNEY_DISEASE,
    AtrialFibrillation: cardiovascular::ATRIAL_FIBRILLATION,
    HeartFailure: cardiovascular::HEART_FAILURE,
    MyocardialInfarction: cardiovascular::MYOCARDIAL_INFARCTION,
    Stroke: cardiovascular::STROKE,
    Copd: respiratory::COPD,
    Asthma: respiratory::ASTHMA,
    Depression: mind::DEPRESSION,
    Dementia: mind::DEMENTIA,
    Osteoarthritis: musculoskeletal::OSTEOARTHRITIS,
    Hypothyroidism: metabolic::HYPOTHYROIDISM,
    ColorectalCancer: cancer::COLORECTAL,
    BreastCancer: cancer::BREAST,
    LungCancer: cancer::LUNG,
    ProstateCancer: cancer::PROSTATE,
    Pneumonia: infection::PNEUMONIA,
    UrinaryInfection: infection::URINARY,
    Sepsis: infection::SEPSIS,
    HipFracture: musculoskeletal::HIP_FRACTURE,
    Influenza: infection::INFLUENZA,
    OtitisMedia: infection::OTITIS_MEDIA,
    GastrointestinalBleed: digestive::BLEED,
    AsthmaExacerbation: respiratory::ASTHMA_EXACERBATION,
    CopdExacerbation: respiratory::COPD_EXACERBATION,
    DepressionRelapse: mind::DEPRESSION_RELAPSE,
    Melanoma: oncology::MELANOMA,
    BladderCancer: oncology::BLADDER,
    KidneyCancer: oncology::KIDNEY,
    Lymphoma: oncology::LYMPHOMA,
    UterineCancer: oncology::UTERINE,
    PancreaticCancer: oncology::PANCREATIC,
    DiabeticRetinopathy: diabetes::RETINOPATHY,
    DiabeticNeuropathy: diabetes::NEUROPATHY,
    DiabeticKidneyDisease: diabetes::NEPHROPATHY,
    Type1Diabetes: diabetes::TYPE_1,
    EarlyKidneyDisease: diabetes::EARLY_KIDNEY_DISEASE,
    KidneyDisease4: diabetes::STAGE_4,
    KidneyDisease5: diabetes::STAGE_5,
    RheumatoidArthritis: immune::RHEUMATOID,
    Gout: immune::GOUT,
    Osteoporosis: immune::OSTEOPOROSIS,
    Lupus: immune::LUPUS,
    Psoriasis: immune::PSORIASIS,
    MultipleSclerosis: immune::MULTIPLE_SCLEROSIS,
    UlcerativeColitis: immune::ULCERATIVE_COLITIS,
    Hyperthyroidism: immune::HYPERTHYROIDISM,
    PeripheralArteryDisease: organs::PERIPHERAL_ARTERY,
    PulmonaryEmbolism: organs::PULMONARY_EMBOLISM,
    IronDeficiency: organs::IRON_DEFICIENCY,
    RespiratoryFailure: organs::RESPIRATORY_FAILURE,
    SleepApnea: organs::SLEEP_APNEA,
    Reflux: organs::REFLUX,
    Gallstones: organs::GALLSTONES,
    Cirrhosis: organs::CIRRHOSIS,
    ProstateHyperplasia: organs::PROSTATE_HYPERPLASIA,
    KidneyStone: organs::KIDNEY_STONE,
    AcuteKidneyInjury: organs::ACUTE_KIDNEY_INJURY,
    Cataract: organs::CATARACT,
    Anxiety: nerves::ANXIETY,
    AlcoholUseDisorder: nerves::ALCOHOL,
    Schizophrenia: nerves::SCHIZOPHRENIA,
    Epilepsy: nerves::EPILEPSY,
    Parkinson: nerves::PARKINSON,
    Migraine: nerves::MIGRAINE,
    Childbirth: pregnancy::CHILDBIRTH,
    GestationalDiabetes: pregnancy::GESTATIONAL_DIABETES,
    Preeclampsia: pregnancy::PREECLAMPSIA,
    NeonatalJaundice: pregnancy::NEONATAL_JAUNDICE,
    CongenitalHeart: pregnancy::CONGENITAL_HEART,
    WristFracture: episodes::WRIST_FRACTURE,
    Concussion: episodes::CONCUSSION,
    Cellulitis: episodes::CELLULITIS,
    Zoster: episodes::ZOSTER,
    Gastroenteritis: episodes::GASTROENTERITIS,
}

/// The profile of a condition.
pub(crate) fn profile(condition: Condition) -> &'static Profile {
    PROFILES[condition.index()]
}

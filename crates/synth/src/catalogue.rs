//! Drugs, procedures, vaccines and panels, with the codes and names of their terminologies.

use crate::condition::{Condition, Condition::*};
use crate::measurement::Measure;

/// A concept of a terminology.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Concept {
    /// The code.
    pub code: &'static str,
    /// Its name.
    pub display: &'static str,
}

const fn concept(code: &'static str, display: &'static str) -> Concept {
    Concept { code, display }
}

/// One way of treating a condition.
#[derive(Debug)]
pub struct Treatment {
    /// What for.
    pub condition: Condition,
    /// The drug, in RxNorm.
    pub drug: Concept,
    /// The chance that it is begun at diagnosis.
    pub probability: f64,
    /// Is it taken from then on?
    pub lasting: bool,
}

const fn treat(condition: Condition, drug: Concept, probability: f64, lasting: bool) -> Treatment {
    Treatment { condition, drug, probability, lasting }
}

/// Drugs, in RxNorm: clinical drugs, or the ingredient where the site prescribes by ingredient.
pub(crate) mod drug {
    use super::{Concept, concept};
    pub const ACETAMINOPHEN: Concept = concept("313782", "acetaminophen 325 MG Oral Tablet");
    pub const ACETAMINOPHEN_CHILD: Concept = concept("282464", "acetaminophen 160 MG Oral Tablet");
    pub const ALBUTEROL: Concept =
        concept("745679", "200 ACTUAT albuterol 0.09 MG/ACTUAT Metered Dose Inhaler");
    pub const ALENDRONATE: Concept = concept("904419", "alendronic acid 10 MG Oral Tablet");
    pub const ALTEPLASE: Concept = concept("1804799", "alteplase 100 MG Injection");
    pub const AMLODIPINE: Concept = concept("197361", "amlodipine 5 MG Oral Tablet");
    pub const AMOXICILLIN: Concept = concept("308182", "amoxicillin 250 MG Oral Capsule");
    pub const AMOXICILLIN_CLAVULANATE: Concept =
        concept("562251", "amoxicillin 250 MG / clavulanate 125 MG Oral Tablet");
    pub const ANASTROZOLE: Concept = concept("199224", "anastrozole 1 MG Oral Tablet");
    pub const APIXABAN: Concept = concept("1364445", "apixaban 5 MG Oral Tablet");
    pub const ASPIRIN: Concept = concept("243670", "aspirin 81 MG Oral Tablet");
    pub const ATORVASTATIN: Concept = concept("617310", "atorvastatin 20 MG Oral Tablet");
    pub const ATORVASTATIN_HIGH: Concept = concept("259255", "atorvastatin 80 MG Oral Tablet");
    pub const AZITHROMYCIN: Concept = concept("308460", "azithromycin 250 MG Oral Tablet");
    pub const CISPLATIN: Concept = concept("1736854", "cisplatin 50 MG Injection");
    pub const CLOPIDOGREL: Concept = concept("309362", "clopidogrel 75 MG Oral Tablet");
    pub const DIGOXIN: Concept = concept("197604", "digoxin 0.125 MG Oral Tablet");
    pub const DONEPEZIL: Concept = concept("997223", "donepezil hydrochloride 10 MG Oral Tablet");
    pub const FERROUS_SULFATE: Concept = concept("310325", "ferrous sulfate 325 MG Oral Tablet");
    pub const FLUOXETINE: Concept = concept("310385", "fluoxetine 20 MG Oral Capsule");
    pub const FLUTICASONE: Concept =
        concept("895994", "120 ACTUAT fluticasone propionate 0.044 MG/ACTUAT Metered Dose Inhaler");
    pub const FLUTICASONE_SALMETEROL: Concept = concept(
        "896209",
        "60 ACTUAT fluticasone propionate 0.25 MG/ACTUAT / salmeterol 0.05 MG/ACTUAT Dry Powder Inhaler",
    );
    pub const FUROSEMIDE: Concept = concept("313988", "furosemide 40 MG Oral Tablet");
    pub const HYDROCHLOROTHIAZIDE: Concept = concept("310798", "hydrochlorothiazide 25 MG Oral Tablet");
    pub const INSULIN: Concept = concept(
        "106892",
        "insulin isophane, human 70 UNT/ML / insulin, regular, human 30 UNT/ML Injectable Suspension [Humulin]",
    );
    pub const LEUPROLIDE: Concept =
        concept("752899", "0.25 ML leuprolide acetate 30 MG/ML Prefilled Syringe");
    pub const LEVOTHYROXINE: Concept = concept("966222", "levothyroxine sodium 0.075 MG Oral Tablet");
    pub const LISINOPRIL: Concept = concept("314076", "lisinopril 10 MG Oral Tablet");
    pub const LOSARTAN: Concept = concept("979492", "losartan potassium 50 MG Oral Tablet");
    pub const MIRTAZAPINE: Concept = concept("15996", "mirtazapine");
    pub const PANTOPRAZOLE: Concept = concept("40790", "pantoprazole");
    pub const METFORMIN: Concept =
        concept("860975", "24 HR metformin hydrochloride 500 MG Extended Release Oral Tablet");
    pub const METOPROLOL: Concept =
        concept("866412", "24 HR metoprolol succinate 100 MG Extended Release Oral Tablet");
    pub const NAPROXEN: Concept = concept("198014", "naproxen 500 MG Oral Tablet");
    pub const NITROFURANTOIN: Concept = concept("311995", "nitrofurantoin, macrocrystals 50 MG Oral Capsule");
    pub const NITROGLYCERIN: Concept = concept("705129", "nitroglycerin 0.4 MG/ACTUAT Mucosal Spray");
    pub const OXALIPLATIN: Concept = concept("1736776", "10 ML oxaliplatin 5 MG/ML Injection");
    pub const OXYCODONE: Concept =
        concept("1049221", "acetaminophen 325 MG / oxycodone hydrochloride 5 MG Oral Tablet");
    pub const PACLITAXEL: Concept = concept("583214", "paclitaxel 100 MG Injection");
    pub const PIPERACILLIN: Concept =
        concept("1659149", "piperacillin 4000 MG / tazobactam 500 MG Injection");
    pub const PREDNISONE: Concept = concept("312617", "prednisone 5 MG Oral Tablet");
    pub const SERTRALINE: Concept = concept("312941", "sertraline 50 MG Oral Tablet");
    pub const CHOLECALCIFEROL: Concept = concept("2418", "cholecalciferol");
    pub const DILTIAZEM: Concept = concept("3443", "diltiazem");
    pub const EZETIMIBE: Concept = concept("341248", "ezetimibe");
    pub const DAPAGLIFLOZIN: Concept = concept("1488564", "dapagliflozin");
    pub const EMPAGLIFLOZIN: Concept = concept("1545653", "empagliflozin");
    pub const LIRAGLUTIDE: Concept = concept("475968", "liraglutide");
    pub const SPIRONOLACTONE: Concept = concept("9997", "spironolactone");
    // Ingredients, held to CPIC's table of drugs (github.com/cpicpgx/cpic-schema, drug.sql).
    pub const ALLOPURINOL: Concept = concept("519", "allopurinol");
    pub const AMITRIPTYLINE: Concept = concept("704", "amitriptyline");
    pub const ARIPIPRAZOLE: Concept = concept("89013", "aripiprazole");
    pub const AZATHIOPRINE: Concept = concept("1256", "azathioprine");
    pub const BUDESONIDE: Concept = concept("19831", "budesonide");
    pub const BUPROPION: Concept = concept("42347", "bupropion");
    pub const CAPECITABINE: Concept = concept("194000", "capecitabine");
    pub const CARBAMAZEPINE: Concept = concept("2002", "carbamazepine");
    pub const CARBOPLATIN: Concept = concept("40048", "carboplatin");
    pub const CARVEDILOL: Concept = concept("20352", "carvedilol");
    pub const CELECOXIB: Concept = concept("140587", "celecoxib");
    pub const CIPROFLOXACIN: Concept = concept("2551", "ciprofloxacin");
    pub const CITALOPRAM: Concept = concept("2556", "citalopram");
    pub const CLOZAPINE: Concept = concept("2626", "clozapine");
    pub const CYCLOPHOSPHAMIDE: Concept = concept("3002", "cyclophosphamide");
    pub const DULOXETINE: Concept = concept("72625", "duloxetine");
    pub const ESCITALOPRAM: Concept = concept("321988", "escitalopram");
    pub const ESOMEPRAZOLE: Concept = concept("283742", "esomeprazole");
    pub const FLUOROURACIL: Concept = concept("4492", "fluorouracil");
    pub const GEMCITABINE: Concept = concept("12574", "gemcitabine");
    pub const GLIMEPIRIDE: Concept = concept("25789", "glimepiride");
    pub const GLIPIZIDE: Concept = concept("4821", "glipizide");
    pub const HYDRALAZINE: Concept = concept("5470", "hydralazine");
    pub const HYDROXYCHLOROQUINE: Concept = concept("5521", "hydroxychloroquine");
    pub const LAMOTRIGINE: Concept = concept("28439", "lamotrigine");
    pub const LEVOFLOXACIN: Concept = concept("82122", "levofloxacin");
    pub const MESALAMINE: Concept = concept("52582", "mesalamine");
    pub const METHIMAZOLE: Concept = concept("6835", "methimazole");
    pub const METHOTREXATE: Concept = concept("6851", "methotrexate");
    pub const METOCLOPRAMIDE: Concept = concept("6915", "metoclopramide");
    pub const MORPHINE: Concept = concept("7052", "morphine");
    pub const MYCOPHENOLATE: Concept = concept("7145", "mycophenolic acid");
    pub const NALTREXONE: Concept = concept("7243", "naltrexone");
    pub const NORTRIPTYLINE: Concept = concept("7531", "nortriptyline");
    pub const OLANZAPINE: Concept = concept("61381", "olanzapine");
    pub const OMEPRAZOLE: Concept = concept("7646", "omeprazole");
    pub const ONDANSETRON: Concept = concept("26225", "ondansetron");
    pub const OXCARBAZEPINE: Concept = concept("32624", "oxcarbazepine");
    pub const PROPRANOLOL: Concept = concept("8787", "propranolol");
    pub const RISPERIDONE: Concept = concept("35636", "risperidone");
    pub const RITUXIMAB: Concept = concept("121191", "rituximab");
    pub const SULFASALAZINE: Concept = concept("9524", "sulfasalazine");
    pub const SULFAMETHOXAZOLE_TRIMETHOPRIM: Concept = concept("10831", "sulfamethoxazole / trimethoprim");
    pub const SUNITINIB: Concept = concept("357977", "sunitinib");
    pub const TAMOXIFEN: Concept = concept("10324", "tamoxifen");
    pub const TAMSULOSIN: Concept = concept("77492", "tamsulosin");
    pub const TIMOLOL: Concept = concept("10600", "timolol");
    pub const TIOTROPIUM: Concept = concept("69120", "tiotropium");
    pub const TRAMADOL: Concept = concept("10689", "tramadol");
    pub const TRIAMCINOLONE: Concept = concept("10759", "triamcinolone");
    pub const VALPROATE: Concept = concept("11118", "valproic acid");
    pub const VENLAFAXINE: Concept = concept("39786", "venlafaxine");
    pub const WARFARIN: Concept = concept("855332", "warfarin sodium 5 MG Oral Tablet");
}

/// Usual treatment besides what [`crate::therapy::Therapy`] decides. Shares are rounded from US practice; these do
/// not change outcomes in this population.
pub static TREATMENTS: &[Treatment] = &[
    treat(Diabetes, drug::INSULIN, 0.12, true),
    treat(AtrialFibrillation, drug::DILTIAZEM, 0.5, true),
    treat(Hyperlipidaemia, drug::EZETIMIBE, 0.06, true),
    treat(AtrialFibrillation, drug::DIGOXIN, 0.08, true),
    treat(HeartFailure, drug::FUROSEMIDE, 0.8, true),
    treat(MyocardialInfarction, drug::CLOPIDOGREL, 0.7, true),
    treat(MyocardialInfarction, drug::NITROGLYCERIN, 0.4, false),
    treat(Stroke, drug::ALTEPLASE, 0.12, false),
    treat(Copd, drug::ALBUTEROL, 0.8, true),
    treat(Asthma, drug::ALBUTEROL, 0.9, true),
    treat(Asthma, drug::PREDNISONE, 0.1, false),
    treat(Depression, drug::FLUOXETINE, 0.25, true),
    treat(Dementia, drug::DONEPEZIL, 0.5, true),
    treat(Osteoarthritis, drug::NAPROXEN, 0.35, true),
    treat(Osteoarthritis, drug::ACETAMINOPHEN, 0.4, false),
    treat(Hypothyroidism, drug::LEVOTHYROXINE, 0.95, true),
    treat(ColorectalCancer, drug::OXALIPLATIN, 0.4, false),
    treat(ColorectalCancer, drug::FERROUS_SULFATE, 0.4, false),
    treat(BreastCancer, drug::ANASTROZOLE, 0.6, true),
    treat(BreastCancer, drug::PACLITAXEL, 0.35, false),
    treat(LungCancer, drug::CISPLATIN, 0.45, false),
    treat(ProstateCancer, drug::LEUPROLIDE, 0.35, true),
    treat(Pneumonia, drug::AZITHROMYCIN, 0.6, false),
    treat(Pneumonia, drug::AMOXICILLIN_CLAVULANATE, 0.4, false),
    treat(UrinaryInfection, drug::NITROFURANTOIN, 0.7, false),
    treat(Sepsis, drug::PIPERACILLIN, 0.9, false),
    treat(HipFracture, drug::OXYCODONE, 0.8, false),
    treat(Influenza, drug::ACETAMINOPHEN_CHILD, 0.25, false),
    treat(GastrointestinalBleed, drug::PANTOPRAZOLE, 0.8, true),
    treat(AsthmaExacerbation, drug::PREDNISONE, 0.8, false),
    treat(CopdExacerbation, drug::PREDNISONE, 0.8, false),
    treat(CopdExacerbation, drug::AZITHROMYCIN, 0.5, false),
    treat(DepressionRelapse, drug::MIRTAZAPINE, 0.3, true),
    treat(OtitisMedia, drug::AMOXICILLIN, 0.75, false),
    treat(BladderCancer, drug::GEMCITABINE, 0.3, false),
    treat(BladderCancer, drug::CARBOPLATIN, 0.15, false),
    treat(KidneyCancer, drug::SUNITINIB, 0.2, false),
    treat(Lymphoma, drug::RITUXIMAB, 0.7, false),
    treat(Lymphoma, drug::CYCLOPHOSPHAMIDE, 0.6, false),
    treat(UterineCancer, drug::CARBOPLATIN, 0.3, false),
    treat(UterineCancer, drug::PACLITAXEL, 0.3, false),
    treat(PancreaticCancer, drug::GEMCITABINE, 0.55, false),
    treat(PancreaticCancer, drug::FLUOROURACIL, 0.3, false),
    treat(PancreaticCancer, drug::MORPHINE, 0.5, true),
    treat(ColorectalCancer, drug::FLUOROURACIL, 0.4, false),
    treat(ColorectalCancer, drug::CAPECITABINE, 0.15, false),
    treat(ColorectalCancer, drug::ONDANSETRON, 0.4, false),
    treat(BreastCancer, drug::TAMOXIFEN, 0.25, true),
    treat(BreastCancer, drug::CYCLOPHOSPHAMIDE, 0.25, false),
    treat(LungCancer, drug::CARBOPLATIN, 0.35, false),
    treat(LungCancer, drug::MORPHINE, 0.3, true),
    treat(DiabeticNeuropathy, drug::DULOXETINE, 0.25, true),
    treat(DiabeticNeuropathy, drug::AMITRIPTYLINE, 0.15, true),
    treat(DiabeticNeuropathy, drug::TRAMADOL, 0.12, true),
    treat(Diabetes, drug::GLIPIZIDE, 0.18, true),
    treat(Diabetes, drug::GLIMEPIRIDE, 0.12, true),
    treat(Diabetes, drug::METOCLOPRAMIDE, 0.02, true),
    treat(Type1Diabetes, drug::INSULIN, 1.0, true),
    treat(KidneyDisease4, drug::HYDRALAZINE, 0.15, true),
    treat(KidneyDisease5, drug::CARVEDILOL, 0.35, true),
    treat(HeartFailure, drug::CARVEDILOL, 0.2, true),
    treat(Hypertension, drug::HYDRALAZINE, 0.02, true),
    treat(RheumatoidArthritis, drug::METHOTREXATE, 0.6, true),
    treat(RheumatoidArthritis, drug::HYDROXYCHLOROQUINE, 0.3, true),
    treat(RheumatoidArthritis, drug::SULFASALAZINE, 0.12, true),
    treat(RheumatoidArthritis, drug::PREDNISONE, 0.4, false),
    treat(Gout, drug::ALLOPURINOL, 0.45, true),
    treat(Gout, drug::NAPROXEN, 0.35, false),
    treat(Osteoporosis, drug::ALENDRONATE, 0.4, true),
    treat(Osteoporosis, drug::CHOLECALCIFEROL, 0.5, true),
    treat(Lupus, drug::HYDROXYCHLOROQUINE, 0.75, true),
    treat(Lupus, drug::MYCOPHENOLATE, 0.2, true),
    treat(Lupus, drug::AZATHIOPRINE, 0.15, true),
    treat(Psoriasis, drug::TRIAMCINOLONE, 0.6, true),
    treat(Psoriasis, drug::METHOTREXATE, 0.08, true),
    treat(MultipleSclerosis, drug::RITUXIMAB, 0.15, true),
    treat(UlcerativeColitis, drug::MESALAMINE, 0.7, true),
    treat(UlcerativeColitis, drug::AZATHIOPRINE, 0.15, true),
    treat(UlcerativeColitis, drug::BUDESONIDE, 0.2, false),
    treat(Hyperthyroidism, drug::METHIMAZOLE, 0.75, true),
    treat(Hyperthyroidism, drug::PROPRANOLOL, 0.4, false),
    treat(PeripheralArteryDisease, drug::CLOPIDOGREL, 0.35, true),
    treat(PeripheralArteryDisease, drug::ASPIRIN, 0.4, true),
    treat(PulmonaryEmbolism, drug::APIXABAN, 0.6, true),
    treat(PulmonaryEmbolism, drug::WARFARIN, 0.25, true),
    treat(IronDeficiency, drug::FERROUS_SULFATE, 0.8, true),
    treat(RespiratoryFailure, drug::TIOTROPIUM, 0.6, true),
    treat(Copd, drug::TIOTROPIUM, 0.4, true),
    treat(CopdExacerbation, drug::LEVOFLOXACIN, 0.2, false),
    treat(Reflux, drug::OMEPRAZOLE, 0.5, true),
    treat(Reflux, drug::ESOMEPRAZOLE, 0.2, true),
    treat(Gallstones, drug::ONDANSETRON, 0.2, false),
    treat(Cirrhosis, drug::SPIRONOLACTONE, 0.4, true),
    treat(Cirrhosis, drug::PROPRANOLOL, 0.25, true),
    treat(ProstateHyperplasia, drug::TAMSULOSIN, 0.6, true),
    treat(KidneyStone, drug::TAMSULOSIN, 0.4, false),
    treat(KidneyStone, drug::OXYCODONE, 0.4, false),
    treat(Cataract, drug::TIMOLOL, 0.03, true),
    treat(Anxiety, drug::ESCITALOPRAM, 0.35, true),
    treat(Anxiety, drug::VENLAFAXINE, 0.12, true),
    treat(Depression, drug::CITALOPRAM, 0.1, true),
    treat(Depression, drug::BUPROPION, 0.15, true),
    treat(DepressionRelapse, drug::ARIPIPRAZOLE, 0.12, true),
    treat(AlcoholUseDisorder, drug::NALTREXONE, 0.12, true),
    treat(Schizophrenia, drug::RISPERIDONE, 0.4, true),
    treat(Schizophrenia, drug::OLANZAPINE, 0.3, true),
    treat(Schizophrenia, drug::CLOZAPINE, 0.06, true),
    treat(Epilepsy, drug::LAMOTRIGINE, 0.35, true),
    treat(Epilepsy, drug::VALPROATE, 0.15, true),
    treat(Epilepsy, drug::CARBAMAZEPINE, 0.1, true),
    treat(Epilepsy, drug::OXCARBAZEPINE, 0.08, true),
    treat(Migraine, drug::PROPRANOLOL, 0.15, true),
    treat(Migraine, drug::NORTRIPTYLINE, 0.08, true),
    treat(Childbirth, drug::ACETAMINOPHEN, 0.5, false),
    treat(GestationalDiabetes, drug::INSULIN, 0.15, false),
    treat(Preeclampsia, drug::HYDRALAZINE, 0.3, false),
    treat(WristFracture, drug::ACETAMINOPHEN, 0.4, false),
    treat(Cellulitis, drug::SULFAMETHOXAZOLE_TRIMETHOPRIM, 0.4, false),
    treat(Cellulitis, drug::AMOXICILLIN_CLAVULANATE, 0.2, false),
    treat(UrinaryInfection, drug::CIPROFLOXACIN, 0.2, false),
    treat(UrinaryInfection, drug::SULFAMETHOXAZOLE_TRIMETHOPRIM, 0.2, false),
    treat(Zoster, drug::ACETAMINOPHEN, 0.3, false),
    treat(Gastroenteritis, drug::ONDANSETRON, 0.25, false),
    treat(Osteoarthritis, drug::CELECOXIB, 0.12, true),
];

/// Something ordered.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Order {
    /// A panel of tests.
    Panel(&'static Panel),
    /// One test.
    Test(Measure),
    /// A procedure.
    Procedure(Concept),
}

/// Procedures, in SNOMED CT. Codes were held to their check digits; those of endometrial biopsy and of the ankle
/// brachial index also to published value sets.
pub mod procedure {
    use super::{Concept, concept};
    /// Ultrasound of the abdomen.
    pub const ABDOMINAL_ULTRASOUND: Concept = concept("45036003", "Ultrasonography of abdomen");
    /// Blood pressure at ankle and arm.
    pub const ANKLE_BRACHIAL_INDEX: Concept = concept("446841001", "Ankle brachial pressure index");
    /// Density of bone.
    pub const BONE_DENSITOMETRY: Concept = concept("312681000", "Bone density scan");
    /// Imaging of the abdomen.
    pub const CT_ABDOMEN: Concept = concept("169070004", "Computed tomography of abdomen");
    /// Imaging of the chest's vessels.
    pub const CT_CHEST: Concept = concept("169069000", "Computed tomography of chest");
    /// A look into the bladder.
    pub const CYSTOSCOPY: Concept = concept("24139008", "Cystoscopy");
    /// The brain's currents.
    pub const ELECTROENCEPHALOGRAM: Concept = concept("54550000", "Electroencephalogram");
    /// Tissue of the uterus.
    pub const ENDOMETRIAL_BIOPSY: Concept = concept("386802000", "Endometrial biopsy");
    /// A look at the retina.
    pub const EYE_EXAMINATION: Concept = concept("36228007", "Ophthalmic examination and evaluation");
    /// Tissue of a lymph node.
    pub const LYMPH_NODE_BIOPSY: Concept = concept("16314007", "Biopsy of lymph node");
    /// Imaging of the head by magnetic resonance.
    pub const MRI_HEAD: Concept = concept("241601008", "Magnetic resonance imaging of head");
    /// Tissue of the skin.
    pub const SKIN_BIOPSY: Concept = concept("240977001", "Biopsy of skin");
    /// A night under observation.
    pub const SLEEP_STUDY: Concept = concept("60554003", "Polysomnography");
    /// Imaging of the wrist.
    pub const WRIST_X_RAY: Concept = concept("60027007", "Radiography of wrist");
    /// Imaging of the chest.
    pub const CHEST_X_RAY: Concept = concept("399208008", "Plain X-ray of chest");
    /// Colonoscopy.
    pub const COLONOSCOPY: Concept = concept("73761001", "Colonoscopy");
    /// Imaging of the head.
    pub const CT_HEAD: Concept = concept("303653007", "Computed tomography of head");
    /// Imaging of the heart.
    pub const ECHOCARDIOGRAPHY: Concept = concept("40701008", "Echocardiography");
    /// Electrocardiogram.
    pub const ELECTROCARDIOGRAM: Concept = concept("29303009", "Electrocardiographic procedure");
    /// Mammography.
    pub const MAMMOGRAPHY: Concept = concept("71651007", "Mammography");
    /// Opening of coronary arteries.
    pub const CORONARY_INTERVENTION: Concept = concept("415070008", "Percutaneous coronary intervention");
    /// Test of airflow.
    pub const SPIROMETRY: Concept = concept("127783003", "Spirometry");

    /// Those that are ordered for a complaint, or for no complaint.
    pub const BY_SYMPTOM_OR_SCREENING: [Concept; 4] =
        [CHEST_X_RAY, COLONOSCOPY, ELECTROCARDIOGRAM, MAMMOGRAPHY];
}

/// Vaccines, in CVX, with the ages in years at which they are due.
pub static VACCINES: &[(Concept, &[f64])] = &[
    (concept("08", "Hep B, adolescent or pediatric"), &[0.02, 0.12, 0.5]),
    (concept("20", "DTaP"), &[0.17, 0.33, 0.5, 1.4, 4.5]),
    (concept("10", "IPV"), &[0.17, 0.33, 0.6, 4.5]),
    (concept("133", "Pneumococcal conjugate PCV 13"), &[0.17, 0.33, 0.5, 1.1]),
    (concept("119", "rotavirus, monovalent"), &[0.17, 0.33]),
    (concept("03", "MMR"), &[1.1, 4.5]),
    (concept("21", "varicella"), &[1.1, 4.5]),
    (concept("115", "Tdap"), &[11.5, 30.0, 41.0, 52.0, 63.0]),
    (concept("114", "meningococcal MCV4P"), &[11.5, 16.2]),
    (concept("187", "zoster recombinant"), &[51.0, 51.4]),
    (concept("33", "pneumococcal polysaccharide vaccine, 23 valent"), &[66.0]),
];

/// The yearly influenza vaccine.
pub const INFLUENZA_VACCINE: Concept = concept("140", "Influenza, seasonal, injectable, preservative free");

/// A group of tests ordered together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Panel {
    /// LOINC's panel code and name.
    pub concept: Concept,
    /// What is in it.
    pub measures: &'static [Measure],
}

/// Electrolytes, glucose and kidney function.
pub static METABOLIC: Panel = Panel {
    concept: concept("51990-0", "Basic metabolic panel - Blood"),
    measures: &[
        Measure::Glucose,
        Measure::Creatinine,
        Measure::Egfr,
        Measure::Potassium,
        Measure::Sodium,
        Measure::UreaNitrogen,
        Measure::Calcium,
    ],
};
/// What sick people have measured besides.
pub static ELECTROLYTES: Panel = Panel {
    concept: concept("24326-1", "Electrolytes 1998 panel - Serum or Plasma"),
    measures: &[Measure::Bicarbonate, Measure::Chloride, Measure::Magnesium],
};
/// Function of the liver.
pub static LIVER: Panel = Panel {
    concept: concept("24325-3", "Hepatic function 2000 panel - Serum or Plasma"),
    measures: &[
        Measure::Albumin,
        Measure::Bilirubin,
        Measure::AlkalinePhosphatase,
        Measure::Alt,
        Measure::Ast,
    ],
};
/// Blood count.
pub static BLOOD_COUNT: Panel = Panel {
    concept: concept("58410-2", "CBC panel - Blood by Automated count"),
    measures: &[Measure::Hemoglobin, Measure::Leukocytes, Measure::Platelets, Measure::CorpuscularVolume],
};
/// Lipids.
pub static LIPIDS: Panel = Panel {
    concept: concept("24331-1", "Lipid 1996 panel - Serum or Plasma"),
    measures: &[Measure::TotalCholesterol, Measure::Hdl, Measure::Triglycerides, Measure::Ldl],
};

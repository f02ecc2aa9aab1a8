//! Coding systems: what vocabularies are called in each kind of source, and the one short name that events carry.
//!
//! Demographic answers are brought to the same short words whatever they were read from (`GENDER//F`,
//! `RACE//WHITE`, `ETHNICITY//HISPANIC`), so that a model meets one code for one fact.

use smol_str::{SmolStr, format_smolstr};

/// Vocabulary names as OMOP, MEDS and Synthea write them, folded (lower case, letters and digits only), and ours.
/// In order of the folded name.
const SYSTEMS: &[(&str, &str)] = &[
    ("atc", "ATC"),
    ("cancermodifier", "CANCER_MODIFIER"),
    ("ccsr", "CCSR"),
    ("cmsplaceofservice", "CMS_PLACE_OF_SERVICE"),
    ("cpt4", "CPT4"),
    ("cvx", "CVX"),
    ("drg", "DRG"),
    ("ethnicity", "ETHNICITY"),
    ("gender", "GENDER"),
    ("hcpcs", "HCPCS"),
    ("hl7", "HL7"),
    ("icd10", "ICD10"),
    ("icd10cm", "ICD10CM"),
    ("icd10gm", "ICD10GM"),
    ("icd10pcs", "ICD10PCS"),
    ("icd9cm", "ICD9CM"),
    ("icd9proc", "ICD9PROC"),
    ("icd9proccn", "ICD9PROCCN"),
    ("icdo3", "ICDO3"),
    ("language", "LANGUAGE"),
    ("loinc", "LOINC"),
    ("marital", "MARITAL"),
    ("mesh", "MESH"),
    ("ndc", "NDC"),
    ("nucc", "NUCC"),
    ("omopextension", "OMOP_EXTENSION"),
    ("opcs4", "OPCS4"),
    ("race", "RACE"),
    ("revenuecode", "REVENUE_CODE"),
    ("rxnorm", "RXNORM"),
    ("rxnormextension", "RXNORM_EXTENSION"),
    ("snomed", "SNOMED"),
    ("snomedct", "SNOMED"),
    ("snomedctus", "SNOMED"),
    ("ucum", "UCUM"),
    ("visit", "VISIT"),
    ("visitend", "VISIT_END"),
];

/// Our short name of a vocabulary that is in the table, however it is capitalised and punctuated.
pub fn known_system(vocabulary: &str) -> Option<&'static str> {
    let mut folded = [0u8; 24];
    let mut length = 0;
    for byte in vocabulary.bytes().filter(u8::is_ascii_alphanumeric) {
        *folded.get_mut(length)? = byte.to_ascii_lowercase();
        length += 1;
    }
    let folded = std::str::from_utf8(&folded[..length]).ok()?;
    SYSTEMS.binary_search_by(|(name, _)| (*name).cmp(folded)).ok().map(|at| SYSTEMS[at].1)
}

/// A vocabulary's short name: ours where the table has one, else the name in upper case with `_` for all that is
/// neither letter nor digit.
pub fn system(vocabulary: &str) -> SmolStr {
    match known_system(vocabulary) {
        Some(name) => SmolStr::new_static(name),
        None => vocabulary
            .trim()
            .chars()
            .map(|c| if c.is_alphanumeric() { c.to_ascii_uppercase() } else { '_' })
            .collect(),
    }
}

/// A vocabulary and a code of it, in the words that every reader writes.
///
/// ```
/// # use ingest::codes::harmonise;
/// let (system, code) = harmonise("Race", "5");
/// assert_eq!((system.as_str(), code.as_str()), ("RACE", "WHITE"));
/// ```
pub fn harmonise(vocabulary: &str, code: &str) -> (SmolStr, SmolStr) {
    let system = system(vocabulary);
    let code = code.trim();
    let word = match system.as_str() {
        "GENDER" => gender(code),
        "RACE" => race(code),
        "ETHNICITY" => ethnicity(code),
        _ => None,
    };
    (system, word.map_or_else(|| SmolStr::new(code), SmolStr::new_static))
}

/// Splits a whole code (`SNOMED/65363002`, `RxNorm//243670`) when its prefix is a vocabulary of the table.
pub(crate) fn split(whole: &str) -> Option<(SmolStr, SmolStr)> {
    let (vocabulary, code) = whole.split_once('/')?;
    let code = code.strip_prefix('/').unwrap_or(code);
    known_system(vocabulary)?;
    if code.is_empty() { None } else { Some(harmonise(vocabulary, code)) }
}

/// A whole code, `SYSTEM//code`; a reserved word when there is no system.
pub(crate) fn whole(system: &str, code: &str) -> SmolStr {
    if system.is_empty() { SmolStr::new(code) } else { format_smolstr!("{system}//{code}") }
}

fn gender(code: &str) -> Option<&'static str> {
    match_word(
        code,
        &[
            (&["f", "female"], "F"),
            (&["m", "male"], "M"),
            (&["o", "other", "a", "ambiguous"], "O"),
            (&["u", "unknown", "unk"], "U"),
        ],
    )
}

/// OMOP numbers races after the CDC's code set: the digit before the first dot is the OMB category.
fn race(code: &str) -> Option<&'static str> {
    if code.starts_with(|c: char| c.is_ascii_digit()) {
        return match code.split('.').next() {
            Some("1") => Some("NATIVE"),
            Some("2") => Some("ASIAN"),
            Some("3") => Some("BLACK"),
            Some("4") => Some("PACIFIC"),
            Some("5") => Some("WHITE"),
            Some("9") => Some("OTHER"),
            _ => None,
        };
    }
    match_word(
        code,
        &[
            (&["white"], "WHITE"),
            (&["black", "black or african american"], "BLACK"),
            (&["asian"], "ASIAN"),
            (&["native", "american indian or alaska native"], "NATIVE"),
            (&["hawaiian", "pacific", "native hawaiian or other pacific islander"], "PACIFIC"),
            (&["other", "other race"], "OTHER"),
        ],
    )
}

fn ethnicity(code: &str) -> Option<&'static str> {
    match_word(
        code,
        &[
            (&["hispanic", "hispanic or latino"], "HISPANIC"),
            (&["nonhispanic", "non_hispanic", "not hispanic", "not hispanic or latino"], "NON_HISPANIC"),
        ],
    )
}

fn match_word(code: &str, words: &[(&[&str], &'static str)]) -> Option<&'static str> {
    words
        .iter()
        .find(|(spellings, _)| spellings.iter().any(|s| s.eq_ignore_ascii_case(code)))
        .map(|(_, word)| *word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted() {
        assert!(SYSTEMS.windows(2).all(|pair| pair[0].0 < pair[1].0));
    }

    #[test]
    fn one_fact_has_one_code() {
        for (vocabulary, code, want) in [
            ("Gender", "F", "GENDER//F"),
            ("gender", "male", "GENDER//M"),
            ("Race", "5", "RACE//WHITE"),
            ("Race", "3.01", "RACE//BLACK"),
            ("race", "hawaiian", "RACE//PACIFIC"),
            ("Ethnicity", "Hispanic", "ETHNICITY//HISPANIC"),
            ("Ethnicity", "Not Hispanic", "ETHNICITY//NON_HISPANIC"),
            ("ethnicity", "nonhispanic", "ETHNICITY//NON_HISPANIC"),
            ("RxNorm", "860975", "RXNORM//860975"),
            ("RxNorm Extension", "OMOP1", "RXNORM_EXTENSION//OMOP1"),
            ("SNOMED-CT", "73211009", "SNOMED//73211009"),
            ("UKB Codes", "a 1", "UKB_CODES//a 1"),
        ] {
            let (system, code) = harmonise(vocabulary, code);
            assert_eq!(whole(&system, &code), want);
        }
    }

    #[test]
    fn whole_codes_split_only_at_known_vocabularies() {
        let split = |code| split(code).map(|(system, code)| whole(&system, &code).to_string());
        assert_eq!(split("SNOMED/65363002").as_deref(), Some("SNOMED//65363002"));
        assert_eq!(split("RxNorm//243670").as_deref(), Some("RXNORM//243670"));
        assert_eq!(split("Visit/IP").as_deref(), Some("VISIT//IP"));
        assert_eq!(split("MEDS_BIRTH"), None);
        assert_eq!(split("LAB//50912//mg/dL"), None);
        assert_eq!(split("SNOMED/"), None);
    }
}

//! Coding systems: FHIR's URIs, and the short names that events carry.

use events::{one_spelling_of_uri, system_of_uri};
use smol_str::SmolStr;

/// Systems that this reader names itself, beside those of [`BY_URI`].
pub(super) mod own {
    pub const GENDER: &str = "GENDER";
    pub const RACE: &str = "RACE";
    pub const ETHNICITY: &str = "ETHNICITY";
    pub const LANGUAGE: &str = "LANGUAGE";
    pub const MARITAL: &str = "MARITAL";
    pub const PAYER: &str = "PAYER";
    /// A state of the United States, by its postal abbreviation.
    pub const STATE: &str = "STATE";
    /// A postal code, whole: policies say how much of it passes.
    pub const ZIP: &str = "ZIP";
    /// The beginning of an encounter, by class.
    pub const VISIT: &str = "VISIT";
    /// The end of a stay, by class.
    pub const VISIT_END: &str = "VISIT_END";
    /// What follows is an allergy to it: the code is `SYSTEM//code` itself.
    pub const ALLERGY: &str = "ALLERGY";
    /// What follows is a relative's: the code is `SYSTEM//code` itself.
    pub const FAMILY_HISTORY: &str = "FAMILY_HISTORY";
    /// What follows was asked for, and need not have been done: the code is `SYSTEM//code` itself.
    pub const ORDER: &str = "ORDER";
}

/// Every coding system that the reader of FHIR gives an event or a coded value, but for unknown ones, which are
/// `URI:` followed by the URI.
pub const FHIR_SYSTEMS: &[&str] = &[
    "ALLERGY",
    "ATC",
    "CPT4",
    "CVX",
    "DCM",
    "DISCHARGE",
    "DOCUMENT",
    "ETHNICITY",
    "FAMILY_HISTORY",
    "GENDER",
    "HCPCS",
    "ICD10",
    "ICD10CM",
    "ICD10PCS",
    "ICD9CM",
    "ICD9PROC",
    "INTERPRETATION",
    "LANGUAGE",
    "LOINC",
    "MARITAL",
    "NDC",
    "NDFRT",
    "NUBC",
    "ORDER",
    "PAYER",
    "RACE",
    "RXNORM",
    "SNOMED",
    "STATE",
    "UNII",
    "V2",
    "V3",
    "VISIT",
    "VISIT_END",
    "ZIP",
];

/// URI (without a closing slash, in lower case) and short name. The order is the order of preference where one
/// fact is coded several ways: laboratory and drug codes that everyone shares first, then the finest
/// classification with a hierarchy, then the others.
const BY_URI: &[(&str, &str)] = &[
    ("http://loinc.org", "LOINC"),
    ("urn:oid:2.16.840.1.113883.6.1", "LOINC"),
    ("http://www.nlm.nih.gov/research/umls/rxnorm", "RXNORM"),
    ("urn:oid:2.16.840.1.113883.6.88", "RXNORM"),
    ("http://hl7.org/fhir/sid/cvx", "CVX"),
    ("urn:oid:2.16.840.1.113883.12.292", "CVX"),
    ("http://hl7.org/fhir/sid/icd-10-cm", "ICD10CM"),
    ("urn:oid:2.16.840.1.113883.6.90", "ICD10CM"),
    ("http://www.cms.gov/medicare/coding/icd10", "ICD10PCS"),
    ("http://hl7.org/fhir/sid/icd-10-pcs", "ICD10PCS"),
    ("urn:oid:2.16.840.1.113883.6.4", "ICD10PCS"),
    ("http://www.ama-assn.org/go/cpt", "CPT4"),
    ("urn:oid:2.16.840.1.113883.6.12", "CPT4"),
    ("http://snomed.info/sct", "SNOMED"),
    ("urn:oid:2.16.840.1.113883.6.96", "SNOMED"),
    ("http://www.cms.gov/medicare/coding/hcpcsreleasecodesets", "HCPCS"),
    ("http://terminology.hl7.org/codesystem/hcpcs-all-codes", "HCPCS"),
    ("urn:oid:2.16.840.1.113883.6.285", "HCPCS"),
    ("http://hl7.org/fhir/sid/icd-9-cm", "ICD9CM"),
    ("http://hl7.org/fhir/sid/icd-9-cm/diagnosis", "ICD9CM"),
    ("urn:oid:2.16.840.1.113883.6.103", "ICD9CM"),
    ("http://hl7.org/fhir/sid/icd-9-cm/procedure", "ICD9PROC"),
    ("urn:oid:2.16.840.1.113883.6.104", "ICD9PROC"),
    ("http://hl7.org/fhir/sid/icd-10", "ICD10"),
    ("http://hl7.org/fhir/sid/icd-10-uk", "ICD10"),
    ("http://hl7.org/fhir/sid/icd-10-de", "ICD10"),
    ("urn:oid:2.16.840.1.113883.6.3", "ICD10"),
    ("http://hl7.org/fhir/sid/ndc", "NDC"),
    ("urn:oid:2.16.840.1.113883.6.69", "NDC"),
    ("http://www.whocc.no/atc", "ATC"),
    ("urn:oid:2.16.840.1.113883.6.73", "ATC"),
    ("http://fdasis.nlm.nih.gov", "UNII"),
    ("http://hl7.org/fhir/ndfrt", "NDFRT"),
    ("http://dicom.nema.org/resources/ontology/dcm", "DCM"),
    ("http://terminology.hl7.org/codesystem/discharge-disposition", "DISCHARGE"),
    ("http://www.nubc.org/codesystem/patdischargestatus", "NUBC"),
    ("http://www.nubc.org/patient-discharge", "NUBC"),
    ("http://terminology.hl7.org/codesystem/v3-observationinterpretation", "INTERPRETATION"),
    ("http://hl7.org/fhir/us/core/codesystem/us-core-documentreference-category", "DOCUMENT"),
    ("http://nahdo.org/sopt", "PAYER"),
    ("http://payer-typology", "PAYER"),
    ("urn:oid:2.16.840.1.113883.3.221.5", "PAYER"),
    ("http://unitsofmeasure.org", UCUM),
];

/// Units of measure.
const UCUM: &str = "UCUM";
/// HL7's own code systems, by family.
const V3: &str = "http://terminology.hl7.org/codesystem/v3-";
const V2: &str = "http://terminology.hl7.org/codesystem/v2-";
/// HL7 v3 ActCode, the classes of encounters.
const ACT_CODE: &str = "http://terminology.hl7.org/codesystem/v3-actcode";

fn entry(uri: &str) -> Option<(usize, &'static str)> {
    // The spelling that nearly everyone uses needs no copy.
    let exact = BY_URI.iter().position(|(known, _)| *known == uri);
    let place = exact.or_else(|| {
        let uri = one_spelling_of_uri(uri);
        BY_URI.iter().position(|(known, _)| *known == uri)
    })?;
    Some((place, BY_URI[place].1))
}

/// The short name of a system: from the table, else `V2` or `V3` for HL7's own, else `URI:` and the URI, which
/// de-identification drops and counts unless a site's policy names it.
pub(super) fn system(uri: &str) -> SmolStr {
    if let Some((_, name)) = entry(uri) {
        return SmolStr::new_static(name);
    }
    let uri = one_spelling_of_uri(uri);
    if uri.starts_with(V3) {
        SmolStr::new_static("V3")
    } else if uri.starts_with(V2) {
        SmolStr::new_static("V2")
    } else {
        system_of_uri(&uri)
    }
}

/// Where a system stands in the order of preference; lower is better.
pub(super) fn preference(uri: &str) -> usize {
    entry(uri).map_or(BY_URI.len(), |(place, _)| place)
}

/// Is the URI that of UCUM?
pub(super) fn is_ucum(uri: &str) -> bool {
    entry(uri).is_some_and(|(_, name)| name == UCUM)
}

/// Is the URI that of HL7 v3 ActCode?
pub(super) fn is_act_code(uri: &str) -> bool {
    one_spelling_of_uri(uri) == ACT_CODE
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_one_system_have_one_name() {
        for uri in ["http://snomed.info/sct", "https://snomed.info/sct/", "http://SNOMED.info/sct|2024-09"] {
            assert_eq!(system(uri), "SNOMED");
        }
        assert_eq!(system("urn:oid:2.16.840.1.113883.6.90"), "ICD10CM");
        assert_eq!(system("https://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets"), "HCPCS");
        assert_eq!(system("https://www.nubc.org/CodeSystem/PatDischargeStatus"), "NUBC");
        assert_eq!(system("http://terminology.hl7.org/CodeSystem/v3-NullFlavor"), "V3");
        assert_eq!(system("http://hospital.example/codes"), "URI:http://hospital.example/codes");
        assert_eq!(system(""), "URI:");
        assert!(
            is_ucum("http://unitsofmeasure.org")
                && is_act_code("http://terminology.hl7.org/CodeSystem/v3-ActCode")
        );
    }

    #[test]
    fn every_short_name_is_listed() {
        for (uri, name) in BY_URI {
            assert!(*name == UCUM || FHIR_SYSTEMS.contains(name), "{name}");
            assert_eq!(*uri, one_spelling_of_uri(uri), "the table is in normal spelling");
        }
        assert!(FHIR_SYSTEMS.is_sorted());
    }
}

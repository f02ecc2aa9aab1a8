//! Codes as FHIR writes them.

use serde_json::{Value, json};

/// The canonical addresses of code systems, by the names that codes have here.
const SYSTEMS: [(&str, &str); 15] = [
    ("ICD10CM", "http://hl7.org/fhir/sid/icd-10-cm"),
    ("ICD10", "http://hl7.org/fhir/sid/icd-10"),
    ("ICD9CM", "http://hl7.org/fhir/sid/icd-9-cm"),
    ("ICD9", "http://hl7.org/fhir/sid/icd-9-cm"),
    ("ICD10PCS", "http://hl7.org/fhir/sid/icd-10-pcs"),
    ("ICD9PROC", "http://hl7.org/fhir/sid/icd-9-cm"),
    ("SNOMED", "http://snomed.info/sct"),
    ("SNOMEDCT", "http://snomed.info/sct"),
    ("LOINC", "http://loinc.org"),
    ("RXNORM", "http://www.nlm.nih.gov/research/umls/rxnorm"),
    ("CVX", "http://hl7.org/fhir/sid/cvx"),
    ("NDC", "http://hl7.org/fhir/sid/ndc"),
    ("ATC", "http://www.whocc.no/atc"),
    ("CPT4", "http://www.ama-assn.org/go/cpt"),
    ("CPT", "http://www.ama-assn.org/go/cpt"),
];

/// A concept; a code of a system without an address is text alone, since a made-up address would say that it is known.
pub(super) fn concept(code: &str, description: Option<&str>) -> Value {
    let text = description.unwrap_or(code);
    let known = code.split_once("//").and_then(|(name, local)| {
        let (_, system) = SYSTEMS.into_iter().find(|(system, _)| system.eq_ignore_ascii_case(name))?;
        // A further slash pair belongs to a contract of a data set's own, not to the system.
        (!local.contains("//")).then_some((system, local))
    });
    match known {
        Some((system, local)) => {
            let mut coding = json!({ "system": system, "code": local });
            if let Some(description) = description {
                coding["display"] = description.into();
            }
            json!({ "coding": [coding], "text": text })
        }
        None => json!({ "text": text }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_systems_have_addresses_and_others_are_text() {
        let known = concept("ICD10CM//I10", Some("Hypertension"));
        assert_eq!(known["coding"][0]["system"], "http://hl7.org/fhir/sid/icd-10-cm");
        assert_eq!((&known["coding"][0]["code"], &known["text"]), (&json!("I10"), &json!("Hypertension")));
        for code in ["MEDS_DEATH", "LOCAL//7", "ICD10CM//A//B"] {
            assert_eq!(concept(code, None), json!({ "text": code }), "{code}");
        }
    }
}

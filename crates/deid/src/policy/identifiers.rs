//! The direct identifiers of 45 CFR 164.514 by the elements that carry them, in FHIR and OMOP.

/// The elements that no label lets pass: part of a path, the letter of 164.514(b)(2)(i), the numeral of
/// 164.514(e)(2).
const ELEMENTS: &[(&[&str], &str, &str)] = &[
    (&["name", "family", "given", "display"], "(A) names", "(i) names"),
    (
        &["address", "line", "city", "district", "address_1", "address_2", "county", "latitude", "longitude"],
        "(B) geographic subdivisions smaller than a state",
        "(ii) postal address information",
    ),
    (
        &["telecom", "phone", "fax", "email", "url"],
        "(D), (E), (F), (N) telephone, fax, e-mail, web addresses",
        "(iii), (iv), (v), (xiii) telephone, fax, e-mail, web addresses",
    ),
    (
        &["identifier", "mrn", "ssn", "person_source_value", "subscriberId"],
        "(G) to (K) social security, record, plan, account and licence numbers",
        "(vi) to (x) social security, record, plan, account and licence numbers",
    ),
    (
        &["serialNumber", "udiCarrier", "deviceIdentifier", "lotNumber", "unique_device_id"],
        "(M) device identifiers and serial numbers",
        "(xii) device identifiers and serial numbers",
    ),
    (&["photo", "data"], "(Q) full-face photographs and comparable images", "(xvi) full-face photographs"),
    (
        &["div", "text", "note"],
        "(A) to (R), which narrative may hold",
        "(i) to (xvi), which narrative may hold",
    ),
];

/// Parts of an address that the rules themselves let pass in some form: the policy's geography says in which.
const PARTS_OF_ADDRESSES: &[&str] = &["Patient.address.postalCode", "Patient.address.state", "patients.zip"];

/// Free text that goes through the policy's rule for text, though its path may look like an identifier's.
const TEXT: &[&str] = &["table.text"];

/// The identifier that a field carries: its letter and its numeral.
pub(super) fn carried_by(path: &str) -> Option<(&'static str, &'static str)> {
    if PARTS_OF_ADDRESSES.contains(&path) || TEXT.contains(&path) {
        return None;
    }
    // The first part is the resource or table.
    let mut elements = path.split('.').skip(1);
    elements.find_map(|element| {
        ELEMENTS
            .iter()
            .find(|(names, ..)| names.contains(&element))
            .map(|(_, letter, numeral)| (*letter, *numeral))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifying_elements_are_known_by_their_rule() {
        for (path, letter) in [
            ("Patient.name", "(A)"),
            ("Patient.contact.name", "(A)"),
            ("Patient.address.city", "(B)"),
            ("Patient.telecom", "(D)"),
            ("Patient.identifier", "(G)"),
            ("Device.serialNumber", "(M)"),
            ("Patient.photo", "(Q)"),
            ("Patient.text.div", "(A)"),
            ("person.person_source_value", "(G)"),
        ] {
            assert!(carried_by(path).unwrap().0.starts_with(letter), "{path}");
        }
        for path in ["Condition.code", "Patient.address.state", "note.note_text", "table.text"] {
            assert!(carried_by(path).is_none(), "{path}");
        }
    }
}

//! What a layer finds.

use std::ops::Range;

/// What kind of identifier a span is, in the words of 45 CFR 164.514(b)(2)(i).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Identifier {
    /// (A) Names of people.
    Name,
    /// (B) Places smaller than a state: streets, cities, counties, postal codes, facilities.
    Location,
    /// (C) Dates more precise than the year.
    Date,
    /// (C) Ages over 89.
    Age,
    /// (D) Telephone numbers.
    Phone,
    /// (E) Fax numbers.
    Fax,
    /// (F) E-mail addresses.
    Email,
    /// (G) Social security numbers.
    SocialSecurityNumber,
    /// (H) Medical record numbers.
    MedicalRecordNumber,
    /// (I) Health plan beneficiary numbers.
    HealthPlanNumber,
    /// (J) Account numbers, payment cards and IBANs among them.
    AccountNumber,
    /// (K) Certificate and licence numbers.
    LicenseNumber,
    /// (L) Vehicle identifiers and plates.
    Vehicle,
    /// (M) Device identifiers and serial numbers.
    Device,
    /// (N) Web addresses.
    Url,
    /// (O) Internet addresses.
    IpAddress,
    /// Employers, hospitals and other organisations that a person can be found by.
    Organization,
    /// What a person does, where it could single them out.
    Profession,
    /// (P, Q, R) Anything else that is unique: UUIDs, DICOM UIDs, biometric templates.
    UniqueIdentifier,
}

impl Identifier {
    /// Its name in tags and reports (`MEDICAL_RECORD_NUMBER`).
    pub fn name(self) -> &'static str {
        self.found_in_text().trim_start_matches(IN_TEXT)
    }

    /// The rule by which what was found in text is counted.
    pub(crate) fn found_in_text(self) -> &'static str {
        match self {
            Identifier::Name => "in text: NAME",
            Identifier::Location => "in text: LOCATION",
            Identifier::Date => "in text: DATE",
            Identifier::Age => "in text: AGE",
            Identifier::Phone => "in text: PHONE",
            Identifier::Fax => "in text: FAX",
            Identifier::Email => "in text: EMAIL",
            Identifier::SocialSecurityNumber => "in text: SOCIAL_SECURITY_NUMBER",
            Identifier::MedicalRecordNumber => "in text: MEDICAL_RECORD_NUMBER",
            Identifier::HealthPlanNumber => "in text: HEALTH_PLAN_NUMBER",
            Identifier::AccountNumber => "in text: ACCOUNT_NUMBER",
            Identifier::LicenseNumber => "in text: LICENSE_NUMBER",
            Identifier::Vehicle => "in text: VEHICLE",
            Identifier::Device => "in text: DEVICE",
            Identifier::Url => "in text: URL",
            Identifier::IpAddress => "in text: IP_ADDRESS",
            Identifier::Organization => "in text: ORGANIZATION",
            Identifier::Profession => "in text: PROFESSION",
            Identifier::UniqueIdentifier => "in text: UNIQUE_IDENTIFIER",
        }
    }
}

const IN_TEXT: &str = "in text: ";

/// One identifier in one text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// First byte.
    pub start: usize,
    /// One past the last byte; both lie on character boundaries.
    pub end: usize,
    /// What it is.
    pub identifier: Identifier,
}

impl Span {
    /// A span over a range of bytes.
    pub fn new(range: Range<usize>, identifier: Identifier) -> Self {
        Span { start: range.start, end: range.end, identifier }
    }

    /// Its bytes.
    pub fn range(&self) -> Range<usize> {
        self.start..self.end
    }
}

/// Sorts spans and joins those that overlap, so that what one layer found of an identifier never uncovers what
/// another found. The joined span is of the longest part's kind, of the earliest one's among equals.
pub fn settle(spans: &mut Vec<Span>) {
    spans.retain(|span| span.start < span.end);
    spans.sort_by_key(|span| (span.start, std::cmp::Reverse(span.end)));
    let mut settled: Vec<Span> = Vec::with_capacity(spans.len());
    let mut longest = 0;
    for &next in spans.iter() {
        let length = next.end - next.start;
        match settled.last_mut() {
            Some(kept) if next.start < kept.end => {
                if length > longest {
                    (longest, kept.identifier) = (length, next.identifier);
                }
                kept.end = kept.end.max(next.end);
            }
            _ => {
                longest = length;
                settled.push(next);
            }
        }
    }
    *spans = settled;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settled(spans: &[(usize, usize, Identifier)]) -> Vec<(usize, usize, Identifier)> {
        let mut spans: Vec<Span> = spans.iter().map(|&(s, e, i)| Span::new(s..e, i)).collect();
        settle(&mut spans);
        spans.iter().map(|s| (s.start, s.end, s.identifier)).collect()
    }

    #[test]
    fn overlaps_are_joined_and_neighbours_are_not() {
        use Identifier::{Date, Location, Name};
        assert_eq!(
            settled(&[(8, 12, Date), (0, 3, Name), (2, 8, Location), (20, 20, Name)]),
            [(0, 8, Location), (8, 12, Date)]
        );
        assert_eq!(settled(&[(0, 9, Name), (2, 4, Date)]), [(0, 9, Name)]);
    }
}

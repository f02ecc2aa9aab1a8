//! ZIP codes, cut to three digits where enough people live: 45 CFR 164.514(b)(2)(i)(B).

use rustc_hash::FxHashSet;
use std::sync::OnceLock;

const LIST: &str = include_str!("../data/zip3.txt");
/// What stands for a prefix of too few people, and for one that no census knows.
const OTHER: &str = "000";

/// The censuses that the list of prefixes is from.
pub fn vintages() -> &'static str {
    LIST.lines().find_map(|line| line.strip_prefix("vintages: ")).unwrap_or_default()
}

/// The first three digits of a ZIP code if more than 20,000 people live there by each census, else `000`.
/// Nothing for what is no ZIP code.
pub(crate) fn prefix(zip: &str) -> Option<&'static str> {
    let zip = digits(zip)?;
    static ALLOWED: OnceLock<FxHashSet<&'static str>> = OnceLock::new();
    Some(ALLOWED.get_or_init(allowed).get(&zip[..3]).copied().unwrap_or(OTHER))
}

/// The five digits of a ZIP code, ZIP+4 or not.
pub(crate) fn digits(zip: &str) -> Option<&str> {
    let zip = zip.trim();
    let (head, rest) = zip.split_at_checked(5)?;
    let plus_four = rest.is_empty()
        || (matches!(rest.len(), 4 | 5) && rest.trim_start_matches('-').bytes().all(|b| b.is_ascii_digit()));
    (plus_four && head.bytes().all(|b| b.is_ascii_digit())).then_some(head)
}

fn section(name: &str) -> impl Iterator<Item = &'static str> {
    let start = format!("{name}:");
    LIST.lines()
        .skip_while(move |line| *line != start)
        .skip(1)
        .take_while(|line| !line.is_empty())
        .flat_map(str::split_whitespace)
}

fn allowed() -> FxHashSet<&'static str> {
    let restricted: FxHashSet<_> = section("restricted-2000").chain(section("restricted-2010")).collect();
    section("over-20000-in-2010").filter(|prefix| !restricted.contains(prefix)).collect()
}

/// States, the federal district and territories, and their postal abbreviations (USPS Publication 28, appendix B).
const STATES: [(&str, &str); 59] = [
    ("ALABAMA", "AL"),
    ("ALASKA", "AK"),
    ("AMERICAN SAMOA", "AS"),
    ("ARIZONA", "AZ"),
    ("ARKANSAS", "AR"),
    ("CALIFORNIA", "CA"),
    ("COLORADO", "CO"),
    ("CONNECTICUT", "CT"),
    ("DELAWARE", "DE"),
    ("DISTRICT OF COLUMBIA", "DC"),
    ("MICRONESIA", "FM"),
    ("FLORIDA", "FL"),
    ("GEORGIA", "GA"),
    ("GUAM", "GU"),
    ("HAWAII", "HI"),
    ("IDAHO", "ID"),
    ("ILLINOIS", "IL"),
    ("INDIANA", "IN"),
    ("IOWA", "IA"),
    ("KANSAS", "KS"),
    ("KENTUCKY", "KY"),
    ("LOUISIANA", "LA"),
    ("MAINE", "ME"),
    ("MARSHALL ISLANDS", "MH"),
    ("MARYLAND", "MD"),
    ("MASSACHUSETTS", "MA"),
    ("MICHIGAN", "MI"),
    ("MINNESOTA", "MN"),
    ("MISSISSIPPI", "MS"),
    ("MISSOURI", "MO"),
    ("MONTANA", "MT"),
    ("NEBRASKA", "NE"),
    ("NEVADA", "NV"),
    ("NEW HAMPSHIRE", "NH"),
    ("NEW JERSEY", "NJ"),
    ("NEW MEXICO", "NM"),
    ("NEW YORK", "NY"),
    ("NORTH CAROLINA", "NC"),
    ("NORTH DAKOTA", "ND"),
    ("NORTHERN MARIANA ISLANDS", "MP"),
    ("OHIO", "OH"),
    ("OKLAHOMA", "OK"),
    ("OREGON", "OR"),
    ("PALAU", "PW"),
    ("PENNSYLVANIA", "PA"),
    ("PUERTO RICO", "PR"),
    ("RHODE ISLAND", "RI"),
    ("SOUTH CAROLINA", "SC"),
    ("SOUTH DAKOTA", "SD"),
    ("TENNESSEE", "TN"),
    ("TEXAS", "TX"),
    ("UTAH", "UT"),
    ("VERMONT", "VT"),
    ("VIRGIN ISLANDS", "VI"),
    ("VIRGINIA", "VA"),
    ("WASHINGTON", "WA"),
    ("WEST VIRGINIA", "WV"),
    ("WISCONSIN", "WI"),
    ("WYOMING", "WY"),
];

/// Is it the abbreviation of a state?
pub(crate) fn is_state(code: &str) -> bool {
    STATES.iter().any(|(_, state)| *state == code)
}

/// The abbreviation of a state that is written in full, in any case; what is written otherwise, as it is.
pub(crate) fn state(written: &str) -> &str {
    let named = STATES.iter().find(|(name, _)| name.eq_ignore_ascii_case(written.trim()));
    named.map_or(written, |(_, state)| state)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_in_full_is_its_abbreviation() {
        for (written, expected) in
            [("Massachusetts", "MA"), ("new york", "NY"), ("MA", "MA"), ("Bavaria", "Bavaria"), ("ma", "ma")]
        {
            assert_eq!(state(written), expected);
        }
        assert!(
            is_state("MA")
                && is_state("DC")
                && !is_state("ma")
                && !is_state("Massachusetts")
                && !is_state("")
        );
    }

    #[test]
    fn prefixes_of_few_people_by_either_census_become_000() {
        // Restricted in 2000 only, in 2010 only, in both; of nobody; of no census; of many.
        for (zip, expected) in [
            ("06301", "000"),
            ("20501", "000"),
            ("03601", "000"),
            ("00501", "000"),
            ("00000", "000"),
            ("99999", "999"),
            ("02139", "021"),
            ("02139-4307", "021"),
            ("021394307", "021"),
        ] {
            assert_eq!(prefix(zip), Some(expected), "{zip}");
        }
        for no_zip in ["", "0213", "2139", "SW1A 1AA", "Ann Canary", "02139-", "02139-43", "é2139", "0213é"]
        {
            assert_eq!(prefix(no_zip), None, "{no_zip}");
        }
        assert!(vintages().contains("2000") && vintages().contains("2010"));
    }

    #[test]
    fn the_list_of_2000_is_hhs_s_seventeen() {
        assert_eq!(section("restricted-2000").count(), 17);
        assert!(section("restricted-2000").all(|p| prefix(&format!("{p}01")) == Some(OTHER)));
    }

    #[test]
    fn states_are_states() {
        assert!(is_state("MA") && is_state("PR"));
        assert!(!is_state("XX") && !is_state("L A") && !is_state("ma") && !is_state(""));
    }
}

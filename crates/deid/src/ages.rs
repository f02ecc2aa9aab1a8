//! Ages as numbers: an age over 89 is told as 90, like the dates that would give it away.

use crate::units;
use events::Event;

/// Codes whose number is somebody's age in LOINC (age; calculated, estimated, reported; at onset, specimen collection, delivery,
/// death) and in SNOMED CT.
const AGE_CODES: &[&str] = &[
    "LOINC//30525-0",
    "LOINC//29553-5",
    "LOINC//21611-9",
    "LOINC//21612-7",
    "LOINC//30972-4",
    "LOINC//35267-4",
    "LOINC//35659-2",
    "LOINC//39016-1",
    "LOINC//43993-5",
    "LOINC//63900-5",
    "SNOMED//397669002",
    "SNOMED//424144002",
    "SNOMED//445518008",
];

/// Puts an age past the oldest in the oldest's place. Returns whether it was one.
///
/// An age is what has an age's code, in years unless a shorter unit is stated, and any number of years (`a` in UCUM).
pub(crate) fn top_code(event: &mut Event, oldest_age_years: u32) -> bool {
    let Some(value) = event.numeric_value else { return false };
    let unit = event.unit.as_deref().map(units::bare);
    let whole = event.code.as_str();
    let own_word = || whole.rsplit("//").next().is_some_and(|last| last.eq_ignore_ascii_case("age"));
    let per_year = match unit.as_deref() {
        Some("a") => 1.0,
        _ if AGE_CODES.contains(&whole) || own_word() => match unit.as_deref() {
            Some("mo") => 12.0,
            Some("wk") => 365.25 / 7.0,
            Some("d") => 365.25,
            Some("h") => 365.25 * 24.0,
            Some("min") => 365.25 * 24.0 * 60.0,
            // Whatever else is written behind an age: `1`, nothing, a word that is no unit.
            _ => 1.0,
        },
        _ => return false,
    };
    let oldest = f64::from(oldest_age_years);
    // Between the 90th birthday and the last moment of being 89 lies no whole year: 89.5 is 89.
    if f64::from(value) / per_year < oldest {
        return false;
    }
    event.numeric_value = Some((oldest * per_year) as f32);
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use events::Code;
    use smol_str::SmolStr;

    fn told(code: &str, value: f32, unit: Option<&str>) -> f32 {
        let mut event = Event::new(None, Code::new(code)).with_value(value);
        event.unit = unit.map(SmolStr::new);
        top_code(&mut event, 90);
        event.numeric_value.unwrap()
    }

    #[test]
    fn ages_over_89_are_90_in_any_unit() {
        assert_eq!(told("LOINC//30525-0", 97.0, Some("a")), 90.0);
        assert_eq!(told("LOINC//30525-0", 97.0, None), 90.0);
        assert_eq!(told("LOINC//30525-0", 1164.0, Some("mo")), 1080.0);
        assert_eq!(told("SNOMED//424144002", 97.0, None), 90.0);
        assert_eq!(told("Age", 91.0, None), 90.0);
        assert_eq!(told("LOINC//1-8", 93.0, Some("a")), 90.0);
        assert_eq!(told("Age", 89.9, None), 89.9);
        for code in AGE_CODES {
            for unit in [None, Some("a"), Some("1"), Some("{#}"), Some("{score}")] {
                assert_eq!(told(code, 97.0, unit), 90.0, "{code} {unit:?}");
            }
        }
    }

    #[test]
    fn other_numbers_stay() {
        assert_eq!(told("LOINC//8867-4", 120.0, Some("/min")), 120.0);
        assert_eq!(told("LOINC//3141-9", 97.0, Some("kg")), 97.0);
        assert_eq!(told("LOINC//2339-0", 97.0, None), 97.0);
        for unit in ["d", "wk", "mo", "h", "min"] {
            assert_eq!(told("LOINC//30525-0", 97.0, Some(unit)), 97.0, "an infant's: {unit}");
        }
    }
}

//! Units of measure: common spellings to UCUM (<https://ucum.org>).

use smol_str::SmolStr;

/// The UCUM code of a unit as sources spell it. A unit that the table doesn't know passes trimmed; what sources
/// write for "none" (OMOP's "No matching concept", Synthea's `null`) becomes empty.
///
/// Spellings are compared without case, blanks and the micro sign's two code points; a UCUM code is its own
/// spelling, so `ucum(ucum(x)) == ucum(x)`.
pub fn ucum(unit: &str) -> SmolStr {
    let unit = unit.trim();
    known(unit).map_or_else(|| SmolStr::new(unit), SmolStr::new_static)
}

/// As [`ucum`], but nothing for a spelling that isn't in the table: for columns that may hold free text.
pub(crate) fn known(unit: &str) -> Option<&'static str> {
    let mut folded = [0u8; LONGEST];
    let mut length = 0;
    for character in unit.chars().filter(|c| !c.is_whitespace()) {
        let ascii = match character {
            '\u{b5}' | '\u{3bc}' => b'u',
            '\u{b0}' => continue,
            '\u{b2}' => b'2',
            '\u{b3}' => b'3',
            c if c.is_ascii() => c.to_ascii_lowercase() as u8,
            _ => return None,
        };
        *folded.get_mut(length)? = ascii;
        length += 1;
    }
    let folded = std::str::from_utf8(&folded[..length]).ok()?;
    // Sorted by construction (a test holds it), so that a look-up per value stays cheap.
    UNITS.binary_search_by(|(spelling, _)| (*spelling).cmp(folded)).ok().map(|at| UNITS[at].1)
}

const LONGEST: usize = 32;

/// Folded spelling and UCUM code, in order of spelling.
const UNITS: &[(&str, &str)] = &[
    ("", ""),
    ("%", "%"),
    ("(score)", "{score}"),
    ("/100wbc", "/100{WBCs}"),
    ("/100wbcs", "/100{WBCs}"),
    ("/100{wbcs}", "/100{WBCs}"),
    ("/[hpf]", "/[HPF]"),
    ("/[lpf]", "/[LPF]"),
    ("/cumm", "/mm3"),
    ("/hpf", "/[HPF]"),
    ("/lpf", "/[LPF]"),
    ("/min", "/min"),
    ("/mm3", "/mm3"),
    ("/ul", "/uL"),
    ("10*12/l", "10*12/L"),
    ("10*3/mm3", "10*3/uL"),
    ("10*3/ul", "10*3/uL"),
    ("10*6/ul", "10*6/uL"),
    ("10*9/l", "10*9/L"),
    ("10^12/l", "10*12/L"),
    ("10^3/ul", "10*3/uL"),
    ("10^6/ul", "10*6/uL"),
    ("10^9/l", "10*9/L"),
    ("10e12/l", "10*12/L"),
    ("10e3/ul", "10*3/uL"),
    ("10e6/ul", "10*6/uL"),
    ("10e9/l", "10*9/L"),
    ("[degf]", "[degF]"),
    ("[in_i]", "[in_i]"),
    ("[iu]/l", "[IU]/L"),
    ("[iu]/ml", "[IU]/mL"),
    ("[lb_av]", "[lb_av]"),
    ("[oz_av]", "[oz_av]"),
    ("[ph]", "[pH]"),
    ("a", "a"),
    ("beats/min", "/min"),
    ("beats/minute", "/min"),
    ("beatsperminute", "/min"),
    ("bpm", "/min"),
    ("breaths/min", "/min"),
    ("breaths/minute", "/min"),
    ("breathsperminute", "/min"),
    ("c", "Cel"),
    ("cel", "Cel"),
    ("celsius", "Cel"),
    ("centimeter", "cm"),
    ("centimeters", "cm"),
    ("cm", "cm"),
    ("cm[h2o]", "cm[H2O]"),
    ("cmh2o", "cm[H2O]"),
    ("copies/ml", "{copies}/mL"),
    ("cumm", "mm3"),
    ("d", "d"),
    ("day", "d"),
    ("days", "d"),
    ("degc", "Cel"),
    ("degf", "[degF]"),
    ("degreecelsius", "Cel"),
    ("degreefahrenheit", "[degF]"),
    ("degreescelsius", "Cel"),
    ("degreesfahrenheit", "[degF]"),
    ("dl", "dL"),
    ("f", "[degF]"),
    ("fahrenheit", "[degF]"),
    ("femtoliter", "fL"),
    ("fl", "fL"),
    ("g", "g"),
    ("g/dl", "g/dL"),
    ("g/l", "g/L"),
    ("gm", "g"),
    ("gm/dl", "g/dL"),
    ("gram", "g"),
    ("gramperdeciliter", "g/dL"),
    ("grams", "g"),
    ("grams/dl", "g/dL"),
    ("h", "h"),
    ("hour", "h"),
    ("hours", "h"),
    ("hr", "h"),
    ("in", "[in_i]"),
    ("inch", "[in_i]"),
    ("inches", "[in_i]"),
    ("iu/l", "[IU]/L"),
    ("iu/ml", "[IU]/mL"),
    ("k/cumm", "10*3/uL"),
    ("k/mcl", "10*3/uL"),
    ("k/mm3", "10*3/uL"),
    ("k/ul", "10*3/uL"),
    ("kg", "kg"),
    ("kg/m2", "kg/m2"),
    ("kg/m^2", "kg/m2"),
    ("kilogram", "kg"),
    ("kilograms", "kg"),
    ("kpa", "kPa"),
    ("ku/l", "kU/L"),
    ("l", "L"),
    ("l/min", "L/min"),
    ("lb", "[lb_av]"),
    ("lbs", "[lb_av]"),
    ("liter", "L"),
    ("liters", "L"),
    ("lpm", "L/min"),
    ("m/ul", "10*6/uL"),
    ("m[iu]/l", "m[IU]/L"),
    ("m[iu]/ml", "m[IU]/mL"),
    ("mcg", "ug"),
    ("mcg/dl", "ug/dL"),
    ("mcg/l", "ug/L"),
    ("mcg/ml", "ug/mL"),
    ("mciu/ml", "u[IU]/mL"),
    ("mcmol/l", "umol/L"),
    ("meq/l", "meq/L"),
    ("mg", "mg"),
    ("mg/(24.h)", "mg/(24.h)"),
    ("mg/24h", "mg/(24.h)"),
    ("mg/dl", "mg/dL"),
    ("mg/g", "mg/g"),
    ("mg/l", "mg/L"),
    ("mg/mmol", "mg/mmol"),
    ("milligramperdeciliter", "mg/dL"),
    ("milliliter", "mL"),
    ("milliliters", "mL"),
    ("millimetermercurycolumn", "mm[Hg]"),
    ("millimoleperliter", "mmol/L"),
    ("min", "min"),
    ("minute", "min"),
    ("minutes", "min"),
    ("miu/l", "m[IU]/L"),
    ("miu/ml", "m[IU]/mL"),
    ("ml", "mL"),
    ("ml/h", "mL/h"),
    ("ml/hr", "mL/h"),
    ("ml/min", "mL/min"),
    ("ml/min/1.73m2", "mL/min/{1.73_m2}"),
    ("ml/min/1.73m^2", "mL/min/{1.73_m2}"),
    ("ml/min/1.73sqm", "mL/min/{1.73_m2}"),
    ("ml/min/{1.73_m2}", "mL/min/{1.73_m2}"),
    ("mm", "mm"),
    ("mm/h", "mm/h"),
    ("mm/hr", "mm/h"),
    ("mm3", "mm3"),
    ("mm[hg]", "mm[Hg]"),
    ("mmhg", "mm[Hg]"),
    ("mmol/l", "mmol/L"),
    ("mmol/mol", "mmol/mol"),
    ("mo", "mo"),
    ("month", "mo"),
    ("months", "mo"),
    ("mosm/kg", "mosm/kg"),
    ("ms", "ms"),
    ("msec", "ms"),
    ("mu/l", "mU/L"),
    ("n/a", ""),
    ("na", ""),
    ("ng/dl", "ng/dL"),
    ("ng/l", "ng/L"),
    ("ng/ml", "ng/mL"),
    ("nmol/l", "nmol/L"),
    ("nomatchingconcept", ""),
    ("none", ""),
    ("none/nomatchingconcept", ""),
    ("null", ""),
    ("ounce", "[oz_av]"),
    ("percent", "%"),
    ("pg", "pg"),
    ("pg/ml", "pg/mL"),
    ("ph", "[pH]"),
    ("phunits", "[pH]"),
    ("picogram", "pg"),
    ("pmol/l", "pmol/L"),
    ("ratio", "{ratio}"),
    ("s", "s"),
    ("score", "{score}"),
    ("sec", "s"),
    ("second", "s"),
    ("seconds", "s"),
    ("thou/mcl", "10*3/uL"),
    ("thou/ul", "10*3/uL"),
    ("thousand/ul", "10*3/uL"),
    ("thousandpermicroliter", "10*3/uL"),
    ("torr", "mm[Hg]"),
    ("u", "U"),
    ("u/l", "U/L"),
    ("u/ml", "U/mL"),
    ("u[iu]/ml", "u[IU]/mL"),
    ("ug", "ug"),
    ("ug/dl", "ug/dL"),
    ("ug/l", "ug/L"),
    ("ug/ml", "ug/mL"),
    ("uiu/ml", "u[IU]/mL"),
    ("umol/l", "umol/L"),
    ("unit", "U"),
    ("unitperliter", "U/L"),
    ("units", "U"),
    ("units/l", "U/L"),
    ("week", "wk"),
    ("weeks", "wk"),
    ("wk", "wk"),
    ("x10e3/ul", "10*3/uL"),
    ("x10e6/ul", "10*6/uL"),
    ("year", "a"),
    ("years", "a"),
    ("{#}", "{#}"),
    ("{copies}/ml", "{copies}/mL"),
    ("{ratio}", "{ratio}"),
    ("{score}", "{score}"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_folded_and_closed() {
        for pair in UNITS.windows(2) {
            assert!(pair[0].0 < pair[1].0, "{:?} must stand before {:?}", pair[1].0, pair[0].0);
        }
        for (spelling, code) in UNITS {
            assert_eq!(*spelling, spelling.to_lowercase().replace(' ', ""), "spellings are folded");
            assert_eq!(ucum(spelling), *code);
            assert_eq!(ucum(code), *code, "a UCUM code is its own spelling");
        }
    }

    #[test]
    fn spellings_meet() {
        for (spelling, code) in [
            ("mg/dl", "mg/dL"),
            (" MG/DL ", "mg/dL"),
            ("mmHg", "mm[Hg]"),
            ("mm Hg", "mm[Hg]"),
            ("bpm", "/min"),
            ("C", "Cel"),
            ("°C", "Cel"),
            ("K/uL", "10*3/uL"),
            ("10*3/µL", "10*3/uL"),
            ("μg/L", "ug/L"),
            ("No matching concept", ""),
            ("None/No matching concept", ""),
            ("furlongs", "furlongs"),
            (
                "a unit that is far too long for any table to know it",
                "a unit that is far too long for any table to know it",
            ),
        ] {
            assert_eq!(ucum(spelling), code);
        }
        assert_eq!(known("Mrs. Canary's unit"), None);
    }
}

//! The shapes of codes. A code field can be filled with anything, a name or a record number too; what hasn't
//! its system's shape does not pass.

use regex::{Regex, RegexBuilder};
use std::sync::LazyLock;

/// Has `code` the shape of a code of `system`? Systems without a rule here have no valid codes.
pub(crate) fn has_shape(system: &str, code: &str) -> bool {
    shape(system).is_some_and(|fits| fits(code))
}

/// Roles that a code of another system may stand in, which is not the patient's own then: `ALLERGY//RXNORM//1191`.
pub(crate) fn is_role(system: &str) -> bool {
    matches!(system, "ALLERGY" | "FAMILY_HISTORY" | "ORDER")
}

/// The rule for the codes of a system whose shape is known.
pub(crate) fn shape(system: &str) -> Option<fn(&str) -> bool> {
    Some(match system {
        "GENDER" => |code| matches!(code, "F" | "M" | "O" | "U" | "A" | "OTHER" | "UNKNOWN"),
        "RACE" => |code| {
            matches!(
                code,
                "WHITE"
                    | "BLACK"
                    | "ASIAN"
                    | "NATIVE"
                    | "PACIFIC"
                    | "OTHER"
                    | "MULTIPLE"
                    | "UNKNOWN"
                    | "REFUSED"
            )
        },
        "ETHNICITY" => |code| matches!(code, "HISPANIC" | "NON_HISPANIC" | "UNKNOWN" | "REFUSED"),
        "MARITAL" => {
            |code| matches!(code, "A" | "D" | "I" | "L" | "M" | "C" | "P" | "T" | "U" | "S" | "W" | "UNK")
        }
        "LANGUAGE" => language,
        "VISIT" | "VISIT_END" => |code| {
            matches!(
                code,
                "AMB"
                    | "EMER"
                    | "FLD"
                    | "HH"
                    | "IMP"
                    | "ACUTE"
                    | "NONAC"
                    | "OBSENC"
                    | "PRENC"
                    | "SS"
                    | "VR"
                    | "IP"
                    | "OP"
                    | "ER"
                    | "ERIP"
                    | "LTCP"
                    | "OTHER"
                    | "UNKNOWN"
            )
        },
        "DISCHARGE" => |code| {
            matches!(
                code,
                "home"
                    | "alt-home"
                    | "other-hcf"
                    | "hosp"
                    | "long"
                    | "aadvice"
                    | "exp"
                    | "psy"
                    | "rehab"
                    | "snf"
                    | "oth"
            )
        },
        "PAYER" => |code| word(code, 24) && !code.bytes().any(|b| b.is_ascii_digit()),
        "FHIR" => |code| matches!(code, "true" | "false"),
        // Modalities: DICOM PS3.3 C.7.3.1.1.1.
        "DCM" => |code| {
            matches!(
                code,
                "CT" | "MR"
                    | "US"
                    | "CR"
                    | "DX"
                    | "MG"
                    | "NM"
                    | "PT"
                    | "XA"
                    | "RF"
                    | "ES"
                    | "ECG"
                    | "IVUS"
                    | "OCT"
                    | "OP"
                    | "OPT"
                    | "SM"
                    | "SR"
                    | "XC"
                    | "PX"
                    | "IO"
                    | "BMD"
                    | "EEG"
                    | "GM"
                    | "HD"
                    | "RG"
                    | "SC"
                    | "TG"
                    | "OT"
            )
        },
        "NUBC" => |code| digits(code, 2..=2),
        "STATE" => crate::zip3::is_state,
        "NOTE" => |code| code == "UNCLASSIFIED",
        role if is_role(role) => |code| {
            code.split_once("//").is_some_and(|(inner, code)| !is_role(inner) && has_shape(inner, code))
        },
        _ => return events::vocabulary_shape(system),
    })
}

/// Is a code of a site's own written like a date? Many people may share one, so that no count keeps it out. Six digits alone are not
/// told from a number.
pub(crate) fn is_like_a_date(code: &str) -> bool {
    static DATE: LazyLock<Option<Regex>> = LazyLock::new(|| {
        let (day, month, year) = ("(?:0?[1-9]|[12][0-9]|3[01])", "(?:0?[1-9]|1[0-2])", "(?:19|20)[0-9]{2}");
        let name = "(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?|\
                    nov(?:ember)?|dec(?:ember)?)";
        let (two, between) = ("[0-9]{2}", "[-/. ]");
        let written = [
            // What follows may be a time of that day.
            format!("{year}(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])(?:[^0-9].*|[0-9]{{2,6}})?"),
            format!("(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01]){year}"),
            format!("(?:0[1-9]|[12][0-9]|3[01])(?:0[1-9]|1[0-2]){year}"),
            format!("{year}{between}{month}(?:{between}{day}(?:[^0-9].*)?)?"),
            format!("(?:{day}{between}{month}|{month}{between}{day}){between}(?:{year}|{two})(?:[^0-9].*)?"),
            format!("{day}{between}?{name}{between}?(?:{year}|{two})"),
            format!("{year}{between}?{name}{between}?{day}"),
            format!("{name}{between}?{day},?{between}?{year}"),
        ];
        RegexBuilder::new(&format!("^(?:{})$", written.join("|"))).case_insensitive(true).build().ok()
    });
    // An expression that can't be made lets nothing pass.
    DATE.as_ref().is_none_or(|date| date.is_match(code))
}

/// A whole code of a source whose codes are a contract of their own (MEDS, a mapped table): printable ASCII of
/// bounded length.
pub(crate) fn is_plain(code: &str) -> bool {
    (1..=128).contains(&code.len()) && code.bytes().all(|b| (0x20..0x7f).contains(&b))
}

/// Is a code that passes by contract written in words, or as long as a record's number? A name can stand in a code field, so such codes pass
/// when enough hold them.
pub(crate) fn is_words(code: &str) -> bool {
    /// From so many digits in a row on: items of a laboratory have fewer.
    const LONG: usize = 7;
    code.bytes().any(|b| matches!(b, b' ' | b',' | b'^' | b'@' | b'"' | b'\''))
        || code.as_bytes().windows(LONG).any(|run| run.iter().all(u8::is_ascii_digit))
}

/// Does a code that passes by contract hold a date, with its year in full? Many people may share one, so that no count keeps it out.
pub(crate) fn holds_a_date(code: &str) -> bool {
    let year =
        |run: &[u8]| matches!(run, [b'1', b'9', ..] | [b'2', b'0', ..]) && run.iter().all(u8::is_ascii_digit);
    let has_year = |word: &&str| {
        let bytes = word.as_bytes();
        let is_digit = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_digit);
        bytes
            .windows(4)
            .enumerate()
            .any(|(at, run)| year(run) && !is_digit(at + 4) && !(at > 0 && is_digit(at - 1)))
    };
    let words = code.split("//").flat_map(|part| part.split([' ', ',', '^', '_', '(', ')']));
    words.filter(has_year).any(|word| word.len() > 4 && is_like_a_date(word))
}

/// The first `length` characters of a code, its dot not counted: `S72.001A` cut to 4 is `S72.0`.
pub(crate) fn cut(code: &str, length: usize) -> &str {
    let mut left = length;
    for (at, c) in code.char_indices() {
        if left == 0 {
            return code[..at].trim_end_matches('.');
        }
        left -= usize::from(c != '.');
    }
    code
}

fn digits(code: &str, length: std::ops::RangeInclusive<usize>) -> bool {
    length.contains(&code.len()) && code.bytes().all(|b| b.is_ascii_digit())
}

fn word(code: &str, longest: usize) -> bool {
    (1..=longest).contains(&code.len())
        && code.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_')
}

/// BCP 47 language with an optional region: `en`, `en-US`.
fn language(code: &str) -> bool {
    let (language, region) = code.split_once('-').unwrap_or((code, "US"));
    (2..=3).contains(&language.len())
        && language.bytes().all(|b| b.is_ascii_lowercase())
        && region.len() == 2
        && region.bytes().all(|b| b.is_ascii_uppercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn real_codes_pass() {
        for (system, code) in [
            ("SNOMED", "44054006"),
            ("SNOMED", "73211009"),
            ("SNOMED", "195662009"),
            ("SNOMED", "428251000124104"),
            ("LOINC", "4548-4"),
            ("LOINC", "2160-0"),
            ("LOINC", "72166-2"),
            ("LOINC", "LA18978-9"),
            ("LOINC", "3150-6"),
            ("RXNORM", "860975"),
            ("ICD10CM", "E11.9"),
            ("ICD10CM", "S72.001A"),
            ("ICD10CM", "C7A.00"),
            ("ICD10", "J45"),
            ("ICD9CM", "250.00"),
            ("ICD9CM", "V45.8"),
            ("ICD10PCS", "0DTJ4ZZ"),
            ("CPT4", "99213"),
            ("HCPCS", "G0008"),
            ("CVX", "140"),
            ("NDC", "0002-8215-01"),
            ("ATC", "A10BA02"),
            ("LANGUAGE", "en-US"),
            ("FAMILY_HISTORY", "ICD10CM//C18.9"),
        ] {
            assert!(has_shape(system, code), "{system} {code}");
        }
    }

    #[test]
    fn names_dates_and_numbers_do_not() {
        let systems = [
            "SNOMED",
            "LOINC",
            "RXNORM",
            "ICD10CM",
            "ICD9CM",
            "ICD10PCS",
            "CPT4",
            "HCPCS",
            "CVX",
            "ATC",
            "GENDER",
            "RACE",
            "ETHNICITY",
            "LANGUAGE",
            "MARITAL",
            "VISIT",
            "FHIR",
            "ALLERGY",
            "unheard-of",
        ];
        for system in systems {
            for value in [
                "CANARY",
                "Ann Canary",
                "1957-03-14",
                "MRN-0047113",
                "",
                "é",
                "555-12-3456",
                "ann@example.org",
            ] {
                assert!(!has_shape(system, value), "{system} passes a value that is no code: {value}");
            }
        }
        // One digit off is a check digit off.
        assert!(!has_shape("SNOMED", "44054007") && !has_shape("LOINC", "4548-5"));
    }

    #[test]
    fn dates_are_told_from_codes() {
        for date in [
            "2019-03-14",
            "2019/3/4",
            "14.03.2019",
            "3/14/2019",
            "20190314",
            "14032019",
            "03142019",
            "201903141530",
            "2019-03-14T10:11:12Z",
            "20190314-0012",
            "14MAR1950",
            "14-Mar-1950",
            "14-mar-50",
            "March 14, 1950",
            "1950MAR14",
            "3/14/50",
            "31.12.99",
            "2019-03",
        ] {
            assert!(is_like_a_date(date), "{date}");
        }
        for code in [
            "GLU",
            "12345",
            "20191514",
            "00190314",
            "2019-14-14",
            "1-2-3",
            "1234567",
            "é2019314",
            "----",
            "",
            "2019",
            "MAR",
            "MARKER12",
            "12MARKERS",
            "12MARKER50",
            "V2019",
            "1-2-3-4",
            "55-12-3456",
        ] {
            assert!(!is_like_a_date(code), "{code}");
        }
    }

    #[test]
    fn codes_are_cut_to_what_is_broader() {
        for (code, length, cut_to) in [
            ("S72.001A", 3, "S72"),
            ("S72.001A", 4, "S72.0"),
            ("E11", 3, "E11"),
            ("A10BA02", 5, "A10BA"),
            ("250.00", 4, "250.0"),
            ("é1", 1, "é"),
        ] {
            assert_eq!(cut(code, length), cut_to);
        }
    }

    #[test]
    fn any_text_is_safe_to_ask_about() {
        for code in ["é", "ééééé", "1-", "-", ".", "É12", "aé1-2", "LA", "12345é"] {
            for system in ["SNOMED", "LOINC", "CPT4", "HCPCS", "ICD10CM", "ICD9CM", "ATC", "NDC", "ICD9PROC"]
            {
                assert!(!has_shape(system, code));
            }
        }
    }
}

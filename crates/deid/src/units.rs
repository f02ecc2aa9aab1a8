//! Units that pass: UCUM expressions made of known atoms. Anything else in a unit field is dropped.

/// UCUM atoms met in clinical data (The Unified Code for Units of Measure, tables 1–5), case sensitive.
const ATOMS: &[&str] = &[
    "%",
    "10",
    "g",
    "mol",
    "m",
    "L",
    "l",
    "s",
    "min",
    "h",
    "d",
    "wk",
    "mo",
    "a",
    "K",
    "Cel",
    "[degF]",
    "Pa",
    "J",
    "cal",
    "W",
    "V",
    "Hz",
    "eq",
    "osm",
    "[iU]",
    "[IU]",
    "U",
    "kat",
    "bar",
    "m[Hg]",
    "[in_i]",
    "[ft_i]",
    "[lb_av]",
    "[oz_av]",
    "m[H2O]",
    "[pH]",
    "deg",
    "Bq",
    "Gy",
    "Sv",
    "A",
    "Ohm",
    "[hpf]",
    "[lpf]",
    "[drp]",
    "[ppm]",
    "[ppb]",
    "[ppth]",
    "[arb'U]",
    "[APL'U]",
    "[GPL'U]",
    "[MPL'U]",
    "[CFU]",
    "[diop]",
    "[pptr]",
    "B",
    "dyn",
    "N",
    "t",
    "st",
    "cd",
    "lm",
    "lx",
    "C",
    "[tsp_us]",
    "[tbs_us]",
    "[foz_us]",
    "[cup_us]",
    "[Cal]",
    "[in_i'Hg]",
    "rad",
    "sr",
    "1",
];
const PREFIXES: &[&str] = &["", "k", "c", "m", "u", "n", "p", "f", "d", "M", "G", "h", "da", "T"];
/// Annotations say what is counted. Only these pass; others become the bare unit.
const ANNOTATIONS: &[&str] = &[
    "score",
    "INR",
    "ratio",
    "cells",
    "count",
    "RBC",
    "WBC",
    "tbl",
    "copies",
    "CFU",
    "index",
    "nominal",
    "number",
    "beats",
    "breaths",
    "titer",
    "GFR",
    "T-score",
    "Z-score",
    "pack-years",
    "Ehrlich'U",
    "SCCR",
    "creat",
    "Hb",
    "1.73_m2",
    "#",
];

/// The unit, if it is one; annotations that are unknown are removed.
pub(crate) fn known(unit: &str) -> Option<String> {
    if unit.len() > 40 {
        return None;
    }
    let mut kept = String::with_capacity(unit.len());
    let mut rest = unit;
    while let Some((before, after)) = rest.split_once('{') {
        let (annotation, tail) = after.split_once('}')?;
        kept.push_str(before);
        if ANNOTATIONS.contains(&annotation) {
            kept.push('{');
            kept.push_str(annotation);
            kept.push('}');
        } else if tail.is_empty() || tail.starts_with(['/', '.']) {
            // It stood for 1 as a term of its own, so what joined it goes too.
            kept.truncate(kept.trim_end_matches(['/', '.']).len());
        }
        rest = tail;
    }
    kept.push_str(rest);
    let bare = strip_annotations(&kept);
    if is_like_an_address(&bare) {
        return None;
    }
    let terms_known = bare.split(['/', '.', '*']).all(|term| term.is_empty() || term_known(term));
    (terms_known && !kept.is_empty()).then_some(kept)
}

/// Numbers joined by dots or strokes are factors to UCUM, and an address or a record number to their writer: more
/// digits than any unit has, or nothing but digits where it is no power of ten.
fn is_like_an_address(bare: &str) -> bool {
    let digits = bare.bytes().filter(u8::is_ascii_digit).count();
    let powerless = digits > 1 && !bare.starts_with("10*") && !bare.starts_with("10^") && bare != "10";
    let nameless = !bare.bytes().any(|b| b.is_ascii_alphabetic() || b == b'%' || b == b'[');
    digits > 5 || (powerless && nameless)
}

fn strip_annotations(unit: &str) -> String {
    let mut depth = 0;
    unit.chars()
        .filter(|&c| {
            depth += i32::from(c == '{');
            let outside = depth == 0;
            depth -= i32::from(c == '}');
            outside
        })
        .collect()
}

/// An atom with an optional prefix, bracketed or not, with an optional small exponent; or a small number.
fn term_known(term: &str) -> bool {
    let term = term.trim_start_matches('(').trim_end_matches(')');
    if term.len() <= 3 && term.bytes().all(|b| b.is_ascii_digit()) {
        return true;
    }
    let base = match ATOMS.contains(&term) {
        true => term,
        false => {
            let end = term.trim_end_matches(|c: char| c.is_ascii_digit() || c == '-' || c == '+');
            if term.len() - end.len() > 3 {
                return false;
            }
            end.trim_end_matches('^')
        }
    };
    base.is_empty()
        || PREFIXES.iter().any(|prefix| base.strip_prefix(prefix).is_some_and(|atom| ATOMS.contains(&atom)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_pass_and_words_do_not() {
        for unit in [
            "mg/dL",
            "mmol/L",
            "mm[Hg]",
            "/min",
            "10*3/uL",
            "Cel",
            "kg/m2",
            "%",
            "mL/min/{1.73_m2}",
            "{score}",
            "ug/mL",
            "10*12/L",
            "fL",
            "pg",
            "[degF]",
            "U/L",
            "m[iU]/L",
            "cm",
            "kg",
            "[lb_av]",
            "a",
            "L/min",
            "g/dL",
            "mL/min",
            "meq/L",
            "ng/mL",
            "10*12",
            "mL/min/1.73.m2",
        ] {
            assert!(known(unit).is_some(), "{unit}");
        }
        for (written, kept) in [
            ("mL/min/{1.73_m2}", "mL/min/{1.73_m2}"),
            ("mL/min/{Ann Canary}", "mL/min"),
            ("{Canary}.mL/{Ann}/min", ".mL/min"),
            ("mL{Canary}/min", "mL/min"),
            ("mL/{Ann}{score}", "mL/{score}"),
        ] {
            assert_eq!(known(written).as_deref(), Some(kept), "{written}");
        }
        assert_eq!(known("{score}").as_deref(), Some("{score}"));
        for word in [
            "CANARY",
            "Ann",
            "1957-03-14",
            "MRN0047113",
            "0047113",
            "canary/dL",
            "{",
            "",
            "{Canary}",
            "mg/Smith",
            "203.0.113.77",
            "203/0/113/77",
            "617.555",
            "471.13",
            "203.0.113.77.m",
        ] {
            assert!(known(word).is_none(), "{word}");
        }
    }
}

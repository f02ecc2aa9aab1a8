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
    "[HPF]",
    "[LPF]",
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
    "WBCs",
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

/// Words for UCUM's `a`, a year: what stands behind an age, which is to be known for one.
const YEARS: &[&str] = &[
    "y",
    "yr",
    "yrs",
    "yr.",
    "yrs.",
    "yo",
    "y/o",
    "y.o.",
    "year",
    "years",
    "year(s)",
    "years old",
    "{yrs}",
    "{years}",
];

/// The unit, if it is one; annotations that are unknown are removed, and years are `a` however they are written.
pub(crate) fn known(unit: &str) -> Option<String> {
    if unit.len() > 40 {
        return None;
    }
    if YEARS.iter().any(|year| unit.trim().eq_ignore_ascii_case(year)) {
        return Some("a".to_owned());
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

/// The unit without annotations.
pub(crate) fn bare(unit: &str) -> String {
    strip_annotations(unit)
}

/// Does a unit say no more than that something is a number: `1`, `{#}`, `{score}`?
pub(crate) fn is_bare_number(unit: &str) -> bool {
    bare(unit).bytes().all(|byte| byte.is_ascii_digit())
}

/// Numbers joined by dots or strokes are factors to UCUM, and an address or a record number to their writer: more
/// digits than any unit has, or nothing but digits where it is no power of ten.
fn is_like_an_address(bare: &str) -> bool {
    let digits = bare.bytes().filter(u8::is_ascii_digit).count();
    let powerless =
        digits > 1 && !bare.starts_with("10*") && !bare.starts_with("10^") && bare != "10" && bare != "/100";
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

    /// What `ingest`'s table makes of the spellings that it knows.
    const OF_INGEST: &str = "% /100{WBCs} /[HPF] /[LPF] /min /mm3 /uL 10*12/L 10*3/uL 10*6/uL \
        10*9/L Cel L L/min U U/L U/mL [IU]/L [IU]/mL [degF] \
        [in_i] [lb_av] [oz_av] [pH] a cm cm[H2O] d dL fL \
        g g/L g/dL h kPa kU/L kg kg/m2 mL mL/h \
        mL/min mL/min/{1.73_m2} mU/L m[IU]/L m[IU]/mL meq/L mg mg/(24.h) mg/L mg/dL \
        mg/g mg/mmol min mm mm/h mm3 mm[Hg] mmol/L mmol/mol mo \
        mosm/kg ms ng/L ng/dL ng/mL nmol/L pg pg/mL pmol/L s \
        u[IU]/mL ug ug/L ug/dL ug/mL umol/L wk {#} {copies}/mL {ratio} \
        {score}";

    #[test]
    fn units_that_readers_make_pass_as_they_are() {
        for unit in OF_INGEST.split_whitespace() {
            assert_eq!(known(unit).as_deref(), Some(unit));
        }
    }

    #[test]
    fn years_are_years_however_they_are_written() {
        for year in ["a", "y", "Yr", "yrs", "y.o.", "year", "YEARS", "year(s)"] {
            assert_eq!(known(year).as_deref(), Some("a"), "{year}");
        }
    }

    #[test]
    fn a_number_of_nothing_is_a_bare_number() {
        for unit in ["1", "{#}", "{score}"] {
            assert!(is_bare_number(&known(unit).unwrap()), "{unit}");
        }
        assert!(!is_bare_number("/L") && !is_bare_number("{copies}/mL"));
    }

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

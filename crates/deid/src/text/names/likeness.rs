//! How much a word is like a name, by itself.

use crate::text::lexicon::Class;
use crate::text::page::Page;
use crate::text::token::Case;

/// Endings of clinical words and medicines, for those that no list has.
const CLINICAL_ENDINGS: &[&str] = &[
    "itis",
    "osis",
    "emia",
    "aemia",
    "oma",
    "omas",
    "opathy",
    "pathic",
    "ectomy",
    "otomy",
    "ostomy",
    "plasty",
    "scopy",
    "scopic",
    "algia",
    "uria",
    "pril",
    "sartan",
    "statin",
    "olol",
    "azole",
    "cillin",
    "mycin",
    "micin",
    "floxacin",
    "cycline",
    "mab",
    "nib",
    "vir",
    "tidine",
    "prazole",
    "gliptin",
    "gliflozin",
    "parin",
    "xaban",
    "dipine",
    "zepam",
    "zolam",
    "caine",
    "oxetine",
    "triptan",
    "setron",
    "lukast",
    "glutide",
    "phobia",
    "trophy",
    "trophic",
    "plegia",
    "paresis",
    "megaly",
    "pnea",
    "philia",
    "penia",
    "rrhea",
    "rrhage",
    "graphy",
    "graphic",
    "logy",
    "logical",
    "logist",
    "therapy",
    "genic",
    "lysis",
    "stasis",
    "tropin",
    "kinase",
    "oid",
    "ous",
    "ical",
    "tion",
    "tions",
    "sion",
    "ment",
    "ness",
    "ity",
    "ism",
    "ive",
    "ary",
    "ally",
    "ase",
    "ide",
    "ium",
    "ated",
    "ating",
    "cidal",
    "lytic",
    "ogenous",
    "metry",
    "gram",
    "cyte",
    "cytes",
    "blast",
    "plasm",
    "derm",
    "zide",
    "amide",
    "idine",
    "amine",
    "sulfate",
    "acetate",
];

/// -1: a plain word, a measure, an acronym. 0: a common name that is a plain word too. 1: unknown. 2: a name.
/// 3: a common name.
pub fn likeness(page: &Page, index: usize) -> i32 {
    let token = &page.tokens()[index];
    let class = token.class;
    let bars = Class::WEEKDAY
        | Class::FACILITY
        | Class::FACILITY_WEAK
        | Class::NATIONALITY
        | Class::NUMBER_WORD
        | Class::CODE_SYSTEM
        | Class::ROOM
        | Class::TITLE
        | Class::MEASURE
        | Class::STATE
        | Class::COUNTRY;
    if class.any(bars) && !class.any(Class::NAME)
        || class.any(bars) && !class.any(Class::COMMON | Class::STATE | Class::COUNTRY)
    {
        return -1;
    }
    // "COPD" is no name; "in SUNDBY" may be a place.
    let loud = class.any(Class::NAME)
        && index > 0
        && page.tokens()[index - 1].case == Case::Upper
        && page.tokens()[index - 1].class.any(Class::COMMON | Class::PARTICLE);
    let located = loud || token.len() == 5 && super::context::located(page, index);
    if token.case == Case::Upper
        && page.word(index).chars().count() < 6
        && !class.any(Class::COMMON)
        && !located
    {
        return -1;
    }
    let word = page.word(index);
    if token.case == Case::Mixed && !prefixed(word) {
        return -1;
    }
    let plain = class.any(Class::PLAIN | Class::MONTH | bars);
    match () {
        () if class.any(Class::COMMON) => {
            if plain {
                0
            } else {
                3
            }
        }
        () if plain
            || class.any(
                Class::EPONYM
                    | Class::EPONYM_NOUN
                    | Class::CREDENTIAL
                    | Class::HOLIDAY
                    | Class::STREET_SUFFIX,
            ) =>
        {
            -1
        }
        () if class.any(Class::NAME) => 2,
        () if token.len() < 3 || looks_clinical(word) => -1,
        () => 1,
    }
}

/// `McDonald`, `O'Brien`, `DeAngelo`.
fn prefixed(word: &str) -> bool {
    ["Mc", "Mac", "O'", "O’", "D'", "D’", "De", "Di", "La", "Le", "Van", "Von", "Fitz", "L'", "L’"]
        .iter()
        .any(|prefix| {
            word.strip_prefix(prefix).is_some_and(|rest| {
                rest.chars().next().is_some_and(char::is_uppercase)
                    && rest.chars().skip(1).all(char::is_lowercase)
                    && rest.chars().count() >= 3
            })
        })
}

fn looks_clinical(word: &str) -> bool {
    word.is_ascii()
        && word.len() >= 5
        && CLINICAL_ENDINGS.iter().any(|ending| {
            word.len() >= ending.len() + if ending.len() < 4 { 4 } else { 2 }
                && word.as_bytes()[word.len() - ending.len()..].eq_ignore_ascii_case(ending.as_bytes())
        })
}

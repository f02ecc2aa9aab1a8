//! A word of an address or an organisation in all the ways that it is written.

use crate::text::fold::scanned;

/// Words of a street by their usual short forms: United States Postal Service, Publication 28, appendix C.
const STREETS: &[(&str, &str)] = &[
    ("street", "st"),
    ("avenue", "ave"),
    ("av", "ave"),
    ("road", "rd"),
    ("drive", "dr"),
    ("lane", "ln"),
    ("boulevard", "blvd"),
    ("court", "ct"),
    ("place", "pl"),
    ("square", "sq"),
    ("terrace", "ter"),
    ("circle", "cir"),
    ("highway", "hwy"),
    ("parkway", "pkwy"),
    ("apartment", "apt"),
    ("unit", "apt"),
    ("suite", "apt"),
    ("ste", "apt"),
    ("room", "apt"),
    ("rm", "apt"),
    ("trail", "trl"),
    ("crescent", "cres"),
    ("north", "n"),
    ("south", "s"),
    ("east", "e"),
    ("west", "w"),
    ("saint", "st"),
    ("mount", "mt"),
    ("fort", "ft"),
    ("way", "wy"),
    ("crossing", "xing"),
    ("alley", "aly"),
    ("annex", "anx"),
    ("arcade", "arc"),
    ("bayou", "byu"),
    ("beach", "bch"),
    ("bend", "bnd"),
    ("bluff", "blf"),
    ("branch", "br"),
    ("bridge", "brg"),
    ("brook", "brk"),
    ("bypass", "byp"),
    ("camp", "cp"),
    ("canyon", "cyn"),
    ("causeway", "cswy"),
    ("center", "ctr"),
    ("centre", "ctr"),
    ("cliff", "clf"),
    ("club", "clb"),
    ("common", "cmn"),
    ("corner", "cor"),
    ("course", "crse"),
    ("cove", "cv"),
    ("creek", "crk"),
    ("crossroad", "xrd"),
    ("curve", "curv"),
    ("dale", "dl"),
    ("divide", "dv"),
    ("estate", "est"),
    ("expressway", "expy"),
    ("extension", "ext"),
    ("falls", "fls"),
    ("ferry", "fry"),
    ("field", "fld"),
    ("flat", "flt"),
    ("ford", "frd"),
    ("forest", "frst"),
    ("forge", "frg"),
    ("fork", "frk"),
    ("freeway", "fwy"),
    ("garden", "gdn"),
    ("gardens", "gdns"),
    ("gateway", "gtwy"),
    ("glen", "gln"),
    ("green", "grn"),
    ("grove", "grv"),
    ("harbor", "hbr"),
    ("haven", "hvn"),
    ("hill", "hl"),
    ("hollow", "holw"),
    ("inlet", "inlt"),
    ("junction", "jct"),
    ("key", "ky"),
    ("knoll", "knl"),
    ("lake", "lk"),
    ("landing", "lndg"),
    ("light", "lgt"),
    ("loaf", "lf"),
    ("lock", "lck"),
    ("lodge", "ldg"),
    ("manor", "mnr"),
    ("meadow", "mdw"),
    ("meadows", "mdws"),
    ("mill", "ml"),
    ("mission", "msn"),
    ("mountain", "mtn"),
    ("neck", "nck"),
    ("orchard", "orch"),
    ("overpass", "opas"),
    ("passage", "psge"),
    ("pine", "pne"),
    ("plain", "pln"),
    ("plaza", "plz"),
    ("point", "pt"),
    ("port", "prt"),
    ("prairie", "pr"),
    ("radial", "radl"),
    ("ranch", "rnch"),
    ("rapid", "rpd"),
    ("rest", "rst"),
    ("ridge", "rdg"),
    ("river", "riv"),
    ("route", "rte"),
    ("shoal", "shl"),
    ("shore", "shr"),
    ("skyway", "skwy"),
    ("spring", "spg"),
    ("station", "sta"),
    ("stravenue", "stra"),
    ("stream", "strm"),
    ("summit", "smt"),
    ("throughway", "trwy"),
    ("trace", "trce"),
    ("track", "trak"),
    ("tunnel", "tunl"),
    ("turnpike", "tpke"),
    ("underpass", "upas"),
    ("union", "un"),
    ("valley", "vly"),
    ("viaduct", "via"),
    ("view", "vw"),
    ("village", "vlg"),
    ("ville", "vl"),
    ("vista", "vis"),
    ("well", "wl"),
    ("heights", "hts"),
];

/// A word that is looked for, folded, in its short form, with what it may be written as.
pub(super) struct Wanted {
    /// Itself and its long forms, each also as a scanner might have read it.
    forms: Box<[(Box<str>, Box<str>)]>,
    /// Is it what a room is called?
    pub is_room: bool,
}

impl Wanted {
    pub(super) fn new(word: &str) -> Self {
        let forms = spellings(word).map(|form| (form.into(), scanned(form).into())).collect();
        Wanted { forms, is_room: matches!(word, "apt" | "ste" | "fl" | "rm") }
    }

    /// Is it this word: in a long form, or misread by a letter or two? `numbered` says that a house number stands before.
    pub(super) fn is(&self, word: &str, numbered: bool) -> bool {
        if self.forms.iter().any(|(form, _)| **form == *word) {
            return true;
        }
        let read = scanned(word);
        self.forms.iter().any(|(form, misread)| {
            read == **misread || nearly(&read, misread, numbered) || shortens(word, form)
        })
    }
}

impl PartialEq for Wanted {
    fn eq(&self, other: &Self) -> bool {
        self.forms == other.forms
    }
}

/// Is it a long word, but for a letter or two? Behind a house number a short one may differ too.
fn nearly(word: &str, want: &str, numbered: bool) -> bool {
    let allowed = match want.len() {
        0..3 => return false,
        3 if !numbered => return false,
        3..=6 => 1,
        _ => 2,
    };
    // A letter exchanged takes one away and adds another, and the others change less.
    let letters =
        |word: &str| word.chars().fold(0_u64, |letters, letter| letters | 1 << (letter as u32 & 63));
    word.len().abs_diff(want.len()) <= allowed
        && (letters(word) ^ letters(want)).count_ones() as usize <= 2 * allowed
        && strsim::osa_distance(word, want) <= allowed
}

/// Is it a short form of a word, however it was shortened: `Trlr`, `Crsg`, `Hghts`? It begins with the same
/// letter, and its letters are some of the long one's, in order.
fn shortens(word: &str, want: &str) -> bool {
    if word.len() < 2
        || word.len() >= want.len()
        || want.len() < 4
        || word.as_bytes()[0] != want.as_bytes()[0]
    {
        return false;
    }
    let mut rest = want.chars();
    word.chars().all(|letter| rest.any(|other| other == letter))
}

pub(super) fn short(word: &str) -> &str {
    STREETS.iter().find(|(long, _)| *long == word).map_or(word, |(_, short)| short)
}

/// A word in all its forms: `st`, `street`, `saint`.
pub(super) fn spellings(word: &str) -> impl Iterator<Item = &str> {
    let long = STREETS.iter().filter(move |(_, short)| *short == word).map(|(long, _)| *long);
    std::iter::once(word).chain(long)
}

//! The ways in which people are written about.

use super::super::dice::Dice;
use super::{Class, Knowledge, Plant};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sex {
    Female,
    Male,
}

/// Someone's name.
#[derive(Clone, Debug)]
pub struct Person {
    pub given: String,
    pub middle: Option<String>,
    pub family: String,
    pub suffix: Option<String>,
    pub sex: Sex,
}

impl Person {
    pub fn new(given: &str, family: &str, sex: Sex) -> Self {
        Person { given: given.into(), middle: None, family: family.into(), suffix: None, sex }
    }

    /// Whether a part of the name is an ordinary word too, so that alone and uncapitalised nobody could tell.
    fn is_words(&self) -> bool {
        let word = |name: &str| WORDS.contains(&name.to_lowercase().as_str());
        word(&self.given) || word(&self.family)
    }
}

/// Names of the pools that are words too.
const WORDS: &[&str] = &[
    "will", "rose", "grace", "hope", "faith", "joy", "may", "mark", "bill", "young", "brown", "long", "hand",
    "price", "page", "short", "head", "stone", "cook", "case", "reading", "chase", "dale", "glen", "guy",
    "rich", "rusty", "art", "pat", "drew", "gene", "iris", "herb", "miles", "sandy", "dawn", "an", "so",
    "bay", "frank", "grant", "lance", "jean", "olive", "ruby", "ray", "rob", "skip", "carry", "buddy",
    "star", "in", "hill", "cole", "walker", "little", "day", "ward", "bell", "park", "west", "fisher",
    "graves",
];

const NICKNAMES: &[(&str, &[&str])] = &[
    ("Robert", &["Bob", "Rob", "Bobby"]),
    ("William", &["Bill", "Will", "Billy"]),
    ("Richard", &["Dick", "Rick", "Rich"]),
    ("Elizabeth", &["Liz", "Beth", "Betsy"]),
    ("Margaret", &["Peggy", "Maggie", "Meg"]),
    ("Katherine", &["Kathy", "Kate", "Katie"]),
    ("James", &["Jim", "Jimmy"]),
    ("John", &["Jack", "Johnny"]),
    ("Michael", &["Mike", "Mikey"]),
    ("Thomas", &["Tom", "Tommy"]),
    ("Charles", &["Chuck", "Charlie"]),
    ("Joseph", &["Joe", "Joey"]),
    ("Edward", &["Ed", "Ted", "Eddie"]),
    ("Anthony", &["Tony"]),
    ("Daniel", &["Dan", "Danny"]),
    ("Samuel", &["Sam"]),
    ("Benjamin", &["Ben"]),
    ("Alexander", &["Alex", "Sasha"]),
    ("Patricia", &["Patty", "Trish"]),
    ("Jennifer", &["Jen", "Jenny"]),
    ("Deborah", &["Deb", "Debbie"]),
    ("Susan", &["Sue", "Susie"]),
    ("Barbara", &["Barb"]),
    ("Christopher", &["Chris"]),
    ("Matthew", &["Matt"]),
    ("Andrew", &["Andy", "Drew"]),
    ("Nicholas", &["Nick"]),
    ("Stephen", &["Steve"]),
    ("Steven", &["Steve"]),
    ("Kenneth", &["Ken", "Kenny"]),
    ("Ronald", &["Ron", "Ronnie"]),
    ("Donald", &["Don", "Donnie"]),
    ("Gregory", &["Greg"]),
    ("Lawrence", &["Larry"]),
    ("Theodore", &["Ted", "Theo"]),
    ("Eleanor", &["Ellie", "Nell"]),
    ("Dorothy", &["Dot", "Dottie"]),
    ("Rebecca", &["Becky"]),
    ("Victoria", &["Vicky", "Tori"]),
    ("Francisco", &["Paco", "Pancho"]),
    ("José", &["Pepe"]),
    ("Guadalupe", &["Lupe"]),
    ("Abigail", &["Abby"]),
    ("Timothy", &["Tim"]),
    ("Frederick", &["Fred"]),
    ("Jacqueline", &["Jackie"]),
    ("Pamela", &["Pam"]),
    ("Gerald", &["Jerry"]),
    ("Walter", &["Walt"]),
    ("Raymond", &["Ray"]),
    ("Vincent", &["Vinny"]),
    ("Leonard", &["Len", "Lenny"]),
    ("Cynthia", &["Cindy"]),
    ("Sandra", &["Sandy"]),
    ("Kimberly", &["Kim"]),
    ("Philip", &["Phil"]),
    ("Douglas", &["Doug"]),
    ("Zachary", &["Zach"]),
    ("Nathaniel", &["Nate"]),
    ("Gabriel", &["Gabe"]),
    ("Maximilian", &["Max"]),
    ("Harold", &["Hal", "Harry"]),
    ("Josephine", &["Josie"]),
    ("Veronica", &["Ronnie"]),
];

/// Where the name stands in the note.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Any way at all.
    Any,
    /// Whole: as in a heading.
    Full,
    /// As one speaks of somebody: part of the name.
    Short,
    Possessive,
    Initials,
    /// `FAMILY^GIVEN^M`
    Hl7,
}

const ANY: &[&str] = &[
    "first last",
    "first last",
    "last, first",
    "last, first M",
    "first M last",
    "LAST, FIRST",
    "ALL CAPS",
    "lower case",
    "F. last",
    "title last",
    "title last",
    "nickname last",
    "OCR-like",
    "accents stripped",
    "first",
    "F.L.",
];
const FULL: &[&str] = &[
    "first last",
    "last, first",
    "last, first M",
    "first M last",
    "LAST, FIRST",
    "ALL CAPS",
    "OCR-like",
    "accents stripped",
    "lower case",
    "title first last",
    "last only, spaced",
];
const SHORT: &[&str] = &[
    "title last",
    "title last",
    "first",
    "nickname",
    "F. last",
    "last",
    "nickname last",
    "first last",
    "F.L.",
];

/// A person's name in one of the ways that `form` allows. `caseless` text leaves fewer: where nothing is
/// capitalised, or everything, a name that is a word is written whole.
pub fn name(
    person: &Person,
    class: Class,
    known: Knowledge,
    form: Form,
    caseless: bool,
    dice: &mut Dice,
) -> Plant {
    let mut style = match form {
        Form::Any => dice.pick(ANY),
        Form::Full => dice.pick(FULL),
        Form::Short => dice.pick(SHORT),
        Form::Possessive => dice.pick(&["first last's", "title last's", "first's", "last's"]),
        Form::Initials if caseless => "F.L.",
        Form::Initials => dice.pick(&["F.L.", "FL"]),
        Form::Hl7 => "LAST^FIRST",
    };
    let alone = ["first", "last", "nickname", "lower case", "first's", "last's"].contains(&style);
    if alone && person.is_words() && (caseless || style == "lower case") {
        style = if form == Form::Possessive { "first last's" } else { "first last" };
    }
    written(person, class, known, style, dice)
        .or_else(|| written(person, class, known, "first last", dice))
        .expect("everybody has a name")
}

fn written(
    person: &Person,
    class: Class,
    known: Knowledge,
    style: &'static str,
    dice: &mut Dice,
) -> Option<Plant> {
    let Person { given, family, suffix, .. } = person;
    let plant = Plant::new(class, style, known);
    let clinician = class == Class::ClinicianName;
    let title = match (clinician, person.sex) {
        (true, _) => dice.pick(&["Dr. ", "Dr. ", "Dr ", "Doctor ", "Prof. "]),
        (false, Sex::Female) => dice.pick(&["Mrs. ", "Ms. ", "Mrs ", "Ms "]),
        (false, Sex::Male) => dice.pick(&["Mr. ", "Mr ", "Mr. "]),
    };
    let after = if clinician { dice.pick(&[", MD", ", M.D.", " MD", ", DO", "", ""]) } else { "" };
    let middle = person.middle.as_deref();
    let initial = |name: &str| name.chars().next().map(|c| c.to_uppercase().to_string()).unwrap_or_default();
    let full = format!("{given} {family}");
    Some(match style {
        "first last" => match suffix {
            Some(suffix) => plant.secret(&full).plain(&format!(" {suffix}")),
            None => plant.secret(&full).plain(after),
        },
        "title last" => plant.plain(title).secret(family),
        "title first last" => plant.plain(title).secret(&full),
        "last, first" => plant.secret(family).plain(", ").secret(given).plain(after),
        "last, first M" => {
            plant.secret(family).plain(", ").secret(given).plain(" ").secret(&initial(middle?))
        }
        "first M last" => match dice.chance(0.6) {
            true => plant.secret(given).plain(" ").secret(&initial(middle?)).plain(". ").secret(family),
            false => plant.secret(given).plain(" ").secret(middle?).plain(" ").secret(family),
        },
        "LAST, FIRST" => plant.secret(&format!("{family}, {given}").to_uppercase()),
        "last only, spaced" => plant.secret(family).plain("  ").secret(given),
        "ALL CAPS" => plant.secret(&full.to_uppercase()),
        "lower case" => plant.secret(&full.to_lowercase()),
        "F. last" => plant.secret(&initial(given)).plain(". ").secret(family).plain(after),
        "first" => plant.secret(given),
        "last" => plant.secret(family),
        "nickname" => plant.secret(nickname(given, dice)?),
        "nickname last" => plant.secret(nickname(given, dice)?).plain(" ").secret(family),
        "F.L." => plant.secret(&initial(given)).plain(".").secret(&initial(family)).plain("."),
        "FL" => {
            let both = initial(given) + &initial(family);
            // Two letters that the wards use for other things can't be told from them.
            match ABBREVIATIONS.contains(&both.as_str()) {
                true => return None,
                false => plant.secret(&both),
            }
        }
        "LAST^FIRST" => {
            let plant = plant.secret(&family.to_uppercase()).plain("^").secret(&given.to_uppercase());
            match middle {
                Some(middle) => plant.plain("^").secret(&initial(middle)),
                None => plant,
            }
        }
        "accents stripped" => {
            let bare = strip_accents(&full);
            if bare == full {
                return None;
            }
            plant.secret(&bare)
        }
        // Of a name of two letters nothing would be left.
        "OCR-like" if given.chars().count().min(family.chars().count()) < 4 => return None,
        "OCR-like" => plant.secret(&misread(&full, dice)?),
        "first last's" => plant.secret(&full).plain("'s"),
        "title last's" => plant.plain(title).secret(family).plain("'s"),
        "first's" => plant.secret(given).plain("'s"),
        "last's" => plant.secret(family).plain("'s"),
        other => unreachable!("{other} is no style"),
    })
}

const ABBREVIATIONS: &[&str] = &[
    "MS", "PT", "DM", "CT", "MR", "OR", "ER", "ED", "IV", "IM", "PO", "MI", "PE", "CP", "SB", "BP", "HR",
    "RR", "GI", "GU", "OT", "AM", "PM", "NP", "PA", "RN", "MD", "DO", "CC", "HP", "LE", "UE", "RA", "LA",
    "RV", "LV", "TB", "OB", "AS", "AT", "BE", "BY", "DR", "HE", "IF", "IN", "IS", "IT", "ME", "MY", "NO",
    "OF", "ON", "SO", "TO", "UP", "US", "WE", "CA", "NA", "CO", "MA", "PR", "LP", "LR", "RT", "LT", "AP",
    "PD", "SC", "SL", "CM", "MM", "KG", "ML", "MG", "DC", "SP", "BS", "BM", "FU", "HD", "NG", "OG", "AB",
    "AC", "PC", "HS", "CN", "CR", "BR", "EF", "ET", "EM", "ID", "EP", "AR", "TR", "AV", "VT", "VF", "VA",
    "VS", "RX", "DX", "TX", "SX", "HX", "FX", "WT", "HT", "PH", "PN", "PS", "PV", "RF", "RH", "RP", "SI",
    "SV", "TI", "TM", "TV", "UA", "UC", "US", "WC", "ST", "AD", "AN", "AX", "CK", "CV", "DS", "DT", "FH",
    "FS", "GA", "GB", "GC", "HA", "HB", "HC", "IC", "JP", "JV", "LN", "LS", "MC", "MG", "MV", "NC", "NS",
    "NT", "PB", "PI", "PK", "PP", "RS", "SA", "SE", "SM", "SS", "TA", "TP", "TS", "VC", "WB", "WD", "WN",
    "BC", "BT", "CD", "CF", "CH", "CL", "DD", "DI", "DJ", "DL", "ES", "FE", "FF", "GF", "GH", "GT", "HF",
    "HI", "HL", "HM", "HO", "HG", "IA", "IR", "LB", "LD", "LH", "LM", "MB", "MN", "ND", "NE", "NK", "NM",
    "NR", "OA", "OD", "OM", "OP", "OS", "OU", "OK",
];

/// One of the short forms that a given name has.
pub fn nickname(given: &str, dice: &mut Dice) -> Option<&'static str> {
    NICKNAMES.iter().find(|(name, _)| *name == given).map(|(_, short)| dice.pick(short))
}

/// Latin letters without their accents.
pub fn strip_accents(text: &str) -> String {
    const FROM: &str = "áàâäãåçéèêëíìîïñóòôöõøúùûüýÁÀÂÄÃÅÇÉÈÊËÍÌÎÏÑÓÒÔÖÕØÚÙÛÜÝłŁšŠžŽčČćĆńŃęĘąĄ";
    const TO: &str = "aaaaaaceeeeiiiinoooooouuuuyAAAAAACEEEEIIIINOOOOOOUUUUYlLsSzZcCcCnNeEaA";
    let pairs: Vec<(char, char)> = FROM.chars().zip(TO.chars()).collect();
    text.chars().map(|c| pairs.iter().find(|(from, _)| *from == c).map_or(c, |(_, to)| *to)).collect()
}

/// One or two characters taken for others, as a scanner would; `None` where it could mistake none.
pub fn misread(text: &str, dice: &mut Dice) -> Option<String> {
    const CONFUSIONS: &[(&str, &str)] = &[
        ("rn", "m"),
        ("m", "rn"),
        ("l", "1"),
        ("o", "0"),
        ("O", "0"),
        ("S", "5"),
        ("B", "8"),
        ("i", "1"),
        ("I", "l"),
        ("g", "9"),
        ("Z", "2"),
        ("w", "vv"),
        ("cl", "d"),
        ("e", "c"),
        ("h", "b"),
    ];
    let mut text = text.to_owned();
    let mut changed = 0;
    for _ in 0..(1 + dice.below(2)) {
        let possible: Vec<_> = CONFUSIONS.iter().filter(|(from, _)| text.contains(from)).collect();
        if possible.is_empty() {
            break;
        }
        let (from, to) = **dice.choose(&possible);
        let places: Vec<usize> = text.match_indices(from).map(|(at, _)| at).collect();
        let at = *dice.choose(&places);
        text.replace_range(at..at + from.len(), to);
        changed += 1;
    }
    (changed > 0).then_some(text)
}

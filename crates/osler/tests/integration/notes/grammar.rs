//! The grammar that notes are written by: one text file per kind of note, and one of shared rules.
//!
//! ```text
//! ! case=upper wrap=70          settings of the kind's surface
//! @note                         a rule, then its alternatives, one a line
//! Seen {date} by {doc}.         {name}: a rule, else a slot of the cast or the clinic
//! | Impression: {cond}          "| " continues the alternative on a new line
//! {finding*2-4}                 two to four different alternatives of a rule; {lines:finding*2-4} a line each
//! {shuffle:past,social,family}  these rules in any order, a line each
//! Gait is <steady|slow|>.       one of these
//! Fever [word:rose] overnight.  words that may look like an identifier, with their kind of trap
//! ```

use std::collections::BTreeMap;

type Rules = BTreeMap<String, Vec<String>>;

/// What a kind's notes look like on the page.
#[derive(Clone, Debug, Default)]
pub struct Surface {
    /// `upper`, `lower`, or as written.
    pub case: String,
    /// Lines are broken at this many characters, inside identifiers too; 0: never.
    pub wrap: usize,
    /// Share of ordinary words with a typing mistake, in thousandths.
    pub typos: usize,
    /// Share of ordinary words that a scanner misread, in thousandths.
    pub scan: usize,
    /// Accents are lost.
    pub ascii: bool,
}

/// One kind of note.
pub struct Kind {
    pub name: &'static str,
    pub surface: Surface,
    rules: Rules,
}

macro_rules! kinds {
    ($($name:literal),* $(,)?) => { &[$(($name, include_str!(concat!("grammar/", $name, ".txt")))),*] };
}

const KINDS: &[(&str, &str)] = kinds![
    "admission",
    "billing",
    "clinic_letter",
    "consult",
    "death",
    "dictated",
    "discharge",
    "ed_triage",
    "ems",
    "fax_cover",
    "genetics",
    "hl7",
    "lab_call",
    "med_rec",
    "nursing",
    "operative",
    "pathology",
    "physio",
    "portal",
    "progress",
    "psychiatry",
    "radiology",
    "referral",
    "social_work",
    "telegram",
    "telephone",
];
const SHARED: &[&str] = &[
    include_str!("grammar/shared/contact.txt"),
    include_str!("grammar/shared/clinic.txt"),
    include_str!("grammar/shared/exam.txt"),
    include_str!("grammar/shared/leads.txt"),
    include_str!("grammar/shared/people.txt"),
    include_str!("grammar/shared/terms.txt"),
];
const SYNONYMS: &str = include_str!("grammar/shared/synonyms.txt");
const CLINICAL_WORDS: &str = include_str!("grammar/shared/clinical_words.txt");

/// All kinds, with the rules that they share.
pub struct Grammar {
    pub kinds: Vec<Kind>,
    shared: Rules,
    clinical: Vec<&'static str>,
    synonyms: BTreeMap<String, Vec<String>>,
}

impl Grammar {
    pub fn load() -> Self {
        let kinds = KINDS.iter().map(|(name, text)| {
            let (surface, rules) = parse(text);
            assert!(rules.contains_key("note"), "{name} has no rule @note");
            Kind { name, surface, rules }
        });
        let mut shared = Rules::new();
        for text in SHARED {
            shared.append(&mut parse(text).1);
        }
        let mut clinical: Vec<&str> =
            CLINICAL_WORDS.lines().filter(|l| !l.starts_with('#')).flat_map(str::split_whitespace).collect();
        clinical.sort_unstable();
        let mut synonyms: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for group in SYNONYMS.lines().filter(|l| !l.starts_with('#')) {
            let group: Vec<String> = group.split_whitespace().map(|word| word.replace('_', " ")).collect();
            // A form of several words stands in for others, and is not looked for.
            for word in group.iter().filter(|word| !word.contains(' ')) {
                synonyms.entry(word.clone()).or_insert_with(|| group.clone());
            }
        }
        Grammar { kinds: kinds.collect(), shared, clinical, synonyms }
    }

    /// The alternatives of a rule, the kind's own before the shared.
    pub fn rule(&self, kind: usize, name: &str) -> Option<&[String]> {
        self.kinds[kind].rules.get(name).or_else(|| self.shared.get(name)).map(Vec::as_slice)
    }

    /// Words that may stand for one, in lower case; it is among them. None, if it has none.
    pub fn synonyms(&self, word: &str) -> Option<&[String]> {
        self.synonyms.get(word).map(Vec::as_slice)
    }

    /// Whether a word, in lower case, is clinical.
    pub fn is_clinical(&self, word: &str) -> bool {
        self.clinical.binary_search(&word).is_ok()
    }
}

fn parse(text: &str) -> (Surface, Rules) {
    let mut surface = Surface::default();
    let mut rules = Rules::new();
    let mut current = None;
    for line in text.lines().filter(|l| !l.trim().is_empty() && !l.starts_with('#')) {
        if let Some(settings) = line.strip_prefix("! ") {
            for setting in settings.split_whitespace() {
                let (name, value) = setting.split_once('=').expect("settings are name=value");
                match name {
                    "case" => surface.case = value.to_owned(),
                    "wrap" => surface.wrap = value.parse().unwrap(),
                    "typos" => surface.typos = value.parse().unwrap(),
                    "scan" => surface.scan = value.parse().unwrap(),
                    "ascii" => surface.ascii = value == "yes",
                    other => panic!("{other} is no setting"),
                }
            }
        } else if let Some(name) = line.strip_prefix('@') {
            current = Some(rules.entry(name.trim().to_owned()).or_default());
        } else {
            let alternatives = current.as_mut().expect("a rule's name comes first");
            match line.strip_prefix("| ").or_else(|| line.strip_prefix('|')) {
                Some(more) => {
                    let last = alternatives.last_mut().expect("something to continue");
                    last.push('\n');
                    last.push_str(more);
                }
                None => alternatives.push(line.to_owned()),
            }
        }
    }
    (surface, rules)
}

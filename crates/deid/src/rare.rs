//! Codes that few subjects hold: who has a rare disease is found by it. They are told more broadly, or not at all.

use crate::{Policy, codes};
use events::Code;
use rustc_hash::{FxHashMap, FxHashSet};
use std::fmt;

/// Distinct codes that are counted: more are none, but what stands in the place of one (numbers of records, dates).
const MOST_CODES: usize = 4_000_000;

/// Who holds which code, as far as that matters: of each code no more holders are kept than make it common.
///
/// Memory is bounded: at most four million codes of some 100 bytes, and for each no more subjects than make it common, 8 bytes each.
#[derive(Clone)]
pub struct Holders {
    policy: Policy,
    of: FxHashMap<Code, Vec<i64>>,
    /// How many codes are counted.
    most: usize,
    /// Codes came after so many others.
    left_out: bool,
}

impl fmt::Debug for Holders {
    /// Codes that few hold are nobody's to read.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} codes counted", self.of.len())
    }
}

impl Holders {
    /// None yet; the policy says how many subjects make a code common.
    pub(crate) fn new(policy: Policy) -> Self {
        Holders { policy, of: FxHashMap::default(), most: MOST_CODES, left_out: false }
    }

    /// Whether there were more codes than are counted: those that came late pass nowhere.
    pub fn left_some_out(&self) -> bool {
        self.left_out
    }

    /// Notes the codes of one subject, of those for which it matters.
    pub fn add(&mut self, subject: i64, codes: FxHashSet<Code>) {
        for code in codes.into_iter().filter(|code| !code.is_reserved()) {
            let fewest = fewest_subjects(&self.policy, &code);
            if fewest == 0 {
                continue;
            }
            if self.of.len() < self.most || self.of.contains_key(&code) {
                add(self.of.entry(code).or_default(), &[subject], fewest);
            } else {
                self.left_out = true;
            }
        }
    }

    /// What becomes of each code that too few hold.
    ///
    /// Codes of hierarchical systems move up level by level: those that are rare at one level are pooled under the
    /// broader code, with who is coded so already, until the pool is large enough. A broader code that stands in place
    /// of narrower ones is thus held by `fewest` subjects *in what is written*, and doesn't count those who keep a
    /// narrower one.
    pub fn verdicts(self) -> Verdicts {
        let Holders { policy, mut of, .. } = self;
        let fewest = |code: &Code| fewest_subjects(&policy, code);
        let mut broader = FxHashMap::default();
        for step in 0..MOST_STEPS {
            // The narrowest first. A code's level doesn't change, so that each is judged once.
            let mut rare: Vec<Code> = of
                .iter()
                .filter(|(code, holders)| {
                    level(code) == MOST_STEPS - 1 - step && holders.len() < fewest(code)
                })
                .map(|(code, _)| code.clone())
                .collect();
            rare.sort_unstable();
            for code in rare {
                let up = parent(&code);
                let holders = of.remove(&code).unwrap_or_default();
                if let Some(up) = &up {
                    add(of.entry(up.clone()).or_default(), &holders, fewest(up));
                }
                broader.insert(code, up);
            }
        }
        Verdicts { broader, common: of.into_keys().collect() }
    }
}

fn fewest_subjects(policy: &Policy, code: &Code) -> usize {
    policy.fewest_subjects(code).max(policy.fewest_subjects_of_words(code)) as usize
}

fn add(holders: &mut Vec<i64>, more: &[i64], fewest: usize) {
    for subject in more {
        if holders.len() >= fewest {
            return;
        }
        if !holders.contains(subject) {
            holders.push(*subject);
        }
    }
}

/// What becomes of codes, once all subjects were looked at.
#[derive(Clone, Default)]
pub struct Verdicts {
    /// The next broader code of each that too few hold; nothing where there is none.
    broader: FxHashMap<Code, Option<Code>>,
    common: FxHashSet<Code>,
}

impl fmt::Debug for Verdicts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} codes common, {} not", self.common.len(), self.broader.len())
    }
}

impl Verdicts {
    /// The code itself where enough hold it, else the narrowest broader one that enough are told under, else nothing: also
    /// for a code that was never counted.
    pub(crate) fn told<'c>(&'c self, code: &'c Code) -> Option<&'c Code> {
        let mut code = code;
        for _ in 0..=MOST_STEPS {
            if code.is_reserved() || self.common.contains(code) {
                return Some(code);
            }
            code = self.broader.get(code)?.as_ref()?;
        }
        None
    }
}

/// Levels of the deepest system.
const MOST_STEPS: usize = 6;

/// How many characters the codes of a system have at each level, the broadest first; the dot is not counted.
fn levels(system: &str) -> &'static [usize] {
    match system {
        "ICD10CM" | "ICD10" => &[3, 4, 5, 6, 7],
        "ICD9CM" => &[3, 4, 5],
        "ATC" => &[1, 3, 4, 5, 7],
        _ => &[],
    }
}

fn parts(code: &Code) -> Option<(&str, &str)> {
    code.as_str().split_once("//").filter(|(_, local)| !local.contains("//"))
}

/// How deep a code stands, from 0: those of other systems, and those without one, at the top.
fn level(code: &Code) -> usize {
    let Some((system, local)) = parts(code) else { return 0 };
    let length = local.chars().filter(|c| *c != '.').count();
    levels(system).iter().rposition(|level| *level <= length).unwrap_or(0)
}

/// The next broader code.
fn parent(code: &Code) -> Option<Code> {
    let (system, local) = parts(code)?;
    // An external cause of ICD-9 has a letter before its three digits; a block (`E08-E13`) is broad as it is.
    if local.contains('-') || system == "ICD9CM" && local.starts_with('E') {
        return None;
    }
    let at = level(code).checked_sub(1)?;
    let cut = codes::cut(local, levels(system)[at]);
    (cut != local && codes::has_shape(system, cut)).then(|| Code::of(system, cut))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn policy(fewest: u32) -> Policy {
        let shipped = Policy::expert_determination();
        let asked = format!("fewest_subjects = {fewest}");
        Policy::from_toml(&shipped.text().replace("fewest_subjects = 0", &asked)).unwrap()
    }

    fn verdicts(fewest: u32, held: &[(i64, &[&str])]) -> Verdicts {
        let mut holders = Holders::new(policy(fewest));
        for (subject, codes) in held {
            holders.add(*subject, codes.iter().map(|code| Code::new(*code)).collect());
        }
        holders.verdicts()
    }

    #[test]
    fn codes_beyond_what_is_counted_pass_nowhere_and_it_is_said() {
        let mut holders = Holders { most: 2, ..Holders::new(policy(2)) };
        for subject in 1..=3 {
            for code in ["SNOMED//1", "SNOMED//2"] {
                holders.add(subject, [Code::new(code)].into_iter().collect());
            }
        }
        assert!(!holders.left_some_out());
        for subject in 1..=3 {
            let late = ["SNOMED//2", "SNOMED//3"];
            holders.add(subject, late.into_iter().map(Code::new).collect());
        }
        assert!(holders.left_some_out());
        let verdicts = holders.verdicts();
        assert!(verdicts.told(&Code::new("SNOMED//2")).is_some());
        assert_eq!(verdicts.told(&Code::new("SNOMED//3")), None, "three hold it, and nobody counted");
    }

    #[test]
    fn a_rare_code_is_told_more_broadly_where_enough_are_told_so() {
        let verdicts = verdicts(
            2,
            &[
                (1, &["ICD10CM//E11.21", "SNOMED//73211009", "MEDS_BIRTH", "GLUCOSE", "JOHN Q CANARY"]),
                (2, &["ICD10CM//E11.22", "SNOMED//73211009", "GLUCOSE"]),
                (3, &["ICD10CM//E75.02", "SNOMED//44054006", "ATC//A10BA02"]),
                (4, &["ICD10CM//I10", "ALLERGY//ICD10CM//E11.21"]),
                (5, &["ICD10CM//I10"]),
            ],
        );
        let told = |code: &str| verdicts.told(&Code::new(code)).map(|code| code.as_str().to_owned());
        assert_eq!(told("ICD10CM//E11.21").as_deref(), Some("ICD10CM//E11.2"));
        assert_eq!(told("ICD10CM//I10").as_deref(), Some("ICD10CM//I10"));
        assert_eq!(told("SNOMED//73211009").as_deref(), Some("SNOMED//73211009"));
        assert_eq!(told("MEDS_BIRTH").as_deref(), Some("MEDS_BIRTH"));
        assert_eq!(told("GLUCOSE").as_deref(), Some("GLUCOSE"), "without a system, counted like any other");
        for gone in [
            "JOHN Q CANARY",
            "ICD10CM//E75.02",
            "SNOMED//44054006",
            "ATC//A10BA02",
            "ALLERGY//ICD10CM//E11.21",
            "ICD10CM//Z99.9",
        ] {
            assert_eq!(told(gone), None, "{gone}");
        }
    }

    #[test]
    fn who_keeps_a_narrower_code_does_not_make_the_broader_one_common() {
        let common: Vec<(i64, &[&str])> = (10..20).map(|s| (s, &["ICD10CM//E11.9"][..])).collect();
        let verdicts =
            verdicts(3, &[&common[..], &[(1, &["ICD10CM//E11.21"]), (2, &["ICD10CM//E11.8"])]].concat());
        // Two alone would be told as E11.
        assert_eq!(verdicts.told(&Code::new("ICD10CM//E11.21")), None);
        assert_eq!(verdicts.told(&Code::new("ICD10CM//E11.8")), None);
        assert!(verdicts.told(&Code::new("ICD10CM//E11.9")).is_some());
    }

    const POOL: [&str; 18] = [
        "ICD10CM//E11",
        "ICD10CM//E11.2",
        "ICD10CM//E11.21",
        "ICD10CM//E11.22",
        "ICD10CM//E11.9",
        "ICD10CM//S72.001A",
        "ICD10CM//S72.001D",
        "ICD10CM//S72.0",
        "ICD9CM//250.00",
        "ICD9CM//250.01",
        "ICD9CM//250",
        "ATC//A10BA02",
        "ATC//A10BB01",
        "ATC//A10",
        "SNOMED//73211009",
        "GLUCOSE",
        "JOHN Q CANARY, 12 ELM ST",
        "MEDS_DEATH",
    ];

    proptest! {
        /// By brute force over what would be written: no code is held by too few, and what is told stands above what was.
        #[test]
        fn nothing_rare_is_written(
            fewest in 2u32..5,
            subjects in prop::collection::vec(prop::collection::hash_set(0..POOL.len(), 0..6), 0..14),
        ) {
            let mut holders = Holders::new(policy(fewest));
            for (id, held) in subjects.iter().enumerate() {
                holders.add(id as i64, held.iter().map(|at| Code::new(POOL[*at])).collect());
            }
            let verdicts = holders.verdicts();
            let mut written: FxHashMap<String, FxHashSet<usize>> = FxHashMap::default();
            for (id, held) in subjects.iter().enumerate() {
                for at in held {
                    let code = Code::new(POOL[*at]);
                    let enough = subjects.iter().filter(|other| other.contains(at)).count() >= fewest_subjects(&policy(fewest), &code);
                    match verdicts.told(&code) {
                        Some(told) => {
                            let above = |c: &str| c.replace('.', "");
                            prop_assert!(above(POOL[*at]).starts_with(&above(told.as_str())));
                            prop_assert!(!enough || *told == code);
                            written.entry(told.as_str().to_owned()).or_default().insert(id);
                        }
                        None => prop_assert!(!enough && POOL[*at] != Code::DEATH),
                    }
                }
            }
            for (code, holders) in written {
                prop_assert!(holders.len() >= fewest as usize || code == Code::DEATH, "{code}");
            }
        }
    }
}

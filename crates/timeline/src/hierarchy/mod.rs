//! What is broader than a code: where a rare or unseen code falls back to.

mod icd10;
mod icd10_blocks;

use events::meds::CodeMetadata;
use rustc_hash::FxHashMap;
use smol_str::{SmolStr, format_smolstr};

/// A code has at most this many ancestors; a description file that claims more is cut, nearest kept.
const MOST_ANCESTORS: usize = 64;

/// Broader codes of a code, nearest first, ending at its system (`LOINC//*`).
///
/// ICD-10(-CM), ICD-9-CM, ICD-10-PCS and ATC say by their letters what is broader; for the other systems the
/// data set's own `metadata/codes.parquet` does; a code of several parts (`LAB//50912//mg/dL`) falls back to
/// its leading ones.
#[derive(Clone, Debug, Default)]
pub struct Hierarchy {
    parents: FxHashMap<SmolStr, Vec<SmolStr>>,
}

impl Hierarchy {
    /// A hierarchy that knows the parents in a data set's code metadata besides the built-in ones.
    pub fn new<'a>(metadata: impl IntoIterator<Item = &'a CodeMetadata>) -> Self {
        let mut parents = FxHashMap::default();
        for code in metadata {
            if !code.parents.is_empty() {
                let broader = code.parents.iter().map(SmolStr::new).collect();
                parents.insert(SmolStr::new(&code.code), broader);
            }
        }
        Hierarchy { parents }
    }

    /// The codes broader than `code`, breadth first: all parents before any grandparent, in the order in which
    /// they are listed; the code's system comes last. Cycles are cut.
    ///
    /// ```
    /// let ancestors = timeline::Hierarchy::default().ancestors("ICD10CM//E11.65");
    /// assert_eq!(ancestors.join(" "),
    ///     "ICD10CM//E11.6 ICD10CM//E11 ICD10CM//E08-E13 ICD10CM//E00-E89 ICD10CM//*");
    /// ```
    pub fn ancestors(&self, code: &str) -> Vec<SmolStr> {
        // Few enough that looking through all of them costs less than a set would.
        let mut ancestors: Vec<SmolStr> = Vec::new();
        let mut broader = Vec::new();
        let mut next = 0;
        self.parents_of(code, &mut broader);
        loop {
            for parent in broader.drain(..) {
                if ancestors.len() < MOST_ANCESTORS && parent != code && !ancestors.contains(&parent) {
                    ancestors.push(parent);
                }
            }
            let Some(ancestor) = ancestors.get(next) else { break };
            self.parents_of(ancestor, &mut broader);
            next += 1;
        }
        if let Some(root) = system_root(code)
            && !ancestors.contains(&root)
        {
            ancestors.push(root);
        }
        ancestors
    }

    /// The nearest broader code, the nearest of that one, and so on, but for the system. Where a code has one parent these are
    /// [`Hierarchy::ancestors`].
    ///
    /// ```
    /// let line = timeline::Hierarchy::default().line("ATC//C10AA05");
    /// assert_eq!(line.join(" "), "ATC//C10AA ATC//C10A ATC//C10 ATC//C");
    /// ```
    pub fn line(&self, code: &str) -> Vec<SmolStr> {
        let mut line: Vec<SmolStr> = Vec::new();
        let mut broader = Vec::new();
        self.parents_of(code, &mut broader);
        while !broader.is_empty() {
            let nearest = broader.swap_remove(0);
            broader.clear();
            if line.len() == MOST_ANCESTORS
                || nearest == code
                || line.contains(&nearest)
                || nearest.ends_with("//*")
            {
                break;
            }
            self.parents_of(&nearest, &mut broader);
            line.push(nearest);
        }
        line
    }

    fn parents_of(&self, code: &str, broader: &mut Vec<SmolStr>) {
        let Some((system, local)) = code.split_once("//") else {
            broader.extend(self.parents.get(code).into_iter().flatten().cloned());
            return;
        };
        if let Some(parent) = built_in_parent(system, local) {
            broader.push(format_smolstr!("{system}//{parent}"));
            return;
        }
        match self.parents.get(code) {
            Some(listed) => broader.extend(listed.iter().cloned()),
            None => {
                if let Some((leading, _)) = local.rsplit_once("//") {
                    broader.push(format_smolstr!("{system}//{leading}"));
                }
            }
        }
    }
}

/// What the built-in classifications call a code, where they are in the public domain: titles of ICD-10-CM's
/// chapters and blocks.
pub(crate) fn built_in_title(code: &str) -> Option<&'static str> {
    let local = code.strip_prefix("ICD10CM//")?;
    icd10::title(local)
}

/// `SYSTEM//*`, for a code that has a system and isn't that already.
fn system_root(code: &str) -> Option<SmolStr> {
    let (system, local) = code.split_once("//")?;
    (local != "*" && !system.is_empty()).then(|| format_smolstr!("{system}//*"))
}

fn built_in_parent(system: &str, local: &str) -> Option<SmolStr> {
    if !local.is_ascii() || local == "*" {
        return None;
    }
    match system {
        "ICD10CM" => icd10::parent(local, icd10::Edition::Cm),
        "ICD10" | "ICD10GM" | "ICD10WHO" => icd10::parent(local, icd10::Edition::Who),
        "ICD9CM" => icd9_parent(local),
        "ICD10PCS" => shorter(local, &[3, 2, 1]),
        "ATC" => shorter(local, &[5, 4, 3, 1]),
        _ => None,
    }
}

/// ICD-9-CM: `250.01` → `250.0` → `250`; external causes have a letter and three digits (`E850.0` → `E850`).
fn icd9_parent(local: &str) -> Option<SmolStr> {
    let category = if local.starts_with('E') { 4 } else { 3 };
    (local.len() > category).then(|| {
        let cut = &local[..local.len() - 1];
        SmolStr::new(cut.strip_suffix('.').unwrap_or(cut))
    })
}

/// The longest prefix among `lengths` (descending) that is shorter than the code.
fn shorter(local: &str, lengths: &[usize]) -> Option<SmolStr> {
    lengths.iter().find(|&&length| length < local.len()).map(|&length| SmolStr::new(&local[..length]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ancestors(code: &str) -> String {
        Hierarchy::default().ancestors(code).join(" ")
    }

    #[test]
    fn built_in_systems_truncate() {
        assert_eq!(ancestors("ATC//A10BA02"), "ATC//A10BA ATC//A10B ATC//A10 ATC//A ATC//*");
        assert_eq!(ancestors("ICD9CM//250.01"), "ICD9CM//250.0 ICD9CM//250 ICD9CM//*");
        assert_eq!(ancestors("ICD9CM//E850.0"), "ICD9CM//E850 ICD9CM//*");
        assert_eq!(ancestors("ICD10PCS//0DTJ4ZZ"), "ICD10PCS//0DT ICD10PCS//0D ICD10PCS//0 ICD10PCS//*");
        assert_eq!(ancestors("ICD10//E14"), "ICD10//E10-E14 ICD10//E00-E90 ICD10//*");
    }

    #[test]
    fn parts_then_system_then_nothing() {
        assert_eq!(ancestors("LAB//50912//mg/dL"), "LAB//50912 LAB//*");
        assert_eq!(ancestors("LAB//*"), "");
        assert_eq!(ancestors("HR"), "");
        assert_eq!(ancestors(""), "");
        assert_eq!(ancestors("//x"), "");
    }

    #[test]
    fn metadata_parents_are_walked_breadth_first_and_cycles_are_cut() {
        let metadata = |code: &str, parents: &[&str]| CodeMetadata {
            code: code.into(),
            description: None,
            parents: parents.iter().map(|&p| p.into()).collect(),
            is_procedure: false,
        };
        let hierarchy = Hierarchy::new(&[
            metadata("SNOMED//1", &["SNOMED//2", "SNOMED//3"]),
            metadata("SNOMED//2", &["SNOMED//4"]),
            metadata("SNOMED//4", &["SNOMED//1", "SNOMED//3"]),
        ]);
        assert_eq!(hierarchy.ancestors("SNOMED//1").join(" "), "SNOMED//2 SNOMED//3 SNOMED//4 SNOMED//*");
    }

    #[test]
    fn odd_codes_do_not_panic() {
        for code in
            ["ICD10CM//", "ICD10CM//é1", "ICD10CM//E", "ICD10CM//E11.", "ATC//", "ICD9CM//E", "ICD10CM//*"]
        {
            assert!(ancestors(code).len() < 200);
        }
    }
}

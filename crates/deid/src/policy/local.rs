//! Coding systems of a site's own: a laboratory's, a pharmacy's, of which nobody outside knows how codes look.

use super::file::LocalSystem;
use crate::codes;
use events::{Code, system_of_uri};
use regex::{Regex, RegexBuilder};
use rustc_hash::FxHashMap;
use smol_str::SmolStr;

/// Most systems that a policy may name.
const MOST: usize = 1000;
/// Longest code of a site's own, in bytes.
const LONGEST_CODE: usize = 64;
/// Most memory that a shape takes once it is compiled, in bytes.
const LARGEST_SHAPE: usize = 1 << 20;
/// What stands in code fields and is none: no shape may fit it.
const NO_CODES: [(&str, &str); 4] = [
    ("555-12-3456", "a social security number"),
    ("ann@example.org", "an e-mail address"),
    ("192.168.0.1", "an IP address"),
    ("2019-03-14", "a date"),
];

/// The systems of a site's own that a policy names.
#[derive(Clone, Debug, Default)]
pub(crate) struct LocalSystems {
    by_source: FxHashMap<SmolStr, Named>,
    /// By the name that is told: how many subjects must hold a code.
    fewest: FxHashMap<SmolStr, u32>,
}

#[derive(Clone, Debug)]
struct Named {
    name: SmolStr,
    /// Where none is stated, any code passes that could be one.
    shape: Option<Regex>,
}

impl LocalSystems {
    pub(super) fn new(systems: &[LocalSystem]) -> Result<Self, String> {
        if systems.len() > MOST {
            return Err(format!("codes.local names {} systems, of at most {MOST}", systems.len()));
        }
        let mut local = LocalSystems::default();
        for system in systems {
            let shape = shape(&system.shape)
                .map_err(|problem| format!("codes.local: the shape of {} {problem}", system.name))?;
            local.add(&system.system, &system.name, Some(shape))?;
            let fewest = local.fewest.entry(system.name.clone()).or_default();
            *fewest = system.fewest_subjects.max(*fewest);
        }
        Ok(local)
    }

    /// Systems whose codes were judged before: any that could be one passes.
    pub(super) fn judged<'s>(systems: impl IntoIterator<Item = (&'s str, &'s str)>) -> Result<Self, String> {
        let mut local = LocalSystems::default();
        systems.into_iter().try_for_each(|(source, name)| local.add(source, name, None))?;
        Ok(local)
    }

    fn add(&mut self, source: &str, name: &str, shape: Option<Regex>) -> Result<(), String> {
        let source = as_read(source);
        if source.is_empty() || source == "URI:" {
            return Err(format!(
                "codes.local: the system of {name} is empty, and a code without a system may be anything"
            ));
        }
        if codes::shape(&source).is_some() {
            return Err(format!("codes.local names {source}, whose codes have a shape that is known"));
        }
        let fits = (1..=32).contains(&name.len())
            && name.starts_with(|c: char| c.is_ascii_uppercase())
            && name.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_');
        if !fits {
            return Err("codes.local: a name is to be 1 to 32 of A-Z, 0-9 and _, a letter first".into());
        }
        if codes::shape(name).is_some() || (is_reserved(name) && source != name) {
            return Err(format!("codes.local gives the name {name}, which is another system's"));
        }
        match self.by_source.insert(source, Named { name: SmolStr::new(name), shape }) {
            None => Ok(()),
            Some(_) => Err(format!("codes.local names a system twice, the second time as {name}")),
        }
    }

    pub(crate) fn asks_who_holds_codes(&self) -> bool {
        !self.fewest.is_empty()
    }

    /// What sources call each, and what it is told as; sorted.
    pub(crate) fn names(&self) -> Vec<(SmolStr, SmolStr)> {
        let mut names: Vec<_> =
            self.by_source.iter().map(|(source, named)| (source.clone(), named.name.clone())).collect();
        names.sort();
        names
    }

    /// The name that a source's system is told as.
    pub(crate) fn name(&self, source: &str) -> Option<&SmolStr> {
        self.by_source.get(source).map(|named| &named.name)
    }

    /// Is a system told by this name?
    pub(crate) fn is_a_name(&self, name: &str) -> bool {
        self.by_source.values().any(|named| named.name == name)
    }

    /// Could this be a code of the system that a source calls so?
    pub(crate) fn fits(&self, source: &str, code: &str) -> bool {
        self.by_source.get(source).is_some_and(|named| {
            could_be_a_code(code) && named.shape.as_ref().is_none_or(|shape| shape.is_match(code))
        })
    }

    /// How many subjects must hold a code, since it is of such a system or its answer is; 0 where neither is.
    pub(crate) fn fewest_subjects(&self, code: &Code) -> u32 {
        if self.fewest.is_empty() {
            return 0;
        }
        // A code before may end in a slash itself.
        let parts = code.as_str().split("//").map(|part| part.trim_start_matches('/'));
        parts.filter_map(|part| self.fewest.get(part)).max().copied().unwrap_or(0)
    }
}

/// A system as readers name it: by a URI, or as the source does.
fn as_read(source: &str) -> SmolStr {
    let source = source.trim();
    match source.contains("://") || source.to_ascii_lowercase().starts_with("urn:") {
        true => system_of_uri(source.strip_prefix("URI:").unwrap_or(source)),
        false => SmolStr::new(source),
    }
}

/// Names that mean something else in events, those that readers give to systems without a known shape among them: they may only
/// stand for themselves.
fn is_reserved(name: &str) -> bool {
    name.starts_with("MEDS_")
        || name.starts_with("OSLER_")
        || matches!(
            name,
            "ZIP"
                | "ZIP3"
                | "URI"
                | "TIME"
                | "END"
                | "UNKNOWN"
                | "CANCER_MODIFIER"
                | "CCSR"
                | "CMS_PLACE_OF_SERVICE"
                | "DOCUMENT"
                | "DRG"
                | "HL7"
                | "ICD10GM"
                | "ICD9PROCCN"
                | "ICDO3"
                | "INTERPRETATION"
                | "MESH"
                | "NDFRT"
                | "NUCC"
                | "OMOP_EXTENSION"
                | "OPCS4"
                | "REVENUE_CODE"
                | "UCUM"
                | "UNII"
                | "V2"
                | "V3"
        )
}

fn could_be_a_code(code: &str) -> bool {
    (1..=LONGEST_CODE).contains(&code.len())
        && code.bytes().all(|b| b.is_ascii_graphic())
        && !code.contains("//")
        && !codes::is_like_a_date(code)
}

/// The whole of a code must fit.
fn shape(pattern: &str) -> Result<Regex, String> {
    let compile = |pattern: &str| RegexBuilder::new(pattern).size_limit(LARGEST_SHAPE).build();
    // By itself first: what is no expression alone could become one in brackets.
    let whole = compile(pattern).and_then(|_| compile(&format!(r"\A(?:{pattern})\z")));
    let whole = whole.map_err(|error| format!("is no regular expression: {error}"))?;
    match NO_CODES.iter().find(|(sample, _)| whole.is_match(sample)) {
        Some((sample, what)) => Err(format!("fits {sample}, which is how {what} is written; narrow it")),
        None => Ok(whole),
    }
}

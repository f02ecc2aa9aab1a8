//! Sensitive codes, and what equivalence classes tell of them.

use super::suppress::lone;
use super::{Classes, Diversity, closeness, diversity};
use events::Code;
use serde::Serialize;

/// A group of sensitive codes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SensitiveGroup {
    name: String,
    prefixes: Vec<String>,
    codes: Vec<String>,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Lists {
    group: Vec<List>,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct List {
    name: String,
    prefixes: Vec<String>,
    codes: Vec<String>,
}

impl SensitiveGroup {
    /// How many groups a report can tell apart.
    pub const MOST: usize = 31;

    /// HIV, substance use, mental health, sexual and reproductive health, from lists shipped in the program.
    pub fn defaults() -> Vec<Self> {
        match toml::from_str::<Lists>(include_str!("sensitive.toml")) {
            Ok(lists) => lists.group.into_iter().map(|l| Self::new(l.name, &l.prefixes, &l.codes)).collect(),
            Err(error) => unreachable!("the shipped lists are tested: {error}"),
        }
    }

    /// Codes that begin with a prefix, such as `ICD10CM//D57`; dots are ignored.
    pub fn prefix(prefix: &str) -> Self {
        Self::new(prefix.to_owned(), &[prefix.to_owned()], &[])
    }

    fn new(name: String, prefixes: &[String], codes: &[String]) -> Self {
        SensitiveGroup {
            name,
            prefixes: prefixes.iter().map(|p| p.replace('.', "")).collect(),
            codes: codes.to_vec(),
        }
    }

    /// The group's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Is a code in the group? A code of another role (`FAMILY_HISTORY//…`) is not the subject's own, and isn't.
    pub fn holds(&self, code: &Code) -> bool {
        let whole = match code.local() {
            Some(local) if code.system() == "ICD10" => format!("ICD10CM//{local}"),
            _ => code.as_str().to_owned(),
        };
        let is = |listed: &String| {
            whole.strip_prefix(listed.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with("//"))
        };
        if self.codes.iter().any(is) {
            return true;
        }
        let plain = whole.replace('.', "");
        self.prefixes.iter().any(|prefix| plain.starts_with(prefix.as_str()))
    }
}

/// What equivalence classes tell of one sensitive attribute.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Attribute {
    /// Its name.
    pub name: String,
    /// What the values are.
    pub values: &'static str,
    /// Subjects with any of its codes; `None` where that isn't printed: they are fewer than the threshold, or a
    /// difference between two counts would tell of such a few.
    pub subjects: Option<u64>,
    /// Subjects who have it in classes where everybody does, so that finding the class tells it; `None` likewise.
    pub subjects_given_away: Option<u64>,
    /// l-diversity over all classes.
    pub diversity: Diversity,
    /// t-closeness over all classes: the greatest distance from everybody's distribution.
    pub t: f64,
    /// The share of subjects in classes that are farther away than 0.1, 0.2, 0.3 and 0.5.
    pub subjects_beyond: Vec<(f64, f64)>,
    /// Which distance.
    pub distance: &'static str,
}

const BEYOND: [f64; 4] = [0.1, 0.2, 0.3, 0.5];

/// The attributes: each group by itself, all groups as one value, and how many sensitive codes there are. `masks`
/// hold a bit a group a subject, `counts` how many different sensitive codes.
pub(super) fn attributes(
    groups: &[SensitiveGroup],
    classes: &Classes,
    masks: &[u32],
    counts: &[u32],
    threshold: u32,
) -> Vec<Attribute> {
    let mut single: Vec<Attribute> = Vec::new();
    for (i, group) in groups.iter().enumerate() {
        let has: Vec<u32> = masks.iter().map(|mask| (mask >> i) & 1).collect();
        let distances = closeness::equal_distance(classes, &has);
        single.push(attribute(
            group.name(),
            "has a code of the group, or none",
            EQUAL,
            classes,
            &has,
            distances,
        ));
    }
    let mut joint: Vec<Attribute> = Vec::new();
    if groups.len() > 1 {
        let distances = closeness::equal_distance(classes, masks);
        joint.push(attribute("all groups as one", "which groups", EQUAL, classes, masks, distances));
    }
    let distances = closeness::ordered_distance(classes, counts);
    let name = "number of different sensitive codes";
    joint.push(attribute(name, "0, 1, 2, …", "ordered values", classes, counts, distances));
    let counts = |of: &dyn Fn(&Attribute) -> Option<u64>| {
        let totals: Vec<Option<u64>> =
            joint.iter().map(|a| withheld(of(a), &single, of, threshold)).collect();
        let own = single.iter().map(|a| of(a).and_then(|n| lone(n, threshold)));
        own.chain(totals).collect::<Vec<_>>()
    };
    let (subjects, given_away) = (counts(&|a| a.subjects), counts(&|a| a.subjects_given_away));
    single.append(&mut joint);
    for (attribute, (subjects, given_away)) in single.iter_mut().zip(subjects.into_iter().zip(given_away)) {
        attribute.subjects = subjects;
        attribute.subjects_given_away = given_away;
    }
    single
}

/// A count over all groups, if it may be printed beside theirs: who has any of them less who has one would tell the
/// few who have another.
fn withheld(
    total: Option<u64>,
    groups: &[Attribute],
    of: &dyn Fn(&Attribute) -> Option<u64>,
    threshold: u32,
) -> Option<u64> {
    let total = total?;
    let few = |n: u64| lone(n, threshold).is_none();
    let told = groups.iter().filter_map(of).any(|n| few(n) || few(total.abs_diff(n)));
    if told { None } else { lone(total, threshold) }
}

const EQUAL: &str = "equal distances";

/// One attribute, with its counts as they are; value 0 is to have none.
fn attribute(
    name: &str,
    values: &'static str,
    distance: &'static str,
    classes: &Classes,
    of_subject: &[u32],
    distances: Vec<f64>,
) -> Attribute {
    let n = classes.subjects().max(1) as f64;
    let with = of_subject.iter().filter(|v| **v > 0).count() as u64;
    let mut with_in_class = vec![0u32; classes.sizes().len()];
    for (class, value) in classes.of().iter().zip(of_subject) {
        with_in_class[*class as usize] += u32::from(*value > 0);
    }
    let given_away: u64 = classes
        .sizes()
        .iter()
        .zip(&with_in_class)
        .filter(|(size, n)| size == n)
        .map(|(size, _)| u64::from(*size))
        .sum();
    let beyond = |limit: f64| {
        let far = classes.sizes().iter().zip(&distances).filter(|(_, d)| **d > limit);
        far.map(|(size, _)| f64::from(*size)).sum::<f64>() / n
    };
    Attribute {
        name: name.to_owned(),
        values,
        subjects: Some(with),
        subjects_given_away: Some(given_away),
        diversity: diversity(classes, of_subject),
        t: distances.iter().copied().fold(0.0, f64::max),
        subjects_beyond: BEYOND.iter().map(|limit| (*limit, beyond(*limit))).collect(),
        distance,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codes::has_shape;

    #[test]
    fn no_difference_of_counts_tells_of_a_few() {
        let groups = SensitiveGroup::defaults();
        let column: Vec<u32> = vec![0; 60];
        let classes = Classes::new(60, [&column[..]]);
        let subjects = |masks: &[u32]| {
            let found = attributes(&groups, &classes, masks, masks, 11);
            found.iter().map(|a| a.subjects).collect::<Vec<_>>()
        };
        // 30 with the first group, one more with the second alone.
        let masks: Vec<u32> = (0..60).map(|i| if i < 30 { 1 } else { u32::from(i == 30) * 2 }).collect();
        assert_eq!(subjects(&masks), [Some(30), None, Some(0), Some(0), None, None]);
        // Neither count is small, but one of the second group has not the first.
        let masks: Vec<u32> = (0..60)
            .map(|i| if i < 30 { 1 + u32::from(i < 15) * 2 } else { u32::from(i == 30) * 2 })
            .collect();
        assert_eq!(subjects(&masks), [Some(30), Some(16), Some(0), Some(0), None, None]);
        let masks: Vec<u32> = (0..60).map(|i| 1 + u32::from(i < 30)).collect();
        assert_eq!(subjects(&masks)[4..], [Some(60), Some(60)]);
    }

    #[test]
    fn the_shipped_lists_hold_well_formed_codes() {
        let groups = SensitiveGroup::defaults();
        assert_eq!(groups.len(), 4);
        for code in groups.iter().flat_map(|g| &g.codes) {
            let (system, local) = code.split_once("//").unwrap();
            assert!(has_shape(system, local), "{code}");
        }
        for prefix in groups.iter().flat_map(|g| &g.prefixes) {
            let (system, local) = prefix.split_once("//").unwrap();
            assert!(["ICD10CM", "ICD9CM", "ATC", "LOINC"].contains(&system) && !local.is_empty(), "{prefix}");
        }
    }

    #[test]
    fn prefixes_ignore_dots_and_whole_codes_are_whole() {
        let groups = SensitiveGroup::defaults();
        let held = |code: &str| {
            let in_group = groups.iter().filter(|g| g.holds(&Code::new(code)));
            in_group.map(|g| g.name().to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(held("ICD10CM//O98.7"), ["HIV", "sexual and reproductive health"]);
        assert_eq!(held("ICD10//F11.20"), ["substance use"]);
        assert_eq!(held("SNOMED//55680006"), ["substance use"]);
        assert!(held("SNOMED//556800061").is_empty());
        assert!(held("ICD10CM//F17.210").is_empty());
        assert!(held("FAMILY_HISTORY//ICD10CM//F20.0").is_empty());
        assert!(SensitiveGroup::prefix("ICD10CM//D57.1").holds(&Code::of("ICD10CM", "D571")));
    }
}

//! One synthetic population by every route to MEDS.

use crate::support::Site;
use events::{Code, Event, Subject};
use std::collections::BTreeMap;

#[test]
fn meds_needs_no_ingest_is_signed_and_does_not_depend_on_threads() {
    let site = Site::new();
    let asked = "synth --subjects 150 --format meds --key site.key";
    site.succeed(&format!("{asked} --threads 1 --out one"));
    site.succeed(&format!("{asked} --threads 3 --out three"));
    assert_eq!(site.digest("one"), site.digest("three"));
    let manifest = site.manifest("one");
    assert_eq!((&manifest["kind"], &manifest["synthetic"]), (&"events".into(), &true.into()));
    let verified = site.succeed("deid verify one");
    let said = String::from_utf8(verified.stdout).unwrap();
    assert!(said.contains("policy synthetic (nobody is in it: 150 synthetic people, seed 1)"), "{said}");
    site.succeed("tokenize --out timeline one");
    assert_eq!(site.manifest("timeline")["synthetic"], true);
    let subjects = site.events("one");
    assert_eq!(subjects.len(), 150);

    let said = site.fail("synth --subjects 5 --format meds --out keyless");
    assert!(said.contains("osler key new"), "{said}");
    let said = site.fail(&format!("{asked} --out one"));
    assert!(said.contains("--force"), "{said}");
}

#[test]
fn the_second_site_has_other_codes_units_and_habits() {
    let site = Site::new();
    let asked = "synth --subjects 120 --format meds --key site.key";
    site.succeed(&format!("{asked} --out a"));
    site.succeed(&format!("{asked} --site b --out b"));
    let codes = |name: &str| -> BTreeMap<String, usize> {
        let mut counts = BTreeMap::new();
        for event in site.events(name).iter().flat_map(Subject::events) {
            *counts.entry(event.code.as_str().to_owned()).or_default() += 1;
        }
        counts
    };
    let (a, b) = (codes("a"), codes("b"));
    assert!(a.contains_key("LOINC//2345-7") && a.contains_key("ICD10CM//E78.5"));
    assert!(b.contains_key("LOCAL_LAB//GLUCOSE") && b.contains_key("ICD10CM//E78"));
    // Whether somebody smokes is asked in one way everywhere.
    let asked = |code: &str| code.starts_with("LOINC//72166-2//");
    assert!(b.keys().all(|code| asked(code) || !code.starts_with("LOINC//") && code != "ICD10CM//E78.5"));
    let diagnoses = |counts: &BTreeMap<String, usize>| -> usize {
        counts.iter().filter(|(code, _)| code.starts_with("ICD10CM//")).map(|(_, n)| n).sum()
    };
    assert!(diagnoses(&b) < diagnoses(&a), "the second site codes as often as the first");
}

/// What a record says, but for what a format has no place for or another word for (docs/synth/README.md): whole seconds,
/// units without annotations, one word for each kind of visit; no reports, notes, addresses, payers or language.
fn told_alike(subjects: Vec<Subject>) -> BTreeMap<i64, Vec<String>> {
    const REPORTS_AND_NOTES: [&str; 8] =
        ["51990-0", "58410-2", "24331-1", "24325-3", "24326-1", "11506-3", "18842-5", "34111-5"];
    const NOT_EVERYWHERE: [&str; 8] =
        ["PAYER", "STATE", "ZIP", "NOTE", "DISCHARGE", "MARITAL", "LANGUAGE", Code::FOLLOWUP_END];
    let plain = |event: &Event| {
        let time = event.time.map_or(i64::MIN, |time| time.micros() / 1_000_000);
        let code = event.code.as_str();
        let code = match code.rsplit_once("//") {
            Some((system, "IMP")) => format!("{system}//IP"),
            Some((system, "AMB")) => format!("{system}//OP"),
            Some((system, "EMER")) => format!("{system}//ER"),
            _ => code.to_owned(),
        };
        let unit = event.unit.as_deref().and_then(|unit| unit.split('{').next()).unwrap_or_default();
        format!("{time} {code} {:?} {unit}", event.numeric_value)
    };
    let kept = |event: &&Event| {
        !NOT_EVERYWHERE.contains(&event.code.system())
            && !event.code.local().is_some_and(|local| REPORTS_AND_NOTES.contains(&local))
    };
    subjects
        .iter()
        .map(|subject| {
            let mut lines: Vec<String> = subject.events().iter().filter(kept).map(plain).collect();
            lines.sort();
            (subject.id, lines)
        })
        .collect()
}

/// Records in an order that doesn't depend on the subjects' numbers, which ingest replaces.
fn renumbered(records: BTreeMap<i64, Vec<String>>) -> Vec<Vec<String>> {
    let mut records: Vec<Vec<String>> = records.into_values().collect();
    records.sort();
    records
}

#[test]
fn the_routes_tell_the_same() {
    let site = Site::new();
    let asked = "synth --subjects 60 --seed 5 --key site.key";
    site.succeed(&format!("{asked} --format meds --out direct"));
    let direct = renumbered(told_alike(site.events("direct")));
    assert_eq!(direct.len(), 60);
    for format in ["fhir", "omop"] {
        site.succeed(&format!("{asked} --format {format} --out {format}"));
        assert!(site.path(format).join("truth/subjects.parquet").is_file());
        let ingest = "ingest --synthetic --key site.key --policy limited-data-set";
        site.succeed(&format!("{ingest} --from {format} --out by-{format} {format}/{format}"));
        let by_format = renumbered(told_alike(site.events(&format!("by-{format}"))));
        assert_eq!(direct.len(), by_format.len());
        for (direct, other) in direct.iter().zip(&by_format) {
            let only = |a: &[String], b: &[String]| -> Vec<String> {
                a.iter().filter(|line| !b.contains(line)).take(5).cloned().collect()
            };
            assert!(direct == other, "{format}: {:?} / {:?}", only(direct, other), only(other, direct));
        }
    }
}

#[test]
fn rates_are_checked_and_a_handful_of_lives_is_refused() {
    let site = Site::new();
    let checked = site.succeed("synth --check --subjects 2000 --seed 3");
    let said = String::from_utf8(checked.stdout).unwrap();
    assert!(said.contains("pancreatic_cancer") || said.contains("stroke"), "{said}");
    assert!(said.contains("life expectancy: men 7"), "{said}");
    assert!(site.fail("synth --check --subjects 10").contains("some thousands"));
    assert!(site.fail("synth --check --subjects 2000 --out x").contains("cannot be used with"));
}

//! Data that nobody here wrote.

use crate::support::{Site, shared_data};

/// Ingests and states subjects and events in the manifest.
#[track_caller]
fn check(
    arguments: &str,
    sources: &[&str],
    subjects: u64,
    least_events: u64,
) -> Option<(Site, serde_json::Value)> {
    let data = shared_data()?;
    let site = Site::new();
    let mut line: Vec<String> = format!("ingest {arguments} --key site.key --out events")
        .split_whitespace()
        .map(str::to_owned)
        .collect();
    line.extend(sources.iter().map(|s| data.join(s).display().to_string()));
    let output = site.command(&line.iter().map(String::as_str).collect::<Vec<_>>()).output().unwrap();
    assert!(output.status.success(), "{arguments}: {}", String::from_utf8_lossy(&output.stderr));
    let counts = site.manifest("events")["counts"].clone();
    let sum = |key: &str| counts[key].as_object().unwrap().values().filter_map(|v| v.as_u64()).sum::<u64>();
    assert_eq!(sum("subjects"), subjects, "{counts}");
    assert!(sum("events") >= least_events, "{counts}");
    Some((site, counts))
}

fn example(name: &str) -> String {
    format!("{}/../../examples/{name}", env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn fhir_bundles() {
    check("--from fhir", &["fhir-r4-synthea-bundles.tar.zst"], 411, 120_000);
}

#[test]
fn fhir_bulk_ndjson() {
    check("--from fhir", &["fhir-r4-bulk-ndjson-10.tar.zst"], 13, 10_000);
}

#[test]
fn synthea_csv() {
    check("--from synthea", &["synthea-csv-27.tar.zst"], 27, 3_000);
}

#[test]
fn physionet_2012() {
    let mapping = format!("--from table --mapping {}", example("physionet2012.toml"));
    let Some((_, counts)) =
        check(&mapping, &["physionet2012/set-a.tar.zst", "physionet2012/Outcomes-a.txt"], 4000, 1_500_000)
    else {
        return;
    };
    assert_eq!(counts["labels"]["in_hospital_death"], 4000);
}

#[test]
fn mayo_nafld() {
    let mapping = format!("--from table --mapping {}", example("mayo-nafld.toml"));
    check(&mapping, &["mayo/nafld1.csv", "mayo/nafld2.csv", "mayo/nafld3.csv"], 12_286, 200_000);
}

#[test]
fn delphi() {
    let mapping = format!("--from table --mapping {}", example("delphi.toml"));
    check(&mapping, &["delphi/events.csv.zst"], 7_143, 150_000);
}

/// The same records as OMOP CDM and as MEDS 0.3 (made by meds_etl), event for event. What differs:
/// - OMOP tells more: the end of follow-up, the end of visits, sex, race and ethnicity;
/// - in subjects older than 90 the end of follow-up counts too when births are moved, so theirs may differ;
/// - two concepts of the vocabulary (62 events) that meds_etl leaves out.
#[test]
fn the_two_gibleed_routes_agree() {
    let Some((omop, _)) = check("--from omop", &["omop-gibleed-5.4-csv.tar.zst"], 2694, 200_000) else {
        return;
    };
    let Some((meds, _)) = check("--from meds", &["meds-0.3-gibleed.tar.zst"], 2694, 200_000) else { return };
    let (omop, meds) = (omop.events("events"), meds.events("events"));
    let sorted = |mut subjects: Vec<events::Subject>| {
        subjects.sort_by_key(|s| s.id);
        subjects
    };
    let (omop, meds) = (sorted(omop), sorted(meds));
    let (mut compared, mut moved, mut left_out) = (0, 0, 0);
    for (a, b) in omop.iter().zip(&meds) {
        assert_eq!(a.id, b.id, "one key, one pseudonym");
        if a.birth() != b.birth() {
            moved += 1;
            continue;
        }
        let told_more = |e: &&events::Event| {
            let system = e.code.system();
            ["OSLER_FOLLOWUP_END", "VISIT_END", "GENDER", "RACE", "ETHNICITY"].contains(&system)
        };
        let left_out_here =
            |e: &&events::Event| ["RXNORM//5224", "SNOMED//127295002"].contains(&e.code.as_str());
        let all: Vec<&events::Event> = a.events().iter().filter(|e| !told_more(e)).collect();
        left_out += all.iter().filter(|e| left_out_here(e)).count();
        let rest: Vec<_> = all
            .into_iter()
            .filter(|e| !left_out_here(e))
            .map(|e| (e.time, &e.code, e.numeric_value))
            .collect();
        let theirs: Vec<_> = b.events().iter().map(|e| (e.time, &e.code, e.numeric_value)).collect();
        assert_eq!(rest.len(), theirs.len());
        assert!(rest == theirs, "a subject's events differ");
        compared += theirs.len();
    }
    println!(
        "{compared} events agree; {moved} subjects with moved births; {left_out} events of two concepts in OMOP alone"
    );
    assert!(compared > 200_000 && moved < 100 && left_out <= 62, "{compared} {moved} {left_out}");
}

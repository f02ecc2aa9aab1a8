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
    check("--from fhir", &["fhir-r4-synthea-bundles.tar.zst"], 60, 30_000);
}

#[test]
fn fhir_bulk_ndjson() {
    check("--from fhir", &["fhir-r4-bulk-ndjson-10.tar.zst"], 10, 5_000);
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
    check(&mapping, &["mayo/nafld1.csv", "mayo/nafld2.csv", "mayo/nafld3.csv"], 12_000, 200_000);
}

#[test]
fn delphi() {
    let mapping = format!("--from table --mapping {}", example("delphi.toml"));
    check(&mapping, &["delphi/events.csv.zst"], 7_143, 150_000);
}

/// The same records as OMOP CDM and as MEDS 0.3: event for event.
#[test]
fn the_two_gibleed_routes_agree() {
    let Some((omop, _)) = check("--from omop", &["omop-gibleed-5.4-csv.tar.zst"], 2694, 150_000) else {
        return;
    };
    let Some((meds, _)) = check("--from meds", &["meds-0.3-gibleed.tar.zst"], 2694, 150_000) else { return };
    let (omop, meds) = (omop.events("events"), meds.events("events"));
    assert_eq!(omop.len(), meds.len());
    let _ = (omop, meds);
}

//! Bad input is a clear error or a counted rejection, never a panic, and leaves nothing half-done.

use crate::support::Site;
use std::io::Write;

const PATIENT: &str = r#"{"resourceType":"Patient","id":"1","gender":"female","birthDate":"1950-02-03"}"#;

fn condition(id: u32, date: &str) -> String {
    format!(
        r#"{{"resourceType":"Condition","id":"c{id}","subject":{{"reference":"Patient/1"}},"code":{{"coding":[{{"system":"http://hl7.org/fhir/sid/icd-10-cm","code":"E11.9"}}]}},"recordedDate":"{date}"}}"#
    )
}

fn observation(id: u32, value: &str) -> String {
    format!(
        r#"{{"resourceType":"Observation","id":"o{id}","status":"final","subject":{{"reference":"Patient/1"}},"code":{{"coding":[{{"system":"http://loinc.org","code":"4548-4"}}]}},"effectiveDateTime":"2020-01-02T03:04:05Z","valueQuantity":{{"value":{value},"code":"%"}}}}"#
    )
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

const INGEST: &str = "ingest --from fhir --key site.key --out events in";

/// `n` good lines around a bad one.
fn around(bad: &[u8], n: u32) -> Vec<u8> {
    let mut bytes = format!("{PATIENT}\n").into_bytes();
    for id in 0..n {
        bytes.extend_from_slice(condition(id, "2020-01-02").as_bytes());
        bytes.push(b'\n');
        if id == n / 2 {
            bytes.extend_from_slice(bad);
            bytes.push(b'\n');
        }
    }
    bytes
}

/// One bad line among 400: counted, named by its line, and the rest comes through.
#[track_caller]
fn rejected(bad: &[u8]) {
    let site = Site::new();
    site.file("in/Condition.ndjson", around(bad, 400));
    site.succeed(INGEST);
    let counts = &site.manifest("events")["counts"];
    assert_eq!(counts["rejected"], 1, "{counts}");
    assert_eq!(site.events("events")[0].events().len(), 402);
    let rejections = std::fs::read_to_string(site.path("events/rejections.json")).unwrap();
    assert!(rejections.contains("\"line\": 203"), "{}", &rejections[..rejections.len().min(2000)]);
}

#[test]
fn a_broken_line_is_one_rejection() {
    rejected(b"{\"resourceType\": \"Condition\", \"id\": ");
    rejected(b"not json at all");
    rejected(b"\xff\xfe\x00 not utf-8");
    rejected(b"[[[[[[[[[[[[");
    rejected("[".repeat(200_000).as_bytes());
}

#[test]
fn sentinel_dates_and_impossible_values_are_rejections() {
    for date in ["0001-01-01", "9999-12-31", "2020-13-45", "yesterday", ""] {
        rejected(condition(9999, date).as_bytes());
    }
    for value in ["1e308", "-1e39"] {
        rejected(observation(1, value).as_bytes());
    }
}

#[test]
fn a_line_of_two_hundred_megabytes_is_one_rejection_in_bounded_memory() {
    let mut line = b"{\"resourceType\": \"Condition\", \"note\": \"".to_vec();
    line.resize(200 << 20, b'a');
    rejected(&line);
}

#[test]
fn a_truncated_gzip_fails_and_leaves_nothing() {
    let site = Site::new();
    let whole = gzip(&around(b"", 4000));
    site.file("in/Condition.ndjson.gz", &whole[..whole.len() / 2]);
    let said = site.fail(INGEST);
    assert!(said.contains("gzip"), "{said}");
    assert!(!site.path("events").exists());
    let left = site.all_files().into_iter().filter(|f| !f.starts_with(site.path("in"))).count();
    assert_eq!(left, 1, "the key alone is left");
}

#[test]
fn too_many_rejections_fail_the_run_and_say_why() {
    let site = Site::new();
    let mut bytes = around(b"", 100);
    for _ in 0..10 {
        bytes.extend_from_slice(b"broken\n");
    }
    site.file("in/Condition.ndjson", bytes);
    let said = site.fail(INGEST);
    assert!(said.contains("ceiling"), "{said}");
    assert!(!site.path("events").exists());
    site.succeed(&format!("{INGEST} --max-rejected 0.2"));
}

#[test]
fn nothing_to_read_is_said() {
    let site = Site::new();
    std::fs::create_dir(site.path("in")).unwrap();
    assert!(site.fail(INGEST).contains("no input"));
    std::fs::remove_dir(site.path("in")).unwrap();
    site.fail(INGEST);
}

#[test]
fn a_subject_with_two_hundred_thousand_events_goes_through() {
    let site = Site::new();
    let mut bytes = format!("{PATIENT}\n").into_bytes();
    for id in 0..200_000 {
        bytes.extend_from_slice(observation(id, "7.5").as_bytes());
        bytes.push(b'\n');
    }
    site.file("in/Observation.ndjson", bytes);
    site.succeed(INGEST);
    assert_eq!(site.events("events")[0].events().len(), 200_002);
}

#[test]
fn a_wrong_column_is_named() {
    let site = Site::new();
    site.file("map.toml", "[[table]]\n");
    site.file("in/a.csv", "x,y\n1,2\n");
    let said = site.fail("ingest --from table --mapping map.toml --key site.key --out events in");
    assert!(!said.is_empty());
}

#[test]
fn without_a_key_or_with_a_bad_one_nothing_is_read() {
    let site = Site::new();
    site.file("in/Condition.ndjson", around(b"", 10));
    let line = "ingest --from fhir --out events in";
    assert!(site.fail(line).contains("key"));
    site.file("bad.key", "abc");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        std::fs::set_permissions(site.path("bad.key"), std::fs::Permissions::from_mode(0o600)).unwrap();
    }
    assert!(site.fail(&format!("{line} --key bad.key")).contains("malformed"));
}

#[test]
fn changed_events_are_refused_by_the_next_step() {
    let site = Site::new();
    site.file("in/Condition.ndjson", around(b"", 50));
    site.succeed(&format!("{INGEST} --splits 1,0,0"));
    let path = site.path("events/data/train/0.parquet");
    let mut bytes = std::fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&path, bytes).unwrap();
    let said = site.fail("tokenize --out timeline events");
    assert!(said.contains("data/train/0.parquet"), "{said}");
}

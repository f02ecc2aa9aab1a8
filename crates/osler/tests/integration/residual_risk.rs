//! Residual risk and the review of text, from directories of events to pages.

use crate::support::Site;
use deid::attestation::{Attestation, Files, Leaf, Quarantined, Statement, merkle_root};
use deid::{Key, Policy, Tally};
use events::meds::{DatasetDescription, DatasetWriter};
use events::{Code, Deidentified, Event, Split, Subject, Time};
use serde_json::{Value, json};
use std::path::Path;

/// A verified directory of events made here: 60 subjects, of whom every second has two notes.
fn events_with_text(site: &Site, name: &str) {
    let dir = site.path(name);
    std::fs::create_dir(&dir).unwrap();
    let mut writer = DatasetWriter::create(&dir).unwrap();
    for id in 0..60i64 {
        let day = |n: i64| Time::from_ymd(2020, 1, 1).unwrap().plus_days(n as f64);
        let mut list = vec![
            Event::new(None, Code::of("GENDER", if id % 5 == 0 { "M" } else { "F" })),
            Event::new(Time::from_ymd(1950 + (id % 7) as i32, 1, 1), Code::birth()),
            Event::new(Some(day(id % 11)), Code::of("ICD10CM", "F32.9")),
            Event::new(Some(day(id * 3 % 17)), Code::of("ICD10CM", "I10")),
        ];
        for note in 0..(id % 2) * 2 {
            let mut event = Event::new(Some(day(note)), Code::of("NOTE", "34117-2"));
            event.text_value = Some(format!("Note {note} of [NAME], {id} years old").into());
            list.push(event);
        }
        #[expect(clippy::disallowed_methods, reason = "made up here, so it identifies nobody")]
        writer.push(Split::ALL[(id % 3) as usize], &Deidentified::vouch(Subject::new(id, list))).unwrap();
    }
    let summary = writer.finish(&DatasetDescription::default(), &[]).unwrap();
    let mut files = Vec::new();
    digests(&dir, &dir, &mut files);
    files.sort_by(|a: &Value, b| a["path"].as_str().cmp(&b["path"].as_str()));
    let line = |f: &Value| {
        format!("{}\0{}\0{}\n", f["path"].as_str().unwrap(), f["bytes"], f["blake3"].as_str().unwrap())
    };
    let all: String = files.iter().map(line).collect();
    let subjects: serde_json::Map<String, Value> =
        Split::ALL.iter().map(|s| (s.name().to_owned(), json!(summary.subjects[*s as usize]))).collect();
    let manifest = json!({
        "format": 1, "kind": "events", "osler": "test", "dataset": "made here", "synthetic": true,
        "settings": {}, "inputs": [], "outputs": &files, "counts": {"subjects": subjects},
        "output_digest": blake3::hash(all.as_bytes()).to_hex().to_string(), "started": "", "finished": "",
    });
    let manifest = manifest.to_string();
    std::fs::write(dir.join("manifest.json"), &manifest).unwrap();
    attest(&dir, &manifest, files);
}

/// Signs for the files, the manifest first.
fn attest(dir: &Path, manifest: &str, mut files: Vec<Value>) {
    let manifest_blake3 = blake3::hash(manifest.as_bytes()).to_hex().to_string();
    files.insert(0, json!({"path": "manifest.json", "bytes": manifest.len(), "blake3": manifest_blake3}));
    let leaf = |f: &'_ Value| {
        let text = |key: &str| f[key].as_str().unwrap().to_owned();
        (text("path"), f["bytes"].as_u64().unwrap(), text("blake3"))
    };
    let owned: Vec<_> = files.iter().map(leaf).collect();
    let leaves: Vec<Leaf<'_>> =
        owned.iter().map(|(path, bytes, blake3)| Leaf { path, bytes: *bytes, blake3 }).collect();
    let stated = Files { count: files.len() as u64, manifest_blake3, merkle_root: merkle_root(&leaves) };
    let (key, policy) = (Key::from_bytes([7; 32]), Policy::expert_determination());
    let statement = Statement::new("test", &policy, &key, &Tally::default(), Quarantined::default(), stated);
    let attestation = Attestation::sign(statement, &key).unwrap();
    std::fs::write(dir.join("attestation.json"), attestation.to_bytes().unwrap()).unwrap();
}

fn digests(root: &Path, dir: &Path, files: &mut Vec<Value>) {
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            digests(root, &path, files);
            continue;
        }
        let bytes = std::fs::read(&path).unwrap();
        files.push(json!({
            "path": path.strip_prefix(root).unwrap().to_str().unwrap(),
            "bytes": bytes.len(),
            "blake3": blake3::hash(&bytes).to_hex().to_string(),
        }));
    }
}

fn read_json(site: &Site, name: &str) -> Value {
    serde_json::from_str(&std::fs::read_to_string(site.path(name)).unwrap()).unwrap()
}

#[test]
fn a_report_is_made_of_verified_events_and_is_the_same_on_any_number_of_threads() {
    let site = Site::new();
    events_with_text(&site, "events");
    let output = site.succeed("deid report --threads 1 --json --out one events");
    let said: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(said, read_json(&site, "one/report.json"));
    assert_eq!((&said["subjects"], &said["text"]["events"]), (&json!(60), &json!(60)));
    site.succeed("deid report --threads 3 --block-points 9 --out three events");
    assert_eq!(site.digest("one"), site.digest("three"));
    assert_eq!(site.manifest("one")["synthetic"], true);
    let page = std::fs::read_to_string(site.path("one/report.html")).unwrap();
    assert!(page.contains("Synthetic data.") && page.contains("not a verdict") && !page.contains("http:"));

    site.succeed("deid report --quasi-identifier sex --adversary year --seed 4 --out chosen events");
    let chosen = read_json(&site, "chosen/report.json");
    assert_eq!(chosen["quasi_identifiers"].as_array().unwrap().len(), 1);
    assert_eq!(chosen["classes"]["smallest"], 12);
    assert_eq!(chosen["uniqueness"][0]["adversary"], "year");

    assert!(site.fail("deid report --out one events").contains("--force"));
    let absent = site.fail("deid report --quasi-identifier sex --quasi-identifier FOO --out x events");
    assert!(absent.contains("FOO") && absent.contains("birth-year") && absent.contains("sex"), "{absent}");
    assert!(!site.path("x").exists());
    assert!(site.fail("deid report --adversary omniscient --out x events").contains("gaps-day"));
    assert!(site.fail("deid report --sampling-fraction 2 --out x events").contains("at most 1"));
    site.file("events/data/train/extra.parquet", "");
    assert!(site.fail("deid report --out x events").contains("extra.parquet"));
    assert!(!site.path("x").exists());
}

#[test]
fn text_is_drawn_for_its_reader_alone_and_verdicts_give_a_rate() {
    let site = Site::new();
    events_with_text(&site, "events");
    let said = site.succeed("deid review sample --n 20 --out review events").stderr;
    assert!(String::from_utf8(said).unwrap().contains("only you"));
    let page = std::fs::read_to_string(site.path("review/review.html")).unwrap();
    assert_eq!(page.matches("of [NAME], ").count(), 20);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = |name: &str| std::fs::metadata(site.path(name)).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode("review"), mode("review/review.html")), (0o700, 0o600));
    }
    let sample = site.manifest("review")["settings"]["sample"].clone();
    let verdicts: Vec<Value> =
        (1..=20).map(|i| json!({"passage": i, "verdict": "clean", "kinds": []})).collect();
    let file = |population: u64, verdicts: &[Value]| {
        json!({"format": 1, "sample": sample, "dataset": "made here", "synthetic": true, "passages": 20,
            "population": population, "verdicts": verdicts})
        .to_string()
    };
    site.file("clean.json", file(60, &verdicts));
    let said = String::from_utf8(site.succeed("deid review score clean.json").stdout).unwrap();
    assert!(said.contains("0 of 20 texts") && said.contains("below 15.00 %"), "{said}");
    let mut some = verdicts.clone();
    some[4] = json!({"passage": 5, "verdict": "leak", "kinds": ["name", "date"]});
    site.file("some.json", file(60, &some));
    let rate: Value =
        serde_json::from_slice(&site.succeed("deid review score --json some.json").stdout).unwrap();
    assert_eq!((&rate["leaks"], &rate["kinds"]["date"]), (&json!(1), &json!(1)));
    assert!((rate["rate"]["high"].as_f64().unwrap() - 0.2487).abs() < 1e-4, "{rate}");

    site.succeed("deid report --verdicts some.json --out risk events");
    let told = read_json(&site, "risk/report.json");
    assert!(told["answer"].to_string().contains("found an identifier in 1 of 20"), "{told}");
    site.file("others.json", file(61, &some));
    assert!(site.fail("deid report --verdicts others.json --out x events").contains("61 texts"));
    site.file("broken.json", "{\"format\": 1, \"note\": \"Zyxandra\"}");
    let said = site.fail("deid review score broken.json");
    assert!(said.contains("not a file of verdicts") && !said.contains("Zyxandra"));
}

#[test]
fn events_without_text_are_not_reviewed() {
    let site = Site::new();
    site.succeed("synth --subjects 20 --out population");
    site.succeed("ingest --from fhir --synthetic --key site.key --out events population/fhir");
    let said = site.fail("deid review sample --out review events");
    assert!(said.contains("holds no text") && !site.path("review").exists(), "{said}");
}

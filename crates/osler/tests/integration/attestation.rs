//! A data set is held to its attestation, by `verify` and by whatever reads it next.

use crate::support::Site;
use serde_json::json;

fn events(site: &Site) {
    let mut lines = String::new();
    for i in 0..12 {
        let patient = json!({"reference": format!("Patient/{i}")});
        let resources = [
            json!({"resourceType": "Patient", "id": i.to_string(), "birthDate": "1960-02-03", "gender": "male"}),
            json!({"resourceType": "Condition", "id": format!("c{i}"), "subject": patient, "onsetDateTime": "2019-07-01",
                "code": {"coding": [{"system": "http://snomed.info/sct", "code": "44054006"}]}}),
        ];
        resources.iter().for_each(|resource| lines += &format!("{resource}\n"));
    }
    site.file("in/records.ndjson", lines);
    site.succeed("ingest --from fhir --key site.key --splits 0.5,0.25,0.25 --out events in");
}

#[test]
fn one_byte_changed_in_any_file_is_found_and_named_by_verify_and_by_tokenize() {
    let site = Site::new();
    events(&site);
    site.succeed("deid verify events");
    let files: Vec<_> = site.all_files().into_iter().filter(|f| f.starts_with(site.path("events"))).collect();
    let names: Vec<String> =
        files.iter().map(|f| f.strip_prefix(site.path("events")).unwrap().display().to_string()).collect();
    for expected in [
        "manifest.json",
        "attestation.json",
        "rejections.json",
        "metadata/codes.parquet",
        "metadata/dataset.json",
        "metadata/subject_splits.parquet",
        "data/train/0.parquet",
    ] {
        assert!(names.iter().any(|name| name == expected), "{expected} is not among {names:?}");
    }
    for (file, name) in files.iter().zip(&names) {
        let whole = std::fs::read(file).unwrap();
        for (i, at) in
            [0, 1, whole.len() / 3, whole.len() / 2, whole.len() - 2, whole.len() - 1].into_iter().enumerate()
        {
            let mut changed = whole.clone();
            changed[at] ^= 1 << i;
            std::fs::write(file, &changed).unwrap();
            let said = site.fail("deid verify events");
            assert!(said.contains(name), "byte {at} of {name}: {said}");
            let said = site.fail("tokenize --min-subjects 1 --out timeline events");
            assert!(said.contains(name), "byte {at} of {name}: {said}");
            assert!(!site.path("timeline").exists());
        }
        std::fs::write(file, &whole).unwrap();
    }
    site.succeed("deid verify events");
    site.succeed("tokenize --min-subjects 1 --out timeline events");
}

#[test]
fn a_file_more_or_less_is_found_and_a_data_set_without_attestation_is_refused() {
    let site = Site::new();
    events(&site);
    site.file("events/data/train/extra.parquet", "");
    assert!(site.fail("deid verify events").contains("extra.parquet"));
    std::fs::remove_file(site.path("events/data/train/extra.parquet")).unwrap();
    let codes = site.path("events/metadata/codes.parquet");
    std::fs::rename(&codes, site.path("codes")).unwrap();
    assert!(site.fail("deid verify events").contains("codes.parquet"));
    std::fs::rename(site.path("codes"), &codes).unwrap();
    std::fs::remove_file(site.path("events/attestation.json")).unwrap();
    for verb in ["deid verify events", "tokenize --out timeline events"] {
        assert!(site.fail(verb).contains("attestation.json"), "{verb}");
    }
}

#[test]
fn a_data_set_made_anew_by_another_is_told_by_the_pinned_key() {
    let site = Site::new();
    events(&site);
    site.succeed("key public --key site.key --out site.pub");
    assert!(site.fail("key public --key site.key --out site.pub").contains("overwritten"));
    site.succeed("deid verify --trust site.pub events");
    // The attacker has no key of the site's, and signs what he likes with his own.
    site.succeed("key new --out other.key");
    site.succeed("ingest --from fhir --key other.key --splits 1,0,0 --out forged in");
    site.succeed("deid verify forged");
    assert!(site.fail("deid verify --trust site.pub forged").contains("trusted key"));
    let tokenize = |events: &str| {
        let words = ["tokenize", "--min-subjects", "1", "--out", "timeline", events];
        site.command(&words).env("OSLER_TRUST", "site.pub").output().unwrap()
    };
    let refused = tokenize("forged");
    assert!(!refused.status.success());
    assert!(String::from_utf8_lossy(&refused.stderr).contains("trusted key"));
    assert!(tokenize("events").status.success());
}

#[test]
fn an_attestation_states_policy_rules_by_field_lists_and_what_was_left_out() {
    let site = Site::new();
    site.file(
        "in/records.ndjson",
        [
            json!({"resourceType": "Patient", "id": "1", "birthDate": "1960-02-03", "address": [{"postalCode": "02139"}]}),
            json!({"resourceType": "Patient", "id": "2", "birthDate": "tomorrow"}),
        ]
        .map(|r| format!("{r}\n"))
        .concat(),
    );
    site.succeed("ingest --from fhir --key site.key --max-rejected 1 --out events in");
    let text = std::fs::read_to_string(site.path("events/attestation.json")).unwrap();
    let stated: serde_json::Value = serde_json::from_str(&text).unwrap();
    let stated = &stated["statement"];
    assert_eq!(stated["policy"]["label"], "expert-determination");
    assert_eq!(stated["fields"]["Patient.birthDate"]["kept"], 1);
    assert_eq!(stated["fields"]["Patient.address.postalCode"]["dropped"]["field not allowed"], 1);
    assert_eq!(stated["quarantined"]["rejected"], 1);
    assert!(stated["quarantined"]["reasons"].to_string().contains("Patient.birthDate"));
    assert!(stated["lists"][0]["vintage"].as_str().unwrap().contains("2010"));
    assert_eq!(stated["darts"]["operation"], "$de-identify");
    assert_eq!(stated["key_id"], site.manifest("events")["deidentification"]["key_id"]);
}

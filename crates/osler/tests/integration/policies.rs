//! The three policies, from records to a timeline.

use crate::support::Site;
use serde_json::json;

/// Two subjects of a hundred and of fifty years, each with a visit in 2019 at a street of their own.
fn records(site: &Site) {
    let mut lines = String::new();
    for (id, born, zip) in [("mrn-1001", "1919-02-03", "02139-4307"), ("mrn-1002", "1969-04-05", "05901")] {
        let patient = json!({"reference": format!("Patient/{id}")});
        let resources = [
            json!({"resourceType": "Patient", "id": id, "birthDate": born, "gender": "female",
                "address": [{"use": "home", "line": ["1 Canary Row"], "city": "Canaryville", "state": "MA", "postalCode": zip}]}),
            json!({"resourceType": "Condition", "id": format!("c-{id}"), "subject": patient, "onsetDateTime": "2019-07-01T10:11:12Z",
                "code": {"coding": [{"system": "http://snomed.info/sct", "code": "44054006"}]}}),
        ];
        resources.iter().for_each(|resource| lines += &format!("{resource}\n"));
    }
    site.file("in/records.ndjson", lines);
}

fn told(site: &Site, policy: &str, out: &str) -> Vec<String> {
    site.succeed(&format!(
        "ingest --from fhir --key site.key --policy {policy} --splits 1,0,0 --out {out} in"
    ));
    let mut told: Vec<String> = site
        .events(out)
        .iter()
        .flat_map(|s| s.events().iter())
        .map(|e| format!("{} {}", e.time.map_or_else(|| "static".to_owned(), |t| t.to_string()), e.code))
        .collect();
    told.sort();
    told
}

#[test]
fn safe_harbor_tells_years_and_goes_on_to_a_timeline() {
    let site = Site::new();
    records(&site);
    assert_eq!(
        told(&site, "safe-harbor", "events"),
        [
            "1929-12-31T11:59:59 MEDS_BIRTH",
            "1969-12-31T11:59:59 MEDS_BIRTH",
            "2019-12-31T23:59:59 SNOMED//44054006",
            "2019-12-31T23:59:59 SNOMED//44054006",
            "static GENDER//F",
            "static GENDER//F",
            "static STATE//MA",
            "static STATE//MA",
            "static ZIP3//000",
            "static ZIP3//021",
        ]
    );
    assert_eq!(site.manifest("events")["deidentification"]["policy"], "safe-harbor");
    // One key, another run: no number comes back.
    told(&site, "safe-harbor", "again");
    let ids = |name: &str| site.events(name).iter().map(|s| s.id).collect::<Vec<_>>();
    assert!(ids("events").iter().all(|id| !ids("again").contains(id)));
    site.succeed("tokenize --min-subjects 1 --out timeline events");
}

#[test]
fn a_limited_data_set_keeps_dates_and_expert_determination_shifts_them() {
    let site = Site::new();
    records(&site);
    let limited = told(&site, "limited-data-set", "limited");
    assert!(limited.contains(&"2019-07-01T10:11:12 SNOMED//44054006".to_owned()), "{limited:?}");
    let expert = told(&site, "expert-determination", "expert");
    assert!(!expert.iter().any(|line| line.contains("2019-07-01")), "{expert:?}");
    assert!(expert.iter().any(|line| line.ends_with("10:11:12 SNOMED//44054006")), "{expert:?}");
}

#[test]
fn a_site_s_own_policy_is_a_file_and_a_contradiction_is_refused_by_its_rule() {
    let site = Site::new();
    records(&site);
    let shown = String::from_utf8(site.succeed("deid policy show safe-harbor").stdout).unwrap();
    site.file("ours.toml", shown.replace("name = \"safe-harbor\"", "name = \"ours\""));
    site.succeed("deid policy check ours.toml");
    // One that is called as it was, and isn't.
    let warns = |text: &str| {
        site.file("named.toml", text);
        let said = String::from_utf8(site.succeed("deid policy check named.toml").stderr).unwrap();
        said.contains("called `safe-harbor` like a shipped policy")
    };
    assert!(
        warns(&shown.replace("description_subjects = 10", "description_subjects = 20")) && !warns(&shown)
    );
    site.succeed("ingest --from fhir --key site.key --policy ours.toml --out ours in");
    assert_eq!(site.manifest("ours")["deidentification"]["policy"], "ours");

    site.file("broken.toml", shown.replace("zip = \"zip3\"", "zip = \"zip5\""));
    let said = site.fail("ingest --from fhir --key site.key --policy broken.toml --out broken in");
    assert!(said.contains("164.514(b)(2)(i)(B)"), "{said}");
    assert!(site.fail("deid policy check broken.toml").contains("164.514(b)(2)(i)(B)"));
    site.file("typo.toml", shown.replace("[geography]", "[geographie]"));
    assert!(site.fail("deid policy check typo.toml").contains("geographie"));
    assert!(
        site.fail("ingest --from fhir --key site.key --policy unheard-of --out o in").contains("safe-harbor")
    );
    assert!(!site.path("broken").exists());
}

/// Three people with hypertension, two with a diabetes that is coded to the last character, one with a rare disease.
fn people_with_rare_codes(site: &Site) {
    let mut lines = String::new();
    for (id, code) in [("p-1", "E11.21"), ("p-2", "E11.22"), ("p-3", "E75.02")] {
        let subject = json!({"reference": format!("Patient/{id}")});
        let condition = |code: &str| {
            json!({"resourceType": "Condition", "id": format!("{id}-{code}"), "subject": subject, "onsetDateTime": "2019-07-01",
                "code": {"coding": [{"system": "http://hl7.org/fhir/sid/icd-10-cm", "code": code}]}})
        };
        let patient =
            json!({"resourceType": "Patient", "id": id, "birthDate": "1960-01-01", "gender": "female"});
        [patient, condition("I10"), condition(code)].iter().for_each(|r| lines += &format!("{r}\n"));
    }
    site.file("in/records.ndjson", lines);
}

#[test]
fn codes_that_too_few_hold_are_told_more_broadly_or_not_at_all() {
    let site = Site::new();
    people_with_rare_codes(&site);
    let shipped = String::from_utf8(site.succeed("deid policy show expert-determination").stdout).unwrap();
    let codes = |policy: &str, out: &str| -> Vec<String> {
        let told = told(&site, policy, out).into_iter();
        let mut codes: Vec<_> = told.filter_map(|t| Some(t.split_once("ICD10CM//")?.1.to_owned())).collect();
        codes.sort();
        codes
    };
    assert_eq!(codes("expert-determination", "all"), ["E11.21", "E11.22", "E75.02", "I10", "I10", "I10"]);
    site.file("ours.toml", shipped.replace("fewest_subjects = 0", "fewest_subjects = 2"));
    assert_eq!(codes("ours.toml", "events"), ["E11.2", "E11.2", "I10", "I10", "I10"]);
    let attestation = std::fs::read_to_string(site.path("events").join("attestation.json")).unwrap();
    for rule in ["code that too few subjects hold", "code made broader, since too few subjects hold it"] {
        assert!(attestation.contains(rule), "{rule}");
    }
    // What is suppressed stands in none of the files, as a description of a code neither.
    assert!(!site.manifest("events").to_string().contains("E75"));
    site.file("four.toml", shipped.replace("fewest_subjects = 0", "fewest_subjects = 4"));
    let told = told(&site, "four.toml", "four");
    assert!(told.iter().all(|t| t.ends_with("MEDS_BIRTH")), "{told:?}");
    site.file("one.toml", shipped.replace("fewest_subjects = 0", "fewest_subjects = 1"));
    let said = site.fail("deid policy check one.toml");
    assert!(said.contains("fewest_subjects"), "{said}");
}

#[cfg(unix)]
#[test]
fn what_is_made_from_records_that_are_the_owner_s_alone_is_too() {
    use std::os::unix::fs::PermissionsExt;
    let site = Site::new();
    records(&site);
    for (policy, mode) in [("limited-data-set", 0o700), ("expert-determination", 0o755)] {
        told(&site, policy, policy);
        std::fs::set_permissions(site.path(policy), std::fs::Permissions::from_mode(mode)).unwrap();
        site.succeed(&format!("tokenize --min-subjects 1 --out {policy}-timeline {policy}"));
        let made = std::fs::metadata(site.path(&format!("{policy}-timeline"))).unwrap().permissions().mode();
        assert_eq!(made & 0o077 == 0, mode == 0o700, "{policy}: {made:o}");
    }
}

#[test]
fn codes_to_withhold_that_nobody_has_are_named() {
    let site = Site::new();
    records(&site);
    told(&site, "expert-determination", "events");
    site.file("wrong.txt", "SNOMED//44054007");
    let said = site.fail("tokenize --min-subjects 1 --withhold wrong.txt --out timeline events");
    assert!(said.contains("SNOMED//44054007"), "{said}");
    assert!(!site.path("timeline").exists());
    site.file("half.txt", "SNOMED//44054007\nSNOMED//44054006");
    let said = site.succeed("tokenize --min-subjects 1 --withhold half.txt --out timeline events").stderr;
    let said = String::from_utf8(said).unwrap();
    assert!(said.contains("SNOMED//44054007") && !said.contains("SNOMED//44054006"), "{said}");
}

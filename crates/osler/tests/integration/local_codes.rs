//! A site's own codes from its records to the answers of a server.

use crate::governance::Server;
use crate::support::Site;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// What the second synthetic site calls its tests in FHIR and in OMOP.
const SYSTEM: &str = "https://second-site.example.org/tests";

/// A policy that names the system, beside the shipped one.
fn policy(site: &Site, name: &str, system: &str, shape: &str) {
    let shipped = String::from_utf8(site.succeed("deid policy show safe-harbor").stdout).unwrap();
    let shipped = shipped.replace("name = \"safe-harbor\"", &format!("name = \"{name}\""));
    let local = format!(
        "[[codes.local]]\nsystem = '{system}'\nname = 'OUR_LAB'\nshape = '{shape}'\nfewest_subjects = 10\n"
    );
    site.file(&format!("{name}.toml"), format!("{shipped}\n{local}"));
}

/// How many people have which code of the second site's tests.
fn holders(site: &Site, events: &str, system: &str) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for subject in site.events(events) {
        let codes: BTreeSet<&str> = subject.events().iter().map(|event| event.code.as_str()).collect();
        for code in codes.into_iter().filter_map(|code| code.strip_prefix(system)) {
            *counts.entry(code.to_owned()).or_default() += 1;
        }
    }
    counts
}

#[test]
fn they_pass_by_every_route_where_a_policy_names_them_and_enough_people_hold_them() {
    let site = Site::new();
    let asked = "synth --subjects 150 --seed 5 --site b --key site.key";
    site.succeed(&format!("{asked} --format meds --out direct"));
    let all = holders(&site, "direct", "LOCAL_LAB//");
    let enough: BTreeMap<_, _> =
        all.iter().filter(|(_, n)| **n >= 10).map(|(c, n)| (c.clone(), *n)).collect();
    assert!(enough.len() > 20 && enough.len() < all.len(), "{all:?}");
    for (format, system) in [("fhir", SYSTEM), ("omop", "LOCAL_LAB")] {
        site.succeed(&format!("{asked} --format {format} --out {format}"));
        let ingest = format!("ingest --synthetic --key site.key --from {format} {format}/{format} --out");
        let shipped = site.succeed(&format!("{ingest} {format}-shipped --policy safe-harbor"));
        let said = String::from_utf8(shipped.stderr).unwrap();
        let met =
            format!("{}{system} (of", if format == "fhir" { "URI:" } else { "" }).replace("https", "http");
        assert!(said.contains(&met) && said.contains("[[codes.local]]"), "{said}");
        assert!(holders(&site, &format!("{format}-shipped"), "OUR_LAB//").is_empty());

        policy(&site, "ours", system, "[A-Z0-9]+");
        let ours = site.succeed(&format!("{ingest} {format}-ours --policy ours.toml"));
        assert!(!String::from_utf8(ours.stderr).unwrap().contains(&met));
        assert_eq!(holders(&site, &format!("{format}-ours"), "OUR_LAB//"), enough, "{format}");
        assert!(holders(&site, &format!("{format}-ours"), "LOCAL_LAB//").is_empty());
        let descriptions = events::meds::read_codes(&site.path(&format!("{format}-ours"))).unwrap();
        let glucose = descriptions.iter().find(|code| code.code == "OUR_LAB//GLUCOSE").unwrap();
        assert!(glucose.description.is_some(), "{format}");
        site.succeed(&format!("deid verify {format}-ours"));

        // What a shape doesn't fit is dropped, and counted.
        policy(&site, "narrow", system, "GLUCOSE");
        policy(&site, "none", system, "[a-z]{3}");
        let none = site.succeed(&format!("{ingest} {format}-none --policy none.toml"));
        assert!(String::from_utf8(none.stderr).unwrap().contains("no code of OUR_LAB passed"));
        site.succeed(&format!("{ingest} {format}-narrow --policy narrow.toml"));
        let told = holders(&site, &format!("{format}-narrow"), "OUR_LAB//");
        assert_eq!(told.keys().collect::<Vec<_>>(), ["GLUCOSE"]);
        let dropped =
            site.manifest(&format!("{format}-narrow"))["deidentification"]["counts"]["dropped"].clone();
        assert!(dropped["code without the shape of OUR_LAB"].as_u64().unwrap() > 100, "{dropped}");
    }
    // MEDS says whole codes, which a contract lets pass: not those of a system that the policy names.
    let shipped = String::from_utf8(site.succeed("deid policy show expert-determination").stdout).unwrap();
    let local = "[[codes.local]]\nsystem = 'LOCAL_LAB'\nname = 'OUR_LAB'\nshape = '[A-Z0-9]+'\n";
    site.file("meds.toml", format!("{shipped}\n{local}"));
    site.succeed("ingest --synthetic --key site.key --from meds --policy meds.toml --out by-meds direct");
    assert_eq!(holders(&site, "by-meds", "OUR_LAB//"), enough);
    assert!(holders(&site, "by-meds", "LOCAL_LAB//").is_empty());
    policy(&site, "loose", SYSTEM, ".*");
    assert!(site.fail("deid policy check loose.toml").contains("narrow it"));
}

/// A record of nobody as a Bundle, with one test in the site's own code.
fn bundle(code: &str) -> Value {
    let subject = json!({"reference": "Patient/p"});
    let resources = [
        json!({"resourceType": "Patient", "id": "p", "birthDate": "1950-05-01", "gender": "female"}),
        json!({"resourceType": "Condition", "id": "c", "subject": subject, "onsetDateTime": "2019-03-04",
            "code": {"coding": [{"system": "http://hl7.org/fhir/sid/icd-10-cm", "code": "I10"}]}}),
        json!({"resourceType": "Observation", "id": "o", "status": "final", "subject": subject,
            "effectiveDateTime": "2019-03-04T09:30:00Z", "code": {"coding": [{"system": SYSTEM, "code": code}]},
            "valueQuantity": {"value": 7.9, "unit": "mmol/L", "system": "http://unitsofmeasure.org", "code": "mmol/L"}}),
    ];
    let entries: Vec<Value> = resources.into_iter().map(|resource| json!({"resource": resource})).collect();
    json!({"resourceType": "Bundle", "type": "collection", "entry": entries})
}

#[test]
fn a_server_reads_the_codes_that_its_model_learned_or_adopted() {
    let site = Site::new();
    site.file("small.toml", "[model]\nwidth = 16\nlayers = 1\nheads = 2\nfeed_forward = 16\n");
    policy(&site, "ours", SYSTEM, "[A-Z0-9]+");
    site.succeed("synth --subjects 200 --site b --format fhir --key site.key --out here");
    site.succeed("ingest --synthetic --key site.key --policy ours.toml --from fhir --out ours here/fhir");
    site.succeed("synth --subjects 200 --seed 2 --format meds --key site.key --out theirs");
    for records in ["ours", "theirs"] {
        site.succeed(&format!("tokenize --out {records}-timeline {records}"));
        site.succeed(&format!(
            "train --config small.toml --max-steps 2 --batch-tokens 512 --out {records}-model {records}-timeline"
        ));
    }
    site.succeed("adopt --model theirs-model --propose pairs.csv ours");
    site.succeed("adopt --model theirs-model --pairs pairs.csv --out adopted-model ours");
    // Both sites can't call different systems by one name.
    site.file(
        "again.toml",
        std::fs::read_to_string(site.path("ours.toml")).unwrap().replace(SYSTEM, "urn:oid:1.2.3"),
    );
    site.succeed("synth --subjects 150 --seed 4 --site b --format fhir --key site.key --out elsewhere");
    let other = std::fs::read_to_string(site.path("elsewhere/fhir/Observation.ndjson"));
    site.file("elsewhere/fhir/Observation.ndjson", other.unwrap().replace(SYSTEM, "urn:oid:1.2.3"));
    site.succeed(
        "ingest --synthetic --key site.key --policy again.toml --from fhir --out again elsewhere/fhir",
    );
    let said = site.fail("adopt --model ours-model --propose other.csv again");
    assert!(said.contains("give it another name"), "{said}");
    for (model, read, unknown) in [("ours", 4, 0), ("adopted", 4, 0), ("theirs", 3, 0)] {
        let server = Server::of(&site, &site.path(&format!("{model}-model")).display().to_string(), &[]);
        let asked = |code: &str| {
            let answer = server.post("/v1/risk", "", &json!({"patient": bundle(code), "top": 1}).to_string());
            assert_eq!(answer.status, 200, "{}", answer.body);
            let events = answer.body["patients"][0]["events"].clone();
            ["read", "rejected", "unknown_codes"].map(|count| events[count].as_u64().unwrap())
        };
        assert_eq!(asked("GLUCOSE"), [read, 4 - read, unknown], "{model}");
        // A name in its place is no code, here neither.
        assert_eq!(asked("Ann Canary"), [3, 1, 0], "{model}");
    }
}

//! The way back from a subject's number, on the record.

use crate::support::Site;
use serde_json::{Value, json};

fn records(site: &Site, ids: &[&str]) {
    let lines: String = ids
        .iter()
        .map(|id| json!({"resourceType": "Patient", "id": id, "birthDate": "1960-02-03", "gender": "male"}))
        .map(|patient| format!("{patient}\n"))
        .collect();
    site.file("in/records.ndjson", lines);
}

fn ids(site: &Site, events: &str) -> Vec<i64> {
    site.events(events).iter().map(|subject| subject.id).collect()
}

fn ledger(site: &Site) -> Vec<Value> {
    let text = std::fs::read_to_string(site.path("ledger.jsonl")).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

const ASK: &str = "deid reidentify --crosswalk site.crosswalk --ledger ledger.jsonl --reason recall";

#[test]
fn a_random_number_leads_back_by_crosswalk_and_key_and_each_use_is_entered() {
    let site = Site::new();
    let ingest = "ingest --from fhir --key site.key --policy safe-harbor --crosswalk site.crosswalk";
    records(&site, &["canary-1", "canary-2"]);
    site.succeed(&format!("{ingest} --out events in"));
    let first = ids(&site, "events");
    let sealed = std::fs::read(site.path("site.crosswalk")).unwrap();
    assert!(!sealed.windows(6).any(|w| w == b"canary"));

    // The next export goes on with the numbers of the last.
    records(&site, &["canary-2", "canary-3", "canary-1"]);
    site.succeed(&format!("{ingest} --out more in"));
    let second = ids(&site, "more");
    assert!(second.len() == 3 && first.iter().all(|id| second.contains(id)), "{first:?} {second:?}");

    let [one, two] = first[..] else { panic!("two subjects") };
    let told = site.succeed(&format!("{ASK} --key site.key --subject {one} {two}"));
    let told = String::from_utf8(told.stdout).unwrap();
    assert!(told.contains("canary-1") && told.contains("canary-2") && !told.contains("canary-3"), "{told}");
    let [entry] = &ledger(&site)[..] else { panic!("one entry") };
    assert_eq!(entry["outcome"], "granted");
    assert_eq!(entry["subjects"], json!([one, two]));
    assert_eq!(entry["reason"], "recall");
    assert!(!entry.to_string().contains("canary"), "a ledger holds no source key");
}

#[test]
fn a_wrong_key_and_an_unknown_subject_are_refused_and_entered() {
    let site = Site::new();
    records(&site, &["canary-1"]);
    site.succeed("ingest --from fhir --key site.key --crosswalk site.crosswalk --out events in");
    site.succeed("key new --out other.key");
    let id = ids(&site, "events")[0];
    let said = site.fail(&format!("{ASK} --key other.key --subject {id}"));
    assert!(said.contains("written with the key"), "{said}");
    let said = site.fail(&format!("{ASK} --key site.key --subject {id} 1"));
    assert!(said.contains("subject 1 is not in") && !said.contains("canary"), "{said}");
    let outcomes: Vec<String> =
        ledger(&site).iter().map(|entry| entry["outcome"].as_str().unwrap().to_owned()).collect();
    assert!(outcomes.len() == 2 && outcomes.iter().all(|o| o.starts_with("refused")), "{outcomes:?}");

    // Of a ledger that was altered nothing is told.
    let text = std::fs::read_to_string(site.path("ledger.jsonl")).unwrap();
    site.file("ledger.jsonl", text.replace("recall", "errand"));
    let output = site.run(&format!("{ASK} --key site.key --subject {id}"));
    assert!(!output.status.success() && output.stdout.is_empty());
    assert!(String::from_utf8_lossy(&output.stderr).contains("line 1"));
}

#[test]
#[cfg(unix)]
fn an_entry_that_can_t_be_written_whole_leaves_the_ledger_as_it_was() {
    let site = Site::new();
    records(&site, &["canary-1"]);
    site.succeed("ingest --from fhir --key site.key --crosswalk site.crosswalk --out events in");
    let ask = format!("{ASK} --key site.key --subject {}", ids(&site, "events")[0]);
    site.succeed(&ask);
    let before = std::fs::read(site.path("ledger.jsonl")).unwrap();
    // The next entry would end past the largest file that there may be: 512 bytes, or 1024 where the shell counts so.
    let mut words = vec!["-c", "trap '' XFSZ; ulimit -f 1; exec \"$0\" \"$@\"", env!("CARGO_BIN_EXE_osler")];
    let long = "x".repeat(1024);
    words.extend(ask.split_whitespace().map(|word| if word == "recall" { long.as_str() } else { word }));
    let mut full = std::process::Command::new("sh");
    let output = full.args(words).current_dir(site.path("")).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && said.contains("cannot write the ledger"), "{said}");
    assert!(output.stdout.is_empty(), "nothing is told that isn't entered");
    assert_eq!(std::fs::read(site.path("ledger.jsonl")).unwrap(), before);
    site.succeed(&ask);
    assert_eq!(ledger(&site).len(), 2);
}

#[test]
fn a_crosswalk_stays_apart_from_the_events_and_from_other_policies() {
    let site = Site::new();
    records(&site, &["canary-1"]);
    let said = site.fail("ingest --from fhir --key site.key --crosswalk events/map --out events in");
    assert!(said.contains("keep it apart"), "{said}");
    site.succeed("ingest --from fhir --key site.key --crosswalk site.crosswalk --out events in");
    let said = site.fail(
        "ingest --from fhir --key site.key --policy safe-harbor --crosswalk site.crosswalk --out more in",
    );
    assert!(said.contains("another kind"), "{said}");
    assert!(!site.path("more").exists());
}

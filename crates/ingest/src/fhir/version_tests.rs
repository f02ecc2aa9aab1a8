//! Several versions of one resource, whole runs and served documents: the newest counts, and nothing of the others.

use crate::{Format, Limits, Options, Progress, Summary, fhir_bundle_subject, ingest};
use events::{Identified, SourceEvent, SourceFact, SourceSubject, SourceValue};
use proptest::prelude::*;
use std::{convert::Infallible, fs};

fn route(key: &str) -> u64 {
    blake3::hash(key.as_bytes()).as_bytes()[..8].iter().fold(0, |route, &byte| route << 8 | u64::from(byte))
}

/// Every event as `subject code [value]`, sorted.
fn lines(subjects: &[SourceSubject]) -> Vec<String> {
    let line = |subject: &SourceSubject, fact: &SourceFact| match fact {
        SourceFact::Event(SourceEvent { system, code, value, .. }) => {
            let value = match value {
                SourceValue::Number(number) => format!(" {number}"),
                _ => String::new(),
            };
            format!("{} {}{value}", subject.key, crate::codes::whole(system, code))
        }
        SourceFact::Label(_) | SourceFact::Identity(_) => String::new(),
    };
    let mut lines: Vec<String> = subjects
        .iter()
        .flat_map(|subject| subject.facts.iter().map(move |fact| line(subject, fact)))
        .collect();
    lines.sort();
    lines
}

/// Somebody beside whom the files are about, since a run that finds nobody is refused; left out of what is told.
const BYSTANDER: &str = r#"{"resourceType":"Patient","id":"bystander","birthDate":"1950-01-01"}"#;

fn run_on(threads: usize, cramped: bool, files: &[(&str, &str)]) -> (Summary, Vec<SourceSubject>) {
    let (source, spill) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    fs::write(source.path().join("zz.ndjson"), BYSTANDER).unwrap();
    for (name, text) in files {
        fs::write(source.path().join(name), text).unwrap();
    }
    let mut options = Options::new(Format::Fhir, vec![source.path().into()], spill.path().into());
    (options.threads, options.max_rejected) = (threads, 1.0);
    if cramped {
        options.limits =
            Limits { spill_buffer_bytes: 500, gather_bytes: 200, batch_facts: 2, ..Limits::default() };
    }
    let mut subjects = Vec::new();
    let summary = ingest(&options, &route, &Progress::default(), &mut |batch| {
        subjects.extend(batch.into_iter().map(Identified::into_exposed));
        Ok::<(), Infallible>(())
    });
    let mut summary = summary.unwrap();
    subjects.retain(|subject: &SourceSubject| subject.key != "bystander");
    (summary.rows, summary.subjects, summary.facts) =
        (summary.rows - 1, summary.subjects - 1, summary.facts - 1);
    (summary, subjects)
}

/// A run, which threads and memory must not change.
fn run(files: &[(&str, &str)]) -> (Summary, Vec<String>) {
    let (summary, subjects) = run_on(1, false, files);
    for (threads, cramped) in [(2, false), (1, true), (2, true)] {
        let (other, same) = run_on(threads, cramped, files);
        assert_eq!(same, subjects, "{threads} threads, cramped: {cramped}");
        assert_eq!((other.duplicates, other.displaced), (summary.duplicates, summary.displaced));
        assert_eq!(other.ignored, summary.ignored);
    }
    (summary, lines(&subjects))
}

fn ignored(summary: &Summary, kind: &str, reason: &str) -> u64 {
    summary.ignored.iter().filter(|i| i.kind == kind && i.reason.starts_with(reason)).map(|i| i.count).sum()
}

fn meta(version: &str, updated: &str) -> String {
    let mut parts = Vec::new();
    if !version.is_empty() {
        parts.push(format!(r#""versionId":"{version}""#));
    }
    if !updated.is_empty() {
        parts.push(format!(r#""lastUpdated":"{updated}""#));
    }
    format!(r#""meta":{{{}}}"#, parts.join(","))
}

fn patient(meta: &str, more: &str) -> String {
    format!(
        r#"{{"resourceType":"Patient","id":"p1",{meta},"gender":"female","birthDate":"1960-05-01"{more}}}"#
    )
}

fn potassium(meta: &str, status: &str, value: f64) -> String {
    format!(
        r#"{{"resourceType":"Observation","id":"o1",{meta},"status":"{status}","subject":{{"reference":"Patient/p1"}},"effectiveDateTime":"2020-01-02T03:04:05Z","code":{{"coding":[{{"system":"http://loinc.org","code":"2823-3"}}]}},"valueQuantity":{{"value":{value},"unit":"mmol/L"}}}}"#
    )
}

fn cancer(meta: &str, status: &str) -> String {
    format!(
        r#"{{"resourceType":"Condition","id":"c1",{meta},"verificationStatus":{{"coding":[{{"code":"{status}"}}]}},"subject":{{"reference":"Patient/p1"}},"recordedDate":"2020-01-02","code":{{"coding":[{{"system":"http://hl7.org/fhir/sid/icd-10-cm","code":"C50.919"}}]}}}}"#
    )
}

fn base(meta: &str) -> String {
    [patient(meta, ""), potassium(meta, "preliminary", 2.1), cancer(meta, "confirmed")].join("\n")
}

fn change(meta: &str) -> String {
    let died = r#","deceasedDateTime":"2021-01-01T00:00:00Z""#;
    [patient(meta, died), potassium(meta, "corrected", 4.1), cancer(meta, "entered-in-error")].join("\n")
}

const NEWEST: [&str; 4] = ["p1 GENDER//F", "p1 LOINC//2823-3 4.1", "p1 MEDS_BIRTH", "p1 MEDS_DEATH"];

#[test]
fn deaths_corrections_and_retractions_of_an_increment_count() {
    for (first, second) in [
        // By the moment, whatever the offset and the number say.
        (meta("9", "2020-01-02T01:00:00+05:00"), meta("10", "2020-01-01T23:00:00-05:00")),
        (meta("2", "2020-01-01T00:00:00Z"), meta("1", "2020-01-01T00:00:00.001Z")),
        (meta("", "2020-01-01T00:00:00Z"), meta("2", "2020-02-01T00:00:00Z")),
        // By the number.
        (meta("9", ""), meta("10", "")),
        (meta("1", "2020-01-01T00:00:00Z"), meta("2", "2020-01-01T00:00:00Z")),
        (meta("1", "2020-01-01T00:00:00Z"), meta("2", "")),
    ] {
        for names in [["a.ndjson", "b.ndjson"], ["b.ndjson", "a.ndjson"]] {
            let (summary, lines) = run(&[(names[0], &base(&first)), (names[1], &change(&second))]);
            assert_eq!(lines, NEWEST, "{first} {second} {names:?}");
            assert_eq!((summary.duplicates, summary.displaced, summary.facts), (0, 3, 4));
        }
        for bundle in [[base(&first), change(&second)], [change(&second), base(&first)]] {
            let entries = bundle.join("\n").replace('\n', "},{\"resource\":");
            let bundle = format!(r#"{{"resourceType":"Bundle","entry":[{{"resource":{entries}}}]}}"#);
            let read = fhir_bundle_subject(bundle.as_bytes(), &Limits::default()).unwrap();
            assert_eq!(
                (lines(&[read.subject.into_exposed()]), read.rejections.len()),
                (NEWEST.map(String::from).into(), 0)
            );
        }
    }
}

#[test]
fn without_time_or_number_what_stands_later_counts() {
    let (none, word) = (meta("", ""), meta("b-2", "yesterday"));
    let (_, lines) = run(&[("a.ndjson", &base(&none)), ("b.ndjson", &change(&word))]);
    assert_eq!(lines, NEWEST);
    let (_, lines) = run(&[("a.ndjson", &change(&none)), ("b.ndjson", &base(&word))]);
    assert_eq!(lines, ["p1 GENDER//F", "p1 ICD10CM//C50.919", "p1 LOINC//2823-3 2.1", "p1 MEDS_BIRTH"]);
    let both = [base(&none), change(&none)].join("\n");
    assert_eq!(run(&[("a.ndjson", &both)]).1, NEWEST);
}

#[test]
fn copies_of_a_version_are_duplicates() {
    let (first, second) = (meta("1", "2020-01-01T00:00:00Z"), meta("2", "2020-02-01T00:00:00Z"));
    let whole = [base(&first), change(&second)].join("\n");
    let (summary, lines) = run(&[("a.ndjson", &whole), ("b.ndjson", &whole)]);
    assert_eq!(lines, NEWEST);
    assert_eq!((summary.duplicates, summary.displaced), (4, 6));
    // Saved again without a change: no other version, for what is read of it.
    let again = base(&meta("3", "2020-03-01T00:00:00Z"));
    let (summary, lines) = run(&[("a.ndjson", &base(&first)), ("b.ndjson", &again)]);
    assert_eq!((summary.duplicates, summary.displaced, lines.len()), (4, 0, 4));
}

#[test]
fn a_version_without_facts_alone_is_nothing_and_nobody() {
    let (summary, lines) = run(&[("a.ndjson", &cancer(&meta("2", ""), "refuted"))]);
    assert_eq!((lines.len(), summary.subjects, summary.displaced, summary.rows), (0, 0, 0, 1));
    let none = fhir_bundle_subject(cancer(&meta("2", ""), "refuted").as_bytes(), &Limits::default());
    assert!(matches!(none, Err(crate::Error::NotOneSubject { found: 0 })));
    // A later version brings it back.
    let (summary, lines) = run(&[
        ("a.ndjson", &cancer(&meta("3", ""), "confirmed")),
        ("b.ndjson", &cancer(&meta("2", ""), "refuted")),
    ]);
    assert_eq!((lines, summary.displaced), (vec!["p1 ICD10CM//C50.919".to_owned()], 0));
}

#[test]
fn a_retraction_may_leave_out_whose_it_was() {
    let error =
        r#"{"resourceType":"Observation","id":"o1","meta":{"versionId":"2"},"status":"entered-in-error"}"#;
    let text = [base(&meta("1", "")), error.to_owned()].join("\n");
    let (summary, lines) = run(&[("a.ndjson", &text)]);
    assert_eq!(lines, ["p1 GENDER//F", "p1 ICD10CM//C50.919", "p1 MEDS_BIRTH"]);
    assert_eq!((summary.displaced, summary.rejected), (1, 0));
}

#[test]
fn a_version_that_cannot_be_read_leaves_no_older_one_in_its_place() {
    let broken = potassium(&meta("2", ""), "final", 4.1).replace(r#""status":"final""#, r#""status":{}"#);
    let (summary, lines) = run(&[("a.ndjson", &base(&meta("1", ""))), ("b.ndjson", &broken)]);
    assert_eq!(lines, ["p1 GENDER//F", "p1 ICD10CM//C50.919", "p1 MEDS_BIRTH"]);
    assert_eq!((summary.displaced, summary.rejected), (1, 1));
}

#[test]
fn deletions_take_out_what_was_before() {
    let deleted = |updated: &str| {
        format!(
            r#"{{"resourceType":"Bundle","type":"transaction"{updated},"entry":[
            {{"request":{{"method":"DELETE","url":"Condition/c1"}}}},{{"request":{{"method":"DELETE","url":"https://ehr.example/Observation/o1"}}}},
            {{"request":{{"method":"DELETE","url":"Condition/elsewhere"}}}},{{"request":{{"method":"GET","url":"Patient/p1"}}}}]}}"#
        )
        .replace('\n', " ")
    };
    let left = ["p1 GENDER//F", "p1 MEDS_BIRTH"];
    let old = base(&meta("1", "2020-01-01T00:00:00Z"));
    for updated in
        [r#","meta":{"lastUpdated":"2020-02-01T00:00:00Z"}"#, r#","timestamp":"2020-02-01T00:00:00Z""#]
    {
        for names in [["a.ndjson", "b.ndjson"], ["b.ndjson", "a.ndjson"]] {
            let (summary, lines) = run(&[(names[0], &old), (names[1], &deleted(updated))]);
            assert_eq!((lines, summary.displaced), (left.map(String::from).into(), 2));
            assert_eq!(ignored(&summary, "Condition", "deleted"), 2);
            assert_eq!(ignored(&summary, "Observation", "deleted"), 1);
            assert_eq!(ignored(&summary, "Bundle", "an entry without a resource"), 1);
        }
    }
    let early = deleted(r#","meta":{"lastUpdated":"2019-02-01T00:00:00Z"}"#);
    assert_eq!(run(&[("a.ndjson", &old), ("b.ndjson", &early)]).1.len(), 4);
    // Without a time it counts where it stands.
    assert_eq!(run(&[("a.ndjson", &old), ("b.ndjson", &deleted(""))]).1, left);
    assert_eq!(run(&[("a.ndjson", &deleted("")), ("b.ndjson", &old)]).1.len(), 4);
    let search = deleted("").replace("Condition/c1", "Condition?code=1");
    let (summary, _) = run(&[("a.ndjson", &old), ("b.ndjson", &search)]);
    assert_eq!((summary.rejected, summary.rejections[0].reason), (1, "a deletion that names no resource"));

    // Served: everything of one document.
    let entries = old.replace('\n', "},{\"resource\":");
    let served = format!(
        r#"{{"resourceType":"Bundle","entry":[{{"resource":{entries}}},{{"request":{{"method":"DELETE","url":"Condition/c1"}}}}]}}"#
    );
    let served = fhir_bundle_subject(served.as_bytes(), &Limits::default()).unwrap().subject;
    assert_eq!(lines(&[served.into_exposed()]), ["p1 GENDER//F", "p1 LOINC//2823-3 2.1", "p1 MEDS_BIRTH"]);
}

#[test]
fn a_history_begins_with_the_newest() {
    let none = meta("", "");
    let entry = |resource: &str, etag: &str| {
        format!(r#"{{"resource":{resource},"request":{{"method":"PUT","url":"Observation/o1"}}{etag}}}"#)
    };
    let history = |first: String, second: String| {
        format!(r#"{{"resourceType":"Bundle","type":"history","entry":[{first},{second}]}}"#)
    };
    let (old, new) = (potassium(&none, "preliminary", 2.1), potassium(&none, "corrected", 4.1));
    let newest = ["p1 LOINC//2823-3 4.1"];
    assert_eq!(run(&[("a.json", &history(entry(&new, ""), entry(&old, "")))]).1, newest);
    let (one, two) = (r#","response":{"etag":"W/\"1\""}"#, r#","response":{"etag":"W/\"2\""}"#);
    assert_eq!(run(&[("a.json", &history(entry(&old, one), entry(&new, two)))]).1, newest);
    let gone = r#"{"fullUrl":"https://ehr.example/Observation/o1","request":{"method":"DELETE","url":"Observation/o1"},"response":{"etag":"W/\"2\""}}"#;
    assert_eq!(run(&[("a.json", &history(gone.into(), entry(&old, one)))]).1, Vec::<String>::new());
}

#[test]
fn new_resources_of_a_transaction_are_known_by_their_full_urls() {
    let transaction = |kind: &str, uuid: &str, born: &str, subject: &str, value: f64| {
        format!(
            r#"{{"resourceType":"Bundle","type":"{kind}","entry":[
            {{"fullUrl":"urn:uuid:{uuid}","request":{{"method":"POST","url":"Patient"}},"resource":{{"resourceType":"Patient","id":"pat","birthDate":"{born}"}}}},
            {{"fullUrl":"urn:uuid:e{uuid}","resource":{{"resourceType":"Encounter","id":"enc","class":{{"code":"IMP"}},"subject":{{"reference":"{subject}"}},"period":{{"start":"2020-01-01T00:00:00Z","end":"2020-01-03T00:00:00Z"}}}}}},
            {{"fullUrl":"urn:uuid:m{uuid}","resource":{{"resourceType":"Medication","id":"med","code":{{"coding":[{{"system":"http://www.nlm.nih.gov/research/umls/rxnorm","code":"{value}"}}]}}}}}},
            {{"fullUrl":"urn:uuid:r{uuid}","resource":{{"resourceType":"MedicationRequest","id":"req","subject":{{"reference":"{subject}"}},"authoredOn":"2020-01-02","medicationReference":{{"reference":"Medication/med"}}}}}},
            {{"fullUrl":"urn:uuid:o{uuid}","resource":{{"resourceType":"Observation","id":"obs","subject":{{"reference":"{subject}"}},"issued":"2020-01-02T00:00:00Z","code":{{"coding":[{{"system":"http://loinc.org","code":"1"}}]}},"valueQuantity":{{"value":{value}}}}}}}]}}"#
        )
        .replace('\n', " ")
    };
    for (one, other) in [("Patient/pat", "urn:uuid:u2"), ("urn:uuid:u1", "Patient/pat")] {
        let first = transaction("transaction", "u1", "1950-01-01", one, 1.0);
        let second = transaction("batch", "u2", "1990-01-01", other, 2.0);
        let (summary, lines) = run(&[("a.json", &first), ("b.json", &second), ("c.json", &second)]);
        let expected: Vec<String> = [("u1", 1), ("u2", 2)]
            .iter()
            .flat_map(|(uuid, value)| {
                [
                    format!("{uuid} LOINC//1 {value}"),
                    format!("{uuid} MEDS_BIRTH"),
                    format!("{uuid} RXNORM//{value}"),
                    format!("{uuid} VISIT//IMP"),
                    format!("{uuid} VISIT_END//IMP"),
                ]
            })
            .collect();
        assert_eq!(lines, expected);
        assert_eq!((summary.duplicates, summary.displaced, summary.rejected), (5, 0, 0));
    }
    // What is put under its own id, and what isn't sent to be stored, is known by that.
    let put = transaction("transaction", "u1", "1950-01-01", "Patient/pat", 1.0)
        .replace(r#""method":"POST","url":"Patient""#, r#""method":"PUT","url":"Patient/pat""#);
    assert!(run(&[("a.json", &put)]).1.iter().all(|line| line.starts_with("pat ")));
    let collection = transaction("collection", "u1", "1950-01-01", "urn:uuid:u1", 1.0);
    assert!(run(&[("a.json", &collection)]).1.iter().all(|line| line.starts_with("pat ")));
}

#[test]
fn a_stay_ends_where_its_newest_version_says() {
    let stay = |version: &str, rest: &str| {
        format!(
            r#"{{"resourceType":"Encounter","id":"e","meta":{{"versionId":"{version}"}},"class":{{"code":"IMP"}},"subject":{{"reference":"Patient/p1"}},{rest}}}"#
        )
    };
    let diagnosis = r#"{"resourceType":"Condition","id":"c","subject":{"reference":"Patient/p1"},"encounter":{"reference":"Encounter/e"},"category":[{"coding":[{"code":"encounter-diagnosis"}]}],"recordedDate":"2020-01-02","code":{"coding":[{"system":"http://snomed.info/sct","code":"1"}]}}"#;
    let diagnosed = |newest: &str| {
        let old = stay("1", r#""period":{"start":"2020-01-01T00:00:00Z","end":"2020-01-09T00:00:00Z"}"#);
        let text = [diagnosis, &old, newest].join("\n");
        let (_, subjects) = run_on(1, false, &[("a.ndjson", &text)]);
        let time = subjects[0].facts.iter().find_map(|fact| match fact {
            SourceFact::Event(event) if event.system == "SNOMED" => crate::time::known_at(event.time),
            _ => None,
        });
        time.unwrap().to_string()[..10].to_owned()
    };
    let corrected = stay("2", r#""period":{"start":"2020-01-01T00:00:00Z","end":"2020-01-05T00:00:00Z"}"#);
    assert_eq!(diagnosed(&corrected), "2020-01-05");
    assert_eq!(diagnosed(&stay("2", r#""status":"entered-in-error""#)), "2020-01-02");
    assert_eq!(diagnosed(""), "2020-01-09");
}

#[test]
fn a_drug_is_what_the_newest_version_of_its_medication_says() {
    let medication = |meta: &str, code: &str| {
        format!(
            r#"{{"resourceType":"Medication","id":"m",{meta},"code":{{"coding":[{{"system":"http://www.nlm.nih.gov/research/umls/rxnorm","code":"{code}"}}]}}}}"#
        )
    };
    let request = r#"{"resourceType":"MedicationRequest","id":"r","subject":{"reference":"Patient/p1"},"authoredOn":"2020-01-02","medicationReference":{"reference":"Medication/m"}}"#;
    let (old, new) = (medication(&meta("9", ""), "1"), medication(&meta("10", ""), "2"));
    for text in [[request, &old, &new].join("\n"), [&new, &old, request].join("\n")] {
        assert_eq!(run(&[("a.ndjson", &text)]).1, ["p1 RXNORM//2"]);
    }
}

#[test]
fn of_a_medication_too_the_newest_counts_whatever_else_it_says() {
    let medication = |meta: &str, code: &str| {
        format!(
            r#"{{"resourceType":"Medication","id":"m",{meta},"code":{{"coding":[{{"system":"http://www.nlm.nih.gov/research/umls/rxnorm","code":"{code}"}}]}}}}"#
        )
    };
    let request = r#"{"resourceType":"MedicationRequest","id":"r","subject":{"reference":"Patient/p1"},"authoredOn":"2020-01-02","medicationReference":{"reference":"Medication/m"}}"#;
    // Only the older says when it was made.
    let (old, new) = (medication(&meta("1", "2020-01-01T00:00:00Z"), "1"), medication(&meta("2", ""), "2"));
    for text in [[request, &old, &new].join("\n"), [&new, &old, request].join("\n")] {
        assert_eq!(run(&[("a.ndjson", &text)]).1, ["p1 RXNORM//2"]);
    }
    // Entered in error: no older one counts instead.
    let error = medication(r#""status":"entered-in-error","meta":{"versionId":"3"}"#, "3");
    for text in [[request, &old, &error].join("\n"), [&error, &new, request].join("\n")] {
        let (summary, lines) = run(&[("a.ndjson", &text)]);
        assert_eq!((lines.len(), summary.rejected), (0, 1));
    }
    // Nor instead of one without a code.
    let plain =
        r#"{"resourceType":"Medication","id":"m","meta":{"versionId":"3"},"code":{"text":"white tablet"}}"#;
    let nothing = r#"{"resourceType":"Medication","id":"m","meta":{"versionId":"3"}}"#;
    for codeless in [plain, nothing] {
        for text in [[request, &old, codeless].join("\n"), [codeless, &new, request].join("\n")] {
            assert_eq!(run(&[("a.ndjson", &text)]).1, [""; 0]);
        }
    }
    // In one Bundle as in lines, in any order.
    let bundle = |resources: &[&str]| {
        let entries: Vec<String> = resources.iter().map(|r| format!(r#"{{"resource":{r}}}"#)).collect();
        format!(r#"{{"resourceType":"Bundle","type":"collection","entry":[{}]}}"#, entries.join(","))
    };
    let first = medication(&meta("1", ""), "1");
    for (resources, expected) in [
        ([request, &*first, &*new], &["p1 RXNORM//2"][..]),
        ([&new, &first, request], &["p1 RXNORM//2"]),
        ([request, &first, &error], &[]),
        ([&error, &first, request], &[]),
        ([request, &first, plain], &[]),
        ([nothing, &first, request], &[]),
    ] {
        assert_eq!(run(&[("a.json", &bundle(&resources))]).1, expected, "{resources:?}");
    }
}

#[test]
fn what_is_left_out_of_a_patient_is_counted() {
    let merged =
        patient(&meta("1", ""), r#","link":[{"type":"replaced-by","other":{"reference":"Patient/p2"}}]"#);
    let answer = potassium(&meta("1", ""), "final", 1.0).replace(
        r#""valueQuantity":{"value":1,"unit":"mmol/L"}"#,
        r#""valueCodeableConcept":{"text":"Not detected"}"#,
    );
    let (summary, lines) = run(&[("a.ndjson", &[merged, answer].join("\n"))]);
    assert_eq!(lines, ["p1 GENDER//F", "p1 LOINC//2823-3", "p1 MEDS_BIRTH"]);
    assert_eq!(ignored(&summary, "Patient", "replaced by another patient"), 1);
    assert_eq!(ignored(&summary, "Observation", "an answer without a code"), 1);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn versions_in_any_order_and_files_give_the_newest(
        order in Just((1..7u32).collect::<Vec<_>>()).prop_shuffle(),
        retracted in 0..9u32,
        cut in 0..7usize,
    ) {
        let all: Vec<String> = order
            .iter()
            .map(|&number| {
                let status = if number == retracted { "cancelled" } else { "final" };
                potassium(&meta(&number.to_string(), ""), status, number.into())
            })
            .collect();
        let (first, second) = all.split_at(cut.min(all.len()));
        let (summary, subjects) = run_on(2, false, &[("a.ndjson", &first.join("\n")), ("b.ndjson", &second.join("\n"))]);
        let expected = if retracted == 6 { vec![] } else { vec!["p1 LOINC//2823-3 6".to_owned()] };
        prop_assert_eq!(lines(&subjects), expected);
        let retractions = u64::from((1..7).contains(&retracted));
        prop_assert_eq!(summary.displaced, 6 - retractions - u64::from(retracted != 6));
    }
}

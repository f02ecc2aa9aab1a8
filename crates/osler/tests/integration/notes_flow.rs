//! Notes through `osler ingest` and through the filter: what the chart knows is found, and both agree.

use crate::support::Site;
use std::io::Write;
use std::process::Stdio;

const NOTE: &str = "Wilhelmina Okonkwo-Brandt (MRN 77-41-93, born 5/4/1961) was seen on 03/01/2020 by Dr. Quillfeather. \
                    Billie has asthma; her number is 555.867.5309. Next visit 04/01/2020.";
const NAMED: [&str; 7] =
    ["Wilhelmina", "Okonkwo", "Brandt", "77-41-93", "Quillfeather", "5309", "03/01/2020"];

/// One patient with a note, as a Bundle; the note's text is base64.
fn bundle() -> String {
    const DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let data: String = NOTE
        .as_bytes()
        .chunks(3)
        .flat_map(|chunk| {
            let bits =
                chunk.iter().enumerate().fold(0u32, |bits, (i, &b)| bits | u32::from(b) << (16 - 8 * i));
            (0..=chunk.len()).map(move |i| char::from(DIGITS[(bits >> (18 - 6 * i) & 63) as usize]))
        })
        .collect();
    format!(
        r#"{{"resourceType":"Bundle","type":"collection","entry":[
        {{"resource":{{"resourceType":"Patient","id":"p1","birthDate":"1961-05-04","gender":"female",
          "name":[{{"family":"Okonkwo-Brandt","given":["Wilhelmina"]}}],"identifier":[{{"value":"774193"}}],
          "telecom":[{{"system":"phone","value":"(555) 867-5309"}}]}}}},
        {{"resource":{{"resourceType":"Practitioner","id":"d1","name":[{{"family":"Quillfeather","given":["Ann"]}}]}}}},
        {{"resource":{{"resourceType":"Condition","id":"c1","subject":{{"reference":"Patient/p1"}},
          "recordedDate":"2020-03-01","code":{{"coding":[{{"system":"http://hl7.org/fhir/sid/icd-10-cm","code":"J45.909"}}]}}}}}},
        {{"resource":{{"resourceType":"DocumentReference","id":"n1","status":"current","date":"2020-03-01T10:00:00Z",
          "subject":{{"reference":"Patient/p1"}},"author":[{{"reference":"Practitioner/d1"}}],
          "type":{{"coding":[{{"system":"http://loinc.org","code":"34117-2"}}]}},
          "content":[{{"attachment":{{"contentType":"text/plain","data":"{data}"}}}}]}}}}]}}"#
    )
}

fn site(free_text: &str) -> Site {
    let site = Site::new();
    site.file("bundle.json", bundle());
    let shown = site.succeed("deid policy show expert-determination");
    let policy = String::from_utf8(shown.stdout).unwrap();
    let ours = policy.replace("free_text = \"drop\"", &format!("free_text = \"{free_text}\""));
    assert_ne!(ours, policy);
    site.file("ours.toml", ours);
    site.succeed("ingest --from fhir --policy ours.toml --key site.key --synthetic --out events bundle.json");
    site
}

fn notes(site: &Site) -> Vec<String> {
    let mut notes = Vec::new();
    for split in events::Split::ALL {
        for subject in events::meds::read_subjects(&site.path("events"), split).unwrap() {
            notes.extend(
                subject.unwrap().events().iter().filter_map(|e| e.text_value.clone()).map(String::from),
            );
        }
    }
    notes
}

#[test]
fn a_note_passes_without_what_the_chart_knows() {
    let site = site("tags");
    let notes = notes(&site);
    let [note] = &notes[..] else { panic!("{} notes", notes.len()) };
    assert!(NAMED.iter().all(|named| !note.contains(named)) && !note.contains("Billie"));
    assert!(note.contains("has asthma; her number is [PHONE]"));
    // Nothing of it is anywhere else in what was written.
    for file in ["manifest.json", "attestation.json", "rejections.json"] {
        let text = std::fs::read_to_string(site.path("events").join(file)).unwrap();
        assert!(NAMED.iter().all(|named| !text.contains(named)), "{file}");
    }
    site.succeed("tokenize --out timeline events");
}

#[test]
fn dates_in_a_note_move_with_the_record_and_the_filter_moves_them_alike() {
    let site = site("surrogates");
    let notes = notes(&site);
    let [note] = &notes[..] else { panic!("{} notes", notes.len()) };
    assert!(NAMED.iter().all(|named| !note.contains(named)) && !note.contains('['), "what was named is left");
    let day = |after: &str, note: &str| {
        let text = &note[note.find(after).unwrap() + after.len()..];
        let (m, d, y) = (&text[..2], &text[3..5], &text[6..10]);
        events::Time::from_ymd(y.parse().unwrap(), m.parse().unwrap(), d.parse().unwrap()).unwrap()
    };
    let (seen, next) = (day("seen on ", note), day("Next visit ", note));
    assert_eq!(next.days_since(seen), 31.0);
    let mut at = Vec::new();
    for split in events::Split::ALL {
        for subject in events::meds::read_subjects(&site.path("events"), split).unwrap() {
            at.extend(
                subject
                    .unwrap()
                    .events()
                    .iter()
                    .filter(|e| e.code.as_str().contains("J45"))
                    .filter_map(|e| e.time),
            );
        }
    }
    assert_eq!(at.iter().map(|time| time.ymd()).collect::<Vec<_>>(), [seen.ymd()]);

    let mut child = site
        .command(&[
            "deid",
            "text",
            "--chart",
            "bundle.json",
            "--treatment",
            "surrogates",
            "--key",
            "site.key",
        ])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let line = serde_json::json!({ "id": 1, "text": NOTE });
    writeln!(child.stdin.take().unwrap(), "{line}").unwrap();
    let out = child.wait_with_output().unwrap();
    let filtered: serde_json::Value = serde_json::from_slice(&out.stdout).unwrap();
    let filtered = filtered["text"].as_str().unwrap();
    assert_eq!(day("seen on ", filtered), seen);
    assert!(NAMED.iter().all(|named| !filtered.contains(named)));
}

#[test]
fn surrogates_are_refused_without_what_they_need() {
    let site = Site::new();
    assert!(site.fail("deid text --treatment surrogates").contains("need --chart"));
    site.file("two.json", bundle().replace("\"Patient/p1\"", "\"Patient/p2\""));
    let said = site.fail("deid text --chart two.json");
    assert!(said.contains("two.json is no chart") && !said.contains("Okonkwo"), "{said}");
    assert!(site.fail("deid text --chart absent.json").contains("cannot open absent.json"));
}

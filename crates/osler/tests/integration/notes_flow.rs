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

/// Runs one format with a policy that lets text pass as tags, and gives the one text that comes out.
fn text_of(files: &[(&str, String)], arguments: &str) -> String {
    let site = Site::new();
    files.iter().for_each(|(name, text)| drop(site.file(name, text.clone())));
    let policy = String::from_utf8(site.succeed("deid policy show expert-determination").stdout).unwrap();
    site.file("ours.toml", policy.replace("free_text = \"drop\"", "free_text = \"tags\""));
    site.succeed(&format!("ingest {arguments} --policy ours.toml --key site.key --synthetic --out events"));
    let notes = notes(&site);
    let [note] = &notes[..] else { panic!("{} notes", notes.len()) };
    note.clone()
}

/// Words that only a chart can tell from plain ones, and a short number.
const PLAIN: &str =
    "long will was seen at stone harbour with may rivers; file 77-41-9 or p77419x. her pain is 3/10.";

#[test]
fn a_mapped_table_says_who_is_named() {
    let mapping = r#"
        name = "clinic"
        [[table]]
        files = ["people.csv"]
        subject = { column = "id" }
        [[table.event]]
        code = "MEDS_BIRTH"
        time = { date = "born" }
        [[table.identity]]
        kind = "name"
        column = ["family", "given"]
        [[table.identity]]
        kind = "record_number"
        column = "file"
        [[table]]
        files = ["notes.csv"]
        subject = { column = "id" }
        [[table.event]]
        code = "LOINC//34117-2"
        time = { date = "day" }
        value = { column = "text", text = true }
        [[table.identity]]
        kind = "other_name"
        column = "by"
        [[table.identity]]
        kind = "organization"
        column = "ward"
    "#;
    let note = text_of(
        &[
            ("clinic.toml", mapping.into()),
            ("people.csv", "id,born,family,given,file\np77419x,1961-05-04,Long,Will,77419\n".into()),
            (
                "notes.csv",
                format!("id,day,text,by,ward\np77419x,2020-03-01,{PLAIN},\"Rivers, May\",Stone Harbour\n"),
            ),
        ],
        "--from table --mapping clinic.toml people.csv notes.csv",
    );
    for named in ["long", "will", "stone", "rivers", "77-41", "p77419x"] {
        assert!(!note.contains(named), "{named} is left");
    }
    assert!(note.contains("her pain is 3/10"));
}

#[test]
fn synthea_tables_say_who_is_named() {
    let note = text_of(
        &[
            (
                "patients.csv",
                "Id,BIRTHDATE,SSN,FIRST,LAST,GENDER\np77419x,1961-05-04,77-41-9,Will,Long,F\n".into(),
            ),
            (
                "encounters.csv",
                "Id,START,PATIENT,ORGANIZATION,PROVIDER,CODE\ne1,2020-03-01,p77419x,o1,d1,185347001\n".into(),
            ),
            ("organizations.csv", "Id,NAME\no1,STONE HARBOUR\n".into()),
            ("providers.csv", "Id,NAME\nd1,May Rivers\n".into()),
            (
                "observations.csv",
                format!("DATE,PATIENT,CODE,VALUE,UNITS,TYPE\n2020-03-01,p77419x,72166-2,{PLAIN},,text\n"),
            ),
        ],
        "--from synthea patients.csv encounters.csv organizations.csv providers.csv observations.csv",
    );
    for named in ["long", "will", "stone", "rivers", "77-41", "p77419x"] {
        assert!(!note.contains(named), "{named} is left");
    }
    assert!(note.contains("her pain is 3/10"));
}

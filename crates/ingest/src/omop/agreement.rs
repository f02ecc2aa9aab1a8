//! The same data by two roads: GiBleed's OMOP tables as read here, and as `meds_etl` 0.3.11 wrote them in MEDS 0.3.

use super::{OmopLoader, table_of};
use crate::{
    codes, meds,
    rows::testing::{Collected, input, shared_data},
};
use events::{SourceFact, SourceTime, SourceValue};
use std::{collections::BTreeMap, fs::File, io::Read, path::Path};

fn entries(archive: &Path) -> Vec<(String, Vec<u8>)> {
    let mut archive = tar::Archive::new(zstd::Decoder::new(File::open(archive).unwrap()).unwrap());
    let mut entries = Vec::new();
    for entry in archive.entries().unwrap() {
        let mut entry = entry.unwrap();
        if entry.header().entry_type().is_file() {
            let name = entry.path().unwrap().file_name().unwrap().to_string_lossy().into_owned();
            let mut bytes = Vec::new();
            entry.read_to_end(&mut bytes).unwrap();
            entries.push((name, bytes));
        }
    }
    entries
}

/// How often each (subject, moment, code, value) occurs.
fn events(sink: &Collected) -> BTreeMap<(String, String, String, String), i64> {
    let mut events = BTreeMap::new();
    for (subject, fact) in &sink.facts {
        let SourceFact::Event(event) = fact else { continue };
        let time = match event.time {
            SourceTime::Static => "static".to_owned(),
            SourceTime::Date(time) => time.end_of_day().to_string(),
            SourceTime::DateTime(time) => time.to_string(),
        };
        let value = match &event.value {
            SourceValue::None => String::new(),
            value => format!("{value:?}"),
        };
        let code = codes::whole(&event.system, &event.code).to_string();
        *events.entry((subject.clone(), time, code, value)).or_default() += 1;
    }
    events
}

#[test]
fn omop_and_meds_of_gibleed_agree_event_by_event() {
    let Some(directory) = shared_data() else { return };
    let mut omop = Collected::default();
    let tables = entries(&directory.join("omop-gibleed-5.4-csv.tar.zst"));
    let mut loader = OmopLoader::default();
    for (name, bytes) in tables.iter().filter(|(name, _)| OmopLoader::wants(name)) {
        loader.load(input(name, bytes), &mut omop).unwrap();
    }
    let reader = loader.build(false, &crate::Limits::default());
    let started = std::time::Instant::now();
    for (name, bytes) in tables.iter().filter(|(name, _)| table_of(name).is_some()) {
        reader.read(input(name, bytes), &mut omop).unwrap();
    }
    println!("{} rows, {} facts in {:.3} s", omop.rows, omop.facts.len(), started.elapsed().as_secs_f64());
    assert_eq!(omop.rejections, []);

    let mut meds = Collected::default();
    for (name, bytes) in entries(&directory.join("meds-0.3-gibleed.tar.zst")) {
        if !meds::is_ignored(&name) {
            meds::read_parquet(&name, &name, bytes::Bytes::from(bytes), &mut meds).unwrap();
        }
    }
    assert_eq!(meds.rejections, []);

    let (ours, theirs) = (events(&omop), events(&meds));
    let mut only_ours = BTreeMap::<String, i64>::new();
    let mut only_theirs = BTreeMap::<String, i64>::new();
    let all: std::collections::BTreeSet<_> = ours.keys().chain(theirs.keys()).collect();
    let mut both = 0;
    for key in all {
        let (a, b) = (ours.get(key).copied().unwrap_or(0), theirs.get(key).copied().unwrap_or(0));
        both += a.min(b);
        let reserved = !key.2.contains("//") || key.2.starts_with("VISIT_END") || key.1 == "static";
        let what = if reserved { key.2.clone() } else { "clinical".to_owned() };
        if a > b {
            *only_ours.entry(what).or_default() += a - b;
        } else if b > a {
            *only_theirs.entry(what).or_default() += b - a;
        }
    }
    println!(
        "agree {both}, only from OMOP {only_ours:?}, only from MEDS {only_theirs:?}; ignored {:?}",
        omop.ignored
    );
    assert_eq!(theirs.values().sum::<i64>(), 219_647);
    assert_eq!(both, 219_647, "every event of meds_etl is ours too");
    assert!(only_theirs.is_empty());
    let want: BTreeMap<String, i64> = [
        // Sex, race and ethnicity: GiBleed's concept table lacks these standard concepts, so meds_etl drops them.
        ("GENDER//F", 1373),
        ("GENDER//M", 1321),
        ("RACE//WHITE", 1693),
        ("RACE//BLACK", 338),
        ("RACE//ASIAN", 212),
        ("ETHNICITY//HISPANIC", 435),
        // The end of inpatient stays, and of follow-up (of 2,649 persons without a row in `person` too), which
        // meds_etl doesn't write.
        ("VISIT_END//IP", 1037),
        ("OSLER_FOLLOWUP_END", 5343),
        // 35 drug exposures and 27 conditions whose source concept the vocabulary lacks: meds_etl drops them, here
        // their standard concept speaks.
        ("clinical", 62),
    ]
    .map(|(code, count)| (code.to_owned(), count))
    .into_iter()
    .collect();
    assert_eq!(only_ours, want);
}

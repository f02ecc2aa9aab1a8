//! Whole runs: what comes out doesn't depend on containers, threads or memory, and what goes wrong is said.

use crate::{Error, Format, Interrupted, Limits, Options, Progress, Summary, ingest, ingest_after};
use events::{Code, Identified, SourceFact, SourceSubject};
use std::{
    cell::RefCell,
    convert::Infallible,
    fmt::Write as _,
    fs,
    io::Write as _,
    path::{Path, PathBuf},
};
use tempfile::TempDir;

fn route(key: &str) -> u64 {
    blake3::hash(key.as_bytes()).as_bytes()[..8].iter().fold(0, |route, &byte| route << 8 | u64::from(byte))
}

fn run(
    sources: &[&Path],
    adjust: impl Fn(&mut Options),
    each: &mut dyn FnMut(Vec<Identified<SourceSubject>>, &Path),
) -> Result<Summary, Error> {
    let spill = tempfile::tempdir().unwrap();
    let sources: Vec<PathBuf> = sources.iter().map(|path| path.to_path_buf()).collect();
    let mut options = Options::new(Format::Fhir, sources, spill.path().to_owned());
    adjust(&mut options);
    let result = ingest(&options, &route, &Progress::default(), &mut |subjects| {
        each(subjects, spill.path());
        Ok::<(), Infallible>(())
    });
    assert_eq!(fs::read_dir(spill.path()).unwrap().count(), 0, "nothing stays in the spill");
    result.map_err(|error| match error {
        Interrupted::Ingest(error) => error,
        Interrupted::Consumer(never) => match never {},
    })
}

fn read(source: &Path, adjust: impl Fn(&mut Options)) -> Result<(Summary, Vec<SourceSubject>), Error> {
    let mut all = Vec::new();
    let mut each = |subjects: Vec<Identified<SourceSubject>>, _: &Path| {
        all.extend(subjects.into_iter().map(Identified::into_exposed));
    };
    let summary = run(&[source], adjust, &mut each)?;
    Ok((summary, all))
}

/// Conditions of `subjects` patients, interleaved as an export sorted by date would be.
fn conditions(subjects: usize, each: usize) -> String {
    let mut ndjson = String::new();
    for visit in 0..each {
        for subject in 0..subjects {
            writeln!(
                ndjson,
                r#"{{"resourceType":"Condition","id":"c{subject}-{visit}","subject":{{"reference":"Patient/Canary{subject}"}},"recordedDate":"2020-01-{:02}","code":{{"coding":[{{"system":"http://snomed.info/sct","code":"{}"}}]}}}}"#,
                visit % 28 + 1,
                1000 + (subject * 7 + visit) % 50,
            )
            .unwrap();
        }
    }
    ndjson
}

fn folder(files: &[(&str, &[u8])]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, bytes) in files {
        fs::write(folder.path().join(name), bytes).unwrap();
    }
    folder
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn tar(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut archive = tar::Builder::new(Vec::new());
    for (name, bytes) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        archive.append_data(&mut header, name, *bytes).unwrap();
    }
    archive.into_inner().unwrap()
}

#[test]
fn containers_threads_and_memory_change_nothing() {
    let text = conditions(300, 40);
    let middle = text[..text.len() / 2].rfind('\n').unwrap() + 1;
    let (first, second) = text.as_bytes().split_at(middle);
    let (_, expected) = read(folder(&[("Condition.ndjson", text.as_bytes())]).path(), |_| {}).unwrap();
    assert_eq!(expected.len(), 300);
    assert!(expected.iter().all(|subject| subject.facts.len() == 40));
    assert!(expected.windows(2).all(|pair| route(&pair[0].key) < route(&pair[1].key)));

    let split = [("Condition.000.ndjson", first), ("Condition.001.ndjson", second)];
    let archive = tar(&split);
    let packed = [
        folder(&[("Condition.ndjson.gz", &gzip(text.as_bytes()))]),
        folder(&[("Condition.000.ndjson", first), ("Condition.001.ndjson.gz", &gzip(second))]),
        folder(&[("Condition.ndjson", &zstd::encode_all(text.as_bytes(), 1).unwrap())]),
        folder(&[("export.tar", &archive)]),
        folder(&[("export.tgz", &gzip(&archive))]),
        folder(&[("export.tar.zst", &zstd::encode_all(&archive[..], 1).unwrap())]),
    ];
    for source in &packed {
        for threads in [1, 3] {
            let (summary, subjects) = read(source.path(), |options| options.threads = threads).unwrap();
            assert_eq!((subjects == expected, summary.rows, summary.spilled_bytes), (true, 12_000, 0));
        }
        let cramped = |options: &mut Options| {
            options.threads = 2;
            options.limits = Limits {
                spill_buffer_bytes: 40_000,
                gather_bytes: 2_000,
                batch_facts: 64,
                ..Limits::default()
            };
        };
        let (summary, subjects) = read(source.path(), cramped).unwrap();
        assert!(subjects == expected && summary.spilled_bytes > 500_000);
    }
}

#[test]
fn the_spill_on_disk_holds_nothing_readable() {
    let source = folder(&[("Condition.ndjson", conditions(500, 20).as_bytes())]);
    let mut seen = 0;
    let mut each = |_: Vec<Identified<SourceSubject>>, spill: &Path| {
        for entry in fs::read_dir(spill).unwrap() {
            // The gatherer removes files meanwhile.
            let Ok(bytes) = fs::read(entry.unwrap().path()) else { continue };
            assert!(memchr::memmem::find(&bytes, b"Canary").is_none());
            assert!(memchr::memmem::find(&bytes, b"SNOMED").is_none());
            seen += bytes.len();
        }
    };
    let cramped = |options: &mut Options| {
        options.limits = Limits { spill_buffer_bytes: 20_000, batch_facts: 50, ..Limits::default() };
    };
    run(&[source.path()], cramped, &mut each).unwrap();
    assert!(seen > 0);
}

#[test]
fn the_same_export_twice_is_read_once() {
    let text = conditions(20, 5);
    let source = folder(&[("a.ndjson", text.as_bytes()), ("b.ndjson", text.as_bytes())]);
    let (summary, subjects) = read(source.path(), |_| {}).unwrap();
    assert_eq!((summary.facts, summary.duplicates, subjects.len()), (100, 100, 20));
    assert_eq!(summary.inputs[0].blake3, blake3::hash(text.as_bytes()).to_hex().to_string());
    assert_eq!(summary.inputs[1].bytes, text.len() as u64);
}

#[test]
fn damage_is_named_without_the_name_of_a_person() {
    let text = conditions(200, 20);
    let whole = gzip(text.as_bytes());
    let source = folder(&[("Ann_Canary.ndjson.gz", &whole[..whole.len() / 2])]);
    let error = read(source.path(), |_| {}).unwrap_err();
    assert_eq!(
        error.to_string(),
        "file-0001.ndjson.gz: the gzip data ends early or is damaged; copy or export the file again"
    );
    let archive = tar(&[("Ann_Canary.ndjson", text.as_bytes())]);
    let source = folder(&[("export.tar", &archive[..archive.len() / 2])]);
    let error = read(source.path(), |_| {}).unwrap_err();
    assert!(matches!(error, Error::Damaged { container: "tar", .. }), "{error}");
}

#[test]
fn broken_rows_are_counted_up_to_the_ceiling() {
    let mut text = conditions(100, 5);
    text.insert_str(0, "{\"resourceType\":\"Patient\",\"name\":\"Canary\n");
    text.push_str("{\"resourceType\":\"Patient\",\"id\":7}\n");
    let source = folder(&[("Condition.ndjson", text.as_bytes())]);
    let (summary, subjects) = read(source.path(), |_| {}).unwrap();
    assert_eq!((summary.rejected, subjects.len()), (2, 100));
    assert_eq!(summary.rejections.iter().map(|r| r.line).collect::<Vec<_>>(), [1, 502]);
    let error = read(source.path(), |options| options.max_rejected = 0.001).unwrap_err().to_string();
    assert!(
        error.starts_with("2 of ")
            && error.contains("past the ceiling of 0.10 %")
            && !error.contains("Canary")
    );
}

#[test]
fn a_line_too_long_is_one_rejection() {
    let mut text = conditions(100, 3).into_bytes();
    text.extend(std::iter::repeat_n(b'x', 5 << 20));
    text.push(b'\n');
    text.extend(conditions(100, 1).replace("\"id\":\"c", "\"id\":\"d").bytes());
    let source = folder(&[("Condition.ndjson", &text)]);
    let short = |options: &mut Options| options.limits.max_line_bytes = 2 << 20;
    let (summary, _) = read(source.path(), short).unwrap();
    assert_eq!((summary.facts, summary.rejected), (400, 1));
    assert_eq!((summary.rejections[0].line, summary.rejections[0].reason), (301, "line too long"));
}

#[test]
fn a_subject_with_too_many_facts_is_rejected_alone() {
    let mut text = conditions(300, 1);
    text.push_str(&conditions(1, 500).replace("c0-", "d0-"));
    let source = folder(&[("Condition.ndjson", text.as_bytes())]);
    for gather_bytes in [1_000, 1 << 20] {
        let few = |options: &mut Options| {
            options.limits = Limits { max_facts_per_subject: 400, gather_bytes, ..Limits::default() };
        };
        let (summary, subjects) = read(source.path(), few).unwrap();
        assert_eq!((subjects.len(), summary.rejected), (299, 1));
    }
}

#[test]
fn nothing_to_read_is_an_error() {
    let empty = folder(&[]);
    assert!(matches!(read(empty.path(), |_| {}), Err(Error::NoInput { looked_at: 0, .. })));
    let other = folder(&[("readme.md", b"# words"), ("empty.txt", b"")]);
    assert!(matches!(read(other.path(), |_| {}), Err(Error::NoInput { looked_at: 2, .. })));
    let absent = read(Path::new("/Ann/Canary"), |_| {}).unwrap_err();
    assert!(absent.to_string().starts_with("source 1 of those given cannot be opened"));
    let no_ceiling = read(empty.path(), |options| options.max_rejected = 2.0);
    assert!(matches!(no_ceiling, Err(Error::Option { option: "max_rejected", .. })));
}

#[test]
fn copies_are_none_of_the_facts_that_a_subject_may_have() {
    let text = conditions(1, 40);
    let source = folder(&[("a.ndjson", text.as_bytes()), ("b.ndjson", text.as_bytes())]);
    for gather_bytes in [100, 1 << 20] {
        let few = |options: &mut Options| {
            options.limits = Limits { max_facts_per_subject: 40, gather_bytes, ..Limits::default() };
        };
        let (summary, subjects) = read(source.path(), few).unwrap();
        assert_eq!((subjects[0].facts.len(), summary.duplicates, summary.rejected), (40, 40, 0));
    }
}

#[test]
fn routes_are_no_ones_but_the_subjects() {
    let source = folder(&[("Condition.ndjson", conditions(2, 1).as_bytes())]);
    let spill = tempfile::tempdir().unwrap();
    let options = Options::new(Format::Fhir, vec![source.path().into()], spill.path().into());
    let result = ingest(&options, &|_| 7, &Progress::default(), &mut |_| Ok::<(), Infallible>(()));
    assert!(matches!(result, Err(Interrupted::Ingest(Error::RouteCollision))));
}

#[test]
fn a_look_beforehand_sees_what_is_handed_on() {
    let source = folder(&[("Condition.ndjson", conditions(300, 40).as_bytes())]);
    for gather_bytes in [1 << 30, 10_000] {
        let spill = tempfile::tempdir().unwrap();
        let mut options = Options::new(Format::Fhir, vec![source.path().into()], spill.path().into());
        (options.limits.gather_bytes, options.limits.spill_buffer_bytes) = (gather_bytes, 50_000);
        let (seen, handed) = (RefCell::new(Vec::new()), RefCell::new(Vec::new()));
        let take = |into: &RefCell<Vec<SourceSubject>>, subjects: Vec<Identified<SourceSubject>>| {
            into.borrow_mut().extend(subjects.into_iter().map(Identified::into_exposed));
            Ok::<(), Infallible>(())
        };
        let mut look = |subjects| {
            assert!(handed.borrow().is_empty());
            take(&seen, subjects)
        };
        let summary =
            ingest_after(&options, &route, &Progress::default(), Some(&mut look), &mut |s| take(&handed, s))
                .unwrap();
        assert_eq!((seen.borrow().len(), summary.facts), (300, 300 * 40));
        assert!(*seen.borrow() == *handed.borrow());
        assert_eq!(fs::read_dir(spill.path()).unwrap().count(), 0, "nothing stays in the spill");
    }
}

#[test]
fn a_consumer_that_fails_ends_the_run() {
    let source = folder(&[("Condition.ndjson", conditions(300, 40).as_bytes())]);
    let spill = tempfile::tempdir().unwrap();
    let mut options = Options::new(Format::Fhir, vec![source.path().into()], spill.path().into());
    options.limits.batch_facts = 10;
    let mut batches = 0;
    let result = ingest(&options, &route, &Progress::default(), &mut |_| {
        batches += 1;
        if batches == 3 { Err("full") } else { Ok(()) }
    });
    assert!(matches!(result, Err(Interrupted::Consumer("full"))));
    assert_eq!(batches, 3);
}

#[test]
fn a_thread_that_goes_down_takes_the_run_with_it() {
    for threads in [1, 3] {
        let (ended, end) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            let source = folder(&[("Condition.ndjson", conditions(300, 40).as_bytes())]);
            let spill = tempfile::tempdir().unwrap();
            let mut options = Options::new(Format::Fhir, vec![source.path().into()], spill.path().into());
            options.threads = threads;
            let down = |key: &str| if key.ends_with("99") { panic!("a fault") } else { route(key) };
            let run = || ingest(&options, &down, &Progress::default(), &mut |_| Ok::<(), Infallible>(()));
            let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(run)).is_err();
            let _ = ended.send((panicked, fs::read_dir(spill.path()).unwrap().count()));
        });
        let minute = std::time::Duration::from_secs(60);
        assert_eq!(end.recv_timeout(minute), Ok((true, 0)), "it ends, and nothing stays in the spill");
    }
}

#[test]
fn a_spill_that_cannot_be_written_is_an_error() {
    let source = folder(&[("Condition.ndjson", conditions(300, 40).as_bytes())]);
    let mut options = Options::new(Format::Fhir, vec![source.path().into()], "/nowhere/to/spill".into());
    options.limits.spill_buffer_bytes = 1000;
    let result = ingest(&options, &route, &Progress::default(), &mut |_| Ok::<(), Infallible>(()));
    assert!(matches!(result, Err(Interrupted::Ingest(Error::Spill { .. }))));
}

/// What a run over these files says, that has to be refused whatever the ceiling.
#[track_caller]
fn refused(format: Format, files: &[(&str, &[u8])]) -> String {
    let source = folder(files);
    let anything_goes = |options: &mut Options| {
        options.format = format.clone();
        options.max_rejected = 1.0;
    };
    match read(source.path(), anything_goes) {
        Ok((summary, _)) => panic!("read: {summary:?}"),
        Err(error) => error.to_string(),
    }
}

fn meds() -> Vec<u8> {
    use arrow_array::{ArrayRef, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("subject_id", std::sync::Arc::new(Int64Array::from(vec![1, 2]))),
        ("time", std::sync::Arc::new(TimestampMicrosecondArray::from(vec![0, 0]))),
        ("code", std::sync::Arc::new(StringArray::from(vec!["SNOMED//1", "SNOMED//2"]))),
    ];
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let mut bytes = Vec::new();
    let mut writer = parquet::arrow::ArrowWriter::try_new(&mut bytes, batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    bytes
}

#[test]
fn a_file_that_is_not_what_its_name_says_is_refused_by_name() {
    let (whole, lines) = (meds(), conditions(20, 2));
    for (bad, said) in [
        (
            &b""[..],
            "1.parquet: it is empty, which no Parquet file is; restore it from the export, or leave it out",
        ),
        (b"some words", "1.parquet: it is no Parquet file, as its name says; restore it"),
        (&whole[..whole.len() / 2], "1.parquet: not readable as Parquet"),
    ] {
        let error = refused(Format::Meds, &[("0.parquet", &whole), ("1.parquet", bad)]);
        assert!(error.starts_with(said), "{error}");
    }
    for (name, bad, said) in [
        ("Encounter.000.ndjson.gz", &b""[..], "it is empty, which no compressed file is"),
        ("Encounter.000.ndjson.gz", b"\x00\x01garbage", "it is no JSON, as its name says"),
        ("Encounter.000.ndjson", b"<!DOCTYPE html>\n<html></html>\n", "it is no JSON, as its name says"),
        ("Encounter.000.ndjson", b"\xff\xfe{\x00}\x00", "it is text in UTF-16"),
        ("Encounter.000.json", b"PK\x03\x04....", "it is a zip archive, which is not opened"),
        ("Encounter.json", b"[{\"resourceType\":\"Patient\"}]", "it is one JSON array"),
        ("export.tar", b"", "it is empty, which no archive is"),
        ("export.tar.gz", &gzip(b"no archive"), "it is no tar archive, as its name says"),
    ] {
        let error = refused(Format::Fhir, &[("Condition.ndjson", lines.as_bytes()), (name, bad)]);
        assert!(error.starts_with(&format!("{name}: {said}")), "{error}");
    }
    let archive = tar(&[("Condition.ndjson", lines.as_bytes()), ("Encounter.ndjson.gz", b"")]);
    let error = refused(Format::Fhir, &[("export.tar", &archive)]);
    assert!(error.starts_with("export.tar!Encounter.ndjson.gz: it is empty"), "{error}");
    for (bad, said) in [(&b""[..], "it is empty"), (b"<html>\n", "there is no column \"person_id\"")] {
        let error = refused(Format::Omop, &[("concept.csv", CONCEPT), ("measurement.csv", bad)]);
        assert!(error.starts_with("measurement.csv: ") && error.contains(said), "{error}");
    }
}

#[test]
fn a_file_that_ends_within_a_record_is_refused_by_name() {
    let lines = conditions(20, 2);
    let cut = &lines.as_bytes()[..lines.len() - 30];
    for cut in [cut, &cut[..cut.len() - 40]] {
        for bytes in [cut.to_vec(), gzip(cut)] {
            let error = refused(Format::Fhir, &[("Condition.ndjson", &bytes)]);
            assert!(
                error.starts_with("Condition.ndjson: it ends in the middle of a record (line 40)"),
                "{error}"
            );
        }
    }
    let bundle = b"{\n\"resourceType\": \"Bundle\",\n\"entry\": [\n{\"resource\": {\"resourceType\":";
    let error = refused(Format::Fhir, &[("Condition.ndjson", lines.as_bytes()), ("bundle.json", bundle)]);
    assert!(error.starts_with("bundle.json: it ends in the middle of a record (line 1)"), "{error}");
    let table = b"measurement_id,person_id,measurement_concept_id,measurement_date\n1,6,3,2011-01-01\n2,6,3";
    let error = refused(Format::Omop, &[("concept.csv", CONCEPT), ("measurement.csv", table)]);
    assert!(error.starts_with("measurement.csv: it ends in the middle of a record (line 3)"), "{error}");

    // No line end at the end is no damage.
    let source = folder(&[("Condition.ndjson", lines.trim_end().as_bytes())]);
    assert_eq!(read(source.path(), |_| {}).unwrap().0.facts, 40);
}

const CONCEPT: &[u8] = b"concept_id,concept_name,domain_id,vocabulary_id,concept_code\n\
    1,H\xfcfte,Condition,SNOMED,38341003\n3,HbA1c,Measurement,LOINC,4548-4\n";

fn measurements(concepts: &[u32]) -> Vec<u8> {
    let mut table = "measurement_id,person_id,measurement_concept_id,measurement_date\n".to_owned();
    for (row, concept) in concepts.iter().enumerate() {
        writeln!(table, "{row},{},{concept},2011-01-01", row % 10).unwrap();
    }
    table.into_bytes()
}

#[test]
fn omop_without_concepts_is_refused_and_unknown_concepts_count() {
    let error = refused(Format::Omop, &[("measurement.csv", &measurements(&[3; 20]))]);
    assert!(error.starts_with("the sources hold no concept table (concept.csv"), "{error}");
    let only_header = CONCEPT.split_inclusive(|byte| *byte == b'\n').next().unwrap();
    let files: [(&str, &[u8]); 2] =
        [("concept.csv", only_header), ("measurement.csv", &measurements(&[3; 20]))];
    assert!(refused(Format::Omop, &files).contains("no concept table"));

    let omop = |options: &mut Options| options.format = Format::Omop;
    let source = folder(&[
        ("concept.csv", CONCEPT),
        ("measurement.csv", &measurements(&[[3; 94].as_slice(), &[1, 1, 1, 0, 0, 0]].concat())),
    ]);
    let (summary, _) = read(source.path(), omop).unwrap();
    assert_eq!(
        (summary.facts, summary.rejected),
        (97, 0),
        "a concept is known, whatever its name is written in"
    );
    let without: Vec<_> =
        summary.ignored.iter().filter(|of| of.lacks_a_concept()).map(|of| of.count).collect();
    assert_eq!(without, [3]);
    assert_eq!(
        (summary.subjects_with_facts, summary.subjects_without_birth, summary.subjects_without_sex),
        (10, 10, 10)
    );
    // Who was watched, and of whom nothing else is told, isn't written, and lacks nothing.
    let watched =
        b"observation_period_id,person_id,observation_period_end_date\n1,6,2011-01-01\n2,77,2011-01-01\n";
    let source = folder(&[
        ("concept.csv", CONCEPT),
        ("measurement.csv", &measurements(&[3; 20])),
        ("observation_period.csv", watched),
    ]);
    let (summary, _) = read(source.path(), omop).unwrap();
    assert_eq!((summary.subjects, summary.subjects_with_facts, summary.subjects_without_birth), (11, 10, 10));

    let source = folder(&[
        ("concept.csv", CONCEPT),
        ("measurement.csv", &measurements(&[[3; 94].as_slice(), &[77; 6]].concat())),
    ]);
    let error = read(source.path(), omop).unwrap_err().to_string();
    assert_eq!(
        error,
        "6 of 100 rows could not be read, past the ceiling of 1.00 %; most often: measurement_concept_id: a concept \
         without a row in the concept table (6 times)"
    );
}

#[test]
fn who_is_still_watched_has_no_end_of_follow_up() {
    let periods = b"observation_period_id,person_id,observation_period_start_date,observation_period_end_date\n\
        1,1,2010-01-01,2012-01-01\n2,1,2015-01-01,2099-12-31\n3,2,2015-01-01,9999-12-31\n4,2,2010-01-01,2012-01-01\n\
        5,3,2010-01-01,2012-01-01\n6,3,2013-01-01,2019-01-01\n7,3,2013-01-01,2019-01-01\n8,4,2010-01-01,2099-12-31\n\
        9,5,2010-01-01,2012-01-01\n10,5,2013-01-01,0001-01-01\n";
    let source = folder(&[
        ("concept.csv", CONCEPT),
        ("measurement.csv", &measurements(&[3; 10])),
        ("observation_period.csv", periods),
    ]);
    let (summary, subjects) = read(source.path(), |options| {
        options.format = Format::Omop;
        options.max_rejected = 0.5;
    })
    .unwrap();
    let ends = |key: &str| {
        let subject = subjects.iter().find(|subject| subject.key == key).unwrap();
        subject
            .facts
            .iter()
            .filter(|fact| matches!(fact, SourceFact::Event(e) if e.code == Code::FOLLOWUP_END))
            .count()
    };
    // A year before all others is no end, and none that is open.
    assert_eq!(["1", "2", "3", "4", "5"].map(ends), [0, 0, 2, 0, 1]);
    assert_eq!(summary.rejected, 1);
    let ignored = |reason: &str| {
        let of = |i: &&crate::Ignored| (i.kind, i.reason) == ("observation_period", reason);
        summary.ignored.iter().find(of).map(|ignored| ignored.count)
    };
    assert_eq!(ignored(crate::rows::moment::STILL_OPEN), Some(3));
    assert_eq!((ignored(crate::rows::moment::STILL_WATCHED), summary.displaced), (Some(2), 0));
}

#[test]
fn an_omop_person_is_one_however_the_id_is_written() {
    let source = folder(&[
        ("concept.csv", CONCEPT),
        ("person.csv", b"person_id,year_of_birth,gender_concept_id\n0012345,1960,8507\n"),
        (
            "condition_occurrence.csv",
            b"person_id,condition_concept_id,condition_start_date,condition_type_concept_id\n12345,1,2011-01-02,32821\n",
        ),
        ("measurement.csv", b"person_id,measurement_concept_id,measurement_date\n12345.0,3,2011-01-03\n"),
    ]);
    let (_, subjects) = read(source.path(), |options| options.format = Format::Omop).unwrap();
    assert_eq!(subjects.iter().map(|subject| &*subject.key).collect::<Vec<_>>(), ["12345"]);
    assert_eq!(subjects[0].facts.len(), 4);
}

#[test]
fn a_mapping_tells_of_keys_that_are_written_in_two_ways() {
    let mapping = "name = \"t\"\n[[table]]\nfiles = [\"*.csv\"]\nsubject = { column = \"id\" }\n\
        [[table.event]]\ncode = \"S//x\"\ntime = \"static\"\n";
    let keys = |table: &[u8]| {
        let source = folder(&[("t.csv", table)]);
        let format = || Format::Table(crate::Mapping::from_toml(mapping).unwrap());
        let (summary, subjects) = read(source.path(), |options| options.format = format()).unwrap();
        (subjects.len(), summary.keys_of_two_forms)
    };
    assert_eq!(keys(b"id,x\n007,1\n7,1\n12,1\n7,2\n"), (3, Some((1, 2))));
    assert_eq!(keys(b"id,x\n007,1\n123,1\n"), (2, None), "numbers of one width");
    assert_eq!(keys(b"id,x\n7,1\n123,1\nA1,1\n"), (3, None));
}

#[test]
fn a_bundle_whose_entries_stand_on_lines_is_one_document() {
    let entries: Vec<String> =
        conditions(2, 2).lines().map(|resource| format!(r#"{{"resource":{resource}}}"#)).collect();
    let begun = r#"{"resourceType":"Bundle","type":"collection","entry":["#;
    let bundle = format!("{begun}\n{}\n]}}\n", entries.join(",\n"));
    let (summary, subjects) = read(folder(&[("a.json", bundle.as_bytes())]).path(), |_| {}).unwrap();
    assert_eq!((summary.rejected, summary.facts, subjects.len()), (0, 4, 2));
}

#[test]
fn rows_of_the_vocabulary_do_not_hide_rejected_records() {
    let mut concepts = CONCEPT.to_vec();
    for id in 10..5_000 {
        concepts.extend_from_slice(format!("{id},x,Condition,SNOMED,{id}\n").as_bytes());
    }
    let files: [(&str, &[u8]); 2] = [
        ("concept.csv", &concepts),
        ("measurement.csv", &measurements(&[[3; 90].as_slice(), &[7; 10]].concat())),
    ];
    let error = read(folder(&files).path(), |options| options.format = Format::Omop).unwrap_err();
    assert!(matches!(error, Error::TooManyRejected { rejected: 10, total: 100, .. }), "{error}");
}

#[test]
fn a_rejected_row_counts_once_beside_all_rows() {
    let patient = |options: &mut Options| {
        options.format = Format::Synthea;
        options.max_rejected = 0.5;
    };
    let header = "START,PATIENT,CODE,DESCRIPTION\n";
    let good = "2020-01-01,p,38341003,x\n";
    for (bad, what) in [("never,p,1,x\n", "a field"), ("2020-01-01,p\n", "too few fields")] {
        let table = [header, good, bad, bad].concat();
        let error = read(folder(&[("conditions.csv", table.as_bytes())]).path(), patient).unwrap_err();
        assert!(matches!(error, Error::TooManyRejected { rejected: 2, total: 3, .. }), "{what}: {error}");
        let table = [header, good, good, bad, bad].concat();
        let (summary, _) = read(folder(&[("conditions.csv", table.as_bytes())]).path(), patient).unwrap();
        assert_eq!((summary.rows, summary.rejected_rows), (4, 2), "{what}");
    }
    let lines = [conditions(1, 1), "broken\n".repeat(2)].concat();
    let half = |options: &mut Options| options.max_rejected = 0.5;
    let error = read(folder(&[("Condition.ndjson", lines.as_bytes())]).path(), half).unwrap_err();
    assert!(matches!(error, Error::TooManyRejected { rejected: 2, total: 3, .. }), "{error}");
}

#[test]
fn rows_of_which_nothing_comes_are_an_error() {
    let table = b"START,PATIENT,CODE,DESCRIPTION\nnever,p,1,x\n".to_vec();
    let error = refused(Format::Synthea, &[("conditions.csv", &table)]);
    assert_eq!(error, "nothing came of 1 rows: no subject has a fact: start: not a date or time (1 times)");
}

#[cfg(unix)]
#[test]
fn links_that_lead_nowhere_or_around_are_named() {
    use std::os::unix::fs::symlink;
    let lines = conditions(20, 2);
    let source = folder(&[("Condition.ndjson", lines.as_bytes())]);
    symlink("/nowhere", source.path().join(".hidden")).unwrap();
    assert!(read(source.path(), |_| {}).is_ok(), "what is hidden is not looked at");
    symlink("/nowhere", source.path().join("Patient.ndjson")).unwrap();
    let error = read(source.path(), |_| {}).unwrap_err().to_string();
    assert_eq!(
        error,
        "source 1 of those given holds Patient.ndjson, a link to what is not there; repair it or take it out"
    );
    fs::remove_file(source.path().join("Patient.ndjson")).unwrap();
    symlink(source.path(), source.path().join("export")).unwrap();
    let error = read(source.path(), |_| {}).unwrap_err().to_string();
    assert!(error.contains("holds export, a link to a folder that it lies in"), "{error}");
}

#[test]
fn a_zip_archive_is_told_and_a_named_one_refused() {
    let lines = conditions(20, 2);
    let source = folder(&[("Condition.ndjson", lines.as_bytes()), ("export.zip", b"PK\x03\x04....")]);
    let (summary, _) = read(source.path(), |_| {}).unwrap();
    assert_eq!((summary.files_skipped, summary.ignored[0].count), (1, 1));
    assert!(summary.ignored[0].reason.contains("zip"));
    let error = read(&source.path().join("export.zip"), |_| {}).unwrap_err().to_string();
    assert_eq!(error, "file-0001: it is a zip archive, which is not opened; unpack it, and give the folder");
}

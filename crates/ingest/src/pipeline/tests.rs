//! Whole runs: what comes out doesn't depend on containers, threads or memory, and what goes wrong is said.

use crate::{Error, Format, Interrupted, Limits, Options, Progress, Summary, ingest, ingest_after};
use events::{Identified, SourceSubject};
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
fn a_spill_that_cannot_be_written_is_an_error() {
    let source = folder(&[("Condition.ndjson", conditions(300, 40).as_bytes())]);
    let mut options = Options::new(Format::Fhir, vec![source.path().into()], "/nowhere/to/spill".into());
    options.limits.spill_buffer_bytes = 1000;
    let result = ingest(&options, &route, &Progress::default(), &mut |_| Ok::<(), Infallible>(()));
    assert!(matches!(result, Err(Interrupted::Ingest(Error::Spill { .. }))));
}

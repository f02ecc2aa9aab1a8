use super::*;
use crate::testing::{any_subject, birth, event, fact, subject, tokenizer};
use crate::{Error, ShardError};
use events::{Code, Deidentified, Split, Subject};
use proptest::prelude::*;
use std::path::Path;

fn split_of(i: usize) -> Split {
    Split::ALL[[0, 0, 1, 0, 2][i % 5]]
}

fn population() -> Vec<Deidentified<Subject>> {
    (0..60)
        .map(|id| {
            let mut events = vec![fact("GENDER//F"), birth()];
            events.extend(
                (0..id % 9 * 4)
                    .map(|i| event(1000.0 + f64::from(i as i32) * 7.5, "LOINC//1-1").with_value(i as f32)),
            );
            if id % 4 == 0 {
                events.push(event(5000.0, Code::DEATH));
            }
            subject(id, events)
        })
        .collect()
}

fn write(
    directory: &Path,
    subjects: &[Deidentified<Subject>],
    shard_tokens: usize,
) -> crate::TimelineStatistics {
    let mut writer =
        TimelineWriter::create(directory, tokenizer(subjects, 1), WriteOptions { shard_tokens }).unwrap();
    for (i, subject) in subjects.iter().enumerate() {
        writer.push(split_of(i), subject).unwrap();
    }
    writer.finish().unwrap()
}

#[test]
fn a_directory_holds_what_was_pushed_whatever_the_shards() {
    let subjects = population();
    let tokenizer = tokenizer(&subjects, 1);
    for shard_tokens in [1, 100, 1 << 20] {
        let directory = tempfile::tempdir().unwrap();
        let statistics = write(directory.path(), &subjects, shard_tokens);
        let timeline = Timeline::open(directory.path()).unwrap();
        timeline.verify().unwrap();
        assert_eq!(timeline.statistics(), &statistics);
        let mut next = [0; 3];
        for (i, subject) in subjects.iter().enumerate() {
            let split = timeline.split(split_of(i));
            let place = &mut next[split_of(i) as usize];
            let (stored, fresh) = (split.sequence(*place), tokenizer.tokenize(subject));
            assert_eq!(
                (stored.subject_id, stored.code, stored.age_days),
                (subject.id, &fresh.code[..], &fresh.age_days[..])
            );
            assert_eq!((stored.died, stored.static_len), (fresh.died, fresh.static_len));
            *place += 1;
        }
        let lens = Split::ALL.map(|split| timeline.split(split).len());
        assert_eq!(lens, [36, 12, 12]);
        assert_eq!(timeline.split(Split::Train).sequences().count(), 36);
        let tokens: u64 = Split::ALL.map(|split| timeline.split(split).tokens()).iter().sum();
        assert_eq!(tokens, statistics.train.tokens + statistics.tuning.tokens + statistics.held_out.tokens);
    }
}

#[test]
fn the_same_input_makes_the_same_bytes() {
    let [a, b] = [(); 2].map(|()| tempfile::tempdir().unwrap());
    write(a.path(), &population(), 50);
    write(b.path(), &population(), 50);
    let mut files: Vec<_> =
        std::fs::read_dir(a.path()).unwrap().map(|file| file.unwrap().file_name()).collect();
    files.sort();
    assert!(files.len() > 6);
    for file in files {
        let [a, b] = [&a, &b].map(|directory| std::fs::read(directory.path().join(&file)).unwrap());
        assert_eq!(a, b, "{file:?}");
    }
}

#[test]
fn statistics_count_what_is_there() {
    let directory = tempfile::tempdir().unwrap();
    let statistics = write(directory.path(), &population(), 1 << 20);
    assert_eq!((statistics.train.subjects, statistics.tuning.subjects), (36, 12));
    let timeline = Timeline::open(directory.path()).unwrap();
    let train = timeline.split(Split::Train);
    let longest = train.sequences().map(|sequence| sequence.len()).max().unwrap();
    assert_eq!(statistics.train.lengths.maximum, longest as u64);
    assert_eq!(statistics.train.deaths, train.sequences().filter(|sequence| sequence.died).count() as u64);
    assert_eq!(statistics.train.unknown_share(), 0.0);
    assert_eq!(statistics.train.distinct_tokens, 4);
    assert!(statistics.train.lengths.p50 <= statistics.train.lengths.p90);
}

#[test]
fn a_subject_without_tokens_is_counted_and_left_out() {
    let directory = tempfile::tempdir().unwrap();
    let nothing_known = subject(2, vec![birth(), event(9.0, Code::FOLLOWUP_END)]);
    let statistics = write(directory.path(), &[subject(1, vec![fact("GENDER//F")]), nothing_known], 1 << 20);
    assert_eq!((statistics.train.subjects, statistics.train.subjects_without_tokens), (1, 1));
    assert_eq!(Timeline::open(directory.path()).unwrap().split(Split::Train).len(), 1);
}

#[test]
fn damage_is_told_apart() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    assert!(matches!(Timeline::open(path), Err(Error::NotATimeline(_))));
    write(path, &population(), 1 << 20);
    let (index, shard) = (path.join("timeline.json"), path.join("train-00000.bin"));
    let (good_index, good_shard) = (std::fs::read(&index).unwrap(), std::fs::read(&shard).unwrap());

    let text = String::from_utf8(good_index.clone()).unwrap();
    for (from, to) in [
        ("train-00000.bin", "../train-00000.bin"),
        ("train-00000.bin", "tuning-00000.bin"),
        ("osler-timeline", "other"),
        ("\"vocabulary\": \"", "\"vocabulary\": \"0"),
        ("{", "["),
    ] {
        std::fs::write(&index, text.replacen(from, to, 1)).unwrap();
        assert!(matches!(Timeline::open(path), Err(Error::Index { .. })), "{from} → {to}");
    }
    std::fs::write(&index, good_index).unwrap();

    std::fs::write(&shard, &good_shard[..100]).unwrap();
    assert!(matches!(Timeline::open(path), Err(Error::Shard { source: ShardError::TooShort, .. })));
    let mut altered = good_shard.clone();
    *altered.last_mut().unwrap() ^= 1;
    std::fs::write(&shard, altered).unwrap();
    let damaged = Timeline::open(path).unwrap().verify();
    assert!(matches!(damaged, Err(Error::Shard { source: ShardError::Digest { section: "value" }, .. })));
    std::fs::remove_file(&shard).unwrap();
    assert!(matches!(Timeline::open(path), Err(Error::Io { .. })));

    let other = tempfile::tempdir().unwrap();
    write(other.path(), &population()[..20], 1 << 20);
    std::fs::copy(other.path().join("train-00000.bin"), &shard).unwrap();
    let damaged = Timeline::open(path);
    assert!(damaged.is_err());
}

#[test]
fn no_message_holds_a_value_from_a_record() {
    let directory = tempfile::tempdir().unwrap();
    let canary = subject(1, vec![fact("CANARY//Ann"), event(1.0, "CANARY//Bee")]);
    write(directory.path(), &[canary], 1 << 20);
    let vocabulary = directory.path().join("vocabulary.json");
    let text = std::fs::read_to_string(&vocabulary).unwrap();
    assert!(text.contains("CANARY//Ann"));
    for (from, to) in
        [("\"static\"", "\"CANARY//Ann\""), ("CANARY//Bee", "CANARY//Ann"), ("CANARY//Bee", "CANARY//B")]
    {
        std::fs::write(&vocabulary, text.replacen(from, to, 1)).unwrap();
        let error = Timeline::open(directory.path()).unwrap_err();
        assert!(!format!("{error} {error:?}").contains("Ann"), "{error}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn any_record_verifies_once_written(subjects in prop::collection::vec(any_subject(), 1..12)) {
        let directory = tempfile::tempdir().unwrap();
        write(directory.path(), &subjects, 40);
        let timeline = Timeline::open(directory.path()).unwrap();
        timeline.verify().unwrap();
    }
}

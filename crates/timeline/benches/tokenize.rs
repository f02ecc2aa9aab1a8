//! Events per second through the vocabulary, the tokenizer and the shards: `cargo bench -p timeline`.

use divan::counter::ItemsCount;
use divan::{Bencher, black_box};
use events::{Code, Deidentified, Event, Split, Subject, Time};
use timeline::{
    Timeline, TimelineWriter, TokenizedSubject, Tokenizer, Vocabulary, VocabularyBuilder, VocabularyOptions,
    WriteOptions,
};

fn main() {
    divan::main();
}

/// 1,000 subjects of 250 events: three visits in four bring a laboratory value, the rest a diagnosis; codes as
/// skewed as in records, so that about one event in ten falls back to a broader code.
#[allow(clippy::disallowed_methods)] // Nobody is behind these records.
fn population() -> Vec<Deidentified<Subject>> {
    let mut state = 1u64;
    let mut uniform = move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f64 / (1u64 << 24) as f64
    };
    (0..1000)
        .map(|id| {
            let birth = Time::from_micros(0);
            let mut events =
                vec![Event::new(None, Code::of("GENDER", "F")), Event::new(Some(birth), Code::birth())];
            let mut day = 10_000.0;
            for i in 0..250 {
                if i % 5 == 0 {
                    day += uniform() * 60.0;
                }
                let time = Some(birth.plus_days(day));
                let skewed = uniform().powi(4);
                events.push(if uniform() < 0.75 {
                    let code = Code::of("LOINC", &format!("{}-{}", 1000 + (skewed * 2000.0) as u32, 1));
                    Event::new(time, code).with_value((uniform() * 100.0) as f32).with_unit("mg/dL")
                } else {
                    let (category, place) = ((skewed * 90.0) as u32, (uniform() * 10.0) as u32);
                    Event::new(time, Code::of("ICD10CM", &format!("E{category:02}.{place}")))
                });
            }
            Deidentified::vouch(Subject::new(id, events))
        })
        .collect()
}

fn events(subjects: &[Deidentified<Subject>]) -> ItemsCount {
    ItemsCount::new(subjects.iter().map(|subject| subject.events().len()).sum::<usize>())
}

fn vocabulary(subjects: &[Deidentified<Subject>]) -> Vocabulary {
    let mut builder =
        VocabularyBuilder::new(VocabularyOptions::default(), &[]).expect("the defaults are valid");
    subjects.iter().for_each(|subject| builder.push(subject));
    builder.finish().expect("there are subjects")
}

#[divan::bench]
fn build_vocabulary(bencher: Bencher) {
    let subjects = population();
    bencher.counter(events(&subjects)).bench(|| vocabulary(black_box(&subjects)));
}

#[divan::bench]
fn tokenize(bencher: Bencher) {
    let subjects = population();
    let tokenizer = Tokenizer::new(vocabulary(&subjects));
    let mut tokens = TokenizedSubject::default();
    bencher.counter(events(&subjects)).bench_local(|| {
        for subject in black_box(&subjects) {
            tokenizer.tokenize_into(subject, None, &mut tokens);
            black_box(&tokens);
        }
    });
}

#[divan::bench]
fn tokenize_and_write(bencher: Bencher) {
    let subjects = population();
    let tokenizer = Tokenizer::new(vocabulary(&subjects));
    bencher.counter(events(&subjects)).bench(|| write(&subjects, &tokenizer));
}

fn write(subjects: &[Deidentified<Subject>], tokenizer: &Tokenizer) -> tempfile::TempDir {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let mut writer = TimelineWriter::create(directory.path(), tokenizer.clone(), WriteOptions::default())
        .expect("the temporary directory is writable");
    for subject in subjects {
        writer.push(Split::Train, subject).expect("the shard is writable");
    }
    writer.finish().expect("the index is writable");
    directory
}

/// Opens, checks and reads every subject.
#[divan::bench]
fn open_and_read(bencher: Bencher) {
    let subjects = population();
    let directory = write(&subjects, &Tokenizer::new(vocabulary(&subjects)));
    bencher.counter(events(&subjects)).bench(|| {
        let timeline = Timeline::open(directory.path()).expect("it was just written");
        let train = timeline.split(Split::Train);
        train.sequences().flat_map(|sequence| sequence.value).sum::<f32>()
    });
}

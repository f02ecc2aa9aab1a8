mod codes;

use super::*;
use events::{SourceTime, Time};
use proptest::prelude::*;

fn deidentifier(key: u8) -> Deidentifier {
    Deidentifier::new(Policy::expert_determination(), &Key::from_bytes([key; 32])).unwrap()
}

fn event(path: &str, system: &str, code: &str, time: SourceTime) -> SourceEvent {
    SourceEvent {
        path: path.into(),
        time,
        system: system.into(),
        code: code.into(),
        display: None,
        value: SourceValue::None,
        unit: None,
        origin: 0,
    }
}

/// What is told of people whose facts are these codes, each with his own.
fn told_of(deidentifier: &Deidentifier, people: &[Vec<SourceEvent>], tally: &mut Tally) -> Vec<Vec<String>> {
    let records: Vec<_> =
        people.iter().enumerate().map(|(at, facts)| record(&at.to_string(), facts.clone())).collect();
    if let Some(mut holders) = deidentifier.holders(&["Observation.code", "meds.code"]) {
        for record in &records {
            let (subject, codes) = deidentifier.look(record);
            holders.add(subject, codes);
        }
        deidentifier.judge(holders);
    }
    let told = |record| {
        let safe = deidentifier.subject(record, tally);
        safe.subject.events().iter().map(|event| event.code.to_string()).collect()
    };
    records.iter().map(told).collect()
}

fn record(key: &str, facts: Vec<SourceEvent>) -> Identified<SourceSubject> {
    Identified::new(SourceSubject {
        key: key.into(),
        facts: facts.into_iter().map(SourceFact::Event).collect(),
    })
}

proptest! {
    #[test]
    fn intervals_within_a_subject_are_kept(
        key: u8,
        subject in "[a-z0-9]{1,12}",
        seconds in prop::collection::vec(0i64..2_000_000_000, 2..20),
    ) {
        let at = |s: i64| SourceTime::DateTime(Time::from_micros(s * 1_000_000));
        let facts = seconds.iter().map(|&s| event("Condition.code", "ICD10CM", "I10", at(s))).collect();
        let safe = deidentifier(key).subject(&record(&subject, facts), &mut Tally::default());
        let mut sorted = seconds.clone();
        sorted.sort_unstable();
        let times: Vec<i64> = safe.subject.events().iter().filter_map(|e| e.time).map(Time::micros).collect();
        let offset = times[0] - sorted[0] * 1_000_000;
        prop_assert!(offset != 0);
        for (time, second) in times.iter().zip(sorted) {
            prop_assert_eq!(time - second * 1_000_000, offset);
        }
    }
}

#[test]
fn one_key_agrees_with_itself_and_two_share_nothing() {
    let ids = |key: u8| {
        (0..5000).map(|i| deidentifier_cached(key).pseudonym(&i.to_string())).collect::<FxHashSet<_>>()
    };
    fn deidentifier_cached(key: u8) -> &'static Deidentifier {
        use std::sync::OnceLock;
        static ONE: OnceLock<Deidentifier> = OnceLock::new();
        static TWO: OnceLock<Deidentifier> = OnceLock::new();
        match key {
            1 => ONE.get_or_init(|| deidentifier(1)),
            _ => TWO.get_or_init(|| deidentifier(2)),
        }
    }
    let (one, two) = (ids(1), ids(2));
    assert_eq!(one, ids(1));
    assert_eq!(one.len(), 5000);
    assert!(one.is_disjoint(&two));
    assert!(one.iter().all(|id| *id >= 0));
}

proptest! {
    /// A record that comes in two parts is the record that comes whole: dates, the oldest age, and what stands in both.
    #[test]
    fn parts_that_are_joined_are_the_whole(
        // Nobody is past 110 here: what comes there after a long gap is dropped, and the other part may fill the gap.
        born in -1_400_000_000i64..500_000_000,
        seconds in prop::collection::btree_set(500_000_000i64..2_000_000_000, 2..20),
        cut in 0usize..20, again in 0usize..20,
    ) {
        let at = |s: i64| SourceTime::DateTime(Time::from_micros(s * 1_000_000));
        let birth = SourceEvent { code: Code::BIRTH.into(), ..event("Patient.birthDate", "", "", at(born)) };
        let facts = seconds.iter().map(|&s| event("Condition.code", "ICD10CM", "I10", at(s)));
        let all: Vec<SourceEvent> = std::iter::once(birth).chain(facts).collect();
        let deidentifier = deidentifier(7);
        let read = |facts: &[SourceEvent]| {
            let safe = deidentifier.subject(&record("p", facts.to_vec()), &mut Tally::default());
            safe.map(|safe| safe.subject)
        };
        let whole = read(&all);
        let cut = cut.min(all.len());
        // The second part tells some of the first again.
        let more = all[again.min(cut)..].to_vec();
        let known = read(&all[..cut]);
        let (joined, new) = deidentifier.joined(&known, read(&more));
        prop_assert_eq!(&*joined, &*whole);
        prop_assert_eq!(new, all.len() - cut);
    }
}

#[test]
fn what_no_rule_allows_is_dropped_and_counted_without_its_value() {
    let mut tally = Tally::default();
    let facts = vec![
        event("Patient.name", "", "Ann Canary", SourceTime::Static),
        event("Condition.code", "ICD10CM", "Ann Canary", SourceTime::Static),
        event("Condition.code", "URI:http://canary.example", "1", SourceTime::Static),
        event("Condition.code", "", "Ann Canary", SourceTime::Static),
        event("Condition.code", "ICD10CM", "E11.9", SourceTime::Static),
    ];
    let safe = deidentifier(1).subject(&record("Canary", facts), &mut tally);
    assert_eq!(safe.subject.events().len(), 1);
    assert_eq!(tally.dropped().values().sum::<u64>(), 4);
    let told = format!("{tally:?} {safe:?}").to_lowercase();
    assert!(!told.contains("canary"), "{told}");
}

#[test]
fn text_and_unknown_units_do_not_pass() {
    let mut tally = Tally::default();
    let mut note = event("DocumentReference.content", "LOINC", "34117-2", SourceTime::Static);
    note.value = SourceValue::Text("Ann Canary was seen today".into());
    let mut lab = event("Observation.valueQuantity", "LOINC", "4548-4", SourceTime::Static);
    lab.value = SourceValue::Number(7.5);
    lab.unit = Some("Canary".into());
    let safe = deidentifier(1).subject(&record("1", vec![note, lab]), &mut tally);
    assert_eq!(safe.subject.events().len(), 2);
    assert!(safe.subject.events().iter().all(|e| e.text_value.is_none() && e.unit.is_none()));
    assert_eq!(tally.trimmed().values().sum::<u64>(), 2);
}

#[test]
fn words_pass_only_when_many_share_them() {
    let mut tally = Tally::default();
    for i in 0..10 {
        let mut common = event("Condition.code", "ICD10CM", "E11.9", SourceTime::Static);
        common.display = Some("Type 2 diabetes mellitus".into());
        let mut rare = event("Condition.code", "ICD10CM", "I10", SourceTime::Static);
        rare.display = Some(format!("Hypertension of patient {i}").into());
        deidentifier(1).subject(&record(&i.to_string(), vec![common.clone(), common, rare]), &mut tally);
    }
    assert!(tally.descriptions(11).is_empty());
    let words = tally.descriptions(10);
    assert_eq!(words.len(), 1);
    assert_eq!(words["ICD10CM//E11.9"], "Type 2 diabetes mellitus");
}

#[test]
fn a_date_stands_at_its_days_end_and_a_time_where_it_was() {
    let day = Time::from_ymd(2020, 5, 17).unwrap();
    let facts = vec![
        event("Condition.code", "ICD10CM", "I10", SourceTime::Date(day)),
        event("Condition.code", "ICD10CM", "E11.9", SourceTime::DateTime(day)),
    ];
    let safe = deidentifier(3).subject(&record("1", facts), &mut Tally::default());
    let [early, late] = safe.subject.events() else { panic!("two events") };
    assert_eq!(early.code.as_str(), "ICD10CM//E11.9");
    assert!((late.time.unwrap().days_since(early.time.unwrap()) - 86_399.0 / 86_400.0).abs() < 1e-12);
}

#[test]
fn numbers_as_long_as_identifiers_pass_only_with_a_unit() {
    let lab = |value: f64, unit: Option<&str>| {
        let mut lab = event("Observation.valueQuantity", "LOINC", "4548-4", SourceTime::Static);
        lab.value = SourceValue::Number(value);
        lab.unit = unit.map(SmolStr::new);
        lab
    };
    let facts = vec![
        lab(5_551_234_567.0, None),
        lab(19_570_314.0, None),
        lab(4_711_356.0, Some("MRN")),
        lab(4_711_357.0, Some("1")),
        lab(4_711_358.0, Some("{#}")),
        lab(2e6, Some("/L")),
        lab(7.5, None),
    ];
    let safe = deidentifier(1).subject(&record("1", facts), &mut Tally::default());
    let kept: Vec<f32> = safe.subject.events().iter().filter_map(|e| e.numeric_value).collect();
    assert_eq!(kept, [7.5, 2e6]);
}

fn with(policy: &str) -> Deidentifier {
    Deidentifier::new(Policy::named(policy).unwrap(), &Key::from_bytes([9; 32])).unwrap()
}

fn codes_of(safe: &SafeRecord) -> Vec<&str> {
    safe.subject.events().iter().map(|e| e.code.as_str()).collect()
}

#[test]
fn geography_passes_as_far_as_the_policy_says() {
    let facts = || {
        vec![
            event("Patient.address.postalCode", "ZIP", "02139-4307", SourceTime::Static),
            event("Patient.address.postalCode", "ZIP", "05901", SourceTime::Static),
            event("Patient.address.postalCode", "ZIP", "Ann Canary", SourceTime::Static),
            event("Patient.address.state", "STATE", "MA", SourceTime::Static),
            event("Patient.address.state", "STATE", "Canary", SourceTime::Static),
        ]
    };
    let through = |policy: &str| with(policy).subject(&record("1", facts()), &mut Tally::default());
    assert_eq!(codes_of(&through("safe-harbor")), ["STATE//MA", "ZIP3//000", "ZIP3//021"]);
    assert_eq!(codes_of(&through("limited-data-set")), ["STATE//MA", "ZIP//02139", "ZIP//05901"]);
    assert!(codes_of(&through("expert-determination")).is_empty());
}

#[test]
fn safe_harbor_tells_years_alone_under_a_number_derived_from_nothing() {
    let day = |y, m, d| SourceTime::Date(Time::from_ymd(y, m, d).unwrap());
    let birth = event("Patient.birthDate", "", Code::BIRTH, day(1921, 3, 14));
    let visit = event("Condition.code", "ICD10CM", "I10", day(2016, 7, 1));
    let mut source = record("1", vec![birth, visit]).expose().clone();
    source.facts.push(SourceFact::Label(events::SourceLabel {
        task: "death".into(),
        prediction_time: Time::from_ymd(2016, 8, 1).unwrap(),
        boolean_value: true,
    }));
    let source = Identified::new(source);
    let one = with("safe-harbor");
    let safe = one.subject(&source, &mut Tally::default());
    let times: Vec<_> = safe.subject.events().iter().map(|e| e.time.unwrap().to_string()).collect();
    assert_eq!(times, ["1926-12-31T17:59:59", "2016-12-31T05:59:59"]);
    assert_eq!(safe.labels[0].1.prediction_time.to_string(), "2015-12-31T23:59:59");
    assert_eq!(safe.subject.id, one.pseudonym("1"));
    assert_ne!(safe.subject.id, with("safe-harbor").pseudonym("1"), "one key, another run: another number");
    assert_eq!(one.offset_days("1"), 0);
}

#[test]
fn ages_that_are_numbers_are_told_as_90_whatever_stands_behind_them() {
    for unit in ["yrs", "years", "yr", "y.o.", "1", "", "Jahre", "a"] {
        for code in ["30525-0", "35659-2", "39016-1"] {
            let mut age = event("Observation.valueQuantity", "LOINC", code, SourceTime::Static);
            age.value = SourceValue::Number(102.0);
            age.unit = Some(unit.into());
            let safe = with("safe-harbor").subject(&record("1", vec![age]), &mut Tally::default());
            assert_eq!(safe.subject.events()[0].numeric_value, Some(90.0), "{code} {unit}");
        }
    }
}

fn asked(record: Identified<SourceSubject>, years: &[i32]) -> Identified<SourceSubject> {
    record.map(|mut source| {
        source.facts.extend(years.iter().map(|year| {
            SourceFact::Label(events::SourceLabel {
                task: "death".into(),
                prediction_time: Time::from_ymd(*year, 6, 1).unwrap(),
                boolean_value: true,
            })
        }));
        source
    })
}

#[test]
fn a_label_tells_no_age_that_facts_may_not() {
    let day = |year| SourceTime::Date(Time::from_ymd(year, 3, 14).unwrap());
    let birth = event("Patient.birthDate", "", Code::BIRTH, day(1916));
    let visit = event("Condition.code", "ICD10CM", "I10", day(2001));
    for policy in ["safe-harbor", "expert-determination"] {
        let source = asked(record("1", vec![birth.clone(), visit.clone()]), &[2019]);
        let mut tally = Tally::default();
        let safe = with(policy).subject(&source, &mut tally);
        let told = safe.labels[0].1.prediction_time.days_since(safe.subject.birth().unwrap()) / 365.25;
        assert!((89.0..=90.0).contains(&told), "{policy}: {told}");
        assert_eq!((tally.ages_top_coded, tally.labels_kept), (1, 1));
    }
    // What was asked where all that is old stands as one moment can't be told from what came after.
    let (first, second) = (day(1920), day(1925));
    let facts = [first, second, day(2019)].map(|day| event("Condition.code", "ICD10CM", "I10", day));
    let mut tally = Tally::default();
    let safe = with("safe-harbor").subject(&asked(record("1", facts.to_vec()), &[1923, 2010]), &mut tally);
    assert_eq!(safe.labels.len(), 1);
    assert_eq!(tally.labels_kept, 1);
    assert_eq!(tally.dropped().values().sum::<u64>(), 1, "{:?}", tally.dropped());
}

#[test]
fn dates_that_stand_for_none_move_no_record() {
    let day = |year| SourceTime::Date(Time::from_ymd(year, 12, 31).unwrap());
    let birth = event("Patient.birthDate", "", Code::BIRTH, day(1950));
    let visits = [1999, 2019].map(|year| event("Condition.code", "ICD10CM", "I10", day(year)));
    let facts = [&[birth][..], &visits].concat();
    for policy in ["safe-harbor", "expert-determination"] {
        let one = with(policy);
        let whole = one.subject(&record("1", facts.clone()), &mut Tally::default());
        let read = |more: SourceEvent| {
            let mut tally = Tally::default();
            let safe = one.subject(&record("1", [&facts[..], &[more]].concat()), &mut tally);
            (safe, tally)
        };
        // Still open: no end is told.
        let (open, tally) = read(event("observation_period", "", Code::FOLLOWUP_END, day(2099)));
        assert_eq!(open.subject, whole.subject);
        assert_eq!((tally.ages_top_coded, tally.dropped().len()), (0, 1));
        // No fact of this life.
        let (late, tally) = read(event("Procedure.code", "SNOMED", "73211009", day(2099)));
        assert_eq!(late.subject, whole.subject);
        assert_eq!(tally.dropped()[APART], 1);
        // Of somebody young too, who would not be 120 by then.
        let young = |more: &[SourceEvent]| {
            let birth = event("Patient.birthDate", "", Code::BIRTH, day(1985));
            let facts = [&[birth][..], &visits, more].concat();
            one.subject(&record("1", facts), &mut Tally::default()).subject.clone()
        };
        assert_eq!(young(&[event("Procedure.code", "SNOMED", "73211009", day(2099))]), young(&[]));
        // Who is so young that the day of no end tells no great age.
        let child = |more: &[SourceEvent]| {
            let birth = event("Patient.birthDate", "", Code::BIRTH, day(2015));
            let visit = event("Condition.code", "ICD10CM", "I10", day(2019));
            one.subject(&record("1", [&[birth, visit][..], more].concat()), &mut Tally::default())
                .subject
                .clone()
        };
        let ends = [2018, 2099].map(|year| event("observation_period", "", Code::FOLLOWUP_END, day(year)));
        assert_eq!(child(&ends), child(&[]));
        assert_eq!(child(&ends[..1]).events().len(), 3);
        // Who is well for decades, and watched.
        let well = |facts: &[i32]| {
            let birth = event("Patient.birthDate", "", Code::BIRTH, day(1970));
            let facts = facts.iter().map(|year| event("Condition.code", "ICD10CM", "I10", day(*year)));
            let end = event("observation_period", "", Code::FOLLOWUP_END, day(2024));
            let mut tally = Tally::default();
            let all = [birth].into_iter().chain(facts).chain([end]).collect();
            let safe = one.subject(&record("1", all), &mut tally).map(|safe| safe.subject);
            assert!(safe.followup_end().is_some() && tally.dropped().is_empty());
            safe
        };
        let (with_fact, none) = (well(&[1990]), well(&[]));
        let (joined, new) = one.joined(&none, with_fact.clone());
        assert_eq!((&*joined, new), (&*with_fact, 1));
        // Seen last at 59, dead at 92.
        let dead = [(1931, Code::BIRTH), (1990, "I10"), (2023, Code::DEATH)];
        let dead = dead.map(|(year, code)| match code {
            "I10" => event("Condition.code", "ICD10CM", "I10", day(year)),
            code => event("Patient.deceasedDateTime", "", code, day(year)),
        });
        let safe = one.subject(&record("1", dead.to_vec()), &mut Tally::default());
        assert_eq!(safe.subject.events().iter().filter(|e| e.code.as_str() == Code::DEATH).count(), 1);
        // An unknown birth.
        let unknown = event("Patient.birthDate", "", Code::BIRTH, day(1800));
        let mut tally = Tally::default();
        let safe = one.subject(&record("1", [&[unknown], &visits[..]].concat()), &mut tally);
        assert_eq!(safe.subject.events(), &whole.subject.events()[1..]);
        assert_eq!(tally.dropped()["birth more than 120 years before what is recorded"], 1);
    }
}

#[test]
fn what_has_not_ended_by_the_day_of_the_run_is_open() {
    let day = |(year, month, day)| SourceTime::Date(Time::from_ymd(year, month, day).unwrap());
    for policy in ["safe-harbor", "expert-determination", "limited-data-set"] {
        let one = with(policy).of_sources_taken(Time::from_ymd(2026, 11, 28).unwrap());
        let read = |born: i32, facts: &[i32], more: &[(&str, (i32, u32, u32))]| {
            let birth = event("Patient.birthDate", "", Code::BIRTH, day((born, 5, 1)));
            let visits =
                facts.iter().map(|year| event("Condition.code", "ICD10CM", "I10", day((*year, 3, 4))));
            let more = more.iter().map(|(code, at)| match *code {
                Code::DEATH => event("Patient.deceasedDateTime", "", Code::DEATH, day(*at)),
                code => event("observation_period", "", code, day(*at)),
            });
            let mut tally = Tally::default();
            let all = [birth].into_iter().chain(visits).chain(more).collect();
            let safe = one.subject(&record("1", all), &mut tally).map(|safe| safe.subject).into_inner();
            (safe, tally)
        };
        let visits = [1999, 2024];
        let (open, _) = read(1990, &visits, &[]);
        for end in [(2050, 12, 31), (2079, 6, 6), (2100, 1, 1), (2099, 12, 31), (2028, 6, 1)] {
            let ends = [(Code::FOLLOWUP_END, (2010, 1, 1)), (Code::FOLLOWUP_END, end)];
            let (safe, tally) = read(1990, &visits, &ends);
            assert_eq!(safe, open, "{policy} {end:?}");
            assert_eq!(tally.dropped().values().sum::<u64>(), 2, "{policy} {end:?}");
        }
        // The rest of a year, or of a contract.
        let (safe, tally) = read(1990, &visits, &[(Code::FOLLOWUP_END, (2027, 11, 28))]);
        assert!(safe.followup_end().is_some() && tally.dropped().is_empty());
        // Nobody has died yet who will: and no birth moves for it.
        let (old, _) = read(1950, &visits, &[]);
        let (safe, tally) = read(1950, &visits, &[(Code::DEATH, (2050, 1, 1))]);
        assert_eq!((safe, tally.dropped()[AHEAD], tally.ages_top_coded), (old, 1, 0), "{policy}");
        // A data set whose dates were all moved by a century lies there as a whole.
        let (safe, tally) =
            read(2090, &[2140], &[(Code::DEATH, (2150, 1, 1)), (Code::FOLLOWUP_END, (2150, 1, 1))]);
        assert_eq!((safe.events().len(), tally.dropped().len()), (4, 0), "{policy}");
    }
    // Who doesn't know when the sources were taken believes them.
    let end = event("observation_period", "", Code::FOLLOWUP_END, day((2050, 12, 31)));
    let birth = event("Patient.birthDate", "", Code::BIRTH, day((1990, 5, 1)));
    let safe = deidentifier(1).subject(&record("1", vec![birth, end]), &mut Tally::default());
    assert!(safe.subject.followup_end().is_some());
}

#[test]
fn a_code_without_a_system_is_counted_like_any_other() {
    let shipped = Policy::expert_determination();
    let text = shipped.text().replace("fewest_subjects = 0", "fewest_subjects = 2");
    let one = Deidentifier::new(Policy::from_toml(&text).unwrap(), &Key::from_bytes([1; 32])).unwrap();
    let code = |code: &str| event("meds.code", "", code, SourceTime::Static);
    let people = [vec![code("GLUCOSE"), code("CANARY_12_ELM_ST"), code(Code::BIRTH)], vec![code("GLUCOSE")]];
    let mut tally = Tally::default();
    assert_eq!(told_of(&one, &people, &mut tally), [vec![Code::BIRTH, "GLUCOSE"], vec!["GLUCOSE"]]);
    assert_eq!(tally.dropped()["code that too few subjects hold"], 1);
}

#[test]
fn a_limited_data_set_keeps_dates() {
    let noon = Time::from_ymd_hms(2016, 7, 1, 12, 0, 0, 0).unwrap();
    let visit = event("Condition.code", "ICD10CM", "I10", SourceTime::DateTime(noon));
    let safe = with("limited-data-set").subject(&record("1", vec![visit]), &mut Tally::default());
    assert_eq!(safe.subject.events()[0].time, Some(noon));
    assert_eq!(safe.subject.id, with("limited-data-set").pseudonym("1"));
}

#[test]
fn codes_are_told_as_broadly_as_the_policy_says() {
    let text = Policy::named("safe-harbor").unwrap().text().replace("# ICD10CM = 3", "ICD10CM = 3");
    let policy = Policy::from_toml(&text).unwrap();
    let deidentifier = Deidentifier::new(policy, &Key::from_bytes([9; 32])).unwrap();
    let facts = vec![
        event("Condition.code", "ICD10CM", "S72.001A", SourceTime::Static),
        event("meds.code", "", "ICD10CM//E11.9", SourceTime::Static),
        event("meds.code", "", "WARD//Canary", SourceTime::Static),
    ];
    let safe = deidentifier.subject(&record("1", facts), &mut Tally::default());
    assert_eq!(codes_of(&safe), ["ICD10CM//E11", "ICD10CM//S72"]);
}

fn with_notes(free_text: &str) -> Deidentifier {
    let policy = Policy::expert_determination();
    let text = policy.text().replace("free_text = \"drop\"", &format!("free_text = \"{free_text}\""));
    assert_ne!(text, policy.text());
    Deidentifier::new(Policy::from_toml(&text).unwrap(), &Key::from_bytes([3; 32])).unwrap()
}

fn note(path: &str, time: SourceTime, text: &str) -> SourceEvent {
    SourceEvent { value: SourceValue::Text(text.into()), ..event(path, "LOINC", "34117-2", time) }
}

fn texts(safe: &SafeRecord) -> Vec<&str> {
    safe.subject.events().iter().filter_map(|e| e.text_value.as_deref()).collect()
}

#[test]
fn a_note_passes_without_who_is_named_in_the_chart() {
    let day = SourceTime::Date(Time::from_ymd(2020, 3, 1).unwrap());
    let text = "Wilhelmina Okonkwo-Brandt feels well. Willa's HbA1c 7.1 %. Call (555) 867-5309.";
    let mut source = record("p", vec![note("DocumentReference.content", day, text)]);
    source = source.map(|mut source| {
        for (kind, text) in [
            (events::IdentityKind::Name, "Okonkwo-Brandt, Wilhelmina"),
            (events::IdentityKind::Phone, "555-867-5309"),
        ] {
            source.facts.push(SourceFact::Identity(events::SourceIdentity { kind, text: text.into() }));
        }
        source
    });
    let mut tally = Tally::default();
    let tags = with_notes("tags").subject(&source, &mut tally);
    let [clean] = texts(&tags)[..] else { panic!("one note") };
    assert!(
        clean.starts_with("[NAME] feels well.") && clean.ends_with("HbA1c 7.1 %. Call [PHONE]."),
        "{clean}"
    );
    assert!(tally.trimmed()["in text: NAME"] >= 1 && tally.trimmed()["in text: PHONE"] == 1);
    let surrogates = with_notes("surrogates").subject(&source, &mut Tally::default());
    let [clean] = texts(&surrogates)[..] else { panic!("one note") };
    assert!(!clean.contains("Okonkwo") && !clean.contains('[') && clean.contains("HbA1c 7.1 %"), "{clean}");
    assert_eq!(with_notes("surrogates").subject(&source, &mut Tally::default()), surrogates);
    let dropped = deidentifier(3).subject(&source, &mut Tally::default());
    assert!(texts(&dropped).is_empty());
}

#[test]
fn a_year_that_tells_a_great_age_stands_in_no_note() {
    let policy = |name: &str, free_text: &str| {
        let text = Policy::named(name).unwrap().text().to_owned();
        let text = text.replace("free_text = \"drop\"", &format!("free_text = \"{free_text}\""));
        Deidentifier::new(Policy::from_toml(&text).unwrap(), &Key::from_bytes([3; 32])).unwrap()
    };
    let day = |year| SourceTime::Date(Time::from_ymd(year, 3, 1).unwrap());
    let text = "Born in 1916, polio 1921. WBC 1900. Of the class of 1916. Given 1800 mL at 1830.";
    let facts = vec![
        event("Patient.birthDate", "", Code::BIRTH, day(1916)),
        note("DocumentReference.content", day(2005), text),
        // A sentinel, and a label, tell how old someone is as they do among facts.
        event("observation_period", "", Code::FOLLOWUP_END, day(2099)),
    ];
    for (name, free_text) in [
        ("safe-harbor", "tags"),
        ("safe-harbor", "removal"),
        ("expert-determination", "tags"),
        ("expert-determination", "removal"),
        ("expert-determination", "surrogates"),
    ] {
        let one = policy(name, free_text);
        let source = asked(record("p", facts.clone()), &[2012]);
        let safe = one.subject(&source, &mut Tally::default());
        let [clean] = texts(&safe)[..] else { panic!("one note") };
        for year in ["1916", "1921"] {
            assert!(!clean.contains(year), "{name} {free_text}: {clean}");
        }
        assert!(
            clean.contains("WBC 1900") && clean.contains("1800 mL at 1830"),
            "{name} {free_text}: {clean}"
        );
    }
    // Of someone who is not that old a year of birth tells much, and another year little.
    let text = "Born 1950, polio 1955; a child of 1950.";
    let facts = vec![
        event("Patient.birthDate", "", Code::BIRTH, day(1950)),
        note("DocumentReference.content", day(2005), text),
    ];
    let safe = policy("safe-harbor", "tags").subject(&record("p", facts), &mut Tally::default());
    assert_eq!(texts(&safe), ["Born [DATE], polio 1955; a child of [DATE]."]);
}

proptest! {
    /// One offset for what FHIR says, for what OMOP says, and for what a note says in any form.
    #[test]
    fn intervals_are_kept_across_formats_and_text(days in prop::collection::vec((0i64..18_000, 0usize..5), 2..8)) {
        let at = |day: i64| Time::from_micros(day * events::MICROS_PER_DAY);
        let written = |&(day, form): &(i64, usize)| {
            let (y, m, d) = at(day).ymd();
            match form {
                0 => format!("{y}-{m:02}-{d:02}"),
                1 => format!("{m:02}/{d:02}/{y}"),
                2 => format!("{d:02}.{m:02}.{y}"),
                3 => format!("{y}{m:02}{d:02}"),
                _ => format!("{m}/{d}/{y}"),
            }
        };
        let read = |(written, form): (&str, usize)| {
            let parts: Vec<i64> = match form {
                3 => [&written[..4], &written[4..6], &written[6..8]].iter().map(|p| p.parse().unwrap()).collect(),
                _ => written.split(['-', '/', '.']).map(|p| p.parse().unwrap()).collect(),
            };
            let (y, m, d) = match form { 0 | 3 => (0, 1, 2), 2 => (2, 1, 0), _ => (2, 0, 1) };
            let day = Time::from_ymd(parts[y] as i32, parts[m] as u32, parts[d] as u32).unwrap();
            day.micros() / events::MICROS_PER_DAY
        };
        let text = format!("Seen on {}.", days.iter().map(written).collect::<Vec<_>>().join("; then on "));
        let mut facts: Vec<SourceEvent> = days
            .iter()
            .enumerate()
            .map(|(i, &(day, _))| {
                let path = if i % 2 == 0 { "Condition.code" } else { "condition_occurrence" };
                event(path, "ICD10CM", "I10", SourceTime::DateTime(at(day)))
            })
            .collect();
        facts.push(note("note.note_text", SourceTime::DateTime(at(18_001)), &text));
        // Its word lists are read once.
        static SURROGATES: std::sync::LazyLock<Deidentifier> = std::sync::LazyLock::new(|| with_notes("surrogates"));
        let safe = SURROGATES.subject(&record("p", facts), &mut Tally::default());
        let mut moved: Vec<i64> = safe
            .subject
            .events()
            .iter()
            .filter(|e| e.text_value.is_none())
            .filter_map(|e| e.time)
            .map(|time| time.micros() / events::MICROS_PER_DAY)
            .collect();
        let clean = texts(&safe)[0].trim_start_matches("Seen on ").trim_end_matches('.').to_owned();
        let mut in_text: Vec<i64> = clean.split("; then on ").zip(days.iter().map(|d| d.1)).map(read).collect();
        moved.sort_unstable();
        in_text.sort_unstable();
        prop_assert_eq!(moved, in_text);
    }
}

/// An event of a kind that a format writes, at seconds since 1970.
fn any_event(kind: usize, seconds: i64) -> SourceEvent {
    let at = SourceTime::DateTime(Time::from_micros(seconds * 1_000_000));
    match kind % 7 {
        0 => event("Condition.code", "ICD10CM", "I10", at),
        1 => event("condition_occurrence", "SNOMED", "44054006", at),
        2 => event("Patient.deceasedDateTime", "", Code::DEATH, at),
        3 => event("observation_period", "", Code::FOLLOWUP_END, at),
        4 => event("Encounter.period.end", "VISIT_END", "IMP", at),
        5 => SourceEvent {
            value: SourceValue::Number(7.5),
            ..event("Observation.valueQuantity", "LOINC", "4548-4", at)
        },
        _ => SourceEvent {
            value: SourceValue::Text("words".into()),
            ..event("DocumentReference.content", "LOINC", "34117-2", at)
        },
    }
}

proptest! {
    #[test]
    fn all_pairwise_intervals_are_kept_across_kinds_and_formats(
        key: [u8; 32],
        subject in "[a-zA-Z0-9-]{1,36}",
        facts in prop::collection::vec((0usize..7, 0i64..2_500_000_000), 2..25),
        keep_weekday: bool,
    ) {
        let text = Policy::expert_determination().text().replace("keep_weekday = false", &format!("keep_weekday = {keep_weekday}"));
        let deidentifier =
            Deidentifier::new(Policy::from_toml(&text).unwrap(), &Key::from_bytes(key)).unwrap();
        // Each fact by itself, as if it came from a file of its own, under the one subject key.
        let moved: Vec<i64> = facts
            .iter()
            .map(|&(kind, seconds)| {
                let safe = deidentifier.subject(&record(&subject, vec![any_event(kind, seconds)]), &mut Tally::default());
                safe.subject.events()[0].time.unwrap().micros() - seconds * 1_000_000
            })
            .collect();
        let offset = i64::from(deidentifier.offset_days(&subject)) * events::MICROS_PER_DAY;
        prop_assert!(offset != 0 && moved.iter().all(|m| *m == offset));
        prop_assert!(!keep_weekday || deidentifier.offset_days(&subject) % 7 == 0);
        // And all together, in one record.
        let whole = facts.iter().map(|&(kind, seconds)| any_event(kind, seconds)).collect();
        let safe = deidentifier.subject(&record(&subject, whole), &mut Tally::default());
        let mut expected: Vec<i64> = facts.iter().map(|f| f.1 * 1_000_000 + offset).collect();
        expected.sort_unstable();
        let mut told: Vec<i64> = safe.subject.events().iter().filter_map(|e| e.time).map(Time::micros).collect();
        told.sort_unstable();
        prop_assert_eq!(told, expected);
    }

    #[test]
    fn one_key_gives_one_output_and_two_keys_share_no_pseudonym(
        one: [u8; 32],
        two: [u8; 32],
        subjects in prop::collection::hash_set("[a-z0-9-]{1,36}", 1..20),
    ) {
        prop_assume!(one != two);
        let make = |key| Deidentifier::new(Policy::expert_determination(), &Key::from_bytes(key)).unwrap();
        let (first, again, other) = (make(one), make(one), make(two));
        let others: FxHashSet<i64> = subjects.iter().map(|s| other.pseudonym(s)).collect();
        for subject in &subjects {
            let source = record(subject, (0..7).map(|kind| any_event(kind, 1_000_000_000)).collect());
            let safe = |d: &Deidentifier| d.subject(&source, &mut Tally::default()).map(|record| record);
            prop_assert_eq!(&*safe(&first), &*safe(&again));
            prop_assert!(!others.contains(&first.pseudonym(subject)));
        }
    }
}

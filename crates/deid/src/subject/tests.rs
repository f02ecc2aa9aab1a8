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
    let facts =
        vec![lab(5_551_234_567.0, None), lab(19_570_314.0, None), lab(2e6, Some("/L")), lab(7.5, None)];
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
    assert_eq!(times, ["1926-12-31T23:59:59", "2016-12-31T23:59:59"]);
    assert_eq!(safe.labels[0].1.prediction_time.to_string(), "2015-12-31T23:59:59");
    assert_eq!(safe.subject.id, one.pseudonym("1"));
    assert_ne!(safe.subject.id, with("safe-harbor").pseudonym("1"), "one key, another run: another number");
    assert_eq!(one.offset_days("1"), 0);
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

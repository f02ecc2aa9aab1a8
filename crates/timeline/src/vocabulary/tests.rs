use super::*;
use crate::testing::{event, fact, subject};
use events::meds::CodeMetadata;
use events::{Deidentified, Subject};
use proptest::prelude::*;

fn metadata(code: &str, description: &str, parents: &[&str]) -> CodeMetadata {
    CodeMetadata {
        code: code.into(),
        description: Some(description.into()),
        parents: parents.iter().map(|&parent| parent.into()).collect(),
        is_procedure: false,
    }
}

fn built(
    options: VocabularyOptions,
    metadata: &[CodeMetadata],
    subjects: impl IntoIterator<Item = Deidentified<Subject>>,
) -> Vocabulary {
    let mut builder = VocabularyBuilder::new(options, metadata).unwrap();
    subjects.into_iter().for_each(|subject| builder.push(&subject));
    builder.finish().unwrap()
}

fn at_least(minimum_subjects: u64) -> VocabularyOptions {
    VocabularyOptions { minimum_subjects, ..VocabularyOptions::default() }
}

fn example() -> Vocabulary {
    let metadata = [
        metadata("SNOMED//1", "asthma", &["SNOMED//9"]),
        metadata("SNOMED//2", "cough asthma", &["SNOMED//9"]),
        metadata("SNOMED//9", "disorder of airway", &[]),
        metadata("LOINC//4548-4", "haemoglobin A1c", &[]),
    ];
    let subjects = (0..30).map(|id| {
        let mut events = vec![fact("GENDER//F"), event(1.0, "SNOMED//1"), event(2.0, "MEDS_DEATH")];
        events.push(event(1.0, "LOINC//4548-4").with_value(5.0 + id as f32 / 10.0).with_unit("%"));
        if id < 4 {
            events.push(event(1.5, "SNOMED//2"));
            events.push(event(1.5, "LOINC//4548-4").with_value(40.0).with_unit("mmol/mol"));
            events.push(event(1.5, "ICD10CM//C50.911"));
        }
        if id == 0 {
            events.push(event(1.5, "LOCAL//only one has it"));
        }
        subject(id, events)
    });
    built(at_least(5), &metadata, subjects)
}

#[test]
fn codes_of_enough_subjects_enter_and_rarer_ones_count_for_their_parent() {
    let vocabulary = example();
    let entry = |code: &str| vocabulary.entry(vocabulary.index_of(code).unwrap()).unwrap();

    assert_eq!(entry("SNOMED//1").kind, EntryKind::Event);
    assert_eq!((entry("SNOMED//1").subjects, entry("SNOMED//1").events), (30, 30));
    assert_eq!(entry("GENDER//F").kind, EntryKind::Static);
    assert_eq!(entry("SNOMED//9").kind, EntryKind::Group);
    assert_eq!((entry("SNOMED//9").subjects, entry("SNOMED//9").events), (30, 4));
    assert_eq!(entry("SNOMED//9").description.as_deref(), Some("disorder of airway"));
    assert_eq!(entry("SNOMED//1").parent, vocabulary.index_of("SNOMED//9"));
    assert_eq!(entry("MEDS_DEATH").subjects, 30);
    assert_eq!(vocabulary.index_of("MEDS_DEATH"), Some(Vocabulary::DEATH));

    for rare in ["SNOMED//2", "LOCAL//only one has it", "ICD10CM//C50.911", "ICD10CM//*"] {
        assert_eq!(vocabulary.index_of(rare), None, "{rare} has too few subjects to be written down");
    }
    assert_eq!(vocabulary.entry(Vocabulary::UNKNOWN).unwrap().events, 5);
    let json = String::from_utf8(vocabulary.to_json().unwrap()).unwrap();
    assert!(!json.contains("only one has it"));
    assert_eq!(vocabulary.training_subjects(), 30);
}

#[test]
fn values_in_a_unit_of_too_few_subjects_have_no_distribution() {
    let vocabulary = example();
    let index = vocabulary.index_of("LOINC//4548-4").unwrap();
    let entry = vocabulary.entry(index).unwrap();
    assert_eq!(entry.values.len(), 1);
    assert_eq!((entry.values[0].count, entry.values[0].subjects), (30, 30));
    let rank = vocabulary.rank(index, Some("%"), 6.5).unwrap();
    assert!((rank - 0.516).abs() < 0.01);
    assert!((vocabulary.rank_to_value(index, Some("%"), rank).unwrap() - 6.5).abs() < 1e-4);
    assert_eq!(vocabulary.rank(index, Some("mmol/mol"), 40.0), None);
    assert_eq!(vocabulary.rank(index, None, 6.0), None);
}

#[test]
fn unused_groups_are_there_only_if_wanted() {
    let subjects = || (0..20).map(|id| subject(id, vec![event(1.0, "ICD10CM//E11.9")]));
    let with = built(at_least(5), &[], subjects());
    let codes: Vec<&str> = with.entries()[4..].iter().map(|entry| entry.code.as_str()).collect();
    assert_eq!(
        codes,
        ["ICD10CM//*", "ICD10CM//E00-E89", "ICD10CM//E08-E13", "ICD10CM//E11", "ICD10CM//E11.9"]
    );
    assert_eq!(with.entries()[6].description.as_deref(), Some("Diabetes mellitus"));
    let e11_9 = with.index_of("ICD10CM//E11.9").unwrap();
    assert_eq!(with.ancestors(e11_9).collect::<Vec<_>>(), [7, 6, 5, 4]);
    assert_eq!(with.resolve("ICD10CM//E11.21", &Hierarchy::default()), Resolution::BackedOff(7));

    let without = built(VocabularyOptions { unused_groups: false, ..at_least(5) }, &[], subjects());
    assert_eq!(without.len(), 5);
}

#[test]
fn parents_in_a_circle_are_cut() {
    let circle = [metadata("X//1", "one", &["X//2"]), metadata("X//2", "two", &["X//1"])];
    let vocabulary = built(at_least(1), &circle, [subject(1, vec![event(1.0, "X//1"), event(2.0, "X//2")])]);
    let ends = |code: &str| vocabulary.ancestors(vocabulary.index_of(code).unwrap()).count();
    assert!(ends("X//1") <= 2 && ends("X//2") <= 2);
}

#[test]
fn distinct_codes_beyond_the_maximum_count_for_their_broader_code() {
    let options = VocabularyOptions { maximum_codes: 50, ..at_least(1) };
    let subjects = (0..1000).map(|id| subject(id, vec![event(1.0, &format!("LOCAL//{id}"))]));
    let vocabulary = built(options, &[], subjects);
    assert!(vocabulary.len() <= 54);
    let root = vocabulary.entry(vocabulary.index_of("LOCAL//*").unwrap()).unwrap();
    assert_eq!((root.subjects, root.events), (1000, 951));
}

#[test]
fn nobody_makes_no_vocabulary_and_odd_options_are_refused() {
    let nobody = VocabularyBuilder::new(VocabularyOptions::default(), &[]).unwrap();
    assert!(matches!(nobody.finish(), Err(Error::NoTrainingSubjects)));
    for options in [at_least(0), VocabularyOptions { knots: 1, ..at_least(1) }] {
        assert!(matches!(VocabularyBuilder::new(options, &[]), Err(Error::Options { .. })));
    }
}

#[test]
fn a_file_comes_back_and_any_change_is_found() {
    let vocabulary = example();
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("vocabulary.json");
    vocabulary.save(&path).unwrap();
    let back = Vocabulary::load(&path).unwrap();
    assert_eq!(back.entries(), vocabulary.entries());
    assert_eq!(back.digest(), vocabulary.digest());
    assert_eq!(example().to_json().unwrap(), vocabulary.to_json().unwrap());

    let json = std::fs::read_to_string(&path).unwrap();
    let changes = [
        ("\"subjects\":30", "\"subjects\":31"),
        ("asthma", "asthmb"),
        ("\"version\":1", "\"version\":2"),
        ("osler-vocabulary", "other"),
        ("\"static\"", "\"special\""),
        ("\"TIME\"", "\"TIMES\""),
        ("GENDER//F", "SNOMED//1"),
        ("\"parent\":null", "\"parent\":4000000000"),
        ("\"values\":[5.0", "\"values\":[1e39"),
        ("\"values\":[5.0", "\"values\":[6.0"),
        ("\"ranks\":[0.0", "\"ranks\":[-0.0"),
    ];
    for (from, to) in changes {
        assert!(json.contains(from), "{from}");
        let altered = json.replacen(from, to, 1);
        assert!(
            matches!(Vocabulary::from_json(altered.as_bytes()), Err(Error::Vocabulary(_))),
            "{from} → {to}"
        );
    }
    let own_parent =
        json.replacen("\"code\":\"SNOMED//9\",\"description\":\"disorder of airway\",\"parent\":null", "", 1);
    assert!(Vocabulary::from_json(&own_parent.as_bytes()[..own_parent.len() / 2]).is_err());
}

#[test]
fn a_site_s_own_systems_stand_in_the_file_and_count_for_the_digest() {
    let system = |source: &str, name: &str| LocalSystem { source: source.into(), name: name.into() };
    let (lab, pharmacy) = (system("URI:http://h.example/lab", "LAB"), system("URI:urn:oid:1.2", "PHARMACY"));
    let plain = example();
    let own = plain.with_local_systems(vec![pharmacy.clone(), lab.clone()]).unwrap();
    assert_eq!(own.local_systems(), [lab.clone(), pharmacy.clone()]);
    assert_ne!(own.digest(), plain.digest());
    assert_eq!(plain.with_local_systems(Vec::new()).unwrap().digest(), plain.digest());
    let json = own.to_json().unwrap();
    let back = Vocabulary::from_json(&json).unwrap();
    assert_eq!((back.local_systems(), back.digest()), (own.local_systems(), own.digest()));
    let altered = String::from_utf8(json).unwrap().replacen("PHARMACY", "PHARMACI", 1);
    assert!(Vocabulary::from_json(altered.as_bytes()).is_err());

    let renamed = own.with_local_systems(vec![system("URI:urn:oid:1.2", "DRUGS")]).unwrap();
    assert_eq!(renamed.local_systems(), [lab.clone(), system("URI:urn:oid:1.2", "DRUGS")]);
    assert!(plain.with_local_systems(vec![lab.clone(), lab]).is_err());
    assert!(plain.with_local_systems(vec![system(&"x".repeat(2000), "LAB")]).is_err());
    assert!(plain.with_local_systems((0..1001).map(|at| system(&at.to_string(), "LAB")).collect()).is_err());
}

#[test]
fn an_ancestor_of_itself_is_refused_in_a_file() {
    let mut entries = example().entries().to_vec();
    let last = entries.len() - 1;
    entries[last].parent = Some(last as u32 - 1);
    entries[last - 1].parent = Some(last as u32);
    assert!(check(&entries).unwrap_err().contains("its own ancestor"));
}

proptest! {
    #[test]
    fn any_bytes_are_an_error_not_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        prop_assert!(Vocabulary::from_json(&bytes).is_err());
    }

    #[test]
    fn values_survive_the_file_bit_for_bit(values in prop::collection::vec(prop::num::f32::NORMAL, 1..200)) {
        let events = values.iter().map(|&v| event(1.0, "L//1").with_value(v)).collect();
        let vocabulary = built(at_least(1), &[], [subject(1, events)]);
        let back = Vocabulary::from_json(&vocabulary.to_json().unwrap()).unwrap();
        prop_assert_eq!(back.entries(), vocabulary.entries());
    }
}

use super::*;
use crate::rows::testing::{Collected, input};

const CONCEPTS: &str = "concept_id\tconcept_name\tdomain_id\tvocabulary_id\tconcept_code\n\
    1\tHypertension\tCondition\tSNOMED\t38341003\n\
    2\tEssential hypertension\tCondition\tICD10CM\tI10\n\
    3\tHbA1c\tMeasurement\tLOINC\t4548-4\n\
    4\tpercent\tUnit\tUCUM\t%\n\
    5\tPositive\tMeas Value\tSNOMED\t10828004\n\
    6\tHome\tVisit\tVisit\tHome\n\
    7\tType 2 diabetes\tCondition\tRead\tC10F.00\n\
    8\tDrug\tDrug\tNDC\t000282150\n\
    9\tDrug\tDrug\tRxNorm\t860975\n\
    8717\tInpatient Hospital\tVisit\tCMS Place of Service\t21\n\
    32037\tIntensive Care\tVisit\tVisit\tOMOP4822460\n\
    2000000001\tWard score\tObservation\tOur Scores\tW1\n";

fn read_all(files: &[(&str, &str)]) -> Collected {
    let mut sink = Collected::default();
    let mut loader = OmopLoader::default();
    for (name, text) in files {
        if OmopLoader::wants(name) {
            loader.load(input(name, text.as_bytes()), &mut sink).unwrap();
        }
    }
    let reader = loader.build(false, &crate::Limits::default());
    for (name, text) in files {
        reader.read(input(name, text.as_bytes()), &mut sink).unwrap();
    }
    reader.describe(&mut sink).unwrap();
    sink
}

#[test]
fn who_is_named_is_told_where_it_is_wanted() {
    let files = [
        (
            "person.csv",
            "person_id,year_of_birth,month_of_birth,day_of_birth,location_id,provider_id,person_source_value\n\
             6,1963,12,31,3,9,MRN 77\n",
        ),
        ("location.csv", "location_id,address_1,city,zip\n3,12 Elm St,Salem,01970\n4,x,y,z\n"),
        ("provider.csv", "provider_id,provider_name\n9,Bo Li\n"),
    ];
    let mut sink = Collected::default();
    let reader = OmopLoader::default().build(true, &crate::Limits::default());
    for (name, text) in files {
        reader.read(input(name, text.as_bytes()), &mut sink).unwrap();
    }
    for (_, fact) in &mut sink.facts {
        reader.complete(fact);
    }
    assert_eq!(
        sink.lines()
            .iter()
            .filter(|line| !line.contains("MEDS_") && !line.ends_with(' '))
            .collect::<Vec<_>>(),
        [
            "6 AddressLine 12 Elm St",
            "6 BirthDate 1963-12-31",
            "6 City Salem",
            "6 OtherName Bo Li",
            "6 PostalCode 01970",
            "6 RecordNumber MRN 77"
        ]
    );
}

fn check(files: &[(&str, &str)], want: &[&str]) -> Collected {
    let mut all = vec![("CONCEPT.csv", CONCEPTS)];
    all.extend_from_slice(files);
    let sink = read_all(&all);
    assert_eq!(sink.lines(), want, "{:?}", sink.rejections);
    sink
}

#[test]
fn a_person_in_any_header_case() {
    check(
        &[
            (
                "PERSON.csv",
                "PERSON_ID,Gender_Concept_Id,YEAR_OF_BIRTH,month_of_birth,day_of_birth,birth_datetime,race_concept_id,ethnicity_concept_id,person_source_value\n\
                 6,8532,1963,12,31,,8516,0,Ann Canary\n7.0,8507,1970,,,1970-05-06 07:08:09,0,38003563,x\n",
            ),
            ("death.csv", "person_id,death_date,death_datetime\n6,2010-02-03,2010-02-03 00:00:00\n"),
            ("observation_period.csv", "person_id,observation_period_end_date\n7,2019-04-14\n"),
        ],
        &[
            "6 1963-12-31T00:00:00 MEDS_BIRTH",
            "6 2010-02-03 MEDS_DEATH",
            "6 static GENDER//F",
            "6 static RACE//BLACK",
            "7 1970-05-06T07:08:09 MEDS_BIRTH",
            "7 2019-04-14 OSLER_FOLLOWUP_END",
            "7 static ETHNICITY//HISPANIC",
            "7 static GENDER//M",
        ],
    );
}

#[test]
fn the_finer_known_code_wins_and_nothing_is_taken_from_free_text() {
    let sink = check(
        &[(
            "condition_occurrence.csv",
            "condition_occurrence_id,person_id,condition_concept_id,condition_start_date,condition_start_datetime,condition_source_concept_id,condition_source_value\n\
             1,6,1,2011-01-01,2011-01-01 09:30:00,2,x\n\
             2,6,1,2011-01-02,2011-01-02 00:00:00,999,x\n\
             3,6,1,2011-01-03,,0,x\n\
             4,6,0,2011-01-04,,0,Mrs Canary's cough\n\
             5,6,1,2011-01-05,rubbish,0,x\n",
        )],
        &[
            "6 2011-01-01T09:30:00 ICD10CM//I10",
            "6 2011-01-02 SNOMED//38341003",
            "6 2011-01-03 SNOMED//38341003",
            "6 2011-01-05 SNOMED//38341003",
        ],
    );
    assert_eq!(sink.ignored[&("condition_occurrence", NO_CONCEPT)], 1);
    assert_eq!(sink.descriptions["ICD10CM//I10"].0, "Essential hypertension");
    assert!(!sink.descriptions.contains_key("LOINC//4548-4"), "only codes that occur are described");
}

#[test]
fn the_standard_code_is_told_where_the_sources_own_could_not_be() {
    let sink = check(
        &[
            (
                "condition_occurrence.csv",
                "condition_occurrence_id,person_id,condition_concept_id,condition_start_date,condition_source_concept_id\n\
                 1,6,1,2011-01-01,7\n2,6,1,2011-01-02,2000000001\n3,6,0,2011-01-03,2000000001\n",
            ),
            (
                "drug_exposure.csv",
                "drug_exposure_id,person_id,drug_concept_id,drug_exposure_start_date,drug_source_concept_id\n\
                 1,6,9,2011-01-04,8\n",
            ),
        ],
        &[
            "6 2011-01-01 SNOMED//38341003",
            "6 2011-01-02 SNOMED//38341003",
            "6 2011-01-03 Our Scores//W1",
            "6 2011-01-04 RXNORM//860975",
        ],
    );
    assert!(!sink.descriptions.contains_key("NDC//000282150"), "only codes that occur are described");
}

const VISITS: &str = "visit_occurrence_id,person_id,visit_concept_id,visit_start_date,visit_start_datetime,visit_end_date,visit_end_datetime\n";

#[test]
fn stays_begin_and_end_under_a_visits_own_code() {
    let rows = "1,6,8717,2011-01-01,,2011-01-05,\n2,6,32037,2011-02-01,,2011-02-05,\n";
    check(
        &[("visit_occurrence.csv", &format!("{VISITS}{rows}"))],
        &[
            "6 2011-01-01 VISIT//IP",
            "6 2011-01-05 VISIT_END//IP",
            "6 2011-02-01 VISIT//IP",
            "6 2011-02-05 VISIT_END//IP",
        ],
    );
}

#[test]
fn a_visit_of_one_day_known_by_its_date_ends_after_it_began() {
    let rows = "1,6,9201,2011-01-01,2011-01-01 00:00:00,2011-01-01,2011-01-01 14:00:00\n\
        2,6,9201,2011-02-01,2011-02-01 09:00:00,2011-02-01,\n\
        3,6,9201,2011-03-02,2011-03-02 00:00:00,2011-03-01,2011-03-01 14:00:00\n";
    let sink = check(
        &[("visit_occurrence.csv", &format!("{VISITS}{rows}"))],
        &[
            "6 2011-01-01 VISIT//IP",
            "6 2011-01-01 VISIT_END//IP",
            "6 2011-02-01 VISIT_END//IP",
            "6 2011-02-01T09:00:00 VISIT//IP",
            "6 2011-03-02 VISIT//IP",
        ],
    );
    assert_eq!(sink.rejections.len(), 1);
}

#[test]
fn what_is_still_open_has_no_end() {
    let visits = "1,6,9201,2011-01-01,,2099-12-31,\n2,6,9201,2011-02-01,,9999-12-31,\n3,6,9201,2011-03-01,,2031-03-01,\n\
        4,6,9201,2011-04-01,,2012-04-01,\n";
    let sink = check(
        &[
            ("visit_occurrence.csv", &format!("{VISITS}{visits}")),
            (
                "observation_period.csv",
                "person_id,observation_period_start_date,observation_period_end_date\n\
                 6,2001-01-01,2099-12-31\n6,2001-01-01,9999-12-31\n6,2001-01-01,2019-04-14\n",
            ),
            (
                "condition_occurrence.csv",
                "person_id,condition_concept_id,condition_start_date,condition_type_concept_id,visit_occurrence_id\n\
                 6,1,2011-01-02,32821,1\n",
            ),
        ],
        &[
            "6 2011-01-01 VISIT//IP",
            "6 2011-01-02 SNOMED//38341003",
            "6 2011-02-01 VISIT//IP",
            "6 2011-03-01 VISIT//IP",
            "6 2011-04-01 VISIT//IP",
            "6 2012-04-01 VISIT_END//IP",
            "6 2019-04-14 OSLER_FOLLOWUP_END",
        ],
    );
    assert!(sink.rejections.is_empty(), "{:?}", sink.rejections);
    let still_open = crate::rows::moment::STILL_OPEN;
    assert_eq!(sink.ignored[&("visit_occurrence", still_open)], 3);
    assert_eq!(sink.ignored[&("observation_period", still_open)], 2);
}

#[test]
fn a_person_dies_once_and_nobody_is_no_person() {
    let sink = check(
        &[(
            "death.csv",
            "person_id,death_date\n6,2010-02-05\n6,2010-02-03\nNA,2010-01-01\nNULL,2010-01-01\n",
        )],
        &["6 2010-02-03 MEDS_DEATH", "6 2010-02-05 MEDS_DEATH"],
    );
    let origins: Vec<u64> = sink
        .facts
        .iter()
        .filter_map(|(_, fact)| match fact {
            SourceFact::Event(event) => Some(event.origin),
            _ => None,
        })
        .collect();
    assert!(origins[0] != 0 && origins[0] == origins[1], "of one origin the earliest is kept");
    let rejected: Vec<_> = sink.rejections.iter().map(|r| (r.line, r.field.as_str())).collect();
    assert_eq!(rejected, [(4, "person_id"), (5, "person_id")]);
}

#[test]
fn of_two_deaths_in_files_the_earlier_is_handed_on() {
    let (source, spill) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let rows = "person_id,death_date\n6,2010-02-05\n6,2010-02-03\n6,2010-02-04\n";
    std::fs::write(source.path().join("death.csv"), rows).unwrap();
    let concept = "concept_id,concept_name,vocabulary_id,concept_code\n8507,MALE,Gender,M\n";
    std::fs::write(source.path().join("concept.csv"), concept).unwrap();
    let options =
        crate::Options::new(crate::Format::Omop, vec![source.path().to_owned()], spill.path().to_owned());
    let mut sink = Collected::default();
    let route = |key: &str| key.parse().unwrap();
    let summary = crate::ingest(&options, &route, &crate::Progress::default(), &mut |subjects| {
        for subject in subjects {
            let subject = subject.expose();
            sink.facts.extend(subject.facts.iter().map(|fact| (subject.key.clone(), fact.clone())));
        }
        Ok::<(), Error>(())
    });
    assert_eq!((summary.unwrap().duplicates, sink.lines()), (2, vec!["6 2010-02-03 MEDS_DEATH".to_owned()]));
}

#[test]
fn values_and_units() {
    check(
        &[
            (
                "measurement.csv",
                "measurement_id,person_id,measurement_concept_id,measurement_date,value_as_number,value_as_concept_id,unit_concept_id,unit_source_value,value_source_value\n\
                 1,6,3,2011-01-01,7.5,0,4,x,7.5\n\
                 2,6,3,2011-01-02,7.6,0,0,MG/DL,x\n\
                 3,6,3,2011-01-03,7.7,0,0,as Mrs Canary said,x\n\
                 4,6,3,2011-01-04,,5,4,,x\n",
            ),
            (
                "observation.csv",
                "observation_id,person_id,observation_concept_id,observation_date,value_as_number,value_as_string,value_as_concept_id\n\
                 1,6,2000000001,2011-01-05,,some words,\n",
            ),
        ],
        &[
            "6 2011-01-01 LOINC//4548-4 7.5 [%]",
            "6 2011-01-02 LOINC//4548-4 7.6 [mg/dL]",
            "6 2011-01-03 LOINC//4548-4 7.7",
            "6 2011-01-04 LOINC//4548-4 SNOMED//10828004",
            "6 2011-01-05 Our Scores//W1 \"some words\"",
        ],
    );
}

#[test]
fn stays_end_and_diagnoses_coded_at_discharge_wait_for_it() {
    check(
        &[
            (
                "visit_occurrence.csv",
                "visit_occurrence_id,person_id,visit_concept_id,visit_start_date,visit_start_datetime,visit_end_date,visit_end_datetime,discharged_to_concept_id\n\
                 11,6,9201,2011-01-01,2011-01-01 10:00:00,2011-01-05,2011-01-05 16:00:00,6\n\
                 12,6,9202,2011-02-01,,2011-02-01,,0\n\
                 13,6,9201,2011-03-05,,2011-03-01,,0\n",
            ),
            (
                "condition_occurrence.csv",
                "condition_occurrence_id,person_id,condition_concept_id,condition_start_date,condition_type_concept_id,condition_status_concept_id,visit_occurrence_id\n\
                 1,6,1,2011-01-01,32020,0,11\n\
                 2,6,1,2011-01-02,32821,0,11\n\
                 3,6,1,2011-01-03,32020,32903,11\n\
                 4,6,1,2011-02-01,32821,0,12\n",
            ),
        ],
        &[
            "6 2011-01-01 SNOMED//38341003",
            "6 2011-01-01T10:00:00 VISIT//IP",
            "6 2011-01-05T16:00:00 SNOMED//38341003",
            "6 2011-01-05T16:00:00 SNOMED//38341003",
            "6 2011-01-05T16:00:00 VISIT//Home",
            "6 2011-01-05T16:00:00 VISIT_END//IP",
            "6 2011-02-01 SNOMED//38341003",
            "6 2011-02-01 VISIT//OP",
            "6 2011-03-05 VISIT//IP",
        ],
    );
}

#[test]
fn notes_carry_their_text_under_a_path_of_their_own() {
    let sink = check(
        &[(
            "note.csv",
            "note_id,person_id,note_date,note_class_concept_id,note_text\n1,6,2011-01-01,0,\"Seen today.\nWell.\"\n",
        )],
        &["6 2011-01-01 NOTE//UNCLASSIFIED \"Seen today.\\nWell.\""],
    );
    let SourceFact::Event(event) = &sink.facts[0].1 else { panic!("an event") };
    assert_eq!(event.path, "note.note_text");
}

#[test]
fn malformed_rows_are_rejections_with_line_and_field() {
    let sink = check(
        &[(
            "measurement.csv",
            "measurement_id,person_id,measurement_concept_id,measurement_date,value_as_number\n\
             1,,3,2011-01-01,1\n2,6,3,0001-01-01,1\n3,6,3,9999-12-31,1\n4,6,3,2011-01-01,1e308\n5,6,x,2011-01-01,1\n6,6,3\n7,6,3,,1\n",
        )],
        &[],
    );
    let got: Vec<_> = sink.rejections.iter().map(|r| (r.line, r.field.as_str(), r.reason)).collect();
    assert_eq!(
        got,
        [
            (2, "person_id", "empty"),
            (3, "measurement_date", "time out of range"),
            (4, "measurement_date", "time past the range"),
            (5, "value_as_number", "number too large"),
            (6, "measurement_concept_id", "not an integer"),
            (7, "", "not as many fields as the header"),
            (8, "measurement_date", "empty"),
        ]
    );
}

#[test]
fn tables_are_known_by_their_files() {
    for (name, want) in [
        ("person.csv", Some("person")),
        ("MEASUREMENT_0001.parquet", Some("measurement")),
        ("condition_occurrence.part-00003.csv", Some("condition_occurrence")),
        ("condition_era.csv", Some("condition_era")),
        ("concept_relationship.csv", Some("concept_relationship")),
        ("note_nlp.csv", Some("note_nlp")),
        ("note.csv", Some("note")),
        ("personal_notes.csv", None),
        ("persons.csv", None),
    ] {
        assert_eq!(table_of(name), want, "{name}");
    }
}

#[test]
fn a_table_without_its_columns_is_a_clear_error() {
    let mut sink = Collected::default();
    let reader = OmopLoader::default().build(false, &crate::Limits::default());
    let error = reader.read(input("person.csv", b"id,year_of_birth\n"), &mut sink).unwrap_err().to_string();
    assert!(error.contains("person.csv") && error.contains("\"person_id\""), "{error}");
    let error = reader.read(input("death.csv", b"person_id,when\n"), &mut sink).unwrap_err().to_string();
    assert!(error.contains("\"death_datetime\""), "{error}");
}

#[test]
fn parquet_agrees_with_text() {
    use arrow_array::{
        ArrayRef, Date32Array, Float64Array, Int64Array, RecordBatch, TimestampMicrosecondArray,
    };
    use std::sync::Arc;
    let day = 14_975; // 2011-01-01
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("MEASUREMENT_ID", Arc::new(Int64Array::from(vec![1, 2]))),
        ("PERSON_ID", Arc::new(Int64Array::from(vec![6, 6]))),
        ("measurement_concept_id", Arc::new(Float64Array::from(vec![3.0, 3.0]))),
        ("measurement_date", Arc::new(Date32Array::from(vec![day, day + 1]))),
        (
            "measurement_datetime",
            Arc::new(TimestampMicrosecondArray::from(vec![Some(i64::from(day) * 86_400_000_000), None])),
        ),
        ("value_as_number", Arc::new(Float64Array::from(vec![Some(7.5), None]))),
        ("unit_concept_id", Arc::new(Int64Array::from(vec![Some(4), None]))),
    ];
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let mut bytes = Vec::new();
    let mut writer = parquet::arrow::ArrowWriter::try_new(&mut bytes, batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();

    let mut sink = Collected::default();
    let mut loader = OmopLoader::default();
    loader.load(input("concept.csv", CONCEPTS.as_bytes()), &mut sink).unwrap();
    let reader = loader.build(false, &crate::Limits::default());
    reader
        .read_parquet("measurement.parquet", "measurement.parquet", bytes::Bytes::from(bytes), &mut sink)
        .unwrap();
    let from_parquet = std::mem::take(&mut sink.facts);
    let text = "measurement_id,person_id,measurement_concept_id,measurement_date,measurement_datetime,value_as_number,unit_concept_id\n\
        1,6,3,2011-01-01,2011-01-01 00:00:00,7.5,4\n2,6,3.0,2011-01-02,,,\n";
    reader.read(input("measurement.csv", text.as_bytes()), &mut sink).unwrap();
    assert_eq!(from_parquet, sink.facts, "facts, and their origins, are the same");
}

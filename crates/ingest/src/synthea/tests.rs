use super::*;
use crate::rows::testing::{Collected, input};

fn read(input: Input, sink: &mut dyn Sink) -> Result<(), Error> {
    SyntheaReader::new(false, &Limits::default()).read(input, sink)
}

fn check(files: &[(&str, &str)], want: &[&str]) -> Collected {
    let mut sink = Collected::default();
    for (name, text) in files {
        read(input(name, text.as_bytes()), &mut sink).unwrap();
    }
    assert_eq!(sink.lines(), want);
    sink
}

#[test]
fn a_life() {
    let sink = check(
        &[
            (
                "patients.csv",
                "Id,BIRTHDATE,DEATHDATE,SSN,FIRST,LAST,MARITAL,RACE,ETHNICITY,GENDER\n\
                 p1,1950-02-03,2020-01-01,999-00-0000,Ann,Canary,M,white,nonhispanic,F\n",
            ),
            (
                "Encounters.csv",
                "ID,Start,Stop,Patient,EncounterClass,Code,Description,ReasonCode,ReasonDescription\n\
                 e1,2011-01-01T10:00:00Z,2011-01-03T11:00:00Z,p1,inpatient,185347001,Encounter for problem,44054006,Diabetes\n",
            ),
            (
                "observations.csv",
                "DATE,PATIENT,ENCOUNTER,CODE,DESCRIPTION,VALUE,UNITS,TYPE\n\
                 2011-01-02T08:00:00Z,p1,e1,4548-4,HbA1c,7.5,%,numeric\n\
                 2011-01-02T08:00:00Z,p1,e1,72166-2,Smoking,Never smoker,,text\n\
                 2011-01-02T08:00:00Z,p1,,QALY,QALY,8.0,a,numeric\n",
            ),
            (
                "allergies.csv",
                "START,STOP,PATIENT,ENCOUNTER,CODE,SYSTEM,DESCRIPTION\n2009-09-27,,p1,e1,1191,RxNorm,Aspirin\n",
            ),
            ("payers.csv", "Id,NAME\n1,Somebody\n"),
        ],
        &[
            "p1 1950-02-03T00:00:00 MEDS_BIRTH",
            "p1 2009-09-27 ALLERGY//RXNORM//1191",
            "p1 2011-01-01T10:00:00 SNOMED//185347001",
            "p1 2011-01-01T10:00:00 SNOMED//44054006",
            "p1 2011-01-01T10:00:00 VISIT//IMP",
            "p1 2011-01-02T08:00:00 LOINC//4548-4 7.5 [%]",
            "p1 2011-01-02T08:00:00 LOINC//72166-2 \"Never smoker\"",
            "p1 2011-01-03T11:00:00 VISIT_END//IMP",
            "p1 2020-01-01 MEDS_DEATH",
            "p1 static ETHNICITY//NON_HISPANIC",
            "p1 static GENDER//F",
            "p1 static MARITAL//M",
            "p1 static RACE//WHITE",
        ],
    );
    assert!(sink.rejections.is_empty(), "{:?}", sink.rejections);
    assert_eq!(sink.ignored.len(), 2, "{:?}", sink.ignored);
    assert!(!sink.lines().concat().contains("Canary"), "names are not read");
}

#[test]
fn who_is_named_is_read_where_it_is_asked_for() {
    let files = [
        (
            "encounters.csv",
            "Id,START,PATIENT,ORGANIZATION,PROVIDER,CODE\ne1,2011-01-01,p1,o1,d1,185347001\n,2011-01-02,p1,,d9,185347001\n",
        ),
        ("organizations.csv", "Id,NAME,CITY\no1,HARBOUR HOSPITAL,Salem\n"),
        ("providers.csv", "Id,ORGANIZATION,NAME\nd1,o1,Ines Roe\n"),
        (
            "patients.csv",
            "Id,BIRTHDATE,SSN,DRIVERS,PASSPORT,FIRST,MIDDLE,LAST,MAIDEN,BIRTHPLACE,ADDRESS,CITY,COUNTY,ZIP\n\
             p1,1950-02-03,999-00-0000,S99,X7X,Ann,,Canary,Rey,Lynn  Massachusetts  US,1 Elm St,Salem,Essex County,01970\n",
        ),
    ];
    let (reader, mut sink) = (SyntheaReader::new(true, &Limits::default()), Collected::default());
    for (name, text) in files {
        reader.read(input(name, text.as_bytes()), &mut sink).unwrap();
    }
    sink.facts.iter_mut().for_each(|(_, fact)| reader.complete(fact));
    sink.facts.retain(|(_, fact)| matches!(fact, SourceFact::Identity(_)));
    assert_eq!(
        sink.lines(),
        [
            "p1 AddressLine 1 Elm St",
            "p1 City Essex County",
            "p1 City Lynn",
            "p1 City Salem",
            "p1 Name Canary, Ann",
            "p1 Name Rey",
            "p1 Organization HARBOUR HOSPITAL",
            "p1 OtherName ",
            "p1 OtherName Ines Roe",
            "p1 PostalCode 01970",
            "p1 RecordNumber 999-00-0000",
            "p1 RecordNumber S99",
            "p1 RecordNumber X7X",
            "p1 RecordNumber p1",
        ]
    );
}

#[test]
fn a_stay_that_is_still_open_has_no_end() {
    let text = "START,STOP,PATIENT,ENCOUNTERCLASS,CODE\n\
        2011-01-01T10:00:00Z,2099-12-31T00:00:00Z,p,inpatient,1\n2011-01-02T10:00:00Z,9999-12-31,p,inpatient,1\n";
    let sink = check(
        &[("encounters.csv", text)],
        &[
            "p 2011-01-01T10:00:00 SNOMED//1",
            "p 2011-01-01T10:00:00 VISIT//IMP",
            "p 2011-01-02T10:00:00 SNOMED//1",
            "p 2011-01-02T10:00:00 VISIT//IMP",
        ],
    );
    assert_eq!(sink.ignored[&("encounters", crate::rows::moment::STILL_OPEN)], 2);
}

#[test]
fn what_cannot_be_is_rejected_by_field() {
    let text = "DATE,PATIENT,CODE,VALUE,UNITS,TYPE\n0001-01-01,p,1-1,1,,numeric\n2011-01-01,,1-1,1,,numeric\n2011-01-01,p,1-1,1e308,,numeric\n";
    let sink = check(&[("observations.csv", text)], &[]);
    let fields: Vec<_> = sink.rejections.iter().map(|r| (r.line, r.field.as_str())).collect();
    assert_eq!(fields, [(2, "date"), (3, "patient"), (4, "value")]);
}

#[test]
fn a_table_without_its_columns_is_a_clear_error() {
    let error =
        read(input("conditions.csv", b"START,CODE\n"), &mut Collected::default()).unwrap_err().to_string();
    assert!(error.contains("conditions.csv") && error.contains("\"patient\""), "{error}");
}

#[test]
fn shared_data() {
    let Some(directory) = crate::rows::testing::shared_data() else { return };
    let archive = std::fs::File::open(directory.join("synthea-csv-27.tar.zst")).unwrap();
    let mut archive = tar::Archive::new(zstd::Decoder::new(archive).unwrap());
    let mut sink = Collected::default();
    for entry in archive.entries().unwrap() {
        let mut entry = entry.unwrap();
        let name = entry.path().unwrap().file_name().unwrap().to_string_lossy().into_owned();
        let mut bytes = Vec::new();
        std::io::Read::read_to_end(&mut entry, &mut bytes).unwrap();
        read(input(&name, &bytes), &mut sink).unwrap();
    }
    assert_eq!(sink.rejections, []);
    let subjects: std::collections::BTreeSet<_> = sink.facts.iter().map(|(subject, _)| subject).collect();
    assert_eq!(subjects.len(), 27);
    let births = sink.lines().iter().filter(|line| line.ends_with("MEDS_BIRTH")).count();
    assert_eq!(births, 27);
}

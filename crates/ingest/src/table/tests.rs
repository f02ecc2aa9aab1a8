use super::*;
use crate::rows::testing::{Collected, input, shared_data};
use std::io::Read;

fn read(mapping: &str, files: &[(&str, &str)]) -> Collected {
    let mapping = Mapping::from_toml(mapping).unwrap();
    let mut sink = Collected::default();
    for (name, text) in files {
        mapping.read(input(name, text.as_bytes()), &mut sink).unwrap();
    }
    sink
}

fn check(mapping: &str, files: &[(&str, &str)], want: &[&str]) -> Collected {
    let sink = read(mapping, files);
    assert_eq!(sink.lines(), want, "{:?} {:?}", sink.rejections, sink.ignored);
    sink
}

/// A mapping of one table with one event rule, or other text, for `t.csv`.
fn one(rest: &str) -> String {
    format!(
        "name = \"t\"\nindex = \"2000-01-01\"\n[[table]]\nfiles = [\"t.csv\"]\nsubject = {{ column = \"id\" }}\n{rest}"
    )
}

#[test]
fn who_is_named_is_read_by_rules_of_its_own() {
    let mapping = one("[[table.identity]]\nkind = \"name\"\ncolumn = [\"family\", \"given\", \"middle\"]\n\
         [[table.identity]]\nkind = \"address\"\ncolumn = [\"number\", \"street\"]\n\
         [[table.identity]]\nkind = \"record_number\"\ncolumn = \"mrn\"\nwhen = { column = \"mrn\", is_not = \"none\" }\n\
         missing = [\"NA\"]\n");
    // `missing` is the table's, not the rule's.
    assert!(Mapping::from_toml(&mapping).is_err());
    let mapping = mapping.replace("missing = [\"NA\"]\n", "");
    let rows = "id,family,given,middle,number,street,mrn\n7,Rey,Ana,,1,Elm St,A-77\n8,,Jo,,,Oak St,none\n9,Roe,,,,,\n";
    let want = [
        "7 AddressLine 1 Elm St",
        "7 Name Rey, Ana",
        "7 RecordNumber A-77",
        "8 AddressLine Oak St",
        "8 Name Jo",
        "9 Name Roe",
    ];
    check(&mapping, &[("t.csv", rows)], &want);
    let mut sink = Collected::default();
    let without = Mapping::from_toml(&mapping).unwrap().without_identities();
    without.read(input("t.csv", rows.as_bytes()), &mut sink).unwrap();
    assert!(sink.facts.is_empty(), "where no text passes nobody is named");
    let unknown = mapping.replace("\"address\"", "\"shoe_size\"");
    let said = Mapping::from_toml(&unknown).unwrap_err().to_string();
    assert!(said.contains("line 10") && said.contains("shoe_size"), "{said}");
}

#[test]
fn times() {
    for (time, cell, want) in [
        ("\"static\"", "", "static"),
        ("\"index\"", "", "2000-01-01T00:00:00"),
        ("{ timestamp = \"t\" }", "2011-02-03 04:05:06", "2011-02-03T04:05:06"),
        ("{ timestamp = \"t\" }", "2011-02-03 00:00:00", "2011-02-03T00:00:00"),
        ("{ timestamp = \"t\" }", "2011-02-03", "2011-02-03"),
        (
            "{ timestamp = \"t\", format = [\"%d/%m/%Y %H:%M\", \"%d/%m/%Y\"] }",
            "03/02/2011 04:05",
            "2011-02-03T04:05:00",
        ),
        ("{ timestamp = \"t\", format = [\"%d/%m/%Y %H:%M\", \"%d/%m/%Y\"] }", "03/02/2011", "2011-02-03"),
        ("{ date = \"t\" }", "2011-02-03 04:05:06", "2011-02-03"),
        ("{ date = \"t\", format = \"%d.%m.%Y\" }", "03.02.2011", "2011-02-03"),
        ("{ clock = \"t\" }", "47:59", "2000-01-02T23:59:00"),
        ("{ clock = \"t\" }", "00:07:30", "2000-01-01T00:07:30"),
        ("{ days = \"t\" }", "-459", "1998-09-29"),
        ("{ days = \"t\" }", "1.5", "2000-01-02T12:00:00"),
        ("{ days = 2 }", "", "2000-01-03"),
        ("{ hours = \"t\" }", "36", "2000-01-02T12:00:00"),
        ("{ minutes = \"t\" }", "90", "2000-01-01T01:30:00"),
        ("{ years = \"t\", from = \"1940-01-01\" }", "20", "1960-01-01"),
        ("{ years = \"t\", from_column = \"born\" }", "10", "1960-05-08"),
        ("{ days_before = \"t\" }", "1", "1999-12-31"),
        ("{ years_before = \"t\" }", "57", "1943-01-01"),
    ] {
        let mapping = one(&format!("[[table.event]]\ncode = \"X//Y\"\ntime = {time}\n"));
        check(
            &mapping,
            &[("t.csv", &format!("id,t,born\n7,{cell},1950-05-08\n"))],
            &[&format!("7 {want} X//Y")],
        );
    }
    for (time, cell) in [
        ("{ timestamp = \"t\" }", "0001-01-01"),
        ("{ timestamp = \"t\" }", "9999-12-31"),
        ("{ timestamp = \"t\" }", ""),
        ("{ date = \"t\", format = \"%d.%m.%Y\" }", "2011-02-03"),
        ("{ clock = \"t\" }", "25"),
        ("{ clock = \"t\" }", "1:99"),
        ("{ days = \"t\" }", "1e300"),
        ("{ days = \"t\" }", "1e9"),
        ("{ days = \"t\" }", "soon"),
        ("{ days = \"t\" }", ">365"),
        ("{ hours = \"t\" }", "<1"),
        ("{ years_before = \"t\" }", "> 89"),
    ] {
        let mapping = one(&format!("[[table.event]]\ncode = \"X//Y\"\ntime = {time}\n"));
        let sink = check(&mapping, &[("t.csv", &format!("id,t\n7,{cell}\n"))], &[]);
        assert_eq!(sink.rejections.len(), 1, "{time} {cell}");
        assert_eq!((sink.rejections[0].line, sink.rejections[0].field.as_str()), (2, "t"));
    }
}

#[test]
fn codes_values_and_units() {
    let mapping = one(r#"missing = ["NA", "-9"]
        [[table.event]]
        time = "static"
        value = "v"
        unit = { column = "u" }
        [table.event.code]
        column = "c"
        before = " ("
        system = "S"
        ignore = ["skip"]
        [table.event.code.codes]
        HR = { code = "LOINC//8867-4", unit = "bpm", minimum = 10, maximum = 300, missing = ["-1", "none"] }
        smoke = { answers = { "1" = "S//SMOKING", "0" = "S//NOT" } }
        "#);
    let rows = "id,c,v,u\n1,HR,70,x\n1,HR,-1.0,x\n1,HR,none,x\n1,HR,NA,x\n1,HR,-9,x\n1,HR,7000,x\n1,skip,1,x\n\
        1,smoke,1,x\n1,smoke,2,x\n1,J45 (asthma),3,MG/DL\n1,,3,x\n1,HR,1e308,x\n1,HR,soon,x\n";
    let sink = check(
        &mapping,
        &[("t.csv", rows)],
        &["1 static LOINC//8867-4 70 [/min]", "1 static S//J45 3 [mg/dL]", "1 static S//SMOKING"],
    );
    let ignored: Vec<_> = sink.ignored.iter().map(|((_, reason), count)| (*reason, *count)).collect();
    assert_eq!(ignored, [("implausible value", 1), ("left out by the mapping", 1), ("missing value", 4)]);
    let rejected: Vec<_> = sink.rejections.iter().map(|r| (r.line, r.field.as_str())).collect();
    assert_eq!(rejected, [(10, "v"), (12, "c"), (13, "v"), (14, "v")]);
}

#[test]
fn subjects_by_column_file_and_row() {
    let event = "[[table.event]]\nwhen = { column = \"p\", is_not = \"ID\" }\ncode = { column = \"p\", system = \"S\" }\ntime = \"static\"\n";
    let mapping =
        |subject: &str| format!("name = \"t\"\n[[table]]\nfiles = [\"*\"]\nsubject = {subject}\n{event}");
    check(&mapping("{ column = \"v\" }"), &[("a.csv", "p,v\nx,007\n")], &["007 static S//x"]);
    check(&mapping("{ file_stem = true }"), &[("0012.csv", "p,v\nx,1\n")], &["0012 static S//x"]);
    let by_row = mapping("{ row = { column = \"p\", is = \"ID\", value = \"v\" } }");
    check(
        &by_row,
        &[("a.csv", "p,v\nx,1\nID,5\ny,1\nID,6\nz,1\n")],
        &["5 static S//x", "5 static S//y", "6 static S//z"],
    );
    let sink = check(&by_row, &[("a.csv", "p,v\nx,1\n")], &[]);
    assert_eq!(sink.rejections[0].reason, "no row names the subject");
    let sink = check(&by_row, &[("a.csv", "p,v\nw,1\nID,NA\nx,1\ny,1\nID,6\nz,1\n")], &["6 static S//z"]);
    let rejected: Vec<_> = sink.rejections.iter().map(|r| (r.line, r.reason)).collect();
    let nobodys = "no row names the subject";
    assert_eq!(rejected, [(3, "empty"), (4, nobodys), (5, nobodys)], "nobody's rows aren't the next one's");
}

#[test]
fn files_of_different_names_are_different_subjects() {
    let mapping = "name = \"t\"\n[[table]]\nfiles = [\"*\"]\nsubject = { file_stem = true }\n\
        [[table.event]]\ncode = \"S//x\"\ntime = \"static\"\n";
    let files = ["site1.0001.csv", "site1.0002.csv", "AbC.csv", "aBc.csv", "0012.txt", "12.5.tsv"];
    check(
        mapping,
        &files.map(|name| (name, "p\nx\n")),
        &[
            "0012 static S//x",
            "12.5 static S//x",
            "AbC static S//x",
            "aBc static S//x",
            "site1.0001 static S//x",
            "site1.0002 static S//x",
        ],
    );
}

#[test]
fn who_is_missing_is_nobody() {
    let mapping =
        one("missing = [\"unknown\", \"-9\"]\n[[table.event]]\ncode = \"S//x\"\ntime = \"static\"\n");
    let rows = "id,x\n7,1\nunknown,1\n-9.0,1\nNA,1\nN/A,1\nNaN,1\nNULL,1\nNancy,1\n";
    let sink = check(&mapping, &[("t.csv", rows)], &["7 static S//x", "Nancy static S//x"]);
    let rejected: Vec<_> = sink.rejections.iter().map(|r| (r.line, r.field.as_str(), r.reason)).collect();
    assert_eq!(rejected, (3..=8).map(|line| (line, "id", "empty")).collect::<Vec<_>>());
}

#[test]
fn wide_tables_and_labels() {
    let mapping = one(r#"
        [[table.wide]]
        time = { days = "day" }
        id = "visit"
        columns = { hgb = { code = "LOINC//718-7", unit = "g/dl", maximum = 30 }, creat = "LOINC//2160-0" }
        [[table.label]]
        task = "died"
        time = { hours = 48 }
        column = "dead"
        true = ["1"]
        false = ["0"]
        "#);
    let sink = check(
        &mapping,
        &[("T.csv", "visit,ID,Day,HGB,Creat,Dead\nv,1,3,13.5,,1\nv,2,4,99,0.9,\nv,3,5,,,2\n")],
        &[
            "1 2000-01-03T00:00:00 label died true",
            "1 2000-01-04 LOINC//718-7 13.5 [g/dL]",
            "2 2000-01-05 LOINC//2160-0 0.9",
        ],
    );
    assert_eq!(sink.rejections.len(), 1);
    assert_eq!(sink.rejections[0].field, "dead");
    let events = sink.facts.iter().filter_map(|(_, fact)| match fact {
        events::SourceFact::Event(event) => Some(event.origin),
        _ => None,
    });
    assert!(events.into_iter().all(|origin| origin != 0), "rows with an id have an origin");
}

#[test]
fn births_open_their_day() {
    let mapping = one("[[table.event]]\ncode = \"MEDS_BIRTH\"\ntime = { date = \"d\" }\n");
    let sink = check(&mapping, &[("t.csv", "id,d\n1,1950-02-03\n")], &["1 1950-02-03T00:00:00 MEDS_BIRTH"]);
    let events::SourceFact::Event(event) = &sink.facts[0].1 else { panic!("an event") };
    assert_eq!(event.path, "table.birth");
}

#[test]
fn mistakes_are_named_by_line() {
    let event = |rest: &str| one(&format!("[[table.event]]\n{rest}\n"));
    for (mapping, line, word) in [
        ("name = ".to_owned(), 1, ""),
        ("name = \"x\"\ntabel = 3\n".to_owned(), 2, "tabel"),
        ("name = \"x\"\nindex = \"someday\"\ntable = []\n".to_owned(), 2, "someday"),
        (one(""), 4, "at least one"),
        (event("code = \"J45\"\ntime = \"static\""), 7, "SYSTEM//code"),
        (event("code = \"X//Y\"\ntime = \"later\""), 8, "later"),
        (event("code = \"X//Y\"\ntime = { }"), 8, "timestamp"),
        (event("code = \"X//Y\"\ntime = { days = \"a\", hours = \"b\" }"), 8, "more than one"),
        (event("code = \"X//Y\"\ntime = { dys = \"a\" }"), 8, "dys"),
        (event("code = \"X//Y\"\ntime = { days = \"a\", from = \"x\" }"), 8, "YYYY"),
        (event("code = { column = \"c\", unlisted = \"keep\" }\ntime = \"static\""), 7, "system"),
        (
            event(
                "code = { column = \"c\", codes = { a = { code = \"X//Y\", minimum = 2, maximum = 1 } } }\ntime = \"static\"",
            ),
            7,
            "minimum",
        ),
        (event("code = \"X//Y\"\ntime = \"static\"\nwhen = { column = \"c\" }"), 7, "is_not"),
        (one("delimiter = \"ab\"\n[[table.event]]\ncode = \"X//Y\"\ntime = \"static\"\n"), 6, "delimiter"),
        (
            one("").replace("{ column = \"id\" }", "{ }")
                + "[[table.event]]\ncode = \"X//Y\"\ntime = \"static\"\n",
            5,
            "file_stem",
        ),
    ] {
        let error = Mapping::from_toml(&mapping).expect_err(&mapping).to_string();
        assert!(
            error.starts_with(&format!("mapping: line {line}:")) && error.contains(word),
            "{error}\n{mapping}"
        );
    }
}

#[test]
fn a_missing_column_names_file_and_column() {
    let mapping =
        Mapping::from_toml(&one("[[table.event]]\ncode = \"X//Y\"\ntime = { days = \"day\" }\n")).unwrap();
    let error =
        mapping.read(input("t.csv", b"id,when\n"), &mut Collected::default()).unwrap_err().to_string();
    assert!(error.contains("t.csv") && error.contains("\"day\""), "{error}");
}

fn shipped(name: &str) -> Mapping {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples").join(name);
    Mapping::from_toml(&std::fs::read_to_string(path).unwrap()).unwrap()
}

#[test]
fn shipped_mappings_are_sound() {
    for name in ["physionet2012.toml", "mayo-nafld.toml", "delphi.toml", "pbcseq.toml"] {
        let mapping = shipped(name);
        assert!(mapping.systems().next().is_some() && !mapping.descriptions().is_empty(), "{name}");
    }
}

fn count(sink: &Collected, whole: &str) -> usize {
    let is = |fact: &events::SourceFact| match fact {
        events::SourceFact::Event(event) => crate::codes::whole(&event.system, &event.code) == whole,
        _ => false,
    };
    sink.facts.iter().filter(|(_, fact)| is(fact)).count()
}

#[test]
fn physionet_2012_of_the_shared_data() {
    let Some(directory) = shared_data() else { return };
    let mapping = shipped("physionet2012.toml");
    let mut sink = Collected::default();
    let archive = std::fs::File::open(directory.join("physionet2012/set-a.tar.zst")).unwrap();
    let mut archive = tar::Archive::new(zstd::Decoder::new(archive).unwrap());
    for entry in archive.entries().unwrap() {
        let mut entry = entry.unwrap();
        if !entry.header().entry_type().is_file() {
            continue;
        }
        let name = entry.path().unwrap().file_name().unwrap().to_string_lossy().into_owned();
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).unwrap();
        mapping.read(input(&name, &bytes), &mut sink).unwrap();
    }
    let outcomes = std::fs::read(directory.join("physionet2012/Outcomes-a.txt")).unwrap();
    mapping.read(input("outcomes-a.txt", &outcomes), &mut sink).unwrap();
    assert_eq!(sink.rejections, []);
    assert_eq!(count(&sink, "MEDS_BIRTH"), 4000);
    assert_eq!(count(&sink, "OSLER_FOLLOWUP_END"), 4000);
    assert_eq!(count(&sink, "MEDS_DEATH"), 0, "the outcome is a label, not an event");
    assert_eq!(sink.labels().len(), 4000);
    assert_eq!(sink.labels().iter().filter(|(_, label)| label.boolean_value).count(), 554);
    assert!(sink.ignored[&("table", "implausible value")] > 0);
}

#[test]
fn mayo_of_the_shared_data() {
    let Some(directory) = shared_data() else { return };
    let mapping = shipped("mayo-nafld.toml");
    let mut sink = Collected::default();
    for name in ["nafld1.csv", "nafld2.csv", "nafld3.csv"] {
        mapping
            .read(input(name, &std::fs::read(directory.join("mayo").join(name)).unwrap()), &mut sink)
            .unwrap();
    }
    assert_eq!(sink.rejections, []);
    assert_eq!(count(&sink, "MEDS_BIRTH"), 12_286);
    assert_eq!(count(&sink, "MEDS_DEATH"), 947);
    assert_eq!(count(&sink, "ICD10CM//I50.9"), 1305);
    assert_eq!(count(&sink, "MAYO_NAFLD//SMOKING"), 1981);

    let mapping = shipped("pbcseq.toml");
    let mut sink = Collected::default();
    mapping
        .read(input("pbcseq.csv", &std::fs::read(directory.join("mayo/pbcseq.csv")).unwrap()), &mut sink)
        .unwrap();
    assert_eq!(sink.rejections, []);
}

#[test]
fn delphi_of_the_shared_data() {
    let Some(directory) = shared_data() else { return };
    let file = std::fs::File::open(directory.join("delphi/events.csv.zst")).unwrap();
    let bytes = zstd::decode_all(file).unwrap();
    let mut sink = Collected::default();
    shipped("delphi.toml").read(input("events.csv", &bytes), &mut sink).unwrap();
    assert_eq!(sink.rejections, []);
    assert_eq!(count(&sink, "GENDER//F"), 3639);
    assert_eq!(count(&sink, "GENDER//M"), 3503);
    assert_eq!(count(&sink, "MEDS_DEATH"), 1903);
    assert_eq!(count(&sink, "ICD10//I10"), 4181);
}

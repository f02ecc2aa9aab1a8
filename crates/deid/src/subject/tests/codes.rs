//! Codes of a site's own, and those that pass by contract.

use super::*;

/// A policy of a site with a laboratory's codes of its own, which two must hold.
fn with_a_laboratory() -> Policy {
    let local = "[[codes.local]]\nsystem = 'http://hospital.example/lab'\nname = 'SITE_LAB'\nshape = '[A-Z]+[0-9]*'\nfewest_subjects = 2\n\n[codes.generalise]";
    Policy::from_toml(&Policy::expert_determination().text().replace("[codes.generalise]", local)).unwrap()
}

const LAB: &str = "URI:http://hospital.example/lab";

#[test]
fn codes_of_a_site_s_own_pass_where_its_policy_names_them_and_enough_hold_them() {
    let lab = |code: &str| event("Observation.code", LAB, code, SourceTime::Static);
    let people = [
        vec![
            lab("GLU"),
            lab("CANARY"),
            lab("1234"),
            event("Condition.code", "ICD10CM", "I10", SourceTime::Static),
        ],
        vec![lab("GLU"), event("ServiceRequest.code", "ORDER", &format!("{LAB}//GLU"), SourceTime::Static)],
        vec![
            event("ServiceRequest.code", "ORDER", &format!("{LAB}//GLU"), SourceTime::Static),
            event("ServiceRequest.code", "ORDER", &format!("{LAB}//canary"), SourceTime::Static),
            SourceEvent {
                value: SourceValue::Concept { system: LAB.into(), code: "POS".into() },
                ..event("Observation.code", "LOINC", "718-7", SourceTime::Static)
            },
        ],
        vec![SourceEvent {
            value: SourceValue::Concept { system: LAB.into(), code: "POS".into() },
            ..event("Observation.code", "LOINC", "718-7", SourceTime::Static)
        }],
    ];
    let site = Deidentifier::new(with_a_laboratory(), &Key::from_bytes([1; 32])).unwrap();
    let mut tally = Tally::default();
    assert_eq!(
        told_of(&site, &people, &mut tally),
        [
            vec!["ICD10CM//I10", "SITE_LAB//GLU"],
            vec!["ORDER//SITE_LAB//GLU", "SITE_LAB//GLU"],
            vec!["LOINC//718-7//SITE_LAB//POS", "ORDER//SITE_LAB//GLU"],
            vec!["LOINC//718-7//SITE_LAB//POS"],
        ]
    );
    let dropped = tally.dropped();
    assert_eq!(dropped["code that too few subjects hold"], 1, "{dropped:?}");
    assert_eq!(dropped["code without the shape of SITE_LAB"], 2, "{dropped:?}");
    assert!(tally.systems_not_allowed(1).is_empty());
    // Before anybody was counted nothing passes; and a system that no policy names is told where enough have codes of it.
    let nobody = Deidentifier::new(with_a_laboratory(), &Key::from_bytes([1; 32])).unwrap();
    let safe = nobody.subject(&record("1", vec![lab("GLU")]), &mut Tally::default());
    assert!(safe.subject.events().is_empty());
    let mut tally = Tally::default();
    let told = told_of(&deidentifier(1), &people, &mut tally);
    assert_eq!(told[0], ["ICD10CM//I10"]);
    assert_eq!(told[3], ["LOINC//718-7"]);
    assert_eq!(tally.systems_not_allowed(4), [(LAB.into(), 4)]);
    assert!(tally.systems_not_allowed(5).is_empty());
}

#[test]
fn of_a_question_whose_local_answer_is_rare_the_question_stays() {
    let answered = |code: &str| SourceEvent {
        value: SourceValue::Concept { system: LAB.into(), code: code.into() },
        ..event("Observation.code", "LOINC", "718-7", SourceTime::Static)
    };
    let site = Deidentifier::new(with_a_laboratory(), &Key::from_bytes([1; 32])).unwrap();
    let mut tally = Tally::default();
    let people = [vec![answered("POS")], vec![answered("POS")], vec![answered("CANARY")]];
    let told = told_of(&site, &people, &mut tally);
    assert_eq!(told, [["LOINC//718-7//SITE_LAB//POS"], ["LOINC//718-7//SITE_LAB//POS"], ["LOINC//718-7"]]);
    assert_eq!(tally.trimmed()["coded value that too few subjects hold"], 1);
    assert!(tally.dropped().is_empty());
}

#[test]
fn systems_that_a_model_knows_need_no_count() {
    let policy = Policy::expert_determination().with_judged_systems([(LAB, "SITE_LAB")]).unwrap();
    let asked = Deidentifier::new(policy, &Key::from_bytes([1; 32])).unwrap();
    assert!(asked.holders(&["meds.code", "table.code"]).is_none());
    let facts = ["GLU", "glu/2", "Ann Canary", "2019-03-14"];
    let facts = facts.map(|code| event("Observation.code", LAB, code, SourceTime::Static)).to_vec();
    assert_eq!(told_of(&asked, &[facts], &mut Tally::default()), [["SITE_LAB//GLU", "SITE_LAB//glu/2"]]);
    assert!(Policy::expert_determination().with_judged_systems([(LAB, "SNOMED")]).is_err());
}

#[test]
fn of_codes_that_pass_by_contract_those_in_words_are_to_be_held_by_enough() {
    let meds = |code: &str| event("meds.code", "", code, SourceTime::Static);
    let common = [
        "HOSPITAL_ADMISSION//EW EMER.//EMERGENCY ROOM",
        "MEDICATION//Sodium Chloride 0.9%  Flush//Administered",
    ];
    let mut people = vec![common.map(meds).to_vec(); 10];
    people[0].extend(
        [
            "PATIENT//John Smith 3 MRN 445563",
            "CLINIC//Smith^John 1950-03-04",
            "CLINIC//Smith^John",
            "NOTE_4455630",
            "Smith, John",
            "ann@example.org",
            "LAB//50912//mg/dL",
            "DIAGNOSIS//ICD//10//E119",
            "GLUCOSE",
        ]
        .map(meds),
    );
    // Many may share a day.
    people.iter_mut().for_each(|facts| facts.push(meds("VISIT_OF//2019-03-14")));
    let mut tally = Tally::default();
    let told = told_of(&deidentifier(1), &people, &mut tally);
    assert_eq!(told[0], ["DIAGNOSIS//ICD//10//E119", "GLUCOSE", common[0], "LAB//50912//mg/dL", common[1]]);
    assert!(told[1..].iter().all(|codes| codes[..] == common[..]));
    let dropped = tally.dropped();
    assert_eq!((dropped["code that too few subjects hold"], dropped[HOLDS_A_DATE]), (5, 11), "{dropped:?}");
    assert_eq!(tally.codes_by_contract(10), (5, 3));
    // Nobody was counted: nothing in words passes. What the policy names needs no count.
    let nobody = deidentifier(1).subject(&record("1", people[0].clone()), &mut Tally::default());
    assert_eq!(codes_of(&nobody), ["DIAGNOSIS//ICD//10//E119", "GLUCOSE", "LAB//50912//mg/dL"]);
    let ndc = event("meds.code", "NDC", "00002821501", SourceTime::Static);
    assert_eq!(
        codes_of(&deidentifier(1).subject(&record("1", vec![ndc]), &mut Tally::default())),
        ["NDC//00002821501"]
    );
    // OMOP's codes are its vocabulary's.
    let omop = event("observation", "PPI", "Race What Race Ethnicity", SourceTime::Static);
    assert_eq!(
        deidentifier(1).subject(&record("1", vec![omop]), &mut Tally::default()).subject.events().len(),
        1
    );
    assert!(deidentifier(1).holders(&["observation", "Condition.code"]).is_none(), "these are gathered once");
}

#[test]
fn codes_that_got_their_dot_are_counted_by_system() {
    let icd = |system: &str, code: &str| event("Condition.code", system, code, SourceTime::Static);
    let facts = [
        ("ICD10CM", "E119"),
        ("ICD10CM", "S72001A"),
        ("ICD10CM", "I10"),
        ("ICD10CM", "E11.9"),
        ("ICD9CM", "25000"),
    ]
    .map(|(system, code)| icd(system, code));
    let (mut tally, mut part) = (Tally::default(), Tally::default());
    deidentifier(1).subject(&record("1", facts.to_vec()), &mut tally);
    let safe = deidentifier(1)
        .subject(&record("2", vec![icd("ICD10CM", "E119"), icd("ICD10CM", "A123456")]), &mut part);
    assert_eq!(codes_of(&safe), ["ICD10CM//E11.9"], "a record's number is no code");
    tally.merge(part);
    let dotted: Vec<(&str, u64)> = tally.dotted().iter().map(|(system, n)| (&**system, *n)).collect();
    assert_eq!(dotted, [("ICD10CM", 3), ("ICD9CM", 1)]);
}

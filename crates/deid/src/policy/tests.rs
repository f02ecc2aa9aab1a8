use super::*;

fn shipped(name: &str) -> String {
    Policy::named(name).unwrap().text().to_owned()
}

/// The refusal of a shipped policy with some words exchanged.
#[track_caller]
fn refusal(name: &str, from: &str, to: &str) -> String {
    let text = shipped(name);
    let changed = text.replacen(from, to, 1);
    assert_ne!(text, changed, "{name} has no {from}");
    Policy::from_toml(&changed).unwrap_err().to_string()
}

#[test]
fn shipped_policies_are_what_they_are_called() {
    for name in Policy::names() {
        let policy = Policy::named(name).unwrap();
        assert_eq!((policy.name(), policy.label().name()), (name, name));
        assert_eq!(policy.free_text(), FreeText::Drop);
    }
    assert!(Policy::named("anonymous").unwrap_err().to_string().contains("safe-harbor"));
}

#[test]
fn safe_harbor_refuses_what_its_rule_forbids_and_names_the_rule() {
    let identifier = "identifier = \"random\"";
    for (from, to, rule) in [
        (identifier, "identifier = \"keyed-pseudonym\"", "(R)"),
        ("method = \"year-only\"", "method = \"as-is\"", "(C)"),
        ("method = \"year-only\"", "method = \"shift\"\nshift_days = 365", "(C)"),
        ("oldest_age_years = 90", "oldest_age_years = 100", "(C)"),
        ("oldest_age_years = 90", "", "(C)"),
        ("zip = \"zip3\"", "zip = \"zip5\"", "(B)"),
        ("free_text = \"drop\"", "free_text = \"surrogates\"", "(C)"),
        ("contract_fields = []", "contract_fields = [\"visit_detail\"]", "(R)"),
        ("\"Condition.code\"", "\"Patient.name\"", "(A)"),
        ("\"Condition.code\"", "\"Patient.address.city\"", "(B)"),
        ("\"Condition.code\"", "\"Patient.telecom\"", "(D)"),
        ("\"Condition.code\"", "\"Patient.identifier\"", "(G)"),
        ("\"Condition.code\"", "\"Device.serialNumber\"", "(M)"),
        ("\"Condition.code\"", "\"Patient.photo\"", "(Q)"),
        ("\"Condition.code\"", "\"Observation.text.div\"", "(A)"),
    ] {
        let error = refusal("safe-harbor", from, to);
        assert!(error.contains("164.514(b)(2)(i)") && error.contains(rule), "{to}: {error}");
    }
    for allowed in ["free_text = \"tags\"", "free_text = \"removal\""] {
        assert!(Policy::from_toml(&shipped("safe-harbor").replace("free_text = \"drop\"", allowed)).is_ok());
    }
}

#[test]
fn expert_determination_and_limited_data_set_have_rules_of_their_own() {
    let error = refusal("expert-determination", "oldest_age_years = 90", "oldest_age_years = 120");
    assert!(error.contains("164.514(b)(1)"), "{error}");
    let error = refusal("expert-determination", "method = \"shift\"\nshift_days = 365", "method = \"as-is\"");
    assert!(error.contains("164.514(b)(1)"), "{error}");
    for (field, numeral) in [
        ("Patient.name", "(i)"),
        ("Patient.address.line", "(ii)"),
        ("Patient.telecom", "(iii)"),
        ("Patient.identifier", "(vi)"),
        ("Device.serialNumber", "(xii)"),
        ("Patient.photo", "(xvi)"),
    ] {
        let error = refusal("limited-data-set", "\"Condition.code\"", &format!("\"{field}\""));
        assert!(error.contains("164.514(e)(2)") && error.contains(numeral), "{error}");
    }
}

#[test]
fn settings_that_make_no_sense_are_refused() {
    for (from, to, word) in [
        ("shift_days = 365", "shift_days = 0", "shift_days"),
        ("shift_days = 365", "shift_days = 4000", "shift_days"),
        ("shift_days = 365", "shift_days = 10", "20 offsets"),
        ("shift_days = 365", "", "shift_days"),
        ("method = \"shift\"", "method = \"year-only\"", "shift_days"),
        (
            "keep_weekday = false\nkeep_season = false",
            "keep_weekday = true\nkeep_season = true",
            "raise dates.shift_days",
        ),
        ("description_subjects = 10", "description_subjects = 1", "description_subjects"),
        ("# ICD10CM = 3", "SNOMED = 3", "SNOMED"),
        ("# ICD10CM = 3", "ICD10CM = 2", "ICD10CM"),
        ("shift_days = 365", "shift_dayz = 365", "shift_dayz"),
        ("name = \"expert-determination\"", "name = \"Ours & theirs\"", "name"),
        ("label = \"expert-determination\"", "label = \"anonymous\"", "anonymous"),
        ("free_text = \"drop\"", "free_text = \"keep\"", "keep"),
    ] {
        let error = refusal("expert-determination", from, to);
        assert!(error.contains(word), "{error}");
    }
}

#[test]
fn a_site_writes_its_own() {
    let ours = shipped("expert-determination")
        .replacen("name = \"expert-determination\"", "name = \"ours\"", 1)
        .replace("shift_days = 365", "shift_days = 1095")
        .replace("keep_weekday = false\nkeep_season = false", "keep_weekday = true\nkeep_season = true")
        .replace("free_text = \"drop\"\n", "free_text = \"surrogates\"\n")
        .replace("whitelist = false", "whitelist = true")
        .replace("zip = \"drop\"", "zip = \"zip3\"");
    let policy = Policy::from_toml(&ours).unwrap();
    assert_eq!((policy.name(), policy.label()), ("ours", Label::ExpertDetermination));
    assert_eq!((policy.free_text(), policy.whitelist()), (FreeText::Surrogates, true));
    assert_eq!((policy.zip(), policy.identifier()), (Zip::Zip3, Identifier::KeyedPseudonym));
    assert_eq!(policy.text(), ours);
}

/// The shipped policy with a system of the site's own.
fn with_local(system: &str, name: &str, shape: &str, more: &str) -> Result<Policy, PolicyError> {
    let local = format!(
        "[[codes.local]]\nsystem = '{system}'\nname = '{name}'\nshape = '{shape}'\n{more}\n[codes.generalise]"
    );
    Policy::from_toml(&shipped("safe-harbor").replace("[codes.generalise]", &local))
}

#[test]
fn a_site_names_its_own_systems_and_says_how_their_codes_look() {
    let policy = with_local("https://Hospital.example/lab/", "SITE_LAB", "[A-Z]{2,5}[0-9]*", "").unwrap();
    assert_eq!(policy.local_systems(), [("URI:http://hospital.example/lab".into(), "SITE_LAB".into())]);
    let local = policy.local();
    assert_eq!(local.name("URI:http://hospital.example/lab").map(SmolStr::as_str), Some("SITE_LAB"));
    assert_eq!(local.name("URI:http://hospital.example"), None);
    for (code, fits) in
        [("GLU", true), ("NA12", true), ("glu", false), ("GLU 1", false), ("", false), ("GLU//1", false)]
    {
        assert_eq!(local.fits("URI:http://hospital.example/lab", code), fits, "{code}");
    }
    for (code, fewest) in [
        ("SITE_LAB//GLU", 10),
        ("ORDER//SITE_LAB//GLU", 10),
        ("LOINC//1-8//SITE_LAB//GLU", 10),
        ("LOINC//1-8", 0),
    ] {
        assert_eq!(policy.fewest_subjects(&Code::new(code)), fewest, "{code}");
    }
    assert!(policy.asks_who_holds_codes() && !Policy::expert_determination().asks_who_holds_codes());
    // A date fits the shape, and is none.
    let numbers = with_local("urn:oid:1.2.3", "SITE_NUMBER", "[0-9]{1,8}", "fewest_subjects = 12").unwrap();
    assert!(numbers.local().fits("URI:urn:oid:1.2.3", "12345678"));
    assert!(!numbers.local().fits("URI:urn:oid:1.2.3", "20190314"));
    assert_eq!(numbers.fewest_subjects(&Code::new("SITE_NUMBER//1")), 12);
    assert_eq!(numbers.fewest_subjects(&Code::new("WARD//A///SITE_NUMBER//1")), 12);
    // A system that has a name of ours may be told by it.
    assert!(with_local("OPCS4", "OPCS4", "[A-Z][0-9]{2}", "").is_ok());
}

#[test]
fn a_system_of_a_site_s_own_is_neither_another_s_nor_everything() {
    for (system, name, shape, more, word) in [
        ("SNOMED", "OURS", "[0-9]+", "", "SNOMED"),
        ("urn:oid:1.2", "LOINC", "[A-Z]+", "", "LOINC"),
        ("urn:oid:1.2", "MEDS_BIRTH", "[A-Z]+", "", "MEDS_BIRTH"),
        ("urn:oid:1.2", "ZIP", "[A-Z]+", "", "ZIP"),
        ("urn:oid:1.2", "OPCS4", "[A-Z]+", "", "OPCS4"),
        ("", "OURS", "[A-Z]+", "", "empty"),
        ("URI:", "OURS", "[A-Z]+", "", "empty"),
        ("urn:oid:1.2", "OURS", "[A-Z]+", "fewest_subjects = 9", "(R)"),
        ("urn:oid:1.2", "Our lab", "[A-Z]+", "", "name"),
        ("urn:oid:1.2", "", "[A-Z]+", "", "name"),
        ("urn:oid:1.2", "OURS", ".*", "", "narrow it"),
        ("urn:oid:1.2", "OURS", "[0-9-]+", "", "social security"),
        ("urn:oid:1.2", "OURS", "[0-9.]+", "", "IP address"),
        ("urn:oid:1.2", "OURS", "a)|(b", "", "regular expression"),
        ("urn:oid:1.2", "OURS", "[A-Z", "", "regular expression"),
        ("urn:oid:1.2", "OURS", "(([0-9]{1,1000}){1,1000}){1,1000}", "", "regular expression"),
        ("urn:oid:1.2", "OURS", "[A-Z]+", "fewest_subjects = 1", "may name him"),
        ("urn:oid:1.2", "OURS", "[A-Z]+", "fewest_subjects = 100000", "1000"),
        ("urn:oid:1.2", "OURS", "[A-Z]+", "fewest = 3", "fewest"),
        (
            "urn:oid:1.2",
            "OURS",
            "[A-Z]+",
            "[[codes.local]]\nsystem = 'URN:OID:1.2'\nname = 'OURS'\nshape = '[0-9]'",
            "twice",
        ),
    ] {
        let error = with_local(system, name, shape, more).unwrap_err().to_string();
        assert!(error.contains(word), "{system} {name} {shape} {more}: {error}");
    }
}

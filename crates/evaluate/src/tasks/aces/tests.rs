use super::AcesTask;
use events::{Code, Event, Subject, Time};

const TASK: &str = "predicates:
  admission: {code: VISIT//IP}
  discharge: {code: VISIT_END//IP}
  death: {code: MEDS_DEATH}
  over: {expr: \"or(discharge, death)\"}
  high: {code: {any: [LAB//K]}, value_min: 5.5, value_min_inclusive: true}
trigger: admission
windows:
  input: {start: null, end: trigger + 24h, start_inclusive: true, end_inclusive: true, index_timestamp: end}
  gap: {start: input.end, end: start + 24h, start_inclusive: false, end_inclusive: true, has: {over: \"(None, 0)\"}}
  target: {start: gap.end, end: start -> over, start_inclusive: false, end_inclusive: true, label: death}
";

fn day(days: f64) -> Time {
    Time::from_ymd(2015, 6, 1).unwrap().plus_days(days)
}

fn subject(events: &[(f64, &str)]) -> Subject {
    Subject::new(3, events.iter().map(|(d, c)| Event::new(Some(day(*d)), Code::new(c))).collect())
}

fn labels(text: &str, events: &[(f64, &str)]) -> Vec<(f64, bool)> {
    let task = AcesTask::parse(text, None).unwrap();
    task.labels(&subject(events))
        .iter()
        .map(|l| (l.prediction_time.days_since(day(0.0)), l.boolean_value))
        .collect()
}

#[test]
fn in_hospital_death() {
    let stay = |end: f64, how: &'static str| labels(TASK, &[(0.0, "VISIT//IP"), (end, how)]);
    assert_eq!(stay(5.0, "MEDS_DEATH"), [(1.0, true)]);
    assert_eq!(stay(5.0, "VISIT_END//IP"), [(1.0, false)]);
    // Over within the gap: not eligible; an end on its very last moment belongs to it.
    assert_eq!(stay(1.5, "MEDS_DEATH"), []);
    assert_eq!(stay(2.0, "MEDS_DEATH"), []);
    // The stay has no recorded end.
    assert_eq!(stay(5.0, "LAB//K"), []);
}

#[test]
fn values_are_compared_in_the_columns_precision() {
    let text = TASK.replace("label: death", "label: high");
    let lab = |value: f32| {
        let mut subject = subject(&[(0.0, "VISIT//IP"), (5.0, "VISIT_END//IP")]).into_events();
        subject.push(Event::new(Some(day(3.0)), Code::new("LAB//K")).with_value(value));
        AcesTask::parse(&text, None).unwrap().labels(&Subject::new(1, subject))[0].boolean_value
    };
    assert!(lab(5.5) && lab(f32::NAN) && !lab(5.4999));
}

#[test]
fn static_predicates_choose_subjects() {
    let text = TASK.replace(
        "trigger: admission",
        "patient_demographics:\n  female: {code: GENDER//F}\ntrigger: admission",
    );
    let task = AcesTask::parse(&text, None).unwrap();
    let mut events = subject(&[(0.0, "VISIT//IP"), (5.0, "MEDS_DEATH")]).into_events();
    assert!(task.labels(&Subject::new(1, events.clone())).is_empty());
    events.push(Event::new(None, Code::of("GENDER", "F")));
    assert_eq!(task.labels(&Subject::new(1, events)).len(), 1);
}

#[test]
fn a_predicates_file_completes_a_task() {
    let open = TASK.replace("{code: VISIT//IP}", "???");
    assert!(AcesTask::parse(&open, None).unwrap_err().to_string().contains("left open"));
    let site = "description: a site\npredicates:\n  admission: {code: {regex: \"^VISIT//I\"}}\n  other: {code: X, odd: 1}\n";
    let task = AcesTask::parse(&open, Some(site)).unwrap();
    assert_eq!(task.labels(&subject(&[(0.0, "VISIT//IP"), (9.0, "MEDS_DEATH")])).len(), 1);
}

/// Every refusal names its line and what is wrong.
#[test]
fn what_is_not_understood_is_refused() {
    assert!(AcesTask::parse(TASK, None).is_ok());
    for (from, to, line, words) in [
        ("trigger: admission", "trigger: admission\nextra: 1", 8, "no part `extra`"),
        ("trigger: admission", "trigger: nobody", 7, "no predicate `nobody`"),
        ("code: VISIT//IP}", "code: VISIT//IP, valu_min: 3}", 2, "no setting `valu_min`"),
        ("{code: VISIT//IP}", "{code: {glob: x}}", 2, "exactly one of"),
        ("{code: VISIT//IP}", "{code: {regex: \"(\"}}", 2, "not a regular expression"),
        ("{code: VISIT//IP}", "{code: 7}", 2, "a code must be text"),
        ("or(discharge, death)", "not(discharge)", 5, "and(A, B"),
        ("or(discharge, death)", "or(discharge, over)", 5, "by way of itself"),
        ("or(discharge, death)", "or(discharge, lost)", 5, "no predicate `lost`"),
        ("value_min: 5.5", "value_min: high", 6, "value_min must be a number"),
        ("trigger + 24h", "trigger + 24 moons", 9, "no length of time"),
        ("trigger + 24h", "trigger - 1h + 2h", 9, "several signs"),
        ("trigger + 24h", "elsewhere + 24h", 9, "nothing to measure from"),
        ("start: input.end", "start: inptu.end", 10, "`inptu`, which is no window"),
        ("start: input.end", "start: target.end", 10, "by way of itself"),
        (
            "start: input.end, end: start + 24h",
            "start: input.end, end: trigger + 24h",
            10,
            "neither end refers to the other",
        ),
        ("end: start + 24h", "end: start - 24h", 10, "start after its end"),
        ("(None, 0)", "(None, None)", 10, "without any limit"),
        ("(None, 0)", "(2, 1)", 10, "at least the first"),
        ("(None, 0)", "none", 10, "no range of counts"),
        ("{over: \"(None, 0)\"}", "{never: \"(None, 0)\"}", 10, "no predicate `never`"),
        ("end_inclusive: true, label: death", "label: death", 11, "lacks `end_inclusive`"),
        ("label: death", "lable: death", 11, "no setting `lable`"),
        ("label: death", "label: gone", 11, "must be one of the predicates"),
        (", label: death", "", 8, "no window has a `label`"),
        (", index_timestamp: end", "", 8, "no window has an `index_timestamp`"),
        (
            "label: death",
            "label: death, index_timestamp: end",
            11,
            "only one window may have an `index_timestamp`",
        ),
        ("index_timestamp: end", "index_timestamp: middle", 9, "`start` or `end`"),
        ("start: null, end: trigger + 24h", "start: end - 2d, end: trigger", 9, "set back from its end"),
        ("start: gap.end, end: start -> over", "start: gap.end, end: start", 11, "no length"),
        ("death: {code: MEDS_DEATH}", "death: {code: MEDS_DEATH, static: true}", 11, "is static"),
        ("admission: {code: VISIT//IP}", "admission: {code: A}\n  admission: {code: B}", 3, "duplicated key"),
    ] {
        assert!(TASK.contains(from), "{from}");
        let said = AcesTask::parse(&TASK.replace(from, to), None).unwrap_err().to_string();
        assert!(said.contains(words) && said.starts_with(&format!("line {line} ")), "{to}: {said}");
    }
}

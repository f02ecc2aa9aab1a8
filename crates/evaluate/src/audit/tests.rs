//! Planted faults must be found, each by its check, and the clean twin must be silent.

use super::{Audit, Auditor, Check};
use events::{Code, Event, Prediction, Sex, Split, Subject, Time};
use rand::{RngExt, SeedableRng, rngs::StdRng};

const OUTCOME: &str = "ICD10CM//I50.9";
const DISCHARGE: &str = "DISCHARGE//DIED";

/// A cohort of which a model knows something, honestly.
struct Cohort {
    subjects: Vec<(Split, Vec<Event>)>,
    predictions: Vec<Prediction>,
}

fn start(subject: usize) -> Time {
    Time::from_ymd(2010, 1, 1).unwrap().plus_days((subject % 700) as f64)
}

fn event(time: Time, code: &str) -> Event {
    Event::new(Some(time), Code::new(code))
}

fn clean(seed: u64) -> Cohort {
    let mut rng = StdRng::seed_from_u64(seed);
    let (mut subjects, mut predictions) = (vec![], vec![]);
    for i in 0..900 {
        let split = if i % 3 == 0 { Split::HeldOut } else { Split::Train };
        let begin = start(i);
        let severity: f64 = rng.random();
        let mut events = vec![event(begin, Code::BIRTH)];
        for _ in 0..14 {
            // Some codes go with severity, as risk factors do.
            let code = if rng.random_bool(0.25 + 0.4 * severity) {
                rng.random_range(0..15u32)
            } else {
                15 + rng.random_range(0..45u32)
            };
            events.push(event(begin.plus_days(1000.0 * rng.random::<f64>()), &format!("CODE//{code}")));
        }
        let asked = begin.plus_days(1000.0);
        let falls_ill = rng.random_bool(0.1 + 0.5 * severity);
        let wait = 400.0 * rng.random::<f64>() + 0.5;
        if falls_ill {
            for code in [OUTCOME, DISCHARGE] {
                events.push(event(asked.plus_days(wait), code));
            }
        }
        events.push(event(asked.plus_days(800.0), Code::FOLLOWUP_END));
        if split == Split::HeldOut {
            predictions.push(Prediction {
                subject_id: i as i64,
                prediction_time: asked,
                task: OUTCOME.into(),
                horizon_days: 500.0,
                boolean_value: Some(falls_ill),
                observed_days: Some(if falls_ill { wait as f32 } else { 800.0 }),
                predicted_boolean_probability: (0.1 + 0.5 * severity + 0.1 * rng.random::<f64>()).min(1.0),
                baseline_probability: None,
                age_years: None,
                sex: Sex::Unknown,
            });
        }
        subjects.push((split, events));
    }
    Cohort { subjects, predictions }
}

fn audit(cohort: &Cohort) -> Audit {
    let mut auditor = Auditor::new(&cohort.predictions, 5, 10).unwrap();
    for (id, (split, events)) in cohort.subjects.iter().enumerate() {
        auditor.subject(*split, &Subject::new(id as i64, events.clone()));
    }
    auditor.finish()
}

/// Cases among the predictions: subject and prediction.
fn cases(cohort: &Cohort) -> Vec<(usize, Time)> {
    let cases = cohort.predictions.iter().filter(|p| p.boolean_value == Some(true));
    cases.map(|p| (p.subject_id as usize, p.prediction_time)).collect()
}

type Fault = (&'static str, Check, fn(&mut Cohort));

const FAULTS: [Fault; 10] = [
    ("a training subject is measured", Check::SubjectsInTwoSplits, |c| {
        let mut copy = c.predictions[0].clone();
        copy.subject_id = 1;
        c.predictions.push(copy);
    }),
    ("one person under two ids, on both sides", Check::SubjectsInTwoSplits, |c| {
        let shifted =
            c.subjects[3].1.iter().map(|e| Event { time: e.time.map(|t| t.plus_days(100.0)), ..e.clone() });
        c.subjects[1].1 = shifted.collect();
    }),
    ("a discharge code dated at admission, in all", Check::OneFeatureDoesTooWell, |c| {
        for (subject, time) in cases(c) {
            let of_discharge = c.subjects[subject].1.iter_mut().filter(|e| e.code.as_str() == DISCHARGE);
            of_discharge.for_each(|e| e.time = Some(time));
        }
    }),
    ("a discharge code dated at admission, in one of seven", Check::CodesOfTheOutcomeInHistory, |c| {
        for (subject, time) in cases(c).into_iter().step_by(7) {
            let of_discharge = c.subjects[subject].1.iter_mut().filter(|e| e.code.as_str() == DISCHARGE);
            of_discharge.for_each(|e| e.time = Some(time.plus_days(-2.0)));
        }
    }),
    ("the label copied into the history", Check::OneFeatureDoesTooWell, |c| {
        for (subject, time) in cases(c) {
            c.subjects[subject].1.push(event(time.plus_days(-30.0), "FLAG//TARGET"));
        }
    }),
    ("the label copied as an undated fact", Check::OneFeatureDoesTooWell, |c| {
        for (subject, _) in cases(c) {
            c.subjects[subject].1.push(Event::new(None, Code::new("COHORT//CASE")));
        }
    }),
    ("prevalent cases", Check::LabelInHistory, |c| {
        for (subject, time) in cases(c).into_iter().take(5) {
            c.subjects[subject].1.push(event(time.plus_days(-30.0), OUTCOME));
        }
    }),
    ("outcomes at the moment of prediction", Check::OrderWithinATimestamp, |c| {
        c.predictions
            .iter_mut()
            .filter(|p| p.boolean_value == Some(true))
            .take(9)
            .for_each(|p| p.observed_days = Some(0.0));
    }),
    ("outcomes in the visit that is asked about", Check::OutcomesWithinADay, |c| {
        for (i, p) in c.predictions.iter_mut().filter(|p| p.boolean_value == Some(true)).enumerate() {
            if i % 5 == 0 {
                p.observed_days = Some(0.02);
            }
        }
    }),
    ("a model that sees what is under way", Check::PerformanceByGap, |c| {
        for (i, p) in c.predictions.iter_mut().filter(|p| p.boolean_value == Some(true)).enumerate() {
            if i % 3 == 0 {
                (p.observed_days, p.predicted_boolean_probability) = (Some(0.5), 0.99);
            }
        }
    }),
];

#[test]
fn planted_faults_are_found_and_the_clean_twin_is_silent() {
    println!("{:55} {:>8} {:>12}", "planted", "found", "elsewhere");
    let mut missed = Vec::new();
    for (name, check, plant) in FAULTS {
        let (mut found, mut elsewhere) = (0, 0);
        for seed in 0..5 {
            let mut cohort = clean(seed);
            plant(&mut cohort);
            let audit = audit(&cohort);
            let alarms = audit.findings.iter().filter(|f| f.severity > super::Severity::Note);
            let (here, others): (Vec<_>, Vec<_>) = alarms.partition(|f| f.check == check);
            found += usize::from(!here.is_empty());
            elsewhere += others.len();
        }
        println!("{name:55} {found:>5}/5 {elsewhere:>12}");
        if found < 5 {
            missed.push(name);
        }
    }
    let false_alarms: usize = (0..40).map(|seed| audit(&clean(seed)).alarms()).sum();
    println!("{:55} {false_alarms:>8} false alarms in 40", "the clean twin");
    assert!(missed.is_empty(), "{missed:?}");
    assert_eq!(false_alarms, 0);
}

#[test]
fn the_same_subject_given_in_two_splits_is_found() {
    let mut auditor = Auditor::new(&clean(1).predictions, 5, 10).unwrap();
    let subject = Subject::new(3, clean(1).subjects[3].1.clone());
    auditor.subject(Split::Train, &subject);
    auditor.subject(Split::HeldOut, &subject);
    let audit = auditor.finish();
    assert!(
        audit.findings.iter().any(|f| f.check == Check::SubjectsInTwoSplits && f.what.contains("two splits"))
    );
}

#[test]
fn outcomes_within_a_day_are_ordinary_within_a_week() {
    let within = |horizon_days: f32| {
        let mut predictions = clean(1).predictions;
        let cases = predictions.iter_mut().filter(|p| p.boolean_value == Some(true));
        cases.enumerate().for_each(|(i, p)| p.observed_days = Some(if i % 5 == 0 { 0.5 } else { 5.0 }));
        predictions.iter_mut().for_each(|p| p.horizon_days = horizon_days);
        let audit = Auditor::new(&predictions, 5, 10).unwrap().finish();
        audit.findings.into_iter().find(|f| f.check == Check::OutcomesWithinADay)
    };
    assert!(within(7.0).is_none());
    let found = within(365.25).unwrap();
    assert!(found.what.contains("visit's end") && found.what.contains("gap"), "{}", found.what);
    assert!((0.19..0.22).contains(&found.evidence[OUTCOME]), "{:?}", found.evidence);
}

#[test]
fn without_records_it_says_what_was_not_looked_for() {
    let audit = Auditor::new(&clean(2).predictions, 5, 10).unwrap().finish();
    assert_eq!(
        audit.made,
        [Check::OrderWithinATimestamp, Check::OutcomesWithinADay, Check::PerformanceByGap]
    );
    assert_eq!((audit.not_made.len(), audit.alarms()), (7, 0));
    assert!(Auditor::new(&[], 5, 10).unwrap().finish().findings.is_empty());
}

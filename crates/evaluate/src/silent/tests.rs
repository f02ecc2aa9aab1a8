//! With outcomes that are reported late, what counts gives the rates of full information; what is known so far does not.

use super::*;
use crate::tasks::NothingBroader;
use rand::{RngExt, SeedableRng, rngs::StdRng};

const OUTCOME: &str = "ICD10CM//I50.9";
const HORIZON: f64 = 180.0;
const LONGEST_DELAY: f64 = 45.0;

/// An event, and when it was reported.
type Reported = (Event, Time);

fn start() -> Time {
    Time::from_ymd(2020, 1, 1).unwrap()
}

/// Subjects with events, some reported weeks late, and a calibrated log with a prediction a month.
fn ward(seed: u64) -> (Vec<Vec<Reported>>, Vec<Prediction>) {
    let mut rng = StdRng::seed_from_u64(seed);
    let exponential = |rng: &mut StdRng, mean: f64| -mean * (1.0 - rng.random::<f64>()).ln();
    let (mut subjects, mut log) = (vec![], vec![]);
    for id in 0..600 {
        let hazard = 0.0005 + 0.003 * rng.random::<f64>();
        let (onset, death) = (exponential(&mut rng, 1.0 / hazard), exponential(&mut rng, 6000.0));
        let mut events = vec![];
        let mut tell = |rng: &mut StdRng, code: &str, days: f64| {
            let time = start().plus_days(days);
            let delay = exponential(rng, 15.0).min(LONGEST_DELAY);
            events.push((Event::new(Some(time), Code::new(code)), time.plus_days(delay)));
        };
        // Seen every three weeks, so that there always is newer data.
        (0..45)
            .map(|k| f64::from(k) * 21.0 + (id % 21) as f64)
            .filter(|d| *d < death)
            .for_each(|d| tell(&mut rng, "VISIT//1", d));
        if onset < death {
            tell(&mut rng, OUTCOME, onset);
        }
        if death < 1000.0 {
            tell(&mut rng, Code::DEATH, death);
        }
        subjects.push(events);
        for month in 0..20 {
            let days = 30.0 * f64::from(month) + 0.25 + (id % 30) as f64;
            if days < onset.min(death) {
                // The chance of onset before death within the horizon.
                let all = hazard + 1.0 / 6000.0;
                let risk = hazard / all * (1.0 - (-all * HORIZON).exp());
                log.push(Prediction {
                    subject_id: id,
                    prediction_time: start().plus_days(days),
                    task: OUTCOME.into(),
                    horizon_days: HORIZON as f32,
                    boolean_value: None,
                    observed_days: None,
                    predicted_boolean_probability: risk,
                    baseline_probability: None,
                    age_years: None,
                    sex: events::Sex::Unknown,
                });
            }
        }
    }
    (subjects, log)
}

/// The records as they stood on a day.
fn as_of(subjects: &[Vec<Reported>], day: Time) -> Vec<Subject> {
    let known = |events: &Vec<Reported>| -> Vec<Event> {
        events.iter().filter(|(_, reported)| *reported <= day).map(|(event, _)| event.clone()).collect()
    };
    subjects.iter().enumerate().map(|(id, events)| Subject::new(id as i64, known(events))).collect()
}

fn follow(
    log: &[Prediction],
    records: &[Subject],
    maturity: Maturity,
    before: &[Prediction],
) -> (Vec<Prediction>, Silent) {
    let mut follow = Follow::new(log.to_vec(), maturity);
    records.iter().for_each(|subject| follow.subject(subject, &NothingBroader));
    follow.finish(before)
}

fn observed_expected(rows: &[Prediction]) -> f64 {
    let known: Vec<&Prediction> = rows.iter().filter(|p| p.boolean_value.is_some()).collect();
    let observed = known.iter().filter(|p| p.boolean_value == Some(true)).count() as f64;
    observed / known.iter().map(|p| p.predicted_boolean_probability).sum::<f64>()
}

#[test]
fn what_counts_has_the_outcomes_of_full_information_and_what_is_known_so_far_has_not() {
    let (mut counted_ratio, mut naive_ratio, mut hasty_ratio, mut hasty_truth) = (0.0, 0.0, 0.0, 0.0);
    for seed in 0..5 {
        let (subjects, log) = ward(seed);
        let day = start().plus_days(400.0);
        let written: Vec<Prediction> = log.iter().filter(|p| p.prediction_time <= day).cloned().collect();
        let records = as_of(&subjects, day);
        let newest = records.iter().filter_map(newest).max().unwrap();
        assert!(newest <= day && newest > day.plus_days(-10.0));
        let (counted, silent) =
            follow(&written, &records, Maturity { newest, reporting_delay_days: LONGEST_DELAY }, &[]);
        assert!(silent.pending > 0 && silent.counted > 1000, "{silent:?}");
        assert_eq!(
            silent.logged,
            silent.counted + silent.pending + silent.not_at_risk + silent.unknown_subjects + silent.repeated
        );
        // Years later, everything is known: the same predictions have the same outcomes.
        let late = Maturity { newest: start().plus_days(5000.0), reporting_delay_days: 0.0 };
        let (full, _) = follow(&written, &as_of(&subjects, late.newest), late, &[]);
        let truth: FxHashMap<Key, Option<bool>> = full.iter().map(|p| (key(p), p.boolean_value)).collect();
        assert!(counted.iter().all(|p| truth[&key(p)] == p.boolean_value));
        counted_ratio += observed_expected(&counted) / 5.0;

        // What is known so far: outcomes that came, and those without whose horizon is over.
        let mut naive = Vec::new();
        for prediction in &written {
            let occurred = subjects[prediction.subject_id as usize].iter().any(|(e, reported)| {
                e.code.as_str() == OUTCOME
                    && *reported <= day
                    && e.time > Some(prediction.prediction_time)
                    && e.time <= Some(prediction.prediction_time.plus_days(HORIZON))
            });
            let over = prediction.prediction_time.plus_days(HORIZON) <= day;
            if occurred || over {
                naive.push(Prediction { boolean_value: Some(occurred), ..prediction.clone() });
            }
        }
        naive_ratio += observed_expected(&naive) / 5.0;
        // Without a delay, outcomes late in the horizon are still to be reported.
        let (hasty, _) = follow(&written, &records, Maturity { newest, reporting_delay_days: 0.0 }, &[]);
        hasty_ratio += observed_expected(&hasty) / 5.0;
        let truly = hasty.into_iter().map(|p| Prediction { boolean_value: truth[&key(&p)], ..p });
        hasty_truth += observed_expected(&truly.collect::<Vec<_>>()) / 5.0;
    }
    println!(
        "O:E counted {counted_ratio:.3}, known so far {naive_ratio:.3}, without a delay {hasty_ratio:.3}"
    );
    assert!((counted_ratio - 1.0).abs() < 0.06, "{counted_ratio}");
    assert!(naive_ratio > 1.1, "{naive_ratio}");
    assert!(hasty_ratio < hasty_truth, "{hasty_ratio} {hasty_truth}");
}

#[test]
fn a_later_run_counts_more_and_says_what_came_late() {
    let (subjects, mut log) = ward(9);
    log.push(log[0].clone());
    log.push(Prediction { subject_id: 10_000, ..log[0].clone() });
    let run = |day: f64, delay: f64, before: &[Prediction]| {
        let newest = start().plus_days(day);
        follow(&log, &as_of(&subjects, newest), Maturity { newest, reporting_delay_days: delay }, before)
    };
    let (first, silent) = run(400.0, LONGEST_DELAY, &[]);
    assert_eq!((silent.repeated, silent.unknown_subjects, silent.changed), (1, 1, None));
    let (second, silent) = run(600.0, LONGEST_DELAY, &first);
    assert!(second.len() > first.len());
    let changed = silent.changed.clone().unwrap();
    // Who turned out not to be at risk isn't compared.
    assert!(
        changed.compared > first.len() * 9 / 10 && changed.now_true + changed.now_false == 0,
        "{changed:?}"
    );
    assert!(silent.sentences()[1].contains("long enough"));
    let (hasty, _) = run(400.0, 0.0, &[]);
    let (_, silent) = run(600.0, 0.0, &hasty);
    assert!(silent.changed.as_ref().unwrap().now_true > 0);
    assert!(silent.sentences()[1].contains("longer reporting delay"));
}

#[test]
fn who_left_is_censored_and_who_is_merely_quiet_is_not() {
    let (_, log) = ward(1);
    let maturity = Maturity { newest: start().plus_days(400.0), reporting_delay_days: 30.0 };
    let birth = Event::new(Some(start().plus_days(-9000.0)), Code::birth());
    let quiet = Subject::new(log[0].subject_id, vec![birth.clone()]);
    let (counted, silent) = follow(&log[..1], &[quiet], maturity, &[]);
    assert_eq!((counted[0].boolean_value, silent.censored), (Some(false), 0));
    let left = Event::new(Some(start().plus_days(50.0)), Code::followup_end());
    let (counted, silent) =
        follow(&log[..1], &[Subject::new(log[0].subject_id, vec![birth, left])], maturity, &[]);
    assert_eq!((counted[0].boolean_value, silent.censored), (None, 1));
}

#[test]
fn quarters_are_measured_where_there_are_enough() {
    let (subjects, log) = ward(3);
    let late = Maturity { newest: start().plus_days(5000.0), reporting_delay_days: 0.0 };
    let (counted, _) = follow(&log, &as_of(&subjects, late.newest), late, &[]);
    let options =
        Options { bootstrap: crate::Bootstrap { draws: 50, ..Default::default() }, ..Options::default() };
    let quarters = periods(&counted, &options).unwrap();
    assert_eq!(quarters[0].quarter, "2020 Q1");
    assert!(quarters.len() >= 6 && quarters[0].observed_expected.low.is_some(), "{quarters:?}");
}

//! The awkward sets: one class, three subjects, everyone censored, certainty, NaN, markup in names.

#![allow(clippy::unwrap_used)] // a failed unwrap is a failed test

mod fairness;
mod few;

use evaluate::{About, Bootstrap, Error, EvaluationReport, Options, TaskReport, evaluate};
use events::{Prediction, Sex, Time};
use proptest::prelude::*;
use rand::{RngExt, SeedableRng, rngs::StdRng};

fn prediction(subject_id: i64, outcome: Option<bool>, probability: f64) -> Prediction {
    Prediction {
        subject_id,
        prediction_time: Time::from_micros(subject_id),
        task: "ICD10CM//E11".into(),
        horizon_days: 365.25,
        boolean_value: outcome,
        observed_days: Some(if outcome.is_none() { 50.0 } else { 400.0 }),
        predicted_boolean_probability: probability,
        baseline_probability: Some(0.3),
        age_years: Some((subject_id % 90) as f32),
        sex: if subject_id % 2 == 0 { Sex::Female } else { Sex::Male },
    }
}

fn options(min_events: usize) -> Options {
    Options {
        bootstrap: Bootstrap { draws: 100, seed: 1, confidence: 0.95 },
        min_events,
        ..Options::default()
    }
}

/// A set of which the model knows something, one prediction per subject.
fn ordinary(subjects: i64) -> Vec<Prediction> {
    (0..subjects)
        .map(|i| {
            let risk = ((i * 37) % 100) as f64 / 100.0;
            prediction(i, Some((i * 61 % 97) as f64 / 97.0 < risk), risk)
        })
        .collect()
}

fn only_task(predictions: &[Prediction], min_events: usize) -> TaskReport {
    evaluate(predictions, &options(min_events)).unwrap().tasks.remove(0)
}

#[test]
fn nothing_at_all_is_an_error() {
    assert!(matches!(evaluate(&[], &options(1)), Err(Error::NoPredictions)));
    let wrong =
        Options { bootstrap: Bootstrap { confidence: 1.0, ..Bootstrap::default() }, ..Options::default() };
    assert!(matches!(evaluate(&ordinary(10), &wrong), Err(Error::Setting { .. })));
}

#[test]
fn not_a_probability_is_an_error_that_names_the_row_and_not_the_value() {
    for (probability, baseline) in [(f64::NAN, 0.3), (1.0000001, 0.3), (-0.25, 0.3), (0.2, f64::INFINITY)] {
        let mut predictions = ordinary(10);
        predictions[4].predicted_boolean_probability = probability;
        predictions[4].baseline_probability = Some(baseline);
        let message = evaluate(&predictions, &options(1)).unwrap_err().to_string();
        assert!(
            message.contains("row 4") && !message.contains("0.25") && !message.contains("1.0000001"),
            "{message}"
        );
    }
    let mut predictions = ordinary(10);
    predictions[2].observed_days = Some(f32::NAN);
    assert!(matches!(evaluate(&predictions, &options(1)), Err(Error::NotADuration { row: 2, .. })));
}

#[test]
fn one_class_is_named_but_not_measured_unless_asked_for() {
    let predictions: Vec<Prediction> = (0..50).map(|i| prediction(i, Some(false), 0.2)).collect();
    let report = evaluate(&predictions, &options(1)).unwrap();
    assert!(report.tasks.is_empty());
    assert_eq!(report.unmeasured[0].reason, "fewer than 1 events");
    assert!(report.answer[0].contains("Nothing could be measured"));
    let task = only_task(&predictions, 0);
    assert_eq!(task.model.auroc.value, None);
    assert_eq!(task.model.auroc.reason.as_deref(), Some("no event among the rows"));
    assert!((task.model.brier.value.unwrap() - 0.04).abs() < 1e-12);
    assert_eq!(task.model.observed_expected.value, Some(0.0));
}

#[test]
fn levels_that_are_far_off_are_said_first() {
    let mut predictions = ordinary(200);
    let more = predictions.iter().map(|p| Prediction {
        task: "far-off".into(),
        predicted_boolean_probability: p.predicted_boolean_probability / 6.0,
        ..p.clone()
    });
    let more: Vec<Prediction> = more.collect();
    predictions.extend(more);
    let said = &evaluate(&predictions, &options(1)).unwrap().answer[1];
    assert!(
        said.starts_with("In 1 of 2 the risks are too high or too low by more than a factor of two:"),
        "{said}"
    );
    assert!(said.contains("far-off"), "{said}");
    let fine = evaluate(&ordinary(200), &options(1)).unwrap();
    assert!(fine.answer.iter().all(|said| !said.contains("factor of two")));
}

#[test]
fn three_subjects_have_numbers_and_say_how_many_draws_had_none() {
    let predictions =
        [prediction(1, Some(true), 0.9), prediction(2, Some(false), 0.2), prediction(3, Some(false), 0.4)];
    let task = only_task(&predictions, 1);
    assert_eq!(task.model.auroc.value, Some(1.0));
    // Of 27 equally likely draws, 8 lack the one with the event and 1 holds only it.
    assert!((15..=55).contains(&task.model.auroc.undefined_draws), "{}", task.model.auroc.undefined_draws);
    assert_eq!(task.model.calibration_slope.value, None);
    assert!(task.model.calibration_slope.reason.is_some());
    assert!(task.subgroups.iter().all(|g| g.suppressed && g.events.is_none() && g.rows.is_none()));
}

#[test]
fn everyone_censored_is_unmeasured() {
    let predictions: Vec<Prediction> = (0..30).map(|i| prediction(i, None, 0.2)).collect();
    assert_eq!(evaluate(&predictions, &options(1)).unwrap().unmeasured.len(), 1);
    let task = only_task(&predictions, 0);
    assert_eq!((task.censored, task.model.auroc.value, task.model.brier_ipcw.value), (30, None, None));
    assert_eq!(task.model.brier.reason.as_deref(), Some("no row has a known outcome"));
}

#[test]
fn without_censoring_the_weighted_brier_score_is_the_plain_one() {
    let task = only_task(&ordinary(300), 1);
    assert!(!task.censoring_weighted && task.notes.is_empty());
    assert_eq!(task.model.brier.value, task.model.brier_ipcw.value);
}

#[test]
fn weights_undo_censoring_that_is_unrelated_to_the_outcome() {
    // Onset at a constant rate; half of the subjects leave early, more of them the later the onset would be.
    let mut rng = StdRng::seed_from_u64(1);
    let mut draw = || (-(1.0 - rng.random::<f64>()).ln() * 700.0, rng.random::<f64>() * 800.0);
    let all: Vec<(f64, f64)> = (0..4000).map(|_| draw()).collect();
    let truth = all.iter().filter(|(onset, _)| *onset <= 365.25).count() as f64 / all.len() as f64;
    let predictions: Vec<Prediction> = all
        .iter()
        .enumerate()
        .map(|(i, &(onset, leaves))| {
            let observed = onset.min(leaves);
            let outcome =
                if onset <= leaves.min(365.25) { Some(true) } else { (observed >= 365.25).then_some(false) };
            Prediction { observed_days: Some(observed as f32), ..prediction(i as i64, outcome, truth) }
        })
        .collect();
    let task = only_task(&predictions, 1);
    assert!(task.censoring_weighted);
    assert!((task.observed_risk.unwrap() - truth).abs() < 0.03, "{:?} against {truth}", task.observed_risk);
    assert!((task.model.observed_expected.value.unwrap() - 1.0).abs() < 0.08);
    assert!(
        task.prevalence.unwrap() > truth + 0.03,
        "leaving the censored out should look too sick: {:?}",
        task.prevalence
    );
}

#[test]
fn certainty_right_and_wrong() {
    let sure: Vec<Prediction> =
        (0..40).map(|i| prediction(i, Some(i < 20), f64::from(u8::from(i < 20)))).collect();
    let task = only_task(&sure, 1);
    assert_eq!((task.model.auroc.value, task.model.brier.value), (Some(1.0), Some(0.0)));
    assert_eq!(task.model.calibration_slope.value, None);
    let wrong: Vec<Prediction> =
        (0..40).map(|i| prediction(i, Some(i < 20), f64::from(u8::from(i >= 20)))).collect();
    let task = only_task(&wrong, 1);
    assert_eq!((task.model.auroc.value, task.model.brier.value), (Some(0.0), Some(1.0)));
    assert!(task.model.log_loss.value.unwrap().is_finite());
}

#[test]
fn order_of_rows_and_threads_change_nothing() {
    let predictions = ordinary(400);
    let mut shuffled = predictions.clone();
    shuffled.sort_by_key(|p| (p.subject_id * 7919) % 401);
    let run = |predictions: &[Prediction], threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| evaluate(predictions, &options(1)).unwrap().to_json().unwrap())
    };
    let one = run(&predictions, 1);
    assert_eq!(one, run(&shuffled, 3));
    let mut other = options(1);
    other.bootstrap.seed = 2;
    assert_ne!(one, evaluate(&predictions, &other).unwrap().to_json().unwrap());
}

#[test]
fn rows_of_one_subject_are_not_independent_evidence() {
    // Each subject eight times: the interval must be that of the subjects, not a third of it.
    let once = ordinary(200);
    let eightfold: Vec<Prediction> = once
        .iter()
        .flat_map(|p| (0..8).map(|k| Prediction { prediction_time: Time::from_micros(k), ..p.clone() }))
        .collect();
    let width = |predictions: &[Prediction]| {
        let auroc = only_task(predictions, 1).model.auroc;
        auroc.high.unwrap() - auroc.low.unwrap()
    };
    assert!((width(&eightfold) / width(&once) - 1.0).abs() < 0.01);
}

#[test]
fn the_page_escapes_what_it_is_given_and_needs_nothing_else() {
    let hostile = r#"<script>alert("x")</script>&'"#;
    let about = About {
        dataset: hostile.into(),
        model: hostile.into(),
        split: hostile.into(),
        descriptions: [("ICD10CM//E11".to_owned(), hostile.to_owned())].into(),
        ..About::default()
    };
    let report = evaluate(&ordinary(300), &Options { about, ..options(1) }).unwrap();
    let page = report.to_html();
    assert!(!page.contains("<script") && page.contains("&lt;script&gt;"));
    for outside in ["http://", "https://", "src=", "@import", "url("] {
        assert!(!page.contains(outside), "{outside}");
    }
    assert!(!page.contains("Synthetic data") && page.contains("Not a medical device"));
    assert!(!page.contains("NaN"));
    assert_eq!(page.matches("<svg").count(), page.matches("<title id=").count());
    assert!(
        EvaluationReport::from_json(&report.to_json().unwrap()).unwrap() == report,
        "JSON must lose nothing"
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    /// Whatever the predictions, the report is made, finite, ordered, and can be drawn.
    #[test]
    fn any_set_gives_a_report(
        rows in prop::collection::vec((0i64..12, prop::option::of(any::<bool>()), 0.0f64..=1.0, 0.0f32..800.0), 1..60),
    ) {
        let predictions: Vec<Prediction> = rows
            .into_iter()
            .map(|(subject, outcome, p, days)| Prediction { observed_days: Some(days), ..prediction(subject, outcome, p) })
            .collect();
        let mut options = options(0);
        options.bootstrap.draws = 20;
        options.small_cell = 1;
        let report = evaluate(&predictions, &options).unwrap();
        let page = report.to_html();
        prop_assert!(!page.contains("NaN") && !page.contains(">inf") && !page.contains("−inf"), "not a number on the page");
        let auroc = &report.tasks[0].model.auroc;
        if let (Some(low), Some(high)) = (auroc.low, auroc.high) {
            prop_assert!(0.0 <= low && low <= high && high <= 1.0);
        }
    }
}

#[test]
fn alerts_and_lead_times_of_a_stream() {
    // Forty subjects watched for ten days, a prediction a day; every fourth has the outcome on day 10.
    let day = |n: i64| Time::from_micros(n * events::MICROS_PER_DAY);
    let predictions: Vec<Prediction> = (0..40)
        .flat_map(|subject| {
            (0..10).map(move |n| Prediction {
                prediction_time: day(n),
                horizon_days: 30.0,
                observed_days: Some((10 - n) as f32),
                // Cases are flagged from day 6 on, one other subject always.
                predicted_boolean_probability: if (subject % 4 == 0 && n >= 6) || subject == 1 {
                    0.8
                } else {
                    0.1
                },
                ..prediction(subject, Some(subject % 4 == 0), 0.0)
            })
        })
        .collect();
    // One subject alone is flagged without the outcome.
    let set = Options { thresholds: vec![0.5], patients_per_clinician: 10.0, small_cell: 1, ..options(1) };
    let task = evaluate(&predictions, &set).unwrap().tasks.remove(0);
    let point = &task.operating[0];
    assert_eq!((point.flagged, point.true_positives), (50, Some(40)));
    let value = |e: &evaluate::Estimate| e.value.unwrap();
    assert!(
        (value(&point.sensitivity) - 0.4).abs() < 1e-12
            && (value(&point.specificity) - 29.0 / 30.0).abs() < 1e-12
    );
    assert!((value(&point.number_needed_to_evaluate) - 1.25).abs() < 1e-12);
    // 400 patient-days hold 50 flags: 125 in 1,000, 1.25 a day for ten patients.
    assert!((value(&point.flags_per_1000_patient_days) - 125.0).abs() < 1e-9);
    assert!((value(&point.alerts_per_clinician_day) - 1.25).abs() < 1e-9);
    assert!((value(&point.lead_time_days) - 4.0).abs() < 1e-9);
    assert!(point.lead_time_days.low.is_some() && point.specificity.low < point.specificity.value);
}

#[test]
fn without_times_alerts_say_why_they_are_absent() {
    let mut predictions = ordinary(200);
    predictions.iter_mut().for_each(|p| (p.observed_days, p.horizon_days) = (None, 0.0));
    let point = only_task(&predictions, 1).operating.pop().unwrap();
    assert!(point.sensitivity.value.is_some() && point.flags_per_1000_patient_days.value.is_none());
    assert!(point.flags_per_1000_patient_days.reason.unwrap().contains("how long a prediction stands"));
    assert!(point.lead_time_days.reason.is_some());
    let stated = Options { days_per_prediction: Some(2.0), thresholds: vec![0.0], ..options(1) };
    let point = evaluate(&predictions, &stated).unwrap().tasks.remove(0).operating.remove(0);
    assert!((point.flags_per_1000_patient_days.value.unwrap() - 500.0).abs() < 1e-9);
    let wrong = Options { patients_per_clinician: 0.0, ..options(1) };
    assert!(matches!(evaluate(&predictions, &wrong), Err(Error::Setting { .. })));
}

#[test]
fn nothing_is_told_of_a_horizon_that_nobody_is_watched_to() {
    // 5 % have it by day 1,000; all others leave before five years.
    let predictions: Vec<Prediction> = (0..2020)
        .map(|i| {
            let outcome = if i >= 2000 { Some(false) } else { (i % 20 < 2).then_some(true) };
            Prediction {
                horizon_days: 1826.25,
                observed_days: Some(if outcome.is_some() {
                    (i % 900) as f32
                } else {
                    900.0 + (i % 100) as f32
                }),
                ..prediction(i, outcome, 0.02 + (i % 50) as f64 / 500.0)
            }
        })
        .collect();
    let report = evaluate(&predictions, &options(10)).unwrap();
    let task = &report.tasks[0];
    assert_eq!((task.observed_risk, task.model.observed_expected.value), (None, None));
    assert!(task.model.auroc.value.is_some(), "ranking asks nothing of the horizon");
    assert!(task.model.calibration_slope.reason.as_ref().unwrap().contains("watched"), "{:?}", task.model);
    assert!(task.notes[0].contains("A shorter horizon can be measured"));
    assert!(task.operating.iter().all(|point| point.net_benefit.value.is_none()));
    assert!(task.subgroups.iter().all(|group| group.observed_expected.is_none()));
    let sex = task.fairness.as_ref().unwrap().dimensions.iter().find(|d| d.by == "sex").unwrap();
    let estimate = &sex.groups[0].metrics["observed_expected"];
    assert!(estimate.value.is_none() && estimate.reason.is_some());
    let back = EvaluationReport::from_json(&report.to_json().unwrap()).unwrap();
    assert!(!back.to_html().contains("NaN"));
}

#[test]
fn who_left_before_the_horizon_is_not_counted_as_free_of_the_outcome() {
    // Half leave after fifty days; the others are watched to the horizon.
    let predictions: Vec<Prediction> = ordinary(400)
        .into_iter()
        .map(|p| match p.subject_id % 2 {
            0 => Prediction { boolean_value: None, observed_days: Some(50.0), ..p },
            _ => p,
        })
        .collect();
    let report = evaluate(&predictions, &options(10)).unwrap();
    let task = &report.tasks[0];
    let first = report.answer.iter().find(|said| said.starts_with("Among")).unwrap();
    let known = format!("Among 400 subjects, {} of the 200 of whom it is known had the outcome", task.events);
    assert!(first.starts_with(&known), "{first}");
    let risk = format!("{:.1}", 100.0 * task.observed_risk.unwrap());
    assert!(first.contains(&format!("allowing for the others, {risk}")), "{first}");
    let html = report.to_html();
    let overview = &html[html.find("All outcomes").unwrap()..];
    let row = &overview[..overview.find("</tbody>").unwrap()];
    assert!(row.contains("400<small>200 known</small>"), "{row}");
    assert!(row.contains(&format!("of those known; risk {risk}")), "{row}");
}

#[test]
fn a_group_of_risk_is_headed_by_whom_it_holds() {
    // A fifth have the same risk, the highest.
    let predictions: Vec<Prediction> = ordinary(400)
        .into_iter()
        .map(|p| Prediction { predicted_boolean_probability: p.predicted_boolean_probability.min(0.8), ..p })
        .collect();
    let html = evaluate(&predictions, &options(10)).unwrap().to_html();
    let strata = &html[html.find("By stratum of risk").unwrap()..];
    let strata = &strata[..strata.find("</table>").unwrap()];
    assert!(strata.contains("80 to 100&nbsp;%") && strata.contains("<th scope=\"row\">0 to "), "{strata}");
}

#[test]
fn the_brier_score_over_horizons_needs_two_of_them() {
    let at = |horizon: f32| {
        ordinary(300).into_iter().map(move |p| Prediction {
            horizon_days: horizon,
            observed_days: Some(800.0),
            ..p
        })
    };
    let one: Vec<Prediction> = at(365.0).collect();
    assert!(evaluate(&one, &options(1)).unwrap().integrated_brier.is_empty());
    let two: Vec<Prediction> = at(365.0).chain(at(730.0)).collect();
    let report = evaluate(&two, &options(1)).unwrap();
    let integrated = &report.integrated_brier[0];
    // The same risks and outcomes at both horizons: the integral is the score.
    let plain = report.tasks[0].model.brier.value.unwrap();
    assert!((integrated.brier.value.unwrap() - plain).abs() < 1e-12 && integrated.rows == 300);
    assert!(integrated.baseline.is_some() && integrated.brier.low.is_some());
}

#[test]
fn the_brier_score_over_horizons_leaves_out_those_that_are_not_measured() {
    let at = |horizon: f32, events: i64| {
        ordinary(300).into_iter().map(move |p| Prediction {
            horizon_days: horizon,
            boolean_value: Some(p.subject_id < events),
            observed_days: Some(800.0),
            ..p
        })
    };
    let horizons = |sets: &[(f32, i64)]| {
        let predictions: Vec<Prediction> = sets.iter().flat_map(|(horizon, n)| at(*horizon, *n)).collect();
        let report = evaluate(&predictions, &options(10)).unwrap();
        report.integrated_brier.iter().map(|b| b.horizons_days.clone()).collect::<Vec<_>>()
    };
    assert!(horizons(&[(30.0, 2), (90.0, 4), (365.0, 9)]).is_empty());
    assert!(horizons(&[(30.0, 2), (365.0, 40)]).is_empty());
    assert_eq!(horizons(&[(30.0, 2), (365.0, 40), (730.0, 60)]), [[365.0, 730.0]]);
}

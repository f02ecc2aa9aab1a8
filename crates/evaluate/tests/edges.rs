//! The awkward sets: one class, three subjects, everyone censored, certainty, NaN, markup in names.

#![allow(clippy::unwrap_used)] // a failed unwrap is a failed test

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
fn a_lone_small_subgroup_cannot_be_told_by_subtraction() {
    let mut predictions = ordinary(400);
    for p in &mut predictions {
        p.age_years = Some(50.0);
        p.sex = match p.subject_id {
            0..6 => Sex::Unknown,
            6..150 => Sex::Male,
            _ => Sex::Female,
        };
    }
    let groups = only_task(&predictions, 1).subgroups;
    let find = |name: &str| groups.iter().find(|g| g.by == "sex" && g.group == name).unwrap();
    assert!(find("Not recorded").suppressed && find("Not recorded").rows.is_none());
    assert!(find("Male").auroc.is_some() && find("Male").rows.is_none() && find("Male").events.is_none());
    assert_eq!(find("Female").rows, Some(250));
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
fn unfairness_is_found_fairness_is_not_and_the_power_is_said() {
    let fairness = |spoil: bool| {
        let predictions: Vec<Prediction> = ordinary(1200)
            .into_iter()
            .map(|mut p| {
                // For men the risks are read off another subject.
                if spoil && p.sex == Sex::Male {
                    p.predicted_boolean_probability = ((p.subject_id * 53) % 101) as f64 / 101.0;
                }
                Prediction { age_years: Some(50.0), ..p }
            })
            .collect();
        let race: evaluate::Attribute = evaluate::Attribute {
            name: "race".into(),
            group_of: (0..1200).map(|i| (i, if i % 3 == 0 { "A" } else { "B" }.into())).collect(),
        };
        let set = Options { attributes: vec![race], ..options(1) };
        evaluate(&predictions, &set).unwrap().tasks.remove(0).fairness.unwrap()
    };
    let (fair, unfair) = (fairness(false), fairness(true));
    assert!(
        fair.sentences[0].contains("none remains") && fair.sentences[0].contains("no proof"),
        "{:?}",
        fair.sentences
    );
    assert!(
        unfair
            .sentences
            .iter()
            .any(|s| s.contains("By sex, AUROC of “Male”") || s.contains("AUROC of “Female”")),
        "{:?}",
        unfair.sentences
    );
    let by: Vec<&str> = fair.dimensions.iter().map(|d| d.by.as_str()).collect();
    assert_eq!(by, ["sex", "race", "sex and race"]);
    assert!(fair.sentences.iter().any(|s| s.contains("would find")), "{:?}", fair.sentences);
    let gap = &unfair.dimensions[0].gaps[0];
    assert!(gap.p_corrected >= gap.p_value && gap.detectable.unwrap() > 0.0);
}

#[test]
fn a_group_of_whom_nobody_is_flagged_isnt_told_of_with_certainty() {
    // Forty of a group, none of whom is flagged; a third of the others are.
    let group = |i: i64| if i < 40 { "A" } else { "B" };
    let predictions: Vec<Prediction> = ordinary(120)
        .into_iter()
        .map(|p| Prediction {
            predicted_boolean_probability: match group(p.subject_id) {
                "A" => 0.05,
                _ => {
                    if p.subject_id % 3 == 0 {
                        0.8
                    } else {
                        0.1
                    }
                }
            },
            ..p
        })
        .collect();
    let site = evaluate::Attribute {
        name: "site".into(),
        group_of: (0..120).map(|i| (i, group(i).into())).collect(),
    };
    let options = Options { thresholds: vec![0.5], attributes: vec![site], ..options(1) };
    let task = evaluate(&predictions, &options).unwrap().tasks.remove(0);
    let by_site = task.fairness.unwrap().dimensions.into_iter().find(|d| d.by == "site").unwrap();
    let share = &by_site.groups.iter().find(|g| g.group == "A").unwrap().metrics["flagged_share"];
    assert_eq!((share.value, share.low), (Some(0.0), Some(0.0)));
    assert!((0.05..0.08).contains(&share.high.unwrap()), "Jeffreys for none of forty: {:?}", share.high);
    let gap = by_site.gaps.iter().find(|g| g.group == "A" && g.metric == "flagged_share").unwrap();
    assert!((1e-12..1e-3).contains(&gap.p_value.unwrap()), "{:?}", gap.p_value);
    // Of neither group is anybody flagged: that isn't certain to be the same share.
    let options = Options { thresholds: vec![0.9], ..options };
    let task = evaluate(&predictions, &options).unwrap().tasks.remove(0);
    let by_site = task.fairness.unwrap().dimensions.into_iter().find(|d| d.by == "site").unwrap();
    let gap = by_site.gaps.iter().find(|g| g.group == "A" && g.metric == "flagged_share").unwrap();
    let (low, high) = (gap.difference.low.unwrap(), gap.difference.high.unwrap());
    assert_eq!(gap.difference.value, Some(0.0));
    assert!(low < -0.02 && high > 0.02 && low > -0.1 && high < 0.1, "{low} to {high}");
}

#[test]
fn disease_that_is_not_recorded_in_a_group_is_found_though_the_model_has_learned_not_to_expect_it() {
    // A fifth fall ill in both groups; of the fourth who are B, four in ten are never recorded, and the model says so.
    let row = |i: i64| {
        let missed = i % 4 == 0;
        let ill = (i / 4) % 5 == 0 && !(missed && (i / 20) % 5 < 2);
        Prediction {
            subject_id: i,
            prediction_time: events::Time::from_ymd(2020, 1, 1).unwrap(),
            task: "X".into(),
            horizon_days: 365.25,
            boolean_value: Some(ill),
            observed_days: None,
            predicted_boolean_probability: if missed { 0.12 } else { 0.2 } + (i % 7) as f64 / 1000.0,
            baseline_probability: Some(0.2),
            age_years: Some(50.0),
            sex: Sex::Female,
        }
    };
    let race = evaluate::Attribute {
        name: "race".into(),
        group_of: (0..4000).map(|i| (i, if i % 4 == 0 { "B" } else { "A" }.into())).collect(),
    };
    let set = Options { attributes: vec![race], ..options(1) };
    let predictions: Vec<Prediction> = (0..4000).map(row).collect();
    let fairness = evaluate(&predictions, &set).unwrap().tasks.remove(0).fairness.unwrap();
    let gaps = &fairness.dimensions.iter().find(|d| d.by == "race").unwrap().gaps;
    let gap = |metric: &str| gaps.iter().find(|g| g.metric == metric && g.group == "B").unwrap();
    let recorded = &gap("recorded_over_age_and_sex").ratio;
    assert!((recorded.value.unwrap() - 0.6).abs() < 0.02, "{recorded:?}");
    assert!(recorded.low.unwrap() < 0.6 && recorded.high.unwrap() > 0.6 && recorded.high.unwrap() < 0.9);
    // By its own expectations the model is fair.
    assert!((gap("observed_expected").ratio.value.unwrap() - 1.0).abs() < 0.05);
    let said = fairness.sentences.join(" ");
    assert!(said.contains("on record 0.6") && said.contains("the records can't tell"), "{said}");
}

/// Risks that are right for everybody; women are watched for 450 days at most, men for 4,000.
#[test]
fn groups_that_are_watched_for_less_are_not_called_unfairly_treated() {
    let mut state = 7u64;
    let mut uniform = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 11) as f64 / (1u64 << 53) as f64
    };
    let predictions: Vec<Prediction> = (0..8_000)
        .map(|subject| {
            let risk = 0.02 + 0.3 * uniform();
            let horizon = 365.25;
            let onset = horizon * (1.0 - uniform()).ln() / (1.0 - risk).ln();
            let leaves = uniform() * if subject % 2 == 0 { 450.0 } else { 4_000.0 };
            let outcome = if onset.min(horizon) <= leaves { Some(onset <= horizon) } else { None };
            Prediction { observed_days: Some(onset.min(leaves) as f32), ..prediction(subject, outcome, risk) }
        })
        .collect();
    let task = only_task(&predictions, 10);
    let fairness = task.fairness.unwrap();
    let sex = fairness.dimensions.iter().find(|d| d.by == "sex").unwrap();
    for gap in &sex.gaps {
        assert!(gap.p_corrected.is_none_or(|p| p > 0.01), "{gap:?}");
    }
    for group in &sex.groups {
        let ratio = &group.metrics["observed_expected"];
        assert!(ratio.low.unwrap() < 1.0 && 1.0 < ratio.high.unwrap(), "{} {ratio:?}", group.group);
    }
    for group in task.subgroups.iter().filter(|g| g.by == "sex") {
        let ratio = group.observed_expected.as_ref().unwrap();
        assert!((ratio.value.unwrap() - 1.0).abs() < 0.2, "{group:?}");
    }
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
fn rows_of_one_subject_are_no_group() {
    let mut predictions = ordinary(400);
    predictions.iter_mut().for_each(|p| p.sex = Sex::Male);
    // One woman, asked about 24 times.
    predictions.extend((0..24).map(|i| Prediction {
        prediction_time: Time::from_micros(1_000 + i),
        sex: Sex::Female,
        ..prediction(1_000, Some(i % 2 == 0), 0.4)
    }));
    let task = only_task(&predictions, 10);
    let women = task.subgroups.iter().find(|g| g.group == "Female").unwrap();
    assert!(women.suppressed && women.rows.is_none(), "{women:?}");
    let fairness = task.fairness.unwrap();
    let sex = fairness.dimensions.iter().find(|d| d.by == "sex").unwrap();
    assert!(sex.groups.iter().any(|g| g.group == "Female" && g.suppressed) && sex.gaps.is_empty());
    let one: Vec<Prediction> =
        predictions.into_iter().filter(|p| p.boolean_value == Some(false) || p.subject_id == 1_000).collect();
    let report = evaluate(&one, &options(10)).unwrap();
    assert!(report.unmeasured[0].reason.contains("subjects with an event"), "{:?}", report.unmeasured);
}

#[test]
fn of_thresholds_that_flag_a_few_it_isnt_said_what_came_of_them() {
    // Three highest risks of 300, and all three came true.
    let mut predictions = ordinary(300);
    predictions.iter_mut().for_each(|p| p.predicted_boolean_probability *= 0.5);
    for p in predictions.iter_mut().filter(|p| p.subject_id < 3) {
        (p.predicted_boolean_probability, p.boolean_value) = (0.95, Some(true));
    }
    let task = evaluate(&predictions, &Options { thresholds: vec![0.9, 0.3], ..options(10) })
        .unwrap()
        .tasks
        .remove(0);
    let (few, many) = (&task.operating[0], &task.operating[1]);
    assert!(few.positive_predictive_value.value.is_none() && few.lead_time_days.value.is_none());
    assert!(few.positive_predictive_value.reason.as_ref().unwrap().contains("fewer than 10"), "{few:?}");
    // Nor can it be told from another figure.
    for hidden in [&few.sensitivity, &few.specificity, &few.negative_predictive_value, &few.net_benefit] {
        assert!(hidden.value.is_none() && hidden.low.is_none(), "{few:?}");
    }
    assert_eq!((few.flagged, few.true_positives), (3, None));
    assert!(many.positive_predictive_value.value.is_some() && many.true_positives.is_some());
    let of_sex = |fairness: &evaluate::Fairness, metric: &str| {
        let sex = fairness.dimensions.iter().find(|d| d.by == "sex").unwrap();
        assert!(sex.groups.iter().all(|group| !group.suppressed));
        sex.groups.iter().map(|group| group.metrics[metric].clone()).collect::<Vec<_>>()
    };
    let fairness = task.fairness.unwrap();
    for metric in ["sensitivity", "false_positive_rate", "positive_predictive_value"] {
        for estimate in of_sex(&fairness, metric) {
            assert!(estimate.value.is_none() && estimate.reason.unwrap().contains("fewer than 10"));
        }
        assert!(fairness.dimensions.iter().flat_map(|d| &d.gaps).all(|gap| gap.metric != metric));
    }
    assert!(of_sex(&fairness, "flagged_share").iter().all(|estimate| estimate.value.is_some()));
    // Thirty are flagged, and all came true: that is no certainty that all would.
    for p in predictions.iter_mut().filter(|p| p.subject_id < 30) {
        (p.predicted_boolean_probability, p.boolean_value) = (0.95, Some(true));
    }
    let options = Options { thresholds: vec![0.9], ..options(10) };
    let task = evaluate(&predictions, &options).unwrap().tasks.remove(0);
    for estimate in of_sex(task.fairness.as_ref().unwrap(), "positive_predictive_value") {
        assert_eq!((estimate.value, estimate.high), (Some(1.0), Some(1.0)));
        assert!(estimate.low.unwrap() < 0.95);
    }
    assert!(task.operating[0].specificity.low.unwrap() < 0.999);
}

/// Six hundred people, a fifth with the outcome; `change` sets risk and outcome of the first few.
fn crafted(spread: (f64, f64), change: impl Fn(i64, &mut Prediction)) -> Vec<Prediction> {
    let mut random = StdRng::seed_from_u64(1);
    (0..600)
        .map(|i| {
            let outcome = random.random::<f64>() < 0.2;
            let risk = 0.15 * f64::from(u8::from(outcome)) + random.random_range(0.0..0.2);
            let mut p = prediction(i, Some(outcome), (spread.0 + risk).min(spread.1));
            p.age_years = Some((20 + i % 70) as f32);
            change(i, &mut p);
            p.observed_days = Some(match p.boolean_value {
                None => 30.0,
                Some(true) => 100.0,
                Some(false) => 365.25,
            });
            p
        })
        .collect()
}

#[test]
fn no_curve_tells_what_a_threshold_withholds() {
    let few = |i: i64, p: &mut Prediction| {
        if i < 3 {
            (p.predicted_boolean_probability, p.boolean_value) = (0.9 + i as f64 / 100.0, Some(i != 1));
        }
    };
    let many = |i: i64, p: &mut Prediction| {
        if [1, 3, 5].contains(&i) {
            (p.predicted_boolean_probability, p.boolean_value) = (0.1, Some(i == 1));
        }
    };
    for (predictions, thresholds) in [
        (crafted((0.05, 0.45), few), vec![0.2, 0.5, 0.89]),
        (crafted((0.05, 0.45), few), vec![]),
        (crafted((0.51, 0.95), many), vec![0.05, 0.2, 0.4, 0.6]),
        (crafted((0.51, 0.95), many), vec![]),
    ] {
        let set = Options { thresholds: thresholds.clone(), ..options(10) };
        let task = evaluate(&predictions, &set).unwrap().tasks.remove(0);
        let curves = task.curves.as_ref().unwrap();
        let few = |count: usize| (1..10).contains(&count);
        let is_told = |flagged: &dyn Fn(&Prediction) -> bool| {
            let of = |outcome: bool| {
                predictions.iter().filter(|p| flagged(p) && p.boolean_value == Some(outcome)).count()
            };
            let all = of(true) + of(false);
            let missed = task.events - of(true);
            let cells = [all, of(true), of(false), missed, predictions.len() - all - missed];
            !cells.into_iter().chain([predictions.len() - all]).any(few)
        };
        assert!(curves.model.len() > 5, "{}", curves.model.len());
        assert!(!curves.decision.is_empty(), "{thresholds:?}");
        assert!(curves.calibration.len() > 3, "{:?}", curves.calibration);
        for t in curves.model.iter().map(|p| p.threshold).chain(curves.decision.iter().map(|p| p.threshold)) {
            assert!(is_told(&|p| p.predicted_boolean_probability >= t), "{t}");
        }
        for t in curves.baseline.iter().map(|p| p.threshold) {
            assert!(is_told(&|p| p.baseline_probability.unwrap() >= t), "{t}");
        }
        // Nor can a few be told between any two of all that is told.
        let operating = task.operating.iter().filter(|p| p.true_positives.is_some()).map(|p| p.threshold);
        let mut all: Vec<f64> = curves.decision.iter().map(|p| p.threshold).collect();
        all.extend(curves.model.iter().map(|p| p.threshold).chain(operating));
        let top = curves.histogram.top;
        all.extend(
            (1..40).filter(|bin| curves.histogram.events[*bin] + curves.histogram.others[*bin] > 0.0).map(
                |bin| {
                    let is_in = |p: &&Prediction| p.predicted_boolean_probability / top * 40.0 >= bin as f64;
                    let risks = predictions.iter().filter(is_in).map(|p| p.predicted_boolean_probability);
                    risks.fold(1.0, f64::min)
                },
            ),
        );
        all.sort_unstable_by(f64::total_cmp);
        for ends in all.windows(2) {
            for outcome in [true, false] {
                let between = predictions.iter().filter(|p| {
                    (ends[0]..ends[1]).contains(&p.predicted_boolean_probability)
                        && p.boolean_value == Some(outcome)
                });
                assert!(!few(between.count()), "between {ends:?}, {outcome}");
            }
        }
        // Bars from above, and groups of risk from below, add up to no few either.
        let count = |share: f64| (share * predictions.len() as f64).round() as usize;
        let (mut events, mut others) = (0, 0);
        for bin in (0..curves.histogram.events.len()).rev() {
            events += count(curves.histogram.events[bin]);
            others += count(curves.histogram.others[bin]);
            assert!(!few(events) && !few(others) && !few(predictions.len() - events - others));
        }
        assert_eq!(events + others, predictions.len());
        let (mut rows, mut events) = (predictions.len(), task.events);
        for group in &curves.calibration {
            let of_group = (group.observed * group.rows as f64).round() as usize;
            rows -= group.rows;
            events -= of_group;
            assert!(!few(of_group) && !few(group.rows - of_group), "{group:?}");
            assert!(!few(rows) && !few(events) && !few(rows - events), "{group:?}");
        }
        for point in &task.operating {
            let told = is_told(&|p| p.predicted_boolean_probability >= point.threshold);
            let is_given = point.true_positives.is_some();
            let beside =
                point.sensitivity.reason.as_ref().is_some_and(|why| why.contains("another threshold"));
            assert_eq!(is_given || beside, told, "{}", point.threshold);
            assert_eq!(point.lead_time_days.value.is_some(), is_given && point.true_positives != Some(0));
        }
    }
}

#[test]
fn the_few_are_counted_among_those_of_whom_something_is_known() {
    let at = |predictions: &[Prediction], threshold: f64| {
        let set = Options { thresholds: vec![threshold], ..options(10) };
        evaluate(predictions, &set).unwrap().tasks.remove(0)
    };
    // Twelve are flagged; of one it is known what came of it.
    let known = crafted((0.05, 0.45), |i, p| {
        if i < 12 {
            (p.predicted_boolean_probability, p.boolean_value) = (0.9, (i == 0).then_some(true));
        }
    });
    let point = at(&known, 0.5).operating.remove(0);
    assert_eq!((point.flagged, point.true_positives), (12, None));
    assert!(point.positive_predictive_value.value.is_none() && point.net_benefit.value.is_none());
    // Of thirty flagged four have the outcome, or all but four: how early, too, would tell of four.
    for others in [false, true] {
        let rare = crafted((0.05, 0.45), |i, p| {
            if i < 30 {
                (p.predicted_boolean_probability, p.boolean_value) = (0.9, Some((i < 4) != others));
            }
        });
        let point = at(&rare, 0.5).operating.remove(0);
        assert_eq!((point.flagged, point.true_positives), (30, None));
        for hidden in [&point.sensitivity, &point.positive_predictive_value, &point.lead_time_days] {
            assert!(hidden.value.is_none() && hidden.reason.as_ref().unwrap().contains("fewer than 10"));
        }
    }
    // All but three are flagged: men alone. Women's figures beside those of all would tell it.
    let many = crafted((0.51, 0.95), |i, p| {
        if [1, 3, 5].contains(&i) {
            (p.predicted_boolean_probability, p.boolean_value) = (0.1, Some(i == 1));
        }
    });
    let fairness = at(&many, 0.5).fairness.unwrap();
    let sex = fairness.dimensions.iter().find(|d| d.by == "sex").unwrap();
    for (group, reason) in [("Male", "all but fewer than 10"), ("Female", "another group")] {
        let group = sex.groups.iter().find(|g| g.group == group).unwrap();
        let hidden = &group.metrics["sensitivity"];
        assert!(hidden.value.is_none() && hidden.reason.as_ref().unwrap().contains(reason), "{hidden:?}");
        assert!(group.metrics["auroc"].value.is_some());
    }
    assert!(sex.gaps.iter().all(|gap| gap.metric != "sensitivity"));
    // Nobody is no small group.
    let task = at(&known, 0.99);
    assert_eq!((task.operating[0].flagged, task.operating[0].true_positives), (0, Some(0)));
    let nobody = &task.operating[0].positive_predictive_value;
    let of_group =
        &task.fairness.as_ref().unwrap().dimensions[0].groups[0].metrics["positive_predictive_value"];
    for estimate in [nobody, of_group] {
        assert_eq!((estimate.value, estimate.reason.as_deref()), (None, Some("nobody is flagged")));
    }
}

#[test]
fn several_small_groups_are_not_told_as_their_sum() {
    let mut predictions = ordinary(400);
    // Two of one age and three of another, beside two large groups.
    for p in &mut predictions {
        let age = [(2, 10.0), (5, 90.0), (200, 30.0)].iter().find(|(to, _)| p.subject_id < *to);
        p.age_years = Some(age.map_or(50.0, |(_, age)| *age));
    }
    let task = only_task(&predictions, 10);
    let ages: Vec<_> = task.subgroups.iter().filter(|group| group.by == "age").collect();
    assert_eq!(ages.iter().filter(|group| group.suppressed).count(), 2);
    assert_eq!(ages.iter().filter(|group| group.rows.is_some()).count(), 1, "{ages:?}");
    let fairness = task.fairness.unwrap();
    let ages = &fairness.dimensions.iter().find(|d| d.by == "age").unwrap().groups;
    assert_eq!(ages.iter().filter(|group| group.rows.is_some()).count(), 1, "{ages:?}");
}

#[test]
fn small_cells_of_pairs_hide_every_count_of_the_pair() {
    let mut predictions = ordinary(400);
    predictions.iter_mut().for_each(|p| p.age_years = Some(if p.subject_id < 380 { 50.0 } else { 85.0 }));
    let fairness = only_task(&predictions, 1).fairness.unwrap();
    let pair = fairness.dimensions.iter().find(|d| d.by == "sex and age").unwrap();
    assert!(pair.groups.iter().any(|g| g.suppressed) && pair.groups.iter().all(|g| g.rows.is_none()));
}

#[test]
fn no_group_of_a_pair_is_told_by_subtraction_from_a_single_property() {
    let sets = [
        // Of the men of 65 to 79 four are flagged; everybody else is flagged in good numbers.
        crafted((0.05, 0.95), |i, p| {
            let few = i % 2 == 1 && (65.0..80.0).contains(&p.age_years.unwrap());
            let flagged = if few { i % 14 == 1 } else { i % 3 != 0 };
            p.predicted_boolean_probability = if flagged { 0.8 } else { 0.1 };
            p.boolean_value = Some(i % 5 < 2);
        }),
        // Of the men over 80 there are hardly any.
        crafted((0.05, 0.95), |i, p| {
            p.age_years =
                Some(if i % 2 == 1 && i > 40 { 50.0 } else { [30.0, 50.0, 85.0][(i % 3) as usize] });
            p.predicted_boolean_probability = if i % 7 < 4 { 0.8 } else { 0.1 };
            p.boolean_value = Some(i % 5 < 2);
        }),
    ];
    for (n, predictions) in sets.iter().enumerate() {
        let set = Options { thresholds: vec![0.5], ..options(10) };
        let task = evaluate(predictions, &set).unwrap().tasks.remove(0);
        let fairness = task.fairness.unwrap();
        let of = |by: &str| fairness.dimensions.iter().find(|d| d.by == by).unwrap();
        let pair = of("sex and age");
        for metric in if n == 0 { vec!["sensitivity"] } else { vec!["sensitivity", "auroc", "brier"] } {
            let is_told = |g: &evaluate::Group| g.metrics.get(metric).is_some_and(|e| e.value.is_some());
            assert!(pair.groups.iter().any(|g| !is_told(g)), "{metric}");
            assert!(n == 1 || pair.groups.iter().any(is_told), "{metric}");
            for margin in of("sex").groups.iter().chain(&of("age").groups).filter(|g| is_told(g)) {
                let name = margin.group.as_str();
                let line = pair.groups.iter().filter(|g| g.group.split(", ").any(|part| part == name));
                let hidden = line.filter(|g| !is_told(g)).count();
                assert_ne!(hidden, 1, "{metric} of one group of {name} is told by the others: {pair:#?}");
            }
            for gap in pair.gaps.iter().filter(|gap| gap.metric == metric) {
                assert!(is_told(pair.groups.iter().find(|g| g.group == gap.group).unwrap()), "{gap:?}");
            }
        }
    }
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

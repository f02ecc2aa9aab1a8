//! Worlds so small that every grade is known by hand.

use super::*;
use crate::bootstrap::Bootstrap;
use crate::effects::{self, Cohort};

fn settings() -> Settings {
    Settings { bootstrap: Bootstrap { draws: 60, ..Bootstrap::default() }, least: 5.0, ..Settings::default() }
}

fn names(names: &[&str]) -> Vec<smol_str::SmolStr> {
    names.iter().map(|name| (*name).into()).collect()
}

fn question(horizon_days: f64, people: u32, scores: impl Fn(f64) -> Vec<f64>) -> RiskQuestion {
    let row = |i: u32| {
        let chance = f64::from(i % 10) / 20.0;
        // Who has the highest chance is recorded after so many days.
        let outcome = Some(i % 10 == 9);
        RiskRow {
            subject_id: i.into(),
            chance,
            outcome,
            lead_days: (i % 10 == 9).then_some(100.0),
            scores: scores(chance),
        }
    };
    RiskQuestion { code: "X".into(), name: "x".into(), horizon_days, rows: (0..people).map(row).collect() }
}

#[test]
fn a_model_that_says_what_the_observer_says_has_all_of_his_excess() {
    let asked = [question(365.25, 300, |p| vec![p.max(0.001), p.max(0.001), 0.2])];
    let found = risks(&asked, &names(&["model", "observer", "age and sex"]), &settings());
    let grade = &found.each[0];
    assert_eq!(grade.share.value, Some(1.0));
    assert_eq!((grade.people, grade.recorded_events, grade.known), (300, 30, 300));
    assert!((grade.expected_events - 67.5).abs() < 1e-9);
    assert!((grade.auc["age and sex"].value.unwrap() - 0.5).abs() < 1e-12);
    assert!((grade.slope["model"].value.unwrap() - 1.0).abs() < 0.05);
    assert!(!grade.slope.contains_key("age and sex"), "one risk for all has no slope");
    assert!((grade.observed_expected["model"].value.unwrap() - 1.0).abs() < 0.01);
    assert_eq!(grade.auc_recorded.value, Some(1.0), "who has it stands first");
    let summary = &found.summaries[0];
    assert_eq!((summary.conditions, summary.wanted, summary.slopes_within), (1, 20, 1));
    assert_eq!(summary.share.value, Some(1.0));
}

#[test]
fn half_the_information_is_less_than_the_observers_and_doubled_log_odds_have_half_the_slope() {
    let doubled = |p: f64| crate::metrics::expit(2.0 * crate::metrics::logit(p));
    let asked = [question(365.25, 300, |p| {
        let p = p.max(0.01);
        vec![doubled(p), p]
    })];
    let found = risks(&asked, &names(&["model", "observer"]), &settings());
    assert_eq!(found.each[0].share.value, Some(1.0), "the order is the same");
    let slope = |name: &str| found.each[0].slope[name].value.unwrap();
    assert!((slope("model") - 0.5 * slope("observer")).abs() < 1e-3, "{:?}", found.each[0].slope);
    assert_eq!(found.summaries[0].slopes_within, 0);
    // Two kinds of people are all that the model can tell apart.
    let asked = [question(365.25, 300, |p| vec![if p > 0.2 { 0.3 } else { 0.1 }, p])];
    let found = risks(&asked, &names(&["model", "observer"]), &settings());
    let share = &found.each[0].share;
    assert!((0.6..0.95).contains(&share.value.unwrap()), "{share:?}");
    assert!(share.low.unwrap() < share.value.unwrap() && share.high.unwrap() < 1.0, "{share:?}");
}

#[test]
fn sensitivity_and_lead_are_those_of_the_flagged() {
    // Thirty people of three hundred are recorded, after 100 days, and stand above everybody.
    let asked = [question(365.25, 300, |p| vec![p, 0.45 - p])];
    let found = risks(&asked, &names(&["model", "observer"]), &settings());
    let grade = &found.each[0];
    let lead = &grade.lead["model"];
    // 5 % of the 232.5 non-events are 11.6; the highest group alone has 16.5 of them.
    assert_eq!((lead.cases, lead.flagged), (30, 0));
    assert!(lead.median_days.value.is_none() && lead.median_days.reason.is_some());
    let expected = 11.625 / 16.5 * 13.5 / 67.5;
    assert!((grade.sensitivity["model"].value.unwrap() - expected).abs() < 1e-9);
    let wider = Settings { specificity: 0.9, ..settings() };
    let found = risks(&asked, &names(&["model", "observer"]), &wider);
    let lead = &found.each[0].lead["model"];
    assert_eq!((lead.cases, lead.flagged, lead.median_days.value), (30, 30, Some(100.0)));
}

#[test]
fn what_rests_on_too_few_is_not_measured() {
    let asked = [question(365.25, 10, |p| vec![p, p]), question(1826.25, 300, |p| vec![p, p])];
    let found = risks(&asked, &names(&["model", "observer"]), &settings());
    assert!(found.each[0].too_few.as_ref().unwrap().contains("2.2 events to expect of 10 people"));
    assert!(found.each[0].auc.is_empty() && found.each[0].share.value.is_none());
    assert_eq!(found.summaries.len(), 1, "nothing to sum up at one year");
    assert_eq!(found.people, 300);
    let few = differential(&[], &names(&["model"]), &settings());
    assert!(few.too_few.is_some() && few.predictors.is_empty());
}

#[test]
fn places_in_a_differential_leave_out_what_is_there_too() {
    let scores = [0.5, 0.1, 0.3, 0.3];
    assert_eq!(rank_among(&scores, 0, &[]), 1.0);
    assert_eq!(rank_among(&scores, 1, &[]), 4.0);
    assert_eq!(rank_among(&scores, 2, &[]), 2.5);
    assert_eq!(rank_among(&scores, 1, &[0, 2]), 2.0);
    // Half of the cases stand first by the model and third by the other, half fourth by both.
    let case = |i: i64| RankedCase {
        subject_id: i,
        considered: 4,
        ranks: if i % 2 == 0 { vec![1.0, 3.0] } else { vec![4.0, 4.0] },
    };
    let found =
        differential(&(0..40).map(case).collect::<Vec<_>>(), &names(&["model", "observer"]), &settings());
    let (model, observer) = (&found.predictors["model"], &found.predictors["observer"]);
    assert_eq!((found.cases, found.people, found.considered), (40, 40, 4.0));
    assert_eq!(
        (model.first.value, model.first_three.value, model.first_five.value),
        (Some(0.5), Some(0.5), Some(1.0))
    );
    assert_eq!((observer.first.value, observer.first_three.value), (Some(0.0), Some(0.5)));
    assert_eq!(model.reciprocal_rank.value, Some(0.625));
    let ahead = observer.model_less_this.as_ref().unwrap();
    assert!((ahead.value.unwrap() - 1.0 / 3.0).abs() < 1e-12 && ahead.low.unwrap() > 0.1);
}

/// The sick are treated more and die more; the treatment takes `gain` off the risk of the sick and adds it to the well's.
fn world(people: i64, gain: f64) -> EffectQuestion {
    let mut cohort = Cohort { columns: 1, ..Cohort::default() };
    let mut truth = Vec::new();
    // Numbers that look random and are the same each time.
    let mut state = 7_u64;
    let mut uniform = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 11) as f64 / (1_u64 << 53) as f64
    };
    for i in 0..people {
        let sick = i % 2 == 0;
        let propensity = if sick { 0.7 } else { 0.3 };
        let risks = if sick { [0.5, 0.5 - gain] } else { [0.2, 0.2 + gain] };
        let treated = uniform() < propensity;
        let died = uniform() < risks[usize::from(treated)];
        cohort.push(i, treated, Some(died), &[f64::from(u8::from(sick))]);
        truth.push(DecisionTruth { risks, propensity });
    }
    let names = ["a disease".to_owned(), "a drug".to_owned(), "death".to_owned()];
    EffectQuestion { names, cohort, truth, modifiers: vec![0], settings: effects::Settings::default() }
}

#[test]
fn effects_are_graded_by_what_would_have_been() {
    let grade = effect(&world(8000, 0.15), &settings()).unwrap();
    assert!(!grade.placebo && grade.refused.is_none());
    assert!(grade.true_mean.unwrap().abs() < 1e-12 && (grade.true_spread.unwrap() - 0.15).abs() < 1e-12);
    assert!(grade.average.unwrap().holds_truth && !grade.naive.unwrap().holds_truth, "{grade:?}");
    let of = |name: &str| &grade.estimators[name];
    let error = |name: &str| of(name).error.value.unwrap();
    let regret = |name: &str| of(name).regret.value.unwrap();
    assert!(error("doubly robust, by patient") < 0.04, "{}", error("doubly robust, by patient"));
    assert!((error("no effect") - 0.15).abs() < 1e-12 && error("naive difference") > 0.15);
    assert_eq!(regret("doubly robust, by patient"), 0.0, "the sick are treated, the well are not");
    // Treating nobody costs the sick 0.15, who are half.
    assert!((regret("no effect") - 0.075).abs() < 1e-12);
    // Care treats three of ten of the well, and leaves out three of ten of the sick.
    assert!((regret("what care did") - 0.3 * 0.15).abs() < 0.01);
    assert!(of("what care did").error.value.is_none());
    assert_eq!(grade.support, Refused { certain: [0, 0], open: [0, 8000] });
    let summary = effects_summary(&[grade], &settings());
    assert_eq!((summary.held, summary.naive_held, summary.placebo_held), ([1, 1], [0, 1], [0, 0]));
}

#[test]
fn a_placebo_is_told_apart_and_an_arm_that_is_too_small_refused() {
    let placebo = effect(&world(4000, 0.0), &settings()).unwrap();
    assert!(placebo.placebo && placebo.average.unwrap().holds_truth && !placebo.naive.unwrap().holds_truth);
    let few = effect(&world(60, 0.1), &settings()).unwrap();
    assert!(few.refused.as_ref().unwrap().contains("too few people") && few.average.is_none());
    let summary = effects_summary(&[placebo, few], &settings());
    assert_eq!((summary.questions, summary.refused), (2, 1));
    assert_eq!((summary.held, summary.placebo_held, summary.placebo_naive_held), ([0, 0], [1, 1], [0, 1]));
    assert!(summary.estimators.is_empty(), "nothing that does something was answered");
}

#[test]
fn who_is_certain_to_be_treated_is_refused() {
    let mut question = world(4000, 0.1);
    for i in 0..400 {
        // A tenth always gets it, and it shows.
        question.cohort.features[i] = 8.0;
        question.cohort.treated[i] = true;
        question.truth[i].propensity = 0.99;
    }
    let grade = effect(&question, &settings()).unwrap();
    let Refused { certain, open } = grade.support;
    assert_eq!(certain[1], 400);
    assert!(certain[0] > 380 && open[0] < 20, "{:?}", grade.support);
}

#[test]
fn a_rule_is_a_logistic_regression() {
    let rows: Vec<Vec<f64>> = (0..400).map(|i| vec![f64::from(i % 4), 3.0]).collect();
    let outcomes: Vec<bool> = (0..400).map(|i| (i / 4) % 10 < i % 4 * 2).collect();
    let rule = Rule::fit(&rows, &outcomes).unwrap();
    assert!(rule.probability(&[0.0, 3.0]) < 0.1 && rule.probability(&[3.0, 3.0]) > 0.5);
    let mean = rows.iter().map(|row| rule.probability(row)).sum::<f64>() / 400.0;
    assert!((mean - 0.3).abs() < 0.01, "{mean}");
}

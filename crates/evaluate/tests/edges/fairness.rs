//! Groups held beside each other.

use super::*;

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

//! Of a few people nothing is told, by no way.

use super::*;

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

//! A model beside other predictors, beside itself on altered histories, and recalibrated.

#![allow(clippy::unwrap_used)] // a failed unwrap is a failed test

use evaluate::audit::{Check, Severity};
use evaluate::tasks::Alteration;
use evaluate::{Beside, Bootstrap, Error, Options, Peer, evaluate};
use events::{Prediction, Sex, Time};
use rand::{RngExt, SeedableRng, rngs::StdRng};

/// Outcomes drawn from risks that are known; what is predicted is the risk with noise.
fn predictions(task: &str, subjects: i64, noise: f64, seed: u64) -> Vec<Prediction> {
    let mut truth = StdRng::seed_from_u64(7);
    let mut own = StdRng::seed_from_u64(seed);
    (0..subjects)
        .map(|subject_id| {
            let risk = truth.random::<f64>() * 0.5;
            Prediction {
                subject_id,
                prediction_time: Time::from_micros(0),
                task: task.into(),
                horizon_days: 365.0,
                boolean_value: Some(truth.random::<f64>() < risk),
                observed_days: Some(400.0),
                predicted_boolean_probability: (risk + noise * (own.random::<f64>() - 0.5)).clamp(0.0, 1.0),
                baseline_probability: None,
                age_years: None,
                sex: Sex::Unknown,
            }
        })
        .collect()
}

fn beside(ours: &[Prediction], peers: Vec<Peer>) -> Vec<Vec<Beside>> {
    let bootstrap = Bootstrap { draws: 200, seed: 1, confidence: 0.95 };
    let report = evaluate(ours, &Options { bootstrap, peers, ..Options::default() }).unwrap();
    assert!(report.to_html().contains("Beside"));
    report.tasks.into_iter().map(|t| t.beside).collect()
}

#[test]
fn a_better_model_is_found_better_and_the_same_is_not() {
    let ours = predictions("E11", 3000, 0.1, 1);
    let noisy = predictions("E11", 3000, 2.0, 2);
    let peers = vec![Peer::new("noise", &noisy, &ours).unwrap(), Peer::new("itself", &ours, &ours).unwrap()];
    let found = &beside(&ours, peers)[0];
    let [noise, itself] = &found[..] else { panic!("{found:?}") };
    assert_eq!((noise.rows, noise.left_out), (3000, 0));
    assert!(noise.difference.auroc.low.unwrap() > 0.05);
    assert!(noise.p_corrected.unwrap() < 0.001 && noise.p_corrected >= noise.p_value);
    assert!(noise.delong.unwrap().p_value < 0.001);
    assert_eq!(itself.difference.auroc.value, Some(0.0));
    assert_eq!(itself.model, itself.other);
    assert_eq!(itself.p_value, None);
    // By hand: the difference is that of the two alone.
    let alone = noise.model.auroc.value.unwrap() - noise.other.auroc.value.unwrap();
    assert!((noise.difference.auroc.value.unwrap() - alone).abs() < 1e-12);
}

/// Under the null hypothesis, corrected p-values below 0.05 are rare however many outcomes there are.
#[test]
fn twenty_equal_pairs_give_no_alarm() {
    let (mut ours, mut theirs) = (vec![], vec![]);
    for task in 0..20 {
        let name = format!("T{task}");
        ours.extend(predictions(&name, 400, 0.6, 100 + task));
        theirs.extend(predictions(&name, 400, 0.6, 200 + task));
    }
    let found = beside(&ours, vec![Peer::new("twin", &theirs, &ours).unwrap()]);
    let all: Vec<&Beside> = found.iter().flatten().collect();
    assert_eq!(all.len(), 20);
    assert!(all.iter().any(|b| b.p_value.unwrap() < 0.3), "nothing varies");
    assert!(all.iter().all(|b| b.p_corrected.unwrap() > 0.05));
}

#[test]
fn a_plot_that_draws_some_says_so_and_tells_horizons_apart() {
    let mut ours = vec![];
    for task in 0..17 {
        for horizon_days in [365.25, 1826.25] {
            let of_task = predictions(&format!("SNOMED//{task:018}"), 100, 0.6, 100 + task);
            ours.extend(of_task.into_iter().map(|p| Prediction {
                horizon_days,
                observed_days: Some(2000.0),
                ..p
            }));
        }
    }
    let peers = vec![Peer::new("twin", &ours, &ours).unwrap()];
    let bootstrap = Bootstrap { draws: 20, ..Bootstrap::default() };
    let mut options = Options { bootstrap, peers, ..Options::default() };
    let name = "Chronic kidney disease stage 3A (disorder) with hypertension";
    options.about.descriptions.insert("SNOMED//000000000000000000".into(), name.into());
    let html = evaluate(&ours, &options).unwrap().to_html();
    let section = &html[html.find(">Beside twin<").unwrap()..];
    let section = &section[..section.find("</section>").unwrap()];
    assert!(section.contains("30 of 34 outcomes drawn"));
    // What the table is about doesn't hang on its width.
    assert!(section.find("corrected by Holm").unwrap() < section.find("<table").unwrap());
    let plot = &section[section.find("<svg").unwrap()..section.find("<desc").unwrap_or(section.len())];
    assert!(!plot.contains("Chronic kidney disease stage 3A (diso<"));
    for label in ["SNOMED//0000000000000… within 1 year", "SNOMED//000000000000… within 5 years"] {
        assert!(section.contains(label), "{label}");
    }
}

#[test]
fn only_shared_rows_are_compared_and_the_rest_is_counted() {
    let ours = predictions("E11", 600, 0.1, 1);
    let theirs: Vec<Prediction> =
        predictions("E11", 600, 0.5, 2).into_iter().filter(|p| p.subject_id % 3 != 0).collect();
    let found = &beside(&ours, vec![Peer::new("two thirds", &theirs, &ours).unwrap()])[0][0];
    assert_eq!((found.rows, found.left_out), (400, 200));
    let shared: Vec<Prediction> = ours.iter().filter(|p| p.subject_id % 3 != 0).cloned().collect();
    let alone = &beside(&shared, vec![Peer::new("two thirds", &theirs, &shared).unwrap()])[0][0];
    assert_eq!(found.difference.auroc.value, alone.difference.auroc.value);
}

#[test]
fn what_does_not_fit_is_refused() {
    let ours = predictions("E11", 50, 0.1, 1);
    let elsewhere: Vec<Prediction> = ours
        .iter()
        .cloned()
        .map(|mut p| {
            p.subject_id += 1000;
            p
        })
        .collect();
    assert!(matches!(Peer::new("x", &elsewhere, &ours), Err(Error::Peer { .. })));
    let mut twice = ours.clone();
    twice.push(Prediction { predicted_boolean_probability: 0.9, ..ours[0].clone() });
    assert!(matches!(Peer::new("x", &twice, &ours), Err(Error::Peer { .. })));
    let mut wrong = ours.clone();
    wrong[3].predicted_boolean_probability = f64::NAN;
    assert!(matches!(Peer::new("x", &wrong, &ours), Err(Error::NotAProbability { .. })));
    // Another name for the only question is no obstacle; among several questions it is.
    let renamed = predictions("task", 50, 0.1, 3);
    assert!(Peer::new("x", &renamed, &ours).is_ok());
    let mut several = ours.clone();
    several.extend(predictions("I10", 50, 0.1, 1));
    assert!(Peer::new("x", &renamed, &several).is_err());
}

/// A model that knows nothing without the last visit is warned of; one that knows most of it anyway is not.
#[test]
fn what_stands_on_the_last_visit_alone_is_told() {
    let ours = predictions("E11", 3000, 0.1, 1);
    for (noise, severity) in [(50.0, Severity::Warning), (0.3, Severity::Note)] {
        let rest = predictions("E11", 3000, noise, 2);
        let peer = |a: Alteration| (a, Peer::new(a.name(), &rest, &ours).unwrap());
        let bootstrap = Bootstrap { draws: 100, seed: 1, confidence: 0.95 };
        let options = Options { bootstrap, altered: Alteration::ALL.map(peer).into(), ..Options::default() };
        let audit = evaluate(&ours, &options).unwrap().audit;
        let of = |check| audit.findings.iter().find(|f| f.check == check).unwrap();
        assert_eq!(of(Check::LastVisit).severity, severity, "{:?}", of(Check::LastVisit));
        assert_eq!(of(Check::ShuffledTimes).severity, Severity::Note);
        assert!(of(Check::ShuffledTimes).evidence["difference"] > 0.0);
        assert!(audit.made.contains(&Check::LastVisit));
    }
    // A model that doesn't use times at all.
    let same = (Alteration::ShuffledTimes, Peer::new("shuffled", &ours, &ours).unwrap());
    let audit = evaluate(&ours, &Options { altered: vec![same], ..Options::default() }).unwrap().audit;
    let finding = audit.findings.iter().find(|f| f.check == Check::ShuffledTimes).unwrap();
    assert!(finding.what.contains("Nothing shows that the model uses when"), "{}", finding.what);
}

/// Two sites, at one of which the risks are twice too high: one correction for both leaves each wrong, one a site doesn't.
#[test]
fn recalibration_by_site_helps_where_sites_differ() {
    let mut ours = predictions("E11", 4000, 0.0, 1);
    let mut site = evaluate::Attribute { name: "site".into(), ..Default::default() };
    for p in &mut ours {
        let second = p.subject_id % 2 == 1;
        site.group_of.insert(p.subject_id, if second { "B" } else { "A" }.into());
        if second {
            let odds = p.predicted_boolean_probability / (1.0 - p.predicted_boolean_probability) * 4.0;
            p.predicted_boolean_probability = odds / (1.0 + odds);
        }
    }
    let bootstrap = Bootstrap { draws: 20, seed: 1, confidence: 0.95 };
    let options = Options { bootstrap, attributes: vec![site], ..Options::default() };
    let report = evaluate(&ours, &options).unwrap();
    let brier = |method: &str| {
        let made = report.tasks[0].recalibrated.iter().find(|r| r.method == method).unwrap();
        made.performance.brier.value.unwrap()
    };
    assert!(brier("platt_by_site") < brier("platt") - 0.003, "{} {}", brier("platt_by_site"), brier("platt"));
    assert!(report.to_html().contains("site by site"));
}

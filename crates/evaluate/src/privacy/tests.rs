//! Findings from planted numbers, and silence from honest ones.

use super::*;
use rand::{RngExt, SeedableRng, rngs::StdRng};

fn draws() -> Bootstrap {
    Bootstrap { draws: 200, seed: 4, confidence: 0.95 }
}

/// Attacks on a model that remembers `gain` of everything.
fn attacks(seed: u64, gain: f64) -> Attacks {
    let mut rng = StdRng::seed_from_u64(seed);
    let mut many = |n: usize, shift: f64| (0..n).map(|_| rng.random::<f64>() + shift).collect::<Vec<f64>>();
    let (members, outsiders) = (many(200, gain), many(120, 0.0));
    let references = many(1023, 0.0);
    let planted: Vec<(u32, Vec<f64>)> =
        [1, 4, 16].map(|repeats| (repeats, many(8, gain * f64::from(repeats)))).into();
    let mut guesses = |gain: f64| -> Vec<Guess> {
        (0..200)
            .map(|i| {
                let has = i % 4 == 0;
                (rng.random::<f64>() + if has { 0.3 + gain } else { 0.0 }, has)
            })
            .collect()
    };
    let codes: Vec<(Vec<Guess>, Vec<Guess>)> = (0..5).map(|_| (guesses(gain), guesses(0.0))).collect();
    let mut profile = || Profile::new((0..12).map(|_| (60.0 * rng.random::<f64>().powi(2)) as u32));
    let training: Vec<Profile> = (0..160).map(|_| profile()).collect();
    let held_out: Vec<Profile> = (0..40).map(|_| profile()).collect();
    let strangers = (0..100).map(|_| profile());
    let copied = (200.0 * gain).min(100.0) as usize;
    let simulated: Vec<Profile> = training[..copied].iter().cloned().chain(strangers.skip(copied)).collect();
    Attacks {
        membership: vec![membership("mean log-likelihood", &members, &outsiders, &draws()).unwrap()],
        canaries: planted.iter().map(|(n, scores)| canaries(*n, scores, &references, &draws())).collect(),
        neighbours: neighbours(&simulated, &training, &held_out, &draws()),
        attributes: codes
            .iter()
            .map(|(a, b)| attribute_inference(("X//1", "one"), a, b, &draws()).unwrap())
            .collect(),
        ..Attacks::default()
    }
}

#[test]
fn a_model_that_remembers_is_found_by_every_attack() {
    let report = PrivacyReport::new(About::default(), draws(), attacks(1, 0.5));
    for attack in Attack::ALL {
        assert!(
            report.findings.iter().any(|f| f.attack == attack),
            "{attack:?} found nothing: {:?}",
            report.findings
        );
    }
    assert!(report.answer[0].contains("gives away"), "{}", report.answer[0]);
    assert_eq!(report.findings[0].severity, Severity::Serious);
}

#[test]
fn honest_numbers_give_no_alarm() {
    let mut alarms = 0;
    for seed in 0..40 {
        let report = PrivacyReport::new(About::default(), draws(), attacks(seed, 0.0));
        alarms += report.alarms();
    }
    // Ten tests a report, each at one in a hundred within its family of one to five.
    assert!(alarms <= 4, "{alarms} alarms in 40 honest reports");
}

#[test]
fn the_report_is_read_back_and_tabled() {
    let mut made = attacks(2, 0.0);
    made.not_made.push((Attack::Canaries, "None were planted.".into()));
    let about = About { dataset: "<b>&".into(), synthetic: true, ..About::default() };
    let report = PrivacyReport::new(about, draws(), made);
    let back: PrivacyReport = serde_json::from_str(&report.to_json().unwrap()).unwrap();
    assert_eq!(back, report);
    let rows = report.measures();
    assert!(rows.iter().any(|r| r.metric == "auc" && r.low.is_some() && r.n == Some(320)));
    assert!(rows.iter().any(|r| r.group == "repeats=16"));
    let html = report.to_html();
    assert!(html.contains("Synthetic data") && html.contains("&lt;b&gt;&amp;") && !html.contains("<b>&"));
    for word in ["Membership inference", "can&#39;t be told", "exposure", "None were planted"] {
        assert!(html.contains(word), "{word} is not on the page");
    }
}

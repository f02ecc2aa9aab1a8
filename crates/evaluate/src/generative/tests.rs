//! Futures from the same law pass, and each kind of departure is found by its own number.

use super::*;
use rand::{RngExt, SeedableRng, rngs::StdRng};

fn names() -> Vec<String> {
    (0..20).map(|i| format!("CODE//{i}")).collect()
}

/// A future: visits at exponential gaps, one or two codes each, code 0 with a value, death at a constant hazard.
fn future(rng: &mut StdRng, mean_gap: f64, shift: f64, hazard: f64) -> Stretch {
    let observed = 400.0;
    let exponential = |rng: &mut StdRng, mean: f64| -mean * (1.0 - rng.random::<f64>()).ln();
    let death = exponential(rng, 1.0 / hazard);
    let mut stretch =
        Stretch { died_days: (death < observed).then_some(death), observed_days: observed, events: vec![] };
    let end = death.min(observed);
    let mut days = exponential(rng, mean_gap);
    while days < end {
        let code = (20.0 * rng.random::<f64>().powi(2)) as u32;
        let value = (code == 0).then(|| (rng.random::<f64>() + shift) as f32);
        stretch.events.push(StretchEvent { days, code, value });
        // Codes 1 and 2 come together.
        if code == 1 {
            stretch.events.push(StretchEvent { days, code: 2, value: None });
        }
        days += exponential(rng, mean_gap);
    }
    stretch
}

fn pairs(seed: u64, n: usize, change: impl Fn(&mut Stretch), simulated: (f64, f64, f64)) -> Vec<Pair> {
    let mut rng = StdRng::seed_from_u64(seed);
    (0..n)
        .map(|i| Pair {
            age_days: Some(20_000.0 + i as f64),
            before: vec![],
            real: future(&mut rng, 40.0, 0.0, 0.0005),
            simulated: (0..3)
                .map(|_| {
                    let mut one = future(&mut rng, simulated.0, simulated.1, simulated.2);
                    change(&mut one);
                    one
                })
                .collect(),
        })
        .collect()
}

fn options() -> GenerativeOptions {
    GenerativeOptions {
        bootstrap: Bootstrap { draws: 100, seed: 5, confidence: 0.95 },
        horizon_days: 400.0,
        fewest: 20,
        about: About { synthetic: true, ..About::default() },
        truncated_share: 0.0,
    }
}

fn report(pairs: &[Pair]) -> GenerativeReport {
    compare(pairs, &names(), &options()).unwrap()
}

const SAME: (f64, f64, f64) = (40.0, 0.0, 0.0005);

#[test]
fn futures_from_the_same_law_pass() {
    let (mut held, mut differing, mut small) = (0, 0, 0);
    for seed in 0..10 {
        let report = report(&pairs(seed, 400, |_| (), SAME));
        let auc = &report.discriminator.as_ref().unwrap().auc;
        held += usize::from(auc.low.unwrap() <= 0.5 && 0.5 <= auc.high.unwrap());
        differing += report.codes.differing + report.together.differing;
        small += usize::from(report.gaps.as_ref().unwrap().p_value < 0.05);
        small += report.values.iter().filter(|s| s.p_value < 0.05).count();
    }
    // 20 tests at 5 %.
    assert!(held >= 7 && differing <= 2 && small <= 4, "{held} {differing} {small}");
}

#[test]
fn each_departure_is_found_by_its_own_number() {
    let clean = report(&pairs(1, 400, |_| (), SAME));
    assert_eq!(clean.codes.differing, 0);
    let fewer = report(&pairs(1, 400, |s| s.events.retain(|e| e.code != 3), SAME));
    let three = fewer.codes.each.iter().find(|s| s.codes == ["CODE//3"]).unwrap();
    assert!(three.p_corrected < 0.001 && three.simulated == 0.0 && three.difference.high.unwrap() < 0.0);
    let apart = report(&pairs(
        1,
        400,
        |s| {
            let firsts: Vec<f64> = s.events.iter().filter(|e| e.code == 1).map(|e| e.days).collect();
            if firsts.len().is_multiple_of(2) {
                s.events.retain(|e| e.code != 2);
            }
        },
        SAME,
    ));
    assert!(apart.together.differing > 0);
    let faster = report(&pairs(1, 400, |_| (), (25.0, 0.0, 0.0005)));
    assert!(faster.gaps.as_ref().unwrap().p_value < 0.01 && faster.rates[0].ratio.low.unwrap() > 1.2);
    assert!(faster.discriminator.as_ref().unwrap().auc.low.unwrap() > 0.6);
    let shifted = report(&pairs(1, 400, |_| (), (40.0, 0.4, 0.0005)));
    let value = &shifted.values[0];
    assert!(value.of == "CODE//0" && value.p_value < 0.01 && value.median_difference.low.unwrap() > 0.2);
    assert!(clean.values[0].p_value > 0.01);
    let deadly = report(&pairs(1, 400, |_| (), (40.0, 0.0, 0.002)));
    assert!(deadly.survival.as_ref().unwrap().difference.high.unwrap() < -0.1);
    assert!(clean.survival.as_ref().unwrap().difference.high.unwrap() > 0.0);
    let late =
        report(&pairs(1, 400, |s| s.events.iter_mut().for_each(|e| e.days = 200.0 + e.days / 2.0), SAME));
    let age = &late.onset_ages[0];
    assert!(age.median_difference.low.unwrap() > 0.0 && age.p_value < 0.01, "{age:?}");
}

#[test]
fn the_page_and_the_table_hold_the_numbers() {
    let mut made = pairs(2, 60, |_| (), SAME);
    made.truncate(60);
    let report = compare(&made, &names(), &GenerativeOptions { truncated_share: 0.2, ..options() }).unwrap();
    let html = report.to_html();
    for word in ["Synthetic data", "Survival", "Days between moments", "cut off", "CODE//0"] {
        assert!(html.contains(word), "{word} is not on the page");
    }
    let back: GenerativeReport = serde_json::from_str(&report.to_json().unwrap()).unwrap();
    assert_eq!(back.codes.compared, report.codes.compared);
    assert!(report.measures().iter().any(|m| m.task == "discriminator" && m.n == Some(60)));
}

#[test]
fn little_is_told_where_little_is_known() {
    assert!(compare(&[], &names(), &options()).is_err());
    let few = compare(&pairs(3, 3, |_| (), SAME), &names(), &options()).unwrap();
    assert!(few.discriminator.is_none() && few.codes.compared == 0 && few.values.is_empty());
    let none = Pair { simulated: vec![Stretch::default()], ..Pair::default() };
    let empty = compare(&[none], &names(), &options()).unwrap();
    assert!(empty.survival.is_none() && empty.rates[0].ratio.value.is_none());
}

use super::*;
use rand::{RngExt, SeedableRng, rngs::StdRng};

/// Outcomes drawn from the risks, risks reported after distortion.
fn sample(rows: usize, seed: u64, report: impl Fn(f64) -> f64) -> Scored {
    let mut rng = StdRng::seed_from_u64(seed);
    let (mut p, mut y) = (vec![], vec![]);
    for _ in 0..rows {
        let truth: f64 = expit(rng.random::<f64>() * 5.0 - 3.5);
        y.push(rng.random::<f64>() < truth);
        p.push(report(truth));
    }
    Scored::from_pairs(&p, &y).unwrap()
}

#[test]
fn honest_risks_are_calibrated_and_distortions_are_measured() {
    let honest = sample(40_000, 1, |p| p);
    let r = recalibration(&honest);
    assert!((r.slope - 1.0).abs() < 0.05 && r.intercept.abs() < 0.05, "{r:?}");
    assert!((r.observed_expected - 1.0).abs() < 0.03);
    assert!(integrated_calibration_index(&honest) < 0.01);

    let extreme = sample(40_000, 1, |p| expit(2.0 * super::super::scored::logit(p)));
    assert!((recalibration(&extreme).slope - 0.5).abs() < 0.03);

    let shifted = sample(40_000, 1, |p| expit(super::super::scored::logit(p) + 1.0));
    let r = recalibration(&shifted);
    assert!((r.intercept + 1.0).abs() < 0.05 && (r.slope - 1.0).abs() < 0.05, "{r:?}");
    assert!(r.observed_expected < 0.8 && integrated_calibration_index(&shifted) > 0.1);
}

#[test]
fn what_cannot_be_fitted_is_undefined_not_wrong() {
    let one_class = recalibration(&Scored::from_pairs(&[0.1, 0.3], &[false, false]).unwrap());
    assert_eq!(one_class.observed_expected, 0.0);
    assert!(one_class.intercept.is_nan() && one_class.slope.is_nan());
    let constant = recalibration(&Scored::from_pairs(&[0.3; 4], &[false, true, false, false]).unwrap());
    assert!(constant.slope.is_nan() && constant.intercept.is_finite());
    let separated =
        recalibration(&Scored::from_pairs(&[0.1, 0.2, 0.8, 0.9], &[false, false, true, true]).unwrap());
    assert!(separated.slope.is_nan() && separated.intercept.is_finite());
    let certain =
        recalibration(&Scored::from_pairs(&[0.0, 1.0, 1.0, 0.0], &[false, true, false, true]).unwrap());
    assert!(certain.slope.is_finite() && certain.slope.abs() < 1e-6);
    assert!(recalibration(&Scored::default()).observed_expected.is_nan());
}

#[test]
fn a_draw_equals_the_repeated_sample() {
    let scored = sample(60, 8, |p| p * 0.7);
    let counts: Vec<u32> = (0..60).map(|i| (i * 7 % 3) as u32).collect();
    let whole = recalibration(&scored);
    let drawn = recalibration_of_draw(&scored, Some(&counts), Some(&whole));
    let index: Vec<usize> =
        (0..60).flat_map(|i| std::iter::repeat_n(i, counts[scored.cluster[i] as usize] as usize)).collect();
    let p: Vec<f64> = index.iter().map(|&i| scored.probability[i]).collect();
    let y: Vec<bool> = index.iter().map(|&i| scored.outcome[i]).collect();
    let repeated = Scored::from_pairs(&p, &y).unwrap();
    let want = recalibration(&repeated);
    assert!((drawn.slope - want.slope).abs() < 1e-6 && (drawn.intercept - want.intercept).abs() < 1e-6);
    let ici = Smoother::new(&scored).integrated_calibration_index(&scored, Some(&counts), SMOOTH_BINS);
    assert!((ici - integrated_calibration_index(&repeated)).abs() < 1e-9);
}

#[test]
fn groups_cover_all_rows_and_keep_ties_together() {
    let p: Vec<f64> = (0..1000).map(|i| f64::from(i / 250) / 10.0).collect();
    let y: Vec<bool> = (0..1000).map(|i| i % 3 == 0).collect();
    let made = groups(&Scored::from_pairs(&p, &y).unwrap(), 10, 0.95);
    assert_eq!(made.iter().map(|g| g.rows).collect::<Vec<_>>(), [250; 4]);
    assert!(made.windows(2).all(|w| w[0].predicted < w[1].predicted));
    assert!(made.iter().all(|g| g.low < g.observed && g.observed < g.high));
    // Wilson's interval of 0 of 10 is [0, 0.278].
    let (low, high) = wilson(0.0, 10.0, normal_quantile(0.95));
    assert!(low == 0.0 && (high - 0.277_533).abs() < 1e-6, "{high}");
}

#[test]
fn lowess_window_is_the_nearest_rows() {
    // A naive lowess that sorts distances for each node.
    let scored = sample(150, 4, |p| p);
    let (x, y): (Vec<f64>, Vec<f64>) =
        (0..150).rev().map(|i| (scored.probability[i], f64::from(u8::from(scored.outcome[i])))).unzip();
    let naive: Vec<f64> = x
        .iter()
        .map(|&x0| {
            let mut distances: Vec<f64> = x.iter().map(|x| (x - x0).abs()).collect();
            distances.sort_by(f64::total_cmp);
            let reach = distances[99];
            let pooled = Pooled { weight: vec![1.0; 150], risk: x.clone(), observed: y.clone() };
            let low = x.iter().position(|x| (x - x0).abs() <= reach).unwrap();
            let high = 149 - x.iter().rev().position(|x| (x - x0).abs() <= reach).unwrap();
            local_line(&pooled, low, high, x0, reach)
        })
        .collect();
    let got = Smoother::new(&scored).curve(&scored, None, &x, SMOOTH_BINS);
    for (a, b) in got.iter().zip(&naive) {
        assert!((a - b).abs() < 1e-9, "{a} {b}");
    }
}

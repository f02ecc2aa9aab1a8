//! Worlds whose truth is known.

use super::*;
use crate::error::Error;
use crate::metrics::expit;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

/// What a world is like.
#[derive(Clone, Copy)]
struct World {
    rows: usize,
    /// On the log-odds scale: the effect, and how it changes with the second feature.
    effect: f64,
    modified: f64,
    /// How strongly what isn't recorded moves treatment and outcome.
    hidden: f64,
    /// How strongly the first feature's square moves the outcome, which no model here can follow.
    curved: f64,
}

const PLAIN: World = World { rows: 1200, effect: -0.9, modified: 0.0, hidden: 0.0, curved: 0.0 };

struct Drawn {
    cohort: Cohort,
    /// The same rows with an outcome that the treatment cannot change.
    control: Cohort,
    /// True risks untreated and treated.
    risks: Vec<[f64; 2]>,
}

/// Twelve uniforms' sum: normal enough.
fn normal(random: &mut StdRng) -> f64 {
    (0..12).map(|_| random.random::<f64>()).sum::<f64>() - 6.0
}

impl World {
    fn draw(self, seed: u64) -> Drawn {
        let mut random = StdRng::seed_from_u64(seed);
        let draws: Vec<[f64; 7]> = (0..self.rows)
            .map(|_| {
                let [x1, x2, x3, u] = [(); 4].map(|()| normal(&mut random));
                let [a, b, c] = [(); 3].map(|()| random.random::<f64>());
                [x1, x2, x3, f64::from(u8::from(u > 0.0)), a, b, c]
            })
            .collect();
        let cohort = Cohort { columns: 3, ..Cohort::default() };
        let mut drawn = Drawn { control: cohort.clone(), cohort, risks: Vec::new() };
        for (i, [x1, x2, x3, u, treat, occur, also]) in draws.into_iter().enumerate() {
            let unseen = self.hidden * (u - 0.5);
            let treated = treat < expit(0.7 * x1 - 0.4 * x2 + 2.0 * unseen);
            let base = -0.8 + 0.8 * x1 + 0.4 * x3 + self.curved * (x1 * x1 - 1.0) + 2.0 * unseen;
            let risks = [expit(base), expit(base + self.effect + self.modified * x2)];
            let x = [x1, x2, x3];
            drawn.cohort.push(i as i64, treated, Some(occur < risks[usize::from(treated)]), &x);
            drawn.control.push(i as i64, treated, Some(also < expit(base)), &x);
            drawn.risks.push(risks);
        }
        drawn
    }

    /// The mean effect in the whole world.
    fn truth(self) -> f64 {
        let drawn = World { rows: 200_000, ..self }.draw(99);
        drawn.risks.iter().map(|[a, b]| b - a).sum::<f64>() / drawn.risks.len() as f64
    }

    /// Shares of drawn worlds whose interval holds the truth: doubly robust, and naive.
    fn coverage(self, worlds: u64, control: bool) -> (f64, f64) {
        let truth = if control { 0.0 } else { self.truth() };
        let holds = |c: &Contrast| f64::from(u8::from(c.low <= truth && truth <= c.high));
        let (mut robust, mut naive) = (0.0, 0.0);
        for seed in 0..worlds {
            let drawn = self.draw(seed);
            let cohort = if control { &drawn.control } else { &drawn.cohort };
            let found = effects(cohort, &Settings { propensity_bound: 0.01, ..Settings::default() }).unwrap();
            robust += holds(&found.average) / worlds as f64;
            naive += holds(&found.naive) / worlds as f64;
        }
        println!(
            "{worlds} worlds of {}: doubly robust intervals hold the truth in {robust:.3}, naive in {naive:.3}",
            self.rows
        );
        (robust, naive)
    }
}

#[test]
fn intervals_hold_the_truth_as_often_as_they_say() {
    let (robust, naive) = PLAIN.coverage(200, false);
    assert!((0.90..=0.98).contains(&robust), "{robust}");
    assert!(naive < 0.6, "confounding would not show: {naive}");
}

#[test]
fn what_does_nothing_shows_nothing() {
    let (robust, naive) = World { effect: 0.0, ..PLAIN }.coverage(200, true);
    assert!((0.90..=0.98).contains(&robust), "{robust}");
    assert!(naive < 0.6, "{naive}");
    let settings = Settings { placebos: 40, ..Settings::default() };
    let deviation = effects(&PLAIN.draw(5).cohort, &settings).unwrap().placebo_deviation().unwrap();
    assert!((0.7..1.4).contains(&deviation), "{deviation}");
}

#[test]
fn one_right_model_is_enough() {
    let world = World { rows: 20_000, curved: 0.7, ..PLAIN };
    let truth = world.truth();
    let found =
        effects(&world.draw(3).cohort, &Settings { propensity_bound: 0.01, ..Settings::default() }).unwrap();
    let robust = (found.average.value - truth).abs();
    assert!(robust < 2.5 * found.average.standard_error, "{robust} of {}", found.average.standard_error);
    println!(
        "outcome model wrong, truth {truth:.4}: doubly robust {:.4}, naive {:.4}, outcome alone {:.4}, propensity alone {:.4}",
        found.average.value, found.naive.value, found.outcome_only, found.propensity_only
    );
    assert!((found.naive.value - truth).abs() > 3.0 * robust, "{} {truth}", found.naive.value);
}

#[test]
fn what_is_not_recorded_is_not_adjusted_for_and_the_checks_say_so() {
    let world = World { rows: 4000, effect: 0.0, hidden: 1.2, ..PLAIN };
    let drawn = world.draw(8);
    let found = effects(&drawn.cohort, &Settings::default()).unwrap();
    println!("hidden confounder: {:?}, {:?}", found.average, found.sensitivity);
    assert!(found.average.excludes_zero(), "it should be fooled");
    // An outcome that no treatment can change seems changed too.
    assert!(effects(&drawn.control, &Settings::default()).unwrap().average.excludes_zero());
    let clean = World { hidden: 0.0, ..world }.draw(8);
    assert!(!effects(&clean.control, &Settings::default()).unwrap().average.excludes_zero());
    // The strength that the hidden thing has suffices to explain what is seen; half of its logarithm doesn't.
    let strength = 2.4_f64.exp();
    let Sensitivity { risk_ratio, estimate, interval } = found.sensitivity.unwrap();
    assert!(bounding_factor(strength, strength) > risk_ratio, "{risk_ratio}");
    assert!(
        estimate > 1.5 && estimate < strength && interval > 1.0 && interval < estimate,
        "{:?}",
        found.sensitivity
    );
    let treatment_helps =
        effects(&World { rows: 4000, effect: -2.5, ..PLAIN }.draw(1).cohort, &Settings::default());
    assert!(
        treatment_helps.unwrap().sensitivity.unwrap().interval > estimate,
        "a large true effect takes more to explain away"
    );
}

#[test]
fn e_values_are_the_published_ones() {
    // VanderWeele and Ding 2017: a risk ratio of 3.9 (1.8 to 8.7) has 7.26 and 3.0.
    let arms = |risks: [f64; 2]| risks.map(|risk| Contrast::new(risk, risk / 4.0, 1.96));
    let difference = Contrast { value: 0.29, low: 0.08, high: 0.77, standard_error: 0.1 };
    let found = e_value(arms([0.1, 0.39]), [40, 40], &difference).unwrap();
    assert!((found.estimate - 7.26).abs() < 0.01 && (found.interval - 3.0).abs() < 0.01, "{found:?}");
    let none = Contrast::new(-0.02, 0.02, 1.96);
    let protective = e_value(arms([0.1, 0.08]), [40, 40], &none).unwrap();
    assert!((protective.estimate - 1.809).abs() < 0.01 && protective.interval == 1.0, "{protective:?}");
}

#[test]
fn where_a_risk_may_be_nothing_no_e_value_is_told() {
    let (safe, unsafe_) = (Contrast::new(0.1, 0.02, 1.96), Contrast::new(0.001, 0.002, 1.96));
    let difference = Contrast::new(-0.1, 0.02, 1.96);
    assert_eq!(e_value([safe, unsafe_], [40, 12], &difference), None);
    assert_eq!(e_value([unsafe_, safe], [12, 40], &difference), None);
    assert_eq!(e_value([safe, safe], [40, 9], &difference), None, "few events");
    // Nobody of the treated has the outcome: the ratio to it would run into millions.
    let mut cohort = Cohort { columns: 1, ..Cohort::default() };
    for i in 0..1000_u32 {
        let treated = i % 2 == 0;
        cohort.push(i.into(), treated, Some(!treated && i % 5 == 0), &[f64::from(i % 7)]);
    }
    let found = effects(&cohort, &Settings::default()).unwrap();
    assert!(found.average.excludes_zero() && found.sensitivity.is_none(), "{:?}", found.sensitivity);
}

#[test]
fn without_people_in_common_nothing_is_said() {
    let mut cohort = Cohort { columns: 1, ..Cohort::default() };
    let mut random = StdRng::seed_from_u64(1);
    for i in 0..2000 {
        let x = f64::from(i % 100) / 50.0 - 1.0;
        cohort.push(i.into(), x > 0.0, Some(random.random::<f64>() < 0.3), &[x]);
    }
    let refused = effects(&cohort, &Settings::default());
    assert!(matches!(refused, Err(Error::Unsupported { arm: "people", .. })));
    let few = Cohort { columns: 1, ..Cohort::default() };
    assert!(matches!(effects(&few, &Settings::default()), Err(Error::Unsupported { arm: "treated", .. })));
}

#[test]
fn patients_outside_support_are_refused() {
    let mut cohort = Cohort { columns: 2, ..Cohort::default() };
    let mut random = StdRng::seed_from_u64(2);
    for i in 0..4000 {
        let (x, y) = (random.random::<f64>() * 2.0 - 1.0, random.random::<f64>());
        // Nearly everybody with the first feature above a half is treated.
        let e = if x > 0.5 { 0.99 } else { 0.5 };
        let treated = random.random::<f64>() < e;
        cohort.push(i, treated, Some(random.random::<f64>() < 0.3), &[f64::from(u8::from(x > 0.5)), y]);
    }
    let found = effects(&cohort, &Settings::default()).unwrap();
    assert!((found.overlap.outside - 0.25).abs() < 0.03, "{}", found.overlap.outside);
    let modified = Modified::fit(&cohort, &found, &[1]).unwrap();
    let ask = |x: [f64; 2]| modified.patient(&cohort, &found, &x).unwrap();
    assert!(ask([0.0, 0.5]).is_ok());
    assert!(matches!(ask([1.0, 0.5]), Err(Refusal::Propensity { propensity }) if propensity > 0.95));
    assert!(matches!(ask([0.0, 9.0]), Err(Refusal::Far { .. })));
}

#[test]
fn effects_by_patient_beat_one_effect_for_all() {
    let world = World { rows: 8000, effect: 0.0, modified: 1.5, ..PLAIN };
    let drawn = world.draw(4);
    let found = effects(&drawn.cohort, &Settings::default()).unwrap();
    let modified = Modified::fit(&drawn.cohort, &found, &[0, 1, 2]).unwrap();
    let outcome = found.outcome_only_by_row();
    let truth: Vec<f64> = drawn.risks.iter().map(|[a, b]| b - a).collect();
    let each: Vec<Contrast> =
        (0..drawn.cohort.len()).map(|i| modified.at(drawn.cohort.row(i), outcome[i])).collect();
    let values: Vec<f64> = each.iter().map(|c| c.value).collect();
    let constant = vec![found.average.value; truth.len()];
    let naive = vec![found.naive.value; truth.len()];
    let error = |estimated: &[f64]| error_of_effects(estimated, &truth).unwrap();
    let regret = |estimated: &[f64]| policy_regret(estimated, &drawn.risks).unwrap();
    for (name, each) in
        [("by patient", &values), ("one for all", &constant), ("naive", &naive), ("outcome alone", &outcome)]
    {
        println!("effects {name}: error {:.4}, regret {:.4}", error(each), regret(each));
    }
    let (holds, rows) = each
        .iter()
        .zip(&truth)
        .fold((0, 0), |(holds, rows), (c, t)| (holds + usize::from(c.low <= *t && *t <= c.high), rows + 1));
    println!("intervals by patient hold the truth of {holds} of {rows}");
    assert!(holds * 4 > rows * 3, "{holds} of {rows}");
    assert!(error(&values) < 0.25 * error(&constant), "{} {}", error(&values), error(&constant));
    assert!(regret(&values) < 0.02 * regret(&naive), "{} {}", regret(&values), regret(&naive));
    assert_eq!(regret(&truth), 0.0);
}

#[test]
fn unknown_outcomes_are_made_up_for_by_their_weights() {
    // Outcomes of half of the rows with a positive first feature are lost.
    let world = World { rows: 20_000, ..PLAIN };
    let (truth, mut drawn) = (world.truth(), world.draw(6));
    for i in 0..drawn.cohort.len() {
        if drawn.cohort.row(i)[0] > 0.0 {
            if i % 2 == 0 { drawn.cohort.outcomes[i] = None } else { drawn.cohort.weights[i] = 2.0 }
        }
    }
    let found = effects(&drawn.cohort, &Settings { propensity_bound: 0.01, ..Settings::default() }).unwrap();
    assert!((found.average.value - truth).abs() < 2.5 * found.average.standard_error);
}

#[test]
fn rows_of_one_subject_are_one_piece_of_evidence() {
    let drawn = PLAIN.draw(7);
    let mut doubled = drawn.cohort.clone();
    for i in 0..drawn.cohort.len() {
        let row = drawn.cohort.row(i).to_vec();
        doubled.push(drawn.cohort.subjects[i], drawn.cohort.treated[i], drawn.cohort.outcomes[i], &row);
    }
    let (one, two) = (
        effects(&drawn.cohort, &Settings::default()).unwrap().average.standard_error,
        effects(&doubled, &Settings::default()).unwrap().average.standard_error,
    );
    assert!((two / one - 1.0).abs() < 0.1, "{one} {two}");
}

//! The truth about treatments holds together.

#![allow(clippy::unwrap_used, reason = "a test may fail")]

use rayon::prelude::*;
use synth::counterfactual::{DecisionTruth, decisions};
use synth::therapy::Outcome;
use synth::{Population, Settings};

const HORIZON_DAYS: f64 = 1826.25;

fn truths(settings: Settings, draws: u32) -> Vec<(DecisionTruth, f64, bool)> {
    let population = Population::new(settings).unwrap();
    (0..population.len())
        .into_par_iter()
        .flat_map_iter(|index| {
            let subject = population.subject(index);
            decisions(&population, &subject, HORIZON_DAYS, draws)
                .into_iter()
                .map(|truth| {
                    // What was lived, whether the hospital saw it or not.
                    let from = truth.time.days_since(subject.birth) / 365.25;
                    let until = from + HORIZON_DAYS / 365.25;
                    let happened = match truth.outcome {
                        Outcome::Death => subject.life.death_age <= until,
                        Outcome::Onset(condition) => subject
                            .life
                            .of(condition)
                            .any(|o| o.diagnosis_age > from + 1e-9 && o.diagnosis_age <= until),
                    };
                    let age = from;
                    (truth, age, happened)
                })
                .collect::<Vec<_>>()
        })
        .collect()
}

#[test]
fn one_arm_is_the_life_that_was_lived_and_a_placebo_does_nothing() {
    let mut placebo = 0;
    let (mut observed, mut expected, mut variance) = (0.0, 0.0, 0.0);
    let all = truths(Settings { subjects: 3_000, seed: 21, ..Settings::default() }, 12);
    let mut differ = 0;
    for (truth, _, happened) in &all {
        let chosen = if truth.given { truth.outcome_treated } else { truth.outcome_untreated };
        assert_eq!(chosen, *happened, "{} of {}", truth.therapy.name, truth.subject_id);
        assert!((0.0..=1.0).contains(&truth.risk_treated) && (0.0..=1.0).contains(&truth.risk_untreated));
        differ += usize::from(truth.outcome_treated != truth.outcome_untreated);
        if truth.therapy.name == "vitamin_d" {
            placebo += 1;
            assert_eq!(truth.outcome_treated, truth.outcome_untreated);
            assert!((truth.risk_treated - truth.risk_untreated).abs() < 1e-9);
        }
        // Both arms' coupled outcomes are draws of both arms' risks.
        for (outcome, risk) in
            [(truth.outcome_treated, truth.risk_treated), (truth.outcome_untreated, truth.risk_untreated)]
        {
            observed += f64::from(u8::from(outcome));
            expected += risk;
            variance += risk * (1.0 - risk);
        }
    }
    println!(
        "{} decisions and outcomes, {differ} differ by treatment; {observed} happened, {expected:.1} expected",
        all.len()
    );
    assert!(placebo > 100 && differ > 50, "{placebo} placebo, {differ} differ");
    // Outcomes cluster within persons and arms, so the variance is widened fourfold.
    assert!((observed - expected).abs() < 4.0 * (4.0 * variance).sqrt(), "{observed} of {expected:.1}");
}

/// Risks among the treated less those among the untreated, whatever confounds them, in outcomes as observed.
fn naive_difference(rows: &[(DecisionTruth, f64, bool)]) -> f64 {
    let mean = |given: bool| {
        let of: Vec<f64> = rows
            .iter()
            .filter(|(t, ..)| t.given == given)
            .map(|(_, _, happened)| f64::from(u8::from(*happened)))
            .collect();
        of.iter().sum::<f64>() / of.len() as f64
    };
    mean(true) - mean(false)
}

#[test]
fn the_naive_comparison_is_misled_and_the_truth_is_not() {
    let settings = |confounding| Settings {
        subjects: 4_000,
        seed: 5,
        unmeasured_confounding: confounding,
        ..Settings::default()
    };
    let deaths = |rows: Vec<(DecisionTruth, f64, bool)>, name: &str| -> Vec<_> {
        rows.into_iter().filter(|(t, ..)| t.therapy.name == name && t.outcome == Outcome::Death).collect()
    };
    let placebo = deaths(truths(settings(0.0), 1), "vitamin_d");
    let naive = naive_difference(&placebo);
    println!("vitamin D and death, naive: {naive:+.3} of {} decisions; truth 0", placebo.len());
    assert!(naive > 0.03, "the placebo looks harmless: {naive:+.3}");

    // With something hidden, those untreated at the same age are worse off.
    let hidden = deaths(truths(settings(1.0), 1), "vitamin_d");
    let (mut high, mut low) = ((0.0, 0.0), (0.0, 0.0));
    for (truth, age, _) in &hidden {
        let side = if truth.given { &mut high } else { &mut low };
        side.0 += truth.risk_untreated / age.powi(5);
        side.1 += 1.0;
    }
    assert!(high.0 / high.1 < low.0 / low.1, "the hidden confounder doesn't confound");
}

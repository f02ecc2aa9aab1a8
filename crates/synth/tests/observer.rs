//! The observer of the record is right on average, and nobody reading the record alone does better.

#![allow(clippy::unwrap_used, reason = "a test may fail")]

use rayon::prelude::*;
use synth::observer::{Effort, RiskTruth, risks};
use synth::therapy::Outcome;
use synth::{Condition, Population, Settings};

/// Enough for an error of the machinery to show; the lab book's run is larger.
const SUBJECTS: u64 = 240;
const PARTICLES: u32 = 50;

/// Did it come on record within the horizon, in the whole life?
fn happened(population: &Population, row: &RiskTruth) -> bool {
    let subject = population.subject(row.subject_id as u64 - 1);
    let age = row.time.days_since(subject.birth) / 365.25;
    let until = age + row.horizon_days / 365.25;
    match row.outcome {
        Outcome::Death => subject.life.death_age <= until,
        Outcome::Onset(condition) => {
            subject.life.of(condition).any(|o| o.finding.known_age > age && o.finding.known_age <= until)
        }
    }
}

/// Has the record the outcome by the moment that is asked about?
fn on_record(population: &Population, row: &RiskTruth) -> bool {
    let Outcome::Onset(condition) = row.outcome else { return false };
    let subject = population.subject(row.subject_id as u64 - 1);
    let mut known = subject.record.encounters.iter().filter(|encounter| encounter.known() <= row.time);
    known.any(|e| e.diagnoses.iter().any(|d| d.concept.code == condition.profile().icd10cm))
}

fn area_under_curve(scores: &[(f64, bool)]) -> f64 {
    let (mut wins, mut pairs) = (0.0, 0.0);
    for (case, _) in scores.iter().filter(|(_, y)| *y) {
        for (control, _) in scores.iter().filter(|(_, y)| !*y) {
            wins += if case > control { 1.0 } else { f64::from(u8::from(case == control)) / 2.0 };
            pairs += 1.0;
        }
    }
    wins / pairs
}

#[test]
fn the_observer_is_calibrated_and_knows_less_than_the_truth() {
    let (subjects, particles) = (SUBJECTS, PARTICLES);
    let population = Population::new(Settings { subjects, seed: 31, ..Settings::default() }).unwrap();
    let rows: Vec<(RiskTruth, bool)> = (0..subjects)
        .into_par_iter()
        .flat_map_iter(|index| {
            let effort = Effort { particles, draws: 10 };
            risks(&population, &population.subject(index), &[365.25, 1826.25], effort)
        })
        .map(|row| {
            assert!(!on_record(&population, &row), "{:?} is on record by then", row.outcome);
            let happened = happened(&population, &row);
            (row, happened)
        })
        .collect();
    let mut effective: Vec<f64> = rows.iter().map(|(row, _)| row.effective_particles).collect();
    effective.sort_by(f64::total_cmp);
    println!(
        "{} risks; effective particles: 10th centile {:.1}, median {:.1} of {particles}",
        rows.len(),
        effective[effective.len() / 10],
        effective[effective.len() / 2]
    );
    let outcomes: Vec<Outcome> =
        Condition::ALL.into_iter().map(Outcome::Onset).chain([Outcome::Death]).collect();
    let (mut all_observed, mut all_expected, mut all_true, mut variance) = (0.0, 0.0, 0.0, 0.0);
    for days in [365.25, 1826.25] {
        for outcome in &outcomes {
            let of: Vec<_> =
                rows.iter().filter(|(r, _)| r.outcome == *outcome && r.horizon_days == days).collect();
            if of.is_empty() {
                continue;
            }
            let observed = of.iter().filter(|(_, y)| *y).count() as f64;
            let bayes: f64 = of.iter().map(|(r, _)| r.bayes_risk).sum();
            let truth: f64 = of.iter().map(|(r, _)| r.true_risk).sum();
            let latent = of.iter().filter(|(r, _)| r.latent).count();
            let believed: f64 = of.iter().map(|(r, _)| r.bayes_latent).sum();
            let area = |score: &dyn Fn(&RiskTruth) -> f64| {
                area_under_curve(&of.iter().map(|(r, y)| (score(r), *y)).collect::<Vec<_>>())
            };
            println!(
                "{:24} {days:6.0} d: {observed:4.0} seen, {bayes:6.1} by the record, {truth:6.1} by the truth; \
                 latent {latent:4}, {believed:6.1} believed; AUC {:.3} of {:.3}",
                outcome.name(),
                area(&|r| r.bayes_risk),
                area(&|r| r.true_risk),
            );
            all_observed += observed;
            all_expected += bayes;
            all_true += truth;
            variance += of.iter().map(|(r, _)| r.bayes_risk * (1.0 - r.bayes_risk)).sum::<f64>();
        }
    }
    println!("in all: {all_observed} seen, {all_expected:.1} by the record, {all_true:.1} by the truth");
    // Horizons overlap and diseases of one person go together: the variance is widened fourfold.
    let allowed = 3.0 * (4.0 * variance).sqrt();
    assert!((all_observed - all_true).abs() < allowed, "truth: {all_observed} seen, {all_true:.1} expected");
    assert!((all_observed - all_expected).abs() < allowed + 0.1 * all_expected);
    let pooled = |score: &dyn Fn(&RiskTruth) -> f64| {
        area_under_curve(
            &rows
                .iter()
                .filter(|(r, _)| r.horizon_days < 400.0)
                .map(|(r, y)| (score(r), *y))
                .collect::<Vec<_>>(),
        )
    };
    let (bayes, truth) = (pooled(&|r| r.bayes_risk), pooled(&|r| r.true_risk));
    println!("pooled AUC at a year: {bayes:.3} of {truth:.3}");
    assert!(bayes < truth && bayes > 0.75, "{bayes:.3} by the record, {truth:.3} by the truth");
}

/// Who holds a code of history has had the episode, and the observer knows it: without it, stroke came out at a third.
#[test]
fn the_observer_reads_codes_of_history() {
    let population = Population::new(Settings { subjects: 9_000, seed: 32, ..Settings::default() }).unwrap();
    let effort = Effort { particles: PARTICLES, draws: 10 };
    let of = |history: &str, condition: Condition| {
        let rows: Vec<RiskTruth> = (0..9_000u64)
            .into_par_iter()
            .flat_map_iter(|index| {
                let subject = population.subject(index);
                let holds = subject.record.encounters.first().is_some_and(|first| {
                    first.diagnoses.iter().any(|diagnosis| diagnosis.concept.code == history)
                });
                let rows = match holds {
                    true => risks(&population, &subject, &[1826.25], effort),
                    false => Vec::new(),
                };
                rows.into_iter().filter(move |row| row.outcome == Outcome::Onset(condition))
            })
            .collect();
        let sum = |risk: fn(&RiskTruth) -> f64| rows.iter().map(risk).sum::<f64>();
        let (truth, bayes) = (sum(|row| row.true_risk), sum(|row| row.bayes_risk));
        println!("{history}: {} rows, {truth:.2} by the truth, {bayes:.2} by the record", rows.len());
        (rows.len(), truth / bayes)
    };
    for (history, condition) in [("Z86.73", Condition::Stroke), ("I25.2", Condition::MyocardialInfarction)] {
        let (rows, ratio) = of(history, condition);
        assert!(rows > 30, "{history}: {rows} rows");
        assert!((0.7..1.4).contains(&ratio), "{history}: true over observed {ratio:.2}");
    }
}

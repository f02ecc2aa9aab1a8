//! A report on simulated predictions, to look at: `cargo run -p evaluate --example report > report.html`.
//! Arguments: number of subjects, number of outcomes, bootstrap draws. Times go to standard error.

use evaluate::{About, Bootstrap, Options, assemble, evaluate_task};
use events::{Prediction, Sex, Time};
use rand::{RngExt, SeedableRng, rngs::StdRng};
use std::time::Instant;

const OUTCOMES: [(&str, &str, f64); 8] = [
    ("ICD10CM//I10", "Essential hypertension", -2.2),
    ("ICD10CM//E11.9", "Type 2 diabetes mellitus", -3.0),
    ("ICD10CM//I50.9", "Heart failure", -3.6),
    ("ICD10CM//I48.91", "Atrial fibrillation", -3.5),
    ("ICD10CM//N18.3", "Chronic kidney disease, stage 3", -3.4),
    ("ICD10CM//J44.9", "Chronic obstructive pulmonary disease", -3.8),
    ("ICD10CM//I21.9", "Acute myocardial infarction", -4.2),
    ("MEDS_DEATH", "Death", -3.3),
];

fn expit(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

/// Outcomes that get plots, thresholds and fairness, as in a report of many.
const DETAILED: usize = 12;

/// Risks that are a little too extreme, of an outcome that is censored for some.
fn simulated(code: &str, outcome: usize, subjects: usize, rng: &mut StdRng) -> Vec<Prediction> {
    let intercept = OUTCOMES[outcome % OUTCOMES.len()].2;
    let mut predictions = Vec::with_capacity(subjects);
    let strength = 0.5 + 0.15 * (outcome % 5) as f64;
    for subject in 0..subjects {
        let age = 20.0 + 70.0 * rng.random::<f64>();
        let latent = 2.0 * (rng.random::<f64>() - 0.5) * 2.0;
        let by_age = intercept + (age - 55.0) / 22.0;
        let onset_days = -(1.0 - rng.random::<f64>()).ln() / expit(by_age + strength * latent) * 365.25;
        let leaves = rng.random::<f64>() * 1500.0;
        let observed = onset_days.min(leaves);
        predictions.push(Prediction {
            subject_id: subject as i64,
            prediction_time: Time::from_micros(0),
            task: code.into(),
            horizon_days: 365.25,
            boolean_value: if onset_days <= leaves.min(365.25) {
                Some(true)
            } else {
                (observed >= 365.25).then_some(false)
            },
            observed_days: Some(observed as f32),
            predicted_boolean_probability: expit(
                by_age * 1.1 + strength * latent + 0.3 * (rng.random::<f64>() - 0.5),
            ),
            baseline_probability: Some(expit(by_age)),
            age_years: Some(age as f32),
            sex: match subject % 100 {
                0 => Sex::Unknown,
                i if i % 2 == 0 => Sex::Female,
                _ => Sex::Male,
            },
        });
    }
    predictions
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let argument =
        |i: usize, default: usize| std::env::args().nth(i).map_or(Ok(default), |a| a.parse::<usize>());
    let (subjects, outcomes, draws) = (argument(1, 3000)?, argument(2, 8)?, argument(3, 500)?);
    let mut rng = StdRng::seed_from_u64(11);
    let mut about = About {
        dataset: "A simulated cohort".into(),
        synthetic: true,
        model: "example, tiny".into(),
        model_digest: "blake3:5f1c…".into(),
        split: "held_out, 10 % of subjects by keyed hash".into(),
        prediction_times:
            "One per subject: the first visit after a date drawn without looking at the record.".into(),
        outcomes:
            "First occurrence of the code within the horizon; subjects who had it before are left out; death \
                   before onset counts as no onset."
                .into(),
        baseline:
            "Incidence by sex and five-year age band in the training subjects, shrunk, death competing."
                .into(),
        tool: "osler 0.1.0".into(),
        ..About::default()
    };
    let mut codes = Vec::new();
    for outcome in 0..outcomes {
        let (code, name, _) = OUTCOMES[outcome % OUTCOMES.len()];
        let code = if outcome < OUTCOMES.len() { code.to_owned() } else { format!("{code}-{outcome}") };
        about.descriptions.insert(code.clone(), name.to_owned());
        codes.push(code);
    }
    let options =
        Options { bootstrap: Bootstrap { draws, ..Bootstrap::default() }, about, ..Options::default() };
    // One outcome in memory at a time.
    let start = Instant::now();
    let measured = codes.iter().enumerate().map(|(outcome, code)| {
        let rows = simulated(code, outcome, subjects, &mut rng);
        evaluate_task(
            code,
            rows[0].horizon_days,
            &rows.iter().collect::<Vec<_>>(),
            outcome < DETAILED,
            &options,
        )
    });
    let report = assemble(measured.collect::<Result<_, _>>()?, &options);
    let peak = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = peak.lines().find_map(|l| l.strip_prefix("VmHWM:")).unwrap_or("unknown").trim().to_owned();
    eprintln!(
        "{subjects} subjects, {outcomes} outcomes, {draws} draws: {:.2} s, at most {peak}",
        start.elapsed().as_secs_f64()
    );
    println!("{}", report.to_html());
    Ok(())
}

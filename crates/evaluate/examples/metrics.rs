//! Metrics of `label,probability,subject[,baseline[,observed_days[,sex]]]` read from standard input, as JSON, for
//! comparison with other software. An empty label is a censored row; sex is `F`, `M` or empty. Arguments: the horizon in days,
//! how many bootstrap draws, and thresholds separated by commas. With several horizons, separated by commas, label and
//! probability hold one for each, separated by `;`, and only the integrated Brier score is told.
//!
//! `cargo run -p evaluate --example metrics -- 365 500 < predictions.csv`

use evaluate::bootstrap::clusters;
use evaluate::metrics::{
    Row, Scored, accuracy, calibration, censoring, delong, ranking, recalibrate, utility,
};
use evaluate::{Bootstrap, Options, evaluate};
use events::{Prediction, Sex, Time};
use std::io::Read;

/// Draws number subjects by their ids, rising.
fn sorted_subjects(predictions: &[Prediction]) -> Vec<i64> {
    let mut subjects: Vec<i64> = predictions.iter().map(|p| p.subject_id).collect();
    subjects.sort_unstable();
    subjects
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let horizons: Vec<f32> = match std::env::args().nth(1) {
        Some(told) => told.split(',').map(str::parse).collect::<Result<_, _>>()?,
        None => vec![0.0],
    };
    let horizon = horizons[0];
    let draws: usize = std::env::args().nth(2).map_or(Ok(0), |d| d.parse())?;
    let thresholds = std::env::args().nth(3).unwrap_or_default();
    let thresholds =
        thresholds.split(',').filter(|t| !t.is_empty()).map(str::parse).collect::<Result<Vec<f64>, _>>()?;
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text)?;
    let mut predictions = Vec::new();
    for line in text.lines().skip(1) {
        let field: Vec<&str> = line.split(',').collect();
        for (k, horizon_days) in horizons.iter().enumerate() {
            let number = |i: usize| -> Result<Option<f64>, std::num::ParseFloatError> {
                let cell = field.get(i).and_then(|f| if i < 2 { f.split(';').nth(k) } else { Some(*f) });
                cell.filter(|f| !f.is_empty()).map(str::parse).transpose()
            };
            predictions.push(Prediction {
                subject_id: number(2)?.unwrap_or((predictions.len() / horizons.len()) as f64) as i64,
                prediction_time: Time::from_micros(0),
                task: "task".into(),
                horizon_days: *horizon_days,
                boolean_value: number(0)?.map(|y| y != 0.0),
                observed_days: number(4)?.map(|d| d as f32),
                predicted_boolean_probability: number(1)?.ok_or("a row has no probability")?,
                baseline_probability: number(3)?,
                age_years: None,
                sex: match field.get(5).copied() {
                    Some("F") => Sex::Female,
                    Some("M") => Sex::Male,
                    _ => Sex::Unknown,
                },
            });
        }
    }
    if horizons.len() > 1 {
        let options =
            Options { bootstrap: Bootstrap { draws, ..Bootstrap::default() }, ..Options::default() };
        let report = evaluate(&predictions, &options)?;
        println!("{}", serde_json::json!({ "integrated_brier": report.integrated_brier }));
        return Ok(());
    }
    let rows = |weights: Option<&[f64]>| {
        Scored::new(predictions.iter().enumerate().filter_map(|(i, p)| {
            let weight = weights.map_or(1.0, |w| w[i]);
            Some(Row {
                probability: p.predicted_boolean_probability,
                outcome: p.boolean_value?,
                weight,
                cluster: i as u32,
            })
        }))
    };
    let plain = rows(None)?;
    let accuracy = accuracy::accuracy(&plain);
    let line = calibration::recalibration(&plain);
    let known: Vec<&Prediction> = predictions.iter().filter(|p| p.boolean_value.is_some()).collect();
    let comparison =
        known.iter().map(|p| p.baseline_probability).collect::<Option<Vec<f64>>>().map(|second| {
            let first: Vec<f64> = known.iter().map(|p| p.predicted_boolean_probability).collect();
            let outcomes: Vec<bool> = known.iter().map(|p| p.boolean_value == Some(true)).collect();
            delong::delong(&first, &second, &outcomes)
        });
    let options = Options {
        bootstrap: Bootstrap { draws, ..Bootstrap::default() },
        min_events: 1,
        small_cell: 1,
        thresholds,
        ..Options::default()
    };
    let report = evaluate(&predictions, &options)?;
    let (_, subjects) = clusters(sorted_subjects(&predictions));
    let multiplicities: Vec<Vec<u32>> = options.bootstrap.replicate(subjects, |counts| counts.to_vec());
    let model = report.tasks.first().map(|t| &t.model);
    let follow_up: Vec<censoring::FollowUp> = predictions
        .iter()
        .map(|p| censoring::FollowUp {
            outcome: p.boolean_value,
            observed_days: f64::from(p.observed_days.unwrap_or(0.0)),
        })
        .collect();
    let weights = censoring::CensoringCurve::fit(&follow_up, f64::from(horizon))
        .weights(&follow_up, f64::from(horizon));
    let task = report.tasks.first();
    let corrected = |apply: &dyn Fn(f64) -> f64| {
        predictions.iter().map(|p| apply(p.predicted_boolean_probability)).collect::<Vec<f64>>()
    };
    let platt = recalibrate::Platt::fit(&plain).map(|fit| corrected(&|p| fit.apply(p)));
    let isotonic = recalibrate::Isotonic::fit(&plain).map(|fit| corrected(&|p| fit.apply(p)));
    println!(
        "{}",
        serde_json::json!({
            "timed": task.and_then(|t| t.timed.as_ref()),
            "operating": task.map(|t| &t.operating),
            "fairness": task.and_then(|t| t.fairness.as_ref()),
            "platt": platt,
            "isotonic": isotonic,
            "auroc": ranking::auroc(&plain),
            "average_precision": ranking::average_precision(&plain),
            "brier": accuracy.brier,
            "brier_scaled": accuracy.brier_scaled,
            "log_loss": accuracy.log_loss,
            "observed_expected": line.observed_expected,
            "calibration_intercept": line.intercept,
            "calibration_slope": line.slope,
            "recalibration_intercept": line.intercept_beside_slope,
            "integrated_calibration_index": calibration::integrated_calibration_index(&plain),
            "net_benefit": utility::decision_curve(&plain, &[0.05, 0.1, 0.2, 0.5]),
            "delong": comparison.transpose()?.flatten(),
            "weights": weights,
            "brier_ipcw": model.and_then(|m| m.brier_ipcw.value),
            "performance": model,
            "multiplicities": multiplicities,
            "undefined_draws": model.map(|m| m.auroc.undefined_draws),
        })
    );
    Ok(())
}

//! What would recalibration at this site bring? Fitted on four fifths of the subjects, measured on the fifth, in turn.

use super::measure::Predictor;
use super::options::Options;
use super::outcome::Performance;
use super::task::Rows;
use crate::error::Result;
use crate::metrics::recalibrate::{Isotonic, Platt};
use crate::metrics::{Row, Scored};
use serde::{Deserialize, Serialize};

/// Parts of the subjects in cross-fitting.
const FOLDS: u32 = 5;

/// The model after one kind of recalibration.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Recalibrated {
    /// `platt` or `isotonic`.
    pub method: String,
    /// How the corrected risks did on subjects that the correction had not seen.
    pub performance: Performance,
}

type Correction = Box<dyn Fn(f64) -> f64>;
type Fit = fn(&Scored) -> Option<Correction>;

fn platt(scored: &Scored) -> Option<Correction> {
    let fit = Platt::fit(scored)?;
    Some(Box::new(move |risk| fit.apply(risk)))
}

fn isotonic(scored: &Scored) -> Option<Correction> {
    let fit = Isotonic::fit(scored)?;
    Some(Box::new(move |risk| fit.apply(risk).clamp(0.0, 1.0)))
}

/// Each method's performance; a method that can't be fitted in some part is left out.
pub(super) fn recalibrated(rows: &Rows, options: &Options) -> Result<Vec<Recalibrated>> {
    let methods: [(&str, Fit); 2] = [("platt", platt), ("isotonic", isotonic)];
    let mut made = Vec::new();
    'methods: for (method, fit) in methods {
        let mut corrected: Vec<Row> = Vec::new();
        for fold in 0..FOLDS {
            // Clusters are numbered by subject id, a pseudonym without meaning.
            let learn = rows.scored_where(|i| rows.cluster[i] % FOLDS != fold)?;
            let Some(correct) = fit(&learn) else { continue 'methods };
            let measured = rows.scored_where(|i| rows.cluster[i] % FOLDS == fold)?;
            corrected.extend((0..measured.len()).map(|i| Row {
                probability: correct(measured.probability[i]),
                outcome: measured.outcome[i],
                weight: measured.weight[i],
                cluster: measured.cluster[i],
            }));
        }
        let predictor = Predictor::new(Scored::new(corrected)?, rows.rows_of_cluster(|_| true));
        let draws = options.bootstrap.replicate(rows.clusters, |counts| predictor.draw(counts));
        let performance = predictor.performance(&draws.iter().collect::<Vec<_>>(), &options.bootstrap);
        made.push(Recalibrated { method: method.to_owned(), performance });
    }
    Ok(made)
}

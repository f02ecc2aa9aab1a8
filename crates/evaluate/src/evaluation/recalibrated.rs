//! What would recalibration at this site bring? Fitted on four fifths of the subjects, measured on the fifth, in turn.

use super::measure::Predictor;
use super::options::Options;
use super::outcome::Performance;
use super::task::Rows;
use crate::error::Result;
use crate::metrics::recalibrate::{Isotonic, Platt};
use crate::metrics::{Row, Scored};
use events::Prediction;
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;
use std::collections::BTreeMap;

/// Parts of the subjects in cross-fitting.
const FOLDS: u32 = 5;
/// Events, and non-events, that a site must have for a correction of its own.
const SMALLEST_SITE: usize = 25;

/// The model after one kind of recalibration.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Recalibrated {
    /// `platt`, `isotonic` or `platt_by_site`.
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

/// Each method's performance; a method that can't be fitted in some part is left out. Where records say at which of several
/// sites a subject is cared for, Platt's is fitted site by site too.
pub(super) fn recalibrated(rows: &Rows, options: &Options) -> Result<Vec<Recalibrated>> {
    let everyone = vec![0; rows.predictions.len()];
    let mut methods: Vec<(&str, Fit, &[usize])> =
        vec![("platt", platt, &everyone), ("isotonic", isotonic, &everyone)];
    let sites = sites(rows, options);
    if let Some(sites) = &sites {
        methods.push(("platt_by_site", platt, sites));
    }
    let mut made = Vec::new();
    for (method, fit, part_of) in methods {
        let Some(corrected) = cross_fitted(rows, fit, part_of)? else { continue };
        let predictor = Predictor::new(Scored::new(corrected)?, rows.rows_of_cluster(|_| true));
        let draws = options.bootstrap.replicate(rows.clusters, |counts| predictor.draw(counts));
        let performance = predictor.performance(&draws.iter().collect::<Vec<_>>(), &options.bootstrap);
        made.push(Recalibrated { method: method.to_owned(), performance });
    }
    Ok(made)
}

/// Every row corrected by what was fitted on the other folds of its part; `None` where some part can't be fitted.
fn cross_fitted(rows: &Rows, fit: Fit, part_of: &[usize]) -> Result<Option<Vec<Row>>> {
    let mut corrected: Vec<Row> = Vec::new();
    for part in 0..part_of.iter().max().map_or(0, |last| last + 1) {
        for fold in 0..FOLDS {
            // Clusters are numbered by subject id, a pseudonym without meaning.
            let is_left_out = |i: usize| rows.cluster[i] % FOLDS == fold;
            let learn = rows.scored_where(false, |i| part_of[i] == part && !is_left_out(i))?;
            let Some(correct) = fit(&learn) else { return Ok(None) };
            let measured = rows.scored_where(false, |i| part_of[i] == part && is_left_out(i))?;
            corrected.extend((0..measured.len()).map(|i| Row {
                probability: correct(measured.probability[i]),
                outcome: measured.outcome[i],
                weight: measured.weight[i],
                cluster: measured.cluster[i],
            }));
        }
    }
    Ok(Some(corrected))
}

/// The number of each row's site; sites too small to be fitted alone are taken together. `None` unless there are two.
fn sites(rows: &Rows, options: &Options) -> Option<Vec<usize>> {
    let attribute = options.attributes.iter().find(|a| a.name == "site")?;
    let site_of = |p: &Prediction| attribute.group_of.get(&p.subject_id).map_or("", SmolStr::as_str);
    let mut sizes: BTreeMap<&str, [usize; 2]> = BTreeMap::new();
    for p in &rows.predictions {
        if let Some(outcome) = p.boolean_value {
            sizes.entry(site_of(p)).or_default()[usize::from(outcome)] += 1;
        }
    }
    let large = sizes.iter().filter(|(_, size)| size.iter().all(|n| *n >= SMALLEST_SITE));
    let number: BTreeMap<&str, usize> = large.enumerate().map(|(i, (site, _))| (*site, i + 1)).collect();
    let parts: Vec<usize> =
        rows.predictions.iter().map(|p| number.get(site_of(p)).copied().unwrap_or(0)).collect();
    // Numbers without a gap: 0 is for the small ones, where there are any.
    let lowest = parts.iter().min().copied()?;
    let parts: Vec<usize> = parts.into_iter().map(|part| part - lowest).collect();
    (number.len() > 1).then_some(parts)
}

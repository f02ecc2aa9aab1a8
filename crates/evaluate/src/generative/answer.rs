//! The comparison in plain sentences.

use super::{GenerativeReport, Spread};
use crate::words;

pub(super) fn sentences(report: &GenerativeReport) -> Vec<String> {
    let confidence = report.bootstrap.confidence;
    let mut said = Vec::new();
    match &report.discriminator {
        Some(found) => said.push(format!(
            "A logistic classifier tells simulated from real futures with an AUC of {} (0.5: it can't; {} subjects, each \
             with one of both, cross-validated).",
            words::with_interval(&found.auc, confidence),
            words::count(found.subjects)
        )),
        None => said.push("Too few subjects for a classifier between simulated and real futures.".to_owned()),
    }
    for rate in &report.rates {
        said.push(format!(
            "Simulated {} a year are {} times the real ones.",
            rate.of,
            words::with_interval(&rate.ratio, confidence)
        ));
    }
    said.push(format!(
        "Of {} codes {} are simulated more or less often than they occur (corrected p below 0.05); over all of them real \
         and simulated frequencies correlate at {}.",
        words::count(report.codes.compared),
        words::count(report.codes.differing),
        words::with_interval(&report.codes.correlation, confidence)
    ));
    if report.together.compared > 0 {
        said.push(format!(
            "Of {} pairs of the commonest codes {} are.",
            words::count(report.together.compared),
            words::count(report.together.differing)
        ));
    }
    if let Some(gaps) = &report.gaps {
        said.push(format!(
            "Days between moments: median {} simulated, {} real; largest distance of the distributions {} (p {}).",
            words::decimals(gaps.simulated[2], 1),
            words::decimals(gaps.real[2], 1),
            words::with_interval(&gaps.distance, confidence),
            p_words(gaps.p_value)
        ));
    }
    let differing = |each: &[Spread]| each.iter().filter(|s| s.p_value * (each.len() as f64) < 0.05).count();
    for (what, each) in [("Values", &report.values), ("Ages at onset", &report.onset_ages)] {
        if !each.is_empty() {
            said.push(format!(
                "{what} were compared for {} codes; for {} their distributions differ (p below 0.05, corrected).",
                each.len(),
                differing(each)
            ));
        }
    }
    match &report.survival {
        Some(survival) => said.push(format!(
            "Survival at the end: simulated less real {} ({} real deaths).",
            words::with_interval(&survival.difference, confidence),
            words::count(survival.real_deaths)
        )),
        None => said.push("Nobody died, really or simulated.".to_owned()),
    }
    if report.truncated_share > 0.01 {
        said.push(format!(
            "{} of the trajectories were cut off before their stretch ended: simulate with more --most-tokens, or over a \
             shorter horizon, before believing that simulated records are shorter.",
            words::percent(report.truncated_share)
        ));
    }
    said
}

fn p_words(p: f64) -> String {
    if p < 0.002 { "below 0.002".to_owned() } else { words::number(p) }
}

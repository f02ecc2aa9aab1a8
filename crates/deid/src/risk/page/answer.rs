//! What was found, in a few sentences that stand by themselves.

use super::words::{column, count, list, percent};
use crate::risk::{RiskReport, Uniqueness};

/// The sentences, the most telling first, and last what they are not.
pub(in crate::risk) fn answer(report: &RiskReport) -> Vec<String> {
    let mut sentences = vec![look_alikes(report)];
    sentences.extend(known_events(report));
    let has_columns = !report.quasi_identifiers.is_empty();
    sentences.extend(has_columns.then(|| format!(
        "Somebody who looks for a person known to be in the data set, by these columns alone, is right {} of the time \
         on average, and {} for those in the smallest groups.",
        percent(report.linkage.prosecutor_average),
        if report.classes.smallest == 1 { "always".to_owned() } else { format!("1 time in {}", report.classes.smallest) }
    )));
    sentences.extend(given_away(report).filter(|_| has_columns));
    sentences.extend(text(report));
    sentences.push(
        "These are measurements, not a verdict: whether the risk is very small is for the expert to determine."
            .to_owned(),
    );
    sentences
}

fn look_alikes(report: &RiskReport) -> String {
    if report.quasi_identifiers.is_empty() {
        return format!(
            "Of {} subjects none has any of the quasi-identifiers that were asked for, so nothing is said of who looks like whom.",
            count(report.subjects)
        );
    }
    let names: Vec<String> = report.quasi_identifiers.iter().map(|c| column(&c.name)).collect();
    let below = |k: u32| report.classes.below.iter().find(|b| b.k == k);
    let (alone, few) = (below(2), below(11));
    format!(
        "Of {} subjects, {} ({}) are the only ones with their combination of {}, and {} ({}) are in groups of fewer \
         than 11 who show the same.",
        count(report.subjects),
        count(alone.map_or(0, |b| b.subjects)),
        percent(alone.map_or(0.0, |b| b.share)),
        list(&names),
        count(few.map_or(0, |b| b.subjects)),
        percent(few.map_or(0.0, |b| b.share)),
    )
}

/// The adversaries in one sentence, given the same number of known events: four, as in de Montjoye's work.
fn known_events(report: &RiskReport) -> Option<String> {
    let said = |found: &Uniqueness| {
        let known = found.known.get(3)?;
        Some(format!(
            "{} of them (95 % interval {} to {}) by {}",
            percent(known.share),
            percent(known.low),
            percent(known.high),
            found.adversary.briefly()
        ))
    };
    let all: Vec<String> = report.uniqueness.iter().filter_map(said).collect();
    (!all.is_empty()).then(|| {
        format!(
            "Four events drawn at random from a subject's record fit nobody else in the data set, so that they single \
             out {}.",
            list(&all)
        )
    })
}

fn given_away(report: &RiskReport) -> Option<String> {
    let all = report.sensitive.iter().find(|a| a.name == "all groups as one").or(report.sensitive.first())?;
    Some(match all.subjects_given_away {
        Some(0) => {
            "No group who look alike consists only of subjects with sensitive codes, so these columns alone \
                    tell of nobody that they have one."
                .to_owned()
        }
        given_away => format!(
            "For {} subjects, finding their group tells that they have a sensitive code, since everybody in it has one.",
            given_away.map_or_else(|| "some".to_owned(), count)
        ),
    })
}

fn text(report: &RiskReport) -> Option<String> {
    if report.text.events == 0 {
        return None;
    }
    let events = count(report.text.events);
    Some(match &report.about.review {
        None => {
            format!("{events} events hold free text; how many of them still name somebody was not reviewed.")
        }
        Some(review) => format!(
            "{events} events hold free text; a reader found an identifier in {} of {} ({}, exact 95 % interval {} to {}).",
            count(review.leaks),
            count(review.reviewed),
            percent(review.rate.share),
            percent(review.rate.low),
            percent(review.rate.high),
        ),
    })
}

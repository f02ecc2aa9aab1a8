//! When an attack's numbers are a finding, and how that is said.

use super::{Attack, Attacks, CanaryGroup, Membership, Neighbours, PrivacyFinding};
use crate::audit::Severity;
use crate::bootstrap::Bootstrap;
use crate::words;
use statrs::distribution::{ContinuousCDF, Normal};

/// The lower end of a membership attack's AUC from which it is a warning, and serious. Below, an attacker who
/// guesses is nearly as good; a difference that is merely significant is in the table.
const AUC_WARNING: f64 = 0.55;
const AUC_SERIOUS: f64 = 0.65;
/// How many times the false positive rate the lower end of the true positive rate must be.
const TIMES_CHANCE: f64 = 5.0;
/// Tests of canaries, neighbours and attributes, corrected within each by Holm.
const LEVEL: f64 = 0.01;
/// A smaller gain for attribute inference is not worth an alarm.
const ATTRIBUTE_GAIN: f64 = 0.02;

/// What the model gives away, the gravest first.
pub(super) fn findings(attacks: &Attacks) -> Vec<PrivacyFinding> {
    let mut findings: Vec<PrivacyFinding> = Vec::new();
    findings.extend(attacks.membership.iter().filter_map(of_membership));
    findings.extend(of_canaries(&attacks.canaries));
    findings.extend(attacks.neighbours.as_ref().and_then(of_neighbours));
    findings.extend(of_attributes(attacks));
    findings.sort_by(|a, b| b.severity.cmp(&a.severity).then(a.attack.cmp(&b.attack)));
    findings
}

fn finding(attack: Attack, severity: Severity, what: String, evidence: &[(&str, f64)]) -> PrivacyFinding {
    let evidence = evidence.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect();
    PrivacyFinding { attack, severity, what, evidence }
}

fn of_membership(attack: &Membership) -> Option<PrivacyFinding> {
    let low = attack.auc.low?;
    let many = attack.found.iter().find(|found| {
        found.true_positive_rate.low.is_some_and(|low| low > TIMES_CHANCE * found.false_positive_rate)
    });
    let severity = match (many, low) {
        (Some(_), _) => Severity::Serious,
        (None, low) if low > AUC_SERIOUS => Severity::Serious,
        (None, low) if low > AUC_WARNING => Severity::Warning,
        _ => return None,
    };
    let mut what = format!(
        "By the {}, training subjects are told from others: AUC {}, from {} training and {} held-out subjects.",
        attack.attack,
        words::with_interval(&attack.auc, 0.95),
        words::count(attack.members),
        words::count(attack.outsiders)
    );
    if let Some(found) = many {
        what += &format!(
            " {} of them are found while {} of others are taken for members.",
            words::share(found.true_positive_rate.value),
            words::percent(found.false_positive_rate)
        );
    }
    let evidence = [("auc", attack.auc.value.unwrap_or(f64::NAN)), ("auc_low", low)];
    Some(finding(Attack::MembershipInference, severity, what, &evidence))
}

fn of_canaries(groups: &[CanaryGroup]) -> Vec<PrivacyFinding> {
    let planted: Vec<&CanaryGroup> = groups.iter().filter(|g| g.repeats > 0).collect();
    let p: Vec<f64> = planted.iter().map(|g| g.p_value.unwrap_or(1.0)).collect();
    let remembered = planted.iter().zip(holm(&p)).filter(|(_, p)| *p < LEVEL);
    remembered
        .map(|(group, p)| {
            let severity = if group.repeats == 1 { Severity::Serious } else { Severity::Warning };
            let times = if group.repeats == 1 { "once".to_owned() } else { format!("{} times", group.repeats) };
            let what = format!(
                "Sequences that were trained on {times} are remembered: mean exposure {} bits over {} canaries, where \
                 1.44 is expected of what is not (corrected p {}). {} of them are likelier than all {} references.",
                words::with_interval(&group.mean, 0.95),
                group.canaries,
                p_words(p),
                group.at_the_largest,
                words::count(group.references)
            );
            let evidence = [
                ("repeats", f64::from(group.repeats)),
                ("exposure_bits", group.mean.value.unwrap_or(f64::NAN)),
                ("p_corrected", p),
            ];
            finding(Attack::Canaries, severity, what, &evidence)
        })
        .collect()
}

fn of_neighbours(near: &Neighbours) -> Option<PrivacyFinding> {
    let (p, share) = (near.p_value?, near.nearest_in_training.value?);
    if p >= LEVEL || share <= near.expected {
        return None;
    }
    let serious = near.copies_of_training > near.copies_of_held_out && p < LEVEL / 10.0
        || near.ratio.high.is_some_and(|high| high < 0.8);
    let what = format!(
        "Simulated patients lie nearer to training records than to held-out ones: for {} of {} the nearest record was \
         trained on, where {} are expected (p {}); their distance is {} times that to as many held-out records. {} are \
         a training record code for code, {} a held-out one.",
        words::percent(share),
        words::count(near.simulated),
        words::percent(near.expected),
        p_words(p),
        words::with_interval(&near.ratio, 0.95),
        near.copies_of_training,
        near.copies_of_held_out
    );
    let evidence = [("nearest_in_training", share), ("expected", near.expected), ("p_value", p)];
    let severity = if serious { Severity::Serious } else { Severity::Warning };
    Some(finding(Attack::NearestNeighbours, severity, what, &evidence))
}

fn of_attributes(attacks: &Attacks) -> Vec<PrivacyFinding> {
    let p: Vec<f64> = attacks.attributes.iter().map(|a| above_zero(&a.difference)).collect();
    let told = attacks.attributes.iter().zip(holm(&p));
    told.filter(|(a, p)| *p < LEVEL && a.difference.value.is_some_and(|d| d > ATTRIBUTE_GAIN))
        .map(|(a, p)| {
            let what = format!(
                "Who knows the rest of a training record learns more of {} than of others' records: AUC {} against {}, \
                 difference {} (corrected p {}).",
                a.name,
                words::value(&a.training_auc),
                words::value(&a.held_out_auc),
                words::with_interval(&a.difference, 0.95),
                p_words(p)
            );
            let evidence = [("difference", a.difference.value.unwrap_or(f64::NAN)), ("p_corrected", p)];
            finding(Attack::AttributeInference, Severity::Warning, what, &evidence)
        })
        .collect()
}

/// One-sided, by the width of a 95 % interval.
fn above_zero(difference: &super::Estimate) -> f64 {
    let (Some(value), Some(low), Some(high)) = (difference.value, difference.low, difference.high) else {
        return 1.0;
    };
    let error = (high - low) / (2.0 * 1.959_964);
    match Normal::new(0.0, 1.0) {
        Ok(normal) if error > 0.0 => normal.sf(value / error),
        _ => 1.0,
    }
}

/// Holm's correction.
fn holm(p: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..p.len()).collect();
    order.sort_by(|a, b| p[*a].total_cmp(&p[*b]));
    let mut corrected = vec![1.0; p.len()];
    let mut largest = 0.0_f64;
    for (place, i) in order.into_iter().enumerate() {
        largest = largest.max(p[i] * (p.len() - place) as f64).min(1.0);
        corrected[i] = largest;
    }
    corrected
}

fn p_words(p: f64) -> String {
    if p < 0.001 { "below 0.001".to_owned() } else { words::number(p) }
}

/// The answer: whether anything was found, attack by attack, and what could have been.
pub(super) fn sentences(
    attacks: &Attacks,
    findings: &[PrivacyFinding],
    bootstrap: &Bootstrap,
) -> Vec<String> {
    let alarms = findings.iter().filter(|f| f.severity > Severity::Note).count();
    let mut sentences = vec![match alarms {
        n if attacks.control => format!(
            "A control: the model was trained on none of these people, so that there is nothing to find. {}",
            match n {
                0 => "No attack raised a false alarm.".to_owned(),
                1 => "One finding is a false alarm.".to_owned(),
                n => format!("{n} findings are false alarms."),
            }
        ),
        0 => "None of the attacks that were made found the model to give away more of those it was trained on than \
              of others, as far as they can tell. That is no proof: a better attack may find more."
            .to_owned(),
        1 => "The model gives away something of those it was trained on: one finding asks for action.".to_owned(),
        n => format!("The model gives away something of those it was trained on: {n} findings ask for action."),
    }];
    for attack in &attacks.membership {
        let mut sentence = format!(
            "Membership inference by the {}: AUC {} (0.5 is guessing; {} training, {} held-out subjects).",
            attack.attack,
            words::with_interval(&attack.auc, bootstrap.confidence),
            words::count(attack.members),
            words::count(attack.outsiders)
        );
        for found in &attack.found {
            let rate = words::percent(found.false_positive_rate);
            sentence += &match &found.true_positive_rate.value {
                Some(_) => format!(
                    " At {rate} false positives it finds {} of the members.",
                    share_with_interval(&found.true_positive_rate, bootstrap)
                ),
                None => format!(
                    " What it finds at {rate} false positives can't be told: that takes {} held-out subjects.",
                    words::count(found.outsiders_needed)
                ),
            };
        }
        if let Some(detectable) = attack.detectable_auc {
            sentence += &format!(
                " An AUC below {} would likely not have been noticed.",
                words::decimals(detectable, 2)
            );
        }
        sentences.push(sentence);
    }
    for group in &attacks.canaries {
        sentences.push(format!(
            "Canaries planted {}: mean exposure {} bits (1.44 is expected of what is not remembered, {} is the most \
             that {} references can show; {} canaries).",
            if group.repeats == 1 { "once".to_owned() } else { format!("{} times", group.repeats) },
            words::with_interval(&group.mean, bootstrap.confidence),
            words::decimals(group.largest_possible, 1),
            words::count(group.references),
            group.canaries
        ));
    }
    if let Some(near) = &attacks.neighbours {
        sentences.push(format!(
            "Of {} simulated patients {} have their nearest record among the training ones, where {} are expected; the \
             distance to training records is {} times that to held-out ones.",
            words::count(near.simulated),
            share_with_interval(&near.nearest_in_training, bootstrap),
            words::percent(near.expected),
            words::with_interval(&near.ratio, bootstrap.confidence)
        ));
    }
    if let Some(most) = attacks
        .attributes
        .iter()
        .filter(|a| a.difference.value.is_some())
        .max_by(|a, b| a.difference.value.unwrap_or(0.0).total_cmp(&b.difference.value.unwrap_or(0.0)))
    {
        sentences.push(format!(
            "Of {} codes inferred from the rest of the record, the largest gain for training subjects is in {}: AUC \
             {} more than for held-out ones.",
            attacks.attributes.len(),
            most.name,
            words::with_interval(&most.difference, bootstrap.confidence)
        ));
    }
    for (attack, reason) in &attacks.not_made {
        sentences.push(format!("Not made: {}. {reason}", attack.words().to_lowercase()));
    }
    sentences
}

fn share_with_interval(estimate: &super::Estimate, bootstrap: &Bootstrap) -> String {
    match (estimate.low, estimate.high) {
        (Some(low), Some(high)) => format!(
            "{} ({} interval {} to {})",
            words::share(estimate.value),
            words::level(bootstrap.confidence),
            words::percent(low),
            words::percent(high)
        ),
        _ => words::share(estimate.value),
    }
}

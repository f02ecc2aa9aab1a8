//! For whom does it work less well? Every group against the largest of its kind, with intervals, and tests corrected for
//! their number.
//!
//! A difference is tested by its bootstrap standard error (Wald) and Holm's correction (Scand J Stat 1979) over all
//! tests of the task. What could have been found is said too: the smallest true difference that such a test finds in
//! four of five samples, (z₀.₉₇₅ + z₀.₈) standard errors at the uncorrected level.

use super::measure::estimate;
use super::options::Options;
use super::outcome::Estimate;
use super::subgroups::{age, is_told_by_subtraction, sex};
use super::task::Rows;
use crate::error::Result;
use crate::metrics::Scored;
use crate::metrics::calibration::normal_quantile;
use crate::metrics::cells::Cells;
use crate::metrics::censoring::UNWATCHED;
use crate::metrics::multiplicity::holm;
use crate::metrics::ranking::ranking;
use crate::metrics::scored::Counts;
use crate::metrics::share::jeffreys;
use crate::words;
use events::Prediction;
use rustc_hash::FxHashSet;
use serde::{Deserialize, Serialize};
use smol_str::{SmolStr, format_smolstr};
use statrs::function::erf::erfc;
use std::collections::BTreeMap;

/// The share of predictions that counts as flagged where no threshold is given.
const FLAGGED_SHARE: f64 = 0.1;
/// The level of an interval of two standard errors to either side, about, and z₀.₉₇₅.
const NORMAL_95: f64 = 0.95;
const Z_95: f64 = 1.959_963_984_540_054;
/// z₀.₉₇₅ + z₀.₈.
const FOR_POWER: f64 = 1.959_963_984_540_054 + 0.841_621_233_572_914;
/// Sensitivity, false positive rate and positive predictive value: what came of those who are flagged can be told from each.
const OF_THE_FLAGGED: [usize; 3] = [1, 2, 3];
/// Those, and the share that is flagged: shares of people, which have no spread among draws where they are none or all.
const SHARES: [usize; 4] = [1, 2, 3, 4];
const NOT_RECORDED: &str = "Not recorded";

/// The metrics compared, in the order of their values.
///
/// The last is about the outcomes rather than the model: how often they are on record, over how often age and sex alone expect it. A
/// group whose disease isn't recorded is served no better by a model that has learned so; this shows it. Only where every row has
/// a baseline.
pub const FAIRNESS_METRICS: [&str; 8] = [
    "auroc",
    "sensitivity",
    "false_positive_rate",
    "positive_predictive_value",
    "flagged_share",
    "observed_expected",
    "brier",
    RECORDED,
];
/// How often the outcome is on record, for people of a group's ages and sexes.
const RECORDED: &str = "recorded_over_age_and_sex";
const METRICS: usize = FAIRNESS_METRICS.len();

/// Fairness of one task.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Fairness {
    /// Flagged means at or above this risk.
    pub threshold: f64,
    /// Each property, and each pair of them.
    pub dimensions: Vec<Dimension>,
    /// How many differences were tested.
    pub tests: usize,
    /// What was and wasn't found, and what could have been.
    pub sentences: Vec<String>,
}

/// Groups by one property or a pair.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Dimension {
    /// `sex`, `age`, `race`, `sex and race`, …
    pub by: String,
    /// The group that the others are set against: the one with the most events.
    pub reference: Option<String>,
    /// The groups.
    pub groups: Vec<Group>,
    /// Each group against the reference.
    pub gaps: Vec<Gap>,
}

/// One group.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Group {
    /// Its name.
    pub group: String,
    /// Too small to be measured; then nothing else is given.
    pub suppressed: bool,
    /// Rows with a known outcome; `None` where a small count could be told from it.
    pub rows: Option<usize>,
    /// Events; `None` where a small count could be told from it.
    pub events: Option<usize>,
    /// By metric (see [`FAIRNESS_METRICS`]).
    pub metrics: BTreeMap<String, Estimate>,
}

/// One group against the reference in one metric.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Gap {
    /// The group.
    pub group: String,
    /// The metric.
    pub metric: String,
    /// Group minus reference.
    pub difference: Estimate,
    /// Group over reference.
    pub ratio: Estimate,
    /// Two-sided, of no difference; `None` without a standard error.
    pub p_value: Option<f64>,
    /// The same after Holm's correction over all tests of the task.
    pub p_corrected: Option<f64>,
    /// The smallest true difference that four of five such samples would find.
    pub detectable: Option<f64>,
}

/// One property or a pair of them, with the group of every row.
struct Division {
    by: String,
    group_of: Vec<SmolStr>,
    /// The places of a pair's two properties among the divisions.
    pair: Option<[usize; 2]>,
}

/// The groups of every row by every property, pairs after single ones.
fn divisions(rows: &Rows, options: &Options) -> Vec<Division> {
    let of =
        |f: &dyn Fn(&Prediction) -> SmolStr| rows.predictions.iter().map(|p| f(p)).collect::<Vec<SmolStr>>();
    let mut single: Vec<(String, Vec<SmolStr>)> = vec![
        ("sex".into(), of(&|p| SmolStr::new(sex(p).unwrap_or(NOT_RECORDED)))),
        ("age".into(), of(&|p| SmolStr::new(age(p).unwrap_or(NOT_RECORDED)))),
    ];
    for attribute in &options.attributes {
        let group = |p: &Prediction| attribute.group_of.get(&p.subject_id).cloned();
        single.push((attribute.name.clone(), of(&|p| group(p).unwrap_or(SmolStr::new_static(NOT_RECORDED)))));
    }
    // One group alone tells nothing.
    single.retain(|(_, groups)| groups.iter().any(|g| g != &groups[0]));
    let mut pairs = Vec::new();
    for (i, (a, first)) in single.iter().enumerate() {
        for (j, (b, second)) in single.iter().enumerate().skip(i + 1) {
            let group_of = first.iter().zip(second).map(|(x, y)| format_smolstr!("{x}, {y}")).collect();
            pairs.push(Division { by: format!("{a} and {b}"), group_of, pair: Some([i, j]) });
        }
    }
    let single = single.into_iter().map(|(by, group_of)| Division { by, group_of, pair: None });
    single.chain(pairs).collect()
}

/// What one group is measured on.
struct Part {
    group: String,
    /// Of a pair's group, those of the single properties that it is the common part of.
    margins: Option<[SmolStr; 2]>,
    scored: Scored,
    /// The same by the baseline.
    baseline: Option<Scored>,
    /// Every row, unknown outcomes among them: whose it is, and whether it is flagged. A flag is a flag when it is raised.
    flags: Vec<(u32, bool)>,
}

impl Part {
    /// How many subjects are flagged, and how many aren't, whatever is known of them.
    fn all(&self) -> Cells {
        let count =
            |is: bool| distinct(self.flags.iter().filter(|(_, f)| *f == is).map(|(cluster, _)| *cluster));
        Cells { flagged: count(true), others: count(false), ..Cells::default() }
    }

    /// How many subjects are behind one of [`SHARES`]: with the outcome, without it, flagged and known, or all.
    fn people_behind(&self, metric: usize, threshold: f64) -> usize {
        let scored = &self.scored;
        if FAIRNESS_METRICS[metric] == "flagged_share" {
            return distinct(self.flags.iter().map(|(cluster, _)| *cluster));
        }
        let is = |i: &usize| match metric {
            1 => scored.outcome[*i],
            2 => !scored.outcome[*i],
            _ => scored.probability[*i] >= threshold,
        };
        distinct((0..scored.len()).filter(is).map(|i| scored.cluster[i]))
    }
}

/// The interval of a share of nobody or of everybody, by Jeffreys: draws show none, and it isn't certain for that.
fn ends_of_none_or_all(
    part: &Part,
    (metric, value): (usize, f64),
    threshold: f64,
    confidence: f64,
) -> Option<(f64, f64)> {
    let bare = SHARES.contains(&metric) && (value == 0.0 || value == 1.0);
    bare.then(|| {
        let people = part.people_behind(metric, threshold) as f64;
        jeffreys(value * people, people, confidence)
    })
}

fn distinct(clusters: impl Iterator<Item = u32>) -> usize {
    clusters.collect::<FxHashSet<u32>>().len()
}

/// The risk from which on people are flagged where groups are compared.
pub(super) fn threshold(model: &Scored, options: &Options) -> f64 {
    options.thresholds.first().copied().unwrap_or_else(|| {
        let flagged = (FLAGGED_SHARE * model.len() as f64).round().max(1.0) as usize;
        model.probability.get(flagged - 1).copied().unwrap_or(0.5)
    })
}

pub(super) fn fairness(rows: &Rows, model: &Scored, options: &Options) -> Result<Fairness> {
    let threshold = threshold(model, options);
    let mut parts: Vec<(String, Vec<Part>)> = Vec::new();
    let divisions = divisions(rows, options);
    for Division { by, group_of, pair } in &divisions {
        let mut names: Vec<SmolStr> = group_of.clone();
        names.sort_unstable();
        names.dedup();
        let mut of = Vec::with_capacity(names.len());
        for name in names {
            let members: Vec<bool> = group_of.iter().map(|g| *g == name).collect();
            let margins = members.iter().position(|member| *member).zip(*pair);
            let margins =
                margins.map(|(row, pair)| pair.map(|single| divisions[single].group_of[row].clone()));
            let baseline = rows.has_baseline.then(|| rows.scored_within(true, |i| members[i])).transpose()?;
            let scored = rows.scored_within(false, |i| members[i])?;
            let flags =
                rows.predictions.iter().zip(&rows.cluster).zip(&members).filter(|(_, member)| **member);
            let flags =
                flags.map(|((p, cluster), _)| (*cluster, p.predicted_boolean_probability >= threshold));
            of.push(Part { group: name.to_string(), margins, scored, baseline, flags: flags.collect() });
        }
        parts.push((by.clone(), of));
    }
    let small = |s: &Scored| s.is_scarce(options.small_cell);
    let shown: Vec<&Part> = parts.iter().flat_map(|(_, of)| of).filter(|p| !small(&p.scored)).collect();
    let all = |counts: Counts| shown.iter().map(|p| values(p, threshold, counts)).collect::<Vec<_>>();
    let sample = all(None);
    let draws = options.bootstrap.replicate(rows.clusters, |counts| all(Some(counts)));
    let mut made = Fairness { threshold, ..Fairness::default() };
    let mut next = 0;
    for (by, of) in &parts {
        let numbers: Vec<Option<usize>> = of
            .iter()
            .map(|p| {
                (!small(&p.scored)).then(|| {
                    next += 1;
                    next - 1
                })
            })
            .collect();
        made.dimensions.push(dimension((by, threshold), of, &numbers, &sample, &draws, options));
    }
    correct(&mut made);
    made.sentences = sentences(&made, options);
    Ok(made)
}

/// Events on record over those that the baseline expects.
fn recorded(baseline: &Scored, counts: Counts) -> f64 {
    let (mut seen, mut expected) = (0.0, 0.0);
    for i in 0..baseline.len() {
        let w = baseline.weighted(counts, i);
        seen += w * f64::from(u8::from(baseline.outcome[i]));
        expected += w * baseline.probability[i];
    }
    seen / expected
}

fn values(part: &Part, threshold: f64, counts: Counts) -> [f64; METRICS] {
    let scored = &part.scored;
    let (mut tp, mut fp, mut fn_, mut tn, mut expected, mut squared) = (0.0, 0.0, 0.0, 0.0, 0.0, 0.0);
    for i in 0..scored.len() {
        let w = scored.weighted(counts, i);
        let p = scored.probability[i];
        expected += w * p;
        let error = p - f64::from(u8::from(scored.outcome[i]));
        squared += w * error * error;
        match (p >= threshold, scored.outcome[i]) {
            (true, true) => tp += w,
            (true, false) => fp += w,
            (false, true) => fn_ += w,
            (false, false) => tn += w,
        }
    }
    let total = tp + fp + fn_ + tn;
    let (mut flagged, mut all) = (0.0, 0.0);
    for (cluster, is_flagged) in &part.flags {
        let n = counts.map_or(1.0, |counts| f64::from(counts[*cluster as usize]));
        all += n;
        flagged += if *is_flagged { n } else { 0.0 };
    }
    [
        ranking(scored, counts).auroc,
        tp / (tp + fn_),
        fp / (fp + tn),
        tp / (tp + fp),
        flagged / all,
        (tp + fn_) / expected,
        squared / total,
        part.baseline.as_ref().map_or(f64::NAN, |baseline| recorded(baseline, counts)),
    ]
}

fn dimension(
    (by, threshold): (&str, f64),
    parts: &[Part],
    numbers: &[Option<usize>],
    sample: &[[f64; METRICS]],
    draws: &[Vec<[f64; METRICS]>],
    options: &Options,
) -> Dimension {
    let bootstrap = &options.bootstrap;
    let concealed = concealed(parts, numbers, options.small_cell);
    let withheld = withheld(threshold, parts, &concealed, options.small_cell);
    let of_concealed = format!("fewer than {} of another group could be told from it", options.small_cell);
    let suppressed = numbers.iter().filter(|n| n.is_none()).count();
    // The smallest other's counts are withheld where the small ones could be told by subtraction.
    let of_suppressed =
        parts.iter().zip(numbers).filter(|(_, n)| n.is_none()).map(|(p, _)| p.scored.subjects());
    let is_told = is_told_by_subtraction(of_suppressed, options.small_cell);
    let smallest = parts
        .iter()
        .zip(numbers)
        .filter(|(_, n)| n.is_some())
        .min_by_key(|(p, _)| p.scored.len())
        .map(|(p, _)| p.group.as_str())
        .filter(|_| is_told);
    let groups = parts
        .iter()
        .zip(numbers)
        .zip(withheld.iter().zip(&concealed))
        .map(|((part, number), (withheld, concealed))| {
            // Of pairs, margins are known too: with any small cell, no cell's counts are told.
            let hidden =
                if by.contains(" and ") { suppressed > 0 } else { smallest == Some(part.group.as_str()) };
            let told = number.is_some() && !hidden;
            let metrics = number.map(|k| {
                let of = |m: usize| {
                    if *concealed {
                        return Estimate { reason: Some(of_concealed.clone()), ..Estimate::default() };
                    }
                    if let Some(reason) = withheld.as_ref().filter(|_| OF_THE_FLAGGED.contains(&m)) {
                        return Estimate { reason: Some(reason.clone()), ..Estimate::default() };
                    }
                    let mut made = estimate(sample[k][m], draws.iter().map(|d| d[k][m]), bootstrap);
                    let ends = |v: f64| ends_of_none_or_all(part, (m, v), threshold, bootstrap.confidence);
                    if let Some(ends) = made.value.and_then(ends) {
                        (made.low, made.high) = (Some(ends.0), Some(ends.1));
                    }
                    if made.value.is_none() && part.scored.is_unwatched() {
                        made.reason = Some(UNWATCHED.to_owned());
                    } else if made.value.is_none() && FAIRNESS_METRICS[m] == "positive_predictive_value" {
                        made.reason = Some("nobody is flagged".to_owned());
                    }
                    made
                };
                (0..METRICS).map(|m| (FAIRNESS_METRICS[m].to_owned(), of(m))).collect()
            });
            Group {
                group: part.group.clone(),
                suppressed: number.is_none(),
                rows: told.then_some(part.scored.len()),
                events: told.then_some(part.scored.events()),
                metrics: metrics.unwrap_or_default(),
            }
        })
        .collect();
    let reference = parts
        .iter()
        .zip(numbers)
        .zip(withheld.iter().zip(&concealed))
        .filter_map(|((p, n), (withheld, concealed))| Some((p, n.filter(|_| !concealed)?, withheld)))
        .filter(|(p, ..)| !p.group.contains(NOT_RECORDED))
        .max_by_key(|(p, ..)| (p.scored.events(), p.scored.len()));
    let mut gaps = Vec::new();
    if let Some((base, b, of_base)) = reference {
        let each = parts.iter().zip(numbers).zip(withheld.iter().zip(&concealed));
        for ((part, number), (withheld, concealed)) in each {
            let Some(k) = number.filter(|_| !concealed && part.group != base.group) else { continue };
            let hidden = withheld.is_some() || of_base.is_some();
            for m in (0..METRICS).filter(|m| !(hidden && OF_THE_FLAGGED.contains(m))) {
                let differences: Vec<f64> = draws.iter().map(|d| d[k][m] - d[b][m]).collect();
                let mut difference =
                    estimate(sample[k][m] - sample[b][m], differences.iter().copied(), bootstrap);
                // What draws don't show of either share.
                let unseen = [(part, k), (base, b)].map(|(part, number)| {
                    let ends = ends_of_none_or_all(part, (m, sample[number][m]), threshold, NORMAL_95);
                    ends.map_or(0.0, |(low, high)| ((high - low) / (2.0 * Z_95)).powi(2))
                });
                let unseen: f64 = unseen.iter().sum();
                widen(&mut difference, unseen, bootstrap.confidence);
                let variance = standard_error(&differences).map_or(0.0, |error| error * error) + unseen;
                let error = Some(variance.sqrt()).filter(|error| *error > 1e-12);
                let p_value =
                    difference.value.zip(error).map(|(d, e)| erfc((d / e).abs() / std::f64::consts::SQRT_2));
                gaps.push(Gap {
                    group: part.group.clone(),
                    metric: FAIRNESS_METRICS[m].to_owned(),
                    ratio: estimate(
                        sample[k][m] / sample[b][m],
                        draws.iter().map(|d| d[k][m] / d[b][m]),
                        bootstrap,
                    ),
                    difference,
                    p_value,
                    p_corrected: None,
                    detectable: error.map(|e| e * FOR_POWER),
                });
            }
        }
    }
    Dimension { by: by.to_owned(), reference: reference.map(|(p, ..)| p.group.clone()), groups, gaps }
}

/// Groups that add up to one whose figures are told too: all of them, or of a pair those that share a group of a single property.
fn lines(parts: &[Part]) -> Vec<Vec<usize>> {
    let mut of_margins: BTreeMap<(usize, &str), Vec<usize>> = BTreeMap::new();
    for (at, part) in parts.iter().enumerate() {
        match &part.margins {
            None => of_margins.entry((0, "")).or_default().push(at),
            Some(margins) => {
                for (which, margin) in margins.iter().enumerate() {
                    of_margins.entry((which, margin)).or_default().push(at);
                }
            }
        }
    }
    of_margins.into_values().collect()
}

/// Hides groups until none that is hidden can be told from the others of its line: not one alone, since then those of the lines that
/// cross it follow one from another, nor several that are few together. `weight` says which to hide first.
fn hide_by_lines(
    parts: &[Part],
    is_hidden: impl Fn(usize, &[usize]) -> bool,
    are_few: impl Fn(&[usize]) -> bool,
    weight: impl Fn(usize) -> usize,
) -> Vec<usize> {
    let lines = lines(parts);
    let mut more = Vec::new();
    loop {
        let mut next = None;
        for line in &lines {
            let (hidden, others): (Vec<usize>, Vec<usize>) =
                line.iter().partition(|at| is_hidden(**at, &more));
            let lone = hidden.len() == 1 && parts[hidden[0]].margins.is_some();
            if !hidden.is_empty() && (lone || are_few(&hidden)) {
                next = next.or_else(|| others.into_iter().min_by_key(|at| weight(*at)));
            }
        }
        match next {
            Some(at) => more.push(at),
            None => return more,
        }
    }
}

/// Of which groups of a pair no figure may be told, since those that are too small could be told by subtraction from the groups of a
/// single property; the small ones among them.
fn concealed(parts: &[Part], numbers: &[Option<usize>], least: usize) -> Vec<bool> {
    let small = |at: usize| numbers[at].is_none();
    let mut made: Vec<bool> = (0..parts.len()).map(small).collect();
    if parts.iter().any(|part| part.margins.is_some()) {
        let are_few = |hidden: &[usize]| {
            is_told_by_subtraction(hidden.iter().map(|at| parts[*at].scored.subjects()), least)
        };
        let is_hidden = |at: usize, more: &[usize]| small(at) || more.contains(&at);
        for at in hide_by_lines(parts, is_hidden, are_few, |at| parts[at].scored.len()) {
            made[at] = true;
        }
    }
    made
}

/// Of which groups nothing may be told of those who are flagged, and why: where a few could be told from it ([`Cells::withheld`]), and
/// of as many more as keep those from being told by subtraction from all, or of a pair from the groups of a single property.
fn withheld(threshold: f64, parts: &[Part], concealed: &[bool], least: usize) -> Vec<Option<String>> {
    let known: Vec<Cells> = parts.iter().map(|part| Cells::of(&part.scored, threshold)).collect();
    let mut made: Vec<Option<String>> = parts
        .iter()
        .zip(&known)
        .map(|(part, known)| part.all().withheld(least).or_else(|| known.withheld(least)))
        .collect();
    let are_few = |hidden: &[usize]| {
        hidden.iter().fold(Cells::default(), |sum, at| sum.and(known[*at])).withheld(least).is_some()
    };
    let is_hidden = |at: usize, more: &[usize]| made[at].is_some() || concealed[at] || more.contains(&at);
    for at in hide_by_lines(parts, is_hidden, are_few, |at| known[at].flagged) {
        made[at] = Some(format!("fewer than {least} of another group could be told from it"));
    }
    made
}

/// Adds a variance that draws don't show to a difference's interval, which without it would be none between two shares of nobody.
fn widen(difference: &mut Estimate, unseen: f64, confidence: f64) {
    let Estimate { value: Some(value), low: Some(low), high: Some(high), .. } = *difference else { return };
    if unseen > 0.0 {
        let further = normal_quantile(confidence) * unseen.sqrt();
        difference.low = Some((value - (value - low).hypot(further)).max(-1.0));
        difference.high = Some((value + (high - value).hypot(further)).min(1.0));
    }
}

/// Of the defined draws; `None` with too few, or without spread.
pub(super) fn standard_error(draws: &[f64]) -> Option<f64> {
    let defined: Vec<f64> = draws.iter().copied().filter(|d| d.is_finite()).collect();
    if defined.len() < 20 || defined.len() < draws.len() / 2 {
        return None;
    }
    let mean = defined.iter().sum::<f64>() / defined.len() as f64;
    let variance = defined.iter().map(|d| (d - mean).powi(2)).sum::<f64>() / (defined.len() - 1) as f64;
    Some(variance.sqrt()).filter(|e| *e > 1e-12)
}

/// Holm's correction over all tests.
fn correct(made: &mut Fairness) {
    let mut gaps: Vec<&mut Gap> =
        made.dimensions.iter_mut().flat_map(|d| &mut d.gaps).filter(|g| g.p_value.is_some()).collect();
    let p_values: Vec<f64> = gaps.iter().filter_map(|g| g.p_value).collect();
    for (gap, corrected) in gaps.iter_mut().zip(holm(&p_values)) {
        gap.p_corrected = Some(corrected);
    }
    made.tests = p_values.len();
}

/// What a metric is called in a sentence.
pub(crate) fn metric_words(metric: &str) -> &'static str {
    match metric {
        "auroc" => "AUROC",
        "sensitivity" => "sensitivity",
        "false_positive_rate" => "false positive rate",
        "positive_predictive_value" => "positive predictive value",
        "flagged_share" => "share flagged",
        "observed_expected" => "observed over expected",
        RECORDED => "recorded over expected by age and sex",
        _ => "Brier score",
    }
}

fn sentences(made: &Fairness, options: &Options) -> Vec<String> {
    let level = 1.0 - options.bootstrap.confidence;
    let mut found: Vec<(&Dimension, &Gap)> = made
        .dimensions
        .iter()
        .flat_map(|d| d.gaps.iter().map(move |g| (d, g)))
        .filter(|(_, g)| g.p_corrected.is_some_and(|p| p < level))
        .collect();
    found.sort_by(|a, b| a.1.p_corrected.unwrap_or(1.0).total_cmp(&b.1.p_corrected.unwrap_or(1.0)));
    let mut said = Vec::new();
    if made.tests == 0 {
        said.push(
            "No two groups are large enough to be compared; nothing can be said about fairness.".to_owned(),
        );
        return said;
    }
    said.push(match found.len() {
        0 => format!(
            "Of {} differences between groups that were tested, none remains after correction for their number. That \
             is no proof of fairness: see what could have been found.",
            words::count(made.tests)
        ),
        n => format!(
            "Of {} differences between groups that were tested, {} {} after correction for their number.",
            words::count(made.tests),
            words::count(n),
            if n == 1 { "remains" } else { "remain" }
        ),
    });
    for (dimension, gap) in found.iter().take(3) {
        said.push(format!(
            "By {}, {} of “{}” differs from that of “{}” by {} ({}; corrected p {}).",
            dimension.by,
            metric_words(&gap.metric),
            gap.group,
            dimension.reference.as_deref().unwrap_or_default(),
            words::value(&gap.difference),
            words::interval(&gap.difference).unwrap_or_default(),
            words::decimals(gap.p_corrected.unwrap_or(1.0), 3),
        ));
    }
    let recorded = found.iter().filter(|(d, g)| g.metric == RECORDED && !d.by.contains(" and "));
    for (dimension, gap) in recorded.take(3) {
        said.push(format!(
            "By {}, the outcome is on record {} times as often in “{}” as in “{}” for people of the same age and sex ({}). It may be rarer or \
             commoner there, or be missed: the records can't tell, and a model that learned from them repeats it.",
            dimension.by,
            words::value(&gap.ratio),
            gap.group,
            dimension.reference.as_deref().unwrap_or_default(),
            words::interval(&gap.ratio).unwrap_or_default(),
        ));
    }
    let detectable = |metric: &str| {
        let mut all: Vec<f64> = made
            .dimensions
            .iter()
            .filter(|d| !d.by.contains(" and "))
            .flat_map(|d| &d.gaps)
            .filter(|g| g.metric == metric)
            .filter_map(|g| g.detectable)
            .collect();
        all.sort_unstable_by(f64::total_cmp);
        all.first().copied().zip(all.last().copied())
    };
    if let Some((auroc, worst)) = detectable("auroc") {
        let (auroc, worst) = (words::number(auroc), words::number(worst));
        // Withheld where a few could be told from it.
        let (also, and) = match detectable("sensitivity") {
            Some((best, worst)) => (
                format!(" and in sensitivity from {}", words::number(best)),
                format!(" and {}", words::number(worst)),
            ),
            None => <(String, String)>::default(),
        };
        said.push(format!(
            "With these numbers, a single uncorrected test would find, in four of five such samples, true differences in \
             AUROC from {auroc}{also} on between the largest groups; between the smallest shown only \
             from {worst}{and} on. Smaller ones may be there unseen."
        ));
    }
    let suppressed: usize =
        made.dimensions.iter().map(|d| d.groups.iter().filter(|g| g.suppressed).count()).sum();
    if suppressed > 0 {
        said.push(format!(
            "{} {} too small to be shown; nothing is known about {}.",
            words::count(suppressed),
            if suppressed == 1 { "group is" } else { "groups are" },
            if suppressed == 1 { "it" } else { "them" }
        ));
    }
    said
}

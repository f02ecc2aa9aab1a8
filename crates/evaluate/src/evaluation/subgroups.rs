//! The same task in parts of the subjects, small parts suppressed.

use super::measure::estimate;
use super::options::Options;
use super::outcome::{Estimate, Subgroup};
use super::task::Rows;
use crate::error::Result;
use crate::metrics::Scored;
use crate::metrics::drawn::Drawer;
use events::{Prediction, Sex};

/// Age bands in years: from, below, name.
const AGE_BANDS: [(f32, f32, &str); 5] = [
    (0.0, 18.0, "0–17"),
    (18.0, 40.0, "18–39"),
    (40.0, 65.0, "40–64"),
    (65.0, 80.0, "65–79"),
    (80.0, f32::INFINITY, "80 and over"),
];

pub(super) fn sex(p: &Prediction) -> Option<&'static str> {
    Some(match p.sex {
        Sex::Female => "Female",
        Sex::Male => "Male",
        Sex::Unknown => "Not recorded",
    })
}

pub(super) fn age(p: &Prediction) -> Option<&'static str> {
    let Some(age) = p.age_years.filter(|a| a.is_finite()) else { return Some("Not recorded") };
    AGE_BANDS.iter().find(|(from, below, _)| (*from..*below).contains(&age)).map(|band| band.2)
}

pub(super) fn subgroups(rows: &Rows, options: &Options) -> Result<Vec<Subgroup>> {
    type Division = (&'static str, fn(&Prediction) -> Option<&'static str>, Vec<&'static str>);
    let ages = AGE_BANDS.iter().map(|band| band.2).chain(["Not recorded"]).collect();
    let divisions: [Division; 2] = [("sex", sex, vec!["Female", "Male", "Not recorded"]), ("age", age, ages)];
    let mut made = Vec::new();
    for (by, group_of, groups) in divisions {
        let mut family = Vec::new();
        for group in groups {
            if rows.predictions.iter().any(|p| group_of(p) == Some(group)) {
                family.push(measure(rows, by, group, |p| group_of(p) == Some(group), options)?);
            }
        }
        hide_what_subtraction_would_tell(&mut family, options.small_cell);
        made.extend(family.into_iter().map(|(group, _)| group));
    }
    Ok(made)
}

fn measure(
    rows: &Rows,
    by: &str,
    group: &str,
    keep: impl Fn(&Prediction) -> bool + Copy,
    options: &Options,
) -> Result<(Subgroup, (usize, usize))> {
    let members = |i: usize| keep(rows.predictions[i]);
    let model = rows.scored_within(false, members)?;
    let events = model.events();
    let (suppressed, people) = (model.is_scarce(options.small_cell), model.subjects());
    let mut made = Subgroup {
        by: by.to_owned(),
        group: group.to_owned(),
        rows: None,
        events: None,
        suppressed,
        auroc: None,
        baseline_auroc: None,
        observed_expected: None,
        brier: None,
    };
    if suppressed {
        return Ok((made, people));
    }
    made.rows = Some(model.len());
    made.events = Some(events);
    let baseline = if rows.has_baseline { Some(rows.scored_within(true, members)?) } else { None };
    // Subjects are drawn within the group: its size is a fact about it, not about chance.
    let mut number = vec![u32::MAX; rows.clusters];
    let mut subjects = 0;
    for &cluster in &model.cluster {
        let slot = &mut number[cluster as usize];
        if *slot == u32::MAX {
            *slot = subjects;
            subjects += 1;
        }
    }
    let renumber = |mut scored: Scored| {
        scored.cluster.iter_mut().for_each(|c| *c = number[*c as usize]);
        scored
    };
    let (model, baseline) = (renumber(model), baseline.map(renumber));
    let (model, baseline) = (Drawer::for_scores(model), baseline.map(Drawer::for_scores));
    let values = |counts: &[u32]| {
        let drawn = model.scores(&model.gather(counts));
        let baseline = baseline.as_ref().map_or(f64::NAN, |b| b.ranking(&b.gather(counts)).auroc);
        [drawn.ranking.auroc, baseline, drawn.observed_expected, drawn.accuracy.brier]
    };
    // The sample is the draw of everyone once.
    let sample = values(&vec![1; subjects as usize]);
    let draws = options.bootstrap.replicate(subjects as usize, values);
    let of = |i: usize| -> Option<Estimate> {
        sample[i].is_finite().then(|| estimate(sample[i], draws.iter().map(|d| d[i]), &options.bootstrap))
    };
    made.auroc = of(0);
    made.baseline_auroc = of(1);
    made.observed_expected = of(2);
    made.brier = of(3);
    Ok((made, people))
}

/// One suppressed part could be told from the total and the others, and several that are small together as their sum; then the
/// smallest other part keeps its counts to itself too. With each part its subjects with the outcome, and without.
fn hide_what_subtraction_would_tell(family: &mut [(Subgroup, (usize, usize))], least: usize) {
    let suppressed = family.iter().filter(|(group, _)| group.suppressed).map(|(_, people)| *people);
    if is_told_by_subtraction(suppressed, least)
        && let Some((smallest, _)) =
            family.iter_mut().filter(|(g, _)| !g.suppressed).min_by_key(|(g, _)| g.rows)
    {
        smallest.rows = None;
        smallest.events = None;
    }
}

/// Would the rest tell a small count of the suppressed: of one alone, or of all of them together?
pub(super) fn is_told_by_subtraction(suppressed: impl Iterator<Item = (usize, usize)>, least: usize) -> bool {
    let (mut parts, mut with, mut without) = (0, 0, 0);
    for people in suppressed {
        (parts, with, without) = (parts + 1, with + people.0, without + people.1);
    }
    parts == 1 || parts > 1 && (with < least || without < least)
}

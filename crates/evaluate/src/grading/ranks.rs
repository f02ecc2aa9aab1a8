//! How high does disease that is there, and not on record, stand among what is considered?

use super::Settings;
use crate::bootstrap::clusters;
use crate::evaluation::{Estimate, estimate};
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;
use std::collections::BTreeMap;

/// Places that a differential is read to.
const READ_TO: [f64; 3] = [1.0, 3.0, 5.0];

/// A disease that somebody has and no record says.
#[derive(Clone, Debug, PartialEq)]
pub struct RankedCase {
    /// Who.
    pub subject_id: i64,
    /// How many diseases were considered.
    pub considered: usize,
    /// Its place in each predictor's list, from 1; equal scores share the mean of their places.
    pub ranks: Vec<f64>,
}

/// The place of `case` in a list by falling score, `left_out` not counted: other diseases that are there too.
pub fn rank_among(scores: &[f64], case: usize, left_out: &[usize]) -> f64 {
    let others = (0..scores.len()).filter(|i| *i != case && !left_out.contains(i));
    others.fold(1.0, |rank, i| match scores[i].total_cmp(&scores[case]) {
        std::cmp::Ordering::Greater => rank + 1.0,
        std::cmp::Ordering::Equal => rank + 0.5,
        std::cmp::Ordering::Less => rank,
    })
}

/// How well one predictor ranks.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RankedWell {
    /// The share of cases that stand first.
    pub first: Estimate,
    /// Among the first three.
    pub first_three: Estimate,
    /// Among the first five.
    pub first_five: Estimate,
    /// The mean of one over the place.
    pub reciprocal_rank: Estimate,
    /// The model's mean reciprocal rank less this one's; none for the model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model_less_this: Option<Estimate>,
}

/// What was found.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct DifferentialGrade {
    /// Diseases that were there and not on record.
    pub cases: usize,
    /// People who had them.
    pub people: usize,
    /// Mean number of diseases considered for each.
    pub considered: f64,
    /// Why nothing is measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub too_few: Option<String>,
    /// By predictor.
    pub predictors: BTreeMap<String, RankedWell>,
}

/// Grades differentials. `predictors` names each case's ranks; the first is the model.
pub fn differential(cases: &[RankedCase], predictors: &[SmolStr], settings: &Settings) -> DifferentialGrade {
    let (of_case, people) = clusters(cases.iter().map(|case| case.subject_id));
    let mut grade = DifferentialGrade {
        cases: cases.len(),
        people,
        considered: cases.iter().map(|c| c.considered as f64).sum::<f64>() / cases.len().max(1) as f64,
        ..DifferentialGrade::default()
    };
    if (people as f64) < settings.least {
        grade.too_few = Some(format!("too few: {people} people with unrecorded disease"));
        return grade;
    }
    // By predictor: shares within the places read to, and the mean reciprocal.
    let all = |drawn: &[u32]| -> Vec<[f64; 4]> {
        let total: f64 = of_case.iter().map(|c| f64::from(drawn[*c as usize])).sum();
        let mean = |predictor: usize, of: &dyn Fn(f64) -> f64| -> f64 {
            let each = cases.iter().zip(&of_case);
            each.map(|(case, c)| f64::from(drawn[*c as usize]) * of(case.ranks[predictor])).sum::<f64>()
                / total
        };
        let one = |predictor: usize| {
            let within = READ_TO.map(|place| mean(predictor, &|rank| f64::from(u8::from(rank <= place))));
            [within[0], within[1], within[2], mean(predictor, &|rank| 1.0 / rank)]
        };
        (0..predictors.len()).map(one).collect()
    };
    let whole = all(&vec![1; people]);
    let draws = settings.bootstrap.replicate(people, all);
    let told = |of: &dyn Fn(&[[f64; 4]]) -> f64| {
        estimate(of(&whole), draws.iter().map(|draw| of(draw)), &settings.bootstrap)
    };
    for (place, name) in predictors.iter().enumerate() {
        let well = RankedWell {
            first: told(&|v| v[place][0]),
            first_three: told(&|v| v[place][1]),
            first_five: told(&|v| v[place][2]),
            reciprocal_rank: told(&|v| v[place][3]),
            model_less_this: (place > 0).then(|| told(&|v| v[0][3] - v[place][3])),
        };
        grade.predictors.insert(name.to_string(), well);
    }
    grade
}

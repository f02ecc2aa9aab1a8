//! Do the published figures come out? A small run, seeded apart from the calibration.

use crate::condition::{Condition, Course, rate_at};
use crate::life::{World, live};
use crate::mortality;
use crate::person::Person;
use crate::random::{Dice, Draws, Purpose};
use crate::rates::SEXES;
use events::Sex;
use rayon::prelude::*;

const LIVES_OF_EACH_SEX: u64 = 10_000;
const DECADES: usize = 10;

/// Cases and expected cases of one person, by condition and decade of age.
type Counts = [[(f64, f64); DECADES]; Condition::COUNT + 1];

/// Deaths stand after the conditions.
const DEATHS: usize = Condition::COUNT;

fn count(person: &Person, life: &crate::life::Life) -> Counts {
    let mut counts = [[(0.0, 0.0); DECADES]; Condition::COUNT + 1];
    let cell = |age: f64| ((age / 10.0) as usize).min(DECADES - 1);
    for condition in Condition::ALL {
        let profile = condition.profile();
        let cells = &mut counts[condition.index()];
        let mut until = life.death_age;
        for onset in life.of(condition).filter(|onset| onset.diagnosis_age.is_finite()) {
            cells[cell(onset.diagnosis_age)].0 += 1.0;
            if profile.course == Course::Chronic {
                until = onset.diagnosis_age;
            }
        }
        let mut year = 0.0;
        while year < until {
            let time = (until - year).min(1.0);
            cells[cell(year)].1 += time * rate_at(profile.incidence, person.sex, year + 0.5);
            year += 1.0;
        }
    }
    counts[DEATHS][cell(life.death_age)].0 += 1.0;
    let mut year = 0.0;
    while year < life.death_age {
        counts[DEATHS][cell(year)].1 +=
            (life.death_age - year).min(1.0) * mortality::hazard(person.sex, year);
        year += 1.0;
    }
    counts
}

/// For each condition, sex and decade with at least five expected cases: observed and expected agree within the
/// 99 % interval of the whole family of comparisons (Bonferroni), with the variance taken between persons, since
/// episodes cluster, and 2 % allowed for interpolation between calibration bands.
#[test]
fn incidence_by_age_and_sex_is_the_published_one_and_so_is_life_expectancy() {
    let z = 4.3; // 1 - 0.01 / (2 · 500) of the normal
    let mut worst = (0.0, String::new());
    let mut failures = Vec::new();
    for sex in SEXES {
        let lives: Vec<(Counts, f64)> = (0..LIVES_OF_EACH_SEX)
            .into_par_iter()
            .map(|index| {
                let subject = 2 * index + u64::from(sex == Sex::Female);
                let year = 1925 + (index % 95) as i32;
                let person = Person::draw(sex, year, &mut Draws::new(77, subject, Purpose::Person, 0));
                let life = live(World::published(), &person, Dice::new(77, subject, 0), None);
                (count(&person, &life), life.death_age)
            })
            .collect();
        let mean = lives.iter().map(|(_, age)| age).sum::<f64>() / lives.len() as f64;
        let published = if sex == Sex::Female { 81.4 } else { 76.3 };
        if (mean - published).abs() > 0.8 {
            failures.push(format!("{sex:?}: life expectancy {mean:.2}, published {published}"));
        }
        let names: Vec<&str> = Condition::ALL.iter().map(|c| c.profile().name).chain(["death"]).collect();
        for (row, name) in names.iter().enumerate() {
            for decade in 0..DECADES {
                let (mut observed, mut expected, mut squares) = (0.0, 0.0, 0.0);
                for (counts, _) in &lives {
                    let (o, e) = counts[row][decade];
                    observed += o;
                    expected += e;
                    squares += (o - e) * (o - e);
                }
                if expected < 5.0 {
                    continue;
                }
                let deviation =
                    ((observed - expected).abs() - 0.02 * expected).max(0.0) / squares.max(expected).sqrt();
                let what =
                    format!("{name}, {sex:?}, age {}0s: {observed} cases, {expected:.1} expected", decade);
                if deviation > worst.0 {
                    worst = (deviation, what.clone());
                }
                if deviation >= z {
                    failures.push(format!("{what} ({deviation:.1} standard errors)"));
                }
            }
        }
    }
    println!("furthest from the published rate: {} ({:.1} standard errors)", worst.1, worst.0);
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

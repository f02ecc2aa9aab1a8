//! Do the published figures come out? Lives that calibration never saw, counted against the published rates.

use crate::condition::{Condition, Course, rate_at};
use crate::life::{Life, World, live};
use crate::mortality;
use crate::person::Person;
use crate::random::{Dice, Draws, Purpose};
use crate::rates::SEXES;
use events::Sex;
use rayon::prelude::*;

const DECADES: usize = 10;
/// Conditions, then deaths.
const ROWS: usize = Condition::COUNT + 1;
/// With fewer expected cases than this a cell says nothing.
const FEWEST_EXPECTED: f64 = 5.0;
/// Allowed for interpolation between calibration's bands of age, as a share.
const BETWEEN_BANDS: f64 = 0.02;
/// Standard errors within which all of some 1,400 comparisons lie, 99 times in a hundred (Bonferroni).
const FAMILY_WIDE: f64 = 4.5;
/// Years by which simulated life expectancy may differ from the published one, besides three standard errors: the
/// table that is simulated is rounded, and its own is 0.1 years shorter.
const LIFE_EXPECTANCY_YEARS: f64 = 0.3;
/// Life expectancy at birth in the United States, 2019: men, women.
const PUBLISHED_LIFE_EXPECTANCY: [f64; 2] = [76.3, 81.4];

/// Cases of one condition, or deaths, in one sex and decade of age.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct Cell {
    /// The condition's name, or `death`.
    pub condition: &'static str,
    /// Sex.
    pub sex: Sex,
    /// Ages from, in years; to ten years later.
    pub age: u32,
    /// Cases simulated.
    pub observed: f64,
    /// Cases that the published rate gives for the same person-time.
    pub expected: f64,
    /// The standard error of their difference, taken between persons, since episodes cluster.
    pub error: f64,
    /// Person-years at risk.
    pub years: f64,
}

impl Cell {
    /// How far the two are apart, in standard errors, beyond what interpolation explains.
    pub fn deviation(&self) -> f64 {
        ((self.observed - self.expected).abs() - BETWEEN_BANDS * self.expected).max(0.0) / self.error
    }

    /// Does the simulated rate fail to agree with the published one?
    pub fn disagrees(&self) -> bool {
        self.expected >= FEWEST_EXPECTED && self.deviation() >= FAMILY_WIDE
    }
}

/// One condition in one sex, over all ages.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct Total {
    /// The condition's name, or `death`.
    pub condition: &'static str,
    /// Sex.
    pub sex: Sex,
    /// Simulated cases per 1,000 person-years at risk.
    pub simulated_per_1000: f64,
    /// Published cases per 1,000 of the same person-years.
    pub published_per_1000: f64,
    /// Simulated over published, with its 95 % interval.
    pub ratio: f64,
    /// The interval's lower end.
    pub low: f64,
    /// The interval's upper end.
    pub high: f64,
}

/// What became of a comparison.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Agreement {
    /// Lives of each sex.
    pub lives: u64,
    /// Every cell with at least five expected cases.
    pub cells: Vec<Cell>,
    /// Every condition by sex.
    pub totals: Vec<Total>,
    /// Mean age at death of men and women.
    pub life_expectancy: [f64; 2],
    /// Their standard errors.
    pub life_expectancy_error: [f64; 2],
}

impl Agreement {
    /// What doesn't agree, in words.
    pub fn failures(&self) -> Vec<String> {
        let mut failures: Vec<String> = self
            .cells
            .iter()
            .filter(|cell| cell.disagrees())
            .map(|cell| {
                format!(
                    "{}, {:?}, age {}s: {} cases, {:.1} expected ({:.1} standard errors)",
                    cell.condition,
                    cell.sex,
                    cell.age,
                    cell.observed,
                    cell.expected,
                    cell.deviation()
                )
            })
            .collect();
        for (place, (sex, published)) in SEXES.into_iter().zip(PUBLISHED_LIFE_EXPECTANCY).enumerate() {
            let (mean, error) = (self.life_expectancy[place], self.life_expectancy_error[place]);
            if (mean - published).abs() > LIFE_EXPECTANCY_YEARS + 3.0 * error {
                failures.push(format!("{sex:?}: life expectancy {mean:.2}, published {published}"));
            }
        }
        failures
    }

    /// The cell furthest from its published rate.
    pub fn furthest(&self) -> Option<&Cell> {
        self.cells.iter().max_by(|a, b| a.deviation().total_cmp(&b.deviation()))
    }
}

/// Cases, expected cases and person-years of one person, by condition and decade of age.
type Counts = [[(f64, f64, f64); DECADES]; ROWS];

fn count(person: &Person, life: &Life) -> Counts {
    let mut counts = [[(0.0, 0.0, 0.0); DECADES]; ROWS];
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
            cells[cell(year)].2 += time;
            year += 1.0;
        }
    }
    let deaths = &mut counts[Condition::COUNT];
    deaths[cell(life.death_age)].0 += 1.0;
    let mut year = 0.0;
    while year < life.death_age {
        let time = (life.death_age - year).min(1.0);
        deaths[cell(year)].1 += time * mortality::hazard(person.sex, year);
        deaths[cell(year)].2 += time;
        year += 1.0;
    }
    counts
}

/// Sums over persons: cases, expected cases, person-years, and the squares of what each person's cases are off.
#[derive(Clone, Copy, Default)]
struct Sum {
    observed: f64,
    expected: f64,
    years: f64,
    squares: f64,
}

impl Sum {
    fn add(&mut self, (observed, expected, years): (f64, f64, f64)) {
        self.observed += observed;
        self.expected += expected;
        self.years += years;
        self.squares += (observed - expected).powi(2);
    }

    fn join(&mut self, other: &Sum) {
        self.observed += other.observed;
        self.expected += other.expected;
        self.years += other.years;
        self.squares += other.squares;
    }

    fn error(&self) -> f64 {
        self.squares.max(self.expected).sqrt()
    }
}

/// Sums over one block of lives.
struct Block {
    by_decade: Vec<[Sum; DECADES]>,
    all_ages: Vec<Sum>,
    /// Of ages at death, and of their squares.
    ages: f64,
    squares: f64,
}

/// Lives of each block are summed in order, so that rounding doesn't depend on the number of threads.
const BLOCK: u64 = 500;

/// Simulates so many lives of each sex, seeded apart from the calibration's, and compares. `progress` is told the
/// number of lives of a finished block.
pub fn check(lives: u64, seed: u64, progress: &(dyn Fn(u64) + Sync)) -> Agreement {
    let names = || Condition::ALL.iter().map(|condition| condition.profile().name).chain(["death"]);
    let (mut cells, mut totals) = (Vec::new(), Vec::new());
    let (mut life_expectancy, mut life_expectancy_error) = ([0.0; 2], [0.0; 2]);
    for (place, sex) in SEXES.into_iter().enumerate() {
        let blocks: Vec<Block> = (0..lives.div_ceil(BLOCK))
            .into_par_iter()
            .map(|block| {
                let mut sums = vec![[Sum::default(); DECADES]; ROWS];
                let mut all = vec![Sum::default(); ROWS];
                let (mut ages, mut squares) = (0.0, 0.0);
                let people = block * BLOCK..lives.min((block + 1) * BLOCK);
                let number = people.end - people.start;
                for index in people {
                    let subject = 2 * index + place as u64;
                    let year = 1925 + (index % 95) as i32;
                    let person = Person::draw(sex, year, &mut Draws::new(seed, subject, Purpose::Person, 0));
                    let life = live(World::published(), &person, Dice::new(seed, subject, 0), None);
                    let counts = count(&person, &life);
                    for ((sums, all), counts) in sums.iter_mut().zip(&mut all).zip(&counts) {
                        for (sum, count) in sums.iter_mut().zip(counts) {
                            sum.add(*count);
                        }
                        let total = |of: fn(&(f64, f64, f64)) -> f64| counts.iter().map(of).sum();
                        all.add((total(|c| c.0), total(|c| c.1), total(|c| c.2)));
                    }
                    ages += life.death_age;
                    squares += life.death_age * life.death_age;
                }
                progress(number);
                Block { by_decade: sums, all_ages: all, ages, squares }
            })
            .collect();
        let mut sums = vec![[Sum::default(); DECADES]; ROWS];
        let mut all = vec![Sum::default(); ROWS];
        let mut squares = 0.0;
        for block in &blocks {
            for (sums, block) in sums.iter_mut().zip(&block.by_decade) {
                sums.iter_mut().zip(block).for_each(|(sum, block)| sum.join(block));
            }
            all.iter_mut().zip(&block.all_ages).for_each(|(all, block)| all.join(block));
            life_expectancy[place] += block.ages / lives as f64;
            squares += block.squares;
        }
        let mean: f64 = life_expectancy[place];
        let variance = (squares / lives as f64 - mean * mean).max(0.0);
        life_expectancy_error[place] = (variance / lives as f64).sqrt();
        for ((condition, sums), all) in names().zip(&sums).zip(&all) {
            for (decade, sum) in sums.iter().enumerate() {
                if sum.expected >= FEWEST_EXPECTED {
                    cells.push(Cell {
                        condition,
                        sex,
                        age: 10 * decade as u32,
                        observed: sum.observed,
                        expected: sum.expected,
                        error: sum.error(),
                        years: sum.years,
                    });
                }
            }
            if all.expected >= FEWEST_EXPECTED {
                let ratio = all.observed / all.expected;
                let half = 1.96 * all.error() / all.expected;
                totals.push(Total {
                    condition,
                    sex,
                    simulated_per_1000: 1000.0 * all.observed / all.years,
                    published_per_1000: 1000.0 * all.expected / all.years,
                    ratio,
                    low: (ratio - half).max(0.0),
                    high: ratio + half,
                });
            }
        }
    }
    Agreement { lives, cells, totals, life_expectancy, life_expectancy_error }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// For each condition, sex and decade with at least five expected cases, observed and expected agree within the
    /// 99 % interval of the whole family of comparisons; and people live as long as published.
    #[test]
    fn incidence_by_age_and_sex_is_the_published_one_and_so_is_life_expectancy() {
        let agreement = check(10_000, 77, &|_| {});
        let furthest = agreement.furthest().unwrap();
        println!(
            "furthest from the published rate: {furthest:?} ({:.1} standard errors)",
            furthest.deviation()
        );
        assert!(agreement.cells.len() > 500, "{} cells", agreement.cells.len());
        assert!(agreement.failures().is_empty(), "{}", agreement.failures().join("\n"));
    }

    #[test]
    fn a_wrong_rate_would_be_found() {
        let right = Cell {
            condition: "stroke",
            sex: Sex::Male,
            age: 60,
            observed: 480.0,
            expected: 470.0,
            error: 22.0,
            years: 1e5,
        };
        assert!(!right.disagrees());
        assert!(Cell { observed: 600.0, ..right.clone() }.disagrees());
        let sparse = Cell { expected: 2.0, observed: 9.0, error: 1.4, ..right };
        assert!(!sparse.disagrees(), "two expected cases say nothing");
    }
}

//! Hazards such that the published rates come out.
//!
//! A person's hazard is the published rate for their age and sex times their own hazard ratio over the mean
//! hazard ratio of those still at risk. The mean depends on who smokes, who already has diabetes and who has
//! died, so it is measured by simulation ([`crate::calibration`]) and kept in `calibration/mean_hazard_ratio.csv`.

use crate::condition::{Condition, Course, Driver, rate_at};
use crate::mortality;
use crate::person::Person;
use events::Sex;
use std::sync::LazyLock;

/// Ages are whole years from 0 to this.
pub(crate) const MAX_AGE: usize = 115;
/// Columns measured: a mean hazard ratio per condition, then death's ratio and death's excess.
pub(crate) const MEASURED: usize = Condition::COUNT + 2;
pub(crate) const DEATH_RATIO: usize = Condition::COUNT;
pub(crate) const DEATH_EXCESS: usize = Condition::COUNT + 1;
/// The calibration's age bands, in years.
pub(crate) const BAND_YEARS: usize = 5;
pub(crate) const BANDS: usize = 21;

/// Excess deaths after onsets may make up at most this share of all; published excesses of many conditions, each
/// counted against people without it, add up to more than everybody's deaths at some ages.
const MAX_EXCESS: f64 = 0.75;

/// Means by sex (men, women), measured column and age band.
pub(crate) type Means = [[[f64; BANDS]; MEASURED]; 2];

/// The hazards of a population.
pub(crate) struct Rates {
    /// Per person-year, divided by the mean hazard ratio: `[sex][condition][age]`.
    onset: Vec<[[f64; MAX_AGE + 1]; Condition::COUNT]>,
    /// Of death, for a person without any condition's excess: `[sex][age]`.
    death: [[f64; MAX_AGE + 1]; 2],
    /// What every condition's excess is multiplied by, at most 1: `[sex][age]`.
    excess_share: [[f64; MAX_AGE + 1]; 2],
    drivers: Vec<Drivers>,
    courses: [Spans; Condition::COUNT],
}

/// A condition's course in years: infinite where it stays.
#[derive(Clone, Copy)]
pub(crate) struct Spans {
    /// For how long it is felt.
    pub felt_years: f64,
    /// How long after it began it can begin again.
    pub spacing_years: f64,
    /// Does death's hazard change a month, a year, five years after it?
    pub changes_death: [bool; 3],
    /// Does any other condition's hazard depend on it?
    pub moves_others: bool,
}

/// A condition's drivers, by how often they change.
#[derive(Default)]
pub(crate) struct Drivers {
    /// Those that never do, with the logarithm of their hazard ratios.
    fixed: Vec<(Driver, f64)>,
    /// Logarithms of the hazard ratios of smoking and of body mass.
    smoking: f64,
    body_mass: f64,
    /// Conditions that raise this one's hazard, and their ratios.
    after: Vec<(usize, f64)>,
    /// Conditions without which this one doesn't happen.
    requires: Vec<usize>,
}

impl Drivers {
    fn new(condition: Condition) -> Self {
        let mut drivers = Drivers::default();
        for &(driver, ratio) in condition.profile().drivers {
            match driver {
                Driver::Smoking => drivers.smoking += ratio.ln(),
                Driver::BodyMass => drivers.body_mass += ratio.ln(),
                Driver::Requires(other) => drivers.requires.push(other.index()),
                Driver::After(other) => drivers.after.push((other.index(), ratio)),
                fixed => drivers.fixed.push((fixed, ratio.ln())),
            }
        }
        drivers
    }

    /// The hazard ratio of smoking (0 to 1) and body mass (per 5 kg/m² above 27).
    pub fn changing(&self, smoking: f64, body_mass: f64) -> f64 {
        let sum = self.smoking * smoking + self.body_mass * body_mass;
        if sum == 0.0 { 1.0 } else { sum.exp() }
    }

    /// The hazard ratio of the conditions that a person has.
    pub fn after(&self, has: &[bool; Condition::COUNT]) -> f64 {
        if self.requires.iter().any(|other| !has[*other]) {
            return 0.0;
        }
        self.after.iter().filter(|(other, _)| has[*other]).map(|(_, ratio)| ratio).product()
    }
}

pub(crate) fn sex_index(sex: Sex) -> usize {
    usize::from(sex == Sex::Female)
}

pub(crate) const SEXES: [Sex; 2] = [Sex::Male, Sex::Female];

static PUBLISHED: LazyLock<Rates> = LazyLock::new(|| {
    // The file is part of the program; a test reads it.
    let means =
        parse_means(include_str!("../calibration/mean_hazard_ratio.csv")).unwrap_or_else(neutral_means);
    Rates::from_means(&means)
});

/// Means of one and no excess: where calibration starts.
pub(crate) fn neutral_means() -> Means {
    let mut means = [[[1.0; BANDS]; MEASURED]; 2];
    for sex in &mut means {
        sex[DEATH_EXCESS] = [0.0; BANDS];
    }
    means
}

/// Reads the calibration file: a header, then `sex,column,` and a mean for each age band.
pub(crate) fn parse_means(text: &str) -> Option<Means> {
    let mut means = neutral_means();
    let mut rows = 0;
    for line in text.lines().filter(|line| !line.starts_with('#')).skip(1) {
        let mut cells = line.split(',');
        let sex = match cells.next()? {
            "male" => 0,
            "female" => 1,
            _ => return None,
        };
        let name = cells.next()?;
        let column = column_names().position(|column| column == name)?;
        for mean in &mut means[sex][column] {
            *mean = cells.next()?.parse().ok().filter(|mean: &f64| mean.is_finite() && *mean >= 0.0)?;
        }
        rows += 1;
    }
    (rows == 2 * MEASURED).then_some(means)
}

/// The names of the measured columns.
pub(crate) fn column_names() -> impl Iterator<Item = &'static str> {
    Condition::ALL.into_iter().map(|c| c.profile().name).chain(["death_ratio", "death_excess"])
}

/// The mean at an age, interpolated between the middles of the bands.
fn mean_at(bands: &[f64; BANDS], age: f64) -> f64 {
    let place = (age / BAND_YEARS as f64 - 0.5).clamp(0.0, (BANDS - 1) as f64);
    let low = (place.floor() as usize).min(BANDS - 2);
    let share = place - low as f64;
    bands[low] * (1.0 - share) + bands[low + 1] * share
}

impl Rates {
    /// The hazards that reproduce the published rates.
    pub fn published() -> &'static Rates {
        &PUBLISHED
    }

    /// The hazards under given means.
    pub fn from_means(means: &Means) -> Self {
        let mut onset = vec![[[0.0; MAX_AGE + 1]; Condition::COUNT]; 2];
        let mut death = [[0.0; MAX_AGE + 1]; 2];
        let mut excess_share = [[1.0; MAX_AGE + 1]; 2];
        for sex in SEXES {
            let s = sex_index(sex);
            for age in 0..=MAX_AGE {
                let middle = age as f64 + 0.5;
                for condition in Condition::ALL {
                    // Where nothing raises or lowers it, everybody's hazard is the published rate.
                    let alike = condition.profile().drivers.is_empty();
                    let measured = mean_at(&means[s][condition.index()], middle);
                    let mean = if alike { 1.0 } else { measured.max(1e-3) };
                    onset[s][condition.index()][age] =
                        rate_at(condition.profile().incidence, sex, middle) / mean;
                }
                // The life table's probability at age x covers the year from x.
                let all = mortality::hazard(sex, age as f64);
                let excess = mean_at(&means[s][DEATH_EXCESS], middle);
                let ratio = mean_at(&means[s][DEATH_RATIO], middle).max(1e-3);
                excess_share[s][age] = (MAX_EXCESS * all / excess.max(1e-9)).min(1.0);
                death[s][age] = (all - excess_share[s][age] * excess) / ratio;
            }
        }
        let drivers = Condition::ALL.into_iter().map(Drivers::new).collect();
        let depends = |on: Condition, driver: &Driver| matches!(*driver, Driver::After(other) | Driver::Requires(other) if other == on);
        let courses = Condition::ALL.map(|condition| {
            let (felt_years, spacing_years) = match condition.profile().course {
                Course::Chronic => (f64::INFINITY, f64::INFINITY),
                Course::Recurrent { spacing_days, felt_years } => (felt_years, spacing_days / 365.25),
            };
            let death = &condition.profile().mortality;
            let changes_death = [
                death.first_month != death.first_year,
                death.first_year != death.to_five_years,
                death.to_five_years != 0.0,
            ];
            let mut drivers = Condition::ALL.iter().flat_map(|other| other.profile().drivers);
            let moves_others = drivers.any(|(driver, _)| depends(condition, driver));
            Spans { felt_years, spacing_years, changes_death, moves_others }
        });
        Rates { onset, death, excess_share, drivers, courses }
    }

    /// The hazard of latent onset per year, for a person of hazard ratio 1, in the year of life of `age`: the rate
    /// of diagnosis in the year that begins `silent_years` after that year's beginning, which lies in two years of
    /// the table.
    pub fn onset(&self, condition: Condition, sex: Sex, age: f64, silent_years: f64) -> f64 {
        let table = &self.onset[sex_index(sex)][condition.index()];
        let from = age.floor() + silent_years;
        let share = from - from.floor();
        let year = from as usize;
        (1.0 - share) * table[year.min(MAX_AGE)] + share * table[(year + 1).min(MAX_AGE)]
    }

    /// The hazard of death per year for a person of hazard ratio 1 and no excess.
    pub fn death(&self, sex: Sex, age: f64) -> f64 {
        self.death[sex_index(sex)][(age as usize).min(MAX_AGE)]
    }

    /// The share of the conditions' excess that the life table leaves room for.
    pub fn excess_share(&self, sex: Sex, age: f64) -> f64 {
        self.excess_share[sex_index(sex)][(age as usize).min(MAX_AGE)]
    }

    /// The courses of all conditions.
    pub fn courses(&self) -> &[Spans; Condition::COUNT] {
        &self.courses
    }

    /// A condition's drivers.
    pub fn drivers(&self, condition: Condition) -> &Drivers {
        &self.drivers[condition.index()]
    }

    /// The part of a person's hazard ratio that never changes: traits, family and liability.
    pub fn fixed_ratio(&self, condition: Condition, person: &Person) -> f64 {
        let index = condition.index();
        let sum: f64 = self.drivers[index]
            .fixed
            .iter()
            .map(|(driver, log_ratio)| {
                log_ratio
                    * match driver {
                        Driver::Of(which) => person.of(*which),
                        Driver::Family => f64::from(u8::from(person.family[index])),
                        Driver::Liability => person.liability[index],
                        Driver::Smoking | Driver::BodyMass | Driver::After(_) | Driver::Requires(_) => 0.0,
                    }
            })
            .sum();
        sum.exp()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_calibration_file_is_whole() {
        assert!(parse_means(include_str!("../calibration/mean_hazard_ratio.csv")).is_some());
        assert!(parse_means("sex,column\nmale,stroke,1").is_none());
    }
}

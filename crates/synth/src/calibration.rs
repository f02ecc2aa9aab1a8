//! Measures the mean hazard ratios that make the published rates come out.

use crate::condition::Condition;
use crate::life::{Stretch, World, live};
use crate::person::Person;
use crate::random::{Dice, Draws, Purpose};
use crate::rates::{
    BAND_YEARS, BANDS, DEATH_EXCESS, DEATH_RATIO, MEASURED, Means, Rates, SEXES, column_names, neutral_means,
    sex_index,
};
use rayon::prelude::*;
use std::fmt::Write;

/// Sums of person-time and of ratio times person-time, by sex, column and band.
struct Sums {
    time: Box<Means>,
    weighted: Box<Means>,
}

impl Sums {
    fn new() -> Self {
        Sums {
            time: Box::new([[[0.0; BANDS]; MEASURED]; 2]),
            weighted: Box::new([[[0.0; BANDS]; MEASURED]; 2]),
        }
    }

    fn add(&mut self, sex: usize, column: usize, from: f64, to: f64, value: f64) {
        if to > from {
            let band = (((from + to) / 2.0 / BAND_YEARS as f64) as usize).min(BANDS - 1);
            self.time[sex][column][band] += to - from;
            self.weighted[sex][column][band] += value * (to - from);
        }
    }

    /// Counts one life: a latent hazard at age `u` is a diagnosis rate at `u + silent_years`, among those who are
    /// alive then; before the first such age the person is at risk with a ratio of 0.
    fn count(
        &mut self,
        person: &Person,
        death_age: f64,
        latent_age: &[f64; Condition::COUNT],
        trace: &[Stretch],
    ) {
        let sex = sex_index(person.sex);
        for condition in Condition::ALL {
            let index = condition.index();
            let silent = person.silent_years[index];
            let until = death_age.min(latent_age[index] + silent);
            let mut year = 0.0;
            while year < silent.min(until) {
                self.add(sex, index, year, silent.min(until).min(year + 1.0), 0.0);
                year += 1.0;
            }
            for stretch in trace {
                let (from, to) = (stretch.from + silent, (stretch.to + silent).min(until));
                self.add(sex, index, from, to, stretch.ratios[index]);
            }
        }
        for stretch in trace {
            self.add(sex, DEATH_RATIO, stretch.from, stretch.to, stretch.death_ratio);
            self.add(sex, DEATH_EXCESS, stretch.from, stretch.to, stretch.death_excess);
        }
    }

    fn merge(mut self, other: Sums) -> Self {
        for sex in 0..2 {
            for column in 0..MEASURED {
                for band in 0..BANDS {
                    self.time[sex][column][band] += other.time[sex][column][band];
                    self.weighted[sex][column][band] += other.weighted[sex][column][band];
                }
            }
        }
        self
    }

    #[expect(clippy::needless_range_loop, reason = "three arrays are walked by the same indices")]
    fn means(&self, fallback: &Means) -> Means {
        let mut means = *fallback;
        for sex in 0..2 {
            for column in 0..MEASURED {
                for band in 0..BANDS {
                    let time = self.time[sex][column][band];
                    // A band with hardly anybody in it takes the younger band's mean.
                    means[sex][column][band] = if time > 50.0 {
                        self.weighted[sex][column][band] / time
                    } else if band > 0 {
                        means[sex][column][band - 1]
                    } else {
                        means[sex][column][band]
                    };
                }
            }
        }
        means
    }
}

/// Simulates `lives` lives of each sex (a quarter of them in all passes but the last) and returns the text of `mean_hazard_ratio.csv`.
///
/// The first passes start from means of one; as each pass's population is a little nearer to the published one,
/// its means are too. Five passes are plenty. Results depend on the number of lives and passes alone.
pub fn measure(lives: u64, passes: usize) -> String {
    const SEED: u64 = 0x05_1e_12;
    let mut means = neutral_means();
    for pass in 0..passes {
        let rates = Rates::from_means(&means);
        let lives = if pass + 1 < passes { lives.div_ceil(4) } else { lives };
        // Summed in a fixed order, so that rounding doesn't depend on the number of threads.
        let blocks: Vec<Sums> = (0..lives.div_ceil(500))
            .into_par_iter()
            .map(|block| {
                let mut sums = Sums::new();
                let mut trace = Vec::new();
                for life in block * 500..lives.min((block + 1) * 500) {
                    for sex in SEXES {
                        let subject = 2 * life + sex_index(sex) as u64;
                        // Birth years spread as in a population observed from 2010 to 2024.
                        let birth_year = 1925 + (life % 95) as i32;
                        let person = Person::draw(
                            sex,
                            birth_year,
                            &mut Draws::new(SEED, subject, Purpose::Person, pass as u32),
                        );
                        trace.clear();
                        let world = World { rates: &rates, confounding: 0.0, disparity: 1.0 };
                        let dice = Dice::new(SEED, subject, pass as u32);
                        let life = live(world, &person, dice, Some(&mut trace));
                        let mut latent = [f64::INFINITY; Condition::COUNT];
                        for onset in life.onsets.iter().filter(|onset| onset.condition.is_chronic()) {
                            latent[onset.condition.index()] = onset.latent_age;
                        }
                        sums.count(&person, life.death_age, &latent, &trace);
                    }
                }
                sums
            })
            .collect();
        means = blocks.into_iter().fold(Sums::new(), Sums::merge).means(&means);
    }
    let mut text = format!(
        "# Made by `cargo run --release -p synth --example calibrate -- {lives} {passes}`; read by src/rates.rs.\n"
    );
    text.push_str("sex,column");
    for band in 0..BANDS {
        let _ = write!(text, ",{}", band * BAND_YEARS);
    }
    text.push('\n');
    for (sex, name) in ["male", "female"].into_iter().enumerate() {
        for (column, column_name) in column_names().enumerate() {
            let _ = write!(text, "{name},{column_name}");
            for mean in means[sex][column] {
                let _ = write!(text, ",{mean:.5}");
            }
            text.push('\n');
        }
    }
    text
}

//! A population: any number of subjects, each a pure function of the seed and their index.

use crate::care::{self, DAYS_PER_YEAR, Window};
use crate::error::Error;
use crate::identity::Identity;
use crate::life::{Life, Living, World, live};
use crate::person::Person;
use crate::random::{Dice, Draws, Purpose};
use crate::rates::Rates;
use crate::record::Record;
use crate::site::Site;
use events::{Sex, Subject, Time};
use rayon::prelude::*;

/// What population to make.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Settings {
    /// How many people.
    pub subjects: u64,
    /// The seed. The same seed makes the same people, and people `0..n` of a larger population are those of a
    /// smaller one.
    pub seed: u64,
    /// The first day of the hospital's electronic records.
    pub records_from: Time,
    /// The day of the extract: nothing is known after it.
    pub extract_date: Time,
    /// The share of patients who leave the hospital's care in a year, unobserved from then on.
    pub leaving_per_year: f64,
    /// The share of people who go to the second site, which writes things down otherwise.
    #[serde(default)]
    pub second_site: f64,
    /// How strongly something that no record shows moves both treatment and outcome: the shift of the logit of
    /// being treated, and twice that of the logarithm of the hazard of death, infarction, stroke and heart failure,
    /// per standard deviation; 0 for none.
    #[serde(default)]
    pub unmeasured_confounding: f64,
    /// The size of known injustices: 1 as documented in [`crate::disparity`], 0 for none.
    #[serde(default = "as_documented")]
    pub disparity: f64,
}

fn as_documented() -> f64 {
    1.0
}

impl Default for Settings {
    /// 2,000 people, records of 2010 to 2024.
    fn default() -> Self {
        Settings {
            subjects: 2_000,
            seed: 0,
            // 2010-01-01 and 2024-12-31, midnight.
            records_from: Time::from_micros(1_262_304_000_000_000),
            extract_date: Time::from_micros(1_735_603_200_000_000),
            leaving_per_year: 0.05,
            second_site: 0.0,
            unmeasured_confounding: 0.0,
            disparity: 1.0,
        }
    }
}

/// A population that is made as it is asked for.
#[derive(Clone, Debug)]
pub struct Population {
    settings: Settings,
}

/// One person: who they are, what befell them, and what is on record.
#[derive(Clone, Debug)]
pub struct SyntheticSubject {
    /// The place in the population.
    pub index: u64,
    /// FHIR `Patient.id`, in the form of a UUID.
    pub key: String,
    /// Midnight of the day of birth.
    pub birth: Time,
    /// Traits and demographics.
    pub person: Person,
    /// Truth: the whole life.
    pub life: Life,
    /// Names and numbers.
    pub identity: Identity,
    /// What the hospital saw.
    pub record: Record,
    /// Age in years at enrolment.
    pub enrolment_age: f64,
    /// Age in years at the end of observation.
    pub last_age: f64,
    /// Lives rejected before this one, since they ended before enrolment.
    pub(crate) attempt: u32,
}

impl SyntheticSubject {
    /// The time at an age in years.
    pub fn time_at(&self, age: f64) -> Time {
        care::time_at(self.birth, age)
    }

    /// The time of death, if it was observed.
    pub fn observed_death(&self) -> Option<Time> {
        (self.life.death_age <= self.last_age).then(|| care::time_at(self.birth, self.life.death_age))
    }
}

/// Ages at enrolment in years, with their shares: the resident population of the United States (Census 2020),
/// with adults and older people seen more often in hospital.
const ENROLMENT_AGES: [((f64, f64), f64); 6] = [
    ((0.0, 2.0), 0.05),
    ((2.0, 18.0), 0.10),
    ((18.0, 45.0), 0.33),
    ((45.0, 65.0), 0.30),
    ((65.0, 80.0), 0.17),
    ((80.0, 94.0), 0.05),
];

impl Population {
    /// A population with these settings.
    ///
    /// # Errors
    /// [`Error::Settings`] when the records don't begin at least 90 days before the extract, or the share of
    /// leavers isn't in `[0, 1)`.
    pub fn new(settings: Settings) -> Result<Self, Error> {
        let days = settings.extract_date.days_since(settings.records_from);
        if !(settings.records_from.is_plausible() && settings.extract_date.is_plausible() && days >= 90.0) {
            return Err(Error::Settings("records_from must lie at least 90 days before extract_date"));
        }
        if !(0.0..1.0).contains(&settings.leaving_per_year) {
            return Err(Error::Settings("leaving_per_year must be at least 0 and below 1"));
        }
        if !(0.0..=1.0).contains(&settings.second_site) {
            return Err(Error::Settings("second_site must lie between 0 and 1"));
        }
        if !(0.0..=3.0).contains(&settings.unmeasured_confounding) {
            return Err(Error::Settings("unmeasured_confounding must lie between 0 and 3"));
        }
        if !(0.0..=2.0).contains(&settings.disparity) {
            return Err(Error::Settings("disparity must lie between 0 and 2"));
        }
        Ok(Population { settings })
    }

    /// The settings.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// How many people.
    pub fn len(&self) -> u64 {
        self.settings.subjects
    }

    /// Is nobody in it?
    pub fn is_empty(&self) -> bool {
        self.settings.subjects == 0
    }

    /// The person at an index: a pure function of the seed, the dates and the index.
    pub fn subject(&self, index: u64) -> SyntheticSubject {
        let Settings { seed, records_from, extract_date, leaving_per_year, .. } = self.settings;
        let mut draws = Draws::new(seed, index, Purpose::Enrolment, 0);
        let sex = if draws.chance(0.52) { Sex::Female } else { Sex::Male };
        let (low, high) = *draws.weighted(&ENROLMENT_AGES);
        let mut enrolment_age = draws.between(low, high);
        let span = extract_date.days_since(records_from);
        // A quarter of the patients were there when the records began; the others come over the years.
        let start = if draws.chance(0.25) { 0.0 } else { draws.uniform() * (span - 60.0) };
        let stay = draws.exponential() / (-(-leaving_per_year).ln_1p()).max(1e-9);
        let birth_micros = records_from.plus_days(start - enrolment_age * DAYS_PER_YEAR).micros();
        let birth =
            Time::from_micros(birth_micros.div_euclid(events::MICROS_PER_DAY) * events::MICROS_PER_DAY);

        // Whoever enrols is alive; lives that ended sooner are lived again. The oldest need a few dozen tries.
        const TRIES: u32 = 2_000;
        let mut attempt = 0;
        let (person, life) = loop {
            let mut draws = Draws::new(seed, index, Purpose::Person, attempt);
            let mut person = Person::draw(sex, birth.ymd().0, &mut draws);
            if person.site_rank < self.settings.second_site {
                person.site = Site::Second;
            }
            let life = live(self.world(), &person, Dice::new(seed, index, attempt), None);
            if life.death_age > enrolment_age + 1.0 / DAYS_PER_YEAR {
                break (person, life);
            }
            attempt += 1;
            if attempt == TRIES {
                enrolment_age = 0.9 * life.death_age;
                break (person, life);
            }
        };

        // A third of a second early, so that rounding can't pass the extract.
        let extract_age = extract_date.days_since(birth) / DAYS_PER_YEAR - 1e-8;
        let last_age = (enrolment_age + stay).min(extract_age).min(life.death_age);
        let window = Window { birth, from: enrolment_age, until: last_age };
        let record = care::record(&person, &life, window, &mut Draws::new(seed, index, Purpose::Care, 0));
        let mut draws = Draws::new(seed, index, Purpose::Identity, 0);
        let key = uuid(draws.bits(), draws.bits());
        let identity = Identity::draw(&person, last_age, &mut draws);
        let attempt = attempt.min(TRIES - 1);
        SyntheticSubject {
            index,
            key,
            birth,
            person,
            life,
            identity,
            record,
            enrolment_age,
            last_age,
            attempt,
        }
    }

    /// What lives here run by.
    pub(crate) fn world(&self) -> World<'static> {
        World {
            rates: Rates::published(),
            confounding: self.settings.unmeasured_confounding,
            disparity: self.settings.disparity,
        }
    }

    /// A subject's life, to be lived again from birth with the same numbers.
    pub(crate) fn relive<'a>(&self, subject: &'a SyntheticSubject) -> Living<'a> {
        let dice = Dice::new(self.settings.seed, subject.index, subject.attempt);
        Living::new(self.world(), &subject.person, dice)
    }

    /// All people as MEDS-shaped subjects, in order, made in parallel. Holds them all in memory.
    pub fn subjects(&self) -> Vec<Subject> {
        (0..self.len()).into_par_iter().map(|index| crate::meds::subject(&self.subject(index))).collect()
    }
}

/// 128 bits in the form of a random UUID (version 4).
fn uuid(high: u64, low: u64) -> String {
    format!(
        "{:08x}-{:04x}-4{:03x}-{:04x}-{:012x}",
        high >> 32,
        (high >> 16) & 0xffff,
        high & 0xfff,
        0x8000 | ((low >> 48) & 0x3fff),
        low & 0xffff_ffff_ffff
    )
}

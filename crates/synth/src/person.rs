//! A person: who they are and what they are prone to, drawn at birth.
//!
//! Shares of race, ethnicity, language and marital status are rounded from the US Census Bureau's American
//! Community Survey 2019–2021. Smoking: about 40 % of men and 32 % of women born before 1970 ever smoked, about
//! 25 % and 20 % of those born later (NHIS 2018–2022, rounded); most start between 15 and 20 and seven in ten of
//! them stop. Relatives' conditions: NHIS and NHANES family history items, rounded (diabetes, heart attack, stroke,
//! asthma, cancers), assumed for the others. Body mass: median 18 at 12 years, 24.5 at 20, 29 at 60 (NHANES 2015–2018), spread 20 %.

use crate::condition::{Condition, Trait};
use crate::random::Draws;
use crate::site::Site;
use events::Sex;

/// Race as US Core codes it (OMB categories).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Race {
    White,
    Black,
    Asian,
    AmericanIndian,
    Other,
}

/// Smoking over a life.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Smoking {
    /// Age at the first daily cigarette; infinite for never smokers.
    pub start: f64,
    /// Age at the last; infinite for those who never stop.
    pub stop: f64,
}

/// What somebody smokes at an age.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum SmokingStatus {
    Never,
    Current,
    Former,
}

impl Smoking {
    /// The smoking of somebody born in this year.
    pub(crate) fn draw(sex: Sex, birth_year: i32, draws: &mut Draws) -> Self {
        let ever = match (sex, birth_year < 1970) {
            (Sex::Female, true) => 0.32,
            (Sex::Female, false) => 0.20,
            (_, true) => 0.40,
            (_, false) => 0.25,
        };
        if draws.chance(ever) {
            let start = 15.0 + 2.5 * draws.exponential();
            let stop =
                if draws.chance(0.7) { start + 5.0 + 18.0 * draws.exponential() } else { f64::INFINITY };
            Smoking { start, stop }
        } else {
            Smoking { start: f64::INFINITY, stop: f64::INFINITY }
        }
    }

    /// The status at an age.
    pub fn at(&self, age: f64) -> SmokingStatus {
        if age < self.start {
            SmokingStatus::Never
        } else if age < self.stop {
            SmokingStatus::Current
        } else {
            SmokingStatus::Former
        }
    }
}

/// What a person is born with.
#[derive(Clone, Debug)]
pub struct Person {
    /// Sex at birth and in the record.
    pub sex: Sex,
    /// Race.
    pub race: Race,
    /// Hispanic or Latino.
    pub hispanic: bool,
    /// Language as BCP 47 (`en`, `es`, `zh`).
    pub language: &'static str,
    /// Smoking over life.
    pub smoking: Smoking,
    /// Adult height in cm.
    pub height_cm: f64,
    /// Standard normal traits, by [`Trait`].
    pub traits: [f64; Trait::COUNT],
    /// Liability to each condition alone, standard normal.
    pub liability: [f64; Condition::COUNT],
    /// Conditions that a first-degree relative had.
    pub family: [bool; Condition::COUNT],
    /// Silent years between latent onset and diagnosis of each condition.
    pub silent_years: [f64; Condition::COUNT],
    /// How readily this person seeks care; 1 on average.
    pub visit_propensity: f64,
    /// Something that no record shows, standard normal; it matters where hidden confounding is switched on.
    pub hidden: f64,
    /// Where this person's place in the order of sites lies, from 0 to 1.
    pub site_rank: f64,
    /// The hospital that they go to.
    pub site: Site,
    /// Who pays for care before 65.
    pub payer: Payer,
}

/// Who pays for care. Medicare pays for everybody from 65.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Payer {
    Private,
    Medicaid,
    Uninsured,
}

impl Payer {
    /// The word in records, at an age.
    pub fn word_at(self, age: f64) -> &'static str {
        match self {
            _ if age >= 65.0 => "MEDICARE",
            Payer::Private => "PRIVATE",
            Payer::Medicaid => "MEDICAID",
            Payer::Uninsured => "UNINSURED",
        }
    }
}

impl Person {
    /// A person of this sex, born in this year.
    pub(crate) fn draw(sex: Sex, birth_year: i32, draws: &mut Draws) -> Self {
        let race = *draws.weighted(&[
            (Race::White, 0.66),
            (Race::Black, 0.14),
            (Race::Asian, 0.07),
            (Race::AmericanIndian, 0.01),
            (Race::Other, 0.12),
        ]);
        let hispanic = draws.chance(match race {
            Race::Other => 0.7,
            Race::White => 0.13,
            _ => 0.04,
        });
        let other_language = draws.uniform();
        let language = match (hispanic, race) {
            (true, _) if other_language < 0.45 => "es",
            (false, Race::Asian) if other_language < 0.35 => "zh",
            _ => "en",
        };

        let smoking = Smoking::draw(sex, birth_year, draws);

        let mut traits = [0.0; Trait::COUNT];
        for value in &mut traits {
            *value = draws.normal();
        }
        // Adiposity raises pressure, glucose and mood scores; what remains of each is its own.
        for which in [Trait::BloodPressure, Trait::Glycaemia, Trait::Mood] {
            let share = share_of_adiposity(which as usize);
            let own = traits[which as usize];
            traits[which as usize] =
                share * traits[Trait::Adiposity as usize] + (1.0f64 - share * share).sqrt() * own;
        }

        let mut liability = [0.0; Condition::COUNT];
        let mut family = [false; Condition::COUNT];
        let mut silent_years = [0.0; Condition::COUNT];
        for condition in Condition::ALL {
            let index = condition.index();
            liability[index] = draws.normal();
            family[index] = draws.chance(condition.profile().family);
            let (median, spread) = condition.profile().silent_years;
            let normal = draws.normal();
            silent_years[index] =
                if median > 0.0 { (median * (spread * normal).exp()).min(12.0) } else { 0.0 };
        }
        let height_cm =
            if sex == Sex::Female { 161.5 + 6.6 * draws.normal() } else { 175.5 + 7.2 * draws.normal() };
        let visit_propensity = (0.35 * draws.normal() - 0.06).exp();
        let (hidden, site_rank) = (draws.normal(), draws.uniform());
        // Shares under 65: Kaiser Family Foundation from the American Community Survey 2021, rounded.
        let payer = *draws.weighted(&match (race, hispanic) {
            (Race::Black, _) => [(Payer::Private, 0.52), (Payer::Medicaid, 0.37), (Payer::Uninsured, 0.11)],
            (_, true) => [(Payer::Private, 0.47), (Payer::Medicaid, 0.34), (Payer::Uninsured, 0.19)],
            _ => [(Payer::Private, 0.72), (Payer::Medicaid, 0.20), (Payer::Uninsured, 0.08)],
        });
        Person {
            sex,
            race,
            hispanic,
            language,
            smoking,
            height_cm,
            traits,
            liability,
            family,
            silent_years,
            visit_propensity,
            hidden,
            site_rank,
            site: Site::First,
            payer,
        }
    }

    /// Relatives' conditions that are told when asked, about two thirds of the true ones, each with a number that
    /// says which relative.
    pub fn told_family(&self) -> impl Iterator<Item = (Condition, usize)> + '_ {
        Condition::ALL.into_iter().filter_map(|condition| {
            // What is told follows from a number that the person has anyway, so that it is the same each time.
            let told = (self.liability[condition.index()].to_bits() >> 4) as usize;
            (self.family[condition.index()] && !told.is_multiple_of(3)).then_some((condition, told >> 8))
        })
    }

    /// A trait, in standard deviations.
    pub fn of(&self, which: Trait) -> f64 {
        self.traits[which as usize]
    }

    /// Body mass index in kg/m² at an age, before any illness.
    pub fn body_mass_index(&self, age: f64) -> f64 {
        let median = if age < 6.0 {
            17.5 - 0.35 * age
        } else if age < 20.0 {
            15.4 + (age - 6.0) * 0.65
        } else if age < 60.0 {
            24.5 + (age - 20.0) * 0.1125
        } else {
            29.0 - (age - 60.0) * 0.09
        };
        let spread = if age < 18.0 { 0.08 + 0.007 * age } else { 0.2 };
        median * (spread * self.of(Trait::Adiposity)).exp()
    }

    /// Height in cm at an age: a child's curve up to 18 years, then the adult height.
    pub fn height_at(&self, age: f64) -> f64 {
        let share = if age < 2.0 {
            0.295 + 0.105 * age
        } else if age < 18.0 {
            0.505 + 0.495 * ((age - 2.0) / 16.0).powf(0.92)
        } else {
            1.0
        };
        self.height_cm * share
    }
}

/// How much of a trait, by place, is body mass.
pub(crate) fn share_of_adiposity(place: usize) -> f64 {
    match place {
        p if p == Trait::BloodPressure as usize => 0.25,
        p if p == Trait::Glycaemia as usize => 0.3,
        p if p == Trait::Mood as usize => 0.1,
        _ => 0.0,
    }
}

//! A life from birth to death: competing hazards in continuous time, and the care that changes them.
//!
//! Hazards are constant between *turns*: a birthday, an onset, a diagnosis, a month, year or five years after
//! one, a treatment begun or stopped. Each condition, and death, has a clock that was wound to an exponential time
//! of mean 1 and runs at its hazard; what runs down first happens first, so the simulation is exact for these
//! hazards. Clocks are the person's own, whatever treatment they get: two futures that differ by a treatment share
//! them, and a treatment that lowers a hazard can only postpone what it acts on.
//!
//! A condition with a silent time begins latently at age `u` and can be diagnosed at `u + silent_years` unless
//! death comes first. The latent hazard at `u` is the published rate at `u + silent_years`, with the hazard ratio
//! at `u`; thus diagnoses occur at the published rate, and people also die with disease that nobody found.
//!
//! Care finds most of what can be diagnosed, within days or, by [`crate::disparity`], years; when it is on record,
//! treatments are decided from what was measured then ([`crate::therapy`]).

mod decision;
pub(crate) mod finding;

use crate::condition::{Condition, Course};
use crate::measurement::Measure;
use crate::person::{Person, SmokingStatus};
use crate::random::{Dice, Draws, Purpose};
use crate::rates::{MAX_AGE, Rates};
use crate::therapy::{Outcome, Therapy};

pub(crate) use decision::Forced;
pub use decision::{Decision, Use};
pub use finding::Finding;

/// The beginning of a condition, or one episode of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Onset {
    /// Which.
    pub condition: Condition,
    /// Age in years when it began, silently.
    pub latent_age: f64,
    /// Age in years when it can be diagnosed, as the published rates count it; infinite when death came first.
    pub diagnosis_age: f64,
    /// When and where this person's care finds it.
    pub finding: Finding,
}

/// A whole life, or the part of it that was lived so far.
#[derive(Clone, Debug, Default)]
pub struct Life {
    /// Onsets in order of latent age.
    pub onsets: Vec<Onset>,
    /// Treatments decided upon, in order of age.
    pub decisions: Vec<Decision>,
    /// Treatments taken.
    pub uses: Vec<Use>,
    /// Age at death in years.
    pub death_age: f64,
}

impl Life {
    /// Onsets of one condition, in order.
    pub fn of(&self, condition: Condition) -> impl Iterator<Item = &Onset> {
        self.onsets.iter().filter(move |onset| onset.condition == condition)
    }

    /// The age at the first diagnosis of a condition, infinite if never: the truth, whoever found it.
    pub fn diagnosis_age(&self, condition: Condition) -> f64 {
        self.of(condition).map(|onset| onset.diagnosis_age).next().unwrap_or(f64::INFINITY)
    }

    /// The age at which a condition is first on record, infinite if never.
    pub fn known_age(&self, condition: Condition) -> f64 {
        self.of(condition).map(|onset| onset.finding.known_age).next().unwrap_or(f64::INFINITY)
    }

    /// What was measured for the decisions at an age.
    pub fn basis_at(&self, age: f64) -> &[(Measure, f64)] {
        self.decisions.iter().find(|decision| decision.age == age).map_or(&[], |decision| &decision.basis)
    }
}

/// What lives run by besides the person: hazards, and how care departs from the ideal.
#[derive(Clone, Copy)]
pub(crate) struct World<'a> {
    pub rates: &'a Rates,
    /// How strongly something that no record shows moves both treatment and outcome; 0 for not at all.
    pub confounding: f64,
    /// The size of known injustices, 1 as documented, 0 for none.
    pub disparity: f64,
}

impl World<'static> {
    /// Published rates, no hidden confounder, documented disparities.
    pub fn published() -> Self {
        World { rates: Rates::published(), confounding: 0.0, disparity: 1.0 }
    }
}

/// One stretch of constant hazards, for calibration.
pub(crate) struct Stretch {
    pub from: f64,
    pub to: f64,
    /// Hazard ratios of latent onset, by condition.
    pub ratios: [f64; Condition::COUNT],
    pub death_ratio: f64,
    pub death_excess: f64,
}

/// The hazard of one outcome along a life, with that outcome itself held off: for probabilities.
#[derive(Clone)]
pub(crate) struct Watch {
    pub outcome: Outcome,
    /// Ends of stretches, and the hazard in each, from the age at which watching began.
    pub hazards: Vec<(f64, f64)>,
}

/// Years after an onset at which its hazard of death, or its effect on other hazards, changes.
const TURNS_AFTER: [f64; 3] = [30.0 / 365.25, 1.0, 5.0];

/// At a turn, rounding may put the age a hair before it; the stretch that begins lies after it. In years.
const HAIR: f64 = 1e-9;

/// Hazards at an age.
struct Now {
    hazards: [f64; Condition::COUNT],
    ratios: [f64; Condition::COUNT],
    death: f64,
    death_ratio: f64,
    death_excess: f64,
}

/// Why living paused.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Pause {
    /// The age asked for was reached.
    Age,
    /// Treatments of this onset (its place in the life) are to be decided.
    Decide(usize),
    /// Death.
    Death,
}

/// A life being lived.
#[derive(Clone)]
pub(crate) struct Living<'a> {
    pub(crate) world: World<'a>,
    pub(crate) person: &'a Person,
    pub(crate) dice: Dice,
    pub(crate) age: f64,
    pub(crate) life: Life,
    /// Age at latent onset, infinite before; for episodes, the last.
    pub(crate) latent: [f64; Condition::COUNT],
    /// Age at diagnosis, infinite before; for episodes, the last.
    pub(crate) diagnosed: [f64; Condition::COUNT],
    /// Age when first on record.
    pub(crate) known: [f64; Condition::COUNT],
    episodes: [u32; Condition::COUNT],
    /// What is left on each clock.
    left: [f64; Condition::COUNT],
    left_death: f64,
    /// The part of each hazard ratio that never changes.
    fixed: [f64; Condition::COUNT],
    fixed_death: f64,
    /// What treatments make of each hazard now.
    treated: [f64; Condition::COUNT],
    treated_death: f64,
    /// Onsets whose treatments are yet to be decided, and when.
    undecided: Vec<(f64, usize)>,
    watch: Option<Watch>,
}

impl<'a> Living<'a> {
    /// Somebody newly born.
    pub fn new(world: World<'a>, person: &'a Person, dice: Dice) -> Self {
        let mut living = Living {
            world,
            person,
            dice,
            age: 0.0,
            life: Life { death_age: f64::INFINITY, ..Life::default() },
            latent: [f64::INFINITY; Condition::COUNT],
            diagnosed: [f64::INFINITY; Condition::COUNT],
            known: [f64::INFINITY; Condition::COUNT],
            episodes: [0; Condition::COUNT],
            left: [0.0; Condition::COUNT],
            left_death: 0.0,
            fixed: [1.0; Condition::COUNT],
            fixed_death: 1.0,
            treated: [1.0; Condition::COUNT],
            treated_death: 1.0,
            undecided: Vec::new(),
            watch: None,
        };
        living.wind(&mut dice.draws(Purpose::Life, 0));
        // Frailty stands for all that kills besides the conditions here.
        living.fixed_death = (0.25 * person.of(crate::condition::Trait::Frailty)).exp();
        let hidden = |weight: f64| {
            let by = world.confounding * weight;
            (by * person.hidden - by * by / 2.0).exp()
        };
        living.fixed_death *= hidden(0.5);
        for condition in Condition::ALL {
            living.fixed[condition.index()] = world.rates.fixed_ratio(condition, person);
            use Condition::{HeartFailure, MyocardialInfarction, Stroke};
            if matches!(condition, HeartFailure | MyocardialInfarction | Stroke) {
                living.fixed[condition.index()] *= hidden(0.5);
            }
        }
        living
    }

    /// Winds all clocks anew.
    fn wind(&mut self, draws: &mut Draws) {
        for left in &mut self.left {
            *left = draws.exponential();
        }
        self.left_death = draws.exponential();
    }

    /// Another future from here: clocks that haven't run down know nothing of the past, so winding them anew
    /// gives another future with the same law.
    pub fn start_anew(&mut self, replicate: u32) {
        self.dice.replicate = replicate;
        self.wind(&mut self.dice.draws(Purpose::Future, 0));
        let (age, dice) = (self.age, self.dice);
        for taken in self.life.uses.iter_mut().filter(|taken| taken.at(age)) {
            let mut draws = dice.draws(Purpose::Future, 1_000 + taken.therapy as u32);
            taken.stop = age + draws.exponential() / taken.therapy().stopping_per_year;
        }
    }

    /// Begins to watch an outcome, which from now on doesn't happen.
    pub fn watch(&mut self, outcome: Outcome) {
        self.watch = Some(Watch { outcome, hazards: vec![(self.age, 0.0)] });
    }

    /// Puts a person in a state that a record or a guess tells: an onset that has happened.
    pub fn place(&mut self, onset: Onset) {
        let index = onset.condition.index();
        self.latent[index] = onset.latent_age;
        self.diagnosed[index] = onset.diagnosis_age;
        self.known[index] = self.known[index].min(onset.finding.known_age);
        self.episodes[index] += 1;
        self.life.onsets.push(onset);
    }

    /// The probability that what is watched happens between the beginning of watching and an age, along this path.
    pub fn watched_until(&self, age: f64) -> f64 {
        let (mut sum, mut from) = (0.0, f64::NAN);
        for &(end, hazard) in self.watch.iter().flat_map(|watch| &watch.hazards) {
            // The first entry marks the beginning.
            if !from.is_nan() {
                sum += hazard * (end.min(age) - from).max(0.0);
            }
            from = end;
        }
        -(-sum).exp_m1()
    }

    /// Lives on to an age as care goes.
    pub fn live_until(&mut self, age: f64) {
        while let Pause::Decide(onset) = self.advance(age, None) {
            self.decide(onset, None);
        }
    }

    /// Chronic: diagnosable; an episode: still felt.
    fn has(&self, condition: usize, age: f64) -> bool {
        let since = age - self.diagnosed[condition] + HAIR;
        match Condition::ALL[condition].profile().course {
            Course::Chronic => since >= 0.0,
            Course::Recurrent { felt_years, .. } => since >= 0.0 && since < felt_years,
        }
    }

    /// The hazard ratio and the excess of death at an age.
    fn death(&self, age: f64) -> (f64, f64) {
        let (mut ratio, mut excess) = (1.0, 0.0);
        for (index, diagnosed) in self.diagnosed.iter().enumerate() {
            let since = age - diagnosed + HAIR;
            if since >= 0.0 {
                let mortality = &Condition::ALL[index].profile().mortality;
                ratio *= mortality.ratio;
                excess += mortality.excess(age.floor(), since);
            }
        }
        (ratio, excess)
    }

    /// The first turn after an age.
    fn next_turn(&self, age: f64) -> f64 {
        let mut next = age.floor() + 1.0;
        for &diagnosed in &self.diagnosed {
            if diagnosed > age {
                next = next.min(diagnosed);
            } else if age - diagnosed < 5.1 {
                for after in TURNS_AFTER {
                    if diagnosed + after > age + HAIR {
                        next = next.min(diagnosed + after);
                        break;
                    }
                }
            }
        }
        for (index, latent) in self.latent.iter().enumerate() {
            if age - latent < 0.6
                && let Course::Recurrent { spacing_days, .. } = Condition::ALL[index].profile().course
                && latent + spacing_days / 365.25 > age + HAIR
            {
                next = next.min(latent + spacing_days / 365.25);
            }
        }
        for taken in &self.life.uses {
            if taken.stop > age {
                next = next.min(taken.stop);
            }
        }
        for (due, _) in &self.undecided {
            next = next.min(due.max(age));
        }
        next
    }

    /// Lives on until an age, the next decision, or death. With a trace, every stretch of constant hazards is
    /// recorded. Decisions aren't made here: see [`Living::decide`].
    pub fn advance(&mut self, until: f64, mut trace: Option<&mut Vec<Stretch>>) -> Pause {
        loop {
            if self.age >= MAX_AGE as f64 {
                return self.die(MAX_AGE as f64);
            }
            if self.age >= until {
                return Pause::Age;
            }
            let age = self.age;
            if let Some(place) = self.undecided.iter().position(|(due, _)| *due <= age) {
                return Pause::Decide(self.undecided.swap_remove(place).1);
            }
            let Now { mut hazards, ratios, mut death, death_ratio, death_excess } = self.now();
            let turn = self.next_turn(age).min(until);
            let mut watched = None;
            if let Some(watch) = &self.watch {
                let hazard = match watch.outcome {
                    Outcome::Onset(condition) => std::mem::take(&mut hazards[condition.index()]),
                    Outcome::Death => std::mem::take(&mut death),
                };
                watched = Some(hazard);
            }
            let mut wait = turn - age;
            let mut first = None;
            for (index, (left, hazard)) in self.left.iter().zip(&hazards).enumerate() {
                if *left < wait * hazard {
                    wait = left / hazard;
                    first = Some(index);
                }
            }
            let dies = self.left_death < wait * death;
            if dies {
                wait = self.left_death / death;
            }
            let end = if first.is_none() && !dies { turn } else { age + wait };
            for (left, hazard) in self.left.iter_mut().zip(&hazards) {
                *left -= wait * hazard;
            }
            self.left_death -= wait * death;
            if let Some(trace) = trace.as_deref_mut() {
                trace.push(Stretch { from: age, to: end, ratios, death_ratio, death_excess });
            }
            if let (Some(watch), Some(hazard)) = (&mut self.watch, watched) {
                watch.hazards.push((end, hazard));
            }
            self.age = end;
            if dies {
                return self.die(end);
            }
            if let Some(index) = first {
                self.begin(Condition::ALL[index]);
            }
        }
    }

    /// Everything that is constant until the next turn.
    fn now(&mut self) -> Now {
        let age = self.age;
        let sex = self.person.sex;
        let mut hazards = [0.0; Condition::COUNT];
        let mut has = [false; Condition::COUNT];
        self.apply_treatments(age);
        for (index, has) in has.iter_mut().enumerate() {
            *has = self.has(index, age);
        }
        let smoking = match self.person.smoking.at(age.floor()) {
            SmokingStatus::Never => 0.0,
            SmokingStatus::Current => 1.0,
            SmokingStatus::Former => 0.4,
        };
        // Habits and build are those of the birthday: a turn that another treatment brings changes no hazard.
        let year = age.floor();
        let body_mass = if age >= 18.0 { (self.person.body_mass_index(year) - 27.0) / 5.0 } else { 0.0 };
        let mut ratios = [0.0; Condition::COUNT];
        for condition in Condition::ALL {
            let index = condition.index();
            hazards[index] = 0.0;
            let at_risk = match condition.profile().course {
                Course::Chronic => self.latent[index].is_infinite(),
                Course::Recurrent { spacing_days, .. } => {
                    self.latent[index].is_infinite()
                        || age - self.latent[index] + HAIR >= spacing_days / 365.25
                }
            };
            // An episode's gap counts as no risk in calibration, so that the mean makes up for it.
            if !at_risk {
                continue;
            }
            let silent = self.person.silent_years[index];
            let base = self.world.rates.onset(condition, sex, age, silent);
            if base <= 0.0 {
                continue;
            }
            let drivers = self.world.rates.drivers(condition);
            let ratio = self.fixed[index]
                * drivers.changing(smoking, body_mass)
                * drivers.after(&has)
                * self.treated[index];
            ratios[index] = ratio;
            hazards[index] = base * ratio;
        }
        let smoker = self.person.smoking.at(year) == SmokingStatus::Current && age > 35.0;
        // Smoking also kills in other ways (Doll et al., BMJ 2004;328:1519: all-cause ratio near 2, of which
        // part runs through the conditions).
        let (condition_ratio, excess) = self.death(age);
        let death_ratio =
            condition_ratio * if smoker { 1.4 } else { 1.0 } * self.fixed_death * self.treated_death;
        let death_excess = excess * self.treated_death;
        let death = self.world.rates.death(sex, age) * death_ratio
            + self.world.rates.excess_share(sex, age) * death_excess;
        Now { hazards, ratios, death, death_ratio, death_excess }
    }

    /// Lives a life that is told, up to an age: onsets happen as the script has them, by latent age, and nothing
    /// else does. Gives the logarithm of its likelihood: that these onsets began when they did, that what is asked
    /// about didn't begin before, and that the person lived. `asked` gives the ages from and until which a
    /// condition's absence is known.
    pub fn follow(
        &mut self,
        script: &[Onset],
        until: f64,
        asked: &[(f64, f64); Condition::COUNT],
        alive_from: f64,
    ) -> f64 {
        let mut likelihood = 0.0;
        let mut script = script.iter().peekable();
        loop {
            let now = self.now();
            while let Some(onset) = script.next_if(|onset| onset.latent_age <= self.age) {
                let index = onset.condition.index();
                if (asked[index].0..asked[index].1 + HAIR).contains(&onset.latent_age) {
                    // A hazard of zero would forbid what happened: rounding of ages, not a contradiction.
                    likelihood += now.hazards[index].max(1e-6).ln();
                }
                self.place(onset.clone());
            }
            if self.age >= until {
                return likelihood;
            }
            let now = self.now();
            let mut end = self.next_turn(self.age).min(until);
            if let Some(next) = script.peek() {
                end = end.min(next.latent_age.max(self.age));
            }
            for (hazard, (from, to)) in now.hazards.iter().zip(asked) {
                likelihood -= hazard * (end.min(*to) - self.age.max(*from)).max(0.0);
            }
            likelihood -= now.death * (end - self.age.max(alive_from)).max(0.0);
            self.age = end;
        }
    }

    /// A condition's hazard at an age, in the present state of everything but age.
    pub fn hazard_at(&mut self, condition: Condition, age: f64) -> f64 {
        let now = std::mem::replace(&mut self.age, age);
        let hazard = self.now().hazards[condition.index()];
        self.age = now;
        hazard
    }

    /// Takes back an onset that was placed, of a condition that stays and isn't on record by an age.
    pub fn displace_unknown(&mut self, condition: Condition, age: f64) {
        let index = condition.index();
        if !condition.is_chronic() || self.known[index] <= age {
            return;
        }
        self.latent[index] = f64::INFINITY;
        self.diagnosed[index] = f64::INFINITY;
        self.known[index] = f64::INFINITY;
        self.life.onsets.retain(|onset| onset.condition != condition);
    }

    fn die(&mut self, age: f64) -> Pause {
        self.age = age;
        self.life.death_age = age;
        Pause::Death
    }

    /// A condition begins now.
    fn begin(&mut self, condition: Condition) {
        let index = condition.index();
        let number = self.episodes[index];
        self.episodes[index] += 1;
        let mut draws = self.dice.draws(Purpose::Onset, stream_of(condition, number));
        self.left[index] = draws.exponential();
        let diagnosis_age = self.age + self.person.silent_years[index];
        let finding = finding::find(condition, self.person, self.world.disparity, diagnosis_age, &mut draws);
        self.latent[index] = self.age;
        self.diagnosed[index] = diagnosis_age;
        self.known[index] = self.known[index].min(finding.known_age);
        let decided = finding.known_age.is_finite() && Therapy::decided_for(condition);
        if decided {
            self.undecided.push((finding.known_age, self.life.onsets.len()));
        }
        self.life.onsets.push(Onset { condition, latent_age: self.age, diagnosis_age, finding });
    }

    /// What treatments make of hazards at an age.
    fn apply_treatments(&mut self, age: f64) {
        if self.life.uses.is_empty() {
            return;
        }
        self.treated = [1.0; Condition::COUNT];
        self.treated_death = 1.0;
        for taken in self.life.uses.iter().filter(|taken| taken.at(age + HAIR)) {
            for (outcome, ratio) in &taken.ratios {
                match outcome {
                    Outcome::Onset(condition) => self.treated[condition.index()] *= ratio,
                    Outcome::Death => self.treated_death *= ratio,
                }
            }
        }
    }

    /// Lives to the end, deciding as care does.
    pub fn until_death(mut self, mut trace: Option<&mut Vec<Stretch>>) -> Life {
        while let Pause::Decide(onset) = self.advance(f64::INFINITY, trace.as_deref_mut()) {
            self.decide(onset, None);
        }
        let death_age = self.life.death_age;
        for onset in &mut self.life.onsets {
            onset.close(death_age);
        }
        self.life
    }
}

impl Onset {
    /// Nothing is diagnosed after death.
    fn close(&mut self, death_age: f64) {
        if self.diagnosis_age > death_age {
            self.diagnosis_age = f64::INFINITY;
        }
        if self.finding.visit_age > death_age {
            self.finding.visit_age = f64::INFINITY;
        }
        if self.finding.known_age > death_age {
            self.finding.known_age = f64::INFINITY;
        }
    }
}

/// The number of the stream of one onset.
pub(crate) fn stream_of(condition: Condition, number: u32) -> u32 {
    condition.index() as u32 * 4096 + number.min(4095)
}

/// Lives a life. With a trace, every stretch of constant hazards is recorded.
pub(crate) fn live(world: World<'_>, person: &Person, dice: Dice, trace: Option<&mut Vec<Stretch>>) -> Life {
    Living::new(world, person, dice).until_death(trace)
}

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

use crate::condition::{Condition, Stage};
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
    /// How far it has come when it is found: its place among the profile's stages, or [`Onset::NO_STAGE`].
    pub stage: u8,
}

impl Onset {
    /// Where stages aren't told apart, or this one's isn't known.
    pub const NO_STAGE: u8 = u8::MAX;

    /// Its stage, if it has one.
    pub fn stage(&self) -> Option<&'static Stage> {
        self.condition.profile().stages.get(usize::from(self.stage))
    }
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

/// The hazards of everything along a life that goes as it goes, from some age on: for probabilities of all outcomes
/// from one future.
#[derive(Clone)]
pub(crate) struct Tally {
    from: f64,
    /// Ends of stretches, and hazards by condition and of death in each.
    stretches: Vec<(f64, [f64; Condition::COUNT], f64)>,
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
    /// The conditions that have ever begun, by index, each once.
    begun: Vec<usize>,
    /// What each condition's excess of deaths is multiplied by, for its stage.
    severity: [f64; Condition::COUNT],
    /// Hazards and hazard ratios as far as they hold for the year of life that began at [`Living::year`].
    yearly: [(f64, f64); Condition::COUNT],
    year: f64,
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
    tally: Option<Tally>,
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
            begun: Vec::with_capacity(16),
            severity: [1.0; Condition::COUNT],
            yearly: [(0.0, 0.0); Condition::COUNT],
            year: f64::NAN,
            left: [0.0; Condition::COUNT],
            left_death: 0.0,
            fixed: [1.0; Condition::COUNT],
            fixed_death: 1.0,
            treated: [1.0; Condition::COUNT],
            treated_death: 1.0,
            undecided: Vec::new(),
            watch: None,
            tally: None,
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

    /// Begins to note the hazards of everything.
    pub fn note_hazards(&mut self) {
        self.tally = Some(Tally { from: self.age, stretches: Vec::new() });
    }

    /// The integral of a condition's noted hazard until an age. It stops when the condition begins.
    ///
    /// Its mean over futures is the probability that the condition begins by that age: the integral is the event's
    /// compensator, so that the two differ by a martingale.
    pub fn noted_until(&self, condition: Condition, age: f64) -> f64 {
        let begins = self.tally.as_ref().map_or(f64::INFINITY, |tally| {
            let later = |onset: &&Onset| onset.latent_age > tally.from;
            self.life.of(condition).find(later).map_or(f64::INFINITY, |onset| onset.latent_age)
        });
        self.integral(age.min(begins), |hazards, _| hazards[condition.index()])
    }

    /// The integral of death's noted hazard until an age.
    pub fn noted_death_until(&self, age: f64) -> f64 {
        self.integral(age, |_, death| death)
    }

    fn integral(&self, until: f64, of: impl Fn(&[f64; Condition::COUNT], f64) -> f64) -> f64 {
        let Some(tally) = &self.tally else { return 0.0 };
        let (mut sum, mut from) = (0.0, tally.from);
        for (end, hazards, death) in &tally.stretches {
            if from >= until {
                break;
            }
            sum += of(hazards, *death) * (end.min(until) - from);
            from = *end;
        }
        sum
    }

    /// Puts a person in a state that a record or a guess tells: an onset that has happened.
    pub fn place(&mut self, onset: Onset) {
        let index = onset.condition.index();
        if !self.begun.contains(&index) {
            self.begun.push(index);
        }
        self.latent[index] = onset.latent_age;
        self.diagnosed[index] = onset.diagnosis_age;
        self.known[index] = self.known[index].min(onset.finding.known_age);
        self.episodes[index] += 1;
        self.severity[index] = onset.stage().map_or(1.0, |stage| stage.mortality);
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

    /// What a person has at an age. Chronic: diagnosable; an episode: still felt.
    fn conditions_at(&self, age: f64) -> [bool; Condition::COUNT] {
        let mut has = [false; Condition::COUNT];
        let courses = self.world.rates.courses();
        for &index in &self.begun {
            let since = age - self.diagnosed[index] + HAIR;
            has[index] = since >= 0.0 && since < courses[index].felt_years;
        }
        has
    }

    /// Brings up to date what holds for a year of life: published rates, habits and build.
    fn begin_year(&mut self, year: f64) {
        self.year = year;
        // Habits and build are those of the birthday: a turn that another treatment brings changes no hazard.
        let (smoking, body_mass) = (smoking_share(self.person, year), body_mass_units(self.person, year));
        for (index, yearly) in self.yearly.iter_mut().enumerate() {
            let condition = Condition::ALL[index];
            let base =
                self.world.rates.onset(condition, self.person.sex, year, self.person.silent_years[index]);
            *yearly = if base > 0.0 {
                let habits = self.world.rates.drivers(condition).changing(smoking, body_mass);
                (base, self.fixed[index] * habits)
            } else {
                (0.0, 0.0)
            };
        }
    }

    /// The hazard ratio and the excess of death at an age.
    fn death(&self, age: f64) -> (f64, f64) {
        let (mut ratio, mut excess) = (1.0, 0.0);
        for &index in &self.begun {
            let since = age - self.diagnosed[index] + HAIR;
            if since >= 0.0 {
                let mortality = &Condition::ALL[index].profile().mortality;
                ratio *= mortality.ratio;
                excess += self.severity[index] * mortality.excess(age.floor(), since);
            }
        }
        (ratio, excess)
    }

    /// The first turn after an age.
    fn next_turn(&self, age: f64) -> f64 {
        let mut next = age.floor() + 1.0;
        let courses = self.world.rates.courses();
        for &index in &self.begun {
            let (diagnosed, course) = (self.diagnosed[index], &courses[index]);
            if diagnosed > age {
                next = next.min(diagnosed);
            } else if age - diagnosed < 5.1 {
                for (after, changes) in TURNS_AFTER.into_iter().zip(course.changes_death) {
                    if changes && diagnosed + after > age + HAIR {
                        next = next.min(diagnosed + after);
                        break;
                    }
                }
            }
            let felt_until = diagnosed + course.felt_years;
            if course.moves_others && felt_until > age + HAIR {
                next = next.min(felt_until);
            }
            let again = self.latent[index] + course.spacing_years;
            if again > age + HAIR {
                next = next.min(again);
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
            if let Some(tally) = &mut self.tally {
                tally.stretches.push((end, hazards, death));
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
        let mut ratios = [0.0; Condition::COUNT];
        self.apply_treatments(age);
        let has = self.conditions_at(age);
        let year = age.floor();
        if self.year != year {
            self.begin_year(year);
        }
        let courses = self.world.rates.courses();
        for (index, (base, lasting)) in self.yearly.iter().enumerate() {
            // An episode's gap counts as no risk in calibration, so that the mean makes up for it.
            let at_risk = *base > 0.0
                && (self.latent[index].is_infinite()
                    || age - self.latent[index] + HAIR >= courses[index].spacing_years);
            if at_risk {
                let after = self.world.rates.drivers(Condition::ALL[index]).after(&has);
                ratios[index] = lasting * after * self.treated[index];
                hazards[index] = base * ratios[index];
            }
        }
        // By the year of life, as all habits are: a turn within it changes nothing.
        let smoker = self.person.smoking.at(year) == SmokingStatus::Current && year > 35.0;
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
    /// about didn't begin before, and that the person lived, from birth: whoever died before enrolment isn't on record at all.
    /// `asked` gives the ages from and until which a condition's absence is known.
    pub fn follow(&mut self, script: &[Onset], until: f64, asked: &[(f64, f64); Condition::COUNT]) -> f64 {
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
            likelihood -= now.death * (end - self.age).max(0.0);
            self.age = end;
        }
    }

    /// A condition's hazard at an age, in the present state of everything but age.
    pub fn hazard_at(&mut self, condition: Condition, age: f64) -> f64 {
        let index = condition.index();
        let again = self.latent[index] + self.world.rates.courses()[index].spacing_years;
        let at_risk = self.latent[index].is_infinite() || age + HAIR >= again;
        let year = age.floor();
        let rates = self.world.rates;
        let base = rates.onset(condition, self.person.sex, year, self.person.silent_years[index]);
        if !at_risk || base <= 0.0 {
            return 0.0;
        }
        self.apply_treatments(age);
        let drivers = rates.drivers(condition);
        let habits = drivers.changing(smoking_share(self.person, year), body_mass_units(self.person, year));
        base * self.fixed[index] * habits * drivers.after(&self.conditions_at(age)) * self.treated[index]
    }

    /// Takes back an onset that was placed, of a condition that stays and isn't on record by an age.
    pub fn displace_unknown(&mut self, condition: Condition, age: f64) {
        let index = condition.index();
        if !condition.is_chronic() || self.known[index] <= age {
            return;
        }
        self.begun.retain(|begun| *begun != index);
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
        if !self.begun.contains(&index) {
            self.begun.push(index);
        }
        self.latent[index] = self.age;
        self.diagnosed[index] = diagnosis_age;
        self.known[index] = self.known[index].min(finding.known_age);
        let stage = stage_of(condition, draws.uniform());
        let decided = finding.known_age.is_finite() && Therapy::decided_for(condition);
        if decided {
            self.undecided.push((finding.known_age, self.life.onsets.len()));
        }
        let onset = Onset { condition, latent_age: self.age, diagnosis_age, finding, stage };
        self.severity[index] = onset.stage().map_or(1.0, |stage| stage.mortality);
        self.life.onsets.push(onset);
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

/// How much of the hazard ratio of smoking, as a power, somebody has at an age.
fn smoking_share(person: &Person, age: f64) -> f64 {
    match person.smoking.at(age) {
        SmokingStatus::Never => 0.0,
        SmokingStatus::Current => 1.0,
        SmokingStatus::Former => 0.4,
    }
}

/// Body mass index in units of 5 kg/m² above 27; 0 in children.
fn body_mass_units(person: &Person, age: f64) -> f64 {
    if age >= 18.0 { (person.body_mass_index(age) - 27.0) / 5.0 } else { 0.0 }
}

/// The stage that falls to a uniform number.
fn stage_of(condition: Condition, uniform: f64) -> u8 {
    let mut left = uniform;
    let place = condition.profile().stages.iter().position(|stage| {
        left -= stage.share;
        left < 0.0
    });
    place.map_or(Onset::NO_STAGE, |place| place as u8)
}

/// The number of the stream of one onset.
pub(crate) fn stream_of(condition: Condition, number: u32) -> u32 {
    condition.index() as u32 * 4096 + number.min(4095)
}

/// Lives a life. With a trace, every stretch of constant hazards is recorded.
pub(crate) fn live(world: World<'_>, person: &Person, dice: Dice, trace: Option<&mut Vec<Stretch>>) -> Life {
    Living::new(world, person, dice).until_death(trace)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::condition::Trait;
    use events::Sex;

    #[test]
    fn whoever_enrols_late_has_lived_until_then() {
        let mut person = Person::draw(Sex::Female, 1935, &mut Draws::new(1, 1, Purpose::Person, 0));
        let mut likelihood = |frailty: f64| {
            person.traits[Trait::Frailty as usize] = frailty;
            let mut living = Living::new(World::published(), &person, Dice::new(1, 1, 0));
            living.follow(&[], 85.0, &[(0.0, 0.0); Condition::COUNT])
        };
        let (robust, frail) = (likelihood(-2.0), likelihood(2.0));
        assert!(frail < 1.5 * robust && robust < 0.0, "{robust} {frail}");
    }
}

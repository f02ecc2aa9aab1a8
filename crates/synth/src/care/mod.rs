//! How a life becomes a record: when people come, what is asked, measured, coded and prescribed.

mod orders;
mod visits;

use crate::catalogue::{
    Concept, INFLUENZA_VACCINE, LIPIDS, METABOLIC, Order, Panel, TREATMENTS, VACCINES, procedure,
};
use crate::condition::Condition;
use crate::life::{Life, Onset};
use crate::measurement::Measure;
use crate::person::Person;
use crate::physiology;
use crate::random::Draws;
use crate::record::{Class, Diagnosis, Encounter, PanelReport, Record, Value};
use crate::therapy::{Feature, Therapy};
use events::{Sex, Time};
pub(crate) use visits::{IDLE_SYMPTOMS_PER_YEAR, complained_of_idly, complaints_before};
use visits::{Reason, Visit};

/// Days in a year, for ages.
pub(crate) const DAYS_PER_YEAR: f64 = 365.25;

/// The time at an age.
pub(crate) fn time_at(birth: Time, age: f64) -> Time {
    birth.plus_days(age * DAYS_PER_YEAR)
}

/// How long a visit to a clinic lasts.
const AMBULATORY_DAYS: f64 = 0.5 / 24.0;

/// Allergies that are recorded.
pub(crate) const ALLERGIES: [Concept; 4] = [
    Concept { code: "91936005", display: "Allergy to penicillin" },
    Concept { code: "91935009", display: "Allergy to peanut" },
    Concept { code: "300916003", display: "Latex allergy" },
    Concept { code: "417532002", display: "Allergy to fish" },
];

/// Episodes that care asks after when it decides on treatments, and as what one is coded that was before enrolment.
pub(crate) const HISTORIES: [(Condition, Concept); 3] = [
    (Condition::MyocardialInfarction, Concept { code: "I25.2", display: "Old myocardial infarction" }),
    (
        Condition::Stroke,
        Concept {
            code: "Z86.73",
            display: "Personal history of transient ischemic attack (TIA), and cerebral infarction without residual deficits",
        },
    ),
    (
        Condition::GastrointestinalBleed,
        Concept { code: "Z87.19", display: "Personal history of other diseases of the digestive system" },
    ),
];

/// What a check-up of a child, and of an adult, is coded as when nothing is found.
pub(crate) const EXAMINATIONS: [Concept; 2] = [
    Concept {
        code: "Z00.129",
        display: "Encounter for routine child health examination without abnormal findings",
    },
    Concept {
        code: "Z00.00",
        display: "Encounter for general adult medical examination without abnormal findings",
    },
];

/// The part of a life that the hospital sees.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Window {
    pub birth: Time,
    /// Age at enrolment.
    pub from: f64,
    /// Age at death, loss or extract.
    pub until: f64,
}

/// Records a life.
pub(crate) fn record(person: &Person, life: &Life, window: Window, draws: &mut Draws) -> Record {
    let mut chart = Chart {
        person,
        life,
        window,
        draws,
        known: [false; Condition::COUNT],
        known_ages: known_ages(life),
        visits: 0,
        drugs: Vec::new(),
        basis: &[],
        last: [f64::NEG_INFINITY; Measure::COUNT],
        last_value: [f64::NAN; Measure::COUNT],
        vaccines: vec![0; VACCINES.len()],
        last_influenza: f64::NEG_INFINITY,
        last_colonoscopy: f64::NEG_INFINITY,
        last_mammography: f64::NEG_INFINITY,
    };
    // What was due before enrolment was had elsewhere.
    for (given, (_, due)) in chart.vaccines.iter_mut().zip(VACCINES) {
        *given = due.iter().filter(|age| **age + 1.0 < window.from).count();
    }
    let plan = visits::plan(person, life, window, chart.draws);
    let encounters: Vec<Encounter> = plan.iter().filter_map(|visit| chart.attend(visit)).collect();
    let mut allergies = Vec::new();
    if let Some(first) = encounters.first() {
        for (allergy, share) in ALLERGIES.into_iter().zip([0.08, 0.02, 0.01, 0.01]) {
            if draws.chance(share) {
                allergies.push((allergy, first.start));
            }
        }
    }
    Record {
        from: time_at(window.birth, window.from),
        until: time_at(window.birth, window.until),
        encounters,
        allergies,
    }
}

/// The chronic conditions that are ever on record, in the order of the tables, and since when.
fn known_ages(life: &Life) -> Vec<(Condition, f64)> {
    let mut ages: Vec<(Condition, f64)> = life
        .onsets
        .iter()
        .filter(|onset| onset.condition.is_chronic() && onset.finding.known_age.is_finite())
        .map(|onset| (onset.condition, onset.finding.known_age))
        .collect();
    ages.sort_by_key(|(condition, _)| *condition);
    ages
}

/// The record as it grows.
struct Chart<'a> {
    person: &'a Person,
    life: &'a Life,
    window: Window,
    draws: &'a mut Draws,
    /// Chronic conditions on the problem list.
    known: [bool; Condition::COUNT],
    /// Chronic conditions of the whole life, with the age at which each is first on record.
    known_ages: Vec<(Condition, f64)>,
    /// Visits so far.
    visits: usize,
    /// Drugs taken now, besides those decided upon in the life.
    drugs: Vec<Concept>,
    /// What was measured to decide on treatments at this visit.
    basis: &'a [(Measure, f64)],
    /// Age when each measure was last taken.
    last: [f64; Measure::COUNT],
    last_value: [f64; Measure::COUNT],
    vaccines: Vec<usize>,
    last_influenza: f64,
    last_colonoscopy: f64,
    last_mammography: f64,
}

impl<'a> Chart<'a> {
    /// What comes of a visit; nothing if the patient died before it.
    fn attend(&mut self, visit: &Visit) -> Option<Encounter> {
        let last_day = self.window.until * DAYS_PER_YEAR;
        let (start_day, stay, died) = match self.onset(visit) {
            Some(onset) => {
                let finding = onset.finding;
                let start_day = finding.visit_age * DAYS_PER_YEAR;
                let stay = if visit.class == Class::Ambulatory {
                    AMBULATORY_DAYS
                } else {
                    finding.known_age * DAYS_PER_YEAR - start_day
                };
                (start_day, stay, visit.class != Class::Ambulatory && finding.known_age.is_infinite())
            }
            None => ((visit.age * DAYS_PER_YEAR).floor() + self.clock(), AMBULATORY_DAYS, false),
        };
        if start_day >= last_day {
            return None;
        }
        let end_day = (start_day + stay).min(last_day);
        let age = start_day / DAYS_PER_YEAR;
        let mut encounter = Encounter {
            class: visit.class,
            start: time_at(self.window.birth, age),
            end: time_at(self.window.birth, end_day / DAYS_PER_YEAR),
            diagnoses: Vec::new(),
            values: Vec::new(),
            panels: Vec::new(),
            smoking: None,
            procedures: Vec::new(),
            prescriptions: Vec::new(),
            immunizations: Vec::new(),
            died,
            has_note: false,
        };
        // What was measured for a decision is what the record shows.
        self.basis = self.onset(visit).map_or(&[], |onset| self.life.basis_at(onset.finding.known_age));
        self.diagnose(visit, age, &mut encounter);
        self.take_vitals(visit, age, end_day - start_day, &mut encounter);
        let orders = orders::orders(self, visit, age);
        self.carry_out(&orders, start_day, age, &mut encounter);
        if visit.class == Class::Inpatient && end_day - start_day > 2.0 {
            // Bloods again on the third morning.
            let routine = [Order::Panel(&METABOLIC), Order::Panel(&crate::catalogue::BLOOD_COUNT)];
            self.carry_out(&routine, start_day + 2.0, (start_day + 2.0) / DAYS_PER_YEAR, &mut encounter);
        }
        self.state_the_basis(visit, start_day, &mut encounter);
        self.prescribe(visit, &mut encounter);
        if matches!(visit.reason, Reason::Routine) {
            self.prevent(age, &mut encounter);
        }
        let asked = self.draws.chance(0.25) || self.decides_by_smoking(visit);
        if age >= 13.0 && asked {
            encounter.smoking = Some(self.person.smoking.at(age));
        }
        encounter.has_note = visit.class != Class::Ambulatory
            || !matches!(visit.reason, Reason::Routine)
            || self.draws.chance(0.15);
        Some(encounter)
    }

    /// The onset that a visit is about.
    fn onset(&self, visit: &Visit) -> Option<&'a Onset> {
        match visit.reason {
            Reason::Onset(_, place) => self.life.onsets.get(place),
            _ => None,
        }
    }

    /// Are treatments decided upon at a visit from whether the patient smokes?
    fn decides_by_smoking(&self, visit: &Visit) -> bool {
        let Reason::Onset(condition, _) = visit.reason else { return false };
        Therapy::of(condition).any(|(_, therapy)| therapy.reasons.iter().any(|(f, _)| *f == Feature::Smoking))
    }

    /// The time of day at which a visit to a clinic begins, as a share of the day.
    fn clock(&mut self) -> f64 {
        (8 * 60 + 10 * self.draws.below(54)) as f64 / (24.0 * 60.0)
    }

    fn diagnose(&mut self, visit: &Visit, age: f64, encounter: &mut Encounter) {
        let birth = self.window.birth;
        let profile_concept = |condition: Condition| {
            let profile = condition.profile();
            Concept { code: profile.icd10cm, display: profile.display }
        };
        match visit.reason {
            Reason::Onset(condition, place) => {
                let chronic = condition.is_chronic();
                encounter.diagnoses.push(Diagnosis {
                    concept: profile_concept(condition),
                    onset: time_at(birth, self.life.onsets[place].diagnosis_age).min(encounter.start),
                    first: true,
                    chronic,
                });
                if let Some(stage) = self.life.onsets[place].stage().filter(|stage| !stage.icd10cm.is_empty())
                {
                    encounter.diagnoses.push(Diagnosis {
                        concept: Concept { code: stage.icd10cm, display: stage.display },
                        onset: encounter.start,
                        first: true,
                        chronic,
                    });
                }
                if chronic {
                    self.known[condition.index()] = true;
                }
                self.begin_drugs(condition);
            }
            Reason::Symptom(concept) => encounter.diagnoses.push(Diagnosis {
                concept,
                onset: encounter.start,
                first: true,
                chronic: false,
            }),
            Reason::Routine | Reason::FollowUp(_) => {}
        }
        // What was diagnosed earlier, here or elsewhere, is on the problem list from the first visit on, and is
        // coded again on some of the later ones.
        for place in 0..self.known_ages.len() {
            let (condition, diagnosed) = self.known_ages[place];
            let seen_elsewhere = diagnosed < self.window.from;
            if diagnosed > age || (!seen_elsewhere && !self.known[condition.index()]) {
                continue;
            }
            let first = !self.known[condition.index()];
            let again = matches!(visit.reason, Reason::FollowUp(c) if c == condition)
                || (!matches!(visit.reason, Reason::Onset(c, _) if c == condition)
                    && self.draws.chance(self.person.site.repeats(visit.class == Class::Inpatient)));
            if first {
                self.known[condition.index()] = true;
                self.begin_drugs(condition);
            }
            if first || again {
                encounter.diagnoses.push(Diagnosis {
                    concept: profile_concept(condition),
                    onset: time_at(birth, diagnosed),
                    first,
                    chronic: true,
                });
            }
        }
        if self.visits == 0 {
            for (condition, concept) in HISTORIES {
                if self.life.known_age(condition) < self.window.from {
                    let onset = encounter.start;
                    encounter.diagnoses.push(Diagnosis { concept, onset, first: true, chronic: false });
                }
            }
        }
        if encounter.diagnoses.is_empty() && matches!(visit.reason, Reason::Routine) {
            let concept = EXAMINATIONS[usize::from(age >= 18.0)];
            encounter.diagnoses.push(Diagnosis {
                concept,
                onset: encounter.start,
                first: true,
                chronic: false,
            });
        }
    }

    fn begin_drugs(&mut self, condition: Condition) {
        for treatment in TREATMENTS.iter().filter(|t| t.condition == condition && t.lasting) {
            if self.draws.chance(treatment.probability) && !self.drugs.contains(&treatment.drug) {
                self.drugs.push(treatment.drug);
            }
        }
    }

    fn prescribe(&mut self, visit: &Visit, encounter: &mut Encounter) {
        if encounter.died {
            return;
        }
        let mut add = |drug: Concept| {
            if !encounter.prescriptions.contains(&drug) {
                encounter.prescriptions.push(drug);
            }
        };
        if let Reason::Onset(condition, place) = visit.reason {
            let known_age = self.life.onsets[place].finding.known_age;
            for taken in self.life.uses.iter().filter(|taken| taken.start == known_age) {
                add(taken.therapy().drug);
            }
            for treatment in TREATMENTS.iter().filter(|t| t.condition == condition) {
                let wanted = if treatment.lasting {
                    self.drugs.contains(&treatment.drug)
                } else {
                    self.draws.chance(treatment.probability)
                };
                if wanted {
                    add(treatment.drug);
                }
            }
        }
        // What is taken is asked at the first visit, and prescribed again at some of the later ones.
        let renewal = match visit.class {
            _ if self.visits == 0 => 1.0,
            Class::Ambulatory => 0.4,
            _ => 0.2,
        };
        for taken in self.life.uses.iter().filter(|taken| taken.at(visit.age)) {
            if self.draws.chance(renewal) {
                add(taken.therapy().drug);
            }
        }
        for drug in &self.drugs {
            if self.draws.chance(renewal) {
                add(*drug);
            }
        }
        self.visits += 1;
    }

    fn take_vitals(&mut self, visit: &Visit, age: f64, days: f64, encounter: &mut Encounter) {
        let sick = visit.class != Class::Ambulatory
            || matches!(visit.reason, Reason::Onset(condition, _) if !condition.is_chronic());
        let mut wanted = Vec::with_capacity(8);
        if age >= 3.0 && (sick || self.draws.chance(0.85)) {
            wanted.extend([Measure::Systolic, Measure::Diastolic]);
        }
        if age < 18.0 && self.draws.chance(0.6) {
            wanted.extend([Measure::Weight, Measure::Height]);
        } else if self.draws.chance(0.5) {
            wanted.extend([Measure::Weight, Measure::BodyMassIndex]);
            if self.last[Measure::Height as usize] < 0.0 {
                wanted.push(Measure::Height);
            }
        }
        if sick {
            wanted.extend([
                Measure::Temperature,
                Measure::HeartRate,
                Measure::RespiratoryRate,
                Measure::OxygenSaturation,
            ]);
        } else if self.draws.chance(0.35) {
            wanted.push(Measure::HeartRate);
        }
        for measure in wanted {
            self.take(measure, encounter.start.plus_days(0.003), age, None, encounter);
        }
        if visit.class == Class::Inpatient && days > 1.5 {
            for measure in [Measure::Systolic, Measure::Diastolic, Measure::HeartRate, Measure::Temperature] {
                self.take(
                    measure,
                    encounter.end.plus_days(-0.05),
                    age + days / DAYS_PER_YEAR,
                    None,
                    encounter,
                );
            }
        }
    }

    fn carry_out(&mut self, orders: &[Order], day: f64, age: f64, encounter: &mut Encounter) {
        let time = self.window.birth.plus_days(day + 0.01).min(encounter.end);
        for order in orders {
            match order {
                Order::Panel(panel) => self.run_panel(panel, time, age, encounter),
                Order::Test(measure) => self.take(*measure, time, age, None, encounter),
                Order::Procedure(concept) => {
                    if !encounter.procedures.contains(concept) {
                        encounter.procedures.push(*concept);
                    }
                    if *concept == procedure::COLONOSCOPY {
                        self.last_colonoscopy = age;
                    }
                    if *concept == procedure::MAMMOGRAPHY {
                        self.last_mammography = age;
                    }
                }
            }
        }
    }

    fn run_panel(&mut self, panel: &'static Panel, time: Time, age: f64, encounter: &mut Encounter) {
        let index = encounter.panels.len();
        encounter.panels.push(PanelReport { panel, time });
        for measure in panel.measures {
            self.take(*measure, time, age, Some(index), encounter);
        }
        if panel.concept == LIPIDS.concept && age > 18.0 && self.draws.chance(0.4) {
            self.take(Measure::Alt, time, age, None, encounter);
        }
    }

    /// What treatments were decided upon is on record, whatever else was ordered.
    fn state_the_basis(&mut self, visit: &Visit, day: f64, encounter: &mut Encounter) {
        let time = self.window.birth.plus_days(day + 0.01).min(encounter.end);
        for &(measure, value) in self.basis {
            if encounter.values.iter().all(|v| v.measure != measure) {
                self.note_value(measure, value, time, visit.age, None, encounter);
            }
        }
        self.basis = &[];
    }

    fn note_value(
        &mut self,
        measure: Measure,
        value: f64,
        time: Time,
        age: f64,
        panel: Option<usize>,
        encounter: &mut Encounter,
    ) {
        self.last[measure as usize] = age;
        self.last_value[measure as usize] = value;
        encounter.values.push(Value { measure, value, time, panel });
    }

    fn take(
        &mut self,
        measure: Measure,
        time: Time,
        age: f64,
        panel: Option<usize>,
        encounter: &mut Encounter,
    ) {
        let decided = self.basis.iter().find(|(m, _)| *m == measure).map(|(_, value)| *value);
        let first = encounter.values.iter().all(|v| v.measure != measure);
        let value = match decided {
            Some(value) if first => value,
            _ => physiology::measure(measure, self.person, self.life, age, self.draws),
        };
        self.note_value(measure, value, time, age, panel, encounter);
    }

    fn prevent(&mut self, age: f64, encounter: &mut Encounter) {
        for (index, (vaccine, due)) in VACCINES.iter().enumerate() {
            while let Some(next) = due.get(self.vaccines[index]) {
                if *next > age {
                    break;
                }
                self.vaccines[index] += 1;
                if self.draws.chance(if age < 7.0 { 0.92 } else { 0.5 }) {
                    encounter.immunizations.push(*vaccine);
                    break;
                }
            }
        }
        let (_, month, _) = encounter.start.ymd();
        if age > 0.5 && (9..=12).contains(&month) && age - self.last_influenza > 0.6 {
            let share = if age >= 65.0 { 0.7 } else { 0.45 };
            if self.draws.chance(share) {
                encounter.immunizations.push(INFLUENZA_VACCINE);
                self.last_influenza = age;
            }
        }
    }

    fn is_woman(&self) -> bool {
        self.person.sex == Sex::Female
    }
}

//! What a record says, for an observer.

use super::Uses;
use super::likelihood::moves;
use super::proposal::Proposals;
use crate::care;
use crate::condition::Condition;
use crate::disparity;
use crate::life::{Finding, Onset, Use};
use crate::measurement::Measure;
use crate::person::{Person, Smoking, SmokingStatus};
use crate::population::SyntheticSubject;
use crate::random::Draws;
use crate::rates::Rates;
use crate::record::Class;
use crate::therapy::Therapy;
use events::Time;

/// A condition, or an episode, that is on record.
struct Known {
    condition: Condition,
    diagnosis_age: f64,
    /// Age when it came on record, here or elsewhere.
    known_age: f64,
    /// Its stage as far as codes tell it.
    stage: u8,
}

/// The stage that the codes of a diagnosis tell: that which is coded beside it, or, of what was found here, the only one that
/// no code says. What was found elsewhere comes without its stage.
fn stage_on_record(condition: Condition, codes: &[&str], found_here: bool) -> u8 {
    let stages = condition.profile().stages;
    let place = |is: &dyn Fn(&str) -> bool| stages.iter().position(|stage| is(stage.icd10cm));
    let coded = place(&|code| !code.is_empty() && codes.contains(&code));
    let silent = stages.iter().filter(|stage| stage.icd10cm.is_empty()).count();
    let uncoded = place(&|code| code.is_empty()).filter(|_| found_here && silent == 1);
    coded.or(uncoded).map_or(Onset::NO_STAGE, |place| place as u8)
}

/// Everything on record up to a moment.
pub(super) struct Evidence<'a> {
    /// Age in years at that moment, and at enrolment.
    pub age: f64,
    pub enrolment_age: f64,
    /// Whose: only what is told of them is read (sex, birth, height, race, ethnicity, language, relatives as told).
    subject: &'a SyntheticSubject,
    told: [bool; Condition::COUNT],
    /// Known conditions and episodes, by age at diagnosis.
    known: Vec<Known>,
    /// Episodes of which the record says that they were before enrolment, and nothing else.
    histories: Vec<Condition>,
    /// Values with ages in years.
    pub values: Vec<(Measure, f64, f64)>,
    /// For each condition, the places of the values that it moves.
    moved_by: Vec<Vec<u32>>,
    /// Complaints, by ICD-10-CM code and age.
    symptoms: Vec<(&'static str, f64)>,
    smoking: Vec<(SmokingStatus, f64)>,
    /// Ages at visits to clinics.
    visits: Vec<f64>,
    /// Treatments: those whose beginning is on record with all that they were decided from, then those that were
    /// taken already; each with the age at which it was last prescribed.
    taken: Vec<(Use, f64)>,
}

impl<'a> Evidence<'a> {
    pub fn until(subject: &'a SyntheticSubject, time: Time) -> Self {
        let age_at = |time: Time| time.days_since(subject.birth) / care::DAYS_PER_YEAR;
        let mut told = [false; Condition::COUNT];
        for (condition, _) in subject.person.told_family() {
            told[condition.index()] = true;
        }
        let mut evidence = Evidence {
            age: age_at(time),
            enrolment_age: subject.enrolment_age,
            subject,
            told,
            known: Vec::new(),
            histories: Vec::new(),
            values: Vec::new(),
            moved_by: Vec::new(),
            symptoms: Vec::new(),
            smoking: Vec::new(),
            visits: Vec::new(),
            taken: Vec::new(),
        };
        let history_of = |code: &str| {
            care::HISTORIES.iter().find(|(_, concept)| concept.code == code).map(|(condition, _)| *condition)
        };
        let condition_of = |code: &str| Condition::ALL.into_iter().find(|c| c.profile().icd10cm == code);
        for encounter in subject.record.encounters.iter().filter(|e| e.start <= time) {
            let seen = age_at(encounter.start);
            if encounter.class == Class::Ambulatory {
                evidence.visits.push(seen);
            }
            if encounter.known() <= time {
                let codes: Vec<&str> = encounter.diagnoses.iter().map(|d| d.concept.code).collect();
                for diagnosis in &encounter.diagnoses {
                    match condition_of(diagnosis.concept.code) {
                        Some(condition) if diagnosis.first => {
                            let known_age = age_at(encounter.known());
                            let elsewhere = known_age.min(age_at(diagnosis.onset));
                            let before = elsewhere < subject.enrolment_age;
                            evidence.known.push(Known {
                                condition,
                                diagnosis_age: age_at(diagnosis.onset),
                                known_age: if before { elsewhere } else { known_age },
                                stage: stage_on_record(condition, &codes, !before),
                            });
                        }
                        Some(_) => {}
                        None => match history_of(diagnosis.concept.code) {
                            Some(condition) => evidence.histories.push(condition),
                            None => evidence.symptoms.push((diagnosis.concept.code, seen)),
                        },
                    }
                }
            }
            for value in encounter.values.iter().filter(|value| value.time <= time) {
                evidence.values.push((value.measure, value.value, age_at(value.time)));
            }
            if let Some(status) = encounter.smoking {
                evidence.smoking.push((status, seen));
            }
            if encounter.prescribed() <= time {
                for drug in &encounter.prescriptions {
                    evidence.prescribed(drug.code, seen, age_at(encounter.known()));
                }
            }
        }
        evidence.known.sort_by(|a, b| a.diagnosis_age.total_cmp(&b.diagnosis_age));
        evidence.moved_by = Condition::ALL
            .into_iter()
            .map(|condition| {
                let moved = evidence.values.iter().enumerate().filter(|(_, (m, ..))| moves(condition, *m));
                moved.map(|(place, _)| place as u32).collect()
            })
            .collect();
        evidence
    }

    /// A prescription on record: the beginning of a treatment, or its continuation.
    fn prescribed(&mut self, code: &str, seen: f64, known: f64) {
        if let Some((_, last)) =
            self.taken.iter_mut().rev().find(|(taken, _)| taken.therapy().drug.code == code)
        {
            *last = seen;
            return;
        }
        // Begun here: what it was decided from is on record too, and so its effects on this patient follow.
        let begun = self
            .subject
            .life
            .uses
            .iter()
            .find(|taken| taken.therapy().drug.code == code && (taken.start - known).abs() < 1e-6);
        if let Some(begun) = begun {
            self.taken.push((begun.clone(), seen));
            return;
        }
        // Begun elsewhere, at an unknown age: since its indication, with the published effects; of what is told as history the
        // age is unknown too, and only what comes after enrolment is asked about.
        let indicated = Therapy::all().iter().enumerate().find_map(|(place, therapy)| {
            let known = self.known.iter().find(|known| known.condition == therapy.indication);
            let history = self.histories.contains(&therapy.indication).then_some(self.enrolment_age);
            let since = known.map(|known| known.known_age).into_iter().chain(history).reduce(f64::min)?;
            (therapy.drug.code == code && since <= seen).then_some((place, therapy, since))
        });
        if let Some((place, therapy, since)) = indicated {
            let ratios = therapy.effects.iter().map(|effect| (effect.on, effect.ratio)).collect();
            self.taken.push((Use { therapy: place, start: since, stop: f64::INFINITY, ratios }, seen));
        }
    }

    /// Values after an age that a condition moves.
    pub fn moved_by(
        &self,
        condition: Condition,
        after: f64,
    ) -> impl Iterator<Item = (Measure, f64, f64)> + '_ {
        let moved = self.moved_by[condition.index()].iter().map(|place| self.values[*place as usize]);
        moved.filter(move |(_, _, age)| *age > after)
    }

    /// Is a condition on record, or any episode of it?
    pub fn holds(&self, condition: Condition) -> bool {
        self.known.iter().any(|known| known.condition == condition)
    }

    /// Is a condition on record that stays?
    pub fn knows(&self, condition: Condition) -> bool {
        condition.is_chronic() && self.holds(condition)
    }

    pub fn known_conditions(&self) -> impl Iterator<Item = Condition> + '_ {
        self.known.iter().map(|known| known.condition)
    }

    /// A person who may be behind the record, and the logarithm of prior over proposal.
    pub fn guess(&self, proposals: &Proposals, draws: &mut Draws) -> (Person, f64) {
        let (sex, year) = (self.subject.person.sex, self.subject.birth.ymd().0);
        let told = &self.subject.person;
        let mut person = Person::draw(sex, year, draws);
        // Smoking as told; a history that nobody drew in many tries is told wrongly, and the last is kept.
        for _ in 0..300 {
            if self.smoking.iter().all(|(status, age)| person.smoking.at(*age) == *status) {
                break;
            }
            person.smoking = Smoking::draw(sex, year, draws);
        }
        person.race = told.race;
        person.hispanic = told.hispanic;
        person.language = told.language;
        person.site = told.site;
        // Adults' height is measured to half a centimetre.
        person.height_cm = told.height_cm;
        for condition in Condition::ALL {
            let share = condition.profile().family;
            // Two thirds of what there is is told.
            let untold = share / 3.0 / (1.0 - share + share / 3.0);
            person.family[condition.index()] = self.told[condition.index()] || draws.chance(untold);
        }
        let (traits, log_ratio) = proposals.draw(draws);
        person.traits = traits;
        (person, log_ratio)
    }

    /// The life as told, for a person with these silent times.
    pub fn script(&self, person: &Person) -> Vec<Onset> {
        let mut script: Vec<Onset> = self
            .known
            .iter()
            .map(|&Known { condition, diagnosis_age, known_age, stage }| Onset {
                condition,
                latent_age: (diagnosis_age - person.silent_years[condition.index()]).max(0.0),
                diagnosis_age,
                finding: Finding { class: Class::Ambulatory, visit_age: known_age, known_age },
                stage,
            })
            .collect();
        script.sort_by(|a, b| a.latent_age.total_cmp(&b.latent_age));
        script
    }

    /// The episodes before enrolment, each at an age that it may have come at, by the published rates of those ages. Nothing is asked
    /// about that time, so they weigh nothing themselves.
    pub fn histories(&self, person: &Person, rates: &Rates, draws: &mut Draws) -> Vec<Onset> {
        let before = |condition: Condition, draws: &mut Draws| {
            let years = self.enrolment_age.ceil().max(1.0) as u32;
            let width = |year: u32| (self.enrolment_age - f64::from(year)).clamp(0.0, 1.0);
            let silent = person.silent_years[condition.index()];
            let rate = |year: u32| rates.onset(condition, person.sex, f64::from(year), silent) * width(year);
            let mut left = draws.uniform() * (0..years).map(rate).sum::<f64>();
            let year = (0..years).find(|year| {
                left -= rate(*year);
                left < 0.0
            });
            let year = year.unwrap_or(years - 1);
            let latent_age = f64::from(year) + draws.uniform() * width(year);
            Onset {
                condition,
                latent_age,
                diagnosis_age: latent_age + silent,
                finding: Finding { class: Class::Inpatient, visit_age: latent_age, known_age: latent_age },
                stage: Onset::NO_STAGE,
            }
        };
        self.histories.iter().map(|condition| before(*condition, draws)).collect()
    }

    /// Between which ages each condition's absence is known: for those that stay, from birth to what would be on
    /// record by now; for episodes, while observed.
    pub fn asked(&self, offsets: &[f64]) -> [(f64, f64); Condition::COUNT] {
        let mut asked = [(0.0, 0.0); Condition::COUNT];
        for condition in Condition::ALL {
            let index = condition.index();
            asked[index] = if condition.is_chronic() {
                let until = if self.knows(condition) { self.age } else { self.age - offsets[index] };
                (0.0, until.max(0.0))
            } else {
                (self.enrolment_age, self.age)
            };
        }
        asked
    }

    /// Years from diagnosable to recorded, infinite for never: a draw.
    pub fn recording_delay(
        &self,
        condition: Condition,
        person: &Person,
        scale: f64,
        draws: &mut Draws,
    ) -> f64 {
        let unjust = disparity::of(condition, person, scale);
        let (luck, overlooked, wait, delay) =
            (draws.uniform(), draws.uniform(), draws.exponential(), draws.exponential());
        let presentation = condition.profile().presentation;
        if luck < presentation.inpatient + presentation.emergency {
            return 4.0 / 365.25;
        }
        if overlooked < unjust.missed {
            return 200.0;
        }
        (person.site.clinic_delay_days() * wait + 0.9) / 365.25 + unjust.delay_years * delay
    }

    /// Treatments with their ends filled in: not before the last prescription, and the less likely the more visits
    /// went by without one.
    pub fn uses(&self, draws: &mut Draws) -> Uses {
        self.taken
            .iter()
            .map(|(taken, last)| {
                let rate = taken.therapy().stopping_per_year;
                let mut ends: Vec<f64> =
                    std::iter::once(*last).chain(self.visits.iter().copied().filter(|v| v > last)).collect();
                ends.push(f64::INFINITY);
                let mass: Vec<f64> = ends
                    .windows(2)
                    .enumerate()
                    .map(|(visits, pair)| {
                        let left = |age: f64| (-rate * (age - last)).exp();
                        0.6f64.powi(visits as i32) * (left(pair[0]) - left(pair[1]))
                    })
                    .collect();
                let mut left = draws.uniform() * mass.iter().sum::<f64>();
                let segment = mass.iter().position(|m| {
                    left -= m;
                    left < 0.0
                });
                let segment = segment.unwrap_or(mass.len() - 1);
                let width = ends[segment + 1] - ends[segment];
                let within = -(1.0 - draws.uniform() * (1.0 - (-rate * width).exp())).ln() / rate;
                Use { stop: ends[segment] + within, ..taken.clone() }
            })
            .collect()
    }

    /// The logarithm of the likelihood of complaints that a condition might explain, if it began at an age or not
    /// at all, up to a constant.
    pub fn of_symptoms(&self, condition: Condition, person: &Person, latent_age: Option<f64>) -> f64 {
        let Some(latent_age) = latent_age else { return 0.0 };
        let silent = person.silent_years[condition.index()];
        let Some((from, to)) = care::complaints_before(latent_age + silent, silent) else { return 0.0 };
        let (start, end) = (from.max(self.enrolment_age), to.min(self.age));
        let mut sum = 0.0;
        for (code, _, probability) in condition.profile().prodrome {
            let density = probability / (to - from).max(1e-3);
            let seen: Vec<f64> = self
                .symptoms
                .iter()
                .filter(|(symptom, age)| symptom == code && (start..end).contains(age))
                .map(|(_, age)| *age)
                .collect();
            let unseen = 1.0 - density * (end - start).max(0.0);
            // Each may be the disease's, the rest being idle; or none is.
            let explained: f64 = seen.iter().map(|age| density / self.background(code, *age)).sum();
            sum += (unseen.max(1e-6) + explained).ln();
        }
        sum
    }

    /// How often a complaint is made for other reasons, per year.
    fn background(&self, code: &str, age: f64) -> f64 {
        let share = |condition: Condition| {
            if !care::complained_of_idly(condition, self.sex()) {
                return 0.0;
            }
            let prodrome = condition.profile().prodrome;
            let with = prodrome.iter().filter(|(symptom, ..)| *symptom == code).count();
            with as f64 / prodrome.len().max(1) as f64
        };
        let idle = care::IDLE_SYMPTOMS_PER_YEAR / Condition::COUNT as f64;
        let mut rate: f64 = Condition::ALL.into_iter().map(|condition| idle * share(condition)).sum();
        for Known { condition, diagnosis_age, .. } in &self.known {
            let silent = condition.profile().silent_years.0 > 0.0;
            if silent && (diagnosis_age - 0.8..*diagnosis_age).contains(&age) {
                let prodrome = condition.profile().prodrome;
                rate += prodrome.iter().filter(|(s, ..)| *s == code).map(|(.., p)| p / 0.8).sum::<f64>();
            }
        }
        rate.max(1e-3)
    }

    pub fn sex(&self) -> events::Sex {
        self.subject.person.sex
    }

    pub fn birth_year(&self) -> i32 {
        self.subject.birth.ymd().0
    }

    pub fn height_cm(&self) -> f64 {
        self.subject.person.height_cm
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Population, Settings};

    #[test]
    fn a_stage_is_known_from_codes_alone() {
        let failure = Condition::ALL.into_iter().filter(|c| !c.profile().stages.is_empty());
        for condition in failure {
            let stages = condition.profile().stages;
            for (place, stage) in stages.iter().enumerate().filter(|(_, stage)| !stage.icd10cm.is_empty()) {
                let codes = [condition.profile().icd10cm, stage.icd10cm];
                assert_eq!(stage_on_record(condition, &codes, true), place as u8, "{condition:?}");
            }
            let alone = [condition.profile().icd10cm];
            assert_eq!(stage_on_record(condition, &alone, false), Onset::NO_STAGE, "{condition:?}");
            let here = stage_on_record(condition, &alone, true);
            let uncoded: Vec<usize> = (0..stages.len()).filter(|i| stages[*i].icd10cm.is_empty()).collect();
            let told = if uncoded.len() == 1 { uncoded[0] as u8 } else { Onset::NO_STAGE };
            assert_eq!(here, told, "{condition:?}");
        }
    }

    #[test]
    fn what_is_told_as_history_was_before_enrolment_and_is_no_complaint() {
        let population =
            Population::new(Settings { subjects: 800, seed: 17, ..Settings::default() }).unwrap();
        let mut held = 0;
        for index in 0..800 {
            let subject = population.subject(index);
            let evidence = Evidence::until(&subject, subject.record.until);
            let mut draws = Draws::new(1, index, crate::random::Purpose::Observer, 0);
            let told = evidence.histories(&subject.person, population.world().rates, &mut draws);
            assert_eq!(told.len(), evidence.histories.len());
            for onset in &told {
                assert!((0.0..=subject.enrolment_age).contains(&onset.latent_age));
                assert!(subject.life.known_age(onset.condition) < subject.enrolment_age);
            }
            let code_of = |symptom: &str| care::HISTORIES.iter().any(|(_, c)| c.code == symptom);
            assert!(!evidence.symptoms.iter().any(|(symptom, _)| code_of(symptom)));
            held += told.len();
        }
        assert!(held > 5, "{held}");
    }

    #[test]
    fn what_was_found_elsewhere_has_no_stage() {
        let population =
            Population::new(Settings { subjects: 300, seed: 17, ..Settings::default() }).unwrap();
        let mut seen = [0, 0];
        for index in 0..300 {
            let subject = population.subject(index);
            let evidence = Evidence::until(&subject, subject.record.until);
            for known in evidence.known.iter().filter(|k| !k.condition.profile().stages.is_empty()) {
                let elsewhere = known.known_age < subject.enrolment_age;
                seen[usize::from(elsewhere)] += 1;
                assert!(!elsewhere || known.stage == Onset::NO_STAGE, "{:?}", known.condition);
            }
        }
        assert!(seen[0] > 5 && seen[1] > 5, "{seen:?}");
    }
}

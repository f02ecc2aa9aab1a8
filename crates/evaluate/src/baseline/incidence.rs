//! Incidence by age and sex: events over person-years, shrunk, with death competing.
//!
//! Rates are per person-year by sex and five-year age band, for first occurrences only: a subject's person-years
//! for a code begin a day after the first dated event and end at its first occurrence. Sparse cells are shrunk by a gamma prior (the mean of the posterior of
//! a Poisson rate) in three steps: band to overall, sex to both sexes, cell to band × sex. The probability by a
//! horizon is the cumulative incidence under piecewise constant rates as the subject ages through the bands.
//!
//! Where ages are top-coded nobody is seen beyond, and the oldest don't die like people of all ages: bands at the old end that hold
//! too few years are one with the last that has enough.

use crate::tasks::{Broader, CodeSet};
use events::{Code, Sex, Subject};
use rustc_hash::{FxHashMap, FxHashSet};
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;
use std::collections::BTreeMap;

const DAYS_PER_YEAR: f64 = 365.25;
const BAND_YEARS: f64 = 5.0;
/// Bands 0–4, 5–9, … 100 and over.
const BANDS: usize = 21;
/// What is recorded so soon after the first dated event was there before: the first visit writes down, minute by minute, what its
/// patient has had for years, and facts that have a date alone stand at the end of its day. To count those as onsets in a few
/// minutes at risk makes chronic conditions several times too frequent.
const FIRST_VISIT_DAYS: f64 = 1.0;
/// As many person-years are enough for a band at the old end to stand alone, even where the prior of a rare code weighs more.
const ENOUGH_YEARS: f64 = 100.0;

/// How incidence is estimated.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct IncidenceSettings {
    /// Weight of the gamma priors, in events.
    pub prior_events: f64,
    /// Codes that fewer subjects have for the first time under observation are left out.
    pub minimum_events: u32,
}

impl Default for IncidenceSettings {
    fn default() -> Self {
        IncidenceSettings { prior_events: 1.0, minimum_events: 5 }
    }
}

/// Gathers person-years and first occurrences, one training subject at a time.
#[derive(Clone, Debug)]
pub struct IncidenceBuilder {
    settings: IncidenceSettings,
    groups: Vec<(SmolStr, CodeSet)>,
    person_years: Cells,
    targets: FxHashMap<SmolStr, Target>,
}

/// Something by sex (female, male, unknown) and band.
type Cells = [[f64; BANDS]; 3];

#[derive(Clone, Debug)]
struct Target {
    events: Cells,
    /// Person-years after the first occurrence, which are not at risk.
    not_at_risk: Cells,
}

impl Target {
    fn new() -> Self {
        Target { events: [[0.0; BANDS]; 3], not_at_risk: [[0.0; BANDS]; 3] }
    }
}

impl IncidenceBuilder {
    /// Counts every code, and every named group of codes as one outcome.
    pub fn new(settings: IncidenceSettings, groups: Vec<(SmolStr, CodeSet)>) -> Self {
        IncidenceBuilder { settings, groups, person_years: [[0.0; BANDS]; 3], targets: FxHashMap::default() }
    }

    /// Adds a subject. Those without birth or without a dated event are passed over: they have no age at risk.
    /// Time at risk starts a day after the first dated event after birth; what is recorded by then is prevalent. An occurrence of a
    /// code is one of every broader code.
    pub fn add(&mut self, subject: &Subject, broader: &dyn Broader) {
        let (Some(birth), Some(start), Some(end)) =
            (subject.birth(), crate::tasks::observation_start(subject), subject.followup_end())
        else {
            return;
        };
        let sex = sex_index(subject.sex());
        let years = |time: events::Time| (time.days_since(birth) / DAYS_PER_YEAR).max(0.0);
        let (from, to) = (years(start.plus_days(FIRST_VISIT_DAYS)), years(end));
        if to <= from {
            return;
        }
        spread(&mut self.person_years[sex], from, to);
        let mut exact: FxHashSet<&str> = FxHashSet::default();
        let mut first: FxHashMap<SmolStr, f64> = FxHashMap::default();
        for event in subject.events() {
            let Some(time) = event.time.filter(|&t| t <= end) else { continue };
            let code = event.code.as_str();
            if matches!(code, Code::BIRTH | Code::FOLLOWUP_END) {
                continue;
            }
            // Events are in order of time, so the first one seen is the first.
            if !exact.insert(code) {
                continue;
            }
            for name in std::iter::once(SmolStr::new(code)).chain(broader.broader(code).iter().cloned()) {
                first.entry(name).or_insert_with(|| years(time));
            }
            for (name, codes) in &self.groups {
                if !first.contains_key(name) && codes.contains(code) {
                    first.insert(name.clone(), years(time));
                }
            }
        }
        for (name, age) in first {
            let target = self.targets.entry(name).or_insert_with(Target::new);
            if age > from {
                target.events[sex][band(age)] += 1.0;
            }
            spread(&mut target.not_at_risk[sex], age.max(from), to);
        }
    }

    /// The baseline.
    pub fn build(self) -> AgeSexIncidence {
        let k = self.settings.prior_events.max(1e-6);
        let mut targets: Vec<(SmolStr, Target)> = self.targets.into_iter().collect();
        targets.sort_by(|a, b| a.0.cmp(&b.0));
        let mut rates = BTreeMap::new();
        for (name, target) in targets {
            let events: f64 = target.events.iter().flatten().sum();
            if events >= f64::from(self.settings.minimum_events) || name == Code::DEATH {
                rates.insert(name, Rates::shrunk(&self.person_years, &target, k));
            }
        }
        AgeSexIncidence { settings: self.settings, band_years: BAND_YEARS, rates }
    }
}

/// First occurrences per person-year of one code.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Rates {
    female: Vec<f64>,
    male: Vec<f64>,
    /// Both sexes together, for subjects whose sex is unknown.
    both: Vec<f64>,
    /// All ages and sexes, for subjects whose age is unknown.
    overall: f64,
}

impl Rates {
    fn shrunk(person_years: &Cells, target: &Target, k: f64) -> Self {
        let mut years: Cells = std::array::from_fn(|sex| {
            std::array::from_fn(|b| (person_years[sex][b] - target.not_at_risk[sex][b]).max(0.0))
        });
        let mut seen = target.events;
        let all_events: f64 = seen.iter().flatten().sum();
        let all_years: f64 = years.iter().flatten().sum();
        if all_years <= 0.0 || all_events <= 0.0 {
            return Rates {
                female: vec![0.0; BANDS],
                male: vec![0.0; BANDS],
                both: vec![0.0; BANDS],
                overall: 0.0,
            };
        }
        let overall = all_events / all_years;
        let oldest = join_the_oldest(&mut years, &mut seen, ENOUGH_YEARS.min(k / overall));
        let posterior = |events: f64, years: f64, prior: f64| {
            if prior > 0.0 { (events + k) / (years + k / prior) } else { 0.0 }
        };
        let of_bands = |rate: &dyn Fn(usize) -> f64| (0..BANDS).map(|b| rate(b.min(oldest))).collect();
        let both: Vec<f64> = of_bands(&|b| {
            let of_all = |cells: &Cells| (0..3).map(|s| cells[s][b]).sum();
            posterior(of_all(&seen), of_all(&years), overall)
        });
        let of_sex = |s: usize| -> Vec<f64> {
            // How much more or less this sex has than both together at the same ages.
            let events: f64 = seen[s].iter().sum();
            let expected: f64 = (0..=oldest).map(|b| years[s][b] * both[b]).sum();
            let ratio = (events + k) / (expected + k);
            of_bands(&|b| posterior(seen[s][b], years[s][b], both[b] * ratio))
        };
        Rates { female: of_sex(0), male: of_sex(1), both, overall }
    }

    fn at(&self, sex: Sex, band: Option<usize>) -> f64 {
        let Some(band) = band else { return self.overall };
        let by_band = match sex {
            Sex::Female => &self.female,
            Sex::Male => &self.male,
            Sex::Unknown => &self.both,
        };
        by_band.get(band).copied().unwrap_or(self.overall)
    }
}

/// Incidence of every code by age and sex, as a model directory stores it and a server draws it for reference.
///
/// ```
/// use evaluate::baseline::{IncidenceBuilder, IncidenceSettings};
/// use evaluate::tasks::NothingBroader;
/// use events::{Code, Event, Sex, Subject, Time};
///
/// let mut builder = IncidenceBuilder::new(IncidenceSettings { minimum_events: 1, ..Default::default() }, vec![]);
/// for id in 0..100 {
///     let birth = Time::from_ymd(1950, 1, 1).unwrap();
///     let at = |years: f64, code: &str| Event::new(Some(birth.plus_days(years * 365.25)), Code::new(code));
///     let mut events = vec![at(0.0, "MEDS_BIRTH"), at(50.0, "VISIT"), at(51.0, "VISIT")];
///     if id < 10 {
///         events.push(at(50.5, "ICD10CM//I21"));
///     }
///     builder.add(&Subject::new(id, events), &NothingBroader);
/// }
/// let baseline = builder.build();
/// let risk = baseline.probability("ICD10CM//I21", Sex::Unknown, Some(50.0), 365.25).unwrap();
/// assert!((risk - 0.1).abs() < 0.01);
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AgeSexIncidence {
    settings: IncidenceSettings,
    band_years: f64,
    rates: BTreeMap<SmolStr, Rates>,
}

impl AgeSexIncidence {
    /// The probability of a first occurrence within `horizon_days` of someone of this age and sex who is free of
    /// it, death competing. `None` for a code (or group) that the training subjects had too rarely.
    ///
    /// Without an age, the rates over all ages hold; without a sex, those of both.
    pub fn probability(
        &self,
        code: &str,
        sex: Sex,
        age_years: Option<f64>,
        horizon_days: f64,
    ) -> Option<f64> {
        self.of(code).map(|incidence| incidence.probability(sex, age_years, horizon_days))
    }

    /// What is known of one code (or group), to be asked for several horizons. `None` as of
    /// [`Self::probability`].
    pub fn of(&self, code: &str) -> Option<CodeIncidence<'_>> {
        let onset = self.rates.get(code)?;
        let dying = if code == Code::DEATH { None } else { self.rates.get(Code::DEATH) };
        Some(CodeIncidence { onset, dying })
    }

    /// The codes and groups that have rates, in order.
    pub fn codes(&self) -> impl Iterator<Item = &str> {
        self.rates.keys().map(SmolStr::as_str)
    }
}

/// One code's rates by age and sex, beside those of death.
#[derive(Clone, Copy, Debug)]
pub struct CodeIncidence<'a> {
    onset: &'a Rates,
    dying: Option<&'a Rates>,
}

impl CodeIncidence<'_> {
    /// As [`AgeSexIncidence::probability`].
    pub fn probability(self, sex: Sex, age_years: Option<f64>, horizon_days: f64) -> f64 {
        let mut left = (horizon_days / DAYS_PER_YEAR).max(0.0);
        let mut age = age_years.filter(|a| a.is_finite()).map(|a| a.max(0.0));
        let (mut free, mut incidence) = (1.0, 0.0);
        while left > 0.0 {
            let current = age.map(band);
            // Years in this band, or all that is left in the last one or without an age.
            let years = match (age, current) {
                (Some(age), Some(band)) if band + 1 < BANDS => {
                    ((band + 1) as f64 * BAND_YEARS - age).min(left)
                }
                _ => left,
            };
            let onset = self.onset.at(sex, current);
            let dying = self.dying.map_or(0.0, |rates| rates.at(sex, current));
            let leaving = onset + dying;
            let share_leaving = -(-leaving * years).exp_m1();
            if leaving > 0.0 {
                incidence += free * onset / leaving * share_leaving;
            }
            free *= 1.0 - share_leaving;
            left -= years;
            age = age.map(|age| match current {
                // Step exactly to the border: adding years could stop a rounding error short of it, for ever.
                Some(band) if left > 0.0 && band + 1 < BANDS => (band + 1) as f64 * BAND_YEARS,
                _ => age + years,
            });
        }
        incidence.clamp(0.0, 1.0)
    }
}

fn sex_index(sex: Sex) -> usize {
    match sex {
        Sex::Female => 0,
        Sex::Male => 1,
        Sex::Unknown => 2,
    }
}

fn band(age_years: f64) -> usize {
    ((age_years / BAND_YEARS) as usize).min(BANDS - 1)
}

/// Moves the years and events of bands at the old end that together have fewer years than are enough to the last one that has them with
/// these, and says which that is.
fn join_the_oldest(years: &mut Cells, events: &mut Cells, enough: f64) -> usize {
    let mut oldest = BANDS - 1;
    while oldest > 0 && years.iter().map(|of| of[oldest]).sum::<f64>() < enough {
        for of in years.iter_mut().chain(events.iter_mut()) {
            of[oldest - 1] += std::mem::take(&mut of[oldest]);
        }
        oldest -= 1;
    }
    oldest
}

/// Adds the years from one age to another to the bands they fall in.
fn spread(cells: &mut [f64; BANDS], from: f64, to: f64) {
    for (b, cell) in cells.iter_mut().enumerate().skip(band(from)) {
        let (low, high) =
            (b as f64 * BAND_YEARS, if b + 1 < BANDS { (b + 1) as f64 * BAND_YEARS } else { f64::INFINITY });
        if low >= to {
            break;
        }
        *cell += (to.min(high) - from.max(low)).max(0.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tasks::NothingBroader;
    use events::{Event, Time};
    use rand::{RngExt, SeedableRng, rngs::StdRng};

    /// Lives from 40 to 80 with a constant rate of onset (women twice men's) and of death.
    fn population(subjects: i64, onset_female: f64, death: f64) -> Vec<Subject> {
        let mut rng = StdRng::seed_from_u64(4);
        let birth = Time::from_ymd(1930, 1, 1).unwrap();
        (0..subjects)
            .map(|id| {
                let female = id % 2 == 0;
                let at = |age: f64, code: &str| {
                    Event::new(Some(birth.plus_days(age * DAYS_PER_YEAR)), Code::new(code))
                };
                let mut waiting = |rate: f64| -(1.0 - rng.random::<f64>()).ln() / rate;
                let onset = 40.0 + waiting(if female { onset_female } else { onset_female / 2.0 });
                let dies = 40.0 + waiting(death);
                let mut events = vec![
                    at(0.0, Code::BIRTH),
                    at(40.0, "VISIT"),
                    Event::new(None, Code::new(if female { "GENDER//F" } else { "GENDER//M" })),
                ];
                if onset < dies.min(80.0) {
                    events.push(at(onset, "ONSET"));
                }
                events.push(if dies < 80.0 { at(dies, Code::DEATH) } else { at(80.0, Code::FOLLOWUP_END) });
                Subject::new(id, events)
            })
            .collect()
    }

    fn baseline(subjects: &[Subject]) -> AgeSexIncidence {
        let mut builder = IncidenceBuilder::new(
            IncidenceSettings::default(),
            vec![("group".into(), CodeSet::prefix("ONS")), ("rare".into(), CodeSet::one("NEVER"))],
        );
        subjects.iter().for_each(|s| builder.add(s, &NothingBroader));
        builder.build()
    }

    #[test]
    fn recovers_known_rates_with_death_competing() {
        let made = baseline(&population(20_000, 0.02, 0.03));
        for (sex, rate) in [(Sex::Female, 0.02), (Sex::Male, 0.01)] {
            let all: f64 = rate + 0.03;
            for years in [1.0f64, 10.0, 25.0] {
                let want = rate / all * (1.0 - (-all * years).exp());
                let got = made.probability("ONSET", sex, Some(47.0), years * DAYS_PER_YEAR).unwrap();
                assert!((got / want - 1.0).abs() < 0.1, "{sex:?} {years}: {got} against {want}");
            }
        }
        let death = made.probability(Code::DEATH, Sex::Female, Some(50.0), 10.0 * DAYS_PER_YEAR).unwrap();
        assert!((death - (1.0 - (-0.3f64).exp())).abs() < 0.02, "{death}");
        let (code, group) = (
            made.probability("ONSET", Sex::Male, Some(50.0), 900.0),
            made.probability("group", Sex::Male, Some(50.0), 900.0),
        );
        assert_eq!(code, group);
        assert_eq!(made.probability("rare", Sex::Male, Some(50.0), 900.0), None);
    }

    #[test]
    fn what_the_first_visit_writes_down_is_no_onset() {
        let birth = Time::from_ymd(1950, 1, 1).unwrap();
        let subject = |id: i64| {
            let at = |days: f64, code: &str| {
                Event::new(Some(birth.plus_days(50.0 * DAYS_PER_YEAR + days)), Code::new(code))
            };
            let mut events =
                vec![Event::new(Some(birth), Code::birth()), at(0.0, "VISIT"), at(3652.5, "VISIT")];
            // Most have had it for years, which is written down in the first visit or by its day's end.
            match id % 10 {
                0..=3 => events.push(at(f64::from(id as u32 % 4) / 4.0 + 0.01, "CHRONIC")),
                9 => events.push(at(1826.25, "CHRONIC")),
                _ => {}
            }
            Subject::new(id, events)
        };
        let subjects: Vec<Subject> = (0..1000).map(subject).collect();
        let made = baseline(&subjects);
        // 100 onsets in 500 whole decades and 100 halves.
        let want = 1.0 - (-100.0f64 / 5500.0).exp();
        let got = made.probability("CHRONIC", Sex::Unknown, None, DAYS_PER_YEAR).unwrap();
        assert!((got / want - 1.0).abs() < 0.01, "{got} against {want}");
    }

    #[test]
    fn the_oldest_die_no_less_where_nobody_is_older_than_ninety() {
        // Deaths double every eight years from 1 in 100 at 60; no record is longer than 90 years.
        let mut rng = StdRng::seed_from_u64(5);
        let birth = Time::from_ymd(1920, 1, 1).unwrap();
        let subjects: Vec<Subject> = (0..20_000)
            .map(|id| {
                let at = |age: f64, code: &str| {
                    Event::new(Some(birth.plus_days(age * DAYS_PER_YEAR)), Code::new(code))
                };
                let cumulative = -(1.0 - rng.random::<f64>()).ln();
                let dies = 60.0 + 8.0 * (1.0 + cumulative * std::f64::consts::LN_2 / 0.08).log2();
                let mut events = vec![at(0.0, Code::BIRTH), at(60.0, "VISIT")];
                events.push(if dies < 90.0 { at(dies, Code::DEATH) } else { at(90.0, Code::DEATH) });
                Subject::new(id, events)
            })
            .collect();
        let made = baseline(&subjects);
        for sex in [Sex::Female, Sex::Male, Sex::Unknown] {
            let dead = |age: f64, years: f64| {
                made.probability(Code::DEATH, sex, Some(age), years * DAYS_PER_YEAR).unwrap()
            };
            assert!(dead(87.0, 1.0) > 0.1, "{}", dead(87.0, 1.0));
            assert!(
                dead(90.0, 1.0) >= dead(87.0, 1.0),
                "{} at 90, {} at 87",
                dead(90.0, 1.0),
                dead(87.0, 1.0)
            );
            assert!(dead(88.6, 10.0) > 0.65, "{}", dead(88.6, 10.0));
            assert_eq!(dead(105.0, 1.0), dead(90.0, 1.0));
        }
    }

    #[test]
    fn sparse_cells_stay_between_nothing_and_the_overall_rate() {
        let made = baseline(&population(300, 0.02, 0.03));
        let child = made.probability("ONSET", Sex::Female, Some(3.0), DAYS_PER_YEAR).unwrap();
        assert!(child > 0.0 && child < 0.05, "{child}");
        let ageless = made.probability("ONSET", Sex::Unknown, None, DAYS_PER_YEAR).unwrap();
        assert!(ageless > 0.005 && ageless < 0.03, "{ageless}");
        assert_eq!(made.probability("ONSET", Sex::Female, Some(60.0), 0.0), Some(0.0));
        assert!(made.probability("ONSET", Sex::Female, Some(130.0), 3652.5).unwrap() <= 1.0);
    }

    #[test]
    fn risk_grows_with_the_horizon_and_survives_serialisation() {
        let made = baseline(&population(500, 0.02, 0.03));
        let text = serde_json::to_string(&made).unwrap();
        let again: AgeSexIncidence = serde_json::from_str(&text).unwrap();
        let mut last = 0.0;
        for days in [1.0, 7.0, 30.0, 365.25, 1826.25, 3652.5, 20_000.0] {
            let p = made.probability("ONSET", Sex::Male, Some(44.999_999), days).unwrap();
            assert!(p > last);
            assert_eq!(again.probability("ONSET", Sex::Male, Some(44.999_999), days), Some(p));
            last = p;
        }
    }
}

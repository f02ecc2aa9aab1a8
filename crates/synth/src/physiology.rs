//! What a measurement would show, at any age of a life.
//!
//! A value is the person's own level (age, sex, trait) moved by each condition that they have, silent or
//! diagnosed, and noise. A silent condition moves it gradually, so that a careful reader can see it coming.

use crate::condition::Course;
use crate::life::{Life, Onset};
use crate::measurement::{BODY_MASS_CHANGE, Drift, Measure, Scale, drift_of};
use crate::person::Person;
use crate::random::Draws;
use crate::therapy::Therapy;
use events::Sex;

/// Years over which treatment brings a level from that at diagnosis to that under care.
const YEARS_TO_CONTROL: f64 = 0.5;
/// Days of build-up before an episode is diagnosed, and of recovery after.
const EPISODE_RISE_DAYS: f64 = 2.0;
const EPISODE_RECOVERY_DAYS: f64 = 6.0;

/// The value without noise, unrounded.
pub(crate) fn expected(measure: Measure, person: &Person, life: &Life, age: f64) -> f64 {
    match measure {
        Measure::BodyMassIndex => body_mass_index(person, life, age),
        Measure::Height => person.height_at(age),
        Measure::Weight => {
            let metres = person.height_at(age) / 100.0;
            body_mass_index(person, life, age) * metres * metres
        }
        Measure::Creatinine => {
            creatinine_from_egfr(expected(Measure::Egfr, person, life, age), person.sex, age)
        }
        Measure::TotalCholesterol => {
            let part = |m| expected(m, person, life, age);
            part(Measure::Ldl) + part(Measure::Hdl) + part(Measure::Triglycerides).min(400.0) / 5.0
        }
        _ => moved(measure, person, life, age),
    }
}

/// The standard deviation of a value around its level, and whether it is one of logarithms.
pub(crate) fn noise(measure: Measure, level: f64) -> (f64, bool) {
    let test = measure.test();
    match (measure, test.scale) {
        (Measure::BodyMassIndex | Measure::Weight, _) => (0.008 * level, false),
        (Measure::Height, _) => (0.4, false),
        (Measure::Creatinine, _) => (0.045 * level, false),
        (Measure::TotalCholesterol, _) => (9.0, false),
        (_, Scale::Linear) => (test.noise, false),
        (_, Scale::Logarithmic) => (test.noise, true),
    }
}

/// One measurement with noise, rounded as reported.
pub(crate) fn measure(measure: Measure, person: &Person, life: &Life, age: f64, draws: &mut Draws) -> f64 {
    let test = measure.test();
    let level = expected(measure, person, life, age);
    let (spread, logarithmic) = noise(measure, level);
    let error = spread * draws.normal();
    let value = if logarithmic { level * error.exp() } else { level + error };
    let ten = 10f64.powi(i32::from(test.decimals));
    (value.clamp(test.range.0, test.range.1) * ten).round() / ten
}

fn body_mass_index(person: &Person, life: &Life, age: f64) -> f64 {
    let mut value = person.body_mass_index(age);
    for onset in life.onsets.iter().filter(|onset| onset.condition.is_chronic()) {
        let Some((_, at_diagnosis, after)) =
            BODY_MASS_CHANGE.iter().find(|(condition, ..)| *condition == onset.condition)
        else {
            continue;
        };
        let way = course(onset, person, life, age, 1.5).0;
        // Body mass follows the disease and its being known, not any one drug.
        let care = ((age - onset.finding.known_age) / YEARS_TO_CONTROL).clamp(0.0, 1.0);
        value *= 1.0 - way * (at_diagnosis * (1.0 - care) + after * care);
    }
    value
}

fn moved(measure: Measure, person: &Person, life: &Life, age: f64) -> f64 {
    let test = measure.test();
    let logarithmic = test.scale == Scale::Logarithmic;
    let on_scale = |value: f64| if logarithmic { value.ln() } else { value };
    let level = if person.sex == Sex::Female { test.level.1 } else { test.level.0 };
    let decades = (age - 20.0).max(0.0) / 10.0;
    let of_trait = test.of.map_or(0.0, |(which, sign)| sign * person.of(which)) * test.spread;
    let mut value = on_scale(level) + on_scale_slope(test.per_decade, logarithmic) * decades + of_trait;
    value += childhood(measure, age);
    let own = value;
    // In the order of onset: what came later moves what came before.
    for onset in &life.onsets {
        let Some(Drift { at_diagnosis, after, power, .. }) = drift_of(measure, onset.condition) else {
            continue;
        };
        let (way, care) = course(onset, person, life, age, *power);
        if way == 0.0 {
            continue;
        }
        // People differ in how far they are moved: a person high by nature is diagnosed higher.
        let height = on_scale(*at_diagnosis) + 0.35 * of_trait;
        let height = if (on_scale(*at_diagnosis) > own) == (height > own) { height } else { own };
        // A value already beyond the mark isn't brought back by falling ill.
        let height = if on_scale(*at_diagnosis) > own { height.max(value) } else { height.min(value) };
        let rest = if after.is_nan() { own } else { on_scale(*after) + 0.35 * of_trait };
        value += way * (height * (1.0 - care) + rest * care - value);
    }
    if logarithmic { value.exp() } else { value }
}

fn on_scale_slope(per_decade: f64, logarithmic: bool) -> f64 {
    if logarithmic { per_decade.ln() } else { per_decade }
}

/// Children's vital signs and haemoglobin differ from adults'.
fn childhood(measure: Measure, age: f64) -> f64 {
    let young = (1.0 - age / 16.0).clamp(0.0, 1.0);
    match measure {
        Measure::Systolic => -27.0 * young,
        Measure::Diastolic => -16.0 * young,
        Measure::HeartRate => 50.0 * young,
        Measure::RespiratoryRate => 16.0 * young,
        Measure::Hemoglobin => -1.9 * young,
        _ => 0.0,
    }
}

/// How far an onset has moved things at an age (0–1), and how far care has brought them to its own level (0–1).
fn course(onset: &Onset, person: &Person, life: &Life, age: f64, power: f64) -> (f64, f64) {
    let condition = onset.condition;
    if let Course::Recurrent { .. } = condition.profile().course {
        let days = (age - onset.diagnosis_age) * 365.25;
        let silent = person.silent_years[condition.index()];
        if days < 0.0 && silent > 0.0 {
            // What goes before it goes before it gradually: a pregnancy.
            return (((age - onset.latent_age) / silent).clamp(0.0, 1.0).powf(power), 0.0);
        }
        // Beyond forty days nothing is left of an episode.
        return if !(-EPISODE_RISE_DAYS..40.0).contains(&days) {
            (0.0, 0.0)
        } else if days < 0.0 {
            (1.0 + days / EPISODE_RISE_DAYS, 0.0)
        } else {
            ((-days / EPISODE_RECOVERY_DAYS).exp(), 0.0)
        };
    }
    if age < onset.latent_age {
        return (0.0, 0.0);
    }
    // The silent time is the person's own, whether or not they lived to be diagnosed.
    let silent = person.silent_years[condition.index()];
    let way = if silent > 0.0 { ((age - onset.latent_age) / silent).min(1.0).powf(power) } else { 1.0 };
    (way, care(onset, life, age))
}

/// What is achieved without a treatment by those whose care rests on one: diet, exercise, a second look.
const WITHOUT_TREATMENT: f64 = 0.35;
/// Years after stopping a treatment until nothing is left of it.
const YEARS_OF_RELAPSE: f64 = 0.25;

/// How far care has brought things, 0–1. It begins when a condition is on record; where treatments are decided for
/// it, the better part needs one.
fn care(onset: &Onset, life: &Life, age: f64) -> f64 {
    let since_known = age - onset.finding.known_age;
    if since_known <= 0.0 {
        return 0.0;
    }
    let known = (since_known / YEARS_TO_CONTROL).min(1.0);
    if !Therapy::decided_for(onset.condition) {
        return known;
    }
    let treated = life
        .uses
        .iter()
        .filter(|taken| {
            let therapy = taken.therapy();
            therapy.indication == onset.condition && therapy.acts() && taken.start < age
        })
        .map(|taken| {
            let reached = ((age.min(taken.stop) - taken.start) / YEARS_TO_CONTROL).min(1.0);
            reached * (1.0 - ((age - taken.stop) / YEARS_OF_RELAPSE).clamp(0.0, 1.0))
        })
        .fold(0.0, f64::max);
    known * WITHOUT_TREATMENT + treated * (1.0 - WITHOUT_TREATMENT)
}

/// Creatinine in mg/dL that gives this filtration by CKD-EPI 2021 (Inker et al., N Engl J Med 2021;385:1737),
/// `142 · min(Scr/κ, 1)^α · max(Scr/κ, 1)^-1.2 · 0.9938^age · 1.012 [women]`, solved for creatinine.
pub(crate) fn creatinine_from_egfr(egfr: f64, sex: Sex, age: f64) -> f64 {
    let (kappa, alpha, factor) = if sex == Sex::Female { (0.7, -0.241, 1.012) } else { (0.9, -0.302, 1.0) };
    let ratio = egfr / (142.0 * factor * 0.9938f64.powf(age.max(18.0)));
    let scale = if ratio >= 1.0 { ratio.powf(1.0 / alpha) } else { ratio.powf(-1.0 / 1.2) };
    // Children's creatinine grows with muscle.
    kappa * scale.max(0.5) * (0.35 + 0.65 * (age / 18.0).min(1.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::condition::Condition;
    use crate::life::{Finding, Use};
    use crate::random::Purpose;
    use crate::record::Class;

    fn somebody(condition: Condition, latent_age: f64) -> (Person, Life) {
        let mut person = Person::draw(Sex::Male, 1950, &mut Draws::new(3, 1, Purpose::Person, 0));
        person.traits = [0.0; crate::condition::Trait::COUNT];
        person.silent_years[condition.index()] = 4.0;
        let diagnosis_age = latent_age + 4.0;
        let finding =
            Finding { class: Class::Ambulatory, visit_age: diagnosis_age, known_age: diagnosis_age };
        let onset = Onset { condition, latent_age, diagnosis_age, finding, stage: Onset::NO_STAGE };
        (person, Life { onsets: vec![onset], death_age: 90.0, ..Life::default() })
    }

    #[test]
    fn haemoglobin_a1c_rises_before_diabetes_and_settles_under_care() {
        let (person, life) = somebody(Condition::Diabetes, 56.0);
        let at = |age| expected(Measure::HemoglobinA1c, &person, &life, age);
        assert!(at(55.0) < 5.7);
        assert!(at(57.0) < at(58.0) && at(58.0) < at(59.5));
        assert!(at(60.0) > 6.5 && (at(62.0) - 7.0).abs() < 0.1);
    }

    #[test]
    fn cholesterol_comes_down_with_a_statin_and_back_without() {
        let (person, mut life) = somebody(Condition::Hyperlipidaemia, 50.0);
        let ldl = |life: &Life, age| expected(Measure::Ldl, &person, life, age);
        let untreated = ldl(&life, 57.0);
        let statin = Therapy::of(Condition::Hyperlipidaemia).next().unwrap().0;
        life.uses.push(Use { therapy: statin, start: 54.0, stop: 58.0, ratios: Vec::new() });
        assert!(ldl(&life, 57.0) < untreated - 30.0);
        assert!((ldl(&life, 60.0) - untreated).abs() < 1e-9);
    }

    #[test]
    fn haemoglobin_falls_before_colorectal_cancer_and_never_rises_by_illness() {
        let (mut person, life) = somebody(Condition::ColorectalCancer, 66.0);
        let at = |person: &Person, age| expected(Measure::Hemoglobin, person, &life, age);
        assert!(at(&person, 65.0) - at(&person, 69.9) > 2.0);
        // Somebody already below the mark isn't helped by the disease.
        person.traits[crate::condition::Trait::Frailty as usize] = 6.0;
        assert!(at(&person, 69.9) <= at(&person, 65.0) + 1e-9);
    }

    #[test]
    fn creatinine_inverts_the_equation() {
        for (sex, age, egfr) in
            [(Sex::Male, 60.0, 45.0), (Sex::Female, 40.0, 110.0), (Sex::Male, 30.0, 120.0)]
        {
            let creatinine = creatinine_from_egfr(egfr, sex, age);
            let (kappa, alpha, factor) =
                if sex == Sex::Female { (0.7, -0.241, 1.012) } else { (0.9, -0.302, 1.0f64) };
            let ratio: f64 = creatinine / kappa;
            let back =
                142.0 * ratio.min(1.0).powf(alpha) * ratio.max(1.0).powf(-1.2) * 0.9938f64.powf(age) * factor;
            assert!((back - egfr).abs() < 0.5, "{egfr} came back as {back}");
        }
    }

    #[test]
    fn children_grow() {
        let (person, life) = somebody(Condition::Copd, 80.0);
        let heights: Vec<f64> =
            (0..19).map(|age| expected(Measure::Height, &person, &life, f64::from(age))).collect();
        assert!(heights.windows(2).all(|w| w[1] > w[0]), "{heights:?}");
        assert!((45.0..60.0).contains(&heights[0]));
    }
}

//! What is ordered at a visit, and why.

use super::Chart;
use super::visits::{Reason, Visit};
use crate::catalogue::{BLOOD_COUNT, ELECTROLYTES, LIPIDS, LIVER, METABOLIC, Order, procedure};
use crate::condition::Condition::{self, *};
use crate::measurement::Measure::{self, *};
use crate::record::Class;

use Order::{Panel as P, Procedure as Do, Test as T};

/// Everything ordered at a visit, each thing once.
pub(super) fn orders(chart: &mut Chart, visit: &Visit, age: f64) -> Vec<Order> {
    let mut orders: Vec<Order> = Vec::new();
    let mut add = |order: Order| {
        if !orders.contains(&order) {
            orders.push(order);
        }
    };
    match visit.reason {
        Reason::Onset(condition, _) => condition.profile().workup.iter().copied().for_each(&mut add),
        Reason::Symptom(concept) => symptom_workup(concept.code).into_iter().for_each(&mut add),
        Reason::FollowUp(condition) => condition.profile().follow_up.iter().copied().for_each(&mut add),
        Reason::Routine => {}
    }
    match visit.class {
        Class::Inpatient => {
            let all = [P(&METABOLIC), P(&ELECTROLYTES), P(&BLOOD_COUNT), T(CReactiveProtein)];
            all.into_iter().for_each(&mut add);
        }
        Class::Emergency => {
            if age > 15.0 {
                [P(&METABOLIC), P(&BLOOD_COUNT)].into_iter().for_each(&mut add);
            }
        }
        Class::Ambulatory => {
            if !matches!(visit.reason, Reason::Onset(..)) {
                for (order, measure, years) in schedule(chart, age) {
                    // People come early and late.
                    let due = years * chart.draws.between(0.7, 1.4);
                    if age - chart.last[measure as usize] >= due {
                        add(order);
                    }
                }
            }
        }
    }
    screening(chart, visit, age, &mut add);
    orders
}

/// Tests due at intervals: the order, the measure whose last time counts, and years between.
fn schedule(chart: &Chart, age: f64) -> Vec<(Order, Measure, f64)> {
    let has = |condition: Condition| chart.known[condition.index()];
    let last = |measure: Measure| chart.last_value[measure as usize];
    let vascular = has(Hypertension) || has(Diabetes) || has(HeartFailure) || has(KidneyDisease);
    let mut due = Vec::with_capacity(12);
    if age < 18.0 {
        if age > 0.8 {
            due.push((P(&BLOOD_COUNT), Hemoglobin, 6.0));
        }
        if has(Asthma) && age > 6.0 {
            due.push((T(FevRatio), FevRatio, 1.5));
        }
        return due;
    }
    let by_age = |young, middle, old| {
        if age < 40.0 {
            young
        } else if age < 65.0 {
            middle
        } else {
            old
        }
    };
    due.push((P(&METABOLIC), Creatinine, if vascular { 0.7 } else { by_age(3.5, 1.8, 1.0) }));
    let cancer = has(ColorectalCancer) || has(LungCancer) || has(BreastCancer);
    due.push((P(&BLOOD_COUNT), Hemoglobin, if cancer { 0.3 } else { by_age(4.0, 2.0, 1.1) }));
    let lipids = if has(Hyperlipidaemia) || has(Diabetes) { 1.0 } else { by_age(5.0, 2.2, 2.0) };
    due.push((P(&LIPIDS), Ldl, lipids));
    let glycaemia = if has(Diabetes) {
        0.45
    } else if last(HemoglobinA1c) >= 5.7 {
        0.9
    } else if last(Glucose) >= 110.0 {
        0.6
    } else {
        by_age(6.0, 2.5, 2.5)
    };
    due.push((T(HemoglobinA1c), HemoglobinA1c, glycaemia));
    if has(Hypothyroidism) {
        due.push((T(Thyrotropin), Thyrotropin, 0.8));
    } else if chart.is_woman() || age > 60.0 {
        due.push((T(Thyrotropin), Thyrotropin, if last(Thyrotropin) > 4.0 { 0.7 } else { 3.0 }));
    }
    if !chart.is_woman() && (50.0..76.0).contains(&age) {
        due.push((T(ProstateAntigen), ProstateAntigen, if last(ProstateAntigen) > 3.0 { 0.7 } else { 1.8 }));
    }
    if has(HeartFailure) {
        due.push((T(NtProBnp), NtProBnp, 0.8));
    } else if age > 65.0 && (vascular || has(AtrialFibrillation)) {
        due.push((T(NtProBnp), NtProBnp, 2.0));
    }
    if has(Diabetes) || has(KidneyDisease) {
        due.push((T(AlbuminCreatinine), AlbuminCreatinine, 1.0));
    }
    if last(Hemoglobin) < 12.0 {
        due.push((T(Ferritin), Ferritin, 0.5));
    }
    if has(Copd) || has(Asthma) {
        due.push((T(FevRatio), FevRatio, 1.5));
    }
    due.push((
        P(&LIVER),
        Albumin,
        if has(Hyperlipidaemia) || has(Cirrhosis) { 1.5 } else { by_age(6.0, 4.0, 3.0) },
    ));
    if age > 50.0 && chart.is_woman() {
        due.push((T(VitaminD), VitaminD, 4.0));
    }
    for condition in Condition::ALL.into_iter().filter(|condition| has(*condition)) {
        due.extend_from_slice(condition.profile().monitor);
    }
    due.push((T(Phq9), Phq9, if has(Depression) { 0.5 } else { 2.0 }));
    if age > 68.0 {
        due.push((T(Mmse), Mmse, if has(Dementia) { 0.9 } else { 2.2 }));
    }
    due
}

fn symptom_workup(code: &str) -> Vec<Order> {
    match code {
        "R53.83" | "R54" => vec![P(&BLOOD_COUNT), T(Thyrotropin), P(&METABOLIC)],
        "R06.02" | "R60.0" => vec![T(NtProBnp), Do(procedure::CHEST_X_RAY), P(&BLOOD_COUNT)],
        "R05.9" | "R06.2" => vec![Do(procedure::CHEST_X_RAY), T(FevRatio)],
        "R04.2" => vec![Do(procedure::CHEST_X_RAY), P(&BLOOD_COUNT)],
        "R63.4" => vec![P(&BLOOD_COUNT), P(&METABOLIC), T(CReactiveProtein)],
        "R63.5" => vec![T(Thyrotropin), T(HemoglobinA1c)],
        "R73.03" | "R35.0" => vec![T(HemoglobinA1c), P(&METABOLIC)],
        "D64.9" | "K62.5" | "R19.4" => vec![P(&BLOOD_COUNT), T(Ferritin)],
        "R41.3" => vec![T(Mmse), T(Thyrotropin)],
        "R31.9" | "R30.0" => vec![P(&METABOLIC), T(AlbuminCreatinine)],
        "R10.13" | "R10.11" | "R10.9" | "R17" | "R74.01" | "R18.8" => vec![P(&LIVER), T(Lipase)],
        "R20.2" => vec![T(VitaminB12), T(HemoglobinA1c)],
        "M25.50" => vec![T(SedimentationRate), T(CReactiveProtein)],
        "M79.673" => vec![T(UricAcid)],
        "R59.9" | "R61" => vec![P(&BLOOD_COUNT), T(CReactiveProtein)],
        "R19.7" => vec![P(&METABOLIC), T(CReactiveProtein)],
        "N95.0" => vec![P(&BLOOD_COUNT)],
        "Z34.90" => vec![P(&BLOOD_COUNT), T(Glucose), T(Choriogonadotropin)],
        "R00.2" | "R07.9" => vec![Do(procedure::ELECTROCARDIOGRAM), T(Troponin)],
        "G47.00" => vec![T(Phq9)],
        "R97.20" | "R35.1" => vec![T(ProstateAntigen)],
        "R80.9" => vec![T(AlbuminCreatinine), P(&METABOLIC)],
        _ => vec![],
    }
}

/// USPSTF screening that people of average risk take up about every second time.
fn screening(chart: &mut Chart, visit: &Visit, age: f64, add: &mut impl FnMut(Order)) {
    if !matches!(visit.reason, Reason::Routine) {
        return;
    }
    if (50.0..76.0).contains(&age) && age - chart.last_colonoscopy > 9.5 && chart.draws.chance(0.12) {
        add(Do(procedure::COLONOSCOPY));
    }
    if chart.is_woman()
        && (50.0..75.0).contains(&age)
        && age - chart.last_mammography > 1.9
        && chart.draws.chance(0.5)
    {
        add(Do(procedure::MAMMOGRAPHY));
    }
}

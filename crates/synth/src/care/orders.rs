//! What is ordered at a visit, and why.

use super::Chart;
use super::visits::{Reason, Visit};
use crate::catalogue::{BLOOD_COUNT, Concept, LIPIDS, METABOLIC, Panel, procedure};
use crate::condition::Condition::{self, *};
use crate::measurement::Measure::{self, *};
use crate::record::Class;

/// Something ordered.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Order {
    /// A panel of tests.
    Panel(&'static Panel),
    /// One test.
    Test(Measure),
    /// A procedure.
    Procedure(Concept),
}

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
        Reason::Onset(condition, _) => workup(condition).into_iter().for_each(&mut add),
        Reason::Symptom(concept) => symptom_workup(concept.code).into_iter().for_each(&mut add),
        Reason::FollowUp(condition) => follow_up(condition).into_iter().for_each(&mut add),
        Reason::Routine => {}
    }
    match visit.class {
        Class::Inpatient => {
            [P(&METABOLIC), P(&BLOOD_COUNT), T(CReactiveProtein)].into_iter().for_each(&mut add)
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
    due.push((T(Phq9), Phq9, if has(Depression) { 0.5 } else { 2.0 }));
    if age > 68.0 {
        due.push((T(Mmse), Mmse, if has(Dementia) { 0.9 } else { 2.2 }));
    }
    due
}

/// Tests and procedures that establish a diagnosis.
fn workup(condition: Condition) -> Vec<Order> {
    match condition {
        Hypertension => vec![P(&METABOLIC), P(&LIPIDS)],
        Diabetes => vec![T(HemoglobinA1c), P(&METABOLIC), T(AlbuminCreatinine)],
        Hyperlipidaemia => vec![P(&LIPIDS)],
        KidneyDisease => vec![P(&METABOLIC), T(AlbuminCreatinine)],
        AtrialFibrillation => vec![Do(procedure::ELECTROCARDIOGRAM), T(Thyrotropin), T(NtProBnp)],
        HeartFailure => vec![T(NtProBnp), Do(procedure::ECHOCARDIOGRAPHY), P(&METABOLIC)],
        MyocardialInfarction => vec![
            T(Troponin),
            Do(procedure::ELECTROCARDIOGRAM),
            Do(procedure::CORONARY_INTERVENTION),
            P(&LIPIDS),
        ],
        Stroke => vec![Do(procedure::CT_HEAD), P(&LIPIDS), Do(procedure::ELECTROCARDIOGRAM)],
        Copd => vec![T(FevRatio), Do(procedure::SPIROMETRY), Do(procedure::CHEST_X_RAY)],
        Asthma => vec![Do(procedure::SPIROMETRY)],
        Depression => vec![T(Phq9)],
        Dementia => vec![T(Mmse), Do(procedure::CT_HEAD), T(Thyrotropin)],
        Osteoarthritis => vec![],
        Hypothyroidism => vec![T(Thyrotropin)],
        ColorectalCancer => vec![Do(procedure::COLONOSCOPY), P(&BLOOD_COUNT), T(Ferritin)],
        BreastCancer => vec![Do(procedure::MAMMOGRAPHY), P(&BLOOD_COUNT)],
        LungCancer => vec![Do(procedure::CHEST_X_RAY), P(&BLOOD_COUNT), P(&METABOLIC)],
        ProstateCancer => vec![T(ProstateAntigen)],
        Pneumonia => vec![Do(procedure::CHEST_X_RAY), P(&BLOOD_COUNT), T(CReactiveProtein)],
        Sepsis => vec![T(Lactate), T(CReactiveProtein), Do(procedure::CHEST_X_RAY)],
        HipFracture | GastrointestinalBleed => vec![P(&BLOOD_COUNT)],
        CopdExacerbation => vec![Do(procedure::CHEST_X_RAY), P(&BLOOD_COUNT)],
        DepressionRelapse => vec![T(Phq9)],
        AsthmaExacerbation => vec![],
        UrinaryInfection | Influenza | OtitisMedia => vec![],
    }
}

fn follow_up(condition: Condition) -> Vec<Order> {
    match condition {
        Diabetes => vec![T(HemoglobinA1c)],
        Hyperlipidaemia => vec![P(&LIPIDS)],
        Hypothyroidism => vec![T(Thyrotropin)],
        KidneyDisease | HeartFailure => vec![P(&METABOLIC)],
        Depression => vec![T(Phq9)],
        ColorectalCancer | LungCancer | BreastCancer => vec![P(&BLOOD_COUNT)],
        ProstateCancer => vec![T(ProstateAntigen)],
        _ => vec![],
    }
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
        "D50.9" | "K62.5" | "R19.4" => vec![P(&BLOOD_COUNT), T(Ferritin)],
        "R41.3" => vec![T(Mmse), T(Thyrotropin)],
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

//! Clinical terms that the chart holds or that are composed: displays, doses, results, vital signs.

use super::chart::Chart;
use super::dice::Dice;
use super::plants::Piece;

fn term(kind: &'static str, text: impl Into<String>) -> Option<Vec<Piece>> {
    Some(vec![Piece::Term(kind, text.into())])
}

/// A clinical slot of the grammar; `None` if it is none.
pub fn slot(name: &str, chart: &Chart, dice: &mut Dice) -> Option<Vec<Piece>> {
    match name {
        "dose" => term("dose", dose(dice)),
        "lab" => term("lab", lab(chart, dice)),
        "vitals" => term("lab", vitals(dice)),
        "cond" => term("chart's term", display(&chart.conditions, "hypertension", dice)),
        "drug" => term("chart's term", display(&chart.drugs, "lisinopril 10 mg", dice)),
        "proc" => term("chart's term", display(&chart.procedures, "spirometry", dice)),
        _ => None,
    }
}

/// What the chart calls it, mostly without the terminology's tag.
fn display(list: &[String], otherwise: &str, dice: &mut Dice) -> String {
    if list.is_empty() {
        return otherwise.to_owned();
    }
    let display = dice.choose(list).clone();
    match display.rsplit_once(" (") {
        Some((words, tag)) if tag.ends_with(')') && dice.chance(0.8) => words.to_owned(),
        _ => display,
    }
}

fn dose(dice: &mut Dice) -> String {
    let amount = dice.pick(&[
        "2.5", "5", "10", "12.5", "20", "25", "40", "50", "81", "100", "250", "325", "500", "750", "1000",
        "0.5",
    ]);
    let unit = dice.pick(&["mg", "mg", "mg", "mcg", "mL", "units", "mEq", "g"]);
    let route = dice.pick(&[" PO", " IV", " SC", " by mouth", " IM", "", " PR", " SL"]);
    let often = dice.pick(&[
        " daily",
        " BID",
        " TID",
        " q8h",
        " q4-6h PRN",
        " at bedtime",
        " QHS",
        " every 6 hours",
        " x1",
        " qAM",
        " 1-0-1",
    ]);
    format!("{amount} {unit}{route}{often}")
}

fn lab(chart: &Chart, dice: &mut Dice) -> String {
    if dice.chance(0.3) && !chart.labs.is_empty() {
        let (name, value, unit) = dice.choose(&chart.labs);
        let short = name.split(['[', '(']).next().unwrap_or(name).trim();
        return format!("{short} {value:.1} {unit}");
    }
    let tenths = |dice: &mut Dice, low: i64, high: i64| format!("{:.1}", dice.from(low, high) as f64 / 10.0);
    match dice.below(16) {
        0 => format!("Hgb {}", tenths(dice, 70, 165)),
        1 => format!("K {}", tenths(dice, 28, 58)),
        2 => format!("Na {} mmol/L", dice.from(124, 148)),
        3 => format!("INR {}", tenths(dice, 9, 42)),
        4 => format!("HbA1c {}%", tenths(dice, 50, 125)),
        5 => format!("Cr {} mg/dL", tenths(dice, 5, 48)),
        6 => format!("WBC {}", tenths(dice, 20, 240)),
        7 => format!("plt {}", dice.from(40, 460)),
        8 => format!("TSH {} mIU/L", tenths(dice, 2, 98)),
        9 => format!("troponin <0.0{}", dice.from(1, 4)),
        10 => format!("lactate {}", tenths(dice, 6, 52)),
        11 => format!("glucose {}", dice.from(54, 420)),
        12 => format!("pH 7.{}", dice.from(18, 52)),
        13 => format!("AST/ALT {}/{}", dice.from(12, 240), dice.from(12, 240)),
        14 => format!("LDL {} (goal <70)", dice.from(48, 210)),
        _ => format!("BUN/Cr {}/{}", dice.from(7, 48), tenths(dice, 6, 28)),
    }
}

fn vitals(dice: &mut Dice) -> String {
    let systolic = dice.from(88, 188);
    let bp = format!("{systolic}/{}", systolic - dice.from(25, 70));
    let (hr, rr, sat) = (dice.from(48, 128), dice.from(10, 28), dice.from(88, 100));
    let t = dice.from(968, 1032) as f64 / 10.0;
    match dice.below(4) {
        0 => format!("BP {bp} HR {hr} RR {rr} T {t:.1} SpO2 {sat}% RA"),
        1 => format!("T {t:.1} F, P {hr}, R {rr}, BP {bp}, O2 sat {sat}% on 2 L"),
        2 => format!("{bp}, {hr}, {rr}, {t:.1}, {sat}%"),
        _ => format!("vitals: bp {bp} | pulse {hr} | resp {rr} | temp {t:.1}F | sats {sat}"),
    }
}

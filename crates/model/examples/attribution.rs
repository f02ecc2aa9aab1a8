//! How well the last look ranks the events of a record, and what it costs, against reading the record without each.
//!
//! `cargo run --release -p model --example attribution -- TIMELINE MODEL [SUBJECTS] [EVENTS]`

use model::{Model, RiskTable};
use std::path::Path;
use std::time::Instant;
use timeline::{EntryKind, Sequence, Timeline, Vocabulary};

const HORIZON: usize = 5;

fn log_odds(p: f32) -> f64 {
    let p = f64::from(p).clamp(1e-9, 1.0 - 1e-9);
    (p / (1.0 - p)).ln()
}

fn ranks(values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|a, b| values[*a].total_cmp(&values[*b]));
    let mut ranks = vec![0.0; values.len()];
    order.into_iter().enumerate().for_each(|(rank, i)| ranks[i] = rank as f64);
    ranks
}

fn correlation(a: &[f64], b: &[f64]) -> f64 {
    let n = a.len() as f64;
    let (ma, mb) = (a.iter().sum::<f64>() / n, b.iter().sum::<f64>() / n);
    let sum = |f: &dyn Fn(f64, f64) -> f64| a.iter().zip(b).map(|(x, y)| f(x - ma, y - mb)).sum::<f64>();
    sum(&|x, y| x * y) / (sum(&|x, _| x * x) * sum(&|_, y| y * y)).sqrt()
}

/// Among how many of the look's first the strongest is sought.
const FIRST: [usize; 3] = [1, 3, 5];
/// How many pieces of an order are taken away, or put in, one after the other.
const STEPS: usize = 10;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (Some(timeline), Some(model)) = (arguments.first(), arguments.get(1)) else {
        return Err("give a timeline and a model".into());
    };
    let count = |i: usize, default: usize| arguments.get(i).and_then(|a| a.parse().ok()).unwrap_or(default);
    let (subjects, events) = (count(2, 100), count(3, 256));
    let timeline = Timeline::open(Path::new(timeline))?;
    let model = Model::load(Path::new(model))?;
    let split = timeline.split(events::Split::HeldOut);
    // The thirty commonest outcomes that a record doesn't have yet.
    let mut common: Vec<u32> = model.config().risk.codes.clone();
    let subjects_of = |code: &u32| {
        timeline.vocabulary().entry(*code).filter(|e| e.kind == EntryKind::Event).map_or(0, |e| e.subjects)
    };
    common.sort_by_key(|code| std::cmp::Reverse(subjects_of(code)));
    let (mut spearman, mut found_in, mut n) = (0.0, [0; FIRST.len()], 0);
    let mut curves = [[[0.0; STEPS]; 2]; 3];
    let (mut plain, mut looked, mut top, mut all) = (0.0, 0.0, 0.0, 0.0);
    let mut tokens = 0;
    for i in 0..split.len() {
        let whole = split.sequence(i);
        let Some(sequence) = cut(&whole, events) else { continue };
        let timed = |work: &mut dyn FnMut()| {
            work();
            let best = (0..5).map(|_| {
                let begun = Instant::now();
                work();
                begun.elapsed().as_secs_f64()
            });
            best.fold(f64::INFINITY, f64::min)
        };
        let open: Vec<u32> =
            common.iter().copied().filter(|code| !sequence.code.contains(code)).take(30).collect();
        plain += timed(&mut || {
            let _ = model.risk(&[sequence], Some(&open));
        });
        let state = model.read(&[sequence])?.remove(0);
        let pieces: Vec<Vec<usize>> = state
            .places()
            .into_iter()
            .filter(|place| sequence.code[*place] != Vocabulary::TIME)
            .map(|place| vec![place])
            .collect();
        looked += timed(&mut || {
            let state = model.read(&[sequence]).map(|mut s| s.remove(0));
            let _ = state.map(|state| model.risk_moved_by(&state, &pieces, Some(&open), HORIZON));
        });
        let begun = Instant::now();
        let exact = model.risk_without(&state, &pieces, Some(&open))?;
        all += begun.elapsed().as_secs_f64();
        let mut quick = model.risk_moved_by(&state, &pieces, Some(&open), HORIZON)?;
        let now = model.risk_of(&state, Some(&open))?;
        // The condition whose risk stands highest.
        let risk = |table: &RiskTable, c: usize| table.rows().nth(c).map_or(0.0, |(_, row)| row[HORIZON]);
        let c = (0..open.len()).max_by(|a, b| risk(&now, *a).total_cmp(&risk(&now, *b))).unwrap_or(0);
        let moved = |tables: &[Option<RiskTable>]| -> Vec<f64> {
            let by = |t: &Option<RiskTable>| {
                t.as_ref().map_or(0.0, |t| log_odds(risk(&now, c)) - log_odds(risk(t, c)))
            };
            tables.iter().map(by).collect()
        };
        let exact = moved(&exact);
        let quick: Vec<f64> = quick.swap_remove(c).into_iter().map(f64::from).collect();
        spearman += correlation(&ranks(&exact), &ranks(&quick));
        let best =
            |values: &[f64]| (0..values.len()).max_by(|a, b| values[*a].abs().total_cmp(&values[*b].abs()));
        let mut order: Vec<usize> = (0..quick.len()).collect();
        order.sort_by(|a, b| quick[*b].abs().total_cmp(&quick[*a].abs()));
        if let Some(strongest) = best(&exact) {
            for (found, first) in found_in.iter_mut().zip(FIRST) {
                *found += usize::from(order.iter().take(first).any(|i| *i == strongest));
            }
        }
        let few: Vec<Vec<usize>> = order.iter().take(6).map(|i| pieces[*i].clone()).collect();
        top += timed(&mut || {
            let _ = model.risk_without(&state, &few, Some(&open));
        });
        let orders = [by(&exact), by(&quick), shuffled(exact.len(), i as u64)];
        let change = |table: &RiskTable| log_odds(risk(&now, c)) - log_odds(risk(table, c));
        for (curves, order) in curves.iter_mut().zip(orders) {
            for (curve, parts) in curves.iter_mut().zip([deleted, not_inserted]) {
                let without: Vec<Vec<usize>> = (1..=STEPS)
                    .map(|k| parts(&order, k).iter().flat_map(|i| pieces[*i].clone()).collect())
                    .collect();
                let tables = model.risk_without(&state, &without, Some(&open))?;
                for (sum, table) in curve.iter_mut().zip(tables) {
                    *sum += table.as_ref().map_or(0.0, change);
                }
            }
        }
        tokens += sequence.len();
        n += 1;
        if n == subjects {
            break;
        }
    }
    let each = n as f64;
    println!(
        "{n} held-out records of {events} events, {:.0} tokens; {} weights",
        tokens as f64 / each,
        model.parameters()
    );
    println!("rank correlation with reading without: {:.3}", spearman / each);
    for (found, first) in found_in.iter().zip(FIRST) {
        println!("the strongest by reading without is among the look's first {first}: {found} of {n}");
    }
    for (name, curves) in ["by reading without", "by the last look", "at random"].iter().zip(curves) {
        for (how, curve) in
            ["lost when events are taken away", "lacking when all but these events are"].iter().zip(curves)
        {
            let told: Vec<String> = curve.iter().map(|x| format!("{:.2}", x / each)).collect();
            println!("log-odds {how}, {name}: {}", told.join(" "));
        }
    }
    let ms = |s: f64| 1000.0 * s / each;
    println!(
        "plain {:.2} ms; plain and the last look at every event {:.2} ms ({:.2} times); six read without {:.2} ms more; all {:.0} ms",
        ms(plain),
        ms(looked),
        looked / plain,
        ms(top),
        ms(all)
    );
    Ok(())
}

/// Events in the order in which they speak for a condition.
fn by(values: &[f64]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|a, b| values[*b].total_cmp(&values[*a]));
    order
}

fn shuffled(n: usize, seed: u64) -> Vec<usize> {
    let mut order: Vec<usize> = (0..n).collect();
    order.sort_by_key(|i| {
        (*i as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_mul(2 * seed + 1) >> 11
    });
    order
}

/// What is taken away in a deletion curve: the first `k` of an order.
fn deleted(order: &[usize], k: usize) -> &[usize] {
    &order[..k.min(order.len())]
}

/// What is taken away in an insertion curve: all but the first `k`.
fn not_inserted(order: &[usize], k: usize) -> &[usize] {
    &order[k.min(order.len())..]
}

/// The record up to its `events`-th event, if it has so many.
fn cut<'a>(whole: &Sequence<'a>, events: usize) -> Option<Sequence<'a>> {
    let mut seen = 0;
    let end = whole.code.iter().position(|code| {
        seen += usize::from(*code != Vocabulary::TIME);
        seen == events
    })? + 1;
    Some(Sequence {
        code: &whole.code[..end],
        age_days: &whole.age_days[..end],
        value: &whole.value[..end],
        followup_end_age_days: whole.age_days[end - 1],
        died: false,
        ..*whole
    })
}

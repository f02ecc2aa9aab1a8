//! The page's sections.

use super::super::super::predict::HORIZON_NAMES;
use super::super::text::{became, moved, percent, refused, seen, times};
use super::super::{Answer, options};
use crate::reasoning::{Alike, EarlyDetection, Evidence};
use ::evaluate::pages::{Axis, Board, Ticks, escape};
use std::fmt::Write;

/// Pieces of evidence shown for each condition.
const PIECES: usize = 3;

fn section(id: &str, heading: &str, body: &str) -> String {
    format!(r#"<section aria-labelledby="{id}-h"><h2 id="{id}-h">{}</h2>{body}</section>"#, escape(heading))
}

fn paragraph(text: &str) -> String {
    format!("<p>{}</p>", escape(text))
}

fn figure(svg: &str, caption: &str) -> String {
    format!("<figure>{svg}<figcaption>{}</figcaption></figure>", escape(caption))
}

/// What must be known first: cautions, then the highest risks.
pub fn first(answer: &Answer, horizon: usize) -> String {
    let mut body = String::new();
    for caution in &answer.cautions {
        let _ = write!(body, r#"<p class="note"><strong>Caution.</strong> {}</p>"#, escape(caution));
    }
    for result in &answer.results {
        body.push_str(&paragraph(&format!("With the result: {}.", result.words())));
    }
    let named = answer
        .early_detection
        .iter()
        .flatten()
        .take(3)
        .map(|risk| format!("{} {}", risk.condition.words(), percent(risk.risks[horizon])));
    let named: Vec<String> = named.collect();
    let lead = match named.is_empty() {
        true => "What was asked of the model is below.".to_owned(),
        false => format!(
            "Not recorded so far, and likeliest within {}: {}.",
            HORIZON_NAMES[horizon],
            named.join("; ")
        ),
    };
    format!(
        r#"<section id="answer" aria-labelledby="answer-h"><h2 id="answer-h">In short</h2><p class="lead">{}</p>{body}</section>"#,
        escape(&lead)
    )
}

/// Each watched condition, with its course and what moved it.
pub fn early(answer: &Answer, horizon: usize) -> String {
    let Some(risks) = &answer.early_detection else { return String::new() };
    let mut body = String::new();
    for (place, risk) in risks.iter().enumerate() {
        let _ = write!(body, "<h3>{}</h3>", escape(risk.condition.words()));
        let mut said = format!(
            "{} within {}; {}.",
            percent(risk.risks[horizon]),
            HORIZON_NAMES[horizon],
            times(risk.risks[horizon], risk.references[horizon])
        );
        if let Some(p) = risk.percentile {
            let whom = if p.same_age_and_sex { "of the same sex and age" } else { "of any age and sex" };
            let _ = write!(said, " Higher than {:.0} % of {} people {whom}.", p.percent, p.people);
        }
        if let Some(observed) = risk.validated.as_ref().and_then(|known| known.observed) {
            let _ = write!(
                said,
                " Of {} validated people with about this risk it happened to {} ({} to {}, 95 %; {}).",
                observed.people,
                percent(observed.share),
                percent(observed.interval.0),
                percent(observed.interval.1),
                seen(observed.events, observed.known, observed.people)
            );
        } else {
            said.push_str(" How sure this is isn't known: no validated people had about this risk.");
        }
        body.push_str(&paragraph(&said));
        let _ = write!(
            body,
            r#"<div class="plots two">{}{}</div>"#,
            figure(
                &by_horizon(risk, place, &answer.horizons_days),
                "Risk by horizon (solid), by age and sex alone (dashed)"
            ),
            figure(&over_time(risk, place), "The same risk as it stood earlier in the record")
        );
        let pieces = risk.evidence.events.iter().take(PIECES).chain(risk.evidence.codes.iter().take(PIECES));
        body.push_str(&evidence(pieces));
    }
    section("early", "What may come", &body)
}

fn evidence<'a>(pieces: impl Iterator<Item = &'a Evidence>) -> String {
    let items: String = pieces.map(|piece| format!("<li>{}</li>", escape(&moved(piece)))).collect();
    if items.is_empty() { items } else { format!("<p>Moved by:</p><ul>{items}</ul>") }
}

fn by_horizon(risk: &EarlyDetection, place: usize, days: &[f64]) -> String {
    // Horizons are a factor apart: by their logarithm.
    let at = |days: f64| days.log10();
    let known = risk.references.iter().flatten();
    let most = risk.risks.iter().chain(known).fold(0.01_f64, |most, p| most.max(*p));
    let x = Axis { name: "Days (power of ten)", from: 0.0, to: 3.6, ticks: Ticks::Decimals(0) };
    let y = Axis { name: "Risk", from: 0.0, to: 1.1 * most, ticks: Ticks::Percent };
    let mut board = Board::new(340.0, 210.0, &x, &y);
    let reference = days.iter().zip(&risk.references).filter_map(|(days, p)| Some((at(*days), (*p)?)));
    board.line("baseline", reference);
    board.line("model", days.iter().zip(&risk.risks).map(|(days, p)| (at(*days), *p)));
    let title = format!("Risk of {} by horizon", risk.condition.words());
    board.finish(
        &format!("horizon-{place}"),
        &title,
        "Cumulative risk at each horizon, beside age and sex alone.",
    )
}

fn over_time(risk: &EarlyDetection, place: usize) -> String {
    let most = risk.trend.iter().fold(0.01_f64, |most, earlier| most.max(earlier.risk));
    let last = risk.trend.len().saturating_sub(1).max(1) as f64;
    let name = match (risk.trend.first(), risk.trend.last()) {
        (Some(first), Some(last)) => format!("{} to {}", first.day, last.day),
        _ => String::new(),
    };
    let x = Axis { name: &name, from: 0.0, to: last, ticks: Ticks::Names(Vec::new()) };
    let y = Axis { name: "Risk", from: 0.0, to: 1.1 * most, ticks: Ticks::Percent };
    let mut board = Board::new(340.0, 210.0, &x, &y);
    let points: Vec<(f64, f64)> = risk.trend.iter().enumerate().map(|(i, e)| (i as f64, e.risk)).collect();
    board.line("model", points.iter().copied());
    points.iter().for_each(|point| board.dot("point", *point, 2.6));
    let title = format!("Risk of {} over the record", risk.condition.words());
    board.finish(
        &format!("trend-{place}"),
        &title,
        "The risk as the model would have told it at earlier moments.",
    )
}

/// What it may be, with bars.
pub fn differential(answer: &Answer, horizon: usize) -> String {
    let Some(told) = &answer.differential else { return String::new() };
    let names: Vec<String> =
        told.considered.iter().map(|c| c.condition.words().chars().take(40).collect()).collect();
    let n = names.len() as f64;
    let most = told.considered.iter().fold(0.01_f64, |most, c| most.max(c.chance));
    let x = Axis { name: "Chance to be recorded", from: 0.0, to: 1.1 * most, ticks: Ticks::Percent };
    let y = Axis { name: "", from: 0.0, to: n, ticks: Ticks::Names(names) };
    let mut board = Board::new(640.0, 60.0 + 28.0 * n, &x, &y);
    for (i, considered) in told.considered.iter().enumerate() {
        let y = n - i as f64 - 0.5;
        board.bar("others", (0.0, y - 0.3), (considered.chance, y + 0.3));
        if let Some(reference) = considered.reference {
            board.line("baseline", [(reference, y - 0.4), (reference, y + 0.4)]);
        }
    }
    let drawn = board.finish(
        "differential",
        "What it may be",
        "The chance of each condition, and by age and sex alone (dashed).",
    );
    let when = HORIZON_NAMES[horizon];
    let mut body = paragraph(&format!(
        "Present and unrecorded, or imminent: a record dates what is written down, not what begins, so the two are told together. Within {when}; \
         the chances don't sum to one."
    ));
    body.push_str(&format!(
        r#"<div class="forest">{}</div>"#,
        figure(&drawn, "Chance (bar), and by age and sex alone (dashed)")
    ));
    for considered in &told.considered {
        let _ = write!(
            body,
            "<h3>{}. {}: {}</h3>",
            considered.rank,
            escape(considered.condition.words()),
            escape(&percent(considered.chance))
        );
        let mut pieces: Vec<&Evidence> =
            considered.evidence.events.iter().chain(&considered.evidence.codes).collect();
        pieces.sort_by(|a, b| b.log_odds.abs().total_cmp(&a.log_odds.abs()));
        body.push_str(&evidence(pieces.into_iter().take(PIECES)));
    }
    if told.others > 0 {
        body.push_str(&paragraph(&format!(
            "{} others have at most {} each.",
            told.others,
            percent(told.others_at_most)
        )));
    }
    section("differential", "What it may be", &body)
}

/// Which test would tell most.
pub fn tests(answer: &Answer) -> String {
    let Some(next) = &answer.next_tests else { return String::new() };
    let mut body = paragraph("By expected information per cost over the conditions that are not settled.");
    body.push_str(r#"<div class="scroll"><table><thead><tr><th scope="col">Test</th><th scope="col" class="n">Bits</th><th scope="col" class="n">Cost</th><th scope="col">Tells mostly of</th><th scope="col" class="n">Now</th><th scope="col" class="n">With its result</th></tr></thead><tbody>"#);
    for test in next.tests.iter().take(8) {
        let tells = &test.tells;
        let _ = write!(
            body,
            r#"<tr><th scope="row">{}</th><td class="n">{:.3}</td><td class="n">{} {}</td><td>{}</td><td class="n">{}</td><td class="n">{} to {}</td></tr>"#,
            escape(test.test.words()),
            test.bits,
            test.cost,
            escape(&next.unit),
            escape(tells.condition.words()),
            percent(tells.now),
            percent(tells.after.0),
            percent(tells.after.1)
        );
    }
    body.push_str("</tbody></table></div>");
    if let Some(stop) = next.stop {
        let text = format!("Time to stop: {}.", super::super::text::stop_words(stop));
        body.push_str(&paragraph(&text));
    }
    section("tests", "What to find out next", &body)
}

/// What treatments did, as the text says it.
pub fn options(answer: &Answer) -> String {
    let Some(treatments) = &answer.options else { return String::new() };
    let mut text = String::new();
    options::text(&mut text, treatments);
    let items: String = text
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with("OPTIONS"))
        .map(|line| match line.starts_with("    ") {
            true => format!("<li>{}</li>", escape(line.trim())),
            false => format!("</ul><h3>{}</h3><ul>", escape(line.trim())),
        })
        .collect();
    let body = format!(
        "{}<ul>{items}</ul>",
        paragraph("Evidence from these records, not from a trial, and no order.")
    );
    section("options", "Options", &body.replace("<ul></ul>", ""))
}

/// What became of patients like this one.
pub fn alike(answer: &Answer) -> String {
    let body = match &answer.alike {
        None => return String::new(),
        Some(Alike::Refused(why)) => paragraph(&format!("Nothing is told: {}.", refused(why))),
        Some(Alike::Group(group)) => {
            let mut body = paragraph(&format!(
                "{} of {} people, by what the model makes of their records, told as a group; nothing is told of fewer than {}.",
                group.people, group.among, group.k
            ));
            let items: String = group
                .became
                .iter()
                .map(|o| {
                    let what = became(&o.counts, group.horizon_days, group.k);
                    format!("<li>{}: {}</li>", escape(o.condition.words()), escape(&what))
                })
                .collect();
            let _ = write!(body, "<ul>{items}</ul>");
            body
        }
    };
    section("alike", "Patients like this one", &body)
}

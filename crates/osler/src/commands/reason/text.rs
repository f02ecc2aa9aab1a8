//! An answer as a person reads it.

use super::super::predict::HORIZON_NAMES;
use super::Answer;
use crate::reasoning::{
    Alike, Attribution, Considered, Differential, EarlyDetection, Evidence, Known, NextTests, Piece,
};
use ::evaluate::Estimate;
use ::evaluate::alike::{Became, NoGroup};
use ::evaluate::diagnosis::Stop;
use serve::OLDEST_AGE_YEARS;
use std::fmt::Write;

/// An age as people read it; that of the oldest stands for all above.
pub fn age_in_words(age_years: f64) -> String {
    match age_years >= OLDEST_AGE_YEARS {
        true => format!("{OLDEST_AGE_YEARS:.0} or older"),
        false => format!("{age_years:.0} years old"),
    }
}

/// The whole answer.
pub fn of(answer: &Answer, horizon: usize) -> String {
    let mut out = String::new();
    let age = answer.age_years.map_or(String::new(), |age| format!(", {}", age_in_words(age)));
    line(&mut out, &format!("Subject {}{age}, as known at the end of {}", answer.subject_id, answer.at));
    let what = if answer.synthetic { " (synthetic)" } else { "" };
    line(
        &mut out,
        &format!(
            "{} trained on {}{what}; {} tokens read",
            answer.model, answer.trained_on, answer.tokens_read
        ),
    );
    for caution in &answer.cautions {
        line(&mut out, &format!("CAUTION: {caution}"));
    }
    for result in &answer.results {
        line(&mut out, &format!("with the result: {}", result.words()));
    }
    if let Some(risks) = &answer.early_detection {
        early(&mut out, risks, horizon);
    }
    if let Some(told) = &answer.differential {
        differential(&mut out, told, horizon);
    }
    if let Some(tests) = &answer.next_tests {
        next_tests(&mut out, tests);
    }
    if let Some(treatments) = &answer.options {
        super::options::text(&mut out, treatments);
    }
    if let Some(found) = &answer.alike {
        alike(&mut out, found);
    }
    line(&mut out, &format!("\n{}", answer.caveat));
    out
}

pub(super) fn line(out: &mut String, text: &str) {
    // Writing to a string can't fail.
    let _ = writeln!(out, "{text}");
}

/// A chance as one reads it.
pub(super) fn percent(p: f64) -> String {
    match p {
        p if p < 0.0001 => "<0.01 %".to_owned(),
        p if p < 0.01 => format!("{:.2} %", 100.0 * p),
        p if p < 0.1 => format!("{:.1} %", 100.0 * p),
        p => format!("{:.0} %", 100.0 * p),
    }
}

pub(super) fn times(risk: f64, reference: Option<f64>) -> String {
    match reference {
        Some(reference) if reference > 0.0 => {
            format!("age and sex alone {} (× {:.1})", percent(reference), risk / reference)
        }
        _ => "no reference by age and sex".to_owned(),
    }
}

fn known(out: &mut String, known: Option<&Known>) {
    if let Some(observed) = known.and_then(|k| k.observed) {
        let (low, high) = observed.interval;
        line(
            out,
            &format!(
                "    how sure: of {} validated people with the nearest risks ({} to {}) it happened to {} ({} to {}, 95 %; {})",
                observed.people,
                percent(observed.risks.0),
                percent(observed.risks.1),
                percent(observed.share),
                percent(low),
                percent(high),
                seen(observed.events, observed.known, observed.people)
            ),
        );
    }
    if let Some(reached) = known.and_then(|k| k.threshold.as_ref()) {
        let days = |days: f64| format!("{days:.0} days");
        line(
            out,
            &format!(
                "    reaches the threshold {}, as {} predictions did in validation: sensitivity {}, specificity {}, PPV {}, median lead time {}",
                percent(reached.threshold),
                reached.flagged,
                measured(&reached.sensitivity, percent),
                measured(&reached.specificity, percent),
                measured(&reached.positive_predictive_value, percent),
                measured(&reached.lead_time_days, days)
            ),
        );
    }
}

/// In how many it was seen, and of how many that is known.
pub(super) fn seen(events: usize, known: usize, people: usize) -> String {
    match known == people {
        true => format!("seen in {events}"),
        false => format!("seen in {events}, not known of {}", people - known),
    }
}

/// A figure of a report with its interval, or why there is none.
fn measured(of: &Estimate, say: impl Fn(f64) -> String) -> String {
    match (of.value, of.low.zip(of.high)) {
        (Some(value), Some((low, high))) => format!("{} ({} to {})", say(value), say(low), say(high)),
        (Some(value), None) => say(value),
        (None, _) => format!("unknown ({})", of.reason.as_deref().unwrap_or("undefined")),
    }
}

fn early(out: &mut String, risks: &[EarlyDetection], horizon: usize) {
    line(
        out,
        &format!("\nWHAT MAY COME, not recorded so far, by the risk within {}", HORIZON_NAMES[horizon]),
    );
    for risk in risks {
        line(out, &format!("  {}", risk.condition.words()));
        let each = [2, 5, 7, 8].map(|k| format!("{} {}", HORIZON_NAMES[k], percent(risk.risks[k])));
        line(
            out,
            &format!(
                "    risk {}; within {}: {}",
                each.join(", "),
                HORIZON_NAMES[horizon],
                times(risk.risks[horizon], risk.references[horizon])
            ),
        );
        if let Some(p) = risk.percentile {
            let whom = if p.same_age_and_sex { "of the same sex and age" } else { "of any age and sex" };
            line(out, &format!("    higher than {:.0} % of {} people {whom}", p.percent, p.people));
        }
        let trend: Vec<String> =
            risk.trend.iter().map(|t| format!("{} {}", t.day, percent(t.risk))).collect();
        line(out, &format!("    over the record: {}", trend.join("  ")));
        known(out, risk.validated.as_ref());
        attribution(out, &risk.evidence);
    }
}

fn differential(out: &mut String, told: &Differential, horizon: usize) {
    line(
        out,
        &format!(
            "\nWHAT IT MAY BE, present and unrecorded or imminent: the chance to be recorded within {}",
            HORIZON_NAMES[horizon]
        ),
    );
    for Considered { rank, condition, chance, reference, validated, evidence } in &told.considered {
        line(
            out,
            &format!("  {rank}. {}: {}, {}", condition.words(), percent(*chance), times(*chance, *reference)),
        );
        known(out, validated.as_ref());
        if validated.is_none() {
            line(out, "    how sure: not known; no validated people (--predictions) had about this chance");
        }
        for (word, speaks) in [("for", 1.0), ("against", -1.0)] {
            let chosen = evidence.events.iter().chain(&evidence.codes);
            let mut chosen: Vec<&Evidence> = chosen.filter(|e| e.log_odds * speaks > 0.0).collect();
            chosen.sort_by(|a, b| b.log_odds.abs().total_cmp(&a.log_odds.abs()));
            for piece in chosen.into_iter().take(3) {
                line(out, &format!("    {word:>7}: {}", moved(piece)));
            }
        }
    }
    if told.others > 0 {
        line(out, &format!("  {} others have at most {} each", told.others, percent(told.others_at_most)));
    }
}

fn attribution(out: &mut String, evidence: &Attribution) {
    for (word, list) in
        [("event", &evidence.events), ("code", &evidence.codes), ("moment", &evidence.moments)]
    {
        for piece in list.iter().take(3) {
            line(out, &format!("    moved by {word}: {}", moved(piece)));
        }
    }
}

pub(super) fn moved(evidence: &Evidence) -> String {
    let sign = if evidence.log_odds >= 0.0 { "+" } else { "−" };
    let about = if evidence.exact { "" } else { "about " };
    format!(
        "{sign}{:.2} log-odds  {} (without it {about}{})",
        evidence.log_odds.abs(),
        piece(&evidence.piece),
        percent(evidence.risk_without)
    )
}

fn piece(piece: &Piece) -> String {
    match piece {
        Piece::Event { what, day, value, unit } => {
            let value = value.map_or(String::new(), |v| format!(" {v} {}", unit.as_deref().unwrap_or("")));
            let day = day.as_deref().map_or(String::new(), |day| format!(", {day}"));
            format!("{}{}{day}", what.words(), value.trim_end())
        }
        Piece::Code { what, events } => format!("all {events} of {}", what.words()),
        Piece::Moment { day, time, events } => {
            let time = time.as_deref().map_or(String::new(), |time| format!(" {time}"));
            format!("all {events} events of {day}{time}")
        }
    }
}

fn next_tests(out: &mut String, next: &NextTests) {
    line(out, "\nWHAT TO FIND OUT NEXT, by expected information per cost");
    for test in next.tests.iter().take(8) {
        let tells = &test.tells;
        line(
            out,
            &format!(
                "  {}: {:.3} bits for {} {}; mostly of {}: {} now, {} with the test done, {} to {} with its result (highest at {} {})",
                test.test.words(),
                test.bits,
                test.cost,
                next.unit,
                tells.condition.words(),
                percent(tells.now),
                percent(tells.done),
                percent(tells.after.0),
                percent(tells.after.1),
                tells.highest_at,
                tells.unit.as_deref().unwrap_or("")
            ),
        );
    }
    if let Some(stop) = next.stop {
        line(out, &format!("  stop: {}", stop_words(stop)));
    }
}

/// Why it is time to stop.
pub(super) fn stop_words(stop: Stop) -> &'static str {
    match stop {
        Stop::Settled => "every condition is ruled in or out",
        Stop::NothingTells => "no test that is left would tell enough",
        Stop::Budget => "what would tell enough costs more than is left",
    }
}

fn alike(out: &mut String, found: &Alike) {
    line(out, "\nPATIENTS LIKE THIS ONE, by what the model makes of their records, told as a group");
    let group = match found {
        Alike::Refused(why) => return line(out, &format!("  nothing is told: {}", refused(why))),
        Alike::Group(group) => group,
    };
    line(
        out,
        &format!(
            "  {} of {} people; this record is more unusual than {:.0} % of theirs; nothing is told of fewer than {}",
            group.people,
            group.among,
            100.0 * group.unusual,
            group.k
        ),
    );
    if let Some([low, middle, high]) = group.ages_years {
        let women = group.women.map_or(String::new(), |women| format!(", {women} of them women"));
        line(
            out,
            &format!("  half of them aged {low:.0} to {high:.0}, about {middle:.0} in the middle{women}"),
        );
    }
    for outcome in &group.became {
        line(
            out,
            &format!(
                "  {}: {}",
                outcome.condition.words(),
                became(&outcome.counts, group.horizon_days, group.k)
            ),
        );
    }
}

/// What became of a group, in words.
pub(super) fn became(counts: &Became, horizon_days: f64, k: usize) -> String {
    let of = |people: Option<usize>| people.map_or("those at risk".to_owned(), |people| people.to_string());
    let Some((share, (low, high))) = counts.share.zip(counts.interval) else {
        return format!("of {} fewer than {k}, or all but fewer than {k}", of(counts.people));
    };
    let counted = match (counts.events, counts.known, counts.people) {
        (Some(events), Some(known), Some(people)) => seen(events, known, people),
        _ => format!("fewer than {k} had it before or left, so no counts"),
    };
    format!(
        "{} of {} within {horizon_days:.0} days ({} to {}, 95 %; {counted})",
        percent(share),
        of(counts.people),
        percent(low),
        percent(high)
    )
}

/// Why nothing is told.
pub(super) fn refused(why: &NoGroup) -> String {
    match why {
        NoGroup::TooFew { people, k } => {
            format!("{people} people are there, and nothing is told of fewer than {k}")
        }
        NoGroup::NobodyAlike { share } => format!(
            "nobody is like this one; {:.0} % of the others lie nearer to the rest than this record does",
            100.0 * share
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_age_stands_for_all_above() {
        let told = [1920, 1937, 1980].map(|born| f64::from(2024 - born).min(89.9986));
        assert_eq!(
            told.map(serve::told_age).map(age_in_words),
            ["90 or older", "87 years old", "44 years old"]
        );
    }
}

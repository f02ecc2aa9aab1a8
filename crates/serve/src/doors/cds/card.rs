//! The card that a clinician sees.

use super::call::Gap;
use crate::{
    CodeRisk, PatientRisk, RecordCounts,
    error::ApiError,
    model::ServedModel,
    uuid::new_uuid,
    wire::{DISCLAIMER, SYNTHETIC_NOTICE},
};
use govern::lifecycle::Stage;
use serde::Serialize;
use std::fmt::Write;
use utoipa::ToSchema;

/// The horizon that a card speaks of, in days: that of the model's that is nearest.
const HORIZON_DAYS: f64 = 365.0;
/// A risk below this is not shown, however high for the patient's age and sex.
const MIN_RISK: f64 = 0.02;
/// A risk must be so many times that of others of the same age and sex.
const MIN_RATIO: f64 = 2.0;
/// The most risks on a card.
const MAX_ROWS: usize = 5;
/// The specification's limit is below 140.
const MAX_SUMMARY_CHARS: usize = 139;

/// The cards, or none.
#[derive(Serialize, ToSchema)]
pub(crate) struct CardsAnswer {
    pub(super) cards: Vec<Card>,
}

/// A card.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Card {
    /// Names the card in feedback and in the ledger.
    uuid: String,
    /// One line, below 140 characters.
    #[schema(example = "Heart failure within a year: 12 % by this record, 4 % for this age and sex")]
    summary: String,
    /// The risks, what they rest on and how sure they are, in GitHub Flavored Markdown.
    detail: String,
    /// Always `info`: no threshold has been validated under which it could be more.
    #[schema(example = "info")]
    indicator: &'static str,
    /// Who says so.
    source: Source,
    /// Why a clinician may set the card aside.
    override_reasons: Vec<Coding>,
}

/// Who says so.
#[derive(Serialize, ToSchema)]
pub(crate) struct Source {
    /// The model, its version and its stage.
    #[schema(example = "Osler osler-small 2026.1 (live)")]
    label: String,
}

/// A reason to set the card aside.
#[derive(Serialize, ToSchema)]
pub(crate) struct Coding {
    system: &'static str,
    code: &'static str,
    display: &'static str,
}

const OVERRIDE_REASONS: [(&str, &str); 4] = [
    ("known", "Known and being treated"),
    ("not-relevant", "Not relevant for this patient"),
    ("wrong-data", "The record is incomplete or wrong"),
    ("disagree", "I disagree with the estimate"),
];

impl Card {
    pub(super) fn uuid(&self) -> &str {
        &self.uuid
    }

    /// A card, when a risk stands out.
    pub(super) fn of(
        model: &ServedModel,
        stage: Stage,
        counts: RecordCounts,
        risk: &PatientRisk,
        gaps: &[Gap],
    ) -> Result<Option<Card>, ApiError> {
        let description = &model.description;
        let distance = |days: &f64| (days / HORIZON_DAYS).ln().abs();
        let horizons = description.horizons_days.iter().enumerate();
        let Some((horizon, days)) = horizons.min_by(|(_, a), (_, b)| distance(a).total_cmp(&distance(b)))
        else {
            return Ok(None);
        };
        let mut rows: Vec<Row<'_>> =
            risk.codes.iter().filter_map(|code| Row::of(model, code, horizon)).collect();
        rows.sort_by(|a, b| b.ratio().total_cmp(&a.ratio()));
        let omitted = rows.len().saturating_sub(MAX_ROWS);
        rows.truncate(MAX_ROWS);
        let Some(first) = rows.first() else { return Ok(None) };
        let within = within(*days);
        let mut detail =
            format!("| Recorded within {within} | by this record | age and sex alone |\n|---|---:|---:|\n");
        for row in &rows {
            // Writing to a String can't fail.
            let _ = writeln!(
                detail,
                "| {} | {} | {} |",
                cell(row.name),
                percent(row.risk),
                percent(row.reference)
            );
        }
        let _ = write!(detail, "\n{}", basis(counts, risk, gaps, omitted));
        let _ = write!(
            detail,
            "\n\nOne model's estimates, without intervals; how well they hold is in the model's evaluation report."
        );
        if description.trained_on.synthetic {
            let _ = write!(detail, "\n\n**{SYNTHETIC_NOTICE}**");
        }
        let _ = write!(detail, "\n\n{DISCLAIMER}");
        Ok(Some(Card {
            uuid: new_uuid()?,
            summary: summary(first, &within),
            detail,
            indicator: "info",
            source: Source {
                label: format!("Osler {} {} ({})", description.name, description.version, stage.name()),
            },
            override_reasons: OVERRIDE_REASONS
                .map(|(code, display)| Coding { system: "urn:osler:override-reason", code, display })
                .into(),
        }))
    }
}

/// A risk that stands out.
struct Row<'a> {
    name: &'a str,
    risk: f64,
    reference: f64,
}

impl<'a> Row<'a> {
    fn of(model: &'a ServedModel, code: &CodeRisk, horizon: usize) -> Option<Self> {
        let described = model.description.codes.get(code.code)?;
        let risk = *code.cumulative_incidence.get(horizon)?;
        let reference = *code.reference.as_ref()?.get(horizon)?;
        let stands_out = !code.already_recorded && risk >= MIN_RISK && risk >= MIN_RATIO * reference;
        stands_out.then(|| Row {
            name: described.description.as_deref().unwrap_or(&described.code),
            risk,
            reference,
        })
    }

    fn ratio(&self) -> f64 {
        // Below one in a million nobody's ratio means anything.
        self.risk / self.reference.max(1e-6)
    }
}

fn summary(row: &Row<'_>, within: &str) -> String {
    let rest = format!(
        " within {within}: {} by this record, {} for this age and sex",
        percent(row.risk),
        percent(row.reference)
    );
    let room = MAX_SUMMARY_CHARS.saturating_sub(rest.chars().count());
    let name = row.name.replace(['\n', '\r'], " ");
    if name.chars().count() <= room {
        return name + &rest;
    }
    let cut: String = name.chars().take(room.saturating_sub(1)).collect();
    format!("{}…{rest}", cut.trim_end())
}

/// What the card rests on, and what was not at hand.
fn basis(counts: RecordCounts, risk: &PatientRisk, gaps: &[Gap], omitted: usize) -> String {
    let mut text = format!("Rests on {} of {} events of the record", risk.events_used, counts.read);
    if counts.unknown_codes > 0 {
        let _ = write!(text, "; {} have codes that the model doesn't know", counts.unknown_codes);
    }
    if counts.rejected > 0 {
        let _ = write!(text, "; {} entries could not be read", counts.rejected);
    }
    text.push('.');
    if omitted > 0 {
        let _ = write!(text, " {omitted} further risks stand out.");
    }
    for gap in gaps {
        let _ = match gap {
            Gap::Absent(key) => write!(text, " Without {key}, which were not sent."),
            Gap::Cut(key) => write!(text, " Not all {key} were sent."),
        };
    }
    text
}

fn within(days: f64) -> String {
    match days {
        365.0..366.0 => "a year".to_owned(),
        1.0 => "a day".to_owned(),
        _ => format!("{days:.0} days"),
    }
}

fn percent(risk: f64) -> String {
    match risk * 100.0 {
        percent if percent < 0.1 => "< 0.1 %".to_owned(),
        percent if percent < 10.0 => format!("{percent:.1} %"),
        percent => format!("{percent:.0} %"),
    }
}

/// Text in a cell of a table.
fn cell(text: &str) -> String {
    text.replace(['\n', '\r'], " ").replace('|', "\\|")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_summary_stays_below_140_characters_whatever_a_code_is_called() {
        for length in [1, 80, 139, 400] {
            let name = "é".repeat(length);
            let row = Row { name: &name, risk: 0.123, reference: 0.0004 };
            let summary = summary(&row, "a year");
            assert!(summary.chars().count() < 140, "{summary}");
            assert!(summary.ends_with("12 % by this record, < 0.1 % for this age and sex"), "{summary}");
        }
    }
}

//! The card that a clinician sees.

use super::call::Gap;
use crate::{
    CodeRisk, PatientRisk, RecordCounts,
    error::ApiError,
    model::ServedModel,
    uuid::new_uuid,
    wire::{DISCLAIMER, SYNTHETIC_NOTICE, age_in_words},
};
use events::Time;
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
    cards: Vec<Card>,
    /// Why the model wasn't asked about this patient, where it wasn't.
    #[serde(skip_serializing_if = "Option::is_none")]
    extension: Option<NoCard>,
}

/// Why there is no card.
#[derive(Serialize, ToSchema)]
struct NoCard {
    #[serde(rename = "osler.no-card")]
    #[schema(example = "the record ends in death")]
    why: String,
}

impl CardsAnswer {
    pub(super) fn of(cards: Vec<Card>) -> Self {
        CardsAnswer { cards, extension: None }
    }

    /// No card, since the model gives no answer for this patient.
    pub(super) fn none(why: String) -> Self {
        CardsAnswer { cards: Vec::new(), extension: Some(NoCard { why }) }
    }
}

/// The moment that a card's risks count from: the record's last event, which may be long ago.
pub(super) struct Stands {
    day: String,
    years_ago: f64,
}

impl Stands {
    pub(super) fn new(last: Time, now: Time) -> Self {
        let (year, month, day) = last.ymd();
        Stands { day: format!("{year:04}-{month:02}-{day:02}"), years_ago: now.days_since(last) / 365.25 }
    }

    fn told(&self, age_years: Option<f32>) -> String {
        let mut text = format!("As of the last event on file, {}", self.day);
        if let Some(age) = age_years.filter(|age| age.is_finite()) {
            let _ = write!(text, ", at the age of {}", age_in_words(age));
        }
        // Charts of today are told by their date alone.
        if self.years_ago >= 1.0 {
            let _ =
                write!(text, ": **{:.1} years ago**, and nothing is known of the time since", self.years_ago);
        }
        text + "."
    }
}

/// A card.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Card {
    /// Names the card in feedback and in the ledger.
    uuid: String,
    /// One line, below 140 characters.
    #[schema(
        example = "Heart failure within a year of 2024-06-02: 12 % by this record, 4 % for this age and sex"
    )]
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

/// The reasons that a card offers.
pub(super) const OVERRIDE_REASONS: [(&str, &str); 4] = [
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
        stands: &Stands,
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
        let within = format!("{} of {}", within(*days), stands.day);
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
        let _ = write!(detail, "\n{} {}", stands.told(risk.age_years), basis(counts, risk, gaps, omitted));
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
    if risk.unknown_codes > 0 {
        let _ = write!(text, "; {} have codes that the model doesn't know", risk.unknown_codes);
    }
    if 2 * risk.broader_codes > risk.events_used {
        let _ = write!(text, "; {} have codes that it knows by a broader one alone", risk.broader_codes);
    }
    if risk.values_unread > 0 {
        let _ = write!(text, "; {} values count without what they were", risk.values_unread);
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

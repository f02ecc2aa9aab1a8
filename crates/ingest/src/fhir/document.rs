//! What was written about the patient: DocumentReference and DiagnosticReport. Text is handed on as text, and
//! it is for de-identification to drop or clean it.

use super::{
    paths,
    record::{Chosen, Halt, Record, happened},
    wire::{Attachment, Concept, List, Period, Reference, Text},
};
use base64::{
    Engine, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use events::{SourceTime, SourceValue};
use serde::Deserialize;
use sonic_rs::LazyValue;

/// Padding is often left out.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase", bound(deserialize = "'de: 'a"))]
struct Document<'a> {
    id: Option<Text<'a>>,
    meta: Option<LazyValue<'a>>,
    status: Option<Text<'a>>,
    doc_status: Option<Text<'a>>,
    r#type: Option<Concept<'a>>,
    subject: Option<Reference<'a>>,
    date: Option<Text<'a>>,
    content: List<Content<'a>>,
}

#[derive(Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
struct Content<'a> {
    attachment: Option<Attachment<'a>>,
}

/// One event for the kind of document, and one for the text of each attachment that has text.
pub(super) fn read(record: &mut Record<'_>, text: &str) -> Result<(), Halt> {
    let document: Document<'_> = record.parse(text)?;
    record.identify(document.id.as_deref(), document.meta.as_ref());
    happened(document.status.as_ref(), &["entered-in-error"])?;
    happened(document.doc_status.as_ref(), &["entered-in-error"])?;
    let subject = record.subject(document.subject.as_ref(), "DocumentReference.subject")?;
    let at = record.time(&[document.date.as_ref()], "DocumentReference.date")?;
    let chosen = record.code(document.r#type.as_ref())?;
    record.event(&subject, paths::DOCUMENT_TYPE, at, chosen.clone())?;
    let attachments = document.content.iter().filter_map(|content| content.attachment.as_ref());
    write_texts(record, &subject, at, &chosen, attachments, paths::DOCUMENT_CONTENT)
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase", bound(deserialize = "'de: 'a"))]
struct Report<'a> {
    id: Option<Text<'a>>,
    meta: Option<LazyValue<'a>>,
    status: Option<Text<'a>>,
    code: Option<Concept<'a>>,
    subject: Option<Reference<'a>>,
    effective_date_time: Option<Text<'a>>,
    effective_period: Option<Period<'a>>,
    issued: Option<Text<'a>>,
    conclusion: Option<Text<'a>>,
    conclusion_code: List<Concept<'a>>,
    presented_form: List<Attachment<'a>>,
}

pub(super) fn read_report(record: &mut Record<'_>, text: &str) -> Result<(), Halt> {
    let report: Report<'_> = record.parse(text)?;
    record.identify(report.id.as_deref(), report.meta.as_ref());
    happened(report.status.as_ref(), &["registered", "cancelled", "entered-in-error"])?;
    let subject = record.subject(report.subject.as_ref(), "DiagnosticReport.subject")?;
    let start = report.effective_period.as_ref().and_then(|period| period.start.as_ref());
    let candidates = [report.effective_date_time.as_ref(), start, report.issued.as_ref()];
    let at = record.time(&candidates, "DiagnosticReport.effectiveDateTime")?;
    let chosen = record.code(report.code.as_ref())?;
    record.event(&subject, paths::REPORT_CODE, at, chosen.clone())?;
    for conclusion in report.conclusion_code.iter().filter_map(Chosen::of) {
        record.event(&subject, paths::REPORT_CONCLUSION_CODE, at, conclusion)?;
    }
    if let Some(conclusion) = report.conclusion.filter(|words| !words.trim().is_empty()) {
        let value = (SourceValue::Text(conclusion.to_string()), None);
        record.valued_event(&subject, paths::REPORT_CONCLUSION, at, chosen.clone(), value)?;
    }
    write_texts(record, &subject, at, &chosen, report.presented_form.iter(), paths::REPORT_FORM)
}

fn write_texts<'r, 'a: 'r>(
    record: &mut Record<'_>,
    subject: &str,
    at: SourceTime,
    chosen: &Chosen,
    attachments: impl Iterator<Item = &'r Attachment<'a>>,
    path: &'static str,
) -> Result<(), Halt> {
    for attachment in attachments {
        match text_of(attachment) {
            Ok(text) if text.trim().is_empty() => record.ignore("an attachment without text"),
            Ok(text) => {
                let value = (SourceValue::Text(text), None);
                record.valued_event(subject, path, at, chosen.clone(), value)?;
            }
            Err(Halt::Ignore(reason)) => record.ignore(reason),
            Err(Halt::Reject { reason, .. }) => record.reject(path, reason),
            Err(halt) => return Err(halt),
        }
    }
    Ok(())
}

fn text_of(attachment: &Attachment<'_>) -> Result<String, Halt> {
    let content_type = attachment.content_type.as_deref().unwrap_or_default().trim().to_ascii_lowercase();
    let Some(data) = attachment.data.as_deref() else {
        return Err(Halt::Ignore("an attachment elsewhere, not in the resource"));
    };
    if !content_type.starts_with("text/") {
        return Err(Halt::Ignore("an attachment that is not text"));
    }
    // Base64 in JSON may be broken into lines.
    let decoded = if data.bytes().any(|b| b.is_ascii_whitespace()) {
        BASE64.decode(data.split_ascii_whitespace().collect::<String>())
    } else {
        BASE64.decode(data)
    };
    let Ok(bytes) = decoded else {
        return Err(Halt::Reject { field: "", reason: "attachment data is not base64" });
    };
    match String::from_utf8(bytes) {
        Ok(text) => Ok(text),
        // Every byte is a character of Latin-1, so it is only believed where the attachment says so.
        Err(error) if content_type.contains("8859-1") || content_type.contains("windows-1252") => {
            Ok(error.as_bytes().iter().map(|&byte| char::from(byte)).collect())
        }
        Err(_) => Err(Halt::Reject { field: "", reason: "attachment text is not UTF-8" }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(json: &str) -> Result<String, &'static str> {
        let attachment: Attachment<'_> = sonic_rs::from_str(json).unwrap();
        text_of(&attachment).map_err(|halt| match halt {
            Halt::Ignore(reason) | Halt::Reject { reason, .. } => reason,
            Halt::Sink(_) => "sink",
        })
    }

    #[test]
    fn only_text_is_decoded() {
        assert_eq!(text(r#"{"contentType":"text/plain; charset=utf-8","data":"w6k="}"#).as_deref(), Ok("é"));
        assert_eq!(text(r#"{"contentType":"text/plain","data":"w6k"}"#).as_deref(), Ok("é"));
        assert_eq!(text(r#"{"contentType":"TEXT/plain","data":"w6\nk="}"#).as_deref(), Ok("é"));
        assert_eq!(
            text(r#"{"contentType":"text/plain; charset=ISO-8859-1","data":"6Q=="}"#).as_deref(),
            Ok("é")
        );
        assert_eq!(
            text(r#"{"contentType":"text/plain","data":"6Q=="}"#),
            Err("attachment text is not UTF-8")
        );
        assert_eq!(text(r#"{"contentType":"text/plain","data":"*"}"#), Err("attachment data is not base64"));
        assert_eq!(
            text(r#"{"contentType":"application/pdf","data":"w6k="}"#),
            Err("an attachment that is not text")
        );
        assert!(text(r#"{"contentType":"text/plain","url":"Binary/1"}"#).is_err());
    }
}

//! Encounter: a visit's beginning, why it was, and how a stay ended.

use super::{
    paths,
    record::{Chosen, Halt, Record, happened},
    stays::is_inpatient,
    systems::{self, own},
    wire::{Coding, Concept, List, Period, Reference, Text},
};
use events::SourceTime;
use serde::Deserialize;
use sonic_rs::LazyValue;

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase", bound(deserialize = "'de: 'a"))]
struct Encounter<'a> {
    id: Option<Text<'a>>,
    meta: Option<LazyValue<'a>>,
    status: Option<Text<'a>>,
    class: Option<Coding<'a>>,
    r#type: List<Concept<'a>>,
    reason_code: List<Concept<'a>>,
    subject: Option<Reference<'a>>,
    period: Option<Period<'a>>,
    hospitalization: Option<Hospitalization<'a>>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase", bound(deserialize = "'de: 'a"))]
struct Hospitalization<'a> {
    discharge_disposition: Option<Concept<'a>>,
}

/// Reads an encounter; of an inpatient stay that has ended, returns its id and its end.
pub(super) fn read(record: &mut Record<'_>, text: &str) -> Result<Option<(String, SourceTime)>, Halt> {
    let encounter: Encounter<'_> = record.parse(text)?;
    record.identify(encounter.id.as_deref(), encounter.meta.as_ref());
    happened(encounter.status.as_ref(), &["planned", "cancelled", "entered-in-error"])?;
    let subject = record.subject(encounter.subject.as_ref(), "Encounter.subject")?;
    let period = encounter.period.unwrap_or_default();
    let start = record.time(&[period.start.as_ref()], "Encounter.period.start")?;

    let class = encounter.class.as_ref();
    if let Some(class) = class.and_then(|class| visit(class, own::VISIT)) {
        record.event(&subject, paths::ENCOUNTER_CLASS, start, class)?;
    }
    for (path, concepts) in
        [(paths::ENCOUNTER_TYPE, &encounter.r#type), (paths::ENCOUNTER_REASON, &encounter.reason_code)]
    {
        for chosen in concepts.iter().filter_map(Chosen::of) {
            record.event(&subject, path, start, chosen)?;
        }
    }

    let code = class.and_then(|class| class.code.as_deref()).unwrap_or_default();
    if period.end.is_some() && (is_inpatient(code) || code == "EMER") {
        let end = record.time(&[period.end.as_ref()], "Encounter.period.end")?;
        if let Some(class) = class.and_then(|class| visit(class, own::VISIT_END)) {
            record.event(&subject, paths::ENCOUNTER_END, end, class)?;
        }
        let disposition = encounter.hospitalization.and_then(|h| h.discharge_disposition);
        if let Some(chosen) = disposition.as_ref().and_then(Chosen::of) {
            record.event(&subject, paths::ENCOUNTER_DISPOSITION, end, chosen)?;
        }
        if let Some(id) = record.key(encounter.id.as_deref()).filter(|_| is_inpatient(code)) {
            return Ok(Some((id.to_owned(), end)));
        }
    }
    Ok(None)
}

/// `VISIT//IMP` and the like for HL7's classes; a site's own classes keep their system within the code's, so
/// that a policy sees that they are not HL7's.
fn visit(class: &Coding<'_>, system: &'static str) -> Option<Chosen> {
    let code = class.code.as_deref().filter(|code| !code.trim().is_empty())?.trim();
    let uri = class.system.as_deref().unwrap_or_default();
    let known = matches!(
        code,
        "AMB" | "EMER" | "FLD" | "HH" | "IMP" | "ACUTE" | "NONAC" | "OBSENC" | "PRENC" | "SS" | "VR"
    );
    let mut chosen = Chosen::new(system, code);
    if !(known || systems::is_act_code(uri)) {
        chosen.system = systems::system(uri);
    }
    Some(chosen)
}

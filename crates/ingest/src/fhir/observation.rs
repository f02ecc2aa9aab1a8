//! Observation: measurements and answers, one event per value.

use super::{
    paths,
    record::{Chosen, Halt, Record, happened},
    wire::{Concept, List, Period, Quantity, Reference, Text},
};
use events::{SourceTime, SourceValue};
use serde::Deserialize;
use sonic_rs::LazyValue;

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase", bound(deserialize = "'de: 'a"))]
struct Observation<'a> {
    id: Option<Text<'a>>,
    meta: Option<LazyValue<'a>>,
    status: Option<Text<'a>>,
    code: Option<Concept<'a>>,
    subject: Option<Reference<'a>>,
    effective_date_time: Option<Text<'a>>,
    effective_instant: Option<Text<'a>>,
    effective_period: Option<Period<'a>>,
    issued: Option<Text<'a>>,
    component: List<Component<'a>>,
    value_quantity: Option<Quantity<'a>>,
    value_codeable_concept: Option<Concept<'a>>,
    value_string: Option<Text<'a>>,
    value_integer: Option<f64>,
    value_boolean: Option<bool>,
    data_absent_reason: Option<Concept<'a>>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase", bound(deserialize = "'de: 'a"))]
struct Component<'a> {
    code: Option<Concept<'a>>,
    value_quantity: Option<Quantity<'a>>,
    value_codeable_concept: Option<Concept<'a>>,
    value_string: Option<Text<'a>>,
    value_integer: Option<f64>,
    value_boolean: Option<bool>,
    data_absent_reason: Option<Concept<'a>>,
}

/// The value of an observation or a component.
struct Value<'v, 'a> {
    quantity: Option<&'v Quantity<'a>>,
    concept: Option<&'v Concept<'a>>,
    string: Option<&'v Text<'a>>,
    integer: Option<f64>,
    boolean: Option<bool>,
    absent: bool,
}

/// The paths that its events carry.
struct Paths {
    code: &'static str,
    quantity: &'static str,
    concept: &'static str,
    string: &'static str,
    integer: &'static str,
    boolean: &'static str,
}

const OF_OBSERVATION: Paths = Paths {
    code: paths::OBSERVATION_CODE,
    quantity: paths::OBSERVATION_QUANTITY,
    concept: paths::OBSERVATION_CONCEPT,
    string: paths::OBSERVATION_STRING,
    integer: paths::OBSERVATION_INTEGER,
    boolean: paths::OBSERVATION_BOOLEAN,
};

const OF_COMPONENT: Paths = Paths {
    code: paths::COMPONENT_CODE,
    quantity: paths::COMPONENT_QUANTITY,
    concept: paths::COMPONENT_CONCEPT,
    string: paths::COMPONENT_STRING,
    integer: paths::COMPONENT_INTEGER,
    boolean: paths::COMPONENT_BOOLEAN,
};

/// An observation gives an event for its value and one for each component's; one that has neither gives an
/// event without a value, unless it says why its value is absent. Of a quantity's comparator (`<`) nothing is
/// kept: the bound stands for the value.
pub(super) fn read(record: &mut Record<'_>, text: &str) -> Result<(), Halt> {
    let observation: Observation<'_> = record.parse(text)?;
    record.identify(observation.id.as_deref(), observation.meta.as_ref());
    happened(observation.status.as_ref(), &["registered", "cancelled", "entered-in-error"])?;
    let subject = record.subject(observation.subject.as_ref(), "Observation.subject")?;
    let start = observation.effective_period.as_ref().and_then(|period| period.start.as_ref());
    let candidates = [
        observation.effective_date_time.as_ref(),
        observation.effective_instant.as_ref(),
        start,
        observation.issued.as_ref(),
    ];
    let at = record.time(&candidates, "Observation.effectiveDateTime")?;

    let value = Value {
        quantity: observation.value_quantity.as_ref(),
        concept: observation.value_codeable_concept.as_ref(),
        string: observation.value_string.as_ref(),
        integer: observation.value_integer,
        boolean: observation.value_boolean,
        absent: observation.data_absent_reason.is_some(),
    };
    let has_components = !observation.component.is_empty();
    if value.is_given() || !has_components {
        emit(record, &subject, at, observation.code.as_ref(), &value, &OF_OBSERVATION)?;
    }
    for component in &*observation.component {
        let value = Value {
            quantity: component.value_quantity.as_ref(),
            concept: component.value_codeable_concept.as_ref(),
            string: component.value_string.as_ref(),
            integer: component.value_integer,
            boolean: component.value_boolean,
            absent: component.data_absent_reason.is_some(),
        };
        emit(record, &subject, at, component.code.as_ref(), &value, &OF_COMPONENT)?;
    }
    Ok(())
}

impl Value<'_, '_> {
    fn is_given(&self) -> bool {
        self.quantity.is_some()
            || self.concept.is_some()
            || self.string.is_some()
            || self.integer.is_some()
            || self.boolean.is_some()
    }
}

fn emit(
    record: &mut Record<'_>,
    subject: &str,
    at: SourceTime,
    code: Option<&Concept<'_>>,
    value: &Value<'_, '_>,
    paths: &Paths,
) -> Result<(), Halt> {
    let Some(chosen) = code.and_then(Chosen::of) else {
        record.ignore("no code, only text or nothing");
        return Ok(());
    };
    if let Some(quantity) = value.quantity.filter(|quantity| quantity.value.is_some()) {
        if let Some(value) = record.quantity(quantity, paths.quantity) {
            record.valued_event(subject, paths.quantity, at, chosen, value)?;
        }
    } else if let Some(answer) = value.concept.and_then(Chosen::of) {
        let value = SourceValue::Concept { system: answer.system, code: answer.code };
        record.valued_event(subject, paths.concept, at, chosen, (value, None))?;
    } else if let Some(number) = value.integer {
        if let Some(value) = record.number(number, paths.integer) {
            record.valued_event(subject, paths.integer, at, chosen, (value, None))?;
        }
    } else if let Some(yes) = value.boolean {
        let value = SourceValue::Number(f64::from(u8::from(yes)));
        record.valued_event(subject, paths.boolean, at, chosen, (value, None))?;
    } else if let Some(words) = value.string.filter(|words| !words.trim().is_empty()) {
        let value = SourceValue::Text(words.to_string());
        record.valued_event(subject, paths.string, at, chosen, (value, None))?;
    } else if value.absent {
        record.ignore("its value is absent, with a reason");
    } else {
        if value.concept.is_some() {
            record.ignore("an answer without a code, only text: the question stands without it");
        }
        record.event(subject, paths.code, at, chosen)?;
    }
    Ok(())
}

//! A caller's JSON schema, which picks among the fields of the server's one JSON answer.
//!
//! What comes out satisfies the schema, or there is an error: nothing is made up to fill a field. The dialect is that of
//! structured outputs (JSON Schema 2020-12 without what could only be met by writing prose). An array is cut to `maxItems`: risks
//! are ranked. Errors name fields of ours alone. What is picked is held to the whole schema once more, by rules that know nothing of
//! picking.
//!
//! A schema is somebody else's program: it is bounded in bytes, and what it makes the server do in steps.

mod fit;
mod pick;

use crate::error::ApiError;
use fit::Fit;
use pick::Pick;
use serde_json::{Value, value::RawValue};

/// The longest schema, in bytes.
const MAX_BYTES: usize = 64 << 10;

/// How deep a schema's references and alternatives may lead.
const MAX_DEPTH: usize = 64;

/// Steps in all, since alternatives within alternatives multiply. A step is a keyword's entry, or a field or item, looked at.
const MAX_STEPS: usize = 100_000;

/// What may stand in a schema. What only describes is listed with it.
const KEYWORDS: [&str; 26] = [
    "$schema",
    "$id",
    "$defs",
    "definitions",
    "$ref",
    "title",
    "description",
    "examples",
    "default",
    "type",
    "properties",
    "required",
    "additionalProperties",
    "items",
    "anyOf",
    "oneOf",
    "allOf",
    "enum",
    "const",
    "minItems",
    "maxItems",
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "name",
];

/// A schema that was read.
pub(super) struct Schema(Value);

/// Why a value doesn't fit.
struct Misfit {
    at: String,
    why: String,
}

impl Schema {
    /// The schema that takes whatever there is.
    pub(super) const ANY: Schema = Schema(Value::Bool(true));

    /// Refuses what is no schema or too long for one, and keywords that can't be held to.
    pub(super) fn read(schema: &RawValue) -> Result<Self, ApiError> {
        let schema = parsed(schema)?;
        check(&schema, 0)?;
        Ok(Schema(schema))
    }

    /// What the schema picks of an answer.
    pub(super) fn pick(&self, answer: &Value) -> Result<Value, ApiError> {
        let mut steps = Steps::default();
        let picked = Pick { root: &self.0, steps: &mut steps }.value(&self.0, answer, "answer", 0);
        let picked = picked.and_then(|picked| {
            // Keywords beside one another may each pick what the other forbids.
            match (Fit { root: &self.0, steps: &mut steps }).value(&self.0, &picked, 0) {
                Some(true) => Ok(picked),
                Some(false) => Err(Misfit::new("answer", "what its parts pick doesn't fit all of it")),
                None => Err(Misfit::endless("answer")),
            }
        });
        picked.map_err(|Misfit { at, why }| {
            ApiError::invalid("response_format", format!("the schema can't be met at {at}: {why}"))
        })
    }
}

/// JSON that may be a schema, if it isn't too long for one: parsed, it takes many times its room.
pub(super) fn parsed(schema: &RawValue) -> Result<Value, ApiError> {
    let refused = |why: &'static str| ApiError::invalid("response_format", why);
    if schema.get().len() > MAX_BYTES {
        return Err(refused("a schema may be 64 kB long; leave out what only describes"));
    }
    serde_json::from_str(schema.get()).map_err(|_| refused("the schema can't be read"))
}

impl Misfit {
    fn new(at: &str, why: &str) -> Self {
        Misfit { at: at.to_owned(), why: why.to_owned() }
    }

    fn endless(at: &str) -> Self {
        Misfit::new(at, "the schema refers to itself without end, or has too many alternatives")
    }
}

/// How much was looked at.
#[derive(Default)]
struct Steps(usize);

impl Steps {
    /// Counts so many more, `depth` levels down; false when it is enough.
    fn take(&mut self, more: usize, depth: usize) -> bool {
        self.0 = self.0.saturating_add(more);
        depth <= MAX_DEPTH && self.0 <= MAX_STEPS
    }
}

/// What a schema and a value give to look at, before what lies in them.
fn width(schema: &Value, value: &Value) -> usize {
    let entries = |keyword: &str| match schema.get(keyword) {
        Some(Value::Array(entries)) => entries.len(),
        Some(Value::Object(entries)) => entries.len(),
        Some(Value::String(text)) => text.len() / 8,
        _ => 0,
    };
    let keywords = ["enum", "required", "properties", "$ref"];
    let held = match value {
        Value::Array(items) => items.len(),
        Value::Object(fields) => fields.len(),
        Value::String(text) => text.len() / 64,
        _ => 0,
    };
    1 + held + keywords.into_iter().map(entries).sum::<usize>()
}

/// What a `$ref` points to, within the schema.
fn resolve<'s>(root: &'s Value, reference: &Value) -> Option<&'s Value> {
    root.pointer(reference.as_str()?.strip_prefix('#')?)
}

fn check(schema: &Value, depth: usize) -> Result<(), ApiError> {
    let refused = |why: &'static str| Err(ApiError::invalid("response_format", why));
    if depth > MAX_DEPTH {
        return refused("the schema is too deep");
    }
    let keywords = match schema {
        Value::Bool(_) => return Ok(()),
        Value::Object(keywords) => keywords,
        _ => return refused("a schema is an object"),
    };
    for (keyword, value) in keywords {
        match keyword.as_str() {
            "properties" | "$defs" | "definitions" => match value.as_object() {
                Some(schemas) => schemas.values().try_for_each(|schema| check(schema, depth + 1))?,
                None => return refused("properties and $defs are objects"),
            },
            "anyOf" | "oneOf" | "allOf" => match value.as_array() {
                Some(schemas) => schemas.iter().try_for_each(|schema| check(schema, depth + 1))?,
                None => return refused("anyOf, oneOf and allOf are lists"),
            },
            "items" | "additionalProperties" => check(value, depth + 1)?,
            known if KEYWORDS.contains(&known) => {}
            _ => {
                return refused(
                    "the schema holds a keyword that isn't known here; known are type, properties, required, \
                     additionalProperties, items, anyOf, oneOf, allOf, enum, const, $ref, $defs, minItems, maxItems, \
                     minimum, maximum, exclusiveMinimum, exclusiveMaximum and what describes",
                );
            }
        }
    }
    Ok(())
}

fn has_type(value: &Value, schema: &Value) -> bool {
    match schema.get("type") {
        None => true,
        Some(Value::Array(kinds)) => kinds.iter().any(|kind| is_of_type(value, kind)),
        Some(kind) => is_of_type(value, kind),
    }
}

fn is_of_type(value: &Value, kind: &Value) -> bool {
    match kind.as_str() {
        Some("integer") => {
            value.as_i64().is_some() || value.as_f64().is_some_and(|number| number.fract() == 0.0)
        }
        Some("number") => value.is_number(),
        Some(kind) => kind == type_of(value),
        None => false,
    }
}

fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

/// Does a number lie within the bounds that a schema states?
fn within_bounds(number: f64, schema: &Value) -> bool {
    let bound = |keyword: &str| schema.get(keyword).and_then(Value::as_f64);
    bound("minimum").is_none_or(|least| number >= least)
        && bound("maximum").is_none_or(|most| number <= most)
        && bound("exclusiveMinimum").is_none_or(|below| number > below)
        && bound("exclusiveMaximum").is_none_or(|above| number < above)
}

fn list<'s>(schema: &'s Value, keyword: &str) -> Option<&'s [Value]> {
    schema.get(keyword).and_then(Value::as_array).map(Vec::as_slice)
}

fn count(schema: &Value, keyword: &str) -> Option<usize> {
    schema.get(keyword).and_then(Value::as_u64).map(|number| number as usize)
}

#[cfg(test)]
mod tests;

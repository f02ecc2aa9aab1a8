//! A caller's JSON schema, which picks among the fields of the server's one JSON answer.
//!
//! What comes out satisfies the schema, or there is an error: nothing is made up to fill a field. The dialect is that of
//! structured outputs (JSON Schema 2020-12 without what could only be met by writing prose). An array is cut to `maxItems`: risks
//! are ranked. Errors name fields of ours alone.

use crate::error::ApiError;
use serde_json::{Map, Value};

/// How deep a schema's references and alternatives may lead.
const MAX_DEPTH: usize = 64;

/// Schemas looked at in all, since alternatives within alternatives multiply.
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
    /// Refuses what is no schema, and keywords that can't be held to.
    pub(super) fn new(schema: Value) -> Result<Self, ApiError> {
        check(&schema, 0)?;
        Ok(Schema(schema))
    }

    /// What the schema picks of an answer.
    pub(super) fn pick(&self, answer: &Value) -> Result<Value, ApiError> {
        let mut steps = 0;
        let picked = Pick { root: &self.0, steps: &mut steps }.value(&self.0, answer, "answer", 0);
        picked.map_err(|Misfit { at, why }| {
            ApiError::invalid("response_format", format!("the schema can't be met at {at}: {why}"))
        })
    }
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

struct Pick<'a> {
    root: &'a Value,
    steps: &'a mut usize,
}

impl Pick<'_> {
    fn value(&mut self, schema: &Value, value: &Value, at: &str, depth: usize) -> Result<Value, Misfit> {
        let misfit = |why: &str| Err(Misfit { at: at.to_owned(), why: why.to_owned() });
        *self.steps += 1;
        if depth > MAX_DEPTH || *self.steps > MAX_STEPS {
            return misfit("the schema refers to itself without end, or has too many alternatives");
        }
        match schema {
            Value::Bool(true) => return Ok(value.clone()),
            Value::Bool(false) => return misfit("the schema allows nothing"),
            _ => {}
        }
        if let Some(reference) = schema.get("$ref") {
            let Some(target) = reference.as_str().and_then(|reference| self.resolve(reference)) else {
                return misfit("a $ref must point into the schema itself (#/$defs/…)");
            };
            return self.value(&target.clone(), value, at, depth + 1);
        }
        for alternatives in ["anyOf", "oneOf"] {
            if let Some(schemas) = schema.get(alternatives).and_then(Value::as_array) {
                let mut last = misfit("there is no alternative");
                for schema in schemas {
                    last = self.value(schema, value, at, depth + 1);
                    if last.is_ok() {
                        break;
                    }
                }
                return last;
            }
        }
        if let Some(schemas) = schema.get("allOf").and_then(Value::as_array) {
            // Structured outputs wrap a reference so; more than one part can't be picked by.
            return match schemas.as_slice() {
                [only] => self.value(only, value, at, depth + 1),
                _ => misfit("allOf may hold one schema"),
            };
        }
        if schema.get("const").is_some_and(|only| only != value) {
            return misfit("the answer has another value than const");
        }
        if schema.get("enum").and_then(Value::as_array).is_some_and(|values| !values.contains(value)) {
            return misfit("the answer has a value that enum doesn't list");
        }
        let is_type = match schema.get("type") {
            None => true,
            Some(Value::Array(kinds)) => kinds.iter().any(|kind| has_type(value, kind)),
            Some(kind) => has_type(value, kind),
        };
        if !is_type {
            return misfit(&format!("the answer's type there is {}", type_of(value)));
        }
        match value {
            Value::Object(fields) => self.object(schema, fields, at, depth),
            Value::Array(items) => self.array(schema, items, at, depth),
            Value::Number(number) => {
                let number = number.as_f64().unwrap_or(f64::NAN);
                let bound = |keyword: &str| schema.get(keyword).and_then(Value::as_f64);
                let fits = bound("minimum").is_none_or(|least| number >= least)
                    && bound("maximum").is_none_or(|most| number <= most)
                    && bound("exclusiveMinimum").is_none_or(|below| number > below)
                    && bound("exclusiveMaximum").is_none_or(|above| number < above);
                if fits { Ok(value.clone()) } else { misfit("the answer's number lies outside the bounds") }
            }
            _ => Ok(value.clone()),
        }
    }

    fn object(
        &mut self,
        schema: &Value,
        fields: &Map<String, Value>,
        at: &str,
        depth: usize,
    ) -> Result<Value, Misfit> {
        let properties = schema.get("properties").and_then(Value::as_object);
        let required = schema.get("required").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        let missing =
            required.iter().position(|name| !name.as_str().is_some_and(|name| fields.contains_key(name)));
        if let Some(place) = missing {
            let ours: Vec<&str> = fields.keys().map(String::as_str).collect();
            let why = format!(
                "required property {} of {} is no field of the answer, whose fields there are {}",
                place + 1,
                required.len(),
                ours.join(", ")
            );
            return Err(Misfit { at: at.to_owned(), why });
        }
        let Some(properties) = properties else {
            let closed = schema.get("additionalProperties") == Some(&Value::Bool(false));
            return Ok(Value::Object(if closed { Map::new() } else { fields.clone() }));
        };
        let mut picked = Map::new();
        for (name, schema) in properties {
            if let Some(value) = fields.get(name) {
                picked.insert(name.clone(), self.value(schema, value, &format!("{at}.{name}"), depth + 1)?);
            }
        }
        Ok(Value::Object(picked))
    }

    fn array(&mut self, schema: &Value, items: &[Value], at: &str, depth: usize) -> Result<Value, Misfit> {
        let number = |keyword: &str| schema.get(keyword).and_then(Value::as_u64).map(|n| n as usize);
        if number("minItems").is_some_and(|least| items.len() < least) {
            let why = format!("the answer has {} items there, fewer than minItems", items.len());
            return Err(Misfit { at: at.to_owned(), why });
        }
        let kept = &items[..items.len().min(number("maxItems").unwrap_or(usize::MAX))];
        let Some(each) = schema.get("items") else { return Ok(Value::Array(kept.to_vec())) };
        let at = format!("{at}[]");
        kept.iter()
            .map(|item| self.value(each, item, &at, depth + 1))
            .collect::<Result<Vec<_>, _>>()
            .map(Value::Array)
    }

    fn resolve(&self, reference: &str) -> Option<&Value> {
        self.root.pointer(reference.strip_prefix('#')?)
    }
}

fn has_type(value: &Value, kind: &Value) -> bool {
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

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn pick(schema: Value) -> Result<Value, String> {
        let answer = json!({
            "note": "estimates", "age": 61.5, "reference": null, "events": 3,
            "risks": [{"code": "A", "p": [0.2, 0.4]}, {"code": "B", "p": [0.1, 0.2]}]
        });
        let message = |error: ApiError| error.row().2.into_owned();
        Schema::new(schema).map_err(message)?.pick(&answer).map_err(message)
    }

    #[test]
    fn a_schema_picks_fields_and_cuts_lists() {
        let schema = json!({
            "$defs": {"Risk": {"type": "object", "properties": {"code": {"type": "string"}}, "required": ["code"],
                "additionalProperties": false}},
            "type": "object", "additionalProperties": false, "required": ["risks", "reference", "events"],
            "properties": {
                "risks": {"type": "array", "items": {"$ref": "#/$defs/Risk"}, "maxItems": 1},
                "reference": {"anyOf": [{"type": "number"}, {"type": "null"}]},
                "events": {"type": "integer", "minimum": 0}
            }
        });
        assert_eq!(pick(schema).unwrap(), json!({"risks": [{"code": "A"}], "reference": null, "events": 3}));
        assert_eq!(
            pick(json!({"type": "object", "properties": {"age": {"type": ["number", "null"]}}})).unwrap(),
            json!({"age": 61.5})
        );
    }

    #[test]
    fn what_is_not_in_the_answer_is_not_made_up_and_no_name_of_the_caller_s_is_repeated() {
        for (schema, wanted) in [
            (
                json!({"required": ["note", "canary"], "properties": {"canary": {"type": "string"}}}),
                "property 2 of 2",
            ),
            (
                json!({"properties": {"note": {"type": "number"}}}),
                "answer.note: the answer's type there is string",
            ),
            (json!({"properties": {"risks": {"items": {"required": ["canary"]}}}}), "answer.risks[]"),
            (json!({"properties": {"age": {"maximum": 18}}}), "outside the bounds"),
            (json!({"properties": {"age": {"type": "integer"}}}), "type there is number"),
            (json!({"properties": {"risks": {"minItems": 3}}}), "fewer than minItems"),
            (json!({"properties": {"note": {"const": "canary"}}}), "another value than const"),
            (json!({"properties": {"note": {"pattern": "canary"}}}), "a keyword that isn't known"),
            (json!({"$ref": "#"}), "without end"),
            (json!({"$ref": "https://canary.example"}), "point into the schema"),
            (json!([]), "a schema is an object"),
            (json!({"properties": {"note": false}}), "allows nothing"),
        ] {
            let error = pick(schema.clone()).unwrap_err();
            assert!(error.contains(wanted), "{schema}: {error}");
            assert!(!error.contains("canary"), "{schema}: {error}");
        }
    }

    #[test]
    fn alternatives_within_alternatives_end() {
        // Two to the fortieth paths in a few lines.
        let defs: Map<String, Value> = (0..40)
            .map(|n| {
                let next = json!({"$ref": format!("#/$defs/d{}", n + 1)});
                (format!("d{n}"), json!({"anyOf": [next, next]}))
            })
            .chain([("d40".to_owned(), json!({"type": "string"}))])
            .collect();
        let error = pick(json!({"$defs": defs, "$ref": "#/$defs/d0"})).unwrap_err();
        assert!(error.contains("too many alternatives"), "{error}");
    }
}

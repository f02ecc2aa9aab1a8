//! What a schema picks of a value: the fields that it names, by its references and the first alternative that can be met.

use super::{Misfit, Steps, count, has_type, list, resolve, type_of, width, within_bounds};
use serde_json::{Map, Value};
use std::borrow::Cow;

pub(super) struct Pick<'s, 'a> {
    pub(super) root: &'s Value,
    pub(super) steps: &'a mut Steps,
}

impl<'s> Pick<'s, '_> {
    pub(super) fn value(
        &mut self,
        schema: &'s Value,
        value: &Value,
        at: &str,
        depth: usize,
    ) -> Result<Value, Misfit> {
        let misfit = |why: &str| Err(Misfit::new(at, why));
        if !self.steps.take(width(schema, value), depth) {
            return Err(Misfit::endless(at));
        }
        match schema {
            Value::Bool(true) => return self.whole(value, at, depth),
            Value::Bool(false) => return misfit("the schema allows nothing"),
            _ => {}
        }
        // Each part picks of what the part before left.
        let mut value = Cow::Borrowed(value);
        if let Some(reference) = schema.get("$ref") {
            let Some(target) = resolve(self.root, reference) else {
                return misfit("a $ref must point into the schema itself (#/$defs/…)");
            };
            value = Cow::Owned(self.value(target, &value, at, depth + 1)?);
        }
        for alternatives in ["anyOf", "oneOf"] {
            if let Some(schemas) = list(schema, alternatives) {
                let mut last = misfit("there is no alternative");
                for schema in schemas {
                    last = self.value(schema, &value, at, depth + 1);
                    if last.is_ok() {
                        break;
                    }
                }
                value = Cow::Owned(last?);
            }
        }
        match list(schema, "allOf") {
            None => {}
            // Structured outputs wrap a reference so; more than one part can't be picked by.
            Some([only]) => value = Cow::Owned(self.value(only, &value, at, depth + 1)?),
            Some(_) => return misfit("allOf may hold one schema"),
        }
        if schema.get("const").is_some_and(|only| *only != *value) {
            return misfit("the answer has another value than const");
        }
        if list(schema, "enum").is_some_and(|values| !values.contains(&value)) {
            return misfit("the answer has a value that enum doesn't list");
        }
        if !has_type(&value, schema) {
            return misfit(&format!("the answer's type there is {}", type_of(&value)));
        }
        match &*value {
            Value::Object(fields) => self.object(schema, fields, at, depth),
            Value::Array(items) => self.array(schema, items, at, depth),
            Value::Number(number) if !within_bounds(number.as_f64().unwrap_or(f64::NAN), schema) => {
                misfit("the answer's number lies outside the bounds")
            }
            _ => Ok(value.into_owned()),
        }
    }

    fn object(
        &mut self,
        schema: &'s Value,
        fields: &Map<String, Value>,
        at: &str,
        depth: usize,
    ) -> Result<Value, Misfit> {
        let required = list(schema, "required").unwrap_or_default();
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
        let properties = schema.get("properties").and_then(Value::as_object);
        let others = schema.get("additionalProperties");
        let mut picked = Map::new();
        for (name, value) in fields {
            let named = properties.and_then(|properties| properties.get(name));
            // Where fields are named, others are picked if they must be there; where none are, all that may be.
            let is_wanted = match properties {
                Some(_) => named.is_some() || required.iter().any(|wanted| wanted == name),
                None => others != Some(&Value::Bool(false)),
            };
            if !is_wanted {
                continue;
            }
            let at = format!("{at}.{name}");
            let value = match named.or(others) {
                Some(schema) => self.value(schema, value, &at, depth + 1)?,
                None => self.whole(value, &at, depth + 1)?,
            };
            picked.insert(name.clone(), value);
        }
        Ok(Value::Object(picked))
    }

    fn array(&mut self, schema: &'s Value, items: &[Value], at: &str, depth: usize) -> Result<Value, Misfit> {
        if count(schema, "minItems").is_some_and(|least| items.len() < least) {
            let why = format!("the answer has {} items there, fewer than minItems", items.len());
            return Err(Misfit { at: at.to_owned(), why });
        }
        let kept = &items[..items.len().min(count(schema, "maxItems").unwrap_or(usize::MAX))];
        let at = format!("{at}[]");
        let mut picked = Vec::with_capacity(kept.len());
        for item in kept {
            picked.push(match schema.get("items") {
                Some(each) => self.value(each, item, &at, depth + 1)?,
                None => self.whole(item, &at, depth + 1)?,
            });
        }
        Ok(Value::Array(picked))
    }

    /// All of a value, which counts as looking at all of it.
    fn whole(&mut self, value: &Value, at: &str, depth: usize) -> Result<Value, Misfit> {
        if self.steps.take(size(value), depth) { Ok(value.clone()) } else { Err(Misfit::endless(at)) }
    }
}

/// Values within a value, itself among them.
fn size(value: &Value) -> usize {
    match value {
        Value::Array(items) => 1 + items.iter().map(size).sum::<usize>(),
        Value::Object(fields) => 1 + fields.values().map(size).sum::<usize>(),
        _ => 1,
    }
}

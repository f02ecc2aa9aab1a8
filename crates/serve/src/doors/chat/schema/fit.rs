//! Whether a value satisfies a schema, as JSON Schema has it.

use super::{Steps, count, has_type, list, resolve, width, within_bounds};
use serde_json::Value;

pub(super) struct Fit<'s, 'a> {
    pub(super) root: &'s Value,
    pub(super) steps: &'a mut Steps,
}

impl<'s> Fit<'s, '_> {
    /// `None` when it can't be told in so many steps, or a reference leads nowhere.
    pub(super) fn value(&mut self, schema: &'s Value, value: &Value, depth: usize) -> Option<bool> {
        if !self.steps.take(width(schema, value), depth) {
            return None;
        }
        if let Value::Bool(all) = schema {
            return Some(*all);
        }
        if let Some(reference) = schema.get("$ref") {
            let target = resolve(self.root, reference)?;
            if !self.value(target, value, depth + 1)? {
                return Some(false);
            }
        }
        let fits = schema.get("const").is_none_or(|only| only == value)
            && list(schema, "enum").is_none_or(|values| values.contains(value))
            && has_type(value, schema)
            && value.as_f64().is_none_or(|number| within_bounds(number, schema));
        if !fits {
            return Some(false);
        }
        for (keyword, least, most) in
            [("anyOf", 1, usize::MAX), ("oneOf", 1, 1), ("allOf", usize::MAX, usize::MAX)]
        {
            let Some(schemas) = list(schema, keyword) else { continue };
            let mut fitting = 0;
            for schema in schemas {
                fitting += usize::from(self.value(schema, value, depth + 1)?);
            }
            if fitting < least.min(schemas.len().max(1)) || fitting > most {
                return Some(false);
            }
        }
        match value {
            Value::Object(fields) => {
                let required = list(schema, "required").unwrap_or_default();
                if !required.iter().all(|name| name.as_str().is_some_and(|name| fields.contains_key(name))) {
                    return Some(false);
                }
                let properties = schema.get("properties").and_then(Value::as_object);
                for (name, value) in fields {
                    let named = properties.and_then(|properties| properties.get(name));
                    let Some(schema) = named.or_else(|| schema.get("additionalProperties")) else { continue };
                    if !self.value(schema, value, depth + 1)? {
                        return Some(false);
                    }
                }
                Some(true)
            }
            Value::Array(items) => {
                let fits = count(schema, "minItems").is_none_or(|least| items.len() >= least)
                    && count(schema, "maxItems").is_none_or(|most| items.len() <= most);
                let Some(each) = schema.get("items").filter(|_| fits) else { return Some(fits) };
                for item in items {
                    if !self.value(each, item, depth + 1)? {
                        return Some(false);
                    }
                }
                Some(true)
            }
            _ => Some(true),
        }
    }
}

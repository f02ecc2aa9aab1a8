//! What a predicate is true of: plain ones of single events, derived ones of moments.

use super::boundary::{ANY_EVENT, RECORD_END, RECORD_START, is_name};
use crate::error::Result;
use crate::tasks::document::{Document, Node};
use events::Event;
use regex::Regex;
use rustc_hash::FxHashMap;

/// Which codes a plain predicate is about.
#[derive(Clone, Debug)]
enum CodeRule {
    Is(String),
    Any(Vec<String>),
    Matches(Regex),
}

/// A bound on a value. ACES compares in the precision of MEDS's column, 32 bits.
#[derive(Clone, Copy, Debug)]
struct Bound {
    value: f32,
    inclusive: bool,
}

/// True of single events.
#[derive(Clone, Debug)]
pub(super) struct Plain {
    code: CodeRule,
    min: Option<Bound>,
    max: Option<Bound>,
    text_value: Option<String>,
    unit: Option<String>,
}

impl Plain {
    /// Is it true of this event? A missing value satisfies no bound.
    pub fn holds(&self, event: &Event) -> bool {
        let code = event.code.as_str();
        let of_code = match &self.code {
            CodeRule::Is(wanted) => code == wanted,
            CodeRule::Any(wanted) => wanted.iter().any(|w| w == code),
            CodeRule::Matches(pattern) => pattern.is_match(code),
        };
        of_code
            && self.min.is_none_or(|bound| {
                // NaN counts as larger than every number, as in the data frames of ACES.
                event
                    .numeric_value
                    .is_some_and(|v| v > bound.value || v.is_nan() || (bound.inclusive && v == bound.value))
            })
            && self.max.is_none_or(|bound| {
                event.numeric_value.is_some_and(|v| v < bound.value || (bound.inclusive && v == bound.value))
            })
            && self.text_value.as_ref().is_none_or(|t| event.text_value.as_deref() == Some(t.as_str()))
            && self.unit.as_ref().is_none_or(|u| event.unit.as_deref() == Some(u.as_str()))
    }

    fn read(node: &Node, demographic: bool) -> Result<(Self, bool)> {
        let (mut code, mut min, mut max, mut text_value, mut unit) = (None, None, None, None, None);
        let (mut min_inclusive, mut max_inclusive, mut is_static) = (false, false, demographic);
        for (key, value) in node.entries("a predicate")? {
            match key {
                "code" => code = Some(CodeRule::read(&value)?),
                "value_min" => min = value.number_or_null("value_min")?,
                "value_max" => max = value.number_or_null("value_max")?,
                "value_min_inclusive" => {
                    min_inclusive = !value.is_null() && value.boolean("value_min_inclusive")?
                }
                "value_max_inclusive" => {
                    max_inclusive = !value.is_null() && value.boolean("value_max_inclusive")?
                }
                "static" if !demographic => is_static = value.boolean("static")?,
                "text_value" => text_value = Some(value.text("text_value")?.to_owned()),
                "unit" => unit = Some(value.text("unit")?.to_owned()),
                other => {
                    return Err(value.refuse(format!(
                        "a predicate has no setting `{other}`: known are code, value_min, value_max, value_min_inclusive, \
                         value_max_inclusive, static, and the columns text_value and unit; or expr alone for a derived one"
                    )));
                }
            }
        }
        let code = code
            .ok_or_else(|| node.refuse("a plain predicate needs a code (or an expr, to be a derived one)"))?;
        let bound =
            |value: Option<f64>, inclusive| value.map(|value| Bound { value: value as f32, inclusive });
        Ok((
            Plain { code, min: bound(min, min_inclusive), max: bound(max, max_inclusive), text_value, unit },
            is_static,
        ))
    }
}

impl CodeRule {
    fn read(node: &Node) -> Result<Self> {
        if !node.is_mapping() {
            return Ok(CodeRule::Is(node.text("a code")?.to_owned()));
        }
        match node.entries("a code")?.as_slice() {
            [("any", codes)] => {
                let codes = codes.texts("any")?;
                if codes.is_empty() {
                    return Err(node.refuse("`any` must list at least one code"));
                }
                Ok(CodeRule::Any(codes.into_iter().map(str::to_owned).collect()))
            }
            [("regex", pattern)] => {
                let text = pattern.text("regex")?;
                if text.is_empty() {
                    return Err(pattern.refuse("`regex` must not be empty"));
                }
                let compiled = Regex::new(text)
                    .map_err(|e| pattern.refuse(format!("`regex` is not a regular expression: {e}")))?;
                Ok(CodeRule::Matches(compiled))
            }
            _ => Err(node.refuse("a code is text, or exactly one of `regex: PATTERN` and `any: [CODES]`")),
        }
    }
}

/// What a predicate is.
#[derive(Clone, Debug)]
pub(super) enum Predicate {
    /// Counts events.
    Plain(Plain),
    /// 1 at moments at which all of these are.
    And(Vec<usize>),
    /// 1 at moments at which one of these is.
    Or(Vec<usize>),
    /// 1 at every moment.
    AnyEvent,
    /// 1 at the first moment.
    RecordStart,
    /// 1 at the last moment.
    RecordEnd,
}

/// All predicates that a task needs, derived ones after what they are made of.
#[derive(Clone, Debug, Default)]
pub(super) struct Predicates {
    pub names: Vec<String>,
    pub all: Vec<Predicate>,
    /// Must hold of a subject's undated facts for the subject to be looked at at all.
    pub is_static: Vec<bool>,
}

/// A definition as it stands in a file.
pub(super) struct Definition<'a> {
    node: Node<'a>,
    demographic: bool,
}

/// The definitions of both files by name; those of the predicates file replace the task's.
pub(super) fn definitions<'a>(
    task: &'a Document<'a>,
    overriding: Option<&'a Document<'a>>,
) -> Result<FxHashMap<&'a str, Definition<'a>>> {
    let mut found = FxHashMap::default();
    // Demographics last: in ACES they win over predicates of the same name.
    for section in ["predicates", "patient_demographics"] {
        for document in [Some(task), overriding].into_iter().flatten() {
            for (key, node) in document.root().entries("the file")? {
                if key != section || node.is_null() {
                    continue;
                }
                for (name, node) in node.entries(section)? {
                    if !is_name(name) {
                        return Err(
                            node.refuse(format!("`{name}` is no predicate's name (letters, digits and _)"))
                        );
                    }
                    if [ANY_EVENT, RECORD_START, RECORD_END].contains(&name) {
                        return Err(
                            node.refuse(format!("`{name}` has a meaning of its own and can't be defined"))
                        );
                    }
                    found.insert(name, Definition { node, demographic: section == "patient_demographics" });
                }
            }
        }
    }
    Ok(found)
}

/// Reads what the task file defines and nothing uses, so that a slip there is seen. Other predicates of a data set's
/// own file are none of this task's business, nor is what is left open.
pub(super) fn check_unused(
    task: &Document,
    used: &Predicates,
    definitions: &FxHashMap<&str, Definition>,
) -> Result<()> {
    let mut scratch = used.clone();
    for (key, section) in task.root().entries("a task")? {
        if key != "predicates" || section.is_null() {
            continue;
        }
        for (name, node) in section.entries("predicates")? {
            let open = definitions.get(name).is_none_or(|d| d.node.is_text("???"));
            if !open {
                scratch.need(name, &node, definitions)?;
            }
        }
    }
    Ok(())
}

impl Predicates {
    /// Adds a predicate and what it is made of; gives its number. `user` is where it is asked for.
    pub fn need(
        &mut self,
        name: &str,
        user: &Node,
        definitions: &FxHashMap<&str, Definition>,
    ) -> Result<usize> {
        self.add(name, user, definitions, &mut Vec::new())
    }

    /// Adds every demographic: each restricts the subjects, whether or not something refers to it.
    pub fn need_demographics(&mut self, definitions: &FxHashMap<&str, Definition>) -> Result<()> {
        let mut demographics: Vec<_> = definitions.iter().filter(|(_, d)| d.demographic).collect();
        demographics.sort_by_key(|(name, _)| **name);
        for (name, definition) in demographics {
            self.need(name, &definition.node, definitions)?;
        }
        Ok(())
    }

    fn add(
        &mut self,
        name: &str,
        user: &Node,
        definitions: &FxHashMap<&str, Definition>,
        path: &mut Vec<String>,
    ) -> Result<usize> {
        if let Some(known) = self.names.iter().position(|n| n == name) {
            return Ok(known);
        }
        let (predicate, is_static) = match name {
            ANY_EVENT | RECORD_START | RECORD_END if !path.is_empty() => {
                return Err(user.refuse(format!("`{name}` can't be part of a derived predicate")));
            }
            ANY_EVENT => (Predicate::AnyEvent, false),
            RECORD_START => (Predicate::RecordStart, false),
            RECORD_END => (Predicate::RecordEnd, false),
            _ => {
                let Some(definition) = definitions.get(name) else {
                    return Err(
                        user.refuse(format!("there is no predicate `{name}`; define it under `predicates`"))
                    );
                };
                if path.iter().any(|p| p == name) {
                    return Err(definition.node.refuse(format!("`{name}` is defined by way of itself")));
                }
                path.push(name.to_owned());
                let made = self.read(name, definition, definitions, path)?;
                path.pop();
                made
            }
        };
        self.names.push(name.to_owned());
        self.all.push(predicate);
        self.is_static.push(is_static);
        Ok(self.names.len() - 1)
    }

    fn read(
        &mut self,
        name: &str,
        definition: &Definition,
        definitions: &FxHashMap<&str, Definition>,
        path: &mut Vec<String>,
    ) -> Result<(Predicate, bool)> {
        let node = &definition.node;
        if node.is_text("???") {
            return Err(node.refuse(format!(
                "`{name}` is left open (???); define it in a predicates file for this data set"
            )));
        }
        let entries = node.entries("a predicate")?;
        let Some((_, expression)) = entries.iter().find(|(key, _)| *key == "expr") else {
            let (plain, is_static) = Plain::read(node, definition.demographic)?;
            return Ok((Predicate::Plain(plain), is_static));
        };
        if definition.demographic {
            return Err(
                node.refuse("patient_demographics are plain predicates; put derived ones under `predicates`")
            );
        }
        let mut is_static = false;
        for (key, value) in &entries {
            match *key {
                "expr" => {}
                "static" => is_static = value.boolean("static")?,
                other => {
                    return Err(value.refuse(format!(
                        "a derived predicate has expr and static, and no setting `{other}`"
                    )));
                }
            }
        }
        let text = expression.text("expr")?;
        let inside = |word: &str| text.strip_prefix(word)?.strip_prefix('(')?.strip_suffix(')');
        let (is_and, parts) = match (inside("and"), inside("or")) {
            (Some(parts), _) => (true, parts),
            (_, Some(parts)) => (false, parts),
            _ => return Err(expression.refuse("expr must be and(A, B, …) or or(A, B, …)")),
        };
        let parts: Vec<&str> = parts.split(',').map(str::trim).collect();
        if parts.len() < 2 {
            return Err(expression.refuse("expr needs at least two predicates, separated by commas"));
        }
        let parts = parts
            .into_iter()
            .map(|part| {
                if is_name(part) {
                    self.add(part, expression, definitions, path)
                } else {
                    Err(expression.refuse(format!(
                        "`{part}` is no predicate's name; to nest, define the inner one by itself"
                    )))
                }
            })
            .collect::<Result<Vec<_>>>()?;
        Ok((if is_and { Predicate::And(parts) } else { Predicate::Or(parts) }, is_static))
    }
}
